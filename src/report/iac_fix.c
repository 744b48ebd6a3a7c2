/* SPDX-License-Identifier: Apache-2.0
 *
 * The marks were seen in published CloudTrail records, but for Pulumi's, which is in its sources.
 */
#include "report/iac_fix.h"
#include "base/assert.h"

#define ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum writer_field { WRITER_ARN, WRITER_USER_AGENT, WRITER_INVOKED_BY };

/* The first one that fits wins. Pulumi stands before Terraform, whose providers it wraps; CDK
 * before CloudFormation, through which it deploys. CloudFormation and EKS act for somebody:
 * userAgent and invokedBy then hold the same service name. */
static const struct {
    enum iac_tool tool;
    enum writer_field field;
    const char *part;
} marks[] = {
    {IAC_PULUMI, WRITER_USER_AGENT, "pulumi"},
    {IAC_TERRAFORM, WRITER_USER_AGENT, "terraform"},
    {IAC_TERRAFORM, WRITER_USER_AGENT, "opentofu"},
    {IAC_CDK, WRITER_ARN, "-cfn-exec-role-"}, /* cdk-hnb659fds-cfn-exec-role-<account>-<region> */
    {IAC_CDK, WRITER_USER_AGENT, "aws-cdk"},
    {IAC_CLOUDFORMATION, WRITER_INVOKED_BY, "cloudformation.amazonaws.com"},
    {IAC_CLOUDFORMATION, WRITER_USER_AGENT, "cloudformation.amazonaws.com"},
    {IAC_KUBERNETES, WRITER_USER_AGENT, "elbv2.k8s.aws"},
    {IAC_KUBERNETES, WRITER_INVOKED_BY, "eks.amazonaws.com"},
    {IAC_KUBERNETES, WRITER_USER_AGENT, "eks.amazonaws.com"},
    {IAC_CONSOLE, WRITER_USER_AGENT, "console.amazonaws.com"},
    {IAC_CONSOLE, WRITER_USER_AGENT, "console.ec2.amazonaws.com"},
    {IAC_CONSOLE, WRITER_USER_AGENT, "mozilla/"},
    {IAC_CLI, WRITER_USER_AGENT, "aws-cli/"},
};

static const char *const TOOL_NAMES[] = {
    "unknown", "Terraform",       "CloudFormation", "AWS CDK", "the AWS Load Balancer Controller",
    "Pulumi",  "the AWS console", "the AWS CLI"};

/* In the order in which they are printed; the line is `before` mode `after`.
 * https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/lb
 * https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/
 *   aws-resource-elasticloadbalancingv2-loadbalancer.html
 * https://docs.aws.amazon.com/cdk/api/v2/docs/
 *   aws-cdk-lib.aws_elasticloadbalancingv2.ApplicationLoadBalancer.html
 * https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/ingress/annotations/
 * https://www.pulumi.com/registry/packages/aws/api-docs/lb/loadbalancer/ */
static const struct {
    enum iac_tool tool;
    const char *where;
    const char *before;
    const char *after;
} lines[] = {
    {IAC_TERRAFORM, "Terraform or OpenTofu, in the resource aws_lb:", "desync_mitigation_mode = \"",
     "\""},
    {IAC_CLOUDFORMATION,
     "CloudFormation, under LoadBalancerAttributes of AWS::ElasticLoadBalancingV2::LoadBalancer:",
     "- Key: " ATTRIBUTE_DESYNC_MODE "\n      Value: ", ""},
    {IAC_CDK, "AWS CDK, on the ApplicationLoadBalancer:",
     "loadBalancer.setAttribute('" ATTRIBUTE_DESYNC_MODE "', '", "');"},
    {IAC_KUBERNETES,
     "Kubernetes, in the annotations of the Ingress (append it, after a comma, to an existing "
     "list):",
     "alb.ingress.kubernetes.io/load-balancer-attributes: " ATTRIBUTE_DESYNC_MODE "=", ""},
    {IAC_PULUMI, "Pulumi, in the arguments of aws.lb.LoadBalancer:", "desyncMitigationMode: \"",
     "\","},
};

enum iac_tool iac_tool_detect(const struct writer *writer) {
    ASSERT(writer != NULL);
    const str fields[] = {[WRITER_ARN] = writer->arn,
                          [WRITER_USER_AGENT] = writer->user_agent,
                          [WRITER_INVOKED_BY] = writer->invoked_by};
    for (size_t i = 0; i < ARRAY_COUNT(marks); i++) {
        if (str_contains_ignore_case(fields[marks[i].field], str_from_cstr(marks[i].part))) {
            return marks[i].tool;
        }
    }
    return IAC_UNKNOWN;
}

const char *iac_tool_name(enum iac_tool tool) {
    ASSERT((size_t)tool < ARRAY_COUNT(TOOL_NAMES));
    return TOOL_NAMES[tool];
}

static void append_line(struct buf *out, size_t i, enum desync_mode mode) {
    buf_printf(out, "%s\n    %s%s%s\n", lines[i].where, lines[i].before, mode_name(mode),
               lines[i].after);
}

void iac_fix_append(struct buf *out, enum iac_tool tool, enum desync_mode mode) {
    ASSERT(out != NULL && mode != MODE_UNKNOWN);
    size_t own = 0;
    while (own < ARRAY_COUNT(lines) && lines[own].tool != tool) {
        own++;
    }
    bool has_line = own < ARRAY_COUNT(lines);
    if (tool != IAC_UNKNOWN) {
        buf_printf(out, "The last change was made with %s.%s", iac_tool_name(tool),
                   has_line ? " Change it there:\n" : " ");
    }
    if (has_line) {
        append_line(out, own, mode);
    }
    buf_append(out, has_line
                        ? STR("If another tool describes the load balancer, change it there:\n")
                        : STR("Change it where the load balancer is described:\n"));
    for (size_t i = 0; i < ARRAY_COUNT(lines); i++) {
        if (i != own) {
            append_line(out, i, mode);
        }
    }
}

void managed_fix_append(struct buf *out, const struct management *management, enum desync_mode mode,
                        struct arena *arena) {
    str owner = management_owner(management, arena);
    str place = management_place(management, arena);
    str line = management_line(management, mode, arena);
    if (management->manager == MANAGER_NONE) {
        return;
    }
    buf_printf(out, "The mode is written by %" STR_FMT ", %s. Change it there, in %" STR_FMT ":\n",
               STR_ARG(owner),
               management_undoes_changes(management)
                   ? "which undoes what is changed elsewhere"
                   : "from which another mode is a drift until the template has it",
               STR_ARG(place));
    buf_printf(out, "    %" STR_FMT "\n", STR_ARG(line));
}
