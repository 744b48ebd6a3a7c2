# SPDX-License-Identifier: Apache-2.0
"""Days that pass in no time: the binary reads the real clock, so that what the state table and
CloudWatch remember is moved into the past instead. And the history of a fleet, as the function
would have written it on earlier days.
"""

import datetime
import re

from botocore.config import Config

from .aws import ACCOUNT, REGION
from .log_bucket import line

UTC = datetime.timezone.utc
DAY = datetime.timedelta(days=1)
TIME = re.compile(r"\d{4}-\d\d-\d\d(T\d\d(:\d\d:\d\d(\.\d+)?Z)?)?")
KEPT = ("TRAFFIC#", "DAY#")  # of hours and days: they move by whole days
NAMESPACE = "AWS/ApplicationELB"
METRICS = {"requests": "RequestCount", "blocked": "DesyncMitigationMode_NonCompliant_Request_Count",
           "refused": "HTTPCode_ELB_4XX_Count", "errors": "HTTPCode_Target_5XX_Count"}

UNCOMPRESSED = Config(disable_request_compression=True)  # the local AWS reads no gzip


def now():
    return datetime.datetime.now(UTC)


def iso(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"


def pass_time(loop, minutes, days=0):
    """So much time has passed since all that the table and CloudWatch know; what has expired is
    gone. What is kept by the hour and the day moves by whole days only: by so many."""
    earlier = datetime.timedelta(minutes=minutes)
    pages = loop.client("dynamodb").get_paginator("scan").paginate(TableName=loop.table)
    deletions, puts = [], []
    for old in [item for page in pages for item in page["Items"]]:
        distance = days * DAY if old["sk"]["S"].startswith(KEPT) else earlier
        new = {name: _moved(value, distance) for name, value in old.items()}
        if new["sk"] != old["sk"]:
            deletions.append({"DeleteRequest": {"Key": {"pk": old["pk"], "sk": old["sk"]}}})
        if float(new.get("expires_at", {"N": "inf"})["N"]) > now().timestamp():
            puts.append({"PutRequest": {"Item": new}})
    _write(loop, deletions)  # first: one may have the key to which another item moves
    _write(loop, puts)
    for datum in loop.aws.moto.metrics(REGION):
        datum.timestamp -= earlier


def _moved(value, earlier):
    if "S" in value:
        return {"S": TIME.sub(lambda found: _earlier(found[0], earlier), value["S"])}
    if "N" in value and float(value["N"]) > 1e9:  # seconds, or milliseconds
        unit = 1000 if float(value["N"]) > 1e11 else 1
        return {"N": str(int(value["N"]) - int(earlier.total_seconds() * unit))}
    return value


def _earlier(text, earlier):
    if len(text) == len("2026-11-23"):
        return (datetime.date.fromisoformat(text) - earlier).isoformat()
    if len(text) == len("2026-11-23T08"):
        return (datetime.datetime.fromisoformat(text + ":00") - earlier).strftime("%Y-%m-%dT%H")
    return iso(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")) - earlier)


def _write(loop, requests):
    client = loop.client("dynamodb")
    for at in range(0, len(requests), 25):
        client.batch_write_item(RequestItems={loop.table: requests[at:at + 25]})


def measure(loop, arn, samples):
    """What CloudWatch knows: (moment, {"requests": 42, "refused": 1}) of minutes."""
    dimensions = [{"Name": "LoadBalancer", "Value": arn.partition("loadbalancer/")[2]}]
    data = [{"MetricName": METRICS[name], "Timestamp": moment, "Value": value,
             "Dimensions": dimensions}
            for moment, values in samples for name, value in values.items() if value]
    client = loop.aws.client("cloudwatch", config=UNCOMPRESSED)
    for at in range(0, len(data), 1000):
        client.put_metric_data(Namespace=NAMESPACE, MetricData=data[at:at + 1000])


def mixed_lines(moment, count, first=0):
    """Of an access log, the first of them line `first`: mostly sound HTTP/1.1 of 40 networks, a fifth of it HTTP/2, health checks,
    and a scanner whose requests strictest would block, but that nobody served."""
    time = moment.strftime("%Y-%m-%dT%H:%M:%S")
    lines = []
    for number in range(first, first + count):
        client = f"198.51.{number % 40}.7"
        if number % 5 == 0:
            lines.append(line(time, client=client, type_="h2"))
        elif number % 50 == 1:
            lines.append(line(time, client="10.0.0.9", agent="ELB-HealthChecker/2.0"))
        elif number % 1000 == 2:
            lines.append(line(time, "Ambiguous", "UndefinedContentLengthSemantics",
                              client="192.0.2.66", agent="scanner/1", statuses="404 404"))
        else:
            lines.append(line(time, client=client))
    return lines


def careless_lines(moment, count, statuses):
    """Of a client that sends a body with GET: served, or refused by strictest ("400 -")."""
    time = moment.strftime("%Y-%m-%dT%H:%M:%S")
    return [line(time, "Ambiguous", "UndefinedContentLengthSemantics", client="203.0.113.9",
                 agent="partner-batch/3", statuses=statuses)] * count


# --- history ----------------------------------------------------------------------------------

def _item(**values):
    return {"PutRequest": {"Item": {name: {"N": str(value)} if isinstance(value, int) else
                                    {"S": value} for name, value in values.items()}}}


def put_history(loop, balancers, days):
    """The fleet of each day, incidents and corrections, and one promotion that has held, as the
    function writes them. `balancers` by name."""
    def ago(**distance):
        return now() - datetime.timedelta(**distance)

    expires = int((now() + 300 * DAY).timestamp())
    requests = []
    for day in range(days, 0, -1):
        weak = max(0, 4 * (day - 8) // (days - 8)) if day > 8 else 0
        strict = 1 if day <= 20 else 0
        requests.append(_item(
            pk=f"POSTURE#{ACCOUNT}#{REGION}", sk=f"DAY#{ago(days=day).date()}", listed=13,
            nonCompliant=weak + 2, monitor=weak, defensive=13 - weak - strict, strictest=strict,
            expires_at=expires))
    for name, opened, hours in (("storefront", 27, 50), ("search", 24, 30), ("catalogue", 21, 9),
                                ("mobile-api", 16, 26), ("storefront", 12, 3), ("search", 9, 1)):
        arn, begin = balancers[name].arn, ago(days=opened)
        end = begin + datetime.timedelta(hours=hours)
        owner = balancers[name].tags.get("Owner", "none")
        requests.append(_item(pk=arn, sk=f"INCIDENT#{iso(begin)}", openedAt=iso(begin),
                              closedAt=iso(end), requiredMode="defensive", owner=owner,
                              findings="MODE_TOO_WEAK"))
        requests.append(_item(
            pk=arn, sk=f"CHANGE#{iso(end)}", changedAt=iso(end), before="monitor",
            after="defensive", attribute="routing.http.desync_mitigation_mode", writer="history",
            why="the mode is weaker than required", lastWriterUserAgent="Terraform/1.9.8",
            lastWriter="arn:aws:sts::123456789012:assumed-role/Deploy/terraform",
            lastWriterInvokedBy="none"))
    requests += _held(balancers["identity"], ago(days=20))
    _write(loop, requests)


def _held(balancer, changed):
    """A promotion, and its watch that has ended well."""
    ended = changed + datetime.timedelta(minutes=70)
    baseline = {"baselineFrom": iso(changed - datetime.timedelta(hours=1)),
                "baselineTo": iso(changed), "baselineHasData": 1, "baselineRequests": 5200,
                "baselineNonCompliant": 0, "baselineElb4xx": 3, "baselineElb5xx": 0,
                "baselineTarget5xx": 2}
    yield _item(pk="WATCH", sk=balancer.arn, version=3, status="closed", ending="held",
                changedAt=iso(changed), before="defensive", after="strictest", minutes=60,
                plannedAlphaPpb=5000000, plannedLooks=2016, plannedRiskPpb=1000000, lookedOnDay=19,
                endedAt=iso(ended), note="errors did not rise, and no client is blocked, in 65 "
                "minutes", untold=0, owner=balancer.tags["Owner"], ringKnown=1, **baseline)
    yield _item(pk=balancer.arn, sk=f"CHANGE#{iso(changed)}", changedAt=iso(changed),
                action="promote", attribute="routing.http.desync_mitigation_mode",
                before="defensive", after="strictest", writer="history",
                why="the evidence supports strictest", **baseline)

