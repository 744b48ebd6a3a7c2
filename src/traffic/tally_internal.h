/* SPDX-License-Identifier: Apache-2.0
 *
 * The parts of a tally: its tables of days and reasons, and the sketch that offenders and groups
 * are kept in.
 */
#ifndef TRAFFIC_TALLY_INTERNAL_H
#define TRAFFIC_TALLY_INTERNAL_H

#include "traffic/tally.h"

/* An id is at most "app/" + 32 + "/" + 16; a longer one comes from no load balancer and is cut. */
#define LOAD_BALANCER_BYTES_MAX 128

/* --- texts (tally_text.c) --- */
/* SipHash-1-3 of `prefix` and then the text. */
uint64_t text_hash(const struct tally_hash_key *key, uint64_t prefix, str text);
/* str_eq; libc's memcmp may go byte by byte. */
bool text_eq(str a, str b);
/* At most `bytes_max` of it, never ending inside an escape (\x22, \x00000022) or a character. */
str text_cut(str text, size_t bytes_max);

/* Length of "203.0.113." when the address is IPv4, else 0. */
size_t text_ipv4_network_length(str address);
#define NETWORK_BYTES_MAX 64
/* "203.0.113.0/24" or "2001:db8:1::/48" of an address, else what is given, cut. The result lives in
 * `storage` or borrows `client`. */
str network_of(str client, char storage[static NETWORK_BYTES_MAX]);

/* A health check or a monitor, by its own name (synthetic.c). */
bool agent_is_synthetic(str user_agent);

/* --- keys (key_set.c) --- */
#define KEY_SET_NONE SIZE_MAX
struct key_set {
    struct arena *arena;
    struct tally_hash_key secret;
    size_t keys_max;
    uint64_t *keys; /* in the order they came */
    size_t count;
    size_t capacity;
    uint32_t *index; /* open addressing; 0 is free, else the number of a key from 1 */
    size_t index_size;
};
void key_set_init(struct key_set *set, struct arena *arena, size_t keys_max,
                  const struct tally_hash_key *secret);
/* The number of the key, from 0; KEY_SET_NONE: it is not there. */
size_t key_set_find(const struct key_set *set, uint64_t key);
/* The same of a key that may be new; KEY_SET_NONE: it is, and there is no room for it. */
size_t key_set_add(struct key_set *set, uint64_t key);

/* --- hours (tally_hours.c) --- */
struct hour_table;
struct hour_table *hour_table_new(struct arena *arena, const struct tally_hash_key *secret);
/* `host` of the record is not looked at. */
void hour_table_add(struct hour_table *table, const struct access_log_record *record,
                    bool is_unfamiliar, int64_t ms);
/* Borrows the table. */
const struct tally_hours *hour_table_finish(struct hour_table *table);

/* --- days (tally_days.c) --- */
struct day_table {
    struct arena *arena;
    struct tally_hash_key hash_key;
    struct tally_day *days;
    size_t count;
    size_t capacity;
    uint32_t *index; /* open addressing; 0 is free, else the number of a day from 1 */
    size_t index_size;
    size_t reason_count; /* of all days */
};
void day_table_init(struct day_table *table, struct arena *arena,
                    const struct tally_hash_key *hash_key);
/* The entry, made when there is none; NULL: the table is full. Valid until the next call. */
struct tally_day *day_table_find(struct day_table *table, str load_balancer, int64_t day);
/* By load balancer, then day. */
void day_table_sort(struct day_table *table);

/* --- sketch (tally_sketch.c) --- */
enum { KEY_REASON, KEY_CLIENT, KEY_USER_AGENT, KEY_HOST, KEY_LOAD_BALANCER, KEY_TEXTS };
struct sketch_key {
    enum traffic_class class;
    str texts[KEY_TEXTS]; /* cut to the sketch's bounds when added */
};

/* Space-Saving (Metwally, Agrawal, El Abbadi 2005): the most frequent of any number of keys, in
 * `capacity` slots. A new key that finds no free slot takes over the rarest one with its count, and
 * remembers this count as its error. So true <= count <= true + error, and what has no slot was
 * seen at most as often as the rarest that has one. */
struct sketch;
struct sketch *sketch_new(struct arena *arena, size_t capacity,
                          const struct tally_hash_key *hash_key);
void sketch_add(struct sketch *sketch, const struct sketch_key *key);
/* Adds the counts of both; a key that only one of them has may have been seen by the other as often
 * as the other's rarest, which goes into its count and its error. Then the most frequent are
 * kept, so that the bounds stay true (Agarwal et al. 2012, "Mergeable summaries"). Both of the same
 * capacity and hash key. */
void sketch_merge(struct sketch *into, const struct sketch *from);

struct sketch_entry {
    struct sketch_key key; /* borrows the sketch, until the next add or merge */
    uint64_t count;
    uint64_t error;
};
size_t sketch_count(const struct sketch *sketch);
struct sketch_entry sketch_at(const struct sketch *sketch, size_t index);
/* None that has no slot was seen more often; 0: all have one, and all counts are exact. */
uint64_t sketch_error_max(const struct sketch *sketch);

/* --- reasons (tally_reasons.c) --- */
struct reason_table {
    struct tally_reason rows[TALLY_REASONS_MAX + CLASS_COUNT]; /* the last for "other" */
    size_t count;
};
/* Adds its count to that of its code and class. Returns the code it was counted under, which lives
 * as long as the arena. */
str reason_table_add(struct reason_table *table, struct arena *arena,
                     const struct tally_reason *reason);
/* The code as the table holds it, "other" when it does not. */
str reason_table_code(const struct reason_table *table, str code, enum traffic_class class);
/* Likewise to a day of the table; borrows the code. */
void day_table_add_reason(struct day_table *table, struct tally_day *day,
                          const struct tally_reason *reason);
/* By count, then code. */
void reasons_sort(struct tally_reason *reasons, size_t count);

/* --- the whole (tally.c) --- */

struct tally {
    struct arena *arena;
    struct tally_options options;
    uint64_t kinds[ACCESS_LOG_KIND_COUNT];
    uint64_t untallied;
    struct tally_counts totals;
    int64_t oldest_ms; /* INT64_MAX, INT64_MIN: no line with a time */
    int64_t newest_ms;
    struct day_table days;
    bool has_last_day; /* the two below say which day the line before was of */
    size_t last_day;
    char last_date[sizeof("2026-11-23") - 1];
    struct reason_table reasons;
    struct reason_table unknown_classes;
    struct sketch *offenders; /* NULL: counts only */
    struct sketch *groups;    /* NULL without group keys */
    struct hour_table *hours; /* NULL: not asked for */
};

/* What tally_add_lines does with a line that was parsed. */
void tally_add_record(struct tally *tally, const struct access_log_record *record);

#endif
