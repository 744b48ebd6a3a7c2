/* SPDX-License-Identifier: Apache-2.0
 *
 * What is done to texts before they are counted.
 */
#include <arpa/inet.h>
#include <string.h>

#include "base/ascii.h"
#include "traffic/tally_internal.h"

static uint64_t load_word(const char *ptr, size_t len) {
    uint64_t word = 0;
    memcpy(&word, ptr, len);
    return word;
}

/* --- hashing --- */

/* SipHash (Aumasson and Bernstein 2012, https://www.aumasson.jp/siphash/siphash.pdf): without the
 * key nobody can write texts of equal hashes. With one round a word and three at the end it is what
 * the hash tables of Rust and Python use. */
struct sip {
    uint64_t v0, v1, v2, v3;
};

static uint64_t rotate(uint64_t word, unsigned bits) {
    return word << bits | word >> (64 - bits);
}

static inline void sip_round(struct sip *sip) {
    sip->v0 += sip->v1;
    sip->v2 += sip->v3;
    sip->v1 = rotate(sip->v1, 13) ^ sip->v0;
    sip->v3 = rotate(sip->v3, 16) ^ sip->v2;
    sip->v0 = rotate(sip->v0, 32) + sip->v3;
    sip->v2 += sip->v1;
    sip->v1 = rotate(sip->v1, 17) ^ sip->v2;
    sip->v3 = rotate(sip->v3, 21) ^ sip->v0;
    sip->v2 = rotate(sip->v2, 32);
}

static inline void sip_word(struct sip *sip, uint64_t word) {
    sip->v3 ^= word;
    sip_round(sip);
    sip->v0 ^= word;
}

uint64_t text_hash(const struct tally_hash_key *key, uint64_t prefix, str text) {
    struct sip sip = {
        key->words[0] ^ UINT64_C(0x736f6d6570736575), key->words[1] ^ UINT64_C(0x646f72616e646f6d),
        key->words[0] ^ UINT64_C(0x6c7967656e657261), key->words[1] ^ UINT64_C(0x7465646279746573)};
    size_t at = 0;
    sip_word(&sip, prefix);
    for (; text.len - at >= sizeof(uint64_t); at += sizeof(uint64_t)) {
        sip_word(&sip, load_word(text.ptr + at, sizeof(uint64_t)));
    }
    /* The last word: what is left, and how many bytes there were in all. */
    uint64_t rest = text.len > at ? load_word(text.ptr + at, text.len - at) : 0;
    sip_word(&sip, rest | (uint64_t)(sizeof(prefix) + text.len) << 56);
    sip.v2 ^= 0xFF;
    sip_round(&sip);
    sip_round(&sip);
    sip_round(&sip);
    return sip.v0 ^ sip.v1 ^ sip.v2 ^ sip.v3;
}

/* --- comparing and cutting --- */

bool text_eq(str a, str b) {
    if (a.len != b.len) {
        return false;
    }
    size_t at = 0;
    for (; a.len - at >= sizeof(uint64_t); at += sizeof(uint64_t)) {
        if (load_word(a.ptr + at, sizeof(uint64_t)) != load_word(b.ptr + at, sizeof(uint64_t))) {
            return false;
        }
    }
    for (; at < a.len; at++) {
        if (a.ptr[at] != b.ptr[at]) {
            return false;
        }
    }
    return true;
}

/* Of the escape at the start of `text`: HTTP/2 user agents have been seen with eight digits, of
 * which the first six are zeros. */
static size_t escape_length(str text) {
    if (text.len < 2 || text.ptr[1] != 'x') {
        return 2;
    }
    size_t digits = 0;
    while (digits < 8 && 2 + digits < text.len && ascii_hex_value(text.ptr[2 + digits]) >= 0) {
        digits++;
    }
    bool is_long = digits == 8 && str_eq(str_slice(text, 2, 8), STR("000000"));
    return 2 + (is_long || digits < 2 ? digits : 2);
}

static size_t unit_length(str text) {
    if (text.ptr[0] == '\\') {
        return escape_length(text);
    }
    size_t len = 1;
    if ((unsigned char)text.ptr[0] >= 0xC0) {
        while (len < 4 && len < text.len && ((unsigned char)text.ptr[len] & 0xC0) == 0x80) {
            len++;
        }
    }
    return len;
}

str text_cut(str text, size_t bytes_max) {
    if (text.len <= bytes_max) {
        return text;
    }
    size_t len = 0;
    for (;;) {
        size_t unit = unit_length(str_slice(text, len, text.len));
        if (unit > bytes_max - len) {
            return str_slice(text, 0, len);
        }
        len += unit;
    }
}

size_t text_ipv4_network_length(str address) {
    size_t octets = 0;
    size_t from = 0; /* of the last octet so far */
    int value = 0;
    for (size_t at = 0; at < address.len; at++) {
        char c = address.ptr[at];
        if (c == '.' && at > from) {
            octets++;
            from = at + 1;
            value = 0;
        } else if (ascii_is_digit(c) && at - from < 3) {
            value = 10 * value + (c - '0');
        } else {
            return 0;
        }
        if (value > 255) {
            return 0;
        }
    }
    return octets == 3 && from < address.len ? from : 0;
}

static str ipv6_network(str address, char storage[static NETWORK_BYTES_MAX]) {
    static const char suffix[] = "/48";
    unsigned char bytes[16];
    char text[INET6_ADDRSTRLEN] = {0};
    if (address.len == 0 || address.len >= sizeof(text)) {
        return STR_EMPTY;
    }
    memcpy(text, address.ptr, address.len);
    if (strlen(text) != address.len || inet_pton(AF_INET6, text, bytes) != 1) {
        return STR_EMPTY;
    }
    memset(bytes + 6, 0, sizeof(bytes) - 6);
    (void)inet_ntop(AF_INET6, bytes, storage, NETWORK_BYTES_MAX);
    size_t len = strlen(storage);
    memcpy(storage + len, suffix, sizeof(suffix));
    return (str){storage, len + sizeof(suffix) - 1};
}

str network_of(str client, char storage[static NETWORK_BYTES_MAX]) {
    static const char suffix[] = "0/24";
    size_t len = text_ipv4_network_length(client);
    if (len > 0) {
        memcpy(storage, client.ptr, len);
        memcpy(storage + len, suffix, sizeof(suffix));
        return (str){storage, len + sizeof(suffix) - 1};
    }
    str network = ipv6_network(client, storage);
    return network.len > 0 ? network : client;
}
