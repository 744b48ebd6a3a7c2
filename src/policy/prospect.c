/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/prospect.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"

#define MS_PER_MINUTE (60 * MS_PER_SECOND)

int prospect_turns(const struct prospect_bounds *bounds, int in_ring) {
    return bounds->turn_size <= 0 ? 0 : (in_ring + bounds->turn_size - 1) / bounds->turn_size;
}

static int64_t later(int64_t a, int64_t b) {
    return a > b ? a : b;
}

int64_t prospect_earliest_ms(const struct prospect_bounds *bounds, int turns_before,
                             int before_in_ring, int64_t not_before_ms) {
    ASSERT(bounds->now_ms > 0 && turns_before >= 0 && before_in_ring >= 0);
    if (bounds->turn_size <= 0 || bounds->change_next_ms == INT64_MAX) {
        return 0;
    }
    int turns = turns_before + before_in_ring / bounds->turn_size;
    int64_t first_ms = later(bounds->now_ms, bounds->turn_next_ms);
    return later(later(first_ms + turns * bounds->turn_every_ms, bounds->change_next_ms),
                 not_before_ms);
}

int64_t prospect_change_ms(const struct prospect_hour *hour, int64_t now_ms, size_t before) {
    size_t max = hour->max > 0 ? (size_t)hour->max : 0;
    if (max == 0) {
        return 0;
    }
    /* The times of those made and those to come are one row; of any max + 1 in it the last is later
     * than the window that begins with the first. */
    size_t place = hour->count + before;
    int64_t windows = 0;
    while (place >= max && place - max >= hour->count) {
        place -= max;
        windows++;
    }
    int64_t free_ms = place < max ? now_ms : hour->times_ms[place - max] + hour->window_ms;
    return later(now_ms, free_ms) + windows * hour->window_ms;
}

static int compare_to_arn(const void *arn, const void *prospect) {
    return str_compare(*(const str *)arn, ((const struct prospect *)prospect)->arn);
}

const struct prospect *prospect_find(const struct prospects *prospects, str arn) {
    return prospects->count == 0 ? NULL
                                 : bsearch(&arn, prospects->items, prospects->count,
                                           sizeof *prospects->items, compare_to_arn);
}

static str what_is_lacking(const struct advice *advice, struct arena *arena) {
    str all = STR_EMPTY;
    bool is_by_numbers = advice->decided_by >= CRITERION_BLOCKED;
    for (enum criterion each = CRITERION_BLOCKED; is_by_numbers && each < CRITERION_COUNT; each++) {
        if ((advice->lacks >> each & 1) != 0) {
            all = prospect_join(all, advice_lack(advice, each, arena), arena);
        }
    }
    return str_is_empty(all) ? advice->reason : all;
}

str prospect_join(str first, str second, struct arena *arena) {
    return str_is_empty(first) ? second
           : str_is_empty(second)
               ? first
               : str_format(arena, "%" STR_FMT "; %" STR_FMT, STR_ARG(first), STR_ARG(second));
}

/* "MAX_CHANGES_PER_HOUR (2) is used up by 1 change of the last hour and 2 corrections before it" */
static str used_up(const char *limit, int max, size_t made, size_t before, struct arena *arena) {
    struct buf out;
    buf_init(&out, arena, 256);
    buf_printf(&out, "%s (%d) is used up by ", limit, max);
    if (made > 0) {
        buf_printf(&out, "%zu change%s of the last hour%s", made, str_by_count(made, "", "s"),
                   before > 0 ? " and " : "");
    }
    if (before > 0) {
        buf_printf(&out, "%zu correction%s before it", before, str_by_count(before, "", "s"));
    }
    return buf_str(&out);
}

struct prospect prospect_of_change(const struct prospect_hour *hour, int run_max, size_t before,
                                   int64_t now_ms, struct arena *arena) {
    struct prospect prospect = {.earliest_ms = prospect_change_ms(hour, now_ms, before)};
    if (hour->max <= 0) {
        prospect.waits_for = STR("MAX_CHANGES_PER_HOUR is 0");
    } else if (run_max <= 0) {
        prospect = (struct prospect){.waits_for = STR("MAX_CHANGES_PER_RUN is 0")};
    } else if (prospect.earliest_ms > now_ms) {
        prospect.waits_for = used_up("MAX_CHANGES_PER_HOUR", hour->max, hour->count, before, arena);
    } else if (before >= (size_t)run_max) { /* nobody knows when the next run is */
        prospect = (struct prospect){.waits_for =
                                         used_up("MAX_CHANGES_PER_RUN", run_max, 0, before, arena)};
    }
    return prospect;
}

struct prospect prospect_of(const struct evaluation *evaluation, const struct prospect *found,
                            const char *setting_against, struct arena *arena) {
    const struct advice *advice = evaluation->advice;
    enum promotion_tag tag = evaluation->opt_out.tag;
    struct prospect prospect = {.arn = evaluation->resource_id};
    if (found != NULL) {
        prospect = *found;
        prospect.waits_for = prospect_join(str_from_cstr(setting_against), found->waits_for, arena);
    } else if (advice != NULL) {
        prospect.waits_for = what_is_lacking(advice, arena);
    }
    bool has_said_no = tag == PROMOTION_TAG_HOLD || tag == PROMOTION_TAG_INVALID;
    prospect.say_no = has_said_no ? STR_EMPTY : STR("tag it " PROMOTION_TAG "=hold");
    return prospect;
}

str prospect_exception_text(const struct policy *policy, struct arena *arena) {
    str prefix = policy->exception_tag_prefix;
    return str_format(arena,
                      "tag it %" STR_FMT "-until=YYYY-MM-DD, %" STR_FMT "-reason and %" STR_FMT
                      "-approver",
                      STR_ARG(prefix), STR_ARG(prefix), STR_ARG(prefix));
}

str prospect_minute(int64_t ms, struct arena *arena) {
    str time = time_format_iso8601(arena, ms + MS_PER_MINUTE - 1);
    return str_format(arena, "%" STR_FMT " %" STR_FMT "Z", STR_ARG(str_slice(time, 0, 10)),
                      STR_ARG(str_slice(time, 11, 16)));
}
