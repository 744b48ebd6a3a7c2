/* SPDX-License-Identifier: Apache-2.0
 *
 * How a call ended. Three things are never mixed: a finding (non-compliant: data), an error (could
 * not find out: a status) and a bug (ASSERT). Leaf code returns just the status; functions that
 * cross a boundary (net, aws, json, app) also fill a `struct error`, once, where it happens.
 */
#ifndef BASE_STATUS_H
#define BASE_STATUS_H

#include "base/str.h"

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

enum status {
#define STATUS_ENUM(name, text, retryable) STATUS_##name,
    STATUS_MAP(STATUS_ENUM)
#undef STATUS_ENUM
};

#define MUST_USE __attribute__((warn_unused_result))

/* "TIMEOUT" */
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

struct error {
    enum status status;
    int http_status; /* 0: no HTTP answer */
    str aws_code;    /* "Throttling", "AccessDenied", empty when none; lives in the arena given to
                        error_set */
    str message; /* one sentence for people, no secret in it; lives in the arena given to error_set
                  */
    bool was_not_sent;       /* from a transport: not one byte of the request left, so nothing can
                                have come of it */
    bool is_outcome_unknown; /* from aws_call: an attempt may have been carried out all the same */
};

/* Fills *error (NULL is allowed and ignored) and returns `status`, so that it can stand in a
 * return. The other members are cleared: set them afterwards. */
__attribute__((format(printf, 4, 5))) enum status error_set(struct error *error,
                                                            struct arena *arena, enum status status,
                                                            const char *format, ...);

/* *error becomes a copy of *from whose text lives in `arena`; for a cause whose own arena ends.
 * NULL `error` is allowed and ignored. */
void error_copy(struct error *error, struct arena *arena, const struct error *from);

/* Own assertion: kept in every build, never on outside input, never with a side effect. */
#define ASSERT(condition) ((condition) ? (void)0 : assert_failed(#condition, __FILE__, __LINE__))
_Noreturn void assert_failed(const char *condition, const char *file, int line);

/* The last line of a process that cannot go on: plain text on stderr, or after die_in_json one of
 * level FATAL in Lambda's JSON form. In a JSON log Lambda takes plain text for INFO, and drops it
 * from LogLevel WARN on. Uses no memory of an arena. */
__attribute__((format(printf, 1, 2))) _Noreturn void die(const char *format, ...);
void die_in_json(void);

#endif
