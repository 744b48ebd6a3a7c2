#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""authority.py FOLDER: a CA and a server certificate for the bench, made anew, and roots.c: the
build's table of Amazon's roots with this CA in place of the last one (see tls.py)."""

import re
import sys
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from sim.tls import TestCa  # noqa: E402


def with_last_root(table, der):
    """The C source `table` with `der` for the bytes of its last certificate."""
    arrays = list(re.finditer(r"(unsigned char root_\d+\[\] = \{)[^}]*(\};)", table))
    start, end = arrays[-1].end(1), arrays[-1].start(2)
    return table[:start] + "\n" + ",".join(map(str, der)) + "\n" + table[end:]


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    ca = TestCa(folder)
    ca.server_context()  # writes server.pem
    table = (ROOT / "build/generated/amazon_roots.c").read_text(encoding="utf-8")
    der = ca.certificate.public_bytes(Encoding.DER)
    (folder / "roots.c").write_text(with_last_root(table, der), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
