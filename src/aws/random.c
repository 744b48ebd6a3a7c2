/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "call_internal.h"

/* splitmix64 by Sebastiano Vigna, public domain: https://prng.di.unimi.it/splitmix64.c
 *
 * Not the kernel's generator: tests seed it, and jitter needs no secret. */
uint64_t random_next(uint64_t *state) {
    *state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = *state;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

double random_unit(uint64_t *state) {
    /* 53 bits are what a double holds, so the result never rounds up to 1. */
    return (double)(random_next(state) >> 11) / 9007199254740992.0;
}

str random_uuid4(uint64_t *state, struct arena *arena) {
    uint64_t high = random_next(state);
    uint64_t low = random_next(state);
    high = (high & ~UINT64_C(0xf000)) | UINT64_C(0x4000);              /* version 4 */
    low = (low & ~(UINT64_C(3) << 62)) | UINT64_C(0x8000000000000000); /* RFC 4122 variant */
    return str_format(arena, "%08" PRIx64 "-%04" PRIx64 "-%04" PRIx64 "-%04" PRIx64 "-%012" PRIx64,
                      high >> 32, (high >> 16) & 0xffff, high & 0xffff, low >> 48,
                      low & UINT64_C(0xffffffffffff));
}
