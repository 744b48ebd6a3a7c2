/* SPDX-License-Identifier: Apache-2.0 */
#include "base/env.h"
#include "base/assert.h"

#include <stdlib.h>

/* getenv is not safe beside a setenv in another thread. The one variable that changes is X-Ray's
 * trace id, and only where a single worker runs (lambda.c). */
static str process_get(const struct env *env, const char *name) {
    (void)env;
    return str_trim(str_from_cstr(getenv(name)));
}

static const struct env process_env = {.get = process_get};

const struct env *env_process(void) {
    return &process_env;
}

str env_get(const struct env *env, const char *name) {
    ASSERT(env != NULL && env->get != NULL);
    str value = str_trim(env->get(env, name));
    return value.len == 0 ? STR_EMPTY : value;
}
