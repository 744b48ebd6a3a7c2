/* SPDX-License-Identifier: Apache-2.0
 *
 * The program in a simulated Region (region_world.h), fed with what AWS Config and schedules send.
 */
#ifndef SWEEP_WORLD_H
#define SWEEP_WORLD_H

#include "../../src/app/app_internal.h"
#include "region_world.h"

#define TYPE LOAD_BALANCER_RESOURCE_TYPE
/* Three seconds before the world's time begins. */
#define NOTIFIED    "2026-11-23T07:59:57.400Z"
#define NOTIFIED_S  (FAKE_NOW_MS / 1000 - 3)
#define DEADLINE_MS (FAKE_NOW_MS + 900000)
#define SCHEDULED                                                                                  \
    "{\"messageType\":\"ScheduledNotification\",\"notificationCreationTime\":\"" NOTIFIED "\"}"
#define RULE           ",\"configRuleName\":\"rule\""
#define TOKEN          ",\"resultToken\":\"token\""
#define ASKS_RESULTS   "GetComplianceDetailsByConfigRule"
#define ASKS_TO_REPORT "PutEvaluations"

#define WORLD_FUNCTION "arn:aws:lambda:eu-west-1:111122223333:function:desync-guard"

struct world {
    struct fake_transport fake;
    struct region *region;
    struct arena arena;
    struct log log;
    struct buf log_text;
    struct guard guard;
    struct app_reply reply;
};

static inline str world_variable(const struct env *env, const char *name) {
    static const struct {
        const char *name;
        str value;
    } VARIABLES[] = {
        {"AWS_REGION", {"eu-west-1", 9}},
        {"PROMOTION", {"off", 3}},
        {"AWS_ACCESS_KEY_ID", {FIXTURE_KEY_ID, sizeof(FIXTURE_KEY_ID) - 1}},
        {"AWS_SECRET_ACCESS_KEY", {FIXTURE_SECRET, sizeof(FIXTURE_SECRET) - 1}},
        {"AWS_SESSION_TOKEN", {FIXTURE_TOKEN, sizeof(FIXTURE_TOKEN) - 1}},
    };
    (void)env;
    for (size_t i = 0; i < sizeof VARIABLES / sizeof *VARIABLES; i++) {
        if (strcmp(VARIABLES[i].name, name) == 0) {
            return VARIABLES[i].value;
        }
    }
    return STR_EMPTY;
}
static const struct env WORLD_ENVIRONMENT = {.get = world_variable};

static inline void world_log(void *context, str line) {
    struct world *world = context;
    buf_append(&world->log_text, line);
}

static inline void world_begin(struct world *world, size_t load_balancers) {
    *world = (struct world){.reply = {.is_error = true}};
    fake_init(&world->fake);
    world->region = region_begin(&world->fake);
    region_add_many(world->region, load_balancers);
    buf_init(&world->log_text, &world->fake.arena, 1 << 24);
    world->log = (struct log){
        .clock = &world->fake.clock, .level_min = LOG_INFO, .write = world_log, .context = world};
    world->guard = (struct guard){.env = &WORLD_ENVIRONMENT,
                                  .clock = &world->fake.clock,
                                  .log = &world->log,
                                  .function_arn = STR(WORLD_FUNCTION)};
    struct error error = {0};
    assert_int_equal(
        guard_settings_parse(&WORLD_ENVIRONMENT, &world->arena, &world->guard.settings, &error),
        STATUS_OK);
    assert_int_equal(app_connect(&world->guard, &world->fake.transport, &world->arena, &error),
                     STATUS_OK);
}

static inline void world_end(struct world *world) {
    arena_clean_up(&world->arena);
    fake_clean_up(&world->fake);
}

static inline str world_event(struct world *world, const char *invoking, const char *rest) {
    struct buf event;
    buf_init(&event, &world->arena, 1 << 16);
    buf_append(&event, STR("{\"invokingEvent\":"));
    json_append_quoted(&event, str_from_cstr(invoking));
    buf_printf(&event, "%s}", rest);
    return buf_str(&event);
}

static inline void world_handle(struct world *world, str event, int64_t deadline_ms) {
    app_handle(&world->guard, event, deadline_ms, &world->arena, &world->reply);
}

/* What Config sends: the scheduled notification of the rule "rule". */
static inline void world_sweep(struct world *world) {
    world_handle(world, world_event(world, SCHEDULED, TOKEN RULE), DEADLINE_MS);
}

/* What is to be said of the ith, all tags being in order. */
static inline const char *world_truth(const struct region_member *member) {
    if (member->is_gone || strcmp(member->type, "application") != 0) {
        return "NOT_APPLICABLE";
    }
    return strcmp(member->mode, "monitor") == 0 ? "NON_COMPLIANT" : "COMPLIANT";
}

static inline bool world_reported(const struct world *world, str id, const char *compliance) {
    const struct region_report *told = region_report_of(world->region, id);
    return compliance == NULL ? told == NULL
                              : told != NULL && str_eq(told->compliance, str_from_cstr(compliance));
}

/* The error is of this type and says all of these; a NULL ends them. */
static inline void world_failed(const struct world *world, const char *type, const char **says) {
    if (!world->reply.is_error || !str_eq(world->reply.error_type, str_from_cstr(type))) {
        fail_msg("expected %s, got \"%.*s\" %.*s", type, STR_ARG(world->reply.error_type),
                 STR_ARG(world->reply.error_message));
    }
    for (; *says != NULL; says++) {
        if (!str_contains(world->reply.error_message, str_from_cstr(*says))) {
            fail_msg("\"%.*s\" does not say \"%s\"", STR_ARG(world->reply.error_message), *says);
        }
    }
}
#define SAYS(...) ((const char *[]){__VA_ARGS__, NULL})

static inline void world_succeeded(const struct world *world) {
    if (world->reply.is_error) {
        fail_msg("%.*s: %.*s", STR_ARG(world->reply.error_type),
                 STR_ARG(world->reply.error_message));
    }
}

static inline bool world_says(const struct world *world, const char *text) {
    return str_contains(world->reply.body, str_from_cstr(text));
}

static inline bool world_logged(const struct world *world, const char *text) {
    return str_contains(buf_str(&world->log_text), str_from_cstr(text));
}

#endif
