/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of rules and the way from facts to a verdict. A rule is one row here, one function in
 * the file of its family and its id in FINDING_MAP. The last two rows have no function, because
 * they are advice on more than the facts of one moment; they are appended to a judgement that was
 * made here: UNDERUTILIZED by advice_add_finding (policy/recommend.h), from evidence of traffic,
 * and NON_COMPLIANT_TOO_LONG by transition_add_age (policy/transition.h), from the STATE item.
 */
#include "policy/evaluate.h"

#include "base/clock.h"
#include "policy_internal.h"

#define NEEDS_PAIR (FACT_MODE | FACT_TAGS | FACT_REQUIRED_MODE)

#define URL_MODE                                                                                   \
    "https://docs.aws.amazon.com/config/latest/developerguide/alb-desync-mode-check.html"
#define URL_HEADERS                                                                                \
    "https://docs.aws.amazon.com/securityhub/latest/userguide/elb-controls.html#elb-4"
#define URL_ATTRIBUTES                                                                             \
    "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/"                         \
    "edit-load-balancer-attributes.html"
#define URL_TAGS "https://docs.aws.amazon.com/tag-editor/latest/userguide/tagging.html"

/* In the order in which findings are listed: what fails first, advice last. */
static const struct rule rules[] = {
    {FINDING_MODE_TOO_WEAK, SEVERITY_HIGH, NEEDS_PAIR,
     "The desync mitigation mode is at least the required one", URL_MODE, check_mode_too_weak},
    {FINDING_EXCEPTION_EXPIRED, SEVERITY_HIGH, NEEDS_PAIR, "An exception has not ended", URL_TAGS,
     check_exception_expired},
    {FINDING_EXCEPTION_INVALID, SEVERITY_MEDIUM, NEEDS_PAIR, "An exception has a date", URL_TAGS,
     check_exception_invalid},
    {FINDING_EXCEPTION_INCOMPLETE, SEVERITY_MEDIUM, NEEDS_PAIR,
     "An exception has a date, a reason and an approver", URL_TAGS, check_exception_incomplete},
    {FINDING_EXCEPTION_TOO_LONG, SEVERITY_MEDIUM, NEEDS_PAIR, "An exception is short", URL_TAGS,
     check_exception_too_long},
    {FINDING_TAG_MISSING, SEVERITY_MEDIUM, FACT_TAGS, "Required tags are present", URL_TAGS,
     check_tag_missing},
    {FINDING_TAG_VALUE_NOT_ALLOWED, SEVERITY_MEDIUM, FACT_TAGS,
     "Required tags have an allowed value", URL_TAGS, check_tag_value_not_allowed},
    {FINDING_PROFILE_UNKNOWN, SEVERITY_MEDIUM, FACT_TAGS, "The profile tag names a known profile",
     URL_TAGS, check_profile_unknown},
    {FINDING_HEADERS_NOT_DROPPED, SEVERITY_MEDIUM, FACT_HEADERS,
     "Header fields that are not valid are dropped", URL_HEADERS, check_headers_not_dropped},
    {FINDING_EXCEPTION_EXPIRING, SEVERITY_LOW, NEEDS_PAIR, "An exception does not end soon",
     URL_TAGS, check_exception_expiring},
    {FINDING_EXCEPTION_UNUSED, SEVERITY_LOW, NEEDS_PAIR, "An exception is needed", URL_TAGS,
     check_exception_unused},
    {FINDING_EXCEPTION_ACTIVE, SEVERITY_INFORMATIONAL, NEEDS_PAIR,
     "The mode is not excused by an exception", URL_TAGS, check_exception_active},
    {FINDING_MANAGED_BY_OTHER, SEVERITY_LOW, NEEDS_PAIR,
     "The mode is changed where the load balancer is described", URL_ATTRIBUTES,
     check_managed_by_other},
    {.id = FINDING_UNDERUTILIZED, .severity = SEVERITY_LOW},
    {.id = FINDING_NON_COMPLIANT_TOO_LONG, .severity = SEVERITY_INFORMATIONAL},
    {.id = FINDING_CLIENTS_BLOCKED, .severity = SEVERITY_MEDIUM},
};

#define RULE_COUNT (sizeof(rules) / sizeof(rules[0]))

const char *compliance_name(enum compliance compliance) {
    static const char *const names[] = {"COMPLIANT", "NON_COMPLIANT", "NOT_APPLICABLE", "UNKNOWN"};
    ASSERT((size_t)compliance < sizeof(names) / sizeof(names[0]));
    return names[compliance];
}

static const struct rule *rule_of(enum finding_id id) {
    size_t i = 0;
    while (rules[i].id != id) {
        i++;
        ASSERT(i < RULE_COUNT);
    }
    return &rules[i];
}

const char *finding_title(enum finding_id id) {
    return rule_of(id)->title;
}

const char *finding_source_url(enum finding_id id) {
    return rule_of(id)->source_url;
}

enum finding_severity finding_rule_severity(enum finding_id id) {
    return rule_of(id)->severity;
}

void evaluation_add_underutilized(struct evaluation *evaluation, str why, bool may_promote,
                                  struct arena *arena) {
    struct judgement judgement = {.arena = arena, .evaluation = evaluation};
    if (evaluation->finding_count < FINDINGS_MAX) {
        finding_add(rule_of(FINDING_UNDERUTILIZED), &judgement, STR_EMPTY,
                    "The mode is defensive although the evidence supports strictest: %" STR_FMT
                    ". Set " ATTRIBUTE_DESYNC_MODE " to strictest%s",
                    STR_ARG(why),
                    may_promote ? ", or set PROMOTION=enforce: desync-guard then does it, and "
                                  "watches the result."
                                : ".");
    }
}

void evaluation_add_clients_blocked(struct evaluation *evaluation, uint64_t requests, str reason,
                                    int days, struct arena *arena) {
    struct judgement judgement = {.arena = arena, .evaluation = evaluation};
    if (evaluation->finding_count < FINDINGS_MAX) {
        finding_add(
            rule_of(FINDING_CLIENTS_BLOCKED), &judgement, reason,
            "In the last %d days %llu requests were blocked that came from networks of "
            "clients that were served otherwise, most of them for %" STR_FMT
            ". Repair these clients: `desync-guard logs` on the access logs lists them, with "
            "the repairs.",
            days, (unsigned long long)requests, STR_ARG(reason));
    }
}

void evaluation_add_too_long(struct evaluation *evaluation, str since, int days_max,
                             struct arena *arena) {
    struct judgement judgement = {.arena = arena, .evaluation = evaluation};
    if (evaluation->finding_count < FINDINGS_MAX) {
        finding_add(rule_of(FINDING_NON_COMPLIANT_TOO_LONG), &judgement, since,
                    "The load balancer has been non-compliant since %" STR_FMT
                    ", longer than the %d day%s allowed. Repair it, or ask for an exception.",
                    STR_ARG(since), days_max, str_by_count((uint64_t)days_max, "", "s"));
    }
}

void evaluation_add_managed(struct evaluation *evaluation, struct arena *arena) {
    struct judgement judgement = {.arena = arena, .evaluation = evaluation};
    bool is_listed = evaluation_finding(evaluation, FINDING_MANAGED_BY_OTHER) != NULL;
    if (!is_listed && evaluation->finding_count < FINDINGS_MAX) {
        managed_add(rule_of(FINDING_MANAGED_BY_OTHER), &judgement);
    }
}

static unsigned facts_known(const struct judgement *judgement) {
    const struct load_balancer *facts = judgement->load_balancer;
    return (facts->mode != MODE_UNKNOWN ? FACT_MODE : 0U) | (facts->has_tags ? FACT_TAGS : 0U) |
           (judgement->required.mode != MODE_UNKNOWN ? FACT_REQUIRED_MODE : 0U) |
           (facts->drops_invalid_headers != UNKNOWN ? FACT_HEADERS : 0U);
}

static str join(struct arena *arena, str reasons, str reason) {
    return str_is_empty(reasons)
               ? reason
               : str_format(arena, "%" STR_FMT "; %" STR_FMT, STR_ARG(reasons), STR_ARG(reason));
}

static str mode_reason(const struct judgement *judgement) {
    str found = plain_text_trim(judgement->load_balancer->mode_text);
    if (str_is_empty(found)) {
        return STR(ATTRIBUTE_DESYNC_MODE " could not be read");
    }
    /* by words, for it goes into the annotation */
    str shown = plain_text_words(judgement->arena, found, PLAIN_TEXT_QUOTE_MAX);
    if (str_is_empty(shown)) {
        return STR(ATTRIBUTE_DESYNC_MODE " is no known mode (monitor, defensive, strictest)");
    }
    return str_format(judgement->arena,
                      ATTRIBUTE_DESYNC_MODE " is \"%" STR_FMT
                                            "\", which is no known mode (monitor, defensive, "
                                            "strictest)",
                      STR_ARG(shown));
}

/* Why a verdict would be a guess; empty when it would not. */
static str missing_facts(const struct judgement *judgement, unsigned known) {
    struct arena *arena = judgement->arena;
    bool needs_headers = judgement->policy->drop_invalid_headers == HEADERS_REQUIRE;
    str reasons = STR_EMPTY;
    if (judgement->load_balancer->type == TYPE_UNKNOWN) {
        reasons = STR("the type of the load balancer could not be read");
    }
    if ((known & FACT_MODE) == 0) {
        reasons = join(arena, reasons, mode_reason(judgement));
    }
    if ((known & FACT_TAGS) == 0) {
        reasons = join(arena, reasons, STR("the tags could not be read"));
    } else if ((known & FACT_REQUIRED_MODE) == 0) {
        reasons = join(arena, reasons, STR("the scheme could not be read"));
    }
    if ((known & FACT_HEADERS) == 0 && needs_headers) {
        str reason = STR(ATTRIBUTE_DROP_INVALID_HEADERS " could not be read");
        reasons = join(arena, reasons, reason);
    }
    return reasons;
}

/* From facts to a verdict. A rule runs when all facts that it needs are known, and findings are
 * listed even where the verdict stays unknown, because each of them is certain (none where the type
 * is not known):
 *
 *   load balancer, policy --> required mode --> exception --> rules[] --> findings
 *           |                                                                |
 *           |  a fact that decides is missing: `reason` is not empty         v
 *           +--------------------------------------------------------> UNKNOWN
 *              none is missing:  a finding fails --> NON_COMPLIANT, else COMPLIANT
 *
 * An unknown verdict is never reported to AWS Config: its last result then stays. */
static void judge(struct judgement *judgement) {
    struct evaluation *evaluation = judgement->evaluation;
    const struct load_balancer *facts = judgement->load_balancer;
    judgement->required = requirement_find(facts, judgement->policy, judgement->arena);
    judgement->exception = exception_read(judgement);
    unsigned known = facts_known(judgement);
    evaluation->required_mode = judgement->required.mode;
    evaluation->required_because = judgement->required.because;
    evaluation->profile_mode = judgement->required.profile_mode;
    evaluation->grade = grade_of(facts->mode, facts->drops_invalid_headers);
    if (judgement->exception.has_date) {
        evaluation->exception_until = judgement->exception.until;
    }
    evaluation->opt_out = opt_out_read(judgement);
    evaluation->reason = missing_facts(judgement, known);
    if (facts->type == TYPE_UNKNOWN) {
        return; /* no rule is certain to apply */
    }
    evaluation->has_active_exception = (NEEDS_PAIR & ~known) == 0 && mode_is_too_weak(judgement) &&
                                       judgement->exception.is_honoured;
    for (size_t i = 0; i < RULE_COUNT; i++) {
        if (rules[i].check != NULL && (rules[i].needs & ~known) == 0) {
            rules[i].check(&rules[i], judgement);
        }
    }
    bool is_failing = false;
    for (size_t i = 0; i < evaluation->finding_count; i++) {
        is_failing = is_failing || evaluation->findings[i].is_failing;
    }
    if (str_is_empty(evaluation->reason)) {
        evaluation->compliance = is_failing ? NON_COMPLIANT : COMPLIANT;
    }
}

void evaluation_without_facts(struct evaluation *evaluation_out, str resource_type, str resource_id,
                              enum compliance compliance, str reason) {
    ASSERT(compliance == NOT_APPLICABLE || compliance == COMPLIANCE_UNKNOWN);
    *evaluation_out = (struct evaluation){.resource_type = resource_type,
                                          .resource_id = resource_id,
                                          .compliance = compliance,
                                          .reason = reason,
                                          .grade = '-'};
}

void policy_evaluate(const struct load_balancer *load_balancer, const struct policy *policy,
                     int64_t now_ms, struct arena *arena, struct evaluation *evaluation_out) {
    ASSERT(load_balancer != NULL && policy != NULL && evaluation_out != NULL);
    evaluation_without_facts(evaluation_out, STR(LOAD_BALANCER_RESOURCE_TYPE), load_balancer->arn,
                             COMPLIANCE_UNKNOWN, STR_EMPTY);
    evaluation_out->source = load_balancer->source;
    evaluation_out->mode = load_balancer->mode;
    evaluation_out->scheme = load_balancer->scheme;
    evaluation_out->owner = owner_find(load_balancer, policy, arena);
    evaluation_out->management = management_of(load_balancer, arena);
    if (load_balancer->type == TYPE_NETWORK || load_balancer->type == TYPE_GATEWAY) {
        evaluation_out->compliance = NOT_APPLICABLE;
        evaluation_out->reason =
            str_format(arena, "a %s load balancer has no desync mitigation mode",
                       load_balancer_type_name(load_balancer->type));
        return;
    }
    struct judgement judgement = {.load_balancer = load_balancer,
                                  .policy = policy,
                                  .today = date_days_of_ms(now_ms),
                                  .arena = arena,
                                  .evaluation = evaluation_out};
    judge(&judgement);
}

const struct finding *finding_most_severe(const struct evaluation *evaluation) {
    ASSERT(evaluation->finding_count <= FINDINGS_MAX);
    const struct finding *most_severe = NULL;
    for (size_t i = 0; i < evaluation->finding_count; i++) {
        if (most_severe == NULL || evaluation->findings[i].severity > most_severe->severity) {
            most_severe = &evaluation->findings[i];
        }
    }
    return most_severe;
}

enum finding_severity evaluation_severity(const struct evaluation *evaluation) {
    const struct finding *finding = finding_most_severe(evaluation);
    enum finding_severity severity = finding == NULL ? SEVERITY_INFORMATIONAL : finding->severity;
    bool is_unknown = evaluation->compliance == COMPLIANCE_UNKNOWN;
    return is_unknown && severity < SEVERITY_MEDIUM ? SEVERITY_MEDIUM : severity;
}

const struct finding *evaluation_finding(const struct evaluation *evaluation, enum finding_id id) {
    for (size_t i = 0; i < evaluation->finding_count; i++) {
        if (evaluation->findings[i].id == id) {
            return &evaluation->findings[i];
        }
    }
    return NULL;
}
