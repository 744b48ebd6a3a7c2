/* SPDX-License-Identifier: Apache-2.0
 *
 * hardening_probe ATTACK: does what an attacker's bytes would do, in a program built as the shipped
 * one is, with its allocator. The process must be killed; it ends with 7 when the attack succeeds.
 * "nothing" and "memory" are no attacks: they must end with 0, "memory" unless memory stays that
 * was freed. See the table at the end.
 */
#define _GNU_SOURCE /* MAP_ANONYMOUS */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int end_well(void) {
    return 0;
}

/* Where position-independent objects keep what is constant once it is relocated; here by force. */
__attribute__((section(".data.rel.ro"))) static int (*table[])(void) = {end_well};

static _Noreturn void be_taken_over(void) {
    _exit(7);
}

/* Lays the address of be_taken_over() over everything up to a return address, ours or main's. */
__attribute__((noinline)) static int smash(size_t bytes) {
    static uintptr_t forged[32];
    unsigned char name[16];
    for (size_t i = 0; i < sizeof forged / sizeof *forged; i++) {
        forged[i] = (uintptr_t)be_taken_over;
    }
    memcpy(name, forged, bytes);
    return ((volatile unsigned char *)name)[0] == 0;
}

static int overwrite_table(void) {
    *(int (*volatile *)(void))table = NULL;
    return 0;
}

static int run_stack(void) {
    volatile unsigned char code[64] = {0xc3}; /* x86: ret; arm64: not even an instruction */
    int (*function)(void);
    void *address = (void *)(uintptr_t)code;
    memcpy(&function, &address, sizeof function);
    return function() & 0;
}

/* --- the heap --- */

#define BLOCK_BYTES 100
#define RANGE_BYTES ((size_t)65536)

enum block_state { LIVE = 0, MAPPED = 1, ALIGNED = 2 };

/* The header in front of a block as 0.1.0 had it, when nothing proved it. */
struct plain_header {
    size_t bytes;
    uint32_t class_index;
    uint32_t state;
};

/* The header of today, as it can be written without knowing the key of the process. */
struct sealed_header {
    uint64_t what;
    uint64_t seal;
};

static void forge_plain(void *block, enum block_state state, size_t bytes) {
    static const uint32_t words[] = {0x4c495645, 0x4d415050, 0x414c4947};
    enum { CLASS_OF_BLOCK_BYTES = 6 };
    ((struct plain_header *)block)[-1] =
        (struct plain_header){bytes, CLASS_OF_BLOCK_BYTES, words[state]};
}

static void forge_sealed(void *block, enum block_state state, size_t bytes) {
    static const uint64_t letters[] = {0x4c, 0x4d, 0x41};
    ((struct sealed_header *)block)[-1] =
        (struct sealed_header){letters[state] << 56 | bytes, 0x0123456789abcdef};
}

static int success_if(bool is_taken_over) {
    return is_taken_over ? 7 : 0;
}

/* The compiler must not know that blocks are blocks. */
static void *volatile block;
static void *volatile other;

static int poison_link(void) {
    static void *chosen[64];
    block = malloc(BLOCK_BYTES);
    other = malloc(BLOCK_BYTES);
    free(other);
    free(block);
    ((void **)block)[0] = &chosen[8];
    bool is_taken_over = false;
    for (int i = 0; i < 8; i++) {
        other = malloc(BLOCK_BYTES);
        is_taken_over |= other == &chosen[8];
    }
    return success_if(is_taken_over);
}

/* An overflow into a header makes free() believe a header of the attacker's, in a range that is
 * to be unmapped. */
static int unmap_range(void (*forge)(void *, enum block_state, size_t)) {
    unsigned char *range =
        mmap(NULL, RANGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    unsigned char *inside = range + sizeof(struct plain_header);
    block = malloc(BLOCK_BYTES);
    forge(inside, MAPPED, RANGE_BYTES);
    forge(block, ALIGNED, (size_t)((uintptr_t)block - (uintptr_t)inside));
    free(block);
    return success_if(msync(range, RANGE_BYTES, MS_ASYNC) != 0);
}

static int forge_header(void) {
    return unmap_range(forge_plain);
}

static int forge_sealed_header(void) {
    return unmap_range(forge_sealed);
}

static int free_twice(void) {
    block = malloc(BLOCK_BYTES);
    free(block);
    free(block);
    return success_if(true);
}

static int free_twice_with(void (*forge)(void *, enum block_state, size_t)) {
    block = malloc(BLOCK_BYTES);
    free(block);
    forge(block, LIVE, 128);
    free(block);
    block = malloc(BLOCK_BYTES);
    other = malloc(BLOCK_BYTES);
    return success_if(block == other);
}

static int free_twice_unseen(void) {
    return free_twice_with(forge_plain);
}

static int free_twice_unseen_sealed(void) {
    return free_twice_with(forge_sealed);
}

static int free_no_block(void (*forge)(void *, enum block_state, size_t)) {
    static _Alignas(16) unsigned char chosen[4096];
    block = chosen + 1024;
    forge(block, LIVE, 128);
    free(block);
    other = malloc(BLOCK_BYTES);
    return success_if(block == other);
}

static int free_wild(void) {
    return free_no_block(forge_plain);
}

static int free_wild_sealed(void) {
    return free_no_block(forge_sealed);
}

static size_t resident_bytes(void) {
    size_t pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL || fscanf(file, "%*u %zu", &pages) != 1) {
        exit(3);
    }
    (void)fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* 20 MB in each of five sizes, freed before the next: at the end most of it is given back. */
static int keep_memory(void) {
    enum { MEGABYTE = 1000000, TOTAL = 20 * MEGABYTE, KEPT_MAX = 16 * MEGABYTE };
    static const size_t sizes[] = {24, 200, 1000, 8000, 60000};
    void **blocks = malloc(TOTAL / sizes[0] * sizeof *blocks);
    memset(blocks, 1, TOTAL / sizes[0] * sizeof *blocks);
    size_t before = resident_bytes();
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t count = TOTAL / sizes[i];
        for (size_t j = 0; j < count; j++) {
            blocks[j] = malloc(sizes[i]);
            memset(blocks[j], 1, sizes[i]);
        }
        for (size_t j = 0; j < count; j++) {
            free(blocks[j]);
        }
    }
    return success_if(resident_bytes() > before + KEPT_MAX);
}

static int smash_stack(void) {
    volatile size_t bytes = 200; /* from outside: the compiler must not know */
    return smash(bytes);
}

static int call_table(void) {
    return table[0]();
}

int main(int argc, char **argv) {
    static const struct {
        const char *name;
        int (*run)(void);
    } attacks[] = {
        {"nothing", call_table},
        {"smash", smash_stack},
        {"relro", overwrite_table},
        {"code", run_stack},
        {"link", poison_link},
        {"header", forge_header},
        {"sealed-header", forge_sealed_header},
        {"double-free", free_twice},
        {"double-free-unseen", free_twice_unseen},
        {"double-free-unseen-sealed", free_twice_unseen_sealed},
        {"wild-free", free_wild},
        {"wild-free-sealed", free_wild_sealed},
        {"memory", keep_memory},
    };
    for (size_t i = 0; i < sizeof attacks / sizeof *attacks; i++) {
        if (argc > 1 && strcmp(argv[1], attacks[i].name) == 0) {
            return attacks[i].run();
        }
    }
    return 2;
}
