# SPDX-License-Identifier: Apache-2.0
"""One process, very many invocations of every kind: what grows, and what stays open.

AWS Config is a stand-in over TLS; Elastic Load Balancing, S3 and DynamoDB answer from memory over
plain HTTP and close each connection now and then, so that new ones are made all the time.
"""

import asyncio
import datetime
import json
import os
import re
import threading
import time
from subprocess import DEVNULL

from measure import Row, at_most, at_most_times, exactly, limited
from sim import events, fleet
from sim.fleet_aws import FleetAws
from sim.function import Function
from sim.log_bucket import gzipped, line
from sim.samples import event_of_size, event_with_item, good_event
from sim.wire import Answer

INVOCATIONS = 200_000 if os.environ.get("BENCH_SLOW") == "1" else 20_000
SETTLED_AFTER = 1_000
GROWTH_KIB_MAX = 256
SAMPLES = 200
CLOSE_EVERY = 300
SECONDS_MAX = 3_000

NOW = datetime.datetime.now(datetime.timezone.utc)


def log_event():
    """Of an object of now: what is older than two days is not read."""
    text = events.load("log-object.s3-notification")
    text = re.sub(r"/\d{4}/\d\d/\d\d/", f"/{NOW:%Y/%m/%d}/", text)
    return re.sub(r"_\d{8}T\d{4}Z_", f"_{NOW:%Y%m%dT%H%MZ}_", text)


LOG_EVENT = log_event()
JUDGED, COUNTED, REFUSED = b'"compliance":"', b'"status":"counted","requests":500', b'"errorType":"'

# (event, what its answer holds, how many among 200), spread by `mixed`.
KINDS = [
    (json.dumps(good_event()), JUDGED, 120),
    (event_with_item(supplementaryConfiguration=None), JUDGED, 20),  # read live
    (events.load("elb-call.modify-attributes"), JUDGED, 16),
    (events.load("elb-call.add-tags"), JUDGED, 8),
    (LOG_EVENT, COUNTED, 8),
    (events.load("config-change.deleted"), JUDGED, 8),
    (events.load("invalid.truncated"), REFUSED, 8),
    (events.load("config-change.bad-parameter-value"), REFUSED, 6),
    (event_of_size(100_000), JUDGED, 4),
    ('{"action":"sweep"}', JUDGED, 2),
]


def mixed():
    """200 events in which each kind comes at even distances."""
    places = [((i + 0.5) / count, body, held)
              for body, held, count in KINDS for i in range(count)]
    return [(body.encode(), held) for _, body, held in sorted(places)]


class SoakAws(FleetAws):
    """With a log object for every key and a table that is always empty."""

    def __init__(self):
        super().__init__(fleet.FLEET, checks_signatures=False)
        minutes = [NOW - datetime.timedelta(minutes=i % 60) for i in range(500)]
        self.log_object = gzipped([line(f"{each:%Y-%m-%dT%H:%M:%S}") for each in minutes])
        # Another one would be an object that was replaced since, and not be read.
        self.etag = json.loads(LOG_EVENT)["Records"][0]["s3"]["object"]["eTag"]
        self.answered = 0

    def answer(self, request):
        answer = self.perform(request)
        self.answered += 1
        answer.close = self.answered % CLOSE_EVERY == 0
        return answer

    def perform(self, request):
        target = request.header("X-Amz-Target", "")
        if target.startswith("DynamoDB"):
            body = b'{"Items":[],"Count":0}' if target.endswith((".Query", ".Scan")) else b"{}"
            self.counts["dynamodb:" + target.rpartition(".")[2]] += 1
            return Answer(200, [("Content-Type", "application/x-amz-json-1.0")], body)
        if request.method == "GET" and request.target != "/ping":
            self.counts["s3:GetObject"] += 1
            return Answer(200, [("ETag", f'"{self.etag}"')], self.log_object)
        return super().answer(request)


class Platform:
    """A Runtime API that has the next event ready, on an event loop of its own."""

    def __init__(self, invocations):
        self.invocations, self.events = invocations, mixed()
        self.sent = self.posted = self.connections = 0
        self.wrong, self.samples, self.pid = [], [], None
        self.is_over = threading.Event()
        self.loop = asyncio.new_event_loop()
        self.server = self.loop.run_until_complete(
            self.loop.create_server(lambda: Connection(self), "127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.server.sockets[0].getsockname()[1]
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def stop(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.server.close()

    def next(self):
        """The answer to GET .../next; None once there is no more."""
        step = max(1, self.invocations // SAMPLES)
        if self.sent == SETTLED_AFTER or self.sent > SETTLED_AFTER and self.sent % step == 0:
            self.samples.append(sample(self.pid))
        if self.sent == self.invocations:
            self.is_over.set()
            return None
        body, _ = self.events[self.sent % len(self.events)]
        self.sent += 1
        return (f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                f"Lambda-Runtime-Aws-Request-Id: 8476a536-e9f4-11e8-9739-{self.sent:012}\r\n"
                f"Lambda-Runtime-Deadline-Ms: {int(time.time() * 1000) + 60_000}\r\n"
                f"Content-Length: {len(body)}\r\n\r\n").encode() + body

    def finish(self, head, body):
        _, held = self.events[self.posted % len(self.events)]
        self.posted += 1
        end = f"{self.posted:012}{'/error' if held is REFUSED else '/response'}".encode()
        if not head.split(b" ", 2)[1].endswith(end) or held not in body:
            self.wrong.append((self.posted, head.split(b"\r\n")[0], body[:500]))
        return b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"


class Connection(asyncio.Protocol):
    def __init__(self, platform):
        self.platform, self.buffer, self.transport = platform, b"", None

    def connection_made(self, transport):
        self.transport = transport
        self.platform.connections += 1

    def data_received(self, data):
        self.buffer += data
        head, end, rest = self.buffer.partition(b"\r\n\r\n")
        if not end:
            return
        length = head.lower().partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0]
        if len(rest) < int(length or 0):
            return
        self.buffer = b""
        is_next = head.startswith(b"GET ")
        answer = self.platform.next() if is_next else self.platform.finish(head, rest)
        if answer is not None:
            self.transport.write(answer)


def sample(pid):
    """Resident KiB and open file descriptors."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        resident = next(int(text.split()[1]) for text in file if text.startswith("VmRSS:"))
    return resident, len(os.listdir(f"/proc/{pid}/fd"))


def run(bench, invocations):
    """(platform, AWS calls, seconds) of one process that outlived so many invocations."""
    platform, aws = Platform(invocations), SoakAws()
    started = time.monotonic()
    with bench.endpoints("answer") as endpoints:
        config = endpoints["AWS_ENDPOINT_URL_CONFIG_SERVICE"]
        with Function(platform, aws=aws, command=[str(bench.bootstrap)],
                      process_options={"stdout": DEVNULL, "stderr": DEVNULL}, STATE_TABLE="state",
                      AWS_ENDPOINT_URL_CONFIG_SERVICE=config, AWS_CA_BUNDLE=str(bench.ca),
                      ELB_REQUESTS_PER_SECOND="off", WARM_UP="off") as function:
            platform.pid = function.process.pid
            while not platform.is_over.wait(0.2) and function.is_alive():
                if platform.wrong or time.monotonic() - started > SECONDS_MAX:
                    break
            done, alive = platform.posted, function.is_alive()
    seconds = time.monotonic() - started
    platform.stop()
    aws.stop()
    if platform.wrong or not alive or done != invocations:
        raise RuntimeError(f"after {done:,} invocations: {platform.wrong[:2] or 'it ended'}")
    return platform, aws.counts, seconds


def rows(bench):
    platform, counts, seconds = run(bench, INVOCATIONS)
    settled, *later = platform.samples
    growth = max(resident for resident, _ in later) - settled[0]
    details = {"invocations": INVOCATIONS, "seconds": round(seconds), "samples": platform.samples,
               "calls_without_config": dict(counts), "resident_kib": settled[0]}
    return [
        limited(f"{INVOCATIONS:,} invocations: memory grew by", "KiB", growth,
                at_most(GROWTH_KIB_MAX, "KiB"), GROWTH_KIB_MAX, **details),
        Row("  file descriptors, most", "", max(each for _, each in later),
            f"after the first {SETTLED_AFTER:,}", settled[1], at_most_times(1)),
        limited("  connections to the Runtime API", "", platform.connections, exactly(1), 1),
        Row("  resident memory, most", "MB", max(each for each, _ in later) * 1024 / 1e6,
            f"after the first {SETTLED_AFTER:,}", settled[0] * 1024 / 1e6),
    ]
