/* SPDX-License-Identifier: Apache-2.0
 *
 * The hot path: finds the quotes and the end of a line 64 bytes at a time, and decides by them
 * alone whether the line has today's layout. A quote inside a field is logged as \x22, so that
 * every quote is one of a pair; whatever is not exactly so (an escaped quote, two spaces, an
 * unquoted list, an old line) is not modern, and left to the tokenizer. Built with -O2 for the
 * shipped binary, see the Makefile.
 */
#include <string.h>

#include "base/assert.h"
#include "traffic/access_log_internal.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#else /* arm64 */
#include <arm_neon.h>
#endif

#define BLOCK_BYTES 64
/* Fields 1 to 12, 15 to 17, 21 and 22. */
#define TOKENS_BEFORE_REQUEST  ACCESS_LOG_TOKENS
#define TOKENS_BEFORE_TRACE_ID 3
#define TOKENS_BEFORE_ACTIONS  2

/* A block, as a mask the bytes of it that are a letter (bit 0 is the first), and whether any is. */
#if defined(__SSE2__)
struct block {
    __m128i a;
    __m128i b;
    __m128i c;
    __m128i d;
};

static inline __m128i load_part(const char *ptr) {
    return _mm_loadu_si128((const __m128i *)(const void *)ptr);
}

static inline struct block load(const char *ptr) {
    return (struct block){load_part(ptr), load_part(ptr + 16), load_part(ptr + 32),
                          load_part(ptr + 48)};
}

static inline uint64_t mask_of(__m128i part, __m128i wanted) {
    return (uint64_t)(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(part, wanted));
}

static inline uint64_t positions_of(const struct block *block, char letter) {
    __m128i wanted = _mm_set1_epi8(letter);
    return (mask_of(block->a, wanted) | mask_of(block->b, wanted) << 16) |
           (mask_of(block->c, wanted) | mask_of(block->d, wanted) << 16) << 32;
}

static inline bool has(const struct block *block, char letter) {
    __m128i wanted = _mm_set1_epi8(letter);
    __m128i front =
        _mm_or_si128(_mm_cmpeq_epi8(block->a, wanted), _mm_cmpeq_epi8(block->b, wanted));
    __m128i back = _mm_or_si128(_mm_cmpeq_epi8(block->c, wanted), _mm_cmpeq_epi8(block->d, wanted));
    return _mm_movemask_epi8(_mm_or_si128(front, back)) != 0;
}
#else /* arm64 */
struct block {
    uint8x16_t a;
    uint8x16_t b;
    uint8x16_t c;
    uint8x16_t d;
};

static inline struct block load(const char *ptr) {
    const uint8_t *from = (const uint8_t *)ptr;
    return (struct block){vld1q_u8(from), vld1q_u8(from + 16), vld1q_u8(from + 32),
                          vld1q_u8(from + 48)};
}

/* There is no movemask: each byte keeps its own bit, and neighbours are added up three times. */
static inline uint64_t positions_of(const struct block *block, char letter) {
    static const uint8_t bits[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    uint8x16_t wanted = vdupq_n_u8((uint8_t)letter);
    uint8x16_t own = vld1q_u8(bits);
    uint8x16_t front = vpaddq_u8(vandq_u8(vceqq_u8(block->a, wanted), own),
                                 vandq_u8(vceqq_u8(block->b, wanted), own));
    uint8x16_t back = vpaddq_u8(vandq_u8(vceqq_u8(block->c, wanted), own),
                                vandq_u8(vceqq_u8(block->d, wanted), own));
    uint8x16_t sums = vpaddq_u8(front, back);
    return vgetq_lane_u64(vreinterpretq_u64_u8(vpaddq_u8(sums, sums)), 0);
}

static inline bool has(const struct block *block, char letter) {
    uint8x16_t wanted = vdupq_n_u8((uint8_t)letter);
    uint8x16_t front = vorrq_u8(vceqq_u8(block->a, wanted), vceqq_u8(block->b, wanted));
    uint8x16_t back = vorrq_u8(vceqq_u8(block->c, wanted), vceqq_u8(block->d, wanted));
    return vmaxvq_u8(vorrq_u8(front, back)) != 0;
}
#endif

/* Never reads at or behind `end`: what is missing of the block is zero. */
static inline struct block load_before(const char *ptr, const char *end) {
    size_t left = (size_t)(end - ptr);
    if (left >= BLOCK_BYTES) {
        return load(ptr);
    }
    char copy[BLOCK_BYTES] = {0};
    memcpy(copy, ptr, left);
    return load(copy);
}

static inline size_t lowest(uint64_t mask) {
    return (unsigned)__builtin_ctzll(mask);
}

/* Appends where the bits of a mask are; returns the new count. */
static inline size_t note(uint64_t mask, const char *ptr, size_t count, const char **positions) {
    for (; mask != 0; mask &= mask - 1) {
        positions[count++] = ptr + lowest(mask);
    }
    return count;
}

/* Notes the quotes of the line that begins at `ptr`, until there are enough; returns its line end,
 * or `end`. */
static inline const char *find_line_end(const char *ptr, const char *end,
                                        struct access_log_view *view) {
    size_t count = 0;
    const char *found = NULL;
    for (; found == NULL && ptr < end; ptr += BLOCK_BYTES) {
        struct block block = load_before(ptr, end);
        uint64_t before_end = UINT64_MAX;
        if (has(&block, '\n')) {
            uint64_t line_ends = positions_of(&block, '\n');
            before_end = (line_ends & (0 - line_ends)) - 1;
            found = ptr + lowest(line_ends);
        }
        if (count < ACCESS_LOG_QUOTES) {
            count = note(positions_of(&block, '"') & before_end, ptr, count, view->quotes);
        }
    }
    view->quote_count = count;
    return found == NULL ? end : found;
}

_Static_assert(BLOCK_BYTES / 2 + ACCESS_LOG_TOKENS == ACCESS_LOG_SPACES_NOTED, "one more block");

/* true when [from, to) is `count` times some bytes and one space; notes where these spaces are. */
static bool are_tokens(const char *from, const char *to, const char *end, size_t count,
                       const char **spaces_out) {
    size_t found = 0;
    uint64_t after_space = 1; /* as if one stood before: none of the tokens may be empty */
    for (const char *ptr = from; ptr < to && found <= count; ptr += BLOCK_BYTES) {
        struct block block = load_before(ptr, end);
        uint64_t spaces = positions_of(&block, ' ');
        if (to - ptr < BLOCK_BYTES) {
            spaces &= (UINT64_C(1) << (to - ptr)) - 1;
        }
        if ((spaces & (spaces << 1 | after_space)) != 0) {
            return false;
        }
        after_space = spaces >> (BLOCK_BYTES - 1);
        found = note(spaces, ptr, found, spaces_out);
    }
    return found == count && spaces_out[count - 1] == to - 1;
}

/* The quoted field that closes at quotes[i] and the one that opens next have one space between. */
static inline bool is_next_field(const char *const *quotes, size_t i) {
    return quotes[i + 1] - quotes[i] == 2 && quotes[i][1] == ' ';
}

/* The unquoted fields between the quoted ones on both sides of quotes[i] and quotes[i + 1]. */
static inline bool is_gap_of(const char *const *quotes, size_t i, const char *end, size_t count) {
    const char *spaces[ACCESS_LOG_SPACES_NOTED];
    return quotes[i][1] == ' ' && are_tokens(quotes[i] + 2, quotes[i + 1], end, count, spaces);
}

static bool has_modern_quotes(const char *const *quotes, const char *end) {
    for (size_t i = 1; i < ACCESS_LOG_QUOTES; i += 2) {
        if (quotes[i][-1] == '\\') {
            return false;
        }
    }
    for (size_t i = 11; i < ACCESS_LOG_QUOTES - 1; i += 2) { /* 23 to 29 */
        if (!is_next_field(quotes, i)) {
            return false;
        }
    }
    return is_next_field(quotes, 1) && is_next_field(quotes, 5) && is_next_field(quotes, 7) &&
           is_gap_of(quotes, 3, end, TOKENS_BEFORE_TRACE_ID) &&
           is_gap_of(quotes, 9, end, TOKENS_BEFORE_ACTIONS);
}

static inline str between(const char *from, const char *to) {
    return (str){from, (size_t)(to - from)};
}

static str quoted(const struct access_log_view *view, size_t number) {
    return between(view->quotes[2 * number] + 1, view->quotes[2 * number + 1]);
}

static inline bool is_dash(const char *const *quotes, size_t i) {
    return quotes[i + 1] - quotes[i] == 2 && quotes[i][1] == '-';
}

static void look_closer(struct access_log_view *view, const char *end) {
    const char **spaces = view->spaces;
    const char *ptr = view->line.ptr;
    view->is_modern = view->quote_count >= ACCESS_LOG_QUOTES &&
                      has_modern_quotes(view->quotes, end) &&
                      are_tokens(ptr, view->quotes[0], end, TOKENS_BEFORE_REQUEST, spaces);
    if (view->is_modern) {
        view->time = between(spaces[0] + 1, spaces[1]);
        view->load_balancer = between(spaces[1] + 1, spaces[2]);
        view->client = between(spaces[2] + 1, spaces[3]);
        view->is_plain = is_dash(view->quotes, 20) && is_dash(view->quotes, 22);
    }
}

size_t access_log_look(str lines, struct access_log_view *view_out) {
    ASSERT(lines.len > 0);
    const char *end = lines.ptr + lines.len;
    const char *line_end = find_line_end(lines.ptr, end, view_out);
    size_t len = (size_t)(line_end - lines.ptr);
    bool has_return = len > 0 && line_end[-1] == '\r';
    view_out->line = (str){lines.ptr, has_return ? len - 1 : len};
    look_closer(view_out, end);
    return line_end == end ? len : len + 1;
}

static struct access_log_parts parts_of(const struct access_log_view *view) {
    const char *const *spaces = view->spaces;
    ASSERT(view->is_modern);
    return (struct access_log_parts){.type = between(view->line.ptr, spaces[0]),
                                     .time = view->time,
                                     .load_balancer = view->load_balancer,
                                     .client = view->client,
                                     .elb_status = between(spaces[7] + 1, spaces[8]),
                                     .target_status = between(spaces[8] + 1, spaces[9]),
                                     .request = quoted(view, 0),
                                     .user_agent = quoted(view, 1),
                                     .domain = quoted(view, 3),
                                     .class = quoted(view, 10),
                                     .reason = quoted(view, 11)};
}

void access_log_view_record(const struct access_log_view *view,
                            struct access_log_record *record_out) {
    const struct access_log_parts parts = parts_of(view);
    access_log_fill(&parts, record_out);
}

void access_log_view_sketch(const struct access_log_view *view,
                            struct access_log_record *record_out) {
    const struct access_log_parts parts = parts_of(view);
    access_log_fill_sketch(&parts, record_out);
}
