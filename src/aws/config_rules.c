/* SPDX-License-Identifier: Apache-2.0
 *
 * What AWS Config holds of a rule, and how an evaluation is started. Sources:
 * GetComplianceDetailsByConfigRule, DescribeConfigRules, Scope and StartConfigRulesEvaluation, AWS
 * Config API Reference.
 */
#include "aws/config.h"
#include "call_internal.h"

#define RESULTS                  "GetComplianceDetailsByConfigRule"
#define RULES                    "DescribeConfigRules"
#define START                    "StartConfigRulesEvaluation"
#define RULE_NAME_CHARACTERS_MAX 128

/* ---- results ---- */

#define PAGE_SIZE 100 /* the most AWS gives */
/* 100,000 results, were all pages full. */
#define PAGES_MAX              1000
#define RESULTS_BODY_BYTES_MAX ((size_t)64 * 1024)

/* A result names its resource three levels deep:
 *
 *   EvaluationResults[] . EvaluationResultIdentifier . EvaluationResultQualifier . ResourceId
 *                     |                              |
 *                     . ComplianceType               . OrderingTimestamp
 */
struct listing {
    struct aws_client *client;
    str rule_name;
    struct arena *arena;
    struct config_result *items;
    size_t count;
    size_t capacity;
    /* of the page that was just parsed, in its arena */
    struct config_result *page;
    size_t page_count;
    str next_token;
};

/* Seconds since 1970, with a fraction; 0 when absent. */
static int64_t parse_time_ms(const struct json *time) {
    double seconds = 0;
    bool is_usable = json_number(time, &seconds) && seconds > 0 && seconds < 1e11;
    return is_usable ? (int64_t)(seconds * (double)MS_PER_SECOND) : 0;
}

static enum status parse_page(void *context, struct arena *arena,
                              const struct http_response *response, struct error *error) {
    struct listing *listing = context;
    const struct json *root = NULL;
    TRY(json_answer(arena, response, &root, error));
    const struct json *list = json_get(root, "EvaluationResults");
    if (!json_is_array(list)) {
        return error_set(error, arena, STATUS_INCOMPLETE, "no list of EvaluationResults");
    }
    listing->page = ARENA_ARRAY(arena, struct config_result, json_count(list));
    listing->page_count = 0;
    for (const struct json *entry = json_first(list); entry != NULL; entry = json_next(entry)) {
        const struct json *identifier = json_get(entry, "EvaluationResultIdentifier");
        const struct json *qualifier = json_get(identifier, "EvaluationResultQualifier");
        struct config_result *result = &listing->page[listing->page_count++];
        *result = (struct config_result){
            .resource_type = json_get_string(qualifier, "ResourceType"),
            .resource_id = json_get_string(qualifier, "ResourceId"),
            .compliance_type = json_get_string(entry, "ComplianceType"),
            .ordering_ms = parse_time_ms(json_get(identifier, "OrderingTimestamp")),
        };
        if (str_is_empty(result->resource_type) || str_is_empty(result->resource_id)) {
            return error_set(error, arena, STATUS_INCOMPLETE, "a result that names no resource");
        }
    }
    listing->next_token = json_get_string(root, "NextToken");
    return STATUS_OK;
}

static enum status add_page(void *context, str next_token, struct arena *arena, str *next_out,
                            struct error *error) {
    struct listing *listing = context;
    struct service_call call;
    service_call_begin(
        &call, arena, RESULTS_BODY_BYTES_MAX,
        &(struct aws_request){
            .service = AWS_CONFIG, .operation = RESULTS, .parse = parse_page, .context = listing});
    json_write_member(&call.writer, "ConfigRuleName", listing->rule_name);
    json_write_member_i64(&call.writer, "Limit", PAGE_SIZE);
    if (!str_is_empty(next_token)) {
        json_write_member(&call.writer, "NextToken", next_token);
    }
    TRY(service_call_send(&call, listing->client, error));
    size_t needed = listing->count + listing->page_count;
    ARENA_RESERVE(listing->arena, listing->items, needed, listing->capacity);
    for (size_t i = 0; i < listing->page_count; i++) {
        struct config_result *kept = &listing->items[listing->count++];
        *kept = listing->page[i];
        kept->resource_type = str_copy(listing->arena, kept->resource_type);
        kept->resource_id = str_copy(listing->arena, kept->resource_id);
        kept->compliance_type = str_copy(listing->arena, kept->compliance_type);
    }
    *next_out = listing->next_token;
    return STATUS_OK;
}

enum status config_list_results(struct aws_client *client, str rule_name, struct arena *arena,
                                struct config_result **results_out, size_t *count_out,
                                struct error *error) {
    struct listing listing = {.client = client, .rule_name = rule_name, .arena = arena};
    const struct paging paging = {"config " RESULTS, PAGES_MAX, &listing, add_page};
    enum status status = paging_run(&paging, arena, error);
    *results_out = listing.items;
    *count_out = listing.count;
    return status;
}

/* ---- calls that name one rule ---- */

#define NAME_BODY_BYTES_MAX ((size_t)4096)

/* {"ConfigRuleNames":[<name>]} */
static enum status send_name(struct aws_client *client, const struct aws_request *like,
                             str rule_name, struct arena *arena, struct error *error) {
    struct service_call call;
    if (str_is_empty(rule_name) || str_utf8_valid_prefix(rule_name) != rule_name.len ||
        str_utf8_count(rule_name) > RULE_NAME_CHARACTERS_MAX) {
        return service_refuse(AWS_CONFIG, like->operation, "a rule name has 1..128 characters",
                              arena, error);
    }
    service_call_begin(&call, arena, NAME_BODY_BYTES_MAX, like);
    json_write_key(&call.writer, STR("ConfigRuleNames"));
    json_array_begin(&call.writer);
    json_write_str(&call.writer, rule_name);
    json_array_end(&call.writer);
    return service_call_send(&call, client, error);
}

struct rule_reading {
    str rule_name;
    struct config_scope scope;
};

static enum status parse_rule(void *context, struct arena *arena,
                              const struct http_response *response, struct error *error) {
    struct rule_reading *reading = context;
    const struct json *root = NULL;
    TRY(json_answer(arena, response, &root, error));
    const struct json *rule = json_first(json_get(root, "ConfigRules"));
    while (rule != NULL && !str_eq(json_get_string(rule, "ConfigRuleName"), reading->rule_name)) {
        rule = json_next(rule);
    }
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
    struct rule_reading reading = {.rule_name = rule_name};
    const struct aws_request request = {
        .service = AWS_CONFIG, .operation = RULES, .parse = parse_rule, .context = &reading};
    TRY(send_name(client, &request, rule_name, arena, error));
    *scope_out = reading.scope;
    return STATUS_OK;
}

/* LimitExceededException means throttling elsewhere and would be repeated for nothing: what Config
 * limits here is one evaluation a minute. Started twice, an evaluation still runs only once. */
static const struct aws_code_meaning START_MEANINGS[] = {
    {"LimitExceededException", STATUS_CONFLICT,
     "an evaluation is running or ran less than a minute ago"},
    {"ResourceInUseException", STATUS_CONFLICT, "the rule is being changed or deleted"},
    {"NoSuchConfigRuleException", STATUS_NOT_FOUND, "there is no such rule"},
    {NULL, STATUS_OK, NULL},
};

/* Config has nothing to say, and may say it with an empty object or with nothing at all; the latter
 * only when it says so, for an answer may have lost its body on the way. */
static enum status parse_started(void *context, struct arena *arena,
                                 const struct http_response *response, struct error *error) {
    const struct json *root = NULL;
    (void)context;
    bool is_empty = str_is_empty(response->body) &&
                    str_eq(http_header_get(response, "Content-Length"), STR("0"));
    return is_empty ? STATUS_OK : json_answer(arena, response, &root, error);
}

enum status config_start_evaluation(struct aws_client *client, str rule_name, struct arena *arena,
                                    struct error *error) {
    const struct aws_request request = {.service = AWS_CONFIG,
                                        .operation = START,
                                        .meanings = START_MEANINGS,
                                        .parse = parse_started};
    return send_name(client, &request, rule_name, arena, error);
}
