# SPDX-License-Identifier: Apache-2.0
"""What somebody hostile could send, where no other test is about it. docs/threat-model.md has the
whole list."""

import gzip
import json
import time

import pytest

from sim import events, fleet
from sim.control_loop import MODIFY, RULE, ControlLoop, call, config_change
from sim.fleet import LiveLoadBalancer
from sim.log_bucket import LogBucket, line
from sim.moto_backend import DESYNC_MODE

MEBIBYTE = 1024 * 1024


@pytest.fixture
def loop(aws):
    return ControlLoop(aws)


@pytest.fixture
def shop(aws):
    balancer = LiveLoadBalancer("shop", "00000000000000aa", "strictest", {"Owner": "shop-team"})
    fleet.create(aws, [balancer])
    return balancer


@pytest.mark.native("promises seconds and resident memory")
@pytest.mark.parametrize("unit", [b"\0", b"\n"], ids=["one_endless_line", "empty_lines"])
def test_an_object_that_unpacks_to_gigabytes_ends_in_time_and_in_little_memory(
        unit, start, aws, loop):
    bucket = LogBucket(aws)
    stored = bucket.put(gzip.compress(unit * 64 * MEBIBYTE, mtime=0) * 400)
    function = start(aws=aws, STATE_TABLE=loop.table)
    end = time.time() + 3
    outcome = function.invoke(bucket.notification(stored), headers={
        "Lambda-Runtime-Deadline-Ms": str(int(end * 1000))})
    assert time.time() < end
    assert outcome.kind == "error"
    assert "unpacks to more" in outcome.json()["errorMessage"]
    with open(f"/proc/{function.process.pid}/status", encoding="utf-8") as status:
        peak, = [int(each.split()[1]) for each in status if each.startswith("VmHWM")]
    assert peak < 24 * 1024
    assert loop.items() == {}
    assert function.invoke(bucket.notification(bucket.put([line("2026-11-23T08:01:00")]))).kind \
        == "response"


def claimed_weak(balancer):
    """A Config event that says monitor of a load balancer that is strictest."""
    return config_change(balancer)


@pytest.mark.parametrize("forge", [
    lambda loop, lb: loop.put_rule_token(claimed_weak(lb)),
    lambda loop, lb: call("modify-attributes", lb.arn),
    lambda loop, lb: call("create", lb.arn)], ids=["config", "modify", "create"])
def test_a_forged_event_lowers_nothing(forge, start, aws, loop, shop):
    """Only what is read live decides on a change."""
    function = start(aws=aws, **loop.environment())
    function.invoke(forge(loop, shop))
    assert loop.mode_of(shop.arn) == "strictest"
    assert aws.counts[MODIFY] == 0


def test_a_forged_token_reports_nothing(start, aws, loop, shop):
    event = json.loads(claimed_weak(shop))
    event["resultToken"] = "guessed"
    outcome = start(aws=aws, **loop.environment()).invoke(event)
    assert outcome.error_type == "Function.ReportFailed"
    assert "guessed" not in outcome.body.decode()
    assert aws.config.results[RULE] == {}
    assert aws.counts[MODIFY] == 0


@pytest.mark.parametrize("account, region", [
    ("210987654321", "eu-west-1"), ("123456789012", "us-east-1")], ids=["account", "region"])
def test_an_event_about_somebody_elses_load_balancer_changes_nothing(
        account, region, start, aws, loop):
    foreign = (f"arn:aws:elasticloadbalancing:{region}:{account}:loadbalancer/app/shop/"
               "00000000000000ab")
    event = call("modify-attributes", foreign)
    event["account"] = event["detail"]["recipientAccountId"] = "123456789012"
    event["region"] = event["detail"]["awsRegion"] = "eu-west-1"
    start(aws=aws, **loop.environment()).invoke(event)
    assert aws.counts[MODIFY] == 0
    assert loop.items(foreign) == {}


HOSTILE = {
    "Owner": "a\u202eb<script>alert(1)</script>",
    "DesyncProfile": "legacy\",\"mode\":\"monitor",
    "desync-exception-until": "2999-12-31\r\nX: y",
    "desync-exception-reason": "' OR '1'='1 $(reboot) `id`",
    "desync-exception-approver": "=cmd|' /C calc'!A0",
}


def test_no_tag_value_excuses_or_lowers_a_mode(start, aws, loop):
    balancer = LiveLoadBalancer("hostile", "00000000000000ac", "monitor", {"Owner": "x"})
    fleet.create(aws, [balancer])
    aws.client("elbv2").add_tags(ResourceArns=[balancer.arn], Tags=[
        {"Key": key, "Value": value} for key, value in HOSTILE.items()])
    aws.reset_counts()

    def older(inner):
        item = inner["configurationItem"]
        item["configurationItemCaptureTime"] = events.earlier(
            item["configurationItemCaptureTime"], hours=4)

    event = events.with_invoking_event(claimed_weak(balancer), older)
    function = start(aws=aws, **loop.environment())
    function.invoke(loop.put_rule_token(event))
    result = aws.config.history[0]
    assert (result.resource_id, result.compliance) == (balancer.arn, "NON_COMPLIANT")
    assert loop.mode_of(balancer.arn) != "monitor"
    alert, = loop.alerts()
    for text in (result.annotation, alert.subject, *alert.body.split("\n")):
        assert text.isprintable(), text
    form, = [each.form for each in aws.calls if each.name == MODIFY]
    assert form["Attributes.member.1.Key"] == DESYNC_MODE
    for each in function.log.splitlines():
        json.loads(each)


@pytest.mark.parametrize("before, after", [
    ("monitor", "strictest"), ("monitor", "defensive"), ("strictest", "defensive")])
def test_a_forged_watch_sets_nothing_but_strictest_back_to_defensive(
        before, after, start, aws, loop, shop):
    loop.set_mode(shop.arn, after)
    text = {"pk": "WATCH", "sk": shop.arn, "status": "rolling-back", "before": before,
            "after": after, "changedAt": "2026-11-23T06:00:00.000Z"}
    numbers = {"version": "1", "minutes": "60", "extended": "0", "untold": "0"}
    loop.client("dynamodb").put_item(TableName=loop.table, Item={
        **{name: {"S": value} for name, value in text.items()},
        **{name: {"N": value} for name, value in numbers.items()}})
    function = start(aws=aws, **loop.environment(PROMOTION="enforce"))
    assert function.invoke('{"action":"watch"}').kind == "response"
    assert loop.mode_of(shop.arn) == after and aws.counts[MODIFY] == 0
