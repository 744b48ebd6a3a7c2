# SPDX-License-Identifier: Apache-2.0
"""Parameters of the tests that try every combination: `make check` runs all of them, `make test` a few
in which every value occurs. The others are marked `long`."""

import itertools

import pytest

LONG = pytest.mark.long("one of very many combinations")
ONE_IN = 5


def is_short(*numbers, one_in=ONE_IN):
    """Whether the combination with these places on its axes is among the few: one in so many."""
    return sum(numbers) % one_in == 0


def matrix(*axes):
    """Every combination of the axes' values, for pytest.mark.parametrize."""
    axes = [list(axis) for axis in axes]
    combinations = list(itertools.product(*(range(len(axis)) for axis in axes)))
    short = {places for places in combinations if is_short(*places)}
    assert [len(set(met)) for met in zip(*short)] == [len(axis) for axis in axes]
    return [pytest.param(*(axis[place] for axis, place in zip(axes, places)),
                         marks=() if places in short else LONG) for places in combinations]
