# SPDX-License-Identifier: Apache-2.0
"""`desync-guard explain`: everything about one load balancer, on one screen."""

import datetime
import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import termios

import pytest
import yaml

from sim import faults, fleet
from sim.control_loop import ControlLoop
from sim.fleet import LiveLoadBalancer
from sim.fleet_aws import ATTRIBUTES, IDENTITY, LIST, TAGS, FleetAws
from sim.function import bootstrap_command, lambda_environment
from sim.log_bucket import LogBucket
from test_promotion import SWEEP, METRICS, answer, logged, make, promoting

MODE, DROP = "routing.http.desync_mitigation_mode", fleet.DROP_INVALID_HEADERS
KUBERNETES = {"elbv2.k8s.aws/cluster": "prod", "Owner": "shop-team"}


def environment(aws, **changes):
    return lambda_environment(**{"AWS_ENDPOINT_URL": aws.url, "AWS_MAX_ATTEMPTS": "1", **changes})


def run(aws, *arguments, **changes):
    return subprocess.run([*bootstrap_command(), "explain", *arguments], capture_output=True,
                          text=True, timeout=60, env=environment(aws, **changes))


def explain(aws, *arguments, code=0, **changes):
    done = run(aws, *arguments, **changes)
    assert done.returncode == code, done.stderr + done.stdout
    return done.stdout


def explain_json(aws, *arguments, **changes):
    return json.loads(explain(aws, *arguments, "--format", "json", **changes))


def part(text, heading):
    """What stands beside the heading, unwrapped."""
    found = re.search(rf"^{heading} +(.*\n(?: {{12}}.*\n)*)", text, re.M)
    return re.sub(r"\s+", " ", found[1]).strip() if found else None


@pytest.fixture
def aws_of():
    """aws_of(LiveLoadBalancer...) is an AWS that has these."""
    running = []

    def start(*load_balancers):
        running.append(FleetAws(load_balancers))
        return running[-1]

    yield start
    for aws in running:
        assert aws.signature_failures == []
        aws.stop()


def shop(mode="monitor", **more):
    return LiveLoadBalancer("shop", "50dc6c495c0c9188", mode, **more)


# One screen

SHOP = """\
Name        shop
ARN         arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/
              app/shop/50dc6c495c0c9188
Account     123456789012, eu-west-1
Type        application, internet-facing
Mode        monitor
Headers     header fields that are not valid are not dropped
Access logs not written
Tags        none that matters here
Owner       none
Verdict     NON_COMPLIANT: mode monitor, requires defensive (minimum); grade F
Findings    HIGH MODE_TOO_WEAK: The desync mitigation mode is monitor, but at
              least defensive is required (minimum). Set
              routing.http.desync_mitigation_mode to defensive within 7 days.
            MEDIUM TAG_MISSING: The tag Owner is missing. Add it within 7 days
              with a value that is not blank.
            MEDIUM HEADERS_NOT_DROPPED: Header fields that are not valid are
              passed on to the application. Set
              routing.http.drop_invalid_header_fields.enabled to true within 7
              days.
Exception   none
Evidence    not asked for: PROMOTION is `off`
Plan        planned: enforce, monitor -> defensive, at the earliest with the
              next sweep
            why: the mode is weaker than required
            stops it: ENFORCEMENT is not `enforce`: desync-guard changes nothing
              itself
            say no: tag it desync-exception-until=YYYY-MM-DD,
              desync-exception-reason and desync-exception-approver
History     none: it needs STATE_TABLE, the name of the table of the function
Fix         sets the mode to defensive; where it is described
  AWS CLI:
    aws elbv2 modify-load-balancer-attributes --region eu-west-1 \\
        --load-balancer-arn \\
arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/shop/\\
50dc6c495c0c9188 \\
        --attributes Key=routing.http.desync_mitigation_mode,Value=defensive \\
        Key=routing.http.drop_invalid_header_fields.enabled,Value=true
    aws elbv2 add-tags --region eu-west-1 --resource-arns \\
arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/shop/\\
50dc6c495c0c9188 \\
        --tags 'Key=Owner,Value=<value>'
  Terraform or OpenTofu, in the resource aws_lb:
    desync_mitigation_mode     = "defensive"
    drop_invalid_header_fields = true
    tags = {
      "Owner" = "<value>"
    }
  CloudFormation, in Properties of AWS::ElasticLoadBalancingV2::LoadBalancer:
    LoadBalancerAttributes:
      - Key: routing.http.desync_mitigation_mode
        Value: defensive
      - Key: routing.http.drop_invalid_header_fields.enabled
        Value: "true"
    Tags:
      - Key: "Owner"
        Value: "<value>"
  Kubernetes Ingress, in metadata.annotations (append to an existing list):
    alb.ingress.kubernetes.io/load-balancer-attributes:
      routing.http.desync_mitigation_mode=defensive,
      routing.http.drop_invalid_header_fields.enabled=true
    alb.ingress.kubernetes.io/tags: "Owner=<value>"
  Kubernetes Gateway, in LoadBalancerConfiguration (gateway.k8s.aws/v1beta1):
    spec:
      loadBalancerAttributes:
        - key: routing.http.desync_mitigation_mode
          value: defensive
        - key: routing.http.drop_invalid_header_fields.enabled
          value: "true"
      tags:
        "Owner": "<value>"
"""


def test_screen_of_one_where_everything_is_wrong_is_exact(aws_of):
    text = explain(aws_of(shop()), "shop", PROMOTION="off", DROP_INVALID_HEADERS="require")
    assert text == SHOP


def test_nothing_is_changed_and_only_this_one_is_read(aws_of):
    aws = aws_of(*fleet.synthetic(30), shop())
    assert part(explain(aws, "shop", ENFORCEMENT="enforce", PROMOTION="off"), "Mode") == "monitor"
    assert dict(aws.counts) == {LIST: 2, ATTRIBUTES: 1, TAGS: 1}


def on_terminal(aws, columns, *arguments):
    reader, writer = pty.openpty()
    fcntl.ioctl(writer, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    with subprocess.Popen([*bootstrap_command(), "explain", *arguments], stdout=writer,
                          env=environment(aws, PROMOTION="off")) as process:
        os.close(writer)
        text = b""
        try:
            while block := os.read(reader, 65536):
                text += block
        except OSError:  # the other end is closed
            pass
        finally:
            os.close(reader)
        assert process.wait() == 0
    return text.decode().replace("\r\n", "\n")


@pytest.mark.parametrize("columns", [72, 80, 100, 300])
def test_lines_fit_the_terminal(aws_of, columns):
    aws = aws_of(shop(tags={"Owner": "a word " * 20 + "x" * 150, **KUBERNETES,
                            "ingress.k8s.aws/stack": "shop/web"}), LiveLoadBalancer(
        "a-name-of-thirty-two-characters-", "50dc6c495c0c9189", "monitor"))
    for name in ("shop", "a-name-of-thirty-two-characters-"):
        text = on_terminal(aws, columns, name)
        assert max(map(len, text.splitlines())) <= min(columns, 120)
        assert part(text, "Verdict").startswith("NON_COMPLIANT")


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_commands_can_be_copied_from_the_screen(aws_of, columns):
    """A shell joins their lines to the same words, however narrow the terminal is."""
    aws = aws_of(shop())
    text = on_terminal(aws, columns, "shop")
    commands = text.partition("  AWS CLI:\n")[2].partition("  Terraform")[0]
    done = subprocess.run(["sh", "-c", "aws() { printf '%s\\n' \"$@\" .; }\n" + commands],
                          capture_output=True, text=True, check=True)
    arn = shop().arn
    assert done.stdout.split("\n") == [
        "elbv2", "modify-load-balancer-attributes", "--region", "eu-west-1",
        "--load-balancer-arn", arn, "--attributes", f"Key={MODE},Value=defensive", ".",
        "elbv2", "add-tags", "--region", "eu-west-1", "--resource-arns", arn, "--tags",
        "Key=Owner,Value=<value>", ".", ""]


# The fix

def fixes_of(aws, **changes):
    found = explain_json(aws, "shop", PROMOTION="off", **changes)
    return found, {fix["tool"]: fix["code"] for fix in found["fixes"]}


def test_code_of_each_tool_sets_what_is_wrong(aws_of):
    found, fixes = fixes_of(aws_of(shop()), DROP_INVALID_HEADERS="require")
    wanted = {MODE: "defensive", DROP: "true"}
    assert [*fixes] == ["aws-cli", "terraform", "cloudformation", "kubernetes-ingress",
                        "kubernetes-gateway"]
    assert found["fixNote"] == ""
    template = yaml.safe_load(fixes["cloudformation"])
    assert {each["Key"]: each["Value"] for each in template["LoadBalancerAttributes"]} == wanted
    assert template["Tags"] == [{"Key": "Owner", "Value": "<value>"}]
    ingress = yaml.safe_load(fixes["kubernetes-ingress"])
    attributes = ingress["alb.ingress.kubernetes.io/load-balancer-attributes"]
    assert dict(pair.strip().split("=") for pair in attributes.split(",")) == wanted
    assert ingress["alb.ingress.kubernetes.io/tags"] == "Owner=<value>"
    gateway = yaml.safe_load(fixes["kubernetes-gateway"])["spec"]
    assert {each["key"]: each["value"] for each in gateway["loadBalancerAttributes"]} == wanted
    assert gateway["tags"] == {"Owner": "<value>"}


def test_only_what_is_wrong_is_set(aws_of):
    _, fixes = fixes_of(aws_of(shop("defensive")))
    assert fixes["terraform"] == 'tags = {\n  "Owner" = "<value>"\n}'
    assert MODE not in json.dumps(fixes)
    found, fixes = fixes_of(aws_of(shop("strictest", tags={"Owner": "me"})))
    assert (fixes, found["fixNote"], found["plan"]) == ({}, "nothing to fix", [])


def mode_of_code(fixes):
    return set(re.findall(r"monitor|defensive|strictest", json.dumps(fixes)))


def test_profile_that_is_unknown_is_set_first_and_the_mode_is_that_of_the_plan(aws_of):
    aws = aws_of(shop(tags={"Owner": "me", "DesyncProfile": "moderm"}))
    found, fixes = fixes_of(aws)
    assert (found["requiredMode"], found["plan"][0]["to"]) == ("strictest", "defensive")
    assert mode_of_code(fixes) == {"defensive"}
    tag, attributes = fixes["aws-cli"].split("\n")
    assert tag.endswith(f"--resource-arns {shop().arn} "
                        "--tags 'Key=DesyncProfile,Value=<modern|legacy>'")
    assert attributes.endswith(f"Key={MODE},Value=defensive")
    assert yaml.safe_load(fixes["cloudformation"])["Tags"] == [
        {"Key": "DesyncProfile", "Value": "<modern|legacy>"}]
    assert part(explain(aws, "shop", PROMOTION="off"), "Fix").startswith(
        "sets the mode to defensive, the next step towards strictest;")
    _, fixes = fixes_of(aws, PROFILE_TAG="Desync Profile", PROFILES="a b=strictest")
    assert "Value" not in fixes["aws-cli"].split("--attributes")[0]  # that tag is not there


def test_profile_that_no_tool_takes_as_it_is_has_a_blank_to_fill_in(aws_of):
    aws = aws_of(shop("defensive", tags={"Owner": "me", "my profile": "x"}))
    _, fixes = fixes_of(aws, PROFILE_TAG="my profile", PROFILES="a b=strictest,it's=defensive")
    command = fixes["aws-cli"].split("\n")[0]
    assert command.endswith("""--tags '[{"Key":"my profile","Value":"<value>"}]'""")


def test_profile_modern_on_monitor_goes_to_defensive_first(aws_of):
    found, fixes = fixes_of(aws_of(shop(tags={"Owner": "me", "DesyncProfile": "modern"})))
    assert (found["requiredMode"], found["plan"][0]["to"]) == ("strictest", "defensive")
    assert mode_of_code(fixes) == {"defensive"}


MANAGED = {
    "an Ingress": ({**KUBERNETES, "ingress.k8s.aws/stack": "shop/web"}, ["kubernetes-ingress"],
                   "the annotations of the Ingress shop/web", "Kubernetes undoes"),
    "a Gateway": ({**KUBERNETES, "gateway.k8s.aws.alb/stack": "shop/web"}, ["kubernetes-gateway"],
                  "the LoadBalancerConfiguration of the Gateway shop/web", "Kubernetes undoes"),
    "EKS Auto Mode": ({"eks:eks-cluster-name": "prod", "ingress.eks.amazonaws.com/stack": "web",
                       "Owner": "me"}, ["kubernetes-ingress-class"], "the IngressClassParams of",
                      "Kubernetes undoes"),
    "Amazon ECS": ({"AmazonECSManaged": "true", "Owner": "me"}, ["ecs"], "the gateway",
                   "Amazon ECS undoes"),
    "a stack": ({"aws:cloudformation:stack-name": "edge", "Owner": "me",
                 "aws:cloudformation:logical-id": "Alb"},
                ["cloudformation", "aws-cli", "terraform", "kubernetes-ingress",
                 "kubernetes-gateway"],
                "LoadBalancerAttributes of the resource Alb of the stack edge", ""),
}


@pytest.mark.parametrize("case", MANAGED)
def test_tool_that_manages_it_comes_first(aws_of, case):
    tags, tools, place, note = MANAGED[case]
    found, fixes = fixes_of(aws_of(shop(tags=tags)))
    assert [*fixes] == tools
    assert place in found["fixes"][0]["place"] and "defensive" in found["fixes"][0]["code"]
    assert note in found["fixNote"] and bool(note) == bool(found["fixNote"])
    assert found["managedBy"]
    if tools[0] != "ecs":
        assert yaml.safe_load(found["fixes"][0]["code"])


# Exception

def today(days=0):
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days)).date()


def excused(until, **more):
    return shop(tags={"Owner": "me", "desync-exception-until": str(until),
                      "desync-exception-reason": "old scanners",
                      "desync-exception-approver": "ciso", **more})


@pytest.mark.parametrize("days, words, state, verdict", [
    (40, ", 40 days left", "active", "COMPLIANT"), (1, ", 1 day left", "ending", "COMPLIANT"),
    (-3, ", ended 3 days ago", "expired", "NON_COMPLIANT")])
def test_exception_is_shown_with_its_days(aws_of, days, words, state, verdict):
    until = today(days)
    aws = aws_of(excused(until))
    text = explain(aws, "shop")
    assert part(text, "Exception") == (f"{state}: until {until}{words} reason: old scanners "
                                       "approver: ciso")
    found = explain_json(aws, "shop")
    assert found["exception"] == {"state": state, "until": str(until), "reason": "old scanners",
                                  "approver": "ciso", "daysLeft": days}
    assert found["compliance"] == verdict
    if verdict == "COMPLIANT":
        assert "excused by an exception" in part(text, "Verdict")
        assert "An exception excuses it today" in part(text, "Evidence")


def test_exception_that_is_no_date_is_shown_as_it_is_tagged(aws_of):
    found = explain_json(aws_of(excused("soon")), "shop")
    assert found["exception"]["until"] == "soon" and "daysLeft" not in found["exception"]
    assert found["exception"]["state"] == "refused"


# Finding it

def test_it_is_found_by_its_arn_wherever_that_is(aws_of):
    aws = aws_of(shop(tags={"Owner": "me"}))
    for region in ({}, {"AWS_REGION": None, "AWS_DEFAULT_REGION": None},
                   {"AWS_REGION": "us-east-1"}):
        assert part(explain(aws, shop().arn, **region), "Name") == "shop"
    assert part(explain(aws, "--region", "eu-west-1", "shop", AWS_REGION=None,
                        AWS_DEFAULT_REGION=None), "Name") == "shop"


def test_unknown_name_names_close_ones(aws_of):
    aws = aws_of(shop(), LiveLoadBalancer("shop-eu", "50dc6c495c0c9189", "monitor"),
                 LiveLoadBalancer("identity", "50dc6c495c0c9190", "monitor"))
    done = run(aws, "shpo")
    assert (done.returncode, done.stdout) == (1, "")
    assert "no load balancer shpo in eu-west-1. Close names: shop (eu-west-1)." in done.stderr
    done = run(aws, "SHOP")  # the closest one first
    assert "Close names: shop (eu-west-1), shop-eu (eu-west-1)." in done.stderr
    done = run(aws, "nothing-like-it")
    assert "Close names" not in done.stderr and "--region" in done.stderr
    done = run(aws, shop().arn.replace("9188", "9199"))
    assert "Close names: shop" in done.stderr
    done = run(aws, "arn:aws:s3:::bucket")
    assert (done.returncode, "is no ARN of a load balancer" in done.stderr) == (1, True)


OWN_ARN = shop().arn.replace("9188", "9199")


@pytest.mark.parametrize("arn, words", [
    (OWN_ARN, "It has been deleted, or the ARN is not spelt right"),
    (OWN_ARN.replace("/app/", "/net/"), "It has been deleted, or the ARN is not spelt right"),
    (OWN_ARN.replace("/app/shop/50dc6c495c0c9199", "/shop"), "It is a Classic Load Balancer"),
    (OWN_ARN.replace("123456789012", "210987654321"),
     "The credentials are of account 123456789012, the ARN is of account 210987654321, and "
     "CROSS_ACCOUNT_ROLE is not set")])
def test_arn_that_is_not_there_says_why(aws_of, arn, words):
    done = run(aws_of(shop()), arn)
    assert (done.returncode, done.stdout) == (1, "")
    assert words in done.stderr
    assert ("CROSS_ACCOUNT_ROLE" in done.stderr) == ("210987654321" in arn)


def test_arn_that_is_not_there_says_that_the_account_is_not_known(aws_of):
    aws = aws_of(shop())
    aws.faults.add(IDENTITY, faults.access_denied(), times=9)
    done = run(aws, OWN_ARN)
    assert "Whether the credentials are of its account is not known: sts Get" in done.stderr


class InVirginia(LiveLoadBalancer):
    @property
    def arn(self):
        return super().arn.replace("eu-west-1", "us-east-1")


def test_name_in_several_regions_is_ambiguous(aws_of):
    """The local AWS lists both in each Region."""
    both = shop(), InVirginia("shop", "50dc6c495c0c9189", "monitor")
    aws = aws_of(*both)
    done = run(aws, "shop", "--region", "eu-west-1,us-east-1")
    assert (done.returncode, done.stdout) == (1, "")
    assert "2 load balancers are called shop: name one Region, or give the ARN" in done.stderr
    for each in both:
        assert each.arn in done.stderr
        assert explain_json(aws, each.arn)["resourceId"].endswith(each.arn)


@pytest.mark.parametrize("arguments", [
    [], ["--format", "xml", "shop"], ["--region", "nowhere", "shop"], ["shop", "cart"],
    ["shop", "--now"], ["--format"], [""]])
def test_wrong_arguments_are_a_usage_error(aws_of, arguments):
    done = run(aws_of(), *arguments)
    assert (done.returncode, done.stdout) == (2, "")


def test_network_load_balancer_is_not_judged(aws_of):
    network = LiveLoadBalancer("tcp", "50dc6c495c0c9188", type="network")
    text = explain(aws_of(network), "tcp")
    assert part(text, "Type") == "network, internet-facing"
    assert part(text, "Verdict").startswith("NOT_APPLICABLE: a network load balancer")
    assert part(text, "Fix") is None


# What cannot be read

def test_what_cannot_be_read_is_said_and_the_rest_is_shown(aws_of):
    aws = aws_of(shop(tags={"Owner": "me"}))
    aws.faults.add(ATTRIBUTES, faults.access_denied(), times=9)
    text = explain(aws, "shop", code=1)
    assert (part(text, "Mode"), part(text, "Owner")) == ("unknown", "me")
    assert part(text, "Verdict").startswith("UNKNOWN: ")
    assert "AccessDenied" in part(text, "Unknown")
    assert part(text, "Unknown").endswith(
        " next: allow elasticloadbalancing:DescribeLoadBalancerAttributes")
    assert part(text, "Fix") == "not known, as long as the verdict is unknown"
    aws.faults.clear()
    aws.faults.add(TAGS, faults.access_denied(), times=9)
    text = explain(aws, "shop", code=1)
    assert [part(text, each) for each in ("Mode", "Tags", "Owner", "Exception")] == [
        "monitor", "unknown", "unknown", "unknown"]
    aws.faults.clear()
    aws.faults.add(LIST, faults.access_denied(), times=9)
    done = run(aws, "shop")
    assert (done.returncode, done.stdout, "AccessDenied" in done.stderr) == (1, "", True)


def test_evidence_and_history_that_cannot_be_read_are_said(aws):
    fleet.create(aws, [shop("defensive", tags={"Owner": "me"})])
    aws.faults.add(METRICS, faults.access_denied(), times=9)
    done = run(aws, "shop", STATE_TABLE="there-is-none", PROMOTION="off")
    assert done.returncode == 1
    assert part(done.stdout, "History") == "unknown"
    assert part(done.stdout, "Unknown").startswith("history: ")
    done = run(aws, "shop", "--format", "json")
    found = json.loads(done.stdout)
    assert (done.returncode, found["compliance"], found["mode"]) == (1, "COMPLIANT", "defensive")
    assert [each["part"] for each in found["unknown"]] == ["evidence"]
    assert "AccessDenied" in found["unknown"][0]["why"]


# Evidence, plan and history

@pytest.fixture
def loop(aws):
    return ControlLoop(aws)


def plan(aws, **changes):
    done = subprocess.run([*bootstrap_command(), "plan", "--format", "json"], capture_output=True,
                          text=True, timeout=60, env=environment(aws, **changes))
    return json.loads(done.stdout)


def test_promotion_is_planned_as_plan_says_and_then_watched(start, aws, loop):
    """Two of one ring with one open watch: the second waits, by the numbers of `plan`."""
    settings = promoting(loop, MAX_OPEN_WATCHES="1")
    function, bucket = start(aws=aws, **settings), LogBucket(aws)
    for name in ("cart", "shop"):
        answer(function.invoke(logged(bucket, make(aws, name, ring="1"))))
    before = loop.items()
    second = explain_json(aws, "shop", **settings)
    expected, = (each for each in plan(aws, **settings) if each["resourceId"] == second["resourceId"])
    said, = second["plan"]
    assert said["earliest"][:13] == expected["earliest"][:13]
    assert {**said, "earliest": ""} == {**expected, "earliest": ""}
    assert "1 of its ring come before it" in said["waitsFor"]
    assert second["evidence"]["requests"] == 120 and second["recommendation"] == "PROMOTE"
    assert (loop.items(), loop.mode_of(second["resourceId"])) == (before, "defensive")
    text = explain(aws, "shop", **settings)
    assert part(text, "Plan").startswith("planned: promote, defensive -> strictest, at the earliest ")
    assert "120 served HTTP/1.x requests" in part(text, "Evidence")
    assert part(text, "Fix").startswith("sets the mode to strictest, as the evidence allows")
    assert "not judged yet" in part(text, "History")

    # Those before it decide when it is promoted: one that cannot be read is said.
    aws.faults.add(ATTRIBUTES, faults.access_denied(), times=9, about="app%2Fcart%2F")
    text = explain(aws, "shop", code=1, **settings)
    assert "promote, defensive -> strictest" in part(text, "Plan")
    assert "plan: " in part(text, "Unknown") and "AccessDenied" in part(text, "Unknown")
    aws.faults.clear()

    answer(function.invoke(SWEEP))
    first = explain_json(aws, "cart", **settings)
    change, = first["history"]["changes"]
    assert (first["mode"], first["plan"], first["fixes"]) == ("strictest", [], [])
    assert (change["action"], change["watch"]) == ("promote", "open")
    assert "it is being watched" in part(explain(aws, "cart", **settings), "History")


def test_incident_its_alert_and_the_change_are_remembered(start, aws, loop):
    settings = loop.environment(ENFORCEMENT="off", PROMOTION="off")
    shop = make(aws, "shop", mode="monitor")
    function = start(aws=aws, **settings)
    answer(function.invoke(SWEEP))
    function.stop()
    found = explain_json(aws, "shop", **settings)
    since = found["history"]["nonCompliantSince"]
    assert found["history"]["incidents"] == [
        {"openedAt": since, "closedAt": None, "findings": "MODE_TOO_WEAK"}]
    alert, = found["history"]["alerts"]
    assert alert.startswith("the incident that began at ") and alert.endswith(" was alerted")
    text = part(explain(aws, "shop", **settings), "History")
    assert text.startswith("non-compliant since ") and "alerts: the incident" in text

    answer(start(aws=aws, **loop.environment()).invoke(SWEEP))
    found = explain_json(aws, "shop", **settings)
    change, = found["history"]["changes"]
    assert (change["action"], change["from"], change["to"]) == ("enforce", "monitor", "defensive")
    assert found["history"]["nonCompliantSince"] is None
    assert loop.mode_of(shop.arn) == "defensive"


def test_tool_that_made_the_last_change_comes_first(aws, loop):
    balancer = make(aws, "shop", mode="monitor")
    aws.client("dynamodb").put_item(TableName=loop.table, Item={
        name: {"S": value} for name, value in {
            "pk": balancer.arn, "sk": "CHANGE#2026-11-20T08:00:00.000Z", "before": "monitor",
            "changedAt": "2026-11-20T08:00:00.000Z", "after": "defensive",
            "lastWriter": "arn:aws:iam::123456789012:role/ci",
            "lastWriterUserAgent": "APN/1.0 HashiCorp/1.0 Terraform/1.5.6"}.items()})
    found = explain_json(aws, "shop", **loop.environment(PROMOTION="off"))
    assert [each["tool"] for each in found["fixes"]][:2] == ["terraform", "aws-cli"]
    assert found["history"]["lastChangedBy"] == "arn:aws:iam::123456789012:role/ci"
