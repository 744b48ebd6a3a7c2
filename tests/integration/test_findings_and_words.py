# SPDX-License-Identifier: Apache-2.0
"""NON_COMPLIANT_TOO_LONG wherever the state is known, and the name of the action that failed."""

import datetime
import json
import subprocess

import pytest

from sim import faults, fleet
from sim.control_loop import REPORT as PUT_EVALUATIONS
from sim.control_loop import ControlLoop, call, config_change
from sim.fleet import LiveLoadBalancer
from sim.function import bootstrap_command, lambda_environment

SWEEP = '{"action":"sweep"}'
TOO_LONG = "NON_COMPLIANT_TOO_LONG"
WEAK = LiveLoadBalancer("weak", "00000000000000aa", "monitor", {"Owner": "weak-team"})


@pytest.fixture
def loop(aws):
    fleet.create(aws, [WEAK])
    return ControlLoop(aws)


@pytest.fixture
def function(aws, loop, start):
    return start(aws=aws, **reporting(loop))


def reporting(loop, **changes):
    return loop.environment(**{"ENFORCEMENT": "off", "PROMOTION": "off",
                               "DROP_INVALID_HEADERS": "ignore", "ELB_REQUESTS_PER_SECOND": "off",
                               **changes})


def answer(outcome):
    assert outcome.kind == "response", outcome.body
    return outcome.json()


def ids(evaluations):
    return [finding["id"] for each in evaluations if each["resourceId"] == WEAK.arn
            for finding in each["findings"]]


@pytest.fixture
def weak_for_days(loop, function):
    """It is remembered as non-compliant for 9 days; 7 are allowed."""
    assert TOO_LONG not in ids(answer(function.invoke(SWEEP))["evaluations"])
    since = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=9)
    loop.look(lambda: loop.client("dynamodb").update_item(
        TableName=loop.table, Key={"pk": {"S": WEAK.arn}, "sk": {"S": "STATE"}},
        UpdateExpression="SET nonCompliantSince = :t",
        ExpressionAttributeValues={":t": {"S": since.strftime("%Y-%m-%dT%H:%M:%S.000Z")}}))


def command(aws, loop, name, **changes):
    return subprocess.run(
        [*bootstrap_command(), name, "--format", "json"], text=True, capture_output=True,
        timeout=60, env=lambda_environment(AWS_ENDPOINT_URL=aws.url, **reporting(loop, **changes)))


def test_a_sweep_says_that_it_was_too_long(function, weak_for_days):
    found, = answer(function.invoke(SWEEP))["evaluations"]
    assert ids([found]) == ["MODE_TOO_WEAK", TOO_LONG]
    age = found["findings"][-1]
    assert age["severity"] == "INFORMATIONAL" and "7 days allowed" in age["message"]
    assert TOO_LONG not in found["annotation"]


def test_f4_cases_that_escalate_are_one_message_a_day(aws, loop, start):
    """Two load balancers of one owner, who was told of them 9 days ago."""
    other = LiveLoadBalancer("weaker", "00000000000000ab", "monitor", {"Owner": "weak-team"})
    fleet.create(aws, [other])
    function = start(aws=aws, **reporting(loop))
    answer(function.invoke(SWEEP))
    since = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=9)
    for balancer in (WEAK, other):
        loop.look(lambda: loop.client("dynamodb").update_item(
            TableName=loop.table, Key={"pk": {"S": balancer.arn}, "sk": {"S": "STATE"}},
            UpdateExpression="SET nonCompliantSince = :t, toldSince = :t",
            ExpressionAttributeValues={":t": {"S": since.strftime("%Y-%m-%dT%H:%M:%S.000Z")}}))
    told = len(loop.subjects())
    for _ in range(2):
        answer(function.invoke(SWEEP))
    assert loop.subjects()[told:] == [
        "Non-compliant for too long: 2 load balancers, the longest for 9 days"]


def test_a_change_that_is_reported_keeps_it_out_of_the_annotation(aws, loop, function, weak_for_days):
    event = loop.put_rule_token(config_change(WEAK))
    assert ids(answer(function.invoke(event))["evaluations"]) == ["MODE_TOO_WEAK", TOO_LONG]
    reported = [call for call in aws.calls if call.operation == PUT_EVALUATIONS.partition(":")[2]]
    assert len(reported) == 1 and TOO_LONG not in str(vars(reported[0]))


def test_an_api_call_says_that_it_was_too_long(function, weak_for_days):
    event = json.dumps(call("add-tags", WEAK.arn))
    assert ids(answer(function.invoke(event))["evaluations"]) == ["MODE_TOO_WEAK", TOO_LONG]




@pytest.mark.parametrize("topic", [True, False], ids=["alerted", "nobody_alerted"])
def test_reports_say_that_it_was_too_long(aws, loop, function, weak_for_days, topic):
    if topic:
        answer(function.invoke(SWEEP))
    report = json.loads(command(aws, loop, "report").stdout)
    assert ids(report["evaluations"]) == ["MODE_TOO_WEAK", TOO_LONG]
    assert report["kpis"]["nonCompliantTooLong"] == 1
    assert [each["resourceId"] for each in report["nonCompliantTooLong"]] == [WEAK.arn]


def test_an_audit_with_a_table_says_that_it_was_too_long(aws, loop, weak_for_days):
    done = command(aws, loop, "audit")
    assert (done.returncode, "age_unknown" in done.stderr) == (3, False)
    assert ids(json.loads(done.stdout)["evaluations"]) == ["MODE_TOO_WEAK", TOO_LONG]
    without = command(aws, loop, "audit", STATE_TABLE=None)
    assert ids(json.loads(without.stdout)["evaluations"]) == ["MODE_TOO_WEAK"]


def test_an_audit_whose_table_cannot_be_read_judges_all_the_same(aws, loop, weak_for_days):
    aws.faults.add("dynamodb:GetItem", faults.access_denied(), times=99)
    done = command(aws, loop, "audit")
    assert (done.returncode, "age_unknown" in done.stderr) == (3, True)
    assert ids(json.loads(done.stdout)["evaluations"]) == ["MODE_TOO_WEAK"]


def failed(function):
    """(action) of each that failed so far."""
    function.wait_until_idle()
    lines = [json.loads(line) for line in function.log.splitlines()]
    return [line["action"] for line in lines
            if line.get("event") == "action" and line["status"] == "failed"]


@pytest.mark.parametrize("operation, event, action", [
    ("dynamodb:GetItem", SWEEP, "remember"),
    ("dynamodb:TransactWriteItems", SWEEP, "remember"),
    ("dynamodb:Scan", SWEEP, "remember"),
    ("dynamodb:GetItem", "elb-call", "remember"),
    ("sns:Publish", SWEEP, "alert"),
    ("config:StartConfigRulesEvaluation", "elb-call", "reevaluate"),
    ("securityhub:POST /findings/import", SWEEP, "import"),
    ("dynamodb:Query", '{"action":"watch"}', "watch")])
def test_the_action_that_failed_is_called_by_its_name(aws, loop, start, operation, event, action):
    function = start(aws=aws, **reporting(loop, SECURITY_HUB="on", REEVALUATE="verdicts"))
    aws.faults.add(operation, faults.access_denied(), times=999)
    event = json.dumps(call("add-tags", WEAK.arn)) if event == "elb-call" else event
    assert function.invoke(event).kind == "error"
    assert set(failed(function)) == {action}


def test_a_finding_that_was_imported_and_not_remembered_says_remember(aws, loop, start):
    function = start(aws=aws, **reporting(loop, SECURITY_HUB="on"))
    aws.faults.add("dynamodb:UpdateItem", faults.access_denied(), times=999)
    assert function.invoke(SWEEP).kind == "error"
    assert set(failed(function)) == {"remember"}


def test_a_mode_that_is_not_raised_for_want_of_the_table_says_enforce(aws, loop, start):
    function = start(aws=aws, **reporting(loop, ENFORCEMENT="enforce"))
    aws.faults.add("dynamodb:UpdateItem", faults.access_denied(), times=999)
    assert function.invoke(SWEEP).kind == "error"
    assert (failed(function), loop.mode_of(WEAK.arn)) == (["enforce"], "monitor")
