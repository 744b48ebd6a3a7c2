/* SPDX-License-Identifier: Apache-2.0
 *
 * The object of `audit --format json`: the contract's members, and name, scheme, Region, account,
 * date of the exception and controls of each load balancer, gaps, and whether it was interrupted.
 */
#include <math.h>

#include "fleet_internal.h"
#include "report/render.h"

void json_write_controls(struct json_writer *writer, const char *key,
                         const struct evaluation *evaluation) {
    const char *controls[CONTROL_COUNT_MAX];
    evaluation_controls(evaluation, controls);
    json_write_member_list(writer, key, controls);
}

static void write_list(struct json_writer *writer, const char *key, const str *list, size_t count) {
    json_open_array(writer, key);
    for (size_t i = 0; i < count; i++) {
        json_write_str(writer, list[i]);
    }
    json_array_end(writer);
}

void fleet_write_modes(struct json_writer *writer, const size_t modes[static 4]) {
    json_open_object(writer, "modes");
    for (enum desync_mode mode = MODE_MONITOR; mode <= MODE_STRICTEST; mode++) {
        json_write_member_count(writer, mode_name(mode), modes[mode]);
    }
    json_object_end(writer);
}

/* A share that is not known is null, never 0 or 100. */
void fleet_write_summary(struct json_writer *writer, const struct fleet_summary *summary) {
    static const char *const letters[] = {"A", "B", "C", "D", "F"};
    double percent = summary->is_share_known ? summary->protected_percent : NAN; /* NaN: null */
    json_open_object(writer, "summary");
    json_write_member_count(writer, "compliant", summary->compliant);
    json_write_member_count(writer, "nonCompliant", summary->non_compliant);
    json_write_member_count(writer, "notApplicable", summary->not_applicable);
    json_write_member_count(writer, "unknown", summary->unknown);
    json_write_member_double(writer, "protectedPercent", percent);
    fleet_write_modes(writer, summary->modes);
    json_open_object(writer, "grades");
    for (size_t i = 0; i < sizeof(letters) / sizeof(letters[0]); i++) {
        json_write_member_count(writer, letters[i], summary->grades[i]);
    }
    json_close(writer, "}}");
}

static void write_row(struct json_writer *writer, struct arena *arena,
                      const struct fleet_row *row) {
    json_object_begin(writer);
    json_write_member(writer, "account", row->account_id);
    json_write_member(writer, "region", row->region);
    json_write_member(writer, "name", row->name);
    json_write_member_text(writer, "scheme", scheme_name(row->scheme));
    evaluation_write_members(writer, arena, &row->evaluation);
    json_write_member(writer, "exceptionUntil", row->evaluation.exception_until);
    json_write_controls(writer, "controls", &row->evaluation);
    json_object_end(writer);
}

void fleet_write_members(struct json_writer *writer, struct arena *arena,
                         const struct fleet *fleet) {
    struct fleet_summary summary;
    fleet_summarize(fleet, &summary);
    json_write_member_time(writer, arena, "generatedAt", fleet->generated_ms);
    json_write_member(writer, "version", fleet->version);
    write_list(writer, "accounts", fleet->accounts, fleet->account_count);
    write_list(writer, "regions", fleet->regions, fleet->region_count);
    json_write_member_count(writer, "listed", summary.listed);
    json_write_member_count(writer, "judged", summary.judged);
    json_write_member_count(writer, "unknown", summary.unknown);
    json_write_member_bool(writer, "interrupted", fleet->is_interrupted);
    json_open_array(writer, "gaps");
    for (size_t i = 0; i < fleet->gap_count; i++) {
        json_object_begin(writer);
        json_write_member(writer, "account", fleet->gaps[i].account_id);
        json_write_member(writer, "region", fleet->gaps[i].region);
        json_write_member(writer, "reason", fleet->gaps[i].reason);
        json_object_end(writer);
    }
    json_array_end(writer);
    fleet_write_summary(writer, &summary);
    json_open_array(writer, "evaluations");
    for (size_t i = 0; i < fleet->row_count; i++) {
        write_row(writer, arena, &fleet->rows[i]);
    }
    json_array_end(writer);
}

void fleet_write_json(struct buf *out, struct arena *arena, const struct fleet *fleet) {
    ASSERT(out != NULL && arena != NULL && fleet != NULL);
    struct json_writer writer;
    json_writer_init(&writer, out);
    json_object_begin(&writer);
    fleet_write_members(&writer, arena, fleet);
    json_object_end(&writer);
    buf_append_char(out, '\n');
}
