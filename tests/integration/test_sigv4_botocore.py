# SPDX-License-Identifier: Apache-2.0
"""Our signer against two others: botocore on random requests, and AWS's own signing test suite.

The signer is reached through the tool built from sigv4_tool.c. botocore's query rules are followed
where a query is given as parameters; a query that is given as text is passed on by botocore as it
stands, so that form is only drawn in AWS's own encoding.
"""

import datetime
import json
import os
import pathlib
import random
import subprocess
import urllib.parse

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest

SEED = 20261123
REQUESTS = 10_000
ROOT = pathlib.Path(__file__).resolve().parents[2]
UNRESERVED = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
RESERVED = "!$&'()*+,;=:@/?#[]"
ODD_TEXT = UNRESERVED + RESERVED + " %\"<>\\^`{|}" + "éüßñ" + "日本語" + "😀𐍈"
WHITE = [" ", "  ", "\t", " \t ", "     ", "\r\n ", "\v", "\f"]
UNSIGNED_NAMES = ["User-Agent", "Expect", "connection", "X-Amzn-Trace-Id", "TE", "Upgrade"]
OURS_ALONE = ["amz-sdk-invocation-id", "Amz-Sdk-Request"]  # botocore adds these after signing
HEADER_NAMES = [
    "x-amz-meta-a",
    "X-Amz-Meta-A-b",
    "x-amz-meta-a_b",
    "X-AMZ-META-A1",
    "x-amz-meta-aa",
    "x-amz-meta",
    "X-Amz-Target",
    "x-amz-date-x",
    "X-Amz-Datea",
    "Content-Type",
    "Content-Length",
    "Range",
    "If-None-Match",
    "a",
    "a-",
    "A.b",
    "z",
    "host2",
    "Hos",
]


def tool_path():
    folder = os.environ.get("DESYNC_GUARD_TOOLS") or ROOT / "build" / "test" / "tools"
    return pathlib.Path(folder) / "sigv4_tool"


def sign_all(cases):
    """One answer a case, in order."""
    if not tool_path().exists():
        pytest.skip(f"{tool_path()} is not built")
    lines = "".join(json.dumps(case) + "\n" for case in cases)
    done = subprocess.run([tool_path()], input=lines.encode(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    answers = [json.loads(line) for line in done.stdout.decode().splitlines()]
    assert len(answers) == len(cases)
    return answers


# --- random requests ------------------------------------------------------------------------------


def text(rng, alphabet, longest):
    return "".join(rng.choice(alphabet) for _ in range(rng.randint(0, longest)))


def random_path(rng, is_s3):
    segments = [
        rng.choice([text(rng, ODD_TEXT, 12), text(rng, UNRESERVED, 8), "", ".", "..", "...", "a b"])
        for _ in range(rng.randint(0, 6))
    ]
    path = "/" + "/".join(segments)
    if is_s3 or rng.random() < 0.5:
        return urllib.parse.quote(path, safe="/~")
    return path.replace("?", "").replace("#", "")


def encoded_in_any_way(rng, part, raw):
    """`part` as some client might send it: what need not be escaped sometimes is, either case."""
    out = []
    for char in part:
        if char in raw and rng.random() < 0.5:
            out.append(char)
        else:
            form = rng.choice(["%{:02X}", "%{:02x}"])
            out.extend(form.format(byte) for byte in char.encode())
    return "".join(out)


def sent_pair(rng, name, value):
    raw_name = ODD_TEXT.translate(str.maketrans("", "", "&=#%"))
    raw_value = raw_name + "="
    sent = encoded_in_any_way(rng, name, raw_name)
    if value or not sent or rng.random() < 0.5:
        sent += "=" + encoded_in_any_way(rng, value, raw_value)
    return sent


def random_pairs(rng):
    names = ["acl", "list-type", "prefix", "a", "a-b", "a.b", "A", "marker", "", "versioning"]
    pairs = []
    for _ in range(rng.choice([0, 0, 1, 2, 3, 6])):
        name = rng.choice([*names, text(rng, ODD_TEXT, 8)])
        pairs.append((name, rng.choice(["", text(rng, ODD_TEXT, 12), "1", "-", "~"])))
    return pairs


def random_value(rng):
    words = [text(rng, UNRESERVED + RESERVED + "\"<>éü日😀", 8) for _ in range(rng.randint(0, 4))]
    out = rng.choice(["", *WHITE])
    for word in words:
        out += word + rng.choice(WHITE)
    return out + rng.choice(["", *WHITE])


def random_headers(rng):
    names = rng.choices(HEADER_NAMES + UNSIGNED_NAMES, k=rng.choice([0, 1, 2, 4, 8]))
    headers = [["Host", rng.choice(["example.amazonaws.com", "b.s3.eu-west-1.amazonaws.com:8443"])]]
    for name in names:
        headers.append([rng.choice([name, name.lower(), name.upper()]), random_value(rng)])
    if rng.random() < 0.2:  # the same value again, and others of that name: all are joined in order
        headers += [list(rng.choice(headers[1:] or [["x-amz-meta-r", "1"]])), ["X-Amz-Meta-R", "2"]]
    rng.shuffle(headers)
    return headers


def random_body(rng):
    kind = rng.random()
    if kind < 0.3:
        return b""
    if kind < 0.5:
        return b"Action=DescribeTags&Version=2015-12-01"
    return rng.randbytes(rng.choice([1, 55, 56, 63, 64, 65, 300, 5000]))


def random_request(rng, secrets):
    is_s3 = rng.random() < 0.4
    access_key, secret, token = rng.choice(secrets)
    # Few days, regions and secrets: the tool's key cache both hits and misses.
    day = datetime.datetime(rng.choice([1970, 2015, 2026, 2026, 2099]), 2, rng.choice([1, 28]))
    return {
        "method": rng.choice(["GET", "POST", "PUT", "DELETE", "HEAD", "PATCH"]),
        "path": random_path(rng, is_s3),
        "pairs": random_pairs(rng),
        "has_text_query": rng.random() < 0.5,
        "headers": random_headers(rng),
        "body": random_body(rng),
        "access_key_id": access_key,
        "secret_access_key": secret,
        "session_token": token,
        "region": rng.choice(["eu-west-1", "us-gov-west-1"]),
        "service": "s3" if is_s3 else rng.choice(["config", "elasticloadbalancing", "service"]),
        "time": day + datetime.timedelta(seconds=rng.randrange(86400)),
        "is_unsigned": not is_s3 and rng.random() < 0.1,
    }


def ours(rng, request):
    """The request as the tool takes it."""
    if request["has_text_query"]:
        query = text_query(request["pairs"])
    else:
        query = "&".join(sent_pair(rng, *pair) for pair in request["pairs"])
    epoch = datetime.datetime(1970, 1, 1)
    headers = list(request["headers"])
    if rng.random() < 0.2:
        headers.insert(rng.randint(0, len(headers)), [rng.choice(OURS_ALONE), "attempt=1; max=3"])
    same = ["method", "path", "access_key_id", "secret_access_key", "session_token"]
    return {key: request[key] for key in [*same, "region", "service"]} | {
        "query": query,
        "headers": headers,
        "body_hex": request["body"].hex(),
        "time_ms": (request["time"] - epoch) // datetime.timedelta(milliseconds=1),
        "path_as_is": request["service"] == "s3",
        "payload_header": request["service"] == "s3",
        "unsigned_payload": request["is_unsigned"],
    }


def text_query(pairs):
    """In AWS's own encoding, unsorted."""
    quoted = [[urllib.parse.quote(part, safe="-_.~") for part in pair] for pair in pairs]
    return "&".join(name if name and not value else f"{name}={value}" for name, value in quoted)


def signed_by_botocore(request, monkeypatch):
    """(canonical request, signed headers as a dictionary) of botocore's signer."""
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: request["time"])
    query = text_query(request["pairs"]) if request["has_text_query"] else ""
    aws_request = botocore.awsrequest.AWSRequest(
        method=request["method"],
        url="https://example.amazonaws.com" + request["path"] + ("?" + query if query else ""),
        params=None if request["has_text_query"] else request["pairs"],
        data=request["body"],
    )
    aws_request.context["payload_signing_enabled"] = not request["is_unsigned"]
    for name, value in request["headers"]:
        aws_request.headers.add_header(name, value)
    credentials = botocore.credentials.Credentials(
        request["access_key_id"], request["secret_access_key"], request["session_token"] or None
    )
    is_s3 = request["service"] == "s3"
    signer = botocore.auth.S3SigV4Auth if is_s3 else botocore.auth.SigV4Auth
    signer = signer(credentials, request["service"], request["region"])
    signer.add_auth(aws_request)
    authorization = aws_request.headers["Authorization"]
    del aws_request.headers["Authorization"]
    return signer.canonical_request(aws_request), authorization


def test_random_requests_are_signed_as_botocore_signs_them(monkeypatch):
    rng = random.Random(SEED)
    secrets = [
        ("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", ""),
        ("ASIAEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEZ", "IQoJb3JpZ2luX2//+" * 20 + "="),
        ("ASIAEXAMPLF", "short", "t"),
    ]
    requests = [random_request(rng, secrets) for _ in range(REQUESTS)]
    mismatches = []
    for request, answer in zip(requests, sign_all([ours(rng, r) for r in requests]), strict=True):
        canonical, authorization = signed_by_botocore(request, monkeypatch)
        found = (answer["canonical_request"], answer["headers"].get("Authorization"))
        if answer["status"] != "OK" or found != (canonical, authorization):
            mismatches.append((found, canonical, authorization))
    assert not mismatches, f"{len(mismatches)} of {REQUESTS} differ, the first: {mismatches[0]}"


# --- AWS's signing test suite ---------------------------------------------------------------------


def suite_folders():
    data = os.environ.get("DESYNC_GUARD_SHARED")
    if not data:
        return []
    suite = pathlib.Path(data) / "data/aws/sigv4-suite/tests/aws-signing-test-suite/v4"
    return sorted(folder for folder in suite.glob("*") if folder.is_dir())


def suite_headers(lines):
    headers = []
    for line in lines:
        if line[0] in " \t":  # continues the value of the line before
            headers[-1][1] += "\n" + line
        else:
            headers.append(list(line.split(":", 1)))
    return headers


def suite_request(folder):
    """request.txt has paths as a user gives them: a client encodes those it does not normalise."""
    context = json.loads((folder / "context.json").read_text())
    head, _, body = (folder / "request.txt").read_bytes().partition(b"\n\n")
    first, *lines = head.decode().splitlines()
    method, target = first.removesuffix(" HTTP/1.1").split(" ", 1)
    path, _, query = target.partition("?")
    time = datetime.datetime.fromisoformat(context["timestamp"].replace("Z", "+00:00"))
    credentials = context["credentials"]
    return {
        "method": method,
        "path": path if context["normalize"] else urllib.parse.quote(path, safe="/~"),
        "query": query,
        "headers": suite_headers(lines),
        "body_hex": body.hex(),
        "access_key_id": credentials["access_key_id"],
        "secret_access_key": credentials["secret_access_key"],
        "session_token": credentials.get("token", ""),
        "region": context["region"],
        "service": context["service"],
        "time_ms": int(time.timestamp()) * 1000,
        "path_as_is": not context["normalize"],
        "payload_header": context["sign_body"],
        "omit_token": context.get("omit_session_token", False),
    }


def test_the_signing_test_suite_agrees_at_every_stage():
    folders = suite_folders()
    if not folders:
        pytest.skip("no signing test suite: DESYNC_GUARD_SHARED names no folder that holds it")
    assert len(folders) == 38
    for folder, answer in zip(folders, sign_all([suite_request(f) for f in folders]), strict=True):
        for stage in ["canonical_request", "string_to_sign", "signature"]:
            expected = (folder / f"header-{stage.replace('_', '-')}.txt").read_text()
            assert answer[stage] == expected, f"{folder.name}: {stage}"
