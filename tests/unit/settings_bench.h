/* SPDX-License-Identifier: Apache-2.0
 *
 * Settings parsed from one variable beside the usual ones.
 */
#ifndef SETTINGS_BENCH_H
#define SETTINGS_BENCH_H

#include "../../src/app/app_internal.h"
#include "fake_transport.h"
#include "unit.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* One variable besides those that every run has. */
struct variables {
    const char *name;
    const char *value;
};

static inline str variable(const struct env *env, const char *name) {
    const struct variables *extra = env->context;
    static const struct variables USUAL[] = {
        {"AWS_REGION", "eu-west-1"},
        {"AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"},
        {"AWS_SECRET_ACCESS_KEY", "do-not-tell"},
    };
    if (extra->name != NULL && strcmp(extra->name, name) == 0) {
        return str_from_cstr(extra->value);
    }
    for (size_t i = 0; i < COUNT(USUAL); i++) {
        if (strcmp(USUAL[i].name, name) == 0) {
            return str_from_cstr(USUAL[i].value);
        }
    }
    return STR_EMPTY;
}

struct bench {
    struct fake_transport fake;
    struct arena arena;
    struct variables variables;
    struct env env;
    struct guard guard;
    struct error error;
};

static inline enum status parse(struct bench *bench, const char *name, const char *value) {
    fake_init(&bench->fake);
    bench->arena = (struct arena){0};
    bench->error = (struct error){0};
    bench->variables = (struct variables){name, value};
    bench->env = (struct env){.get = variable, .context = &bench->variables};
    bench->guard = (struct guard){.env = &bench->env, .clock = &bench->fake.clock};
    return guard_settings_parse(&bench->env, &bench->arena, &bench->guard.settings, &bench->error);
}

static inline enum status connect_app(struct bench *bench) {
    return app_connect(&bench->guard, &bench->fake.transport, &bench->arena, &bench->error);
}

static inline void end(struct bench *bench) {
    arena_clean_up(&bench->arena);
    fake_clean_up(&bench->fake);
}

#endif
