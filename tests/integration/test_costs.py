# SPDX-License-Identifier: Apache-2.0
"""docs/costs.md: every cell of its tables is what the formula of its name gives, and what the
formulas assume of the template and of the sources is so.
"""

import re

import pytest

from sim import stack
from sim.stack import ON, ROOT, Stack

PAGE = (ROOT / "docs/costs.md").read_text()
SIZES = (10, 100, 1000)
LINE = re.compile(r"^\| ([^|*`]+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|$", re.M)
TOGETHER = re.compile(r"^\| \*\*together\*\* " + 3 * r"\| \*\*([\d.]+)\*\* " + r"\|$", re.M)
NUMBERS = {name: float(value) for name, value in
           re.findall(r"^\| `(\w+)` \| ([\d.]+) \| .* \|$", PAGE, re.M)
           + re.findall(r"^- `(\w+)` = ([\d.]+): ", PAGE, re.M)}


def formulas_of(text):
    """One list of (name, formula) for each block: the lines below a name are its formula."""
    return [[(name, " ".join(formula.split()))
             for name, formula in re.findall(r"^(\S.*)\n((?:    .*\n)+)", block, re.M)]
            for block in re.findall(r"^```\n(.*?)^```", text, re.M | re.S)]


FORMULAS = [dict(block) for block in formulas_of(PAGE)]
TABLES = [LINE.findall(part) for part in re.split(r"^\| part \|", PAGE, flags=re.M)[1:]]


def cost(formula, n):
    """US dollars. The formulas know numbers, names of the page's tables, and + * / ( )."""
    assert re.fullmatch(r"[\w\s.+*/()]+", formula)
    objects = n * NUMBERS["nodes"] * 12 * 24 * 30
    return eval(formula, {"__builtins__": {}}, {**NUMBERS, "n": n, "objects": objects})


def test_every_line_has_a_formula_and_every_formula_a_line():
    assert [[name for name, *_ in table] for table in TABLES] == [
        [name for name, _ in block] for block in formulas_of(PAGE)]
    assert len(TABLES) == 2 and all(len(table) >= 7 for table in TABLES)


@pytest.mark.parametrize("name, formula, cells", [
    (name, formulas[name], cells) for table, formulas in zip(TABLES, FORMULAS)
    for name, *cells in table])
def test_every_cell_is_what_its_formula_gives(name, formula, cells):
    assert cells == [f"{cost(formula, n):.2f}" for n in SIZES]


def test_sums_are_those_of_their_tables():
    parts = re.split(TOGETHER, PAGE)
    assert len(parts) == 3 + 2 * 3
    for formulas, sums in zip(FORMULAS, (parts[1:4], parts[5:8])):
        assert sums == [f"{sum(cost(f, n) for f in formulas.values()):.2f}" for n in SIZES]


def test_every_price_and_assumption_is_used():
    formulas = " ".join(formula for block in FORMULAS for formula in block.values()) + " nodes"
    assert set(NUMBERS) == set(re.findall(r"\b[a-z]\w+", formulas)) - {"objects"}


def test_assumptions_are_those_of_the_template():
    parameters = stack.load()["Parameters"]
    resources = Stack(stack.transform(), **ON)
    assert NUMBERS["memory_gb"] * 1024 == parameters["MemorySize"]["Default"]
    assert NUMBERS["calls_per_second"] == float(parameters["ElbRequestsPerSecond"]["Default"])
    assert NUMBERS["sweeps"] == 30 * 24 / float(parameters["ConfigRuleHours"]["Default"])
    assert NUMBERS["alarms"] == len(resources.of_type("AWS::CloudWatch::Alarm"))
    assert len(resources.of_type("AWS::CloudWatch::Dashboard")) == 1


def test_assumed_metrics_are_those_that_are_written():
    of_a_unit = r'\{"([A-Z]\w+)", "(?:Count|Percent|Seconds|None)",'
    own, traffic = set(), set()
    for path in ROOT.glob("src/*/*.c"):
        text = path.read_text()
        if path.name == "metrics.c":
            own |= set(re.findall(of_a_unit, text) + re.findall(r'\{ACTION_\w+, "([A-Z]\w+)"\}', text))
        else:
            traffic |= set(re.findall(of_a_unit, text))
    filters = Stack(stack.transform(), **ON).of_type("AWS::Logs::MetricFilter")
    assert NUMBERS["own_metrics"] == len(own) + len(filters)
    assert NUMBERS["traffic_metrics"] == len(traffic)
