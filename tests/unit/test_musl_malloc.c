/* SPDX-License-Identifier: Apache-2.0
 *
 * The static binary's allocator beside the C library's own, so under other names.
 */
#define malloc             heap_malloc
#define calloc             heap_calloc
#define realloc            heap_realloc
#define free               heap_free
#define aligned_alloc      heap_aligned_alloc
#define memalign           heap_memalign
#define posix_memalign     heap_posix_memalign
#define malloc_usable_size heap_malloc_usable_size
#include "../../src/base/musl_malloc.c"
#undef malloc
#undef calloc
#undef realloc
#undef free
#undef aligned_alloc
#undef memalign
#undef posix_memalign
#undef malloc_usable_size

#include <pthread.h>

#include "death.h"
#include "unit.h"

static bool is_filled(const unsigned char *bytes, size_t count, unsigned char value) {
    for (size_t i = 0; i < count; i++) {
        if (bytes[i] != value) {
            return false;
        }
    }
    return true;
}

static void class_of_holds_every_size_with_at_most_a_quarter_wasted(void **state) {
    (void)state;
    uint32_t previous = 0;
    size_t previous_bytes = 0;
    for (size_t bytes = sizeof(struct header); bytes <= CLASS_MAX; bytes++) {
        uint32_t class_index = class_of(bytes);
        size_t class_bytes = class_bytes_of(class_index);
        assert_true(class_index < CLASS_COUNT);
        assert_true(class_bytes >= bytes);
        assert_int_equal(class_bytes % GRAIN, 0);
        assert_true(class_bytes - bytes <= bytes / 4 + GRAIN);
        assert_true(class_index == previous || class_index == previous + 1);
        assert_true((class_index == previous) == (class_bytes == previous_bytes) || bytes == 16);
        previous = class_index;
        previous_bytes = class_bytes;
    }
    assert_int_equal(previous, CLASS_COUNT - 1);
}

static void malloc_of_every_class_is_aligned_writable_and_disjoint(void **state) {
    (void)state;
    enum { COUNT = 400 };
    unsigned char *blocks[COUNT];
    size_t sizes[COUNT];
    size_t size = 0;
    for (size_t i = 0; i < COUNT; i++) {
        sizes[i] = size;
        blocks[i] = heap_malloc(size);
        assert_non_null(blocks[i]);
        assert_int_equal((uintptr_t)blocks[i] % GRAIN, 0);
        assert_true(heap_malloc_usable_size(blocks[i]) >= size);
        memset(blocks[i], (int)(i & 0xff), size);
        size = (size * 21 / 20 + 1) % 300000;
    }
    for (size_t i = 0; i < COUNT; i++) {
        assert_true(is_filled(blocks[i], sizes[i], (unsigned char)(i & 0xff)));
        heap_free(blocks[i]);
    }
}

static void free_gives_the_block_to_the_next_of_its_class(void **state) {
    (void)state;
    void *first = heap_malloc(96);
    heap_free(first);
    assert_ptr_equal(heap_malloc(90), first);
    heap_free(first);
}

static void free_of_null_does_nothing(void **state) {
    (void)state;
    heap_free(NULL);
    assert_int_equal(heap_malloc_usable_size(NULL), 0);
}

static void malloc_beyond_the_address_space_is_enomem(void **state) {
    (void)state;
    volatile size_t sizes[] = {SIZE_MAX, SIZE_MAX - 15, PTRDIFF_MAX, (size_t)1 << 62};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        errno = 0;
        assert_null(heap_malloc(sizes[i]));
        assert_int_equal(errno, ENOMEM);
    }
    errno = 0;
    assert_null(heap_calloc(sizes[0] / 2, 3));
    assert_int_equal(errno, ENOMEM);
    errno = 0;
    assert_null(heap_aligned_alloc(4096, sizes[0] - 100));
    assert_int_equal(errno, ENOMEM);
}

static void calloc_of_a_used_block_is_zero(void **state) {
    (void)state;
    const size_t sizes[] = {1, 100, 5000, 120000, 1 << 20};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        unsigned char *block = heap_malloc(sizes[i]);
        memset(block, 0xa5, sizes[i]);
        heap_free(block);
        block = heap_calloc(1, sizes[i]);
        assert_true(is_filled(block, sizes[i], 0));
        heap_free(block);
    }
}

static void realloc_keeps_what_fits(void **state) {
    (void)state;
    unsigned char *block = heap_realloc(NULL, 1);
    block[0] = 7;
    for (size_t size = 2; size < 600000; size *= 3) {
        block = heap_realloc(block, size);
        assert_non_null(block);
        assert_int_equal(block[0], 7);
        assert_true(is_filled(block, size / 3 > 0 ? size / 3 : 1, 7));
        memset(block, 7, size);
    }
    block = heap_realloc(block, 1000);
    assert_true(is_filled(block, 1000, 7));
    assert_true(heap_malloc_usable_size(block) < 4096);
    heap_free(block);
}

static void realloc_that_cannot_grow_leaves_the_block(void **state) {
    (void)state;
    volatile size_t too_much = SIZE_MAX / 2;
    unsigned char *block = heap_malloc(50);
    memset(block, 3, 50);
    assert_null(heap_realloc(block, too_much));
    assert_true(is_filled(block, 50, 3));
    heap_free(block);
}

static void aligned_alloc_of_every_power_is_aligned_and_can_be_freed(void **state) {
    (void)state;
    for (size_t alignment = 1; alignment <= 65536; alignment *= 2) {
        for (size_t size = 1; size < 200000; size = size * 7 + 1) {
            unsigned char *block = heap_aligned_alloc(alignment, size);
            assert_non_null(block);
            assert_int_equal((uintptr_t)block % alignment, 0);
            assert_true(heap_malloc_usable_size(block) >= size);
            memset(block, 9, size);
            block = heap_realloc(block, size + 1000);
            assert_true(is_filled(block, size, 9));
            heap_free(block);
        }
    }
}

static void aligned_alloc_of_a_bad_alignment_is_refused(void **state) {
    (void)state;
    volatile size_t odd = 24; /* unknown to the compiler, which would refuse it */
    volatile size_t too_small = 4;
    void *block = NULL;
    errno = 0;
    assert_null(heap_memalign(odd, 1));
    assert_int_equal(errno, EINVAL);
    assert_int_equal(heap_posix_memalign(&block, too_small, 1), EINVAL);
    assert_int_equal(heap_posix_memalign(&block, odd, 1), EINVAL);
    assert_null(block);
    assert_int_equal(heap_posix_memalign(&block, 64, 1), 0);
    heap_free(block);
}

static void free_twice(void) {
    void *block = heap_malloc(40);
    heap_free(block);
    heap_free(block);
}

static void free_aligned_twice(void) {
    void *volatile block; /* else the compiler "knows" that there is nothing in front of it */
    do {                  /* until one needs the second header */
        block = heap_aligned_alloc(64, 40);
    } while (state_of(header_of(block)) != BLOCK_ALIGNED);
    heap_free(block);
    heap_free(block);
}

static void free_in_the_middle(void) {
    unsigned char *block = heap_calloc(1, 200);
    heap_free(block + 64);
}

static void realloc_after_free(void) {
    void *block = heap_malloc(40);
    heap_free(block);
    block = heap_realloc(block, 80);
}

static void free_beside_a_block(void) {
    unsigned char *block = heap_calloc(1, 200);
    heap_free(block + 8);
}

/* What may be written into a header by an overflow from the block before it. */
static void free_with_header(uint64_t what, uint64_t seal) {
    void *block = heap_malloc(40);
    *header_of(block) = (struct header){what, seal};
    heap_free(block);
}

static void free_with_one_bit_changed(void) {
    void *block = heap_malloc(40);
    header_of(block)->what ^= (uint64_t)1 << CLASS_SHIFT;
    heap_free(block);
}

static void free_as_mapped(void) {
    void *block = heap_malloc(40);
    free_with_header(what_of(BLOCK_MAPPED, 0, PAGE_BYTES), header_of(block)->seal);
}

static void free_as_aligned(void) {
    free_with_header(what_of(BLOCK_ALIGNED, 0, 64), 0);
}

static void free_with_the_header_of_another(void) {
    const struct header *other = header_of(heap_malloc(40));
    free_with_header(other->what, other->seal);
}

static void resize_as_bigger(void) {
    void *block = heap_malloc(40);
    header_of(block)->what = what_of(BLOCK_MAPPED, 0, 1 << 20);
    block = heap_realloc(block, 1000);
}

static void take_with_a_poisoned_link(void) {
    static void *target[4];
    void **block = heap_malloc(40);
    heap_free(block);
    block[0] = target;
    block = heap_malloc(40);
}

static void take_with_the_link_of_another(void) {
    uint64_t *first = heap_malloc(40);
    uint64_t *second = heap_malloc(40);
    heap_free(first);
    heap_free(second);
    second[0] = first[0];
    second = heap_malloc(40);
}

static void take_with_a_freed_header_changed(void) {
    void *block = heap_malloc(40);
    heap_free(block);
    header_of(block)->what++; /* the number of its chunk */
    block = heap_malloc(40);
}

static void misuse_of_a_block_ends_the_program(void **state) {
    (void)state;
    static const struct {
        const char *name;
        void (*misuse)(void);
    } rows[] = {
        {"freed twice", free_twice},
        {"aligned block freed twice", free_aligned_twice},
        {"pointer into a block freed", free_in_the_middle},
        {"freed block resized", realloc_after_free},
        {"pointer beside a block freed", free_beside_a_block},
        {"header with one bit changed", free_with_one_bit_changed},
        {"header that says mapped", free_as_mapped},
        {"header that says aligned", free_as_aligned},
        {"header of another block", free_with_the_header_of_another},
        {"resized with a header that says bigger", resize_as_bigger},
        {"link to a chosen address", take_with_a_poisoned_link},
        {"link of another block", take_with_the_link_of_another},
        {"header of a free block", take_with_a_freed_header_changed},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (!aborts_saying(rows[i].misuse, "heap corruption")) {
            fail_msg("%s", rows[i].name);
        }
    }
}

/* --- chunks --- */

enum { MANY = 10000, MANY_BYTES = 1000 };

static bool is_mapped(const void *address) {
    uintptr_t page = (uintptr_t)address & ~(uintptr_t)(PAGE_BYTES - 1);
    /* NOLINTNEXTLINE(performance-no-int-to-ptr) */
    return msync((void *)page, 1, MS_ASYNC) == 0;
}

static void fill(unsigned char **blocks) {
    for (size_t i = 0; i < MANY; i++) {
        blocks[i] = heap_malloc(MANY_BYTES);
        assert_non_null(blocks[i]);
        memset(blocks[i], (int)(i & 0xff), MANY_BYTES);
    }
}

static void free_of_all_blocks_unmaps_all_chunks_but_a_few(void **state) {
    (void)state;
    static unsigned char *blocks[MANY];
    size_t before = chunk_count;
    for (size_t round = 0; round < 5; round++) {
        fill(blocks);
        assert_true(chunk_count >= MANY * MANY_BYTES / CHUNK_BYTES);
        for (size_t i = 0; i < MANY; i++) {
            heap_free(blocks[i]);
        }
        assert_true(chunk_count <= before + KEPT_CHUNKS + 1);
    }
    size_t mapped = 0;
    for (size_t i = 0; i < MANY; i++) {
        mapped += is_mapped(blocks[i]);
    }
    assert_true(mapped <= (before + KEPT_CHUNKS + 1) * (CHUNK_BYTES / MANY_BYTES));
}

static void free_of_all_blocks_but_one_keeps_its_chunk_and_list(void **state) {
    (void)state;
    static unsigned char *blocks[MANY];
    fill(blocks);
    for (size_t i = 0; i < MANY; i++) {
        if (i != MANY / 2) {
            heap_free(blocks[i]);
        }
    }
    assert_true(is_filled(blocks[MANY / 2], MANY_BYTES, (MANY / 2) & 0xff));
    unsigned char *kept = blocks[MANY / 2];
    blocks[MANY / 2] = NULL;
    fill(blocks);
    for (size_t i = 0; i < MANY; i++) {
        assert_ptr_not_equal(blocks[i], kept);
        assert_true(is_filled(blocks[i], MANY_BYTES, (unsigned char)(i & 0xff)));
        heap_free(blocks[i]);
    }
    assert_true(is_filled(kept, MANY_BYTES, (MANY / 2) & 0xff));
    heap_free(kept);
}

static void malloc_beyond_the_table_of_chunks_maps_the_block(void **state) {
    (void)state;
    static unsigned char taken;
    static unsigned char *blocks[MANY];
    for (size_t i = 0; i < CHUNKS_MAX; i++) {
        chunks[i].base = chunks[i].base == NULL ? &taken : chunks[i].base;
    }
    for (size_t i = 0; i < MANY; i++) {
        blocks[i] = heap_malloc(MANY_BYTES);
        assert_non_null(blocks[i]);
    }
    assert_int_equal(state_of(header_of(blocks[MANY - 1])), BLOCK_MAPPED);
    for (size_t i = 0; i < CHUNKS_MAX; i++) {
        chunks[i].base = chunks[i].base == &taken ? NULL : chunks[i].base;
    }
    for (size_t i = 0; i < MANY; i++) {
        heap_free(blocks[i]);
    }
    assert_false(is_mapped(blocks[MANY - 1]));
}

enum { THREADS = 4, ROUNDS = 20000, SLOTS = 64 };

/* Holds up to SLOTS blocks filled with its own mark; returns how often a mark was not its own. */
static void *churn(void *argument) {
    const unsigned char mark = *(const unsigned char *)argument;
    unsigned char *blocks[SLOTS] = {NULL};
    size_t sizes[SLOTS] = {0};
    uint32_t random = mark * 2654435761u + 1;
    uintptr_t spoilt = 0;
    for (size_t i = 0; i < ROUNDS; i++) {
        random = random * 1664525u + 1013904223u;
        size_t slot = (random >> 8) % SLOTS;
        if (blocks[slot] != NULL) {
            spoilt += !is_filled(blocks[slot], sizes[slot], mark);
        }
        heap_free(blocks[slot]);
        sizes[slot] = (random >> 14) % (i % 100 == 0 ? 200000 : 600);
        blocks[slot] = heap_malloc(sizes[slot]);
        memset(blocks[slot], mark, sizes[slot]);
    }
    for (size_t slot = 0; slot < SLOTS; slot++) {
        heap_free(blocks[slot]);
    }
    return (void *)spoilt; /* NOLINT(performance-no-int-to-ptr): a count, never a pointer */
}

static void threads_at_once_never_share_a_block(void **state) {
    (void)state;
    pthread_t threads[THREADS];
    unsigned char marks[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        marks[i] = (unsigned char)(i + 1);
        assert_int_equal(pthread_create(&threads[i], NULL, churn, &marks[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        void *spoilt;
        assert_int_equal(pthread_join(threads[i], &spoilt), 0);
        assert_null(spoilt);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(class_of_holds_every_size_with_at_most_a_quarter_wasted),
        cmocka_unit_test(malloc_of_every_class_is_aligned_writable_and_disjoint),
        cmocka_unit_test(free_gives_the_block_to_the_next_of_its_class),
        cmocka_unit_test(free_of_null_does_nothing),
        cmocka_unit_test(malloc_beyond_the_address_space_is_enomem),
        cmocka_unit_test(calloc_of_a_used_block_is_zero),
        cmocka_unit_test(realloc_keeps_what_fits),
        cmocka_unit_test(realloc_that_cannot_grow_leaves_the_block),
        cmocka_unit_test(aligned_alloc_of_every_power_is_aligned_and_can_be_freed),
        cmocka_unit_test(aligned_alloc_of_a_bad_alignment_is_refused),
        cmocka_unit_test(misuse_of_a_block_ends_the_program),
        cmocka_unit_test(free_of_all_blocks_unmaps_all_chunks_but_a_few),
        cmocka_unit_test(free_of_all_blocks_but_one_keeps_its_chunk_and_list),
        cmocka_unit_test(malloc_beyond_the_table_of_chunks_maps_the_block),
        cmocka_unit_test(threads_at_once_never_share_a_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
