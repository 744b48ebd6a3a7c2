# SPDX-License-Identifier: Apache-2.0
"""log_lines.py FILE COUNT [SEED]: a gzip file of one member with access-log lines of 34 fields, the
same for the same seed; prints the totals as JSON. In proportions made up to look like a public API.
"""

import json
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

START_S = 13 * 3600
CLASSES = [("-", "-", 9700), ("Acceptable", "GetHeadZeroContentLength", 150),
           ("Acceptable", "SpaceInUri", 40), ("Acceptable", "NonCompliantVersion", 10),
           ("Ambiguous", "UndefinedContentLengthSemantics", 60), ("Ambiguous", "AmbiguousUri", 25),
           ("Severe", "BadContentLength", 10), ("Severe", "BadMethod", 5)]
PATHS = ["/", "/api/v1/orders", "/api/v1/orders/items/search", "/api/v2/customers",
         "/static/js/main.4f3a2b1c.chunk.js", "/login", "/healthz", "/images/catalogue/large.webp"]
AGENTS = ["Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
          "Chrome/129.0.0.0 Safari/537.36",
          "Mozilla/5.0 (iPhone; CPU iPhone OS 17_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, "
          "like Gecko) Version/17.6 Mobile/15E148 Safari/604.1",
          "ReactorNetty/1.1.13", "okhttp/4.12.0", "python-requests/2.32.3", "curl/8.5.0", "-"]
HOSTS = ["shop.example.com", "api.example.com", "www.example.com"]
ACCOUNT = "arn:aws:{}:eu-west-1:123456789012:{}"
GROUP = ACCOUNT.format("elasticloadbalancing", "targetgroup/web-blue/73e2d6bc24d8a067")
CERTIFICATE = ACCOUNT.format("acm", "certificate/12345678-1234-1234-1234-123456789012")
NAME = "app/public-web/50dc6c495c0c9188"
CUMULATIVE = [sum(weight for _, _, weight in CLASSES[:i + 1]) for i in range(len(CLASSES))]


def line(random_, number):
    """One line and its (class, reason)."""
    class_, reason, _ = random_.choices(CLASSES, cum_weights=CUMULATIVE)[0]
    second = START_S + number // 4000
    time = (f"2026-10-04T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}."
            f"{random_.randrange(1000000):06}Z")
    address = random_.getrandbits(16)
    client = f"198.51.{address >> 12}.{address & 255}:{random_.randrange(1024, 65536)}"
    target = f"10.0.{random_.randrange(4)}.{random_.randrange(20, 60)}:8080"
    host = random_.choice(HOSTS)
    path = f"{random_.choice(PATHS)}?id={random_.randrange(100000)}"
    if number % 2 == 0:
        path += f"&session={random_.getrandbits(64):016x}&utm_source=newsletter-2026-10&utm_medium=mail"
    if reason == "SpaceInUri":
        path += " and more"
    status = "400" if class_ == "Severe" else random_.choice(("200", "200", "200", "304", "404"))
    target_status = "-" if class_ == "Severe" else status
    if class_ == "Severe":
        target = "-"
    trace = f"Root=1-{0x67000000 + second:08x}-{random_.getrandbits(96):024x}"
    text = (
        f'https {time} {NAME} {client} {target} 0.000 0.{random_.randrange(1000):03} 0.000 '
        f'{status} {target_status} {random_.randrange(200, 2000)} {random_.randrange(200, 60000)} '
        f'"GET https://{host}:443{path} HTTP/1.1" "{random_.choice(AGENTS)}" '
        f'TLS_AES_128_GCM_SHA256 TLSv1.3 {GROUP} "{trace}" "{host}" "{CERTIFICATE}" '
        f'{random_.randrange(6)} {time} "forward" "-" "-" "{target}" "{target_status}" '
        f'"{class_}" "{reason}" TID_{random_.getrandbits(128):032x} "-" "-" "-" '
        f'10.0.3.{random_.randrange(10, 14)}\n')
    return text, (class_, reason)


def write(path, count, seed):
    """Totals {"Compliant -": n}. Level 6, as gzip has it; pigz would write several blocks alike."""
    random_ = random.Random(seed)
    totals = Counter()
    with open(path, "wb") as file:
        gzip = subprocess.Popen(["gzip", "-6", "-n"], stdin=subprocess.PIPE, stdout=file)
        for start in range(0, count, 10000):
            made = [line(random_, number) for number in range(start, min(count, start + 10000))]
            gzip.stdin.write("".join(text for text, _ in made).encode())
            totals.update(f"{class_} {reason}" for _, (class_, reason) in made)
        gzip.stdin.close()
        if gzip.wait() != 0:
            raise RuntimeError("gzip failed")
    return dict(sorted(totals.items()))


if __name__ == "__main__":
    print(json.dumps(write(Path(sys.argv[1]), int(sys.argv[2]), int((sys.argv + ["1"])[3]))))
