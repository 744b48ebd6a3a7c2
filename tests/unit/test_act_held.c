/* SPDX-License-Identifier: Apache-2.0
 *
 * Raising monitor to defensive, and what the access logs say of the clients that this blocks.
 */
#include "loop_world.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct loop loop;
static struct region_member *weak; /* in monitor */
static const char *const EVERYTHING[] = {LOOP_ALL, NULL};

static int begin(void **state) {
    (void)state;
    loop_begin(&loop, EVERYTHING, 3);
    weak = &loop.region->members[1];
    return 0;
}

static int end(void **state) {
    (void)state;
    loop_end(&loop);
    return 0;
}

/* Of 10000 served requests of this day so many are Severe. */
static void plant_severe(const char *severe) {
    (void)table_plant(loop.table, weak->arn,
                      PAIRS("sk", "TRAFFIC#2026-11-23T07", "+requests", "10000", "+severe", severe,
                            "+http1Lines", "10000", "+http1", "10000", "+severeServed", severe,
                            "newest_at", "2026-11-23T07:50:00.000Z"));
}

static void handle(const char *id) {
    const struct loop_call call = {.id = id};
    loop_handle(&loop.copies[0], loop_event(&loop, &call, weak->arn), id);
}

static void e7_clients_that_defensive_would_block_hold_the_change(void **state) {
    (void)state;
    plant_severe("130");
    for (int times = 0; times < 2; times++) {
        handle(times == 0 ? "e1" : "e2");
        loop_succeeded(&loop.copies[0]);
        loop.fake.now_ms += 3600000;
    }
    assert_string_equal(weak->mode, "monitor");
    assert_int_equal(loop.modify_count, 0);
    assert_true(loop_says(&loop.copies[0], "\"action\":\"enforce\",\"status\":\"skipped\""));
    assert_true(loop_says(&loop.copies[0], "130 of 10000 served HTTP/1.x requests (1.3 %"));
    assert_int_equal(loop.message_count, 1);
    assert_int_equal(loop_alert_count(&loop, "Mode not raised"), 1);
    assert_true(str_contains(loop.messages[0].text, STR("130 of 10000 served")));
    const struct table_item *item = table_first(loop.table, weak->arn, "STATE");
    assert_str(table_text(item, "intent"), "");
    assert_int_equal(table_count(loop.table, weak->arn, "CHANGE#"), 0);
    assert_int_equal(loop_open_incidents(&loop), 1);
    plant_severe("0"); /* repaired */
    handle("e3");
    assert_string_equal(weak->mode, "defensive");
    assert_int_equal(loop_alert_count(&loop, "Mode raised"), 1);
}

static void e7_the_alert_of_a_raised_mode_says_how_many_are_blocked(void **state) {
    (void)state;
    static const struct {
        const char *severe;
        const char *says;
    } rows[] = {{"50", "50 of 10000 served HTTP/1.x requests (0.5 %"},
                {NULL, "the access logs hold no served HTTP/1.x request, so that nobody knows"}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        (void)end(NULL);
        (void)begin(NULL);
        if (rows[i].severe != NULL) {
            plant_severe(rows[i].severe);
        }
        handle("e1");
        assert_string_equal(weak->mode, "defensive");
        assert_int_equal(loop_alert_count(&loop, "Mode raised"), 1);
        assert_true(str_contains(loop.messages[0].text, str_from_cstr(rows[i].says)));
    }
}

/* Another copy, or the repeat, reads them; held or not, it is the same then. */
static void e7_evidence_that_cannot_be_read_changes_nothing(void **state) {
    (void)state;
    plant_severe("130");
    loop.fault =
        (struct loop_fault){.nth = 1,
                            .is_lasting = true,
                            .match = "DynamoDB_20120810.Query",
                            .answer = {.http_status = 400,
                                       .body = STR("{\"__type\":\"com.amazonaws.dynamodb.v20120810#"
                                                   "ResourceNotFoundException\"}")}};
    handle("e1");
    assert_string_equal(weak->mode, "monitor");
    assert_int_equal(loop.modify_count, 0);
    assert_true(loop.copies[0].reply.is_error); /* Lambda repeats it */
    loop.fault.nth = 0;
    handle("e1");
    assert_string_equal(weak->mode, "monitor");
    assert_int_equal(loop_alert_count(&loop, "Mode not raised"), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(e7_clients_that_defensive_would_block_hold_the_change,
                                        begin, end),
        cmocka_unit_test_setup_teardown(e7_the_alert_of_a_raised_mode_says_how_many_are_blocked,
                                        begin, end),
        cmocka_unit_test_setup_teardown(e7_evidence_that_cannot_be_read_changes_nothing, begin,
                                        end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
