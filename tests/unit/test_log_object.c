/* SPDX-License-Identifier: Apache-2.0
 *
 * From an event of S3 to TRAFFIC items; faults are in test_log_object_faults.c.
 */
#include "../../src/app/app_internal.h"
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

#define ROW(key, status, requests, why)                                                            \
    "{\"key\":\"" key "\",\"status\":\"" status "\",\"requests\":" requests ",\"why\":\"" why "\"" \
    "}"

#define EVERY_CLASS                                                                                \
    LINE("2026-11-23T08:01:00.000000Z", "-", "-"),                                                 \
        LINE("2026-11-23T08:02:00.250000Z", "Acceptable", "SpaceInUri"),                           \
        LINE("2026-11-23T08:01:30.000000Z", "Ambiguous", "UndefinedContentLengthSemantics"),       \
        LINE("2026-11-23T08:01:40.000000Z", "Severe", "BadContentLength"),                         \
        LINE("2026-11-23T08:01:50.000000Z", "-", "-")

static void lines_are_counted_by_class_under_the_load_balancer_of_the_key(void **state) {
    (void)state;
    LOG_PUT(&world, LOG_KEY, EVERY_CLASS);
    log_notify(&world);
    log_answered(&world, "[" ROW(LOG_KEY, "counted", "5", "") "]");
    assert_str(log_day(&world, LOG_ARN, "2026-11-23"), "5 2 1 1 1 0 2026-11-23T08:02:00.250Z");
    assert_int_equal(world.fake.request_count, 2);
}

static void items_of_hours_expire_after_22_days(void **state) {
    (void)state;
    LOG_PUT(&world, LOG_KEY, EVERY_CLASS);
    log_notify(&world);
    const struct table_item *hour = table_first(world.table, STR(LOG_ARN), "TRAFFIC#");
    assert_str(table_text(hour, "sk"), "TRAFFIC#2026-11-23T08");
    assert_str(table_text(hour, "expires_at"), "1797292800"); /* 2026-12-15 */
}

static void lines_are_counted_on_their_own_day_not_that_of_the_delivery(void **state) {
    (void)state;
    LOG_PUT(&world, LOG_KEY, LINE("2026-11-22T23:59:59.999999Z", "Severe", "BadContentLength"),
            LINE("2026-11-23T00:00:00.000000Z", "-", "-"),
            LINE("2026-11-22T23:58:00.000000Z", "-", "-"));
    log_notify(&world);
    assert_str(log_day(&world, LOG_ARN, "2026-11-22"), "2 1 0 0 1 0 2026-11-22T23:59:59.999Z");
    assert_str(log_day(&world, LOG_ARN, "2026-11-23"), "1 1 0 0 0 0 2026-11-23T00:00:00.000Z");
}

static void objects_of_a_day_add_up(void **state) {
    (void)state;
    LOG_PUT(&world, LOG_KEY, EVERY_CLASS);
    LOG_PUT(&world, LOG_KEY_OF("second00"), EVERY_CLASS);
    log_notify(&world);
    log_handle(&world, log_notification(&world, LOG_KEY_OF("second00"), "e1"));
    assert_str(log_day(&world, LOG_ARN, "2026-11-23"), "10 4 2 2 2 0 2026-11-23T08:02:00.250Z");
}

static void each_day_has_its_own_newest_line(void **state) {
    (void)state;
    LOG_PUT(&world, LOG_KEY, LINE("2026-11-21T08:05:00.000000Z", "-", "-"),
            LINE("2026-11-22T08:06:00.000000Z", "-", "-"),
            LINE("2026-11-23T08:04:00.000000Z", "-", "-"));
    log_notify(&world);
    assert_str(log_day(&world, LOG_ARN, "2026-11-21"), "1 1 0 0 0 0 2026-11-21T08:05:00.000Z");
    assert_str(log_day(&world, LOG_ARN, "2026-11-22"), "1 1 0 0 0 0 2026-11-22T08:06:00.000Z");
    assert_str(log_day(&world, LOG_ARN, "2026-11-23"), "1 1 0 0 0 0 2026-11-23T08:04:00.000Z");
}

#define CROWD 3000

/* Bytes held after an object was read in which each line has a user agent of its own. */
static size_t bytes_held_after(const char *key, const char *class, const char *reason) {
    struct buf text;
    struct arena arena = {0};
    struct error error = {0};
    struct log_traffic traffic = {0};
    const struct log_object object = {.region = STR("eu-west-1"),
                                      .bucket = STR("logs"),
                                      .key = str_from_cstr(key),
                                      .e_tag = STR("e1")};
    buf_init(&text, &world.fake.arena, (size_t)4 << 20);
    for (int i = 0; i < CROWD; i++) {
        buf_printf(
            &text,
            "h2 2026-11-23T08:01:00.000000Z app/shop/0123456789abcdef 203.0.113.9:51002 - -1 "
            "-1 -1 400 - 0 0 \"GET https://shop.example:443/ HTTP/1.1\" \"agent %d\" - - - "
            "\"-\" \"-\" \"-\" - 2026-11-23T08:01:00.000000Z \"-\" \"-\" \"-\" \"-\" \"-\" "
            "\"%s\" \"%s\"\n",
            i, class, reason);
    }
    log_put(&world, key, log_zip(&world, buf_str(&text)));
    assert_int_equal(log_object_read(&world.guard.home, &object, &arena, &traffic, &error),
                     STATUS_OK);
    assert_int_equal(traffic.totals.requests, CROWD);
    assert_int_equal(traffic.totals.classes[CLASS_SEVERE], strcmp(class, "-") == 0 ? 0 : CROWD);
    size_t held = arena_bytes_held(&arena);
    arena_clean_up(&arena);
    return held;
}

static void request_texts_are_not_held_in_memory_after_counting(void **state) {
    (void)state;
    size_t quiet = bytes_held_after(LOG_KEY, "-", "-");
    assert_true(bytes_held_after(LOG_KEY_OF("second00"), "Severe", "BadHeader") < quiet + 65536);
}

static void the_same_object_is_counted_once(void **state) {
    (void)state;
    LOG_PUT(&world, LOG_KEY, EVERY_CLASS);
    log_notify(&world);
    log_notify(&world);
    log_answered(&world, "[" ROW(LOG_KEY, "duplicate", "0", "it was counted before") "]");
    assert_str(log_day(&world, LOG_ARN, "2026-11-23"), "5 2 1 1 1 0 2026-11-23T08:02:00.250Z");
    assert_int_equal(log_logged(&world, "ignored"), 1);
    assert_int_equal(table_count(world.table, STR(LOG_ARN), "SEEN#"), 0);
}

static void an_object_announced_by_two_services_is_counted_once(void **state) {
    (void)state;
    LOG_PUT(&world, LOG_KEY, EVERY_CLASS);
    log_notify(&world);
    log_handle(&world,
               STR("{\"detail-type\":\"Object Created\",\"source\":\"aws.s3\",\"region\":"
                   "\"eu-west-1\",\"account\":\"123456789012\",\"detail\":{\"bucket\":{\"name\":"
                   "\"logs\"},\"object\":{\"key\":\"" LOG_KEY "\",\"etag\":\"\\\"e1\\\"\"}}}"));
    log_answered(&world, "[" ROW(LOG_KEY, "duplicate", "0", "it was counted before") "]");
}

static void another_version_under_the_same_key_is_another_object(void **state) {
    (void)state;
    LOG_PUT(&world, LOG_KEY, EVERY_CLASS);
    log_notify(&world);
    LOG_PUT(&world, LOG_KEY, LINE("2026-11-23T08:04:00.000000Z", "-", "-"))->e_tag = "e2";
    log_handle(&world, log_notification(&world, LOG_KEY, "e2"));
    assert_str(log_day(&world, LOG_ARN, "2026-11-23"), "6 3 1 1 1 0 2026-11-23T08:04:00.000Z");
}

static void copy_that_was_faster(struct log_world *there) {
    struct log_world before = *there;
    log_notify(there);
    assert_false(there->reply.is_error);
    there->reply = before.reply;
}

static void object_counted_by_another_sandbox_meanwhile_is_not_counted_again(void **state) {
    (void)state;
    LOG_PUT(&world, LOG_KEY, EVERY_CLASS);
    world.meanwhile = copy_that_was_faster;
    log_notify(&world);
    log_answered(&world, "[" ROW(LOG_KEY, "duplicate", "0", "it was counted before") "]");
    assert_str(log_day(&world, LOG_ARN, "2026-11-23"), "5 2 1 1 1 0 2026-11-23T08:02:00.250Z");
}

#define FOLDER_OF(name) LOG_FOLDER name

static const struct {
    const char *name;
    const char *key;
    const char *why;
} SKIPPED[] = {
    {"test file", "AWSLogs/123456789012/ELBAccessLogTestFile",
     "test file that Elastic Load Balancing writes when logging is switched on"},
    {"connection log",
     FOLDER_OF("conn_log.123456789012_elasticloadbalancing_eu-west-1_app.shop.0123456789abcdef_"
               "20261123T0805Z_198.51.100.7_2fk8q1zx.log.gz"),
     "connection log of an Application Load Balancer"},
    {"health check log",
     FOLDER_OF("health_check_log_123456789012_elasticloadbalancing_eu-west-1_app.shop."
               "0123456789abcdef_20261123T0805Z_198.51.100.7_2fk8q1zx.log.gz"),
     "health check log of an Application Load Balancer"},
    {"Classic Load Balancer",
     FOLDER_OF("123456789012_elasticloadbalancing_eu-west-1_my-elb_20261123T0805Z_198.51.100.7_"
               "2fk8q1zx.log"),
     "access log of a Classic Load Balancer"},
    {"Network Load Balancer",
     FOLDER_OF("123456789012_elasticloadbalancing_eu-west-1_net.shop.0123456789abcdef_"
               "20261123T0805Z_2fk8q1zx.log.gz"),
     "access log of a Network Load Balancer"},
    {"vended", "AWSLogs/123456789012/ALB_ACCESS_LOGS/2026/11/23/08/2fk8q1zx.json.gz",
     "log in JSON that CloudWatch Logs delivers (a vended log)"},
    {"not compressed",
     FOLDER_OF("123456789012_elasticloadbalancing_eu-west-1_app.shop.0123456789abcdef_"
               "20261123T0805Z_198.51.100.7_2fk8q1zx.log"),
     "not compressed"},
    {"of another service", "AWSLogs/123456789012/CloudTrail/eu-west-1/2026/11/23/x.json.gz",
     "no access log of a load balancer"},
    {"foreign", "holiday.jpg", "no access log of a load balancer"},
};

static void objects_that_are_no_access_logs_are_skipped_with_a_log_line_and_no_call(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof SKIPPED / sizeof *SKIPPED; i++) {
        print_message("%s\n", SKIPPED[i].name);
        log_handle(&world, log_notification(&world, SKIPPED[i].key, "e1"));
        assert_false(world.reply.is_error);
        assert_true(str_contains(world.reply.body, STR("\"status\":\"skipped\"")));
        assert_true(str_contains(world.reply.body, str_from_cstr(SKIPPED[i].why)));
        assert_int_equal(log_logged(&world, "ignored"), i + 1);
        assert_int_equal(log_logged(&world, SKIPPED[i].key), 1);
    }
    assert_int_equal(world.fake.request_count, 0);
}

static void other_events_of_s3_are_skipped_with_a_line(void **state) {
    (void)state;
    log_handle(
        &world,
        STR("{\"Records\":[{\"eventSource\":\"aws:s3\",\"eventName\":\"ObjectRemoved:Delete\","
            "\"s3\":{\"object\":{\"key\":\"" LOG_KEY "\"}}}]}"));
    log_answered(&world,
                 "[" ROW(LOG_KEY, "skipped", "0", "ObjectRemoved:Delete creates no object") "]");
    log_handle(&world,
               STR("{\"Service\":\"Amazon S3\",\"Event\":\"s3:TestEvent\",\"Bucket\":\"b\"}"));
    assert_int_equal(log_logged(&world, "ignored"), 2);
    assert_int_equal(log_logged(&world, "s3:TestEvent"), 1);
    assert_int_equal(world.fake.request_count, 0);
}

#define CHINA_KEY                                                                                  \
    "p/AWSLogs/210987654321/elasticloadbalancing/cn-north-1/2026/11/23/210987654321_"              \
    "elasticloadbalancing_cn-north-1_app.far.fedcba9876543210_20261123T0805Z_198.51.100.7_x.log."  \
    "gz"
#define CHINA_ARN                                                                                  \
    "arn:aws-cn:elasticloadbalancing:cn-north-1:210987654321:loadbalancer/app/far/"                \
    "fedcba9876543210"

static void load_balancers_of_other_accounts_and_partitions_are_counted(void **state) {
    (void)state;
    LOG_PUT(&world, CHINA_KEY, EVERY_CLASS);
    log_handle(&world, log_notification(&world, CHINA_KEY, "e1"));
    assert_str(log_day(&world, CHINA_ARN, "2026-11-23"), "5 2 1 1 1 0 2026-11-23T08:02:00.250Z");
    /* Read where the bucket is, counted where we are. */
    assert_true(str_contains(world.fake.requests[0].http.url, STR("logs.s3.eu-west-1.")));
    assert_true(str_contains(world.fake.requests[1].http.url, STR("dynamodb.eu-west-1.")));
}

static void old_lines_are_of_an_unknown_class(void **state) {
    (void)state;
    str line = STR("http 2018-07-02T22:23:00.186641Z app/shop/0123456789abcdef 192.0.2.1:2817 "
                   "10.0.0.1:80 0.000 0.001 0.000 200 200 34 366 \"GET http://a.example:80/ "
                   "HTTP/1.1\" \"curl/7.46.0\" - - arn:aws:tg \"Root=1-5\" \"-\" \"-\" 0 "
                   "2018-07-02T22:22:48.364000Z \"forward\" \"-\" \"-\"\nnonsense\n");
    log_put(&world, LOG_KEY, log_zip(&world, line));
    log_notify(&world);
    log_answered(&world, "[" ROW(LOG_KEY, "counted", "1", "") "]");
    assert_str(log_day(&world, LOG_ARN, "2018-07-02"), "1 0 0 0 0 1 2018-07-02T22:23:00.186Z");
    assert_int_equal(log_logged(&world, "unparsed=1"), 1);
}

/* A class of another name is another thing than a line that has no class yet. */
static void unparsed_lines_are_counted_separately_and_once(void **state) {
    (void)state;
    struct buf text;
    const struct log_line lines[] = {
        LINE("2026-11-22T23:59:00.000000Z", "-", "-"),
        LINE("2026-11-22T23:59:00.000000Z", "Critical", "NewReason"),
        LINE("2026-13-45T99:99:99.000000Z", "Acceptable", "SpaceInUri"),
        LINE("2026-13-45T99:99:99.000000Z", "-", "-")};
    buf_init(&text, &world.fake.arena, 1 << 16);
    buf_append(&text, log_text_of(&world, lines, sizeof lines / sizeof *lines));
    buf_append(&text, STR("another layout\nanother layout\nanother layout\n"));
    log_put(&world, LOG_KEY, log_zip(&world, buf_str(&text)));
    log_notify(&world);
    assert_str(log_day(&world, LOG_ARN, "2026-11-22"), "2 1 0 0 0 1 2026-11-22T23:59:00.000Z");
    assert_str(log_not_understood(&world, LOG_ARN, "2026-11-22"), "1 0 0 0");
    assert_str(log_day(&world, LOG_ARN, "2026-11-23"), "0 0 0 0 0 0 ");
    assert_str(log_not_understood(&world, LOG_ARN, "2026-11-23"), "0 3 2 0");
    log_notify(&world);
    assert_str(log_not_understood(&world, LOG_ARN, "2026-11-23"), "0 3 2 0");
}

#define DELIVERED(time)                                                                            \
    LOG_FOLDER "123456789012_elasticloadbalancing_eu-west-1_app.shop.0123456789abcdef_" time       \
               "_198.51.100.7_x.log.gz"

#define LAST_ACCEPTED DELIVERED("20261109T0800Z")
#define FIRST_REFUSED DELIVERED("20261109T0759Z")

/* Now is 2026-11-23T08:00Z, 14 days later. */
static void an_object_too_old_to_be_counted_once_is_skipped(void **state) {
    (void)state;
    LOG_PUT(&world, LAST_ACCEPTED, EVERY_CLASS);
    LOG_PUT(&world, FIRST_REFUSED, EVERY_CLASS);
    log_handle(&world, log_notification(&world, LAST_ACCEPTED, "e1"));
    log_answered(&world, "[" ROW(LAST_ACCEPTED, "counted", "5", "") "]");
    size_t calls = world.fake.request_count;
    log_handle(&world, log_notification(&world, FIRST_REFUSED, "e1"));
    log_answered(&world,
                 "[" ROW(FIRST_REFUSED, "skipped", "0",
                         "too old to be counted once for certain: see `desync-guard logs`") "]");
    log_handle(&world, LOG_QUEUE(&world, FIRST_REFUSED));
    assert_true(str_contains(world.reply.body, STR("\"status\":\"skipped\"")));
    assert_int_equal(world.fake.request_count, calls);
    assert_str(log_day(&world, LOG_ARN, "2026-11-23"), "5 2 1 1 1 0 2026-11-23T08:02:00.250Z");
}

/* As long as any way accepts the object, all know of it, whichever was the first. */
static void counted_objects_are_recorded_for_as_long_as_they_are_accepted(void **state) {
    (void)state;
    LOG_PUT(&world, LOG_KEY, EVERY_CLASS);
    log_notify(&world);
    const struct table_item *hour = table_first(world.table, STR(LOG_ARN), "TRAFFIC#");
    int64_t expires = 0;
    assert_true(str_parse_i64(table_text(hour, "expires_at"), &expires));
    world.fake.now_ms = expires * MS_PER_SECOND; /* the first moment that it may be gone */
    size_t calls = world.fake.request_count;
    log_handle(&world, LOG_QUEUE(&world, LOG_KEY));
    assert_true(str_contains(world.reply.body, STR("\"status\":\"skipped\"")));
    assert_int_equal(world.fake.request_count, calls);
}

static void object_key_without_a_time_is_skipped(void **state) {
    (void)state;
    static const char *const KEYS[] = {DELIVERED("20261341T0800Z"), DELIVERED("20261121"),
                                       DELIVERED("20261121X0800Z"), DELIVERED("2026112xT0800Z")};
    for (size_t i = 0; i < sizeof KEYS / sizeof *KEYS; i++) {
        log_handle(&world, log_notification(&world, KEYS[i], "e1"));
        assert_true(
            str_contains(world.reply.body, STR("its key does not say when it was delivered")));
    }
    assert_int_equal(world.fake.request_count, 0);
}

#define CLASSIC_LINE(agent)                                                                        \
    "2026-11-23T08:01:00.345678Z old-lb 192.0.2.1:2817 10.0.0.1:80 0.000073 0.001 0.000 200 200 "  \
    "0 29 \"GET http://www.example.com:80/ HTTP/1.1\" \"" agent "\" - -\n"

/* Under a key of ours, as when a prefix is filled by something else. */
static const struct {
    const char *name;
    const char *content;
    const char *why;
} SKIPPED_BY_CONTENT[] = {
    {"Network Load Balancer",
     "tls 2.0 2026-11-23T08:01:00 net/a/c6e77e28c25b2234 aa9f66461c97830c 192.0.2.7:1 10.0.0.1:2\n",
     "access log of a Network Load Balancer"},
    {"vended JSON", "{\"elb\":\"app/shop/0123456789abcdef\",\"classification\":\"Severe\"}\n",
     "log in JSON that CloudWatch Logs delivers (a vended log)"},
    {"Classic with line feeds", CLASSIC_LINE("a\n b\nc\n") CLASSIC_LINE("d\n\n\n\ne"),
     "access log of a Classic Load Balancer"},
};

/* Lines counted as not understood would hold up the promotion of the load balancer in the key. */
static void logs_of_another_type_are_skipped_by_their_lines_and_not_recorded(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof SKIPPED_BY_CONTENT / sizeof *SKIPPED_BY_CONTENT; i++) {
        print_message("%s\n", SKIPPED_BY_CONTENT[i].name);
        world.object_count = 0;
        log_put(&world, LOG_KEY, log_zip(&world, str_from_cstr(SKIPPED_BY_CONTENT[i].content)));
        log_handle(&world, LOG_QUEUE(&world, LOG_KEY));
        assert_false(world.reply.is_error);
        assert_true(str_contains(world.reply.body, STR("\"status\":\"skipped\"")));
        assert_true(str_contains(world.reply.body, str_from_cstr(SKIPPED_BY_CONTENT[i].why)));
        assert_true(str_contains(world.reply.body, STR("\"batchItemFailures\":[]")));
        assert_int_equal(world.table->count, 0);
    }
}

static void an_object_without_lines_is_done(void **state) {
    (void)state;
    log_put(&world, LOG_KEY, log_zip(&world, STR_EMPTY));
    log_notify(&world);
    log_answered(&world, "[" ROW(LOG_KEY, "counted", "0", "") "]");
    assert_int_equal(world.table->count, 1);
}

/* ---- metrics ---- */

static void metrics_are_one_line_for_an_account_and_region(void **state) {
    (void)state;
    LOG_PUT(&world, LOG_KEY, EVERY_CLASS);
    LOG_PUT(&world, LOG_KEY_OF("second00"), EVERY_CLASS);
    LOG_PUT(&world, CHINA_KEY, LINE("2026-11-23T08:00:00.000000Z", "-", "-"));
    log_handle(&world, LOG_QUEUE(&world, LOG_KEY, CHINA_KEY, LOG_KEY_OF("second00"), LOG_KEY));
    str rest = buf_str(&world.metrics);
    str first = str_split(&rest, '\n');
    str second = str_split(&rest, '\n');
    assert_str(rest, "");
    assert_true(str_contains(
        first, STR("\"Account\":\"123456789012\",\"Region\":\"eu-west-1\",\"Requests\":"
                   "10,\"Acceptable\":2,\"Ambiguous\":2,\"Severe\":2,\"Unparsed\":0")));
    assert_true(
        str_contains(second, STR("\"Account\":\"210987654321\",\"Region\":\"cn-north-1\"")));
    assert_true(str_contains(first, STR("\"Namespace\":\"DesyncGuard\"")));
}

static void without_counted_lines_no_metrics_are_written(void **state) {
    (void)state;
    log_handle(&world, log_notification(&world, "holiday.jpg", "e1"));
    assert_int_equal(world.metrics.len, 0);
}

static void the_command_line_writes_no_metrics(void **state) {
    (void)state;
    LOG_PUT(&world, LOG_KEY, EVERY_CLASS);
    world.guard.metrics.write = NULL;
    log_notify(&world);
    log_answered(&world, "[" ROW(LOG_KEY, "counted", "5", "") "]");
}

/* ---- queue and settings ---- */

static void a_queue_gets_a_list_of_failures_even_when_it_is_empty(void **state) {
    (void)state;
    LOG_PUT(&world, LOG_KEY, EVERY_CLASS);
    log_handle(&world, LOG_QUEUE(&world, LOG_KEY));
    assert_false(world.reply.is_error);
    assert_true(str_ends_with(world.reply.body, STR("],\"batchItemFailures\":[]}")));
}

static void without_a_table_log_counting_is_off_and_logged_once(void **state) {
    (void)state;
    log_end(&world);
    log_begin(&world, LOG_NO_TABLE);
    log_handle(&world, LOG_QUEUE(&world, LOG_KEY, LOG_KEY));
    assert_false(world.reply.is_error);
    assert_true(str_contains(world.reply.body,
                             STR(ROW(LOG_KEY, "skipped", "0", "STATE_TABLE is not set"))));
    assert_int_equal(log_logged(&world, "evidence from access logs"), 1);
    assert_int_equal(world.fake.request_count, 0);
}

static void evaluate_of_a_log_event_reports_that_it_judges_nothing(void **state) {
    (void)state;
    str line;
    enum compliance compliance;
    struct error error = {0};
    str event = log_notification(&world, LOG_KEY, "e1");
    assert_int_equal(app_evaluate_offline(&world.guard, event, STR("f"), &world.arena, &line,
                                          &compliance, &error),
                     STATUS_OK);
    assert_int_equal(compliance, NOT_APPLICABLE);
    assert_true(str_contains(line, STR("an access log is counted, not judged")));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(lines_are_counted_by_class_under_the_load_balancer_of_the_key),
        TEST(items_of_hours_expire_after_22_days),
        TEST(lines_are_counted_on_their_own_day_not_that_of_the_delivery),
        TEST(objects_of_a_day_add_up),
        TEST(each_day_has_its_own_newest_line),
        TEST(request_texts_are_not_held_in_memory_after_counting),
        TEST(the_same_object_is_counted_once),
        TEST(an_object_announced_by_two_services_is_counted_once),
        TEST(another_version_under_the_same_key_is_another_object),
        TEST(object_counted_by_another_sandbox_meanwhile_is_not_counted_again),
        TEST(objects_that_are_no_access_logs_are_skipped_with_a_log_line_and_no_call),
        TEST(other_events_of_s3_are_skipped_with_a_line),
        TEST(load_balancers_of_other_accounts_and_partitions_are_counted),
        TEST(old_lines_are_of_an_unknown_class),
        TEST(unparsed_lines_are_counted_separately_and_once),
        TEST(an_object_too_old_to_be_counted_once_is_skipped),
        TEST(counted_objects_are_recorded_for_as_long_as_they_are_accepted),
        TEST(object_key_without_a_time_is_skipped),
        TEST(logs_of_another_type_are_skipped_by_their_lines_and_not_recorded),
        TEST(an_object_without_lines_is_done),
        TEST(metrics_are_one_line_for_an_account_and_region),
        TEST(without_counted_lines_no_metrics_are_written),
        TEST(the_command_line_writes_no_metrics),
        TEST(a_queue_gets_a_list_of_failures_even_when_it_is_empty),
        TEST(without_a_table_log_counting_is_off_and_logged_once),
        TEST(evaluate_of_a_log_event_reports_that_it_judges_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
