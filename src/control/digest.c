/* SPDX-License-Identifier: Apache-2.0
 *
 * The escalations of an owner's load balancers. An item DIGEST in the table stands for the message
 * of one owner and day: the copy that puts it there publishes the message.
 *
 *     (none) --claimed by a sweep at its end--> started --published, or may be--> done
 *        ^                                        |
 *        +--SNS certainly did not take it: free---+--no word: alert_in_doubt, not before tomorrow
 *
 * A load balancer that escalates after that is in the message of the next day.
 */
#include "control/digest.h"

#include <stdlib.h>

#include "control_internal.h"
#include "table/records.h"

/* By owner, those that are non-compliant longest first. */
static int compare(const void *a, const void *b) {
    const struct escalation *left = a;
    const struct escalation *right = b;
    int order = str_compare(left->owner, right->owner);
    if (order != 0) {
        return order;
    }
    return left->since_ms != right->since_ms ? (left->since_ms < right->since_ms ? -1 : 1)
                                             : str_compare(left->arn, right->arn);
}

/* One alone gets the alert with all that there is to say of it. */
static enum status publish(struct control *control, const struct digest *digest,
                           struct error *error) {
    const struct escalation *first = &digest->items[0];
    struct alert_text text;
    if (digest->count > 1) {
        digest_render(control->arena, digest, &text);
        return alert_publish_text(control, &text, error);
    }
    const struct evaluation evaluation = escalation_evaluation(control->arena, first);
    const struct alert alert = {
        .kind = ALERT_ESCALATED,
        .evaluation = first->evaluation != NULL ? first->evaluation : &evaluation,
        .since_ms = first->since_ms,
        .now_ms = digest->now_ms,
    };
    return alert_publish(control, &alert, error);
}

static void add_action(struct control *control, const struct digest *digest, enum status status,
                       const struct error *error) {
    const struct action action = {
        .resource_id = digest->items[0].arn,
        .action = ACTION_ALERT,
        .status = status == STATUS_OK ? ACTION_DONE : ACTION_FAILED,
        .reason = status != STATUS_OK
                      ? error->message
                      : str_format(control->arena, "escalated (%zu of this owner)", digest->count)};
    action_add(control, &action, status == STATUS_OK ? NULL : error);
}

static void publish_once(struct control *control, const struct digest *digest) {
    const struct escalation *first = &digest->items[0];
    const struct load_balancer_arn arn = load_balancer_arn_parts(first->arn);
    const struct digest_key key = {.account_id = arn.account_id,
                                   .region = arn.region,
                                   .day = date_days_of_ms(digest->now_ms),
                                   .owner = first->owner};
    int64_t until_ms = alert_claim_until_ms(control);
    struct error error = {.status = STATUS_DEADLINE,
                          .message = STR("no time is left to publish the escalations")};
    bool is_in_doubt = false;
    if (until_ms == 0) {
        add_action(control, digest, STATUS_DEADLINE, &error);
        return;
    }
    enum status status = state_claim_digest(&control->table, &key, digest->now_ms, until_ms,
                                            control->arena, &is_in_doubt, &error);
    if (is_in_doubt) {
        LOG(control->guard->log, LOG_WARN, "alert_in_doubt", LOG_STR("resourceId", first->arn),
            LOG_STR("alert", STR("escalated")), LOG_STR("owner", first->owner),
            LOG_STR("reason", STR("an invocation ended while it published this alert, which may "
                                  "have reached nobody and is not sent again today")));
    }
    if (status == STATUS_CONFLICT) {
        return;
    }
    if (status != STATUS_OK) {
        action_add_failure(control, first->arn, ACTION_REMEMBER, &error);
        return;
    }
    status = publish(control, digest, &error);
    add_action(control, digest, status, &error);
    bool may_be_published = status == STATUS_OK || error.is_outcome_unknown;
    if (state_end_digest(&control->table, &key, may_be_published, control->arena, &error) !=
        STATUS_OK) {
        LOG(control->guard->log, LOG_WARN, may_be_published ? "not_finished" : "not_released",
            LOG_STR("errorMessage", error.message));
    }
}

void digest_publish(struct control *control, struct escalation *items, size_t count) {
    size_t end = 0;
    for (size_t i = 0; i < count; i++) {
        items[i].owner = str_utf8_prefix(items[i].owner, DIGEST_OWNER_CHARACTERS_MAX);
    }
    if (count > 0) {
        qsort(items, count, sizeof *items, compare);
    }
    for (size_t first = 0; first < count; first = end) {
        for (end = first + 1; end < count && str_eq(items[end].owner, items[first].owner); end++) {
        }
        const struct digest digest = {.items = &items[first],
                                      .count = end - first,
                                      .days_max = control->policy->max_non_compliant_days,
                                      .now_ms = guard_now_ms(control->guard)};
        publish_once(control, &digest);
    }
}
