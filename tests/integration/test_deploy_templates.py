# SPDX-License-Identifier: Apache-2.0
"""The templates of deploy/, as test_template.py and test_deployment.py look at template.yaml, and
the Terraform module around it."""

import fnmatch
import json
import os
import re
import shutil
import subprocess

import pytest

from sim import deployment, fleet, stack
from sim.cfn_lint import known_actions, lint
from sim.control_loop import ControlLoop
from sim.function import bootstrap_command, lambda_environment
from sim.stack import ROOT, Stack, as_list

DEPLOY = ROOT / "deploy"
TEMPLATES = sorted(path.name for path in DEPLOY.glob("*.yaml"))
REGIONS = ["us-east-1", "eu-central-1", "us-gov-west-1", "cn-north-1"]
FUNCTION = "arn:aws:lambda:eu-west-1:111122223333:function:desync-guard"
ROLE = {"FunctionRoleArn": "arn:aws:iam::111122223333:role/desync-guard", "ExternalId": "a-secret"}
AUDIT = {"AuditorArns": "arn:aws:iam::111122223333:role/SecurityTeam"}
CHANGES = "elasticloadbalancing:ModifyLoadBalancerAttributes"
# template, parameters, resources
CASES = [
    ("central.yaml", {"OrganizationId": "o-exampleorgid", "BucketPrefix": "example",
                      "AlertEmail": "security@example.com"},
     {"AlertTopic", "AlertTopicPolicy", "AlertSubscription", "ReportBucket", "ReportBucketPolicy",
      "CodeBucket", "CodeBucketPolicy"}),
    ("central.yaml",
     {"OrganizationId": "o-exampleorgid", "BucketPrefix": "example", "Shared": "off"},
     {"AlertTopic", "AlertTopicPolicy", "CodeBucket", "CodeBucketPolicy"}),
    ("conformance-pack.yaml", {}, {"DesyncGuard"}),
    ("member-role.yaml", {}, set()),
    ("member-role.yaml", AUDIT, {"AuditRole"}),
    ("member-role.yaml", ROLE, {"FunctionMemberRole"}),
    ("member-role.yaml", AUDIT | ROLE | {"Enforcement": "enforce", "SecurityHub": "on",
                                         "ConfigRuleName": "desync-guard"},
     {"AuditRole", "FunctionMemberRole"}),
    ("organization-rule.yaml", {"FunctionArn": FUNCTION}, {"OrganizationRule"}),
    ("organization-rule.yaml", {"FunctionArn": FUNCTION, "ExcludedAccounts": "444455556666"},
     {"OrganizationRule"}),
    ("stackset.yaml",
     {"TemplateUrl": "https://example/t.json", "CodeBucket": "example-code-{region}",
      "OrganizationalUnitIds": "r-root", "Regions": "eu-west-1,us-east-1"},
     {"StackSet"}),
]


def load(name):
    return stack.load(DEPLOY / name)


def resolved(name, **parameters):
    return Stack(load(name), **parameters)


@pytest.fixture(scope="module")
def at_home():
    return stack.transform()


# CloudFormation

@pytest.mark.parametrize("name", TEMPLATES)
def test_cfn_lint_finds_nothing(name):
    assert lint(DEPLOY / name, *REGIONS) == (0, "")


@pytest.mark.parametrize("name", TEMPLATES)
def test_cloudformation_reads_this_yaml(name):
    text = re.sub(r"#.*", "", (DEPLOY / name).read_text())
    assert "\t" not in text
    assert not re.search(r"(?:: |- )[&*]\w", text), "CloudFormation knows no YAML aliases"


@pytest.mark.parametrize("name", TEMPLATES)
def test_defaults_are_within_the_limits_and_descriptions_are_sentences(name):
    for parameter in load(name)["Parameters"].values():
        assert parameter.get("Description", ".").endswith(".")
        if "Default" in parameter:
            assert parameter["Default"] in parameter.get("AllowedValues", [parameter["Default"]])
            assert re.search(parameter.get("AllowedPattern", ""), str(parameter["Default"]))


@pytest.mark.parametrize("name, parameters, resources", CASES)
def test_every_reference_resolves(name, parameters, resources):
    assert set(resolved(name, **parameters).resources) == resources


@pytest.mark.parametrize("name, parameters, resources", [
    case for case in CASES if case[0] != "conformance-pack.yaml"])  # AWS Config deploys that one
def test_stack_is_created_and_deleted(name, parameters, resources):
    with deployment.deployed(load(name), **parameters) as deployed:
        assert deployed.status() == "CREATE_COMPLETE"
        # moto skips the kinds it does not know.
        known = {"AWS::IAM::Role", "AWS::SNS::Topic", "AWS::S3::Bucket"}
        expected = {key for key, one in resolved(name, **parameters).resources.items()
                    if one["Type"] in known}
        assert expected <= set(deployed.resources())
        deployed.cloudformation.delete_stack(StackName=deployment.STACK)
        assert deployed.cloudformation.describe_stacks()["Stacks"] == []
        assert deployed.client("iam").list_roles()["Roles"] == []


def test_every_template_is_among_the_cases():
    assert sorted({name for name, _, _ in CASES}) == TEMPLATES


# Rules of AWS Config

def test_rules_of_others_ask_for_what_our_own_rule_asks_for(at_home):
    own = Stack(at_home).properties("ConfigRule")
    pack = resolved("conformance-pack.yaml", FunctionName="x").properties("DesyncGuard")
    assert pack == own | {"Source": own["Source"] | {
        "SourceIdentifier": "arn:aws:lambda:eu-west-1:123456789012:function:x"}}
    rule = resolved("organization-rule.yaml", FunctionArn=FUNCTION).properties("OrganizationRule")
    metadata = rule["OrganizationCustomRuleMetadata"]
    assert "ExcludedAccounts" not in rule
    assert metadata["LambdaFunctionArn"] == FUNCTION
    assert metadata["ResourceTypesScope"] == own["Scope"]["ComplianceResourceTypes"]
    details = own["Source"]["SourceDetails"]
    assert metadata["OrganizationConfigRuleTriggerTypes"] == [d["MessageType"] for d in details]
    assert metadata["MaximumExecutionFrequency"] == details[-1]["MaximumExecutionFrequency"]


# Roles and policies

def actions(role):
    return {action for policy in role["Properties"]["Policies"]
            for statement in policy["PolicyDocument"]["Statement"]
            for action in as_list(statement["Action"])}


def reads(names):
    return all(re.match(r"\w+:(Describe|Get|List|Query|Scan)", name) for name in names)


def test_audit_role_reads_and_the_other_role_has_no_part_in_it():
    everything = AUDIT | ROLE | {"Enforcement": "enforce", "Promotion": "enforce",
                                 "SecurityHub": "on", "ConfigRuleName": "desync-guard"}
    role = resolved("member-role.yaml", **everything).resources["AuditRole"]
    assert role["Properties"]["RoleName"] == "DesyncGuardAudit"
    assert role == resolved("member-role.yaml", **AUDIT).resources["AuditRole"]
    assert reads(actions(role))
    trust, = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"AWS": [AUDIT["AuditorArns"]]}


def member_role(**parameters):
    return resolved("member-role.yaml", **ROLE, **parameters).resources["FunctionMemberRole"]


def test_member_role_trusts_one_role_that_knows_the_external_id():
    trust, = member_role()["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"AWS": ROLE["FunctionRoleArn"]}
    assert trust["Condition"] == {"StringEquals": {"sts:ExternalId": ROLE["ExternalId"]}}
    name = member_role()["Properties"]["RoleName"]
    assert f"CrossAccountRole={name} " in (ROOT / "docs/deploy.md").read_text()


@pytest.mark.parametrize("enforcement", ["off", "plan", "enforce"])
@pytest.mark.parametrize("promotion", ["off", "recommend", "enforce"])
@pytest.mark.parametrize("security_hub", ["on", "off"])
@pytest.mark.parametrize("rule", ["desync-guard", ""])
def test_member_role_may_do_what_the_function_may_do_at_home(at_home, enforcement, promotion,
                                                             security_hub, rule):
    """Reactions to API calls, reports and access logs are for the central account only."""
    features = {"Enforcement": enforcement, "Promotion": promotion, "SecurityHub": security_hub}
    function = Stack(at_home, CreateConfigRule="on", ReactToApiCalls="off",
                     CreateReportBucket="off", ReportSchedule="", **features)
    wanted = {a for a in function.actions() if a.startswith(
        ("config:", "elasticloadbalancing:", "securityhub:", "cloudwatch:"))}
    if not rule:
        wanted -= {"config:StartConfigRulesEvaluation"}
    assert actions(member_role(ConfigRuleName=rule, **features)) == wanted
    # Modes that enforcement raised are watched, too.
    watches = promotion != "off" or enforcement == "enforce"
    assert ("cloudwatch:GetMetricData" in wanted) is watches


def test_member_role_has_the_defaults_of_the_function(at_home):
    member = load("member-role.yaml")["Parameters"]
    for name in ("Enforcement", "Promotion", "KeepRollback", "SecurityHub"):
        for key in ("Type", "Default", "AllowedValues"):
            assert member[name][key] == at_home["Parameters"][name][key]


@pytest.mark.parametrize("parameters, changes", [
    ({}, False), ({"Enforcement": "plan"}, False), ({"Promotion": "recommend"}, False),
    ({"Enforcement": "enforce"}, True), ({"Promotion": "enforce"}, True),
    ({"KeepRollback": "on"}, True)])
def test_member_role_changes_modes_only_where_that_is_switched_on(parameters, changes):
    assert (CHANGES in actions(member_role(**parameters))) is changes


def test_member_role_of_a_function_needs_the_external_id():
    broken = resolved("member-role.yaml", FunctionRoleArn=ROLE["FunctionRoleArn"]).broken_rules()
    assert broken == ["FunctionRoleArn needs ExternalId"]
    assert resolved("member-role.yaml", **ROLE).broken_rules() == []


def test_statements_name_existing_actions_and_resources_where_aws_lets_them():
    known = known_actions()
    statements = json.loads((DEPLOY / "cli-policy.json").read_text())["Statement"]
    for _, parameters, _ in [case for case in CASES if case[0] == "member-role.yaml"]:
        statements += resolved("member-role.yaml", **parameters).statements()
    for statement in statements:
        for action in as_list(statement["Action"]):
            can_be_restricted = bool(known[action.lower()].get("Resources"))
            assert (statement["Resource"] == "*") is not can_be_restricted, action
            # The policy for auditors is for any account and, as to AssumeRole, for others.
            if action != "sts:AssumeRole" and not action.startswith("dynamodb:"):
                assert (":123456789012:" in statement["Resource"]) is can_be_restricted, action


def test_cli_policy_reads_and_assumes_the_audit_role_of_the_own_organization():
    statements = json.loads((DEPLOY / "cli-policy.json").read_text())["Statement"]
    *reading, assuming = statements
    assert reads(action for one in reading for action in as_list(one["Action"]))
    role = resolved("member-role.yaml", **AUDIT).resources["AuditRole"]
    assert actions(role) == set(reading[0]["Action"])
    assert assuming["Action"] == "sts:AssumeRole"
    assert assuming["Resource"].endswith(":role/" + role["Properties"]["RoleName"])
    assert assuming["Condition"] == {
        "StringEquals": {"aws:ResourceOrgID": "${aws:PrincipalOrgID}"}}


def test_what_is_shared_is_open_to_the_organization_and_nobody_else():
    central = resolved("central.yaml", **CASES[0][1], ReportPrefix="security/")
    allowed = {}
    for name in "AlertTopicPolicy", "ReportBucketPolicy", "CodeBucketPolicy":
        for statement in central.properties(name)["PolicyDocument"]["Statement"]:
            if statement["Effect"] == "Deny":
                assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
                continue
            (key, value), = statement["Condition"]["StringEquals"].items()
            assert value == "o-exampleorgid"
            allowed[statement["Sid"]] = (statement["Action"], statement["Resource"], key)
    assert allowed == {
        "FunctionsOfTheOrganization": ("sns:Publish", "AlertTopic", "aws:PrincipalOrgID"),
        "AlarmsOfTheOrganization": ("sns:Publish", "AlertTopic", "aws:SourceOrgID"),
        "EachAccountWritesItsOwnReports": (
            "s3:PutObject", "ReportBucket.Arn/security/${aws:PrincipalAccount}/*",
            "aws:PrincipalOrgID"),
        "TheOrganizationReadsTheCode": ("s3:GetObject", "CodeBucket.Arn/*", "aws:PrincipalOrgID")}
    for name in "ReportBucket", "CodeBucket":
        bucket = central.properties(name)
        assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
        assert central.resources[name]["DeletionPolicy"] == "RetainExceptOnCreate"


def may(statements, action, resource):
    return any(action in as_list(one["Action"]) and any(
        fnmatch.fnmatchcase(resource, pattern) for pattern in as_list(one["Resource"]))
        for one in statements)


@pytest.mark.parametrize("command, needs", [
    (["audit"], {"dynamodb:GetItem"}), (["report"], {"dynamodb:Scan"}),
    (["plan"], {"cloudwatch:GetMetricData", "config:DescribeConfigRules", "dynamodb:Query"}),
    (["explain", "search"], {"cloudwatch:GetMetricData", "dynamodb:Query"})])
def test_cli_policy_and_audit_role_allow_what_each_command_calls(aws, command, needs):
    fleet.create(aws)
    loop = ControlLoop(aws)
    subprocess.run([*bootstrap_command(), *command], timeout=60, env=lambda_environment(
        **loop.environment(), AWS_ENDPOINT_URL=aws.url, PROMOTION="recommend"))
    called = {name.replace("elbv2:", "elasticloadbalancing:") for name in aws.counts}
    assert needs <= called and "elasticloadbalancing:DescribeTags" in called
    own = json.loads((DEPLOY / "cli-policy.json").read_text())["Statement"]
    role = resolved("member-role.yaml", **AUDIT).resources["AuditRole"]
    for action in called - {"sts:GetCallerIdentity"}:  # which needs no permission
        table = f"arn:aws:dynamodb:eu-west-1:123456789012:table/{loop.table}"
        assert may(own, action, table if action.startswith("dynamodb:") else "x"), action
        assert action in actions(role) or action.startswith("dynamodb:"), action


@pytest.mark.parametrize("stack_name", ["desync-guard", "StackSet-desync-guard-3f1c0c55"])
def test_cli_policy_reads_the_table_of_a_stack_and_of_a_stack_set(stack_name):
    own = json.loads((DEPLOY / "cli-policy.json").read_text())["Statement"]
    arn = "arn:aws:dynamodb:eu-west-1:123456789012:table/"
    assert may(own, "dynamodb:Scan", f"{arn}{stack_name}-StateTable-1ABC")
    assert not may(own, "dynamodb:Scan", f"{arn}orders")


# The StackSet as a resource

def rendered():
    """The parameters of a release's template: those of template.yaml, and where the code is."""
    return set(stack.load()["Parameters"]) | {"CodeBucket", "CodeKey"}


@pytest.mark.parametrize("accounts, filters", [
    ("", ["NONE"]), ("111122223333,444455556666", ["DIFFERENCE", "INTERSECTION"])])
def test_stack_set_deploys_accounts_without_recorder_without_the_rule(accounts, filters):
    stack_set = resolved("stackset.yaml", **CASES[-1][1],
                         AccountsWithoutRecorder=accounts).properties("StackSet")
    groups = stack_set["StackInstancesGroup"]
    assert [group["DeploymentTargets"]["AccountFilterType"] for group in groups] == filters
    overrides = {p["ParameterKey"]: p["ParameterValue"] for group in groups
                 for p in group.get("ParameterOverrides", [])}
    assert overrides == ({"CreateConfigRule": "off", "SweepSchedule": "rate(6 hours)"}
                         if accounts else {})
    given = {parameter["ParameterKey"] for parameter in stack_set["Parameters"]}
    assert given | set(overrides) <= rendered()


# Terraform

TERRAFORM = shutil.which("tofu") or shutil.which("terraform")
needs_terraform = pytest.mark.skipif(not TERRAFORM, reason="no tofu and no terraform here")


def terraform(*arguments, cwd):
    done = subprocess.run([TERRAFORM, *arguments], cwd=cwd, text=True, capture_output=True,
                          env={**os.environ, "TF_CLI_CONFIG_FILE": os.devnull})
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_module_names_parameters_the_template_has():
    text = (DEPLOY / "terraform/main.tf").read_text()
    named = set(re.findall(r"\b((?:[A-Z][a-z]+){2,}) = ", text))
    assert named == {"CodeBucket", "CreateConfigRule", "SweepSchedule"} and named <= rendered()
    variables = (DEPLOY / "terraform/variables.tf").read_text()
    declared = set(re.findall(r'^variable "(\w+)"', variables, re.M))
    assert declared == set(re.findall(r"\bvar\.(\w+)", text))


@needs_terraform
def test_module_is_formatted():
    assert terraform("fmt", "-check", "-diff", cwd=DEPLOY / "terraform") == ""


@needs_terraform
@pytest.mark.parametrize("units, accounts, groups", [
    ([], [], []), (["r-root"], [], [["with_recorder", "NONE", {}]]),
    (["r-root"], ["111122223333"],
     [["with_recorder", "DIFFERENCE", {}],
      ["without_recorder", "INTERSECTION",
       {"CreateConfigRule": "off", "SweepSchedule": "rate(6 hours)"}]])])
def test_module_gives_the_template_every_parameter(units, accounts, groups, tmp_path):
    """Its locals, evaluated without the provider, which is not to be had here."""
    module = DEPLOY / "terraform"
    shutil.copy(module / "variables.tf", tmp_path)
    text = re.search(r"^locals \{.*?^\}", (module / "main.tf").read_text(), re.S | re.M)[0]
    text = re.sub(r"\b(data\.)?aws_s3_\w+\.template\.\w+", '"x"', text)
    (tmp_path / "main.tf").write_text(text + """
output "found" {
  value = jsonencode({ parameters = local.parameters, unknown = local.unknown, groups = [
  for name in local.groups : [name, local.targets[name].filter, local.targets[name].overrides]] })
}
""")
    template = stack.transform()
    template["Parameters"]["CodeBucket"] = {"Type": "String"}
    (tmp_path / "template.json").write_text(json.dumps(template))
    (tmp_path / "given.auto.tfvars.json").write_text(json.dumps({
        "template_file": "template.json", "template_bucket": "b", "code_bucket": "code-{region}",
        "organizational_unit_ids": units, "accounts_without_recorder": accounts,
        "parameters": {"Enforcement": "plan", "Typo": "1"}}))
    terraform("init", cwd=tmp_path)
    terraform("apply", "-auto-approve", cwd=tmp_path)
    found = json.loads(json.loads(terraform("output", "-json", cwd=tmp_path))["found"]["value"])
    assert found["groups"] == groups and found["unknown"] == ["Typo"]
    defaults = {name: str(p["Default"]) for name, p in template["Parameters"].items()
                if "Default" in p}
    assert found["parameters"] == defaults | {
        "CodeBucket": "code-{region}", "Enforcement": "plan", "Typo": "1"}
