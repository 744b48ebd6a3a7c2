# SPDX-License-Identifier: Apache-2.0
"""The first AWS call over TLS: Amazon's roots built in, against a whole bundle.

No built-in root can vouch for a server on this machine. So the binary measured here is linked from
the shipped one's own objects but for the table of roots, in which the bench's CA stands for the
last of the five. Verification is as always; the shipped binary is another file.
"""

from pathlib import Path

from measure import Row, Skip, calm_notes, event_text, timed_spread

SYSTEM_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
NOTE = "ours here is linked from the same objects but with 4 of the 5 roots and the bench's own CA"


def whole_bundle(bench):
    """The machine's bundle and the bench's CA in one file, and how many certificates that is."""
    path = bench.folder / "whole-bundle.pem"
    path.write_bytes(SYSTEM_BUNDLE.read_bytes() + b"\n" + bench.ca.read_bytes())
    return path, path.read_bytes().count(b"BEGIN CERTIFICATE")


def figures(runs):
    """Milliseconds to /next, for the first event, and together."""
    values = {"next": lambda run: run["next_us"] / 1000,
              "event": lambda run: run["events_us"][0] / 1000,
              "both": lambda run: (run["next_us"] + run["events_us"][0]) / 1000}
    return {name: timed_spread(runs, value, "end") for name, value in values.items()}


def rows(bench):
    if not SYSTEM_BUNDLE.is_file():
        return [Skip("first AWS call over TLS", f"{SYSTEM_BUNDLE} is missing")]
    path, count = whole_bundle(bench)
    with bench.endpoints("answer") as endpoints:
        variants = []
        for warm_up in ("off", "on"):
            variants += [
                bench.variant(f"roots-{warm_up}", [bench.test_roots], events=1, WARM_UP=warm_up,
                              **endpoints),
                bench.variant(f"bundle-{warm_up}", [bench.bootstrap], events=1, WARM_UP=warm_up,
                              AWS_CA_BUNDLE=path, **endpoints)]
        runs = bench.run(variants, bench.fast_rounds // 4, event_text())
    found = []
    for warm_up in ("off", "on"):
        roots, bundle = figures(runs[f"roots-{warm_up}"]), figures(runs[f"bundle-{warm_up}"])
        for key, what in (("next", f"exec to first GET /next, WARM_UP={warm_up}"),
                          ("event", "  event to response, first event"),
                          ("both", "  both together")):
            found.append(Row(what, "ms",
                             roots[key]["median"], f"a file of {count} roots",
                             bundle[key]["median"],
                             details={"roots": roots[key], "bundle": bundle[key], "note": NOTE}))
    both = {name: figures(each)["both"] for name, each in runs.items()}
    return [*found, *calm_notes(both)]
