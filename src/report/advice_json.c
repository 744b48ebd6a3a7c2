/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "report/render.h"

static void write_missing(struct json_writer *writer, struct arena *arena,
                          const struct advice *advice) {
    json_open_array(writer, "missing");
    for (enum criterion each = CRITERION_BLOCKED; each < CRITERION_COUNT; each++) {
        if ((advice->lacks >> each & 1) != 0) {
            json_object_begin(writer);
            json_write_member_text(writer, "id", criterion_name(each));
            json_write_member(writer, "text", advice_lack(advice, each, arena));
            json_object_end(writer);
        }
    }
    json_array_end(writer);
}

void advice_write_numbers(struct json_writer *writer, struct arena *arena,
                          const struct advice *advice) {
    if (advice->has_numbers) {
        json_write_member_count(writer, "requests", advice->requests);
    } else {
        json_write_key(writer, STR("requests"));
        json_write_null(writer);
    }
    if (advice->requests > 0) { /* else nothing was seen, so nothing is known */
        json_write_member_text(writer, "evidenceFrom", advice->is_from_logs ? "logs" : "metrics");
        json_write_member_count(writer, "blocked", advice->blocked);
        json_write_member_double(writer, "blockedPercent", advice->blocked_percent);
        json_write_member_double(writer, "boundPercent", advice->bound_percent);
        json_write_member_count(writer, "unserved", advice->unserved);
        json_write_member_i64(writer, "days", advice->days);
        json_open_array(writer, "weekdaysMissing");
        for (size_t i = 0; i < WEEKDAYS; i++) {
            if ((advice->weekdays_missing >> i & 1) != 0) {
                json_write_str(writer, str_from_cstr(weekday_name(i)));
            }
        }
        json_array_end(writer);
        json_write_key(writer, STR("clients"));
        json_write_double(writer, advice->clients < 0 ? NAN : round(advice->clients));
    }
    json_write_member_time(writer, arena, "newest", advice->newest_ms);
    json_write_member_bool(writer, "mayPromote", advice->may_promote);
    json_write_member_text(writer, "decidedBy", criterion_name(advice->decided_by));
    write_missing(writer, arena, advice);
}
