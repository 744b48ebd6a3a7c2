# SPDX-License-Identifier: Apache-2.0
"""What is shipped, in bytes: cold, size is latency."""

from measure import ARCH, ROOT, Skip, at_most, limited

BINARY_MB_MAX = 3.0
ZIP_MB_MAX = 1.6


def rows(bench):
    found = [limited("stripped binary", "MB", bench.bootstrap.stat().st_size / 1e6,
                     at_most(BINARY_MB_MAX, "MB"), BINARY_MB_MAX)]
    zips = sorted((ROOT / "build/package").glob(f"desync-guard-*-{ARCH}.zip"),
                  key=lambda path: path.stat().st_mtime)
    if not zips:
        return [*found, Skip("zip", "not built: make package")]
    return [*found, limited("zip", "MB", zips[-1].stat().st_size / 1e6,
                            at_most(ZIP_MB_MAX, "MB"), ZIP_MB_MAX)]
