/* SPDX-License-Identifier: Apache-2.0
 *
 * Whose load balancers are looked at: our own account's, and through a role those of the accounts
 * that are listed.
 */
#include "loop_world.h"

#define COUNT(array)  (sizeof(array) / sizeof((array)[0]))
#define OWN           "111122223333"
#define MEMBER        "444455556666"
#define STRANGER      "999999999999"
#define ASKS_ROLE     "Action=AssumeRole&"
#define ASKS_WHO      "Action=GetCallerIdentity"
#define FIRST_SESSION "ASIAMEMBER0000000001"

static const char *const CENTRAL[] = {"CROSS_ACCOUNT_ROLE",
                                      "team/reader",
                                      "EXTERNAL_ID",
                                      "org:1",
                                      "ALLOWED_ACCOUNTS",
                                      "222222222222, " MEMBER,
                                      NULL};
static const char *const ALONE[] = {NULL};

static struct loop loop;

static int end(void **state) {
    (void)state;
    loop_end(&loop);
    return 0;
}

static enum status aim(const char *account, const char *region, struct error *error) {
    struct loop_copy *copy = &loop.copies[0];
    *error = (struct error){0};
    return app_aim(&copy->app, str_from_cstr(account), str_from_cstr(region), &copy->arena, error);
}

static str key_in_use(void) {
    return loop.copies[0].app.aws.credentials.access_key_id;
}

static void a_function_of_its_own_account_asks_sts_nothing(void **state) {
    (void)state;
    struct error error;
    loop_begin(&loop, ALONE, 0);
    assert_int_equal(aim(MEMBER, "", &error), STATUS_OK);
    assert_str(key_in_use(), FIXTURE_KEY_ID);
    assert_str(loop.copies[0].app.aws.region, "eu-west-1");
    assert_int_equal(aim(OWN, "us-east-1", &error), STATUS_OK);
    assert_str(loop.copies[0].app.aws.region, "us-east-1");
    assert_str(loop.copies[0].app.home.region, "eu-west-1");
    assert_int_equal(loop.fake.request_count, 0);
}

static void a_listed_account_is_entered_by_its_role(void **state) {
    (void)state;
    struct error error;
    loop_begin(&loop, CENTRAL, 0);
    assert_int_equal(aim(MEMBER, "eu-central-1", &error), STATUS_OK);
    assert_str(key_in_use(), FIRST_SESSION);
    assert_str(loop.copies[0].app.aws.region, "eu-central-1");
    assert_str(loop.copies[0].app.home.credentials.access_key_id, FIXTURE_KEY_ID);
    assert_int_equal(fake_requests_with(&loop.fake, ASKS_ROLE), 1);
    str body = fake_request_body(&loop.fake, 1);
    assert_true(
        str_contains(body, STR("RoleArn=arn%3Aaws%3Aiam%3A%3A" MEMBER "%3Arole%2Fteam%2Freader&")));
    assert_true(str_contains(body, STR("ExternalId=org%3A1")));
}

static void an_account_that_is_not_listed_is_not_entered(void **state) {
    (void)state;
    static const char *const ACCOUNTS[] = {STRANGER, "44445555666", "444455556666 ", "*"};
    loop_begin(&loop, CENTRAL, 0);
    for (size_t i = 0; i < COUNT(ACCOUNTS); i++) {
        struct error error;
        enum status status = aim(ACCOUNTS[i], "", &error);
        if (status != STATUS_DENIED ||
            !str_contains(error.message, STR("is not listed in ALLOWED_ACCOUNTS"))) {
            fail_msg("%s: %s", ACCOUNTS[i], status_name(status));
        }
    }
    assert_int_equal(fake_requests_with(&loop.fake, ASKS_ROLE), 0);
    assert_str(key_in_use(), FIXTURE_KEY_ID);
}

static void our_own_account_needs_no_role_though_it_is_not_listed(void **state) {
    (void)state;
    struct error error;
    loop_begin(&loop, CENTRAL, 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(aim(OWN, "", &error), STATUS_OK);
    }
    assert_int_equal(aim("", "", &error), STATUS_OK);
    assert_int_equal(fake_requests_with(&loop.fake, ASKS_ROLE), 0);
    assert_int_equal(fake_requests_with(&loop.fake, ASKS_WHO), 1);
}

static void a_session_is_kept_until_it_would_end_within_the_invocation(void **state) {
    (void)state;
    static const struct {
        int64_t after_ms; /* since the one before */
        int64_t left_ms;  /* of the invocation; 0: no end */
        size_t sessions;
    } rows[] = {
        {0, 60000, 1},
        {700000, 60000, 1}, /* 200 s left */
        {70000, 130000, 2}, /* 130 s left: not more than the invocation may take */
        {500000, 60000, 2}, /* 400 s left */
        {0, 600000, 3},     /* a long one */
        {779000, 0, 3},     /* 121 s left, and nobody knows how long it takes */
        {1000, 0, 4},
    };
    loop_begin(&loop, CENTRAL, 0);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct error error;
        loop.fake.now_ms += rows[i].after_ms;
        loop.copies[0].app.home.deadline_ms =
            rows[i].left_ms == 0 ? INT64_MAX : loop.fake.now_ms + rows[i].left_ms;
        enum status status = aim(MEMBER, "", &error);
        if (status != STATUS_OK || loop.session_count != rows[i].sessions) {
            fail_msg("row %zu: %s, %zu sessions", i, status_name(status), loop.session_count);
        }
    }
}

static void accounts_in_turn_never_share_a_session(void **state) {
    (void)state;
    struct error error;
    loop_begin(&loop, CENTRAL, 0);
    assert_int_equal(aim(MEMBER, "", &error), STATUS_OK);
    assert_int_equal(aim("222222222222", "", &error), STATUS_OK);
    assert_str(key_in_use(), "ASIAMEMBER0000000002");
    assert_int_equal(aim(OWN, "", &error), STATUS_OK);
    assert_str(key_in_use(), FIXTURE_KEY_ID);
    assert_int_equal(aim("222222222222", "", &error), STATUS_OK);
    assert_int_equal(loop.session_count, 2);
}

static void a_role_that_does_not_let_us_in_leaves_no_session_behind(void **state) {
    (void)state;
    struct error error;
    loop_begin(&loop, CENTRAL, 0);
    assert_int_equal(aim(MEMBER, "", &error), STATUS_OK);
    loop.fault = (struct loop_fault){
        .nth = 1,
        .match = ASKS_ROLE,
        .answer = {.http_status = 403, .body = BODY(TROUBLE_XML("AccessDenied"))}};
    assert_int_equal(aim("222222222222", "", &error), STATUS_DENIED);
    assert_str(key_in_use(), FIXTURE_KEY_ID);
    assert_int_equal(aim(MEMBER, "", &error), STATUS_OK);
    assert_int_equal(loop.session_count, 2);
}

static void an_unknown_own_account_is_asked_for_again(void **state) {
    (void)state;
    struct error error;
    loop_begin(&loop, CENTRAL, 0);
    loop.fault = (struct loop_fault){
        .nth = 1, .is_lasting = true, .match = ASKS_WHO, .answer = {.status = STATUS_CONNECTION}};
    assert_int_not_equal(aim(OWN, "", &error), STATUS_OK);
    loop.fault = (struct loop_fault){.nth = 0};
    assert_int_equal(aim(OWN, "", &error), STATUS_OK);
}

static void a_forbidden_account_fails_its_event(void **state) {
    (void)state;
    loop_begin(&loop, CENTRAL, 0);
    str event = STR("{\"detail-type\":\"AWS API Call via CloudTrail\",\"account\":\"" STRANGER
                    "\",\"region\":\"eu-west-1\",\"detail\":{\"eventSource\":"
                    "\"elasticloadbalancing.amazonaws.com\",\"eventName\":\"DeleteLoadBalancer\","
                    "\"eventTime\":\"2026-11-23T07:59:00Z\",\"requestParameters\":{"
                    "\"loadBalancerArn\":\"arn:aws:elasticloadbalancing:eu-west-1:" STRANGER
                    ":loadbalancer/app/shop/50dc6c495c0c9188\"}}}");
    loop_handle(&loop.copies[0], event, "r1");
    assert_str(loop.copies[0].reply.error_type, "Function.AccessDenied");
    assert_true(str_contains(loop.copies[0].reply.error_message, STR(STRANGER)));
}

int main(void) {
#define TEST(name) cmocka_unit_test_teardown(name, end)
    const struct CMUnitTest tests[] = {
        TEST(a_function_of_its_own_account_asks_sts_nothing),
        TEST(a_listed_account_is_entered_by_its_role),
        TEST(an_account_that_is_not_listed_is_not_entered),
        TEST(our_own_account_needs_no_role_though_it_is_not_listed),
        TEST(a_session_is_kept_until_it_would_end_within_the_invocation),
        TEST(accounts_in_turn_never_share_a_session),
        TEST(a_role_that_does_not_let_us_in_leaves_no_session_behind),
        TEST(an_unknown_own_account_is_asked_for_again),
        TEST(a_forbidden_account_fails_its_event),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
