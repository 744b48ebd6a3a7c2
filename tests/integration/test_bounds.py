# SPDX-License-Identifier: Apache-2.0
"""What the function changes by itself is bounded, whatever triggers it: the shipped binary on the
local AWS, each test to be read from top to bottom. Days are moved into the past instead of waited
for: `pass_time` dates back what the table says of the hour, the turn and the ended watches.

tests/unit/test_bounds_pipeline.c plays the same over simulated days.
"""

import datetime
import random
from concurrent.futures import ThreadPoolExecutor

import pytest

from sim import fleet
from sim.control_loop import MODIFY, RULE, START_RULE, ControlLoop, call
from sim.fleet import LiveLoadBalancer
from sim.log_bucket import LogBucket
from test_concurrency import Copies
from test_promotion import (SWEEP, WATCH, actions, an_hour_passes, answer, date_back, evaluation,
                            iso, logged, make, now, promoting, watched)

FLEET, COPIES, SEEDS, PER_HOUR = 40, 3, 10, 5


@pytest.fixture
def aws(module_aws):
    module_aws.reset()
    yield module_aws
    assert module_aws.signature_failures == []


@pytest.fixture
def loop(aws):
    return ControlLoop(aws)


@pytest.fixture
def bucket(aws):
    return LogBucket(aws)


def pass_time(loop, **distance):
    """So much time has passed since what the table remembers; what has expired is gone."""
    earlier = datetime.timedelta(**distance)
    client = loop.client("dynamodb")
    for (pk, sk), item in loop.items().items():
        changes = {name: iso(moment(item[name]) - earlier)
                   for name in ("takenAt", "endedAt", "requestedAt", "retrySeenAt") if name in item}
        if "times" in item:
            changes["times"] = ",".join(
                str(int(each) - earlier // datetime.timedelta(milliseconds=1))
                for each in item["times"].split(","))
        key = {"pk": {"S": pk}, "sk": {"S": sk}}
        expires = item.get("expires_at", 1e12) - earlier.total_seconds()
        if expires < now().timestamp():
            loop.look(lambda: client.delete_item(TableName=loop.table, Key=key))
        elif changes:
            loop.look(lambda: client.update_item(
                TableName=loop.table, Key=key,
                UpdateExpression="SET " + ", ".join(f"{name} = :{name}" for name in changes),
                ExpressionAttributeValues={f":{n}": {"S": v} for n, v in changes.items()}))


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def play_an_hour(copies, events):
    """Each copy its own events, all at once. AWS Config answers a request for an evaluation with a
    sweep at once, which the copy that asked gets next."""
    def feed(function, own):
        queue = list(own)
        while queue:
            done = function.invoke(queue.pop(0))
            assert done.kind == "response", done.body
            if ("reevaluate", "done") in [(each["action"], each["status"])
                                          for each in done.json()["actions"]]:
                queue.insert(0, SWEEP)

    with ThreadPoolExecutor(COPIES) as threads:
        list(threads.map(feed, copies.functions, events))


@pytest.mark.parametrize("seeds", [
    [0], pytest.param(range(1, SEEDS), marks=pytest.mark.long("more of the same"))],
    ids=["first seed", "other seeds"])
def test_a1_forty_load_balancers_three_copies_five_changes_an_hour(seeds, aws):
    balancers = [LiveLoadBalancer(f"shop-{n}", f"{n:016x}", "monitor", {"Owner": "shop"})
                 for n in range(FLEET)]
    fleet.create(aws, balancers)
    for seed in seeds:
        shuffled = random.Random(seed)
        aws.config.reset()
        loop = ControlLoop(aws)
        for balancer in balancers:
            loop.set_mode(balancer.arn, "monitor")
        weak = [call("modify-attributes", each.arn) for each in shuffled.sample(balancers, 6)]
        orders = [shuffled.sample(weak, 3) for _ in range(COPIES)]
        with Copies(aws, loop, COPIES, MAX_CHANGES_PER_HOUR=str(PER_HOUR)) as copies:
            play_an_hour(copies, orders)
            assert aws.performed[MODIFY] == PER_HOUR
            assert aws.config.started_rules == [RULE]  # which led to a sweep
            if seed == 0:  # the next hour
                pass_time(loop, minutes=62)
                play_an_hour(copies, [[SWEEP], [SWEEP], [SWEEP]])
                assert aws.performed[MODIFY] == 2 * PER_HOUR
        # Two copies may have raised the same one: each request counts.
        raised = [each for each in balancers if loop.mode_of(each.arn) == "defensive"]
        assert 0 < len(raised) <= aws.performed[MODIFY]


def test_a2_no_more_promotions_are_watched_than_allowed(start, aws, loop, bucket):
    function = start(aws=aws, **promoting(loop, MAX_OPEN_WATCHES="1"))
    shops = [make(aws, name, ring="1") for name in ("a-shop", "b-shop")]
    for balancer in shops:
        answer(function.invoke(logged(bucket, balancer)))
    for _ in range(2):
        answer(function.invoke(SWEEP))
        pass_time(loop, hours=20)
    assert [loop.mode_of(each.arn) for each in shops] == ["strictest", "defensive"]


def test_a3_two_sweeps_of_a_day_have_one_promotion_turn(start, aws, loop, bucket):
    function = start(aws=aws, **promoting(loop))
    first, second = (make(aws, name, ring="1") for name in ("a-shop", "b-shop"))
    for balancer in (first, second):  # the second has its logs after the first sweep
        answer(function.invoke(logged(bucket, balancer)))
        answer(function.invoke(SWEEP))
    assert [loop.mode_of(each.arn) for each in (first, second)] == ["strictest", "defensive"]
    pass_time(loop, hours=20)
    answer(function.invoke(SWEEP))
    assert loop.mode_of(second.arn) == "strictest"


def test_a4_a_ring_whose_second_member_is_rolled_back_stays_frozen(start, aws, loop, bucket):
    function = start(aws=aws, **promoting(loop, MAX_OPEN_WATCHES="1"))
    first, second, third = (make(aws, name, ring="1") for name in ("a-shop", "b-shop", "c-shop"))
    later = make(aws, "d-shop", ring="2")
    for balancer in (first, second, third, later):
        answer(function.invoke(logged(bucket, balancer)))

    # 1. The first is promoted, and its watch ends well.
    answer(function.invoke(SWEEP))
    an_hour_passes(loop, first)
    answer(function.invoke(WATCH))
    assert watched(loop, first)["ending"] == "held"

    # 2. Neither a sweep by schedule nor one that was caused by the promotion promotes another one.
    (_, status, reason), = actions(function.invoke(SWEEP), second, "promote")
    assert (status, reason.startswith("the promotion turn was taken at ")) == ("planned", True)

    # 3. A day later the second is promoted, and rolled back.
    pass_time(loop, hours=20)
    answer(function.invoke(SWEEP))
    an_hour_passes(loop, second, errors=50)
    answer(function.invoke(WATCH))
    assert watched(loop, second)["ending"] == "rolled_back"

    # 4. The third and the later ring are frozen, even when the second is deleted.
    loop.client("elbv2").delete_load_balancer(LoadBalancerArn=second.arn)
    for _ in range(3):
        pass_time(loop, days=4)
        swept = function.invoke(SWEEP)
        for balancer in (third, later):
            (_, status, reason), = actions(swept, balancer, "promote")
            assert status == "planned"
            assert reason.startswith("ring 1 and all later ones are frozen until ")
            assert f"{second.arn} was rolled back on " in reason
    assert [loop.mode_of(each.arn) for each in (third, later)] == ["defensive"] * 2

    # 5. EVIDENCE_DAYS have passed.
    pass_time(loop, days=3)
    answer(function.invoke(SWEEP))
    assert loop.mode_of(third.arn) == "strictest"


def test_c3_a_promotion_that_its_owner_reverted_is_left_alone_for_400_days(start, aws, loop,
                                                                           bucket):
    function = start(aws=aws, **promoting(loop))
    shop = make(aws, "shop")
    answer(function.invoke(logged(bucket, shop)))
    answer(function.invoke(SWEEP))
    date_back(loop, shop, 2)  # within a minute a read may lag
    loop.set_mode(shop.arn, "defensive")
    answer(function.invoke(WATCH))
    assert watched(loop, shop)["status"] == "taken-back"
    pass_time(loop, days=400)
    answer(function.invoke(logged(bucket, shop)))
    swept = function.invoke(SWEEP)
    assert evaluation(swept, shop)["recommendation"] == "HOLD"
    assert "tags it desync-promotion=retry" in evaluation(swept, shop)["recommendationReason"]
    assert loop.mode_of(shop.arn) == "defensive"
    loop.client("elbv2").add_tags(ResourceArns=[shop.arn],
                                  Tags=[{"Key": "desync-promotion", "Value": "retry"}])
    answer(function.invoke(SWEEP))
    assert loop.mode_of(shop.arn) == "strictest"


def test_c1_an_opt_out_with_a_wrong_date_is_never_promoted(start, aws, loop, bucket):
    function = start(aws=aws, **promoting(loop))
    wrong = make(aws, "wrong", **{"desync-exception-until": "31.12.2026",
                                  "desync-exception-reason": "old clients",
                                  "desync-exception-approver": "ciso"})
    sound = make(aws, "sound")
    for _ in range(3):
        for balancer in (wrong, sound):
            answer(function.invoke(logged(bucket, balancer)))
        swept = function.invoke(SWEEP)
        assert evaluation(swept, wrong)["recommendation"] == "HOLD"
        assert actions(swept, wrong, "promote") == []
        pass_time(loop, days=1)
    assert [loop.mode_of(each.arn) for each in (wrong, sound)] == ["defensive", "strictest"]


def test_c2_a_load_balancer_on_hold_is_not_promoted(start, aws, loop, bucket):
    function = start(aws=aws, **promoting(loop))
    shop = make(aws, "shop", **{"desync-promotion": "hold"})
    answer(function.invoke(logged(bucket, shop)))
    assert evaluation(function.invoke(SWEEP), shop)["recommendation"] == "HOLD"
    assert loop.mode_of(shop.arn) == "defensive"
    loop.client("elbv2").add_tags(ResourceArns=[shop.arn],
                                  Tags=[{"Key": "desync-promotion", "Value": "retry"}])
    answer(function.invoke(SWEEP))
    assert loop.mode_of(shop.arn) == "strictest"


def test_a5_without_a_table_nothing_is_changed(start, aws, loop):
    shop = make(aws, "shop", mode="monitor")
    function = start(aws=aws, ENFORCEMENT="enforce", PROMOTION="enforce")
    event = call("modify-attributes", shop.arn)
    (_, status, reason), = actions(function.invoke(event), shop, "enforce")
    assert (status, "STATE_TABLE is not set" in reason) == ("planned", True)
    assert (loop.mode_of(shop.arn), aws.counts[MODIFY]) == ("monitor", 0)
    assert "enforcement: it acts as plan" in function.log


def test_a6_corrections_of_15_minutes_ask_for_one_evaluation(start, aws, loop):
    function = start(aws=aws, **loop.environment())
    shops = [make(aws, name, mode="monitor") for name in ("a-shop", "b-shop", "c-shop")]
    asked = []
    for balancer in shops:
        answer(function.invoke(call("modify-attributes", balancer.arn)))
        asked.append(aws.counts[START_RULE])
        pass_time(loop, minutes=10)
    assert asked == [1, 1, 2]
    assert [loop.mode_of(each.arn) for each in shops] == ["defensive"] * 3


def test_b3_a_read_that_misses_our_own_change_leads_to_no_other(start, aws, loop):
    shop = make(aws, "shop", mode="monitor")
    function = start(aws=aws, **loop.environment())
    answer(function.invoke(call("modify-attributes", shop.arn)))
    loop.set_mode(shop.arn, "monitor")  # as a read says that lags behind our change
    (_, status, _), = actions(function.invoke(SWEEP), shop, "enforce")
    assert (status, aws.counts[MODIFY]) == ("planned", 1)


OLD = {  # as 0.1.0 wrote them
    "WATCH": {"version": 3, "status": "rolled-back", "ending": "rolled_back", "before": "defensive",
              "after": "strictest", "minutes": 60, "extended": 0, "note": "errors rose", "untold": 0},
    "STATE": {"version": 7, "compliance": "COMPLIANT", "mode": "defensive", "grade": "D",
              "requiredMode": "defensive", "untold": 0, "escalatedDay": 0, "owner": "shop-team"},
}


def test_a_table_of_0_1_0_is_read(start, aws, loop, bucket):
    """A rollback without its ring freezes the ring that the load balancer is in; a reverted one
    with an end is kept; a claim on the rule and a SEEN item count as before."""
    shop, other = make(aws, "shop", ring="1"), make(aws, "other", ring="1")
    reverted = make(aws, "reverted")
    client = loop.client("dynamodb")

    def plant(pk, sk, kind=None, **attributes):
        values = {"pk": pk, "sk": sk, **OLD.get(kind, {}), **attributes}
        loop.look(lambda: client.put_item(TableName=loop.table, Item={
            name: {"N" if isinstance(v, int) else "S": str(v)} for name, v in values.items()}))

    yesterday = now() - datetime.timedelta(days=1)
    in_100_days = int(now().timestamp()) + 99 * 86400
    for balancer, changes in ((shop, {}), (reverted, {"status": "taken-back",
                                                      "ending": "reverted"})):
        plant("WATCH", balancer.arn, "WATCH", changedAt=iso(yesterday), endedAt=iso(yesterday),
              expires_at=in_100_days, **changes)
    plant(shop.arn, "STATE", "STATE", factsTime=iso(yesterday))
    plant(shop.arn, "SEEN#an-event", status="done", writer="w", expires_at=in_100_days,
          leaseUntil=iso(yesterday))
    plant("CONFIG_RULE#desync-guard", "REEVALUATION", requestedAt=iso(now()), writer="w")

    function = start(aws=aws, **promoting(loop, ENFORCEMENT="enforce"))
    for balancer in (shop, other, reverted):
        answer(function.invoke(logged(bucket, balancer)))
    loop.set_mode(other.arn, "monitor")
    swept = function.invoke(SWEEP)
    assert "strictest was rolled back on" in evaluation(swept, shop)["recommendationReason"]
    assert "somebody else reverted that" in evaluation(swept, reverted)["recommendationReason"]
    assert loop.mode_of(other.arn) == "defensive"
    assert [each["reason"] for each in answer(swept)["actions"] if each["action"] == "reevaluate"
            ] == ["asked for less than 15 minutes ago"]
    assert (watched(loop, shop)["ring"], "expires_at" in watched(loop, reverted)) == ("1", False)
    (_, status, reason), = actions(function.invoke(SWEEP), other, "promote")
    assert (status, reason.startswith("ring 1 and all later ones are frozen")) == ("planned", True)
