/* SPDX-License-Identifier: Apache-2.0 */
#include "progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "cli_internal.h"

#define BAR_WIDTH   24
#define BAR_COLUMNS (BAR_WIDTH + 9) /* with its brackets, the share and the blanks around it */
#define US_PER_S    INT64_C(1000000)

/* A dumb terminal cannot go back to the beginning of a line. */
bool progress_has_terminal(const struct env *env) {
    return isatty(STDERR_FILENO) && !str_eq(env_get(env, "TERM"), STR("dumb"));
}

void progress_begin(struct progress *progress, const struct clock *clock, const char *unit,
                    double scale, bool is_wanted) {
    *progress = (struct progress){
        .clock = clock,
        .unit = unit,
        .scale = scale,
        .began_us = clock->monotonic_us(clock),
        .is_wanted = is_wanted,
    };
}

static void draw_bar(uint64_t done, uint64_t total) {
    char bar[BAR_WIDTH + 1];
    uint64_t full = done >= total ? BAR_WIDTH : done * BAR_WIDTH / total;
    for (uint64_t i = 0; i < BAR_WIDTH; i++) {
        bar[i] = i < full ? '#' : '.';
    }
    bar[BAR_WIDTH] = '\0';
    (void)fprintf(stderr, "[%s] %3" PRIu64 "%%  ", bar, done >= total ? 100 : done * 100 / total);
}

/* The line before may have been longer: the rest of it is erased. The rate is the mean since the
 * beginning, which jumps less than one of the last moment. A line that the terminal breaks could
 * not be drawn over: the bar is left out where it does not fit. */
void progress_draw(struct progress *progress, uint64_t done, uint64_t total) {
    if (!progress->is_wanted) {
        return;
    }
    int64_t us = progress->clock->monotonic_us(progress->clock) - progress->began_us;
    double seconds = (double)(us > 0 ? us : 1) / (double)US_PER_S;
    double rate = (double)done / seconds;
    char of_total[32] = "";
    char left[32] = "";
    char text[160];
    if (total > 0) {
        (void)snprintf(of_total, sizeof of_total, " of %.0f", (double)total * progress->scale);
    }
    if (done > 0 && total > done) {
        (void)snprintf(left, sizeof left, ", %.0f s left", (double)(total - done) / rate);
    }
    int length =
        snprintf(text, sizeof text, "%.0f%s %s, %.0f/s%s%s%s", (double)done * progress->scale,
                 of_total, progress->unit, rate * progress->scale, left,
                 progress->note == NULL ? "" : ", ", progress->note == NULL ? "" : progress->note);
    size_t width = terminal_width(STDERR_FILENO);
    (void)fputc('\r', stderr);
    if (total > 0 && (width == 0 || BAR_COLUMNS + (size_t)length < width)) {
        draw_bar(done, total);
    }
    (void)fprintf(stderr, "%.*s\x1b[K", width == 0 ? length : (int)width - 1, text);
    (void)fflush(stderr);
    progress->is_drawn = true;
}

void progress_end(struct progress *progress) {
    if (progress->is_drawn) {
        (void)fputs("\r\x1b[K", stderr);
        (void)fflush(stderr);
    }
    progress->is_drawn = false;
}
