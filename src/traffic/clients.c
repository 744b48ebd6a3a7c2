/* SPDX-License-Identifier: Apache-2.0
 *
 * HyperLogLog (Flajolet, Fusy, Gandouet, Meunier 2007), with the estimator of Ertl, which needs no
 * correction for few or many: "New cardinality estimation algorithms for HyperLogLog sketches"
 * (2017, https://arxiv.org/abs/1702.01284), algorithms 4 to 6.
 */
#include "traffic/clients.h"

#include <arpa/inet.h>
#include <math.h>
#include <string.h>

#include "base/buf.h"
#include "traffic/tally_internal.h"

#define REGISTER_BITS 8
#define HASH_BITS     24 /* of the network's hash: no two of a few networks have the same */
#define HASH_LETTERS  4
#define RANK_LETTERS  2
#define WORDS_MAX     ((size_t)CLIENT_REGISTERS * (RANK_LETTERS + 1))

/* ---- networks ---- */

/* Any, but the same for ever: see the header. */
static const struct tally_hash_key NETWORK_KEY = {
    {UINT64_C(0x6465737963677561), UINT64_C(0x636c69656e747331)}};
enum { FAMILY_IPV4 = 4, FAMILY_IPV6 = 6 };

bool client_network_hash(str address, uint64_t *hash_out) {
    char text[INET6_ADDRSTRLEN] = {0};
    unsigned char bytes[16];
    size_t ipv4 = text_ipv4_network_length(address);
    if (ipv4 > 0) { /* "203.0.113." */
        *hash_out = text_hash(&NETWORK_KEY, FAMILY_IPV4, str_slice(address, 0, ipv4));
        return true;
    }
    if (address.len == 0 || address.len >= sizeof text) {
        return false;
    }
    memcpy(text, address.ptr, address.len);
    if (strlen(text) != address.len || inet_pton(AF_INET6, text, bytes) != 1) {
        return false;
    }
    *hash_out = text_hash(&NETWORK_KEY, FAMILY_IPV6, (str){(const char *)bytes, 6});
    return true;
}

/* ---- registers ---- */

static void add_rank(struct client_sketch *sketch, size_t place, unsigned rank) {
    if (rank > sketch->ranks[place]) {
        sketch->ranks[place] = (unsigned char)rank;
    }
}

static void forget_hashes(struct client_sketch *sketch) {
    memset(sketch->hashes, 0, sizeof sketch->hashes);
    sketch->hash_count = 0;
    sketch->is_many = 1;
}

static void add_hash(struct client_sketch *sketch, uint32_t hash) {
    uint32_t place = 0;
    uint32_t rest = hash >> REGISTER_BITS;
    unsigned rank = rest == 0 ? CLIENT_RANK_MAX : 1 + (unsigned)__builtin_ctz(rest);
    add_rank(sketch, hash & (CLIENT_REGISTERS - 1),
             rank > CLIENT_RANK_MAX ? CLIENT_RANK_MAX : rank);
    while (place < sketch->hash_count && sketch->hashes[place] < hash) {
        place++;
    }
    if (sketch->is_many || (place < sketch->hash_count && sketch->hashes[place] == hash)) {
        return;
    }
    if (sketch->hash_count == CLIENT_HASHES_MAX) {
        forget_hashes(sketch);
        return;
    }
    memmove(&sketch->hashes[place + 1], &sketch->hashes[place],
            (sketch->hash_count - place) * sizeof sketch->hashes[0]);
    sketch->hashes[place] = hash;
    sketch->hash_count++;
}

void client_sketch_add(struct client_sketch *sketch, uint64_t hash) {
    add_hash(sketch, (uint32_t)hash & ((UINT32_C(1) << HASH_BITS) - 1));
}

void client_sketch_merge(struct client_sketch *into, const struct client_sketch *from) {
    for (size_t i = 0; i < CLIENT_REGISTERS; i++) {
        add_rank(into, i, from->ranks[i]);
    }
    for (size_t i = 0; i < from->hash_count; i++) {
        add_hash(into, from->hashes[i]);
    }
    if (from->is_many) {
        forget_hashes(into);
    }
}

/* x + x^2 + 2 x^4 + 4 x^8 + ... */
static double sigma(double x) {
    double sum = x;
    double before;
    double factor = 1;
    do {
        x *= x;
        before = sum;
        sum += x * factor;
        factor += factor;
    } while (sum > before);
    return sum;
}

/* (1 - x - (1 - x^(1/2))^2 / 2 - (1 - x^(1/4))^2 / 4 - ...) / 3 */
static double tau(double x) {
    double sum = 1 - x;
    double before;
    double factor = 1;
    if (x <= 0 || x >= 1) {
        return 0;
    }
    do {
        x = sqrt(x);
        before = sum;
        factor /= 2;
        sum -= (1 - x) * (1 - x) * factor;
    } while (sum < before);
    return sum / 3;
}

/* At least one register is taken. */
double client_sketch_count(const struct client_sketch *sketch) {
    static const double ALPHA = 0.7213475204444817; /* 1 / (2 ln 2) */
    const double registers = CLIENT_REGISTERS;
    unsigned counts[CLIENT_RANK_MAX + 1] = {0};
    for (size_t i = 0; i < CLIENT_REGISTERS; i++) {
        counts[sketch->ranks[i]]++;
    }
    if (!sketch->is_many) {
        return sketch->hash_count;
    }
    double sum = registers * tau(1 - counts[CLIENT_RANK_MAX] / registers);
    for (int rank = CLIENT_RANK_MAX - 1; rank >= 1; rank--) {
        sum = (sum + counts[rank]) / 2;
    }
    sum += registers * sigma(counts[0] / registers);
    /* Every register is at its end: more networks than there can be. */
    return sum > 0 ? ALPHA * registers * registers / sum : INFINITY;
}

/* ---- text ---- */

static const char DIGITS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void append_word(struct buf *text, uint32_t value, size_t letters) {
    buf_append(text, text->len > 0 ? STR(" ") : STR_EMPTY);
    while (letters-- > 0) {
        buf_append_char(text, DIGITS[value >> 6 * letters & 63]);
    }
}

str client_sketch_format(const struct client_sketch *sketch, struct arena *arena) {
    struct buf text;
    buf_init(&text, arena, WORDS_MAX);
    if (!sketch->is_many && sketch->hash_count <= CLIENT_HASHES_WRITTEN) {
        for (size_t i = 0; i < sketch->hash_count; i++) {
            append_word(&text, sketch->hashes[i], HASH_LETTERS);
        }
        return buf_str(&text);
    }
    for (uint32_t i = 0; i < CLIENT_REGISTERS; i++) {
        if (sketch->ranks[i] > 0) {
            append_word(&text, i << 4 | sketch->ranks[i], RANK_LETTERS);
        }
    }
    return buf_str(&text);
}

/* false: it is none. */
static bool parse_word(str word, uint32_t *value_out) {
    const str digits = {DIGITS, sizeof DIGITS - 1};
    *value_out = 0;
    for (size_t i = 0; i < word.len; i++) {
        size_t digit = str_find_char(digits, word.ptr[i]);
        if (digit == digits.len) {
            return false;
        }
        *value_out = *value_out << 6 | (uint32_t)digit;
    }
    return word.len == RANK_LETTERS || word.len == HASH_LETTERS;
}

void client_sketch_add_words(struct client_sketch *sketch, str words) {
    uint32_t value;
    while (words.len > 0) {
        str word = str_split(&words, ' ');
        if (word.len > HASH_LETTERS || !parse_word(word, &value)) {
            continue;
        }
        if (word.len == HASH_LETTERS) {
            add_hash(sketch, value);
        } else if ((value & CLIENT_RANK_MAX) > 0) {
            add_rank(sketch, value >> 4, value & CLIENT_RANK_MAX);
            forget_hashes(sketch);
        }
    }
}
