# SPDX-License-Identifier: Apache-2.0
"""AWS misbehaves; the function reports the truth, or fails so that Lambda repeats the event."""

import json

import pytest

from sim import events, faults
from sim.aws import LocalAws
from sim.concurrent_api import ConcurrentApi
from sim.tls import TestCa

RULE = "desync-guard"
PUT = "config:PutEvaluations"
READ_MODE = "elbv2:DescribeLoadBalancerAttributes"
READ_TAGS = "elbv2:DescribeTags"

ONCE = {  # what one retry gets over
    "throttle": faults.throttle,
    "throttle_retry_after": lambda: faults.throttle(retry_after_ms=20),
    "html_500": faults.html,
    "status_503": faults.bare_status,
    "reset_before": faults.reset_before,
    "reset_in_headers": faults.reset_in_headers,
    "reset_in_body": faults.reset_in_body,
    "cut_in_body": faults.cut_in_body,
    "truncated": faults.truncated,
    "empty_200": faults.empty,
    "garbage": faults.garbage,
}
ALWAYS = {**ONCE, "huge": faults.huge, "access_denied": faults.access_denied,
          "expired_token": faults.expired_token}


def prepared(aws, name):
    event = events.load(name)
    aws.config.add_token(json.loads(event)["resultToken"], RULE)
    return event


@pytest.mark.parametrize("kind", ONCE)
def test_report_survives_one_failure(kind, start, aws):
    event = prepared(aws, "config-change.monitor-owner")
    aws.faults.add(PUT, ONCE[kind]())
    outcome = start(aws=aws).invoke(event)
    assert outcome.kind == "response", outcome.body
    assert outcome.json()["reported"] == 1
    assert aws.counts[PUT] == 2
    assert aws.config.result(RULE, events.resource_id(event)).compliance == "NON_COMPLIANT"


def replaced(function, start, aws):
    """What Lambda makes in the place of an environment that has ended by itself."""
    assert function.exit_code() == 1
    assert "credentials_expired" in function.log
    return start(aws=aws, WARM_UP="off")


@pytest.mark.parametrize("kind", ALWAYS)
def test_report_that_never_succeeds_fails_the_invocation(kind, start, aws):
    event = prepared(aws, "config-change.monitor-owner")
    aws.faults.add(PUT, ALWAYS[kind](), times=99)
    # Without warm-up: curl repeats by itself what failed on a connection from before.
    # With a cap: a throttled report waits until the deadline.
    function = start(aws=aws, WARM_UP="off", AWS_MAX_ATTEMPTS="3")
    outcome = function.invoke(event)
    assert outcome.kind == "error"
    assert outcome.error_type.startswith("Function.")
    assert "PutEvaluations" in outcome.json()["errorMessage"]
    assert aws.counts[PUT] <= 3
    aws.faults.clear()
    if kind == "expired_token":
        function = replaced(function, start, aws)
    assert function.invoke(event).kind == "response"


@pytest.mark.parametrize("operation", [READ_MODE, READ_TAGS])
@pytest.mark.parametrize("kind", ONCE)
def test_live_read_survives_one_failure(kind, operation, start, aws_with_fleet):
    aws = aws_with_fleet
    event = prepared(aws, "config-change.stale-item")
    aws.faults.add(operation, ONCE[kind]())
    outcome = start(aws=aws).invoke(event)
    assert outcome.kind == "response", outcome.body
    assert outcome.json()["evaluations"][0]["compliance"] == "COMPLIANT"
    assert aws.counts[operation] == 2


@pytest.mark.parametrize("operation", [READ_MODE, READ_TAGS])
@pytest.mark.parametrize("kind", ALWAYS)
def test_unreadable_facts_are_never_reported(kind, operation, start, aws_with_fleet):
    aws = aws_with_fleet
    event = prepared(aws, "config-change.stale-item")
    aws.faults.add(operation, ALWAYS[kind](), times=99)
    function = start(aws=aws, AWS_MAX_ATTEMPTS="3")
    outcome = function.invoke(event)
    assert outcome.kind == "error"
    assert outcome.error_type.startswith("Function.")
    assert operation.partition(":")[2] in outcome.json()["errorMessage"]
    assert aws.counts[PUT] == 0
    if kind == "expired_token":
        function = replaced(function, start, aws)
    function.wait_until_idle()


@pytest.mark.parametrize("kind", ["access_denied", "expired_token", "huge"])
def test_permanent_errors_are_not_retried(kind, start, aws):
    event = prepared(aws, "config-change.monitor-owner")
    aws.faults.add(PUT, ALWAYS[kind](), times=99)
    assert start(aws=aws).invoke(event).kind == "error"
    assert aws.counts[PUT] == 1


@pytest.mark.parametrize("operation, sample", [
    (PUT, "config-change.monitor-owner"), (READ_MODE, "config-change.stale-item"),
    (READ_TAGS, "config-change.stale-item")])
def test_sandbox_with_expired_credentials_is_replaced(
        operation, sample, start, aws_with_fleet):
    aws = aws_with_fleet
    event = prepared(aws, sample)
    function = start(aws=aws, WARM_UP="off")
    assert function.invoke(event).kind == "response"
    aws.faults.add(operation, faults.expired_token(), times=99)
    outcome = function.invoke(event)
    assert (outcome.kind, outcome.status) == ("error", 202)
    assert "ExpiredToken" in outcome.json()["errorMessage"]
    aws.faults.clear()
    assert replaced(function, start, aws).invoke(event).kind == "response"


@pytest.mark.parametrize("code", ["RequestExpired", "UnrecognizedClientException", "AccessDenied"])
def test_sandbox_continues_after_other_errors(code, start, aws):
    event = prepared(aws, "config-change.monitor-owner")
    function = start(aws=aws, WARM_UP="off")
    aws.faults.add(PUT, faults.error(code), times=99)
    assert function.invoke(event).kind == "error"
    aws.faults.clear()
    assert function.invoke(event).kind == "response"


def test_each_worker_whose_credentials_expired_ends_after_its_answer(start, aws):
    event = prepared(aws, "config-change.monitor-owner")
    api = ConcurrentApi(2)
    try:
        function = start(api=api, aws=aws, AWS_LAMBDA_MAX_CONCURRENCY="2", WARM_UP="off")
        aws.faults.add(PUT, faults.expired_token(), times=99)
        assert function.invoke(event).kind == "error"
        assert function.is_alive()
        assert function.invoke(event).kind == "error"
        assert function.exit_code() == 1
    finally:
        api.stop()


def test_access_denied_names_code_and_operation(start, aws):
    event = prepared(aws, "config-change.monitor-owner")
    aws.faults.add(PUT, faults.access_denied())
    message = start(aws=aws).invoke(event).json()["errorMessage"]
    assert "AccessDenied" in message and "PutEvaluations" in message


def test_an_unknown_mode_is_unknown_and_not_weak(start, aws_with_fleet, monkeypatch):
    aws = aws_with_fleet
    event = prepared(aws, "config-change.mode-missing")
    arn = events.resource_id(event)
    attributes = aws.moto.load_balancers("eu-west-1")[arn].attrs
    monkeypatch.setitem(attributes, "routing.http.desync_mitigation_mode", "turbo")
    outcome = start(aws=aws).invoke(event)
    assert outcome.kind == "error"
    assert "turbo" in outcome.json()["errorMessage"]
    assert aws.counts[PUT] == 0


def test_failed_evaluations_are_sent_again(start, aws):
    event = prepared(aws, "config-change.monitor-owner")
    aws.config.refuse(events.resource_id(event), times=1)
    outcome = start(aws=aws).invoke(event)
    assert outcome.json()["reported"] == 1
    assert aws.counts[PUT] == 2
    assert len(aws.config.history) == 1


def test_an_evaluation_refused_for_good_fails_the_invocation(start, aws):
    event = prepared(aws, "config-change.monitor-owner")
    aws.config.refuse(events.resource_id(event), times=99)
    outcome = start(aws=aws).invoke(event)
    assert outcome.kind == "error"
    assert events.resource_id(event) in outcome.json()["errorMessage"]
    assert aws.config.history == []


def test_an_unknown_token_is_not_retried(start, aws):
    outcome = start(aws=aws).invoke(events.load("config-change.monitor-owner"))
    assert outcome.kind == "error"
    assert "InvalidResultToken" in outcome.json()["errorMessage"]
    assert aws.counts[PUT] == 1


@pytest.mark.parametrize("offset", [-900, 900])
def test_a_wrong_clock_is_corrected_once_and_remembered(offset, start, aws):
    event = prepared(aws, "config-change.monitor-owner")
    aws.clock_offset = offset
    function = start(aws=aws)
    assert function.invoke(event).kind == "response"
    assert aws.counts[PUT] == 2
    assert function.invoke(event).kind == "response"
    assert aws.counts[PUT] == 3
    assert len(aws.signature_failures) == 1
    aws.signature_failures.clear()


def test_the_retry_after_header_is_waited_for(start, aws):
    event = prepared(aws, "config-change.monitor-owner")
    aws.faults.add(PUT, faults.throttle(retry_after_ms=700))
    assert start(aws=aws).invoke(event).kind == "response"
    first, second = (call.request.arrived for call in aws.calls)
    assert second - first >= 0.7


def test_attempts_are_marked_as_one_invocation(start, aws):
    event = prepared(aws, "config-change.monitor-owner")
    aws.faults.add(PUT, faults.bare_status(503), times=2)
    assert start(aws=aws).invoke(event).kind == "response"
    requests = [call.request for call in aws.calls]
    assert len({r.header("amz-sdk-invocation-id") for r in requests}) == 1
    assert ["attempt=1" in requests[0].header("amz-sdk-request"),
            "attempt=2" in requests[1].header("amz-sdk-request"),
            "attempt=3" in requests[2].header("amz-sdk-request")] == [True, True, True]


def test_max_attempts_is_honoured(start, aws):
    event = prepared(aws, "config-change.monitor-owner")
    aws.faults.add(PUT, faults.bare_status(503), times=99)
    assert start(aws=aws, AWS_MAX_ATTEMPTS="1").invoke(event).kind == "error"
    assert aws.counts[PUT] == 1


# Signatures and TLS

def test_a_wrong_secret_is_refused_and_not_reported(start, aws):
    event = prepared(aws, "config-change.monitor-owner")
    outcome = start(aws=aws, AWS_SECRET_ACCESS_KEY="wrong").invoke(event)
    assert outcome.kind == "error"
    assert "SignatureDoesNotMatch" in outcome.json()["errorMessage"]
    assert aws.config.history == []
    aws.signature_failures.clear()


def test_the_secret_never_shows(start, aws):
    event = prepared(aws, "config-change.monitor-owner")
    aws.faults.add(PUT, faults.access_denied())
    function = start(aws=aws, AWS_LAMBDA_LOG_LEVEL="TRACE", AWS_SECRET_ACCESS_KEY="Hush/12+34")
    outcome = function.invoke(event)
    aws.signature_failures.clear()
    said = function.log + outcome.body.decode()
    assert "Hush/12+34" not in said
    assert json.loads(event)["resultToken"] not in said


TOKEN = "AQID+token/of==one-event-0123456789"


@pytest.mark.parametrize("quoted", [
    TOKEN, f"...{TOKEN[8:]}", f"{TOKEN[:20]}...", TOKEN.replace("/", "%2F").replace("+", "%2B"),
    TOKEN.replace("/", "\\/").replace("=", "&#61;")])
def test_result_token_is_never_printed_in_any_encoding(quoted, start, aws):
    event = json.loads(events.load("config-change.monitor-owner"))
    event["resultToken"] = TOKEN
    aws.faults.add(PUT, faults.error(
        "ValidationException", f"1 validation error detected: Value '{quoted}' at 'resultToken' "
        "failed to satisfy constraint: Member must have length less than or equal to 1024"))
    function = start(aws=aws, AWS_LAMBDA_LOG_LEVEL="TRACE")
    outcome = function.invoke(json.dumps(event))
    message = outcome.json()["errorMessage"]
    assert "at 'resultToken' failed to satisfy constraint" in message
    for part in ("AQID", "token/of", "of==one", "one-event", "0123456789"):
        assert part not in message and part not in function.log


@pytest.fixture
def tls_aws(tmp_path):
    ca = TestCa(tmp_path)
    aws = LocalAws(tls=ca.server_context())
    aws.ca = ca
    yield aws
    aws.stop()


def test_https_with_a_ca_bundle(start, tls_aws):
    event = prepared(tls_aws, "config-change.monitor-owner")
    function = start(aws=tls_aws, AWS_CA_BUNDLE=str(tls_aws.ca.bundle_path))
    assert function.invoke(event).kind == "response"
    assert len(tls_aws.config.history) == 1


def test_https_from_an_unknown_ca_is_refused(start, tls_aws):
    event = prepared(tls_aws, "config-change.monitor-owner")
    outcome = start(aws=tls_aws).invoke(event)
    assert outcome.kind == "error"
    assert "certificate" in outcome.json()["errorMessage"]
    assert tls_aws.calls == []


@pytest.mark.parametrize("problem, options", [
    ("wrong_name", {"addresses": ["127.0.0.2"]}),
    ("expired", {"days": (-3, -1)}),
])
def test_invalid_certificate_is_refused(problem, options, start, tmp_path):
    ca = TestCa(tmp_path)
    aws = LocalAws(tls=ca.server_context(**options))
    event = prepared(aws, "config-change.monitor-owner")
    outcome = start(aws=aws, AWS_CA_BUNDLE=str(ca.bundle_path)).invoke(event)
    assert outcome.kind == "error"
    assert aws.calls == []
    aws.stop()
