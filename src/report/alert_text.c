/* SPDX-License-Identifier: Apache-2.0 */
#include "alert_internal.h"

#include "base/buf.h"
#include "base/clock.h"
#include "policy/plain_text.h"

#define MS_PER_MINUTE (60 * MS_PER_SECOND)
#define MS_PER_HOUR   (60 * MS_PER_MINUTE)

str alert_duration(struct arena *arena, int64_t ms) {
    static const struct {
        int64_t ms;
        const char *name;
    } units[] = {{MS_PER_DAY, "days"}, {MS_PER_HOUR, "hours"}, {MS_PER_MINUTE, "minutes"}};
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (ms >= 2 * units[i].ms) {
            return str_format(arena, "%lld %s", (long long)(ms / units[i].ms), units[i].name);
        }
    }
    return STR("less than 2 minutes");
}

str alert_line(struct arena *arena, str raw, size_t characters_max) {
    str plain = plain_text(arena, raw, characters_max);
    struct buf out;
    buf_init(&out, arena, plain.len * 3);
    for (size_t i = 0; i < plain.len; i++) {
        char c = plain.ptr[i];
        buf_append(&out, c == '<'   ? STR("\xE2\x80\xB9") /* U+2039, U+203A: single angle quotes */
                         : c == '>' ? STR("\xE2\x80\xBA")
                                    : str_slice(plain, i, i + 1));
    }
    return buf_str(&out);
}

str alert_moment(struct arena *arena, int64_t ms) {
    int64_t minutes = ms % MS_PER_DAY / (60 * MS_PER_SECOND);
    str day = date_format(arena, date_days_of_ms(ms));
    return str_format(arena, "%" STR_FMT " %02d:%02d UTC", STR_ARG(day), (int)(minutes / 60),
                      (int)(minutes % 60));
}
