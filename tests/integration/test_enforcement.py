# SPDX-License-Identifier: Apache-2.0
"""From an API call that EventBridge delivers to the mode raised, recorded, alerted, and back to AWS
Config, through the shipped binary against the local AWS."""

import datetime
import itertools
import json
import re
import uuid

import pytest

from sim import events, faults, fleet
from sim.control_loop import (
    MODIFY, PUBLISH, PUT_ITEM, QUERY, READ_MODE, READ_STATE, READ_TAGS, REPORT, RULE, START_RULE,
    UPDATE_ITEM, ControlLoop, call, config_change)
from sim.fleet import LiveLoadBalancer
from sim.moto_backend import DESYNC_MODE

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
MEMBER = "210987654321"
SECURITY_HUB = "securityhub:POST /findings/import"
numbers = itertools.count(0xA0)


@pytest.fixture
def aws(module_aws):
    module_aws.forget()
    yield module_aws
    assert module_aws.signature_failures == []


@pytest.fixture
def loop(aws):
    return ControlLoop(aws)


def make(aws, mode="monitor", **options):
    """A load balancer of its own for each test."""
    number = next(numbers)
    balancer = LiveLoadBalancer(f"shop-{number:x}", f"{number:016x}", mode,
                                options.pop("tags", {"Owner": "shop-team"}), **options)
    fleet.create(aws, [balancer])
    return balancer


def weakened(arn, **detail):
    return call("modify-attributes", arn, **detail)


def answer(outcome):
    assert outcome.kind == "response", outcome.body
    return outcome.json()


def actions(outcome):
    return [(a["action"], a["status"]) for a in answer(outcome)["actions"]]


def names(aws):
    return [each.name for each in aws.calls]


# A weakening call

def test_a_weakened_mode_is_raised_in_one_invocation(start, aws, loop):
    arn = make(aws).arn
    outcome = start(aws=aws, **loop.environment()).invoke(weakened(arn))
    calls = names(aws)
    assert loop.mode_of(arn) == "defensive"
    before = calls[:calls.index(MODIFY)]
    assert sorted(before) == sorted([PUT_ITEM, READ_MODE, READ_TAGS, UPDATE_ITEM, QUERY,
                                     READ_STATE, PUT_ITEM])
    assert (before[0], before[-4:]) == (PUT_ITEM, [UPDATE_ITEM, QUERY, READ_STATE, PUT_ITEM])
    evaluation, = answer(outcome)["evaluations"]
    assert (evaluation["compliance"], evaluation["mode"]) == ("COMPLIANT", "defensive")
    enforced, alerted, asked = answer(outcome)["actions"]
    assert enforced == {"resourceId": arn, "action": "enforce", "status": "done", "from": "monitor",
                        "to": "defensive", "reason": "the mode is weaker than required"}
    assert (alerted["action"], alerted["status"]) == ("alert", "done")
    assert (asked["action"], asked["status"], asked["resourceId"]) == ("reevaluate", "done", RULE)


def test_only_the_one_attribute_is_sent(start, aws, loop):
    arn = make(aws, drops_invalid_headers=True).arn
    start(aws=aws, **loop.environment()).invoke(call("modify-console", arn))
    form, = [each.form for each in aws.calls if each.name == MODIFY]
    sent = {name: value for name, value in form.items() if name.startswith("Attributes.")}
    assert sent == {"Attributes.member.1.Key": DESYNC_MODE, "Attributes.member.1.Value": "defensive"}


def test_a_duplicate_costs_one_refused_write_and_changes_nothing(start, aws, loop):
    arn = make(aws).arn
    function = start(aws=aws, **loop.environment())
    event = weakened(arn)
    answer(function.invoke(event))
    before = loop.items()
    aws.reset_counts()
    outcome = function.invoke(event | {"id": str(uuid.uuid4())})
    assert dict(aws.counts) == {PUT_ITEM: 1}
    assert answer(outcome)["actions"] == []
    assert loop.items() == before
    assert len(loop.alerts()) == 1


def test_duplicate_event_does_not_correct_a_later_weakening(start, aws, loop):
    """A later weakening has an event of its own."""
    arn = make(aws).arn
    function = start(aws=aws, **loop.environment())
    event = weakened(arn)
    answer(function.invoke(event))
    loop.set_mode(arn, "monitor")
    answer(function.invoke(event))
    assert loop.mode_of(arn) == "monitor"
    answer(function.invoke(weakened(arn)))
    assert loop.mode_of(arn) == "defensive"


def test_event_of_our_own_change_starts_no_loop(start, aws, loop):
    arn = make(aws).arn
    function = start(aws=aws, **loop.environment())
    answer(function.invoke(weakened(arn)))
    before = loop.records(arn, "STATE")
    aws.reset_counts()
    own = weakened(arn, userIdentity={"type": "AssumedRole", "sessionContext": {"sessionIssuer": {
        "arn": "arn:aws:iam::123456789012:role/desync-guard"}}}, userAgent="desync-guard")
    assert actions(function.invoke(own)) == []
    assert aws.counts[MODIFY] == aws.counts[PUBLISH] == aws.counts[START_RULE] == 0
    assert loop.records(arn, "STATE") == before
    assert len(loop.records(arn, "CHANGE")) == len(loop.alerts()) == 1


@pytest.mark.parametrize("sample", ["modify-terraform", "modify-kubernetes", "modify-console",
                                    "modify-cloudformation", "add-tags", "remove-tags", "create"])
def test_every_call_that_may_change_a_verdict_leads_to_a_live_read_and_the_raise(
        sample, start, aws, loop):
    arn = make(aws).arn
    outcome = start(aws=aws, **loop.environment()).invoke(call(sample, arn))
    assert ("enforce", "done") in actions(outcome)
    assert loop.mode_of(arn) == "defensive"


@pytest.mark.parametrize("sample", [
    "classic-create", "classic-modify", "create-failed", "create-nlb", "modify-failed", "modify-nlb",
    "set-subnets", "add-tags-target-group"])
def test_api_call_out_of_scope_is_ignored_with_one_log_line(sample, start, aws, loop):
    function = start(aws=aws, **loop.environment())
    event = json.loads(events.load(f"elb-call.{sample}"))
    assert answer(function.invoke(event)) == {"evaluations": [], "reported": 0, "failed": 0,
                                              "actions": []}
    assert dict(aws.counts) == {} and loop.items() == {}
    lines = [line for line in map(json.loads, function.log.splitlines())
             if line["event"] == "ignored"]
    assert [line["eventID"] for line in lines] == [event["detail"]["eventID"]]
    assert lines[0]["reason"]


def test_each_load_balancer_of_an_api_call_is_handled_once(start, aws, loop):
    first, second = make(aws).arn, make(aws).arn
    event = call("remove-tags-mixed", first)
    others = [arn for arn in json.loads(events.load("elb-call.remove-tags-mixed"))["detail"][
        "requestParameters"]["resourceArns"] if ":loadbalancer/app/" not in arn]
    assert len(others) == 3
    event["detail"]["requestParameters"]["resourceArns"] = [first, *others, second, first]
    outcome = start(aws=aws, **loop.environment()).invoke(event)
    assert [e["resourceId"] for e in answer(outcome)["evaluations"]] == [first, second]
    assert actions(outcome).count(("enforce", "done")) == 2
    assert (aws.counts[READ_MODE], aws.counts[MODIFY]) == (2, 2)
    assert {pk for pk, _ in loop.items()} == {
        first, second, f"CONFIG_RULE#{RULE}", "WATCH", "BUDGET#123456789012#eu-west-1"}


def test_deleted_load_balancer_closes_its_incident(start, aws, loop):
    arn = make(aws).arn
    function = start(aws=aws, **loop.environment(ENFORCEMENT="off"))
    answer(function.invoke(weakened(arn)))
    loop.client("elbv2").delete_load_balancer(LoadBalancerArn=arn)
    evaluation, = answer(function.invoke(call("delete", arn)))["evaluations"]
    assert evaluation["compliance"] == "NOT_APPLICABLE"
    incident, = loop.records(arn, "INCIDENT")
    assert incident["closedAt"] >= incident["openedAt"]
    assert [s.partition(":")[0] for s in loop.subjects()] == ["Non-compliant", "Resolved"]


# What is done, and what is not

@pytest.mark.parametrize("enforcement, expected", [
    ("plan", [("enforce", "planned"), ("alert", "done")]),
    ("off", [("alert", "done")])])
def test_nothing_is_changed_unless_enforcement_is_on(enforcement, expected, start, aws, loop):
    arn = make(aws).arn
    outcome = start(aws=aws, **loop.environment(ENFORCEMENT=enforcement)).invoke(weakened(arn))
    assert actions(outcome) == expected
    assert aws.counts[MODIFY] == 0 and loop.mode_of(arn) == "monitor"
    assert answer(outcome)["evaluations"][0]["compliance"] == "NON_COMPLIANT"
    assert loop.records(arn, "CHANGE") == []


def test_a_plan_names_the_same_change(start, aws, loop):
    arn = make(aws).arn
    planned = start(aws=aws, **loop.environment(ENFORCEMENT="plan")).invoke(weakened(arn))
    done = start(aws=aws, **loop.environment()).invoke(weakened(arn))
    what = [{name: answer(o)["actions"][0][name] for name in ("resourceId", "action", "from", "to")}
            for o in (planned, done)]
    assert what[0] == what[1]


@pytest.mark.parametrize("mode, required, expected, status", [
    ("monitor", "strictest", "defensive", "done"),  # as far as it may go without evidence
    ("defensive", "strictest", "defensive", "skipped"),
    ("strictest", "defensive", "strictest", None),  # never lowered
    ("defensive", "monitor", "defensive", None),
])
def test_a_mode_is_raised_to_defensive_at_most_and_never_lowered(
        mode, required, expected, status, start, aws, loop):
    arn = make(aws, mode).arn
    outcome = start(aws=aws, **loop.environment(DESYNC_MODE=required)).invoke(weakened(arn))
    assert loop.mode_of(arn) == expected
    done = [s for action, s in actions(outcome) if action == "enforce"]
    assert done == ([status] if status else [])
    assert aws.counts[MODIFY] == (1 if status == "done" else 0)


def test_an_exception_is_respected(start, aws, loop):
    tags = {"Owner": "shop-team", "desync-exception-reason": "old partner gateway",
            "desync-exception-until": str(datetime.date.today() + datetime.timedelta(days=30)),
            "desync-exception-approver": "security@example.com"}
    arn = make(aws, tags=tags).arn
    outcome = start(aws=aws, **loop.environment()).invoke(weakened(arn))
    assert answer(outcome)["evaluations"][0]["compliance"] == "COMPLIANT"
    assert aws.counts[MODIFY] == 0 and loop.mode_of(arn) == "monitor"


def test_unknown_verdict_changes_nothing_and_is_handled_by_the_retry(start, aws, loop):
    arn = make(aws).arn
    function = start(aws=aws, **loop.environment())
    event, request_id = weakened(arn), str(uuid.uuid4())
    loop.set_mode(arn, "turbo")
    outcome = function.invoke(event, request_id=request_id)
    assert outcome.error_type == "Function.VerdictUnknown"
    assert "turbo" in outcome.json()["errorMessage"]
    assert aws.counts[MODIFY] == 0
    assert loop.records(arn, "STATE") == [] and loop.alerts() == []
    loop.set_mode(arn, "monitor")
    assert ("enforce", "done") in actions(function.invoke(event, request_id=request_id))


def test_an_unchanged_mode_after_the_change_is_a_failure(start, aws, loop):
    """The answer is believed, not the request."""
    arn = make(aws).arn
    aws.faults.add(MODIFY, faults.Fault(after=lambda answer: faults.replace(
        answer, body=answer.body.replace(b"<Value>defensive</Value>", b"<Value>monitor</Value>"))))
    outcome = start(aws=aws, **loop.environment()).invoke(weakened(arn))
    assert outcome.error_type == "Function.ActionFailed"
    assert "the mode is monitor after it was set to defensive" in outcome.json()["errorMessage"]
    assert loop.records(arn, "CHANGE") == [] and loop.alerts() == []


def test_a_load_balancer_that_is_not_there_yet_is_waited_for(start, aws, loop):
    arn = make(aws).arn
    aws.faults.add(READ_MODE, faults.error("LoadBalancerNotFound", "not found"), times=2)
    outcome = start(aws=aws, **loop.environment()).invoke(call("create", arn))
    assert ("enforce", "done") in actions(outcome)
    assert aws.counts[READ_MODE] == 3


@pytest.mark.timely("promises seconds, and valgrind makes many of one")
def test_created_load_balancer_that_never_appears_is_given_up_before_the_deadline(start, aws, loop):
    arn = make(aws).arn
    loop.client("elbv2").delete_load_balancer(LoadBalancerArn=arn)
    deadline = {"Lambda-Runtime-Deadline-Ms": str(int((aws.now() + 3) * 1000))}
    outcome = start(aws=aws, **loop.environment()).invoke(call("create", arn), headers=deadline)
    assert answer(outcome)["evaluations"][0]["compliance"] == "NOT_APPLICABLE"
    assert aws.counts[READ_MODE] >= 2 and aws.counts[MODIFY] == 0


def test_f3_an_event_that_failed_is_handled_by_its_next_delivery(start, aws, loop):
    arn = make(aws).arn
    event = weakened(arn)
    function = start(aws=aws, **loop.environment())
    aws.faults.add(MODIFY, faults.access_denied())
    assert function.invoke(event).kind == "error"
    assert ("enforce", "done") in actions(function.invoke(event))
    assert loop.mode_of(arn) == "defensive"


# Somebody else disagrees

def test_fight_is_stopped_and_the_other_writer_named(start, aws, loop):
    arn = make(aws).arn
    function = start(aws=aws, **loop.environment(FIGHT_LIMIT="2"))
    outcomes = []
    for _ in range(4):
        loop.set_mode(arn, "monitor")
        outcomes.append(actions(function.invoke(call("modify-terraform", arn))))
    done = [[status for action, status in each if action == "enforce"] for each in outcomes]
    assert done == [["done"], ["done"], ["skipped"], ["skipped"]]
    assert loop.mode_of(arn) == "monitor"
    assert len(loop.records(arn, "CHANGE")) == 2
    fights = [a for a in loop.alerts() if a.subject.startswith("Changed back 2 times: ")]
    assert len(fights) == 1
    body = fights[0].body
    assert "Last changed by: arn:aws:iam::123456789012:role/terraform\n" in body
    assert "terraform-provider-aws/" in body
    assert 'desync_mitigation_mode = "defensive"' in body


@pytest.mark.parametrize("sample, line", [
    ("modify-cloudformation", "- Key: routing.http.desync_mitigation_mode"),
    ("modify-kubernetes", "alb.ingress.kubernetes.io/load-balancer-attributes: "
                          "routing.http.desync_mitigation_mode=defensive")])
def test_the_line_to_change_is_that_of_the_tool_that_wrote_last(sample, line, start, aws, loop):
    arn = make(aws).arn
    event = call(sample, arn)
    for attribute in event["detail"]["requestParameters"]["attributes"]:
        if attribute["key"] == DESYNC_MODE:
            attribute["value"] = "monitor"
    answer(start(aws=aws, **loop.environment()).invoke(event))
    body = loop.alerts()[0].body
    first = body.partition("Change it there:\n")[2].splitlines()[1]
    assert first.strip() == line


def test_b4_a_mode_that_ecs_writes_is_left_and_its_line_told(start, aws, loop):
    arn = make(aws, tags={"Owner": "shop-team", "AmazonECSManaged": "true"}).arn
    answer(start(aws=aws, **loop.environment()).invoke(weakened(arn)))
    assert (loop.mode_of(arn), aws.counts[MODIFY]) == ("monitor", 0)
    assert "'hostSharedAlb={httpDesync=defensive}'" in loop.alerts()[0].body


# AWS Config and the sweep

def test_a_config_change_is_reported_first_and_then_enforced(start, aws, loop):
    balancer = make(aws)
    event = loop.put_rule_token(config_change(balancer))
    outcome = start(aws=aws, **loop.environment()).invoke(event)
    calls = names(aws)
    assert calls[0] == REPORT and MODIFY in calls
    assert aws.config.result(RULE, balancer.arn).compliance == "NON_COMPLIANT"
    assert answer(outcome)["reported"] == 1
    assert answer(outcome)["evaluations"][0]["compliance"] == "NON_COMPLIANT"
    assert ("enforce", "done") in actions(outcome)
    assert loop.mode_of(balancer.arn) == "defensive"
    assert loop.records(balancer.arn, "STATE")[0]["compliance"] == "COMPLIANT"


def test_reevaluation_is_started_when_the_reported_verdict_is_outdated(start, aws, loop):
    balancer = make(aws)
    event = loop.put_rule_token(config_change(balancer))
    outcome = start(aws=aws, **loop.environment()).invoke(event)
    assert actions(outcome)[-1] == ("reevaluate", "done")
    assert aws.config.started_rules == [RULE]


def test_b5_a_rule_of_another_policy_reports_and_does_nothing_else(start, aws, loop):
    balancer = make(aws)
    event = json.loads(loop.put_rule_token(config_change(balancer)))
    event["ruleParameters"] = json.dumps({"desyncMode": "strictest"})
    answer(start(aws=aws, **loop.environment()).invoke(event))
    assert aws.config.result(RULE, balancer.arn).compliance == "NON_COMPLIANT"
    assert (loop.mode_of(balancer.arn), loop.items(), loop.alerts()) == ("monitor", {}, [])


def test_an_item_that_is_out_of_date_leads_to_no_change(start, aws, loop):
    """It says monitor; live it was put right already."""
    balancer = make(aws, "strictest")
    event = loop.put_rule_token(config_change(balancer))
    answer(start(aws=aws, **loop.environment()).invoke(event))
    assert aws.counts[MODIFY] == 0 and loop.mode_of(balancer.arn) == "strictest"


@pytest.mark.parametrize("change", [{"evaluationMode": "PROACTIVE"}, {"resultToken": "TESTMODE"}])
def test_proactive_and_test_mode_events_are_only_judged(change, start, aws, loop):
    event = json.loads(loop.put_rule_token(config_change(make(aws)))) | change
    answer(start(aws=aws, **loop.environment()).invoke(event))
    assert set(names(aws)) == {REPORT}
    assert loop.items() == {}


def test_a_sweep_changes_no_more_than_allowed_and_the_next_one_goes_on(start, aws, loop):
    aws.reset()
    loop = ControlLoop(aws)
    weak = [make(aws).arn for _ in range(5)]
    function = start(aws=aws, **loop.environment(MAX_CHANGES_PER_RUN="2"))
    expected = [{"done": 2, "planned": 3}, {"done": 2, "planned": 1}, {"done": 1}, {}]
    for number, statuses in enumerate(expected, 1):
        outcome = function.invoke({"action": "sweep"})
        found = [s for action, s in actions(outcome) if action == "enforce"]
        assert {s: found.count(s) for s in found} == statuses
        modes = [loop.mode_of(arn) for arn in weak]
        assert modes.count("defensive") == min(2 * number, 5)
    assert len([s for s in loop.subjects() if s.startswith("Mode raised: ")]) == 5


# What is remembered

def test_table_items_match_the_contract(start, aws, loop):
    arn = make(aws).arn
    event = weakened(arn)
    started = aws.now()
    request_id = str(uuid.uuid4())
    answer(start(aws=aws, **loop.environment()).invoke(event, request_id=request_id))
    items = loop.items(arn)
    assert sorted(sk.partition("#")[0] for _, sk in items) == ["CHANGE", "INCIDENT", "SEEN", "STATE"]
    state, = loop.records(arn, "STATE")
    assert {name: state[name] for name in ("compliance", "mode", "requiredMode", "grade", "owner")} \
        == {"compliance": "COMPLIANT", "mode": "defensive", "requiredMode": "defensive",
            "grade": "D", "owner": "shop-team"}
    assert "nonCompliantSince" not in state
    incident, = loop.records(arn, "INCIDENT")
    assert events.seconds(incident["openedAt"]) == events.seconds(event["detail"]["eventTime"])
    assert incident["sk"] == f"INCIDENT#{incident['openedAt']}"
    assert incident["closedAt"] > incident["openedAt"]
    change, = loop.records(arn, "CHANGE")
    assert (change["before"], change["after"]) == ("monitor", "defensive")
    assert change["why"] == "the mode is weaker than required"
    assert change["lastWriter"] == "arn:aws:iam::123456789012:role/web-admin"
    assert change["writer"] == request_id
    seen = items[arn, f"SEEN#{event['detail']['eventID']}"]
    assert started + 24 * 3600 < seen["expires_at"] < started + 8 * 24 * 3600
    assert [i["sk"] for i in items.values() if "expires_at" in i] == [seen["sk"]]
    for item in items.values():
        for name, value in item.items():
            if name.endswith(("At", "Time", "Until", "Since")):
                assert TIME.fullmatch(value), (name, value)


def test_an_incident_lasts_from_weak_to_strong_and_is_alerted_twice(start, aws, loop):
    arn = make(aws).arn
    function = start(aws=aws, **loop.environment(ENFORCEMENT="off"))
    for _ in range(3):
        answer(function.invoke(weakened(arn)))
    opened, = loop.records(arn, "INCIDENT")
    assert "closedAt" not in opened
    loop.set_mode(arn, "defensive")
    for _ in range(3):
        answer(function.invoke(weakened(arn)))
    closed, = loop.records(arn, "INCIDENT")
    assert (closed["openedAt"], closed["closedAt"] > closed["openedAt"]) == (opened["openedAt"], True)
    assert [s.partition(":")[0] for s in loop.subjects()] == ["Non-compliant", "Resolved"]
    loop.set_mode(arn, "monitor")
    answer(function.invoke(weakened(arn)))
    assert len(loop.records(arn, "INCIDENT")) == 2
    assert len(loop.alerts()) == 3


@pytest.mark.parametrize("missing", ["ALERT_TOPIC_ARN", "CONFIG_RULE_NAME"])
def test_each_feature_is_off_without_its_resource(missing, start, aws, loop):
    arn = make(aws).arn
    outcome = start(aws=aws, **loop.environment(**{missing: None})).invoke(weakened(arn))
    assert ("enforce", "done") in actions(outcome)
    assert loop.mode_of(arn) == "defensive"
    used = {"ALERT_TOPIC_ARN": PUBLISH, "CONFIG_RULE_NAME": START_RULE}
    assert aws.counts[used[missing]] == 0


# Alerts

def test_an_alert_is_received_once_and_says_what_to_do(start, aws, loop):
    balancer = make(aws)
    answer(start(aws=aws, **loop.environment(ENFORCEMENT="off")).invoke(weakened(balancer.arn)))
    alert, = loop.alerts()
    assert alert.subject == f"Non-compliant: {balancer.name}, mode monitor (requires defensive)"
    assert len(alert.subject) < 100
    assert alert.attributes == {
        "severity": "HIGH", "owner": "shop-team", "finding": "MODE_TOO_WEAK", "mode": "monitor",
        "region": "eu-west-1", "account": "123456789012"}
    for words in (balancer.arn, "Owner: shop-team", "Not compliant since: ",
                  "aws elbv2 modify-load-balancer-attributes",
                  "https://eu-west-1.console.aws.amazon.com/ec2/home?region=eu-west-1#LoadBalancer:"
                  f"loadBalancerArn={balancer.arn}"):
        assert words in alert.body


def test_an_alert_about_a_raise_says_what_was_wrong_before(start, aws, loop):
    balancer = make(aws)
    answer(start(aws=aws, **loop.environment()).invoke(weakened(balancer.arn)))
    alert, = loop.alerts()
    assert alert.subject == f"Mode raised: {balancer.name}, mode defensive (was monitor)"
    assert (alert.attributes["finding"], alert.attributes["severity"]) == ("MODE_TOO_WEAK", "HIGH")
    assert alert.attributes["mode"] == "defensive"
    assert "MODE_TOO_WEAK" in alert.body.partition("Found before that:")[2]


def test_all_sandboxes_start_one_reevaluation_a_minute(start, aws, loop, api):
    first, second = make(aws).arn, make(aws).arn
    function = start(aws=aws, **loop.environment())
    assert actions(function.invoke(weakened(first)))[-1] == ("reevaluate", "done")
    function.stop()
    other = start(aws=aws, api=type(api)(), **loop.environment())
    assert actions(other.invoke(weakened(second)))[-1] == ("reevaluate", "skipped")
    assert aws.counts[START_RULE] == 1 and aws.config.started_rules == [RULE]
    other.api.stop()


def test_limit_error_of_config_is_no_failure(start, aws, loop):
    """Without a table nothing can be agreed upon: AWS Config itself says no."""
    first, second = make(aws).arn, make(aws).arn
    function = start(aws=aws, **loop.environment(STATE_TABLE=None, REEVALUATE="verdicts"))
    assert actions(function.invoke(weakened(first)))[-1] == ("reevaluate", "done")
    assert actions(function.invoke(weakened(second)))[-1] == ("reevaluate", "skipped")
    assert aws.counts[START_RULE] == 2 and aws.config.started_rules == [RULE]


def test_a_rule_that_does_not_exist_fails_after_everything_else_was_done(start, aws, loop):
    arn = make(aws).arn
    outcome = start(aws=aws, **loop.environment(CONFIG_RULE_NAME="misspelt")).invoke(weakened(arn))
    assert outcome.error_type == "Function.ActionFailed"
    assert "misspelt" in outcome.json()["errorMessage"]
    assert loop.mode_of(arn) == "defensive" and len(loop.alerts()) == 1


def test_a_security_hub_finding_fails_and_passes_under_one_id(start, aws, loop):
    arn = make(aws).arn
    function = start(aws=aws, **loop.environment(ENFORCEMENT="off", SECURITY_HUB="on"))
    hub = loop.client("securityhub")

    def mine():
        found = loop.look(lambda: hub.get_findings(MaxResults=100))["Findings"]
        return [f for f in found if f["Resources"][0]["Id"] == arn]

    answer(function.invoke(weakened(arn)))
    failed = mine()[-1]
    assert failed["Compliance"]["Status"] == "FAILED"
    loop.set_mode(arn, "defensive")
    answer(function.invoke(weakened(arn)))
    passed = mine()[-1]
    assert passed["Id"] == failed["Id"]
    assert passed["Compliance"]["Status"] == "PASSED"
    assert (failed["RecordState"], passed["RecordState"]) == ("ACTIVE", "ARCHIVED")
    loop.client("elbv2").delete_load_balancer(LoadBalancerArn=arn)
    answer(function.invoke(call("delete", arn)))
    assert (mine()[-1]["Id"], mine()[-1]["RecordState"]) == (failed["Id"], "ARCHIVED")
    assert aws.counts[SECURITY_HUB] == 3


# Other accounts

@pytest.fixture
def member(aws, loop):
    """A load balancer in another account, and a function that may go there."""
    number = next(numbers)
    balancer = LiveLoadBalancer(f"member-{number:x}", f"{number:016x}", "monitor",
                                {"Owner": "member-team"}, account=MEMBER)
    role = loop.client("sts").assume_role(
        RoleArn=f"arn:aws:iam::{MEMBER}:role/scene", RoleSessionName="scene")["Credentials"]
    scene = _Account(aws, role)
    fleet.create(scene, [balancer])
    assert loop.mode_of(balancer.arn, MEMBER) == "monitor"
    return balancer.arn


class _Account:
    """The local AWS as somebody in the other account sees it: enough for fleet.create."""

    def __init__(self, aws, credentials):
        self.aws, self.credentials = aws, credentials

    def client(self, service):
        return self.aws.client(service, aws_access_key_id=self.credentials["AccessKeyId"],
                               aws_secret_access_key=self.credentials["SecretAccessKey"],
                               aws_session_token=self.credentials["SessionToken"])

    def reset_counts(self):
        self.aws.reset_counts()


CENTRAL = {"CROSS_ACCOUNT_ROLE": "security/desync-guard-member", "EXTERNAL_ID": "a-shared-secret",
           "ALLOWED_ACCOUNTS": f"111122223333,{MEMBER}"}


def test_member_account_is_handled_through_its_role(start, aws, loop, member):
    function = start(aws=aws, **loop.environment(**CENTRAL))
    outcome = function.invoke(weakened(member))
    assert ("enforce", "done") in actions(outcome)
    assert loop.mode_of(member, MEMBER) == "defensive"
    assumed, = [each.form for each in aws.calls if each.name == "sts:AssumeRole"]
    assert assumed["RoleArn"] == f"arn:aws:iam::{MEMBER}:role/security/desync-guard-member"
    assert assumed["ExternalId"] == "a-shared-secret"
    # State and alerts stay at home, under the member's ARN.
    assert loop.records(member, "STATE")[0]["compliance"] == "COMPLIANT"
    assert loop.alerts()[0].attributes["account"] == MEMBER
    home = {each.name for each in aws.calls
            if aws.accounts.get(each.scope.access_key_id) != MEMBER}
    assert home >= {PUT_ITEM, UPDATE_ITEM, PUBLISH}
    assert not home & {READ_MODE, READ_TAGS, MODIFY}


def test_cached_session_and_our_own_account_serve_the_next_events(start, aws, loop, member):
    own = make(aws).arn
    function = start(aws=aws, **loop.environment(**CENTRAL))
    for arn in (member, own, member):
        answer(function.invoke(weakened(arn)))
    assert aws.counts["sts:AssumeRole"] == aws.counts["sts:GetCallerIdentity"] == 1
    assert loop.mode_of(member, MEMBER) == loop.mode_of(own) == "defensive"


def test_an_account_that_is_not_listed_is_refused(start, aws, loop, member):
    function = start(aws=aws, **loop.environment(**{**CENTRAL, "ALLOWED_ACCOUNTS": "111122223333"}))
    outcome = function.invoke(weakened(member))
    assert outcome.kind == "error" and MEMBER in outcome.json()["errorMessage"]
    assert "ALLOWED_ACCOUNTS" in outcome.json()["errorMessage"]
    assert aws.counts["sts:AssumeRole"] == aws.counts[MODIFY] == 0
    assert loop.items() == {} and loop.mode_of(member, MEMBER) == "monitor"


def test_b6_an_account_out_of_reach_keeps_its_watch_and_is_reported_once(start, aws, loop, member):
    changed = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=20)
    watch = {"pk": "WATCH", "sk": member, "status": "open", "before": "defensive",
             "after": "strictest", "changedAt": changed.strftime("%Y-%m-%dT%H:%M:%S.000Z")}
    counts = {"version": "1", "minutes": "60", "extended": "0", "untold": "0"}
    loop.look(lambda: loop.client("dynamodb").put_item(TableName=loop.table, Item={
        **{name: {"S": value} for name, value in watch.items()},
        **{name: {"N": value} for name, value in counts.items()}}))
    aws.faults.add("sts:AssumeRole", faults.access_denied(), times=99)
    function = start(aws=aws, **loop.environment(PROMOTION="enforce", **CENTRAL))
    for _ in range(2):
        function.invoke({"action": "watch"})
    assert loop.items()["WATCH", member]["status"] == "open"
    assert loop.subjects() == [f"Watch cannot look: {member.split('/')[2]}, mode strictest"]
