# SPDX-License-Identifier: Apache-2.0
"""The scheduled sweep through the shipped binary, against fleets that misbehave in every way a
fleet can: what was found out is reported, what was not is an error, and only a complete sweep
cleans up.
"""

import json
import time
from collections import Counter

import boto3
import pytest
from botocore.config import Config

from sim import events, faults, fleet
from sim.aws import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY, SESSION_TOKEN
from sim.control_loop import ControlLoop, call
from sim.fleet import LiveLoadBalancer
from sim.fleet_aws import ATTRIBUTES, LIST, PUT, RESULTS, SCOPE, TAGS, FleetAws, Throttle
from sim.runtime_api import RuntimeApi

RULE = "desync-guard"
TOKEN = "token-of-the-sweep"
NOTIFIED = "2026-11-23T06:00:00.000Z"
VERDICTS = {"monitor": "NON_COMPLIANT", "defensive": "COMPLIANT", "strictest": "COMPLIANT"}


@pytest.fixture
def fleet_aws():
    running = []

    def make(load_balancers):
        aws = FleetAws(load_balancers)
        aws.config.add_token(TOKEN, RULE)
        running.append(aws)
        return aws

    yield make
    for aws in running:
        aws.stop()
        assert aws.signature_failures == []


def scheduled(**changes):
    invoking = {"awsAccountId": "123456789012", "notificationCreationTime": NOTIFIED,
                "messageType": "ScheduledNotification", "recordVersion": "1.0"}
    return {
        "version": "1.0", "invokingEvent": json.dumps(invoking), "resultToken": TOKEN,
        "configRuleName": RULE, "accountId": "123456789012", "eventLeftScope": False,
        "configRuleArn": "arn:aws:config:eu-west-1:123456789012:config-rule/config-rule-8k2wqd",
        "ruleParameters": "{}", **changes}


@pytest.fixture
def sweep(start):
    """sweep(aws) runs the binary, unpaced and without promotion unless set otherwise, and sweeps
    once."""
    def run(aws, event=None, seconds=60, pace="off", **environment):
        function = start(aws=aws, ELB_REQUESTS_PER_SECOND=pace,
                         **{"WARM_UP": "off", "PROMOTION": "off", **environment})
        deadline = str(int((time.time() + seconds) * 1000))
        outcome = function.invoke(event or scheduled(),
                                  headers={"Lambda-Runtime-Deadline-Ms": deadline})
        outcome.log = function.log
        return outcome
    return run


def verdict_of(load_balancer):
    return VERDICTS[load_balancer.mode] if "Owner" in load_balancer.tags else "NON_COMPLIANT"


def stored(aws):
    """Resource id -> compliance, as AWS Config holds it under the rule."""
    return {key[1]: result.compliance for key, result in aws.config.results[RULE].items()}


def expected(load_balancers):
    return {lb.arn: verdict_of(lb) for lb in load_balancers}


def message_of(outcome, error_type):
    assert outcome.kind == "error", outcome.body[:500]
    assert outcome.error_type == error_type
    return outcome.json()["errorMessage"]


def test_a_mixed_fleet_is_swept_completely_with_as_few_calls_as_there_can_be(fleet_aws, sweep):
    balancers = fleet.synthetic(430, networks=15, gateways=5)
    aws = fleet_aws(balancers)
    outcome = sweep(aws)
    assert outcome.kind == "response", outcome.body
    response = outcome.json()
    assert (response["reported"], response["failed"]) == (430, 0)
    assert {e["resourceId"]: e["compliance"] for e in response["evaluations"]} \
        == expected(balancers[:430])
    assert {e["source"] for e in response["evaluations"]} == {"live"}
    assert stored(aws) == expected(balancers[:430])
    # 450 in pages of 400; one attribute call each; tags by 20 and evaluations by 100 in chunks of
    # 200; 430 results in pages of 100.
    assert dict(aws.counts) == {SCOPE: 1, LIST: 2, ATTRIBUTES: 430, TAGS: 22, PUT: 5,
                                RESULTS: 5}
    assert aws.in_flight_max > 10


def left_scope(load_balancer):
    item = {"resourceType": "AWS::ElasticLoadBalancingV2::LoadBalancer",
            "resourceId": load_balancer.arn, "configurationItemStatus": "OK"}
    return scheduled(eventLeftScope=True, invokingEvent=json.dumps({
        "messageType": "ConfigurationItemChangeNotification", "configurationItem": item}))


@pytest.mark.parametrize("scope", [
    {"TagKey": "Tier"}, {"TagKey": "Tier", "TagValue": "edge"},
    {"TagKey": "Tier", "ComplianceResourceTypes": ["AWS::ElasticLoadBalancingV2::LoadBalancer"]}])
def test_load_balancer_outside_the_scope_of_the_rule_stays_not_applicable(scope, fleet_aws, sweep):
    inside, outside = fleet.synthetic(2)
    inside.tags["Tier"] = "edge"
    aws = fleet_aws([inside, outside])
    aws.config.set_scope(RULE, **scope)
    assert sweep(aws, left_scope(outside)).kind == "response"
    assert sweep(aws).kind == "response"
    assert stored(aws) == {inside.arn: verdict_of(inside), outside.arn: "NOT_APPLICABLE"}


def test_a_rule_of_one_load_balancer_says_nothing_of_the_others(fleet_aws, sweep):
    one, *others = fleet.synthetic(4)
    aws = fleet_aws([one, *others])
    aws.config.set_scope(RULE, ComplianceResourceId=one.arn, ComplianceResourceTypes=[
        "AWS::ElasticLoadBalancingV2::LoadBalancer"])
    outcome = sweep(aws)
    assert stored(aws) == {one.arn: verdict_of(one), **{o.arn: "NOT_APPLICABLE" for o in others}}
    assert b"outside the scope of the rule" in outcome.body


def test_unreadable_scope_is_reported_and_changes_nothing(fleet_aws, sweep):
    balancers = fleet.synthetic(3)
    aws = fleet_aws(balancers)
    aws.config.set_scope(RULE, TagKey="Tier")
    aws.faults.add(SCOPE, faults.access_denied())
    outcome = sweep(aws)
    assert outcome.kind == "response", outcome.body
    assert stored(aws) == expected(balancers)
    assert "scope_unknown" in outcome.log and "DescribeConfigRules" in outcome.log


def test_nothing_is_changed_while_the_scope_is_not_known(fleet_aws, sweep):
    weak = fleet.LiveLoadBalancer("weak", "00000000000000bb", "monitor", {"Owner": "shop-team"})
    aws = fleet_aws([weak])
    aws.config.set_scope(RULE, TagKey="Tier")
    aws.faults.add(SCOPE, faults.access_denied())
    outcome = sweep(aws, ENFORCEMENT="enforce")
    assert outcome.kind == "response", outcome.body
    assert stored(aws) == {weak.arn: "NON_COMPLIANT"}
    assert "ModifyLoadBalancerAttributes" not in {name.rpartition(":")[2] for name in aws.counts}


def test_results_carry_the_time_of_the_notification(fleet_aws, sweep):
    aws = fleet_aws(fleet.synthetic(3))
    assert sweep(aws).kind == "response"
    assert {r.ordering_timestamp for r in aws.config.history} == {events.seconds(NOTIFIED)}


def test_an_account_without_load_balancers_is_swept_too(fleet_aws, sweep):
    aws = fleet_aws([])
    gone = fleet.synthetic(1)[0].arn
    aws.config.add_result(RULE, gone, "NON_COMPLIANT")
    outcome = sweep(aws)
    assert outcome.kind == "response", outcome.body
    assert stored(aws) == {gone: "NOT_APPLICABLE"}
    assert dict(aws.counts) == {SCOPE: 1, LIST: 1, PUT: 1, RESULTS: 1}


# Clean-up

def test_deleted_load_balancers_are_cleaned_up_over_all_pages_of_results(fleet_aws, sweep):
    balancers = fleet.synthetic(260, networks=1)
    living, gone, network = balancers[:10], balancers[10:260], balancers[260]
    aws = fleet_aws([*living, network])
    for number, load_balancer in enumerate(gone):
        aws.config.add_result(RULE, load_balancer.arn,
                              ("COMPLIANT", "NON_COMPLIANT", "NOT_APPLICABLE")[number % 3])
    aws.config.add_result(RULE, network.arn, "NON_COMPLIANT")
    aws.config.add_result(RULE, "i-0a91c5e3f7d28b460", "NON_COMPLIANT", "AWS::EC2::Instance")
    outcome = sweep(aws)
    assert outcome.kind == "response", outcome.body
    # 83 of the 250 are NOT_APPLICABLE already and are left alone; the network one is not judged.
    assert outcome.json()["reported"] == 10 + 167 + 1
    assert stored(aws) == {**expected(living), **{lb.arn: "NOT_APPLICABLE" for lb in gone},
                           network.arn: "NOT_APPLICABLE", "i-0a91c5e3f7d28b460": "NON_COMPLIANT"}
    # 262 results make 3 pages; 10 living in one call, 168 others in two.
    assert (aws.counts[RESULTS], aws.counts[PUT]) == (3, 3)
    annotation = aws.config.result(RULE, gone[0].arn).annotation
    assert annotation.startswith("NOT_APPLICABLE") and "does not exist any more" in annotation


def test_load_balancer_judged_after_the_notification_is_not_cleaned_up(fleet_aws, sweep):
    """Created while the sweep was listing, and judged by its change event meanwhile."""
    balancers = fleet.synthetic(5)
    newer, older = balancers.pop(), balancers.pop()
    aws = fleet_aws(balancers)
    notified = events.seconds(NOTIFIED)
    aws.config.add_result(RULE, newer.arn, "COMPLIANT", ordering_timestamp=notified + 1)
    aws.config.add_result(RULE, older.arn, "COMPLIANT", ordering_timestamp=notified - 1)
    assert sweep(aws).kind == "response"
    assert stored(aws) == {**expected(balancers), newer.arn: "COMPLIANT",
                           older.arn: "NOT_APPLICABLE"}


@pytest.mark.parametrize("operation, nth, types", [
    (LIST, 2, "Function.SweepIncomplete"), (RESULTS, 2, "Function.SweepIncomplete")],
    ids=["listing", "results"])
def test_a_listing_that_breaks_off_cleans_nothing_up(operation, nth, types, fleet_aws, sweep):
    balancers = fleet.synthetic(411)
    gone = balancers.pop()
    aws = fleet_aws(balancers)
    aws.config.add_result(RULE, gone.arn, "NON_COMPLIANT")
    aws.faults.add(operation, faults.access_denied(), nth=nth, times=99)
    message = message_of(sweep(aws), types)
    assert operation.partition(":")[2] in message and "not authorized" in message
    listed = sorted(lb.arn for lb in balancers)[:400 if operation == LIST else 410]
    assert stored(aws) == {gone.arn: "NON_COMPLIANT",
                           **{a: v for a, v in expected(balancers).items() if a in listed}}


# One that cannot be read

UNREADABLE = {
    "access denied": (faults.access_denied, "not authorized"),
    "no answer of ELB": (faults.html, "500"),
    "junk": (faults.garbage, ""),
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_one_percent_unreadable_costs_no_other_its_verdict(kind, fleet_aws, sweep):
    make, words = UNREADABLE[kind]
    balancers = fleet.synthetic(300)
    unreadable = [balancers[n] for n in (7, 150, 299)]
    gone = fleet.synthetic(301)[300]
    aws = fleet_aws(balancers)
    aws.config.add_result(RULE, gone.arn, "COMPLIANT")
    aws.config.add_result(RULE, unreadable[0].arn, "COMPLIANT")
    aws.attribute_faults = {lb.arn: make() for lb in unreadable}
    message = message_of(sweep(aws), "Function.VerdictUnknown")
    for load_balancer in unreadable:
        assert load_balancer.arn in message
    assert words in message and "297 reported" in message
    readable = [lb for lb in balancers if lb not in unreadable]
    # What is unknown keeps its old result; what has vanished may not have.
    assert stored(aws) == {**expected(readable), gone.arn: "COMPLIANT",
                           unreadable[0].arn: "COMPLIANT"}
    assert aws.counts[RESULTS] == 0
    assert aws.counts[ATTRIBUTES] <= 297 + 3 * 6


def test_all_unknown_ones_are_counted_and_named(fleet_aws, sweep):
    balancers = fleet.synthetic(40)
    aws = fleet_aws(balancers)
    aws.attribute_faults = {lb.arn: faults.access_denied() for lb in balancers[:12]}
    message = message_of(sweep(aws), "Function.VerdictUnknown")
    assert sum(lb.arn in message for lb in balancers[:12]) == 12
    assert "12 are unknown" in message and len(message) < 8192


def test_invalid_mode_is_unknown(fleet_aws, sweep):
    balancers = fleet.synthetic(5)
    balancers[2].mode = "paranoid"
    aws = fleet_aws(balancers)
    message = message_of(sweep(aws), "Function.VerdictUnknown")
    assert balancers[2].arn in message and "paranoid" in message
    assert stored(aws) == expected(balancers[:2] + balancers[3:])


def test_one_tag_call_that_fails_makes_its_twenty_unknown_and_no_other(fleet_aws, sweep):
    balancers = fleet.synthetic(60)
    aws = fleet_aws(balancers)
    aws.faults.add(TAGS, faults.access_denied(), nth=2)
    message = message_of(sweep(aws), "Function.VerdictUnknown")
    assert "20 are unknown" in message and "DescribeTags" in message
    assert len(stored(aws)) == 40
    assert stored(aws).items() <= expected(balancers).items()


@pytest.mark.parametrize("operation, nth", [(TAGS, 1), (TAGS, 2), (ATTRIBUTES, 1),
                                            (ATTRIBUTES, 30)])
def test_load_balancer_deleted_mid_sweep_is_not_applicable(operation, nth, fleet_aws, sweep):
    balancers = fleet.synthetic(60)
    # The last of their twenty and of all: neither its tags nor its attributes were asked for yet.
    deleted = [balancers[n].arn for n in (39, 58, 59)]
    aws = fleet_aws(balancers)
    aws.delete_when(operation, nth, deleted)
    outcome = sweep(aws)
    assert outcome.kind == "response", outcome.body
    assert stored(aws) == {**expected(balancers), **dict.fromkeys(deleted, "NOT_APPLICABLE")}
    # Only what is missed twice is gone.
    assert aws.counts[ATTRIBUTES] == 60 + len(deleted)


# Reporting

def test_evaluation_refused_once_is_sent_again(fleet_aws, sweep):
    balancers = fleet.synthetic(120)
    aws = fleet_aws(balancers)
    for load_balancer in balancers[::40]:
        aws.config.refuse(load_balancer.arn)
    outcome = sweep(aws)
    assert outcome.kind == "response", outcome.body
    assert (outcome.json()["reported"], outcome.json()["failed"]) == (120, 0)
    assert stored(aws) == expected(balancers)
    assert aws.counts[PUT] == 3
    # Only the refused ones were sent twice.
    assert Counter(r.resource_id for r in aws.config.history).most_common(1)[0][1] == 1


def test_evaluation_refused_always_fails_the_sweep_and_no_other_evaluation(fleet_aws, sweep):
    balancers = fleet.synthetic(230)
    gone = balancers.pop()
    refused = [balancers[3], balancers[222]]
    aws = fleet_aws(balancers)
    aws.config.add_result(RULE, gone.arn, "COMPLIANT")
    for load_balancer in refused:
        aws.config.refuse(load_balancer.arn, times=99)
    message = message_of(sweep(aws), "Function.ReportFailed")
    assert "227 reported" in message and refused[0].arn in message
    assert stored(aws) == {**expected([lb for lb in balancers if lb not in refused]),
                           gone.arn: "COMPLIANT"}
    assert aws.counts[RESULTS] == 0


# Time and pace

@pytest.mark.native("promises seconds, of which emulators and valgrind make many")
def test_sweep_out_of_time_reports_the_verdicts_so_far(fleet_aws, sweep):
    balancers = fleet.synthetic(430)
    gone = balancers.pop()
    aws = fleet_aws(balancers)
    aws.config.add_result(RULE, gone.arn, "COMPLIANT")
    silent = [balancers[4], balancers[425], balancers[428]]
    aws.silent = {silent[0].arn}
    outcome = sweep(aws, seconds=4)
    message = message_of(outcome, "Function.SweepIncomplete")
    assert "not reached in time" in message
    # The first chunk lost one to silence; for the second no time was left.
    reported = {r.resource_id for r in aws.config.history}
    assert reported == {lb.arn for lb in balancers[:400]} - {silent[0].arn}
    assert "399 reported" in message and "30 were not reached" in message
    assert stored(aws)[gone.arn] == "COMPLIANT"
    assert aws.counts[RESULTS] == 0


@pytest.mark.timely("promises seconds, and valgrind makes many of one")
def test_a_listing_that_never_answers_ends_in_time(fleet_aws, sweep):
    aws = fleet_aws(fleet.synthetic(2))
    aws.latency = 30
    message_of(sweep(aws, seconds=2), "Function.SweepIncomplete")
    assert aws.config.history == []


def test_a_throttled_sweep_slows_down_and_completes(fleet_aws, sweep):
    balancers = fleet.synthetic(40)
    aws = fleet_aws(balancers)
    # Somebody else has used the account's tokens: a quarter of them is left.
    aws.throttle = Throttle(capacity=10, per_second=10)
    outcome = sweep(aws, pace="9")
    assert outcome.kind == "response", outcome.body
    assert stored(aws) == expected(balancers)
    assert aws.throttled > 0
    assert aws.counts[ATTRIBUTES] + aws.counts[TAGS] + aws.counts[LIST] == 43 + aws.throttled


def test_paced_as_delivered_a_sweep_is_not_throttled(fleet_aws, sweep):
    balancers = fleet.synthetic(45)
    aws = fleet_aws(balancers)
    aws.throttle = Throttle()
    outcome = sweep(aws, pace=None)
    assert outcome.kind == "response", outcome.body
    assert (stored(aws), aws.throttled) == (expected(balancers), 0)


def test_a_sweep_in_parts_ends_as_one_in_one_part_does(aws, start):
    """By the pace alone the time of one invocation is too short; then the table is slow, too."""
    loop = ControlLoop(aws)
    balancers = [LiveLoadBalancer(f"part-{n:x}", f"{n:016x}", "defensive" if n % 8 else "monitor",
                                  {"Owner": "shop-team"}) for n in range(1, 81)]
    fleet.create(aws, balancers)
    weak = [lb.arn for lb in balancers if lb.mode == "monitor"]
    former = LiveLoadBalancer("former", "f" * 16, "monitor", {"Owner": "shop-team"})
    fleet.create(aws, [former])
    # Of its own Runtime API: two processes would take the events from one another.
    other = RuntimeApi()
    first = start(aws=aws, api=other, **loop.environment(ENFORCEMENT="off"))
    first.invoke(call("modify-attributes", former.arn))
    other.stop()
    del aws.moto.load_balancers("eu-west-1")[former.arn]

    function = start(aws=aws, **loop.environment(
        ELB_REQUESTS_PER_SECOND="10", PROMOTION="off", MAX_CHANGES_PER_RUN="100"))
    for operation in ("dynamodb:GetItem", "dynamodb:PutItem"):
        aws.faults.add(operation, faults.delay(0.02), times=10000)
    settled, cursors = 0, []
    for _ in range(12):
        aws.config.add_token(TOKEN, RULE)
        deadline = str(int((time.time() + 7) * 1000))
        outcome = function.invoke(scheduled(), headers={"Lambda-Runtime-Deadline-Ms": deadline})
        cursor, = [item for (_, sk), item in loop.items().items() if sk == "CURSOR"]
        if outcome.kind == "response":
            break
        assert outcome.error_type in ("Function.SweepIncomplete", "Function.ActionFailed")
        incident, = loop.records(former.arn, "INCIDENT")
        assert "closedAt" not in incident or " 0 were not reached" in outcome.json()["errorMessage"]
        cursors.append(cursor["cursor"])
        before, settled = settled, len({pk for pk, sk in loop.items() if sk == "STATE"})
        assert settled > before
    assert outcome.kind == "response", outcome.body
    assert cursors and cursors == sorted(set(cursors))
    assert "cursor" not in cursor and cursor["version"] == len(cursors) + 1
    assert stored(aws).keys() >= {lb.arn for lb in balancers}
    assert {loop.mode_of(lb.arn) for lb in balancers} == {"defensive"}
    assert all(len(loop.records(arn, "CHANGE")) == 1 for arn in weak)
    incident, = loop.records(former.arn, "INCIDENT")
    assert "closedAt" in incident
    told = Counter(loop.subjects())
    assert max(told.values()) == 1
    assert Counter(subject.split(":")[0] for subject in told) \
        == {"Mode raised": len(weak), "Non-compliant": 1, "Resolved": 1}


# Ways to ask for a sweep

SHAPES = {
    "own schedule": {"action": "sweep"},
    "EventBridge": {"version": "0", "id": "f3a1c5e7-9b2d-4f60-8e13-7a5c9d1b3e42", "source":
                    "aws.events", "detail-type": "Scheduled Event", "account": "123456789012",
                    "time": "2026-11-23T06:00:00Z", "region": "eu-west-1", "detail": {},
                    "resources": ["arn:aws:events:eu-west-1:123456789012:rule/sweep"]},
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_sweep_that_no_rule_asked_for_judges_and_reports_to_nobody(shape, fleet_aws, sweep):
    balancers = fleet.synthetic(25)
    aws = fleet_aws(balancers)
    outcome = sweep(aws, event=SHAPES[shape])
    assert outcome.kind == "response", outcome.body
    response = outcome.json()
    assert {e["resourceId"]: e["compliance"] for e in response["evaluations"]} \
        == expected(balancers)
    assert response["reported"] == 0
    assert dict(aws.counts) == {LIST: 1, ATTRIBUTES: 25, TAGS: 2}


def test_the_delivery_of_a_snapshot_is_a_schedule_too(fleet_aws, sweep):
    aws = fleet_aws(fleet.synthetic(4))
    invoking = {"messageType": "ConfigurationSnapshotDeliveryCompleted",
                "notificationCreationTime": NOTIFIED, "s3Bucket": "acme-config-history"}
    assert sweep(aws, scheduled(invokingEvent=json.dumps(invoking))).json()["reported"] == 4


def test_bad_parameters_are_reported_before_any_read(fleet_aws, sweep):
    aws = fleet_aws(fleet.synthetic(4))
    outcome = sweep(aws, scheduled(ruleParameters='{"desyncMode":"paranoid"}'))
    assert "desyncMode" in message_of(outcome, "Function.InvalidParameter")
    assert dict(aws.counts) == {}


def test_a_sweep_says_once_in_the_log_how_far_it_got(fleet_aws, sweep):
    balancers = fleet.synthetic(30, networks=3)
    aws = fleet_aws(balancers)
    outcome = sweep(aws)
    lines = [json.loads(line) for line in outcome.log.splitlines() if '"swept"' in line]
    assert len(lines) == 1
    told = {name: lines[0][name] for name in ("listed", "toJudge", "judged", "reported")}
    assert told == {"listed": 33, "toJudge": 30, "judged": 30, "reported": 30}


def test_two_sweeps_of_one_sandbox_do_the_same(fleet_aws, start):
    balancers = fleet.synthetic(30)
    aws = fleet_aws(balancers)
    function = start(aws=aws, ELB_REQUESTS_PER_SECOND="off", WARM_UP="off", PROMOTION="off")
    first, second = function.invoke(scheduled()), function.invoke(scheduled())
    assert first.kind == "response" and first.body == second.body
    assert stored(aws) == expected(balancers)


# The fleet's AWS itself, seen with AWS's own client

def test_the_fleet_is_what_awss_client_expects(fleet_aws):
    balancers = fleet.synthetic(401, networks=1, gateways=1)
    aws = fleet_aws(balancers)
    elbv2 = boto3.client("elbv2", region_name=REGION, endpoint_url=aws.url,
                         aws_access_key_id=ACCESS_KEY_ID, aws_session_token=SESSION_TOKEN,
                         aws_secret_access_key=SECRET_ACCESS_KEY,
                         config=Config(retries={"total_max_attempts": 1}))
    listed = elbv2.get_paginator("describe_load_balancers").paginate().build_full_result()
    assert {lb["LoadBalancerArn"]: lb["Type"] for lb in listed["LoadBalancers"]} \
        == {lb.arn: lb.type for lb in balancers}
    first = balancers[0]
    attributes = elbv2.describe_load_balancer_attributes(LoadBalancerArn=first.arn)["Attributes"]
    assert {"Key": "routing.http.desync_mitigation_mode", "Value": first.mode} in attributes
    tags = elbv2.describe_tags(ResourceArns=[first.arn])["TagDescriptions"][0]["Tags"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == first.tags
    aws.load_balancers.clear()
    with pytest.raises(elbv2.exceptions.LoadBalancerNotFoundException):
        elbv2.describe_tags(ResourceArns=[first.arn])
    aws.throttle = Throttle(capacity=0)
    with pytest.raises(Exception, match="Rate exceeded"):
        elbv2.describe_load_balancers()
