# SPDX-License-Identifier: Apache-2.0
"""src/policy/statistics.c against SciPy over a grid, through the tool built from statistics_tool.c."""

import math
import os
import pathlib
import subprocess

import pytest

stats = pytest.importorskip("scipy.stats")
special = pytest.importorskip("scipy.special")

ROOT = pathlib.Path(__file__).resolve().parents[2]
TRIALS = [1, 2, 3, 10, 37, 100, 999, 1000, 3000, 12_345, 10**6, 10**7, 10**9, 10**12]
CONFIDENCES = [0.5, 0.9, 0.95, 0.995, 0.999999, 1 - 1e-9]
SHARES = [1e-12, 1e-9, 1e-6, 1e-4, 0.001, 0.01, 0.05, 0.3, 0.5, 0.9, 0.999]


def computed(name, cases):
    folder = os.environ.get("DESYNC_GUARD_TOOLS") or ROOT / "build" / "test" / "tools"
    lines = [" ".join([name, *map(repr, (*case, 0, 0, 0)[:4])]) for case in cases]
    done = subprocess.run([pathlib.Path(folder) / "statistics_tool"], input="\n".join(lines), text=True,
                          stdout=subprocess.PIPE, check=True, timeout=120)
    return [float(line) for line in done.stdout.split()]


def compare(name, cases, expected):
    found = computed(name, cases)
    assert len(found) == len(cases) > 100
    wrong = [(case, ours, theirs) for case, ours, theirs in zip(cases, found, expected)
             if not math.isclose(ours, theirs, rel_tol=1e-6, abs_tol=1e-290)]
    assert wrong == []


def events_of(trials):
    """Few, many and all but few of `trials`."""
    counts = {0, 1, 2, 5, 20, trials // 1000, trials // 30, trials // 2, trials - 3, trials - 1, trials}
    return sorted(count for count in counts if 0 <= count <= trials and min(count, trials - count) <= 10**8)


def test_d6_bounds_equal_those_of_scipy():
    cases = [(events, trials, confidence) for trials in TRIALS for events in events_of(trials)
             for confidence in CONFIDENCES]
    compare("upper", cases, [1 if k == n else special.betaincinv(k + 1, n - k, c) for k, n, c in cases])
    compare("lower", cases, [0 if k == 0 else special.betaincinv(k, n - k + 1, 1 - c) for k, n, c in cases])


def test_d6_tails_equal_those_of_scipy():
    cases = []
    for trials in TRIALS:
        for share in SHARES:
            mean, spread = trials * share, math.sqrt(trials * share * (1 - share)) + 1
            counts = {int(mean + z * spread) for z in (-6, -1, 0, 1, 3, 6, 12)} | {0, 1, 3, 10}
            cases += [(count, trials, share) for count in sorted(counts) if 0 <= count <= trials]
    compare("tail", cases, [1 if k == 0 else special.betainc(k, n - k + 1, p) for k, n, p in cases])


def test_d6_test_of_a_rate_ratio_equals_that_of_scipy():
    cases = [(before, exposure, after, 60) for before in (0, 1, 7, 300, 10**5)
             for exposure in (30, 60, 420, 10080) for after in (1, 2, 10, 300, 3000, 10**5)]
    expected = [stats.binomtest(after, before + after, 1.05 * b / (1.05 * b + exposure), "greater").pvalue
                for before, exposure, after, b in cases]
    compare("ratio", cases, expected)


def test_d6_bound_without_any_event_is_the_rule_of_three():
    (bound,) = computed("upper", [(0, 3000, 0.95)])
    assert 0.00099 < bound < 0.001
