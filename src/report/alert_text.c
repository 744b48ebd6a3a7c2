/* SPDX-License-Identifier: Apache-2.0 */
#include "alert_internal.h"

#include "base/buf.h"
#include "base/clock.h"
#include "policy/plain_text.h"
#include "policy/transition.h"

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

void alert_append_flapping(struct buf *out, const char *name) {
    buf_printf(
        out,
        "The load balancer %s became compliant and non-compliant in turn, more than %d times "
        "within an hour.\n"
        "desync-guard sends no more messages about that until it has been quiet for an hour. "
        "If it is not compliant then, you will hear of it.\n",
        name, FLAPPING_TRANSITIONS - 1);
}

void alert_append_fight(struct buf *out, const char *name, int corrections) {
    buf_printf(
        out,
        "Within 24 hours desync-guard raised the desync mitigation mode of the load balancer "
        "%s %d time%s, and it was changed back each time.\n"
        "For now desync-guard leaves it as it is.\n",
        name, corrections, str_by_count((uint64_t)corrections, "", "s"));
}

void alert_append_watch_blind(struct buf *out, const char *name) {
    buf_printf(out,
               "desync-guard cannot reach the account of the load balancer %s, whose promotion it "
               "watches. All watches there stay open, and nobody notices blocked clients.\n"
               "Repair the role, or take the account out of ALLOWED_ACCOUNTS.\n",
               name);
}

void alert_append_clients_blocked(struct buf *out, const char *name, bool is_raise) {
    if (is_raise) {
        buf_printf(out,
                   "Clients of the load balancer %s are blocked, or meet more errors, since "
                   "desync-guard raised its mode from monitor to defensive: the reason below says "
                   "which. desync-guard does not lower the mode again.\n"
                   "If clients are blocked, repair those that `desync-guard logs` lists. If that "
                   "takes long, have an exception approved, and set the mode back to monitor "
                   "yourself.\n"
                   "If 5XX errors alone rose, look at the targets and their last deployment first: "
                   "defensive refuses requests with 400.\n",
                   name);
        return;
    }
    buf_printf(out,
               "The load balancer %s blocks clients that are served otherwise.\n"
               "`desync-guard logs` on that day's access logs lists them and the repairs. If they "
               "cannot be repaired soon, set the mode back to defensive.\n",
               name);
}

void alert_append_held(struct buf *out, const char *name, const char *mode) {
    buf_printf(out,
               "desync-guard leaves the desync mitigation mode of the load balancer %s at %s: "
               "defensive would block its clients.\n"
               "Repair the clients that `desync-guard logs` names, or have an exception approved. "
               "ENFORCEMENT_MAX_BLOCKED_PERCENT is the share that is accepted.\n",
               name, mode);
}
