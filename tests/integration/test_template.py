# SPDX-License-Identifier: Apache-2.0
"""template.yaml as text: cfn-lint, SAM's own transform, and what neither of them sees.
test_deployment.py deploys and builds it.
"""

import json
import re

import botocore.session
import pytest
import yaml
from moto.events.models import EventPattern

from sim import events, stack
from sim.cfn_lint import known_actions, lint
from sim.stack import GIVEN, OFF, ON, ROOT, Stack, as_list, camel_case

REGIONS = ["us-east-1", "eu-central-1", "ap-southeast-2", "us-gov-west-1", "cn-north-1",
           "eusc-de-east-1"]


@pytest.fixture(scope="module")
def source():
    return stack.load()


@pytest.fixture(scope="module")
def template():
    return stack.transform()


@pytest.fixture(scope="module")
def off(template):
    return Stack(template, **OFF)


@pytest.fixture(scope="module")
def on(template):
    return Stack(template, **ON)


@pytest.fixture(scope="module")
def given(template):
    return Stack(template, **GIVEN)


def variables(stack_):
    return stack_.properties("DesyncGuardFunction")["Environment"]["Variables"]


# cfn-lint and SAM

def test_cfn_lint_finds_nothing_in_the_template():
    assert lint(stack.TEMPLATE, *REGIONS) == (0, "")


@pytest.mark.parametrize("region", [
    "eu-west-1", *(pytest.param(region, marks=pytest.mark.long("one more partition"))
                   for region in ("us-gov-west-1", "cn-north-1"))])
def test_cfn_lint_finds_nothing_in_the_transformed_template(region, tmp_path):
    path = tmp_path / "transformed.json"
    path.write_text(json.dumps(stack.transform(region), indent=1))
    assert lint(path, region) == (0, "")


def test_cfn_lint_reports_a_planted_error(template, tmp_path):
    path = tmp_path / "broken.json"
    path.write_text(json.dumps(template).replace("dynamodb:GetItem", "dynamodb:GetItme"))
    assert "W3037" in lint(path, "eu-west-1")[1]


def test_function_is_built_by_the_makefile(source):
    function = source["Resources"]["DesyncGuardFunction"]
    assert function["Metadata"] == {"BuildMethod": "makefile"}
    assert function["Properties"]["Runtime"] == "provided.al2023"
    assert function["Properties"]["CodeUri"] == "."
    assert re.search(r"^build-DesyncGuardFunction:", (ROOT / "Makefile").read_text(), re.M)
    assert source["Parameters"]["Architecture"]["Default"] == "arm64"


def test_template_is_plain_yaml():
    """No tab, no duplicate key: cfn-lint's loader and CloudFormation's agree on it."""
    text = stack.TEMPLATE.read_text()
    assert "\t" not in text
    assert yaml.safe_load(re.sub(r"!(\w+)", "", text))["Transform"] == "AWS::Serverless-2016-10-31"


# Parameters

def test_every_parameter_has_a_group_a_label_and_a_description(source):
    interface = source["Metadata"]["AWS::CloudFormation::Interface"]
    grouped = [name for group in interface["ParameterGroups"] for name in group["Parameters"]]
    assert sorted(grouped) == sorted(source["Parameters"])
    assert sorted(interface["ParameterLabels"]) == sorted(source["Parameters"])
    assert all(group["Label"]["default"] for group in interface["ParameterGroups"])
    labels = [label["default"] for label in interface["ParameterLabels"].values()]
    assert len(set(labels)) == len(labels)
    for name, parameter in source["Parameters"].items():
        assert parameter["Description"].endswith("."), name


def test_every_parameter_limits_its_values_and_has_a_default_within(source):
    for name, parameter in source["Parameters"].items():
        default = parameter["Default"]
        if "AllowedValues" in parameter:
            assert default in parameter["AllowedValues"], name
        elif parameter["Type"] == "Number":
            assert parameter["MinValue"] <= default <= parameter["MaxValue"], name
        else:
            assert re.search(parameter["AllowedPattern"], default), name
            assert parameter["AllowedPattern"].startswith("^"), name
            assert parameter["AllowedPattern"].endswith("$"), name


@pytest.mark.parametrize("name, accepted, refused", [
    ("SweepSchedule",
     ["", "rate(1 hour)", "rate(6 hours)", "rate(30 minutes)", "cron(0 6 * * ? *)",
      "cron(0/15 8-18 ? * MON-FRI *)"],
     ["rate(1 hours)", "rate(6 hour)", "rate(0 hours)", "rate(6hours)", "cron(0 6 * * *)",
      "cron(0 6 * * ? * *)", "every day", "rate(6 hours) "]),
    ("DesyncMode", [], ["", "off"]),
    ("ProfileTag", ["DesyncProfile"], ["", "a,b"]),
    ("RequiredTags", [], [""]),
    ("AlertTopicArn", ["", GIVEN["AlertTopicArn"], "arn:aws-cn:sns:cn-north-1:111122223333:a_b"],
     ["alerts", "arn:aws:sns:eu-west-1:111122223333:x.fifo", "arn:aws:sqs:eu-west-1:111122223333:x"]),
    ("AlertEmail", ["", "a@example.com"], ["a", "@example.com", "a b@example.com"]),
    ("AllowedAccounts", ["", "111122223333", "111122223333, 444455556666"],
     [" ", "1111", "*", "111122223333,"]),
    ("CrossAccountRole", ["", "desync-guard-member", "security/desync-guard-member"],
     ["/desync-guard-member", "*", "arn:aws:iam::111122223333:role/x"]),
    ("AccessLogBucket", ["", "my-logs.example", "abc", "logs-*", "logs-*-eu-*"],
     ["My-Logs", "a", "s3://logs", "logs/prefix", "*", "a*", "logs-**", "logs-"]),
    ("FunctionName", ["", "desync-guard"], ["desync guard", "x" * 65]),
    ("PermissionsBoundary", ["", "boundary", "path/boundary", "arn:aws:iam::aws:policy/x",
                             "arn:aws-cn:iam::111122223333:policy/path/x"],
     ["/boundary", "arn:aws:iam::111122223333:role/x", "a b"]),
    ("RolePath", ["", "/security/", "/a/b/"], ["/", "security", "/security", "//"]),
    ("ReportBucketName", ["", "central-reports"], ["Central", "a", "s3://x", "x/y"]),
    ("ReportBucketOwner", ["", "111122223333"], ["1111", "11112222333x"]),
    ("ReportBucketRegion", ["", "eu-west-1", "us-gov-west-1", "eusc-de-east-1"],
     ["Ireland", "eu", "eu-west-", "eu-west-1a"]),
    ("ReportPrefix", ["", "security/desync/"], ["/security", "a b"]),
    ("KmsKeyArn", ["", ON["KmsKeyArn"], "arn:aws-cn:kms:cn-north-1:111122223333:key/mrk-0a1b"],
     ["alias/x", "mrk-0a1b", "arn:aws:kms:eu-west-1:111122223333:alias/x"]),
    ("MetricsNamespace", ["DesyncGuard", "Platform/Desync"], ["", ":x", "a b"]),
    ("PromotionRingTag", ["DesyncRing"], ["", "a,b"]),
    ("ConfigRuleName", ["desync-guard"], ["", "desync guard", "x" * 65]),
])
def test_patterns_accept_and_refuse(source, name, accepted, refused):
    pattern = re.compile(source["Parameters"][name]["AllowedPattern"])
    assert [value for value in accepted if not pattern.search(value)] == []
    assert [value for value in refused if pattern.search(value)] == []


@pytest.mark.parametrize("rule, action", [
    ("SweepRule", "sweep"), ("ReportRule", "report"), ("WatchRule", "watch")])
def test_schedules_in_the_template_are_valid(on, source, rule, action):
    expression = on.properties(rule)["ScheduleExpression"]
    assert re.search(source["Parameters"]["SweepSchedule"]["AllowedPattern"], expression)
    assert json.loads(on.properties(rule)["Targets"][0]["Input"]) == {"action": action}


@pytest.mark.parametrize("parameters, complaints", [
    ({}, []),
    (ON, []),
    (OFF, []),
    (GIVEN, []),
    ({"ReportBucketOwner": "111122223333"},
     ["ReportBucketOwner and ReportBucketRegion need ReportBucketName"]),
    ({"ReportBucketRegion": "eu-west-1"},
     ["ReportBucketOwner and ReportBucketRegion need ReportBucketName"]),
    ({"CrossAccountRole": "x"},
     ["CrossAccountRole needs ExternalId", "CrossAccountRole needs AllowedAccounts"]),
    ({"CrossAccountRole": "x", "ExternalId": "yz"}, ["CrossAccountRole needs AllowedAccounts"]),
    ({"CreateAlertTopic": "off", "AlertEmail": "a@example.com"},
     ["AlertEmail needs CreateAlertTopic"]),
    ({"AlertTopicArn": GIVEN["AlertTopicArn"], "AlertEmail": "a@example.com"},
     ["AlertEmail is for a topic of this stack; subscribe it to AlertTopicArn yourself"]),
    ({"CreateStateTable": "off", "Promotion": "enforce"},
     ["Promotion enforce needs CreateStateTable"]),
    ({"KeepRollback": "on"}, []),
    ({"KeepRollback": "on", "Promotion": "off"},
     ["KeepRollback needs Promotion recommend or enforce, and CreateStateTable"]),
    ({"KeepRollback": "on", "CreateStateTable": "off"},
     ["KeepRollback needs Promotion recommend or enforce, and CreateStateTable"]),
    ({"AllowedAccounts": "111122223333"}, ["AllowedAccounts needs CrossAccountRole"]),
    ({"MaxOpenWatches": "0", "Promotion": "enforce"},
     ["Promotion enforce needs MaxOpenWatches above 0"]),
    ({"MaxChangesPerHour": "0", "Promotion": "enforce"}, []),
    ({"CreateStateTable": "off", "Enforcement": "enforce"},
     ["Enforcement enforce needs CreateStateTable"]),
    ({"CreateStateTable": "off", "AccessLogBucket": "my-logs"},
     ["AccessLogBucket needs CreateStateTable"]),
])
def test_parameters_that_contradict_each_other_are_refused(template, parameters, complaints):
    assert Stack(template, **parameters).broken_rules() == complaints


def test_no_risk_at_all_is_refused_because_no_upper_bound_is_zero(template):
    assert template["Parameters"]["PromotionMaxRiskPercent"]["MinValue"] == 0.001


# The rules of CloudFormation compare no numbers, and the function refuses these at its start.
@pytest.mark.parametrize("name, other", [
    ("EvidenceDays", "PromotionMinDays"), ("PromotionMinDays", "EvidenceDays"),
    ("WatchMinutes", "WatchMaxDays"), ("WatchMaxDays", "WatchMinutes"),
    ("InternalMode", "DesyncMode"), ("InternetFacingMode", "DesyncMode")])
def test_parameters_that_only_the_function_can_compare_say_so(template, name, other):
    description = template["Parameters"][name]["Description"]
    assert re.search(rf"\b{other} stops? the function at its start\.$", description)


# The environment of the function

def names_in_sources():
    text = "".join(path.read_text() for path in sorted(ROOT.glob("src/**/*.[ch]")))
    return set(re.findall(r'"([A-Z][A-Z0-9_]+)"', text))


def test_function_is_given_only_variables_it_knows(template):
    unknown = set(variables(Stack(template))) - names_in_sources()
    assert unknown == set()


# Lambda sets them, LoggingConfig does, or they are for a machine that is not Lambda.
NOT_OF_THE_TEMPLATE = {
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION",
    "AWS_DEFAULT_REGION", "AWS_LAMBDA_RUNTIME_API", "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_LOG_FORMAT", "AWS_LAMBDA_LOG_LEVEL", "AWS_LAMBDA_MAX_CONCURRENCY",
    "AWS_ENDPOINT_URL", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "TERM", "NO_COLOR",
}
READS = (r'\benv,\s*"([A-Z][A-Z0-9_]+)"', r'\{"([A-Z][A-Z0-9_]+)",\s*(?:\w*read_\w+|TEXT\()',
         r'\bname = "([A-Z][A-Z0-9_]+)"', r'X\(\w+,[\s\\]*"([A-Z_]+)"')


def test_every_variable_the_function_reads_can_be_set(template):
    text = "".join(path.read_text() for path in sorted(ROOT.glob("src/**/*.c")))
    read = {name for pattern in READS for name in re.findall(pattern, text)}
    assert read - set(variables(Stack(template))) <= NOT_OF_THE_TEMPLATE
    assert set(variables(Stack(template))) <= read


def test_parameters_are_named_like_the_variables_they_set(source):
    given = source["Resources"]["DesyncGuardFunction"]["Properties"]["Environment"]["Variables"]
    for variable, value in given.items():
        if variable in ("STATE_TABLE", "ALERT_TOPIC_ARN", "CONFIG_RULE_NAME", "REPORT_BUCKET"):
            assert "Fn::If" in value
        else:
            assert value == {"Ref": camel_case(variable)}


@pytest.mark.parametrize("given", ["", "5"])
def test_f1_concurrency_is_reserved_only_where_asked_for(template, given):
    stack = Stack(template, ReservedConcurrency=given)
    reserved = stack.properties("DesyncGuardFunction").get("ReservedConcurrentExecutions")
    assert (reserved or "") == variables(stack)["RESERVED_CONCURRENCY"] == given


def test_f2_the_template_does_not_cap_attempts_by_default(template):
    assert variables(Stack(template))["AWS_MAX_ATTEMPTS"] == ""


def test_policy_has_the_same_defaults_with_and_without_the_template(template):
    text = (ROOT / "src/policy/policy.c").read_text()
    defaults = dict(re.findall(r'X\(\w+,[\s\\]*"([A-Z_]+)",[\s\\]*"([^"]*)"', text))
    assert len(defaults) == 12
    given = variables(Stack(template))
    assert {name: given[name] for name in defaults} == defaults


# AWS Config

def enum(service, shape):
    return botocore.session.Session().get_service_model(service).shape_for(shape).enum


def test_config_rule_says_what_aws_config_accepts(on):
    rule = on.properties("ConfigRule")
    details = rule["Source"]["SourceDetails"]
    assert rule["Source"]["Owner"] == "CUSTOM_LAMBDA" in enum("config", "Owner")
    assert [d["MessageType"] for d in details] == [
        "ConfigurationItemChangeNotification", "OversizedConfigurationItemChangeNotification",
        "ScheduledNotification"]
    assert {d["MessageType"] for d in details} <= set(enum("config", "MessageType"))
    assert {d["EventSource"] for d in details} <= set(enum("config", "EventSource"))
    # AWS Config refuses a frequency anywhere but at the schedule.
    assert ["MaximumExecutionFrequency" in d for d in details] == [False, False, True]
    assert "MaximumExecutionFrequency" not in rule
    kinds = rule["Scope"]["ComplianceResourceTypes"]
    assert kinds == ["AWS::ElasticLoadBalancingV2::LoadBalancer"]
    assert set(kinds) <= set(enum("config", "ResourceType"))


def test_config_rule_has_each_frequency_aws_config_knows(template):
    hours = template["Parameters"]["ConfigRuleHours"]["AllowedValues"]
    rules = [Stack(template, ConfigRuleHours=h).properties("ConfigRule") for h in hours]
    frequencies = [rule["Source"]["SourceDetails"][2]["MaximumExecutionFrequency"]
                   for rule in rules]
    assert sorted(frequencies) == sorted(enum("config", "MaximumExecutionFrequency"))
    words = ["One", "Three", "Six", "Twelve", "TwentyFour"]
    assert frequencies == [f"{word}_Hours".replace("One_Hours", "One_Hour") for word in words]


def test_config_may_call_the_function_before_there_is_a_rule(on):
    assert "ConfigPermission" in as_list(on.resources["ConfigRule"]["DependsOn"])
    assert on.properties("ConfigPermission") == {
        "Action": "lambda:InvokeFunction", "FunctionName": "DesyncGuardFunction.Arn",
        "Principal": "config.amazonaws.com", "SourceAccount": "123456789012"}


# EventBridge

def call_event(**changes):
    event = json.loads(events.load("elb-call.modify-attributes"))
    event["detail"].update(changes)
    return event


@pytest.mark.parametrize("changes, matches", [
    ({}, True),
    ({"eventName": "CreateLoadBalancer"}, True),
    ({"eventName": "AddTags"}, True),
    ({"eventName": "RemoveTags"}, True),
    ({"eventName": "DeleteLoadBalancer"}, True),
    ({"eventName": "SetSubnets"}, False),
    ({"eventName": "DescribeLoadBalancers"}, False),
    ({"errorCode": "AccessDenied"}, False),
    ({"eventSource": "ec2.amazonaws.com"}, False),
])
def test_calls_that_may_change_a_verdict_reach_the_function(on, changes, matches):
    pattern = EventPattern.load(json.dumps(on.properties("ApiCallRule")["EventPattern"]))
    assert pattern.matches_event(call_event(**changes)) is matches


def object_event(bucket, key):
    return {"source": "aws.s3", "detail-type": "Object Created", "account": "1",
            "detail": {"bucket": {"name": bucket}, "object": {"key": key, "size": 9}}}


@pytest.mark.parametrize("bucket, key, matches", [
    ("access-logs.example", "AWSLogs/1/elasticloadbalancing/x/1_app.a.b_1.2.3.4_x.log.gz", True),
    ("access-logs.example", "AWSLogs/1/ELBAccessLogTestFile", False),
    ("other", "AWSLogs/1/elasticloadbalancing/x/1_app.a.b_1.2.3.4_x.log.gz", False),
])
def test_objects_of_the_log_bucket_reach_the_function(on, bucket, key, matches):
    pattern = EventPattern.load(json.dumps(on.properties("AccessLogRule")["EventPattern"]))
    assert pattern.matches_event(object_event(bucket, key)) is matches


def test_report_bucket_is_private_encrypted_kept_and_tidied(on):
    bucket = on.properties("ReportBucket")
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    rule, = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    lifecycle, = bucket["LifecycleConfiguration"]["Rules"]
    assert lifecycle["Status"] == "Enabled" and lifecycle["ExpirationInDays"] == "400"


def test_nothing_but_tls_reaches_the_report_bucket(on):
    statement, = on.properties("ReportBucketPolicy")["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == (
        "Deny", "*", "s3:*")
    assert statement["Resource"] == ["ReportBucket.Arn", "ReportBucket.Arn/*"]
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_a_bucket_that_is_there_already_is_used_in_place_of_an_own_one(given, off):
    assert not {"ReportBucket", "ReportBucketPolicy"} & set(given.resources)
    assert given.outputs["ReportBucketName"]["Value"] == "central-reports"
    environment = variables(given)
    assert [environment[f"REPORT_BUCKET{part}"] for part in ("", "_OWNER", "_REGION")] == [
        "central-reports", "999988887777", "us-east-2"]
    assert variables(off)["REPORT_BUCKET"] == ""


@pytest.mark.parametrize("prefix, before", [
    ("", ""), ("security", "security/"), ("security/", "security/"), ("a//b/c", "a//b/c/"),
    ("a//", "a//")])
def test_reports_are_written_below_the_own_account_and_region_only(template, prefix, before):
    def resource(parameters):
        deployed = Stack(template, **parameters, ReportPrefix=prefix)
        statement, = [s for s in deployed.statements() if s["Sid"] == "WriteReports"]
        return statement["Resource"]
    assert resource(ON) == f"arn:aws:s3:::ReportBucket/{before}123456789012/eu-west-1/*"
    assert resource(GIVEN) == f"arn:aws:s3:::central-reports/{before}123456789012/eu-west-1/*"


def test_the_external_id_is_shown_nowhere(source):
    assert source["Parameters"]["ExternalId"]["NoEcho"] is True


def test_what_holds_evidence_outlives_its_stack_but_not_a_failed_creation(on):
    """The bucket without its policy would take requests without TLS."""
    policies = {name: (r.get("DeletionPolicy"), r.get("UpdateReplacePolicy"))
                for name, r in on.resources.items() if r.get("DeletionPolicy") != "Delete"}
    kept = {name for name, each in policies.items() if each != (None, None)}
    assert kept == {"StateTable", "ReportBucket", "ReportBucketPolicy"}
    assert {policies[name] for name in kept} == {("RetainExceptOnCreate", "Retain")}


@pytest.mark.parametrize("rule, permission", [
    ("ApiCallRule", "ApiCallPermission"), ("SweepRule", "SweepPermission"),
    ("ReportRule", "ReportPermission"), ("WatchRule", "WatchPermission"),
    ("AccessLogRule", "AccessLogPermission")])
def test_eventbridge_rule_calls_the_function_and_keeps_what_it_cannot_deliver(on, rule, permission):
    target, = on.properties(rule)["Targets"]
    assert target["Arn"] == "DesyncGuardFunction.Arn"
    assert target["DeadLetterConfig"] == {"Arn": "DeadLetters.Arn"}
    assert on.properties(permission)["Principal"] == "events.amazonaws.com"
    assert on.properties(permission)["SourceArn"] == f"{rule}.Arn"
    statement, = on.properties("DeadLettersPolicy")["PolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "events.amazonaws.com"}
    assert f"{rule}.Arn" in statement["Condition"]["ArnEquals"]["aws:SourceArn"]


@pytest.mark.parametrize("pattern, bucket, matches", [
    ("alb-logs-*", "alb-logs-123456789012-eu-west-1", True),
    ("alb-logs-*-eu-west-1", "alb-logs-123456789012-us-east-1", False),
    ("alb-logs", "alb-logs-123456789012-eu-west-1", False)])
def test_log_bucket_may_be_a_pattern_for_buckets_of_the_account(template, pattern, bucket,
                                                                matches):
    deployed = Stack(template, AccessLogBucket=pattern)
    rule = EventPattern.load(json.dumps(deployed.properties("AccessLogRule")["EventPattern"]))
    assert rule.matches_event(object_event(bucket, "AWSLogs/x.log.gz")) is matches
    read, listed = [s for s in deployed.statements() if "AccessLogs" in s["Sid"]]
    assert read["Resource"] == f"arn:aws:s3:::{pattern}/*"
    assert listed["Resource"] == f"arn:aws:s3:::{pattern}"
    own = {"StringEquals": {"aws:ResourceAccount": "123456789012"}} if "*" in pattern else None
    assert read.get("Condition") == listed.get("Condition") == own


def test_failed_invocations_end_in_the_queue(off):
    config, = off.of_type("AWS::Lambda::EventInvokeConfig").values()
    destination = config["Properties"]["DestinationConfig"]["OnFailure"]["Destination"]
    assert destination == "DeadLetters.Arn"
    assert config["Properties"]["MaximumRetryAttempts"] == 2


# IAM

@pytest.mark.parametrize("given_as, boundary", [
    ("", None), ("security/boundary", "arn:aws:iam::123456789012:policy/security/boundary"),
    ("arn:aws:iam::aws:policy/PowerUserAccess", "arn:aws:iam::aws:policy/PowerUserAccess")])
def test_role_has_the_boundary_and_path_asked_for(template, given_as, boundary):
    for path in "", "/security/":
        deployed = Stack(template, PermissionsBoundary=given_as, RolePath=path)
        role, = deployed.of_type("AWS::IAM::Role").values()
        assert role["Properties"].get("PermissionsBoundary") == boundary
        assert role["Properties"].get("Path", "") == path


def test_outside_rules_reach_the_function_without_one_of_the_stack(template):
    deployed = Stack(template, **(OFF | {"AllowConfigRules": "on", "FunctionName": "guard"}))
    assert "ConfigRule" not in deployed.resources
    assert deployed.properties("ConfigPermission") == {
        "Action": "lambda:InvokeFunction", "FunctionName": "DesyncGuardFunction.Arn",
        "Principal": "config.amazonaws.com", "SourceAccount": "123456789012"}
    assert deployed.properties("DesyncGuardFunction")["FunctionName"] == "guard"


@pytest.mark.parametrize("parameters, may_report", [
    ({}, False), ({"CreateConfigRule": "on"}, True), ({"AllowConfigRules": "on"}, True),
    ({name: ON[name] for name in ("CrossAccountRole", "ExternalId", "AllowedAccounts")}, False)])
def test_function_reports_to_config_only_where_a_rule_of_its_account_calls_it(
        template, parameters, may_report):
    """For another account it reports with the role there."""
    deployed = Stack(template, **(OFF | parameters))
    assert ("config:PutEvaluations" in deployed.actions()) is may_report
    assert ("ConfigPermission" in deployed.resources) is may_report


ALWAYS = {
    "elasticloadbalancing:DescribeLoadBalancerAttributes",
    "elasticloadbalancing:DescribeLoadBalancers", "elasticloadbalancing:DescribeTags",
    "logs:CreateLogStream", "logs:PutLogEvents", "sqs:SendMessage",
}
BY_FEATURE = {
    "CreateConfigRule": {"config:GetComplianceDetailsByConfigRule", "config:DescribeConfigRules",
                         "config:PutEvaluations",
                         "config:StartConfigRulesEvaluation"},
    "AllowConfigRules": {"config:GetComplianceDetailsByConfigRule", "config:DescribeConfigRules",
                         "config:PutEvaluations"},
    "CreateStateTable": {"dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:Scan",
                         "dynamodb:UpdateItem"},
    "CreateAlertTopic": {"sns:Publish"},
    "AlertTopicArn": {"sns:Publish"},
    "Enforcement": {"elasticloadbalancing:ModifyLoadBalancerAttributes"},
    "Promotion": {"elasticloadbalancing:ModifyLoadBalancerAttributes",
                  "cloudwatch:GetMetricData"},
    "AccessLogBucket": {"s3:GetObject", "s3:ListBucket"},
    "CreateReportBucket": {"s3:PutObject", "cloudwatch:GetMetricData"},
    "ReportBucketName": {"s3:PutObject", "cloudwatch:GetMetricData"},
    "ReportSchedule": {"cloudwatch:GetMetricData"},
    "SecurityHub": {"securityhub:BatchImportFindings"},
    "KmsKeyArn": {"kms:Decrypt", "kms:GenerateDataKey"},
    "KeepRollback": {"elasticloadbalancing:ModifyLoadBalancerAttributes"},
    "CrossAccountRole": {"sts:AssumeRole"},
    "ReactToApiCalls": set(), "SweepSchedule": set(), "CreateAlarms": set(),
    "CreateDashboard": set(),
}
SWITCHES = {name: GIVEN.get(name, "on") for name in BY_FEATURE}


def test_actions_with_everything_off_and_everything_on(template, off, on, capsys):
    granted = sorted(on.actions() - off.actions())
    with capsys.disabled():
        print("\nIAM actions of the function with every feature off, and (+) with each one on:")
        print("\n".join(f"  {action}" for action in sorted(off.actions())))
        for feature, value in SWITCHES.items():
            brought = Stack(template, **(OFF | {feature: value})).actions() - off.actions()
            print(f"{feature}={value}" + "".join(f"\n+ {action}" for action in sorted(brought)))
    assert off.actions() == ALWAYS
    assert set(granted) == set().union(*BY_FEATURE.values())


def test_every_condition_of_a_statement_has_its_switch(template, off):
    """A switch that is missing above would be missing in what is printed, too."""
    every = template["Resources"]["FunctionRole"]["Properties"]["Policies"][0]
    switched = {statement["Fn::If"][1]["Sid"]
                for statement in every["PolicyDocument"]["Statement"] if "Fn::If" in statement}
    brought = {statement["Sid"] for feature, value in SWITCHES.items()
               for statement in Stack(template, **(OFF | {feature: value})).statements()}
    assert switched <= brought


@pytest.mark.parametrize("feature", BY_FEATURE)
def test_a_feature_brings_its_own_actions_and_no_others(template, feature):
    alone = Stack(template, **(OFF | {feature: SWITCHES[feature]}))
    assert alone.actions() - ALWAYS == BY_FEATURE[feature]


@pytest.mark.parametrize("rule", ["on", "off"])
@pytest.mark.parametrize("calls", ["on", "off"])
@pytest.mark.parametrize("enforcement", ["off", "plan", "enforce"])
def test_function_may_start_evaluations_of_the_rule_it_is_given(template, rule, calls,
                                                                       enforcement):
    """A message of AWS Config that was overtaken is a reason, too, with all else off."""
    parameters = {"CreateConfigRule": rule, "ReactToApiCalls": calls, "Enforcement": enforcement}
    deployed = Stack(template, **(OFF | parameters))
    resources = [s["Resource"] for s in deployed.statements()
                 if "config:StartConfigRulesEvaluation" in as_list(s["Action"])]
    environment = deployed.properties("DesyncGuardFunction")["Environment"]["Variables"]
    assert bool(environment["CONFIG_RULE_NAME"]) is (rule == "on")
    assert resources == ["ConfigRule.Arn"] * (rule == "on")


def test_table_is_used_with_the_operations_the_function_has(on):
    text = "".join(path.read_text() for path in sorted(ROOT.glob("src/aws/dynamodb*.c")))
    # A transaction needs the rights of what is in it, and has none of its own.
    used = {f"dynamodb:{name}" for name in
            re.findall(r'begin(?:_page)?\(&call, arena, "(\w+)"', text)}
    assert {a for a in on.actions() if a.startswith("dynamodb:")} == used
    statement, = [s for s in on.statements() if s["Sid"] == "KeepState"]
    assert statement["Resource"] == "StateTable.Arn"


@pytest.mark.parametrize("enforcement", ["off", "plan", "enforce"])
@pytest.mark.parametrize("promotion", ["off", "recommend", "enforce"])
@pytest.mark.parametrize("keep_rollback", ["off", "on"])
def test_nothing_but_enforcement_and_promotion_may_change_a_load_balancer(
        template, enforcement, promotion, keep_rollback):
    may_modify = "enforce" in (enforcement, promotion) or keep_rollback == "on"
    parameters = ON | {"Enforcement": enforcement, "Promotion": promotion,
                       "KeepRollback": keep_rollback}
    actions = Stack(template, **parameters).actions()
    writes = [a for a in actions if re.match(r"elasticloadbalancing:(?!Describe)", a)]
    assert writes == ["elasticloadbalancing:ModifyLoadBalancerAttributes"] * may_modify


def test_statements_name_existing_actions_and_no_wildcard(on):
    known = known_actions()
    for action in on.actions():
        assert "*" not in action
        assert action.lower() in known, action


def test_statements_name_resources_wherever_aws_lets_them(on):
    known = known_actions()
    for statement in on.statements():
        assert statement["Effect"] == "Allow"
        for action in as_list(statement["Action"]):
            can_be_restricted = bool(known[action.lower()].get("Resources"))
            assert (statement["Resource"] == "*") is not can_be_restricted, action


def test_only_listed_accounts_are_acted_for(on, off):
    statement, = [s for s in on.statements() if s["Sid"] == "ActForOtherAccounts"]
    assert statement["Resource"] == "arn:aws:iam::*:role/security/desync-guard-member"
    assert statement["Condition"] == {
        "StringEquals": {"aws:ResourceAccount": ["111122223333", "444455556666"]}}
    assert variables(on)["ALLOWED_ACCOUNTS"] == ON["AllowedAccounts"]
    assert "ActForOtherAccounts" not in [s["Sid"] for s in off.statements()]


def test_no_resource_policy_holds_a_wildcard_action(on):
    for kind in ("AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy", "AWS::S3::BucketPolicy"):
        for policy in on.of_type(kind).values():
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
                if statement["Effect"] == "Allow":
                    assert "*" not in str(statement["Action"])
                    assert statement["Principal"] != "*"
                assert statement["Condition"]


@pytest.mark.parametrize("region, partition", [
    ("eu-west-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")])
def test_arns_are_of_the_partition_deployed_to(region, partition):
    parameters = ON | {"KmsKeyArn": ON["KmsKeyArn"].replace("arn:aws:", f"arn:{partition}:")}
    text = json.dumps(Stack(stack.transform(region), region, **parameters).resources)
    assert set(re.findall(r"arn:([\w-]+):", text)) == {partition}


# What exists when

BASE = {"DesyncGuardFunction", "DesyncGuardFunctionEventInvokeConfig", "FunctionRole",
        "FunctionLogs", "DeadLetters"}
ALARMS = {"ErrorsAlarm", "ThrottlesAlarm", "DeadLettersAlarm", "ProtectedAlarm", "UnknownAlarm"}


@pytest.mark.parametrize("switched_on, resources", [
    ({}, set()),
    ({"CreateConfigRule": "on"}, {"ConfigPermission", "ConfigRule", "ReevaluationPolicy"}),
    ({"AllowConfigRules": "on"}, {"ConfigPermission"}),
    ({"ReactToApiCalls": "on"}, {"ApiCallRule", "ApiCallPermission", "DeadLettersPolicy"}),
    ({"CreateConfigRule": "on", "ReactToApiCalls": "on"},
     {"ConfigPermission", "ConfigRule", "ApiCallRule", "ApiCallPermission", "DeadLettersPolicy",
      "ReevaluationPolicy"}),
    ({"SweepSchedule": "rate(1 day)"}, {"SweepRule", "SweepPermission", "DeadLettersPolicy"}),
    ({"CreateStateTable": "on"}, {"StateTable"}),
    ({"CreateAlertTopic": "on"}, {"AlertTopic", "AlertTopicPolicy"}),
    ({"CreateAlertTopic": "on", "AlertTopicArn": GIVEN["AlertTopicArn"]}, set()),
    ({"CreateAlertTopic": "on", "AlertEmail": "a@example.com"},
     {"AlertTopic", "AlertTopicPolicy", "AlertSubscription"}),
    ({"ReportSchedule": "rate(7 days)"}, {"ReportRule", "ReportPermission", "DeadLettersPolicy"}),
    ({"CreateReportBucket": "on"}, {"ReportBucket", "ReportBucketPolicy"}),
    ({"CreateReportBucket": "on", "ReportBucketName": "central"}, set()),
    ({"Promotion": "recommend"}, set()),
    ({"Promotion": "recommend", "CreateStateTable": "on"},
     {"StateTable", "WatchRule", "WatchPermission", "DeadLettersPolicy"}),
    ({"Promotion": "enforce", "CreateStateTable": "on"},
     {"StateTable", "WatchRule", "WatchPermission", "DeadLettersPolicy"}),
    ({"AccessLogBucket": "my-logs", "CreateStateTable": "on"},
     {"StateTable", "AccessLogRule", "AccessLogPermission", "DeadLettersPolicy"}),
    ({"CreateAlarms": "on"}, ALARMS),
    ({"CreateAlarms": "on", "CreateConfigRule": "on"},
     ALARMS | {"SilentRuleAlarm", "SilentRuleFilter", "ConfigPermission", "ConfigRule",
               "ReevaluationPolicy"}),
    ({"CreateDashboard": "on"}, {"Dashboard"}),
    ({"KmsKeyArn": ON["KmsKeyArn"]}, set()),
    ({"SecurityHub": "on", "Enforcement": "enforce", "MaxChangesPerRun": "1"}, set()),
])
def test_resources_exist_only_when_switched_on(template, switched_on, resources):
    assert set(Stack(template, **(OFF | switched_on)).resources) - BASE == resources


@pytest.mark.parametrize("architecture", ["arm64", "x86_64"])
def test_function_has_the_architecture_asked_for(template, architecture):
    function = Stack(template, Architecture=architecture).properties("DesyncGuardFunction")
    assert function["Architectures"] == [architecture]
    assert architecture in enum("lambda", "Architecture")
    assert function["Runtime"] in enum("lambda", "Runtime")
    assert function["LoggingConfig"]["LogFormat"] in enum("lambda", "LogFormat")


def test_state_table_is_as_the_function_uses_it(on):
    table = on.properties("StateTable")
    assert {k["AttributeName"]: k["KeyType"] for k in table["KeySchema"]} == {
        "pk": "HASH", "sk": "RANGE"}
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
    assert table["BillingMode"] == "PAY_PER_REQUEST" in enum("dynamodb", "BillingMode")
    assert table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True
    assert table["SSESpecification"]["SSEEnabled"] is True


def keys_of(deployed):
    """The key of each resource that holds data, and what else says how it is encrypted."""
    bucket = deployed.properties("ReportBucket")["BucketEncryption"]
    encryption, = bucket["ServerSideEncryptionConfiguration"]
    by_default = encryption["ServerSideEncryptionByDefault"]
    table = deployed.properties("StateTable")["SSESpecification"]
    queue = deployed.properties("DeadLetters")
    return [deployed.properties("FunctionLogs").get("KmsKeyId"),
            deployed.properties("AlertTopic").get("KmsMasterKeyId"),
            queue.get("KmsMasterKeyId"), table.get("KMSMasterKeyId"),
            by_default.get("KMSMasterKeyID")], (
        queue.get("SqsManagedSseEnabled"), table.get("SSEType"), by_default["SSEAlgorithm"],
        encryption.get("BucketKeyEnabled"))


def test_one_key_encrypts_all_that_holds_data(template, on):
    assert keys_of(on) == ([ON["KmsKeyArn"]] * 5, (None, "KMS", "aws:kms", True))
    assert keys_of(Stack(template)) == ([None] * 5, (True, None, "AES256", None))


@pytest.mark.parametrize("feature, service", [
    ({}, set()), ({"CreateStateTable": "on"}, {"dynamodb"}), ({"CreateAlertTopic": "on"}, {"sns"}),
    ({"CreateReportBucket": "on"}, {"s3"}), ({"ReportBucketName": "central"}, {"s3"})])
def test_function_uses_the_key_through_the_services_it_needs_only(template, feature, service):
    deployed = Stack(template, **(OFF | {"KmsKeyArn": ON["KmsKeyArn"]} | feature))
    statement, = [s for s in deployed.statements() if "kms" in str(s["Action"])]
    assert statement["Resource"] == ON["KmsKeyArn"]
    assert statement["Condition"] == {"StringLike": {"kms:ViaService": [
        f"{name}.eu-west-1.amazonaws.com*" for name in ("sqs", "dynamodb", "sns", "s3")
        if name in service | {"sqs"}]}}


def test_logs_are_kept_for_as_long_as_asked(template):
    group = Stack(template, LogRetentionDays=30).properties("FunctionLogs")
    assert group["RetentionInDays"] == "30"
    logging = Stack(template).properties("DesyncGuardFunction")["LoggingConfig"]
    assert logging == {"LogFormat": "JSON", "ApplicationLogLevel": "INFO",
                       "LogGroup": "FunctionLogs"}


# Alarms and dashboard

def test_alarms_say_what_cloudwatch_accepts_and_go_to_the_topic(template, on):
    alarms = on.of_type("AWS::CloudWatch::Alarm")
    silent = Stack(template, CreateAlertTopic="off").of_type("AWS::CloudWatch::Alarm")
    assert len(alarms) == len(silent) == 6
    for name, alarm in alarms.items():
        p = alarm["Properties"]
        assert p["ComparisonOperator"] in enum("cloudwatch", "ComparisonOperator")
        assert p["Statistic"] in enum("cloudwatch", "Statistic")
        assert p["TreatMissingData"] in ("breaching", "notBreaching", "ignore", "missing")
        assert p["AlarmActions"] == ["AlertTopic"]
        assert silent[name]["Properties"]["AlarmActions"] == []
        # One day, or seven for periods of an hour and more.
        seconds = int(p["Period"]) * int(p["EvaluationPeriods"])
        assert seconds <= (604800 if p["Period"] >= 3600 else 86400)


def test_alarms_send_nothing_when_they_are_created(on):
    """The first evaluation leads from INSUFFICIENT_DATA to OK, or to ALARM where missing data is
    breaching; that it stays INSUFFICIENT_DATA is no transition."""
    for name, alarm in on.of_type("AWS::CloudWatch::Alarm").items():
        assert "OKActions" not in alarm["Properties"], name
        assert alarm["Properties"]["TreatMissingData"] != "breaching", name


def test_alarms_use_a_given_topic_in_its_own_region_only(template):
    def actions(region):
        alarms = Stack(template, region, **GIVEN).of_type("AWS::CloudWatch::Alarm")
        return {action for alarm in alarms.values() for key in alarm["Properties"]
                if key.endswith("Actions") for action in alarm["Properties"][key]}
    assert actions("eu-west-1") == {GIVEN["AlertTopicArn"]}
    assert actions("us-east-1") == set()


def test_a_topic_that_is_there_already_is_used_in_place_of_an_own_one(given):
    assert not {"AlertTopic", "AlertTopicPolicy", "AlertSubscription"} & set(given.resources)
    statement, = [s for s in given.statements() if s["Sid"] == "Alert"]
    assert (statement["Resource"] == variables(given)["ALERT_TOPIC_ARN"]
            == given.outputs["AlertTopicArn"]["Value"] == GIVEN["AlertTopicArn"])


def test_silent_rule_alarm_speaks_when_sweeps_stop_and_when_nothing_is_logged(on):
    """Other lines make the metric 0, which becomes ALARM; no lines at all are no data."""
    transformation, = on.properties("SilentRuleFilter")["MetricTransformations"]
    alarm = on.properties("SilentRuleAlarm")
    assert (transformation["DefaultValue"], transformation["MetricValue"]) == (0, "1")
    assert alarm["TreatMissingData"] == "missing"
    assert alarm["InsufficientDataActions"] == alarm["AlarmActions"] == ["AlertTopic"]


def test_silent_rule_alarm_waits_for_two_sweeps(template):
    for hours in map(int, template["Parameters"]["ConfigRuleHours"]["AllowedValues"]):
        alarm = Stack(template, ConfigRuleHours=hours).properties("SilentRuleAlarm")
        assert int(alarm["EvaluationPeriods"]) == 2 * hours + 1
        assert alarm["Period"] == 3600


@pytest.mark.parametrize("schedule", ["", "rate(6 hours)"])
@pytest.mark.parametrize("calls", ["on", "off"])
def test_dashboard_is_json_and_shows_the_rules_that_exist(template, schedule, calls):
    parameters = {"SweepSchedule": schedule, "ReactToApiCalls": calls}
    body = Stack(template, **parameters).properties("Dashboard")["DashboardBody"]
    widgets = json.loads(body)["widgets"]
    assert len(widgets) == 13 + (calls == "on") + bool(schedule)
    taken = set()
    for widget in widgets:
        cells = {(x, y) for x in range(widget["x"], widget["x"] + widget["width"])
                 for y in range(widget["y"], widget["y"] + widget["height"])}
        assert not taken & cells and all(x < 24 for x, _ in cells)
        taken |= cells
        assert widget["type"] in ("log", "metric")
        assert widget["properties"]["region"] == "eu-west-1"
    assert ("ApiCallRule" in body, "SweepRule" in body) == (calls == "on", bool(schedule))
