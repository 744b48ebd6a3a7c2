#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""run.py FOLDER TEST.py...: the Python tests with FOLDER/bootstrap, which has sanitizers in it. What
they have to say of any process, also of one that a test kills or whose output nobody reads, is in
FOLDER/reports: a word there is a failure. So is silence about the mistakes of FOLDER/planted.
"""
import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
SHOWN_MAX = 20  # one mistake may be found by hundreds of processes
PLANTED = {"leak": "detected memory leaks", "leak-of-a-killed": "detected memory leaks",
           "overflow": "heap-buffer-overflow", "shift": "shift exponent 40", "nothing": ""}


def take_reports(folder):
    """{name: text}; the folder is empty afterwards."""
    taken = {path.name: path.read_text(errors="replace") for path in sorted(folder.iterdir())}
    shutil.rmtree(folder)
    folder.mkdir()
    return taken


def overlooked(folder, environment):
    """The planted mistakes of which the reports do not say what they should."""
    missed = []
    for mistake, words in PLANTED.items():
        subprocess.run([folder / "planted", mistake], env=environment, timeout=60)
        text = "".join(take_reports(folder / "reports").values())
        if words not in text or bool(words) != bool(text):
            missed.append(mistake)
    return missed


def main(arguments):
    folder, files = pathlib.Path(arguments[0]).resolve(), arguments[1:]
    reports = folder / "reports"
    reports.mkdir(exist_ok=True)
    take_reports(reports)
    # Options from outside could send the reports elsewhere.
    environment = {name: value for name, value in os.environ.items()
                   if name not in ("ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS")}
    environment.update(BOOTSTRAP=str(folder / "bootstrap"), BOOTSTRAP_LEAK_CHECK="1")
    missed = overlooked(folder, environment)
    status = subprocess.run([sys.executable, ROOT / "tests" / "run", *files], cwd=ROOT,
                            env=environment).returncode
    found = take_reports(reports)
    for name, text in list(found.items())[:SHOWN_MAX]:
        print(f"FAIL {name}\n    " + text.strip().replace("\n", "\n    "))
    print(f"sanitizers: {len(found)} processes with an error or a leak; planted mistakes "
          f"overlooked: {', '.join(missed) or 'none'}")
    return 1 if found or missed or status != 0 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
