# SPDX-License-Identifier: Apache-2.0
"""The usual way to write such a rule: Python, boto3, AWS's own runtime client.

Same events, same Runtime API, same endpoints, over TLS with one and the same certificate to trust,
which spares Python the parsing of its own bundle.
"""

import os
import statistics

from measure import ROOT, Row, Skip, event_text, next_ms

FUNCTION = ROOT / "tests/bench/boto3_function"
PYTHON = ROOT / "build/python-bench"
EVENTS = 51  # one first, then warm ones


def figures(runs):
    return {
        "exec to first GET /next, WARM_UP=on": ("ms", next_ms(runs)["median"]),
        "first event, TLS": ("ms", statistics.median(
            r["events_us"][0] / 1000 for r in runs)),
        "warm event": ("ms", statistics.median(
            us / 1000 for r in runs for us in r["events_us"][1:])),
        "peak memory": ("MB", statistics.median(r["end_kb"] for r in runs) * 1024 / 1e6),
    }


def rows(bench):
    if not os.access(PYTHON, os.X_OK):
        return [Skip("boto3 on awslambdaric", "its packages cannot be had: no package index?")]
    with bench.endpoints("answer") as endpoints:
        trust = {"AWS_CA_BUNDLE": bench.ca, **endpoints}
        python = [PYTHON, "-m", "awslambdaric", "handler.handler"]
        runs = bench.run([
            bench.variant("ours", [bench.bootstrap], events=EVENTS, **trust),
            bench.variant("python", python, events=EVENTS,
                          LAMBDA_TASK_ROOT=FUNCTION, PYTHONPATH=FUNCTION, **trust),
        ], bench.slow_rounds // 2, event_text())
    ours, python = figures(runs["ours"]), figures(runs["python"])
    return [Row(what, unit, value, "Python, boto3", python[what][1])
            for what, (unit, value) in ours.items()]
