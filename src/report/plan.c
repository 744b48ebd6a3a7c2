/* SPDX-License-Identifier: Apache-2.0 */
#include "report/plan.h"

#include "base/escape.h"
#include "policy/enforce.h"
#include "report/text_width.h"

#define INDENT "         "

static str name_of(struct arena *arena, str arn) {
    struct load_balancer_arn parts;
    bool is_arn = load_balancer_arn_parse(arn, &parts) == STATUS_OK;
    return escape_text(arena, is_arn ? parts.resource : arn);
}

static void append_part(struct buf *out, struct arena *arena, const char *heading, str text) {
    if (!str_is_empty(text)) {
        buf_printf(out, INDENT "%-8s  %" STR_FMT "\n", heading, STR_ARG(escape_text(arena, text)));
    }
}

str plan_when_text(struct arena *arena, int64_t now_ms, const struct prospect *prospect) {
    str when = prospect->earliest_ms == 0 ? STR("when is not known")
               : prospect->earliest_ms <= now_ms
                   ? STR("at the earliest with the next sweep")
                   : str_format(arena, "at the earliest with the first sweep after %" STR_FMT,
                                STR_ARG(prospect_minute(prospect->earliest_ms, arena)));
    return str_is_empty(prospect->ring) ? when
                                        : str_format(arena, "%" STR_FMT "; ring %" STR_FMT,
                                                     STR_ARG(when), STR_ARG(prospect->ring));
}

static void append_block(struct buf *out, struct arena *arena, const struct plan *plan,
                         const struct plan_entry *entry) {
    bool is_promotion = entry->action.action == ACTION_PROMOTE && entry->advice != NULL;
    str when = plan_when_text(arena, plan->now_ms, &entry->prospect);
    str why =
        str_format(arena, "%" STR_FMT "; %" STR_FMT, STR_ARG(entry->action.reason), STR_ARG(when));
    buf_printf(out, "%" STR_FMT "\n", STR_ARG(escape_text(arena, is_promotion ? when : why)));
    append_part(out, arena, "evidence", is_promotion ? entry->advice->reason : STR_EMPTY);
    append_part(out, arena, "stops it", entry->prospect.waits_for);
    append_part(out, arena, "say no", entry->prospect.say_no);
}

static void append_entry(struct buf *out, struct arena *arena, const struct plan *plan,
                         const struct plan_entry *entry, size_t name_width) {
    const struct action *action = &entry->action;
    str from = escape_text(arena, action->from);
    buf_printf(out, "%-8s ", action_status_name(action->status));
    text_pad(out, name_of(arena, action->resource_id), name_width);
    buf_printf(out, "  %9" STR_FMT " -> ", STR_ARG(from));
    text_pad(out, escape_text(arena, action->to), 9);
    buf_append(out, STR("  "));
    if (action->status == ACTION_PLANNED) {
        append_block(out, arena, plan, entry);
    } else if (!entry->has_action && entry->advice != NULL) {
        buf_printf(out, "%s: %" STR_FMT "\n", recommendation_name(entry->advice->recommendation),
                   STR_ARG(escape_text(arena, entry->prospect.waits_for)));
    } else {
        buf_printf(out, "%" STR_FMT "\n", STR_ARG(escape_text(arena, action->reason)));
    }
}

void plan_write_table(struct buf *out, struct arena *arena, const struct plan *plan) {
    size_t planned = 0;
    size_t widest = 0;
    ASSERT(out != NULL && arena != NULL && plan != NULL);
    for (size_t i = 0; i < plan->count; i++) {
        size_t width = text_width(name_of(arena, plan->entries[i].action.resource_id));
        widest = width > widest ? width : widest;
    }
    for (size_t i = 0; i < plan->count; i++) {
        planned += plan->entries[i].action.status == ACTION_PLANNED ? 1 : 0;
        append_entry(out, arena, plan, &plan->entries[i], widest);
    }
    for (size_t i = 0; i < plan->freeze_count; i++) {
        buf_printf(out, "frozen   %" STR_FMT "\n",
                   STR_ARG(escape_text(arena, plan->freezes[i].text)));
    }
    if (plan->strictest_count > 0) {
        buf_printf(out, "%zu load balancer%s already in strictest\n", plan->strictest_count,
                   str_by_count(plan->strictest_count, "", "s"));
    }
    buf_printf(out, "%zu load balancer%s judged, %zu would be changed\n", plan->judged_count,
               str_by_count(plan->judged_count, "", "s"), planned);
}

void prospect_write_members(struct json_writer *writer, struct arena *arena,
                            const struct prospect *prospect) {
    json_write_member_time(writer, arena, "earliest", prospect->earliest_ms);
    json_write_member(writer, "ring", prospect->ring);
    json_write_member(writer, "waitsFor", prospect->waits_for);
    json_write_member(writer, "sayNo", prospect->say_no);
}

void freeze_write_members(struct json_writer *writer, struct arena *arena,
                          const struct prospect_freeze *freeze) {
    json_write_key(writer, STR("ring"));
    if (freeze->has_ring) {
        json_write_str(writer, freeze->ring);
    } else {
        json_write_null(writer);
    }
    json_write_member_time(writer, arena, "since", freeze->since_ms);
    json_write_member_time(writer, arena, "until", freeze->until_ms);
    json_write_member(writer, "why", freeze->why);
    json_write_member(writer, "ends", freeze->ends);
}

static void write_severe(struct json_writer *writer, struct arena *arena,
                         const struct severe_share *severe) {
    json_write_member_text(writer, "evidenceFrom", "logs");
    json_write_member_count(writer, "requests", severe->requests);
    json_write_member_count(writer, "severe", severe->severe);
    json_write_member_double(writer, "severePercent", severe->percent);
    json_write_member_double(writer, "lowerBoundPercent", severe->lower_percent);
    json_write_member(writer, "reason", severe_share_text(severe, arena));
}

/* Null where nothing was counted. */
static void write_evidence(struct json_writer *writer, struct arena *arena,
                           const struct plan_entry *entry) {
    json_write_key(writer, STR("evidence"));
    if (entry->advice != NULL) {
        json_object_begin(writer);
        json_write_member_text(writer, "recommendation",
                               recommendation_name(entry->advice->recommendation));
        advice_write_numbers(writer, arena, entry->advice);
        json_write_member(writer, "reason", entry->advice->reason);
        json_object_end(writer);
    } else if (entry->action.severe != NULL) {
        json_object_begin(writer);
        write_severe(writer, arena, entry->action.severe);
        json_object_end(writer);
    } else {
        json_write_null(writer);
    }
}

static void write_freeze(struct json_writer *writer, struct arena *arena,
                         const struct prospect_freeze *freeze) {
    const struct plan_entry entry = {.action = {.resource_id = freeze->arn,
                                                .action = ACTION_PROMOTE,
                                                .status = ACTION_SKIPPED,
                                                .to = STR("strictest"),
                                                .reason = freeze->text},
                                     .prospect = {.ring = freeze->ring, .waits_for = freeze->text}};
    json_object_begin(writer);
    action_write_members(writer, &entry.action);
    prospect_write_members(writer, arena, &entry.prospect);
    write_evidence(writer, arena, &entry);
    json_write_key(writer, STR("freeze"));
    json_object_begin(writer);
    freeze_write_members(writer, arena, freeze);
    json_object_end(writer);
    json_object_end(writer);
}

static void write_entries(struct json_writer *writer, struct arena *arena,
                          const struct plan *plan) {
    for (size_t i = 0; i < plan->count; i++) {
        json_object_begin(writer);
        action_write_members(writer, &plan->entries[i].action);
        prospect_write_members(writer, arena, &plan->entries[i].prospect);
        write_evidence(writer, arena, &plan->entries[i]);
        json_object_end(writer);
    }
}

void plan_write_entries(struct json_writer *writer, struct arena *arena, const struct plan *plan) {
    json_array_begin(writer);
    write_entries(writer, arena, plan);
    json_array_end(writer);
}

void plan_write_json(struct buf *out, struct arena *arena, const struct plan *plan) {
    struct json_writer writer;
    ASSERT(out != NULL && arena != NULL && plan != NULL);
    json_writer_init(&writer, out);
    json_array_begin(&writer);
    write_entries(&writer, arena, plan);
    for (size_t i = 0; i < plan->freeze_count; i++) {
        write_freeze(&writer, arena, &plan->freezes[i]);
    }
    json_array_end(&writer);
    buf_append_char(out, '\n');
}
