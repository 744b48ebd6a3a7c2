/* SPDX-License-Identifier: Apache-2.0
 *
 * hardening_probe smash|relro|code|nothing: does what an attacker's bytes would do, in a program
 * built as the shipped one is. "nothing" ends well; the others must be killed.
 */
#include <stdint.h>
#include <string.h>
#include <unistd.h>

static int end_well(void) {
    return 0;
}

/* Where position-independent objects keep what is constant once it is relocated; here by force. */
__attribute__((section(".data.rel.ro"))) static int (*table[])(void) = {end_well};

static _Noreturn void be_taken_over(void) {
    _exit(7);
}

/* Lays the address of be_taken_over() over everything up to a return address, ours or main's. */
__attribute__((noinline)) static int smash(size_t bytes) {
    static uintptr_t forged[32];
    unsigned char name[16];
    for (size_t i = 0; i < sizeof forged / sizeof *forged; i++) {
        forged[i] = (uintptr_t)be_taken_over;
    }
    memcpy(name, forged, bytes);
    return ((volatile unsigned char *)name)[0] == 0;
}

static int overwrite_table(void) {
    *(int (*volatile *)(void))table = NULL;
    return 0;
}

static int run_stack(void) {
    volatile unsigned char code[64] = {0xc3}; /* x86: ret; arm64: not even an instruction */
    int (*function)(void);
    void *address = (void *)(uintptr_t)code;
    memcpy(&function, &address, sizeof function);
    return function() & 0;
}

int main(int argc, char **argv) {
    const char *what = argc > 1 ? argv[1] : "";
    volatile size_t bytes = 200; /* from outside: the compiler must not know */
    if (strcmp(what, "smash") == 0) {
        return smash(bytes);
    }
    if (strcmp(what, "relro") == 0) {
        return overwrite_table();
    }
    if (strcmp(what, "code") == 0) {
        return run_stack();
    }
    return strcmp(what, "nothing") == 0 ? table[0]() : 2;
}
