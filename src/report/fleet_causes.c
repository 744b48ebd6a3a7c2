/* SPDX-License-Identifier: Apache-2.0
 *
 * One cause for each kind of trouble: a missing permission makes every load balancer unknown, and
 * 52 times the same message hides the one thing to do.
 */
#include "base/ascii.h"
#include "base/escape.h"
#include "fleet_internal.h"
#include "report/next_step.h"

#define NAMES_BYTES_MAX ((size_t)1024 * 1024)

struct causes {
    struct arena *arena;
    struct fleet_cause *items;
    str *keys;
    struct buf *names;
    size_t count;
};

/* What of a reason is the same for another load balancer, Region or moment. */
static str general_part(struct arena *arena, str reason, str resource_id, str region) {
    struct buf out;
    buf_init(&out, arena, reason.len);
    while (reason.len > 0) {
        bool is_own = (resource_id.len > 0 && str_take(&reason, resource_id)) ||
                      (region.len > 0 && str_take(&reason, region));
        if (!is_own) {
            if (!ascii_is_digit(reason.ptr[0])) {
                buf_append_char(&out, reason.ptr[0]);
            }
            reason = str_slice(reason, 1, reason.len);
        }
    }
    return buf_str(&out);
}

static void add_cause(struct causes *causes, str reason, str resource_id, str region, str name) {
    struct arena *arena = causes->arena;
    str code = message_code(reason);
    str step = next_step(arena, reason);
    str remedy = str_is_empty(step) ? reason : step;
    str summary = str_is_empty(code) ? reason
                                     : str_format(arena, "%" STR_FMT ": %" STR_FMT, STR_ARG(code),
                                                  STR_ARG(remedy));
    bool is_general = str_is_empty(code) || str_is_empty(step);
    str key = is_general ? general_part(arena, reason, resource_id, region) : summary;
    size_t i = 0;
    while (i < causes->count && !str_eq(causes->keys[i], key)) {
        i++;
    }
    if (i == causes->count) {
        causes->count++;
        causes->keys[i] = key;
        causes->items[i] = (struct fleet_cause){.reason = reason, .summary = summary};
        buf_init(&causes->names[i], arena, NAMES_BYTES_MAX);
    }
    struct buf *names = &causes->names[i];
    buf_printf(names, "%s%" STR_FMT, names->len == 0 ? "" : ", ", STR_ARG(name));
    causes->items[i].names = buf_str(names);
    causes->items[i].count++;
}

static struct causes begin(struct arena *arena, size_t count_max) {
    return (struct causes){.arena = arena,
                           .items = ARENA_ARRAY(arena, struct fleet_cause, count_max),
                           .keys = ARENA_ARRAY(arena, str, count_max),
                           .names = ARENA_ARRAY(arena, struct buf, count_max)};
}

str fleet_cause_names(struct arena *arena, const struct fleet_cause *cause) {
    size_t shown = 0;
    str rest = cause->names;
    ASSERT(arena != NULL);
    while (shown < FLEET_NAMES_SHOWN && rest.ptr != NULL) {
        (void)str_split(&rest, ',');
        shown++;
    }
    if (rest.ptr == NULL) {
        return cause->names;
    }
    size_t end = cause->names.len - rest.len - 1;
    return str_format(arena, "%" STR_FMT " and %zu more", STR_ARG(str_slice(cause->names, 0, end)),
                      cause->count - shown);
}

size_t fleet_unknown_causes(const struct fleet *fleet, struct arena *arena,
                            struct fleet_cause **causes_out) {
    ASSERT(fleet != NULL && arena != NULL && causes_out != NULL);
    struct causes causes = begin(arena, fleet->row_count);
    for (size_t i = 0; i < fleet->row_count; i++) {
        const struct fleet_row *row = &fleet->rows[i];
        if (row->evaluation.compliance == COMPLIANCE_UNKNOWN) {
            add_cause(&causes, row->evaluation.reason, row->evaluation.resource_id, row->region,
                      row->name);
        }
    }
    *causes_out = causes.items;
    return causes.count;
}

size_t fleet_gap_causes(const struct fleet *fleet, struct arena *arena,
                        struct fleet_cause **causes_out) {
    ASSERT(fleet != NULL && arena != NULL && causes_out != NULL);
    struct causes causes = begin(arena, fleet->gap_count);
    for (size_t i = 0; i < fleet->gap_count; i++) {
        const struct fleet_gap *gap = &fleet->gaps[i];
        bool has_both = gap->account_id.len > 0 && gap->region.len > 0;
        str name = str_format(arena, "%" STR_FMT "%s%" STR_FMT, STR_ARG(gap->account_id),
                              has_both ? " " : "", STR_ARG(gap->region));
        add_cause(&causes, gap->reason, gap->account_id, gap->region, name);
    }
    *causes_out = causes.items;
    return causes.count;
}
