/* SPDX-License-Identifier: Apache-2.0
 *
 * The BUDGET items. What this program cannot have written is no change and no turn: text that is no
 * time, or a time of more than an hour ahead.
 */
#include "table/budget.h"
#include "base/buf.h"
#include "base/random.h"
#include "table/item.h"

#define TIMES_MAX       1000 /* the largest MAX_CHANGES_PER_HOUR */
#define TIMES_BYTES_MAX ((size_t)TIMES_MAX * 20)
/* A write is refused when another copy has written in between. More in a row would be a crowd. */
#define ATTEMPTS_MAX       32
#define PAUSE_MS_MAX       64
#define CLOCK_AHEAD_MS_MAX (60 * 60 * MS_PER_SECOND)

/* The changes of the last hour, oldest first. */
struct budget_window {
    str mark; /* of the item that was read; empty: there is none */
    int64_t times_ms[TIMES_MAX];
    size_t count;
};

static struct dynamodb_key key_of(str arn, const char *sk, struct arena *arena) {
    struct load_balancer_arn parts = load_balancer_arn_parts(arn);
    return (struct dynamodb_key){str_format(arena, "BUDGET#%" STR_FMT "#%" STR_FMT,
                                            STR_ARG(parts.account_id), STR_ARG(parts.region)),
                                 str_from_cstr(sk)};
}

/* Replaces the item of this mark, and no other. The item gets a new mark, and so does *mark. */
static enum status put_item(const struct state_table *table, const struct dynamodb_key *key,
                            struct item_writer *content, str *mark, struct error *error) {
    struct arena *arena = content->arena;
    const struct dynamodb_attribute value = dynamodb_string(":m", *mark);
    uint64_t random;
    random_bytes(&random, sizeof random);
    str next = str_format(arena, "%016llx", (unsigned long long)random);
    item_put_text(content, DYNAMODB_PK, key->pk);
    item_put_text(content, DYNAMODB_SK, key->sk);
    item_put_text(content, "mark", next);
    item_put_text(content, "writer", table->writer);
    struct dynamodb_put put = {.table = table->name,
                               .item = {content->attributes, content->count},
                               .expression.condition = STR("attribute_not_exists(mark)")};
    if (!str_is_empty(*mark)) {
        put.expression = (struct dynamodb_expression){
            .condition = STR("mark = :m"), .values = &value, .value_count = 1};
    }
    TRY(dynamodb_put_item(table->client, &put, arena, error));
    *mark = next;
    return STATUS_OK;
}

/* --- changes -------------------------------------------------------------------------------- */

static void parse_window(const struct dynamodb_item *item, int64_t now_ms,
                         struct budget_window *window) {
    window->mark = dynamodb_get_string(item, "mark");
    window->count = 0;
    for (str rest = dynamodb_get_string(item, "times"); rest.ptr != NULL;) {
        int64_t ms = 0;
        bool is_time = str_parse_i64(str_split(&rest, ','), &ms);
        if (is_time && ms > now_ms - BUDGET_WINDOW_MS && ms <= now_ms + CLOCK_AHEAD_MS_MAX &&
            window->count < TIMES_MAX) {
            window->times_ms[window->count++] = ms;
        }
    }
}

static enum status read_window(const struct state_table *table, const struct dynamodb_key *key,
                               int64_t now_ms, struct arena *arena, struct budget_window *window,
                               struct error *error) {
    struct dynamodb_item item;
    bool is_found = false;
    TRY(dynamodb_get_item(table->client, table->name, key, arena, &item, &is_found, error));
    parse_window(&item, now_ms, window);
    return STATUS_OK;
}

static enum status write_window(const struct state_table *table, const struct dynamodb_key *key,
                                struct budget_window *window, struct arena *arena,
                                struct error *error) {
    struct item_writer content = {.arena = arena};
    struct buf times;
    buf_init(&times, arena, TIMES_BYTES_MAX);
    for (size_t i = 0; i < window->count; i++) {
        buf_printf(&times, "%s%lld", i == 0 ? "" : ",", (long long)window->times_ms[i]);
    }
    item_put_text(&content, "times", buf_str(&times));
    return put_item(table, key, &content, &window->mark, error);
}

/* Copies' clocks differ a little, so that a later write may have an earlier time. */
static void add_time(struct budget_window *window, int64_t at_ms) {
    size_t i = window->count++;
    for (; i > 0 && window->times_ms[i - 1] > at_ms; i--) {
        window->times_ms[i] = window->times_ms[i - 1];
    }
    window->times_ms[i] = at_ms;
}

static bool remove_time(struct budget_window *window, int64_t at_ms) {
    bool is_found = false;
    size_t kept = 0;
    for (size_t i = 0; i < window->count; i++) {
        bool is_it = !is_found && window->times_ms[i] == at_ms;
        window->times_ms[kept] = window->times_ms[i];
        kept += is_it ? 0 : 1;
        is_found = is_found || is_it;
    }
    window->count = kept;
    return is_found;
}

/* 0: one is free. */
static int64_t next_free_ms(const struct budget_window *window, int max) {
    return max <= 0 ? INT64_MAX
           : window->count < (size_t)max
               ? 0
               : window->times_ms[window->count - (size_t)max] + BUDGET_WINDOW_MS;
}

static void pause_at_random(const struct clock *clock) {
    unsigned char random;
    random_bytes(&random, 1);
    clock->sleep_ms(clock, random % PAUSE_MS_MAX);
}

/* Until no other copy writes in between. `takes` false: gives one back. */
static enum status change_window(const struct state_table *table, struct budget_change *change,
                                 bool takes, struct arena *arena, struct error *error) {
    const struct dynamodb_key key = key_of(change->arn, "CHANGES", arena);
    struct budget_window *window = ARENA_NEW(arena, struct budget_window);
    for (int attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
        if (attempt > 0) {
            pause_at_random(table->client->clock);
        }
        TRY(read_window(table, &key, change->at_ms, arena, window, error));
        change->free_ms = takes ? next_free_ms(window, change->max) : 0;
        if (change->free_ms != 0) {
            return STATUS_CONFLICT;
        } else if (takes) {
            add_time(window, change->at_ms);
        } else if (!remove_time(window, change->at_ms)) {
            return STATUS_OK;
        }
        struct error problem = {0};
        enum status status = write_window(table, &key, window, arena, &problem);
        /* One of another copy may have the same time: what may be given back is not tried again. */
        if (status != STATUS_CONFLICT || (!takes && problem.is_outcome_unknown)) {
            error_copy(error, arena, &problem);
            return status;
        }
    }
    return error_set(error, arena, STATUS_THROTTLED,
                     "too many copies count changes in %" STR_FMT " at once", STR_ARG(key.pk));
}

enum status budget_take_change(const struct state_table *table, struct budget_change *change,
                               struct arena *arena, struct error *error) {
    ASSERT(change->at_ms > 0 && change->max <= TIMES_MAX);
    return change_window(table, change, true, arena, error);
}

enum status budget_return_change(const struct state_table *table,
                                 const struct budget_change *change, struct arena *arena,
                                 struct error *error) {
    struct budget_change returned = *change;
    return change_window(table, &returned, false, arena, error);
}

/* --- the turn ------------------------------------------------------------------------------- */

static void parse_turn(const struct dynamodb_item *item, int64_t now_ms, struct budget_turn *turn) {
    int64_t taken_ms = item_time(item, "takenAt");
    turn->mark = dynamodb_get_string(item, "mark");
    turn->taken_ms = taken_ms <= now_ms + CLOCK_AHEAD_MS_MAX ? taken_ms : 0;
    turn->next_ms = turn->taken_ms != 0 && now_ms < turn->taken_ms + BUDGET_TURN_EVERY_MS
                        ? turn->taken_ms + BUDGET_TURN_EVERY_MS
                        : 0;
}

static enum status write_turn(const struct state_table *table, struct budget_turn *turn,
                              int64_t taken_ms, struct arena *arena, struct error *error) {
    const struct dynamodb_key key = key_of(turn->arn, "TURN", arena);
    struct item_writer content = {.arena = arena};
    item_put_time(&content, "takenAt", taken_ms);
    return put_item(table, &key, &content, &turn->mark, error);
}

enum status budget_read_turn(const struct state_table *table, struct budget_turn *turn,
                             int64_t now_ms, struct arena *arena, struct error *error) {
    const struct dynamodb_key key = key_of(turn->arn, "TURN", arena);
    struct dynamodb_item item;
    bool is_found = false;
    TRY(dynamodb_get_item(table->client, table->name, &key, arena, &item, &is_found, error));
    parse_turn(&item, now_ms, turn);
    return STATUS_OK;
}

enum status budget_take_turn(const struct state_table *table, struct budget_turn *turn,
                             int64_t now_ms, struct arena *arena, struct error *error) {
    return write_turn(table, turn, now_ms, arena, error);
}

enum status budget_return_turn(const struct state_table *table, struct budget_turn *turn,
                               struct arena *arena, struct error *error) {
    return write_turn(table, turn, turn->taken_ms, arena, error);
}

/* --- both, only read ------------------------------------------------------------------------ */

enum status budget_view_read(const struct state_table *table, const struct budget_change *change,
                             struct arena *arena, struct budget_view *view_out,
                             struct error *error) {
    struct budget_window *window = ARENA_NEW(arena, struct budget_window);
    const struct dynamodb_key key = key_of(change->arn, "CHANGES", arena);
    *view_out = (struct budget_view){.turn.arn = change->arn};
    TRY(read_window(table, &key, change->at_ms, arena, window, error));
    view_out->times_ms = window->times_ms;
    view_out->count = window->count;
    view_out->next_change_ms = next_free_ms(window, change->max);
    return budget_read_turn(table, &view_out->turn, change->at_ms, arena, error);
}
