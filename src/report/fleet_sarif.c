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

struct sarif {
    struct json_writer writer;
    struct arena *arena;
    const struct fleet *fleet;
};

static str level_of(enum finding_severity severity) {
    switch (severity) {
    case SEVERITY_HIGH:
        return STR("error");
    case SEVERITY_MEDIUM:
        return STR("warning");
    case SEVERITY_LOW:
    case SEVERITY_INFORMATIONAL:
        break;
    }
    return STR("note");
}

/* By GitHub: over 9 critical, 7 high, 4 medium, below low. */
static str score_of(enum finding_severity severity) {
    static const char *const scores[] = {[SEVERITY_INFORMATIONAL] = "0.1",
                                         [SEVERITY_LOW] = "2.0",
                                         [SEVERITY_MEDIUM] = "5.0",
                                         [SEVERITY_HIGH] = "8.0"};
    return str_from_cstr(scores[severity]);
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

static void write_rule_properties(struct json_writer *writer, enum finding_id id) {
    json_open_object(writer, "properties");
    json_write_member(writer, "precision", STR("very-high"));
    json_write_member(writer, "security-severity", score_of(finding_rule_severity(id)));
    json_open_array(writer, "tags");
    json_write_str(writer, STR("security"));
    for (const char *const *control = finding_controls(id); *control != NULL; control++) {
        json_write_str(writer, str_from_cstr(*control));
    }
    json_array_end(writer);
    json_object_end(writer);
}

/* Whatever GitHub calls required, though the schema does not. */
static void write_rule(struct sarif *sarif, enum finding_id id) {
    struct json_writer *writer = &sarif->writer;
    str title = str_from_cstr(finding_title(id));
    const char *url = finding_source_url(id);
    str help = str_format(sarif->arena, "%" STR_FMT ". Source: %s", STR_ARG(title), url);
    json_object_begin(writer);
    json_write_member(writer, "id", str_from_cstr(finding_name(id)));
    write_text(writer, "shortDescription", title);
    write_text(writer, "fullDescription", title);
    write_text(writer, "help", help);
    json_write_member(writer, "helpUri", str_from_cstr(url));
    json_open_object(writer, "defaultConfiguration");
    json_write_member(writer, "level", level_of(finding_rule_severity(id)));
    json_object_end(writer);
    write_rule_properties(writer, id);
    json_object_end(writer);
}

static void write_notification_kind(struct json_writer *writer, const char *id, str text) {
    json_object_begin(writer);
    json_write_member(writer, "id", str_from_cstr(id));
    write_text(writer, "shortDescription", text);
    json_object_end(writer);
}

static void write_tool(struct sarif *sarif) {
    struct json_writer *writer = &sarif->writer;
    json_open_object(writer, "tool");
    json_open_object(writer, "driver");
    json_write_member(writer, "name", STR("desync-guard"));
    json_write_member(writer, "version", sarif->fleet->version);
    json_open_array(writer, "rules");
    for (size_t id = 0; id < FINDING_COUNT; id++) {
        if (finding_title((enum finding_id)id) != NULL) {
            write_rule(sarif, (enum finding_id)id);
        }
    }
    json_array_end(writer);
    json_open_array(writer, "notifications");
    write_notification_kind(writer, "UNKNOWN", STR("The facts for a verdict could not be read"));
    write_notification_kind(writer, "GAP", STR("A Region of an account could not be read"));
    write_notification_kind(writer, "INTERRUPTED", STR("The audit was interrupted"));
    json_array_end(writer);
    json_object_end(writer);
    json_object_end(writer);
}

/* Position in tool.driver.rules; false when no rule is listed for it. */
static bool rule_index(enum finding_id id, size_t *index_out) {
    *index_out = 0;
    for (size_t other = 0; other < (size_t)id; other++) {
        *index_out += finding_title((enum finding_id)other) != NULL;
    }
    return finding_title(id) != NULL;
}

/* --- where ------------------------------------------------------------------------------------ */

static bool is_unreserved(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           str_find_char(STR("-._~"), c) < STR("-._~").len;
}

/* One segment of a path; "." and ".." would be steps of their own. */
static void append_segment(struct buf *out, str text) {
    bool is_step = str_eq(text, STR(".")) || str_eq(text, STR("..")) || str_is_empty(text);
    buf_append(out, is_step ? STR("/_") : STR("/"));
    for (size_t i = 0; i < text.len; i++) {
        if (is_unreserved(text.ptr[i])) {
            buf_append_char(out, text.ptr[i]);
        } else {
            buf_printf(out, "%%%02X", (unsigned)(unsigned char)text.ptr[i]);
        }
    }
}

static str path_of(struct arena *arena, const struct fleet_row *row) {
    struct buf out;
    buf_init(&out, arena, PATH_BYTES_MAX);
    str id = row->evaluation.resource_id;
    struct load_balancer_arn arn;
    bool is_arn = load_balancer_arn_parse(id, &arn) == STATUS_OK;
    buf_append(&out, STR("aws"));
    append_segment(&out, row->account_id);
    append_segment(&out, row->region);
    for (str rest = is_arn ? arn.resource : id; rest.ptr != NULL;) {
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
    json_object_end(writer);
    json_object_end(writer);
    json_open_array(writer, "logicalLocations");
    json_object_begin(writer);
    json_write_member(writer, "name", row->name);
    json_write_member(writer, "fullyQualifiedName", row->evaluation.resource_id);
    json_write_member(writer, "kind", STR("resource"));
    json_object_end(writer);
    json_array_end(writer);
    json_object_end(writer);
    json_array_end(writer);
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

/* The same finding of the same load balancer, whatever its words, date or mode are today. A
 * subject counts where one id is found for several tags. */
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
    json_write_member(writer, "scheme", str_from_cstr(scheme_name(row->scheme)));
    json_write_member(writer, "mode", str_from_cstr(mode_name(evaluation->mode)));
    json_write_member(writer, "requiredMode", str_from_cstr(mode_name(evaluation->required_mode)));
    json_write_member(writer, "grade", (str){&grade, 1});
    json_write_member(writer, "owner", evaluation->owner);
    json_object_end(writer);
}

static str message_of(const struct sarif *sarif, const struct fleet_row *row,
                      const struct finding *finding) {
    str message = str_is_empty(finding->message) ? str_from_cstr(finding_name(finding->id))
                                                 : finding->message;
    return str_format(sarif->arena, "Load balancer %" STR_FMT ": %" STR_FMT, STR_ARG(row->name),
                      STR_ARG(message));
}

static void write_result(struct sarif *sarif, const struct fleet_row *row,
                         const struct finding *finding) {
    struct json_writer *writer = &sarif->writer;
    size_t index = 0;
    json_object_begin(writer);
    json_write_member(writer, "ruleId", str_from_cstr(finding_name(finding->id)));
    if (rule_index(finding->id, &index)) {
        json_write_member_i64(writer, "ruleIndex", (int64_t)index);
    }
    json_write_member(writer, "level", level_of(finding->severity));
    write_message(sarif, message_of(sarif, row, finding));
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
    json_write_member(writer, "id", str_from_cstr(id));
    json_object_end(writer);
    json_write_member(writer, "level", STR("error"));
    write_message(sarif, text);
}

static void write_unknown_rows(struct sarif *sarif) {
    for (size_t i = 0; i < sarif->fleet->row_count; i++) {
        const struct fleet_row *row = &sarif->fleet->rows[i];
        if (row->evaluation.compliance == COMPLIANCE_UNKNOWN) {
            begin_notification(sarif, "UNKNOWN", annotation_render(sarif->arena, &row->evaluation));
            write_location(sarif, row);
            json_object_end(&sarif->writer);
        }
    }
}

static void write_gaps(struct sarif *sarif) {
    const struct fleet *fleet = sarif->fleet;
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
    str time = time_format_iso8601(sarif->arena, sarif->fleet->generated_ms);
    json_write_member(writer, "endTimeUtc", time);
    json_open_array(writer, "toolExecutionNotifications");
    write_unknown_rows(sarif);
    write_gaps(sarif);
    json_array_end(writer);
    json_object_end(writer);
    json_array_end(writer);
    json_open_object(writer, "properties");
    json_write_key(writer, STR("summary"));
    fleet_summary_write_json(writer, &summary);
    json_object_end(writer);
}

void fleet_write_sarif(struct buf *out, struct arena *arena, const struct fleet *fleet) {
    ASSERT(out != NULL && arena != NULL && fleet != NULL);
    struct sarif sarif = {.arena = arena, .fleet = fleet};
    struct json_writer *writer = &sarif.writer;
    json_writer_init(writer, out);
    json_object_begin(writer);
    json_write_member(writer, "$schema", STR(SCHEMA_URI));
    json_write_member(writer, "version", STR("2.1.0"));
    json_open_array(writer, "runs");
    json_object_begin(writer);
    write_tool(&sarif);
    write_invocation(&sarif);
    write_results(&sarif);
    json_object_end(writer);
    json_array_end(writer);
    json_object_end(writer);
    buf_append_char(out, '\n');
}
