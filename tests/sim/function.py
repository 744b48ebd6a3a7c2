# SPDX-License-Identifier: Apache-2.0
"""The shipped binary as Lambda runs it: its own process, Lambda's environment and nothing else.

BOOTSTRAP names another binary, BOOTSTRAP_PREFIX a command to put before it
(BOOTSTRAP_PREFIX="qemu-aarch64-static" runs the arm64 build on an x86-64 machine). With
BOOTSTRAP_LEAK_CHECK that binary looks for leaks when it is sent SIGUSR2, and ends.
"""

import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from .aws import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY, SESSION_TOKEN

ROOT = Path(__file__).resolve().parents[2]
LEAK_CHECK_SECONDS_MAX = 120  # seconds each under valgrind, while other processes run, too


def bootstrap_path():
    path = Path(os.environ.get("BOOTSTRAP", ROOT / "bootstrap")).resolve()
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist: build it first (make), or set BOOTSTRAP")
    return path


def bootstrap_command():
    prefix = shlex.split(os.environ.get("BOOTSTRAP_PREFIX", ""))
    if prefix:
        prefix[0] = shutil.which(prefix[0]) or prefix[0]
    return [*prefix, str(bootstrap_path())]


def lambda_environment(**changes):
    """What Lambda sets for provided.al2023; a change of None takes a variable away."""
    variables = {
        "_HANDLER": "bootstrap",
        "LAMBDA_TASK_ROOT": "/var/task",
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
        "AWS_SESSION_TOKEN": SESSION_TOKEN,
        "AWS_LAMBDA_FUNCTION_NAME": "desync-guard",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/desync-guard",
        "AWS_LAMBDA_LOG_STREAM_NAME": "2026/11/23/[$LATEST]3f8e1c5a7b2d4906",
        "AWS_LAMBDA_LOG_FORMAT": "JSON",
        "AWS_LAMBDA_LOG_LEVEL": "INFO",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "TZ": ":UTC",
        "LANG": "en_US.UTF-8",
        "PATH": "/usr/local/bin:/usr/bin/:/bin:/opt/bin",
        "LD_LIBRARY_PATH": "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/task:/opt/lib",
    }
    variables.update(changes)
    return {name: value for name, value in variables.items() if value is not None}


class Function:
    """One sandbox: a running process and the Runtime API it talks to."""

    def __init__(self, api, aws=None, command=None, process_options=None, **environment):
        self.api = api
        # stdout and stderr go to a file: nobody has to read a pipe in time.
        self._log = tempfile.TemporaryFile()
        options = {"stdout": self._log, "stderr": self._log, "cwd": "/", "start_new_session": True}
        options.update(process_options or {})
        variables = {
            "AWS_LAMBDA_RUNTIME_API": api.address,
            "AWS_ENDPOINT_URL": aws.url if aws else None,
            **environment,
        }
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            command or bootstrap_command(), stdin=subprocess.DEVNULL,
            env=lambda_environment(**variables), **options)

    def is_alive(self):
        return self.process.poll() is None

    def invoke(self, event, **options):
        """Delivers one event and waits for what the runtime posts for it."""
        before = len(self.api.outcomes)
        invocation = self.api.enqueue(event, **options)
        if not self.api.wait(lambda: self._posted(invocation, before), alive=self.is_alive):
            raise AssertionError(f"nothing was posted for the event; exit code "
                                 f"{self.process.poll()}, log:\n{self.log}")
        return [o for o in self.api.outcomes[before:] if o.request_id == invocation.request_id][0]

    def _posted(self, invocation, before):
        return any(o.request_id == invocation.request_id for o in self.api.outcomes[before:])

    def wait_until_idle(self):
        if not self.api.wait_until_idle(alive=self.is_alive):
            raise AssertionError(f"never asked for the next event; exit code "
                                 f"{self.process.poll()}, log:\n{self.log}")

    def exit_code(self, timeout=30.0):
        """Waits for the end of the process, which must come by itself."""
        return self.process.wait(timeout)

    @property
    def log_bytes(self):
        """Everything written to stdout and stderr so far."""
        size = os.fstat(self._log.fileno()).st_size
        return os.pread(self._log.fileno(), size, 0)

    @property
    def log(self):
        return self.log_bytes.decode("utf-8", "replace")

    def _end_by_leak_check(self):
        """What it finds is in a report. It may have been frozen; SIGCONT afterwards would undo the
        SIGSTOP by which the check holds the threads."""
        self.process.send_signal(signal.SIGCONT)
        self.process.send_signal(signal.SIGUSR2)
        try:
            self.process.wait(LEAK_CHECK_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"its leak check never ended, log:\n{self.log}") from None
        finally:
            if self.is_alive():
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def stop(self):
        """As Lambda does without an extension: SIGKILL, no warning."""
        if self.is_alive() and "BOOTSTRAP_LEAK_CHECK" in os.environ:
            if "credentials_expired" in self.log:  # it ends by itself, with a check of its own
                self.process.wait(LEAK_CHECK_SECONDS_MAX)
            else:
                self._end_by_leak_check()
        if self.is_alive():
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

