/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/sts.h"
#include "extra_data.h"
#include "torture.h"

#define ROLE        "arn:aws:iam::444455556666:role/path/reader"
#define OTHER_KEY   "ASIAOTHERACCOUNTKEY1"
#define OTHER_WORD  "other/Secret+Word/NotRealNotRealNotReal0"
#define OTHER_TOKEN "OtherSessionToken//NotReal=="
#define SESSION(inside)                                                                            \
    "<AssumeRoleResponse><AssumeRoleResult><Credentials>" inside                                   \
    "</Credentials></AssumeRoleResult></AssumeRoleResponse>"
#define KEYS                                                                                       \
    "<AccessKeyId>" OTHER_KEY "</AccessKeyId><SecretAccessKey>" OTHER_WORD "</SecretAccessKey>"
#define TOKEN        "<SessionToken>" OTHER_TOKEN "</SessionToken>"
#define EXPIRES      "<Expiration>2026-11-23T08:15:00Z</Expiration>"
#define IDENTITY_ARN "arn:aws:sts::111122223333:assumed-role/Auditor/alice"
#define IDENTITY(account)                                                                          \
    "<GetCallerIdentityResponse><GetCallerIdentityResult><Account>" account                        \
    "</Account><Arn>" IDENTITY_ARN "</Arn></GetCallerIdentityResult></GetCallerIdentityResponse>"

static enum status assume_into(struct aws_fixture *fixture, str external_id,
                               struct sts_session *session) {
    const struct sts_role role = {STR(ROLE), external_id};
    return sts_assume_role(&fixture->client, &role, &fixture->arena, session, &fixture->error);
}

static enum status assume(struct aws_fixture *fixture) {
    struct sts_session session;
    return assume_into(fixture, STR_EMPTY, &session);
}

static enum status get_account(struct aws_fixture *fixture) {
    struct sts_caller caller;
    return sts_get_caller(&fixture->client, &fixture->arena, &caller, &fixture->error);
}

static void answer_once(struct aws_fixture *fixture, const char *body) {
    fake_answer(&fixture->fake,
                (struct fake_answer){.http_status = 200, .body = str_from_cstr(body)});
}

static void assume_role_gives_the_credentials_of_the_answer(void **state) {
    (void)state;
    struct aws_fixture fixture;
    struct sts_session session;
    fixture_begin(&fixture);
    answer_once(&fixture, SESSION(KEYS TOKEN EXPIRES));
    assert_int_equal(assume_into(&fixture, STR("ext:id/1"), &session), STATUS_OK);
    assert_str(session.credentials.access_key_id, OTHER_KEY);
    assert_str(session.credentials.secret_access_key, OTHER_WORD);
    assert_str(session.credentials.session_token, OTHER_TOKEN);
    assert_int_equal(session.expires_ms, FAKE_NOW_MS + 900000);
    assert_str(fixture.fake.requests[0].http.url, "https://sts.eu-west-1.amazonaws.com/");
    assert_str(fake_request_body(&fixture.fake, 0),
               "Action=AssumeRole&Version=2011-06-15"
               "&RoleArn=arn%3Aaws%3Aiam%3A%3A444455556666%3Arole%2Fpath%2Freader"
               "&RoleSessionName=desync-guard&DurationSeconds=900&ExternalId=ext%3Aid%2F1");
    fixture_end(&fixture);
}

static void assume_role_without_an_external_id_sends_none(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    answer_once(&fixture, SESSION(KEYS TOKEN EXPIRES));
    assert_int_equal(assume(&fixture), STATUS_OK);
    assert_false(str_contains(fake_request_body(&fixture.fake, 0), STR("ExternalId")));
    fixture_end(&fixture);
}

static void assume_role_answers_without_usable_credentials_are_unreadable(void **state) {
    (void)state;
    static const char *const bodies[] = {
        SESSION(""),
        SESSION(KEYS TOKEN),
        SESSION(KEYS EXPIRES),
        SESSION(TOKEN EXPIRES),
        SESSION(KEYS TOKEN "<Expiration>soon</Expiration>"),
        SESSION(KEYS "<SessionToken>a b</SessionToken>" EXPIRES),
        SESSION(KEYS "<SessionToken>a&#10;X-Evil: 1</SessionToken>" EXPIRES),
        IDENTITY("444455556666"),
        "<AssumeRoleResponse><AssumeRoleResult>",
    };
    refuse_bodies(assume, bodies, sizeof bodies / sizeof *bodies);
}

/* Neither ours nor those of an answer that was broken behind them. */
static void assume_role_error_hides_the_new_credentials(void **state) {
    (void)state;
    static const char *const bodies[] = {
        SESSION(KEYS TOKEN "<Expiration>" OTHER_WORD "</Expiration>"),
        SESSION(KEYS TOKEN "<Expiration>2026-11-23T08:15:00Z</" OTHER_WORD ">"),
        "<Other>" OTHER_WORD OTHER_TOKEN "</Other>",
        OTHER_WORD,
    };
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        struct aws_fixture fixture;
        fixture_begin(&fixture);
        fixture.client.attempts_max = 1;
        answer_once(&fixture, bodies[i]);
        assert_int_equal(assume(&fixture), STATUS_INCOMPLETE);
        str message = fixture.error.message;
        assert_false(str_contains(message, STR(OTHER_WORD)));
        assert_false(str_contains(message, STR(OTHER_TOKEN)));
        assert_false(str_contains(message, STR(OTHER_KEY)));
        fixture_end(&fixture);
    }
}

static void assume_role_error_hides_the_external_id(void **state) {
    (void)state;
    static const char *const said[] = {
        "Value 'ext:id/1234567' at 'externalId' failed",
        "Value '...id/1234567' at 'externalId' failed",
        "Value 'ext%3Aid%2F1234567' at 'externalId' failed",
    };
    for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
        struct aws_fixture fixture;
        struct sts_session session;
        fixture_begin(&fixture);
        str body = str_format(&fixture.arena,
                              "<ErrorResponse><Error><Code>ValidationError</Code><Message>%s"
                              "</Message></Error></ErrorResponse>",
                              said[i]);
        fake_answer(&fixture.fake, (struct fake_answer){.http_status = 400, .body = body});
        assert_int_equal(assume_into(&fixture, STR("ext:id/1234567"), &session), STATUS_REFUSED);
        assert_true(str_contains(fixture.error.message, STR("[hidden]' at 'externalId' failed")));
        assert_false(str_contains(fixture.error.message, STR("1234567")));
        fixture_end(&fixture);
    }
}

static void assume_role_of_an_invalid_arn_sends_no_request(void **state) {
    (void)state;
    static const char *const arns[] = {
        "",
        "reader",
        "arn:aws:iam::444455556666:role/",
        "arn:aws:iam::444455556666:user/reader",
        "arn:aws:iam::44445555666:role/reader",
        "arn:aws:iam:eu-west-1:444455556666:role/reader",
        "arn:aws:sts::444455556666:role/reader",
        "arn::iam::444455556666:role/reader",
        "arn:aws:iam::444455556666:role/rea der",
        "arn:aws:iam::444455556666:role/r\n",
    };
    static const char *const ids[] = {"x", "a b", "a\"b", "caf\xc3\xa9"};
    struct aws_fixture fixture;
    struct sts_session session;
    fixture_begin(&fixture);
    for (size_t i = 0; i < sizeof arns / sizeof *arns; i++) {
        const struct sts_role role = {.arn = str_from_cstr(arns[i])};
        if (sts_assume_role(&fixture.client, &role, &fixture.arena, &session, NULL) !=
            STATUS_INVALID) {
            fail_msg("%s", arns[i]);
        }
    }
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        assert_int_equal(assume_into(&fixture, str_from_cstr(ids[i]), &session), STATUS_INVALID);
    }
    assert_int_equal(fixture.fake.request_count, 0);
    fixture_end(&fixture);
}

static void account_is_read_or_the_answer_is_unreadable(void **state) {
    (void)state;
    static const char *const bodies[] = {IDENTITY(""), IDENTITY("12345"), IDENTITY("11112222333x"),
                                         SESSION(KEYS), "{}"};
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    answer_once(&fixture, IDENTITY("111122223333"));
    struct sts_caller caller;
    assert_int_equal(sts_get_caller(&fixture.client, &fixture.arena, &caller, &fixture.error),
                     STATUS_OK);
    assert_str(caller.account, "111122223333");
    assert_str(caller.arn, IDENTITY_ARN);
    assert_str(fake_request_body(&fixture.fake, 0), "Action=GetCallerIdentity&Version=2011-06-15");
    fixture_end(&fixture);
    refuse_bodies(get_account, bodies, sizeof bodies / sizeof *bodies);
}

static void sts_survives_every_fault(void **state) {
    (void)state;
    const struct torture tortures[] = {
        {assume, STR(SESSION(KEYS TOKEN EXPIRES)), "sts AssumeRole: ", RETRY_ATTEMPTS_DEFAULT},
        {get_account, STR(IDENTITY("111122223333")),
         "sts GetCallerIdentity: ", RETRY_ATTEMPTS_DEFAULT},
    };
    torture_all(&tortures[0]);
    torture_all(&tortures[1]);
}

/* ---- the client that acts with them ---- */

static void client_of_a_session_signs_with_it_and_has_a_quota_of_its_own(void **state) {
    (void)state;
    struct aws_fixture fixture;
    struct sts_session session;
    struct aws_client other;
    struct pace pace;
    fixture_begin(&fixture);
    pace_init(&pace, PACE_RATE_DEFAULT, 0, FAKE_NOW_MS);
    fixture.client.pace = &pace;
    fixture.client.quota.tokens = 3;
    fixture.client.skew_ms = 7;
    fixture.client.deadline_ms = FAKE_NOW_MS + 5000;
    fixture.client.attempts_max = 2;
    fixture.client.endpoints.override_all = STR("http://127.0.0.1:5000");
    answer_once(&fixture, SESSION(KEYS TOKEN EXPIRES));
    answer_once(&fixture, IDENTITY("444455556666"));
    answer_once(&fixture, IDENTITY("111122223333"));
    assert_int_equal(assume_into(&fixture, STR_EMPTY, &session), STATUS_OK);
    aws_client_with_credentials(&other, &fixture.client, &session.credentials);
    struct sts_caller caller;
    assert_int_equal(sts_get_caller(&other, &fixture.arena, &caller, NULL), STATUS_OK);
    assert_true(str_contains(fake_request_header(&fixture.fake, 0, "Authorization"),
                             STR("Credential=" FIXTURE_KEY_ID "/")));
    assert_true(str_contains(fake_request_header(&fixture.fake, 1, "Authorization"),
                             STR("Credential=" OTHER_KEY "/20261123/eu-west-1/sts/")));
    assert_str(fake_request_header(&fixture.fake, 1, "X-Amz-Security-Token"), OTHER_TOKEN);
    assert_str(fixture.fake.requests[1].http.url, "http://127.0.0.1:5000/");
    assert_int_equal(get_account(&fixture), STATUS_OK); /* the first client's next call */
    assert_false(str_eq(fake_request_header(&fixture.fake, 1, "amz-sdk-invocation-id"),
                        fake_request_header(&fixture.fake, 2, "amz-sdk-invocation-id")));
    assert_int_equal(other.quota.tokens, RETRY_QUOTA_CAPACITY);
    assert_int_equal(fixture.client.quota.tokens, 5); /* its own two successes, not the other's */
    assert_int_equal(other.deadline_ms, fixture.client.deadline_ms);
    assert_int_equal(other.attempts_max, 2);
    assert_null(other.pace);
    assert_int_equal(other.calls_sent, 1);
    fixture_end(&fixture);
}

static void recorded_answers_are_read(void **state) {
    struct aws_fixture *fixture = *state;
    struct sts_session session;
    str recorded = extra_data_or_skip(&fixture->arena, "data/wire/sts-AssumeRole.resp");
    size_t body = 0;
    while (body < recorded.len && recorded.ptr[body] != '<') {
        body++;
    }
    fake_answer(
        &fixture->fake,
        (struct fake_answer){.http_status = 200, .body = str_slice(recorded, body, recorded.len)});
    assert_int_equal(assume_into(fixture, STR_EMPTY, &session), STATUS_OK);
    assert_true(str_starts_with(session.credentials.access_key_id, STR("ASIA")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(assume_role_gives_the_credentials_of_the_answer),
        cmocka_unit_test(assume_role_without_an_external_id_sends_none),
        cmocka_unit_test(assume_role_answers_without_usable_credentials_are_unreadable),
        cmocka_unit_test(assume_role_error_hides_the_new_credentials),
        cmocka_unit_test(assume_role_error_hides_the_external_id),
        cmocka_unit_test(assume_role_of_an_invalid_arn_sends_no_request),
        cmocka_unit_test(account_is_read_or_the_answer_is_unreadable),
        cmocka_unit_test(sts_survives_every_fault),
        cmocka_unit_test(client_of_a_session_signs_with_it_and_has_a_quota_of_its_own),
        cmocka_unit_test_setup_teardown(recorded_answers_are_read, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
