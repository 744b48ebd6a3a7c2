/* SPDX-License-Identifier: Apache-2.0
 *
 * Load balancers that are remembered but no longer listed: nobody told of their end, and AWS Config
 * may hold nothing of them. After a complete sweep their incidents are closed. They are looked for
 * once more before that: the listing was the first look, and only what is missed twice is gone.
 */
#include "aws/dynamodb.h"
#include "sweep_internal.h"

struct forgotten {
    struct sweep *sweep;
    str account_id; /* the swept one; empty: not known yet */
    str *arns;
    size_t count;
    size_t capacity;
};

/* The account of what was listed, else of the event, else our own. */
static enum status find_account(struct sweep *sweep, str *account_out, struct error *error) {
    struct load_balancer_arn arn;
    *account_out = sweep->invocation->account_id;
    if (sweep->listed_count > 0 &&
        load_balancer_arn_parse(sweep->listed[0].arn, &arn) == STATUS_OK) {
        *account_out = arn.account_id;
    }
    return str_is_empty(*account_out)
               ? sts_get_account(&sweep->guard->home, sweep->arena, account_out, error)
               : STATUS_OK;
}

static bool is_of_the_sweep(const struct forgotten *forgotten, str text) {
    struct load_balancer_arn arn;
    return load_balancer_arn_parse(text, &arn) == STATUS_OK &&
           str_eq(arn.region, forgotten->sweep->guard->aws.region) &&
           str_eq(arn.account_id, forgotten->account_id);
}

static void keep(struct forgotten *forgotten, str arn) {
    struct arena *arena = forgotten->sweep->arena;
    ARENA_RESERVE(arena, forgotten->arns, forgotten->count + 1, forgotten->capacity);
    forgotten->arns[forgotten->count++] = str_copy(arena, arn);
}

/* One that was judged since the sweep began may have been created since. */
static enum status take(void *context, const struct dynamodb_item *items, size_t count,
                        struct error *error) {
    struct forgotten *forgotten = context;
    (void)error;
    for (size_t i = 0; i < count; i++) {
        str arn = dynamodb_get_string(&items[i], DYNAMODB_PK);
        str compliance = dynamodb_get_string(&items[i], "compliance");
        int64_t facts_ms = 0;
        bool is_dated = time_parse_iso8601(dynamodb_get_string(&items[i], "factsTime"), &facts_ms);
        if (is_dated && facts_ms < forgotten->sweep->begun_ms &&
            !str_eq(compliance, STR("NOT_APPLICABLE")) && is_of_the_sweep(forgotten, arn) &&
            sweep_find_listed(forgotten->sweep, arn) == NULL) {
            keep(forgotten, arn);
        }
    }
    return STATUS_OK;
}

static enum status list_forgotten(struct forgotten *forgotten, struct error *error) {
    static const char *const ATTRIBUTES[] = {DYNAMODB_PK, "compliance", "factsTime"};
    struct sweep *sweep = forgotten->sweep;
    const struct dynamodb_scan scan = {.table = sweep->control.table.name,
                                       .sk = STR("STATE"),
                                       .attributes = ATTRIBUTES,
                                       .attribute_count = sizeof ATTRIBUTES / sizeof *ATTRIBUTES};
    const struct dynamodb_sink sink = {.context = forgotten, .take = take};
    return dynamodb_scan(sweep->control.table.client, &scan, &sink, sweep->arena, error);
}

static void look_again(struct sweep *sweep, str arn) {
    struct load_balancer facts = {.arn = arn};
    struct error error = {0};
    int64_t read_ms = sweep->guard->clock->now_ms(sweep->guard->clock);
    enum status status = elbv2_read_load_balancer(&sweep->guard->aws, ELBV2_ATTRIBUTES,
                                                  sweep->arena, &facts, &error);
    if (status == STATUS_NOT_FOUND) {
        struct evaluation *evaluation = ARENA_NEW(sweep->arena, struct evaluation);
        evaluation_without_facts(evaluation, STR(LOAD_BALANCER_RESOURCE_TYPE), arn, NOT_APPLICABLE,
                                 STR("does not exist any more"));
        evaluation->source = SOURCE_LIVE;
        control_handle_judgement(&sweep->control, &facts, read_ms, evaluation);
    } else if (status != STATUS_OK) {
        action_add_failure(&sweep->control, arn, "remember", &error);
    }
}

void sweep_stale_state(struct sweep *sweep) {
    struct forgotten forgotten = {.sweep = sweep};
    struct error error = {0};
    if (!sweep->acts || str_is_empty(sweep->control.table.name) || !sweep_is_complete(sweep)) {
        return;
    }
    if (find_account(sweep, &forgotten.account_id, &error) != STATUS_OK ||
        list_forgotten(&forgotten, &error) != STATUS_OK) {
        action_add_failure(&sweep->control, sweep->control.table.name, "remember", &error);
        return;
    }
    for (size_t i = 0; i < forgotten.count; i++) {
        look_again(sweep, forgotten.arns[i]);
    }
}
