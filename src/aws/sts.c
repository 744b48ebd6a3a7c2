/* SPDX-License-Identifier: Apache-2.0
 *
 * What AssumeRole answers is secret: no message here quotes any of it, nor the external id.
 */
#include "aws/sts.h"

#include "base/ascii.h"
#include "call_internal.h"

#define FORM_BYTES_MAX        ((size_t)16 * 1024)
#define ROLE_ARN_BYTES_MAX    2048
#define EXTERNAL_ID_BYTES_MIN 2
#define EXTERNAL_ID_BYTES_MAX 1224
#define ACCOUNT_DIGITS        12

/* ---- guards ---- */

static bool is_account(str text) {
    return text.len == ACCOUNT_DIGITS && ascii_has_only(text, ascii_is_digit);
}

/* No blank, no control character, nothing beyond ASCII: fit for a header. */
static bool is_printable_word(str text) {
    return text.len > 0 && ascii_has_only(text, ascii_is_graphic);
}

/* arn:<partition>:iam::<account>:role/<path and name> Checked here because a role that cannot exist
 * and one that does not trust us get the same answer. */
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
    return id.len >= EXTERNAL_ID_BYTES_MIN && id.len <= EXTERNAL_ID_BYTES_MAX &&
           ascii_is_made_of(id, STR("_+=,.@:/-"));
}

/* ---- calls ---- */

/* Without an expiration nobody would know when to renew: such an answer is not used. */
static enum status parse_session(void *context, struct arena *arena,
                                 const struct http_response *response, struct error *error) {
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

/* The Region's own endpoint, for the tokens of the global one are not accepted in Regions that an
 * account has to enable. */
enum status sts_assume_role(struct aws_client *client, const struct sts_role *role,
                            struct arena *arena, struct sts_session *session_out,
                            struct error *error) {
    if (!is_role_arn(role->arn)) {
        return service_refuse(AWS_STS, "AssumeRole", "that is no role's ARN", arena, error);
    }
    if (!str_is_empty(role->external_id) && !is_external_id(role->external_id)) {
        return service_refuse(AWS_STS, "AssumeRole",
                              "an external id has 2..1224 letters, digits or _+=,.@:/-", arena,
                              error);
    }
    struct sts_session session = {.expires_ms = 0};
    struct service_call call;
    service_call_begin(&call, arena, FORM_BYTES_MAX,
                       &(struct aws_request){.service = AWS_STS,
                                             .operation = "AssumeRole",
                                             .secrets = &role->external_id,
                                             .secret_count = 1,
                                             .parse = parse_session,
                                             .context = &session});
    service_call_add(&call, "RoleArn", role->arn);
    service_call_add(&call, "RoleSessionName", STR(STS_SESSION_NAME));
    service_call_add(&call, "DurationSeconds", str_format(arena, "%d", STS_SESSION_SECONDS));
    if (!str_is_empty(role->external_id)) {
        service_call_add(&call, "ExternalId", role->external_id);
    }
    TRY(service_call_send(&call, client, error));
    *session_out = session;
    return STATUS_OK;
}

static enum status parse_caller(void *context, struct arena *arena,
                                const struct http_response *response, struct error *error) {
    struct sts_caller *caller = context;
    const struct xml *result = NULL;
    TRY(query_result(arena, response, "GetCallerIdentity", &result, error));
    str found = str_trim(xml_child_text(result, "Account"));
    if (!is_account(found)) {
        return error_set(error, arena, STATUS_INCOMPLETE, "the answer names no account");
    }
    *caller = (struct sts_caller){found, str_trim(xml_child_text(result, "Arn"))};
    return STATUS_OK;
}

enum status sts_get_caller(struct aws_client *client, struct arena *arena,
                           struct sts_caller *caller_out, struct error *error) {
    struct service_call call;
    struct sts_caller caller = {.account = STR_EMPTY};
    service_call_begin(&call, arena, FORM_BYTES_MAX,
                       &(struct aws_request){.service = AWS_STS,
                                             .operation = "GetCallerIdentity",
                                             .parse = parse_caller,
                                             .context = &caller});
    TRY(service_call_send(&call, client, error));
    *caller_out = caller;
    return STATUS_OK;
}
