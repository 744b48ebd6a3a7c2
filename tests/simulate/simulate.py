# SPDX-License-Identifier: Apache-2.0
"""How often the watch is wrong, and how fast it is right: simulated with the product's own decision
(watch_simulator.c), and written into docs/evidence.md.

    python3 tests/simulate/simulate.py          runs every cell, writes the tables, exits 1 when one fails
    python3 tests/simulate/simulate.py --check  runs the quick cells and compares them with the tables
"""

import os
import re
import statistics
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from scipy.special import betaincinv

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / "build" / "simulate" / "watch_simulator"
DOCUMENT = ROOT / "docs" / "evidence.md"
BEGIN, END = "<!-- made by `make simulate` -->\n", "<!-- end -->\n"
RUNS, SEED = 2000, 20261201
NOISES = {"poisson": "Poisson", "bursts": "bursts", "swing": "day and night"}
LIMITS = {"poisson": 0.01, "bursts": 0.03, "swing": 0.03}


@dataclass(frozen=True)
class Cell:
    requests: float  # a minute
    errors: float    # share of the requests, of each kind
    noise: str
    blocked: float = 0
    within: float = 0  # minutes, for blocked ones; 0: before the watch ends

    def run(self):
        done = subprocess.run(
            [TOOL, *map(str, (RUNS, SEED, self.requests, self.errors, self.noise, self.blocked))],
            check=True, text=True, stdout=subprocess.PIPE).stdout.splitlines()
        return [float(minutes) for minutes in done[:-1]]


QUIET = [Cell(requests, errors, noise) for noise in NOISES for errors in (0.001, 0.01, 0.05)
         for requests in (1, 10, 100, 1000, 10_000)]
BROKEN = {
    "1 % of 1,000 requests a minute": [Cell(1000, 0.001, noise, 0.01, 15) for noise in NOISES],
    "all of 90 requests an hour": [Cell(1.5, 0.001, noise, 1, 60) for noise in NOISES],
    "0.3 % of 1,000 requests a minute": [Cell(1000, 0.001, noise, 0.003) for noise in NOISES],
}
QUICK = [*QUIET[3::15], *(cells[0] for cells in BROKEN.values())]


def lower_bound(events):
    """Clopper and Pearson's, one-sided, 95 %."""
    return betaincinv(events, RUNS - events + 1, 0.05) if events else 0


def fails(cell, minutes):
    if cell.blocked:
        return sum(each <= (cell.within or 1e9) for each in minutes) < 0.99 * RUNS
    return lower_bound(len(minutes)) > LIMITS[cell.noise]


def row_of(cell, minutes):
    if cell.blocked:
        name = next(name for name, cells in BROKEN.items() if cell in cells)
        in_time = sum(each <= (cell.within or 1e9) for each in minutes)
        middle = f"{statistics.median(minutes):.0f}" if minutes else "-"
        late = f"{sorted(minutes)[int(0.99 * len(minutes))]:.0f}" if minutes else "-"
        limit = f"{cell.within} minutes" if cell.within else "the watch"
        return [name, NOISES[cell.noise], limit, f"{100 * in_time / RUNS:.2f} %", middle, late]
    share = f"{100 * len(minutes) / RUNS:.2f} %"
    return [f"{cell.requests:,}", f"{100 * cell.errors:g} %", NOISES[cell.noise],
            f"{len(minutes)} ({share})", f"{100 * lower_bound(len(minutes)):.2f} %",
            f"{100 * LIMITS[cell.noise]:g} %"]


def line(cells):
    return "| " + " | ".join(cells) + " |\n"


def table(header, rows):
    return line(header) + line(["---"] * len(header)) + "".join(map(line, rows))


def text_of(results):
    quiet = [row_of(cell, results[cell]) for cell in QUIET]
    broken = [row_of(cell, results[cell]) for cells in BROKEN.values() for cell in cells]
    return (table(["requests a minute", "errors of each kind", "noise",
                   f"rolled back of {RUNS:,}", "at least (95 %)", "limit"], quiet)
            + "\n" + table(["blocked by strictest", "noise", "to be rolled back within", "in time",
                            "minutes, median", "99 %"], broken))


def simulate(cells):
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(zip(cells, pool.map(Cell.run, cells)))


def documented():
    return re.search(re.escape(BEGIN) + "(.*?)" + re.escape(END), DOCUMENT.read_text(), re.S)[1]


def check():
    """The rows of the quick cells that are not in the document as they are simulated now."""
    lines = documented().splitlines(keepends=True)
    rows = [line(row_of(cell, minutes)) for cell, minutes in simulate(QUICK).items()]
    return [row for row in rows if row not in lines]


def main():
    if "--check" in sys.argv[1:]:
        differing = check()
        print("".join(differing), end="")
        return 1 if differing else 0
    cells = [*QUIET, *(cell for cells in BROKEN.values() for cell in cells)]
    results = simulate(cells)
    DOCUMENT.write_text(DOCUMENT.read_text().replace(
        BEGIN + documented() + END, BEGIN + text_of(results) + END))
    print(text_of(results))
    failed = [cell for cell in cells if fails(cell, results[cell])]
    print(f"{len(cells)} cells of {RUNS} watches, {len(failed)} failed", *failed, sep="\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
