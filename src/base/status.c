/* SPDX-License-Identifier: Apache-2.0 */
#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"

/* A condition of the source is a line or two. */
#define LAST_WORDS_BYTES_MAX 512

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

enum status error_set(struct error *error, struct arena *arena, enum status status,
                      const char *format, ...) {
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

/* Set once, before there are threads. */
static bool dies_in_json;

void die_in_json(void) {
    dies_in_json = true;
}

/* `text` is ours: conditions and paths of the source, in printable ASCII. */
static void print_json(const char *text) {
    struct timespec now = {0};
    struct tm calendar = {0};
    char time[32] = "";
    char quoted[2 * LAST_WORDS_BYTES_MAX];
    size_t length = 0;
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\') {
            quoted[length++] = '\\';
        }
        quoted[length++] = *text;
    }
    quoted[length] = '\0';
    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)strftime(time, sizeof time, "%Y-%m-%dT%H:%M:%S", gmtime_r(&now.tv_sec, &calendar));
    dprintf(STDERR_FILENO,
            "{\"timestamp\":\"%s.%03ldZ\",\"level\":\"FATAL\",\"event\":\"died\","
            "\"errorMessage\":\"%s\"}\n",
            time, now.tv_nsec / 1000000, quoted);
}

void die(const char *format, ...) {
    char text[LAST_WORDS_BYTES_MAX];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (dies_in_json) {
        print_json(text);
    } else {
        dprintf(STDERR_FILENO, "desync-guard: %s\n", text);
    }
    abort();
}

void assert_failed(const char *condition, const char *file, int line) {
    die("assertion failed: %s (%s:%d)", condition, file, line);
}
