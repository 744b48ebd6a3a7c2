# SPDX-License-Identifier: Apache-2.0
"""Golden cases: an event, what is expected of it, and how the two are compared. See README.md."""

import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from sim import fleet
from sim.events import FOLDER as EVENTS
from sim.events import Move
from sim.fleet_aws import FleetAws
from sim.function import Function, bootstrap_command, lambda_environment
from sim.runtime_api import RuntimeApi

GOLDEN = Path(__file__).resolve().parent

EVALUATION = ("resourceType", "resourceId", "compliance", "annotation", "orderingTimestamp", "mode",
              "requiredMode", "grade", "owner", "source", "findings")
TOP = ("about", "environment", "evaluate", "live")
EVALUATE = (*EVALUATION, "exitCode", "error", "errorHolds")
# Beside evaluations, of events about access logs.
LOGS = ("logObjects", "batchItemFailures")
LIVE = (*EVALUATION, *LOGS, "evaluations", "reported", "failed", "calls", "errorType",
        "errorMessage", "errorHolds")


class BadCase(Exception):
    """A case that says nothing, or something that cannot be understood."""


@dataclass
class Case:
    name: str
    input: Path
    expected: Path
    fleet: list = field(default_factory=list)

    def load(self):
        """(event, expectation), both moved to today by the same distance."""
        event = _read(self.input)
        move = Move.to_now(event)
        text = move.of(_read(self.expected))
        try:
            expected = json.loads(text)
        except ValueError as problem:
            raise BadCase(f"{self.expected} is not valid JSON: {problem}") from None
        check_expectation(self.expected, expected)
        return move.of(event), expected


def _read(path):
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as problem:
        raise BadCase(f"{path} cannot be read: {problem}") from None


def check_expectation(path, expected):
    """A slip of the key must not become a comparison that never takes place."""
    if not isinstance(expected, dict):
        raise BadCase(f"{path} must hold a JSON object")
    sections = {"": (expected, TOP), "evaluate": (expected.get("evaluate"), EVALUATE),
                "live": (expected.get("live"), LIVE)}
    for name, (section, known) in sections.items():
        if section is not None and not isinstance(section, dict):
            raise BadCase(f'{path}: "{name}" must be an object')
        unknown = [member for member in section or {} if member not in known]
        if unknown:
            raise BadCase(f'{path}: {name or "it"} has the unknown member "{unknown[0]}"; known: '
                          f"{', '.join(known)}")
    if not expected.get("evaluate") and not expected.get("live"):
        raise BadCase(f'{path} expects nothing: it needs "evaluate", "live" or both')


def find(folder, must_exist=True):
    """The cases of a folder: <case>/input.json with <case>/expected.json, or <case>.json with
    <case>.expected.json beside it. A fleet.json (of the case, or of all) says what is live."""
    folder = Path(folder)
    if not folder.is_dir():
        raise BadCase(f"{folder} is no folder")
    pairs = [(path.parent.name, path, path.parent / "expected.json")
             for path in sorted(folder.glob("*/input.json"))]
    pairs += [(path.stem, path, path.parent / f"{path.stem}.expected.json")
              for path in sorted(folder.glob("*.json"))
              if path.name != "fleet.json" and not path.name.endswith(".expected.json")]
    if not pairs:
        raise BadCase(f"{folder} holds no case: neither <case>/input.json nor <case>.json")
    inputs = {name for name, _, _ in pairs}
    for path in [*folder.glob("*/expected.json"), *folder.glob("*.expected.json")]:
        name = path.name.removesuffix(".expected.json")
        name = path.parent.name if path.name == "expected.json" else name
        if name not in inputs:
            raise BadCase(f"{path} has no event beside it")
    found = [Case(name, event, expected, _fleet(folder, expected.parent))
             for name, event, expected in pairs]
    return _all_expected(found) if must_exist else found


def ours(must_exist=True):
    """The samples of events/ and what tests/golden says of them."""
    found = [Case(path.stem, path, GOLDEN / path.stem / "expected.json",
                  _fleet(GOLDEN / path.stem) or fleet.FLEET) for path in sorted(EVENTS.glob("*.json"))]
    return _all_expected(found) if must_exist else found


def _all_expected(found):
    for case in found:
        if not case.expected.is_file():
            raise BadCase(f"{case.input} has no expected verdict: write {case.expected}, or let "
                          "--write do so")
    return found


def _fleet(*folders):
    for folder in reversed(folders):
        path = folder / "fleet.json"
        if path.is_file():
            try:
                return [fleet.LiveLoadBalancer(**each) for each in json.loads(_read(path))]
            except (TypeError, ValueError) as problem:
                raise BadCase(f"{path}: {problem}") from None
    return []


# What the binary says

def evaluate(event, path, environment):
    """What `bootstrap evaluate` makes of the event, in the form of an expectation."""
    path.write_text(event, encoding="utf-8")
    done = subprocess.run([*bootstrap_command(), "evaluate", str(path)], capture_output=True,
                          text=True, env=lambda_environment(**environment), timeout=60)
    lines = done.stdout.splitlines()
    if not lines:
        return {"exitCode": done.returncode,
                "error": done.stderr.removeprefix(f"bootstrap: {path}: ").strip()
                .partition(". Next: ")[0]}
    if len(lines) != 1 or json.loads(lines[0]).get("file") != str(path):
        raise AssertionError(f"not one line about {path}: {done.stdout}")
    return {"exitCode": done.returncode, **_evaluation(json.loads(lines[0]))}


def invoke(event, load_balancers, environment):
    """What becomes of the event as an invocation in Lambda, against a local AWS; and the AWS."""
    aws, api = FleetAws(load_balancers), RuntimeApi()
    try:
        _register_token(aws, event)
        with Function(api, aws=aws, WARM_UP="off", **environment) as function:
            outcome = function.invoke(event)
        return {**_live(outcome), "calls": dict(sorted(aws.counts.items()))}, aws
    finally:
        api.stop()
        aws.stop()


def _register_token(aws, event):
    """What AWS Config does when it invokes the rule: the token is good for this rule."""
    try:
        event = json.loads(event)
        aws.config.add_token(event["resultToken"], event["configRuleName"])
    except (ValueError, KeyError, TypeError):
        pass  # no rule invocation


def _live(outcome):
    body = outcome.json()
    if outcome.kind == "error":
        return {"errorType": body["errorType"], "errorMessage": body["errorMessage"]}
    evaluations = [_evaluation(each) for each in body["evaluations"]]
    told = {"reported": body["reported"], "failed": body["failed"]}
    told.update({name: body[name] for name in LOGS if name in body})
    if len(evaluations) == 1:
        return {**evaluations[0], **told}
    return {"evaluations": evaluations, **told}


def _evaluation(found):
    """An expectation names findings by their ids; messages may be mended without ado."""
    return {member: [f["id"] for f in found["findings"]] if member == "findings" else found[member]
            for member in EVALUATION}


# Comparison

def differences(expected, found, where):
    """Lines that say what is not as expected. What is expected is compared exactly."""
    lines = []
    for member, value in expected.items():
        if member == "errorHolds":
            text = found.get("error") or found.get("errorMessage") or ""
            lines += [f'{where}: the error does not hold "{words}": {text or "none"}'
                      for words in value if words not in text]
        elif member == "evaluations":
            lines += _differences_of_all(value, found, where)
        elif found.get(member) != value:
            what = found.get("error") or found.get("errorMessage") or found
            lines.append(f"{where}: {member} is {json.dumps(found[member])}, expected "
                         f"{json.dumps(value)}" if member in found else
                         f"{where}: {member} is not there, expected {json.dumps(value)}; found: "
                         f"{json.dumps(what)}")
    if "error" in found and not {"error", "errorHolds"} & set(expected):
        lines.append(f"{where}: an error that is not expected: {found['error']}")
    if "errorType" in found and "errorType" not in expected:
        lines.append(f"{where}: an error that is not expected: {found['errorMessage']}")
    return lines


def _differences_of_all(expected, found, where):
    found = found.get("evaluations", [found] if "resourceId" in found else [])
    if len(found) != len(expected):
        return [f"{where}: {len(found)} evaluations, expected {len(expected)}"]
    return [line for number, pair in enumerate(zip(expected, found))
            for line in differences(*pair, f"{where}: evaluations[{number}]")]


def run(case, scratch):
    """All differences between the case's expectation and what the binary says. [] is good."""
    event, expected = case.load()
    environment = expected.get("environment", {})
    lines = []
    if "evaluate" in expected:
        found = evaluate(event, scratch / f"{case.name}.json", environment)
        lines += differences(expected["evaluate"], found, "evaluate")
    if "live" in expected:
        found, aws = invoke(event, case.fleet, environment)
        lines += differences(expected["live"], found, "live")
        lines += _unlike_config(found, aws)
    return lines


def _unlike_config(found, aws):
    """AWS Config must hold what the response says was reported, word for word."""
    reported = found.get("evaluations", [found] if "resourceId" in found else [])
    told = {(e["resourceId"], e["compliance"], e["annotation"]) for e in reported}
    held = [(r.resource_id, r.compliance, r.annotation) for r in aws.config.history]
    held += [(e["ComplianceResourceId"], e["ComplianceType"], e["Annotation"])
             for e in aws.config.test_mode_evaluations]
    lines = [f"live: AWS Config was told {each}, the response does not say so"
             for each in held if each not in told]
    if len(held) != found.get("reported", len(held)):
        lines.append(f"live: {found['reported']} reported, but AWS Config got {len(held)}")
    return lines + [f"live: signature: {each}" for each in aws.signature_failures]


def write(case, scratch):
    """Rewrites the expectation with what the binary says now, keeping what only a person knows."""
    event = _read(case.input)
    move = Move.to_now(event)
    before = json.loads(_read(case.expected)) if case.expected.is_file() else {}
    environment = before.get("environment", {})
    moved = move.of(event)
    after = {name: before[name] for name in ("about", "environment")
             if name in before}
    after["evaluate"] = evaluate(moved, scratch / f"{case.name}.json", environment)
    after["live"], _ = invoke(moved, case.fleet, environment)
    for section in ("evaluate", "live"):
        _keep_holds(after[section], before.get(section, {}))
    if not _has_time(event):
        _drop_times(after)
    case.expected.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(after, indent=2, ensure_ascii=False)
    case.expected.write_text(move.back().of(text) + "\n", encoding="utf-8")


def _keep_holds(section, before):
    """Who wrote down a part of the error did not mean the whole of it."""
    for member in ("error", "errorMessage"):
        if member in section and "errorHolds" in before:
            del section[member]
            section["errorHolds"] = before["errorHolds"]


def _has_time(event):
    """Does the event say when it happened? A schedule of one's own does not."""
    stamps = ("notificationCreationTime", "configurationItemCaptureTime", "eventTime")
    return any(stamp in event for stamp in stamps)


def _drop_times(expected):
    for section in (expected["evaluate"], expected["live"],
                    *expected["live"].get("evaluations", [])):
        if section.get("orderingTimestamp") is not None:
            del section["orderingTimestamp"]
