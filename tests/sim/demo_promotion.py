# SPDX-License-Identifier: Apache-2.0
"""From the first access log to `strictest`: one promotion that holds and one that is rolled back, by
the shipped binary. docs/evidence.md tells the same with the numbers of a run.
"""

import datetime
import re
import textwrap

from . import days, fleet
from .fleet import LiveLoadBalancer
from .log_bucket import LogBucket, gzipped

SWEEP, WATCH = '{"action":"sweep"}', '{"action":"watch"}'
HISTORY_DAYS = 29
LAST_DAY = 9
REQUESTS_A_DAY, SCANS_A_DAY, REQUESTS_A_MINUTE = 12000, 12, 8
MINUTE = datetime.timedelta(minutes=1)
LOGS_AGO = datetime.timedelta(hours=5)
COLUMNS = 120
ROW = "{:>3}  {:<6} {:<9} {:<36} {:<38} {}"

SHOP = LiveLoadBalancer("shop", "50dc6c495c0c9188", "defensive",
                        {"Owner": "shop@example.com", "DesyncRing": "1"})
PARTNERS = LiveLoadBalancer("partners", "73e2d6bc24d8a067", "defensive",
                            {"Owner": "partners@example.com", "DesyncRing": "2"})
KNOWN = {balancer.name: balancer for balancer in [*fleet.FLEET, SHOP, PARTNERS]}
SEARCH, CATALOGUE = KNOWN["search"], KNOWN["catalogue"]


class Story:
    """`say` prints a line, `paint` colours one. What is not as expected is in `wrong`."""

    def __init__(self, loop, function, say, paint):
        self.loop, self.function, self.say, self.paint = loop, function, say, paint
        self.bucket = LogBucket(loop.aws)
        self.day, self.minute = 1, 0
        self.told = len(loop.alerts())
        self.wrong = []

    def tell(self):
        self.begin()
        self.collect_evidence()
        self.promote(SHOP, PARTNERS)
        self.look(SHOP, 11, "planned", "nothing is wrong so far")
        self.look(SHOP, 66, "planned", "fewer requests than WATCH_MIN_REQUESTS")
        self.look(SHOP, 130, "held", "errors did not rise, and no client is blocked")
        self.pass_day()
        self.promote(PARTNERS, SEARCH)
        self.look(PARTNERS, 16, "rolled_back", "strictest blocks clients", blocked=2)
        self.pass_day()
        self.show_frozen()
        return self.wrong

    # --- the scene

    def begin(self):
        fleet.create(self.loop.aws, [SHOP, PARTNERS])
        days.put_history(self.loop, KNOWN, HISTORY_DAYS)
        for balancer in (SHOP, PARTNERS):
            days.measure(self.loop, balancer.arn, self.traffic())
        for text in textwrap.wrap(
                f"{HISTORY_DAYS} days of history are put into the table, as the function would have "
                "written it: the fleet of each day, incidents, corrections and one promotion. The "
                "days from here on are simulated: before each step the local AWS moves all that it "
                "remembers into the past. Dates in the reasons are those of the real clock.",
                COLUMNS):
            self.say(text)
        self.say()
        self.say(self.paint(ROW.format("DAY", "TIME", "WHICH", "WHAT HAPPENS",
                                       "WHAT THE FUNCTION DOES", "MODE"), "1"))

    @staticmethod
    def traffic():
        """What CloudWatch counts: five weeks by the day; and in the hours in which promotions are
        watched, on the days to come, too. Errors come now and then."""
        now = days.now().replace(second=0, microsecond=0)
        for day in range(-35, 0):
            yield now + day * days.DAY - LOGS_AGO, {"requests": REQUESTS_A_DAY}
        for day in range(-8, LAST_DAY + 1):
            for minute in range(-65, 140, 5):
                yield now + day * days.DAY + minute * MINUTE, {
                    "requests": 5 * REQUESTS_A_MINUTE, "refused": int((day * 5 + minute) % 45 == 0),
                    "errors": int((day * 5 + minute) % 20 == 0)}

    def pass_day(self):
        days.pass_time(self.loop, 24 * 60 - self.minute, days=1)
        self.day, self.minute = self.day + 1, 0
        self.count_a_day()

    def count_a_day(self):
        """The access logs of a day, of each load balancer in one file, and what CloudWatch counted.
        Catalogue has clients that strictest would block."""
        moment = days.now() - LOGS_AGO
        lines = days.mixed_lines(moment, REQUESTS_A_DAY)
        careless = days.careless_lines(moment, 60, "200 200")
        sound, mixed = gzipped(lines), gzipped(lines + careless)
        for balancer in (SHOP, PARTNERS, SEARCH, CATALOGUE):
            self.count(balancer, mixed if balancer is CATALOGUE else sound)
            days.measure(self.loop, balancer.arn, [
                (moment, {"requests": REQUESTS_A_DAY, "blocked": SCANS_A_DAY})])

    # --- the steps

    def collect_evidence(self):
        self.count_a_day()
        self.row(1, "09:00", "each", f"access logs, {REQUESTS_A_DAY:,} requests a day", "counted", "")
        self.advise(self.invoke(SWEEP), SHOP, "NO_EVIDENCE", "days")
        while self.day < 7:
            self.pass_day()
            if self.day == 4:
                self.advise(self.invoke(SWEEP), SHOP, "NO_EVIDENCE", "days", is_short=True)

    def count(self, balancer, lines):
        stored = self.bucket.put(lines, self.bucket.key(balancer.name, balancer.id))
        self.invoke(self.bucket.bridge_event(stored))

    def advise(self, done, balancer, recommendation, by, event="sweep", is_short=False):
        found = self.evaluation(done, balancer)
        evidence = found["evidence"]
        reason = found["recommendationReason"]
        if is_short:
            reason = "; ".join(each["text"] for each in evidence["missing"])
        self.step(balancer, event, f"{found['recommendation']}, decided by {evidence['decidedBy']}",
                  (found["recommendation"], evidence["decidedBy"]) == (recommendation, by), reason)

    def promote(self, balancer, waiting):
        """`waiting`: one of a later ring."""
        done = self.invoke(SWEEP)
        action = self.action(done, balancer, "promote")
        self.step(balancer, "sweep", f"promotes it ({action['status']})",
                  action["status"] == "done", action["reason"])
        if balancer is SHOP:
            self.advise(done, CATALOGUE, "FIX_CLIENTS", "blocked", "", is_short=True)
        action = self.action(done, waiting, "promote")
        self.step(waiting, "", f"waits ({action['status']})", action["status"] == "planned",
                  action["reason"].partition(";")[0])
        self.show_alerts()

    def look(self, balancer, minutes, result, says, blocked=0):
        """The watch, so many minutes after the promotion; of each of them `blocked` more requests
        were refused because of strictest."""
        since = self.minute
        days.pass_time(self.loop, minutes - since)
        self.minute = minutes
        self.pass_traffic(balancer, since, blocked)
        done = self.invoke(WATCH)
        action = self.action(done, balancer, "rollback" if blocked else "watch")
        found = action.get("ending") or action["status"]
        reason = action["reason"]
        self.step(balancer, f"watch, {minutes} minutes after the change",
                  "the watch goes on" if found == "planned" else f"the watch ends: {found}",
                  found == result and reason.startswith(says),
                  reason if found != "planned" else reason.partition(". ")[0])
        self.show_alerts()

    def pass_traffic(self, balancer, since, blocked):
        """The access logs of these minutes, and what strictest blocks."""
        now = days.now().replace(second=0, microsecond=0)
        lines = []
        for ago in range(self.minute - since - 1, 0, -1):
            lines += days.mixed_lines(now - ago * MINUTE, REQUESTS_A_MINUTE, 3 + len(lines))
            lines += days.careless_lines(now - ago * MINUTE, blocked, "400 -")
            if blocked:
                days.measure(self.loop, balancer.arn, [
                    (now - ago * MINUTE, {"blocked": blocked, "refused": blocked})])
        self.count(balancer, lines)

    def show_frozen(self):
        done = self.invoke(SWEEP)
        self.advise(done, PARTNERS, "HOLD", "rolledBack")
        action = self.action(done, SEARCH, "promote")
        self.step(SEARCH, "", f"waits ({action['status']})", "frozen until" in action["reason"],
                  action["reason"].partition(";")[0])
        watch = self.loop.items()["WATCH", SHOP.arn]
        self.step(SHOP, "", f"looked on at day {watch['lookedOnDay']} of 35: all is well",
                  (watch["ending"], watch["lookedOnDay"]) == ("held", 1))

    # --- reading and printing

    def invoke(self, event):
        outcome = self.function.invoke(event)
        if outcome.kind != "response":
            raise AssertionError(f"the function failed: {outcome.body.decode()}")
        return outcome.json()

    @staticmethod
    def evaluation(done, balancer):
        return next(each for each in done["evaluations"] if each["resourceId"] == balancer.arn)

    @staticmethod
    def action(done, balancer, kind):
        """Of none its status and reason are empty."""
        return next((each for each in done["actions"]
                     if (each["resourceId"], each["action"]) == (balancer.arn, kind)),
                    {"status": "", "reason": ""})

    def step(self, balancer, event, did, is_right, reason=""):
        time = f"{9 + self.minute // 60:02}:{self.minute % 60:02}"
        self.row(self.day, time, balancer.name, event, did, self.loop.mode_of(balancer.arn))
        if not is_right:
            self.wrong.append(f"day {self.day}, {balancer.name}, {event}: {did}")
        self.note(reason)

    def show_alerts(self):
        alerts = self.loop.alerts()
        for alert in alerts[self.told:]:
            if not re.search("shop|partners", alert.subject):
                continue  # of the rest of the fleet
            self.note(f"received from the topic: {alert.subject}")
        self.told = len(alerts)

    def row(self, day, time, name, event, did, mode=""):
        self.say(ROW.format(day, time, name, event, did, mode))

    def note(self, text):
        names = re.sub(r"arn:\S+/app/([\w-]+)/\w+", r"\1", text)
        for each in textwrap.wrap(names, COLUMNS - 5):
            self.say("     " + self.paint(each, "2"))
