# SPDX-License-Identifier: Apache-2.0
"""Access logs from S3 to TRAFFIC items, through the shipped binary against the local AWS."""

import datetime
import json
import random
import subprocess
import threading
from collections import Counter, defaultdict

import pytest

from sim import faults
from sim.control_loop import ControlLoop
from sim.function import Function, bootstrap_command, lambda_environment
from sim.log_bucket import (
    COUNT, COUNTERS, GET, LogBucket, arn_of, gzipped, line, queue_event, sns_envelope)
from sim.runtime_api import RuntimeApi

CLASSES = [("-", "-"), ("Acceptable", "SpaceInUri"), ("Ambiguous", "DuplicateContentLength"),
           ("Severe", "BadContentLength")]


@pytest.fixture
def aws(module_aws):
    module_aws.forget()
    yield module_aws
    assert module_aws.signature_failures == []


@pytest.fixture
def loop(aws):
    return ControlLoop(aws)


@pytest.fixture
def bucket(aws):
    return LogBucket(aws)


@pytest.fixture
def function(start, aws, loop):
    return start(aws=aws, STATE_TABLE=loop.table)


NOT_UNDERSTOOD = ["unknown", "unfamiliar", "unparsed", "withoutTime", "damaged"]


def many_lines(count, seed, hours=("2026-11-22T23", "2026-11-23T00")):
    """[(day, class, line)], the newest not the last."""
    chosen = random.Random(seed)
    made = []
    for _ in range(count):
        hour, (class_, reason) = chosen.choice(hours), chosen.choice(CLASSES)
        clock = ":".join(f"{chosen.randrange(60):02}" for _ in range(2))
        made.append((hour[:10], class_, line(f"{hour}:{clock}", class_, reason)))
    return made


def expected_traffic(made):
    """{day: counters}, by splitting at every quote: not as we do it."""
    days = defaultdict(Counter)
    for _, _, text in made:
        time, class_ = text.split(" ")[1], text.split('"')[-10]
        days[time[:10]].update(["requests", COUNTERS[class_]])
    return {day: {**{name: 0 for name in [*COUNTERS.values(), *NOT_UNDERSTOOD]}, **counts}
            for day, counts in days.items()}


def traffic(loop, arn):
    """The same of the items of the hours."""
    days = defaultdict(Counter)
    names = ["requests", *COUNTERS.values(), *NOT_UNDERSTOOD]
    for item in loop.records(arn, "TRAFFIC"):
        days[item["sk"].partition("#")[2][:10]].update(
            {name: item.get(name, 0) for name in names})
    return {day: dict(counts) for day, counts in days.items()}


def objects(outcome):
    assert outcome.kind == "response", outcome.body
    return [(each["status"], each["requests"]) for each in outcome.json()["logObjects"]]


# Each kind of S3 notification

@pytest.mark.parametrize("event_of", [
    pytest.param(lambda b, o: b.bridge_event(o), id="EventBridge"),
    pytest.param(lambda b, o: b.notification(o), id="S3"),
    pytest.param(lambda b, o: queue_event(b.bridge_event(o)), id="EventBridge-SQS"),
    pytest.param(lambda b, o: queue_event(b.notification(o)), id="S3-SQS"),
    pytest.param(lambda b, o: queue_event(sns_envelope(b.notification(o))), id="S3-SNS-SQS"),
])
def test_object_is_counted_for_each_kind_of_notification(event_of, function, loop, bucket, aws):
    made = many_lines(200, 1)
    stored = bucket.put([text for _, _, text in made])
    outcome = function.invoke(event_of(bucket, stored))
    assert objects(outcome) == [("counted", 200)]
    assert outcome.json()["evaluations"] == outcome.json()["actions"] == []
    assert traffic(loop, arn_of(stored[0])) == expected_traffic(made)
    assert dict(aws.counts) == {GET: 1, COUNT: 2}


def test_traffic_items_match_the_contract(function, loop, bucket):
    stored = bucket.put([line("2026-11-23T08:01:00", "Severe", "BadContentLength")])
    function.invoke(bucket.notification(stored))
    arn = arn_of(stored[0])
    item, = loop.records(arn, "TRAFFIC")
    assert len(item.pop("seen").pop()) == 6 and len(item.pop("clients").pop()) == 4
    assert item == {"pk": arn, "sk": "TRAFFIC#2026-11-23T08", "files": 1, "requests": 1,
                    "severe": 1, "severeServed": 1, "http1": 1, "http1Lines": 1, "h0": 1,
                    "newest_at": "2026-11-23T08:01:00.000Z", "expires_at": 1797292800}
    assert loop.records(arn, "SEEN") == []


def test_d1_d2_d3_lines_are_told_apart_by_protocol_outcome_sender_and_network(
        function, loop, bucket):
    time = "2026-11-23T08:01:00"
    stored = bucket.put([
        line(time, client="198.51.100.1"), line(time, client="198.51.100.2"),
        line(time, client="[2001:db8:7::1]"), line(time, type_="h2", client="192.0.2.1"),
        line(time, agent="ELB-HealthChecker/2.0", client="192.0.2.2"),
        line(time, "Acceptable", "SpaceInUri", client="198.51.100.3"),
        line(time, "Ambiguous", "EmptyHeader", client="192.0.3.1", statuses="400 -"),
        line(time, "Ambiguous", "EmptyHeader", client="198.51.100.9", statuses="400 -"),
        line(time, "Severe", "BadHeader", client="192.0.3.1", statuses="400 -")])
    function.invoke(bucket.notification(stored))
    item, = loop.records(arn_of(stored[0]), "TRAFFIC")
    assert {name: item.get(name) for name in (
        "http1", "http1Lines", "http2", "synthetic", "blockedServed", "unserved", "severeServed",
        "severeUnserved", "blockedClients", "blockedReasons")} == {
            "http1": 4, "http1Lines": 7, "http2": 1, "synthetic": 1, "blockedServed": 1,
            "unserved": 2, "severeServed": None, "severeUnserved": 1, "blockedClients": 1,
            "blockedReasons": {"EmptyHeader"}}
    assert len(item["clients"]) == 2


def test_f5_a_file_is_one_write_and_replayed_it_changes_nothing(function, loop, bucket, aws):
    made = [("2026-11-23", "-", line(f"2026-11-23T08:0{n % 5}:00")) for n in range(20)]
    stored = bucket.put([text for _, _, text in made])
    function.invoke(bucket.notification(stored))
    assert dict(aws.counts) == {GET: 1, COUNT: 1}
    before = loop.items()
    assert objects(function.invoke(bucket.bridge_event(stored))) == [("duplicate", 0)]
    assert loop.items() == before and len(before) == 1


def test_f5_many_files_of_an_hour_go_on_in_further_items(function, loop, bucket):
    stored = [bucket.put([line("2026-11-23T08:01:00")]) for _ in range(70)]
    for _ in range(2):
        function.invoke(queue_event(*[bucket.notification(each) for each in stored]))
    items = loop.records(arn_of(stored[0][0]), "TRAFFIC")
    assert sum(item["requests"] for item in items) == sum(item["files"] for item in items) == 70
    assert len(items) > 1 and max(item["files"] for item in items) == 48
    assert all(len(item["seen"]) == item["files"] for item in items)


def test_objects_of_one_event_are_counted_under_their_own_load_balancers(function, loop, bucket):
    """Of other accounts and Regions too: a bucket may be everybody's."""
    keys = [bucket.key(), bucket.key("other", "fedcba9876543210", account="210987654321"),
            bucket.key("third", "00000000000000aa", region="us-east-1")]
    stored = [bucket.put([line("2026-11-23T08:01:00")] * (n + 1), key)
              for n, key in enumerate(keys)]
    assert objects(function.invoke(bucket.notification(*stored))) == [
        ("counted", 1), ("counted", 2), ("counted", 3)]
    assert [traffic(loop, arn_of(key))["2026-11-23"]["requests"] for key in keys] == [1, 2, 3]


# Once

def test_the_same_object_twice_is_counted_once(function, loop, bucket):
    made = many_lines(50, 2)
    stored = bucket.put([text for _, _, text in made])
    outcomes = [function.invoke(event) for event in (
        bucket.notification(stored), bucket.bridge_event(stored),
        queue_event(bucket.notification(stored, stored)))]
    assert [objects(outcome) for outcome in outcomes] == [
        [("counted", 50)], [("duplicate", 0)], [("duplicate", 0), ("duplicate", 0)]]
    assert traffic(loop, arn_of(stored[0])) == expected_traffic(made)
    assert outcomes[2].json()["batchItemFailures"] == []
    assert function.log.count('"ignored"') == 3


def test_another_version_under_the_same_key_is_counted_too(function, loop, bucket):
    first = bucket.put([line("2026-11-23T08:01:00")])
    function.invoke(bucket.notification(first))
    second = bucket.put([line("2026-11-23T08:02:00")], key=first[0])
    assert objects(function.invoke(bucket.notification(second))) == [("counted", 1)]
    assert traffic(loop, arn_of(first[0]))["2026-11-23"]["requests"] == 2


def test_replayed_event_whose_record_may_have_expired_counts_nothing(function, loop, bucket):
    """Counted by one way, it is known to every other for as long as any accepts it."""
    for days, first, second in ((1, "counted", "duplicate"), (13, "counted", "duplicate"),
                                (15, "skipped", "skipped")):
        delivered = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=days)
        stored = bucket.put([line("2026-11-23T08:01:00")],
                            bucket.key(end=delivered.strftime("%Y%m%dT%H%MZ")))
        event = bucket.notification(stored)
        assert [objects(function.invoke(each))[0][0] for each in (event, queue_event(event))] == [
            first, second]


def test_an_event_about_a_version_that_was_replaced_counts_nothing(function, loop, bucket):
    first = bucket.put([line("2026-11-23T08:01:00")])
    bucket.put([line("2026-11-23T08:02:00")], key=first[0])
    assert objects(function.invoke(bucket.notification(first))) == [("skipped", 0)]
    assert traffic(loop, arn_of(first[0])) == {}


@pytest.fixture
def copies(aws, loop):
    """Two sandboxes on one table."""
    apis = [RuntimeApi(), RuntimeApi()]
    running = [Function(api, aws=aws, STATE_TABLE=loop.table) for api in apis]
    for each in running:
        each.wait_until_idle()
    yield running
    for each, api in zip(running, apis):
        each.stop()
        api.stop()


def at_once(functions, events):
    outcomes = [None] * len(functions)

    def invoke(number):
        outcomes[number] = functions[number].invoke(events[number])

    threads = [threading.Thread(target=invoke, args=(n,)) for n in range(len(functions))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def test_two_copies_that_read_the_same_object_at_once_count_it_once(copies, aws, loop, bucket):
    made = many_lines(40, 3)
    stored = bucket.put([text for _, _, text in made])
    both_have_read = threading.Barrier(2, timeout=20)

    def wait(answer):
        both_have_read.wait()
        return answer

    aws.faults.add(GET, faults.Fault(after=wait), times=2)
    outcomes = at_once(copies, [bucket.notification(stored), bucket.bridge_event(stored)])
    assert not both_have_read.broken
    assert sorted(objects(outcome)[0] for outcome in outcomes) == [
        ("counted", 40), ("duplicate", 0)]
    assert traffic(loop, arn_of(stored[0])) == expected_traffic(made)


def test_two_copies_with_different_objects_of_one_day_lose_nothing(copies, loop, bucket):
    made = [many_lines(20, seed) for seed in range(30)]
    stored = [bucket.put([text for _, _, text in lines]) for lines in made]
    orders = [random.Random(seed).sample(stored, len(stored)) for seed in (1, 2)]
    at_once(copies, [queue_event(*[bucket.notification(each) for each in order])
                     for order in orders])
    everything = [each for lines in made for each in lines]
    assert traffic(loop, arn_of(stored[0][0])) == expected_traffic(everything)


# What cannot be counted

def test_readable_part_of_a_damaged_object_is_counted_once(function, loop, bucket):
    made = [("2026-11-23", "-", line(f"2026-11-23T08:{n // 60:02}:{n % 60:02}"))
            for n in range(600)]
    content = gzipped([text for _, _, text in made])
    stored = bucket.put(content[:len(content) // 2])
    outcome = function.invoke(bucket.notification(stored))
    (status, requests), = objects(outcome)
    assert status == "damaged" and 0 < requests < 600
    assert "cut short" in outcome.json()["logObjects"][0]["why"]
    day = traffic(loop, arn_of(stored[0]))["2026-11-23"]
    assert day["requests"] == requests
    newest = max(item.get("newest_at", "") for item in loop.records(arn_of(stored[0]), "TRAFFIC"))
    assert newest == made[requests - 1][2].split()[1][:23] + "Z"
    # Of the line that was cut its class may be lost.
    assert day["compliant"] + day["unknown"] == requests and day["unknown"] <= 1
    assert objects(function.invoke(bucket.notification(stored))) == [("duplicate", 0)]
    assert traffic(loop, arn_of(stored[0]))["2026-11-23"] == day
    assert function.log.count('"ERROR"') == 1


@pytest.mark.parametrize("content, words", [
    pytest.param(f'{line("2026-11-23T08:01:00")}\n'.encode() * 50, "not gzip", id="plain-text"),
    pytest.param(b"", "it is empty", id="empty")])
def test_object_that_only_has_an_access_log_key_is_skipped_with_one_log_line(
        content, words, function, loop, bucket, aws):
    """It is none of a load balancer's files, so that it says nothing of lost lines."""
    stored = bucket.put(content)
    outcome = function.invoke(bucket.notification(stored))
    assert objects(outcome) == [("skipped", 0)]
    assert words in outcome.json()["logObjects"][0]["why"]
    said, = [each for each in function.log.splitlines() if stored[0] in each]
    assert '"ignored"' in said and words in said
    assert loop.items(arn_of(stored[0])) == {} and COUNT not in aws.counts


FOREIGN = {
    "test file": "AWSLogs/123456789012/ELBAccessLogTestFile",
    "connection log": "AWSLogs/123456789012/elasticloadbalancing/eu-west-1/2026/11/23/conn_log."
                      "123456789012_elasticloadbalancing_eu-west-1_app.shop.0123456789abcdef_"
                      "20261123T0810Z_198.51.100.7_x.log.gz",
    "Classic Load Balancer": "AWSLogs/123456789012/elasticloadbalancing/eu-west-1/2026/11/23/"
                             "123456789012_elasticloadbalancing_eu-west-1_classic_20261123T0810Z_"
                             "198.51.100.7_x.log",
    "no access log": "reports/2026.html",
}


@pytest.mark.parametrize("words", FOREIGN)
def test_object_that_is_no_access_log_costs_one_log_line_and_no_call(words, function, bucket, aws):
    outcome = function.invoke(bucket.notification((FOREIGN[words], "e")))
    assert objects(outcome) == [("skipped", 0)]
    assert words in outcome.json()["logObjects"][0]["why"]
    lines = [each for each in function.log.splitlines() if FOREIGN[words] in each]
    assert len(lines) == 1 and '"ignored"' in lines[0] and words in lines[0]
    assert dict(aws.counts) == {}


def test_deleted_object_is_skipped(function, bucket):
    outcome = function.invoke(bucket.notification((bucket.key(), "e")))
    assert objects(outcome) == [("skipped", 0)]
    assert "does not exist any more" in outcome.json()["logObjects"][0]["why"]


def test_other_events_of_s3_are_left_alone(function, bucket, aws):
    removed = {"Records": [bucket.record((bucket.key(), "e"), "ObjectRemoved:Delete")]}
    tried = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": bucket.name}
    outcome = function.invoke(queue_event(removed, tried))
    assert objects(outcome) == [("skipped", 0), ("skipped", 0)]
    assert outcome.json()["batchItemFailures"] == []
    assert dict(aws.counts) == {}


def test_failed_message_stays_in_the_queue_and_is_counted_by_the_retry(
        function, loop, bucket, aws):
    stored = [bucket.put([line("2026-11-23T08:01:00")]) for _ in range(3)]
    bodies = [bucket.notification(stored[0]), "not what S3 sends", bucket.notification(stored[1]),
              bucket.notification(stored[2])]
    aws.faults.add(GET, faults.error("AccessDenied", status=403), nth=2)
    outcome = function.invoke(queue_event(*bodies))
    assert outcome.json()["batchItemFailures"] == [
        {"itemIdentifier": "m1"}, {"itemIdentifier": "m2"}]
    assert objects(outcome) == [("counted", 1), ("failed", 0), ("counted", 1)]
    again = function.invoke(queue_event(*bodies))
    assert again.json()["batchItemFailures"] == [{"itemIdentifier": "m1"}]
    assert objects(again) == [("duplicate", 0), ("counted", 1), ("duplicate", 0)]
    assert traffic(loop, arn_of(stored[0][0]))["2026-11-23"]["requests"] == 3


def test_without_a_queue_a_failed_object_is_an_error_that_names_it(function, loop, bucket, aws):
    stored = [bucket.put([line("2026-11-23T08:01:00")]) for _ in range(2)]
    aws.faults.add(GET, faults.error("AccessDenied", status=403), nth=2)
    outcome = function.invoke(bucket.notification(*stored))
    assert outcome.kind == "error"
    body = outcome.json()
    assert body["errorType"] == "Function.NotCounted"
    assert body["errorMessage"].startswith(f"1 of 2 objects were not counted; {stored[1][0]}: ")
    assert objects(function.invoke(bucket.notification(*stored))) == [
        ("duplicate", 0), ("counted", 1)]
    assert traffic(loop, arn_of(stored[0][0]))["2026-11-23"]["requests"] == 2


@pytest.mark.parametrize("operation", [GET, COUNT])
@pytest.mark.parametrize("fault", [
    pytest.param(faults.bare_status(503), id="503"),
    pytest.param(faults.reset_before(), id="reset-before"),
    pytest.param(faults.reset_in_body(), id="reset-in-body"),
    pytest.param(faults.cut_in_body(), id="cut-in-body"),
])
def test_transient_fault_is_retried_within_the_invocation(
        operation, fault, function, loop, bucket, aws):
    made = many_lines(300, 4)
    stored = bucket.put([text for _, _, text in made])
    aws.faults.add(operation, fault)
    (status, _), = objects(function.invoke(bucket.notification(stored)))
    assert status in ("counted", "duplicate")
    assert traffic(loop, arn_of(stored[0])) == expected_traffic(made)


# The size of an object costs time, not memory

def resident_kib_max(function):
    with open(f"/proc/{function.process.pid}/status", encoding="ascii") as status:
        return next(int(each.split()[1]) for each in status if each.startswith("VmHWM"))


@pytest.mark.native("the emulator's memory is not ours")
def test_a_large_object_is_read_in_pieces_and_in_bounded_memory(function, loop, bucket, aws):
    noise = random.Random(5)
    made = [("2026-11-23", "-", line("2026-11-23T08:01:00", agent=noise.randbytes(600).hex()))
            for _ in range(24000)]
    content = gzipped([text for _, _, text in made])
    assert len(content) > 12 * 1024 * 1024
    stored = bucket.put(content)
    assert objects(function.invoke(bucket.notification(stored))) == [("counted", 24000)]
    assert traffic(loop, arn_of(stored[0])) == expected_traffic(made)
    assert aws.counts[GET] == -(-len(content) // (4 * 1024 * 1024))
    assert resident_kib_max(function) < 24 * 1024


# Metrics, and the command line

def metrics(text):
    return [json.loads(each) for each in text.splitlines() if '"_aws"' in each]


def test_metrics_are_one_line_for_each_account_and_region(function, bucket):
    lines = [line("2026-11-23T08:01:00", *each) for each in CLASSES]
    stored = [bucket.put([*lines, "nonsense"]), bucket.put(lines),
              bucket.put(lines, bucket.key(account="210987654321"))]
    function.invoke(bucket.notification(*stored, stored[0]))
    first, second = metrics(function.log)
    assert {name: first[name] for name in first if name not in ("_aws", "timestamp", "level")} == {
        "Account": "123456789012", "Region": "eu-west-1", "Requests": 8, "Acceptable": 2,
        "Ambiguous": 2, "Severe": 2, "Unparsed": 1}
    assert (second["Account"], second["Requests"]) == ("210987654321", 4)
    assert first["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "DesyncGuard"


def test_the_command_line_counts_as_lambda_does_without_metrics(aws, loop, bucket, tmp_path):
    stored = bucket.put([line("2026-11-23T08:01:00")])
    event = tmp_path / "event.json"
    event.write_text(json.dumps(bucket.notification(stored)))
    done = subprocess.run(
        [*bootstrap_command(), "invoke", str(event)], capture_output=True, text=True, timeout=60,
        env=lambda_environment(AWS_ENDPOINT_URL=aws.url, STATE_TABLE=loop.table))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["logObjects"][0]["status"] == "counted"
    assert metrics(done.stdout) == []
    assert traffic(loop, arn_of(stored[0]))["2026-11-23"]["requests"] == 1


def test_without_a_table_log_counting_is_off(start, aws, bucket):
    function = start(aws=aws)
    stored = bucket.put([line("2026-11-23T08:01:00")])
    outcome = function.invoke(queue_event(*[bucket.notification(stored)] * 3))
    assert objects(outcome) == [("skipped", 0)] * 3
    assert function.log.count("evidence from access logs") == 1
    assert dict(aws.counts) == {} and metrics(function.log) == []
