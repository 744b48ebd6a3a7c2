# SPDX-License-Identifier: Apache-2.0
"""`make demo`: the shipped binary at work, on this machine, without an AWS account or a network.

Starts a local AWS and a Lambda Runtime API, creates a few load balancers, feeds the Config rule
samples of events/ to ./bootstrap as Lambda would, and prints what AWS Config received. Then the same
with enforcement and promotion on: somebody weakens a mode, and EventBridge delivers it, twice; and on
simulated days one load balancer goes to strictest and stays there, and another is rolled back. Last,
the posture report of that fleet, as a page to open. Fails when a verdict is not the one in
tests/golden, a step is not the expected one, or not all is done, once.
"""

import json
import signal
import sys
import textwrap
import time
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from sim import events, fleet
from sim.aws import REGION, LocalAws
from sim.control_loop import ControlLoop
from sim.demo_promotion import Story
from sim.function import ROOT, Function, bootstrap_path
from sim.runtime_api import RuntimeApi

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
TRIGGER = "config-change."
CALL = "elb-call.modify-attributes"
RULE = "desync-guard"
BUCKET = "desync-guard-reports"
PAGE = ROOT / "build/demo/report.html"
LEFT_OUT = {"config-change.testmode"}  # AWS Config stores nothing of it
COLUMNS = 120
ROW = "{:<33} {:<19} {:<10} {:<15} {:>8}  {}"
COLOURS = {"COMPLIANT": "32", "NON_COMPLIANT": "31", "NOT_APPLICABLE": "90"}


def painted(text, colour):
    return f"\x1b[{colour}m{text}\x1b[0m" if colour and sys.stdout.isatty() else text


def show_line(text=""):
    print(text.rstrip(), flush=True)


def name_of(resource):
    """Of a load balancer the name, of anything else its id."""
    parts = resource.split("/")
    return parts[2] if len(parts) == 4 else resource


class Demo:
    def __init__(self):
        self.aws = LocalAws()
        self.api = RuntimeApi()
        self.function = None
        self.wrong = []
        self.fed = 0

    def close(self):
        if self.function:
            self.function.stop()
        self.api.stop()
        self.aws.stop()

    def run(self):
        fleet.create(self.aws)
        self.show_fleet()
        self.function = Function(self.api, aws=self.aws)
        self.function.wait_until_idle()
        self.start_up_ms = (self.api.requests[0].arrived - self.function.started) * 1000
        show_line(painted(ROW.format("EVENT", "LOAD BALANCER", "MODE", "VERDICT", "TIME", ""), "1"))
        for name in events.names(TRIGGER):
            expected = json.loads((GOLDEN / name / "expected.json").read_text())["live"]
            # Errors have nothing to show in a table of verdicts; tests/golden runs them.
            if "compliance" in expected and name not in LEFT_OUT:
                self.feed(name, expected)
        self.show_summary()
        loop = self.enforce()
        self.wrong += self.promote(loop)
        self.report(loop)
        self.show_result()
        return not self.wrong

    def show_fleet(self):
        count = len(fleet.FLEET)
        show_line(f"{count} load balancers in a local AWS at {self.aws.url}; the rule asks for at "
                  "least defensive and a tag Owner")
        show_line()

    def feed(self, name, expected):
        event = events.load(name)
        self.aws.config.add_token(json.loads(event)["resultToken"], RULE)
        started = time.monotonic()
        outcome = self.function.invoke(event)
        took_ms = (time.monotonic() - started) * 1000
        self.fed += 1
        resource = events.resource_id(event)
        recorded = self.aws.config.result(RULE, resource, expected["resourceType"])
        verdict = recorded.compliance if recorded else "(none)"
        annotation = recorded.annotation if recorded else outcome.body.decode()
        mode = ""
        if outcome.kind == "response":
            mode = outcome.json()["evaluations"][0]["mode"]
        is_right = verdict == expected["compliance"]
        if not is_right:
            self.wrong.append(name)
        row = ROW.format(name.removeprefix(TRIGGER), name_of(resource),
                         "-" if mode == "unknown" else mode, verdict, f"{took_ms:.1f} ms",
                         "" if is_right else f"expected {expected['compliance']}")
        show_line(row.replace(verdict, painted(verdict, COLOURS.get(verdict)), 1))
        for line in textwrap.wrap(annotation, COLUMNS - 4):
            show_line("    " + painted(line, "2"))

    def show_summary(self):
        size = bootstrap_path().stat().st_size
        show_line()
        show_line(f"{self.fed} events fed, {len(self.aws.config.history)} evaluations recorded, "
                  f"{sum(self.aws.counts.values())} AWS calls, bootstrap {size / 1e6:.2f} MB, "
                  f"ready {self.start_up_ms:.1f} ms after its start")

    def enforce(self):
        """The second act: one weakening call, delivered twice."""
        self.function.stop()
        self.api.stop()
        self.api = RuntimeApi()
        loop = ControlLoop(self.aws)
        loop.client("s3").create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        self.function = Function(self.api, aws=self.aws,
                                 **loop.environment(REPORT_BUCKET=BUCKET, PROMOTION="enforce",
                                                    ELB_REQUESTS_PER_SECOND="off"))
        self.function.wait_until_idle()
        show_line()
        show_line("the same function with ENFORCEMENT=enforce, a state table and a topic; somebody "
                  "sets a mode to monitor:")
        show_line()
        event = events.load(CALL)
        arn = json.loads(event)["detail"]["requestParameters"]["loadBalancerArn"]
        for name in (CALL.partition(".")[2], "the same event again"):
            self.deliver(name, event, arn, loop)
        done = [change["after"] for change in loop.records(arn, "CHANGE")]
        if done != ["defensive"] or loop.mode_of(arn) != "defensive" or len(loop.alerts()) != 1:
            self.wrong.append(CALL)
        return loop

    def promote(self, loop):
        """On simulated days: from the first access log to `strictest`, held, and rolled back."""
        show_line()
        show_line("and with PROMOTION=enforce, from the first access log to strictest:")
        show_line()
        return Story(loop, self.function, show_line, painted).tell()

    def report(self, loop):
        """The third act: what leadership reads of it."""
        show_line()
        show_line("and the posture report of this fleet:")
        show_line()
        started = time.monotonic()
        outcome = self.function.invoke('{"action":"report"}')
        took_ms = (time.monotonic() - started) * 1000
        if outcome.kind != "response":
            self.wrong.append("report")
            return
        report = outcome.json()["report"]
        for line in report["summary"].splitlines():
            show_line("    " + painted(line, "2"))
        page = next(key for key in report["keys"] if key.endswith("latest/report.html"))
        body = loop.look(lambda: loop.client("s3").get_object(Bucket=BUCKET, Key=page))["Body"].read()
        PAGE.parent.mkdir(parents=True, exist_ok=True)
        PAGE.write_bytes(body)
        show_line()
        show_line(f"{len(report['keys'])} objects written to s3://{BUCKET} in {took_ms:.1f} ms; "
                  f"the page is {PAGE.relative_to(ROOT)} ({len(body) / 1000:.0f} kB): open it in a "
                  "browser")

    def deliver(self, name, event, arn, loop):
        told = len(loop.alerts())
        self.aws.reset_counts()
        started = time.monotonic()
        outcome = self.function.invoke(event)
        took_ms = (time.monotonic() - started) * 1000
        calls = sum(self.aws.counts.values())
        body = outcome.json()
        verdict = body["evaluations"][0]["compliance"] if body.get("evaluations") else "(none)"
        row = ROW.format(name, name_of(arn), loop.mode_of(arn), verdict, f"{took_ms:.1f} ms", "")
        show_line(row.replace(verdict, painted(verdict, COLOURS.get(verdict)), 1))
        lines = [f"{a['action']} {a['status']}: {a['from']} to {a['to']}, {a['reason']}"
                 if a["to"] else f"{a['action']} {a['status']}: {a['reason']}"
                 for a in body.get("actions", [])]
        lines += [f"received from the topic: {alert.subject}" for alert in loop.alerts()[told:]]
        lines += [] if lines else ["nothing is done: it was seen before"]
        for line in [*lines, f"{calls} AWS call{'s' if calls > 1 else ''}"]:
            show_line("    " + painted(line, "2"))

    def show_result(self):
        show_line()
        if self.wrong:
            show_line(painted(f"not as expected: {', '.join(self.wrong)}", "31"))
        else:
            show_line("every verdict and every step is the expected one, and what was weak is raised once")


def main():
    # A TERM (a closed terminal, a CI runner) cleans up just as Ctrl-C does.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    demo = None
    try:
        demo = Demo()
        return 0 if demo.run() else 1
    except KeyboardInterrupt:
        return 130
    except (FileNotFoundError, AssertionError) as problem:
        print(f"demo: {problem}", file=sys.stderr)
        return 1
    finally:
        if demo:
            demo.close()


if __name__ == "__main__":
    sys.exit(main())
