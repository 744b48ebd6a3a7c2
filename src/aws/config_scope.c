/* SPDX-License-Identifier: Apache-2.0
 *
 * The scope of one rule. Source: DescribeConfigRules and Scope, AWS Config API Reference.
 */
#include "aws/config.h"
#include "base/json.h"
#include "call_internal.h"

#define OPERATION      "DescribeConfigRules"
#define BODY_BYTES_MAX ((size_t)4 * 1024)

struct reading {
    str rule_name;
    struct config_scope scope;
};

static const struct json *find_rule(const struct json *root, str name) {
    const struct json *rule = json_first(json_get(root, "ConfigRules"));
    while (rule != NULL && !str_eq(json_get_string(rule, "ConfigRuleName"), name)) {
        rule = json_next(rule);
    }
    return rule;
}

static enum status parse_answer(void *context, struct arena *arena,
                                const struct aws_response *response, struct error *error) {
    struct reading *reading = context;
    const struct json *root = NULL;
    TRY(json_answer(arena, response, &root, error));
    const struct json *rule = find_rule(root, reading->rule_name);
    if (rule == NULL) {
        return error_set(error, arena, STATUS_INCOMPLETE, "the answer does not hold the rule");
    }
    const struct json *scope = json_get(rule, "Scope");
    const struct json *types = json_get(scope, "ComplianceResourceTypes");
    str *names = ARENA_ARRAY(arena, str, json_count(types));
    size_t count = 0;
    for (const struct json *type = json_first(types); type != NULL; type = json_next(type)) {
        names[count++] = json_string(type);
    }
    reading->scope = (struct config_scope){
        .resource_types = names,
        .resource_type_count = count,
        .resource_id = json_get_string(scope, "ComplianceResourceId"),
        .tag_key = json_get_string(scope, "TagKey"),
        .tag_value = json_get_string(scope, "TagValue"),
    };
    return STATUS_OK;
}

enum status config_read_scope(struct aws_client *client, str rule_name, struct arena *arena,
                              struct config_scope *scope_out, struct error *error) {
    struct buf body;
    struct json_writer writer;
    struct reading reading = {.rule_name = rule_name};
    buf_init(&body, arena, BODY_BYTES_MAX);
    json_writer_init(&writer, &body);
    json_object_begin(&writer);
    json_write_key(&writer, STR("ConfigRuleNames"));
    json_array_begin(&writer);
    json_write_str(&writer, rule_name);
    json_array_end(&writer);
    json_object_end(&writer);
    if (buf_status(&body) != STATUS_OK) {
        return error_set(error, arena, STATUS_INVALID,
                         "config " OPERATION ": that is no name of a rule");
    }
    const struct aws_request request = {
        .service = AWS_CONFIG,
        .operation = OPERATION,
        .method = STR("POST"),
        .path = STR("/"),
        .headers = json_headers(arena, "1.1", STR("StarlingDoveService." OPERATION)),
        .header_count = JSON_HEADER_COUNT,
        .body = buf_str(&body),
        .parse = parse_answer,
        .context = &reading,
    };
    TRY(aws_call(client, &request, arena, error));
    *scope_out = reading.scope;
    return STATUS_OK;
}
