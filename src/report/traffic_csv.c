/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "csv_internal.h"
#include "report/known_clients.h"
#include "traffic_internal.h"

/* A lone dash is the log's own word for nothing, and no formula. */
static void write_cell(struct buf *out, str text) {
    if (str_is_empty(text)) {
        buf_append(out, STR("\"\""));
    } else if (str_eq(text, STR("-"))) {
        buf_append(out, STR("\"-\""));
    } else {
        csv_append_text(out, text);
    }
    buf_append_char(out, ',');
}

static void write_groups(struct buf *out, const struct traffic_report *report) {
    for (size_t k = 0; k < report->key_count; k++) {
        buf_printf(out, "%s,", group_key_name(report->keys[k]));
    }
    buf_append(out, STR("count,error" CSV_LINE_END));
    for (size_t i = 0; i < report->result->group_count; i++) {
        const struct tally_group *group = &report->result->groups[i];
        for (size_t k = 0; k < report->key_count; k++) {
            write_cell(out, traffic_group_text(group, report->keys[k]));
        }
        buf_printf(out, "%" PRIu64 ",%" PRIu64 CSV_LINE_END, group->count, group->error);
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
    buf_printf(out, "%" PRIu64 ",%" PRIu64 CSV_LINE_END, offender->count, offender->error);
}

void traffic_write_csv(struct buf *out, const struct traffic_report *report) {
    if (report->key_count > 0) {
        write_groups(out, report);
        return;
    }
    buf_append(out, STR("reason,userAgent,client,host,cause,fix,count,error" CSV_LINE_END));
    for (size_t i = 0; i < report->result->offender_count; i++) {
        write_offender(out, &report->result->offenders[i]);
    }
}
