# SPDX-License-Identifier: Apache-2.0
"""The stages of the fault matrix: for each AWS call an event that leads to it, and what must hold
of the load balancers, AWS Config, the table and the topic however the call goes wrong."""

import copy
import datetime
import itertools
import json
from dataclasses import dataclass

from . import events
from .aws import REGION
from .control_loop import MODIFY, PUBLISH, RULE, call, config_change
from .fleet import LiveLoadBalancer
from .log_bucket import LogBucket, line
from .moto_backend import DESYNC_MODE

MARKER = "words-of-the-event-that-nobody-logs"
EXTERNAL_ID = "external-id-that-nobody-logs"
TOPIC = "fault-matrix"
MEMBER_OFFSET = 500  # from an account's number to that of its member account
NUMBERS = itertools.count()


class Stage:
    """One account with a weak load balancer and a sound one, a table, and a front of the local AWS
    of its own. Made once, set back before each case."""

    def __init__(self, shared):
        self.number = next(NUMBERS)
        self.account = f"{300_000_000_000 + self.number}"
        self.member = f"{300_000_000_000 + self.number + MEMBER_OFFSET}"
        self.function_arn = f"arn:aws:lambda:{REGION}:{self.account}:function:desync-guard"
        self.aws = shared.twin()
        self.credentials = assume(shared, self.account)
        self.table = f"faults-{self.number}"
        self.weak = self._balancer("weak", "monitor", self.account)
        self.sound = self._balancer("sound", "defensive", self.account)
        self.members = self._balancer("members", "monitor", self.member)
        for balancer in (self.weak, self.sound, self.members):
            plant(shared, balancer)
        self._make_table(shared)
        self.topic, self.bucket, self.log_object = shared.topic, shared.bucket, shared.log_object

    def _balancer(self, name, mode, account):
        return LiveLoadBalancer(f"{name}-{self.number}", f"{self.number:016x}", mode,
                                {"Owner": "a-team"}, account=account)

    def client(self, aws, service):
        return aws.client(service, **self.credentials)

    def _make_table(self, shared):
        self.client(shared, "dynamodb").create_table(
            TableName=self.table, BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"},
                       {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"}
                                  for name in ("pk", "sk")])

    def reset(self):
        self.aws.forget()
        self.aws.config.add_rule(RULE)
        for balancer in (self.weak, self.sound, self.members):
            self._live(balancer).attrs[DESYNC_MODE] = balancer.mode
        self._items().clear()

    def _live(self, balancer):
        return self.aws.moto.load_balancers(REGION, balancer.account)[balancer.arn]

    def _items(self):
        from moto.dynamodb.models import dynamodb_backends
        return dynamodb_backends[self.account][REGION].tables[self.table].items

    def records(self, kind):
        """How many items of a kind ("CHANGE") the table holds."""
        return sum(1 for of_key in self._items().values() for sk in of_key
                   if getattr(sk, "value", sk).partition("#")[0] == kind)

    def mode(self, balancer):
        return self._live(balancer).attrs[DESYNC_MODE]

    def set_mode(self, balancer, mode):
        self._live(balancer).attrs[DESYNC_MODE] = mode

    def put(self, **item):
        self.aws.moto  # its items, in its form: no call that would be counted
        from moto.dynamodb.models import dynamodb_backends
        dynamodb_backends[self.account][REGION].put_item(self.table, {
            name: {"N": str(value)} if isinstance(value, int) else {"S": value}
            for name, value in item.items()})

    def environment(self, **changes):
        return {"AWS_ACCESS_KEY_ID": self.credentials["aws_access_key_id"],
                "AWS_SECRET_ACCESS_KEY": self.credentials["aws_secret_access_key"],
                "AWS_SESSION_TOKEN": self.credentials["aws_session_token"],
                "AWS_LAMBDA_LOG_LEVEL": "TRACE", "WARM_UP": "off", "PROMOTION": "off",
                "ELB_REQUESTS_PER_SECOND": "off", **changes}

    def own(self, text):
        """An event of the samples as it is in this account, with words that nobody may log."""
        event = json.loads(text.replace("123456789012", self.account))
        event["comment"] = MARKER
        if "resultToken" in event:
            event["resultToken"] = f"{MARKER}-token"
            self.aws.config.add_token(event["resultToken"], RULE)
        return event

    def verdict(self, balancer):
        result = self.aws.config.result(RULE, balancer.arn)
        return result and result.compliance


def assume(shared, account):
    """Credentials of an account, as boto3's arguments."""
    made = shared.client("sts").assume_role(
        RoleArn=f"arn:aws:iam::{account}:role/faults", RoleSessionName="faults")["Credentials"]
    return {"aws_access_key_id": made["AccessKeyId"],
            "aws_secret_access_key": made["SecretAccessKey"],
            "aws_session_token": made["SessionToken"]}


def plant(shared, balancer):
    """A copy of the model load balancer in an account: creating one costs a VPC per account."""
    from moto.elbv2.models import elbv2_backends
    backend = elbv2_backends[balancer.account][REGION]
    planted = copy.copy(shared.moto.load_balancers(REGION)[shared.model.arn])
    planted.name, planted.arn = balancer.name, balancer.arn
    planted.attrs = {**planted.attrs, DESYNC_MODE: balancer.mode}
    backend.load_balancers[balancer.arn] = planted
    backend.tagging_service.tag_resource(
        balancer.arn, [{"Key": key, "Value": value} for key, value in balancer.tags.items()])


def furnish(shared):
    """What all stages share."""
    from . import fleet
    shared.model = LiveLoadBalancer("model", "00000000000000fe", "monitor")
    fleet.create(shared, [shared.model])
    shared.topic = shared.client("sns").create_topic(Name=TOPIC)["TopicArn"]
    shared.bucket = LogBucket(shared)
    shared.log_object = shared.bucket.put([line("2026-11-23T08:01:00", agent=MARKER)] * 3)


# The scenes: an event, the settings that make it reach a call, and what must hold

@dataclass
class Scene:
    """`event(stage)` also sets the stage; `holds(stage)` is checked after every invocation,
    `done(stage)` after one that answered. `reported(stage)` is checked when the fault hits a call
    that comes after the report."""

    name: str
    event: object
    environment: object
    done: object
    holds: object = lambda stage: None
    reported: object = lambda stage: None


def _change(stage):
    return stage.own(config_change(stage.weak))


def _stale_change(stage):
    def age(inner):
        item = inner["configurationItem"]
        item["configurationItemCaptureTime"] = events.earlier(
            item["configurationItemCaptureTime"], hours=4)

    return stage.own(events.with_invoking_event(config_change(stage.weak), age))


def _sweep(stage):
    return stage.own(events.load("config-scheduled.notification"))


def _everything(stage):
    return stage.environment(
        ENFORCEMENT="enforce", STATE_TABLE=stage.table, CONFIG_RULE_NAME=RULE,
        ALERT_TOPIC_ARN=stage.topic, SECURITY_HUB="on")


def _is_reported(stage):
    assert stage.verdict(stage.weak) == "NON_COMPLIANT", "the verdict was not reported"


def _nothing_false(stage):
    found = {stage.verdict(stage.weak), stage.verdict(stage.sound)}
    assert stage.verdict(stage.weak) in (None, "NON_COMPLIANT"), found
    assert stage.verdict(stage.sound) in (None, "COMPLIANT"), found


def _raised_at_most_once(stage):
    _nothing_false(stage)
    sent = {each.form["Attributes.member.1.Value"] for each in stage.aws.calls
            if each.name == MODIFY}
    assert sent <= {"defensive"}, f"set to {sent}"
    assert stage.aws.performed[MODIFY] <= 1, "set twice"
    assert stage.aws.performed[PUBLISH] <= 1, "told twice"
    assert stage.records("CHANGE") <= 1 and stage.records("INCIDENT") <= 1, "remembered twice"


def _raised(stage):
    _is_reported(stage)
    assert stage.mode(stage.weak) == "defensive", "not raised"
    assert stage.records("CHANGE") == 1, "the change is not remembered"


def _swept(stage):
    assert (stage.verdict(stage.weak), stage.verdict(stage.sound)) == (
        "NON_COMPLIANT", "COMPLIANT"), "not all was reported"


def _swept_sound(stage):
    assert stage.verdict(stage.sound) == "COMPLIANT", "one that could be read was not reported"


def _promoted_an_hour_ago(stage):
    """And errors rose since: the watch has to take it back."""
    changed = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=70)
    stage.set_mode(stage.sound, "strictest")
    stage.put(pk="WATCH", sk=stage.sound.arn, version=1, status="open", before="defensive",
              after="strictest", minutes=60, extended=0, untold=0,
              changedAt=changed.strftime("%Y-%m-%dT%H:%M:%S.000Z"))
    client, half = stage.client(stage.aws, "cloudwatch"), datetime.timedelta(minutes=30)
    if not hasattr(stage, "has_metrics"):
        stage.has_metrics = True
        for moment, errors in ((changed - half, 0), (changed + half, 50)):
            for metric, value in (("RequestCount", 1000), ("HTTPCode_ELB_4XX_Count", errors)):
                client.put_metric_data(Namespace="AWS/ApplicationELB", MetricData=[{
                    "MetricName": metric, "Timestamp": moment, "Value": value, "Dimensions": [{
                        "Name": "LoadBalancer",
                        "Value": stage.sound.arn.partition("loadbalancer/")[2]}]}])
        stage.aws.reset_counts()
    return {"action": "watch", "comment": MARKER}


def _taken_back(stage):
    assert stage.mode(stage.sound) == "defensive", "not taken back"
    assert stage.aws.performed[MODIFY] == 1


def _taken_back_with_numbers_only(stage):
    if stage.aws.performed["cloudwatch:GetMetricData"] == 0:
        assert stage.mode(stage.sound) == "strictest", "taken back without any numbers"
    assert stage.aws.performed[MODIFY] <= 1, "set twice"


def _log_object(stage):
    return {**stage.bucket.notification(stage.log_object), "comment": MARKER}


def _counted(stage):
    assert stage.records("TRAFFIC") == 1, "not counted"


def _counted_at_most_once(stage):
    for of_key in stage._items().values():
        for sk, item in of_key.items():
            if "TRAFFIC" in str(getattr(sk, "value", sk)):
                assert int(item.to_json()["Attributes"]["requests"]["N"]) == 3, "counted twice"


def _member_call(stage):
    event = call("modify-attributes", stage.members.arn)
    event["detail"]["comment"] = MARKER
    return event


def _central(stage):
    return stage.environment(
        ENFORCEMENT="enforce", STATE_TABLE=stage.table, CROSS_ACCOUNT_ROLE="desync-guard-member",
        EXTERNAL_ID=EXTERNAL_ID, ALLOWED_ACCOUNTS=stage.member)


def _member_raised(stage):
    assert stage.mode(stage.members) == "defensive", "not raised"


def _member_raised_at_most_once(stage):
    assert stage.mode(stage.members) in ("monitor", "defensive")
    assert stage.aws.performed[MODIFY] <= 1, "set twice"


def _written(stage):
    assert stage.aws.performed["s3:PutObject"] >= 6, "not all documents were written"


CHANGE = Scene("Config change", _change, lambda stage: stage.environment(),
               _is_reported, _nothing_false)
READ = Scene("Config change, read live", _stale_change, lambda stage: stage.environment(),
             _is_reported, _nothing_false)
ENFORCE = Scene("Config change, everything on", _change, _everything,
                _raised, _raised_at_most_once, _is_reported)
SWEEP = Scene("scheduled sweep", _sweep, lambda stage: stage.environment(),
              _swept, _nothing_false, _swept)
SWEEP_OF_TWO = Scene("scheduled sweep, one of two", _sweep, lambda stage: stage.environment(),
                     _swept, _nothing_false, _swept_sound)
EVIDENCE = Scene("scheduled sweep with evidence", _sweep, lambda stage: stage.environment(
    STATE_TABLE=stage.table, PROMOTION="recommend"), _swept, _nothing_false, _swept)
WATCH = Scene("watch", _promoted_an_hour_ago, lambda stage: stage.environment(
    STATE_TABLE=stage.table, PROMOTION="enforce", WATCH_MINUTES="60"),
    _taken_back, _taken_back_with_numbers_only)
LOGS = Scene("log object", _log_object, lambda stage: stage.environment(STATE_TABLE=stage.table),
             _counted, _counted_at_most_once)
REPORT = Scene("report", lambda stage: {"action": "report", "comment": MARKER},
               lambda stage: stage.environment(
                   STATE_TABLE=stage.table, REPORT_BUCKET=stage.bucket.name,
                   REPORT_PREFIX=stage.account), _written)
MEMBER = Scene("call in a member account", _member_call, _central,
               _member_raised, _member_raised_at_most_once)
