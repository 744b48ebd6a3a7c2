/* SPDX-License-Identifier: Apache-2.0
 *
 * Members and limits:
 * https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_AwsSecurityFinding.html A provider
 * updates severity and types through FindingProviderFields only; at the top level they count when a
 * finding is new, and for readers of files.
 */
#include "report/asff.h"

#include "base/clock.h"
#include "fix_internal.h"
#include "policy/plain_text.h"
#include "report/render.h"

#define SCHEMA_VERSION "2018-10-08"
#define FINDING_TYPE   "Software and Configuration Checks/AWS Security Best Practices"
#define DESCRIPTION_BYTES_MAX                                                                      \
    ((size_t)65536) /* ample: it is cut to ASFF_DESCRIPTION_CHARACTERS_MAX */
#define ID_PART_CHARACTERS_MAX 2048

static const char *const related_requirements[] = {"Security Hub ELB.12", "PCI DSS v4.0.1/6.2.4",
                                                   "NIST.800-53.r5 AC-4(21)",
                                                   "NIST.800-53.r5 CA-9(1)", "NIST.800-53.r5 CM-2"};

/* What is about one finding, with the empty parts filled in. */
struct context {
    struct arena *arena;
    const struct evaluation *evaluation;
    const struct finding *most_severe; /* NULL: none */
    str account_id;
    str region;
    str partition;
};

static const char *compliance_status(const struct evaluation *evaluation) {
    switch (evaluation->compliance) {
    case COMPLIANT:
        return evaluation->has_active_exception ? "WARNING" : "PASSED";
    case NON_COMPLIANT:
        return "FAILED";
    case NOT_APPLICABLE:
    case COMPLIANCE_UNKNOWN:
        break;
    }
    return "NOT_AVAILABLE";
}

/* Unknown is never shown as harmless: somebody has to see to it, though not at once. */
static enum finding_severity severity_of(const struct context *context) {
    enum finding_severity severity =
        context->most_severe == NULL ? SEVERITY_INFORMATIONAL : context->most_severe->severity;
    bool is_unknown = context->evaluation->compliance == COMPLIANCE_UNKNOWN;
    return is_unknown && severity < SEVERITY_MEDIUM ? SEVERITY_MEDIUM : severity;
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
    struct fix fix = {context->evaluation, context->region, context->evaluation->mode};
    str command = fix_attributes_command(context->arena, &fix);
    if (str_is_empty(command)) {
        command = fix_tags_command(context->arena, &fix);
    }
    if (!str_is_empty(command) && str_utf8_count(command) <= ASFF_RECOMMENDATION_CHARACTERS_MAX) {
        return command;
    }
    str message = context->most_severe == NULL ? STR_EMPTY : context->most_severe->message;
    str text = plain_text(context->arena, message, ASFF_RECOMMENDATION_CHARACTERS_MAX);
    return str_is_empty(text) ? STR("Nothing is to be done.") : text;
}

static void write_severity(struct json_writer *writer, const struct context *context) {
    json_write_key(writer, STR("Severity"));
    json_object_begin(writer);
    json_write_member(writer, "Label", str_from_cstr(severity_name(severity_of(context))));
    json_object_end(writer);
}

static void write_types(struct json_writer *writer) {
    json_write_key(writer, STR("Types"));
    json_array_begin(writer);
    json_write_str(writer, STR(FINDING_TYPE));
    json_array_end(writer);
}

static void write_provider_fields(struct json_writer *writer, const struct context *context) {
    json_write_key(writer, STR("FindingProviderFields"));
    json_object_begin(writer);
    write_severity(writer, context);
    write_types(writer);
    json_object_end(writer);
}

static void write_remediation(struct json_writer *writer, const struct context *context) {
    const char *url = finding_source_url(check_of(context));
    json_write_key(writer, STR("Remediation"));
    json_object_begin(writer);
    json_write_key(writer, STR("Recommendation"));
    json_object_begin(writer);
    json_write_member(writer, "Text", recommendation_text(context));
    if (url != NULL) {
        json_write_member(writer, "Url", str_from_cstr(url));
    }
    json_object_end(writer);
    json_object_end(writer);
}

/* The mode, where it is known. */
static void write_details(struct json_writer *writer, const struct evaluation *evaluation) {
    if (evaluation->mode == MODE_UNKNOWN) {
        return;
    }
    json_write_key(writer, STR("Details"));
    json_object_begin(writer);
    json_write_key(writer, STR("AwsElbv2LoadBalancer"));
    json_object_begin(writer);
    json_write_key(writer, STR("LoadBalancerAttributes"));
    json_array_begin(writer);
    json_object_begin(writer);
    json_write_member(writer, "Key", STR(ATTRIBUTE_DESYNC_MODE));
    json_write_member(writer, "Value", str_from_cstr(mode_name(evaluation->mode)));
    json_object_end(writer);
    json_array_end(writer);
    json_object_end(writer);
    json_object_end(writer);
}

/* The API's model has these three; a finding without a partition is taken, one with another may be
 * refused. */
static bool is_partition_known(str partition) {
    return str_eq(partition, STR("aws")) || str_eq(partition, STR("aws-cn")) ||
           str_eq(partition, STR("aws-us-gov"));
}

static void write_resources(struct json_writer *writer, const struct context *context) {
    json_write_key(writer, STR("Resources"));
    json_array_begin(writer);
    json_object_begin(writer);
    json_write_member(writer, "Type", STR("AwsElbv2LoadBalancer"));
    json_write_member(writer, "Id", context->evaluation->resource_id);
    if (is_partition_known(context->partition)) {
        json_write_member(writer, "Partition", context->partition);
    }
    if (!str_is_empty(context->region)) {
        json_write_member(writer, "Region", context->region);
    }
    write_details(writer, context->evaluation);
    json_object_end(writer);
    json_array_end(writer);
}

static void write_compliance(struct json_writer *writer, const struct context *context) {
    json_write_key(writer, STR("Compliance"));
    json_object_begin(writer);
    json_write_member(writer, "Status", str_from_cstr(compliance_status(context->evaluation)));
    json_write_key(writer, STR("RelatedRequirements"));
    json_array_begin(writer);
    for (size_t i = 0; i < sizeof(related_requirements) / sizeof(related_requirements[0]); i++) {
        json_write_str(writer, str_from_cstr(related_requirements[i]));
    }
    json_array_end(writer);
    json_object_end(writer);
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
    json_write_member(writer, "SchemaVersion", STR(SCHEMA_VERSION));
    json_write_member(writer, "Id", id_text(context, asff->rule_name));
    json_write_member(writer, "ProductArn", product);
    json_write_member(writer, "GeneratorId", generator);
    json_write_member(writer, "AwsAccountId", context->account_id);
    json_write_member(writer, "CreatedAt", time_format_iso8601(context->arena, created_ms));
    json_write_member(writer, "UpdatedAt", time_format_iso8601(context->arena, asff->updated_ms));
}

static struct context read_context(struct arena *arena, const struct evaluation *evaluation,
                                   const struct asff *asff) {
    struct load_balancer_arn arn;
    if (load_balancer_arn_parse(evaluation->resource_id, &arn) != STATUS_OK) {
        arn = (struct load_balancer_arn){0};
    }
    return (struct context){
        .arena = arena,
        .evaluation = evaluation,
        .most_severe = finding_most_severe(evaluation),
        .account_id = str_is_empty(asff->account_id) ? arn.account_id : asff->account_id,
        .region = str_is_empty(asff->region) ? arn.region : asff->region,
        .partition = str_is_empty(asff->partition) ? arn.partition : asff->partition};
}

void asff_write(struct json_writer *writer, struct arena *arena,
                const struct evaluation *evaluation, const struct asff *asff) {
    ASSERT(writer != NULL && arena != NULL && evaluation != NULL && asff != NULL);
    struct context context = read_context(arena, evaluation, asff);
    bool is_fixed = evaluation->compliance == COMPLIANT && !evaluation->has_active_exception;
    bool is_archived = is_fixed || evaluation->compliance == NOT_APPLICABLE;
    json_object_begin(writer);
    write_identity(writer, &context, asff);
    write_types(writer);
    write_severity(writer, &context);
    write_provider_fields(writer, &context);
    json_write_member(writer, "Title", title_text(&context));
    json_write_member(writer, "Description", description_text(&context));
    write_remediation(writer, &context);
    write_resources(writer, &context);
    write_compliance(writer, &context);
    json_write_member(writer, "RecordState", is_archived ? STR("ARCHIVED") : STR("ACTIVE"));
    json_object_end(writer);
}
