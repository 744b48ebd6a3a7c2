/* SPDX-License-Identifier: Apache-2.0
 *
 * Alerts about hostile names, tags and writers: no line and no command of the body comes from them.
 * Parts: two bytes for kind and modes, then the texts. Every text gets a mark of its own behind
 * each character that some reader takes for a line end; no line may begin with that mark.
 */
#include "fuzz/judge.h"

#include "report/alert.h"

#define MARK "FORGED:"

/* The text, with the mark behind whatever might be taken for the end of a line. */
static str hostile(struct arena *arena, str *rest) {
    str part = fuzz_part(arena, rest);
    struct buf out;
    buf_init(&out, arena, 8 * part.len + 8);
    buf_append(&out, STR(MARK));
    for (size_t i = 0; i < part.len; i++) {
        unsigned char c = (unsigned char)part.ptr[i];
        buf_append_char(&out, part.ptr[i]);
        if (c < ' ' || c == 0x7F || c == 0x85 || c == 0xA8 || c == 0xA9) {
            buf_append(&out, STR(MARK));
        }
    }
    HOLD(buf_status(&out) == STATUS_OK);
    return fuzz_exact(arena, buf_str(&out));
}

static struct evaluation *read_evaluation(struct arena *arena, unsigned what, str *rest) {
    struct evaluation *evaluation = ARENA_NEW(arena, struct evaluation);
    *evaluation = (struct evaluation){
        .resource_type = STR(LOAD_BALANCER_RESOURCE_TYPE),
        .resource_id = fuzz_part(arena, rest),
        .compliance = (enum compliance)(what % 4),
        .mode = (enum desync_mode)(what / 4 % 4),
        .required_mode = (enum desync_mode)(what / 16 % 4),
        .grade = '-',
        .has_active_exception = (what & 64) != 0,
    };
    evaluation->owner = hostile(arena, rest);
    evaluation->required_because = hostile(arena, rest);
    evaluation->reason = hostile(arena, rest);
    evaluation->exception_until = fuzz_part(arena, rest);
    while (rest->ptr != NULL && evaluation->finding_count < FINDINGS_MAX) {
        size_t i = evaluation->finding_count++;
        evaluation->findings[i] = (struct finding){
            .id = (enum finding_id)((what + 3 * i) % FINDING_COUNT),
            .severity = (enum finding_severity)(i % 4),
            .is_failing = i % 2 == 0,
            .subject = hostile(arena, rest),
            .message = hostile(arena, rest),
        };
    }
    return evaluation;
}

/* Outside of single quotes a shell must find nothing but words. */
static void hold_command(str line) {
    bool is_quoted = false;
    for (size_t i = 0; i < line.len; i++) {
        char c = line.ptr[i];
        bool is_escaped = c == '\\' && !is_quoted && i + 1 < line.len && line.ptr[i + 1] == '\'';
        i += is_escaped ? 1 : 0;
        is_quoted = c == '\'' ? !is_quoted : is_quoted;
        HOLD(is_quoted || is_escaped || strchr("$`;&|<>(){}*?!\"\\#~[]", c) == NULL);
    }
    HOLD(!is_quoted);
}

static void hold_body(str body) {
    HOLD(body.len > 0 && body.len <= ALERT_BODY_BYTES_MAX && fuzz_is_utf8(body));
    HOLD(str_ends_with(body, STR("\n")));
    for (str rest = body; rest.ptr != NULL;) {
        str line = str_split(&rest, '\n');
        HOLD(is_one_line(line));
        HOLD(!str_starts_with(str_trim(line), STR(MARK)));
        if (str_starts_with(line, STR("aws elbv2 "))) {
            hold_command(line);
        } else {
            HOLD(str_find_char(line, '<') == line.len && str_find_char(line, '>') == line.len);
        }
    }
}

static void hold_subject(str subject) {
    HOLD(subject.len > 0 && subject.len <= ALERT_SUBJECT_BYTES_MAX);
    for (size_t i = 0; i < subject.len; i++) {
        HOLD(subject.ptr[i] >= ' ' && subject.ptr[i] <= '~');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct arena arena;
    arena_reset(&arena);
    str rest = {(const char *)data, size};
    unsigned kind = fuzz_byte(&rest);
    unsigned what = fuzz_byte(&rest);
    struct alert alert = {
        .kind = (enum alert_kind)(kind % (ALERT_WATCH_BLIND + 1)),
        .account_id = hostile(&arena, &rest),
        .region = hostile(&arena, &rest),
        .partition = fuzz_part(&arena, &rest),
        .since_ms = (kind & 64) != 0 ? NOW_MS - (int64_t)what * MS_PER_DAY : 0,
        .now_ms = NOW_MS,
        .changed_from = (enum desync_mode)(what / 4 % 4),
        .changed_to = (enum desync_mode)(what / 16 % 4),
        .writer = {hostile(&arena, &rest), hostile(&arena, &rest), hostile(&arena, &rest)},
        .corrections = (int)what,
        .note = hostile(&arena, &rest),
    };
    alert.evaluation = read_evaluation(&arena, what, &rest);
    struct alert_text text;
    alert_render(&arena, &alert, &text);
    hold_subject(text.subject);
    hold_body(text.body);
    for (size_t i = 0; i < ALERT_ATTRIBUTE_COUNT; i++) {
        str value = text.attributes[i].value;
        HOLD(text.attributes[i].name != NULL && fuzz_is_utf8(value) && is_one_line(value));
        size_t characters = str_utf8_count(value);
        HOLD(characters >= 1 && characters <= ALERT_ATTRIBUTE_CHARACTERS_MAX);
    }
    return 0;
}
