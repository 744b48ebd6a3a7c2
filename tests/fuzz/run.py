#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""run.py FOLDER SECONDS TARGET...: runs the libFuzzer program FOLDER/TARGET of each target for so
many seconds, one for each processor at a time, and prints a line for each. 0 seconds: over the
seeds and the former finds only.

Seeds are made anew (seeds.py); what the fuzzer found worth keeping stays in FOLDER/corpus/TARGET
for the next run. An input that breaks a target is left in FOLDER/found/TARGET and makes this fail.
"""
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys

import seeds

HERE = pathlib.Path(__file__).resolve().parent
LENGTH_MAX = 8192  # bytes of an input; seeds may be longer
# More than the buffer that a gzip file is read into.
LENGTHS_MAX = {"inflate": 280_000}
MEGABYTES_MAX = 2048
SECONDS_OF_INPUT_MAX = 20


def command_of(folder, seconds, target):
    corpus, found = folder / "corpus" / target, folder / "found" / target
    corpus.mkdir(parents=True, exist_ok=True)
    found.mkdir(parents=True, exist_ok=True)
    inputs = [folder / "seeds" / target, HERE / "crashes" / target]
    mode = [f"-max_total_time={seconds}", str(corpus)] if seconds > 0 else ["-runs=0"]
    return [str(folder / target), f"-artifact_prefix={found}/", f"-max_len={LENGTHS_MAX.get(target, LENGTH_MAX)}",
            f"-rss_limit_mb={MEGABYTES_MAX}", f"-timeout={SECONDS_OF_INPUT_MAX}",
            "-print_final_stats=1", *mode, *[str(path) for path in inputs if path.is_dir()]]


def last(pattern, text, otherwise="?"):
    return (re.findall(pattern, text) or [otherwise])[-1]


def run(folder, seconds, target):
    """(line, whether it held)"""
    log = folder / f"{target}.log"
    with open(log, "wb") as output:
        status = subprocess.run(
            command_of(folder, seconds, target), stdin=subprocess.DEVNULL, stdout=output,
            stderr=subprocess.STDOUT, preexec_fn=lambda: os.nice(10)).returncode
    text = log.read_text(encoding="utf-8", errors="replace")
    runs = int(last(r"(?m)^(?:#|stat::number_of_executed_units: )(\d+)", text, "0"))
    rate = int(last(r"stat::average_exec_per_sec:\s*(\d+)", text, "0"))
    corpus = last(r"corp: (\d+)", text)
    features = last(r" ft: (\d+)", text)
    line = (f"{target:<16}{runs:>10} runs{rate:>8}/s  corpus {corpus:>5}, features {features:>6}  "
            f"{'held' if status == 0 else 'BROKEN'}")
    if status != 0:
        reasons = re.findall(r"(?m)^.*(?:broken: |assert|ERROR: AddressSan|runtime error: ).*$", text)
        reason = (reasons + re.findall(r"SUMMARY: .*", text) + ["no reason given"])[0]
        line += f"\n    {reason}\n    see {log}; the input is in {folder / 'found' / target}"
    return line, status == 0


def main(arguments):
    folder, seconds, targets = pathlib.Path(arguments[0]), int(arguments[1]), arguments[2:]
    seeds.make(folder / "seeds")
    held = True
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for line, target_held in pool.map(lambda target: run(folder, seconds, target), targets):
            print(line, flush=True)
            held = held and target_held
    return 0 if held and targets else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
