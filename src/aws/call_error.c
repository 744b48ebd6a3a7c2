/* SPDX-License-Identifier: Apache-2.0
 *
 * What an error answer of AWS means.
 */
#include "call_internal.h"

#define HINT_EXPIRED "the function's temporary credentials have expired"
#define HINT_INVALID "the credentials are not valid in this partition, account or region"
#define HINT_SIGNED  "the signature was not accepted: wrong secret key, or a clock far off"
#define HINT_SKEWED  "the clock of this machine is far off"

/* Everything here is a matter of permission or credentials and is the same however often it is
 * asked. Sources: "Common Errors" of the services' API references. */
static const struct code_row {
    const char *code; /* without "Exception" behind it, which some services add */
    enum status status;
    const char *hint; /* NULL: AWS's message is enough */
    enum credentials_trouble trouble;
} CODE_ROWS[] = {
    {"AccessDenied", STATUS_DENIED, NULL, CREDENTIALS_GOOD},
    {"AuthorizationError", STATUS_DENIED, NULL, CREDENTIALS_GOOD},
    {"InvalidAccess", STATUS_DENIED, NULL, CREDENTIALS_GOOD},
    {"KMSAccessDenied", STATUS_DENIED, NULL, CREDENTIALS_GOOD},
    {"KMS.AccessDenied", STATUS_DENIED, NULL, CREDENTIALS_GOOD},
    {"NotAuthorized", STATUS_DENIED, NULL, CREDENTIALS_GOOD},
    {"OptInRequired", STATUS_DENIED, NULL, CREDENTIALS_GOOD},
    {"UnauthorizedAccess", STATUS_DENIED, NULL, CREDENTIALS_GOOD},
    {"UnauthorizedOperation", STATUS_DENIED, NULL, CREDENTIALS_GOOD},
    {"ExpiredToken", STATUS_DENIED, HINT_EXPIRED, CREDENTIALS_EXPIRED},
    {"TokenRefreshRequired", STATUS_DENIED, HINT_EXPIRED, CREDENTIALS_EXPIRED},
    {"AuthFailure", STATUS_DENIED, HINT_INVALID, CREDENTIALS_GOOD},
    {"InvalidAccessKeyId", STATUS_DENIED, HINT_INVALID, CREDENTIALS_UNKNOWN},
    {"InvalidClientTokenId", STATUS_DENIED, HINT_INVALID, CREDENTIALS_UNKNOWN},
    {"InvalidToken", STATUS_DENIED, HINT_INVALID, CREDENTIALS_UNKNOWN},
    {"MissingAuthenticationToken", STATUS_DENIED, HINT_INVALID, CREDENTIALS_GOOD},
    {"UnrecognizedClient", STATUS_DENIED, HINT_INVALID, CREDENTIALS_UNKNOWN},
    {"IncompleteSignature", STATUS_DENIED, HINT_SIGNED, CREDENTIALS_GOOD},
    {"InvalidSignature", STATUS_DENIED, HINT_SIGNED, CREDENTIALS_GOOD},
    {"SignatureDoesNotMatch", STATUS_DENIED, HINT_SIGNED, CREDENTIALS_GOOD},
    /* the request is too old, by a clock that is wrong; the credentials are good */
    {"RequestExpired", STATUS_DENIED, HINT_SKEWED, CREDENTIALS_GOOD},
    {"RequestTimeTooSkewed", STATUS_DENIED, HINT_SKEWED, CREDENTIALS_GOOD},
    {"ConditionalCheckFailed", STATUS_CONFLICT, NULL, CREDENTIALS_GOOD},
    {"ConditionalRequestConflict", STATUS_CONFLICT, NULL, CREDENTIALS_GOOD},
    {"PreconditionFailed", STATUS_CONFLICT, NULL, CREDENTIALS_GOOD},
};

static const struct code_row *find_code(str code) {
    const str ending = STR("Exception");
    str bare = str_ends_with(code, ending) ? str_slice(code, 0, code.len - ending.len) : code;
    for (size_t i = 0; i < sizeof CODE_ROWS / sizeof *CODE_ROWS; i++) {
        if (str_eq(bare, str_from_cstr(CODE_ROWS[i].code))) {
            return &CODE_ROWS[i];
        }
    }
    return NULL;
}

str call_hint(str code) {
    const struct code_row *row = find_code(code);
    return row == NULL ? STR_EMPTY : str_from_cstr(row->hint);
}

enum credentials_trouble call_credentials_trouble(str code) {
    const struct code_row *row = find_code(code);
    return row == NULL ? CREDENTIALS_GOOD : row->trouble;
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
