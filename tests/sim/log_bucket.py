# SPDX-License-Identifier: Apache-2.0
"""A bucket that access logs are delivered to, and the events by which S3 announces them."""

import datetime
import gzip
import itertools
import json
import uuid
from urllib.parse import quote_plus

ACCOUNT = "123456789012"
REGION = "eu-west-1"
GET = "s3:GetObject"
COUNT = "dynamodb:UpdateItem"
COUNTERS = {"-": "compliant", "Acceptable": "acceptable", "Ambiguous": "ambiguous",
            "Severe": "severe"}


def line(time, class_="-", reason="-", client="203.0.113.9", agent="curl/8.1",
         host="shop.example", type_="https", statuses="200 200"):
    """One line of today's 34 fields; `time` as 2026-11-23T08:01:00."""
    return (f'{type_} {time}.000000Z app/shop/0123456789abcdef {client}:51002 10.0.0.1:80 0.001 '
            f'0.002 0.000 {statuses} 300 512 "GET https://{host}:443/ HTTP/1.1" "{agent}" '
            f'ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 arn:aws:tg "Root=1-5" "{host}" "-" 0 '
            f'{time}.000000Z "forward" "-" "-" "10.0.0.1:80" "200" "{class_}" "{reason}" TID_1 "-" '
            f'"-" "-" 10.0.0.7')


def gzipped(lines):
    return gzip.compress("".join(each + "\n" for each in lines).encode(), mtime=0)


class LogBucket:
    """Objects are put without counting or disturbing the calls of the function under test."""

    def __init__(self, aws, region=REGION):
        self.aws, self.region = aws, region
        self.name = f"alb-logs-{uuid.uuid4().hex[:8]}"
        self._randoms = itertools.count()
        self.s3 = aws.client("s3")
        self.s3.create_bucket(Bucket=self.name,
                              CreateBucketConfiguration={"LocationConstraint": region})
        aws.reset_counts()

    def key(self, name="shop", id_="0123456789abcdef", account=ACCOUNT, region=REGION,
            day="2026/11/23", end=None):
        """A key of its own, as Elastic Load Balancing makes them; of now unless `end` is another
        time (20261123T0810Z)."""
        random = f"{next(self._randoms):08x}"
        end = end or datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%MZ")
        return (f"AWSLogs/{account}/elasticloadbalancing/{region}/{day}/{account}_"
                f"elasticloadbalancing_{region}_app.{name}.{id_}_{end}_198.51.100.7_"
                f"{random}.log.gz")

    def put(self, content, key=None):
        """(key, ETag) of a new object; `content` is bytes, or lines to compress."""
        key = key or self.key()
        body = content if isinstance(content, bytes) else gzipped(content)
        answer = self.s3.put_object(Bucket=self.name, Key=key, Body=body)
        self.aws.reset_counts()
        return key, answer["ETag"].strip('"')

    # The events

    def record(self, stored, event_name="ObjectCreated:Put"):
        key, e_tag = stored
        return {"eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": self.region,
                "eventTime": "2026-11-23T08:12:00.000Z", "eventName": event_name,
                "s3": {"s3SchemaVersion": "1.0", "bucket": {"name": self.name},
                       "object": {"key": quote_plus(key, safe="/"), "size": 1, "eTag": e_tag}}}

    def notification(self, *stored):
        return {"Records": [self.record(each) for each in stored]}

    def bridge_event(self, stored):
        key, e_tag = stored
        return {"version": "0", "id": str(uuid.uuid4()), "detail-type": "Object Created",
                "source": "aws.s3", "account": ACCOUNT, "time": "2026-11-23T08:12:00Z",
                "region": self.region, "resources": [f"arn:aws:s3:::{self.name}"],
                "detail": {"version": "0", "bucket": {"name": self.name}, "reason": "PutObject",
                           "object": {"key": key, "size": 1, "etag": e_tag}}}


def sns_envelope(event):
    return {"Type": "Notification", "MessageId": str(uuid.uuid4()), "Message": json.dumps(event),
            "TopicArn": f"arn:aws:sns:{REGION}:{ACCOUNT}:alb-logs"}


def queue_event(*bodies):
    """The messages m0, m1, ... of a queue; a body that is no text is made JSON."""
    return {"Records": [
        {"messageId": f"m{number}", "receiptHandle": "r", "eventSource": "aws:sqs",
         "awsRegion": REGION, "eventSourceARN": f"arn:aws:sqs:{REGION}:{ACCOUNT}:alb-logs",
         "body": body if isinstance(body, str) else json.dumps(body)}
        for number, body in enumerate(bodies)]}


def arn_of(key):
    """The load balancer that a key names."""
    account, _, region, rest = key.rpartition("/")[2].split("_")[:4]
    _, name, id_ = rest.split(".")
    return f"arn:aws:elasticloadbalancing:{region}:{account}:loadbalancer/app/{name}/{id_}"
