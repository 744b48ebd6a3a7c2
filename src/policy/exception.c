/* SPDX-License-Identifier: Apache-2.0
 *
 * Exceptions by tag: <prefix>-until (YYYY-MM-DD, the last day, UTC), <prefix>-reason and
 * <prefix>-approver. All three or none; whatever is not right fails closed: the exception does not
 * count and a finding says why. Every fault is listed at once, so that the owner mends them in one
 * go.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "policy_internal.h"

static const char *const suffixes[EXCEPTION_TAG_COUNT] = {"until", "reason", "approver"};

static str tag_key(const struct judgement *judgement, const char *suffix) {
    str prefix = judgement->policy->exception_tag_prefix;
    return str_format(judgement->arena, "%" STR_FMT "-%s", STR_ARG(prefix), suffix);
}

void exception_tag_keys(const struct judgement *judgement, str keys_out[EXCEPTION_TAG_COUNT]) {
    for (size_t i = 0; i < EXCEPTION_TAG_COUNT; i++) {
        keys_out[i] = tag_key(judgement, suffixes[i]);
    }
}

/* Trimmed value; empty when the tag is absent or blank. */
static str read_tag(const struct judgement *judgement, const char *suffix, bool *is_present) {
    str value;
    if (!tag_get(judgement->load_balancer, tag_key(judgement, suffix), &value)) {
        return STR_EMPTY;
    }
    *is_present = true;
    return plain_text_trim(value);
}

/* The states, by the tags and the day:
 *
 *   until      reason, approver    day                              is
 *   absent     absent              any                              not present
 *   a date     both                until is today or later          honoured
 *   a date     both                until is past                    expired
 *   a date     both                more than max_exception_days     too long
 *                                  ahead
 *   no date    any                 any                              invalid
 *   any        one is blank        any                              incomplete (and maybe others)
 *
 * Too long is counted from today, not from when the tag was set, which nobody knows: an exception
 * that was refused for it becomes valid as its end comes nearer. */
struct exception exception_read(const struct judgement *judgement) {
    struct exception read = {0};
    read.until = read_tag(judgement, "until", &read.is_present);
    read.reason = read_tag(judgement, "reason", &read.is_present);
    read.approver = read_tag(judgement, "approver", &read.is_present);
    if (!read.is_present) {
        return read;
    }
    read.is_incomplete =
        str_is_empty(read.until) || str_is_empty(read.reason) || str_is_empty(read.approver);
    read.has_date = date_parse(read.until, &read.until_day);
    read.is_invalid = !read.has_date && !str_is_empty(read.until);
    int64_t last_day = judgement->today + judgement->policy->max_exception_days;
    read.is_expired = read.has_date && read.until_day < judgement->today;
    read.is_too_long = read.has_date && read.until_day > last_day;
    read.is_honoured =
        !read.is_incomplete && !read.is_invalid && !read.is_expired && !read.is_too_long;
    ASSERT(!read.is_honoured || read.has_date);
    return read;
}

/* The exception's faults matter only where the mode needs excusing. An expired exception of a load
 * balancer that is strict enough is only EXCEPTION_UNUSED: a warning about its date would send the
 * owner to renew it. */
static bool is_needed(const struct judgement *judgement) {
    return judgement->exception.is_present && mode_is_too_weak(judgement);
}

static const char *required_name(const struct judgement *judgement) {
    return mode_name(judgement->required.mode);
}

static str shown_key(const struct judgement *judgement, const char *suffix) {
    return plain_text(judgement->arena, tag_key(judgement, suffix), 2 * PLAIN_TEXT_QUOTE_MAX);
}

/* The date for the annotation, where there is one. */
static str subject_of(const struct exception *exception) {
    return exception->has_date ? exception->until : STR_EMPTY;
}

void check_exception_expired(const struct rule *rule, struct judgement *judgement) {
    const struct exception *exception = &judgement->exception;
    if (!is_needed(judgement) || !exception->is_expired) {
        return;
    }
    str key = shown_key(judgement, "until");
    finding_add(rule, judgement, subject_of(exception),
                "The exception ended on %" STR_FMT
                " and no longer excuses the mode. Set " ATTRIBUTE_DESYNC_MODE
                " to %s, or have the exception approved again with a new date in the "
                "tag %" STR_FMT ".",
                STR_ARG(exception->until), required_name(judgement), STR_ARG(key));
}

void check_exception_invalid(const struct rule *rule, struct judgement *judgement) {
    const struct exception *exception = &judgement->exception;
    if (!is_needed(judgement) || !exception->is_invalid) {
        return;
    }
    str key = shown_key(judgement, "until");
    str value = plain_text_quote(judgement->arena, exception->until);
    str subject = plain_text(judgement->arena, exception->until, PLAIN_TEXT_SUBJECT_MAX);
    finding_add(rule, judgement, subject,
                "The tag %" STR_FMT " has the value \"%" STR_FMT
                "\", which is no date. Write it as YYYY-MM-DD; until then the "
                "exception does not count.",
                STR_ARG(key), STR_ARG(value));
}

static str missing_keys(const struct judgement *judgement) {
    const struct exception *exception = &judgement->exception;
    const str values[EXCEPTION_TAG_COUNT] = {exception->until, exception->reason,
                                             exception->approver};
    struct buf keys;
    buf_init(&keys, judgement->arena, 4096);
    for (size_t i = 0; i < EXCEPTION_TAG_COUNT; i++) {
        if (str_is_empty(values[i])) {
            buf_append(&keys, keys.len == 0 ? STR_EMPTY : STR(" and "));
            buf_append(&keys, shown_key(judgement, suffixes[i]));
        }
    }
    return buf_str(&keys);
}

void check_exception_incomplete(const struct rule *rule, struct judgement *judgement) {
    const struct exception *exception = &judgement->exception;
    if (!is_needed(judgement) || !exception->is_incomplete) {
        return;
    }
    str missing = missing_keys(judgement);
    finding_add(rule, judgement, subject_of(exception),
                "The exception is not complete: %" STR_FMT
                " missing or blank. Add what is missing; until then the exception "
                "does not count.",
                STR_ARG(missing));
}

void check_exception_too_long(const struct rule *rule, struct judgement *judgement) {
    const struct exception *exception = &judgement->exception;
    if (!is_needed(judgement) || !exception->is_too_long) {
        return;
    }
    int days_max = judgement->policy->max_exception_days;
    str key = shown_key(judgement, "until");
    str last_day = date_format(judgement->arena, judgement->today + days_max);
    finding_add(rule, judgement, subject_of(exception),
                "The exception runs until %" STR_FMT
                ", more than %d day%s from today. Set the tag %" STR_FMT " to %" STR_FMT
                " or earlier; until then the exception does not count.",
                STR_ARG(exception->until), days_max, str_by_count((uint64_t)days_max, "", "s"),
                STR_ARG(key), STR_ARG(last_day));
}

/* The last day counts: an exception that ends today still excuses today. */
void check_exception_expiring(const struct rule *rule, struct judgement *judgement) {
    const struct exception *exception = &judgement->exception;
    if (!is_needed(judgement) || !exception->is_honoured) {
        return;
    }
    int64_t days_left = exception->until_day - judgement->today;
    if (days_left > judgement->policy->exception_warning_days) {
        return;
    }
    str when = days_left == 0   ? STR("today")
               : days_left == 1 ? STR("tomorrow")
                                : str_format(judgement->arena, "in %d days", (int)days_left);
    finding_add(rule, judgement, subject_of(exception),
                "The exception ends %" STR_FMT " (%" STR_FMT "). Set " ATTRIBUTE_DESYNC_MODE
                " to %s by then, or have the exception approved again.",
                STR_ARG(when), STR_ARG(exception->until), required_name(judgement));
}

void check_exception_unused(const struct rule *rule, struct judgement *judgement) {
    const struct exception *exception = &judgement->exception;
    if (!exception->is_present || mode_is_too_weak(judgement)) {
        return;
    }
    str prefix = plain_text_quote(judgement->arena, judgement->policy->exception_tag_prefix);
    finding_add(rule, judgement, subject_of(exception),
                "The mode %s is strict enough (%s is required), so the exception is "
                "not needed. Remove the tags that begin with %" STR_FMT ".",
                mode_name(judgement->load_balancer->mode), required_name(judgement),
                STR_ARG(prefix));
}

void check_exception_active(const struct rule *rule, struct judgement *judgement) {
    const struct exception *exception = &judgement->exception;
    if (!is_needed(judgement) || !exception->is_honoured) {
        return;
    }
    str reason = plain_text_quote(judgement->arena, exception->reason);
    str approver = plain_text_quote(judgement->arena, exception->approver);
    finding_add(rule, judgement, subject_of(exception),
                "The mode %s is excused until %" STR_FMT " (reason \"%" STR_FMT
                "\", approved by \"%" STR_FMT "\"). After that %s is required.",
                mode_name(judgement->load_balancer->mode), STR_ARG(exception->until),
                STR_ARG(reason), STR_ARG(approver), required_name(judgement));
}
