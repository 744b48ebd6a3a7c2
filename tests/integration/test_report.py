# SPDX-License-Identifier: Apache-2.0
"""The posture report, from a schedule to the bucket and the topic, and from the command line."""

import csv
import io
import json
import re
import subprocess

import pytest

from sim import faults, fleet
from sim.control_loop import ControlLoop, call
from sim.function import bootstrap_command, lambda_environment

REPORT, SWEEP = '{"action":"report"}', '{"action":"sweep"}'
BUCKET = "desync-guard-reports"
PUT = "s3:PutObject"
LIST = "elbv2:DescribeLoadBalancers"
SCAN = "dynamodb:Scan"


@pytest.fixture
def loop(aws):
    fleet.create(aws)
    loop = ControlLoop(aws)
    loop.client("s3").create_bucket(
        Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    aws.reset_counts()
    return loop


@pytest.fixture
def function(aws, loop, start):
    return start(aws=aws, **loop.environment(REPORT_BUCKET=BUCKET, REPORT_PREFIX="security",
                                             ELB_REQUESTS_PER_SECOND="off"))


def objects(loop):
    client = loop.client("s3")
    listed = loop.look(lambda: client.list_objects_v2(Bucket=BUCKET)).get("Contents", [])
    return {each["Key"]: loop.look(lambda: client.get_object(Bucket=BUCKET, Key=each["Key"]))
            for each in listed}


def invoke(function, event):
    outcome = function.invoke(event)
    assert outcome.kind == "response", outcome.body
    return outcome.json()


def test_report_is_written_dated_and_as_latest_and_its_summary_published(function, loop):
    report = invoke(function, REPORT)["report"]
    found = objects(loop)
    assert sorted(found) == sorted(report["keys"]) and len(found) == 6
    day = re.search(r"\d{4}-\d\d-\d\d", report["summary"])[0]
    assert {key.rpartition("/")[0] for key in found} == {
        f"security/123456789012/eu-west-1/{day}", "security/123456789012/eu-west-1/latest"}
    types = {key.rpartition(".")[2]: got["ContentType"] for key, got in found.items()}
    assert types == {"html": "text/html; charset=utf-8", "json": "application/json",
                     "csv": "text/csv; charset=utf-8"}
    alert, = loop.alerts()
    assert alert.body == report["summary"] and len(alert.subject) < 100
    assert alert.attributes["region"] == "eu-west-1"


def test_documents_are_written_to_a_bucket_of_our_own_account_only(function, loop):
    invoke(function, REPORT)
    owners = [each.request.header("x-amz-expected-bucket-owner")
              for each in loop.aws.calls if each.name == PUT]
    assert owners == ["123456789012"] * 6


def test_bucket_may_be_of_another_account_and_region(aws, loop, start):
    function = start(aws=aws, **loop.environment(
        REPORT_BUCKET=BUCKET, REPORT_BUCKET_OWNER="999988887777",
        REPORT_BUCKET_REGION="us-east-2", ELB_REQUESTS_PER_SECOND="off"))
    keys = invoke(function, REPORT)["report"]["keys"]
    assert {key.split("/")[0] for key in keys} == {"123456789012"}
    written = [each.request for each in loop.aws.calls if each.name == PUT]
    assert {each.header("x-amz-expected-bucket-owner") for each in written} == {"999988887777"}
    assert all("/us-east-2/s3/aws4_request" in each.header("Authorization") for each in written)


def test_html_json_and_csv_reports_agree(function, loop):
    invoke(function, REPORT)
    found = {key: got["Body"].read().decode() for key, got in objects(loop).items()
             if "/latest/" in key}
    report = json.loads(next(text for key, text in found.items() if key.endswith("json")))
    rows = list(csv.DictReader(io.StringIO(
        next(text for key, text in found.items() if key.endswith("csv")))))
    page = next(text for key, text in found.items() if key.endswith("html"))
    judged = {e["resourceId"]: e["compliance"] for e in report["evaluations"]}
    assert {row["resourceId"]: row["compliance"] for row in rows} == judged
    assert len(judged) == report["listed"] == 11
    assert all(e["name"] in page for e in report["evaluations"])


def test_history_comes_from_the_state_table(function, loop):
    balancer = next(lb for lb in fleet.FLEET if lb.mode == "monitor")
    invoke(function, json.dumps(call("modify-attributes", balancer.arn)))
    invoke(function, SWEEP)
    day, = [item for (pk, sk), item in loop.items().items() if sk.startswith("DAY#")]
    assert day["pk"] == "POSTURE#123456789012#eu-west-1" and day["listed"] == 11
    invoke(function, REPORT)
    document = next(got for key, got in objects(loop).items() if key.endswith("latest/report.json"))
    report = json.loads(document["Body"].read())
    assert balancer.arn in {change["resourceId"] for change in report["changes"]}
    assert report["kpis"]["enforced"] >= 1 and report["kpis"]["incidentsClosed"] >= 1
    assert [point["listed"] for point in report["trend"]][-1] == 11


def test_a_report_changes_nothing(function, loop):
    before = {lb.arn: loop.mode_of(lb.arn) for lb in fleet.FLEET if lb.type == "application"}
    invoke(function, REPORT)
    assert loop.items() == {}
    assert {arn: loop.mode_of(arn) for arn in before} == before
    assert not {name for name in loop.aws.counts if "Modify" in name or "PutEvaluations" in name}


def test_without_bucket_and_topic_it_is_only_made(aws, loop, start):
    function = start(aws=aws, STATE_TABLE=None, ALERT_TOPIC_ARN=None,
                     ELB_REQUESTS_PER_SECOND="off")
    report = invoke(function, REPORT)["report"]
    assert (report["keys"], report["isPublished"], report["listed"]) == ([], False, 11)
    assert "REPORT_BUCKET is not set" in function.log


@pytest.mark.parametrize("operation, error_type", [
    (PUT, "Function.ActionFailed"), (SCAN, "Function.ActionFailed"),
    (LIST, "Function.SweepIncomplete")])
def test_failed_call_is_an_error_that_names_it(
        operation, error_type, aws, loop, start):
    function = start(aws=aws, **loop.environment(REPORT_BUCKET=BUCKET, AWS_MAX_ATTEMPTS="1",
                                                 ELB_REQUESTS_PER_SECOND="off"))
    aws.faults.add(operation, faults.access_denied(), times=9)
    outcome = function.invoke(REPORT)
    assert (outcome.kind, outcome.error_type) == ("error", error_type)
    assert operation.partition(":")[2] in outcome.json()["errorMessage"]
    aws.faults.clear()
    assert function.invoke(REPORT).kind == "response"


def command(aws, loop, *arguments, **changes):
    return subprocess.run(
        [*bootstrap_command(), "report", *arguments], text=True, capture_output=True, timeout=60,
        env=lambda_environment(AWS_ENDPOINT_URL=aws.url, ELB_REQUESTS_PER_SECOND="off",
                               **loop.environment(**changes)))


@pytest.mark.parametrize("format_, begins", [
    ("text", "Desync mitigation posture"), ("html", "<!doctype html>"), ("json", '{"generatedAt"'),
    ("csv", "generatedAt,")])
def test_the_command_prints_each_format(format_, begins, aws, loop):
    done = command(aws, loop, "--format", format_)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.lower().startswith(begins.lower())


def test_the_command_writes_a_file_and_changes_nothing(aws, loop, tmp_path):
    path = tmp_path / "report.html"
    done = command(aws, loop, "--format=html", "--output", str(path))
    assert (done.returncode, done.stdout) == (0, "")
    assert path.read_text().lower().startswith("<!doctype html>")
    assert loop.items() == {} and loop.alerts() == [] and objects(loop) == {}


@pytest.mark.parametrize("arguments, complaint", [
    (["--format", "pdf"], "--format takes text, html, json or csv"), (["now"], "does not take")])
def test_wrong_use_of_the_command_is_named(arguments, complaint, aws, loop):
    done = command(aws, loop, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert complaint in done.stderr


def without_times(text):
    return re.sub(r"\d{4}-\d\d-\d\d(T[\d:.]+Z| \d\d:\d\d&nbsp;UTC)", "T", text)


def test_two_reports_of_one_state_differ_by_the_time_alone(aws, loop):
    first, second = (command(aws, loop, "--format", "html").stdout for _ in range(2))
    assert first != "" and without_times(first) == without_times(second)
