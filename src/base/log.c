/* SPDX-License-Identifier: Apache-2.0
 *
 * A line in its three forms:
 *
 *   {"timestamp":"..","level":"WARN","event":"next_failed","requestId":"..","tenantId":"..",...}
 *   2026-11-23T08:00:00.123Z WARN <request id, or -> next_failed tenantId=.. key="two words"
 *   warning next_failed: two words
 *
 * Lambda takes one line for one event. With LogFormat JSON it filters by `level`, and it counts a
 * line as INFO whose level is unknown or whose timestamp is not RFC 3339 ("Log-level filtering",
 * AWS Lambda Developer Guide). A line that is too long ends in "truncated":true, so nothing may
 * follow a cut.
 */
#include "base/log.h"

#include <errno.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/assert.h"
#include "base/buf.h"
#include "base/escape.h"
#include "base/json.h"

/* CloudWatch Logs' own limit for one event. */
#define LINE_BYTES_MAX ((size_t)256 * 1024)
/* Kept free for the marker and the end of the line. */
#define END_BYTES ((size_t)32)
/* Ids come from outside (a UUID, a tenant's name): an odd one must not fill the line. */
#define ID_BYTES_MAX ((size_t)256)

static const char *const level_names[] = {"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"};
#define LEVEL_COUNT (sizeof(level_names) / sizeof(level_names[0]))

bool log_level_parse(str name, enum log_level *level) {
    for (size_t i = 0; i < LEVEL_COUNT; i++) {
        if (str_eq_ignore_case(name, str_from_cstr(level_names[i]))) {
            *level = (enum log_level)i;
            return true;
        }
    }
    return false;
}

const char *log_level_name(enum log_level level) {
    ASSERT((size_t)level < LEVEL_COUNT);
    return level_names[level];
}

enum log_level log_level_passing(const struct log *log) {
    return log->level_min > LOG_INFO ? log->level_min : LOG_INFO;
}

bool log_format_parse(str name, enum log_format *format) {
    bool is_json = str_eq_ignore_case(name, STR("JSON"));
    bool is_text = str_eq_ignore_case(name, STR("Text"));
    *format = is_json ? LOG_FORMAT_JSON : is_text ? LOG_FORMAT_TEXT : *format;
    return is_json || is_text;
}

/* A line being put together. Once something had to be cut, nothing more is added. */
struct line {
    struct buf buf;
    enum log_format format;
    bool is_cut;
};

static bool needs_quotes(str value) {
    str rest = value;
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];
        if (c == ' ' || c == '"' || c == '=' || c == '\\') {
            return true;
        }
    }
    return value.len == 0 || escape_take_shown(&rest).len < value.len;
}

/* In quotes a backslash is doubled, so that one alone always begins an escape. */
static void append_quoted_part(struct buf *out, str part) {
    for (size_t i = 0; i < part.len; i++) {
        if (part.ptr[i] == '"' || part.ptr[i] == '\\') {
            buf_append_char(out, '\\');
        }
        buf_append_char(out, part.ptr[i]);
    }
}

static void append_text_value(struct buf *out, str value) {
    if (!needs_quotes(value)) {
        buf_append(out, value);
        return;
    }
    buf_append_char(out, '"');
    while (value.len > 0) {
        append_quoted_part(out, escape_take_shown(&value));
        if (value.len > 0) {
            buf_append(out, str_from_cstr(escape_take(&value).text));
        }
    }
    buf_append_char(out, '"');
}

static void append_field(struct line *line, const struct log_field *field, str text) {
    struct buf *out = &line->buf;
    bool is_json = line->format == LOG_FORMAT_JSON;
    if (is_json) {
        buf_append_char(out, ',');
        json_append_quoted(out, str_from_cstr(field->key));
        buf_append_char(out, ':');
    } else if (line->format == LOG_FORMAT_NOTE) {
        buf_append(out, STR(": "));
    } else {
        buf_printf(out, " %s=", field->key);
    }
    if (field->is_number) {
        buf_printf(out, "%lld", (long long)field->number);
    } else if (is_json) {
        json_append_quoted(out, text);
    } else if (line->format == LOG_FORMAT_NOTE) {
        buf_append(out, text);
    } else {
        append_text_value(out, text);
    }
}

/* The first half of `text`, not ending inside a character. */
static str first_half(str text) {
    size_t end = text.len / 2;
    while (end > 0 && ((unsigned char)text.ptr[end] & 0xC0) == 0x80) {
        end--;
    }
    return str_slice(text, 0, end);
}

/* A value that does not fit is halved until it does: how much longer quoting makes it is not known
 * beforehand. A field without text left is dropped whole. At most 18 rounds for the longest
 * line. */
static void add_field(struct line *line, const struct log_field *field) {
    if (line->is_cut) {
        return;
    }
    size_t before = line->buf.len;
    str text = str_slice(field->text, 0, LINE_BYTES_MAX);
    append_field(line, field, text);
    while (buf_status(&line->buf) != STATUS_OK) {
        line->is_cut = true;
        buf_rewind(&line->buf, before);
        text = first_half(text);
        if (text.len == 0) {
            return;
        }
        append_field(line, field, text);
    }
}

/* Timestamp, level, request id, event: always fit. */
static void begin_line(struct line *line, str time, const char *level, str request_id, str event) {
    struct buf *out = &line->buf;
    if (line->format == LOG_FORMAT_JSON) {
        buf_append(out, STR("{\"timestamp\":"));
        json_append_quoted(out, time);
        buf_printf(out, ",\"level\":\"%s\"", level);
        append_field(line, &LOG_STR("event", event), event);
        if (request_id.len > 0) {
            append_field(line, &LOG_STR("requestId", request_id), request_id);
        }
    } else if (line->format == LOG_FORMAT_NOTE) {
        buf_printf(out, "%s %" STR_FMT, level[0] == 'W' ? "warning" : "error", STR_ARG(event));
    } else {
        buf_printf(out, "%" STR_FMT " %s ", STR_ARG(time), level);
        append_text_value(out, request_id.len > 0 ? request_id : STR("-"));
        buf_append_char(out, ' ');
        append_text_value(out, event);
    }
}

static str end_line(struct line *line) {
    bool is_json = line->format == LOG_FORMAT_JSON;
    line->buf.bytes_max += END_BYTES;
    if (line->is_cut) {
        buf_append(&line->buf, is_json ? STR(",\"truncated\":true") : STR(" truncated=true"));
    }
    buf_append(&line->buf, is_json ? STR("}\n") : STR("\n"));
    ASSERT(buf_status(&line->buf) == STATUS_OK);
    return buf_str(&line->buf);
}

/* Logging never fails the work that it reports: what stderr does not take is lost. */
static void write_stderr(str line) {
    while (line.len > 0) {
        ssize_t written = write(STDERR_FILENO, line.ptr, line.len);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            return;
        }
        line = str_slice(line, (size_t)written, line.len);
    }
}

void log_write(const struct log *log, enum log_level level, const char *event,
               const struct log_field *fields, size_t field_count) {
    const char *level_name = log_level_name(level);
    if (level < log->level_min) {
        return;
    }
    /* of its own: a long invocation that logs much must not grow by it */
    struct arena arena = {0};
    struct line line = {.format = log->format};
    buf_init(&line.buf, &arena, LINE_BYTES_MAX - END_BYTES);
    begin_line(&line, time_format_iso8601(&arena, log->clock->now_ms(log->clock)), level_name,
               str_slice(log->request_id, 0, ID_BYTES_MAX),
               str_slice(str_from_cstr(event), 0, ID_BYTES_MAX));
    if (log->tenant_id.len > 0) {
        add_field(&line, &LOG_STR("tenantId", str_slice(log->tenant_id, 0, ID_BYTES_MAX)));
    }
    for (size_t i = 0; i < field_count; i++) {
        add_field(&line, &fields[i]);
    }
    str text = end_line(&line);
    if (log->write != NULL) {
        log->write(log->context, text);
    } else {
        write_stderr(text);
    }
    arena_clean_up(&arena);
}
