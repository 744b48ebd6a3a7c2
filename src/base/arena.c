/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_ASAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define ARENA_ASAN 1
#endif

#ifdef ARENA_ASAN
#include <sanitizer/asan_interface.h>
#define POISON(ptr, size)   ASAN_POISON_MEMORY_REGION((ptr), (size))
#define UNPOISON(ptr, size) ASAN_UNPOISON_MEMORY_REGION((ptr), (size))
#define RED_ZONE            16 /* never handed out: makes an overrun by one byte visible */
#else
#define POISON(ptr, size)   ((void)(ptr), (void)(size))
#define UNPOISON(ptr, size) ((void)(ptr), (void)(size))
#define RED_ZONE            0
#endif

#define ALIGNMENT alignof(max_align_t)

/* Sizes with the chunk's header. A cold start that only says "compliant" fits the first few. */
#define CHUNK_BYTES_FIRST ((size_t)16 * 1024)
#define CHUNK_BYTES_MAX   ((size_t)1024 * 1024)
/* Kept over a reset: more would hold a rare big invocation's memory for ever. */
#define CHUNK_BYTES_KEPT ((size_t)64 * 1024)
/* From this size on an allocation has a chunk of its own, so that a growing buffer can give its
 * old half back and never wastes the rest of a shared chunk. */
#define LARGE_BYTES_MIN ((size_t)16 * 1024)

/* Of an array that grows. */
#define ITEMS_FIRST 16

/* The chunks of an arena. Small allocations are cut from the newest shared chunk alone; each large
 * one has a chunk of its own, put behind that one so that it stays the current chunk:
 *
 *   arena->chunks
 *       |
 *       v  current
 *   [shared 32 KiB]---->[large 40 KiB]---->[large 16 KiB]---->[shared 16 KiB]
 *    used|....free                                             its free rest is given up
 *
 * Shared chunks double up to CHUNK_BYTES_MAX, so n bytes of small allocations cost O(log n) calls
 * of malloc at first and one a MiB later. The shipped binary's allocator unmaps a chunk of more
 * than 128 KiB when it is freed (musl_malloc.c), so that the memory of a big invocation does not
 * stay with the sandbox. */
struct arena_chunk {
    struct arena_chunk *next; /* older; an allocation of its own is put behind the newest */
    size_t capacity;          /* bytes in data */
    size_t used;              /* bytes of data handed out, a multiple of ALIGNMENT */
    bool is_large;            /* holds one allocation of LARGE_BYTES_MIN or more */
    alignas(max_align_t) unsigned char data[];
};

struct arena_deferred {
    struct arena_deferred *next;
    void (*fn)(void *);
    void *ptr;
};

_Noreturn static void die_out_of_memory(size_t size) {
    die("out of memory (%zu bytes asked for)", size);
}

/* The limit leaves 4,096 bytes for red zone, rounding and the chunk's header, so that no sum below
 * can overflow. */
static size_t round_up(size_t size) {
    if (size > PTRDIFF_MAX - 4096) {
        die_out_of_memory(size);
    }
    size_t taken = size == 0 ? 1 : size;
    return (taken + RED_ZONE + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

/* Only a large chunk is zeroed here (the system gives big ones zeroed anyway, untouched); the
 * others are zeroed piece by piece, as they are handed out. Zeroing at hand-out rather than at
 * reset also covers memory that a shrinking reallocation gave back. */
static struct arena_chunk *chunk_new(size_t capacity, bool is_large) {
    size_t size = sizeof(struct arena_chunk) + capacity;
    struct arena_chunk *chunk = is_large ? calloc(1, size) : malloc(size);
    if (chunk == NULL) {
        die_out_of_memory(size);
    }
    *chunk = (struct arena_chunk){.capacity = capacity, .is_large = is_large};
    POISON(chunk->data, capacity);
    return chunk;
}

static void chunk_free(struct arena_chunk *chunk) {
    UNPOISON(chunk->data, chunk->capacity);
    free(chunk);
}

/* The chunk that small allocations come from, or NULL. */
static struct arena_chunk *current_chunk(const struct arena *arena) {
    struct arena_chunk *chunk = arena->chunks;
    return chunk != NULL && !chunk->is_large ? chunk : NULL;
}

static struct arena_chunk *push_chunk(struct arena *arena, size_t needed) {
    const struct arena_chunk *current = current_chunk(arena);
    size_t size = CHUNK_BYTES_FIRST;
    if (current != NULL) {
        size = 2 * (current->capacity + sizeof(struct arena_chunk));
    }
    while (size < needed + sizeof(struct arena_chunk)) {
        size *= 2;
    }
    size = size > CHUNK_BYTES_MAX ? CHUNK_BYTES_MAX : size;
    struct arena_chunk *chunk = chunk_new(size - sizeof(struct arena_chunk), false);
    chunk->next = arena->chunks;
    arena->chunks = chunk;
    return chunk;
}

static void *alloc_small(struct arena *arena, size_t size) {
    size_t taken = round_up(size);
    struct arena_chunk *chunk = current_chunk(arena);
    if (chunk == NULL || chunk->capacity - chunk->used < taken) {
        chunk = push_chunk(arena, taken);
    }
    unsigned char *ptr = chunk->data + chunk->used;
    chunk->used += taken;
    UNPOISON(ptr, size);
    return memset(ptr, 0, size);
}

static void *alloc_large(struct arena *arena, size_t size) {
    struct arena_chunk *chunk = chunk_new(round_up(size), true);
    chunk->used = chunk->capacity;
    struct arena_chunk *current = current_chunk(arena);
    struct arena_chunk **link = current != NULL ? &current->next : &arena->chunks;
    chunk->next = *link;
    *link = chunk;
    UNPOISON(chunk->data, size);
    return chunk->data;
}

/* `ptr` was allocated large. Without this a growing buffer would hold all its former selves. Linear
 * in the number of chunks; growing buffers double, so one of n bytes comes here O(log n) times. */
static void free_large(struct arena *arena, const void *ptr) {
    for (struct arena_chunk **link = &arena->chunks; *link != NULL; link = &(*link)->next) {
        struct arena_chunk *chunk = *link;
        if (chunk->is_large && chunk->data == (const unsigned char *)ptr) {
            *link = chunk->next;
            chunk_free(chunk);
            return;
        }
    }
}

void *arena_alloc(struct arena *arena, size_t size) {
    ASSERT(arena != NULL);
    return size >= LARGE_BYTES_MIN ? alloc_large(arena, size) : alloc_small(arena, size);
}

void *arena_alloc_array(struct arena *arena, size_t count, size_t size) {
    if (size != 0 && count > SIZE_MAX / size) {
        die_out_of_memory(SIZE_MAX);
    }
    return arena_alloc(arena, count * size);
}

/* true when `ptr` is the newest small allocation and could stay where it is. A small one never
 * becomes large in place: the size alone determines where an allocation lives. */
static bool resize_in_place(struct arena *arena, unsigned char *ptr, size_t old_size, size_t size) {
    struct arena_chunk *chunk = current_chunk(arena);
    size_t old_taken = round_up(old_size);
    if (chunk == NULL || size >= LARGE_BYTES_MIN || chunk->used < old_taken ||
        ptr != chunk->data + (chunk->used - old_taken)) {
        return false;
    }
    size_t start = chunk->used - old_taken;
    size_t taken = round_up(size);
    if (chunk->capacity - start < taken) {
        return false;
    }
    chunk->used = start + taken;
    POISON(ptr, old_taken);
    UNPOISON(ptr, size);
    if (size > old_size) {
        memset(ptr + old_size, 0, size - old_size);
    }
    return true;
}

/* A small allocation that moves leaves its old bytes unused until the reset. Callers double, so
 * these add up to less than the new size. */
void *arena_realloc(struct arena *arena, void *ptr, size_t old_size, size_t new_size) {
    ASSERT(arena != NULL);
    ASSERT(ptr != NULL || old_size == 0);
    if (ptr == NULL) {
        return arena_alloc(arena, new_size);
    }
    if (resize_in_place(arena, ptr, old_size, new_size)) {
        return ptr;
    }
    void *moved = arena_alloc(arena, new_size);
    memcpy(moved, ptr, old_size < new_size ? old_size : new_size);
    if (old_size >= LARGE_BYTES_MIN) {
        free_large(arena, ptr);
    } else {
        POISON(ptr, old_size);
    }
    return moved;
}

void *arena_grow(struct arena *arena, void *items, size_t needed, size_t *capacity,
                 size_t item_size) {
    if (needed <= *capacity) {
        return items;
    }
    size_t old = *capacity;
    size_t doubled = old == 0 ? ITEMS_FIRST : 2 * old;
    *capacity = needed > doubled ? needed : doubled;
    ASSERT(*capacity <= SIZE_MAX / item_size);
    return arena_realloc(arena, items, old * item_size, *capacity * item_size);
}

void arena_defer(struct arena *arena, void (*fn)(void *), void *ptr) {
    ASSERT(fn != NULL);
    struct arena_deferred *deferred = ARENA_NEW(arena, struct arena_deferred);
    *deferred = (struct arena_deferred){.next = arena->deferred, .fn = fn, .ptr = ptr};
    arena->deferred = deferred;
}

/* Each is taken off before it runs: one that defers or allocates in turn does no harm. */
static void run_deferred(struct arena *arena) {
    while (arena->deferred != NULL) {
        struct arena_deferred *deferred = arena->deferred;
        arena->deferred = deferred->next;
        deferred->fn(deferred->ptr);
    }
}

/* Deferred functions run first, for their objects may lie in the chunks. Chunks go from new to old,
 * and younger shared ones are larger: the one kept is the largest that may be kept. */
void arena_reset(struct arena *arena) {
    ASSERT(arena != NULL);
    run_deferred(arena);
    struct arena_chunk *kept = NULL;
    struct arena_chunk *next = NULL;
    for (struct arena_chunk *chunk = arena->chunks; chunk != NULL; chunk = next) {
        next = chunk->next;
        size_t held = chunk->capacity + sizeof(struct arena_chunk);
        if (kept == NULL && !chunk->is_large && held <= CHUNK_BYTES_KEPT) {
            kept = chunk;
        } else {
            chunk_free(chunk);
        }
    }
    if (kept != NULL) {
        kept->next = NULL;
        kept->used = 0;
        POISON(kept->data, kept->capacity);
    }
    arena->chunks = kept;
}

void arena_clean_up(struct arena *arena) {
    arena_reset(arena);
    if (arena->chunks != NULL) {
        chunk_free(arena->chunks);
        arena->chunks = NULL;
    }
}

size_t arena_bytes_held(const struct arena *arena) {
    size_t held = 0;
    for (const struct arena_chunk *chunk = arena->chunks; chunk != NULL; chunk = chunk->next) {
        held += sizeof(struct arena_chunk) + chunk->capacity;
    }
    return held;
}
