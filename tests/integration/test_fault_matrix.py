# SPDX-License-Identifier: Apache-2.0
"""Every AWS call of the shipped binary x every fault x the attempt at which it comes. What is tried
and what must hold is in sim/fault_matrix.py; docs/reliability.md shows what came of it.
"""

import re

import botocore.session
import pytest

from sim import fault_matrix, reliability
from sim.function import ROOT, bootstrap_path

CASES = fault_matrix.all_cases()
SERVICES = ("elbv2", "config", "dynamodb", "sns", "securityhub", "s3", "cloudwatch", "sts", "sqs",
            "organizations", "ec2")


@pytest.fixture(scope="module")
def rows(request, tmp_path_factory):
    """Case -> its row. All chosen ones are played at once: most of them wait most of the time."""
    chosen = [item.callspec.params["case"] for item in request.session.items
              if getattr(item, "function", None) is test_a_fault_is_held]
    played = fault_matrix.run(chosen or CASES, tmp_path_factory.mktemp("certificates"))
    if len(played) == len(CASES):
        fault_matrix.write(played, reliability.ROWS)
    return dict(zip(chosen or CASES, played))


@pytest.mark.timely("promises seconds, and valgrind makes many of one")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_fault_is_held(case, rows):
    assert "problem" not in rows[case], rows[case]["problem"]


@pytest.mark.timely("promises seconds, and valgrind makes many of one")
def test_the_reliability_table_is_that_of_this_run(rows):
    if len(rows) < len(CASES):
        pytest.skip("only a part of the matrix was chosen")
    made = reliability.render([rows[case] for case in CASES])
    assert reliability.DOCUMENT.read_text() == made, "make reliability, and look at the difference"


def test_no_call_is_left_out():
    """The linker keeps of the binary only what can be reached, names of operations included."""
    session = botocore.session.get_session()
    operations = {name for service in SERVICES
                  for name in session.get_service_model(service).operation_names}
    sources = "".join(path.read_text() for path in (ROOT / "src" / "aws").glob("*.c"))
    named = operations & set(re.findall(r'"([A-Z][A-Za-z]+)"', sources))
    shipped = bootstrap_path().read_bytes()
    called = {name for name in named if re.search(rb"\b" + name.encode() + rb"\0", shipped)}
    assert called == {target.name.split()[1] for target in fault_matrix.TARGETS}
