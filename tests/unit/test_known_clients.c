/* SPDX-License-Identifier: Apache-2.0 */
#include "report/known_clients.h"

#include <string.h>

#include "unit.h"

struct row {
    const char *name;
    const char *reason;
    const char *user_agent;
    const char *cause_part;
    const char *fix_part;
};

static const struct row rows[] = {
    {"Reactor Netty", "GetHeadZeroContentLength", "ReactorNetty/1.1.13", "Reactor Netty", "3664"},
    {"in other letters", "GetHeadZeroContentLength", "reactornetty/dev", "Reactor Netty", "3664"},
    {"Micronaut", "GetHeadZeroContentLength", "Micronaut HTTP Client", "10210", "Micronaut"},
    {"PowerShell 7", "GetHeadZeroContentLength",
     "Mozilla/5.0 (Windows NT 10.0; en-US) PowerShell/7.1.3", "Invoke-RestMethod", "16587"},
    {"http.rb", "GetHeadZeroContentLength", "http.rb/4.4.1", "487", "684"},
    {"no user agent", "GetHeadZeroContentLength", "-", "HAProxy", "health"},
    {"empty user agent", "GetHeadZeroContentLength", "", "HAProxy", "check"},
    {"a Go program", "UndefinedContentLengthSemantics", "Go-http-client/1.1", "harbor", "472"},
    {"Windows PowerShell 5 is not known for it", "GetHeadZeroContentLength",
     "Mozilla/5.0 WindowsPowerShell/5.1.19041.1320", "GET or HEAD with \"Content-Length: 0\"",
     "library"},
    {"a dash within is no missing one", "GetHeadZeroContentLength", "my-client", "GET or HEAD",
     "library"},
    {"a known client for another reason", "SpaceInUri", "ReactorNetty/1.1.13", "blank", "%20"},
    {"a reason of next year", "OfNextYear", "curl/8", "does not know", "Look it up"},
    {"no reason", "", "", "does not know", "Look it up"},
};

static void each_client_has_its_likely_cause_and_fix(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct client_advice advice =
            client_advice_for(str_from_cstr(rows[i].reason), str_from_cstr(rows[i].user_agent));
        if (strstr(advice.cause, rows[i].cause_part) == NULL &&
            strstr(advice.fix, rows[i].cause_part) == NULL) {
            fail_msg("%s: cause \"%s\"", rows[i].name, advice.cause);
        }
        if (strstr(advice.fix, rows[i].fix_part) == NULL &&
            strstr(advice.cause, rows[i].fix_part) == NULL) {
            fail_msg("%s: fix \"%s\"", rows[i].name, advice.fix);
        }
    }
}

/* AWS's user guide, "Classification reasons", and the one that its library has since 2026. */
static void every_documented_reason_is_explained(void **state) {
    (void)state;
    static const char *const reasons[] = {"GetHeadZeroContentLength",
                                          "NonCompliantHeader",
                                          "NonCompliantVersion",
                                          "SpaceInUri",
                                          "AmbiguousUri",
                                          "BothTeClPresent",
                                          "DuplicateContentLength",
                                          "EmptyHeader",
                                          "SuspiciousHeader",
                                          "UndefinedContentLengthSemantics",
                                          "UndefinedTransferEncodingSemantics",
                                          "BadContentLength",
                                          "BadHeader",
                                          "BadMethod",
                                          "BadTransferEncoding",
                                          "BadUri",
                                          "BadVersion",
                                          "MultipleContentLength",
                                          "MultipleTransferEncodingChunked",
                                          "SuspiciousTeClPresent"};
    const char *unknown = client_advice_for(STR("?"), STR("curl")).cause;
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        struct client_advice advice = client_advice_for(str_from_cstr(reasons[i]), STR("curl"));
        assert_string_not_equal(advice.cause, unknown);
        assert_true(strlen(advice.fix) > 10);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_client_has_its_likely_cause_and_fix),
        cmocka_unit_test(every_documented_reason_is_explained),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
