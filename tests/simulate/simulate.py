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
RUNS, RUNS_OF_DAYS, SEED = 2000, 500, 20261201
HOUR, THREE_DAYS, AFTERWARDS = 60, 4320, 0  # minutes of the watch; or the 35 days after it
NOISES = {"poisson": "Poisson", "bursts": "bursts", "swing": "day and night", "week": "weekends"}
LIMITS = {"poisson": 0.01, "bursts": 0.03, "swing": 0.03, "week": 0.03}
ERRORS = (0.001, 0.01, 0.05)
PROMISED = ERRORS[0]  # with more errors fewer outages can be told from chance in time


@dataclass(frozen=True)
class Cell:
    requests: float  # a minute
    errors: float    # share of the requests, of each kind
    noise: str
    blocked: float = 0
    within: float = 0  # minutes, for blocked ones; 0: before the watch ends
    watch: int = HOUR

    @property
    def runs(self):
        return RUNS if self.watch == HOUR else RUNS_OF_DAYS

    def run(self):
        done = subprocess.run(
            [TOOL, *map(str, (self.runs, SEED, self.requests, self.errors, self.noise, self.blocked,
                              self.watch))],
            check=True, text=True, stdout=subprocess.PIPE).stdout.splitlines()
        return [float(minutes) for minutes in done[:-1]]

    def in_time(self, minutes):
        return sum(each <= (self.within or 1e9) for each in minutes)


def blocked(requests, share, within=0):
    return [Cell(requests, errors, noise, share, within)
            for errors in ERRORS for noise in ("poisson", "bursts", "swing")]


QUIET = [Cell(requests, errors, noise) for noise in NOISES for errors in ERRORS
         for requests in (1, 10, 100, 1000, 10_000)]
LONG = [*(Cell(requests, errors, noise, watch=THREE_DAYS)
          for requests, errors in ((10, 0.01), (1000, 0.05)) for noise in ("swing", "week")),
        *(Cell(requests, errors, noise, watch=AFTERWARDS)
          for requests, errors in ((10, 0.01), (1000, 0.001), (1000, 0.05)) for noise in NOISES)]
BROKEN = {
    "1 % of 1,000 requests a minute": blocked(1000, 0.01, 15),
    "all of 90 requests an hour": blocked(1.5, 1, 60),
    "0.3 % of 1,000 requests a minute": blocked(1000, 0.003),
}
CELLS = [*QUIET, *LONG, *(cell for cells in BROKEN.values() for cell in cells)]
QUICK = [*QUIET[3::15], LONG[-1], *(cells[0] for cells in BROKEN.values())]


def lower_bound(events, runs):
    """Clopper and Pearson's, one-sided, 95 %."""
    return betaincinv(events, runs - events + 1, 0.05) if events else 0


def fails(cell, minutes):
    if cell.blocked:
        return cell.errors == PROMISED and cell.in_time(minutes) < 0.99 * cell.runs
    return lower_bound(len(minutes), cell.runs) > LIMITS[cell.noise]


def broken_row(cell, minutes):
    name = next(name for name, cells in BROKEN.items() if cell in cells)
    middle = f"{statistics.median(minutes):.0f}" if minutes else "-"
    late = f"{sorted(minutes)[int(0.99 * len(minutes))]:.0f}" if minutes else "-"
    return [name, f"{100 * cell.errors:g} %", NOISES[cell.noise],
            f"{cell.within} minutes" if cell.within else "the watch",
            f"{100 * cell.in_time(minutes) / cell.runs:.2f} %", middle, late,
            "99 %" if cell.errors == PROMISED else "-"]


def row_of(cell, minutes):
    if cell.blocked:
        return broken_row(cell, minutes)
    row = [f"{cell.requests:,}", f"{100 * cell.errors:g} %", NOISES[cell.noise],
           f"{len(minutes)} ({100 * len(minutes) / cell.runs:.2f} %)",
           f"{100 * lower_bound(len(minutes), cell.runs):.2f} %", f"{100 * LIMITS[cell.noise]:g} %"]
    names = {HOUR: [], THREE_DAYS: ["a watch of 3 days"], AFTERWARDS: ["the 35 days after"]}
    return names[cell.watch] + row


def line(cells):
    return "| " + " | ".join(cells) + " |\n"


def table(header, rows):
    return line(header) + line(["---"] * len(header)) + "".join(map(line, rows))


def text_of(results):
    columns = ["requests a minute", "errors of each kind", "noise"]
    limits = ["at least (95 %)", "limit"]
    tables = [
        (columns + [f"rolled back of {RUNS:,}"] + limits, QUIET),
        (["looks"] + columns + [f"rolled back of {RUNS_OF_DAYS}"] + limits, LONG),
        (["blocked by strictest", "errors of each kind", "noise", "to be rolled back within",
          "in time", "minutes, median", "99 %", "promised"],
         [cell for cells in BROKEN.values() for cell in cells])]
    return "\n".join(table(header, [row_of(cell, results[cell]) for cell in cells])
                     for header, cells in tables)


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
    results = simulate(CELLS)
    DOCUMENT.write_text(DOCUMENT.read_text().replace(
        BEGIN + documented() + END, BEGIN + text_of(results) + END))
    print(text_of(results))
    failed = [cell for cell in CELLS if fails(cell, results[cell])]
    print(f"{len(CELLS)} cells, {len(failed)} failed", *failed, sep="\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
