/* SPDX-License-Identifier: Apache-2.0
 *
 * The sweep of a Region: list, read, judge and report chunk by chunk, then set what vanished
 * NOT_APPLICABLE. What is reported stays reported however the sweep ends; whatever was not found
 * out makes the invocation fail with a message that says how far it got.
 */
#include <stdlib.h>

#include "history_internal.h"
#include "promote_internal.h"
#include "report/render.h"
#include "sweep_internal.h"

/* Four full calls of PutEvaluations: little enough to hold, and little is lost when time runs out.
 */
#define CHUNK_MAX ((size_t)4 * CONFIG_EVALUATIONS_MAX)
/* Where time may run out: what can be read in a part of it, so that it is also acted on before
 * that. */
#define SHORT_CHUNK_MAX  ((size_t)CONFIG_EVALUATIONS_MAX)
#define SHORT_CHUNK_MIN  20 /* one call for the tags */
#define SHORT_CHUNK_PART 8
/* Enough to hide the latency of a call; the pace, not this, bounds what AWS sees. */
#define IN_FLIGHT_MAX 200
/* Kept back from reading, so that what was read can be reported: this, or a quarter of the time. */
#define REPORT_RESERVE_MS 10000

static int compare_arns(const void *a, const void *b) {
    const struct load_balancer *first = a;
    const struct load_balancer *second = b;
    return str_compare(first->arn, second->arn);
}

bool sweep_is_to_be_judged(const struct load_balancer *load_balancer) {
    return load_balancer->type != TYPE_NETWORK && load_balancer->type != TYPE_GATEWAY;
}

/* One that is created while the pages are read can be listed twice. */
static void sort_listing(struct sweep *sweep) {
    if (sweep->listed_count == 0) {
        return;
    }
    qsort(sweep->listed, sweep->listed_count, sizeof *sweep->listed, compare_arns);
    size_t kept = 1;
    for (size_t i = 1; i < sweep->listed_count; i++) {
        if (!str_eq(sweep->listed[i].arn, sweep->listed[kept - 1].arn)) {
            sweep->listed[kept++] = sweep->listed[i];
        }
    }
    sweep->listed_count = kept;
    for (size_t i = 0; i < kept; i++) {
        sweep->to_judge_count += sweep_is_to_be_judged(&sweep->listed[i]) ? 1 : 0;
    }
}

const struct load_balancer *sweep_find_listed(const struct sweep *sweep, str arn) {
    const struct load_balancer key = {.arn = arn};
    if (sweep->listed_count == 0) {
        return NULL;
    }
    return bsearch(&key, sweep->listed, sweep->listed_count, sizeof *sweep->listed, compare_arns);
}

/* false: time ran out before it was read, and there is nothing to say of it. */
static bool judge(struct sweep *sweep, const struct elbv2_fleet_item *item, struct arena *arena,
                  struct evaluation *evaluation) {
    const struct clock *clock = sweep->app->clock;
    if (item->status == STATUS_DEADLINE ||
        (status_is_retryable(item->status) && clock->now_ms(clock) >= sweep->read_deadline_ms)) {
        return false;
    }
    policy_evaluate(item->facts, sweep->policy, clock->now_ms(clock), arena, evaluation);
    if (item->status == STATUS_NOT_FOUND) {
        evaluation_without_facts(evaluation, STR(LOAD_BALANCER_RESOURCE_TYPE), item->facts->arn,
                                 NOT_APPLICABLE, STR("does not exist any more"));
    } else if (sweep_is_out_of_scope(sweep, item->facts)) {
        evaluation_without_facts(evaluation, STR(LOAD_BALANCER_RESOURCE_TYPE), item->facts->arn,
                                 NOT_APPLICABLE, STR("outside the scope of the rule"));
    } else if (item->status != STATUS_OK) {
        evaluation->compliance = COMPLIANCE_UNKNOWN;
        evaluation->reason = item->problem;
    }
    evaluation->source = SOURCE_LIVE;
    return true;
}

/* One call each, and one for 20. */
int64_t sweep_needed_ms(const struct sweep *sweep, size_t count) {
    int per_second = sweep->app->settings.elb_requests_per_second;
    return per_second == 0 ? 0 : (int64_t)count * 1050 / per_second;
}

/* As it stands after enforcement. */
static void tell_listener(struct sweep *sweep, const struct sweep_chunk *chunk) {
    const struct sweep_listener *listener = sweep->listener;
    for (size_t i = 0; i < chunk->count; i++) {
        if (chunk->items[i].status == STATUS_DEADLINE) {
            continue;
        }
        fleet_count_add(&sweep->found, &chunk->evaluations[i]);
        if (listener != NULL && listener->judged != NULL) {
            listener->judged(listener->context, chunk->items[i].facts, &chunk->evaluations[i]);
        }
    }
}

/* The day's point of the trend that the posture report shows. That it is missing fails nothing. */
static void remember_day(struct sweep *sweep) {
    const struct clock *clock = sweep->app->clock;
    const struct posture_point point =
        fleet_count_point(&sweep->found, date_days_of_ms(clock->now_ms(clock)));
    struct error error = {0};
    if (!sweep->acts || str_is_empty(sweep->act.table.name) || point.listed == 0) {
        return;
    }
    if (history_put_point(&sweep->act.table, str_from_cstr(sweep->found.account_id),
                          sweep->app->aws.region, &point, sweep->arena, &error) != STATUS_OK) {
        LOG(sweep->app->log, LOG_WARN, "day_not_kept", LOG_STR("errorMessage", error.message));
    }
}

/* Shares of a part would be taken for those of the whole. */
static void tell_of_fleet(struct sweep *sweep) {
    const struct clock *clock = sweep->app->clock;
    if (sweep->listener != NULL && sweep->listener->is_audit) {
        return;
    }
    if (sweep->list_error.status == STATUS_OK && sweep->not_reached_count == 0 &&
        sweep->resumed_count == 0) {
        int64_t duration_ms = (clock->monotonic_us(clock) - sweep->began_us) / 1000;
        metrics_of_fleet(sweep->app, &sweep->found, duration_ms, sweep->arena);
        remember_day(sweep);
    }
    metrics_of_actions(&sweep->act);
}

/* Tags and odd modes lived in the chunk's arena. */
static void forget_borrowed(const struct elbv2_fleet_item *items, size_t count) {
    for (size_t i = 0; i < count; i++) {
        items[i].facts->has_tags = false;
        items[i].facts->tags = NULL;
        items[i].facts->tag_count = 0;
        items[i].facts->mode_text = STR_EMPTY;
    }
}

/* Invocations at once share what one process may open. */
static unsigned in_flight_max(const struct sweep *sweep) {
    int sharers = sweep->app->settings.concurrency;
    return sharers <= 1 ? IN_FLIGHT_MAX : 1 + IN_FLIGHT_MAX / (unsigned)sharers;
}

/* Those that were listed and are missed now are looked for once more. */
static void read_missing_again(struct sweep *sweep, const struct sweep_chunk *chunk) {
    struct elbv2_fleet_item *missing =
        ARENA_ARRAY(chunk->arena, struct elbv2_fleet_item, chunk->count);
    size_t count = 0;
    for (size_t i = 0; i < chunk->count; i++) {
        if (chunk->items[i].status == STATUS_NOT_FOUND) {
            missing[count++] = chunk->items[i];
        }
    }
    if (count == 0 || !live_wait_for_missing(sweep->app)) {
        return;
    }
    elbv2_read_fleet(&sweep->app->aws, missing, count, in_flight_max(sweep), chunk->arena);
    for (size_t i = 0, next = 0; i < chunk->count; i++) {
        if (chunk->items[i].status == STATUS_NOT_FOUND) {
            chunk->items[i] = missing[next++];
        }
    }
}

static void judge_chunk(struct sweep *sweep, const struct sweep_chunk *chunk) {
    for (size_t i = 0; i < chunk->count; i++) {
        if (!judge(sweep, &chunk->items[i], chunk->arena, &chunk->evaluations[i])) {
            chunk->items[i].status = STATUS_DEADLINE;
            if (sweep->not_reached_count++ == 0) {
                sweep->not_reached_because = str_copy(sweep->arena, chunk->items[i].problem);
            }
        } else if (sweep->not_reached_count == 0) {
            sweep->reached = chunk->items[i].facts->arn;
        }
        if (chunk->items[i].status != STATUS_DEADLINE && str_is_empty(sweep->first_unknown) &&
            chunk->evaluations[i].compliance == COMPLIANCE_UNKNOWN) {
            sweep->first_unknown = chunk->items[i].facts->arn;
        }
    }
    if (sweep->hooks != NULL && sweep->hooks->advise != NULL) {
        sweep_set_deadline(sweep, sweep->read_deadline_ms);
        sweep->hooks->advise(sweep->hooks->context, sweep, chunk);
        sweep_set_deadline(sweep, sweep->deadline_ms);
    }
}

static void report_chunk(struct sweep *sweep, const struct sweep_chunk *chunk) {
    struct config_evaluation *reports =
        ARENA_ARRAY(chunk->arena, struct config_evaluation, chunk->count);
    size_t count = 0;
    for (size_t i = 0; i < chunk->count; i++) {
        if (chunk->items[i].status != STATUS_DEADLINE) {
            sweep_conclude(sweep, &chunk->evaluations[i], reports, &count, chunk->arena);
        }
    }
    sweep->judged_count += count;
    sweep_report(sweep, reports, count, chunk->arena);
}

static void sweep_chunk(struct sweep *sweep, struct elbv2_fleet_item *items, size_t count) {
    struct arena arena = {0};
    const struct clock *clock = sweep->app->clock;
    const struct sweep_chunk chunk = {.items = items,
                                      .evaluations = ARENA_ARRAY(&arena, struct evaluation, count),
                                      .count = count,
                                      .read_ms = clock->now_ms(clock),
                                      .arena = &arena};
    sweep->app->aws.deadline_ms = sweep->read_deadline_ms;
    elbv2_read_fleet(&sweep->app->aws, items, count, in_flight_max(sweep), &arena);
    read_missing_again(sweep, &chunk);
    sweep->app->aws.deadline_ms = sweep->deadline_ms;
    judge_chunk(sweep, &chunk);
    report_chunk(sweep, &chunk);
    sweep_add_ages(sweep, &chunk);
    sweep->seen_count += count;
    sweep_act_on(sweep, &chunk);
    tell_listener(sweep, &chunk);
    forget_borrowed(items, count);
    arena_clean_up(&arena);
}

bool sweep_is_time_short(const struct sweep *sweep, size_t count) {
    int64_t needed_ms = sweep_needed_ms(sweep, count);
    if (sweep->read_deadline_ms == INT64_MAX || needed_ms == 0) {
        return false;
    }
    return needed_ms > (sweep->read_deadline_ms - sweep->app->clock->now_ms(sweep->app->clock)) / 2;
}

static size_t chunk_size(const struct sweep *sweep) {
    int64_t thousand_ms = sweep_needed_ms(sweep, 1000);
    if (sweep->listener != NULL && sweep->listener->is_audit && thousand_ms > 0) {
        return SHORT_CHUNK_MIN; /* somebody is watching, and may want what is known so far */
    }
    if (thousand_ms == 0 ||
        !sweep_is_time_short(sweep, sweep->to_judge_count - sweep->seen_count)) {
        return CHUNK_MAX;
    }
    int64_t left_ms = sweep->read_deadline_ms - sweep->app->clock->now_ms(sweep->app->clock);
    int64_t count = left_ms / SHORT_CHUNK_PART * 1000 / thousand_ms;
    return count < SHORT_CHUNK_MIN            ? SHORT_CHUNK_MIN
           : count > (int64_t)SHORT_CHUNK_MAX ? SHORT_CHUNK_MAX
                                              : (size_t)count;
}

static void sweep_listed(struct sweep *sweep) {
    if (sweep->to_judge_count == 0) {
        return;
    }
    struct elbv2_fleet_item *items = ARENA_ARRAY(sweep->arena, struct elbv2_fleet_item, CHUNK_MAX);
    size_t first = sweep_resume(sweep, sweep_is_time_short(sweep, sweep->to_judge_count));
    size_t most = sweep->is_resumable ? sweep->listed_count - first : sweep->listed_count;
    size_t count = 0;
    sweep->seen_count = sweep->resumed_count;
    size_t chunk_max = chunk_size(sweep);
    for (size_t i = 0; i < most; i++) {
        struct load_balancer *facts = &sweep->listed[(first + i) % sweep->listed_count];
        if (sweep_is_to_be_judged(facts)) {
            items[count++] = (struct elbv2_fleet_item){.facts = facts};
        }
        if (count == chunk_max || (i + 1 == most && count > 0)) {
            sweep_chunk(sweep, items, count);
            chunk_max = chunk_size(sweep);
            count = 0;
        }
    }
}

bool sweep_is_complete(const struct sweep *sweep) {
    return sweep->list_error.status == STATUS_OK && sweep->unknown_count == 0 &&
           sweep->not_reached_count == 0 && !sweep->is_flawed &&
           sweep->report_error.status == STATUS_OK;
}

static void tell_hooks_of_end(struct sweep *sweep) {
    const struct sweep_hooks *hooks = sweep->hooks;
    if (!sweep->acts || hooks == NULL) {
        return;
    }
    if (sweep_is_complete(sweep) && hooks->completed != NULL) {
        hooks->completed(hooks->context, sweep);
    } else if (!sweep_is_complete(sweep) && hooks->broken_off != NULL) {
        hooks->broken_off(hooks->context, sweep);
    }
}

static void run(struct sweep *sweep) {
    sweep_read_scope(sweep);
    sweep->app->aws.deadline_ms = sweep->read_deadline_ms;
    enum status status = elbv2_list_load_balancers(&sweep->app->aws, sweep->arena, &sweep->listed,
                                                   &sweep->listed_count, &sweep->list_error);
    sweep->list_error.status = status;
    sweep->app->aws.deadline_ms = sweep->deadline_ms;
    sort_listing(sweep);
    if (sweep->listener != NULL && sweep->listener->listed != NULL) {
        sweep->listener->listed(sweep->listener->context, sweep->to_judge_count);
    }
    sweep_listed(sweep);
    bool is_at_end = sweep_is_at_end(sweep);
    if (!is_at_end) {
        sweep_remember_end(sweep);
    }
    sweep_clean_up(sweep);
    sweep_forget(sweep);
    tell_hooks_of_end(sweep);
    /* Last: the next one does again what there was no time for. */
    if (is_at_end) {
        sweep_remember_end(sweep);
    }
    (void)act_import_findings(&sweep->act);
    (void)act_ask_for_reevaluation(&sweep->act);
    tell_of_fleet(sweep);
    sweep_log(sweep);
}

static int64_t read_deadline(const struct app *app, int64_t deadline_ms) {
    if (deadline_ms == INT64_MAX) {
        return INT64_MAX;
    }
    int64_t quarter_ms = aws_client_time_left_ms(&app->aws) / 4;
    return deadline_ms - (quarter_ms < REPORT_RESERVE_MS ? quarter_ms : REPORT_RESERVE_MS);
}

void sweep_handle(struct app *app, const struct config_invocation *invocation, struct arena *arena,
                  struct app_reply *reply) {
    struct policy *policy = ARENA_NEW(arena, struct policy);
    struct error error = {0};
    if (app_policy(app, invocation->rule_parameters, arena, policy, &error) != STATUS_OK) {
        reply_error(reply, ERROR_INVALID_PARAMETER, error.message);
        return;
    }
    if (app_require_account(app, invocation->account_id, arena, &error) != STATUS_OK) {
        reply_error(reply, ERROR_ACCESS_DENIED, error.message);
        return;
    }
    int64_t now_ms = app->clock->now_ms(app->clock);
    struct sweep sweep = {
        .app = app,
        .invocation = invocation,
        .policy = policy,
        .arena = arena,
        .begun_ms = now_ms,
        .listener = app->sweep_listener,
        .began_us = app->clock->monotonic_us(app->clock),
        .found = fleet_count_of(invocation->account_id),
        .ordering_ms = invocation->notification_ms != 0 ? invocation->notification_ms : now_ms,
        .deadline_ms = app->aws.deadline_ms,
        .read_deadline_ms = read_deadline(app, app->aws.deadline_ms),
    };
    buf_init(&sweep.unknown_names, arena, SWEEP_NAMES_BYTES_MAX);
    buf_init(&sweep.body, arena, RESPONSE_BYTES_MAX);
    response_begin(&sweep.response, &sweep.body);
    act_begin(&sweep.act, app, policy, arena);
    bool is_audit = sweep.listener != NULL && sweep.listener->is_audit;
    bool is_test = str_eq(invocation->result_token, STR("TESTMODE"));
    sweep.reports = !is_audit && !str_is_empty(invocation->result_token);
    sweep.hooks = promotion_hooks(app, arena);
    sweep.acts = !is_audit && !is_test && (act_is_on(app) || sweep.hooks != NULL);
    run(&sweep);
    sweep_reply(&sweep, reply);
}
