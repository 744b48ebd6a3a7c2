/* SPDX-License-Identifier: Apache-2.0
 *
 * Secret random bytes, from the kernel.
 */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stddef.h>

/* Aborts where the kernel has none to give: a guessable secret would protect nothing. */
void random_bytes(void *bytes, size_t count);

#endif
