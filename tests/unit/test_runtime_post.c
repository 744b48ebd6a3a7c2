/* SPDX-License-Identifier: Apache-2.0
 *
 * What the runtime posts: responses, errors, init errors; and the address it posts to.
 */
#include "runtime_world.h"

#define POSTED 1 /* the request after the first /next */

static void response_is_posted_as_it_is(void **state) {
    (void)state;
    struct runtime_world world;
    runtime_open(&world);
    world.reply.body = STR("{\"a\":\"\0\"}");
    serve_one_event(&world, EVENT_HEAD);
    const struct http_request *post = &world.fake.requests[POSTED].http;
    assert_str(post->method, "POST");
    assert_str(post->url, "http://127.0.0.1:9001/2018-06-01/runtime/invocation/id-1/response");
    assert_true(str_eq(post->body, world.reply.body));
    assert_true(post->timeout_ms > 0);
    assert_int_equal(header_count_of(&world.fake, POSTED), 2);
    assert_str(fake_request_header(&world.fake, POSTED, "User-Agent"),
               "desync-guard/" DESYNC_GUARD_VERSION);
    assert_str(fake_request_header(&world.fake, POSTED, "Content-Type"), "application/json");
    runtime_close(&world);
}

static void empty_response_is_posted(void **state) {
    (void)state;
    struct runtime_world world;
    runtime_open(&world);
    world.reply.body = STR_EMPTY;
    serve_one_event(&world, EVENT_HEAD);
    assert_true(str_ends_with(world.fake.requests[POSTED].http.url, STR("/response")));
    assert_int_equal(fake_request_body(&world.fake, POSTED).len, 0);
    runtime_close(&world);
}

static void invocation_id_is_echoed_only_when_there_is_one(void **state) {
    (void)state;
    struct runtime_world world;
    runtime_open(&world);
    const struct fake_answer answers[] = {
        {.match = "/next",
         .http_status = 200,
         .headers = EVENT_HEAD "\nLambda-Runtime-Invocation-Id: nonce-1"},
        POST(202),
        EVENT,
        POST(202),
        {.match = "/next",
         .http_status = 200,
         .headers = EVENT_HEAD "\nLambda-Runtime-Invocation-Id: nonce-2"},
        POST_FAILS(STATUS_CONNECTION),
        POST(202),
        NEXT(403),
    };
    answer_all(&world, answers, COUNT(answers));
    assert_int_equal(runtime_run(&world.runtime, &world.handler), 1);
    const char *name = "Lambda-Runtime-Invocation-Id";
    assert_str(fake_request_header(&world.fake, 1, name), "nonce-1");
    assert_int_equal(header_count_of(&world.fake, 3), 2);
    assert_str(fake_request_header(&world.fake, 5, name), "nonce-2");
    assert_str(fake_request_header(&world.fake, 6, name), "nonce-2"); /* the repetition too */
    runtime_close(&world);
}

struct error_row {
    const char *name;
    const char *error_type;
    const char *header;
};

static const struct error_row error_rows[] = {
    {"accepted", "Function.InvalidEvent", "Function.InvalidEvent"},
    {"accepted, runtime", "Runtime.HandlerFailed", "Runtime.HandlerFailed"},
    {"lower case", "Function.invalid", "Function.Unknown"},
    {"digit", "Function.Http500", "Function.Unknown"},
    {"one letter", "Function.A", "Function.Unknown"},
    {"nothing after the dot", "Function.", "Function.Unknown"},
    {"no prefix", "InvalidEvent", "Runtime.Unknown"},
    {"unknown prefix", "Extension.Crash", "Runtime.Unknown"},
    {"runtime, lower case", "Runtime.x", "Runtime.Unknown"},
    {"empty", "", "Runtime.Unknown"},
    {"line break", "Function.A\r\nX: y", "Function.Unknown"},
};

static void error_type_header_has_the_accepted_form(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(error_rows); i++) {
        const struct error_row *row = &error_rows[i];
        struct runtime_world world;
        runtime_open(&world);
        world.reply = (struct runtime_reply){.is_error = true,
                                             .error_type = str_from_cstr(row->error_type),
                                             .error_message = STR("it broke")};
        serve_one_event(&world, EVENT_HEAD "\nLambda-Runtime-Invocation-Id: nonce");
        str sent = fake_request_header(&world.fake, POSTED, "Lambda-Runtime-Function-Error-Type");
        if (!str_eq(sent, str_from_cstr(row->header)) ||
            !str_ends_with(world.fake.requests[POSTED].http.url, STR("/id-1/error"))) {
            fail_msg("%s: %" STR_FMT, row->name, STR_ARG(sent));
        }
        assert_str(fake_request_header(&world.fake, POSTED, "Lambda-Runtime-Invocation-Id"),
                   "nonce");
        assert_str(fake_request_header(&world.fake, POSTED, "Content-Type"), "application/json");
        runtime_close(&world);
    }
}

/* errorMessage, errorType and an empty stackTrace, and nothing else */
static str posted_message(struct runtime_world *world, size_t n, const char *error_type) {
    const struct json *root = NULL;
    assert_int_equal(json_parse(&world->arena, fake_request_body(&world->fake, n),
                                &JSON_LIMITS_DEFAULT, &root, NULL),
                     STATUS_OK);
    assert_int_equal(json_count(root), 3);
    assert_str(json_get_string(root, "errorType"), error_type);
    assert_true(json_is_array(json_get(root, "stackTrace")));
    assert_int_equal(json_count(json_get(root, "stackTrace")), 0);
    assert_true(json_is_string(json_get(root, "errorMessage")));
    return json_get_string(root, "errorMessage");
}

static void error_body_is_exact(void **state) {
    (void)state;
    struct runtime_world world;
    runtime_open(&world);
    world.reply = (struct runtime_reply){.is_error = true,
                                         .error_type = STR("Function.InvalidEvent"),
                                         .error_message = STR("no such thing")};
    serve_one_event(&world, EVENT_HEAD);
    assert_str(fake_request_body(&world.fake, POSTED),
               "{\"errorMessage\":\"no such thing\",\"errorType\":\"Function.InvalidEvent\","
               "\"stackTrace\":[]}");
    assert_true(has_logged(&world, "Function.InvalidEvent"));
    runtime_close(&world);
}

static void error_body_is_json_whatever_the_message_holds(void **state) {
    (void)state;
    char all[256 + 1];
    for (size_t i = 0; i < 256; i++) {
        all[i] = (char)(i + 1); /* the parser refuses NUL, which has a row of its own */
    }
    all[255] = '\0';
    const str messages[] = {
        STR("quotes \" and \\ and \n"), {all, 255}, STR("\xff\xfe broken \xc3"), STR_EMPTY};
    for (size_t i = 0; i < COUNT(messages); i++) {
        struct runtime_world world;
        runtime_open(&world);
        world.reply = (struct runtime_reply){
            .is_error = true, .error_type = STR("Function.Odd"), .error_message = messages[i]};
        serve_one_event(&world, EVENT_HEAD);
        str message = posted_message(&world, POSTED, "Function.Odd");
        assert_int_equal(str_utf8_valid_prefix(message), message.len);
        runtime_close(&world);
    }
}

static void huge_error_message_is_cut_and_stays_json(void **state) {
    (void)state;
    struct runtime_world world;
    runtime_open(&world);
    const size_t size = (size_t)2 * 1024 * 1024;
    char *text = arena_alloc(&world.arena, size);
    memset(text, '\x01', size); /* six bytes each once escaped */
    world.reply = (struct runtime_reply){
        .is_error = true, .error_type = STR("Function.Long"), .error_message = {text, size}};
    serve_one_event(&world, EVENT_HEAD);
    assert_true(posted_message(&world, POSTED, "Function.Long").len >= (size_t)64 * 1024);
    assert_true(fake_request_body(&world.fake, POSTED).len < RUNTIME_RESPONSE_BYTES_MAX);
    runtime_close(&world);
}

/* Measured at Lambda's own daemon: one byte more is refused. */
#define PLATFORM_BYTES_MAX ((size_t)6 * 1024 * 1024 + 100)

static void response_at_the_bound_is_sent_and_beyond_becomes_an_error(void **state) {
    (void)state;
    for (size_t extra = 0; extra <= 1; extra++) {
        struct runtime_world world;
        runtime_open(&world);
        size_t size = PLATFORM_BYTES_MAX + extra;
        char *body = arena_alloc(&world.arena, size);
        memset(body, ' ', size);
        world.reply.body = (str){body, size};
        serve_one_event(&world, EVENT_HEAD);
        str url = world.fake.requests[POSTED].http.url;
        assert_int_equal(world.fake.request_count, 3);
        if (extra == 0) {
            assert_true(str_ends_with(url, STR("/response")));
            assert_int_equal(fake_request_body(&world.fake, POSTED).len, size);
        } else {
            assert_true(str_ends_with(url, STR("/error")));
            assert_true(str_contains(
                posted_message(&world, POSTED, "Function.ResponseSizeTooLarge"), STR("6291557")));
            assert_true(has_logged(&world, "response_too_large"));
        }
        runtime_close(&world);
    }
}

/* Init */

static void init_error_is_posted_once_without_invocation_id(void **state) {
    (void)state;
    static const struct fake_answer outcomes[] = {
        {.http_status = 202},
        {.http_status = 403},
        {.http_status = 500},
        {.status = STATUS_CONNECTION},
    };
    for (size_t i = 0; i < COUNT(outcomes); i++) {
        struct runtime_world world;
        runtime_open(&world);
        fake_answer(&world.fake, outcomes[i]);
        runtime_init_error(&world.runtime, STR("Runtime.InvalidConfiguration"), STR("RULES: x"));
        assert_int_equal(world.fake.request_count, 1);
        const struct http_request *post = &world.fake.requests[0].http;
        assert_str(post->method, "POST");
        assert_str(post->url, "http://127.0.0.1:9001/2018-06-01/runtime/init/error");
        assert_int_equal(header_count_of(&world.fake, 0), 3);
        assert_str(fake_request_header(&world.fake, 0, "Lambda-Runtime-Function-Error-Type"),
                   "Runtime.InvalidConfiguration");
        assert_str(posted_message(&world, 0, "Runtime.InvalidConfiguration"), "RULES: x");
        /* An init has 10 s; a platform that does not answer must not use them up. */
        assert_in_range(post->timeout_ms, 1, 5000);
        runtime_close(&world);
    }
}

struct url_row {
    const char *name;
    str api;
    const char *url; /* NULL: refused */
};

#define LIT(text)                                                                                  \
    { (text), sizeof(text) - 1 }
static const struct url_row url_rows[] = {
    {"address", LIT("127.0.0.1:9001"), "http://127.0.0.1:9001/2018-06-01"},
    {"link-local", LIT("169.254.100.1:9001"), "http://169.254.100.1:9001/2018-06-01"},
    {"name", LIT("runtime-api.local:80"), "http://runtime-api.local:80/2018-06-01"},
    {"IPv6", LIT("[::1]:9001"), "http://[::1]:9001/2018-06-01"},
    {"trailing slash", LIT("127.0.0.1:9001/"), "http://127.0.0.1:9001/2018-06-01"},
    {"highest port", LIT("h:65535"), "http://h:65535/2018-06-01"},
    {"lowest port", LIT("h:1"), "http://h:1/2018-06-01"},
    {"empty", LIT(""), NULL},
    {"slash", LIT("/"), NULL},
    {"no port", LIT("127.0.0.1"), NULL},
    {"empty port", LIT("127.0.0.1:"), NULL},
    {"port 0", LIT("127.0.0.1:0"), NULL},
    {"port 65536", LIT("127.0.0.1:65536"), NULL},
    {"negative port", LIT("127.0.0.1:-1"), NULL},
    {"long port", LIT("127.0.0.1:000080"), NULL},
    {"named port", LIT("127.0.0.1:http"), NULL},
    {"no host", LIT(":9001"), NULL},
    {"bare IPv6", LIT("::1:9001"), NULL},
    {"IPv6 without port", LIT("[::1]"), NULL},
    {"unclosed", LIT("[::1:9001"), NULL},
    {"no IPv6", LIT("[zz]:9001"), NULL},
    {"junk after the bracket", LIT("[::1]x:9001"), NULL},
    {"scheme", LIT("http://127.0.0.1:9001"), NULL},
    {"path", LIT("127.0.0.1:9001/x"), NULL},
    {"two slashes", LIT("127.0.0.1:9001//"), NULL},
    {"user", LIT("u@127.0.0.1:9001"), NULL},
    {"blank", LIT("127.0.0.1 :9001"), NULL},
    {"line break", LIT("127.0.0.1\r\n:9001"), NULL},
    {"NUL", LIT("127.0.0.1\0:9001"), NULL},
    {"NUL in brackets", LIT("[::1\0]:9001"), NULL},
};

static void base_url_takes_host_and_port_only(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(url_rows); i++) {
        const struct url_row *row = &url_rows[i];
        struct arena arena = {0};
        struct error error = {0};
        str url = STR_EMPTY;
        enum status status = runtime_base_url(row->api, &arena, &url, &error);
        bool is_right = row->url != NULL
                            ? status == STATUS_OK && str_eq(url, str_from_cstr(row->url))
                            : status == STATUS_CONFIGURATION && error.status == status &&
                                  str_contains(error.message, STR("AWS_LAMBDA_RUNTIME_API"));
        if (!is_right) {
            fail_msg("%s: %s %" STR_FMT, row->name, status_name(status), STR_ARG(url));
        }
        arena_clean_up(&arena);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(response_is_posted_as_it_is),
    cmocka_unit_test(empty_response_is_posted),
    cmocka_unit_test(invocation_id_is_echoed_only_when_there_is_one),
    cmocka_unit_test(error_type_header_has_the_accepted_form),
    cmocka_unit_test(error_body_is_exact),
    cmocka_unit_test(error_body_is_json_whatever_the_message_holds),
    cmocka_unit_test(huge_error_message_is_cut_and_stays_json),
    cmocka_unit_test(response_at_the_bound_is_sent_and_beyond_becomes_an_error),
    cmocka_unit_test(init_error_is_posted_once_without_invocation_id),
    cmocka_unit_test(base_url_takes_host_and_port_only),
};

int main(void) {
    return cmocka_run_group_tests(tests, NULL, NULL);
}
