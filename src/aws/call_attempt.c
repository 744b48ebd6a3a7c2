/* SPDX-License-Identifier: Apache-2.0
 *
 * One AWS call as a sequence of attempts: what is sent, and what its end means.
 */
#include "call_internal.h"

/* A throttled call that waits on is not tried again with less time than this. */
#define LAST_WAIT_MS_MIN    1000
#define SIGNING_HEADERS_MAX 4
#define SDK_HEADERS         2 /* amz-sdk-invocation-id, amz-sdk-request */

/* "elasticloadbalancing DescribeTags: <detail>", with the numbers of the last answer. */
static enum status call_fail(const struct call *call, enum status status, str detail,
                             struct error *error) {
    const char *service = aws_service_info(call->request->service)->display_name;
    enum status result = error_set(error, call->arena, status, "%s %s: %" STR_FMT, service,
                                   call->request->operation, STR_ARG(detail));
    if (error != NULL) {
        error->http_status = call->last_http_status;
        error->aws_code = call->last_code;
        error->is_outcome_unknown = call->has_open_attempt;
    }
    return result;
}

static enum status call_fail_deadline(const struct call *call, struct error *error) {
    str detail = str_from_cstr(status_text(STATUS_DEADLINE));
    if (!str_is_empty(call->detail)) {
        detail = str_format(call->arena, "%" STR_FMT "; last failure: %" STR_FMT, STR_ARG(detail),
                            STR_ARG(call->detail));
    }
    return call_fail(call, STATUS_DEADLINE, detail, error);
}

/* AWS_MAX_ATTEMPTS decides where it is set: it also caps what asks for more patience. */
static struct retry_state retry_state_of(const struct aws_client *client,
                                         const struct aws_request *request) {
    bool is_dynamodb = request->service == AWS_DYNAMODB;
    int usual = is_dynamodb ? RETRY_ATTEMPTS_DYNAMODB : RETRY_ATTEMPTS_DEFAULT;
    int patient = request->attempts_max > usual ? request->attempts_max : usual;
    int attempts_max = client->attempts_max > 0 ? client->attempts_max : patient;
    return (struct retry_state){
        .attempts_max = request->is_sent_once ? 1 : attempts_max,
        .waits_out_throttling = request->waits_out_throttling && client->attempts_max == 0 &&
                                client->deadline_ms != INT64_MAX,
        .base_ms = is_dynamodb ? 25 : 50,
    };
}

enum status call_begin(struct call *call, struct aws_client *client,
                       const struct aws_request *request, struct arena *arena,
                       struct error *error) {
    ASSERT(request->operation != NULL && !str_is_empty(request->method));
    ASSERT(str_starts_with(request->path, STR("/")));
    *call = (struct call){.client = client, .request = request, .arena = arena};
    struct error problem = {.status = STATUS_OK};
    str region = str_is_empty(request->region) ? client->region : request->region;
    enum status status = endpoint_resolve(&client->endpoints, request->service, region, arena,
                                          &call->endpoint, &problem);
    if (status != STATUS_OK) {
        return call_fail(call, status, problem.message, error);
    }
    if (!str_is_empty(request->host_label)) {
        endpoint_add_label(&call->endpoint, request->host_label, arena);
    }
    call->url = str_format(arena, "%" STR_FMT "%" STR_FMT "%s%" STR_FMT,
                           STR_ARG(call->endpoint.url), STR_ARG(request->path),
                           str_is_empty(request->query) ? "" : "?", STR_ARG(request->query));
    call->invocation_id = random_uuid4(&client->random_state, arena);
    call->retry = retry_state_of(client, request);
    return STATUS_OK;
}

static enum status call_sign(struct call *call, const struct http_header *headers,
                             struct arena *arena, struct sigv4_result *result) {
    const struct aws_request *request = call->request;
    struct aws_client *client = call->client;
    bool is_s3 = request->service == AWS_S3;
    const struct sigv4_request to_sign = {
        .method = request->method,
        .path = str_format(arena, "%" STR_FMT "%" STR_FMT, STR_ARG(call->endpoint.path),
                           STR_ARG(request->path)),
        .query = request->query,
        .headers = headers,
        .header_count = 1 + request->header_count,
        .body = request->body,
        .signs_payload_header = is_s3,
        .keeps_path_as_is = is_s3,
    };
    const struct sigv4_scope scope = {
        .region = call->endpoint.signing_region,
        .service = str_from_cstr(aws_service_info(request->service)->host_prefix),
    };
    return sigv4_sign(&to_sign, &client->credentials, &scope, call->sent_ms + call->signed_skew_ms,
                      &client->keys[request->service], arena, result);
}

static struct http_request http_request_of(const struct call *call,
                                           const struct http_header *headers,
                                           int64_t time_left_ms) {
    const struct aws_request *request = call->request;
    int64_t limit_ms = request->timeout_ms > 0 ? request->timeout_ms : CALL_TIMEOUT_MS_DEFAULT;
    int64_t timeout_ms = limit_ms < time_left_ms ? limit_ms : time_left_ms;
    return (struct http_request){
        .method = request->method,
        .url = call->url,
        .headers = headers,
        .body = request->body,
        .timeout_ms = timeout_ms,
        .connect_timeout_ms =
            timeout_ms < CALL_CONNECT_TIMEOUT_MS_MAX ? timeout_ms : CALL_CONNECT_TIMEOUT_MS_MAX,
        .response_bytes_max = request->response_bytes_max > 0 ? request->response_bytes_max
                                                              : CALL_RESPONSE_BYTES_DEFAULT,
        .uses_fresh_connection = request->uses_fresh_connection || request->is_not_repeatable,
    };
}

static int64_t pace_ms(struct aws_client *client, enum pace_category category) {
    int64_t time_left_ms = aws_client_time_left_ms(client);
    if (client->pace == NULL || time_left_ms <= 0) {
        return 0;
    }
    int64_t now_ms = client->clock->now_ms(client->clock);
    int64_t wait_ms = pace_take(client->pace, category, now_ms);
    return wait_ms < time_left_ms ? wait_ms : time_left_ms;
}

void aws_wait_for_turn(struct aws_client *client, enum pace_category category) {
    int64_t wait_ms;
    while ((wait_ms = pace_ms(client, category)) > 0) {
        client->clock->sleep_ms(client->clock, wait_ms);
    }
}

int64_t call_acquire_tokens(struct call *call) {
    return call->request->is_sent_once ? 0 : pace_ms(call->client, call->request->pace);
}

enum status call_prepare(struct call *call, struct arena *attempt_arena,
                         struct http_request *request_out, struct error *error) {
    struct aws_client *client = call->client;
    int64_t time_left_ms = aws_client_time_left_ms(client);
    if (time_left_ms <= 0) {
        return call_fail_deadline(call, error);
    }
    call->retry.attempt++;
    call->sent_ms = client->clock->now_ms(client->clock);
    call->signed_skew_ms = client->skew_ms;
    call->signed_renewals = client->renewals;
    const struct aws_request *request = call->request;
    struct sigv4_result signing = {.header_count = 0};
    struct http_header *headers =
        ARENA_ARRAY(attempt_arena, struct http_header,
                    1 + request->header_count + SIGNING_HEADERS_MAX + SDK_HEADERS);
    size_t count = 0;
    headers[count++] = (struct http_header){STR("Host"), call->endpoint.host};
    for (size_t i = 0; i < request->header_count; i++) {
        headers[count++] = request->headers[i];
    }
    enum status status = call_sign(call, headers, attempt_arena, &signing);
    if (status != STATUS_OK) {
        return call_fail(call, status, STR("the request cannot be signed"), error);
    }
    call->signature = signing.signature;
    for (size_t i = 0; i < signing.header_count; i++) {
        headers[count++] = signing.headers[i];
    }
    /* The SDK's two headers stay unsigned, as in AWS's own SDKs. */
    headers[count++] = (struct http_header){STR("amz-sdk-invocation-id"), call->invocation_id};
    str limit = call->retry.waits_out_throttling
                    ? STR_EMPTY
                    : str_format(attempt_arena, "; max=%d", call->retry.attempts_max);
    headers[count++] = (struct http_header){
        STR("amz-sdk-request"),
        str_format(attempt_arena, "attempt=%d%" STR_FMT, call->retry.attempt, STR_ARG(limit))};
    *request_out = http_request_of(call, headers, time_left_ms);
    request_out->header_count = count;
    client->calls_sent++;
    return STATUS_OK;
}

static str clean(const struct call *call, str text, bool is_code) {
    const struct call_secrets secrets = {
        .credentials = &call->client->credentials,
        .signature = call->signature,
        .own = call->request->secrets,
        .own_count = call->request->secret_count,
    };
    return is_code ? call_code_clean(&secrets, call->arena, text)
                   : call_message_clean(&secrets, call->arena, text);
}

static const struct aws_code_meaning *find_meaning(const struct call *call, str code) {
    const struct aws_code_meaning *row = call->request->meanings;
    while (row != NULL && row->code != NULL && !str_eq(code, str_from_cstr(row->code))) {
        row++;
    }
    return row != NULL && row->code != NULL ? row : NULL;
}

/* "AccessDenied (HTTP 403): <hint>: <what AWS says>", as far as there is any of it. */
static str describe_answer(const struct call *call, int http_status, str code, str message) {
    struct arena *arena = call->arena;
    str words = clean(call, message, false);
    const struct aws_code_meaning *meaning = find_meaning(call, code);
    str hint = meaning != NULL ? str_from_cstr(meaning->hint) : call_hint(code);
    str head = str_is_empty(code)
                   ? str_format(arena, "HTTP %d without an AWS error code", http_status)
                   : str_format(arena, "%" STR_FMT " (HTTP %d)", STR_ARG(code), http_status);
    return str_format(arena, "%" STR_FMT "%s%" STR_FMT "%s%" STR_FMT, STR_ARG(head),
                      str_is_empty(hint) ? "" : ": ", STR_ARG(hint),
                      str_is_empty(words) ? "" : ": ", STR_ARG(words));
}

static enum status judge_error_answer(struct call *call, const struct http_response *response) {
    const struct aws_request *request = call->request;
    struct aws_error_text text = aws_error_parse(call->arena, response);
    if (request->refine != NULL) {
        request->refine(request->context, call->arena, response, &text);
    }
    text.code = clean(call, text.code, true); /* a code from outside may be any text */
    call->last_http_status = response->status;
    call->last_code = text.code;
    call->detail = describe_answer(call, response->status, text.code, text.message);
    const struct aws_code_meaning *meaning = find_meaning(call, text.code);
    if (meaning != NULL) {
        return meaning->status;
    }
    return call_status_of_answer(request->service, response->status, text.code);
}

/* A 2xx is a success only when the caller's parser read it to its end: an answer cut inside its
 * headers looks like an empty 200. A parser's INVALID is AWS's fault, not the caller's input. */
static enum status judge_success_answer(struct call *call, const struct http_response *response) {
    const struct aws_request *request = call->request;
    call->last_http_status = response->status;
    call->last_code = STR_EMPTY;
    if (request->parse == NULL) {
        return STATUS_OK;
    }
    struct error problem = {.status = STATUS_OK};
    enum status status = request->parse(request->context, call->arena, response, &problem);
    if (status != STATUS_OK) {
        str what = str_is_empty(problem.message) ? str_from_cstr(status_text(status))
                                                 : clean(call, problem.message, false);
        call->detail = str_format(call->arena, "unreadable answer (HTTP %d): %" STR_FMT,
                                  response->status, STR_ARG(what));
    }
    return status == STATUS_INVALID ? STATUS_INCOMPLETE : status;
}

static enum status judge_end(struct call *call, const struct call_end *end) {
    if (end->status != STATUS_OK) {
        bool has_message = end->error != NULL && !str_is_empty(end->error->message);
        call->last_http_status = 0;
        call->last_code = STR_EMPTY;
        call->detail = has_message ? clean(call, end->error->message, false)
                                   : str_from_cstr(status_text(end->status));
        return end->status;
    }
    const struct http_response *response = end->response;
    struct aws_client *client = call->client;
    skew_update(&client->skew_ms, http_header_get(response, "Date"),
                http_header_get(response, "Age"), call->sent_ms,
                client->clock->now_ms(client->clock));
    bool is_success = response->status >= 200 && response->status < 300;
    return is_success ? judge_success_answer(call, response) : judge_error_answer(call, response);
}

/* Worth one more try when the time this attempt was signed with was off by as much as the rule
 * says; an attempt that was already signed with the server's time has another trouble. */
static bool is_skew_the_reason(struct call *call) {
    int64_t off_by_ms = call->client->skew_ms - call->signed_skew_ms;
    if (call->has_tried_skew || !skew_explains(call->last_code, off_by_ms)) {
        return false;
    }
    call->has_tried_skew = true;
    if (call->request->is_sent_once && aws_client_may_attempt(call->client, 2)) {
        call->retry.attempts_max = 2; /* it was refused unseen, and is sent again at once */
    }
    return true;
}

/* May a failed attempt have been carried out? Not when nothing of it was sent, nor when the answer
 * refuses it. A server that failed, or answered what nobody can read, may have done it before. */
static bool leaves_outcome_open(const struct call *call, const struct call_end *end) {
    if (end->status != STATUS_OK) {
        return end->error == NULL || !end->error->was_not_sent;
    }
    if (find_meaning(call, call->last_code) != NULL) {
        return false;
    }
    int http_status = end->response->status;
    enum retry_class class = retry_classify(call->last_code, http_status, STATUS_OK);
    bool refuses = class == RETRY_NO && http_status >= 300 && http_status < 500;
    return class != RETRY_THROTTLING && !refuses;
}

static enum retry_class classify(struct call *call, enum status status, bool is_open) {
    bool is_error_answer = call->last_http_status >= 300;
    bool is_final = find_meaning(call, call->last_code) != NULL;
    if (is_final || (is_open && call->request->is_not_repeatable)) {
        return RETRY_NO;
    }
    if (is_error_answer && is_skew_the_reason(call)) {
        return RETRY_TRANSIENT;
    }
    return retry_classify(call->last_code, is_error_answer ? call->last_http_status : 0, status);
}

/* The final failure, with how hard it was tried. */
static void call_fail_finally(struct call *call, enum status status, enum retry_outcome why,
                              struct error *error) {
    const char *budget = why == RETRY_QUOTA_USED_UP ? ", retry quota used up" : "";
    str detail = call->detail;
    if (call->retry.attempt > 1 || why == RETRY_QUOTA_USED_UP) {
        detail = str_format(call->arena, "%" STR_FMT " (after %d attempt%s%s)", STR_ARG(detail),
                            call->retry.attempt, call->retry.attempt == 1 ? "" : "s", budget);
    }
    if (call->has_open_attempt && call->request->is_not_repeatable) {
        detail = str_format(call->arena, "%" STR_FMT "; it is not known whether it was carried out",
                            STR_ARG(detail));
    }
    (void)call_fail(call, status, detail, error);
}

/* Refused unseen for its credentials, a request is sent once more with others. Of one that rests on
 * what was just read, the reading is too old by then. */
static bool may_renew(const struct call *call) {
    const struct aws_client *client = call->client;
    return client->renewal.renew != NULL && !call->has_renewed && !call->request->is_sent_once &&
           aws_client_may_attempt(client, call->retry.attempt + 1);
}

bool call_renew(struct call *call) {
    struct aws_client *client = call->client;
    call->has_renewed = true;
    if (client->renewals == call->signed_renewals) { /* else another call has renewed them */
        if (!client->renewal.renew(client->renewal.context, client)) {
            return false;
        }
        client->renewals++;
    }
    return true;
}

enum call_verdict call_judge(struct call *call, const struct call_end *end, int64_t *delay_ms,
                             struct error *error) {
    struct aws_client *client = call->client;
    enum status status = judge_end(call, end);
    bool is_answered = end->status == STATUS_OK; /* no answer says nothing of AWS's pace */
    if (client->pace != NULL && is_answered) {
        int64_t now_ms = client->clock->now_ms(client->clock);
        pace_completed(client->pace, call->request->pace, status == STATUS_THROTTLED, now_ms);
    }
    if (status == STATUS_THROTTLED && client->throttled != NULL) {
        (*client->throttled)++;
    }
    if (status == STATUS_OK) {
        retry_succeeded(&call->retry, &client->quota);
        return CALL_SUCCEEDED;
    }
    str retry_after =
        end->status == STATUS_OK ? http_header_get(end->response, "x-amz-retry-after") : STR_EMPTY;
    bool is_open = leaves_outcome_open(call, end);
    call->has_open_attempt = call->has_open_attempt || is_open;
    enum credentials_trouble trouble = call_credentials_trouble(call->last_code);
    if (trouble != CREDENTIALS_GOOD) {
        bool may_expire_for_good = client->renewal.renew == NULL;
        client->has_expired_for_good =
            client->has_expired_for_good || (trouble == CREDENTIALS_EXPIRED && may_expire_for_good);
        call_fail_finally(call, status, RETRY_NOT_RETRYABLE, error);
        return may_renew(call) ? CALL_RENEW : CALL_FAILED;
    }
    enum retry_class class = classify(call, status, is_open);
    enum retry_outcome outcome =
        retry_next(&call->retry, &client->quota, class, random_unit(&client->random_state),
                   retry_after, delay_ms);
    if (outcome != RETRY_AGAIN) {
        call_fail_finally(call, status, outcome, error);
        return CALL_FAILED;
    }
    int64_t left_ms = aws_client_time_left_ms(client);
    if (*delay_ms >= left_ms && class == RETRY_THROTTLING && call->retry.waits_out_throttling &&
        left_ms > LAST_WAIT_MS_MIN) {
        *delay_ms = left_ms / 2; /* the wait has outgrown the time that is left */
    }
    if (*delay_ms >= left_ms) {
        (void)call_fail_deadline(call, error);
        return CALL_FAILED;
    }
    return CALL_REPEAT;
}
