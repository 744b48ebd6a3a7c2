/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls that must not be carried out twice, codes that mean something else in one operation, and
 * what an error says about whether a call was carried out.
 */
#include "call_fixture.h"

static enum status call_with(struct aws_fixture *fixture, bool is_not_repeatable,
                             const struct aws_code_meaning *meanings) {
    struct parsed parsed = {.times = 0};
    struct aws_request request = request_of(&parsed);
    request.is_not_repeatable = is_not_repeatable;
    request.meanings = meanings;
    return aws_call(&fixture->client, &request, &fixture->arena, &fixture->error);
}

static void repeatable_call_says_whether_it_may_have_been_carried_out(void **state) {
    (void)state;
    static const struct {
        const char *name;
        struct fake_answer first;
        struct fake_answer last;
        bool is_unknown;
    } rows[] = {
        {"refused", {.http_status = 400}, {.http_status = 400}, false},
        {"lost", {.status = STATUS_TIMEOUT}, {.status = STATUS_TIMEOUT}, true},
        {"lost, then refused", {.status = STATUS_CONNECTION}, {.http_status = 400}, true},
        {"throttled, then refused", {.http_status = 429}, {.http_status = 400}, false},
        {"never sent",
         {.status = STATUS_CONNECTION, .was_not_sent = true},
         {.status = STATUS_CONNECTION, .was_not_sent = true},
         false},
        {"failed, then never sent",
         {.http_status = 500},
         {.status = STATUS_CONNECTION, .was_not_sent = true},
         true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct aws_fixture fixture;
        fixture_begin(&fixture);
        fake_answer(&fixture.fake, rows[i].first);
        struct fake_answer last = rows[i].last;
        last.times = FAKE_FOREVER;
        fake_answer(&fixture.fake, last);
        assert_int_not_equal(call_with(&fixture, false, NULL), STATUS_OK);
        if (fixture.error.is_outcome_unknown != rows[i].is_unknown ||
            str_contains(fixture.error.message, STR("not known"))) {
            fail_msg("%s: %s", rows[i].name, fixture.error.message.ptr);
        }
        fixture_end(&fixture);
    }
}

static void unrepeatable_call_whose_time_ends_between_attempts_was_not_carried_out(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    fixture.client.deadline_ms = FAKE_NOW_MS + 10;
    fake_answer(&fixture.fake,
                (struct fake_answer){.http_status = 429, .times = FAKE_FOREVER, .took_ms = 9});
    assert_int_equal(call_with(&fixture, true, NULL), STATUS_DEADLINE);
    assert_false(fixture.error.is_outcome_unknown);
    fixture_end(&fixture);
}

static void meaning_of_a_code_replaces_status_hint_and_retry(void **state) {
    (void)state;
    static const struct aws_code_meaning meanings[] = {
        {"Other", STATUS_REFUSED, NULL},
        {"Throttling", STATUS_CONFLICT, "one a minute"},
        {"InternalError", STATUS_PARTIAL, NULL},
        {NULL, STATUS_OK, NULL},
    };
    static const struct {
        const char *code;
        enum status status;
        size_t attempts;
        const char *message;
    } rows[] = {
        {"Throttling", STATUS_CONFLICT, 1,
         "elasticloadbalancing DescribeTags: Throttling (HTTP 500): one a minute: words"},
        {"InternalError", STATUS_PARTIAL, 1,
         "elasticloadbalancing DescribeTags: InternalError (HTTP 500): words"},
        {"SlowDown", STATUS_THROTTLED, 3,
         "elasticloadbalancing DescribeTags: SlowDown (HTTP 500): words (after 3 attempts)"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct aws_fixture fixture;
        fixture_begin(&fixture);
        struct fake_answer answer = refusal(&fixture, 500, rows[i].code, "words");
        answer.times = FAKE_FOREVER;
        fake_answer(&fixture.fake, answer);
        assert_int_equal(call_with(&fixture, false, meanings), rows[i].status);
        assert_int_equal(fixture.fake.request_count, rows[i].attempts);
        assert_str(fixture.error.message, rows[i].message);
        assert_false(fixture.error.is_outcome_unknown);
        fixture_end(&fixture);
    }
}

static void region_of_a_request_overrides_the_clients(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    fake_answer(&fixture.fake, GOOD);
    struct parsed parsed = {.times = 0};
    struct aws_request request = request_of(&parsed);
    request.region = STR("us-gov-west-1");
    assert_int_equal(aws_call(&fixture.client, &request, &fixture.arena, NULL), STATUS_OK);
    assert_str(fixture.fake.requests[0].http.url,
               "https://elasticloadbalancing.us-gov-west-1.amazonaws.com/");
    assert_true(str_contains(fake_request_header(&fixture.fake, 0, "Authorization"),
                             STR("/us-gov-west-1/elasticloadbalancing/")));
    fixture_end(&fixture);
}

/* A batch retries by the same rules. */
static void unrepeatable_calls_of_a_batch_are_not_repeated(void **state) {
    (void)state;
    static const struct {
        const char *name;
        struct fake_answer answer;
        size_t attempts;
    } rows[] = {
        {"lost", {.status = STATUS_TIMEOUT}, 1},
        {"failed", {.http_status = 500}, 1},
        {"throttled", {.http_status = 429}, 2},
        {"never sent", {.status = STATUS_CONNECTION, .was_not_sent = true}, 2},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct aws_fixture fixture;
        struct aws_outcome outcome;
        struct parsed parsed = {.times = 0};
        fixture_begin(&fixture);
        fake_answer(&fixture.fake, rows[i].answer);
        fake_answer(&fixture.fake, GOOD);
        struct aws_request request = request_of(&parsed);
        request.is_not_repeatable = true;
        assert_int_equal(
            aws_call_all(&fixture.client, &request, 1, 1, &fixture.arena, &outcome, NULL),
            STATUS_OK);
        bool is_repeated = rows[i].attempts == 2;
        if (fixture.fake.request_count != rows[i].attempts ||
            (outcome.status == STATUS_OK) != is_repeated ||
            outcome.error.is_outcome_unknown == is_repeated) {
            fail_msg("%s: %s", rows[i].name, status_name(outcome.status));
        }
        fixture_end(&fixture);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(repeatable_call_says_whether_it_may_have_been_carried_out),
        cmocka_unit_test(unrepeatable_call_whose_time_ends_between_attempts_was_not_carried_out),
        cmocka_unit_test(meaning_of_a_code_replaces_status_hint_and_retry),
        cmocka_unit_test(region_of_a_request_overrides_the_clients),
        cmocka_unit_test(unrepeatable_calls_of_a_batch_are_not_repeated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
