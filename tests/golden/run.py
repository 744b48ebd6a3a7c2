#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""run.py [--write] [FOLDER...]: runs golden cases against ./bootstrap, ours when no folder is named.

A case is an event and the verdict expected of it: FOLDER/<case>/input.json with expected.json, or
FOLDER/<case>.json with <case>.expected.json. --write writes down what the binary says now, for you
to read. BOOTSTRAP names another binary. Ends with 0 all as expected, 1 something is not, 2 a case
that cannot be understood.
"""

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import cases  # noqa: E402


def run_all(found, scratch):
    wrong = 0
    for case in found:
        lines = cases.run(case, scratch)
        wrong += bool(lines)
        print(f"{'FAIL' if lines else 'ok  '} {case.name}")
        for line in lines:
            print(f"     {line}")
    print(f"{len(found)} cases, {wrong} not as expected")
    return 1 if wrong else 0


def write_all(found, scratch):
    for case in found:
        cases.write(case, scratch)
        print(f"wrote {case.expected}")
    return 0


def main(arguments):
    if "-h" in arguments or "--help" in arguments:
        print(__doc__.strip())
        return 0
    writes = "--write" in arguments
    folders = [argument for argument in arguments if argument != "--write"]
    unknown = [folder for folder in folders if folder.startswith("-")]
    if unknown:
        print(f"run.py: {unknown[0]} is no option; try --help", file=sys.stderr)
        return 2
    try:
        found = [case for folder in folders for case in cases.find(folder, must_exist=not writes)] \
            if folders else cases.ours(must_exist=not writes)
        with tempfile.TemporaryDirectory() as scratch:
            return (write_all if writes else run_all)(found, Path(scratch))
    except (cases.BadCase, FileNotFoundError) as problem:
        print(f"run.py: {problem}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
