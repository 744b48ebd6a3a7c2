/* SPDX-License-Identifier: Apache-2.0
 *
 * The code that fixes a load balancer, in each tool that may describe it.
 * https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/ingress/annotations/
 * https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/gateway/
 *   loadbalancerconfig/
 * https://docs.aws.amazon.com/eks/latest/userguide/auto-configure-alb.html
 */
#include "explain_internal.h"

#include "base/ascii.h"
#include "fix_internal.h"
#include "report/iac_fix.h"

#define CODE_BYTES_MAX    ((size_t)8192)
#define CHOICE_BYTES_MAX  ((size_t)200)
#define TERRAFORM_ALIGNED 26 /* columns of the longer argument */

struct attribute {
    const char *key;
    const char *value;
    const char *terraform; /* its argument of aws_lb */
};

struct wanted {
    const struct evaluation *evaluation;
    struct attribute attributes[2];
    size_t attribute_count;
    struct tag profile;                /* one of `tags`; its key is empty: the profile is fine */
    struct tag tags[FINDINGS_MAX + 1]; /* with the values to fill in */
    size_t tag_count;
};

/* Where the mode is too weak, that of the plan: a profile may require strictest, but a load
 * balancer in monitor goes to defensive first. Where nothing is wrong, the one that the evidence
 * allows. */
static enum desync_mode mode_to_set(const struct explanation *explanation) {
    const struct evaluation *evaluation = explanation->evaluation;
    const struct advice *advice = evaluation->advice;
    const struct plan *plan = explanation->plan;
    if (evaluation->mode == MODE_UNKNOWN || evaluation->compliance == COMPLIANCE_UNKNOWN) {
        return MODE_UNKNOWN;
    }
    if (evaluation->mode < evaluation->required_mode) {
        enum desync_mode planned =
            plan->count > 0 ? mode_parse(plan->entries[0].action.to) : MODE_UNKNOWN;
        return planned > evaluation->mode          ? planned
               : evaluation->mode < MODE_DEFENSIVE ? MODE_DEFENSIVE
                                                   : evaluation->required_mode;
    }
    return advice != NULL && advice->recommendation == RECOMMEND_PROMOTE ? MODE_STRICTEST
                                                                         : MODE_UNKNOWN;
}

/* "<legacy|modern>", to be chosen from; a name that some tool would have to escape makes it
 * FIX_VALUE. */
static str profile_choice(struct arena *arena, const struct policy *policy) {
    struct buf out;
    buf_init(&out, arena, CHOICE_BYTES_MAX);
    for (size_t i = 0; i < policy->profile_count; i++) {
        str name = policy->profiles[i].name;
        if (!ascii_is_made_of(name, STR("_.:/+-@"))) {
            return STR(FIX_VALUE);
        }
        buf_printf(&out, "%c%" STR_FMT, i == 0 ? '<' : '|', STR_ARG(name));
    }
    buf_append_char(&out, '>');
    return buf_status(&out) == STATUS_OK && policy->profile_count > 0 ? buf_str(&out)
                                                                      : STR(FIX_VALUE);
}

/* First the profile, for it says which mode is required. */
static void want_tags(struct arena *arena, const struct explanation *explanation,
                      struct wanted *wanted) {
    const struct evaluation *evaluation = explanation->evaluation;
    const struct policy *policy = explanation->policy;
    if (evaluation_finding(evaluation, FINDING_PROFILE_UNKNOWN) != NULL &&
        ascii_is_made_of(policy->profile_tag, STR(" _.:/=+-@"))) {
        wanted->profile = (struct tag){policy->profile_tag, profile_choice(arena, policy)};
        wanted->tags[wanted->tag_count++] = wanted->profile;
    }
    for (size_t i = 0; i < evaluation->finding_count; i++) {
        str key = fix_tag_key(arena, &evaluation->findings[i]);
        if (!str_is_empty(key)) {
            wanted->tags[wanted->tag_count++] = (struct tag){key, STR(FIX_VALUE)};
        }
    }
}

static struct wanted wanted_of(struct arena *arena, const struct explanation *explanation,
                               enum desync_mode mode) {
    const struct evaluation *evaluation = explanation->evaluation;
    struct wanted wanted = {.evaluation = evaluation};
    if (mode != MODE_UNKNOWN) {
        wanted.attributes[wanted.attribute_count++] =
            (struct attribute){ATTRIBUTE_DESYNC_MODE, mode_name(mode), "desync_mitigation_mode"};
    }
    const struct finding *headers = evaluation_finding(evaluation, FINDING_HEADERS_NOT_DROPPED);
    if (headers != NULL && headers->is_failing) {
        wanted.attributes[wanted.attribute_count++] = (struct attribute){
            ATTRIBUTE_DROP_INVALID_HEADERS, "true", "drop_invalid_header_fields"};
    }
    want_tags(arena, explanation, &wanted);
    return wanted;
}

/* --- the code in each tool ------------------------------------------------------------------- */

static void append_command_line(struct buf *out, str command) {
    if (!str_is_empty(command)) {
        buf_printf(out, "%s%" STR_FMT, out->len == 0 ? "" : "\n", STR_ARG(command));
    }
}

static void write_cli(struct buf *out, struct arena *arena, const struct wanted *wanted,
                      enum desync_mode mode) {
    struct evaluation *evaluation = ARENA_NEW(arena, struct evaluation);
    *evaluation = *wanted->evaluation;
    evaluation->required_mode = mode == MODE_UNKNOWN ? evaluation->required_mode : mode;
    const struct fix fix = {evaluation, STR_EMPTY, evaluation->mode};
    if (!str_is_empty(wanted->profile.key)) {
        append_command_line(
            out, fix_tag_command(arena, &fix, wanted->profile.key, wanted->profile.value));
    }
    append_command_line(out, fix_attributes_command(arena, &fix));
    append_command_line(out, fix_tags_command(arena, &fix));
}

static bool is_true(const struct attribute *attribute) {
    return str_eq(str_from_cstr(attribute->value), STR("true"));
}

static void write_terraform(struct buf *out, const struct wanted *wanted) {
    int width = wanted->attribute_count > 1 ? TERRAFORM_ALIGNED : 0; /* as `terraform fmt` does */
    for (size_t i = 0; i < wanted->attribute_count; i++) {
        const char *quote = is_true(&wanted->attributes[i]) ? "" : "\"";
        buf_printf(out, "%-*s = %s%s%s\n", width, wanted->attributes[i].terraform, quote,
                   wanted->attributes[i].value, quote);
    }
    buf_append(out, wanted->tag_count > 0 ? STR("tags = {\n") : STR_EMPTY);
    for (size_t i = 0; i < wanted->tag_count; i++) {
        buf_printf(out, "  \"%" STR_FMT "\" = \"%" STR_FMT "\"\n", STR_ARG(wanted->tags[i].key),
                   STR_ARG(wanted->tags[i].value));
    }
    buf_append(out, wanted->tag_count > 0 ? STR("}\n") : STR_EMPTY);
}

/* A list of pairs in YAML, called `key` and `value` in CloudFormation's or Kubernetes' letters. */
struct pairs {
    const char *indent;
    const char *attributes; /* the list's name */
    const char *tags;
    const char *key;
    const char *value;
};

static void write_pairs(struct buf *out, const struct pairs *names, const struct wanted *wanted) {
    const char *indent = names->indent;
    if (wanted->attribute_count > 0) {
        buf_printf(out, "%s%s:\n", indent, names->attributes);
    }
    for (size_t i = 0; i < wanted->attribute_count; i++) {
        const char *value = wanted->attributes[i].value;
        const char *quote = is_true(&wanted->attributes[i]) ? "\"" : ""; /* else no text in YAML */
        buf_printf(out, "%s  - %s: %s\n%s    %s: %s%s%s\n", indent, names->key,
                   wanted->attributes[i].key, indent, names->value, quote, value, quote);
    }
    if (wanted->tag_count > 0 && names->tags != NULL) {
        buf_printf(out, "%s%s:\n", indent, names->tags);
        for (size_t i = 0; i < wanted->tag_count; i++) {
            buf_printf(out, "%s  - %s: \"%" STR_FMT "\"\n%s    %s: \"%" STR_FMT "\"\n", indent,
                       names->key, STR_ARG(wanted->tags[i].key), indent, names->value,
                       STR_ARG(wanted->tags[i].value));
        }
    }
}

/* The controller trims each part of the list, so that the lines may be folded. */
static void write_ingress(struct buf *out, const struct wanted *wanted) {
    if (wanted->attribute_count > 0) {
        buf_append(out, STR("alb.ingress.kubernetes.io/load-balancer-attributes:\n"));
    }
    for (size_t i = 0; i < wanted->attribute_count; i++) {
        buf_printf(out, "  %s=%s%s\n", wanted->attributes[i].key, wanted->attributes[i].value,
                   i + 1 < wanted->attribute_count ? "," : "");
    }
    if (wanted->tag_count > 0) {
        buf_append(out, STR("alb.ingress.kubernetes.io/tags: \""));
        for (size_t i = 0; i < wanted->tag_count; i++) {
            buf_printf(out, "%s%" STR_FMT "=%" STR_FMT, i == 0 ? "" : ",",
                       STR_ARG(wanted->tags[i].key), STR_ARG(wanted->tags[i].value));
        }
        buf_append(out, STR("\"\n"));
    }
}

/* Tags are a map there. */
static void write_gateway(struct buf *out, const struct wanted *wanted) {
    const struct pairs names = {"  ", "loadBalancerAttributes", NULL, "key", "value"};
    buf_append(out, STR("spec:\n"));
    write_pairs(out, &names, wanted);
    buf_append(out, wanted->tag_count > 0 ? STR("  tags:\n") : STR_EMPTY);
    for (size_t i = 0; i < wanted->tag_count; i++) {
        buf_printf(out, "    \"%" STR_FMT "\": \"%" STR_FMT "\"\n", STR_ARG(wanted->tags[i].key),
                   STR_ARG(wanted->tags[i].value));
    }
}

static void write_class(struct buf *out, const struct wanted *wanted) {
    const struct pairs names = {"  ", "loadBalancerAttributes", "tags", "key", "value"};
    buf_append(out, STR("spec:\n"));
    write_pairs(out, &names, wanted);
}

static void write_cloudformation(struct buf *out, const struct wanted *wanted) {
    const struct pairs names = {"", "LoadBalancerAttributes", "Tags", "Key", "Value"};
    write_pairs(out, &names, wanted);
}

/* --- which, and in which order --------------------------------------------------------------- */

enum tool { TOOL_CLI, TOOL_TERRAFORM, TOOL_CLOUDFORMATION, TOOL_INGRESS, TOOL_GATEWAY, TOOL_CLASS };

static const struct {
    const char *id;
    const char *name;
    const char *place;
    void (*write)(struct buf *out, const struct wanted *wanted);
} TOOLS[] = {
    [TOOL_CLI] = {"aws-cli", "AWS CLI", "", NULL},
    [TOOL_TERRAFORM] = {"terraform", "Terraform or OpenTofu", "the resource aws_lb",
                        write_terraform},
    [TOOL_CLOUDFORMATION] = {"cloudformation", "CloudFormation",
                             "Properties of AWS::ElasticLoadBalancingV2::LoadBalancer",
                             write_cloudformation},
    [TOOL_INGRESS] = {"kubernetes-ingress", "Kubernetes Ingress",
                      "metadata.annotations (append to an existing list)", write_ingress},
    [TOOL_GATEWAY] = {"kubernetes-gateway", "Kubernetes Gateway",
                      "LoadBalancerConfiguration (gateway.k8s.aws/v1beta1)", write_gateway},
    [TOOL_CLASS] = {"kubernetes-ingress-class", "Kubernetes, EKS Auto Mode",
                    "IngressClassParams (eks.amazonaws.com/v1)", write_class},
};

static void add_fix(struct arena *arena, const struct wanted *wanted, enum tool tool, str place,
                    struct tool_fixes *fixes) {
    struct buf out;
    buf_init(&out, arena, CODE_BYTES_MAX);
    if (tool == TOOL_CLI) {
        write_cli(&out, arena, wanted, fixes->to);
    } else {
        TOOLS[tool].write(&out, wanted);
    }
    str code = str_trim(buf_str(&out));
    if (!str_is_empty(code)) {
        fixes->items[fixes->count++] =
            (struct tool_fix){TOOLS[tool].id, TOOLS[tool].name,
                              str_or(place, str_from_cstr(TOOLS[tool].place)), code};
    }
}

static enum tool tool_of_manager(const struct management *management) {
    return management->manager == MANAGER_STACK ? TOOL_CLOUDFORMATION
           : management->has_gateway            ? TOOL_GATEWAY
           : management->has_auto_mode          ? TOOL_CLASS
                                                : TOOL_INGRESS;
}

static enum tool tool_of_writer(const struct writer *writer) {
    enum iac_tool tool = iac_tool_detect(writer);
    return tool == IAC_TERRAFORM                           ? TOOL_TERRAFORM
           : tool == IAC_CLOUDFORMATION || tool == IAC_CDK ? TOOL_CLOUDFORMATION
           : tool == IAC_KUBERNETES                        ? TOOL_INGRESS
                                                           : TOOL_CLI;
}

static void add_managed(struct arena *arena, const struct wanted *wanted,
                        struct tool_fixes *fixes) {
    const struct management *management = &wanted->evaluation->management;
    str place = management_place(management, arena);
    if (management->manager == MANAGER_KUBERNETES) {
        add_fix(arena, wanted, tool_of_manager(management), place, fixes);
    } else if (fixes->to != MODE_UNKNOWN) {
        fixes->items[fixes->count++] = (struct tool_fix){
            "ecs", "Amazon ECS", place, management_line(management, fixes->to, arena)};
    }
    if (management->manager == MANAGER_ECS) {
        add_fix(arena, wanted, TOOL_CLI, STR_EMPTY, fixes); /* of the rest: no mode is in it */
    }
    if (fixes->to != MODE_UNKNOWN) {
        fixes->note = str_format(arena,
                                 "AWS CLI, Terraform, CloudFormation: none sets the mode, for %s "
                                 "undoes what is changed elsewhere",
                                 manager_name(management->manager));
    }
}

void explain_find_fixes(struct arena *arena, const struct explanation *explanation,
                        struct tool_fixes *fixes_out) {
    static const enum tool ORDER[] = {TOOL_CLI, TOOL_TERRAFORM, TOOL_CLOUDFORMATION, TOOL_INGRESS,
                                      TOOL_GATEWAY};
    const struct evaluation *evaluation = explanation->evaluation;
    const struct management *management = &evaluation->management;
    *fixes_out = (struct tool_fixes){.to = mode_to_set(explanation)};
    struct wanted wanted = wanted_of(arena, explanation, fixes_out->to);
    if (wanted.attribute_count == 0 && wanted.tag_count == 0) {
        fixes_out->note = evaluation->compliance == COMPLIANCE_UNKNOWN
                              ? STR("not known, as long as the verdict is unknown")
                              : STR("nothing to fix");
        return;
    }
    if (management_undoes_changes(management)) {
        add_managed(arena, &wanted, fixes_out);
        return;
    }
    bool is_stack = management->manager == MANAGER_STACK;
    enum tool first = is_stack ? TOOL_CLOUDFORMATION : tool_of_writer(&explanation->writer);
    add_fix(arena, &wanted, first, is_stack ? management_place(management, arena) : STR_EMPTY,
            fixes_out);
    for (size_t i = 0; i < sizeof ORDER / sizeof *ORDER; i++) {
        if (ORDER[i] != first) {
            add_fix(arena, &wanted, ORDER[i], STR_EMPTY, fixes_out);
        }
    }
}
