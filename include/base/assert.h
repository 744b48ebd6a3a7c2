/* SPDX-License-Identifier: Apache-2.0
 *
 * Our own assertion, the lowest floor: a bug ends the process with one line on standard error.
 */
#ifndef BASE_ASSERT_H
#define BASE_ASSERT_H

/* Kept in every build; never on outside input, never with a side effect. */
#define ASSERT(condition) ((condition) ? (void)0 : assert_failed(#condition, __FILE__, __LINE__))
_Noreturn void assert_failed(const char *condition, const char *file, int line);

#endif
