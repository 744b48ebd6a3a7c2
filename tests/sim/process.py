# SPDX-License-Identifier: Apache-2.0
"""What Linux reports of a running process: its memory, its environment, its system calls."""

import os
import re
import shutil
import subprocess

CALL = re.compile(r"^\d+ +(\w+)\(")
REGION_BYTES_MAX = 256 * 1024 * 1024  # a larger one is an emulator's, reserved and empty


def resident_kilobytes(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return int(re.search(r"VmRSS:\s+(\d+) kB", status.read())[1])


def open_files(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def _writable_regions(pid):
    with open(f"/proc/{pid}/maps", encoding="ascii") as maps:
        for line in maps:
            span, rights = line.split()[:2]
            start, end = (int(each, 16) for each in span.split("-"))
            if rights.startswith("rw") and end - start <= REGION_BYTES_MAX:
                yield start, end - start


def values_of_variable(pid, name):
    """All values that an environment variable has anywhere in the memory of the process: a variable
    that was set after the start is in none of the files of /proc. PermissionError where another
    process may not be looked at."""
    found = set()
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for start, size in _writable_regions(pid):
            try:
                memory.seek(start)
                content = memory.read(size)
            except OSError:
                continue  # given back meanwhile, or a device
            found.update(re.findall(name.encode() + rb"=([^\0]+)\0", content))
    return {value.decode() for value in found}


def strace(path):
    """The command to put before another one, so that `path` gets its system calls."""
    return [shutil.which("strace") or "strace", "-f", "-qq", "-s", "64", "-o", str(path)]


def why_no_strace(folder):
    """Why system calls cannot be watched here; None where they can."""
    try:
        done = subprocess.run([*strace(folder / "probe"), "true"], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
    except FileNotFoundError:
        return "no strace on this machine"
    return f"strace may not trace here: {done.stdout[-200:]}" if done.returncode else None


def calls_up_to_next(path):
    """The names of all system calls from execve to the one that asks for the first event."""
    names = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        call = CALL.match(line)
        if call:
            names.append(call[1])
        if "GET /2018-06-01/runtime/invocation/next" in line:
            return names
    raise ValueError(f"no GET .../next in {path}")
