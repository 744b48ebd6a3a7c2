# SPDX-License-Identifier: Apache-2.0
"""Every time the process asks the system for memory in turn is refused. By design that ends it with
a line of its own (and Lambda starts another sandbox), or with an error where a library reported it;
never with a crash."""

import re
import signal
import subprocess

import pytest

from sim.function import ROOT, bootstrap_command, lambda_environment

pytestmark = pytest.mark.native("the memory refused would be that of an emulator, sanitizer or valgrind")

REFUSALS_MAX = 60
LAST_WORDS = re.compile(r"^desync-guard: (out of memory \(\d+ bytes asked for\)|assertion failed: .*)$")
OFFLINE = ["evaluate", str(ROOT / "events/config-change.exception-active.json")]
# With a trust store of all of the machine's authorities, and a call that nobody answers.
LIVE = ["invoke", str(ROOT / "events/config-change.oversized.json")]
BUNDLE = "/etc/ssl/certs/ca-certificates.crt"


def refusing(nth, lasts, trace):
    """The mapping of that number fails; those after it, too, if it lasts."""
    when = f"{nth}+" if lasts else str(nth)
    return ["strace", "-f", "-qq", "-o", str(trace), "-e", "trace=mmap",
            "-e", f"inject=mmap:error=ENOMEM:when={when}", *bootstrap_command()]


@pytest.fixture(scope="module", autouse=True)
def can_refuse(tmp_path_factory):
    trace = tmp_path_factory.mktemp("strace") / "trace"
    try:
        done = subprocess.run([*refusing(1000, False, trace), "version"], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
    except FileNotFoundError:
        pytest.skip("no strace on this machine")
    if done.returncode != 0:
        pytest.skip(f"strace may not trace here: {done.stdout[-200:]}")


def was_refused(trace):
    return "(INJECTED)" in trace.read_text(errors="replace")


def held(returncode, log):
    """Ended by itself: by its line, or by an answer of its own where a library reported it."""
    if returncode == -signal.SIGABRT:
        lines = log.strip().splitlines()
        return bool(lines) and bool(LAST_WORDS.match(lines[-1]))
    return returncode >= 0


@pytest.mark.parametrize("lasts", [False, True], ids=["once", "from_then_on"])
@pytest.mark.parametrize("arguments", [OFFLINE, LIVE], ids=["offline", "live"])
def test_refused_memory_ends_the_process_in_order(arguments, lasts, tmp_path):
    environment = lambda_environment(AWS_ENDPOINT_URL="https://127.0.0.1:1", AWS_MAX_ATTEMPTS="1",
                                     AWS_CA_BUNDLE=BUNDLE)
    refusals = 0
    for nth in range(1, REFUSALS_MAX):
        trace = tmp_path / f"trace-{nth}"
        done = subprocess.run([*refusing(nth, lasts, trace), *arguments], env=environment,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=60)
        log = done.stderr.decode(errors="replace")
        assert held(done.returncode, log), f"mapping {nth}: {done.returncode}: {log[-500:]}"
        if not was_refused(trace):
            break
        refusals += 1
    else:
        raise AssertionError("never got through")
    assert refusals >= 1
