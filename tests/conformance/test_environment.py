# SPDX-License-Identifier: Apache-2.0
"""The shipped binary and what surrounds it: variables, logs, memory, other connections, time."""

import contextlib
import datetime
import json
import os
import re
import signal
import threading
import time

import pytest

from sim import faults, process
from sim.function import bootstrap_command
from sim.runtime_api import BASE, RuntimeApi
from sim.samples import event_of_size, good_event
from sim.wire import Answer

BAD_EVENT = b"{}"
BAD_VARIABLES = {
    "DESYNC_MODE": "paranoid",
    "INTERNET_FACING_MODE": "monitor",
    "MAX_EXCEPTION_DAYS": "-1",
    "PROFILES": "modern",
    "DROP_INVALID_HEADERS": "maybe",
    "AWS_MAX_ATTEMPTS": "many",
    "AWS_USE_FIPS_ENDPOINT": "perhaps",
    "AWS_ENDPOINT_URL": "not a url",
    "AWS_REGION": "Ireland",
    "WARM_UP": "sometimes",
    "AWS_CA_BUNDLE": "/does/not/exist.pem",
}


def assert_init_error(function, api, variable):
    assert function.exit_code() != 0
    assert [(o.kind, o.error_type) for o in api.outcomes] == [
        ("init_error", "Runtime.InvalidConfiguration")]
    assert variable in api.outcomes[0].json()["errorMessage"]
    request = api.outcomes[0].request
    assert request.header("Lambda-Runtime-Function-Error-Type") == "Runtime.InvalidConfiguration"
    assert request.header("Lambda-Runtime-Invocation-Id") is None
    assert api.requests_to("next") == []


@pytest.mark.parametrize("variable", BAD_VARIABLES)
def test_case_22_a_bad_variable_is_named_at_init(variable, start, api):
    function = start(**{variable: BAD_VARIABLES[variable]})
    assert_init_error(function, api, variable)


@pytest.mark.parametrize("variable", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
def test_case_22_a_missing_variable_is_named_at_init(variable, start, api):
    assert_init_error(start(**{variable: None}), api, variable)


def test_case_22_a_missing_region_is_named_at_init(start, api):
    function = start(AWS_REGION=None, AWS_DEFAULT_REGION=None)
    assert_init_error(function, api, "AWS_REGION")


def test_a_blank_variable_counts_as_not_given(start, aws):
    function = start(aws=aws, DESYNC_MODE=" ", MAX_EXCEPTION_DAYS="", AWS_MAX_ATTEMPTS="")
    assert function.invoke(good_event()).kind == "response"


@pytest.mark.parametrize("answer", [Answer(403), Answer(500), Answer(raw=b"", reset=True)],
                         ids=["403", "500", "reset"])
def test_case_23_process_ends_after_any_answer_to_init_error(answer, start, api):
    api.script("init_error", answer, answer, answer)
    assert start(DESYNC_MODE="paranoid").exit_code() != 0
    assert 1 <= len(api.requests_to("init_error")) <= 2
    assert api.requests_to("next") == []


TRACE = "Root=1-5f84c7a1-9b3d2e6c0f4a8d7b1e5c9a3f;Parent=53995c3f42cd8ad8;Sampled=1"


@pytest.mark.plain("a C library of one's own may leave what was set before in memory")
def test_case_12_the_trace_id_is_in_the_environment_while_there_is_one(start, traces_of):
    function = start()
    function.wait_until_idle()
    assert traces_of(function) == set()
    for trace in (TRACE, TRACE.replace("5f84", "5f85"), None):
        function.invoke(BAD_EVENT, headers={"Lambda-Runtime-Trace-Id": trace})
        function.wait_until_idle()
        assert traces_of(function) == ({trace} if trace else set())


@pytest.mark.timely("promises seconds, and valgrind makes many of one")
def test_case_33_a_call_past_the_deadline_is_given_up_in_time(start, api, aws):
    aws.faults.add("config:PutEvaluations", faults.delay(6), times=9)
    deadline = int(time.time() * 1000) + 1_500
    api.script("error", lambda _: Answer(410, [], b'{"errorType":"InvokeTimeout"}'))
    function = start(aws=aws)
    outcome = function.invoke(good_event(), headers={"Lambda-Runtime-Deadline-Ms": str(deadline)})
    # The platform would have ended the process at the deadline, and its own error with it.
    assert time.time() * 1000 < deadline
    assert outcome.kind == "error"
    aws.faults.clear()
    assert function.invoke(good_event()).kind == "response"


@pytest.mark.plain("what was freed is kept for a while, to be watched")
def test_case_35_ten_thousand_invocations_leave_nothing_behind(start, api, aws):
    """One in a hundred reports to AWS, whose stand-in would take most of the time."""
    function = start(aws=aws, AWS_LAMBDA_LOG_LEVEL="FATAL")
    pid = function.process.pid

    def invoke_many(count):
        for i in range(count):
            kind = "error" if i % 100 else "response"
            assert function.invoke(BAD_EVENT if i % 100 else good_event()).kind == kind

    invoke_many(500)
    memory, files = process.resident_kilobytes(pid), process.open_files(pid)
    invoke_many(9_500)
    assert process.resident_kilobytes(pid) <= memory + 64
    assert process.open_files(pid) == files
    assert api.connections_opened == 1


@pytest.mark.plain("what was freed is kept for a while, to be watched")
def test_case_36_memory_for_a_large_event_does_not_add_up(start, aws):
    function = start(aws=aws)
    pid, large = function.process.pid, event_of_size(6 * 1024 * 1024)
    assert function.invoke(large).kind == function.invoke(large).kind == "response"
    memory = process.resident_kilobytes(pid)
    for _ in range(5):
        assert function.invoke(large).kind == function.invoke(good_event()).kind == "response"
    assert process.resident_kilobytes(pid) <= memory + 1024


def test_case_37_proxies_and_netrc_are_ignored(start, api, aws, tmp_path):
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login somebody password secret\n")
    (tmp_path / ".curlrc").write_text("proxy = 127.0.0.1:1\n")
    proxies = {name: "http://127.0.0.1:1" for name in (
        "http_proxy", "https_proxy", "all_proxy", "HTTPS_PROXY", "ALL_PROXY")}
    function = start(aws=aws, HOME=str(tmp_path), CURL_HOME=str(tmp_path), **proxies)
    assert function.invoke(good_event()).kind == "response"
    assert all(request.header("Authorization") is None for request in api.requests)


@pytest.mark.parametrize("value", [
    "127.0.0.1", "127.0.0.1:", ":9001", "127.0.0.1:nine", "127.0.0.1:99999", "127.0.0.1:0",
    "http://127.0.0.1:9001", "[::1:9001", "a b:9001"])
def test_case_38_a_malformed_runtime_api_is_named(value, start):
    function = start(AWS_LAMBDA_RUNTIME_API=value)
    assert function.exit_code() not in (0, -6, -11)
    assert "AWS_LAMBDA_RUNTIME_API" in function.log


def test_case_38_the_runtime_api_on_ipv6(start, aws):
    try:
        api = RuntimeApi(host="::1")
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    assert start(aws=aws, api=api).invoke(good_event()).kind == "response"
    api.stop()


def test_case_39_nobody_reads_the_log(start, aws):
    read_end, write_end = os.pipe()
    os.close(read_end)
    options = {"stdout": write_end, "stderr": write_end}
    function = start(aws=aws, process_options=options, AWS_LAMBDA_LOG_LEVEL="TRACE")
    assert function.invoke(BAD_EVENT).kind == "error"
    assert function.invoke(good_event()).kind == "response"
    os.close(write_end)


def drain(read_end):
    """All that is in the pipe now."""
    os.set_blocking(read_end, False)
    content = b""
    with contextlib.suppress(BlockingIOError):
        while some := os.read(read_end, 65_536):
            content += some
    return content.decode()


def test_case_39_a_log_that_nobody_reads_stops_nothing(start, aws):
    """The pipe is full after some 60 invocations. Lost lines are reported once somebody reads."""
    read_end, write_end = os.pipe()
    options = {"stdout": write_end, "stderr": write_end}
    function = start(aws=aws, process_options=options, AWS_LAMBDA_LOG_LEVEL="TRACE")
    ids = [function.invoke(BAD_EVENT).request_id for _ in range(400)]
    function.wait_until_idle()
    assert function.invoke(good_event()).kind == "response"
    function.wait_until_idle()
    unread = drain(read_end)
    assert ids[0] in unread and ids[-1] not in unread
    last = function.invoke(BAD_EVENT).request_id
    function.wait_until_idle()
    lines = [json.loads(line) for line in drain(read_end).splitlines() if line]
    assert lines[0]["event"] == "log_lines_lost" and lines[0]["lines"] >= 300
    assert [line["event"] for line in lines].count("log_lines_lost") == 1
    assert {line.get("requestId") for line in lines[1:]} == {last}
    os.close(read_end)
    os.close(write_end)


def test_case_39_long_lines_arrive_whole_where_somebody_reads(start, aws):
    """An event that quotes 1 MB at us, and a reader that takes the log in small bites."""
    read_end, write_end = os.pipe()
    options = {"stdout": write_end, "stderr": write_end}
    function = start(aws=aws, process_options=options, AWS_LAMBDA_LOG_LEVEL="TRACE")
    os.close(write_end)
    bites = []

    def read():
        bites.extend(iter(lambda: os.read(read_end, 4096), b""))

    reader = threading.Thread(target=read)
    reader.start()
    inner = json.dumps({"messageType": "x" * 1024 * 1024})
    ids = {function.invoke(good_event(invokingEvent=inner)).request_id for _ in range(100)}
    function.wait_until_idle()
    function.stop()
    reader.join()
    os.close(read_end)
    lines = [json.loads(line) for line in b"".join(bites).splitlines()]
    assert ids <= {line.get("requestId") for line in lines}
    assert "log_lines_lost" not in {line["event"] for line in lines}


LEVELS = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"]


@pytest.mark.parametrize("level", LEVELS)
def test_case_40_json_log_lines_have_lambdas_keys_and_levels(level, start, aws):
    function = start(aws=aws, AWS_LAMBDA_LOG_LEVEL=level)
    good, bad = function.invoke(good_event()), function.invoke(BAD_EVENT)
    function.wait_until_idle()
    lines = [json.loads(line) for line in function.log.splitlines()]
    for line in lines:
        datetime.datetime.fromisoformat(line["timestamp"].replace("Z", "+00:00"))
        assert LEVELS.index(line["level"]) >= LEVELS.index(level)
    logged = {line.get("requestId") for line in lines}
    assert (good.request_id in logged) == (level in ("TRACE", "DEBUG", "INFO"))
    assert (bad.request_id in logged) == (level != "FATAL")


def test_case_41_a_text_log_keeps_one_event_on_one_line(start):
    function = start(AWS_LAMBDA_LOG_FORMAT="Text")
    inner = json.dumps({"messageType": "first-part\nsecond-part"})
    function.invoke(good_event(invokingEvent=inner))
    function.wait_until_idle()
    lines = [line for line in function.log.split("\n") if "second-part" in line]
    assert len(lines) == 1 and r"first-part\nsecond-part" in lines[0]


def test_case_46_a_connection_that_died_while_frozen_is_replaced(start, aws):
    function = start(aws=aws)
    first = function.invoke(good_event())
    function.wait_until_idle()
    opened = aws.connections_opened
    os.kill(function.process.pid, signal.SIGSTOP)
    aws.drop_connections()
    os.kill(function.process.pid, signal.SIGCONT)
    again = function.invoke(good_event())
    assert (first.kind, again.kind) == ("response", "response")
    assert aws.counts["config:PutEvaluations"] == 2
    assert aws.connections_opened == opened + 1


@pytest.mark.native("the warm-up ends after 250 ms, in which an emulator may not be ready")
def test_warm_up_connects_before_the_first_event_and_calls_nothing(start, aws):
    function = start(aws=aws)
    function.wait_until_idle()
    assert (aws.pings, dict(aws.counts)) == (1, {})
    opened = aws.connections_opened
    assert function.invoke(good_event()).kind == "response"
    assert aws.connections_opened == opened


def test_warm_up_can_be_switched_off(start, aws):
    opened = aws.connections_opened
    start(aws=aws, WARM_UP="off").wait_until_idle()
    assert aws.connections_opened == opened


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "https://127.0.0.1:1"])
def test_warm_up_that_fails_does_not_matter(url, start):
    start(AWS_ENDPOINT_URL=url).wait_until_idle()


def test_case_50_nothing_but_next_before_the_first_event(start, api):
    start().wait_until_idle()
    assert [request.target for request in api.requests] == [f"{BASE}/invocation/next"]
    assert api.connections_opened == 1


SYSCALLS_MAX = 30  # 26 of this libc and curl; 60 were the budget


@pytest.fixture
def traced(start, api, tmp_path):
    """A function that waits for its first event, and the file with its system calls."""
    why = process.why_no_strace(tmp_path)
    if why or os.environ.get("BOOTSTRAP_PREFIX"):
        pytest.skip(why or "these would be the emulator's system calls")
    path = tmp_path / "calls"
    function = start(command=[*process.strace(path), *bootstrap_command()], WARM_UP="off")
    function.wait_until_idle()
    # The call may arrive here before strace has written it down.
    assert api.wait(lambda: "invocation/next" in path.read_text(errors="replace"))
    return function, path


@pytest.mark.plain("those of the sanitizers would be counted, too")
def test_case_50_few_system_calls_to_the_first_event(traced):
    _, path = traced
    calls = process.calls_up_to_next(path)
    assert len(calls) <= SYSCALLS_MAX, calls
    assert "execve" in calls and "connect" in calls


def test_case_28_idle_process_is_never_woken(traced, api):
    """A limit of time for the answer would show in how long curl lets the system wait; its longest
    is a minute, once the second for connecting is over."""
    function, path = traced

    def waits():
        return [int(wait) for wait in re.findall(r"poll\(.*\], \d+, (\d+)", path.read_text())]

    assert api.wait(lambda: max(waits(), default=0) > 2_000, alive=function.is_alive), waits()
    assert max(waits()) == 60_000


@pytest.mark.native("the emulator's memory is not ours")
def test_case_36_events_of_many_shapes_fit_a_small_function(start):
    """What one shape of event leaves behind is of use to the next: nothing adds up."""
    function = start(command=["prlimit", "--as=134217728", *bootstrap_command()], WARM_UP="off")
    for length in (60, 66, 80, 100, 130, 250, 500, 3_000, 60_000):
        count = min(95_000, 6 * 1024 * 1024 // (length + 3))
        event = json.dumps({"p": ["x" * length] * count}, separators=(",", ":"))
        assert function.invoke(event).error_type == "Function.InvalidEvent"
    assert process.resident_kilobytes(function.process.pid) <= 65_536
