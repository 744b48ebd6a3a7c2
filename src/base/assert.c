/* SPDX-License-Identifier: Apache-2.0 */
#include "base/assert.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* A condition of the source is a line or two. */
#define LAST_WORDS_BYTES_MAX 512

/* Set once, before there are threads. */
static bool dies_in_json;

void die_in_json(void) {
    dies_in_json = true;
}

/* `text` is ours: conditions and paths of the source, in printable ASCII. Neither an arena nor a
 * stdio stream takes part: either may be what is broken. */
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

/* abort and not exit: Lambda then answers the caller with Runtime.ExitError ("signal: aborted") and
 * starts a new environment for the next invocation. */
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
