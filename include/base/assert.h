/* SPDX-License-Identifier: Apache-2.0
 *
 * Our own assertion, the lowest floor: a bug ends the process with one line on standard error.
 */
#ifndef BASE_ASSERT_H
#define BASE_ASSERT_H

/* Kept in every build; never on outside input, never with a side effect. Not tied to NDEBUG: the
 * checks that the tests run with are those that are shipped. */
#define ASSERT(condition) ((condition) ? (void)0 : assert_failed(#condition, __FILE__, __LINE__))
_Noreturn void assert_failed(const char *condition, const char *file, int line);

/* The last line of a process that cannot go on: plain text on stderr, or after die_in_json one of
 * level FATAL in Lambda's JSON form. In a JSON log Lambda takes plain text for INFO, and drops it
 * from LogLevel WARN on. Uses no memory of an arena. */
__attribute__((format(printf, 1, 2))) _Noreturn void die(const char *format, ...);
void die_in_json(void);

#endif
