# SPDX-License-Identifier: Apache-2.0
"""docs/control.md, made from a run of the tests that are named after the invariants of acting:
`a1_...` in a unit test, `test_a1_...` in a Python test. `make invariants` runs them and writes it.
"""

import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs" / "control.md"
NAMED = re.compile(r"(?:test_)?((?:[a-f]\d_)+)\w+")
UNIT_TEST = re.compile(r"^static void (\w+)\(void \*\*state\)", re.MULTILINE)
PYTHON_TEST = re.compile(r"^def (test_\w+)\(", re.MULTILINE)

HEAD = """\
# What holds whenever desync-guard acts

`make invariants` writes this page from a run of the tests that it lists. Each test is named after
the invariant that it holds. [evidence.md](evidence.md) explains the numbers, and
[operate.md](operate.md) what to do about each answer.
"""

PARTS = {"a": "Bounds", "b": "Never weaker, never blind", "c": "Opt-outs fail safe",
         "d": "Evidence", "e": "The watch", "f": "Crowds"}

INVARIANTS = {
    "a1": "In any 60 minutes at most MAX_CHANGES_PER_HOUR changes are made in an account and "
          "Region, over all copies, triggers and redeliveries. Rollbacks are neither counted nor "
          "refused.",
    "a2": "At most MAX_OPEN_WATCHES promotions are watched at once. A promotion counts as soon as "
          "its intent is written.",
    "a3": "An account and Region has one promotion turn in 20 hours, whatever triggered the sweep "
          "that takes it.",
    "a4": "A rollback freezes its ring and all later ones until EVIDENCE_DAYS have passed or the "
          "owner sets `desync-promotion=retry`.",
    "a5": "Without a table nothing is changed, and each response says why.",
    "a6": "After a correction AWS Config is asked for one evaluation, at most once in 15 minutes.",
    "b1": "Only a mode that was read is acted on. Unknown ends no watch, rollback or incident.",
    "b2": "No write lowers a mode, except the rollback of our own promotion, and that never below "
          "the required mode. Where a call by somebody else raised the mode after our read and our "
          "write came last, their mode is set again, as part of that one change.",
    "b3": "A stale read of our own change is neither a fight nor a reason for a new change.",
    "b4": "A mode that ECS, Kubernetes or a stack writes is reported with the line to change there.",
    "b5": "One policy owns state, alerts and changes. Other rules are judged and reported only.",
    "b6": "An account that cannot be reached keeps its watches open and is reported once a day.",
    "c1": "A tag that looks like an opt-out and is none holds promotion and is named with the right "
          "spelling.",
    "c2": "`desync-promotion=hold` stops promotion; `retry` ends an older take-back or freeze.",
    "c3": "When somebody else takes a promotion back, that load balancer is held until `retry`.",
    "d1": "The unit of evidence is the served HTTP/1.x request.",
    "d2": "A request that `strictest` would block counts when it was served, or when that cannot be "
          "told. The others hold nothing up.",
    "d3": "PROMOTE needs requests, share, bound, days, weekdays, clients and fresh numbers.",
    "d4": "Metrics alone recommend and do not promote, unless PROMOTION_EVIDENCE is any.",
    "d5": "Logs that go elsewhere are named as such.",
    "d6": "The bounds agree with SciPy.",
    "e1": "Clients that `strictest` newly blocks are measured as the excess over the time before.",
    "e2": "Error rates are compared with the same hours of the seven days before.",
    "e3": "All looks of a watch together roll back a healthy load balancer in at most 1 % of runs.",
    "e4": "An outage and blocked clients are found in time.",
    "e5": "A watch ends as held, rolled back, reverted or inconclusive, and inconclusive is never "
          "green.",
    "e6": "After the watch each sweep looks on, and alerts about blocked clients: those of networks "
          "that were served other requests in the same log file.",
    "e7": "`monitor` is not raised where the evidence says that `defensive` would block clients.",
    "f1": "When many events come at once every verdict is reported.",
    "f2": "AWS_MAX_ATTEMPTS caps every call where it is set.",
    "f3": "An event whose invocation failed can be handled by its next delivery.",
    "f4": "An owner gets one message a day about cases that escalate, and one about flapping.",
    "f5": "Counting one access-log file costs one conditional write.",
}


def named_tests():
    """{invariant: [(file, test)]} of all tests that are named after one."""
    found = {name: [] for name in INVARIANTS}
    for pattern, glob in ((UNIT_TEST, "tests/unit/test_*.c"), (PYTHON_TEST, "tests/*/test_*.py")):
        for path in sorted(ROOT.glob(glob)):
            for test in pattern.findall(path.read_text(encoding="utf-8")):
                match = NAMED.fullmatch(test)
                for name in re.findall(r"[a-f]\d", match[1]) if match else []:
                    found[name].append((str(path.relative_to(ROOT)), test))
    return found


def cases(path):
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        yield case.get("name").split("[")[0], case.find("failure") is None and case.find("error") is None


def outcomes(wanted):
    """{(file, test): passed} of these tests."""
    ran = {}
    with tempfile.TemporaryDirectory() as folder:
        for file in sorted({file for file, _ in wanted}):
            report = Path(folder) / (file.replace("/", "-") + ".xml")
            if file.endswith(".c"):
                command = [str(ROOT / "build" / "unit" / Path(file).stem)]
                environment = {"CMOCKA_MESSAGE_OUTPUT": "XML", "CMOCKA_XML_FILE": str(report)}
            else:
                command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider",
                           f"--junitxml={report}", *(f"{ROOT / file}::{test}" for at, test in sorted(wanted) if at == file)]
                environment = {}
            subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                           env={**os.environ, **environment}, check=False)
            for name, passed in cases(report):
                ran[file, name] = ran.get((file, name), True) and passed
    return ran


def render(tests, ran):
    text = HEAD
    for letter, title in PARTS.items():
        text += f"\n## {letter.upper()}. {title}\n\n| | invariant | tests |\n|---|---|---|\n"
        for name, sentence in INVARIANTS.items():
            if name[0] == letter:
                lines = [f"`{file}::{test}`" + ("" if ran[file, test] else " **FAILED**")
                         for file, test in tests[name]]
                text += f"| {name.upper()} | {sentence} | {'<br>'.join(lines)} |\n"
    return text


def main():
    tests = named_tests()
    wanted = {each for named in tests.values() for each in named}
    ran = {each: passed for each, passed in outcomes(wanted).items() if each in wanted}
    missing = [f"{file}::{test}" for file, test in sorted(wanted - set(ran))]
    if missing:
        sys.exit("these tests did not run: " + ", ".join(missing))
    DOCUMENT.write_text(render(tests, ran), encoding="utf-8")
    failed = sum(not passed for passed in ran.values())
    print(f"{len(ran)} tests of {len(tests)} invariants, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
