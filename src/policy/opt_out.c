/* SPDX-License-Identifier: Apache-2.0
 *
 * An owner's "no" to promotion, by tag: an exception, a profile, or `desync-promotion`. It counts
 * however it is spelt: a tag that looks like one of these, or is one with a value that nobody can
 * read, holds promotion, and the reason names the right spelling. A "no" that nobody meant costs
 * a correction of a tag; one that is not heard costs an outage.
 */
#include "base/ascii.h"
#include "base/buf.h"
#include "policy_internal.h"

/* More characters than AWS allows in a key (128) are no key. */
#define FOLDED_MAX 160
/* One edit away from a shorter key are many that mean something else: "Tier" and "Timer". */
#define EDITED_KEY_MIN 6
/* Likewise of the names of profiles, which are compared only beside a key. */
#define EDITED_NAME_MIN 4
#define WHY_BYTES_MAX   ((size_t)4096)
#define FAULTS_MAX      4 /* named one by one */

/* What is left of a text that people spell in more ways than one: "Desync_Exception Until" and
 * "desync-exception-until" are the same. */
struct folded {
    uint32_t characters[FOLDED_MAX];
    size_t count;
};

static struct folded fold(str raw) {
    struct folded folded = {.count = 0};
    while (raw.len > 0 && folded.count < FOLDED_MAX) {
        str character = str_utf8_take(&raw);
        unsigned char first = (unsigned char)character.ptr[0];
        bool shows = !str_is_empty(plain_text_trim(character));
        if (character.len > 1 && shows) {
            folded.characters[folded.count++] = str_utf8_code_point(character);
        } else if (first >= 0x80 && shows) {
            folded.characters[folded.count++] = 0xFFFD; /* a byte that is no UTF-8 */
        } else if (ascii_is_alphanumeric((char)first)) {
            folded.characters[folded.count++] = (uint32_t)ascii_lower((char)first);
        }
    }
    return folded;
}

/* Whether a[from_a..] and b[from_b..] are the same. */
static bool is_same_from(const struct folded *a, size_t from_a, const struct folded *b,
                         size_t from_b) {
    if (from_a > a->count || from_b > b->count || a->count - from_a != b->count - from_b) {
        return false;
    }
    while (from_a < a->count) {
        if (a->characters[from_a++] != b->characters[from_b++]) {
            return false;
        }
    }
    return true;
}

/* Equal, or one insertion, deletion, replacement or swap of neighbours apart. */
static bool is_within_one_edit(const struct folded *a, const struct folded *b) {
    size_t same = 0;
    while (same < a->count && same < b->count && a->characters[same] == b->characters[same]) {
        same++;
    }
    bool is_swapped = same + 1 < a->count && same + 1 < b->count &&
                      a->characters[same] == b->characters[same + 1] &&
                      a->characters[same + 1] == b->characters[same];
    return (same == a->count && same == b->count) || is_same_from(a, same + 1, b, same + 1) ||
           is_same_from(a, same + 1, b, same) || is_same_from(a, same, b, same + 1) ||
           (is_swapped && is_same_from(a, same + 2, b, same + 2));
}

static bool looks_like(str text, str right, size_t edited_min) {
    struct folded a = fold(text);
    struct folded b = fold(right);
    return b.count > 0 &&
           (b.count < edited_min ? is_same_from(&a, 0, &b, 0) : is_within_one_edit(&a, &b));
}

static bool looks_like_profile(const struct judgement *judgement, str value) {
    const struct policy *policy = judgement->policy;
    for (size_t i = 0; i < policy->profile_count; i++) {
        if (looks_like(value, policy->profiles[i].name, EDITED_NAME_MIN)) {
            return true;
        }
    }
    return false;
}

/* The policy itself asks for a tag of this key, for another purpose. */
static bool has_other_use(const struct policy *policy, str key) {
    for (size_t i = 0; i < policy->owner_tag_count; i++) {
        if (str_eq(policy->owner_tags[i], key)) {
            return true;
        }
    }
    for (size_t i = 0; i < policy->required_tag_count; i++) {
        if (str_eq(policy->required_tags[i].key, key)) {
            return true;
        }
    }
    return false;
}

/* The names of profile tags are free, and may be short or near another tag's. Where the key alone
 * does not tell, a value that looks like a profile's name does. */
static bool looks_like_profile_tag(const struct judgement *judgement, const struct tag *tag) {
    str right = judgement->policy->profile_tag;
    bool is_certain =
        looks_like(tag->key, right, EDITED_KEY_MIN) && !has_other_use(judgement->policy, tag->key);
    return is_certain ||
           (looks_like(tag->key, right, 0) && looks_like_profile(judgement, tag->value));
}

/* --- what holds ------------------------------------------------------------------------------- */

struct faults {
    struct arena *arena;
    struct buf why;
    size_t count;
};

__attribute__((format(printf, 2, 3))) static void add_fault(struct faults *faults,
                                                            const char *format, ...) {
    va_list arguments;
    faults->count++;
    if (faults->count <= FAULTS_MAX) {
        va_start(arguments, format);
        str fault = str_format_va(faults->arena, format, arguments);
        va_end(arguments);
        buf_printf(&faults->why, "%s%" STR_FMT, faults->count > 1 ? "; " : "", STR_ARG(fault));
    }
}

/* Some look just like those of ASCII: a Cyrillic e. */
static bool has_foreign_letter(str key) {
    for (size_t i = 0; i < key.len; i++) {
        if ((unsigned char)key.ptr[i] >= 0x80) {
            return true;
        }
    }
    return false;
}

static void add_misspelt(struct faults *faults, str key, str right) {
    struct arena *arena = faults->arena;
    str shown = plain_text_quote(arena, key);
    str wanted = plain_text_quote(arena, right);
    if (str_eq(shown, wanted)) {
        add_fault(faults,
                  "the key of a tag reads `%" STR_FMT
                  "`, but has a blank or an invisible character "
                  "beside that: set the tag `%" STR_FMT "` anew, and remove this one",
                  STR_ARG(shown), STR_ARG(wanted));
        return;
    }
    add_fault(faults,
              "the tag `%" STR_FMT "` looks like `%" STR_FMT
              "`, but is not spelt so%s: correct its key, or remove it",
              STR_ARG(shown), STR_ARG(wanted),
              has_foreign_letter(key) ? " (it has a character that is not ASCII)" : "");
}

enum promotion_tag promotion_tag_read(const struct load_balancer *load_balancer) {
    str value;
    if (!tag_get(load_balancer, STR(PROMOTION_TAG), &value)) {
        return PROMOTION_TAG_NONE;
    }
    value = plain_text_trim(value);
    return str_eq_ignore_case(value, STR("retry"))  ? PROMOTION_TAG_RETRY
           : str_eq_ignore_case(value, STR("hold")) ? PROMOTION_TAG_HOLD
                                                    : PROMOTION_TAG_INVALID;
}

static void add_promotion_tag(enum promotion_tag tag, str value, struct faults *faults) {
    if (tag == PROMOTION_TAG_HOLD) {
        add_fault(faults, "its tag `" PROMOTION_TAG "` is hold");
    } else if (tag == PROMOTION_TAG_INVALID) {
        add_fault(faults,
                  "its tag `" PROMOTION_TAG "` has the value \"%" STR_FMT
                  "\", which is neither hold nor retry: correct it, or remove the tag",
                  STR_ARG(plain_text_quote(faults->arena, value)));
    }
}

/* Those that have ended, and were complete, are over. */
static void read_exception(const struct judgement *judgement, struct faults *faults) {
    const struct exception *exception = &judgement->exception;
    str prefix = plain_text_quote(judgement->arena, judgement->policy->exception_tag_prefix);
    if (exception->is_invalid) {
        add_fault(faults,
                  "the tag `%" STR_FMT "-until` has the value \"%" STR_FMT
                  "\", which is no date: write it as YYYY-MM-DD, or remove the exception's tags",
                  STR_ARG(prefix), STR_ARG(plain_text_quote(judgement->arena, exception->until)));
    } else if (exception->is_too_long) {
        add_fault(
            faults,
            "its exception until %" STR_FMT " is longer than the %d days allowed: set `%" STR_FMT
            "-until` to an earlier date, or remove the exception's tags",
            STR_ARG(exception->until), judgement->policy->max_exception_days, STR_ARG(prefix));
    }
    if (exception->is_incomplete) {
        add_fault(faults,
                  "its exception is not complete: it needs `%" STR_FMT "-until`, `%" STR_FMT
                  "-reason` and `%" STR_FMT "-approver`; add what is missing, or remove its tags",
                  STR_ARG(prefix), STR_ARG(prefix), STR_ARG(prefix));
    }
}

/* "desync-exception" alone, "desync-exception-expires": somebody meant an exception. A short prefix
 * begins many words, so that a separator has to follow it. */
static bool begins_as_exception(const struct policy *policy, str key) {
    str prefix = policy->exception_tag_prefix;
    struct folded a = fold(key);
    struct folded b = fold(prefix);
    bool is_certain = b.count >= EDITED_KEY_MIN || key.len == prefix.len ||
                      (key.len > prefix.len && !ascii_is_alphanumeric(key.ptr[prefix.len]));
    a.count = a.count < b.count ? a.count : b.count;
    return b.count > 0 && is_certain && is_same_from(&a, 0, &b, 0) && !has_other_use(policy, key);
}

/* A key of none of the opt-outs. */
static void read_other(const struct judgement *judgement, const struct tag *tag,
                       const str *exception_keys, struct faults *faults) {
    for (size_t i = 0; i < EXCEPTION_TAG_COUNT; i++) {
        if (looks_like(tag->key, exception_keys[i], 0)) {
            add_misspelt(faults, tag->key, exception_keys[i]);
            return;
        }
    }
    if (looks_like(tag->key, STR(PROMOTION_TAG), 0)) {
        add_misspelt(faults, tag->key, STR(PROMOTION_TAG));
    } else if (looks_like_profile_tag(judgement, tag)) {
        add_misspelt(faults, tag->key, judgement->policy->profile_tag);
    } else if (begins_as_exception(judgement->policy, tag->key)) {
        add_fault(faults,
                  "the tag `%" STR_FMT "` begins like those of an exception, which are `%" STR_FMT
                  "`, `%" STR_FMT "` and `%" STR_FMT "`: correct its key, or remove it",
                  STR_ARG(plain_text_quote(faults->arena, tag->key)),
                  STR_ARG(plain_text_quote(faults->arena, exception_keys[0])),
                  STR_ARG(plain_text_quote(faults->arena, exception_keys[1])),
                  STR_ARG(plain_text_quote(faults->arena, exception_keys[2])));
    }
}

static bool is_exception_key(str key, const str *exception_keys) {
    for (size_t i = 0; i < EXCEPTION_TAG_COUNT; i++) {
        if (str_eq(key, exception_keys[i])) {
            return true;
        }
    }
    return false;
}

struct opt_out opt_out_read(const struct judgement *judgement) {
    const struct load_balancer *facts = judgement->load_balancer;
    struct opt_out read = {.tag = promotion_tag_read(facts)};
    struct faults faults = {.arena = judgement->arena};
    str exception_keys[EXCEPTION_TAG_COUNT];
    buf_init(&faults.why, judgement->arena, WHY_BYTES_MAX);
    exception_tag_keys(judgement, exception_keys);
    for (size_t i = 0; i < facts->tag_count; i++) {
        const struct tag *tag = &facts->tags[i];
        if (str_eq(tag->key, STR(PROMOTION_TAG))) {
            add_promotion_tag(read.tag, tag->value, &faults);
        } else if (!is_exception_key(tag->key, exception_keys) &&
                   !str_eq(tag->key, judgement->policy->profile_tag)) {
            read_other(judgement, tag, exception_keys, &faults);
        }
    }
    if (judgement->required.is_profile_unknown) {
        add_fault(&faults,
                  "its tag `%" STR_FMT "` has the value \"%" STR_FMT
                  "\", which is no known profile: correct it, or remove the tag",
                  STR_ARG(plain_text_quote(judgement->arena, judgement->policy->profile_tag)),
                  STR_ARG(plain_text_quote(judgement->arena, judgement->required.profile_value)));
    }
    read_exception(judgement, &faults);
    if (faults.count > FAULTS_MAX) {
        buf_printf(&faults.why, "; and %zu more", faults.count - FAULTS_MAX);
    }
    read.why = buf_str(&faults.why);
    return read;
}
