# SPDX-License-Identifier: Apache-2.0
"""The baseline of audit.py: the same calls as one would write them with boto3 and ten threads.
Prints the modes found, so that both sides can be compared.
"""

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import boto3
from botocore.config import Config

THREADS = 10
MODE = "routing.http.desync_mitigation_mode"


def mode_of(elbv2, arn):
    answer = elbv2.describe_load_balancer_attributes(LoadBalancerArn=arn)
    return next(a["Value"] for a in answer["Attributes"] if a["Key"] == MODE)


def main():
    elbv2 = boto3.client("elbv2", config=Config(max_pool_connections=THREADS))
    arns = [load_balancer["LoadBalancerArn"]
            for page in elbv2.get_paginator("describe_load_balancers").paginate(PageSize=400)
            for load_balancer in page["LoadBalancers"]
            if load_balancer["Type"] == "application"]
    with ThreadPoolExecutor(THREADS) as threads:
        tags = threads.map(lambda start: elbv2.describe_tags(ResourceArns=arns[start:start + 20]),
                           range(0, len(arns), 20))
        modes = Counter(threads.map(lambda arn: mode_of(elbv2, arn), arns))
        tagged = sum(len(answer["TagDescriptions"]) for answer in tags)
    print(json.dumps({"listed": len(arns), "tagged": tagged, "modes": modes}))


main()
