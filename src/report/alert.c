/* SPDX-License-Identifier: Apache-2.0
 *
 * An alert is read once into a context, then written as subject, attributes and body. Subjects, the
 * most important first: what, which load balancer, which mode.
 *
 *   Non-compliant: my-alb, mode monitor (requires defensive)
 *   Exception ends 2026-12-01: my-alb, mode monitor (requires defensive)
 *   Mode raised: my-alb, mode defensive (was monitor)
 *
 * The body, top down: what happened, the facts, what was found, how to fix it, where to look. It
 * holds at most ALERT_BODY_BYTES_MAX; all but the findings is bounded well below that, and of the
 * findings as many are printed as there is room for.
 */
#include "report/alert.h"

#include "alert_internal.h"
#include "base/buf.h"
#include "base/clock.h"
#include "fix_internal.h"
#include "policy/plain_text.h"

/* Outside text of one line; the whole of any real ARN. */
#define LINE_CHARACTERS_MAX 160
/* An account id has 12 digits, a Region fewer than 20 characters. */
#define ID_CHARACTERS_MAX 32
/* " - and 63 more" and its line end. */
#define MORE_BYTES_MAX         ((size_t)64)
#define MESSAGE_CHARACTERS_MAX 600

struct context {
    struct arena *arena;
    const struct alert *alert;
    const struct evaluation *evaluation;
    struct load_balancer_arn arn; /* all empty when the id is no such ARN */
    str name;                     /* printable ASCII */
    str account_id;               /* outside text, as are the next two; may be empty */
    str region;
    str partition;
    enum desync_mode mode;         /* now: after enforcement the one that was set */
    const struct finding *finding; /* what the alert is about; NULL: none */
    str exception_until;           /* YYYY-MM-DD of an existing day, or empty */
};

static const struct {
    const char *subject;
    /* The finding that the alert is about, when the evaluation has it; FINDING_COUNT, or when it
     * has not: the most severe one. */
    enum finding_id finding;
    bool is_promotion; /* about promotion and its watch, not about a judgement */
    bool has_writer;   /* about the one who changed the mode */
} kinds[] = {
    [ALERT_OPENED] = {"Non-compliant", FINDING_COUNT, false, false},
    [ALERT_RESOLVED] = {"Resolved", FINDING_COUNT, false, false},
    /* the exception that ended: else nobody would learn of its end */
    [ALERT_ENFORCED] = {"Mode raised", FINDING_EXCEPTION_EXPIRED, false, true},
    [ALERT_ESCALATED] = {"Non-compliant for too long", FINDING_NON_COMPLIANT_TOO_LONG, false,
                         false},
    [ALERT_EXCEPTION_EXPIRING] = {"Exception ends", FINDING_EXCEPTION_EXPIRING, false, false},
    [ALERT_EXCEPTION_EXPIRED] = {"Exception ended", FINDING_EXCEPTION_EXPIRED, false, false},
    [ALERT_FIGHT] = {"Changed back", FINDING_COUNT, false, true},
    [ALERT_FLAPPING] = {"Flapping", FINDING_COUNT, false, true},
    [ALERT_HELD] = {"Mode not raised", FINDING_COUNT, false, false},
    [ALERT_PROMOTED] = {"Promoted", FINDING_COUNT, true, false},
    [ALERT_ROLLED_BACK] = {"Promotion rolled back", FINDING_COUNT, true, false},
    [ALERT_WATCH_ENDED] = {"Watch ended", FINDING_COUNT, true, false},
    [ALERT_WATCH_BLIND] = {"Watch cannot look", FINDING_COUNT, true, false},
    [ALERT_CLIENTS_BLOCKED] = {"Clients blocked", FINDING_CLIENTS_BLOCKED, true, false},
};

static bool is_change(enum alert_kind kind) {
    return kind == ALERT_ENFORCED || kinds[kind].is_promotion;
}

/* After a change of ours the evaluation still holds the mode that was judged: the new one goes
 * first. */
static struct context read_context(struct arena *arena, const struct alert *alert) {
    const struct evaluation *evaluation = alert->evaluation;
    struct load_balancer_arn arn = load_balancer_arn_parts(evaluation->resource_id);
    const struct finding *finding = evaluation_finding(evaluation, kinds[alert->kind].finding);
    bool is_changed = is_change(alert->kind) && alert->changed_to != MODE_UNKNOWN;
    int64_t day;
    return (struct context){.arena = arena,
                            .alert = alert,
                            .evaluation = evaluation,
                            .arn = arn,
                            .name = load_balancer_name(arena, evaluation->resource_id),
                            .account_id = str_or(alert->account_id, arn.account_id),
                            .region = str_or(alert->region, arn.region),
                            .partition = str_or(alert->partition, arn.partition),
                            .mode = is_changed ? alert->changed_to : evaluation->mode,
                            .finding = finding == NULL ? finding_most_severe(evaluation) : finding,
                            .exception_until = date_parse(evaluation->exception_until, &day)
                                                   ? evaluation->exception_until
                                                   : STR_EMPTY};
}

/* --- subject and attributes ------------------------------------------------------------------- */

static str subject_words(const struct context *context) {
    const struct alert *alert = context->alert;
    const char *words = kinds[alert->kind].subject;
    if (alert->kind == ALERT_ESCALATED && alert->since_ms > 0) {
        str duration = alert_duration(context->arena, alert->now_ms - alert->since_ms);
        return str_format(context->arena, "Non-compliant for %" STR_FMT, STR_ARG(duration));
    }
    if (alert->kind == ALERT_EXCEPTION_EXPIRING || alert->kind == ALERT_EXCEPTION_EXPIRED) {
        str until = context->exception_until;
        return str_format(context->arena, "%s%s%" STR_FMT, words, until.len == 0 ? "" : " ",
                          STR_ARG(until));
    }
    if (alert->kind == ALERT_FIGHT) {
        return str_format(context->arena, "%s %d time%s", words, alert->corrections,
                          str_by_count((uint64_t)alert->corrections, "", "s"));
    }
    bool is_of_raise = alert->kind == ALERT_CLIENTS_BLOCKED && alert->changed_to == MODE_DEFENSIVE;
    return is_of_raise ? STR("Clients blocked or errors") : str_from_cstr(words);
}

/* An explanation of the mode; empty when it needs none. */
static str subject_detail(const struct context *context) {
    const struct evaluation *evaluation = context->evaluation;
    struct arena *arena = context->arena;
    if (evaluation->compliance == NOT_APPLICABLE) {
        return STR(" (no longer judged)");
    }
    if (is_change(context->alert->kind) && context->alert->changed_from != MODE_UNKNOWN) {
        return str_format(arena, " (was %s)", mode_name(context->alert->changed_from));
    }
    if (context->alert->kind == ALERT_WATCH_ENDED && context->alert->ending != WATCH_ENDING_NONE &&
        context->alert->ending != WATCH_ENDING_HELD) {
        return str_format(arena, " (%s)", watch_ending_name(context->alert->ending));
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

/* The detail goes first when there is no room: SNS refuses a subject of 100 characters, and a
 * message with it. */
static str subject(const struct context *context) {
    struct buf out;
    buf_init(&out, context->arena, ALERT_SUBJECT_BYTES_MAX);
    buf_append(&out, subject_words(context));
    buf_printf(&out, ": %" STR_FMT ", mode %s", STR_ARG(context->name), mode_name(context->mode));
    ASSERT(buf_status(&out) == STATUS_OK);
    size_t len = out.len;
    buf_append(&out, subject_detail(context));
    if (buf_status(&out) != STATUS_OK) {
        buf_rewind(&out, len);
    }
    return buf_str(&out);
}

static struct alert_attribute attribute(const struct context *context, const char *name, str value,
                                        const char *otherwise) {
    str text = plain_text(context->arena, value, ALERT_ATTRIBUTE_CHARACTERS_MAX);
    return (struct alert_attribute){name, str_or(text, str_from_cstr(otherwise))};
}

static void attributes(const struct context *context, struct alert_attribute *out) {
    const struct finding *finding = context->finding;
    const char *severity = finding == NULL ? NULL : severity_name(finding->severity);
    const char *id = finding == NULL ? NULL : finding_name(finding->id);
    if (context->alert->kind == ALERT_ESCALATED) {
        id = finding_name(FINDING_NON_COMPLIANT_TOO_LONG); /* of time, so no rule found it */
    }
    out[0] = attribute(context, "severity", str_from_cstr(severity), "none");
    out[1] = attribute(context, "owner", context->evaluation->owner, "none");
    out[2] = attribute(context, "finding", str_from_cstr(id), "none");
    out[3] = attribute(context, "mode", str_from_cstr(mode_name(context->mode)), "unknown");
    out[4] = attribute(context, "region", context->region, "unknown");
    out[5] = attribute(context, "account", context->account_id, "unknown");
}

/* --- body ------------------------------------------------------------------------------------- */

static void append_field(struct buf *out, const struct context *context, const char *label, str raw,
                         size_t characters_max) {
    str text = str_or(alert_line(context->arena, raw, characters_max), STR("unknown"));
    buf_printf(out, "%s: %" STR_FMT "\n", label, STR_ARG(text));
}

static void append_exception(struct buf *out, const struct context *context, const char *verb,
                             const char *consequence) {
    str until = context->exception_until;
    buf_printf(out, "The exception of the load balancer %" STR_FMT " %s%s%" STR_FMT ". %s\n",
               STR_ARG(context->name), verb, until.len == 0 ? "" : " on ", STR_ARG(until),
               consequence);
}

/* What evidence says of a raise is not why it was made. */
static void append_why(struct buf *out, const struct context *context, str raw, size_t max) {
    str why = alert_line(context->arena, raw, max);
    if (!str_is_empty(why)) {
        buf_printf(out, "%s: %" STR_FMT "\n",
                   context->alert->kind == ALERT_ENFORCED ? "Evidence" : "Why", STR_ARG(why));
    }
}

/* The watch over the promotion of a load balancer has ended ... */
static const char *ending_text(enum watch_ending ending) {
    return ending == WATCH_ENDING_HELD ? ": the promotion held."
           : ending == WATCH_ENDING_REVERTED
               ? ": somebody else has changed the mode (reverted).\n"
                 "desync-guard does not promote it again by itself. To have it promoted again, tag "
                 "it " PROMOTION_TAG "=retry; to keep it as it is, tag it " PROMOTION_TAG "=hold."
           : ending == WATCH_ENDING_INCONCLUSIVE
               ? " without a result (inconclusive): nobody knows whether clients are blocked.\n"
                 "If its access logs are on, `desync-guard logs` on them tells."
               : ".";
}

static void append_headline(struct buf *out, const struct context *context) {
    const struct alert *alert = context->alert;
    const char *name = str_to_cstr(context->arena, context->name);
    const char *from = mode_name(alert->changed_from);
    const char *to = mode_name(context->mode);
    bool has_expired = alert->kind == ALERT_EXCEPTION_EXPIRED;
    switch (alert->kind) {
    case ALERT_OPENED:
        buf_printf(out, "The load balancer %s is not compliant.\n", name);
        break;
    case ALERT_RESOLVED:
        buf_printf(out, "The load balancer %s is %s.\n", name,
                   context->evaluation->compliance == NOT_APPLICABLE ? "no longer judged"
                                                                     : "compliant again");
        append_why(out, context, context->evaluation->reason, LINE_CHARACTERS_MAX);
        break;
    case ALERT_ENFORCED:
        buf_printf(out,
                   "desync-guard raised the desync mitigation mode of the load balancer %s from %s "
                   "to %s.\n",
                   name, from, to);
        has_expired = context->finding != NULL && context->finding->id == FINDING_EXCEPTION_EXPIRED;
        break;
    case ALERT_ESCALATED:
        buf_printf(out, "The load balancer %s has been non-compliant for too long.\n", name);
        break;
    case ALERT_EXCEPTION_EXPIRING:
        append_exception(out, context, "ends", "After that its mode counts as too weak.");
        break;
    case ALERT_EXCEPTION_EXPIRED:
        break;
    case ALERT_FIGHT:
        alert_append_fight(out, name, alert->corrections);
        break;
    case ALERT_FLAPPING:
        alert_append_flapping(out, name);
        break;
    case ALERT_HELD:
        alert_append_held(out, name, to);
        break;
    case ALERT_PROMOTED:
        buf_printf(out,
                   "desync-guard raised the desync mitigation mode of the load balancer %s from %s "
                   "to %s, as the evidence allows. desync-guard watches it now, and rolls it back "
                   "if errors rise.\n",
                   name, from, to);
        break;
    case ALERT_ROLLED_BACK:
        buf_printf(out,
                   "desync-guard set the desync mitigation mode of the load balancer %s back from "
                   "%s to %s.\n",
                   name, from, to);
        break;
    case ALERT_WATCH_ENDED:
        buf_printf(out, "The watch over the promotion of the load balancer %s has ended%s\n", name,
                   ending_text(alert->ending));
        break;
    case ALERT_WATCH_BLIND:
        alert_append_watch_blind(out, name);
        break;
    case ALERT_CLIENTS_BLOCKED:
        alert_append_clients_blocked(out, name, alert->changed_to == MODE_DEFENSIVE);
        break;
    }
    if (has_expired) {
        append_exception(out, context, "ended", "It no longer excuses the mode.");
    }
    append_why(out, context, alert->note, MESSAGE_CHARACTERS_MAX);
}

static void append_mode(struct buf *out, const struct context *context) {
    const struct evaluation *evaluation = context->evaluation;
    buf_printf(out, "Mode: %s", mode_name(context->mode));
    if (evaluation->required_mode != MODE_UNKNOWN) {
        buf_printf(out, ", requires %s", mode_name(evaluation->required_mode));
    }
    str because = alert_line(context->arena, evaluation->required_because, PLAIN_TEXT_QUOTE_MAX);
    if (!str_is_empty(because)) {
        buf_printf(out, " (%" STR_FMT ")", STR_ARG(because));
    }
    buf_append_char(out, '\n');
}

static void append_since(struct buf *out, const struct context *context) {
    const struct alert *alert = context->alert;
    if (alert->kind == ALERT_EXCEPTION_EXPIRING || kinds[alert->kind].is_promotion) {
        return; /* it is compliant still, or that is not what this is about */
    }
    bool is_over = context->evaluation->compliance != NON_COMPLIANT ||
                   alert->kind == ALERT_RESOLVED || alert->kind == ALERT_ENFORCED;
    buf_append(out, is_over ? STR("Was not compliant since: ") : STR("Not compliant since: "));
    if (alert->since_ms <= 0) {
        buf_append(out, STR("unknown\n"));
        return;
    }
    str since = alert_moment(context->arena, alert->since_ms);
    str duration = alert_duration(context->arena, alert->now_ms - alert->since_ms);
    buf_printf(out, "%" STR_FMT " (%" STR_FMT ")\n", STR_ARG(since), STR_ARG(duration));
}

static void append_writer(struct buf *out, const struct context *context) {
    const struct writer *writer = &context->alert->writer;
    append_field(out, context, "Last changed by", writer->arn, LINE_CHARACTERS_MAX);
    if (!str_is_empty(writer->user_agent)) {
        append_field(out, context, "  with", writer->user_agent, LINE_CHARACTERS_MAX);
    }
    if (!str_is_empty(writer->invoked_by)) {
        append_field(out, context, "  through", writer->invoked_by, LINE_CHARACTERS_MAX);
    }
}

static void append_facts(struct buf *out, const struct context *context) {
    str owner = plain_text(context->arena, context->evaluation->owner, LINE_CHARACTERS_MAX);
    buf_append_char(out, '\n');
    append_field(out, context, "Load balancer", context->evaluation->resource_id,
                 LINE_CHARACTERS_MAX);
    append_field(out, context, "Account", context->account_id, ID_CHARACTERS_MAX);
    append_field(out, context, "Region", context->region, ID_CHARACTERS_MAX);
    append_mode(out, context);
    append_field(out, context, "Owner", str_or(owner, STR("none")), LINE_CHARACTERS_MAX);
    append_since(out, context);
    if (kinds[context->alert->kind].has_writer) {
        append_writer(out, context);
    }
}

static void append_findings(struct buf *out, const struct context *context, size_t bytes_max) {
    const struct evaluation *evaluation = context->evaluation;
    if (evaluation->finding_count == 0) {
        return;
    }
    bool is_before = context->alert->kind == ALERT_ENFORCED;
    buf_append(out, is_before ? STR("\nFound before that:\n") : STR("\nFound:\n"));
    for (size_t i = 0; i < evaluation->finding_count; i++) {
        const struct finding *finding = &evaluation->findings[i];
        str message = alert_line(context->arena, finding->message, MESSAGE_CHARACTERS_MAX);
        str line =
            str_format(context->arena, "- %s %s: %" STR_FMT "\n", severity_name(finding->severity),
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

static void append_commands(struct buf *out, const struct context *context) {
    struct fix fix = {context->evaluation, context->region, context->mode};
    str attributes = fix_attributes_command(context->arena, &fix);
    append_command(out, "Fix it with:", attributes);
    if (!str_is_empty(attributes) && context->evaluation->required_mode == MODE_STRICTEST) {
        buf_append(out, STR("strictest refuses requests that defensive lets through: look into the "
                            "access log first.\n"));
    }
    str tags = fix_tags_command(context->arena, &fix);
    append_command(out, "Set the tags, with values filled in, with:", tags);
}

/* Where the mode is to be changed, if something else writes it. */
static void append_managed(struct buf *out, const struct context *context) {
    const struct evaluation *evaluation = context->evaluation;
    enum desync_mode mode =
        context->mode > evaluation->required_mode ? context->mode : evaluation->required_mode;
    bool is_due = is_change(context->alert->kind) || context->mode < evaluation->required_mode;
    if (evaluation->management.manager != MANAGER_NONE && is_due) {
        buf_append_char(out, '\n');
        managed_fix_append(out, &evaluation->management,
                           mode == MODE_UNKNOWN ? MODE_DEFENSIVE : mode, context->arena);
    }
}

static void append_iac(struct buf *out, const struct context *context) {
    const struct evaluation *evaluation = context->evaluation;
    enum alert_kind kind = context->alert->kind;
    bool is_raised = kind != ALERT_FIGHT && kind != ALERT_FLAPPING;
    enum desync_mode mode = is_raised ? context->mode : evaluation->required_mode;
    buf_append_char(out, '\n');
    if (is_raised) {
        buf_append(out,
                   STR("The next deployment undoes this, unless the code that describes the load "
                       "balancer sets the same mode.\n"));
    }
    iac_fix_append(out, iac_tool_detect(&context->alert->writer),
                   mode == MODE_UNKNOWN ? MODE_DEFENSIVE : mode);
}

/* Of an ARN that was taken apart only: such a one holds nothing that ends a link. */
static void append_console(struct buf *out, const struct context *context) {
    static const struct {
        const char *partition;
        const char *host;
    } hosts[] = {{"aws", "console.aws.amazon.com"},
                 {"aws-cn", "console.amazonaws.cn"},
                 {"aws-us-gov", "console.amazonaws-us-gov.com"},
                 {"aws-eusc", "console.amazonaws-eusc.eu"}};
    str region = context->arn.region;
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        if (str_eq(context->partition, str_from_cstr(hosts[i].partition)) && region.len > 0) {
            buf_printf(out,
                       "\nConsole: https://%" STR_FMT ".%s/ec2/home?region=%" STR_FMT
                       "#LoadBalancer:loadBalancerArn=%" STR_FMT "\n",
                       STR_ARG(region), hosts[i].host, STR_ARG(region),
                       STR_ARG(context->evaluation->resource_id));
        }
    }
}

/* Of an ARN that was taken apart only, whose name and Region no shell takes for anything else. */
static void append_explain(struct buf *out, const struct context *context) {
    const struct load_balancer_arn *arn = &context->arn;
    if (!str_is_empty(arn->name) && !arn->is_classic &&
        context->evaluation->compliance != NOT_APPLICABLE) {
        buf_printf(out,
                   "\nEverything about it:\ndesync-guard explain %" STR_FMT " --region %" STR_FMT
                   "\n",
                   STR_ARG(arn->name), STR_ARG(arn->region));
    }
}

/* The parts of a body. Head and tail are bounded; the findings get the room between them.
 *
 *   head      headline, facts                  always
 *   findings  as many as fit, "and n more"     where there are any
 *   tail      infrastructure as code           has_writer, and promotions but for ALERT_WATCH_ENDED
 *             commands                         not of ALERT_RESOLVED and promotions
 *             `explain`                        unless it is no longer judged
 *             console                          where the partition's console is known
 */
static str body(const struct context *context) {
    enum alert_kind kind = context->alert->kind;
    bool is_promotion = kinds[kind].is_promotion;
    struct buf head;
    struct buf tail;
    buf_init(&head, context->arena, ALERT_BODY_BYTES_MAX);
    buf_init(&tail, context->arena, ALERT_BODY_BYTES_MAX);
    append_headline(&head, context);
    append_facts(&head, context);
    append_managed(&tail, context);
    if (kinds[kind].has_writer || (is_promotion && kind < ALERT_WATCH_ENDED)) {
        append_iac(&tail, context);
    }
    if (kind != ALERT_RESOLVED && kind != ALERT_HELD && !is_promotion) {
        append_commands(&tail, context);
    }
    append_explain(&tail, context);
    append_console(&tail, context);
    ASSERT(head.len + tail.len + 2 * MORE_BYTES_MAX <= ALERT_BODY_BYTES_MAX);
    append_findings(&head, context, ALERT_BODY_BYTES_MAX - tail.len);
    buf_append(&head, buf_str(&tail));
    ASSERT(buf_status(&head) == STATUS_OK);
    return buf_str(&head);
}

void alert_render(struct arena *arena, const struct alert *alert, struct alert_text *text_out) {
    ASSERT(arena != NULL && alert != NULL && alert->evaluation != NULL && text_out != NULL);
    ASSERT(alert->evaluation->finding_count <= FINDINGS_MAX);
    struct context context = read_context(arena, alert);
    *text_out = (struct alert_text){.subject = subject(&context), .body = body(&context)};
    attributes(&context, text_out->attributes);
}
