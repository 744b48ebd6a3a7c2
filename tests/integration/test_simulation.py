# SPDX-License-Identifier: Apache-2.0
"""The tables of docs/evidence.md on false rollbacks and on the time to a rollback (E3, E4, E6) are
those of a run: here of its quick cells, with all their watches; `make simulate` runs and judges them all."""

import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SPEC = importlib.util.spec_from_file_location("simulate", ROOT / "tests" / "simulate" / "simulate.py")
simulate = importlib.util.module_from_spec(SPEC)
sys.modules["simulate"] = simulate
SPEC.loader.exec_module(simulate)


@pytest.mark.long("simulates thousands of watches")
def test_e3_e4_e6_the_documented_rates_are_those_of_a_run():
    assert simulate.check() == []


def documented_rows():
    """Of the three tables: watches of an hour, looks of days, and outages."""
    tables = simulate.documented().split("\n\n")
    return [[[cell.strip() for cell in line.strip("|\n").split("|")]
             for line in table.splitlines()[2:]] for table in tables]


def number(cell):
    return float(cell.strip("% "))


def test_e3_e4_e6_every_documented_cell_is_within_its_limit():
    quiet, long, broken = documented_rows()
    assert (len(quiet), len(long), len(broken)) == (60, 16, 27)
    for row in quiet + long:
        assert number(row[-2]) <= number(row[-1]), row
    promised = [row for row in broken if row[-1] != "-"]
    assert len(promised) == 9
    for row in promised:
        assert row[1] == "0.1 %" and number(row[4]) >= number(row[-1]), row
