#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""run.py FOLDER BOOTSTRAP PLANTED PROGRAM...: memcheck over the unit tests (built without sanitizers)
and over the shared-library BOOTSTRAP in the Python tests; PROGRAM is a unit test or a test_*.py. What
valgrind has to say of any process, also of one that is killed at the end of its test, is collected in
FOLDER; a word there is a failure. So is silence about the mistakes of PLANTED. Prints a line for each
that failed, and a tally.
"""
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
SECONDS_MAX = 600
# What a child does after fork() is the business of the tests that make it die.
VALGRIND = ["valgrind", "-q", "--error-exitcode=99", "--leak-check=full",
            "--show-leak-kinds=definite", "--errors-for-leak-kinds=definite",
            "--child-silent-after-fork=yes", "--num-callers=20"]
# Each of them a second and more: sketches, signatures and sweeps of thousands, whose code the others
# run, too.
NOT_UNDER_VALGRIND = {
    "test_act_faults", "test_act_races", "test_promote_faults", "test_sweep_faults",
    "test_tally_properties", "test_tally_sketch", "test_musl_malloc",
}
PLANTED = {"leak": "definitely lost", "leak-of-a-killed": "definitely lost",
           "overflow": "Invalid read", "nothing": ""}


def environment(**changes):
    # Debug information is not fetched from anywhere.
    return {**os.environ, "DEBUGINFOD_URLS": "", **changes}


def check_unit(folder, program):
    """(passed, what is wrong or empty)"""
    name = pathlib.Path(program).name
    command = [*VALGRIND, f"--log-file={folder}/{name}.%p.log", program]
    try:
        done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, timeout=SECONDS_MAX,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment())
    except subprocess.TimeoutExpired:
        return 0, "did not end"
    output = done.stdout.decode(errors="replace")
    passed = int((re.findall(r"\[  PASSED  \] (\d+) test", output) or ["0"])[0])
    failed = "" if done.returncode in (0, 99) and "[  FAILED  ]" not in output else output[-2000:]
    return passed, failed


def complaints(folder):
    return {path.name: path.read_text(errors="replace") for path in sorted(folder.glob("*.log"))
            if path.stat().st_size > 0}


def check_bootstrap(folder, bootstrap, files):
    """Shows how each file went; (passed, what is wrong or empty)"""
    prefix = " ".join([*VALGRIND, f"--log-file={folder}/bootstrap.%p.log"])
    with subprocess.Popen(
            [ROOT / "build" / "python", ROOT / "tests" / "run", *files], cwd=ROOT, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env=environment(BOOTSTRAP=bootstrap, BOOTSTRAP_PREFIX=prefix,
                            BOOTSTRAP_LEAK_CHECK="1")) as tests:
        for line in tests.stdout:
            print(line, end="", flush=True)
    passed = int((re.findall(r"^(\d+) passed", line) or ["0"])[0])
    return passed, "" if tests.returncode == 0 else f"pytest: {line}"


def overlooked(folder, planted):
    """The planted mistakes of which valgrind does not say what it should."""
    missed = []
    for mistake, words in PLANTED.items():
        log = folder / f"planted.{mistake}"
        subprocess.run([*VALGRIND, f"--log-file={log}", planted, mistake], env=environment(),
                       timeout=SECONDS_MAX)
        text = log.read_text(errors="replace")
        if words not in text or bool(words) != bool(text):
            missed.append(mistake)
    return missed


def main(arguments):
    folder, bootstrap, planted, *programs = arguments
    folder, bootstrap = pathlib.Path(folder).resolve(), str(pathlib.Path(bootstrap).resolve())
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    files = [program for program in programs if program.endswith(".py")]
    programs = [program for program in programs if program not in files
                and pathlib.Path(program).name not in NOT_UNDER_VALGRIND]
    wrong = {f"planted {mistake}": "overlooked" for mistake in overlooked(folder, planted)}
    cases = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for program, (passed, failed) in zip(
                programs, pool.map(lambda program: check_unit(folder, program), programs)):
            cases += passed
            if failed or passed == 0:
                wrong[program] = failed or "no case passed"
    passed, failed = check_bootstrap(folder, bootstrap, files)
    if failed or passed == 0:
        wrong["pytest"] = failed or "no case passed"
    processes = len(list(folder.glob("bootstrap.*.log")))
    wrong.update(complaints(folder))
    for name, text in wrong.items():
        print(f"FAIL {name}\n    " + text.strip().replace("\n", "\n    "))
    print(f"valgrind: {len(programs)} unit test programs of {cases} cases, {processes} processes of "
          f"the bootstrap in {passed} tests: {len(wrong)} with an error or a definite leak")
    return 1 if wrong or processes == 0 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
