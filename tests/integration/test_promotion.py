# SPDX-License-Identifier: Apache-2.0
"""From access logs to `strictest`, watched and taken back, by the shipped binary on the local AWS.

The first test is the whole way, to be read from top to bottom. What takes an hour in life is moved
into the past instead: `an_hour_passes` dates the change back and gives CloudWatch the numbers of
the hour before and the hour since.
"""

import dataclasses
import datetime
import json
import os
import signal
import subprocess
import time

import pytest

from sim import faults, fleet
from sim.control_loop import MODIFY, PUBLISH, ControlLoop
from sim.fleet import LiveLoadBalancer
from sim.faults import Fault
from sim.function import bootstrap_command, lambda_environment
from sim.log_bucket import LogBucket, line
from sim.runtime_api import RuntimeApi

SWEEP, WATCH = {"action": "sweep"}, {"action": "watch"}
METRICS = "cloudwatch:GetMetricData"
UTC = datetime.timezone.utc
REQUESTS = 120


@pytest.fixture
def aws(module_aws):
    module_aws.reset()
    yield module_aws
    assert module_aws.signature_failures == []


@pytest.fixture
def loop(aws):
    return ControlLoop(aws)


@pytest.fixture
def bucket(aws):
    return LogBucket(aws)


@pytest.fixture
def function(start, aws, loop):
    return start(aws=aws, **promoting(loop))


def promoting(loop, **changes):
    """The logs of these tests are of ten minutes and one client."""
    return loop.environment(**{"ENFORCEMENT": "off", "PROMOTION": "enforce",
                               "PROMOTION_MIN_REQUESTS": "100", "PROMOTION_MIN_DAYS": "1",
                               "PROMOTION_MIN_CLIENTS": "1", "PROMOTION_MAX_RISK_PERCENT": "3",
                               **changes})


def make(aws, name, ring=None, mode="defensive", **tags):
    tags = {"Owner": f"{name}-team", **({"DesyncRing": ring} if ring else {}), **tags}
    balancer = LiveLoadBalancer(name, f"{sum(name.encode()):016x}", mode, tags)
    fleet.create(aws, [balancer])
    return balancer


def now():
    return datetime.datetime.now(UTC)


def iso(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"


def logged(bucket, balancer, class_="-", reason="-"):
    """An access log of ten minutes ago, all of one class but the first line: S3's event."""
    time = (now() - datetime.timedelta(minutes=10)).strftime("%Y-%m-%dT%H:%M:%S")
    lines = [line(time)] + [line(time, class_, reason)] * (REQUESTS - 1)
    stored = bucket.put(lines, bucket.key(balancer.name, balancer.id))
    return bucket.bridge_event(stored)


def count(loop, balancer, moment, metric, value):
    """What CloudWatch knows of one minute."""
    loop.look(lambda: loop.client("cloudwatch").put_metric_data(
        Namespace="AWS/ApplicationELB", MetricData=[{
            "MetricName": metric, "Timestamp": moment, "Value": value, "Dimensions": [
                {"Name": "LoadBalancer", "Value": balancer.arn.partition("loadbalancer/")[2]}]}]))


def date_back(loop, balancer, minutes):
    """The change was made so long ago: that moment."""
    changed = now() - datetime.timedelta(minutes=minutes)
    loop.look(lambda: loop.client("dynamodb").update_item(
        TableName=loop.table, Key={"pk": {"S": "WATCH"}, "sk": {"S": balancer.arn}},
        UpdateExpression="SET changedAt = :t",
        ExpressionAttributeValues={":t": {"S": iso(changed)}}))
    return changed


def an_hour_passes(loop, balancer, errors=0):
    """The change was made 70 minutes ago; since then there were so many client errors."""
    changed = date_back(loop, balancer, 70)
    half_an_hour = datetime.timedelta(minutes=30)
    for moment in (changed - half_an_hour, changed + half_an_hour):
        count(loop, balancer, moment, "RequestCount", 1000)
    if errors:
        for metric in ("HTTPCode_ELB_4XX_Count",
                       "DesyncMitigationMode_NonCompliant_Request_Count"):
            count(loop, balancer, changed + half_an_hour, metric, errors)


def a_turn_passes(loop):
    """The last promotion turn was taken so long ago that the next one is free."""
    for (pk, sk), item in loop.items().items():
        if sk == "TURN":
            loop.look(lambda: loop.client("dynamodb").update_item(
                TableName=loop.table, Key={"pk": {"S": pk}, "sk": {"S": sk}},
                UpdateExpression="SET takenAt = :t", ExpressionAttributeValues={
                    ":t": {"S": iso(now() - datetime.timedelta(hours=20))}}))


def answer(outcome):
    assert outcome.kind == "response", outcome.body
    return outcome.json()


def actions(outcome, balancer, *kinds):
    return [(each["action"], each["status"], each["reason"]) for each in answer(outcome)["actions"]
            if each["resourceId"] == balancer.arn and (not kinds or each["action"] in kinds)]


def statuses(outcome, balancer):
    return [(action, status) for action, status, _ in actions(outcome, balancer)]


def evaluation(outcome, balancer):
    found, = [each for each in answer(outcome)["evaluations"]
              if each["resourceId"] == balancer.arn]
    return found


def watched(loop, balancer):
    return loop.items().get(("WATCH", balancer.arn))


def test_from_access_logs_to_strictest_and_back(aws, loop, bucket, function):
    shop, api = make(aws, "shop", ring="1"), make(aws, "api", ring="2")
    batch = make(aws, "batch")

    # 1. Access logs are delivered, one of them announced twice, and are counted once.
    first = logged(bucket, shop)
    for event in (first, first, logged(bucket, api),
                  logged(bucket, batch, "Acceptable", "GetHeadZeroContentLength")):
        answer(function.invoke(event))
    traffic, = loop.records(shop.arn, "TRAFFIC")
    assert (traffic["requests"], traffic["compliant"]) == (REQUESTS, REQUESTS)

    # 2. The sweep says what the evidence says, and promotes the first ring.
    swept = function.invoke(SWEEP)
    assert evaluation(swept, shop)["recommendation"] == "PROMOTE"
    assert "strictest would block 0 of them" in evaluation(swept, shop)["recommendationReason"]
    assert "UNDERUTILIZED" in [each["id"] for each in evaluation(swept, shop)["findings"]]
    assert evaluation(swept, batch)["recommendation"] == "FIX_CLIENTS"
    assert "would block 119 of them" in evaluation(swept, batch)["recommendationReason"]
    assert statuses(swept, shop) == [("promote", "done"), ("alert", "done")]
    (_, status, reason), = actions(swept, api, "promote")
    assert status == "planned"
    assert reason.startswith("waits for ring 1, of which " + shop.arn)
    assert statuses(swept, batch) == []
    assert [loop.mode_of(each.arn) for each in (shop, api, batch)] == [
        "strictest", "defensive", "defensive"]
    change, = loop.records(shop.arn, "CHANGE")
    assert (change["action"], change["before"], change["after"]) == (
        "promote", "defensive", "strictest")
    assert "baselineRequests" in change
    assert watched(loop, shop)["status"] == "open"

    # 3. While it is watched, the next ring waits, and nothing is promoted twice.
    (_, status, reason), = actions(function.invoke(SWEEP), api, "promote")
    assert (status, "is being watched" in reason) == ("planned", True)
    (_, status, reason), = actions(function.invoke(WATCH), shop)
    assert (status, reason) == ("planned", "the change was made just now")

    # 4. An hour without more errors: the watch ends, strictest stays.
    an_hour_passes(loop, shop)
    seen = function.invoke(WATCH)
    (_, status, reason), = actions(seen, shop, "watch")
    assert (status, reason.startswith("errors did not rise, and no client is blocked, in 65 "
                                      "minutes. 1000 requests since the change")) == ("done", True)
    assert watched(loop, shop)["status"] == "closed"
    assert loop.mode_of(shop.arn) == "strictest"
    assert actions(function.invoke(WATCH), shop) == []

    # 5. The next day the second ring is begun. Here strictest blocks clients, and it is rolled back.
    a_turn_passes(loop)
    assert statuses(function.invoke(SWEEP), api) == [("promote", "done"), ("alert", "done")]
    an_hour_passes(loop, api, errors=200)
    seen = function.invoke(WATCH)
    rolled_back, alerted = actions(seen, api)
    assert rolled_back[:2] == ("rollback", "done")
    assert rolled_back[2].startswith("strictest blocks clients: ")
    assert "200 of 1200 (16.7 %) HTTP/1.x requests, after 0 of 1000 (0 %)" in rolled_back[2]
    assert alerted[:2] == ("alert", "done")
    assert loop.mode_of(api.arn) == "defensive"
    assert [each["action"] for each in loop.records(api.arn, "CHANGE")] == ["promote", "rollback"]
    assert watched(loop, api)["status"] == "rolled-back"

    # 6. It is not tried again before EVIDENCE_DAYS have passed.
    swept = function.invoke(SWEEP)
    assert evaluation(swept, api)["recommendation"] == "HOLD"
    assert "strictest was rolled back on" in evaluation(swept, api)["recommendationReason"]
    assert statuses(swept, api) == []
    assert function.invoke(WATCH).json()["actions"] == []
    assert sorted(loop.subjects()) == sorted([
        "Promoted: shop, mode strictest (was defensive)",
        "Watch ended: shop, mode strictest",
        "Promoted: api, mode strictest (was defensive)",
        "Promotion rolled back: api, mode defensive (was strictest)"])


def promoted(aws, loop, bucket, function, name="shop"):
    balancer = make(aws, name)
    answer(function.invoke(logged(bucket, balancer)))
    answer(function.invoke(SWEEP))
    assert loop.mode_of(balancer.arn) == "strictest"
    aws.reset_counts()
    return balancer


def test_recommend_changes_nothing(start, aws, loop, bucket):
    shop = make(aws, "shop")
    function = start(aws=aws, **promoting(loop, PROMOTION="recommend"))
    answer(function.invoke(logged(bucket, shop)))
    (_, status, _), = actions(function.invoke(SWEEP), shop, "promote")
    assert (status, loop.mode_of(shop.arn)) == ("planned", "defensive")
    assert watched(loop, shop) is None


def command(aws, loop, *arguments):
    done = subprocess.run([*bootstrap_command(), *arguments], capture_output=True, text=True,
                          timeout=60, env=lambda_environment(AWS_ENDPOINT_URL=aws.url,
                                                             **promoting(loop)))
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_plan_says_what_would_be_promoted_and_promotes_nothing(aws, loop, bucket, function):
    """It reads the evidence in the table, and writes nothing there. The report says the same."""
    shop = make(aws, "shop")
    answer(function.invoke(logged(bucket, shop)))
    before = loop.items()
    said, evidence, say_no, total = command(aws, loop, "plan").splitlines()
    assert said.startswith("planned  app/shop/")
    assert said.endswith("defensive -> strictest  at the earliest with the next sweep")
    assert evidence.startswith("         evidence  in ")
    assert "strictest would block 0 of them" in evidence
    assert say_no == "         say no    tag it desync-promotion=hold"
    assert total == "1 load balancer judged, 1 would be changed"
    report = json.loads(command(aws, loop, "report", "--format", "json"))
    ready, = report["towardsStrictest"]
    assert (ready["resourceId"], ready["recommendation"]) == (shop.arn, "PROMOTE")
    assert (ready["earliest"], ready["waitsFor"]) == (report["generatedAt"], "")
    assert ready["sayNo"] == "tag it desync-promotion=hold"
    assert (loop.items(), loop.mode_of(shop.arn)) == (before, "defensive")


def test_d4_metrics_promote_only_where_any_evidence_may(start, aws, loop, function):
    shop, api = make(aws, "shop"), make(aws, "api")
    quiet = make(aws, "quiet")
    for balancer in (shop, api):
        count(loop, balancer, now() - datetime.timedelta(days=1), "RequestCount", 5000)
    count(loop, api, now() - datetime.timedelta(days=1),
          "DesyncMitigationMode_NonCompliant_Request_Count", 2)
    swept = function.invoke(SWEEP)
    said = {each.name: evaluation(swept, each) for each in (shop, api, quiet)}
    assert said["shop"]["recommendation"] == "PROMOTE"
    assert "metrics cannot tell Acceptable from Severe" in said["shop"]["recommendationReason"]
    assert said["api"]["recommendation"] == said["quiet"]["recommendation"] == "NO_EVIDENCE"
    assert "turn on access logs (access_logs.s3.enabled" in said["api"]["recommendationReason"]
    assert said["shop"]["evidence"]["mayPromote"] is False
    assert said["shop"]["evidence"]["decidedBy"] == "source"
    assert loop.mode_of(shop.arn) == "defensive"
    start(aws=aws, api=RuntimeApi(), **promoting(loop, PROMOTION_EVIDENCE="any")).invoke(SWEEP)
    assert loop.mode_of(shop.arn) == "strictest"


def test_d5_logs_that_go_elsewhere_are_named(aws, loop, function):
    shop = make(aws, "shop")
    aws.moto.load_balancers("eu-west-1")[shop.arn].attrs.update(
        {"access_logs.s3.enabled": "true", "access_logs.s3.bucket": "logs-of-others"})
    reason = evaluation(function.invoke(SWEEP), shop)["recommendationReason"]
    assert "Its access logs go to logs-of-others, which is not read here" in reason


def test_d6_the_bound_of_an_evaluation_is_that_of_scipy(aws, loop, bucket, function):
    special = pytest.importorskip("scipy.special")
    shop = make(aws, "shop")
    answer(function.invoke(logged(bucket, shop)))
    found = evaluation(function.invoke(SWEEP), shop).get("evidence", {})
    assert found.get("boundPercent") == pytest.approx(
        100 * special.betaincinv(1, REQUESTS, 0.95), rel=1e-6)


def test_evidence_that_cannot_be_read_costs_no_verdict(aws, loop, bucket, function):
    shop = make(aws, "shop")
    aws.faults.add("dynamodb:Query", faults.access_denied(), times=99)
    swept = function.invoke(SWEEP)
    assert evaluation(swept, shop)["compliance"] == "COMPLIANT"
    assert "recommendation" not in evaluation(swept, shop)
    assert "evidence_failed" in function.log
    assert loop.mode_of(shop.arn) == "defensive"


def test_a_profile_and_an_exception_are_left_to_their_owners(aws, loop, bucket, function):
    legacy = make(aws, "legacy", DesyncProfile="legacy")
    until = (now() + datetime.timedelta(days=30)).date().isoformat()
    excused = make(aws, "excused", DesyncProfile="modern", **{
        "desync-exception-until": until, "desync-exception-reason": "old clients",
        "desync-exception-approver": "ciso"})
    for balancer in (legacy, excused):
        answer(function.invoke(logged(bucket, balancer)))
    swept = function.invoke(SWEEP)
    assert evaluation(swept, legacy)["recommendation"] == "HOLD"
    assert [loop.mode_of(each.arn) for each in (legacy, excused)] == ["defensive", "defensive"]


def test_mode_changed_by_another_writer_ends_the_watch(aws, loop, bucket, function):
    shop = promoted(aws, loop, bucket, function)
    loop.set_mode(shop.arn, "monitor")
    an_hour_passes(loop, shop, errors=500)
    (_, status, reason), _ = actions(function.invoke(WATCH), shop)
    assert (status, reason) == ("done", "the mode is monitor now: somebody has changed it")
    assert watched(loop, shop)["status"] == "taken-back"
    assert loop.mode_of(shop.arn) == "monitor"
    assert aws.counts[MODIFY] == 0


@pytest.mark.parametrize("ends_first", [False, True])
def test_a_promotion_that_its_owner_reverted_is_not_repeated(aws, loop, bucket, function,
                                                             ends_first):
    shop = promoted(aws, loop, bucket, function)
    if ends_first:
        an_hour_passes(loop, shop)
        answer(function.invoke(WATCH))
        assert watched(loop, shop)["status"] == "closed"
    else:
        date_back(loop, shop, 2)  # within a minute a read may lag
    loop.set_mode(shop.arn, "defensive")
    for _ in range(3):
        answer(function.invoke(WATCH))
        swept = function.invoke(SWEEP)
        assert evaluation(swept, shop)["recommendation"] == "HOLD"
        assert actions(swept, shop) == []
    assert ("somebody else reverted that"
            in evaluation(function.invoke(SWEEP), shop)["recommendationReason"])
    assert watched(loop, shop)["status"] == "taken-back"
    assert (loop.mode_of(shop.arn), aws.counts[MODIFY]) == ("defensive", 0)


def ago(minutes):
    return (now() - datetime.timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%S")


@pytest.mark.parametrize("strange, says", [
    (lambda: line(ago(9), "Critical", "NewReason"), "500 requests are of a class that is not known"),
    (lambda: "garbage in a new layout", "500 lines could not be read"),
    (lambda: line("2026-13-45T99:99:99", "Acceptable", "SpaceInUri"), "500 requests have no time")])
def test_lines_that_are_not_understood_promote_nothing(aws, loop, bucket, function, strange, says):
    shop = make(aws, "shop")
    stored = bucket.put([line(ago(10))] * REQUESTS + [strange()] * 500,
                        bucket.key(shop.name, shop.id))
    for _ in range(2):
        answer(function.invoke(bucket.bridge_event(stored)))
    found = evaluation(function.invoke(SWEEP), shop)
    assert (found["recommendation"], says in found["recommendationReason"]) == ("HOLD", True)
    assert loop.mode_of(shop.arn) == "defensive"


@pytest.mark.parametrize("days, says", [
    ((2, 5, 9), "CloudWatch counted 1500000 requests and 27000 that are not compliant"),
    ((0,), "the logs of 1 day hold less than half of the requests; of the others")])
def test_a_few_minutes_of_logs_do_not_outvote_metrics(aws, loop, bucket, function, days, says):
    shop = make(aws, "shop")
    for each in days:
        moment = now() - datetime.timedelta(days=each, minutes=10)
        count(loop, shop, moment, "RequestCount", 500000)
        count(loop, shop, moment, "DesyncMitigationMode_NonCompliant_Request_Count", 9000)
    answer(function.invoke(logged(bucket, shop)))
    found = evaluation(function.invoke(SWEEP), shop)
    assert (found["recommendation"], loop.mode_of(shop.arn)) == ("HOLD", "defensive")
    assert f"hold {REQUESTS} served HTTP/1.x requests" in found["recommendationReason"]
    assert says in found["recommendationReason"]


def test_e5_a_watch_with_too_little_traffic_ends_inconclusive(aws, loop, bucket, function):
    shop = promoted(aws, loop, bucket, function)
    half_an_hour = datetime.timedelta(minutes=30)
    changed = date_back(loop, shop, 130)
    count(loop, shop, changed - half_an_hour, "RequestCount", 1000000)
    count(loop, shop, changed + half_an_hour, "RequestCount", 3)
    (_, status, reason), = actions(function.invoke(WATCH), shop)
    assert (status, "3 requests since the change" in reason) == ("planned", True)
    assert "fewer requests than WATCH_MIN_REQUESTS came in 125 minutes" in reason
    date_back(loop, shop, 7 * 24 * 60 + 10)
    (_, status, reason), _ = actions(function.invoke(WATCH), shop)
    assert (status, "whether strictest blocks clients is not known" in reason) == ("skipped", True)
    assert watched(loop, shop)["ending"] == "inconclusive"


def kill(function):
    os.killpg(function.process.pid, signal.SIGKILL)
    time.sleep(0.2)


def lease_passes(loop, balancer):
    loop.look(lambda: loop.client("dynamodb").update_item(
        TableName=loop.table, Key={"pk": {"S": "WATCH"}, "sk": {"S": balancer.arn}},
        UpdateExpression="REMOVE leaseUntil"))


def killed_at(start, aws, loop, operation, event):
    """The sandbox is gone right before this call."""
    doomed = start(aws=aws, api=RuntimeApi(), **promoting(loop))

    def die(call):
        kill(doomed)
        return faults.error_answer(call, "Throttling", "x")
    aws.faults.add(operation, Fault(instead=die))
    with pytest.raises(AssertionError):
        doomed.invoke(event)
    aws.faults.clear()


def test_a_roll_back_is_alerted_although_the_sandbox_died_while_publishing(start, aws, loop, bucket,
                                                                           function):
    shop = promoted(aws, loop, bucket, function)
    an_hour_passes(loop, shop, errors=50)
    killed_at(start, aws, loop, PUBLISH, WATCH)
    assert watched(loop, shop)["status"] == "rolled-back"
    lease_passes(loop, shop)
    assert statuses(function.invoke(WATCH), shop) == [("alert", "done")]
    assert actions(function.invoke(WATCH), shop) == []
    assert loop.subjects().count("Promotion rolled back: shop, mode defensive (was strictest)") == 1


def test_a_promotion_that_was_never_made_is_reported_as_such(start, aws, loop, bucket, function):
    shop = make(aws, "shop")
    answer(function.invoke(logged(bucket, shop)))
    killed_at(start, aws, loop, MODIFY, SWEEP)
    assert watched(loop, shop)["status"] == "begun"
    lease_passes(loop, shop)
    date_back(loop, shop, 16)
    assert actions(function.invoke(WATCH), shop) == [
        ("watch", "done", "the promotion was begun and not made: the mode is defensive")]
    assert (watched(loop, shop)["status"], loop.subjects()) == ("not-made", [])
    a_turn_passes(loop)
    assert statuses(function.invoke(SWEEP), shop) == [("promote", "done"), ("alert", "done")]


def test_incomplete_metrics_are_not_counted_as_zero(aws, loop, function):
    shop = make(aws, "shop")
    count(loop, shop, now() - datetime.timedelta(days=1), "RequestCount", 5000)

    def forbid(answered):
        return dataclasses.replace(answered, body=answered.body.replace(b"Complete", b"Forbidden"))
    aws.faults.add(METRICS, Fault(after=forbid), times=9)
    swept = function.invoke(SWEEP)
    assert "recommendation" not in evaluation(swept, shop)
    assert "CloudWatch did not return all of its metrics" in function.log
    assert loop.mode_of(shop.arn) == "defensive"


def test_a_load_balancer_that_cannot_be_judged_holds_all_promotions(aws, loop, bucket, function):
    shop, junk = make(aws, "shop"), make(aws, "junk")
    answer(function.invoke(logged(bucket, shop)))
    loop.set_mode(junk.arn, "paranoid")
    assert function.invoke(SWEEP).kind == "error"
    assert '"action":"promote","status":"skipped"' in function.log
    assert "promotion needs a sweep that judged the whole Region" in function.log
    assert loop.mode_of(shop.arn) == "defensive"


@pytest.mark.parametrize("promotion", ["recommend", "off"])
def test_open_watch_is_ended_for_any_promotion_setting(start, aws, loop, bucket, function,
                                                          promotion):
    shop = promoted(aws, loop, bucket, function)
    an_hour_passes(loop, shop, errors=50)
    later = start(aws=aws, api=RuntimeApi(), **promoting(loop, PROMOTION=promotion))
    assert statuses(later.invoke(WATCH), shop) == [("rollback", "done"), ("alert", "done")]
    assert loop.mode_of(shop.arn) == "defensive"


def test_e5_a_watch_without_data_goes_on_and_ends_inconclusive(aws, loop, bucket, function):
    shop = promoted(aws, loop, bucket, function)
    for minutes in (70, 130, 6 * 24 * 60):
        date_back(loop, shop, minutes)
        (_, status, reason), = actions(function.invoke(WATCH), shop)
        assert (status, "no request was seen in" in reason) == ("planned", True)
    date_back(loop, shop, 7 * 24 * 60 + 10)
    (_, status, reason), _ = actions(function.invoke(WATCH), shop)
    assert (status, reason.startswith("no request was seen in 7 days")) == ("skipped", True)
    assert watched(loop, shop)["ending"] == "inconclusive"
    assert loop.mode_of(shop.arn) == "strictest"


def test_b1_a_mode_that_is_not_known_ends_no_watch(aws, loop, bucket, function):
    shop = promoted(aws, loop, bucket, function)
    an_hour_passes(loop, shop, errors=50)
    loop.set_mode(shop.arn, "paranoid")
    function.invoke(WATCH)
    assert (watched(loop, shop)["status"], aws.counts[MODIFY]) == ("open", 0)
    loop.set_mode(shop.arn, "strictest")
    assert statuses(function.invoke(WATCH), shop) == [("rollback", "done"), ("alert", "done")]


def test_b2_a_roll_back_stops_at_the_required_mode(aws, loop, bucket, function):
    shop = promoted(aws, loop, bucket, function)
    an_hour_passes(loop, shop, errors=50)
    loop.client("elbv2").add_tags(ResourceArns=[shop.arn],
                                  Tags=[{"Key": "DesyncProfile", "Value": "modern"}])
    answer(function.invoke(WATCH))
    assert (loop.mode_of(shop.arn), aws.counts[MODIFY]) == ("strictest", 0)


def hours(loop, balancer, *moments, **counts):
    """CloudWatch's numbers of these moments: requests, and how many of each kind."""
    for moment in moments:
        for metric, value in counts.items():
            count(loop, balancer, moment, metric, value)


def test_e1_clients_that_strictest_newly_blocks_are_seen_among_errors(aws, loop, bucket, function):
    """A firewall refused as many requests before as are refused now."""
    shop = promoted(aws, loop, bucket, function)
    changed, half = date_back(loop, shop, 70), datetime.timedelta(minutes=30)
    hours(loop, shop, changed - half, changed + half, RequestCount=100, HTTPCode_ELB_4XX_Count=100)
    count(loop, shop, changed + half, "DesyncMitigationMode_NonCompliant_Request_Count", 60)
    assert statuses(function.invoke(WATCH), shop)[0] == ("rollback", "done")
    assert loop.mode_of(shop.arn) == "defensive"


def test_e2_errors_of_the_same_hours_of_seven_days_are_no_rise(aws, loop, bucket, function):
    """The hour right before the change had none."""
    shop = promoted(aws, loop, bucket, function)
    changed, half = date_back(loop, shop, 70), datetime.timedelta(minutes=30)
    hours(loop, shop, changed - half, RequestCount=1000)
    hours(loop, shop, *(changed + half - datetime.timedelta(days=days) for days in range(8)),
          RequestCount=1000, HTTPCode_Target_5XX_Count=50)
    assert statuses(function.invoke(WATCH), shop)[0] == ("watch", "done")
    assert loop.mode_of(shop.arn) == "strictest"


def test_e3_errors_that_scatter_by_chance_are_no_rise(aws, loop, bucket, function):
    shop = promoted(aws, loop, bucket, function)
    changed, half = date_back(loop, shop, 70), datetime.timedelta(minutes=30)
    hours(loop, shop, changed - half, RequestCount=1000, HTTPCode_Target_5XX_Count=10)
    hours(loop, shop, changed + half, RequestCount=1000, HTTPCode_Target_5XX_Count=12)
    assert statuses(function.invoke(WATCH), shop)[0] == ("watch", "done")
    assert loop.mode_of(shop.arn) == "strictest"


def test_e4_an_outage_at_90_requests_an_hour_is_found(aws, loop, bucket, function):
    shop = promoted(aws, loop, bucket, function)
    changed, half = date_back(loop, shop, 70), datetime.timedelta(minutes=30)
    hours(loop, shop, changed - half, RequestCount=90)
    hours(loop, shop, changed + half, HTTPCode_ELB_4XX_Count=9, HTTPCode_ELB_5XX_Count=90)
    assert statuses(function.invoke(WATCH), shop)[0] == ("rollback", "done")
    assert loop.mode_of(shop.arn) == "defensive"


def test_e6_clients_that_are_blocked_a_day_after_the_watch_are_found(aws, loop, bucket, function):
    shop = promoted(aws, loop, bucket, function)
    an_hour_passes(loop, shop)
    answer(function.invoke(WATCH))
    assert watched(loop, shop)["status"] == "closed"
    changed = date_back(loop, shop, 2 * 24 * 60 + 190)  # its last logs have come
    hours(loop, shop, changed - datetime.timedelta(minutes=30), RequestCount=1000)
    hours(loop, shop, changed + datetime.timedelta(hours=25), RequestCount=1000,
          DesyncMitigationMode_NonCompliant_Request_Count=500)
    answer(function.invoke(SWEEP))
    assert loop.mode_of(shop.arn) == "defensive"


def test_e7_monitor_is_not_raised_where_defensive_would_block_clients(start, aws, loop, bucket):
    function = start(aws=aws, **loop.environment())
    shop = make(aws, "shop", mode="monitor")
    answer(function.invoke(logged(bucket, shop, "Severe", "MultipleContentLength")))
    answer(function.invoke(SWEEP))
    assert (loop.mode_of(shop.arn), aws.counts[MODIFY]) == ("monitor", 0)


def test_a_roll_back_that_fails_is_made_by_the_next_run(aws, loop, bucket, function):
    shop = promoted(aws, loop, bucket, function)
    an_hour_passes(loop, shop, errors=50)
    aws.faults.add(MODIFY, faults.access_denied())
    assert function.invoke(WATCH).kind == "error"
    assert watched(loop, shop)["status"] == "rolling-back"
    count(loop, shop, now() - datetime.timedelta(minutes=20), "RequestCount", 10**7)
    assert statuses(function.invoke(WATCH), shop) == [("rollback", "done"), ("alert", "done")]
    assert loop.mode_of(shop.arn) == "defensive"


def test_a_roll_back_whose_answer_is_lost_is_recognised(aws, loop, bucket, function):
    shop = promoted(aws, loop, bucket, function)
    an_hour_passes(loop, shop, errors=50)
    aws.faults.add(MODIFY, faults.reset_in_body())
    assert statuses(function.invoke(WATCH), shop) == [("rollback", "done"), ("alert", "done")]
    assert aws.counts[MODIFY] == 1
    assert len(loop.records(shop.arn, "CHANGE")) == 2


def test_an_alert_that_failed_is_sent_by_the_next_run(aws, loop, bucket, function):
    shop = promoted(aws, loop, bucket, function)
    an_hour_passes(loop, shop, errors=50)
    aws.faults.add(PUBLISH, faults.access_denied())
    assert function.invoke(WATCH).kind == "error"
    assert statuses(function.invoke(WATCH), shop) == [("alert", "done")]
    assert actions(function.invoke(WATCH), shop) == []
    assert loop.subjects().count("Promotion rolled back: shop, mode defensive (was strictest)") == 1


def test_without_numbers_nothing_is_promoted_or_concluded(aws, loop, bucket, function):
    shop = make(aws, "shop")
    answer(function.invoke(logged(bucket, shop)))
    aws.faults.add(METRICS, faults.access_denied(), nth=2)
    (_, status, reason), = actions(function.invoke(SWEEP), shop)
    assert (status, "could not be read" in reason) == ("skipped", True)
    assert loop.mode_of(shop.arn) == "defensive"
    answer(function.invoke(SWEEP))
    an_hour_passes(loop, shop)
    aws.faults.add(METRICS, faults.access_denied())
    assert function.invoke(WATCH).kind == "error"
    assert watched(loop, shop)["status"] == "open"
