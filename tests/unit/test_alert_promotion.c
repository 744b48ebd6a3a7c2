/* SPDX-License-Identifier: Apache-2.0
 *
 * Alerts of a promotion, its roll back and the end of its watch, as the owner reads them.
 */
#include "judging.h"

#include "report/alert.h"

#define SHOP                                                                                       \
    "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/shop/0123456789abcdef"

static struct alert_text rendered_ending(enum alert_kind kind, enum desync_mode mode,
                                         enum desync_mode from, const char *note,
                                         enum watch_ending ending) {
    struct evaluation *evaluation = ARENA_NEW(&arena, struct evaluation);
    *evaluation = (struct evaluation){.resource_type = STR(LOAD_BALANCER_RESOURCE_TYPE),
                                      .resource_id = STR(SHOP),
                                      .compliance = COMPLIANT,
                                      .mode = mode,
                                      .required_mode = MODE_DEFENSIVE,
                                      .required_because = STR("minimum"),
                                      .grade = 'B',
                                      .owner = STR("team-a")};
    const struct alert alert = {.kind = kind,
                                .evaluation = evaluation,
                                .now_ms = NOW_MS,
                                .changed_from = from,
                                .changed_to = from == MODE_UNKNOWN ? MODE_UNKNOWN : mode,
                                .note = str_from_cstr(note),
                                .ending = ending};
    struct alert_text text;
    alert_render(&arena, &alert, &text);
    return text;
}

static struct alert_text rendered(enum alert_kind kind, enum desync_mode mode,
                                  enum desync_mode from, const char *note) {
    return rendered_ending(kind, mode, from, note, WATCH_ENDING_NONE);
}

static void is_beginning(str body, const char *expected) {
    str wanted = str_from_cstr(expected);
    if (!str_starts_with(body, wanted)) {
        fail_msg("%s", str_to_cstr(&arena, body));
    }
}

static void promoted_alert_says_why_and_what_comes_next(void **state) {
    (void)state;
    const struct alert_text text = rendered(ALERT_PROMOTED, MODE_STRICTEST, MODE_DEFENSIVE,
                                            "strictest would block 0 of 5000 requests");
    assert_str(text.subject, "Promoted: shop, mode strictest (was defensive)");
    is_beginning(text.body,
                 "desync-guard raised the desync mitigation mode of the load balancer shop from "
                 "defensive to strictest, as the evidence allows. desync-guard watches "
                 "it now, and rolls it back if errors rise.\n"
                 "Why: strictest would block 0 of 5000 requests\n"
                 "\n"
                 "Load balancer: " SHOP "\n"
                 "Account: 123456789012\n"
                 "Region: eu-west-1\n"
                 "Mode: strictest, requires defensive (minimum)\n"
                 "Owner: team-a\n"
                 "\n"
                 "The next deployment undoes this, unless the code that describes the load "
                 "balancer sets the same mode.\n");
    assert_contains(text.body, "strictest");
    assert_false(str_contains(text.body, STR("Not compliant since")));
    assert_str(text.attributes[3].value, "strictest");
}

static void rolled_back_alert_says_what_rose(void **state) {
    (void)state;
    const struct alert_text text = rendered(ALERT_ROLLED_BACK, MODE_DEFENSIVE, MODE_STRICTEST,
                                            "HTTPCode_ELB_4XX per request rose by more than 5 %");
    assert_str(text.subject, "Promotion rolled back: shop, mode defensive (was strictest)");
    is_beginning(text.body,
                 "desync-guard set the desync mitigation mode of the load balancer shop back from "
                 "strictest to defensive.\n"
                 "Why: HTTPCode_ELB_4XX per request rose by more than 5 %\n");
    assert_false(str_contains(text.body, STR("Fix it with")));
}

static void ended_watch_alert_says_how(void **state) {
    (void)state;
    const struct alert_text text =
        rendered(ALERT_WATCH_ENDED, MODE_STRICTEST, MODE_UNKNOWN, "errors did not rise");
    assert_str(text.subject, "Watch ended: shop, mode strictest");
    is_beginning(text.body, "The watch over the promotion of the load balancer shop has ended.\n"
                            "Why: errors did not rise\n");
    assert_false(str_contains(text.body, STR("next deployment")));
}

static void ended_watch_alert_says_the_outcome(void **state) {
    (void)state;
    static const struct {
        enum watch_ending ending;
        const char *subject;
        const char *headline;
    } rows[] = {
        {WATCH_ENDING_HELD, "Watch ended: shop, mode strictest",
         "The watch over the promotion of the load balancer shop has ended: the promotion held.\n"},
        {WATCH_ENDING_REVERTED, "Watch ended: shop, mode strictest (reverted)",
         "The watch over the promotion of the load balancer shop has ended: somebody else has "
         "changed the mode (reverted).\n"
         "desync-guard does not promote it again by itself. To have it promoted again, tag it "
         "desync-promotion=retry; to keep it as it is, tag it desync-promotion=hold.\n"},
        {WATCH_ENDING_INCONCLUSIVE, "Watch ended: shop, mode strictest (inconclusive)",
         "The watch over the promotion of the load balancer shop has ended without a result "
         "(inconclusive): nobody knows whether clients are blocked.\n"
         "If its access logs are on, `desync-guard logs` on them tells.\n"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct alert_text text = rendered_ending(
            ALERT_WATCH_ENDED, MODE_STRICTEST, MODE_UNKNOWN, "no request was seen", rows[i].ending);
        assert_str(text.subject, rows[i].subject);
        is_beginning(text.body, rows[i].headline);
        assert_contains(text.body, "\nWhy: no request was seen\n");
    }
}

/* It comes from us, but holds numbers and names that come from elsewhere. */
static void a_note_stays_on_its_line(void **state) {
    (void)state;
    const struct alert_text text =
        rendered(ALERT_WATCH_ENDED, MODE_STRICTEST, MODE_UNKNOWN, "a\nOwner: <b>mallory</b>");
    assert_false(str_contains(text.body, STR("\nOwner: <b>")));
    assert_false(str_contains(text.body, STR("\nOwner: mallory")));
    assert_contains(text.body, "\nOwner: team-a\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(promoted_alert_says_why_and_what_comes_next),
        cmocka_unit_test(rolled_back_alert_says_what_rose),
        cmocka_unit_test(ended_watch_alert_says_how),
        cmocka_unit_test(ended_watch_alert_says_the_outcome),
        cmocka_unit_test(a_note_stays_on_its_line),
    };
    return cmocka_run_group_tests(tests, NULL, judging_reset);
}
