# SPDX-License-Identifier: Apache-2.0
"""System calls up to the first GET .../next, and memory."""

import shutil
import statistics
from collections import Counter

from measure import Row, Skip, at_most, event_text, limited
from sim.process import calls_up_to_next, strace

SYSCALLS_MAX = 60
START_MB_MAX = 3
TLS_MB_MAX = 8
ROUNDS = 5


def traced(bench, name, program):
    path = bench.folder / f"strace.{name}"
    bench.run([bench.variant(name, [*strace(path), program], WARM_UP="off")], 1)
    return calls_up_to_next(path)


def syscall_rows(bench):
    if not shutil.which("strace"):
        return [Skip("system calls up to the first GET /next", "no strace on this machine")]
    ours, dynamic = traced(bench, "static", bench.bootstrap), traced(bench, "dyn", bench.dynamic)
    return [limited("system calls up to the first GET /next", "", len(ours),
                    at_most(SYSCALLS_MAX), SYSCALLS_MAX, calls=dict(Counter(ours))),
            Row("  the same", "", len(ours), "dynamic glibc build", len(dynamic))]


def memory_mb(runs, key):
    return statistics.median(run[key] for run in runs) * 1024 / 1e6


def memory_rows(bench):
    with bench.endpoints("answer") as endpoints:
        runs = bench.run([
            bench.variant("start", [bench.bootstrap], WARM_UP="off"),
            bench.variant("dynamic", [bench.dynamic], WARM_UP="off"),
            bench.variant("tls", [bench.test_roots], events=1, WARM_UP="off", **endpoints),
        ], ROUNDS, event_text())
    start, tls = memory_mb(runs["start"], "next_kb"), memory_mb(runs["tls"], "end_kb")
    return [limited("peak memory at the first GET /next", "MB", start,
                    at_most(START_MB_MAX, "MB"), START_MB_MAX),
            Row("  the same", "MB", start, "dynamic glibc build",
                memory_mb(runs["dynamic"], "next_kb")),
            limited("  after one AWS call over TLS", "MB", tls, at_most(TLS_MB_MAX, "MB"),
                    TLS_MB_MAX)]


def rows(bench):
    return [*syscall_rows(bench), *memory_rows(bench)]
