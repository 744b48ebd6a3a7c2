/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "report/known_clients.h"
#include "traffic_internal.h"

#define LINE_END "\r\n"

static bool is_taken_for_formula(str text) {
    return !str_is_empty(text) &&
           str_find_char(STR("=+-@\t\r\n'"), text.ptr[0]) < STR("=+-@\t\r\n'").len;
}

/* Logs are ASCII without control characters; what is not, no log has written. A lone dash is the
 * log's own word for nothing. */
static void write_cell(struct buf *out, str text) {
    buf_append_char(out, '"');
    if (is_taken_for_formula(text) && !str_eq(text, STR("-"))) {
        buf_append_char(out, '\'');
    }
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c < ' ' || c > '~') {
            buf_append_char(out, '?');
        } else {
            buf_append(out, c == '"' ? STR("\"\"") : (str){&c, 1});
        }
    }
    buf_append(out, STR("\","));
}

static void write_groups(struct buf *out, const struct traffic_report *report) {
    for (size_t k = 0; k < report->key_count; k++) {
        buf_printf(out, "%s,", group_key_name(report->keys[k]));
    }
    buf_append(out, STR("count,error" LINE_END));
    for (size_t i = 0; i < report->result->group_count; i++) {
        const struct tally_group *group = &report->result->groups[i];
        for (size_t k = 0; k < report->key_count; k++) {
            write_cell(out, traffic_group_text(group, report->keys[k]));
        }
        buf_printf(out, "%" PRIu64 ",%" PRIu64 LINE_END, group->count, group->error);
    }
}

static void write_offender(struct buf *out, const struct tally_offender *offender) {
    struct client_advice advice = client_advice_for(offender->reason, offender->user_agent);
    write_cell(out, offender->reason);
    write_cell(out, offender->user_agent);
    write_cell(out, offender->client);
    write_cell(out, offender->host);
    write_cell(out, str_from_cstr(advice.cause));
    write_cell(out, str_from_cstr(advice.fix));
    buf_printf(out, "%" PRIu64 ",%" PRIu64 LINE_END, offender->count, offender->error);
}

void traffic_write_csv(struct buf *out, const struct traffic_report *report) {
    if (report->key_count > 0) {
        write_groups(out, report);
        return;
    }
    buf_append(out, STR("reason,userAgent,client,host,cause,fix,count,error" LINE_END));
    for (size_t i = 0; i < report->result->offender_count; i++) {
        write_offender(out, &report->result->offenders[i]);
    }
}
