/* SPDX-License-Identifier: Apache-2.0
 *
 * Access logs that were written: each object is read and counted once, for the load balancer that
 * its key names and the day that each line names. Objects may be of other accounts' load balancers
 * (a central bucket); table and permissions are our own.
 */
#include "log_object_internal.h"

/* An object of five minutes is read in less; what is not begun costs nothing. */
#define START_MS_MIN 1000

static const struct object_result COUNTED_BEFORE = {.status = OBJECT_DUPLICATE,
                                                    .why = {"it was counted before", 21}};

static struct object_result skipped(str why) {
    return (struct object_result){.status = OBJECT_SKIPPED, .why = why};
}

static struct object_result failed(str why) {
    return (struct object_result){.status = OBJECT_FAILED, .why = why};
}

static struct traffic_sum *sum_of(struct log_batch *log_batch, const struct log_traffic *traffic) {
    for (size_t i = 0; i < log_batch->sum_count; i++) {
        struct traffic_sum *sum = &log_batch->sums[i];
        if (str_eq(sum->account_id, traffic->account_id) && str_eq(sum->region, traffic->region)) {
            return sum;
        }
    }
    struct traffic_sum *sum = &log_batch->sums[log_batch->sum_count++];
    *sum = (struct traffic_sum){.account_id = traffic->account_id, .region = traffic->region};
    return sum;
}

static void add_to_sum(struct log_batch *log_batch, const struct log_traffic *traffic) {
    struct traffic_sum *sum = sum_of(log_batch, traffic);
    sum->unparsed += traffic->unparsed;
    sum->counts.requests += traffic->totals.requests;
    for (size_t class = 0; class < CLASS_COUNT; class ++) {
        sum->counts.classes[class] += traffic->totals.classes[class];
    }
}

/* What is gone, or another object by now, of which another event tells, stays so. */
static struct object_result unread(enum status status, const struct error *error) {
    if (status == STATUS_NOT_FOUND && str_eq(error->aws_code, STR("NoSuchKey"))) {
        return skipped(STR("it does not exist any more"));
    }
    if (status == STATUS_CONFLICT) {
        return skipped(STR("it was replaced since"));
    }
    return failed(error->message);
}

static void log_counted(const struct guard *guard, str key, const struct log_traffic *traffic) {
    LOG(guard->log, LOG_INFO, "counted", LOG_STR("key", key), LOG_STR("resourceId", traffic->arn),
        LOG_INT("requests", (int64_t)traffic->totals.requests),
        LOG_INT("days", (int64_t)traffic->day_count),
        LOG_INT("unparsed", (int64_t)traffic->unparsed),
        LOG_INT("withoutTime", (int64_t)traffic->untallied));
}

static struct object_result read_and_count(struct log_batch *log_batch,
                                           const struct log_object *object,
                                           struct log_traffic *traffic, struct arena *arena) {
    struct guard *guard = log_batch->guard;
    struct error error = {0};
    enum status status = log_object_read(&guard->home, object, arena, traffic, &error);
    if (status != STATUS_OK) {
        return unread(status, &error);
    }
    if (!str_is_empty(traffic->foreign)) {
        return skipped(traffic->foreign);
    }
    const struct state_table table = {.client = &guard->home,
                                      .name = guard->settings.control.state_table,
                                      .writer = guard->log->request_id};
    int64_t now_ms = guard->clock->now_ms(guard->clock);
    status = traffic_count_object(&table, object, traffic, now_ms, arena, &error);
    if (status != STATUS_OK) {
        return status == STATUS_CONFLICT ? COUNTED_BEFORE : failed(error.message);
    }
    log_counted(guard, object->key, traffic);
    add_to_sum(log_batch, traffic);
    return (struct object_result){
        .status = str_is_empty(traffic->damage) ? OBJECT_COUNTED : OBJECT_DAMAGED,
        .requests = traffic->totals.requests,
        .why = traffic->damage,
    };
}

static bool is_on(const struct guard *guard) {
    return !str_is_empty(guard->settings.control.state_table);
}

/* It may have been counted, and that be forgotten: an archive can be replayed at any time. */
static bool is_too_old(const struct log_batch *log_batch, const struct log_traffic *traffic) {
    const struct clock *clock = log_batch->guard->clock;
    return clock->now_ms(clock) - traffic->delivered_ms > TRAFFIC_ACCEPTED_MS;
}

static struct object_result handle_one(struct log_batch *log_batch, const struct log_object *object,
                                       struct arena *arena) {
    struct log_traffic *traffic = ARENA_NEW(arena, struct log_traffic);
    str why;
    if (!str_is_empty(object->ignored_because)) {
        return skipped(object->ignored_because);
    }
    if (!log_object_is_access_log(object->key, arena, traffic, &why)) {
        return skipped(why);
    }
    if (!is_on(log_batch->guard)) {
        return skipped(STR("STATE_TABLE is not set"));
    }
    if (is_too_old(log_batch, traffic)) {
        return skipped(STR("too old to be counted once for certain: see `bootstrap logs`"));
    }
    if (aws_client_time_left_ms(&log_batch->guard->home) < START_MS_MIN) {
        return failed(STR("no time was left for it"));
    }
    return read_and_count(log_batch, object, traffic, arena);
}

/* One line for each that was not simply counted. */
static void log_result(const struct guard *guard, const struct log_object *object,
                       const struct object_result *result) {
    bool is_bad = result->status == OBJECT_FAILED || result->status == OBJECT_DAMAGED;
    if (result->status != OBJECT_COUNTED) {
        LOG(guard->log, is_bad ? LOG_ERROR : LOG_INFO,
            is_bad ? object_status_name(result->status) : "ignored",
            LOG_STR("bucket", object->bucket), LOG_STR("key", object->key),
            LOG_STR("reason", result->why));
    }
}

static void handle_all(struct log_batch *log_batch) {
    const struct log_delivery *delivery = log_batch->delivery;
    struct arena scratch = {0};
    for (size_t i = 0; i < delivery->object_count; i++) {
        const struct log_object *object = &delivery->objects[i];
        struct object_result *result = &log_batch->results[i];
        *result = handle_one(log_batch, object, &scratch);
        result->why = str_copy(log_batch->arena, result->why);
        if (is_on(log_batch->guard)) {
            log_result(log_batch->guard, object, result);
        }
        arena_reset(&scratch);
    }
    arena_clean_up(&scratch);
}

/* Not an error: whoever has no table wants no evidence. One line says so for all objects. */
static void log_off(const struct guard *guard) {
    LOG(guard->log, LOG_WARN, "off", LOG_STR("part", STR("evidence from access logs")),
        LOG_STR("reason", STR("STATE_TABLE is not set")));
}

static void log_bad_messages(const struct log_batch *log_batch) {
    for (size_t i = 0; i < log_batch->delivery->message_count; i++) {
        const struct log_message *message = &log_batch->delivery->messages[i];
        if (!str_is_empty(message->problem)) {
            LOG(log_batch->guard->log, LOG_ERROR, "failed", LOG_STR("messageId", message->id),
                LOG_STR("reason", message->problem));
        }
    }
}

void log_objects_handle(struct guard *guard, const struct log_delivery *delivery,
                        struct arena *arena, struct app_reply *reply) {
    struct log_batch log_batch = {
        .guard = guard,
        .delivery = delivery,
        .arena = arena,
        .results = ARENA_ARRAY(arena, struct object_result, delivery->object_count),
        .sums = ARENA_ARRAY(arena, struct traffic_sum, delivery->object_count),
    };
    log_bad_messages(&log_batch);
    if (!is_on(guard)) {
        log_off(guard);
    }
    handle_all(&log_batch);
    log_objects_write_metrics(&log_batch);
    log_objects_reply(&log_batch, reply);
}
