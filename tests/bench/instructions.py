# SPDX-License-Identifier: Apache-2.0
"""One warm change event whose item holds the mode: AWS calls and instructions.

Counted by callgrind over plain HTTP, as the difference of two runs, so that start and first use
cancel out. Whose they are is read from the symbol tables of what was linked.
"""

import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

from measure import ARCH, ROOT, Row, Skip, at_most_times, exactly, limited
from sim.aws import LocalAws
from sim.function import Function
from sim.runtime_api import RuntimeApi
from sim.samples import good_event

EVENTS = 25
# What no implementation can do without: signing the call, and parsing the event, the notification
# within it and AWS's answer.
NEEDED = ("sigv4_sign", "json_parse")
TIMES_MAX = 3
PARTS = [  # (part, object files or archives; the first that knows a name owns it)
    ("signer", ["src/aws/sigv4*.o"]),
    ("JSON", ["src/base/json*.o", "libcjson.a"]),
    ("our other code", ["src/**/*.o"]),
    ("libcurl", ["libcurl.a"]),
    ("OpenSSL", ["libcrypto.a", "libssl.a"]),
]


class Profile:
    """A callgrind file: instructions of each function itself, and with all it called."""

    NAME = re.compile(r"^(fn|cfn)=\((\d+)\)(?: (.*))?$")

    def __init__(self, path):
        self.own, self.inclusive = Counter(), Counter()
        names = {}
        function = callee = None
        is_call = False
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            name = self.NAME.match(line)
            if name:
                text = names.setdefault(name[2], name[3])
                function, callee = (text, None) if name[1] == "fn" else (function, text)
            elif line.startswith("calls="):
                is_call = True
            elif re.match(r"^[+\-*\d]", line) and function:
                cost = int(line.split()[1])
                self._add(callee if is_call else function, cost, is_call)
                is_call = False

    def _add(self, name, cost, is_call):
        (self.inclusive if is_call else self.own)[name.split("'")[0]] += cost


def owners():
    """{function: part}, from the objects and libraries that were linked."""
    found = {}
    ship, libraries = ROOT / "build/ship" / ARCH, ROOT / "build/deps" / ARCH / "lib"
    for part, patterns in PARTS:
        for pattern in patterns:
            folder = libraries if pattern.endswith(".a") else ship
            files = [str(path) for path in sorted(folder.glob(pattern))]
            listed = subprocess.run(["nm", "--defined-only", *files], text=True, check=True,
                                    stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            for name in re.findall(r"^[0-9a-f]+ [tTwW] (\S+)$", listed.stdout, flags=re.M):
                found.setdefault(name, part)
    return found


def profile(bench, aws, program, count):
    """A run of so many events, and the AWS calls it made."""
    path = bench.folder / f"callgrind.{program.parent.name}.{count}"
    command = [shutil.which("valgrind"), "--tool=callgrind", f"--callgrind-out-file={path}",
               str(program)]
    aws.reset()
    api = RuntimeApi()
    with Function(api, aws=aws, command=command, WARM_UP="off") as function:
        for _ in range(count):
            outcome = function.invoke(good_event())
            if outcome.kind != "response":
                raise RuntimeError(f"an event failed: {outcome.body.decode()}")
        function.wait_until_idle()
        function.process.terminate()
        function.exit_code()
    api.stop()
    return Profile(path), sum(aws.counts.values())


def difference(once, twice):
    """{function: instructions} for one event, from runs of EVENTS and twice as many."""
    return Counter({name: (twice[name] - once[name]) / EVENTS for name in twice | once})


def per_event(bench, aws, program):
    """Of each function itself, with what it calls, and the AWS calls, for one event."""
    (once, calls), (twice, twice_calls) = (
        profile(bench, aws, program, times * EVENTS) for times in (1, 2))
    return (difference(once.own, twice.own), difference(once.inclusive, twice.inclusive),
            (twice_calls - calls) / EVENTS)


def rows(bench):
    if not shutil.which("valgrind"):
        return [Skip("instructions per warm invocation", "no valgrind on this machine")]
    aws = LocalAws()
    try:
        own, inclusive, calls = per_event(bench, aws, bench.symbols)
        dynamic, _, _ = per_event(bench, aws, bench.dynamic)
    finally:
        aws.stop()
    total = sum(own.values())
    details = {"functions": dict(own.most_common(40)), "with_callees": dict(inclusive)}
    return [limited("AWS calls per event", "", calls, exactly(1), 1),
            Row("instructions per warm event", "", total, "signer and parser alone",
                sum(inclusive[name] for name in NEEDED), at_most_times(TIMES_MAX), details),
            Row("  the same", "", total, "dynamic glibc build", sum(dynamic.values())),
            *part_rows(own, inclusive, total)]


def part_rows(own, inclusive, total):
    parts, whose = Counter(), owners()
    for name, cost in own.items():
        parts[whose.get(name, "libc")] += cost
    shares = {f"{name} and all it calls": inclusive[name] for name in NEEDED}
    shares |= {f"in {part} itself": cost for part, cost in parts.most_common()}
    return [Row(f"  {what}", "", cost, "all of these", total, is_share=True)
            for what, cost in shares.items()]
