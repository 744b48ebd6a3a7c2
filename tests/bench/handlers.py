# SPDX-License-Identifier: Apache-2.0
"""The usual ways to write such a rule: Python and boto3, Go and AWS's SDK, on AWS's own runtime clients.

Same events, same Runtime API, same endpoints, in one run, over TLS with one and the same
certificate to trust, which spares the others the parsing of their own bundle.
"""

import os
import statistics
import subprocess
import sys

from measure import ROOT, Row, Skip, event_text, next_ms

FUNCTION = ROOT / "tests/bench/boto3_function"
PYTHON = ROOT / "build/python-bench"
GO = ROOT / "build/bench/go-bootstrap"
EVENTS = 101  # one first, then warm ones
NOTE = "instructions are counted for ours alone: valgrind cannot run Go; processor time stands in"


def percentile(values, share):
    ordered = sorted(values)
    return ordered[round((len(ordered) - 1) * share)]


def figures(runs):
    warm = [us / 1000 for run in runs for us in run["events_us"][1:]]
    cpu = [(run["end_cpu_us"] - run["first_cpu_us"]) / (EVENTS - 1) / 1000 for run in runs]
    start_to_first = [(run["next_us"] + run["events_us"][0]) / 1000 for run in runs]
    return {
        "exec to first GET /next": ("ms", next_ms(runs)["median"]),
        "first event, TLS": ("ms", statistics.median(r["events_us"][0] / 1000 for r in runs)),
        "exec to first response": ("ms", statistics.median(start_to_first)),
        "warm event, p50": ("ms", statistics.median(warm)),
        "warm event, p99": ("ms", percentile(warm, 0.99)),
        "processor time per warm event": ("ms", statistics.median(cpu)),
        "peak memory": ("MB", statistics.median(r["end_kb"] for r in runs) * 1024 / 1e6),
    }


def variants(bench, trust):
    """{name: (what to show, line for the sandbox)} of the baselines that could be built."""
    found = {}
    if os.access(PYTHON, os.X_OK):
        found["python"] = ("Python, boto3", bench.variant(
            "python", [PYTHON, "-m", "awslambdaric", "handler.handler"], events=EVENTS,
            LAMBDA_TASK_ROOT=FUNCTION, PYTHONPATH=FUNCTION, **trust))
    if os.access(GO, os.X_OK):
        found["go"] = ("Go, aws-sdk-go-v2",
                       bench.variant("go", [GO], events=EVENTS, **trust))
    return found


def zip_mb(bench, binary):
    path = bench.folder / "handler.zip"
    subprocess.run([sys.executable, ROOT / ".ci/archive.py", path, f"bootstrap={binary}"], check=True)
    return path.stat().st_size / 1e6


def rows(bench):
    with bench.endpoints("answer") as endpoints:
        trust = {"AWS_CA_BUNDLE": bench.ca, **endpoints}
        baselines = variants(bench, trust)
        runs = bench.run([bench.variant("ours", [bench.bootstrap], events=EVENTS, **trust),
                          bench.variant("off", [bench.bootstrap], events=EVENTS, WARM_UP="off",
                                        **trust),
                          *(line for _, line in baselines.values())],
                         bench.slow_rounds, event_text())
    off, ours = figures(runs["off"]), figures(runs["ours"])
    shown = {f"{what}, WARM_UP=off": off[what]
                     for what in ("exec to first GET /next", "exec to first response")} | ours
    found = []
    for name, (label, _) in baselines.items():
        theirs = figures(runs[name])
        found += [Row(what, unit, value, label, theirs[what.replace(", WARM_UP=off", "")][1])
                  for what, (unit, value) in shown.items()]
        if name == "go":
            found.append(Row("zip", "MB", zip_mb(bench, bench.bootstrap), label, zip_mb(bench, GO)))
    if "python" not in baselines:
        found.append(Skip("boto3 on awslambdaric", "its packages cannot be had: no package index?"))
    if "go" not in baselines:
        found.append(Skip("Go on aws-lambda-go",
                          "it cannot be built: no Go that is new enough, or no module proxy?"))
    return found
