#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""outdated.py VERSIONS WORK: what Debian has fixed since, in the libraries of the static binary.

VERSIONS has a line "package version" for each. Options of apt, one a word, are in WORK/options and,
for OpenSSL, in WORK/options-openssl (.ci/deps.sh writes them and calls this).

A library fails when the archive serves the source of a newer version, which a new build would take;
and for each CVE that a newer version fixes and that neither a patch of ours (.ci/patches) nor a
reason in .ci/cves covers. The list of these is read from the changelog of the binary package, which
can be had even where the source cannot. A source that is listed but not served is a gap.
"""
import gzip
import re
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import cves  # noqa: E402

# Of the source package: the binary packages that may have its changelog, the first that exists.
BINARIES = {"openssl": ["libssl3t64", "libssl3"], "curl": ["libcurl4t64", "libcurl4"],
            "cjson": ["libcjson1"], "libisal": ["libisal2"], "zlib": ["zlib1g"], "libdeflate": ["libdeflate0"],
            "musl-dev": ["musl-dev"], "libexpat1-dev": ["libexpat1"]}
SOURCES = {"musl-dev": "musl", "libexpat1-dev": "expat"}
CVE = re.compile(r"CVE-\d{4}-\d{4,}")


def is_newer(version, than):
    return subprocess.run(["dpkg", "--compare-versions", version, "gt", than],
                          check=False).returncode == 0


def upstream_of(version):
    return version.rpartition(":")[2].rpartition("-")[0]


class Archive:
    """What apt sees through the options of one of our own configurations."""

    def __init__(self, work, options):
        self.work = work
        self.options = options.read_text(encoding="utf-8").split()

    def _run(self, command, *arguments):
        return subprocess.run([command, *self.options, *arguments], cwd=self.work, check=False,
                              text=True, capture_output=True)

    def _versions(self, *arguments):
        shown = self._run("apt-cache", *arguments).stdout
        return set(re.findall(r"^Version: (\S+)$", shown, flags=re.M))

    def sources(self, package):
        return self._versions("showsrc", "--only-source", package)

    def serves_source(self, package, version):
        return all(self._run("apt-get", "source", "--download-only", "--only-source", part,
                             f"{package}={version}").returncode == 0
                   for part in ("--dsc-only", "--diff-only"))

    def newest_changelogs(self, package):
        """(version, Debian's changelog, upstream's changelog) of the newest binary package, or None
        when it cannot be had."""
        for name in BINARIES[package]:
            newest = None
            for version in self._versions("show", name):
                if newest is None or is_newer(version, newest):
                    newest = version
            if newest is None:
                continue
            folder = self.work / f"{name}_{newest.replace(':', '_')}"
            folder.mkdir(exist_ok=True)
            subprocess.run(["apt-get", *self.options, "download", f"{name}={newest}"], cwd=folder,
                           check=False, capture_output=True)
            for deb in folder.glob("*.deb"):
                subprocess.run(["dpkg-deb", "-x", deb, folder], check=True)
            documents = folder / "usr/share/doc" / name
            debian = read_changelog(documents, "changelog.Debian.gz")
            return (newest, debian, read_changelog(documents, "changelog.gz")) if debian else None
        return None


def read_changelog(folder, name):
    path = folder / name
    return gzip.decompress(path.read_bytes()).decode("utf-8") if path.is_file() else ""


def titles(text):
    """{CVE: what the changelog says of it}."""
    found = {}
    for item in re.split(r"\n\s*(?:\*|-)\s|\n\n", text):
        words = " ".join(item.split())
        for cve in CVE.findall(words):
            found.setdefault(cve, words)
    return found


def entries(changelog):
    """(version, text) of each entry of a Debian changelog."""
    parts = re.split(r"^\S+ \((\S+)\) .*$", changelog, flags=re.M)
    return zip(parts[1::2], parts[2::2])


def upstream_titles(changelog, version):
    """OpenSSL's own list; its sections are "Changes between 3.5.8 and 3.5.9"."""
    found = {}
    sections = re.split(r"^### Changes between \S+ and (\S+) .*$", changelog, flags=re.M)
    for release, text in zip(sections[1::2], sections[2::2]):
        if is_newer(release, version):
            for item in re.split(r"\n(?= \* )", text):
                for cve in CVE.findall(item):
                    found.setdefault(cve, " ".join(item.split("\n\n")[0].split())[2:])
    return found


def fixed_since(version, debian, upstream):
    """{CVE: title} of all that a newer version fixes and `version` does not; None when the changelog
    does not reach back to `version`."""
    fixed, newer, reaches_back = set(), {}, False
    for release, text in entries(debian):
        if is_newer(release, version):
            newer.update({**titles(text), **newer})
        else:
            fixed.update(CVE.findall(text))
            reaches_back = True
    newer.update({**upstream_titles(upstream, upstream_of(version)), **newer})
    return {cve: newer[cve] for cve in sorted(newer.keys() - fixed)} if reaches_back else None


class Report:
    def __init__(self):
        self.faults = 0
        self.gaps = 0

    def fault(self, text):
        self.faults += 1
        print(f"FAILS    {text}")

    def gap(self, text):
        self.gaps += 1
        print(f"gap      {text}")


def check(package, version, archive, report):
    source = SOURCES.get(package, package)
    is_changelog_needed = False
    for release in sorted(each for each in archive.sources(source) if is_newer(each, version)):
        is_changelog_needed = True
        if archive.serves_source(source, release):
            report.fault(f"{package} {version} is inside, the source of {release} can be had: "
                         "rm -r build/deps, then make")
        else:
            report.gap(f"{package} {version} is inside, the archive lists {release} and does not "
                       "serve its source")
    found = archive.newest_changelogs(package)
    if found is None:
        report.fault(f"{package} {version}: no changelog of Debian's newest can be had")
        return
    newest, debian, upstream = found
    if not is_newer(newest, version) and not is_changelog_needed:
        print(f"newest   {package} {version}")
        return
    missing = fixed_since(version, debian, upstream)
    if missing is None:
        report.fault(f"{package} {version}: the changelog of {newest} does not reach back to it")
        return
    print(f"older    {package} {version}: {newest} fixes {len(missing)} CVEs more")
    for cve, title in missing.items():
        named = title if cve in title else f"{cve}: {title}"
        statement = cves.statement(package, version, cve)
        if statement is None:
            report.fault(f"{package} {version}: nothing covers {named}")
        else:
            print(f"covered  {named}\n         {statement.state}: {statement.detail}")


def main(versions, work):
    work = Path(work)
    report = Report()
    for line in Path(versions).read_text(encoding="utf-8").splitlines():
        package, version = line.split()
        options = work / f"options-{package}"
        check(package, version, Archive(work, options if options.exists() else work / "options"),
              report)
    print(f"{report.faults} faults, {report.gaps} gaps")
    return 1 if report.faults else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
