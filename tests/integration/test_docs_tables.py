# SPDX-License-Identifier: Apache-2.0
"""What README.md and docs/ list: compared with the binary, the template and the sources, so that a
name that is missing, or gone, fails. What they print is run again. Links lead somewhere.
"""

import gzip
import json
import re
import subprocess

import botocore.session
import pytest

from sim import events, fleet, log_bucket, stack
from sim.fleet_aws import FleetAws
from sim.function import bootstrap_command, lambda_environment
from sim.stack import ON, ROOT, Stack
from sim.terminal import lines_left, on_terminal

PAGES = ["README.md", "CHANGELOG.md",
         *sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("docs/*.md"))]
GUIDES = ["operate.md", "policy.md", "evidence.md", "costs.md", "controls.md", "athena.md",
          "reference.md"]
READS = (r'\benv,\s*"([A-Z][A-Z0-9_]+)"', r'\{"([A-Z][A-Z0-9_]+)",\s*(?:\w*read_\w+|TEXT\()',
         r'\bname = "([A-Z][A-Z0-9_]+)"', r'X\(\w+,[\s\\]*"([A-Z_]+)"')


def text_of(page):
    return (ROOT / page).read_text()


def source(pattern="src/**/*.c"):
    return "".join(path.read_text() for path in sorted(ROOT.glob(pattern)))


def section(page, title):
    return re.search(rf"^#+ {title}\n(.*?)(?=^##+ |\Z)", text_of(page), re.M | re.S)[1]


def rows(page, title):
    """The cells of the section's tables, without their heads."""
    lines = re.findall(r"^\| (.*) \|$", section(page, title), re.M)
    cells = [re.split(r" ?\| ?", re.sub(r"\\\|", "&#124;", line)) for line in lines]
    return [[cell.replace("&#124;", "|") for cell in line] for line in cells][1:]


def items(page, title):
    """The items of the section's lists: the head up to the colon, and the text behind it."""
    found = re.findall(r"^- (.*(?:\n  .*)*)", section(page, title), re.M)
    return [" ".join(item.split()).partition(": ")[::2] for item in found]


def names(cell):
    return re.findall(r"`([^`]+)`", cell)


def run(*arguments, **environment):
    return subprocess.run([*bootstrap_command(), *map(str, arguments)], capture_output=True,
                          text=True, timeout=60, env=lambda_environment(**environment))


# Parameters, variables and commands

def parameters_of_the_binary():
    """name: (default, accepted, variable), as `desync-guard help` prints them."""
    found = re.findall(r"^  (\w+) {2,}(.*)\n {10,}default: (.*); environment: (\w+)$",
                       run("help").stdout, re.M)
    assert len(found) == 12
    return {name: (default, accepted, variable) for name, accepted, default, variable in found}


def test_policy_lists_the_parameters_as_the_binary_does():
    listed = {}
    for head, text in items("docs/policy.md", "Parameters"):
        default, accepted = re.fullmatch(r".*\. Default: (.*)\. Accepts: (.*)\.", text).groups()
        listed[head.strip("`")] = (default.strip("`"), accepted)
    assert listed == {name: (default, accepted)
                      for name, (default, accepted, _) in parameters_of_the_binary().items()}


def test_reference_lists_the_parameters_with_their_variables_and_defaults():
    listed = {names(name)[0]: (default.strip("`"), names(variable)[0])
              for name, variable, default in rows("docs/reference.md", "Rule parameters")}
    assert listed == {name: (default, variable)
                      for name, (default, _, variable) in parameters_of_the_binary().items()}


def variables_read():
    return {name for pattern in READS for name in re.findall(pattern, source())}


def test_reference_lists_every_variable_that_is_read():
    listed = {name for head, _ in items("docs/reference.md", "Environment")
              for name in names(head.partition(" (")[0])}
    of_rules = {variable for _, _, variable in parameters_of_the_binary().values()}
    outside = {"AWS_LAMBDA_RUNTIME_API", "TERM", "NO_COLOR"}  # beside the command line
    assert listed - {"AWS_ENDPOINT_URL_<SERVICE>"} == variables_read() - of_rules - outside
    for name in outside:
        assert name in section("docs/reference.md", "Command line")


def test_reference_gives_the_defaults_of_the_template():
    parameters = stack.load()["Parameters"]
    compared = 0
    for head, _ in items("docs/reference.md", "Environment"):
        variables, _, default = head.rstrip(")").partition(" (")
        for variable in names(variables):
            parameter = parameters.get(stack.camel_case(variable))
            if parameter and not variable.startswith("AWS_") and variable != "CONFIG_RULE_NAME":
                assert f"`{parameter['Default']}`" == default.replace("none", "``"), variable
                compared += 1
    assert compared > 30


def test_reference_lists_the_commands_of_the_binary():
    listed = {name.split()[1] for commands, _ in items("docs/reference.md", "Command line")
              for name in names(commands) if name.startswith("desync-guard ")}
    printed = set(re.findall(r"^  (\w+)(?: \S.*)? ", run("help").stdout.partition("\n\n")[2]
                             .partition("Rule parameters")[0], re.M))
    assert listed == printed
    for commands, _ in items("docs/reference.md", "Command line"):
        for command in names(commands):
            if command.startswith("desync-guard "):
                text = run("help", command.split()[1]).stdout
                assert set(re.findall(r"--[a-z-]+", command)) <= set(re.findall(r"--[a-z-]+", text))


def test_deploy_gives_the_defaults_of_the_template():
    parameters = stack.load()["Parameters"]
    heads = " ".join(head for head, _ in items("docs/deploy.md", "Parameters"))
    listed = re.findall(r"`(\w+)` \((?:`(.*?)`|none)\)", heads)
    assert len(listed) > 20
    assert {name: str(parameters[name]["Default"]) for name, _ in listed} == dict(listed)


def test_template_parameters_are_all_explained_by_name():
    explained = "".join(text_of(f"docs/{page}") for page in ("deploy.md", "evidence.md",
                                                             "reference.md"))
    for name in stack.load()["Parameters"]:
        variable = re.sub("(?<!^)([A-Z])", r"_\1", name).upper()
        assert f"`{name}" in explained or f"`{variable}`" in explained, name


@pytest.mark.parametrize("page", GUIDES)
def test_parameters_of_the_template_that_guides_name_exist(page):
    parameters = set(stack.load()["Parameters"])
    used = set(re.findall(r"`([A-Z][a-z]+(?:[A-Z][a-z]+)+)(?:=[^`]+)?`", text_of(f"docs/{page}")))
    used |= set(re.findall(r"\s([A-Z]\w+)=", "".join(
        re.findall(r"--parameter-overrides(.*?)```", text_of(f"docs/{page}"), re.S))))
    metrics = set(metric_names())
    elsewhere = {"DesyncProfile", "DesyncRing", "DesyncGuard", "AddTags", "InputParameters",
                 "EventBridgeConfiguration"}
    assert used - parameters - metrics - elsewhere == set()


# Findings and controls

def findings():
    return dict(re.findall(r"X\((\w+), ([01])\)", source("include/policy/*.h")))


def test_policy_lists_every_finding_with_its_severity():
    heads = [head.split(", ") for head, _ in items("docs/policy.md", "Findings")]
    listed = {name.strip("`"): (severity, fails) for name, severity, fails in heads}
    assert len(listed) == len(heads)
    severities = dict(re.findall(r"\{FINDING_(\w+),\s+SEVERITY_(\w+)", source()))
    assert set(listed) == set(findings())
    for name, (severity, fails) in listed.items():
        # Two have no rule of their own: recommend.c and the state over time emit them.
        if name in severities:
            assert severity == severities[name], name
        assert fails == ("fails when required" if name == "HEADERS_NOT_DROPPED" else
                         {"1": "fails", "0": "fails nothing"}[findings()[name]]), name


def test_controls_are_those_of_the_source():
    text = text_of("src/report/controls.c")
    literals = dict(re.findall(r'static const char (\w+)\[\] = "([^"]+)";', text))
    lists = {name: [literals[word] for word in re.findall(r"\w+", words) if word != "NULL"]
             for name, words in re.findall(r"\*const (\w+)\[\] = \{([^}]*)\};", text)}
    mapped, waiting = {}, []
    for case, returned in re.findall(r"case FINDING_(\w+):|return (\w+_controls);", text):
        if case:
            waiting.append(case)
        else:
            mapped.update(dict.fromkeys(waiting, lists[returned]))
            waiting = []
    listed = [(name, controls.removesuffix(".").split(", "))
              for head, controls in items("docs/controls.md", "Findings and controls")
              for name in names(head)]
    assert len(listed) == len(findings())
    assert dict(listed) == {name: mapped[name] for name in findings()}
    explained = re.findall(r"^- \*\*(.*?)\*\* ", section("docs/controls.md", "What they are"), re.M)
    assert sorted(explained) == sorted(literals.values())


# Alerts, alarms, errors, log events, metrics

def test_every_alert_is_explained_with_its_subject():
    kinds = re.findall(r"^    ALERT_(\w+)[,\s]", source("include/policy/alert_kind.h"), re.M)
    listed = dict(re.fullmatch(r'`(\w+)`, "(.*)"', head).groups()
                  for head, _ in items("docs/operate.md", "Alerts"))
    assert set(listed) == set(kinds)
    source_ = source("src/report/alert*.c")
    for kind, subject in listed.items():
        verb = subject.removeprefix("Exception ")
        assert f'"{subject}' in source_ or f'"{verb}"' in source_, kind


def test_every_alarm_is_explained():
    alarms = Stack(stack.transform(), **ON).of_type("AWS::CloudWatch::Alarm")
    listed = [head.strip("*") for head, _ in items("docs/operate.md", "Alarms")]
    assert sorted(listed) == sorted(alarms)


def test_every_error_type_is_explained():
    text = source("src/**/*.[ch]") + source("include/**/*.h")
    known = set(re.findall(r'"((?:Function|Runtime)\.[A-Z]\w+)"', text))
    listed = [name for head, _ in items("docs/operate.md", "Error types") for name in names(head)]
    assert sorted(listed) == sorted(known)


def log_events():
    """name: the levels it is logged at, as far as the call says them."""
    found = {}
    for call in re.findall(r"\b(?:LOG|log_problem|log_write)\((.*?);", source(), re.S):
        event = re.match(r'[^"]*?((?:LOG_[A-Z]+[^"]*?)+)"([a-z_]+)"', call)
        if event:
            found.setdefault(event[2], set()).update(re.findall(r"LOG_([A-Z]+)", event[1]))
    return found


def test_every_log_event_is_explained_with_its_level():
    found = log_events()
    # These are chosen in the call: by what became of an object, by the attempt.
    found |= {"damaged": {"ERROR"}, "failed": {"ERROR"}, "ignored": {"INFO"},
              "post_not_delivered": {"FATAL", "WARN"}}
    listed = {}
    for head, _ in items("docs/operate.md", "Log events"):
        events_, levels = re.fullmatch(r"(`.*`) \(((?:[A-Z]+, )*[A-Z]+)(?:, or .*)?\)", head).groups()
        for name in names(events_):
            assert name not in listed
            listed[name] = set(levels.split(", "))
    assert set(listed) == set(found)
    for name, levels in found.items():
        assert levels <= listed[name], name


def metric_names():
    text = source("src/app/*.c") + source("src/control/*.c")
    return (re.findall(r'\{"([A-Z]\w+)", "(?:Count|Percent|Seconds|None)",', text)
            + re.findall(r'\{ACTION_\w+, "([A-Z]\w+)"\}', text))


def test_every_metric_is_explained():
    listed = [name for head, _ in items("docs/operate.md", "Metrics") for name in names(head)]
    assert sorted(listed) == sorted(metric_names())


def test_every_recommendation_is_explained():
    known = re.search(r"recommendation_name.*?\{(\"NOTHING.*?)\}", source("src/policy/advice.c"),
                      re.S)[1]
    heads = [head for head, _ in items("docs/evidence.md", "Recommendations")]
    listed = [head.strip("`") for head in heads if re.fullmatch(r"`[A-Z_]+`", head)]
    assert sorted(listed) == sorted(re.findall(r"\w+", known))


# What is printed

def sessions():
    for page in PAGES:
        for block in re.findall(r"^```console\n(.*?)^```", text_of(page), re.M | re.S):
            command, _, output = block.partition("\n")
            yield pytest.param(command.removeprefix("$ "), output, id=f"{page}:{command[2:60]}")


def plain(text):
    """Without line breaks, and with every date alike: they move with the calendar."""
    return re.sub(r"\d{4}-\d\d-\d\d", "(date)", "".join(text.split()))


def print_logs(tmp_path):
    """What docs/evidence.md shows of: 20,000 sound requests, and three kinds that are not."""
    def some(count, *arguments, clients=1, **keywords):
        return [log_bucket.line(f"2026-11-22T08:0{i % 10}:00", *arguments,
                                client=f"{keywords['client']}{i % clients}",
                                agent=keywords["agent"]) for i in range(count)]
    lines = (some(20_000, client="203.0.113.", agent="curl/8.1")
             + some(12, "Acceptable", "GetHeadZeroContentLength", clients=3, client="198.51.100.",
                    agent="ReactorNetty/1.1.13")
             + some(3, "Ambiguous", "UndefinedContentLengthSemantics", client="203.0.113.",
                    agent="harbor-exporter/2")
             + some(5, "Severe", "BadMethod", client="192.0.2.", agent="-"))
    path = tmp_path / "shop.log.gz"
    path.write_bytes(gzip.compress("".join(line + "\n" for line in lines).encode()))
    return run("logs", path).stdout


def print_audit():
    """What the README shows of: the load balancers that the demo begins with, on a terminal."""
    aws = FleetAws(fleet.FLEET[:8], checks_signatures=False)
    try:
        _, text = on_terminal("audit", columns=112, environment=lambda_environment(
            AWS_ENDPOINT_URL=aws.url, ELB_REQUESTS_PER_SECOND="off"))
    finally:
        aws.stop()
    return "\n".join(line.rstrip() for line in lines_left(text))


@pytest.mark.parametrize("command, output", list(sessions()))
def test_commands_print_what_the_page_shows(command, output, tmp_path):
    if "desync-guard audit" in command:
        assert print_audit() == output
        return
    if "desync-guard logs" in command:
        assert "\n".join(line.rstrip() for line in print_logs(tmp_path).splitlines()) + "\n" \
            == output
        return
    call, _, filter_ = command.partition(" | ")
    *settings, binary, verb, path = call.split()
    assert (binary, verb) == ("desync-guard", "evaluate")
    name = path.removeprefix("events/").removesuffix(".json")
    sample = tmp_path / f"{name}.json"
    sample.write_text(events.load(name))
    done = run("evaluate", sample, **dict(setting.split("=", 1) for setting in settings))
    # The name that `make install` gives it.
    printed = done.stderr.replace(str(sample), path).replace("bootstrap: ", "desync-guard: ", 1)
    if filter_:
        assert filter_ == "jq -r .annotation"
        printed = json.loads(done.stdout)["annotation"]
    assert plain(printed) == plain(output)


# Links, AWS commands, policies

@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)]+)\)", text_of(page)):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        linked = (ROOT / page).parent / path if path else ROOT / page
        assert linked.is_file(), target
        if anchor:
            titles = re.findall(r"^#+ (.*)$", linked.read_text(), re.M)
            anchors = [re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles]
            assert anchor in anchors, target


def aws_commands():
    text = "".join(text_of(page) for page in PAGES)
    return sorted(set(re.findall(r"\baws ([a-z0-9]+) ([a-z][a-z0-9-]+)", text)))


@pytest.mark.parametrize("service, command", aws_commands())
def test_aws_commands_exist(service, command):
    if (service, command) in (("s3", "cp"), ("s3", "mv"), ("s3", "sync"),
                              ("cloudformation", "deploy")):
        return  # of the command line itself
    service = {"s3api": "s3", "configservice": "config"}.get(service, service)
    operations = botocore.session.Session().get_service_model(service).operation_names
    assert command in {re.sub("(?<!^)([A-Z])", r"-\1", name).lower() for name in operations}


def test_access_log_bucket_is_opened_to_the_service_alone():
    block, = re.findall(r"^```json\n(.*?)^```", text_of("docs/evidence.md"), re.M | re.S)
    statement, = json.loads(block)["Statement"]
    assert statement["Action"] == "s3:PutObject"
    assert list(statement["Principal"]) == ["Service"]
    assert "/AWSLogs/" in statement["Resource"]


def test_bucket_notification_is_what_s3_accepts():
    given = re.search(r"--notification-configuration '(.*)'", text_of("docs/evidence.md"))[1]
    session = botocore.session.Session()
    shape = session.get_service_model("s3").shape_for("NotificationConfiguration")
    assert botocore.validate.ParamValidator().validate(json.loads(given), shape).has_errors() \
        is False


def test_tour_names_files_that_exist():
    tour = text_of("docs/architecture.md")
    named = re.findall(r"`((?:src|include|tests|docs)/[\w/.-]*)`", tour)
    assert len(named) > 20
    for name in named:
        assert (ROOT / name).exists(), name
