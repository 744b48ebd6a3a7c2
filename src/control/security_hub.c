/* SPDX-License-Identifier: Apache-2.0
 *
 * Findings for Security Hub CSPM, imported in batches, each again until the import is remembered in
 * STATE.
 */
#include "aws/securityhub.h"
#include "control_internal.h"
#include "report/asff.h"

#define FINDING_BYTES_MAX ((size_t)64 * 1024)

void security_hub_add(struct control *control, const struct evaluation *evaluation,
                      const struct lb_state *state) {
    str key = transition_import_key(evaluation, control->arena);
    /* A finding that was never open need not be archived. */
    bool is_needless = str_is_empty(state->imported) && evaluation->compliance == NOT_APPLICABLE;
    if (!control->guard->settings.control.imports_findings || is_needless ||
        str_eq(state->imported, key)) {
        return;
    }
    struct buf text;
    struct json_writer writer;
    const struct asff asff = {.rule_name = control->guard->settings.control.config_rule_name,
                              .created_ms = state->since_ms,
                              .updated_ms = guard_now_ms(control->guard)};
    buf_init(&text, control->arena, FINDING_BYTES_MAX);
    json_writer_init(&writer, &text);
    asff_write(&writer, control->arena, evaluation, &asff);
    ARENA_RESERVE(control->keep, control->imports, control->import_count + 1,
                  control->import_capacity);
    control->imports[control->import_count++] =
        (struct security_hub_finding){evaluation->resource_id, buf_str(&text), key};
}

/* If Security Hub does not take a batch as a whole, it is not known which findings it has: the next
 * invocation imports all of them again, which does no harm. */
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
        action_add_failure(control, imports[0].arn, ACTION_IMPORT, &error);
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (state_note_import(&control->table, imports[i].arn, imports[i].key, control->arena,
                              &error) != STATUS_OK) {
            action_add_failure(control, imports[i].arn, ACTION_REMEMBER, &error);
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
