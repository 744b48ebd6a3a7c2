/* SPDX-License-Identifier: Apache-2.0
 *
 * The environment as a parameter: the process's own through env_process (the one home of getenv), a
 * table in tests. A variable that is blank counts as not given.
 */
#ifndef BASE_ENV_H
#define BASE_ENV_H

#include "base/str.h"

struct env {
    /* Trimmed value; empty when unset or blank. Valid for the life of the process. */
    str (*get)(const struct env *env, const char *name);
    const void *context;
};

/* Reads the environment at each call, so a variable that is set later is seen. */
const struct env *env_process(void);
/* The value without blanks at its ends; empty when it is not given. */
str env_get(const struct env *env, const char *name);

#endif
