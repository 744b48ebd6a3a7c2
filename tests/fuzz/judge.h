/* SPDX-License-Identifier: Apache-2.0
 *
 * A verdict on whatever facts came, and what must hold of every verdict.
 */
#ifndef TESTS_FUZZ_JUDGE_H
#define TESTS_FUZZ_JUDGE_H

#include "base/clock.h"
#include "fuzz/fuzz.h"
#include "policy/evaluate.h"
#include "report/render.h"

#define NOW_MS INT64_C(1795420800000) /* 2026-11-23T08:00:00Z */

/* true when no character of it could end a line, whatever reads it. */
static inline bool is_one_line(str text) {
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c < ' ' || c == 0x7F) {
            return false;
        }
    }
    return !str_contains(text, STR("\xC2\x85")) && !str_contains(text, STR("\xE2\x80\xA8")) &&
           !str_contains(text, STR("\xE2\x80\xA9"));
}

static inline void hold_findings(const struct evaluation *evaluation) {
    bool has_failing = false;
    HOLD(evaluation->finding_count <= FINDINGS_MAX);
    for (size_t i = 0; i < evaluation->finding_count; i++) {
        const struct finding *finding = &evaluation->findings[i];
        HOLD((unsigned)finding->id < FINDING_COUNT && finding->severity <= SEVERITY_HIGH);
        HOLD(finding->message.len > 0 && fuzz_is_utf8(finding->message));
        HOLD(is_one_line(finding->message) && is_one_line(finding->subject));
        has_failing = has_failing || finding->is_failing;
    }
    HOLD(!has_failing || evaluation->compliance == NON_COMPLIANT ||
         evaluation->compliance == COMPLIANCE_UNKNOWN);
    HOLD(has_failing || evaluation->compliance != NON_COMPLIANT);
}

/* The truth rules of a verdict: unknown facts are never compliant, a weak mode never is unless it
 * is excused, and what is judged is one of ours. */
static inline void hold_verdict(const struct load_balancer *facts,
                                const struct evaluation *evaluation) {
    enum compliance compliance = evaluation->compliance;
    HOLD((unsigned)compliance <= COMPLIANCE_UNKNOWN);
    hold_findings(evaluation);
    HOLD(fuzz_is_utf8(evaluation->owner) && str_utf8_count(evaluation->owner) <= 256);
    HOLD(is_one_line(evaluation->owner));
    if (facts->type == TYPE_NETWORK || facts->type == TYPE_GATEWAY) {
        HOLD(compliance == NOT_APPLICABLE);
    } else {
        HOLD(compliance != NOT_APPLICABLE);
    }
    if (compliance == COMPLIANT) {
        HOLD(facts->type == TYPE_APPLICATION && facts->mode != MODE_UNKNOWN && facts->has_tags);
        HOLD(evaluation->mode >= evaluation->required_mode || evaluation->has_active_exception);
    }
    if (evaluation->has_active_exception) {
        HOLD(evaluation->exception_until.len == STR("2026-11-23").len);
    }
}

static inline void hold_annotation(struct arena *arena, const struct evaluation *evaluation) {
    str text = annotation_render(arena, evaluation);
    HOLD(fuzz_is_utf8(text) && is_one_line(text));
    size_t characters = str_utf8_count(text);
    HOLD(characters >= 1 && characters <= ANNOTATION_CHARACTERS_MAX);
    HOLD(str_starts_with(text, str_from_cstr(compliance_name(evaluation->compliance))));
}

static inline void hold_response(struct arena *arena, const struct evaluation *evaluation) {
    struct buf out;
    struct response response;
    struct response_totals totals = {.reported = 1};
    const struct json *root = NULL;
    buf_init(&out, arena, (size_t)6 * 1024 * 1024);
    response_begin(&response, &out);
    response_add(&response, arena, evaluation);
    response_end(&response, &totals);
    HOLD(buf_status(&out) == STATUS_OK);
    HOLD(json_parse(arena, buf_str(&out), &JSON_LIMITS_DEFAULT, &root, NULL) == STATUS_OK);
    const struct json *written = json_first(json_get(root, "evaluations"));
    HOLD(str_eq(json_get_string(written, "compliance"),
                str_from_cstr(compliance_name(evaluation->compliance))));
}

static inline void judge(struct arena *arena, const struct load_balancer *facts,
                         const struct policy *policy, struct evaluation *evaluation) {
    policy_evaluate(facts, policy, NOW_MS, arena, evaluation);
    hold_verdict(facts, evaluation);
    hold_annotation(arena, evaluation);
    hold_response(arena, evaluation);
}

#endif
