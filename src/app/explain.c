/* SPDX-License-Identifier: Apache-2.0
 *
 * Finds one load balancer by its name or ARN, and gathers what is known of it: the plan judges it,
 * and the state table remembers. Guarantees: a part that cannot be read hides no other part.
 */
#include "app/explain.h"

#include "app/plan.h"
#include "app_internal.h"
#include "aws/elbv2.h"
#include "base/buf.h"
#include "table/history.h"
#include "table/records.h"

#define HISTORY_MAX         ((size_t)5) /* incidents and changes that a screen has room for */
#define NAME_CHARACTERS_MAX 32          /* of a load balancer */
#define CLOSE_NAMES_MAX     5
#define CLOSE_DISTANCE_MAX  2
#define MESSAGE_BYTES_MAX   ((size_t)4096)

/* A name that is like the one looked for. */
struct close_name {
    str name;
    str region;
    size_t distance;
};

struct search {
    struct guard *guard;
    const struct explain_request *request;
    struct arena *arena;
    struct load_balancer_arn arn; /* all empty: a name is looked for */
    struct load_balancer found;   /* the first one */
    size_t found_count;
    struct buf places;                        /* of all that were found */
    struct close_name close[CLOSE_NAMES_MAX]; /* the closest first */
    size_t close_count;
    struct explanation *explanation;
};

static void add_gap(struct explanation *explanation, const char *part, str why) {
    ASSERT(explanation->gap_count < EXPLAIN_GAPS_MAX);
    explanation->gaps[explanation->gap_count++] = (struct explain_gap){part, why};
}

/* --- finding it ------------------------------------------------------------------------------ */

static size_t smaller(size_t a, size_t b) {
    return a < b ? a : b;
}

/* Letters to insert, remove or replace, so that one name becomes the other (Levenshtein). */
static size_t distance_of(str a, str b) {
    size_t row[NAME_CHARACTERS_MAX + 1];
    ASSERT(a.len <= NAME_CHARACTERS_MAX && b.len <= NAME_CHARACTERS_MAX);
    for (size_t j = 0; j <= b.len; j++) {
        row[j] = j;
    }
    for (size_t i = 0; i < a.len; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < b.len; j++) {
            size_t replaced = diagonal + (a.ptr[i] == b.ptr[j] ? 0 : 1);
            diagonal = row[j + 1];
            row[j + 1] = smaller(replaced, 1 + smaller(row[j], diagonal));
        }
    }
    return row[b.len];
}

/* A name that holds the other is close, however long it is. */
static bool is_close(str wanted, str name, struct arena *arena, size_t *distance_out) {
    if (str_is_empty(wanted) || wanted.len > NAME_CHARACTERS_MAX || str_is_empty(name) ||
        name.len > NAME_CHARACTERS_MAX) {
        return false;
    }
    *distance_out = distance_of(str_lower(arena, wanted), str_lower(arena, name));
    return *distance_out <= CLOSE_DISTANCE_MAX || str_contains_ignore_case(name, wanted) ||
           str_contains_ignore_case(wanted, name);
}

static void add_close(struct search *search, const struct close_name *added) {
    struct close_name *names = search->close;
    size_t i = smaller(search->close_count, CLOSE_NAMES_MAX - 1);
    if (i < search->close_count && names[i].distance <= added->distance) {
        return;
    }
    search->close_count = i + 1;
    for (; i > 0 && names[i - 1].distance > added->distance; i--) {
        names[i] = names[i - 1];
    }
    names[i] = *added;
}

static str close_text(const struct search *search) {
    struct buf out;
    buf_init(&out, search->arena, MESSAGE_BYTES_MAX);
    for (size_t i = 0; i < search->close_count; i++) {
        buf_printf(&out, "%s%" STR_FMT " (%" STR_FMT ")", i == 0 ? " Close names: " : ", ",
                   STR_ARG(search->close[i].name), STR_ARG(search->close[i].region));
    }
    buf_append(&out, search->close_count == 0 ? STR_EMPTY : STR("."));
    return buf_str(&out);
}

static void compare_listed(struct search *search, const struct load_balancer *listed, str region) {
    bool has_arn = !str_is_empty(search->arn.name);
    str wanted = has_arn ? search->arn.name : search->request->name;
    struct close_name close = {listed->name, region, 0};
    if (str_eq(has_arn ? listed->arn : listed->name, search->request->name)) {
        if (str_contains(buf_str(&search->places), listed->arn)) {
            return; /* one that is created while the pages are read can be listed twice */
        }
        search->found = search->found_count++ == 0 ? *listed : search->found;
        buf_printf(&search->places, "\n  %" STR_FMT, STR_ARG(listed->arn));
    } else if (is_close(wanted, listed->name, search->arena, &close.distance)) {
        add_close(search, &close);
    }
}

/* A Region that cannot be listed may hold one of that name, too. */
static enum status look_in(struct search *search, str region, struct error *error) {
    struct guard *guard = search->guard;
    struct load_balancer *items = NULL;
    size_t count = 0;
    TRY(accounts_select(guard, search->arn.account_id, region, search->arena, error));
    enum status status =
        elbv2_list_load_balancers(&guard->aws, search->arena, &items, &count, error);
    for (size_t i = 0; i < count; i++) {
        compare_listed(search, &items[i], region);
    }
    return status;
}

/* Why there is none of this ARN, as a sentence behind what was not found. */
static str why_not_there(const struct search *search) {
    const struct load_balancer_arn *arn = &search->arn;
    struct guard *guard = search->guard;
    struct error error = {0};
    str own;
    if (arn->is_classic) {
        return STR(" It is a Classic Load Balancer, which desync-guard does not judge");
    }
    if (str_is_empty(guard->settings.control.cross_account_role)) { /* else it was entered */
        if (accounts_name_own(guard, search->arena, &own, &error) != STATUS_OK) {
            return str_format(search->arena,
                              " Whether the credentials are of its account is not known: %" STR_FMT,
                              STR_ARG(error.message));
        }
        if (!str_eq(own, arn->account_id)) {
            return str_format(search->arena,
                              " The credentials are of account %" STR_FMT
                              ", the ARN is of account %" STR_FMT
                              ", and CROSS_ACCOUNT_ROLE is not set",
                              STR_ARG(own), STR_ARG(arn->account_id));
        }
    }
    return STR(" It has been deleted, or the ARN is not spelt right; `audit` lists all names");
}

static enum status not_found(const struct search *search, str regions, struct error *error) {
    bool has_arn = !str_is_empty(search->arn.name);
    str close = close_text(search);
    str why = has_arn ? why_not_there(search)
                      : STR(" Name its Region with --region, or give the ARN; `audit` lists all "
                            "names");
    return error_set(error, search->arena, STATUS_NOT_FOUND,
                     "no load balancer %" STR_FMT " in %" STR_FMT ".%" STR_FMT "%" STR_FMT,
                     STR_ARG(search->request->name), STR_ARG(regions), STR_ARG(close),
                     STR_ARG(why));
}

/* Of several Regions one that fails is a gap; of one Region it is the end. */
static enum status look_everywhere(struct search *search, const str *regions, size_t count,
                                   struct error *error) {
    struct buf names;
    struct error first = {0};
    size_t failed = 0;
    buf_init(&names, search->arena, MESSAGE_BYTES_MAX);
    for (size_t i = 0; i < count; i++) {
        enum status status = look_in(search, regions[i], error);
        buf_printf(&names, "%s%" STR_FMT, i == 0 ? "" : ", ", STR_ARG(regions[i]));
        if (status != STATUS_OK && failed++ == 0) {
            first = *error;
        }
    }
    if (failed > 0 && search->found_count == 0) {
        *error = first;
        return first.status;
    }
    if (failed > 0) {
        add_gap(search->explanation, "regions",
                str_format(search->arena, "%zu of %zu could not be listed: %" STR_FMT, failed,
                           count, STR_ARG(first.message)));
    }
    return search->found_count == 1 ? STATUS_OK
           : search->found_count == 0
               ? not_found(search, buf_str(&names), error)
               : error_set(error, search->arena, STATUS_CONFLICT,
                           "%zu load balancers are called %" STR_FMT
                           ": name one Region, or give the ARN:%" STR_FMT,
                           search->found_count, STR_ARG(search->request->name),
                           STR_ARG(buf_str(&search->places)));
}

static enum status find(struct search *search, struct error *error) {
    const struct explain_request *request = search->request;
    const struct guard_settings *settings = &search->guard->settings;
    buf_init(&search->places, search->arena, MESSAGE_BYTES_MAX);
    if (str_starts_with(request->name, STR("arn:"))) {
        if (load_balancer_arn_parse(request->name, &search->arn) != STATUS_OK) {
            return error_set(error, search->arena, STATUS_INVALID,
                             "%" STR_FMT " is no ARN of a load balancer", STR_ARG(request->name));
        }
        return look_everywhere(search, &search->arn.region, 1, error);
    }
    return request->region_count == 0
               ? look_everywhere(search, &settings->region, 1, error)
               : look_everywhere(search, request->regions, request->region_count, error);
}

/* --- what is known of it --------------------------------------------------------------------- */

/* The watch is shown beside its change, and as a change of its own where no CHANGE item is known.
 * `history->changes` has room for it. */
static void join_watch(const struct watch_record *record, enum desync_mode mode,
                       struct arena *arena, struct history *history) {
    size_t i = 0;
    if (record == NULL || record->changed_ms == 0 || record->status == WATCH_NOT_MADE) {
        return;
    }
    while (i < history->change_count && history->changes[i].at_ms != record->changed_ms) {
        i++;
    }
    if (i == history->change_count) {
        history->changes[history->change_count++] = (struct posture_change){
            .arn = record->arn,
            .action = watch_is_of_raise(record) ? ACTION_ENFORCE : ACTION_PROMOTE,
            .from = record->from,
            .to = record->to,
            .at_ms = record->changed_ms};
    }
    change_join_watch(&history->changes[i], record, mode, arena);
}

static enum status read_history(const struct state_table *table, str arn, struct arena *arena,
                                struct explanation *explanation, struct error *error) {
    struct history history;
    struct watch_lists lists;
    enum desync_mode mode = explanation->evaluation->mode;
    TRY(state_load(table, arn, arena, &explanation->state, error));
    TRY(state_last_writer(table, arn, arena, &explanation->writer, error));
    TRY(history_read_one(table, arn, HISTORY_MAX, arena, &history, error));
    TRY(watch_list_all(table, arena, &lists, error));
    struct posture_change *changes =
        ARENA_ARRAY(arena, struct posture_change, history.change_count + 2);
    for (size_t i = 0; i < history.change_count; i++) {
        changes[i] = history.changes[i];
    }
    history.changes = changes;
    join_watch(watch_find(lists.promotions, lists.promotion_count, arn), mode, arena, &history);
    join_watch(watch_find(lists.raises, lists.raise_count, arn), mode, arena, &history);
    explanation->incidents = history.incidents;
    explanation->incident_count = history.incident_count;
    explanation->changes = changes;
    explanation->change_count = history.change_count;
    explanation->has_history = true;
    return STATUS_OK;
}

/* How long it has been non-compliant is a finding, as in a sweep. */
static void remember(struct guard *guard, str table_name, struct arena *arena,
                     struct explanation *explanation, struct evaluation *evaluation) {
    const struct state_table table = {.client = &guard->home, .name = table_name};
    struct error error = {0};
    explanation->has_table = !str_is_empty(table_name);
    if (explanation->has_table &&
        read_history(&table, evaluation->resource_id, arena, explanation, &error) != STATUS_OK) {
        add_gap(explanation, "history", error.message);
    } else if (evaluation->compliance == NON_COMPLIANT) {
        transition_add_age(evaluation, explanation->state.since_ms, explanation->now_ms,
                           explanation->policy->max_non_compliant_days, arena);
    }
}

/* Of a load balancer that no sweep judges: network and Gateway Load Balancers, and one that has
 * been deleted since it was listed. */
static void judge_unjudged(const struct search *search, struct plan_subject *subject) {
    const struct explanation *explanation = search->explanation;
    struct evaluation *evaluation = &subject->row.evaluation;
    if (!subject->is_judged) {
        subject->facts = search->found;
        policy_evaluate(&search->found, explanation->policy, explanation->now_ms, search->arena,
                        evaluation);
        evaluation->source = SOURCE_LIVE;
    }
}

static void note_gaps(struct explanation *explanation, const struct plan_subject *subject,
                      const struct app_reply *reply, struct arena *arena) {
    const struct evaluation *evaluation = &subject->row.evaluation;
    bool is_unknown = evaluation->compliance == COMPLIANCE_UNKNOWN;
    if (is_unknown) {
        add_gap(explanation, "verdict", evaluation->reason);
    }
    if (!str_is_empty(subject->evidence_problem)) {
        add_gap(explanation, "evidence", subject->evidence_problem);
    } else if (explanation->is_advised && evaluation->advice == NULL && !is_unknown &&
               evaluation->compliance != NOT_APPLICABLE && evaluation->mode != MODE_STRICTEST &&
               !evaluation->has_active_exception) {
        add_gap(explanation, "evidence",
                STR("CloudWatch did not return all of its metrics, or a TRAFFIC item is damaged"));
    }
    if (reply->is_error && !is_unknown) {
        const struct fleet_row *first = explanation->plan->unknown; /* of those it depends on */
        add_gap(explanation, "plan",
                explanation->plan->unknown_count == 0
                    ? reply->error_message
                    : str_format(arena, "%" STR_FMT "; the first unknown: %" STR_FMT ": %" STR_FMT,
                                 STR_ARG(reply->error_message), STR_ARG(first->name),
                                 STR_ARG(first->evaluation.reason)));
    }
}

enum status app_explain(struct guard *guard, const struct explain_request *request,
                        struct arena *arena, struct explanation *explanation_out,
                        struct error *error) {
    const struct control_settings asked = guard->settings.control;
    struct search search = {
        .guard = guard, .request = request, .arena = arena, .explanation = explanation_out};
    struct plan_subject *subject = ARENA_NEW(arena, struct plan_subject);
    struct policy *policy = ARENA_NEW(arena, struct policy);
    struct plan *plan = ARENA_NEW(arena, struct plan);
    struct app_reply reply;
    *explanation_out =
        (struct explanation){.facts = &subject->facts,
                             .evaluation = &subject->row.evaluation,
                             .policy = policy,
                             .ring_tag = asked.promotion.ring_tag,
                             .is_advised = asked.promotion.promotion != PROMOTION_OFF,
                             .plan = plan,
                             .now_ms = guard_now_ms(guard)};
    guard->home.deadline_ms = INT64_MAX;
    TRY(effective_policy(guard, NULL, arena, policy, error));
    TRY(find(&search, error));
    const struct load_balancer_arn parts = load_balancer_arn_parts(search.found.arn);
    TRY(accounts_select(guard, parts.account_id, parts.region, arena, error));
    subject->facts.arn = search.found.arn;
    app_plan_one(guard, subject, arena, plan, &reply);
    judge_unjudged(&search, subject);
    note_gaps(explanation_out, subject, &reply, arena);
    remember(guard, asked.state_table, arena, explanation_out, &subject->row.evaluation);
    return STATUS_OK;
}
