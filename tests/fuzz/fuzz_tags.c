/* SPDX-License-Identifier: Apache-2.0
 *
 * Tags and the exceptions in them, as hostile as they come, under the usual policy. Parts: what to
 * judge (a byte), then key, value, key, value...
 */
#include "fuzz/judge.h"

#define TAGS_MAX 64

static const struct policy *usual_policy(void) {
    static struct arena forever;
    static struct policy policy;
    static bool is_parsed;
    if (!is_parsed) {
        static const struct policy_parameter parameters[] = {
            {{"requiredTags", 12}, {"Owner,Stage=dev|prod", 20}},
            {{"internetFacingMode", 18}, {"strictest", 9}},
            {{"dropInvalidHeaders", 18}, {"require", 7}},
        };
        struct policy_source source = {.parameters = parameters,
                                       .parameter_count = COUNT(parameters)};
        struct error error = {0};
        is_parsed = policy_parse(&source, &forever, &policy, &error) == STATUS_OK;
        HOLD(is_parsed);
    }
    return &policy;
}

static size_t read_tags(struct arena *arena, str rest, struct tag *tags) {
    size_t count = 0;
    while (rest.ptr != NULL && count < TAGS_MAX) {
        str key = fuzz_part(arena, &rest);
        tags[count++] = (struct tag){key, fuzz_part(arena, &rest)};
    }
    return count;
}

/* The order in which AWS lists tags of different keys says nothing. */
static void hold_order(struct arena *arena, struct load_balancer *facts,
                       const struct evaluation *evaluation) {
    struct tag *reversed = ARENA_ARRAY(arena, struct tag, facts->tag_count);
    for (size_t i = 0; i < facts->tag_count; i++) {
        reversed[i] = facts->tags[facts->tag_count - 1 - i];
        for (size_t k = 0; k < i; k++) {
            if (str_eq(reversed[i].key, reversed[k].key)) {
                return; /* the same key twice: AWS has no such thing */
            }
        }
    }
    struct evaluation *other = ARENA_NEW(arena, struct evaluation);
    facts->tags = reversed;
    policy_evaluate(facts, usual_policy(), NOW_MS, arena, other);
    HOLD(other->compliance == evaluation->compliance &&
         other->has_active_exception == evaluation->has_active_exception &&
         other->required_mode == evaluation->required_mode &&
         str_eq(other->owner, evaluation->owner) &&
         other->finding_count == evaluation->finding_count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct arena arena;
    static struct tag tags[TAGS_MAX];
    arena_reset(&arena);
    str rest = {(const char *)data, size};
    unsigned what = fuzz_byte(&rest);
    struct load_balancer facts = {
        .arn = STR("arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/a/0123"),
        .type = (what & 128) != 0 ? TYPE_NETWORK : TYPE_APPLICATION,
        .scheme = (enum load_balancer_scheme)(what / 4 % 3),
        .mode = (enum desync_mode)(what % 4),
        .mode_text = what % 4 == MODE_UNKNOWN ? rest : STR_EMPTY,
        .drops_invalid_headers = (enum tristate)(what / 16 % 3),
        .has_tags = (what & 64) == 0,
        .tags = tags,
        .tag_count = read_tags(&arena, rest, tags),
        .source = SOURCE_LIVE,
    };
    struct evaluation *evaluation = ARENA_NEW(&arena, struct evaluation);
    judge(&arena, &facts, usual_policy(), evaluation);
    hold_order(&arena, &facts, evaluation);
    return 0;
}
