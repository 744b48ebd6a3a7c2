/* SPDX-License-Identifier: Apache-2.0
 *
 * What an error answer of AWS means, and how it is told without giving anything away.
 */
#include "base/buf.h"
#include "call_internal.h"

struct code_row {
    const char *code;
    enum status status;
    const char *hint; /* NULL: AWS's message is enough */
};

#define HINT_EXPIRED "the function's temporary credentials have expired"
#define HINT_INVALID "the credentials are not valid in this partition, account or region"
#define HINT_SIGNED  "the signature was not accepted: wrong secret key, or a clock far off"
#define HINT_SKEWED  "the clock of this machine is far off"

/* Everything here is a matter of permission or credentials and is the same however often it is
 * asked. Sources: "Common Errors" of the services' API references. */
static const struct code_row CODE_ROWS[] = {
    {"AccessDenied", STATUS_DENIED, NULL},
    {"AccessDeniedException", STATUS_DENIED, NULL},
    {"AuthorizationError", STATUS_DENIED, NULL},
    {"AuthorizationErrorException", STATUS_DENIED, NULL},
    {"InvalidAccessException", STATUS_DENIED, NULL},
    {"KMSAccessDeniedException", STATUS_DENIED, NULL},
    {"KMS.AccessDeniedException", STATUS_DENIED, NULL},
    {"NotAuthorized", STATUS_DENIED, NULL},
    {"OptInRequired", STATUS_DENIED, NULL},
    {"UnauthorizedAccess", STATUS_DENIED, NULL},
    {"UnauthorizedOperation", STATUS_DENIED, NULL},
    {"ExpiredToken", STATUS_DENIED, HINT_EXPIRED},
    {"ExpiredTokenException", STATUS_DENIED, HINT_EXPIRED},
    {"TokenRefreshRequired", STATUS_DENIED, HINT_EXPIRED},
    {"AuthFailure", STATUS_DENIED, HINT_INVALID},
    {"InvalidAccessKeyId", STATUS_DENIED, HINT_INVALID},
    {"InvalidClientTokenId", STATUS_DENIED, HINT_INVALID},
    {"InvalidToken", STATUS_DENIED, HINT_INVALID},
    {"MissingAuthenticationToken", STATUS_DENIED, HINT_INVALID},
    {"MissingAuthenticationTokenException", STATUS_DENIED, HINT_INVALID},
    {"UnrecognizedClientException", STATUS_DENIED, HINT_INVALID},
    {"IncompleteSignature", STATUS_DENIED, HINT_SIGNED},
    {"IncompleteSignatureException", STATUS_DENIED, HINT_SIGNED},
    {"InvalidSignatureException", STATUS_DENIED, HINT_SIGNED},
    {"SignatureDoesNotMatch", STATUS_DENIED, HINT_SIGNED},
    {"RequestExpired", STATUS_DENIED, HINT_SKEWED},
    {"RequestTimeTooSkewed", STATUS_DENIED, HINT_SKEWED},
    {"ConditionalCheckFailed", STATUS_CONFLICT, NULL},
    {"ConditionalCheckFailedException", STATUS_CONFLICT, NULL},
    {"ConditionalRequestConflict", STATUS_CONFLICT, NULL},
    {"PreconditionFailed", STATUS_CONFLICT, NULL},
};

static const struct code_row *find_code(str code) {
    for (size_t i = 0; i < sizeof(CODE_ROWS) / sizeof(CODE_ROWS[0]); i++) {
        if (str_eq(code, str_from_cstr(CODE_ROWS[i].code))) {
            return &CODE_ROWS[i];
        }
    }
    return NULL;
}

str call_hint(str code) {
    const struct code_row *row = find_code(code);
    return row == NULL ? STR_EMPTY : str_from_cstr(row->hint);
}

static bool says_not_found(str code) {
    return str_contains(code, STR("NotFound")) || str_contains(code, STR("NonExistent")) ||
           str_contains(code, STR("NotDiscovered")) || str_starts_with(code, STR("NoSuch"));
}

/* An answer without a code has only its HTTP status. A bare 404 says "no such object" from S3 alone
 * (HEAD has no body); from other services it comes from something that is not the service, and must
 * not read as "the load balancer is gone". */
static enum status status_of_bare_answer(enum aws_service service, int http_status) {
    switch (http_status) {
    case 401:
    case 403:
        return STATUS_DENIED;
    case 404:
        return service == AWS_S3 ? STATUS_NOT_FOUND : STATUS_REFUSED;
    case 412:
        return STATUS_CONFLICT;
    default:
        return STATUS_REFUSED;
    }
}

enum status call_status_of_answer(enum aws_service service, int http_status, str code) {
    const struct code_row *row = find_code(code);
    if (row != NULL) {
        return row->status;
    }
    enum retry_class class = retry_classify(code, http_status, STATUS_OK);
    if (class == RETRY_THROTTLING) {
        return STATUS_THROTTLED;
    }
    if (http_status >= 500 || class == RETRY_TRANSIENT) {
        return STATUS_SERVER;
    }
    if (says_not_found(code)) {
        return STATUS_NOT_FOUND;
    }
    return str_is_empty(code) ? status_of_bare_answer(service, http_status) : STATUS_REFUSED;
}

/* From here on AWS quotes what a signature was made from or the header itself. */
static const char *const SIGNATURE_MARKERS[] = {
    "The Canonical String",
    "The canonical string",
    "The String-to-Sign",
    "AWS4-HMAC-SHA256",
    "Authorization:",
    "Authorization=",
    "Credential=",
    "Signature=",
};

static bool starts_signature_talk(str rest) {
    for (size_t i = 0; i < sizeof(SIGNATURE_MARKERS) / sizeof(SIGNATURE_MARKERS[0]); i++) {
        if (str_starts_with(rest, str_from_cstr(SIGNATURE_MARKERS[i]))) {
            return true;
        }
    }
    return false;
}

/* Shorter than this nothing is a credential, and would only punch holes into words. */
#define SECRET_BYTES_MIN 4

/* Length of the secret that `rest` starts with, 0 when it does not. */
static size_t secret_length(const str *secrets, size_t count, str rest) {
    for (size_t i = 0; i < count; i++) {
        if (secrets[i].len >= SECRET_BYTES_MIN && str_starts_with(rest, secrets[i])) {
            return secrets[i].len;
        }
    }
    return 0;
}

static void append_without_secrets(struct buf *out, const str *secrets, size_t count, str text) {
    for (size_t i = 0; i < text.len;) {
        str rest = str_slice(text, i, text.len);
        if (starts_signature_talk(rest)) {
            return;
        }
        size_t secret = secret_length(secrets, count, rest);
        if (secret > 0) {
            buf_append(out, STR("[hidden]"));
            i += secret;
        } else {
            buf_append_char(out, text.ptr[i++]);
        }
    }
}

/* White space and control characters become one blank; a byte that is no UTF-8 a question mark. */
static void append_one_line(struct buf *out, str text) {
    bool ends_blank = true;
    for (size_t i = 0; i < text.len;) {
        size_t valid = str_utf8_valid_prefix(str_slice(text, i, i + 4));
        unsigned char c = (unsigned char)text.ptr[i];
        bool is_blank = c <= ' ' || c == 0x7f;
        if (!is_blank) {
            str one = str_utf8_prefix(str_slice(text, i, i + valid), 1);
            buf_append(out, valid == 0 ? STR("?") : one);
            i += valid == 0 ? 1 : one.len;
        } else {
            if (!ends_blank) {
                buf_append_char(out, ' ');
            }
            i++;
        }
        ends_blank = is_blank;
    }
}

/* Longer messages than this come from no AWS service; the rest is not even looked at. */
#define MESSAGE_BYTES_MAX 16384

str call_message_clean(const struct aws_client *client,
                       str signature,
                       struct arena *arena,
                       str message) {
    const struct aws_credentials *credentials = &client->credentials;
    const str secrets[] = {credentials->secret_access_key,
                           credentials->session_token,
                           credentials->access_key_id,
                           signature};
    struct buf plain;
    struct buf line;
    buf_init(&plain, arena, MESSAGE_BYTES_MAX);
    buf_init(&line, arena, MESSAGE_BYTES_MAX);
    append_without_secrets(&plain, secrets, sizeof(secrets) / sizeof(secrets[0]), message);
    append_one_line(&line, buf_str(&plain));
    str clean = str_trim(buf_str(&line));
    str cut = str_utf8_prefix(clean, CALL_MESSAGE_CHARACTERS_MAX);
    return cut.len == clean.len ? cut : str_format(arena, "%" STR_FMT "...", STR_ARG(cut));
}
