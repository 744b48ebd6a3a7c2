/* SPDX-License-Identifier: Apache-2.0
 *
 * Our own last change of a mode, as STATE remembers it, against what is found now.
 * Guarantees: a read that has not caught up with our own change is neither a change by somebody
 * else nor a fight; and a stricter mode that our request overwrote is set again.
 */
#include "control/live.h"
#include "control/mode_change.h"
#include "control_internal.h"

#define LOOKS_MAX 3

static void add_action(struct control *control, const struct enforcement_case *file,
                       enum action_status status, str reason, const struct error *cause) {
    const struct enforcement_decision *decision = &file->decision;
    const struct action action = {.resource_id = file->facts->arn,
                                  .action = ACTION_ENFORCE,
                                  .status = status,
                                  .from = str_from_cstr(mode_name(decision->from)),
                                  .to = str_from_cstr(mode_name(decision->to)),
                                  .reason = reason};
    action_add(control, &action, cause);
}

/* Where the old mode is compliant as well, it leads to nothing. */
static bool is_lagging(const struct control *control, const struct lb_state *before,
                       const struct enforcement_case *file) {
    enum desync_mode mode = file->facts->mode;
    return file->evaluation->compliance == NON_COMPLIANT &&
           transition_is_lagging(before, mode, file->facts_ms,
                                 control_set_by_other_ms(control, mode));
}

/* It was written for a weak mode that is not there. */
static void drop_intent(struct control *control, struct lb_state *before,
                        struct enforcement_case *file) {
    bool has_intent = file->intent.at_ms != 0;
    enforce_withdraw_intent(control, file);
    if (has_intent && file->intent.at_ms == 0) {
        before->intent.at_ms = 0;
        before->version++;
    }
}

enum status own_change_find(struct control *control, struct lb_state *before,
                            struct enforcement_case *file, bool *is_hidden, struct error *error) {
    const struct own_change *own = &before->own_change;
    *is_hidden = file->is_live && is_lagging(control, before, file);
    if (*is_hidden) {
        drop_intent(control, before, file);
    }
    for (int looks = 1; *is_hidden && looks < LOOKS_MAX; looks++) {
        if (!live_sleep_before_recheck(control->guard)) {
            break;
        }
        file->is_live = false;
        TRY(enforce_read_fresh(control, file, error));
        *is_hidden = is_lagging(control, before, file);
    }
    if (*is_hidden) {
        int64_t ago_s = (file->facts_ms - own->at_ms) / MS_PER_SECOND;
        file->decision.from = own->from;
        file->decision.to = own->to;
        add_action(control, file, ACTION_PLANNED,
                   str_format(control->arena,
                              "desync-guard set %s %lld s ago and reads still show %s, as they may "
                              "lag: the next event or sweep looks again",
                              mode_name(own->to), (long long)(ago_s < 0 ? 0 : ago_s),
                              mode_name(own->from)),
                   NULL);
    }
    return STATUS_OK;
}

/* Nobody has changed it since. */
static bool confirm_undo(struct mode_change *change, struct error *error) {
    const struct enforcement_case *file = change->context;
    (void)error;
    return change->evaluation->compliance != NOT_APPLICABLE &&
           change->facts->mode == file->decision.from;
}

enum status own_change_undo(struct control *control, const struct lb_state *before,
                            struct enforcement_case *file, struct error *error) {
    enum desync_mode theirs = control->caller_mode;
    int64_t set_ms = control_set_by_other_ms(control, theirs);
    const struct enforcement_settings *settings = &control->guard->settings.control.enforcement;
    if (settings->enforcement != ENFORCEMENT_ENFORCE || set_ms == 0 ||
        file->facts->mode != before->own_change.to ||
        !transition_has_lowered(before, theirs, set_ms)) {
        return STATUS_OK;
    }
    struct mode_change change = enforce_change_of(control, file);
    file->decision.from = before->own_change.to;
    file->decision.to = change.to = theirs;
    change.confirm = confirm_undo;
    change.context = file;
    enum status status = mode_change_make(&change, error);
    file->facts_ms = change.facts_ms;
    file->is_live = change.is_live;
    if (status != STATUS_OK) {
        add_action(control, file, ACTION_FAILED, error->message, error);
    } else if (change.is_made) {
        add_action(control, file, ACTION_DONE,
                   str_format(control->arena,
                              "somebody set %s while desync-guard raised the mode to %s, which "
                              "came last: their mode is set again",
                              mode_name(theirs), mode_name(before->own_change.to)),
                   NULL);
    }
    return status;
}
