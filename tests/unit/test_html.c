/* SPDX-License-Identifier: Apache-2.0 */
#include "judging.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include "report/html_internal.h"
#include "report/page_files.h"
#include "report/posture.h"
#include "support/posture_sample.h"

#define PAGE_BYTES_MAX ((size_t)16 << 20)

static str text_of(str raw) {
    struct buf out;
    buf_init(&out, &arena, 4096);
    html_text(&out, raw);
    assert_int_equal(buf_status(&out), STATUS_OK);
    return buf_str(&out);
}

static void text_shows_what_is_there(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *raw;
        const char *shown;
    } rows[] = {
        {"empty", "", ""},
        {"plain", "team-a", "team-a"},
        {"markup", "<b>&</b>", "&lt;b&gt;&amp;&lt;/b&gt;"},
        {"quotes", "\"'`", "&quot;&#39;&#96;"},
        {"reference", "&lt;", "&amp;lt;"},
        {"control",
         "a\x01\x1F\x7F"
         "b",
         "a[U+0001][U+001F][U+007F]b"},
        {"white space", "a\tb\r\n", "a[U+0009]b[U+000D][U+000A]"},
        {"C1 control", "\xC2\x85", "[U+0085]"},
        {"soft hyphen", "\xC2\xAD", "[U+00AD]"},
        {"right-to-left override",
         "\xE2\x80\xAE"
         "abc",
         "[U+202E]abc"},
        {"isolates", "\xE2\x81\xA6\xE2\x81\xA9", "[U+2066][U+2069]"},
        {"zero width", "\xE2\x80\x8B\xE2\x80\x8D\xEF\xBB\xBF", "[U+200B][U+200D][U+FEFF]"},
        {"noncharacter", "\xEF\xBF\xBF", "[U+FFFF]"},
        {"tag character", "\xF3\xA0\x80\x81", "[U+E0001]"},
        {"Hebrew", "\xD7\xA9\xD7\x9C", "\xD7\xA9\xD7\x9C"},
        {"emoji", "\xF0\x9F\x98\x80", "\xF0\x9F\x98\x80"},
        {"not UTF-8", "a\xFFz", "a\xEF\xBF\xBDz"},
        {"cut short", "a\xE2\x82", "a\xEF\xBF\xBD\xEF\xBF\xBD"},
        {"overlong", "\xC0\xBC", "\xEF\xBF\xBD\xEF\xBF\xBD"},
        {"surrogate", "\xED\xA0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        str shown = text_of(str_from_cstr(rows[i].raw));
        if (!str_eq(shown, str_from_cstr(rows[i].shown))) {
            fail_msg("%s: %s", rows[i].name, str_to_cstr(&arena, shown));
        }
    }
    assert_str(text_of((str){"a\0b", 3}), "a[U+0000]b");
}

/* Whatever the bytes, nothing comes out that could end an element or a quoted attribute. */
static void no_byte_ends_an_element_or_attribute(void **state) {
    (void)state;
    for (int first = 0; first < 256; first++) {
        for (int second = 0; second < 256; second++) {
            char raw[] = {(char)first, (char)second};
            str shown = text_of((str){raw, 2});
            assert_int_equal(str_find_char(shown, '<'), shown.len);
            assert_int_equal(str_find_char(shown, '>'), shown.len);
            assert_int_equal(str_find_char(shown, '"'), shown.len);
            assert_int_equal(str_find_char(shown, '\''), shown.len);
            assert_int_equal(str_utf8_valid_prefix(shown), shown.len);
        }
        arena_reset(&arena);
    }
}

static void check_hash(const char *embedded, const char *hash) {
    unsigned char digest[SHA256_DIGEST_LENGTH];
    char text[64] = "sha256-";
    SHA256((const unsigned char *)embedded, strlen(embedded), digest);
    EVP_EncodeBlock((unsigned char *)text + strlen(text), digest, sizeof(digest));
    assert_string_equal(text, hash);
    assert_false(str_contains(str_from_cstr(embedded), STR("</")));
}

static void hashes_are_those_of_style_and_script(void **state) {
    (void)state;
    check_hash(page_css, page_css_hash);
    check_hash(page_js, page_js_hash);
}

static void numbers_read_well(void **state) {
    (void)state;
    struct buf out;
    buf_init(&out, &arena, 4096);
    html_put(&out, count_text(0).text);
    html_put(&out, " ");
    html_put(&out, count_text(999).text);
    html_put(&out, " ");
    html_put(&out, count_text(1000).text);
    html_put(&out, " ");
    html_put(&out, count_text(UINT64_MAX).text);
    html_put(&out, "; ");
    html_put(&out, html_counted(1, "day").text);
    html_put(&out, ", ");
    html_put(&out, html_counted(1200, "day").text);
    assert_str(buf_str(&out), "0 999 1,000 18,446,744,073,709,551,615; 1 day, 1,200 days");
    buf_clear(&out);
    html_put(&out, html_percent(0).text);
    html_put(&out, html_percent(0.000234).text);
    html_put(&out, html_percent(4.42).text);
    html_put(&out, html_share(99.96).text);
    html_put(&out, html_share(57.0).text);
    html_put(&out, html_share(100).text);
    assert_str(buf_str(&out),
               "0.0&nbsp;%0.000234&nbsp;%4.4&nbsp;%99.9&nbsp;%57.0&nbsp;%100.0&nbsp;%");
    buf_clear(&out);
    html_put(&out, html_hours(0).text);
    html_put(&out, html_hours(0.0166).text);
    html_put(&out, html_hours(0.0167).text);
    html_put(&out, html_hours(0.75).text);
    html_put(&out, html_hours(4.66).text);
    html_put(&out, html_hours(72).text);
    assert_str(buf_str(&out),
               "&lt;&nbsp;1&nbsp;min&lt;&nbsp;1&nbsp;min1&nbsp;min45&nbsp;min4.7&nbsp;h"
               "3.0&nbsp;days");
}

static str page_of(const struct posture_sample *sample, bool is_audit) {
    struct buf out;
    buf_init(&out, &arena, PAGE_BYTES_MAX);
    fleet_write_html(&out, &arena, &sample->fleet, is_audit ? NULL : &sample->posture);
    assert_int_equal(buf_status(&out), STATUS_OK);
    return buf_str(&out);
}

static size_t count_of(str text, str part) {
    size_t count = 0;
    for (size_t at = 0; at + part.len <= text.len; at++) {
        count += str_eq(str_slice(text, at, at + part.len), part);
    }
    return count;
}

static void page_names_missing_data(void **state) {
    (void)state;
    struct posture_sample sample;
    posture_sample_make(&arena, SAMPLE_STATELESS, &sample);
    sample.fleet.is_interrupted = true;
    str page = page_of(&sample, false);
    assert_contains(page, "<strong>No history.</strong>");
    assert_contains(page, "<strong>Interrupted.</strong>");
    assert_false(str_contains(page, STR("Time to repair, p50")));
    assert_false(str_contains(page, STR("Not complete.")));
    posture_sample_make(&arena, SAMPLE_RICH, &sample);
    page = page_of(&sample, false);
    assert_contains(page, "<strong>Not complete.</strong> 1 part of the fleet");
    assert_contains(page, "DescribeLoadBalancers &lt;&amp;&gt;");
    assert_contains(page, "routing.http.desync_mitigation_mode could not be read");
    assert_false(str_contains(page, STR("No history.")));
}

static void page_of_an_empty_fleet_says_so(void **state) {
    (void)state;
    struct posture_sample sample;
    posture_sample_make(&arena, SAMPLE_EMPTY, &sample);
    str page = page_of(&sample, false);
    assert_contains(page, "There is no load balancer whose mode is known.");
    assert_contains(page, "No Application Load Balancer was found.");
    assert_contains(page, "No load balancer has an exception.");
    assert_contains(page, "Not known what was changed");
    assert_contains(page, "is not known, for there is no state table.");
    assert_false(str_contains(page, STR("100.0&nbsp;%"))); /* of nothing */
    assert_contains(page, "the trend begins with this one");
}

/* Where `part` begins; the end when it is not there. */
static size_t place_of(str text, str part) {
    size_t at = 0;
    while (at < text.len && !str_starts_with(str_slice(text, at, text.len), part)) {
        at++;
    }
    return at;
}

/* From "Needs attention" to the next section. */
static str attention_of(str page) {
    size_t from = place_of(page, STR("<section id=\"attention\""));
    str rest = str_slice(page, from, page.len);
    return str_slice(rest, 0, place_of(rest, STR("</section>")));
}

static void attention_lists_every_non_compliant_one_then_the_unknown(void **state) {
    (void)state;
    struct posture_sample sample;
    posture_sample_make(&arena, SAMPLE_STATELESS, &sample);
    struct posture_row *histories = ARENA_ARRAY(&arena, struct posture_row, sample.fleet.row_count);
    sample.posture.rows = histories; /* which know nothing */
    str attention = attention_of(page_of(&sample, false));
    size_t unknown_at = place_of(attention, STR("id=\"unknown-table\""));
    str failing = str_slice(attention, 0, unknown_at);
    size_t listed = 0;
    for (size_t i = 0; i < sample.fleet.row_count; i++) {
        const struct fleet_row *row = &sample.fleet.rows[i];
        str name = str_format(&arena, "<bdi>%" STR_FMT "</bdi><small>", STR_ARG(row->name));
        bool is_failing = row->evaluation.compliance == NON_COMPLIANT;
        assert_int_equal(str_contains(failing, name), is_failing);
        listed += is_failing;
    }
    assert_int_equal(listed, 7);
    assert_contains(failing, "monitor<small>defensive required");
    assert_contains(failing, "not known</span>"); /* since when */
    assert_contains(str_slice(attention, unknown_at, attention.len), "<bdi>graphql</bdi>");
    posture_sample_make(&arena, SAMPLE_RICH, &sample);
    attention = attention_of(page_of(&sample, false));
    assert_int_equal(count_of(attention, STR("too long</span>")), 4);
}

static void effects_without_traffic_are_a_sentence_and_no_card(void **state) {
    (void)state;
    struct posture_sample sample;
    posture_sample_make(&arena, SAMPLE_RICH, &sample);
    str page = page_of(&sample, false);
    assert_contains(page, "<h3>Effect of changes</h3>");
    assert_false(str_contains(page, STR("<p class=\"none\">Effect of changes")));
    sample.posture.change_count = 0;
    page = page_of(&sample, false);
    assert_false(str_contains(page, STR("<h3>Effect of changes</h3>")));
    assert_contains(page, "<p class=\"none\">Effect of changes: none has traffic");
}

static void exposure_of_less_than_an_hour_is_not_none(void **state) {
    (void)state;
    struct posture_sample sample;
    posture_sample_make(&arena, SAMPLE_RICH, &sample);
    sample.posture.kpis.exposure_hours = 0.01;
    sample.posture.kpis.weighted_exposure_hours = 0.5;
    assert_contains(page_of(&sample, false),
                    "<b>&lt;&nbsp;1&nbsp;min</b><p>Weighted 30&nbsp;min, internet-facing");
}

static void trend_stands_on_an_axis_from_zero(void **state) {
    (void)state;
    struct posture_sample sample;
    posture_sample_make(&arena, SAMPLE_RICH, &sample);
    str page = page_of(&sample, false);
    assert_contains(page, "x=\"46\" y=\"144.0\">0&#160;%</text>");
    assert_contains(page, "x=\"46\" y=\"81.0\">50&#160;%</text>");
    assert_contains(page, "points=\"52.0,140.0 52.0,77.0 "); /* begins at 50 percent */
}

/* What nobody could read must not look like a fleet without faults. */
static void page_of_an_unknown_fleet_is_not_good(void **state) {
    (void)state;
    struct fleet_row row = {.name = STR("a")};
    struct posture_row history = {0};
    evaluation_without_facts(&row.evaluation, STR("t"), STR(ARN), COMPLIANCE_UNKNOWN,
                             STR("access denied"));
    struct posture_sample sample = {
        .fleet = {.generated_ms = NOW_MS, .rows = &row, .row_count = 1, .listed = 1},
        .posture = {.now_ms = NOW_MS, .period_start_ms = NOW_MS - MS_PER_DAY, .rows = &history}};
    posture_compute(&sample.posture, &sample.fleet, &arena);
    str page = page_of(&sample, false);
    assert_contains(page, "0 are not compliant, and for 1 too little could be read for a verdict.");
    assert_contains(page, "&ndash;</b><p>There is no load balancer whose mode is known.");
    assert_false(str_contains(page, STR("<b class=\"good\">")));
    assert_false(str_contains(page, STR("Nothing is missing.")));
}

static void audit_page_has_no_history(void **state) {
    (void)state;
    struct posture_sample sample;
    posture_sample_make(&arena, SAMPLE_RICH, &sample);
    str page = page_of(&sample, true);
    assert_contains(page, "<h1>Desync mitigation audit</h1>");
    assert_contains(page, "id=\"fleet-table\"");
    assert_contains(page, "<code>desync-guard explain NAME --region REGION</code>");
    assert_false(str_contains(page, STR("id=\"exceptions\"")));
    assert_false(str_contains(page, STR("href=\"#changes\"")));
    assert_int_equal(count_of(page, STR("data-verdict=")), sample.fleet.row_count);
}

static void same_state_gives_the_same_page_but_for_the_time(void **state) {
    (void)state;
    struct posture_sample sample;
    posture_sample_make(&arena, SAMPLE_RICH, &sample);
    str first = page_of(&sample, false);
    assert_true(str_eq(first, page_of(&sample, false)));
    sample.fleet.generated_ms += 60000;
    str later = page_of(&sample, false);
    assert_int_equal(later.len, first.len);
    size_t differences = 0;
    for (size_t i = 0; i < first.len; i++) {
        differences += first.ptr[i] != later.ptr[i];
    }
    assert_int_equal(differences, 2); /* one digit of the minutes, as datetime and as text */
}

static void long_history_is_cut_and_says_so(void **state) {
    (void)state;
    struct posture_sample sample;
    posture_sample_make(&arena, SAMPLE_RICH, &sample);
    struct posture_change *changes = ARENA_ARRAY(&arena, struct posture_change, 205);
    for (size_t i = 0; i < 205; i++) {
        changes[i] = sample.posture.changes[0];
    }
    sample.posture.changes = changes;
    sample.posture.change_count = 205;
    assert_contains(page_of(&sample, false), "<p>5 older changes are in the JSON report.</p>");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(text_shows_what_is_there, judging_reset),
        cmocka_unit_test_teardown(no_byte_ends_an_element_or_attribute, judging_reset),
        cmocka_unit_test_teardown(hashes_are_those_of_style_and_script, judging_reset),
        cmocka_unit_test_teardown(numbers_read_well, judging_reset),
        cmocka_unit_test_teardown(page_names_missing_data, judging_reset),
        cmocka_unit_test_teardown(page_of_an_empty_fleet_says_so, judging_reset),
        cmocka_unit_test_teardown(attention_lists_every_non_compliant_one_then_the_unknown,
                                  judging_reset),
        cmocka_unit_test_teardown(effects_without_traffic_are_a_sentence_and_no_card,
                                  judging_reset),
        cmocka_unit_test_teardown(exposure_of_less_than_an_hour_is_not_none, judging_reset),
        cmocka_unit_test_teardown(trend_stands_on_an_axis_from_zero, judging_reset),
        cmocka_unit_test_teardown(page_of_an_unknown_fleet_is_not_good, judging_reset),
        cmocka_unit_test_teardown(audit_page_has_no_history, judging_reset),
        cmocka_unit_test_teardown(same_state_gives_the_same_page_but_for_the_time, judging_reset),
        cmocka_unit_test_teardown(long_history_is_cut_and_says_so, judging_reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
