# SPDX-License-Identifier: Apache-2.0
"""Metrics in CloudWatch's embedded format, as lines of the function's standard output."""

import datetime
import json

import pytest

from sim import faults, fleet
from sim.control_loop import ControlLoop, call
from sim.log_bucket import LogBucket, line

DIMENSIONS = {"Account": "123456789012", "Region": "eu-west-1"}
FLEET = ["ProtectedPercent", "Monitor", "Defensive", "Strictest", "NonCompliant", "Unknown",
         "ExceptionsActive", "SweepDuration"]


@pytest.fixture
def loop(aws):
    fleet.create(aws)
    return ControlLoop(aws)


@pytest.fixture
def function(aws, loop, start):
    return start(aws=aws, **loop.environment(ELB_REQUESTS_PER_SECOND="off", PROMOTION="off"))


def metrics(function):
    """Every metric that was written so far, with its values."""
    function.wait_until_idle()
    found = {}
    for line in function.log.splitlines():
        document = json.loads(line)
        for directive in document.get("_aws", {}).get("CloudWatchMetrics", []):
            assert directive["Namespace"] == "DesyncGuard"
            assert directive["Dimensions"] == [list(DIMENSIONS)]
            assert {name: document[name] for name in DIMENSIONS} == DIMENSIONS
            for metric in directive["Metrics"]:
                found.setdefault(metric["Name"], []).append(document[metric["Name"]])
    return found


def seconds_ago(seconds):
    moment = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=seconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_a_sweep_writes_the_fleets_figures_once(function):
    assert function.invoke('{"action":"sweep"}').kind == "response"
    found = metrics(function)
    assert set(FLEET) <= set(found) and all(len(found[name]) == 1 for name in FLEET)
    # All that was weak has been raised by then.
    assert found["Enforced"] == [4] and found["ProtectedPercent"] == [100]
    assert (found["Monitor"], found["Defensive"], found["Strictest"]) == ([0], [10], [1])


def test_a_correction_says_how_long_it_took_and_how_long_it_was_open(function):
    balancer = next(lb for lb in fleet.FLEET if lb.mode == "monitor" and "Owner" in lb.tags)
    event = call("modify-attributes", balancer.arn, eventTime=seconds_ago(90))
    assert function.invoke(json.dumps(event)).kind == "response"
    found = metrics(function)
    assert found["Enforced"] == [1]
    assert 90 <= found["EventToEnforcedSeconds"][0] < 200
    assert 90 / 3600 <= found["MTTRHours"][0] < 200 / 3600


def test_without_work_no_metrics_are_written(function):
    balancer = next(lb for lb in fleet.FLEET if lb.mode == "strictest")
    assert function.invoke(json.dumps(call("add-tags", balancer.arn))).kind == "response"
    assert metrics(function) == {}


def test_incomplete_sweep_reports_no_percentage(aws, function):
    aws.faults.add("elbv2:DescribeLoadBalancers", faults.access_denied(), times=9)
    assert function.invoke('{"action":"sweep"}').kind == "error"
    assert "ProtectedPercent" not in metrics(function)


LEVELS = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"]


def let_through(text, level):
    """The lines that Lambda's filter leaves of a log in JSON: one without a level, or without a
    timestamp in RFC 3339, counts as INFO ("Log-level filtering", Lambda developer guide)."""
    for line in text.splitlines():
        document = json.loads(line)
        try:
            moment = datetime.datetime.fromisoformat(document["timestamp"])
            known = moment.tzinfo is not None and document["level"] in LEVELS
        except (KeyError, ValueError):
            known = False
        if LEVELS.index(document["level"] if known else "INFO") >= LEVELS.index(level):
            yield document


def names(documents):
    return sorted(metric["Name"] for document in documents
                  for directive in document.get("_aws", {}).get("CloudWatchMetrics", [])
                  for metric in directive["Metrics"])


@pytest.mark.parametrize("level", LEVELS)
def test_no_log_level_filters_metrics_away(level, aws, loop, start):
    bucket = LogBucket(aws)
    function = start(aws=aws, AWS_LAMBDA_LOG_LEVEL=level, **loop.environment(
        ELB_REQUESTS_PER_SECOND="off", PROMOTION="off"))
    stored = bucket.put([line(seconds_ago(600).removesuffix("Z"))])
    for event in ('{"action":"sweep"}', bucket.bridge_event(stored)):
        assert function.invoke(event).kind == "response"
    function.wait_until_idle()
    written = [json.loads(each) for each in function.log.splitlines()]
    assert set(FLEET) | {"Enforced", "Requests", "MTTRHours"} <= set(names(written))
    assert names(let_through(function.log, level)) == names(written)
    # A metric is no error: it has the lowest level that passes, and never one below INFO.
    levels = {document["level"] for document in written if "_aws" in document}
    assert levels == {max(level, "INFO", key=LEVELS.index)}


@pytest.mark.parametrize("level", LEVELS)
def test_no_log_level_filters_the_line_away_that_silent_rule_alarm_counts(level, aws, loop, start):
    function = start(aws=aws, AWS_LAMBDA_LOG_LEVEL=level, **loop.environment(
        ELB_REQUESTS_PER_SECOND="off", PROMOTION="off"))
    for event in ('{"action":"sweep"}', '{"action":"report"}'):
        assert function.invoke(event).kind == "response"
    function.wait_until_idle()
    # The report's own survey is no sweep that an alarm should count.
    assert [each["toJudge"] for each in let_through(function.log, level)
            if each.get("event") == "swept"][:1] == [11]
    assert sum(each.get("event") == "swept" for each in let_through(function.log, level)) == (
        2 if level in ("TRACE", "DEBUG", "INFO") else 1)


def test_a_text_log_is_not_filtered_and_its_metrics_have_no_level(aws, loop, start):
    function = start(aws=aws, AWS_LAMBDA_LOG_FORMAT="Text", AWS_LAMBDA_LOG_LEVEL="ERROR",
                     **loop.environment(ELB_REQUESTS_PER_SECOND="off", PROMOTION="off"))
    assert function.invoke('{"action":"sweep"}').kind == "response"
    function.wait_until_idle()
    documents = [json.loads(each) for each in function.log.splitlines() if each.startswith("{")]
    assert set(FLEET) <= set(names(documents))
    assert all("level" not in document and "timestamp" not in document for document in documents)
