/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/escape.h"
#include "base/json.h"

#define COUNT(table)   (sizeof(table) / sizeof((table)[0]))
#define LINE_BYTES_MAX ((size_t)256 * 1024)
#define TIME           "2026-11-23T08:00:00.123Z"
#define ID             "8476a536-e9f4-11e8-9739-2dfe598c3fcd"

static int64_t fixed_now_ms(const struct clock *clock) {
    (void)clock;
    return INT64_C(1795420800123);
}

static const struct clock fixed_clock = {.now_ms = fixed_now_ms};

/* What the log wrote, in an arena of the test's. */
struct capture {
    struct arena arena;
    str line;
    int count;
};

static void capture_line(void *context, str line) {
    struct capture *capture = context;
    capture->line = str_copy(&capture->arena, line);
    capture->count++;
}

static struct log log_into(struct capture *capture, enum log_format format) {
    return (struct log){
        .clock = &fixed_clock,
        .level_min = LOG_TRACE,
        .format = format,
        .request_id = STR(ID),
        .write = capture_line,
        .context = capture,
    };
}

static int set_up(void **state) {
    static struct capture capture;
    capture = (struct capture){0};
    *state = &capture;
    return 0;
}

static int tear_down(void **state) {
    struct capture *capture = *state;
    arena_clean_up(&capture->arena);
    return 0;
}

static void expect_line(const struct capture *capture, const char *expected) {
    assert_int_equal(capture->count, 1);
    assert_string_equal(capture->line.ptr, expected);
}

static const struct json *parse_line(struct capture *capture) {
    const struct json *root = NULL;
    struct json_problem problem = {0};
    str line = capture->line;
    assert_int_equal(str_find_char(line, '\n'), line.len - 1);
    if (json_parse(&capture->arena, line, &JSON_LIMITS_DEFAULT, &root, &problem) != STATUS_OK) {
        fail_msg("%s at %zu", problem.what, problem.position);
    }
    return root;
}

/* `size` times `part` */
static str repeated(struct capture *capture, const char *part, size_t size) {
    size_t length = strlen(part);
    char *text = arena_alloc(&capture->arena, size * length);
    for (size_t i = 0; i < size; i++) {
        memcpy(text + i * length, part, length);
    }
    return (str){text, size * length};
}

static void log_json_line_has_lambdas_keys_then_fields(void **state) {
    struct log log = log_into(*state, LOG_FORMAT_JSON);
    LOG(&log, LOG_WARN, "report_failed", LOG_STR("arn", STR("arn:aws:x")), LOG_INT("failed", -3));
    expect_line(*state,
                "{\"timestamp\":\"" TIME "\",\"level\":\"WARN\",\"event\":\"report_failed\","
                "\"requestId\":\"" ID "\",\"arn\":\"arn:aws:x\",\"failed\":-3}\n");
}

static void log_json_outside_an_invocation_has_no_ids(void **state) {
    struct log log = log_into(*state, LOG_FORMAT_JSON);
    log.request_id = STR_EMPTY;
    log_write(&log, LOG_INFO, "started", NULL, 0);
    expect_line(*state, "{\"timestamp\":\"" TIME "\",\"level\":\"INFO\",\"event\":\"started\"}\n");
}

static void log_json_with_a_tenant_names_it(void **state) {
    struct log log = log_into(*state, LOG_FORMAT_JSON);
    log.tenant_id = STR("blue");
    log_write(&log, LOG_ERROR, "x", NULL, 0);
    const struct json *root = parse_line(*state);
    assert_true(str_eq(json_get_string(root, "tenantId"), STR("blue")));
    assert_true(str_eq(json_get_string(root, "requestId"), STR(ID)));
}

static void log_json_values_are_escaped(void **state) {
    static const struct {
        const char *name;
        str given;
        str expected;
    } rows[] = {
        {"quotes and backslash", {"\"\\", 2}, {"\"\\", 2}},
        {"line feeds", {"a\nb\r\nc", 6}, {"a\nb\r\nc", 6}},
        {"control characters", {"\x01\x1F\x1B[31m\x7F", 8}, {"\x01\x1F\x1B[31m\x7F", 8}},
        {"more than ASCII", {"\xC3\xA4\xF0\x9F\x98\x80", 6}, {"\xC3\xA4\xF0\x9F\x98\x80", 6}},
        {"no UTF-8", {"a\xFFz", 3}, {"a\xEF\xBF\xBDz", 5}},
        {"C1 and line separators", {"\xC2\x9B\xE2\x80\xA8", 5}, {"\xC2\x9B\xE2\x80\xA8", 5}},
        {"text turned round", {"\xE2\x80\xAEtxet", 7}, {"\xE2\x80\xAEtxet", 7}},
        {"empty", {NULL, 0}, {"", 0}},
    };
    struct capture *capture = *state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct log log = log_into(capture, LOG_FORMAT_JSON);
        LOG(&log, LOG_INFO, "x", LOG_STR("value", rows[i].given));
        const struct json *root = parse_line(capture);
        str shown = str_slice(capture->line, 0, capture->line.len - 1);
        if (escape_take_shown(&shown).len != capture->line.len - 1) {
            fail_msg("%s: %" STR_FMT, rows[i].name, STR_ARG(capture->line));
        }
        if (!json_is_string(json_get(root, "value")) ||
            !str_eq(json_get_string(root, "value"), rows[i].expected)) {
            fail_msg("%s", rows[i].name);
        }
    }
}

static void log_integers_of_any_size_are_whole(void **state) {
    struct log log = log_into(*state, LOG_FORMAT_TEXT);
    LOG(&log, LOG_INFO, "x", LOG_INT("a", INT64_MAX), LOG_INT("b", INT64_MIN), LOG_INT("c", 0));
    expect_line(*state, TIME " INFO " ID " x a=9223372036854775807 b=-9223372036854775808 c=0\n");
}

static void log_text_line_is_time_level_id_event_fields(void **state) {
    struct log log = log_into(*state, LOG_FORMAT_TEXT);
    log.tenant_id = STR("blue");
    LOG(&log, LOG_WARN, "report_failed", LOG_STR("arn", STR("arn:aws:x")), LOG_INT("failed", 3));
    expect_line(*state, TIME " WARN " ID " report_failed tenantId=blue arn=arn:aws:x failed=3\n");
}

static void log_text_outside_an_invocation_keeps_the_ids_place(void **state) {
    struct log log = log_into(*state, LOG_FORMAT_TEXT);
    log.request_id = STR_EMPTY;
    log_write(&log, LOG_FATAL, "stopped", NULL, 0);
    expect_line(*state, TIME " FATAL - stopped\n");
}

static void log_text_values_are_quoted_where_needed_and_keep_one_line(void **state) {
    static const struct {
        const char *name;
        str given;
        const char *expected;
    } rows[] = {
        {"plain", {"a-b:c/d", 7}, "a-b:c/d"},
        {"empty", {NULL, 0}, "\"\""},
        {"blank", {"a b", 3}, "\"a b\""},
        {"quote", {"a\"b", 3}, "\"a\\\"b\""},
        {"backslash", {"a\\b", 3}, "\"a\\\\b\""},
        {"equals sign", {"a=b", 3}, "\"a=b\""},
        {"line feed", {"a\nb", 3}, "\"a\\nb\""},
        {"carriage return", {"a\rb", 3}, "\"a\\rb\""},
        {"forged line", {"x\n" TIME " FATAL", 32}, "\"x\\n" TIME " FATAL\""},
        {"terminal escape", {"\x1B[31m", 5}, "\"\\x1b[31m\""},
        {"what looks like an escape", {"\\x1b", 4}, "\"\\\\x1b\""},
        {"NUL and DEL", {"a\0\x7F", 3}, "\"a\\x00\\x7f\""},
        {"more than ASCII", {"\xC3\xA4", 2}, "\xC3\xA4"},
        {"C1",
         {"\xC2\x9B"
          "31m",
          5},
         "\"\\u009b31m\""},
        {"text turned round", {"\xE2\x80\xAEtxet", 7}, "\"\\u202etxet\""},
        {"no UTF-8", {"a\xFFz", 3}, "\"a\\xffz\""},
    };
    struct capture *capture = *state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct log log = log_into(capture, LOG_FORMAT_TEXT);
        LOG(&log, LOG_INFO, "x", LOG_STR("v", rows[i].given));
        str expected = str_format(&capture->arena, TIME " INFO " ID " x v=%s\n", rows[i].expected);
        if (!str_eq(capture->line, expected)) {
            fail_msg("%s: %" STR_FMT, rows[i].name, STR_ARG(capture->line));
        }
    }
}

static void log_text_odd_request_id_cannot_forge_a_line(void **state) {
    struct log log = log_into(*state, LOG_FORMAT_TEXT);
    log.request_id = STR("a\nb");
    log_write(&log, LOG_INFO, "x", NULL, 0);
    expect_line(*state, TIME " INFO \"a\\nb\" x\n");
}

static void log_below_the_least_level_is_dropped(void **state) {
    struct capture *capture = *state;
    for (int least = LOG_TRACE; least <= LOG_FATAL; least++) {
        for (int level = LOG_TRACE; level <= LOG_FATAL; level++) {
            struct log log = log_into(capture, LOG_FORMAT_JSON);
            log.level_min = (enum log_level)least;
            capture->count = 0;
            log_write(&log, (enum log_level)level, "x", NULL, 0);
            assert_int_equal(capture->count, level >= least ? 1 : 0);
        }
    }
}

static void log_value_too_long_is_cut_and_marked_and_still_json(void **state) {
    static const struct {
        const char *name;
        const char *part;
        size_t count;
    } rows[] = {
        {"plain", "a", 300000},
        {"just too long", "a", 256 * 1024},
        {"grows sixfold", "\x01", 300000},
        {"grows threefold", "\xFF", 300000},
        {"characters of three bytes", "\xE2\x82\xAC", 100000},
        {"characters of four bytes", "\xF0\x9F\x98\x80", 100000},
        {"far too long", "\"", 5000000},
    };
    struct capture *capture = *state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct log log = log_into(capture, LOG_FORMAT_JSON);
        str text = repeated(capture, rows[i].part, rows[i].count);
        LOG(&log, LOG_INFO, "x", LOG_INT("n", 1), LOG_STR("long", text), LOG_INT("after", 2));
        const struct json *root = parse_line(capture);
        str kept = json_get_string(root, "long");
        double number = 0;
        if (!json_bool(json_get(root, "truncated"), false) || json_get(root, "after") != NULL ||
            !json_number(json_get(root, "n"), &number) || capture->line.len > LINE_BYTES_MAX ||
            capture->line.len < LINE_BYTES_MAX / 3 ||
            (rows[i].part[0] != '\xFF' && !str_starts_with(text, kept))) {
            fail_msg("%s: line of %zu, %zu kept", rows[i].name, capture->line.len, kept.len);
        }
    }
}

static void log_line_that_just_fits_is_not_marked(void **state) {
    struct capture *capture = *state;
    struct log log = log_into(capture, LOG_FORMAT_JSON);
    LOG(&log, LOG_INFO, "x", LOG_STR("long", repeated(capture, "a", LINE_BYTES_MAX - 300)));
    const struct json *root = parse_line(capture);
    assert_int_equal(json_get_string(root, "long").len, LINE_BYTES_MAX - 300);
    assert_null(json_get(root, "truncated"));
}

static void log_too_many_fields_are_cut_between_fields(void **state) {
    struct capture *capture = *state;
    enum { FIELDS = 20000 };
    struct log_field *fields = ARENA_ARRAY(&capture->arena, struct log_field, FIELDS);
    for (int i = 0; i < FIELDS; i++) {
        str key = str_format(&capture->arena, "key_%d", i);
        fields[i] = LOG_INT(key.ptr, 1000000 + i);
    }
    struct log log = log_into(capture, LOG_FORMAT_JSON);
    log_write(&log, LOG_INFO, "x", fields, FIELDS);
    assert_true(capture->line.len <= LINE_BYTES_MAX);
    const struct json *root = parse_line(capture);
    assert_true(json_bool(json_get(root, "truncated"), false));
    assert_true(json_count(root) > 10000);
    log = log_into(capture, LOG_FORMAT_TEXT);
    log_write(&log, LOG_INFO, "x", fields, FIELDS);
    assert_true(capture->line.len <= LINE_BYTES_MAX);
    assert_true(str_ends_with(capture->line, STR(" truncated=true\n")));
    assert_int_equal(str_find_char(capture->line, '\n'), capture->line.len - 1);
}

static void log_text_cut_in_a_quoted_value_closes_its_quote(void **state) {
    struct capture *capture = *state;
    struct log log = log_into(capture, LOG_FORMAT_TEXT);
    LOG(&log, LOG_INFO, "x", LOG_STR("long", repeated(capture, "a ", 300000)));
    assert_true(capture->line.len <= LINE_BYTES_MAX);
    assert_true(str_ends_with(capture->line, STR("\" truncated=true\n")));
}

static void log_odd_ids_and_event_do_not_fill_the_line(void **state) {
    struct capture *capture = *state;
    str huge = repeated(capture, "\x01", 300000);
    struct log log = log_into(capture, LOG_FORMAT_JSON);
    log.request_id = huge;
    log.tenant_id = huge;
    LOG(&log, LOG_INFO, str_to_cstr(&capture->arena, huge), LOG_INT("n", 1));
    const struct json *root = parse_line(capture);
    assert_true(json_is_number(json_get(root, "n")));
    assert_true(capture->line.len < 8000);
}

static void log_level_parse_takes_lambdas_names_in_any_case(void **state) {
    (void)state;
    static const struct {
        str name;
        bool is_known;
        enum log_level level;
    } rows[] = {
        {{"TRACE", 5}, true, LOG_TRACE},   {{"debug", 5}, true, LOG_DEBUG},
        {{"Info", 4}, true, LOG_INFO},     {{"WARN", 4}, true, LOG_WARN},
        {{"ERROR", 5}, true, LOG_ERROR},   {{"fAtAl", 5}, true, LOG_FATAL},
        {{"WARNING", 7}, false, LOG_INFO}, {{"INF", 3}, false, LOG_INFO},
        {{" INFO", 5}, false, LOG_INFO},   {{NULL, 0}, false, LOG_INFO},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        enum log_level level = LOG_ERROR;
        bool is_known = log_level_parse(rows[i].name, &level);
        enum log_level expected = rows[i].is_known ? rows[i].level : LOG_ERROR;
        if (is_known != rows[i].is_known || level != expected) {
            fail_msg("\"%" STR_FMT "\"", STR_ARG(rows[i].name));
        }
    }
}

static void log_format_parse_takes_text_and_json_in_any_case(void **state) {
    (void)state;
    enum log_format format = LOG_FORMAT_TEXT;
    assert_true(log_format_parse(STR("JSON"), &format));
    assert_int_equal(format, LOG_FORMAT_JSON);
    assert_false(log_format_parse(STR("XML"), &format));
    assert_false(log_format_parse(STR_EMPTY, &format));
    assert_int_equal(format, LOG_FORMAT_JSON);
    assert_true(log_format_parse(STR("text"), &format));
    assert_int_equal(format, LOG_FORMAT_TEXT);
    assert_true(log_format_parse(STR("json"), &format));
    assert_int_equal(format, LOG_FORMAT_JSON);
}

static struct log log_to_stderr(void) {
    return (struct log){.clock = &fixed_clock, .format = LOG_FORMAT_TEXT, .request_id = STR(ID)};
}

/* Puts `fd` in the place of stderr while one line is logged; -1 closes stderr. */
static void log_with_stderr_at(int fd, const struct log *log, str value) {
    fflush(stderr);
    int kept = dup(STDERR_FILENO);
    if (fd < 0) {
        close(STDERR_FILENO);
    } else {
        dup2(fd, STDERR_FILENO);
    }
    LOG(log, LOG_INFO, "x", LOG_STR("v", value));
    dup2(kept, STDERR_FILENO);
    close(kept);
}

static void log_without_a_writer_goes_to_stderr(void **state) {
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    struct log log = log_to_stderr();
    log_with_stderr_at(ends[1], &log, STR("a"));
    close(ends[1]);
    char said[200] = {0};
    assert_true(read(ends[0], said, sizeof(said) - 1) > 0);
    close(ends[0]);
    assert_string_equal(said, TIME " INFO " ID " x v=a\n");
}

static void log_to_a_closed_stderr_is_lost_without_harm(void **state) {
    (void)state;
    struct log log = log_to_stderr();
    log_with_stderr_at(-1, &log, STR("a"));
}

static void log_to_a_broken_pipe_is_lost_without_harm(void **state) {
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct sigaction before;
    sigaction(SIGPIPE, &ignore, &before);
    struct log log = log_to_stderr();
    log_with_stderr_at(ends[1], &log, STR("a"));
    sigaction(SIGPIPE, &before, NULL);
    close(ends[1]);
}

static void ignore_signal(int number) {
    (void)number;
}

/* Reads the pipe in small bites and signals the writer twice before each of the first: its blocked
 * write(2) ends short, the next one with EINTR. Exits with 0 when all bytes came and end the line.
 */
static void read_disturbing(int fd, pid_t writer, size_t expected) {
    const struct timespec pause = {.tv_nsec = 2000000};
    static char bite[8192];
    size_t total = 0;
    ssize_t got = 0;
    char last = 0;
    for (int round = 0;; round++) {
        for (int i = 0; i < 2 && round < 8; i++) {
            nanosleep(&pause, NULL);
            kill(writer, SIGUSR1);
        }
        if ((got = read(fd, bite, sizeof(bite))) <= 0) {
            break;
        }
        total += (size_t)got;
        last = bite[got - 1];
    }
    _exit(total == expected && last == '\n' ? 0 : 1);
}

static void log_write_cut_short_by_signals_is_completed(void **state) {
    struct capture *capture = *state;
    str value = repeated(capture, "a", 200000);
    struct log log = log_to_stderr();
    size_t expected = value.len + strlen(TIME " INFO " ID " x v=\n");
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    const struct sigaction action = {.sa_handler = ignore_signal}; /* without SA_RESTART */
    struct sigaction before;
    sigaction(SIGUSR1, &action, &before);
    pid_t writer = getpid();
    fflush(NULL);
    pid_t reader = fork();
    if (reader == 0) {
        close(ends[1]);
        read_disturbing(ends[0], writer, expected);
    }
    close(ends[0]);
    log_with_stderr_at(ends[1], &log, value);
    close(ends[1]);
    int ended = -1;
    while (waitpid(reader, &ended, 0) < 0 && errno == EINTR) {
    }
    sigaction(SIGUSR1, &before, NULL);
    assert_true(WIFEXITED(ended));
    assert_int_equal(WEXITSTATUS(ended), 0);
}

#define CAPTURING(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CAPTURING(log_json_line_has_lambdas_keys_then_fields),
        CAPTURING(log_json_outside_an_invocation_has_no_ids),
        CAPTURING(log_json_with_a_tenant_names_it),
        CAPTURING(log_json_values_are_escaped),
        CAPTURING(log_integers_of_any_size_are_whole),
        CAPTURING(log_text_line_is_time_level_id_event_fields),
        CAPTURING(log_text_outside_an_invocation_keeps_the_ids_place),
        CAPTURING(log_text_values_are_quoted_where_needed_and_keep_one_line),
        CAPTURING(log_text_odd_request_id_cannot_forge_a_line),
        CAPTURING(log_below_the_least_level_is_dropped),
        CAPTURING(log_value_too_long_is_cut_and_marked_and_still_json),
        CAPTURING(log_line_that_just_fits_is_not_marked),
        CAPTURING(log_too_many_fields_are_cut_between_fields),
        CAPTURING(log_text_cut_in_a_quoted_value_closes_its_quote),
        CAPTURING(log_odd_ids_and_event_do_not_fill_the_line),
        CAPTURING(log_level_parse_takes_lambdas_names_in_any_case),
        CAPTURING(log_format_parse_takes_text_and_json_in_any_case),
        CAPTURING(log_without_a_writer_goes_to_stderr),
        CAPTURING(log_to_a_closed_stderr_is_lost_without_harm),
        CAPTURING(log_to_a_broken_pipe_is_lost_without_harm),
        CAPTURING(log_write_cut_short_by_signals_is_completed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
