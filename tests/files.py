# SPDX-License-Identifier: Apache-2.0
"""Runs Python files of tests for tests/run, one after the other: reads lines `[pytest's arguments, a
file for its output]` in JSON and answers each with pytest's exit status. Each runs in a process of
its own, in which is loaded already what takes two seconds to load.
"""
import gc
import importlib
import json
import os
import pathlib
import sys

import pytest

SERVICES = ("cloudwatch", "dynamodb", "ec2", "elbv2", "s3", "sns", "sqs", "sts")


def load():
    sys.path.insert(0, str(pathlib.Path(__file__).parent))
    for name in ("sim.aws", "boto3", "moto.moto_server.werkzeug_app",
                 *(f"moto.{service}.urls" for service in SERVICES)):
        importlib.import_module(name)
    gc.freeze()  # whoever looks for garbage need not look through all of this


def main():
    load()
    for line in sys.stdin:
        arguments, output = json.loads(line)
        child = os.fork()
        if child == 0:
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(os.open(output, os.O_WRONLY | os.O_CREAT), 1)
            os.dup2(1, 2)
            return pytest.main(arguments)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
