# SPDX-License-Identifier: Apache-2.0
"""The command line of the shipped binary: what goes where, and with which exit code."""

import json
import os
import re
import subprocess

import pytest

from sim import events, faults, fleet
from sim.fleet_aws import ATTRIBUTES, LIST, TAGS, FleetAws
from sim.function import ROOT, bootstrap_command, lambda_environment

FINE, ERROR, USAGE, NON_COMPLIANT, UNKNOWN = 0, 1, 2, 3, 4
MEMBERS = ["file", "resourceType", "resourceId", "compliance", "annotation", "orderingTimestamp",
           "mode", "requiredMode", "grade", "owner", "source", "findings"]
SAMPLES = {
    "fine": "config-change.strictest-owner",
    "not applicable": "config-change.nlb",
    "non-compliant": "config-change.monitor-owner",
    "unknown": "config-change.oversized",
    "error": "config-change.bad-parameter-value",
}


def run(*arguments, stdin=None, **environment):
    return subprocess.run([*bootstrap_command(), *map(str, arguments)], capture_output=True,
                          text=True, input=stdin, timeout=60,
                          env=lambda_environment(**environment))


def verdicts(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def sample(tmp_path):
    """sample("fine") is the path of a file that gives this."""
    def write(kind):
        path = tmp_path / f"{kind}.json"
        path.write_text(events.load(SAMPLES[kind]))
        return path
    return write


# Usage

def test_only_variables_that_are_read_are_named():
    """A next step or a text of `help` is a promise. Exact: a literal of its own, or one that a list
    of settings makes from its name."""
    texts = {path: path.read_text() for path in (ROOT / "src").rglob("*.c")}
    spoken = [ROOT / "src/report/next_step.c", ROOT / "src/cli/command_table.c"]
    read = {name for path, text in texts.items() if path not in spoken
            for name in re.findall(r'"([A-Z]+_[A-Z0-9_]+)"', text)}
    literals = [literal for path in spoken
                for literal in re.findall(r'"((?:[^"\\]|\\.)*)"', texts[path])]
    named = {name for literal in literals
             for name in re.findall(r"\b[A-Z]+_[A-Z0-9_]+\b", literal)}
    assert "AWS_ENDPOINT_URL" in named and "NON_COMPLIANT" not in named
    assert named - read == set()


@pytest.mark.parametrize("arguments, words", [
    (["frobnicate"], 'no command "frobnicate"'), ([""], 'no command ""'),
    (["evaluate"], "at least one event file"), (["invoke"], "exactly one event file"),
    (["invoke", "a.json", "b.json"], "exactly one event file"),
    (["help", "frobnicate"], 'no command "frobnicate"'), (["help", "help", "help"], "at most one"),
    (["version", "now"], "takes no argument"), (["Version"], 'no command "Version"'),
])
def test_wrong_usage_is_printed_on_stderr_and_ends_with_2(arguments, words):
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (USAGE, "")
    assert words in done.stderr
    known = f" {arguments[0]}" if arguments[0] in ("evaluate", "invoke", "version") else ""
    known = " help" if arguments == ["help", "help", "help"] else known
    assert done.stderr.endswith(f'\nTry "bootstrap help{known}".\n')


@pytest.mark.parametrize("command", ["audit", "evaluate", "explain", "help", "invoke", "logs",
                                     "plan", "report", "version"])
@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["--quiet", "--help"], ["x.json", "-h"]])
def test_a_command_prints_its_own_help(command, arguments):
    done = run(command, *arguments)
    assert (done.returncode, done.stderr) == (FINE, "")
    assert done.stdout == run("help", command).stdout


def test_help_lists_the_commands_in_two_columns():
    listed = run("help").stdout.partition("command:\n\n")[2].partition("\n\n")[0].splitlines()
    summaries = [run("help", line.split()[0]).stdout.splitlines()[2].rstrip(".") for line in listed]
    assert len({line.index(summary) for line, summary in zip(listed, summaries)}) == 1


def test_help_lists_the_variables_that_commands_follow():
    others = run("help").stdout.partition("Other variables")[2]
    for variable in ("CROSS_ACCOUNT_ROLE", "ALLOWED_ACCOUNTS", "STATE_TABLE", "ENFORCEMENT",
                     "PROMOTION"):
        assert re.search(rf"(?m)^  {variable} +\S", others)


@pytest.mark.parametrize("arguments", [[], ["help"], ["--help"], ["-h"]])
def test_help_names_every_command_and_every_parameter(arguments):
    done = run(*arguments)
    assert (done.returncode, done.stderr) == (FINE, "")
    for command in ("invoke EVENT.json", "evaluate EVENT.json...", "help [COMMAND]", "version"):
        assert f"\n  {command} " in done.stdout
    refused = run("evaluate", events.FOLDER / "config-change.bad-parameter-name.json").stderr
    parameters = re.findall(r"\w+", refused.partition("accepted: ")[2])
    assert len(parameters) >= 12
    for parameter in parameters:
        variable = re.sub("([A-Z])", r"_\1", parameter).upper()
        assert re.search(rf"(?m)^  {parameter} .*\n.*environment: {variable}$", done.stdout)
    assert max(map(len, done.stdout.splitlines())) <= 130


@pytest.mark.parametrize("command, words", [
    ("evaluate", "4 something is"), ("invoke", "errorType"), ("help", "this text"),
    ("version", "print the version")])
def test_help_says_more_about_one_command(command, words):
    done = run("help", command)
    assert (done.returncode, done.stderr) == (FINE, "")
    assert done.stdout.startswith(f"bootstrap {command}") and words in done.stdout


@pytest.mark.parametrize("argument", ["version", "--version"])
def test_version_is_one_line(argument):
    done = run(argument)
    assert (done.returncode, done.stderr) == (FINE, "")
    assert re.fullmatch(r"desync-guard \d+\.\d+\.\d+\S*\n", done.stdout)


@pytest.mark.parametrize("command", [[], ["help"], ["version"], ["evaluate"]])
def test_no_command_but_invoke_needs_aws(command, sample):
    arguments = [*command, sample("fine")] if command == ["evaluate"] else command
    done = subprocess.run([*bootstrap_command(), *map(str, arguments)], capture_output=True, env={})
    assert (done.returncode, done.stderr) == (FINE, b"")


# evaluate

@pytest.mark.parametrize("kinds, code", [
    (["fine"], FINE), (["not applicable"], FINE), (["non-compliant"], NON_COMPLIANT),
    (["unknown"], UNKNOWN), (["error"], ERROR), (["fine", "unknown"], UNKNOWN),
    (["unknown", "fine"], UNKNOWN), (["unknown", "non-compliant"], NON_COMPLIANT),
    (["non-compliant", "unknown", "fine"], NON_COMPLIANT),
    (["non-compliant", "error"], ERROR), (["error", "unknown", "non-compliant", "fine"], ERROR),
    (["fine", "not applicable", "fine"], FINE),
], ids=lambda value: ", ".join(value) if isinstance(value, list) else None)
def test_the_worst_of_all_files_decides_the_exit_code(kinds, code, sample):
    paths = [sample(kind) for kind in kinds]
    done = run("evaluate", *paths)
    assert done.returncode == code
    judged = [str(path) for kind, path in zip(kinds, paths) if kind != "error"]
    assert [verdict["file"] for verdict in verdicts(done)] == judged
    assert done.stderr.count("\n") == kinds.count("error")


@pytest.mark.parametrize("kind", ["fine", "not applicable", "non-compliant", "unknown"])
def test_each_line_is_a_json_object_with_all_members(kind, sample):
    done = run("evaluate", sample(kind))
    assert done.stdout.count("\n") == 1 and done.stdout.endswith("}\n")
    verdict, = verdicts(done)
    assert list(verdict) == MEMBERS
    assert all(isinstance(verdict[name], str) for name in MEMBERS[:-1])
    for finding in verdict["findings"]:
        assert list(finding) == ["id", "severity", "message"]
        assert re.fullmatch("[A-Z_]+", finding["id"])
        assert finding["severity"] in ("INFORMATIONAL", "LOW", "MEDIUM", "HIGH")
        assert finding["message"].endswith(".")


def test_every_sample_gives_one_line_or_one_error():
    paths = sorted(events.FOLDER.glob("*.json"))
    done = run("evaluate", *paths)
    assert done.returncode == ERROR
    judged = [verdict["file"] for verdict in verdicts(done)]
    refused = [line.split(": ")[1] for line in done.stderr.splitlines()]
    assert sorted(judged + refused) == [str(path) for path in paths]
    assert len(judged) > 44 and len(refused) > 10


@pytest.mark.parametrize("arguments", [["-"], ["FILE", "-"], ["-", "FILE"]])
def test_a_dash_is_standard_input(arguments, sample):
    path = str(sample("fine"))
    done = run("evaluate", *[path if a == "FILE" else a for a in arguments],
               stdin=events.load(SAMPLES["non-compliant"]))
    assert done.returncode == NON_COMPLIANT
    assert [v["file"] for v in verdicts(done)] == [path if a == "FILE" else a for a in arguments]


@pytest.mark.parametrize("stdin, words", [
    ("", "empty"), ("{", "not valid JSON"), ("[]", "not an object"), ("{}", "accepted:"),
    ("\x00\x01", "not valid JSON")])
def test_standard_input_that_is_no_event_is_an_error(stdin, words):
    done = run("evaluate", "-", stdin=stdin)
    assert (done.returncode, done.stdout) == (ERROR, "")
    assert done.stderr.startswith("bootstrap: -: ") and words in done.stderr


@pytest.mark.parametrize("spoil, words", [
    (lambda p: None, "No such file"), (lambda p: p.mkdir(), "Is a directory"),
    (lambda p: p.write_bytes(b""), "empty"), (lambda p: p.write_bytes(b"\xff\xfe{"), "valid JSON"),
    (lambda p: p.write_bytes(b" " * (32 << 20)), "larger than"),
    (lambda p: p.symlink_to(p), "ymbolic link"),
], ids=["missing", "folder", "empty", "binary", "huge", "loop"])
def test_a_file_that_cannot_be_read_is_named_and_the_others_are_judged(spoil, words, sample,
                                                                       tmp_path):
    bad = tmp_path / "bad.json"
    spoil(bad)
    done = run("evaluate", sample("non-compliant"), bad, sample("fine"))
    assert done.returncode == ERROR
    assert [v["compliance"] for v in verdicts(done)] == ["NON_COMPLIANT", "COMPLIANT"]
    assert done.stderr.startswith(f"bootstrap: {bad}: ") and words in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("name", ["with blank.json", 'quote".json', "line\nend.json", "é€😀.json",
                                  "back\\slash.json"])
def test_any_file_name_comes_back_as_it_was(name, sample, tmp_path):
    path = tmp_path / name
    path.write_text(sample("fine").read_text())
    done = run("evaluate", path)
    assert verdicts(done)[0]["file"] == str(path)
    assert done.stdout.count("\n") == 1


def test_a_file_name_that_is_no_utf8_still_gives_valid_json(sample, tmp_path):
    path = os.fsencode(tmp_path) + b"/caf\xe9.json"
    with open(path, "wb") as file:
        file.write(sample("fine").read_bytes())
    done = subprocess.run([*map(os.fsencode, bootstrap_command()), b"evaluate", path],
                          capture_output=True, env=lambda_environment())
    assert done.returncode == FINE
    verdict = json.loads(done.stdout.decode("utf-8"))
    assert verdict["file"].endswith(".json") and verdict["compliance"] == "COMPLIANT"


def test_evaluate_opens_no_connection(sample):
    aws = FleetAws()
    try:
        done = run("evaluate", sample("unknown"), sample("fine"), AWS_ENDPOINT_URL=aws.url)
        assert (done.returncode, dict(aws.counts), aws.in_flight_max) == (UNKNOWN, {}, 0)
    finally:
        aws.stop()


@pytest.mark.parametrize("variables, words", [
    ({"DESYNC_MODE": "paranoid"}, "DESYNC_MODE"), ({"WARM_UP": "maybe"}, "WARM_UP"),
    ({"ELB_REQUESTS_PER_SECOND": "11"}, "ELB_REQUESTS_PER_SECOND"),
    ({"AWS_REGION": "../eu"}, "AWS_REGION")])
@pytest.mark.parametrize("command", ["evaluate", "invoke"])
def test_a_bad_variable_is_named(variables, words, command, sample):
    done = run(command, sample("fine"), **variables)
    assert (done.returncode, done.stdout) == (ERROR, "")
    assert words in done.stderr and done.stderr.startswith("bootstrap: ")


def test_environment_applies_where_no_parameter_is_given(tmp_path):
    event = json.loads(events.load("config-change.defensive-owner"))
    del event["ruleParameters"]
    path = tmp_path / "event.json"
    path.write_text(json.dumps(event))
    assert run("evaluate", path).returncode == FINE
    done = run("evaluate", path, DESYNC_MODE="strictest")
    assert (done.returncode, verdicts(done)[0]["requiredMode"]) == (NON_COMPLIANT, "strictest")


# Where the output goes

def to_stdout(arguments, redirect):
    """Through a shell, which alone can close a descriptor before the start."""
    command = " ".join(f"'{word}'" for word in [*bootstrap_command(), *map(str, arguments)])
    return subprocess.run(["sh", "-c", f"{command} {redirect}"], capture_output=True, text=True,
                          env=lambda_environment(PATH=os.environ["PATH"]), timeout=60)


@pytest.mark.timely("valgrind's log takes the place of an output that is closed")
@pytest.mark.parametrize("redirect", [">&-", ">/dev/full"])
@pytest.mark.parametrize("arguments", [["evaluate", "FILE"], ["evaluate", "FILE", "FILE"],
                                       ["help"], ["help", "evaluate"], ["version"]],
                         ids=" ".join)
def test_output_that_cannot_be_written_is_an_error(arguments, redirect, sample):
    path = sample("non-compliant")
    done = to_stdout([path if a == "FILE" else a for a in arguments], redirect)
    assert done.returncode == ERROR
    assert "cannot write to standard output" in done.stderr


@pytest.mark.timely("valgrind's log takes the place of an output that is closed")
def test_closed_output_spoils_no_file(sample):
    path = sample("fine")
    before = path.read_bytes()
    to_stdout(["evaluate", path], ">&-")
    to_stdout(["evaluate", path], ">&- 2>&-")
    assert path.read_bytes() == before


@pytest.mark.timely("valgrind's log takes the place of an output that is closed")
def test_closed_stderr_costs_no_verdict(sample, tmp_path):
    done = to_stdout(["evaluate", tmp_path / "missing", sample("fine")], "2>&-")
    assert (done.returncode, verdicts(done)[0]["compliance"]) == (ERROR, "COMPLIANT")


def test_closed_pipe_ends_the_command_quietly(sample):
    path = sample("fine")
    read_end, write_end = os.pipe()
    os.close(read_end)
    done = subprocess.run([*bootstrap_command(), "evaluate", *[str(path)] * 50], stdout=write_end,
                          stderr=subprocess.PIPE, env=lambda_environment(), timeout=60)
    os.close(write_end)
    assert done.returncode != FINE
    assert done.stderr.count(b"\n") <= 50


# invoke

@pytest.fixture
def fleet_aws():
    aws = FleetAws(fleet.FLEET)
    yield aws
    aws.stop()
    assert aws.signature_failures == []


def registered(aws, name, tmp_path):
    event = events.load(name)
    aws.config.add_token(json.loads(event)["resultToken"], "desync-guard")
    path = tmp_path / "event.json"
    path.write_text(event)
    return path


@pytest.mark.parametrize("name, compliance", [
    ("config-change.monitor-no-owner", "NON_COMPLIANT"), ("config-change.stale-item", "COMPLIANT"),
    ("config-change.stale-item-gone", "NOT_APPLICABLE")])
def test_invoke_prints_the_response_of_the_function(name, compliance, fleet_aws, tmp_path):
    path = registered(fleet_aws, name, tmp_path)
    done = run("invoke", path, AWS_ENDPOINT_URL=fleet_aws.url)
    assert (done.returncode, done.stderr) == (FINE, "")
    assert done.stdout.count("\n") == 1
    response = json.loads(done.stdout)
    assert list(response) == ["evaluations", "reported", "failed", "actions"]
    evaluation, = response["evaluations"]
    assert list(evaluation) == MEMBERS[1:]
    assert (evaluation["compliance"], response["reported"]) == (compliance, 1)
    stored = fleet_aws.config.result("desync-guard", events.resource_id(path.read_text()))
    assert stored.annotation == evaluation["annotation"]


def test_invoke_takes_the_event_from_standard_input(fleet_aws):
    done = run("invoke", "-", stdin='{"action":"sweep"}', AWS_ENDPOINT_URL=fleet_aws.url,
               PROMOTION="off")
    assert done.returncode == FINE, done.stderr
    assert len(json.loads(done.stdout)["evaluations"]) == 11
    assert dict(fleet_aws.counts) == {LIST: 1, ATTRIBUTES: 11, TAGS: 1}


@pytest.mark.parametrize("name, error_type", [
    ("config-change.bad-parameter-value", "Function.InvalidParameter"),
    ("invalid.truncated", "Function.InvalidEvent"),
    ("config-change.status-unknown", "Function.VerdictUnknown")])
def test_invoke_prints_an_error_and_ends_with_1(name, error_type, fleet_aws):
    done = run("invoke", events.FOLDER / f"{name}.json", AWS_ENDPOINT_URL=fleet_aws.url)
    assert done.returncode == ERROR
    error = json.loads(done.stdout)
    assert list(error) == ["errorType", "errorMessage"]
    assert error["errorType"] == error_type and error["errorMessage"]
    assert dict(fleet_aws.counts) == {}


def test_invoke_prints_the_error_of_an_incomplete_sweep(fleet_aws):
    spoilt = fleet.FLEET[0].arn
    fleet_aws.attribute_faults = {spoilt: faults.access_denied()}
    done = run("invoke", "-", stdin='{"action":"sweep"}', AWS_ENDPOINT_URL=fleet_aws.url)
    assert done.returncode == ERROR
    error = json.loads(done.stdout)
    assert error["errorType"] == "Function.VerdictUnknown"
    assert spoilt in error["errorMessage"] and "not authorized" in error["errorMessage"]


@pytest.mark.parametrize("variables, words", [
    ({"AWS_REGION": None, "AWS_DEFAULT_REGION": None}, "AWS_REGION"),
    ({"AWS_ENDPOINT_URL": "gopher://x"}, "AWS_ENDPOINT_URL"),
    ({"AWS_CA_BUNDLE": "/nowhere/ca.pem"}, "AWS_CA_BUNDLE")])
def test_invoke_that_cannot_start_names_the_variable(variables, words, sample):
    done = run("invoke", sample("fine"), **variables)
    assert (done.returncode, done.stdout) == (ERROR, "")
    assert done.stderr.startswith("bootstrap: ") and words in done.stderr


def test_invoke_without_credentials_says_so(fleet_aws, sample):
    done = run("invoke", sample("fine"), AWS_ENDPOINT_URL=fleet_aws.url, AWS_ACCESS_KEY_ID=None,
               AWS_SECRET_ACCESS_KEY=None, AWS_SESSION_TOKEN=None)
    assert done.returncode == ERROR
    assert "AWS_ACCESS_KEY_ID" in done.stdout + done.stderr


def test_invoke_of_a_missing_file_names_it(tmp_path):
    done = run("invoke", tmp_path / "missing.json")
    assert (done.returncode, done.stdout) == (ERROR, "")
    assert f"{tmp_path}/missing.json: No such file" in done.stderr


def test_plan_shows_the_changes_and_makes_none(fleet_aws):
    before = {lb.arn: lb.mode for lb in fleet_aws.load_balancers.values()}
    done = run("plan", AWS_ENDPOINT_URL=fleet_aws.url, ENFORCEMENT="enforce")
    assert done.returncode == FINE, done.stderr
    weak = [lb for lb in fleet_aws.load_balancers.values()
            if lb.type == "application" and lb.mode == "monitor"]
    lines = done.stdout.splitlines()
    assert weak and all(any(lb.id in line and "monitor -> defensive" in line for line in lines)
                        for lb in weak if "desync-exception-until" not in lb.tags)
    assert lines[-1].endswith("would be changed")
    assert {lb.arn: lb.mode for lb in fleet_aws.load_balancers.values()} == before
    reads = ("Describe", "Query", "GetMetricData")
    assert not [name for name in fleet_aws.counts if not any(word in name for word in reads)]


def test_plan_as_json_holds_the_actions(fleet_aws):
    done = run("plan", "--format", "json", AWS_ENDPOINT_URL=fleet_aws.url)
    actions = json.loads(done.stdout)
    assert actions and all(
        set(a) == {"resourceId", "action", "status", "from", "to", "reason", "earliest", "ring",
                   "waitsFor", "evidence", "sayNo"} for a in actions)
    assert {a["status"] for a in actions} <= {"planned", "skipped"}
    for each in actions:
        assert (each["earliest"] is None) == (each["status"] == "skipped"), each
    assert len({a["resourceId"] for a in actions}) == len(actions)


@pytest.mark.parametrize("arguments", [["--format"], ["--format", "xml"], ["now"]])
def test_plan_refuses_unknown_arguments(arguments):
    done = run("plan", *arguments)
    assert (done.returncode, done.stdout) == (USAGE, "")


def test_plan_that_could_not_read_everything_is_an_error(fleet_aws):
    fleet_aws.attribute_faults = {fleet.FLEET[0].arn: faults.access_denied()}
    done = run("plan", "--format", "json", AWS_ENDPOINT_URL=fleet_aws.url, PROMOTION="off")
    assert done.returncode == ERROR
    line, cause = done.stderr.splitlines()
    assert line.startswith("bootstrap: of ") and "1 is unknown" in line
    assert cause.startswith(f"bootstrap: 1 unknown ({fleet.FLEET[0].name}): elasticloadbalancing ")
    assert cause.endswith(". Next: allow elasticloadbalancing:DescribeLoadBalancerAttributes")
    assert "planned" in {action["status"] for action in json.loads(done.stdout)}
