/* SPDX-License-Identifier: Apache-2.0
 *
 * The hot path: finds the quotes and the end of a line 64 bytes at a time, and tells by them alone
 * whether the line has today's layout. A quote inside a field is logged as \x22, so that every
 * quote is one of a pair; whatever is not exactly so (an escaped quote, two spaces, an unquoted
 * list, an old line) is not modern, and left to the tokenizer. Built with -O2 for the shipped
 * binary, see the Makefile.
 */
#include <string.h>

#include "traffic/access_log_internal.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#elif defined(__ARM_NEON) && defined(__aarch64__)
#include <arm_neon.h>
#endif

#define BLOCK_BYTES 64
/* Fields 1 to 12, 15 to 17, 21 and 22. */
#define TOKENS_BEFORE_REQUEST  12
#define TOKENS_BEFORE_TRACE_ID 3
#define TOKENS_BEFORE_ACTIONS  2

/* A block as a vector, and as a mask the bytes of it that are `c`: bit 0 is the first. */
#if defined(__SSE2__)
struct block {
    __m128i part[4];
};

static inline struct block load(const char *ptr) {
    struct block block;
    for (size_t i = 0; i < 4; i++) {
        block.part[i] = _mm_loadu_si128((const __m128i *)(const void *)(ptr + 16 * i));
    }
    return block;
}

static inline uint64_t positions_of(const struct block *block, char c) {
    __m128i wanted = _mm_set1_epi8(c);
    uint64_t mask = 0;
    for (size_t i = 0; i < 4; i++) {
        int part = _mm_movemask_epi8(_mm_cmpeq_epi8(block->part[i], wanted));
        mask |= (uint64_t)(unsigned)part << (16 * i);
    }
    return mask;
}
#elif defined(__ARM_NEON) && defined(__aarch64__)
struct block {
    uint8x16_t part[4];
};

static inline struct block load(const char *ptr) {
    struct block block;
    for (size_t i = 0; i < 4; i++) {
        block.part[i] = vld1q_u8((const uint8_t *)ptr + 16 * i);
    }
    return block;
}

/* There is no movemask: each byte keeps its own bit, and neighbours are added up three times. */
static inline uint64_t positions_of(const struct block *block, char c) {
    static const uint8_t bits[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    uint8x16_t wanted = vdupq_n_u8((uint8_t)c);
    uint8x16_t own = vld1q_u8(bits);
    uint8x16_t first = vpaddq_u8(vandq_u8(vceqq_u8(block->part[0], wanted), own),
                                 vandq_u8(vceqq_u8(block->part[1], wanted), own));
    uint8x16_t second = vpaddq_u8(vandq_u8(vceqq_u8(block->part[2], wanted), own),
                                  vandq_u8(vceqq_u8(block->part[3], wanted), own));
    uint8x16_t sums = vpaddq_u8(first, second);
    return vgetq_lane_u64(vreinterpretq_u64_u8(vpaddq_u8(sums, sums)), 0);
}
#else
struct block {
    char bytes[BLOCK_BYTES];
};

static inline struct block load(const char *ptr) {
    struct block block;
    memcpy(block.bytes, ptr, BLOCK_BYTES);
    return block;
}

static inline uint64_t positions_of(const struct block *block, char c) {
    uint64_t mask = 0;
    for (size_t i = 0; i < BLOCK_BYTES; i++) {
        mask |= (uint64_t)(block->bytes[i] == c) << i;
    }
    return mask;
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
    return (size_t)__builtin_ctzll(mask);
}

/* Notes the first quotes of the line that begins at `ptr`; returns its line end, or `end`. */
static const char *find_line_end(const char *ptr, const char *end, struct access_log_view *view) {
    size_t count = 0;
    for (; ptr < end; ptr += BLOCK_BYTES) {
        struct block block = load_before(ptr, end);
        uint64_t line_ends = positions_of(&block, '\n');
        uint64_t quotes = positions_of(&block, '"');
        quotes &= line_ends == 0 ? UINT64_MAX : (line_ends & (0 - line_ends)) - 1;
        for (; quotes != 0 && count < ACCESS_LOG_QUOTES; quotes &= quotes - 1) {
            view->quotes[count++] = ptr + lowest(quotes);
        }
        if (line_ends != 0) {
            view->quote_count = count;
            return ptr + lowest(line_ends);
        }
    }
    view->quote_count = count;
    return end;
}

/* true when [from, to) is `count` times some bytes and one space; notes where these spaces are. */
static bool are_tokens(
    const char *from, const char *to, const char *end, size_t count, const char **spaces_out) {
    size_t found = 0;
    uint64_t after_space = 1; /* as if one stood before: none of the tokens may be empty */
    for (const char *ptr = from; ptr < to; ptr += BLOCK_BYTES) {
        struct block block = load_before(ptr, end);
        uint64_t spaces = positions_of(&block, ' ');
        if (to - ptr < BLOCK_BYTES) {
            spaces &= (UINT64_C(1) << (to - ptr)) - 1;
        }
        if ((spaces & (spaces << 1 | after_space)) != 0) {
            return false;
        }
        after_space = spaces >> (BLOCK_BYTES - 1);
        for (; spaces != 0; spaces &= spaces - 1) {
            if (found == count) {
                return false;
            }
            spaces_out[found++] = ptr + lowest(spaces);
        }
    }
    return found == count && spaces_out[count - 1] == to - 1;
}

/* The quoted field that closes at quotes[i] and the one that opens next have one space between. */
static inline bool is_next_field(const char *const *quotes, size_t i) {
    return quotes[i + 1] - quotes[i] == 2 && quotes[i][1] == ' ';
}

/* The unquoted fields between the quoted ones on both sides of quotes[i] and quotes[i + 1]. */
static inline bool is_gap_of(const char *const *quotes, size_t i, const char *end, size_t count) {
    const char *spaces[TOKENS_BEFORE_REQUEST];
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
    const char *spaces[TOKENS_BEFORE_REQUEST];
    const char *ptr = view->line.ptr;
    view->is_modern = view->quote_count == ACCESS_LOG_QUOTES &&
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

void access_log_view_record(const struct access_log_view *view,
                            struct access_log_record *record_out) {
    ASSERT(view->is_modern);
    access_log_fill(&(struct access_log_parts){.time = view->time,
                                               .load_balancer = view->load_balancer,
                                               .client = view->client,
                                               .request = quoted(view, 0),
                                               .user_agent = quoted(view, 1),
                                               .domain = quoted(view, 3),
                                               .class = quoted(view, 10),
                                               .reason = quoted(view, 11)},
                    record_out);
}
