/* SPDX-License-Identifier: Apache-2.0
 *
 * Recorded data that is not part of this repository: looked for below $DESYNC_GUARD_SHARED. A test
 * that uses it says so and is skipped without it.
 */
#ifndef TESTS_EXTRA_DATA_H
#define TESTS_EXTRA_DATA_H

#include <stdio.h>

#include "base/buf.h"
#include "base/env.h"
#include "unit.h"

#define EXTRA_DATA_BYTES_MAX ((size_t)1 << 20)

/* The whole file, in the arena; skips the running test when it is not there. */
static inline str extra_data_or_skip(struct arena *arena, const char *name) {
    str folder = env_get(env_process(), "DESYNC_GUARD_SHARED");
    str path = str_format(arena, "%" STR_FMT "/%s", STR_ARG(folder), name);
    FILE *file = str_is_empty(folder) ? NULL : fopen(path.ptr, "rb");
    if (file == NULL) {
        print_message("skipped: DESYNC_GUARD_SHARED names no folder with %s\n", name);
        skip();
        return STR_EMPTY;
    }
    char *bytes = arena_alloc(arena, EXTRA_DATA_BYTES_MAX);
    size_t len = fread(bytes, 1, EXTRA_DATA_BYTES_MAX, file);
    (void)fclose(file);
    assert_true(len > 0 && len < EXTRA_DATA_BYTES_MAX);
    return (str){bytes, len};
}

#endif
