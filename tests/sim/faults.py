# SPDX-License-Identifier: Apache-2.0
"""Ways in which AWS calls go wrong, and when.

An `instead` fault is the whole answer and the call has no effect. An `after` fault lets the call
happen and then damages its answer: the caller cannot know that it worked.
"""

import json
import threading
from dataclasses import dataclass, replace
from xml.sax.saxutils import escape

from .wire import Answer


@dataclass
class Fault:
    instead: object = None  # call -> Answer
    after: object = None  # Answer -> Answer


@dataclass
class _Plan:
    operation: str
    fault: Fault
    when: range
    about: bytes = b""
    and_copies: bool = False
    calls: int = 0


class Faults:
    """Which call of an operation goes wrong. Counted from when the fault was added."""

    def __init__(self):
        self._planned = []
        self._spoiled = {}
        self._lock = threading.Lock()

    def add(self, operation, fault, nth=1, times=1, about="", and_copies=False):
        """The `nth` call of `operation` ("config:PutEvaluations", "*": any) and the `times` - 1
        after it; with `about`, only calls with that text in their body are counted. With
        `and_copies` what curl sends once more by itself, when a connection that it used before is
        reset, has the same fate."""
        with self._lock:
            self._planned.append(
                _Plan(operation, fault, range(nth, nth + times), about.encode(), and_copies))

    def take(self, operation, body=b"", head=None):
        """The fault of this call, or None. Every plan counts every call of its operation."""
        with self._lock:
            if head in self._spoiled:
                return self._spoiled[head]
            concerned = [p for p in self._planned
                         if p.operation in (operation, "*") and p.about in body]
            for plan in concerned:
                plan.calls += 1
            due = [plan for plan in concerned if plan.calls in plan.when]
            if due and due[0].and_copies:
                self._spoiled[head] = due[0].fault
            return due[0].fault if due else None

    def clear(self):
        with self._lock:
            self._planned.clear()
            self._spoiled.clear()


def error_answer(call, code, message, status=400, headers=()):
    """An AWS error in the shape of the call's protocol."""
    headers = [*headers, ("x-amzn-RequestId", "6f2c8a41-93d7-4c1e-8b52-0e7a9d3f5c18")]
    if call.protocol in ("json", "rest-json"):
        body = json.dumps({"__type": code, "message": message})
        headers += [("Content-Type", "application/x-amz-json-1.1"), ("x-amzn-ErrorType", code)]
    elif call.protocol == "s3":
        body = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
        headers += [("Content-Type", "application/xml")]
    else:
        body = (f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>"
                f"{escape(message)}</Message></Error><RequestId>6f2c8a41</RequestId>"
                "</ErrorResponse>")
        headers += [("Content-Type", "text/xml")]
    return Answer(status, headers, body.encode())


def token(call):
    return f"X-Amz-Security-Token: {call.request.header('X-Amz-Security-Token')}"


def end_of_token(call):
    """What does not fit is cut, at either end."""
    return f"...{call.request.header('X-Amz-Security-Token', '')[-60:]}"


def authorization(call):
    return f"header {call.request.header('Authorization')}"


def body_around(*words):
    """The part of the body that a service complains of; without such words in it, its beginning."""
    def quote(call):
        body = call.request.body.decode("utf-8", "replace")
        at = max(0, *(body.find(word) for word in words))
        return f"...{body[max(0, at - 20):at + 60]}..."

    return quote


def throttle(retry_after_ms=None):
    headers = [] if retry_after_ms is None else [("x-amz-retry-after", str(retry_after_ms))]
    return Fault(lambda call: error_answer(
        call, "Throttling" if call.protocol == "query" else "ThrottlingException",
        "Rate exceeded", 400, headers))


# `quote`: what of the call the answer quotes, as AWS and those before it do.

def access_denied(quote=token):
    return Fault(lambda call: error_answer(
        call, "AccessDenied" if call.protocol == "query" else "AccessDeniedException",
        f"User: arn:aws:sts::123456789012:assumed-role/desync-guard/desync-guard is not authorized "
        f"to perform: {call.name.replace('elbv2:', 'elasticloadbalancing:')} by {quote(call)}", 403 if call.protocol == "query" else 400))


def expired_token(quote=token):
    return Fault(lambda call: error_answer(
        call, "ExpiredToken" if call.protocol == "query" else "ExpiredTokenException",
        f"The security token included in the request is expired: {quote(call)}", 403))


def clock_skew(aws, seconds=600, quote=token):
    """From this call on AWS's clock is another one, and the call was signed by ours."""
    codes = {"json": "InvalidSignatureException", "rest-json": "InvalidSignatureException",
             "s3": "RequestTimeTooSkewed"}

    def instead(call):
        aws.clock_offset = seconds
        return error_answer(call, codes.get(call.protocol, "SignatureDoesNotMatch"),
                            f"Signature expired: {quote(call)}", 403)

    return Fault(instead)


def error(code, message="refused", status=400):
    return Fault(lambda call: error_answer(call, code, message, status))


def html(status=500, quote=token):
    return Fault(lambda call: Answer(
        status, [("Content-Type", "text/html")],
        f"<html><body><h1>Service Unavailable</h1>{quote(call)}</body></html>".encode()))


def bare_status(status=503):
    return Fault(lambda call: Answer(status))


def empty():
    return Fault(lambda call: Answer(200, [("Content-Type", "text/xml")], b""))


def garbage(quote=token):
    return Fault(lambda call: Answer(
        200, [("Content-Type", "text/xml")],
        b"\x00\xff<<<{{{ not a document \xfe" * 20 + quote(call).encode()))


def huge(body_bytes=64 * 1024 * 1024):
    """Says and sends far more than any real answer holds, or until the caller has had enough."""
    return Fault(lambda call: Answer(200, [("Content-Type", "text/xml")], b" " * body_bytes))


def reset_before():
    """The connection dies before anything was answered; the call had no effect."""
    return Fault(lambda call: Answer(raw=b"", reset=True))


def reset_in_headers():
    return Fault(after=lambda answer: replace(answer, cut=20, reset=True))


def reset_in_body():
    return Fault(after=lambda answer: replace(answer, cut=_middle_of_body(answer), reset=True))


def cut_in_body():
    """Closed politely, but before Content-Length was reached."""
    return Fault(after=lambda answer: replace(answer, cut=_middle_of_body(answer)))


def truncated():
    """A whole HTTP answer whose document ends in the middle."""
    return Fault(after=lambda answer: replace(answer, body=answer.body[: len(answer.body) // 2]))


def delay(seconds):
    return Fault(after=lambda answer: replace(answer, delay=seconds))


def _middle_of_body(answer):
    return len(answer.to_bytes()) - max(1, len(answer.body) // 2)
