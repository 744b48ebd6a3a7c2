/* SPDX-License-Identifier: Apache-2.0
 *
 * A fault at every call in turn, once and for good, before and after it was carried out; two copies
 * that meet at every call. However it ends: no report is lost, nothing is alerted twice, no mode is
 * lowered, and at most one incident is open.
 */
#include "loop_world.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define CALLS_MAX    60 /* more than any run makes */

static const struct {
    const char *name;
    struct fake_answer answer;
    bool is_after;
    bool is_refusal; /* it certainly was not done */
} FAULTS[] = {
    {"throttled", {.http_status = 400, .body = BODY(TROUBLE_XML("Throttling"))}, false, true},
    {"reset", {.status = STATUS_CONNECTION}, false, false},
    {"500", {.http_status = 500, .body = BODY(TROUBLE_HTML)}, false, false},
    {"garbage", {.http_status = 200, .body = BODY(TROUBLE_HTML)}, false, false},
    {"denied", {.http_status = 403, .body = BODY(TROUBLE_XML("AccessDenied"))}, false, true},
    {"done, then reset", {.status = STATUS_CONNECTION}, true, false},
    {"done, then 500", {.http_status = 500, .body = BODY(TROUBLE_HTML)}, true, false},
    {"done, then garbage", {.http_status = 200, .body = BODY(TROUBLE_HTML)}, true, false},
};

static struct loop loop;
static struct region_member *weak;

static const char *const EVERYTHING[] = {LOOP_ALL, NULL};

static void begin(void) {
    loop_begin(&loop, EVERYTHING, 3);
    weak = &loop.region->members[1];
}

static str weakened(const char *id) {
    const struct loop_call call = {.id = id};
    return loop_event(&loop, &call, weak->arn);
}

static str config_sweep(void) {
    return STR("{\"invokingEvent\":\"{\\\"messageType\\\":\\\"ScheduledNotification\\\","
               "\\\"notificationCreationTime\\\":\\\"2026-11-23T07:59:57.400Z\\\"}\","
               "\"resultToken\":\"token\",\"configRuleName\":\"rule\"}");
}

/* Each kind of message at most once, and those of one moment never twice. */
static bool is_alerted_twice(void) {
    return loop_alert_count(&loop, "Mode raised") > 1 ||
           loop_alert_count(&loop, "Non-compliant") > 1 ||
           loop_alert_count(&loop, "Resolved") > 1 || loop_alert_count(&loop, "Changed back") > 0;
}

static const char *what_is_wrong(bool is_mended) {
    if (loop.lowered_count > 0) {
        return "a mode was lowered";
    }
    if (is_alerted_twice()) {
        return "something was alerted twice";
    }
    if (loop_open_incidents(&loop) > 1) {
        return "more than one incident is open";
    }
    if (table_count(loop.table, weak->arn, "INCIDENT#") > 1) {
        return "one episode was written down as several";
    }
    if (is_mended && strcmp(weak->mode, "defensive") != 0) {
        return "the mode was not raised";
    }
    if (is_mended && loop_open_incidents(&loop) > 0) {
        return "the incident was not closed";
    }
    if (is_mended && table_count(loop.table, weak->arn, "STATE") != 1) {
        return "nothing is remembered";
    }
    if (is_mended && table_count(loop.table, weak->arn, "CHANGE#") != 1) {
        return "the change is not written down once";
    }
    if (is_mended && table_count(loop.table, weak->arn, "INCIDENT#") != 1) {
        return "the incident is not written down";
    }
    return NULL;
}

/* What SNS may have got counts as sent; all else is sent in the end. Where nothing works any more
 * it cannot even be written down that it is due. */
static const char *lost_alert(size_t fault, bool is_lasting) {
    bool may_be_alerted = loop.publish_hits > 0 && !FAULTS[fault].is_refusal;
    return is_lasting || may_be_alerted || loop.message_count == 1 ? NULL : "the alert is lost";
}

struct run {
    str (*event)(void);
    bool is_reported; /* the event is Config's, and each load balancer must be reported */
};

static str weakened_event(void) {
    return weakened("e1");
}

/* Config gets reports, unless the fault is in Config. */
static bool lost_a_report(const struct run *run, bool is_first_ok) {
    if (!run->is_reported || !is_first_ok) {
        return false;
    }
    for (size_t i = 0; i < loop.region->count; i++) {
        if (region_report_of(loop.region, loop.region->members[i].arn) == NULL) {
            return true;
        }
    }
    return false;
}

/* Delivered as Lambda does, by a duplicate, and once all is well again by another call. */
static bool run_with_fault(const struct run *run, size_t fault, size_t nth, bool is_lasting) {
    begin();
    loop.fault = (struct loop_fault){.nth = nth,
                                     .is_lasting = is_lasting,
                                     .is_after = FAULTS[fault].is_after,
                                     .answer = FAULTS[fault].answer};
    str event = run->event();
    loop_deliver(&loop.copies[0], event, "r1");
    bool was_answered = !loop.copies[0].reply.is_error;
    const char *wrong = what_is_wrong(false);
    if (wrong == NULL && lost_a_report(run, was_answered)) {
        wrong = "it succeeded without a report";
    }
    bool was_hit = loop.fault_hits > 0;
    loop.fault = (struct loop_fault){.nth = 0};
    loop_deliver(&loop.copies[1], event, "r2");
    loop.fake.now_ms += 120000;
    loop_deliver(&loop.copies[1], weakened("e2"), "r3");
    loop.fake.now_ms += 120000;
    loop_deliver(&loop.copies[1], weakened("e3"), "r4");
    loop_succeeded(&loop.copies[1]);
    wrong = wrong == NULL ? what_is_wrong(true) : wrong;
    wrong = wrong == NULL ? lost_alert(fault, is_lasting) : wrong;
    if (wrong != NULL) {
        fail_msg("%s at call %zu%s: %s (%zu messages)", FAULTS[fault].name, nth,
                 is_lasting ? " and all after it" : "", wrong, loop.message_count);
    }
    loop_end(&loop);
    return was_hit;
}

static void torture(const struct run *run, size_t calls_min) {
    for (size_t fault = 0; fault < COUNT(FAULTS); fault++) {
        for (int is_lasting = 0; is_lasting <= 1; is_lasting++) {
            size_t nth = 1;
            while (run_with_fault(run, fault, nth, is_lasting == 1)) {
                assert_true(++nth < CALLS_MAX);
            }
            assert_in_range(nth, calls_min, CALLS_MAX);
        }
    }
}

static void api_call_is_handled_once_under_any_fault(void **state) {
    (void)state;
    const struct run run = {.event = weakened_event};
    torture(&run, 12);
}

static void a_sweep_loses_no_report_under_any_fault(void **state) {
    (void)state;
    const struct run run = {.event = config_sweep, .is_reported = true};
    torture(&run, 15);
}

/* All reports of the sweep, whatever comes of acting: the fault begins with the table. */
static void reports_are_sent_when_the_table_fails(void **state) {
    (void)state;
    for (size_t fault = 0; fault < COUNT(FAULTS); fault++) {
        begin();
        loop.fault = (struct loop_fault){
            .nth = 1, .is_lasting = true, .match = "//dynamodb.", .answer = FAULTS[fault].answer};
        loop_handle(&loop.copies[0], config_sweep(), "r1");
        assert_true(loop.copies[0].reply.is_error);
        assert_int_equal(loop.region->reported_count, 3);
        assert_int_equal(loop.modify_count, 0);
        assert_int_equal(loop.message_count, 0);
        loop_end(&loop);
    }
}

static void table_that_never_answers_leaves_time_to_report_the_rest(void **state) {
    (void)state;
    static const struct fake_answer HANGS = {.status = STATUS_TIMEOUT};
    loop_begin(&loop, EVERYTHING, 1000);
    loop.fault =
        (struct loop_fault){.nth = 1, .is_lasting = true, .match = "//dynamodb.", .answer = HANGS};
    loop_handle(&loop.copies[0], config_sweep(), "r1");
    assert_true(loop.copies[0].reply.is_error);
    assert_int_equal(loop.region->reported_count, 1000);
    assert_true(str_contains(loop.copies[0].reply.error_message, STR("no time was left to act")));
    loop_end(&loop);
}

/* ---- copies at the same time ---- */

static const struct {
    const char *name;
    const char *id; /* of the event the other copy gets; NULL: it sweeps */
} MEETINGS[] = {{"the same call", "e1"}, {"another call", "e2"}, {"a sweep", NULL}};
static size_t meeting;

static void let_the_other_work(struct loop *world) {
    const char *id = MEETINGS[meeting].id;
    loop_handle(&world->copies[1], id == NULL ? config_sweep() : weakened(id), "r2");
}

static void two_sandboxes_interleaved_at_any_call_record_one_history(void **state) {
    (void)state;
    for (meeting = 0; meeting < COUNT(MEETINGS); meeting++) {
        bool has_met = true;
        for (size_t nth = 1; has_met; nth++) {
            begin();
            loop.meanwhile = let_the_other_work;
            loop.meanwhile_nth = nth;
            loop_deliver(&loop.copies[0], weakened("e1"), "r1");
            has_met = loop.meanwhile == NULL;
            const char *wrong = what_is_wrong(true);
            if (wrong == NULL &&
                (loop.copies[0].reply.is_error || (has_met && loop.copies[1].reply.is_error))) {
                wrong = "an invocation failed";
            }
            if (wrong == NULL && loop.message_count != 1) {
                wrong = "not alerted once";
            }
            if (wrong == NULL && table_count(loop.table, weak->arn, "CHANGE#") != 1) {
                wrong = "not one change was written down";
            }
            if (wrong != NULL) {
                fail_msg("%s at call %zu: %s (%zu messages)", MEETINGS[meeting].name, nth, wrong,
                         loop.message_count);
            }
            loop_end(&loop);
            assert_true(nth < CALLS_MAX);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(api_call_is_handled_once_under_any_fault),
        cmocka_unit_test(a_sweep_loses_no_report_under_any_fault),
        cmocka_unit_test(reports_are_sent_when_the_table_fails),
        cmocka_unit_test(table_that_never_answers_leaves_time_to_report_the_rest),
        cmocka_unit_test(two_sandboxes_interleaved_at_any_call_record_one_history),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
