/* SPDX-License-Identifier: Apache-2.0
 *
 * Source: StartConfigRulesEvaluation, AWS Config API Reference.
 */
#include "aws/config.h"
#include "base/json.h"
#include "call_internal.h"

#define RULE_NAME_CHARACTERS_MAX 128
#define BODY_BYTES_MAX           ((size_t)4096)

/* LimitExceededException means throttling elsewhere and would be repeated for nothing: what Config
 * limits here is one evaluation a minute. Started twice, an evaluation still runs only once. */
static const struct aws_code_meaning MEANINGS[] = {
    {"LimitExceededException", STATUS_CONFLICT,
     "an evaluation is running or ran less than a minute ago"},
    {"ResourceInUseException", STATUS_CONFLICT, "the rule is being changed or deleted"},
    {"NoSuchConfigRuleException", STATUS_NOT_FOUND, "there is no such rule"},
    {NULL, STATUS_OK, NULL},
};

/* Config has nothing to say, and may say it with an empty object or with nothing at all; the latter
 * only when it says so, for an answer may have lost its body on the way. */
static enum status parse_answer(void *context, struct arena *arena,
                                const struct aws_response *response, struct error *error) {
    (void)context;
    const struct json *root = NULL;
    if (str_is_empty(response->body) &&
        str_eq(http_header_get(response->http, "Content-Length"), STR("0"))) {
        return STATUS_OK;
    }
    return json_answer(arena, response, &root, error);
}

enum status config_start_evaluation(struct aws_client *client, str rule_name, struct arena *arena,
                                    struct error *error) {
    struct buf body;
    struct json_writer writer;
    bool is_text = str_utf8_valid_prefix(rule_name) == rule_name.len;
    if (str_is_empty(rule_name) || !is_text ||
        str_utf8_count(rule_name) > RULE_NAME_CHARACTERS_MAX) {
        return error_set(error, arena, STATUS_INVALID,
                         "config StartConfigRulesEvaluation: a rule name has 1..%d characters",
                         RULE_NAME_CHARACTERS_MAX);
    }
    buf_init(&body, arena, BODY_BYTES_MAX);
    json_writer_init(&writer, &body);
    json_object_begin(&writer);
    json_write_key(&writer, STR("ConfigRuleNames"));
    json_array_begin(&writer);
    json_write_str(&writer, rule_name);
    json_array_end(&writer);
    json_object_end(&writer);
    ASSERT(buf_status(&body) == STATUS_OK);
    const struct aws_request request = {
        .service = AWS_CONFIG,
        .operation = "StartConfigRulesEvaluation",
        .method = STR("POST"),
        .path = STR("/"),
        .headers =
            json_headers(arena, "1.1", STR("StarlingDoveService.StartConfigRulesEvaluation")),
        .header_count = JSON_HEADER_COUNT,
        .body = buf_str(&body),
        .meanings = MEANINGS,
        .parse = parse_answer,
    };
    return aws_call(client, &request, arena, error);
}
