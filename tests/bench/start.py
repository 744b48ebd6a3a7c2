# SPDX-License-Identifier: Apache-2.0
"""From exec to the first byte of GET .../next: what every cold start waits for."""

import re
import socket

from measure import (ROOT, Row, at_least_times_less, at_most_more, at_most_times, calm_notes,
                     endpoint_variables, next_ms)

FLOOR_TIMES_MAX = 2.5
FLOOR_MORE_MS_MAX = 2
DYNAMIC_TIMES_MIN = 8
WARM_UP_MORE_MS_MAX = 3


def warm_up_cap_ms():
    """As the source has it."""
    text = (ROOT / "src/lambda.c").read_text(encoding="utf-8")
    return int(re.search(r"#define WARM_UP_CAP_MS (\d+)", text)[1])


def refused_variables():
    """Ports that nobody listens on: bound, so that nobody else takes them meanwhile."""
    sockets = [socket.socket() for _ in range(2)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    return sockets, endpoint_variables([each.getsockname()[1] for each in sockets])


def off(bench):
    return bench.variant("off", [bench.bootstrap], WARM_UP="off")


def ready(bench, name, warm_up, endpoints):
    """With TLS endpoints and their authority; pairs of these differ by WARM_UP alone."""
    return bench.variant(name, [bench.bootstrap], WARM_UP=warm_up, AWS_CA_BUNDLE=bench.ca,
                         **endpoints)


def timed(what, value, ours, against, baseline, target):
    return Row(what, "ms", value, against, baseline["median"], target,
               {"ours": ours, "baseline": baseline})


def fast_rows(bench):
    with bench.endpoints("answer") as answering:
        runs = bench.run([
            bench.variant("floor", [bench.floor]), off(bench),
            bench.variant("dynamic", [bench.dynamic], WARM_UP="off"),
            ready(bench, "cold", "off", answering),
            ready(bench, "on", "on", answering)], bench.fast_rounds)
    times = {name: next_ms(each) for name, each in runs.items()}
    yield timed("exec to first GET /next, WARM_UP=off", times["off"]["median"], times["off"],
                "floor: musl, one socket", times["floor"], at_most_times(FLOOR_TIMES_MAX))
    yield timed("  the same", times["off"]["median"], times["off"], "floor: musl, one socket",
                times["floor"], at_most_more(FLOOR_MORE_MS_MAX, "ms"))
    yield timed("  the same", times["off"]["median"], times["off"], "dynamic glibc build",
                times["dynamic"], at_least_times_less(DYNAMIC_TIMES_MIN))
    yield timed("  WARM_UP=on, endpoints answer at once", times["on"]["median"],
                times["on"], "WARM_UP=off, same bundle", times["cold"],
                at_most_more(WARM_UP_MORE_MS_MAX, "ms"))
    yield from calm_notes(times)


def cap_rows(bench):
    """"Never more than": the longest of all runs."""
    sockets, refusing = refused_variables()
    with bench.endpoints("silent") as silent, bench.endpoints("hole") as hole:
        runs = bench.run([ready(bench, "off", "off", refusing),
                          ready(bench, "silent", "on", silent), ready(bench, "hole", "on", hole),
                          ready(bench, "refused", "on", refusing)], bench.slow_rounds)
    for each in sockets:
        each.close()
    times = {name: next_ms(each) for name, each in runs.items()}
    target = at_most_more(warm_up_cap_ms(), "ms")
    for name, what in (("silent", "are silent"), ("hole", "drop SYNs"), ("refused", "refuse")):
        yield timed(f"  WARM_UP=on, endpoints {what}, longest", times[name]["max"],
                    times[name], "WARM_UP=off", times["off"], target)


def rows(bench):
    return [*fast_rows(bench), *cap_rows(bench)]
