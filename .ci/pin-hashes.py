#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""pin-hashes.py FILE...: writes behind each requirement the hashes of every file of that release,
for all platforms, as the package index has them. Run it after a version was changed; pip then takes
nothing else. It needs `uv` (pip install uv)."""
import re
import subprocess
import sys
from pathlib import Path


def hashes_of(text):
    """{requirement: its hashes} for a file of requirements."""
    compiled = subprocess.run(
        ["uv", "pip", "compile", "--quiet", "--no-deps", "--universal", "--generate-hashes",
         "--no-header", "--no-annotate", "--no-strip-extras", "-"],
        input=text, check=True, text=True, stdout=subprocess.PIPE).stdout
    return {name(entry): re.findall(r"--hash=\S+", entry)
            for entry in re.split(r"\n(?=\S)", compiled) if "==" in entry}


def name(requirement):
    return re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", requirement)[0]).lower()


def main(paths):
    for path in map(Path, paths):
        lines = [line.removesuffix(" \\") for line in path.read_text(encoding="utf-8").splitlines()
                 if "--hash=" not in line]
        hashes = hashes_of("\n".join(lines))
        pinned = [" \\\n    ".join([line, *hashes[name(line)]]) if "==" in line else line
                  for line in lines]
        path.write_text("\n".join(pinned) + "\n", encoding="utf-8")


main(sys.argv[1:])
