/* SPDX-License-Identifier: Apache-2.0
 *
 * The allocator of the static binary only (test and dynamic builds use glibc's); docs/build.md
 * compares it with musl's own and mimalloc, and says which attacks it stops and which it does not.
 *
 * Small blocks come in size classes, four to a doubling. They are cut from chunks of 1 MiB, which
 * take memory only as they are used. A freed block goes to the list of its class. Chunks without a
 * live block are unmapped once there are more than KEPT_CHUNKS and more than half of all chunks of
 * them. Bigger blocks are mapped and unmapped one by one.
 *
 * Every block follows a header of 16 bytes: `what` says what the block is, `seal` proves it. The
 * seal mixes `what`, the header's own address and, for a free block, its link with a random key of
 * the process. A link is stored encoded with that key, too. No function acts on a header or a link
 * before it has compared the seal. The table of chunks lies apart from them.
 *
 * To be compiled with -fno-builtin-malloc: else gcc turns calloc() into a call of itself.
 *
 *   chunk:    | header | 32 bytes | header | 96 bytes | header | 48 bytes | ... | not yet cut |
 *   header:   | state 8 bits | class 8 | value 48 | seal 64 |
 *   free:     | header | encoded link 64 | old contents ...
 *   aligned:  | header | unused | second header | the caller's block ...
 *   mapped:   | header | the caller's block ... to the end of its pages |
 *
 * Blocks with their headers have 32, 48, .. 128, 160, 192, 224, 256, 320, .. 131072 bytes: above
 * 128 no block is larger than asked for by more than a quarter.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* MAP_ANONYMOUS, memalign */
#endif

#include <errno.h>
#include <malloc.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#define CHUNK_BYTES    ((size_t)1 << 20)
#define CHUNKS_MAX     16384 /* 16 GiB: more than a function can have; beyond, blocks are mapped */
#define KEPT_CHUNKS    4     /* empty ones: an invocation that needs them again maps nothing */
#define PAGE_BYTES     ((size_t)4096) /* rounding only: the kernel rounds up to its own */
#define GRAIN          ((size_t)16)   /* alignment of every block */
#define LINEAR_MAX     ((size_t)128)  /* classes are 16 apart up to here, then 4 to a doubling */
#define LINEAR_LOG2    7
#define LINEAR_CLASSES 7                 /* 32, 48, ... 128 */
#define CLASS_MAX      ((size_t)1 << 17) /* header included; anything bigger is mapped */
#define CLASS_COUNT    (LINEAR_CLASSES + 4 * (17 - LINEAR_LOG2))

/* `what` of a header, from the top: 8 bits of block_state, 8 of size class, 48 of a value. */
#define STATE_SHIFT 56
#define CLASS_SHIFT 48
#define VALUE_MASK  (((uint64_t)1 << CLASS_SHIFT) - 1)

enum block_state {
    BLOCK_LIVE = 0x4c,    /* of a class; value: number of its chunk */
    BLOCK_FREE = 0x46,    /* the same; its first bytes are the encoded link */
    BLOCK_MAPPED = 0x4d,  /* value: bytes with header */
    BLOCK_ALIGNED = 0x41, /* a second header inside a block, for memalign; value: distance back */
};

struct header {
    uint64_t what;
    uint64_t seal;
};

_Static_assert(sizeof(struct header) == GRAIN, "the header must keep the alignment");

struct chunk {
    unsigned char *base; /* NULL: not mapped */
    size_t live_count;
};

__extension__ typedef unsigned __int128 wide;

static uint64_t heap_key[2];

static atomic_flag heap_lock = ATOMIC_FLAG_INIT;
static struct header *free_lists[CLASS_COUNT];
static struct chunk chunks[CHUNKS_MAX];
static uint32_t chunk_end; /* behind the last of `chunks` that was ever mapped */
static size_t chunk_count; /* mapped ones */
static size_t empty_count; /* of these without a live block */
static uint32_t cut_chunk; /* the one that new blocks are cut from */
static unsigned char *cut_next;
static size_t cut_left;

static void lock(void) {
    while (atomic_flag_test_and_set_explicit(&heap_lock, memory_order_acquire)) {
        sched_yield();
    }
}

static void unlock(void) {
    atomic_flag_clear_explicit(&heap_lock, memory_order_release);
}

static _Noreturn void die_of_corruption(void) {
    static const char text[] = "heap corruption: freed twice, overwritten, or not a block\n";
    ssize_t ignored = write(STDERR_FILENO, text, sizeof text - 1);
    (void)ignored;
    abort();
}

/* --- headers and their seals --- */

static uint64_t mix(uint64_t a, uint64_t b) {
    wide product = (wide)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Before any other constructor: no block may be older than the key. The kernel gives 16 random
 * bytes to each start of a program; musl's stack guard has the first 8. */
__attribute__((constructor(101))) static void make_key(void) {
    const unsigned char *random = (const unsigned char *)getauxval(AT_RANDOM);
    if (random == NULL) {
        die_of_corruption();
    }
    memcpy(&heap_key[0], random + 8, sizeof heap_key[0]);
    heap_key[1] = mix(heap_key[0] ^ 0xa0761d6478bd642f, 0xe7037ed1a0b428db);
}

static uint64_t seal_of(const struct header *header, uint64_t what, uint64_t link) {
    return mix((uintptr_t)header ^ heap_key[0], mix(what ^ heap_key[1], link ^ heap_key[0]));
}

static void set_header(struct header *header, uint64_t what) {
    header->what = what;
    header->seal = seal_of(header, what, 0);
}

static struct header *header_of(void *block) {
    if ((uintptr_t)block % GRAIN != 0) {
        die_of_corruption();
    }
    return (struct header *)((unsigned char *)block - sizeof(struct header));
}

static uint64_t what_of(enum block_state state, uint32_t class_index, uint64_t value) {
    return (uint64_t)state << STATE_SHIFT | (uint64_t)class_index << CLASS_SHIFT | value;
}

static enum block_state state_of(const struct header *header) {
    return (enum block_state)(header->what >> STATE_SHIFT);
}

static uint32_t class_index_of(const struct header *header) {
    return (uint32_t)(header->what >> CLASS_SHIFT) & 0xff;
}

static uint64_t value_of(const struct header *header) {
    return header->what & VALUE_MASK;
}

/* Header of a block that is in use. */
static struct header *checked_header_of(void *block) {
    struct header *header = header_of(block);
    if (state_of(header) == BLOCK_FREE || header->seal != seal_of(header, header->what, 0)) {
        die_of_corruption();
    }
    return header;
}

/* --- size classes --- */

/* Bytes of all blocks of a class. */
static size_t class_bytes_of(uint32_t class_index) {
    if (class_index < LINEAR_CLASSES) {
        return (class_index + 2) * GRAIN;
    }
    uint32_t step = class_index - LINEAR_CLASSES;
    size_t base = (size_t)1 << (LINEAR_LOG2 + step / 4);
    return base + (step % 4 + 1) * (base / 4);
}

/* The smallest class whose blocks have so many bytes. */
static uint32_t class_of(size_t bytes) {
    if (bytes <= LINEAR_MAX) {
        return bytes <= 2 * GRAIN ? 0 : (uint32_t)((bytes + GRAIN - 1) / GRAIN) - 2;
    }
    uint32_t log2 = LINEAR_LOG2;
    while (((size_t)2 << log2) < bytes) {
        log2++;
    }
    size_t base = (size_t)1 << log2;
    uint32_t quarter = (uint32_t)((bytes - base - 1) / (base / 4));
    return LINEAR_CLASSES + 4 * (log2 - LINEAR_LOG2) + quarter;
}

/* --- chunks and lists of free blocks; the callers hold the lock --- */

static void *map_pages(size_t bytes) {
    void *pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return pages == MAP_FAILED ? NULL : pages;
}

static bool map_chunk(void) {
    uint32_t number = 0;
    while (number < CHUNKS_MAX && chunks[number].base != NULL) {
        number++;
    }
    if (number == CHUNKS_MAX || (cut_next = map_pages(CHUNK_BYTES)) == NULL) {
        cut_left = 0;
        return false;
    }
    chunks[number] = (struct chunk){.base = cut_next};
    chunk_end = number < chunk_end ? chunk_end : number + 1;
    chunk_count++;
    empty_count++;
    cut_chunk = number;
    cut_left = CHUNK_BYTES;
    return true;
}

static void count_live(uint32_t number) {
    empty_count -= chunks[number].live_count == 0;
    chunks[number].live_count++;
}

static uint64_t encoded(const struct header *header, uint64_t link) {
    return link ^ mix((uintptr_t)header ^ heap_key[1], heap_key[0]);
}

static void push(struct header **list, struct header *header) {
    uint64_t link = (uintptr_t)*list;
    uint64_t stored = encoded(header, link);
    memcpy(header + 1, &stored, sizeof stored);
    header->what = what_of(BLOCK_FREE, class_index_of(header), value_of(header));
    header->seal = seal_of(header, header->what, link);
    *list = header;
}

/* NULL: the list is empty. */
static struct header *pop(struct header **list, uint32_t class_index) {
    struct header *header = *list;
    if (header == NULL) {
        return NULL;
    }
    uint64_t stored;
    memcpy(&stored, header + 1, sizeof stored);
    uint64_t link = encoded(header, stored);
    if (state_of(header) != BLOCK_FREE || class_index_of(header) != class_index ||
        header->seal != seal_of(header, header->what, link)) {
        die_of_corruption();
    }
    *list = (struct header *)(uintptr_t)link;
    return header;
}

/* Walks all free blocks, so the caller waits until half of the chunks are empty. */
static void unmap_empty_chunks(void) {
    for (uint32_t class_index = 0; class_index < CLASS_COUNT; class_index++) {
        struct header *kept = NULL;
        struct header *header;
        while ((header = pop(&free_lists[class_index], class_index)) != NULL) {
            if (chunks[value_of(header)].live_count > 0) {
                push(&kept, header);
            }
        }
        free_lists[class_index] = kept;
    }
    for (uint32_t number = 0; number < chunk_end; number++) {
        if (chunks[number].base != NULL && chunks[number].live_count == 0) {
            munmap(chunks[number].base, CHUNK_BYTES);
            chunks[number].base = NULL;
        }
    }
    if (chunks[cut_chunk].base == NULL) {
        cut_left = 0;
    }
    chunk_count -= empty_count;
    empty_count = 0;
}

/* What is left of an old chunk is abandoned: never touched, it is address space and not memory. */
static struct header *cut_from_chunk(uint32_t class_index) {
    size_t bytes = class_bytes_of(class_index);
    if (cut_left < bytes && !map_chunk()) {
        return NULL;
    }
    struct header *header = (struct header *)(void *)cut_next;
    cut_next += bytes;
    cut_left -= bytes;
    header->what = what_of(BLOCK_FREE, class_index, cut_chunk);
    return header;
}

/* --- what programs call --- */

static void *map_block(size_t bytes) {
    bytes = (bytes + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
    struct header *header = bytes <= VALUE_MASK ? map_pages(bytes) : NULL;
    if (header == NULL) {
        errno = ENOMEM;
        return NULL;
    }
    set_header(header, what_of(BLOCK_MAPPED, 0, bytes));
    return header + 1;
}

/* malloc() under a name that carries no promises of the C library's headers, which would let the
 * compiler believe that there is nothing in front of a block. */
static void *allocate(size_t size) {
    if (size > PTRDIFF_MAX - PAGE_BYTES - sizeof(struct header)) {
        errno = ENOMEM;
        return NULL;
    }
    size_t bytes = size + sizeof(struct header);
    if (bytes > CLASS_MAX) {
        return map_block(bytes);
    }
    uint32_t class_index = class_of(bytes);
    lock();
    struct header *header = pop(&free_lists[class_index], class_index);
    if (header == NULL) {
        header = cut_from_chunk(class_index);
    }
    if (header != NULL) {
        count_live((uint32_t)value_of(header));
        set_header(header, what_of(BLOCK_LIVE, class_index, value_of(header)));
    }
    unlock();
    return header != NULL ? header + 1 : map_block(bytes);
}

void *malloc(size_t size) {
    return allocate(size);
}

static void free_in_class(void *block) {
    lock();
    struct header *header = checked_header_of(block);
    if (state_of(header) != BLOCK_LIVE) {
        die_of_corruption();
    }
    struct chunk *chunk = &chunks[value_of(header)];
    push(&free_lists[class_index_of(header)], header);
    chunk->live_count--;
    if (chunk->live_count == 0) {
        empty_count++;
        if (empty_count > KEPT_CHUNKS && empty_count > chunk_count / 2) {
            unmap_empty_chunks();
        }
    }
    unlock();
}

/* The state is a hint until a seal was compared, in checked_header_of. The second header of an
 * aligned block is voided, so that freeing it twice is noticed although the first is a live
 * block's. */
void free(void *block) {
    if (block == NULL) {
        return;
    }
    int saved = errno;
    if (state_of(header_of(block)) == BLOCK_ALIGNED) {
        struct header *second = checked_header_of(block);
        block = (unsigned char *)block - value_of(second);
        second->what = 0;
    }
    if (state_of(header_of(block)) == BLOCK_MAPPED) {
        struct header *header = checked_header_of(block);
        munmap(header, value_of(header));
    } else {
        free_in_class(block);
    }
    errno = saved;
}

size_t malloc_usable_size(void *block) {
    if (block == NULL) {
        return 0;
    }
    struct header *header = checked_header_of(block);
    if (state_of(header) == BLOCK_ALIGNED) {
        size_t distance = value_of(header);
        return malloc_usable_size((unsigned char *)block - distance) - distance;
    }
    size_t bytes = state_of(header) == BLOCK_MAPPED ? value_of(header)
                                                    : class_bytes_of(class_index_of(header));
    return bytes - sizeof(struct header);
}

void *calloc(size_t count, size_t size) {
    if (size != 0 && count > SIZE_MAX / size) {
        errno = ENOMEM;
        return NULL;
    }
    void *block = allocate(count * size);
    /* Mapped blocks are zero already, and must not be touched only to make them so. */
    if (block != NULL && state_of(header_of(block)) == BLOCK_LIVE) {
        memset(block, 0, count * size);
    }
    return block;
}

/* A block stays where it is unless more than half of it, and more than a page, would be unused. */
void *realloc(void *block, size_t size) {
    if (block == NULL) {
        return allocate(size);
    }
    size_t usable = malloc_usable_size(block);
    if (size <= usable && (size >= usable / 2 || usable <= PAGE_BYTES)) {
        return block;
    }
    void *moved = allocate(size);
    if (moved == NULL) {
        return NULL;
    }
    memcpy(moved, block, size < usable ? size : usable);
    free(block);
    return moved;
}

/* The second header leads free() back to the start of the block. */
void *aligned_alloc(size_t alignment, size_t size) {
    if (alignment == 0 || (alignment & (alignment - 1)) != 0) {
        errno = EINVAL;
        return NULL;
    }
    if (alignment <= GRAIN) {
        return allocate(size);
    }
    if (size > SIZE_MAX - alignment) {
        errno = ENOMEM;
        return NULL;
    }
    unsigned char *block = allocate(size + alignment);
    if (block == NULL) {
        return NULL;
    }
    size_t distance = (alignment - ((uintptr_t)block & (alignment - 1))) & (alignment - 1);
    if (distance == 0) {
        return block;
    }
    /* At least GRAIN, so the second header has room. */
    unsigned char *aligned = block + distance;
    set_header(header_of(aligned), what_of(BLOCK_ALIGNED, 0, distance));
    return aligned;
}

void *memalign(size_t alignment, size_t size) {
    return aligned_alloc(alignment, size);
}

int posix_memalign(void **block_out, size_t alignment, size_t size) {
    if (alignment < sizeof(void *) || (alignment & (alignment - 1)) != 0) {
        return EINVAL;
    }
    int saved = errno;
    void *block = aligned_alloc(alignment, size);
    errno = saved;
    if (block == NULL) {
        return ENOMEM;
    }
    *block_out = block;
    return 0;
}
