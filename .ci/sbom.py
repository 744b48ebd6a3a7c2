#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""sbom.py ARCH VERSION BINARY OUTPUT: what BINARY contains, as CycloneDX 1.6 JSON.

The list is that of .ci/deps.sh (build/deps/ARCH/versions), the compiler's own library and the table
of Amazon's roots. It depends on nothing but these and the bytes of the binary: no clock, no random
number, no path.
"""
import datetime
import hashlib
import json
import os
import subprocess
import sys
import uuid
from pathlib import Path
from urllib.parse import quote

sys.path.insert(0, str(Path(__file__).parent))
import cves  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]
DEBIAN_ARCHITECTURES = {"x86_64": "amd64", "arm64": "arm64"}
# For identifiers made of a hash; any constant will do.
NAMESPACE = uuid.UUID("6c1f6dd8-51a4-5f0f-9a0a-0f4a1d2c7e35")

# Name in the list: (what it is, licence, note). A name that is missing here stops the build.
LINKED = {
    "openssl": ("OpenSSL: libssl and libcrypto", "Apache-2.0",
                "legacy protocols and algorithms are left out"),
    "curl": ("libcurl", "curl", "HTTP and HTTPS only"),
    "cjson": ("cJSON", "MIT", None),
    "libisal": ("ISA-L: decompression", "BSD-3-Clause", None),
    "musl-dev": ("musl: the C library", "MIT", None),
    "ca-certificates": ("Amazon's five root certificates", "MPL-2.0", "of Mozilla's list"),
    "libgcc": ("libgcc and start files of GCC",
               "GPL-3.0-or-later WITH GCC-exception-3.1", None),
}
BINARY_PACKAGES = {"musl-dev"}  # the others are built from source packages


def output_of(*command):
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE).stdout.strip()


def linked_versions(arch):
    """(name in LINKED, Debian package, its version, architecture of the package), sorted."""
    deps = ROOT / "build/deps" / arch
    debian = DEBIAN_ARCHITECTURES[arch]
    for line in (deps / "versions").read_text(encoding="utf-8").splitlines():
        name, version = line.split()
        yield name, name, version, debian if name in BINARY_PACKAGES else "source"
    roots = output_of("dpkg-query", "-W", "-f", "${Version}", "ca-certificates")
    yield "ca-certificates", "ca-certificates", roots, "all"
    library = output_of(deps / "cc", "-print-libgcc-file-name")
    owner = output_of("dpkg", "-S", library).split(": ")[0]
    package, version, architecture = output_of(
        "dpkg-query", "-W", "-f", "${Package} ${Version} ${Architecture}", owner).split()
    yield "libgcc", package, version, architecture


def licence(identifier):
    return [{"expression" if " " in identifier else "license":
             identifier if " " in identifier else {"id": identifier}}]


def component(name, package, version, architecture):
    what, identifier, note = LINKED[name]
    # As the package URL specification writes versions: everything but unreserved characters.
    purl = f"pkg:deb/debian/{package}@{quote(version, safe='.-_~')}?arch={architecture}"
    found = {
        "type": "data" if name == "ca-certificates" else "library",
        "bom-ref": purl, "supplier": {"name": "Debian"}, "name": package, "version": version,
        "description": what, "scope": "required", "licenses": licence(identifier), "purl": purl,
    }
    patches = list(cves.patches(name, version))
    if patches:
        found["pedigree"] = {"patches": [pedigree(each) for each in patches]}
    if note:
        found["properties"] = [{"name": "desync-guard:built", "value": note}]
    return found


def pedigree(patch):
    return {"type": "unofficial", "diff": {"text": {
                "content": patch.patch.read_text(encoding="utf-8"), "contentType": "text/plain"}},
            "resolves": [{"type": "security", "id": patch.cve}]}


def vulnerabilities(components):
    """What is known of the CVEs that Debian has fixed in a newer version than the one inside: VEX."""
    for each in components:
        for statement in cves.statements(each["name"], each["version"]):
            analysis = {"state": "not_affected", "justification": statement.state}
            if statement.patch:
                analysis = {"state": "resolved_with_pedigree"}
            yield {"bom-ref": f"{statement.cve}/{each['name']}", "id": statement.cve,
                   "analysis": {**analysis, "detail": statement.detail},
                   "affects": [{"ref": each["bom-ref"]}]}


def program(arch, version, image):
    purl = f"pkg:generic/desync-guard@{version}?arch={arch}"
    hashes = [{"alg": name, "content": hashlib.new(algorithm, image).hexdigest()}
              for name, algorithm in (("SHA-256", "sha256"), ("SHA-512", "sha512"))]
    return {"type": "application", "bom-ref": purl, "name": "desync-guard", "version": version,
            "description": "The static executable `bootstrap`, all it needs linked in",
            "hashes": hashes, "licenses": licence("Apache-2.0"), "purl": purl}


def bill(arch, version, image):
    components = sorted((component(*each) for each in linked_versions(arch)),
                        key=lambda each: each["name"])
    about = program(arch, version, image)
    built = datetime.datetime.fromtimestamp(int(os.environ.get("SOURCE_DATE_EPOCH", "0")),
                                            datetime.timezone.utc)
    known = sorted(vulnerabilities(components), key=lambda each: each["bom-ref"])
    identity = json.dumps([about, components, known], sort_keys=True)
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX", "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(NAMESPACE, identity)}", "version": 1,
        "metadata": {"timestamp": built.strftime("%Y-%m-%dT%H:%M:%SZ"),
                     "lifecycles": [{"phase": "build"}], "component": about},
        "components": components,
        # Everything is linked into the one program; who calls whom within it is not told.
        "dependencies": [{"ref": about["bom-ref"],
                          "dependsOn": [each["bom-ref"] for each in components]},
                         *({"ref": each["bom-ref"]} for each in components)],
        "compositions": [{"aggregate": "complete", "assemblies": [about["bom-ref"]]}],
        "vulnerabilities": known,
    }


def main(arch, version, binary, output):
    text = json.dumps(bill(arch, version, Path(binary).read_bytes()), indent=1) + "\n"
    Path(output).write_text(text, encoding="utf-8")


main(*sys.argv[1:])
