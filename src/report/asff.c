/* SPDX-License-Identifier: Apache-2.0
 *
 * Members and limits:
 * https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_AwsSecurityFinding.html A provider
 * updates severity and types through FindingProviderFields only; at the top level they count when a
 * finding is new, and for readers of files.
 */
#include "report/asff.h"

#include "fleet_internal.h"
#include "policy/plain_text.h"
#include "report/render.h"

#define SCHEMA_VERSION "2018-10-08"
#define DESCRIPTION_BYTES_MAX                                                                      \
    ((size_t)65536) /* ample: it is cut to ASFF_DESCRIPTION_CHARACTERS_MAX */
#define ID_PART_CHARACTERS_MAX 2048

static const char *const types[] = {"Software and Configuration Checks/AWS Security Best Practices",
                                    NULL};
static const char *const related_requirements[] = {
    "Security Hub ELB.12",    "PCI DSS v4.0.1/6.2.4", "NIST.800-53.r5 AC-4(21)",
    "NIST.800-53.r5 CA-9(1)", "NIST.800-53.r5 CM-2",  NULL};

/* One finding on its way to JSON, with the empty parts filled in. The life of a finding, by its Id:
 *
 *   first import            CreatedAt: since when it is so, if that is known; RecordState ACTIVE
 *   every further one       the same Id, a newer UpdatedAt: the finding is updated
 *   compliant, or gone      RecordState ARCHIVED
 *   found again             the same Id, ACTIVE
 *
 * BatchImportFindings must not change Workflow.Status, which is the customer's ("Guidelines for the
 * BatchImportFindings operation"). */
struct context {
    struct arena *arena;
    const struct evaluation *evaluation;
    const struct finding *most_severe; /* NULL: none */
    str account_id;
    str region;
    str partition;
};

static const char *compliance_status(const struct evaluation *evaluation) {
    bool is_excused = evaluation->compliance == COMPLIANT && evaluation->has_active_exception;
    return is_excused                                ? "WARNING"
           : evaluation->compliance == COMPLIANT     ? "PASSED"
           : evaluation->compliance == NON_COMPLIANT ? "FAILED"
                                                     : "NOT_AVAILABLE";
}

/* The check behind the most_severe finding; when nothing was found, the one that was passed. */
static enum finding_id check_of(const struct context *context) {
    return context->most_severe == NULL ? FINDING_MODE_TOO_WEAK : context->most_severe->id;
}

static str id_text(const struct context *context, str rule_name) {
    str arn = plain_text(context->arena, context->evaluation->resource_id, ID_PART_CHARACTERS_MAX);
    str rule = plain_text(context->arena, rule_name, ID_PART_CHARACTERS_MAX);
    str id = str_format(context->arena, "desync-guard/%" STR_FMT "%s%" STR_FMT, STR_ARG(rule),
                        str_is_empty(rule) ? "" : "/", STR_ARG(arn));
    return plain_text(context->arena, id, ASFF_ID_CHARACTERS_MAX);
}

static str title_text(const struct context *context) {
    const struct evaluation *evaluation = context->evaluation;
    str name = load_balancer_name(context->arena, evaluation->resource_id);
    return str_format(
        context->arena, "Load balancer %" STR_FMT ": %s, desync mitigation mode %s (required: %s)",
        STR_ARG(name), compliance_name(evaluation->compliance), mode_name(evaluation->mode),
        evaluation->required_mode == MODE_UNKNOWN
            ? (evaluation->compliance == NOT_APPLICABLE ? "none" : "unknown")
            : mode_name(evaluation->required_mode));
}

/* The messages, or the annotation where there are none; who should care stands first. */
static str description_text(const struct context *context) {
    const struct evaluation *evaluation = context->evaluation;
    if (evaluation->finding_count == 0) {
        return annotation_render(context->arena, evaluation);
    }
    struct buf out;
    buf_init(&out, context->arena, DESCRIPTION_BYTES_MAX);
    str owner = plain_text(context->arena, evaluation->owner, ASFF_TITLE_CHARACTERS_MAX);
    buf_printf(&out, "Owner: %" STR_FMT ".", STR_ARG(str_is_empty(owner) ? STR("none") : owner));
    str reason = plain_text(context->arena, evaluation->reason, ASFF_TITLE_CHARACTERS_MAX);
    if (!str_is_empty(reason)) {
        buf_printf(&out, " Why: %" STR_FMT ".", STR_ARG(reason));
    }
    for (size_t i = 0; i < evaluation->finding_count; i++) {
        buf_append_char(&out, ' ');
        buf_append(&out, evaluation->findings[i].message);
    }
    return plain_text(context->arena, buf_str(&out), ASFF_DESCRIPTION_CHARACTERS_MAX);
}

/* The command that fixes it; a command is never cut. */
static str recommendation_text(const struct context *context) {
    str command =
        fix_instruction(context->arena, &(struct fix){context->evaluation, context->region,
                                                      context->evaluation->mode});
    if (!str_is_empty(command) && str_utf8_count(command) <= ASFF_RECOMMENDATION_CHARACTERS_MAX) {
        return command;
    }
    str message = context->most_severe == NULL ? STR_EMPTY : context->most_severe->message;
    str text = plain_text(context->arena, message, ASFF_RECOMMENDATION_CHARACTERS_MAX);
    return str_is_empty(text) ? STR("Nothing is to be done.") : text;
}

static void write_severity(struct json_writer *writer, const struct context *context) {
    json_open_object(writer, "Severity");
    json_write_member_text(writer, "Label",
                           severity_name(evaluation_severity(context->evaluation)));
    json_object_end(writer);
}

static void write_remediation(struct json_writer *writer, const struct context *context) {
    const char *url = finding_source_url(check_of(context));
    json_open_object(writer, "Remediation");
    json_open_object(writer, "Recommendation");
    json_write_member(writer, "Text", recommendation_text(context));
    if (url != NULL) {
        json_write_member_text(writer, "Url", url);
    }
    json_close(writer, "}}");
}

/* The API's model has these three; a finding without a partition is taken, one with another may be
 * refused. */
static bool is_partition_known(str partition) {
    return str_eq(partition, STR("aws")) || str_eq(partition, STR("aws-cn")) ||
           str_eq(partition, STR("aws-us-gov"));
}

static void write_resources(struct json_writer *writer, const struct context *context) {
    json_open_array(writer, "Resources");
    json_object_begin(writer);
    json_write_member_text(writer, "Type", "AwsElbv2LoadBalancer");
    json_write_member(writer, "Id", context->evaluation->resource_id);
    if (is_partition_known(context->partition)) {
        json_write_member(writer, "Partition", context->partition);
    }
    if (!str_is_empty(context->region)) {
        json_write_member(writer, "Region", context->region);
    }
    if (context->evaluation->mode != MODE_UNKNOWN) {
        json_open_object(writer, "Details");
        json_open_object(writer, "AwsElbv2LoadBalancer");
        json_open_array(writer, "LoadBalancerAttributes");
        json_object_begin(writer);
        json_write_member_text(writer, "Key", ATTRIBUTE_DESYNC_MODE);
        json_write_member_text(writer, "Value", mode_name(context->evaluation->mode));
        json_close(writer, "}]}}");
    }
    json_close(writer, "}]");
}

static void write_identity(struct json_writer *writer, const struct context *context,
                           const struct asff *asff) {
    str product = str_format(context->arena,
                             "arn:%" STR_FMT ":securityhub:%" STR_FMT ":%" STR_FMT
                             ":product/%" STR_FMT "/default",
                             STR_ARG(context->partition), STR_ARG(context->region),
                             STR_ARG(context->account_id), STR_ARG(context->account_id));
    str generator = str_format(context->arena, "desync-guard/%s", finding_name(check_of(context)));
    int64_t created_ms = asff->created_ms == 0 ? asff->updated_ms : asff->created_ms;
    json_write_member_text(writer, "SchemaVersion", SCHEMA_VERSION);
    json_write_member(writer, "Id", id_text(context, asff->rule_name));
    json_write_member(writer, "ProductArn", product);
    json_write_member(writer, "GeneratorId", generator);
    json_write_member(writer, "AwsAccountId", context->account_id);
    json_write_member(writer, "CreatedAt", time_format_iso8601(context->arena, created_ms));
    json_write_member(writer, "UpdatedAt", time_format_iso8601(context->arena, asff->updated_ms));
}

void asff_write(struct json_writer *writer, struct arena *arena,
                const struct evaluation *evaluation, const struct asff *asff) {
    ASSERT(writer != NULL && arena != NULL && evaluation != NULL && asff != NULL);
    struct load_balancer_arn arn = load_balancer_arn_parts(evaluation->resource_id);
    struct context context = {.arena = arena,
                              .evaluation = evaluation,
                              .most_severe = finding_most_severe(evaluation),
                              .account_id = str_or(asff->account_id, arn.account_id),
                              .region = str_or(asff->region, arn.region),
                              .partition = str_or(asff->partition, arn.partition)};
    bool is_fixed = evaluation->compliance == COMPLIANT && !evaluation->has_active_exception;
    bool is_archived = is_fixed || evaluation->compliance == NOT_APPLICABLE;
    json_object_begin(writer);
    write_identity(writer, &context, asff);
    json_write_member_list(writer, "Types", types);
    write_severity(writer, &context);
    json_open_object(writer, "FindingProviderFields");
    write_severity(writer, &context);
    json_write_member_list(writer, "Types", types);
    json_object_end(writer);
    json_write_member(writer, "Title", title_text(&context));
    json_write_member(writer, "Description", description_text(&context));
    write_remediation(writer, &context);
    write_resources(writer, &context);
    json_open_object(writer, "Compliance");
    json_write_member_text(writer, "Status", compliance_status(evaluation));
    json_write_member_list(writer, "RelatedRequirements", related_requirements);
    json_object_end(writer);
    json_write_member_text(writer, "RecordState", is_archived ? "ARCHIVED" : "ACTIVE");
    json_object_end(writer);
}

/* An array of findings, one for each load balancer. A gap is about no resource that a finding could
 * name: it is in the exit code of `audit` and in the other formats. */
void fleet_write_asff(struct buf *out, struct arena *arena, const struct fleet *fleet) {
    ASSERT(out != NULL && arena != NULL && fleet != NULL);
    struct json_writer writer;
    json_writer_init(&writer, out);
    json_array_begin(&writer);
    for (size_t i = 0; i < fleet->row_count; i++) {
        const struct fleet_row *row = &fleet->rows[i];
        struct asff asff = {.account_id = row->account_id,
                            .region = row->region,
                            .updated_ms = fleet->generated_ms};
        asff_write(&writer, arena, &row->evaluation, &asff);
    }
    json_array_end(&writer);
    buf_append_char(out, '\n');
}
