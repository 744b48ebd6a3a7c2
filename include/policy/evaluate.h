/* SPDX-License-Identifier: Apache-2.0
 *
 * The judgement: facts, policy and the moment in; verdict, required mode, grade, owner and findings
 * out. Pure and total. One rule is one row of the table in policy/evaluate.c and one function in
 * the file of its family.
 */
#ifndef POLICY_EVALUATE_H
#define POLICY_EVALUATE_H

#include "policy/finding.h"
#include "policy/managed.h"
#include "policy/policy.h"

enum compliance { COMPLIANT, NON_COMPLIANT, NOT_APPLICABLE, COMPLIANCE_UNKNOWN };
/* "COMPLIANT", "NON_COMPLIANT", "NOT_APPLICABLE", "UNKNOWN" */
const char *compliance_name(enum compliance compliance);

struct advice;

#define PROMOTION_TAG "desync-promotion"

/* What that tag says. */
enum promotion_tag {
    PROMOTION_TAG_NONE, /* it is not set */
    PROMOTION_TAG_HOLD,
    PROMOTION_TAG_RETRY,
    PROMOTION_TAG_INVALID /* any other value, which holds */
};

enum promotion_tag promotion_tag_read(const struct load_balancer *load_balancer);

/* What the tags of a load balancer say against its promotion. */
struct opt_out {
    enum promotion_tag tag;
    str why; /* what holds promotion, and how it is spelt right; empty: nothing does */
};

/* The verdicts:
 *
 *   compliance        reason       findings                     reported to AWS Config
 *   COMPLIANT         empty        advice at most               yes
 *   NON_COMPLIANT     empty        one that fails at least      yes
 *   NOT_APPLICABLE    why          none                         yes: Config then forgets the result
 *   UNKNOWN           why          those that are certain       no: the last result stays
 */
struct evaluation {
    str resource_type; /* LOAD_BALANCER_RESOURCE_TYPE unless the event was about another type */
    str resource_id;   /* the ARN */
    enum compliance compliance;
    str reason;                     /* why NOT_APPLICABLE or UNKNOWN; empty otherwise */
    enum desync_mode mode;          /* found */
    enum desync_mode required_mode; /* MODE_UNKNOWN: none, or a fact that decides it is missing */
    str required_because; /* "minimum", "internet-facing", "profile modern", ...; short, for the
                             annotation */
    enum desync_mode profile_mode; /* what the profile tag asks for; MODE_UNKNOWN: no such tag, or
                                      no profile of that name */
    char grade;                    /* 'A'..'F'; '-' when the mode is unknown */
    str owner;                     /* one line of plain text, at most 256 characters; empty: none */
    enum fact_source source;
    enum load_balancer_scheme scheme;
    struct opt_out opt_out;
    bool has_active_exception;    /* the mode is excused today */
    struct management management; /* who else writes the mode */
    str exception_until;          /* YYYY-MM-DD as tagged; empty when there is no such date */
    struct finding findings[FINDINGS_MAX];
    size_t finding_count;
    /* set by the app, not by policy_evaluate: */
    const struct advice *advice; /* what the evidence says (policy/recommend.h); NULL: not asked */
    str source_note;             /* why it was read live: "item older than 15 min"; empty */
    int64_t ordering_ms; /* capture time or notification time, unix ms; 0 when the input has none */
};

/* `now_ms` unix milliseconds, UTC. Messages live in `arena`. */
void policy_evaluate(const struct load_balancer *load_balancer, const struct policy *policy,
                     int64_t now_ms, struct arena *arena, struct evaluation *evaluation_out);

/* Advice on more than the facts of one moment, for a judgement that was made: that the evidence of
 * traffic supports strictest or shows clients that are blocked, and that it has been non-compliant
 * for too long. Nothing is added to FINDINGS_MAX findings. */
void evaluation_add_underutilized(struct evaluation *evaluation, str why, bool may_promote,
                                  struct arena *arena);
void evaluation_add_clients_blocked(struct evaluation *evaluation, uint64_t requests, str reason,
                                    int days, struct arena *arena);
void evaluation_add_too_long(struct evaluation *evaluation, str since, int days_max,
                             struct arena *arena);

/* That something else writes the mode, where a change to strictest is due: MANAGED_BY_OTHER, unless
 * it is listed. */
void evaluation_add_managed(struct evaluation *evaluation, struct arena *arena);

/* What the rule behind a finding asks for, in a few words, and the page it comes from (help links
 * in reports); NULL for an id that no rule emits. */
const char *finding_title(enum finding_id id);
const char *finding_source_url(enum finding_id id);
/* How grave it is when it fails; INFORMATIONAL for an id that no rule emits. */
enum finding_severity finding_rule_severity(enum finding_id id);

/* The first of the highest severity; NULL when there are none. */
const struct finding *finding_most_severe(const struct evaluation *evaluation);

/* That of the most severe finding. Unknown is never shown as harmless: it is at least MEDIUM. */
enum finding_severity evaluation_severity(const struct evaluation *evaluation);
/* The first of this id; NULL: there is none. */
const struct finding *evaluation_finding(const struct evaluation *evaluation, enum finding_id id);

/* An evaluation without a judgement: NOT_APPLICABLE or UNKNOWN with the reason. */
void evaluation_without_facts(struct evaluation *evaluation_out, str resource_type, str resource_id,
                              enum compliance compliance, str reason);

#endif
