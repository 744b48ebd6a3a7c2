/* SPDX-License-Identifier: Apache-2.0 */
#include "region_world.h"

#define NEXT(marker) "<NextMarker>" marker "</NextMarker>"
#define PAGE(members, rest)                                                                        \
    ANSWER("DescribeLoadBalancers", "<LoadBalancers>" members "</LoadBalancers>" rest)
#define MEMBER(name, type)                                                                         \
    "<member><LoadBalancerArn>arn:" name "</LoadBalancerArn><LoadBalancerName>" name               \
    "</LoadBalancerName><Scheme>internet-facing</Scheme><Type>" type "</Type></member>"

struct bench {
    struct aws_fixture aws;
    struct region *region;
    struct load_balancer *listed;
    size_t count;
};

static void bench_begin(struct bench *bench) {
    fixture_begin(&bench->aws);
    bench->region = region_begin(&bench->aws.fake);
}

static enum status list(struct bench *bench) {
    return elbv2_list_load_balancers(&bench->aws.client, &bench->aws.arena, &bench->listed,
                                     &bench->count, &bench->aws.error);
}

static void answer_page(struct bench *bench, const char *match, int times, const char *body) {
    fake_answer(&bench->aws.fake, (struct fake_answer){.match = match,
                                                       .http_status = 200,
                                                       .times = times,
                                                       .body = str_from_cstr(body)});
}

static void elbv2_list_follows_all_pages_in_order(void **state) {
    (void)state;
    static const struct {
        const char *name;
        size_t members, page_size, calls;
    } rows[] = {
        {"empty Region", 0, 0, 1},
        {"one", 1, 0, 1},
        {"exactly a page", 400, 0, 1},
        {"one more than a page", 401, 0, 2},
        {"three pages and a bit", 31, 10, 4},
        {"pages of one", 7, 1, 7},
    };
    for (size_t row = 0; row < sizeof rows / sizeof *rows; row++) {
        print_message("%s\n", rows[row].name);
        struct bench bench;
        bench_begin(&bench);
        region_add_many(bench.region, rows[row].members);
        bench.region->page_size = rows[row].page_size;
        assert_int_equal(list(&bench), STATUS_OK);
        assert_int_equal(bench.count, rows[row].members);
        assert_int_equal(bench.aws.fake.request_count, rows[row].calls);
        for (size_t i = 0; i < bench.count; i++) {
            assert_true(str_eq(bench.listed[i].arn, bench.region->members[i].arn));
        }
        fixture_end(&bench.aws);
    }
}

static void elbv2_list_knows_what_is_listed_and_nothing_else(void **state) {
    (void)state;
    struct bench bench;
    bench_begin(&bench);
    answer_page(&bench, NULL, 1,
                PAGE(MEMBER("a", "application") MEMBER("n", "network") MEMBER("g", "gateway")
                         MEMBER("q", "quantum"),
                     ""));
    assert_int_equal(list(&bench), STATUS_OK);
    static const enum load_balancer_type types[] = {TYPE_APPLICATION, TYPE_NETWORK, TYPE_GATEWAY,
                                                    TYPE_UNKNOWN};
    assert_int_equal(bench.count, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(bench.listed[i].type, types[i]);
        assert_int_equal(bench.listed[i].scheme, SCHEME_INTERNET_FACING);
        assert_int_equal(bench.listed[i].mode, MODE_UNKNOWN);
        assert_int_equal(bench.listed[i].drops_invalid_headers, UNKNOWN);
        assert_false(bench.listed[i].has_tags);
        assert_int_equal(bench.listed[i].source, SOURCE_LIVE);
    }
    assert_str(bench.listed[1].arn, "arn:n");
    assert_str(bench.listed[1].name, "n");
    fixture_end(&bench.aws);
}

/* A marker is opaque: whatever AWS sent comes back, encoded. */
static void elbv2_list_sends_the_marker_as_it_came(void **state) {
    (void)state;
    struct bench bench;
    bench_begin(&bench);
    answer_page(&bench, NULL, 1, PAGE(MEMBER("a", "application"), NEXT("A+/=&amp;b c")));
    answer_page(&bench, "Marker=", 1, PAGE(MEMBER("b", "application"), ""));
    assert_int_equal(list(&bench), STATUS_OK);
    assert_int_equal(bench.count, 2);
    assert_str(fake_request_body(&bench.aws.fake, 0),
               "Action=DescribeLoadBalancers&Version=2015-12-01&PageSize=400");
    assert_str(fake_request_body(&bench.aws.fake, 1),
               "Action=DescribeLoadBalancers&Version=2015-12-01&PageSize=400"
               "&Marker=A%2B%2F%3D%26b%20c");
    fixture_end(&bench.aws);
}

static void elbv2_list_that_does_not_end_is_incomplete(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *after_x; /* the page that marker x leads to */
        size_t calls_max;
    } rows[] = {
        {"a page leads to itself", PAGE(MEMBER("b", "application"), NEXT("x")), 2},
        {"two pages lead to each other", PAGE(MEMBER("b", "application"), NEXT("y")), 250},
    };
    for (size_t row = 0; row < sizeof rows / sizeof *rows; row++) {
        print_message("%s\n", rows[row].name);
        struct bench bench;
        bench_begin(&bench);
        answer_page(&bench, "Marker=x", FAKE_FOREVER, rows[row].after_x);
        answer_page(&bench, NULL, FAKE_FOREVER, PAGE(MEMBER("a", "application"), NEXT("x")));
        assert_int_equal(list(&bench), STATUS_INCOMPLETE);
        assert_int_equal(bench.aws.error.status, STATUS_INCOMPLETE);
        assert_str(bench.aws.error.message,
                   "elasticloadbalancing DescribeLoadBalancers: the listing does not end");
        assert_int_equal(bench.aws.fake.request_count, rows[row].calls_max);
        fixture_end(&bench.aws);
    }
}

static void elbv2_list_refuses_a_marker_that_does_not_fit(void **state) {
    (void)state;
    struct bench bench;
    bench_begin(&bench);
    struct buf body;
    buf_init(&body, &bench.aws.arena, 1 << 16);
    buf_append(&body, STR("<DescribeLoadBalancersResponse><DescribeLoadBalancersResult>"
                          "<LoadBalancers>" MEMBER("a", "application") "</LoadBalancers>"
                                                                       "<NextMarker>"));
    for (int i = 0; i < 30000; i++) {
        buf_append_char(&body, 'x');
    }
    buf_append(&body, STR("</NextMarker></DescribeLoadBalancersResult>"
                          "</DescribeLoadBalancersResponse>"));
    fake_answer(&bench.aws.fake, (struct fake_answer){.http_status = 200, .body = buf_str(&body)});
    assert_int_equal(list(&bench), STATUS_TOO_LARGE);
    assert_str(bench.aws.error.message,
               "elasticloadbalancing DescribeLoadBalancers: the request is too large");
    assert_int_equal(bench.count, 1);
    fixture_end(&bench.aws);
}

static bool broken_listing(const struct trouble *trouble, size_t nth) {
    struct bench bench;
    bench_begin(&bench);
    region_add_many(bench.region, 9);
    bench.region->page_size = 3;
    bench.region->fault =
        (struct region_fault){.nth = nth, .is_lasting = true, .answer = trouble->answer};
    enum status status = list(&bench);
    bool is_good = status == trouble->status && bench.aws.error.status == status &&
                   bench.count == 3 * (nth - 1) && !holds_secret(bench.aws.error.message) &&
                   str_contains(bench.aws.error.message, STR("DescribeLoadBalancers"));
    for (size_t i = 0; is_good && i < bench.count; i++) {
        is_good = str_eq(bench.listed[i].arn, bench.region->members[i].arn);
    }
    if (!is_good) {
        print_error("%s from call %zu on: %s, %zu listed, %" STR_FMT "\n", trouble->name, nth,
                    status_name(status), bench.count, STR_ARG(bench.aws.error.message));
    }
    fixture_end(&bench.aws);
    return is_good;
}

static void elbv2_list_interrupted_keeps_the_pages_before(void **state) {
    (void)state;
    bool is_good = true;
    for (size_t i = 0; i < TROUBLE_COUNT; i++) {
        for (size_t nth = 1; nth <= 3; nth++) {
            is_good &= broken_listing(&TROUBLES[i], nth);
        }
    }
    assert_true(is_good);
}

static void elbv2_list_counts_a_retried_page_once(void **state) {
    (void)state;
    for (size_t i = 0; i < TROUBLE_COUNT; i++) {
        for (size_t nth = 1; TROUBLES[i].is_repeated && nth <= 3; nth++) {
            struct bench bench;
            bench_begin(&bench);
            region_add_many(bench.region, 9);
            bench.region->page_size = 3;
            bench.region->fault = (struct region_fault){.nth = nth, .answer = TROUBLES[i].answer};
            if (list(&bench) != STATUS_OK || bench.count != 9 ||
                bench.aws.fake.request_count != 4) {
                fail_msg("%s at call %zu: %zu listed by %zu calls", TROUBLES[i].name, nth,
                         bench.count, bench.aws.fake.request_count);
            }
            fixture_end(&bench.aws);
        }
    }
}

/* The first member of a page was read before the second one turned out to be malformed. */
static void elbv2_list_drops_a_malformed_page(void **state) {
    (void)state;
    static const char *const pages[] = {
        PAGE(MEMBER("a", "application") "<member/>", ""),
        PAGE(MEMBER("a", "application") "<member><LoadBalancerArn>arn:b</LoadBalancerArn></member>",
             ""),
        ANSWER("DescribeLoadBalancers", "<NextMarker>x</NextMarker>"),
        ANSWER("DescribeTags", "<LoadBalancers/>"),
        "<LoadBalancers/>",
    };
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
        struct bench bench;
        bench_begin(&bench);
        answer_page(&bench, NULL, FAKE_FOREVER, pages[i]);
        if (list(&bench) != STATUS_INCOMPLETE || bench.count != 0) {
            fail_msg("%s: %zu listed", pages[i], bench.count);
        }
        fixture_end(&bench.aws);
    }
}

/* Pages live in arenas of their own; what is kept grows with what is listed alone. */
static void elbv2_list_uses_little_memory_per_load_balancer(void **state) {
    (void)state;
    struct bench bench;
    bench_begin(&bench);
    region_add_many(bench.region, REGION_MAX);
    assert_int_equal(list(&bench), STATUS_OK);
    assert_int_equal(bench.count, REGION_MAX);
    assert_in_range(arena_bytes_held(&bench.aws.arena), REGION_MAX, REGION_MAX * 700);
    fixture_end(&bench.aws);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elbv2_list_follows_all_pages_in_order),
        cmocka_unit_test(elbv2_list_knows_what_is_listed_and_nothing_else),
        cmocka_unit_test(elbv2_list_sends_the_marker_as_it_came),
        cmocka_unit_test(elbv2_list_that_does_not_end_is_incomplete),
        cmocka_unit_test(elbv2_list_refuses_a_marker_that_does_not_fit),
        cmocka_unit_test(elbv2_list_interrupted_keeps_the_pages_before),
        cmocka_unit_test(elbv2_list_counts_a_retried_page_once),
        cmocka_unit_test(elbv2_list_drops_a_malformed_page),
        cmocka_unit_test(elbv2_list_uses_little_memory_per_load_balancer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
