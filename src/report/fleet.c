/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet_internal.h"

const char *const FLEET_FORMAT_NAMES[FLEET_FORMAT_COUNT + 1] = {
    [FLEET_TABLE] = "table", [FLEET_JSON] = "json",   [FLEET_CSV] = "csv",   [FLEET_HTML] = "html",
    [FLEET_JUNIT] = "junit", [FLEET_SARIF] = "sarif", [FLEET_ASFF] = "asff", [FLEET_OCSF] = "ocsf"};

str fleet_counts_text(struct arena *arena, const struct fleet_summary *summary) {
    return str_format(arena, "%zu listed, %zu judged, %zu unknown", summary->listed,
                      summary->judged, summary->unknown);
}

str fleet_interruption_text(struct arena *arena, const struct fleet *fleet) {
    struct fleet_summary summary;
    fleet_summarize(fleet, &summary);
    str counts = fleet_counts_text(arena, &summary);
    return str_format(arena, "Interrupted: this is what was known by then (%" STR_FMT ").",
                      STR_ARG(counts));
}
