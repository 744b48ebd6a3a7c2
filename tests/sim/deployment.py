# SPDX-License-Identifier: Apache-2.0
"""The transformed template deployed to moto's CloudFormation, with the AWS Config rule it lacks."""

import json
import warnings
from contextlib import contextmanager
from unittest import mock

import boto3
from moto import mock_aws
from moto.cloudformation import parsing
from moto.core.common_models import CloudFormationModel

STACK = "desync-guard"


class ConfigRule(CloudFormationModel):
    """As AWS Config: a rule is refused while Config may not call its function."""

    def __init__(self, arn, name, permissions):
        self.arn, self.physical_resource_id, self.permissions = arn, name, permissions

    @staticmethod
    def cloudformation_name_type():
        return "ConfigRuleName"

    @staticmethod
    def cloudformation_type():
        return "AWS::Config::ConfigRule"

    @classmethod
    def create_from_cloudformation_json(cls, resource_name, resource, account_id, region, **_):
        properties = resource["Properties"]
        config = boto3.client("config", region)
        config.put_config_rule(ConfigRule=properties)  # moto looks for the function
        rule = config.describe_config_rules(ConfigRuleNames=[resource_name])["ConfigRules"][0]
        function = properties["Source"]["SourceIdentifier"]
        policy = boto3.client("lambda", region).get_policy(FunctionName=function)["Policy"]
        permissions = [statement for statement in json.loads(policy)["Statement"]
                       if statement["Principal"] == {"Service": "config.amazonaws.com"}]
        assert permissions, "AWS Config may not call the function"
        return cls(rule["ConfigRuleArn"], resource_name, permissions)

    @classmethod
    def has_cfn_attr(cls, attr):
        return attr == "Arn"

    def get_cfn_attribute(self, attribute_name):
        return {"Arn": self.arn}[attribute_name]


class Deployment:
    def __init__(self, region, parameters):
        self.region = region
        self.cloudformation = self.client("cloudformation")
        self.parameters = [{"ParameterKey": name, "ParameterValue": str(value)}
                           for name, value in parameters.items()]

    def client(self, service):
        return boto3.client(service, self.region, aws_access_key_id="x", aws_secret_access_key="x")

    def create(self, template):
        s3 = self.client("s3")
        s3.create_bucket(Bucket="deployment-bucket",
                         CreateBucketConfiguration={"LocationConstraint": self.region})
        s3.put_object(Bucket="deployment-bucket", Key="desync-guard.zip", Body=b"not looked at")
        self.cloudformation.create_stack(
            StackName=STACK, TemplateBody=json.dumps(template), Parameters=self.parameters,
            Capabilities=["CAPABILITY_IAM"])

    def status(self):
        return self.cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]["StackStatus"]

    def resources(self):
        summaries = self.cloudformation.list_stack_resources(StackName=STACK)
        return {r["LogicalResourceId"]: r for r in summaries["StackResourceSummaries"]}

    def function(self):
        functions = self.client("lambda").list_functions()["Functions"]
        assert len(functions) == 1
        return functions[0]


@contextmanager
def deployed(template, region="eu-west-1", **parameters):
    models = parsing.get_model_map() | {ConfigRule.cloudformation_type(): ConfigRule}
    keys = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": region}
    with mock.patch.object(parsing, "get_model_map", lambda: models), \
            mock.patch.dict("os.environ", keys), mock_aws(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # moto skips resources it does not know
        deployment = Deployment(region, parameters)
        deployment.create(template)
        yield deployment
