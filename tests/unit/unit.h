/* SPDX-License-Identifier: Apache-2.0
 *
 * What cmocka needs included, and an assertion on slices.
 */
#ifndef TESTS_UNIT_H
#define TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/str.h"

static inline void assert_str_at(str actual, const char *expected, const char *file, int line) {
    if (!str_eq(actual, str_from_cstr(expected))) {
        print_error("%s:%d: expected \"%s\", got \"%" STR_FMT "\"\n", file, line, expected,
                    STR_ARG(actual));
        _fail(file, line);
    }
}
#define assert_str(actual, expected) assert_str_at((actual), (expected), __FILE__, __LINE__)

#endif
