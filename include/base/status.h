/* SPDX-License-Identifier: Apache-2.0
 *
 * How a call ended. Three things are never mixed: a finding (non-compliant: data), an error (could
 * not find out: a status) and a bug (ASSERT). Leaf code returns just the status; functions that
 * cross a boundary (net, aws, json, app) also fill a `struct error` (error.h).
 */
#ifndef BASE_STATUS_H
#define BASE_STATUS_H

#include <stdbool.h>

/* name, text for people, may the same call succeed when repeated (1) or not (0) */
#define STATUS_MAP(X)                                                                              \
    X(OK, "ok", 0)                                                                                 \
    /* repeat: the other side or the way to it */                                                  \
    X(TIMEOUT, "no answer in time", 1)                                                             \
    X(CONNECTION, "connection failed", 1)                                                          \
    X(THROTTLED, "throttled", 1)                                                                   \
    X(SERVER, "server error", 1)                                                                   \
    X(INCOMPLETE, "answer cut short or unreadable", 1)                                             \
    /* give up: repeating changes nothing now */                                                   \
    X(DEADLINE, "the invocation's time is used up", 0)                                             \
    X(TLS, "server certificate or TLS handshake not accepted", 0)                                  \
    X(DENIED, "access denied", 0)                                                                  \
    X(NOT_FOUND, "not found", 0)                                                                   \
    X(CONFLICT, "condition not met", 0)                                                            \
    X(REFUSED, "request refused", 0)                                                               \
    X(PARTIAL, "not everything was done", 0)                                                       \
    /* mend the input */                                                                           \
    X(INVALID, "not valid", 0)                                                                     \
    X(TOO_LARGE, "larger than allowed", 0)                                                         \
    X(TOO_DEEP, "nested deeper than allowed", 0)                                                   \
    X(UNSUPPORTED, "not supported", 0)                                                             \
    X(INVALID_PARAMETER, "rule parameter not valid", 0)                                            \
    X(CONFIGURATION, "environment not valid", 0)

/* For a caller:
 *
 *   retryable          the same call may succeed later; aws_call repeats it
 *   give up            DEADLINE, DENIED, CONFLICT ..: report it, and judge nothing by it
 *   mend the input     repeating it changes nothing until somebody changes an event or a setting
 */
enum status {
#define STATUS_ENUM(name, text, retryable) STATUS_##name,
    STATUS_MAP(STATUS_ENUM)
#undef STATUS_ENUM
};

#define MUST_USE __attribute__((warn_unused_result))

/* "TIMEOUT" Static text, as the next. */
const char *status_name(enum status status);
/* "no answer in time" */
const char *status_text(enum status status);
bool status_is_retryable(enum status status);

/* The one control-flow macro: returns a bad status to the caller. Legal since arenas leave nothing
 * to undo. */
#define TRY(expr)                                                                                  \
    do {                                                                                           \
        enum status try_status_ = (expr);                                                          \
        if (try_status_ != STATUS_OK) {                                                            \
            return try_status_;                                                                    \
        }                                                                                          \
    } while (0)

#endif
