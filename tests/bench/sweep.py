# SPDX-License-Identifier: Apache-2.0
"""A sweep of a Region: against one call at a time, and (BENCH_SLOW=1) against AWS's own throttle."""

import http.client
import json
import os
import subprocess
import time
from urllib.parse import urlencode

from measure import (Row, Skip, at_least_times_less, at_most, at_most_times, exactly, limited,
                     spread)

from sim import fleet
from sim.fleet_aws import ATTRIBUTES, LIST, PUT, RESULTS, TAGS, FleetAws, Throttle
from sim.function import lambda_environment

RULE = "desync-guard"
TOKEN = "token-of-the-bench"
LATENCY_S = 0.020
PARALLEL_FLEET, SERIAL_FLEET = 1000, 100
THROTTLED_FLEET = 1000
FASTER_MIN = 25
SLOWER_MAX = 1.15
# AWS's buckets, the account's and that of the calls that only read.
CAPACITY, PER_SECOND = 40, 10

NOTE = (f"the baseline makes the same calls one after the other over one connection (Python, unsigned,"
        f" unparsed); every call takes {LATENCY_S * 1000:.0f} ms; reports and their listing, a call "
        f"each for 100 LBs, follow one another in both")

READ_ONLY = '{"action":"sweep"}'


def scheduled():
    """The schedule of a rule: the sweep reports what it finds, and looks up what has vanished."""
    invoking = {"messageType": "ScheduledNotification", "recordVersion": "1.0",
                "notificationCreationTime": "2026-11-23T06:00:00.000Z"}
    return json.dumps({"invokingEvent": json.dumps(invoking), "resultToken": TOKEN,
                       "configRuleName": RULE})


def sweep(bench, aws, event, **environment):
    """Seconds of one `bootstrap invoke`, the start of the process included, and its response."""
    aws.config.add_token(TOKEN, RULE)
    started = time.monotonic()
    done = subprocess.run(
        [bench.bootstrap, "invoke", "-"], input=event, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, env=lambda_environment(AWS_ENDPOINT_URL=aws.url, **environment))
    seconds = time.monotonic() - started
    if done.returncode != 0:
        raise RuntimeError(f"the sweep failed: {(done.stdout or done.stderr)[:500]}")
    return seconds, json.loads(done.stdout)


def calls_at_most(count):
    """Pages of 400, attributes one by one, tags by 20; two for what is rounded up."""
    return count / 400 + count + count / 20 + 2


def elb_calls(aws):
    return sum(aws.counts[operation] for operation in (LIST, ATTRIBUTES, TAGS))


def check_complete(aws, response, reported):
    count = len(aws.load_balancers)
    if (len(response["evaluations"]), response["reported"]) != (count, reported):
        raise RuntimeError(f"{len(response['evaluations'])} of {count} load balancers were judged, "
                           f"{response['reported']} reported")


def one_call_at_a_time(aws):
    """Seconds for the reading calls of a sweep, one after the other."""
    connection = http.client.HTTPConnection("127.0.0.1", aws.port)
    arns = list(aws.load_balancers)
    forms = [{"Action": "DescribeLoadBalancers", "PageSize": "400"}]
    forms += [{"Action": "DescribeLoadBalancerAttributes", "LoadBalancerArn": arn} for arn in arns]
    forms += [{"Action": "DescribeTags", **{f"ResourceArns.member.{n}": arn for n, arn
                                            in enumerate(arns[start:start + 20], 1)}}
              for start in range(0, len(arns), 20)]
    started = time.monotonic()
    for form in forms:
        connection.request("POST", "/", urlencode(form),
                           {"Content-Type": "application/x-www-form-urlencoded"})
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{form['Action']}: {answer.status}")
    connection.close()
    return time.monotonic() - started


def fleet_of(count, latency=0.0):
    aws = FleetAws(fleet.synthetic(count), checks_signatures=False)
    aws.latency = latency
    return aws


def parallel_runs(bench, event, rounds):
    """Milliseconds for one load balancer, all calls of the sweep shared out; and the calls."""
    samples, counts, in_flight = [], {}, []
    for _ in range(rounds):
        aws = fleet_of(PARALLEL_FLEET, LATENCY_S)
        seconds, response = sweep(bench, aws, event, ELB_REQUESTS_PER_SECOND="off", WARM_UP="off",
                                  PROMOTION="off")
        check_complete(aws, response, 0 if event == READ_ONLY else PARALLEL_FLEET)
        samples.append(seconds * 1000 / PARALLEL_FLEET)
        counts, calls = dict(aws.counts), elb_calls(aws)
        in_flight.append(aws.in_flight_max)
        aws.stop()
    return {**spread(samples), "counts": counts, "elb_calls": calls, "in_flight": max(in_flight)}


def serial_runs(rounds):
    samples = []
    for _ in range(rounds):
        aws = fleet_of(SERIAL_FLEET, LATENCY_S)
        samples.append(one_call_at_a_time(aws) * 1000 / SERIAL_FLEET)
        aws.stop()
    return spread(samples)


def fast_rows(bench):
    serial = serial_runs(2)
    reading = parallel_runs(bench, READ_ONLY, 3)
    whole = parallel_runs(bench, scheduled(), 3)
    config_calls = whole["counts"][PUT] + whole["counts"][RESULTS]
    serial_whole = serial["median"] + config_calls * LATENCY_S * 1000 / PARALLEL_FLEET
    yield Row(f"sweep of {PARALLEL_FLEET:,} LBs unpaced, each LB", "ms",
              whole["median"], "one call at a time", serial_whole,
              at_least_times_less(FASTER_MIN), {"ours": whole})
    yield Row("  reading alone", "ms", reading["median"],
              f"one at a time ({SERIAL_FLEET} LBs)", serial["median"], None,
              {"ours": reading, "baseline": serial})
    yield limited("  its ELB calls", "", whole["elb_calls"],
                  at_most(calls_at_most(PARALLEL_FLEET)), calls_at_most(PARALLEL_FLEET))


def throttled_rows(bench):
    """Default pacing, and a server that throttles as AWS documents it."""
    aws = fleet_of(THROTTLED_FLEET)
    aws.throttle = Throttle(CAPACITY, PER_SECOND)
    seconds, response = sweep(bench, aws, scheduled())
    check_complete(aws, response, THROTTLED_FLEET)
    calls = elb_calls(aws)
    allowed = (calls - CAPACITY) / PER_SECOND
    details = {"calls": dict(aws.counts), "throttled": aws.throttled}
    aws.stop()
    yield Row(f"sweep of {THROTTLED_FLEET:,} LBs, paced as delivered", "s", seconds,
              "what AWS's buckets allow", allowed, at_most_times(SLOWER_MAX), details)
    most = calls_at_most(THROTTLED_FLEET)
    yield limited("  its ELB calls", "", calls, at_most(most), most)
    yield Row("  of them throttled by AWS", "", aws.throttled, "its ELB calls", calls, exactly(0),
              is_share=True)


def rows(bench):
    slow = f"sweep of {THROTTLED_FLEET:,} LBs, paced as delivered"
    # The slow one last.
    return [*fast_rows(bench),
            *(throttled_rows(bench) if os.environ.get("BENCH_SLOW") == "1"
              else [Skip(slow, "takes two minutes; BENCH_SLOW=1 runs it")])]
