/* SPDX-License-Identifier: Apache-2.0
 *
 * Sweeps with a state table: those that are remembered and gone, fleets that one invocation cannot
 * see to, those that are missed for a moment; and who listens to a sweep.
 */
#include "../../src/app/sweep_internal.h"
#include "loop_world.h"

#define COUNT(array)   (sizeof(array) / sizeof((array)[0]))
#define VARIABLES(...) ((const char *const[]){__VA_ARGS__, NULL})
#define HOUR           INT64_C(3600000)
#define SWEEP          STR("{\"action\":\"sweep\"}")
#define FORMER         REGION_ARN "app/former/ffffffffffffffff"
#define TABLE_ONLY     "STATE_TABLE", "ledger", "ALERT_TOPIC_ARN", LOOP_TOPIC

static struct loop loop;

static int end(void **state) {
    (void)state;
    loop_end(&loop);
    return 0;
}

static void sweep(void) {
    loop_handle(&loop.copies[0], SWEEP, "sweep");
}

/* ---- remembered, and gone ---- */

static void remember(const char *arn, const char *facts_time) {
    (void)table_plant(loop.table, str_from_cstr(arn),
                      PAIRS("sk", "STATE", "+version", "3", "factsTime", facts_time, "compliance",
                            "NON_COMPLIANT", "mode", "monitor", "nonCompliantSince",
                            "2026-11-20T08:00:00.000Z", "toldSince", "2026-11-20T08:00:00.000Z"));
    (void)table_plant(
        loop.table, str_from_cstr(arn),
        PAIRS("sk", "INCIDENT#2026-11-20T08:00:00.000Z", "openedAt", "2026-11-20T08:00:00.000Z"));
}

static void the_incident_of_a_deleted_load_balancer_is_closed(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *arn;
        const char *facts_time;
        size_t open;
    } rows[] = {
        {"gone", FORMER, "2026-11-20T08:00:00.000Z", 0},
        {"judged since the sweep began", FORMER, "2026-11-23T08:00:00.001Z", 1},
        {"of another Region",
         "arn:aws:elasticloadbalancing:us-east-1:111122223333:loadbalancer/app/former/"
         "ffffffffffffffff",
         "2026-11-20T08:00:00.000Z", 1},
        {"of another account",
         "arn:aws:elasticloadbalancing:eu-west-1:999999999999:loadbalancer/app/former/"
         "ffffffffffffffff",
         "2026-11-20T08:00:00.000Z", 1},
    };
    for (size_t i = 0; i < COUNT(rows) * 2; i++) {
        size_t row = i / 2;
        loop_begin(&loop, VARIABLES(TABLE_ONLY, "ELB_REQUESTS_PER_SECOND", "off"), i % 2);
        remember(rows[row].arn, rows[row].facts_time);
        sweep();
        loop_succeeded(&loop.copies[0]);
        if (loop_open_incidents(&loop) != rows[row].open ||
            loop_alert_count(&loop, "Resolved") != 1 - rows[row].open) {
            fail_msg("%s, %zu listed", rows[row].name, i % 2);
        }
        if (row == 0) {
            sweep();
            assert_int_equal(loop.message_count, 1);
        }
        loop_end(&loop);
    }
    loop_begin(&loop, VARIABLES(TABLE_ONLY), 0);
}

static void only_a_complete_sweep_closes_stale_incidents(void **state) {
    (void)state;
    loop_begin(&loop, VARIABLES(TABLE_ONLY, "ELB_REQUESTS_PER_SECOND", "off"), 1);
    loop.region->members[0].mode = NULL; /* unknown */
    remember(FORMER, "2026-11-20T08:00:00.000Z");
    sweep();
    assert_true(loop.copies[0].reply.is_error);
    assert_int_equal(loop_open_incidents(&loop), 1);
}

/* The listing may have missed it for a moment. */
static void an_incident_of_an_existing_load_balancer_stays_open(void **state) {
    (void)state;
    loop_begin(&loop, VARIABLES(TABLE_ONLY, "ELB_REQUESTS_PER_SECOND", "off"), 1);
    str arn = region_add(loop.region, "application", "monitor")->arn;
    remember(str_to_cstr(&loop.fake.arena, arn), "2026-11-20T08:00:00.000Z");
    loop.region->is_last_unlisted = true;
    sweep();
    loop_succeeded(&loop.copies[0]);
    assert_int_equal(loop_open_incidents(&loop), 1);
}

/* ---- missed for a moment ---- */

static void come_back(struct loop *world) {
    world->region->members[1].is_gone = false;
}

static void a_load_balancer_missed_once_is_judged(void **state) {
    (void)state;
    loop_begin(&loop, VARIABLES(TABLE_ONLY, "ELB_REQUESTS_PER_SECOND", "off"), 3);
    loop.region->members[1].is_gone = true;
    loop.meanwhile = come_back;
    loop.meanwhile_match = ASKS_ATTRIBUTES;
    loop.meanwhile_nth = 4;
    sweep();
    loop_succeeded(&loop.copies[0]);
    assert_true(loop_says(&loop.copies[0], "\"compliance\":\"NON_COMPLIANT\""));
    assert_false(loop_says(&loop.copies[0], "NOT_APPLICABLE"));
}

/* ---- more than fits into the time ---- */

static size_t remembered(void) {
    size_t count = 0;
    for (size_t i = 0; i < loop.table->count; i++) {
        count += str_eq(table_text(&loop.table->items[i], "sk"), STR("STATE")) ? 1 : 0;
    }
    return count;
}

/* All in order, but for a former one. */
static void begin_large(size_t count) {
    static const char *const SLOW[] = {TABLE_ONLY, "ELB_REQUESTS_PER_SECOND", "4", NULL};
    loop_begin(&loop, SLOW, count);
    for (size_t i = 0; i < count; i++) {
        loop.region->members[i].mode = "defensive";
    }
    remember(FORMER, "2026-11-20T08:00:00.000Z");
}

static void the_next_sweep_resumes_a_fleet_too_large_for_one(void **state) {
    (void)state;
    begin_large(350);
    size_t before = remembered();
    int runs = 0;
    do {
        loop.fake.now_ms += HOUR;
        sweep();
        assert_true(remembered() > before);
        before = remembered();
        assert_int_equal(loop_open_incidents(&loop), loop.copies[0].reply.is_error ? 1 : 0);
        assert_true(++runs < 5);
    } while (loop.copies[0].reply.is_error);
    assert_in_range(runs, 2, 4);
    assert_int_equal(remembered(), 351);
    assert_int_equal(loop_alert_count(&loop, "Resolved"), 1); /* the clean-up after the last part */
    /* Each was read once, but for those that no time was left to control on. */
    assert_in_range(fake_requests_with(&loop.fake, ASKS_ATTRIBUTES), 351, 450);
    loop.fake.now_ms += HOUR;
    sweep();
    assert_true(loop.copies[0].reply.is_error);
    assert_null(strstr(str_to_cstr(&loop.fake.arena, loop.copies[0].reply.error_message),
                       "invocations before this one")); /* begun anew */
}

static void unknown_verdict_in_one_part_makes_the_sweep_incomplete(void **state) {
    (void)state;
    begin_large(250);
    loop.region->members[0].mode = NULL;
    const str says = STR("which left some unknown");
    for (int i = 0; i < 4 && !str_contains(loop.copies[0].reply.error_message, says); i++) {
        loop.fake.now_ms += HOUR;
        sweep();
        assert_true(loop.copies[0].reply.is_error);
    }
    assert_true(str_contains(loop.copies[0].reply.error_message, says));
    assert_int_equal(loop_open_incidents(&loop), 1);
}

/* ---- listeners ---- */

struct received {
    size_t judged;
    size_t unknown;
};

static void count_judged(void *context, const struct load_balancer *facts,
                         const struct evaluation *evaluation) {
    struct received *received = context;
    assert_true(str_eq(facts->arn, evaluation->resource_id));
    received->judged++;
    received->unknown += evaluation->compliance == COMPLIANCE_UNKNOWN ? 1 : 0;
}

static void a_listener_gets_every_judgement_and_an_audit_changes_nothing(void **state) {
    (void)state;
    for (int is_audit = 0; is_audit <= 1; is_audit++) {
        loop_begin(&loop, VARIABLES(LOOP_ALL), 6);
        struct received received = {0};
        const struct audit_listener listener = {.context = &received, .judged = count_judged};
        loop.region->members[3].mode = NULL;
        struct loop_copy *copy = &loop.copies[0];
        const struct config_invocation invocation = {
            .message = MESSAGE_SCHEDULED, .result_token = STR("token"), .rule_name = STR("rule")};
        const struct sweep_options options = {.invocation = &invocation,
                                              .listener = &listener,
                                              .is_audit = is_audit == 1,
                                              .arena = &copy->arena};
        struct error error = {0};
        copy->guard.home.deadline_ms = loop.fake.now_ms + LOOP_TIME_MS;
        assert_int_equal(accounts_select(&copy->guard, STR_EMPTY, STR_EMPTY, &copy->arena, &error),
                         STATUS_OK);
        sweep_run(&copy->guard, &options, &copy->reply);
        assert_int_equal(received.judged, 6);
        assert_int_equal(received.unknown, 1);
        assert_true(str_contains(loop.copies[0].reply.error_message, STR("1 is unknown")));
        assert_int_equal(loop.region->reported_count, is_audit ? 0 : 5);
        assert_int_equal(loop.modify_count, is_audit ? 0 : 2);
        assert_int_equal(loop.table->count == 0, is_audit);
        loop_end(&loop);
    }
    loop_begin(&loop, VARIABLES(LOOP_ALL), 0);
}

int main(void) {
#define TEST(name) cmocka_unit_test_teardown(name, end)
    const struct CMUnitTest tests[] = {
        TEST(the_incident_of_a_deleted_load_balancer_is_closed),
        TEST(only_a_complete_sweep_closes_stale_incidents),
        TEST(an_incident_of_an_existing_load_balancer_stays_open),
        TEST(a_load_balancer_missed_once_is_judged),
        TEST(the_next_sweep_resumes_a_fleet_too_large_for_one),
        TEST(unknown_verdict_in_one_part_makes_the_sweep_incomplete),
        TEST(a_listener_gets_every_judgement_and_an_audit_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
