/* SPDX-License-Identifier: Apache-2.0 */
#include "base/random.h"

#include <errno.h>
#include <sys/random.h>

#include "base/assert.h"
#include "base/status.h"

/* Without flags getrandom waits for the kernel's generator at boot; a signal may cut a long request
 * short. */
void random_bytes(void *bytes, size_t count) {
    unsigned char *next = bytes;
    while (count > 0) {
        ssize_t got = getrandom(next, count, 0);
        ASSERT(got > 0 || (got < 0 && errno == EINTR));
        if (got > 0) {
            next += got;
            count -= (size_t)got;
        }
    }
}
