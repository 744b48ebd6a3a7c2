# SPDX-License-Identifier: Apache-2.0
"""A local AWS for whole fleets: the three describes of Elastic Load Balancing and AWS Config's
evaluations, answered from memory by one event loop at thousands of calls a second.

`LocalAws` (aws.py) has moto behind it and knows everything; this one knows little, but at speed,
and can throttle as AWS does. Both count calls, check signatures and take faults in the same way.
"""

import asyncio
import email.utils
import functools
import json
import threading
import time
from collections import Counter
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from .aws import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY, SESSION_TOKEN
from .config_service import ConfigError, ConfigService
from .faults import Faults, error_answer
from .moto_backend import APPLICATION_ATTRIBUTES, COMMON_ATTRIBUTES, DESYNC_MODE
from .signature import Call, Refused, check, identify
from .wire import Answer, Request

PAGE_MAX = 400
TAGS_ARNS_MAX = 20
DROP_INVALID_HEADERS = "routing.http.drop_invalid_header_fields.enabled"
NAMESPACE = "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/"
LIST = "elbv2:DescribeLoadBalancers"
ATTRIBUTES = "elbv2:DescribeLoadBalancerAttributes"
TAGS = "elbv2:DescribeTags"
PUT = "config:PutEvaluations"
RESULTS = "config:GetComplianceDetailsByConfigRule"
SCOPE = "config:DescribeConfigRules"
IDENTITY = "sts:GetCallerIdentity"
ACCOUNT = "123456789012"


class TokenBucket:
    def __init__(self, capacity, per_second):
        self.capacity, self.per_second = capacity, per_second
        self.tokens, self.filled_at = float(capacity), time.monotonic()

    def fill(self):
        now = time.monotonic()
        gained = (now - self.filled_at) * self.per_second
        self.tokens, self.filled_at = min(self.capacity, self.tokens + gained), now


class Throttle:
    """Both buckets that a Describe call draws from; a call that is refused draws from neither."""

    def __init__(self, capacity=40, per_second=10):
        self.buckets = [TokenBucket(capacity, per_second), TokenBucket(capacity, per_second)]

    def take(self):
        for bucket in self.buckets:
            bucket.fill()
        if any(bucket.tokens < 1 for bucket in self.buckets):
            return False
        for bucket in self.buckets:
            bucket.tokens -= 1
        return True


class FleetAws:
    """`load_balancers` are sim.fleet.LiveLoadBalancer. `attribute_faults` (ARN -> Fault) and
    `silent` (ARNs never answered for) spoil the reading of single ones; `throttle` refuses with
    "Rate exceeded" what comes too fast; `latency` is in seconds."""

    def __init__(self, load_balancers=(), checks_signatures=True):
        self.load_balancers = {lb.arn: lb for lb in load_balancers}
        self.checks_signatures = checks_signatures
        self.config = ConfigService()
        self.faults = Faults()
        self.attribute_faults = {}
        self.silent = set()
        self.throttle = None
        self.throttled = 0
        self.latency = 0.0
        self.counts = Counter()
        self.signature_failures = []
        self.in_flight = self.in_flight_max = self.connections_opened = 0
        self._deletions = []
        self._loop = asyncio.new_event_loop()
        started = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(started,), daemon=True)
        self._thread.start()
        started.wait()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def delete_when(self, operation, nth, arns):
        """They cease to exist just before the `nth` call of `operation` is carried out."""
        self._deletions.append((operation, nth, list(arns)))

    def stop(self):
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self, started):
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(
            self._loop.create_server(lambda: _Connection(self), "127.0.0.1", 0, backlog=256))
        self.port = server.sockets[0].getsockname()[1]
        started.set()
        self._loop.run_forever()
        server.close()
        self._loop.close()

    # One call

    def answer(self, request):
        """The Answer, or None for one that never comes."""
        if request.method == "GET" and request.target == "/ping":
            return Answer(200, [("Content-Type", "text/plain")], b"healthy")
        try:
            call = identify(request) if self.checks_signatures else _identify_quickly(request)
            if self.checks_signatures:
                check(request, call.scope, {ACCESS_KEY_ID: (SECRET_ACCESS_KEY, SESSION_TOKEN)},
                      "http", time.time())
        except Refused as refused:
            self.signature_failures.append(f"{refused.code}: {refused.message}")
            return Answer(403, [], refused.message.encode())
        self.counts[call.name] += 1
        self._delete_what_is_due(call.name)
        fault = self.faults.take(call.name)
        if fault and fault.instead:
            return fault.instead(call)
        answer = self._perform(call)
        return fault.after(answer) if fault else answer

    def _delete_what_is_due(self, operation):
        for wanted, nth, arns in self._deletions:
            if wanted == operation and self.counts[operation] == nth:
                for arn in arns:
                    del self.load_balancers[arn]

    def _perform(self, call):
        if call.service == "config":
            return self._perform_config(call)
        if call.name == IDENTITY:
            return _result(call, f"<Account>{ACCOUNT}</Account>"
                                 f"<Arn>arn:aws:sts::{ACCOUNT}:assumed-role/Auditor/alice</Arn>")
        if self.throttle and not self.throttle.take():
            self.throttled += 1
            return error_answer(call, "Throttling", "Rate exceeded")
        operations = {LIST: self._describe, ATTRIBUTES: self._describe_attributes,
                      TAGS: self._describe_tags}
        if call.name not in operations:
            return error_answer(call, "InvalidAction", f"{call.name} is not served here")
        return operations[call.name](call)

    def _perform_config(self, call):
        if call.operation not in ConfigService.OPERATIONS:
            return error_answer(call, "UnknownOperationException", call.operation)
        try:
            body = self.config.call(call.operation, call.request.body)
        except ConfigError as problem:
            return error_answer(call, problem.code, problem.message)
        return Answer(200, [("Content-Type", "application/x-amz-json-1.1")],
                      json.dumps(body).encode())

    def _describe(self, call):
        wanted = _members(call.form, "LoadBalancerArns")
        if any(arn not in self.load_balancers for arn in wanted):
            return _not_found(call, wanted)
        size, marker = call.form.get("PageSize", "400"), call.form.get("Marker", "0")
        if not size.isdigit() or not 1 <= int(size) <= PAGE_MAX or not marker.isdigit():
            return error_answer(call, "ValidationError", "Invalid marker or page size")
        # By ARN, so that a deletion between two pages moves none across their border.
        arns = sorted(wanted or self.load_balancers)
        start, end = int(marker), int(marker) + int(size)
        members = "".join(_description(self.load_balancers[arn]) for arn in arns[start:end])
        more = f"<NextMarker>{end}</NextMarker>" if end < len(arns) else ""
        return _result(call, f"<LoadBalancers>{members}</LoadBalancers>{more}")

    def _describe_attributes(self, call):
        arn = call.form.get("LoadBalancerArn")
        if arn in self.silent:
            return None
        if arn in self.attribute_faults:
            return self.attribute_faults[arn].instead(call)
        if arn not in self.load_balancers:
            return _not_found(call, [arn])
        pairs = _attribute_pairs(tuple(attributes_of(self.load_balancers[arn]).items()))
        return _result(call, f"<Attributes>{pairs}</Attributes>")

    def _describe_tags(self, call):
        arns = _members(call.form, "ResourceArns")
        if not 1 <= len(arns) <= TAGS_ARNS_MAX:
            return error_answer(call, "ValidationError", "1 to 20 resources")
        if any(arn not in self.load_balancers for arn in arns):
            return _not_found(call, [arn for arn in arns if arn not in self.load_balancers])
        members = "".join(
            f"<member><ResourceArn>{arn}</ResourceArn><Tags>"
            f"{_pairs(self.load_balancers[arn].tags)}</Tags></member>" for arn in arns)
        return _result(call, f"<TagDescriptions>{members}</TagDescriptions>")


def attributes_of(load_balancer):
    if load_balancer.type != "application":
        return COMMON_ATTRIBUTES
    drops = "true" if load_balancer.drops_invalid_headers else "false"
    return {**APPLICATION_ATTRIBUTES, DESYNC_MODE: load_balancer.mode, DROP_INVALID_HEADERS: drops}


def _pairs(values):
    return "".join(f"<member><Key>{escape(key)}</Key><Value>{escape(value)}</Value></member>"
                   for key, value in values.items())


@functools.lru_cache
def _attribute_pairs(items):
    """A fleet has few different sets of them, and a benchmark should wait for the client alone."""
    return _pairs(dict(items))


@functools.lru_cache(maxsize=1)
def _http_date(second):
    return email.utils.formatdate(second, usegmt=True)


def _description(load_balancer):
    scheme = "" if load_balancer.type == "gateway" else f"<Scheme>{load_balancer.scheme}</Scheme>"
    return (f"<member><LoadBalancerArn>{load_balancer.arn}</LoadBalancerArn>"
            f"<LoadBalancerName>{load_balancer.name}</LoadBalancerName>{scheme}"
            f"<Type>{load_balancer.type}</Type><State><Code>active</Code></State>"
            "<CreatedTime>2026-04-25T09:14:27.318Z</CreatedTime>"
            "<VpcId>vpc-0a91c5e3f7d28b460</VpcId><IpAddressType>ipv4</IpAddressType>"
            "<AvailabilityZones><member><ZoneName>eu-west-1a</ZoneName>"
            "<SubnetId>subnet-0b6d2f4a81c93e570</SubnetId></member></AvailabilityZones></member>")


def _result(call, content):
    name = call.operation
    body = (f'<{name}Response xmlns="{NAMESPACE}"><{name}Result>{content}</{name}Result>'
            "<ResponseMetadata><RequestId>2f6ac1b8-5d0e-4e93-a7f4-9c1b3d5e7f20</RequestId>"
            f"</ResponseMetadata></{name}Response>")
    return Answer(200, [("Content-Type", "text/xml")], body.encode())


def _not_found(call, arns):
    return error_answer(call, "LoadBalancerNotFound",
                        f"Load balancers '[{', '.join(arns)}]' not found")


def _members(form, prefix):
    return [value for name, value in form.items() if name.startswith(prefix + ".member.")]


def _identify_quickly(request):
    """The call without a look at its signature, for benchmarks."""
    target = request.header("X-Amz-Target")
    if target:
        return Call("config", target.rpartition(".")[2], "json", None, request, {})
    form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
    service = "sts" if form["Action"] == "GetCallerIdentity" else "elbv2"
    return Call(service, form["Action"], "query", None, request, form)


class _Connection(asyncio.Protocol):
    """HTTP/1.1 with keep-alive: one request, one answer, in turn."""

    def __init__(self, aws):
        self.aws, self.buffer, self.transport = aws, b"", None

    def connection_made(self, transport):
        self.transport = transport
        self.aws.connections_opened += 1

    def data_received(self, data):
        self.buffer += data
        head, end, rest = self.buffer.partition(b"\r\n\r\n")
        if not end:
            return
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = [(n, v.strip()) for n, _, v in (line.partition(":") for line in lines)]
        method, target, _ = first.split(" ", 2)
        request = Request(head, method, target, headers, b"", id(self), time.monotonic())
        length = int(request.header("Content-Length", "0"))
        if len(rest) < length:
            return
        request.body, self.buffer = rest[:length], rest[length:]
        self.serve(request)

    def serve(self, request):
        self.aws.in_flight += 1
        self.aws.in_flight_max = max(self.aws.in_flight_max, self.aws.in_flight)
        answer = self.aws.answer(request)
        if answer is not None:
            self.aws._loop.call_later(self.aws.latency, self.send, answer)

    def send(self, answer):
        self.aws.in_flight -= 1
        answer.headers.append(("Date", _http_date(int(time.time()))))
        self.transport.write(answer.to_bytes())


def main():
    """python3 -m tests.sim.fleet_aws COUNT: a fleet to point a client of your own at."""
    import sys

    from .fleet import synthetic
    aws = FleetAws(synthetic(int(sys.argv[1]) if len(sys.argv) > 1 else 1000))
    print(f"export AWS_ENDPOINT_URL={aws.url} AWS_REGION={REGION}")
    print(f"export AWS_ACCESS_KEY_ID={ACCESS_KEY_ID} AWS_SECRET_ACCESS_KEY={SECRET_ACCESS_KEY}")
    print(f"export AWS_SESSION_TOKEN={SESSION_TOKEN}", flush=True)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        aws.stop()


if __name__ == "__main__":
    main()
