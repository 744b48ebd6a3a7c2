# SPDX-License-Identifier: Apache-2.0
"""docs/reliability.md, made from what a run of the fault matrix wrote and from the names (not the
outcome) of the conformance tests.

    python3 tests/sim/reliability.py    writes the document from the rows of the last whole run
"""

import ast
import json
import re
import sys
import textwrap
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROWS = ROOT / "build" / "test" / "faults.json"
DOCUMENT = ROOT / "docs" / "reliability.md"
CONFORMANCE = ROOT / "tests" / "conformance"
LETTERS = {"repeated": "R", "seen to be done": "S", "done without": "D", "failed": "F",
           "NOT HELD": "**X**"}

HEAD = """\
# Faults, and what the function does about them

`make reliability` writes this page; nothing here is typed by hand. The part about AWS calls is the
result of a run of the fault matrix. The part about the Runtime API lists the tests of each case.

## Every AWS call, every fault

The shipped binary handles an event while one call goes wrong at its first, second or last attempt.
After each of the {total} runs the tests have checked that

- the function reported every verdict that it could report, and no other;
- the error, or the log where the event is done without the call, names the service and the operation;
- no secret key, session token, signature, external id, result token or part of the event that is not
  judged appeared in a log or an answer, though AWS quoted the request, and the log level was TRACE;
- the invocation ended before its deadline by itself, with an answer;
- no mode was lowered, set twice or alerted twice;
- the same event, delivered again by Lambda when AWS works, left everything as without the fault.

| letter | meaning | runs |
|---|---|---|
| R | the call is repeated, and the event is done as without the fault | {R} |
| S | the call is not repeated: the function looks, and sees that AWS carried it out although the answer was lost | {S} |
| D | the event is done without the call, and the log says what is missing | {D} |
| F | the function reports all it can and then fails, and Lambda repeats the invocation | {F} |

Each cell has three letters: the fault at the first, at the second and at the last attempt.
"""

FAULTS = {
    "refused": "the connection is refused, from that attempt on",
    "reset before": "the connection is reset before any answer",
    "reset in headers": "carried out, and reset inside the headers of the answer",
    "reset in body": "carried out, and reset inside the body of the answer",
    "delay": "carried out, and answered after the deadline",
    "throttle": "throttled",
    "throttle with retry-after": "throttled with `x-amz-retry-after`",
    "500": "500 with a page of HTML",
    "503": "503 with a page of HTML",
    "garbage": "200 with bytes that are no document",
    "empty": "200 with nothing",
    "truncated": "carried out, and answered with half a document in a whole HTTP answer",
    "denied": "access denied",
    "expired": "the credentials have expired",
    "clock skew": "AWS's clock is 10 minutes ahead from then on",
}


def table(header, rows):
    lines = [header, ["---"] * len(header), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def of_faults(rows, impossible):
    cells, certificates = {}, {}
    for row in rows:
        place = certificates if row["attempt"] == "" else cells
        key = (row["call"], row["event"])
        place.setdefault(key, {}).setdefault(row["fault"], []).append(LETTERS[row["how"]])
    counts = Counter(row["how"] for row in rows)
    text = HEAD.format(total=len(rows), **{LETTERS[how]: counts[how] for how in LETTERS})
    half = len(FAULTS) // 2
    for kinds in (list(FAULTS)[:half], list(FAULTS)[half:]):
        text += "\n" + table(["call", "event", *kinds], [
            [call, event, *("".join(found.get(kind, ["-"])) for kind in kinds)]
            for (call, event), found in cells.items()])
    text += "\n" + table(["fault", "AWS's reaction to the call"], [[*each] for each in FAULTS.items()])
    text += "\nNot possible, and marked `-`:\n\n"
    text += "".join(f"- {call}, {kind}: {why}\n" for (call, kind), why in impossible.items())
    kinds = list(next(iter(certificates.values())))
    text += "\nThe certificate of a service is not valid; the function sends nothing to it:\n\n"
    return text + table(["first call to the service", "event", *kinds], [
        [call, event, *("".join(found[kind]) for kind in kinds)]
        for (call, event), found in certificates.items()])


def named_tests():
    """case number -> the conformance tests that are named after it."""
    found = {}
    for path in sorted(CONFORMANCE.glob("test_*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef):
                match = re.match(r"test_cases?_((?:\d\d_)+)", node.name)
                for number in re.findall(r"\d\d", match[1]) if match else []:
                    found.setdefault(int(number), []).append(
                        f"tests/conformance/{path.name}::{node.name}")
    return found


def held_by_units(held_elsewhere):
    """Which cases a reader must not take for something that the shipped binary was seen to do."""
    numbers = sorted(number for number, tests in held_elsewhere.items()
                     if any(test.startswith("tests/unit/") for test in tests))
    *first, last = map(str, numbers)
    return (f"; the cases {', '.join(first)} and {last} have, in part or in whole, unit tests, "
            "which run the code without the binary")


def of_conformance(cases, held_elsewhere, absent):
    tests = named_tests()
    lines = []
    for number, what in cases.items():
        held = tests.get(number, []) + held_elsewhere.get(number, [])
        lines.append([str(number), what, "<br>".join(f"`{each}`" for each in held)
                      if held else f"does not apply: {absent[number]}"])
    count = len(cases) - len(absent)
    about = (
        "Unlike the tables above this one is no result: it lists each case with its tests, by their "
        "names. `make test` says whether they pass. The tests of `tests/conformance` run the shipped "
        "binary against a scripted Runtime API that walks the state machine of Lambda's own"
        f"{held_by_units(held_elsewhere)}. {count} cases have tests, {len(absent)} cannot arise.")
    return (f"\n## The Lambda Runtime API, {len(cases)} cases\n\n"
            f"{textwrap.fill(about, 100)}\n\n" + table(["case", "about", "tests"], lines))


def render(rows):
    sys.path.insert(0, str(CONFORMANCE))
    from cases import ABSENT, CASES, HELD_ELSEWHERE

    from sim.fault_matrix import IMPOSSIBLE
    return of_faults(rows, IMPOSSIBLE) + of_conformance(CASES, HELD_ELSEWHERE, ABSENT)


def main():
    if not ROWS.exists():
        sys.exit(f"{ROWS} does not exist: run tests/integration/test_fault_matrix.py first")
    DOCUMENT.write_text(render(json.loads(ROWS.read_text())))


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT / "tests"))
    main()
