/* SPDX-License-Identifier: Apache-2.0
 *
 * A file is added to the items of its hours. Each write is safe to repeat by itself, so that a file
 * whose lines are of several hours needs no transaction: a repeat adds what is missing.
 */
#include "aws/sigv4.h"
#include "traffic_internal.h"

/* 36 bits of a file's hash. That two of the files of an item have the same, and one of them is not
 * counted, is to be expected once in a hundred million files. */
#define FILE_ID_LETTERS 6
/* There is room for 48 * (1 + 4 + 16 + 64 + 256) files an hour below the last level, which takes
 * any number: more nodes than a load balancer has. */
#define LEVELS 6
/* So long after its delivery no file comes for the first time; until then it is not looked up
 * whether 0.1.0 has counted it, which costs a read. */
#define PROMPT_MS (15 * 60 * MS_PER_SECOND)

/* One file on its way. */
struct counting {
    const struct state_table *table;
    const struct log_traffic *traffic;
    struct arena *arena;
    str hash;    /* of the file, hexadecimal */
    str file_id; /* as `seen` holds it */
    str clients;
};

/* S3 names the same object again by the same key and ETag. */
static str hash_of(const struct log_object *object, struct arena *arena) {
    return sha256_hex(arena, str_format(arena, "%" STR_FMT "/%" STR_FMT "\n%" STR_FMT,
                                        STR_ARG(object->bucket), STR_ARG(object->key),
                                        STR_ARG(object->e_tag)));
}

static unsigned hex_value(char digit) {
    return (unsigned)(digit <= '9' ? digit - '0' : digit - 'a' + 10);
}

static str file_id_of(str hash, struct arena *arena) {
    static const char LETTERS[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    char *id = arena_alloc(arena, FILE_ID_LETTERS);
    uint64_t bits = 0;
    for (size_t i = 0; i < FILE_ID_LETTERS * 6 / 4; i++) {
        bits = bits << 4 | hex_value(hash.ptr[i]);
    }
    for (size_t i = FILE_ID_LETTERS; i-- > 0; bits >>= 6) {
        id[i] = LETTERS[bits & 63];
    }
    return (str){id, FILE_ID_LETTERS};
}

/* "TRAFFIC#2026-11-23T08", "TRAFFIC#2026-11-23T08#2.13" */
static str key_of(const struct counting *counting, int64_t hour, unsigned level) {
    int64_t day = date_days_of_ms(hour * TALLY_HOUR_MS);
    str date = traffic_day_key(counting->arena, day);
    int of_day = (int)(hour - day * 24);
    unsigned bits = 0; /* behind those of the file's id */
    for (size_t i = 0; i < 4; i++) {
        bits = bits << 4 | hex_value(counting->hash.ptr[FILE_ID_LETTERS * 6 / 4 + i]);
    }
    return level == 0 ? str_format(counting->arena, "%" STR_FMT "T%02d", STR_ARG(date), of_day)
                      : str_format(counting->arena, "%" STR_FMT "T%02d#%u.%u", STR_ARG(date),
                                   of_day, level, bits & ((1u << 2 * level) - 1));
}

static void add_slots(struct traffic_update *update, const struct traffic_hour *hour) {
    for (size_t i = 0; i < TALLY_SLOTS; i++) {
        struct tally_slot slot = hour->slots[i];
        for (size_t letter = 0; letter < sizeof TRAFFIC_SLOT_LETTERS - 1; letter++) {
            str name = str_format(update->arena, "%c%zx", TRAFFIC_SLOT_LETTERS[letter], i);
            traffic_update_add(update, name.ptr, *traffic_slot_counter(&slot, letter));
        }
    }
}

/* The newest line is that of the file that came last, which may be older than one before it by less
 * than an hour: a comparison would cost a second write, and who reads it looks at the five minutes,
 * too. */
static enum status write_hour(const struct counting *counting, const struct traffic_hour *hour,
                              unsigned level, struct error *error) {
    struct arena *arena = counting->arena;
    struct traffic_update *update = ARENA_NEW(arena, struct traffic_update);
    int64_t day = date_days_of_ms(hour->hour * TALLY_HOUR_MS);
    traffic_update_begin(update, arena);
    traffic_update_set(
        update, "expires_at",
        dynamodb_number(arena, "", (day + TRAFFIC_HOUR_KEPT_DAYS) * TRAFFIC_SECONDS_A_DAY));
    if (hour->newest_ms != 0) {
        traffic_update_set(update, "newest_at",
                           dynamodb_string("", time_format_iso8601(arena, hour->newest_ms)));
    }
    traffic_update_add(update, "files", 1);
    traffic_update_add_words(update, "seen", counting->file_id);
    traffic_update_add_counts(update, &hour->counts);
    traffic_update_add_words(update, "blockedReasons", hour->blocked_reason);
    add_slots(update, hour);
    traffic_update_add_words(update, "clients", counting->clients);
    traffic_update_value(update, dynamodb_string(":file", counting->file_id));
    bool is_last = level + 1 == LEVELS;
    if (!is_last) {
        traffic_update_value(update, dynamodb_number(arena, ":full", TRAFFIC_FILES_MAX));
    }
    return traffic_update_send(
        update, counting->table, counting->traffic->arn, key_of(counting, hour->hour, level),
        is_last
            ? STR("attribute_not_exists(seen) OR NOT contains(seen, :file)")
            : STR("attribute_not_exists(seen) OR (files < :full AND NOT contains(seen, :file))"),
        error);
}

static bool has_word(str words, str wanted) {
    while (words.len > 0) {
        if (str_eq(str_split(&words, ' '), wanted)) {
            return true;
        }
    }
    return false;
}

/* Why the write was refused. */
static enum status read_refusal(const struct counting *counting, int64_t hour, unsigned level,
                                bool *is_seen_out, struct error *error) {
    struct dynamodb_item item;
    bool is_found = false;
    const struct dynamodb_key key = {counting->traffic->arn, key_of(counting, hour, level)};
    TRY(dynamodb_get_item(counting->table->client, counting->table->name, &key, counting->arena,
                          &item, &is_found, error));
    *is_seen_out = is_found && has_word(dynamodb_get_words(&item, "seen"), counting->file_id);
    return STATUS_OK;
}

/* CONFLICT: it was counted before. */
static enum status count_hour(const struct counting *counting, const struct traffic_hour *hour,
                              struct error *error) {
    for (unsigned level = 0; level < LEVELS; level++) {
        struct error problem = {.status = STATUS_OK};
        enum status status = write_hour(counting, hour, level, &problem);
        if (status != STATUS_CONFLICT) {
            *error = problem;
            return status;
        }
        bool is_seen = false;
        TRY(read_refusal(counting, hour->hour, level, &is_seen, error));
        /* By an attempt of ours whose answer was lost? One that curl repeated by itself is taken
         * for another copy's, which is wrong in the response and the metrics, but not in the table.
         */
        if (is_seen) {
            return problem.is_outcome_unknown ? STATUS_OK : STATUS_CONFLICT;
        }
    }
    return error_set(error, counting->arena, STATUS_INCOMPLETE,
                     "dynamodb UpdateItem: unmet conditions of none");
}

/* 0.1.0 kept an item for each file, for 15 days. */
static enum status check_seen_item(const struct counting *counting, int64_t now_ms,
                                   struct error *error) {
    struct dynamodb_item item;
    bool is_found = false;
    const struct dynamodb_key key = {
        counting->traffic->arn,
        str_format(counting->arena, "SEEN#%" STR_FMT, STR_ARG(counting->hash))};
    if (now_ms - counting->traffic->delivered_ms < PROMPT_MS) {
        return STATUS_OK;
    }
    TRY(dynamodb_get_item(counting->table->client, counting->table->name, &key, counting->arena,
                          &item, &is_found, error));
    return is_found ? STATUS_CONFLICT : STATUS_OK;
}

enum status traffic_count_object(const struct state_table *table, const struct log_object *object,
                                 const struct log_traffic *traffic, int64_t now_ms,
                                 struct arena *arena, struct error *error) {
    ASSERT(traffic->hour_count <= TRAFFIC_HOURS_MAX);
    str hash = hash_of(object, arena);
    const struct counting counting = {.table = table,
                                      .traffic = traffic,
                                      .arena = arena,
                                      .hash = hash,
                                      .file_id = file_id_of(hash, arena),
                                      .clients = client_sketch_format(&traffic->clients, arena)};
    size_t before = 0;
    TRY(check_seen_item(&counting, now_ms, error));
    for (size_t i = 0; i < traffic->hour_count; i++) {
        enum status status = count_hour(&counting, &traffic->hours[i], error);
        if (status != STATUS_OK && status != STATUS_CONFLICT) {
            return status;
        }
        before += status == STATUS_CONFLICT ? 1 : 0;
    }
    return before > 0 && before == traffic->hour_count ? STATUS_CONFLICT : STATUS_OK;
}
