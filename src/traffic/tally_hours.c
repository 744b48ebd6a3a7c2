/* SPDX-License-Identifier: Apache-2.0
 *
 * The hours of a tally: of what evidence for `strictest` consists. Lines are told apart by their
 * protocol, by whether they were served and by who sent them (control.md, D1 and D2).
 */
#include "base/ascii.h"
#include "base/assert.h"
#include "base/clock.h"
#include "traffic/tally_internal.h"

/* Networks of one file; of further ones it is not known that they were served. */
#define SERVED_MAX 32768
/* Networks with what was blocked of them and in which hour; further ones are left out. */
#define BLOCKED_MAX      1024
#define REASONS_MAX      32
#define REASON_BYTES_MAX 48
#define OTHER            STR("other")

struct blocked {
    uint64_t network;
    uint64_t count;
    size_t hour;
    size_t reason;
};

struct hour_table {
    struct arena *arena;
    struct tally_hours result;
    struct tally_hour hours[TALLY_HOURS_MAX];
    size_t last; /* the hour of the line before */
    struct key_set served;
    struct key_set blocked_keys; /* of a network, an hour and a reason */
    struct blocked blocked[BLOCKED_MAX];
    str reasons[REASONS_MAX];
    size_t reason_count;
};

struct hour_table *hour_table_new(struct arena *arena, const struct tally_hash_key *secret) {
    struct hour_table *table = ARENA_NEW(arena, struct hour_table);
    table->arena = arena;
    table->result.hours = table->hours;
    key_set_init(&table->served, arena, SERVED_MAX, secret);
    key_set_init(&table->blocked_keys, arena, BLOCKED_MAX, secret);
    return table;
}

/* --- what a line is ------------------------------------------------------------------------- */

static bool is_http1(str type) {
    return text_eq(type, STR("https")) || text_eq(type, STR("http"));
}

/* '2' of "200"; 0 of anything that is no status. */
static char group_of(str status) {
    bool is_status = status.len == 3 && ascii_is_digit(status.ptr[0]) &&
                     ascii_is_digit(status.ptr[1]) && ascii_is_digit(status.ptr[2]);
    return is_status ? status.ptr[0] : 0;
}

/* By target or load balancer, or nobody can tell: there is no status, or the client did not wait
 * for one (460). Whatever is not certain counts against promotion. */
static bool is_served(const struct access_log_record *record) {
    char target = group_of(record->target_status);
    char elb = group_of(record->elb_status);
    bool is_refused = (elb == '4' || elb == '5') && !text_eq(record->elb_status, STR("460"));
    return target == '2' || target == '3' || !is_refused;
}

/* As the load balancer answers what its mode blocks. */
static bool is_blocked(const struct access_log_record *record) {
    return text_eq(record->elb_status, STR("400")) && text_eq(record->target_status, STR("-"));
}

/* --- counting ------------------------------------------------------------------------------- */

static struct tally_hour *find_hour(struct hour_table *table, int64_t hour) {
    struct tally_hours *result = &table->result;
    if (result->count > 0 && table->hours[table->last].hour == hour) {
        return &table->hours[table->last];
    }
    size_t i = 0;
    while (i < result->count && table->hours[i].hour != hour) {
        i++;
    }
    if (i == TALLY_HOURS_MAX) {
        return NULL;
    }
    if (i == result->count) {
        result->count++;
        table->hours[i] = (struct tally_hour){.hour = hour};
    }
    table->last = i;
    return &table->hours[i];
}

/* Reasons become names of attributes: AWS's are letters. */
static size_t reason_number(struct hour_table *table, str reason) {
    if (reason.len == 0 || reason.len > REASON_BYTES_MAX ||
        !ascii_has_only(reason, ascii_is_alphanumeric)) {
        reason = OTHER;
    }
    size_t i = 0;
    while (i < table->reason_count && !text_eq(table->reasons[i], reason)) {
        i++;
    }
    if (i == table->reason_count && i < REASONS_MAX) {
        table->reasons[table->reason_count++] = str_copy(table->arena, reason);
    }
    return i < REASONS_MAX ? i : REASONS_MAX - 1;
}

static void note_blocked(struct hour_table *table, uint64_t network, str reason) {
    const struct blocked one = {
        .network = network, .hour = table->last, .reason = reason_number(table, reason)};
    uint64_t key = network ^ (one.hour << 8 | one.reason) * UINT64_C(0x9E3779B97F4A7C15);
    size_t number = key_set_add(&table->blocked_keys, key);
    if (number == KEY_SET_NONE) {
        return;
    }
    if (table->blocked[number].count == 0) {
        table->blocked[number] = one;
    }
    table->blocked[number].count++;
}

/* Requests that a stricter mode would block count for every sender: a monitor or an HTTP/2 client
 * that is served today would be blocked likewise. They are part of the requests they are a share
 * of. */
static void count_by_outcome(struct tally_hour *hour, struct tally_slot *slot,
                             enum traffic_class class, bool is_served) {
    hour->http1_lines++;
    slot->http1_lines++;
    hour->http1 += is_served ? 1 : 0;
    if (class == CLASS_SEVERE) {
        *(is_served ? &hour->severe_served : &hour->severe_unserved) += 1;
    } else if (class != CLASS_COMPLIANT) {
        *(is_served ? &hour->blocked_served : &hour->unserved) += 1;
        *(is_served ? &slot->blocked_served : &slot->unserved) += 1;
    }
}

static void count_client(struct hour_table *table, const struct access_log_record *record,
                         bool is_counted, bool is_line_served) {
    uint64_t network;
    if (!client_network_hash(record->client, &network)) {
        return;
    }
    if (is_line_served) {
        (void)key_set_add(&table->served, network);
        if (is_counted) {
            client_sketch_add(&table->result.clients, network);
        }
    } else if (record->class != CLASS_COMPLIANT && is_blocked(record)) {
        note_blocked(table, network, record->reason);
    }
}

void hour_table_add(struct hour_table *table, const struct access_log_record *record,
                    bool is_unfamiliar, int64_t ms) {
    int64_t at_hour = ms >= 0 ? ms / TALLY_HOUR_MS : (ms - TALLY_HOUR_MS + 1) / TALLY_HOUR_MS;
    struct tally_hour *hour = find_hour(table, at_hour);
    if (hour == NULL) {
        table->result.is_cut = true;
        return;
    }
    hour->counts.requests++;
    hour->counts.classes[record->class]++;
    hour->counts.unfamiliar += is_unfamiliar ? 1 : 0;
    hour->newest_ms = ms > hour->newest_ms ? ms : hour->newest_ms;
    bool is_1 = is_http1(record->type);
    bool is_synthetic = agent_is_synthetic(record->user_agent);
    hour->http2 += is_1 ? 0 : 1;
    hour->synthetic += is_1 && is_synthetic ? 1 : 0;
    if (record->class == CLASS_UNKNOWN) {
        return;
    }
    bool is_counted = (is_1 && !is_synthetic) || record->class != CLASS_COMPLIANT;
    bool is_line_served = is_served(record);
    if (is_counted) {
        struct tally_slot *slot = &hour->slots[(ms - at_hour * TALLY_HOUR_MS) / TALLY_SLOT_MS];
        count_by_outcome(hour, slot, record->class, is_line_served);
    }
    if (!is_synthetic) {
        count_client(table, record, is_counted, is_line_served);
    }
}

/* --- the result ----------------------------------------------------------------------------- */

static void add_blocked(struct hour_table *table, size_t at) {
    struct tally_hour *hour = &table->hours[at];
    uint64_t counts[REASONS_MAX] = {0};
    size_t most = 0;
    for (size_t i = 0; i < table->blocked_keys.count; i++) {
        const struct blocked *one = &table->blocked[i];
        if (one->hour == at && key_set_find(&table->served, one->network) != KEY_SET_NONE) {
            hour->blocked_clients += one->count;
            counts[one->reason] += one->count;
            most = counts[one->reason] > counts[most] ? one->reason : most;
        }
    }
    hour->blocked_reason = hour->blocked_clients > 0 ? table->reasons[most] : STR_EMPTY;
}

const struct tally_hours *hour_table_finish(struct hour_table *table) {
    for (size_t i = 0; i < table->result.count; i++) {
        table->hours[i].blocked_clients = 0;
        add_blocked(table, i);
    }
    return &table->result;
}
