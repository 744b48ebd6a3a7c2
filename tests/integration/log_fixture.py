# SPDX-License-Identifier: Apache-2.0
"""Access-log lines of every age and with every quirk that real ones have, made up here, and a
splitter that shares nothing with ours: by it the totals are counted a second time."""

import re
from collections import Counter
from dataclasses import dataclass, field

NAME = "app/shop/50dc6c495c0c9188"
OTHER = "app/api/73e2d6bc24d8a067"
AGENT = "ReactorNetty/1.1.13"
FIELD_COUNTS = (18, 20, 25, 27, 29, 30, 33, 34, 37)
KEY = ("{}123456789012_elasticloadbalancing_eu-west-1_app.shop.50dc6c495c0c9188_20261004T1305Z_"
       "192.0.2.10_{}.log.gz")


def log_line(count=34, class_="-", reason="-", **changes):
    """One line of `count` fields; changes by the names below."""
    fields = {
        "type": "https", "time": "2026-10-04T13:00:00.123456Z", "elb": NAME,
        "client": "203.0.113.7:40000", "target": "10.0.0.5:80", "t1": "0.001", "t2": "0.010",
        "t3": "0.000", "status": "200", "target_status": "200", "received": "300", "sent": "900",
        "request": '"GET https://shop.example.com:443/ HTTP/1.1"', "agent": f'"{AGENT}"',
        "cipher": "TLS_AES_128_GCM_SHA256", "protocol": "TLSv1.3", "group": "arn:aws:x:y",
        "trace": '"Root=1-67000000-0123456789abcdef01234567"', "domain": '"shop.example.com"',
        "cert": '"session-reused"', "rule": "0", "created": "2026-10-04T13:00:00.113000Z",
        "actions": '"forward"', "redirect": '"-"', "error": '"-"', "targets": '"10.0.0.5:80"',
        "statuses": '"200"', "class": f'"{class_}"', "reason": f'"{reason}"',
        "trace_id": "TID_0123456789abcdef0123456789abcdef", "host": '"-"', "uri": '"-"',
        "transform": '"-"', "ip": "10.0.3.9", "new1": '"more to come"', "new2": "-", "new3": "x"}
    fields.update(changes)
    return " ".join(list(fields.values())[:count])


def quirks():
    yield log_line(20, domain="shop.example.com", cert="arn:aws:acm:x")
    yield log_line(class_="Acceptable", reason="SpaceInUri", status="301", target="-",
                   request='"GET http://shop.example.com:80/a b c HTTP/1.1"',
                   redirect='"https://shop.example.com:443/a b c"', actions='"redirect"')
    yield log_line(class_="Acceptable", reason="NonCompliantVersion", status="404",
                   request='"GET http://shop.example.com:80/ HTTP/1.0 "')
    yield log_line(status="400", target="-", request='"- http://shop.example.com:80- -"', t1="-1",
                   t2="-1", t3="-1", target_status="-", group="-")
    yield log_line(status="400", target="-", request='"POST http://shop.example.com:80/ HTTP/1.1"')
    yield log_line(status="460", t1="-1", t2="-1", t3="-1")
    yield log_line(request='"--location http://shop.example.com:80/ HTTP/1.1"')
    yield log_line(agent=r'"${jndi:ldap://x} \x22quoted\x22 \x5c \x00000022"')
    yield log_line(agent=r'"old \" escape"', class_="Severe", reason="BadMethod")
    yield log_line(client="2001:db8:85a3:0:0:8a2e:370:7334:2817", class_="Ambiguous",
                   reason="EmptyHeader")
    yield log_line(client="[2001:db8::1]:54321", class_="Ambiguous", reason="EmptyHeader")
    yield log_line(domain='" shop.example.com"', actions='""')
    yield log_line(class_="Severe", reason="SuspiciousTeClPresent")
    yield log_line(class_="Severe", reason="OfNextYear")
    yield log_line(class_="Unheard", reason="OfNextYear")
    yield log_line(agent='"-"', class_="Acceptable", reason="GetHeadZeroContentLength")
    yield log_line(agent='"' + "x" * 100_000 + '"', redirect='"' + "y" * 150_000 + '"')
    yield log_line(time="2026-10-05T00:00:00.000000Z", elb=OTHER, class_="Acceptable",
                   reason="GetHeadZeroContentLength")
    yield log_line(received="-", sent="-", type="ws")
    yield log_line(targets='"10.0.0.5:80 10.0.0.6:80"', statuses='"200 404"')
    yield log_line(class_="Ambiguous", reason="UndefinedContentLengthSemantics", client="-")
    yield "not an access log at all"
    yield log_line(12)
    yield ' "'


def lines():
    ages = [log_line(count, "Acceptable", "GetHeadZeroContentLength") for count in FIELD_COUNTS]
    return ages + [log_line(count) for count in FIELD_COUNTS] + list(quirks())


TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[^ "][^ ]*')
CLASSES = {"-": "Compliant", "Acceptable": "Acceptable", "Ambiguous": "Ambiguous",
           "Severe": "Severe"}


@dataclass
class Totals:
    lines: int = 0
    requests: int = 0
    unparsed: int = 0
    classes: Counter = field(default_factory=Counter)
    reasons: Counter = field(default_factory=Counter)
    load_balancers: Counter = field(default_factory=Counter)
    groups: Counter = field(default_factory=Counter)
    days: Counter = field(default_factory=Counter)  # by load balancer, date, class, reason

    def add(self, line):
        tokens = TOKEN.findall(line)
        self.lines += 1
        quoted = [number for number, token in enumerate(tokens[:18], 1) if token[0] == '"']
        if len(tokens) < 18 or quoted != [13, 14, 18]:
            self.unparsed += 1
            return
        bare = [token.strip('"') for token in tokens]
        class_, reason = "Unknown", ""
        if len(bare) >= 28:
            class_ = CLASSES.get(bare[27], "Unknown")
            reason = "" if len(bare) < 29 or bare[28] == "-" else bare[28]
        self.requests += 1
        self.classes[class_] += 1
        self.load_balancers[bare[2]] += 1
        self.groups[(class_, reason)] += 1
        self.days[(bare[2], bare[1][:10], class_, reason)] += 1
        if reason:
            self.reasons[reason] += 1


def totals(all_lines):
    counted = Totals()
    for line in all_lines:
        counted.add(line)
    return counted
