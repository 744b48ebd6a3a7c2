# SPDX-License-Identifier: Apache-2.0
"""What `make release` consists of: archives of the same bytes everywhere, the rendered template, the
statement of provenance, and the refusal to release what is no commit. A release as a whole takes
minutes; .github/workflows/release.yml builds two and compares them."""

import json
import os
import platform
import re
import stat
import subprocess
import sys
import tarfile
import zipfile

import pytest

from sim import deployment, stack
from sim.cfn_lint import lint
from sim.stack import OFF, ON, ROOT, Stack

HOST = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def run(*command, cwd=ROOT, **environment):
    return subprocess.run([str(each) for each in command], cwd=cwd, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          env={**os.environ, **environment})


def script(name, *arguments, **environment):
    done = run(sys.executable, ROOT / ".ci" / name, *arguments, **environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


# archives

@pytest.fixture(params=["files.zip", "files.tar.gz"])
def archive(request, tmp_path):
    """Packs a program and a text, in one of several ways, and returns the bytes."""
    def pack(folder, order, mask, time, **environment):
        folder = tmp_path / folder
        folder.mkdir()
        (folder / "program").write_bytes(b"\x7fELF")
        (folder / "text").write_text("text\n")
        (folder / "program").chmod(0o777 & ~mask)
        (folder / "text").chmod(0o666 & ~mask)
        for name in order:
            os.utime(folder / name, (time, time))
        script("archive.py", folder / request.param, *(f"inside/{name}={folder / name}" for name in order),
               **environment)
        return folder / request.param
    return pack


def test_archive_depends_on_nothing_but_the_files(archive):
    one = archive("one", ["program", "text"], 0o022, 1_000_000_000)
    other = archive("a-longer-name", ["text", "program"], 0o077, 1_700_000_000, TZ="Pacific/Chatham",
                    LC_ALL="C", SOURCE_DATE_EPOCH="1")
    assert one.read_bytes() == other.read_bytes()


def test_archive_keeps_what_can_be_executed(archive):
    path = archive("one", ["text", "program"], 0o077, 1_000_000_000)
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as opened:
            modes = [(each.filename, stat.S_IMODE(each.external_attr >> 16)) for each in opened.infolist()]
    else:
        with tarfile.open(path) as opened:
            modes = [(each.name, each.mode) for each in opened]
            assert {(each.uid, each.gid, each.uname) for each in opened} == {(0, 0, "")}
    assert modes == [("inside/program", 0o755), ("inside/text", 0o644)]


def test_tool_comes_as_it_is_installed_and_with_the_licenses_of_what_is_linked_in(bootstrap):
    """Its list of files, as the Makefile gives it to archive.py."""
    done = run("make", "-n", f"ARCH={HOST}", "-W", "LICENSE", "package", MAKEFLAGS="", MAKELEVEL="0")
    assert done.returncode == 0, done.stderr
    line, = re.findall(r"archive\.py \S+-linux-\S+\.tar\.gz (.*(?:\\\n.*)*)", done.stdout)
    files = dict(each.split("=") for each in line.replace("\\\n", " ").split())
    names = {name.split("/", 1)[1] for name in files}
    documents = "share/doc/desync-guard/"
    assert {"bin/desync-guard", "share/man/man1/desync-guard.1", documents + "LICENSE"} < names
    assert len([name for name in names if not name.startswith(documents)]) == 1 + len(
        ["man", "bash", "zsh", "fish"])
    versions = (ROOT / "build/deps" / HOST / "versions").read_text().splitlines()
    assert {f"{documents}licenses/{each.split()[0]}" for each in versions} == {
        name for name in names if name.startswith(documents + "licenses/")}
    for name, path in files.items():
        assert documents not in name or (ROOT / path).stat().st_size > 300, path


# the template

@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    path = tmp_path_factory.mktemp("rendered") / "template.json"
    script("render.py", "1.2.3", path)
    return path


def test_rendered_template_is_plain_cloudformation(rendered):
    text = rendered.read_text(encoding="utf-8")
    template = json.loads(text)
    assert "Transform" not in template and "AWS::Serverless" not in text
    assert len(text) < 1_000_000  # the limit of a template in a bucket
    assert lint(rendered, "eu-west-1") == (0, "")
    assert "1.2.3" in template["Description"]


TOPIC_PER_REGION = "arn:aws:sns:{region}:111122223333:desync-guard-alerts"


def alarm_actions(template, region, topic):
    alarms = Stack(template, region, **ON | {"AlertTopicArn": topic, "AlertEmail": "",
                                             "CodeBucket": "code"}).of_type("AWS::CloudWatch::Alarm")
    assert alarms
    return {action for alarm in alarms.values() for key, value in alarm["Properties"].items()
            if key.endswith("Actions") for action in value}


def test_alarms_of_every_region_reach_the_topic_of_their_region(rendered):
    template = json.loads(rendered.read_text())
    pattern = template["Parameters"]["AlertTopicArn"]["AllowedPattern"]
    one = TOPIC_PER_REGION.replace("{region}", "eu-west-1")
    assert all(re.fullmatch(pattern, arn) for arn in ("", one, TOPIC_PER_REGION))
    assert not re.fullmatch(pattern, TOPIC_PER_REGION.replace("{region}", "{account}"))
    for region in ("eu-west-1", "us-east-1"):
        there = TOPIC_PER_REGION.replace("{region}", region)
        assert alarm_actions(template, region, TOPIC_PER_REGION) == {there}
        given = Stack(template, region, **ON | {
            "AlertTopicArn": TOPIC_PER_REGION, "AlertEmail": "", "CodeBucket": "code"})
        statement, = [each for each in given.statements() if each["Sid"] == "Alert"]
        function = given.properties("DesyncGuardFunction")["Environment"]["Variables"]
        assert statement["Resource"] == function["ALERT_TOPIC_ARN"] == there
        assert given.outputs["AlertTopicArn"]["Value"] == there
        assert given.broken_rules() == []
    assert alarm_actions(template, "eu-west-1", one) == {one}
    assert alarm_actions(template, "us-east-1", one) == set()


def test_rendered_template_differs_from_what_sam_deploys_by_code_and_topic_alone(rendered):
    ours, sams = json.loads(rendered.read_text()), stack.transform()
    topic = ours["Resources"]["DesyncGuardFunction"]["Properties"]["Environment"]["Variables"][
        "ALERT_TOPIC_ARN"]["Fn::If"][2]
    assert topic["Fn::If"][0] == "HasAlertTopicPerRegion"
    for section in "Resources", "Outputs":
        ours[section] = json.loads(json.dumps(ours[section]).replace(
            json.dumps(topic), '{"Ref": "AlertTopicArn"}'))
    function = ours["Resources"]["DesyncGuardFunction"]
    function["Properties"]["Code"] = sams["Resources"]["DesyncGuardFunction"]["Properties"]["Code"]
    sams["Resources"]["DesyncGuardFunction"].pop("Metadata", None)
    assert ours["Resources"] == sams["Resources"] and ours["Outputs"] == sams["Outputs"]
    assert set(ours["Parameters"]) - set(sams["Parameters"]) == {"CodeBucket", "CodeKey"}
    assert set(ours["Conditions"]) - set(sams["Conditions"]) == {
        "HasCodeKey", "HasCodeBucketPerRegion", "HasAlertTopicPerRegion"}


@pytest.mark.parametrize("switches", [OFF, ON], ids=["off", "on"])
@pytest.mark.parametrize("given, bucket, key", [
    ({"CodeBucket": "code"}, "code", "desync-guard-1.2.3-arm64.zip"),
    ({"CodeBucket": "code", "Architecture": "x86_64"}, "code", "desync-guard-1.2.3-x86_64.zip"),
    ({"CodeBucket": "code-{region}", "CodeKey": "a/b.zip"}, "code-eu-west-1", "a/b.zip"),
    ({"CodeBucket": "{region}.code"}, "eu-west-1.code", "desync-guard-1.2.3-arm64.zip"),
], ids=["default", "x86_64", "region_and_key", "region_first"])
def test_code_comes_from_the_bucket_of_the_region(given, bucket, key, switches, rendered):
    template = json.loads(rendered.read_text())
    pattern = template["Parameters"]["CodeBucket"]["AllowedPattern"]
    assert re.fullmatch(pattern, given["CodeBucket"])
    code = Stack(template, **switches, **given).properties("DesyncGuardFunction")["Code"]
    assert code == {"S3Bucket": bucket, "S3Key": key}


@pytest.mark.parametrize("bucket", [
    "", "Capital", "s3://code", "code/folder", "ab", "-code", "code-", "{region}-", "{account}-code",
    "code-{region}-{region}"])
def test_code_bucket_refuses_what_is_no_bucket(bucket, rendered):
    pattern = json.loads(rendered.read_text())["Parameters"]["CodeBucket"]["AllowedPattern"]
    assert not re.fullmatch(pattern, bucket)


def test_rendered_template_deploys(rendered):
    template = json.loads(rendered.read_text())
    with deployment.deployed(template, CodeBucket="deployment-bucket",
                             CodeKey="desync-guard.zip") as deployed:
        assert deployed.status() == "CREATE_COMPLETE"
        assert deployed.function()["Handler"] == "bootstrap"


# provenance

@pytest.fixture
def statement(tmp_path, bootstrap):
    for name in ("b.zip", "a.tar.gz"):
        (tmp_path / name).write_bytes(name.encode())
    text = script("provenance.py", COMMIT, HOST, tmp_path / "b.zip", tmp_path / "a.tar.gz",
                  SOURCE_DATE_EPOCH="1700000000")
    again = script("provenance.py", COMMIT, HOST, tmp_path / "a.tar.gz", tmp_path / "b.zip",
                   SOURCE_DATE_EPOCH="1700000000", TZ="Pacific/Chatham", LC_ALL="C")
    assert text == again
    return json.loads(text)


def test_statement_is_slsa_provenance_of_each_file(statement):
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == "https://slsa.dev/provenance/v1"
    assert [each["name"] for each in statement["subject"]] == ["a.tar.gz", "b.zip"]
    assert all(re.fullmatch("[0-9a-f]{64}", each["digest"]["sha256"]) for each in statement["subject"])
    predicate = statement["predicate"]
    assert predicate["buildDefinition"]["internalParameters"] == {"SOURCE_DATE_EPOCH": "1700000000"}
    # Nothing that only one build knows: no host, no folder, no time.
    assert predicate["runDetails"] == {"builder": {"id": "urn:desync-guard:builder:unnamed"}}
    assert str(ROOT) not in json.dumps(statement) and platform.node() not in json.dumps(statement)


def test_statement_names_the_commit_and_every_source_with_its_digest(statement):
    commit, *others = statement["predicate"]["buildDefinition"]["resolvedDependencies"]
    assert commit["digest"] == {"gitCommit": COMMIT}
    versions = dict(line.split() for line in
                    (ROOT / "build/deps" / HOST / "versions").read_text().splitlines())
    files = {each["name"]: each for each in others if "name" in each}
    for package, version in versions.items():
        ending = r"_\w+\.deb" if package == "musl-dev" else r"\.dsc"
        name, = [name for name in files if re.fullmatch(rf"{package}_.*{ending}", name)]
        assert version.split(":")[-1] in name
        assert re.fullmatch("[0-9a-f]{64}", files[name]["digest"]["sha256"])
    # Each source is its description and at least two archives, upstream's and Debian's.
    assert len(files) >= 3 * (len(versions) - 1)
    tools = [each["uri"] for each in others if "digest" not in each]
    assert any(uri.startswith("pkg:deb/debian/cpp-") for uri in tools)
    assert any(uri.startswith("pkg:deb/debian/ca-certificates@") for uri in tools)


# commits

@pytest.fixture
def repository(tmp_path):
    (tmp_path / ".ci").mkdir()
    (tmp_path / ".ci/commit").write_bytes((ROOT / ".ci/commit").read_bytes())
    (tmp_path / ".ci/commit").chmod(0o755)
    return tmp_path


def committed(repository):
    for arguments in (["init", "-q"], ["add", "."],
                      ["-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-qm", "a"]):
        assert run("git", *arguments, cwd=repository).returncode == 0


def test_release_is_refused_outside_git(repository):
    done = run(".ci/commit", cwd=repository, GIT_CEILING_DIRECTORIES=repository.parent)
    assert done.returncode == 1 and "it needs git, and a folder cloned with it" in done.stderr


def test_release_names_the_commit(repository):
    committed(repository)
    done = run(".ci/commit", cwd=repository)
    assert done.returncode == 0 and re.fullmatch(r"[0-9a-f]{40}\n", done.stdout)


@pytest.mark.parametrize("path", ["new.c", ".ci/commit"], ids=["new_file", "changed_file"])
def test_release_is_refused_for_what_is_not_committed(path, repository):
    committed(repository)
    with open(repository / path, "a", encoding="utf-8") as file:
        file.write("# more\n")
    done = run(".ci/commit", cwd=repository)
    assert done.returncode == 1 and done.stdout == ""
    assert "commit or stash first" in done.stderr and path in done.stderr

