# SPDX-License-Identifier: Apache-2.0
"""Small events for tests of the machinery around the judgement."""

import json

from . import events


def good_event(**changes):
    """A change event that AWS Config takes without storing (TESTMODE): exactly one AWS call."""
    event = json.loads(events.load("config-change.monitor-owner"))
    event["resultToken"] = "TESTMODE"
    event.update(changes)
    return event


def event_with_item(**changes):
    """The same with members of the configuration item changed; None removes one."""
    def change(inner):
        item = inner["configurationItem"]
        for name, value in changes.items():
            if value is None:
                del item[name]
            else:
                item[name] = value

    return events.with_invoking_event(json.dumps(good_event()), change)


def event_of_size(size):
    """A good event of exactly so many bytes."""
    empty = json.dumps(good_event(padding=""))
    return json.dumps(good_event(padding="x" * (size - len(empty))))
