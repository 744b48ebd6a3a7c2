/* SPDX-License-Identifier: Apache-2.0
 *
 * The plan: a sweep that changes, records and alerts nothing, whatever the environment says, and
 * what holds up each change that a sweep with the settings of the environment would make.
 */
#include "app/plan.h"

#include <stdlib.h>

#include "app_internal.h"
#include "sweep_internal.h"
#include "table/budget.h"

struct planned_row {
    str arn;
    struct fleet_row row;
    bool has_action;
};

struct planning {
    struct guard *guard;
    struct arena *arena;
    const struct policy *policy;
    struct control_settings asked; /* as the environment says */
    struct planned_row *rows;      /* sorted by ARN when all have been judged */
    size_t row_count;
    size_t row_capacity;
    struct fleet_row *unknown;
    size_t unknown_count;
    size_t unknown_capacity;
    struct prospects prospects;
    struct prospect_hour hour;
    bool is_hour_known;
    size_t corrections; /* planned so far */
    struct plan *plan;
    struct plan_subject *subject; /* NULL: all are asked for */
};

/* Without the table and the topic nothing is remembered either: a plan must not use up an alert. */
static void only_plan(struct control_settings *settings) {
    settings->enforcement.enforcement = ENFORCEMENT_PREVIEW;
    settings->preview_table = settings->state_table;
    if (settings->promotion.promotion == PROMOTION_ENFORCE) {
        settings->promotion.promotion = PROMOTION_RECOMMEND;
    }
    settings->state_table = STR_EMPTY;
    settings->alert_topic_arn = STR_EMPTY;
    settings->imports_findings = false;
}

static void note_subject(struct planning *planning, const struct load_balancer *facts,
                         const struct evaluation *evaluation) {
    struct arena *arena = planning->arena;
    struct plan_subject *subject = planning->subject;
    struct tag *tags = ARENA_ARRAY(arena, struct tag, facts->tag_count + 1);
    for (size_t i = 0; i < facts->tag_count; i++) {
        tags[i] = (struct tag){str_copy(arena, facts->tags[i].key),
                               str_copy(arena, facts->tags[i].value)};
    }
    subject->is_judged = true;
    subject->facts = *facts;
    subject->facts.tags = tags;
    subject->facts.mode_text = str_copy(arena, facts->mode_text);
    subject->facts.logs_bucket = str_copy(arena, facts->logs_bucket);
    fleet_row_copy(arena, facts, evaluation, &subject->row);
}

static void on_judged(void *context, const struct load_balancer *facts,
                      const struct evaluation *evaluation) {
    struct planning *planning = context;
    if (planning->subject != NULL && str_eq(planning->subject->facts.arn, facts->arn)) {
        note_subject(planning, facts, evaluation);
    }
    if (evaluation->compliance == COMPLIANT || evaluation->compliance == NON_COMPLIANT) {
        ARENA_RESERVE(planning->arena, planning->rows, planning->row_count + 1,
                      planning->row_capacity);
        struct planned_row *row = &planning->rows[planning->row_count++];
        *row = (struct planned_row){.has_action = false};
        fleet_row_copy(planning->arena, facts, evaluation, &row->row);
        row->arn = row->row.evaluation.resource_id;
    } else if (evaluation->compliance == COMPLIANCE_UNKNOWN) {
        ARENA_RESERVE(planning->arena, planning->unknown, planning->unknown_count + 1,
                      planning->unknown_capacity);
        fleet_row_copy(planning->arena, facts, evaluation,
                       &planning->unknown[planning->unknown_count++]);
    }
}

static void on_looked_ahead(void *context, const struct prospects *prospects) {
    struct planning *planning = context;
    planning->prospects = *prospects;
}

static const char *enforcement_setting_against(const struct control_settings *asked) {
    return asked->enforcement.enforcement != ENFORCEMENT_ENFORCE
               ? "ENFORCEMENT is not `enforce`: desync-guard changes nothing itself"
           : str_is_empty(asked->state_table)
               ? "STATE_TABLE is not set, and without a table nothing is changed"
               : NULL;
}

/* The changes of the last hour, of the account and Region of this load balancer. */
static void read_hour(struct planning *planning, str arn) {
    const struct state_table table = {.client = &planning->guard->home,
                                      .name = planning->asked.state_table};
    int max = planning->asked.enforcement.max_changes_per_hour;
    const struct budget_change change = {.arn = arn, .max = max, .at_ms = planning->plan->now_ms};
    struct budget_view view = {.count = 0};
    struct error error = {0};
    planning->is_hour_known =
        str_is_empty(table.name) ||
        budget_view_read(&table, &change, planning->arena, &view, &error) == STATUS_OK;
    planning->hour = (struct prospect_hour){
        .max = max, .window_ms = BUDGET_WINDOW_MS, .times_ms = view.times_ms, .count = view.count};
    if (!planning->is_hour_known) {
        LOG(planning->guard->log, LOG_WARN, "budget_unknown",
            LOG_STR("reason", STR("when corrections are due is not known")),
            LOG_STR("errorMessage", error.message));
    }
}

/* When there is room for it after the corrections before it, in the hour and in a run. */
static struct prospect room_for_change(const struct planning *planning) {
    struct prospect room = {.waits_for = STR("the changes of the last hour could not be read")};
    return planning->is_hour_known
               ? prospect_of_change(&planning->hour,
                                    planning->asked.enforcement.max_changes_per_run,
                                    planning->corrections, planning->plan->now_ms, planning->arena)
               : room;
}

/* The corrections of a sweep come before its promotions. */
static void add_promotion(const struct planning *planning, const struct evaluation *evaluation,
                          struct plan_entry *entry) {
    struct prospect *prospect = &entry->prospect;
    entry->advice = evaluation->advice;
    *prospect =
        prospect_of(evaluation, prospect_find(&planning->prospects, evaluation->resource_id),
                    promotion_setting_against(&planning->asked), planning->arena);
    if (prospect->earliest_ms != 0 && planning->corrections > 0 &&
        enforcement_setting_against(&planning->asked) == NULL) {
        const struct prospect room = room_for_change(planning);
        bool is_later = room.earliest_ms == 0 || room.earliest_ms > prospect->earliest_ms;
        prospect->earliest_ms = is_later ? room.earliest_ms : prospect->earliest_ms;
        prospect->waits_for =
            is_later ? prospect_join(prospect->waits_for, room.waits_for, planning->arena)
                     : prospect->waits_for;
    }
}

static void add_enforcement(struct planning *planning, struct plan_entry *entry) {
    struct prospect *prospect = &entry->prospect;
    const char *against = enforcement_setting_against(&planning->asked);
    if (entry->action.status == ACTION_PLANNED) {
        if (planning->corrections == 0) {
            read_hour(planning, entry->action.resource_id);
        }
        *prospect = room_for_change(planning);
        prospect->waits_for =
            prospect_join(str_from_cstr(against), prospect->waits_for, planning->arena);
        prospect->say_no = prospect_exception_text(planning->policy, planning->arena);
        planning->corrections++;
    }
    prospect->arn = entry->action.resource_id;
}

/* Of an ARN or a row, which begins with one. */
static int compare_arns(const void *a, const void *b) {
    return str_compare(*(const str *)a, *(const str *)b);
}

static void add_action(struct planning *planning, const struct action *action) {
    struct plan_entry *entry = &planning->plan->entries[planning->plan->count++];
    struct planned_row *row =
        planning->row_count == 0
            ? NULL
            : bsearch(&action->resource_id, planning->rows, planning->row_count,
                      sizeof *planning->rows, compare_arns);
    *entry = (struct plan_entry){.action = *action, .has_action = true};
    if (row == NULL) {
        return;
    }
    row->has_action = true;
    if (action->action == ACTION_PROMOTE) {
        add_promotion(planning, &row->row.evaluation, entry);
    } else if (action->action == ACTION_ENFORCE) {
        add_enforcement(planning, entry);
    }
}

/* On its way to strictest, and nothing would be done now. */
static void add_other(const struct planning *planning, const struct evaluation *evaluation) {
    struct plan_entry *entry = &planning->plan->entries[planning->plan->count++];
    *entry = (struct plan_entry){
        .action = {.resource_id = evaluation->resource_id,
                   .action = ACTION_PROMOTE,
                   .status = ACTION_SKIPPED,
                   .from = str_from_cstr(mode_name(evaluation->mode)),
                   .to = STR("strictest"),
                   .reason = str_format(planning->arena, "%s: %" STR_FMT,
                                        recommendation_name(evaluation->advice->recommendation),
                                        STR_ARG(evaluation->advice->reason))}};
    add_promotion(planning, evaluation, entry);
}

static void fill(struct planning *planning, const struct app_reply *reply) {
    struct plan *plan = planning->plan;
    plan->now_ms = guard_now_ms(planning->guard);
    plan->judged_count = reply->judged_count;
    plan->unknown = planning->unknown;
    plan->unknown_count = planning->unknown_count;
    plan->freezes = planning->prospects.freezes;
    plan->freeze_count = planning->prospects.freeze_count;
    plan->entries = ARENA_ARRAY(planning->arena, struct plan_entry,
                                reply->action_count + planning->row_count + 1);
    if (planning->row_count > 0) {
        qsort(planning->rows, planning->row_count, sizeof *planning->rows, compare_arns);
    }
    for (size_t i = 0; i < reply->action_count; i++) {
        add_action(planning, &reply->actions[i]);
    }
    for (size_t i = 0; i < planning->row_count; i++) {
        const struct evaluation *evaluation = &planning->rows[i].row.evaluation;
        plan->strictest_count += evaluation->mode == MODE_STRICTEST ? 1 : 0;
        if (evaluation->mode != MODE_STRICTEST && evaluation->advice != NULL &&
            !planning->rows[i].has_action) {
            add_other(planning, evaluation);
        }
    }
}

static bool begin(struct planning *planning, struct app_reply *reply) {
    struct guard *guard = planning->guard;
    *reply = (struct app_reply){.is_error = false};
    *planning->plan = (struct plan){.count = 0};
    only_plan(&guard->settings.control);
    guard->home.deadline_ms = INT64_MAX;
    planning->policy = policy_or_reply(guard, NULL, planning->arena, reply);
    return planning->policy != NULL;
}

/* `only_arn` empty: all load balancers of the account and Region that guard->aws reaches. */
static void look(struct planning *planning, str only_arn, struct app_reply *reply) {
    const struct audit_listener listener = {
        .context = planning, .judged = on_judged, .looked_ahead = on_looked_ahead};
    const struct config_invocation invocation = {.message = MESSAGE_SCHEDULED};
    const struct sweep_options options = {.invocation = &invocation,
                                          .listener = &listener,
                                          .only_arn = only_arn,
                                          .arena = planning->arena};
    *reply = (struct app_reply){.is_error = false};
    planning->row_count = 0;
    planning->unknown_count = 0;
    sweep_run(planning->guard, &options, reply);
}

void app_plan(struct guard *guard, struct arena *arena, struct plan *plan_out,
              struct app_reply *reply) {
    struct planning planning = {
        .guard = guard, .arena = arena, .asked = guard->settings.control, .plan = plan_out};
    struct error error = {0};
    if (!begin(&planning, reply)) {
        return;
    }
    if (accounts_select(guard, STR_EMPTY, STR_EMPTY, arena, &error) != STATUS_OK) {
        reply_error(reply, ERROR_ACCESS_DENIED, error.message);
        return;
    }
    look(&planning, STR_EMPTY, reply);
    fill(&planning, reply);
}

void app_plan_one(struct guard *guard, struct plan_subject *subject, struct arena *arena,
                  struct plan *plan_out, struct app_reply *reply) {
    struct planning planning = {.guard = guard,
                                .arena = arena,
                                .asked = guard->settings.control,
                                .plan = plan_out,
                                .subject = subject};
    str arn = subject->facts.arn;
    if (!begin(&planning, reply)) {
        return;
    }
    look(&planning, arn, reply);
    subject->evidence_problem = planning.prospects.unknown_because;
    if (planning.prospects.count > 0) { /* all that come before it decide when */
        look(&planning, STR_EMPTY, reply);
    }
    fill(&planning, reply);
    size_t kept = 0;
    for (size_t i = 0; i < plan_out->count; i++) {
        if (str_eq(plan_out->entries[i].action.resource_id, arn)) {
            plan_out->entries[kept++] = plan_out->entries[i];
        }
    }
    plan_out->count = kept;
}
