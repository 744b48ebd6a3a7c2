# SPDX-License-Identifier: Apache-2.0
"""What people see on a terminal of 80 or 200 columns, and what a pipe gets in its place."""

import json
import os
import subprocess

import pytest

from log_fixture import log_line
from sim import faults, fleet
from sim.fleet_aws import ATTRIBUTES, IDENTITY, LIST, FleetAws
from sim.function import bootstrap_command, lambda_environment
from sim.terminal import lines_left, on_terminal

DENIED = "52 x AccessDenied: allow elasticloadbalancing:DescribeLoadBalancerAttributes"
COLUMNS = pytest.mark.parametrize("columns", [80, 200])


@pytest.fixture
def aws():
    aws = FleetAws(fleet.synthetic(60), checks_signatures=False)
    yield aws
    aws.stop()


def environment(aws, **changes):
    return lambda_environment(AWS_ENDPOINT_URL=aws.url, ELB_REQUESTS_PER_SECOND="off", **changes)


def run(*arguments, **variables):
    return subprocess.run([*bootstrap_command(), *map(str, arguments)], capture_output=True,
                          text=True, timeout=60, env=variables)


def assert_fits(lines, columns):
    """A word alone may be wider: an ARN can be copied whole."""
    too_wide = [line for line in lines if len(line) > columns and " " in line.strip()]
    assert too_wide == []


@COLUMNS
def test_audit_fits_the_terminal_and_says_one_cause_once(aws, columns):
    aws.faults.add(ATTRIBUTES, faults.access_denied(), times=52)
    code, text = on_terminal("audit", columns=columns, environment=environment(aws))
    lines = lines_left(text)
    assert code == 3
    assert_fits(lines, columns)
    assert lines[0] == "Account 123456789012 as assumed-role/Auditor/alice; reads eu-west-1"
    assert [line.strip() for line in lines if "AccessDenied:" in line] == [DENIED]
    groups = [line for line in lines if line.startswith(("NON_COMPLIANT: ", "UNKNOWN: ",
                                                         "COMPLIANT: "))]
    assert [group.partition(":")[0] for group in groups] == ["NON_COMPLIANT", "UNKNOWN",
                                                            "COMPLIANT"]
    numbers, = [i for i, line in enumerate(lines) if line.startswith("INCOMPLETE: ")]
    assert lines[numbers].startswith("INCOMPLETE: 60 listed, 8 judged, 52 unknown, ")
    worst = " ".join(" ".join(lines[numbers + 1:]).split())
    assert worst.startswith("Worst: application-") and worst.count("application-") == 3
    flat = " ".join(text.split())
    assert ("arn:aws:sts::123456789012:assumed-role/desync-guard/desync-guard is not authorized to "
            "perform: elasticloadbalancing:DescribeLoadBalancerAttributes by") in flat
    assert "and 49 more; --format csv names all" in flat


def test_a_pipe_gets_every_line_with_its_whole_reason(aws):
    aws.faults.add(ATTRIBUTES, faults.access_denied(), times=52)
    done = run("audit", **environment(aws))
    rows = [line for line in done.stdout.splitlines() if line.startswith("UNKNOWN ")]
    assert len(rows) == 52
    assert all(row.endswith("by X-Amz-Security-Token: [hidden]") for row in rows)
    assert max(len(row) for row in done.stdout.splitlines() if "COMPLIANT " in row) < 150
    assert f"\n  {DENIED}\n" in done.stdout and done.stderr == ""
    assert IDENTITY not in aws.counts


@pytest.mark.parametrize("regions", [[], ["--region", "eu-west-1,eu-west-2"]])
def test_audit_of_no_load_balancer_says_so(regions):
    aws = FleetAws([], checks_signatures=False)
    try:
        done = run("audit", *regions, **environment(aws))
        whole = run("audit", *regions, "--format", "json", **environment(aws))
        aws.faults.add(LIST, faults.access_denied(), times=9)
        unread = run("audit", *regions, **environment(aws))
    finally:
        aws.stop()
    assert done.returncode == 0
    names = "eu-west-1, eu-west-2" if regions else "eu-west-1"
    assert done.stdout.splitlines()[0] == (
        f"There is no load balancer in {names}. Name other Regions with --region")
    assert "%" not in done.stdout
    assert json.loads(whole.stdout)["summary"]["protectedPercent"] == 100
    assert "There is no load balancer" not in unread.stdout


def test_plan_says_one_cause_once(aws):
    aws.faults.add(ATTRIBUTES, faults.access_denied(), times=52)
    done = run("plan", **environment(aws, PROMOTION="off"))
    assert done.returncode == 1 and "8 load balancers judged" in done.stdout
    line, cause = done.stderr.splitlines()
    assert line.endswith("52 are unknown and 0 were not reached in time")
    assert cause.startswith("bootstrap: 52 unknown (application-") and " and 49 more): " in cause
    assert cause.endswith(" Next: allow elasticloadbalancing:DescribeLoadBalancerAttributes")


@pytest.mark.parametrize("command", [["plan"], ["explain", "application-00001"], ["report"]],
                         ids=lambda command: command[0])
def test_warnings_are_for_people_and_can_be_refused(aws, command):
    """The local AWS has no CloudWatch: the evidence cannot be read."""
    done = run(*command, **environment(aws, PROMOTION="recommend"))
    first = done.stderr.splitlines()[0]
    assert first.startswith("bootstrap: warning evidence_failed: there is no advice on promotion in "
                            "this sweep: cloudwatch GetMetricData: Unknown")
    assert " WARN " not in done.stderr and "errorMessage=" not in done.stderr
    done = run(*command, "--quiet", **environment(aws, PROMOTION="recommend"))
    assert "warning" not in done.stderr and done.stdout != ""


@COLUMNS
def test_regions_that_one_cause_hides_are_one_line(aws, columns):
    aws.faults.add(LIST, faults.access_denied(), times=9)
    _, text = on_terminal("audit", "--region", "eu-west-1,eu-west-2,eu-west-3", columns=columns,
                          environment=environment(aws))
    lines = lines_left(text)
    assert_fits(lines, columns)
    assert sum(line.startswith("  not read: ") for line in lines) == 1
    assert " ".join(text.split()).count("not read: eu-west-1, eu-west-2, eu-west-3: AccessDenied: "
                                        "allow elasticloadbalancing:DescribeLoadBalancers ") == 1


def test_gaps_of_one_cause_are_one_line_on_stderr(aws):
    aws.faults.add(LIST, faults.access_denied(), times=9)
    done = run("audit", "--format", "json", "--region", "eu-west-1,eu-west-2", **environment(aws))
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("bootstrap: eu-west-1, eu-west-2: elasticloadbalancing Describe")
    assert done.stderr.endswith(" Next: allow elasticloadbalancing:DescribeLoadBalancers\n")


@pytest.mark.parametrize("option, says_who, draws", [
    (None, True, True), ("--no-progress", True, False), ("--quiet", False, False)])
def test_who_and_progress_can_be_refused(aws, option, says_who, draws, tmp_path):
    with open(tmp_path / "out", "wb") as out:
        code, text = on_terminal("audit", *([option] if option else []), columns=80, stdout=out,
                                 environment=environment(aws))
    assert code == 3
    assert ("Account 123456789012 as" in text) is says_who
    assert ("Worst: application-" in text) is says_who
    assert ("of 60 load balancers" in text) is draws
    assert aws.counts[IDENTITY] == (1 if says_who else 0)
    assert (tmp_path / "out").read_text().startswith("VERDICT ")


def test_an_audit_goes_on_where_nobody_says_who_asks(aws):
    aws.faults.add(IDENTITY, faults.access_denied(), times=9)
    code, text = on_terminal("audit", columns=200, environment=environment(aws))
    assert code == 3
    assert lines_left(text)[0].startswith("Account not known (sts GetCallerIdentity: AccessDenied")


@pytest.mark.parametrize("columns", [30, 80, 200])
@pytest.mark.parametrize("throttled", [True, False])
def test_the_time_left_says_that_aws_throttles(aws, throttled, columns):
    if throttled:
        aws.faults.add(ATTRIBUTES, faults.throttle(), times=5)
    _, text = on_terminal("audit", columns=columns, environment=environment(aws))
    drawn = [line.rpartition("\r")[2] for line in text.split("\x1b[K") if " of 60 " in line]
    assert drawn and max(map(len, drawn)) < columns
    if columns > 30:
        assert any(line.endswith(", throttled by AWS") for line in drawn) is throttled
        assert throttled or any(line.startswith("[") for line in drawn)


@COLUMNS
@pytest.mark.parametrize("arguments", [["help"], ["help", "audit"], ["help", "logs"], ["audti"],
                                       ["audit", "--format", "xml"], ["logs", "/nowhere" * 12]],
                         ids=" ".join)
def test_help_and_errors_fit_the_terminal(arguments, columns):
    _, text = on_terminal(*arguments, columns=columns, environment={})
    assert_fits(lines_left(text), columns)


@COLUMNS
def test_plan_fits_the_terminal(aws, columns):
    _, text = on_terminal("plan", columns=columns, environment=environment(aws))
    lines = lines_left(text)
    assert_fits([line for line in lines if not line.startswith("{")], columns)
    piped = run("plan", **environment(aws)).stdout
    flat = " ".join(text.split())
    assert all(" ".join(line.split()) in flat for line in piped.splitlines())


@COLUMNS
def test_logs_fit_the_terminal(columns, tmp_path):
    path = tmp_path / "shop.log"
    agent = '"a client of ' + "many words " * 12 + '"'
    path.write_text("".join(log_line(class_="Ambiguous", reason="EmptyHeader", agent=agent) + "\n"
                            for _ in range(3)))
    code, text = on_terminal("logs", path, columns=columns, environment={})
    assert code == 0
    assert_fits(lines_left(text), columns)


def test_json_and_csv_are_never_broken_into_lines(aws):
    for form in ("json", "csv"):
        _, text = on_terminal("audit", "--quiet", "--format", form, columns=80,
                              environment=environment(aws))
        piped = run("audit", "--format", form, **environment(aws)).stdout
        assert text.count("\n") == piped.count("\n")


# Every error says what to do next.

ERRORS = {
    "no command": (["audti"], {}), "no file": (["evaluate"], {}), "no event": (["invoke"], {}),
    "unknown option": (["audit", "--colour"], {}), "no value": (["audit", "--region"], {}),
    "bad Region": (["audit", "--region", "Ireland"], {}),
    "bad format": (["plan", "--format", "xml"], {}), "bad key": (["logs", "--by", "x", "-"], {}),
    "no path": (["logs"], {}), "missing log": (["logs", "/nowhere"], {}),
    "missing event": (["evaluate", "/nowhere.json"], {}), "folder": (["evaluate", "/"], {}),
    "no JSON": (["evaluate", __file__], {}), "no events": (["evaluate", "/dev/null"], {}),
    "unwritable output": (["audit", "--output", "/nowhere/x"], {}),
    "no Region": (["audit"], {"AWS_REGION": None, "AWS_DEFAULT_REGION": None}),
    "no key": (["audit"], {"AWS_ACCESS_KEY_ID": None}),
    "no secret": (["plan"], {"AWS_SECRET_ACCESS_KEY": None}),
    "blank in a key": (["plan"], {"AWS_ACCESS_KEY_ID": "AK IA"}),
    "bad setting": (["plan"], {"DESYNC_MODE": "paranoid"}),
    "bad endpoint": (["plan"], {"AWS_ENDPOINT_URL": "gopher://x"}),
    "bad authorities": (["plan"], {"AWS_CA_BUNDLE": "/nowhere"}),
    "endpoint refused": (["audit"], {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}),
    "plan refused": (["plan"], {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "PROMOTION": "off"}),
    "report refused": (["report"], {"AWS_ENDPOINT_URL": "http://127.0.0.1:1",
                                    "PROMOTION": "off"}),
}


def assert_says_what_next(line):
    assert " Next: " in line or "accepted: " in line or 'Try "bootstrap help' in line, line


@pytest.mark.parametrize("name", ERRORS)
def test_every_error_says_what_to_do_next(name):
    arguments, changes = ERRORS[name]
    done = run(*arguments, **lambda_environment(AWS_MAX_ATTEMPTS="1", **changes))
    assert done.returncode in (1, 2)
    lines = [line for line in done.stderr.splitlines() if not line.startswith("{")]
    assert lines
    if 'Try "' not in lines[-1]:
        for line in lines:
            assert_says_what_next(line)


@pytest.mark.parametrize("fault", [faults.access_denied(), faults.expired_token(),
                                   faults.error("InvalidClientTokenId", status=403),
                                   faults.error("SignatureDoesNotMatch", status=403),
                                   faults.error("OptInRequired", status=403),
                                   faults.throttle(), faults.bare_status(503)],
                         ids=["denied", "expired", "invalid", "signature", "not enabled",
                              "throttled", "unavailable"])
@pytest.mark.parametrize("command", ["audit", "plan"])
def test_every_refusal_of_aws_says_what_to_do_next(fault, command, aws):
    aws.faults.add(LIST, fault, times=99)
    done = run(command, **environment(aws, AWS_MAX_ATTEMPTS="1", PROMOTION="off"))
    assert done.returncode == 1
    for line in done.stderr.splitlines():
        assert_says_what_next(line)


def test_a_full_disk_says_what_to_do_next():
    with open("/dev/full", "wb") as full:
        done = subprocess.run([*bootstrap_command(), "version"], stdout=full, text=True,
                              stderr=subprocess.PIPE, env=os.environ)
    assert done.returncode == 1
    assert_says_what_next(done.stderr)
