# SPDX-License-Identifier: Apache-2.0
"""Text from outside that tries to write to the terminal: in every place that it can come from, with
every command, nothing of it but visible characters reaches stdout, stderr or a log, and it begins no
line. The shipped binary."""

import copy
import gzip
import json
import os
import pty
import re
import subprocess

import pytest

from log_fixture import KEY, log_line
from sim import events, faults
from sim.fleet import FLEET, LiveLoadBalancer
from sim.fleet_aws import ATTRIBUTES, IDENTITY, LIST, TAGS, FleetAws
from sim.function import bootstrap_command, lambda_environment

ASSUME = "sts:AssumeRole"
FORGED = "bootstrap: all fine"
# Line separators and direction controls, C1 (U+009B begins what ESC [ does), zero width, a tag.
BEYOND_ASCII = ("\x85\x9b2J\xad\u061c\u200b\u200e\u200f\u2028\u2029\u202etxet\u202c\u2066\u2069\ufeff"
                "\U000e0001")
# What XML can hold; the others JSON can; the last are for arguments, variables and file names.
IN_XML = f"E\n{FORGED}\n{BEYOND_ASCII}"
IN_JSON = f"E\x1b[31m\x1b]0;title\x07\b\x7f\r{FORGED}\n{FORGED}\n\t{BEYOND_ASCII}"
IN_BYTES = IN_JSON + "\udcff\udc9b"
# The line feed of a page or a list is fine; that of CSV has a carriage return before it.
RAW = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"
                 "\ud800-\udfff\U000e0000-\U000e0fff]")
# Where `explain` breaks a line: nothing else of it stands so far to the right.
WRAPPED = "\n" + 14 * " "
AUDIT_FORMATS = ("table", "json", "csv", "html", "junit", "sarif", "asff", "ocsf")


def harm(stream, ends=("\n",), is_explanation=False):
    """What of a stream (bytes) a terminal would do more with than show it."""
    text = stream.decode("utf-8", "surrogateescape")
    for end in ends:
        text = text.replace(end, "\n")
    if is_explanation:
        text = text.replace(WRAPPED, " ")
    found = sorted(set(RAW.findall(text)))
    forged = [line for line in text.split("\n") if line.strip().startswith(FORGED)]
    return [*map(ascii, found), *forged]


def run(*arguments, stdin=b"", cwd=None, **environment):
    return subprocess.run([*bootstrap_command(), *map(os.fsencode, arguments)], input=stdin, cwd=cwd,
                          capture_output=True, timeout=60, env=lambda_environment(**environment))


class Harmless:
    """Collects what was done; at the end nothing was harmed, and the text was seen where it had to
    be, so that the cases do show something."""

    def __init__(self):
        self.harmed, self.unseen = {}, []

    def check(self, name, done, is_shown=True, ends=("\n",)):
        problems = harm(done.stdout, ends, name.startswith("explain")) + harm(done.stderr)
        if problems:
            self.harmed[name] = problems
        if is_shown and b"all fine" not in done.stdout + done.stderr:
            self.unseen.append(name)
        return done

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            assert (self.harmed, self.unseen) == ({}, [])


# Arguments

# A command that counts its arguments does not repeat them.
ARGUMENTS = {
    "unknown command": [IN_BYTES],
    "help of an unknown command": ["help", IN_BYTES],
    "evaluate of a missing file": ["evaluate", IN_BYTES],
    "invoke of a missing file": ["invoke", IN_BYTES],
    "audit with a word": ["audit", IN_BYTES],
    "audit with an unknown option": ["audit", "--" + IN_BYTES],
    "audit of no Region": ["audit", "--region", IN_BYTES],
    "audit in no format": ["audit", "--format", IN_BYTES],
    "audit that fails on nothing known": ["audit", "--fail-on", IN_BYTES],
    "report with a word": ["report", IN_BYTES],
    "report in no format": ["report", "--format=" + IN_BYTES],
    "explain with two names": ["explain", "shop", IN_BYTES],
    "explain in no format": ["explain", "shop", "--format", IN_BYTES],
    "logs with an unknown option": ["logs", "--" + IN_BYTES],
    "logs by no key": ["logs", "--by", "class," + IN_BYTES],
    "logs in no format": ["logs", "--format", IN_BYTES],
    "logs of a missing file": ["logs", IN_BYTES],
    "logs of a missing file, as csv": ["logs", "--format", "csv", IN_BYTES],
    "logs of a missing file, as json": ["logs", "--format", "json", IN_BYTES],
}
COUNTED = {
    "plan with a word": ["plan", IN_BYTES],
    "plan in no format": ["plan", "--format", IN_BYTES],
    "version with a word": ["version", IN_BYTES],
    "help with two words": ["help", IN_BYTES, IN_BYTES],
    "help": ["help"], "version": ["version"],
}


def test_arguments_are_shown_by_their_escapes():
    with Harmless() as harmless:
        for name, arguments in {**ARGUMENTS, **COUNTED}.items():
            ends = ("\r\n",) if "csv" in arguments else ("\n",)
            harmless.check(name, run(*arguments), name in ARGUMENTS, ends)


def test_an_output_that_cannot_be_written_is_named_by_its_escapes():
    with FleetOf([LiveLoadBalancer("shop", "0123456789abcdef", "monitor")]) as aws, \
            Harmless() as harmless:
        for command in ("audit", "report"):
            path = f"/nowhere/{IN_BYTES}"
            harmless.check(command, run(command, "--output", path, PROMOTION="off",
                                        AWS_ENDPOINT_URL=aws.url))


# The environment

VARIABLES = """ALERT_TOPIC_ARN ALLOWED_ACCOUNTS AWS_CA_BUNDLE AWS_ENDPOINT_URL
    AWS_LAMBDA_LOG_FORMAT AWS_LAMBDA_LOG_LEVEL AWS_REGION AWS_USE_DUALSTACK_ENDPOINT
    AWS_USE_FIPS_ENDPOINT CONFIG_RULE_NAME CROSS_ACCOUNT_ROLE DESYNC_MODE DROP_INVALID_HEADERS
    ELB_REQUESTS_PER_SECOND ENFORCEMENT ENFORCEMENT_MAX_BLOCKED_PERCENT EVIDENCE_DAYS
    EXCEPTION_WARNING_DAYS FIGHT_LIMIT INTERNAL_MODE INTERNET_FACING_MODE MANAGED_LOAD_BALANCERS
    MAX_CHANGES_PER_HOUR MAX_CHANGES_PER_RUN MAX_EXCEPTION_DAYS MAX_NON_COMPLIANT_DAYS
    MAX_OPEN_WATCHES METRICS_NAMESPACE PROFILES PROMOTION PROMOTION_EVIDENCE
    PROMOTION_MAX_BLOCKED_PERCENT PROMOTION_MAX_RISK_PERCENT PROMOTION_MIN_CLIENTS
    PROMOTION_MIN_DAYS PROMOTION_MIN_REQUESTS REEVALUATE REPORT_BUCKET REPORT_BUCKET_OWNER
    REPORT_BUCKET_REGION REPORT_PREFIX RESERVED_CONCURRENCY SECURITY_HUB STATE_TABLE WARM_UP WATCH_MAX_DAYS WATCH_MAX_ERROR_INCREASE_PERCENT WATCH_MINUTES
    WATCH_MIN_REQUESTS""".split()
# No message repeats these.
SECRET = "AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN".split()


def test_values_of_the_environment_are_shown_by_their_escapes(tmp_path):
    path = tmp_path / "event.json"
    path.write_text(events.load("config-change.monitor-owner"))
    repeated = set()
    with Harmless() as harmless:
        for variable in [*VARIABLES, *SECRET]:
            for arguments in (["evaluate", path], ["invoke", path], ["audit"], ["plan"]):
                name = f"{variable} of {arguments[0]}"
                done = harmless.check(name, run(*arguments, **{
                    "AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1",
                    variable: IN_BYTES}), is_shown=False)
                if b"all fine" in done.stderr:
                    repeated.add(variable)
    assert len(repeated) > 15 and not repeated & set(SECRET)


# Events

def places(value, path=()):
    """The path of each string and each member name within a JSON value."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield (*path, key), True
            yield from places(each, (*path, key))
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from places(each, (*path, number))
    elif isinstance(value, str):
        yield path, False


def spoiled(value, path, is_name):
    value = copy.deepcopy(value)
    holder = value
    for step in path[:-1]:
        holder = holder[step]
    if is_name:
        holder[path[-1] + IN_JSON] = holder.pop(path[-1])
    else:
        holder[path[-1]] = IN_JSON
    return value


def hostile_events(*names):
    """The samples, each time with another string or member name hostile, also within the JSON text
    that AWS Config, SNS and SQS wrap into a string."""
    for name in names:
        event = json.loads(events.load(name))
        for path, is_name in places(event):
            yield json.dumps(spoiled(event, path, is_name))
        for wrapped in ("invokingEvent", "ruleParameters"):
            inner = json.loads(event.get(wrapped, "{}"))
            for path, is_name in places(inner):
                yield json.dumps({**event, wrapped: json.dumps(spoiled(inner, path, is_name))})
        for wrapped in ("invokingEvent", "ruleParameters"):
            yield json.dumps({**event, wrapped: "{" + IN_JSON})


CONFIG_EVENTS = ("config-change.exception-active", "config-change.profile-unknown",
                 "config-change.oversized", "config-scheduled.stricter-parameters",
                 "config-change.string-dialect", "invalid.message-type")
OTHER_EVENTS = ("elb-call.modify-console", "elb-call.add-tags", "log-object.eventbridge",
                "log-object.sqs", "log-object.s3-notification", "schedule.action-sweep",
                "schedule.scheduled-event")


def test_an_event_is_judged_or_refused_in_visible_characters(tmp_path):
    paths = []
    for number, event in enumerate(hostile_events(*CONFIG_EVENTS)):
        paths.append(tmp_path / f"{number}.json")
        paths[-1].write_text(event)
    assert len(paths) > 300
    with Harmless() as harmless:
        done = harmless.check("evaluate", run("evaluate", *paths))
    verdicts, complaints = done.stdout.splitlines(), done.stderr.splitlines()
    assert len(verdicts) + len(complaints) == len(paths)
    assert all(re.match(rb"bootstrap: \S+/\d+\.json: ", line) for line in complaints)
    # JSON loses nothing: the hostile text is what the reader gets.
    assert sum(IN_JSON in "".join(strings(json.loads(line))) for line in verdicts) > 0
    assert sum(rb"\x1b[31m\x1b]0;title\x07" in line for line in complaints) > 5


def strings(value):
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [text for each in value for text in strings(each)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize("name, stdin", [
    ("no JSON", IN_JSON.encode()), ("no UTF-8", b'{"a":"\xff\x9b"}'),
    ("a name twice", json.dumps({"invokingEvent": "{}"})[:-1].encode() + b',"invokingEvent":""}'),
    ("a message type", json.dumps({
        "invokingEvent": json.dumps({"messageType": IN_JSON}), "resultToken": "x",
        "configRuleArn": "arn:aws:config:eu-west-1:123456789012:config-rule/x"}).encode())])
def test_no_event_writes_to_the_terminal(name, stdin, tmp_path):
    """The file's name is hostile, too."""
    path = os.fsencode(tmp_path) + b"/" + os.fsencode(IN_BYTES)
    with open(path, "wb") as file:
        file.write(stdin)
    with Harmless() as harmless:
        harmless.check(name, run("evaluate", path))
        harmless.check("invoke", run("invoke", path, AWS_ENDPOINT_URL="http://127.0.0.1:9"), False)


def test_invoke_answers_in_visible_characters():
    found = []
    with FleetOf(FLEET) as aws, Harmless() as harmless:
        every = [*hostile_events(*OTHER_EVENTS, "config-change.monitor-owner")]
        for event in every[::3]:  # each costs a process; the function below gets all of them
            done = run("invoke", "-", stdin=event.encode(), PROMOTION="off", AWS_MAX_ATTEMPTS="1",
                       AWS_ENDPOINT_URL=aws.url)
            harmless.check(event, done, is_shown=False)
            found += [done] if b"all fine" in done.stdout else []
    assert len(found) > 5


# What AWS answers

class FleetOf(FleetAws):
    """An AWS that is stopped at the end."""

    def __init__(self, load_balancers):
        super().__init__(load_balancers)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


HOSTILE_FLEET = [
    LiveLoadBalancer("weak", "0123456789abcdef", "monitor", {
        "Owner": IN_XML, "Name": IN_XML, "DesyncProfile": IN_XML,
        "desync-exception-until": IN_XML, "desync-exception-reason": IN_XML,
        "desync-exception-approver": IN_XML, IN_XML: IN_XML}),
    LiveLoadBalancer("odd", "0123456789abcde0", "E" + BEYOND_ASCII + FORGED, {"Owner": IN_XML}),
    LiveLoadBalancer("fine", "0123456789abcde1", "strictest", {"Owner": "team"}),
]


def command_lines():
    for format_ in AUDIT_FORMATS:
        yield ["audit", "--format", format_]
    for format_ in ("text", "json", "csv", "html"):
        yield ["report", "--format", format_]
    for format_ in ("table", "json"):
        yield ["plan", "--format", format_]
    for format_ in ("text", "json"):
        yield ["explain", "weak", "--format", format_]


def ends_of(arguments):
    return ("\r\n",) if "csv" in arguments else ("\n",)


def test_tags_and_attributes_are_shown_by_their_escapes():
    seen = []
    with FleetOf(HOSTILE_FLEET) as aws, Harmless() as harmless:
        for arguments in command_lines():
            done = harmless.check(" ".join(arguments), run(*arguments, PROMOTION="off",
                                  AWS_ENDPOINT_URL=aws.url, ELB_REQUESTS_PER_SECOND="off"),
                                  False, ends_of(arguments))
            seen += [" ".join(arguments)] if b"all fine" in done.stdout else []
        harmless.check("invoke", run("invoke", "-", stdin=b'{"action":"sweep"}', PROMOTION="off",
                                     AWS_ENDPOINT_URL=aws.url))
    assert {f"audit --format {each}" for each in AUDIT_FORMATS} <= set(seen)


@pytest.mark.parametrize("code", ["AccessDenied", "E" + BEYOND_ASCII + FORGED], ids=["message", "code"])
@pytest.mark.parametrize("operation", [LIST, ATTRIBUTES, TAGS, IDENTITY, ASSUME])
def test_errors_of_aws_are_shown_by_their_escapes(operation, code):
    """The code is no more ours than the message; and a gap is in each format."""
    central = {"CROSS_ACCOUNT_ROLE": "audit", "ALLOWED_ACCOUNTS": "210987654321"}
    seen = []
    with FleetOf(HOSTILE_FLEET[-1:]) as aws, Harmless() as harmless:
        aws.faults.add(operation, faults.error(code, f"refused {IN_XML}"), times=9999)
        for arguments in command_lines():
            done = harmless.check(" ".join(arguments), run(
                *arguments, PROMOTION="off", AWS_ENDPOINT_URL=aws.url, ELB_REQUESTS_PER_SECOND="off",
                AWS_MAX_ATTEMPTS="1", **central if operation in (IDENTITY, ASSUME) else {}),
                False, ends_of(arguments))
            seen += [arguments] if b"all fine" in done.stdout + done.stderr else []
    assert len(seen) >= len(AUDIT_FORMATS)


FOREIGN = [
    (json.dumps({"__type": IN_JSON, "message": IN_JSON}).encode(), "application/x-amz-json-1.1"),
    (IN_JSON.encode() + b"\xff\x9b", "text/html"),
]


def foreign_answer(body, kind):
    return faults.Fault(lambda call: faults.Answer(400, [("Content-Type", kind)], body))


def test_an_answer_that_is_none_of_aws_is_quoted_in_visible_characters():
    event = events.load("config-change.monitor-owner").encode()
    commands = (["audit"], ["plan"], ["invoke", "-"], ["audit", "--format", "csv"])
    with FleetOf(HOSTILE_FLEET) as aws, Harmless() as harmless:
        for body, kind in FOREIGN:
            aws.faults.clear()
            for operation in (LIST, ATTRIBUTES, "config:PutEvaluations"):
                aws.faults.add(operation, foreign_answer(body, kind), times=9999)
            for arguments in commands:
                done = run(*arguments, stdin=event, PROMOTION="off", AWS_ENDPOINT_URL=aws.url,
                           AWS_MAX_ATTEMPTS="1")
                # Of an answer that is not from AWS only the status is reported.
                harmless.check(f"{kind} {arguments}", done, "json" in kind, ends_of(arguments))


# Access logs

def hostile_logs(folder):
    """Files with hostile names: read, skipped, damaged, and lines with each field hostile."""
    folder = os.fsencode(folder)
    name = os.fsencode(IN_BYTES)
    one_line = IN_BYTES.replace("\n", "\v").replace(" ", "_")
    quoted = f'"{one_line}"'
    fields = {"agent": quoted, "domain": quoted, "host": quoted, "elb": one_line, "client": one_line,
              "reason": one_line, "class_": one_line, "time": one_line, "type": one_line,
              "request": f'"GET https://{one_line}/ HTTP/1.1"'}
    lines = [log_line(**{"class_": "Severe", "reason": "BadMethod", field: value})
             for field, value in fields.items()]
    lines.append(log_line(class_="Severe", reason="BadUri", elb="app/x/1"))
    text = os.fsencode("\n".join(lines) + "\n")
    files = {b"a " + name: text, b"b " + name: gzip.compress(text)[:-20],
             b"c.gz " + name: b"\x00\x01\x02", b"." + name: b"",
             os.fsencode(KEY.format("conn_log.", "c")) + name: b""}
    for file_name, content in files.items():
        with open(folder + b"/" + file_name, "wb") as file:
            file.write(content)
    os.symlink(name, folder + b"/link " + name)
    os.mkdir(folder + b"/folder " + name)


def test_access_logs_are_shown_by_their_escapes(tmp_path):
    hostile_logs(tmp_path)
    with Harmless() as harmless:
        for format_ in ("table", "json", "csv"):
            for by in ("", "class", "reason", "client", "user-agent", "host",
                       "class,reason,client,user-agent,host"):
                arguments = ["logs", "--format", format_, *(["--by", by] if by else []), tmp_path]
                harmless.check(f"{format_} {by}", run(*arguments), ends=ends_of(arguments))


def shown_on_terminal(*arguments, **environment):
    """What a terminal gets on stdout, without the colours of a table."""
    ours, theirs = pty.openpty()
    done = subprocess.run([*bootstrap_command(), *map(os.fsencode, arguments)], stdout=theirs,
                          stderr=subprocess.PIPE, timeout=60, env=lambda_environment(**environment))
    os.close(theirs)
    text = b""
    try:
        while piece := os.read(ours, 65536):
            text += piece
    except OSError:
        pass  # Linux's way to say that the other end is closed
    os.close(ours)
    colour = re.compile(rb"\x1b\[[0-9;]+m")
    return subprocess.CompletedProcess([], 0, colour.sub(b"", text), done.stderr), colour.findall(text)


def test_a_terminal_gets_our_colours_and_no_others(tmp_path):
    hostile_logs(tmp_path)
    with FleetOf(HOSTILE_FLEET) as aws, Harmless() as harmless:
        done, colours = shown_on_terminal("audit", AWS_ENDPOINT_URL=aws.url, TERM="xterm")
        harmless.check("audit", done, ends=("\r\n",))
        assert set(colours) <= {b"\x1b[0m", b"\x1b[1m", b"\x1b[2m", b"\x1b[32m", b"\x1b[33m",
                                b"\x1b[1;31m"}
        done, colours = shown_on_terminal("logs", tmp_path, TERM="xterm")
        harmless.check("logs", done, ends=("\r\n",))
        assert colours == []


def test_json_and_csv_hold_legitimate_text_as_it_is(tmp_path):
    """And what is hostile, JSON gives back: its escapes are its own."""
    agent = "Mozilla/5.0 (\u65e5\u672c \u00e9\u20ac\U0001f600) \\x22 a=b;c"
    lines = [log_line(agent=f'"{each}"', class_="Severe", reason="BadMethod")
             for each in (agent, BEYOND_ASCII)]
    (tmp_path / "a.log").write_bytes("".join(line + "\n" for line in lines).encode())
    found = json.loads(run("logs", "--format", "json", tmp_path).stdout)
    assert {each["userAgent"] for each in found["offenders"]} == {agent, BEYOND_ASCII}
    for format_ in ("table", "csv"):
        assert agent.encode() in run("logs", "--format", format_, tmp_path).stdout


# Lambda's log

LOG_LINE = {"JSON": re.compile(r"\{.*\}"),
            "Text": re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z [A-Z]+ \S+ .*")}


@pytest.mark.parametrize("log_format", LOG_LINE)
def test_each_line_of_the_function_is_a_log_line_of_its_own(log_format, start):
    with FleetOf([*FLEET, *HOSTILE_FLEET]) as aws:
        aws.faults.add("config:PutEvaluations", foreign_answer(*FOREIGN[0]), times=9999)
        function = start(aws=aws, AWS_LAMBDA_LOG_FORMAT=log_format, AWS_LAMBDA_LOG_LEVEL="TRACE",
                         ELB_REQUESTS_PER_SECOND="off", AWS_MAX_ATTEMPTS="1", PROMOTION="off")
        outcomes = [function.invoke(event) for event in hostile_events(
            *OTHER_EVENTS, "config-change.monitor-owner", "invalid.message-type")]
    assert harm(function.log_bytes) == []
    assert [outcome.body for outcome in outcomes if harm(outcome.body)] == []
    lines = function.log_bytes.decode("utf-8").splitlines()
    assert sum("all fine" in line for line in lines) > 20
    # metrics are JSON in both
    assert [line for line in lines if not LOG_LINE[log_format].fullmatch(line)
            and not line.startswith('{"_aws"')] == []


@pytest.mark.parametrize("log_format", LOG_LINE)
def test_a_function_that_cannot_start_says_so_in_visible_characters(log_format, start):
    with Harmless() as harmless:
        for variable in ("STATE_TABLE", "PROFILES", "AWS_REGION", "ENFORCEMENT"):
            function = start(AWS_LAMBDA_LOG_FORMAT=log_format, **{variable: IN_BYTES})
            function.exit_code()
            done = subprocess.CompletedProcess([], 1, b"", function.log_bytes)
            harmless.check(variable, done)
