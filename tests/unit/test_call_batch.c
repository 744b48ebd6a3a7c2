/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/call.h"

#include "call_fixture.h"

#define CALLS_MAX 100

/* Many calls distinguished by their body: "call=7;". */
struct many {
    struct aws_fixture fixture;
    struct parsed parsed[CALLS_MAX];
    struct aws_request requests[CALLS_MAX];
    struct aws_outcome outcomes[CALLS_MAX];
    size_t count;
};

static void many_begin(struct many *many, size_t count) {
    fixture_begin(&many->fixture);
    many->count = count;
    memset(many->outcomes, 0xff, sizeof(many->outcomes));
    for (size_t i = 0; i < count; i++) {
        many->parsed[i] = (struct parsed){.times = 0};
        many->requests[i] = request_of(&many->parsed[i]);
        many->requests[i].body = str_format(&many->fixture.arena, "call=%zu;", i);
    }
}

static enum status many_call(struct many *many, unsigned in_flight_max) {
    return aws_call_all(&many->fixture.client, many->requests, many->count, in_flight_max,
                        &many->fixture.arena, many->outcomes, &many->fixture.error);
}

static void always_good(struct many *many, int64_t took_ms) {
    struct fake_answer answer = GOOD;
    answer.times = FAKE_FOREVER;
    answer.took_ms = took_ms;
    fake_answer(&many->fixture.fake, answer);
}

static void call_all_sends_all_within_the_concurrency_limit(void **state) {
    (void)state;
    static struct many many;
    many_begin(&many, 50);
    always_good(&many, 100);
    assert_int_equal(many_call(&many, 8), STATUS_OK);
    for (size_t i = 0; i < many.count; i++) {
        assert_int_equal(many.outcomes[i].status, STATUS_OK);
        assert_int_equal(many.outcomes[i].error.status, STATUS_OK);
        assert_int_equal(many.parsed[i].times, 1);
    }
    assert_int_equal(many.fixture.fake.request_count, 50);
    assert_int_equal(many.fixture.fake.in_flight_peak, 8);
    assert_true(many.fixture.fake.now_ms - FAKE_NOW_MS == 700); /* seven waves of 100 ms */
    fixture_end(&many.fixture);
}

static void call_all_of_zero_calls_does_nothing(void **state) {
    (void)state;
    static struct many many;
    many_begin(&many, 0);
    assert_int_equal(many_call(&many, 1), STATUS_OK);
    assert_int_equal(many.fixture.fake.request_count, 0);
    fixture_end(&many.fixture);
}

static void call_all_repeats_only_what_failed(void **state) {
    (void)state;
    static struct many many;
    many_begin(&many, 6);
    fake_answer(&many.fixture.fake,
                (struct fake_answer){.match = "call=2;", .http_status = 500, .times = 2});
    fake_answer(&many.fixture.fake,
                (struct fake_answer){.match = "call=4;", .http_status = 500, .times = 3});
    struct fake_answer denied = refusal(&many.fixture, 403, "AccessDenied", "no");
    denied.match = "call=5;";
    fake_answer(&many.fixture.fake, denied);
    always_good(&many, 10);
    assert_int_equal(many_call(&many, 3), STATUS_OK);
    static const enum status expected[] = {STATUS_OK, STATUS_OK,     STATUS_OK,
                                           STATUS_OK, STATUS_SERVER, STATUS_DENIED};
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(many.outcomes[i].status, expected[i]);
        assert_int_equal(many.outcomes[i].error.status, expected[i]);
    }
    assert_int_equal(fake_requests_with(&many.fixture.fake, "call=2;"), 3);
    assert_int_equal(fake_requests_with(&many.fixture.fake, "call=4;"), 3);
    assert_int_equal(fake_requests_with(&many.fixture.fake, "call=5;"), 1);
    assert_int_equal(fake_requests_with(&many.fixture.fake, "call=0;"), 1);
    fixture_end(&many.fixture);
}

/* A throttled call waits on its own: the others go on, and it is not sent before its time. */
static void call_all_one_that_waits_does_not_hold_up_the_others(void **state) {
    (void)state;
    static struct many many;
    many_begin(&many, 5);
    struct fake_answer throttled = refusal(&many.fixture, 400, "Throttling", "Rate exceeded");
    throttled.match = "call=0;";
    throttled.headers = "x-amz-retry-after: 4000";
    fake_answer(&many.fixture.fake, throttled);
    always_good(&many, 100);
    assert_int_equal(many_call(&many, 1), STATUS_OK);
    struct fake_transport *fake = &many.fixture.fake;
    assert_int_equal(fake->request_count, 6);
    assert_str(fake_request_body(fake, 5), "call=0;");
    assert_true(fake->requests[5].at_ms >= FAKE_NOW_MS + 4000);
    assert_true(fake->requests[4].at_ms <= FAKE_NOW_MS + 400);
    assert_int_equal(fake->sleep_count, 1);
    fixture_end(&many.fixture);
}

static void call_all_invocation_ids_differ_between_calls(void **state) {
    (void)state;
    static struct many many;
    many_begin(&many, 2);
    always_good(&many, 0);
    assert_int_equal(many_call(&many, 2), STATUS_OK);
    assert_false(str_eq(fake_request_header(&many.fixture.fake, 0, "amz-sdk-invocation-id"),
                        fake_request_header(&many.fixture.fake, 1, "amz-sdk-invocation-id")));
    fixture_end(&many.fixture);
}

static bool torture_all(const struct trouble *trouble, int failures, int64_t time_ms) {
    static struct many many;
    many_begin(&many, 7);
    struct aws_fixture *fixture = &many.fixture;
    fixture->client.deadline_ms = FAKE_NOW_MS + time_ms;
    struct fake_answer answer = trouble->answer;
    answer.match = "call=3;";
    answer.times = failures;
    fake_answer(&fixture->fake, answer);
    always_good(&many, 20);
    bool recovers = trouble->is_repeated && failures < 3;
    enum status expected = recovers ? STATUS_OK : trouble->status;
    bool is_good = many_call(&many, 3) == STATUS_OK;
    for (size_t i = 0; i < many.count; i++) {
        is_good &= many.outcomes[i].status == (i == 3 ? expected : STATUS_OK);
        is_good &= !holds_secret(many.outcomes[i].error.message);
    }
    is_good &= fixture->fake.now_ms <= fixture->client.deadline_ms;
    if (!is_good) {
        print_error("%s, %d times: %s\n", trouble->name, failures,
                    status_name(many.outcomes[3].status));
    }
    fixture_end(fixture);
    return is_good;
}

static void call_all_fault_of_one_call_does_not_affect_the_others(void **state) {
    (void)state;
    bool is_good = true;
    for (size_t i = 0; i < TROUBLE_COUNT; i++) {
        for (int failures = 1; failures <= 3; failures++) {
            is_good &= torture_all(&TROUBLES[i], failures, 60000);
        }
    }
    assert_true(is_good);
}

static void call_all_past_the_deadline_starts_nothing_more(void **state) {
    (void)state;
    static struct many many;
    many_begin(&many, 10);
    many.fixture.client.deadline_ms = FAKE_NOW_MS + 250;
    always_good(&many, 100);
    assert_int_equal(many_call(&many, 2), STATUS_OK);
    /* Two waves end in time, the third is cut by its timeout, the rest never starts. */
    size_t good = 0;
    for (size_t i = 0; i < many.count; i++) {
        enum status status = many.outcomes[i].status;
        assert_true(status == STATUS_OK || status == STATUS_DEADLINE);
        good += status == STATUS_OK ? 1 : 0;
    }
    assert_int_equal(good, 4);
    assert_int_equal(many.fixture.fake.request_count, 6);
    assert_true(many.fixture.fake.now_ms <= many.fixture.client.deadline_ms);
    assert_str(many.outcomes[9].error.message,
               "elasticloadbalancing DescribeTags: the invocation's time is used up");
    assert_true(str_contains(many.outcomes[4].error.message, STR("last failure: ")));
    fixture_end(&many.fixture);
}

static void call_all_bad_region_is_each_calls_own_failure(void **state) {
    (void)state;
    static struct many many;
    many_begin(&many, 2);
    many.fixture.client.region = STR("no/region");
    assert_int_equal(many_call(&many, 2), STATUS_OK);
    assert_int_equal(many.outcomes[0].status, STATUS_INVALID);
    assert_int_equal(many.outcomes[1].error.status, STATUS_INVALID);
    fixture_end(&many.fixture);
}

static void call_all_transport_that_gives_up_leaves_no_success_behind(void **state) {
    (void)state;
    static struct many many;
    many_begin(&many, 3);
    many.fixture.fake.send_all_status = STATUS_TLS;
    assert_int_equal(many_call(&many, 2), STATUS_TLS);
    assert_int_equal(many.fixture.error.status, STATUS_TLS);
    for (size_t i = 0; i < many.count; i++) {
        assert_int_equal(many.outcomes[i].status, STATUS_TLS);
        assert_true(str_contains(many.outcomes[i].error.message, STR("not carried out")));
    }
    fixture_end(&many.fixture);
}

/* Answers each request with a 500 and notes where its headers were kept. */
static const struct http_header *noted[CALLS_MAX];
static size_t noted_count;

static enum status send_all_noting(struct transport *transport, const struct http_batch *batch,
                                   struct arena *arena, struct error *error) {
    struct fake_transport *fake = (struct fake_transport *)transport;
    struct http_request request;
    void *tag = NULL;
    int64_t wait_ms = 0;
    (void)arena;
    for (;;) {
        switch (batch->next(batch->context, &request, &tag, &wait_ms)) {
        case HTTP_BATCH_SEND: {
            const struct http_response response = {.status = 500};
            noted[noted_count++] = request.headers;
            batch->completed(batch->context, tag, STATUS_OK, &response, error);
            break;
        }
        case HTTP_BATCH_WAIT:
            fake_sleep_ms(&fake->clock, wait_ms);
            break;
        case HTTP_BATCH_DONE:
            return STATUS_OK;
        }
    }
}

/* One place for all attempts that are in flight one after the other. */
static void call_all_memory_of_an_attempt_is_used_again(void **state) {
    (void)state;
    static struct many many;
    many_begin(&many, 10);
    noted_count = 0;
    many.fixture.fake.transport.send_all = send_all_noting;
    assert_int_equal(many_call(&many, 1), STATUS_OK);
    assert_int_equal(noted_count, 30);
    for (size_t i = 1; i < noted_count; i++) {
        assert_ptr_equal(noted[i], noted[0]);
    }
    fixture_end(&many.fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(call_all_sends_all_within_the_concurrency_limit),
        cmocka_unit_test(call_all_of_zero_calls_does_nothing),
        cmocka_unit_test(call_all_repeats_only_what_failed),
        cmocka_unit_test(call_all_one_that_waits_does_not_hold_up_the_others),
        cmocka_unit_test(call_all_invocation_ids_differ_between_calls),
        cmocka_unit_test(call_all_fault_of_one_call_does_not_affect_the_others),
        cmocka_unit_test(call_all_past_the_deadline_starts_nothing_more),
        cmocka_unit_test(call_all_bad_region_is_each_calls_own_failure),
        cmocka_unit_test(call_all_transport_that_gives_up_leaves_no_success_behind),
        cmocka_unit_test(call_all_memory_of_an_attempt_is_used_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
