# SPDX-License-Identifier: Apache-2.0
"""Every fuzz target over its seeds and over every input that ever broke it, without libFuzzer."""

import pathlib
import re
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


def commands_for(program):
    """Those that make runs for it; no rule is carried out."""
    done = subprocess.run(["make", "-nB", "--no-print-directory", program], cwd=HERE.parents[1],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=True)
    return done.stdout.replace("\\\n", " ").splitlines()


def test_fuzzer_links_an_instrumented_isal_from_the_sources_of_the_shipped_one():
    commands = commands_for("build/fuzz/inflate")
    [link] = [each for each in commands if each.endswith("-o build/fuzz/inflate")]
    assert not re.search(r"-l(deflate|isal)\b|/lib(deflate|isal)\.a\b", link)
    compiled = [each for each in commands if re.search(r"-c \S+/igzip_inflate\.c ", each)]
    assert len(compiled) == 1
    assert re.search(r"-fsanitize=\S*fuzzer-no-link\S*address", compiled[0])
    assert re.search(r"-c build/deps/\w+/isal/", compiled[0])
