/* SPDX-License-Identifier: Apache-2.0
 *
 * Subjects, the most important first: what, which load balancer, which mode.
 *
 *   Non-compliant: my-alb, mode monitor (requires defensive)
 *   Exception ends 2026-12-01: my-alb, mode monitor (requires defensive)
 *   Mode raised: my-alb, mode defensive (was monitor)
 */
#include "alert_internal.h"
#include "base/buf.h"
#include "policy/plain_text.h"

static str subject_exception(const struct alert_context *context, const char *verb) {
    if (str_is_empty(context->exception_until)) {
        return str_format(context->arena, "Exception %s", verb);
    }
    return str_format(context->arena, "Exception %s %" STR_FMT, verb,
                      STR_ARG(context->exception_until));
}

static str subject_what(const struct alert_context *context) {
    const struct alert *alert = context->alert;
    switch (alert->kind) {
    case ALERT_OPENED:
        return STR("Non-compliant");
    case ALERT_RESOLVED:
        return STR("Resolved");
    case ALERT_ENFORCED:
        return STR("Mode raised");
    case ALERT_ESCALATED:
        if (alert->since_ms > 0) {
            str duration = duration_text(context->arena, alert->now_ms - alert->since_ms);
            return str_format(context->arena, "Non-compliant for %" STR_FMT, STR_ARG(duration));
        }
        return STR("Non-compliant for too long");
    case ALERT_EXCEPTION_EXPIRING:
        return subject_exception(context, "ends");
    case ALERT_EXCEPTION_EXPIRED:
        return subject_exception(context, "ended");
    case ALERT_PROMOTED:
        return STR("Promoted");
    case ALERT_ROLLED_BACK:
        return STR("Promotion rolled back");
    case ALERT_WATCH_ENDED:
        return STR("Watch ended");
    case ALERT_FIGHT:
        break;
    }
    return str_format(context->arena, "Changed back %d time%s", alert->corrections,
                      str_by_count((uint64_t)alert->corrections, "", "s"));
}

/* What explains the mode; empty when it needs no explanation. */
static str subject_detail(const struct alert_context *context) {
    const struct evaluation *evaluation = context->evaluation;
    struct arena *arena = context->arena;
    if (evaluation->compliance == NOT_APPLICABLE) {
        return STR(" (no longer judged)");
    }
    bool is_change =
        context->alert->kind == ALERT_ENFORCED || alert_is_about_promotion(context->alert->kind);
    if (is_change && context->alert->changed_from != MODE_UNKNOWN) {
        return str_format(arena, " (was %s)", mode_name(context->alert->changed_from));
    }
    if (context->alert->kind == ALERT_WATCH_ENDED && !str_is_empty(context->alert->ending) &&
        !str_eq(context->alert->ending, STR("held"))) {
        return str_format(arena, " (%" STR_FMT ")", STR_ARG(context->alert->ending));
    }
    if (context->alert->kind == ALERT_RESOLVED && evaluation->has_active_exception) {
        return STR(" (exception)");
    }
    if (context->mode != MODE_UNKNOWN && context->mode < evaluation->required_mode) {
        return str_format(arena, " (requires %s)", mode_name(evaluation->required_mode));
    }
    if (evaluation->compliance == NON_COMPLIANT && context->finding != NULL) {
        return str_format(arena, " (%s)", finding_name(context->finding->id));
    }
    return STR_EMPTY;
}

static str subject(const struct alert_context *context) {
    struct buf out;
    buf_init(&out, context->arena, ALERT_SUBJECT_BYTES_MAX);
    buf_append(&out, subject_what(context));
    buf_printf(&out, ": %" STR_FMT ", mode %s", STR_ARG(context->name), mode_name(context->mode));
    ASSERT(buf_status(&out) == STATUS_OK);
    size_t len = out.len;
    buf_append(&out, subject_detail(context));
    if (buf_status(&out) != STATUS_OK) {
        buf_rewind(&out, len);
    }
    return buf_str(&out);
}

static struct alert_attribute attribute(const struct alert_context *context, const char *name,
                                        str value, const char *otherwise) {
    str text = plain_text(context->arena, value, ALERT_ATTRIBUTE_CHARACTERS_MAX);
    return (struct alert_attribute){name, str_is_empty(text) ? str_from_cstr(otherwise) : text};
}

static void attributes(const struct alert_context *context, struct alert_attribute *out) {
    const struct finding *finding = context->finding;
    const char *severity = finding == NULL ? NULL : severity_name(finding->severity);
    const char *id = finding == NULL ? NULL : finding_name(finding->id);
    if (context->alert->kind == ALERT_ESCALATED) {
        id = finding_name(FINDING_NON_COMPLIANT_TOO_LONG); /* state over time: judged by nobody */
    }
    out[0] = attribute(context, "severity", str_from_cstr(severity), "none");
    out[1] = attribute(context, "owner", context->evaluation->owner, "none");
    out[2] = attribute(context, "finding", str_from_cstr(id), "none");
    out[3] = attribute(context, "mode", str_from_cstr(mode_name(context->mode)), "unknown");
    out[4] = attribute(context, "region", context->region, "unknown");
    out[5] = attribute(context, "account", context->account_id, "unknown");
}

void alert_render(struct arena *arena, const struct alert *alert, struct alert_text *text_out) {
    ASSERT(arena != NULL && alert != NULL && alert->evaluation != NULL && text_out != NULL);
    ASSERT(alert->evaluation->finding_count <= FINDINGS_MAX);
    struct alert_context context = alert_context_read(arena, alert);
    *text_out = (struct alert_text){.subject = subject(&context), .body = alert_body(&context)};
    attributes(&context, text_out->attributes);
}
