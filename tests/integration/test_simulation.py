# SPDX-License-Identifier: Apache-2.0
"""The tables of docs/evidence.md on false rollbacks and on the time to a rollback (E3, E4) are those
of a run: here of its quick cells, with all their watches; `make simulate` runs and judges them all."""

import importlib.util
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SPEC = importlib.util.spec_from_file_location("simulate", ROOT / "tests" / "simulate" / "simulate.py")
simulate = importlib.util.module_from_spec(SPEC)
sys.modules["simulate"] = simulate
SPEC.loader.exec_module(simulate)


def test_e3_e4_the_documented_rates_are_those_of_a_run():
    assert simulate.check() == []


def test_e3_e4_every_documented_cell_is_within_its_limit():
    rows = [[cell.strip() for cell in line.strip("|\n").split("|")]
            for line in simulate.documented().splitlines() if re.match(r"\| [\da]", line)]
    quiet = [row for row in rows if row[1].endswith(" %")]
    broken = [row for row in rows if row not in quiet]
    assert (len(quiet), len(broken)) == (45, 9)
    for row in quiet:
        assert float(row[4].strip("% ")) <= float(row[5].strip("% ")), row
    for row in broken:
        assert float(row[3].strip("% ")) >= 99, row
