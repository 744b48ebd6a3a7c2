# SPDX-License-Identifier: Apache-2.0
"""`make picture` draws docs/report.png, the report's page that the README shows. The picture holds
the digest of the page that it was drawn from, so that a test without a browser sees it grow old.
"""

import hashlib
import os
import struct
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

from .browser import Browser, find

ROOT = Path(__file__).resolve().parents[2]
PICTURE = ROOT / "docs" / "report.png"
WIDTH, HEIGHT = 1280, 1012
SIGNATURE = b"\x89PNG\r\n\x1a\n"
KEY = b"page sha256\0"


def page():
    folder = os.environ.get("DESYNC_GUARD_TOOLS") or ROOT / "build" / "test" / "tools"
    return subprocess.run([Path(folder) / "html_report_tool", "html"], check=True,
                          stdout=subprocess.PIPE).stdout


def digest(html):
    return hashlib.sha256(html).hexdigest().encode()


def chunks(png):
    at = len(SIGNATURE)
    while at < len(png):
        length, kind = struct.unpack(">I4s", png[at:at + 8])
        yield kind, png[at + 8:at + 8 + length]
        at += length + 12


def size_and_digest(png):
    """((width, height), digest of the page)"""
    found = dict(chunks(png))
    return struct.unpack(">II", found[b"IHDR"][:8]), found[b"tEXt"].removeprefix(KEY)


def with_digest(png, html):
    """The chunk goes before the last one, IEND, of 12 bytes."""
    text = b"tEXt" + KEY + digest(html)
    chunk = struct.pack(">I", len(text) - 4) + text + struct.pack(">I", zlib.crc32(text))
    return png[:-12] + chunk + png[-12:]


def main():
    if find() is None:
        sys.exit("a Chromium is needed to draw the picture: `make browser` installs it")
    html = page()
    with tempfile.TemporaryDirectory() as folder, Browser(find()) as browser:
        path = Path(folder) / "page.html"
        path.write_bytes(html)
        browser.show(WIDTH, HEIGHT)
        browser.open(path.as_uri())
        PICTURE.write_bytes(with_digest(browser.shot(), html))
    print(f"{PICTURE.relative_to(ROOT)}: {PICTURE.stat().st_size} bytes")


if __name__ == "__main__":
    main()
