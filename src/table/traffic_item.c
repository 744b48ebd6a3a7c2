/* SPDX-License-Identifier: Apache-2.0 */
#include "base/ascii.h"
#include "traffic_internal.h"

#define EXPRESSION_BYTES_MAX 4096 /* as DynamoDB takes them */

#define COUNTER(name, member)                                                                      \
    { (name), offsetof(struct traffic_counts, member) }
const struct traffic_counter TRAFFIC_COUNTER[TRAFFIC_COUNTERS] = {
    COUNTER("requests", requests),
    COUNTER("compliant", compliant),
    COUNTER("acceptable", acceptable),
    COUNTER("ambiguous", ambiguous),
    COUNTER("severe", severe),
    COUNTER("unknown", unknown),
    COUNTER("unfamiliar", unfamiliar),
    COUNTER("unparsed", unparsed),
    COUNTER("withoutTime", without_time),
    COUNTER("damaged", damaged),
    COUNTER("http1Lines", http1_lines),
    COUNTER("http1", http1),
    COUNTER("http2", http2),
    COUNTER("synthetic", synthetic),
    COUNTER("blockedServed", blocked_served),
    COUNTER("unserved", unserved),
    COUNTER("severeServed", severe_served),
    COUNTER("severeUnserved", severe_unserved),
    COUNTER("blockedClients", blocked_clients),
};

uint64_t *traffic_counter_of(struct traffic_counts *counts, size_t number) {
    ASSERT(number < TRAFFIC_COUNTERS);
    return (uint64_t *)(void *)((char *)counts + TRAFFIC_COUNTER[number].offset);
}

uint64_t traffic_counter_value(const struct traffic_counts *counts, size_t number) {
    struct traffic_counts copy = *counts;
    return *traffic_counter_of(&copy, number);
}

uint64_t *traffic_slot_counter(struct tally_slot *slot, size_t letter) {
    uint64_t *const counters[] = {&slot->http1_lines, &slot->blocked_served, &slot->unserved};
    ASSERT(letter < sizeof counters / sizeof *counters);
    return counters[letter];
}

str traffic_day_key(struct arena *arena, int64_t day) {
    str date = date_format(arena, day);
    return str_format(arena, TRAFFIC_PREFIX "%" STR_FMT, STR_ARG(date));
}

str traffic_day_key_end(struct arena *arena, int64_t day) {
    str date = date_format(arena, day);
    return str_format(arena, TRAFFIC_PREFIX "%" STR_FMT "T~", STR_ARG(date));
}

bool traffic_key_parse(str sk, struct traffic_key *key_out) {
    str rest = str_slice(sk, TRAFFIC_DAY_LENGTH, sk.len);
    *key_out = (struct traffic_key){.is_hour = rest.len > 0};
    if (!str_starts_with(sk, STR(TRAFFIC_PREFIX)) ||
        !date_parse(str_slice(sk, sizeof TRAFFIC_PREFIX - 1, TRAFFIC_DAY_LENGTH), &key_out->day)) {
        return false;
    }
    bool is_hour = rest.len >= 3 && rest.ptr[0] == 'T' && ascii_is_digit(rest.ptr[1]) &&
                   ascii_is_digit(rest.ptr[2]);
    int hour = is_hour ? (rest.ptr[1] - '0') * 10 + rest.ptr[2] - '0' : 0;
    key_out->hour = key_out->day * 24 + hour;
    return rest.len == 0 || (is_hour && hour < 24);
}

void traffic_update_begin(struct traffic_update *update, struct arena *arena) {
    update->arena = arena;
    update->name_count = update->value_count = 0;
    buf_init(&update->set, arena, EXPRESSION_BYTES_MAX);
    buf_init(&update->add, arena, EXPRESSION_BYTES_MAX);
}

void traffic_update_value(struct traffic_update *update, struct dynamodb_attribute value) {
    ASSERT(update->value_count < TRAFFIC_WORDS_MAX);
    update->values[update->value_count++] = value;
}

/* Every name has its placeholder, for many are reserved words. */
static void add_clause(struct traffic_update *update, struct buf *clause, const char *name,
                       struct dynamodb_attribute value) {
    size_t number = update->name_count++;
    ASSERT(number < TRAFFIC_WORDS_MAX);
    str placeholder = str_format(update->arena, "#%zu", number);
    value.name = str_format(update->arena, ":%zu", number);
    update->names[number] = (struct dynamodb_name){placeholder.ptr, name};
    traffic_update_value(update, value);
    bool is_set = clause == &update->set;
    buf_printf(clause, "%s%" STR_FMT "%s%" STR_FMT,
               clause->len > 0 ? ", "
               : is_set        ? "SET "
                               : "ADD ",
               STR_ARG(placeholder), is_set ? " = " : " ", STR_ARG(value.name));
}

void traffic_update_set(struct traffic_update *update, const char *name,
                        struct dynamodb_attribute value) {
    add_clause(update, &update->set, name, value);
}

void traffic_update_add(struct traffic_update *update, const char *name, uint64_t count) {
    if (count > 0) {
        add_clause(update, &update->add, name, dynamodb_number(update->arena, "", (int64_t)count));
    }
}

void traffic_update_add_words(struct traffic_update *update, const char *name, str words) {
    if (!str_is_empty(words)) {
        add_clause(update, &update->add, name, dynamodb_words("", words));
    }
}

void traffic_update_add_counts(struct traffic_update *update, const struct traffic_counts *counts) {
    for (size_t i = 0; i < TRAFFIC_COUNTERS; i++) {
        traffic_update_add(update, TRAFFIC_COUNTER[i].name, traffic_counter_value(counts, i));
    }
}

enum status traffic_update_send(struct traffic_update *update, const struct state_table *table,
                                str arn, str sk, str condition, struct error *error) {
    str set = buf_str(&update->set);
    str add = buf_str(&update->add);
    TRY(buf_status(&update->set));
    TRY(buf_status(&update->add));
    const struct dynamodb_update request = {
        .table = table->name,
        .key = {arn, sk},
        .update = str_format(update->arena, "%" STR_FMT "%s%" STR_FMT, STR_ARG(set),
                             set.len > 0 && add.len > 0 ? " " : "", STR_ARG(add)),
        .expression = {.condition = condition,
                       .names = update->names,
                       .name_count = update->name_count,
                       .values = update->values,
                       .value_count = update->value_count},
        .knows_its_work = true,
    };
    return dynamodb_update_item(table->client, &request, update->arena, NULL, error);
}
