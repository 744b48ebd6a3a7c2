/* SPDX-License-Identifier: Apache-2.0
 *
 * The attributes of TRAFFIC items.
 */
#ifndef TABLE_TRAFFIC_INTERNAL_H
#define TABLE_TRAFFIC_INTERNAL_H

#include "aws/dynamodb.h"
#include "table/traffic_days.h"

#define TRAFFIC_PREFIX        "TRAFFIC#"
#define TRAFFIC_DAY_LENGTH    (sizeof TRAFFIC_PREFIX "2026-11-23" - 1)
#define TRAFFIC_KEPT_DAYS     400
#define TRAFFIC_SECONDS_A_DAY (MS_PER_DAY / MS_PER_SECOND)

/* The counters, which are left out where they are 0. */
#define TRAFFIC_COUNTERS 19
struct traffic_counter {
    const char *name;
    size_t offset; /* in struct traffic_counts */
};
extern const struct traffic_counter TRAFFIC_COUNTER[TRAFFIC_COUNTERS];
uint64_t *traffic_counter_of(struct traffic_counts *counts, size_t number);
uint64_t traffic_counter_value(const struct traffic_counts *counts, size_t number);

/* Of five minutes: the letter, then 0 to 9, a or b: "h7". */
#define TRAFFIC_SLOT_LETTERS "hbu" /* http1_lines, blocked_served, unserved */
uint64_t *traffic_slot_counter(struct tally_slot *slot, size_t letter);

/* "TRAFFIC#2026-11-23", and behind it of an hour "T08" and more. */
struct traffic_key {
    int64_t day;
    bool is_hour;
    int64_t hour; /* since 1970-01-01 */
};
/* false: it is none. */
bool traffic_key_parse(str sk, struct traffic_key *key_out);

/* "TRAFFIC#2026-11-23" */
str traffic_day_key(struct arena *arena, int64_t day);
/* The last that an item of the day can have. */
str traffic_day_key_end(struct arena *arena, int64_t day);

/* An update under construction: "SET ... ADD ..." with its names and values. */
#define TRAFFIC_WORDS_MAX 128
struct traffic_update {
    struct arena *arena;
    struct buf set;
    struct buf add;
    struct dynamodb_name names[TRAFFIC_WORDS_MAX];
    size_t name_count;
    struct dynamodb_attribute values[TRAFFIC_WORDS_MAX];
    size_t value_count;
};
void traffic_update_begin(struct traffic_update *update, struct arena *arena);
/* `name` lives as long as the update. */
void traffic_update_set(struct traffic_update *update, const char *name,
                        struct dynamodb_attribute value);
/* Nothing where it is 0. */
void traffic_update_add(struct traffic_update *update, const char *name, uint64_t count);
/* To a set; nothing where there are none. */
void traffic_update_add_words(struct traffic_update *update, const char *name, str words);
void traffic_update_add_counts(struct traffic_update *update, const struct traffic_counts *counts);
/* The value of a condition, by its own name. */
void traffic_update_value(struct traffic_update *update, struct dynamodb_attribute value);
MUST_USE enum status traffic_update_send(struct traffic_update *update,
                                         const struct state_table *table, str arn, str sk,
                                         str condition, struct error *error);

#endif
