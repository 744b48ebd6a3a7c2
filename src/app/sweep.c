/* SPDX-License-Identifier: Apache-2.0
 *
 * The sweep of a Region: list, read, judge and report chunk by chunk, then set what vanished
 * NOT_APPLICABLE. What is reported stays reported however the sweep ends; whatever was not found
 * out makes the invocation fail with a message that says how far it got.
 */
#include <stdlib.h>

#include "act_internal.h"
#include "aws/elbv2.h"
#include "report/render.h"

/* Four full calls of PutEvaluations: little enough to hold, and little is lost when time runs out.
 */
#define CHUNK_MAX ((size_t)4 * CONFIG_EVALUATIONS_MAX)
/* Enough to hide the latency of a call; the pace, not this, bounds what AWS sees. */
#define IN_FLIGHT_MAX 100
/* Kept back from reading, so that what was read can be reported: this, or a quarter of the time. */
#define REPORT_RESERVE_MS 10000
/* Load balancers that could not be read are named in the message: some 130 of them. */
#define NAMES_BYTES_MAX 16384
#define NAME_BYTES_MAX  2048 /* the longest, with its reason */
#define REASONS_MAX     5

struct sweep {
    struct app *app;
    const struct config_invocation *invocation;
    const struct policy *policy;
    struct arena *arena;
    int64_t ordering_ms;
    int64_t deadline_ms;          /* of the invocation */
    int64_t read_deadline_ms;     /* earlier: reading stops here */
    struct load_balancer *listed; /* sorted by ARN, no ARN twice */
    size_t listed_count;
    size_t seen_count;     /* of those to judge: read, or not reached in time */
    size_t unacted_count;  /* judged, with no time left to act on them */
    size_t to_judge_count; /* of them, all but network and gateway load balancers */
    size_t judged_count;
    size_t unknown_count;
    size_t not_reached_count;
    struct buf unknown_names;
    struct config_report report;
    struct error list_error;
    struct error report_error;
    struct error vanished_error;
    size_t vanished_count;
    struct response response;
    struct buf body;
    struct act act;
    bool acts; /* enforcement, state or alerts are on, and this is no test */
};

static int compare_arns(const void *a, const void *b) {
    const struct load_balancer *first = a;
    const struct load_balancer *second = b;
    return str_compare(first->arn, second->arn);
}

static bool is_to_be_judged(const struct load_balancer *load_balancer) {
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
        sweep->to_judge_count += is_to_be_judged(&sweep->listed[i]) ? 1 : 0;
    }
}

static const struct load_balancer *find_listed(const struct sweep *sweep, str arn) {
    const struct load_balancer key = {.arn = arn};
    if (sweep->listed_count == 0) {
        return NULL;
    }
    return bsearch(&key, sweep->listed, sweep->listed_count, sizeof *sweep->listed, compare_arns);
}

/* All of them, the first ones with the reason. */
static void note_unknown(struct sweep *sweep, const struct evaluation *evaluation) {
    size_t before = sweep->unknown_names.len;
    buf_printf(&sweep->unknown_names,
               "%s%" STR_FMT,
               sweep->unknown_count++ == 0 ? "" : ", ",
               STR_ARG(evaluation->resource_id));
    if (sweep->unknown_count <= REASONS_MAX) {
        buf_printf(&sweep->unknown_names,
                   " (%" STR_FMT ")",
                   STR_ARG(str_utf8_prefix(evaluation->reason, 300)));
    }
    if (sweep->unknown_names.len > NAMES_BYTES_MAX - NAME_BYTES_MAX) {
        buf_rewind(&sweep->unknown_names, before); /* the count says how many there are */
    }
}

static void report(struct sweep *sweep,
                   const struct config_evaluation *evaluations,
                   size_t count,
                   struct arena *arena) {
    if (count == 0 || str_is_empty(sweep->invocation->result_token)) {
        return;
    }
    struct config_report part;
    struct error error = {0};
    enum status status = config_put_evaluations(&sweep->app->aws,
                                                sweep->invocation->result_token,
                                                evaluations,
                                                count,
                                                arena,
                                                &part,
                                                &error);
    sweep->report.reported += part.reported;
    sweep->report.failed += part.failed;
    if (status != STATUS_OK && sweep->report_error.status == STATUS_OK) {
        error.status = status;
        error_copy(&sweep->report_error, sweep->arena, &error);
    }
}

/* Logs, keeps for the response, and hands to Config unless it is unknown. */
static void conclude(struct sweep *sweep,
                     struct evaluation *evaluation,
                     struct config_evaluation *evaluations,
                     size_t *count,
                     struct arena *arena) {
    evaluation->ordering_ms = sweep->ordering_ms;
    evaluation_log(sweep->app, evaluation);
    response_add(&sweep->response, arena, evaluation);
    if (evaluation->compliance == COMPLIANCE_UNKNOWN) {
        note_unknown(sweep, evaluation);
        return;
    }
    evaluations[(*count)++] = evaluation_to_config(evaluation, arena);
}

/* false: time ran out before it was read, and there is nothing to say of it. */
static bool judge(struct sweep *sweep,
                  const struct elbv2_fleet_item *item,
                  struct arena *arena,
                  struct evaluation *evaluation) {
    const struct clock *clock = sweep->app->clock;
    if (item->status == STATUS_DEADLINE ||
        (status_is_retryable(item->status) && clock->now_ms(clock) >= sweep->read_deadline_ms)) {
        return false;
    }
    policy_evaluate(item->facts, sweep->policy, clock->now_ms(clock), arena, evaluation);
    if (item->status == STATUS_NOT_FOUND) {
        evaluation_without_facts(evaluation,
                                 STR(LOAD_BALANCER_RESOURCE_TYPE),
                                 item->facts->arn,
                                 NOT_APPLICABLE,
                                 STR("does not exist any more"));
    } else if (item->status != STATUS_OK) {
        evaluation->compliance = COMPLIANCE_UNKNOWN;
        evaluation->reason = item->problem;
    }
    evaluation->source = SOURCE_LIVE;
    return true;
}

/* What the pace allows for: one call each, and one for 20. */
static int64_t needed_ms(const struct sweep *sweep, size_t count) {
    int per_second = sweep->app->settings.elb_requests_per_second;
    return per_second == 0 ? 0 : (int64_t)count * 1050 / per_second;
}

/* A hanging table must not cost those that are still to be read their report: while there are any,
 * acting has half of the time that reading them leaves. */
static int64_t act_deadline(const struct sweep *sweep) {
    size_t left = sweep->to_judge_count - sweep->seen_count;
    int64_t now_ms = sweep->app->clock->now_ms(sweep->app->clock);
    if (left == 0 || sweep->read_deadline_ms == INT64_MAX) {
        return sweep->read_deadline_ms;
    }
    int64_t spare_ms = sweep->read_deadline_ms - now_ms - needed_ms(sweep, left);
    return now_ms + (spare_ms > 0 ? spare_ms / 2 : 0);
}

static void set_deadline(struct app *app, int64_t deadline_ms) {
    app->aws.deadline_ms = deadline_ms;
    app->home.deadline_ms = deadline_ms;
}

/* After the report: enforcement, state, alerts. */
static void act_on_chunk(struct sweep *sweep,
                         const struct elbv2_fleet_item *items,
                         struct evaluation *evaluations,
                         size_t count,
                         int64_t read_ms) {
    const struct clock *clock = sweep->app->clock;
    int64_t deadline_ms = act_deadline(sweep);
    set_deadline(sweep->app, deadline_ms);
    for (size_t i = 0; sweep->acts && i < count; i++) {
        if (items[i].status == STATUS_DEADLINE) {
            continue;
        }
        if (clock->now_ms(clock) >= deadline_ms) {
            sweep->unacted_count++;
        } else {
            act_on(&sweep->act, items[i].facts, read_ms, &evaluations[i]);
        }
    }
    set_deadline(sweep->app, sweep->deadline_ms);
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

static void sweep_chunk(struct sweep *sweep, struct elbv2_fleet_item *items, size_t count) {
    struct arena arena = {0};
    const struct clock *clock = sweep->app->clock;
    int64_t read_ms = clock->now_ms(clock);
    sweep->app->aws.deadline_ms = sweep->read_deadline_ms;
    elbv2_read_fleet(&sweep->app->aws, items, count, IN_FLIGHT_MAX, &arena);
    sweep->app->aws.deadline_ms = sweep->deadline_ms;
    struct evaluation *evaluations = ARENA_ARRAY(&arena, struct evaluation, count);
    struct config_evaluation *reports = ARENA_ARRAY(&arena, struct config_evaluation, count);
    size_t report_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (judge(sweep, &items[i], &arena, &evaluations[i])) {
            conclude(sweep, &evaluations[i], reports, &report_count, &arena);
        } else {
            items[i].status = STATUS_DEADLINE;
            sweep->not_reached_count++;
        }
    }
    sweep->judged_count += report_count;
    report(sweep, reports, report_count, &arena);
    sweep->seen_count += count;
    sweep->act.arena = &arena;
    act_on_chunk(sweep, items, evaluations, count, read_ms);
    sweep->act.arena = sweep->arena;
    forget_borrowed(items, count);
    arena_clean_up(&arena);
}

/* The pace allows fewer calls than are needed in the time there is. */
static bool is_time_short(const struct sweep *sweep) {
    if (sweep->read_deadline_ms == INT64_MAX) {
        return false;
    }
    return needed_ms(sweep, sweep->to_judge_count) >
           sweep->read_deadline_ms - sweep->app->clock->now_ms(sweep->app->clock);
}

/* A fleet too large for the time is begun elsewhere each time, so that none of it is the part that
 * is never reached. Fibonacci hashing of the time, as a retry comes soon after. */
static size_t first_to_sweep(const struct sweep *sweep) {
    if (!is_time_short(sweep)) {
        return 0;
    }
    uint64_t now_ms = (uint64_t)sweep->app->clock->now_ms(sweep->app->clock);
    return (size_t)((now_ms * UINT64_C(0x9E3779B97F4A7C15)) >> 32) % sweep->listed_count;
}

static void sweep_listed(struct sweep *sweep) {
    if (sweep->to_judge_count == 0) {
        return;
    }
    struct elbv2_fleet_item *items = ARENA_ARRAY(sweep->arena, struct elbv2_fleet_item, CHUNK_MAX);
    size_t first = first_to_sweep(sweep);
    size_t count = 0;
    for (size_t i = 0; i < sweep->listed_count; i++) {
        struct load_balancer *facts = &sweep->listed[(first + i) % sweep->listed_count];
        if (is_to_be_judged(facts)) {
            items[count++] = (struct elbv2_fleet_item){.facts = facts};
        }
        if (count == CHUNK_MAX || (i + 1 == sweep->listed_count && count > 0)) {
            sweep_chunk(sweep, items, count);
            count = 0;
        }
    }
}

/* Judged on a state after the one this sweep speaks of: a load balancer that was created while we
 * were listing, and that a change event judged meanwhile, has not vanished. */
static bool is_newer(const struct sweep *sweep, const struct config_result *result) {
    return result->ordering_ms / MS_PER_SECOND > sweep->ordering_ms / MS_PER_SECOND;
}

/* Config keeps the result of a dead resource until it is told otherwise; so it does with those of
 * network load balancers that another version of the rule may have left. */
static bool has_vanished(const struct sweep *sweep,
                         const struct config_result *result,
                         struct evaluation *evaluation) {
    if (!str_eq(result->resource_type, STR(LOAD_BALANCER_RESOURCE_TYPE)) ||
        str_eq(result->compliance_type, STR("NOT_APPLICABLE")) || is_newer(sweep, result)) {
        return false;
    }
    const struct load_balancer *listed = find_listed(sweep, result->resource_id);
    if (listed != NULL && is_to_be_judged(listed)) {
        return false;
    }
    str reason = listed == NULL ? STR("does not exist any more")
                                : STR("not an Application Load Balancer: it has no desync mode");
    evaluation_without_facts(
        evaluation, result->resource_type, result->resource_id, NOT_APPLICABLE, reason);
    evaluation->source = SOURCE_LIVE;
    return true;
}

static void clean_up_vanished(struct sweep *sweep) {
    struct config_result *results = NULL;
    size_t result_count = 0;
    struct error error = {0};
    enum status status = config_list_results(&sweep->app->aws,
                                             sweep->invocation->rule_name,
                                             sweep->arena,
                                             &results,
                                             &result_count,
                                             &error);
    if (status != STATUS_OK) {
        error.status = status;
        sweep->vanished_error = error;
        return;
    }
    struct evaluation *evaluation = ARENA_NEW(sweep->arena, struct evaluation);
    struct config_evaluation *evaluations =
        ARENA_ARRAY(sweep->arena, struct config_evaluation, result_count);
    for (size_t i = 0; i < result_count; i++) {
        if (has_vanished(sweep, &results[i], evaluation)) {
            conclude(sweep, evaluation, evaluations, &sweep->vanished_count, sweep->arena);
        }
    }
    report(sweep, evaluations, sweep->vanished_count, sweep->arena);
    for (size_t i = 0; sweep->acts && i < result_count; i++) {
        if (has_vanished(sweep, &results[i], evaluation)) {
            struct load_balancer gone = {.arn = results[i].resource_id};
            act_on(&sweep->act, &gone, sweep->app->clock->now_ms(sweep->app->clock), evaluation);
        }
    }
}

static bool is_complete(const struct sweep *sweep) {
    return sweep->list_error.status == STATUS_OK && sweep->unknown_count == 0 &&
           sweep->not_reached_count == 0 && sweep->report_error.status == STATUS_OK;
}

/* Only a complete sweep may conclude from absence. A sweep that no rule asked for has nothing to
 * look up; a rule without a name, or with a longer one than the API takes, cannot be looked up,
 * which its owner should know. */
static bool may_clean_up(const struct sweep *sweep) {
    str rule_name = sweep->invocation->rule_name;
    if (!is_complete(sweep) || str_is_empty(sweep->invocation->result_token)) {
        return false;
    }
    const char *obstacle = NULL;
    if (str_is_empty(rule_name)) {
        obstacle = "the event has no configRuleName";
    } else if (str_utf8_count(rule_name) > CONFIG_RULE_NAME_CHARACTERS_MAX) {
        obstacle = "AWS Config lists no results of rules with such long names";
    }
    if (obstacle != NULL) {
        LOG(sweep->app->log,
            LOG_WARN,
            "clean_up_skipped",
            LOG_STR("ruleName", rule_name),
            LOG_STR("reason", str_from_cstr(obstacle)));
    }
    return obstacle == NULL;
}

static const char *error_type_of(const struct sweep *sweep) {
    if (sweep->report_error.status != STATUS_OK) {
        return ERROR_REPORT_FAILED;
    }
    if (sweep->list_error.status != STATUS_OK || sweep->not_reached_count > 0 ||
        sweep->vanished_error.status != STATUS_OK) {
        return ERROR_SWEEP_INCOMPLETE;
    }
    return sweep->unknown_count > 0 ? ERROR_VERDICT_UNKNOWN : ERROR_ACTION_FAILED;
}

static void append_cause(struct buf *out, const char *what, const struct error *error) {
    if (error->status != STATUS_OK) {
        buf_printf(out, "; %s: %" STR_FMT, what, STR_ARG(error->message));
    }
}

static str how_far(struct sweep *sweep) {
    struct buf out;
    buf_init(&out, sweep->arena, (size_t)2 * NAMES_BYTES_MAX);
    buf_printf(&out,
               "of %zu load balancers listed (%zu to judge) %zu were judged, %zu reported, %zu are "
               "unknown and %zu were not reached in time",
               sweep->listed_count,
               sweep->to_judge_count,
               sweep->judged_count,
               sweep->report.reported,
               sweep->unknown_count,
               sweep->not_reached_count);
    append_cause(&out, "the listing is incomplete", &sweep->list_error);
    append_cause(&out, "not all could be reported", &sweep->report_error);
    append_cause(&out, "vanished ones could not be looked up", &sweep->vanished_error);
    append_cause(&out, "not all could be acted on", &sweep->act.first_failure);
    if (sweep->unacted_count > 0) {
        buf_printf(&out, "; no time was left to act on %zu", sweep->unacted_count);
    }
    if (sweep->unknown_count > 0) {
        buf_printf(&out, "; unknown: %" STR_FMT, STR_ARG(buf_str(&sweep->unknown_names)));
    }
    return buf_str(&out);
}

static void log_sweep(const struct sweep *sweep) {
    LOG(sweep->app->log,
        LOG_INFO,
        "swept",
        LOG_INT("listed", (int64_t)sweep->listed_count),
        LOG_INT("toJudge", (int64_t)sweep->to_judge_count),
        LOG_INT("judged", (int64_t)sweep->judged_count),
        LOG_INT("unknown", (int64_t)sweep->unknown_count),
        LOG_INT("notReached", (int64_t)sweep->not_reached_count),
        LOG_INT("vanished", (int64_t)sweep->vanished_count),
        LOG_INT("reported", (int64_t)sweep->report.reported),
        LOG_INT("failed", (int64_t)sweep->report.failed));
}

static void run(struct sweep *sweep) {
    sweep->app->aws.deadline_ms = sweep->read_deadline_ms;
    enum status status = elbv2_list_load_balancers(
        &sweep->app->aws, sweep->arena, &sweep->listed, &sweep->listed_count, &sweep->list_error);
    sweep->list_error.status = status;
    sweep->app->aws.deadline_ms = sweep->deadline_ms;
    sort_listing(sweep);
    sweep_listed(sweep);
    if (may_clean_up(sweep)) {
        clean_up_vanished(sweep);
    }
    (void)act_ask_for_reevaluation(&sweep->act);
    log_sweep(sweep);
}

static int64_t read_deadline(const struct app *app, int64_t deadline_ms) {
    if (deadline_ms == INT64_MAX) {
        return INT64_MAX;
    }
    int64_t quarter_ms = aws_client_time_left_ms(&app->aws) / 4;
    return deadline_ms - (quarter_ms < REPORT_RESERVE_MS ? quarter_ms : REPORT_RESERVE_MS);
}

void sweep_handle(struct app *app,
                  const struct config_invocation *invocation,
                  struct arena *arena,
                  struct app_reply *reply) {
    struct policy *policy = ARENA_NEW(arena, struct policy);
    struct error error = {0};
    if (app_policy(app, invocation->rule_parameters, arena, policy, &error) != STATUS_OK) {
        reply_error(reply, ERROR_INVALID_PARAMETER, error.message);
        return;
    }
    int64_t now_ms = app->clock->now_ms(app->clock);
    struct sweep sweep = {
        .app = app,
        .invocation = invocation,
        .policy = policy,
        .arena = arena,
        .ordering_ms = invocation->notification_ms != 0 ? invocation->notification_ms : now_ms,
        .deadline_ms = app->aws.deadline_ms,
        .read_deadline_ms = read_deadline(app, app->aws.deadline_ms),
    };
    buf_init(&sweep.unknown_names, arena, NAMES_BYTES_MAX);
    buf_init(&sweep.body, arena, RESPONSE_BYTES_MAX);
    response_begin(&sweep.response, &sweep.body);
    act_begin(&sweep.act, app, policy, arena);
    sweep.acts = act_is_on(app) && !str_eq(invocation->result_token, STR("TESTMODE"));
    run(&sweep);
    if (!is_complete(&sweep) || sweep.vanished_error.status != STATUS_OK ||
        sweep.act.first_failure.status != STATUS_OK || sweep.unacted_count > 0) {
        reply_error(reply, error_type_of(&sweep), how_far(&sweep));
    } else {
        const struct response_totals totals = {.reported = sweep.report.reported,
                                               .failed = sweep.report.failed,
                                               .actions = sweep.act.actions,
                                               .action_count = sweep.act.action_count};
        response_end(&sweep.response, &totals);
        *reply = (struct app_reply){.body = buf_str(&sweep.body)};
    }
    reply->actions = sweep.act.actions;
    reply->action_count = sweep.act.action_count;
    reply->judged_count = sweep.judged_count;
}
