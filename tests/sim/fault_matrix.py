# SPDX-License-Identifier: Apache-2.0
"""The fault matrix: every AWS call x every way it goes wrong x at which attempt.

`run(cases, folder)` plays them against the shipped binary, many at a time, and returns one row a
case: how the fault was held, or what problem there was. A row holds nothing that differs from run
to run.
"""

import html
import json
import queue
import socket
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from . import faults
from .aws import LocalAws
from .control_loop import PUBLISH
from .fault_scenes import (
    CHANGE, ENFORCE, EVIDENCE, EXTERNAL_ID, LOGS, MARKER, MEMBER, READ, REPORT, SWEEP, SWEEP_OF_TWO, WATCH,
    Stage, furnish)
from .function import Function
from .matrix import is_short
from .runtime_api import RuntimeApi
from .tls import TestCa
from .wire import Server

ATTEMPTS = ("1st", "2nd", "last")
SECONDS = 40.0
SECONDS_OF_A_DELAY = 4.5  # less than one attempt may take, so that none is left after it
STAGES = 14


def closing(fault):
    """The same, and the end of the connection: on one that was used before, curl repeats by itself
    what is reset, and which attempt that was is unknown."""
    def instead(call):
        answer = fault.instead(call)
        answer.close = True
        return answer

    return faults.Fault(instead)


def failing():
    return closing(faults.bare_status(503))


def refusing():
    return closing(faults.throttle())


@dataclass
class Target:
    """A call and the scene that leads to it. `attempts` is how often it is tried; `filler` makes an
    attempt fail in a way that is always tried again. `is_lost` where a call whose answer did not
    come is not repeated, `is_seen` where it is then looked whether it was carried out. `is_soft` where the
    event is done without the call."""

    name: str  # as errors name it
    operation: str  # as the local AWS does
    variable: str  # AWS_ENDPOINT_URL_...
    scene: object
    attempts: int = 3
    filler: object = failing
    is_lost: bool = False
    is_soft: bool = False
    is_seen: bool = False
    about: object = None  # stage -> text in the body, where calls of one name are many
    is_first: bool = True  # of its service in its scene: what refuses the first hits this one
    seconds_of_last: float = SECONDS_OF_A_DELAY
    waits: bool = False  # throttled, it is tried again until the deadline
    look: str = None  # by which call it is looked whether it was carried out, if not by its own


def _weak_id(stage):
    return stage.weak.name


TARGETS = [
    Target("config PutEvaluations", "config:PutEvaluations", "CONFIG_SERVICE", CHANGE,
           waits=True),
    Target("config GetComplianceDetailsByConfigRule", "config:GetComplianceDetailsByConfigRule",
           "CONFIG_SERVICE", SWEEP, is_first=False),
    Target("config DescribeConfigRules", "config:DescribeConfigRules", "CONFIG_SERVICE", SWEEP,
           is_soft=True),
    Target("config StartConfigRulesEvaluation", "config:StartConfigRulesEvaluation",
           "CONFIG_SERVICE", ENFORCE, is_first=False),
    Target("elasticloadbalancing DescribeLoadBalancers", "elbv2:DescribeLoadBalancers",
           "ELASTIC_LOAD_BALANCING_V2", SWEEP, attempts=6, waits=True),
    Target("elasticloadbalancing DescribeLoadBalancerAttributes",
           "elbv2:DescribeLoadBalancerAttributes", "ELASTIC_LOAD_BALANCING_V2", READ, waits=True),
    Target("elasticloadbalancing DescribeTags", "elbv2:DescribeTags",
           "ELASTIC_LOAD_BALANCING_V2", READ, waits=True),
    Target("elasticloadbalancing DescribeLoadBalancerAttributes",
           "elbv2:DescribeLoadBalancerAttributes", "ELASTIC_LOAD_BALANCING_V2", SWEEP_OF_TWO,
           attempts=6, about=_weak_id, is_first=False, waits=True),
    Target("elasticloadbalancing ModifyLoadBalancerAttributes",
           "elbv2:ModifyLoadBalancerAttributes", "ELASTIC_LOAD_BALANCING_V2", ENFORCE,
           is_first=False, is_seen=True, seconds_of_last=6.5),
    Target("dynamodb GetItem", "dynamodb:GetItem", "DYNAMODB", ENFORCE, attempts=4),
    Target("dynamodb PutItem", "dynamodb:PutItem", "DYNAMODB", ENFORCE, attempts=4,
           is_first=False),
    Target("dynamodb UpdateItem", "dynamodb:UpdateItem", "DYNAMODB", ENFORCE, attempts=4,
           is_first=False),
    Target("dynamodb Query", "dynamodb:Query", "DYNAMODB", EVIDENCE, attempts=4, is_soft=True),
    Target("dynamodb Scan", "dynamodb:Scan", "DYNAMODB", EVIDENCE, attempts=4, is_first=False),
    Target("dynamodb UpdateItem", "dynamodb:UpdateItem", "DYNAMODB", LOGS, attempts=4),
    Target("dynamodb TransactWriteItems", "dynamodb:TransactWriteItems", "DYNAMODB", ENFORCE,
           attempts=6, is_first=False, is_seen=True, look="dynamodb GetItem"),
    Target("sns Publish", "sns:Publish", "SNS", ENFORCE, filler=refusing, is_lost=True),
    Target("securityhub BatchImportFindings", "securityhub:POST /findings/import", "SECURITYHUB",
           ENFORCE),
    Target("s3 GetObject", "s3:GetObject", "S3", LOGS),
    Target("s3 PutObject", "s3:PutObject", "S3", REPORT),
    Target("cloudwatch GetMetricData", "cloudwatch:GetMetricData", "CLOUDWATCH", WATCH),
    Target("sts GetCallerIdentity", "sts:GetCallerIdentity", "STS", MEMBER),
    Target("sts AssumeRole", "sts:AssumeRole", "STS", MEMBER, is_first=False),
]


@dataclass
class Kind:
    """A way to go wrong. `is_final` is not tried again; `is_refusal` certainly had no effect, so
    that even what must not happen twice is tried again. `is_quoting`: the answer quotes the call."""

    make: object
    is_final: bool = False
    is_refusal: bool = False
    is_quoting: bool = False


THROTTLES = ("throttle", "throttle with retry-after")
REFUSED, DELAY, SKEW, EXPIRED = "refused", "delay", "clock skew", "expired"
KINDS = {
    REFUSED: Kind(None),
    "reset before": Kind(faults.reset_before),
    "reset in headers": Kind(faults.reset_in_headers),
    "reset in body": Kind(faults.reset_in_body),
    DELAY: Kind(None, is_final=True),
    "throttle": Kind(faults.throttle, is_refusal=True),
    "throttle with retry-after": Kind(lambda: faults.throttle(retry_after_ms=60), is_refusal=True),
    "500": Kind(faults.html, is_quoting=True),
    "503": Kind(lambda quote: faults.html(503, quote), is_quoting=True),
    "garbage": Kind(faults.garbage, is_quoting=True),
    "empty": Kind(faults.empty),
    "truncated": Kind(faults.truncated),
    "denied": Kind(faults.access_denied, is_final=True, is_quoting=True),
    EXPIRED: Kind(faults.expired_token, is_final=True, is_quoting=True),
    SKEW: Kind(None, is_refusal=True),
}
CERTIFICATES = {
    "wrong host": {"addresses": ["127.0.0.2"], "names": ["other.example"]},
    "expired certificate": {"days": (-3, -1)},
    "unknown CA": {},
}

# In turn: one message has no room for all of them, and what is hidden first may hide the rest.
QUOTES = (faults.token, faults.end_of_token, faults.body_around(MARKER, EXTERNAL_ID),
          faults.authorization)

# These hit all calls to the service, not one.
WHOLE_SERVICE = {REFUSED, *CERTIFICATES}
# Without these there is no verdict to report.
NEEDED = {"elbv2:DescribeLoadBalancers", "config:PutEvaluations"}

IMPOSSIBLE = {
    ("s3 PutObject", "reset in body"): "the answer has no body",
    ("s3 PutObject", "truncated"): "the answer has no body",
    ("config StartConfigRulesEvaluation", "empty"):
        "AWS Config answers with an empty body and says so (`Content-Length: 0`)",
}


@dataclass(frozen=True)
class Case:
    target: int  # in TARGETS
    kind: str
    attempt: str  # "" for certificates

    @property
    def of(self):
        return TARGETS[self.target]

    @property
    def is_short(self):
        """Whether `make test` plays it, too."""
        if self.kind in CERTIFICATES:
            return is_short(self.target, list(CERTIFICATES).index(self.kind), one_in=3)
        return is_short(self.target, list(KINDS).index(self.kind), ATTEMPTS.index(self.attempt),
                        one_in=10)

    @property
    def seconds(self):
        """Until the deadline; what is delayed comes after it."""
        if self.kind != DELAY:
            return SECONDS
        return self.of.seconds_of_last if self.attempt == "last" else SECONDS_OF_A_DELAY

    @property
    def quote(self):
        """What the answer quotes: each target meets every one of them in an answer that is reported."""
        turn = self.target + list(KINDS).index(self.kind) + ATTEMPTS.index(self.attempt)
        return QUOTES[turn % len(QUOTES)]

    @property
    def name(self):
        return " / ".join(filter(None, (self.of.name, self.of.scene.name, self.kind, self.attempt)))


def all_cases():
    cases = [Case(t, kind, attempt) for t in range(len(TARGETS)) for kind in KINDS
             for attempt in ATTEMPTS if (TARGETS[t].name, kind) not in IMPOSSIBLE]
    services = {target.variable: t for t, target in reversed(list(enumerate(TARGETS)))
                if target.is_first}
    return cases + [Case(t, kind, "") for t in sorted(services.values()) for kind in CERTIFICATES]


class Gate(Server):
    """A door of its own to a stage's AWS, which can be shut: then connections are refused."""

    def __init__(self, aws, port=0):
        self.aws = aws
        super().__init__(port=port)

    @property
    def url(self):
        return f"http://{self.address}"

    def serve(self, connection):
        self.aws.serve(connection)

    def shut(self, but=None):
        """Nobody is let in any more; those inside are sent away, but for one connection."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        with self._lock:
            leaving = [each for number, each in self._open.items() if number != but]
        for connection in leaving:
            connection.close()


class Play:
    """One case on one stage."""

    def __init__(self, case, stage, certificates):
        self.case, self.stage, self.certificates = case, stage, certificates
        self.target, self.scene, self.aws = case.of, case.of.scene, stage.aws
        self.said = b""
        self.former_log = ""
        self.request_id = str(uuid.uuid4())
        self.gate = None
        self.shut = False

    def run(self):
        """The row."""
        self.stage.reset()
        self.event = self.scene.event(self.stage)
        self.aws.reset_counts()
        environment = self.scene.environment(self.stage)
        environment.update(self._go_wrong())
        self.api = RuntimeApi()
        try:
            self.start = lambda: Function(self.api, aws=self.aws, **environment)
            self.function = self.start()
            return {"call": self.target.name, "event": self.scene.name,
                    "fault": self.case.kind, "attempt": self.case.attempt, **self._judge()}
        finally:
            self.function.stop()
            self.api.stop()
            if self.gate:
                self.gate.stop()

    # What goes wrong

    def _attempt(self):
        return {"1st": 1, "2nd": 2}.get(self.case.attempt, self.target.attempts)

    def _go_wrong(self):
        """Sets the faults; returns variables."""
        kind = self.case.kind
        if kind in CERTIFICATES:
            server, bundle = self.certificates[kind]
            return {f"AWS_ENDPOINT_URL_{self.target.variable}": server.url,
                    "AWS_CA_BUNDLE": str(bundle)}
        # A door of its own, so that no connection is there from calls to another service.
        self.gate = Gate(self.aws)
        variables = {f"AWS_ENDPOINT_URL_{self.target.variable}": self.gate.url}
        about = self.target.about(self.stage) if self.target.about else ""
        nth = self._attempt()
        if kind == REFUSED:
            self._refuse(nth, about)
            return variables
        if nth > 1:
            self.aws.faults.add(self.target.operation, self.target.filler(), times=nth - 1,
                                about=about)
        self.aws.faults.add(self.target.operation, self._fault(kind), nth=nth, about=about,
                            and_copies=True)
        return variables

    def _fault(self, kind):
        if kind == DELAY:
            return faults.delay(self.case.seconds)
        if kind == SKEW:
            return faults.clock_skew(self.aws, quote=self.case.quote)
        make = KINDS[kind].make
        return make(quote=self.case.quote) if KINDS[kind].is_quoting else make()

    def _refuse(self, nth, about):
        """From the `nth` attempt on nobody listens any more: the answer before shuts the gate."""
        if nth > 1:
            fill = self.target.filler().instead
            if nth > 2:
                self.aws.faults.add(self.target.operation, self.target.filler(), times=nth - 2,
                                    about=about)
            self.aws.faults.add(self.target.operation,
                                faults.Fault(lambda call: self._shut_after(fill(call), call)),
                                nth=nth - 1, about=about)
        elif self.target.is_first:
            self._shut(None)
        else:
            before, count = BEFORE[self.target.name]
            self.aws.faults.add(before, self._shutting(), nth=count)

    def _shutting(self):
        return faults.Fault(after=lambda answer: self._shut_after(answer, None))

    def _shut_after(self, answer, call):
        answer.close = True
        self._shut(call)
        return answer

    def _shut(self, call):
        self.gate.shut(call.request.connection if call else None)

    # What comes of it

    def _deliver(self, seconds):
        """The outcome, and whether it came in time."""
        end = time.monotonic() + seconds
        deadline = str(int((time.time() + seconds) * 1000))
        outcome = self.function.invoke(self.event, request_id=self.request_id,
                                       headers={
                                           "Lambda-Runtime-Deadline-Ms": deadline,
                                           "Lambda-Runtime-Invoked-Function-Arn":
                                               self.stage.function_arn})
        self.said += outcome.body
        assert outcome.status == 202, "the answer was not accepted"
        assert outcome.request.arrived < end, "the answer came after the deadline"
        return outcome

    def _judge(self):
        try:
            outcome = self._deliver(self.case.seconds)
            row = self._judge_first(outcome)
            self.scene.holds(self.stage)
            if self.case.kind not in CERTIFICATES:
                self._repeat()
            self._check_secrets()
            return row
        except AssertionError as problem:
            return {"how": "NOT HELD", "problem": f"{problem}\n{self.function.log[-3000:]}"}

    def _judge_first(self, outcome):
        log = self.function.log
        if outcome.kind == "response":
            return self._judge_response(log)
        message = outcome.json()["errorMessage"]
        assert outcome.error_type.startswith("Function."), outcome.error_type
        told = message + (log if self.target.is_soft else "")
        assert self._is_named(told), f"the error does not name the call: {message}"
        assert not self._is_got_over(), f"was not got over: {message}"
        if self.target.operation not in NEEDED and self.case.kind not in WHOLE_SERVICE:
            self.scene.reported(self.stage)
        return {"how": "failed", "error": outcome.error_type}

    def _judge_response(self, log):
        if self._is_got_over():
            self.scene.done(self.stage)
            return {"how": "repeated"}
        if self.target.is_seen and self.aws.performed[self.target.operation] > 0:
            self.scene.done(self.stage)
            return {"how": "seen to be done"}
        assert self.target.is_soft, "the event was answered as if nothing had happened"
        assert self._is_named(log), "no line of the log names the call"
        self.scene.done(self.stage)
        return {"how": "done without"}

    def _is_named(self, text):
        names = {self.target.name, self.target.look or self.target.name}
        if self.case.kind in WHOLE_SERVICE:
            # All calls to the service are refused; the error may name another one of them.
            names = {target.name for target in TARGETS if target.variable == self.target.variable}
        return any(name in text for name in names)

    def _is_got_over(self):
        """Is there another attempt after the one that goes wrong?"""
        kind = KINDS.get(self.case.kind)
        if kind is None or kind.is_final or self.case.kind == REFUSED:
            return False
        if self.target.waits and self.case.kind in THROTTLES:
            return True
        # What looks before it sends gets another attempt for a wrong clock alone.
        has_another = self._attempt() < self.target.attempts or (
            self.target.is_seen and not self.target.look and self.case.kind == SKEW)
        return has_another and (kind.is_refusal or not self.target.is_lost)

    def _repeat(self):
        """Lambda delivers it again when AWS is well: everything is as without a fault."""
        self.aws.faults.clear()
        if self.case.kind == EXPIRED:
            self._replace()
        if self.gate:
            self.gate.stop()
            self.gate = Gate(self.aws, port=self.gate.port)
        outcome = self._deliver(SECONDS)
        assert outcome.kind == "response", f"the repeated event failed: {outcome.body[:800]}"
        self.scene.done(self.stage)
        self.scene.holds(self.stage)

    def _replace(self):
        """An environment whose credentials have expired ends by itself, and Lambda makes another."""
        assert self.function.exit_code() == 1, "it did not end as it should"
        assert "credentials_expired" in self.function.log, "it did not say why it ended"
        self.former_log = self.function.log
        self.function.stop()
        self.function = self.start()

    def _check_secrets(self):
        """In nothing that somebody reads or that is kept: log, answers, and what AWS received."""
        secrets = {text for pair in list(self.aws.keys.items()) for text in (pair[0], *pair[1])}
        secrets |= {each.scope.signature for each in self.aws.calls}
        secrets |= {MARKER, EXTERNAL_ID, HEADER}
        parts = {part for secret in filter(None, secrets) for part in parts_of(secret)}
        said = [("the log", self.former_log + self.function.log),
                ("an answer", self.said.decode("utf-8", "replace"))]
        said += [(each.name, readable_text_of(each)) for each in self.aws.calls if each.name in TELLING]
        told = [(where, part) for where, text in said for part in sorted(parts & parts_of(text))]
        assert not told, f"told: {told[:5]}"


HEADER = "AWS4-HMAC-SHA256"  # how an Authorization header begins
PART = 16  # characters of a secret that reveal it


def parts_of(text):
    """All its parts of that length."""
    return {text[at:at + PART] for at in range(len(text) - PART + 1)}


# Alerts, findings, reports, verdicts, and what is remembered.
TELLING = {PUBLISH, "securityhub:POST /findings/import", "s3:PutObject", "config:PutEvaluations",
           "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:TransactWriteItems"}


def readable_text_of(call):
    """The words of a call that are for others, without what JSON, forms and HTML make of them."""
    if call.form:
        return "\n".join(call.form.values())
    text = call.request.body.decode("utf-8", "replace")
    if call.protocol in ("json", "rest-json"):
        content = json.loads(text)
        content.pop("ResultToken", None)  # is for AWS Config, which gave it
        return json.dumps(content, ensure_ascii=False)
    return html.unescape(text)


# For a call that is not the first to its service: the call after whose answer nobody listens.
BEFORE = {
    "config GetComplianceDetailsByConfigRule": ("config:PutEvaluations", 1),
    "config StartConfigRulesEvaluation": ("config:PutEvaluations", 1),
    "elasticloadbalancing DescribeLoadBalancerAttributes": ("elbv2:DescribeLoadBalancers", 1),
    "elasticloadbalancing ModifyLoadBalancerAttributes":
        ("elbv2:DescribeLoadBalancerAttributes", 1),
    "dynamodb TransactWriteItems": ("dynamodb:UpdateItem", 1),
    "dynamodb PutItem": ("dynamodb:UpdateItem", 2),
    "dynamodb UpdateItem": ("dynamodb:GetItem", 1),
    "dynamodb Scan": ("dynamodb:Query", 2),
    "sts AssumeRole": ("sts:GetCallerIdentity", 1),
}


def _certificate_servers(folder):
    """kind -> (a server whose certificate does not hold, the bundle that is trusted)."""
    servers = {}
    for kind, options in CERTIFICATES.items():
        own = folder / kind.replace(" ", "-")
        trusted = own / "trusted"
        trusted.mkdir(parents=True)
        ca = TestCa(own)
        server = LocalAws(tls=ca.server_context(**options))
        bundle = TestCa(trusted).bundle_path if kind == "unknown CA" else ca.bundle_path
        servers[kind] = (server, bundle)
    return servers


def run(cases, folder):
    """Rows, in the order of the cases."""
    shared = LocalAws()
    furnish(shared)
    stages = queue.Queue()
    for _ in range(min(STAGES, len(cases))):
        stages.put(Stage(shared))
    certificates = _certificate_servers(folder)

    def play(case):
        stage = stages.get()
        try:
            return Play(case, stage, certificates).run()
        finally:
            stages.put(stage)

    # Those that wait take longest, so they begin, and the others work meanwhile.
    order = sorted(cases, key=lambda case: case.kind != DELAY)
    with ThreadPoolExecutor(STAGES) as pool:
        rows = dict(zip(order, pool.map(play, order)))
    for server, _ in certificates.values():
        assert server.calls == [], "a server whose certificate does not hold was spoken to"
        server.stop()
    shared.stop()
    return [rows[case] for case in cases]


def write(rows, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")
