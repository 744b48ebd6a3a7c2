/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet_world.h"

#include "base/escape.h"
#include "report/fleet_internal.h"
#include "report/text_width.h"

#define NIHON "\xE6\x97\xA5\xE6\x9C\xAC"

static str table(const struct fleet *fleet, bool has_color, size_t width) {
    struct buf out;
    struct fleet_table_style style = {has_color, width};
    buf_init(&out, &arena, FLEET_DOCUMENT_BYTES_MAX);
    fleet_write_table(&out, &arena, fleet, &style);
    assert_int_equal(buf_status(&out), STATUS_OK);
    return buf_str(&out);
}

static void table_text_is_exact(void **state) {
    (void)state;
    struct fleet fleet = fleet_usual();
    fleet_sort(&fleet);
    assert_str(
        table(&fleet, false, 0),
        "VERDICT         NAME     MODE       REQUIRED   GRADE  OWNER   REGION     ACCOUNT       "
        "FINDINGS\n"
        "NON_COMPLIANT   weak     monitor    defensive  F      team-a  eu-west-1  123456789012  "
        "MODE_TOO_WEAK\n"
        "UNKNOWN         dark     unknown    defensive  -      team-a  eu-west-1  123456789012  "
        "the tags could not be read\n"
        "COMPLIANT       excused  monitor    defensive  F      team-a  eu-west-1  123456789012\n"
        "COMPLIANT       fine     strictest  defensive  B      team-a  eu-west-1  123456789012\n"
        "NOT_APPLICABLE  net      unknown    unknown    -      team-a  eu-west-1  123456789012\n"
        "\n"
        "Protected: 33.33% (strictest 1, defensive 0, monitor 2)\n"
        "  1 x the tags could not be read\n"
        "      dark\n"
        "INCOMPLETE: 5 listed, 4 judged, 1 unknown, 1 non-compliant, 2 compliant, 1 not "
        "applicable\n"
        "Worst: weak (MODE_TOO_WEAK, team-a), dark (UNKNOWN, team-a)\n");
}

static void terminal_has_a_group_for_each_verdict(void **state) {
    (void)state;
    struct fleet fleet = fleet_usual();
    fleet_sort(&fleet);
    assert_str(table(&fleet, false, 80),
               "NON_COMPLIANT: 1\n"
               "NAME     MODE       REQUIRED   GRADE  OWNER   REGION     FINDINGS\n"
               "weak     monitor    defensive  F      team-a  eu-west-1  MODE_TOO_WEAK\n"
               "\n"
               "UNKNOWN: 1\n"
               "  1 x the tags could not be read\n"
               "      dark\n"
               "\n"
               "COMPLIANT by an exception: 1\n"
               "excused  monitor    defensive  F      team-a  eu-west-1\n"
               "\n"
               "COMPLIANT: 1\n"
               "fine     strictest  defensive  B      team-a  eu-west-1\n"
               "\n"
               "NOT_APPLICABLE: 1\n"
               "net      unknown    unknown    -      team-a  eu-west-1\n"
               "\n"
               "Protected: 33.33% (strictest 1, defensive 0, monitor 2)\n"
               "INCOMPLETE: 5 listed, 4 judged, 1 unknown, 1 non-compliant, 2 compliant, 1 not "
               "applicable\n"
               "Worst: weak (MODE_TOO_WEAK, team-a), dark (UNKNOWN, team-a)\n");
}

#define DENIED(service, action)                                                                    \
    service ": AccessDenied (HTTP 403): User: arn:aws:sts::1:assumed-role/a/b is not authorized "  \
            "to perform: " action " because no identity-based policy allows it"

static void one_cause_is_one_line_at_any_width(void **state) {
    (void)state;
    static const char *const names[] = {"a", "b", "c", "d", "e"};
    struct fleet fleet = fleet_none();
    for (size_t i = 0; i < COUNT(names); i++) {
        fleet_add(&fleet, names[i], COMPLIANCE_UNKNOWN, MODE_UNKNOWN)->evaluation.reason =
            STR(DENIED("elasticloadbalancing DescribeLoadBalancerAttributes",
                       "elasticloadbalancing:DescribeLoadBalancerAttributes"));
    }
    fleet.rows[4].evaluation.reason =
        STR(DENIED("elasticloadbalancing DescribeTags", "elasticloadbalancing:DescribeTags"));
    static const size_t widths[] = {0, 80, 200};
    for (size_t i = 0; i < COUNT(widths); i++) {
        str text = table(&fleet, false, widths[i]);
        assert_contains(text, "\n  4 x AccessDenied: allow "
                              "elasticloadbalancing:DescribeLoadBalancerAttributes\n      elastic");
        assert_contains(text, "\n      a, b, c and 1 more; --format csv names all\n");
        assert_contains(text, "\n  1 x AccessDenied: allow elasticloadbalancing:DescribeTags\n");
        assert_contains(text, "no identity-based policy allows it\n      e\n");
    }
}

static void reasons_that_differ_in_place_and_moment_are_one_cause(void **state) {
    (void)state;
    const struct fleet_gap gaps[] = {
        {STR_EMPTY, STR("us-east-1"), STR("elb.us-east-1.aws.com: Failed to connect after 7 ms")},
        {STR("2"), STR("eu-west-1"), STR("elb.eu-west-1.aws.com: Failed to connect after 12 ms")},
        {STR_EMPTY, STR("eu-west-2"), STR("elb.eu-west-2.aws.com: the answer is cut")},
        {STR_EMPTY, STR("eu-west-3"), STR(DENIED("elb List", "elb:List"))},
        {STR_EMPTY, STR("eu-west-4"), STR(DENIED("elb  List", "elb:List"))},
    };
    struct fleet fleet = fleet_none();
    struct fleet_cause *causes;
    fleet.gaps = gaps;
    fleet.gap_count = COUNT(gaps);
    assert_int_equal(fleet_gap_causes(&fleet, &arena, &causes), 3);
    assert_str(causes[0].names, "us-east-1, 2 eu-west-1");
    assert_str(causes[0].reason, "elb.us-east-1.aws.com: Failed to connect after 7 ms");
    assert_int_equal(causes[0].count, 2);
    assert_str(causes[1].names, "eu-west-2");
    assert_str(causes[2].names, "eu-west-3, eu-west-4");
    assert_str(causes[2].summary, "AccessDenied: allow elb:List");
    assert_contains(table(&fleet, false, 0),
                    "\n  not read: eu-west-3, eu-west-4: AccessDenied: allow elb:List\n      elb ");
}

static void worst_three_are_named_and_no_compliant_one(void **state) {
    (void)state;
    struct fleet fleet = fleet_none();
    (void)fleet_add(&fleet, "fine", COMPLIANT, MODE_STRICTEST);
    assert_false(str_contains(table(&fleet, false, 80), STR("Worst")));
    for (int i = 0; i < 4; i++) {
        static const char *const names[] = {"one", "two", "three", "four"};
        fleet_find(fleet_add(&fleet, names[i], NON_COMPLIANT, MODE_MONITOR), FINDING_MODE_TOO_WEAK,
                   true);
    }
    fleet.rows[2].evaluation.owner = STR_EMPTY;
    fleet_sort(&fleet);
    struct buf out;
    buf_init(&out, &arena, FLEET_DOCUMENT_BYTES_MAX);
    fleet_write_ending(&out, &arena, &fleet);
    assert_str(buf_str(&out), "Complete: 5 listed, 5 judged, 0 unknown, 4 non-compliant, 1 "
                              "compliant\n"
                              "Worst: four (MODE_TOO_WEAK, team-a), one (MODE_TOO_WEAK, team-a), "
                              "three (MODE_TOO_WEAK, team-a)\n");
}

/* In a pipe, where the table may be all that is left of a run. */
static void long_reason_is_whole_and_widens_no_other_line(void **state) {
    (void)state;
    static char reason[600];
    memset(reason, 'x', sizeof(reason));
    struct fleet fleet = fleet_usual();
    fleet.rows[2].evaluation.reason = (str){reason, sizeof(reason)};
    str text = table(&fleet, false, 0);
    size_t wide = 0;
    for (str rest = text; rest.ptr != NULL;) {
        wide += text_width(str_split(&rest, '\n')) > 120 ? 1 : 0;
    }
    assert_int_equal(wide, 2); /* its row, and its cause */
    assert_true(str_contains(text, (str){reason, sizeof(reason)}));
}

static void empty_fleet_has_no_table(void **state) {
    (void)state;
    struct fleet fleet = fleet_none();
    assert_str(table(&fleet, true, 80),
               "There is no load balancer in eu-west-1. Name other Regions with --region\n"
               "Complete: 0 listed, 0 judged, 0 unknown, 0 non-compliant, 0 compliant\n");
}

static void regions_that_were_not_read_are_named(void **state) {
    (void)state;
    const struct fleet_gap gaps[] = {
        {STR("123456789012"), STR("us-east-1"), STR("access\ndenied\x1b[2J")},
        {STR("210987654321"), STR_EMPTY, STR("the role cannot be assumed")}};
    struct fleet fleet = fleet_none();
    fleet.listed = 7;
    fleet.gaps = gaps;
    fleet.gap_count = COUNT(gaps);
    fleet.is_interrupted = true;
    assert_contains(table(&fleet, false, 0),
                    "  not read: 123456789012 us-east-1: access\\ndenied\\x1b[2J\n"
                    "  not read: 210987654321: the role cannot be assumed\n"
                    "INCOMPLETE: 7 listed, 0 judged, 0 unknown, 0 non-compliant, 0 compliant, "
                    "interrupted\n");
}

static void color_is_used_only_when_there_is_some(void **state) {
    (void)state;
    struct fleet fleet = fleet_usual();
    str plain = table(&fleet, false, 0);
    str colored = table(&fleet, true, 0);
    assert_int_equal(str_find_char(plain, '\x1b'), plain.len);
    assert_contains(colored, "\x1b[1;31mNON_COMPLIANT\x1b[0m   weak");
    assert_contains(colored, "\x1b[33mUNKNOWN\x1b[0m         dark");
    assert_contains(colored, "\x1b[32mCOMPLIANT\x1b[0m       fine");
    assert_contains(colored, "\x1b[2mNOT_APPLICABLE\x1b[0m  net");
}

static void color_moves_no_column(void **state) {
    (void)state;
    struct fleet fleet = fleet_usual();
    str colored = table(&fleet, true, 60);
    struct buf stripped;
    buf_init(&stripped, &arena, FLEET_DOCUMENT_BYTES_MAX);
    for (size_t i = 0; i < colored.len; i++) {
        if (colored.ptr[i] == '\x1b') {
            i += str_find_char(str_slice(colored, i, colored.len), 'm');
        } else {
            buf_append_char(&stripped, colored.ptr[i]);
        }
    }
    assert_true(str_eq(buf_str(&stripped), table(&fleet, false, 60)));
}

/* The titles and rows: headings and texts are broken into lines where they are printed. */
static void assert_narrow(const char *name, str text, size_t width) {
    for (str rest = text; rest.ptr != NULL;) {
        str line = str_split(&rest, '\n');
        if (str_contains(line, STR("Protected"))) {
            return;
        }
        bool is_text = str_contains(line, STR(": ")) || str_starts_with(line, STR("  "));
        if ((!is_text && text_width(line) > width) || str_ends_with(line, STR(" "))) {
            fail_msg("%s, %zu: %s", name, width, str_to_cstr(&arena, line));
        }
    }
}

static void table_is_never_wider_than_the_terminal(void **state) {
    (void)state;
    static const char *const names[] = {"a-name-as-long-as-it-can-be-32-ch",
                                        NIHON NIHON NIHON NIHON NIHON NIHON NIHON NIHON, "x"};
    for (size_t i = 0; i < COUNT(names); i++) {
        struct fleet fleet = fleet_usual();
        fleet.rows[0].name = str_from_cstr(names[i]);
        fleet.rows[1].evaluation.owner = str_from_cstr(names[i]);
        for (size_t width = 1; width <= 140; width++) {
            assert_narrow(names[i], table(&fleet, false, width), width);
        }
    }
}

static void narrowing_shortens_before_it_drops(void **state) {
    (void)state;
    static const struct {
        size_t width;
        const char *first_lines;
    } rows[] = {
        {116, "NAME                  MODE     REQUIRED   GRADE  OWNER   REGION     ACCOUNT       "
              "FINDINGS\n"
              "a-name-of-many-words  monitor  defensive  F      team-a  eu-west-1  123456789012  "
              "MODE_TOO_WEAK, HEADERS_NOT_DROPPED\n"},
        /* account and Region are the same on every line, so they go before all others */
        {115, "NAME                  MODE     REQUIRED   GRADE  OWNER   REGION     FINDINGS\n"
              "a-name-of-many-words  monitor  defensive  F      team-a  eu-west-1  "
              "MODE_TOO_WEAK, HEADERS_NOT_DROPPED\n"},
        {85, "NAME                  MODE     REQUIRED   GRADE  OWNER   FINDINGS\n"
             "a-name-of-many-words  monitor  defensive  F      team-a  MODE_TOO_WEAK, "
             "HEADERS_NOT_\xE2\x80\xA6\n"},
        {72, "NAME                  MODE     REQUIRED   GRADE  OWNER   FINDINGS\n"
             "a-name-of-many-words  monitor  defensive  F      team-a  MODE_TOO_WEAK,"
             "\xE2\x80\xA6\n"},
        /* a name is cut last */
        {40, "NAME                  MODE\na-name-of-many-words  monitor\n"},
        {10, "NAME\na-name-of\xE2\x80\xA6\n"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct fleet fleet = fleet_none();
        struct fleet_row *row =
            fleet_add(&fleet, "a-name-of-many-words", NON_COMPLIANT, MODE_MONITOR);
        fleet_find(row, FINDING_MODE_TOO_WEAK, true);
        fleet_find(row, FINDING_HEADERS_NOT_DROPPED, false);
        str text = table(&fleet, false, rows[i].width);
        assert_true(str_take(&text, STR("NON_COMPLIANT: 1\n")));
        assert_str(str_slice(text, 0, strlen(rows[i].first_lines)), rows[i].first_lines);
    }
}

static void account_stays_where_there_are_several(void **state) {
    (void)state;
    static const str accounts[] = {{"1", 1}, {"2", 1}};
    struct fleet fleet = fleet_usual();
    fleet.accounts = accounts;
    fleet.account_count = COUNT(accounts);
    str text = table(&fleet, false, 78);
    assert_contains(text, "  ACCOUNT");
    assert_false(str_contains(text, STR("REGION")));
}

static void hostile_text_moves_no_cursor_and_breaks_no_line(void **state) {
    (void)state;
    static const char *const texts[] = {"\x1b[2J\x1b[1;1H", "a\nb\r\nc", "\xFF\xC3(",
                                        "\xE2\x80\xAEtxet", "\t\v\f\x07"};
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct fleet fleet = fleet_none();
        struct fleet_row *row = fleet_add(&fleet, "n", COMPLIANCE_UNKNOWN, MODE_UNKNOWN);
        row->name = str_from_cstr(texts[i]);
        row->evaluation.owner = str_from_cstr(texts[i]);
        row->evaluation.reason = str_from_cstr(texts[i]);
        row->region = str_from_cstr(texts[i]);
        str text = table(&fleet, false, 80);
        assert_int_equal(str_utf8_valid_prefix(text), text.len);
        size_t lines = 0;
        for (size_t at = 0; at < text.len; at++) {
            unsigned char byte = (unsigned char)text.ptr[at];
            lines += byte == '\n';
            assert_true(byte == '\n' || (byte >= ' ' && byte != 0x7F));
        }
        assert_int_equal(lines, 7);
        for (str rest = text; rest.ptr != NULL;) {
            str line = str_split(&rest, '\n');
            (void)escape_take_shown(&line);
            assert_int_equal(line.len, 0);
        }
    }
}

static void hostile_cells_are_shown_by_their_escapes_in_their_columns(void **state) {
    (void)state;
    struct fleet fleet = fleet_none();
    fleet_add(&fleet, "n", COMPLIANT, MODE_STRICTEST);
    struct fleet_row *row = fleet_add(&fleet, "n", COMPLIANT, MODE_STRICTEST);
    row->name = STR("a\n\x1b[2J\xC2\x9B\xE2\x80\xAE\xFF" NIHON);
    str text = table(&fleet, false, 0);
    assert_contains(text, "COMPLIANT  a\\n\\x1b[2J\\u009b\\u202e\\xff" NIHON "  strictest");
    assert_contains(text, "COMPLIANT  n                               strictest");
}

static void width_counts_columns_not_bytes(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t width;
    } rows[] = {{"", 0},
                {"abc", 3},
                {"\xC3\xA9t\xC3\xA9", 3},
                {"e\xCC\x81", 1},
                {NIHON, 4},
                {"\xEF\xBC\xA1", 2},             /* full-width A */
                {"\xEF\xBD\xB1", 1},             /* half-width A of Katakana */
                {"\xF0\x9F\x98\x80", 2},         /* a face */
                {"\xED\x95\x9C", 2},             /* Hangul */
                {"\xF0\xA0\x80\x80", 2},         /* CJK extension B */
                {"\xD0\x96", 1},                 /* Cyrillic */
                {"\xE2\x9D\xA4\xEF\xB8\x8F", 1}, /* a heart, and that it is a picture */
                {"\xE2\x80\xA6", 1}};            /* the ellipsis */
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (text_width(str_from_cstr(rows[i].text)) != rows[i].width) {
            fail_msg("%s", rows[i].text);
        }
    }
}

static void text_is_cut_to_columns(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t width;
        const char *fitted;
    } rows[] = {{"abc", 3, "abc"},
                {"abcd", 3, "ab\xE2\x80\xA6"},
                {"a bcd", 3, "a\xE2\x80\xA6"},
                {"abc", 1, "\xE2\x80\xA6"},
                {"abc", 0, ""},
                {"", 0, ""},
                {NIHON, 4, NIHON},
                {NIHON, 3, "\xE6\x97\xA5\xE2\x80\xA6"},
                {NIHON, 2, "\xE2\x80\xA6"},
                {"e\xCC\x81z", 2, "e\xCC\x81z"},
                {"e\xCC\x81xz", 2, "e\xCC\x81\xE2\x80\xA6"}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_str(text_fit(&arena, str_from_cstr(rows[i].text), rows[i].width), rows[i].fitted);
    }
}

static void lines_are_broken_below_their_last_column(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t width;
        const char *wrapped;
    } rows[] = {
        {"one two three", 13, "one two three"},
        {"one two three", 12, "one two\n  three"},
        {"one two three", 0, "one two three"},
        {"one two three\nfour\n", 9, "one two\n  three\nfour\n"},
        {"  -x  the meaning of it", 14, "  -x  the\n      meaning\n      of it"},
        {"a far  column is no help", 10, "a far\n  column\n  is no\n  help"},
        {"    in by four all of it", 12, "    in by\n      four\n      all of\n      it"},
        {"arn:aws:a-long-word is kept whole", 8, "arn:aws:a-long-word\n  is\n  kept\n  whole"},
        {"see arn:aws:a-long-word", 8, "see\n  arn:aws:a-long-word"},
        {NIHON NIHON " " NIHON, 11, NIHON NIHON "\n  " NIHON},
        {"\x1b[1mbold\x1b[0m and thin", 13, "\x1b[1mbold\x1b[0m and thin"},
        {"", 3, ""},
        {"\n\n", 3, "\n\n"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf out;
        buf_init(&out, &arena, 1000);
        text_wrap(&out, str_from_cstr(rows[i].text), rows[i].width);
        assert_str(buf_str(&out), rows[i].wrapped);
    }
}

/* Lines are joined by '|'. */
static void text_is_broken_into_lines(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t width;
        const char *lines;
    } rows[] = {{"", 5, ""},
                {"abc", 5, "abc"},
                {"ab cd", 5, "ab cd"},
                {"ab cd ef", 5, "ab cd|ef"},
                {"abc def", 5, "abc|def"},
                {"abcdefg", 3, "abc|def|g"},
                {"a app/b:c", 6, "a|app/b:|c"}, /* a long word has a line of its own */
                {"Key=Value,x", 5, "Key=|Value|,x"},
                {"ab   cd", 3, "ab|cd"},
                {NIHON, 1, "\xE6\x97\xA5|\xE6\x9C\xAC"},
                {"e\xCC\x81z", 1, "e\xCC\x81|z"}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf out;
        str rest = str_from_cstr(rows[i].text);
        buf_init(&out, &arena, 100);
        while (!str_is_empty(rest)) {
            str line = text_take_line(&rest, rows[i].width);
            buf_printf(&out, "%s%" STR_FMT, out.len == 0 ? "" : "|", STR_ARG(line));
        }
        assert_str(buf_str(&out), rows[i].lines);
    }
}

static void text_is_padded_to_columns(void **state) {
    (void)state;
    struct buf out;
    buf_init(&out, &arena, 100);
    text_pad(&out, STR(NIHON), 6);
    text_pad(&out, STR("abc"), 2);
    text_pad(&out, STR_EMPTY, 1);
    assert_str(buf_str(&out), NIHON "  abc ");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(table_text_is_exact, judging_reset),
        cmocka_unit_test_teardown(terminal_has_a_group_for_each_verdict, judging_reset),
        cmocka_unit_test_teardown(one_cause_is_one_line_at_any_width, judging_reset),
        cmocka_unit_test_teardown(reasons_that_differ_in_place_and_moment_are_one_cause,
                                  judging_reset),
        cmocka_unit_test_teardown(worst_three_are_named_and_no_compliant_one, judging_reset),
        cmocka_unit_test_teardown(long_reason_is_whole_and_widens_no_other_line, judging_reset),
        cmocka_unit_test_teardown(lines_are_broken_below_their_last_column, judging_reset),
        cmocka_unit_test_teardown(empty_fleet_has_no_table, judging_reset),
        cmocka_unit_test_teardown(regions_that_were_not_read_are_named, judging_reset),
        cmocka_unit_test_teardown(color_is_used_only_when_there_is_some, judging_reset),
        cmocka_unit_test_teardown(color_moves_no_column, judging_reset),
        cmocka_unit_test_teardown(table_is_never_wider_than_the_terminal, judging_reset),
        cmocka_unit_test_teardown(narrowing_shortens_before_it_drops, judging_reset),
        cmocka_unit_test_teardown(account_stays_where_there_are_several, judging_reset),
        cmocka_unit_test_teardown(hostile_text_moves_no_cursor_and_breaks_no_line, judging_reset),
        cmocka_unit_test_teardown(hostile_cells_are_shown_by_their_escapes_in_their_columns,
                                  judging_reset),
        cmocka_unit_test_teardown(width_counts_columns_not_bytes, judging_reset),
        cmocka_unit_test_teardown(text_is_broken_into_lines, judging_reset),
        cmocka_unit_test_teardown(text_is_padded_to_columns, judging_reset),
        cmocka_unit_test_teardown(text_is_cut_to_columns, judging_reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
