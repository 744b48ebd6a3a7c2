# SPDX-License-Identifier: Apache-2.0
"""A fault at every call in turn of what is done about a weak load balancer: the report is never
lost, no alert is sent twice, no mode is ever lowered, and the repeated invocation ends the work."""

import itertools
import json
import uuid

import pytest

from sim import faults, fleet
from sim.control_loop import MODIFY, PUBLISH, REPORT, RULE, ControlLoop, call, config_change
from sim.fleet import LiveLoadBalancer
from sim.matrix import matrix
from sim.moto_backend import DESYNC_MODES

KINDS = {
    "throttle": faults.throttle,
    "reset": faults.reset_before,
    "500": faults.html,
    "garbage": faults.garbage,
    "lost-answer": faults.reset_in_headers,  # it was carried out, and nobody can know
}
TRIGGERS = ("elb-call", "config-change")
CALLS_MAX = 17  # more than any trigger leads to
numbers = itertools.count(0xF000)


@pytest.fixture(scope="module")
def aws(shared_aws):
    shared_aws.reset()
    yield shared_aws
    assert shared_aws.signature_failures == []
    shared_aws.reset()


class Case:
    """One load balancer of its own, its table and queue, and the event that says it is weak."""

    def __init__(self, aws, start, trigger, **environment):
        number = next(numbers)
        self.balancer = LiveLoadBalancer(f"hurt-{number:x}", f"{number:016x}", "monitor",
                                         {"Owner": "hurt-team"})
        self.aws, self.arn, self.trigger = aws, self.balancer.arn, trigger
        aws.forget()
        fleet.create(aws, [self.balancer])
        self.loop = ControlLoop(aws)
        self.event = (call("modify-attributes", self.arn) if trigger == "elb-call"
                      else self.loop.put_rule_token(config_change(self.balancer)))
        # No connection from before: curl would repeat by itself what fails on one.
        self.function = start(aws=aws, WARM_UP="off", ELB_REQUESTS_PER_SECOND="off",
                              **self.loop.environment(**environment))
        self.request_id = str(uuid.uuid4())

    def invoke(self, event=None):
        return self.function.invoke(event or self.event, request_id=self.request_id)

    def retry_as_lambda_does(self, outcome):
        """Two more attempts under the same id, while it fails."""
        for _ in range(2):
            if outcome.kind == "response":
                break
            outcome = self.invoke()
        return outcome

    def kept(self, kind):
        return [item for (_, sk), item in self.loop.items(self.arn).items()
                if sk.partition("#")[0] == kind]

    def modes_sent(self):
        return [each.form["Attributes.member.1.Value"] for each in self.aws.calls
                if each.name == MODIFY]

    def check(self):
        """What must hold whatever went wrong."""
        assert self.loop.mode_of(self.arn) in DESYNC_MODES[1:]
        assert set(self.modes_sent()) <= {"defensive"}
        alerts = self.loop.subjects()
        assert len(alerts) <= 1, alerts
        incidents, changes = self.kept("INCIDENT"), self.kept("CHANGE")
        assert len(incidents) <= 1 and all("closedAt" in each for each in incidents)
        assert len(changes) <= 1
        state, = self.kept("STATE")
        assert state["compliance"] == "COMPLIANT"
        assert not [name for name in state if name.startswith("pending")]
        if self.trigger == "config-change":
            first = self.aws.config.history[0]
            assert (first.resource_id, first.compliance) == (self.arn, "NON_COMPLIANT")

    def check_nothing_is_left_to_do(self):
        """The same event once more, and a new one: no further change, no further alert."""
        before, told = self.loop.records(self.arn, "CHANGE"), self.loop.subjects()
        changes = self.aws.counts[MODIFY]
        for event in (self.event, call("modify-terraform", self.arn)):
            self.request_id = str(uuid.uuid4())
            outcome = self.invoke(event)
            assert outcome.kind == "response", outcome.body
        assert self.aws.counts[MODIFY] == changes
        assert self.loop.records(self.arn, "CHANGE") == before
        assert self.loop.subjects() == told


@pytest.mark.parametrize("trigger", TRIGGERS)
def test_without_a_fault_there_is_a_change_an_incident_and_an_alert(trigger, aws, start):
    case = Case(aws, start, trigger)
    assert case.invoke().kind == "response"
    case.check()
    assert len(case.loop.records(case.arn, "CHANGE")) == 1
    assert len(case.loop.records(case.arn, "INCIDENT")) == 1
    assert len(case.loop.alerts()) == 1
    assert 10 <= len(aws.calls) < CALLS_MAX
    assert {seen["status"] for seen in case.loop.records(case.arn, "SEEN")} <= {"done"}
    case.check_nothing_is_left_to_do()


@pytest.mark.parametrize("trigger, kind, nth", matrix(TRIGGERS, KINDS, range(1, CALLS_MAX)))
def test_a_fault_at_any_call_that_is_not_repeated(trigger, kind, nth, aws, start):
    """Without retries of its own, each fault ends what the invocation was at."""
    case = Case(aws, start, trigger, AWS_MAX_ATTEMPTS="1")
    aws.faults.add("*", KINDS[kind](), nth=nth)
    outcome = case.invoke()
    names = [each.name for each in aws.calls]
    if len(names) < nth:
        assert outcome.kind == "response" and nth > 10
        return
    if trigger == "config-change" and names[nth - 1] != REPORT:
        assert aws.config.result(RULE, case.arn).compliance == "NON_COMPLIANT"
    assert case.retry_as_lambda_does(outcome).kind == "response"
    case.check()
    case.check_nothing_is_left_to_do()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "throttle"])
@pytest.mark.parametrize("trigger", TRIGGERS)
def test_retried_faults_give_the_result_of_a_run_without_faults(trigger, kind, aws, start):
    """Every second call fails once."""
    case = Case(aws, start, trigger)
    for nth in range(2, 2 * CALLS_MAX, 2):
        aws.faults.add("*", KINDS[kind](), nth=nth)
    assert case.retry_as_lambda_does(case.invoke()).kind == "response"
    case.check()
    aws.faults.clear()
    case.check_nothing_is_left_to_do()


@pytest.mark.parametrize("operation", ["Publish", "PutItem", "UpdateItem", "GetItem",
                                       "TransactWriteItems", "Modify"])
def test_permanent_fault_loses_no_report_and_work_ends_after_recovery(operation, aws, start):
    case = Case(aws, start, "config-change", AWS_MAX_ATTEMPTS="1")
    full = {"Publish": PUBLISH, "Modify": MODIFY}.get(operation, f"dynamodb:{operation}")
    aws.faults.add(full, faults.throttle(), times=99)
    outcome = case.retry_as_lambda_does(case.invoke())
    assert outcome.error_type == "Function.ActionFailed"
    assert outcome.json()["errorMessage"].startswith("reported, but: ")
    assert aws.config.result(RULE, case.arn).compliance == "NON_COMPLIANT"
    aws.faults.clear()
    assert case.invoke().kind == "response"
    case.check()
    if operation in ("Publish", "Modify"):
        assert len(case.loop.alerts()) == 1  # late, but sent
    assert json.loads(case.event)["resultToken"] not in case.function.log
