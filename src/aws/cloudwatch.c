/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON 1.0 with X-Amz-Target: the one of CloudWatch's protocols whose answers the other services'
 * parser reads. A few calls at a time, each with its pages, so that memory does not grow with the
 * number of load balancers.
 */
#include "aws/cloudwatch.h"

#include "base/ascii.h"
#include "call_internal.h"

#define OPERATION "GetMetricData"
/* Far below CloudWatch's rate for one account; the memory of as many pages. */
#define IN_FLIGHT_MAX 3
/* Of the 100,800 that CloudWatch would give: each is two JSON values, of which 100,000 are read of
 * one text. */
#define DATAPOINTS_MAX 40000
/* Of 500 queries at their longest and a token, every byte of them escaped. */
#define BODY_BYTES_MAX  ((size_t)2 * 1024 * 1024)
#define NAME_BYTES_MAX  255
#define TOKEN_BYTES_MAX 65536
#define TIMEOUT_MS      15000
/* As many as 500 queries have in 15 days of minutes, the most that CloudWatch keeps. */
#define PAGES_MAX 275

/* What one page holds of a series. */
struct sum {
    double sum;
    size_t points;
    int64_t newest_ms;
    bool is_complete; /* as its latest page says */
};

/* Up to 500 neighbours, asked for together. A round of at most three groups. Each has its own
 * pages, and a round ends with the last of them:
 *
 *   series[]   0 ........ 499 | 500 ...... 999 | 1000 .. 1400 | 1500 ...     (next round)
 *   groups        groups[0]   |   groups[1]    |  groups[2]   |
 *   pages         1, 2, 3     |   1            |  1, 2        |              NextToken of each
 *
 * The answer of one page is read into `read` and added only when the call has succeeded, because an
 * answer that breaks off is parsed again from its beginning. */
struct group {
    struct cloudwatch_series *series;
    size_t count;
    str next_token; /* empty on the first page */
    int page_count;
    bool is_done;
    /* of the page that was just parsed, in its arena */
    struct sum *read;
    str read_token;
};

/* ---- what is asked ---- */

static void write_query(struct json_writer *writer, const struct cloudwatch_series *series,
                        size_t number, struct arena *arena) {
    json_object_begin(writer);
    json_write_member(writer, "Id", str_format(arena, "m%zu", number));
    json_write_key(writer, STR("MetricStat"));
    json_object_begin(writer);
    json_write_key(writer, STR("Metric"));
    json_object_begin(writer);
    json_write_member(writer, "Namespace", STR("AWS/ApplicationELB"));
    json_write_member(writer, "MetricName", str_from_cstr(series->metric));
    json_write_key(writer, STR("Dimensions"));
    json_array_begin(writer);
    json_object_begin(writer);
    json_write_member(writer, "Name", STR("LoadBalancer"));
    json_write_member(writer, "Value", series->load_balancer);
    json_object_end(writer);
    json_array_end(writer);
    json_object_end(writer);
    json_write_member_i64(writer, "Period", series->period_s);
    json_write_member(writer, "Stat", STR("Sum"));
    json_object_end(writer);
    json_object_end(writer);
}

/* From the earliest start to the latest end of the group. EndTime is exclusive, and in whole
 * seconds here: rounded up, so that the last period is in. */
static void write_range(struct json_writer *writer, const struct group *group) {
    int64_t start_ms = group->series[0].start_ms;
    int64_t end_ms = group->series[0].end_ms;
    for (size_t i = 1; i < group->count; i++) {
        const struct cloudwatch_series *one = &group->series[i];
        start_ms = one->start_ms < start_ms ? one->start_ms : start_ms;
        end_ms = one->end_ms > end_ms ? one->end_ms : end_ms;
    }
    json_write_member_i64(writer, "StartTime", start_ms / MS_PER_SECOND);
    json_write_member_i64(writer, "EndTime", (end_ms + MS_PER_SECOND - 1) / MS_PER_SECOND);
}

/* ---- what is answered ---- */

/* "m17" -> 17; the group's count when it is none of ours. CloudWatch demands a small letter at the
 * start of an Id, and answers in an order of its own. */
static size_t number_of_id(str id, size_t count) {
    int64_t number = -1;
    bool is_ours = str_starts_with(id, STR("m")) &&
                   str_parse_i64(str_slice(id, 1, id.len), &number) && number >= 0 &&
                   number < (int64_t)count;
    return is_ours ? (size_t)number : count;
}

/* A moment far from any that a metric can have would not fit into milliseconds. */
#define SECONDS_MAX 1e11

static void add_point(struct sum *sum, const struct cloudwatch_series *series, double time_s,
                      double value) {
    int64_t time_ms = (int64_t)(time_s * (double)MS_PER_SECOND);
    bool is_within = time_ms >= series->start_ms && time_ms < series->end_ms;
    int64_t period_ms = series->period_s * MS_PER_SECOND;
    if (!is_within) {
        return;
    }
    sum->sum += value;
    sum->points++;
    sum->newest_ms = time_ms > sum->newest_ms ? time_ms : sum->newest_ms;
    if (series->values != NULL) { /* set, not added: the same answer may be read again */
        series->values[(time_ms - series->start_ms) / period_ms] = value;
    }
}

static enum status parse_points(const struct json *result, const struct cloudwatch_series *series,
                                struct sum *sum, struct arena *arena, struct error *error) {
    const struct json *times = json_get(result, "Timestamps");
    const struct json *values = json_get(result, "Values");
    if (!json_is_array(times) || !json_is_array(values) ||
        json_count(times) != json_count(values)) {
        return error_set(error, arena, STATUS_INCOMPLETE, "a series without a value for each time");
    }
    const struct json *value = json_first(values);
    for (const struct json *time = json_first(times); time != NULL; time = json_next(time)) {
        double seconds = 0;
        double number = 0;
        if (!json_number(time, &seconds) || !json_number(value, &number) || seconds < 0 ||
            seconds > SECONDS_MAX) {
            return error_set(error, arena, STATUS_INCOMPLETE, "a value that is no number");
        }
        add_point(sum, series, seconds, number);
        value = json_next(value);
    }
    return STATUS_OK;
}

static enum status parse_page(void *context, struct arena *arena,
                              const struct http_response *response, struct error *error) {
    struct group *group = context;
    const struct json *root = NULL;
    TRY(json_answer(arena, response, &root, error));
    const struct json *results = json_get(root, "MetricDataResults");
    if (!json_is_array(results)) {
        return error_set(error, arena, STATUS_INCOMPLETE, "no list of MetricDataResults");
    }
    group->read = ARENA_ARRAY(arena, struct sum, group->count);
    for (size_t i = 0; i < group->count; i++) {
        group->read[i].is_complete = group->series[i].is_complete;
    }
    for (const struct json *one = json_first(results); one != NULL; one = json_next(one)) {
        size_t i = number_of_id(json_get_string(one, "Id"), group->count);
        if (i == group->count) {
            return error_set(error, arena, STATUS_INCOMPLETE, "a series that was not asked for");
        }
        TRY(parse_points(one, &group->series[i], &group->read[i], arena, error));
        group->read[i].is_complete = str_eq(json_get_string(one, "StatusCode"), STR("Complete"));
    }
    group->read_token = json_get_string(root, "NextToken");
    return group->read_token.len <= TOKEN_BYTES_MAX
               ? STATUS_OK
               : error_set(error, arena, STATUS_INCOMPLETE, "a token too long");
}

/* ---- pages and groups ---- */

static struct aws_request page_request(struct group *group, struct arena *arena) {
    struct service_call call;
    service_call_begin(&call, arena, BODY_BYTES_MAX,
                       &(struct aws_request){.service = AWS_CLOUDWATCH,
                                             .operation = OPERATION,
                                             .timeout_ms = TIMEOUT_MS,
                                             .parse = parse_page,
                                             .context = group});
    write_range(&call.writer, group);
    json_write_member_i64(&call.writer, "MaxDatapoints", DATAPOINTS_MAX);
    json_write_key(&call.writer, STR("MetricDataQueries"));
    json_array_begin(&call.writer);
    for (size_t i = 0; i < group->count; i++) {
        write_query(&call.writer, &group->series[i], i, arena);
    }
    json_array_end(&call.writer);
    if (!str_is_empty(group->next_token)) {
        json_write_member(&call.writer, "NextToken", group->next_token);
    }
    enum status status = service_call_end(&call, NULL);
    ASSERT(status == STATUS_OK);
    return call.request;
}

/* Only after the call: an answer that is asked for again must not count twice. `arena` outlives the
 * page. PAGES_MAX and a token that repeats end a listing that does not end by itself. */
static enum status keep_page(struct group *group, struct arena *arena, struct error *error) {
    for (size_t i = 0; i < group->count; i++) {
        struct cloudwatch_series *series = &group->series[i];
        const struct sum *read = &group->read[i];
        series->sum += read->sum;
        series->points += read->points;
        series->newest_ms =
            read->newest_ms > series->newest_ms ? read->newest_ms : series->newest_ms;
        series->is_complete = read->is_complete;
    }
    group->is_done = str_is_empty(group->read_token);
    bool is_endless = !group->is_done && (++group->page_count == PAGES_MAX ||
                                          str_eq(group->read_token, group->next_token));
    group->next_token = str_copy(arena, group->read_token);
    return is_endless ? error_set(error, arena, STATUS_INCOMPLETE,
                                  "cloudwatch " OPERATION ": no end of pages")
                      : STATUS_OK;
}

/* The next page of each group that has one; *asked_out: how many had. */
static enum status read_pages(struct aws_client *client, struct group *groups, size_t count,
                              struct arena *arena, size_t *asked_out, struct error *error) {
    struct arena scratch = {0};
    struct aws_request requests[IN_FLIGHT_MAX];
    struct aws_outcome outcomes[IN_FLIGHT_MAX];
    struct error cause = {.status = STATUS_OK};
    enum status status = STATUS_OK;
    size_t asked = 0;
    for (size_t i = 0; i < count; i++) {
        if (!groups[i].is_done) {
            requests[asked++] = page_request(&groups[i], &scratch);
        }
    }
    if (asked > 0) {
        status = aws_call_all(client, requests, asked, IN_FLIGHT_MAX, &scratch, outcomes, &cause);
    }
    for (size_t i = 0; i < asked && status == STATUS_OK; i++) {
        status = outcomes[i].status;
        cause = outcomes[i].error;
        if (status == STATUS_OK) {
            status = keep_page(requests[i].context, arena, &cause);
        }
    }
    if (status != STATUS_OK) {
        error_copy(error, arena, &cause);
    }
    *asked_out = asked;
    arena_clean_up(&scratch);
    return status;
}

/* Up to IN_FLIGHT_MAX groups to their last pages. */
static enum status read_groups(struct aws_client *client, struct cloudwatch_series *series,
                               size_t count, struct arena *arena, struct error *error) {
    struct group groups[IN_FLIGHT_MAX];
    size_t group_count = 0;
    size_t asked = 0;
    enum status status;
    for (size_t at = 0; at < count; at += CLOUDWATCH_QUERIES_MAX) {
        size_t left = count - at;
        ASSERT(group_count < IN_FLIGHT_MAX);
        groups[group_count++] = (struct group){
            .series = &series[at],
            .count = left < CLOUDWATCH_QUERIES_MAX ? left : CLOUDWATCH_QUERIES_MAX,
        };
    }
    do {
        status = read_pages(client, groups, group_count, arena, &asked, error);
    } while (status == STATUS_OK && asked > 0);
    for (size_t i = 0; i < count; i++) { /* a listing that broke off is not complete */
        series[i].is_complete = series[i].is_complete && groups[i / CLOUDWATCH_QUERIES_MAX].is_done;
    }
    return status;
}

/* ---- all of them ---- */

static bool is_name_character(char c) {
    return c == ' ' || ascii_is_graphic(c);
}

static bool is_name(str name) {
    return name.len > 0 && name.len <= NAME_BYTES_MAX && ascii_has_only(name, is_name_character);
}

static bool is_series(const struct cloudwatch_series *series) {
    return is_name(str_from_cstr(series->metric)) && is_name(series->load_balancer) &&
           series->period_s > 0 && series->period_s % 60 == 0 && series->start_ms >= 0 &&
           series->start_ms < series->end_ms;
}

enum status cloudwatch_get_sums(struct aws_client *client, struct cloudwatch_series *series,
                                size_t count, struct arena *arena, struct error *error) {
    const size_t round_count = (size_t)IN_FLIGHT_MAX * CLOUDWATCH_QUERIES_MAX;
    for (size_t i = 0; i < count; i++) {
        if (!is_series(&series[i])) {
            return error_set(error, arena, STATUS_INVALID,
                             "cloudwatch " OPERATION ": series %zu cannot be one", i + 1);
        }
        series[i].sum = 0;
        series[i].points = 0;
        series[i].newest_ms = 0;
        series[i].is_complete = false;
    }
    for (size_t at = 0; at < count; at += round_count) {
        size_t left = count - at;
        TRY(read_groups(client, &series[at], left < round_count ? left : round_count, arena,
                        error));
    }
    return STATUS_OK;
}
