#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""provenance.py COMMIT ARCHITECTURES FILE... > statement: how the files came about.

An in-toto statement with the predicate of SLSA provenance v1. It says what the build knows: the
commit, Debian's sources with the SHA-256 of each file as apt verified it (build/deps/ARCH/materials,
written by .ci/deps.sh), and the compiler. It names no builder and no time, so that everybody who
builds the commit from the same sources gets the same statement; a signature tells who built it.
"""
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

ROOT = Path(__file__).resolve().parents[1]
GNU = {"x86_64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu"}
# The roots inside the binary, ISA-L's assembler, and the compression of the archives.
TOOLS = ("ca-certificates", "nasm", "zlib1g")


def purl(package, version, architecture):
    return f"pkg:deb/debian/{package}@{quote(version, safe='.-_~')}?arch={architecture}"


def architecture_of(file):
    """musl-dev_1.2.3-1_amd64.deb: amd64; a file without such an end is part of a source."""
    return file.removesuffix(".deb").rsplit("_", 1)[1] if file.endswith(".deb") else "source"


def materials(architecture):
    path = ROOT / "build/deps" / architecture / "materials"
    for line in path.read_text(encoding="utf-8").splitlines():
        package, version, digest, file = line.split()
        yield {"name": file, "uri": purl(package, version, architecture_of(file)),
               "digest": {"sha256": digest}}


def tools(architecture):
    """What else decides about the bytes: packages of this machine, of which no digest is known."""
    compiler = output_of(f"{GNU[architecture]}-gcc", "-print-prog-name=cc1")
    linker = f"/usr/bin/{GNU[architecture]}-ld"
    owners = [output_of("dpkg", "-S", file).split(": ")[0] for file in (compiler, linker)]
    for package in (*owners, *TOOLS):
        yield {"uri": purl(*output_of(
            "dpkg-query", "-W", "-f", "${Package} ${Version} ${Architecture}\\n", package).split())}


def output_of(*command):
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE).stdout.strip()


def dependencies(commit, architectures):
    yield {"name": "desync-guard", "digest": {"gitCommit": commit}}
    found = [each for architecture in architectures
             for source in (materials, tools) for each in source(architecture)]
    distinct = {json.dumps(each, sort_keys=True): each for each in found}
    yield from sorted(distinct.values(), key=lambda each: (each["uri"], each.get("name", "")))


def subject(path):
    return {"name": Path(path).name,
            "digest": {"sha256": hashlib.sha256(Path(path).read_bytes()).hexdigest()}}


def main(commit, architectures, *files):
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [subject(path) for path in sorted(files)],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                # docs/build.md#releases describes it.
                "buildType": "urn:desync-guard:make-release:1",
                "externalParameters": {"target": "release"},
                "internalParameters": {"SOURCE_DATE_EPOCH": os.environ["SOURCE_DATE_EPOCH"]},
                "resolvedDependencies": list(dependencies(commit, architectures.split(",")))},
            "runDetails": {"builder": {"id": "urn:desync-guard:builder:unnamed"}}}}
    json.dump(statement, sys.stdout, indent=1)
    print()


main(*sys.argv[1:])
