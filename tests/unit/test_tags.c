/* SPDX-License-Identifier: Apache-2.0 */
#include "judging.h"

static const struct {
    const char *name;
    const char *key; /* NULL: no tags at all */
    const char *value;
    const char *required;
    const char *message; /* NULL: compliant */
    enum finding_id id;
} tag_rows[] = {
    {"present", "Env", "x", "Env", NULL, FINDING_TAG_MISSING},
    {"no tags", NULL, "", "Env",
     "The tag Env is missing. Add it within 7 days with a value that is not blank.",
     FINDING_TAG_MISSING},
    {"blank", "Env", " \t", "Env",
     "The tag Env is blank. Fill it within 7 days with a value that is not blank.",
     FINDING_TAG_MISSING},
    {"other case", "ENV", "x", "Env",
     "The tag Env is missing (there is a tag ENV, but tag keys are case-sensitive). Add it "
     "within 7 days with a value that is not blank.",
     FINDING_TAG_MISSING},
    {"missing of some", NULL, "", "Env=prod|dev",
     "The tag Env is missing. Add it within 7 days with one of: prod, dev.", FINDING_TAG_MISSING},
    {"allowed", "Env", "dev", "Env=prod|dev", NULL, FINDING_TAG_MISSING},
    {"allowed after trim", "Env", " dev ", "Env=prod|dev", NULL, FINDING_TAG_MISSING},
    {"allowed after what shows nothing", "Env",
     "\xEF\xBB\xBF"
     "dev\xC2\xA0",
     "Env=prod|dev", NULL, FINDING_TAG_MISSING},
    {"not allowed", "Env", "test", "Env=prod|dev",
     "The tag Env has the value \"test\", which is not allowed. Set it within 7 days to one "
     "of: prod, dev.",
     FINDING_TAG_VALUE_NOT_ALLOWED},
    {"value case counts", "Env", "Prod", "Env=prod",
     "The tag Env has the value \"Prod\", which is not allowed. Set it within 7 days to one "
     "of: prod.",
     FINDING_TAG_VALUE_NOT_ALLOWED},
    {"prefix is not enough", "Env", "pro", "Env=prod",
     "The tag Env has the value \"pro\", which is not allowed. Set it within 7 days to one "
     "of: prod.",
     FINDING_TAG_VALUE_NOT_ALLOWED},
};

static void required_tags_are_missing_blank_allowed_or_not(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(tag_rows); i++) {
        const struct tag tag = {str_from_cstr(tag_rows[i].key), str_from_cstr(tag_rows[i].value)};
        struct load_balancer facts = facts_of(MODE_STRICTEST);
        facts.tags = &tag;
        facts.tag_count = tag_rows[i].key == NULL ? 0 : 1;
        struct evaluation *result =
            evaluate(&facts, policy_with_one("requiredTags", tag_rows[i].required));
        bool passes = tag_rows[i].message == NULL;
        if (result->compliance != (passes ? COMPLIANT : NON_COMPLIANT)) {
            fail_msg("%s", tag_rows[i].name);
        }
        if (!passes) {
            assert_int_equal(result->finding_count, 1);
            assert_int_equal(result->findings[0].id, tag_rows[i].id);
            assert_str(result->findings[0].message, tag_rows[i].message);
            assert_str(result->findings[0].subject, "Env");
        }
    }
}

static void every_missing_tag_is_its_own_finding(void **state) {
    (void)state;
    struct load_balancer facts = facts_of(MODE_MONITOR);
    facts.drops_invalid_headers = NO;
    facts.tag_count = 0;
    struct evaluation *result = evaluate(
        &facts, policy_with_one("requiredTags",
                                "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r,s,t,u,v,w,x,y,z,1,2,3,4,5,6"));
    assert_int_equal(result->finding_count, 34);
    assert_int_equal(result->findings[0].id, FINDING_MODE_TOO_WEAK);
    assert_str(result->findings[32].subject, "6");
}

static void owner_is_the_first_that_is_not_blank(void **state) {
    (void)state;
    const struct tag tags[] = {{STR("team"), STR("t-small")},
                               {STR("Team"), STR(" T-big\r\nBcc: x ")},
                               {STR("owner"), STR("\x01")},
                               {STR("Owner"), STR("  ")}};
    struct load_balancer facts = facts_of(MODE_STRICTEST);
    facts.tags = tags;
    facts.tag_count = COUNT(tags);
    assert_str(evaluate(&facts, policy_with(NULL, 0))->owner, "T-big Bcc: x");
    assert_str(evaluate(&facts, policy_with_one("ownerTags", "team,Team"))->owner, "t-small");
    assert_true(str_is_empty(evaluate(&facts, policy_with_one("ownerTags", "Contact"))->owner));
}

static void invisible_text_is_a_blank_tag_and_no_owner(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(BLANKS); i++) {
        const struct tag tags[] = {{STR("Owner"), str_from_cstr(BLANKS[i].text)},
                                   {STR("Team"), STR("\xC2\xA0t-big\xE2\x80\x8B")}};
        struct load_balancer facts = facts_of(MODE_STRICTEST);
        facts.tags = tags;
        facts.tag_count = 1;
        struct policy *policy = policy_with_one("requiredTags", "Owner=a|b");
        struct evaluation *result = evaluate(&facts, policy);
        const struct finding *finding = find(result, FINDING_TAG_MISSING);
        if (result->compliance != NON_COMPLIANT || finding == NULL ||
            !str_is_empty(result->owner) || result->finding_count != 1) {
            fail_msg("taken as a value: %s", BLANKS[i].name);
            return;
        }
        assert_contains(finding->message, "The tag Owner is blank.");
        facts.tag_count = COUNT(tags);
        assert_str(evaluate(&facts, policy_with(NULL, 0))->owner, "t-big");
    }
}

static void long_key_is_named_in_full(void **state) {
    (void)state;
    static const char key[] = "a-key-of-73-characters-"
                              "0123456789-0123456789-0123456789-0123456789-confident";
    struct load_balancer facts = facts_of(MODE_STRICTEST);
    struct evaluation *result = evaluate(&facts, policy_with_one("requiredTags", key));
    assert_str(result->findings[0].subject, key);
    assert_contains(result->findings[0].message, key);
}

/* 10 kB of a three-byte character, with line breaks in between. */
static str huge_value(void) {
    size_t len = 10240;
    char *text = arena_alloc(&arena, len);
    for (size_t i = 0; i + 3 <= len; i += 3) {
        memcpy(text + i, i % 300 == 0 ? "\n\r\n" : "\xE2\x82\xAC", 3);
    }
    text[len - 1] = '\xE2';
    return (str){text, len};
}

static void huge_values_among_50_tags_give_bounded_plain_messages(void **state) {
    (void)state;
    struct tag tags[50];
    for (size_t i = 0; i < COUNT(tags); i++) {
        tags[i] = (struct tag){str_format(&arena, "key-%zu", i), huge_value()};
    }
    tags[47].key = STR("DesyncProfile");
    tags[48].key = STR("desync-exception-until");
    tags[49].key = STR("Owner");
    struct load_balancer facts = facts_of(MODE_MONITOR);
    facts.tags = tags;
    facts.tag_count = COUNT(tags);
    struct evaluation *result =
        evaluate(&facts, policy_with_one("requiredTags", "Owner=a|b,key-0=x,Nope"));
    assert_int_equal(result->compliance, NON_COMPLIANT);
    assert_int_equal(result->finding_count, 7);
    assert_int_equal(str_utf8_count(result->owner), 256);
    for (size_t i = 0; i < result->finding_count; i++) {
        str message = result->findings[i].message;
        assert_true(str_utf8_count(message) < 400);
        assert_int_equal(str_utf8_valid_prefix(message), message.len);
        for (size_t k = 0; k < message.len; k++) {
            assert_true((unsigned char)message.ptr[k] >= 0x20);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(required_tags_are_missing_blank_allowed_or_not),
        cmocka_unit_test(every_missing_tag_is_its_own_finding),
        cmocka_unit_test(owner_is_the_first_that_is_not_blank),
        cmocka_unit_test(invisible_text_is_a_blank_tag_and_no_owner),
        cmocka_unit_test(long_key_is_named_in_full),
        cmocka_unit_test(huge_values_among_50_tags_give_bounded_plain_messages),
    };
    return cmocka_run_group_tests(tests, NULL, judging_reset);
}
