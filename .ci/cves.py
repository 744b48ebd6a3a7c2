# SPDX-License-Identifier: Apache-2.0
"""What is known of single CVEs of the libraries inside: .ci/patches has our fixes, .ci/cves has the
reasons why others need none. Both `make outdated` and the bill of materials say what is here."""
import re
from collections import namedtuple
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
# CycloneDX's words for `justification`.
JUSTIFICATIONS = {"code_not_present", "code_not_reachable", "requires_configuration",
                  "requires_dependency", "requires_environment", "protected_by_compiler",
                  "protected_at_runtime", "protected_at_perimeter", "protected_by_mitigating_control"}

Statement = namedtuple("Statement", "package cve state detail patch")


def reasons():
    """A Statement for each line of .ci/cves: PACKAGE CVE JUSTIFICATION REASON."""
    for line in (FOLDER / "cves").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            package, cve, justification, reason = line.split(None, 3)
            if justification not in JUSTIFICATIONS:
                raise ValueError(f".ci/cves: {cve} has the justification {justification}")
            yield Statement(package, cve, justification, reason, None)


def patches(package, version):
    """A Statement for each patch of ours that is for that version."""
    for path in sorted((FOLDER / "patches" / package).glob("CVE-*.patch")):
        text = path.read_text(encoding="utf-8")
        wanted = re.search(r"^Version: (\S+)$", text, flags=re.M)
        subject = re.search(r"^Subject: (?:CVE-\S+: )?(.*)$", text, flags=re.M)
        if wanted[1] == version:
            yield Statement(package, path.stem, "patched", f"{subject[1]}: .ci/patches/{package}/"
                            f"{path.name}", path)


def statements(package, version):
    return [*patches(package, version), *(each for each in reasons() if each.package == package)]


def statement(package, version, cve):
    return next((each for each in statements(package, version) if each.cve == cve), None)
