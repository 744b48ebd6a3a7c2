/* SPDX-License-Identifier: Apache-2.0 */
#include "judging.h"

#include "report/render.h"

#define EMOJI    "\xF0\x9F\x98\x80"
#define ELLIPSIS "\xE2\x80\xA6"

static str repeat(const char *text, size_t count) {
    size_t len = strlen(text);
    char *copy = arena_alloc(&arena, len * count + 1);
    for (size_t i = 0; i < count; i++) {
        memcpy(copy + i * len, text, len);
    }
    return (str){copy, len * count};
}

static const char *to_text(str text) {
    return str_to_cstr(&arena, text);
}

/* What holds for every annotation, however much had to be left out. */
static void assert_well_formed(const char *name, const struct evaluation *evaluation, str text) {
    size_t characters = str_utf8_count(text);
    str verdict = str_format(&arena, "%s: ", compliance_name(evaluation->compliance));
    const char *source = evaluation->source == SOURCE_LIVE ? "Source: live" : "Source: event";
    bool is_plain = str_utf8_valid_prefix(text) == text.len;
    for (size_t i = 0; i < text.len; i++) {
        is_plain = is_plain && (unsigned char)text.ptr[i] >= 0x20 && text.ptr[i] != 0x7F;
    }
    bool is_ended = str_ends_with(text, STR(".")) || str_ends_with(text, STR(" " ELLIPSIS));
    if (characters < 1 || characters > 256 || !is_plain || !is_ended ||
        !str_starts_with(text, verdict) || !str_contains(text, str_from_cstr(source)) ||
        !str_contains(text, STR(". Owner: "))) {
        fail_msg("%s: %s", name, str_to_cstr(&arena, text));
    }
}

static struct evaluation sample(void) {
    return (struct evaluation){.resource_type = STR(LOAD_BALANCER_RESOURCE_TYPE),
                               .resource_id = STR(ARN),
                               .compliance = NON_COMPLIANT,
                               .mode = MODE_MONITOR,
                               .required_mode = MODE_DEFENSIVE,
                               .required_because = STR("internet-facing"),
                               .grade = 'F',
                               .owner = STR("team-a"),
                               .source = SOURCE_EVENT};
}

static void add(struct evaluation *evaluation, enum finding_id id, str subject) {
    bool is_failing = id < FINDING_EXCEPTION_EXPIRING && id != FINDING_HEADERS_NOT_DROPPED;
    evaluation->findings[evaluation->finding_count++] = (struct finding){
        .id = id, .is_failing = is_failing, .subject = subject, .message = STR("not shown")};
}

static void non_compliant_says_modes_owner_source_why_and_what_to_do(void **state) {
    (void)state;
    struct evaluation evaluation = sample();
    add(&evaluation, FINDING_MODE_TOO_WEAK, STR_EMPTY);
    add(&evaluation, FINDING_EXCEPTION_EXPIRED, STR("2026-10-01"));
    add(&evaluation, FINDING_HEADERS_NOT_DROPPED, STR_EMPTY);
    str text = annotation_render(&arena, &evaluation);
    assert_str(text,
               "NON_COMPLIANT: monitor, requires defensive (internet-facing). Owner: team-a. "
               "Source: event. Why: MODE_TOO_WEAK, EXCEPTION_EXPIRED (2026-10-01). Set "
               "routing.http.desync_mitigation_mode to defensive. Advice: HEADERS_NOT_DROPPED.");
    assert_well_formed("non-compliant", &evaluation, text);
}

static void findings_of_one_id_stand_together(void **state) {
    (void)state;
    struct evaluation evaluation = sample();
    evaluation.owner = STR_EMPTY;
    evaluation.mode = MODE_STRICTEST;
    evaluation.required_because = STR("minimum");
    add(&evaluation, FINDING_TAG_MISSING, STR("Owner"));
    add(&evaluation, FINDING_TAG_MISSING, STR("Env"));
    add(&evaluation, FINDING_TAG_VALUE_NOT_ALLOWED, STR("Cost"));
    assert_str(annotation_render(&arena, &evaluation),
               "NON_COMPLIANT: strictest, requires defensive (minimum). Owner: none. Source: "
               "event. Why: TAG_MISSING (Owner, Env), TAG_VALUE_NOT_ALLOWED (Cost).");
}

static void date_shared_by_several_exception_findings_is_named_once(void **state) {
    (void)state;
    struct evaluation evaluation = sample();
    add(&evaluation, FINDING_EXCEPTION_EXPIRED, STR("2026-10-01"));
    add(&evaluation, FINDING_EXCEPTION_INCOMPLETE, STR("2026-10-01"));
    assert_contains(annotation_render(&arena, &evaluation),
                    "Why: EXCEPTION_EXPIRED (2026-10-01), EXCEPTION_INCOMPLETE.");
}

static void compliant_annotation_gives_the_reason(void **state) {
    (void)state;
    struct evaluation evaluation = sample();
    evaluation.compliance = COMPLIANT;
    evaluation.mode = MODE_DEFENSIVE;
    assert_str(annotation_render(&arena, &evaluation),
               "COMPLIANT: defensive, requires defensive (internet-facing). Owner: team-a. Source: "
               "event. Why: the mode is strict enough.");
    evaluation.mode = MODE_MONITOR;
    add(&evaluation, FINDING_EXCEPTION_EXPIRING, STR("2026-12-01"));
    add(&evaluation, FINDING_EXCEPTION_ACTIVE, STR("2026-12-01"));
    assert_str(annotation_render(&arena, &evaluation),
               "COMPLIANT: monitor, requires defensive (internet-facing). Owner: team-a. Source: "
               "event. Why: EXCEPTION_ACTIVE (2026-12-01). Advice: EXCEPTION_EXPIRING "
               "(2026-12-01).");
}

static void unknown_and_not_applicable_give_the_reason(void **state) {
    (void)state;
    struct evaluation evaluation;
    evaluation_without_facts(&evaluation, STR("t"), STR("id"), NOT_APPLICABLE,
                             STR("The resource was deleted."));
    assert_str(
        annotation_render(&arena, &evaluation),
        "NOT_APPLICABLE: no mode is required. Owner: unknown. Source: event. Why: The resource was "
        "deleted.");
    evaluation_without_facts(&evaluation, STR("t"), STR("id"), COMPLIANCE_UNKNOWN,
                             STR("the tags could not be read"));
    assert_str(
        annotation_render(&arena, &evaluation),
        "UNKNOWN: unknown, requires an unknown mode. Owner: unknown. Source: event. Why: the "
        "tags could not be read.");
    add(&evaluation, FINDING_TAG_MISSING, STR("Env"));
    assert_contains(annotation_render(&arena, &evaluation), ". Found: TAG_MISSING (Env).");
}

static void source_note_says_why_it_was_read_live(void **state) {
    (void)state;
    struct evaluation evaluation = sample();
    evaluation.source = SOURCE_LIVE;
    evaluation.source_note = STR("item older than 15 min");
    str text = annotation_render(&arena, &evaluation);
    assert_contains(text, " Source: live (item older than 15 min).");
    assert_false(str_contains(text, STR("event")));
}

static void empty_evaluation_still_gives_an_annotation(void **state) {
    (void)state;
    struct evaluation evaluation = {.compliance = COMPLIANCE_UNKNOWN};
    assert_well_formed("empty", &evaluation, annotation_render(&arena, &evaluation));
}

static void line_breaks_and_control_characters_become_blanks(void **state) {
    (void)state;
    struct evaluation evaluation = sample();
    evaluation.owner = STR("team\r\na\x1b[31m\xFF");
    evaluation.required_because = STR("profile\nx");
    evaluation.source_note = STR("a\tb");
    add(&evaluation, FINDING_TAG_MISSING, STR("K\x01Y"));
    str text = annotation_render(&arena, &evaluation);
    assert_well_formed("control characters", &evaluation, text);
    assert_contains(text, "Owner: team a [31m\xEF\xBF\xBD.");
    assert_contains(text, "(profile x)");
    assert_contains(text, "(K Y)");
}

static void long_parts_are_cut_but_head_and_source_stay(void **state) {
    (void)state;
    struct evaluation emoji_owner = sample();
    emoji_owner.owner = repeat(EMOJI, 256);
    struct evaluation worded_owner = sample();
    worded_owner.owner = repeat("owner-word ", 23);
    struct evaluation long_reason = sample();
    long_reason.compliance = COMPLIANCE_UNKNOWN;
    long_reason.reason = repeat("\xC3\xA9t\xC3\xA9 ", 3000);
    struct evaluation wordless_reason = sample();
    wordless_reason.compliance = NOT_APPLICABLE;
    wordless_reason.reason = repeat("x", 10240);
    struct evaluation everything = sample();
    everything.mode = MODE_DEFENSIVE;
    everything.required_mode = MODE_STRICTEST;
    everything.required_because = repeat(EMOJI, 64);
    everything.owner = repeat(EMOJI, 40);
    everything.source_note = repeat("n", 300);
    struct evaluation long_because = sample();
    long_because.required_because = repeat("b", 300);
    struct evaluation *const rows[] = {&emoji_owner,     &worded_owner, &long_reason,
                                       &wordless_reason, &everything,   &long_because};
    static const char *const names[] = {"emoji owner", "worded owner", "long reason",
                                        "no blank",    "everything",   "because"};
    for (size_t i = 0; i < COUNT(rows); i++) {
        for (size_t k = 0; k < FINDINGS_MAX; k++) {
            add(rows[i], FINDING_TAG_MISSING, repeat(EMOJI, 1 + k));
        }
        str text = annotation_render(&arena, rows[i]);
        assert_well_formed(names[i], rows[i], text);
        assert_true(str_ends_with(text, STR(" " ELLIPSIS)));
        if (rows[i]->compliance != NOT_APPLICABLE) {
            str modes =
                str_format(&arena, "%s: %s, requires %s", compliance_name(rows[i]->compliance),
                           mode_name(rows[i]->mode), mode_name(rows[i]->required_mode));
            assert_true(str_starts_with(text, modes));
        }
    }
}

static void text_is_cut_only_between_words(void **state) {
    (void)state;
    for (size_t words = 0; words < 300; words++) {
        struct evaluation evaluation = sample();
        evaluation.reason = STR_EMPTY;
        evaluation.owner = STR("o");
        for (size_t i = 0; i < words % FINDINGS_MAX; i++) {
            str subject = str_format(&arena, "k%s%zu", words % 3 == 0 ? EMOJI : "", words + i);
            add(&evaluation, FINDING_TAG_MISSING, subject);
        }
        evaluation.source_note = repeat("z", words % 61);
        str text = annotation_render(&arena, &evaluation);
        assert_well_formed("cut", &evaluation, text);
        if (!str_ends_with(text, STR(ELLIPSIS))) {
            continue;
        }
        /* the last whole word before the ellipsis is one that was written */
        str kept = str_slice(text, 0, text.len - strlen(" " ELLIPSIS));
        size_t start = kept.len;
        while (start > 0 && kept.ptr[start - 1] != ' ') {
            start--;
        }
        str word = str_slice(kept, start, kept.len);
        bool is_subject = str_ends_with(word, STR(","));
        bool is_id = str_eq(word, STR("TAG_MISSING"));
        bool is_head = str_eq(word, STR("Why:")) || str_eq(word, STR("event"));
        if (!is_subject && !is_id && !is_head && !str_ends_with(word, STR(")."))) {
            fail_msg("%s", str_to_cstr(&arena, text));
        }
    }
}

static void owner_is_always_named_and_cut_only_between_words(void **state) {
    (void)state;
    static const char word[] = "abcdefghijklmnopqrstuvwxyz_0123456789_ABCDEFGHIJKLMNOPQRSTUVWXYZ_";
    const struct {
        const char *name;
        str owner;
        const char *shown;
    } rows[] = {
        {"none", STR_EMPTY, "none"},
        {"only what shows nothing", STR("\xC2\xA0\xE2\x80\x8B"), "none"},
        {"64 characters", repeat("12345678", 8), to_text(repeat("12345678", 8))},
        {"65 characters of one word", str_from_cstr(word), "see tags"},
        {"emoji", repeat(EMOJI, 256), "see tags"},
        {"words", STR("Payments and billing platform of the European subsidiaries, second line"),
         "Payments and billing platform of the European subsidiaries, " ELLIPSIS},
        {"a word and a long one", str_format(&arena, "team %s", word), "team " ELLIPSIS},
        {"address", str_format(&arena, "payments@%s.example.com", word), "payments@" ELLIPSIS},
        {"ARN", STR("arn:aws:iam::123456789012:role/payments/production/oncall-engineers"),
         "arn:aws:iam::123456789012:role/payments/production/oncall-" ELLIPSIS},
        {"a long word and others", str_format(&arena, "%s team", word), "see tags"},
    };
    for (int compliance = COMPLIANT; compliance <= COMPLIANCE_UNKNOWN; compliance++) {
        for (size_t i = 0; i < COUNT(rows); i++) {
            struct evaluation evaluation = sample();
            evaluation.compliance = (enum compliance)compliance;
            evaluation.owner = rows[i].owner;
            for (size_t k = 0; k < FINDINGS_MAX; k++) {
                add(&evaluation, FINDING_TAG_MISSING, str_format(&arena, "key-%zu", k));
            }
            str text = annotation_render(&arena, &evaluation);
            assert_well_formed(rows[i].name, &evaluation, text);
            bool is_judged = compliance == COMPLIANT || compliance == NON_COMPLIANT;
            bool is_none = strcmp(rows[i].shown, "none") == 0;
            const char *shown = is_none && !is_judged ? "unknown" : rows[i].shown;
            str expected = str_format(&arena, ". Owner: %s. Source: event. Why: ", shown);
            if (!str_contains(text, expected)) {
                fail_msg("%s: %s", rows[i].name, to_text(text));
            }
        }
    }
}

/* However long all the rest is: the id of the first finding is there, and whole. */
static void first_finding_always_stays(void **state) {
    (void)state;
    for (int id = 0; id < FINDING_COUNT; id++) {
        for (size_t length = 0; length < 300; length++) {
            struct evaluation evaluation = sample();
            evaluation.mode = MODE_DEFENSIVE;
            evaluation.required_mode = MODE_STRICTEST;
            evaluation.required_because = repeat("b", length < 40 ? length : 40);
            evaluation.owner = repeat("o", length < 64 ? length : 64);
            evaluation.source_note = repeat("note ", length);
            evaluation.reason = length % 2 == 0 ? STR_EMPTY : repeat("a reason ", length);
            add(&evaluation, (enum finding_id)id, repeat("k", length));
            evaluation.findings[0].is_failing = true;
            add(&evaluation, FINDING_TAG_MISSING, repeat("k ", length));
            str text = annotation_render(&arena, &evaluation);
            assert_well_formed("first finding", &evaluation, text);
            str label = length % 2 == 0 ? STR(". Why: ") : STR(". Found: ");
            const char *name = finding_name((enum finding_id)id);
            str expected = str_format(&arena, "%" STR_FMT "%s", STR_ARG(label), name);
            if (!str_contains(text, expected) && id != FINDING_TAG_MISSING) {
                fail_msg("%s, %zu: %s", name, length, to_text(text));
            }
        }
        arena_reset(&arena);
    }
}

static void subject_that_would_be_cut_inside_a_word_is_left_out(void **state) {
    (void)state;
    static const char key[] = "a-key-of-73-characters-"
                              "0123456789-0123456789-0123456789-0123456789-confident";
    struct load_balancer facts = facts_of(MODE_STRICTEST);
    str parameter = str_format(&arena, "%s,Env", key);
    struct evaluation *result =
        evaluate(&facts, policy_with_one("requiredTags", to_text(parameter)));
    assert_contains(annotation_render(&arena, result), ". Why: TAG_MISSING (Env).");
    struct evaluation evaluation = sample();
    add(&evaluation, FINDING_TAG_MISSING, str_format(&arena, "Cost centre of the %s", key));
    add(&evaluation, FINDING_TAG_VALUE_NOT_ALLOWED, str_from_cstr(key));
    assert_contains(annotation_render(&arena, &evaluation),
                    ". Why: TAG_MISSING (Cost centre of the " ELLIPSIS "), TAG_VALUE_NOT_ALLOWED.");
}

static void unknown_mode_is_quoted_in_whole_words(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *unit;
        const char *reason;
    } rows[] = {
        {"words", "bogus ",
         "mode is \"bogus bogus bogus bogus bogus bogus bogus bogus bogus bogus " ELLIPSIS "\", "},
        {"one word", "bogus", "mode is no known mode (monitor, defensive, strictest)."},
        {"nothing to see", "\xE2\x80\x8B", "mode could not be read."},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct load_balancer facts = facts_of(MODE_UNKNOWN);
        facts.mode_text = repeat(rows[i].unit, 20);
        str text = annotation_render(&arena, evaluate(&facts, policy_with(NULL, 0)));
        if (!str_contains(text, str_from_cstr(rows[i].reason))) {
            fail_msg("%s: %s", rows[i].name, to_text(text));
        }
    }
}

static void invisible_text_is_not_printed(void **state) {
    (void)state;
    for (size_t i = 1; i < COUNT(BLANKS); i++) {
        struct evaluation evaluation = sample();
        str text = str_format(&arena, "x%sy", BLANKS[i].text);
        evaluation.owner = text;
        evaluation.source_note = text;
        add(&evaluation, FINDING_TAG_MISSING, text);
        str annotation = annotation_render(&arena, &evaluation);
        if (!str_contains(annotation,
                          STR("Owner: x y. Source: event (x y). Why: TAG_MISSING (x y)."))) {
            fail_msg("%s: %s", BLANKS[i].name, to_text(annotation));
        }
    }
}

static void text_of_exactly_256_characters_is_not_cut(void **state) {
    (void)state;
    struct evaluation evaluation = sample();
    evaluation.compliance = NOT_APPLICABLE;
    evaluation.owner = STR_EMPTY;
    size_t others = str_utf8_count(
        STR("NOT_APPLICABLE: no mode is required. Owner: unknown. Source: event. Why: ."));
    evaluation.reason = repeat("\xC3\xA9", 256 - others);
    str text = annotation_render(&arena, &evaluation);
    assert_int_equal(str_utf8_count(text), 256);
    assert_true(str_ends_with(text, STR("\xC3\xA9.")));
    evaluation.reason = repeat("\xC3\xA9", 257 - others);
    text = annotation_render(&arena, &evaluation);
    assert_str(
        text, "NOT_APPLICABLE: no mode is required. Owner: unknown. Source: event. Why: " ELLIPSIS);
}

static void annotations_of_real_judgements_are_well_formed(void **state) {
    (void)state;
    const struct tag tags[] = {{STR("Owner"), repeat(EMOJI, 256)},
                               {STR("DesyncProfile"), repeat("typo", 64)},
                               {STR("desync-exception-until"), STR("2026-10-01")}};
    for (int type = TYPE_UNKNOWN; type <= TYPE_GATEWAY; type++) {
        for (int mode = MODE_UNKNOWN; mode <= MODE_STRICTEST; mode++) {
            for (size_t count = 0; count <= COUNT(tags); count++) {
                struct load_balancer facts = facts_of((enum desync_mode)mode);
                facts.type = (enum load_balancer_type)type;
                facts.tags = tags;
                facts.tag_count = count;
                facts.mode_text = repeat("bogus ", 50);
                struct evaluation *result =
                    evaluate(&facts, policy_with_one("requiredTags", "CostCenter,Env=a|b,Team"));
                assert_well_formed("judged", result, annotation_render(&arena, result));
            }
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(non_compliant_says_modes_owner_source_why_and_what_to_do),
        cmocka_unit_test(findings_of_one_id_stand_together),
        cmocka_unit_test(date_shared_by_several_exception_findings_is_named_once),
        cmocka_unit_test(compliant_annotation_gives_the_reason),
        cmocka_unit_test(unknown_and_not_applicable_give_the_reason),
        cmocka_unit_test(source_note_says_why_it_was_read_live),
        cmocka_unit_test(empty_evaluation_still_gives_an_annotation),
        cmocka_unit_test(line_breaks_and_control_characters_become_blanks),
        cmocka_unit_test(long_parts_are_cut_but_head_and_source_stay),
        cmocka_unit_test(text_is_cut_only_between_words),
        cmocka_unit_test(owner_is_always_named_and_cut_only_between_words),
        cmocka_unit_test(first_finding_always_stays),
        cmocka_unit_test(subject_that_would_be_cut_inside_a_word_is_left_out),
        cmocka_unit_test(unknown_mode_is_quoted_in_whole_words),
        cmocka_unit_test(invisible_text_is_not_printed),
        cmocka_unit_test(text_of_exactly_256_characters_is_not_cut),
        cmocka_unit_test(annotations_of_real_judgements_are_well_formed),
    };
    return cmocka_run_group_tests(tests, NULL, judging_reset);
}
