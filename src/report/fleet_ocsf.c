/* SPDX-License-Identifier: Apache-2.0
 *
 * OCSF 1.5.0 (https://schema.ocsf.io/1.5.0/classes/compliance_finding): an array of Compliance
 * Findings with the cloud profile, one for each load balancer. Its uid is that of the finding in
 * Security Hub. A gap is about no resource that a finding could name.
 */
#include "fleet_internal.h"
#include "report/render.h"

#define SCHEMA_VERSION "1.5.0"

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
    switch (evaluation->compliance) {
    case COMPLIANT:
        return evaluation->has_active_exception ? (struct coded){2, "Warning"}
                                                : (struct coded){1, "Pass"};
    case NON_COMPLIANT:
        return (struct coded){3, "Fail"};
    case COMPLIANCE_UNKNOWN:
        return (struct coded){0, "Unknown"};
    case NOT_APPLICABLE:
        break;
    }
    return (struct coded){99, "Not applicable"};
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

/* As in Security Hub: unknown is never shown as harmless. */
static enum finding_severity severity_of(const struct evaluation *evaluation) {
    const struct finding *most_severe = finding_most_severe(evaluation);
    enum finding_severity severity =
        most_severe == NULL ? SEVERITY_INFORMATIONAL : most_severe->severity;
    bool is_unknown = evaluation->compliance == COMPLIANCE_UNKNOWN;
    return is_unknown && severity < SEVERITY_MEDIUM ? SEVERITY_MEDIUM : severity;
}

/* `name` and `name`_id. */
static void write_coded(struct ocsf *ocsf, const char *name, struct coded coded) {
    str id_key = str_format(ocsf->arena, "%s_id", name);
    json_write_member(&ocsf->writer, name, str_from_cstr(coded.name));
    json_write_key(&ocsf->writer, id_key);
    json_write_i64(&ocsf->writer, coded.id);
}

static void write_optional(struct json_writer *writer, const char *key, str value) {
    if (!str_is_empty(value)) {
        json_write_member(writer, key, value);
    }
}

static void write_class(struct ocsf *ocsf, const struct evaluation *evaluation) {
    struct json_writer *writer = &ocsf->writer;
    json_write_member_i64(writer, "category_uid", CATEGORY_FINDINGS);
    json_write_member(writer, "category_name", STR("Findings"));
    json_write_member_i64(writer, "class_uid", CLASS_COMPLIANCE_FINDING);
    json_write_member(writer, "class_name", STR("Compliance Finding"));
    json_write_member_i64(writer, "activity_id", ACTIVITY_CREATE);
    json_write_member(writer, "activity_name", STR("Create"));
    json_write_member_i64(writer, "type_uid", TYPE_CREATE);
    json_write_member(writer, "type_name", STR("Compliance Finding: Create"));
    json_write_member_i64(writer, "time", ocsf->fleet->generated_ms);
    write_coded(ocsf, "severity", severity_code(severity_of(evaluation)));
    write_coded(ocsf, "status", finding_status(evaluation));
}

static void write_metadata(struct ocsf *ocsf) {
    struct json_writer *writer = &ocsf->writer;
    json_open_object(writer, "metadata");
    json_write_member(writer, "version", STR(SCHEMA_VERSION));
    json_open_array(writer, "profiles");
    json_write_str(writer, STR("cloud"));
    json_array_end(writer);
    json_open_object(writer, "product");
    json_write_member(writer, "name", STR("desync-guard"));
    json_write_member(writer, "vendor_name", STR("desync-guard"));
    json_write_member(writer, "version", ocsf->fleet->version);
    json_object_end(writer);
    json_object_end(writer);
}

static void write_cloud(struct ocsf *ocsf, const struct fleet_row *row, str partition) {
    struct json_writer *writer = &ocsf->writer;
    json_open_object(writer, "cloud");
    json_write_member(writer, "provider", STR("AWS"));
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
    json_open_array(writer, "types");
    json_write_str(writer, STR("Software and Configuration Checks"));
    json_array_end(writer);
    json_object_end(writer);
}

static void write_check(struct ocsf *ocsf, const struct finding *finding) {
    struct json_writer *writer = &ocsf->writer;
    const char *title = finding_title(finding->id);
    const char *name = finding_name(finding->id);
    json_object_begin(writer);
    json_write_member(writer, "uid", str_from_cstr(name));
    json_write_member(writer, "name", str_from_cstr(title == NULL ? name : title));
    write_optional(writer, "desc", finding->message);
    write_coded(ocsf, "severity", severity_code(finding->severity));
    write_coded(ocsf, "status",
                finding->is_failing ? (struct coded){3, "Fail"} : (struct coded){2, "Warning"});
    json_open_array(writer, "standards");
    for (const char *const *control = finding_controls(finding->id); *control != NULL; control++) {
        json_write_str(writer, str_from_cstr(*control));
    }
    json_array_end(writer);
    json_object_end(writer);
}

static void write_compliance(struct ocsf *ocsf, const struct evaluation *evaluation) {
    struct json_writer *writer = &ocsf->writer;
    json_open_object(writer, "compliance");
    json_write_member(writer, "control", STR("Security Hub ELB.12"));
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
    json_array_end(writer);
    json_object_end(writer);
}

static void write_resource_data(struct json_writer *writer, const struct fleet_row *row) {
    const struct evaluation *evaluation = &row->evaluation;
    char grade = evaluation->grade == '\0' ? '-' : evaluation->grade;
    json_open_object(writer, "data");
    json_write_member(writer, "scheme", str_from_cstr(scheme_name(row->scheme)));
    json_write_member(writer, "mode", str_from_cstr(mode_name(evaluation->mode)));
    json_write_member(writer, "requiredMode", str_from_cstr(mode_name(evaluation->required_mode)));
    json_write_member(writer, "grade", (str){&grade, 1});
    json_object_end(writer);
}

static void write_resource(struct ocsf *ocsf, const struct fleet_row *row, str partition) {
    struct json_writer *writer = &ocsf->writer;
    json_open_array(writer, "resources");
    json_object_begin(writer);
    json_write_member(writer, "uid", row->evaluation.resource_id);
    write_optional(writer, "name", row->name);
    json_write_member(writer, "type", row->evaluation.resource_type);
    write_optional(writer, "cloud_partition", partition);
    write_optional(writer, "region", row->region);
    if (!str_is_empty(row->evaluation.owner)) {
        json_open_object(writer, "owner");
        json_write_member(writer, "name", row->evaluation.owner);
        json_object_end(writer);
    }
    write_resource_data(writer, row);
    json_object_end(writer);
    json_array_end(writer);
}

/* The command that fixes it, where there is one. */
static void write_remediation(struct ocsf *ocsf, const struct fleet_row *row) {
    struct fix fix = {&row->evaluation, row->region, row->evaluation.mode};
    str command = fix_attributes_command(ocsf->arena, &fix);
    if (str_is_empty(command)) {
        command = fix_tags_command(ocsf->arena, &fix);
    }
    const struct finding *most_severe = finding_most_severe(&row->evaluation);
    const char *url = most_severe == NULL ? NULL : finding_source_url(most_severe->id);
    if (str_is_empty(command)) {
        return;
    }
    json_open_object(&ocsf->writer, "remediation");
    json_write_member(&ocsf->writer, "desc", command);
    if (url != NULL) {
        json_open_array(&ocsf->writer, "references");
        json_write_str(&ocsf->writer, str_from_cstr(url));
        json_array_end(&ocsf->writer);
    }
    json_object_end(&ocsf->writer);
}

static void write_event(struct ocsf *ocsf, const struct fleet_row *row) {
    struct load_balancer_arn arn;
    bool is_arn = load_balancer_arn_parse(row->evaluation.resource_id, &arn) == STATUS_OK;
    str partition = is_arn ? arn.partition : STR_EMPTY;
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
