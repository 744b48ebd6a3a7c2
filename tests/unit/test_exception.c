/* SPDX-License-Identifier: Apache-2.0 */
#include "judging.h"

/* The three tags of an exception; NULL: the tag is absent. */
struct exception_tags {
    const char *until;
    const char *reason;
    const char *approver;
};

static int64_t ms_of(const char *moment) {
    int64_t ms = 0;
    if (!time_parse_iso8601(str_from_cstr(moment), &ms)) {
        fail_msg("no moment: %s", moment);
    }
    return ms;
}

static struct evaluation *judge(const struct exception_tags *exception, enum desync_mode mode,
                                const struct policy *policy, int64_t now_ms) {
    const char *const keys[] = {"desync-exception-until", "desync-exception-reason",
                                "desync-exception-approver"};
    const char *const values[] = {exception->until, exception->reason, exception->approver};
    struct tag *tags = ARENA_ARRAY(&arena, struct tag, 4);
    struct load_balancer facts = facts_of(mode);
    facts.tags = tags;
    facts.tag_count = 0;
    tags[facts.tag_count++] = OWNER_TAG[0];
    for (size_t i = 0; i < COUNT(values); i++) {
        if (values[i] != NULL) {
            tags[facts.tag_count++] =
                (struct tag){str_from_cstr(keys[i]), str_from_cstr(values[i])};
        }
    }
    struct evaluation *evaluation = ARENA_NEW(&arena, struct evaluation);
    policy_evaluate(&facts, policy, now_ms, &arena, evaluation);
    return evaluation;
}

/* "MODE_TOO_WEAK,EXCEPTION_EXPIRED": the ids in the order in which they are listed. */
static const char *ids_of(const struct evaluation *evaluation) {
    str ids = STR_EMPTY;
    for (size_t i = 0; i < evaluation->finding_count; i++) {
        ids = str_format(&arena, "%" STR_FMT "%s%s", STR_ARG(ids), i == 0 ? "" : ",",
                         finding_name(evaluation->findings[i].id));
    }
    return str_to_cstr(&arena, ids);
}

#define WEAK   "MODE_TOO_WEAK"
#define UNUSED "EXCEPTION_UNUSED"

static void every_state_of_an_exception_in_every_mode(void **state) {
    (void)state;
    static const struct {
        const char *name;
        struct exception_tags tags;
        const char *weak;   /* ids when the mode is monitor */
        const char *strong; /* ids when the mode needs no exception */
    } rows[] = {
        {"none", {NULL, NULL, NULL}, WEAK, ""},
        {"honoured", {"2027-01-15", "r", "a"}, "EXCEPTION_ACTIVE", UNUSED},
        {"ends today", {"2026-11-23", "r", "a"}, "EXCEPTION_EXPIRING,EXCEPTION_ACTIVE", UNUSED},
        {"ended yesterday", {"2026-11-22", "r", "a"}, WEAK ",EXCEPTION_EXPIRED", UNUSED},
        {"last day allowed", {"2027-02-21", "r", "a"}, "EXCEPTION_ACTIVE", UNUSED},
        {"a day too long", {"2027-02-22", "r", "a"}, WEAK ",EXCEPTION_TOO_LONG", UNUSED},
        {"ages too long", {"9999-12-31", "r", "a"}, WEAK ",EXCEPTION_TOO_LONG", UNUSED},
        {"only until", {"2026-12-20", NULL, NULL}, WEAK ",EXCEPTION_INCOMPLETE", UNUSED},
        {"only reason", {NULL, "r", NULL}, WEAK ",EXCEPTION_INCOMPLETE", UNUSED},
        {"only approver", {NULL, NULL, "a"}, WEAK ",EXCEPTION_INCOMPLETE", UNUSED},
        {"no until", {NULL, "r", "a"}, WEAK ",EXCEPTION_INCOMPLETE", UNUSED},
        {"no reason", {"2026-12-20", NULL, "a"}, WEAK ",EXCEPTION_INCOMPLETE", UNUSED},
        {"no approver", {"2026-12-20", "r", NULL}, WEAK ",EXCEPTION_INCOMPLETE", UNUSED},
        {"blank until", {" ", "r", "a"}, WEAK ",EXCEPTION_INCOMPLETE", UNUSED},
        {"blank reason", {"2026-12-20", "\t", "a"}, WEAK ",EXCEPTION_INCOMPLETE", UNUSED},
        {"blank approver", {"2026-12-20", "r", ""}, WEAK ",EXCEPTION_INCOMPLETE", UNUSED},
        {"all blank", {"", "", ""}, WEAK ",EXCEPTION_INCOMPLETE", UNUSED},
        {"no date", {"soon", "r", "a"}, WEAK ",EXCEPTION_INVALID", UNUSED},
        {"two faults",
         {"2026-10-01", NULL, "a"},
         WEAK ",EXCEPTION_EXPIRED,EXCEPTION_INCOMPLETE",
         UNUSED},
        {"no date, no reason",
         {"soon", NULL, "a"},
         WEAK ",EXCEPTION_INVALID,EXCEPTION_INCOMPLETE",
         UNUSED},
        {"date in blanks", {" 2027-01-15\n", " r ", " a "}, "EXCEPTION_ACTIVE", UNUSED},
        {"date in blanks of other scripts",
         {"\xC2\xA0"
          "2027-01-15\xE3\x80\x80",
          "r", "a"},
         "EXCEPTION_ACTIVE",
         UNUSED},
    };
    struct policy *policy = policy_with(NULL, 0);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct evaluation *weak = judge(&rows[i].tags, MODE_MONITOR, policy, NOW_MS);
        bool is_excused = !str_starts_with(str_from_cstr(rows[i].weak), STR(WEAK));
        if (strcmp(ids_of(weak), rows[i].weak) != 0 || weak->has_active_exception != is_excused ||
            weak->compliance != (is_excused ? COMPLIANT : NON_COMPLIANT)) {
            fail_msg("%s: %s", rows[i].name, ids_of(weak));
        }
        for (int mode = MODE_DEFENSIVE; mode <= MODE_STRICTEST; mode++) {
            struct evaluation *strong =
                judge(&rows[i].tags, (enum desync_mode)mode, policy, NOW_MS);
            if (strcmp(ids_of(strong), rows[i].strong) != 0 || strong->compliance != COMPLIANT ||
                strong->has_active_exception) {
                fail_msg("%s: %s", rows[i].name, ids_of(strong));
            }
        }
    }
}

static void only_an_existing_day_is_a_date(void **state) {
    (void)state;
    static const char *const dates[] = {
        "2026-13-01",
        "2026-00-10",
        "2026-11-31",
        "2027-02-29",
        "2026-12-00",
        "2026-12-1",
        "26-12-01",
        "2026/12/01",
        "01-12-2026",
        "20261201",
        "2026-12-01T00:00:00Z",
        "2026-12-01 or so",
        "+026-12-01",
        "2026-12-\xEF\xBC\x91",
        "never",
        "2026-12\xE2\x80\x8B-01",
    };
    struct policy *policy = policy_with(NULL, 0);
    for (size_t i = 0; i < COUNT(dates); i++) {
        const struct exception_tags tags = {dates[i], "r", "a"};
        struct evaluation *result = judge(&tags, MODE_MONITOR, policy, NOW_MS);
        if (result->compliance != NON_COMPLIANT ||
            find(result, FINDING_EXCEPTION_INVALID) == NULL) {
            fail_msg("taken as a date: %s", dates[i]);
        }
        assert_true(str_is_empty(result->exception_until));
    }
}

static void invisible_text_is_no_date_reason_or_approver(void **state) {
    (void)state;
    struct policy *policy = policy_with(NULL, 0);
    for (size_t i = 0; i < COUNT(BLANKS); i++) {
        const struct exception_tags rows[] = {{BLANKS[i].text, "r", "a"},
                                              {"2026-12-20", BLANKS[i].text, "a"},
                                              {"2026-12-20", "r", BLANKS[i].text}};
        for (size_t k = 0; k < COUNT(rows); k++) {
            struct evaluation *result = judge(&rows[k], MODE_MONITOR, policy, NOW_MS);
            if (result->compliance != NON_COMPLIANT || result->has_active_exception ||
                strcmp(ids_of(result), WEAK ",EXCEPTION_INCOMPLETE") != 0) {
                fail_msg("%s: %s", BLANKS[i].name, ids_of(result));
            }
        }
    }
}

static void the_day_begins_and_ends_at_utc_midnight(void **state) {
    (void)state;
    static const struct {
        const char *now;
        const char *until;
        const char *ids;
    } rows[] = {
        {"2026-11-23T00:00:00.000Z", "2026-11-23", "EXCEPTION_EXPIRING,EXCEPTION_ACTIVE"},
        {"2026-11-23T23:59:59.999Z", "2026-11-23", "EXCEPTION_EXPIRING,EXCEPTION_ACTIVE"},
        {"2026-11-24T00:00:00.000Z", "2026-11-23", WEAK ",EXCEPTION_EXPIRED"},
        /* west of Greenwich it is still the 23rd */
        {"2026-11-23T20:00:00-05:00", "2026-11-23", WEAK ",EXCEPTION_EXPIRED"},
        {"2026-11-22T23:59:59.999Z", "2027-02-21", WEAK ",EXCEPTION_TOO_LONG"},
        {"2026-11-23T00:00:00.000Z", "2027-02-21", "EXCEPTION_ACTIVE"},
        {"2028-02-28T23:59:59.999Z", "2028-02-29", "EXCEPTION_EXPIRING,EXCEPTION_ACTIVE"},
        {"2028-02-29T23:59:59.999Z", "2028-02-29", "EXCEPTION_EXPIRING,EXCEPTION_ACTIVE"},
        {"2028-03-01T00:00:00.000Z", "2028-02-29", WEAK ",EXCEPTION_EXPIRED"},
        {"2027-12-31T23:59:59.999Z", "2027-12-31", "EXCEPTION_EXPIRING,EXCEPTION_ACTIVE"},
        {"2028-01-01T00:00:00.000Z", "2027-12-31", WEAK ",EXCEPTION_EXPIRED"},
        /* 90 days from here pass over a leap day */
        {"2028-01-01T12:00:00Z", "2028-03-31", "EXCEPTION_ACTIVE"},
        {"2028-01-01T12:00:00Z", "2028-04-01", WEAK ",EXCEPTION_TOO_LONG"},
    };
    struct policy *policy = policy_with(NULL, 0);
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct exception_tags tags = {rows[i].until, "r", "a"};
        const char *ids = ids_of(judge(&tags, MODE_MONITOR, policy, ms_of(rows[i].now)));
        if (strcmp(ids, rows[i].ids) != 0) {
            fail_msg("%s until %s: %s", rows[i].now, rows[i].until, ids);
        }
    }
}

static void exactly_the_days_from_today_to_the_maximum_are_honoured(void **state) {
    (void)state;
    static const char *const days_max[] = {"0", "1", "30", "366"};
    int64_t today = date_days_of_ms(NOW_MS);
    for (size_t i = 0; i < COUNT(days_max); i++) {
        struct policy *policy = policy_with_one("maxExceptionDays", days_max[i]);
        for (int64_t day = -3; day <= 370; day++) {
            str until = date_format(&arena, today + day);
            const struct exception_tags tags = {str_to_cstr(&arena, until), "r", "a"};
            struct evaluation *result = judge(&tags, MODE_MONITOR, policy, NOW_MS);
            bool is_expected = day >= 0 && day <= policy->max_exception_days;
            if (result->has_active_exception != is_expected) {
                fail_msg("max %s, day %d", days_max[i], (int)day);
            }
            assert_true(str_eq(result->exception_until, until));
        }
    }
}

static void warning_comes_on_the_last_days_only(void **state) {
    (void)state;
    static const struct {
        const char *warning_days;
        const char *until;
        const char *when; /* NULL: no warning */
    } rows[] = {
        {"14", "2026-11-23", "ends today (2026-11-23)"},
        {"14", "2026-11-24", "ends tomorrow (2026-11-24)"},
        {"14", "2026-12-07", "ends in 14 days (2026-12-07)"},
        {"14", "2026-12-08", NULL},
        {"0", "2026-11-23", "ends today"},
        {"0", "2026-11-24", NULL},
        {"90", "2027-02-21", "ends in 90 days"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct policy *policy = policy_with_one("exceptionWarningDays", rows[i].warning_days);
        const struct exception_tags tags = {rows[i].until, "r", "a"};
        struct evaluation *result = judge(&tags, MODE_MONITOR, policy, NOW_MS);
        const struct finding *finding = find(result, FINDING_EXCEPTION_EXPIRING);
        assert_int_equal(result->compliance, COMPLIANT);
        if ((finding != NULL) != (rows[i].when != NULL)) {
            fail_msg("warning %s, until %s", rows[i].warning_days, rows[i].until);
        }
        if (finding != NULL) {
            assert_false(finding->is_failing);
            assert_contains(finding->message, rows[i].when);
        }
    }
}

static void messages_say_what_to_do(void **state) {
    (void)state;
    static const struct {
        enum finding_id id;
        struct exception_tags tags;
        const char *message;
    } rows[] = {
        {FINDING_EXCEPTION_EXPIRED,
         {"2026-10-01", "r", "a"},
         "The exception ended on 2026-10-01 and no longer excuses the mode. Set "
         "routing.http.desync_mitigation_mode to defensive, or have the exception approved again "
         "with a new date in the tag desync-exception-until."},
        {FINDING_EXCEPTION_INVALID,
         {"next\nweek", "r", "a"},
         "The tag desync-exception-until has the value \"next week\", which is no date. Write it "
         "as YYYY-MM-DD; until then the exception does not count."},
        {FINDING_EXCEPTION_INCOMPLETE,
         {"2026-12-01", " ", NULL},
         "The exception is not complete: desync-exception-reason and desync-exception-approver "
         "missing or blank. Add what is missing; until then the exception does not count."},
        {FINDING_EXCEPTION_TOO_LONG,
         {"2028-01-01", "r", "a"},
         "The exception runs until 2028-01-01, more than 90 days from today. Set the tag "
         "desync-exception-until to 2027-02-21 or earlier; until then the exception does not "
         "count."},
        {FINDING_EXCEPTION_ACTIVE,
         {"2027-01-15", "old\tclients", "ciso"},
         "The mode monitor is excused until 2027-01-15 (reason \"old clients\", approved by "
         "\"ciso\"). After that defensive is required."},
    };
    struct policy *policy = policy_with(NULL, 0);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct evaluation *result = judge(&rows[i].tags, MODE_MONITOR, policy, NOW_MS);
        const struct finding *finding = find(result, rows[i].id);
        if (finding == NULL) {
            fail_msg("no %s", finding_name(rows[i].id));
            return;
        }
        assert_str(finding->message, rows[i].message);
        assert_int_equal(finding->is_failing, rows[i].id != FINDING_EXCEPTION_ACTIVE);
    }
    const struct exception_tags unused = {"soon", NULL, NULL};
    struct evaluation *result = judge(&unused, MODE_STRICTEST, policy, NOW_MS);
    assert_str(result->findings[0].message,
               "The mode strictest is strict enough (defensive is required), so the exception is "
               "not needed. Remove the tags that begin with desync-exception.");
}

static void exception_excuses_a_higher_requirement_but_never_a_tag(void **state) {
    (void)state;
    struct policy *policy = policy_with_one("internalMode", "strictest");
    const struct exception_tags tags = {"2027-01-15", "r", "a"};
    struct evaluation *result = judge(&tags, MODE_DEFENSIVE, policy, NOW_MS);
    assert_int_equal(result->compliance, COMPLIANT);
    assert_true(result->has_active_exception);
    policy = policy_with_one("requiredTags", "CostCenter");
    result = judge(&tags, MODE_MONITOR, policy, NOW_MS);
    assert_int_equal(result->compliance, NON_COMPLIANT);
    assert_string_equal(ids_of(result), "TAG_MISSING,EXCEPTION_ACTIVE");
}

static void exception_excuses_no_header_and_no_profile_typo(void **state) {
    (void)state;
    const struct tag tags[] = {OWNER_TAG[0],
                               {STR("desync-exception-until"), STR("2027-01-15")},
                               {STR("desync-exception-reason"), STR("r")},
                               {STR("desync-exception-approver"), STR("a")},
                               {STR("DesyncProfile"), STR("typo")}};
    struct load_balancer facts = facts_of(MODE_MONITOR);
    facts.tags = tags;
    facts.tag_count = COUNT(tags);
    facts.drops_invalid_headers = NO;
    struct evaluation *result = evaluate(&facts, policy_with_one("dropInvalidHeaders", "require"));
    assert_int_equal(result->compliance, NON_COMPLIANT);
    assert_string_equal(ids_of(result), "PROFILE_UNKNOWN,HEADERS_NOT_DROPPED,EXCEPTION_ACTIVE");
}

static void prefix_and_its_case_are_the_policy_s(void **state) {
    (void)state;
    struct policy *policy = policy_with_one("exceptionTagPrefix", "Waiver");
    const struct exception_tags ignored = {"2027-01-15", "r", "a"};
    assert_string_equal(ids_of(judge(&ignored, MODE_MONITOR, policy, NOW_MS)), WEAK);
    const struct tag tags[] = {OWNER_TAG[0],
                               {STR("Waiver-until"), STR("2027-01-15")},
                               {STR("Waiver-reason"), STR("r")},
                               {STR("Waiver-Approver"), STR("a")}};
    struct load_balancer facts = facts_of(MODE_MONITOR);
    facts.tags = tags;
    facts.tag_count = COUNT(tags);
    struct evaluation *result = evaluate(&facts, policy);
    assert_string_equal(ids_of(result), WEAK ",EXCEPTION_INCOMPLETE");
    assert_contains(find(result, FINDING_EXCEPTION_INCOMPLETE)->message, ": Waiver-approver ");
}

static void end_date_is_reported_but_not_judged_when_the_mode_is_unknown(void **state) {
    (void)state;
    const struct exception_tags tags = {"2026-10-01", "r", "a"};
    struct evaluation *result = judge(&tags, MODE_UNKNOWN, policy_with(NULL, 0), NOW_MS);
    assert_int_equal(result->compliance, COMPLIANCE_UNKNOWN);
    assert_int_equal(result->finding_count, 0);
    assert_str(result->exception_until, "2026-10-01");
    assert_false(result->has_active_exception);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_state_of_an_exception_in_every_mode),
        cmocka_unit_test(only_an_existing_day_is_a_date),
        cmocka_unit_test(invisible_text_is_no_date_reason_or_approver),
        cmocka_unit_test(the_day_begins_and_ends_at_utc_midnight),
        cmocka_unit_test(exactly_the_days_from_today_to_the_maximum_are_honoured),
        cmocka_unit_test(warning_comes_on_the_last_days_only),
        cmocka_unit_test(messages_say_what_to_do),
        cmocka_unit_test(exception_excuses_a_higher_requirement_but_never_a_tag),
        cmocka_unit_test(exception_excuses_no_header_and_no_profile_typo),
        cmocka_unit_test(prefix_and_its_case_are_the_policy_s),
        cmocka_unit_test(end_date_is_reported_but_not_judged_when_the_mode_is_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, judging_reset);
}
