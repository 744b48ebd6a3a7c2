/* SPDX-License-Identifier: Apache-2.0
 *
 * The load balancers that a sweep has listed, and which of them are inside the scope of its rule.
 * AWS Config sends the changes of those inside only; a sweep lists all, and would give a verdict
 * again to a load balancer that has left the scope.
 */
#include <stdlib.h>

#include "sweep_internal.h"

static int compare_arns(const void *a, const void *b) {
    const struct load_balancer *first = a;
    const struct load_balancer *second = b;
    return str_compare(first->arn, second->arn);
}

bool listing_is_to_be_judged(const struct load_balancer *load_balancer) {
    return load_balancer->type != TYPE_NETWORK && load_balancer->type != TYPE_GATEWAY;
}

/* A load balancer that is created while the pages are read can be listed twice. */
void listing_read(struct sweep_listing *listing, const struct sweep_budget *budget,
                  struct arena *arena) {
    struct guard *guard = budget->guard;
    guard->aws.deadline_ms = budget->read_deadline_ms;
    listing->error.status = elbv2_list_load_balancers(&guard->aws, arena, &listing->items,
                                                      &listing->count, &listing->error);
    guard->aws.deadline_ms = budget->deadline_ms;
    if (listing->count > 0) {
        qsort(listing->items, listing->count, sizeof *listing->items, compare_arns);
    }
    size_t kept = 0;
    for (size_t i = 0; i < listing->count; i++) {
        if (i == 0 || !str_eq(listing->items[i].arn, listing->items[kept - 1].arn)) {
            listing->items[kept++] = listing->items[i];
            listing->to_judge_count += listing_is_to_be_judged(&listing->items[i]) ? 1 : 0;
        }
    }
    listing->count = kept;
}

const struct load_balancer *listing_find(const struct sweep_listing *listing, str arn) {
    const struct load_balancer key = {.arn = arn};
    return listing->count == 0 ? NULL
                               : bsearch(&key, listing->items, listing->count,
                                         sizeof *listing->items, compare_arns);
}

void listing_keep_only(struct sweep_listing *listing, str arn) {
    const struct load_balancer *found = listing_find(listing, arn);
    listing->count = found == NULL ? 0 : 1;
    if (found != NULL) {
        listing->items[0] = *found;
    }
    listing->to_judge_count = found != NULL && listing_is_to_be_judged(found) ? 1 : 0;
}

void listing_read_scope(struct sweep_listing *listing, const struct sweep_budget *budget,
                        str rule_name, struct arena *arena) {
    struct guard *guard = budget->guard;
    struct error error = {0};
    if (str_is_empty(rule_name)) {
        return;
    }
    budget_limit_question(budget);
    enum status status = config_read_scope(&guard->aws, rule_name, arena, &listing->scope, &error);
    budget_set_deadline(budget, budget->deadline_ms);
    if (status != STATUS_OK) {
        listing->scope = (struct config_scope){.tag_key = STR_EMPTY};
        listing->is_scope_unknown = status != STATUS_NOT_FOUND;
        LOG(guard->log, LOG_WARN, "scope_unknown", LOG_STR("ruleName", rule_name),
            LOG_STR("reason", STR("all load balancers are judged, as if the rule had no scope; "
                                  "nothing is changed, remembered or alerted")),
            LOG_STR("errorMessage", error.message));
    }
}

static bool has_type(const struct config_scope *scope) {
    for (size_t i = 0; i < scope->resource_type_count; i++) {
        if (str_eq(scope->resource_types[i], STR(LOAD_BALANCER_RESOURCE_TYPE))) {
            return true;
        }
    }
    return scope->resource_type_count == 0;
}

bool listing_is_out_of_scope(const struct sweep_listing *listing,
                             const struct load_balancer *facts) {
    const struct config_scope *scope = &listing->scope;
    str value;
    if (!has_type(scope) ||
        (!str_is_empty(scope->resource_id) && !str_eq(scope->resource_id, facts->arn))) {
        return true;
    }
    if (str_is_empty(scope->tag_key) || !facts->has_tags) {
        return false;
    }
    return !tag_get(facts, scope->tag_key, &value) ||
           (!str_is_empty(scope->tag_value) && !str_eq(scope->tag_value, value));
}
