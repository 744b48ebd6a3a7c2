/* SPDX-License-Identifier: Apache-2.0
 *
 * What promotion and roll back leave behind: a CHANGE item and an alert.
 */
#include "aws/dynamodb.h"
#include "aws/sns.h"
#include "promote_internal.h"

#define LEASE_MS            (INT64_C(15) * 60 * MS_PER_SECOND) /* Lambda's longest invocation */
#define TEXT_CHARACTERS_MAX 512
#define CHANGE_ATTRIBUTES   16

int64_t lease_end_ms(const struct app *app) {
    int64_t longest_ms = app->clock->now_ms(app->clock) + LEASE_MS;
    int64_t deadline_ms = app->home.deadline_ms;
    return deadline_ms < longest_ms ? deadline_ms : longest_ms;
}

static struct dynamodb_attribute count_attribute(struct arena *arena,
                                                 const char *name,
                                                 uint64_t count) {
    return dynamodb_number(arena, name, (int64_t)count);
}

static size_t add_baseline(struct arena *arena,
                           const struct traffic_window *baseline,
                           struct dynamodb_attribute *attributes) {
    if (baseline == NULL) {
        return 0;
    }
    attributes[0] = dynamodb_string("baselineFrom", time_format_iso8601(arena, baseline->start_ms));
    attributes[1] = dynamodb_string("baselineTo", time_format_iso8601(arena, baseline->end_ms));
    attributes[2] = count_attribute(arena, "baselineRequests", baseline->requests);
    attributes[3] = count_attribute(arena, "baselineNonCompliant", baseline->non_compliant);
    attributes[4] = count_attribute(arena, "baselineElb4xx", baseline->elb_4xx);
    attributes[5] = count_attribute(arena, "baselineElb5xx", baseline->elb_5xx);
    attributes[6] = count_attribute(arena, "baselineTarget5xx", baseline->target_5xx);
    return 7;
}

static enum status append(struct act *act,
                          const struct watch_record *record,
                          const char *action,
                          const struct traffic_window *baseline,
                          struct error *error) {
    bool is_roll_back = record->status == WATCH_ROLLED_BACK;
    int64_t at_ms = is_roll_back ? record->ended_ms : record->changed_ms;
    str at = time_format_iso8601(act->arena, at_ms);
    struct dynamodb_attribute item[CHANGE_ATTRIBUTES] = {
        dynamodb_string(DYNAMODB_PK, record->arn),
        dynamodb_string(DYNAMODB_SK, str_format(act->arena, "CHANGE#%" STR_FMT, STR_ARG(at))),
        dynamodb_string("changedAt", at),
        dynamodb_string("action", str_from_cstr(action)),
        dynamodb_string("attribute", STR(ATTRIBUTE_DESYNC_MODE)),
        dynamodb_string("before",
                        str_from_cstr(mode_name(is_roll_back ? record->to : record->from))),
        dynamodb_string("after",
                        str_from_cstr(mode_name(is_roll_back ? record->from : record->to))),
        dynamodb_string("why", str_utf8_prefix(record->note, TEXT_CHARACTERS_MAX)),
        dynamodb_string("writer", act->table.writer),
    };
    const struct dynamodb_put put = {
        .table = act->table.name,
        .item = {item, 9 + add_baseline(act->arena, baseline, &item[9])},
        .expression = {.condition = STR("attribute_not_exists(" DYNAMODB_PK ")")},
    };
    return dynamodb_put_item(act->table.client, &put, act->arena, error);
}

void change_append(struct act *act,
                   const struct watch_record *record,
                   const char *action,
                   const struct traffic_window *baseline) {
    struct error error = {0};
    enum status status = append(act, record, action, baseline, &error);
    if (status != STATUS_OK && status != STATUS_CONFLICT) { /* CONFLICT: it is there already */
        act_fail(act, record->arn, action, &error);
    }
}

static const char *kind_name(enum alert_kind kind) {
    return kind == ALERT_PROMOTED      ? "promoted"
           : kind == ALERT_ROLLED_BACK ? "rolled back"
                                       : "watch ended";
}

static enum status publish(struct act *act,
                           const struct change_alert *change,
                           struct error *error) {
    const struct alert alert = {
        .kind = change->kind,
        .evaluation = change->evaluation,
        .now_ms = act->app->clock->now_ms(act->app->clock),
        .changed_from = change->from,
        .changed_to = change->to,
        .note = change->note,
    };
    struct alert_text text;
    alert_render(act->arena, &alert, &text);
    struct sns_attribute attributes[ALERT_ATTRIBUTE_COUNT];
    for (size_t i = 0; i < ALERT_ATTRIBUTE_COUNT; i++) {
        attributes[i] = (struct sns_attribute){str_from_cstr(text.attributes[i].name),
                                               text.attributes[i].value};
    }
    const struct sns_message message = {
        .topic_arn = act->app->settings.act.alert_topic_arn,
        .subject = text.subject,
        .text = text.body,
        .attributes = attributes,
        .attribute_count = ALERT_ATTRIBUTE_COUNT,
    };
    return sns_publish(&act->app->home, &message, act->arena, NULL, error);
}

bool change_tell(struct act *act, const struct change_alert *alert) {
    struct error error = {0};
    if (str_is_empty(act->app->settings.act.alert_topic_arn)) {
        return true;
    }
    bool is_told = publish(act, alert, &error) == STATUS_OK;
    const struct action action = {.resource_id = alert->evaluation->resource_id,
                                  .action = "alert",
                                  .status = is_told ? "done" : "failed",
                                  .reason = is_told ? str_from_cstr(kind_name(alert->kind))
                                                    : error.message};
    act_add(act, &action, is_told ? NULL : &error);
    /* Two alerts are worse than a late one: what may have been published counts as told. */
    return is_told || error.is_outcome_unknown;
}
