/* SPDX-License-Identifier: Apache-2.0
 *
 * The STATE item: one a load balancer, replaced as a whole under its version.
 */
#include "aws/dynamodb.h"
#include "state_internal.h"

#define ATTRIBUTES_MAX        32
#define CORRECTIONS_BYTES_MAX 2048
/* Of an item that somebody else has put there: it is replaced rather than stumbled over forever. */
#define NO_VERSION (-1)

/* An item under construction. */
struct item_writer {
    struct dynamodb_attribute attributes[ATTRIBUTES_MAX];
    size_t count;
    struct arena *arena;
};

static void put_text(struct item_writer *item, const char *name, str value) {
    if (!str_is_empty(value)) {
        ASSERT(item->count < ATTRIBUTES_MAX);
        item->attributes[item->count++] = dynamodb_string(name, value);
    }
}

static void put_number(struct item_writer *item, const char *name, int64_t value) {
    ASSERT(item->count < ATTRIBUTES_MAX);
    item->attributes[item->count++] = dynamodb_number(item->arena, name, value);
}

static void put_time(struct item_writer *item, const char *name, int64_t ms) {
    if (ms != 0) {
        put_text(item, name, time_format_iso8601(item->arena, ms));
    }
}

static str corrections_format(const struct lb_state *state, struct arena *arena) {
    struct buf text;
    buf_init(&text, arena, CORRECTIONS_BYTES_MAX);
    for (size_t i = 0; i < state->correction_count; i++) {
        str time = time_format_iso8601(arena, state->corrections_ms[i]);
        buf_printf(&text, "%s%" STR_FMT, i == 0 ? "" : ",", STR_ARG(time));
    }
    return buf_str(&text);
}

static void put_judgement(struct item_writer *item, const struct lb_state *state) {
    char grade = state->grade == '\0' ? '-' : state->grade;
    put_time(item, "factsTime", state->facts_ms);
    put_text(item, "compliance", str_from_cstr(compliance_name(state->compliance)));
    put_text(item, "mode", str_from_cstr(mode_name(state->mode)));
    put_text(item, "requiredMode", str_from_cstr(mode_name(state->required_mode)));
    put_text(item, "grade", str_copy(item->arena, (str){&grade, 1}));
    put_text(item, "owner", state->owner);
    put_text(item, "findings", state->findings);
}

static void put_memory(struct item_writer *item, const struct lb_state *state) {
    put_time(item, "nonCompliantSince", state->since_ms);
    put_time(item, "toldSince", state->told_since_ms);
    put_number(item, "escalatedDay", state->escalated_day);
    put_text(item, "toldException", state->told_exception);
    put_time(item, "fightToldAt", state->fight_told_ms);
    put_number(item, "untold", (int64_t)state->untold);
    put_time(item, "pendingOpen", state->pending_open_ms);
    put_time(item, "pendingClose", state->pending_close_ms);
    put_time(item, "pendingClosedAt", state->pending_closed_ms);
    put_text(item, "corrections", corrections_format(state, item->arena));
}

static int64_t get_time(const struct dynamodb_item *item, const char *name) {
    int64_t ms = 0;
    return time_parse_iso8601(dynamodb_get_string(item, name), &ms) ? ms : 0;
}

static enum compliance compliance_of(str name) {
    for (int each = COMPLIANT; each < COMPLIANCE_UNKNOWN; each++) {
        if (str_eq(name, str_from_cstr(compliance_name((enum compliance)each)))) {
            return (enum compliance)each;
        }
    }
    return COMPLIANCE_UNKNOWN;
}

static void read_corrections(str text, struct lb_state *state) {
    for (str rest = text; rest.ptr != NULL && state->correction_count < CORRECTIONS_MAX;) {
        int64_t ms;
        if (time_parse_iso8601(str_split(&rest, ','), &ms)) {
            state->corrections_ms[state->correction_count++] = ms;
        }
    }
}

static void state_read(const struct dynamodb_item *item, struct lb_state *state) {
    str grade = dynamodb_get_string(item, "grade");
    *state = (struct lb_state){
        .is_known = true,
        .facts_ms = get_time(item, "factsTime"),
        .compliance = compliance_of(dynamodb_get_string(item, "compliance")),
        .mode = mode_parse(dynamodb_get_string(item, "mode")),
        .required_mode = mode_parse(dynamodb_get_string(item, "requiredMode")),
        .grade = str_is_empty(grade) ? '-' : grade.ptr[0],
        .owner = dynamodb_get_string(item, "owner"),
        .findings = dynamodb_get_string(item, "findings"),
        .since_ms = get_time(item, "nonCompliantSince"),
        .told_since_ms = get_time(item, "toldSince"),
        .told_exception = dynamodb_get_string(item, "toldException"),
        .fight_told_ms = get_time(item, "fightToldAt"),
        .pending_open_ms = get_time(item, "pendingOpen"),
        .pending_close_ms = get_time(item, "pendingClose"),
        .pending_closed_ms = get_time(item, "pendingClosedAt"),
    };
    int64_t untold = 0;
    (void)dynamodb_get_number(item, "untold", &untold);
    state->untold = untold > 0 && untold <= TELL_ALL ? (unsigned)untold : 0;
    state->version = NO_VERSION;
    (void)dynamodb_get_number(item, "version", &state->version);
    (void)dynamodb_get_number(item, "escalatedDay", &state->escalated_day);
    read_corrections(dynamodb_get_string(item, "corrections"), state);
}

enum status state_load(const struct state_table *table,
                       str arn,
                       struct arena *arena,
                       struct lb_state *state_out,
                       struct error *error) {
    const struct dynamodb_key key = {arn, STR("STATE")};
    struct dynamodb_item item;
    bool is_found = false;
    *state_out = (struct lb_state){0};
    TRY(dynamodb_get_item(table->client, table->name, &key, arena, &item, &is_found, error));
    if (is_found) {
        state_read(&item, state_out);
    }
    return STATUS_OK;
}

static struct dynamodb_expression unchanged_since(const struct lb_state *before,
                                                  const struct dynamodb_attribute *version) {
    if (!before->is_known) {
        return (struct dynamodb_expression){.condition =
                                                STR("attribute_not_exists(" DYNAMODB_PK ")")};
    }
    if (before->version == NO_VERSION) {
        return (struct dynamodb_expression){.condition = STR("attribute_exists(" DYNAMODB_PK ")")};
    }
    return (struct dynamodb_expression){
        .condition = STR("version = :v"), .values = version, .value_count = 1};
}

enum status state_save(const struct state_table *table,
                       str arn,
                       const struct lb_state *before,
                       const struct lb_state *next,
                       struct arena *arena,
                       struct error *error) {
    struct item_writer item = {.arena = arena};
    put_text(&item, DYNAMODB_PK, arn);
    put_text(&item, DYNAMODB_SK, STR("STATE"));
    put_number(&item, "version", next->version);
    put_text(&item, "writer", table->writer);
    put_judgement(&item, next);
    put_memory(&item, next);
    const struct dynamodb_attribute version = dynamodb_number(arena, ":v", before->version);
    const struct dynamodb_put put = {
        .table = table->name,
        .item = {item.attributes, item.count},
        .expression = unchanged_since(before, &version),
    };
    return dynamodb_put_item(table->client, &put, arena, error);
}
