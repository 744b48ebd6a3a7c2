# SPDX-License-Identifier: Apache-2.0
"""The real AWS CLI, with answers of our own: a command `aws` for shell scripts whose arguments the
CLI parses and checks, and whose calls a Python object answers. The CLI is loaded once, in a thread
of the test, since its start takes longer than everything else.
"""

import contextlib
import functools
import io
import json
import os
import socket
import threading
from types import SimpleNamespace

import awscli.clidriver

STUB = """#!/usr/bin/python3 -SE
import json, socket, sys
with socket.socket(socket.AF_UNIX) as s:
    s.connect({path!r})
    s.sendall(json.dumps(sys.argv[1:]).encode() + b"\\n")
    status, out, err = json.load(s.makefile())
sys.stdout.write(out)
sys.stderr.write(err)
sys.exit(status)
"""


class Refused(Exception):
    """An error of AWS: Refused(code, message)."""


@functools.cache
def driver():
    made = awscli.clidriver.create_clidriver()
    made.session.set_credentials("x", "x")
    made.session.set_config_variable("region", "eu-west-1")
    return made


class AwsCli:
    """`service` has a method for each operation, such as CreateStackSet(params), which returns the
    parsed answer. `calls` lists (operation, params) in order."""

    def __init__(self, folder, service):
        self.folder, self.service, self.calls = folder, service, []
        path = str(folder / "socket")
        stub = folder / "aws"
        stub.write_text(STUB.format(path=path))
        stub.chmod(0o755)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen()
        self.driver = driver()
        self.driver.session.register("provide-client-params", self._remember)
        self.driver.session.register("before-call", self._answer)
        threading.Thread(target=self._serve, daemon=True).start()

    def environment(self, **more):
        return {"PATH": f"{self.folder}:{os.environ['PATH']}", "STACKSET_POLL_SECONDS": "0",
                "TMPDIR": str(self.folder), **more}

    def named(self, *operations):
        return [params for operation, params in self.calls if operation in operations]

    def close(self):
        self.driver.session.unregister("provide-client-params", self._remember)
        self.driver.session.unregister("before-call", self._answer)
        self.listener.close()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                with connection, connection.makefile("rw") as stream:
                    json.dump(self._run(json.loads(stream.readline())), stream)

    def _run(self, arguments):
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                status = self.driver.main(arguments)
            except SystemExit as stop:
                status = stop.code
        return status, out.getvalue(), err.getvalue()

    def _remember(self, params, model, **_):
        self.calls.append((model.name, params))

    def _answer(self, model, **_):
        operation, params = self.calls[-1]
        assert operation == model.name
        try:
            return SimpleNamespace(status_code=200), getattr(self.service, operation)(params)
        except Refused as error:
            code, message = error.args
            return SimpleNamespace(status_code=400), {"Error": {"Code": code, "Message": message}}
