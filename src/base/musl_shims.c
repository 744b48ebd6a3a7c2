/* SPDX-License-Identifier: Apache-2.0
 *
 * The static binary only: the two glibc functions that Debian's libexpat.a expects and musl lacks.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

int __fprintf_chk(FILE *stream, int flag, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void arc4random_buf(void *bytes, size_t length);

int __fprintf_chk(FILE *stream, int flag, const char *format, ...) {
    va_list arguments;
    (void)flag;
    va_start(arguments, format);
    int written = vfprintf(stream, format, arguments);
    va_end(arguments);
    return written;
}

/* Expat's hash salt: weak randomness would bring back the collision attack it exists against. */
void arc4random_buf(void *bytes, size_t length) {
    unsigned char *next = bytes;
    while (length > 0) {
        ssize_t got = getrandom(next, length, 0);
        if (got < 0 && errno != EINTR) {
            abort();
        }
        if (got > 0) {
            next += got;
            length -= (size_t)got;
        }
    }
}
