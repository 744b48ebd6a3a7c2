/* SPDX-License-Identifier: Apache-2.0 */
#include "sweep_world.h"

#define GONE_ARN REGION_ARN "app/former/ffffffffffffffff"

/* Each verdict is reported once, is right, and has the time of the notification. */
static void assert_all_reported(const struct world *world) {
    const struct region *region = world->region;
    assert_int_equal(region->reported_count, region->count);
    for (size_t i = 0; i < region->count; i++) {
        assert_true(
            world_reported(world, region->members[i].arn, world_truth(&region->members[i])));
        assert_str(region->reports[i].resource_type, TYPE);
        assert_int_equal(region->reports[i].ordering_s, NOTIFIED_S);
        assert_true(str_contains(region->reports[i].annotation, STR("live")));
    }
}

static void sweep_reports_all_in_batches_of_100(void **state) {
    (void)state;
    static const struct {
        const char *name;
        size_t count, batches;
    } rows[] = {
        {"none", 0, 0},
        {"one", 1, 1},
        {"a full batch", 100, 1},
        {"one more", 101, 2},
        {"a full chunk", 200, 2},
        {"one more than a chunk", 201, 3},
        {"more than a page", 450, 5},
    };
    for (size_t row = 0; row < sizeof rows / sizeof *rows; row++) {
        print_message("%s\n", rows[row].name);
        struct world world;
        world_begin(&world, rows[row].count);
        world_sweep(&world);
        world_succeeded(&world);
        assert_all_reported(&world);
        assert_int_equal(world.region->put_calls, rows[row].batches);
        assert_int_equal(fake_requests_with(&world.fake, ASKS_RESULTS), 1);
        str totals = str_format(&world.arena, "],\"reported\":%zu,\"failed\":0,\"actions\":[]}",
                                rows[row].count);
        assert_true(str_ends_with(world.reply.body, totals));
        world_end(&world);
    }
}

static void sweep_is_of_the_rules_region_and_asks_for_the_rules_results(void **state) {
    (void)state;
    struct world world;
    world_begin(&world, 1);
    world_handle(&world,
                 world_event(&world, SCHEDULED,
                             TOKEN ",\"configRuleName\":\"my rule\",\"configRuleArn\":\"arn:aws:"
                                   "config:ap-south-1:111122223333:config-rule/config-rule-a\""),
                 DEADLINE_MS);
    world_succeeded(&world);
    assert_int_equal(fake_requests_with(&world.fake, ".ap-south-1.amazonaws.com/"),
                     world.fake.request_count);
    assert_int_equal(fake_requests_with(&world.fake, "{\"ConfigRuleName\":\"my rule\","), 1);
    world_end(&world);
}

static void sweep_without_a_notification_time_uses_now(void **state) {
    (void)state;
    struct world world;
    world_begin(&world, 1);
    str event =
        world_event(&world, "{\"messageType\":\"ConfigurationSnapshotDeliveryCompleted\"}", TOKEN);
    world_handle(&world, event, INT64_MAX);
    world_succeeded(&world);
    assert_int_equal(world.region->reports[0].ordering_s, FAKE_NOW_MS / 1000);
    world_end(&world);
}

static void sweep_leaves_out_other_types_unless_config_holds_a_result(void **state) {
    (void)state;
    struct world world;
    world_begin(&world, 2);
    str quiet = region_add(world.region, "network", NULL)->arn;
    str wrong = region_add(world.region, "gateway", NULL)->arn;
    str settled = region_add(world.region, "network", NULL)->arn;
    region_add_result(world.region, TYPE, wrong, "NON_COMPLIANT");
    region_add_result(world.region, TYPE, settled, "NOT_APPLICABLE");
    world_sweep(&world);
    world_succeeded(&world);
    assert_int_equal(world.region->reported_count, 3);
    assert_true(world_reported(&world, quiet, NULL));
    assert_true(world_reported(&world, settled, NULL));
    assert_true(world_reported(&world, wrong, "NOT_APPLICABLE"));
    assert_int_equal(fake_requests_with(&world.fake, ASKS_ATTRIBUTES), 2);
    world_end(&world);
}

static void sweep_of_a_type_we_do_not_know_is_unknown(void **state) {
    (void)state;
    struct world world;
    world_begin(&world, 1);
    str odd = region_add(world.region, "quantum", "defensive")->arn;
    world_sweep(&world);
    world_failed(&world, "Function.VerdictUnknown",
                 SAYS(strstr(odd.ptr, "loadbalancer/") + strlen("loadbalancer/")));
    assert_true(world_reported(&world, odd, NULL));
    assert_int_equal(world.region->reported_count, 1);
    world_end(&world);
}

static void sweep_reports_deleted_load_balancers_as_not_applicable(void **state) {
    (void)state;
    struct world world;
    world_begin(&world, 150);
    for (size_t i = 0; i < 150; i++) {
        region_add_result(world.region, TYPE, world.region->members[i].arn, "COMPLIANT");
    }
    str gone = region_add_result(world.region, TYPE, STR(GONE_ARN), "NON_COMPLIANT");
    str done = region_add_result(world.region, TYPE, STR(GONE_ARN "1"), "NOT_APPLICABLE");
    str other = region_add_result(world.region, "AWS::EC2::Instance", STR("i-1"), "COMPLIANT");
    world_sweep(&world);
    world_succeeded(&world);
    assert_int_equal(world.region->reported_count, 151);
    assert_true(world_reported(&world, gone, "NOT_APPLICABLE"));
    assert_true(world_reported(&world, done, NULL));
    assert_true(world_reported(&world, other, NULL));
    const struct region_report *told = region_report_of(world.region, gone);
    assert_int_equal(told->ordering_s, NOTIFIED_S);
    assert_true(str_contains(told->annotation, STR("does not exist any more")));
    assert_true(world_says(&world, "\"reported\":151,"));
    world_end(&world);
}

static void sweep_of_an_empty_region_cleans_up_more_than_a_batch(void **state) {
    (void)state;
    struct world world;
    world_begin(&world, 0);
    for (size_t i = 0; i < 230; i++) {
        str id = str_format(&world.arena, GONE_ARN "%zu", i);
        region_add_result(world.region, TYPE, id, "COMPLIANT");
    }
    world_sweep(&world);
    world_succeeded(&world);
    assert_int_equal(world.region->reported_count, 230);
    assert_int_equal(world.region->put_calls, 3);
    world_end(&world);
}

/* Created while we were listing, and judged by a change event meanwhile. */
static void sweep_keeps_a_newer_result_of_an_unlisted_load_balancer(void **state) {
    (void)state;
    static const struct {
        const char *name;
        int64_t ordering_s;
        const char *told;
    } rows[] = {
        {"a second after the notification", NOTIFIED_S + 1, NULL},
        {"in its very second", NOTIFIED_S, "NOT_APPLICABLE"},
        {"before it", NOTIFIED_S - 1, "NOT_APPLICABLE"},
        {"at no known time", 0, "NOT_APPLICABLE"},
    };
    for (size_t row = 0; row < sizeof rows / sizeof *rows; row++) {
        print_message("%s\n", rows[row].name);
        struct world world;
        world_begin(&world, 3);
        str id = region_add_result(world.region, TYPE, STR(GONE_ARN), "NON_COMPLIANT");
        world.region->results[0].ordering_s = rows[row].ordering_s;
        world_sweep(&world);
        world_succeeded(&world);
        assert_true(world_reported(&world, id, rows[row].told));
        world_end(&world);
    }
}

static void sweep_with_an_unknown_load_balancer_reports_the_others(void **state) {
    (void)state;
    struct world world;
    world_begin(&world, 30);
    region_add_result(world.region, TYPE, STR(GONE_ARN), "COMPLIANT");
    world.region->members[7].mode = NULL;
    world_sweep(&world);
    world_failed(&world, "Function.VerdictUnknown",
                 SAYS(strstr(world.region->members[7].arn.ptr, "app/"),
                      "of 30 load balancers listed (30 to judge) 29 were judged, 29 reported, 1 "
                      "is unknown and 0 were not reached in time"));
    assert_int_equal(world.region->reported_count, 29);
    assert_true(world_reported(&world, world.region->members[7].arn, NULL));
    assert_int_equal(fake_requests_with(&world.fake, ASKS_RESULTS), 0);
    assert_true(world_logged(&world, "invocation_failed"));
    world_end(&world);
}

static void sweep_names_all_unknown_ones_and_why_for_the_first(void **state) {
    (void)state;
    struct world world;
    world_begin(&world, 30);
    for (size_t i = 0; i < 12; i++) {
        world.region->members[i].mode = "lenient";
    }
    world_sweep(&world);
    world_failed(&world, "Function.VerdictUnknown", SAYS("12 are unknown", "\"lenient\""));
    for (size_t i = 0; i < 12; i++) {
        world_failed(&world, "Function.VerdictUnknown",
                     SAYS(strstr(world.region->members[i].arn.ptr, "app/")));
    }
    world_end(&world);
}

static void sweep_of_very_many_unknown_ones_keeps_the_message_bounded(void **state) {
    (void)state;
    struct world world;
    world_begin(&world, 1200);
    for (size_t i = 0; i < 1200; i++) {
        world.region->members[i].mode = "lenient";
    }
    world_sweep(&world);
    world_failed(&world, "Function.VerdictUnknown", SAYS("1200 are unknown"));
    assert_in_range(world.reply.error_message.len, 8000, 20000);
    world_end(&world);
}

static void sweep_of_a_broken_listing_reports_what_was_listed(void **state) {
    (void)state;
    struct world world;
    world_begin(&world, 30);
    region_add_result(world.region, TYPE, STR(GONE_ARN), "COMPLIANT");
    region_add_result(world.region, TYPE, world.region->members[25].arn, "COMPLIANT");
    world.region->page_size = 10;
    world.region->fault = (struct region_fault){
        .match = "Marker=20",
        .nth = 1,
        .is_lasting = true,
        .answer = {.http_status = 403, .body = STR(TROUBLE_XML("AccessDenied"))}};
    world_sweep(&world);
    world_failed(&world, "Function.SweepIncomplete",
                 SAYS("of 20 load balancers listed", "20 reported",
                      "the listing is incomplete: elasticloadbalancing DescribeLoadBalancers: "
                      "AccessDenied"));
    assert_int_equal(world.region->reported_count, 20);
    assert_int_equal(fake_requests_with(&world.fake, ASKS_RESULTS), 0);
    world_end(&world);
}

static void sweep_repeats_failed_evaluations(void **state) {
    (void)state;
    struct world world;
    world_begin(&world, 120);
    world.region->refused_id = world.region->members[110].arn;
    world.region->refusals_left = 1;
    world_sweep(&world);
    world_succeeded(&world);
    assert_int_equal(world.region->reported_count, 120);
    assert_int_equal(world.region->put_calls, 3);
    assert_true(world_says(&world, "\"reported\":120,\"failed\":0"));
    world_end(&world);
}

static void sweep_with_an_evaluation_refused_for_good_fails_and_cleans_nothing_up(void **state) {
    (void)state;
    struct world world;
    world_begin(&world, 250);
    region_add_result(world.region, TYPE, STR(GONE_ARN), "COMPLIANT");
    world.region->refused_id = world.region->members[3].arn;
    world.region->refusals_left = -1;
    world_sweep(&world);
    world_failed(&world, "Function.ReportFailed",
                 SAYS("249 reported", "not all could be reported", "/lb-3/"));
    assert_int_equal(world.region->reported_count, 249);
    assert_int_equal(fake_requests_with(&world.fake, ASKS_RESULTS), 0);
    world_end(&world);
}

static void sweep_fails_when_deleted_load_balancers_cannot_be_looked_up(void **state) {
    (void)state;
    struct world world;
    world_begin(&world, 3);
    world.region->fault = (struct region_fault){
        .match = ASKS_RESULTS,
        .nth = 1,
        .is_lasting = true,
        .answer = {.http_status = 400, .body = STR("{\"__type\":\"AccessDeniedException\"}")}};
    world_sweep(&world);
    world_failed(&world, "Function.SweepIncomplete",
                 SAYS("3 reported", "vanished ones could not be looked up: config GetCompliance"));
    assert_int_equal(world.region->reported_count, 3);
    world_end(&world);
}

static void sweep_without_a_usable_rule_name_looks_nothing_up(void **state) {
    (void)state;
    static const struct {
        size_t length;
        bool looks_up;
    } rows[] = {{0, false}, {1, true}, {64, true}, {65, false}, {128, false}};
    for (size_t row = 0; row < sizeof rows / sizeof *rows; row++) {
        struct world world;
        world_begin(&world, 2);
        char name[129] = {0};
        memset(name, 'r', rows[row].length);
        str rest = str_format(&world.arena, TOKEN ",\"configRuleName\":\"%s\"", name);
        world_handle(&world, world_event(&world, SCHEDULED, rest.ptr), DEADLINE_MS);
        world_succeeded(&world);
        assert_int_equal(world.region->reported_count, 2);
        assert_int_equal(fake_requests_with(&world.fake, ASKS_RESULTS), rows[row].looks_up);
        assert_int_equal(world_logged(&world, "clean_up_skipped"), !rows[row].looks_up);
        world_end(&world);
    }
}

static void sweep_in_test_mode_says_so(void **state) {
    (void)state;
    struct world world;
    world_begin(&world, 101);
    world_handle(&world, world_event(&world, SCHEDULED, ",\"resultToken\":\"TESTMODE\"" RULE),
                 DEADLINE_MS);
    world_succeeded(&world);
    assert_int_equal(fake_requests_with(&world.fake, "\"TestMode\":true"), 2);
    world_end(&world);
}

static void sweep_with_bad_parameters_asks_aws_nothing(void **state) {
    (void)state;
    struct world world;
    world_begin(&world, 3);
    str event = world_event(&world, SCHEDULED,
                            TOKEN RULE ",\"ruleParameters\":\"{\\\"desyncMode\\\":\\\"lax\\\"}\"");
    world_handle(&world, event, DEADLINE_MS);
    world_failed(&world, "Function.InvalidParameter", SAYS("desyncMode", "lax", "strictest"));
    assert_int_equal(world.fake.request_count, 0);
    world_end(&world);
}

static void sweep_obeys_the_parameters(void **state) {
    (void)state;
    struct world world;
    world_begin(&world, 3);
    str event = world_event(
        &world, SCHEDULED,
        TOKEN RULE ",\"ruleParameters\":\"{\\\"desyncMode\\\":\\\"monitor,strictest\\\"}\"");
    world_handle(&world, event, DEADLINE_MS);
    world_succeeded(&world);
    assert_true(world_reported(&world, world.region->members[1].arn, "COMPLIANT"));
    world_end(&world);
}

/* Without a result token the caller still gets all evaluations. */
static void sweep_on_schedule_replies_without_a_report_to_config(void **state) {
    (void)state;
    static const char *const events[] = {
        "{\"action\":\"sweep\"}",
        "{\"detail-type\":\"Scheduled Event\",\"source\":\"aws.events\"}",
        "{\"detail-type\":\"Scheduled Event\",\"region\":\"eu-west-1\"}",
    };
    for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
        print_message("%s\n", events[i]);
        struct world world;
        world_begin(&world, 5);
        world_handle(&world, str_from_cstr(events[i]), DEADLINE_MS);
        world_succeeded(&world);
        assert_int_equal(fake_requests_with(&world.fake, "StarlingDoveService"), 0);
        for (size_t n = 0; n < 5; n++) {
            str member = str_format(&world.arena, "\"resourceId\":\"%s\",\"compliance\":\"%s\"",
                                    world.region->members[n].arn.ptr,
                                    world_truth(&world.region->members[n]));
            assert_true(world_says(&world, member.ptr));
        }
        assert_true(world_says(&world, "\"orderingTimestamp\":\"2026-11-23T08:00:00.000Z\""));
        assert_true(world_says(&world, "],\"reported\":0,\"failed\":0,"));
        world_end(&world);
    }
}

static void sweep_on_schedule_is_of_the_events_region(void **state) {
    (void)state;
    struct world world;
    world_begin(&world, 1);
    world_handle(&world, STR("{\"detail-type\":\"Scheduled Event\",\"region\":\"us-east-2\"}"),
                 INT64_MAX);
    world_succeeded(&world);
    assert_int_equal(fake_requests_with(&world.fake, ".us-east-2."), world.fake.request_count);
    world_handle(&world, STR("{\"detail-type\":\"Scheduled Event\",\"region\":\"x/y\"}"),
                 INT64_MAX);
    world_failed(&world, "Function.InvalidEvent", SAYS("x/y"));
    world_end(&world);
}

static void sweep_in_proactive_mode_is_refused(void **state) {
    (void)state;
    struct world world;
    world_begin(&world, 1);
    str event = world_event(&world, SCHEDULED, TOKEN RULE ",\"evaluationMode\":\"PROACTIVE\"");
    world_handle(&world, event, DEADLINE_MS);
    world_failed(&world, "Function.InvalidEvent", SAYS("PROACTIVE"));
    assert_int_equal(world.fake.request_count, 0);
    world_end(&world);
}

/* One that is created while the pages are read shifts the others: they come twice. */
static void sweep_judges_duplicates_once(void **state) {
    (void)state;
    struct world world;
    world_begin(&world, 25);
    world.region->page_size = 10;
    world.region->repeated = 7;
    world_sweep(&world);
    world_succeeded(&world);
    assert_all_reported(&world);
    assert_int_equal(fake_requests_with(&world.fake, ASKS_ATTRIBUTES), 25);
    world_end(&world);
}

static void load_balancer_deleted_during_the_sweep_is_not_applicable(void **state) {
    (void)state;
    struct world world;
    world_begin(&world, 25);
    world.region->members[11].is_gone = true;
    world_sweep(&world);
    world_succeeded(&world);
    assert_all_reported(&world);
    assert_true(world_reported(&world, world.region->members[11].arn, "NOT_APPLICABLE"));
    world_end(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sweep_reports_all_in_batches_of_100),
        cmocka_unit_test(sweep_is_of_the_rules_region_and_asks_for_the_rules_results),
        cmocka_unit_test(sweep_without_a_notification_time_uses_now),
        cmocka_unit_test(sweep_leaves_out_other_types_unless_config_holds_a_result),
        cmocka_unit_test(sweep_of_a_type_we_do_not_know_is_unknown),
        cmocka_unit_test(sweep_reports_deleted_load_balancers_as_not_applicable),
        cmocka_unit_test(sweep_of_an_empty_region_cleans_up_more_than_a_batch),
        cmocka_unit_test(sweep_keeps_a_newer_result_of_an_unlisted_load_balancer),
        cmocka_unit_test(sweep_with_an_unknown_load_balancer_reports_the_others),
        cmocka_unit_test(sweep_names_all_unknown_ones_and_why_for_the_first),
        cmocka_unit_test(sweep_of_very_many_unknown_ones_keeps_the_message_bounded),
        cmocka_unit_test(sweep_of_a_broken_listing_reports_what_was_listed),
        cmocka_unit_test(sweep_repeats_failed_evaluations),
        cmocka_unit_test(sweep_with_an_evaluation_refused_for_good_fails_and_cleans_nothing_up),
        cmocka_unit_test(sweep_fails_when_deleted_load_balancers_cannot_be_looked_up),
        cmocka_unit_test(sweep_without_a_usable_rule_name_looks_nothing_up),
        cmocka_unit_test(sweep_in_test_mode_says_so),
        cmocka_unit_test(sweep_with_bad_parameters_asks_aws_nothing),
        cmocka_unit_test(sweep_obeys_the_parameters),
        cmocka_unit_test(sweep_on_schedule_replies_without_a_report_to_config),
        cmocka_unit_test(sweep_on_schedule_is_of_the_events_region),
        cmocka_unit_test(sweep_in_proactive_mode_is_refused),
        cmocka_unit_test(sweep_judges_duplicates_once),
        cmocka_unit_test(load_balancer_deleted_during_the_sweep_is_not_applicable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
