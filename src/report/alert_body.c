/* SPDX-License-Identifier: Apache-2.0
 *
 * The body, top down: what happened, the facts, what was found, how to fix it, where to look. It
 * holds at most ALERT_BODY_BYTES_MAX; all but the findings is bounded well below that, and of the
 * findings as many are printed as there is room for.
 */
#include "alert_internal.h"
#include "base/buf.h"
#include "base/clock.h"
#include "policy/plain_text.h"

/* Outside text of one line; the whole of any real ARN. */
#define LINE_CHARACTERS_MAX 160
/* An account id has 12 digits, a Region fewer than 20 characters. */
#define ID_CHARACTERS_MAX 32
/* " - and 63 more" and its line end. */
#define MORE_BYTES_MAX         ((size_t)64)
#define MESSAGE_CHARACTERS_MAX 600

/* One line without anything that a mail program or a chat takes for markup. */
static str line_text(const struct sheet *sheet, str raw, size_t characters_max) {
    str plain = plain_text(sheet->arena, raw, characters_max);
    struct buf out;
    buf_init(&out, sheet->arena, plain.len * 3);
    for (size_t i = 0; i < plain.len; i++) {
        char c = plain.ptr[i];
        buf_append(&out, c == '<'   ? STR("\xE2\x80\xB9") /* U+2039, U+203A: single angle quotes */
                         : c == '>' ? STR("\xE2\x80\xBA")
                                    : str_slice(plain, i, i + 1));
    }
    return buf_str(&out);
}

static void append_field(struct buf *out, const struct sheet *sheet, const char *label, str raw,
                         size_t characters_max) {
    str text = line_text(sheet, raw, characters_max);
    if (str_is_empty(text)) {
        text = STR("unknown");
    }
    buf_printf(out, "%s: %" STR_FMT "\n", label, STR_ARG(text));
}

/* "2026-11-16 08:05 UTC" */
static str moment_text(struct arena *arena, int64_t ms) {
    int64_t minutes = ms % MS_PER_DAY / (60 * MS_PER_SECOND);
    str day = date_format(arena, date_days_of_ms(ms));
    return str_format(arena, "%" STR_FMT " %02d:%02d UTC", STR_ARG(day), (int)(minutes / 60),
                      (int)(minutes % 60));
}

static void append_exception_headline(struct buf *out, const struct sheet *sheet,
                                      const char *verb) {
    str until = sheet->exception_until;
    buf_printf(out, "The exception of the load balancer %" STR_FMT, STR_ARG(sheet->name));
    buf_printf(out, " %s%s%" STR_FMT, verb, until.len == 0 ? "" : " on ", STR_ARG(until));
}

static void append_expired_headline(struct buf *out, const struct sheet *sheet) {
    append_exception_headline(out, sheet, "ended");
    buf_append(out, STR(". It no longer excuses the mode.\n"));
}

static void append_resolved_headline(struct buf *out, const struct sheet *sheet) {
    bool is_judged = sheet->evaluation->compliance != NOT_APPLICABLE;
    buf_printf(out, "The load balancer %" STR_FMT " is %s.\n", STR_ARG(sheet->name),
               is_judged ? "compliant again" : "no longer judged");
    str reason = line_text(sheet, sheet->evaluation->reason, LINE_CHARACTERS_MAX);
    if (!str_is_empty(reason)) {
        buf_printf(out, "Why: %" STR_FMT "\n", STR_ARG(reason));
    }
}

static void append_ending_headline(struct buf *out, const struct sheet *sheet) {
    str ending = sheet->alert->ending;
    buf_printf(out, "The watch over the promotion of the load balancer %" STR_FMT " has ended%s",
               STR_ARG(sheet->name),
               str_eq(ending, STR("held")) ? ": the promotion held.\n"
               : str_eq(ending, STR("reverted"))
                   ? ": somebody else has changed the mode (reverted).\n"
               : str_eq(ending, STR("inconclusive"))
                   ? " without a result (inconclusive): nobody knows whether clients are blocked.\n"
                   : ".\n");
}

static void append_promotion_headline(struct buf *out, const struct sheet *sheet) {
    const struct alert *alert = sheet->alert;
    const char *from = mode_name(alert->changed_from);
    const char *to = mode_name(sheet->mode);
    if (alert->kind == ALERT_PROMOTED) {
        buf_printf(out,
                   "desync-guard raised the desync mitigation mode of the load balancer %" STR_FMT
                   " from %s to %s, as the evidence allows. It is watched now, and taken back if "
                   "errors rise.\n",
                   STR_ARG(sheet->name), from, to);
    } else if (alert->kind == ALERT_ROLLED_BACK) {
        buf_printf(out,
                   "desync-guard set the desync mitigation mode of the load balancer %" STR_FMT
                   " back from %s to %s.\n",
                   STR_ARG(sheet->name), from, to);
    } else {
        append_ending_headline(out, sheet);
    }
    str note = line_text(sheet, alert->note, MESSAGE_CHARACTERS_MAX);
    if (!str_is_empty(note)) {
        buf_printf(out, "Why: %" STR_FMT "\n", STR_ARG(note));
    }
}

static void append_headline(struct buf *out, const struct sheet *sheet) {
    const struct alert *alert = sheet->alert;
    str name = sheet->name;
    switch (alert->kind) {
    case ALERT_OPENED:
        buf_printf(out, "The load balancer %" STR_FMT " is not compliant.\n", STR_ARG(name));
        break;
    case ALERT_RESOLVED:
        append_resolved_headline(out, sheet);
        break;
    case ALERT_ENFORCED:
        buf_printf(out,
                   "desync-guard raised the desync mitigation mode of the load balancer %" STR_FMT
                   " from %s to %s.\n",
                   STR_ARG(name), mode_name(alert->changed_from), mode_name(sheet->mode));
        if (sheet->finding != NULL && sheet->finding->id == FINDING_EXCEPTION_EXPIRED) {
            append_expired_headline(out, sheet);
        }
        break;
    case ALERT_ESCALATED:
        buf_printf(out, "The load balancer %" STR_FMT " has not been compliant for too long.\n",
                   STR_ARG(name));
        break;
    case ALERT_EXCEPTION_EXPIRING:
        append_exception_headline(out, sheet, "ends");
        buf_append(out, STR(". After that its mode counts as too weak.\n"));
        break;
    case ALERT_EXCEPTION_EXPIRED:
        append_expired_headline(out, sheet);
        break;
    case ALERT_FIGHT:
        buf_printf(out,
                   "Within 24 hours desync-guard raised the desync mitigation mode of the load "
                   "balancer %" STR_FMT " %d time%s, and it was changed back each time.\n"
                   "For now desync-guard leaves it as it is.\n",
                   STR_ARG(name), alert->corrections,
                   str_by_count((uint64_t)alert->corrections, "", "s"));
        break;
    case ALERT_PROMOTED:
    case ALERT_ROLLED_BACK:
    case ALERT_WATCH_ENDED:
        append_promotion_headline(out, sheet);
        break;
    }
}

static void append_mode(struct buf *out, const struct sheet *sheet) {
    const struct evaluation *evaluation = sheet->evaluation;
    buf_printf(out, "Mode: %s", mode_name(sheet->mode));
    if (evaluation->required_mode != MODE_UNKNOWN) {
        buf_printf(out, ", requires %s", mode_name(evaluation->required_mode));
    }
    str because = line_text(sheet, evaluation->required_because, PLAIN_TEXT_QUOTE_MAX);
    if (!str_is_empty(because)) {
        buf_printf(out, " (%" STR_FMT ")", STR_ARG(because));
    }
    buf_append_char(out, '\n');
}

static void append_since(struct buf *out, const struct sheet *sheet) {
    const struct alert *alert = sheet->alert;
    if (alert->kind == ALERT_EXCEPTION_EXPIRING || alert_is_about_promotion(alert->kind)) {
        return; /* it is compliant still, or that is not what this is about */
    }
    bool is_over = alert->kind == ALERT_RESOLVED || alert->kind == ALERT_ENFORCED;
    buf_append(out, is_over ? STR("Was not compliant since: ") : STR("Not compliant since: "));
    if (alert->since_ms <= 0) {
        buf_append(out, STR("unknown\n"));
        return;
    }
    str since = moment_text(sheet->arena, alert->since_ms);
    str duration = duration_text(sheet->arena, alert->now_ms - alert->since_ms);
    buf_printf(out, "%" STR_FMT " (%" STR_FMT ")\n", STR_ARG(since), STR_ARG(duration));
}

static bool is_about_writer(enum alert_kind kind) {
    return kind == ALERT_FIGHT || kind == ALERT_ENFORCED;
}

static void append_writer(struct buf *out, const struct sheet *sheet) {
    const struct writer *writer = &sheet->alert->writer;
    append_field(out, sheet, "Last changed by", writer->arn, LINE_CHARACTERS_MAX);
    if (!str_is_empty(writer->user_agent)) {
        append_field(out, sheet, "  with", writer->user_agent, LINE_CHARACTERS_MAX);
    }
    if (!str_is_empty(writer->invoked_by)) {
        append_field(out, sheet, "  through", writer->invoked_by, LINE_CHARACTERS_MAX);
    }
}

static void append_facts(struct buf *out, const struct sheet *sheet) {
    str owner = plain_text(sheet->arena, sheet->evaluation->owner, LINE_CHARACTERS_MAX);
    buf_append_char(out, '\n');
    append_field(out, sheet, "Load balancer", sheet->evaluation->resource_id, LINE_CHARACTERS_MAX);
    append_field(out, sheet, "Account", sheet->account_id, ID_CHARACTERS_MAX);
    append_field(out, sheet, "Region", sheet->region, ID_CHARACTERS_MAX);
    append_mode(out, sheet);
    append_field(out, sheet, "Owner", str_is_empty(owner) ? STR("none") : owner,
                 LINE_CHARACTERS_MAX);
    append_since(out, sheet);
    if (is_about_writer(sheet->alert->kind)) {
        append_writer(out, sheet);
    }
}

static void append_findings(struct buf *out, const struct sheet *sheet, size_t bytes_max) {
    const struct evaluation *evaluation = sheet->evaluation;
    if (evaluation->finding_count == 0) {
        return;
    }
    bool is_before = sheet->alert->kind == ALERT_ENFORCED;
    buf_append(out, is_before ? STR("\nFound before that:\n") : STR("\nFound:\n"));
    for (size_t i = 0; i < evaluation->finding_count; i++) {
        const struct finding *finding = &evaluation->findings[i];
        str message = line_text(sheet, finding->message, MESSAGE_CHARACTERS_MAX);
        str line =
            str_format(sheet->arena, "- %s %s: %" STR_FMT "\n", severity_name(finding->severity),
                       finding_name(finding->id), STR_ARG(message));
        if (out->len + line.len + MORE_BYTES_MAX > bytes_max) {
            buf_printf(out, "- and %zu more\n", evaluation->finding_count - i);
            return;
        }
        buf_append(out, line);
    }
}

static void append_command(struct buf *out, const char *label, str command) {
    if (!str_is_empty(command)) {
        buf_printf(out, "\n%s\n%" STR_FMT "\n", label, STR_ARG(command));
    }
}

static void append_commands(struct buf *out, const struct sheet *sheet) {
    struct fix fix = {sheet->evaluation, sheet->region, sheet->mode};
    str attributes = fix_attributes_command(sheet->arena, &fix);
    append_command(out, "Fix it with:", attributes);
    if (!str_is_empty(attributes) && sheet->evaluation->required_mode == MODE_STRICTEST) {
        buf_append(out, STR("strictest refuses requests that defensive lets through: look into the "
                            "access log first.\n"));
    }
    str tags = fix_tags_command(sheet->arena, &fix);
    append_command(out, "Set the tags, with values filled in, with:", tags);
}

static void append_iac(struct buf *out, const struct sheet *sheet) {
    const struct evaluation *evaluation = sheet->evaluation;
    bool is_raised = sheet->alert->kind != ALERT_FIGHT;
    enum desync_mode mode = is_raised ? sheet->mode : evaluation->required_mode;
    buf_append_char(out, '\n');
    if (is_raised) {
        buf_append(out, STR("What describes the load balancer must say so too, or else its next "
                            "deployment undoes this.\n"));
    }
    iac_fix_append(out, iac_tool_detect(&sheet->alert->writer),
                   mode == MODE_UNKNOWN ? MODE_DEFENSIVE : mode);
}

static const char *console_host(str partition) {
    static const struct {
        const char *partition;
        const char *host;
    } hosts[] = {{"aws", "console.aws.amazon.com"},
                 {"aws-cn", "console.amazonaws.cn"},
                 {"aws-us-gov", "console.amazonaws-us-gov.com"},
                 {"aws-eusc", "console.amazonaws-eusc.eu"}};
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        if (str_eq(partition, str_from_cstr(hosts[i].partition))) {
            return hosts[i].host;
        }
    }
    return NULL;
}

/* Of an ARN that was taken apart only: such a one holds nothing that ends a link. */
static void append_console(struct buf *out, const struct sheet *sheet) {
    const char *host = console_host(sheet->partition);
    str region = sheet->arn.region;
    if (host == NULL || str_is_empty(region)) {
        return;
    }
    buf_printf(out, "\nConsole: https://%" STR_FMT ".%s", STR_ARG(region), host);
    buf_printf(out, "/ec2/home?region=%" STR_FMT "#LoadBalancer:loadBalancerArn=%" STR_FMT "\n",
               STR_ARG(region), STR_ARG(sheet->evaluation->resource_id));
}

str alert_body(const struct sheet *sheet) {
    struct buf head;
    struct buf tail;
    buf_init(&head, sheet->arena, ALERT_BODY_BYTES_MAX);
    buf_init(&tail, sheet->arena, ALERT_BODY_BYTES_MAX);
    append_headline(&head, sheet);
    append_facts(&head, sheet);
    bool is_promotion = alert_is_about_promotion(sheet->alert->kind);
    if (is_about_writer(sheet->alert->kind) ||
        (is_promotion && sheet->alert->kind != ALERT_WATCH_ENDED)) {
        append_iac(&tail, sheet);
    }
    if (sheet->alert->kind != ALERT_RESOLVED && !is_promotion) {
        append_commands(&tail, sheet);
    }
    append_console(&tail, sheet);
    ASSERT(head.len + tail.len + 2 * MORE_BYTES_MAX <= ALERT_BODY_BYTES_MAX);
    append_findings(&head, sheet, ALERT_BODY_BYTES_MAX - tail.len);
    buf_append(&head, buf_str(&tail));
    ASSERT(buf_status(&head) == STATUS_OK);
    return buf_str(&head);
}
