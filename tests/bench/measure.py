# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks share: rows and their targets, the programs, and one way to run functions.

A row sets a measured value beside a baseline of the same run. Its target, if any, is about both.
"""

import contextlib
import json
import os
import platform
import statistics
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from sim.function import lambda_environment
from sim.samples import good_event

ROOT = Path(__file__).resolve().parents[2]
ARCH = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
# A time slice of the scheduler is 3 ms; a process that was just woken waits for some microseconds.
DISTURBED_US = 500
FAST_ROUNDS = int(os.environ.get("BENCH_ROUNDS", "200"))


@dataclass
class Row:
    """One line of the table; `target` is one of the functions below applied to its limit."""

    what: str
    unit: str
    value: float
    against: str
    baseline: float
    target: object = None
    details: dict = field(default_factory=dict)
    is_share: bool = False  # of the baseline, shown in per cent

    @property
    def is_met(self):
        return self.target is None or self.target.is_met(self.value, self.baseline)


@dataclass
class Skip:
    """What could not be measured here, and why."""

    what: str
    reason: str


@dataclass
class Note:
    """A line below the rows that says what they leave out."""

    text: str


@dataclass
class Target:
    text: str
    is_met: object  # (value, baseline) -> bool


def at_most_times(limit):
    return Target(f"<= {limit:g}x", lambda value, baseline: value <= limit * baseline)


def at_least_times_less(limit):
    return Target(f">= {limit:g}x less", lambda value, baseline: limit * value <= baseline)


def at_most_more(limit, unit):
    return Target(f"<= +{limit:g} {unit}", lambda value, baseline: value - baseline <= limit)


def at_most(limit, unit=""):
    return Target(f"<= {limit:g} {unit}".rstrip(), lambda value, _: value <= limit)


def exactly(limit):
    return Target(f"= {limit:g}", lambda value, _: value == limit)


def limited(what, unit, value, target, limit, **details):
    """A row whose baseline is the limit itself."""
    return Row(what, unit, value, "the limit", limit, target, details)


def spread(samples):
    """Median, 10th and 90th percentile, the largest and the count."""
    ordered = sorted(samples)
    last = len(ordered) - 1
    return {"median": statistics.median(ordered), "p10": ordered[round(last * 0.1)],
            "p90": ordered[round(last * 0.9)], "max": ordered[-1], "runs": len(ordered)}


class Bench:
    """The programs built for this, and the files they need."""

    def __init__(self, folder):
        self.folder = folder
        self.bootstrap = ROOT / "bootstrap"
        self.symbols = ROOT / "build/ship" / ARCH / "bootstrap.symbols"
        self.dynamic = ROOT / "build/dynamic/bootstrap"
        self.test_roots = folder / "bootstrap-test-ca"
        self.floor = folder / "floor"
        self.ca = folder / "test-ca.pem"
        self.fast_rounds = FAST_ROUNDS
        self.slow_rounds = max(5, FAST_ROUNDS // 10)

    def variant(self, name, command, events=0, **environment):
        """One line for sandbox.c. No LD_LIBRARY_PATH: its folders do not exist here, and looking
        for them would burden the dynamic build alone."""
        variables = lambda_environment(LD_LIBRARY_PATH=None, **environment)
        fields = [name, str(events), *(f"{n}={v}" for n, v in variables.items()),
                  *map(str, command)]
        return "\t".join(fields)

    def run(self, variants, rounds, event=None):
        """{name: [run, ...]} of all variants, run in turn; see sandbox.c for what a run holds."""
        arguments = [self.folder / "sandbox", str(rounds)]
        if event is not None:
            path = self.folder / "event.json"
            path.write_text(event, encoding="utf-8")
            arguments.append(path)
        done = subprocess.run(arguments, input="\n".join(variants) + "\n", text=True, check=True,
                              stdout=subprocess.PIPE)
        runs = {}
        for line in done.stdout.splitlines():
            run = json.loads(line)
            runs.setdefault(run["name"], []).append(run)
        return runs

    @contextlib.contextmanager
    def endpoints(self, kind):
        """The environment that points at stand-ins for the two services of the function."""
        process = subprocess.Popen(
            [self.folder / "endpoint", kind, "2", self.folder / "server.pem"], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            ports = [int(process.stdout.readline()) for _ in range(2)]
            yield endpoint_variables(ports)
        finally:
            process.stdin.close()
            process.stdout.close()
            process.wait()


def endpoint_variables(ports):
    names = ("AWS_ENDPOINT_URL_CONFIG_SERVICE", "AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING_V2")
    return {name: f"https://localhost:{port}" for name, port in zip(names, ports)}


def timed_spread(runs, milliseconds, until="next"):
    """The spread of all runs, and under "calm" that of those in which nobody else took the
    processor away (None when there were none). Only the former is judged: leaving runs out
    favours the quick ones."""
    calm = [run for run in runs if run[f"{until}_wait_us"] < DISTURBED_US]
    return {**spread(map(milliseconds, runs)),
            "calm": spread(map(milliseconds, calm)) if calm else None}


def next_ms(runs):
    return timed_spread(runs, lambda run: run["next_us"] / 1000)


def calm_notes(times):
    """How much of the figures above is other load on this machine."""
    yield Note(f"only runs that waited < {DISTURBED_US / 1000:g} ms for a processor (not judged):")
    for name, each in times.items():
        calm = each["calm"]
        median = f"{calm['median']:.2f} ms" if calm else "-"
        yield Note(f"  {name:<12} {median:>9}  ({calm['runs'] if calm else 0} of {each['runs']} "
                   f"runs; all: {each['median']:.2f} ms)")


def event_text():
    """A change event with the mode in its item: one call to AWS."""
    return json.dumps(good_event())


def machine():
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {"cpu": models[0] if models else platform.processor() or platform.machine(),
            "cores": os.cpu_count(), "kernel": platform.release(), "arch": platform.machine(),
            "load_1min": os.getloadavg()[0]}
