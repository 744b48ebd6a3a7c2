# SPDX-License-Identifier: Apache-2.0
"""The bill of materials: valid by CycloneDX's own schema, complete, and the same for the same file."""

import hashlib
import json
import os
import platform
import re
import subprocess
import sys
import urllib.parse

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

from sim.stack import ROOT

HOST = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())


def bill(folder, binary, architecture=HOST, **environment):
    path = folder / "bill.json"
    subprocess.run([sys.executable, ROOT / ".ci/sbom.py", architecture, "1.2.3", binary, path],
                   check=True, env={**os.environ, "SOURCE_DATE_EPOCH": "315532800", **environment})
    return path.read_text(encoding="utf-8")


def problem(text):
    return JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)


@pytest.fixture(params=["x86_64", "arm64"])
def architecture(request):
    if not (ROOT / "build/ship" / request.param / "bootstrap").is_file():
        pytest.skip(f"not built: make ARCH={request.param} package")
    return request.param


@pytest.fixture
def binary(architecture):
    return ROOT / "build/ship" / architecture / "bootstrap"


def test_bill_obeys_the_published_schema(tmp_path, binary, architecture):
    assert problem(bill(tmp_path, binary, architecture)) is None


@pytest.mark.parametrize("change", [
    lambda bill: bill.pop("bomFormat"), lambda bill: bill.update(serialNumber="urn:uuid:1"),
    lambda bill: bill["components"][0].pop("name"), lambda bill: bill.update(unknown=1),
    lambda bill: bill["components"][0]["licenses"][0].update(license={"id": "MIT-or-so"})],
    ids=["no_format", "bad_serial_number", "component_without_name", "unknown_member",
         "unknown_licence"])
def test_published_schema_finds_what_is_wrong(change, tmp_path, bootstrap):
    found = json.loads(bill(tmp_path, bootstrap))
    change(found)
    assert problem(json.dumps(found)) is not None


def test_everything_that_is_linked_in_is_listed(tmp_path, binary, architecture):
    found = json.loads(bill(tmp_path, binary, architecture))
    versions = (ROOT / "build/deps" / architecture / "versions").read_text().splitlines()
    built = {tuple(line.split()) for line in versions}
    listed = {(each["name"], each["version"]) for each in found["components"]}
    more = {name for name, _ in listed - built}
    assert built <= listed
    assert len(more) == 2 and "ca-certificates" in more
    assert any(name.startswith("libgcc-") for name in more)
    # And no library is linked that nobody listed: one archive for each, two of OpenSSL.
    archives = {path.stem for path in (ROOT / "build/deps" / architecture / "lib").glob("*.a")}
    assert archives == {"libssl", "libcrypto", "libcurl", "libcjson", "libisal"}
    assert len(built) == len(archives) - 1 + len({"musl-dev"})


def test_each_component_can_be_looked_up(tmp_path, binary, architecture):
    found = json.loads(bill(tmp_path, binary, architecture))
    for each in found["components"]:
        purl = PackageURL.from_string(each["purl"])
        assert (purl.type, purl.namespace, purl.name) == ("deb", "debian", each["name"])
        assert purl.version == each["version"] and each["licenses"]
        assert urllib.parse.unquote(each["purl"]).startswith(f"pkg:deb/debian/{each['name']}@")
    refs = {each["bom-ref"] for each in found["components"]}
    program, *others = found["dependencies"]
    assert set(program["dependsOn"]) == refs == {each["ref"] for each in others}


def test_openssl_is_what_runs_and_of_the_series_with_long_term_support(
        tmp_path, binary, architecture):
    found = json.loads(bill(tmp_path, binary, architecture))
    openssl = next(each for each in found["components"] if each["name"] == "openssl")
    upstream = openssl["version"].rpartition("-")[0]
    assert upstream.encode() in re.findall(rb"OpenSSL (\d+\.\d+\.\d+) ", binary.read_bytes())
    assert upstream.startswith("3.5.")


def test_each_security_fix_that_is_not_inside_has_its_reason(tmp_path, binary, architecture):
    """VEX: what `make outdated` lists as covered."""
    found = json.loads(bill(tmp_path, binary, architecture))
    refs = {each["bom-ref"]: each for each in found["components"]}
    known = {each["id"]: each for each in found["vulnerabilities"]}
    listed = [line.split(None, 3) for line in (ROOT / ".ci/cves").read_text().splitlines()
              if line and not line.startswith("#")]
    assert listed
    for package, cve, justification, reason in listed:
        assert known[cve]["analysis"] == {"state": "not_affected", "justification": justification,
                                          "detail": reason}
        affected, = known[cve]["affects"]
        assert refs[affected["ref"]]["name"] == package


def test_security_fix_of_our_own_is_in_the_pedigree(tmp_path, binary, architecture):
    found = json.loads(bill(tmp_path, binary, architecture))
    openssl = next(each for each in found["components"] if each["name"] == "openssl")
    text = (ROOT / ".ci/patches/openssl/CVE-2026-35189.patch").read_text(encoding="utf-8")
    if not text.startswith(f"Version: {openssl['version']}\n"):
        pytest.skip(f"Debian's own source of OpenSSL {openssl['version']} has the fix")
    patch, = openssl["pedigree"]["patches"]
    assert patch["resolves"] == [{"type": "security", "id": "CVE-2026-35189"}]
    assert patch["diff"]["text"]["content"] == text
    known = next(each for each in found["vulnerabilities"] if each["id"] == "CVE-2026-35189")
    assert known["analysis"]["state"] == "resolved_with_pedigree"
    assert known["affects"] == [{"ref": openssl["bom-ref"]}]


def test_function_of_which_is_said_that_nothing_calls_it_is_not_linked(binary):
    """The reasons in .ci/cves name such functions with their parentheses."""
    symbols = subprocess.run(["nm", binary.with_name("bootstrap.symbols")], check=True, text=True,
                             capture_output=True).stdout.split()
    named = re.findall(r"(\w+)\(\)", (ROOT / ".ci/cves").read_text())
    assert "SSL_set_SSL_CTX" in named and "SSL_CTX_new" in symbols
    assert set(named) & set(symbols) == set()


def test_bill_names_the_very_file(tmp_path, binary, architecture):
    about = json.loads(bill(tmp_path, binary, architecture))["metadata"]["component"]
    hashes = {each["alg"]: each["content"] for each in about["hashes"]}
    image = binary.read_bytes()
    assert hashes == {"SHA-256": hashlib.sha256(image).hexdigest(),
                      "SHA-512": hashlib.sha512(image).hexdigest()}
    assert (about["name"], about["version"]) == ("desync-guard", "1.2.3")


def test_same_file_has_the_same_bill_and_another_file_another_number(tmp_path, bootstrap):
    first = bill(tmp_path, bootstrap)
    assert bill(tmp_path, bootstrap, TZ="Pacific/Chatham", LC_ALL="C", PYTHONHASHSEED="7") == first
    other = tmp_path / "other"
    other.write_bytes(bootstrap.read_bytes() + b"\0")
    assert json.loads(bill(tmp_path, other))["serialNumber"] != json.loads(first)["serialNumber"]
