# SPDX-License-Identifier: Apache-2.0
"""Where documents go: `--output` replaces a file at once or not at all, and an output that cannot be
written is an error of every command."""

import os
import pathlib
import resource
import shutil
import signal
import stat
import subprocess
import tempfile
import time

import pytest

from sim import events, faults, fleet
from sim.fleet_aws import ATTRIBUTES, LIST, TAGS, FleetAws
from sim.function import bootstrap_command, lambda_environment

FINE, ERROR, USAGE, NON_COMPLIANT, UNKNOWN = 0, 1, 2, 3, 4
YESTERDAY = "yesterday's report\n" * 5000
COMMANDS = {"audit": ["audit", "--fail-on", "never"], "report": ["report"]}
COMPLIANT = [fleet.LiveLoadBalancer(f"fine-{i}", f"{i:016x}", "defensive", {"Owner": "team"})
             for i in range(12)]


@pytest.fixture
def aws():
    aws = FleetAws(COMPLIANT)
    yield aws
    aws.stop()


def environment(aws, **changes):
    return lambda_environment(AWS_ENDPOINT_URL=aws.url, PROMOTION="off",
                              ELB_REQUESTS_PER_SECOND="off", **changes)


def run(aws, *arguments, **options):
    return subprocess.run([*bootstrap_command(), *map(str, arguments)], text=True,
                          capture_output=True, timeout=60, env=environment(aws), **options)


def write(aws, command, path, *arguments, **options):
    return run(aws, *COMMANDS[command], "--format", "json", "--output", path, *arguments, **options)


def is_document(text):
    return text.startswith("{") and text.endswith("}\n") and "fine-11" in text


@pytest.fixture
def report(tmp_path):
    """Yesterday's report, alone in its folder."""
    path = tmp_path / "out" / "report.json"
    path.parent.mkdir()
    path.write_text(YESTERDAY)
    return path


both_commands = pytest.mark.parametrize("command", COMMANDS)


# A file is replaced

@both_commands
def test_a_file_is_replaced_and_keeps_its_mode(aws, command, report):
    for mode in (0o640, 0o600, 0o666):
        report.write_text(YESTERDAY)
        report.chmod(mode)
        done = write(aws, command, report)
        assert (done.returncode, done.stdout, done.stderr) == (FINE, "", "")
        assert is_document(report.read_text())
        assert stat.S_IMODE(report.stat().st_mode) == mode
    assert os.listdir(report.parent) == [report.name]


@both_commands
@pytest.mark.parametrize("umask, mode", [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_a_new_file_has_the_mode_that_the_umask_leaves(aws, command, umask, mode, tmp_path):
    path = tmp_path / "new.json"
    assert write(aws, command, path, umask=umask).returncode == FINE
    assert stat.S_IMODE(path.stat().st_mode) == mode
    assert is_document(path.read_text()) and os.listdir(tmp_path) == [path.name]


@both_commands
def test_a_reader_of_the_old_file_keeps_it_whole(aws, command, report):
    with report.open() as old:
        assert write(aws, command, report).returncode == FINE
        assert old.read() == YESTERDAY
    assert is_document(report.read_text())


@both_commands
@pytest.mark.parametrize("target", ["out/report.json", "out/not there yet.json"])
def test_a_link_stays_a_link_and_its_target_is_replaced(aws, command, target, report, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    first.symlink_to("second")
    second.symlink_to(tmp_path / target)
    assert write(aws, command, first).returncode == FINE
    assert first.is_symlink() and second.is_symlink()
    assert is_document((tmp_path / target).read_text())
    assert sorted(os.listdir(report.parent)) == sorted({report.name, os.path.basename(target)})


def test_a_name_in_the_working_folder_and_a_long_one_are_written(aws, tmp_path):
    for name in ("report.json", "n" * 255):
        assert write(aws, "audit", name, cwd=tmp_path).returncode == FINE
        assert is_document((tmp_path / name).read_text())


# What is no regular file is written directly

@both_commands
def test_a_pipe_that_is_named_is_written_directly(aws, command, tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = subprocess.Popen(["cat", path], stdout=subprocess.PIPE, text=True)
    assert write(aws, command, path).returncode == FINE
    assert is_document(reader.communicate(timeout=30)[0])
    assert stat.S_ISFIFO(path.stat().st_mode)


@both_commands
@pytest.mark.parametrize("path", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "-"])
def test_standard_output_by_its_name_is_written_where_it_stands(aws, command, path, tmp_path):
    done = write(aws, command, path)
    assert done.returncode == FINE and is_document(done.stdout)
    appended = tmp_path / "appended"
    appended.write_text("before\n")
    before = appended.stat().st_ino
    with appended.open("a") as file:
        done = subprocess.run([*bootstrap_command(), *COMMANDS[command], "--format", "json",
                               "--output", path], stdout=file, timeout=60, env=environment(aws))
    assert done.returncode == FINE and appended.stat().st_ino == before
    first, _, rest = appended.read_text().partition("\n")
    assert first == "before" and is_document(rest)


@both_commands
def test_a_device_is_written_directly_and_stays_one(aws, command):
    assert write(aws, command, "/dev/null").returncode == FINE
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    done = write(aws, command, "/dev/full")
    assert done.returncode == ERROR and "/dev/full: No space left on device" in done.stderr


# What cannot be written costs no work

@both_commands
@pytest.mark.parametrize("name, words", [
    ("none/x", "No such file or directory"), ("", "Is a directory"), ("new/", "Is a directory"),
    ("n" * 256, "name too long"), ("out/report.json/x", "Not a directory"), ("loop", "ymbolic link"),
    ("nowhere/", "irectory")])
def test_a_path_that_cannot_be_written_is_an_error_before_any_call(aws, command, name, words, report,
                                                                   tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    done = write(aws, command, f"{tmp_path}/{name}")
    assert (done.returncode, done.stdout, dict(aws.counts)) == (ERROR, "", {})
    assert f"bootstrap: {tmp_path}/{name}: " in done.stderr and words.lower() in done.stderr.lower()
    assert report.read_text() == YESTERDAY


@both_commands
@pytest.mark.parametrize("spoil", [lambda path: path.chmod(0o444),
                                   lambda path: path.parent.chmod(0o555)], ids=["file", "folder"])
def test_a_file_or_folder_that_may_not_be_written_is_an_error_before_any_call(aws, command, spoil,
                                                                              report):
    # No mode stops root, unless it lacks this capability.
    lacking = ["setpriv", "--bounding-set=-dac_override"] if os.geteuid() == 0 else []
    spoil(report)
    done = subprocess.run([*lacking, *bootstrap_command(), *COMMANDS[command], "--output", report],
                          text=True, capture_output=True, timeout=60,
                          env={**environment(aws), "PATH": os.environ["PATH"]})
    report.parent.chmod(0o755)
    assert (done.returncode, dict(aws.counts)) == (ERROR, {})
    assert "Permission denied" in done.stderr and report.read_text() == YESTERDAY
    assert os.listdir(report.parent) == [report.name]


# What is there survives

@pytest.mark.plain("what looks for leaks writes files, too")
@both_commands
def test_document_that_does_not_fit_keeps_the_old_file_and_leaves_no_other(aws, command, report):
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

    done = write(aws, command, report, preexec_fn=limit)
    assert done.returncode == ERROR
    assert f"{report}: File too large" in done.stderr
    assert report.read_text() == YESTERDAY and os.listdir(report.parent) == [report.name]


@both_commands
def test_full_disk_keeps_the_old_file_and_leaves_no_other(aws, command, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "none", disk],
                      capture_output=True).returncode != 0:
        pytest.skip("this user may not mount a small disk")
    try:
        path = disk / "report.json"
        path.write_text("x" * 4096)
        aws.load_balancers = {lb.arn: lb for lb in fleet.synthetic(60)}
        done = write(aws, command, path)
        assert done.returncode == ERROR and f"{path}: No space left on device" in done.stderr
        assert path.read_text() == "x" * 4096 and os.listdir(disk) == [path.name]
    finally:
        subprocess.run(["umount", disk], check=True)


def test_a_file_that_is_mounted_by_itself_is_written_over(aws, report, tmp_path):
    host = tmp_path / "host.json"
    host.write_text(YESTERDAY)
    if subprocess.run(["mount", "--bind", host, report], capture_output=True).returncode != 0:
        pytest.skip("this user may not mount a file")
    try:
        done = write(aws, "audit", report)
        assert (done.returncode, done.stderr) == (FINE, "")
        assert is_document(host.read_text()) and os.listdir(report.parent) == [report.name]
    finally:
        subprocess.run(["umount", report], check=True)


@both_commands
def test_failed_command_keeps_the_old_file_and_leaves_no_other(aws, command, report):
    done = subprocess.run([*bootstrap_command(), *COMMANDS[command], "--output", report], text=True,
                          capture_output=True, env=environment(aws, AWS_ACCESS_KEY_ID=None,
                                                               AWS_SECRET_ACCESS_KEY=None))
    assert done.returncode == ERROR and done.stderr
    assert report.read_text() == YESTERDAY and os.listdir(report.parent) == [report.name]


def interrupted(aws, command, report, number, **options):
    """The process, ended by a signal once it is at work: it has begun a call."""
    aws.latency = 3
    process = subprocess.Popen([*bootstrap_command(), *COMMANDS[command], "--output", report],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               env=environment(aws), **options)
    end = time.monotonic() + 60
    while aws.in_flight_max == 0 and time.monotonic() < end:
        time.sleep(0.01)
    process.send_signal(number)
    process.communicate(timeout=60)
    return process.returncode


@pytest.mark.parametrize("command, number", [
    ("audit", signal.SIGTERM), ("audit", signal.SIGHUP), ("report", signal.SIGINT),
    ("report", signal.SIGTERM), ("report", signal.SIGHUP)])
def test_signal_keeps_the_old_file_and_leaves_no_other(aws, command, number, report):
    assert interrupted(aws, command, report, number) == -number
    assert report.read_text() == YESTERDAY and os.listdir(report.parent) == [report.name]


def test_ignored_signal_stays_ignored(aws, report):
    def ignore():
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    assert interrupted(aws, "report", report, signal.SIGHUP, preexec_fn=ignore) == FINE
    assert report.read_text().startswith("Desync mitigation posture")
    assert os.listdir(report.parent) == [report.name]


def test_an_interrupted_audit_writes_its_verdicts_so_far_and_leaves_no_other_file(aws, report):
    assert interrupted(aws, "audit", report, signal.SIGINT) == ERROR
    assert "interrupted" in report.read_text() and os.listdir(report.parent) == [report.name]


# Standard output that is closed or full

EVERY = {
    "no command": [], "help": ["help"], "version": ["version"], "plan": ["plan"],
    "plan json": ["plan", "--format", "json"], "invoke": ["invoke", "SWEEP"],
    "invoke that fails": ["invoke", "BAD"], "evaluate": ["evaluate", "EVENT"],
    "explain": ["explain", COMPLIANT[0].name], "audit": ["audit"], "audit json": ["audit", "--format", "json"], "report": ["report"],
    "report html": ["report", "--format", "html"], "logs": ["logs", "LOG"],
    "logs csv": ["logs", "--format", "csv", "LOG"],
}


@pytest.mark.timely("valgrind's log takes the place of an output that is closed")
@pytest.mark.parametrize("redirect", [">&-", ">/dev/full", ">&- <&-"])
@pytest.mark.parametrize("command", EVERY)
def test_a_closed_or_full_output_is_an_error_of_every_command(aws, command, redirect, tmp_path):
    files = {"SWEEP": '{"action":"sweep"}', "BAD": "{", "LOG": "no log\n",
             "EVENT": events.load("config-change.monitor-owner")}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    words = " ".join(f"'{word}'" for word in [*bootstrap_command(), *EVERY[command]])
    done = subprocess.run(["sh", "-c", f"{words} {redirect}"], capture_output=True, text=True,
                          timeout=60, cwd=tmp_path,
                          env={**environment(aws), "PATH": os.environ["PATH"]})
    assert done.returncode == ERROR
    assert "cannot write to standard output: " in done.stderr
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == files
    assert aws.signature_failures == []


@pytest.mark.timely("valgrind's log takes the place of an output that is closed")
def test_a_closed_output_costs_no_call_of_audit_and_report(aws, tmp_path):
    for command in (*COMMANDS.values(), ["audit", "--output", "/dev/stdout"]):
        words = " ".join(f"'{word}'" for word in [*bootstrap_command(), *command])
        done = subprocess.run(["sh", "-c", f"{words} >&-"], capture_output=True, text=True,
                              env={**environment(aws), "PATH": os.environ["PATH"]}, timeout=60)
        assert (done.returncode, dict(aws.counts)) == (ERROR, {})
        assert "Bad file descriptor" in done.stderr


# How an audit ends

def denied(aws, *operations):
    for operation in operations:
        aws.faults.add(operation, faults.access_denied(), times=10_000)


@pytest.mark.parametrize("fail_on, code", [
    (None, UNKNOWN), ("unknown", UNKNOWN), ("non_compliant,unknown", UNKNOWN),
    ("unknown,non_compliant", UNKNOWN), ("non_compliant", FINE), ("never", FINE)])
def test_audit_with_permission_to_list_only_exits_with_4(aws, fail_on, code):
    denied(aws, ATTRIBUTES, TAGS)
    done = run(aws, "audit", *(["--fail-on", fail_on] if fail_on else []))
    assert done.returncode == code
    assert "INCOMPLETE: 12 listed, 0 judged, 12 unknown, " in done.stdout
    assert "Complete" not in done.stdout


def test_an_audit_that_knows_everything_is_complete_and_fine(aws):
    done = run(aws, "audit")
    assert done.returncode == FINE
    assert "Complete: 12 listed, 12 judged, 0 unknown, " in done.stdout


@pytest.mark.parametrize("weak, fail_on, code", [
    (0, None, UNKNOWN), (0, "non_compliant", FINE), (0, "never", FINE), (0, "unknown", UNKNOWN),
    (1, None, NON_COMPLIANT), (1, "unknown", UNKNOWN), (1, "non_compliant", NON_COMPLIANT)])
def test_a_region_that_cannot_be_listed_beside_one_that_can_is_unknown(aws, weak, fail_on, code):
    for load_balancer in COMPLIANT[:weak]:
        aws.load_balancers[load_balancer.arn] = fleet.LiveLoadBalancer(
            load_balancer.name, load_balancer.id, "monitor", load_balancer.tags)
    aws.faults.add(LIST, faults.access_denied(), times=1)
    done = run(aws, "audit", "--region", "eu-west-1,eu-west-1,us-east-1",
               *(["--fail-on", fail_on] if fail_on else []))
    assert done.returncode == code
    assert "INCOMPLETE: 12 listed" in done.stdout and "AccessDenied" in done.stderr


@pytest.mark.parametrize("fail_on", ["non_compliant,unknown", "never"])
def test_audit_that_can_list_no_region_is_an_error(aws, fail_on):
    denied(aws, LIST)
    done = run(aws, "audit", "--region", "eu-west-1,us-east-1", "--fail-on", fail_on)
    assert done.returncode == ERROR
    assert "INCOMPLETE: 0 listed" in done.stdout
    assert done.stderr.startswith("bootstrap: eu-west-1, us-east-1: ")
    assert done.stderr.count("\n") == done.stderr.count("AccessDenied") == 1


def test_another_users_file_in_a_sticky_folder_is_written_over(aws, bootstrap):
    if os.geteuid() != 0:
        pytest.skip("becoming another user needs root")
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        os.chmod(folder, 0o1777)
        binary = shutil.copy(bootstrap, folder)
        path = pathlib.Path(folder) / "report.json"
        path.write_text(YESTERDAY)
        path.chmod(0o666)
        done = subprocess.run(
            [binary, *COMMANDS["audit"], "--format", "json", "--output", path], text=True,
            capture_output=True, user=65534, env=environment(aws))
        assert (done.returncode, done.stderr) == (FINE, "")
        assert is_document(path.read_text())
        assert sorted(os.listdir(folder)) == ["bootstrap", "report.json"]


def test_audit_that_listed_no_region_keeps_the_old_file(aws, report):
    aws.faults.add(LIST, faults.access_denied(), times=99)
    done = write(aws, "audit", report)
    assert done.returncode == ERROR and "AccessDenied" in done.stderr
    assert report.read_text() == YESTERDAY and os.listdir(report.parent) == [report.name]
