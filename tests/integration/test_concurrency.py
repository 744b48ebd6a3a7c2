# SPDX-License-Identifier: Apache-2.0
"""Two copies of the shipped binary on one table and one fleet: what is recorded and alerted must not
depend on which was first."""

import datetime
import json
import random
import threading
from collections import Counter

import pytest

from sim import events, faults, fleet
from sim.control_loop import (
    MODIFY, PUT_ITEM, READ_MODE, READ_STATE, READ_TAGS, START_RULE, TRANSACT, ControlLoop, call)
from sim.fleet import LiveLoadBalancer
from sim.function import Function
from sim.runtime_api import RuntimeApi

EVENTS = 200
DUPLICATES = 60
SAMPLES = ("modify-attributes", "modify-terraform", "modify-console", "modify-kubernetes",
           "modify-cloudformation", "add-tags", "remove-tags", "create")
# What two runs of the same story share: all but times and request ids.
SHARED = {
    "STATE": ("compliance", "mode", "requiredMode", "grade", "owner", "findings"),
    "INCIDENT": ("requiredMode", "owner", "findings"),
    "CHANGE": ("attribute", "before", "after", "why"),
    "SEEN": ("sk", "status"),
    "REEVALUATION": ("pk",),
    "CHANGES": ("pk",),
    "WATCH": ("sk", "status", "before", "after"),  # of the modes that were raised
}


def story():
    """Load balancers of every kind, and which of them are weakened again half way."""
    until = str(datetime.date.today() + datetime.timedelta(days=30))
    excused = {"Owner": "d", "desync-exception-until": until, "desync-exception-reason": "partner",
               "desync-exception-approver": "security@example.com"}
    kinds = [("monitor", {"Owner": "a"})] * 3 + [("monitor", {})] * 2 + [("monitor", excused)] * 2
    kinds += [("defensive", {"Owner": "b"})] * 2 + [("strictest", {"Owner": "c"})]
    kinds += [("defensive", {})] * 2
    balancers = [LiveLoadBalancer(f"twin-{n}", f"{n:016x}", mode, tags)
                 for n, (mode, tags) in enumerate(kinds, 0x7000)]
    return balancers, [balancers[0].arn, balancers[3].arn, balancers[7].arn]


def calls_of(balancers):
    """The same number about each, of every kind, made within the last ten minutes."""
    made = []
    for number in range(EVENTS):
        event = call(SAMPLES[number % len(SAMPLES)], balancers[number % len(balancers)].arn,
                     eventID=f"5e0c1f9a-0000-4000-8000-{number:012x}")
        stamp = event["detail"]["eventTime"]
        event["detail"]["eventTime"] = events.earlier(stamp, seconds=600 - 3 * number)
        made.append(event)
    return made


def with_duplicates(chosen, seed):
    """In another order, some of them twice."""
    shuffled = random.Random(seed)
    again = shuffled.choices(chosen, k=DUPLICATES // 2)
    mixed = chosen + again
    shuffled.shuffle(mixed)
    return mixed


class Copies:
    """So many sandboxes of one function."""

    def __init__(self, aws, loop, count, **environment):
        self.apis = [RuntimeApi() for _ in range(count)]
        variables = loop.environment(ELB_REQUESTS_PER_SECOND="off", **environment)
        self.functions = [Function(api, aws=aws, **variables) for api in self.apis]

    def feed(self, *orders):
        """Each copy its own events, all copies at the same time. The outcomes, by copy."""
        outcomes = [[] for _ in orders]

        def feed_one(number):
            for event in orders[number]:
                outcomes[number].append(self.functions[number].invoke(event))

        threads = [threading.Thread(target=feed_one, args=(n,)) for n in range(len(orders))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for copy, order in zip(outcomes, orders):
            assert [o.kind for o in copy] == ["response"] * len(order)
        return outcomes

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for function, api in zip(self.functions, self.apis):
            function.stop()
            api.stop()


def remembered(loop):
    """How often there is what, without what may differ: {(pk, kind, ...): count}."""
    found = Counter()
    for (pk, sk), item in loop.items().items():
        kind = "WATCH" if pk == "WATCH" else sk.partition("#")[0]
        is_over = "closedAt" in item if kind == "INCIDENT" else "nonCompliantSince" not in item
        owes = sorted(name for name in item if name.startswith("pending"))
        found[(pk, kind, is_over, *owes, *(item.get(name) for name in SHARED[kind]))] += 1
    return found


def a_minute_passes(loop, arn):
    """Within it, the mode before an own change is taken for a read that lags."""
    loop.look(lambda: loop.client("dynamodb").update_item(
        TableName=loop.table, Key={"pk": {"S": arn}, "sk": {"S": "STATE"}},
        UpdateExpression="REMOVE ownChange"))


def play(aws, copies, orders_of):
    """The story with so many copies: what is remembered in the end, the loop, the balancers."""
    aws.reset()
    loop = ControlLoop(aws)
    balancers, weakened_again = story()
    fleet.create(aws, balancers)
    made = calls_of(balancers)
    with Copies(aws, loop, copies) as running:
        running.feed(*orders_of(made[:EVENTS // 2]))
        for arn in weakened_again:
            loop.set_mode(arn, "monitor")
            a_minute_passes(loop, arn)
        running.feed(*orders_of(made[EVENTS // 2:]))
    return loop, balancers, made


@pytest.fixture(scope="module")
def one_copy(shared_aws):
    """(items, alerts) of one copy that gets every event once and in order."""
    loop, balancers, _ = play(shared_aws, 1, lambda chosen: [chosen])
    return remembered(loop), Counter(loop.subjects()), balancers


@pytest.fixture(scope="module")
def two_copies(shared_aws, one_copy):
    return play(shared_aws, 2, lambda chosen: [with_duplicates(chosen, 1),
                                               with_duplicates(chosen, 2)])


@pytest.fixture(scope="module", autouse=True)
def clean_up(shared_aws):
    yield
    shared_aws.reset()


def test_one_sandbox_records_the_expected_history(one_copy):
    items, subjects, balancers = one_copy
    kinds = Counter()
    for (_, kind, *_), count in items.items():
        kinds[kind] += count
    # 5 are raised at first, 3 again, 6 of them different; of 2 without an owner, and 2 more, the incident stays.
    assert kinds == {"STATE": 12, "SEEN": EVENTS, "CHANGE": 8, "INCIDENT": 9, "REEVALUATION": 1,
                     "CHANGES": 1, "WATCH": 6}
    assert sum(count for subject, count in subjects.items()
               if subject.startswith("Mode raised: ")) == 8


def test_two_sandboxes_record_the_same_as_one(one_copy, two_copies):
    loop, _, _ = two_copies
    assert remembered(loop) == one_copy[0]


def test_two_sandboxes_alert_the_same_as_one(one_copy, two_copies):
    loop, _, _ = two_copies
    assert Counter(loop.subjects()) == one_copy[1]


def test_no_episode_is_older_than_the_calls_or_ends_before_it_began(two_copies):
    loop, balancers, made = two_copies
    items = loop.items()
    for balancer in balancers:
        told = {events.seconds(event["detail"]["eventTime"]) for event in made
                if balancer.arn in json.dumps(event["detail"])}
        incidents = [item for (pk, sk), item in sorted(items.items())
                     if pk == balancer.arn and sk.startswith("INCIDENT#") and "closedAt" in item]
        for incident in incidents:
            opened, closed = (events.seconds(incident[end]) for end in ("openedAt", "closedAt"))
            assert min(told) <= opened <= closed


def test_two_sandboxes_start_one_reevaluation(two_copies, shared_aws):
    assert shared_aws.counts[START_RULE] == 1


# One moment at a time: both copies are held until both are there.

@pytest.fixture
def scene(shared_aws):
    shared_aws.reset()
    loop = ControlLoop(shared_aws)
    balancer = LiveLoadBalancer("held", "00000000000000e1", "monitor", {"Owner": "a"})
    fleet.create(shared_aws, [balancer])
    with Copies(shared_aws, loop, 2) as copies:
        for function in copies.functions:
            function.wait_until_idle()
        yield shared_aws, loop, balancer.arn, copies
    assert shared_aws.signature_failures == []


def hold(aws, operation, nth=1):
    """The answers of two calls in a row are sent when both were carried out."""
    barrier = threading.Barrier(2, timeout=20)

    def wait(answer):
        barrier.wait()
        return answer

    aws.faults.add(operation, faults.Fault(after=wait), nth=nth, times=2)
    return barrier


@pytest.mark.parametrize("operation, nth", [
    pytest.param(PUT_ITEM, 1, id="both-events-claimed"),
    pytest.param(READ_MODE, 1, id="both-saw-it-weak"),
    pytest.param(READ_TAGS, 1, id="both-read-tags"),
    pytest.param(READ_STATE, 1, id="both-knew-nothing"),
    pytest.param(MODIFY, 1, id="both-raised-it"),
    pytest.param(TRANSACT, 1, id="both-tried-to-remember"),
])
def test_two_calls_about_one_load_balancer_are_one_correction(operation, nth, scene):
    aws, loop, arn, copies = scene
    barrier = hold(aws, operation, nth)
    copies.feed([call("modify-attributes", arn)], [call("modify-terraform", arn)])
    assert not barrier.broken
    assert loop.mode_of(arn) == "defensive"
    assert len(loop.records(arn, "CHANGE")) == 1
    incident, = loop.records(arn, "INCIDENT")
    assert "closedAt" in incident
    assert [s.partition(":")[0] for s in loop.subjects()] == ["Mode raised"]
    state, = loop.records(arn, "STATE")
    assert state["compliance"] == "COMPLIANT" and not [n for n in state if n.startswith("pending")]
    assert state["corrections"].count("T") == 1
    assert [seen["status"] for seen in loop.records(arn, "SEEN")] == ["done", "done"]


@pytest.mark.parametrize("enforcement", ["off", "plan"])
def test_two_calls_about_a_weak_one_that_is_not_raised_are_one_incident(enforcement, shared_aws):
    aws = shared_aws
    aws.reset()
    loop = ControlLoop(aws)
    balancer = LiveLoadBalancer("held", "00000000000000e1", "monitor", {"Owner": "a"})
    fleet.create(aws, [balancer])
    with Copies(aws, loop, 2, ENFORCEMENT=enforcement) as copies:
        hold(aws, READ_STATE)
        copies.feed([call("modify-attributes", balancer.arn)], [call("add-tags", balancer.arn)])
    incident, = loop.records(balancer.arn, "INCIDENT")
    assert "closedAt" not in incident
    assert [s.partition(":")[0] for s in loop.subjects()] == ["Non-compliant"]


def test_event_delivered_to_two_sandboxes_is_handled_by_one(scene):
    aws, loop, arn, copies = scene
    hold(aws, PUT_ITEM)
    event = call("modify-attributes", arn)
    outcomes = copies.feed([event], [event])
    judged = sorted(len(outcome.json()["evaluations"]) for (outcome,) in outcomes)
    assert judged == [0, 1]
    assert (aws.counts[READ_MODE], aws.counts[MODIFY]) == (1, 1)
    assert len(loop.alerts()) == 1
