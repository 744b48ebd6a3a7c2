/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <stdarg.h>

enum status error_set(struct error *error, struct arena *arena, enum status status,
                      const char *format, ...) {
    if (error == NULL) {
        return status;
    }
    va_list arguments;
    va_start(arguments, format);
    *error = (struct error){.status = status, .message = str_format_va(arena, format, arguments)};
    va_end(arguments);
    return status;
}

void error_copy(struct error *error, struct arena *arena, const struct error *from) {
    if (error != NULL) {
        *error = *from;
        error->aws_code = str_copy(arena, from->aws_code);
        error->message = str_copy(arena, from->message);
    }
}
