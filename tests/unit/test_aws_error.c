/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/call.h"
#include "unit.h"

struct row {
    const char *name;
    const char *error_type;  /* header x-amzn-ErrorType */
    const char *query_error; /* header x-amzn-query-error */
    const char *body;
    const char *code;
    const char *message;
};

static const struct row rows[] = {
    {"query service", NULL, NULL,
     "<ErrorResponse xmlns=\"http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/\">\n"
     "  <Error><Type>Sender</Type><Code>Throttling</Code><Message>Rate exceeded</Message></Error>"
     "<RequestId>r</RequestId></ErrorResponse>\n",
     "Throttling", "Rate exceeded"},
    {"S3 without an envelope", NULL, NULL,
     "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>SlowDown</Code>"
     "<Message>Please reduce your request rate.</Message></Error>",
     "SlowDown", "Please reduce your request rate."},
    {"EC2's list", NULL, NULL,
     "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>no</Message></Error>"
     "</Errors></Response>",
     "UnauthorizedOperation", "no"},
    {"emulator's XML for a JSON service", NULL, NULL,
     "<ErrorResponse><Errors><Error><Code>InvalidClientTokenId</Code><Message>bad</Message></Error>"
     "</Errors></ErrorResponse>",
     "InvalidClientTokenId", "bad"},
    {"JSON __type", NULL, NULL,
     "{\"__type\":\"ThrottlingException\",\"message\":\"Rate exceeded\"}", "ThrottlingException",
     "Rate exceeded"},
    {"JSON __type with a namespace, capital Message", NULL, NULL,
     " {\"__type\":\"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException\","
     "\"Message\":\"gone\"}",
     "ResourceNotFoundException", "gone"},
    {"JSON code and colon", NULL, NULL,
     "{\"code\":\"FooError:http://internal.amazon.com/coral/#x\",\"message\":\"m\"}", "FooError",
     "m"},
    {"JSON Code", NULL, NULL, "{\"Message\":\"Rate exceeded\",\"Code\":\"LimitExceededException\"}",
     "LimitExceededException", "Rate exceeded"},
    {"header wins, address cut",
     "LimitExceededException:http://internal.amazon.com/coral/com.amazonaws.securityhub/", NULL,
     "{\"Message\":\"Rate exceeded\",\"Code\":\"Other\"}", "LimitExceededException",
     "Rate exceeded"},
    {"header with a namespace", "GraniteServiceVersion20100801#ValidationError",
     "ValidationError;Sender", "{\"Message\":\"EndTime\"}", "ValidationError", "EndTime"},
    {"header with both", "aws.x#FooError:http://a/b#c", NULL, "", "FooError", ""},
    {"header, empty body", "ResourceNotFoundException", NULL, "", "ResourceNotFoundException", ""},
    {"query-error header alone", NULL, "InvalidParameterValue;Sender", "", "InvalidParameterValue",
     ""},
    {"header that is no code falls back to the body", "<b>no code</b>", NULL, "{\"__type\":\"A\"}",
     "A", ""},
    {"empty body", NULL, NULL, "", "", ""},
    {"blank body", NULL, NULL, " \r\n\t", "", ""},
    {"HTML", NULL, NULL, "<!doctype html>\n<html lang=en><h1>500</h1>", "", ""},
    {"well-formed HTML", NULL, NULL, "<html><body>x</body></html>", "", ""},
    {"plain text", NULL, NULL, "upstream connect error", "", ""},
    {"cut XML", NULL, NULL, "<ErrorResponse><Error><Code>Throttling</Code>", "", ""},
    {"cut JSON", NULL, NULL, "{\"__type\":\"Throttling", "", ""},
    {"JSON of another type", NULL, NULL, "[\"__type\"]", "", ""},
    {"JSON code that is no string", NULL, NULL, "{\"__type\":7,\"message\":{}}", "", ""},
    {"other XML", NULL, NULL, "<Fault><Code>X</Code></Fault>", "", ""},
    {"envelope without an error", NULL, NULL, "<ErrorResponse/>", "", ""},
    {"code with blanks inside", NULL, NULL, "{\"__type\":\"a b\",\"message\":\"m\"}", "", "m"},
    {"entity bomb", NULL, NULL, "<!DOCTYPE a [<!ENTITY b \"c\">]><Error><Code>&b;</Code></Error>",
     "", ""},
};

static bool says(const char *name, const char *what, str got, const char *expected) {
    bool is_same = str_eq(got, str_from_cstr(expected));
    if (!is_same) {
        print_error("%s: %s is \"%" STR_FMT "\", not \"%s\"\n", name, what, STR_ARG(got), expected);
    }
    return is_same;
}

static void aws_error_every_shape_gives_code_and_message(void **state) {
    (void)state;
    bool is_good = true;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct arena arena = {.chunks = NULL};
        struct http_header headers[2] = {
            {STR("X-Amzn-Errortype"), str_from_cstr(rows[i].error_type)},
            {STR("x-amzn-query-error"), str_from_cstr(rows[i].query_error)},
        };
        const struct http_response response = {
            .status = 400,
            .headers = headers,
            .header_count = 2,
            .body = str_copy(&arena, str_from_cstr(rows[i].body)),
        };
        struct aws_error_text text = aws_error_parse(&arena, &response);
        is_good &= says(rows[i].name, "code", text.code, rows[i].code);
        is_good &= says(rows[i].name, "message", text.message, rows[i].message);
        arena_clean_up(&arena);
    }
    assert_true(is_good);
}

static str repeated(struct arena *arena, char c, size_t count) {
    char *text = arena_alloc(arena, count);
    for (size_t i = 0; i < count; i++) {
        text[i] = c;
    }
    return (str){text, count};
}

static void aws_error_overlong_code_is_ignored(void **state) {
    (void)state;
    struct arena arena = {.chunks = NULL};
    const struct http_header header = {STR("x-amzn-ErrorType"), repeated(&arena, 'A', 129)};
    const struct http_response response = {.status = 400, .headers = &header, .header_count = 1};
    assert_str(aws_error_parse(&arena, &response).code, "");
    arena_clean_up(&arena);
}

static void aws_error_huge_body_is_not_parsed(void **state) {
    (void)state;
    struct arena arena = {.chunks = NULL};
    str filler = repeated(&arena, ' ', 70000);
    str body = str_format(&arena, "{\"__type\":\"A\"%" STR_FMT "}", STR_ARG(filler));
    const struct http_response response = {.status = 400, .body = body};
    assert_str(aws_error_parse(&arena, &response).code, "");
    arena_clean_up(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(aws_error_every_shape_gives_code_and_message),
        cmocka_unit_test(aws_error_overlong_code_is_ignored),
        cmocka_unit_test(aws_error_huge_body_is_not_parsed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
