# SPDX-License-Identifier: Apache-2.0
"""What docs/ asks the reader to paste: templates that cfn-lint accepts, policies that say what the
text around them says, commands with parameters that exist.
"""

import fnmatch
import json
import re

import botocore.session
import pytest

from sim import stack
from sim.cfn_lint import known_actions, lint
from sim.stack import ON, ROOT, Stack, as_list

APPROVER = "arn:aws:iam::111122223333:role/desync-exception-approver"
SINGLE_SIGN_ON = ("arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/eu-west-1/"
                  "AWSReservedSSO_DesyncExceptionApprover_0123456789abcdef")
DEVELOPER = "arn:aws:iam::111122223333:role/developer"
UNTIL = "desync-exception-until"


def text_of(name):
    return (ROOT / "docs" / name).read_text()


def blocks(name, language):
    return re.findall(rf"^```{language}\n(.*?)^```", text_of(name), re.M | re.S)


def template_of(resource_type):
    block, = [b for b in blocks("deploy.md", "yaml") if resource_type in b]
    return block


# The service control policy

@pytest.fixture(scope="module")
def policy():
    block, = blocks("exceptions.md", "json")
    return json.loads(block)


def is_denied(policy, action, principal, tags=(), resource="*"):
    """For the three condition operators the policy uses."""
    for statement in policy["Statement"]:
        conditions = statement["Condition"]
        exempt = as_list(conditions["ArnNotLike"]["aws:PrincipalArn"])
        keys = conditions.get("ForAnyValue:StringEqualsIgnoreCase", {}).get("aws:TagKeys")
        if (action in statement["Action"]
                and fnmatch.fnmatchcase(resource, statement["Resource"])
                and not any(fnmatch.fnmatchcase(principal, pattern) for pattern in exempt)
                and (keys is None or {tag.lower() for tag in tags} & set(keys))):
            return True
    return False


@pytest.mark.parametrize("action", ["AddTags", "RemoveTags", "CreateLoadBalancer"])
@pytest.mark.parametrize("principal, tags, denied", [
    (DEVELOPER, ["Owner", UNTIL], True),
    (DEVELOPER, ["Desync-Exception-Reason"], True),
    (DEVELOPER, ["desync-exception-approver"], True),
    (DEVELOPER, ["Owner", "DesyncProfile"], False),
    (DEVELOPER, [], False),
    (DEVELOPER + "/desync-exception-approver", [UNTIL], True),
    (APPROVER, [UNTIL], False),
    (SINGLE_SIGN_ON, [UNTIL], False),
    (APPROVER.replace("arn:aws:", "arn:aws-cn:"), [UNTIL], False),
])
def test_only_approvers_write_exception_tags(policy, action, principal, tags, denied):
    assert is_denied(policy, f"elasticloadbalancing:{action}", principal, tags) is denied


@pytest.mark.parametrize("principal, denied", [(DEVELOPER, True), (APPROVER, False)])
def test_only_approvers_change_the_approver_role(policy, principal, denied):
    for action in ("iam:UpdateAssumeRolePolicy", "iam:CreateRole"):
        assert is_denied(policy, action, principal, resource=APPROVER) is denied
    assert not is_denied(policy, "iam:CreateRole", principal, resource=DEVELOPER)


def test_service_control_policy_names_existing_actions_and_fits(policy):
    actions = {action for statement in policy["Statement"] for action in statement["Action"]}
    known = known_actions()
    assert all("*" not in a and a.lower() in known for a in actions)
    elb = botocore.session.Session().get_service_model("elbv2").operation_names
    assert {a.split(":")[1] for a in actions if a.startswith("elastic")} <= set(elb)
    assert {s["Effect"] for s in policy["Statement"]} == {"Deny"}
    assert len(json.dumps(policy, separators=(",", ":"))) <= 5120


def test_service_control_policy_names_the_tags_that_are_read(policy):
    text = (ROOT / "src/policy/exception.c").read_text()
    suffixes = re.search(r"suffixes\[\w*\] = \{(.*?)\}", text)[1].replace('"', "").split(", ")
    prefix = stack.load()["Parameters"]["ExceptionTagPrefix"]["Default"]
    keys = policy["Statement"][0]["Condition"]["ForAnyValue:StringEqualsIgnoreCase"]["aws:TagKeys"]
    assert keys == [f"{prefix}-{suffix}" for suffix in suffixes]
    for key in keys:
        assert f"| `{key}` |" in text_of("exceptions.md")


# Deployment to many accounts

@pytest.mark.parametrize("resource_type, regions", [
    ("AWS::IAM::Role", ["us-east-1", "cn-north-1", "us-gov-west-1"]),
    ("AWS::Config::OrganizationConfigRule", ["us-east-1", "eu-west-1"]),
])
def test_cfn_lint_finds_nothing_in_the_templates(resource_type, regions, tmp_path):
    path = tmp_path / "template.yaml"
    path.write_text(template_of(resource_type))
    assert lint(path, *regions) == (0, "")


@pytest.fixture
def member(tmp_path):
    path = tmp_path / "member.yaml"
    path.write_text(template_of("AWS::IAM::Role"))
    return stack.load(path)


def member_stack(member, **parameters):
    return Stack(member, FunctionRoleArn="arn:aws:iam::999999999999:role/x", ExternalId="secret",
                 **parameters)


def test_member_role_trusts_one_role_that_knows_the_external_id(member):
    role = member_stack(member).properties("MemberRole")
    statement, = role["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"AWS": "arn:aws:iam::999999999999:role/x"}
    assert statement["Condition"] == {"StringEquals": {"sts:ExternalId": "secret"}}
    assert f"CrossAccountRole={role['RoleName']} " in text_of("deploy.md")


@pytest.mark.parametrize("enforcement", ["off", "plan", "enforce"])
@pytest.mark.parametrize("promotion", ["off", "recommend", "enforce"])
@pytest.mark.parametrize("security_hub", ["on", "off"])
@pytest.mark.parametrize("rule", ["desync-guard", ""])
def test_member_role_may_do_what_the_function_may_do_at_home(member, enforcement, promotion,
                                                             security_hub, rule):
    """Reactions to API calls, reports and access logs are for the central account only."""
    features = {"Enforcement": enforcement, "Promotion": promotion, "SecurityHub": security_hub}
    at_home = Stack(stack.transform(), CreateConfigRule="on", ReactToApiCalls="off",
                    CreateReportBucket="off", ReportSchedule="", **features)
    wanted = {a for a in at_home.actions() if a.startswith(
        ("config:", "elasticloadbalancing:", "securityhub:", "cloudwatch:"))}
    if not rule:
        wanted -= {"config:StartConfigRulesEvaluation"}
    assert member_stack(member, ConfigRuleName=rule, **features).actions() == wanted
    # Modes that enforcement raised are watched, too.
    assert ("cloudwatch:GetMetricData" in wanted) is (promotion != "off" or enforcement == "enforce")


def test_member_role_has_the_defaults_of_the_function(member):
    at_home = stack.load()["Parameters"]
    for name in ("Enforcement", "Promotion", "SecurityHub"):
        assert member["Parameters"][name] == {
            key: at_home[name][key] for key in ("Type", "Default", "AllowedValues")}


def test_member_role_names_resources_of_its_account_wherever_aws_lets_it(member):
    known = known_actions()
    role = member_stack(member, Enforcement="enforce", SecurityHub="on", ConfigRuleName="x")
    assert len(role.statements()) == 7
    for statement in role.statements():
        for action in as_list(statement["Action"]):
            can_be_restricted = bool(known[action.lower()].get("Resources"))
            assert (":123456789012:" in statement["Resource"]) is can_be_restricted, action


def test_organization_rule_says_what_aws_config_accepts(tmp_path):
    path = tmp_path / "rule.yaml"
    path.write_text(template_of("AWS::Config::OrganizationConfigRule"))
    rule = Stack(stack.load(path), FunctionArn="arn:aws:lambda:x").properties("OrganizationRule")
    metadata = rule["OrganizationCustomRuleMetadata"]
    model = botocore.session.Session().get_service_model("config")
    triggers = model.shape_for("OrganizationConfigRuleTriggerType").enum
    assert sorted(metadata["OrganizationConfigRuleTriggerTypes"]) == sorted(triggers)
    frequencies = model.shape_for("MaximumExecutionFrequency").enum
    assert metadata["MaximumExecutionFrequency"] in frequencies
    assert "ExcludedAccounts" not in rule


def test_stack_set_takes_the_transformed_template_with_the_code_of_the_region(tmp_path):
    jq = re.search(r"Properties\.Code =\s*(\{.*\}\})'|Properties\.Code =\s*(\{.*\})'",
                   text_of("deploy.md"))
    template = stack.transform()
    template["Resources"]["DesyncGuardFunction"]["Properties"]["Code"] = json.loads(jq[1] or jq[2])
    path = tmp_path / "stackset.json"
    path.write_text(json.dumps(template))
    assert lint(path, "eu-west-1", "us-east-1") == (0, "")
    assert Stack(template, "us-east-1").properties("DesyncGuardFunction")["Code"]["S3Bucket"] \
        == "example-desync-guard-us-east-1"
    assert "Transform" not in template


def test_bucket_policy_is_json_and_opens_to_the_organization_only():
    block, = blocks("deploy.md", "json")
    statement, = json.loads(block)["Statement"]
    assert statement["Action"] == "s3:GetObject"
    assert statement["Condition"]["StringEquals"] == {"aws:PrincipalOrgID": "o-exampleorgid"}


@pytest.mark.parametrize("name", ["deploy.md", "exceptions.md"])
def test_parameters_that_are_named_exist(name):
    parameters = stack.load()["Parameters"]
    commands = "".join(blocks(name, "sh"))
    overrides = "".join(re.findall(r"--parameter-overrides(.*?)\n(?! )", commands, re.S))
    used = re.findall(r"\b([A-Z]\w+)=", overrides)
    used += re.findall(r"ParameterKey=(\w+)", commands)
    used += re.findall(r"`([A-Z][a-z]+(?:[A-Z][a-z]+)+)(?:=[\w-]+)?`", text_of(name))
    outside = {"DescribeLoadBalancers", "DescribeLoadBalancerAttributes", "DescribeTags", "AddTags",
               "RemoveTags", "ModifyLoadBalancerAttributes", "FunctionRoleArn", "InputParameters",
               "DesyncExceptionApprover"}
    assert used and set(used) - outside <= set(parameters)


VERSION = re.search(r"^VERSION := (\S+)", (ROOT / "Makefile").read_text(), re.M)[1]


def test_version_in_the_commands_is_the_current_one():
    named = set(re.findall(r"desync-guard-(\d[\d.]*\d)-arm64", text_of("deploy.md")))
    assert named == {VERSION}


def test_changelog_begins_with_the_version_that_the_makefile_builds():
    headings = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)
    assert re.fullmatch(rf"{re.escape(VERSION)} \((unreleased|\d{{4}}-\d\d-\d\d)\)", headings[0])
    assert VERSION not in headings[1:] and len(set(headings)) == len(headings)
