/* SPDX-License-Identifier: Apache-2.0
 *
 * Credentials. In Lambda they are in the environment for the life of the sandbox.
 */
#ifndef AWS_CREDENTIALS_H
#define AWS_CREDENTIALS_H

#include "base/env.h"
#include "base/error.h"

/* Longer than any that AWS gives; what does not fit cannot be signed with. */
#define CREDENTIALS_ID_BYTES_MAX     128
#define CREDENTIALS_SECRET_BYTES_MAX 256

/* The text lives as long as the arena or environment it came from. Secret: never in a message or
 * log (call_message_clean takes it out of AWS's own). */
struct aws_credentials {
    str access_key_id;
    str secret_access_key;
    str session_token; /* empty for long-lived keys */
};

/* AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN. CONFIGURATION names the missing
 * variable. A value that could not stand in a header is refused, too: by the variable's name, never
 * quoted. */
MUST_USE enum status credentials_from_env(const struct env *env, struct arena *arena,
                                          struct aws_credentials *credentials_out,
                                          struct error *error);

#endif
