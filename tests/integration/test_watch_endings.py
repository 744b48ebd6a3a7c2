# SPDX-License-Identifier: Apache-2.0
"""How the watch over a promotion ended, as the report, the responses and the alerts say it: each
ending in its own word, and nothing that was not measured as a number."""

import csv
import datetime
import io
import json
import subprocess

import pytest

from sim.control_loop import ControlLoop
from sim.function import bootstrap_command, lambda_environment
from sim.log_bucket import LogBucket
from test_promotion import SWEEP, WATCH, answer, count, iso, make, logged, now, promoting


@pytest.fixture
def loop(aws):
    return ControlLoop(aws)


@pytest.fixture
def function(start, aws, loop):
    return start(aws=aws, **promoting(loop))


@pytest.fixture
def shop(aws, function, loop):
    """A load balancer that was promoted just now."""
    balancer = make(aws, "shop")
    answer(function.invoke(logged(LogBucket(aws), balancer)))
    answer(function.invoke(SWEEP))
    assert loop.mode_of(balancer.arn) == "strictest"
    return balancer


def date_back(loop, balancer, minutes):
    """The promotion was made so long ago: that moment, in both of its items."""
    changed = now() - datetime.timedelta(minutes=minutes)
    item, = [key for key in loop.items() if key[0] == balancer.arn and key[1].startswith("CHANGE#")]
    for pk, sk in (("WATCH", balancer.arn), item):
        loop.look(lambda: loop.client("dynamodb").update_item(
            TableName=loop.table, Key={"pk": {"S": pk}, "sk": {"S": sk}},
            UpdateExpression="SET changedAt = :t",
            ExpressionAttributeValues={":t": {"S": iso(changed)}}))
    return changed


def traffic(loop, balancer, changed, errors=0):
    for minutes in (-30, 30):
        count(loop, balancer, changed + datetime.timedelta(minutes=minutes), "RequestCount", 1000)
    count(loop, balancer, changed + datetime.timedelta(minutes=30), "HTTPCode_ELB_4XX_Count", errors)


def report(aws, loop, format_):
    done = subprocess.run(
        [*bootstrap_command(), "report", "--format", format_], text=True, capture_output=True,
        timeout=60, env=lambda_environment(AWS_ENDPOINT_URL=aws.url, ELB_REQUESTS_PER_SECOND="off",
                                           **loop.environment()))
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def promotion(aws, loop):
    """Of the JSON report."""
    found, = [change for change in json.loads(report(aws, loop, "json"))["changes"]
              if change["action"] == "promote"]
    return found


def held(loop, shop, function):
    traffic(loop, shop, date_back(loop, shop, 70))
    return answer(function.invoke(WATCH))


def rolled_back(loop, shop, function):
    traffic(loop, shop, date_back(loop, shop, 70), errors=50)
    return answer(function.invoke(WATCH))


def reverted(loop, shop, function):
    date_back(loop, shop, 70)
    loop.set_mode(shop.arn, "defensive")
    return answer(function.invoke(WATCH))


def without_data(loop, shop, function):
    date_back(loop, shop, 7 * 24 * 60 + 10)
    return answer(function.invoke(WATCH))


def without_load_balancer(loop, shop, function):
    date_back(loop, shop, 70)
    loop.look(lambda: loop.client("elbv2").delete_load_balancer(LoadBalancerArn=shop.arn))
    return answer(function.invoke(WATCH))


@pytest.mark.parametrize("end, action, ending, tone, words, reason, subject", [
    (held, "watch", "held", "good", "held", "errors did not rise",
     "Watch ended: shop, mode strictest"),
    (rolled_back, "rollback", "rolled_back", "bad", "rolled back", "HTTPCode_ELB_4XX per request",
     "Promotion rolled back: shop, mode defensive (was strictest)"),
    (reverted, "watch", "reverted", "warn", "reverted", "the mode is defensive now",
     "Watch ended: shop, mode defensive (reverted)"),
    (without_data, "watch", "inconclusive", "calm", "inconclusive", "no request was seen",
     "Watch ended: shop, mode strictest (inconclusive)"),
    (without_load_balancer, "watch", "inconclusive", "calm", "inconclusive",
     "the load balancer does not exist any more",
     "Watch ended: shop, mode strictest (inconclusive)")])
def test_each_ending_is_said_in_its_own_word(aws, loop, shop, function, end, action, ending, tone,
                                             words, reason, subject):
    said, = [each for each in end(loop, shop, function)["actions"] if each["action"] == action]
    assert (said["ending"], loop.subjects()[-1]) == (ending, subject)
    change = promotion(aws, loop)
    assert (change["ending"], reason in change["endingReason"]) == (ending, True)
    page = report(aws, loop, "html")
    assert f'<span class="badge {tone}">{words}</span>' in page
    assert "all well" not in page
    rows = list(csv.DictReader(io.StringIO(report(aws, loop, "csv"))))
    assert [row["ending"] for row in rows if row["name"] == "shop"] in ([ending], [])
    assert bool(rows) is (end is not without_load_balancer)


def test_a_promotion_that_held_and_was_reverted_later_is_not_green(aws, loop, shop, function):
    held(loop, shop, function)
    loop.set_mode(shop.arn, "defensive")
    change = promotion(aws, loop)
    assert (change["ending"], "the mode is defensive now" in change["endingReason"]) == (
        "reverted", True)
    assert '<span class="badge warn">reverted</span>' in report(aws, loop, "html")


def test_an_open_watch_has_no_ending_and_an_unmeasured_baseline_is_null(aws, loop, shop, function):
    change = promotion(aws, loop)
    assert (change["watch"], change["ending"], change["endingReason"]) == ("open", None, None)
    assert (change["before"], change["after"]) == (None, None)
    assert '<span class="badge open">watching</span>' in report(aws, loop, "html")


def test_unmeasured_baseline_stays_null_after_metrics_expired(aws, loop, shop, function):
    date_back(loop, shop, 20 * 24 * 60)
    assert promotion(aws, loop)["before"] is None
    assert ">0 &rarr;" not in report(aws, loop, "html")


def test_a_watch_that_an_earlier_version_closed_is_not_green(aws, loop, shop, function):
    held(loop, shop, function)
    loop.look(lambda: loop.client("dynamodb").update_item(
        TableName=loop.table, Key={"pk": {"S": "WATCH"}, "sk": {"S": shop.arn}},
        UpdateExpression="REMOVE ending"))
    assert promotion(aws, loop)["ending"] == "inconclusive"


def test_day_without_known_modes_is_not_100_percent(aws, loop, shop, function):
    yesterday = (now() - datetime.timedelta(days=1)).date().isoformat()
    names = ("listed", "nonCompliant", "monitor", "defensive", "strictest")
    loop.look(lambda: loop.client("dynamodb").put_item(TableName=loop.table, Item={
        "pk": {"S": "POSTURE#123456789012#eu-west-1"}, "sk": {"S": f"DAY#{yesterday}"},
        **{name: {"N": "5" if name == "listed" else "0"} for name in names}}))
    assert yesterday not in [point["day"] for point in json.loads(report(aws, loop, "json"))["trend"]]
