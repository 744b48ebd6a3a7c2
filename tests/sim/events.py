# SPDX-License-Identifier: Apache-2.0
"""Reads the samples in events/ and moves them to today, to the second.

The files hold plain, real dates, so that `bootstrap evaluate` reads them as they are. Two things in
them depend on the calendar: a configuration item is stale after 15 minutes, and an exception ends
on a day. So `load` moves every time stamp and every date of a file by one and the same distance,
the one that makes its latest time stamp "now". Whatever was three days old, or ends in thirty
days, stays so for ever.
"""

import datetime
import json
import re
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "events"
TIME_STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3})?Z")
# An API version looks like a date and names no day.
DATE = re.compile(r'("apiVersion"\s*:\s*")?(?<![\d-])(\d{4}-\d\d-\d\d)(?![\dT-])')
STATE_ID = re.compile(r'(configurationStateId\\*":\s*\\*"?)(\d{13})')
UTC = datetime.timezone.utc


def names(trigger=""):
    """All samples, "config-change.monitor-no-owner" and so on."""
    return sorted(p.stem for p in FOLDER.glob(f"{trigger}*.json"))


def load(name, now=None):
    return move_to_now((FOLDER / f"{name}.json").read_text(encoding="utf-8"), now)


def move_to_now(text, now=None):
    """`text` with its latest time stamp at `now` and all others as far from it as they were."""
    return Move.to_now(text, now).of(text)


class Move:
    """One distance in time, for all that belongs together: an event and what is expected of it."""

    def __init__(self, distance, days):
        self.distance, self.days = distance, days

    @classmethod
    def to_now(cls, text, now=None):
        """The move that brings the latest time stamp of `text` to `now`."""
        stamps = [_parse(s) for s in TIME_STAMP.findall(text)]
        if not stamps:
            return cls(datetime.timedelta(), 0)
        now = now or datetime.datetime.now(UTC)
        # Whole seconds: stamps without a fraction move exactly as far as those with one.
        distance = datetime.timedelta(seconds=(now - max(stamps)) // datetime.timedelta(seconds=1))
        return cls(distance, ((max(stamps) + distance).date() - max(stamps).date()).days)

    def back(self):
        return Move(-self.distance, -self.days)

    def of(self, text):
        text = TIME_STAMP.sub(lambda m: _format(_parse(m[0]) + self.distance, m[0]), text)
        text = DATE.sub(lambda m: m[0] if m[1] else _move_date(m[2], self.days), text)
        milliseconds = round(self.distance.total_seconds() * 1000)
        return STATE_ID.sub(lambda m: f"{m[1]}{int(m[2]) + milliseconds}", text)


def invoking_event(text):
    return json.loads(json.loads(text)["invokingEvent"])


def with_invoking_event(text, change):
    """The event after `change` worked on its invokingEvent, a dict."""
    event = json.loads(text)
    inner = json.loads(event["invokingEvent"])
    change(inner)
    event["invokingEvent"] = json.dumps(inner)
    return json.dumps(event)


def item(text):
    """The configuration item of a change event, or its summary."""
    inner = invoking_event(text)
    found = inner.get("configurationItem") or inner["configurationItemSummary"]
    return json.loads(found) if isinstance(found, str) else found


def resource_id(text):
    return item(text)["resourceId"]


def seconds(stamp):
    """A time stamp of an event as epoch seconds."""
    return _parse(stamp).timestamp()


def earlier(stamp, **distance):
    """The same time stamp, so much (timedelta's arguments) before."""
    return _format(_parse(stamp) - datetime.timedelta(**distance))


def _parse(stamp):
    form = "%Y-%m-%dT%H:%M:%S.%fZ" if "." in stamp else "%Y-%m-%dT%H:%M:%SZ"
    return datetime.datetime.strptime(stamp, form).replace(tzinfo=UTC)


def _format(moment, like="."):
    """As exact as `like`: with milliseconds or without."""
    fraction = f".{moment.microsecond // 1000:03d}" if "." in like else ""
    return moment.strftime("%Y-%m-%dT%H:%M:%S") + fraction + "Z"


def _move_date(text, days):
    try:
        return (datetime.date.fromisoformat(text) + datetime.timedelta(days=days)).isoformat()
    except ValueError:
        return text  # no date of any calendar, and meant to be none
