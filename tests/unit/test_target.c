/* SPDX-License-Identifier: Apache-2.0
 *
 * Whose load balancers are looked at: our own account's, and through a role those of the accounts
 * that are listed.
 */
#include "loop_world.h"

#define COUNT(array)   (sizeof(array) / sizeof((array)[0]))
#define VARIABLES(...) ((const char *const[]){__VA_ARGS__, NULL})
#define OWN            "111122223333"
#define MEMBER         "444455556666"
#define STRANGER       "999999999999"
#define ASKS_ROLE      "Action=AssumeRole&"
#define ASKS_WHO       "Action=GetCallerIdentity"
#define FIRST_SESSION  "ASIAMEMBER0000000001"

static const char *const CENTRAL[] = {
    "CROSS_ACCOUNT_ROLE", "team/reader",           "EXTERNAL_ID", "org:1",
    "ALLOWED_ACCOUNTS",   "222222222222, " MEMBER, NULL};
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
    return accounts_select(&copy->guard, str_from_cstr(account), str_from_cstr(region),
                           &copy->arena, error);
}

static str key_in_use(void) {
    return loop.copies[0].guard.aws.credentials.access_key_id;
}

static void a_function_of_its_own_account_asks_sts_nothing(void **state) {
    (void)state;
    struct error error;
    loop_begin(&loop, ALONE, 0);
    assert_int_equal(aim(MEMBER, "", &error), STATUS_OK);
    assert_str(key_in_use(), FIXTURE_KEY_ID);
    assert_str(loop.copies[0].guard.aws.region, "eu-west-1");
    assert_int_equal(aim(OWN, "us-east-1", &error), STATUS_OK);
    assert_str(loop.copies[0].guard.aws.region, "us-east-1");
    assert_str(loop.copies[0].guard.home.region, "eu-west-1");
    assert_int_equal(loop.fake.request_count, 0);
}

static void role_of_a_listed_account_is_assumed(void **state) {
    (void)state;
    struct error error;
    loop_begin(&loop, CENTRAL, 0);
    assert_int_equal(aim(MEMBER, "eu-central-1", &error), STATUS_OK);
    assert_str(key_in_use(), FIRST_SESSION);
    assert_str(loop.copies[0].guard.aws.region, "eu-central-1");
    assert_str(loop.copies[0].guard.home.credentials.access_key_id, FIXTURE_KEY_ID);
    assert_int_equal(fake_requests_with(&loop.fake, ASKS_ROLE), 1);
    str body = fake_request_body(&loop.fake, 1);
    assert_true(
        str_contains(body, STR("RoleArn=arn%3Aaws%3Aiam%3A%3A" MEMBER "%3Arole%2Fteam%2Freader&")));
    assert_true(str_contains(body, STR("ExternalId=org%3A1")));
}

static void role_of_an_unlisted_account_is_not_assumed(void **state) {
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
        {0, 60000, 1},      {700000, 60000, 1}, /* 200 s left */
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
        loop.copies[0].guard.home.deadline_ms =
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

static void refused_assume_role_leaves_no_session(void **state) {
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

/* ---- credentials that AWS does not take any more ---- */

#define SECOND_SESSION "ASIAMEMBER0000000002"
#define OF_MEMBER                                                                                  \
    "{\"detail-type\":\"AWS API Call via CloudTrail\",\"account\":\"" MEMBER                       \
    "\",\"region\":\"eu-west-1\",\"detail\":{\"eventSource\":"                                     \
    "\"elasticloadbalancing.amazonaws.com\",\"eventName\":\"DeleteLoadBalancer\","                 \
    "\"eventTime\":\"2026-11-23T07:59:00Z\",\"requestParameters\":{"                               \
    "\"loadBalancerArn\":\"arn:aws:elasticloadbalancing:eu-west-1:" MEMBER                         \
    ":loadbalancer/app/shop/50dc6c495c0c9188\"}}}"

static struct fake_answer refusal_of(const char *code) {
    str body = str_format(&loop.fake.arena,
                          "<ErrorResponse><Error><Code>%s</Code><Message>no</Message></Error>"
                          "</ErrorResponse>",
                          code);
    return (struct fake_answer){.http_status = 403, .body = body};
}

static void expired_session_is_renewed_within_the_event(void **state) {
    (void)state;
    static const char *const CODES[] = {"ExpiredToken", "ExpiredTokenException",
                                        "InvalidClientTokenId", "UnrecognizedClientException"};
    for (size_t i = 0; i < COUNT(CODES); i++) {
        loop_begin(&loop, CENTRAL, 0);
        loop.fault = (struct loop_fault){.nth = 1,
                                         .is_lasting = true,
                                         .match = "Credential=" FIRST_SESSION,
                                         .answer = refusal_of(CODES[i])};
        loop_handle(&loop.copies[0], STR(OF_MEMBER), "r1");
        if (loop.copies[0].reply.is_error || loop.session_count != 2) {
            fail_msg("%s: %zu sessions, %.*s", CODES[i], loop.session_count,
                     STR_ARG(loop.copies[0].reply.error_message));
        }
        assert_str(key_in_use(), SECOND_SESSION);
        loop_handle(&loop.copies[0], STR(OF_MEMBER), "r2"); /* goes on with the second */
        assert_int_equal(loop.session_count, 2);
        loop_end(&loop);
    }
    loop_begin(&loop, CENTRAL, 0);
}

/* RequestExpired is a matter of clocks, AccessDenied one of permissions. */
static void a_session_is_not_renewed_for_another_trouble(void **state) {
    (void)state;
    static const char *const CODES[] = {"RequestExpired", "AccessDenied", "SignatureDoesNotMatch"};
    for (size_t i = 0; i < COUNT(CODES); i++) {
        loop_begin(&loop, CENTRAL, 0);
        loop.fault = (struct loop_fault){.nth = 1,
                                         .is_lasting = true,
                                         .match = "Credential=ASIAMEMBER",
                                         .answer = refusal_of(CODES[i])};
        loop_handle(&loop.copies[0], STR(OF_MEMBER), "r1");
        assert_true(loop.copies[0].reply.is_error);
        assert_int_equal(loop.session_count, 1);
        loop_end(&loop);
    }
    loop_begin(&loop, CENTRAL, 0);
}

static void a_session_is_renewed_once_and_later_again(void **state) {
    (void)state;
    loop_begin(&loop, CENTRAL, 0);
    loop.fault = (struct loop_fault){.nth = 1,
                                     .is_lasting = true,
                                     .match = "Credential=ASIAMEMBER",
                                     .answer = refusal_of("ExpiredToken")};
    loop_handle(&loop.copies[0], STR(OF_MEMBER), "r1");
    assert_true(str_contains(loop.copies[0].reply.error_message, STR("ExpiredToken")));
    assert_int_equal(loop.session_count, 2);
    loop_handle(&loop.copies[0], STR(OF_MEMBER), "r2"); /* within the minute */
    assert_int_equal(loop.session_count, 2);
    loop.fake.now_ms += 61000;
    loop.fault.answer = refusal_of("InvalidClientTokenId");
    loop_handle(&loop.copies[0], STR(OF_MEMBER), "r3");
    assert_int_equal(loop.session_count, 3);
    assert_false(app_has_expired(&loop.copies[0].guard)); /* our own credentials are good */
}

static void a_session_that_cannot_be_renewed_fails_the_event_by_its_first_error(void **state) {
    (void)state;
    struct error error;
    loop_begin(&loop, CENTRAL, 0);
    assert_int_equal(aim(MEMBER, "", &error), STATUS_OK);
    loop.fault = (struct loop_fault){
        .nth = 1, .is_lasting = true, .match = ASKS_ROLE, .answer = refusal_of("AccessDenied")};
    fake_answer(&loop.fake, (struct fake_answer){.match = "Credential=" FIRST_SESSION,
                                                 .times = FAKE_FOREVER,
                                                 .http_status = 403,
                                                 .body = BODY(TROUBLE_XML("ExpiredToken"))});
    loop_handle(&loop.copies[0], STR(OF_MEMBER), "r1");
    assert_true(str_contains(loop.copies[0].reply.error_message, STR("ExpiredToken")));
    assert_int_equal(loop_logged(&loop, "session_not_renewed"), 1);
    assert_int_equal(fake_requests_with(&loop.fake, ASKS_ROLE), 2);
}

static void our_own_credentials_are_known_to_have_expired(void **state) {
    (void)state;
    static const struct {
        const char *code;
        bool has_expired;
    } rows[] = {{"ExpiredToken", true},
                {"ExpiredTokenException", true},
                {"RequestExpired", false},
                {"UnrecognizedClientException", false}, /* as in a Region that is not enabled */
                {"AccessDenied", false}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        loop_begin(&loop, ALONE, 1);
        loop.fault = (struct loop_fault){.nth = 1, .answer = refusal_of(rows[i].code)};
        loop_handle(&loop.copies[0], STR("{\"action\":\"sweep\"}"), "r1");
        assert_true(loop.copies[0].reply.is_error);
        if (app_has_expired(&loop.copies[0].guard) != rows[i].has_expired) {
            fail_msg("%s", rows[i].code);
        }
        loop_end(&loop);
    }
    loop_begin(&loop, ALONE, 0);
}

/* ---- events of other accounts, without a role to enter them ---- */

#define FUNCTION(account) "arn:aws:lambda:eu-west-1:" account ":function:desync-guard"
#define ITEM(type, status, more)                                                                   \
    "\"configurationItem" more "\":{\"resourceType\":\"" type                                      \
    "\",\"resourceId\":\"arn:aws:elasticloadbalancing:eu-west-1:" MEMBER                           \
    ":loadbalancer/app/shop/50dc6c495c0c9188\",\"configurationItemStatus\":\"" status "\"}"
#define ALB  LOAD_BALANCER_RESOURCE_TYPE
#define RULE "arn:aws:config:eu-west-1:" MEMBER ":config-rule/config-rule-a"

static str config_event(const char *message, const char *item, const char *rest) {
    struct buf event;
    str invoking = str_format(&loop.fake.arena, "{\"messageType\":\"%s\"%s%s}", message,
                              *item ? "," : "", item);
    buf_init(&event, &loop.fake.arena, 1 << 14);
    buf_append(&event, STR("{\"invokingEvent\":"));
    json_append_quoted(&event, invoking);
    buf_printf(&event, ",\"resultToken\":\"theirs\",\"configRuleName\":\"a\"%s}", rest);
    return buf_str(&event);
}

static const struct {
    const char *name, *message, *item, *rest;
} FOREIGN[] = {
    {"scheduled", "ScheduledNotification", "", ",\"accountId\":\"" MEMBER "\""},
    {"delivered", "ConfigurationSnapshotDeliveryCompleted", "", ",\"accountId\":\"" MEMBER "\""},
    {"named by the rule alone", "ScheduledNotification", "", ",\"configRuleArn\":\"" RULE "\""},
    {"change", "ConfigurationItemChangeNotification", ITEM(ALB, "OK", ""),
     ",\"accountId\":\"" MEMBER "\""},
    {"oversized", "OversizedConfigurationItemChangeNotification", ITEM(ALB, "OK", "Summary"),
     ",\"accountId\":\"" MEMBER "\""},
    {"proactive", "ConfigurationItemChangeNotification", ITEM(ALB, "OK", ""),
     ",\"evaluationMode\":\"PROACTIVE\",\"accountId\":\"" MEMBER "\""},
};

static void an_event_of_another_account_is_refused_by_name(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(FOREIGN); i++) {
        loop_begin(&loop, VARIABLES(LOOP_ALL), 3);
        loop_handle(&loop.copies[0],
                    config_event(FOREIGN[i].message, FOREIGN[i].item, FOREIGN[i].rest), "r1");
        const struct app_reply *reply = &loop.copies[0].reply;
        static const char *const SAYS[] = {MEMBER, OWN, "CROSS_ACCOUNT_ROLE", "ALLOWED_ACCOUNTS"};
        for (size_t s = 0; s < COUNT(SAYS); s++) {
            if (!reply->is_error || !str_eq(reply->error_type, STR("Function.AccessDenied")) ||
                !str_contains(reply->error_message, str_from_cstr(SAYS[s]))) {
                fail_msg("%s: %.*s", FOREIGN[i].name, STR_ARG(reply->error_message));
            }
        }
        assert_int_equal(loop.region->reported_count, 0);
        assert_int_equal(loop.table->count, 0);
        assert_int_equal(loop.modify_count, 0);
        assert_int_equal(fake_requests_with(&loop.fake, "GetCallerIdentity"),
                         loop.fake.request_count);
        loop_end(&loop);
    }
    loop_begin(&loop, ALONE, 0);
}

/* Decided without a look: reported, and nothing is remembered of what is not ours. */
static void item_that_needs_no_read_is_not_applicable_in_any_account(void **state) {
    (void)state;
    static const struct {
        const char *item, *rest;
        size_t calls;
    } rows[] = {
        {ITEM("AWS::S3::Bucket", "OK", ""), "", 1},
        {ITEM(ALB, "ResourceDeleted", ""), "", 2},
        {ITEM(ALB, "ResourceNotRecorded", ""), "", 2},
        {ITEM(ALB, "OK", ""), ",\"eventLeftScope\":true", 2},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        loop_begin(&loop, VARIABLES(LOOP_ALL), 0);
        str rest = str_format(&loop.fake.arena, ",\"accountId\":\"" MEMBER "\"%s", rows[i].rest);
        loop_handle(&loop.copies[0],
                    config_event("ConfigurationItemChangeNotification", rows[i].item,
                                 str_to_cstr(&loop.fake.arena, rest)),
                    "r1");
        loop_succeeded(&loop.copies[0]);
        assert_int_equal(loop.region->reported_count, 1);
        assert_str(loop.region->reports[0].compliance, "NOT_APPLICABLE");
        assert_int_equal(loop.fake.request_count, rows[i].calls); /* the report, and STS */
        assert_int_equal(loop.table->count, 0);
        loop_end(&loop);
    }
    loop_begin(&loop, ALONE, 0);
}

static void our_own_account_is_known_from_the_functions_arn(void **state) {
    (void)state;
    static const struct {
        const char *arn;
        size_t questions;
    } rows[] = {{FUNCTION(OWN), 0},            /* as Lambda says it */
                {FUNCTION("012345678912"), 1}, /* as an emulator does */
                {"", 1},
                {"arn:aws:lambda:eu-west-1:" OWN, 1}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        loop_begin(&loop, ALONE, 3);
        loop.copies[0].guard.function_arn = str_from_cstr(rows[i].arn);
        str event = config_event("ScheduledNotification", "", ",\"accountId\":\"" OWN "\"");
        loop_handle(&loop.copies[0], event, "r1");
        loop_handle(&loop.copies[0], event, "r2");
        loop_succeeded(&loop.copies[0]);
        assert_int_equal(loop.region->reported_count, 6);
        assert_int_equal(fake_requests_with(&loop.fake, ASKS_WHO), rows[i].questions);
        loop_end(&loop);
    }
    loop_begin(&loop, ALONE, 0);
}

static void an_account_that_may_be_ours_is_not_reported_for(void **state) {
    (void)state;
    loop_begin(&loop, ALONE, 3);
    loop.fault = (struct loop_fault){
        .nth = 1, .is_lasting = true, .match = ASKS_WHO, .answer = {.status = STATUS_CONNECTION}};
    loop_handle(&loop.copies[0],
                config_event("ScheduledNotification", "", ",\"accountId\":\"" OWN "\""), "r1");
    assert_true(str_contains(loop.copies[0].reply.error_message, STR("GetCallerIdentity")));
    assert_int_equal(loop.region->reported_count, 0);
}

int main(void) {
#define TEST(name) cmocka_unit_test_teardown(name, end)
    const struct CMUnitTest tests[] = {
        TEST(a_function_of_its_own_account_asks_sts_nothing),
        TEST(role_of_a_listed_account_is_assumed),
        TEST(role_of_an_unlisted_account_is_not_assumed),
        TEST(our_own_account_needs_no_role_though_it_is_not_listed),
        TEST(a_session_is_kept_until_it_would_end_within_the_invocation),
        TEST(accounts_in_turn_never_share_a_session),
        TEST(refused_assume_role_leaves_no_session),
        TEST(an_unknown_own_account_is_asked_for_again),
        TEST(a_forbidden_account_fails_its_event),
        TEST(expired_session_is_renewed_within_the_event),
        TEST(a_session_is_not_renewed_for_another_trouble),
        TEST(a_session_is_renewed_once_and_later_again),
        TEST(a_session_that_cannot_be_renewed_fails_the_event_by_its_first_error),
        TEST(our_own_credentials_are_known_to_have_expired),
        TEST(an_event_of_another_account_is_refused_by_name),
        TEST(item_that_needs_no_read_is_not_applicable_in_any_account),
        TEST(our_own_account_is_known_from_the_functions_arn),
        TEST(an_account_that_may_be_ours_is_not_reported_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
