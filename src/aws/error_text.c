/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/call.h"
#include "base/ascii.h"
#include "base/json.h"
#include "base/xml.h"

/* An error answer is a few hundred bytes; anything beyond this is a page from something else. */
#define ERROR_BODY_BYTES_MAX 65536
/* The longest code in the service models has 57 characters. */
#define ERROR_CODE_CHARACTERS_MAX 128

/* "ns#Code:http://..." -> "Code"; empty when what remains is no code, since codes end up in
 * messages and decide about retries. The colon goes first: the address behind it may hold a '#'. */
static str code_tidy(str raw) {
    str code = str_slice(raw, 0, str_find_char(raw, ':'));
    code = str_trim(str_after_last(code, '#'));
    bool is_code = code.len <= ERROR_CODE_CHARACTERS_MAX && ascii_is_made_of(code, STR("._-"));
    return is_code ? code : STR_EMPTY;
}

/* The first of these members that is a string with something in it. */
static str first_member(const struct json *root, const char *const *keys, size_t count) {
    for (size_t i = 0; i < count; i++) {
        str value = json_get_string(root, keys[i]);
        if (!str_is_empty(value)) {
            return value;
        }
    }
    return STR_EMPTY;
}

static struct aws_error_text parse_json(struct arena *arena, str body) {
    static const char *const CODE_KEYS[] = {"__type", "code", "Code"};
    static const char *const MESSAGE_KEYS[] = {"message", "Message", "errorMessage"};
    const struct json *root = NULL;
    struct aws_error_text text = {STR_EMPTY, STR_EMPTY};
    if (json_parse(arena, body, &JSON_LIMITS_DEFAULT, &root, NULL) != STATUS_OK) {
        return text;
    }
    text.code = code_tidy(first_member(root, CODE_KEYS, 3));
    text.message = first_member(root, MESSAGE_KEYS, 3);
    return text;
}

/* <Error> (S3), <ErrorResponse><Error> (query services), and with <Errors> between (EC2's
 * <Response>, and local emulators even for JSON services). */
static const struct xml *find_error_element(const struct xml *root) {
    if (str_eq(root->name, STR("Error"))) {
        return root;
    }
    if (!str_eq(root->name, STR("ErrorResponse")) && !str_eq(root->name, STR("Response"))) {
        return NULL;
    }
    const struct xml *errors = xml_child(root, "Errors");
    return xml_child(errors != NULL ? errors : root, "Error");
}

static struct aws_error_text parse_xml(struct arena *arena, str body) {
    const struct xml *root = NULL;
    struct aws_error_text text = {STR_EMPTY, STR_EMPTY};
    if (xml_parse(arena, body, ERROR_BODY_BYTES_MAX, &root, NULL) != STATUS_OK) {
        return text;
    }
    const struct xml *element = find_error_element(root);
    text.code = code_tidy(xml_child_text(element, "Code"));
    text.message = str_trim(xml_child_text(element, "Message"));
    return text;
}

/* By the first byte, not by the media type: the type is wrong often enough. */
static struct aws_error_text parse_body(struct arena *arena, str body) {
    str text = str_trim(body);
    if (text.len > 0 && text.len <= ERROR_BODY_BYTES_MAX) {
        if (text.ptr[0] == '{') {
            return parse_json(arena, text);
        }
        if (text.ptr[0] == '<') {
            return parse_xml(arena, text);
        }
    }
    return (struct aws_error_text){STR_EMPTY, STR_EMPTY};
}

/* The places of a code, the first that has one wins:
 *
 *   x-amzn-ErrorType: ns#Code:http://..     JSON services, in the header
 *   {"__type":"ns#Code"}, {"code":..}       JSON services, in the body
 *   <ErrorResponse><Error><Code>            query services
 *   <Error><Code>                           S3, without an envelope
 *   x-amzn-query-error: Code;Sender         JSON services that once spoke the query protocol
 */
struct aws_error_text aws_error_parse(struct arena *arena, const struct http_response *response) {
    struct aws_error_text text = parse_body(arena, response->body);
    str code = code_tidy(http_header_get(response, "x-amzn-ErrorType"));
    if (!str_is_empty(code)) {
        text.code = code;
    }
    if (str_is_empty(text.code)) {
        /* "Code;Sender", sent by services that once spoke the query protocol */
        str query_error = http_header_get(response, "x-amzn-query-error");
        text.code = code_tidy(str_slice(query_error, 0, str_find_char(query_error, ';')));
    }
    return text;
}
