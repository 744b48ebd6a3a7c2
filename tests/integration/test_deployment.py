# SPDX-License-Identifier: Apache-2.0
"""What template.yaml deploys: moto's CloudFormation takes it, the shipped binary starts with the
environment it gives, alarms and dashboard find what the binary logs, and `sam build` gets a
bootstrap of the right architecture.
"""

import json
import os
import re
import shutil
import struct
import subprocess

import pytest

from sim import deployment, events, stack
from sim.function import bootstrap_command, lambda_environment
from sim.stack import GIVEN, OFF, ON, ROOT, Stack, camel_case

ELF_MACHINES = {"x86_64": 62, "arm64": 183}
PT_INTERP = 3


@pytest.fixture(scope="module")
def template():
    return stack.transform()


@pytest.fixture(scope="module")
def on(template):
    return Stack(template, **ON)


# CloudFormation

@pytest.mark.parametrize("parameters", [{}, OFF, ON, GIVEN],
                         ids=["defaults", "off", "on", "given"])
def test_cloudformation_deploys_it(template, parameters):
    with deployment.deployed(template, **parameters) as deployed:
        assert deployed.status() == "CREATE_COMPLETE"
        resources = deployed.resources()
        function = deployed.function()
    expected = Stack(template, **parameters)
    # moto skips the kinds it does not know.
    known = {"AWS::Lambda::Function", "AWS::IAM::Role", "AWS::SQS::Queue",
             "AWS::Logs::LogGroup", "AWS::Config::ConfigRule", "AWS::Lambda::Permission",
             "AWS::Events::Rule", "AWS::DynamoDB::Table", "AWS::SNS::Topic",
             "AWS::IAM::Policy", "AWS::CloudWatch::Dashboard"}
    wanted = {name for name, r in expected.resources.items() if r["Type"] in known}
    assert wanted <= set(resources)
    assert function["Runtime"] == "provided.al2023"
    assert function["Environment"]["Variables"]["ENFORCEMENT"] == parameters.get(
        "Enforcement", "off")


# The environment of the function

@pytest.fixture(scope="module")
def environments(template):
    """What the function gets once everything is deployed, by moto: real names and ARNs."""
    def environment(parameters):
        with deployment.deployed(template, **parameters) as deployed:
            given = deployed.function()["Environment"]["Variables"]
        return {name: str(value) for name, value in given.items()}
    return {"defaults": environment({}), "off": environment(OFF), "on": environment(ON),
            "given": environment(GIVEN)}


@pytest.mark.parametrize("name", ["defaults", "off", "on", "given"])
def test_binary_starts_with_the_environment_it_is_deployed_with(name, environments, start, aws):
    start(aws=aws, **environments[name]).wait_until_idle()


def values_of(parameter):
    """Those that are listed, or both ends of a range."""
    ends = [str(parameter[end]) for end in ("MinValue", "MaxValue") if end in parameter]
    return parameter.get("AllowedValues", ends)


def allowed_values():
    source = stack.load()
    given = source["Resources"]["DesyncGuardFunction"]["Properties"]["Environment"]["Variables"]
    return [(variable, value) for variable, reference in given.items()
            if reference == {"Ref": camel_case(variable)}
            for value in values_of(source["Parameters"][camel_case(variable)])]


@pytest.mark.parametrize("variable, value", allowed_values())
def test_binary_accepts_what_the_template_allows(variable, value, start, aws):
    # FIPS and dual-stack exclude an endpoint of one's own; without one, nothing may be called.
    options = {"aws": aws} if variable == "WARM_UP" else {"WARM_UP": "off"}
    start(**options, **{variable: value}).wait_until_idle()


QUOTED = "DeFensive', `Strictest"
TAGS = ["k%d" % i for i in range(33)]
SPELLINGS = {
    "DESYNC_MODE": (
        ["defensive", " Defensive , STRICTEST", QUOTED, "monitor,,strictest,", ", 'monitor'",
         ",".join(["monitor"] * 32)],
        ["defensive;strictest", "off", ",", "'", "defensive strictest",
         ",".join(["monitor"] * 33)]),
    "INTERNET_FACING_MODE": (["Strictest", " ", "'defensive' "], ["strict", "''", "strictest,"]),
    "INTERNAL_MODE": (["\"STRICTEST", "defensive"], ["none", "defensive,strictest"]),
    "PROFILES": (
        ["modern=strictest", "a = Strictest , 'old one=monitor'", ",x=`defensive`,,"],
        ["modern", "modern=off", "=strictest", "'=strictest", "a=strictest=x", "a=,b=monitor"]),
    "REQUIRED_TAGS": (
        ["Owner", "Owner, Env=a|b", "'Owner', \"Team\"", ",Owner,,", "Env=|a", "Env=a=b", "none",
         " None ", "'NONE'", ",none,", "none-such,x", "nonesuch=1", ",".join(TAGS[:32])],
        ["none,Owner", "Owner, 'none'", "a,NONE,b", "none=x", "=x", "Env=", "Env=|", ",", "''",
         ",".join(TAGS)]),
    "OWNER_TAGS": (["Owner,owner", " 'Team' ,,", ",".join(TAGS[:32])],
                   [",", "' '", ",".join(TAGS)]),
    "ALLOWED_ACCOUNTS": (["111122223333", " 111122223333 , 444455556666 "],
                         ["1111", "111122223333,", "*", "'111122223333'"]),
    "PROMOTION_MIN_CLIENTS": (["10,2", " 10 , 2 ", "7", "1000"],
                              ["0", "10,", "a", "1,2,3", "1001", "10,1001"]),
    "PROMOTION_RING_TAG": (["DesyncRing", "a b", "aws:x/y=z"], ["a!b", "a,b", "x" * 129]),
}


@pytest.mark.parametrize("variable, value, accepted", [
    (variable, value, accepted) for variable, both in SPELLINGS.items()
    for accepted, values in zip((True, False), both) for value in values])
def test_template_accepts_what_the_binary_accepts(variable, value, accepted):
    pattern = stack.load()["Parameters"][camel_case(variable)]["AllowedPattern"]
    others = {"CROSS_ACCOUNT_ROLE": "member"} if variable == "ALLOWED_ACCOUNTS" else {}
    done = subprocess.run(
        [*bootstrap_command(), "evaluate", str(events.FOLDER / "config-change.defensive-owner.json")],
        env=lambda_environment(**{variable: value}, **others), capture_output=True, text=True)
    is_read = variable not in done.stderr
    assert (bool(re.search(pattern, value)), is_read) == (accepted, accepted), done.stderr


# What alarms and dashboard read

def counts(pattern, line):
    """CloudWatch Logs' filter pattern, as far as the template uses it, on one log line."""
    inner = re.fullmatch(r"\{ (.*) \}", pattern)[1]
    expression = re.sub(r"\$\.(\w+)", r"line.get('\1')", inner)
    expression = expression.replace("&&", "and").replace("||", "or").replace(" = ", " == ")
    return eval(expression, {"__builtins__": {}}, {"line": line})


@pytest.fixture
def swept(start, aws_with_fleet):
    """What the function logs of a sweep that AWS Config asks for, and of one on a schedule."""
    event = events.load("config-scheduled.notification")
    aws_with_fleet.config.add_token(json.loads(event)["resultToken"], "desync-guard")
    function = start(aws=aws_with_fleet)
    logs = {}
    for asked_by, body in ("config", event), ("schedule", '{"action":"sweep"}'):
        before = len(function.log)
        assert function.invoke(body).kind == "response"
        function.wait_until_idle()
        lines = map(json.loads, function.log[before:].splitlines())
        logs[asked_by] = [line for line in lines
                          if line.get("event") in ("swept", "evaluated") or "_aws" in line]
    return logs


def test_alarms_and_dashboard_ask_for_metrics_the_function_writes(on, swept):
    written, = [line for line in swept["config"] if "_aws" in line]
    directive, = written["_aws"]["CloudWatchMetrics"]
    source = (ROOT / "src/control/metrics.c").read_text()
    known = set(re.findall(r'\{"(\w+)", "(?:Percent|Count|Seconds|None)"|'
                           r'\{ACTION_\w+, "(\w+)"\}', source))
    known = {name for names in known for name in names if name}
    assert {metric["Name"] for metric in directive["Metrics"]} <= known
    asked = set()
    for name in "ProtectedAlarm", "UnknownAlarm":
        alarm = on.properties(name)
        assert alarm["Namespace"] == directive["Namespace"]
        assert [{d["Name"] for d in alarm["Dimensions"]}] == list(map(set, directive["Dimensions"]))
        assert written[alarm["MetricName"]] >= 0
    body = json.loads(on.properties("Dashboard")["DashboardBody"])
    for widget in body["widgets"]:
        for metric in widget["properties"].get("metrics", []):
            if metric[0] == directive["Namespace"]:
                assert [metric[2], metric[4]] == ["Account", "Region"]
                asked.add(metric[1])
    assert asked <= known and len(asked) >= 10


def test_only_a_reported_sweep_keeps_the_rule_from_being_silent(on, swept):
    transformation, = on.properties("SilentRuleFilter")["MetricTransformations"]
    alarm = on.properties("SilentRuleAlarm")
    assert transformation["MetricNamespace"] == alarm["Namespace"]
    assert transformation["MetricName"] == alarm["MetricName"]
    pattern = on.properties("SilentRuleFilter")["FilterPattern"]
    assert sum(bool(counts(pattern, line)) for line in swept["config"]) == 1
    assert sum(bool(counts(pattern, line)) for line in swept["schedule"]) == 0


def test_dashboard_asks_for_fields_the_function_logs(on, swept):
    logged = {line["event"]: set(line) for line in swept["config"] if "event" in line}
    assert set(logged) == {"swept", "evaluated"}
    queries = [widget["properties"]["query"]
               for widget in json.loads(on.properties("Dashboard")["DashboardBody"])["widgets"]
               if widget["type"] == "log"]
    checked = 0
    for query in queries:
        assert query.startswith("SOURCE 'FunctionLogs' | ")
        event = re.search(r"event = '(\w+)'", query)
        if not event:
            continue
        fields = set(re.findall(r"latest\((\w+)\)|\bby (resourceId)", query))
        fields = {name for pair in fields for name in pair if name}
        listed = re.search(r"fields @timestamp, ([\w, ]+)", query)
        fields |= set(listed[1].strip().split(", ")) if listed else set()
        assert fields and fields <= logged[event[1]]
        checked += 1
    assert checked == 3


# sam build

def run_make(*arguments, cwd):
    """make, without what a make around this test hands down."""
    environment = {name: value for name, value in os.environ.items()
                   if name not in ("ARCH", "MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES")}
    architecture = dict(a.split("=") for a in arguments if a.startswith("ARCH="))
    arguments = [a for a in arguments if not a.startswith("ARCH=")]
    done = subprocess.run(["make", *arguments], cwd=cwd, env=environment | architecture, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout


@pytest.fixture
def scratch(tmp_path):
    """The copy of the folder in which `sam build` runs make; the libraries, which take minutes to
    build, are those of this checkout."""
    copy = tmp_path / "scratch"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(
        ".git", ".aws-sam", "build", "bootstrap", "samconfig.toml", "__pycache__"))
    (copy / "build").mkdir()
    (copy / "build/deps").symlink_to(ROOT / "build/deps")
    return copy


X86_64 = 'parameter_overrides = "AlertEmail=\\"a@b.c\\" Architecture=\\"x86_64\\""\n'
ARM64 = 'parameter_overrides = ["Architecture=arm64"]\n'
LONG = 'parameter_overrides = "ParameterKey=Architecture,ParameterValue=x86_64"\n'


@pytest.mark.parametrize("config, given, architecture, complaint", [
    (None, "", "arm64", ""), (X86_64, "", "x86_64", ""), (LONG, "x86_64", "x86_64", ""),
    (f"# {X86_64}{ARM64}", "", "arm64", ""), (X86_64 + ARM64, "arm64", "arm64", ""),
    (None, "x86_64", "", "Set Architecture=x86_64 in parameter_overrides of samconfig.toml"),
    (X86_64, "arm64", "", "sam deploy would make the function x86_64"),
    (X86_64 + ARM64, "", "", "Say which one to build")])
def test_architecture_of_the_build_is_the_one_that_is_deployed(config, given, architecture,
                                                               complaint, tmp_path):
    shutil.copy(stack.TEMPLATE, tmp_path)
    if config:
        (tmp_path / "samconfig.toml").write_text(config)
    done = subprocess.run([ROOT / ".ci/architecture", "deployed", given], cwd=tmp_path, text=True,
                          capture_output=True)
    assert (done.stdout.strip(), bool(done.returncode)) == (architecture, bool(complaint))
    assert complaint in done.stderr


@pytest.mark.parametrize("machine, named, status", [
    ("arm64", "arm64", 0), ("x86_64", "x86_64", 0), ("x86_64", "arm64", 1), ("arm64", "x86_64", 1)])
def test_a_build_of_another_architecture_is_refused(machine, named, status, tmp_path):
    binary = tmp_path / "bootstrap"
    binary.write_bytes(b"\x7fELF\x02\x01".ljust(18, b"\0")
                       + struct.pack("<H", ELF_MACHINES[machine]))
    assert subprocess.run([ROOT / ".ci/architecture", "check", binary, named],
                          stderr=subprocess.DEVNULL).returncode == status


@pytest.mark.long("compiles everything twice and, for the other architecture, the libraries, too")
@pytest.mark.parametrize("config, architecture", [(None, "arm64"), (X86_64, "x86_64")],
                         ids=["default", "x86_64"])
def test_sam_build_gets_a_static_bootstrap_of_the_architecture(config, architecture, scratch,
                                                               tmp_path):
    if config:
        (scratch / "samconfig.toml").write_text(config)
    run_make(f"build/deps/{architecture}/stamp", f"ARCH={architecture}", cwd=ROOT)
    artifacts = tmp_path / "artifacts"
    artifacts.mkdir()
    # As aws-lambda-builders calls it.
    run_make("--makefile", str(ROOT / "Makefile"), "build-DesyncGuardFunction",
             f"ARTIFACTS_DIR={artifacts}", cwd=scratch)
    assert [path.name for path in artifacts.iterdir()] == ["bootstrap"]
    binary = artifacts / "bootstrap"
    assert binary.stat().st_mode & 0o777 == 0o755
    image = binary.read_bytes()
    assert image[:6] == b"\x7fELF\x02\x01"
    assert struct.unpack_from("<H", image, 18) == (ELF_MACHINES[architecture],)
    offset, = struct.unpack_from("<Q", image, 32)
    size, count = struct.unpack_from("<HH", image, 54)
    kinds = [struct.unpack_from("<I", image, offset + i * size)[0] for i in range(count)]
    assert kinds and PT_INTERP not in kinds
