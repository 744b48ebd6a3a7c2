# SPDX-License-Identifier: Apache-2.0
"""docs/athena.md: its expression takes every line that `desync-guard logs` takes and gives the same
class of each, and its queries say what they are said to. The queries run in SQLite, with the two
functions that it lacks.
"""

import re
import shutil
import sqlite3
import subprocess

import pytest

from log_fixture import FIELD_COUNTS, Totals, lines, log_line
from sim.stack import ROOT

PAGE = (ROOT / "docs/athena.md").read_text()
STATEMENTS = re.findall(r"^```sql\n(.*?);\n```", PAGE, re.M | re.S)
TABLE, QUERIES = STATEMENTS[0], STATEMENTS[1:]
COLUMNS = re.findall(r"(\w+) string", TABLE.partition("PARTITIONED")[0])
KNOWN = ("-", "Acceptable", "Ambiguous", "Severe")
LONG = [log_line(agent='"' + r"\x22" * 20_000 + '"', class_="Severe", reason="BadUri"),
        log_line(request='"GET ' + r"\xC3\xA9" * 30_000 + ' HTTP/1.1"'),
        log_line(agent='"' + "x" * 300_000, class_="Severe", reason="BadUri")]
JAVA = r"""
import java.nio.charset.StandardCharsets;
import java.nio.file.*;
import java.util.regex.*;

public class Match {
    public static void main(String[] arguments) throws Exception {
        Pattern pattern = Pattern.compile(Files.readString(Path.of(arguments[0])));
        for (String line : Files.readAllLines(Path.of(arguments[1]), StandardCharsets.ISO_8859_1)) {
            Matcher matcher = pattern.matcher(line);
            boolean is_row = matcher.matches() && matcher.groupCount() == 34;
            System.out.println(!is_row ? "no row" : matcher.group(28) + " " + matcher.group(29));
        }
    }
}
"""


def expression():
    """As Athena understands it: in the statement a backslash stands before what is meant."""
    written = re.search(r"'input\.regex' = '(.*)'\n", TABLE)[1]
    return re.sub(r"\\(.)", r"\1", written)


def row_of(line):
    match = re.fullmatch(expression(), line)
    return dict(zip(COLUMNS, match.groups())) if match else None


def counted(line):
    """What the independent splitter says: (class, reason); None for a line it does not take."""
    totals = Totals()
    totals.add(line)
    return None if totals.unparsed else next(iter(totals.groups))


def told(class_, reason):
    name = {"-": "Compliant"}.get(class_, class_ if class_ in KNOWN else "Unknown")
    return name, "" if reason in (None, "-") else reason


# The table

def test_table_has_a_column_for_each_group_and_no_two_of_a_name():
    assert len(COLUMNS) == len(set(COLUMNS)) == re.compile(expression()).groups == 34
    assert COLUMNS[27:29] == ["classification", "classification_reason"]


@pytest.mark.parametrize("line", lines() + LONG, ids=lambda line: line[:16])
def test_every_line_gets_the_class_of_the_splitter(line):
    row = row_of(line)
    assert (told(row["classification"], row["classification_reason"]) if row else None) \
        == counted(line)


def test_half_of_the_fixture_is_classified():
    classified = [line for line in lines() if counted(line) and counted(line)[0] in KNOWN]
    assert len(classified) >= 10


@pytest.mark.parametrize("count", FIELD_COUNTS)
def test_columns_hold_the_fields_in_their_order(count):
    row = row_of(log_line(count, "Ambiguous", "EmptyHeader"))
    assert row["request"] == "GET https://shop.example.com:443/ HTTP/1.1"
    assert row["client"] == "203.0.113.7:40000"
    assert row["ssl_cipher"] == "TLS_AES_128_GCM_SHA256"
    assert row["trace_id"].startswith("Root=")
    assert row["domain_name"] == ("shop.example.com" if count >= 19 else None)
    assert row["conn_trace_id"] == (
        "TID_0123456789abcdef0123456789abcdef" if count >= 30 else None)
    assert row["ip_address"] == ("10.0.3.9" if count >= 34 else None)
    assert len([value for value in row.values() if value is not None]) == min(count, 34)


def test_java_reads_every_line_as_python_does(tmp_path):
    """Athena's RegexSerDe is java.util.regex; a deep one would also overflow its stack."""
    java = shutil.which("java")
    if not java or not shutil.which("javac"):
        pytest.skip("no Java here (a JDK of 11 or later)")
    every = lines() + LONG
    (tmp_path / "Match.java").write_text(JAVA)
    (tmp_path / "expression").write_text(expression())
    (tmp_path / "lines").write_text("".join(line + "\n" for line in every))
    done = subprocess.run([java, "Match.java", "expression", "lines"], cwd=tmp_path, timeout=120,
                          capture_output=True, text=True, check=True)
    rows = [row_of(line) for line in every]
    assert done.stdout.splitlines() == [
        "no row" if row is None else
        " ".join(row[name] or "null" for name in ("classification", "classification_reason"))
        for row in rows]


@pytest.mark.parametrize("key", ["projection.day.format", "storage.location.template"])
def test_partitions_are_the_folders_that_logs_are_delivered_to(key):
    value = re.search(rf"'{re.escape(key)}' =\s+'(.*)'", TABLE)[1]
    assert value == {"projection.day.format": "yyyy/MM/dd",
                     "storage.location.template": "s3://example-logs/AWSLogs/123456789012/"
                     "elasticloadbalancing/eu-west-1/${day}"}[key]


# The queries

class CountIf:
    def __init__(self):
        self.count = 0

    def step(self, is_so):
        self.count += bool(is_so)

    def finalize(self):
        return self.count


def regexp_extract(text, pattern, group):
    match = re.search(pattern, text)
    return match[group] if match else None


@pytest.fixture
def database():
    """The table with the fixture's lines in the days that the queries ask for."""
    connection = sqlite3.connect(":memory:")
    connection.create_aggregate("count_if", 1, CountIf)
    connection.create_function("regexp_extract", 3, regexp_extract)
    names = ", ".join([*COLUMNS, "day", '"$path"'])
    connection.execute(f"CREATE TABLE alb_access_logs ({names})")
    yield connection
    connection.close()


def load(database, *all_lines, day="2026/11/02"):
    for line in all_lines:
        row = row_of(line.replace("2026-10-0", "2026-11-0")) or dict.fromkeys(COLUMNS)
        marks = ", ".join("?" * (len(COLUMNS) + 2))
        database.execute(f"INSERT INTO alb_access_logs VALUES ({marks})",
                         [*row.values(), day, "s3://example-logs/a.log.gz"])


def ask(database, number):
    cursor = database.execute(QUERIES[number])
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row)) for row in cursor]


def test_queries_are_those_that_are_tested_here():
    assert len(QUERIES) == 5


def test_lines_that_could_not_be_read_are_counted(database):
    load(database, *lines())
    unread = sum(counted(line) is None for line in lines())
    assert ask(database, 0) == [{"object": "s3://example-logs/a.log.gz", "lines": unread}]


def test_classes_and_reasons_are_those_of_the_splitter(database):
    load(database, *lines())
    found = ask(database, 1)
    assert sum(row["requests"] for row in found) == sum(
        counted(line) is not None for line in lines())
    for reason in {row["reason"] for row in found} - {"-"}:
        assert sum(row["requests"] for row in found if row["reason"] == reason) == sum(
            (counted(line) or ("", ""))[1] == reason for line in lines())
    too_old, = [row["requests"] for row in found if row["class"] == "(too old)"]
    assert too_old == sum(row_of(line) is not None and row_of(line)["classification"] is None
                          for line in lines())


def test_requests_that_strictest_would_block_are_counted_by_load_balancer(database):
    load(database, log_line(), log_line(), log_line(class_="Severe", reason="BadUri"),
         log_line(class_="Acceptable", reason="SpaceInUri"), log_line(25), "garbage",
         *[log_line(elb="app/api/1")] * 300)
    blocking, clean = ask(database, 2)
    assert blocking == {"elb": "app/shop/50dc6c495c0c9188", "requests": 4, "would_block": 1,
                        "blocked_already": 1, "at_most_percent": None}
    assert (clean["would_block"], clean["at_most_percent"]) == (0, 1.0)


def test_clients_are_grouped_by_network_agent_and_reason(database):
    bad = {"class_": "Ambiguous", "reason": "EmptyHeader"}
    load(database, log_line(**bad), log_line(client="203.0.113.99:1", **bad), log_line(),
         log_line(client="[2001:db8::1]:54321", **bad), log_line(elb="app/api/1", **bad))
    assert [(row["client_network"], row["requests"]) for row in ask(database, 3)] == [
        ("203.0.113.0/24", 2), ("[2001:db8::1]:54321", 1)]


def test_blocked_is_only_what_has_a_class_and_no_target(database):
    refused = {"status": "400", "target": "-"}
    load(database, log_line(class_="Severe", reason="BadMethod", **refused), log_line(**refused),
         log_line(class_="Acceptable", reason="SpaceInUri", status="301", target="-"))
    row, = ask(database, 4)
    assert (row["classification_reason"], row["blocked"]) == ("BadMethod", 1)


def test_a_line_counts_for_its_own_day_not_for_that_of_its_delivery(database):
    load(database, log_line(time="2026-11-14T23:59:59.000000Z"), day="2026/11/15")
    load(database, log_line(time="2026-11-15T00:00:01.000000Z"), day="2026/11/15")
    load(database, log_line(time="2026-10-31T23:59:59.000000Z"), day="2026/11/01")
    assert [row["requests"] for row in ask(database, 1)] == [1]
