/* SPDX-License-Identifier: Apache-2.0
 *
 * Lines whose reader is slow, absent or gone.
 */
#include "base/log_stream.h"

#include "unit.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"

#define TIME      "2026-11-23T08:00:00.123Z"
#define PIPE_ROOM ((size_t)16 * 1024 * 1024)

static int64_t fixed_now_ms(const struct clock *clock) {
    (void)clock;
    return INT64_C(1795420800123);
}

static const struct clock fixed_clock = {.now_ms = fixed_now_ms};

struct world {
    struct arena arena;
    struct log_stream stream;
    struct log log;
    int ends[2];
};

#define WITHOUT_END (-1)

static int open_world(void **state) {
    static struct world world;
    world = (struct world){
        .log = {.clock = &fixed_clock, .level_min = LOG_INFO, .format = LOG_FORMAT_TEXT}};
    assert_int_equal(pipe(world.ends), 0);
    log_stream_init(&world.stream, world.ends[1]);
    log_stream_attach(&world.stream, &world.log);
    *state = &world;
    return 0;
}

static int close_world(void **state) {
    struct world *world = *state;
    for (int i = 0; i < 2; i++) {
        if (world->ends[i] >= 0) {
            (void)close(world->ends[i]);
        }
    }
    arena_clean_up(&world->arena);
    return 0;
}

static void write_line(struct world *world, const char *line) {
    log_stream_write(&world->stream, str_from_cstr(line));
}

static str line_of(struct world *world, size_t size) {
    char *text = arena_alloc(&world->arena, size);
    memset(text, 'a', size);
    text[size - 1] = '\n';
    return (str){text, size};
}

/* All that is in the pipe now. */
static str drain(struct world *world) {
    char *text = arena_alloc(&world->arena, PIPE_ROOM);
    size_t size = 0;
    ssize_t got;
    assert_int_equal(fcntl(world->ends[0], F_SETFL, O_NONBLOCK), 0);
    while ((got = read(world->ends[0], text + size, PIPE_ROOM - size)) > 0) {
        size += (size_t)got;
    }
    return (str){text, size};
}

/* Until a line was lost, as whole lines: the next one finds the pipe full. */
static int64_t fill(struct world *world) {
    int64_t written = 0;
    str line = line_of(world, 4096);
    while (world->stream.lost == 0) {
        log_stream_write(&world->stream, line);
        written++;
    }
    return written - 1;
}

static void line_is_written_as_it_is(void **state) {
    struct world *world = *state;
    LOG(&world->log, LOG_INFO, "x", LOG_INT("n", 1));
    str said = drain(world);
    assert_true(str_eq(said, STR(TIME " INFO - x n=1\n")));
}

static void line_that_nobody_reads_is_lost_and_counted_without_another_wait(void **state) {
    struct world *world = *state;
    int64_t written = fill(world);
    assert_true(written > 0);
    world->stream.reader_wait_ms = WITHOUT_END; /* a wait now never returns */
    for (int i = 0; i < 1000; i++) {
        write_line(world, "lost\n");
    }
    assert_int_equal(world->stream.lost, 1001);
    str said = drain(world);
    assert_int_equal(said.len, written * 4096);
}

static void lost_lines_are_reported_once_when_writing_works_again(void **state) {
    struct world *world = *state;
    (void)fill(world);
    write_line(world, "lost\n");
    (void)drain(world);
    write_line(world, "first\n");
    write_line(world, "second\n");
    assert_true(str_eq(drain(world), STR(TIME " WARN - log_lines_lost lines=2\nfirst\nsecond\n")));
}

static void end_of_a_cut_line_is_written_before_the_next_one(void **state) {
    struct world *world = *state;
    log_stream_write(&world->stream, line_of(world, 1024 * 1024));
    assert_int_equal(world->stream.lost, 1);
    str beginning = drain(world);
    assert_true(beginning.len > 0 && beginning.len < 1024 * 1024);
    assert_int_equal(str_find_char(beginning, '\n'), beginning.len);
    write_line(world, "next\n");
    assert_true(str_eq(drain(world), STR("\n" TIME " WARN - log_lines_lost lines=1\nnext\n")));
}

static void notice_has_the_logs_own_format_and_level(void **state) {
    static const struct {
        const char *name;
        enum log_level level_min;
        const char *said;
    } rows[] = {
        {"WARN", LOG_WARN,
         "{\"timestamp\":\"" TIME "\",\"level\":\"WARN\",\"event\":\"log_lines_lost\","
         "\"lines\":1}\nnext\n"},
        {"ERROR", LOG_ERROR, "next\n"},
    };
    struct world *world = *state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        world->log = (struct log){
            .clock = &fixed_clock, .level_min = rows[i].level_min, .format = LOG_FORMAT_JSON};
        log_stream_init(&world->stream, world->ends[1]);
        log_stream_attach(&world->stream, &world->log);
        (void)fill(world);
        (void)drain(world);
        write_line(world, "next\n");
        if (!str_eq(drain(world), str_from_cstr(rows[i].said))) {
            fail_msg("%s", rows[i].name);
        }
    }
}

static void stream_without_a_log_loses_lines_silently(void **state) {
    struct world *world = *state;
    log_stream_init(&world->stream, world->ends[1]);
    (void)fill(world);
    (void)drain(world);
    write_line(world, "next\n");
    assert_true(str_eq(drain(world), STR("next\n")));
}

struct reading {
    int fd;
    pthread_t thread;
    size_t size;
    size_t line_count;
    size_t odd_count; /* lines with more than one letter in them */
};

/* In small bites, so that the writer finds the pipe full again and again. */
static void *read_all(void *context) {
    struct reading *reading = context;
    char bite[1024];
    char letter = 0;
    bool is_odd = false;
    ssize_t got;
    while ((got = read(reading->fd, bite, sizeof bite)) > 0) {
        for (ssize_t i = 0; i < got; i++) {
            if (bite[i] == '\n') {
                reading->line_count++;
                reading->odd_count += is_odd;
                letter = 0;
                is_odd = false;
            } else {
                is_odd = is_odd || (letter != 0 && letter != bite[i]);
                letter = bite[i];
            }
        }
        reading->size += (size_t)got;
    }
    return NULL;
}

static void begin_reading(const struct world *world, struct reading *reading) {
    *reading = (struct reading){.fd = world->ends[0]};
    assert_int_equal(fcntl(world->ends[0], F_SETFL, 0), 0);
    assert_int_equal(pthread_create(&reading->thread, NULL, read_all, reading), 0);
}

static void end_reading(struct world *world, struct reading *reading) {
    (void)close(world->ends[1]);
    world->ends[1] = -1;
    assert_int_equal(pthread_join(reading->thread, NULL), 0);
}

static void reader_is_waited_for_again_once_a_line_got_through(void **state) {
    struct world *world = *state;
    struct reading reading;
    (void)fill(world);
    (void)drain(world);
    write_line(world, "\n");
    assert_int_equal(world->stream.lost, 0);
    world->stream.reader_wait_ms = WITHOUT_END;
    begin_reading(world, &reading);
    log_stream_write(&world->stream, line_of(world, 1024 * 1024));
    end_reading(world, &reading);
    assert_int_equal(world->stream.lost, 0);
}

static void line_of_a_megabyte_arrives_whole_where_somebody_reads(void **state) {
    struct world *world = *state;
    struct reading reading;
    begin_reading(world, &reading);
    world->stream.reader_wait_ms = WITHOUT_END;
    log_stream_write(&world->stream, line_of(world, 1024 * 1024));
    end_reading(world, &reading);
    assert_int_equal(reading.size, 1024 * 1024);
    assert_int_equal(reading.line_count, 1);
    assert_int_equal(world->stream.lost, 0);
}

enum { WRITERS = 4, LINES_EACH = 20, LINE_BYTES = 20000 };

struct writer {
    struct log_stream *stream;
    char letter;
    pthread_t thread;
};

static void *write_lines(void *context) {
    const struct writer *writer = context;
    char line[LINE_BYTES];
    memset(line, writer->letter, sizeof line);
    line[sizeof line - 1] = '\n';
    for (int i = 0; i < LINES_EACH; i++) {
        log_stream_write(writer->stream, (str){line, sizeof line});
    }
    return NULL;
}

static void lines_of_several_threads_stay_whole(void **state) {
    struct world *world = *state;
    struct reading reading;
    struct writer writers[WRITERS];
    begin_reading(world, &reading);
    world->stream.reader_wait_ms = WITHOUT_END;
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){.stream = &world->stream, .letter = (char)('a' + i)};
        assert_int_equal(pthread_create(&writers[i].thread, NULL, write_lines, &writers[i]), 0);
    }
    for (int i = 0; i < WRITERS; i++) {
        assert_int_equal(pthread_join(writers[i].thread, NULL), 0);
    }
    end_reading(world, &reading);
    assert_int_equal(world->stream.lost, 0);
    assert_int_equal(reading.line_count, WRITERS * LINES_EACH);
    assert_int_equal(reading.odd_count, 0);
}

static void reader_that_is_gone_or_a_closed_stream_does_no_harm(void **state) {
    struct world *world = *state;
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct sigaction before;
    (void)sigaction(SIGPIPE, &ignore, &before);
    (void)close(world->ends[0]);
    world->ends[0] = -1;
    write_line(world, "lost\n");
    assert_int_equal(world->stream.lost, 1);
    (void)sigaction(SIGPIPE, &before, NULL);
    log_stream_init(&world->stream, -1);
    write_line(world, "lost\n");
    assert_int_equal(world->stream.lost, 1);
}

static bool is_blocking(int fd) {
    return (fcntl(fd, F_GETFL) & O_NONBLOCK) == 0;
}

static void only_pipes_and_sockets_become_non_blocking(void **state) {
    struct world *world = *state;
    int sockets[2];
    FILE *file = tmpfile();
    assert_non_null(file);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
    const struct {
        const char *name;
        int fd;
        bool is_blocking;
    } rows[] = {{"file", fileno(file), true},
                {"pipe", world->ends[1], false},
                {"socket", sockets[0], false}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        log_stream_init(&world->stream, rows[i].fd);
        assert_true(is_blocking(rows[i].fd));
        write_line(world, "line\n");
        if (is_blocking(rows[i].fd) != rows[i].is_blocking) {
            fail_msg("%s", rows[i].name);
        }
    }
    (void)close(sockets[0]);
    (void)close(sockets[1]);
    (void)fclose(file);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(line_is_written_as_it_is),
        TEST(line_that_nobody_reads_is_lost_and_counted_without_another_wait),
        TEST(lost_lines_are_reported_once_when_writing_works_again),
        TEST(end_of_a_cut_line_is_written_before_the_next_one),
        TEST(notice_has_the_logs_own_format_and_level),
        TEST(stream_without_a_log_loses_lines_silently),
        TEST(reader_is_waited_for_again_once_a_line_got_through),
        TEST(line_of_a_megabyte_arrives_whole_where_somebody_reads),
        TEST(lines_of_several_threads_stay_whole),
        TEST(reader_that_is_gone_or_a_closed_stream_does_no_harm),
        TEST(only_pipes_and_sockets_become_non_blocking),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
