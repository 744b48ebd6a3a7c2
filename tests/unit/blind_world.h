/* SPDX-License-Identifier: Apache-2.0
 *
 * One load balancer, promoted and watched, or weak and enforced: what the tests of "never weaker,
 * never blind" begin with. The letters and numbers of their names are those of the invariants.
 */
#ifndef BLIND_WORLD_H
#define BLIND_WORLD_H

#include "promotion_world.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const PROMOTES[] = {PROMOTION_ALL, NULL};
static const char *const ENFORCES[] = {LOOP_ALL, NULL};

static struct promotion_world world;
static struct loop *loop = &world.loop;
static struct region_member *member;

static inline void begin_promoted_with(const char *const *variables, int errors) {
    promotion_world_begin(&world, variables, 1);
    member = promotion_member(&world, 0);
    promotion_log(&world, 0, "5000", "0");
    promotion_sweep(&world, 0, "r0");
    loop_succeeded(&loop->copies[0]);
    assert_string_equal(member->mode, "strictest");
    if (errors >= 0) {
        promotion_hour_passes(&world, 0, errors);
    }
}

static inline void begin_promoted(int errors) {
    begin_promoted_with(PROMOTES, errors);
}

static inline void begin_weak(void) {
    promotion_world_begin(&world, ENFORCES, 1);
    member = promotion_member(&world, 0);
    member->mode = "monitor";
}

static inline int end(void **state) {
    (void)state;
    loop_end(loop);
    return 0;
}

static inline void watch(const char *request_id) {
    promotion_watch(&world, 0, request_id);
}

static inline bool is_status(const char *status) {
    return str_eq(promotion_status(&world, 0), str_from_cstr(status));
}

static inline void set_mode(const char *id, const char *mode, int64_t event_ms) {
    const struct loop_call call = {.id = id, .mode = mode, .event_ms = event_ms};
    loop_handle(&loop->copies[0], loop_event(loop, &call, member->arn), id);
}

static inline str state_text(const char *attribute) {
    return table_text(table_first(loop->table, member->arn, "STATE"), attribute);
}

#endif
