# SPDX-License-Identifier: Apache-2.0
"""The local AWS itself, seen with AWS's own client: a judge that lets all pass judges nothing."""

import datetime
import json

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, HTTPClientError

from sim import events, faults, fleet
from sim.aws import ACCESS_KEY_ID, REGION, SESSION_TOKEN

NO_RETRIES = Config(retries={"total_max_attempts": 1}, read_timeout=5)
ALB = "AWS::ElasticLoadBalancingV2::LoadBalancer"


def evaluation(**changes):
    entry = {
        "ComplianceResourceType": ALB, "ComplianceResourceId": "arn:x",
        "ComplianceType": "COMPLIANT", "Annotation": "fine",
        "OrderingTimestamp": datetime.datetime(2026, 11, 23, tzinfo=datetime.timezone.utc),
    }
    entry.update(changes)
    return {name: value for name, value in entry.items() if value is not None}


@pytest.fixture
def config(aws):
    aws.config.add_token("token", "rule")
    return aws.client("config", config=NO_RETRIES)


def put(config, *evaluations, token="token", **options):
    return config.put_evaluations(ResultToken=token, Evaluations=list(evaluations), **options)


def code_of(call):
    with pytest.raises(ClientError) as caught:
        call()
    return caught.value.response["Error"]["Code"]


@pytest.mark.parametrize("options, code", [
    ({"aws_secret_access_key": "other"}, "SignatureDoesNotMatch"),
    ({"aws_session_token": "other"}, "InvalidClientTokenId"),
    ({"aws_session_token": None}, "InvalidClientTokenId"),
    ({"aws_access_key_id": "AKIAOTHER"}, "InvalidClientTokenId"),
])
def test_badly_signed_request_is_refused(options, code, aws):
    keys = {"aws_access_key_id": ACCESS_KEY_ID, "aws_secret_access_key": "x",
            "aws_session_token": SESSION_TOKEN} | options
    client = boto3.client("config", region_name=REGION, endpoint_url=aws.url, config=NO_RETRIES,
                          **keys)
    assert code_of(lambda: put(client, evaluation())) == code
    assert len(aws.signature_failures) == 1
    assert aws.config.history == []
    aws.signature_failures.clear()


@pytest.mark.parametrize("bad", [
    {"Annotation": "x" * 257}, {"ComplianceType": "INSUFFICIENT_DATA"}, {"ComplianceType": "FINE"},
    {"ComplianceResourceId": "x" * 769}])
def test_evaluations_that_aws_refuses_are_refused(bad, config, aws):
    assert code_of(lambda: put(config, evaluation(**bad))) == "ValidationException"
    assert aws.config.history == []


def test_a_hundred_evaluations_and_no_more(config, aws):
    entries = [evaluation(ComplianceResourceId=f"arn:{n}") for n in range(101)]
    assert code_of(lambda: put(config, *entries)) == "ValidationException"
    assert put(config, *entries[:100])["FailedEvaluations"] == []
    found = config.get_paginator("get_compliance_details_by_config_rule").paginate(
        ConfigRuleName="rule", Limit=30).build_full_result()["EvaluationResults"]
    assert len(found) == 100


def test_an_unknown_token_is_refused_but_for_test_mode(config, aws):
    refused = code_of(lambda: put(config, evaluation(), token="other"))
    assert refused == "InvalidResultTokenException"
    put(config, evaluation(), token="other", TestMode=True)
    assert (len(aws.config.test_mode_evaluations), aws.config.history) == (1, [])


def test_the_newest_ordering_timestamp_wins(config, aws):
    newer = datetime.datetime(2026, 11, 23, 12, tzinfo=datetime.timezone.utc)
    put(config, evaluation(OrderingTimestamp=newer))
    put(config, evaluation(ComplianceType="NON_COMPLIANT"))
    assert aws.config.result("rule", "arn:x").compliance == "COMPLIANT"


def test_a_rule_is_started_once_a_minute(config, aws):
    config.start_config_rules_evaluation(ConfigRuleNames=["rule"])
    again = code_of(lambda: config.start_config_rules_evaluation(ConfigRuleNames=["rule"]))
    assert again == "LimitExceededException"
    aws.clock_offset = 61
    aws.config.started_rules.clear()
    # The client's own clock is behind now; it corrects that by itself and must sign again.
    aws.client("config").start_config_rules_evaluation(ConfigRuleNames=["rule"])
    assert aws.config.started_rules == ["rule"]
    aws.signature_failures.clear()


def test_load_balancers_are_as_on_aws(aws_with_fleet):
    elbv2 = aws_with_fleet.client("elbv2", config=NO_RETRIES)
    listed = elbv2.describe_load_balancers()["LoadBalancers"]
    assert {lb["LoadBalancerArn"] for lb in listed} == {lb.arn for lb in fleet.FLEET}
    assert any("/net/" in lb["LoadBalancerArn"] for lb in listed)
    unknown = fleet.FLEET[0].arn[:-4] + "ffff"
    known = fleet.FLEET[0].arn
    for call in (lambda: elbv2.describe_tags(ResourceArns=[known, unknown]),
                 lambda: elbv2.describe_load_balancers(LoadBalancerArns=[known, unknown]),
                 lambda: elbv2.describe_load_balancer_attributes(LoadBalancerArn=unknown)):
        assert code_of(call) == "LoadBalancerNotFound"
    assert code_of(lambda: elbv2.describe_load_balancers(Marker="x")) == "ValidationError"


def test_a_fresh_application_load_balancer_is_defensive(aws):
    fleet.create(aws, [fleet.LiveLoadBalancer("fresh", "00112233445566aa")])
    attributes = aws.client("elbv2").describe_load_balancer_attributes(
        LoadBalancerArn="arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/"
        "app/fresh/00112233445566aa")["Attributes"]
    assert {"Key": "routing.http.desync_mitigation_mode", "Value": "defensive"} in attributes


def test_a_mode_that_is_none_cannot_be_set(aws):
    fleet.create(aws, [fleet.LiveLoadBalancer("fresh", "00112233445566aa"),
                       fleet.LiveLoadBalancer("wire", "00112233445566bb", type="network")])
    elbv2 = aws.client("elbv2", config=NO_RETRIES)
    for arn, mode in zip(aws.moto.load_balancers(REGION), ("paranoid", "strictest")):
        attribute = {"Key": "routing.http.desync_mitigation_mode", "Value": mode}
        assert code_of(lambda: elbv2.modify_load_balancer_attributes(
            LoadBalancerArn=arn, Attributes=[attribute])) == "InvalidConfigurationRequest"


def test_faults_happen_when_they_were_planned(config, aws):
    aws.faults.add("config:PutEvaluations", faults.throttle(), nth=2)
    aws.faults.add("config:PutEvaluations", faults.reset_in_body(), nth=3)
    put(config, evaluation())
    assert code_of(lambda: put(config, evaluation())) == "ThrottlingException"
    with pytest.raises((HTTPClientError, ConnectionError)):
        put(config, evaluation())
    # The third call took effect although nobody could read its answer.
    assert len(aws.config.history) == 2


def test_the_binarys_signature_convinces_moto_too(aws, start):
    """moto's own check, with a user, a key and a policy of its own."""
    event = events.load("config-change.mode-missing")
    aws.config.add_token(json.loads(event)["resultToken"], "desync-guard")
    fleet.create(aws)
    iam = aws.client("iam")
    iam.create_user(UserName="guard")
    key = iam.create_access_key(UserName="guard")["AccessKey"]
    iam.put_user_policy(UserName="guard", PolicyName="read", PolicyDocument=json.dumps({
        "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Action": "elasticloadbalancing:Describe*", "Resource": "*"}]}))
    aws.add_credentials(key["AccessKeyId"], key["SecretAccessKey"])
    with aws.moto.checking_signatures():
        function = start(aws=aws, AWS_ACCESS_KEY_ID=key["AccessKeyId"],
                         AWS_SECRET_ACCESS_KEY=key["SecretAccessKey"], AWS_SESSION_TOKEN=None)
        outcome = function.invoke(event)
        assert outcome.kind == "response", outcome.body
        refused = aws.client("elbv2", config=NO_RETRIES)
        assert code_of(refused.describe_load_balancers) == "InvalidClientTokenId"
