/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "access_log_world.h"
#include "base/arena.h"
#include "base/buf.h"
#include "extra_data.h"

struct row {
    const char *name;
    const char *line;
    unsigned field_count;
    enum traffic_class class;
    const char *reason;
    const char *client;
    const char *host;
    const char *user_agent;
};

static const struct row rows[] = {
    {"of 2016, 18 fields",
     "http 2016-01-02T03:04:05.000001Z my-lb 192.0.2.1:1 - -1 -1 -1 400 - 0 0 \"- - - \" \"-\" - - "
     "arn:x \"Root=1\"",
     18, CLASS_UNKNOWN, "", "192.0.2.1", "-", "-"},
    {"of 2016, 20 fields, names not quoted",
     HEAD("192.0.2.1:1") REQUEST "\"curl/7\"" MIDDLE "www.example.com arn:aws:acm:x", 20,
     CLASS_UNKNOWN, "", "192.0.2.1", "www.example.com", "curl/7"},
    {"of 2018, 25 fields",
     HEAD("192.0.2.1:1") REQUEST "\"curl/7\"" MIDDLE "\"-\"" CERT "\"forward\" \"-\" \"-\"", 25,
     CLASS_UNKNOWN, "", "192.0.2.1", "www.example.com", "curl/7"},
    {"of 2020, 27 fields", TO_27, 27, CLASS_UNKNOWN, "", "192.0.2.1", "www.example.com", "curl/8"},
    {"of late 2020, 29 fields", TO_27 "\"-\" \"-\"", 29, CLASS_COMPLIANT, "", "192.0.2.1",
     "www.example.com", "curl/8"},
    {"of 2024, 30 fields", TO_27 "\"Severe\" \"BadUri\" TID_1", 30, CLASS_SEVERE, "BadUri",
     "192.0.2.1", "www.example.com", "curl/8"},
    {"of 2025, 33 fields", TO_27 "\"Acceptable\" \"SpaceInUri\" TID_1 \"-\" \"-\" \"-\"", 33,
     CLASS_ACCEPTABLE, "SpaceInUri", "192.0.2.1", "www.example.com", "curl/8"},
    {"of 2026, 34 fields", TO_27 "\"Ambiguous\" \"EmptyHeader\" TID_1 \"-\" \"-\" \"-\" 10.0.0.9",
     34, CLASS_AMBIGUOUS, "EmptyHeader", "192.0.2.1", "www.example.com", "curl/8"},
    {"of the future, with a quote left open",
     TO_27 "\"Severe\" \"NeverHeardOf\" - \"-\" \"-\" \"-\" 10.0.0.9 35 \"36 and more", 36,
     CLASS_SEVERE, "NeverHeardOf", "192.0.2.1", "www.example.com", "curl/8"},
    {"28 fields: a class and no reason", TO_27 "\"Severe\"", 28, CLASS_SEVERE, "", "192.0.2.1",
     "www.example.com", "curl/8"},
    {"class unknown to us", TO_27 "\"Terrible\" \"BadUri\"", 29, CLASS_UNKNOWN, "BadUri",
     "192.0.2.1", "www.example.com", "curl/8"},
    {"class empty", TO_27 "\"\" \"\"", 29, CLASS_UNKNOWN, "", "192.0.2.1", "www.example.com",
     "curl/8"},
    {"class in other letters", TO_27 "\"severe\" \"-\"", 29, CLASS_UNKNOWN, "", "192.0.2.1",
     "www.example.com", "curl/8"},
    {"target lists not quoted",
     HEAD("192.0.2.1:1") REQUEST
     "\"c\"" MIDDLE "\"-\"" CERT
     "\"forward\" \"-\" \"-\" 10.0.0.1:80 200 \"Severe\" \"BadUri\" TID_1",
     30, CLASS_SEVERE, "BadUri", "192.0.2.1", "www.example.com", "c"},
    {"several targets, actions empty, spaces in the redirect",
     HEAD("192.0.2.1:1") REQUEST
     "\"c\"" MIDDLE "\"-\"" CERT
     "\"\" \"https://a/b c\\x5Cd\" \"-\" \"10.0.0.1:80 10.0.0.2:80\" \"200 502\" \"-\" \"-\"",
     29, CLASS_COMPLIANT, "", "192.0.2.1", "www.example.com", "c"},
    {"spaces and \\x22 in the URL, one at the end of the request",
     HEAD("192.0.2.1:1") "\"GET http://a.example:80/b c?\\x22d\\x22 HTTP/1.0 \" \"-\"" MIDDLE
                         "\"-\"" CERT "\"-\" \"-\" \"-\" " LISTS
                         "\"Acceptable\" \"NonCompliantVersion\"",
     29, CLASS_ACCEPTABLE, "NonCompliantVersion", "192.0.2.1", "a.example", "-"},
    {"eight digits in the user agent",
     HEAD("192.0.2.1:1") REQUEST "\"\\x00000022Mozilla\\x00000022\"" MIDDLE "\"-\"" CERT
                                 "\"-\" \"-\" \"-\" " LISTS "\"-\" \"-\"",
     29, CLASS_COMPLIANT, "", "192.0.2.1", "www.example.com", "\\x00000022Mozilla\\x00000022"},
    {"escaped quotes and backslashes",
     HEAD("192.0.2.1:1") REQUEST "\"a \\\"b\\\" \\\\\"" MIDDLE "\"-\"" CERT
                                 "\"-\" \"-\" \"-\" " LISTS "\"-\" \"-\"",
     29, CLASS_COMPLIANT, "", "192.0.2.1", "www.example.com", "a \\\"b\\\" \\\\"},
    {"no space behind a closing quote",
     HEAD("192.0.2.1:1") REQUEST
     "\"c\"" MIDDLE "\"-\" \"-\"1 2026-11-22T10:11:12.344000Z \"forward\" \"-\" \"-\" " LISTS
     "\"Severe\" \"x\"",
     29, CLASS_SEVERE, "x", "192.0.2.1", "www.example.com", "c"},
    {"spaces in runs and at both ends",
     "  https  2026-11-22T10:11:12Z app/a/b 192.0.2.1:1 - - - - - - - -  " REQUEST "  \"c\"" MIDDLE
     "\"-\"" CERT "\"-\" \"-\" \"-\" " LISTS " \"-\"  \"-\"  ",
     29, CLASS_COMPLIANT, "", "192.0.2.1", "www.example.com", "c"},
    {"IPv6 in brackets", HEAD("[2001:db8::1]:54321") REQUEST "\"c\"" MIDDLE, 18, CLASS_UNKNOWN, "",
     "2001:db8::1", "www.example.com", "c"},
    {"IPv6 without brackets", HEAD("2001:db8:85a3:0:0:8a2e:370:7334:2817") REQUEST "\"c\"" MIDDLE,
     18, CLASS_UNKNOWN, "", "2001:db8:85a3:0:0:8a2e:370:7334", "www.example.com", "c"},
    {"client without a port", HEAD("192.0.2.1") REQUEST "\"c\"" MIDDLE, 18, CLASS_UNKNOWN, "",
     "192.0.2.1", "www.example.com", "c"},
    {"client is a dash", HEAD("-") REQUEST "\"c\"" MIDDLE, 18, CLASS_UNKNOWN, "", "-",
     "www.example.com", "c"},
    {"garbage on a plain port", HEAD("192.0.2.1:1") "\"- http://host:80- -\" \"-\"" MIDDLE, 18,
     CLASS_UNKNOWN, "", "192.0.2.1", "host", "-"},
    {"host in field 19 only, with a blank in front",
     HEAD("192.0.2.1:1") "\"GET /r?u=x://y HTTP/1.1\" \"-\"" MIDDLE "\" www.example.com\"", 19,
     CLASS_UNKNOWN, "", "192.0.2.1", "www.example.com", "-"},
    {"host is an IPv6 address",
     HEAD("192.0.2.1:1") "\"GET https://[2001:db8::2]:443/ HTTP/1.1\" \"-\"" MIDDLE, 18,
     CLASS_UNKNOWN, "", "192.0.2.1", "[2001:db8::2]", "-"},
    {"host is followed by a question mark",
     HEAD("192.0.2.1:1") "\"GET http://a.example?b=/ HTTP/1.1\" \"-\"" MIDDLE, 18, CLASS_UNKNOWN,
     "", "192.0.2.1", "a.example", "-"},
    {"host is missing in the URL",
     HEAD("192.0.2.1:1") "\"GET http://:80/ HTTP/1.1\" \"-\"" MIDDLE "\"-\"", 19, CLASS_UNKNOWN, "",
     "192.0.2.1", "-", "-"},
    {"quote in the midst of an unquoted field", HEAD("192.0.2.1:1") REQUEST "\"c\" - - a\"b \"t\"",
     18, CLASS_UNKNOWN, "", "192.0.2.1", "www.example.com", "c"},
};

static void assert_row(const struct row *row) {
    struct access_log_record record;
    print_message("%s\n", row->name);
    assert_int_equal(access_log_parse(str_from_cstr(row->line), &record), ACCESS_LOG_LINE);
    assert_int_equal(record.field_count, row->field_count);
    assert_int_equal(record.class, row->class);
    assert_str(record.reason, row->reason);
    assert_str(record.client, row->client);
    assert_str(record.host, row->host);
    assert_str(record.user_agent, row->user_agent);
    assert_int_equal(record.time.ptr[0], '2');
}

static void log_line_of_every_format_version_is_parsed(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_row(&rows[i]);
    }
}

static void time_and_load_balancer_point_into_the_line(void **state) {
    (void)state;
    const char *line = TO_27 "\"-\" \"-\"";
    struct access_log_record record;
    assert_int_equal(access_log_parse(str_from_cstr(line), &record), ACCESS_LOG_LINE);
    assert_str(record.time, "2026-11-22T10:11:12.345678Z");
    assert_str(record.load_balancer, "app/my-alb/50dc6c495c0c9188");
    assert_ptr_equal(record.time.ptr, line + 6);
}

static void line_of_one_megabyte_is_parsed(void **state) {
    struct buf line;
    buf_init(&line, *state, (size_t)4 << 20);
    buf_append(&line, STR(HEAD("192.0.2.1:1") "\"GET http://a.example:80/"));
    for (int i = 0; i < 100000; i++) {
        buf_append(&line, STR("\\x22 \\x5c"));
    }
    buf_append(&line, STR(" HTTP/1.1\" \"c\"" MIDDLE "\"-\"" CERT "\"-\" \"-\" \"-\" " LISTS));
    buf_append(&line, STR("\"Severe\" \"BadUri\""));
    struct access_log_record record;
    assert_int_equal(access_log_parse(buf_str(&line), &record), ACCESS_LOG_LINE);
    assert_int_equal(record.field_count, 29);
    assert_str(record.reason, "BadUri");
    assert_str(record.host, "a.example");
}

/* Lines of public parsers' own tests: each is an access log line, and those with 28 fields or more
 * have a class that we know. */
static void lines_of_other_parsers_tests_are_read(void **state) {
    static const char *const names[] = {"awsdocs-examples-2023",
                                        "beats-2019-25fields",
                                        "conversem-edge_cases",
                                        "conversem-sample",
                                        "honeyaws-alb",
                                        "node-alb-log-parser",
                                        "otel-alb",
                                        "vector-vrl-tests"};
    for (size_t i = 0; i < COUNT(names); i++) {
        char path[128];
        (void)snprintf(path, sizeof(path), "data/accesslogs/%s.log", names[i]);
        for (str rest = extra_data_or_skip(*state, path); rest.ptr != NULL;) {
            struct access_log_record record;
            str line = str_trim(str_split(&rest, '\n'));
            if (line.len > 0) {
                assert_int_equal(access_log_parse(line, &record), ACCESS_LOG_LINE);
                assert_int_equal(record.class == CLASS_UNKNOWN, record.field_count < 28);
            }
        }
    }
}

static int set_up(void **state) {
    static struct arena arena;
    *state = &arena;
    return 0;
}

static int tear_down(void **state) {
    arena_clean_up(*state);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(log_line_of_every_format_version_is_parsed),
        TEST(time_and_load_balancer_point_into_the_line),
        TEST(line_of_one_megabyte_is_parsed),
        TEST(lines_of_other_parsers_tests_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
