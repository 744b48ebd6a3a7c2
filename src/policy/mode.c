/* SPDX-License-Identifier: Apache-2.0
 *
 * The rules about the two attributes: the desync mitigation mode and dropping header fields.
 */
#include "policy_internal.h"

/* The requests that each mode lets through ("Desync mitigation mode", user guide of Application
 * Load Balancers). Order in enum desync_mode is the order of strictness, so that modes compare as
 * numbers:
 *
 *                Compliant   Acceptable   Ambiguous                        Severe
 *   monitor      forward     forward      forward                          forward
 *   defensive    forward     forward      forward, close the connections   block
 *   strictest    forward     block        block                            block
 */
enum desync_mode mode_stricter(enum desync_mode a, enum desync_mode b) {
    return a > b ? a : b;
}

bool policy_needs_scheme(const struct policy *policy) {
    return policy->mode_min_internet_facing != MODE_UNKNOWN ||
           policy->mode_min_internal != MODE_UNKNOWN;
}

/* What one known scheme asks for. */
static struct requirement requirement_of(const struct policy *policy, enum desync_mode scheme_mode,
                                         enum load_balancer_scheme scheme) {
    if (scheme_mode == MODE_UNKNOWN) {
        return (struct requirement){.mode = policy->mode_min, .because = STR("minimum")};
    }
    return (struct requirement){.mode = mode_stricter(policy->mode_min, scheme_mode),
                                .because = str_from_cstr(scheme_name(scheme))};
}

/* An unknown scheme is no obstacle as long as both schemes ask for the same. */
struct requirement requirement_of_scheme(const struct policy *policy,
                                         enum load_balancer_scheme scheme) {
    struct requirement internal =
        requirement_of(policy, policy->mode_min_internal, SCHEME_INTERNAL);
    struct requirement facing =
        requirement_of(policy, policy->mode_min_internet_facing, SCHEME_INTERNET_FACING);
    if (scheme != SCHEME_UNKNOWN) {
        return scheme == SCHEME_INTERNAL ? internal : facing;
    }
    if (internal.mode == facing.mode) {
        return (struct requirement){.mode = internal.mode, .because = STR("minimum")};
    }
    return (struct requirement){0};
}

bool mode_is_too_weak(const struct judgement *judgement) {
    ASSERT(judgement->load_balancer->mode != MODE_UNKNOWN);
    ASSERT(judgement->required.mode != MODE_UNKNOWN);
    return judgement->load_balancer->mode < judgement->required.mode;
}

/* Unknown header handling gets the lower grade of the two: a grade is no verdict, so a pessimistic
 * guess does no harm. */
char grade_of(enum desync_mode mode, enum tristate drops_invalid_headers) {
    static const struct {
        char grade;
        char when_dropped;
    } grades[] = {[MODE_UNKNOWN] = {'-', '-'},
                  [MODE_MONITOR] = {'F', 'F'},
                  [MODE_DEFENSIVE] = {'D', 'C'},
                  [MODE_STRICTEST] = {'B', 'A'}};
    return drops_invalid_headers == YES ? grades[mode].when_dropped : grades[mode].grade;
}

/* The managed rule ALB_DESYNC_MODE_CHECK wants the mode to be one of those listed in desyncMode;
 * here the weakest one listed is a minimum, so that a stricter mode never fails.
 * https://docs.aws.amazon.com/config/latest/developerguide/alb-desync-mode-check.html */
void check_mode_too_weak(const struct rule *rule, struct judgement *judgement) {
    if (!mode_is_too_weak(judgement) || judgement->exception.is_honoured) {
        return;
    }
    const char *required = mode_name(judgement->required.mode);
    str due = due_phrase(judgement);
    finding_add(rule, judgement, STR_EMPTY,
                "The desync mitigation mode is %s, but %s%s is required (%" STR_FMT
                "). Set " ATTRIBUTE_DESYNC_MODE " to %s %" STR_FMT ".",
                mode_name(judgement->load_balancer->mode),
                judgement->required.mode == MODE_STRICTEST ? "" : "at least ", required,
                STR_ARG(judgement->required.because), required, STR_ARG(due));
}

/* The attribute says whether header fields that are not valid are removed (true) or routed to the
 * targets (false, the default). Judged as a pair with the mode: smuggling past a load balancer was
 * shown with such header fields.
 * https://docs.aws.amazon.com/securityhub/latest/userguide/elb-controls.html#elb-4
 *
 * An unknown value is no finding. It makes the verdict unknown only where the policy requires the
 * attribute (missing_facts). */
void check_headers_not_dropped(const struct rule *rule, struct judgement *judgement) {
    if (judgement->load_balancer->drops_invalid_headers != NO ||
        judgement->policy->drop_invalid_headers == HEADERS_IGNORE) {
        return;
    }
    if (judgement->policy->drop_invalid_headers == HEADERS_REQUIRE) {
        str due = due_phrase(judgement);
        finding_add(rule, judgement, STR_EMPTY,
                    "Header fields that are not valid are passed on to the application. "
                    "Set " ATTRIBUTE_DROP_INVALID_HEADERS " to true %" STR_FMT ".",
                    STR_ARG(due));
        return;
    }
    struct finding *advice =
        finding_add(rule, judgement, STR_EMPTY,
                    "Header fields that are not valid are passed on to the application. Consider "
                    "setting " ATTRIBUTE_DROP_INVALID_HEADERS " to true.");
    advice->is_failing = false;
    advice->severity = SEVERITY_LOW;
}
