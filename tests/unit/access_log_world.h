/* SPDX-License-Identifier: Apache-2.0
 *
 * Made-up lines of an access log, of every age and with every oddity that has been seen, and ways
 * to damage them. All from a seed: the same lines in every run.
 */
#ifndef TESTS_ACCESS_LOG_WORLD_H
#define TESTS_ACCESS_LOG_WORLD_H

#include <string.h>

#include "base/buf.h"
#include "traffic/access_log_internal.h"
#include "unit.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Fields 1 to 12, and what stands between those that the rows below vary. */
#define HEAD(client)                                                                               \
    "https 2026-11-22T10:11:12.345678Z app/my-alb/50dc6c495c0c9188 " client                        \
    " 10.0.0.1:80 0.000 0.001 0.000 200 200 34 366 "
#define MIDDLE  " TLS_AES_128_GCM_SHA256 TLSv1.3 arn:aws:x:y/z \"Root=1-2-3\" "
#define REQUEST "\"GET https://www.example.com:443/ HTTP/1.1\" "
#define CERT    " \"arn:aws:acm:x\" 0 2026-11-22T10:11:12.344000Z "
#define LISTS   "\"10.0.0.1:80\" \"200\" "
#define TO_27                                                                                      \
    HEAD("192.0.2.1:1")                                                                            \
    REQUEST "\"curl/8\"" MIDDLE "\"sni\"" CERT "\"forward\" \"-\" "                                \
            "\"-\" " LISTS

struct dice {
    uint64_t state; /* xorshift64; not 0 */
};

static inline uint64_t roll(struct dice *dice, uint64_t sides) {
    dice->state ^= dice->state << 13;
    dice->state ^= dice->state >> 7;
    dice->state ^= dice->state << 17;
    return dice->state % sides;
}

#define PICK(dice, array) ((array)[roll((dice), COUNT(array))])

/* By number, as in AWS's table; a '"' in front says that the field is quoted. */
static const char *const common_fields[35] = {
    NULL,
    "https",
    "2026-11-22T10:11:12.345678Z",
    "app/my-alb/50dc6c495c0c9188",
    "203.0.113.7:41234",
    "10.0.0.1:80",
    "0.000",
    "0.001",
    "0.000",
    "200",
    "200",
    "34",
    "366",
    "\"GET https://www.example.com:443/a HTTP/1.1",
    "\"curl/8.5.0",
    "TLS_AES_128_GCM_SHA256",
    "TLSv1.3",
    "arn:aws:elasticloadbalancing:us-east-2:123456789012:targetgroup/t/73e2d6bc24d8a067",
    "\"Root=1-58337262-36d228ad5d99923122bbe354",
    "\"www.example.com",
    "\"arn:aws:acm:us-east-2:123456789012:certificate/12345678",
    "0",
    "2026-11-22T10:11:12.344000Z",
    "\"forward",
    "\"-",
    "\"-",
    "\"10.0.0.1:80",
    "\"200",
    "\"-",
    "\"-",
    "TID_dc57cebed65b444ebc8177bb698fe166",
    "\"-",
    "\"-",
    "\"-",
    "10.0.1.9",
};

/* What a field has been seen to hold, or may one day. */
static const struct {
    unsigned number;
    const char *text;
} rare_fields[] = {
    {1, "h2"},
    {1, "grpcs"},
    {1, "quic"},
    {2, "2026-11-23T00:00:00.000000Z"},
    {2, "2026-11-22T23:59:59.999999Z"},
    {2, "2026-11-22T24:00:00.000000Z"},
    {2, "2026-02-30T10:00:00.000000Z"},
    {2, "2026-11-22T10:11:12Z"},
    {2, "2026-11-22T23:11:12.345678+02"},
    {2, "2026-11-22T23:30:00.000000-01:00"},
    {2, "-"},
    {3, "app/other/0123456789abcdef"},
    {3, "my-loadbalancer"},
    {4, "2001:db8:85a3:0:0:8a2e:370:7334:2817"},
    {4, "[2001:db8::1]:54321"},
    {4, "[2001:db8"},
    {4, "-"},
    {5, "-"},
    {6, "-1"},
    {9, "460"},
    {13, "\"- http://host:80- -"},
    {13, "\"- - - "},
    {13, "\"GET /relative?u=http://not.example/ HTTP/1.1"},
    {13, "\"GET http://raw.example:80/a b c?x=\\x22y\\x22 HTTP/1.0 "},
    {13, "\"GET https://[2001:db8::2]:443/ HTTP/1.1"},
    {13, "\"GET /?a=\\\"b\\\" HTTP/1.1"},
    {13, "\""},
    {14, "\"-"},
    {14, "\"\\x00000022Mozilla\\x00000022"},
    {14, "\"back\\\\slash\\\\"},
    {14, "\"${jndi:ldap://x} \\x5C \\xc3\\xA9 \xC3\xA9 \xFF"},
    {15, "-"},
    {17, "-"},
    {18, "\"Self=1-1;Root=1-2"},
    {19, "\" leading.example"},
    {19, "\"-"},
    {19, "www.example.com"},
    {20, "\"session-reused"},
    {20, "-"},
    {21, "-1"},
    {23, "\""},
    {23, "\"waf,forward"},
    {24, "\"https://a.example:443/b c\\x5Cd"},
    {26, "10.0.0.1:80"},
    {26, "\"10.0.0.1:80 10.0.0.2:80"},
    {27, "200"},
    {27, "\"200 502"},
    {28, "\"Acceptable"},
    {28, "\"Ambiguous"},
    {28, "\"Severe"},
    {28, "\"Terrible"},
    {28, "\""},
    {28, "Severe"},
    {29, "\"SpaceInUri"},
    {29, "\"SuspiciousTeClPresent"},
    {29, "\""},
    {30, "-"},
    {31, "\"open"},
};

static const unsigned known_counts[] = {18, 20, 25, 27, 28, 29, 30, 33, 34, 36};

/* Appends a field, now and then with something wrong around it. */
static inline void append_field(struct buf *line, struct dice *dice, const char *text,
                                unsigned odds) {
    bool is_quoted = text[0] == '"';
    buf_append(line, str_from_cstr(text));
    if (is_quoted && roll(dice, 40 * odds) != 0) {
        buf_append_char(line, '"');
    }
    uint64_t chance = roll(dice, 20 * odds);
    if (chance != 0) {
        buf_append(line, chance == 1 ? STR("  ") : STR(" "));
    }
}

/* One line without its end. `odds`: the higher, the fewer oddities. */
static inline void append_line(struct buf *line, struct dice *dice, unsigned odds) {
    const char *fields[37];
    for (unsigned i = 1; i < COUNT(fields); i++) {
        fields[i] = i < COUNT(common_fields) ? common_fields[i] : "\"new one";
    }
    while (roll(dice, odds) == 0) {
        size_t rare = (size_t)roll(dice, COUNT(rare_fields));
        fields[rare_fields[rare].number] = rare_fields[rare].text;
    }
    unsigned count = roll(dice, odds) == 0 ? PICK(dice, known_counts) : 34;
    for (unsigned i = 1; i < count; i++) {
        append_field(line, dice, fields[i], 10 * odds);
    }
    buf_append(line, str_from_cstr(fields[count]));
    if (fields[count][0] == '"') {
        buf_append_char(line, '"');
    }
}

/* Puts some letters that mean something where they do not belong. */
static inline void damage(struct buf *text, struct dice *dice, uint64_t times) {
    static const char letters[] = "\"\" \\\n\r-x\0A\xC3" /* and the NUL at the end */;
    for (uint64_t i = 0; i < times && text->len > 1; i++) {
        size_t at = (size_t)roll(dice, text->len);
        char letter = PICK(dice, letters);
        uint64_t way = roll(dice, 4);
        if (way == 0) {
            text->ptr[at] = letter;
        } else if (way == 1) { /* takes a letter out */
            memmove(text->ptr + at, text->ptr + at + 1, text->len - at - 1);
            text->len--;
        } else if (way == 2) { /* puts one in */
            buf_append_char(text, '.');
            memmove(text->ptr + at + 1, text->ptr + at, text->len - at - 1);
            text->ptr[at] = letter;
        } else if (roll(dice, 8) == 0) { /* cuts the rest off */
            text->len = at;
        }
    }
}

/* Lines with their ends; the last may lack it. */
static inline str make_lines(struct arena *arena, struct dice *dice, size_t count, unsigned odds,
                             uint64_t damages) {
    static const char *const ends[] = {"\n", "\n", "\n", "\r\n", "\n\n", "\n\r\n"};
    struct buf text;
    buf_init(&text, arena, (size_t)16 << 20);
    for (size_t i = 0; i < count; i++) {
        append_line(&text, dice, odds);
        if (i + 1 < count || roll(dice, 2) == 0) {
            buf_append(&text, str_from_cstr(PICK(dice, ends)));
        }
    }
    damage(&text, dice, damages);
    assert_int_equal(buf_status(&text), STATUS_OK);
    return buf_str(&text);
}

/* The next line of the rest, without its end; the plainest way there is. */
static inline str take_line(str *rest) {
    str line = str_split(rest, '\n');
    return str_ends_with(line, STR("\r")) ? str_slice(line, 0, line.len - 1) : line;
}

#endif
