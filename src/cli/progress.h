/* SPDX-License-Identifier: Apache-2.0
 *
 * A progress bar on standard error, for people: drawn only where that is a terminal, wiped off at
 * the end, so that nothing of it stays in a pipe or a log.
 */
#ifndef PROGRESS_H
#define PROGRESS_H

#include "base/clock.h"
#include "base/env.h"

struct progress {
    const struct clock *clock;
    const char *unit; /* "load balancers" */
    double scale;     /* what is counted makes so many units: 1, or 1e-6 for bytes in "MB" */
    const char *note; /* why it is slow, behind the time left; NULL: nothing is known */
    int64_t began_us;
    bool is_wanted;
    bool is_drawn;
};

/* `is_wanted` false: never draws. */
void progress_begin(struct progress *progress, const struct clock *clock, const char *unit,
                    double scale, bool is_wanted);
/* total 0: not known yet. Draws `12 of 400 load balancers, 8/s, 49 s left`. */
void progress_draw(struct progress *progress, uint64_t done, uint64_t total);
void progress_end(struct progress *progress);

/* Standard error is a terminal that can be written over. */
bool progress_has_terminal(const struct env *env);

#endif
