# SPDX-License-Identifier: Apache-2.0
"""`bootstrap audit` of a fleet, beside a boto3 script that makes the same calls with ten threads."""

import json
import os
import subprocess
import time

from measure import ROOT, Note, Row, Skip, at_least_times_less, spread

from sim import fleet
from sim.fleet_aws import FleetAws
from sim.function import lambda_environment

COUNT = 1000
LATENCY_S = 0.020
ROUNDS = 5
FASTER_MIN = 8
PYTHON = ROOT / "build/python-bench"
SCRIPT = ROOT / "tests/bench/audit_boto3.py"


def run(command, allowed, **environment):
    """Seconds, the start of the process included, the JSON it prints, and the calls it made."""
    aws = FleetAws(fleet.synthetic(COUNT), checks_signatures=False)
    aws.latency = LATENCY_S
    started = time.monotonic()
    done = subprocess.run(list(map(str, command)), text=True, capture_output=True,
                          env=lambda_environment(AWS_ENDPOINT_URL=aws.url, **environment))
    seconds = time.monotonic() - started
    calls = sum(aws.counts.values())
    aws.stop()
    if done.returncode not in allowed:
        raise RuntimeError(f"{command[0]}: {done.stderr[:500]}")
    return seconds, json.loads(done.stdout), calls


def rows(bench):
    what = f"audit of {COUNT:,} LBs, {LATENCY_S * 1000:.0f} ms a call"
    if not os.access(PYTHON, os.X_OK):
        return [Skip(what, "its packages cannot be had: no package index?")]
    ours, theirs = [], []
    for _ in range(ROUNDS):  # interleaved, so that both see the same machine
        seconds, audit, calls = run([bench.bootstrap, "audit", "--format", "json"], (0, 3),
                                    ELB_REQUESTS_PER_SECOND="off")
        ours.append(seconds)
        seconds, script, their_calls = run([PYTHON, SCRIPT], (0,))
        theirs.append(seconds)
        found = {mode: n for mode, n in audit["summary"]["modes"].items() if n}
        if (audit["listed"], found, calls) != (script["listed"], script["modes"], their_calls):
            raise RuntimeError(f"not the same: {audit['summary']}, {calls} calls; {script}, "
                               f"{their_calls} calls")
    ours, theirs = spread(ours), spread(theirs)
    return [Row(what, "s", ours["median"], "boto3, 10 threads", theirs["median"],
                at_least_times_less(FASTER_MIN), {"ours": ours, "baseline": theirs}),
            Note(f"{calls} calls in both; the same listing and the same modes")]
