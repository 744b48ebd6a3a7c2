# SPDX-License-Identifier: Apache-2.0
"""AWS_MAX_ATTEMPTS is a cap, as in AWS's SDKs: whatever the call, and however patient the program is
with it where the variable is not set, no request is sent more often than it says.
"""

import collections

import pytest

from sim import faults
from sim.fault_matrix import TARGETS, Target
from sim.fault_scenes import Stage, furnish
from sim.function import Function
from sim.matrix import matrix
from sim.aws import LocalAws
from sim.runtime_api import RuntimeApi

# Answers that never change, and that the program repeats a call for where it may.
FOREVER = {
    "throttled": faults.throttle,
    "busy": lambda: faults.bare_status(503),
    "unreadable": faults.garbage,
    "missing": lambda: faults.error("LoadBalancerNotFound", "no such load balancer"),
    "expired": faults.expired_token,
}


@pytest.fixture(scope="module")
def stage():
    shared = LocalAws()
    furnish(shared)
    yield Stage(shared)
    shared.stop()


def play(stage, target, kind, times=10**6, **environment):
    """Delivers the event that leads to the call; returns the requests."""
    stage.reset()
    event = target.scene.event(stage)
    stage.aws.reset_counts()
    stage.aws.faults.add(target.operation, FOREVER[kind](), times=times)
    variables = {**target.scene.environment(stage), **environment}
    api = RuntimeApi()
    try:
        with Function(api, aws=stage.aws, **variables) as function:
            function.invoke(event, headers={
                "Lambda-Runtime-Invoked-Function-Arn": stage.function_arn})
    finally:
        api.stop()
    return [call.request for call in stage.aws.calls if call.name == target.operation]


def content(request):
    """What is asked: two requests that differ in it are two requests, of another page maybe."""
    return request.target, request.header("Range"), request.body


def name(value):
    return f"{value.name} / {value.scene.name}" if isinstance(value, Target) else None


@pytest.mark.parametrize("target, kind, attempts", matrix(TARGETS, FOREVER, (1, 2)), ids=name)
def test_no_request_is_sent_more_often_than_the_variable_says(stage, target, kind, attempts):
    requests = play(stage, target, kind, AWS_MAX_ATTEMPTS=str(attempts))
    assert requests, "the event did not lead to the call"
    by_content = collections.Counter(map(content, requests))
    assert max(by_content.values()) <= attempts, by_content.most_common(1)
    by_id = collections.Counter(r.header("amz-sdk-invocation-id") for r in requests)
    assert max(by_id.values()) <= attempts
    for request in requests:
        assert request.header("amz-sdk-request").endswith(f"max={min(attempts, limit(target))}")


def limit(target):
    """A change of the mode rests on the reading before it: each of its attempts is a call."""
    return 1 if target.operation == "elbv2:ModifyLoadBalancerAttributes" else 10


@pytest.mark.parametrize("target", [t for t in TARGETS if t.attempts == 6 and not t.waits], ids=name)
def test_without_the_variable_a_throttled_call_has_more_patience(stage, target):
    requests = play(stage, target, "throttled")
    by_id = collections.Counter(r.header("amz-sdk-invocation-id") for r in requests)
    assert max(by_id.values()) == 6


def test_f1_a_throttled_read_waits_for_longer_than_three_attempts(stage):
    read, = [t for t in TARGETS if t.name.endswith("DescribeTags")]
    assert len(play(stage, read, "throttled", times=3)) == 4


@pytest.mark.parametrize("attempts", [1, 2])
def test_f2_the_variable_caps_a_read_whose_throttling_a_sweep_waits_out(stage, attempts):
    read, = [t for t in TARGETS if t.operation == "elbv2:DescribeLoadBalancerAttributes"
             and t.scene.name.startswith("scheduled sweep")]
    requests = play(stage, read, "throttled", AWS_MAX_ATTEMPTS=str(attempts))
    assert set(collections.Counter(map(content, requests)).values()) == {attempts}
