# SPDX-License-Identifier: Apache-2.0
"""`make outdated` against an archive made here: what it finds, what it lets pass, and why."""

import gzip
import os
import platform
import re
import runpy
import subprocess
import sys

import pytest

from sim.stack import ROOT

OPENSSL = "3.5.7-1~deb13u2"
APT = """#!/bin/sh
# What .ci/outdated.py asks of apt, from files in $ARCHIVE.
for word; do last=$word; done
case " $* " in
*" showsrc "*) cat "$ARCHIVE/sources/$last" 2>/dev/null ;;
*" show "*) cat "$ARCHIVE/binaries/$last" 2>/dev/null ;;
*" source "*) test -e "$ARCHIVE/served/$last" ;;
*" download "*) cp "$ARCHIVE/debs/${last%%=*}.deb" . ;;
esac
"""


class Archive:
    def __init__(self, folder):
        self.folder = folder
        for name in "sources", "binaries", "served", "debs", "bin", "work":
            (folder / name).mkdir()
        for name in "apt-get", "apt-cache":
            (folder / "bin" / name).write_text(APT, encoding="utf-8")
            (folder / "bin" / name).chmod(0o755)
        (folder / "work/options").write_text("-qq\n", encoding="utf-8")

    def add(self, source, versions, is_served=False):
        """Their sources are listed; whether they can be had is another matter."""
        with open(self.folder / "sources" / source, "a", encoding="utf-8") as listed:
            for version in versions:
                listed.write(f"Package: {source}\nVersion: {version}\n\n")
                if is_served:
                    (self.folder / "served" / f"{source}={version}").touch()

    def add_binary(self, name, version, changelog, upstream=""):
        (self.folder / "binaries" / name).write_text(f"Package: {name}\nVersion: {version}\n")
        root = self.folder / "root" / name
        (root / "DEBIAN").mkdir(parents=True)
        (root / "DEBIAN/control").write_text(
            f"Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: x <x@x>\n"
            "Description: x\n")
        documents = root / "usr/share/doc" / name
        documents.mkdir(parents=True)
        for file, text in ("changelog.Debian.gz", changelog), ("changelog.gz", upstream):
            (documents / file).write_bytes(gzip.compress(text.encode()))
        subprocess.run(["dpkg-deb", "--build", root, self.folder / f"debs/{name}.deb"], check=True,
                       capture_output=True)

    def outdated(self, *versions):
        (self.folder / "versions").write_text("".join(f"{each}\n" for each in versions))
        return subprocess.run(
            [sys.executable, ROOT / ".ci/outdated.py", self.folder / "versions",
             self.folder / "work"], check=False, text=True, capture_output=True,
            env={**os.environ, "ARCHIVE": str(self.folder),
                 "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}"})


@pytest.fixture
def archive(tmp_path):
    return Archive(tmp_path)


def entry(source, version, *changes):
    lines = "".join(f"  * {each}\n" for each in changes)
    return f"{source} ({version}) bookworm; urgency=high\n\n{lines}\n -- x <x@x>  Mon, 1 Jan\n\n"


def test_every_library_inside_has_a_binary_package_whose_changelog_is_read():
    table = runpy.run_path(str(ROOT / ".ci/outdated.py"))["BINARIES"]
    inside = [line.split()[0] for line in
              (ROOT / f"build/deps/{platform.machine().replace('aarch64', 'arm64')}/versions")
              .read_text(encoding="utf-8").splitlines()]
    assert inside and set(inside) <= set(table)


def test_code_named_as_excluded_is_not_in_the_build():
    options = re.findall(r"\((no-\w+)\)", (ROOT / ".ci/cves").read_text(encoding="utf-8"))
    build = (ROOT / ".ci/deps.sh").read_text(encoding="utf-8").split()
    assert options and set(options) <= set(build)


def revision(archive, *fixes):
    """3.5.7-1 is inside, the source of +deb13u1 with these fixes cannot be had."""
    archive.add("openssl", ["3.5.7-1", "3.5.7-1+deb13u1"])
    archive.add_binary("libssl3t64", "3.5.7-1+deb13u1",
                       entry("openssl", "3.5.7-1+deb13u1", *fixes)
                       + entry("openssl", "3.5.7-1", "CVE-2018-25032: was fixed before"))
    return archive.outdated("openssl 3.5.7-1")


def test_library_without_a_newer_version_passes(archive):
    archive.add("openssl", ["3.5.7-1"])
    archive.add_binary("libssl3t64", "3.5.7-1", entry("openssl", "3.5.7-1", "x"))
    found = archive.outdated("openssl 3.5.7-1")
    assert (found.returncode, found.stdout) == (
        0, "newest   openssl 3.5.7-1\n0 faults, 0 gaps\n")


def test_revision_whose_fixes_are_covered_passes_with_the_reason_and_names_the_gap(archive):
    found = revision(archive, "CVE-2026-54875 - SM2 leaks a key.")
    assert found.returncode == 0
    assert "covered  CVE-2026-54875 - SM2 leaks a key." in found.stdout
    assert "code_not_present: SM2 is left out of the build" in found.stdout
    assert "gap      openssl 3.5.7-1 is inside, the archive lists 3.5.7-1+deb13u1" in found.stdout
    assert found.stdout.endswith("0 faults, 1 gaps\n")
    assert "CVE-2018-25032" not in found.stdout


def test_uncovered_cve_fails_and_is_named(archive):
    found = revision(archive, "CVE-2026-54875 - SM2", "CVE-2031-0001 - Heap overflow in inflate()")
    assert found.returncode == 1
    failed, = [line for line in found.stdout.splitlines() if line.startswith("FAILS")]
    assert "CVE-2031-0001 - Heap overflow in inflate()" in failed


def test_available_newer_source_fails_even_without_fixes(archive):
    archive.add("openssl", ["3.5.7-1", "3.5.7-2"], is_served=True)
    archive.add_binary("libssl3t64", "3.5.7-2", entry("openssl", "3.5.7-2", "x")
                       + entry("openssl", "3.5.7-1", "x"))
    found = archive.outdated("openssl 3.5.7-1")
    assert found.returncode == 1
    assert "the source of 3.5.7-2 can be had: rm -r build/deps, then make" in found.stdout


def test_missing_changelog_fails(archive):
    archive.add("openssl", ["3.5.7-1", "3.5.7-1+deb13u1"])
    found = archive.outdated("openssl 3.5.7-1")
    assert found.returncode == 1 and "no changelog" in found.stdout


def test_changelog_that_does_not_reach_back_fails(archive):
    archive.add("openssl", ["3.5.8-1"])
    archive.add_binary("libssl3t64", "3.5.8-1", entry("openssl", "3.5.8-1", "x"))
    found = archive.outdated("openssl 3.5.7-1")
    assert found.returncode == 1 and "does not reach back" in found.stdout


def openssl(archive, version, upstream=""):
    archive.add("openssl", [OPENSSL, "3.5.9-1~deb13u1"])
    archive.add_binary(
        "libssl3t64", "3.5.9-1~deb13u1",
        entry("openssl", "3.5.9-1~deb13u1", "Import 3.5.9")
        + entry("openssl", "3.5.7-1~deb13u3", 'CVE-2026-35189 ("Memory Allocation in CRLDP")')
        + entry("openssl", OPENSSL, 'CVE-2026-63072 ("Heap Buffer Overflow")')
        + entry("openssl", "3.0.22-1~deb12u2", "x"), upstream)
    return archive.outdated(f"openssl {version}")


def test_patch_of_ours_covers_the_version_that_it_is_for(archive):
    found = openssl(archive, OPENSSL)
    assert found.returncode == 0
    assert ".ci/patches/openssl/CVE-2026-35189.patch" in found.stdout
    assert "CVE-2026-63072" not in found.stdout


def test_patch_of_ours_does_not_cover_another_version(archive):
    """As 0.1.0 had it: upstream's 3.0.22."""
    found = openssl(archive, "3.0.22-1~deb12u2")
    assert found.returncode == 1
    assert [line for line in found.stdout.splitlines()
            if line.startswith("FAILS") and "CVE-2026-35189" in line]


def test_fix_that_only_upstream_lists_is_found(archive):
    upstream = ("### Changes between 3.5.8 and 3.5.9 [29 Sep 2026]\n\n"
                " * Fixed a hole.\n\n   Severity: High\n\n   ([CVE-2031-0002])\n\n"
                "### Changes between 3.5.7 and 3.5.8 [25 Aug 2026]\n\n"
                " * Fixed another.\n\n   ([CVE-2026-63072])\n\n"
                "### Changes between 3.5.6 and 3.5.7 [1 Jul 2026]\n\n"
                " * Fixed a third.\n\n   ([CVE-2031-0003])\n")
    found = openssl(archive, OPENSSL, upstream)
    assert found.returncode == 1
    failed, = [line for line in found.stdout.splitlines() if line.startswith("FAILS")]
    assert failed.endswith("nothing covers CVE-2031-0002: Fixed a hole.")
