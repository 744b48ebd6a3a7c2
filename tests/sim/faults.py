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
    calls: int = 0


class Faults:
    """Which call of an operation goes wrong. Counted from when the fault was added."""

    def __init__(self):
        self._planned = []
        self._lock = threading.Lock()

    def add(self, operation, fault, nth=1, times=1):
        """The `nth` call of `operation` ("config:PutEvaluations", "*": any) and the `times` - 1
        after it."""
        with self._lock:
            self._planned.append(_Plan(operation, fault, range(nth, nth + times)))

    def take(self, operation):
        """The fault of this call, or None. Every plan counts every call of its operation."""
        with self._lock:
            concerned = [p for p in self._planned if p.operation in (operation, "*")]
            for plan in concerned:
                plan.calls += 1
            due = [plan.fault for plan in concerned if plan.calls in plan.when]
            return due[0] if due else None

    def clear(self):
        with self._lock:
            self._planned.clear()


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


def throttle(retry_after_ms=None):
    headers = [] if retry_after_ms is None else [("x-amz-retry-after", str(retry_after_ms))]
    return Fault(lambda call: error_answer(
        call, "Throttling" if call.protocol == "query" else "ThrottlingException",
        "Rate exceeded", 400, headers))


def access_denied():
    return Fault(lambda call: error_answer(
        call, "AccessDenied" if call.protocol == "query" else "AccessDeniedException",
        f"User: arn:aws:sts::123456789012:assumed-role/desync-guard/desync-guard is not authorized "
        f"to perform: {call.name}", 403 if call.protocol == "query" else 400))


def expired_token():
    return Fault(lambda call: error_answer(
        call, "ExpiredToken" if call.protocol == "query" else "ExpiredTokenException",
        "The security token included in the request is expired", 403))


def error(code, message="refused", status=400):
    return Fault(lambda call: error_answer(call, code, message, status))


def html(status=500):
    body = b"<html><body><h1>Service Unavailable</h1></body></html>"
    return Fault(lambda call: Answer(status, [("Content-Type", "text/html")], body))


def bare_status(status=503):
    return Fault(lambda call: Answer(status))


def empty():
    return Fault(lambda call: Answer(200, [("Content-Type", "text/xml")], b""))


def garbage():
    return Fault(lambda call: Answer(200, [("Content-Type", "text/xml")],
                                     b"\x00\xff<<<{{{ not a document \xfe" * 20))


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
