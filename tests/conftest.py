# SPDX-License-Identifier: Apache-2.0
"""What every test that runs the shipped binary gets: a local AWS, a Runtime API, a sandbox.

BOOTSTRAP and BOOTSTRAP_PREFIX choose the binary, see sim/function.py. A missing binary fails the
tests: a run that skipped them would look like one that passed.
"""

import os

import pytest

from sim import fleet
from sim.aws import LocalAws
from sim.function import Function, bootstrap_path
from sim.runtime_api import RuntimeApi


def pytest_configure(config):
    config.addinivalue_line("markers", "native(reason): cannot be shown under an emulator, nor...")
    config.addinivalue_line("markers", "plain(reason): ... under valgrind or with sanitizers")
    config.addinivalue_line("markers", "timely(reason): cannot be shown under valgrind")
    config.addinivalue_line("markers", "long(reason): left out by `make test`, run by `make check`")


def pytest_collection_modifyitems(items):
    """What an emulator or whatever looks for leaks spoils is skipped, with the reason."""
    is_watched = bool(os.environ.get("BOOTSTRAP_LEAK_CHECK"))
    is_emulated = bool(os.environ.get("BOOTSTRAP_PREFIX"))
    is_skipped = {"native": is_watched or is_emulated, "plain": is_watched,
                  "timely": is_watched and is_emulated}
    for item in items:
        for mark in item.iter_markers():
            if is_skipped.get(mark.name):
                item.add_marker(pytest.mark.skip(reason=mark.args[0]))


@pytest.fixture(scope="session")
def bootstrap():
    return bootstrap_path()


@pytest.fixture(scope="session")
def shared_aws():
    aws = LocalAws()
    yield aws
    aws.stop()


@pytest.fixture
def aws(shared_aws):
    """An AWS without load balancers. Whatever a test sends it must have been signed rightly."""
    shared_aws.reset()
    yield shared_aws
    assert shared_aws.signature_failures == []


@pytest.fixture(scope="module")
def module_aws(shared_aws):
    """For tests of one file that leave things to one another: nothing of other files is in it."""
    shared_aws.reset()
    yield shared_aws
    shared_aws.reset()


@pytest.fixture
def aws_with_fleet(shared_aws):
    """An AWS with the load balancers of sim/fleet.py, for tests that do not change them."""
    shared_aws.forget()
    if not fleet.exists(shared_aws):
        fleet.create(shared_aws)
    yield shared_aws
    assert shared_aws.signature_failures == []


@pytest.fixture
def api():
    api = RuntimeApi()
    yield api
    api.stop()


@pytest.fixture
def start(api):
    """start(aws=..., NAME="value") runs the binary until the end of the test."""
    running = []

    def start_function(**options):
        running.append(Function(options.pop("api", api), **options))
        return running[-1]

    yield start_function
    for function in running:
        function.stop()
