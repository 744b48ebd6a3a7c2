# SPDX-License-Identifier: Apache-2.0
"""What docs/ asks the reader to paste: templates that cfn-lint accepts, policies that say what the
text around them says, commands with parameters that exist.
"""

import fnmatch
import json
import os
import re
import subprocess
import sys

import botocore.session
import pytest

from sim import stack
from sim.cfn_lint import known_actions
from sim.stack import ROOT, as_list

APPROVER = "arn:aws:iam::111122223333:role/desync-exception-approver"
SINGLE_SIGN_ON = ("arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/eu-west-1/"
                  "AWSReservedSSO_DesyncExceptionApprover_0123456789abcdef")
DEVELOPER = "arn:aws:iam::111122223333:role/developer"
UNTIL = "desync-exception-until"


def text_of(name):
    return (ROOT / "docs" / name).read_text()


def blocks(name, language):
    return re.findall(rf"^```{language}\n(.*?)^```", text_of(name), re.M | re.S)


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


# Key and bucket policies

def statements_of(name):
    return [statement for block in blocks(name, "json")
            for statement in json.loads(block)["Statement"]]


def test_key_policy_lets_each_service_in_that_uses_the_key_by_itself():
    """The function itself, SQS, SNS, DynamoDB and S3 for it come by IAM."""
    allowed = {statement["Principal"]["Service"]: set(statement["Action"])
               for statement in statements_of("deploy.md") if "kms:" in str(statement["Action"])}
    use = {"kms:Decrypt", "kms:GenerateDataKey"}
    assert allowed == {
        "cloudwatch.amazonaws.com": use, "events.amazonaws.com": use,
        "logs.eu-west-1.amazonaws.com": {"kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*",
                                         "kms:GenerateDataKey*", "kms:DescribeKey"}}


def test_bucket_policies_are_json_and_open_to_the_organization_only():
    statement, = (s for s in statements_of("deploy.md") if "s3:" in str(s["Action"]))
    assert statement["Action"] == "s3:PutObject"
    assert statement["Condition"]["StringEquals"] == {"aws:PrincipalOrgID": "o-exampleorgid"}


# Commands

@pytest.mark.parametrize("name", ["deploy.md", "exceptions.md"])
def test_parameters_that_are_named_exist(name):
    templates = [stack.TEMPLATE, *(ROOT / "deploy").glob("*.yaml")]
    parameters = {name for path in templates for name in stack.load(path)["Parameters"]}
    commands = "".join(blocks(name, "sh"))
    overrides = "".join(re.findall(r"--parameter-overrides(.*?)\n(?! )", commands, re.S))
    used = re.findall(r"\b([A-Z]\w+)=", overrides)
    used += re.findall(r"ParameterKey=(\w+)", commands)
    used += re.findall(r"`([A-Z][a-z]+(?:[A-Z][a-z]+)+)(?:=[\w-]+)?`", text_of(name))
    outside = {"DescribeLoadBalancers", "DescribeLoadBalancerAttributes", "DescribeTags", "AddTags",
               "RemoveTags", "ModifyLoadBalancerAttributes", "FunctionRoleArn", "InputParameters",
               "DesyncExceptionApprover", "DesyncGuardAudit", "CodeBucket", "CodeKey",
               "ParameterKey", "ParameterValue", "UsePreviousValue"}
    assert used and set(used) - outside <= parameters


@pytest.mark.parametrize("name", ["deploy.md", "operate.md"])
def test_variables_of_the_commands_are_set_from_outputs_that_exist(name):
    commands = "".join(re.findall(r"^ *```sh\n(.*?)^ *```", text_of(name), re.M | re.S))
    outputs = set(stack.load()["Outputs"])
    read = re.findall(r"\$\(output (\w+)\)|OutputKey==`(\w+)`", commands)
    assert read and {"".join(each) for each in read} <= outputs
    text = commands + "".join(re.findall(r"`[^`\n]*`", text_of(name)))
    used = set(re.findall(r"\$(?:\{)?(FUNCTION_ARN|DEAD_LETTERS_URL|TOPIC_ARN)\b", text))
    assert used and used == set(re.findall(r"\b(\w+)=\$\((?:output|aws cloudformation desc)", commands))


def test_line_of_the_readme_unpacks_a_release_onto_the_path(tmp_path):
    readme = (ROOT / "README.md").read_text()
    line = re.search(r"^sudo (tar .*)$", readme, re.M)[1].replace("/usr/local", "local")
    name = f"desync-guard-{VERSION}-linux-x86_64"
    tool = tmp_path / "tool"
    tool.write_text("")
    (tmp_path / "local").mkdir()
    subprocess.run([sys.executable, ROOT / ".ci/archive.py", f"{name}.tar.gz",
                    f"{name}/bin/desync-guard={tool}"], cwd=tmp_path, check=True, env={
                        **os.environ, "SOURCE_DATE_EPOCH": "315532800"})
    subprocess.run(["sh", "-c", line], cwd=tmp_path, check=True)
    assert (tmp_path / "local/bin/desync-guard").exists()


def test_conformance_pack_leaves_out_the_management_account():
    _, excluded = re.search(r"(put-organization-conformance-pack).*?--excluded-accounts ([\d ]+)\n",
                            text_of("deploy.md"), re.S).groups()
    assert f"management account (here {excluded.split()[0]})" in text_of("deploy.md")


VERSION = re.search(r"^VERSION := (\S+)", (ROOT / "Makefile").read_text(), re.M)[1]


def test_version_in_the_commands_is_the_current_one():
    named = set(re.findall(r"desync-guard-(\d[\d.]*\d)-arm64", text_of("deploy.md")))
    assert named == {VERSION}


def test_changelog_begins_with_the_version_that_the_makefile_builds():
    headings = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)
    assert re.fullmatch(rf"{re.escape(VERSION)} \((unreleased|\d{{4}}-\d\d-\d\d)\)", headings[0])
    assert VERSION not in headings[1:] and len(set(headings)) == len(headings)
