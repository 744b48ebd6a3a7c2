/* SPDX-License-Identifier: Apache-2.0
 *
 * What the table remembers of the Region, read once at the end of a sweep.
 *
 * Load balancers that are non-compliant for too long are escalated, those of earlier parts of the
 * sweep too. Those that the sweep did not list: no event announced their end, and AWS Config may
 * hold nothing of them. After a complete sweep their incidents are closed. Each is looked for once
 * more before that: the listing was the first look, and only what is missed twice is gone.
 */
#include "aws/dynamodb.h"
#include "control/digest.h"
#include "sweep_internal.h"

struct search {
    struct sweep *sweep;
    str account_id; /* the swept one */
    bool wants_stale;
    bool wants_escalations;
    str *stale; /* their ARNs */
    size_t stale_count;
    size_t stale_capacity;
    struct escalation *escalations;
    size_t escalation_count;
    size_t escalation_capacity;
};

static bool is_of_region(const struct search *search, str arn) {
    struct load_balancer_arn parts;
    return load_balancer_arn_parse(arn, &parts) == STATUS_OK &&
           str_eq(parts.region, search->sweep->guard->aws.region) &&
           str_eq(parts.account_id, search->account_id);
}

/* Not one that was judged since the sweep began: it may have been created since. */
static bool is_stale(const struct search *search, const struct lb_state *state) {
    return search->wants_stale && state->facts_ms != 0 &&
           state->facts_ms < search->sweep->begun_ms && state->compliance != NOT_APPLICABLE;
}

static bool is_escalated(const struct search *search, const struct lb_state *state) {
    const struct sweep *sweep = search->sweep;
    return search->wants_escalations && state->compliance == NON_COMPLIANT &&
           state->since_ms < sweep->begun_ms && /* else its opening was alerted just now */
           transition_is_too_long(state->since_ms, guard_now_ms(sweep->guard),
                                  sweep->policy->max_non_compliant_days);
}

static const struct evaluation *find_kept(const struct sweep *sweep, str arn) {
    for (size_t i = 0; i < sweep->escalated_count; i++) {
        if (str_eq(sweep->escalated[i].evaluation.resource_id, arn)) {
            return &sweep->escalated[i].evaluation;
        }
    }
    return NULL;
}

static void add_escalation(struct search *search, str arn, const struct lb_state *state) {
    struct arena *arena = search->sweep->arena;
    ARENA_RESERVE(arena, search->escalations, search->escalation_count + 1,
                  search->escalation_capacity);
    search->escalations[search->escalation_count++] = (struct escalation){
        .arn = str_copy(arena, arn),
        .owner = str_copy(arena, state->owner),
        .mode = state->mode,
        .required_mode = state->required_mode,
        .since_ms = state->since_ms,
        .findings = str_copy(arena, state->findings),
        .evaluation = find_kept(search->sweep, arn),
    };
}

static enum status take_items(void *context, const struct dynamodb_item *items, size_t count,
                              struct error *error) {
    struct search *search = context;
    struct arena *arena = search->sweep->arena;
    (void)error;
    for (size_t i = 0; i < count; i++) {
        str arn = dynamodb_get_string(&items[i], DYNAMODB_PK);
        struct lb_state state;
        state_read(&items[i], &state);
        bool is_listed = listing_find(&search->sweep->listing, arn) != NULL;
        if (is_listed && is_escalated(search, &state)) {
            add_escalation(search, arn, &state);
        } else if (!is_listed && is_stale(search, &state) && is_of_region(search, arn)) {
            ARENA_RESERVE(arena, search->stale, search->stale_count + 1, search->stale_capacity);
            search->stale[search->stale_count++] = str_copy(arena, arn);
        }
    }
    return STATUS_OK;
}

static enum status search_table(struct search *search, struct error *error) {
    static const char *const ATTRIBUTES[] = {
        DYNAMODB_PK, "compliance",   "factsTime",         "owner",
        "mode",      "requiredMode", "nonCompliantSince", "findings"};
    struct sweep *sweep = search->sweep;
    struct load_balancer_arn arn;
    const struct dynamodb_scan scan = {.table = sweep->control.table.name,
                                       .sk = STR("STATE"),
                                       .attributes = ATTRIBUTES,
                                       .attribute_count = sizeof ATTRIBUTES / sizeof *ATTRIBUTES};
    const struct dynamodb_sink sink = {.context = search, .take = take_items};
    /* The account of what was listed, else of the event, else our own. */
    search->account_id = sweep->invocation->account_id;
    if (sweep->listing.count > 0 &&
        load_balancer_arn_parse(sweep->listing.items[0].arn, &arn) == STATUS_OK) {
        search->account_id = arn.account_id;
    }
    if (str_is_empty(search->account_id)) {
        struct sts_caller caller;
        TRY(sts_get_caller(&sweep->guard->home, sweep->arena, &caller, error));
        search->account_id = caller.account;
    }
    return dynamodb_scan(sweep->control.table.client, &scan, &sink, sweep->arena, error);
}

static void look_again(struct sweep *sweep, str arn) {
    struct load_balancer facts = {.arn = arn};
    struct error error = {0};
    int64_t read_ms = guard_now_ms(sweep->guard);
    error.status = elbv2_read_load_balancer(&sweep->guard->aws, ELBV2_ATTRIBUTES, sweep->arena,
                                            &facts, &error);
    if (error.status == STATUS_NOT_FOUND) {
        struct evaluation *evaluation = ARENA_NEW(sweep->arena, struct evaluation);
        evaluation_after_failed_read(evaluation, arn, &error);
        control_handle_judgement(&sweep->control, &facts, read_ms, evaluation);
    } else if (error.status != STATUS_OK) {
        action_add_failure(&sweep->control, arn, ACTION_REMEMBER, &error);
    }
}

void sweep_keep_escalated(struct sweep *sweep, const struct load_balancer *facts,
                          const struct evaluation *evaluation) {
    if (evaluation_finding(evaluation, FINDING_NON_COMPLIANT_TOO_LONG) == NULL ||
        sweep->escalated_count == SWEEP_ESCALATED_KEPT_MAX) {
        return;
    }
    if (sweep->escalated == NULL) {
        sweep->escalated = ARENA_ARRAY(sweep->arena, struct fleet_row, SWEEP_ESCALATED_KEPT_MAX);
    }
    fleet_row_copy(sweep->arena, facts, evaluation, &sweep->escalated[sweep->escalated_count++]);
}

void sweep_remembered(struct sweep *sweep) {
    struct search search = {.sweep = sweep,
                            .wants_stale = sweep_is_complete(sweep),
                            .wants_escalations =
                                !str_is_empty(sweep->guard->settings.control.alert_topic_arn) &&
                                sweep->listing.error.status == STATUS_OK &&
                                sweep->result.not_reached_count == 0 &&
                                cursor_is_at_end(&sweep->cursor)};
    struct error error = {0};
    if (!sweep->acts || str_is_empty(sweep->control.table.name) ||
        (!search.wants_stale && !search.wants_escalations)) {
        return;
    }
    if (search_table(&search, &error) != STATUS_OK) {
        action_add_failure(&sweep->control, sweep->control.table.name, ACTION_REMEMBER, &error);
        return;
    }
    for (size_t i = 0; i < search.stale_count; i++) {
        look_again(sweep, search.stale[i]);
    }
    digest_publish(&sweep->control, search.escalations, search.escalation_count);
}
