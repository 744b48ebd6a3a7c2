/* SPDX-License-Identifier: Apache-2.0 */
#include "judging.h"

#include "report/iac_fix.h"

#define ROLE "arn:aws:sts::123456789012:assumed-role/"

static void writer_is_recognised_by_the_marks_of_its_tool(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *arn;
        const char *user_agent;
        const char *invoked_by;
        enum iac_tool tool;
    } rows[] = {
        {"Terraform", ROLE "ci/run-77",
         "APN/1.0 HashiCorp/1.0 Terraform/1.5.6 (+https://www.terraform.io) "
         "terraform-provider-aws/4.67.0 aws-sdk-go/1.44.261",
         "", IAC_TERRAFORM},
        {"Terraform, old order", "", "aws-sdk-go/1.20.4 APN/1.0 Terraform/0.12.2", "",
         IAC_TERRAFORM},
        {"OpenTofu", "", "OpenTofu/1.6.2", "", IAC_TERRAFORM},
        {"Pulumi", "", "APN/1.0 Pulumi/1.0 PulumiAwsNative/0.0.2", "", IAC_PULUMI},
        {"Pulumi over Terraform", "", "Terraform/1.0 Pulumi/3.0", "", IAC_PULUMI},
        {"CloudFormation", "arn:aws:iam::123456789012:user/jo", "cloudformation.amazonaws.com",
         "cloudformation.amazonaws.com", IAC_CLOUDFORMATION},
        {"CloudFormation, user agent hidden", "", "AWS Internal", "cloudformation.amazonaws.com",
         IAC_CLOUDFORMATION},
        {"CloudFormation, not invoked by", "", "cloudformation.amazonaws.com", "",
         IAC_CLOUDFORMATION},
        {"CDK by its bootstrap role",
         ROLE "cdk-hnb659fds-cfn-exec-role-123456789012-eu-west-1/AWSCloudFormation",
         "cloudformation.amazonaws.com", "cloudformation.amazonaws.com", IAC_CDK},
        {"CDK directly", "", "aws-cdk/2.150.0", "", IAC_CDK},
        {"controller, SDK 1", "", "elbv2.k8s.aws/v2.4.5 aws-sdk-go/1.42.27", "", IAC_KUBERNETES},
        {"controller, SDK 2", "", "aws-sdk-go-v2/1.36.3 elbv2.k8s.aws/v2.13.4", "", IAC_KUBERNETES},
        {"EKS", ROLE "cluster/1", "eks.amazonaws.com", "eks.amazonaws.com", IAC_KUBERNETES},
        {"console", "", "console.amazonaws.com", "", IAC_CONSOLE},
        {"console, browser", "", "Mozilla/5.0 (Windows NT 10.0) Firefox/119.0", "", IAC_CONSOLE},
        {"CLI", "", "aws-cli/2.33.13", "", IAC_CLI},
        {"letter case", "", "TERRAFORM/1.9", "", IAC_TERRAFORM},
        {"SDK", "", "Boto3/1.34.69 Python/3.12.2", "", IAC_UNKNOWN},
        {"internal", "", "AWS Internal", "resource-explorer-2.amazonaws.com", IAC_UNKNOWN},
        {"mark in another field", "arn:aws:iam::1:role/terraform", "", "", IAC_UNKNOWN},
        {"cut short", "", "aws-cli", "", IAC_UNKNOWN},
        {"nothing", "", "", "", IAC_UNKNOWN},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct writer writer = {str_from_cstr(rows[i].arn), str_from_cstr(rows[i].user_agent),
                                str_from_cstr(rows[i].invoked_by)};
        enum iac_tool tool = iac_tool_detect(&writer);
        if (tool != rows[i].tool) {
            fail_msg("%s: taken for %s", rows[i].name, iac_tool_name(tool));
        }
    }
    struct writer empty = {STR_EMPTY, STR_EMPTY, STR_EMPTY};
    assert_int_equal(iac_tool_detect(&empty), IAC_UNKNOWN);
}

static str fix_text(enum iac_tool tool, enum desync_mode mode) {
    struct buf out;
    buf_init(&out, &arena, IAC_FIX_BYTES_MAX);
    iac_fix_append(&out, tool, mode);
    assert_int_equal(buf_status(&out), STATUS_OK);
    return buf_str(&out);
}

static size_t position(str text, const char *part) {
    str wanted = str_from_cstr(part);
    for (size_t i = 0; i + wanted.len <= text.len; i++) {
        if (str_eq(str_slice(text, i, i + wanted.len), wanted)) {
            return i;
        }
    }
    fail_msg("no '%s' in: %s", part, str_to_cstr(&arena, text));
    return text.len;
}

static const struct {
    const char *name;
    enum iac_tool tool;
    const char *line;
} lines[] = {
    {"Terraform", IAC_TERRAFORM, "\n    desync_mitigation_mode = \"defensive\"\n"},
    {"CloudFormation", IAC_CLOUDFORMATION,
     "\n    - Key: routing.http.desync_mitigation_mode\n      Value: defensive\n"},
    {"CDK", IAC_CDK,
     "\n    loadBalancer.setAttribute('routing.http.desync_mitigation_mode', 'defensive');\n"},
    {"Kubernetes", IAC_KUBERNETES,
     "\n    alb.ingress.kubernetes.io/load-balancer-attributes: "
     "routing.http.desync_mitigation_mode=defensive\n"},
    {"Pulumi", IAC_PULUMI, "\n    desyncMitigationMode: \"defensive\",\n"},
};

static void fix_puts_the_line_of_the_tool_before_all_others(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(lines); i++) {
        str text = fix_text(lines[i].tool, MODE_DEFENSIVE);
        str headline = str_format(&arena, "The last change was made with %s. Change it there:\n",
                                  iac_tool_name(lines[i].tool));
        assert_true(str_starts_with(text, headline));
        size_t first = position(text, lines[i].line);
        for (size_t k = 0; k < COUNT(lines); k++) {
            if (k != i && position(text, lines[k].line) < first) {
                fail_msg("%s stands before %s", lines[k].name, lines[i].name);
            }
        }
        str rest = str_slice(text, first + 1, text.len);
        assert_false(str_contains(rest, str_from_cstr(lines[i].line)));
    }
}

static void fix_of_an_unknown_tool_has_every_line(void **state) {
    (void)state;
    str text = fix_text(IAC_UNKNOWN, MODE_DEFENSIVE);
    assert_true(str_starts_with(text, STR("Change it where the load balancer is described:\n")));
    for (size_t i = 0; i < COUNT(lines); i++) {
        (void)position(text, lines[i].line);
    }
}

static void fix_of_a_change_by_hand_says_so_and_has_every_line(void **state) {
    (void)state;
    str text = fix_text(IAC_CONSOLE, MODE_DEFENSIVE);
    assert_true(
        str_starts_with(text, STR("The last change was made with the AWS console. Change it "
                                  "where the load balancer is described:\n")));
    for (size_t i = 0; i < COUNT(lines); i++) {
        (void)position(text, lines[i].line);
    }
    assert_contains(fix_text(IAC_CLI, MODE_DEFENSIVE), "with the AWS CLI. ");
}

static void fix_has_the_mode_in_every_line(void **state) {
    (void)state;
    str text = fix_text(IAC_TERRAFORM, MODE_STRICTEST);
    assert_false(str_contains(text, STR("defensive")));
    size_t count = 0;
    for (size_t i = 0; i + strlen("strictest") <= text.len; i++) {
        count += str_starts_with(str_slice(text, i, text.len), STR("strictest"));
    }
    assert_int_equal(count, COUNT(lines));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writer_is_recognised_by_the_marks_of_its_tool),
        cmocka_unit_test(fix_puts_the_line_of_the_tool_before_all_others),
        cmocka_unit_test(fix_of_an_unknown_tool_has_every_line),
        cmocka_unit_test(fix_of_a_change_by_hand_says_so_and_has_every_line),
        cmocka_unit_test(fix_has_the_mode_in_every_line),
    };
    return cmocka_run_group_tests(tests, NULL, judging_reset);
}
