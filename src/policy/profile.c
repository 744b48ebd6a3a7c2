/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "policy_internal.h"

/* Longer names are not repeated in annotations, which have 256 characters for everything. */
#define PROFILE_NAME_SHOWN_MAX 32

static const struct policy_profile *profile_get(const struct policy *policy, str name) {
    for (size_t i = 0; i < policy->profile_count; i++) {
        if (str_eq(policy->profiles[i].name, name)) {
            return &policy->profiles[i];
        }
    }
    return NULL;
}

static enum desync_mode strictest_profile(const struct policy *policy) {
    enum desync_mode strictest = MODE_UNKNOWN;
    for (size_t i = 0; i < policy->profile_count; i++) {
        strictest = mode_stricter(strictest, policy->profiles[i].mode);
    }
    return strictest;
}

static str because_of_profile(str name, struct arena *arena) {
    str shown = plain_text(arena, name, PLAIN_TEXT_QUOTE_MAX);
    if (str_utf8_count(shown) > PROFILE_NAME_SHOWN_MAX) {
        return STR("profile");
    }
    return str_format(arena, "profile %" STR_FMT, STR_ARG(shown));
}

/* A value that names no profile is mostly a typing error: it must not lower what is required, so
 * the strictest profile counts, and the scheme's minimum where that is stricter still. When the
 * scheme's minimum is not known either, only a profile at least as strict as both is certain.
 *
 *   mode_min, strictest profile, scheme  requires
 *   defensive, strictest, any            strictest
 *   monitor, defensive, strictest        strictest
 *   monitor, defensive, not known        not known, if a scheme asks for more than defensive
 */
static struct requirement requirement_of_unknown_profile(const struct policy *policy,
                                                         enum desync_mode scheme_mode, str value) {
    enum desync_mode mode = mode_stricter(policy->mode_min, strictest_profile(policy));
    enum desync_mode of_schemes =
        mode_stricter(policy->mode_min_internal, policy->mode_min_internet_facing);
    if (scheme_mode == MODE_UNKNOWN && mode < of_schemes) {
        mode = MODE_UNKNOWN;
    } else {
        mode = mode_stricter(mode, scheme_mode);
    }
    return (struct requirement){.mode = mode,
                                .because = STR("unknown profile"),
                                .is_profile_unknown = true,
                                .profile_value = value};
}

/* The tag's value, trimmed, is compared exactly: "Modern" is not "modern". Profiles are policy, not
 * AWS's names, so two that differ in letter case may both exist.
 *
 *   the profile tag        requires                                          because
 *   is absent              what the scheme does, or the minimum              minimum, internal, ..
 *   names a profile        its mode, but at least mode_min                   profile modern
 *   names none             the strictest profile, at least what the scheme   unknown profile
 *   could not be read      not known
 *
 * A known profile may be weaker than the scheme's mode: it is the owner's explicit choice, and
 * policy offers it. It is never weaker than the minimum. */
struct requirement requirement_find(const struct load_balancer *load_balancer,
                                    const struct policy *policy, struct arena *arena) {
    if (!load_balancer->has_tags) {
        return (struct requirement){0};
    }
    struct requirement by_scheme = requirement_of_scheme(policy, load_balancer->scheme);
    str value;
    if (!tag_get(load_balancer, policy->profile_tag, &value)) {
        return by_scheme;
    }
    value = plain_text_trim(value);
    const struct policy_profile *profile = profile_get(policy, value);
    if (profile == NULL) {
        return requirement_of_unknown_profile(policy, by_scheme.mode, value);
    }
    if (profile->mode < policy->mode_min) {
        return (struct requirement){
            .mode = policy->mode_min, .because = STR("minimum"), .profile_mode = profile->mode};
    }
    return (struct requirement){.mode = profile->mode,
                                .because = because_of_profile(profile->name, arena),
                                .profile_mode = profile->mode};
}

/* What the unknown profile leads to, as the end of a sentence. */
static str consequence(const struct judgement *judgement) {
    if (judgement->required.mode == MODE_UNKNOWN) {
        return STR("so the required mode is not known");
    }
    return str_format(judgement->arena, "so %s is required", mode_name(judgement->required.mode));
}

static str profile_names(const struct policy *policy, struct arena *arena) {
    struct buf names;
    buf_init(&names, arena, 2048);
    for (size_t i = 0; i < policy->profile_count; i++) {
        buf_append(&names, i == 0 ? STR_EMPTY : STR(", "));
        buf_append(&names, policy->profiles[i].name);
    }
    return plain_text(arena, buf_str(&names), 2 * PLAIN_TEXT_QUOTE_MAX);
}

void check_profile_unknown(const struct rule *rule, struct judgement *judgement) {
    if (!judgement->required.is_profile_unknown) {
        return;
    }
    struct arena *arena = judgement->arena;
    str key = plain_text_quote(arena, judgement->policy->profile_tag);
    str value = plain_text_quote(arena, judgement->required.profile_value);
    str names = profile_names(judgement->policy, arena);
    str so = consequence(judgement);
    str due = due_phrase(judgement);
    str subject = plain_text(arena, judgement->required.profile_value, PLAIN_TEXT_SUBJECT_MAX);
    finding_add(rule, judgement, subject,
                "The tag %" STR_FMT " has the value \"%" STR_FMT
                "\", which is no known profile, %" STR_FMT ". Set it %" STR_FMT
                " to one of: %" STR_FMT ".",
                STR_ARG(key), STR_ARG(value), STR_ARG(so), STR_ARG(due), STR_ARG(names));
}
