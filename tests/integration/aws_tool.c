/* SPDX-License-Identifier: Apache-2.0
 *
 * The calls of S3, CloudWatch and DynamoDB as a filter, for test_aws_clients.py: one JSON order a
 * line on stdin, one JSON result a line on stdout. Where AWS is and who asks comes from the
 * environment, as in the function. Every result has "status" and "message"; further by "call":
 *
 * "s3_get":     bucket, key, e_tag, region -> sha256, pieces, bytes, e_tag
 * "s3_put":     bucket, key, e_tag, region, type, body_hex
 * "cloudwatch": series: [{metric, load_balancer, start_ms, end_ms, period_s}] -> series: [{sum,
 *               points, newest_ms, is_complete}]
 * "transact":   table, token, actions: [{put: true (a new item) or false (adds 1 to "n" of one that
 *               is there), pk, sk}] -> failed
 * "scan":       table, sk, sk_prefix, attributes -> pages, items: [[attribute values]]
 */
#include <stdio.h>
#include <stdlib.h>

#include "aws/cloudwatch.h"
#include "aws/dynamodb.h"
#include "aws/s3.h"
#include "base/buf.h"
#include "base/json.h"
#include "net/http_curl.h"

#define LINE_BYTES_MAX  (1 << 20)
#define BYTES_MAX       ((size_t)64 * 1024 * 1024)
#define SCAN_NAMES_MAX  8
#define TRANSACTION_MAX 100

struct order {
    struct aws_client *client;
    const struct json *line;
    struct json_writer *writer; /* of the result */
    struct arena *arena;
    struct error *error;
};

static str text_of(const struct order *order, const char *key) {
    return json_get_string(order->line, key);
}

static int64_t number_of(const struct json *object, const char *key) {
    double number = 0;
    (void)json_number(json_get(object, key), &number);
    return (int64_t)number;
}

static void write_number(struct json_writer *writer, const char *key, int64_t value) {
    json_write_key(writer, str_from_cstr(key));
    json_write_i64(writer, value);
}

/* ---- s3 ---- */

static int hex_digit(char c) {
    return c <= '9' ? c - '0' : c - 'a' + 10;
}

static str bytes_from_hex(struct arena *arena, str hex) {
    char *bytes = arena_alloc(arena, hex.len / 2 + 1);
    for (size_t i = 0; i < hex.len / 2; i++) {
        bytes[i] = (char)(hex_digit(hex.ptr[2 * i]) * 16 + hex_digit(hex.ptr[2 * i + 1]));
    }
    return (str){bytes, hex.len / 2};
}

static struct s3_object object_of(const struct order *order) {
    return (struct s3_object){text_of(order, "region"),
                              text_of(order, "bucket"),
                              text_of(order, "key"),
                              text_of(order, "e_tag"), STR_EMPTY};
}

struct taken {
    struct buf bytes;
    int64_t pieces;
};

static enum status take_piece(void *context, str piece, struct error *error) {
    struct taken *taken = context;
    (void)error;
    buf_append(&taken->bytes, piece);
    taken->pieces++;
    return buf_status(&taken->bytes);
}

static enum status do_s3_get(const struct order *order) {
    struct taken taken = {.pieces = 0};
    const struct s3_object object = object_of(order);
    const struct s3_sink sink = {&taken, take_piece};
    str e_tag = STR_EMPTY;
    buf_init(&taken.bytes, order->arena, BYTES_MAX);
    enum status status =
        s3_get_object(order->client, &object, &sink, order->arena, &e_tag, order->error);
    json_write_member(order->writer, "e_tag", e_tag);
    json_write_member(order->writer, "sha256", sha256_hex(order->arena, buf_str(&taken.bytes)));
    write_number(order->writer, "pieces", taken.pieces);
    write_number(order->writer, "bytes", (int64_t)taken.bytes.len);
    return status;
}

static enum status do_s3_put(const struct order *order) {
    const struct s3_object object = object_of(order);
    const char *type = str_to_cstr(order->arena, text_of(order, "type"));
    str body = bytes_from_hex(order->arena, text_of(order, "body_hex"));
    return s3_put_object(order->client, &object, type, body, order->arena, order->error);
}

/* ---- cloudwatch ---- */

static enum status do_cloudwatch(const struct order *order) {
    const struct json *list = json_get(order->line, "series");
    struct cloudwatch_series *series =
        ARENA_ARRAY(order->arena, struct cloudwatch_series, json_count(list));
    size_t count = 0;
    for (const struct json *one = json_first(list); one != NULL; one = json_next(one)) {
        series[count++] = (struct cloudwatch_series){
            .metric = str_to_cstr(order->arena, json_get_string(one, "metric")),
            .load_balancer = json_get_string(one, "load_balancer"),
            .start_ms = number_of(one, "start_ms"),
            .end_ms = number_of(one, "end_ms"),
            .period_s = (int)number_of(one, "period_s"),
        };
    }
    enum status status =
        cloudwatch_get_sums(order->client, series, count, order->arena, order->error);
    json_write_key(order->writer, STR("series"));
    json_array_begin(order->writer);
    for (size_t i = 0; i < count; i++) {
        json_object_begin(order->writer);
        json_write_key(order->writer, STR("sum"));
        json_write_double(order->writer, series[i].sum);
        write_number(order->writer, "points", (int64_t)series[i].points);
        write_number(order->writer, "newest_ms", series[i].newest_ms);
        json_write_key(order->writer, STR("is_complete"));
        json_write_bool(order->writer, series[i].is_complete);
        json_object_end(order->writer);
    }
    json_array_end(order->writer);
    return status;
}

/* ---- dynamodb ---- */

static const struct dynamodb_attribute ONE = {{":one", 4}, DYNAMODB_NUMBER, {"1", 1}};

static struct dynamodb_action put_of(const struct json *one, str table, struct arena *arena) {
    struct dynamodb_attribute *key = ARENA_ARRAY(arena, struct dynamodb_attribute, 2);
    struct dynamodb_put *put = ARENA_NEW(arena, struct dynamodb_put);
    key[0] = dynamodb_string(DYNAMODB_PK, json_get_string(one, "pk"));
    key[1] = dynamodb_string(DYNAMODB_SK, json_get_string(one, "sk"));
    *put = (struct dynamodb_put){
        .table = table,
        .item = {key, 2},
        .expression = {.condition = STR("attribute_not_exists(pk)")},
    };
    return (struct dynamodb_action){.put = put};
}

static struct dynamodb_action update_of(const struct json *one, str table, struct arena *arena) {
    struct dynamodb_update *update = ARENA_NEW(arena, struct dynamodb_update);
    *update = (struct dynamodb_update){
        .table = table,
        .key = {json_get_string(one, "pk"), json_get_string(one, "sk")},
        .update = STR("ADD n :one"),
        .expression = {STR("attribute_exists(pk)"), NULL, 0, &ONE, 1},
    };
    return (struct dynamodb_action){.update = update};
}

static enum status do_transact(const struct order *order) {
    struct dynamodb_action actions[TRANSACTION_MAX];
    struct dynamodb_transaction transaction = {.actions = actions,
                                               .token = text_of(order, "token")};
    const struct json *list = json_get(order->line, "actions");
    size_t failed = TRANSACTION_MAX;
    for (const struct json *one = json_first(list);
         one != NULL && transaction.count < TRANSACTION_MAX;
         one = json_next(one)) {
        bool is_put = json_bool(json_get(one, "put"), false);
        actions[transaction.count++] =
            (is_put ? put_of : update_of)(one, text_of(order, "table"), order->arena);
    }
    enum status status =
        dynamodb_transact_write(order->client, &transaction, order->arena, &failed, order->error);
    write_number(order->writer, "failed", (int64_t)failed);
    return status;
}

struct scanned {
    struct json_writer *writer;
    int64_t pages;
};

static enum status take_items(void *context,
                              const struct dynamodb_item *items,
                              size_t count,
                              struct error *error) {
    struct scanned *scanned = context;
    (void)error;
    scanned->pages++;
    for (size_t i = 0; i < count; i++) {
        json_array_begin(scanned->writer);
        for (size_t k = 0; k < items[i].count; k++) {
            json_write_str(scanned->writer, items[i].attributes[k].value);
        }
        json_array_end(scanned->writer);
    }
    return STATUS_OK;
}

static enum status do_scan(const struct order *order) {
    const char *names[SCAN_NAMES_MAX];
    struct dynamodb_scan scan = {
        .table = text_of(order, "table"),
        .sk = text_of(order, "sk"),
        .sk_prefix = text_of(order, "sk_prefix"),
        .attributes = names,
    };
    const struct json *list = json_get(order->line, "attributes");
    for (const struct json *one = json_first(list);
         one != NULL && scan.attribute_count < SCAN_NAMES_MAX;
         one = json_next(one)) {
        names[scan.attribute_count++] = str_to_cstr(order->arena, json_string(one));
    }
    struct scanned scanned = {order->writer, 0};
    const struct dynamodb_sink sink = {&scanned, take_items};
    json_write_key(order->writer, STR("items"));
    json_array_begin(order->writer);
    enum status status = dynamodb_scan(order->client, &scan, &sink, order->arena, order->error);
    json_array_end(order->writer);
    write_number(order->writer, "pages", scanned.pages);
    return status;
}

/* ---- orders and results ---- */

static const struct {
    const char *name;
    enum status (*carry_out)(const struct order *order);
} CALLS[] = {
    {"s3_get", do_s3_get},
    {"s3_put", do_s3_put},
    {"cloudwatch", do_cloudwatch},
    {"transact", do_transact},
    {"scan", do_scan},
};

static enum status carry_out(const struct order *order) {
    str name = text_of(order, "call");
    for (size_t i = 0; i < sizeof CALLS / sizeof *CALLS; i++) {
        if (str_eq(name, str_from_cstr(CALLS[i].name))) {
            return CALLS[i].carry_out(order);
        }
    }
    return error_set(order->error, order->arena, STATUS_UNSUPPORTED, "no such call");
}

static void answer_line(struct aws_client *client, str line, struct arena *arena) {
    struct buf out;
    struct json_writer writer;
    struct error error = {.status = STATUS_OK};
    struct order order = {client, NULL, &writer, arena, &error};
    buf_init(&out, arena, BYTES_MAX);
    json_writer_init(&writer, &out);
    json_object_begin(&writer);
    enum status status = json_parse(arena, line, &JSON_LIMITS_DEFAULT, &order.line, NULL);
    status = status == STATUS_OK ? carry_out(&order) : status;
    json_write_member(&writer, "status", str_from_cstr(status_name(status)));
    json_write_member(&writer, "message", error.message);
    json_object_end(&writer);
    buf_append_char(&out, '\n');
    fwrite(out.ptr, 1, out.len, stdout);
}

static enum status connect_client(struct aws_client *client,
                                  struct arena *arena,
                                  struct error *error) {
    struct transport *transport;
    const struct env *env = env_process();
    const struct http_curl_options options = {
        .trust = HTTP_TRUST_NONE,
        .user_agent = STR("aws-tool"),
        .allows_plain_http = true,
    };
    TRY(http_curl_init(arena, clock_system(), &options, &transport, error));
    TRY(aws_client_init(client, transport, clock_system(), env, arena, error));
    client->region = env_get(env, "AWS_REGION");
    return STATUS_OK;
}

int main(void) {
    static char line[LINE_BYTES_MAX];
    struct aws_client client;
    struct arena process = {0};
    struct arena arena = {0};
    struct error error = {.status = STATUS_OK};
    if (connect_client(&client, &process, &error) != STATUS_OK) {
        fprintf(stderr, "%.*s\n", (int)error.message.len, error.message.ptr);
        arena_clean_up(&process);
        return EXIT_FAILURE;
    }
    while (fgets(line, sizeof line, stdin) != NULL) {
        answer_line(&client, str_from_cstr(line), &arena);
        arena_reset(&arena);
    }
    arena_clean_up(&arena);
    arena_clean_up(&process);
    return ferror(stdin) || fflush(stdout) != 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
