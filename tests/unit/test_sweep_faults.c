/* SPDX-License-Identifier: Apache-2.0
 *
 * The sweep when something goes wrong: time, throttling, and any trouble at any call. Whatever
 * happens, Config never gets a wrong verdict, nothing is cleaned up unless all was found out, and
 * what was not found out fails the invocation with its name.
 */
#include "sweep_world.h"

#define GONE_ARN REGION_ARN "app/former/ffffffffffffffff"

/* Enough that 60 s are not: 30 calls at once and 9 a second. */
#define MANY 900

static void sweep_out_of_time_reports_what_it_read(void **state) {
    (void)state;
    struct world world;
    world_begin(&world, MANY);
    region_add_result(world.region, TYPE, STR(GONE_ARN), "COMPLIANT");
    int64_t deadline_ms = FAKE_NOW_MS + 60000;
    world_handle(&world, world_event(&world, SCHEDULED, TOKEN RULE), deadline_ms);
    /* 50 s of reading, 10 are kept back: 30 + 9 * 50 calls, 21 of 20 for attributes */
    size_t told = world.region->reported_count;
    assert_in_range(told, 420, 470);
    str says = str_format(&world.arena,
                          "of %d load balancers listed (%d to judge) %zu were judged, %zu "
                          "reported, 0 are unknown and %zu were not reached in time",
                          MANY, MANY, told, told, MANY - told);
    world_failed(&world, "Function.SweepIncomplete", SAYS(says.ptr));
    assert_true(world.fake.now_ms < deadline_ms);
    assert_int_equal(fake_requests_with(&world.fake, ASKS_RESULTS), 0);
    for (size_t i = 0; i < world.region->count; i++) {
        const struct region_member *member = &world.region->members[i];
        assert_true(world_reported(&world, member->arn, NULL) ||
                    world_reported(&world, member->arn, world_truth(member)));
    }
    world_end(&world);
}

/* A fleet too large for the time there ever is: no part of it may be the one never reached. */
static void sweeps_that_run_out_of_time_cover_the_fleet_in_turn(void **state) {
    (void)state;
    struct world world;
    world_begin(&world, 300);
    size_t reached = 0;
    for (int run = 0; run < 12; run++) {
        world.fake.now_ms += 3600000;
        world_handle(&world, world_event(&world, SCHEDULED, TOKEN RULE), world.fake.now_ms + 15000);
        world_failed(&world, "Function.SweepIncomplete", SAYS("not reached in time"));
        reached = 0;
        for (size_t i = 0; i < 300; i++) {
            reached += region_report_of(world.region, world.region->members[i].arn) != NULL ? 1 : 0;
        }
        /* each covers less than half */
        assert_true(run > 0 || reached < 150);
    }
    assert_int_equal(reached, 300);
    world_end(&world);
}

/* What a chunk brought is reported before the next one is read. */
static void sweep_reports_each_chunk_before_it_reads_the_next(void **state) {
    (void)state;
    struct world world;
    world_begin(&world, 450);
    world_sweep(&world);
    world_succeeded(&world);
    size_t elb_calls[] = {2 + 420, 2 + 420 + 53};
    for (size_t i = 0; i < world.region->reported_count; i++) {
        assert_int_equal(world.region->reports[i].elb_calls, elb_calls[i / 400]);
    }
    world_end(&world);
}

static void sweep_with_a_short_time_keeps_a_quarter_of_it_back(void **state) {
    (void)state;
    struct world world;
    world_begin(&world, 20);
    world.region->took_ms = 700;
    world_handle(&world, world_event(&world, SCHEDULED, TOKEN RULE), FAKE_NOW_MS + 4100);
    world_succeeded(&world); /* 700 for the scope, to list, to read, to report, to look up */
    assert_int_equal(world.region->reported_count, 20);
    world_end(&world);
}

static void sweep_without_any_time_asks_nothing(void **state) {
    (void)state;
    for (int64_t late_ms = 0; late_ms <= 100000; late_ms += 50000) {
        struct world world;
        world_begin(&world, 3);
        world_handle(&world, world_event(&world, SCHEDULED, TOKEN RULE), FAKE_NOW_MS - late_ms);
        world_failed(&world, "Function.SweepIncomplete", SAYS("time is used up"));
        assert_int_equal(world.fake.request_count, 0);
        world_end(&world);
    }
}

static void sweep_keeps_the_pace_of_aws_through_chunks_and_pages(void **state) {
    (void)state;
    struct world world;
    world_begin(&world, 450);
    world_sweep(&world);
    world_succeeded(&world);
    size_t elb_calls = 0;
    for (size_t i = 0; i < world.fake.request_count; i++) {
        const struct fake_request *request = &world.fake.requests[i];
        elb_calls += str_contains(request->http.url, STR("elasticloadbalancing")) ? 1 : 0;
        double allowed = 30.0 + (double)(request->at_ms - FAKE_NOW_MS) / 1000.0 * 9.0;
        assert_true((double)elb_calls <= allowed + 1e-6);
    }
    assert_int_equal(elb_calls, world.region->elb_calls);
    world_end(&world);
}

static void sweep_of_a_busy_account_takes_longer_and_is_complete(void **state) {
    (void)state;
    struct world world;
    world_begin(&world, 450);
    world.region->rate = 3;
    world_sweep(&world);
    world_succeeded(&world);
    assert_int_equal(world.region->reported_count, 450);
    assert_true(world.region->throttled > 0);
    world_end(&world);
}

/* A sandbox has 128 MB: what a sweep holds at its end must not grow with calls, only, and little,
 * with load balancers. The answer is the larger part of it. */
static void sweep_uses_little_memory_per_load_balancer(void **state) {
    (void)state;
    struct world world;
    world_begin(&world, 3000);
    for (size_t i = 0; i < 3000; i++) {
        region_add_result(world.region, TYPE, world.region->members[i].arn, "COMPLIANT");
    }
    size_t before = arena_bytes_held(&world.arena);
    world_sweep(&world);
    world_succeeded(&world);
    size_t held = arena_bytes_held(&world.arena) - before;
    assert_true(held > world.reply.body.len);
    assert_in_range(held - world.reply.body.len, 1, 3000 * 2000);
    world_end(&world);
}

/* ---- torture ---- */

/* Two pages of load balancers, one of them network, one gone, and two pages of results. */
static void torture_begin(struct world *world, const struct region_fault *fault) {
    world_begin(world, 5);
    struct region *region = world->region;
    region->members[3].is_gone = true;
    str network = region_add(region, "network", NULL)->arn;
    region->page_size = 3;
    region_add_result(region, TYPE, region->members[0].arn, "NON_COMPLIANT");
    region_add_result(region, TYPE, region->members[1].arn, "COMPLIANT");
    region_add_result(region, TYPE, network, "COMPLIANT");
    region_add_result(region, TYPE, STR(GONE_ARN), "COMPLIANT");
    region->fault = *fault;
}

/* What is wrong with the reports to Config, or NULL. */
static const char *lie_in(const struct world *world) {
    const struct region *region = world->region;
    size_t judged = 0;
    size_t cleaned_up = 0;
    for (size_t i = 0; i < region->reported_count; i++) {
        const struct region_report *told = &region->reports[i];
        bool is_judged = false;
        for (size_t n = 0; n < 5; n++) {
            if (str_eq(told->resource_id, region->members[n].arn)) {
                is_judged = true;
                judged++;
                if (!str_eq(told->compliance, str_from_cstr(world_truth(&region->members[n])))) {
                    return "a verdict that the facts contradict";
                }
            }
        }
        cleaned_up += is_judged ? 0 : 1;
        if (!is_judged && judged < 5) {
            return "cleaned up before all was judged";
        }
        if (!is_judged && !str_eq(told->compliance, STR("NOT_APPLICABLE"))) {
            return "a vanished one that is not NOT_APPLICABLE";
        }
    }
    if (!world->reply.is_error && (judged != 5 || cleaned_up != 2)) {
        return "success, but not all was reported";
    }
    return NULL;
}

static const char *error_problem(const struct world *world) {
    static const char *const types[] = {"Function.SweepIncomplete", "Function.VerdictUnknown",
                                        "Function.ReportFailed"};
    str message = world->reply.error_message;
    bool is_known = false;
    for (size_t i = 0; i < 3; i++) {
        is_known = is_known || str_eq(world->reply.error_type, str_from_cstr(types[i]));
    }
    if (!is_known) {
        return "an error of another type";
    }
    if (!str_starts_with(message, STR("of ")) || !str_contains(message, STR("load balancers"))) {
        return "an error that does not say how far it got";
    }
    bool names_call = str_contains(message, STR("elasticloadbalancing ")) ||
                      str_contains(message, STR("config ")) ||
                      str_contains(message, STR("not reached"));
    return names_call ? NULL : "an error that names no call";
}

static bool torture_one(const struct trouble *trouble, const struct region_fault *fault) {
    struct world world;
    torture_begin(&world, fault);
    world_sweep(&world);
    const char *problem = lie_in(&world);
    if (problem == NULL && world.reply.is_error) {
        problem = error_problem(&world);
    }
    bool is_hit = world.region->fault_hits > 0;
    /* the second look at what is gone: it is missed by its attributes and by its tags */
    bool is_second_look =
        fault->match != NULL && fault->nth >= world.region->count &&
        (strcmp(fault->match, ASKS_ATTRIBUTES) == 0 || strcmp(fault->match, ASKS_TAGS) == 0);
    if (problem == NULL && is_hit && fault->is_lasting && !world.reply.is_error &&
        !is_second_look) {
        problem = "success in spite of it";
    }
    /* once, a call that is not repeated may still cost nothing: that of one that is gone anyway */
    if (problem == NULL && world.reply.is_error && !fault->is_lasting && trouble->is_repeated) {
        problem = "failure because of it";
    }
    if (problem == NULL && world.reply.is_error && !is_hit) {
        problem = "failure without a fault";
    }
    if (problem == NULL && world.fake.now_ms > DEADLINE_MS) {
        problem = "late";
    }
    if (problem == NULL &&
        (holds_secret(world.reply.error_message) || holds_secret(buf_str(&world.log_text)))) {
        problem = "a secret";
    }
    if (problem != NULL) {
        print_error("%s, %s, call %zu%s: %s\n  %.*s\n", trouble->name,
                    fault->match == NULL ? "any call" : fault->match, fault->nth,
                    fault->is_lasting ? " and all after" : "", problem,
                    STR_ARG(world.reply.error_message));
    }
    world_end(&world);
    assert_null(problem);
    return is_hit;
}

static void torture_all(const char *match, size_t calls_min) {
    for (size_t i = 0; i < TROUBLE_COUNT; i++) {
        for (int is_lasting = 0; is_lasting <= 1; is_lasting++) {
            size_t hits = 0;
            bool is_hit = true;
            for (size_t nth = 1; is_hit && nth < 100; nth++) {
                const struct region_fault fault = {.match = match,
                                                   .nth = nth,
                                                   .is_lasting = is_lasting == 1,
                                                   .answer = TROUBLES[i].answer};
                is_hit = torture_one(&TROUBLES[i], &fault);
                hits += is_hit ? 1 : 0;
            }
            assert_true(hits >= calls_min);
        }
    }
}

static void sweep_survives_any_fault_at_any_call(void **state) {
    (void)state;
    /* 2 pages, 1 of tags, 5 of attributes, 4 of single tags, 2 batches, 2 pages of results */
    torture_all(NULL, 16);
}

static void sweep_survives_any_fault_of_any_kind_of_call(void **state) {
    (void)state;
    torture_all(ASKS_DESCRIPTION, 2);
    torture_all(ASKS_ATTRIBUTES, 5);
    torture_all(ASKS_TAGS, 5);
    torture_all(ASKS_TO_REPORT, 2);
    torture_all(ASKS_RESULTS, 2);
}

/* After a sweep that failed the next one of the same sandbox is not worse off. */
static void sweep_recovers_in_the_same_sandbox(void **state) {
    (void)state;
    struct world world;
    const struct region_fault fault = {
        .nth = 1, .is_lasting = true, .answer = {.status = STATUS_CONNECTION}};
    torture_begin(&world, &fault);
    world_sweep(&world);
    assert_true(world.reply.is_error);
    assert_int_equal(world.region->reported_count, 0);
    world.region->fault.nth = 0;
    world_sweep(&world);
    world_succeeded(&world);
    assert_null(lie_in(&world));
    world_end(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sweep_out_of_time_reports_what_it_read),
        cmocka_unit_test(sweeps_that_run_out_of_time_cover_the_fleet_in_turn),
        cmocka_unit_test(sweep_reports_each_chunk_before_it_reads_the_next),
        cmocka_unit_test(sweep_with_a_short_time_keeps_a_quarter_of_it_back),
        cmocka_unit_test(sweep_without_any_time_asks_nothing),
        cmocka_unit_test(sweep_keeps_the_pace_of_aws_through_chunks_and_pages),
        cmocka_unit_test(sweep_of_a_busy_account_takes_longer_and_is_complete),
        cmocka_unit_test(sweep_uses_little_memory_per_load_balancer),
        cmocka_unit_test(sweep_survives_any_fault_at_any_call),
        cmocka_unit_test(sweep_survives_any_fault_of_any_kind_of_call),
        cmocka_unit_test(sweep_recovers_in_the_same_sandbox),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
