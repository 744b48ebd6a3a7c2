# SPDX-License-Identifier: Apache-2.0
"""The AWS Config rule through the shipped binary, against the local AWS.

What each sample of events/ is expected to give is in tests/golden, and compared there word for word.
"""

import json
from pathlib import Path

import pytest

from sim import events

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
RULE = "desync-guard"


def golden(name):
    return json.loads((GOLDEN / name / "expected.json").read_text())


NAMES = [name for name in events.names("config-change.") if "compliance" in golden(name)["live"]
         and name != "config-change.testmode"]


def register_token(aws, event):
    """What AWS Config does when it invokes the rule: the token is good for this rule."""
    event = json.loads(event)
    aws.config.add_token(event["resultToken"], event["configRuleName"])


def test_there_are_samples_of_each_kind():
    assert len(NAMES) >= 14


# The fleet of this one has moto behind it, which is nobody's idea of AWS but its own.
@pytest.mark.parametrize("name", NAMES)
def test_event_is_judged_and_reported_as_expected(name, start, aws_with_fleet):
    aws, expected, event = aws_with_fleet, golden(name)["live"], events.load(name)
    register_token(aws, event)
    outcome = start(aws=aws).invoke(event)
    assert outcome.kind == "response", outcome.body
    response = outcome.json()
    assert (response["reported"], response["failed"]) == (1, 0)
    assert response["actions"] == []
    assert dict(aws.counts) == expected["calls"]
    stored = aws.config.result(RULE, events.resource_id(event), expected["resourceType"])
    assert stored.compliance == expected["compliance"]
    assert stored.annotation == response["evaluations"][0]["annotation"]


@pytest.mark.parametrize("name", NAMES)
def test_ordering_timestamp_is_the_capture_time(name, start, aws_with_fleet):
    event = events.load(name)
    register_token(aws_with_fleet, event)
    assert start(aws=aws_with_fleet).invoke(event).kind == "response"
    item = events.item(event)
    stored = aws_with_fleet.config.result(RULE, events.resource_id(event), item["resourceType"])
    captured = events.seconds(item["configurationItemCaptureTime"])
    assert stored.ordering_timestamp in (captured, int(captured))


# One invocation after the other

def test_a_duplicate_delivery_changes_nothing(start, aws):
    event = events.load("config-change.monitor-owner")
    register_token(aws, event)
    function = start(aws=aws)
    first, second = function.invoke(event), function.invoke(event)
    assert first.body == second.body
    assert len(aws.config.results[RULE]) == 1


def test_a_late_older_event_does_not_replace_the_newer_result(start, aws):
    newer = events.load("config-change.defensive-owner")

    def make_older(inner):
        item = inner["configurationItem"]
        for attribute in item["supplementaryConfiguration"]["LoadBalancerAttributes"]:
            if attribute["key"] == "routing.http.desync_mitigation_mode":
                attribute["value"] = "monitor"
        item["configurationItemCaptureTime"] = events.earlier(
            item["configurationItemCaptureTime"], seconds=60)

    older = events.with_invoking_event(newer, make_older)
    register_token(aws, newer)
    function = start(aws=aws)
    assert function.invoke(newer).kind == function.invoke(older).kind == "response"
    assert len(aws.config.history) == 2
    assert aws.config.result(RULE, events.resource_id(newer)).compliance == "COMPLIANT"


def test_twenty_invocations_share_one_connection_to_config(start, aws):
    event = events.load("config-change.monitor-owner")
    register_token(aws, event)
    function = start(aws=aws, WARM_UP="off")
    before = aws.connections_opened
    for _ in range(20):
        assert function.invoke(event).kind == "response"
    assert aws.connections_opened - before == 1


def test_the_rules_region_decides_where_the_call_goes(start, aws):
    event = json.loads(events.load("config-change.monitor-owner"))
    event["configRuleArn"] = event["configRuleArn"].replace("eu-west-1", "ap-southeast-2")
    register_token(aws, json.dumps(event))
    assert start(aws=aws).invoke(event).kind == "response"
    assert [call.scope.region for call in aws.calls] == ["ap-southeast-2"]


def test_testmode_token_reports_without_being_stored(start, aws):
    event = json.loads(events.load("config-change.monitor-owner"))
    event["resultToken"] = "TESTMODE"
    assert start(aws=aws).invoke(event).kind == "response"
    assert (len(aws.config.test_mode_evaluations), aws.config.history) == (1, [])


def test_proactive_evaluation_reads_nothing_live(start, aws):
    event = json.loads(events.load("config-change.stale-item"))
    event["evaluationMode"] = "PROACTIVE"
    register_token(aws, json.dumps(event))
    assert start(aws=aws).invoke(event).kind == "response"
    assert dict(aws.counts) == {"config:PutEvaluations": 1}


# Accounts

OTHER = "210987654321"
ARN = "Lambda-Runtime-Invoked-Function-Arn"


@pytest.mark.parametrize("name", ["config-scheduled.notification", "config-change.monitor-owner",
                                  "config-change.stale-item", "config-change.oversized",
                                  "config-change.proactive"])
def test_an_event_of_another_account_is_refused_by_name(name, start, aws_with_fleet):
    aws = aws_with_fleet
    event = events.load(name).replace("123456789012", OTHER)
    register_token(aws, event)
    outcome = start(aws=aws, PROMOTION="off").invoke(event)
    assert (outcome.kind, outcome.error_type) == ("error", "Function.AccessDenied")
    message = outcome.json()["errorMessage"]
    for word in (OTHER, "123456789012", "CROSS_ACCOUNT_ROLE", "ALLOWED_ACCOUNTS"):
        assert word in message
    assert dict(aws.counts) == {"sts:GetCallerIdentity": 1}
    assert aws.config.history == []


@pytest.mark.parametrize("name", ["config-change.deleted", "config-change.left-scope",
                                  "config-change.other-resource-type", "config-change.nlb"])
def test_what_needs_no_look_is_not_applicable_in_any_account(name, start, aws):
    event = events.load(name).replace("123456789012", OTHER)
    register_token(aws, event)
    outcome = start(aws=aws).invoke(event)
    assert outcome.kind == "response", outcome.body
    assert {result.compliance for result in aws.config.history} == {"NOT_APPLICABLE"}


@pytest.mark.parametrize("arn", [None, "arn:aws:lambda:eu-west-1:012345678912:function:test"])
def test_a_function_of_an_emulator_knows_its_account_from_sts(arn, start, aws):
    event = events.load("config-change.monitor-owner")
    register_token(aws, event)
    function = start(aws=aws)
    for _ in range(2):
        assert function.invoke(event, headers={ARN: arn}).kind == "response"
    assert aws.counts["sts:GetCallerIdentity"] == 1


# Rule parameters

@pytest.mark.parametrize("parameters, words", [
    pytest.param({"desyncMode": "paranoid"}, ["desyncMode", "monitor", "strictest"], id="value"),
    pytest.param({"desyncMood": "defensive"}, ["desyncMood"], id="unknown"),
    pytest.param({"maxExceptionDays": "many"}, ["maxExceptionDays"], id="no number"),
    pytest.param({"internetFacingMode": "monitor"}, ["internetFacingMode"], id="below minimum"),
])
def test_a_bad_parameter_is_named_and_nothing_is_reported(parameters, words, start, aws):
    event = json.loads(events.load("config-change.monitor-owner"))
    event["ruleParameters"] = json.dumps(parameters)
    function = start(aws=aws)
    outcome = function.invoke(event)
    assert outcome.error_type == "Function.InvalidParameter"
    for word in words:
        assert word in outcome.json()["errorMessage"]
    assert dict(aws.counts) == {}
    function.wait_until_idle()


@pytest.mark.parametrize("parameters", ["{}", "", "null", None])
def test_absent_parameters_mean_the_defaults(parameters, start, aws):
    event = json.loads(events.load("config-change.monitor-owner"))
    event["ruleParameters"] = parameters
    register_token(aws, json.dumps(event))
    outcome = start(aws=aws).invoke(event)
    assert outcome.json()["evaluations"][0]["requiredMode"] == "defensive"


def test_parameters_override_the_environment(start, aws):
    event = events.load("config-change.defensive-owner")
    register_token(aws, event)
    with_parameter = start(aws=aws, DESYNC_MODE="strictest").invoke(event)
    assert with_parameter.json()["evaluations"][0]["requiredMode"] == "defensive"


def test_environment_applies_where_no_parameter_is_given(start, aws):
    event = json.loads(events.load("config-change.defensive-owner"))
    del event["ruleParameters"]
    register_token(aws, json.dumps(event))
    outcome = start(aws=aws, DESYNC_MODE="strictest").invoke(event)
    assert outcome.json()["evaluations"][0]["requiredMode"] == "strictest"
