/* SPDX-License-Identifier: Apache-2.0
 *
 * Mistakes made on purpose, linked like the sanitized binary: a run that does not report each of
 * them would be blind to others, too.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct mistake {
    const char *name;
    void (*make)(volatile int *number);
};

static void leak(volatile int *number) {
    char *volatile lost = malloc((size_t)*number);
    lost = NULL;
    (void)lost;
}

/* Lost in a process that does not end by itself: the tests send it the signal. */
static void leak_of_a_killed(volatile int *number) {
    leak(number);
    (void)kill(getpid(), SIGUSR2);
    for (;;) {
        (void)pause();
    }
}

static void overflow(volatile int *number) {
    char *bytes = calloc((size_t)*number, 1);
    *number = bytes == NULL ? 0 : bytes[*number];
    free(bytes);
}

static void shift(volatile int *number) {
    *number = 1 << *number;
}

static void nothing(volatile int *number) {
    *number = 0;
}

static const struct mistake mistakes[] = {
    {"leak", leak},         {"leak-of-a-killed", leak_of_a_killed},
    {"overflow", overflow}, {"shift", shift},
    {"nothing", nothing},
};

int main(int argc, char **argv) {
    volatile int number = 40;
    for (size_t i = 0; argc > 1 && i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
        if (strcmp(argv[1], mistakes[i].name) == 0) {
            mistakes[i].make(&number);
            return 0;
        }
    }
    (void)fputs("planted: no such mistake\n", stderr);
    return 1;
}
