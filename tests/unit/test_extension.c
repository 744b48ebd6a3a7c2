/* SPDX-License-Identifier: Apache-2.0
 *
 * The internal extension for whose sake Lambda sends SIGTERM: how it registers and how it waits.
 */
#include "runtime/extension.h"

#include "runtime_world.h"

/* INIT may take 10 s in all, and the function waits for this answer. */
#define REGISTER_MS_MAX 1000

static const struct fake_answer registered = {
    .match = "/register", .http_status = 200, .headers = "Lambda-Extension-Identifier: ext-1"};

static enum status register_it(struct runtime_world *world, str *identifier, struct error *error) {
    return extension_register(&world->runtime, &world->arena, identifier, error);
}

static void register_request_is_exact_and_does_not_hold_up_init(void **state) {
    (void)state;
    struct runtime_world world;
    struct error error = {0};
    str identifier = STR_EMPTY;
    runtime_open(&world);
    fake_answer(&world.fake, registered);
    assert_int_equal(register_it(&world, &identifier, &error), STATUS_OK);
    assert_str(identifier, "ext-1");
    const struct http_request *request = &world.fake.requests[0].http;
    assert_str(request->method, "POST");
    assert_str(request->url, "http://127.0.0.1:9001/2020-01-01/extension/register");
    assert_str(request->body, "{\"events\":[]}");
    assert_str(fake_request_header(&world.fake, 0, "Lambda-Extension-Name"), "desync-guard");
    assert_true(request->timeout_ms > 0 && request->timeout_ms <= REGISTER_MS_MAX);
    runtime_close(&world);
}

struct refusal_row {
    const char *name;
    struct fake_answer answer;
    enum status status;
};

static const struct refusal_row refusal_rows[] = {
    {"403", {.http_status = 403}, STATUS_REFUSED},
    {"500", {.http_status = 500, .headers = "Lambda-Extension-Identifier: e"}, STATUS_REFUSED},
    {"no identifier", {.http_status = 200}, STATUS_REFUSED},
    {"never answered", {.http_status = 200, .took_ms = 3600000}, STATUS_TIMEOUT},
    {"nobody there", {.status = STATUS_CONNECTION}, STATUS_CONNECTION},
};

static void register_that_fails_is_told_after_one_attempt(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(refusal_rows); i++) {
        const struct refusal_row *row = &refusal_rows[i];
        struct runtime_world world;
        struct error error = {0};
        str identifier = STR_EMPTY;
        runtime_open(&world);
        int64_t start_ms = world.fake.now_ms;
        fake_answer(&world.fake, row->answer);
        enum status status = register_it(&world, &identifier, &error);
        if (status != row->status || error.message.len == 0 || world.fake.request_count != 1 ||
            world.fake.now_ms - start_ms > REGISTER_MS_MAX || identifier.len != 0) {
            fail_msg("%s: %s, %" STR_FMT, row->name, status_name(status), STR_ARG(error.message));
        }
        runtime_close(&world);
    }
}

static void wait_has_no_limit_of_time_and_asks_once(void **state) {
    (void)state;
    struct runtime_world world;
    runtime_open(&world);
    fake_answer(&world.fake,
                (struct fake_answer){.match = "/event/next", .status = STATUS_CONNECTION});
    extension_wait(&world.runtime, STR("ext-1"));
    assert_int_equal(world.fake.request_count, 1);
    const struct http_request *request = &world.fake.requests[0].http;
    assert_str(request->method, "GET");
    assert_str(request->url, "http://127.0.0.1:9001/2020-01-01/extension/event/next");
    assert_str(fake_request_header(&world.fake, 0, "Lambda-Extension-Identifier"), "ext-1");
    assert_int_equal(request->timeout_ms, 0);
    assert_true(has_logged(&world, "extension_lost"));
    runtime_close(&world);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(register_request_is_exact_and_does_not_hold_up_init),
    cmocka_unit_test(register_that_fails_is_told_after_one_attempt),
    cmocka_unit_test(wait_has_no_limit_of_time_and_asks_once),
};

int main(void) {
    return cmocka_run_group_tests(tests, NULL, NULL);
}
