# SPDX-License-Identifier: Apache-2.0
"""Reads the samples in events/ and moves them to today.

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
TIME_STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
DATE = re.compile(r"(?<![\d-])\d{4}-\d\d-\d\d(?![\dT-])")
STATE_ID = re.compile(r'(configurationStateId\\*":\s*\\*"?)(\d{13})')
UTC = datetime.timezone.utc


def names(trigger=""):
    """All samples, "config-change.monitor-no-owner" and so on."""
    return sorted(p.stem for p in FOLDER.glob(f"{trigger}*.json"))


def load(name, now=None):
    return move_to_now((FOLDER / f"{name}.json").read_text(encoding="utf-8"), now)


def move_to_now(text, now=None):
    """`text` with its latest time stamp at `now` and all others as far from it as they were."""
    stamps = [_parse(s) for s in TIME_STAMP.findall(text)]
    if not stamps:
        return text
    now = now or datetime.datetime.now(UTC)
    distance = now - max(stamps)
    days = (now.date() - max(stamps).date()).days
    text = TIME_STAMP.sub(lambda m: _format(_parse(m[0]) + distance), text)
    text = DATE.sub(lambda m: _move_date(m[0], days), text)
    milliseconds = round(distance.total_seconds() * 1000)
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


def resource_id(text):
    inner = invoking_event(text)
    item = inner.get("configurationItem") or inner.get("configurationItemSummary")
    return item["resourceId"]


def seconds(stamp):
    """A time stamp of an event as epoch seconds."""
    return _parse(stamp).timestamp()


def earlier(stamp, **distance):
    """The same time stamp, so much (timedelta's arguments) before."""
    return _format(_parse(stamp) - datetime.timedelta(**distance))


def _parse(stamp):
    return datetime.datetime.strptime(stamp, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)


def _format(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def _move_date(text, days):
    try:
        return (datetime.date.fromisoformat(text) + datetime.timedelta(days=days)).isoformat()
    except ValueError:
        return text  # no date of any calendar, and meant to be none
