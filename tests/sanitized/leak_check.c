/* SPDX-License-Identifier: Apache-2.0
 *
 * Linked into build/sanitized/bootstrap and its planted mistakes, and nothing else: what a binary
 * needs to be looked at when a test ends it. The options are here and not in the environment,
 * because the tests choose that; reports go to files, because nobody may read its output.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <sanitizer/lsan_interface.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#define COMMON "log_path=" REPORTS ":exitcode=99"

const char *__asan_default_options(void);
const char *__ubsan_default_options(void);

const char *__asan_default_options(void) {
    return COMMON ":strict_string_checks=1:detect_stack_use_after_return=1";
}

const char *__ubsan_default_options(void) {
    return COMMON ":print_stacktrace=1";
}

/* LeakSanitizer stops the threads by ptrace, which fails for a process under strace. */
int __lsan_is_turned_off(void) {
    static const char name[] = "\nTracerPid:\t";
    char text[1024] = {0};
    int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return 0;
    }
    ssize_t len = read(fd, text, sizeof(text) - 1);
    (void)close(fd);
    const char *tracer = len > 0 ? strstr(text, name) : NULL;
    return tracer != NULL && tracer[sizeof(name) - 1] != '0';
}

/* A thread that waits and not a handler: the process may be in malloc() when the signal comes. */
static void *wait_for_the_end(void *context) {
    int signal_number;
    if (sigwait(context, &signal_number) == 0) {
        __lsan_do_leak_check();
    }
    _exit(0);
}

/* GCC's libubsan has the option log_path but does not follow it. Its own copy of the function: by
 * its bare name we would reach libasan's. */
__attribute__((constructor)) static void send_ubsan_to_a_file(void) {
    void (*set_report_path)(const char *path);
    void *library = dlopen("libubsan.so.1", RTLD_NOW | RTLD_NOLOAD);
    void *found = library != NULL ? dlsym(library, "__sanitizer_set_report_path") : NULL;
    if (found != NULL) {
        memcpy(&set_report_path, &found, sizeof(found));
        set_report_path(REPORTS);
    }
}

__attribute__((constructor)) static void start_leak_check(void) {
    static sigset_t ending;
    sigset_t all;
    sigset_t before;
    pthread_t thread;
    (void)sigemptyset(&ending);
    (void)sigaddset(&ending, SIGUSR2);
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, &before);
    if (pthread_create(&thread, NULL, wait_for_the_end, &ending) == 0) {
        (void)pthread_detach(thread);
    }
    /* Blocked in every thread, or the signal would end the process before it is looked at. */
    (void)sigaddset(&before, SIGUSR2);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}
