/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "traffic/tally_internal.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct tally_hash_key key = {{5, 7}};

static void client_is_counted_by_its_network(void **state) {
    (void)state;
    static const struct {
        const char *client;
        const char *network;
    } rows[] = {
        {"203.0.113.77", "203.0.113.0/24"},
        {"255.255.255.255", "255.255.255.0/24"},
        {"0.0.0.0", "0.0.0.0/24"},
        {"2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"},
        {"2001:DB8:1::7", "2001:db8:1::/48"},
        {"2001:db8::7", "2001:db8::/48"},
        {"2001:0:7::1", "2001:0:7::/48"},
        {"0:0:7::1", "0:0:7::/48"},
        {"::1", "::/48"},
        {"1.2.3", "1.2.3"},
        {"1.2.3.4.5", "1.2.3.4.5"},
        {"1.2.3.256", "1.2.3.256"},
        {"1.2..4", "1.2..4"},
        {"1.2.3.-4", "1.2.3.-4"},
        {"1.2.3.0004", "1.2.3.0004"},
        {"1.2.3.4.", "1.2.3.4."},
        {"2001:db8", "2001:db8"},
        {"2001:db8::g", "2001:db8::g"},
        {"-", "-"},
        {"", ""},
        {"2001:0db8:0000:0000:0000:0000:0000:0000:0000:0001",
         "2001:0db8:0000:0000:0000:0000:0000:0000:0000:0001"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char storage[NETWORK_BYTES_MAX];
        assert_str(network_of(str_from_cstr(rows[i].client), storage), rows[i].network);
    }
}

static void client_with_a_nul_is_no_address(void **state) {
    (void)state;
    char storage[NETWORK_BYTES_MAX];
    assert_true(str_eq(network_of(STR("::1\0x"), storage), STR("::1\0x")));
}

static void text_is_cut_at_a_whole_letter(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t bytes_max;
        const char *cut;
    } rows[] = {
        {"short", 5, "short"},
        {"longer", 5, "longe"},
        {"longer", 0, ""},
        {"abc\\x22d", 6, "abc"},
        {"abc\\x22d", 7, "abc\\x22"},
        {"abc\\x2", 4, "abc"},
        {"\\x00000022M", 9, ""},
        {"\\x00000022M", 10, "\\x00000022"},
        {"\\x41424344", 5, "\\x414"},
        {"a\\\\b", 2, "a"},
        {"a\\\\b", 3, "a\\\\"},
        {"a\\\"b", 2, "a"},
        {"a\xC3\xA9z", 2, "a"},
        {"a\xC3\xA9z", 3, "a\xC3\xA9"},
        {"\xF0\x9F\x98\x80!", 3, ""},
        {"\xF0\x9F\x98\x80!", 4, "\xF0\x9F\x98\x80"},
        {"\xFFz", 1, "\xFF"},
        {"ab\\", 2, "ab"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_str(text_cut(str_from_cstr(rows[i].text), rows[i].bytes_max), rows[i].cut);
    }
}

static void texts_are_equal_only_when_every_byte_is(void **state) {
    (void)state;
    char a[40];
    char b[40];
    memset(a, 'x', sizeof(a));
    memset(b, 'x', sizeof(b));
    for (size_t len = 0; len <= sizeof(a); len++) {
        assert_true(text_eq((str){a, len}, (str){b, len}));
        assert_int_equal(text_hash(&key, 1, (str){a, len}), text_hash(&key, 1, (str){b, len}));
        for (size_t at = 0; at < len; at++) {
            b[at] = 'y';
            assert_false(text_eq((str){a, len}, (str){b, len}));
            assert_int_not_equal(text_hash(&key, 1, (str){a, len}),
                                 text_hash(&key, 1, (str){b, len}));
            b[at] = 'x';
        }
    }
    assert_false(text_eq((str){a, 8}, (str){b, 9}));
    assert_int_not_equal(text_hash(&key, 1, (str){a, 8}), text_hash(&key, 2, (str){a, 8}));
}

/* Made for the hash of 0.1.0, which knew no key: each step could be undone, so that the second word
 * could bring any first one to the same state. */
static str colliding_agent(struct arena *arena, uint64_t number) {
    const uint64_t mix = UINT64_C(0x9E3779B97F4A7C15);
    uint64_t words[2] = {number};
    uint64_t state = (1 ^ sizeof(words) * mix ^ number) * mix;
    words[1] = state ^ state >> 32;
    return str_copy(arena, (str){(const char *)words, sizeof(words)});
}

static int ascending(const void *left, const void *right) {
    const uint64_t *a = left;
    const uint64_t *b = right;
    return (*a > *b) - (*a < *b);
}

/* By the low bits that an index of a sketch uses. */
static size_t fullest_place(const uint64_t *hashes, size_t count) {
    static size_t places[4096];
    size_t most = 0;
    memset(places, 0, sizeof(places));
    for (size_t i = 0; i < count; i++) {
        size_t here = ++places[hashes[i] % COUNT(places)];
        most = here > most ? here : most;
    }
    return most;
}

static void texts_made_to_collide_do_not_whatever_the_key_is(void **state) {
    (void)state;
    static const struct tally_hash_key keys[] = {{{0, 0}}, {{1, 2}}, {{~UINT64_C(0), 3}}};
    static uint64_t hashes[2048];
    struct arena arena = {0};
    for (size_t k = 0; k < COUNT(keys); k++) {
        for (size_t i = 0; i < COUNT(hashes); i++) {
            hashes[i] = text_hash(&keys[k], 1, colliding_agent(&arena, i));
        }
        assert_in_range(fullest_place(hashes, COUNT(hashes)), 1, 12);
        qsort(hashes, COUNT(hashes), sizeof(hashes[0]), ascending);
        for (size_t i = 1; i < COUNT(hashes); i++) {
            assert_int_not_equal(hashes[i - 1], hashes[i]);
        }
    }
    arena_clean_up(&arena);
}

static void another_key_makes_another_hash(void **state) {
    (void)state;
    static const struct tally_hash_key keys[] = {{{0, 0}}, {{1, 0}}, {{0, 1}}, {{1, 1}}};
    for (size_t i = 0; i < COUNT(keys); i++) {
        for (size_t j = 0; j < i; j++) {
            assert_int_not_equal(text_hash(&keys[i], 1, STR("agent")),
                                 text_hash(&keys[j], 1, STR("agent")));
        }
    }
}

static void days_are_found_again_after_growing_and_sorting(void **state) {
    (void)state;
    struct arena arena = {0};
    struct day_table table;
    day_table_init(&table, &arena, &key);
    for (int64_t i = 0; i < 5000; i++) {
        str name = str_format(&arena, "app/%d/x", (int)(i * 7919 % 1000));
        struct tally_day *day = day_table_find(&table, name, i * 7919 / 1000 % 5 - 2);
        day->counts.requests++;
    }
    day_table_sort(&table);
    uint64_t sum = 0;
    for (size_t i = 0; i < table.count; i++) {
        const struct tally_day *day = &table.days[i];
        sum += day->counts.requests;
        assert_ptr_equal(day_table_find(&table, day->load_balancer, day->day), day);
        assert_true(i == 0 || str_compare(day[-1].load_balancer, day->load_balancer) < 0 ||
                    (str_eq(day[-1].load_balancer, day->load_balancer) && day[-1].day < day->day));
    }
    assert_int_equal(sum, 5000);
    assert_in_range(table.count, 1000, 5000);
    arena_clean_up(&arena);
}

static void full_table_of_days_takes_no_more_but_still_finds(void **state) {
    (void)state;
    struct arena arena = {0};
    struct day_table table;
    day_table_init(&table, &arena, &key);
    char long_name[300];
    memset(long_name, 'n', sizeof(long_name));
    for (int64_t i = 0; i < TALLY_DAYS_MAX; i++) {
        assert_non_null(day_table_find(&table, (str){long_name, sizeof(long_name)}, i));
    }
    assert_null(day_table_find(&table, STR("app/one/more"), 0));
    struct tally_day *day = day_table_find(&table, (str){long_name, sizeof(long_name)}, 77);
    assert_non_null(day);
    assert_int_equal(day->load_balancer.len, LOAD_BALANCER_BYTES_MAX);
    assert_true(arena_bytes_held(&arena) < (size_t)32 << 20);
    arena_clean_up(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(client_is_counted_by_its_network),
        cmocka_unit_test(client_with_a_nul_is_no_address),
        cmocka_unit_test(text_is_cut_at_a_whole_letter),
        cmocka_unit_test(texts_are_equal_only_when_every_byte_is),
        cmocka_unit_test(texts_made_to_collide_do_not_whatever_the_key_is),
        cmocka_unit_test(another_key_makes_another_hash),
        cmocka_unit_test(days_are_found_again_after_growing_and_sorting),
        cmocka_unit_test(full_table_of_days_takes_no_more_but_still_finds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
