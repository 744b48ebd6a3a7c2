/* SPDX-License-Identifier: Apache-2.0
 *
 * The allocator of the static binary only (test and dynamic builds use glibc's). musl's own costs
 * a third of a TLS handshake: it maps and unmaps pages for every burst of small blocks. Here small
 * blocks come in size classes, four to a doubling, cut from chunks of 1 MiB that are never given
 * back and touch memory only as they are used; big blocks are mapped one by one. Every block has a
 * header, so a double or wild free stops the program instead of corrupting it.
 *
 * To be compiled with -fno-builtin-malloc: else gcc turns calloc() into a call of itself.
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
#include <sys/mman.h>
#include <unistd.h>

#define CHUNK_BYTES    ((size_t)1 << 20)
#define PAGE_BYTES     ((size_t)4096) /* rounding only: the kernel rounds up to its own */
#define GRAIN          ((size_t)16)   /* alignment of every block */
#define LINEAR_MAX     ((size_t)128)  /* classes are 16 apart up to here, then 4 to a doubling */
#define LINEAR_LOG2    7
#define LINEAR_CLASSES 7                 /* 32, 48, ... 128 */
#define CLASS_MAX      ((size_t)1 << 17) /* header included; anything bigger is mapped */
#define CLASS_COUNT    (LINEAR_CLASSES + 4 * (17 - LINEAR_LOG2))

enum block_state {
    BLOCK_LIVE = 0x4c495645,
    BLOCK_FREE = 0x46524545,
    BLOCK_MAPPED = 0x4d415050,
    BLOCK_ALIGNED = 0x414c4947 /* a second header inside a block, for memalign */
};

struct header {
    size_t bytes; /* whole block with header; BLOCK_ALIGNED: distance to the real block */
    uint32_t class_index;
    uint32_t state;
};

struct free_block {
    struct free_block *next;
};

_Static_assert(sizeof(struct header) == GRAIN, "the header must keep the alignment");

static atomic_flag heap_lock = ATOMIC_FLAG_INIT;
static struct free_block *free_lists[CLASS_COUNT];
static unsigned char *chunk_next;
static size_t chunk_left;

static void lock(void) {
    while (atomic_flag_test_and_set_explicit(&heap_lock, memory_order_acquire)) {
        sched_yield();
    }
}

static void unlock(void) {
    atomic_flag_clear_explicit(&heap_lock, memory_order_release);
}

static _Noreturn void die_of_corruption(void) {
    static const char text[] = "heap corruption: freed twice, or not a block\n";
    ssize_t ignored = write(STDERR_FILENO, text, sizeof text - 1);
    (void)ignored;
    abort();
}

static struct header *header_of(void *block) {
    return (struct header *)((unsigned char *)block - sizeof(struct header));
}

/* Size class of a block of `bytes`, and the size all blocks of that class have. */
static uint32_t class_of(size_t bytes, size_t *class_bytes) {
    if (bytes <= LINEAR_MAX) {
        size_t steps = bytes <= 2 * GRAIN ? 2 : (bytes + GRAIN - 1) / GRAIN;
        *class_bytes = steps * GRAIN;
        return (uint32_t)(steps - 2);
    }
    uint32_t log2 = LINEAR_LOG2;
    while (((size_t)2 << log2) < bytes) {
        log2++;
    }
    size_t base = (size_t)1 << log2;
    size_t step = base / 4;
    size_t quarter = (bytes - base - 1) / step;
    *class_bytes = base + (quarter + 1) * step;
    return LINEAR_CLASSES + 4 * (log2 - LINEAR_LOG2) + (uint32_t)quarter;
}

static void *map_pages(size_t bytes) {
    void *pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return pages == MAP_FAILED ? NULL : pages;
}

static void *map_block(size_t bytes) {
    bytes = (bytes + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
    struct header *header = map_pages(bytes);
    if (header == NULL) {
        errno = ENOMEM;
        return NULL;
    }
    *header = (struct header){.bytes = bytes, .state = BLOCK_MAPPED};
    return header + 1;
}

/* Called with the lock held. What is left of the old chunk is abandoned: never touched, it is
 * address space and not memory. */
static struct header *cut_from_chunk(size_t bytes) {
    if (chunk_left < bytes) {
        unsigned char *chunk = map_pages(CHUNK_BYTES);
        if (chunk == NULL) {
            return NULL;
        }
        chunk_next = chunk;
        chunk_left = CHUNK_BYTES;
    }
    struct header *header = (struct header *)(void *)chunk_next;
    chunk_next += bytes;
    chunk_left -= bytes;
    return header;
}

static struct header *take_block(uint32_t class_index, size_t class_bytes) {
    lock();
    struct free_block *head = free_lists[class_index];
    struct header *header;
    if (head != NULL) {
        free_lists[class_index] = head->next;
        header = header_of(head);
    } else {
        header = cut_from_chunk(class_bytes);
    }
    unlock();
    return header;
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
    size_t class_bytes;
    uint32_t class_index = class_of(bytes, &class_bytes);
    struct header *header = take_block(class_index, class_bytes);
    if (header == NULL) {
        errno = ENOMEM;
        return NULL;
    }
    *header = (struct header){class_bytes, class_index, BLOCK_LIVE};
    return header + 1;
}

void *malloc(size_t size) {
    return allocate(size);
}

void free(void *block) {
    if (block == NULL) {
        return;
    }
    struct header *header = header_of(block);
    if (header->state == BLOCK_ALIGNED) {
        header->state = BLOCK_FREE;
        block = (unsigned char *)block - header->bytes;
        header = header_of(block);
    }
    if (header->state == BLOCK_MAPPED) {
        int saved = errno;
        munmap(header, header->bytes);
        errno = saved;
        return;
    }
    if (header->state != BLOCK_LIVE || header->class_index >= CLASS_COUNT) {
        die_of_corruption();
    }
    struct free_block *head = block;
    lock();
    header->state = BLOCK_FREE;
    head->next = free_lists[header->class_index];
    free_lists[header->class_index] = head;
    unlock();
}

size_t malloc_usable_size(void *block) {
    if (block == NULL) {
        return 0;
    }
    struct header *header = header_of(block);
    if (header->state == BLOCK_ALIGNED) {
        size_t distance = header->bytes;
        return malloc_usable_size((unsigned char *)block - distance) - distance;
    }
    if (header->state != BLOCK_LIVE && header->state != BLOCK_MAPPED) {
        die_of_corruption();
    }
    return header->bytes - sizeof(struct header);
}

void *calloc(size_t count, size_t size) {
    if (size != 0 && count > SIZE_MAX / size) {
        errno = ENOMEM;
        return NULL;
    }
    void *block = allocate(count * size);
    /* Mapped blocks are zero already, and must not be touched only to make them so. */
    if (block != NULL && header_of(block)->state == BLOCK_LIVE) {
        memset(block, 0, count * size);
    }
    return block;
}

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
    *header_of(aligned) = (struct header){.bytes = distance, .state = BLOCK_ALIGNED};
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
