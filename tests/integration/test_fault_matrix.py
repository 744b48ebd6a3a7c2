# SPDX-License-Identifier: Apache-2.0
"""Every AWS call of the shipped binary x every fault x the attempt at which it comes. What is tried
and what must hold is in sim/fault_matrix.py; docs/reliability.md shows what came of it.
"""

import json
import re
from dataclasses import replace
from types import SimpleNamespace
from urllib.parse import quote_plus

import botocore.session
import pytest

from sim import fault_matrix, reliability
from sim.aws import ACCESS_KEY_ID, NO_SCOPE, SECRET_ACCESS_KEY, SESSION_TOKEN
from sim.fault_scenes import EXTERNAL_ID, MARKER
from sim.function import ROOT, bootstrap_path
from sim.matrix import LONG
from sim.signature import Call

CASES = fault_matrix.all_cases()
SERVICES = ("elbv2", "config", "dynamodb", "sns", "securityhub", "s3", "cloudwatch", "sts", "sqs",
            "organizations", "ec2")


@pytest.fixture(scope="module")
def rows(request, tmp_path_factory):
    """Case -> its row. All chosen ones are played at once: most of them wait most of the time."""
    chosen = [item.callspec.params["case"] for item in request.session.items
              if getattr(item, "function", None) is test_fault_has_no_unexpected_outcome]
    played = fault_matrix.run(chosen or CASES, tmp_path_factory.mktemp("certificates"))
    if len(played) == len(CASES):
        fault_matrix.write(played, reliability.ROWS)
    return dict(zip(chosen or CASES, played))


@pytest.mark.timely("promises seconds, and valgrind makes many of one")
@pytest.mark.parametrize("case", [pytest.param(case, marks=() if case.is_short else LONG)
                                  for case in CASES], ids=lambda case: case.name)
def test_fault_has_no_unexpected_outcome(case, rows):
    assert "problem" not in rows[case], rows[case]["problem"]


@pytest.mark.long("needs the whole matrix")
@pytest.mark.timely("promises seconds, and valgrind makes many of one")
def test_the_reliability_table_is_that_of_this_run(rows):
    if len(rows) < len(CASES):
        pytest.skip("only a part of the matrix was chosen")
    made = reliability.render([rows[case] for case in CASES])
    assert reliability.DOCUMENT.read_text() == made, "make reliability, and look at the difference"


def test_the_short_run_meets_every_call_every_fault_and_every_attempt():
    short = [case for case in CASES if case.is_short]
    assert len(short) < len(CASES) / 8
    for value in ("target", "kind", "attempt"):
        assert {getattr(case, value) for case in short} == {getattr(case, value) for case in CASES}


def test_matrix_covers_every_call():
    """The linker keeps of the binary only what can be reached, names of operations included."""
    session = botocore.session.get_session()
    operations = {name for service in SERVICES
                  for name in session.get_service_model(service).operation_names}
    sources = "".join(path.read_text() for path in (ROOT / "src" / "aws").glob("*.c"))
    named = operations & set(re.findall(r'"([A-Z][A-Za-z]+)"', sources))
    shipped = bootstrap_path().read_bytes()
    called = {name for name in named if re.search(rb"\b" + name.encode() + rb"\0", shipped)}
    assert called == {target.name.split()[1] for target in fault_matrix.TARGETS}


SIGNATURE = "5f1d" * 16
SECRETS = [SECRET_ACCESS_KEY, SESSION_TOKEN, ACCESS_KEY_ID, SIGNATURE, MARKER, EXTERNAL_ID,
           fault_matrix.HEADER, SESSION_TOKEN[:16], SESSION_TOKEN[20:36], SECRET_ACCESS_KEY[-16:],
           MARKER[-16:]]


def a_call(name, protocol, body, form=None):
    service, _, operation = name.partition(":")
    request = SimpleNamespace(body=body.encode())
    return Call(service, operation, protocol, replace(NO_SCOPE, signature=SIGNATURE), request,
                form or {})


def as_json(text):
    return json.dumps({"a": [{"b": f"said {text}"}]}).replace("/", "\\/")


# where: the call that carries it
CALLS = {
    "alert": lambda text: a_call("sns:Publish", "query", f"Message={quote_plus(text)}",
                                 {"Message": f"said {text}"}),
    "finding": lambda text: a_call("securityhub:POST /findings/import", "rest-json", as_json(text)),
    "page": lambda text: a_call("s3:PutObject", "s3", text.replace("/", "&#47;")),
    "verdict": lambda text: a_call("config:PutEvaluations", "json", as_json(text)),
    "item": lambda text: a_call("dynamodb:PutItem", "json", as_json(text)),
    "item in a transaction": lambda text: a_call(
        "dynamodb:TransactWriteItems", "json", as_json(text)),
}


def a_play(log="", said=b"", calls=()):
    """One that has ended, as far as is looked at for secrets."""
    aws = SimpleNamespace(keys={ACCESS_KEY_ID: (SECRET_ACCESS_KEY, SESSION_TOKEN)}, calls=calls)
    play = fault_matrix.Play(CASES[0], SimpleNamespace(aws=aws), {})
    play.function, play.said = SimpleNamespace(log=log), said
    return play


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("where", ["log", "answer", *CALLS])
def test_leaked_secret_is_found_in_every_output(where, secret):
    signed = CALLS["alert"]("nothing")  # signatures are known from the calls
    play = a_play(log=f"x {secret} y" if where == "log" else "",
                  said=f"x {secret} y".encode() if where == "answer" else b"",
                  calls=[signed, CALLS[where](secret)] if where in CALLS else [signed])
    with pytest.raises(AssertionError, match="told"):
        play._check_secrets()


def test_secret_that_aws_requires_is_no_leak():
    token = json.dumps({"ResultToken": f"{MARKER}-token", "Evaluations": []})
    calls = [a_call("config:PutEvaluations", "json", token),
             a_call("sts:AssumeRole", "query", "", {"ExternalId": EXTERNAL_ID}),
             *(make("words") for make in CALLS.values())]
    a_play(log="words", said=b"words", calls=calls)._check_secrets()


def test_every_call_is_tested_with_every_quoted_secret():
    """At the last attempt nothing repeats a call; what is denied or expired is never repeated."""
    for number, target in enumerate(fault_matrix.TARGETS):
        met = {case.quote for case in CASES
               if case.target == number and case.kind in ("denied", "expired")}
        assert met == set(fault_matrix.QUOTES), target.name


def test_every_examined_call_is_in_the_matrix():
    assert fault_matrix.TELLING <= {target.operation for target in fault_matrix.TARGETS}
