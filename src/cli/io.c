/* SPDX-License-Identifier: Apache-2.0 */
#include "cli_internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static enum status read_stream(
    FILE *stream, const char *name, struct buf *text, struct arena *arena, struct error *error) {
    char block[65536];
    size_t count;
    while (!text->is_too_large && (count = fread(block, 1, sizeof block, stream)) > 0) {
        buf_append(text, (str){block, count});
    }
    if (ferror(stream)) {
        return error_set(error, arena, STATUS_INVALID, "%s: %s", name, strerror(errno));
    }
    if (buf_status(text) != STATUS_OK) {
        return error_set(
            error, arena, STATUS_TOO_LARGE, "%s: larger than %zu bytes", name, text->bytes_max);
    }
    return STATUS_OK;
}

enum status read_input(
    const char *path, size_t bytes_max, struct arena *arena, str *text_out, struct error *error) {
    struct buf text;
    buf_init(&text, arena, bytes_max);
    if (strcmp(path, "-") == 0) {
        TRY(read_stream(stdin, "standard input", &text, arena, error));
    } else {
        FILE *file = fopen(path, "rb");
        if (file == NULL) {
            return error_set(error, arena, STATUS_INVALID, "%s: %s", path, strerror(errno));
        }
        enum status status = read_stream(file, path, &text, arena, error);
        (void)fclose(file);
        TRY(status);
    }
    *text_out = buf_str(&text);
    return STATUS_OK;
}

bool print_line(str line) {
    (void)fwrite(line.ptr, 1, line.len, stdout);
    (void)fputc('\n', stdout);
    return flush_output();
}

bool write_output(const char *path, str text) {
    if (path == NULL || strcmp(path, "-") == 0) {
        (void)fwrite(text.ptr, 1, text.len, stdout);
        return flush_output();
    }
    FILE *file = fopen(path, "wb");
    bool is_written = file != NULL && fwrite(text.ptr, 1, text.len, file) == text.len;
    if (file != NULL && fclose(file) != 0) {
        is_written = false;
    }
    if (!is_written) {
        complain("%s: %s", path, strerror(errno));
    }
    return is_written;
}

bool flush_output(void) {
    /* What did not fit its buffer was written, or not, before. */
    bool is_written = fflush(stdout) == 0 && !ferror(stdout);
    if (!is_written) {
        complain("cannot write to standard output: %s", strerror(errno));
    }
    return is_written;
}

void complain(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    (void)fputs("bootstrap: ", stderr);
    (void)vfprintf(stderr, format, arguments);
    (void)fputc('\n', stderr);
    va_end(arguments);
}

enum cli_exit usage_error(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    (void)fputs("bootstrap: ", stderr);
    (void)vfprintf(stderr, format, arguments);
    (void)fputs("\nTry \"bootstrap help\".\n", stderr);
    va_end(arguments);
    return CLI_USAGE;
}
