/* SPDX-License-Identifier: Apache-2.0
 *
 * The Lambda Runtime API loop: next event in, bytes out. Knows nothing of load balancers. Source:
 * "Using the Lambda runtime API for custom runtimes", AWS Lambda Developer Guide, API version
 * 2018-06-01.
 */
#ifndef RUNTIME_RUNTIME_H
#define RUNTIME_RUNTIME_H

#include "base/clock.h"
#include "base/log.h"
#include "net/http.h"

#define RUNTIME_RESPONSE_BYTES_MAX 6291556 /* 6 MiB + 100, the platform's exact bound */

/* Lives until its answer was posted. */
struct runtime_invocation {
    str event; /* raw bytes, possibly empty */
    str request_id;
    str invocation_id; /* per-attempt nonce; echoed by the runtime when present */
    str function_arn;
    str tenant_id; /* empty when absent */
    str trace_id;
    int64_t deadline_ms; /* wall clock; INT64_MAX when absent or nonsense */
};

/* Zeroed before `handle` is called: an empty success, for a handler that sets nothing.
 *
 *   is_error false   POST /response with `body`; one that is too large becomes an error
 *   is_error true    POST /error with type and message; Lambda repeats an asynchronous event
 *   is_last          the same, and then the process ends: Lambda starts another environment
 */
struct runtime_reply {
    bool is_error;
    str body;       /* JSON; for a success */
    str error_type; /* "Function.InvalidEvent" */
    str error_message;
    bool is_last; /* take no event after this one */
};

struct runtime_handler {
    void *context;
    /* Everything of the reply lives in `arena`, which is reset after it was posted. */
    void (*handle)(void *context, const struct runtime_invocation *invocation, struct arena *arena,
                   struct runtime_reply *reply);
};

/* One loop. Several may run in one process, each with a struct of its own. */
struct runtime {
    struct transport *transport; /* plain HTTP, its own */
    const struct clock *clock;
    struct log *log;
    str base_url; /* "http://169.254.100.1:9001/2018-06-01" */
    /* Sets or (empty value) unsets _X_AMZN_TRACE_ID; NULL: left alone. */
    void (*set_trace_id)(str trace_id);
};

/* AWS_LAMBDA_RUNTIME_API is host:port, an IPv6 address in brackets. CONFIGURATION says what is
 * wrong with it. */
MUST_USE enum status runtime_base_url(str runtime_api, struct arena *arena, str *url_out,
                                      struct error *error);

/* Serves until the platform ends the sandbox, or the handler says that its reply is the last.
 * Returns the process's exit code, which is never 0: Lambda then replaces the environment. */
int runtime_run(struct runtime *runtime, const struct runtime_handler *handler);

/* POST /runtime/init/error, once, outcome ignored: the process is about to exit. */
void runtime_init_error(struct runtime *runtime, str error_type, str error_message);

#endif
