/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet_internal.h"

static const char *const format_names[FLEET_FORMAT_COUNT] = {
    [FLEET_TABLE] = "table", [FLEET_JSON] = "json",   [FLEET_CSV] = "csv",   [FLEET_HTML] = "html",
    [FLEET_JUNIT] = "junit", [FLEET_SARIF] = "sarif", [FLEET_ASFF] = "asff", [FLEET_OCSF] = "ocsf"};

const char *fleet_format_name(enum fleet_format format) {
    ASSERT((size_t)format < FLEET_FORMAT_COUNT);
    return format_names[format];
}

bool fleet_format_parse(str name, enum fleet_format *format_out) {
    for (size_t i = 0; i < FLEET_FORMAT_COUNT; i++) {
        if (str_eq(name, str_from_cstr(format_names[i]))) {
            *format_out = (enum fleet_format)i;
            return true;
        }
    }
    return false;
}

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
