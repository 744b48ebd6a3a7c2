/* SPDX-License-Identifier: Apache-2.0
 *
 * Metrics in CloudWatch's embedded metric format: one JSON object a line, which Lambda's log group
 * turns into metrics without any call. Source: "Specification: Embedded metric format". Dimensions
 * are Account and Region only: nothing of high cardinality is paid for. Pure.
 */
#ifndef REPORT_EMF_H
#define REPORT_EMF_H

#include "base/json.h"

struct emf_metric {
    const char *name; /* "ProtectedPercent" */
    const char *unit; /* "Percent", "Count", "Seconds", "Milliseconds", "None" */
    double value;
};

#define EMF_METRICS_MAX 100 /* in one object */

/* One object and a line end. `metrics_namespace` 1..255 bytes. An empty account or Region is left
 * out of the dimensions, and a value that is no finite number out of the metrics. */
void emf_write(struct buf *out,
               str metrics_namespace,
               str account_id,
               str region,
               int64_t now_ms,
               const struct emf_metric *metrics,
               size_t count);

#endif
