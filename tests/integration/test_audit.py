# SPDX-License-Identifier: Apache-2.0
"""`desync-guard audit`: what it reads, what it says, how it ends."""

import csv
import io
import json
import subprocess
import time

import pytest

from sim import faults, fleet, terminal
from sim.fleet_aws import FleetAws
from sim.function import bootstrap_command, lambda_environment

ACCOUNT = "123456789012"
READ_MODE, LIST = "elbv2:DescribeLoadBalancerAttributes", "elbv2:DescribeLoadBalancers"


def environment(aws, **changes):
    return lambda_environment(AWS_ENDPOINT_URL=aws.url, **changes)


def audit(aws, *arguments, **changes):
    return subprocess.run([*bootstrap_command(), "audit", *arguments], text=True,
                          capture_output=True, timeout=60, env=environment(aws, **changes))


def audit_json(aws, *arguments, **changes):
    done = audit(aws, "--format", "json", *arguments, **changes)
    return done.returncode, json.loads(done.stdout)


@pytest.fixture(scope="module")
def large():
    aws = FleetAws(fleet.synthetic(1000), checks_signatures=False)
    yield aws
    aws.stop()


def test_every_load_balancer_is_judged_and_nothing_is_changed_or_reported(aws_with_fleet):
    before = len(aws_with_fleet.calls)
    code, found = audit_json(aws_with_fleet, ENFORCEMENT="enforce", PROMOTION="enforce",
                             STATE_TABLE="desync-guard")
    assert code == 3
    assert found["listed"] == found["judged"] == len(found["evaluations"]) > 0
    assert (found["accounts"], found["regions"]) == ([ACCOUNT], ["eu-west-1"])
    operations = {call.operation for call in aws_with_fleet.calls[before:]}
    # The state table is read, to find what has been non-compliant for too long.
    assert operations == {"DescribeLoadBalancers", "DescribeLoadBalancerAttributes", "DescribeTags",
                          "GetItem"}


def test_regions_are_audited_together_and_each_once(aws_with_fleet):
    code, found = audit_json(aws_with_fleet, "--region", "eu-west-1", "--region=us-east-1",
                             "--region", "eu-west-1")
    assert code == 3
    assert found["regions"] == ["eu-west-1", "us-east-1"]
    arns = [evaluation["resourceId"] for evaluation in found["evaluations"]]
    assert len(arns) == len(set(arns)) == found["listed"]


def test_a_region_alone_is_enough(aws_with_fleet):
    code, found = audit_json(aws_with_fleet, "--region", "eu-west-1", AWS_REGION=None,
                             AWS_DEFAULT_REGION=None)
    assert (code, found["regions"]) == (3, ["eu-west-1"])


@pytest.mark.parametrize("fail_on, code", [
    ("non_compliant", 3), ("never", 0), ("unknown", 4), ("unknown,non_compliant", 3)])
def test_exit_code_follows_fail_on(fail_on, code, aws_with_fleet):
    aws_with_fleet.faults.add(READ_MODE, faults.access_denied(), times=1)
    assert audit(aws_with_fleet, "--fail-on", fail_on).returncode == code


def test_a_load_balancer_that_cannot_be_read_is_unknown_and_named(aws_with_fleet):
    aws_with_fleet.faults.add(READ_MODE, faults.access_denied(), times=1)
    code, found = audit_json(aws_with_fleet)
    assert code == 3
    unknown, = [e for e in found["evaluations"] if e["compliance"] == "UNKNOWN"]
    assert found["unknown"] == 1 and "AccessDenied" in unknown["annotation"]


def test_a_region_that_cannot_be_listed_is_a_gap_and_an_error(aws_with_fleet):
    aws_with_fleet.faults.add(LIST, faults.access_denied(), times=1)
    done = audit(aws_with_fleet, "--format", "json", "--fail-on", "never")
    assert done.returncode == 1
    gap, = json.loads(done.stdout)["gaps"]
    assert "AccessDenied" in gap["reason"] and gap["region"] == "eu-west-1"
    assert "AccessDenied" in done.stderr


@pytest.mark.parametrize("arguments, complaint", [
    (["--format", "xml"], "--format takes"), (["--format"], "--format needs a value"),
    (["--region", "Ireland"], "no AWS Region"), (["--fail-on", "all"], "--fail-on takes"),
    (["--fail-on", "never,unknown"], "never"), (["now"], 'does not take "now"'),
    (["--colour"], 'does not take "--colour"')])
def test_wrong_use_is_named(arguments, complaint, aws_with_fleet):
    done = audit(aws_with_fleet, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert complaint in done.stderr


def test_output_goes_to_a_file(aws_with_fleet, tmp_path):
    path = tmp_path / "audit.csv"
    done = audit(aws_with_fleet, "--format", "csv", "--output", str(path))
    assert (done.returncode, done.stdout) == (3, "")
    assert len(list(csv.DictReader(io.StringIO(path.read_text())))) > 0
    done = audit(aws_with_fleet, "--output", str(tmp_path / "none" / "x"))
    assert done.returncode == 1 and "No such file" in done.stderr


def test_a_large_fleet_is_audited_in_full(large):
    large.counts.clear()
    code, found = audit_json(large, ELB_REQUESTS_PER_SECOND="off")
    assert code == 3
    assert found["listed"] == found["judged"] == len(found["evaluations"]) == 1000
    # 3 pages, one call each for the attributes, and tags by twenty.
    assert sum(large.counts.values()) == 3 + 1000 + 50


def test_a_pipe_sees_no_progress_and_no_colour(aws_with_fleet):
    done = audit(aws_with_fleet)
    assert "\x1b" not in done.stdout and done.stderr == ""


def on_terminal(aws, interrupt_after=None, **changes):
    return terminal.on_terminal("audit", environment=environment(aws, **changes),
                                interrupt_after=interrupt_after)


def test_a_terminal_sees_progress_and_colour(large):
    large.latency = 0.1
    code, text = on_terminal(large, ELB_REQUESTS_PER_SECOND="off")
    large.latency = 0
    assert code == 3
    assert "of 1000 load balancers" in text and "s left" in text
    assert "\x1b[3" in text or "\x1b[1" in text


def test_colour_can_be_refused(large):
    code, text = on_terminal(large, ELB_REQUESTS_PER_SECOND="off", NO_COLOR="1", TERM="dumb")
    assert code == 3 and "\x1b" not in text


def test_an_interrupt_prints_the_verdicts_so_far(large):
    large.counts.clear()

    def some_are_read():
        end = time.monotonic() + 30
        while sum(large.counts.values()) < 500 and time.monotonic() < end:
            time.sleep(0.01)

    large.latency = 0.3
    code, text = on_terminal(large, some_are_read, ELB_REQUESTS_PER_SECOND="off")
    large.latency = 0
    assert code == 1
    assert "interrupted" in text and "NON_COMPLIANT" in text
