/* SPDX-License-Identifier: Apache-2.0
 *
 * The owner of a load balancer, and the rules about required tags. A blank value counts as missing:
 * it satisfies a check for the key and names nobody. Keys are compared as AWS compares them, with
 * case. Tags are text of other people: only what went through plain_text is quoted in a finding.
 */
#include "base/buf.h"
#include "policy_internal.h"

/* In the order of ownerTags, the first that is not blank: a list like "Owner,owner,Team" is a
 * preference, not a set. */
str owner_find(const struct load_balancer *load_balancer, const struct policy *policy,
               struct arena *arena) {
    for (size_t i = 0; i < policy->owner_tag_count; i++) {
        str value;
        if (tag_get(load_balancer, policy->owner_tags[i], &value)) {
            str owner = plain_text(arena, value, PLAIN_TEXT_SUBJECT_MAX);
            if (!str_is_empty(owner)) {
                return owner;
            }
        }
    }
    return STR_EMPTY;
}

/* Trimmed value; empty when the tag is absent or blank. */
static str value_of(const struct judgement *judgement, str key) {
    str value = STR_EMPTY;
    return tag_get(judgement->load_balancer, key, &value) ? plain_text_trim(value) : STR_EMPTY;
}

static bool is_allowed(const struct policy_required_tag *required, str value) {
    for (size_t i = 0; i < required->allowed_count; i++) {
        if (str_eq(required->allowed[i], value)) {
            return true;
        }
    }
    return required->allowed_count == 0;
}

/* "a value that is not blank", or the list of those allowed. */
static str wanted_value(const struct policy_required_tag *required, struct arena *arena) {
    if (required->allowed_count == 0) {
        return STR("a value that is not blank");
    }
    struct buf values;
    buf_init(&values, arena, 4096);
    for (size_t i = 0; i < required->allowed_count; i++) {
        buf_append(&values, i == 0 ? STR_EMPTY : STR(", "));
        buf_append(&values, required->allowed[i]);
    }
    str shown = plain_text(arena, buf_str(&values), 2 * PLAIN_TEXT_QUOTE_MAX);
    return str_format(arena, "one of: %" STR_FMT, STR_ARG(shown));
}

/* The commonest reason for a "missing" tag: keys are case-sensitive, people are not. */
static str hint_at_other_case(const struct judgement *judgement, str key) {
    const struct load_balancer *facts = judgement->load_balancer;
    for (size_t i = 0; i < facts->tag_count; i++) {
        str other = facts->tags[i].key;
        if (str_eq_ignore_case(other, key) && !str_eq(other, key)) {
            str shown = plain_text_quote(judgement->arena, other);
            return str_format(judgement->arena,
                              " (there is a tag %" STR_FMT ", but tag keys are case-sensitive)",
                              STR_ARG(shown));
        }
    }
    return STR_EMPTY;
}

static void add_missing(const struct rule *rule, struct judgement *judgement, str key,
                        str wanted_value_text) {
    str value;
    bool is_blank = tag_get(judgement->load_balancer, key, &value);
    str shown = plain_text(judgement->arena, key, PLAIN_TEXT_SUBJECT_MAX);
    str hint = is_blank ? STR_EMPTY : hint_at_other_case(judgement, key);
    str due = due_phrase(judgement);
    finding_add(rule, judgement, shown,
                "The tag %" STR_FMT " is %s%" STR_FMT ". %s it %" STR_FMT " with %" STR_FMT ".",
                STR_ARG(shown), is_blank ? "blank" : "missing", STR_ARG(hint),
                is_blank ? "Fill" : "Add", STR_ARG(due), STR_ARG(wanted_value_text));
}

void check_tag_missing(const struct rule *rule, struct judgement *judgement) {
    for (size_t i = 0; i < judgement->policy->required_tag_count; i++) {
        const struct policy_required_tag *required = &judgement->policy->required_tags[i];
        if (str_is_empty(value_of(judgement, required->key))) {
            add_missing(rule, judgement, required->key, wanted_value(required, judgement->arena));
        }
    }
}

static void add_not_allowed(const struct rule *rule, struct judgement *judgement,
                            const struct policy_required_tag *required) {
    struct arena *arena = judgement->arena;
    str key = plain_text(arena, required->key, PLAIN_TEXT_SUBJECT_MAX);
    str value = plain_text_quote(arena, value_of(judgement, required->key));
    str wanted = wanted_value(required, arena);
    str due = due_phrase(judgement);
    finding_add(rule, judgement, key,
                "The tag %" STR_FMT " has the value \"%" STR_FMT
                "\", which is not allowed. Set it %" STR_FMT " to %" STR_FMT ".",
                STR_ARG(key), STR_ARG(value), STR_ARG(due), STR_ARG(wanted));
}

/* A blank value is TAG_MISSING's: one tag has one finding. */
void check_tag_value_not_allowed(const struct rule *rule, struct judgement *judgement) {
    for (size_t i = 0; i < judgement->policy->required_tag_count; i++) {
        const struct policy_required_tag *required = &judgement->policy->required_tags[i];
        str value = value_of(judgement, required->key);
        if (!str_is_empty(value) && !is_allowed(required, value)) {
            add_not_allowed(rule, judgement, required);
        }
    }
}
