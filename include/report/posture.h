/* SPDX-License-Identifier: Apache-2.0
 *
 * The posture report: what leadership, the owner and the auditor read, as JSON, CSV and a summary
 * text; its page is in report/fleet.h. Pure.
 */
#ifndef REPORT_POSTURE_H
#define REPORT_POSTURE_H

#include "policy/posture.h"
#include "report/fleet.h"

/* {"generatedAt",...,"kpis":{},"evaluations":[],...}: audit's members and more. */
void posture_write_json(struct buf *out, struct arena *arena, const struct fleet *fleet,
                        const struct posture *posture);
/* The lines of fleet_write_csv, each with its history and recommendation behind it. */
void posture_write_csv(struct buf *out, struct arena *arena, const struct fleet *fleet,
                       const struct posture *posture);
/* Plain text of some ten lines, for SNS and the terminal. */
void posture_write_summary(struct buf *out, struct arena *arena, const struct fleet *fleet,
                           const struct posture *posture);

#endif
