/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory with one lifetime: everything taken from an arena is given back at once by arena_reset.
 * There is one arena per invocation and one for the process. Exhaustion aborts with a line on
 * stderr (Lambda then restarts the sandbox); what outside input can make large is capped before it
 * allocates (see buf.h).
 *
 * Lifetimes, the longest first:
 *
 *   process      configuration, endpoints, the curl transport     until exit
 *   invocation   the event, the response, everything between      until the answer was posted
 *   scratch      a chunk of a sweep, a log object, a page         until the function returns
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

struct arena_chunk;
struct arena_deferred;

/* Begins as {0}; no memory is taken before the first allocation. Not safe for two threads at once:
 * each worker has arenas of its own. */
struct arena {
    struct arena_chunk *chunks;      /* newest first */
    struct arena_deferred *deferred; /* newest first */
};

/* Zeroed, aligned for any type. size 0 gives a valid unique pointer. Never returns NULL. */
void *arena_alloc(struct arena *arena, size_t size);
/* count * size, aborting on overflow. */
void *arena_alloc_array(struct arena *arena, size_t count, size_t size);
/* Grows or shrinks `ptr` (of old_size bytes from this arena), in place where it is the newest
 * allocation; what is added is zeroed. ptr NULL with old_size 0 allocates. */
void *arena_realloc(struct arena *arena, void *ptr, size_t old_size, size_t new_size);

#define ARENA_NEW(arena, type)          ((type *)arena_alloc((arena), sizeof(type)))
#define ARENA_ARRAY(arena, type, count) ((type *)arena_alloc_array((arena), (count), sizeof(type)))

/* An array that grows: `items`, moved to where `needed` items fit when *capacity is less, which is
 * at least doubled. */
void *arena_grow(struct arena *arena, void *items, size_t needed, size_t *capacity,
                 size_t item_size);

/* `items` and `capacity` are assigned to, so both must be variables: `items` may have moved.
 * Pointers into the old array are dangling afterwards. */
#define ARENA_RESERVE(arena, items, needed, capacity)                                              \
    ((items) = arena_grow((arena), (items), (needed), &(capacity), sizeof *(items)))

/* Runs fn(ptr) at the next reset or clean-up, newest first: for foreign objects (a parsed tree, a
 * curl list). */
void arena_defer(struct arena *arena, void (*fn)(void *), void *ptr);

/* Releases everything; keeps one small chunk so that the next round starts without a system call.
 */
void arena_reset(struct arena *arena);
/* Releases everything, chunks included. Idempotent. */
void arena_clean_up(struct arena *arena);

/* Bytes held from the system, for tests and the memory figure. */
size_t arena_bytes_held(const struct arena *arena);

#endif
