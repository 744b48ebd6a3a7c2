# SPDX-License-Identifier: Apache-2.0
"""S3, CloudWatch and DynamoDB as the function calls them, against the local AWS.

The calls are reached through the tool built from aws_tool.c. The local AWS checks every signature
with botocore's own signers, and what one side writes the other reads.
"""

import datetime
import hashlib
import json
import os
import pathlib
import random
import subprocess

import pytest
from sim import faults
from sim.aws import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY, SESSION_TOKEN

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUCKET = "evidence-bucket"
TABLE = "ledger"
PIECE = 4 * 1024 * 1024
EMPTY = hashlib.sha256(b"").hexdigest()
ODD_KEYS = [
    "plain.json",
    "with space.json",
    "a b+c=d&e?f#g.json",
    "AWSLogs/123456789012/elasticloadbalancing/eu-west-1/2026/11/23/x_app.lb.1_1.2.3.4_z.log.gz",
    "percent%20not%2Fdecoded",
    "unicode/\u00e9\u00fc/\u65e5\u672c\u8a9e/\U0001f600",
    "punctuation/~!$'()*,:;@^`{|}[]<>\"\\-_.",
    "dots/./../..",
    "tab\tand\u00a0blank ",
]
SHARED_BYTES = random.Random(20261123).randbytes(2 * PIECE + 1000)


def tool_path():
    folder = os.environ.get("DESYNC_GUARD_TOOLS") or ROOT / "build" / "test" / "tools"
    return pathlib.Path(folder) / "aws_tool"


@pytest.fixture
def ask(aws):
    """ask(call, **what): the result of one call."""
    if not tool_path().exists():
        pytest.skip(f"{tool_path()} is not built")

    def ask_one(call, **what):
        environment = {
            "AWS_ENDPOINT_URL": aws.url,
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
            "AWS_SESSION_TOKEN": SESSION_TOKEN,
        }
        line = json.dumps({"call": call, **what}) + "\n"
        done = subprocess.run([tool_path()], input=line.encode(), capture_output=True, check=False,
                              env=environment, timeout=120)
        assert done.returncode == 0, done.stderr.decode(errors="replace")
        return json.loads(done.stdout)

    return ask_one


# --- objects --------------------------------------------------------------------------------------


@pytest.fixture
def s3(aws):
    client = aws.client("s3")
    client.create_bucket(Bucket=BUCKET,
                         CreateBucketConfiguration={"LocationConstraint": REGION})
    aws.reset_counts()
    return client


def put(ask, key, body, **options):
    what = {"bucket": BUCKET, "type": "text/html; charset=utf-8", "body_hex": body.hex()}
    return ask("s3_put", key=key, **what, **options)


def get(ask, key, **options):
    return ask("s3_get", **{"bucket": BUCKET, "key": key, **options})


@pytest.mark.parametrize("key", ODD_KEYS)
def test_object_with_an_unusual_key_is_written_and_read(key, ask, s3):
    assert put(ask, key, b"<html>")["status"] == "OK"
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket=BUCKET)["Contents"]] == [key]
    there = s3.get_object(Bucket=BUCKET, Key=key)
    assert there["Body"].read() == b"<html>"
    assert there["ContentType"] == "text/html; charset=utf-8"
    found = get(ask, key)
    assert found["status"] == "OK", found["message"]
    assert found["sha256"] == hashlib.sha256(b"<html>").hexdigest()
    assert found["e_tag"] == there["ETag"].strip('"')


def test_a_dotted_bucket_can_be_read(ask, s3):
    s3.create_bucket(Bucket="my.dotted.bucket",
                     CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket="my.dotted.bucket", Key="k", Body=b"x")
    assert get(ask, "k", bucket="my.dotted.bucket")["bytes"] == 1


@pytest.mark.parametrize("size, pieces", [
    (0, 0), (1, 1), (PIECE - 1, 1), (PIECE, 1), (PIECE + 1, 2), (2 * PIECE + 1000, 3)])
def test_objects_of_every_size_come_whole(size, pieces, ask, s3):
    body = SHARED_BYTES[:size]
    e_tag = s3.put_object(Bucket=BUCKET, Key="log.gz", Body=body)["ETag"]
    found = get(ask, "log.gz", e_tag=e_tag)
    assert found["status"] == "OK", found["message"]
    assert (found["bytes"], found["pieces"]) == (size, pieces)
    assert found["sha256"] == hashlib.sha256(body).hexdigest()
    assert f'"{found["e_tag"]}"' == e_tag


def test_an_empty_object_can_be_written(ask, s3):
    assert put(ask, "empty", b"")["status"] == "OK"
    assert (get(ask, "empty")["sha256"], get(ask, "empty")["status"]) == (EMPTY, "OK")


def test_an_object_that_was_replaced_is_a_conflict(ask, s3):
    old = s3.put_object(Bucket=BUCKET, Key="k", Body=b"old")["ETag"]
    s3.put_object(Bucket=BUCKET, Key="k", Body=b"new")
    found = get(ask, "k", e_tag=old)
    assert (found["status"], found["bytes"]) == ("CONFLICT", 0)


@pytest.mark.parametrize("bucket, says", [
    (BUCKET, "no such object"), ("no-such-bucket", "no such bucket")])
def test_missing_bucket_or_object_is_named(bucket, says, ask, s3):
    found = get(ask, "missing", bucket=bucket)
    assert found["status"] == "NOT_FOUND"
    assert says in found["message"]


def test_the_checksum_is_kept_with_the_object(ask, s3):
    assert put(ask, "k", b"hello")["status"] == "OK"
    kept = s3.head_object(Bucket=BUCKET, Key="k", ChecksumMode="ENABLED")
    assert kept["ChecksumSHA256"] == "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="


@pytest.mark.parametrize("kind", [
    faults.reset_before, faults.reset_in_headers, faults.reset_in_body, faults.cut_in_body,
    faults.truncated, faults.empty, faults.garbage, faults.html, faults.bare_status])
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_interrupted_range_is_read_again(kind, nth, ask, aws, s3):
    s3.put_object(Bucket=BUCKET, Key="log.gz", Body=SHARED_BYTES)
    aws.faults.add("s3:GetObject", kind(), nth=nth)
    found = get(ask, "log.gz")
    assert found["status"] == "OK", found["message"]
    assert found["sha256"] == hashlib.sha256(SHARED_BYTES).hexdigest()


@pytest.mark.parametrize("kind", [faults.reset_before, faults.reset_in_headers, faults.empty,
                                  faults.html, faults.bare_status])
def test_interrupted_write_is_repeated(kind, ask, aws, s3):
    aws.faults.add("s3:PutObject", kind())
    assert put(ask, "k", b"hello")["status"] == "OK"
    assert s3.get_object(Bucket=BUCKET, Key="k")["Body"].read() == b"hello"


# --- metrics --------------------------------------------------------------------------------------

NOW = datetime.datetime.now(datetime.timezone.utc).replace(minute=0, second=0, microsecond=0)
METRICS = ["RequestCount", "DesyncMitigationMode_NonCompliant_Request_Count"]


def ms(time):
    return int(time.timestamp() * 1000)


def balancer(number):
    return f"app/lb-{number}/50dc6c495c0c{number:04x}"


def put_metric(cloudwatch, metric, load_balancer, time, value):
    cloudwatch.put_metric_data(Namespace="AWS/ApplicationELB", MetricData=[{
        "MetricName": metric, "Timestamp": time, "Value": value,
        "Dimensions": [{"Name": "LoadBalancer", "Value": load_balancer}]}])


def series(metric, load_balancer, start, end):
    return {"metric": metric, "load_balancer": load_balancer, "start_ms": ms(start),
            "end_ms": ms(end), "period_s": 300}


def test_metrics_are_summed_within_each_ones_range(ask, aws):
    cloudwatch = aws.client("cloudwatch")
    for hours, value in ((5, 100), (3, 7), (2, 11), (1, 1000)):
        put_metric(cloudwatch, METRICS[0], balancer(0), NOW - datetime.timedelta(hours=hours),
                   value)
    put_metric(cloudwatch, METRICS[1], balancer(1), NOW - datetime.timedelta(hours=2), 3)
    start, end = NOW - datetime.timedelta(hours=4), NOW - datetime.timedelta(hours=1)
    result = ask("cloudwatch", series=[
        series(METRICS[0], balancer(0), start, end),
        series(METRICS[0], balancer(0), start - datetime.timedelta(hours=2), end),
        series(METRICS[1], balancer(1), start, end),
        series(METRICS[1], balancer(0), start, end)])
    assert result["status"] == "OK", result["message"]
    assert [one["sum"] for one in result["series"]] == [18, 118, 3, 0]
    assert [one["points"] for one in result["series"]] == [2, 3, 1, 0]
    assert all(one["is_complete"] for one in result["series"])
    newest = ms(NOW - datetime.timedelta(hours=2))
    assert [one["newest_ms"] for one in result["series"]] == [newest, newest, newest, 0]
    assert aws.counts["cloudwatch:GetMetricData"] == 1


def test_a_large_fleet_takes_few_calls(ask, aws):
    cloudwatch = aws.client("cloudwatch")
    time = NOW - datetime.timedelta(hours=1)
    for number in (0, 499, 500, 1200):
        put_metric(cloudwatch, METRICS[0], balancer(number), time, number + 1)
    aws.faults.add("cloudwatch:GetMetricData", faults.throttle(), nth=2)
    asked = [series(METRICS[0], balancer(n), time, NOW) for n in range(1201)]
    result = ask("cloudwatch", series=asked)
    assert result["status"] == "OK", result["message"]
    sums = {n: one["sum"] for n, one in enumerate(result["series"]) if one["sum"]}
    assert sums == {0: 1, 499: 500, 500: 501, 1200: 1201}
    assert aws.counts["cloudwatch:GetMetricData"] == 4


# --- items ----------------------------------------------------------------------------------------


@pytest.fixture
def table(aws):
    dynamodb = aws.client("dynamodb")
    dynamodb.create_table(
        TableName=TABLE, BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"},
                   {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"},
                              {"AttributeName": "sk", "AttributeType": "S"}])
    aws.reset_counts()
    return dynamodb


def item(table, pk, sk):
    key = {"pk": {"S": pk}, "sk": {"S": sk}}
    return table.get_item(TableName=TABLE, Key=key, ConsistentRead=True).get("Item")


def test_a_transaction_is_done_whole_or_not_at_all(ask, table):
    new = {"put": True, "pk": "lb#1", "sk": "SEEN#a b+c"}
    count = {"put": False, "pk": "lb#1", "sk": "DAY"}
    refused = ask("transact", table=TABLE, actions=[new, count])
    assert (refused["status"], refused["failed"]) == ("CONFLICT", 1)
    assert "action 2 of 2" in refused["message"]
    assert item(table, "lb#1", "SEEN#a b+c") is None
    table.put_item(TableName=TABLE, Item={"pk": {"S": "lb#1"}, "sk": {"S": "DAY"}})
    assert ask("transact", table=TABLE, actions=[new, count])["status"] == "OK"
    again = ask("transact", table=TABLE, actions=[new, count])
    assert (again["status"], again["failed"]) == ("CONFLICT", 0)
    assert item(table, "lb#1", "DAY")["n"] == {"N": "1"}
    assert item(table, "lb#1", "SEEN#a b+c") is not None


def test_a_transaction_that_is_throttled_is_done_later(ask, aws, table):
    aws.faults.add("dynamodb:TransactWriteItems", faults.error("TransactionInProgressException"))
    new = {"put": True, "pk": "a", "sk": "b"}
    assert ask("transact", table=TABLE, actions=[new], token="token-1")["status"] == "OK"
    sent = [json.loads(call.request.body)["ClientRequestToken"] for call in aws.calls
            if call.operation == "TransactWriteItems"]
    assert sent == ["token-1", "token-1"]


def test_a_hundred_actions_are_one_transaction(ask, aws, table):
    actions = [{"put": True, "pk": "a", "sk": f"{n:03d}"} for n in range(100)]
    assert ask("transact", table=TABLE, actions=actions)["status"] == "OK"
    assert table.scan(TableName=TABLE)["Count"] == 100


def test_a_table_is_scanned_with_and_without_a_filter(ask, table):
    for n in range(5):
        for sk in ("STATE", "DAY#2026-11-22", "DAY#2026-11-23"):
            table.put_item(TableName=TABLE, Item={
                "pk": {"S": f"lb#{n}"}, "sk": {"S": sk}, "mode": {"S": "monitor"}})

    def scan(**options):
        result = ask("scan", table=TABLE, **options)
        assert result["status"] == "OK", result["message"]
        return sorted(tuple(sorted(one)) for one in result["items"])

    assert len(scan()) == 15
    assert scan(sk="STATE", attributes=["pk", "mode"]) == [
        (f"lb#{n}", "monitor") for n in range(5)]
    assert len(scan(sk_prefix="DAY#")) == 10
    assert scan(sk="NONE") == []


def test_a_large_table_comes_in_pages(ask, aws, table):
    for n in range(12):
        table.put_item(TableName=TABLE, Item={
            "pk": {"S": f"{n:02d}"}, "sk": {"S": "STATE"}, "text": {"S": "x" * 300_000}})
    result = ask("scan", table=TABLE, attributes=["pk"])
    assert sorted(one[0] for one in result["items"]) == [f"{n:02d}" for n in range(12)]
    assert aws.counts["dynamodb:Scan"] > 1


def test_a_missing_table_is_named(ask, aws):
    result = ask("scan", table="nowhere")
    assert result["status"] == "NOT_FOUND"
    assert "no such table" in result["message"]
