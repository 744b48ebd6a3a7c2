/* SPDX-License-Identifier: Apache-2.0
 *
 * Rule parameters: a policy within its bounds, or an error that names the parameter. Parts: name,
 * value, name, value...; a name of a single character counts the parameters of the table from 'a'.
 */
#include "fuzz/judge.h"

#define PARAMETERS_MAX 32

static str name_of(str part) {
    size_t count = 0;
    const struct policy_parameter_info *infos = policy_parameter_infos(&count);
    if (part.len != 1 || part.ptr[0] < 'a') {
        return part;
    }
    return str_from_cstr(infos[(size_t)(part.ptr[0] - 'a') % count].name);
}

static void hold_lists(const struct policy *policy) {
    HOLD(policy->profile_count <= POLICY_LIST_MAX && policy->owner_tag_count <= POLICY_LIST_MAX);
    HOLD(policy->required_tag_count <= POLICY_LIST_MAX);
    for (size_t i = 0; i < policy->profile_count; i++) {
        HOLD(policy->profiles[i].name.len > 0 && policy->profiles[i].mode != MODE_UNKNOWN);
        (void)fuzz_touch(policy->profiles[i].name);
    }
    for (size_t i = 0; i < policy->owner_tag_count; i++) {
        HOLD(policy->owner_tags[i].len > 0);
        (void)fuzz_touch(policy->owner_tags[i]);
    }
    for (size_t i = 0; i < policy->required_tag_count; i++) {
        const struct policy_required_tag *tag = &policy->required_tags[i];
        HOLD(tag->key.len > 0 && tag->allowed_count <= POLICY_LIST_MAX);
        for (size_t k = 0; k < tag->allowed_count; k++) {
            HOLD(tag->allowed[k].len > 0);
            (void)fuzz_touch(tag->allowed[k]);
        }
    }
}

static void hold_policy(const struct policy *policy) {
    HOLD(policy->mode_min != MODE_UNKNOWN);
    HOLD(policy->mode_min_internal == MODE_UNKNOWN ||
         policy->mode_min_internal >= policy->mode_min);
    HOLD(policy->mode_min_internet_facing == MODE_UNKNOWN ||
         policy->mode_min_internet_facing >= policy->mode_min);
    HOLD(policy->max_exception_days >= 0 && policy->exception_warning_days >= 0 &&
         policy->max_non_compliant_days >= 0);
    HOLD((unsigned)policy->drop_invalid_headers <= HEADERS_REQUIRE);
    HOLD(policy->exception_tag_prefix.len > 0 && policy->profile_tag.len > 0);
    hold_lists(policy);
}

/* A load balancer with the tags that this policy looks for, in every mode. */
static void judge_under(struct arena *arena, const struct policy *policy) {
    struct tag tags[2] = {{policy->profile_tag, STR("modern")}, {STR("Owner"), STR("team-a")}};
    if (policy->profile_count > 0) {
        tags[0].value = policy->profiles[policy->profile_count - 1].name;
    }
    for (int mode = MODE_MONITOR; mode <= MODE_STRICTEST; mode++) {
        struct load_balancer facts = {.arn = STR("arn:x"),
                                      .type = TYPE_APPLICATION,
                                      .scheme = SCHEME_INTERNET_FACING,
                                      .mode = (enum desync_mode)mode,
                                      .has_tags = true,
                                      .tags = tags,
                                      .tag_count = COUNT(tags)};
        struct evaluation *evaluation = ARENA_NEW(arena, struct evaluation);
        judge(arena, &facts, policy, evaluation);
        HOLD(evaluation->required_mode == MODE_UNKNOWN ||
             evaluation->required_mode >= policy->mode_min);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct arena arena;
    arena_reset(&arena);
    struct policy_parameter parameters[PARAMETERS_MAX];
    size_t count = 0;
    for (str rest = {(const char *)data, size}; rest.ptr != NULL && count < COUNT(parameters);) {
        str name = name_of(fuzz_part(&arena, &rest));
        parameters[count++] = (struct policy_parameter){name, fuzz_part(&arena, &rest)};
    }
    struct policy_source source = {.parameters = parameters, .parameter_count = count};
    struct policy *policy = ARENA_NEW(&arena, struct policy);
    struct error error = {0};
    enum status status = policy_parse(&source, &arena, policy, &error);
    if (status != STATUS_OK) {
        HOLD(status == STATUS_INVALID_PARAMETER);
        HOLD(error.status == status && error.message.len > 0);
        /* The environment may hold what is no text; the log and the reply see to that. */
        HOLD(is_one_line(error.message));
        HOLD(fuzz_is_utf8(error.message) || !fuzz_is_utf8((str){(const char *)data, size}));
        return 0;
    }
    hold_policy(policy);
    judge_under(&arena, policy);
    return 0;
}
