/* SPDX-License-Identifier: Apache-2.0
 *
 * SARIF 2.1.0, as https://docs.oasis-open.org/sarif/sarif/v2.1.0/ has it and GitHub takes it: a
 * location there is a path within the repository, so it is aws/<account>/<region>/<name>/<id>, and
 * the ARN is the logical location. One result for each failing finding. What could not be found out
 * is no result: unknown verdicts, gaps and an interruption are notifications of an invocation that
 * did not succeed.
 */
#include <inttypes.h>

#include "fleet_internal.h"
#include "report/render.h"

#define SCHEMA_URI                                                                                 \
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
#define PATH_BYTES_MAX ((size_t)16384)

/* The document's parts, and who refers to them:
 *
 *   runs[0]
 *     tool.driver.rules[]            what can be found          <-- ruleIndex of a result
 *     tool.driver.notifications[]    UNKNOWN, GAP, INTERRUPTED  <-- descriptor of a notification
 *     invocations[0]                 executionSuccessful, toolExecutionNotifications[]
 *     results[]                      ruleId, level, message, locations[], partialFingerprints
 */
struct sarif {
    struct json_writer writer;
    struct arena *arena;
    const struct fleet *fleet;
};

static const char *level_of(enum finding_severity severity) {
    return severity == SEVERITY_HIGH ? "error" : severity == SEVERITY_MEDIUM ? "warning" : "note";
}

/* By GitHub: over 9 critical, 7 high, 4 medium, below low. */
static const char *score_of(enum finding_severity severity) {
    static const char *const scores[] = {[SEVERITY_INFORMATIONAL] = "0.1",
                                         [SEVERITY_LOW] = "2.0",
                                         [SEVERITY_MEDIUM] = "5.0",
                                         [SEVERITY_HIGH] = "8.0"};
    return scores[severity];
}

static void write_text(struct json_writer *writer, const char *key, str text) {
    json_open_object(writer, key);
    json_write_member(writer, "text", text);
    json_object_end(writer);
}

/* "[text](target)" would be a link in a message (3.11.6), which no tag may make. */
static void write_message(struct sarif *sarif, str text) {
    struct buf escaped;
    buf_init(&escaped, sarif->arena, 2 * text.len);
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '[' || text.ptr[i] == ']') {
            buf_append_char(&escaped, '\\');
        }
        buf_append_char(&escaped, text.ptr[i]);
    }
    write_text(&sarif->writer, "message", buf_str(&escaped));
}

/* --- what can be found ------------------------------------------------------------------------ */

/* Whatever GitHub calls required, though the schema does not. */
static void write_rule(struct sarif *sarif, enum finding_id id) {
    struct json_writer *writer = &sarif->writer;
    const char *title = finding_title(id);
    const char *url = finding_source_url(id);
    enum finding_severity severity = finding_rule_severity(id);
    json_object_begin(writer);
    json_write_member_text(writer, "id", finding_name(id));
    write_text(writer, "shortDescription", str_from_cstr(title));
    write_text(writer, "fullDescription", str_from_cstr(title));
    write_text(writer, "help", str_format(sarif->arena, "%s. Source: %s", title, url));
    json_write_member_text(writer, "helpUri", url);
    json_open_object(writer, "defaultConfiguration");
    json_write_member_text(writer, "level", level_of(severity));
    json_object_end(writer);
    json_open_object(writer, "properties");
    json_write_member_text(writer, "precision", "very-high");
    json_write_member_text(writer, "security-severity", score_of(severity));
    json_open_array(writer, "tags");
    json_write_str(writer, STR("security"));
    for (const char *const *control = finding_controls(id); *control != NULL; control++) {
        json_write_str(writer, str_from_cstr(*control));
    }
    json_close(writer, "]}}");
}

static void write_notification_kind(struct json_writer *writer, const char *id, str text) {
    json_object_begin(writer);
    json_write_member_text(writer, "id", id);
    write_text(writer, "shortDescription", text);
    json_object_end(writer);
}

static void write_tool(struct sarif *sarif) {
    struct json_writer *writer = &sarif->writer;
    json_open_object(writer, "tool");
    json_open_object(writer, "driver");
    json_write_member_text(writer, "name", "desync-guard");
    json_write_member(writer, "version", sarif->fleet->version);
    json_open_array(writer, "rules");
    for (enum finding_id id = 0; id < FINDING_COUNT; id++) {
        if (finding_title(id) != NULL) {
            write_rule(sarif, id);
        }
    }
    json_array_end(writer);
    json_open_array(writer, "notifications");
    write_notification_kind(writer, "UNKNOWN", STR("The facts for a verdict could not be read"));
    write_notification_kind(writer, "GAP", STR("A Region of an account could not be read"));
    write_notification_kind(writer, "INTERRUPTED", STR("The audit was interrupted"));
    json_close(writer, "]}}");
}

/* --- where ------------------------------------------------------------------------------------ */

/* One segment of a path; "." and ".." would be steps of their own. */
static void append_segment(struct buf *out, str text) {
    bool is_step = str_eq(text, STR(".")) || str_eq(text, STR("..")) || str_is_empty(text);
    buf_append(out, is_step ? STR("/_") : STR("/"));
    buf_append_percent_encoded(out, text);
}

static str path_of(struct arena *arena, const struct fleet_row *row) {
    struct buf out;
    buf_init(&out, arena, PATH_BYTES_MAX);
    str id = row->evaluation.resource_id;
    str resource = load_balancer_arn_parts(id).resource;
    buf_append(&out, STR("aws"));
    append_segment(&out, row->account_id);
    append_segment(&out, row->region);
    for (str rest = str_or(resource, id); rest.ptr != NULL;) {
        append_segment(&out, str_split(&rest, '/'));
    }
    return buf_str(&out);
}

/* `start_line`: GitHub shows no result without one. */
static void write_location(struct sarif *sarif, const struct fleet_row *row) {
    struct json_writer *writer = &sarif->writer;
    json_open_array(writer, "locations");
    json_object_begin(writer);
    json_open_object(writer, "physicalLocation");
    json_open_object(writer, "artifactLocation");
    json_write_member(writer, "uri", path_of(sarif->arena, row));
    json_object_end(writer);
    json_open_object(writer, "region");
    json_write_member_i64(writer, "startLine", 1);
    json_close(writer, "}}");
    json_open_array(writer, "logicalLocations");
    json_object_begin(writer);
    json_write_member(writer, "name", row->name);
    json_write_member(writer, "fullyQualifiedName", row->evaluation.resource_id);
    json_write_member_text(writer, "kind", "resource");
    json_close(writer, "}]}]");
}

/* --- what was found --------------------------------------------------------------------------- */

#define FNV_OFFSET UINT64_C(14695981039346656037)
#define FNV_PRIME  UINT64_C(1099511628211)

static uint64_t hash_more(uint64_t hash, str text) {
    for (size_t i = 0; i < text.len; i++) {
        hash = (hash ^ (unsigned char)text.ptr[i]) * FNV_PRIME;
    }
    return (hash ^ 0xFF) * FNV_PRIME; /* no byte of UTF-8: ends the part */
}

/* The same finding of the same load balancer, whatever its words, date or mode are today. A subject
 * counts where one id is found for several tags. FNV-1a is no protection against a collision made
 * on purpose, which would only make one alert of two. */
static str fingerprint(struct arena *arena, const struct fleet_row *row,
                       const struct finding *finding) {
    bool is_tag =
        finding->id == FINDING_TAG_MISSING || finding->id == FINDING_TAG_VALUE_NOT_ALLOWED;
    uint64_t hash = hash_more(FNV_OFFSET, row->evaluation.resource_id);
    hash = hash_more(hash, str_from_cstr(finding_name(finding->id)));
    hash = hash_more(hash, is_tag ? finding->subject : STR_EMPTY);
    return str_format(arena, "%016" PRIx64, hash);
}

static void write_fingerprints(struct sarif *sarif, const struct fleet_row *row,
                               const struct finding *finding) {
    str hash = fingerprint(sarif->arena, row, finding);
    str line_hash = str_format(sarif->arena, "%" STR_FMT ":1", STR_ARG(hash));
    json_open_object(&sarif->writer, "partialFingerprints");
    json_write_member(&sarif->writer, "desyncGuardFinding/v1", hash);
    /* the one that GitHub compares */
    json_write_member(&sarif->writer, "primaryLocationLineHash", line_hash);
    json_object_end(&sarif->writer);
}

static void write_result_properties(struct json_writer *writer, const struct fleet_row *row) {
    const struct evaluation *evaluation = &row->evaluation;
    char grade = evaluation->grade == '\0' ? '-' : evaluation->grade;
    json_open_object(writer, "properties");
    json_write_member(writer, "account", row->account_id);
    json_write_member(writer, "region", row->region);
    json_write_member_text(writer, "scheme", scheme_name(row->scheme));
    json_write_member_text(writer, "mode", mode_name(evaluation->mode));
    json_write_member_text(writer, "requiredMode", mode_name(evaluation->required_mode));
    json_write_member(writer, "grade", (str){&grade, 1});
    json_write_member(writer, "owner", evaluation->owner);
    json_object_end(writer);
}

static void write_result(struct sarif *sarif, const struct fleet_row *row,
                         const struct finding *finding) {
    struct json_writer *writer = &sarif->writer;
    str message = str_or(finding->message, str_from_cstr(finding_name(finding->id)));
    json_object_begin(writer);
    json_write_member_text(writer, "ruleId", finding_name(finding->id));
    if (finding_title(finding->id) != NULL) { /* else it is not listed in tool.driver.rules */
        int64_t index = 0;
        for (enum finding_id other = 0; other < finding->id; other++) {
            index += finding_title(other) != NULL;
        }
        json_write_member_i64(writer, "ruleIndex", index);
    }
    json_write_member_text(writer, "level", level_of(finding->severity));
    write_message(sarif, str_format(sarif->arena, "Load balancer %" STR_FMT ": %" STR_FMT,
                                    STR_ARG(row->name), STR_ARG(message)));
    write_location(sarif, row);
    write_fingerprints(sarif, row, finding);
    write_result_properties(writer, row);
    json_object_end(writer);
}

static void write_results(struct sarif *sarif) {
    json_open_array(&sarif->writer, "results");
    for (size_t i = 0; i < sarif->fleet->row_count; i++) {
        const struct fleet_row *row = &sarif->fleet->rows[i];
        for (size_t j = 0; j < row->evaluation.finding_count; j++) {
            if (row->evaluation.findings[j].is_failing) {
                write_result(sarif, row, &row->evaluation.findings[j]);
            }
        }
    }
    json_array_end(&sarif->writer);
}

/* --- what could not be found out -------------------------------------------------------------- */

static void begin_notification(struct sarif *sarif, const char *id, str text) {
    struct json_writer *writer = &sarif->writer;
    json_object_begin(writer);
    json_open_object(writer, "descriptor");
    json_write_member_text(writer, "id", id);
    json_object_end(writer);
    json_write_member_text(writer, "level", "error");
    write_message(sarif, text);
}

static void write_notifications(struct sarif *sarif) {
    const struct fleet *fleet = sarif->fleet;
    for (size_t i = 0; i < fleet->row_count; i++) {
        const struct fleet_row *row = &fleet->rows[i];
        if (row->evaluation.compliance == COMPLIANCE_UNKNOWN) {
            begin_notification(sarif, "UNKNOWN", annotation_render(sarif->arena, &row->evaluation));
            write_location(sarif, row);
            json_object_end(&sarif->writer);
        }
    }
    for (size_t i = 0; i < fleet->gap_count; i++) {
        const struct fleet_gap *gap = &fleet->gaps[i];
        str text = str_format(sarif->arena, "Account %" STR_FMT ", Region %" STR_FMT ": %" STR_FMT,
                              STR_ARG(gap->account_id), STR_ARG(gap->region), STR_ARG(gap->reason));
        begin_notification(sarif, "GAP", text);
        json_object_end(&sarif->writer);
    }
    if (fleet->is_interrupted) {
        begin_notification(sarif, "INTERRUPTED", fleet_interruption_text(sarif->arena, fleet));
        json_object_end(&sarif->writer);
    }
}

static void write_invocation(struct sarif *sarif) {
    struct fleet_summary summary;
    fleet_summarize(sarif->fleet, &summary);
    struct json_writer *writer = &sarif->writer;
    json_open_array(writer, "invocations");
    json_object_begin(writer);
    json_write_member_bool(writer, "executionSuccessful",
                           fleet_is_complete(sarif->fleet) && summary.unknown == 0);
    json_write_member_time(writer, sarif->arena, "endTimeUtc", sarif->fleet->generated_ms);
    json_open_array(writer, "toolExecutionNotifications");
    write_notifications(sarif);
    json_close(writer, "]}]");
    json_open_object(writer, "properties");
    fleet_write_summary(writer, &summary);
    json_object_end(writer);
}

void fleet_write_sarif(struct buf *out, struct arena *arena, const struct fleet *fleet) {
    ASSERT(out != NULL && arena != NULL && fleet != NULL);
    struct sarif sarif = {.arena = arena, .fleet = fleet};
    struct json_writer *writer = &sarif.writer;
    json_writer_init(writer, out);
    json_object_begin(writer);
    json_write_member_text(writer, "$schema", SCHEMA_URI);
    json_write_member_text(writer, "version", "2.1.0");
    json_open_array(writer, "runs");
    json_object_begin(writer);
    write_tool(&sarif);
    write_invocation(&sarif);
    write_results(&sarif);
    json_close(writer, "}]}");
    buf_append_char(out, '\n');
}
