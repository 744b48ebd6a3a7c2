# SPDX-License-Identifier: Apache-2.0
"""The Runtime API of an execution environment that takes several invocations at once.

Up to `concurrency` requests to /next may wait or be at work; one more waiting is answered 500
Runtime.TooManyIdleRuntimes, as Lambda's daemon does. Outcomes may come in any order.
"""

from .runtime_api import RESPONSE_BYTES_MAX, Outcome, RuntimeApi, _accepted, _problem
from .wire import Answer


class ConcurrentApi(RuntimeApi):
    def __init__(self, concurrency, **options):
        self.concurrency = concurrency
        self.waiting = 0
        self.waiting_max = 0
        self.running = {}
        self.running_max = 0
        super().__init__(**options)

    def _next(self):
        with self._changed:
            if self.waiting == self.concurrency:
                return _problem(500, "Runtime.TooManyIdleRuntimes", "too many wait")
            self._set_state("Ready")
            self.waiting += 1
            self.waiting_max = max(self.waiting_max, self.waiting)
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._events or self.stopping)
            self.waiting -= 1
            if self.stopping:
                return Answer(raw=b"", close=True)
            invocation = self._events.popleft()
            self.running[invocation.request_id] = invocation
            self.running_max = max(self.running_max, len(self.running))
            self._changed.notify_all()
            return invocation.to_answer()

    def _finish(self, kind, request_id, request):
        with self._changed:
            known = self.running.pop(request_id, None)
            status, answer = 202, _accepted()
            if known is None:
                status, answer = 400, _problem(400, "InvalidRequestID", "Invalid request ID")
            elif len(request.body) > RESPONSE_BYTES_MAX:
                status, answer = 413, _problem(413, "RequestEntityTooLarge", "too large")
            self.outcomes.append(Outcome(kind, request_id, request, status))
            self._changed.notify_all()
            return answer
