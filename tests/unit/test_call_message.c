/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/call.h"

#include "call_fixture.h"

static void call_message_hides_secrets(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *message;
        const char *expected; /* how the message ends */
    } rows[] = {
        {"secret key", "a " FIXTURE_SECRET " b", ": a [hidden] b"},
        {"session token twice", FIXTURE_TOKEN FIXTURE_TOKEN, ": [hidden][hidden]"},
        {"key id", "key " FIXTURE_KEY_ID " is unknown", ": key [hidden] is unknown"},
        {"canonical request",
         "It does not match.\n\nThe Canonical String for this request should have been\n'POST\n/\n"
         "x-amz-security-token:" FIXTURE_TOKEN "'\n\nThe String-to-Sign should have been 'AWS4'",
         ": It does not match."},
        {"header", "bad AWS4-HMAC-SHA256 Credential=" FIXTURE_KEY_ID "/x, Signature=00", ": bad"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct aws_fixture fixture;
        fixture_begin(&fixture);
        fake_answer(&fixture.fake,
                    refusal(&fixture, 403, "SignatureDoesNotMatch", rows[i].message));
        assert_int_equal(call_once(&fixture), STATUS_DENIED);
        str message = fixture.error.message;
        if (!str_ends_with(message, str_from_cstr(rows[i].expected)) || holds_secret(message)) {
            fail_msg("%s: %" STR_FMT, rows[i].name, STR_ARG(message));
        }
        fixture_end(&fixture);
    }
}

/* Answers with the signature it was sent, as a server does that explains a mismatch. */
static enum status send_signature_back(struct transport *transport,
                                       const struct http_request *request, struct arena *arena,
                                       struct http_response *response, struct error *error) {
    (void)transport;
    (void)error;
    const struct http_response sent = {.headers = request->headers,
                                       .header_count = request->header_count};
    str authorization = http_header_get(&sent, "Authorization");
    str signature = str_slice(authorization, authorization.len - 64, authorization.len);
    *response = (struct http_response){
        .status = 403,
        .body = str_format(arena,
                           "<Error><Code>AccessDenied</Code><Message>got %" STR_FMT
                           " instead</Message></Error>",
                           STR_ARG(signature)),
    };
    return STATUS_OK;
}

static void call_message_hides_the_signature(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    fixture.fake.transport.send = send_signature_back;
    assert_int_equal(call_once(&fixture), STATUS_DENIED);
    assert_true(str_ends_with(fixture.error.message, STR(": got [hidden] instead")));
    fixture_end(&fixture);
}

static void call_error_code_hides_a_secret(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    fake_answer(&fixture.fake, refusal(&fixture, 403, FIXTURE_KEY_ID, "who is that"));
    assert_int_not_equal(call_once(&fixture), STATUS_OK);
    assert_false(holds_secret(fixture.error.message));
    assert_str(fixture.error.aws_code, "[hidden]");
    fixture_end(&fixture);
}

/* ---- what a call alone knows to be secret ---- */

#define OWN_SECRET "own.Words/of=one:Call+0123456789"

static void refuse_own(struct aws_fixture *fixture, str secret, const char *code,
                       const char *said) {
    struct parsed parsed = {.times = 0};
    struct aws_request request = request_of(&parsed);
    request.secrets = &secret;
    request.secret_count = 1;
    fake_answer(&fixture->fake, refusal(fixture, 400, code, said));
    assert_int_equal(aws_call(&fixture->client, &request, &fixture->arena, &fixture->error),
                     STATUS_REFUSED);
}

static void call_message_hides_secrets_of_the_request_and_their_parts(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *said; /* in XML */
        const char *expected;
    } rows[] = {
        {"all of it", "a '" OWN_SECRET "' b", ": a '[hidden]' b"},
        {"its beginning", "a own.Word... b", ": a [hidden]... b"},
        {"its middle", "a ...f=one:Cal... b", ": a ...[hidden]... b"},
        {"its end", "a ...23456789 b", ": a ...[hidden] b"},
        {"seven bytes", "a 3456789 b", ": a 3456789 b"},
        {"in a URL", "own.Words%2fof%3Done%3ACall%2B0123456789 b", ": [hidden] b"},
        {"in a URL in a form", "own.Words%252Fof%253Done%253ACall%252B0123456789", ": [hidden]"},
        {"in JSON", "own.Words\\/of\\u003done:Call\\u002B0123456789 b", ": [hidden] b"},
        {"in XML in XML", "own.Words&amp;#47;of&amp;#x3D;one:Call&amp;#43;0123456789 b",
         ": [hidden] b"},
        {"part of it, escaped", "a ...s%2Fof%3Done... b", ": a ...[hidden]... b"},
        {"escapes of something else", "[\\w+=]* 100%25 &amp;amp; %zz &amp;#1234; %",
         ": [\\w+=]* 100%25 &amp; %zz &#1234; %"},
        {"the key id, escaped", "Credential%3DAKIAFIXTUREKEYID0001%2F2026", ""},
        {"behind what is cut", "x%41 AWS4-HMAC-SHA256 " OWN_SECRET, ": xA"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct aws_fixture fixture;
        fixture_begin(&fixture);
        refuse_own(&fixture, STR(OWN_SECRET), "ValidationError", rows[i].said);
        str expected = str_format(&fixture.arena,
                                  "elasticloadbalancing DescribeTags: ValidationError (HTTP 400)%s",
                                  rows[i].expected);
        if (!str_eq(fixture.error.message, expected)) {
            fail_msg("%s: %" STR_FMT, rows[i].name, STR_ARG(fixture.error.message));
        }
        fixture_end(&fixture);
    }
}

static void call_message_hides_an_escaped_secret_in_its_own_spelling(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    refuse_own(&fixture, STR("a%2Fb\\c%25&lt;d"), "ValidationError", "x a%2Fb\\c%25&amp;lt;d y");
    assert_true(str_ends_with(fixture.error.message, STR(": x [hidden] y")));
    fixture_end(&fixture);
}

static void call_message_hides_parts_of_the_credentials(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    refuse_own(&fixture, STR_EMPTY, "ValidationError", "a nToken//Not b cret+Key/No c KIAFIXTU d");
    assert_true(str_ends_with(fixture.error.message, STR(": a [hidden] b [hidden] c [hidden] d")));
    fixture_end(&fixture);
}

static void call_message_is_withheld_when_a_secret_is_too_long_to_mask(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    char *bytes = arena_alloc(&fixture.arena, 8193);
    memset(bytes, 'x', 8193);
    refuse_own(&fixture, (str){bytes, 8192}, "ValidationError", "yyyyyyyy xxxxxxxx");
    assert_true(str_ends_with(fixture.error.message, STR("ValidationError (HTTP 400): yyyyyyyy "
                                                         "[hidden]")));
    refuse_own(&fixture, (str){bytes, 8193}, "ValidationError", "yyyyyyyy xxxxxxxx");
    assert_true(str_ends_with(fixture.error.message, STR(": [hidden] (HTTP 400): [hidden]")));
    fixture_end(&fixture);
}

/* "Exception" may stand in a token too, and a code decides what is done next. */
static void call_code_shares_a_word_with_a_secret_and_stays(void **state) {
    (void)state;
    static const struct {
        const char *secret;
        const char *expected;
    } rows[] = {
        {"myResultToken", "InvalidResultTokenException"},
        {"id-of-Exception", "InvalidResultTokenException"},
        {"x-InvalidResultTok-x", "[hidden]enException"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct aws_fixture fixture;
        fixture_begin(&fixture);
        refuse_own(&fixture, str_from_cstr(rows[i].secret), "InvalidResultTokenException", "words");
        assert_str(fixture.error.aws_code, rows[i].expected);
        fixture_end(&fixture);
    }
}

static void call_message_is_cut_to_300_characters(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    char words[2 * 1000 + 1] = "";
    for (size_t i = 0; i < 1000; i++) {
        memcpy(&words[2 * i], "\xc3\xa9", 3);
    }
    fake_answer(&fixture.fake, refusal(&fixture, 400, "ValidationError", words));
    assert_int_equal(call_once(&fixture), STATUS_REFUSED);
    str prefix = STR("elasticloadbalancing DescribeTags: ValidationError (HTTP 400): ");
    str rest = str_slice(fixture.error.message, prefix.len, fixture.error.message.len);
    assert_int_equal(str_utf8_valid_prefix(rest), rest.len);
    assert_int_equal(str_utf8_count(rest), 303);
    assert_true(str_ends_with(rest, STR("...")));
    fixture_end(&fixture);
}

/* Ends with a message no transport should give: a NUL, a control character, no UTF-8. */
static enum status send_malformed_message(struct transport *transport,
                                          const struct http_request *request, struct arena *arena,
                                          struct http_response *response, struct error *error) {
    (void)transport;
    (void)request;
    (void)arena;
    (void)response;
    static const char JUNK[] = " a\0b\x1b[31m\xff\xc3 c\xc3\xa9\x7f ";
    *error = (struct error){.status = STATUS_TLS, .message = {JUNK, sizeof(JUNK) - 1}};
    return STATUS_TLS;
}

static void call_message_is_one_line_of_valid_utf8(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    fixture.fake.transport.send = send_malformed_message;
    assert_int_equal(call_once(&fixture), STATUS_TLS);
    assert_str(fixture.error.message, "elasticloadbalancing DescribeTags: a b [31m?? c\xc3\xa9");
    fixture_end(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(call_message_hides_secrets),
        cmocka_unit_test(call_message_hides_the_signature),
        cmocka_unit_test(call_error_code_hides_a_secret),
        cmocka_unit_test(call_message_hides_secrets_of_the_request_and_their_parts),
        cmocka_unit_test(call_message_hides_an_escaped_secret_in_its_own_spelling),
        cmocka_unit_test(call_message_hides_parts_of_the_credentials),
        cmocka_unit_test(call_message_is_withheld_when_a_secret_is_too_long_to_mask),
        cmocka_unit_test(call_code_shares_a_word_with_a_secret_and_stays),
        cmocka_unit_test(call_message_is_cut_to_300_characters),
        cmocka_unit_test(call_message_is_one_line_of_valid_utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
