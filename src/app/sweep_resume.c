/* SPDX-License-Identifier: Apache-2.0
 *
 * Fleets too large for one invocation: where a sweep ran out of time is remembered in the table,
 * and the next one of the same rule goes on from there. When the end of the listing is reached the
 * sweep is as complete as one in a single invocation. Without a table each begins elsewhere, so
 * that none is the part that is never reached; but then nothing is ever complete.
 */
#include "aws/dynamodb.h"
#include "sweep_internal.h"

/* One that nobody goes on with is not worth going on with. */
#define CURSOR_KEPT_MS (2 * MS_PER_DAY)

static struct dynamodb_key key_of(const struct sweep *sweep) {
    const struct config_invocation *invocation = sweep->invocation;
    return (struct dynamodb_key){.pk = str_format(sweep->arena,
                                                  "SWEEP#%" STR_FMT "#%" STR_FMT "#%" STR_FMT,
                                                  STR_ARG(invocation->account_id),
                                                  STR_ARG(sweep->app->aws.region),
                                                  STR_ARG(invocation->rule_name)),
                                 .sk = STR("CURSOR")};
}

/* Where it began is not decided by chance alone: Fibonacci hashing of the time, as a retry comes
 * soon after. */
static size_t somewhere(const struct sweep *sweep) {
    uint64_t now_ms = (uint64_t)sweep->app->clock->now_ms(sweep->app->clock);
    return (size_t)((now_ms * UINT64_C(0x9E3779B97F4A7C15)) >> 32) % sweep->listed_count;
}

/* The first behind the ARN; 0 when there is none. */
static size_t index_behind(const struct sweep *sweep, str arn) {
    size_t index = 0;
    while (index < sweep->listed_count && str_compare(sweep->listed[index].arn, arn) <= 0) {
        index++;
    }
    return index == sweep->listed_count ? 0 : index;
}

static enum status go_on(struct sweep *sweep, size_t *first, struct error *error) {
    const struct dynamodb_key key = key_of(sweep);
    struct dynamodb_item item;
    bool is_found = false;
    int64_t expires_s = 0;
    TRY(dynamodb_get_item(
        &sweep->app->home, sweep->act.table.name, &key, sweep->arena, &item, &is_found, error));
    str cursor = is_found ? dynamodb_get_string(&item, "cursor") : STR_EMPTY;
    if (str_is_empty(cursor) || !dynamodb_get_number(&item, "expires_at", &expires_s) ||
        expires_s * MS_PER_SECOND < sweep->begun_ms) {
        return STATUS_OK;
    }
    *first = index_behind(sweep, cursor);
    sweep->is_flawed = *first > 0 && !str_is_empty(dynamodb_get_string(&item, "flaw"));
    return STATUS_OK;
}

size_t sweep_resume(struct sweep *sweep) {
    struct error error = {0};
    size_t first = 0;
    sweep->is_resumable = sweep->acts && !str_is_empty(sweep->act.table.name);
    if (!sweep->is_resumable) {
        return somewhere(sweep);
    }
    if (go_on(sweep, &first, &error) != STATUS_OK) {
        sweep->is_resumable = false;
        act_fail(&sweep->act, sweep->act.table.name, "alert", &error);
        return somewhere(sweep);
    }
    for (size_t i = 0; i < first; i++) {
        sweep->resumed_count += sweep_is_to_be_judged(&sweep->listed[i]) ? 1 : 0;
    }
    return first;
}

void sweep_remember_end(struct sweep *sweep) {
    if (!sweep->is_resumable || sweep->list_error.status != STATUS_OK) {
        return;
    }
    bool is_at_end = sweep->not_reached_count == 0 && sweep->unacted_count == 0;
    /* Where none could be acted on, the next invocation must not fail at the same ones. */
    str cursor = str_is_empty(sweep->acted_on) ? sweep->reached : sweep->acted_on;
    bool is_flawed =
        sweep->is_flawed || sweep->unknown_count > 0 || sweep->report_error.status != STATUS_OK;
    const struct dynamodb_key key = key_of(sweep);
    int64_t expires_ms = sweep->begun_ms + CURSOR_KEPT_MS;
    struct dynamodb_attribute item[5] = {
        dynamodb_string(DYNAMODB_PK, key.pk),
        dynamodb_string(DYNAMODB_SK, key.sk),
        dynamodb_number(sweep->arena, "expires_at", expires_ms / MS_PER_SECOND),
    };
    size_t count = 3;
    if (!is_at_end && !str_is_empty(cursor)) {
        item[count++] = dynamodb_string("cursor", cursor);
    }
    if (!is_at_end && is_flawed) {
        item[count++] = dynamodb_string("flaw", STR("unknown"));
    }
    const struct dynamodb_put put = {.table = sweep->act.table.name, .item = {item, count}};
    struct error error = {0};
    if (dynamodb_put_item(&sweep->app->home, &put, sweep->arena, &error) != STATUS_OK) {
        act_fail(&sweep->act, sweep->act.table.name, "alert", &error);
    }
}
