/* SPDX-License-Identifier: Apache-2.0
 *
 * Members and limits: "Specification: Embedded metric format" in the CloudWatch user guide. A
 * metric is a definition under _aws and a number of the same name on the root node.
 */
#include "report/emf.h"

#include <math.h>

#define NAMESPACE_BYTES_MAX 255

struct document {
    str metrics_namespace;
    struct {
        const char *name;
        str value; /* empty: left out, for CloudWatch refuses an empty dimension */
    } dimensions[2];
    const struct emf_metric *metrics;
    size_t count;
};

#define DIMENSION_COUNT 2

/* A value that no metric can have must not take the others of the object with it. */
static bool is_publishable(const struct emf_metric *metric) {
    return isfinite(metric->value);
}

static void write_dimension_names(struct json_writer *writer, const struct document *document) {
    json_write_key(writer, STR("Dimensions"));
    json_array_begin(writer);
    json_array_begin(writer);
    for (size_t i = 0; i < DIMENSION_COUNT; i++) {
        if (!str_is_empty(document->dimensions[i].value)) {
            json_write_str(writer, str_from_cstr(document->dimensions[i].name));
        }
    }
    json_array_end(writer);
    json_array_end(writer);
}

static void write_definitions(struct json_writer *writer, const struct document *document) {
    json_write_key(writer, STR("Metrics"));
    json_array_begin(writer);
    for (size_t i = 0; i < document->count; i++) {
        if (is_publishable(&document->metrics[i])) {
            json_object_begin(writer);
            json_write_member(writer, "Name", str_from_cstr(document->metrics[i].name));
            json_write_member(writer, "Unit", str_from_cstr(document->metrics[i].unit));
            json_object_end(writer);
        }
    }
    json_array_end(writer);
}

static void write_metadata(struct json_writer *writer, const struct document *document,
                           int64_t now_ms) {
    json_write_key(writer, STR("_aws"));
    json_object_begin(writer);
    json_write_member_i64(writer, "Timestamp", now_ms);
    json_write_key(writer, STR("CloudWatchMetrics"));
    json_array_begin(writer);
    json_object_begin(writer);
    json_write_member(writer, "Namespace", document->metrics_namespace);
    write_dimension_names(writer, document);
    write_definitions(writer, document);
    json_object_end(writer);
    json_array_end(writer);
    json_object_end(writer);
}

static void write_targets(struct json_writer *writer, const struct document *document) {
    for (size_t i = 0; i < DIMENSION_COUNT; i++) {
        if (!str_is_empty(document->dimensions[i].value)) {
            json_write_member(writer, document->dimensions[i].name, document->dimensions[i].value);
        }
    }
    for (size_t i = 0; i < document->count; i++) {
        if (is_publishable(&document->metrics[i])) {
            json_write_key(writer, str_from_cstr(document->metrics[i].name));
            json_write_double(writer, document->metrics[i].value);
        }
    }
}

void emf_write(struct buf *out, struct arena *arena, const struct emf_line *line,
               const struct emf_metric *metrics, size_t count) {
    ASSERT(out != NULL && count <= EMF_METRICS_MAX && (metrics != NULL || count == 0));
    ASSERT(line->metrics_namespace.len > 0 && line->metrics_namespace.len <= NAMESPACE_BYTES_MAX);
    struct document document = {
        .metrics_namespace = line->metrics_namespace,
        .dimensions = {{"Account", line->account_id}, {"Region", line->region}},
        .metrics = metrics,
        .count = count};
    struct json_writer writer;
    json_writer_init(&writer, out);
    json_object_begin(&writer);
    if (line->log_level != NULL) {
        json_write_member_time(&writer, arena, "timestamp", line->now_ms);
        json_write_member(&writer, "level", str_from_cstr(line->log_level));
    }
    write_metadata(&writer, &document, line->now_ms);
    write_targets(&writer, &document);
    json_object_end(&writer);
    buf_append_char(out, '\n');
}
