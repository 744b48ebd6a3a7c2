/* SPDX-License-Identifier: Apache-2.0
 *
 * The items of hours and days: one write a file, each file once, and what is read of them.
 */
#include "log_world.h"
#include "table/traffic_days.h"

static struct log_world world;
static struct error error;
static struct state_table ledger;

#define NOW_DAY (FAKE_NOW_MS / MS_PER_DAY) /* 2026-11-23, 08:00 */

static int open_world(void **state) {
    (void)state;
    log_begin(&world, LOG_VARIABLES);
    error = (struct error){0};
    ledger = (struct state_table){.client = &world.guard.home, .name = STR("ledger")};
    world.guard.home.deadline_ms = INT64_MAX;
    return 0;
}

static int close_world(void **state) {
    (void)state;
    log_end(&world);
    return 0;
}

/* A file of one hour with so many HTTP/1.x requests of as many networks. */
static struct log_traffic *traffic_of(int64_t hour, unsigned requests) {
    struct log_traffic *traffic = ARENA_NEW(&world.fake.arena, struct log_traffic);
    *traffic = (struct log_traffic){.arn = STR(LOG_ARN),
                                    .delivered_ms = world.fake.now_ms,
                                    .hour_count = 1,
                                    .hours[0] = {.hour = hour,
                                                 .counts = {.requests = requests,
                                                            .compliant = requests,
                                                            .http1_lines = requests,
                                                            .http1 = requests},
                                                 .newest_ms = hour * TALLY_HOUR_MS + 60000,
                                                 .slots[0].http1_lines = requests}};
    for (unsigned i = 0; i < requests; i++) {
        uint64_t hash = 0;
        str address = str_format(&world.fake.arena, "10.%d.%u.1", (int)(hour % 24), i);
        assert_true(client_network_hash(address, &hash));
        client_sketch_add(&traffic->clients, hash);
    }
    return traffic;
}

static enum status count(const struct log_traffic *traffic, int number) {
    const struct log_object object = {
        .bucket = STR("logs"),
        .key = str_format(&world.fake.arena, "file-%d", number),
        .e_tag = STR("e1"),
    };
    return traffic_count_object(&ledger, &object, traffic, world.fake.now_ms, &world.arena, &error);
}

static struct traffic_day read_day(int64_t number) {
    struct traffic_day day;
    assert_int_equal(
        traffic_read_days(&ledger, STR(LOG_ARN), number, number, &world.arena, &day, &error),
        STATUS_OK);
    return day;
}

static void fold(void) {
    assert_int_equal(traffic_fold(&ledger, STR(LOG_ARN), world.fake.now_ms, &world.arena, &error),
                     STATUS_OK);
}

static size_t writes(void) {
    return fake_requests_with(&world.fake, ".UpdateItem") +
           fake_requests_with(&world.fake, ".PutItem") +
           fake_requests_with(&world.fake, ".TransactWriteItems");
}

/* As DynamoDB counts: names and values, each word of a set and a byte. */
static size_t bytes_of(const struct table_item *item) {
    size_t bytes = 0;
    for (size_t i = 0; i < item->count; i++) {
        const struct table_attribute *one = &item->attributes[i];
        bytes += one->name.len;
        bytes += str_eq(one->type, STR("N")) ? one->value.len / 2 + 2 : one->value.len + 1;
    }
    return bytes;
}

static void f5_a_file_costs_one_conditional_write(void **state) {
    (void)state;
    LOG_PUT(&world, LOG_KEY, LINE("2026-11-23T08:01:00.000000Z", "-", "-"),
            LINE("2026-11-23T08:02:00.000000Z", "Acceptable", "SpaceInUri"));
    log_notify(&world);
    assert_int_equal(writes(), 1);
    assert_int_equal(world.fake.request_count, 2); /* with the one to S3 */
    assert_int_equal(world.table->count, 1);
    const struct table_item *item = &world.table->items[0];
    assert_str(table_text(item, "sk"), "TRAFFIC#2026-11-23T08");
    assert_str(table_text(item, "files"), "1");
    assert_str(table_text(item, "requests"), "2");
    assert_str(table_text(item, "http1"), "2");
    assert_str(table_text(item, "blockedServed"), "1");
    assert_str(table_text(item, "h0"), "2");
    assert_str(table_text(item, "b0"), "1");
    assert_int_equal(table_text(item, "seen").len, 6);
    assert_int_equal(table_text(item, "clients").len, 4);
}

static void f5_a_replayed_file_changes_nothing(void **state) {
    (void)state;
    struct log_traffic *traffic = traffic_of(NOW_DAY * 24 + 7, 5);
    assert_int_equal(count(traffic, 1), STATUS_OK);
    assert_int_equal(count(traffic, 2), STATUS_OK);
    struct table_item before = world.table->items[0];
    assert_int_equal(count(traffic, 1), STATUS_CONFLICT);
    assert_int_equal(count(traffic, 2), STATUS_CONFLICT);
    assert_memory_equal(&world.table->items[0], &before, sizeof before);
    assert_int_equal(read_day(NOW_DAY).counts.requests, 10);
}

static void f5_only_a_file_of_two_hours_needs_two_writes(void **state) {
    (void)state;
    struct log_traffic *traffic = traffic_of(NOW_DAY * 24 + 6, 5);
    traffic->hours[traffic->hour_count] = traffic->hours[0];
    traffic->hours[traffic->hour_count++].hour++;
    assert_int_equal(count(traffic, 1), STATUS_OK);
    assert_int_equal(writes(), 2);
    assert_int_equal(count(traffic, 1), STATUS_CONFLICT);
    assert_int_equal(read_day(NOW_DAY).counts.requests, 10);
}

/* It broke off between the two: the repeat adds the other hour, and nothing twice. */
static void f5_a_file_of_two_hours_that_broke_off_is_completed(void **state) {
    (void)state;
    struct log_traffic *traffic = traffic_of(NOW_DAY * 24 + 6, 5);
    traffic->hours[traffic->hour_count] = traffic->hours[0];
    traffic->hours[traffic->hour_count++].hour++;
    world.fault = (struct log_fault){
        .match = ".UpdateItem", .nth = 2, .is_lasting = true, .answer = {.http_status = 403}};
    assert_int_equal(count(traffic, 1), STATUS_DENIED);
    assert_int_equal(read_day(NOW_DAY).counts.requests, 5);
    world.fault = (struct log_fault){.nth = 0};
    assert_int_equal(count(traffic, 1), STATUS_OK);
    assert_int_equal(count(traffic, 1), STATUS_CONFLICT);
    assert_int_equal(read_day(NOW_DAY).counts.requests, 10);
}

static void f5_an_hour_of_three_nodes_is_less_than_a_kilobyte(void **state) {
    (void)state;
    for (int i = 0; i < 3 * 12; i++) {
        struct log_traffic *traffic = traffic_of(NOW_DAY * 24 + 7, 90);
        traffic->hours[0].slots[i / 3] = (struct tally_slot){.http1_lines = 90};
        traffic->hours[0].counts.unserved = 3;
        traffic->hours[0].counts.acceptable = 3;
        traffic->hours[0].slots[i / 3].unserved = 1;
        assert_int_equal(count(traffic, i), STATUS_OK);
    }
    assert_int_equal(world.table->count, 1);
    size_t bytes = bytes_of(&world.table->items[0]);
    if (bytes >= 1024) {
        fail_msg("%zu bytes", bytes);
    }
}

/* Of a load balancer of many nodes: no item grows beyond its bound, and each file is found again
 * where it is. */
static void f5_many_files_go_on_in_further_items(void **state) {
    (void)state;
    enum { FILES = 400 };
    struct log_traffic *traffic = traffic_of(NOW_DAY * 24 + 7, 3);
    for (int i = 0; i < FILES; i++) {
        assert_int_equal(count(traffic, i), STATUS_OK);
    }
    assert_int_equal(read_day(NOW_DAY).counts.requests, 3 * FILES);
    size_t items = world.table->count;
    assert_true(items > FILES / TRAFFIC_FILES_MAX && items <= 1 + 4 + 16);
    for (size_t i = 0; i < items; i++) {
        int64_t files = 0;
        assert_true(str_parse_i64(table_text(&world.table->items[i], "files"), &files));
        assert_true(files <= TRAFFIC_FILES_MAX);
        assert_true(str_starts_with(table_text(&world.table->items[i], "sk"),
                                    STR("TRAFFIC#2026-11-23T07")));
    }
    for (int i = 0; i < FILES; i++) {
        assert_int_equal(count(traffic, i), STATUS_CONFLICT);
    }
    assert_int_equal(read_day(NOW_DAY).counts.requests, 3 * FILES);
    assert_int_equal(world.table->count, items);
}

/* 0.1.0 kept an item for each file. One that comes at once was not counted by it, but for those
 * minutes in which it was replaced. */
static void f5_a_file_that_0_1_0_counted_is_not_counted_again(void **state) {
    (void)state;
    struct log_traffic *traffic = traffic_of(NOW_DAY * 24 + 7, 3);
    str sk = str_format(&world.fake.arena, "SEEN#%" STR_FMT,
                        STR_ARG(sha256_hex(&world.fake.arena, STR("logs/file-1\ne1"))));
    (void)table_plant(world.table, STR(LOG_ARN),
                      PAIRS("sk", str_to_cstr(&world.fake.arena, sk), "object", "s3://logs/file-1",
                            "countedAt", "2026-11-23T07:06:00.000Z", "+expires_at", "1796716800"));
    traffic->delivered_ms -= 60 * 60 * MS_PER_SECOND;
    assert_int_equal(count(traffic, 1), STATUS_CONFLICT);
    assert_int_equal(writes(), 0);
    assert_int_equal(count(traffic, 2), STATUS_OK);
}

static void days_of_0_1_0_and_of_now_are_added_up(void **state) {
    (void)state;
    (void)table_plant(world.table, STR(LOG_ARN),
                      PAIRS("sk", "TRAFFIC#2026-11-23", "+requests", "70", "+compliant", "66",
                            "+acceptable", "4", "newest_at", "2026-11-23T06:00:00.000Z"));
    struct traffic_day day = read_day(NOW_DAY);
    assert_true(day.has_old && !day.has_outcomes && !day.has_hours);
    assert_int_equal(day.counts.acceptable, 4);
    assert_int_equal(day.counts.http1, 0);
    assert_int_equal(count(traffic_of(NOW_DAY * 24 + 7, 5), 1), STATUS_OK);
    day = read_day(NOW_DAY);
    assert_true(day.has_old && day.has_outcomes && day.has_hours);
    assert_int_equal(day.counts.requests, 75);
    assert_int_equal(day.counts.http1, 5);
    assert_int_equal(day.newest_ms, NOW_DAY * MS_PER_DAY + 7 * TALLY_HOUR_MS + 60000);
}

/* Known to five minutes: an item holds that of the file that came last. */
static void the_newest_line_stays_the_newest_whatever_the_order(void **state) {
    (void)state;
    static const char *const KEYS[] = {LOG_KEY_OF("first000"), LOG_KEY_OF("older000"),
                                       LOG_KEY_OF("newer000"), LOG_KEY_OF("late0")};
    LOG_PUT(&world, KEYS[0], LINE("2026-11-23T08:02:00.000000Z", "-", "-"));
    LOG_PUT(&world, KEYS[1], LINE("2026-11-23T08:01:00.000000Z", "-", "-"));
    LOG_PUT(&world, KEYS[2], LINE("2026-11-23T08:17:00.000000Z", "-", "-"));
    LOG_PUT(&world, KEYS[3], LINE("2026-11-23T08:03:00.000000Z", "-", "-"));
    log_handle(&world, log_queue(&world, KEYS, 4));
    assert_false(world.reply.is_error);
    int64_t begin_ms = NOW_DAY * MS_PER_DAY;
    assert_int_equal(read_day(NOW_DAY).newest_ms, begin_ms + (8 * 60 + 15) * 60 * MS_PER_SECOND);
}

static void same_counts(const struct traffic_day *a, const struct traffic_day *b) {
    assert_memory_equal(&a->counts, &b->counts, sizeof a->counts);
    /* A few are exact, in an item of a day only up to CLIENT_HASHES_WRITTEN. */
    double factor = client_sketch_count(&a->clients) / client_sketch_count(&b->clients);
    assert_true(factor > 0.85 && factor < 1.15);
    assert_memory_equal(a->clients.ranks, b->clients.ranks, sizeof a->clients.ranks);
    assert_int_equal(a->newest_ms, b->newest_ms);
}

/* In the item of its day, beside what 0.1.0 counted of it. */
static void f5_hours_are_folded_when_no_file_of_theirs_is_accepted_any_more(void **state) {
    (void)state;
    (void)table_plant(world.table, STR(LOG_ARN),
                      PAIRS("sk", "TRAFFIC#2026-11-23", "+requests", "70", "+compliant", "70"));
    for (int i = 0; i < 6; i++) {
        assert_int_equal(count(traffic_of(NOW_DAY * 24 + i, 5 + (unsigned)i), i), STATUS_OK);
    }
    struct traffic_day before = read_day(NOW_DAY);
    assert_int_equal(before.counts.requests, 70 + 5 + 6 + 7 + 8 + 9 + 10);
    for (int day = 0; day < TRAFFIC_HOUR_KEPT_DAYS; day++, world.fake.now_ms += MS_PER_DAY) {
        fold();
        fold();
        struct traffic_day after = read_day(NOW_DAY);
        same_counts(&after, &before);
        assert_int_equal(after.is_folded, day >= TRAFFIC_FOLDED_AFTER_DAYS);
        assert_int_equal(after.has_networks, day >= 1);
    }
    const struct table_item *day = table_find(world.table, STR(LOG_ARN), STR("TRAFFIC#2026-11-23"));
    assert_str(table_text(day, "foldedRequests"), "45");
    assert_str(table_text(day, "requests"), "115");
    world.table->items[1] = *day; /* the hours have expired */
    world.table->count = 2;
    struct traffic_day after = read_day(NOW_DAY);
    same_counts(&after, &before);
}

static void f5_a_file_replayed_after_the_fold_changes_nothing(void **state) {
    (void)state;
    struct log_traffic *traffic = traffic_of(NOW_DAY * 24 + 7, 5);
    assert_int_equal(count(traffic, 1), STATUS_OK);
    world.fake.now_ms += 17 * MS_PER_DAY;
    fold();
    struct traffic_day before = read_day(NOW_DAY);
    assert_true(before.is_folded);
    assert_int_equal(count(traffic, 1), STATUS_CONFLICT);
    assert_int_equal(count(traffic, 2), STATUS_OK); /* later than any is accepted */
    struct traffic_day after = read_day(NOW_DAY);
    same_counts(&after, &before);
}

static void copy_that_folds(struct log_world *there) {
    (void)there;
    fold();
}

static void f5_two_copies_that_fold_a_day_add_it_once(void **state) {
    (void)state;
    assert_int_equal(count(traffic_of(NOW_DAY * 24 + 7, 5), 1), STATUS_OK);
    world.fake.now_ms += 16 * MS_PER_DAY;
    world.meanwhile = copy_that_folds;
    fold();
    assert_null(world.meanwhile);
    assert_int_equal(read_day(NOW_DAY).counts.requests, 5);
}

/* The pages are small where items have large sets. */
static void networks_of_many_hours_are_read(void **state) {
    (void)state;
    for (int i = 0; i < 60; i++) {
        assert_int_equal(count(traffic_of((NOW_DAY - 2) * 24 + i, 4), i), STATUS_OK);
    }
    struct traffic_day days[3];
    struct client_sketch all = {.hash_count = 0};
    assert_int_equal(
        traffic_read_days(&ledger, STR(LOG_ARN), NOW_DAY - 2, NOW_DAY, &world.arena, days, &error),
        STATUS_OK);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(days[i].counts.requests, i < 2 ? 96 : 48);
        client_sketch_merge(&all, &days[i].clients);
    }
    double clients = client_sketch_count(&all); /* 24 * 4 */
    assert_true(clients > 80 && clients < 112);
}

static void numbers_that_cannot_be_counts_make_their_day_bad(void **state) {
    (void)state;
    (void)table_plant(world.table, STR(LOG_ARN),
                      PAIRS("sk", "TRAFFIC#2026-11-23T07", "+requests", "5", "+http1", "-5"));
    (void)table_plant(world.table, STR(LOG_ARN),
                      PAIRS("sk", "TRAFFIC#2026-11-23T99", "+requests", "7"));
    struct traffic_day day = read_day(NOW_DAY);
    assert_true(day.is_bad);
    assert_int_equal(day.counts.requests, 5);
}

static void spans_are_of_whole_five_minutes(void **state) {
    (void)state;
    int64_t hour = NOW_DAY * 24 + 7;
    int64_t begin_ms = hour * TALLY_HOUR_MS;
    struct log_traffic *traffic = traffic_of(hour, 1);
    for (unsigned i = 0; i < TALLY_SLOTS; i++) {
        traffic->hours[0].slots[i] = (struct tally_slot){
            .http1_lines = 1u << i, .blocked_served = i == 3 ? 7 : 0, .unserved = i == 4 ? 9 : 0};
    }
    traffic->hours[0].counts.blocked_clients = 2;
    traffic->hours[0].blocked_reason = STR("SpaceInUri");
    assert_int_equal(count(traffic, 1), STATUS_OK);
    struct traffic_span span;
    assert_int_equal(traffic_since(&ledger, STR(LOG_ARN), begin_ms + 11 * 60000,
                                   begin_ms + 27 * 60000, &world.arena, &span, &error),
                     STATUS_OK);
    assert_int_equal(span.from_ms, begin_ms + 15 * 60000);
    assert_int_equal(span.to_ms, begin_ms + 25 * 60000);
    assert_int_equal(span.http1_lines, 8 + 16);
    assert_int_equal(span.blocked_served, 7);
    assert_int_equal(span.unserved, 9);
    assert_int_equal(span.blocked_clients, 0);
    assert_int_equal(span.newest_ms, begin_ms + 20 * 60000);
    assert_int_equal(traffic_since(&ledger, STR(LOG_ARN), begin_ms, begin_ms + TALLY_HOUR_MS,
                                   &world.arena, &span, &error),
                     STATUS_OK);
    assert_int_equal(span.http1_lines, 4095);
    assert_int_equal(span.blocked_clients, 2);
    assert_int_equal(traffic_since(&ledger, STR(LOG_ARN), begin_ms + 1, begin_ms + 299999,
                                   &world.arena, &span, &error),
                     STATUS_OK);
    assert_int_equal(span.from_ms, span.to_ms);
    assert_int_equal(span.http1_lines, 0);
    assert_str(read_day(NOW_DAY).blocked_reasons[0], "SpaceInUri");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(f5_a_file_costs_one_conditional_write),
        TEST(f5_a_replayed_file_changes_nothing),
        TEST(f5_only_a_file_of_two_hours_needs_two_writes),
        TEST(f5_a_file_of_two_hours_that_broke_off_is_completed),
        TEST(f5_an_hour_of_three_nodes_is_less_than_a_kilobyte),
        TEST(f5_many_files_go_on_in_further_items),
        TEST(f5_a_file_that_0_1_0_counted_is_not_counted_again),
        TEST(days_of_0_1_0_and_of_now_are_added_up),
        TEST(the_newest_line_stays_the_newest_whatever_the_order),
        TEST(f5_hours_are_folded_when_no_file_of_theirs_is_accepted_any_more),
        TEST(f5_a_file_replayed_after_the_fold_changes_nothing),
        TEST(f5_two_copies_that_fold_a_day_add_it_once),
        TEST(networks_of_many_hours_are_read),
        TEST(numbers_that_cannot_be_counts_make_their_day_bad),
        TEST(spans_are_of_whole_five_minutes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
