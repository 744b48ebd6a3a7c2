/* SPDX-License-Identifier: Apache-2.0
 *
 * Members and limits: "Specification: Embedded metric format" in the CloudWatch user guide. A
 * metric is a definition under _aws and a number of the same name on the root node.
 */
#include "report/emf.h"
#include "base/assert.h"

#include <math.h>

#define NAMESPACE_BYTES_MAX 255
#define DIMENSION_COUNT     2

/* An empty value is left out, for CloudWatch refuses an empty dimension. */
struct dimension {
    const char *name;
    str value;
};

/* A line, broken for reading:
 *
 *   {"timestamp":"..","level":"WARN",                             only in a JSON log
 *    "_aws":{"Timestamp":<ms>,"CloudWatchMetrics":[{"Namespace":"..",
 *       "Dimensions":[["Account","Region"]],                      one set of dimensions
 *       "Metrics":[{"Name":"ProtectedPercent","Unit":"Percent"},..]}]},
 *    "Account":"..","Region":"..","ProtectedPercent":99.5,..}     the values, at the root
 */
static void write_metadata(struct json_writer *writer, const struct emf_line *line,
                           const struct dimension *dimensions, const struct emf_metric *metrics,
                           size_t count) {
    json_open_object(writer, "_aws");
    json_write_member_i64(writer, "Timestamp", line->now_ms);
    json_open_array(writer, "CloudWatchMetrics");
    json_object_begin(writer);
    json_write_member(writer, "Namespace", line->metrics_namespace);
    json_open_array(writer, "Dimensions");
    json_array_begin(writer);
    for (size_t i = 0; i < DIMENSION_COUNT; i++) {
        if (!str_is_empty(dimensions[i].value)) {
            json_write_str(writer, str_from_cstr(dimensions[i].name));
        }
    }
    json_close(writer, "]]");
    json_open_array(writer, "Metrics");
    for (size_t i = 0; i < count; i++) {
        if (isfinite(metrics[i].value)) {
            json_object_begin(writer);
            json_write_member_text(writer, "Name", metrics[i].name);
            json_write_member_text(writer, "Unit", metrics[i].unit);
            json_object_end(writer);
        }
    }
    json_close(writer, "]}]}");
}

/* A value that no metric can have must not take the others of the object with it. */
void emf_write(struct buf *out, struct arena *arena, const struct emf_line *line,
               const struct emf_metric *metrics, size_t count) {
    ASSERT(out != NULL && count <= EMF_METRICS_MAX && (metrics != NULL || count == 0));
    ASSERT(line->metrics_namespace.len > 0 && line->metrics_namespace.len <= NAMESPACE_BYTES_MAX);
    const struct dimension dimensions[DIMENSION_COUNT] = {{"Account", line->account_id},
                                                          {"Region", line->region}};
    struct json_writer writer;
    json_writer_init(&writer, out);
    json_object_begin(&writer);
    if (line->log_level != NULL) {
        json_write_member_time(&writer, arena, "timestamp", line->now_ms);
        json_write_member_text(&writer, "level", line->log_level);
    }
    write_metadata(&writer, line, dimensions, metrics, count);
    for (size_t i = 0; i < DIMENSION_COUNT; i++) {
        if (!str_is_empty(dimensions[i].value)) {
            json_write_member(&writer, dimensions[i].name, dimensions[i].value);
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (isfinite(metrics[i].value)) {
            json_write_member_double(&writer, metrics[i].name, metrics[i].value);
        }
    }
    json_object_end(&writer);
    buf_append_char(out, '\n');
}
