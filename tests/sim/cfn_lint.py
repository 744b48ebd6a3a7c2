# SPDX-License-Identifier: Apache-2.0
"""cfn-lint, and what it knows of IAM."""

import json
import subprocess
import sys


def lint(path, *regions):
    """Exit status and findings, informational ones included; (0, "") when there is none."""
    done = subprocess.run(
        [sys.executable, "-c", "from cfnlint.runner import main; main()", "--include-checks", "I",
         "--regions", *regions, "--", str(path)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode, done.stdout


def known_actions():
    """AWS's service authorization reference: "service:action" in lower case -> details."""
    import cfnlint
    path = cfnlint.__path__[0] + "/data/AdditionalSpecs/Policies.json"
    with open(path, encoding="utf-8") as file:
        reference = json.load(file)
    return {f"{service}:{action}": details for service, entry in reference.items()
            for action, details in entry["Actions"].items()}
