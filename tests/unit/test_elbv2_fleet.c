/* SPDX-License-Identifier: Apache-2.0 */
#include "region_world.h"

#define IN_FLIGHT_MAX 50
/* What asks for the attributes of the load balancer of this name, and of no other. */
#define ATTRIBUTES_OF(name)                                                                        \
    "LoadBalancerArn=arn%3Aaws%3Aelasticloadbalancing%3Aeu-west-1%3A111122223333%3Aloadbalancer"   \
    "%2Fapp%2F" name "%2F"

struct bench {
    struct aws_fixture aws;
    struct region *region;
    struct pace pace;
    struct load_balancer *facts;
    struct elbv2_fleet_item *items;
};

static void bench_begin(struct bench *bench, size_t count) {
    fixture_begin(&bench->aws);
    bench->region = region_begin(&bench->aws.fake);
    region_add_many(bench->region, count);
}

static void bench_pace(struct bench *bench) {
    pace_init(&bench->pace, PACE_RATE_DEFAULT, 0, FAKE_NOW_MS);
    bench->aws.client.pace = &bench->pace;
}

static void read_fleet(struct bench *bench) {
    size_t count = bench->region->count;
    struct arena *arena = &bench->aws.arena;
    bench->facts = ARENA_ARRAY(arena, struct load_balancer, count);
    bench->items = ARENA_ARRAY(arena, struct elbv2_fleet_item, count);
    for (size_t i = 0; i < count; i++) {
        bench->facts[i] =
            (struct load_balancer){.arn = bench->region->members[i].arn, .type = TYPE_APPLICATION};
        bench->items[i].facts = &bench->facts[i];
    }
    elbv2_read_fleet(&bench->aws.client, bench->items, count, IN_FLIGHT_MAX, arena);
}

/* Everything of the ith was read, and is its own. */
static bool is_read(const struct bench *bench, size_t i) {
    const struct load_balancer *facts = &bench->facts[i];
    struct arena *arena = (struct arena *)&bench->aws.fake.arena;
    str owner = str_format(arena, "team of %zu", i);
    return bench->items[i].status == STATUS_OK && str_is_empty(bench->items[i].problem) &&
           facts->source == SOURCE_LIVE &&
           facts->mode == mode_parse(str_from_cstr(bench->region->members[i].mode)) &&
           facts->has_tags && facts->tag_count == 1 && str_eq(facts->tags[0].key, STR("Owner")) &&
           str_eq(facts->tags[0].value, owner);
}

static size_t count_status(const struct bench *bench, enum status status) {
    size_t count = 0;
    for (size_t i = 0; i < bench->region->count; i++) {
        count += bench->items[i].status == status ? 1 : 0;
    }
    return count;
}

static void elbv2_fleet_costs_a_call_each_and_one_for_twenty(void **state) {
    (void)state;
    static const struct {
        size_t count, tags_calls;
    } rows[] = {{0, 0}, {1, 1}, {19, 1}, {20, 1}, {21, 2}, {200, 10}, {201, 11}};
    for (size_t row = 0; row < sizeof rows / sizeof *rows; row++) {
        struct bench bench;
        bench_begin(&bench, rows[row].count);
        read_fleet(&bench);
        struct fake_transport *fake = &bench.aws.fake;
        size_t tags = fake_requests_with(fake, ASKS_TAGS);
        size_t attributes = fake_requests_with(fake, ASKS_ATTRIBUTES);
        if (tags != rows[row].tags_calls || attributes != rows[row].count ||
            fake->request_count != tags + attributes) {
            fail_msg("%zu: %zu of tags, %zu of attributes", rows[row].count, tags, attributes);
        }
        for (size_t i = 0; i < rows[row].count; i++) {
            assert_true(is_read(&bench, i)); /* the calls' memory is gone by now */
        }
        assert_true(fake->in_flight_peak <= IN_FLIGHT_MAX);
        fixture_end(&bench.aws);
    }
}

static void elbv2_fleet_tags_request_is_exact(void **state) {
    (void)state;
    struct bench bench;
    bench_begin(&bench, 22);
    read_fleet(&bench);
    assert_str(fake_request_body(&bench.aws.fake, 1),
               "Action=DescribeTags&Version=2015-12-01"
               "&ResourceArns.member.1=arn%3Aaws%3Aelasticloadbalancing%3Aeu-west-1%3A111122223333"
               "%3Aloadbalancer%2Fapp%2Flb-20%2F0000000000000014"
               "&ResourceArns.member.2=arn%3Aaws%3Aelasticloadbalancing%3Aeu-west-1%3A111122223333"
               "%3Aloadbalancer%2Fapp%2Flb-21%2F0000000000000015");
    fixture_end(&bench.aws);
}

/* Modes that are absent or unheard of are unknown, and what stood there is kept. */
static void elbv2_fleet_guesses_no_mode(void **state) {
    (void)state;
    struct bench bench;
    bench_begin(&bench, 2);
    bench.region->members[0].mode = NULL;
    bench.region->members[1].mode = "lenient";
    read_fleet(&bench);
    assert_int_equal(count_status(&bench, STATUS_OK), 2);
    assert_int_equal(bench.facts[0].mode, MODE_UNKNOWN);
    assert_str(bench.facts[0].mode_text, "");
    assert_int_equal(bench.facts[1].mode, MODE_UNKNOWN);
    assert_str(bench.facts[1].mode_text, "lenient");
    fixture_end(&bench.aws);
}

static bool survives_one(const struct trouble *trouble, bool is_tags) {
    struct bench bench;
    bench_begin(&bench, 50);
    struct fake_answer answer = trouble->answer;
    answer.times = FAKE_FOREVER;
    /* the second call for tags, or the attributes of number 7 */
    answer.match =
        is_tags ? "lb-20%2F0000000000000014&ResourceArns.member.2=" : ATTRIBUTES_OF("lb-7");
    fake_answer(&bench.aws.fake, answer);
    read_fleet(&bench);
    bool is_good = true;
    for (size_t i = 0; i < 50; i++) {
        bool is_hit = is_tags ? i >= 20 && i < 40 : i == 7;
        bool is_asked_singly = is_tags && trouble->status == STATUS_INCOMPLETE;
        const struct elbv2_fleet_item *item = &bench.items[i];
        bool is_named = str_contains(
            item->problem, is_tags ? STR("DescribeTags") : STR("DescribeLoadBalancerAttributes"));
        bool is_as_expected = is_hit && !is_asked_singly
                                  ? item->status == trouble->status && is_named &&
                                        item->facts->has_tags == !is_tags &&
                                        (item->facts->mode == MODE_UNKNOWN) == !is_tags
                                  : is_read(&bench, i);
        if (!is_as_expected) {
            print_error("%s, %s: number %zu is %s (%" STR_FMT ")\n", trouble->name,
                        is_tags ? "tags" : "attributes", i, status_name(item->status),
                        STR_ARG(item->problem));
            is_good = false;
        }
    }
    fixture_end(&bench.aws);
    return is_good;
}

static void elbv2_fleet_one_call_that_fails_for_good_costs_no_other(void **state) {
    (void)state;
    bool is_good = true;
    for (size_t i = 0; i < TROUBLE_COUNT; i++) {
        is_good &= survives_one(&TROUBLES[i], false);
        is_good &= survives_one(&TROUBLES[i], true);
    }
    assert_true(is_good);
}

static void elbv2_fleet_transient_fault_fails_no_load_balancer(void **state) {
    (void)state;
    for (size_t i = 0; i < TROUBLE_COUNT; i++) {
        for (size_t nth = 1; TROUBLES[i].is_repeated && nth <= 23; nth += 11) {
            struct bench bench;
            bench_begin(&bench, 22);
            bench.region->fault = (struct region_fault){.nth = nth, .answer = TROUBLES[i].answer};
            read_fleet(&bench);
            for (size_t n = 0; n < 22; n++) {
                if (!is_read(&bench, n)) {
                    fail_msg("%s at call %zu: number %zu", TROUBLES[i].name, nth, n);
                }
            }
            assert_int_equal(bench.aws.fake.request_count, 22 + 2 + 1);
            fixture_end(&bench.aws);
        }
    }
}

static void elbv2_fleet_deleted_load_balancer_leaves_the_19_others_readable(void **state) {
    (void)state;
    struct bench bench;
    bench_begin(&bench, 60);
    bench.region->members[33].is_gone = true;
    read_fleet(&bench);
    for (size_t i = 0; i < 60; i++) {
        assert_true(i == 33 || is_read(&bench, i));
    }
    assert_int_equal(bench.items[33].status, STATUS_NOT_FOUND);
    assert_false(bench.facts[33].has_tags);
    assert_int_equal(bench.facts[33].mode, MODE_UNKNOWN);
    /* 60 of attributes, 3 of tags, and 19 single ones: the gone one is not asked for again */
    assert_int_equal(bench.aws.fake.request_count, 60 + 3 + 19);
    fixture_end(&bench.aws);
}

/* Its attributes were read, and it was deleted before its tags were. */
static void elbv2_fleet_load_balancer_deleted_between_two_calls_is_not_found(void **state) {
    (void)state;
    struct bench bench;
    bench_begin(&bench, 20);
    bench.region->members[5].is_gone = true;
    answer_with(&bench.aws, ATTRIBUTES_OF("lb-5"), 200, ATTRIBUTES(MODE("monitor")));
    read_fleet(&bench);
    assert_int_equal(bench.items[5].status, STATUS_NOT_FOUND);
    assert_int_equal(count_status(&bench, STATUS_OK), 19);
    fixture_end(&bench.aws);
}

static void elbv2_fleet_all_gone_asks_for_no_tags_singly(void **state) {
    (void)state;
    struct bench bench;
    bench_begin(&bench, 25);
    for (size_t i = 0; i < 25; i++) {
        bench.region->members[i].is_gone = true;
    }
    read_fleet(&bench);
    assert_int_equal(count_status(&bench, STATUS_NOT_FOUND), 25);
    assert_int_equal(bench.aws.fake.request_count, 25 + 2);
    fixture_end(&bench.aws);
}

/* An answer that leaves one out does not say that it has no tags. */
static void elbv2_fleet_tags_left_out_are_unknown_for_that_one_alone(void **state) {
    (void)state;
    struct bench bench;
    bench_begin(&bench, 20);
    bench.region->members[3].is_tags_quiet = true;
    read_fleet(&bench);
    for (size_t i = 0; i < 20; i++) {
        assert_true(i == 3 || is_read(&bench, i));
    }
    assert_int_equal(bench.items[3].status, STATUS_INCOMPLETE);
    assert_false(bench.facts[3].has_tags);
    assert_true(str_contains(bench.items[3].problem, STR("lb-3")));
    fixture_end(&bench.aws);
}

static void elbv2_fleet_other_not_found_errors_are_not_a_deletion(void **state) {
    (void)state;
    struct bench bench;
    bench_begin(&bench, 20);
    answer_with(&bench.aws, ATTRIBUTES_OF("lb-1"), 404, TROUBLE_HTML);
    answer_with(&bench.aws, ATTRIBUTES_OF("lb-2"), 400, TROUBLE_XML("TargetGroupNotFound"));
    read_fleet(&bench);
    assert_int_equal(bench.items[1].status, STATUS_REFUSED);
    assert_int_equal(bench.items[2].status, STATUS_REFUSED);
    assert_int_equal(count_status(&bench, STATUS_OK), 18);
    fixture_end(&bench.aws);
}

/* Counts AWS's side: never more than the burst and what the rate has given since. */
static void elbv2_fleet_never_outruns_its_pace(void **state) {
    (void)state;
    struct bench bench;
    bench_begin(&bench, 200);
    bench_pace(&bench);
    read_fleet(&bench);
    assert_int_equal(count_status(&bench, STATUS_OK), 200);
    const struct fake_transport *fake = &bench.aws.fake;
    assert_int_equal(fake->request_count, 210);
    for (size_t i = 0; i < fake->request_count; i++) {
        double allowed = 30.0 + (double)(fake->requests[i].at_ms - FAKE_NOW_MS) / 1000.0 * 9.0;
        assert_true((double)(i + 1) <= allowed + 1e-6);
    }
    /* and no slower than that: 180 calls after the burst take 20 s at 9 a second */
    assert_in_range(fake->now_ms - FAKE_NOW_MS, 20000 - 200, 20000 + 1000);
    fixture_end(&bench.aws);
}

/* Others use the account too: AWS leaves us 4 calls a second and an empty bucket. */
static void elbv2_fleet_slows_down_when_throttled_and_reads_all(void **state) {
    (void)state;
    struct bench bench;
    bench_begin(&bench, 200);
    bench_pace(&bench);
    bench.region->rate = 4;
    read_fleet(&bench);
    assert_int_equal(count_status(&bench, STATUS_OK), 200);
    assert_true(bench.region->throttled > 0);
    assert_true(bench.region->throttled < 100);
    /* 210 calls at 4 a second are 52 s; the way there may cost as much again */
    assert_in_range(bench.aws.fake.now_ms - FAKE_NOW_MS, 50000, 105000);
    fixture_end(&bench.aws);
}

/* What the pace is for: without it the same account refuses more than half of what we ask. */
static void elbv2_fleet_without_a_pace_would_be_throttled_out(void **state) {
    (void)state;
    struct bench bench;
    bench_begin(&bench, 200);
    bench.region->rate = 4;
    read_fleet(&bench);
    assert_true(count_status(&bench, STATUS_THROTTLED) > 100);
    fixture_end(&bench.aws);
}

/* Only an answer says something of AWS's pace: a line that is down is no reason to speed up. */
static void elbv2_fleet_without_answers_does_not_speed_up(void **state) {
    (void)state;
    static const struct {
        enum status status;
        bool speeds_up;
    } rows[] = {{STATUS_CONNECTION, false}, {STATUS_TIMEOUT, false}, {STATUS_OK, true}};
    for (size_t row = 0; row < sizeof rows / sizeof *rows; row++) {
        struct bench bench;
        bench_begin(&bench, 20);
        bench_pace(&bench);
        bench.pace.account.rate = 2;
        bench.region->fault =
            (struct region_fault){.nth = 1,
                                  .is_lasting = rows[row].status != STATUS_OK,
                                  .answer = {.http_status = 503, .status = rows[row].status}};
        read_fleet(&bench);
        assert_int_equal(bench.pace.account.rate > 2, rows[row].speeds_up);
        fixture_end(&bench.aws);
    }
}

static void elbv2_fleet_out_of_time_keeps_what_was_read(void **state) {
    (void)state;
    struct bench bench;
    bench_begin(&bench, 100);
    bench_pace(&bench);
    bench.aws.client.deadline_ms = FAKE_NOW_MS + 3000;
    read_fleet(&bench);
    size_t read = 0;
    for (size_t i = 0; i < 100; i++) {
        bool is_late = bench.items[i].status == STATUS_DEADLINE;
        read += is_late ? 0 : 1;
        assert_true(is_late ? str_contains(bench.items[i].problem, STR("time is used up"))
                            : is_read(&bench, i));
    }
    /* 5 of tags; 30 at once and 9 a second for 3 s */
    assert_in_range(read, 30 + 27 - 5 - 2, 30 + 27 - 5);
    assert_true(bench.aws.fake.now_ms <= bench.aws.client.deadline_ms);
    fixture_end(&bench.aws);
}

/* The last calls in flight meet the deadline unanswered. */
static void elbv2_fleet_deadline_while_in_flight_is_kept(void **state) {
    (void)state;
    struct bench bench;
    bench_begin(&bench, 10);
    bench.aws.client.deadline_ms = FAKE_NOW_MS + 1000;
    answer_with(&bench.aws, ATTRIBUTES_OF("lb-0"), 200, ATTRIBUTES(MODE("defensive")));
    bench.region->took_ms = 4000;
    read_fleet(&bench);
    assert_int_equal(count_status(&bench, STATUS_DEADLINE), 10);
    assert_int_equal(bench.facts[0].mode, MODE_DEFENSIVE);
    assert_int_equal(bench.aws.fake.now_ms, bench.aws.client.deadline_ms);
    fixture_end(&bench.aws);
}

static void elbv2_fleet_transport_that_gives_up_leaves_all_unknown(void **state) {
    (void)state;
    struct bench bench;
    bench_begin(&bench, 21);
    bench.aws.fake.send_all_status = STATUS_CONNECTION;
    read_fleet(&bench);
    assert_int_equal(count_status(&bench, STATUS_CONNECTION), 21);
    for (size_t i = 0; i < 21; i++) {
        assert_int_equal(bench.facts[i].mode, MODE_UNKNOWN);
        assert_false(bench.facts[i].has_tags);
        assert_false(str_is_empty(bench.items[i].problem));
    }
    fixture_end(&bench.aws);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elbv2_fleet_costs_a_call_each_and_one_for_twenty),
        cmocka_unit_test(elbv2_fleet_tags_request_is_exact),
        cmocka_unit_test(elbv2_fleet_guesses_no_mode),
        cmocka_unit_test(elbv2_fleet_one_call_that_fails_for_good_costs_no_other),
        cmocka_unit_test(elbv2_fleet_transient_fault_fails_no_load_balancer),
        cmocka_unit_test(elbv2_fleet_deleted_load_balancer_leaves_the_19_others_readable),
        cmocka_unit_test(elbv2_fleet_load_balancer_deleted_between_two_calls_is_not_found),
        cmocka_unit_test(elbv2_fleet_all_gone_asks_for_no_tags_singly),
        cmocka_unit_test(elbv2_fleet_tags_left_out_are_unknown_for_that_one_alone),
        cmocka_unit_test(elbv2_fleet_other_not_found_errors_are_not_a_deletion),
        cmocka_unit_test(elbv2_fleet_never_outruns_its_pace),
        cmocka_unit_test(elbv2_fleet_slows_down_when_throttled_and_reads_all),
        cmocka_unit_test(elbv2_fleet_without_a_pace_would_be_throttled_out),
        cmocka_unit_test(elbv2_fleet_without_answers_does_not_speed_up),
        cmocka_unit_test(elbv2_fleet_out_of_time_keeps_what_was_read),
        cmocka_unit_test(elbv2_fleet_deadline_while_in_flight_is_kept),
        cmocka_unit_test(elbv2_fleet_transport_that_gives_up_leaves_all_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
