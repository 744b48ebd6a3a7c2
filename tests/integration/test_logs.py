# SPDX-License-Identifier: Apache-2.0
"""`desync-guard logs`: totals against an independent splitter, and every way a file can be bad."""

import csv
import gzip
import io
import json
import os
import pty
import random
import subprocess
from collections import Counter

import pytest

from log_fixture import AGENT, KEY, NAME, OTHER, Totals, lines, log_line, totals
from sim.function import bootstrap_command, lambda_environment

FINE, ERROR, USAGE = 0, 1, 2
CLASSES = ["Compliant", "Acceptable", "Ambiguous", "Severe", "Unknown"]
BLOCKED = ["Acceptable", "Ambiguous", "Severe"]
MEMBERS = ["files", "lines", "requests", "unparsed", "skipped", "from", "to", "classes", "reasons",
           "wouldBlock", "groups", "loadBalancers", "days", "offenders"]


def run(*arguments, stdin=b""):
    return subprocess.run([*bootstrap_command(), "logs", *map(str, arguments)], input=stdin,
                          capture_output=True, timeout=120, env=lambda_environment())


def report(*arguments, stdin=b"", code=FINE):
    done = run("--format", "json", *arguments, stdin=stdin)
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


def text_of(all_lines, end="\n"):
    return "".join(line + end for line in all_lines).encode()


def write(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def would_block(classes):
    return {"monitor": 0, "defensive": classes["Severe"],
            "strictest": sum(classes[name] for name in BLOCKED)}


def assert_days(found, counted):
    assert [(day["loadBalancer"], day["date"]) for day in found] == sorted(
        {key[:2] for key in counted})
    for day in found:
        own = Counter({key[2:]: count for key, count in counted.items()
                       if key[:2] == (day["loadBalancer"], day["date"])})
        classes, reasons = Counter(), Counter()
        for (class_, reason), count in own.items():
            classes[class_] += count
            reasons[reason] += count if reason else 0
        assert day["requests"] == own.total()
        assert day["classes"] == {name: classes[name] for name in CLASSES}
        assert day["reasons"] == dict(+reasons)
        assert day["wouldBlock"] == would_block(classes)


def assert_totals(found, expected):
    assert (found["lines"], found["requests"], found["unparsed"]) == (
        expected.lines, expected.requests, expected.unparsed)
    assert found["classes"] == {name: expected.classes[name] for name in CLASSES}
    assert found["reasons"] == dict(expected.reasons)
    assert found["wouldBlock"] == would_block(expected.classes)
    assert {each["id"]: each["requests"] for each in found["loadBalancers"]} == dict(
        expected.load_balancers)
    assert_days(found["days"], expected.days)
    offenders = Counter()
    for each in found["offenders"]:
        offenders[each["loadBalancer"], each["reason"]] += each["count"]
    blocked = Counter()
    for (load_balancer, _, class_, reason), count in expected.days.items():
        blocked[load_balancer, reason or "-"] += count if class_ in BLOCKED else 0
    assert offenders == +blocked


@pytest.fixture
def folder(tmp_path):
    """As a bucket looks: two objects of lines, one of members in a row, and what is none of it."""
    every = lines()
    root = tmp_path / "AWSLogs"
    day = root / "123456789012/elasticloadbalancing/eu-west-1/2026/10/04"
    write(day / KEY.format("", "aaaaaaaa"), gzip.compress(text_of(every)))
    members = text_of(every, "\r\n")
    write(day / KEY.format("", "bbbbbbbb"),
          gzip.compress(members[:1000]) + gzip.compress(b"") + gzip.compress(members[1000:]))
    write(day / "plain.txt", text_of(every).rstrip(b"\n"))
    write(day / KEY.format("conn_log.", "c"), gzip.compress(b"2026-10-04T13:00:00Z 192.0.2.1\n"))
    write(day / KEY.format("health_check_log_", "h"), gzip.compress(b"http x\n"))
    write(root / "123456789012/ELBAccessLogTestFile", b"Enable AccessLog for ELB: app/x at y\n")
    write(day / "123456789012_elasticloadbalancing_eu-west-1_old-lb_20261004T1305Z_192.0.2.1_x.log",
          b"2026-10-04T13:00:00.1Z old-lb ...\n")
    write(day / KEY.format("", "n").replace("app.", "net."), gzip.compress(b"tls 2.0 x\n"))
    write(root / "ALB_ACCESS_LOGS/vended.json.gz", gzip.compress(b"{}\n"))
    write(root / ".hidden", b"nothing of ours\n")
    return root


# What is counted

def test_folder_of_every_log_version_matches_an_independent_splitter(folder):
    found = report(folder)
    assert_totals(found, totals(lines() * 3))
    assert found["files"] == 3
    assert all(member in found for member in MEMBERS)
    assert (found["from"], found["to"]) == ("2026-10-04T13:00:00.123Z", "2026-10-05T00:00:00.000Z")
    assert [each["id"] for each in found["loadBalancers"]] == [OTHER, NAME]


def test_other_kinds_of_logs_are_skipped_by_name_and_said_why(folder):
    skipped = {each["path"].rsplit("/", 1)[1]: each["why"] for each in report(folder)["skipped"]}
    assert skipped.pop(KEY.format("", "n").replace("app.", "net.")) == (
        "access log of a Network Load Balancer")
    skipped = {name[:16]: why for name, why in skipped.items()}
    assert skipped == {
        "vended.json.gz": "log in JSON that CloudWatch Logs delivers (a vended log)",
        ".hidden": "hidden",
        "ELBAccessLogTest": "test file that Elastic Load Balancing writes when logging is switched on",
        "conn_log.1234567": "connection log of an Application Load Balancer",
        "health_check_log": "health check log of an Application Load Balancer",
        "123456789012_ela": "access log of a Classic Load Balancer"}


def test_other_kinds_of_logs_are_recognized_by_their_lines_where_the_name_says_nothing(tmp_path):
    connection = ("2026-10-04T13:00:00.1Z 203.0.113.7 40000 443 TLSv1.3 TLS_AES_128_GCM_SHA256 0.01 "
                  '"-" - - - TID_1\n')
    path = write(tmp_path / "renamed.log.gz", gzip.compress(connection.encode() * 3))
    found = report(path)
    assert found["skipped"] == [{"path": str(path),
                                 "why": "connection log of an Application Load Balancer"}]
    assert (found["files"], found["lines"]) == (0, 0)


FOREIGN = {
    "test file": "Enable AccessLog for ELB: app/x/959dfdbaed241613 at 2026-11-20T09:55:52.806Z",
    "connection": ('2026-10-04T13:00:00.1Z 203.0.113.7 40000 443 TLSv1.3 TLS_AES_128_GCM_SHA256 '
                   '0.01 "-" - - - TID_1'),
    "Classic": ('2026-10-04T13:00:00.1Z old-lb 192.0.2.1:2817 10.0.0.1:80 0.1 0.1 0.1 200 200 0 29 '
                '"GET http://www.example.com:80/ HTTP/1.1" "curl/7" - -'),
    "health check": "http 2026-10-04T13:00:00.1Z 0.01 10.0.0.1:80 my-targets PASS 200 -",
    "Network": ("tls 2.0 2026-10-04T13:00:00 net/my-nlb/c6e77e28c25b2234 aa9f66461c97830c "
                '192.0.2.7:51341 10.0.0.1:443 5 2 98 246 - - - - - - - - - - 2026-10-04T13:00:00'),
    "vended": '{"type": "https", "elb": "app/shop/50dc6c495c0c9188", "classification": "-"}',
}


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize("kind", FOREIGN)
def test_line_of_another_log_type_and_lines_after_it_are_counted(tmp_path, kind, pack):
    made = ["", FOREIGN[kind], "rubbish", FOREIGN[kind], *lines(), FOREIGN[kind]]
    expected = totals(line for line in made if line)
    path = write(tmp_path / "a.log", pack(text_of(made, "\r\n")))
    for found in (report(path), report("-", stdin=path.read_bytes())):
        assert_totals(found, expected)
        assert (found["files"], found["skipped"]) == (1, [])
        assert sum(found["unparsedKinds"].values()) == expected.unparsed
        assert sum(3 for name in found["unparsedKinds"] if kind in name) == 3
    assert "3 of the lines not understood: " in run(path).stdout.decode()


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_file_without_access_log_lines_is_named_by_its_most_frequent_kind(tmp_path, kind):
    path = write(tmp_path / "a.log", text_of(["cut off", *[FOREIGN[kind]] * 20, "cut o"]))
    (skipped,) = report(path)["skipped"]
    assert kind in skipped["why"]
    found = report("-", stdin=path.read_bytes())
    assert (found["files"], found["lines"], found["skipped"][0]["path"]) == (0, 0, "-")
    found = report(write(path, text_of(["no log"] * 9 + [FOREIGN[kind]])))
    assert (found["files"], found["lines"], found["unparsed"], found["skipped"]) == (1, 10, 10, [])


def test_a_damaged_file_without_a_line_of_ours_is_counted_as_far_as_it_goes(tmp_path):
    packed = gzip.compress(text_of([FOREIGN["connection"]] * 50))
    found = report(write(tmp_path / "a.log.gz", packed[:-1]), code=ERROR)
    assert (found["lines"], found["unparsed"], len(found["errors"])) == (50, 50, 1)


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_standard_input_is_read_in_both_forms(pack):
    assert_totals(report("-", stdin=pack(text_of(lines()))), totals(lines()))


def test_an_unpacked_file_that_kept_its_name_is_read(tmp_path):
    assert_totals(report(write(tmp_path / "a.log.gz", text_of(lines()))), totals(lines()))


def test_groups_have_the_keys_that_were_asked_for_and_sum_up_to_all(folder):
    found = report("--by", "reason,class", folder)
    expected = totals(lines() * 3)
    assert {(each["class"], each["reason"]): each["count"] for each in found["groups"]} == dict(
        expected.groups)
    every = report("--by=host,client,user-agent,class,reason", folder)["groups"]
    assert {tuple(sorted(each)) for each in every} == {
        ("class", "client", "count", "error", "host", "reason", "user-agent")}
    assert sum(each["count"] for each in every) == expected.requests


def test_an_offender_has_its_network_and_a_cause_and_a_fix(folder):
    found = [each for each in report(folder)["offenders"] if each["userAgent"] == AGENT
             and each["reason"] == "GetHeadZeroContentLength" and each["count"] > 3]
    assert [(each["client"], each["host"]) for each in found] == [
        ("203.0.113.0/24", "shop.example.com")]
    assert "Reactor Netty" in found[0]["cause"] and "3664" in found[0]["fix"]


def test_thread_count_does_not_change_the_result(tmp_path):
    made = random.Random(7)
    for number in range(6):
        some = [log_line(class_="Acceptable", reason="GetHeadZeroContentLength",
                         client=f"10.{made.randrange(30)}.{made.randrange(200)}.1:9",
                         agent=f'"agent {made.randrange(40)}"') for _ in range(3000)]
        write(tmp_path / f"{number}.log.gz", gzip.compress(text_of(some)))
    first = run("--format", "json", "--by", "client", tmp_path).stdout
    assert json.loads(first)["lines"] == 18000
    for _ in range(4):
        assert run("--format", "json", "--by", "client", tmp_path).stdout == first


def test_days_and_load_balancers_keep_their_own_reasons_on_every_core(tmp_path):
    made = random.Random(11)
    choices = [("-", "-"), ("Acceptable", "GetHeadZeroContentLength"), ("Severe", "BadMethod"),
               ("Ambiguous", "EmptyHeader"), ("Severe", "OfNextYear"), ("Unheard", "OfNextYear")]
    every = []
    for number in range(5):
        some = [log_line(class_=class_, reason=reason, elb=f"app/lb-{made.randrange(4)}/0123456789abcdef",
                         time=f"2026-10-0{made.randrange(1, 6)}T23:59:59.999999Z")
                for class_, reason in made.choices(choices, k=2000)]
        write(tmp_path / f"{number}.log.gz", gzip.compress(text_of(some)))
        every += some
    found = report(tmp_path)
    assert len(found["days"]) == 4 * 5
    assert_totals(found, totals(every))


# What is shown

def test_the_table_says_what_strictest_would_block(folder):
    expected = totals(lines() * 3)
    blocked = sum(expected.classes[name] for name in BLOCKED)
    done = run(folder)
    text = done.stdout.decode()
    assert (done.returncode, done.stderr) == (FINE, b"")
    assert f"strictest would block {blocked} of {expected.requests} requests (" in text
    for words in ("WHO WOULD BE BLOCKED", "pull request 3664", "SKIPPED", "GetHeadZeroContentLength"):
        assert words in text


def test_counts_of_one_are_in_the_singular(tmp_path):
    table = run(write(tmp_path / "a.log", text_of([log_line(class_="New")]))).stdout.decode()
    assert table.startswith("1 file, 1 line: 1 request, 0 not understood\n")
    assert "strictest would block 0 of 1 request (" in table
    assert '1 of these has the class "New"' in table
    table = run(write(tmp_path / "b.log", text_of([log_line(20)]))).stdout.decode()
    assert "1 of these has no class" in table


def test_the_table_lists_days_and_load_balancers_only_where_there_are_several(folder, tmp_path):
    text = run(folder).stdout.decode()
    days = text[text.index("\nDAY "):text.index("WHO WOULD BE BLOCKED")].split("\n")
    assert days[2].split()[:2] == ["2026-10-04", NAME]
    assert days[3].split() == ["2026-10-05", OTHER, "3", "3", "100.00", "%", "0"]
    assert f"at:    {OTHER}" in text
    alone = run(write(tmp_path / "one.log", text_of([log_line(class_="Severe")]))).stdout.decode()
    assert "DAY" not in alone and "at:  " not in alone


def test_no_blocked_request_in_many_is_still_bounded(tmp_path):
    path = write(tmp_path / "a.log", text_of([log_line()] * 3000))
    assert "None in 3,000 requests still allows for up to about 0.10 %" in run(path).stdout.decode()


def test_log_text_cannot_control_a_terminal_or_a_spreadsheet(tmp_path):
    evil = log_line(agent='"=cmd()\x1b[2J\x07"', class_="Severe", reason="BadMethod").encode()
    path = write(tmp_path / "a.log", evil + b"\n")
    assert b"\x1b" not in run(path).stdout and b"\x07" not in run(path).stdout
    row, = csv.DictReader(io.StringIO(run("--format", "csv", path).stdout.decode()))
    assert row["userAgent"] == r"'=cmd()\x1b[2J\x07"
    assert report(path)["offenders"][0]["userAgent"] == "=cmd()\x1b[2J\x07"


def test_csv_holds_groups_or_offenders(folder):
    rows = list(csv.DictReader(io.StringIO(run("--format=csv", folder).stdout.decode())))
    assert sum(int(row["count"]) for row in rows) == report(folder)["wouldBlock"]["strictest"]
    rows = list(csv.DictReader(io.StringIO(
        run("--format=csv", "--by", "user-agent,class", folder).stdout.decode())))
    assert list(rows[0]) == ["user-agent", "class", "count", "error"]
    assert sum(int(row["count"]) for row in rows) == report(folder)["requests"]


def test_progress_is_drawn_on_a_terminal_only(folder):
    ours, theirs = pty.openpty()
    done = subprocess.run([*bootstrap_command(), "logs", folder], stdout=subprocess.PIPE,
                          stderr=theirs, timeout=60, env=lambda_environment(TERM="xterm"))
    os.close(theirs)
    drawn = b""
    try:
        while piece := os.read(ours, 4096):
            drawn += piece
    except OSError:
        pass  # Linux's way to say that the other end is closed
    os.close(ours)
    assert done.returncode == FINE
    assert b"MB" in drawn and drawn.endswith(b"\r\x1b[K")


# What is bad

PACKED = gzip.compress(text_of([log_line()] * 2000), mtime=0)
DAMAGE = {
    "cut short": (PACKED[:-2000], "cut short at byte {}"),
    "cut in the trailer": (PACKED[:-3], "cut short at byte {}"),
    "checksum": (PACKED[:-8] + bytes([PACKED[-8] ^ 1]) + PACKED[-7:], "damaged gzip data at byte"),
    "trailing garbage": (PACKED + b"garbage", f"foreign bytes behind the gzip data, at byte {len(PACKED)}"),
    "no gzip": (b"\x00\x01\x02\x03", "not gzip data, at byte 0"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_file_is_named_with_its_byte_after_all_others_were_counted(tmp_path, kind):
    data, words = DAMAGE[kind]
    bad = write(tmp_path / "a.log.gz", data)
    write(tmp_path / "b.log.gz", PACKED)
    done = run("--format", "json", tmp_path)
    found = json.loads(done.stdout)
    assert done.returncode == ERROR
    assert f"{bad}: " in done.stderr.decode() and words.format(len(data)) in done.stderr.decode()
    assert [each["path"] for each in found["errors"]] == [str(bad)]
    whole = {"cut in the trailer", "checksum", "trailing garbage"}
    assert found["lines"] >= 2000 + (2000 if kind in whole else 0)
    assert found["lines"] == found["requests"] + found["unparsed"]


def test_an_empty_plain_file_has_no_lines_and_is_fine(tmp_path):
    assert report(write(tmp_path / "a.log", b""))["lines"] == 0


@pytest.mark.parametrize("name", ["a.log.gz", "a.log", KEY.format("", "eeeeeeee"), "-"])
def test_an_empty_file_is_skipped_by_name_and_fine(tmp_path, name):
    write(tmp_path / "b.log.gz", PACKED)
    path = name if name == "-" else write(tmp_path / name, b"")
    found = report(path, tmp_path / "b.log.gz")
    assert found["skipped"] == [{"path": str(path), "why": "it is empty"}]
    assert (found["files"], found["lines"]) == (1, 2000)
    assert f"{path}: it is empty" in run(path).stdout.decode()


CLASSIC_FEED = FOREIGN["Classic"].replace("curl/7", "{}")
QUOTED_FEEDS = ["a\n    b\n", "\n" * 30, "a\nb \\\" c\nd", "a\r\nb"]


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize("agent", QUOTED_FEEDS, ids=repr)
def test_a_line_feed_within_a_classic_line_leaves_the_file_a_classic_log(tmp_path, agent, pack):
    path = write(tmp_path / "a.log", pack(text_of([CLASSIC_FEED.format(agent)] * 3)))
    for found in (report(path), report("-", stdin=path.read_bytes())):
        assert found["skipped"][0]["why"] == "access log of a Classic Load Balancer"
        assert (found["files"], found["lines"]) == (0, 0)


def test_text_behind_the_closed_quote_is_counted_by_itself(tmp_path):
    path = write(tmp_path / "a.log",
                 text_of([CLASSIC_FEED.format("a\nb"), *["rubbish"] * 9, log_line()]))
    found = report(path)
    assert (found["requests"], found["unparsed"]) == (1, 11)
    assert found["unparsedKinds"]["not an access log"] == 9


def test_a_file_that_cannot_be_opened_is_an_error_and_the_others_are_counted(tmp_path):
    good = write(tmp_path / "good.log", text_of([log_line()]))
    (tmp_path / "gone.log").symlink_to(tmp_path / "nowhere")
    done = run("--format", "json", good, tmp_path / "gone.log", tmp_path / "absent")
    assert done.returncode == ERROR and json.loads(done.stdout)["requests"] == 1
    assert [each["message"] for each in json.loads(done.stdout)["errors"]] == [
        "No such file or directory"] * 2


@pytest.mark.parametrize("target", ["a.log", "..", "nowhere"])
def test_a_link_in_a_folder_is_skipped_for_its_target_is_counted_once(tmp_path, target):
    write(tmp_path / "a/a.log", text_of([log_line()]))
    (tmp_path / "a/link.log").symlink_to(target)
    found = report(tmp_path)
    assert found["requests"] == 1
    (skipped,) = found["skipped"]
    assert skipped["path"] == f"{tmp_path}/a/link.log" and skipped["why"].startswith("a link")


def test_a_link_that_is_named_is_read(tmp_path):
    write(tmp_path / "a/a.log", text_of([log_line()]))
    (tmp_path / "link").symlink_to("a")
    (tmp_path / "link.log").symlink_to("a/a.log")
    assert report(tmp_path / "link", tmp_path / "link.log")["requests"] == 2


@pytest.mark.parametrize("zeros", [1, 10_000, 300 << 20])
def test_zeros_behind_gzip_data_are_padding_in_a_file_of_any_size(tmp_path, zeros):
    path = write(tmp_path / "a.log.gz", PACKED)
    os.truncate(path, len(PACKED) + zeros)
    found = report(path)
    assert (found["requests"], found["errors"]) == (2000, [])


def fuzzed(made, data):
    data = bytearray(data)
    for _ in range(200):
        at = made.randrange(len(data))
        kind = made.randrange(4)
        if kind == 0:
            data[at] = made.randrange(256)
        elif kind == 1:
            data[at:at + made.randrange(30)] = b""
        elif kind == 2:
            data[at:at] = bytes(made.randrange(256) for _ in range(made.randrange(9)))
        else:
            data[at:at] = made.choice([b'"', b"\\", b" ", b"\n", b"\r\n", b"\0", b'" "'])
    return bytes(data)


@pytest.mark.parametrize("seed", range(12))
def test_a_fuzzed_file_loses_no_line(tmp_path, seed):
    data = fuzzed(random.Random(seed), text_of(lines()[:-20] * 3))
    count = sum(1 for line in data.split(b"\n") if line.removesuffix(b"\r"))
    for pack, name in ((bytes, "a.log"), (gzip.compress, "a.log.gz")):
        found = report("--by", "client,class", write(tmp_path / name, pack(data)))
        assert found["lines"] == count == found["requests"] + found["unparsed"]
        assert sum(each["count"] for each in found["groups"]) == found["requests"]
        assert sum(found["classes"].values()) == found["requests"]


@pytest.mark.parametrize("seed", range(12))
def test_a_fuzzed_gzip_file_ends_in_order(tmp_path, seed):
    path = write(tmp_path / "a.log.gz", fuzzed(random.Random(seed), PACKED))
    done = run("--format", "json", path)
    assert done.returncode in (FINE, ERROR)
    found = json.loads(done.stdout)
    assert found["lines"] == found["requests"] + found["unparsed"]


# Usage

@pytest.mark.parametrize("arguments, words", [
    ([], "at least one file"), (["--by", "time", "x"], 'does not know "time"'),
    (["--by"], "--by needs a value"), (["--format", "xml", "x"], '--format takes'),
    (["x", "--fast"], 'does not take "--fast"'), (["-", "-"], "can be read once"),
    ([""], "a path is empty"), (["--by", "class,,host", "x"], 'does not know ""'),
])
def test_wrong_usage_ends_with_2(arguments, words):
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (USAGE, b"")
    assert words in done.stderr.decode()


def test_options_may_follow_paths_and_two_dashes_end_them(tmp_path):
    write(tmp_path / "--by", text_of([log_line()]))
    done = subprocess.run([*bootstrap_command(), "logs", "--format", "json", "--", "--by"],
                          cwd=tmp_path, capture_output=True, timeout=60, env=lambda_environment())
    assert json.loads(done.stdout)["requests"] == 1
    assert json.loads(run(tmp_path, "--format", "json").stdout)["requests"] == 1


def test_the_splitter_of_these_tests_counts_rightly():
    counted = Totals()
    counted.add(log_line(34, "Severe", "BadUri"))
    counted.add("x")
    assert (counted.requests, counted.unparsed, counted.classes["Severe"]) == (1, 1, 1)
