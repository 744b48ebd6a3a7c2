/* SPDX-License-Identifier: Apache-2.0
 *
 * Input and output of the command line. Tags, file names and messages of AWS are outside text, and
 * a terminal obeys what it is sent: everything printed passes through `put`, whichever function
 * wrote it.
 */
#include "cli_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/escape.h"
#include "report/fleet.h"
#include "report/next_step.h"
#include "report/text_width.h"

static enum status read_stream(FILE *stream, const char *name, struct buf *text,
                               struct arena *arena, struct error *error) {
    char block[65536];
    size_t count;
    while (!text->is_too_large && (count = fread(block, 1, sizeof block, stream)) > 0) {
        buf_append(text, (str){block, count});
    }
    if (ferror(stream)) {
        return error_set(error, arena, STATUS_INVALID, "%s: %s", name, strerror(errno));
    }
    if (buf_status(text) != STATUS_OK) {
        return error_set(error, arena, STATUS_TOO_LARGE, "%s: larger than %zu bytes", name,
                         text->bytes_max);
    }
    return STATUS_OK;
}

enum status read_input(const char *path, size_t bytes_max, struct arena *arena, str *text_out,
                       struct error *error) {
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

/* --- printing: nothing of the command line reaches a stream but through `put` ---------------- */

enum layout {
    ONE_LINE, /* a line end is outside text, too */
    DOCUMENT  /* line ends stay, and colours on a terminal */
};

/* How many bytes at the start of `text`, whose first character is not to be shown, are layout of
 * ours: a line end or, on a terminal, a colour ("\x1b[1;31m"). Colours pass only on a terminal, and
 * only in the form that our own tables write: a tag that holds one was escaped by its cell
 * before. */
static size_t layout_length(str text, FILE *file) {
    size_t at = 2;
    if (str_starts_with(text, STR("\r\n"))) {
        return 2;
    }
    if (!str_starts_with(text, STR("\x1b[")) || isatty(fileno(file)) != 1) {
        return text.ptr[0] == '\n' ? 1 : 0;
    }
    while (at < text.len && (text.ptr[at] == ';' || (text.ptr[at] >= '0' && text.ptr[at] <= '9'))) {
        at++;
    }
    return at < text.len && text.ptr[at] == 'm' ? at + 1 : 0;
}

/* Tables, CSV, JSON and pages escape their own cells, each by its rules; this catches a cell that
 * one of them missed. false: the stream did not take all of it. */
static bool put(FILE *file, enum layout layout, str text) {
    while (text.len > 0) {
        str shown = text;
        size_t kept;
        do {
            (void)escape_take_shown(&text);
            kept = layout == DOCUMENT && text.len > 0 ? layout_length(text, file) : 0;
            text = str_slice(text, kept, text.len);
        } while (kept > 0);
        (void)fwrite(shown.ptr, 1, shown.len - text.len, file);
        if (text.len > 0) {
            (void)fputs(escape_take(&text).text, file);
        }
    }
    return !ferror(file);
}

bool print_line(str line) {
    (void)put(stdout, ONE_LINE, line);
    (void)fputc('\n', stdout);
    return flush_output();
}

size_t terminal_width(int file) {
    struct winsize size = {0};
    return isatty(file) == 1 && ioctl(file, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

static void put_wrapped(FILE *file, str text) {
    struct arena arena = {0};
    struct buf wrapped;
    size_t width = terminal_width(fileno(file));
    buf_init(&wrapped, &arena, DOCUMENT_BYTES_MAX);
    if (width > 0) {
        text_wrap(&wrapped, text, width);
    }
    bool is_wrapped = width > 0 && buf_status(&wrapped) == STATUS_OK;
    (void)put(file, DOCUMENT, is_wrapped ? buf_str(&wrapped) : text);
    arena_clean_up(&arena);
}

bool print_document(str text) {
    (void)put(stdout, DOCUMENT, text);
    return flush_output();
}

bool print_table(str text) {
    put_wrapped(stdout, text);
    return flush_output();
}

/* The next file or connection would get a closed descriptor, and with it what is printed. So each
 * is given to something that cannot be used: writing to a folder fails, and so does reading what is
 * open for writing. */
void keep_standard_files(void) {
    for (int file = 0; file <= STDERR_FILENO; file++) {
        if (fcntl(file, F_GETFD) < 0) { /* open() gives the lowest that is free: this one */
            bool is_stdout = file == STDOUT_FILENO;
            (void)open(is_stdout ? "/" : "/dev/null", is_stdout ? O_RDONLY : O_WRONLY);
        }
    }
}

bool flush_output(void) {
    /* An earlier write, of what did not fit the buffer, may have failed, too. */
    bool is_written = fflush(stdout) == 0 && !ferror(stdout);
    if (!is_written) {
        print_error("cannot write to standard output: %s", strerror(errno));
    }
    return is_written;
}

static const char *own_name = "desync-guard";

void set_program_name(const char *path) {
    own_name = str_eq(str_after_last(str_from_cstr(path), '/'), STR("bootstrap")) ? "bootstrap"
                                                                                  : "desync-guard";
}

const char *program_name(void) {
    return own_name;
}

/* In one piece, so that two threads or processes do not mix their lines. */
__attribute__((format(printf, 1, 0))) static void print_error_va(const char *format,
                                                                 va_list arguments, str advice) {
    struct arena arena = {0};
    str message = escape_text(&arena, str_format_va(&arena, format, arguments));
    str step = str_is_empty(advice) ? next_step(&arena, message) : STR_EMPTY;
    if (!str_is_empty(step)) {
        bool has_period = str_ends_with(message, STR("."));
        message = str_format(&arena, "%" STR_FMT "%s Next: %" STR_FMT, STR_ARG(message),
                             has_period ? "" : ".", STR_ARG(step));
    }
    str text = str_format(&arena, "%s: %" STR_FMT "\n%" STR_FMT, own_name, STR_ARG(message),
                          STR_ARG(advice));
    put_wrapped(stderr, text);
    arena_clean_up(&arena);
}

void print_error(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    print_error_va(format, arguments, STR_EMPTY);
    va_end(arguments);
}

bool ok_or_print(enum status status, const struct error *error) {
    if (status != STATUS_OK) {
        print_error("%" STR_FMT, STR_ARG(error->message));
    }
    return status == STATUS_OK;
}

enum cli_exit usage_error(const char *command, const char *format, ...) {
    struct arena arena = {0};
    va_list arguments;
    va_start(arguments, format);
    print_error_va(format, arguments,
                   str_format(&arena, "Try \"%s help%s%s\".\n", own_name,
                              command[0] == '\0' ? "" : " ", command));
    va_end(arguments);
    arena_clean_up(&arena);
    return CLI_USAGE;
}

void print_note(str text) {
    struct arena arena = {0};
    put_wrapped(stderr, str_format(&arena, "%" STR_FMT "\n", STR_ARG(text)));
    arena_clean_up(&arena);
}

/* People look at stderr, whatever the format of the document can say. */
void print_gaps(const struct fleet *fleet) {
    struct arena arena = {0};
    struct fleet_cause *causes;
    size_t count = fleet_gap_causes(fleet, &arena, &causes);
    for (size_t i = 0; i < count; i++) {
        print_error("%" STR_FMT ": %" STR_FMT, STR_ARG(causes[i].names), STR_ARG(causes[i].reason));
    }
    arena_clean_up(&arena);
}
