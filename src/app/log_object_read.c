/* SPDX-License-Identifier: Apache-2.0
 *
 * One access-log object, from its key to counts an hour. It is read in pieces, unpacked and counted
 * as they come, so that its size costs time and no memory.
 */
#include <string.h>

#include "app_internal.h"
#include "aws/region.h"
#include "aws/s3.h"
#include "base/random.h"
#include "traffic/inflate.h"
#include "traffic/line_gate.h"

#define END_BYTES ((size_t)15) /* "20261123T0810Z_" */

/* "_20261123T0810Z_" behind the load balancer's id: the end of the five minutes. false: none. */
static bool parse_delivery(const struct access_log_key *key, str object_key, int64_t *ms_out) {
    size_t from = (size_t)(key->id.ptr - object_key.ptr) + key->id.len + 1;
    str end = str_slice(object_key, from, from + END_BYTES);
    char text[] = "yyyy-mm-ddThh:mm:00Z";
    if (end.len < END_BYTES || end.ptr[8] != 'T' || end.ptr[13] != 'Z' || end.ptr[14] != '_') {
        return false;
    }
    memcpy(text, end.ptr, 4);
    memcpy(text + 5, end.ptr + 4, 2);
    memcpy(text + 8, end.ptr + 6, 2);
    memcpy(text + 11, end.ptr + 9, 2);
    memcpy(text + 14, end.ptr + 11, 2);
    return time_parse_iso8601(str_from_cstr(text), ms_out);
}

bool log_object_is_access_log(str key, struct arena *arena, struct log_traffic *traffic_out,
                              str *why_out) {
    struct access_log_key parts = access_log_key_parse(key);
    struct load_balancer_arn arn;
    *traffic_out = (struct log_traffic){.hour_count = 0};
    if (parts.kind == ACCESS_LOG_UNPARSED) {
        *why_out = STR("no access log of a load balancer");
    } else if (parts.kind != ACCESS_LOG_LINE) {
        *why_out = str_from_cstr(access_log_kind_name(parts.kind));
    } else if (!parts.is_compressed) {
        *why_out = STR("not compressed, as access logs of Application Load Balancers are");
    } else if (!parse_delivery(&parts, key, &traffic_out->delivered_ms)) {
        *why_out = STR("its key does not say when it was delivered");
    } else {
        traffic_out->account_id = parts.account_id;
        traffic_out->region = parts.region;
        traffic_out->arn =
            str_format(arena,
                       "arn:%" STR_FMT ":elasticloadbalancing:%" STR_FMT ":%" STR_FMT
                       ":loadbalancer/app/%" STR_FMT "/%" STR_FMT,
                       STR_ARG(partition_of_region(parts.region)), STR_ARG(parts.region),
                       STR_ARG(parts.account_id), STR_ARG(parts.name), STR_ARG(parts.id));
        *why_out = STR("its key names no load balancer");
        return load_balancer_arn_parse(traffic_out->arn, &arn) == STATUS_OK;
    }
    return false;
}

/* A byte may unpack to a thousand, and a small function counts slowly: between two looks at the
 * clock there is no more than some megabytes of text. */
#define FEED_BYTES ((size_t)4096)

/* RFC 1952, 2.3.1 */
#define GZIP_ID "\x1f\x8b"

/* From S3 to the tally. */
struct reading {
    struct aws_client *client;
    struct arena *arena;
    struct inflate *inflate;
    struct error damage;
    char head[sizeof GZIP_ID - 1]; /* the first bytes of the object */
    size_t head_len;
};

/* true of nothing, too */
static bool begins_as_gzip(const struct reading *reading) {
    return memcmp(reading->head, GZIP_ID, reading->head_len) == 0;
}

static void count_lines(void *context, str lines) {
    line_gate_take(context, lines);
}

/* What is behind the damage need not be fetched. What unpacks to more than there is time for is not
 * counted at all. */
static enum status unpack(void *context, str piece, struct error *error) {
    struct reading *reading = context;
    /* A piece may be as short as a byte. */
    for (size_t i = 0; i < piece.len && reading->head_len < sizeof reading->head; i++) {
        reading->head[reading->head_len++] = piece.ptr[i];
    }
    if (!begins_as_gzip(reading)) {
        return error_set(error, reading->arena, STATUS_INVALID, "it is not gzip");
    }
    for (size_t from = 0; from < piece.len; from += FEED_BYTES) {
        if (aws_client_time_left_ms(reading->client) <= 0) {
            return error_set(error, reading->arena, STATUS_DEADLINE,
                             "it unpacks to more than could be counted in the time there was");
        }
        TRY(inflate_feed(reading->inflate, str_slice(piece, from, from + FEED_BYTES),
                         &reading->damage));
    }
    return STATUS_OK;
}

static struct traffic_hour hour_of(const struct tally_hour *tallied) {
    const uint64_t *classes = tallied->counts.classes;
    struct traffic_hour hour = {
        .hour = tallied->hour,
        .counts = {.requests = tallied->counts.requests,
                   .compliant = classes[CLASS_COMPLIANT],
                   .acceptable = classes[CLASS_ACCEPTABLE],
                   .ambiguous = classes[CLASS_AMBIGUOUS],
                   .severe = classes[CLASS_SEVERE],
                   .unknown = classes[CLASS_UNKNOWN],
                   .unfamiliar = tallied->counts.unfamiliar,
                   .http1_lines = tallied->http1_lines,
                   .http1 = tallied->http1,
                   .http2 = tallied->http2,
                   .synthetic = tallied->synthetic,
                   .blocked_served = tallied->blocked_served,
                   .unserved = tallied->unserved,
                   .severe_served = tallied->severe_served,
                   .severe_unserved = tallied->severe_unserved,
                   .blocked_clients = tallied->blocked_clients},
        .newest_ms = tallied->newest_ms,
        .blocked_reason = tallied->blocked_reason,
    };
    memcpy(hour.slots, tallied->slots, sizeof hour.slots);
    return hour;
}

/* Lines that were not understood name no hour: they are of that of the delivery, whose time is the
 * end of the five minutes. */
static struct traffic_hour *find_delivery_hour(struct log_traffic *traffic) {
    int64_t number = (traffic->delivered_ms - 1) / TALLY_HOUR_MS;
    size_t i = 0;
    while (i < traffic->hour_count && traffic->hours[i].hour != number) {
        i++;
    }
    if (i == traffic->hour_count) {
        traffic->hours[traffic->hour_count++] = (struct traffic_hour){.hour = number};
    }
    return &traffic->hours[i];
}

/* The load balancer is that of the key, so that only the hour of a line matters. */
static void add_hours(struct log_traffic *traffic, const struct tally_result *result) {
    bool is_damaged = !str_is_empty(traffic->damage);
    for (size_t i = 0; i < result->hours->count; i++) {
        traffic->hours[traffic->hour_count++] = hour_of(&result->hours->hours[i]);
    }
    traffic->clients = result->hours->clients;
    if (result->unparsed + result->untallied > 0 || is_damaged || traffic->hour_count == 0) {
        struct traffic_hour *hour = find_delivery_hour(traffic);
        hour->counts.unparsed = result->unparsed;
        hour->counts.without_time = result->untallied;
        hour->counts.damaged = is_damaged ? 1 : 0;
    }
}

enum status log_object_read(struct aws_client *client, const struct log_object *object,
                            struct arena *arena, struct log_traffic *traffic, struct error *error) {
    struct tally_options options = {.counts_only = true, .has_hours = true};
    random_bytes(&options.hash_key, sizeof options.hash_key);
    struct line_gate gate = {.tally = tally_new(arena, &options)};
    const struct line_sink lines = {.context = &gate, .take = count_lines};
    struct reading reading = {.client = client, .arena = arena, .inflate = inflate_new(arena)};
    inflate_begin(reading.inflate, INFLATE_GZIP, &lines);
    /* No owner is demanded of the bucket: central log buckets belong to another account, and the
     * event is the only one to name it. */
    const struct s3_object source = {.region = object->region,
                                     .bucket = object->bucket,
                                     .key = object->key,
                                     .e_tag = object->e_tag};
    const struct s3_sink sink = {.context = &reading, .take = unpack};
    enum status status = s3_get_object(client, &source, &sink, arena, NULL, error);
    if (!begins_as_gzip(&reading)) {
        /* Elastic Load Balancing wrote no such thing, so that no log is lost by it. */
        traffic->foreign = STR("its content is not gzip, as that of access logs is");
        return STATUS_OK;
    }
    if (status != STATUS_OK && reading.damage.status == STATUS_OK) {
        return status;
    }
    if (reading.head_len == 0) {
        traffic->foreign = STR("it is empty");
        return STATUS_OK;
    }
    /* The status of damage stays, and the line that was cut short is handed on. */
    if (inflate_end(reading.inflate, &reading.damage) != STATUS_OK) {
        traffic->damage = reading.damage.message;
    }
    enum access_log_kind kind = line_gate_close(&gate, !str_is_empty(traffic->damage));
    if (kind != ACCESS_LOG_LINE) {
        traffic->foreign = str_from_cstr(access_log_kind_name(kind));
        return STATUS_OK;
    }
    struct tally_result result;
    tally_finish(gate.tally, &result);
    traffic->totals = result.totals;
    traffic->unparsed = result.unparsed;
    traffic->untallied = result.untallied;
    if (result.hours->is_cut) {
        return error_set(error, arena, STATUS_TOO_LARGE, "its lines are of more than %d hours",
                         TALLY_HOURS_MAX);
    }
    add_hours(traffic, &result);
    return STATUS_OK;
}
