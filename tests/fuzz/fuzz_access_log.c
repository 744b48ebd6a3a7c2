/* SPDX-License-Identifier: Apache-2.0
 *
 * Access-log text: the fast look and the tokenizer must read every line alike; the tally must count
 * each line once, whichever way it comes and in whatever pieces; no slice may leave its line; and
 * nothing of the lines may break what is printed of them.
 */
#include "fuzz/fuzz.h"

#include "base/json.h"
#include "report/traffic.h"
#include "traffic/access_log_internal.h"
#include "traffic/tally.h"

static void hold_inside(const struct access_log_record *record, str line) {
    HOLD(fuzz_is_inside(record->time, line) && fuzz_is_inside(record->load_balancer, line));
    HOLD(fuzz_is_inside(record->client, line) && fuzz_is_inside(record->user_agent, line));
    HOLD(fuzz_is_inside(record->reason, line) && fuzz_is_inside(record->type, line));
    HOLD(fuzz_is_inside(record->elb_status, line) && fuzz_is_inside(record->target_status, line));
    HOLD(fuzz_is_inside(record->host, line) || str_eq(record->host, STR("-")));
    HOLD((unsigned)record->class < CLASS_COUNT);
}

static void hold_same(const struct access_log_record *a, const struct access_log_record *b) {
    HOLD(str_eq(a->time, b->time) && str_eq(a->load_balancer, b->load_balancer));
    HOLD(str_eq(a->client, b->client) && str_eq(a->host, b->host));
    HOLD(str_eq(a->user_agent, b->user_agent) && str_eq(a->reason, b->reason));
    HOLD(str_eq(a->type, b->type) && str_eq(a->elb_status, b->elb_status));
    HOLD(str_eq(a->target_status, b->target_status));
    HOLD(a->class == b->class);
}

/* The plainest way there is to take a line off the front. */
static str take_line(str *rest) {
    str line = str_split(rest, '\n');
    return str_ends_with(line, STR("\r")) ? str_slice(line, 0, line.len - 1) : line;
}

struct expected {
    uint64_t lines;
    uint64_t kinds[ACCESS_LOG_KIND_COUNT];
    uint64_t classes[CLASS_COUNT];
};

static void look_at_line(str *rest, struct expected *expected) {
    struct access_log_view view = {.quote_count = 0};
    struct access_log_record slow = {.field_count = 0};
    struct access_log_record fast;
    str lines = *rest;
    size_t taken = access_log_look(lines, &view);
    str line = take_line(rest);
    HOLD(taken > 0 && str_eq(view.line, line) && fuzz_is_inside(view.line, lines));
    HOLD(rest->ptr == NULL ? taken == lines.len : lines.ptr + taken == rest->ptr);
    enum access_log_kind kind = access_log_parse(line, &slow);
    if (kind == ACCESS_LOG_LINE) {
        hold_inside(&slow, line);
        expected->classes[slow.class]++;
    }
    if (view.is_modern) {
        HOLD(kind == ACCESS_LOG_LINE && slow.field_count >= 29);
        access_log_view_record(&view, &fast);
        hold_same(&slow, &fast);
        HOLD(view.is_plain == (slow.class == CLASS_COMPLIANT && slow.reason.len == 0) ||
             !view.is_plain);
    }
    if (line.len > 0) {
        expected->lines++;
        expected->kinds[kind]++;
    }
}

static void hold_counts(const struct tally_result *result, const struct expected *expected) {
    uint64_t kinds = 0;
    uint64_t tallied = result->untallied;
    HOLD(result->lines == expected->lines);
    HOLD(result->lines == result->totals.requests + result->unparsed);
    for (size_t i = 0; i < COUNT(expected->kinds); i++) {
        HOLD(result->kinds[i] == expected->kinds[i]);
        kinds += result->kinds[i];
    }
    HOLD(kinds == result->lines);
    for (size_t i = 0; i < CLASS_COUNT; i++) {
        HOLD(result->totals.classes[i] == expected->classes[i]);
    }
    for (size_t i = 0; i < result->day_count; i++) {
        const struct tally_day *day = &result->days[i];
        HOLD(day->counts.requests > 0 && day->oldest_ms <= day->newest_ms);
        HOLD(result->from_ms <= day->oldest_ms && day->newest_ms <= result->to_ms);
        tallied += day->counts.requests;
    }
    HOLD(tallied == result->totals.requests);
}

static void hold_same_results(const struct tally_result *a, const struct tally_result *b) {
    HOLD(a->lines == b->lines && a->unparsed == b->unparsed && a->untallied == b->untallied);
    HOLD(a->from_ms == b->from_ms && a->to_ms == b->to_ms && a->day_count == b->day_count);
    for (size_t i = 0; i < a->day_count; i++) {
        HOLD(str_eq(a->days[i].load_balancer, b->days[i].load_balancer));
        HOLD(a->days[i].day == b->days[i].day);
        HOLD(memcmp(&a->days[i].counts, &b->days[i].counts, sizeof(a->days[i].counts)) == 0);
        HOLD(a->days[i].reason_count == b->days[i].reason_count);
        for (size_t j = 0; j < a->days[i].reason_count; j++) {
            const struct tally_reason *left = &a->days[i].reasons[j];
            const struct tally_reason *right = &b->days[i].reasons[j];
            HOLD(left->class == right->class && left->count == right->count);
            HOLD(str_eq(left->code, right->code));
        }
    }
    HOLD(a->reason_count == b->reason_count && a->offender_count == b->offender_count);
    HOLD(a->group_count == b->group_count);
}

static const struct tally_options options = {
    .group_keys = GROUP_CLASS | GROUP_REASON | GROUP_CLIENT | GROUP_USER_AGENT | GROUP_HOST,
    .hash_key = {{1, 2}},
};

/* Line by line, every other into another tally, which is then added to the first. */
static void tally_in_halves(struct arena *arena, str lines, struct tally_result *result_out) {
    struct tally *halves[2] = {tally_new(arena, &options), tally_new(arena, &options)};
    size_t from = 0;
    for (size_t i = 0; from < lines.len; i++) {
        size_t len = str_find_char(str_slice(lines, from, lines.len), '\n') + 1;
        tally_add_lines(halves[i % 2], fuzz_exact(arena, str_slice(lines, from, from + len)));
        from += len;
    }
    tally_merge(halves[0], halves[1]);
    tally_finish(halves[0], result_out);
}

#define REPORT_BYTES_MAX ((size_t)16 << 20)

static void hold_report(struct arena *arena, const struct tally_result *result) {
    const struct traffic_report report = {
        .result = result,
        .file_count = 1,
        .keys = {GROUP_CLASS, GROUP_REASON, GROUP_CLIENT, GROUP_USER_AGENT, GROUP_HOST},
        .key_count = 5,
    };
    const struct json_limits limits = {.bytes_max = REPORT_BYTES_MAX, .depth_max = 64};
    const struct json *root = NULL;
    struct buf out;
    buf_init(&out, arena, REPORT_BYTES_MAX);
    traffic_write_json(&out, arena, &report);
    HOLD(buf_status(&out) == STATUS_OK);
    HOLD(json_parse(arena, buf_str(&out), &limits, &root, NULL) == STATUS_OK);
    HOLD(json_count(json_get(root, "groups")) == result->group_count);
    buf_clear(&out);
    traffic_write_table(&out, arena, &report);
    HOLD(buf_status(&out) == STATUS_OK && fuzz_is_utf8(buf_str(&out)));
    for (size_t i = 0; i < out.len; i++) {
        unsigned char c = (unsigned char)out.ptr[i];
        HOLD((c >= ' ' && c != 0x7F) || c == '\n');
    }
    buf_clear(&out);
    traffic_write_csv(&out, &report);
    HOLD(buf_status(&out) == STATUS_OK);
}

/* Every event is one of the requests that it is a share of. */
static void hold_hours(struct arena *arena, str lines) {
    const struct tally_options of_hours = {
        .counts_only = true, .has_hours = true, .hash_key = {{3, 4}}};
    struct tally *tally = tally_new(arena, &of_hours);
    struct tally_result result;
    uint64_t requests = 0;
    tally_add_lines(tally, lines);
    tally_finish(tally, &result);
    for (size_t i = 0; i < result.hours->count; i++) {
        const struct tally_hour *hour = &result.hours->hours[i];
        requests += hour->counts.requests;
        HOLD(hour->http1 <= hour->http1_lines && hour->http1_lines <= hour->counts.requests);
        HOLD(hour->blocked_served + hour->severe_served <= hour->http1);
        HOLD(hour->unserved + hour->severe_unserved <= hour->http1_lines - hour->http1);
        HOLD(hour->blocked_clients <= hour->unserved + hour->severe_unserved);
        HOLD(hour->http2 + hour->synthetic <= hour->counts.requests);
    }
    HOLD(result.hours->is_cut || requests + result.untallied == result.totals.requests);
    double clients = client_sketch_count(&result.hours->clients);
    HOLD(clients >= 0 && clients <= 2 * (double)requests);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct arena arena;
    arena_reset(&arena);
    str lines = fuzz_input(&arena, data, size);
    struct expected expected = {0};
    for (str rest = lines; rest.ptr != NULL && rest.len > 0;) {
        look_at_line(&rest, &expected);
    }
    struct tally_result whole;
    struct tally_result halves;
    struct tally *tally = tally_new(&arena, &options);
    tally_add_lines(tally, lines);
    tally_finish(tally, &whole);
    hold_counts(&whole, &expected);
    hold_hours(&arena, lines);
    if (str_find_char(lines, '\0') ==
        lines.len) { /* JSON may hold one, but our reader refuses it */
        hold_report(&arena, &whole);
    }
    tally_in_halves(&arena, lines, &halves);
    hold_same_results(&whole, &halves);
    return 0;
}
