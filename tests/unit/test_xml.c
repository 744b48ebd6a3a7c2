/* SPDX-License-Identifier: Apache-2.0 */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/xml.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define BYTES_MAX    ((size_t)64 * 1024 * 1024)

static int set_up(void **state) {
    static struct arena arena = {0};
    *state = &arena;
    return 0;
}

static int tear_down(void **state) {
    arena_clean_up(*state);
    return 0;
}

static const struct xml *parse_ok(struct arena *arena, str text) {
    const struct xml *root = NULL;
    const char *problem = "nothing";
    enum status status = xml_parse(arena, text, BYTES_MAX, &root, &problem);
    if (status != STATUS_OK) {
        print_error("%.60s: %s\n", text.ptr, problem);
    }
    assert_int_equal(status, STATUS_OK);
    assert_non_null(root);
    return root;
}

static void assert_str(str actual, const char *expected) {
    if (!str_eq(actual, str_from_cstr(expected))) {
        fail_msg("expected \"%s\", got \"%" STR_FMT "\"", expected, STR_ARG(actual));
    }
}

static void append_repeated(struct buf *buf, const char *unit, size_t count) {
    for (size_t i = 0; i < count; i++) {
        buf_append(buf, str_from_cstr(unit));
    }
}

static const char answer[] =
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
    "<DescribeResponse xmlns=\"http://example.com/doc/\">\n"
    "  <DescribeResult>\n"
    "    <Attributes>\n"
    "      <member><Key>routing.mode</Key><Value>defensive</Value></member>\n"
    "      <member><Value/><Key>access_logs.s3.bucket</Key></member>\n"
    "      <other/>\n"
    "      <member><Key>a &lt;b&gt; &amp; &#233;</Key><Value> x </Value></member>\n"
    "    </Attributes>\n"
    "  </DescribeResult>\n"
    "  <ResponseMetadata><RequestId>1-2-3</RequestId></ResponseMetadata>\n"
    "</DescribeResponse>\n";

static void xml_answer_of_a_query_service_is_read(void **state) {
    const struct xml *root = parse_ok(*state, str_from_cstr(answer));
    assert_str(root->name, "DescribeResponse");
    assert_null(root->next);
    const struct xml *list = xml_child(xml_child(root, "DescribeResult"), "Attributes");
    const struct xml *member = xml_child(list, "member");
    assert_str(xml_child_text(member, "Key"), "routing.mode");
    assert_str(xml_child_text(member, "Value"), "defensive");
    member = xml_next_same(member);
    assert_str(xml_child_text(member, "Key"), "access_logs.s3.bucket");
    assert_str(xml_child_text(member, "Value"), "");
    member = xml_next_same(member);
    assert_str(xml_child_text(member, "Key"), "a <b> & \xC3\xA9");
    assert_str(xml_child_text(member, "Value"), " x ");
    assert_null(xml_next_same(member));
    assert_str(xml_child_text(xml_child(root, "ResponseMetadata"), "RequestId"), "1-2-3");
}

static void xml_names_lose_their_prefix(void **state) {
    const struct xml *root = parse_ok(
        *state, STR("<ns:list xmlns:ns=\"u\"><ns:member>1</ns:member><member/></ns:list>"));
    assert_str(root->name, "list");
    assert_str(xml_child_text(root, "member"), "1");
    assert_non_null(xml_next_same(xml_child(root, "member")));
    assert_null(xml_child(root, "ns:member"));
}

static void xml_text_is_put_together_from_its_pieces(void **state) {
    static const struct {
        const char *text;
        const char *expected;
    } rows[] = {
        {"<a>one&amp;two&#10;three</a>", "one&two\nthree"},
        {"<a>x<![CDATA[<b>&amp;</b>]]>y</a>", "x<b>&amp;</b>y"},
        {"<a>x<!-- no -->y<?pi no?>z</a>", "xyz"},
        {"<a>1\r\n2</a>", "1\n2"},
        {"<a/>", ""},
        {"<a></a>", ""},
        {"<a x='1' y=\"2\">t</a>", "t"},
        {"<a>1\r2\r\n</a>", "1\n2\n"},
        {"<a>&#xe9;&#xE9;&#x1F600;&apos;&quot;&gt;</a>", "\xC3\xA9\xC3\xA9\xF0\x9F\x98\x80'\">"},
        {"\xEF\xBB\xBF<a>x</a>", "x"},
        {"<?xml version=\"1.0\"\n encoding='us-ascii' ?><a>x</a>", "x"},
        {"<?xml version='1.0' encoding='ISO-8859-1'?><a>\xE9\xE9\xE9</a>",
         "\xC3\xA9\xC3\xA9\xC3\xA9"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_str(parse_ok(*state, str_from_cstr(rows[i].text))->text, rows[i].expected);
    }
}

static void xml_text_beside_children_is_dropped(void **state) {
    const struct xml *root = parse_ok(*state, STR("<a>x<b>y</b>z<c/>w</a>"));
    assert_str(root->text, "");
    assert_str(xml_child_text(root, "b"), "y");
    assert_str(xml_child_text(root, "c"), "");
}

static void xml_missing_nodes_are_null_and_empty(void **state) {
    const struct xml *root = parse_ok(*state, STR("<a><b/></a>"));
    assert_null(xml_child(root, "B"));
    assert_null(xml_child(root, "c"));
    assert_null(xml_child(NULL, "a"));
    assert_null(xml_next_same(NULL));
    assert_null(xml_next_same(root));
    assert_true(str_is_empty(xml_child_text(NULL, "a")));
    assert_true(str_is_empty(xml_child_text(root, "c")));
}

#define BAD(name, literal, status)                                                                 \
    { name, {literal, sizeof(literal) - 1}, status }

static const struct {
    const char *name;
    str text;
    enum status status;
} bad_rows[] = {
    BAD("nothing", "", STATUS_INCOMPLETE),
    BAD("white space", " \n", STATUS_INCOMPLETE),
    BAD("declaration only", "<?xml version=\"1.0\"?>", STATUS_INCOMPLETE),
    BAD("plain text", "Service Unavailable", STATUS_INCOMPLETE),
    BAD("JSON", "{\"message\":\"x\"}", STATUS_INCOMPLETE),
    BAD("HTML page", "<!DOCTYPE html>\n<html><head><title>503</title></head><body>x</body></html>",
        STATUS_INCOMPLETE),
    BAD("HTML page of old", "<!DOCTYPE HTML PUBLIC \"-//IETF//DTD HTML 2.0//EN\"><html></html>",
        STATUS_INCOMPLETE),
    BAD("HTML that is no XML", "<HTML><BR><p>x</HTML>", STATUS_INCOMPLETE),
    BAD("HTML that is XML", "<html><body><h1>503 Service Unavailable</h1></body></html>",
        STATUS_INCOMPLETE),
    BAD("no closing root", "<a><b>x</b>", STATUS_INCOMPLETE),
    BAD("cut in a tag", "<a><b>x</b", STATUS_INCOMPLETE),
    BAD("cut in an entity", "<a>&am", STATUS_INCOMPLETE),
    BAD("cut in a comment", "<a/><!-- ", STATUS_INCOMPLETE),
    BAD("crossed tags", "<a><b></a></b>", STATUS_INCOMPLETE),
    BAD("two roots", "<a/><b/>", STATUS_INCOMPLETE),
    BAD("text behind the root", "<a/>x", STATUS_INCOMPLETE),
    BAD("NUL behind the root", "<a/>\0", STATUS_INCOMPLETE),
    BAD("NUL in the text", "<a>x\0y</a>", STATUS_INCOMPLETE),
    BAD("NUL as reference", "<a>&#0;</a>", STATUS_INCOMPLETE),
    BAD("invalid UTF-8", "<a>\xC0\xAF</a>", STATUS_INCOMPLETE),
    BAD("undeclared entity", "<a>&x;</a>", STATUS_INCOMPLETE),
    BAD("attribute twice", "<a x='1' x='2'/>", STATUS_INCOMPLETE),
    BAD("unknown encoding", "<?xml version='1.0' encoding='x'?><a/>", STATUS_INCOMPLETE),
    BAD("attribute without value", "<a x/>", STATUS_INCOMPLETE),
    BAD("attribute without quotes", "<a x=1/>", STATUS_INCOMPLETE),
    BAD("tag in an attribute", "<a x='<b>'/>", STATUS_INCOMPLETE),
    BAD("attributes without a space", "<a x='1'y='2'/>", STATUS_INCOMPLETE),
    BAD("end of CDATA in the text", "<a>]]></a>", STATUS_INCOMPLETE),
    BAD("half a surrogate pair", "<a>&#xD800;</a>", STATUS_INCOMPLETE),
    BAD("reference beyond Unicode", "<a>&#1114112;</a>", STATUS_INCOMPLETE),
    BAD("reference beyond 32 bits", "<a>&#4294967361;</a>", STATUS_INCOMPLETE),
    BAD("reference without digits", "<a>&#;&#x;</a>", STATUS_INCOMPLETE),
    BAD("two hyphens in a comment", "<a><!-- -- --></a>", STATUS_INCOMPLETE),
    BAD("declaration inside", "<a><?xml version='1.0'?></a>", STATUS_INCOMPLETE),
    BAD("escape character", "<a>\x1B[0m</a>", STATUS_INCOMPLETE),
    BAD("name that is not ASCII", "<\xC3\xA9/>", STATUS_INCOMPLETE),
    BAD("UTF-16", "\xFF\xFE<\0a\0/\0>\0", STATUS_INCOMPLETE),
    BAD("document type", "<!DOCTYPE a><a/>", STATUS_UNSUPPORTED),
    BAD("external document type", "<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>",
        STATUS_UNSUPPORTED),
    BAD("external entity", "<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><a>&x;</a>",
        STATUS_UNSUPPORTED),
    BAD("billion laughs",
        "<?xml version=\"1.0\"?><!DOCTYPE lolz [<!ENTITY l0 \"lol\">"
        "<!ENTITY l1 \"&l0;&l0;&l0;&l0;&l0;&l0;&l0;&l0;&l0;&l0;\">"
        "<!ENTITY l2 \"&l1;&l1;&l1;&l1;&l1;&l1;&l1;&l1;&l1;&l1;\">"
        "<!ENTITY l3 \"&l2;&l2;&l2;&l2;&l2;&l2;&l2;&l2;&l2;&l2;\">"
        "<!ENTITY l4 \"&l3;&l3;&l3;&l3;&l3;&l3;&l3;&l3;&l3;&l3;\">]><lolz>&l4;</lolz>",
        STATUS_UNSUPPORTED),
    BAD("parameter entity", "<!DOCTYPE a [<!ENTITY % p \"x\"> %p;]><a/>", STATUS_UNSUPPORTED),
};

static void xml_bad_documents_are_refused(void **state) {
    for (size_t i = 0; i < COUNT(bad_rows); i++) {
        const struct xml *root = (const struct xml *)(const void *)bad_rows;
        const char *problem = NULL;
        enum status status = xml_parse(*state, bad_rows[i].text, BYTES_MAX, &root, &problem);
        if (status != bad_rows[i].status || root != NULL || problem == NULL) {
            fail_msg("%s: %s, %s", bad_rows[i].name, status_name(status),
                     problem ? problem : "no problem");
        }
    }
}

static void xml_null_problem_is_allowed(void **state) {
    const struct xml *root = NULL;
    assert_int_equal(xml_parse(*state, STR("<a>"), 100, &root, NULL), STATUS_INCOMPLETE);
}

static void xml_problems_of_our_own_are_named(void **state) {
    const struct xml *root = NULL;
    const char *problem = NULL;
    assert_int_equal(xml_parse(*state, STR("<!DOCTYPE a><a/>"), 100, &root, &problem),
                     STATUS_UNSUPPORTED);
    assert_string_equal(problem, "document type declaration");
    assert_int_equal(xml_parse(*state, STR("<html/>"), 100, &root, &problem), STATUS_INCOMPLETE);
    assert_string_equal(problem, "an HTML page");
}

static void xml_every_prefix_of_a_document_is_incomplete(void **state) {
    const struct xml *root = NULL;
    size_t whole = strlen(answer) - 1; /* the line feed behind the root may be missing */
    for (size_t len = 0; len < whole; len++) {
        assert_int_equal(xml_parse(*state, (str){answer, len}, BYTES_MAX, &root, NULL),
                         STATUS_INCOMPLETE);
        assert_null(root);
    }
    (void)parse_ok(*state, (str){answer, whole});
}

static void xml_text_at_the_edge_of_a_page_is_not_read_over(void **state) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(pages != MAP_FAILED);
    assert_int_equal(mprotect(pages + page, page, PROT_NONE), 0);
    for (size_t len = 1; len <= strlen(answer); len++) {
        const struct xml *root = NULL;
        char *start = pages + page - len;
        memcpy(start, answer, len);
        enum status status = xml_parse(*state, (str){start, len}, BYTES_MAX, &root, NULL);
        assert_int_equal(status, len + 1 >= strlen(answer) ? STATUS_OK : STATUS_INCOMPLETE);
    }
    assert_int_equal(munmap(pages, 2 * page), 0);
}

static void xml_bytes_limit_is_exact(void **state) {
    const struct xml *root = NULL;
    const char *problem = NULL;
    assert_int_equal(xml_parse(*state, STR("<a></a>"), 7, &root, &problem), STATUS_OK);
    assert_int_equal(xml_parse(*state, STR("<a></a>"), 6, &root, &problem), STATUS_TOO_LARGE);
    assert_string_equal(problem, "too many bytes");
    assert_null(root);
}

static str nested(struct arena *arena, size_t depth) {
    struct buf buf;
    buf_init(&buf, arena, BYTES_MAX);
    append_repeated(&buf, "<a>", depth);
    append_repeated(&buf, "</a>", depth);
    return buf_str(&buf);
}

static void xml_deeper_than_64_is_refused(void **state) {
    static const size_t depths[] = {65, 66, 10000, 1000000};
    (void)parse_ok(*state, nested(*state, 64));
    for (size_t i = 0; i < COUNT(depths); i++) {
        const struct xml *root = NULL;
        const char *problem = NULL;
        str text = nested(*state, depths[i]);
        assert_int_equal(xml_parse(*state, text, BYTES_MAX, &root, &problem), STATUS_TOO_DEEP);
        assert_string_equal(problem, "nested too deep");
        assert_null(root);
    }
}

static str wide(struct arena *arena, size_t children) {
    struct buf buf;
    buf_init(&buf, arena, BYTES_MAX);
    buf_append(&buf, STR("<a>"));
    append_repeated(&buf, "<b/>", children);
    buf_append(&buf, STR("</a>"));
    return buf_str(&buf);
}

static void xml_more_than_200000_elements_are_refused(void **state) {
    const struct xml *root = parse_ok(*state, wide(*state, 199999));
    const char *problem = NULL;
    size_t count = 0;
    for (const struct xml *b = xml_child(root, "b"); b != NULL; b = xml_next_same(b)) {
        count++;
    }
    assert_int_equal(count, 199999);
    assert_int_equal(xml_parse(*state, wide(*state, 200000), BYTES_MAX, &root, &problem),
                     STATUS_TOO_LARGE);
    assert_string_equal(problem, "too many elements");
}

static str with_attributes(struct arena *arena, unsigned count) {
    struct buf buf;
    buf_init(&buf, arena, BYTES_MAX);
    buf_append(&buf, STR("<a"));
    for (unsigned i = 0; i < count; i++) {
        buf_printf(&buf, " x%u='%u'", i, i);
    }
    buf_append(&buf, STR("/>"));
    return buf_str(&buf);
}

/* Each is compared with all before it. */
static void xml_more_than_64_attributes_are_refused(void **state) {
    const struct xml *root = NULL;
    const char *problem = NULL;
    (void)parse_ok(*state, with_attributes(*state, 64));
    assert_int_equal(xml_parse(*state, with_attributes(*state, 65), BYTES_MAX, &root, &problem),
                     STATUS_TOO_LARGE);
    assert_string_equal(problem, "too many attributes");
}

/* Joining the pieces by copying would be 10^12 bytes. */
static void xml_text_of_a_million_pieces_is_read(void **state) {
    struct buf buf;
    buf_init(&buf, *state, BYTES_MAX);
    buf_append(&buf, STR("<a>"));
    append_repeated(&buf, "&lt;x", 1000000);
    buf_append(&buf, STR("</a>"));
    const struct xml *root = parse_ok(*state, buf_str(&buf));
    assert_int_equal(root->text.len, 2000000);
    assert_true(str_starts_with(root->text, STR("<x<x")));
}

static void xml_tree_does_not_borrow_the_text(void **state) {
    char text[] = "<a><b>value</b></a>";
    const struct xml *root = parse_ok(*state, str_from_cstr(text));
    memset(text, 'x', sizeof(text) - 1);
    assert_str(xml_child_text(root, "b"), "value");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(xml_answer_of_a_query_service_is_read),
        cmocka_unit_test(xml_names_lose_their_prefix),
        cmocka_unit_test(xml_text_is_put_together_from_its_pieces),
        cmocka_unit_test(xml_text_beside_children_is_dropped),
        cmocka_unit_test(xml_missing_nodes_are_null_and_empty),
        cmocka_unit_test(xml_bad_documents_are_refused),
        cmocka_unit_test(xml_null_problem_is_allowed),
        cmocka_unit_test(xml_problems_of_our_own_are_named),
        cmocka_unit_test(xml_every_prefix_of_a_document_is_incomplete),
        cmocka_unit_test(xml_text_at_the_edge_of_a_page_is_not_read_over),
        cmocka_unit_test(xml_bytes_limit_is_exact),
        cmocka_unit_test(xml_deeper_than_64_is_refused),
        cmocka_unit_test(xml_more_than_200000_elements_are_refused),
        cmocka_unit_test(xml_more_than_64_attributes_are_refused),
        cmocka_unit_test(xml_text_of_a_million_pieces_is_read),
        cmocka_unit_test(xml_tree_does_not_borrow_the_text),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
