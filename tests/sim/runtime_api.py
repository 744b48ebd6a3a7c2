# SPDX-License-Identifier: Apache-2.0
"""A scripted Lambda Runtime API on loopback.

It is both the platform and the judge: it walks the state machine of Lambda's own daemon
(Started -> Ready -> Running -> ResponseSent -> Ready ...) and refuses what Lambda refuses:
an unknown id with 400, a call that the state forbids with 403, a too large body with 413.
A test can replace or damage the answer to any request, and can read every request afterwards.
"""

import json
import threading
import time
import uuid
from collections import deque
from dataclasses import dataclass, field

from .wire import Answer, Server

BASE = "/2018-06-01/runtime"
EXTENSION = "/2020-01-01/extension"
EXTENSION_ID = "b9a7c2de-0f31-4c58-9d6e-5a4b3c2d1e0f"
RESPONSE_BYTES_MAX = 6 * 1024 * 1024 + 100  # the platform's exact bound
CHUNKED_FROM_BYTES = 2048  # larger events come chunked, as one chunk
FUNCTION_ARN = "arn:aws:lambda:eu-west-1:123456789012:function:desync-guard"


@dataclass
class Invocation:
    """One event to deliver. `headers` (name -> value, None removes one) change the usual ones;
    `answer` replaces the whole HTTP answer but still counts as delivered."""

    body: bytes
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    headers: dict = field(default_factory=dict)
    answer: Answer = None

    def to_answer(self):
        if self.answer is not None:
            return self.answer
        usual = {
            "Content-Type": "application/json",
            "Lambda-Runtime-Aws-Request-Id": self.request_id,
            "Lambda-Runtime-Deadline-Ms": str(int(time.time() * 1000) + 60_000),
            "Lambda-Runtime-Invoked-Function-Arn": FUNCTION_ARN,
            "Lambda-Runtime-Trace-Id": "Root=1-6742f3a0-1c7b4a9e5d2f8b6a3e0c9d71;Sampled=0",
        }
        usual.update(self.headers)
        headers = [(name, value) for name, value in usual.items() if value is not None]
        if len(self.body) > CHUNKED_FROM_BYTES:
            return Answer(200, headers, chunks=[self.body])
        return Answer(200, headers, self.body)


@dataclass
class Outcome:
    """What the runtime posted, and how the platform answered."""

    kind: str  # "response", "error" or "init_error"
    request_id: str
    request: object
    status: int

    @property
    def body(self):
        return self.request.body

    def json(self):
        return json.loads(self.request.body)

    @property
    def error_type(self):
        return None if self.kind == "response" else self.json()["errorType"]


class RuntimeApi(Server):
    """`script(endpoint, ...)` sets what happens to the next requests of "next", "response",
    "error", "init_error" or "register": an Answer replaces the platform's (its state does not change), a
    function takes the platform's answer (the state has changed) and returns the one to send."""

    def __init__(self, **options):
        self.requests = []
        self.outcomes = []
        self.state = "Started"
        self._events = deque()
        self._current = None
        self._answered_ids = set()
        self._waiter = 0
        self._scripts = {}
        self._changed = threading.Condition()
        super().__init__(**options)

    # What a test does

    def enqueue(self, body, **options):
        if not isinstance(body, (bytes, bytearray)):
            body = (body if isinstance(body, str) else json.dumps(body)).encode()
        invocation = Invocation(bytes(body), **options)
        with self._changed:
            self._events.append(invocation)
            self._changed.notify_all()
        return invocation

    def script(self, endpoint, *steps):
        with self._changed:
            self._scripts.setdefault(endpoint, deque()).extend(steps)

    def wait(self, condition, timeout=30.0, alive=lambda: True):
        """Waits until `condition()` holds; False when the time is over or nobody is alive."""
        end = time.monotonic() + timeout
        with self._changed:
            while not condition():
                if time.monotonic() > end or not alive():
                    return condition()
                self._changed.wait(0.05)
            return True

    def wait_until_idle(self, alive=lambda: True):
        """The runtime waits in /next and has nothing to do."""
        return self.wait(lambda: self.state == "Ready" and not self._events, alive=alive)

    def requests_to(self, endpoint):
        with self._changed:
            return [r for r in self.requests if self._endpoint(r)[0] == endpoint]

    # What the platform does

    def serve(self, connection):
        while not self.stopping:
            request = connection.read_head()
            if request is None:
                return
            endpoint, request_id = self._endpoint(request)
            step = self._take_step(endpoint)
            # An answer that closes at once is what a proxy sends that never reads the body.
            if isinstance(step, Answer) and step.close and request.method == "POST":
                self._record(request)
                connection.send(step)
                return
            if connection.read_body(request) is None:
                return
            self._record(request)
            if not connection.send(self._decide(endpoint, request_id, request, step)):
                return

    def _decide(self, endpoint, request_id, request, step):
        if isinstance(step, Answer):
            return step
        answer = self._platform_answer(endpoint, request_id, request)
        return step(answer) if step else answer

    def _platform_answer(self, endpoint, request_id, request):
        if endpoint == "next":
            return self._next()
        if endpoint in ("response", "error"):
            return self._finish(endpoint, request_id, request)
        if endpoint == "init_error":
            return self._init_error(request)
        if endpoint == "register":
            return Answer(200, [("Lambda-Extension-Identifier", EXTENSION_ID)], b"{}")
        return _problem(404, "NotFound", "no such path")

    def _endpoint(self, request):
        """("response", id) for POST .../runtime/invocation/<id>/response, and so on."""
        path = request.target
        if request.method == "GET" and path == f"{BASE}/invocation/next":
            return "next", None
        if request.method == "POST" and path == f"{BASE}/init/error":
            return "init_error", None
        if request.method == "POST" and path == f"{EXTENSION}/register":
            return "register", None
        parts = path.split("/")
        if request.method == "POST" and path.startswith(f"{BASE}/invocation/") and len(parts) == 6:
            return parts[5], parts[4]
        return "other", None

    def _take_step(self, endpoint):
        with self._changed:
            steps = self._scripts.get(endpoint)
            return steps.popleft() if steps else None

    def _record(self, request):
        with self._changed:
            self.requests.append(request)
            self._changed.notify_all()

    def _next(self):
        with self._changed:
            if self.state == "Running":
                return self._current.to_answer()  # asked again: the same event, the same id
            self._set_state("Ready")
            self._waiter += 1
            mine = self._waiter
            # A newer /next means that this one's caller has gone: it must not take the event.
            self._changed.wait_for(
                lambda: self._events or self.stopping or self._waiter != mine)
            if self.stopping or self._waiter != mine:
                return Answer(raw=b"", close=True)
            self._current = self._events.popleft()
            self._set_state("Running")
            return self._current.to_answer()

    def _finish(self, kind, request_id, request):
        with self._changed:
            status, answer = self._judge_finish(request_id, request)
            self.outcomes.append(Outcome(kind, request_id, request, status))
            if status in (202, 413):
                self._set_state("ResponseSent")
            self._changed.notify_all()
            return answer

    def _judge_finish(self, request_id, request):
        if self._current is None or request_id != self._current.request_id:
            return 400, _problem(400, "InvalidRequestID", "Invalid request ID")
        if self.state != "Running":
            return 403, _problem(403, "InvalidStateTransition", "Transition from "
                                 f"{self.state} to ResponseReceived is not allowed")
        if len(request.body) > RESPONSE_BYTES_MAX:
            return 413, _problem(413, "RequestEntityTooLarge", "Exceeded maximum allowed payload "
                                 f"size ({RESPONSE_BYTES_MAX} bytes).")
        return 202, _accepted()

    def _init_error(self, request):
        with self._changed:
            status = 202 if self.state == "Started" else 403
            self.outcomes.append(Outcome("init_error", None, request, status))
            if status == 202:
                self._set_state("InitError")
            self._changed.notify_all()
        if status == 202:
            return _accepted()
        return _problem(403, "InvalidStateTransition", "init is over")

    def _set_state(self, state):
        self.state = state
        self._changed.notify_all()

    def stop(self):
        super().stop()
        with self._changed:
            self._changed.notify_all()


def _accepted():
    return Answer(202, [("Content-Type", "application/json")], b'{"status":"OK"}\n')


def _problem(status, error_type, message):
    body = json.dumps({"errorMessage": message, "errorType": error_type}).encode()
    return Answer(status, [("Content-Type", "application/json")], body)
