/* SPDX-License-Identifier: Apache-2.0
 *
 * What calls of JSON and query services share: how a request is written, an answer opened and a
 * listing read page by page.
 */
#include "call_internal.h"

/* The two protocols:
 *
 *   query   POST /   Action=DescribeTags&Version=2015-12-01&ResourceArns.member.1=..   -> XML
 *   JSON    POST /   X-Amz-Target: StarlingDoveService.PutEvaluations   {..}           -> JSON
 *
 * S3 and Security Hub have neither: their operations are methods and paths. The media type of an
 * answer is not looked at: it is wrong often enough. */
static const struct protocol {
    const char *version;
    const char *target; /* of X-Amz-Target, before the operation; NULL: the query protocol */
} protocols[AWS_SERVICE_COUNT] = {
    [AWS_ELBV2] = {"2015-12-01", NULL},
    [AWS_CONFIG] = {"1.1", "StarlingDoveService."},
    [AWS_CLOUDWATCH] = {"1.0", "GraniteServiceVersion20100801."},
    [AWS_DYNAMODB] = {"1.0", "DynamoDB_20120810."},
    [AWS_SNS] = {"2010-03-31", NULL},
    [AWS_STS] = {"2011-06-15", NULL},
};

void service_call_begin(struct service_call *call, struct arena *arena, size_t body_bytes_max,
                        const struct aws_request *like) {
    const struct protocol *protocol = &protocols[like->service];
    struct http_header *headers = ARENA_ARRAY(arena, struct http_header, 3);
    ASSERT(protocol->version != NULL);
    call->request = *like;
    call->request.method = STR("POST");
    call->request.path = STR("/");
    call->request.headers = headers;
    call->request.header_count = 1;
    buf_init(&call->body, arena, body_bytes_max);
    json_writer_init(&call->writer, &call->body);
    headers[0].name = STR("Content-Type");
    if (protocol->target == NULL) {
        headers[0].value = STR("application/x-www-form-urlencoded; charset=utf-8");
        buf_printf(&call->body, "Action=%s&Version=%s", like->operation, protocol->version);
        return;
    }
    str target = str_format(arena, "%s%s", protocol->target, like->operation);
    headers[0].value = str_format(arena, "application/x-amz-json-%s", protocol->version);
    headers[call->request.header_count++] = (struct http_header){STR("X-Amz-Target"), target};
    /* Without this header CloudWatch's errors have other names than AWS's clients know. */
    if (like->service == AWS_CLOUDWATCH) {
        headers[call->request.header_count++] =
            (struct http_header){STR("x-amzn-query-mode"), STR("true")};
    }
    json_object_begin(&call->writer);
}

/* RFC 3986 and not the form encoding of HTML: AWS decodes both, and here a blank is always
 * "%20". */
void service_call_add(struct service_call *call, const char *key, str value) {
    buf_append_char(&call->body, '&');
    buf_append_percent_encoded(&call->body, str_from_cstr(key));
    buf_append_char(&call->body, '=');
    buf_append_percent_encoded(&call->body, value);
}

enum status service_call_end(struct service_call *call, struct error *error) {
    const struct aws_request *request = &call->request;
    if (protocols[request->service].target != NULL) {
        json_object_end(&call->writer);
    }
    call->request.body = buf_str(&call->body);
    return buf_status(&call->body) == STATUS_OK
               ? STATUS_OK
               : error_set(error, call->body.arena, STATUS_TOO_LARGE,
                           "%s %s: the request is too large",
                           aws_service_info(request->service)->display_name, request->operation);
}

enum status service_call_send(struct service_call *call, struct aws_client *client,
                              struct error *error) {
    TRY(service_call_end(call, error));
    return aws_call(client, &call->request, call->body.arena, error);
}

enum status service_refuse(enum aws_service service, const char *operation, const char *problem,
                           struct arena *arena, struct error *error) {
    return error_set(error, arena, STATUS_INVALID, "%s %s: %s",
                     aws_service_info(service)->display_name, operation, problem);
}

enum status json_answer(struct arena *arena, const struct http_response *response,
                        const struct json **root_out, struct error *error) {
    struct json_problem problem = {.what = NULL};
    enum status status =
        json_parse(arena, response->body, &JSON_LIMITS_DEFAULT, root_out, &problem);
    if (status != STATUS_OK) {
        return error_set(error, arena, status, "%s", problem.what);
    }
    return json_is_object(*root_out)
               ? STATUS_OK
               : error_set(error, arena, STATUS_INCOMPLETE, "the answer is no JSON object");
}

/* A body that was cut cannot pass: its root element would not be closed (xml.h). That matters
 * because curl 7.88 calls an answer that ends within its headers a success. */
enum status query_result(struct arena *arena, const struct http_response *response,
                         const char *operation, const struct xml **result_out,
                         struct error *error) {
    const struct xml *root = NULL;
    const char *problem = NULL;
    enum status status =
        xml_parse(arena, response->body, CALL_RESPONSE_BYTES_DEFAULT, &root, &problem);
    if (status != STATUS_OK) {
        return error_set(error, arena, status, "%s", problem);
    }
    str response_name = str_format(arena, "%sResponse", operation);
    str result_name = str_format(arena, "%sResult", operation);
    *result_out = xml_child(root, result_name.ptr);
    return *result_out != NULL && str_eq(root->name, response_name)
               ? STATUS_OK
               : error_set(error, arena, STATUS_INCOMPLETE, "the answer holds no <%s><%s>",
                           response_name.ptr, result_name.ptr);
}

/* Whether a listing ends is never AWS's word alone: a token that repeats, or too many pages, ends
 * it. */
enum status paging_run(const struct paging *paging, struct arena *arena, struct error *error) {
    struct arena arenas[2] = {{0}}; /* in turn: a page's token is needed to ask for the next one */
    struct error cause = {0};
    enum status status = STATUS_OK;
    str token = STR_EMPTY;
    int pages = 0;
    do {
        struct arena *own = &arenas[pages++ % 2];
        str next = STR_EMPTY;
        arena_reset(own);
        status = paging->add_page(paging->context, token, own, &next, &cause);
        bool is_endless = next.len > 0 && (str_eq(next, token) || pages == paging->pages_max);
        if (status == STATUS_OK && is_endless) {
            status = error_set(&cause, own, STATUS_INCOMPLETE, "%s: the listing does not end",
                               paging->name);
        }
        token = next;
    } while (status == STATUS_OK && token.len > 0);
    if (status != STATUS_OK) {
        error_copy(error, arena, &cause);
    }
    arena_clean_up(&arenas[0]);
    arena_clean_up(&arenas[1]);
    return status;
}
