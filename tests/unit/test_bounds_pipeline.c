/* SPDX-License-Identifier: Apache-2.0
 *
 * The whole pipeline over simulated days: 40 load balancers, 5 changes an hour, three copies that
 * run in between each other's calls, events that come twice, lost answers, and an AWS Config that
 * answers each request for an evaluation with a sweep at once. Whatever the order, the bounds hold.
 */
#include "promotion_world.h"

#define FLEET       40
#define SEEDS       10
#define PER_HOUR    5
#define WATCHES     3
#define HOUR        MINUTES(60)
#define CHANGES_MAX 400
#define PIPELINE_ALL                                                                               \
    PROMOTION_ALL, "ENFORCEMENT", "enforce", "MAX_CHANGES_PER_HOUR", "5", "MAX_OPEN_WATCHES", "3"

static struct promotion_world world;

/* xorshift64 */
static uint64_t random_state;
static size_t at_random(size_t below) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (size_t)(random_state % below);
}

/* --- what happens --------------------------------------------------------------------------- */

static size_t depth; /* copies at work at this moment */
static size_t begun;
static void let_another_copy_in(void);

static str event_at_random(void) {
    static const char *const SCHEDULES[] = {"{\"action\":\"sweep\"}", "{\"action\":\"watch\"}"};
    static size_t last_id;
    struct loop *loop = &world.loop;
    size_t kind = at_random(8);
    if (kind < 4) {
        return str_from_cstr(SCHEDULES[kind / 2]);
    }
    last_id += kind == 4 ? 0 : 1; /* else the last one is delivered again */
    str id = str_format(&loop->fake.arena, "e%zu", last_id);
    const struct loop_call call = {.id = str_to_cstr(&loop->fake.arena, id)};
    return loop_event(loop, &call, promotion_member(&world, last_id % FLEET)->arn);
}

/* Each copy handles one event at a time. AWS Config answers a request for an evaluation at once. */
static void run(str event) {
    struct loop *loop = &world.loop;
    size_t starts = loop->start_count;
    str id = str_format(&loop->fake.arena, "r%zu", ++begun);
    struct loop_copy *copy = &loop->copies[depth++];
    let_another_copy_in();
    loop_handle(copy, event, str_to_cstr(&loop->fake.arena, id));
    depth--;
    if (loop->start_count > starts && depth == 0) {
        run(STR("{\"action\":\"sweep\"}"));
    }
}

static void run_meanwhile(struct loop *loop) {
    (void)loop;
    run(event_at_random());
}

static void let_another_copy_in(void) {
    struct loop *loop = &world.loop;
    bool is_let_in = depth < LOOP_COPIES && at_random(3) == 0;
    loop->meanwhile = is_let_in ? run_meanwhile : NULL;
    loop->meanwhile_match = at_random(2) == 0 ? "DynamoDB_20120810.PutItem" : NULL;
    loop->meanwhile_nth = 1 + at_random(12);
    static const char *const LOST[] = {ASKS_MODIFY, "BUDGET#", "\"begun\""};
    loop->fault = (struct loop_fault){.nth = at_random(5) == 0 ? 1 + at_random(3) : 0,
                                      .match = LOST[at_random(3)],
                                      .is_after = at_random(2) == 0,
                                      .answer = {.status = STATUS_TIMEOUT}};
    loop->fault_calls = 0;
}

/* --- what came of it ------------------------------------------------------------------------ */

struct made {
    int64_t raised_ms[CHANGES_MAX];
    size_t raised_count;
    size_t promoted_count;
    size_t rolled_back_count;
};

/* Every request that changed a mode, in the order in which they were sent. */
static struct made changes_made(const char *const *first_modes) {
    struct made made = {.raised_count = 0};
    enum desync_mode modes[FLEET];
    struct loop *loop = &world.loop;
    for (size_t i = 0; i < FLEET; i++) {
        modes[i] = mode_parse(str_from_cstr(first_modes[i]));
    }
    for (size_t i = 0; i < loop->fake.request_count; i++) {
        const struct fake_request *request = &loop->fake.requests[i];
        if (!str_contains(request->http.body, STR(ASKS_MODIFY))) {
            continue;
        }
        str form = region_decode(loop->region, request->http.body);
        str arn = region_param(loop->region, form, "LoadBalancerArn");
        enum desync_mode mode =
            mode_parse(region_param(loop->region, form, "Attributes.member.1.Value"));
        size_t at = (size_t)(region_find(loop->region, arn) - loop->region->members);
        if (mode > modes[at]) {
            assert_true(made.raised_count < CHANGES_MAX);
            made.raised_ms[made.raised_count++] = request->at_ms;
            made.promoted_count += mode == MODE_STRICTEST ? 1 : 0;
        }
        made.rolled_back_count += mode < modes[at] ? 1 : 0;
        modes[at] = mode;
    }
    return made;
}

static size_t open_watches(void) {
    size_t count = 0;
    for (size_t i = 0; i < FLEET; i++) {
        const struct table_item *item = promotion_watched(&world, i);
        str status = table_text(item, "status");
        count += item != NULL && (str_eq(status, STR("open")) || str_eq(status, STR("begun")) ||
                                  str_eq(status, STR("rolling-back")))
                     ? 1
                     : 0;
    }
    return count;
}

static void play(uint64_t seed, int hours, const char *const *first_modes) {
    random_state = UINT64_C(0x9E3779B97F4A7C15) * seed;
    depth = begun = 0;
    promotion_world_begin(&world, ((const char *const[]){PIPELINE_ALL, NULL}), FLEET);
    loop_start_copy(&world.loop, &world.loop.copies[2]);
    for (size_t i = 0; i < FLEET; i++) {
        promotion_member(&world, i)->mode = first_modes[i];
        promotion_log_now(&world, i);
    }
    for (int steps = 0; steps < hours * 4; steps++) {
        run(event_at_random());
        world.loop.fake.now_ms += MINUTES(5) + (int64_t)at_random(20) * MINUTES(1);
        assert_true(open_watches() <= WATCHES);
    }
}

static void a1_a2_a3_bounds_hold_over_copies_triggers_and_self_caused_sweeps(void **state) {
    (void)state;
    const char *first_modes[FLEET];
    for (size_t i = 0; i < FLEET; i++) {
        first_modes[i] = i % 4 == 3 ? "defensive" : "monitor";
    }
    size_t promoted = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        play(seed, 12, first_modes);
        const struct made made = changes_made(first_modes);
        for (size_t i = 0; i + PER_HOUR < made.raised_count; i++) {
            if (made.raised_ms[i + PER_HOUR] - made.raised_ms[i] <= HOUR) {
                fail_msg("seed %llu: 6 changes within an hour from the %zuth on",
                         (unsigned long long)seed, i);
            }
        }
        assert_in_range(made.raised_count, 30, 12 * PER_HOUR); /* all that were weak */
        assert_in_range(made.promoted_count, 0, WATCHES);      /* one turn in these hours */
        promoted += made.promoted_count;
        loop_end(&world.loop);
    }
    assert_true(promoted > SEEDS);
    promotion_world_begin(&world, ((const char *const[]){PIPELINE_ALL, NULL}), 0);
}

static int end(void **state) {
    (void)state;
    loop_end(&world.loop);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a1_a2_a3_bounds_hold_over_copies_triggers_and_self_caused_sweeps,
                                  end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
