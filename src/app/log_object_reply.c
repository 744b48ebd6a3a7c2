/* SPDX-License-Identifier: Apache-2.0
 *
 * What is answered and measured once the objects of an event are handled. Sources: "Implementing
 * partial batch responses" (AWS Lambda Developer Guide, SQS).
 */
#include "control/metrics.h"
#include "log_object_internal.h"

/* Half of the response is kept for the messages that failed: SQS must hear of each. */
#define ROWS_BYTES_MAX (RESPONSE_BYTES_MAX / 2)

static void write_row(struct json_writer *writer, const struct log_object *object,
                      const struct object_result *result) {
    json_object_begin(writer);
    json_write_member(writer, "key", object->key);
    json_write_member(writer, "status", str_from_cstr(object_status_name(result->status)));
    json_write_member_count(writer, "requests", result->requests);
    json_write_member(writer, "why", result->why);
    json_object_end(writer);
}

static void write_objects(struct json_writer *writer, const struct log_batch *log_batch) {
    size_t i = 0;
    json_write_key(writer, STR("logObjects"));
    json_array_begin(writer);
    for (; i < log_batch->delivery->object_count && writer->out->len < ROWS_BYTES_MAX; i++) {
        write_row(writer, &log_batch->delivery->objects[i], &log_batch->results[i]);
    }
    json_array_end(writer);
    if (i < log_batch->delivery->object_count) {
        json_write_member_count(writer, "omitted", (log_batch->delivery->object_count - i));
    }
}

/* Messages are read in order, and so are their objects. */
static void write_failures(struct json_writer *writer, const struct log_batch *log_batch) {
    const struct log_delivery *delivery = log_batch->delivery;
    size_t next = 0;
    json_write_key(writer, STR("batchItemFailures"));
    json_array_begin(writer);
    for (size_t i = 0; i < delivery->message_count; i++) {
        bool has_failed = !str_is_empty(delivery->messages[i].problem);
        for (; next < delivery->object_count && delivery->objects[next].message == i; next++) {
            has_failed = has_failed || log_batch->results[next].status == OBJECT_FAILED;
        }
        if (has_failed) {
            json_object_begin(writer);
            json_write_member(writer, "itemIdentifier", delivery->messages[i].id);
            json_object_end(writer);
        }
    }
    json_array_end(writer);
}

static void write_nothing_judged(struct json_writer *writer) {
    json_write_key(writer, STR("evaluations"));
    json_write_raw(writer, STR("[]"));
    json_write_member_i64(writer, "reported", 0);
    json_write_member_i64(writer, "failed", 0);
    json_write_key(writer, STR("actions"));
    json_write_raw(writer, STR("[]"));
}

static void reply_all(const struct log_batch *log_batch, struct app_reply *reply) {
    struct buf body;
    struct json_writer writer;
    buf_init(&body, log_batch->arena, RESPONSE_BYTES_MAX);
    json_writer_init(&writer, &body);
    json_object_begin(&writer);
    write_nothing_judged(&writer);
    write_objects(&writer, log_batch);
    if (log_batch->delivery->is_queued) {
        write_failures(&writer, log_batch);
    }
    json_object_end(&writer);
    if (buf_status(&body) != STATUS_OK) {
        reply_error(reply, ERROR_NOT_COUNTED, STR("the response would be larger than 6 MiB"));
        return;
    }
    *reply = (struct app_reply){.body = buf_str(&body)};
}

void log_objects_reply(const struct log_batch *log_batch, struct app_reply *reply) {
    const struct log_delivery *delivery = log_batch->delivery;
    const struct object_result *results = log_batch->results;
    size_t failed_count = 0;
    size_t first = 0;
    for (size_t i = delivery->object_count; i-- > 0;) {
        if (results[i].status == OBJECT_FAILED) {
            failed_count++;
            first = i;
        }
    }
    if (failed_count == 0 || delivery->is_queued) {
        reply_all(log_batch, reply);
        return;
    }
    str message = str_format(
        log_batch->arena, "%zu of %zu object%s not counted; %" STR_FMT ": %" STR_FMT, failed_count,
        delivery->object_count, str_by_count(delivery->object_count, " was", "s were"),
        STR_ARG(delivery->objects[first].key), STR_ARG(results[first].why));
    reply_error(reply, ERROR_NOT_COUNTED, message);
}

void log_objects_write_metrics(const struct log_batch *log_batch) {
    for (size_t i = 0; i < log_batch->sum_count; i++) {
        const struct traffic_sum *sum = &log_batch->sums[i];
        const struct emf_metric metrics[] = {
            {"Requests", "Count", (double)sum->counts.requests},
            {"Acceptable", "Count", (double)sum->counts.classes[CLASS_ACCEPTABLE]},
            {"Ambiguous", "Count", (double)sum->counts.classes[CLASS_AMBIGUOUS]},
            {"Severe", "Count", (double)sum->counts.classes[CLASS_SEVERE]},
            {"Unparsed", "Count", (double)sum->unparsed},
        };
        const struct metrics_place place = {sum->account_id, sum->region};
        metrics_write(log_batch->guard, &place, metrics, sizeof metrics / sizeof *metrics,
                      log_batch->arena);
    }
}

static const char *const STATUS_NAMES[] = {"counted", "duplicate", "skipped", "damaged", "failed"};

const char *object_status_name(enum object_status status) {
    return STATUS_NAMES[status];
}
