/* SPDX-License-Identifier: Apache-2.0
 *
 * What an invocation that crashed leaves in STATE, and which principal did what is
 * found after it; and times that cannot be right.
 */
#include "loop_world.h"

#define COUNT(array)   (sizeof(array) / sizeof((array)[0]))
#define VARIABLES(...) ((const char *const[]){__VA_ARGS__, NULL})
#define MINUTE         INT64_C(60000)
#define ASKS_TRANSACT  "DynamoDB_20120810.TransactWriteItems"
#define CAROL          "arn:aws:iam::111122223333:user/carol"

static struct loop loop;
static struct region_member *weak;

static void begin(const char *const *variables) {
    loop_begin(&loop, variables, 3);
    weak = &loop.region->members[1]; /* in monitor */
}

static int end(void **state) {
    (void)state;
    loop_end(&loop);
    return 0;
}

static void see_call(const struct loop_call *call) {
    loop_handle(&loop.copies[0], loop_event(&loop, call, weak->arn), call->id);
}

static void see(const char *id) {
    see_call(&(struct loop_call){.id = id});
}

static const struct table_item *state_item(void) {
    return table_first(loop.table, weak->arn, "STATE");
}

static size_t correction_count(void) {
    str text = table_text(state_item(), "corrections");
    return (text.len + 1) / 25; /* times of 24 characters and the comma between */
}

/* From the nth of these calls on nothing that it does is carried out. */
static void crash_at(const char *match, size_t nth) {
    loop.fault = (struct loop_fault){
        .nth = nth, .match = match, .is_lasting = true, .answer = {.status = STATUS_CONNECTION}};
    loop.fault_calls = 0;
}

/* Ends right after the mode was raised. */
static void crash_after_raising(const char *id) {
    crash_at(ASKS_TRANSACT, 1); /* SEEN and the intent go well, STATE does not */
    see(id);
    assert_true(loop.copies[0].reply.is_error);
    assert_string_equal(weak->mode, "defensive");
    loop.fault = (struct loop_fault){.nth = 0};
    loop.fake.now_ms += MINUTE;
}

/* ---- done, and undone before anybody wrote it down ---- */

static void weaken(const char *id) {
    weak->mode = "monitor";
    loop.fake.now_ms += MINUTE;
    const struct loop_call call = {.id = id, .event_ms = loop.fake.now_ms - 1000};
    see_call(&call);
}

static void correction_undone_before_it_was_recorded_counts(void **state) {
    (void)state;
    begin(VARIABLES(LOOP_ALL));
    crash_after_raising("e1");
    weaken("e2");
    loop_succeeded(&loop.copies[0]);
    assert_string_equal(weak->mode, "defensive");
    assert_int_equal(table_count(loop.table, weak->arn, "CHANGE#"), 2);
    assert_int_equal(correction_count(), 2);
    assert_int_equal(loop_alert_count(&loop, "Mode raised"), 1);
    assert_int_equal(loop_open_incidents(&loop), 0);
}

static void a_fight_ends_although_each_correction_ends_in_a_crash(void **state) {
    (void)state;
    static const char *const IDS[] = {"e1", "e2", "e3", "e4", "e5"};
    begin(VARIABLES(LOOP_ALL, "FIGHT_LIMIT", "2"));
    for (size_t i = 0; i < COUNT(IDS); i++) {
        crash_at(ASKS_PUBLISH, 1);
        if (i == 0) {
            see(IDS[i]);
        } else {
            weaken(IDS[i]);
        }
    }
    assert_int_equal(loop.modify_count, 2);
    assert_int_equal(correction_count(), 2);
}

static void a_correction_that_was_never_made_does_not_count(void **state) {
    (void)state;
    static const struct loop_call NEXT[] = {
        {.id = "e1", .event_ms = FAKE_NOW_MS},             /* the repeat of the same call */
        {.id = "e2", .event_ms = FAKE_NOW_MS - MINUTE},    /* one that was made before */
        {.id = "e2", .event_ms = FAKE_NOW_MS, .mode = ""}, /* one that sets something else */
        {.id = "e2", .event_ms = FAKE_NOW_MS, .name = "AddTags"},
    };
    for (size_t i = 0; i < COUNT(NEXT); i++) {
        begin(VARIABLES(LOOP_ALL));
        crash_at(NULL, 5); /* Modify, after SEEN, attributes, tags, the intent */
        see_call(&(struct loop_call){.id = "e1", .event_ms = FAKE_NOW_MS});
        assert_string_equal(weak->mode, "monitor");
        assert_false(str_is_empty(table_text(state_item(), "intent")));
        loop.fault = (struct loop_fault){.nth = 0};
        loop.fake.now_ms += 2 * MINUTE;
        see_call(&NEXT[i]);
        loop_succeeded(&loop.copies[0]);
        if (table_count(loop.table, weak->arn, "CHANGE#") != 1 || correction_count() != 1) {
            fail_msg("row %zu: %zu corrections", i, correction_count());
        }
        loop_end(&loop);
    }
    begin(VARIABLES(LOOP_ALL));
}

/* ---- who did it ---- */

static const struct {
    const char *name;
    const char *found;
    struct loop_call call;
    int64_t after_ms;
    size_t changes;
} FOUND[] = {
    {"raised further by another", "strictest", {.writer = CAROL, .mode = "strictest"}, 0, 0},
    {"raised further by who is not known", "strictest", {.name = "AddTags"}, 0, 0},
    {"raised by another", "defensive", {.writer = CAROL, .mode = "defensive"}, 0, 0},
    {"edited by another in another way", "defensive", {.writer = CAROL, .mode = ""}, 0, 1},
    {"our own call", "defensive", {.user_agent = "desync-guard/0.1.0", .mode = "defensive"}, 0, 1},
    {"found long after it", "defensive", {.name = "AddTags"}, 60 * MINUTE, 0},
    {"found while it may be repeated", "defensive", {.name = "AddTags"}, 45 * MINUTE, 1},
};

static void correction_by_another_principal_is_not_counted_as_ours(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(FOUND); i++) {
        begin(VARIABLES(LOOP_ALL));
        crash_after_raising("e1");
        weak->mode = FOUND[i].found;
        loop.fake.now_ms += FOUND[i].after_ms;
        struct loop_call call = FOUND[i].call;
        call.id = "e2";
        call.event_ms = loop.fake.now_ms - 1000;
        see_call(&call);
        loop_succeeded(&loop.copies[0]);
        size_t changes = table_count(loop.table, weak->arn, "CHANGE#");
        if (changes != FOUND[i].changes || loop_alert_count(&loop, "Mode raised") != changes ||
            !str_is_empty(table_text(state_item(), "intent"))) {
            fail_msg("%s: %zu changes", FOUND[i].name, changes);
        }
        if (changes == 1 && !str_contains(loop.messages[0].text, STR(LOOP_WRITER))) {
            fail_msg("%s: %.*s", FOUND[i].name, STR_ARG(loop.messages[0].text));
        }
        loop_end(&loop);
    }
    begin(VARIABLES(LOOP_ALL));
}

/* ---- alerted, or not ---- */

static void alert_possibly_lost_in_a_crash_is_logged(void **state) {
    (void)state;
    static const struct {
        const char *id;
        const char *request_id;
        int64_t after_ms;
    } NEXT[] = {{"e1", "r1", 0}, {"e2", "r2", 2 * MINUTE}}; /* the repeat; another one later */
    for (size_t i = 0; i < COUNT(NEXT); i++) {
        begin(VARIABLES(LOOP_ALL));
        /* Publish, after SEEN, two reads, intent, the logs, two of BUDGET, Modify, STATE */
        crash_at(NULL, 10);
        const struct loop_call first = {.id = "e1"};
        loop_handle(&loop.copies[0], loop_event(&loop, &first, weak->arn), "r1");
        assert_int_equal(loop.message_count, 0);
        assert_false(str_is_empty(table_text(state_item(), "telling")));
        assert_str(table_text(state_item(), "untold"), "0");
        loop.fault = (struct loop_fault){.nth = 0};
        loop.fake.now_ms += NEXT[i].after_ms;
        for (int times = 0; times < 2; times++) {
            const struct loop_call next = {.id = NEXT[i].id, .mode = ""};
            loop_handle(&loop.copies[0], loop_event(&loop, &next, weak->arn), NEXT[i].request_id);
            loop_succeeded(&loop.copies[0]);
            assert_int_equal(loop_logged(&loop, "alert_in_doubt"), 1);
        }
        assert_int_equal(loop_logged(&loop, "alert=enforced"), 1);
        assert_int_equal(loop.message_count, 0);
        assert_str(table_text(state_item(), "telling"), "");
        loop_end(&loop);
    }
    begin(VARIABLES(LOOP_ALL));
}

/* The only attempt is carried out, or not, and its answer is lost. */
static void alert_is_published_once_when_its_claim_got_no_answer(void **state) {
    (void)state;
    for (int is_after = 0; is_after <= 1; is_after++) {
        begin(VARIABLES(LOOP_ALL));
        loop.copies[0].guard.home.attempts_max = 1;
        loop.fault = (struct loop_fault){.nth = 1,
                                         .is_after = is_after == 1,
                                         .match = ASKS_TRANSACT,
                                         .answer = {.status = STATUS_CONNECTION}};
        see("e1");
        assert_int_equal(loop.copies[0].reply.is_error, is_after == 0);
        assert_int_equal(loop.message_count, is_after);
        see("e1");
        see("e2");
        assert_int_equal(loop_alert_count(&loop, "Mode raised"), 1);
        assert_int_equal(loop.message_count, 1);
        assert_int_equal(table_count(loop.table, weak->arn, "CHANGE#"), 1);
        assert_int_equal(loop_logged(&loop, "alert_in_doubt"), 0);
        loop_end(&loop);
    }
    begin(VARIABLES(LOOP_ALL));
}

static void let_the_other_look(struct loop *world) {
    const struct loop_call call = {.name = "AddTags", .id = "e2"};
    loop_handle(&world->copies[1], loop_event(world, &call, weak->arn), "r2");
    loop_succeeded(&world->copies[1]);
    assert_false(str_is_empty(table_text(state_item(), "telling")));
}

static void an_alert_that_is_on_its_way_is_not_in_doubt(void **state) {
    (void)state;
    begin(VARIABLES(LOOP_ALL));
    loop.meanwhile = let_the_other_look;
    loop.meanwhile_match = ASKS_PUBLISH;
    loop.meanwhile_nth = 1;
    see("e1");
    loop_succeeded(&loop.copies[0]);
    assert_null(loop.meanwhile);
    assert_str(table_text(state_item(), "telling"), "");
    assert_int_equal(loop.message_count, 1);
    loop.fake.now_ms += 60 * MINUTE;
    see_call(&(struct loop_call){.name = "AddTags", .id = "e3"});
    assert_int_equal(loop_logged(&loop, "alert_in_doubt"), 0);
}

/* ---- times that cannot be right ---- */

static void state_from_the_future_does_not_block_processing(void **state) {
    (void)state;
    static const struct {
        int64_t ahead_ms;
        size_t modified;
        size_t warned;
    } rows[] = {{20 * 60 * MINUTE, 1, 1}, {6 * MINUTE, 1, 1}, {4 * MINUTE, 0, 0}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        begin(VARIABLES(LOOP_ALL));
        weak->mode = "defensive";
        see("e1");
        weak->mode = "monitor";
        str future = time_format_iso8601(&loop.fake.arena, loop.fake.now_ms + rows[i].ahead_ms);
        struct table_item *item = table_find(loop.table, weak->arn, STR("STATE"));
        table_set(item, &(struct table_attribute){STR("factsTime"), STR("S"), future});
        see("e2");
        loop_succeeded(&loop.copies[0]);
        assert_int_equal(loop.modify_count, rows[i].modified);
        assert_int_equal(loop_logged(&loop, "bad_time"), rows[i].warned);
        loop_end(&loop);
    }
    begin(VARIABLES(LOOP_ALL));
}

static void api_call_with_an_absurd_time_opens_an_incident_now(void **state) {
    (void)state;
    static const int64_t TIMES[] = {1, FAKE_NOW_MS - 25 * 60 * MINUTE, FAKE_NOW_MS + 6 * MINUTE};
    for (size_t i = 0; i < COUNT(TIMES); i++) {
        begin(VARIABLES(LOOP_ALL));
        see_call(&(struct loop_call){.id = "e1", .event_ms = TIMES[i]});
        loop_succeeded(&loop.copies[0]);
        assert_string_equal(weak->mode, "defensive");
        int64_t opened_ms = 0;
        str opened = table_text(table_first(loop.table, weak->arn, "INCIDENT#"), "openedAt");
        assert_true(time_parse_iso8601(opened, &opened_ms));
        assert_in_range(opened_ms, FAKE_NOW_MS, loop.fake.now_ms);
        assert_int_equal(loop_logged(&loop, "bad_time"), 1);
        loop_end(&loop);
    }
    begin(VARIABLES(LOOP_ALL));
}

int main(void) {
#define TEST(name) cmocka_unit_test_teardown(name, end)
    const struct CMUnitTest tests[] = {
        TEST(correction_undone_before_it_was_recorded_counts),
        TEST(a_fight_ends_although_each_correction_ends_in_a_crash),
        TEST(a_correction_that_was_never_made_does_not_count),
        TEST(correction_by_another_principal_is_not_counted_as_ours),
        TEST(alert_possibly_lost_in_a_crash_is_logged),
        TEST(alert_is_published_once_when_its_claim_got_no_answer),
        TEST(an_alert_that_is_on_its_way_is_not_in_doubt),
        TEST(state_from_the_future_does_not_block_processing),
        TEST(api_call_with_an_absurd_time_opens_an_incident_now),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
