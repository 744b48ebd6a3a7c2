/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "death.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TEST_ASAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define TEST_ASAN 1
#endif
#ifdef TEST_ASAN
#include <sanitizer/asan_interface.h>
#endif

#define KIB ((size_t)1024)

static bool is_all(const unsigned char *bytes, size_t size, unsigned char value) {
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] != value) {
            return false;
        }
    }
    return true;
}

static void arena_before_first_allocation_holds_nothing(void **state) {
    (void)state;
    struct arena arena;
    memset(&arena, 0xFF, sizeof(arena));
    arena = (struct arena){0};
    assert_int_equal(arena_bytes_held(&arena), 0);
    arena_clean_up(&arena);
    assert_int_equal(arena_bytes_held(&arena), 0);
}

static void arena_zero_initialised_needs_no_init(void **state) {
    (void)state;
    struct arena arena = {0};
    int *number = ARENA_NEW(&arena, int);
    assert_int_equal(*number, 0);
    arena_clean_up(&arena);
}

static void arena_small_use_takes_one_small_chunk(void **state) {
    (void)state;
    struct arena arena = {0};
    for (int i = 0; i < 100; i++) {
        arena_alloc(&arena, 64);
    }
    assert_int_equal(arena_bytes_held(&arena), 16 * KIB);
    arena_clean_up(&arena);
}

static void arena_allocations_of_every_size_are_zeroed_aligned_and_apart(void **state) {
    (void)state;
    struct arena arena = {0};
    enum { COUNT = 400 };
    unsigned char *blocks[COUNT];
    /* two rounds: the second gets memory that the first has written to */
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < COUNT; i++) {
            blocks[i] = arena_alloc(&arena, i * 7);
            assert_non_null(blocks[i]);
            assert_int_equal((uintptr_t)blocks[i] % _Alignof(max_align_t), 0);
            assert_true(is_all(blocks[i], i * 7, 0));
            memset(blocks[i], (int)(i % 255 + 1), i * 7);
        }
        for (size_t i = 0; i < COUNT; i++) {
            assert_true(is_all(blocks[i], i * 7, (unsigned char)(i % 255 + 1)));
        }
        arena_reset(&arena);
    }
    arena_clean_up(&arena);
}

static void arena_alloc_of_zero_bytes_gives_unique_pointers(void **state) {
    (void)state;
    struct arena arena = {0};
    void *first = arena_alloc(&arena, 0);
    void *second = arena_alloc(&arena, 0);
    assert_non_null(first);
    assert_non_null(second);
    assert_ptr_not_equal(first, second);
    arena_clean_up(&arena);
}

static void arena_alloc_around_chunk_borders_is_usable(void **state) {
    (void)state;
    static const size_t sizes[] = {16 * KIB - 64, 16 * KIB - 32, 16 * KIB - 1, 16 * KIB,
                                   64 * KIB,      KIB * KIB,     3 * KIB * KIB};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct arena arena = {0};
        arena_alloc(&arena, 8);
        unsigned char *block = arena_alloc(&arena, sizes[i]);
        assert_true(is_all(block, sizes[i], 0));
        memset(block, 1, sizes[i]);
        assert_true(arena_bytes_held(&arena) >= sizes[i]);
        arena_clean_up(&arena);
    }
}

static void arena_large_allocation_leaves_the_small_chunk_in_use(void **state) {
    (void)state;
    struct arena arena = {0};
    arena_alloc(&arena, 100);
    arena_alloc(&arena, 100 * KIB);
    size_t held = arena_bytes_held(&arena);
    arena_alloc(&arena, 100);
    assert_int_equal(arena_bytes_held(&arena), held);
    arena_clean_up(&arena);
}

static void arena_chunks_double_up_to_a_mebibyte(void **state) {
    (void)state;
    struct arena arena = {0};
    size_t held_before = 0;
    size_t largest = 0;
    for (size_t i = 0; i < 8 * KIB; i++) {
        arena_alloc(&arena, KIB);
        size_t grown = arena_bytes_held(&arena) - held_before;
        held_before += grown;
        largest = grown > largest ? grown : largest;
    }
    assert_int_equal(largest, KIB * KIB);
    arena_clean_up(&arena);
}

static void arena_alloc_array_is_zeroed_and_as_long_as_asked(void **state) {
    (void)state;
    struct arena arena = {0};
    int64_t *numbers = ARENA_ARRAY(&arena, int64_t, 1000);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(numbers[i], 0);
        numbers[i] = i;
    }
    arena_clean_up(&arena);
}

static void overflow_array(void) {
    struct arena arena = {0};
    arena_alloc_array(&arena, SIZE_MAX / 2, 3);
}

static void exhaust(void) {
    struct arena arena = {0};
    arena_alloc(&arena, SIZE_MAX - 1);
}

static void arena_exhaustion_aborts_with_a_line(void **state) {
    (void)state;
    assert_true(aborts_saying(overflow_array, "out of memory"));
    assert_true(aborts_saying(exhaust, "out of memory"));
}

static void arena_realloc_of_the_newest_stays_in_place(void **state) {
    (void)state;
    struct arena arena = {0};
    unsigned char *block = arena_alloc(&arena, 100);
    memset(block, 1, 100);
    assert_ptr_equal(arena_realloc(&arena, block, 100, 1000), block);
    assert_true(is_all(block, 100, 1));
    assert_true(is_all(block + 100, 900, 0));
    assert_ptr_equal(arena_realloc(&arena, block, 1000, 10), block);
    /* what the shrinking gave back is handed out again, zeroed */
    unsigned char *next = arena_alloc(&arena, 500);
    assert_true(next < block + 1000);
    assert_true(is_all(next, 500, 0));
    arena_clean_up(&arena);
}

static void arena_realloc_of_an_older_one_moves_its_bytes(void **state) {
    (void)state;
    struct arena arena = {0};
    unsigned char *older = arena_alloc(&arena, 100);
    memset(older, 1, 100);
    unsigned char *newer = arena_alloc(&arena, 100);
    memset(newer, 2, 100);
    unsigned char *moved = arena_realloc(&arena, older, 100, 300);
    assert_ptr_not_equal(moved, older);
    assert_true(is_all(moved, 100, 1));
    assert_true(is_all(moved + 100, 200, 0));
    assert_true(is_all(newer, 100, 2));
    arena_clean_up(&arena);
}

static void arena_realloc_of_null_allocates(void **state) {
    (void)state;
    struct arena arena = {0};
    unsigned char *block = arena_realloc(&arena, NULL, 0, 50);
    assert_non_null(block);
    assert_true(is_all(block, 50, 0));
    arena_clean_up(&arena);
}

static void arena_growing_buffer_gives_its_old_halves_back(void **state) {
    (void)state;
    struct arena arena = {0};
    size_t size = 32;
    unsigned char *block = arena_alloc(&arena, size);
    memset(block, 7, size);
    while (size < 4 * KIB * KIB) {
        arena_alloc(&arena, 1); /* so that it is never the newest */
        block = arena_realloc(&arena, block, size, 2 * size);
        assert_true(is_all(block, size, 7));
        assert_true(is_all(block + size, size, 0));
        size *= 2;
        memset(block, 7, size);
    }
    assert_true(arena_bytes_held(&arena) < size + 128 * KIB);
    block = arena_realloc(&arena, block, size, 10);
    assert_true(is_all(block, 10, 7));
    assert_true(arena_bytes_held(&arena) < 128 * KIB);
    arena_clean_up(&arena);
}

/* Even with room beside it: else its old halves could not be given back later. */
static void arena_realloc_that_becomes_large_gets_a_chunk_of_its_own(void **state) {
    (void)state;
    struct arena arena = {0};
    for (int i = 0; i < 700; i++) {
        arena_alloc(&arena, KIB);
    }
    unsigned char *block = arena_alloc(&arena, 10 * KIB);
    size_t held = arena_bytes_held(&arena);
    block = arena_realloc(&arena, block, 10 * KIB, 20 * KIB);
    assert_true(arena_bytes_held(&arena) > held + 20 * KIB);
    arena_realloc(&arena, block, 20 * KIB, 10);
    assert_int_equal(arena_bytes_held(&arena), held);
    arena_clean_up(&arena);
}

static void arena_reset_keeps_one_small_chunk(void **state) {
    (void)state;
    struct arena arena = {0};
    for (int i = 0; i < 4000; i++) {
        arena_alloc(&arena, KIB);
    }
    arena_alloc(&arena, 10 * KIB * KIB);
    assert_true(arena_bytes_held(&arena) > 13 * KIB * KIB);
    arena_reset(&arena);
    size_t held = arena_bytes_held(&arena);
    assert_true(held > 0 && held <= 64 * KIB);
    arena_alloc(&arena, KIB);
    assert_int_equal(arena_bytes_held(&arena), held);
    arena_reset(&arena);
    arena_reset(&arena);
    assert_int_equal(arena_bytes_held(&arena), held);
    arena_clean_up(&arena);
}

static void arena_reset_after_one_large_allocation_keeps_nothing_large(void **state) {
    (void)state;
    struct arena arena = {0};
    arena_alloc(&arena, 20 * KIB);
    arena_reset(&arena);
    assert_int_equal(arena_bytes_held(&arena), 0);
    arena_clean_up(&arena);
}

static void arena_clean_up_is_idempotent_and_leaves_a_usable_arena(void **state) {
    (void)state;
    struct arena arena = {0};
    arena_alloc(&arena, 10);
    arena_clean_up(&arena);
    arena_clean_up(&arena);
    assert_int_equal(arena_bytes_held(&arena), 0);
    assert_non_null(arena_alloc(&arena, 10));
    arena_clean_up(&arena);
}

struct trace {
    char letters[16];
    size_t count;
};

struct step {
    struct trace *trace;
    char letter;
    struct arena *defer_again_in; /* or NULL */
};

static void record(void *context) {
    struct step *step = context;
    step->trace->letters[step->trace->count++] = step->letter;
    if (step->defer_again_in != NULL) {
        struct arena *arena = step->defer_again_in;
        step->defer_again_in = NULL;
        step->letter = 'z';
        arena_defer(arena, record, step);
    }
}

static void arena_deferred_run_newest_first_and_once(void **state) {
    (void)state;
    struct arena arena = {0};
    struct trace trace = {0};
    struct step steps[] = {{&trace, 'a', NULL}, {&trace, 'b', NULL}, {&trace, 'c', NULL}};
    for (size_t i = 0; i < 3; i++) {
        arena_defer(&arena, record, &steps[i]);
    }
    assert_int_equal(trace.count, 0);
    arena_reset(&arena);
    assert_string_equal(trace.letters, "cba");
    arena_reset(&arena);
    arena_clean_up(&arena);
    assert_string_equal(trace.letters, "cba");
}

static void arena_clean_up_runs_deferred_too(void **state) {
    (void)state;
    struct arena arena = {0};
    struct trace trace = {0};
    struct step step = {&trace, 'a', NULL};
    arena_defer(&arena, record, &step);
    arena_clean_up(&arena);
    assert_string_equal(trace.letters, "a");
}

static void arena_deferred_that_defers_is_run_in_the_same_reset(void **state) {
    (void)state;
    struct arena arena = {0};
    struct trace trace = {0};
    struct step first = {&trace, 'a', NULL};
    struct step second = {&trace, 'b', &arena};
    arena_defer(&arena, record, &first);
    arena_defer(&arena, record, &second);
    arena_reset(&arena);
    assert_string_equal(trace.letters, "bza");
    arena_clean_up(&arena);
}

/* Memory of the arena is the deferred function's to use: it runs before anything is released. */
static void read_text(void *context) {
    assert_string_equal((const char *)context, "alive");
}

static void arena_deferred_still_sees_the_arenas_memory(void **state) {
    (void)state;
    struct arena arena = {0};
    char *text = arena_alloc(&arena, 20 * KIB);
    memcpy(text, "alive", 6);
    arena_defer(&arena, read_text, text);
    arena_reset(&arena);
    arena_clean_up(&arena);
}

static void arena_under_asan_poisons_unallocated_memory(void **state) {
    (void)state;
#ifdef TEST_ASAN
    struct arena arena = {0};
    char *block = arena_alloc(&arena, 13);
    char *large = arena_alloc(&arena, 20 * KIB);
    assert_false(__asan_address_is_poisoned(block + 12));
    assert_true(__asan_address_is_poisoned(block + 13));
    assert_true(__asan_address_is_poisoned(large + 20 * KIB));
    assert_ptr_equal(arena_realloc(&arena, block, 13, 5), block);
    assert_true(__asan_address_is_poisoned(block + 5));
    arena_alloc(&arena, 1);
    assert_ptr_not_equal(arena_realloc(&arena, block, 5, 50), block);
    assert_true(__asan_address_is_poisoned(block));
    char *kept = arena_alloc(&arena, 5);
    arena_reset(&arena);
    assert_true(__asan_address_is_poisoned(kept));
    arena_clean_up(&arena);
#else
    skip(); /* there is nothing to poison in this build */
#endif
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arena_before_first_allocation_holds_nothing),
        cmocka_unit_test(arena_zero_initialised_needs_no_init),
        cmocka_unit_test(arena_small_use_takes_one_small_chunk),
        cmocka_unit_test(arena_allocations_of_every_size_are_zeroed_aligned_and_apart),
        cmocka_unit_test(arena_alloc_of_zero_bytes_gives_unique_pointers),
        cmocka_unit_test(arena_alloc_around_chunk_borders_is_usable),
        cmocka_unit_test(arena_large_allocation_leaves_the_small_chunk_in_use),
        cmocka_unit_test(arena_chunks_double_up_to_a_mebibyte),
        cmocka_unit_test(arena_alloc_array_is_zeroed_and_as_long_as_asked),
        cmocka_unit_test(arena_exhaustion_aborts_with_a_line),
        cmocka_unit_test(arena_realloc_of_the_newest_stays_in_place),
        cmocka_unit_test(arena_realloc_of_an_older_one_moves_its_bytes),
        cmocka_unit_test(arena_realloc_of_null_allocates),
        cmocka_unit_test(arena_growing_buffer_gives_its_old_halves_back),
        cmocka_unit_test(arena_realloc_that_becomes_large_gets_a_chunk_of_its_own),
        cmocka_unit_test(arena_reset_keeps_one_small_chunk),
        cmocka_unit_test(arena_reset_after_one_large_allocation_keeps_nothing_large),
        cmocka_unit_test(arena_clean_up_is_idempotent_and_leaves_a_usable_arena),
        cmocka_unit_test(arena_deferred_run_newest_first_and_once),
        cmocka_unit_test(arena_clean_up_runs_deferred_too),
        cmocka_unit_test(arena_deferred_that_defers_is_run_in_the_same_reset),
        cmocka_unit_test(arena_deferred_still_sees_the_arenas_memory),
        cmocka_unit_test(arena_under_asan_poisons_unallocated_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
