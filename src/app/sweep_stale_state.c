/* SPDX-License-Identifier: Apache-2.0
 *
 * Load balancers that the table remembers and the sweep did not list: no event announced their end,
 * and AWS Config may hold nothing of them. After a complete sweep their incidents are closed. Each
 * is looked for once more before that: the listing was the first look, and only what is missed
 * twice is gone.
 */
#include "aws/dynamodb.h"
#include "sweep_internal.h"

struct stale_search {
    struct sweep *sweep;
    str account_id; /* the swept one */
    str *arns;
    size_t count;
    size_t capacity;
};

/* Not one that was judged since the sweep began: it may have been created since. */
static bool is_stale(const struct stale_search *search, const struct dynamodb_item *item, str arn) {
    const struct sweep *sweep = search->sweep;
    struct load_balancer_arn parts;
    struct lb_state state;
    state_read(item, &state);
    return state.facts_ms != 0 && state.facts_ms < sweep->begun_ms &&
           state.compliance != NOT_APPLICABLE &&
           load_balancer_arn_parse(arn, &parts) == STATUS_OK &&
           str_eq(parts.region, sweep->guard->aws.region) &&
           str_eq(parts.account_id, search->account_id) &&
           listing_find(&sweep->listing, arn) == NULL;
}

static enum status take_items(void *context, const struct dynamodb_item *items, size_t count,
                              struct error *error) {
    struct stale_search *search = context;
    struct arena *arena = search->sweep->arena;
    (void)error;
    for (size_t i = 0; i < count; i++) {
        str arn = dynamodb_get_string(&items[i], DYNAMODB_PK);
        if (is_stale(search, &items[i], arn)) {
            ARENA_RESERVE(arena, search->arns, search->count + 1, search->capacity);
            search->arns[search->count++] = str_copy(arena, arn);
        }
    }
    return STATUS_OK;
}

static enum status search_table(struct stale_search *search, struct error *error) {
    static const char *const ATTRIBUTES[] = {DYNAMODB_PK, "compliance", "factsTime"};
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
        TRY(sts_get_account(&sweep->guard->home, sweep->arena, &search->account_id, error));
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

void sweep_stale_state(struct sweep *sweep) {
    struct stale_search search = {.sweep = sweep};
    struct error error = {0};
    if (!sweep->acts || str_is_empty(sweep->control.table.name) || !sweep_is_complete(sweep)) {
        return;
    }
    if (search_table(&search, &error) != STATUS_OK) {
        action_add_failure(&sweep->control, sweep->control.table.name, ACTION_REMEMBER, &error);
        return;
    }
    for (size_t i = 0; i < search.count; i++) {
        look_again(sweep, search.arns[i]);
    }
}
