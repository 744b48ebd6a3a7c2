/* SPDX-License-Identifier: Apache-2.0
 *
 * TRAFFIC items read: the hours of a day and the item of the day put together. Each query has an
 * arena of its own, as a sweep reads many load balancers.
 */
#include "table/item.h"
#include "traffic_internal.h"

/* The words of `clients` are at most one a register and rank: of so many items they are fewer than
 * the JSON values that are read of one text (100,000). */
#define CLIENTS_PAGE_ITEMS 24
#define SLOT_NAMES         (TALLY_SLOTS * (sizeof TRAFFIC_SLOT_LETTERS - 1))

static const char *const SLOT_NAME[SLOT_NAMES] = {
    "h0", "h1", "h2", "h3", "h4", "h5", "h6", "h7", "h8", "h9", "ha", "hb",
    "b0", "b1", "b2", "b3", "b4", "b5", "b6", "b7", "b8", "b9", "ba", "bb",
    "u0", "u1", "u2", "u3", "u4", "u5", "u6", "u7", "u8", "u9", "ua", "ub",
};

static int64_t later(int64_t a, int64_t b) {
    return a > b ? a : b;
}

/* ---- one item ---- */

/* false: a number that cannot be right. */
static bool read_count(const struct dynamodb_item *item, const char *name, uint64_t *sum) {
    int64_t number;
    bool is_good = item_read_number(item, name, &number) != ITEM_NUMBER_BAD;
    *sum += (uint64_t)number;
    return is_good;
}

static bool read_slots(const struct dynamodb_item *item, struct tally_slot slots[TALLY_SLOTS]) {
    bool is_good = true;
    for (size_t i = 0; i < SLOT_NAMES; i++) {
        uint64_t *counter = traffic_slot_counter(&slots[i % TALLY_SLOTS], i / TALLY_SLOTS);
        is_good = read_count(item, SLOT_NAME[i], counter) && is_good;
    }
    return is_good;
}

/* The begin of the newest five minutes with any line; 0: there are none. */
static int64_t newest_slot_ms(const struct tally_slot slots[TALLY_SLOTS], int64_t hour) {
    for (size_t i = TALLY_SLOTS; i-- > 0;) {
        if (slots[i].http1_lines > 0) {
            return hour * TALLY_HOUR_MS + (int64_t)i * TALLY_SLOT_MS;
        }
    }
    return 0;
}

static void read_newest(const struct dynamodb_item *item, const struct traffic_key *key,
                        struct traffic_day *day) {
    struct tally_slot slots[TALLY_SLOTS] = {{0}};
    int64_t ms = 0;
    if (time_parse_iso8601(dynamodb_get_string(item, "newest_at"), &ms)) {
        day->newest_ms = later(day->newest_ms, ms);
    }
    if (key->is_hour && read_slots(item, slots)) {
        day->newest_ms = later(day->newest_ms, newest_slot_ms(slots, key->hour));
    }
}

static void read_reasons(const struct dynamodb_item *item, struct traffic_day *day,
                         struct arena *arena) {
    str words = dynamodb_get_words(item, "blockedReasons");
    while (words.len > 0 && day->blocked_reason_count < TRAFFIC_REASONS_MAX) {
        str word = str_split(&words, ' ');
        size_t i = 0;
        while (i < day->blocked_reason_count && !str_eq(day->blocked_reasons[i], word)) {
            i++;
        }
        if (i == day->blocked_reason_count) {
            day->blocked_reasons[day->blocked_reason_count++] = str_copy(arena, word);
        }
    }
}

static void add_counts(const struct dynamodb_item *item, const struct traffic_key *key,
                       struct traffic_day *day) {
    for (size_t i = 0; i < TRAFFIC_COUNTERS; i++) {
        uint64_t count = 0;
        day->is_bad = !read_count(item, TRAFFIC_COUNTER[i].name, &count) || day->is_bad;
        *traffic_counter_of(&day->counts, i) += count;
        *traffic_counter_of(&day->in_hours, i) += key->is_hour ? count : 0;
    }
}

/* The item of a day comes before those of its hours. */
static void add_item(const struct dynamodb_item *item, const struct traffic_key *key,
                     struct traffic_day *day, struct arena *arena) {
    if (key->is_hour && day->is_folded) {
        return;
    }
    if (!key->is_hour) {
        day->is_folded = item_time(item, "foldedAt") != 0;
        day->has_networks = item_time(item, "networksAt") != 0;
        day->has_old = item_number(item, "requests") > item_number(item, "foldedRequests");
        client_sketch_add_words(&day->clients, dynamodb_get_words(item, "networks"));
    }
    day->has_hours = day->has_hours || key->is_hour;
    day->has_outcomes = day->has_outcomes || key->is_hour || day->is_folded;
    add_counts(item, key, day);
    read_newest(item, key, day);
    read_reasons(item, day, arena);
}

/* ---- days ---- */

/* Lets go of a query's memory, but for the text of its error. */
static void end_query(struct arena *scratch, struct error *error, struct arena *arena) {
    error->message = str_copy(arena, error->message);
    error->aws_code = str_copy(arena, error->aws_code);
    arena_clean_up(scratch);
}

/* All that items of hours and days have, but for the files and networks of hours. */
#define ATTRIBUTES_MAX 80
static size_t list_attributes(const char *names[ATTRIBUTES_MAX]) {
    static const char *const MORE[] = {DYNAMODB_SK, "newest_at",  "foldedAt",      "foldedRequests",
                                       "networks",  "networksAt", "blockedReasons"};
    size_t count = 0;
    for (size_t i = 0; i < sizeof MORE / sizeof *MORE; i++) {
        names[count++] = MORE[i];
    }
    for (size_t i = 0; i < TRAFFIC_COUNTERS; i++) {
        names[count++] = TRAFFIC_COUNTER[i].name;
    }
    for (size_t i = 0; i < SLOT_NAMES; i++) {
        names[count++] = SLOT_NAME[i];
    }
    ASSERT(count <= ATTRIBUTES_MAX);
    return count;
}

static enum status read_counts(const struct state_table *table, struct dynamodb_query *wanted,
                               int64_t first_day, struct arena *arena, struct traffic_day *days,
                               struct error *error) {
    const char *names[ATTRIBUTES_MAX];
    struct arena scratch = {0};
    struct dynamodb_item *items = NULL;
    size_t count = 0;
    wanted->attributes = names;
    wanted->attribute_count = list_attributes(names);
    enum status status = dynamodb_query(table->client, wanted, &scratch, &items, &count, error);
    for (size_t i = 0; status == STATUS_OK && i < count; i++) {
        struct traffic_key key;
        if (traffic_key_parse(dynamodb_get_string(&items[i], DYNAMODB_SK), &key)) {
            add_item(&items[i], &key, &days[key.day - first_day], arena);
        }
    }
    wanted->attributes = NULL;
    end_query(&scratch, error, arena);
    return status;
}

static bool lacks_networks(const struct traffic_day *day) {
    return day->has_hours && !day->is_folded && !day->has_networks;
}

/* Of the days whose networks were not added up yet: one query from the first to the last. */
static enum status read_clients(const struct state_table *table, struct dynamodb_query *wanted,
                                int64_t first_day, size_t day_count, struct arena *arena,
                                struct traffic_day *days, struct error *error) {
    static const char *const NAMES[] = {DYNAMODB_SK, "clients"};
    struct arena scratch = {0};
    struct dynamodb_item *items = NULL;
    size_t count = 0;
    size_t from = 0;
    size_t to = day_count;
    while (from < to && !lacks_networks(&days[from])) {
        from++;
    }
    while (to > from && !lacks_networks(&days[to - 1])) {
        to--;
    }
    if (from == to) {
        return STATUS_OK;
    }
    wanted->sk_from = traffic_day_key(&scratch, first_day + (int64_t)from);
    wanted->sk_to = traffic_day_key_end(&scratch, first_day + (int64_t)to - 1);
    wanted->attributes = NAMES;
    wanted->attribute_count = sizeof NAMES / sizeof *NAMES;
    wanted->page_items_max = CLIENTS_PAGE_ITEMS;
    enum status status = dynamodb_query(table->client, wanted, &scratch, &items, &count, error);
    for (size_t i = 0; status == STATUS_OK && i < count; i++) {
        struct traffic_key key;
        if (traffic_key_parse(dynamodb_get_string(&items[i], DYNAMODB_SK), &key)) {
            client_sketch_add_words(&days[key.day - first_day].clients,
                                    dynamodb_get_words(&items[i], "clients"));
        }
    }
    end_query(&scratch, error, arena);
    return status;
}

enum status traffic_read_days(const struct state_table *table, str arn, int64_t first_day,
                              int64_t last_day, struct arena *arena, struct traffic_day *days_out,
                              struct error *error) {
    size_t count = (size_t)(last_day - first_day + 1);
    struct dynamodb_query wanted = {.table = table->name,
                                    .pk = arn,
                                    .sk_from = traffic_day_key(arena, first_day),
                                    .sk_to = traffic_day_key_end(arena, last_day)};
    ASSERT(first_day <= last_day);
    for (size_t i = 0; i < count; i++) {
        days_out[i] = (struct traffic_day){.newest_ms = 0};
    }
    TRY(read_counts(table, &wanted, first_day, arena, days_out, error));
    return read_clients(table, &wanted, first_day, count, arena, days_out, error);
}

/* ---- spans ---- */

/* Whole five minutes between from_ms and to_ms. */
static bool add_span_item(const struct dynamodb_item *item, const struct traffic_key *key,
                          struct traffic_span *span) {
    struct tally_slot slots[TALLY_SLOTS] = {{0}};
    uint64_t blocked = 0;
    uint64_t severe[2] = {0};
    uint64_t lines = span->http1_lines;
    int64_t hour_ms = key->hour * TALLY_HOUR_MS;
    if (!read_slots(item, slots) || !read_count(item, "blockedClients", &blocked) ||
        !read_count(item, "severeServed", &severe[0]) ||
        !read_count(item, "severeUnserved", &severe[1])) {
        return false;
    }
    for (size_t i = 0; i < TALLY_SLOTS; i++) {
        int64_t ms = hour_ms + (int64_t)i * TALLY_SLOT_MS;
        if (ms < span->from_ms || ms + TALLY_SLOT_MS > span->to_ms) {
            continue;
        }
        span->http1_lines += slots[i].http1_lines;
        span->blocked_served += slots[i].blocked_served;
        span->unserved += slots[i].unserved;
        span->newest_ms = later(span->newest_ms, slots[i].http1_lines > 0 ? ms : 0);
    }
    bool is_whole = hour_ms >= span->from_ms && hour_ms + TALLY_HOUR_MS <= span->to_ms;
    if (is_whole) {
        span->blocked_clients += blocked;
        span->severe += severe[0] + severe[1];
        span->whole_hours_lines += span->http1_lines - lines;
    }
    return true;
}

enum status traffic_since(const struct state_table *table, str arn, int64_t from_ms, int64_t to_ms,
                          struct arena *arena, struct traffic_span *span_out, struct error *error) {
    const char *names[] = {DYNAMODB_SK, "blockedClients", "severeServed", "severeUnserved",
                           [SLOT_NAMES + 3] = NULL};
    struct arena scratch = {0};
    struct dynamodb_item *items = NULL;
    size_t count = 0;
    int64_t slots_from = (from_ms + TALLY_SLOT_MS - 1) / TALLY_SLOT_MS;
    *span_out = (struct traffic_span){.from_ms = slots_from * TALLY_SLOT_MS,
                                      .to_ms = to_ms - to_ms % TALLY_SLOT_MS};
    if (span_out->from_ms >= span_out->to_ms) {
        span_out->to_ms = span_out->from_ms;
        return STATUS_OK;
    }
    for (size_t i = 0; i < SLOT_NAMES; i++) {
        names[i + 4] = SLOT_NAME[i];
    }
    const struct dynamodb_query wanted = {
        .table = table->name,
        .pk = arn,
        .sk_from = traffic_day_key(&scratch, date_days_of_ms(span_out->from_ms)),
        .sk_to = traffic_day_key_end(&scratch, date_days_of_ms(span_out->to_ms - 1)),
        .attributes = names,
        .attribute_count = sizeof names / sizeof *names,
    };
    enum status status = dynamodb_query(table->client, &wanted, &scratch, &items, &count, error);
    bool is_good = true;
    for (size_t i = 0; status == STATUS_OK && i < count; i++) {
        struct traffic_key key;
        if (traffic_key_parse(dynamodb_get_string(&items[i], DYNAMODB_SK), &key) && key.is_hour) {
            is_good = add_span_item(&items[i], &key, span_out) && is_good;
        }
    }
    end_query(&scratch, error, arena);
    return status != STATUS_OK || is_good
               ? status
               : error_set(error, arena, STATUS_INCOMPLETE,
                           "a TRAFFIC item holds a number that cannot be a count");
}
