# SPDX-License-Identifier: Apache-2.0
"""Every test that the documents name exists, and is one that runs."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = ("threat-model.md", "reliability.md", "control.md")
NAMED = re.compile(r"`(tests/[\w/]+\.(?:py|c))::(\w+)`")


def named_in(document):
    return NAMED.findall((ROOT / "docs" / document).read_text(encoding="utf-8"))


def runs(path, name):
    """A function that pytest collects, or that cmocka's list holds (by whatever macro)."""
    text = (ROOT / path).read_text(encoding="utf-8") if (ROOT / path).is_file() else ""
    if path.endswith(".py"):
        return name.startswith("test_") and re.search(rf"^def {name}\(", text, re.M) is not None
    defined = re.search(rf"^static void {name}\(void \*\*", text, re.M)
    return defined is not None and re.search(rf"\(\s*{name}\s*[,)]", text) is not None


@pytest.mark.parametrize("document", DOCUMENTS)
def test_tests_that_are_named_exist_and_run(document):
    named = named_in(document)
    assert len(named) > 40
    assert [f"{path}::{name}" for path, name in named if not runs(path, name)] == []


def test_every_spelling_of_a_named_test_is_recognized():
    for document in DOCUMENTS:
        text = (ROOT / "docs" / document).read_text(encoding="utf-8")
        assert text.count("::") == len(named_in(document))


@pytest.mark.parametrize("path, name", [
    ("tests/unit/test_json.c", "no_such_test"), ("tests/unit/test_nothing.c", "any"),
    ("tests/lint/test_named_tests.py", "runs"), ("tests/lint/test_named_tests.py", "test_none")])
def test_a_name_without_a_test_is_noticed(path, name):
    assert not runs(path, name)


def test_every_threat_has_a_test():
    """Each attempt of the list names at least one below it."""
    text = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")
    section = text.partition("## Attackers and their attempts")[2].partition("## What is not stopped")[0]
    attempts = re.findall(r"^- \*\*.*\n(?:  .*\n)*", section, re.M)
    assert len(attempts) == len(re.findall(r"^- ", section, re.M)) > 60
    assert [attempt for attempt in attempts if not NAMED.search(attempt)] == []


def test_every_invariant_of_acting_has_a_test_that_its_page_names():
    from sim.control import DOCUMENT, named_tests, render
    tests = named_tests()
    assert [name for name, found in tests.items() if not found] == []
    passed = {each: True for found in tests.values() for each in found}
    assert DOCUMENT.read_text(encoding="utf-8") == render(tests, passed), "see `make invariants`"
