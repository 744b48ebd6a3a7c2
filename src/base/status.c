/* SPDX-License-Identifier: Apache-2.0 */
#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"

struct status_row {
    const char *name;
    const char *text;
    bool is_retryable;
};

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

enum status error_set(
    struct error *error, struct arena *arena, enum status status, const char *format, ...) {
    if (error == NULL) {
        return status;
    }
    va_list arguments;
    va_start(arguments, format);
    *error = (struct error){.status = status, .message = str_format_va(arena, format, arguments)};
    va_end(arguments);
    return status;
}

void error_copy(struct error *error, struct arena *arena, const struct error *from) {
    if (error != NULL) {
        *error = *from;
        error->aws_code = str_copy(arena, from->aws_code);
        error->message = str_copy(arena, from->message);
    }
}

void assert_failed(const char *condition, const char *file, int line) {
    dprintf(STDERR_FILENO, "desync-guard: assertion failed: %s (%s:%d)\n", condition, file, line);
    abort();
}
