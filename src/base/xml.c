/* SPDX-License-Identifier: Apache-2.0
 *
 * The reader in the middle of a document:
 *
 *   <a xmlns=".."><b>text</b><c/></a>        levels[0] = a, levels[1] = b while "text" is read
 *
 * `content` collects the text of the innermost element: an opening tag clears it, and a closing tag
 * keeps it only where the element has no children. So text between elements (indentation) costs
 * nothing. last_child makes appending O(1).
 */
#include "base/xml.h"

#include "base/ascii.h"
#include "base/assert.h"
#include "base/buf.h"

#include <string.h>

/* AWS answers are eight levels deep and hold some thousand elements a page; both limits are far
 * above that, and keep a hostile answer below 20 MB of tree. Each attribute is compared with those
 * before it. */
enum { DEPTH_MAX = 64, NODES_MAX = 200000, ATTRIBUTES_MAX = 64, UNICODE_MAX = 0x10FFFF };

#define SPACES " \t\r\n"

struct level {
    struct xml *node;
    struct xml *last_child;
    str name; /* with its prefix, as the end tag has to repeat it */
};

struct reader {
    str text; /* valid UTF-8 without control characters; [at, text.len) is still to be read */
    size_t at;
    struct arena *arena;
    struct level levels[DEPTH_MAX];
    size_t depth; /* open elements */
    size_t node_count;
    struct xml *root;
    /* Of the innermost element only: the text of an element with children is dropped, so that one
     * buffer serves all. */
    struct buf content;
    enum status status;
    const char *problem;
};

/* Every function below that reads returns false once the document is refused. */
static bool refuse(struct reader *reader, enum status status, const char *problem) {
    reader->status = status;
    reader->problem = problem;
    return false;
}

static bool malformed(struct reader *reader) {
    return refuse(reader, STATUS_INCOMPLETE, "cut short or not well-formed");
}

static bool is_one_of(char c, const char *set) {
    return c != '\0' && strchr(set, c) != NULL;
}

/* AWS's names are ASCII; others are not well-formed here. */
static bool is_name_start(char c) {
    return ascii_is_letter(c) || c == '_' || c == ':';
}

static bool is_name_char(char c) {
    return is_name_start(c) || ascii_is_digit(c) || c == '-' || c == '.';
}

/* https://www.w3.org/TR/xml/#NT-Char */
static bool is_char(uint32_t code) {
    return code == '\t' || code == '\n' || code == '\r' || (code >= 0x20 && code <= 0xD7FF) ||
           (code >= 0xE000 && code <= 0xFFFD) || (code >= 0x10000 && code <= UNICODE_MAX);
}

static void append_utf8(struct buf *out, uint32_t code) {
    if (code < 0x80) {
        buf_append_char(out, (char)code);
    } else if (code < 0x800) {
        buf_append_char(out, (char)(0xC0 | code >> 6));
    } else if (code < 0x10000) {
        buf_append_char(out, (char)(0xE0 | code >> 12));
        buf_append_char(out, (char)(0x80 | (code >> 6 & 0x3F)));
    } else {
        buf_append_char(out, (char)(0xF0 | code >> 18));
        buf_append_char(out, (char)(0x80 | (code >> 12 & 0x3F)));
        buf_append_char(out, (char)(0x80 | (code >> 6 & 0x3F)));
    }
    if (code >= 0x80) {
        buf_append_char(out, (char)(0x80 | (code & 0x3F)));
    }
}

static str rest(const struct reader *reader) {
    return str_slice(reader->text, reader->at, reader->text.len);
}

static bool is_at_end(const struct reader *reader) {
    return reader->at == reader->text.len;
}

static char next_char(const struct reader *reader) {
    return is_at_end(reader) ? '\0' : reader->text.ptr[reader->at];
}

static bool take(struct reader *reader, str expected) {
    bool is_there = str_starts_with(rest(reader), expected);
    reader->at += is_there ? expected.len : 0;
    return is_there;
}

static bool take_space(struct reader *reader) {
    size_t start = reader->at;
    while (is_one_of(next_char(reader), SPACES)) {
        reader->at++;
    }
    return reader->at > start;
}

/* The text before `end`, which is passed, too. */
static bool take_until(struct reader *reader, str end, str *before) {
    str left = rest(reader);
    for (size_t i = 0; i + end.len <= left.len; i++) {
        i += str_find_char(str_slice(left, i, left.len), end.ptr[0]);
        if (str_starts_with(str_slice(left, i, left.len), end)) {
            *before = str_slice(left, 0, i);
            reader->at += i + end.len;
            return true;
        }
    }
    return malformed(reader);
}

static bool take_name(struct reader *reader, str *name) {
    size_t start = reader->at;
    if (!is_name_start(next_char(reader))) {
        return malformed(reader);
    }
    while (is_name_char(next_char(reader))) {
        reader->at++;
    }
    *name = str_slice(reader->text, start, reader->at);
    return true;
}

/* "#233" or "#xE9"; 0 where it is no character. */
static uint32_t character_of(str reference) {
    bool is_hex = str_starts_with(reference, STR("#x"));
    str digits = str_slice(reference, is_hex ? 2 : 1, reference.len);
    uint32_t code = 0;
    for (size_t i = 0; i < digits.len && code <= UNICODE_MAX; i++) {
        char c = digits.ptr[i];
        int digit = is_hex || ascii_is_digit(c) ? ascii_hex_value(c) : -1;
        code = digit < 0 ? UNICODE_MAX + 1 : code * (is_hex ? 16 : 10) + (uint32_t)digit;
    }
    return is_char(code) ? code : 0;
}

/* No entity can be declared here: there are the five of XML itself. */
static uint32_t entity_of(str name) {
    static const struct {
        str name;
        char character;
    } entities[] = {{{"lt", 2}, '<'},
                    {{"gt", 2}, '>'},
                    {{"amp", 3}, '&'},
                    {{"apos", 4}, '\''},
                    {{"quot", 4}, '"'}};
    for (size_t i = 0; i < sizeof(entities) / sizeof(entities[0]); i++) {
        if (str_eq(entities[i].name, name)) {
            return (uint32_t)entities[i].character;
        }
    }
    return 0;
}

static bool read_reference(struct reader *reader, struct buf *out) {
    str name;
    if (!take(reader, STR("&")) || !take_until(reader, STR(";"), &name)) {
        return malformed(reader);
    }
    uint32_t code = str_starts_with(name, STR("#")) ? character_of(name) : entity_of(name);
    if (code == 0) {
        return refuse(reader, STATUS_INCOMPLETE, "an unknown entity or character reference");
    }
    append_utf8(out, code);
    return true;
}

/* Line ends become line feeds: https://www.w3.org/TR/xml/#sec-line-ends */
static void append_lines(struct buf *out, str text) {
    for (str left = text; left.len > 0;) {
        size_t end = str_find_char(left, '\r');
        buf_append(out, str_slice(left, 0, end));
        if (end < left.len && (end + 1 == left.len || left.ptr[end + 1] != '\n')) {
            buf_append_char(out, '\n');
        }
        left = str_slice(left, end + 1, left.len);
    }
}

/* Up to the next '<'. */
static bool read_text(struct reader *reader) {
    str left = rest(reader);
    str text = str_slice(left, 0, str_find_char(left, '<'));
    size_t end = reader->at + text.len;
    if (str_contains(text, STR("]]>"))) {
        return malformed(reader);
    }
    while (reader->at < end) {
        str piece = str_slice(reader->text, reader->at, end);
        piece = str_slice(piece, 0, str_find_char(piece, '&'));
        append_lines(&reader->content, piece);
        reader->at += piece.len;
        if (reader->at < end && !read_reference(reader, &reader->content)) {
            return false;
        }
    }
    return true;
}

static bool read_cdata(struct reader *reader) {
    str text;
    if (!take_until(reader, STR("]]>"), &text)) {
        return false;
    }
    append_lines(&reader->content, text);
    return true;
}

static bool is_html(str name) {
    return str_eq_ignore_case(name, STR("html"));
}

static bool open_element(struct reader *reader, str name) {
    if (reader->depth == 0 && reader->root != NULL) {
        return refuse(reader, STATUS_INCOMPLETE, "something behind the root element");
    }
    if (reader->depth == 0 && is_html(name)) {
        return refuse(reader, STATUS_INCOMPLETE, "an HTML page");
    }
    if (reader->depth == DEPTH_MAX) {
        return refuse(reader, STATUS_TOO_DEEP, "nested too deep");
    }
    if (reader->node_count == NODES_MAX) {
        return refuse(reader, STATUS_TOO_LARGE, "too many elements");
    }
    struct xml *node = ARENA_NEW(reader->arena, struct xml);
    node->name = str_copy(reader->arena, str_after_last(name, ':'));
    reader->node_count++;
    if (reader->depth == 0) {
        reader->root = node;
    } else {
        struct level *parent = &reader->levels[reader->depth - 1];
        if (parent->last_child == NULL) {
            parent->node->first_child = node;
        } else {
            parent->last_child->next = node;
        }
        parent->last_child = node;
    }
    reader->levels[reader->depth++] = (struct level){.node = node, .name = name};
    buf_clear(&reader->content);
    return true;
}

static void close_element(struct reader *reader) {
    struct xml *node = reader->levels[--reader->depth].node;
    if (node->first_child == NULL && reader->content.len > 0) {
        node->text = str_copy(reader->arena, buf_str(&reader->content));
    }
    buf_clear(&reader->content);
}

/* References in the value stay as they are: the only value that is used is that of `encoding`. */
static bool read_attribute(struct reader *reader, str *name, str *value) {
    if (!take_name(reader, name)) {
        return false;
    }
    (void)take_space(reader);
    if (!take(reader, STR("="))) {
        return malformed(reader);
    }
    (void)take_space(reader);
    str quote = str_slice(rest(reader), 0, 1);
    bool is_quoted = take(reader, STR("\"")) || take(reader, STR("'"));
    return (is_quoted && take_until(reader, quote, value) &&
            str_find_char(*value, '<') == value->len) ||
           malformed(reader);
}

static bool read_attributes(struct reader *reader) {
    str names[ATTRIBUTES_MAX];
    str value;
    for (size_t count = 0; take_space(reader) && is_name_start(next_char(reader)); count++) {
        if (count == ATTRIBUTES_MAX) {
            return refuse(reader, STATUS_TOO_LARGE, "too many attributes");
        }
        if (!read_attribute(reader, &names[count], &value)) {
            return false;
        }
        for (size_t i = 0; i < count; i++) {
            if (str_eq(names[i], names[count])) {
                return refuse(reader, STATUS_INCOMPLETE, "an attribute twice");
            }
        }
    }
    return true;
}

static bool read_start_tag(struct reader *reader) {
    str name;
    if (!take_name(reader, &name) || !open_element(reader, name) || !read_attributes(reader)) {
        return false;
    }
    if (take(reader, STR("/>"))) {
        close_element(reader);
        return true;
    }
    return take(reader, STR(">")) || malformed(reader);
}

static bool read_end_tag(struct reader *reader) {
    str name;
    if (!take_name(reader, &name)) {
        return false;
    }
    (void)take_space(reader);
    if (!take(reader, STR(">"))) {
        return malformed(reader);
    }
    if (reader->depth == 0 || !str_eq(name, reader->levels[reader->depth - 1].name)) {
        return refuse(reader, STATUS_INCOMPLETE, "an end tag that ends no open element");
    }
    close_element(reader);
    return true;
}

static bool read_comment(struct reader *reader) {
    str text;
    return take_until(reader, STR("--"), &text) && (take(reader, STR(">")) || malformed(reader));
}

static bool read_instruction(struct reader *reader) {
    str target;
    str text;
    if (!take_name(reader, &target) || str_eq_ignore_case(target, STR("xml")) ||
        !take_until(reader, STR("?>"), &text)) {
        return malformed(reader);
    }
    return str_is_empty(text) || is_one_of(text.ptr[0], SPACES) || malformed(reader);
}

/* Refused before anything in it is read: no entity is ever declared, let alone expanded. */
static bool read_document_type(struct reader *reader) {
    str name;
    if (!take_space(reader) || !take_name(reader, &name)) {
        return malformed(reader);
    }
    return is_html(name) ? refuse(reader, STATUS_INCOMPLETE, "an HTML page")
                         : refuse(reader, STATUS_UNSUPPORTED, "document type declaration");
}

static bool read_markup(struct reader *reader) {
    if (take(reader, STR("</"))) {
        return read_end_tag(reader);
    }
    if (take(reader, STR("<!--"))) {
        return read_comment(reader);
    }
    if (take(reader, STR("<?"))) {
        return read_instruction(reader);
    }
    if (reader->depth > 0 && take(reader, STR("<![CDATA["))) {
        return read_cdata(reader);
    }
    if (reader->root == NULL && take(reader, STR("<!DOCTYPE"))) {
        return read_document_type(reader);
    }
    return take(reader, STR("<")) && read_start_tag(reader);
}

static bool read_document(struct reader *reader) {
    while (!is_at_end(reader)) {
        bool is_read = next_char(reader) == '<' ? read_markup(reader)
                       : reader->depth > 0      ? read_text(reader)
                                                : take_space(reader) || malformed(reader);
        if (!is_read) {
            return false;
        }
    }
    return (reader->root != NULL && reader->depth == 0) || malformed(reader);
}

static str from_latin_1(struct arena *arena, str text) {
    struct buf out;
    buf_init(&out, arena, 2 * text.len);
    for (size_t i = 0; i < text.len; i++) {
        append_utf8(&out, (unsigned char)text.ptr[i]);
    }
    return buf_str(&out);
}

/* <?xml version="1.0" encoding="UTF-8"?>, which may be missing. */
static bool read_declaration(struct reader *reader, str *encoding) {
    (void)take(reader, STR("\xEF\xBB\xBF"));
    size_t start = reader->at;
    if (!take(reader, STR("<?xml")) || !is_one_of(next_char(reader), SPACES)) {
        reader->at = start;
        return true;
    }
    while (take_space(reader) && is_name_start(next_char(reader))) {
        str name;
        str value;
        if (!read_attribute(reader, &name, &value)) {
            return false;
        }
        *encoding = str_eq(name, STR("encoding")) ? value : *encoding;
    }
    return take(reader, STR("?>")) || malformed(reader);
}

static bool decode(struct reader *reader, str encoding) {
    if (str_eq_ignore_case(encoding, STR("ISO-8859-1"))) {
        reader->text = from_latin_1(reader->arena, reader->text);
        return true;
    }
    return str_is_empty(encoding) || str_eq_ignore_case(encoding, STR("UTF-8")) ||
           str_eq_ignore_case(encoding, STR("US-ASCII")) ||
           refuse(reader, STATUS_INCOMPLETE, "an unknown encoding");
}

/* So that nothing below has to look at single characters again. */
static bool check_characters(struct reader *reader) {
    str text = reader->text;
    bool is_right = str_utf8_valid_prefix(text) == text.len;
    for (size_t i = 0; i < text.len && is_right; i++) {
        is_right = (unsigned char)text.ptr[i] >= 0x20 || is_one_of(text.ptr[i], SPACES);
    }
    return is_right || refuse(reader, STATUS_INCOMPLETE, "a character that XML does not allow");
}

enum status xml_parse(struct arena *arena, str text, size_t bytes_max, const struct xml **root_out,
                      const char **problem) {
    ASSERT(arena != NULL && root_out != NULL);
    *root_out = NULL;
    struct reader reader = {.text = text, .arena = arena, .status = STATUS_OK};
    if (text.len > bytes_max) {
        (void)refuse(&reader, STATUS_TOO_LARGE, "too many bytes");
    } else {
        /* Latin-1 doubles at most when it becomes UTF-8; nothing else grows. */
        buf_init(&reader.content, arena, 2 * text.len);
        str encoding = STR_EMPTY;
        if (read_declaration(&reader, &encoding) && decode(&reader, encoding) &&
            check_characters(&reader) && read_document(&reader)) {
            ASSERT(buf_status(&reader.content) == STATUS_OK);
            *root_out = reader.root;
        }
    }
    if (problem != NULL && reader.status != STATUS_OK) {
        *problem = reader.problem;
    }
    return reader.status;
}

/* `node` itself or the first of its next siblings with that name. */
static const struct xml *find_from(const struct xml *node, str name) {
    while (node != NULL && !str_eq(node->name, name)) {
        node = node->next;
    }
    return node;
}

const struct xml *xml_child(const struct xml *node, const char *name) {
    return node != NULL ? find_from(node->first_child, str_from_cstr(name)) : NULL;
}

const struct xml *xml_next_same(const struct xml *node) {
    return node != NULL ? find_from(node->next, node->name) : NULL;
}

str xml_child_text(const struct xml *node, const char *name) {
    const struct xml *child = xml_child(node, name);
    return child != NULL ? child->text : STR_EMPTY;
}

size_t xml_count(const struct xml *node) {
    size_t count = 0;
    for (const struct xml *child = node->first_child; child != NULL; child = child->next) {
        count++;
    }
    return count;
}
