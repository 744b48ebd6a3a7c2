/* SPDX-License-Identifier: Apache-2.0
 *
 * html_report_tool FORMAT [KIND] [MINUTES]: a report of the fleet of support/posture_sample.h on
 * stdout, for test_html_report.py. FORMAT: html, json, csv, summary, or audit for the page without
 * a history. KIND: rich (default), empty, stateless, or a number of load balancers. MINUTES: how
 * much later the report is made.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/posture_sample.h"

#define REPORT_BYTES_MAX ((size_t)64 << 20)

static void make(struct arena *arena, const char *kind, struct posture_sample *sample) {
    int64_t count = 0;
    if (str_parse_i64(str_from_cstr(kind), &count)) {
        posture_sample_make_large(arena, (size_t)count, sample);
    } else if (strcmp(kind, "empty") == 0) {
        posture_sample_make(arena, SAMPLE_EMPTY, sample);
    } else if (strcmp(kind, "stateless") == 0) {
        posture_sample_make(arena, SAMPLE_STATELESS, sample);
    } else {
        posture_sample_make(arena, SAMPLE_RICH, sample);
    }
}

static bool render(struct buf *out,
                   struct arena *arena,
                   const char *format,
                   const struct posture_sample *sample) {
    if (strcmp(format, "html") == 0) {
        fleet_write_html(out, arena, &sample->fleet, &sample->posture);
    } else if (strcmp(format, "audit") == 0) {
        fleet_write_html(out, arena, &sample->fleet, NULL);
    } else if (strcmp(format, "json") == 0) {
        posture_write_json(out, arena, &sample->fleet, &sample->posture);
    } else if (strcmp(format, "csv") == 0) {
        posture_write_csv(out, arena, &sample->fleet, &sample->posture);
    } else if (strcmp(format, "summary") == 0) {
        posture_write_summary(out, arena, &sample->fleet, &sample->posture);
    } else {
        return false;
    }
    return buf_status(out) == STATUS_OK;
}

int main(int count, char **arguments) {
    struct arena arena;
    struct posture_sample sample;
    struct buf out;
    int64_t minutes = 0;
    if (count < 2 || (count > 3 && !str_parse_i64(str_from_cstr(arguments[3]), &minutes))) {
        fputs("usage: html_report_tool FORMAT [KIND] [MINUTES]\n", stderr);
        return EXIT_FAILURE;
    }
    arena = (struct arena){0};
    make(&arena, count > 2 ? arguments[2] : "rich", &sample);
    sample.fleet.generated_ms += minutes * 60000;
    buf_init(&out, &arena, REPORT_BYTES_MAX);
    bool is_done = render(&out, &arena, arguments[1], &sample);
    is_done = is_done && fwrite(out.ptr, 1, out.len, stdout) == out.len && fflush(stdout) == 0;
    arena_clean_up(&arena);
    return is_done ? EXIT_SUCCESS : EXIT_FAILURE;
}
