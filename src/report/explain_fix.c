/* SPDX-License-Identifier: Apache-2.0
 *
 * The code that fixes a load balancer, in each tool that may describe it.
 * https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/ingress/annotations/
 * https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/gateway/
 *   loadbalancerconfig/
 * https://docs.aws.amazon.com/eks/latest/userguide/auto-configure-alb.html
 */
#include "explain_internal.h"

#include "fix_internal.h"
#include "report/iac_fix.h"

#define CODE_BYTES_MAX    ((size_t)8192)
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
    str keys[FINDINGS_MAX]; /* of tags that need a value */
    size_t key_count;
};

/* The mode that is required or, where nothing is wrong, the one that the evidence allows. */
static enum desync_mode mode_to_set(const struct evaluation *evaluation) {
    const struct advice *advice = evaluation->advice;
    if (evaluation->mode == MODE_UNKNOWN || evaluation->compliance == COMPLIANCE_UNKNOWN) {
        return MODE_UNKNOWN;
    }
    if (evaluation->mode < evaluation->required_mode) {
        return evaluation->required_mode;
    }
    return advice != NULL && advice->recommendation == RECOMMEND_PROMOTE ? MODE_STRICTEST
                                                                         : MODE_UNKNOWN;
}

static struct wanted wanted_of(struct arena *arena, const struct evaluation *evaluation,
                               enum desync_mode mode) {
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
    for (size_t i = 0; i < evaluation->finding_count; i++) {
        str key = fix_tag_key(arena, &evaluation->findings[i]);
        if (!str_is_empty(key)) {
            wanted.keys[wanted.key_count++] = key;
        }
    }
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
    buf_append(out, wanted->key_count > 0 ? STR("tags = {\n") : STR_EMPTY);
    for (size_t i = 0; i < wanted->key_count; i++) {
        buf_printf(out, "  \"%" STR_FMT "\" = \"" FIX_VALUE "\"\n", STR_ARG(wanted->keys[i]));
    }
    buf_append(out, wanted->key_count > 0 ? STR("}\n") : STR_EMPTY);
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
    if (wanted->key_count > 0 && names->tags != NULL) {
        buf_printf(out, "%s%s:\n", indent, names->tags);
        for (size_t i = 0; i < wanted->key_count; i++) {
            buf_printf(out, "%s  - %s: \"%" STR_FMT "\"\n%s    %s: \"" FIX_VALUE "\"\n", indent,
                       names->key, STR_ARG(wanted->keys[i]), indent, names->value);
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
    if (wanted->key_count > 0) {
        buf_append(out, STR("alb.ingress.kubernetes.io/tags: \""));
        for (size_t i = 0; i < wanted->key_count; i++) {
            buf_printf(out, "%s%" STR_FMT "=" FIX_VALUE, i == 0 ? "" : ",",
                       STR_ARG(wanted->keys[i]));
        }
        buf_append(out, STR("\"\n"));
    }
}

/* Tags are a map there. */
static void write_gateway(struct buf *out, const struct wanted *wanted) {
    const struct pairs names = {"  ", "loadBalancerAttributes", NULL, "key", "value"};
    buf_append(out, STR("spec:\n"));
    write_pairs(out, &names, wanted);
    buf_append(out, wanted->key_count > 0 ? STR("  tags:\n") : STR_EMPTY);
    for (size_t i = 0; i < wanted->key_count; i++) {
        buf_printf(out, "    \"%" STR_FMT "\": \"" FIX_VALUE "\"\n", STR_ARG(wanted->keys[i]));
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
    *fixes_out = (struct tool_fixes){.to = mode_to_set(evaluation)};
    struct wanted wanted = wanted_of(arena, evaluation, fixes_out->to);
    if (wanted.attribute_count == 0 && wanted.key_count == 0) {
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
