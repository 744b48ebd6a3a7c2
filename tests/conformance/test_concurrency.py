# SPDX-License-Identifier: Apache-2.0
"""Several invocations at once in one process (AWS_LAMBDA_MAX_CONCURRENCY)."""

import json
import time

import pytest

from sim import faults
from sim.concurrent_api import ConcurrentApi
from sim.samples import good_event
from sim.wire import Answer

WORKERS = 8


@pytest.fixture
def api():
    api = ConcurrentApi(WORKERS)
    yield api
    api.stop()


def wait(api, function, condition):
    assert api.wait(condition, alive=function.is_alive), function.log


def test_case_44_waiting_workers_equal_the_maximum_concurrency(start, api, aws):
    function = start(aws=aws, AWS_LAMBDA_MAX_CONCURRENCY=str(WORKERS))
    wait(api, function, lambda: api.waiting == WORKERS)
    time.sleep(0.2)
    assert api.waiting_max == WORKERS and len(api.requests_to("next")) == WORKERS


@pytest.mark.native("an emulator may take longer for its threads than AWS for its answer")
def test_case_44_invocations_overlap_and_each_gets_its_own_answer(start, api, aws):
    aws.faults.add("config:PutEvaluations", faults.delay(0.5), times=WORKERS)
    function = start(aws=aws, AWS_LAMBDA_MAX_CONCURRENCY=str(WORKERS))
    wait(api, function, lambda: api.waiting == WORKERS)
    events = [api.enqueue(good_event() if i % 2 else b"{}") for i in range(4 * WORKERS)]
    wait(api, function, lambda: len(api.outcomes) == len(events))
    kinds = {o.request_id: o.kind for o in api.outcomes}
    for i, event in enumerate(events):
        assert kinds[event.request_id] == ("response" if i % 2 else "error")
    assert {o.status for o in api.outcomes} == {202}
    assert api.running_max >= WORKERS // 2  # those that wait for AWS hold up nobody else
    # The line comes after the outcome was posted.
    wait(api, function, lambda: function.log.count("invocation_end") == len(events))
    ids = {json.loads(line).get("requestId") for line in function.log.splitlines()
           if "invocation_end" in line}
    assert ids == {e.request_id for e in events}


def test_case_44_one_worker_that_ends_does_not_end_the_others(start, api, aws):
    api.script("next", Answer(500))
    function = start(aws=aws, AWS_LAMBDA_MAX_CONCURRENCY=str(WORKERS))
    wait(api, function, lambda: api.waiting == WORKERS - 1)
    assert function.invoke(good_event()).kind == "response"
    assert function.is_alive()


@pytest.mark.parametrize("place", [1, WORKERS], ids=["first_to_ask", "last_to_ask"])
def test_case_44_the_process_lives_until_the_last_worker_ends(place, start, api, aws):
    """One is left: the first to ask, then the last. main()'s own thread cannot be both, so that in
    one of the two it ends before others."""
    api.script("next", *[None if i == place else Answer(500) for i in range(1, WORKERS + 1)])
    function = start(aws=aws, AWS_LAMBDA_MAX_CONCURRENCY=str(WORKERS))
    wait(api, function, lambda: len(api.requests_to("next")) == WORKERS)
    wait(api, function, lambda: function.log.count("next_failed") == WORKERS - 1)
    for _ in range(3):
        assert function.invoke(good_event()).kind == "response"
    wait(api, function, lambda: api.waiting == 1)
    api.enqueue(b"", answer=Answer(500))
    assert function.exit_code() == 1
    assert function.log.count("next_failed") == WORKERS


def test_case_12_no_trace_id_where_the_environment_has_several_users(start, api, aws, traces_of):
    function = start(aws=aws, AWS_LAMBDA_MAX_CONCURRENCY="2")
    trace = "Root=1-5f84c7a1-9b3d2e6c0f4a8d7b1e5c9a3f"
    function.invoke(good_event(), headers={"Lambda-Runtime-Trace-Id": trace})
    assert traces_of(function) == set()


@pytest.mark.parametrize("value", ["0", "-1", "many"])
def test_case_44_a_bad_number_of_workers_is_named(value, start, api):
    function = start(AWS_LAMBDA_MAX_CONCURRENCY=value)
    assert function.exit_code() != 0
    assert "AWS_LAMBDA_MAX_CONCURRENCY" in api.outcomes[0].json()["errorMessage"]
