/* SPDX-License-Identifier: Apache-2.0
 *
 * Credentials that AWS takes no longer: when a call asks for others, and how often.
 */
#include "call_fixture.h"

#define NEW_KEY_ID "AKIAFIXTUREKEYID0002"
#define OLD_KEY    "Credential=" FIXTURE_KEY_ID
#define CALLS      7

struct bench {
    struct aws_fixture fixture;
    int asked;
    bool has_others;
};

static struct bench bench;

static bool renew(void *context, struct aws_client *client) {
    struct bench *world = context;
    world->asked++;
    if (world->has_others) {
        client->credentials.access_key_id = STR(NEW_KEY_ID);
    }
    return world->has_others;
}

static void answer_refusal(const char *match, int times, const char *code) {
    struct fake_answer answer = refusal(&bench.fixture, 403, code, "no");
    answer.match = match;
    answer.times = times;
    fake_answer(&bench.fixture.fake, answer);
}

/* The first key is refused with this code. */
static void begin(const char *code, bool has_others) {
    bench = (struct bench){.has_others = has_others};
    fixture_begin(&bench.fixture);
    bench.fixture.client.renewal = (struct aws_renewal){renew, &bench};
    answer_refusal(OLD_KEY, FAKE_FOREVER, code);
    struct fake_answer good = GOOD;
    good.times = FAKE_FOREVER;
    fake_answer(&bench.fixture.fake, good);
}

static void a_call_is_repeated_at_once_with_other_credentials(void **state) {
    (void)state;
    static const struct {
        const char *code;
        bool is_renewed;
    } rows[] = {{"ExpiredToken", true},
                {"ExpiredTokenException", true},
                {"TokenRefreshRequired", true},
                {"InvalidClientTokenId", true},
                {"UnrecognizedClientException", true},
                {"InvalidAccessKeyId", true},
                {"InvalidToken", true},
                {"RequestExpired", false},
                {"RequestTimeTooSkewed", false},
                {"SignatureDoesNotMatch", false},
                {"AccessDenied", false}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin(rows[i].code, true);
        enum status status = call_once(&bench.fixture);
        size_t requests = bench.fixture.fake.request_count;
        if (status != (rows[i].is_renewed ? STATUS_OK : STATUS_DENIED) ||
            requests != (rows[i].is_renewed ? 2 : 1) ||
            bench.asked != (rows[i].is_renewed ? 1 : 0)) {
            fail_msg("%s: %s after %zu requests", rows[i].code, status_name(status), requests);
        }
        assert_int_equal(bench.fixture.fake.slept_ms, 0);
        assert_int_equal(bench.fixture.client.quota.tokens, RETRY_QUOTA_CAPACITY);
        fixture_end(&bench.fixture);
    }
}

static void a_call_is_renewed_once(void **state) {
    (void)state;
    begin("ExpiredToken", true);
    bench.fixture.fake.answer_count = 0;
    answer_refusal(NULL, FAKE_FOREVER, "ExpiredToken");
    assert_int_equal(call_once(&bench.fixture), STATUS_DENIED);
    assert_int_equal(bench.fixture.fake.request_count, 2);
    assert_int_equal(bench.asked, 1);
    assert_str(bench.fixture.error.aws_code, "ExpiredToken");
    assert_false(bench.fixture.error.is_outcome_unknown);
    assert_false(bench.fixture.client.has_expired_for_good); /* of another account: not our end */
    fixture_end(&bench.fixture);
}

static void a_call_without_other_credentials_fails(void **state) {
    (void)state;
    begin("ExpiredToken", false);
    assert_int_equal(call_once(&bench.fixture), STATUS_DENIED);
    assert_int_equal(bench.fixture.fake.request_count, 1);
    assert_int_equal(bench.asked, 1);
    fixture_end(&bench.fixture);
}

static void a_call_is_not_renewed_beyond_the_attempts_it_has(void **state) {
    (void)state;
    for (int attempts_max = 1; attempts_max <= 2; attempts_max++) {
        begin("ExpiredToken", true);
        bench.fixture.client.attempts_max = attempts_max;
        (void)call_once(&bench.fixture);
        assert_int_equal(bench.fixture.fake.request_count, attempts_max);
        assert_int_equal(bench.asked, attempts_max - 1);
        fixture_end(&bench.fixture);
    }
}

/* By the time it could be repeated, what it rests on would have been read too long ago. */
static void a_call_that_is_sent_once_is_not_renewed(void **state) {
    (void)state;
    begin("ExpiredToken", true);
    struct parsed parsed = {.times = 0};
    struct aws_request request = request_of(&parsed);
    request.is_sent_once = true;
    assert_int_equal(aws_call(&bench.fixture.client, &request, &bench.fixture.arena, NULL),
                     STATUS_DENIED);
    assert_int_equal(bench.fixture.fake.request_count, 1);
    fixture_end(&bench.fixture);
}

static void call_all(struct aws_outcome *outcomes) {
    static struct parsed parsed[CALLS];
    struct aws_request requests[CALLS];
    for (size_t i = 0; i < CALLS; i++) {
        requests[i] = request_of(&parsed[i]);
    }
    assert_int_equal(aws_call_all(&bench.fixture.client, requests, CALLS, 3, &bench.fixture.arena,
                                  outcomes, &bench.fixture.error),
                     STATUS_OK);
}

static void many_calls_share_one_renewal(void **state) {
    (void)state;
    struct aws_outcome outcomes[CALLS];
    begin("ExpiredToken", true);
    call_all(outcomes);
    for (size_t i = 0; i < CALLS; i++) {
        assert_int_equal(outcomes[i].status, STATUS_OK);
        assert_int_equal(outcomes[i].error.status, STATUS_OK);
    }
    assert_int_equal(bench.asked, 1);
    assert_int_equal(bench.fixture.fake.request_count, 2 * CALLS);
    fixture_end(&bench.fixture);
}

static void many_calls_without_other_credentials_ask_once(void **state) {
    (void)state;
    struct aws_outcome outcomes[CALLS];
    begin("ExpiredToken", false);
    call_all(outcomes);
    for (size_t i = 0; i < CALLS; i++) {
        assert_int_equal(outcomes[i].status, STATUS_DENIED);
        assert_str(outcomes[i].error.aws_code, "ExpiredToken");
    }
    assert_int_equal(bench.asked, 1);
    assert_int_equal(bench.fixture.fake.request_count, CALLS);
    fixture_end(&bench.fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_is_repeated_at_once_with_other_credentials),
        cmocka_unit_test(a_call_is_renewed_once),
        cmocka_unit_test(a_call_without_other_credentials_fails),
        cmocka_unit_test(a_call_is_not_renewed_beyond_the_attempts_it_has),
        cmocka_unit_test(a_call_that_is_sent_once_is_not_renewed),
        cmocka_unit_test(many_calls_share_one_renewal),
        cmocka_unit_test(many_calls_without_other_credentials_ask_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
