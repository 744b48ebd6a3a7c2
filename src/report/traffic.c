/* SPDX-License-Identifier: Apache-2.0
 *
 * The traffic report as JSON and as CSV.
 */
#include "report/traffic.h"

#include <inttypes.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/json.h"
#include "csv_internal.h"
#include "report/known_clients.h"
#include "traffic_internal.h"

static const struct {
    enum group_key key;
    const char *name;
} key_names[TRAFFIC_KEYS_MAX] = {
    {GROUP_CLASS, "class"},           {GROUP_REASON, "reason"}, {GROUP_CLIENT, "client"},
    {GROUP_USER_AGENT, "user-agent"}, {GROUP_HOST, "host"},
};

const char *group_key_name(enum group_key key) {
    size_t i = 0;
    while (key_names[i].key != key) {
        i++;
        ASSERT(i < TRAFFIC_KEYS_MAX);
    }
    return key_names[i].name;
}

bool group_key_parse(str name, enum group_key *key_out) {
    for (size_t i = 0; i < TRAFFIC_KEYS_MAX; i++) {
        if (str_eq(name, str_from_cstr(key_names[i].name))) {
            *key_out = key_names[i].key;
            return true;
        }
    }
    return false;
}

str traffic_group_text(const struct tally_group *group, enum group_key key) {
    return key == GROUP_CLASS        ? str_from_cstr(traffic_class_name(group->class))
           : key == GROUP_REASON     ? group->reason
           : key == GROUP_CLIENT     ? group->client
           : key == GROUP_USER_AGENT ? group->user_agent
                                     : group->host;
}

/* Days are sorted by load balancer, so one pass suffices and the sums are in the same order. */
struct traffic_sum *traffic_sum_days(struct arena *arena, const struct tally_result *result,
                                     size_t *count_out) {
    struct traffic_sum *sums = ARENA_ARRAY(arena, struct traffic_sum, result->day_count);
    size_t count = 0;
    for (size_t i = 0; i < result->day_count; i++) {
        const struct tally_day *day = &result->days[i];
        if (count == 0 || !str_eq(sums[count - 1].load_balancer, day->load_balancer)) {
            sums[count++].load_balancer = day->load_balancer;
        }
        struct tally_counts *counts = &sums[count - 1].counts;
        counts->requests += day->counts.requests;
        for (size_t class = 0; class < CLASS_COUNT; class ++) {
            counts->classes[class] += day->counts.classes[class];
        }
    }
    *count_out = count;
    return sums;
}

static void write_count(struct json_writer *writer, str key, uint64_t count) {
    json_write_key(writer, key);
    json_write_i64(writer, (int64_t)count);
}

static void write_classes(struct json_writer *writer, const struct tally_counts *counts) {
    json_open_object(writer, "classes");
    for (size_t class = 0; class < CLASS_COUNT; class ++) {
        json_write_member_count(writer, traffic_class_name((enum traffic_class) class),
                                counts->classes[class]);
    }
    json_object_end(writer);
}

/* AWS moves reasons between classes, so one code may have several rows: they are added up at the
 * first. Quadratic, of a few dozen codes (TALLY_REASONS_MAX at most); JSON allows each key once. */
static void write_reasons(struct json_writer *writer, const struct tally_reason *reasons,
                          size_t count) {
    json_open_object(writer, "reasons");
    for (size_t i = 0; i < count; i++) {
        str code = reasons[i].code;
        uint64_t sum = 0;
        size_t first = count;
        for (size_t j = 0; j < count; j++) {
            if (str_eq(reasons[j].code, code)) {
                first = j < first ? j : first;
                sum += reasons[j].count;
            }
        }
        if (first == i) {
            write_count(writer, code, sum);
        }
    }
    json_object_end(writer);
}

static void write_would_block(struct json_writer *writer, const struct tally_counts *counts) {
    json_open_object(writer, "wouldBlock");
    json_write_member_count(writer, "monitor", 0);
    json_write_member_count(writer, "defensive", tally_blocked_by_defensive(counts));
    json_write_member_count(writer, "strictest", tally_blocked_by_strictest(counts));
    json_object_end(writer);
}

static void write_notes(struct json_writer *writer, const char *key, const char *why,
                        const struct traffic_note *notes, size_t count) {
    json_open_array(writer, key);
    for (size_t i = 0; i < count; i++) {
        json_object_begin(writer);
        json_write_member(writer, "path", notes[i].path);
        json_write_member(writer, why, notes[i].why);
        json_object_end(writer);
    }
    json_array_end(writer);
}

static void write_groups(struct json_writer *writer, const struct traffic_report *report) {
    json_open_array(writer, "groups");
    for (size_t i = 0; i < report->result->group_count; i++) {
        const struct tally_group *group = &report->result->groups[i];
        json_object_begin(writer);
        for (size_t k = 0; k < report->key_count; k++) {
            json_write_member(writer, group_key_name(report->keys[k]),
                              traffic_group_text(group, report->keys[k]));
        }
        json_write_member_count(writer, "count", group->count);
        json_write_member_count(writer, "error", group->error);
        json_object_end(writer);
    }
    json_array_end(writer);
    json_write_member_count(writer, "groupErrorMax", report->result->group_error_max);
}

static void write_load_balancers(struct json_writer *writer, struct arena *arena,
                                 const struct tally_result *result) {
    size_t count;
    const struct traffic_sum *sums = traffic_sum_days(arena, result, &count);
    json_open_array(writer, "loadBalancers");
    for (size_t i = 0; i < count; i++) {
        json_object_begin(writer);
        json_write_member(writer, "id", sums[i].load_balancer);
        json_write_member_count(writer, "requests", sums[i].counts.requests);
        write_classes(writer, &sums[i].counts);
        json_object_end(writer);
    }
    json_array_end(writer);
    json_write_member_count(writer, "untallied", result->untallied);
}

static void write_days(struct json_writer *writer, struct arena *arena,
                       const struct tally_result *result) {
    json_open_array(writer, "days");
    for (size_t i = 0; i < result->day_count; i++) {
        const struct tally_day *day = &result->days[i];
        json_object_begin(writer);
        json_write_member(writer, "loadBalancer", day->load_balancer);
        json_write_member(writer, "date", date_format(arena, day->day));
        json_write_member_count(writer, "requests", day->counts.requests);
        write_classes(writer, &day->counts);
        write_reasons(writer, day->reasons, day->reason_count);
        write_would_block(writer, &day->counts);
        json_object_end(writer);
    }
    json_array_end(writer);
}

static void write_offenders(struct json_writer *writer, const struct tally_result *result) {
    json_open_array(writer, "offenders");
    for (size_t i = 0; i < result->offender_count; i++) {
        const struct tally_offender *offender = &result->offenders[i];
        struct client_advice advice = client_advice_for(offender->reason, offender->user_agent);
        json_object_begin(writer);
        json_write_member(writer, "reason", offender->reason);
        json_write_member(writer, "userAgent", offender->user_agent);
        json_write_member(writer, "client", offender->client);
        json_write_member(writer, "host", offender->host);
        json_write_member(writer, "loadBalancer", offender->load_balancer);
        json_write_member_count(writer, "count", offender->count);
        json_write_member_count(writer, "error", offender->error);
        json_write_member_text(writer, "cause", advice.cause);
        json_write_member_text(writer, "fix", advice.fix);
        json_object_end(writer);
    }
    json_array_end(writer);
    json_write_member_count(writer, "offenderErrorMax", result->offender_error_max);
}

/* The kinds of the unparsed lines, where they are known. */
static void write_kinds(struct json_writer *writer, const struct tally_result *result) {
    json_open_object(writer, "unparsedKinds");
    for (enum access_log_kind kind = ACCESS_LOG_UNPARSED; kind < ACCESS_LOG_KIND_COUNT; kind++) {
        if (result->kinds[kind] > 0) {
            json_write_member_count(writer, access_log_kind_name(kind), result->kinds[kind]);
        }
    }
    json_object_end(writer);
}

void traffic_write_json(struct buf *out, struct arena *arena, const struct traffic_report *report) {
    const struct tally_result *result = report->result;
    struct json_writer writer;
    json_writer_init(&writer, out);
    json_object_begin(&writer);
    json_write_member_count(&writer, "files", report->file_count);
    json_write_member_count(&writer, "lines", result->lines);
    json_write_member_count(&writer, "requests", result->totals.requests);
    json_write_member_count(&writer, "unparsed", result->unparsed);
    write_kinds(&writer, result);
    write_notes(&writer, "skipped", "why", report->skipped, report->skipped_count);
    write_notes(&writer, "errors", "message", report->errors, report->error_count);
    json_write_member_time(&writer, arena, "from", result->from_ms);
    json_write_member_time(&writer, arena, "to", result->to_ms);
    write_classes(&writer, &result->totals);
    json_open_object(&writer, "unknownClasses"); /* the parts of the class Unknown */
    for (size_t i = 0; i < result->unknown_class_count; i++) {
        write_count(&writer, result->unknown_classes[i].code, result->unknown_classes[i].count);
    }
    json_object_end(&writer);
    json_write_member_count(&writer, "withoutClass", result->classless);
    write_reasons(&writer, result->reasons, result->reason_count);
    write_would_block(&writer, &result->totals);
    write_groups(&writer, report);
    write_load_balancers(&writer, arena, result);
    write_days(&writer, arena, result);
    write_offenders(&writer, result);
    json_object_end(&writer);
    buf_append_char(out, '\n');
}

/* --- CSV -------------------------------------------------------------------------------------- */

/* A lone dash is the log's own word for nothing, and no formula. */
static void write_cell(struct buf *out, str text) {
    if (str_is_empty(text) || str_eq(text, STR("-"))) {
        buf_printf(out, "\"%" STR_FMT "\"", STR_ARG(text));
    } else {
        csv_append_text(out, text);
    }
    buf_append_char(out, ',');
}

static void write_count_and_error(struct buf *out, uint64_t count, uint64_t error) {
    buf_printf(out, "%" PRIu64 ",%" PRIu64 CSV_LINE_END, count, error);
}

static void write_csv_of_groups(struct buf *out, const struct traffic_report *report) {
    for (size_t k = 0; k < report->key_count; k++) {
        buf_printf(out, "%s,", group_key_name(report->keys[k]));
    }
    buf_append(out, STR("count,error" CSV_LINE_END));
    for (size_t i = 0; i < report->result->group_count; i++) {
        const struct tally_group *group = &report->result->groups[i];
        for (size_t k = 0; k < report->key_count; k++) {
            write_cell(out, traffic_group_text(group, report->keys[k]));
        }
        write_count_and_error(out, group->count, group->error);
    }
}

/* Totals, days and notes have another shape than one table: they are in the JSON, and the command
 * prints skipped and damaged files on standard error. */
void traffic_write_csv(struct buf *out, const struct traffic_report *report) {
    if (report->key_count > 0) {
        write_csv_of_groups(out, report);
        return;
    }
    buf_append(out, STR("reason,userAgent,client,host,cause,fix,count,error" CSV_LINE_END));
    for (size_t i = 0; i < report->result->offender_count; i++) {
        const struct tally_offender *offender = &report->result->offenders[i];
        struct client_advice advice = client_advice_for(offender->reason, offender->user_agent);
        write_cell(out, offender->reason);
        write_cell(out, offender->user_agent);
        write_cell(out, offender->client);
        write_cell(out, offender->host);
        write_cell(out, str_from_cstr(advice.cause));
        write_cell(out, str_from_cstr(advice.fix));
        write_count_and_error(out, offender->count, offender->error);
    }
}
