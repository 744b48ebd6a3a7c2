/* SPDX-License-Identifier: Apache-2.0 */
#include "policy_internal.h"

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
    switch (scheme) {
    case SCHEME_INTERNAL:
        return internal;
    case SCHEME_INTERNET_FACING:
        return facing;
    case SCHEME_UNKNOWN:
        break;
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

char grade_of(enum desync_mode mode, enum tristate drops_invalid_headers) {
    bool drops = drops_invalid_headers == YES;
    switch (mode) {
    case MODE_STRICTEST:
        return drops ? 'A' : 'B';
    case MODE_DEFENSIVE:
        return drops ? 'C' : 'D';
    case MODE_MONITOR:
        return 'F';
    case MODE_UNKNOWN:
        break;
    }
    return '-';
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
    str message =
        str_format(judgement->arena,
                   "The desync mitigation mode is %s, but %s%s is required (%" STR_FMT
                   "). Set " ATTRIBUTE_DESYNC_MODE " to %s %" STR_FMT ".",
                   mode_name(judgement->load_balancer->mode),
                   judgement->required.mode == MODE_STRICTEST ? "" : "at least ", required,
                   STR_ARG(judgement->required.because), required, STR_ARG(due));
    finding_add(rule, judgement, STR_EMPTY, message);
}
