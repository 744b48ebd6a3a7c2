# SPDX-License-Identifier: Apache-2.0
"""tests/run counts each case once and is not content with silence, a crash or nothing to do."""
import contextlib
import os
import pathlib
import pty
import subprocess
import sys
import tempfile

import pytest

RUN = pathlib.Path(__file__).parents[1] / "run"

CASES = """<testsuites><testsuite name="x">
<testcase name="a"/><testcase name="b"/>%s</testsuite></testsuites>"""
FAILED = '<testcase name="c"><failure><![CDATA[row seven]]></failure></testcase>'
SKIPPED = '<testcase name="d"><skipped/></testcase>'


def program(folder, report, ending):
    """A test program that writes `report` where cmocka would and then does `ending`."""
    path = folder / "test_x"
    write = f"cat >\"$(dirname \"$CMOCKA_XML_FILE\")/x.xml\" <<'END'\n{report}\nEND\n" if report else ""
    path.write_text(f"#!/bin/sh\necho words of the program\n{write}{ending}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize("report, ending, tally, status, shown", [
    pytest.param(CASES % "", "exit 0", "2 passed, 0 failed, 0 skipped", 0, "2 passed", id="passes"),
    pytest.param(CASES % SKIPPED, "exit 0", "2 passed, 0 failed, 1 skipped", 0, "skipped d",
                 id="skips_visibly"),
    pytest.param(CASES % FAILED, "exit 1", "2 passed, 1 failed, 0 skipped", 1, "row seven",
                 id="case_fails"),
    pytest.param(CASES % FAILED, "exit 0", "2 passed, 1 failed, 0 skipped", 1, "row seven",
                 id="case_fails_yet_program_ends_well"),
    pytest.param(CASES % "", "exit 1", "2 passed, 1 failed, 0 skipped", 1, "words of the program",
                 id="leak_found_at_exit"),
    pytest.param("", "exit 0", "0 passed, 1 failed, 0 skipped", 1, "no test case", id="silent"),
    pytest.param("", "kill -SEGV $$", "0 passed, 1 failed, 0 skipped", 1, "ended with -11",
                 id="crashes"),
    pytest.param("<testsuites><test", "exit 0", "0 passed, 1 failed, 0 skipped", 1, "unreadable",
                 id="report_cut_short"),
    pytest.param(SKIPPED, "exit 0", "0 passed, 0 failed, 1 skipped", 1, "nothing was tested",
                 id="only_skips"),
])
def test_program_is_counted(tmp_path, report, ending, tally, status, shown):
    done = subprocess.run([sys.executable, RUN, program(tmp_path, report, ending)],
                          capture_output=True, text=True)
    assert (done.stdout.splitlines()[-1], done.returncode) == (tally, status)
    assert shown in done.stdout


CHOICE = """import pytest
def test_short(): pass
@pytest.mark.long("takes its time")
def test_long(): assert not "run"
"""
ALL_LONG = CHOICE.replace("def test_short(): pass", "pytestmark = pytest.mark.long('all')")


@pytest.mark.parametrize("text, options, said, status", [
    (CHOICE, ["--short"], ["1 long cases were left out: `make test LONG=1` runs them, as `make check` "
                           "does", "1 passed, 0 failed, 0 skipped"], 0),
    (CHOICE, [], ["1 passed, 1 failed, 0 skipped"], 1),
    (ALL_LONG, ["--short"], ["nothing was tested", "0 passed, 0 failed, 0 skipped"], 1)],
    ids=["short", "all", "nothing_left"])
def test_long_cases_are_left_out_when_told_so_and_counted(text, options, said, status):
    with tempfile.TemporaryDirectory(dir=RUN.parents[1] / "build") as folder:
        file = pathlib.Path(folder) / "choice.py"
        file.write_text(text)
        done = subprocess.run([sys.executable, RUN, *options, file], capture_output=True, text=True)
    assert (done.stdout.splitlines()[-len(said):], done.returncode) == (said, status)
    assert "without a failed case" not in done.stdout


def test_a_line_at_the_bottom_of_a_terminal_says_how_far_it_is(tmp_path):
    ours, its = pty.openpty()
    path = program(tmp_path, CASES % "", "exit 0")
    done = subprocess.Popen([sys.executable, RUN, path], stdout=its)
    os.close(its)
    shown = b""
    with contextlib.suppress(OSError):  # which is how a terminal ends
        while piece := os.read(ours, 4096):
            shown += piece
    os.close(ours)
    assert done.wait() == 0
    assert b"1 of 1 programs, 2 passed, 0 failed, 0:0" in shown
    assert shown.endswith(b"\r\n2 passed, 0 failed, 0 skipped\r\n")


@pytest.mark.parametrize("arguments, tally, status", [
    ([], "0 passed, 0 failed, 0 skipped", 1),
    (["/nonexistent/test_x"], "0 passed, 1 failed, 0 skipped", 1),
])
def test_nothing_to_run_is_a_failure(arguments, tally, status):
    done = subprocess.run([sys.executable, RUN, *arguments], capture_output=True, text=True)
    assert (done.stdout.splitlines()[-1], done.returncode) == (tally, status)
