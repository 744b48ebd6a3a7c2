#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""run.py FOLDER BOOTSTRAP UNIT_TEST...: memcheck over the unit tests (built without sanitizers) and
over the shared-library BOOTSTRAP in the tests of PYTEST. What valgrind has to say of any process,
also of one that is killed at the end of its test, is collected in FOLDER; a word there is a failure.
Prints a line for each that failed, and a tally.
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
# The loop of the runtime, the way from a call to a correction, and the reading of logs: some minutes.
PYTEST = ["tests/conformance/test_runtime_api.py", "tests/integration/test_enforcement.py",
          "tests/integration/test_log_objects.py"]
# A program under valgrind is ten times as slow and takes ten times the memory, so that a promise of
# milliseconds or bytes cannot hold.
DESELECTED = "not deadline and not in_time and not rss and not concurrency and not duration"


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


def check_bootstrap(folder, bootstrap):
    prefix = " ".join([*VALGRIND, f"--log-file={folder}/bootstrap.%p.log"])
    done = subprocess.run(
        [ROOT / "build" / "python", "-m", "pytest", "-q", "-k", DESELECTED, "--rootdir", ROOT,
         *PYTEST], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, env=environment(BOOTSTRAP=bootstrap, BOOTSTRAP_PREFIX=prefix))
    output = done.stdout.decode(errors="replace")
    passed = int((re.findall(r"(\d+) passed", output) or ["0"])[-1])
    return passed, "" if done.returncode == 0 else output[-6000:]


def main(arguments):
    folder, bootstrap, programs = pathlib.Path(arguments[0]).resolve(), arguments[1], arguments[2:]
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    programs = [program for program in programs
                if pathlib.Path(program).name not in NOT_UNDER_VALGRIND]
    cases, wrong = 0, {}
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for program, (passed, failed) in zip(
                programs, pool.map(lambda program: check_unit(folder, program), programs)):
            cases += passed
            if failed or passed == 0:
                wrong[program] = failed or "no case passed"
    passed, failed = check_bootstrap(folder, str(pathlib.Path(bootstrap).resolve()))
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
