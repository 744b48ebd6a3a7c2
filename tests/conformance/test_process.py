# SPDX-License-Identifier: Apache-2.0
"""The shipped binary as a process: how it ends, and what never leaves it."""

import signal

import pytest

from sim.function import bootstrap_command
from sim.samples import good_event
from sim.wire import Answer

BAD_EVENT = b"{}"


@pytest.mark.parametrize("event", [good_event(), BAD_EVENT], ids=["response", "error"])
def test_case_20_no_trace_of_a_cause_is_sent(event, start, aws):
    """A cause for X-Ray would carry paths and messages to a second place; the log has them."""
    request = start(aws=aws).invoke(event).request
    assert [name for name, _ in request.headers if "xray" in name.lower()] == []


@pytest.mark.plain("a sanitizer and valgrind catch the signals of a crash, to report it")
@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE])
def test_case_21_a_crash_ends_the_process_by_its_signal(number, start, api):
    """No handler of ours catches it, so that the platform sees what it was, and starts anew."""
    function = start()
    function.wait_until_idle()
    function.process.send_signal(number)
    expected = {-number, 128 + number} if len(bootstrap_command()) > 1 else {-number}
    assert function.exit_code() in expected
    assert api.outcomes == []


@pytest.mark.plain("a sanitizer and valgrind report the crash")
def test_case_21_the_next_process_takes_the_event(start, api, aws):
    first = start(aws=aws)
    first.wait_until_idle()
    first.process.send_signal(signal.SIGSEGV)
    first.exit_code()
    assert start(aws=aws).invoke(good_event()).kind == "response"


@pytest.mark.parametrize("value, echoed", [
    ("attempt-1\rX-Smuggled: yes", "attempt-1 X-Smuggled: yes"),
    ("attempt-1\r\n X-Smuggled: yes", "attempt-1"), ("attempt-1\x0b", "attempt-1")],
    ids=["carriage_return", "folded", "control_character"])
def test_case_47_no_header_value_starts_another_header(value, echoed, start):
    """What is echoed comes from outside."""
    request_id = "8476a536-e9f4-11e8-9739-2dfe598c3fcd"
    head = (f"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nLambda-Runtime-Aws-Request-Id: {request_id}"
            f"\r\nLambda-Runtime-Invocation-Id: {value}\r\n\r\n")
    outcome = start().invoke(b"", request_id=request_id, answer=Answer(raw=head.encode() + b"{}"))
    assert outcome.request.header("X-Smuggled") is None
    assert outcome.request.header("Lambda-Runtime-Invocation-Id") == echoed


def test_case_47_nothing_of_an_event_reaches_a_header(start):
    """The type of an error is one of ours, whatever the message quotes."""
    inner = '{"messageType":"x\\r\\nX-Smuggled: yes"}'
    request = start().invoke(good_event(invokingEvent=inner)).request
    assert request.header("X-Smuggled") is None
    assert b"X-Smuggled" not in request.head
