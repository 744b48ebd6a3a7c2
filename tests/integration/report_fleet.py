# SPDX-License-Identifier: Apache-2.0
"""Fleets for the tests of the report formats, and the writers as functions.

A fleet is the JSON that report_tool.c reads; its text may hold any byte (`surrogateescape`).
"""
import json
import os
import pathlib
import random
import subprocess
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOLS = pathlib.Path(os.environ.get("DESYNC_GUARD_TOOLS") or ROOT / "build" / "test" / "tools")
GENERATED_MS = 1_795_420_800_123
GENERATED = "2026-11-23T08:00:00.123Z"
ACCOUNTS = ["123456789012", "210987654321"]
REGIONS = ["eu-west-1", "us-east-1", "ap-northeast-1"]
TYPE = "AWS::ElasticLoadBalancingV2::LoadBalancer"
MODES = ["monitor", "defensive", "strictest"]

# What a tag, a name or an error text might hold in order to get out of where it is written.
HOSTILE = [
    '"><script>alert(1)</script>',
    "'; DROP TABLE--",
    "]]>&amp;&lt;<!--",
    "=HYPERLINK(\"http://x\",\"y\")",
    "+1", "-1", "@SUM(A1)", "\t=1", "\r\n=1", "'=1", "'", "''",
    "a,b;c|d\\e | f",
    "line\nline\r\nline",
    "\x00\x01\x1b[31m\x7f\x85",
    "\udcff\udcc3(\udce2\udc82",  # no UTF-8
    "\u2028\u202e\ufeff\ufffe\uffff",
    "[click](https://x/)", "{0} %s %n ${x}",
    "日本語 😀 é",
    "../..", "a/b?c#d%20e",
    "x" * 5000,
    "",
]


def arn(account, region, name, number):
    return (f"arn:aws:elasticloadbalancing:{region}:{account}:"
            f"loadbalancer/app/{name}/{number:016x}")


def finding(identity, failing=True, subject="", message=None):
    return {"id": identity, "failing": failing, "subject": subject,
            "message": f"{identity}: see to it." if message is None else message}


def row(number, verdict, **changes):
    account, region = ACCOUNTS[number % 2], REGIONS[number % 3]
    name = f"alb-{number}"
    facts = {
        "account": account, "region": region, "name": name, "scheme": "internet-facing",
        "type": TYPE, "id": arn(account, region, name, number), "compliance": verdict,
        "mode": "defensive", "required": "defensive", "because": "minimum", "grade": "C",
        "owner": "team-a", "live": True, "excused": False, "until": "",
        "ordering_ms": GENERATED_MS - number, "findings": [], "reason": "",
    }
    if verdict == "NON_COMPLIANT":
        facts |= {"mode": "monitor", "grade": "F", "findings": [
            finding("MODE_TOO_WEAK"), finding("TAG_MISSING", subject="Owner"),
            finding("TAG_MISSING", subject="Team"), finding("EXCEPTION_UNUSED", failing=False)]}
    if verdict == "UNKNOWN":
        facts |= {"mode": "", "grade": "", "scheme": "", "owner": "", "ordering_ms": 0,
                  "reason": "the tags could not be read", "findings": [
                      finding("HEADERS_NOT_DROPPED", failing=False)]}
    if verdict == "NOT_APPLICABLE":
        facts |= {"mode": "", "required": "", "grade": "",
                  "reason": "a network load balancer has no desync mitigation mode"}
    return facts | changes


VERDICTS = ["COMPLIANT", "NON_COMPLIANT", "NOT_APPLICABLE", "UNKNOWN"]


def fleet(rows, **changes):
    return {"generated_ms": GENERATED_MS, "version": "0.1.0", "accounts": ACCOUNTS,
            "regions": sorted(REGIONS), "listed": len(rows), "interrupted": False, "gaps": [],
            "rows": rows} | changes


def usual(count=8, **changes):
    rows = [row(i, VERDICTS[i % 4]) for i in range(count)]
    if rows:
        rows[0] |= {"excused": True, "until": "2026-12-01", "mode": "monitor", "grade": "F",
                    "findings": [finding("EXCEPTION_ACTIVE", failing=False)]}
    return fleet(rows, **changes)


GAPS = [{"account": ACCOUNTS[0], "region": "us-west-2", "reason": "access denied"},
        {"account": ACCOUNTS[1], "region": "eu-west-1", "reason": "throttled"}]


def incomplete():
    return usual(gaps=GAPS, interrupted=True, listed=12)


def hostile(seed=20261123):
    """Every text that comes from outside is hostile, in every verdict."""
    draw = random.Random(seed)
    pick = lambda: draw.choice(HOSTILE)
    rows = []
    for number, text in enumerate(HOSTILE * 2):
        verdict = VERDICTS[number % 4]
        findings = [finding("MODE_TOO_WEAK", subject=pick(), message=text),
                    finding("TAG_MISSING", subject=text, message=pick())]
        rows.append(row(number, verdict, owner=text, name=text or "n", reason=pick(),
                        until=pick(), because=pick(), region=pick() or "eu-west-1",
                        account=pick() or ACCOUNTS[0], id=f"{number}{text}",
                        findings=findings if number % 3 else []))
    gaps = [{"account": text, "region": pick(), "reason": text} for text in HOSTILE]
    return fleet(rows, gaps=gaps, interrupted=True, accounts=HOSTILE, regions=HOSTILE)


def thousand():
    draw = random.Random(1)
    return fleet([row(i, draw.choice(VERDICTS[:2] * 8 + VERDICTS),
                      scheme=draw.choice(["internal", "internet-facing"])) for i in range(1000)])


def quoted(value):
    """The value with each text in it as the tool wants it."""
    if isinstance(value, str):
        return urllib.parse.quote_from_bytes(value.encode(errors="surrogateescape"), safe=" /:-_")
    if isinstance(value, dict):
        return {key: quoted(item) for key, item in value.items()}
    return [quoted(item) for item in value] if isinstance(value, list) else value


def write(kind, value, *options):
    """The document, and the bytes of memory that its writer took (0 for the metrics)."""
    text = json.dumps(quoted(value)).encode()
    done = subprocess.run([TOOLS / "report_tool", kind, *options], input=text, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done.stdout, int(done.stderr or 0)


def render(kind, value, *options):
    return write(kind, value, *options)[0]
