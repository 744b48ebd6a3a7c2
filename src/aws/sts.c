/* SPDX-License-Identifier: Apache-2.0
 *
 * What AssumeRole answers is secret: no message here quotes any of it, nor the external id.
 */
#include "aws/sts.h"

#include "base/buf.h"
#include "call_internal.h"

#define STS_VERSION           "2011-06-15"
#define FORM_BYTES_MAX        ((size_t)16 * 1024)
#define ROLE_ARN_BYTES_MAX    2048
#define EXTERNAL_ID_BYTES_MIN 2
#define EXTERNAL_ID_BYTES_MAX 1224
#define ACCOUNT_DIGITS        12

/* ---- guards ---- */

static bool is_account(str text) {
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9') {
            return false;
        }
    }
    return text.len == ACCOUNT_DIGITS;
}

/* No blank, no control character, nothing beyond ASCII: fit for a header. */
static bool is_printable_word(str text) {
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] <= ' ' || text.ptr[i] > '~') {
            return false;
        }
    }
    return text.len > 0;
}

/* arn:<partition>:iam::<account>:role/<path and name> */
static bool is_role_arn(str arn) {
    str rest = arn;
    bool is_arn = str_eq(str_split(&rest, ':'), STR("arn"));
    bool has_partition = !str_is_empty(str_split(&rest, ':'));
    bool is_iam = str_eq(str_split(&rest, ':'), STR("iam"));
    bool has_no_region = str_is_empty(str_split(&rest, ':'));
    bool has_account = is_account(str_split(&rest, ':'));
    return is_arn && has_partition && is_iam && has_no_region && has_account &&
           str_starts_with(rest, STR("role/")) && rest.len > sizeof("role/") - 1 &&
           is_printable_word(arn) && arn.len <= ROLE_ARN_BYTES_MAX;
}

static bool is_external_id(str id) {
    static const char OTHERS[] = "_+=,.@:/-";
    for (size_t i = 0; i < id.len; i++) {
        char c = id.ptr[i];
        bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!is_word && str_find_char(STR(OTHERS), c) == sizeof(OTHERS) - 1) {
            return false;
        }
    }
    return id.len >= EXTERNAL_ID_BYTES_MIN && id.len <= EXTERNAL_ID_BYTES_MAX;
}

/* ---- calls ---- */

typedef enum status parse_fn(void *context, struct arena *arena,
                             const struct aws_response *response, struct error *error);

static struct aws_request sts_request(const char *operation, const struct buf *body,
                                      parse_fn *parse, void *context) {
    return (struct aws_request){
        .service = AWS_STS,
        .operation = operation,
        .method = STR("POST"),
        .path = STR("/"),
        .headers = &AWS_FORM_HEADER,
        .header_count = 1,
        .body = buf_str(body),
        .parse = parse,
        .context = context,
    };
}

static enum status parse_session(void *context, struct arena *arena,
                                 const struct aws_response *response, struct error *error) {
    struct sts_session *session = context;
    const struct xml *result = NULL;
    TRY(query_result(arena, response, "AssumeRole", &result, error));
    const struct xml *found = xml_child(result, "Credentials");
    const struct aws_credentials credentials = {
        .access_key_id = str_trim(xml_child_text(found, "AccessKeyId")),
        .secret_access_key = str_trim(xml_child_text(found, "SecretAccessKey")),
        .session_token = str_trim(xml_child_text(found, "SessionToken")),
    };
    int64_t expires_ms = 0;
    bool has_time = time_parse_iso8601(str_trim(xml_child_text(found, "Expiration")), &expires_ms);
    if (!is_printable_word(credentials.access_key_id) ||
        !is_printable_word(credentials.secret_access_key) ||
        !is_printable_word(credentials.session_token) || !has_time) {
        return error_set(error, arena, STATUS_INCOMPLETE, "the answer holds no usable credentials");
    }
    *session = (struct sts_session){credentials, expires_ms};
    return STATUS_OK;
}

enum status sts_assume_role(struct aws_client *client, const struct sts_role *role,
                            struct arena *arena, struct sts_session *session_out,
                            struct error *error) {
    if (!is_role_arn(role->arn)) {
        return error_set(error, arena, STATUS_INVALID, "sts AssumeRole: that is no role's ARN");
    }
    if (!str_is_empty(role->external_id) && !is_external_id(role->external_id)) {
        return error_set(error, arena, STATUS_INVALID,
                         "sts AssumeRole: an external id has 2..1224 letters, digits or _+=,.@:/-");
    }
    struct buf body;
    struct aws_form form;
    buf_init(&body, arena, FORM_BYTES_MAX);
    aws_form_begin(&form, &body, "AssumeRole", STS_VERSION);
    aws_form_add(&form, STR("RoleArn"), role->arn);
    aws_form_add(&form, STR("RoleSessionName"), STR(STS_SESSION_NAME));
    aws_form_add(&form, STR("DurationSeconds"), str_format(arena, "%d", STS_SESSION_SECONDS));
    if (!str_is_empty(role->external_id)) {
        aws_form_add(&form, STR("ExternalId"), role->external_id);
    }
    ASSERT(buf_status(&body) == STATUS_OK);
    struct sts_session session = {.expires_ms = 0};
    struct aws_request request = sts_request("AssumeRole", &body, parse_session, &session);
    request.secrets = &role->external_id;
    request.secret_count = 1;
    TRY(aws_call(client, &request, arena, error));
    *session_out = session;
    return STATUS_OK;
}

static enum status parse_account(void *context, struct arena *arena,
                                 const struct aws_response *response, struct error *error) {
    str *account = context;
    const struct xml *result = NULL;
    TRY(query_result(arena, response, "GetCallerIdentity", &result, error));
    str found = str_trim(xml_child_text(result, "Account"));
    if (!is_account(found)) {
        return error_set(error, arena, STATUS_INCOMPLETE, "the answer names no account");
    }
    *account = found;
    return STATUS_OK;
}

enum status sts_get_account(struct aws_client *client, struct arena *arena, str *account_out,
                            struct error *error) {
    struct buf body;
    struct aws_form form;
    str account = STR_EMPTY;
    buf_init(&body, arena, FORM_BYTES_MAX);
    aws_form_begin(&form, &body, "GetCallerIdentity", STS_VERSION);
    const struct aws_request request =
        sts_request("GetCallerIdentity", &body, parse_account, &account);
    TRY(aws_call(client, &request, arena, error));
    *account_out = account;
    return STATUS_OK;
}
