/* SPDX-License-Identifier: Apache-2.0
 *
 * The Runtime API's two directions among themselves: taking an event, handing an outcome back.
 */
#ifndef RUNTIME_RUNTIME_INTERNAL_H
#define RUNTIME_RUNTIME_INTERNAL_H

#include "runtime/runtime.h"

/* What the loop does after a call. */
enum runtime_step {
    RUNTIME_GO_ON,
    RUNTIME_EXIT /* the platform said so, or there is no way to go on; already logged */
};

/* Asks for the next event, with no limit of time, trying again where that can help. */
MUST_USE enum runtime_step runtime_take(struct runtime *runtime, struct arena *arena,
                                        struct runtime_invocation *invocation);

/* POST .../response or .../error. */
MUST_USE enum runtime_step runtime_post(struct runtime *runtime, struct arena *arena,
                                        const struct runtime_invocation *invocation,
                                        const struct runtime_reply *reply);

/* User-Agent of every call: the platform keeps its first token as the "runtime release". */
struct http_header runtime_user_agent(void);

#endif
