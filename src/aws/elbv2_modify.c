/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "elbv2_internal.h"

#define OPERATION            "ModifyLoadBalancerAttributes"
#define KEY_BYTES_MAX        256
#define VALUE_CHARACTERS_MAX 1024
/* All of them at their longest, four bytes a character, three a byte when encoded, with indexes. */
#define MODIFY_FORM_BYTES_MAX ((size_t)ELBV2_MODIFY_MAX * 16 * 1024)

static bool is_key(str key) {
    for (size_t i = 0; i < key.len; i++) {
        char c = key.ptr[i];
        bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!is_word && c != '.' && c != '_') {
            return false;
        }
    }
    return key.len > 0 && key.len <= KEY_BYTES_MAX;
}

static bool is_value(str value) {
    return str_utf8_valid_prefix(value) == value.len &&
           str_utf8_count(value) <= VALUE_CHARACTERS_MAX;
}

/* What is wrong with the change, or NULL. */
static const char *problem_of(str arn, const struct elbv2_attribute *attributes, size_t count) {
    if (str_is_empty(arn) || arn.len > ELBV2_FORM_BYTES_MAX / 4) {
        return "no load balancer ARN";
    }
    if (count < 1 || count > ELBV2_MODIFY_MAX) {
        return "a change is of 1 to 20 attributes";
    }
    for (size_t i = 0; i < count; i++) {
        if (!is_key(attributes[i].key) || !is_value(attributes[i].value)) {
            return "an attribute that no load balancer can have";
        }
        for (size_t j = 0; j < i; j++) {
            if (str_eq(attributes[i].key, attributes[j].key)) {
                return "the same attribute twice";
            }
        }
    }
    return NULL;
}

/* A 200 without the list of attributes does not tell what the load balancer has now. */
static enum status parse_answer(void *context, struct arena *arena,
                                const struct aws_response *response, struct error *error) {
    const struct xml *result = NULL;
    TRY(query_result(arena, response, OPERATION, &result, error));
    return elbv2_parse_attribute_list(context, arena, result, error);
}

static str write_form(str arn, const struct elbv2_attribute *attributes, size_t count,
                      struct arena *arena) {
    struct buf body;
    struct aws_form form;
    buf_init(&body, arena, MODIFY_FORM_BYTES_MAX);
    aws_form_begin(&form, &body, OPERATION, ELBV2_VERSION);
    aws_form_add(&form, STR("LoadBalancerArn"), arn);
    for (size_t i = 0; i < count; i++) {
        str key = str_format(arena, "Attributes.member.%zu.Key", i + 1);
        aws_form_add(&form, key, attributes[i].key);
        str value = str_format(arena, "Attributes.member.%zu.Value", i + 1);
        aws_form_add(&form, value, attributes[i].value);
    }
    ASSERT(buf_status(&body) == STATUS_OK);
    return buf_str(&body);
}

enum status elbv2_modify_attributes(struct aws_client *client, str arn,
                                    const struct elbv2_attribute *attributes, size_t count,
                                    struct arena *arena, struct load_balancer *facts,
                                    struct error *error) {
    const char *problem = problem_of(arn, attributes, count);
    if (problem != NULL) {
        return error_set(error, arena, STATUS_INVALID, "elasticloadbalancing " OPERATION ": %s",
                         problem);
    }
    struct elbv2_reading reading = {.arn = arn};
    struct aws_outcome outcome = {.status = STATUS_OK};
    struct aws_request request =
        elbv2_request(OPERATION, write_form(arn, attributes, count, arena), parse_answer, &reading);
    request.pace = PACE_ELB_WRITE;
    request.is_sent_once = true;
    outcome.status = aws_call(client, &request, arena, &outcome.error);
    if (outcome.status == STATUS_OK) {
        elbv2_fill_attributes(facts, &reading, true);
        facts->source = SOURCE_LIVE;
        return STATUS_OK;
    }
    /* Another "not found" than that of the load balancer must not read as if it were gone. */
    if (outcome.status == STATUS_NOT_FOUND && !elbv2_says_gone(&outcome)) {
        outcome.error.status = STATUS_REFUSED;
    }
    if (error != NULL) {
        *error = outcome.error;
    }
    return outcome.error.status;
}
