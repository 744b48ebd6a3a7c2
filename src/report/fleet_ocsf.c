/* SPDX-License-Identifier: Apache-2.0
 *
 * OCSF 1.5.0 (https://schema.ocsf.io/1.5.0/classes/compliance_finding): an array of Compliance
 * Findings with the cloud profile, one for each load balancer. Its uid is that of the finding in
 * Security Hub. A gap is about no resource that a finding could name.
 */
#include "fleet_internal.h"
#include "report/render.h"

#define SCHEMA_VERSION "1.5.0"

/* Most attributes come in pairs, status and status_id. 99 means "Other", whose word is free; the
 * words of all other ids are OCSF's own. `status` says whether somebody has to act,
 * `compliance.status` how the check ended. */
enum ocsf_number {
    CATEGORY_FINDINGS = 2,
    CLASS_COMPLIANCE_FINDING = 2003,
    ACTIVITY_CREATE = 1,
    TYPE_CREATE = CLASS_COMPLIANCE_FINDING * 100 + ACTIVITY_CREATE,
    ACCOUNT_AWS = 10
};

struct ocsf {
    struct json_writer writer;
    struct arena *arena;
    const struct fleet *fleet;
};

struct coded {
    int id;
    const char *name;
};

/* The verdict as compliance.status. */
static struct coded compliance_status(const struct evaluation *evaluation) {
    static const struct coded codes[] = {[COMPLIANT] = {1, "Pass"},
                                         [NON_COMPLIANT] = {3, "Fail"},
                                         [COMPLIANCE_UNKNOWN] = {0, "Unknown"},
                                         [NOT_APPLICABLE] = {99, "Not applicable"}};
    bool is_excused = evaluation->compliance == COMPLIANT && evaluation->has_active_exception;
    return is_excused ? (struct coded){2, "Warning"} : codes[evaluation->compliance];
}

/* Whether somebody has to see to it. */
static struct coded finding_status(const struct evaluation *evaluation) {
    bool is_settled = evaluation->compliance == NOT_APPLICABLE ||
                      (evaluation->compliance == COMPLIANT && !evaluation->has_active_exception);
    return is_settled ? (struct coded){4, "Resolved"} : (struct coded){1, "New"};
}

static struct coded severity_code(enum finding_severity severity) {
    static const struct coded codes[] = {[SEVERITY_INFORMATIONAL] = {1, "Informational"},
                                         [SEVERITY_LOW] = {2, "Low"},
                                         [SEVERITY_MEDIUM] = {3, "Medium"},
                                         [SEVERITY_HIGH] = {4, "High"}};
    return codes[severity];
}

/* `name` and `name`_id. */
static void write_coded(struct ocsf *ocsf, const char *name, struct coded coded) {
    str id_key = str_format(ocsf->arena, "%s_id", name);
    json_write_member(&ocsf->writer, name, str_from_cstr(coded.name));
    json_write_member_i64(&ocsf->writer, id_key.ptr, coded.id);
}

static void write_optional(struct json_writer *writer, const char *key, str value) {
    if (!str_is_empty(value)) {
        json_write_member(writer, key, value);
    }
}

static void write_class(struct ocsf *ocsf, const struct evaluation *evaluation) {
    struct json_writer *writer = &ocsf->writer;
    json_write_member_i64(writer, "category_uid", CATEGORY_FINDINGS);
    json_write_member_text(writer, "category_name", "Findings");
    json_write_member_i64(writer, "class_uid", CLASS_COMPLIANCE_FINDING);
    json_write_member_text(writer, "class_name", "Compliance Finding");
    json_write_member_i64(writer, "activity_id", ACTIVITY_CREATE);
    json_write_member_text(writer, "activity_name", "Create");
    json_write_member_i64(writer, "type_uid", TYPE_CREATE);
    json_write_member_text(writer, "type_name", "Compliance Finding: Create");
    json_write_member_i64(writer, "time", ocsf->fleet->generated_ms);
    write_coded(ocsf, "severity", severity_code(evaluation_severity(evaluation)));
    write_coded(ocsf, "status", finding_status(evaluation));
}

static void write_metadata(struct ocsf *ocsf) {
    struct json_writer *writer = &ocsf->writer;
    json_open_object(writer, "metadata");
    json_write_member_text(writer, "version", SCHEMA_VERSION);
    json_write_member_list(writer, "profiles", (const char *const[]){"cloud", NULL});
    json_open_object(writer, "product");
    json_write_member_text(writer, "name", "desync-guard");
    json_write_member_text(writer, "vendor_name", "desync-guard");
    json_write_member(writer, "version", ocsf->fleet->version);
    json_close(writer, "}}");
}

static void write_cloud(struct ocsf *ocsf, const struct fleet_row *row, str partition) {
    struct json_writer *writer = &ocsf->writer;
    json_open_object(writer, "cloud");
    json_write_member_text(writer, "provider", "AWS");
    write_optional(writer, "cloud_partition", partition);
    write_optional(writer, "region", row->region);
    if (!str_is_empty(row->account_id)) {
        json_open_object(writer, "account");
        json_write_member(writer, "uid", row->account_id);
        write_coded(ocsf, "type", (struct coded){ACCOUNT_AWS, "AWS Account"});
        json_object_end(writer);
    }
    json_object_end(writer);
}

static void write_finding_info(struct ocsf *ocsf, const struct fleet_row *row) {
    const struct evaluation *evaluation = &row->evaluation;
    struct json_writer *writer = &ocsf->writer;
    str uid = str_format(ocsf->arena, "desync-guard/%" STR_FMT, STR_ARG(evaluation->resource_id));
    str title = str_format(ocsf->arena, "Load balancer %" STR_FMT ": %s, desync mitigation mode %s",
                           STR_ARG(row->name), compliance_name(evaluation->compliance),
                           mode_name(evaluation->mode));
    json_open_object(writer, "finding_info");
    json_write_member(writer, "uid", uid);
    json_write_member(writer, "title", title);
    json_write_member(writer, "desc", annotation_render(ocsf->arena, evaluation));
    json_write_member_list(writer, "types",
                           (const char *const[]){"Software and Configuration Checks", NULL});
    json_object_end(writer);
}

/* Advice is a warning: the check did not fail, and somebody may want to act. */
static void write_check(struct ocsf *ocsf, const struct finding *finding) {
    struct json_writer *writer = &ocsf->writer;
    const char *title = finding_title(finding->id);
    const char *name = finding_name(finding->id);
    json_object_begin(writer);
    json_write_member_text(writer, "uid", name);
    json_write_member_text(writer, "name", title == NULL ? name : title);
    write_optional(writer, "desc", finding->message);
    write_coded(ocsf, "severity", severity_code(finding->severity));
    write_coded(ocsf, "status",
                finding->is_failing ? (struct coded){3, "Fail"} : (struct coded){2, "Warning"});
    json_write_member_list(writer, "standards", finding_controls(finding->id));
    json_object_end(writer);
}

static void write_compliance(struct ocsf *ocsf, const struct evaluation *evaluation) {
    struct json_writer *writer = &ocsf->writer;
    json_open_object(writer, "compliance");
    json_write_member_text(writer, "control", "Security Hub ELB.12");
    json_write_controls(writer, "standards", evaluation);
    write_coded(ocsf, "status", compliance_status(evaluation));
    json_open_array(writer, "status_details");
    if (!str_is_empty(evaluation->reason)) {
        json_write_str(writer, evaluation->reason);
    }
    for (size_t i = 0; i < evaluation->finding_count; i++) {
        json_write_str(writer, evaluation->findings[i].message);
    }
    json_array_end(writer);
    json_open_array(writer, "checks");
    for (size_t i = 0; i < evaluation->finding_count; i++) {
        write_check(ocsf, &evaluation->findings[i]);
    }
    json_close(writer, "]}");
}

static void write_resource(struct ocsf *ocsf, const struct fleet_row *row, str partition) {
    const struct evaluation *evaluation = &row->evaluation;
    struct json_writer *writer = &ocsf->writer;
    json_open_array(writer, "resources");
    json_object_begin(writer);
    json_write_member(writer, "uid", evaluation->resource_id);
    write_optional(writer, "name", row->name);
    json_write_member(writer, "type", evaluation->resource_type);
    write_optional(writer, "cloud_partition", partition);
    write_optional(writer, "region", row->region);
    if (!str_is_empty(evaluation->owner)) {
        json_open_object(writer, "owner");
        json_write_member(writer, "name", evaluation->owner);
        json_object_end(writer);
    }
    char grade = evaluation->grade == '\0' ? '-' : evaluation->grade;
    json_open_object(writer, "data");
    json_write_member_text(writer, "scheme", scheme_name(row->scheme));
    json_write_member_text(writer, "mode", mode_name(evaluation->mode));
    json_write_member_text(writer, "requiredMode", mode_name(evaluation->required_mode));
    json_write_member(writer, "grade", (str){&grade, 1});
    json_close(writer, "}}]");
}

/* The command that fixes it, where there is one. OCSF demands a description wherever there is a
 * remediation, so without a command there is none. */
static void write_remediation(struct ocsf *ocsf, const struct fleet_row *row) {
    str command = fix_instruction(
        ocsf->arena, &(struct fix){&row->evaluation, row->region, row->evaluation.mode});
    const struct finding *most_severe = finding_most_severe(&row->evaluation);
    const char *url = most_severe == NULL ? NULL : finding_source_url(most_severe->id);
    if (str_is_empty(command)) {
        return;
    }
    json_open_object(&ocsf->writer, "remediation");
    json_write_member(&ocsf->writer, "desc", command);
    if (url != NULL) {
        json_write_member_list(&ocsf->writer, "references", (const char *const[]){url, NULL});
    }
    json_object_end(&ocsf->writer);
}

static void write_event(struct ocsf *ocsf, const struct fleet_row *row) {
    str partition = load_balancer_arn_parts(row->evaluation.resource_id).partition;
    json_object_begin(&ocsf->writer);
    write_class(ocsf, &row->evaluation);
    json_write_member(&ocsf->writer, "message", annotation_render(ocsf->arena, &row->evaluation));
    write_metadata(ocsf);
    write_cloud(ocsf, row, partition);
    write_finding_info(ocsf, row);
    write_compliance(ocsf, &row->evaluation);
    write_resource(ocsf, row, partition);
    write_remediation(ocsf, row);
    json_object_end(&ocsf->writer);
}

void fleet_write_ocsf(struct buf *out, struct arena *arena, const struct fleet *fleet) {
    ASSERT(out != NULL && arena != NULL && fleet != NULL);
    struct ocsf ocsf = {.arena = arena, .fleet = fleet};
    json_writer_init(&ocsf.writer, out);
    json_array_begin(&ocsf.writer);
    for (size_t i = 0; i < fleet->row_count; i++) {
        write_event(&ocsf, &fleet->rows[i]);
    }
    json_array_end(&ocsf.writer);
    buf_append_char(out, '\n');
}
