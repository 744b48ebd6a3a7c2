/* SPDX-License-Identifier: Apache-2.0
 *
 * Access logs that were written: each object is read and counted once, for the load balancer that
 * its key names and the hour that each line names. Objects may be of other accounts' load balancers
 * (a central bucket); table and permissions are our own. Sources: "Implementing partial batch
 * responses" (AWS Lambda Developer Guide, SQS).
 */
#include "app_internal.h"
#include "control/metrics.h"

/* An object of five minutes is read in less; what is not begun costs nothing. */
#define START_MS_MIN 1000
/* Half of the response is kept for the messages that failed: SQS must get each. */
#define ROWS_BYTES_MAX (RESPONSE_BYTES_MAX / 2)

enum object_status {
    OBJECT_COUNTED,
    OBJECT_DUPLICATE, /* counted before */
    OBJECT_SKIPPED,   /* nothing to count */
    OBJECT_DAMAGED,   /* what could be read is counted, and a repeat would read no more */
    OBJECT_FAILED     /* nothing is counted; to be repeated */
};
static const char *const STATUS_NAMES[] = {"counted", "duplicate", "skipped", "damaged", "failed"};

struct object_result {
    enum object_status status;
    uint64_t requests;
    str why; /* empty when it was counted */
};

/* Counted in this invocation, of the load balancers of one account and Region. */
struct traffic_sum {
    str account_id;
    str region;
    struct tally_counts counts;
    uint64_t unparsed;
};

/* One invocation. */
struct log_batch {
    struct guard *guard;
    const struct log_delivery *delivery;
    struct arena *arena;
    bool is_on;                    /* there is a table */
    struct object_result *results; /* one for each object */
    struct traffic_sum *sums;
    size_t sum_count;
};

/* --- one object ----------------------------------------------------------------------------- */

static struct object_result skipped(str why) {
    return (struct object_result){.status = OBJECT_SKIPPED, .why = why};
}

static struct object_result failed(str why) {
    return (struct object_result){.status = OBJECT_FAILED, .why = why};
}

static void add_to_sum(struct log_batch *batch, const struct log_traffic *traffic) {
    size_t i = 0;
    while (i < batch->sum_count && !(str_eq(batch->sums[i].account_id, traffic->account_id) &&
                                     str_eq(batch->sums[i].region, traffic->region))) {
        i++;
    }
    struct traffic_sum *sum = &batch->sums[i];
    if (i == batch->sum_count) {
        batch->sum_count++;
        *sum = (struct traffic_sum){.account_id = traffic->account_id, .region = traffic->region};
    }
    sum->unparsed += traffic->unparsed;
    sum->counts.requests += traffic->totals.requests;
    for (size_t class = 0; class < CLASS_COUNT; class ++) {
        sum->counts.classes[class] += traffic->totals.classes[class];
    }
}

static struct object_result read_and_count(struct log_batch *batch, const struct log_object *object,
                                           struct log_traffic *traffic, struct arena *arena) {
    struct guard *guard = batch->guard;
    const struct state_table table = {.client = &guard->home,
                                      .name = guard->settings.control.state_table,
                                      .writer = guard->log->request_id};
    struct error error = {0};
    enum status status = log_object_read(&guard->home, object, arena, traffic, &error);
    if (status == STATUS_NOT_FOUND && str_eq(error.aws_code, STR("NoSuchKey"))) {
        return skipped(STR("it does not exist any more"));
    }
    if (status == STATUS_CONFLICT) { /* another event announces the new one */
        return skipped(STR("it was replaced since"));
    }
    if (status != STATUS_OK) {
        return failed(error.message);
    }
    if (!str_is_empty(traffic->foreign)) {
        return skipped(traffic->foreign);
    }
    status = traffic_count_object(&table, object, traffic, guard_now_ms(guard), arena, &error);
    if (status == STATUS_CONFLICT) {
        return (struct object_result){.status = OBJECT_DUPLICATE,
                                      .why = STR("it was counted before")};
    }
    if (status != STATUS_OK) {
        return failed(error.message);
    }
    LOG(guard->log, LOG_INFO, "counted", LOG_STR("key", object->key),
        LOG_STR("resourceId", traffic->arn), LOG_INT("requests", (int64_t)traffic->totals.requests),
        LOG_INT("hours", (int64_t)traffic->hour_count),
        LOG_INT("unparsed", (int64_t)traffic->unparsed),
        LOG_INT("withoutTime", (int64_t)traffic->untallied));
    add_to_sum(batch, traffic);
    return (struct object_result){.status = str_is_empty(traffic->damage) ? OBJECT_COUNTED
                                                                          : OBJECT_DAMAGED,
                                  .requests = traffic->totals.requests,
                                  .why = traffic->damage};
}

static struct object_result handle_one(struct log_batch *batch, const struct log_object *object,
                                       struct arena *arena) {
    struct log_traffic *traffic = ARENA_NEW(arena, struct log_traffic);
    str why;
    if (!str_is_empty(object->ignored_because)) {
        return skipped(object->ignored_because);
    }
    if (!log_object_is_access_log(object->key, arena, traffic, &why)) {
        return skipped(why);
    }
    if (!batch->is_on) {
        return skipped(STR("STATE_TABLE is not set"));
    }
    /* The table keeps the mark of a counted object for a time only: an archive can be replayed at
     * any time. */
    if (guard_now_ms(batch->guard) - traffic->delivered_ms > TRAFFIC_ACCEPTED_MS) {
        return skipped(STR("too old to be counted once for certain: see `desync-guard logs`"));
    }
    if (aws_client_time_left_ms(&batch->guard->home) < START_MS_MIN) {
        return failed(STR("no time was left for it"));
    }
    return read_and_count(batch, object, traffic, arena);
}

/* Without a table no evidence is wanted, which is no error: one line says so for all objects. */
static void handle_all(struct log_batch *batch) {
    const struct log_delivery *delivery = batch->delivery;
    struct arena scratch = {0};
    for (size_t i = 0; i < delivery->message_count; i++) {
        if (!str_is_empty(delivery->messages[i].problem)) {
            LOG(batch->guard->log, LOG_ERROR, "failed",
                LOG_STR("messageId", delivery->messages[i].id),
                LOG_STR("reason", delivery->messages[i].problem));
        }
    }
    if (!batch->is_on) {
        log_off(batch->guard, STR("evidence from access logs"), STR("STATE_TABLE is not set"));
    }
    for (size_t i = 0; i < delivery->object_count; i++) {
        struct object_result *result = &batch->results[i];
        *result = handle_one(batch, &delivery->objects[i], &scratch);
        result->why = str_copy(batch->arena, result->why);
        if (batch->is_on && result->status != OBJECT_COUNTED) {
            bool is_bad = result->status == OBJECT_FAILED || result->status == OBJECT_DAMAGED;
            LOG(batch->guard->log, is_bad ? LOG_ERROR : LOG_INFO,
                is_bad ? STATUS_NAMES[result->status] : "ignored",
                LOG_STR("bucket", delivery->objects[i].bucket),
                LOG_STR("key", delivery->objects[i].key), LOG_STR("reason", result->why));
        }
        arena_reset(&scratch);
    }
    arena_clean_up(&scratch);
}

/* --- the reply ------------------------------------------------------------------------------ */

static void write_objects(struct json_writer *writer, const struct log_batch *batch) {
    size_t i = 0;
    json_write_key(writer, STR("logObjects"));
    json_array_begin(writer);
    for (; i < batch->delivery->object_count && writer->out->len < ROWS_BYTES_MAX; i++) {
        const struct object_result *result = &batch->results[i];
        json_object_begin(writer);
        json_write_member(writer, "key", batch->delivery->objects[i].key);
        json_write_member(writer, "status", str_from_cstr(STATUS_NAMES[result->status]));
        json_write_member_count(writer, "requests", result->requests);
        json_write_member(writer, "why", result->why);
        json_object_end(writer);
    }
    json_array_end(writer);
    if (i < batch->delivery->object_count) {
        json_write_member_count(writer, "omitted", batch->delivery->object_count - i);
    }
}

/* Messages are read in order, and so are their objects. */
static void write_failures(struct json_writer *writer, const struct log_batch *batch) {
    const struct log_delivery *delivery = batch->delivery;
    size_t next = 0;
    json_write_key(writer, STR("batchItemFailures"));
    json_array_begin(writer);
    for (size_t i = 0; i < delivery->message_count; i++) {
        bool has_failed = !str_is_empty(delivery->messages[i].problem);
        for (; next < delivery->object_count && delivery->objects[next].message == i; next++) {
            has_failed = has_failed || batch->results[next].status == OBJECT_FAILED;
        }
        if (has_failed) {
            json_object_begin(writer);
            json_write_member(writer, "itemIdentifier", delivery->messages[i].id);
            json_object_end(writer);
        }
    }
    json_array_end(writer);
}

static void write_reply(const struct log_batch *batch, struct app_reply *reply) {
    struct buf body;
    struct json_writer writer;
    buf_init(&body, batch->arena, RESPONSE_BYTES_MAX);
    json_writer_init(&writer, &body);
    json_object_begin(&writer);
    reply_write_nothing_judged(&writer);
    write_objects(&writer, batch);
    if (batch->delivery->is_queued) {
        write_failures(&writer, batch);
    }
    json_object_end(&writer);
    reply->body = buf_str(&body);
    if (buf_status(&body) != STATUS_OK) {
        reply_error(reply, ERROR_NOT_COUNTED, STR("the response would be larger than 6 MiB"));
    }
}

/* An error when anything failed, unless SQS repeats what failed by itself. */
static void reply_all(const struct log_batch *batch, struct app_reply *reply) {
    const struct log_delivery *delivery = batch->delivery;
    size_t failed_count = 0;
    size_t first = 0;
    for (size_t i = delivery->object_count; i-- > 0;) {
        if (batch->results[i].status == OBJECT_FAILED) {
            failed_count++;
            first = i;
        }
    }
    if (failed_count == 0 || delivery->is_queued) {
        write_reply(batch, reply);
        return;
    }
    reply_error(reply, ERROR_NOT_COUNTED,
                str_format(batch->arena, "%zu of %zu object%s not counted; %" STR_FMT ": %" STR_FMT,
                           failed_count, delivery->object_count,
                           str_by_count(delivery->object_count, " was", "s were"),
                           STR_ARG(delivery->objects[first].key),
                           STR_ARG(batch->results[first].why)));
}

static void write_metrics(const struct log_batch *batch) {
    for (size_t i = 0; i < batch->sum_count; i++) {
        const struct traffic_sum *sum = &batch->sums[i];
        const struct emf_metric metrics[] = {
            {"Requests", "Count", (double)sum->counts.requests},
            {"Acceptable", "Count", (double)sum->counts.classes[CLASS_ACCEPTABLE]},
            {"Ambiguous", "Count", (double)sum->counts.classes[CLASS_AMBIGUOUS]},
            {"Severe", "Count", (double)sum->counts.classes[CLASS_SEVERE]},
            {"Unparsed", "Count", (double)sum->unparsed},
        };
        const struct metrics_place place = {sum->account_id, sum->region};
        metrics_write(batch->guard, &place, metrics, sizeof metrics / sizeof *metrics,
                      batch->arena);
    }
}

void count_logs(struct guard *guard, const struct log_delivery *delivery, struct arena *arena,
                struct app_reply *reply) {
    struct log_batch batch = {
        .guard = guard,
        .delivery = delivery,
        .arena = arena,
        .is_on = !str_is_empty(guard->settings.control.state_table),
        .results = ARENA_ARRAY(arena, struct object_result, delivery->object_count),
        .sums = ARENA_ARRAY(arena, struct traffic_sum, delivery->object_count)};
    handle_all(&batch);
    write_metrics(&batch);
    reply_all(&batch, reply);
}
