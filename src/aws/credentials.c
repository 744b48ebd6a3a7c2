/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/credentials.h"

#include "base/ascii.h"

/* These go into HTTP headers: a stray blank or line end (from a file, a copied secret) would give
 * a signature error that nobody can read. */
static enum status read_word(const struct env *env, const char *name, struct arena *arena,
                             str *value_out, struct error *error) {
    *value_out = env_get(env, name);
    return ascii_has_only(*value_out, ascii_is_graphic)
               ? STATUS_OK
               : error_set(error, arena, STATUS_CONFIGURATION,
                           "%s holds a blank, a control character or a character beyond ASCII",
                           name);
}

static enum status read_required(const struct env *env, const char *name, struct arena *arena,
                                 str *value_out, struct error *error) {
    TRY(read_word(env, name, arena, value_out, error));
    if (str_is_empty(*value_out)) {
        return error_set(error, arena, STATUS_CONFIGURATION, "%s is not set", name);
    }
    return STATUS_OK;
}

/* The one source of credentials: in Lambda they stay the same for the life of the environment, and
 * the command line takes what `aws configure export-credentials --format env` writes. */
enum status credentials_from_env(const struct env *env, struct arena *arena,
                                 struct aws_credentials *credentials_out, struct error *error) {
    struct aws_credentials found = {0};
    TRY(read_required(env, "AWS_ACCESS_KEY_ID", arena, &found.access_key_id, error));
    TRY(read_required(env, "AWS_SECRET_ACCESS_KEY", arena, &found.secret_access_key, error));
    TRY(read_word(env, "AWS_SESSION_TOKEN", arena, &found.session_token, error));
    /* The signer could not sign with these: reported here, by the variable's name, and not at each
     * call. An access key id stands between slashes and commas in a header; no secret AWS gives has
     * 60 characters. */
    str id = found.access_key_id;
    if (str_find_char(id, '/') < id.len || str_find_char(id, ',') < id.len ||
        id.len > CREDENTIALS_ID_BYTES_MAX) {
        return error_set(error, arena, STATUS_CONFIGURATION,
                         "AWS_ACCESS_KEY_ID is no access key id");
    }
    if (found.secret_access_key.len > CREDENTIALS_SECRET_BYTES_MAX) {
        return error_set(error, arena, STATUS_CONFIGURATION,
                         "AWS_SECRET_ACCESS_KEY is longer than %d characters",
                         CREDENTIALS_SECRET_BYTES_MAX);
    }
    *credentials_out = found;
    return STATUS_OK;
}
