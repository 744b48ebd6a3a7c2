/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs something that must abort in a process of its own and looks at its last words.
 */
#ifndef TESTS_DEATH_H
#define TESTS_DEATH_H

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void die_in_child(void (*fn)(void), int stderr_to) {
    const struct rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    dup2(stderr_to, STDERR_FILENO);
    fn();
    _exit(0);
}

/* true when fn() ended in SIGABRT after exactly one line on stderr that contains `words`. */
static bool aborts_saying(void (*fn)(void), const char *words) {
    int ends[2];
    if (pipe(ends) != 0) {
        return false;
    }
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        die_in_child(fn, ends[1]);
    }
    close(ends[1]);
    char said[4096] = {0};
    size_t length = 0;
    ssize_t got = 0;
    while (length < sizeof(said) - 1 &&
           (got = read(ends[0], said + length, sizeof(said) - 1 - length)) > 0) {
        length += (size_t)got;
    }
    close(ends[0]);
    int ended = 0;
    waitpid(child, &ended, 0);
    bool is_one_line = length > 0 && strchr(said, '\n') == said + length - 1;
    bool is_right = WIFSIGNALED(ended) && WTERMSIG(ended) == SIGABRT && is_one_line &&
                    strstr(said, words) != NULL;
    if (!is_right) {
        fprintf(stderr, "ended %d, said: %s\n", ended, said);
    }
    return is_right;
}

#endif
