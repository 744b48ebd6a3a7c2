/* SPDX-License-Identifier: Apache-2.0
 *
 * A set of 64-bit keys that knows in which order they came. Keys are hashes of what clients choose,
 * and are placed by a secret of this run, so that nobody can write some that all collide.
 */
#include "base/assert.h"
#include "traffic/tally_internal.h"

#define KEYS_FIRST ((size_t)64)

void key_set_init(struct key_set *set, struct arena *arena, size_t keys_max,
                  const struct tally_hash_key *secret) {
    *set = (struct key_set){.arena = arena, .keys_max = keys_max, .secret = *secret};
}

/* Multiplicative hashing: the upper bits depend on all of the key's. */
static size_t place_of(const struct key_set *set, uint64_t key) {
    size_t mask = set->index_size - 1;
    uint64_t mixed = (key ^ set->secret.words[0]) * (set->secret.words[1] | 1);
    size_t place = (size_t)(mixed >> 32) & mask;
    while (set->index[place] != 0 && set->keys[set->index[place] - 1] != key) {
        place = (place + 1) & mask;
    }
    return place;
}

/* The index is kept at most half full. */
static void grow(struct key_set *set) {
    size_t capacity = set->capacity == 0 ? KEYS_FIRST : 2 * set->capacity;
    set->keys = arena_realloc(set->arena, set->keys, set->capacity * sizeof set->keys[0],
                              capacity * sizeof set->keys[0]);
    set->index = ARENA_ARRAY(set->arena, uint32_t, 2 * capacity);
    set->capacity = capacity;
    set->index_size = 2 * capacity;
    for (size_t i = 0; i < set->count; i++) {
        set->index[place_of(set, set->keys[i])] = (uint32_t)(i + 1);
    }
}

size_t key_set_find(const struct key_set *set, uint64_t key) {
    uint32_t number = set->index_size == 0 ? 0 : set->index[place_of(set, key)];
    return number == 0 ? KEY_SET_NONE : number - 1;
}

size_t key_set_add(struct key_set *set, uint64_t key) {
    size_t number = key_set_find(set, key);
    if (number != KEY_SET_NONE || set->count == set->keys_max) {
        return number;
    }
    if (set->count == set->capacity) {
        grow(set);
    }
    set->keys[set->count] = key;
    set->index[place_of(set, key)] = (uint32_t)(set->count + 1);
    return set->count++;
}
