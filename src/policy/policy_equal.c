/* SPDX-License-Identifier: Apache-2.0
 *
 * Whether two policies judge alike, however they were written down. Only the order of the owner
 * tags means something.
 */
#include "policy/policy.h"
#include "policy_internal.h"

static bool has_profile(const struct policy *policy, const struct policy_profile *profile) {
    for (size_t i = 0; i < policy->profile_count; i++) {
        if (str_eq(policy->profiles[i].name, profile->name)) {
            return policy->profiles[i].mode == profile->mode;
        }
    }
    return false;
}

static bool allows(const struct policy_required_tag *tag, str value) {
    for (size_t i = 0; i < tag->allowed_count; i++) {
        if (str_eq(tag->allowed[i], value)) {
            return true;
        }
    }
    return false;
}

/* Every value of one is one of the other. */
static bool allows_all(const struct policy_required_tag *tag,
                       const struct policy_required_tag *other) {
    for (size_t i = 0; i < other->allowed_count; i++) {
        if (!allows(tag, other->allowed[i])) {
            return false;
        }
    }
    return (tag->allowed_count == 0) == (other->allowed_count == 0);
}

static bool requires_tag(const struct policy *policy, const struct policy_required_tag *tag) {
    for (size_t i = 0; i < policy->required_tag_count; i++) {
        const struct policy_required_tag *own = &policy->required_tags[i];
        if (str_eq(own->key, tag->key)) {
            return allows_all(own, tag) && allows_all(tag, own);
        }
    }
    return false;
}

/* Keys and names are unique in their list. */
static bool has_equal_lists(const struct policy *a, const struct policy *b) {
    bool is_equal = a->profile_count == b->profile_count &&
                    a->required_tag_count == b->required_tag_count &&
                    a->owner_tag_count == b->owner_tag_count;
    for (size_t i = 0; is_equal && i < a->profile_count; i++) {
        is_equal = has_profile(b, &a->profiles[i]);
    }
    for (size_t i = 0; is_equal && i < a->required_tag_count; i++) {
        is_equal = requires_tag(b, &a->required_tags[i]);
    }
    for (size_t i = 0; is_equal && i < a->owner_tag_count; i++) {
        is_equal = str_eq(a->owner_tags[i], b->owner_tags[i]);
    }
    return is_equal;
}

bool policy_equal(const struct policy *a, const struct policy *b) {
    return requirement_of_scheme(a, SCHEME_INTERNAL).mode ==
               requirement_of_scheme(b, SCHEME_INTERNAL).mode &&
           requirement_of_scheme(a, SCHEME_INTERNET_FACING).mode ==
               requirement_of_scheme(b, SCHEME_INTERNET_FACING).mode &&
           a->mode_min == b->mode_min && str_eq(a->profile_tag, b->profile_tag) &&
           str_eq(a->exception_tag_prefix, b->exception_tag_prefix) &&
           a->max_exception_days == b->max_exception_days &&
           a->exception_warning_days == b->exception_warning_days &&
           a->drop_invalid_headers == b->drop_invalid_headers &&
           a->max_non_compliant_days == b->max_non_compliant_days && has_equal_lists(a, b);
}
