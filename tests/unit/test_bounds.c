/* SPDX-License-Identifier: Apache-2.0
 *
 * The bounds of what is changed by itself, over runs, copies and time: changes of an hour, open
 * watches, the promotion turn, frozen rings, and what somebody else reverted.
 */
#include "promotion_world.h"

#define COUNT(array)   (sizeof(array) / sizeof((array)[0]))
#define VARIABLES(...) ((const char *const[]){__VA_ARGS__, NULL})
#define RING(n)        "<member><Key>DesyncRing</Key><Value>" n "</Value></member>"

static struct promotion_world world;

static int end(void **state) {
    (void)state;
    loop_end(&world.loop);
    return 0;
}

/* All with clean logs. */
static void begin(const char *const *variables, size_t count) {
    promotion_world_begin(&world, variables, count);
    for (size_t i = 0; i < count; i++) {
        promotion_log(&world, i, "5000", "0");
    }
}

static void sweep(const char *request_id) {
    promotion_sweep(&world, 0, request_id);
    loop_succeeded(&world.loop.copies[0]);
}

static void is_now(size_t i, const char *mode) {
    assert_string_equal(promotion_member(&world, i)->mode, mode);
}

/* The ith is promoted, alone, and rolled back after an hour. */
static void roll_back(size_t i) {
    for (size_t each = 0; each < world.loop.region->count; each++) {
        promotion_log(&world, each, each == i ? "5000" : "5", "0");
    }
    sweep("r1");
    is_now(i, "strictest");
    promotion_hour_passes(&world, i, 50);
    promotion_watch(&world, 0, "w1");
    is_now(i, "defensive");
    assert_str(promotion_status(&world, i), "rolled-back");
}

/* The third is of the same ring, the first of a later one. */
static void a4_a_roll_back_freezes_its_ring_and_those_after_it(void **state) {
    (void)state;
    begin(VARIABLES(PROMOTION_ALL, "MAX_CHANGES_PER_RUN", "1"), 4);
    promotion_member(&world, 1)->tags = RING("2");
    promotion_member(&world, 2)->tags = RING("2");
    promotion_member(&world, 3)->tags = RING("1");
    promotion_member(&world, 3)->mode = "strictest";
    roll_back(1);
    promotion_member(&world, 3)->mode = "defensive"; /* of an earlier ring, which goes on */
    promotion_turn_passes(&world);
    sweep("r2");
    is_now(0, "defensive");
    is_now(1, "defensive");
    is_now(2, "defensive");
    is_now(3, "strictest");
    assert_true(loop_says(&world.loop.copies[0],
                          "ring 2 and all later ones are frozen until "
                          "2026-12-07: " REGION_ARN "app/lb-1/0000000000000001 was rolled back "
                          "on 2026-11-23; to end that, its owner tags "
                          "it desync-promotion=retry"));
    assert_int_equal(promotion_acted(&world, 0, 0, ACTION_PROMOTE, ACTION_PLANNED), 1);
    assert_int_equal(promotion_acted(&world, 0, 2, ACTION_PROMOTE, ACTION_PLANNED), 1);
    promotion_hour_passes(&world, 3, 0);
    promotion_watch(&world, 0, "w3");
    world.loop.fake.now_ms += 14 * MS_PER_DAY;
    promotion_turn_passes(&world);
    promotion_log_on(&world, 1, "2026-12-07", "5000",
                     "0"); /* a Monday, as its traffic was of one */
    sweep("r3");
    is_now(1, "strictest");
}

static void require_strictest(struct loop *loop) {
    (void)loop;
    promotion_member(&world, 0)->tags =
        RING("1") "<member><Key>DesyncProfile</Key><Value>modern</Value></member>";
}
static void set_back(struct loop *loop) {
    (void)loop;
    promotion_member(&world, 0)->mode = "defensive";
}
static void lower_further(struct loop *loop) {
    (void)loop;
    promotion_member(&world, 0)->mode = "monitor";
}
static void delete_it(struct loop *loop) {
    (void)loop;
    promotion_member(&world, 0)->is_gone = true;
}

static const struct unmade {
    const char *name;
    void (*happens)(struct loop *loop);
    bool is_later; /* not before the request, but after AWS has refused it */
    const char *status, *note;
} UNMADE[] = {
    {"required", require_strictest, false, "closed", "it was to be rolled back, and is not, as"},
    {"set back", set_back, false, "taken-back", ". It was to be rolled back: HTTPCode_ELB_4XX"},
    {"lowered", lower_further, true, "taken-back", ". It was to be rolled back: HTTPCode_ELB_4XX"},
    {"deleted", delete_it, true, "closed", ". It was to be rolled back: HTTPCode_ELB_4XX"},
};

/* Of two in ring 1 the first is promoted; its rollback is decided, and cannot be made. */
static void decide_in_vain(const struct unmade *row) {
    begin(VARIABLES(PROMOTION_ALL, "MAX_CHANGES_PER_RUN", "1"), 2);
    promotion_member(&world, 0)->tags = RING("1");
    promotion_member(&world, 1)->tags = RING("1");
    sweep("r1");
    is_now(0, "strictest");
    promotion_hour_passes(&world, 0, 50);
    if (row->is_later) {
        world.loop.fault = (struct loop_fault){
            .nth = 1,
            .match = ASKS_MODIFY,
            .answer = {.http_status = 403, .body = BODY(TROUBLE_XML("AccessDenied"))}};
        promotion_watch(&world, 0, "w1");
        assert_str(promotion_status(&world, 0), "rolling-back");
        row->happens(&world.loop);
        promotion_watch(&world, 0, "w2");
    } else {
        world.loop.meanwhile = row->happens;
        world.loop.meanwhile_match = ASKS_ATTRIBUTES;
        world.loop.meanwhile_nth = 2; /* the read right before the request */
        promotion_watch(&world, 0, "w1");
    }
    if (!str_contains(table_text(promotion_watched(&world, 0), "note"), str_from_cstr(row->note))) {
        fail_msg("%s: %.*s", row->name, STR_ARG(world.loop.copies[0].reply.body));
    }
    assert_str(promotion_status(&world, 0), row->status);
}

static void a4_a_decided_roll_back_that_is_not_made_freezes_likewise(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(UNMADE); i++) {
        decide_in_vain(&UNMADE[i]);
        promotion_turn_passes(&world);
        sweep("r2");
        is_now(1, "defensive");
        if (!loop_says(&world.loop.copies[0],
                       "ring 1 and all later ones are frozen until 2026-12-07: " REGION_ARN
                       "app/lb-0/0000000000000000 was to be rolled back on 2026-11-23, which could "
                       "not be done any more; ") ||
            !loop_says(&world.loop.copies[0],
                       UNMADE[i].happens == delete_it
                           ? "it does not exist any more, so that only time ends that"
                           : "to end that, its owner tags it desync-promotion=retry")) {
            fail_msg("%s: %.*s", UNMADE[i].name, STR_ARG(world.loop.copies[0].reply.body));
        }
        world.loop.fake.now_ms += 14 * MS_PER_DAY;
        promotion_turn_passes(&world);
        promotion_log_on(&world, 1, "2026-12-07", "5000", "0"); /* a Monday */
        sweep("r3");
        is_now(1, "strictest");
        loop_end(&world.loop);
    }
    begin(VARIABLES(PROMOTION_ALL), 0);
}

/* Also when the mode is lowered afterwards, which ends the watch anew. */
static void a4_retry_ends_the_freeze_of_a_roll_back_that_was_not_made(void **state) {
    (void)state;
    decide_in_vain(&UNMADE[0]);
    promotion_member(&world, 0)->tags = RING("1") RETRY;
    sweep("r2");
    promotion_member(&world, 0)->tags = RING("1");
    promotion_member(&world, 0)->mode = "defensive";
    promotion_turn_passes(&world);
    sweep("r3");
    assert_str(promotion_status(&world, 0), "taken-back");
    is_now(0, "defensive");
    is_now(1, "strictest");
}

static void move_to_ring_9(struct region_member *member) {
    member->tags = RING("9");
}
static void take_away(struct region_member *member) {
    member->is_gone = true;
}
static void leave_alone(struct region_member *member) {
    (void)member;
}

/* The ring is that of the promotion, or of now where an early version did not write it down. */
static void a4_a_freeze_survives_what_is_done_to_its_load_balancer(void **state) {
    (void)state;
    static const struct {
        const char *name;
        void (*change)(struct region_member *member);
        bool is_of_early_version;
        const char *says;
    } rows[] = {
        {"moved", move_to_ring_9, false, "ring 1 and all later ones are frozen"},
        {"deleted", take_away, false, "ring 1 and all later ones are frozen"},
        {"early", leave_alone, true, "ring 1 and all later ones are frozen"},
        {"early and deleted", take_away, true, "every ring is frozen"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        begin(VARIABLES(PROMOTION_ALL, "MAX_CHANGES_PER_RUN", "1"), 2);
        promotion_member(&world, 0)->tags = RING("1");
        promotion_member(&world, 1)->tags = RING("1");
        roll_back(0);
        if (rows[i].is_of_early_version) {
            table_remove(
                table_find(world.loop.table, STR("WATCH"), promotion_member(&world, 0)->arn),
                STR("ring"));
            table_remove(
                table_find(world.loop.table, STR("WATCH"), promotion_member(&world, 0)->arn),
                STR("ringKnown"));
        }
        rows[i].change(promotion_member(&world, 0));
        for (int days = 1; days <= 3; days++) {
            promotion_turn_passes(&world);
            sweep("r2");
            if (strcmp(promotion_member(&world, 1)->mode, "defensive") != 0 ||
                !loop_says(&world.loop.copies[0], rows[i].says)) {
                fail_msg("%s: %.*s", rows[i].name, STR_ARG(world.loop.copies[0].reply.body));
            }
        }
        loop_end(&world.loop);
    }
    begin(VARIABLES(PROMOTION_ALL), 0);
}

/* The tag that was there before the roll back is no answer to it. */
static void a4_retry_ends_a_freeze_that_is_older_than_the_tag(void **state) {
    (void)state;
    begin(VARIABLES(PROMOTION_ALL, "MAX_CHANGES_PER_RUN", "1"), 2);
    promotion_member(&world, 0)->tags = RING("1") RETRY;
    promotion_member(&world, 1)->tags = RING("1");
    roll_back(0);
    promotion_turn_passes(&world);
    sweep("r2");
    is_now(0, "defensive");
    is_now(1, "defensive");
    promotion_member(&world, 0)->tags = RING("1");
    sweep("r3");
    promotion_member(&world, 0)->tags = RING("1") RETRY;
    sweep("r4");
    is_now(0, "strictest");
    promotion_member(&world, 0)->tags = RING("1"); /* it has served its purpose */
    promotion_hour_passes(&world, 0, 0);
    promotion_watch(&world, 0, "w2");
    promotion_turn_passes(&world);
    sweep("r5");
    is_now(1, "strictest");
}

static void c3_a_reverted_promotion_holds_only_its_load_balancer(void **state) {
    (void)state;
    begin(VARIABLES(PROMOTION_ALL), 2);
    promotion_member(&world, 1)->tags = RING("1");
    sweep("r1");
    is_now(1, "strictest");
    world.loop.fake.now_ms += MINUTES(2); /* within a minute a read may lag */
    promotion_member(&world, 1)->mode = "defensive";
    promotion_watch(&world, 0, "w1");
    promotion_turn_passes(&world);
    sweep("r2");
    is_now(0, "strictest");
    is_now(1, "defensive");
}

/* What ended well is watched over for as long as it exists: it may be reverted at any time. */
static void c3_an_ended_watch_is_kept_while_its_load_balancer_exists(void **state) {
    (void)state;
    begin(VARIABLES(PROMOTION_ALL), 2);
    sweep("r1");
    promotion_hour_passes(&world, 0, 0);
    promotion_watch(&world, 0, "w1");
    assert_str(promotion_status(&world, 0), "closed");
    assert_str(table_text(promotion_watched(&world, 0), "expires_at"), "");
    promotion_member(&world, 0)->is_gone = true;
    sweep("r2");
    assert_false(str_is_empty(table_text(promotion_watched(&world, 0), "expires_at")));
}

static void a3_one_turn_in_20_hours_whoever_asks(void **state) {
    (void)state;
    begin(VARIABLES(PROMOTION_ALL, "MAX_CHANGES_PER_RUN", "1"), 3);
    sweep("r1");
    assert_int_equal(world.loop.modify_count, 1);
    for (int hours = 0; hours < 20; hours += 4) { /* either copy, by schedule or asked by itself */
        promotion_sweep(&world, (size_t)(hours / 4) % 2, "r2");
        assert_true(loop_says(&world.loop.copies[(hours / 4) % 2],
                              "the promotion turn was taken at 2026-11-23T08:00Z; the next is at "
                              "2026-11-24T04:00Z"));
        assert_int_equal(world.loop.modify_count, 1);
        world.loop.fake.now_ms += MINUTES(4 * 60);
    }
    sweep("r3");
    assert_int_equal(world.loop.modify_count, 2);
}

static void other_copy_sweeps(struct loop *loop) {
    loop_handle(&loop->copies[1], STR("{\"action\":\"sweep\"}"), "other");
}

static void a3_of_two_copies_at_once_one_has_the_turn(void **state) {
    (void)state;
    begin(VARIABLES(PROMOTION_ALL, "MAX_CHANGES_PER_RUN", "1"), 3);
    world.loop.meanwhile = other_copy_sweeps;
    world.loop.meanwhile_match = "takenAt";
    world.loop.meanwhile_nth = 1;
    sweep("r1");
    assert_int_equal(world.loop.modify_count, 1);
    assert_true(loop_says(&world.loop.copies[0], "another copy has just taken the promotion turn"));
    loop_succeeded(&world.loop.copies[1]);
}

static void first_is_rolled_back(struct loop *loop) {
    struct table_item *item =
        table_find(loop->table, STR("WATCH"), promotion_member(&world, 0)->arn);
    const struct table_attribute status = {STR("status"), STR("S"), STR("rolled-back")};
    const struct table_attribute ended = {
        STR("endedAt"), STR("S"), time_format_iso8601(&loop->fake.arena, loop->fake.now_ms)};
    table_set(item, &status);
    table_set(item, &ended);
}

/* The sweep has read the WATCH items before; the turn is taken minutes later. */
static void a4_a_roll_back_since_the_sweep_began_stops_its_promotions(void **state) {
    (void)state;
    begin(VARIABLES(PROMOTION_ALL, "MAX_CHANGES_PER_RUN", "1"), 2);
    promotion_member(&world, 0)->tags = RING("1");
    promotion_member(&world, 1)->tags = RING("1");
    sweep("r1");
    is_now(0, "strictest");
    promotion_turn_passes(&world);
    world.loop.meanwhile = first_is_rolled_back;
    world.loop.meanwhile_match = "takenAt";
    world.loop.meanwhile_nth = 1;
    loop_handle(&world.loop.copies[0], STR("{\"action\":\"sweep\"}"), "r2");
    is_now(1, "defensive");
    assert_true(loop_says(&world.loop.copies[0], "ring 1 and all later ones are frozen"));
}

/* Nothing of the turn is lost when nothing could be done in it. */
static void a3_a_turn_without_a_promotion_is_given_back(void **state) {
    (void)state;
    begin(VARIABLES(PROMOTION_ALL), 1);
    world.loop.fault = (struct loop_fault){
        .nth = 1,
        .match = ASKS_MODIFY,
        .answer = {.http_status = 403, .body = BODY(TROUBLE_XML("AccessDenied"))}};
    promotion_sweep(&world, 0, "r1");
    assert_int_equal(promotion_acted(&world, 0, 0, ACTION_PROMOTE, ACTION_FAILED), 1);
    sweep("r1");
    is_now(0, "strictest");
}

static void suspend_for_a_while(struct loop *loop) {
    loop->fake.now_ms += MINUTES(16);
}

static void a2_a_copy_that_was_held_up_does_not_promote_in_the_turn_of_another(void **state) {
    (void)state;
    begin(VARIABLES(PROMOTION_ALL), 1);
    world.loop.meanwhile = suspend_for_a_while;
    world.loop.meanwhile_match = "\"begun\"";
    world.loop.meanwhile_nth = 1;
    loop_handle(&world.loop.copies[0], STR("{\"action\":\"sweep\"}"), "r1");
    is_now(0, "defensive");
    assert_int_equal(world.loop.modify_count, 0);
}

static void a2_no_more_are_watched_at_once_than_allowed(void **state) {
    (void)state;
    begin(VARIABLES(PROMOTION_ALL, "MAX_OPEN_WATCHES", "2"), 5);
    sweep("r1");
    assert_int_equal(world.loop.modify_count, 2);
    promotion_turn_passes(&world);
    sweep("r2"); /* nobody has looked, so that both are open */
    assert_int_equal(world.loop.modify_count, 2);
    assert_true(loop_says(&world.loop.copies[0], "MAX_OPEN_WATCHES (2) is reached"));
    str elsewhere = STR("arn:aws:elasticloadbalancing:us-east-1:111122223333:loadbalancer/app/a/b");
    struct table_item item = *promotion_watched(&world, 0);
    const struct table_attribute sk = {STR("sk"), STR("S"), elsewhere};
    table_set(&item, &sk);
    (void)table_put(world.loop.table, &item); /* of another Region: not counted here */
    table_remove(table_find(world.loop.table, STR("WATCH"), promotion_member(&world, 0)->arn),
                 STR("status"));
    sweep("r3");
    assert_int_equal(world.loop.modify_count, 3);
}

/* Promotion and enforcement share one budget; a rollback is neither refused nor counted. */
static void a1_the_hour_is_counted_over_runs_and_copies(void **state) {
    (void)state;
    begin(VARIABLES(PROMOTION_ALL, "ENFORCEMENT", "enforce", "MAX_CHANGES_PER_HOUR", "2"), 4);
    promotion_member(&world, 3)->mode = "monitor";
    sweep("r1");
    assert_int_equal(world.loop.modify_count, 2);
    is_now(3, "defensive");
    is_now(0, "strictest");
    assert_int_equal(promotion_acted(&world, 0, 1, ACTION_PROMOTE, ACTION_PLANNED), 1);
    assert_true(loop_says(&world.loop.copies[0],
                          "MAX_CHANGES_PER_HOUR (2) is reached; the next is free at 09:02Z"));
    promotion_member(&world, 3)->mode = "monitor";
    promotion_count(&world, promotion_member(&world, 0)->arn, "RequestCount",
                    world.loop.fake.now_ms - MINUTES(30), 1000);
    promotion_count(&world, promotion_member(&world, 0)->arn, "RequestCount",
                    world.loop.fake.now_ms + MINUTES(5), 1000);
    promotion_count(&world, promotion_member(&world, 0)->arn, "HTTPCode_ELB_4XX_Count",
                    world.loop.fake.now_ms + MINUTES(5), 900);
    world.loop.fake.now_ms += MINUTES(20);
    promotion_watch(&world, 1, "w1");
    is_now(0, "defensive");
    promotion_sweep(&world, 1, "r2");
    is_now(3, "monitor");
    assert_int_equal(promotion_acted(&world, 1, 3, ACTION_ENFORCE, ACTION_PLANNED), 1);
    assert_true(loop_says(&world.loop.copies[1],
                          "the mode is weaker than required, but MAX_CHANGES_PER_HOUR (2) is "
                          "reached; the next is free at 09:02Z"));
    assert_str(table_text(table_first(world.loop.table, promotion_member(&world, 3)->arn, "STATE"),
                          "intent"),
               "");
    world.loop.fake.now_ms += MINUTES(42);
    promotion_sweep(&world, 1, "r3");
    is_now(3, "defensive");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a1_the_hour_is_counted_over_runs_and_copies, end),
        cmocka_unit_test_teardown(
            a2_a_copy_that_was_held_up_does_not_promote_in_the_turn_of_another, end),
        cmocka_unit_test_teardown(a2_no_more_are_watched_at_once_than_allowed, end),
        cmocka_unit_test_teardown(a4_a_roll_back_since_the_sweep_began_stops_its_promotions, end),
        cmocka_unit_test_teardown(a3_a_turn_without_a_promotion_is_given_back, end),
        cmocka_unit_test_teardown(a3_of_two_copies_at_once_one_has_the_turn, end),
        cmocka_unit_test_teardown(a3_one_turn_in_20_hours_whoever_asks, end),
        cmocka_unit_test_teardown(a4_a_freeze_survives_what_is_done_to_its_load_balancer, end),
        cmocka_unit_test_teardown(a4_a_roll_back_freezes_its_ring_and_those_after_it, end),
        cmocka_unit_test_teardown(a4_a_decided_roll_back_that_is_not_made_freezes_likewise, end),
        cmocka_unit_test_teardown(a4_retry_ends_the_freeze_of_a_roll_back_that_was_not_made, end),
        cmocka_unit_test_teardown(a4_retry_ends_a_freeze_that_is_older_than_the_tag, end),
        cmocka_unit_test_teardown(c3_a_reverted_promotion_holds_only_its_load_balancer, end),
        cmocka_unit_test_teardown(c3_an_ended_watch_is_kept_while_its_load_balancer_exists, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
