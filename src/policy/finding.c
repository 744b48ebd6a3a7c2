/* SPDX-License-Identifier: Apache-2.0
 *
 * The floor of the rules: every rule adds its findings through here.
 */
#include "policy/finding.h"

#include "base/assert.h"
#include "policy_internal.h"

static const struct {
    const char *name;
    bool is_failing;
} finding_infos[FINDING_COUNT] = {
#define FINDING_INFO(name, fails) {#name, fails},
    FINDING_MAP(FINDING_INFO)
#undef FINDING_INFO
};

const char *severity_name(enum finding_severity severity) {
    static const char *const names[] = {"INFORMATIONAL", "LOW", "MEDIUM", "HIGH"};
    ASSERT((size_t)severity < sizeof(names) / sizeof(names[0]));
    return names[severity];
}

const char *finding_name(enum finding_id id) {
    ASSERT((size_t)id < FINDING_COUNT);
    return finding_infos[id].name;
}

/* FINDINGS_MAX cannot be reached by what a tag says: the lists of struct policy bound how many
 * findings there are. */
struct finding *finding_add(const struct rule *rule, struct judgement *judgement, str subject,
                            const char *format, ...) {
    struct evaluation *evaluation = judgement->evaluation;
    va_list arguments;
    va_start(arguments, format);
    str message = str_format_va(judgement->arena, format, arguments);
    va_end(arguments);
    ASSERT(evaluation->finding_count < FINDINGS_MAX);
    struct finding *finding = &evaluation->findings[evaluation->finding_count++];
    *finding = (struct finding){.id = rule->id,
                                .severity = rule->severity,
                                .is_failing = finding_infos[rule->id].is_failing,
                                .subject = subject,
                                .message = message};
    return finding;
}

str due_phrase(const struct judgement *judgement) {
    int days = judgement->policy->max_non_compliant_days;
    if (days == 0) {
        return STR("now");
    }
    return str_format(judgement->arena, "within %d day%s", days, days == 1 ? "" : "s");
}
