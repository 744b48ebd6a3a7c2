/* SPDX-License-Identifier: Apache-2.0
 *
 * Random numbers for jitter and invocation ids: splitmix64, small and well spread. Nothing of it is
 * ever secret, so a guessable state does no harm.
 */
#ifndef AWS_RANDOM_INTERNAL_H
#define AWS_RANDOM_INTERNAL_H

#include "base/arena.h"
#include "base/str.h"

uint64_t random_next(uint64_t *state);
/* In [0, 1). */
double random_unit(uint64_t *state);
/* "f81d4fae-7dec-41d0-a765-00a0c91e6bf6", version 4, in `arena`. */
str random_uuid4(uint64_t *state, struct arena *arena);

#endif
