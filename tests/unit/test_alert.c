/* SPDX-License-Identifier: Apache-2.0
 *
 * One alert of each kind as its owner reads it, and what subjects and attributes say. Hostile
 * values are in test_alert_hostile.c.
 */
#include "judging.h"

#include "report/alert.h"

#define SHOP                                                                                       \
    "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/shop/0123456789abcdef"
#define EXPLAIN                                                                                    \
    "Everything about it:\n"                                                                       \
    "desync-guard explain shop --region eu-west-1\n"
#define CONSOLE                                                                                    \
    "Console: https://eu-west-1.console.aws.amazon.com/ec2/home?region=eu-west-1"                  \
    "#LoadBalancer:loadBalancerArn=" SHOP "\n"
#define SET_DEFENSIVE                                                                              \
    "aws elbv2 modify-load-balancer-attributes --region eu-west-1 --load-balancer-arn " SHOP       \
    " --attributes Key=routing.http.desync_mitigation_mode,Value=defensive\n"

static struct evaluation weak(void) {
    return (struct evaluation){.resource_type = STR(LOAD_BALANCER_RESOURCE_TYPE),
                               .resource_id = STR(SHOP),
                               .compliance = NON_COMPLIANT,
                               .mode = MODE_MONITOR,
                               .required_mode = MODE_DEFENSIVE,
                               .required_because = STR("internet-facing"),
                               .grade = 'F',
                               .owner = STR("team-a"),
                               .source = SOURCE_LIVE};
}

static void add(struct evaluation *evaluation, enum finding_id id, enum finding_severity severity,
                const char *subject, const char *message) {
    evaluation->findings[evaluation->finding_count++] =
        (struct finding){.id = id,
                         .severity = severity,
                         .is_failing = id < FINDING_EXCEPTION_EXPIRING,
                         .subject = str_from_cstr(subject),
                         .message = str_from_cstr(message)};
}

static void add_weak(struct evaluation *evaluation) {
    add(evaluation, FINDING_MODE_TOO_WEAK, SEVERITY_HIGH, "",
        "The desync mitigation mode is monitor, but at least defensive is required.");
}

static struct alert alert_of(enum alert_kind kind, const struct evaluation *evaluation) {
    return (struct alert){.kind = kind,
                          .evaluation = evaluation,
                          .account_id = STR("123456789012"),
                          .region = STR("eu-west-1"),
                          .partition = STR("aws"),
                          .since_ms = NOW_MS - 9 * MS_PER_DAY,
                          .now_ms = NOW_MS};
}

static struct alert_text render(const struct alert *alert) {
    struct alert_text text;
    alert_render(&arena, alert, &text);
    return text;
}

static void opened_alert_text_is_exact(void **state) {
    (void)state;
    struct evaluation evaluation = weak();
    add_weak(&evaluation);
    add(&evaluation, FINDING_TAG_MISSING, SEVERITY_MEDIUM, "CostCenter",
        "The tag CostCenter is missing.");
    struct alert alert = alert_of(ALERT_OPENED, &evaluation);
    alert.since_ms = NOW_MS;
    struct alert_text text = render(&alert);
    assert_str(text.subject, "Non-compliant: shop, mode monitor (requires defensive)");
    assert_str(text.body,
               "The load balancer shop is not compliant.\n"
               "\n"
               "Load balancer: " SHOP "\n"
               "Account: 123456789012\n"
               "Region: eu-west-1\n"
               "Mode: monitor, requires defensive (internet-facing)\n"
               "Owner: team-a\n"
               "Not compliant since: 2026-11-23 08:00 UTC (less than 2 minutes)\n"
               "\n"
               "Found:\n"
               "- HIGH MODE_TOO_WEAK: The desync mitigation mode is monitor, but at least "
               "defensive is required.\n"
               "- MEDIUM TAG_MISSING: The tag CostCenter is missing.\n"
               "\n"
               "Fix it with:\n" SET_DEFENSIVE "\n"
               "Set the tags, with values filled in, with:\n"
               "aws elbv2 add-tags --region eu-west-1 --resource-arns " SHOP
               " --tags 'Key=CostCenter,Value=<value>'\n"
               "\n" EXPLAIN "\n" CONSOLE);
}

static void resolved_alert_text_is_exact(void **state) {
    (void)state;
    struct evaluation evaluation = weak();
    evaluation.compliance = COMPLIANT;
    evaluation.mode = MODE_DEFENSIVE;
    struct alert alert = alert_of(ALERT_RESOLVED, &evaluation);
    struct alert_text text = render(&alert);
    assert_str(text.subject, "Resolved: shop, mode defensive");
    assert_str(text.body, "The load balancer shop is compliant again.\n"
                          "\n"
                          "Load balancer: " SHOP "\n"
                          "Account: 123456789012\n"
                          "Region: eu-west-1\n"
                          "Mode: defensive, requires defensive (internet-facing)\n"
                          "Owner: team-a\n"
                          "Was not compliant since: 2026-11-14 08:00 UTC (9 days)\n"
                          "\n" EXPLAIN "\n" CONSOLE);
}

static void enforced_alert_text_is_exact(void **state) {
    (void)state;
    struct evaluation evaluation = weak();
    add_weak(&evaluation);
    struct alert alert = alert_of(ALERT_ENFORCED, &evaluation);
    alert.since_ms = NOW_MS - 5 * 60 * MS_PER_SECOND;
    alert.changed_from = MODE_MONITOR;
    alert.changed_to = MODE_DEFENSIVE;
    struct alert_text text = render(&alert);
    assert_str(text.subject, "Mode raised: shop, mode defensive (was monitor)");
    assert_str(text.body,
               "desync-guard raised the desync mitigation mode of the load balancer shop from "
               "monitor to defensive.\n"
               "\n"
               "Load balancer: " SHOP "\n"
               "Account: 123456789012\n"
               "Region: eu-west-1\n"
               "Mode: defensive, requires defensive (internet-facing)\n"
               "Owner: team-a\n"
               "Was not compliant since: 2026-11-23 07:55 UTC (5 minutes)\n"
               "Last changed by: unknown\n"
               "\n"
               "Found before that:\n"
               "- HIGH MODE_TOO_WEAK: The desync mitigation mode is monitor, but at least "
               "defensive is required.\n"
               "\n"
               "The next deployment undoes this, unless the code that describes the load "
               "balancer sets the same mode.\n"
               "Change it where the load balancer is described:\n"
               "Terraform or OpenTofu, in the resource aws_lb:\n"
               "    desync_mitigation_mode = \"defensive\"\n"
               "CloudFormation, under LoadBalancerAttributes of "
               "AWS::ElasticLoadBalancingV2::LoadBalancer:\n"
               "    - Key: routing.http.desync_mitigation_mode\n"
               "      Value: defensive\n"
               "AWS CDK, on the ApplicationLoadBalancer:\n"
               "    loadBalancer.setAttribute('routing.http.desync_mitigation_mode', "
               "'defensive');\n"
               "Kubernetes, in the annotations of the Ingress (append it, after a comma, to an "
               "existing list):\n"
               "    alb.ingress.kubernetes.io/load-balancer-attributes: "
               "routing.http.desync_mitigation_mode=defensive\n"
               "Pulumi, in the arguments of aws.lb.LoadBalancer:\n"
               "    desyncMitigationMode: \"defensive\",\n"
               "\n" EXPLAIN "\n" CONSOLE);
}

static void f4_flapping_alert_text_is_exact(void **state) {
    (void)state;
    struct evaluation evaluation = weak();
    struct alert alert = alert_of(ALERT_FLAPPING, &evaluation);
    alert.since_ms = NOW_MS - 5 * 60 * MS_PER_SECOND;
    alert.writer = (struct writer){.arn = STR("arn:aws:iam::123456789012:role/ops")};
    struct alert_text text = render(&alert);
    assert_str(text.subject, "Flapping: shop, mode monitor (requires defensive)");
    assert_true(str_starts_with(
        text.body, STR("The load balancer shop became compliant and non-compliant in turn, more "
                       "than 3 times within an hour.\n"
                       "desync-guard sends no more messages about that until it has been quiet "
                       "for an hour. If it is not compliant then, you will hear of it.\n"
                       "\n"
                       "Load balancer: " SHOP "\n"
                       "Account: 123456789012\n"
                       "Region: eu-west-1\n"
                       "Mode: monitor, requires defensive (internet-facing)\n"
                       "Owner: team-a\n"
                       "Not compliant since: 2026-11-23 07:55 UTC (5 minutes)\n"
                       "Last changed by: arn:aws:iam::123456789012:role/ops\n")));
    assert_true(str_contains(text.body, STR("Fix it with:\n" SET_DEFENSIVE)));
    assert_false(str_contains(text.body, STR("The next deployment undoes this")));
}

static void escalated_alert_text_is_exact(void **state) {
    (void)state;
    struct evaluation evaluation = weak();
    add_weak(&evaluation);
    struct alert alert = alert_of(ALERT_ESCALATED, &evaluation);
    struct alert_text text = render(&alert);
    assert_str(text.subject, "Non-compliant for 9 days: shop, mode monitor (requires defensive)");
    assert_str(text.body,
               "The load balancer shop has been non-compliant for too long.\n"
               "\n"
               "Load balancer: " SHOP "\n"
               "Account: 123456789012\n"
               "Region: eu-west-1\n"
               "Mode: monitor, requires defensive (internet-facing)\n"
               "Owner: team-a\n"
               "Not compliant since: 2026-11-14 08:00 UTC (9 days)\n"
               "\n"
               "Found:\n"
               "- HIGH MODE_TOO_WEAK: The desync mitigation mode is monitor, but at least "
               "defensive is required.\n"
               "\n"
               "Fix it with:\n" SET_DEFENSIVE "\n" EXPLAIN "\n" CONSOLE);
    assert_str(text.attributes[2].value, "NON_COMPLIANT_TOO_LONG");
    assert_str(text.attributes[0].value, "HIGH");
}

static void expiring_alert_text_is_exact(void **state) {
    (void)state;
    struct evaluation evaluation = weak();
    evaluation.compliance = COMPLIANT;
    evaluation.has_active_exception = true;
    evaluation.exception_until = STR("2026-12-01");
    add(&evaluation, FINDING_HEADERS_NOT_DROPPED, SEVERITY_LOW, "",
        "Header fields that are not valid are passed on.");
    evaluation.findings[0].is_failing = false;
    add(&evaluation, FINDING_EXCEPTION_EXPIRING, SEVERITY_LOW, "2026-12-01",
        "The exception ends in 8 days (2026-12-01).");
    struct alert alert = alert_of(ALERT_EXCEPTION_EXPIRING, &evaluation);
    struct alert_text text = render(&alert);
    assert_str(text.subject, "Exception ends 2026-12-01: shop, mode monitor (requires defensive)");
    assert_str(text.body,
               "The exception of the load balancer shop ends on 2026-12-01. After that its mode "
               "counts as too weak.\n"
               "\n"
               "Load balancer: " SHOP "\n"
               "Account: 123456789012\n"
               "Region: eu-west-1\n"
               "Mode: monitor, requires defensive (internet-facing)\n"
               "Owner: team-a\n"
               "\n"
               "Found:\n"
               "- LOW HEADERS_NOT_DROPPED: Header fields that are not valid are passed on.\n"
               "- LOW EXCEPTION_EXPIRING: The exception ends in 8 days (2026-12-01).\n"
               "\n"
               "Fix it with:\n" SET_DEFENSIVE "\n" EXPLAIN "\n" CONSOLE);
    assert_str(text.attributes[2].value, "EXCEPTION_EXPIRING");
}

static void expired_alert_text_is_exact(void **state) {
    (void)state;
    struct evaluation evaluation = weak();
    evaluation.exception_until = STR("2026-11-22");
    add_weak(&evaluation);
    add(&evaluation, FINDING_EXCEPTION_EXPIRED, SEVERITY_HIGH, "2026-11-22",
        "The exception ended on 2026-11-22.");
    struct alert alert = alert_of(ALERT_EXCEPTION_EXPIRED, &evaluation);
    alert.since_ms = 0;
    struct alert_text text = render(&alert);
    assert_str(text.subject, "Exception ended 2026-11-22: shop, mode monitor (requires defensive)");
    assert_str(text.body,
               "The exception of the load balancer shop ended on 2026-11-22. It no longer excuses "
               "the mode.\n"
               "\n"
               "Load balancer: " SHOP "\n"
               "Account: 123456789012\n"
               "Region: eu-west-1\n"
               "Mode: monitor, requires defensive (internet-facing)\n"
               "Owner: team-a\n"
               "Not compliant since: unknown\n"
               "\n"
               "Found:\n"
               "- HIGH MODE_TOO_WEAK: The desync mitigation mode is monitor, but at least "
               "defensive is required.\n"
               "- HIGH EXCEPTION_EXPIRED: The exception ended on 2026-11-22.\n"
               "\n"
               "Fix it with:\n" SET_DEFENSIVE "\n" EXPLAIN "\n" CONSOLE);
    assert_str(text.attributes[2].value, "EXCEPTION_EXPIRED");
}

static void fight_alert_text_is_exact(void **state) {
    (void)state;
    struct evaluation evaluation = weak();
    add_weak(&evaluation);
    struct alert alert = alert_of(ALERT_FIGHT, &evaluation);
    alert.since_ms = NOW_MS - 26 * 60 * 60 * MS_PER_SECOND;
    alert.corrections = 3;
    alert.writer = (struct writer){STR("arn:aws:sts::123456789012:assumed-role/cluster/1"),
                                   STR("eks.amazonaws.com"), STR("eks.amazonaws.com")};
    struct alert_text text = render(&alert);
    assert_str(text.subject, "Changed back 3 times: shop, mode monitor (requires defensive)");
    struct alert once = alert;
    once.corrections = 1;
    struct alert_text text_once = render(&once);
    assert_true(str_starts_with(text_once.subject, STR("Changed back 1 time: ")));
    assert_true(str_contains(text_once.body, STR("shop 1 time, and it was changed back")));
    assert_str(text.body,
               "Within 24 hours desync-guard raised the desync mitigation mode of the load "
               "balancer shop 3 times, and it was changed back each time.\n"
               "For now desync-guard leaves it as it is.\n"
               "\n"
               "Load balancer: " SHOP "\n"
               "Account: 123456789012\n"
               "Region: eu-west-1\n"
               "Mode: monitor, requires defensive (internet-facing)\n"
               "Owner: team-a\n"
               "Not compliant since: 2026-11-22 06:00 UTC (26 hours)\n"
               "Last changed by: arn:aws:sts::123456789012:assumed-role/cluster/1\n"
               "  with: eks.amazonaws.com\n"
               "  through: eks.amazonaws.com\n"
               "\n"
               "Found:\n"
               "- HIGH MODE_TOO_WEAK: The desync mitigation mode is monitor, but at least "
               "defensive is required.\n"
               "\n"
               "The last change was made with the AWS Load Balancer Controller. Change it there:\n"
               "Kubernetes, in the annotations of the Ingress (append it, after a comma, to an "
               "existing list):\n"
               "    alb.ingress.kubernetes.io/load-balancer-attributes: "
               "routing.http.desync_mitigation_mode=defensive\n"
               "If another tool describes the load balancer, change it there:\n"
               "Terraform or OpenTofu, in the resource aws_lb:\n"
               "    desync_mitigation_mode = \"defensive\"\n"
               "CloudFormation, under LoadBalancerAttributes of "
               "AWS::ElasticLoadBalancingV2::LoadBalancer:\n"
               "    - Key: routing.http.desync_mitigation_mode\n"
               "      Value: defensive\n"
               "AWS CDK, on the ApplicationLoadBalancer:\n"
               "    loadBalancer.setAttribute('routing.http.desync_mitigation_mode', "
               "'defensive');\n"
               "Pulumi, in the arguments of aws.lb.LoadBalancer:\n"
               "    desyncMitigationMode: \"defensive\",\n"
               "\n"
               "Fix it with:\n" SET_DEFENSIVE "\n" EXPLAIN "\n" CONSOLE);
}

static void e7_a_held_change_tells_what_would_be_blocked(void **state) {
    (void)state;
    struct evaluation evaluation = weak();
    add_weak(&evaluation);
    struct alert alert = alert_of(ALERT_HELD, &evaluation);
    alert.note = STR("in the last 14 days 130 of 10000 served HTTP/1.x requests were Severe");
    struct alert_text text = render(&alert);
    assert_str(text.subject, "Mode not raised: shop, mode monitor (requires defensive)");
    assert_true(str_starts_with(
        text.body,
        STR("desync-guard leaves the desync mitigation mode of the load balancer shop at monitor: "
            "defensive would block its clients.\n"
            "Repair the clients that `desync-guard logs` names, or have an exception approved. "
            "ENFORCEMENT_MAX_BLOCKED_PERCENT is the share that is accepted.\n"
            "Why: in the last 14 days 130 of 10000 served HTTP/1.x requests were Severe\n")));
    assert_false(str_contains(text.body, STR("Fix it with")));
    alert.kind = ALERT_ENFORCED;
    alert.changed_from = MODE_MONITOR;
    alert.changed_to = MODE_DEFENSIVE;
    assert_true(str_contains(render(&alert).body, STR("\nEvidence: in the last 14 days 130 of")));
}

static void subject_says_what_explains_the_mode(void **state) {
    (void)state;
    static const struct {
        const char *name;
        enum alert_kind kind;
        enum compliance compliance;
        enum desync_mode mode;
        bool is_excused;
        const char *subject;
    } rows[] = {
        {"tag alone", ALERT_OPENED, NON_COMPLIANT, MODE_DEFENSIVE, false,
         "Non-compliant: shop, mode defensive (TAG_MISSING)"},
        {"mode unknown", ALERT_OPENED, NON_COMPLIANT, MODE_UNKNOWN, false,
         "Non-compliant: shop, mode unknown (TAG_MISSING)"},
        {"resolved by an exception", ALERT_RESOLVED, COMPLIANT, MODE_MONITOR, true,
         "Resolved: shop, mode monitor (exception)"},
        {"resolved by deletion", ALERT_RESOLVED, NOT_APPLICABLE, MODE_UNKNOWN, false,
         "Resolved: shop, mode unknown (no longer judged)"},
        {"escalated, since unknown", ALERT_ESCALATED, NON_COMPLIANT, MODE_MONITOR, false,
         "Non-compliant for too long: shop, mode monitor (requires defensive)"},
        {"exception without a date", ALERT_EXCEPTION_EXPIRED, NON_COMPLIANT, MODE_MONITOR, false,
         "Exception ended: shop, mode monitor (requires defensive)"},
        {"raised, from and to unknown", ALERT_ENFORCED, NON_COMPLIANT, MODE_MONITOR, false,
         "Mode raised: shop, mode monitor (requires defensive)"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct evaluation evaluation = weak();
        evaluation.compliance = rows[i].compliance;
        evaluation.mode = rows[i].mode;
        evaluation.has_active_exception = rows[i].is_excused;
        evaluation.exception_until = STR("2026-02-30");
        add(&evaluation, FINDING_TAG_MISSING, SEVERITY_MEDIUM, "Owner", "The tag is missing.");
        struct alert alert = alert_of(rows[i].kind, &evaluation);
        alert.since_ms = 0;
        str subject = render(&alert).subject;
        if (!str_eq(subject, str_from_cstr(rows[i].subject))) {
            fail_msg("%s: %s", rows[i].name, str_to_cstr(&arena, subject));
        }
    }
}

static void a_raise_because_an_exception_ended_says_so(void **state) {
    (void)state;
    struct evaluation evaluation = weak();
    evaluation.exception_until = STR("2026-11-22");
    add_weak(&evaluation);
    add(&evaluation, FINDING_EXCEPTION_EXPIRED, SEVERITY_HIGH, "", "It ended on 2026-11-22.");
    struct alert alert = alert_of(ALERT_ENFORCED, &evaluation);
    alert.changed_from = MODE_MONITOR;
    alert.changed_to = MODE_DEFENSIVE;
    struct alert_text text = render(&alert);
    assert_str(text.subject, "Mode raised: shop, mode defensive (was monitor)");
    assert_str(text.attributes[2].value, "EXCEPTION_EXPIRED");
    assert_contains(text.body,
                    " from monitor to defensive.\n"
                    "The exception of the load balancer shop ended on 2026-11-22. It no longer "
                    "excuses the mode.\n");
}

static void resolved_alert_of_a_deleted_load_balancer_gives_the_reason(void **state) {
    (void)state;
    struct evaluation evaluation;
    evaluation_without_facts(&evaluation, STR("t"), STR(SHOP), NOT_APPLICABLE,
                             STR("The resource was deleted."));
    struct alert alert = alert_of(ALERT_RESOLVED, &evaluation);
    str body = render(&alert).body;
    assert_true(str_starts_with(body, STR("The load balancer shop is no longer judged.\n"
                                          "Why: The resource was deleted.\n\n")));
    assert_false(str_contains(body, STR("desync-guard explain")));
}

static void assert_attributes(const struct alert_text *text, const char *const *values) {
    static const char *const names[] = {"severity", "owner",  "finding",
                                        "mode",     "region", "account"};
    assert_int_equal(COUNT(names), ALERT_ATTRIBUTE_COUNT);
    for (size_t i = 0; i < ALERT_ATTRIBUTE_COUNT; i++) {
        assert_string_equal(text->attributes[i].name, names[i]);
        assert_str(text->attributes[i].value, values[i]);
    }
}

static void message_attributes_name_the_most_severe_finding(void **state) {
    (void)state;
    struct evaluation evaluation = weak();
    add(&evaluation, FINDING_TAG_MISSING, SEVERITY_MEDIUM, "Owner", "m");
    add_weak(&evaluation);
    add(&evaluation, FINDING_EXCEPTION_EXPIRED, SEVERITY_HIGH, "", "m");
    struct alert alert = alert_of(ALERT_OPENED, &evaluation);
    struct alert_text text = render(&alert);
    static const char *const expected[] = {"HIGH",    "team-a",    "MODE_TOO_WEAK",
                                           "monitor", "eu-west-1", "123456789012"};
    assert_attributes(&text, expected);
    alert.kind = ALERT_ENFORCED;
    alert.changed_to = MODE_DEFENSIVE;
    assert_str(render(&alert).attributes[3].value, "defensive");
}

static void message_attributes_are_never_empty(void **state) {
    (void)state;
    struct evaluation evaluation = {.compliance = COMPLIANCE_UNKNOWN, .owner = STR(" \n ")};
    struct alert alert = {.kind = ALERT_RESOLVED, .evaluation = &evaluation};
    struct alert_text text = render(&alert);
    static const char *const expected[] = {"none", "none", "none", "unknown", "unknown", "unknown"};
    assert_attributes(&text, expected);
}

static void account_and_region_default_to_those_of_the_arn(void **state) {
    (void)state;
    struct evaluation evaluation = weak();
    struct alert alert = {.kind = ALERT_OPENED, .evaluation = &evaluation, .now_ms = NOW_MS};
    struct alert_text text = render(&alert);
    static const char *const expected[] = {"none",    "team-a",    "none",
                                           "monitor", "eu-west-1", "123456789012"};
    assert_attributes(&text, expected);
    assert_contains(text.body, "\nAccount: 123456789012\nRegion: eu-west-1\n");
    assert_contains(text.body, "\nFix it with:\n" SET_DEFENSIVE);
    assert_contains(text.body, CONSOLE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(e7_a_held_change_tells_what_would_be_blocked),
        cmocka_unit_test(opened_alert_text_is_exact),
        cmocka_unit_test(resolved_alert_text_is_exact),
        cmocka_unit_test(enforced_alert_text_is_exact),
        cmocka_unit_test(escalated_alert_text_is_exact),
        cmocka_unit_test(f4_flapping_alert_text_is_exact),
        cmocka_unit_test(expiring_alert_text_is_exact),
        cmocka_unit_test(expired_alert_text_is_exact),
        cmocka_unit_test(fight_alert_text_is_exact),
        cmocka_unit_test(subject_says_what_explains_the_mode),
        cmocka_unit_test(a_raise_because_an_exception_ended_says_so),
        cmocka_unit_test(resolved_alert_of_a_deleted_load_balancer_gives_the_reason),
        cmocka_unit_test(message_attributes_name_the_most_severe_finding),
        cmocka_unit_test(message_attributes_are_never_empty),
        cmocka_unit_test(account_and_region_default_to_those_of_the_arn),
    };
    return cmocka_run_group_tests(tests, NULL, judging_reset);
}
