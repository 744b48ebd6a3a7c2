/* SPDX-License-Identifier: Apache-2.0
 *
 * Findings for Security Hub CSPM, imported in batches.
 */
#include "aws/securityhub.h"
#include "control_internal.h"
#include "report/asff.h"

#define FINDING_BYTES_MAX ((size_t)64 * 1024)

/* What was never open need not be archived. */
static bool is_to_be_imported(const struct evaluation *evaluation, const struct lb_state *state,
                              str key) {
    bool is_known_there = !str_is_empty(state->imported);
    return !str_eq(state->imported, key) &&
           (is_known_there || evaluation->compliance != NOT_APPLICABLE);
}

void act_keep_finding(struct act *act, const struct evaluation *evaluation,
                      const struct lb_state *state) {
    str key = transition_import_key(evaluation, act->arena);
    if (!act->app->settings.act.imports_findings || !is_to_be_imported(evaluation, state, key)) {
        return;
    }
    struct buf text;
    struct json_writer writer;
    const struct clock *clock = act->app->clock;
    const struct asff asff = {.rule_name = act->app->settings.act.config_rule_name,
                              .created_ms = state->since_ms,
                              .updated_ms = clock->now_ms(clock)};
    buf_init(&text, act->arena, FINDING_BYTES_MAX);
    json_writer_init(&writer, &text);
    asff_write(&writer, act->arena, evaluation, &asff);
    ARENA_RESERVE(act->keep, act->imports, act->import_count + 1, act->import_capacity);
    act->imports[act->import_count++] =
        (struct act_import){evaluation->resource_id, buf_str(&text), key};
}

/* One batch. Of one that was not taken as a whole it is not known which were: all are imported
 * again the next time, which does no harm. */
static bool import_batch(struct act *act, const struct act_import *imports, size_t count) {
    str findings[SECURITYHUB_BATCH_FINDINGS_MAX] = {STR_EMPTY};
    for (size_t i = 0; i < count; i++) {
        findings[i] = imports[i].finding;
    }
    struct securityhub_report report;
    struct error error = {0};
    if (securityhub_import_findings(&act->app->aws, findings, count, act->arena, &report, &error) !=
        STATUS_OK) {
        act_fail(act, imports[0].arn, "import", &error);
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        str arn = imports[i].arn;
        if (state_note_import(&act->table, arn, imports[i].key, act->arena, &error) != STATUS_OK) {
            act_fail(act, arn, "remember", &error);
            return false;
        }
    }
    return true;
}

bool act_import_findings(struct act *act) {
    bool is_done = true;
    for (size_t i = 0; i < act->import_count; i += SECURITYHUB_BATCH_FINDINGS_MAX) {
        size_t left = act->import_count - i;
        size_t count =
            left < SECURITYHUB_BATCH_FINDINGS_MAX ? left : SECURITYHUB_BATCH_FINDINGS_MAX;
        is_done = import_batch(act, act->imports + i, count) && is_done;
    }
    act->import_count = 0;
    return is_done;
}
