/* SPDX-License-Identifier: Apache-2.0
 *
 * Access logs in a simulated account: objects in S3, announced by events, and the table (see
 * table_world.h) they are counted in; two copies of the
 * program, a fault at any call, and something that happens meanwhile.
 */
#ifndef LOG_WORLD_H
#define LOG_WORLD_H

#include <stdio.h>
#include <zlib.h>

#include "../../src/app/app_internal.h"
#include "aws_fixture.h"
#include "table_world.h"

#define LOG_ARN                                                                                    \
    "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/shop/0123456789abcdef"
#define LOG_FOLDER "AWSLogs/123456789012/elasticloadbalancing/eu-west-1/2026/11/23/"
#define LOG_KEY_OF(random)                                                                         \
    LOG_FOLDER "123456789012_elasticloadbalancing_eu-west-1_app.shop.0123456789abcdef_"            \
               "20261123T0805Z_198.51.100.7_" random ".log.gz"
#define LOG_KEY     LOG_KEY_OF("2fk8q1zx")
#define LOG_OBJECTS 16
#define LOG_TIME_MS 60000 /* of an invocation */
static const char *const LOG_NO_TABLE[] = {NULL};
static const char *const LOG_VARIABLES[] = {"STATE_TABLE", "ledger", NULL};

struct log_world_object {
    const char *key;
    const char *e_tag;
    str content;
};

struct log_fault {
    const char *match; /* counts only calls that hold this; NULL: all */
    size_t nth;        /* from 1; 0: none */
    bool is_lasting;
    bool is_after; /* carried out, but the answer is lost */
    struct fake_answer answer;
};

struct log_world {
    struct fake_transport fake;
    struct table *table;
    struct log_world_object objects[LOG_OBJECTS];
    size_t object_count;
    const char *const *variables;
    struct env env;
    struct log log;
    struct guard guard;
    struct arena process;
    struct arena arena;
    struct app_reply reply;
    struct buf log_text;
    struct buf metrics;
    struct log_fault fault;
    size_t fault_calls;
    size_t fault_hits;
    void (*meanwhile)(struct log_world *world); /* once, before a write */
};

/* ---- content ---- */

struct log_line {
    const char *time;   /* "2026-11-23T08:01:00.000000Z" */
    const char *class;  /* "-" */
    const char *reason; /* "-" */
};
#define LINE(time, class, reason)                                                                  \
    { (time), (class), (reason) }

static inline void log_append_line(struct buf *text, const struct log_line *line) {
    buf_printf(text,
               "https %s app/shop/0123456789abcdef 203.0.113.9:51002 10.0.0.1:80 0.001 0.002 0.000 "
               "200 200 300 512 \"GET https://shop.example:443/ HTTP/1.1\" \"curl/8.1\" "
               "ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 arn:aws:tg \"Root=1-5\" \"shop.example\" \"-\" "
               "0 %s \"forward\" \"-\" \"-\" \"10.0.0.1:80\" \"200\" \"%s\" \"%s\" TID_1\n",
               line->time, line->time, line->class, line->reason);
}

static inline str log_text_of(struct log_world *world, const struct log_line *lines, size_t count) {
    struct buf text;
    buf_init(&text, &world->fake.arena, 1 << 24);
    for (size_t i = 0; i < count; i++) {
        log_append_line(&text, &lines[i]);
    }
    assert_int_equal(buf_status(&text), STATUS_OK);
    return buf_str(&text);
}
#define LOG_TEXT(world, ...)                                                                       \
    log_text_of((world), (const struct log_line[]){__VA_ARGS__},                                   \
                sizeof((const struct log_line[]){__VA_ARGS__}) / sizeof(struct log_line))

static inline str log_zip(struct log_world *world, str text) {
    z_stream stream = {.next_in = (z_const Bytef *)(uintptr_t)text.ptr, .avail_in = (uInt)text.len};
    uLong size = compressBound((uLong)text.len) + 64;
    unsigned char *out = arena_alloc(&world->fake.arena, size);
    assert_int_equal(deflateInit2(&stream, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    stream.next_out = out;
    stream.avail_out = (uInt)size;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    size_t len = stream.total_out;
    assert_int_equal(deflateEnd(&stream), Z_OK);
    return (str){(const char *)out, len};
}

static inline struct log_world_object *log_put(struct log_world *world, const char *key,
                                               str content) {
    assert_true(world->object_count < LOG_OBJECTS);
    struct log_world_object *object = &world->objects[world->object_count++];
    *object = (struct log_world_object){.key = key, .e_tag = "e1", .content = content};
    return object;
}

#define LOG_PUT(world, key, ...)                                                                   \
    log_put((world), (key), log_zip((world), LOG_TEXT((world), __VA_ARGS__)))

/* ---- S3 ---- */

static inline str log_header(const struct http_request *request, const char *name) {
    const struct http_response headers = {.headers = request->headers,
                                          .header_count = request->header_count};
    return http_header_get(&headers, name);
}

static inline struct fake_answer log_s3_error(int http_status, const char *code,
                                              struct arena *arena) {
    return (struct fake_answer){
        .http_status = http_status,
        .body = str_format(arena, "<Error><Code>%s</Code><Message>words</Message></Error>", code)};
}

static inline struct fake_answer log_s3(struct log_world *world,
                                        const struct http_request *request) {
    struct arena *arena = &world->fake.arena;
    for (size_t i = world->object_count; i-- > 0;) {
        const struct log_world_object *object = &world->objects[i];
        if (!str_ends_with(request->url, str_from_cstr(object->key))) {
            continue;
        }
        str tag = log_header(request, "If-Match");
        if (!str_is_empty(tag) && !str_contains(tag, str_from_cstr(object->e_tag))) {
            return log_s3_error(412, "PreconditionFailed", arena);
        }
        str range = log_header(request, "Range");
        if (object->content.len == 0) { /* S3 knows no range of it */
            return str_is_empty(range)
                       ? (struct fake_answer){.http_status = 200,
                                              .headers = "ETag: \"e1\"\nContent-Length: 0"}
                       : log_s3_error(416, "InvalidRange", arena);
        }
        long long first = 0;
        long long last = 0;
        assert_int_equal(sscanf(str_to_cstr(arena, range), "bytes=%lld-%lld", &first, &last), 2);
        long long size = (long long)object->content.len;
        last = last < size ? last : size - 1;
        str headers = str_format(arena, "ETag: \"%s\"\nContent-Range: bytes %lld-%lld/%lld",
                                 object->e_tag, first, last, size);
        return (struct fake_answer){
            .http_status = 206,
            .headers = str_to_cstr(arena, headers),
            .body = str_slice(object->content, (size_t)first, (size_t)last + 1)};
    }
    return log_s3_error(404, "NoSuchKey", arena);
}

/* ---- the program ---- */

static inline struct fake_answer log_serve(struct log_world *world,
                                           const struct http_request *request) {
    if (!table_is_asked(request)) {
        assert_true(str_contains(request->url, STR(".s3.")));
        return log_s3(world, request);
    }
    void (*meanwhile)(struct log_world *) = world->meanwhile;
    if (meanwhile != NULL && str_contains(log_header(request, "X-Amz-Target"), STR(".Update"))) {
        world->meanwhile = NULL;
        meanwhile(world);
    }
    return table_respond(world->table, request);
}

static inline bool log_is_at_fault(struct log_world *world, const struct http_request *request) {
    const struct log_fault *fault = &world->fault;
    if (fault->nth == 0 || !fake_matches(&world->fake, request, fault->match)) {
        return false;
    }
    world->fault_calls++;
    bool is_hit =
        fault->is_lasting ? world->fault_calls >= fault->nth : world->fault_calls == fault->nth;
    world->fault_hits += is_hit ? 1 : 0;
    return is_hit;
}

static inline struct fake_answer log_respond(void *context, const struct http_request *request) {
    struct log_world *world = context;
    struct fake_answer answer = {.http_status = 0};
    bool is_at_fault = log_is_at_fault(world, request);
    if (!is_at_fault || world->fault.is_after) {
        answer = log_serve(world, request);
    }
    answer = is_at_fault ? world->fault.answer : answer;
    answer.took_ms = answer.took_ms == 0 ? 20 : answer.took_ms;
    return answer;
}

static inline str log_variable(const struct env *env, const char *name) {
    const struct log_world *world = env->context;
    static const char *const USUAL[] = {
        "AWS_REGION",   "eu-west-1", "AWS_ACCESS_KEY_ID", FIXTURE_KEY_ID, "AWS_SECRET_ACCESS_KEY",
        FIXTURE_SECRET, NULL};
    const char *const *const lists[] = {world->variables, USUAL};
    for (size_t i = 0; i < 2; i++) {
        for (const char *const *pair = lists[i]; *pair != NULL; pair += 2) {
            if (strcmp(pair[0], name) == 0) {
                return str_from_cstr(pair[1]);
            }
        }
    }
    return STR_EMPTY;
}

static inline void log_keep(void *context, str line) {
    buf_append(context, line);
}

static inline void log_begin(struct log_world *world, const char *const *variables) {
    *world = (struct log_world){.variables = variables};
    world->env = (struct env){.get = log_variable, .context = world};
    fake_init(&world->fake);
    world->table = table_begin(&world->fake);
    world->fake.respond = log_respond;
    world->fake.respond_context = world;
    buf_init(&world->log_text, &world->fake.arena, 1 << 24);
    buf_init(&world->metrics, &world->fake.arena, 1 << 20);
    world->log = (struct log){.clock = &world->fake.clock,
                              .level_min = LOG_INFO,
                              .write = log_keep,
                              .context = &world->log_text};
    world->guard = (struct guard){.env = &world->env,
                                  .clock = &world->fake.clock,
                                  .log = &world->log,
                                  .metrics = {.write = log_keep, .context = &world->metrics}};
    struct error error = {0};
    if (guard_settings_parse(&world->env, &world->process, &world->guard.settings, &error) !=
            STATUS_OK ||
        app_connect(&world->guard, &world->fake.transport, &world->process, &error) != STATUS_OK) {
        fail_msg("%.*s", STR_ARG(error.message));
    }
}

static inline void log_end(struct log_world *world) {
    arena_clean_up(&world->process);
    arena_clean_up(&world->arena);
    fake_clean_up(&world->fake);
}

/* ---- events ---- */

static inline void log_append_record(struct buf *text, const char *key, const char *e_tag) {
    buf_printf(text,
               "{\"eventSource\":\"aws:s3\",\"awsRegion\":\"eu-west-1\",\"eventName\":"
               "\"ObjectCreated:Put\",\"s3\":{\"bucket\":{\"name\":\"logs\"},\"object\":{\"key\":"
               "\"%s\",\"eTag\":\"%s\"}}}",
               key, e_tag);
}

static inline str log_notification(struct log_world *world, const char *key, const char *e_tag) {
    struct buf text;
    buf_init(&text, &world->fake.arena, 1 << 16);
    buf_append(&text, STR("{\"Records\":["));
    log_append_record(&text, key, e_tag);
    buf_append(&text, STR("]}"));
    return buf_str(&text);
}

/* One message for each key; a key that begins with '{' is a body itself. */
static inline str log_queue(struct log_world *world, const char *const *keys, size_t count) {
    struct buf text;
    buf_init(&text, &world->fake.arena, 1 << 20);
    for (size_t i = 0; i < count; i++) {
        str body =
            keys[i][0] == '{' ? str_from_cstr(keys[i]) : log_notification(world, keys[i], "e1");
        buf_printf(&text, "%s{\"messageId\":\"m%zu\",\"body\":", i == 0 ? "{\"Records\":[" : ",",
                   i);
        json_append_quoted(&text, body);
        buf_append(&text, STR(",\"eventSource\":\"aws:sqs\"}"));
    }
    buf_append(&text, STR("]}"));
    return buf_str(&text);
}
#define LOG_QUEUE(world, ...)                                                                      \
    log_queue((world), (const char *const[]){__VA_ARGS__},                                         \
              sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static inline void log_handle(struct log_world *world, str event) {
    int64_t deadline_ms = world->fake.now_ms + LOG_TIME_MS;
    app_handle(&world->guard, event, deadline_ms, &world->arena, &world->reply);
}

/* The usual object, announced by a notification. */
static inline void log_notify(struct log_world *world) {
    log_handle(world, log_notification(world, LOG_KEY, "e1"));
}

/* ---- what came of it ---- */

static inline void log_answered(const struct log_world *world, const char *logs) {
    if (world->reply.is_error) {
        fail_msg("%.*s: %.*s", STR_ARG(world->reply.error_type),
                 STR_ARG(world->reply.error_message));
    }
    struct buf text;
    struct arena arena = {0};
    buf_init(&text, &arena, 1 << 20);
    buf_printf(&text,
               "{\"evaluations\":[],\"reported\":0,\"failed\":0,\"actions\":[],\"logObjects\":%s}",
               logs);
    buf_append_char(&text, '\0');
    assert_str(world->reply.body, text.ptr);
    arena_clean_up(&arena);
}

static inline size_t log_logged(const struct log_world *world, const char *text) {
    size_t count = 0;
    for (str rest = buf_str(&world->log_text); rest.ptr != NULL;) {
        count += str_contains(str_split(&rest, '\n'), str_from_cstr(text)) ? 1 : 0;
    }
    return count;
}

/* The counters of the items of a day and its hours added up, and of other attributes the greatest;
 * "" when there is none. */
static inline str log_values(struct log_world *world, const char *arn, const char *date,
                             const char *const *names, size_t count) {
    struct buf text;
    str sk = str_format(&world->fake.arena, "TRAFFIC#%s", date);
    buf_init(&text, &world->fake.arena, 1024);
    for (size_t n = 0; n < count; n++) {
        int64_t sum = 0;
        str greatest = STR_EMPTY;
        size_t items = 0;
        for (size_t i = 0; i < world->table->count; i++) {
            const struct table_item *item = &world->table->items[i];
            if (!str_eq(table_text(item, "pk"), str_from_cstr(arn)) ||
                !str_starts_with(table_text(item, "sk"), sk)) {
                continue;
            }
            int64_t value = 0;
            items++;
            str each = table_text(item, names[n]);
            sum += str_parse_i64(each, &value) ? value : 0;
            greatest = str_compare(each, greatest) > 0 ? each : greatest;
        }
        if (items > 0 && str_eq(str_from_cstr(names[n]), STR("newest_at"))) {
            buf_printf(&text, "%s%" STR_FMT, n == 0 ? "" : " ", STR_ARG(greatest));
        } else if (items > 0) {
            buf_printf(&text, "%s%lld", n == 0 ? "" : " ", (long long)sum);
        }
    }
    return buf_str(&text);
}

/* "requests compliant acceptable ambiguous severe unknown newest_at" of a day; "" when there is
 * none. */
static inline str log_day(struct log_world *world, const char *arn, const char *date) {
    static const char *const NAMES[] = {"requests", "compliant", "acceptable", "ambiguous",
                                        "severe",   "unknown",   "newest_at"};
    return log_values(world, arn, date, NAMES, sizeof NAMES / sizeof *NAMES);
}

static inline str log_not_understood(struct log_world *world, const char *arn, const char *date) {
    static const char *const NAMES[] = {"unfamiliar", "unparsed", "withoutTime", "damaged"};
    return log_values(world, arn, date, NAMES, sizeof NAMES / sizeof *NAMES);
}

#endif
