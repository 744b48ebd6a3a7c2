/* SPDX-License-Identifier: Apache-2.0
 *
 * The controls that each finding bears on. Security Hub's ELB.12 judges the mode and nothing else;
 * its related requirements are those of
 * https://docs.aws.amazon.com/securityhub/latest/userguide/elb-controls.html#elb-12 and, for the
 * header fields, #elb-4. A tag or a leftover exception changes no traffic: it is about knowing and
 * keeping the baseline, CM-2.
 */
#include <string.h>

#include "fleet_internal.h"

/* Objects, not literals: each is named once, so that its address tells it apart. */
static const char elb_12[] = "Security Hub ELB.12";
static const char elb_4[] = "Security Hub ELB.4";
static const char pci_dss[] = "PCI DSS v4.0.1 6.2.4";
static const char ac_4_21[] = "NIST 800-53r5 AC-4(21)";
static const char ca_9_1[] = "NIST 800-53r5 CA-9(1)";
static const char cm_2[] = "NIST 800-53r5 CM-2";

static const char *const mode_controls[] = {elb_12, pci_dss, ac_4_21, ca_9_1, cm_2, NULL};
static const char *const header_controls[] = {elb_4, pci_dss, ca_9_1, cm_2, NULL};
static const char *const baseline_controls[] = {cm_2, NULL};

const char *const *finding_controls(enum finding_id id) {
    ASSERT((size_t)id < FINDING_COUNT);
    switch (id) {
    case FINDING_HEADERS_NOT_DROPPED:
        return header_controls;
    case FINDING_TAG_MISSING:
    case FINDING_TAG_VALUE_NOT_ALLOWED:
    case FINDING_PROFILE_UNKNOWN:
    case FINDING_EXCEPTION_UNUSED:
        return baseline_controls;
    case FINDING_MODE_TOO_WEAK:
    case FINDING_EXCEPTION_EXPIRED:
    case FINDING_EXCEPTION_INVALID:
    case FINDING_EXCEPTION_INCOMPLETE:
    case FINDING_EXCEPTION_TOO_LONG:
    case FINDING_EXCEPTION_EXPIRING:
    case FINDING_EXCEPTION_ACTIVE:
    case FINDING_UNDERUTILIZED:
    case FINDING_NON_COMPLIANT_TOO_LONG:
    case FINDING_MANAGED_BY_OTHER:
    case FINDING_CLIENTS_BLOCKED:
    case FINDING_COUNT:
        break;
    }
    return mode_controls;
}

static bool bears_on(const struct evaluation *evaluation, const char *control) {
    for (size_t i = 0; i < evaluation->finding_count; i++) {
        const struct finding *finding = &evaluation->findings[i];
        const char *const *other = finding_controls(finding->id);
        while (*other != NULL && *other != control) {
            other++;
        }
        if (finding->is_failing && *other != NULL) {
            return true;
        }
    }
    return false;
}

void evaluation_controls(const struct evaluation *evaluation,
                         const char *controls_out[static CONTROL_COUNT_MAX]) {
    static const char *const all[] = {elb_12, elb_4, pci_dss, ac_4_21, ca_9_1, cm_2};
    size_t count = 0;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (bears_on(evaluation, all[i])) {
            controls_out[count++] = all[i];
        }
    }
    controls_out[count] = NULL;
    if (count == 0) {
        memcpy(controls_out, mode_controls, sizeof(mode_controls));
    }
}
