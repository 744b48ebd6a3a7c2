# SPDX-License-Identifier: Apache-2.0
"""What builds elsewhere: the workflows, the container, the SAM CLI, and the shell scripts they use."""

import os
import re
import shutil
import subprocess
import tomllib

import pytest
import yaml

from container import fresh_root
from sim.stack import ROOT

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
ACTIONLINT = ROOT / "build/actionlint"
needs_actionlint = pytest.mark.skipif(
    not ACTIONLINT.exists(), reason="not built: make build/actionlint, with a Go that is new enough")
needs_shellcheck = pytest.mark.skipif(
    not shutil.which("shellcheck"), reason="shellcheck is not installed: make packages-check")


def run(*command, cwd=ROOT, **environment):
    handed_down = {name: value for name, value in os.environ.items()
                   if name not in ("ARCH", "MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES")}
    done = subprocess.run([str(each) for each in command], cwd=cwd, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env=handed_down | environment)
    return done.returncode, done.stdout


# workflows

@needs_actionlint
def test_actionlint_finds_nothing():
    assert run(ACTIONLINT, "-color=false", *WORKFLOWS) == (0, "")


@needs_actionlint
@pytest.mark.parametrize("right, wrong", [
    ("runs-on: ubuntu-24.04", "runs-on: no-such-system"), ("contents: read", "contents: reed"),
    ("needs: [test, build]", "needs: [test, missing]"), ("matrix.folder", "matrix.missing")])
def test_actionlint_finds_a_planted_fault(right, wrong, tmp_path):
    text = (ROOT / ".github/workflows/release.yml").read_text(encoding="utf-8")
    assert right in text
    (tmp_path / "planted.yml").write_text(text.replace(right, wrong))
    status, output = run(ACTIONLINT, "-color=false", tmp_path / "planted.yml")
    assert status == 1 and wrong.split(": ")[-1].strip("[]").split(", ")[-1].split(".")[-1] in output


def jobs(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_actions_are_pinned_by_commit_and_say_their_version(path):
    uses = re.findall(r"uses: *(.*)", path.read_text(encoding="utf-8"))
    assert uses
    for each in uses:
        assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", each), each


def test_one_action_has_one_version():
    pins = {each for path in WORKFLOWS
            for each in re.findall(r"uses: *(\S+)", path.read_text(encoding="utf-8"))}
    assert len({each.split("@")[0] for each in pins}) == len(pins)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_jobs_may_read_the_sources_and_only_publish_may_write(path):
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert workflow["permissions"] == {}
    for name, job in workflow["jobs"].items():
        expected = {"contents": "read"}
        if (path.stem, name) == ("release", "publish"):
            expected = {"contents": "write", "id-token": "write"}
        assert job["permissions"] == expected, name
        assert job["timeout-minutes"] <= 120


def test_job_that_may_write_runs_none_of_our_code_and_needs_all_others():
    release = jobs(ROOT / ".github/workflows/release.yml")
    publish = release["publish"]
    assert set(publish["needs"]) == set(release) - {"publish"}
    assert not any("checkout" in step.get("uses", "") for step in publish["steps"])
    assert not any("make " in step.get("run", "") for step in publish["steps"])


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_nothing_from_outside_is_pasted_into_a_script(path):
    """Names of branches and tags reach scripts as variables of the environment."""
    for name, job in jobs(path).items():
        for step in job["steps"]:
            assert "${{" not in step.get("run", ""), name
            if "checkout" in step.get("uses", ""):
                assert step["with"]["persist-credentials"] is False


# shell scripts

def shell_scripts():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        if path.is_file() and re.match(rb"#!(/bin/|/usr/bin/env )(ba)?sh\b", path.read_bytes()[:40]):
            yield path


@needs_shellcheck
def test_shellcheck_finds_nothing():
    scripts = list(shell_scripts())
    if not scripts:
        pytest.skip("no git here, which lists the files")
    assert ROOT / ".ci/deps.sh" in scripts
    assert run("shellcheck", *scripts) == (0, "")


@needs_shellcheck
def test_shellcheck_finds_a_planted_fault(tmp_path):
    (tmp_path / "planted.sh").write_text("#!/bin/sh\ncd \"$1\"\nrm -r build\n")
    assert run("shellcheck", tmp_path / "planted.sh")[0] == 1


# foreign systems

@pytest.fixture
def tools(tmp_path):
    """A PATH without apt and container tools, as on a Mac; add(NAME, SCRIPT) puts one there."""
    folder = tmp_path / "tools"
    folder.mkdir()
    for name in ("make", "sh", "env", "uname", "sed", "expand", "getconf", "cat", "echo",
                 "mkdir", "dirname"):
        (folder / name).symlink_to(shutil.which(name))

    class Tools:
        path = str(folder)

        @staticmethod
        def add(name, script="exit 0"):
            (folder / name).write_text(f"#!/bin/sh\n{script}\n")
            (folder / name).chmod(0o755)
    return Tools


@pytest.mark.parametrize("target", ["", "bootstrap", "test", "package", "build-DesyncGuardFunction"])
def test_make_says_on_a_mac_what_to_do_instead(target, tools):
    status, output = run("make", *filter(None, [target]), PATH=tools.path)
    assert status == 2
    assert "this needs apt-get, that is Debian 12; on a Mac or another Linux run `make container`" in output


@pytest.mark.parametrize("target", ["help", "version"])
def test_make_answers_questions_on_a_mac(target, tools):
    assert run("make", target, PATH=tools.path)[0] == 0


@pytest.mark.parametrize("missing", ["apt-get", "dpkg-query", "flock"])
def test_install_packages_names_the_missing_tool(missing, tools):
    for name in {"apt-get", "dpkg-query", "flock"} - {missing}:
        tools.add(name)
    status, output = run(".ci/install-packages", "build", PATH=tools.path)
    assert status == 1
    assert f"this needs {missing}, which Debian 12 has" in output and "'make container'" in output


def test_container_names_the_tools_of_which_it_needs_one(tools):
    status, output = run("make", "container", PATH=tools.path)
    assert status == 2
    assert "needs docker, podman or finch; none of them is installed" in output


@pytest.mark.parametrize("name", ["docker", "podman", "finch"])
def test_container_uses_the_tool_that_is_there(name, tools):
    tools.add(name, 'echo "$0 $*"')
    status, output = run("make", "container", "ARCH=arm64", PATH=tools.path)
    assert status == 0
    assert re.search(rf"/{name} build -f deploy/Dockerfile --build-arg ARCH=arm64 .*"
                     r"--output type=local,dest=build/package \.", output)


# the container's steps (make test-container carries them out)

def test_dockerfile_has_only_steps_that_the_test_can_carry_out():
    steps = list(fresh_root.instructions(fresh_root.DOCKERFILE.read_text(encoding="utf-8")))
    assert {word for word, _ in steps} == {"ARG", "FROM", "WORKDIR", "RUN", "COPY"}
    known = {rest.split("=")[0] for word, rest in steps if word == "ARG"}
    used = {name for _, rest in steps for name in re.findall(r"\$\{(\w+)\}", rest)}
    assert used <= known and {"ARCH", "SOURCE_DATE_EPOCH"} <= known
    assert steps[-1] == ("COPY", "--from=build /desync-guard/build/package/ /")


def test_container_gets_neither_what_was_built_nor_the_history():
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    built = [line.strip("/") for line in (ROOT / ".gitignore").read_text().splitlines()
             if line.startswith("/")]
    assert set(built) | {".git"} <= set(ignored)


@pytest.mark.parametrize("architecture", ["x86_64", "arm64"])
def test_libraries_wait_for_every_package_that_builds_them(architecture):
    """On a fresh machine, where two jobs of make run at once."""
    status, output = run("make", "-n", f"ARCH={architecture}", f"build/deps/{architecture}/stamp")
    assert status == 0 and output.splitlines()[-1] == f".ci/deps.sh {architecture}"
    assert ".ci/install-packages build" in output.splitlines()


# the SAM CLI

def test_sam_builds_in_this_folder_and_deploys_with_the_documented_options():
    settings = tomllib.loads((ROOT / "samconfig.toml").read_text(encoding="utf-8"))["default"]
    assert settings["build"]["parameters"] == {"build_in_source": True}
    assert settings["deploy"]["parameters"] == {
        "stack_name": "desync-guard", "resolve_s3": True, "capabilities": "CAPABILITY_IAM"}
