/* SPDX-License-Identifier: Apache-2.0
 *
 * One line for the owner in the AWS Config console:
 *
 *   NON_COMPLIANT: monitor, requires defensive (internet-facing). Owner: team-a. Source: event.
 *   Why: MODE_TOO_WEAK, EXCEPTION_EXPIRED (2026-10-01).
 *   Set routing.http.desync_mitigation_mode to defensive. Advice: HEADERS_NOT_DROPPED.
 *
 * Config takes 256 characters. So the parts stand in the order in which they may be lost: the head
 * is bounded and always whole, the rest is cut from its end.
 */
#include "policy/plain_text.h"
#include "report/render.h"

#define ELLIPSIS "\xE2\x80\xA6" /* U+2026 */

/* Above these a part is no longer in the head, so that the head stays below 256 characters. */
#define BECAUSE_CHARACTERS_MAX 64
#define OWNER_CHARACTERS_MAX   40
/* Ample: 64 subjects of at most 64 characters of 4 bytes, the owner and the reason. */
#define TEXT_BYTES_MAX 65536

static str owner_text(struct arena *arena, const struct evaluation *evaluation) {
    str owner = plain_text(arena, evaluation->owner, ANNOTATION_CHARACTERS_MAX);
    if (!str_is_empty(owner)) {
        return owner;
    }
    return evaluation->compliance == COMPLIANCE_UNKNOWN ? STR("unknown") : STR("none");
}

static void append_modes(struct buf *out,
                         struct arena *arena,
                         const struct evaluation *evaluation) {
    if (evaluation->compliance == NOT_APPLICABLE) {
        buf_append(out, STR("no mode is required"));
        return;
    }
    buf_printf(out, "%s, requires ", mode_name(evaluation->mode));
    if (evaluation->required_mode == MODE_UNKNOWN) {
        buf_append(out, STR("an unknown mode"));
        return;
    }
    buf_printf(out, "%s", mode_name(evaluation->required_mode));
    str because = plain_text(arena, evaluation->required_because, 2 * BECAUSE_CHARACTERS_MAX);
    if (!str_is_empty(because) && str_utf8_count(because) <= BECAUSE_CHARACTERS_MAX) {
        buf_printf(out, " (%" STR_FMT ")", STR_ARG(because));
    }
}

static bool has_owner_in_head(const struct evaluation *evaluation, str owner) {
    return evaluation->compliance != NOT_APPLICABLE &&
           str_utf8_count(owner) <= OWNER_CHARACTERS_MAX;
}

static void append_head(struct buf *out,
                        struct arena *arena,
                        const struct evaluation *evaluation,
                        str owner) {
    buf_printf(out, "%s: ", compliance_name(evaluation->compliance));
    append_modes(out, arena, evaluation);
    if (has_owner_in_head(evaluation, owner)) {
        buf_printf(out, ". Owner: %" STR_FMT, STR_ARG(owner));
    }
    buf_printf(out, ". Source: %s", evaluation->source == SOURCE_LIVE ? "live" : "event");
}

/* An active exception is no fault, but it is why the verdict is what it is. */
static bool is_cause(const struct finding *finding) {
    return finding->is_failing || finding->id == FINDING_EXCEPTION_ACTIVE;
}

/* "MODE_TOO_WEAK, TAG_MISSING (Owner, Team)": findings of one id stand together. Returns false when
 * there is none of the kind; `label` goes before the first. */
static bool append_findings(struct buf *out,
                            struct arena *arena,
                            const struct evaluation *evaluation,
                            bool causes,
                            const char *label) {
    const struct finding *previous = NULL;
    bool is_open = false;
    for (size_t i = 0; i < evaluation->finding_count; i++) {
        const struct finding *finding = &evaluation->findings[i];
        if (is_cause(finding) != causes) {
            continue;
        }
        bool is_same = previous != NULL && previous->id == finding->id;
        if (!is_same) {
            buf_append(out, is_open ? STR(")") : STR_EMPTY);
            buf_append(out, previous == NULL ? str_from_cstr(label) : STR(", "));
            buf_append(out, str_from_cstr(finding_name(finding->id)));
            is_open = false;
        }
        /* one exception has one date, however many faults */
        bool is_repeated = previous != NULL && str_eq(previous->subject, finding->subject);
        str subject = plain_text_quote(arena, finding->subject);
        if (!str_is_empty(subject) && !is_repeated) {
            buf_printf(out, "%s%" STR_FMT, is_open ? ", " : " (", STR_ARG(subject));
            is_open = true;
        }
        previous = finding;
    }
    buf_append(out, is_open ? STR(")") : STR_EMPTY);
    return previous != NULL;
}

static void append_why(struct buf *out, struct arena *arena, const struct evaluation *evaluation) {
    str reason = plain_text(arena, evaluation->reason, ANNOTATION_CHARACTERS_MAX);
    if (str_ends_with(reason, STR("."))) {
        reason = str_slice(reason, 0, reason.len - 1);
    }
    if (!str_is_empty(reason)) {
        buf_printf(out, ". Why: %" STR_FMT, STR_ARG(reason));
    }
    const char *label = str_is_empty(reason) ? ". Why: " : ". Found: ";
    bool has_cause = append_findings(out, arena, evaluation, true, label);
    if (!has_cause && evaluation->compliance == COMPLIANT) {
        buf_append(out, STR(". Why: the mode is strict enough"));
    }
}

static bool is_too_weak(const struct evaluation *evaluation) {
    for (size_t i = 0; i < evaluation->finding_count; i++) {
        if (evaluation->findings[i].id == FINDING_MODE_TOO_WEAK) {
            return true;
        }
    }
    return false;
}

/* Everything that may be lost, the most important first. */
static void append_rest(struct buf *out,
                        struct arena *arena,
                        const struct evaluation *evaluation,
                        str owner) {
    str note = plain_text_quote(arena, evaluation->source_note);
    if (!str_is_empty(note)) {
        buf_printf(out, " (%" STR_FMT ")", STR_ARG(note));
    }
    append_why(out, arena, evaluation);
    if (!has_owner_in_head(evaluation, owner) && !str_is_empty(evaluation->owner)) {
        buf_printf(out, ". Owner: %" STR_FMT, STR_ARG(owner));
    }
    if (is_too_weak(evaluation)) {
        buf_printf(
            out, ". Set " ATTRIBUTE_DESYNC_MODE " to %s", mode_name(evaluation->required_mode));
    }
    (void)append_findings(out, arena, evaluation, false, ". Advice: ");
    buf_append_char(out, '.');
}

/* The longest beginning that ends before a blank and leaves room for the mark, but never less than
 * the head. */
static str shorten(struct arena *arena, str text, size_t head_len) {
    size_t end = str_utf8_prefix(text, ANNOTATION_CHARACTERS_MAX - 2 + 1).len;
    while (end > head_len && text.ptr[end - 1] != ' ') {
        end--;
    }
    str kept = str_trim(str_slice(text, 0, end));
    return str_format(arena, "%" STR_FMT " " ELLIPSIS, STR_ARG(kept));
}

str annotation_render(struct arena *arena, const struct evaluation *evaluation) {
    ASSERT(arena != NULL && evaluation != NULL);
    ASSERT(evaluation->finding_count <= FINDINGS_MAX);
    struct buf text;
    buf_init(&text, arena, TEXT_BYTES_MAX);
    str owner = owner_text(arena, evaluation);
    append_head(&text, arena, evaluation, owner);
    size_t head_len = text.len;
    append_rest(&text, arena, evaluation, owner);
    ASSERT(buf_status(&text) == STATUS_OK);
    ASSERT(str_utf8_count(str_slice(buf_str(&text), 0, head_len)) < ANNOTATION_CHARACTERS_MAX - 2);
    if (str_utf8_count(buf_str(&text)) <= ANNOTATION_CHARACTERS_MAX) {
        return str_copy(arena, buf_str(&text));
    }
    return shorten(arena, buf_str(&text), head_len);
}
