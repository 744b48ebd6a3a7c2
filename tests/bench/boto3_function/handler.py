# SPDX-License-Identifier: Apache-2.0
"""The baseline: the same rule without tags, exceptions and live reads, as one would write it with
boto3. The client is made once, outside the handler, as AWS advises."""

import json

import boto3

ACCEPTED = ("defensive", "strictest")
CONFIG = boto3.client("config")


def mode_of(item):
    attributes = item["supplementaryConfiguration"]["LoadBalancerAttributes"]
    if isinstance(attributes, str):
        attributes = json.loads(attributes)
    return next(a["value"] for a in attributes
                if a["key"] == "routing.http.desync_mitigation_mode")


def handler(event, _context):
    item = json.loads(event["invokingEvent"])["configurationItem"]
    mode = mode_of(item)
    compliance = "COMPLIANT" if mode in ACCEPTED else "NON_COMPLIANT"
    evaluation = {
        "ComplianceResourceType": item["resourceType"],
        "ComplianceResourceId": item["resourceId"],
        "ComplianceType": compliance,
        "Annotation": f"desync mitigation mode is {mode}",
        "OrderingTimestamp": item["configurationItemCaptureTime"],
    }
    answer = CONFIG.put_evaluations(Evaluations=[evaluation], ResultToken=event["resultToken"],
                                    TestMode=event["resultToken"] == "TESTMODE")
    if answer["FailedEvaluations"]:
        raise RuntimeError("an evaluation was not accepted")
    return {"compliance": compliance}
