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

void security_hub_add(struct control *control, const struct evaluation *evaluation,
                      const struct lb_state *state) {
    str key = transition_import_key(evaluation, control->arena);
    if (!control->guard->settings.control.imports_findings ||
        !is_to_be_imported(evaluation, state, key)) {
        return;
    }
    struct buf text;
    struct json_writer writer;
    const struct clock *clock = control->guard->clock;
    const struct asff asff = {.rule_name = control->guard->settings.control.config_rule_name,
                              .created_ms = state->since_ms,
                              .updated_ms = clock->now_ms(clock)};
    buf_init(&text, control->arena, FINDING_BYTES_MAX);
    json_writer_init(&writer, &text);
    asff_write(&writer, control->arena, evaluation, &asff);
    ARENA_RESERVE(control->keep, control->imports, control->import_count + 1,
                  control->import_capacity);
    control->imports[control->import_count++] =
        (struct security_hub_finding){evaluation->resource_id, buf_str(&text), key};
}

/* One batch. Of one that was not taken as a whole it is not known which were: all are imported
 * again the next time, which does no harm. */
static bool import_batch(struct control *control, const struct security_hub_finding *imports,
                         size_t count) {
    str findings[SECURITYHUB_BATCH_FINDINGS_MAX] = {STR_EMPTY};
    for (size_t i = 0; i < count; i++) {
        findings[i] = imports[i].finding;
    }
    struct securityhub_report report;
    struct error error = {0};
    if (securityhub_import_findings(&control->guard->aws, findings, count, control->arena, &report,
                                    &error) != STATUS_OK) {
        action_add_failure(control, imports[0].arn, "import", &error);
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        str arn = imports[i].arn;
        if (state_note_import(&control->table, arn, imports[i].key, control->arena, &error) !=
            STATUS_OK) {
            action_add_failure(control, arn, "remember", &error);
            return false;
        }
    }
    return true;
}

bool security_hub_import(struct control *control) {
    bool is_done = true;
    for (size_t i = 0; i < control->import_count; i += SECURITYHUB_BATCH_FINDINGS_MAX) {
        size_t left = control->import_count - i;
        size_t count =
            left < SECURITYHUB_BATCH_FINDINGS_MAX ? left : SECURITYHUB_BATCH_FINDINGS_MAX;
        is_done = import_batch(control, control->imports + i, count) && is_done;
    }
    control->import_count = 0;
    return is_done;
}
