# SPDX-License-Identifier: Apache-2.0
"""`desync-guard logs` when a file changes or a disk fails in the midst of reading: what was read is
counted, the others are, and the error names file and byte."""

import gzip
import json
import os
import subprocess

import pytest

from log_fixture import log_line
from sim.function import bootstrap_command, lambda_environment

FINE, ERROR = 0, 1
LINE = log_line().encode() + b"\n"
COUNT = 2000
LARGE = 40  # members: enough for a reader to be met in its midst
PIECE = 256 * 1024  # of plain text, as it is read


def holds_open(pid, path):
    folder = f"/proc/{pid}/fd"
    try:
        return any(os.readlink(f"{folder}/{each}") == str(path) for each in os.listdir(folder))
    except OSError:
        return False  # closed or ended between the two looks


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize("keep", [0, 1000])
def test_a_file_cut_in_the_midst_of_reading_costs_no_other(tmp_path, pack, keep):
    good, bad = tmp_path / "good.log", tmp_path / "bad.log"
    good.write_bytes(LINE * 10)
    bad.write_bytes(pack(LINE * COUNT) * LARGE)
    with subprocess.Popen([*bootstrap_command(), "logs", "--format", "json", bad, good],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          env=lambda_environment()) as process:
        while process.poll() is None and not holds_open(process.pid, bad):
            pass
        os.truncate(bad, keep)
        out, err = process.communicate(timeout=60)
    assert process.returncode in (FINE, ERROR)  # it may have been quicker
    found = json.loads(out)
    assert found["lines"] == found["requests"] + found["unparsed"] >= 10
    if process.returncode == ERROR:
        assert f"{bad}: " in err.decode() and " byte" in err.decode()
    elif pack is gzip.compress and keep > 0:
        assert found["requests"] == COUNT * LARGE + 10


def faulty(path, fault, trace):
    return ["strace", "-f", "-qq", "-o", str(trace), "-P", str(path), "-e", "trace=read", "-e",
            f"inject=read:{fault}:when=2", *bootstrap_command(), "logs", "--format", "json"]


@pytest.mark.parametrize("fault, words", [
    ("error=EACCES", f"Permission denied, at byte {PIECE}"),
    ("retval=0", f"cut to {PIECE} of {{}} bytes while it was read"),
])
def test_lines_before_a_fault_are_counted_and_the_byte_is_named(tmp_path, fault, words):
    path, trace = tmp_path / "a.log", tmp_path / "trace"
    path.write_bytes(LINE * COUNT)
    try:
        done = subprocess.run([*faulty(path, fault, trace), path], capture_output=True, timeout=60,
                              env=lambda_environment())
    except FileNotFoundError:
        pytest.skip("no strace on this machine")
    if "(INJECTED)" not in trace.read_text(errors="replace"):
        pytest.skip(f"strace may not trace here: {done.stderr[-200:]}")
    found = json.loads(done.stdout)
    assert done.returncode == ERROR
    assert found["errors"] == [{"path": str(path), "message": words.format(len(LINE) * COUNT)}]
    assert found["lines"] == -(-PIECE // len(LINE)) == found["requests"] + found["unparsed"]
