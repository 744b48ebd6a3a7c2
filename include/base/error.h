/* SPDX-License-Identifier: Apache-2.0
 *
 * The detail of a bad status, filled once, where it happens, by functions that cross a boundary.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include "base/assert.h"
#include "base/status.h"
#include "base/str.h"

struct error {
    enum status status;
    int http_status; /* 0: no HTTP answer */
    str aws_code;    /* "Throttling", "AccessDenied", empty when none; lives in the arena given to
                        error_set */
    str message; /* one sentence for people, no secret in it; lives in the arena given to error_set
                  */
    bool was_not_sent;       /* from a transport: not one byte of the request left, so nothing can
                                have come of it */
    bool is_outcome_unknown; /* from aws_call: an attempt may have been carried out all the same */
};

/* Fills *error (NULL is allowed and ignored) and returns `status`, so that it can stand in a
 * return. The other members are cleared: set them afterwards. */
__attribute__((format(printf, 4, 5))) enum status error_set(struct error *error,
                                                            struct arena *arena, enum status status,
                                                            const char *format, ...);

/* *error becomes a copy of *from whose text lives in `arena`; for a cause whose own arena ends.
 * NULL `error` is allowed and ignored. */
void error_copy(struct error *error, struct arena *arena, const struct error *from);

#endif
