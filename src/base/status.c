/* SPDX-License-Identifier: Apache-2.0 */
#include "base/status.h"

#include <stddef.h>

#include "base/assert.h"

struct status_row {
    const char *name;
    const char *text;
    bool is_retryable;
};

/* From the one map, so that a status cannot lack its text. */
static const struct status_row rows[] = {
#define STATUS_ROW(name, text, retryable) {#name, (text), (retryable) != 0},
    STATUS_MAP(STATUS_ROW)
#undef STATUS_ROW
};

static const struct status_row *row_of(enum status status) {
    ASSERT((size_t)status < sizeof(rows) / sizeof(rows[0]));
    return &rows[status];
}

const char *status_name(enum status status) {
    return row_of(status)->name;
}

const char *status_text(enum status status) {
    return row_of(status)->text;
}

bool status_is_retryable(enum status status) {
    return row_of(status)->is_retryable;
}
