# SPDX-License-Identifier: Apache-2.0
"""The local AWS: one loopback port that answers like AWS, keeps connections alive, checks every
signature, counts every call, and fails in the way and at the time a test asks for.

AWS Config's evaluations are answered here (config_service.py); everything else is moto's state
behind corrections (moto_backend.py). Run it by itself to point a client of your own at it:

    python3 -m tests.sim.aws
"""

import email.utils
import json
import re
import threading
import time
from collections import Counter
from html import unescape

from .config_service import ConfigError, ConfigService
from .faults import Faults, error_answer
from .moto_backend import MotoBackend, NotAccepted
from .signature import Call, Refused, Scope, check, identify
from .wire import Answer, Server

ACCOUNT = "123456789012"
REGION = "eu-west-1"
# Made up; shaped like a role's temporary credentials as Lambda sets them.
ACCESS_KEY_ID = "ASIAQ7LOCALTESTKEY00"
SECRET_ACCESS_KEY = "s3cr3t/ForTheLocalAws+OnlyNeverReal0000x"
SESSION_TOKEN = "IQoJb3JpZ2luX2VjLocalTest//////////wEaCWV1LXdlc3QtMSJH+token/for=tests=="
NO_SCOPE = Scope("", "", REGION, "", [], "")


class LocalAws(Server):
    """`faults.add(operation, fault, nth)` makes calls fail; `counts` says what was called;
    `config` holds the reported evaluations; `clock_offset` moves AWS's clock."""

    def __init__(self, tls=None, **options):
        self.faults = Faults()
        self.config = ConfigService(self.now)
        self.counts = Counter()
        self.performed = Counter()  # without those that a fault kept from having an effect
        self.calls = []
        self.signature_failures = []
        self.pings = 0
        self.clock_offset = 0.0
        self.latency = 0.0
        self.scheme = "https" if tls else "http"
        self.keys = {ACCESS_KEY_ID: (SECRET_ACCESS_KEY, SESSION_TOKEN)}
        self.accounts = {}  # access key id -> account, for assumed roles
        self._clients = {}
        self._moto = None
        self._moto_lock = threading.RLock()
        self._counts_lock = threading.Lock()
        super().__init__(tls=tls, **options)

    def twin(self, **options):
        """Another front of the same state: a port, faults, counts, a clock and an AWS Config of
        its own, so that tests that run at the same time do not disturb each other."""
        twin = LocalAws(**options)
        twin._moto, twin._moto_lock = self.moto, self._moto_lock
        twin.keys, twin.accounts = self.keys, self.accounts
        return twin

    @property
    def url(self):
        return f"{self.scheme}://{self.address}"

    def now(self):
        return time.time() + self.clock_offset

    @property
    def moto(self):
        """Started when first needed: a test of PutEvaluations alone does not pay for it."""
        with self._moto_lock:
            if self._moto is None:
                self._moto = MotoBackend()
            return self._moto

    def reset(self):
        """As new, but for the connections that are open."""
        with self._moto_lock:
            if self._moto:
                self._moto.reset()
        self.forget()

    def forget(self):
        """As new, but the load balancers and whatever else moto holds stay."""
        self.faults.clear()
        self.config.reset()
        self.reset_counts()
        self.clock_offset = self.latency = 0.0

    def reset_counts(self):
        with self._counts_lock:
            self.counts.clear()
            self.performed.clear()
            self.calls.clear()
            self.signature_failures.clear()
            self.pings = 0

    def client(self, service, **options):
        """A boto3 client of this AWS, for setting scenes. Made once: that takes a while."""
        import boto3
        options = {"region_name": REGION, "aws_access_key_id": ACCESS_KEY_ID,
                   "aws_secret_access_key": SECRET_ACCESS_KEY, "aws_session_token": SESSION_TOKEN,
                   **options}
        key = (service, str(sorted(options.items(), key=str)))
        if key not in self._clients:
            self._clients[key] = boto3.client(service, endpoint_url=self.url, **options)
        return self._clients[key]

    def add_credentials(self, access_key_id, secret, token=None, account=ACCOUNT):
        self.keys[access_key_id] = (secret, token)
        self.accounts[access_key_id] = account

    def serve(self, connection):
        while not self.stopping:
            request = connection.read_request()
            if request is None:
                return
            answer = self._answer(request)
            answer.headers.append(("Date", email.utils.formatdate(self.now(), usegmt=True)))
            if self.latency:
                time.sleep(self.latency)
            if not connection.send(answer):
                return

    def _answer(self, request):
        if request.method == "GET" and request.target == "/ping":
            # Regional endpoints answer this to anybody; it opens a connection and is no API call.
            self.pings += 1
            return Answer(200, [("Content-Type", "text/plain")], b"healthy")
        try:
            call = identify(request)
            self._count(call)
            check(request, call.scope, self.keys, self.scheme, self.now())
        except Refused as refused:
            return self._refuse(request, refused)
        fault = self.faults.take(call.name, request.body, request.head)
        if fault and fault.instead:
            return fault.instead(call)
        with self._counts_lock:
            self.performed[call.name] += 1
        answer = self._perform(call)
        return fault.after(answer) if fault else answer

    def _count(self, call):
        with self._counts_lock:
            self.counts[call.name] += 1
            self.calls.append(call)

    def _refuse(self, request, refused):
        """403, as AWS answers a request whose signature does not hold."""
        with self._counts_lock:
            self.signature_failures.append(f"{refused.code}: {refused.message}")
        protocol = "json" if request.header("X-Amz-Target") else "query"
        return error_answer(Call("", "", protocol, NO_SCOPE, request, {}), refused.code,
                            refused.message, 403)

    def _perform(self, call):
        if call.service == "config" and call.operation in ConfigService.OPERATIONS:
            return self._perform_config(call)
        account = self.accounts.get(call.scope.access_key_id, ACCOUNT)
        try:
            with self._moto_lock:
                answer = self.moto.perform(call, account)
        except NotAccepted as problem:
            return error_answer(call, problem.code, problem.message, problem.status)
        if call.name == "sts:AssumeRole" and answer.status == 200:
            self._learn_credentials(answer.body.decode(), call.form.get("RoleArn", ""))
        return answer

    def _perform_config(self, call):
        try:
            body = self.config.call(call.operation, call.request.body)
        except ConfigError as problem:
            return error_answer(call, problem.code, problem.message)
        headers = [("Content-Type", "application/x-amz-json-1.1")]
        return Answer(200, headers, json.dumps(body).encode())

    def _learn_credentials(self, xml, role_arn):
        """Credentials that moto gave out are good from now on."""
        found = {name: unescape(re.search(f"<{name}>(.*?)</{name}>", xml)[1])
                 for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")}
        self.add_credentials(found["AccessKeyId"], found["SecretAccessKey"],
                             found["SessionToken"], role_arn.split(":")[4])


def main():
    aws = LocalAws()
    print(f"export AWS_ENDPOINT_URL={aws.url} AWS_REGION={REGION}")
    print(f"export AWS_ACCESS_KEY_ID={ACCESS_KEY_ID} AWS_SECRET_ACCESS_KEY={SECRET_ACCESS_KEY}")
    print(f"export AWS_SESSION_TOKEN={SESSION_TOKEN}", flush=True)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        aws.stop()


if __name__ == "__main__":
    main()
