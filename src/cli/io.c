/* SPDX-License-Identifier: Apache-2.0 */
#include "cli_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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

/* A closed descriptor would be given to the next file or connection, and what is printed would go
 * there. Each is taken by something that cannot be used: writing to a folder and reading from what
 * is open for writing fail. */
void keep_standard_files(void) {
    static const struct {
        const char *path;
        int flags;
    } STAND_INS[] = {
        [STDIN_FILENO] = {"/dev/null", O_WRONLY},
        [STDOUT_FILENO] = {"/", O_RDONLY},
        [STDERR_FILENO] = {"/dev/null", O_WRONLY},
    };
    for (int file = 0; file <= STDERR_FILENO; file++) {
        if (fcntl(file, F_GETFD) < 0) { /* the lowest that is free is the one that open() gives */
            (void)open(STAND_INS[file].path, STAND_INS[file].flags);
        }
    }
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
