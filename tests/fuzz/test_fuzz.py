# SPDX-License-Identifier: Apache-2.0
"""Every fuzz target over its seeds and over every input that ever broke it, without libFuzzer."""

import pathlib
import subprocess

import pytest

from fuzz import seeds

HERE = pathlib.Path(__file__).resolve().parent
PROGRAMS = HERE.parents[1] / "build" / "test" / "fuzz"
TARGETS = sorted(path.stem.removeprefix("fuzz_") for path in HERE.glob("fuzz_*.c"))


@pytest.fixture(scope="session")
def seed_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("seeds")
    seeds.make(folder)
    return folder


@pytest.mark.parametrize("target", TARGETS)
def test_target_holds_over_seeds_and_former_finds(target, seed_folder):
    crashes = sorted((HERE / "crashes" / target).glob("*"))
    inputs = sorted((seed_folder / target).iterdir()) + crashes
    assert len(inputs) > len(crashes)
    done = subprocess.run([PROGRAMS / target, *inputs], stdin=subprocess.DEVNULL, timeout=300,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    output = done.stdout.decode(errors="replace")
    assert done.returncode == 0, output[-4000:]
    assert output.count("\n") == len(inputs), output[-4000:]


def test_each_find_is_of_a_target():
    found = {path.name for path in (HERE / "crashes").iterdir()}
    assert found <= set(TARGETS)


def test_each_target_has_seeds_and_each_seed_a_target():
    assert sorted(seeds.TARGETS) == TARGETS
