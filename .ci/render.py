#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""render.py VERSION OUTPUT: template.yaml as plain CloudFormation, for deployments without SAM.

SAM's own translator resolves the transform, offline. The code comes from a bucket: parameter
CodeBucket, in which {region} stands for the Region of the stack, because Lambda takes code from
there only; and CodeKey, which is by default the zip of this version for the stack's Architecture.
{region} in AlertTopicArn means the same, because an alarm reaches a topic of its own Region only.
"""
import json
import os
import sys
from pathlib import Path

from cfnlint.decode import cfn_yaml
from samtranslator.translator.transform import transform

TEMPLATE = Path(__file__).resolve().parents[1] / "template.yaml"
FUNCTION = "DesyncGuardFunction"


class NoManagedPolicies:
    """The template names none; SAM would ask IAM for the list."""

    def load(self):
        return {}


def parameters(version):
    return {
        "CodeBucket": {
            "Type": "String",
            "Description": "The S3 bucket that holds the zip, in the stack's Region; {region} "
                           "stands for the name of the Region",
            "AllowedPattern": r"[a-z0-9][a-z0-9.-]+[a-z0-9]|"
                              r"([a-z0-9][a-z0-9.-]*)?\{region\}([a-z0-9.-]*[a-z0-9])?",
            "ConstraintDescription": "must be the name of a bucket, with or without {region}"},
        "CodeKey": {
            "Type": "String", "Default": "",
            "Description": "The key of the zip in that bucket; blank for "
                           f"desync-guard-{version}-ARCHITECTURE.zip"}}


def around_region(parameter, index):
    """What is in front of {region} (0) or behind it (1). One more {region} and "-", with which no
    bucket's name ends and no rest of an ARN begins, make two parts also of a value without any."""
    return {"Fn::Select": [index, {"Fn::Split": [
        "{region}", {"Fn::Sub": f"${{{parameter}}}{{region}}-"}]}]}


def per_region(parameter):
    return {"Fn::Not": [{"Fn::Equals": [around_region(parameter, 1), "-"]}]}


def in_this_region(parameter, condition):
    there = {"Fn::Join": ["", [around_region(parameter, 0), {"Ref": "AWS::Region"},
                               around_region(parameter, 1)]]}
    return {"Fn::If": [condition, there, {"Ref": parameter}]}


CONDITIONS = {
    "HasCodeKey": {"Fn::Not": [{"Fn::Equals": [{"Ref": "CodeKey"}, ""]}]},
    "HasCodeBucketPerRegion": per_region("CodeBucket"),
    "HasAlertTopicPerRegion": per_region("AlertTopicArn")}


def code(version):
    return {
        "S3Bucket": in_this_region("CodeBucket", "HasCodeBucketPerRegion"),
        "S3Key": {"Fn::If": ["HasCodeKey", {"Ref": "CodeKey"},
                             {"Fn::Sub": f"desync-guard-{version}-${{Architecture}}.zip"}]}}


def with_topic_of_region(value):
    if value == {"Ref": "AlertTopicArn"}:
        return in_this_region("AlertTopicArn", "HasAlertTopicPerRegion")
    if isinstance(value, dict):
        return {key: with_topic_of_region(each) for key, each in value.items()}
    return [with_topic_of_region(each) for each in value] if isinstance(value, list) else value


def allow_topic_per_region(plain):
    topic = plain["Parameters"]["AlertTopicArn"]
    topic["AllowedPattern"] = topic["AllowedPattern"].replace(
        ":sns:[a-z0-9-]+:", r":sns:([a-z0-9-]+|\{region\}):")
    topic["Description"] += " {region} stands for the stack's Region."
    plain["Conditions"]["TopicIsInThisRegion"] = {"Fn::Or": [
        plain["Conditions"]["TopicIsInThisRegion"], {"Condition": "HasAlertTopicPerRegion"}]}
    for section in ("Resources", "Outputs"):
        plain[section] = with_topic_of_region(plain[section])


def render(version):
    template = json.loads(json.dumps(cfn_yaml.load(str(TEMPLATE))))  # without cfn-lint's positions
    template["Resources"][FUNCTION]["Properties"]["CodeUri"] = "s3://replaced/below"
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")  # nothing of it stays in the result
    plain = transform(template, {}, NoManagedPolicies())
    plain["Description"] = f"{plain['Description']} (version {version})"
    plain["Parameters"] = {**parameters(version), **plain["Parameters"]}
    plain["Conditions"] |= CONDITIONS
    allow_topic_per_region(plain)
    plain["Resources"][FUNCTION]["Properties"]["Code"] = code(version)
    plain["Resources"][FUNCTION].pop("Metadata", None)  # how SAM builds it
    interface = plain["Metadata"]["AWS::CloudFormation::Interface"]
    interface["ParameterGroups"].insert(
        0, {"Label": {"default": "Code"}, "Parameters": list(parameters(version))})
    interface["ParameterLabels"] |= {"CodeBucket": {"default": "Bucket of the zip"},
                                     "CodeKey": {"default": "Key of the zip"}}
    return plain


def main(version, output):
    Path(output).write_text(json.dumps(render(version), indent=1) + "\n", encoding="utf-8")


main(*sys.argv[1:])
