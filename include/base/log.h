/* SPDX-License-Identifier: Apache-2.0
 *
 * One event a line on stderr, in Lambda's JSON form ({"timestamp","level","event","requestId",...})
 * or as text, where a value with blanks, quotes or characters that base/escape.h does not let
 * through stands in quotes, with backslash escapes: one event is always one line. Only app,
 * runtime and cli log; never payloads, headers, tokens. Fields are typed, so that a missing
 * argument cannot be written.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/clock.h"
#include "base/str.h"

enum log_level { LOG_TRACE, LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_FATAL };
/* NOTE is for people at a terminal, and no setting: "warning age_unknown: why: cause". Its values
 * are not escaped. */
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON, LOG_FORMAT_NOTE };

/* Copied freely: each worker has its own, with its own ids. */
struct log {
    const struct clock *clock;
    enum log_level level_min; /* lower ones are dropped */
    enum log_format format;
    str request_id; /* empty outside an invocation; borrowed */
    str tenant_id;  /* likewise */
    /* Takes one whole line including its newline. NULL writes to stderr with one write(2), which
     * waits for its reader; log_stream.h does not. */
    void (*write)(void *context, str line);
    void *context;
};

struct log_field {
    const char *key;
    bool is_number;
    str text;
    int64_t number;
};

/* Borrow their values for the length of one log_write. */
#define LOG_STR(key, value) ((struct log_field){(key), false, (value), 0})
#define LOG_INT(key, value) ((struct log_field){(key), true, STR_EMPTY, (value)})

/* Lambda's names: TRACE DEBUG INFO WARN ERROR FATAL, any case; false leaves *level alone. */
bool log_level_parse(str name, enum log_level *level);
/* "INFO" */
const char *log_level_name(enum log_level level);
/* The level of a line that something counts, so that it must not be dropped: the lowest one that
 * passes, and INFO at least. */
enum log_level log_level_passing(const struct log *log);
/* "Text" or "JSON", any case. */
bool log_format_parse(str name, enum log_format *format);

/* One line, always whole: a value that does not fit is cut, and the line then says so. Never
 * fails. */
void log_write(const struct log *log, enum log_level level, const char *event,
               const struct log_field *fields, size_t field_count);

/* LOG(log, LOG_WARN, "report_failed", LOG_STR("arn", arn), LOG_INT("failed", n)); at least one
 * field */
#define LOG(log, level, event, ...)                                                                \
    log_write((log), (level), (event), (const struct log_field[]){__VA_ARGS__},                    \
              sizeof((const struct log_field[]){__VA_ARGS__}) / sizeof(struct log_field))

#endif
