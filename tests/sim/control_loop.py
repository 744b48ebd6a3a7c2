# SPDX-License-Identifier: Apache-2.0
"""What the whole control loop works with besides load balancers: a state table, a topic with a queue
behind it, an AWS Config rule, and the API calls that EventBridge delivers."""

import json
import uuid
from collections import Counter
from dataclasses import dataclass

from . import events
from .moto_backend import DESYNC_MODE

RULE = "desync-guard"
MODIFY = "elbv2:ModifyLoadBalancerAttributes"
READ_MODE = "elbv2:DescribeLoadBalancerAttributes"
READ_TAGS = "elbv2:DescribeTags"
READ_STATE = "dynamodb:GetItem"
PUT_ITEM = "dynamodb:PutItem"
UPDATE_ITEM = "dynamodb:UpdateItem"
QUERY = "dynamodb:Query"
TRANSACT = "dynamodb:TransactWriteItems"
PUBLISH = "sns:Publish"
START_RULE = "config:StartConfigRulesEvaluation"
REPORT = "config:PutEvaluations"


@dataclass
class Alert:
    subject: str
    body: str
    attributes: dict


class ControlLoop:
    """Sees the table and the queue as AWS has them; no fault and no count is touched by looking."""

    def __init__(self, aws):
        self.aws = aws
        self.table = f"desync-guard-{uuid.uuid4().hex[:8]}"
        self._alerts = []
        self.client("dynamodb").create_table(
            TableName=self.table, BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"},
                       {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"}
                                  for name in ("pk", "sk")])
        self.topic = self.client("sns").create_topic(Name=self.table)["TopicArn"]
        self.queue = self.client("sqs").create_queue(QueueName=self.table)["QueueUrl"]
        self.client("sns").subscribe(
            TopicArn=self.topic, Protocol="sqs",
            Endpoint=self.topic.replace(":sns:", ":sqs:"))
        aws.config.add_rule(RULE)
        aws.reset_counts()

    def client(self, service):
        return self.aws.client(service)

    def environment(self, **changes):
        """The function's variables, everything on; a change of None takes one away."""
        return {"ENFORCEMENT": "enforce", "STATE_TABLE": self.table, "CONFIG_RULE_NAME": RULE,
                "ALERT_TOPIC_ARN": self.topic, **changes}

    def look(self, operation):
        """The answer of `operation(client of a service)` with faults and counts left as they are."""
        counts, calls, faults = Counter(self.aws.counts), list(self.aws.calls), self.aws.faults
        self.aws.faults = type(faults)()
        try:
            return operation()
        finally:
            self.aws.faults = faults
            self.aws.counts.clear()
            self.aws.counts.update(counts)
            self.aws.calls[:] = calls

    def items(self, arn=None):
        """All items of the table, plain: {(pk, sk): {name: value}}; those of one load balancer."""
        pages = self.look(lambda: list(
            self.client("dynamodb").get_paginator("scan").paginate(TableName=self.table)))
        found = {}
        for page in pages:
            for item in page["Items"]:
                plain = {name: int(value["N"]) if "N" in value else
                         value["S"] if "S" in value else set(value["SS"])
                         for name, value in item.items()}
                if arn in (None, plain["pk"]):
                    found[plain["pk"], plain["sk"]] = plain
        return found

    def records(self, arn, kind):
        """The items of one kind ("STATE", "CHANGE"), in order of their time."""
        return [item for (_, sk), item in sorted(self.items(arn).items())
                if sk.partition("#")[0] == kind]

    def alerts(self):
        """All that were received so far."""
        while True:
            got = self.look(lambda: self.client("sqs").receive_message(
                QueueUrl=self.queue, MaxNumberOfMessages=10)).get("Messages", [])
            if not got:
                return self._alerts
            for message in got:
                self._alerts.append(_alert(json.loads(message["Body"])))
                self.look(lambda: self.client("sqs").delete_message(
                    QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"]))

    def subjects(self):
        return [alert.subject for alert in self.alerts()]

    def mode_of(self, arn, account="123456789012"):
        return self.aws.moto.load_balancers("eu-west-1", account)[arn].attrs[DESYNC_MODE]

    def set_mode(self, arn, mode):
        """Somebody else's change, with or without an event."""
        self.aws.moto.load_balancers("eu-west-1")[arn].attrs[DESYNC_MODE] = mode

    def put_rule_token(self, event):
        """What AWS Config does when it invokes the rule: the token is good for this rule."""
        self.aws.config.add_token(json.loads(event)["resultToken"], RULE)
        return event


def _alert(envelope):
    attributes = {name: each["Value"] for name, each in envelope["MessageAttributes"].items()}
    return Alert(envelope["Subject"], envelope["Message"], attributes)


def call(sample, arn, **detail):
    """A sample of events/ about this load balancer, just made, under an event id of its own."""
    event = json.loads(events.load(f"elb-call.{sample}"))
    request, response = (event["detail"][part] or {}
                         for part in ("requestParameters", "responseElements"))
    if "loadBalancerArn" in request:
        request["loadBalancerArn"] = arn
    if "resourceArns" in request:
        request["resourceArns"] = [arn]
    for created in response.get("loadBalancers", []):
        created["loadBalancerArn"] = arn
    event["detail"].update({"eventID": str(uuid.uuid4()), **detail})
    event["account"] = event["detail"]["recipientAccountId"] = arn.split(":")[4]
    return event


def config_change(load_balancer):
    """AWS Config's item of this load balancer, weakened: (event, its text)."""
    def change(inner):
        item = inner["configurationItem"]
        item["resourceId"] = item["ARN"] = load_balancer.arn
        item["resourceName"] = load_balancer.name

    return events.with_invoking_event(events.load("config-change.monitor-owner"), change)
