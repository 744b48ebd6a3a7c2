/* SPDX-License-Identifier: Apache-2.0 */
#include "call_internal.h"

enum status query_result(struct arena *arena, const struct aws_response *response,
                         const char *operation, const struct xml **result_out,
                         struct error *error) {
    const struct xml *root = NULL;
    const char *problem = NULL;
    *result_out = NULL;
    enum status status =
        xml_parse(arena, response->body, CALL_RESPONSE_BYTES_DEFAULT, &root, &problem);
    if (status != STATUS_OK) {
        return error_set(error, arena, status, "%s", problem == NULL ? "not readable" : problem);
    }
    str response_name = str_format(arena, "%sResponse", operation);
    str result_name = str_format(arena, "%sResult", operation);
    const struct xml *result = xml_child(root, result_name.ptr);
    if (!str_eq(root->name, response_name) || result == NULL) {
        return error_set(error, arena, STATUS_INCOMPLETE,
                         "the answer holds no <%" STR_FMT "><%" STR_FMT ">", STR_ARG(response_name),
                         STR_ARG(result_name));
    }
    *result_out = result;
    return STATUS_OK;
}
