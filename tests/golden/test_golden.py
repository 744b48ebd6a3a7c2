# SPDX-License-Identifier: Apache-2.0
"""Every sample of events/ through `evaluate` and through Lambda, compared word for word; and proof
that the comparison would notice."""

import copy
import datetime
import json
import shutil
import subprocess
import sys
from pathlib import Path

import cases
import pytest

from sim.events import Move
from sim.function import bootstrap_command, lambda_environment

CASES = {case.name: case for case in cases.ours()}
RUN = Path(__file__).with_name("run.py")
# What judges by evidence or by state, of which there is none yet.
LATER = {"UNDERUTILIZED", "NON_COMPLIANT_TOO_LONG", "CLIENTS_BLOCKED"}
EXAMPLE = "config-change.exception-expired"


def expectation(name):
    return json.loads(CASES[name].expected.read_text())


@pytest.mark.parametrize("name", CASES)
def test_event_gives_what_is_expected(name, bootstrap, tmp_path):
    assert cases.run(CASES[name], tmp_path) == []


# The samples are what they should be

@pytest.mark.parametrize("name", CASES)
def test_own_expectations_name_every_member(name):
    expected = expectation(name)
    assert expected["about"]
    for section in ("evaluate", "live"):
        told = expected[section]
        if "exitCode" in told and told["exitCode"] == 1 or "errorType" in told:
            assert {"error", "errorMessage", "errorHolds"} & set(told)
            continue
        for evaluation in told.get("evaluations", [told]):
            untold = set(cases.EVALUATION) - set(evaluation)
            assert untold <= {"orderingTimestamp"}
            assert not untold or name.startswith("schedule.")
    assert "calls" in expected["live"] and "exitCode" in expected["evaluate"]


def every_finding():
    header = (Path(__file__).parents[2] / "include/policy/finding.h").read_text(encoding="utf-8")
    block = header.partition("#define FINDING_MAP(X)")[2].partition("\n\n")[0]
    known = {word.partition("(")[2].partition(",")[0] for word in block.split() if "X(" in word}
    assert len(known) >= 14
    return known


def test_there_is_a_sample_of_every_finding():
    found = {each for name in CASES for each in expectation(name)["evaluate"].get("findings", [])}
    assert found == every_finding() - LATER


@pytest.mark.parametrize("day", ["2026-11-23", "2028-02-29", "2033-12-31"])
def test_every_finding_is_in_the_samples_as_they_are_for_years(day, bootstrap, tmp_path):
    """`bootstrap evaluate events/*.json` moves no date. Neither does this, but for the day."""
    distance = datetime.date.today() - datetime.date.fromisoformat(day)
    move = Move(distance, distance.days)
    for case in CASES.values():
        (tmp_path / case.input.name).write_text(move.of(case.input.read_text()))
    done = subprocess.run([*bootstrap_command(), "evaluate", *sorted(tmp_path.glob("*.json"))],
                          capture_output=True, text=True, env=lambda_environment(), timeout=60)
    found = {finding["id"] for line in done.stdout.splitlines()
             for finding in json.loads(line)["findings"]}
    assert found == every_finding() - LATER


def test_every_verdict_and_every_exit_code_is_there():
    told = [expectation(name) for name in CASES]
    assert {e["evaluate"]["exitCode"] for e in told} == {0, 1, 3, 4}
    assert {e["live"].get("compliance") for e in told} >= {"COMPLIANT", "NON_COMPLIANT",
                                                          "NOT_APPLICABLE"}
    assert {e["live"].get("errorType") for e in told} >= {
        "Function.InvalidEvent", "Function.InvalidParameter", "Function.VerdictUnknown"}


def test_every_expectation_has_an_event():
    folders = {path.parent.name for path in cases.GOLDEN.glob("*/expected.json")}
    assert folders == set(CASES)
    assert len(CASES) >= 44


# A changed expectation fails

def changes():
    """(what, section, member, other value): one for each thing that an expectation can say."""
    for section in ("evaluate", "live"):
        for member, value in expectation(EXAMPLE)[section].items():
            other = {int: lambda v: v + 1, str: lambda v: v + "x", list: lambda v: v[:-1],
                     dict: lambda v: {**v, "elbv2:DescribeTags": 1}}[type(value)](value)
            yield pytest.param(section, member, other, id=f"{section}-{member}")


def changed_case(tmp_path, name, expected):
    path = tmp_path / "expected.json"
    path.write_text(json.dumps(expected))
    case = CASES[name]
    return cases.Case(case.name, case.input, path, case.fleet)


@pytest.mark.parametrize("section, member, other", list(changes()))
def test_a_changed_expectation_fails(section, member, other, bootstrap, tmp_path):
    expected = expectation(EXAMPLE)
    expected[section][member] = other
    lines = cases.run(changed_case(tmp_path, EXAMPLE, expected), tmp_path)
    assert len(lines) == 1 and lines[0].startswith(f"{section}: {member} is ")


@pytest.mark.parametrize("name, section, member, other", [
    ("config-change.bad-parameter-value", "evaluate", "error", "desyncMode"),
    ("config-change.bad-parameter-value", "live", "errorMessage", "desyncMode"),
    ("config-change.bad-parameter-value", "live", "errorType", "Function.InvalidEvent"),
    ("invalid.empty-object", "evaluate", "errorHolds", ["accepted: nothing"]),
    ("invalid.empty-object", "live", "errorHolds", ["accepted: nothing"]),
    ("config-scheduled.notification", "live", "evaluations", []),
])
def test_a_changed_error_or_listing_fails(name, section, member, other, bootstrap, tmp_path):
    expected = expectation(name)
    expected[section][member] = other
    assert len(cases.run(changed_case(tmp_path, name, expected), tmp_path)) == 1


def test_a_verdict_in_a_sweep_that_differs_fails(bootstrap, tmp_path):
    expected = expectation("config-scheduled.notification")
    expected["live"]["evaluations"][3]["grade"] = "F"
    lines = cases.run(changed_case(tmp_path, "config-scheduled.notification", expected), tmp_path)
    assert len(lines) == 1 and "evaluations[3]: grade" in lines[0]


def test_an_error_where_a_verdict_was_expected_fails(bootstrap, tmp_path):
    expected = {"evaluate": {"exitCode": 1}, "live": {"calls": {}}}
    lines = cases.run(changed_case(tmp_path, "config-change.bad-parameter-value", expected),
                      tmp_path)
    assert [line.partition(":")[0] for line in lines] == ["evaluate", "live"]
    assert all("not expected" in line for line in lines)


# Folders of a user

def run(*arguments):
    return subprocess.run([sys.executable, str(RUN), *map(str, arguments)], capture_output=True,
                          text=True, timeout=120)


@pytest.fixture
def folder(tmp_path):
    """A case in a folder of its own, and one side by side."""
    folder = tmp_path / "mine"
    nested = folder / "expired"
    nested.mkdir(parents=True)
    shutil.copy(CASES[EXAMPLE].input, nested / "input.json")
    (nested / "expected.json").write_text('{"evaluate": {"compliance": "NON_COMPLIANT"}}')
    shutil.copy(CASES["config-change.stale-item"].input, folder / "stale.json")
    (folder / "stale.expected.json").write_text(
        '{"live": {"compliance": "NON_COMPLIANT", "mode": "monitor", "source": "live"}}')
    (folder / "fleet.json").write_text(json.dumps([
        {"name": "search", "id": "93e1c7a5b8d0f264", "mode": "monitor", "tags": {"Owner": "me"}}]))
    return folder


def test_user_folder_is_run(bootstrap, folder):
    done = run(folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == ["ok   expired", "ok   stale",
                                        "2 cases, 0 not as expected"]


def test_bad_user_folder_fails_and_names_the_place(bootstrap, folder):
    (folder / "stale.expected.json").write_text('{"live": {"compliance": "COMPLIANT"}}')
    done = run(folder)
    assert done.returncode == 1
    assert 'live: compliance is "NON_COMPLIANT", expected "COMPLIANT"' in done.stdout
    assert done.stdout.endswith("2 cases, 1 not as expected\n")


def test_written_expectations_pass_and_keep_the_dates_of_the_event(bootstrap, folder):
    (folder / "stale.expected.json").unlink()
    (folder / "expired/expected.json").write_text(json.dumps({"about": "mine"}))
    assert run("--write", folder).returncode == 0
    written = json.loads((folder / "expired/expected.json").read_text())
    assert written == {**copy.deepcopy(expectation(EXAMPLE)), "about": "mine"}
    assert run(folder).returncode == 0


def test_an_environment_can_be_given(bootstrap, folder):
    event = json.loads((folder / "stale.json").read_text())
    del event["ruleParameters"]
    (folder / "stale.json").write_text(json.dumps(event))
    (folder / "stale.expected.json").write_text(json.dumps({
        "environment": {"DESYNC_MODE": "strictest"}, "live": {"requiredMode": "strictest"}}))
    assert run(folder).returncode == 0


@pytest.mark.parametrize("spoil, words", [
    (lambda f: (f / "stale.expected.json").unlink(), "stale.json has no expected verdict"),
    (lambda f: (f / "stale.json").unlink(), "stale.expected.json has no event beside it"),
    (lambda f: (f / "stale.expected.json").write_text("{"), "is not valid JSON"),
    (lambda f: (f / "stale.expected.json").write_text("[]"), "must hold a JSON object"),
    (lambda f: (f / "stale.expected.json").write_text("{}"), "expects nothing"),
    (lambda f: (f / "stale.expected.json").write_text('{"live": {"complience": "x"}}'),
     'live has the unknown member "complience"; known: resourceType'),
    (lambda f: (f / "stale.expected.json").write_text('{"evaluate": []}'), "must be an object"),
    (lambda f: (f / "fleet.json").write_text('[{"nam": "x"}]'), "fleet.json"),
    (shutil.rmtree, "is no folder"),
    (lambda f: [shutil.rmtree(f), f.mkdir()], "holds no case"),
])
def test_empty_case_is_an_error_that_names_it(spoil, words, bootstrap, folder):
    spoil(folder)
    done = run(folder)
    assert done.returncode == 2
    assert words in done.stderr and done.stderr.startswith("run.py: ")
    assert "Traceback" not in done.stderr
