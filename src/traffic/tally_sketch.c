/* SPDX-License-Identifier: Apache-2.0
 *
 * Space-Saving: slots found by hash, and a heap of them with the rarest on top. Of keys with equal
 * counts and errors the one that came first is given up first, so that the same calls always keep
 * the same keys, whatever the hash key is.
 */
#include <string.h>

#include "base/assert.h"
#include "traffic/tally_internal.h"

#define SLOTS_FIRST ((size_t)32)

/* A reason is a word, an address at most 45 letters, a name in DNS 253, a load balancer's id 53.
 * User agents may have 8 KB; what distinguishes them stands at the front. */
static const size_t text_bytes_max[KEY_TEXTS] = {[KEY_REASON] = 64,
                                                 [KEY_CLIENT] = 64,
                                                 [KEY_USER_AGENT] = 512,
                                                 [KEY_HOST] = 256,
                                                 [KEY_LOAD_BALANCER] = LOAD_BALANCER_BYTES_MAX};
#define KEY_BYTES_MAX (64 + 64 + 512 + 256 + LOAD_BALANCER_BYTES_MAX)

/* A key in one piece: the texts one after the other. */
struct packed_key {
    uint16_t lengths[KEY_TEXTS];
    uint16_t class;
    uint16_t bytes; /* sum of the lengths */
    char text[KEY_BYTES_MAX];
};

/* What the order of the slots is made of. */
struct rank {
    uint64_t count;
    uint64_t error;
    uint64_t arrival; /* different for each slot; the first has the lowest */
};

/* Keys are kept apart from these: searching and sorting touch little memory. */
struct slot {
    struct rank rank;
    uint64_t hash; /* of the key */
    uint32_t heap_place;
};

/* What a slot is filled with. */
struct newcomer {
    struct rank rank;
    uint64_t hash; /* of the key */
    const struct packed_key *key;
};

struct sketch {
    struct arena *arena;
    struct tally_hash_key hash_key;
    uint64_t arrivals; /* of keys without a slot */
    size_t capacity;
    size_t count;
    size_t slot_count; /* allocated */
    bool is_lossy;     /* a key has lost its slot, or found none */
    struct slot *slots;
    struct packed_key *keys; /* of the slots */
    uint32_t *heap;          /* numbers of slots; [0] is the rarest */
    uint32_t *index;         /* open addressing; 0 is free, else the number of a slot from 1 */
    size_t index_size;
};

struct sketch *sketch_new(struct arena *arena, size_t capacity,
                          const struct tally_hash_key *hash_key) {
    struct sketch *sketch = ARENA_NEW(arena, struct sketch);
    size_t index_size = 2;
    while (index_size < 2 * capacity) {
        index_size *= 2;
    }
    *sketch = (struct sketch){.arena = arena,
                              .hash_key = *hash_key,
                              .capacity = capacity,
                              .heap = ARENA_ARRAY(arena, uint32_t, capacity),
                              .index = ARENA_ARRAY(arena, uint32_t, index_size),
                              .index_size = index_size};
    return sketch;
}

static void pack(const struct sketch_key *key, struct packed_key *packed_out) {
    packed_out->class = (uint16_t)key->class;
    packed_out->bytes = 0;
    for (size_t i = 0; i < KEY_TEXTS; i++) {
        str text = text_cut(key->texts[i], text_bytes_max[i]);
        if (text.len > 0) {
            memcpy(packed_out->text + packed_out->bytes, text.ptr, text.len);
        }
        packed_out->lengths[i] = (uint16_t)text.len;
        packed_out->bytes = (uint16_t)(packed_out->bytes + text.len);
    }
}

static struct sketch_key unpack(const struct packed_key *packed) {
    struct sketch_key key = {.class = (enum traffic_class)packed->class};
    const char *ptr = packed->text;
    for (size_t i = 0; i < KEY_TEXTS; i++) {
        key.texts[i] = (str){ptr, packed->lengths[i]};
        ptr += packed->lengths[i];
    }
    return key;
}

static uint64_t hash_of(const struct sketch *sketch, const struct packed_key *key) {
    uint64_t shape = key->class;
    for (size_t i = 0; i < KEY_TEXTS; i++) {
        shape = shape << 12 ^ key->lengths[i];
    }
    return text_hash(&sketch->hash_key, shape, (str){key->text, key->bytes});
}

static bool is_same_key(const struct packed_key *a, const struct packed_key *b) {
    return a->class == b->class && memcmp(a->lengths, b->lengths, sizeof(a->lengths)) == 0 &&
           text_eq((str){a->text, a->bytes}, (str){b->text, b->bytes});
}

static void copy_key(struct packed_key *to, const struct packed_key *from) {
    memcpy(to, from, offsetof(struct packed_key, text) + from->bytes);
}

/* --- the index --- */

/* Where the key is, or the free place where it would be. */
static size_t place_of(const struct sketch *sketch, uint64_t hash, const struct packed_key *key) {
    size_t mask = sketch->index_size - 1;
    size_t place = (size_t)hash & mask;
    for (; sketch->index[place] != 0; place = (place + 1) & mask) {
        uint32_t number = sketch->index[place] - 1;
        if (sketch->slots[number].hash == hash && is_same_key(&sketch->keys[number], key)) {
            break;
        }
    }
    return place;
}

/* The number of the slot that holds the key, from 1; 0: none does. */
static uint32_t find_slot(const struct sketch *sketch, uint64_t hash,
                          const struct packed_key *key) {
    return sketch->index[place_of(sketch, hash, key)];
}

/* Frees a place and moves up what stands behind it, so that no search stops too early. */
static void free_place(struct sketch *sketch, size_t place) {
    size_t mask = sketch->index_size - 1;
    size_t hole = place;
    for (size_t at = (place + 1) & mask; sketch->index[at] != 0; at = (at + 1) & mask) {
        size_t home = (size_t)sketch->slots[sketch->index[at] - 1].hash & mask;
        if (((at - home) & mask) >= ((at - hole) & mask)) {
            sketch->index[hole] = sketch->index[at];
            hole = at;
        }
    }
    sketch->index[hole] = 0;
}

/* --- the heap --- */

/* The one to give up first: rarer, then less sure, then earlier. */
static bool is_rarer(const struct rank *a, const struct rank *b) {
    if (a->count != b->count) {
        return a->count < b->count;
    }
    return a->error != b->error ? a->error > b->error : a->arrival < b->arrival;
}

static void put_in_heap(struct sketch *sketch, size_t place, uint32_t number) {
    sketch->heap[place] = number;
    sketch->slots[number].heap_place = (uint32_t)place;
}

static void move_up(struct sketch *sketch, size_t place) {
    uint32_t number = sketch->heap[place];
    while (place > 0) {
        uint32_t parent = sketch->heap[(place - 1) / 2];
        if (!is_rarer(&sketch->slots[number].rank, &sketch->slots[parent].rank)) {
            break;
        }
        put_in_heap(sketch, place, parent);
        place = (place - 1) / 2;
    }
    put_in_heap(sketch, place, number);
}

static void move_down(struct sketch *sketch, size_t place) {
    uint32_t number = sketch->heap[place];
    for (size_t child = 2 * place + 1; child < sketch->count; child = 2 * place + 1) {
        const struct slot *slots = sketch->slots;
        if (child + 1 < sketch->count &&
            is_rarer(&slots[sketch->heap[child + 1]].rank, &slots[sketch->heap[child]].rank)) {
            child++;
        }
        if (!is_rarer(&slots[sketch->heap[child]].rank, &slots[number].rank)) {
            break;
        }
        put_in_heap(sketch, place, sketch->heap[child]);
        place = child;
    }
    put_in_heap(sketch, place, number);
}

/* --- slots --- */

static void reserve_slot(struct sketch *sketch) {
    if (sketch->count < sketch->slot_count) {
        return;
    }
    size_t wanted = sketch->slot_count == 0 ? SLOTS_FIRST : 2 * sketch->slot_count;
    wanted = wanted > sketch->capacity ? sketch->capacity : wanted;
    sketch->slots =
        arena_realloc(sketch->arena, sketch->slots, sketch->slot_count * sizeof(sketch->slots[0]),
                      wanted * sizeof(sketch->slots[0]));
    sketch->keys =
        arena_realloc(sketch->arena, sketch->keys, sketch->slot_count * sizeof(sketch->keys[0]),
                      wanted * sizeof(sketch->keys[0]));
    sketch->slot_count = wanted;
}

static void fill_slot(struct sketch *sketch, uint32_t number, const struct newcomer *with) {
    sketch->slots[number].rank = with->rank;
    sketch->slots[number].hash = with->hash;
    copy_key(&sketch->keys[number], with->key);
    sketch->index[place_of(sketch, with->hash, with->key)] = number + 1;
}

/* A free slot, else the rarest one. */
static void take_slot(struct sketch *sketch, const struct newcomer *with) {
    if (sketch->count < sketch->capacity) {
        reserve_slot(sketch);
        uint32_t number = (uint32_t)sketch->count++;
        fill_slot(sketch, number, with);
        put_in_heap(sketch, number, number);
        move_up(sketch, number);
    } else {
        uint32_t number = sketch->heap[0];
        uint64_t hash = sketch->slots[number].hash;
        free_place(sketch, place_of(sketch, hash, &sketch->keys[number]));
        fill_slot(sketch, number, with);
        move_down(sketch, 0);
    }
}

void sketch_add(struct sketch *sketch, const struct sketch_key *key) {
    struct packed_key packed; /* filled as far as it is long */
    pack(key, &packed);
    uint64_t hash = hash_of(sketch, &packed);
    uint32_t number = find_slot(sketch, hash, &packed);
    if (number != 0) {
        struct slot *slot = &sketch->slots[number - 1];
        slot->rank.count++;
        move_down(sketch, slot->heap_place);
        return;
    }
    sketch->is_lossy = sketch->is_lossy || sketch->count == sketch->capacity;
    uint64_t error = sketch_error_max(sketch);
    take_slot(sketch, &(struct newcomer){.rank = {error + 1, error, sketch->arrivals++},
                                         .hash = hash,
                                         .key = &packed});
}

size_t sketch_count(const struct sketch *sketch) {
    return sketch->count;
}

struct sketch_entry sketch_at(const struct sketch *sketch, size_t index) {
    ASSERT(index < sketch->count);
    const struct slot *slot = &sketch->slots[index];
    return (struct sketch_entry){
        .key = unpack(&sketch->keys[index]), .count = slot->rank.count, .error = slot->rank.error};
}

uint64_t sketch_error_max(const struct sketch *sketch) {
    return sketch->is_lossy ? sketch->slots[sketch->heap[0]].rank.count : 0;
}

/* --- merging --- */

/* What both have, or the other may have had. Every slot here grows, so the heap is made anew. */
static void add_known(struct sketch *into, const struct sketch *from) {
    uint64_t missing_max = sketch_error_max(from);
    for (size_t i = 0; i < into->count; i++) {
        struct slot *slot = &into->slots[i];
        uint32_t number = find_slot(from, slot->hash, &into->keys[i]);
        slot->rank.count += number != 0 ? from->slots[number - 1].rank.count : missing_max;
        slot->rank.error += number != 0 ? from->slots[number - 1].rank.error : missing_max;
    }
    for (size_t i = into->count; i-- > 0;) {
        move_down(into, i);
    }
}

static void add_unknown(struct sketch *into, const struct newcomer *new) {
    if (into->count == into->capacity) {
        into->is_lossy = true;
        if (!is_rarer(&into->slots[into->heap[0]].rank, &new->rank)) {
            return;
        }
    }
    take_slot(into, new);
}

/* A key that had a slot here and has just lost it may come again with what the other alone knows of
 * it, which is no more than it had: it is rarer than all that stayed, and stays out. */
void sketch_merge(struct sketch *into, const struct sketch *from) {
    ASSERT(into != from && into->capacity == from->capacity);
    ASSERT(memcmp(&into->hash_key, &from->hash_key, sizeof(into->hash_key)) == 0);
    uint64_t missing_max = sketch_error_max(into);
    add_known(into, from);
    into->is_lossy = into->is_lossy || from->is_lossy;
    for (size_t i = 0; i < from->count; i++) {
        const struct slot *slot = &from->slots[i];
        struct newcomer new = {.rank = slot->rank, .hash = slot->hash, .key = &from->keys[i]};
        new.rank.count += missing_max;
        new.rank.error += missing_max;
        new.rank.arrival = into->arrivals++;
        if (find_slot(into, new.hash, new.key) == 0) {
            add_unknown(into, &new);
        }
    }
}
