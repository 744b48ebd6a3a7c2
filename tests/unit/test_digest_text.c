/* SPDX-License-Identifier: Apache-2.0
 *
 * The message about many load balancers: what an owner reads, and what no table can make of it.
 */
#include "judging.h"

#include "report/digest.h"
#include "unit.h"

#define LB(name)                                                                                   \
    "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/" name "/0123456789abcd" \
    "ef"
#define DAY(days) (NOW_MS - (days)*MS_PER_DAY)

static struct alert_text render(const struct escalation *items, size_t count) {
    const struct digest digest = {.items = items, .count = count, .days_max = 7, .now_ms = NOW_MS};
    struct alert_text text;
    digest_render(&arena, &digest, &text);
    return text;
}

static void f4_digest_text_is_exact(void **state) {
    (void)state;
    const struct escalation items[] = {
        {STR(LB("shop")), STR("team-a"), MODE_MONITOR, MODE_DEFENSIVE, DAY(30),
         STR("MODE_TOO_WEAK,TAG_MISSING"), NULL},
        {STR(LB("cart")), STR("team-a"), MODE_DEFENSIVE, MODE_DEFENSIVE, DAY(9), STR("TAG_MISSING"),
         NULL},
    };
    struct alert_text text = render(items, COUNT(items));
    assert_str(text.subject,
               "Non-compliant for too long: 2 load balancers, the longest for 30 days");
    assert_str(
        text.body,
        "2 load balancers have been non-compliant for more than 7 days.\n"
        "\n"
        "Account: 123456789012\n"
        "Region: eu-west-1\n"
        "Owner: team-a\n"
        "\n"
        "Those that have been non-compliant longest come first. Where a command stands below one, "
        "it sets the mode:\n"
        "- shop: mode monitor, requires defensive; not compliant since 2026-10-24 08:00 UTC (30 "
        "days): MODE_TOO_WEAK, TAG_MISSING\n"
        "  aws elbv2 modify-load-balancer-attributes --region eu-west-1 --load-balancer-arn " LB(
            "shop") " --attributes Key=routing.http.desync_mitigation_mode,Value=defensive\n"
                    "- cart: mode defensive, requires defensive; not compliant since 2026-11-14 "
                    "08:00 UTC (9 days): TAG_MISSING\n"
                    "\n"
                    "AWS Config says of each what is missing, `desync-guard audit` lists them all, "
                    "and `desync-guard explain NAME --region eu-west-1` says everything about "
                    "one. This message comes once a day until they are compliant or have a valid "
                    "exception.\n");
    static const char *const ATTRIBUTES[] = {"HIGH",    "team-a",    "NON_COMPLIANT_TOO_LONG",
                                             "monitor", "eu-west-1", "123456789012"};
    for (size_t i = 0; i < ALERT_ATTRIBUTE_COUNT; i++) {
        assert_str(text.attributes[i].value, ATTRIBUTES[i]);
    }
}

/* Items that somebody else has put into the table. */
static void f4_digest_of_ten_thousand_hostile_items_is_bounded(void **state) {
    (void)state;
    const size_t count = 10000;
    struct escalation *items = ARENA_ARRAY(&arena, struct escalation, count);
    char *long_text = arena_alloc(&arena, 100000);
    memset(long_text, 'M', 100000);
    for (size_t i = 0; i < count; i++) {
        items[i] = (struct escalation){
            .arn = STR(LB("a-name-of-thirty-two-characters-")),
            .owner = STR("<b>team</b>\r\nSubject: pay\x01\xff here"),
            .mode = MODE_MONITOR,
            .required_mode = MODE_STRICTEST,
            .since_ms = i == 0 ? INT64_C(1) : NOW_MS + (int64_t)i,
            .findings = i % 2 == 0 ? (str){long_text, 100000}
                                   : STR("MODE_TOO_WEAK,MODE_TOO_WEAK,nothing,,TAG_MISSING"),
        };
    }
    struct alert_text text = render(items, count);
    assert_true(text.subject.len <= ALERT_SUBJECT_BYTES_MAX);
    assert_true(text.body.len <= DIGEST_BODY_BYTES_MAX);
    assert_true(str_contains(text.body, STR("\n- and 9950 more\n")));
    assert_false(str_contains(text.body, STR("\nSubject")));
    assert_false(str_contains(text.body, STR("<b>")));
    assert_false(str_contains(text.body, STR("MODE_TOO_WEAK, MODE_TOO_WEAK")));
    assert_int_equal(str_utf8_valid_prefix(text.body), text.body.len);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(f4_digest_text_is_exact),
        cmocka_unit_test(f4_digest_of_ten_thousand_hostile_items_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, judging_reset);
}
