/* SPDX-License-Identifier: Apache-2.0
 *
 * The sketch beside exact counts of the same keys: its bounds must be true, whatever comes in what
 * order and however it is merged.
 */
#include "access_log_world.h"
#include "traffic/tally_internal.h"

#define KEYS 400

static const struct tally_hash_key hash_key = {{5, 7}};

struct exact {
    uint64_t counts[KEYS];
};

static struct sketch_key key_of(struct arena *arena, size_t number) {
    return (struct sketch_key){.class = (enum traffic_class)(number % 3),
                               .texts = {[KEY_REASON] = STR("R"),
                                         [KEY_CLIENT] = str_format(arena, "%zu", number),
                                         [KEY_USER_AGENT] = STR("agent"),
                                         [KEY_HOST] = STR_EMPTY}};
}

static size_t number_of(const struct sketch_entry *entry) {
    int64_t number = -1;
    assert_true(str_parse_i64(entry->key.texts[KEY_CLIENT], &number));
    assert_str(entry->key.texts[KEY_REASON], "R");
    assert_str(entry->key.texts[KEY_USER_AGENT], "agent");
    assert_str(entry->key.texts[KEY_HOST], "");
    assert_in_range(number, 0, KEYS - 1);
    assert_int_equal(entry->key.class, number % 3);
    return (size_t)number;
}

static void add(struct arena *arena, struct sketch *sketch, struct exact *exact, size_t number) {
    struct sketch_key key = key_of(arena, number);
    sketch_add(sketch, &key);
    exact->counts[number]++;
}

/* Some keys come far more often than others, as it is with clients. */
static void add_many(struct arena *arena, struct dice *dice, struct sketch *sketch,
                     struct exact *exact, size_t n) {
    for (size_t i = 0; i < n; i++) {
        size_t below = 1 + (size_t)roll(dice, KEYS);
        add(arena, sketch, exact, (size_t)roll(dice, 1 + (size_t)roll(dice, below)));
    }
}

static void assert_bounds_are_true(const struct sketch *sketch, const struct exact *exact) {
    bool has_slot[KEYS] = {false};
    uint64_t error_max = sketch_error_max(sketch);
    for (size_t i = 0; i < sketch_count(sketch); i++) {
        struct sketch_entry entry = sketch_at(sketch, i);
        size_t number = number_of(&entry);
        assert_false(has_slot[number]); /* no key twice */
        has_slot[number] = true;
        assert_true(entry.count >= exact->counts[number]);
        assert_true(entry.count - entry.error <= exact->counts[number]);
        assert_true(entry.error <= error_max);
    }
    for (size_t number = 0; number < KEYS; number++) {
        assert_true(has_slot[number] || exact->counts[number] <= error_max);
    }
}

static void counts_are_exact_while_there_is_room(void **state) {
    struct exact exact = {{0}};
    struct sketch *sketch = sketch_new(*state, KEYS, &hash_key);
    add_many(*state, &(struct dice){5}, sketch, &exact, 20000);
    assert_int_equal(sketch_error_max(sketch), 0);
    for (size_t i = 0; i < sketch_count(sketch); i++) {
        struct sketch_entry entry = sketch_at(sketch, i);
        assert_int_equal(entry.count, exact.counts[number_of(&entry)]);
        assert_int_equal(entry.error, 0);
    }
    assert_bounds_are_true(sketch, &exact);
}

static void bounds_are_true_when_there_are_too_many_keys(void **state) {
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct exact exact = {{0}};
        struct dice dice = {seed * 7919};
        struct sketch *sketch = sketch_new(*state, 1 + (size_t)roll(&dice, 100), &hash_key);
        for (int i = 0; i < 10; i++) {
            add_many(*state, &dice, sketch, &exact, 200);
            assert_bounds_are_true(sketch, &exact);
        }
        assert_true(sketch_error_max(sketch) > 0);
    }
}

/* Space-Saving's promise: whatever has more than its share, n / capacity, has a slot. */
static void frequent_key_has_a_slot_however_late_it_comes(void **state) {
    struct exact exact = {{0}};
    struct sketch *sketch = sketch_new(*state, 10, &hash_key);
    for (size_t i = 1; i < KEYS; i++) {
        add(*state, sketch, &exact, i);
    }
    for (size_t i = 0; i < 50; i++) {
        add(*state, sketch, &exact, 0);
        add(*state, sketch, &exact, 1 + i);
    }
    bool is_found = false;
    for (size_t i = 0; i < sketch_count(sketch); i++) {
        struct sketch_entry entry = sketch_at(sketch, i);
        is_found = is_found || number_of(&entry) == 0;
    }
    assert_true(is_found);
    assert_true(sketch_error_max(sketch) <= (KEYS - 1 + 100) / 10);
}

static void add_exact(struct exact *into, const struct exact *from) {
    for (size_t i = 0; i < KEYS; i++) {
        into->counts[i] += from->counts[i];
    }
}

/* Of sketches that overflowed, that did not, and that are empty. */
static void bounds_are_true_after_merging(void **state) {
    static const size_t sizes[] = {0, 10, 60, 5000};
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct dice dice = {seed * 104729};
        size_t capacity = 1 + (size_t)roll(&dice, 120);
        struct exact exact = {{0}};
        struct sketch *into = sketch_new(*state, capacity, &hash_key);
        add_many(*state, &dice, into, &exact, PICK(&dice, sizes));
        for (int i = 0; i < 4; i++) {
            struct exact other = {{0}};
            struct sketch *from = sketch_new(*state, capacity, &hash_key);
            add_many(*state, &dice, from, &other, PICK(&dice, sizes));
            sketch_merge(into, from);
            assert_bounds_are_true(from, &other);
            add_exact(&exact, &other);
            assert_bounds_are_true(into, &exact);
            add_many(*state, &dice, into, &exact, 30);
            assert_bounds_are_true(into, &exact);
        }
    }
}

static void merging_within_room_is_exact(void **state) {
    struct exact exact = {{0}};
    struct sketch *into = sketch_new(*state, KEYS, &hash_key);
    struct sketch *from = sketch_new(*state, KEYS, &hash_key);
    add_many(*state, &(struct dice){11}, into, &exact, 3000);
    add_many(*state, &(struct dice){12}, from, &exact, 3000);
    sketch_merge(into, from);
    assert_int_equal(sketch_error_max(into), 0);
    for (size_t i = 0; i < sketch_count(into); i++) {
        struct sketch_entry entry = sketch_at(into, i);
        assert_int_equal(entry.count, exact.counts[number_of(&entry)]);
    }
}

static void keys_that_differ_in_one_part_are_different(void **state) {
    struct sketch *sketch = sketch_new(*state, 100, &hash_key);
    const struct sketch_key keys[] = {
        {CLASS_SEVERE, {STR("a"), STR("b"), STR("c"), STR("d")}},
        {CLASS_AMBIGUOUS, {STR("a"), STR("b"), STR("c"), STR("d")}},
        {CLASS_SEVERE, {STR("ab"), STR(""), STR("c"), STR("d")}},
        {CLASS_SEVERE, {STR("a"), STR("bc"), STR(""), STR("d")}},
        {CLASS_SEVERE, {STR("a"), STR("b"), STR("cd"), STR("")}},
        {CLASS_SEVERE, {STR("a"), STR("b"), STR("c"), STR("e")}},
        {CLASS_SEVERE, {STR("a"), STR("b"), STR("c"), STR("d"), STR("e")}},
        {CLASS_SEVERE, {STR("a"), STR("b"), STR("c"), STR(""), STR("d")}},
    };
    for (size_t i = 0; i < 3 * COUNT(keys); i++) {
        sketch_add(sketch, &keys[i % COUNT(keys)]);
    }
    assert_int_equal(sketch_count(sketch), COUNT(keys));
    for (size_t i = 0; i < COUNT(keys); i++) {
        assert_int_equal(sketch_at(sketch, i).count, 3);
    }
}

static void keys_are_cut_and_memory_stays_within_bounds(void **state) {
    char *long_text = arena_alloc(*state, 300000);
    memset(long_text, 'u', 300000);
    str whole = {long_text, 300000};
    struct arena arena = {0};
    struct sketch *sketch = sketch_new(&arena, TALLY_GROUPS_MAX, &hash_key);
    for (size_t i = 0; i < 2 * TALLY_GROUPS_MAX; i++) {
        (void)memcpy(long_text, &i, sizeof(i));
        sketch_add(sketch, &(struct sketch_key){CLASS_SEVERE, {whole, whole, whole, whole, whole}});
    }
    assert_int_equal(sketch_count(sketch), TALLY_GROUPS_MAX);
    struct sketch_entry entry = sketch_at(sketch, 0);
    assert_int_equal(entry.key.texts[KEY_USER_AGENT].len, 512);
    assert_in_range(entry.key.texts[KEY_HOST].len, 250, 512);
    assert_int_equal(entry.key.texts[KEY_LOAD_BALANCER].len, LOAD_BALANCER_BYTES_MAX);
    assert_true(arena_bytes_held(&arena) < (size_t)16 << 20);
    arena_clean_up(&arena);
}

/* All that is in it, in its order. */
static str dump(struct arena *arena, const struct sketch *sketch) {
    struct buf out;
    buf_init(&out, arena, (size_t)1 << 20);
    for (size_t i = 0; i < sketch_count(sketch); i++) {
        struct sketch_entry entry = sketch_at(sketch, i);
        buf_printf(&out, "%zu %llu %llu\n", number_of(&entry), (unsigned long long)entry.count,
                   (unsigned long long)entry.error);
    }
    return buf_str(&out);
}

/* Two sketches that overflowed, merged. */
static str overflowed_with(struct arena *arena, const struct tally_hash_key *key) {
    struct exact exact = {{0}};
    struct sketch *into = sketch_new(arena, 50, key);
    struct sketch *from = sketch_new(arena, 50, key);
    add_many(arena, &(struct dice){21}, into, &exact, 3000);
    add_many(arena, &(struct dice){22}, from, &exact, 3000);
    sketch_merge(into, from);
    assert_true(sketch_error_max(into) > 0);
    return dump(arena, into);
}

static void hash_key_changes_no_result_even_of_a_sketch_that_overflowed(void **state) {
    str expected = overflowed_with(*state, &hash_key);
    for (uint64_t i = 0; i < 20; i++) {
        assert_true(
            str_eq(overflowed_with(*state, &(struct tally_hash_key){{i, i * i}}), expected));
    }
}

static int set_up(void **state) {
    static struct arena arena;
    *state = &arena;
    return 0;
}

static int tear_down(void **state) {
    arena_clean_up(*state);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(counts_are_exact_while_there_is_room),
        TEST(bounds_are_true_when_there_are_too_many_keys),
        TEST(frequent_key_has_a_slot_however_late_it_comes),
        TEST(bounds_are_true_after_merging),
        TEST(merging_within_room_is_exact),
        TEST(keys_that_differ_in_one_part_are_different),
        TEST(hash_key_changes_no_result_even_of_a_sketch_that_overflowed),
        TEST(keys_are_cut_and_memory_stays_within_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
