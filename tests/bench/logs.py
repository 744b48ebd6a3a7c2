# SPDX-License-Identifier: Apache-2.0
"""Access logs: a million lines in one gzip file, against tools that unpack or count the same."""

import json
import os
import re
import shutil
import subprocess
import time

from log_lines import write
from measure import (ROOT, Note, Row, Skip, at_least_times_less, at_most, at_most_times, limited,
                     spread)

LINES, SEED = 1_000_000, 1
ROUNDS, CORE_ROUNDS = 5, 12
FLOOR_TIMES, CORES_TIMES, MAWK_TIMES, DUCKDB_TIMES = 1.25, 1.8, 3, 1.5
MEMORY_MIB = 64
GROWTH_FILES, GROWTH_TIMES = 10, 1.1
MAWK = """{ count[$22 " " $24]++ } END { for (key in count) print count[key] " " key }"""
SPIN = "BEGIN { for (i = 0; i < 10000000; i++) n += i }"
# Its threads are its own choice: all cores.
DUCKDB = """
import json, sys, time
import duckdb
columns = {f"f{n}": "VARCHAR" for n in range(1, 35)}
duckdb.sql("SET enable_progress_bar = false")
started = time.monotonic()
rows = duckdb.sql(f"SELECT f28, f29, count(*) FROM read_csv('{sys.argv[1]}', delim=' ', quote='\\"', "
                  f"escape='', header=false, auto_detect=false, null_padding=true, "
                  f"strict_mode=false, max_line_size=1048576, columns={columns}) GROUP BY 1, 2"
                  ).fetchall()
seconds = time.monotonic() - started
print(json.dumps({"seconds": seconds, "totals": {f"{c} {r}": n for c, r, n in rows}}))
"""
NOTE = ("the file is in the page cache; our whole process is timed, of DuckDB the query alone; "
        "the rows of several files read the same one again")


def sample(folder):
    """(path, totals): made once, and again when the generator changes."""
    path, about = folder / "access-log.gz", folder / "access-log.json"
    maker = (ROOT / "tests/bench/log_lines.py").read_text(encoding="utf-8")
    if path.exists() and about.exists():
        known = json.loads(about.read_text(encoding="utf-8"))
        if known["maker"] == maker:
            return path, known["totals"]
    made = write(path, LINES, SEED)
    about.write_text(json.dumps({"maker": maker, "totals": made}), encoding="utf-8")
    return path, made


def cores(count):
    """A command's begin that leaves it so many."""
    allowed = sorted(os.sched_getaffinity(0))[:count]
    return ["taskset", "-c", ",".join(map(str, allowed))]


def timed(command):
    """(seconds, output) of a command."""
    started = time.monotonic()
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return time.monotonic() - started, done.stdout


def ours(bench, paths, core_count):
    seconds, output = timed([*cores(core_count), bench.bootstrap, "logs", "--by",
                                "class,reason", "--format", "json", *paths])
    found = {f"{'-' if each['class'] == 'Compliant' else each['class']} {each['reason'] or '-'}":
             each["count"] for each in json.loads(output)["groups"]}
    return seconds, found


def plain(bench, paths, core_count):
    """As a user runs it first: without groups."""
    seconds, _ = timed([*cores(core_count), bench.bootstrap, "logs", "--format", "json", *paths])
    return seconds


def peak_mebibytes(bench, path):
    """As seen while it runs. What it reports at its end is no less than this Python's own peak."""
    process = subprocess.Popen([bench.bootstrap, "logs", "--format", "json", path],
                               stdout=subprocess.DEVNULL)
    peak = 0
    while process.poll() is None:
        peak = max(peak, peak_kilobytes(process.pid))
        time.sleep(0.002)
    if process.returncode != 0 or peak == 0:
        raise RuntimeError(f"logs ended with {process.returncode}, its memory {peak} KiB")
    return peak / 1024


def peak_kilobytes(pid):
    """Of a process that still runs; 0 of one that does not."""
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return int((re.findall(r"VmHWM:\s+(\d+) kB", status.read()) or ["0"])[0])


def unpacked(path):
    seconds, _ = timed(["sh", "-c", f'exec {" ".join(cores(1))} libdeflate-gunzip -c "$0" '
                                       f">/dev/null", path])
    return seconds


def by_mawk(path):
    seconds, output = timed(["sh", "-c", 'zcat "$0" | mawk -F\'"\' "$1"', path, MAWK])
    rows = (line.split(" ", 1) for line in output.decode().splitlines())
    return seconds, {key: int(count) for count, key in rows}


def by_duckdb(path):
    _, output = timed([ROOT / "build/python-bench", "-c", DUCKDB, path])
    found = json.loads(output)
    return found["seconds"], found["totals"]


def check(who, found, expected):
    if found != expected:
        raise RuntimeError(f"{who} counts {found} instead of {expected}")


def has_duckdb():
    python = ROOT / "build/python-bench"
    return python.exists() and subprocess.run([python, "-c", "import duckdb"],
                                              capture_output=True).returncode == 0


def floor_rows(bench, path):
    runs, floor = [], []
    for _ in range(ROUNDS):
        runs.append(plain(bench, [path], 1))
        floor.append(unpacked(path))
    mine, theirs = spread(runs), spread(floor)
    yield Row("logs, 1,000,000 lines on one core", "s", mine["median"], "libdeflate-gunzip",
              theirs["median"], at_most_times(FLOOR_TIMES), {"ours": mine, "baseline": theirs})
    yield limited("  memory, of which the file takes none", "MiB", peak_mebibytes(bench, path),
                  at_most(MEMORY_MIB, "MiB"), MEMORY_MIB)
    tens = spread([plain(bench, [path] * GROWTH_FILES, 1) for _ in range(2)])
    yield Row(f"  {GROWTH_FILES} files", "s", tens["median"], f"{GROWTH_FILES} times one",
              GROWTH_FILES * mine["median"], at_most_times(GROWTH_TIMES), {"ours": tens})


def core_rows(bench, path):
    """The best of each: who else uses the host takes from two cores more than from one, and never
    gives. A loop that touches no memory says what the second core was worth meanwhile."""
    if len(os.sched_getaffinity(0)) < 2:
        yield Skip("two files on two cores", "this machine has one")
        return
    both, single, spin, spin_both = [], [], [], []
    for _ in range(CORE_ROUNDS):
        both.append(plain(bench, [path] * 2, 2))
        single.append(plain(bench, [path] * 2, 1))
        spin_both.append(spun(each_core=True))
        spin.append(spun(each_core=False))
    yield Row(f"  two files on two cores, best of {CORE_ROUNDS}", "s", min(both), "on one core",
              min(single), at_least_times_less(CORES_TIMES),
              {"ours": spread(both), "baseline": spread(single)})
    share = spread(single)["median"] / spread(both)["median"]
    yield Note(f"two files on two cores by the medians: {share:.2f}x; a loop without memory, twice "
               f"on two cores instead of one: {min(spin) / min(spin_both):.2f}x by the best, "
               f"{spread(spin)['median'] / spread(spin_both)['median']:.2f}x by the medians "
               "(not judged)")


def spun(each_core):
    """Seconds of two loops, on one core or on one each."""
    allowed = sorted(os.sched_getaffinity(0))
    places = [allowed[0], allowed[1] if each_core else allowed[0]]
    started = time.monotonic()
    loops = [subprocess.Popen(["taskset", "-c", str(place), "mawk", SPIN]) for place in places]
    if any([loop.wait() for loop in loops]):
        raise RuntimeError("mawk failed")
    return time.monotonic() - started


def peer_rows(bench, path, totals):
    all_cores = len(os.sched_getaffinity(0))
    peers = {"zcat | mawk": (by_mawk, MAWK_TIMES)}
    if has_duckdb():
        peers["DuckDB"] = (by_duckdb, DUCKDB_TIMES)
    runs, others = [], {name: [] for name in peers}
    for _ in range(3):
        seconds, found = ours(bench, [path], all_cores)
        check("logs", found, totals)
        runs.append(seconds)
        for name, (count, _) in peers.items():
            seconds, found = count(path)
            check(name, found, totals)
            others[name].append(seconds)
    mine = spread(runs)
    for name, (_, times) in peers.items():
        theirs = spread(others[name])
        yield Row("  counts by class and reason, the same totals", "s", mine["median"], name,
                  theirs["median"], at_least_times_less(times), {"ours": mine, "baseline": theirs})
    if "DuckDB" not in peers:
        yield Skip("  against DuckDB", "build/python-bench does not have it")


def rows(bench):
    missing = [name for name in ("libdeflate-gunzip", "mawk", "zcat", "taskset")
               if shutil.which(name) is None]
    if missing:
        return [Skip("logs", f"{', '.join(missing)} not installed")]
    path, totals = sample(bench.folder)
    return [*floor_rows(bench, path), *core_rows(bench, path), *peer_rows(bench, path, totals)]
