/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/call.h"
#include "base/buf.h"

#define FORM_CONTENT_TYPE "application/x-www-form-urlencoded; charset=utf-8"

const struct http_header AWS_FORM_HEADER = {
    .name = {"Content-Type", sizeof("Content-Type") - 1},
    .value = {FORM_CONTENT_TYPE, sizeof(FORM_CONTENT_TYPE) - 1},
};

static bool is_unreserved(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

static void append_encoded(struct buf *out, str text) {
    static const char HEX[] = "0123456789ABCDEF";
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (is_unreserved(c)) {
            buf_append_char(out, c);
            continue;
        }
        unsigned byte = (unsigned char)c;
        char escape[3] = {'%', HEX[byte >> 4], HEX[byte & 15]};
        buf_append(out, (str){escape, sizeof(escape)});
    }
}

void aws_form_begin(struct aws_form *form, struct buf *out, const char *action,
                    const char *version) {
    form->out = out;
    buf_append(out, STR("Action="));
    append_encoded(out, str_from_cstr(action));
    aws_form_add(form, STR("Version"), str_from_cstr(version));
}

void aws_form_add(struct aws_form *form, str key, str value) {
    buf_append_char(form->out, '&');
    append_encoded(form->out, key);
    buf_append_char(form->out, '=');
    append_encoded(form->out, value);
}
