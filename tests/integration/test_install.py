# SPDX-License-Identifier: Apache-2.0
"""`make install`: the command, its man page and the completions of three shells, all of them as
`help` says."""

import os
import re
import shutil
import subprocess

import pytest

from sim.function import ROOT

FILES = {"bin/desync-guard", "share/man/man1/desync-guard.1",
         "share/bash-completion/completions/desync-guard",
         "share/zsh/site-functions/_desync-guard",
         "share/fish/vendor_completions.d/desync-guard.fish"}


def make(target, folder, prefix="/opt", **variables):
    """For the binary that is built: `make` must not build another one in the middle of the tests."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    subprocess.run([shutil.which("make"), "-s", "-o", "bootstrap", target, f"DESTDIR={folder}",
                    f"PREFIX={prefix}"], cwd=ROOT, env=environment | variables, check=True,
                   timeout=300, stdout=subprocess.DEVNULL)


def files_of(folder):
    return {str(path.relative_to(folder / "opt")) for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("root")
    make("install", folder)
    return folder / "opt"


def output(*command, **options):
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60,
                          **options).stdout


@pytest.fixture(scope="module")
def table(installed):
    """{command: {option: its words}}, as `help` prints them."""
    binary = str(installed / "bin/desync-guard")
    listed = output(binary, "help").partition("command:\n\n")[2].partition("\n\n")[0]
    found = {}
    for command in re.findall(r"^  (\w+)", listed, re.M):
        text = output(binary, "help", command)
        assert text.startswith(f"desync-guard {command}")
        found[command] = {option: re.findall(r"[\w-]+", words.partition(": ")[2])
                          for option, words in re.findall(r"^  (--[a-z-]+)(.*)", text, re.M)}
    assert len(found) >= 8 and "--fail-on" in found["audit"]
    return found


def test_install_puts_five_files_and_uninstall_removes_them(tmp_path):
    make("install", tmp_path)
    assert files_of(tmp_path) == FILES
    assert (tmp_path / "opt/bin/desync-guard").read_bytes() == (ROOT / "bootstrap").read_bytes()
    assert os.access(tmp_path / "opt/bin/desync-guard", os.X_OK)
    make("uninstall", tmp_path)
    assert files_of(tmp_path) == set()


@pytest.mark.parametrize("name", ["a b", "a'b", 'a"b', "a$$b;c"])
@pytest.mark.parametrize("prefix", ["/opt", "opt"])
def test_only_the_named_folder_is_touched_whatever_its_name_is(tmp_path, name, prefix):
    """In `a$$b`, `make` reads one dollar."""
    folder = tmp_path / name.replace("$$", "$")
    others = [tmp_path / "a", tmp_path / "b" / prefix.strip("/") / "bin/desync-guard"]
    for other in others:
        other.parent.mkdir(parents=True, exist_ok=True)
        other.write_text("of somebody else")
    make("install", tmp_path / name, prefix)
    assert files_of(folder) == FILES
    make("uninstall", tmp_path / name, prefix)
    assert files_of(folder) == set()
    assert all(other.read_text() == "of somebody else" for other in others)


def test_uninstall_needs_no_debian(tmp_path):
    (tmp_path / "bin").mkdir()
    for tool in ("sh", "rm", "uname", "git", "nproc", "sed", "grep"):
        if (path := shutil.which(tool)) is not None:
            (tmp_path / "bin" / tool).symlink_to(path)
    make("install", tmp_path / "root")
    make("uninstall", tmp_path / "root", PATH=str(tmp_path / "bin"))
    assert files_of(tmp_path / "root") == set()


def test_the_installed_command_calls_itself_by_its_name(installed):
    done = subprocess.run([installed / "bin/desync-guard", "audti"], capture_output=True, text=True)
    assert done.stderr == ('desync-guard: there is no command "audti"\n'
                           'Try "desync-guard help".\n')


def bash_completes(installed, *words):
    script = (f'. "{installed}/share/bash-completion/completions/desync-guard"; '
              'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _desync_guard; '
              'printf "%s\\n" "${COMPREPLY[@]}"')
    return output("bash", "-c", script, "bash", "desync-guard", *words).split()


def test_bash_completes_commands_options_and_values(installed, table):
    assert bash_completes(installed, "") == list(table)
    assert bash_completes(installed, "help", "") == list(table)
    assert bash_completes(installed, "lo") == ["logs"]
    for command, options in table.items():
        if command != "help":
            assert bash_completes(installed, command, "") == list(options)
        for option, words in options.items():
            if not option.startswith(("--no-", "--quiet")):
                assert bash_completes(installed, command, option, "") == words
                assert bash_completes(installed, command, option, "=") == words
                assert bash_completes(installed, command, option, "=", "j") == [
                    word for word in words if word.startswith("j")]


@pytest.mark.parametrize("shell, path", [
    ("bash", "share/bash-completion/completions/desync-guard"),
    ("zsh", "share/zsh/site-functions/_desync-guard"),
    ("fish", "share/fish/vendor_completions.d/desync-guard.fish")])
def test_completions_are_sound_and_name_every_option(shell, path, installed, table):
    text = (installed / path).read_text()
    for command, options in table.items():
        assert re.search(rf"\b{command}\b", text)
        for option, words in options.items():
            assert option in text or f"-l {option[2:]} " in text
            assert " ".join(words) in text
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} to check the syntax")
    output(shell, "-n", str(installed / path))


@pytest.mark.skipif(shutil.which("fish") is None, reason="no fish")
def test_fish_completes_commands_options_and_values(installed, table, tmp_path):
    def completes(line):
        path = installed / "share/fish/vendor_completions.d/desync-guard.fish"
        text = output("fish", "-c", f"source '{path}'; complete -C '{line}'",
                      env=os.environ | {"HOME": str(tmp_path)})
        return {line.split("\t")[0] for line in text.splitlines()}
    assert completes("desync-guard ") == set(table)
    assert completes("desync-guard audit --") >= set(table["audit"])
    assert completes("desync-guard audit --format ") == set(table["audit"]["--format"])


def manual(installed, command):
    return output(*command, str(installed / "share/man/man1/desync-guard.1"),
                  env=os.environ | {"MANWIDTH": "200"})


def test_man_page_says_what_help_says(installed, table):
    if shutil.which("groff") is None:
        pytest.skip("no groff")
    text = manual(installed, ["groff", "-man", "-Tascii", "-P-cbou", "-rLL=200n", "-rHY=0", "-ww"])
    flat = " ".join(text.split())
    binary = str(installed / "bin/desync-guard")
    for command, options in table.items():
        section = re.search(rf"(?ms)^   {command}\b.*?(?=^   \w|^[A-Z])", text).group(0)
        assert set(re.findall(r"^ +(--[a-z-]+)", section, re.M)) == set(options)
        help_text = output(binary, "help", command).split("\n", 1)[1]
        for word in help_text.split():
            assert word in flat, (command, word)
        summary = help_text.split("\n")[1]
        assert summary in " ".join(section.split())
    whole = output(binary, "help").partition("Rule parameters")[2]
    for word in re.findall(r"\b[A-Z]+_[A-Z_]+\b", whole):
        assert word in flat
    assert "0 fine, 1 error, 2 wrong usage" in flat


@pytest.mark.parametrize("epoch, date", [("1700000000", "2023-11-14"), ("315532800", "")])
def test_man_page_has_the_date_of_the_commit(epoch, date, tmp_path):
    make("install", tmp_path, SOURCE_DATE_EPOCH=epoch)
    title = (tmp_path / "opt/share/man/man1/desync-guard.1").read_text().splitlines()[0]
    assert title.startswith(f'.TH DESYNC\\-GUARD 1 "{date}" ')


@pytest.mark.parametrize("command", [["groff", "-man", "-ww", "-z"],
                                     ["mandoc", "-T", "lint", "-W", "warning"],
                                     ["man", "--warnings", "-l"]], ids=lambda c: c[0])
def test_man_page_has_no_fault_of_form(command, installed):
    if shutil.which(command[0]) is None:
        pytest.skip(f"no {command[0]}")
    done = subprocess.run([*command, str(installed / "share/man/man1/desync-guard.1")],
                          capture_output=True, text=True, timeout=60)
    complaints = [line for line in (done.stdout + done.stderr).splitlines()
                  if command[0] != "man" and "missing date" not in line]
    assert (complaints, done.stderr if command[0] == "man" else "") == ([], "")
