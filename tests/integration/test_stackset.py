# SPDX-License-Identifier: Apache-2.0
"""deploy/stackset.sh with the real AWS CLI, against an organization of 40 accounts."""

import re
import subprocess

import pytest

from sim import stack
from sim.aws_cli import AwsCli
from sim.cfn_lint import known_actions
from sim.organization import MANAGEMENT, Organization
from sim.stack import ROOT

SCRIPT = ROOT / "deploy/stackset.sh"
ACCOUNTS = [f"{number:012}" for number in range(1, 41)]
WITHOUT = ["000000000007", "000000000033"]
REGIONS = ["eu-west-1", "us-east-1"]
PAIRS = {(account, region) for account in ACCOUNTS for region in REGIONS}
URL = "https://example.s3.eu-west-1.amazonaws.com/desync-guard-%s.json"
WHERE = ["--targets", "r-root", "--regions", ",".join(REGIONS)]
FEW = ["--targets", "ou-one", "--regions", "us-east-1"]
WRITES = ("CreateStackSet", "UpdateStackSet", "CreateStackInstances", "UpdateStackInstances")


class AnswersAnything:
    def __getattr__(self, operation):
        return lambda params: {}


@pytest.fixture(scope="module")
def defaults():
    return {name: str(parameter["Default"])
            for name, parameter in stack.load()["Parameters"].items()}


@pytest.fixture
def organization(defaults):
    return Organization(
        {"r-root": [MANAGEMENT, *ACCOUNTS[:5]], "ou-one": ACCOUNTS[5:20], "ou-two": ACCOUNTS[20:]},
        {pair for pair in PAIRS if pair[0] not in WITHOUT},
        {URL % "1": defaults, URL % "2": {k: v for k, v in defaults.items() if k != "LogLevel"}
         | {"ShinyAndNew": "default"}})


@pytest.fixture
def cli(organization, tmp_path):
    cli = AwsCli(tmp_path, organization)
    yield cli
    cli.close()


@pytest.fixture
def stackset(cli):
    def run(*arguments, where=WHERE):
        done = subprocess.run([SCRIPT, *where, *arguments], env=cli.environment(), text=True,
                              stdin=subprocess.DEVNULL, capture_output=True)
        return done.returncode, done.stdout, done.stderr
    return run


@pytest.fixture
def first(stackset):
    return stackset("--template-url", URL % "1", "AlertEmail=security@example.com",
                    "Enforcement=plan", "DesyncMode=defensive, strictest")


def test_two_of_40_accounts_without_recorder_are_deployed_without_the_rule_and_named(
        first, cli, organization):
    status, out, err = first
    assert (status, err) == (3, "")
    assert organization.deployed() == PAIRS
    assert "80 of 80 stack(s) are up to date." in out
    assert re.findall(r"^  (\d{12}) (\S+)$", out, re.M) == [
        (account, region) for account in WITHOUT for region in REGIONS]
    assert f"The management account {MANAGEMENT} gets no stack" in out
    for pair in PAIRS:
        parameters = organization.parameters(pair)
        assert parameters["AlertEmail"] == "security@example.com"
        assert parameters["DesyncMode"] == "defensive, strictest"
        assert (parameters["CreateConfigRule"], parameters["SweepSchedule"]) == (
            ("off", "rate(6 hours)") if pair[0] in WITHOUT else ("on", ""))
    # All Regions at once, and one operation for those that are alike.
    assert [call["Regions"] for call in cli.named("CreateStackInstances")] == [REGIONS] * 2


def test_upgrade_keeps_every_parameter_that_is_not_given(first, stackset, cli, organization):
    cli.calls.clear()
    status, out, _ = stackset("--template-url", URL % "2", "MaxChangesPerRun=1")
    assert status == 3 and "80 of 80 stack(s)" in out
    assert [name for name, _ in cli.calls if name in WRITES] == ["UpdateStackSet"]
    for pair in PAIRS:
        parameters = organization.parameters(pair)
        assert parameters["AlertEmail"] == "security@example.com"
        assert parameters["Enforcement"] == "plan"
        assert parameters["MaxChangesPerRun"] == "1"
        assert parameters["ShinyAndNew"] == "default" and "LogLevel" not in parameters
        assert parameters["CreateConfigRule"] == ("off" if pair[0] in WITHOUT else "on")


@pytest.mark.parametrize("change", [["--template-url", URL % "2"], ["Enforcement=enforce"]])
def test_upgrade_of_stacks_outside_the_targets_is_refused_without_all(
        change, first, stackset, cli, organization):
    cli.calls.clear()
    pilot = ["--targets", "ou-one", "--regions", "eu-west-1"]
    status, _, err = stackset(*change, where=pilot)
    assert status == 2 and cli.named(*WRITES) == []
    assert "65 of them are outside --targets ou-one --regions eu-west-1:" in err
    assert "  000000000001 eu-west-1\n" in err and "--all" in err
    organization.broken = {(ACCOUNTS[30], "us-east-1"): "no"}
    status, out, _ = stackset(*change, "--all", where=pilot)
    assert status == 4 and f"{ACCOUNTS[30]} us-east-1  FAILED: no" in out
    assert "update the StackSet desync-guard and its 80 stack(s)" in out
    assert "79 of 80 stack(s) are up to date." in out


def test_stacks_of_suspended_accounts_do_not_hold_up_an_upgrade(first, stackset, organization):
    organization.suspended = {ACCOUNTS[9]}
    for region in REGIONS:
        organization.instances[ACCOUNTS[9], region]["status"] = "SKIPPED_SUSPENDED_ACCOUNT"
    assert stackset("Enforcement=enforce")[0] == 3


def test_one_parameter_is_changed_with_the_template_that_is_there(first, stackset, organization):
    stackset('OwnerTags=Owner,"it\'s \\ mine"')
    parameters = organization.parameters((ACCOUNTS[0], "eu-west-1"))
    assert parameters["OwnerTags"] == 'Owner,"it\'s \\ mine"'
    assert parameters["AlertEmail"] == "security@example.com"


def test_a_second_run_changes_nothing(first, stackset, cli):
    cli.calls.clear()
    status, out, _ = stackset()
    assert status == 3 and "0 to create, 0 that failed before" in out
    assert cli.named(*WRITES) == []


def test_new_accounts_and_failed_ones_are_deployed_by_the_next_run(stackset, cli, organization):
    organization.recorders = set(PAIRS)
    organization.broken = {(ACCOUNTS[3], "us-east-1"): "denied by a service control policy"}
    status, out, _ = stackset("--template-url", URL % "1")
    assert status == 4
    assert f"{ACCOUNTS[3]} us-east-1  FAILED: denied by a service control policy" in out
    assert len(organization.deployed()) == 79
    # The next day: the policy is repaired, one account joined, and one lost its recorder.
    organization.broken.clear()
    organization.units["ou-one"] = [*organization.units["ou-one"], "000000000099"]
    organization.recorders |= {("000000000099", "eu-west-1")}
    cli.calls.clear()
    status, out, _ = stackset()
    assert status == 3 and "82 of 82 stack(s)" in out
    assert re.findall(r"^  (\d{12} \S+)$", out, re.M) == ["000000000099 us-east-1"]
    assert [(call["DeploymentTargets"]["Accounts"], call["Regions"], "ParameterOverrides" in call)
            for call in cli.named("UpdateStackInstances", "CreateStackInstances")] == [
        ([ACCOUNTS[3]], ["us-east-1"], False), (["000000000099"], ["eu-west-1"], False),
        (["000000000099"], ["us-east-1"], True)]


def test_accounts_that_aws_config_refused_are_deployed_when_they_are_listed(stackset, organization):
    status, out, _ = stackset("--template-url", URL % "1", "--without-recorder", "none")
    assert status == 4 and "Name accounts that AWS Config refused" in out
    assert len(organization.deployed()) == 76
    status, out, _ = stackset("--without-recorder", f" {WITHOUT[0]} , {WITHOUT[1]}/eu-west-1,"
                                                    f"{WITHOUT[1]}/us-east-1,")
    assert status == 3 and organization.deployed() == PAIRS


def test_recorders_that_came_and_went_are_named(first, stackset, organization):
    organization.recorders |= {(WITHOUT[0], region) for region in REGIONS}
    organization.recorders -= {("000000000020", "us-east-1")}
    status, out, _ = stackset()
    assert status == 3 and "80 of 80" in out
    found = {lines.split(":")[0]: re.findall(r"^  (.*)$", lines, re.M)
             for lines in re.split(r"\n(?=With|Still)", out)[1:]}
    assert list(found.values()) == [
        [f"{WITHOUT[1]} eu-west-1", f"{WITHOUT[1]} us-east-1"], ["000000000020 us-east-1"],
        [f"{WITHOUT[0]} eu-west-1", f"{WITHOUT[0]} us-east-1"]]
    assert [text.split(",")[0] for text in found] == [
        "Without a configuration recorder", "With the rule", "Still without the rule"]


def test_rule_that_is_off_for_all_is_missed_nowhere(stackset, organization):
    organization.recorders = set(PAIRS)
    assert stackset("--template-url", URL % "1", "CreateConfigRule=off", where=FEW)[0] == 0
    organization.recorders -= {("000000000020", "us-east-1")}
    assert stackset(where=FEW)[0] == 0


def test_other_overrides_outlive_the_loss_of_the_rule(stackset, organization):
    organization.recorders = set(PAIRS)
    assert stackset("--template-url", URL % "1", where=FEW)[0] == 0
    pair = ("000000000020", "us-east-1")
    organization.instances[pair] |= {"overrides": {"Enforcement": "plan"}, "status": "FAILED"}
    organization.recorders -= {pair}
    assert stackset(where=FEW)[0] == 3
    assert organization.instances[pair]["overrides"] == {
        "CreateConfigRule": "off", "SweepSchedule": "rate(6 hours)", "Enforcement": "plan"}


def test_a_suspended_account_is_left_alone(stackset, organization):
    organization.suspended = {ACCOUNTS[9]}
    status, _, _ = stackset("--template-url", URL % "1")
    assert status == 3 and len(organization.deployed()) == 78


def test_too_many_failures_stop_the_operation(stackset, organization):
    organization.broken = {pair: "no" for pair in PAIRS if pair[0] in ACCOUNTS[8:16]}
    status, out, _ = stackset("--template-url", URL % "1", "--failure-tolerance", "5")
    assert status == 4 and "FAILED (operation op-0)" in out and "CANCELLED" in out


def test_nothing_is_created_after_an_operation_that_failed(first, stackset, cli, organization):
    """A bad release stops in the accounts that have a stack, and goes into no other."""
    organization.units["ou-one"] = [*organization.units["ou-one"], "000000000099"]
    organization.broken = {pair: "bad release" for pair in PAIRS}
    cli.calls.clear()
    status, out, _ = stackset("--template-url", URL % "2")
    assert status == 4 and [name for name, _ in cli.calls if name in WRITES] == ["UpdateStackSet"]
    assert "left out, since an operation failed: create 1 account(s) in eu-west-1 us-east-1" in out
    # Nor does the next run, as long as so many fail.
    cli.calls.clear()
    status, out, _ = stackset()
    assert status == 4 and cli.named("CreateStackInstances") == []


def test_one_account_that_fails_for_good_does_not_hold_up_the_others(first, stackset, organization):
    organization.broken = {(ACCOUNTS[3], "us-east-1"): "denied by a service control policy"}
    assert stackset("Enforcement=plan")[0] == 4
    organization.units["ou-one"] = [*organization.units["ou-one"], "000000000099"]
    status, out, _ = stackset()
    assert status == 4 and "FAILED (operation" in out and "81 of 82 stack(s)" in out


def test_an_operation_that_somebody_stopped_is_the_last(stackset, cli, organization):
    organization.ends = {"op-0": "STOPPED"}
    status, out, _ = stackset("--template-url", URL % "1")
    assert status == 4 and "STOPPED (operation op-0)" in out
    assert len(cli.named("CreateStackInstances")) == 1 and "left out" in out


def test_operations_that_run_are_waited_for(stackset, organization, monkeypatch):
    """An account has joined: AWS deploys to it by itself."""
    assert stackset("--template-url", URL % "1", where=FEW)[0] == 3
    one = organization.instances[ACCOUNTS[19], "us-east-1"]
    one["status"] = "PENDING"
    organization.operations["op-auto"] = ["RUNNING", "RUNNING", "SUCCEEDED"]
    describe = organization.DescribeStackSetOperation

    def ends(params):
        answer = describe(params)
        if answer["StackSetOperation"]["Status"] == "SUCCEEDED":
            one["status"] = "SUCCEEDED"
        return answer
    monkeypatch.setattr(organization, "DescribeStackSetOperation", ends)
    status, out, _ = stackset(where=FEW)
    assert status == 3 and "wait for operation op-auto" in out
    assert "SUCCEEDED (operation op-auto)" in out and "15 of 15" in out


def test_inoperable_stack_has_its_own_remedy(stackset, organization):
    stackset("--template-url", URL % "1", where=FEW)
    organization.instances[ACCOUNTS[19], "us-east-1"]["status"] = "INOPERABLE"
    status, out, _ = stackset(where=FEW)
    assert status == 4 and "--retain-stacks" in out


def test_dry_run_prints_the_calls_and_makes_none(stackset, cli):
    status, _, err = stackset("--dry-run", "--template-url", URL % "1", "AlertEmail=a@example.com")
    assert status == 0 and cli.named(*WRITES) == []
    assert [line.split()[2] for line in err.splitlines()] == [
        "create-stack-set", "create-stack-instances", "create-stack-instances"]
    # What it prints can be pasted.
    for line in err.splitlines():
        assert subprocess.run(line, shell=True, env=cli.environment()).returncode == 0
    assert len(cli.named(*WRITES)) == 3


def test_guide_lists_the_permissions_and_the_exit_statuses():
    text = (ROOT / "docs/deploy.md").read_text()
    used = {name for name in dir(Organization) if name[0].isupper()} - {"GetCallerIdentity"}
    block, = re.findall(r"^```\n(cloudformation:.*?)^```", text, re.M | re.S)
    assert {name.split(":")[1] for name in block.split()} == used
    assert {name.lower() for name in block.split()} <= set(known_actions())
    assert re.findall(r"^\| (\d) \|", text, re.M) == list("01234")


def test_aws_cli_accepts_the_commands_of_the_guide(cli):
    cli.service = AnswersAnything()
    text = (ROOT / "docs/deploy.md").read_text()
    text = text[text.index("## Every account"):]
    commands = re.findall(r"^ *(aws (?!s3 |cloudformation deploy )(?:\\\n|.)*)$", text, re.M)
    assert len(commands) >= 13
    for command in commands:
        done = subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, text=True,
                              env=cli.environment(FUNCTION_ARN="function", account=ACCOUNTS[0]))
        assert (done.returncode, done.stderr) == (0, ""), command
    assert len(cli.calls) == len(commands)


@pytest.mark.parametrize("arguments, where, status, message", [
    ([], [], 2, "--targets"),
    ([], ["--targets", "r-root"], 2, "--regions"),
    (["--frobnicate", "1"], WHERE, 2, "unknown option --frobnicate"),
    (["AlertEmail"], WHERE, 2, "unknown argument AlertEmail"),
    (["--concurrency", "abc"], WHERE, 2, "percentages"),
    (["--template-url"], WHERE, 2, "--template-url needs a value"),
    ([], WHERE, 2, "--template-url"),
    (["--call-as", "SELF"], WHERE, 1, "delegated administrator of StackSets"),
    (["--template-url", URL % "1", "Typo=1"], WHERE, 1, "Parameters: [Typo] do not exist"),
])
def test_errors_say_what_to_do_next(arguments, where, status, message, stackset, organization):
    found, _, err = stackset(*arguments, where=where)
    assert found == status and message in err
    assert organization.instances == {}


@pytest.mark.parametrize("wrong", [
    "7", "typo", "none", MANAGEMENT, "000000000041", "000000000001/eu-west-2", "000000000001/",
    "00000000000100"])
def test_an_account_without_recorder_that_is_not_there_is_refused(wrong, stackset, organization):
    status, _, err = stackset("--template-url", URL % "1",
                              "--without-recorder", f"000000000001,{wrong}")
    assert status == 2 and err.endswith(f"it cannot be\n{wrong}\n")
    assert organization.stack_set is None


def test_blanks_in_lists_do_not_matter(stackset, organization):
    where = ["--targets", "ou-one, ou-two,", "--regions", " eu-west-1, us-east-1 "]
    assert stackset("--template-url", URL % "1", where=where)[0] == 3
    assert len(organization.deployed()) == 70


@pytest.mark.parametrize("aggregators", [[], ["one", "two"]])
def test_without_one_aggregator_it_asks_which(aggregators, stackset, organization):
    organization.aggregators = aggregators
    status, _, err = stackset("--template-url", URL % "1")
    assert status == 2 and "--without-recorder" in err and "--aggregator" in err
    assert all(name in err for name in aggregators)
    assert stackset("--template-url", URL % "1", "--aggregator", "one")[0] == 3


def test_an_aggregator_that_knows_nothing_is_not_believed(stackset, organization):
    organization.recorders = set()
    status, _, err = stackset("--template-url", URL % "1")
    assert status == 1 and "knows of no configuration recorder" in err
    assert organization.stack_set is None
