/* SPDX-License-Identifier: Apache-2.0
 *
 * The screen: a heading in the left column, text that is wrapped beside it, and code that can be
 * copied as it stands.
 *
 *   Verdict     NON_COMPLIANT: mode monitor, requires defensive (minimum); grade F
 *   Findings    HIGH MODE_TOO_WEAK: The desync mitigation mode is monitor, but at
 *                 least defensive is required
 */
#include "explain_internal.h"

#include <stdarg.h>

#include "alert_internal.h"
#include "base/escape.h"
#include "report/next_step.h"
#include "report/text_width.h"

#define HEADING_COLUMNS ((size_t)12)
#define WRAPPED_COLUMNS ((size_t)14)
#define CODE_COLUMNS    ((size_t)4)
#define COLUMNS_MIN     ((size_t)40)

struct screen {
    struct buf *out;
    struct arena *arena;
    const struct explanation *explanation;
    size_t width;
};

/* The lines after the first stand further right, so that outside text which is wrapped cannot look
 * like a line of ours. */
static void put(const struct screen *screen, const char *heading, str text) {
    str rest = escape_text(screen->arena, text);
    text_pad(screen->out, str_from_cstr(heading), HEADING_COLUMNS);
    buf_append(screen->out, text_take_line(&rest, screen->width - HEADING_COLUMNS));
    while (!str_is_empty(rest)) {
        buf_append_char(screen->out, '\n');
        text_pad(screen->out, STR_EMPTY, WRAPPED_COLUMNS);
        buf_append(screen->out, text_take_line(&rest, screen->width - WRAPPED_COLUMNS));
    }
    buf_append_char(screen->out, '\n');
}

__attribute__((format(printf, 3, 4))) static void putf(const struct screen *screen,
                                                       const char *heading, const char *format,
                                                       ...) {
    va_list arguments;
    va_start(arguments, format);
    str text = str_format_va(screen->arena, format, arguments);
    va_end(arguments);
    put(screen, heading, text);
}

/* --- facts ----------------------------------------------------------------------------------- */

static const char *by(enum tristate value, const char *yes, const char *no, const char *unknown) {
    return value == YES ? yes : value == NO ? no : unknown;
}

static void put_tags(const struct screen *screen) {
    const struct tag *tags;
    size_t count = explain_tags(screen->arena, screen->explanation, &tags);
    if (!screen->explanation->facts->has_tags || count == 0) {
        put(screen, "Tags",
            screen->explanation->facts->has_tags ? STR("none that matters here") : STR("unknown"));
    }
    for (size_t i = 0; i < count; i++) {
        putf(screen, i == 0 ? "Tags" : "", "%" STR_FMT "=%" STR_FMT, STR_ARG(tags[i].key),
             STR_ARG(tags[i].value));
    }
}

static void put_attributes(const struct screen *screen) {
    const struct load_balancer *facts = screen->explanation->facts;
    const struct evaluation *evaluation = screen->explanation->evaluation;
    const struct management *management = &evaluation->management;
    putf(screen, "Mode", "%s%s%" STR_FMT, mode_name(facts->mode),
         str_is_empty(facts->mode_text) ? "" : ": found ", STR_ARG(facts->mode_text));
    put(screen, "Headers",
        str_from_cstr(by(facts->drops_invalid_headers,
                         "header fields that are not valid are dropped",
                         "header fields that are not valid are not dropped", "unknown")));
    putf(screen, "Access logs", "%s%" STR_FMT,
         by(facts->writes_logs, "written to the bucket ", "not written", "unknown"),
         STR_ARG(facts->writes_logs == YES ? facts->logs_bucket : STR_EMPTY));
    if (management->manager != MANAGER_NONE) {
        put(screen, "Managed by", management_owner(management, screen->arena));
    }
    put_tags(screen);
    put(screen, "Owner", str_or(evaluation->owner, facts->has_tags ? STR("none") : STR("unknown")));
}

static void put_identity(const struct screen *screen) {
    const struct load_balancer *facts = screen->explanation->facts;
    const struct load_balancer_arn parts = load_balancer_arn_parts(facts->arn);
    put(screen, "Name", str_or(facts->name, parts.name));
    put(screen, "ARN", facts->arn);
    putf(screen, "Account", "%" STR_FMT ", %" STR_FMT, STR_ARG(parts.account_id),
         STR_ARG(parts.region));
    putf(screen, "Type", "%s, %s", load_balancer_type_name(facts->type),
         scheme_name(facts->scheme));
}

/* --- verdict --------------------------------------------------------------------------------- */

static void put_verdict(const struct screen *screen) {
    const struct evaluation *evaluation = screen->explanation->evaluation;
    const char *name = compliance_name(evaluation->compliance);
    if (!str_is_empty(evaluation->reason)) {
        putf(screen, "Verdict", "%s: %" STR_FMT, name, STR_ARG(evaluation->reason));
    } else {
        putf(screen, "Verdict", "%s: mode %s, requires %s (%" STR_FMT ")%s; grade %c", name,
             mode_name(evaluation->mode), mode_name(evaluation->required_mode),
             STR_ARG(evaluation->required_because),
             evaluation->has_active_exception ? ", excused by an exception" : "",
             evaluation->grade == '\0' ? '-' : evaluation->grade);
    }
    for (size_t i = 0; i < evaluation->finding_count; i++) {
        const struct finding *finding = &evaluation->findings[i];
        putf(screen, i == 0 ? "Findings" : "", "%s %s: %" STR_FMT,
             finding->is_failing ? severity_name(finding->severity) : "advice",
             finding_name(finding->id), STR_ARG(finding->message));
    }
}

static str days_text(struct arena *arena, const struct explained_exception *exception) {
    int64_t days = exception->days_left;
    long long count = (long long)(days < 0 ? -days : days);
    const char *s = count == 1 ? "" : "s";
    return !exception->has_days ? STR_EMPTY
           : days < 0           ? str_format(arena, ", ended %lld day%s ago", count, s)
           : days == 0          ? STR(", today is the last day")
                                : str_format(arena, ", %lld day%s left", count, s);
}

static void put_exception(const struct screen *screen) {
    struct explained_exception exception;
    if (!explain_exception(screen->arena, screen->explanation, &exception)) {
        put(screen, "Exception",
            screen->explanation->facts->has_tags ? STR("none") : STR("unknown"));
        return;
    }
    putf(screen, "Exception", "%s: until %" STR_FMT "%" STR_FMT,
         exception_state_name(exception.state), STR_ARG(str_or(exception.until, STR("(not said)"))),
         STR_ARG(days_text(screen->arena, &exception)));
    putf(screen, "", "reason: %" STR_FMT, STR_ARG(str_or(exception.reason, STR("(none)"))));
    putf(screen, "", "approver: %" STR_FMT, STR_ARG(str_or(exception.approver, STR("(none)"))));
}

static void put_evidence(const struct screen *screen) {
    const struct advice *advice = screen->explanation->evaluation->advice;
    if (advice == NULL) {
        put(screen, "Evidence", explain_no_evidence(screen->explanation));
        return;
    }
    putf(screen, "Evidence", "%s: %" STR_FMT, recommendation_name(advice->recommendation),
         STR_ARG(advice->reason));
}

/* --- what would be done ---------------------------------------------------------------------- */

static void put_part(const struct screen *screen, const char *label, str text) {
    if (!str_is_empty(text)) {
        putf(screen, "", "%s: %" STR_FMT, label, STR_ARG(text));
    }
}

static bool is_as_above(const struct screen *screen, const struct plan_entry *entry) {
    const struct advice *advice = screen->explanation->evaluation->advice;
    return advice != NULL && str_eq(entry->prospect.waits_for, advice->reason);
}

/* The reason of an entry with advice is that of the evidence above. */
static void put_plan(const struct screen *screen) {
    const struct plan *plan = screen->explanation->plan;
    if (plan->count == 0) {
        put(screen, "Plan", STR("nothing would be changed"));
    }
    for (size_t i = 0; i < plan->count; i++) {
        const struct plan_entry *entry = &plan->entries[i];
        const struct action *action = &entry->action;
        bool is_planned = action->status == ACTION_PLANNED;
        str when =
            is_planned ? plan_when_text(screen->arena, plan->now_ms, &entry->prospect) : STR_EMPTY;
        putf(screen, i == 0 ? "Plan" : "", "%s: %s, %" STR_FMT " -> %" STR_FMT "%s%" STR_FMT,
             action_status_name(action->status), action_kind_name(action->action),
             STR_ARG(action->from), STR_ARG(action->to), is_planned ? ", " : "", STR_ARG(when));
        put_part(screen, "why", entry->advice == NULL ? action->reason : STR_EMPTY);
        put_part(screen, "stops it",
                 is_as_above(screen, entry) ? STR("the evidence, see above")
                                            : entry->prospect.waits_for);
        put_part(screen, "say no", entry->prospect.say_no);
    }
}

/* --- history --------------------------------------------------------------------------------- */

static void put_change(const struct screen *screen, const struct posture_change *change) {
    struct arena *arena = screen->arena;
    putf(screen, "", "%" STR_FMT ": %s, %s -> %s%s%" STR_FMT,
         STR_ARG(alert_moment(arena, change->at_ms)), action_kind_name(change->action),
         mode_name(change->from), mode_name(change->to), str_is_empty(change->why) ? "" : ": ",
         STR_ARG(change->why));
    if (change->watch == WATCH_STATE_OPEN) {
        put(screen, "", STR("  it is being watched"));
    } else if (change->ending != WATCH_ENDING_NONE) {
        putf(screen, "", "  its watch ended: %s%s%" STR_FMT, watch_ending_name(change->ending),
             str_is_empty(change->ending_reason) ? "" : ": ", STR_ARG(change->ending_reason));
    }
}

static void put_incidents(const struct screen *screen) {
    const struct explanation *explanation = screen->explanation;
    struct arena *arena = screen->arena;
    int64_t since_ms = explanation->state.since_ms;
    if (since_ms != 0) {
        putf(screen, "History", "non-compliant since %" STR_FMT " (%" STR_FMT ")",
             STR_ARG(alert_moment(arena, since_ms)),
             STR_ARG(alert_duration(arena, explanation->now_ms - since_ms)));
    } else {
        put(screen, "History",
            explanation->state.has_verdict ? STR("no incident is open")
                                           : STR("it was not judged yet with this table"));
    }
    for (size_t i = 0; i < explanation->incident_count; i++) {
        const struct posture_incident *incident = &explanation->incidents[i];
        if (incident->closed_ms != 0) {
            putf(screen, "", "%" STR_FMT " to %" STR_FMT ": %" STR_FMT,
                 STR_ARG(alert_moment(arena, incident->opened_ms)),
                 STR_ARG(alert_moment(arena, incident->closed_ms)), STR_ARG(incident->findings));
        }
    }
}

static void put_history(const struct screen *screen) {
    const struct explanation *explanation = screen->explanation;
    str alerts[EXPLAINED_ALERTS_MAX];
    size_t alert_count = explain_alerts(screen->arena, explanation, alerts);
    if (!explanation->has_history) {
        put(screen, "History",
            explanation->has_table
                ? STR("unknown")
                : STR("none: it needs STATE_TABLE, the name of the table of the function"));
        return;
    }
    put_incidents(screen);
    for (size_t i = 0; i < explanation->change_count; i++) {
        put_change(screen, &explanation->changes[i]);
    }
    put_part(screen, "last changed from outside by", explanation->writer.arn);
    for (size_t i = 0; i < alert_count; i++) {
        put_part(screen, "alerts", alerts[i]);
    }
}

/* --- the fix --------------------------------------------------------------------------------- */

/* The next word of a command; blanks in quotes end none. */
static str take_word(str *rest) {
    bool is_quoted = false;
    size_t len = 0;
    while (len < rest->len && (is_quoted || rest->ptr[len] != ' ')) {
        len += rest->ptr[len] == '\\' && !is_quoted && len + 1 < rest->len ? 1 : 0;
        is_quoted = rest->ptr[len] == '\'' && (len == 0 || rest->ptr[len - 1] != '\\' || is_quoted)
                        ? !is_quoted
                        : is_quoted;
        len++;
    }
    str word = str_slice(*rest, 0, len);
    *rest = str_trim(str_slice(*rest, len, rest->len));
    return word;
}

static bool fits(const struct screen *screen, size_t used, size_t width) {
    return used + width + 2 <= screen->width; /* and " \\" behind it */
}

/* A word that is longer than a line begins in the first column, and a backslash ends each line of
 * it: a shell then joins them to one word. Returns the columns that its last line takes. */
static size_t put_long_word(const struct screen *screen, str word) {
    while (text_width(word) + 2 > screen->width) {
        buf_append(screen->out, text_take_line(&word, screen->width - 1));
        buf_append(screen->out, STR("\\\n"));
    }
    buf_append(screen->out, word);
    return screen->width; /* the next word goes to a line of its own */
}

/* A line ends before an option whose value would not fit behind it. In quotes nothing is broken. */
static void put_command(const struct screen *screen, str command) {
    struct buf *out = screen->out;
    size_t used = CODE_COLUMNS;
    str rest = command;
    str word = take_word(&rest);
    buf_printf(out, "    %" STR_FMT, STR_ARG(word));
    used += text_width(word);
    while (!str_is_empty(rest)) {
        word = take_word(&rest);
        str after = rest;
        size_t width = text_width(word);
        size_t value = str_starts_with(word, STR("--")) ? 1 + text_width(take_word(&after)) : 0;
        bool is_long =
            !fits(screen, 2 * CODE_COLUMNS, width) && str_find_char(word, '\'') == word.len;
        bool has_room =
            fits(screen, used + 1, width + value) ||
            (fits(screen, used + 1, width) && !fits(screen, 2 * CODE_COLUMNS, width + value));
        if (is_long) {
            buf_append(out, STR(" \\\n"));
            used = put_long_word(screen, word);
            continue;
        }
        buf_append(out, has_room ? STR(" ") : STR(" \\\n        "));
        buf_append(out, word);
        used = (has_room ? used + 1 : 2 * CODE_COLUMNS) + width;
    }
    buf_append_char(out, '\n');
}

static void put_code(const struct screen *screen, str code) {
    str rest = code;
    while (rest.ptr != NULL && !str_is_empty(rest)) {
        str line = str_split(&rest, '\n');
        if (str_starts_with(line, STR("aws "))) {
            put_command(screen, line);
        } else {
            buf_printf(screen->out, "    %" STR_FMT "\n", STR_ARG(line));
        }
    }
}

static void put_fixes(const struct screen *screen) {
    struct tool_fixes *fixes = ARENA_NEW(screen->arena, struct tool_fixes);
    explain_find_fixes(screen->arena, screen->explanation, fixes);
    if (fixes->count == 0) {
        put(screen, "Fix", fixes->note);
        return;
    }
    const struct evaluation *evaluation = screen->explanation->evaluation;
    putf(screen, "Fix", "%s%s%s; where it is described",
         fixes->to == MODE_UNKNOWN ? "the mode stays" : "sets the mode to ",
         fixes->to == MODE_UNKNOWN ? "" : mode_name(fixes->to),
         fixes->to == MODE_UNKNOWN               ? ""
         : fixes->to > evaluation->required_mode ? ", as the evidence allows"
         : fixes->to < evaluation->required_mode ? ", the next step towards strictest"
                                                 : "");
    for (size_t i = 0; i < fixes->count; i++) {
        const struct tool_fix *fix = &fixes->items[i];
        str rest =
            escape_text(screen->arena,
                        str_format(screen->arena, "%s%s%" STR_FMT ":", fix->name,
                                   str_is_empty(fix->place) ? "" : ", in ", STR_ARG(fix->place)));
        while (!str_is_empty(rest)) {
            str line = text_take_line(&rest, screen->width - 2);
            buf_printf(screen->out, "  %" STR_FMT "\n", STR_ARG(line));
        }
        put_code(screen, fix->code);
    }
    if (!str_is_empty(fixes->note)) {
        put(screen, "", fixes->note);
    }
}

/* Each with what helps. */
static void put_gaps(const struct screen *screen) {
    const struct explanation *explanation = screen->explanation;
    for (size_t i = 0; i < explanation->gap_count; i++) {
        putf(screen, i == 0 ? "Unknown" : "", "%s: %" STR_FMT, explanation->gaps[i].part,
             STR_ARG(explanation->gaps[i].why));
        put_part(screen, "next", next_step(screen->arena, explanation->gaps[i].why));
    }
}

void explain_write_text(struct buf *out, struct arena *arena, const struct explanation *explanation,
                        size_t width) {
    ASSERT(out != NULL && arena != NULL && explanation != NULL);
    const struct screen screen = {out, arena, explanation,
                                  width < COLUMNS_MIN ? COLUMNS_MIN : width};
    bool is_judged = explanation->evaluation->compliance != NOT_APPLICABLE;
    put_identity(&screen);
    if (is_judged) {
        put_attributes(&screen);
    }
    put_verdict(&screen);
    if (is_judged) {
        put_exception(&screen);
        put_evidence(&screen);
        put_plan(&screen);
    }
    put_history(&screen);
    if (is_judged) {
        put_fixes(&screen);
    }
    put_gaps(&screen);
}
