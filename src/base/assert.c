/* SPDX-License-Identifier: Apache-2.0 */
#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void assert_failed(const char *condition, const char *file, int line) {
    dprintf(STDERR_FILENO, "desync-guard: assertion failed: %s (%s:%d)\n", condition, file, line);
    abort();
}
