# SPDX-License-Identifier: Apache-2.0
"""What CloudFormation makes of template.yaml for given parameters, as far as it can be known
without AWS: SAM's own transform, then conditions and the intrinsic functions the template uses.
"""

import copy
import json
import re
from pathlib import Path
from unittest import mock

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / "template.yaml"
PARTITIONS = {"cn-": "aws-cn", "us-gov-": "aws-us-gov"}
NO_VALUE = object()

# Parameters: every feature off, and every one on.
OFF = {
    "CreateConfigRule": "off", "ReactToApiCalls": "off", "CreateStateTable": "off",
    "CreateAlertTopic": "off", "CreateAlarms": "off", "CreateDashboard": "off",
    "Promotion": "off", "CreateReportBucket": "off", "ReportSchedule": "",
}
ON = {
    "Enforcement": "enforce", "Promotion": "enforce", "AccessLogBucket": "access-logs.example",
    "ReportSchedule": "cron(0 6 ? * MON *)", "SecurityHub": "on", "SweepSchedule": "rate(6 hours)",
    "AllowConfigRules": "on", "FunctionName": "guard", "PermissionsBoundary": "boundary",
    "RolePath": "/security/", "AlertEmail": "security@example.com",
    "CrossAccountRole": "security/desync-guard-member",
    "KmsKeyArn": "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    "ExternalId": "a-shared-secret", "AllowedAccounts": "111122223333, 444455556666",
}
# Everything on, with what is there already in place of what the stack would create.
GIVEN = ON | {
    "AlertTopicArn": "arn:aws:sns:eu-west-1:999988887777:alerts", "AlertEmail": "",
    "ReportBucketName": "central-reports", "ReportBucketOwner": "999988887777",
    "ReportBucketRegion": "us-east-2", "AccessLogBucket": "alb-logs-*",
}


class NoManagedPolicies:
    """The template names none; SAM would ask IAM for the list."""

    def load(self):
        return {}


def load(path=TEMPLATE):
    from cfnlint.decode import cfn_yaml
    return json.loads(json.dumps(cfn_yaml.load(str(path))))  # without cfn-lint's positions


def transform(region="eu-west-1", template=None):
    """The template as CloudFormation deploys it, after `sam package` put the code into a bucket."""
    from samtranslator.translator.transform import transform as sam_transform
    template = copy.deepcopy(template or load())
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://deployment-bucket/desync-guard.zip"
    with mock.patch.dict("os.environ", AWS_DEFAULT_REGION=region):
        return sam_transform(template, {}, NoManagedPolicies())


class Stack:
    """`resources` and `outputs` that exist with these parameters, with resolved properties. What
    only AWS can know (an id, an ARN) becomes LogicalId or LogicalId.Attribute."""

    def __init__(self, template, region="eu-west-1", account="123456789012", **parameters):
        self.template = template
        unknown = set(parameters) - set(template["Parameters"])
        assert not unknown, unknown
        self.values = {
            name: value_of(parameter, parameters.get(name, parameter.get("Default")))
            for name, parameter in template["Parameters"].items()}
        partition = next((partition for prefix, partition in PARTITIONS.items()
                          if region.startswith(prefix)), "aws")
        self.values |= {
            "AWS::Region": region, "AWS::AccountId": account, "AWS::Partition": partition,
            "AWS::StackName": "desync-guard", "AWS::NoValue": NO_VALUE}
        self.resources = self._existing("Resources")
        self.outputs = self._existing("Outputs")

    def properties(self, name):
        return self.resources[name]["Properties"]

    def of_type(self, kind):
        return {name: r for name, r in self.resources.items() if r["Type"] == kind}

    def statements(self):
        """Every statement of the function's policies."""
        policies = [policy for role in self.of_type("AWS::IAM::Role").values()
                    for policy in role["Properties"]["Policies"]]
        policies += [p["Properties"] for p in self.of_type("AWS::IAM::Policy").values()]
        return [statement for policy in policies
                for statement in policy["PolicyDocument"]["Statement"]]

    def actions(self):
        return {action for statement in self.statements()
                for action in as_list(statement["Action"])}

    def is_true(self, name):
        return self._holds(self.template["Conditions"][name])

    def broken_rules(self):
        """The AssertDescriptions with which CloudFormation would refuse these parameters."""
        return [assertion["AssertDescription"]
                for rule in self.template.get("Rules", {}).values()
                if self._holds(rule["RuleCondition"])
                for assertion in rule["Assertions"] if not self._holds(assertion["Assert"])]

    def _existing(self, section):
        return {name: self._resolve({k: v for k, v in entry.items() if k != "Condition"})
                for name, entry in self.template.get(section, {}).items()
                if "Condition" not in entry or self.is_true(entry["Condition"])}

    def _holds(self, expression):
        (function, argument), = expression.items()
        if function == "Condition":
            return self.is_true(argument)
        if function == "Fn::Equals":
            left, right = map(self._resolve, argument)
            return left == right
        values = map(self._holds, argument)
        return {"Fn::Not": lambda: not next(values), "Fn::And": lambda: all(values),
                "Fn::Or": lambda: any(values)}[function]()

    def _resolve(self, value):
        if isinstance(value, list):
            return [v for v in map(self._resolve, value) if v is not NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            (function, argument), = value.items()
            if function == "Ref" or function.startswith("Fn::"):
                return getattr(self, "_" + function.removeprefix("Fn::").lower())(argument)
        pairs = ((key, self._resolve(v)) for key, v in value.items())
        return {key: v for key, v in pairs if v is not NO_VALUE}

    def _ref(self, name):
        return self.values[name] if name in self.values else self._id(name)

    def _id(self, name):
        """A reference to what does not exist makes CloudFormation refuse the whole template."""
        resource = self.template["Resources"][name.split(".")[0]]
        assert "Condition" not in resource or self.is_true(resource["Condition"]), \
            f"{name} is referred to but does not exist"
        return name

    def _getatt(self, argument):
        return self._id(argument if isinstance(argument, str) else ".".join(argument))

    def _if(self, argument):
        condition, yes, no = argument
        return self._resolve(yes if self.is_true(condition) else no)

    def _sub(self, argument):
        text, own = (argument, {}) if isinstance(argument, str) else argument
        own = self._resolve(own)
        return re.sub(r"\$\{([\w:.]+)\}",
                      lambda m: own[m[1]] if m[1] in own else self._ref(m[1]), text).replace("${!", "${")

    def _join(self, argument):
        separator, parts = argument
        return separator.join(self._resolve(parts))

    def _select(self, argument):
        index, values = argument
        return self._resolve(values)[int(index)]

    def _split(self, argument):
        separator, text = argument
        return self._resolve(text).split(separator)

    def _split(self, argument):
        separator, text = argument
        return self._resolve(text).split(separator)

    def _select(self, argument):
        index, values = argument
        return self._resolve(values)[int(index)]

    def _findinmap(self, argument):
        name, *keys = argument
        value = self.template["Mappings"][name]
        for key in keys:
            value = value[self._resolve(key)]
        return value


def value_of(parameter, value):
    return str(value).split(",") if parameter["Type"] == "CommaDelimitedList" else str(value)


def as_list(value):
    return value if isinstance(value, list) else [value]


def camel_case(variable):
    """The parameter that sets an environment variable."""
    return "".join(word.capitalize() for word in variable.split("_"))
