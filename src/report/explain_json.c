/* SPDX-License-Identifier: Apache-2.0 */
#include "explain_internal.h"

#include "base/clock.h"

static void write_tristate(struct json_writer *writer, const char *key, enum tristate value) {
    if (value == UNKNOWN) {
        json_write_key(writer, str_from_cstr(key));
        json_write_null(writer);
    } else {
        json_write_member_bool(writer, key, value == YES);
    }
}

static void write_facts(struct json_writer *writer, struct arena *arena,
                        const struct explanation *explanation) {
    const struct load_balancer *facts = explanation->facts;
    const struct management *management = &explanation->evaluation->management;
    const struct load_balancer_arn parts = load_balancer_arn_parts(facts->arn);
    const struct tag *tags;
    size_t count = explain_tags(arena, explanation, &tags);
    json_write_member(writer, "name", str_or(facts->name, parts.name));
    json_write_member(writer, "account", parts.account_id);
    json_write_member(writer, "region", parts.region);
    json_write_member_text(writer, "type", load_balancer_type_name(facts->type));
    json_write_member_text(writer, "scheme", scheme_name(facts->scheme));
    write_tristate(writer, "dropsInvalidHeaders", facts->drops_invalid_headers);
    write_tristate(writer, "writesAccessLogs", facts->writes_logs);
    json_write_member(writer, "accessLogBucket", facts->logs_bucket);
    json_write_member(writer, "managedBy",
                      management->manager == MANAGER_NONE ? STR_EMPTY
                                                          : management_owner(management, arena));
    json_write_key(writer, STR("tags"));
    if (!facts->has_tags) {
        json_write_null(writer);
        return;
    }
    json_array_begin(writer);
    for (size_t i = 0; i < count; i++) {
        json_object_begin(writer);
        json_write_member(writer, "key", tags[i].key);
        json_write_member(writer, "value", tags[i].value);
        json_object_end(writer);
    }
    json_array_end(writer);
}

static void write_exception(struct json_writer *writer, struct arena *arena,
                            const struct explanation *explanation) {
    struct explained_exception exception;
    json_write_key(writer, STR("exception"));
    if (!explain_exception(arena, explanation, &exception)) {
        json_write_null(writer);
        return;
    }
    json_object_begin(writer);
    json_write_member_text(writer, "state", exception_state_name(exception.state));
    json_write_member(writer, "until", exception.until);
    json_write_member(writer, "reason", exception.reason);
    json_write_member(writer, "approver", exception.approver);
    if (exception.has_days) {
        json_write_member_i64(writer, "daysLeft", exception.days_left);
    }
    json_object_end(writer);
}

static void write_change(struct json_writer *writer, struct arena *arena,
                         const struct posture_change *change) {
    json_object_begin(writer);
    json_write_member_time(writer, arena, "at", change->at_ms);
    json_write_member_text(writer, "action", action_kind_name(change->action));
    json_write_member_text(writer, "from", mode_name(change->from));
    json_write_member_text(writer, "to", mode_name(change->to));
    json_write_member(writer, "why", change->why);
    json_write_member(writer, "lastChangedBy", change->by);
    json_write_member_text(writer, "watch", watch_state_name(change->watch));
    json_write_member_text(writer, "ending", watch_ending_name(change->ending));
    json_write_member(writer, "endingReason", change->ending_reason);
    json_object_end(writer);
}

/* Null where there is no table, or where it could not be read, which "unknown" says. */
static void write_history(struct json_writer *writer, struct arena *arena,
                          const struct explanation *explanation) {
    str alerts[EXPLAINED_ALERTS_MAX];
    size_t alert_count = explain_alerts(arena, explanation, alerts);
    json_write_key(writer, STR("history"));
    if (!explanation->has_history) {
        json_write_null(writer);
        return;
    }
    json_object_begin(writer);
    json_write_member_time(writer, arena, "nonCompliantSince", explanation->state.since_ms);
    json_write_member(writer, "lastChangedBy", explanation->writer.arn);
    json_open_array(writer, "alerts");
    for (size_t i = 0; i < alert_count; i++) {
        json_write_str(writer, alerts[i]);
    }
    json_array_end(writer);
    json_open_array(writer, "incidents");
    for (size_t i = 0; i < explanation->incident_count; i++) {
        json_object_begin(writer);
        json_write_member_time(writer, arena, "openedAt", explanation->incidents[i].opened_ms);
        json_write_member_time(writer, arena, "closedAt", explanation->incidents[i].closed_ms);
        json_write_member(writer, "findings", explanation->incidents[i].findings);
        json_object_end(writer);
    }
    json_array_end(writer);
    json_open_array(writer, "changes");
    for (size_t i = 0; i < explanation->change_count; i++) {
        write_change(writer, arena, &explanation->changes[i]);
    }
    json_close(writer, "]}");
}

static void write_fixes(struct json_writer *writer, struct arena *arena,
                        const struct explanation *explanation) {
    struct tool_fixes *fixes = ARENA_NEW(arena, struct tool_fixes);
    explain_find_fixes(arena, explanation, fixes);
    json_open_array(writer, "fixes");
    for (size_t i = 0; i < fixes->count; i++) {
        json_object_begin(writer);
        json_write_member_text(writer, "tool", fixes->items[i].id);
        json_write_member(writer, "place", fixes->items[i].place);
        json_write_member(writer, "code", fixes->items[i].code);
        json_object_end(writer);
    }
    json_array_end(writer);
    json_write_member(writer, "fixNote", fixes->note);
}

static void write_unknown(struct json_writer *writer, const struct explanation *explanation) {
    json_open_array(writer, "unknown");
    for (size_t i = 0; i < explanation->gap_count; i++) {
        json_object_begin(writer);
        json_write_member_text(writer, "part", explanation->gaps[i].part);
        json_write_member(writer, "why", explanation->gaps[i].why);
        json_object_end(writer);
    }
    json_array_end(writer);
}

void explain_write_json(struct buf *out, struct arena *arena,
                        const struct explanation *explanation) {
    struct json_writer writer;
    ASSERT(out != NULL && arena != NULL && explanation != NULL);
    const struct evaluation *evaluation = explanation->evaluation;
    json_writer_init(&writer, out);
    json_object_begin(&writer);
    json_write_member_time(&writer, arena, "generatedAt", explanation->now_ms);
    write_facts(&writer, arena, explanation);
    evaluation_write_members(&writer, arena, evaluation);
    json_write_member(&writer, "reason", evaluation->reason);
    json_write_member(&writer, "requiredBecause", evaluation->required_because);
    write_exception(&writer, arena, explanation);
    json_write_key(&writer, STR("plan"));
    plan_write_entries(&writer, arena, explanation->plan);
    json_write_member_bool(&writer, "hasTable", explanation->has_table);
    write_history(&writer, arena, explanation);
    write_fixes(&writer, arena, explanation);
    write_unknown(&writer, explanation);
    json_object_end(&writer);
    buf_append_char(out, '\n');
}
