/* SPDX-License-Identifier: Apache-2.0
 *
 * Access logs that cannot be read, or not be counted: nothing is lost, nothing is counted twice,
 * and only what a repeat can mend is repeated.
 */
#include "log_world.h"

static struct log_world world;

static int open_world(void **state) {
    (void)state;
    log_begin(&world, LOG_VARIABLES);
    return 0;
}

static int close_world(void **state) {
    (void)state;
    log_end(&world);
    return 0;
}

#define PLAIN  LINE("2026-11-23T08:01:00.000000Z", "-", "-")
#define SEVERE LINE("2026-11-23T08:02:00.000000Z", "Severe", "BadContentLength")

#define NO_GZIP "its content is not gzip"

/* Damaged objects */

static str cut_short(str content) {
    return str_slice(content, 0, content.len - 4);
}

static str cut_within_its_last_line(str content) {
    return str_slice(content, 0, content.len - 12);
}

static char *copy_with_room(str content, size_t room) {
    char *copy = arena_alloc(&world.fake.arena, content.len + room);
    memcpy(copy, content.ptr, content.len);
    return copy;
}

static str with_trailing_bytes(str content) {
    char *copy = copy_with_room(content, 8);
    memcpy(copy + content.len, "and more", 8);
    return (str){copy, content.len + 8};
}

static str with_a_wrong_checksum(str content) {
    char *copy = copy_with_room(content, 0);
    copy[content.len - 8] = (char)(copy[content.len - 8] ^ 1);
    return (str){copy, content.len};
}

static const struct {
    const char *name;
    str (*damage)(str content);
    const char *counted;
    const char *why;
} DAMAGES[] = {
    {"cut short", cut_short, "3 2 0 0 1 0 2026-11-23T08:02:00.000Z", "cut short at byte"},
    {"cut within its last line", cut_within_its_last_line, "2 1 0 0 1 0 2026-11-23T08:02:00.000Z",
     "cut short at byte"},
    {"junk behind it", with_trailing_bytes, "3 2 0 0 1 0 2026-11-23T08:02:00.000Z",
     "foreign bytes behind"},
    {"wrong checksum", with_a_wrong_checksum, "3 2 0 0 1 0 2026-11-23T08:02:00.000Z",
     "damaged gzip data at byte"},
};

static void readable_part_of_a_damaged_object_is_counted_once(void **state) {
    for (size_t i = 0; i < sizeof DAMAGES / sizeof *DAMAGES; i++) {
        print_message("%s\n", DAMAGES[i].name);
        str content = log_zip(&world, LOG_TEXT(&world, PLAIN, SEVERE, PLAIN));
        log_put(&world, LOG_KEY, DAMAGES[i].damage(content));
        log_notify(&world);
        assert_false(world.reply.is_error);
        assert_true(str_contains(world.reply.body, STR("\"status\":\"damaged\"")));
        assert_true(str_contains(world.reply.body, str_from_cstr(DAMAGES[i].why)));
        assert_int_equal(log_logged(&world, "ERROR"), 1);
        assert_str(log_day(&world, LOG_ARN, "2026-11-23"), DAMAGES[i].counted);
        log_notify(&world);
        assert_true(str_contains(world.reply.body, STR("\"status\":\"duplicate\"")));
        assert_str(log_day(&world, LOG_ARN, "2026-11-23"), DAMAGES[i].counted);
        (void)close_world(state);
        (void)open_world(state);
    }
}

/* Whatever is in it, that it is there holds up nothing. */
static void object_that_does_not_start_as_gzip_is_skipped_with_a_log_line(void **state) {
    (void)state;
    static const struct {
        const char *name;
        str content;
        const char *why;
    } rows[] = {
        {"a line of an access log",
         {"http 2026-11-23T08:01:00.000000Z app/shop/1 -\n", 45},
         NO_GZIP},
        {"one byte", {"h", 1}, NO_GZIP},
        {"half of gzip's own", {"\x1f\x9d\x90", 3}, NO_GZIP},
        {"zeros", {"\0\0\0\0", 4}, NO_GZIP},
        {"nothing", {"", 0}, "it is empty"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        print_message("%s\n", rows[i].name);
        log_put(&world, LOG_KEY, rows[i].content);
        log_notify(&world);
        assert_false(world.reply.is_error);
        assert_true(str_contains(world.reply.body, STR("\"status\":\"skipped\",\"requests\":0")));
        assert_true(str_contains(world.reply.body, str_from_cstr(rows[i].why)));
        assert_int_equal(log_logged(&world, rows[i].why), i < 4 ? i + 1 : 1);
        assert_int_equal(log_logged(&world, "ERROR"), 0);
        assert_int_equal(world.table->count, 0);
    }
}

/* What was to be gzip is a log of which something is lost, however short it is. */
static void gzip_object_cut_at_its_start_is_damaged_and_not_retried(void **state) {
    (void)state;
    static const struct {
        const char *name;
        str content;
    } rows[] = {
        {"its first byte", {"\x1f", 1}},
        {"its first two", {"\x1f\x8b", 2}},
        {"no method that there is", {"\x1f\x8b\x00 and more", 12}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        print_message("%s\n", rows[i].name);
        log_put(&world, LOG_KEY, rows[i].content);
        log_notify(&world);
        assert_true(str_contains(world.reply.body, STR("\"status\":\"damaged\",\"requests\":0")));
        /* On the day of its delivery, and of no line the newest. */
        assert_str(log_day(&world, LOG_ARN, "2026-11-23"), "0 0 0 0 0 0 ");
        assert_str(log_not_understood(&world, LOG_ARN, "2026-11-23"), "0 0 0 1");
        log_notify(&world);
        assert_true(str_contains(world.reply.body, STR("\"status\":\"duplicate\"")));
        (void)close_world(state);
        (void)open_world(state);
    }
}

static void more_hours_than_a_file_can_have_are_an_error(void **state) {
    (void)state;
    struct log_line lines[101];
    for (size_t i = 0; i < 101; i++) {
        str day = date_format(&world.fake.arena, 20000 + (int64_t)i);
        str time = str_format(&world.fake.arena, "%" STR_FMT "T08:00:00.000000Z", STR_ARG(day));
        lines[i] = (struct log_line)LINE(str_to_cstr(&world.fake.arena, time), "-", "-");
    }
    log_put(&world, LOG_KEY, log_zip(&world, log_text_of(&world, lines, 100)));
    log_notify(&world);
    assert_false(world.reply.is_error);
    assert_int_equal(table_count(world.table, STR(LOG_ARN), "TRAFFIC#"), 100);
    log_put(&world, LOG_KEY, log_zip(&world, log_text_of(&world, lines, 101)))->e_tag = "e2";
    log_handle(&world, log_notification(&world, LOG_KEY, "e2"));
    assert_true(world.reply.is_error);
    assert_str(world.reply.error_type, "Function.NotCounted");
    assert_str(world.reply.error_message,
               "1 of 1 object was not counted; " LOG_KEY ": its lines are of more than 100 hours");
    assert_int_equal(table_count(world.table, STR(LOG_ARN), "TRAFFIC#"), 100);
}

/* What cannot be read */

static const struct {
    const char *name;
    struct fake_answer answer;
    bool is_error;
    const char *why;
} UNREAD[] = {
    {"gone",
     {.http_status = 404, .body = BODY("<Error><Code>NoSuchKey</Code></Error>")},
     false,
     "it does not exist any more"},
    {"replaced",
     {.http_status = 412, .body = BODY("<Error><Code>PreconditionFailed</Code></Error>")},
     false,
     "it was replaced since"},
    {"bucket gone",
     {.http_status = 404, .body = BODY("<Error><Code>NoSuchBucket</Code></Error>")},
     true,
     "NoSuchBucket"},
    {"denied",
     {.http_status = 403, .body = BODY("<Error><Code>AccessDenied</Code></Error>")},
     true,
     "AccessDenied"},
    {"unavailable", {.http_status = 503}, true, "503"},
    {"no connection", {.status = STATUS_CONNECTION}, true, "fake: connection failed"},
};

static void permanent_failures_are_skipped_and_transient_ones_are_an_error(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof UNREAD / sizeof *UNREAD; i++) {
        print_message("%s\n", UNREAD[i].name);
        world.fault = (struct log_fault){
            .match = ".s3.", .nth = 1, .is_lasting = true, .answer = UNREAD[i].answer};
        log_notify(&world);
        assert_int_equal(world.reply.is_error, UNREAD[i].is_error);
        str told = world.reply.is_error ? world.reply.error_message : world.reply.body;
        assert_true(str_contains(told, str_from_cstr(UNREAD[i].why)));
        assert_true(world.reply.is_error || str_contains(told, STR("\"status\":\"skipped\"")));
        assert_int_equal(world.table->count, 0);
    }
}

static void object_whose_second_range_fails_is_not_counted(void **state) {
    (void)state;
    /* Larger than a piece: text that does not shrink. */
    size_t size = (size_t)5 * 1024 * 1024;
    char *noise = arena_alloc(&world.fake.arena, size);
    uint32_t random = 1;
    for (size_t i = 0; i < size; i++) {
        random = random * 1664525 + 1013904223;
        noise[i] = (char)(unsigned char)(random >> 24);
    }
    str lines = LOG_TEXT(&world, PLAIN, SEVERE);
    memcpy(noise, lines.ptr, lines.len);
    str text = {noise, size};
    log_put(&world, LOG_KEY, log_zip(&world, text));
    world.fault = (struct log_fault){
        .match = "bytes=4194304-", .nth = 1, .is_lasting = true, .answer = {.http_status = 500}};
    log_notify(&world);
    assert_true(world.reply.is_error);
    assert_int_equal(world.table->count, 0);
    world.fault.nth = 0;
    log_notify(&world);
    assert_false(world.reply.is_error);
    assert_str(log_day(&world, LOG_ARN, "2026-11-23"), "2 1 0 0 1 0 2026-11-23T08:02:00.000Z");
}

/* A queue */

static void only_messages_that_failed_are_returned_to_the_queue(void **state) {
    (void)state;
    LOG_PUT(&world, LOG_KEY, PLAIN);
    LOG_PUT(&world, LOG_KEY_OF("third000"), PLAIN);
    world.fault = (struct log_fault){
        .match = "second00", .nth = 1, .is_lasting = true, .answer = {.http_status = 403}};
    log_handle(&world, LOG_QUEUE(&world, LOG_KEY, LOG_KEY_OF("second00"), "{\"Records\":[]}",
                                 "holiday.jpg", LOG_KEY, LOG_KEY_OF("third000")));
    assert_false(world.reply.is_error);
    assert_true(
        str_ends_with(world.reply.body, STR("\"batchItemFailures\":[{\"itemIdentifier\":\"m1\"},{"
                                            "\"itemIdentifier\":\"m2\"}]}")));
    assert_str(log_day(&world, LOG_ARN, "2026-11-23"), "2 2 0 0 0 0 2026-11-23T08:01:00.000Z");
    assert_int_equal(log_logged(&world, "messageId=m2"), 1);
    assert_int_equal(log_logged(&world, "second00"), 1);
}

static void a_message_of_several_objects_fails_when_one_of_them_does(void **state) {
    (void)state;
    struct buf body;
    buf_init(&body, &world.fake.arena, 1 << 16);
    LOG_PUT(&world, LOG_KEY, PLAIN);
    buf_append(&body, STR("{\"Records\":["));
    log_append_record(&body, LOG_KEY, "e1");
    buf_append(&body, STR(","));
    log_append_record(&body, LOG_KEY_OF("second00"), "e1");
    buf_append(&body, STR("]}"));
    const char *text = str_to_cstr(&world.fake.arena, buf_str(&body));
    world.fault = (struct log_fault){
        .match = "second00", .nth = 1, .is_lasting = true, .answer = {.http_status = 403}};
    log_handle(&world, LOG_QUEUE(&world, "{\"Event\":\"s3:TestEvent\"}", text));
    assert_true(str_ends_with(world.reply.body, STR("[{\"itemIdentifier\":\"m1\"}]}")));
    world.fault.nth = 0;
    LOG_PUT(&world, LOG_KEY_OF("second00"), PLAIN);
    log_handle(&world, LOG_QUEUE(&world, text));
    assert_true(str_ends_with(world.reply.body, STR("\"batchItemFailures\":[]}")));
    assert_str(log_day(&world, LOG_ARN, "2026-11-23"), "2 2 0 0 0 0 2026-11-23T08:01:00.000Z");
}

static void nearly_all_of_the_time_passes(struct log_world *there) {
    there->fake.now_ms += LOG_TIME_MS - 1000;
}

static void objects_without_time_left_stay_in_the_queue(void **state) {
    (void)state;
    LOG_PUT(&world, LOG_KEY, PLAIN);
    LOG_PUT(&world, LOG_KEY_OF("second00"), PLAIN);
    world.meanwhile = nearly_all_of_the_time_passes;
    log_handle(&world, LOG_QUEUE(&world, LOG_KEY, LOG_KEY_OF("second00"), "holiday.jpg",
                                 LOG_KEY_OF("third000")));
    assert_false(world.reply.is_error);
    assert_true(str_ends_with(world.reply.body,
                              STR("[{\"itemIdentifier\":\"m1\"},{\"itemIdentifier\":\"m3\"}]}")));
    assert_true(str_contains(world.reply.body, STR("no time was left for it")));
    assert_int_equal(log_logged(&world, "no time was left"), 2);
}

/* Every fault at every call: after at most three deliveries each object is counted, and once. */

static const struct {
    const char *name;
    struct fake_answer answer;
    bool is_after;
} TROUBLE[] = {
    {"connection lost before", {.status = STATUS_CONNECTION}, false},
    {"connection lost after", {.status = STATUS_CONNECTION}, true},
    {"no answer", {.status = STATUS_TIMEOUT}, true},
    {"cut short", {.status = STATUS_INCOMPLETE}, true},
    {"server error before", {.http_status = 500}, false},
    {"server error after", {.http_status = 500}, true},
    {"throttled",
     {.http_status = 400, .body = BODY("{\"__type\":\"ThrottlingException\"}")},
     false},
    {"denied", {.http_status = 403}, false},
};

static size_t deliver_until_done(str event) {
    for (size_t attempt = 1; attempt <= 3; attempt++) {
        log_handle(&world, event);
        if (!world.reply.is_error) {
            return attempt;
        }
        world.fake.now_ms += 60000;
    }
    fail_msg("not counted after three deliveries: %.*s", STR_ARG(world.reply.error_message));
    return 0;
}

static void each_object_is_counted_once_whichever_call_fails(void **state) {
    size_t hits = 0;
    for (size_t t = 0; t < 2 * sizeof TROUBLE / sizeof *TROUBLE; t++) {
        bool is_lasting = t % 2 == 1;
        for (size_t nth = 1;; nth++) {
            LOG_PUT(&world, LOG_KEY, PLAIN, SEVERE);
            LOG_PUT(&world, LOG_KEY_OF("second00"), PLAIN);
            world.fault = (struct log_fault){.nth = nth,
                                             .is_after = TROUBLE[t / 2].is_after,
                                             .answer = TROUBLE[t / 2].answer,
                                             .is_lasting = is_lasting};
            log_notify(&world);
            bool had_fault = world.fault_hits > 0;
            hits += world.fault_hits;
            world.fault.is_lasting = false;
            (void)deliver_until_done(log_notification(&world, LOG_KEY, "e1"));
            (void)deliver_until_done(log_notification(&world, LOG_KEY_OF("second00"), "e1"));
            assert_str(log_day(&world, LOG_ARN, "2026-11-23"),
                       "3 2 0 0 1 0 2026-11-23T08:01:00.000Z");
            (void)close_world(state);
            (void)open_world(state);
            if (!had_fault) {
                break;
            }
        }
    }
    assert_true(hits >= 2 * 2 * sizeof TROUBLE / sizeof *TROUBLE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(readable_part_of_a_damaged_object_is_counted_once),
        TEST(object_that_does_not_start_as_gzip_is_skipped_with_a_log_line),
        TEST(gzip_object_cut_at_its_start_is_damaged_and_not_retried),
        TEST(more_hours_than_a_file_can_have_are_an_error),
        TEST(permanent_failures_are_skipped_and_transient_ones_are_an_error),
        TEST(object_whose_second_range_fails_is_not_counted),
        TEST(only_messages_that_failed_are_returned_to_the_queue),
        TEST(a_message_of_several_objects_fails_when_one_of_them_does),
        TEST(objects_without_time_left_stay_in_the_queue),
        TEST(each_object_is_counted_once_whichever_call_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
