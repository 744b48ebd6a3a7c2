/* SPDX-License-Identifier: Apache-2.0
 *
 * What the static analyzer cannot see from one file, put before each file that it reads: error_set
 * returns the status it is given. Without that it takes every failure for a possible success.
 */
#ifndef TESTS_LINT_ANALYZER_H
#define TESTS_LINT_ANALYZER_H

#include "base/error.h"

#define error_set(error, arena, status, ...)                                                       \
    (error_set((error), (arena), (status), __VA_ARGS__), (status))

#endif
