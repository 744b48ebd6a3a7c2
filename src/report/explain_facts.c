/* SPDX-License-Identifier: Apache-2.0
 *
 * What the text and the JSON of an explanation both say of tags, exception, alerts and evidence.
 */
#include "explain_internal.h"

#include "alert_internal.h"

/* --- tags ------------------------------------------------------------------------------------ */

static bool is_required(const struct policy *policy, str key) {
    for (size_t i = 0; i < policy->required_tag_count; i++) {
        if (str_eq(policy->required_tags[i].key, key)) {
            return true;
        }
    }
    return false;
}

static bool is_owner(const struct policy *policy, str key) {
    for (size_t i = 0; i < policy->owner_tag_count; i++) {
        if (str_eq(policy->owner_tags[i], key)) {
            return true;
        }
    }
    return false;
}

static bool matters(const struct explanation *explanation, str key) {
    const struct policy *policy = explanation->policy;
    str rest = key;
    bool is_of_exception =
        str_take(&rest, policy->exception_tag_prefix) && str_starts_with(rest, STR("-"));
    return is_of_exception || str_eq(key, policy->profile_tag) ||
           str_eq(key, explanation->ring_tag) || str_eq(key, STR(PROMOTION_TAG)) ||
           is_required(policy, key) || is_owner(policy, key);
}

size_t explain_tags(struct arena *arena, const struct explanation *explanation,
                    const struct tag **tags_out) {
    const struct load_balancer *facts = explanation->facts;
    struct tag *tags = ARENA_ARRAY(arena, struct tag, facts->tag_count + 1);
    size_t count = 0;
    for (size_t i = 0; i < facts->tag_count; i++) {
        if (matters(explanation, facts->tags[i].key)) {
            tags[count++] = facts->tags[i];
        }
    }
    *tags_out = tags;
    return count;
}

/* --- exception ------------------------------------------------------------------------------- */

static str exception_tag(struct arena *arena, const struct explanation *explanation,
                         const char *suffix) {
    str value = STR_EMPTY;
    str key = str_format(arena, "%" STR_FMT "-%s",
                         STR_ARG(explanation->policy->exception_tag_prefix), suffix);
    return tag_get(explanation->facts, key, &value) ? str_trim(value) : STR_EMPTY;
}

bool explain_exception(struct arena *arena, const struct explanation *explanation,
                       struct explained_exception *exception_out) {
    int64_t day = 0;
    *exception_out =
        (struct explained_exception){.state = posture_exception_state(explanation->evaluation),
                                     .until = exception_tag(arena, explanation, "until"),
                                     .reason = exception_tag(arena, explanation, "reason"),
                                     .approver = exception_tag(arena, explanation, "approver")};
    exception_out->has_days = date_parse(exception_out->until, &day);
    exception_out->days_left =
        exception_out->has_days ? day - date_days_of_ms(explanation->now_ms) : 0;
    return exception_out->state != EXCEPTION_STATE_NONE || !str_is_empty(exception_out->until) ||
           !str_is_empty(exception_out->reason) || !str_is_empty(exception_out->approver);
}

/* --- alerts and evidence --------------------------------------------------------------------- */

size_t explain_alerts(struct arena *arena, const struct explanation *explanation,
                      str alerts_out[static EXPLAINED_ALERTS_MAX]) {
    const struct lb_state *state = &explanation->state;
    const struct {
        int64_t at_ms;
        const char *before;
        const char *after;
    } MOMENTS[] = {
        {state->alerted_since_ms, "the incident that began at ", " was alerted"},
        {state->fight_alerted_ms, "that the mode is changed back was alerted at ", ""},
        {state->held_since_ms, "that the mode is not raised was alerted in the incident since ",
         ""},
        {state->flapping_ms, "held back since ", ", as it changes too often"},
    };
    size_t count = 0;
    for (size_t i = 0; i < sizeof MOMENTS / sizeof *MOMENTS; i++) {
        if (MOMENTS[i].at_ms != 0) {
            alerts_out[count++] =
                str_format(arena, "%s%" STR_FMT "%s", MOMENTS[i].before,
                           STR_ARG(alert_moment(arena, MOMENTS[i].at_ms)), MOMENTS[i].after);
        }
    }
    if (!str_is_empty(state->alerted_exception)) {
        alerts_out[count++] = str_format(arena, "the exception was alerted: %" STR_FMT,
                                         STR_ARG(state->alerted_exception));
    }
    if (state->due_alerts != 0) {
        alerts_out[count++] = STR("one is due, and was not published yet");
    }
    return count;
}

str explain_no_evidence(const struct explanation *explanation) {
    const struct evaluation *evaluation = explanation->evaluation;
    return evaluation->advice != NULL                 ? STR_EMPTY
           : evaluation->compliance == NOT_APPLICABLE ? STR("not asked for: it is not judged")
           : evaluation->compliance == COMPLIANCE_UNKNOWN
               ? STR("not asked for, as long as the verdict is unknown")
           : evaluation->mode == MODE_STRICTEST
               ? STR("not needed: the mode is the strictest there is")
           : !explanation->is_advised         ? STR("not asked for: PROMOTION is `off`")
           : evaluation->has_active_exception ? STR("not asked for: an exception excuses the mode")
                                              : STR("unknown");
}
