/* SPDX-License-Identifier: Apache-2.0
 *
 * One judgement and the rules that look at it, shared by the files of the policy layer. Nothing
 * here is for other layers.
 */
#ifndef POLICY_POLICY_INTERNAL_H
#define POLICY_POLICY_INTERNAL_H

#include "policy/evaluate.h"
#include "policy/plain_text.h"

/* Facts that may be missing. A rule runs only when all it needs is known, so that no finding is
 * ever guessed. */
enum fact {
    FACT_MODE = 1 << 0,
    FACT_TAGS = 1 << 1,
    FACT_REQUIRED_MODE = 1 << 2,
    FACT_HEADERS = 1 << 3
};

/* The mode asked for and by what. */
struct requirement {
    enum desync_mode mode; /* MODE_UNKNOWN: cannot be told, a fact is missing */
    str because;
    enum desync_mode profile_mode; /* of the profile, whatever stands above it */
    bool is_profile_unknown;
    str profile_value; /* trimmed value of the profile tag, when is_profile_unknown */
};

/* The exception tags of a load balancer, read whether or not it needs an exception. */
struct exception {
    bool is_present; /* any of the three tags is there, blank or not */
    bool is_incomplete;
    bool is_invalid; /* the date is there but is no date */
    bool is_expired;
    bool is_too_long;
    bool is_honoured; /* complete and none of the above */
    bool has_date;
    int64_t until_day;
    str until; /* without what shows nothing at either end, as are the others */
    str reason;
    str approver;
};

/* A judgement under way: `required` and `exception` are found before the first rule runs, and rules
 * only add findings. */
struct judgement {
    const struct load_balancer *load_balancer;
    const struct policy *policy;
    int64_t today; /* days since 1970-01-01, UTC */
    struct arena *arena;
    struct requirement required;
    struct exception exception;
    struct evaluation *evaluation;
};

/* A row of the table in evaluate.c. `check` is called only when all that it `needs` is known, and
 * adds any number of findings. */
struct rule {
    enum finding_id id;
    enum finding_severity severity;
    unsigned needs;    /* enum fact */
    const char *title; /* NULL, as the next: none, so that reports list no rule for it */
    const char *source_url;
    void (*check)(const struct rule *rule, struct judgement *judgement); /* NULL: added later */
};

/* Adds a finding of this rule with a message by printf, and returns it. `subject` may be empty, see
 * struct finding. */
__attribute__((format(printf, 4, 5))) struct finding *finding_add(const struct rule *rule,
                                                                  struct judgement *judgement,
                                                                  str subject, const char *format,
                                                                  ...);

/* "within 7 days", or "now" when no time is given. */
str due_phrase(const struct judgement *judgement);

/* mode.c */
enum desync_mode mode_stricter(enum desync_mode a, enum desync_mode b);
struct requirement requirement_of_scheme(const struct policy *policy,
                                         enum load_balancer_scheme scheme);
bool mode_is_too_weak(const struct judgement *judgement);
char grade_of(enum desync_mode mode, enum tristate drops_invalid_headers);
void check_mode_too_weak(const struct rule *rule, struct judgement *judgement);
void check_headers_not_dropped(const struct rule *rule, struct judgement *judgement);

/* managed.c */
void check_managed_by_other(const struct rule *rule, struct judgement *judgement);
void managed_add(const struct rule *rule, struct judgement *judgement);

/* profile.c */
struct requirement requirement_find(const struct load_balancer *load_balancer,
                                    const struct policy *policy, struct arena *arena);
void check_profile_unknown(const struct rule *rule, struct judgement *judgement);

/* exception.c */
#define EXCEPTION_TAG_COUNT 3
/* Of the until, the reason and the approver; in the judgement's arena. */
void exception_tag_keys(const struct judgement *judgement, str keys_out[EXCEPTION_TAG_COUNT]);
struct exception exception_read(const struct judgement *judgement);
void check_exception_expired(const struct rule *rule, struct judgement *judgement);
void check_exception_invalid(const struct rule *rule, struct judgement *judgement);
void check_exception_incomplete(const struct rule *rule, struct judgement *judgement);
void check_exception_too_long(const struct rule *rule, struct judgement *judgement);
void check_exception_expiring(const struct rule *rule, struct judgement *judgement);
void check_exception_unused(const struct rule *rule, struct judgement *judgement);
void check_exception_active(const struct rule *rule, struct judgement *judgement);

/* opt_out.c */
struct opt_out opt_out_read(const struct judgement *judgement);

/* tags.c */
str owner_find(const struct load_balancer *load_balancer, const struct policy *policy,
               struct arena *arena);
void check_tag_missing(const struct rule *rule, struct judgement *judgement);
void check_tag_value_not_allowed(const struct rule *rule, struct judgement *judgement);

#endif
