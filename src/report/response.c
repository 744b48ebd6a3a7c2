/* SPDX-License-Identifier: Apache-2.0
 *
 * The JSON of a response. It stays valid when there is more to say than fits: evaluations and
 * actions are left out one by one and counted, and evaluations leave RESPONSE_TAIL_BYTES to the
 * actions, which say what was done.
 */
#include "base/clock.h"
#include "report/render.h"

void evaluation_write_members(struct json_writer *writer, struct arena *arena,
                              const struct evaluation *evaluation) {
    ASSERT(evaluation->finding_count <= FINDINGS_MAX);
    char grade = evaluation->grade == '\0' ? '-' : evaluation->grade;
    json_write_member(writer, "resourceType", evaluation->resource_type);
    json_write_member(writer, "resourceId", evaluation->resource_id);
    json_write_member_text(writer, "compliance", compliance_name(evaluation->compliance));
    json_write_member(writer, "annotation", annotation_render(arena, evaluation));
    json_write_member_time(writer, arena, "orderingTimestamp", evaluation->ordering_ms);
    json_write_member_text(writer, "mode", mode_name(evaluation->mode));
    json_write_member_text(writer, "requiredMode", mode_name(evaluation->required_mode));
    json_write_member(writer, "grade", (str){&grade, 1});
    json_write_member(writer, "owner", evaluation->owner);
    json_write_member_text(writer, "source", evaluation->source == SOURCE_LIVE ? "live" : "event");
    if (evaluation->advice != NULL) {
        const char *name = recommendation_name(evaluation->advice->recommendation);
        json_write_member_text(writer, "recommendation", name);
        json_write_member(writer, "recommendationReason", evaluation->advice->reason);
        json_open_object(writer, "evidence");
        advice_write_numbers(writer, arena, evaluation->advice);
        json_object_end(writer);
    }
    json_open_array(writer, "findings");
    for (size_t i = 0; i < evaluation->finding_count; i++) {
        const struct finding *finding = &evaluation->findings[i];
        json_object_begin(writer);
        json_write_member_text(writer, "id", finding_name(finding->id));
        json_write_member_text(writer, "severity", severity_name(finding->severity));
        json_write_member(writer, "message", finding->message);
        json_object_end(writer);
    }
    json_array_end(writer);
}

void action_write_members(struct json_writer *writer, const struct action *action) {
    json_write_member(writer, "resourceId", action->resource_id);
    json_write_member_text(writer, "action", action_kind_name(action->action));
    json_write_member_text(writer, "status", action_status_name(action->status));
    json_write_member(writer, "from", action->from);
    json_write_member(writer, "to", action->to);
    json_write_member(writer, "reason", action->reason);
    if (action->ending != WATCH_ENDING_NONE) {
        json_write_member_text(writer, "ending", watch_ending_name(action->ending));
    }
}

/* After the last action. */
#define END_BYTES ((size_t)64)

/* Lambda refuses a response above 6 MiB as a whole, so a sweep of a large fleet has to leave
 * out. */
void response_begin(struct response *response, struct buf *out) {
    *response = (struct response){.out = out};
    json_writer_init(&response->writer, out);
    json_object_begin(&response->writer);
    json_open_array(&response->writer, "evaluations");
}

void response_add(struct response *response, struct arena *arena,
                  const struct evaluation *evaluation) {
    struct buf text;
    struct json_writer writer;
    buf_init(&text, arena, response->out->bytes_max);
    json_writer_init(&writer, &text);
    json_object_begin(&writer);
    evaluation_write_members(&writer, arena, evaluation);
    json_object_end(&writer);
    size_t needed = response->out->len + text.len + RESPONSE_TAIL_BYTES;
    if (buf_status(&text) != STATUS_OK || needed > response->out->bytes_max) {
        response->omitted++;
        return;
    }
    json_write_raw(&response->writer, buf_str(&text));
}

/* What is only planned may be thousands: it leaves half of the room to what was done.
 *
 *   |<------------------------------ out->bytes_max ------------------------------>|
 *   | evaluations                      |<--------- RESPONSE_TAIL_BYTES ----------->|
 *   |                                  | planned actions   | done, failed, skipped |
 *   |                                  | to here at most --^        to END_BYTES --^
 */
static bool add_action(struct response *response, const struct action *action) {
    bool is_planned = action->status == ACTION_PLANNED;
    size_t reserve = is_planned ? RESPONSE_TAIL_BYTES / 2 : END_BYTES;
    struct buf *out = response->out;
    const struct json_writer before = response->writer;
    size_t len = out->len;
    json_object_begin(&response->writer);
    action_write_members(&response->writer, action);
    json_object_end(&response->writer);
    if (buf_status(out) == STATUS_OK && out->len + reserve <= out->bytes_max) {
        return true;
    }
    buf_rewind(out, len);
    response->writer = before;
    return false;
}

void response_end(struct response *response, const struct response_totals *totals) {
    struct json_writer *writer = &response->writer;
    json_array_end(writer);
    json_write_member_count(writer, "reported", totals->reported);
    json_write_member_count(writer, "failed", totals->failed);
    if (response->omitted > 0) {
        json_write_member_count(writer, "omitted", response->omitted);
    }
    size_t omitted = 0;
    json_open_array(writer, "actions");
    for (size_t i = 0; i < totals->action_count; i++) {
        omitted += add_action(response, &totals->actions[i]) ? 0 : 1;
    }
    json_array_end(writer);
    if (omitted > 0) {
        json_write_member_count(writer, "actionsOmitted", omitted);
    }
    json_object_end(writer);
}
