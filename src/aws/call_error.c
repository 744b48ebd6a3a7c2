/* SPDX-License-Identifier: Apache-2.0
 *
 * What an error answer of AWS means.
 */
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

/* RequestExpired is none of them: it is the request that is too old, by a clock that is wrong. */
enum credentials_trouble call_credentials_trouble(str code) {
    static const struct {
        const char *code;
        enum credentials_trouble trouble;
    } ROWS[] = {
        {"ExpiredToken", CREDENTIALS_EXPIRED},
        {"ExpiredTokenException", CREDENTIALS_EXPIRED},
        {"TokenRefreshRequired", CREDENTIALS_EXPIRED},
        {"InvalidAccessKeyId", CREDENTIALS_UNKNOWN},
        {"InvalidClientTokenId", CREDENTIALS_UNKNOWN},
        {"InvalidToken", CREDENTIALS_UNKNOWN},
        {"UnrecognizedClientException", CREDENTIALS_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        if (str_eq(code, str_from_cstr(ROWS[i].code))) {
            return ROWS[i].trouble;
        }
    }
    return CREDENTIALS_GOOD;
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
