/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/prospect.h"

#include <stdlib.h>

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
    for (enum criterion each = CRITERION_BLOCKED; each < CRITERION_COUNT; each++) {
        if ((advice->lacks >> each & 1) != 0) {
            str lack = advice_lack(advice, each, arena);
            all = str_is_empty(all)
                      ? lack
                      : str_format(arena, "%" STR_FMT "; %" STR_FMT, STR_ARG(all), STR_ARG(lack));
        }
    }
    return str_is_empty(all) ? advice->reason : all;
}

str prospect_join_waits(const char *first, str second, struct arena *arena) {
    return first == NULL          ? second
           : str_is_empty(second) ? str_from_cstr(first)
                                  : str_format(arena, "%s; %" STR_FMT, first, STR_ARG(second));
}

struct prospect prospect_of(const struct evaluation *evaluation, const struct prospect *found,
                            const char *setting_against, struct arena *arena) {
    const struct advice *advice = evaluation->advice;
    enum promotion_tag tag = evaluation->opt_out.tag;
    struct prospect prospect = {.arn = evaluation->resource_id};
    if (found != NULL) {
        prospect = *found;
        prospect.waits_for = prospect_join_waits(setting_against, found->waits_for, arena);
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
