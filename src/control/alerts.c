/* SPDX-License-Identifier: Apache-2.0
 *
 * Publishes alerts to the SNS topic: each that the ledger has claimed once, and says which of them
 * SNS certainly did not take.
 */
#include "aws/sns.h"
#include "control_internal.h"
#include "report/alert.h"
#include "table/records.h"

/* An alert is not begun with less time than this. */
#define ALERT_MS_MIN 1000

/* The most severe first. */
static const struct {
    enum alert_kind kind;
    const char *name;
} ALERT_NAMES[] = {
    {ALERT_FIGHT, "fight"},
    {ALERT_FLAPPING, "flapping"},
    {ALERT_HELD, "held"},
    {ALERT_ENFORCED, "enforced"},
    {ALERT_OPENED, "opened"},
    {ALERT_RESOLVED, "resolved"},
    {ALERT_ESCALATED, "escalated"},
    {ALERT_EXCEPTION_EXPIRED, "exception expired"},
    {ALERT_EXCEPTION_EXPIRING, "exception expiring"},
};

int64_t alert_claim_until_ms(const struct control *control) {
    const struct aws_client *home = &control->guard->home;
    if (aws_client_time_left_ms(home) <= ALERT_MS_MIN) {
        return 0;
    }
    return home->deadline_ms == INT64_MAX ? guard_now_ms(control->guard) + MS_PER_DAY / 24
                                          : home->deadline_ms;
}

str alert_names(struct arena *arena, unsigned alerts) {
    str names = STR_EMPTY;
    for (size_t i = 0; i < sizeof ALERT_NAMES / sizeof *ALERT_NAMES; i++) {
        if ((alerts & ALERT_SET(ALERT_NAMES[i].kind)) != 0) {
            names = str_format(arena, "%" STR_FMT "%s%s", STR_ARG(names),
                               str_is_empty(names) ? "" : ", ", ALERT_NAMES[i].name);
        }
    }
    return names;
}

/* The writer of the weak mode. A fight that no call led us to is with the writer who was named
 * before. A writer that cannot be found keeps no alert back. */
static struct writer writer_of(const struct control *control, const struct enforcement_case *file,
                               const struct transition *transition, enum alert_kind kind) {
    const struct correction *made = &transition->records.change;
    if (kind == ALERT_ENFORCED && made->at_ms != 0) {
        return made->writer;
    }
    struct writer writer = {0};
    const struct writer *known =
        control_writer(control, kind == ALERT_ENFORCED ? MODE_MONITOR : file->evaluation->mode);
    if (kind == ALERT_FLAPPING && control->caller != NULL) {
        known = control->caller; /* one of those who change it, whichever way */
    }
    if (known != NULL) {
        writer = *known;
    } else if (kind == ALERT_FIGHT &&
               state_last_writer(&control->table, file->facts->arn, control->arena, &writer,
                                 NULL) != STATUS_OK) {
        writer = (struct writer){0}; /* an alert without a name is better than none */
    }
    return writer;
}

static struct alert alert_of(const struct control *control, const struct enforcement_case *file,
                             const struct transition *transition, enum alert_kind kind) {
    const struct lb_state *state = &transition->next;
    bool is_enforced = (transition->alerts & ALERT_SET(ALERT_ENFORCED)) != 0;
    int64_t now_ms = guard_now_ms(control->guard);
    return (struct alert){
        .kind = kind,
        .evaluation =
            kind == ALERT_ENFORCED && file->found != NULL ? file->found : file->evaluation,
        .since_ms = state->since_ms != 0 ? state->since_ms : transition->records.close_ms,
        .now_ms = now_ms,
        .changed_from = is_enforced ? MODE_MONITOR : MODE_UNKNOWN, /* enforcement does no more */
        .changed_to = is_enforced ? MODE_DEFENSIVE : MODE_UNKNOWN,
        .corrections = corrections_in_a_day(state, now_ms),
        .writer = writer_of(control, file, transition, kind),
        .note = (kind == ALERT_ENFORCED || kind == ALERT_HELD) && file->has_severe
                    ? severe_share_text(&file->severe, control->arena)
                    : STR_EMPTY,
    };
}

enum status alert_publish_text(struct control *control, const struct alert_text *text,
                               struct error *error) {
    struct sns_attribute attributes[ALERT_ATTRIBUTE_COUNT];
    for (size_t i = 0; i < ALERT_ATTRIBUTE_COUNT; i++) {
        attributes[i] = (struct sns_attribute){str_from_cstr(text->attributes[i].name),
                                               text->attributes[i].value};
    }
    const struct sns_message message = {
        .topic_arn = control->guard->settings.control.alert_topic_arn,
        .subject = text->subject,
        .text = text->body,
        .attributes = attributes,
        .attribute_count = ALERT_ATTRIBUTE_COUNT,
    };
    return sns_publish(&control->guard->home, &message, control->arena, NULL, error);
}

enum status alert_publish(struct control *control, const struct alert *alert, struct error *error) {
    struct alert_text text;
    alert_render(control->arena, alert, &text);
    return alert_publish_text(control, &text, error);
}

bool has_alert_topic(const struct control *control) {
    return !str_is_empty(control->guard->settings.control.alert_topic_arn);
}

unsigned alerts_publish(struct control *control, const struct enforcement_case *file,
                        const struct transition *transition) {
    unsigned unsent = 0;
    for (size_t i = 0; i < sizeof ALERT_NAMES / sizeof *ALERT_NAMES; i++) {
        if ((transition->alerts & ALERT_SET(ALERT_NAMES[i].kind)) == 0) {
            continue;
        }
        struct error error = {0};
        const struct alert alert = alert_of(control, file, transition, ALERT_NAMES[i].kind);
        bool is_published = alert_publish(control, &alert, &error) == STATUS_OK;
        /* SNS does not recognise a repeat: after no answer, half of one, or a 500 the alert may
         * have been published, and counts as sent. The invocation fails all the same, so that
         * somebody looks. */
        if (!is_published && !error.is_outcome_unknown) {
            unsent |= ALERT_SET(ALERT_NAMES[i].kind);
        }
        const struct action action = {.resource_id = file->facts->arn,
                                      .action = ACTION_ALERT,
                                      .status = is_published ? ACTION_DONE : ACTION_FAILED,
                                      .reason = is_published ? str_from_cstr(ALERT_NAMES[i].name)
                                                             : error.message};
        action_add(control, &action, is_published ? NULL : &error);
    }
    return unsent;
}
