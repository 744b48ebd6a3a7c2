/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/retry.h"
#include "base/clock.h"
#include "base/json.h"
#include "extra_data.h"
#include "unit.h"

static struct arena arena;

static int open_arena(void **state) {
    (void)state;
    arena = (struct arena){0};
    return 0;
}

static int close_arena(void **state) {
    (void)state;
    arena_clean_up(&arena);
    return 0;
}

#define MINUTE_MS INT64_C(60000)
#define NOON      INT64_C(1795435200000) /* 2026-11-23T12:00:00Z */
#define DATE_NOON "Mon, 23 Nov 2026 12:00:00 GMT"

static void the_skew_is_the_servers_date_less_the_middle_of_the_round_trip(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *date;
        const char *age;
        int64_t sent_ms;
        int64_t received_ms;
        int64_t before;
        int64_t after;
    } rows[] = {
        {"clocks agree", DATE_NOON, "", NOON - 1000, NOON + 1000, 0, 0},
        {"our clock is slow", DATE_NOON, "", NOON - 300000, NOON - 300000, 0, 300000},
        {"our clock is fast", DATE_NOON, "", NOON + 300000, NOON + 300000, 0, -300000},
        {"an old skew is replaced", DATE_NOON, "", NOON, NOON, 300000, 0},
        {"half of the round trip counts", DATE_NOON, "", NOON, NOON + 5000, 0, -2500},
        {"a round trip of 15 minutes counts", DATE_NOON, "", NOON, NOON + 15 * MINUTE_MS, 7,
         -450000},
        {"a longer one does not", DATE_NOON, "", NOON, NOON + 15 * MINUTE_MS + 1, 7, 7},
        {"nor one that ends before it began", DATE_NOON, "", NOON, NOON - 1, 7, 7},
        {"no Date", "", "", NOON + 300000, NOON + 300000, 7, 7},
        {"an unreadable Date", "noon", "", NOON + 300000, NOON + 300000, 7, 7},
        {"an answer from a cache", DATE_NOON, "0", NOON + 300000, NOON + 300000, 7, 7},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t skew_ms = rows[i].before;
        skew_update(&skew_ms, str_from_cstr(rows[i].date), str_from_cstr(rows[i].age),
                    rows[i].sent_ms, rows[i].received_ms);
        if (skew_ms != rows[i].after) {
            fail_msg("%s: %lld ms", rows[i].name, (long long)skew_ms);
        }
    }
}

static void only_a_large_skew_explains_a_refused_signature(void **state) {
    (void)state;
    static const struct {
        const char *code;
        int64_t skew_ms;
        bool expected;
    } rows[] = {
        {"RequestTimeTooSkewed", 4 * MINUTE_MS + 1, true},
        {"InvalidSignatureException", 4 * MINUTE_MS + 1, true},
        {"SignatureDoesNotMatch", 4 * MINUTE_MS + 1, true},
        {"AuthFailure", 4 * MINUTE_MS + 1, true},
        {"AccessDeniedException", -4 * MINUTE_MS - 1, true},
        {"RequestTimeTooSkewed", 4 * MINUTE_MS, false},
        {"RequestTimeTooSkewed", -4 * MINUTE_MS, false},
        {"RequestTimeTooSkewed", 0, false},
        {"RequestExpired", 10 * MINUTE_MS, false},
        {"RequestInTheFuture", 10 * MINUTE_MS, false},
        {"AccessDenied", 10 * MINUTE_MS, false},
        {"", 10 * MINUTE_MS, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (skew_explains(str_from_cstr(rows[i].code), rows[i].skew_ms) != rows[i].expected) {
            fail_msg("\"%s\" at %lld ms", rows[i].code, (long long)rows[i].skew_ms);
        }
    }
}

/* ---- the SDKs' own cases, when they are at hand ---- */

static int64_t time_of(const struct json *object, const char *key) {
    int64_t ms = 0;
    assert_true(time_parse_iso8601(json_get_string(object, key), &ms));
    return ms;
}

static int64_t number_of(const struct json *object, const char *key, double otherwise) {
    double number = otherwise;
    (void)json_number(json_get(object, key), &number);
    return (int64_t)number;
}

/* One attempt: the time it is signed with, the skew it leaves, and how it ended. */
static const char *attempt_replay(const struct json *attempt, int64_t *skew_ms) {
    int64_t sent_ms = time_of(attempt, "clientTimeAtSend");
    assert_int_equal(sent_ms + *skew_ms, time_of(attempt, "expectedSigningTime"));
    const struct json *response = json_get(attempt, "response");
    const struct json *headers = json_get(response, "headers");
    skew_update(skew_ms, json_get_string(headers, "Date"), json_get_string(headers, "Age"), sent_ms,
                time_of(attempt, "clientTimeAtReceive"));
    return number_of(response, "statusCode", 0) == 200 ? "success" : "error";
}

static void operation_replay(const struct json *operation) {
    int64_t skew_ms = number_of(operation, "initialClientSkew", 0) * MS_PER_SECOND;
    int64_t attempts_max = number_of(operation, "maxAttempts", RETRY_ATTEMPTS_DEFAULT);
    const char *outcome = "error";
    const struct json *attempt = json_first(json_get(operation, "attempts"));
    for (int64_t made = 1; attempt != NULL; made++, attempt = json_next(attempt)) {
        outcome = attempt_replay(attempt, &skew_ms);
        str code = json_get_string(json_get(attempt, "response"), "errorCode");
        bool goes_on = made < attempts_max && skew_explains(code, skew_ms);
        assert_int_equal(goes_on, json_next(attempt) != NULL);
    }
    assert_int_equal(skew_ms, number_of(operation, "expectedClientSkew", -1) * MS_PER_SECOND);
    assert_str(json_get_string(operation, "expectedOutcome"), outcome);
}

static void the_published_cases_are_followed(void **state) {
    (void)state;
    str text = extra_data_or_skip(&arena, "data/aws/clock-skew-test-cases.json");
    const struct json *root = NULL;
    assert_int_equal(json_parse(&arena, text, &JSON_LIMITS_DEFAULT, &root, NULL), STATUS_OK);
    const struct json *test = json_first(json_get(root, "tests"));
    int count = 0;
    for (; test != NULL; test = json_next(test), count++) {
        print_message("%" STR_FMT "\n", STR_ARG(json_get_string(test, "description")));
        const struct json *operation = json_first(json_get(test, "operations"));
        for (; operation != NULL; operation = json_next(operation)) {
            operation_replay(operation);
        }
    }
    assert_int_equal(count, 10);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_arena, close_arena)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_skew_is_the_servers_date_less_the_middle_of_the_round_trip),
        TEST(only_a_large_skew_explains_a_refused_signature),
        TEST(the_published_cases_are_followed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
