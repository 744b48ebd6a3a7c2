# SPDX-License-Identifier: Apache-2.0
"""tests/run counts each case once and is not content with silence, a crash or nothing to do."""
import pathlib
import subprocess
import sys

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


@pytest.mark.parametrize("arguments, tally, status", [
    ([], "0 passed, 0 failed, 0 skipped", 1),
    (["/nonexistent/test_x"], "0 passed, 1 failed, 0 skipped", 1),
])
def test_nothing_to_run_is_a_failure(arguments, tally, status):
    done = subprocess.run([sys.executable, RUN, *arguments], capture_output=True, text=True)
    assert (done.stdout.splitlines()[-1], done.returncode) == (tally, status)
