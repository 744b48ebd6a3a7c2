/* SPDX-License-Identifier: Apache-2.0
 *
 * What is done to texts before they are counted.
 */
#include <arpa/inet.h>
#include <string.h>

#include "base/ascii.h"
#include "traffic/tally_internal.h"

/* An odd number without pattern: the golden ratio in 64 bits. */
#define MIX UINT64_C(0x9E3779B97F4A7C15)

static uint64_t load_word(const char *ptr, size_t len) {
    uint64_t word = 0;
    memcpy(&word, ptr, len);
    return word;
}

uint64_t text_hash(str text, uint64_t seed) {
    uint64_t hash = seed ^ (text.len * MIX);
    for (size_t at = 0; at < text.len; at += sizeof(uint64_t)) {
        size_t left = text.len - at;
        uint64_t word = left >= sizeof(uint64_t) ? load_word(text.ptr + at, sizeof(uint64_t))
                                                 : load_word(text.ptr + at, left);
        hash = (hash ^ word) * MIX;
        hash ^= hash >> 32;
    }
    return hash;
}

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

/* Length of "203.0.113." when the address is IPv4, else 0. */
static size_t ipv4_network_length(str address) {
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
    size_t len = ipv4_network_length(client);
    if (len > 0) {
        memcpy(storage, client.ptr, len);
        memcpy(storage + len, suffix, sizeof(suffix));
        return (str){storage, len + sizeof(suffix) - 1};
    }
    str network = ipv6_network(client, storage);
    return network.len > 0 ? network : client;
}
