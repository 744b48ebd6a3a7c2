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

struct emf_line {
    str metrics_namespace; /* 1..255 bytes */
    str account_id;        /* empty: left out of the dimensions; likewise the Region */
    str region;
    int64_t now_ms;
    /* Of a log in JSON, which Lambda filters by level: one that passes. A line without `level` or
     * with a `timestamp` that is not RFC 3339 would count as INFO. NULL: a text log, without
     * either. Source: "Log-level filtering" in the Lambda developer guide. */
    const char *log_level;
};

/* One object and a line end. A value that is no finite number is left out of the metrics. `arena`
 * is for scratch. */
void emf_write(struct buf *out, struct arena *arena, const struct emf_line *line,
               const struct emf_metric *metrics, size_t count);

#endif
