/* SPDX-License-Identifier: Apache-2.0
 *
 * One message to the owner of many load balancers that have been non-compliant for too long, in
 * the place of one for each. Which they are, and sending it, is not decided here. Pure.
 */
#ifndef REPORT_DIGEST_H
#define REPORT_DIGEST_H

#include "report/alert.h"

/* What is known of one of them. */
struct escalation {
    str arn;
    str owner; /* empty: none */
    enum desync_mode mode;
    enum desync_mode required_mode;
    int64_t since_ms;                    /* non-compliant since */
    str findings;                        /* ids of those that fail, comma-separated */
    const struct evaluation *evaluation; /* the judgement, with all that was found; NULL: it is
                                            not at hand */
};

struct digest {
    const struct escalation *items; /* of one owner, those that are non-compliant longest first */
    size_t count;
    int days_max; /* MAX_NON_COMPLIANT_DAYS */
    int64_t now_ms;
};

/* More are counted, not named. All of them at their longest stay far below SNS's 256 KiB. */
#define DIGEST_NAMED_MAX      50
#define DIGEST_BODY_BYTES_MAX ((size_t)131072)

/* As alert_render; the attributes are those of an escalation, with the weakest mode and the gravest
 * finding among them. */
void digest_render(struct arena *arena, const struct digest *digest, struct alert_text *text_out);

/* The judgement behind an escalation, as far as it is remembered: the findings by their titles. */
struct evaluation escalation_evaluation(struct arena *arena, const struct escalation *escalation);

#endif
