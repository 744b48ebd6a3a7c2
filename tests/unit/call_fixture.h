/* SPDX-License-Identifier: Apache-2.0
 *
 * One call with a parser of its own, for the tests of the parts of aws/call.
 */
#ifndef CALL_FIXTURE_H
#define CALL_FIXTURE_H

#include "aws_fixture.h"
#include "base/xml.h"

#define GOOD_BODY "<Good><Value>42</Value></Good>"

struct parsed {
    int times;
    str value;
};

static inline enum status parse_good(void *context, struct arena *arena,
                                     const struct http_response *response, struct error *error) {
    struct parsed *parsed = context;
    const struct xml *root = NULL;
    const char *problem = NULL;
    parsed->times++;
    enum status status = xml_parse(arena, response->body, 4096, &root, &problem);
    if (status != STATUS_OK) {
        return error_set(error, arena, status, "%s", problem);
    }
    parsed->value = xml_child_text(root, "Value");
    return str_is_empty(parsed->value) ? STATUS_INCOMPLETE : STATUS_OK;
}

static const struct http_header FORM_HEADER = {
    {"Content-Type", sizeof("Content-Type") - 1},
    {"application/x-www-form-urlencoded", sizeof("application/x-www-form-urlencoded") - 1},
};

static inline struct aws_request request_of(struct parsed *parsed) {
    return (struct aws_request){
        .service = AWS_ELBV2,
        .operation = "DescribeTags",
        .method = STR("POST"),
        .path = STR("/"),
        .headers = &FORM_HEADER,
        .header_count = 1,
        .body = STR("Action=DescribeTags"),
        .parse = parse_good,
        .context = parsed,
    };
}

static const struct fake_answer GOOD = {.http_status = 200, .body = BODY(GOOD_BODY)};

static inline enum status call_once(struct aws_fixture *fixture) {
    struct parsed parsed = {.times = 0};
    const struct aws_request request = request_of(&parsed);
    return aws_call(&fixture->client, &request, &fixture->arena, &fixture->error);
}

/* An error answer of the query protocol. */
static inline struct fake_answer refusal(struct aws_fixture *fixture, int http_status,
                                         const char *code, const char *message) {
    str body = str_format(&fixture->arena,
                          "<ErrorResponse><Error><Code>%s</Code><Message>%s</Message></Error>"
                          "</ErrorResponse>",
                          code, message);
    return (struct fake_answer){.http_status = http_status, .body = body};
}

#endif
