/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/cloudwatch.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/json.h"
#include "torture.h"

#define T0       INT64_C(1795392000000) /* 2026-11-23T00:00:00Z */
#define MINUTE   INT64_C(60000)
#define HOUR     (60 * MINUTE)
#define BALANCER "app/my-alb/50dc6c495c0c9188"

static struct cloudwatch_series series_of(int64_t start_ms, int64_t end_ms) {
    return (struct cloudwatch_series){
        .metric = "RequestCount",
        .load_balancer = STR(BALANCER),
        .start_ms = start_ms,
        .end_ms = end_ms,
        .period_s = 300,
        .sum = 99, /* what was there before must not count */
        .points = 99,
        .newest_ms = T0 + 99 * HOUR,
        .is_complete = true,
    };
}

static enum status sums(struct aws_fixture *fixture, struct cloudwatch_series *series,
                        size_t count) {
    return cloudwatch_get_sums(&fixture->client, series, count, &fixture->arena, &fixture->error);
}

static enum status sum_one(struct aws_fixture *fixture) {
    struct cloudwatch_series series = series_of(T0, T0 + HOUR);
    return sums(fixture, &series, 1);
}

static void answer(struct aws_fixture *fixture, const char *match, const char *body) {
    fake_answer(
        &fixture->fake,
        (struct fake_answer){.match = match, .http_status = 200, .body = str_from_cstr(body)});
}

#define RESULT(id, times, values, code)                                                            \
    "{\"Id\":\"" id "\",\"Label\":\"x\",\"Timestamps\":[" times "],\"Values\":[" values            \
    "],\"StatusCode\":\"" code "\"}"
#define RESULTS(inside) "{\"MetricDataResults\":[" inside "]"

static void sums_request_is_exact(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    answer(&fixture, NULL, RESULTS("") "}");
    struct cloudwatch_series series[2] = {series_of(T0, T0 + HOUR), series_of(T0 - HOUR, T0)};
    series[1].metric = "HTTPCode_ELB_4XX_Count";
    series[1].period_s = 3600;
    assert_int_equal(sums(&fixture, series, 2), STATUS_OK);
    assert_str(fixture.fake.requests[0].http.url, "https://monitoring.eu-west-1.amazonaws.com/");
    assert_str(fake_request_header(&fixture.fake, 0, "X-Amz-Target"),
               "GraniteServiceVersion20100801.GetMetricData");
    assert_str(fake_request_header(&fixture.fake, 0, "Content-Type"), "application/x-amz-json-1.0");
    assert_str(fake_request_header(&fixture.fake, 0, "x-amzn-query-mode"), "true");
    assert_true(str_contains(fake_request_header(&fixture.fake, 0, "Authorization"),
                             STR("/eu-west-1/monitoring/aws4_request")));
    assert_str(fake_request_body(&fixture.fake, 0),
               "{\"StartTime\":1795388400,\"EndTime\":1795395600,\"MaxDatapoints\":40000,"
               "\"MetricDataQueries\":["
               "{\"Id\":\"m0\",\"MetricStat\":{\"Metric\":{\"Namespace\":\"AWS/ApplicationELB\","
               "\"MetricName\":\"RequestCount\",\"Dimensions\":[{\"Name\":\"LoadBalancer\","
               "\"Value\":\"" BALANCER "\"}]},\"Period\":300,\"Stat\":\"Sum\"}},"
               "{\"Id\":\"m1\",\"MetricStat\":{\"Metric\":{\"Namespace\":\"AWS/ApplicationELB\","
               "\"MetricName\":\"HTTPCode_ELB_4XX_Count\",\"Dimensions\":[{\"Name\":"
               "\"LoadBalancer\",\"Value\":\"" BALANCER "\"}]},\"Period\":3600,\"Stat\":\"Sum\"}}"
               "]}");
    fixture_end(&fixture);
}

static void each_series_sums_only_its_own_time_range(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    /* before, at the start, within (out of order), last moment, at the end */
    answer(&fixture, NULL,
           RESULTS(RESULT("m1", "1795391999,1795392000", "1000,7.5", "Complete") "," RESULT(
               "m0", "1795395599,1795391999,1795392000,1795392300,1795395600", "4,1000,1,2,1000",
               "Complete")) "}");
    struct cloudwatch_series series[2] = {series_of(T0, T0 + HOUR), series_of(T0, T0 + MINUTE)};
    assert_int_equal(sums(&fixture, series, 2), STATUS_OK);
    assert_true(series[0].sum == 7 && series[0].points == 3 && series[0].is_complete);
    assert_int_equal(series[0].newest_ms, INT64_C(1795395599000));
    assert_true(series[1].sum == 7.5 && series[1].points == 1 && series[1].is_complete);
    assert_int_equal(series[1].newest_ms, T0);
    fixture_end(&fixture);
}

static void series_are_complete_when_their_last_page_says_so(void **state) {
    (void)state;
    static const struct {
        const char *name, *first, *second; /* second NULL: one page */
        bool is_complete;
        double sum;
    } rows[] = {
        {"a gap", RESULTS(RESULT("m0", "", "", "Complete")) "}", NULL, true, 0},
        {"not mentioned", RESULTS("") "}", NULL, false, 0},
        {"partial", RESULTS(RESULT("m0", "1795392000", "1", "PartialData")) "}", NULL, false, 1},
        {"error", RESULTS(RESULT("m0", "", "", "InternalError")) "}", NULL, false, 0},
        {"forbidden", RESULTS(RESULT("m0", "", "", "Forbidden")) "}", NULL, false, 0},
        {"partial, then complete",
         RESULTS(RESULT("m0", "1795392000", "1", "PartialData")) ",\"NextToken\":\"n1\"}",
         RESULTS(RESULT("m0", "1795392300", "2", "Complete")) "}", true, 3},
        {"complete, then not mentioned",
         RESULTS(RESULT("m0", "1795392000", "1", "Complete")) ",\"NextToken\":\"n1\"}",
         RESULTS("") ",\"NextToken\":null}", true, 1},
        {"partial, then not mentioned",
         RESULTS(RESULT("m0", "1795392000", "1", "PartialData")) ",\"NextToken\":\"n1\"}",
         RESULTS("") ",\"NextToken\":\"\"}", false, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        print_message("%s\n", rows[i].name);
        struct aws_fixture fixture;
        struct cloudwatch_series series = series_of(T0, T0 + HOUR);
        fixture_begin(&fixture);
        answer(&fixture, NULL, rows[i].first);
        if (rows[i].second != NULL) {
            answer(&fixture, "\"NextToken\":\"n1\"", rows[i].second);
        }
        assert_int_equal(sums(&fixture, &series, 1), STATUS_OK);
        assert_int_equal(series.is_complete, rows[i].is_complete);
        assert_true(series.sum == rows[i].sum);
        fixture_end(&fixture);
    }
}

/* ---- a whole fleet ---- */

/* Every series has one value a call: its own number, at the start of the call's range. */
struct simulated_cloudwatch {
    struct arena *arena;
    size_t page_size; /* series in one answer */
    size_t calls;
    size_t queries_max;
    size_t fails_from; /* calls from this one on fail; 0: none */
};

static void append_result(struct buf *body, const struct json *query, int64_t time_s) {
    const struct json *metric = json_get(json_get(query, "MetricStat"), "Metric");
    const struct json *dimension = json_first(json_get(metric, "Dimensions"));
    str number = json_get_string(dimension, "Value");
    (void)str_split(&number, '/');
    str id = json_get_string(query, "Id");
    buf_printf(body,
               "%s{\"Id\":\"%" STR_FMT "\",\"Timestamps\":[%lld],\"Values\":[%" STR_FMT
               "],\"StatusCode\":\"Complete\"}",
               str_ends_with(buf_str(body), STR("[")) ? "" : ",", STR_ARG(id), (long long)time_s,
               STR_ARG(number));
}

static struct fake_answer cloudwatch_respond(void *context, const struct http_request *request) {
    struct simulated_cloudwatch *cloudwatch = context;
    const struct json *root = NULL;
    double start = 0;
    int64_t from = 0;
    cloudwatch->calls++;
    if (cloudwatch->fails_from > 0 && cloudwatch->calls >= cloudwatch->fails_from) {
        return (struct fake_answer){.http_status = 403,
                                    .body = STR("{\"__type\":\"AccessDeniedException\"}")};
    }
    assert_int_equal(
        json_parse(cloudwatch->arena, request->body, &JSON_LIMITS_DEFAULT, &root, NULL), STATUS_OK);
    const struct json *queries = json_get(root, "MetricDataQueries");
    assert_true(json_number(json_get(root, "StartTime"), &start));
    (void)str_parse_i64(json_get_string(root, "NextToken"), &from);
    size_t count = json_count(queries);
    size_t end = (size_t)from + cloudwatch->page_size;
    cloudwatch->queries_max = count > cloudwatch->queries_max ? count : cloudwatch->queries_max;
    struct buf body;
    buf_init(&body, cloudwatch->arena, 1 << 20);
    buf_append(&body, STR("{\"MetricDataResults\":["));
    size_t i = 0;
    for (const struct json *query = json_first(queries); query != NULL; query = json_next(query)) {
        if (i >= (size_t)from && i < end) {
            append_result(&body, query, (int64_t)start);
        }
        i++;
    }
    buf_printf(&body, end < count ? "],\"NextToken\":\"%zu\"}" : "]}", end);
    return (struct fake_answer){.http_status = 200, .body = buf_str(&body), .took_ms = 20};
}

static struct cloudwatch_series *fleet_of(struct aws_fixture *fixture, size_t count) {
    struct cloudwatch_series *series =
        ARENA_ARRAY(&fixture->arena, struct cloudwatch_series, count);
    for (size_t i = 0; i < count; i++) {
        series[i] = series_of(T0, T0 + HOUR);
        series[i].load_balancer = str_format(&fixture->arena, "app/%zu", i);
    }
    return series;
}

static void fleets_of_every_size_are_summed(void **state) {
    (void)state;
    static const struct {
        size_t count, page_size, calls;
    } rows[] = {
        {0, 500, 0},    {1, 500, 1},     {500, 500, 1},   {501, 500, 2},  {1500, 500, 3},
        {1501, 500, 4}, {5000, 500, 10}, {5000, 200, 30}, {1001, 400, 5},
    };
    for (size_t row = 0; row < sizeof rows / sizeof *rows; row++) {
        struct aws_fixture fixture;
        fixture_begin(&fixture);
        struct simulated_cloudwatch cloudwatch = {.arena = &fixture.fake.arena,
                                                  .page_size = rows[row].page_size};
        fixture.fake.respond = cloudwatch_respond;
        fixture.fake.respond_context = &cloudwatch;
        struct cloudwatch_series *series = fleet_of(&fixture, rows[row].count);
        assert_int_equal(sums(&fixture, series, rows[row].count), STATUS_OK);
        assert_int_equal(cloudwatch.calls, rows[row].calls);
        assert_true(cloudwatch.queries_max <= CLOUDWATCH_QUERIES_MAX);
        assert_true(fixture.fake.in_flight_peak <= 3);
        for (size_t i = 0; i < rows[row].count; i++) {
            assert_true(series[i].sum == (double)i && series[i].points == 1);
            assert_true(series[i].is_complete && series[i].newest_ms == T0);
        }
        fixture_end(&fixture);
    }
}

/* As many values as were allowed, spread over as many series as there can be. */
static struct fake_answer full_respond(void *context, const struct http_request *request) {
    struct arena *arena = context;
    struct buf body;
    assert_true(str_contains(request->body, STR("\"MaxDatapoints\":40000")));
    buf_init(&body, arena, 1 << 22);
    buf_append(&body, STR("{\"MetricDataResults\":["));
    for (int i = 0; i < CLOUDWATCH_QUERIES_MAX; i++) {
        buf_printf(&body, "%s{\"Id\":\"m%d\",\"Label\":\"x\",\"Timestamps\":[", i > 0 ? "," : "",
                   i);
        for (int k = 0; k < 80; k++) {
            buf_printf(&body, "%s%d", k > 0 ? "," : "", 1795392000 + k * 60);
        }
        buf_append(&body, STR("],\"Values\":["));
        for (int k = 0; k < 80; k++) {
            buf_append(&body, k > 0 ? STR(",1.0") : STR("1.0"));
        }
        buf_append(&body, STR("],\"StatusCode\":\"Complete\"}"));
    }
    buf_append(&body, STR("],\"Messages\":[]}"));
    return (struct fake_answer){.http_status = 200, .body = buf_str(&body)};
}

static void page_of_maximum_size_is_read(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    fixture.fake.respond = full_respond;
    fixture.fake.respond_context = &fixture.fake.arena;
    struct cloudwatch_series *series = fleet_of(&fixture, CLOUDWATCH_QUERIES_MAX);
    assert_int_equal(sums(&fixture, series, CLOUDWATCH_QUERIES_MAX), STATUS_OK);
    for (size_t i = 0; i < CLOUDWATCH_QUERIES_MAX; i++) {
        assert_true(series[i].sum == 60 && series[i].points == 60); /* 80 minutes, an hour asked */
    }
    fixture_end(&fixture);
}

static void unread_series_is_incomplete(void **state) {
    (void)state;
    for (size_t fails_from = 1; fails_from <= 8; fails_from++) {
        struct aws_fixture fixture;
        fixture_begin(&fixture);
        struct simulated_cloudwatch cloudwatch = {
            .arena = &fixture.fake.arena, .page_size = 300, .fails_from = fails_from};
        fixture.fake.respond = cloudwatch_respond;
        fixture.fake.respond_context = &cloudwatch;
        struct cloudwatch_series *series = fleet_of(&fixture, 2000);
        size_t complete = 0;
        assert_int_equal(sums(&fixture, series, 2000), STATUS_DENIED);
        assert_true(str_starts_with(fixture.error.message, STR("cloudwatch GetMetricData: ")));
        for (size_t i = 0; i < 2000; i++) {
            complete += series[i].is_complete ? 1 : 0;
            assert_true(!series[i].is_complete || series[i].sum == (double)i);
        }
        /* a group of 500 is complete with its second page */
        assert_int_equal(complete % CLOUDWATCH_QUERIES_MAX, 0);
        assert_true(complete <= (fails_from - 1) / 2 * CLOUDWATCH_QUERIES_MAX);
        assert_true(fails_from < 7 || complete == 1500);
        fixture_end(&fixture);
    }
}

/* ---- trouble ---- */

static void retried_page_counts_once(void **state) {
    (void)state;
    static const char *const broken[] = {
        RESULTS(RESULT("m0", "1795392000", "1", "Complete")),
        RESULTS(RESULT("m0", "1795392000", "1", "Complete") "," RESULT("m0", "1795392300", "1,2",
                                                                       "Complete")) "}",
        RESULTS(RESULT("m0", "1795392000", "1", "Complete") "," RESULT("m9", "1795392300", "1",
                                                                       "Complete")) "}",
    };
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        struct aws_fixture fixture;
        struct cloudwatch_series series = series_of(T0, T0 + HOUR);
        fixture_begin(&fixture);
        answer(&fixture, NULL, broken[i]);
        answer(&fixture, NULL, RESULTS(RESULT("m0", "1795392000", "5", "Complete")) "}");
        assert_int_equal(sums(&fixture, &series, 1), STATUS_OK);
        assert_int_equal(fixture.fake.request_count, 2);
        assert_true(series.sum == 5 && series.points == 1);
        fixture_end(&fixture);
    }
}

static void answers_in_another_shape_are_unreadable(void **state) {
    (void)state;
    static const char *const bodies[] = {
        "{}",
        "{\"MetricDataResults\":null}",
        "{\"MetricDataResults\":[1]}",
        "{\"MetricDataResults\":[{\"Id\":\"m0\"}]}",
        RESULTS(RESULT("x0", "", "", "Complete")) "}",
        RESULTS(RESULT("m1", "", "", "Complete")) "}",
        RESULTS(RESULT("m-1", "", "", "Complete")) "}",
        RESULTS(RESULT("m0", "1", "", "Complete")) "}",
        RESULTS(RESULT("m0", "", "1", "Complete")) "}",
        RESULTS(RESULT("m0", "\"1\"", "1", "Complete")) "}",
        RESULTS(RESULT("m0", "1", "\"1\"", "Complete")) "}",
        RESULTS(RESULT("m0", "1e300", "1", "Complete")) "}",
        RESULTS(RESULT("m0", "-1", "1", "Complete")) "}",
    };
    refuse_bodies(sum_one, bodies, sizeof bodies / sizeof *bodies);
}

static void repeated_page_token_ends_the_listing(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    fake_answer(&fixture.fake,
                (struct fake_answer){.http_status = 200,
                                     .body = STR(RESULTS("") ",\"NextToken\":\"same\"}"),
                                     .times = FAKE_FOREVER});
    assert_int_equal(sum_one(&fixture), STATUS_INCOMPLETE);
    assert_int_equal(fixture.fake.request_count, 2);
    fixture_end(&fixture);
}

static void invalid_series_are_not_requested(void **state) {
    (void)state;
    static char name[256];
    memset(name, 'n', sizeof name);
    struct cloudwatch_series rows[9];
    size_t count = sizeof rows / sizeof *rows;
    for (size_t i = 0; i < count; i++) {
        rows[i] = series_of(T0, T0 + HOUR);
    }
    rows[0].metric = NULL;
    rows[1].load_balancer = STR_EMPTY;
    rows[2].load_balancer = STR("app/\xc3\xa9/1");
    rows[3].load_balancer = (str){name, sizeof name};
    rows[4].period_s = 0;
    rows[5].period_s = 90;
    rows[6].end_ms = rows[6].start_ms;
    rows[7].start_ms = -MINUTE;
    rows[8].load_balancer = STR("a\nb");
    for (size_t i = 0; i < count; i++) {
        struct aws_fixture fixture;
        struct cloudwatch_series series[2] = {series_of(T0, T0 + HOUR), rows[i]};
        fixture_begin(&fixture);
        assert_int_equal(sums(&fixture, series, 2), STATUS_INVALID);
        assert_int_equal(fixture.fake.request_count, 0);
        assert_true(str_contains(fixture.error.message, STR("series 2")));
        fixture_end(&fixture);
    }
}

static void sums_survive_every_fault(void **state) {
    (void)state;
    const struct torture torture = {sum_one, STR(RESULTS(RESULT("m0", "", "", "Complete")) "}"),
                                    "cloudwatch GetMetricData: ", RETRY_ATTEMPTS_DEFAULT};
    torture_all(&torture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_request_is_exact),
        cmocka_unit_test(each_series_sums_only_its_own_time_range),
        cmocka_unit_test(series_are_complete_when_their_last_page_says_so),
        cmocka_unit_test(fleets_of_every_size_are_summed),
        cmocka_unit_test(page_of_maximum_size_is_read),
        cmocka_unit_test(unread_series_is_incomplete),
        cmocka_unit_test(retried_page_counts_once),
        cmocka_unit_test(answers_in_another_shape_are_unreadable),
        cmocka_unit_test(repeated_page_token_ends_the_listing),
        cmocka_unit_test(invalid_series_are_not_requested),
        cmocka_unit_test(sums_survive_every_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
