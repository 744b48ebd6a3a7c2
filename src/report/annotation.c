/* SPDX-License-Identifier: Apache-2.0
 *
 * One line for the owner in the AWS Config console:
 *
 *   NON_COMPLIANT: monitor, requires defensive (internet-facing). Owner: team-a. Source: event.
 *   Why: MODE_TOO_WEAK, EXCEPTION_EXPIRED (2026-10-01).
 *   Set routing.http.desync_mitigation_mode to defensive. Advice: HEADERS_NOT_DROPPED.
 *
 * Config takes 256 characters. So the parts stand in the order in which they may be lost: the head
 * (to the source) and the id of the first finding are bounded and always there, the rest is cut
 * from its end. Nothing is cut inside a word: a subject that would be is left out, an owner is cut
 * at a blank, else after a character that joins words ("payments@..."), else is "see tags".
 */
#include "policy/plain_text.h"
#include "report/render.h"

#define ELLIPSIS "\xE2\x80\xA6" /* U+2026 */

/* What joins words where there is no blank; not the underscore, which is within a word. */
#define JOINTS "@./:,;+=|-"

/* Of the parts of the head, so that it is never longer than 15 + 29 + 43 + 73 + 15 characters. */
#define BECAUSE_CHARACTERS_MAX 40 /* a longer one is left out: "profile " and 32 do fit */
#define OWNER_CHARACTERS_MAX   64
/* What is cut ends in a blank and the ellipsis. */
#define UNCUT_CHARACTERS_MAX (ANNOTATION_CHARACTERS_MAX - 2)
/* Kept free for the first finding: ". Found: NON_COMPLIANT_TOO_LONG,", ". Why: the mode is ...". */
#define FIRST_FINDING_CHARACTERS_MAX 32
/* Ample: 64 subjects of at most 64 characters of 4 bytes, the owner and the reason. */
#define TEXT_BYTES_MAX 65536

/* An owner without a blank where it could be cut: an address, an ARN, a path. */
static str shorten_at_joint(struct arena *arena, str owner) {
    size_t end = str_utf8_prefix(owner, OWNER_CHARACTERS_MAX - 1).len;
    while (end > 0 && str_find_char(STR(JOINTS), owner.ptr[end - 1]) == STR(JOINTS).len) {
        end--;
    }
    return end == 0 ? STR("see tags")
                    : str_format(arena, "%" STR_FMT ELLIPSIS, STR_ARG(str_slice(owner, 0, end)));
}

static str owner_text(struct arena *arena, const struct evaluation *evaluation) {
    str owner = plain_text(arena, evaluation->owner, PLAIN_TEXT_SUBJECT_MAX);
    if (str_is_empty(owner)) {
        /* of what is not judged, the tags may never have been read */
        bool is_judged =
            evaluation->compliance == COMPLIANT || evaluation->compliance == NON_COMPLIANT;
        return is_judged ? STR("none") : STR("unknown");
    }
    if (str_utf8_count(owner) <= OWNER_CHARACTERS_MAX) {
        return owner;
    }
    str words = plain_text_words(arena, owner, OWNER_CHARACTERS_MAX);
    return str_is_empty(words) ? shorten_at_joint(arena, owner) : words;
}

static void append_modes(struct buf *out, struct arena *arena,
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

static void append_head(struct buf *out, struct arena *arena, const struct evaluation *evaluation) {
    str owner = owner_text(arena, evaluation);
    buf_printf(out, "%s: ", compliance_name(evaluation->compliance));
    append_modes(out, arena, evaluation);
    buf_printf(out, ". Owner: %" STR_FMT, STR_ARG(owner));
    buf_printf(out, ". Source: %s", evaluation->source == SOURCE_LIVE ? "live" : "event");
}

/* Characters that may follow what is written, with `label`, so that the first finding still fits
 * behind them. Counted in characters, not bytes: Config's limit is on characters, and owners have
 * any script. */
static size_t room_for(const struct buf *out, str label) {
    size_t taken = str_utf8_count(buf_str(out)) + label.len + FIRST_FINDING_CHARACTERS_MAX;
    return taken < UNCUT_CHARACTERS_MAX ? UNCUT_CHARACTERS_MAX - taken : 0;
}

/* Why it was read live; the reason of the verdict goes first. */
static void append_note(struct buf *out, struct arena *arena, const struct evaluation *evaluation) {
    str reason = plain_text(arena, evaluation->reason, ANNOTATION_CHARACTERS_MAX);
    size_t room = room_for(out, STR(" (). Why: "));
    size_t wanted = str_utf8_count(reason);
    if (room <= wanted) {
        return;
    }
    room = room - wanted < PLAIN_TEXT_QUOTE_MAX ? room - wanted : PLAIN_TEXT_QUOTE_MAX;
    str note = plain_text_words(arena, evaluation->source_note, room);
    if (!str_is_empty(note)) {
        buf_printf(out, " (%" STR_FMT ")", STR_ARG(note));
    }
}

/* An active exception is no fault, but it is why the verdict is what it is. */
static bool is_cause(const struct finding *finding) {
    return finding->is_failing || finding->id == FINDING_EXCEPTION_ACTIVE;
}

/* "MODE_TOO_WEAK, TAG_MISSING (Owner, Team)": findings of one id stand together. Returns false when
 * there is none of the kind; `label` goes before the first. */
static bool append_findings(struct buf *out, struct arena *arena,
                            const struct evaluation *evaluation, bool causes, const char *label) {
    const struct finding *previous = NULL;
    bool is_open = false;
    for (size_t i = 0; i < evaluation->finding_count; i++) {
        const struct finding *finding = &evaluation->findings[i];
        bool is_age = !causes && finding->id == FINDING_NON_COMPLIANT_TOO_LONG;
        if (is_age || is_cause(finding) != causes) {
            continue; /* the annotation says what was judged, which the age is not */
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
        str subject = plain_text_words(arena, finding->subject, PLAIN_TEXT_QUOTE_MAX);
        if (!str_is_empty(subject) && !is_repeated) {
            buf_printf(out, "%s%" STR_FMT, is_open ? ", " : " (", STR_ARG(subject));
            is_open = true;
        }
        previous = finding;
    }
    buf_append(out, is_open ? STR(")") : STR_EMPTY);
    return previous != NULL;
}

/* The reason, shortened when a finding must fit behind it. */
static str reason_text(const struct buf *out, struct arena *arena,
                       const struct evaluation *evaluation) {
    size_t room = room_for(out, STR(". Why: "));
    for (size_t i = 0; i < evaluation->finding_count; i++) {
        if (is_cause(&evaluation->findings[i])) {
            return room == 0 ? STR_EMPTY : plain_text_words(arena, evaluation->reason, room);
        }
    }
    return plain_text(arena, evaluation->reason, ANNOTATION_CHARACTERS_MAX);
}

static void append_why(struct buf *out, struct arena *arena, const struct evaluation *evaluation) {
    str reason = reason_text(out, arena, evaluation);
    if (str_ends_with(reason, STR("."))) {
        reason = str_slice(reason, 0, reason.len - 1);
    }
    if (!str_is_empty(reason)) {
        buf_printf(out, ". Why: %" STR_FMT, STR_ARG(reason));
    }
    const char *label = str_is_empty(reason) ? ". Why: " : ". Found: ";
    bool has_any = append_findings(out, arena, evaluation, true, label);
    if (!has_any && evaluation->compliance == COMPLIANT) {
        buf_append(out, STR(". Why: the mode is strict enough"));
    }
}

/* Everything that may be lost, the most important first. */
static void append_rest(struct buf *out, struct arena *arena, const struct evaluation *evaluation) {
    append_note(out, arena, evaluation);
    append_why(out, arena, evaluation);
    if (evaluation_finding(evaluation, FINDING_MODE_TOO_WEAK) != NULL) {
        buf_printf(out, ". Set " ATTRIBUTE_DESYNC_MODE " to %s",
                   mode_name(evaluation->required_mode));
    }
    (void)append_findings(out, arena, evaluation, false, ". Advice: ");
    buf_append_char(out, '.');
}

/* The longest beginning that ends before a blank and leaves room for the mark, but never less than
 * the head. */
static str shorten(struct arena *arena, str text, size_t head_len) {
    size_t end = str_utf8_prefix(text, UNCUT_CHARACTERS_MAX + 1).len;
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
    append_head(&text, arena, evaluation);
    size_t head_len = text.len;
    ASSERT(room_for(&text, STR_EMPTY) > 0);
    append_rest(&text, arena, evaluation);
    ASSERT(buf_status(&text) == STATUS_OK);
    if (str_utf8_count(buf_str(&text)) <= ANNOTATION_CHARACTERS_MAX) {
        return str_copy(arena, buf_str(&text));
    }
    return shorten(arena, buf_str(&text), head_len);
}
