/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/clock.h"
#include "policy/recommend.h"
#include "report/render.h"

static void write_finding(struct json_writer *writer, const struct finding *finding) {
    json_object_begin(writer);
    json_write_member(writer, "id", str_from_cstr(finding_name(finding->id)));
    json_write_member(writer, "severity", str_from_cstr(severity_name(finding->severity)));
    json_write_member(writer, "message", finding->message);
    json_object_end(writer);
}

void evaluation_write_members(struct json_writer *writer, struct arena *arena,
                              const struct evaluation *evaluation) {
    ASSERT(evaluation->finding_count <= FINDINGS_MAX);
    char grade = evaluation->grade == '\0' ? '-' : evaluation->grade;
    json_write_member(writer, "resourceType", evaluation->resource_type);
    json_write_member(writer, "resourceId", evaluation->resource_id);
    json_write_member(writer, "compliance", str_from_cstr(compliance_name(evaluation->compliance)));
    json_write_member(writer, "annotation", annotation_render(arena, evaluation));
    json_write_member_time(writer, arena, "orderingTimestamp", evaluation->ordering_ms);
    json_write_member(writer, "mode", str_from_cstr(mode_name(evaluation->mode)));
    json_write_member(writer, "requiredMode", str_from_cstr(mode_name(evaluation->required_mode)));
    json_write_member(writer, "grade", (str){&grade, 1});
    json_write_member(writer, "owner", evaluation->owner);
    json_write_member(writer, "source",
                      evaluation->source == SOURCE_LIVE ? STR("live") : STR("event"));
    if (evaluation->advice != NULL) {
        const char *name = recommendation_name(evaluation->advice->recommendation);
        json_write_member(writer, "recommendation", str_from_cstr(name));
        json_write_member(writer, "recommendationReason", evaluation->advice->reason);
    }
    json_write_key(writer, STR("findings"));
    json_array_begin(writer);
    for (size_t i = 0; i < evaluation->finding_count; i++) {
        write_finding(writer, &evaluation->findings[i]);
    }
    json_array_end(writer);
}

static void write_evaluation(struct json_writer *writer, struct arena *arena,
                             const struct evaluation *evaluation) {
    json_object_begin(writer);
    evaluation_write_members(writer, arena, evaluation);
    json_object_end(writer);
}

void action_write_json(struct json_writer *writer, const struct action *action) {
    json_object_begin(writer);
    json_write_member(writer, "resourceId", action->resource_id);
    json_write_member(writer, "action", str_from_cstr(action->action));
    json_write_member(writer, "status", str_from_cstr(action->status));
    json_write_member(writer, "from", action->from);
    json_write_member(writer, "to", action->to);
    json_write_member(writer, "reason", action->reason);
    if (action->ending != NULL) {
        json_write_member(writer, "ending", str_from_cstr(action->ending));
    }
    json_object_end(writer);
}

/* After the last action. */
#define END_BYTES ((size_t)64)

void response_begin(struct response *response, struct buf *out) {
    *response = (struct response){.out = out};
    json_writer_init(&response->writer, out);
    json_object_begin(&response->writer);
    json_write_key(&response->writer, STR("evaluations"));
    json_array_begin(&response->writer);
}

void response_add(struct response *response, struct arena *arena,
                  const struct evaluation *evaluation) {
    struct buf text;
    struct json_writer writer;
    buf_init(&text, arena, response->out->bytes_max);
    json_writer_init(&writer, &text);
    write_evaluation(&writer, arena, evaluation);
    size_t needed = response->out->len + text.len + RESPONSE_TAIL_BYTES;
    if (buf_status(&text) != STATUS_OK || needed > response->out->bytes_max) {
        response->omitted++;
        return;
    }
    json_write_raw(&response->writer, buf_str(&text));
}

/* What is only planned may be thousands: it leaves half of the room to what was done. */
static bool add_action(struct response *response, const struct action *action) {
    bool is_planned = strcmp(action->status, "planned") == 0;
    size_t reserve = is_planned ? RESPONSE_TAIL_BYTES / 2 : END_BYTES;
    struct buf *out = response->out;
    const struct json_writer before = response->writer;
    size_t len = out->len;
    action_write_json(&response->writer, action);
    if (buf_status(out) == STATUS_OK && out->len + reserve <= out->bytes_max) {
        return true;
    }
    buf_rewind(out, len);
    response->writer = before;
    return false;
}

static void write_actions(struct response *response, const struct response_totals *totals) {
    struct json_writer *writer = &response->writer;
    size_t omitted = 0;
    json_write_key(writer, STR("actions"));
    json_array_begin(writer);
    for (size_t i = 0; i < totals->action_count; i++) {
        omitted += add_action(response, &totals->actions[i]) ? 0 : 1;
    }
    json_array_end(writer);
    if (omitted > 0) {
        json_write_member_count(writer, "actionsOmitted", omitted);
    }
}

void response_end(struct response *response, const struct response_totals *totals) {
    struct json_writer *writer = &response->writer;
    json_array_end(writer);
    json_write_member_count(writer, "reported", totals->reported);
    json_write_member_count(writer, "failed", totals->failed);
    if (response->omitted > 0) {
        json_write_member_count(writer, "omitted", response->omitted);
    }
    write_actions(response, totals);
    json_object_end(writer);
}
