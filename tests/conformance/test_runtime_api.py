# SPDX-License-Identifier: Apache-2.0
"""The shipped binary as a client of the Lambda Runtime API: receiving events, posting outcomes.

The numbers are those of the list of cases the runtime was designed by: one number, one behaviour
that some published runtime gets wrong.
"""

import json
import os
import re
import signal
from dataclasses import replace

import pytest

from sim.runtime_api import BASE, RESPONSE_BYTES_MAX, Invocation
from sim.samples import event_of_size, good_event
from sim.wire import Answer

ERROR_TYPE = re.compile(r"(Runtime|Function)\.[A-Z][a-zA-Z]+")
BAD_EVENT = b"{}"  # answered with an error and without any AWS call


def with_body_encoded(event, encode, headers=""):
    """An invocation whose HTTP answer is written byte by byte: chunked as `encode` does it."""
    body = json.dumps(event).encode()
    invocation = Invocation(body)
    head = ("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n"
            f"Lambda-Runtime-Aws-Request-Id: {invocation.request_id}\r\n{headers}\r\n")
    return invocation.request_id, Answer(raw=head.encode() + encode(body))


def test_case_01_two_events_two_ids_one_connection(start, api, aws):
    function = start(aws=aws)
    first, second = function.invoke(good_event()), function.invoke(good_event())
    function.wait_until_idle()
    assert (first.kind, second.kind) == ("response", "response")
    assert first.request_id != second.request_id
    assert api.connections_opened == 1


def test_case_02_empty_event_is_an_error_not_a_crash(start):
    function = start()
    assert function.invoke(b"").error_type == "Function.InvalidEvent"
    function.wait_until_idle()


@pytest.mark.parametrize("size", [5_000, 1_000_000, 6 * 1024 * 1024])
def test_case_03_large_events_arrive_whole(size, start, aws):
    outcome = start(aws=aws).invoke(event_of_size(size))
    assert outcome.kind == "response", outcome.body


CHUNKINGS = {
    "one_byte_chunks": lambda body: b"".join(b"1\r\n%c\r\n" % byte for byte in body)
    + b"0\r\n\r\n",
    "upper_case_hex": lambda body: b"%X\r\n%s\r\n0\r\n\r\n" % (len(body), body),
    "leading_zeros": lambda body: b"0000%x\r\n%s\r\n0\r\n\r\n" % (len(body), body),
    "chunk_extension": lambda body: b"%x;name=value\r\n%s\r\n0\r\n\r\n" % (len(body), body),
    "trailer": lambda body: b"%x\r\n%s\r\n0\r\nX-Sum: 1\r\n\r\n" % (len(body), body),
    "crlf_in_data": lambda body: b"%x\r\n%s\r\n2\r\n\r\n\r\n0\r\n\r\n" % (len(body), body),
}


@pytest.mark.parametrize("encoding", CHUNKINGS)
def test_case_04_chunked_events_are_decoded_exactly(encoding, start, aws):
    request_id, answer = with_body_encoded(good_event(), CHUNKINGS[encoding])
    outcome = start(aws=aws).invoke(b"", request_id=request_id, answer=answer)
    assert outcome.kind == "response", outcome.body


def test_case_04_six_megabytes_in_384_chunks(start, api, aws):
    body = event_of_size(6 * 1024 * 1024).encode()
    pieces = [body[i:i + 16384] for i in range(0, len(body), 16384)]
    api.script("next", lambda answer: replace(answer, chunks=pieces))
    assert len(pieces) == 384
    assert start(aws=aws).invoke(body).kind == "response"


SMALL_BAD_EVENT = b'{"padding":"%s"}' % (b"x" * 1_500)  # small enough for Content-Length


@pytest.mark.parametrize("event, missing, kind", [
    pytest.param(event_of_size(9_000), 5, "response", id="last_chunk_missing"),
    pytest.param(event_of_size(9_000), 4_000, "response", id="chunk_cut"),
    pytest.param(SMALL_BAD_EVENT, 1, "error", id="length_short_by_one"),
    pytest.param(SMALL_BAD_EVENT, 900, "error", id="length_short")])
def test_case_05_a_cut_event_is_fetched_again_and_never_handled_in_part(
        event, missing, kind, start, api, aws):
    api.script("next", lambda answer: replace(answer, cut=len(answer.to_bytes()) - missing))
    assert start(aws=aws).invoke(event).kind == kind
    assert len(api.outcomes) == 1
    assert len(api.requests_to("next")) >= 2


@pytest.mark.parametrize("line", [
    "lambda-runtime-aws-request-id: {}", "LAMBDA-RUNTIME-AWS-REQUEST-ID: {}",
    "Lambda-Runtime-Aws-Request-Id:{}", "Lambda-Runtime-Aws-Request-Id:  {}",
    "Lambda-Runtime-Aws-Request-Id:\t{} "])
def test_case_06_header_names_in_any_case_and_any_blanks(line, start):
    request_id = "8476a536-e9f4-11e8-9739-2dfe598c3fcd"
    head = f"HTTP/1.1 200 OK\r\n{line.format(request_id)}\r\ncontent-length: 2\r\n\r\n"
    outcome = start().invoke(b"", request_id=request_id, answer=Answer(raw=head.encode() + b"{}"))
    assert outcome.request_id == request_id


def test_case_07_only_the_request_id_is_needed(start, aws):
    usual = ("Content-Type", "Lambda-Runtime-Deadline-Ms", "Lambda-Runtime-Invoked-Function-Arn",
             "Lambda-Runtime-Trace-Id")
    outcome = start(aws=aws).invoke(good_event(), headers=dict.fromkeys(usual))
    assert outcome.kind == "response"


def test_case_08_without_request_id_nothing_can_be_answered(start, api, aws):
    function = start(aws=aws)
    api.enqueue(good_event(), headers={"Lambda-Runtime-Aws-Request-Id": None})
    assert function.exit_code() != 0
    assert api.outcomes == []
    assert dict(aws.counts) == {}


@pytest.mark.parametrize("deadline", ["-1", "soon", "", "9223372036854775808", "1e20"])
def test_case_09_a_nonsense_deadline_is_no_deadline(deadline, start, aws):
    headers = {"Lambda-Runtime-Deadline-Ms": deadline}
    function = start(aws=aws)
    assert function.invoke(good_event(), headers=headers).kind == "response"
    function.wait_until_idle()


@pytest.mark.parametrize("deadline", ["0", "5000", "1"])
def test_case_09_a_deadline_long_past_does_not_crash(deadline, start, aws):
    function = start(aws=aws)
    function.invoke(good_event(), headers={"Lambda-Runtime-Deadline-Ms": deadline})
    assert function.invoke(good_event()).kind == "response"


@pytest.mark.parametrize("value", ["x" * 65536, "gr\u00fc\u00df", "\x80\xfe\xff"])
def test_case_10_huge_and_odd_header_values(value, start, aws):
    headers = {"Lambda-Runtime-Client-Context": value}
    function = start(aws=aws)
    assert function.invoke(good_event(), headers=headers).kind == "response"
    function.wait_until_idle()


@pytest.mark.parametrize("tenant", [None, "", "blue-corp"])
def test_case_11_the_tenant_is_logged_when_there_is_one(tenant, start):
    function = start()
    function.invoke(BAD_EVENT, headers={"Lambda-Runtime-Aws-Tenant-Id": tenant})
    function.wait_until_idle()
    lines = [json.loads(line) for line in function.log.splitlines()]
    tenants = {line["tenantId"] for line in lines if "tenantId" in line}
    assert tenants == ({tenant} if tenant else set())


def test_case_13_invocation_id_is_echoed_and_never_invented(start, aws):
    function = start(aws=aws)
    for event in (good_event(), BAD_EVENT):
        for attempt in ("attempt-1", None, "attempt-2"):
            headers = {"Lambda-Runtime-Invocation-Id": attempt}
            request = function.invoke(event, headers=headers).request
            assert request.header("Lambda-Runtime-Invocation-Id") == attempt


def test_case_14_next_is_asked_for_plainly(start, api):
    start().wait_until_idle()
    request = api.requests[0]
    assert request.head.startswith(f"GET {BASE}/invocation/next HTTP/1.1\r\n".encode())
    assert request.header("Host") == api.address
    assert re.fullmatch(r"[\w.-]+/[\w.-]+", request.header("User-Agent"))
    for name in ("Expect", "Content-Length", "Transfer-Encoding", "Authorization",
                 "Lambda-Runtime-Invocation-Id"):
        assert request.header(name) is None
    names = [name.lower() for name, _ in request.headers]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("event, kind", [(good_event(), "response"), (BAD_EVENT, "error")])
def test_case_15_outcomes_are_posted_with_an_exact_length(event, kind, start, aws):
    outcome = start(aws=aws).invoke(event)
    request = outcome.request
    assert request.head.startswith(
        f"POST {BASE}/invocation/{outcome.request_id}/{kind} HTTP/1.1\r\n".encode())
    assert request.header("Content-Length") == str(len(request.body))
    assert request.header("Content-Type") == "application/json"
    assert request.header("Transfer-Encoding") is None
    assert request.header("Expect") is None
    assert len(request.body) <= RESPONSE_BYTES_MAX


def test_case_17_a_413_is_not_followed_by_an_error(start, api, aws):
    api.script("response", lambda _: Answer(413, [], b'{"errorType":"RequestEntityTooLarge"}'))
    function = start(aws=aws)
    function.invoke(good_event())
    assert function.invoke(good_event()).kind == "response"
    assert api.requests_to("error") == []


def test_case_18_an_error_is_posted_in_lambdas_form(start):
    outcome = start().invoke(BAD_EVENT)
    assert outcome.status == 202
    body = outcome.json()
    assert body["errorType"] == "Function.InvalidEvent"
    assert body["errorMessage"]
    assert isinstance(body.get("stackTrace", []), list)
    sent = outcome.request.header("Lambda-Runtime-Function-Error-Type")
    assert ERROR_TYPE.fullmatch(sent) and sent == body["errorType"]


@pytest.mark.parametrize("text", ['"quoted\\', "two\nlines\r\n", "nul\x00inside", "del\x7f",
                                  "gr\u00fc\u00df \U0001f512", "x" * 100_000, "\ud800 lone half"])
def test_case_19_any_text_in_an_error_stays_valid_json(text, start):
    inner = json.dumps({"messageType": text, "configurationItem": {}})
    outcome = start().invoke(good_event(invokingEvent=inner))
    assert outcome.error_type == "Function.InvalidEvent"
    outcome.body.decode("utf-8")  # raises when it is no UTF-8
    for name, value in outcome.request.headers:
        assert "\n" not in value and len(value) < 1024, name


@pytest.mark.parametrize("status", [403, 500])
def test_cases_24_25_a_stuck_platform_ends_the_process_without_a_spin(status, start, api):
    body = b'{"errorType":"InvalidStateTransition"}'
    api.script("next", *[Answer(status, [], body)] * 50)
    assert start().exit_code() != 0
    assert len(api.requests) == 1


@pytest.mark.parametrize("answer", [
    Answer(410), Answer(503), Answer(raw=b"SSH-2.0-OpenSSH_9.2\r\n", close=True),
    Answer(502, [("Content-Type", "text/html")], b"<html>bad gateway</html>"),
    Answer(200, [("Content-Type", "text/html")], b"<html>who are you?</html>"),
    Answer(raw=b"", close=True), Answer(raw=b"", reset=True)],
    ids=["410", "503", "no_http", "html_502", "html_200", "closed", "reset"])
def test_case_26_a_broken_platform_gets_few_tries(answer, start, api):
    api.script("next", *[replace(answer) for _ in range(50)])
    assert start().exit_code() != 0
    assert 1 <= len(api.requests) <= 10
    assert api.outcomes == []


def test_case_27_connection_lost_while_waiting_is_made_anew(start, api, aws):
    function = start(aws=aws)
    function.wait_until_idle()
    api.drop_connections()
    assert function.invoke(good_event()).kind == "response"
    assert api.connections_opened == 2


@pytest.mark.parametrize("close", [
    lambda answer: replace(answer, close=True),
    lambda answer: replace(answer, cut=len(answer.to_bytes())),
], ids=["announced", "silent"])
def test_case_27_connection_closed_between_invocations(close, start, api, aws):
    api.script("response", close, close, close)
    function = start(aws=aws)
    for _ in range(3):
        assert function.invoke(good_event()).kind == "response"
    function.wait_until_idle()
    assert len(api.outcomes) == 3


def test_case_27_refused_connection_ends_the_process(start, api):
    address = api.address
    api.stop()
    assert start(AWS_LAMBDA_RUNTIME_API=address).exit_code() != 0


def test_case_28_next_is_waited_for_while_frozen(start, api, aws):
    function = start(aws=aws)
    function.wait_until_idle()
    os.kill(function.process.pid, signal.SIGSTOP)
    api.enqueue(good_event())
    assert api.wait(lambda: api.outcomes, timeout=1.5) == []
    os.kill(function.process.pid, signal.SIGCONT)
    assert api.wait(lambda: api.outcomes, alive=function.is_alive)
    assert api.outcomes[0].kind == "response"
    assert len(api.requests_to("next")) <= 2


def test_case_28_next_has_no_timeout(start, api, aws):
    api.script("next", lambda answer: replace(answer, delay=4))
    assert start(aws=aws).invoke(good_event()).kind == "response"
    assert api.connections_opened == 1


@pytest.mark.parametrize("endpoint, event", [("response", good_event()), ("error", BAD_EVENT)])
@pytest.mark.parametrize("status", [400, 403, 410])
def test_case_29_a_refused_outcome_does_not_end_the_process(status, endpoint, event, start, api,
                                                            aws):
    api.script(endpoint, lambda _: Answer(status, [], b'{"errorType":"InvalidRequestID"}'))
    function = start(aws=aws)
    function.invoke(event)
    assert function.invoke(good_event()).kind == "response"
    assert len(api.requests_to(endpoint)) == (2 if endpoint == "response" else 1)


@pytest.mark.parametrize("endpoint, event", [("response", good_event()), ("error", BAD_EVENT)])
def test_case_30_a_500_to_an_outcome_ends_the_process(endpoint, event, start, api, aws):
    api.script(endpoint, lambda _: Answer(500))
    function = start(aws=aws)
    function.invoke(event)
    assert function.exit_code() != 0


CUTS = {
    "before_reading": Answer(raw=b"", close=True),
    "after_reading": Answer(raw=b"", reset=True),
    "taken_then_reset": lambda answer: replace(answer, cut=0, reset=True),
    "taken_then_cut_in_headers": lambda answer: replace(answer, cut=25),
}


@pytest.mark.parametrize("cut", CUTS)
def test_case_31_an_outcome_cut_off_is_posted_once_more(cut, start, api, aws):
    api.script("response", CUTS[cut])
    function = start(aws=aws)
    function.invoke(good_event())
    function.wait_until_idle()
    assert function.invoke(good_event()).kind == "response"
    function.wait_until_idle()
    first, again, _ = [r for r in api.requests_to("response")]
    assert first.target == again.target
    assert again.body and (not first.body or first.body == again.body)


def test_case_32_an_answer_before_the_body_was_read(start, api, aws):
    api.script("response", Answer(413, [], b"{}", close=True))
    function = start(aws=aws)
    function.invoke(good_event())
    assert function.invoke(good_event()).kind == "response"
    assert function.is_alive()


def test_case_34_the_same_event_twice(start, api, aws):
    function = start(aws=aws)
    first = function.invoke(good_event(), request_id="11111111-2222-3333-4444-555555555555")
    again = function.invoke(good_event(), request_id="11111111-2222-3333-4444-555555555555")
    assert json.loads(first.body)["reported"] == json.loads(again.body)["reported"] == 1


def test_case_42_sigterm_ends_the_process_and_no_extension_is_registered(start, api, aws):
    function = start(aws=aws)
    function.invoke(good_event())
    function.wait_until_idle()
    assert [r.target.rpartition("/")[2] for r in api.requests] == ["next", "response", "next"]
    function.process.send_signal(signal.SIGTERM)
    assert function.exit_code() != 0


@pytest.mark.native("only a static binary runs by itself")
def test_case_49_needs_nothing_from_the_file_system(start, aws, tmp_path, bootstrap):
    if os.geteuid() != 0:
        pytest.skip("chroot needs root")
    (tmp_path / "bootstrap").write_bytes(bootstrap.read_bytes())
    (tmp_path / "bootstrap").chmod(0o755)
    function = start(aws=aws, command=["/bootstrap"],
                     process_options={"preexec_fn": lambda: os.chroot(tmp_path)})
    assert function.invoke(good_event()).kind == "response"
