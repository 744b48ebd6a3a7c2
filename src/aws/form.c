/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/call.h"
#include "base/buf.h"

#define FORM_CONTENT_TYPE "application/x-www-form-urlencoded; charset=utf-8"

const struct http_header AWS_FORM_HEADER = {
    .name = {"Content-Type", sizeof("Content-Type") - 1},
    .value = {FORM_CONTENT_TYPE, sizeof(FORM_CONTENT_TYPE) - 1},
};

void aws_form_begin(struct aws_form *form, struct buf *out, const char *action,
                    const char *version) {
    form->out = out;
    buf_append(out, STR("Action="));
    buf_append_percent_encoded(out, str_from_cstr(action));
    aws_form_add(form, STR("Version"), str_from_cstr(version));
}

void aws_form_add(struct aws_form *form, str key, str value) {
    buf_append_char(form->out, '&');
    buf_append_percent_encoded(form->out, key);
    buf_append_char(form->out, '=');
    buf_append_percent_encoded(form->out, value);
}
