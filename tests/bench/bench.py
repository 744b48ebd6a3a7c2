#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""bench.py [MODULE...]: measures against baselines of the same run; `make bench` builds what it
needs. Prints one table and writes build/bench.json. BENCH_ROUNDS (200) sets how often each of the
quick starts is run. A missed target is shown, and is no failure: machines differ.

A benchmark is a module beside this one with one function, `rows(bench) -> [Row, Skip or Note]`.
"""

import importlib
import json
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from measure import ROOT, Bench, Note, Row, Skip, machine  # noqa: E402

MODULES = ["start", "footprint", "instructions", "tls", "handlers", "sweep", "audit", "logs", "soak",
           "size"]
LINE = "{:<44} {:>9}  {:<24} {:>9} {:>10}  {:<12}"


def number(value, unit):
    if unit == "":
        return f"{value:,.0f}"
    return f"{value:.2f} {unit}" if value < 100 else f"{value:.1f} {unit}"


def ratio(row):
    if row.is_share:
        return f"{100 * row.value / row.baseline:.0f} %"
    if row.value > 0 and row.baseline >= 2 * row.value:
        return f"{row.baseline / row.value:.1f}x less"
    return f"{row.value / row.baseline:.2f}x"


def verdict(row):
    if row.target is None:
        return "-"
    return f"{row.target.text} {'ok' if row.is_met else 'MISSED'}"


def show(row):
    if isinstance(row, Note):
        print(f"   {row.text}", flush=True)
        return
    if isinstance(row, Skip):
        print(f"{row.what:<44} skipped: {row.reason}", flush=True)
        return
    print(LINE.format(row.what, number(row.value, row.unit), row.against,
                      number(row.baseline, row.unit), ratio(row), verdict(row)).rstrip(),
          flush=True)


def to_json(row):
    if isinstance(row, Note):
        return {"note": row.text}
    if isinstance(row, Skip):
        return {"what": row.what, "skipped": row.reason}
    return {"what": row.what.strip(), "unit": row.unit, "value": row.value,
            "against": row.against, "baseline": row.baseline,
            "target": row.target.text if row.target else None,
            "met": row.is_met if row.target else None, "details": row.details}


def commit():
    done = subprocess.run(["git", "-C", str(ROOT), "describe", "--always", "--dirty"],
                          capture_output=True, text=True)
    return done.stdout.strip() or None


def measure(names, bench):
    """Prints as it goes; {module: rows}."""
    found = {}
    for name in names:
        module = importlib.import_module(name)
        found[name] = module.rows(bench)
        print(f"-- {name}: {module.__doc__.splitlines()[0]}")
        for row in found[name]:
            show(row)
        if hasattr(module, "NOTE"):
            print(f"   note: {module.NOTE}")
    return found


def main(names):
    started = time.monotonic()
    bench = Bench(ROOT / "build/bench")
    about = machine()
    print(f"{about['cpu']}, {about['cores']} cores, {about['arch']}, Linux {about['kernel']}, "
          f"load {about['load_1min']:.1f}; {bench.fast_rounds} interleaved rounds, medians")
    print(LINE.format("measured", "ours", "against", "", "ratio", "target"))
    found = measure(names, bench)
    rows = [row for each in found.values() for row in each]
    report = {"machine": about, "commit": commit(), "rounds": bench.fast_rounds,
              "seconds": round(time.monotonic() - started),
              "rows": [{"bench": name, **to_json(row)} for name in found for row in found[name]]}
    (ROOT / "build/bench.json").write_text(json.dumps(report, indent=1), encoding="utf-8")
    with_target = [row for row in rows if isinstance(row, Row) and row.target]
    missed = [row for row in with_target if not row.is_met]
    print(f"{len(with_target) - len(missed)} of {len(with_target)} targets met, "
          f"{len(missed)} missed, {sum(isinstance(row, Skip) for row in rows)} skipped, "
          f"{report['seconds']} s; details in build/bench.json")
    for row in missed:
        print(f"MISSED: {row.what.strip()}: {number(row.value, row.unit)} against "
              f"{number(row.baseline, row.unit)}, target {row.target.text}")


if __name__ == "__main__":
    main(sys.argv[1:] or MODULES)
