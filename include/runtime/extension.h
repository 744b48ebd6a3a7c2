/* SPDX-License-Identifier: Apache-2.0
 *
 * Lambda sends SIGTERM before it ends a sandbox only where an extension is registered: an internal
 * one, without events, is enough. Source: "Lambda Extensions API". Optional (SHUTDOWN_LOG): it
 * costs a request and two threads at INIT.
 */
#ifndef RUNTIME_EXTENSION_H
#define RUNTIME_EXTENSION_H

#include "runtime/runtime.h"

/* POST /extension/register. The identifier lives in `arena`. */
MUST_USE enum status extension_register(const struct runtime *runtime, struct arena *arena,
                                        str *identifier_out, struct error *error);

/* GET /extension/event/next, which marks the extension as ready and returns when the sandbox ends,
 * or never. On a transport of its own, in a thread of its own. */
void extension_wait(const struct runtime *runtime, str identifier);

#endif
