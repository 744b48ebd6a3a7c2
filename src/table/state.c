/* SPDX-License-Identifier: Apache-2.0
 *
 * The STATE item: one a load balancer. Each write is conditional on the version that was loaded, or
 * on the attribute that it changes, so that of two copies one writes and the other one learns of
 * it. INCIDENT and CHANGE are written by the same transaction. An item that somebody else has put
 * into its place is read as far as it goes, and replaced.
 */
#include "table/state.h"
#include "base/buf.h"
#include "table/item.h"

#define CORRECTIONS_BYTES_MAX 2048
/* Of an item that somebody else has put there; it is replaced. */
#define NO_VERSION (-1)
/* Of what others wrote: ARNs, user agents. */
#define NAME_CHARACTERS_MAX 512

static str times_format(const int64_t *times_ms, size_t count, struct arena *arena) {
    struct buf text;
    buf_init(&text, arena, CORRECTIONS_BYTES_MAX);
    for (size_t i = 0; i < count; i++) {
        str time = time_format_iso8601(arena, times_ms[i]);
        buf_printf(&text, "%s%" STR_FMT, i == 0 ? "" : ",", STR_ARG(time));
    }
    return buf_str(&text);
}

static str name_or_dash(str name) {
    bool has_blank = str_contains(name, STR(" "));
    return str_is_empty(name) || has_blank ? STR("-") : str_utf8_prefix(name, NAME_CHARACTERS_MAX);
}

/* "<time> <from> <to> <writer> <invoked by> <user agent>": only the last one may hold
 * blanks. */
static str correction_format(const struct correction *correction, struct arena *arena) {
    if (correction->at_ms == 0) {
        return STR_EMPTY;
    }
    str time = time_format_iso8601(arena, correction->at_ms);
    str writer = name_or_dash(correction->writer.arn);
    str invoked_by = name_or_dash(correction->writer.invoked_by);
    str agent = str_utf8_prefix(correction->writer.user_agent, NAME_CHARACTERS_MAX);
    return str_format(arena, "%" STR_FMT " %s %s %" STR_FMT " %" STR_FMT " %" STR_FMT,
                      STR_ARG(time), mode_name(correction->from), mode_name(correction->to),
                      STR_ARG(writer), STR_ARG(invoked_by), STR_ARG(agent));
}

static str read_name(str *rest) {
    str name = str_split(rest, ' ');
    return str_eq(name, STR("-")) ? STR_EMPTY : name;
}

static struct correction read_correction(str text) {
    struct correction correction = {.at_ms = 0};
    str rest = text;
    if (str_is_empty(text) || !time_parse_iso8601(str_split(&rest, ' '), &correction.at_ms)) {
        return (struct correction){.at_ms = 0};
    }
    correction.from = mode_parse(str_split(&rest, ' '));
    correction.to = mode_parse(str_split(&rest, ' '));
    correction.writer.arn = read_name(&rest);
    correction.writer.invoked_by = read_name(&rest);
    correction.writer.user_agent = rest;
    if (correction.to == MODE_UNKNOWN) {
        correction.at_ms = 0; /* somebody else has put it there */
    }
    return correction;
}

/* "<confirmed at> <read at> <from> <to>[ <set at>]" */
static str own_change_format(const struct own_change *own, struct arena *arena) {
    if (own->at_ms == 0) {
        return STR_EMPTY;
    }
    str at = time_format_iso8601(arena, own->at_ms);
    str read = time_format_iso8601(arena, own->read_ms);
    str set = own->set_ms == 0 ? STR_EMPTY : time_format_iso8601(arena, own->set_ms);
    return str_format(arena, "%" STR_FMT " %" STR_FMT " %s %s%s%" STR_FMT, STR_ARG(at),
                      STR_ARG(read), mode_name(own->from), mode_name(own->to),
                      own->set_ms == 0 ? "" : " ", STR_ARG(set));
}

/* What cannot be read is not known: then each read is believed. */
static struct own_change read_own_change(str text) {
    struct own_change own = {.at_ms = 0};
    str rest = text;
    if (!time_parse_iso8601(str_split(&rest, ' '), &own.at_ms) ||
        !time_parse_iso8601(str_split(&rest, ' '), &own.read_ms)) {
        return (struct own_change){.at_ms = 0};
    }
    own.from = mode_parse(str_split(&rest, ' '));
    own.to = mode_parse(str_split(&rest, ' '));
    if (!time_parse_iso8601(rest, &own.set_ms)) {
        own.set_ms = 0;
    }
    return own;
}

static str alert_claim_format(const struct alert_claim *alert_claim, struct arena *arena) {
    if (alert_claim->alerts == 0) {
        return STR_EMPTY;
    }
    str until = time_format_iso8601(arena, alert_claim->until_ms);
    return str_format(arena, "%" STR_FMT " %u %" STR_FMT, STR_ARG(until), alert_claim->alerts,
                      STR_ARG(alert_claim->writer));
}

static struct alert_claim read_alert_claim(str text) {
    struct alert_claim alert_claim = {.alerts = 0};
    int64_t alerts = 0;
    str rest = text;
    if (str_is_empty(text) || !time_parse_iso8601(str_split(&rest, ' '), &alert_claim.until_ms) ||
        !str_parse_i64(str_split(&rest, ' '), &alerts) || alerts <= 0 || alerts > ALERT_SET_ALL) {
        return (struct alert_claim){.alerts = 0};
    }
    alert_claim.alerts = (unsigned)alerts;
    alert_claim.writer = rest;
    return alert_claim;
}

/* Where nothing was judged yet, there is nothing to be read as a judgement. */
static void put_judgement(struct item_writer *item, const struct lb_state *state) {
    if (!state->has_verdict) {
        return;
    }
    char grade = state->grade == '\0' ? '-' : state->grade;
    item_put_time(item, "factsTime", state->facts_ms);
    item_put_text(item, "compliance", str_from_cstr(compliance_name(state->compliance)));
    item_put_text(item, "mode", str_from_cstr(mode_name(state->mode)));
    item_put_text(item, "requiredMode", str_from_cstr(mode_name(state->required_mode)));
    if (state->scheme != SCHEME_UNKNOWN) {
        item_put_text(item, "scheme", str_from_cstr(scheme_name(state->scheme)));
    }
    item_put_text(item, "grade", str_copy(item->arena, (str){&grade, 1}));
    item_put_text(item, "owner", state->owner);
    item_put_text(item, "findings", state->findings);
}

static void put_memory(struct item_writer *item, const struct lb_state *state) {
    item_put_time(item, "nonCompliantSince", state->since_ms);
    item_put_time(item, "toldSince", state->alerted_since_ms);
    item_put_text(item, "toldException", state->alerted_exception);
    item_put_time(item, "fightToldAt", state->fight_alerted_ms);
    item_put_time(item, "flappingSince", state->flapping_ms);
    item_put_text(item, "transitions",
                  times_format(state->transitions_ms, state->transition_count, item->arena));
    item_put_time(item, "heldSince", state->held_since_ms);
    item_put_number(item, "untold", (int64_t)state->due_alerts);
    item_put_text(item, "telling", alert_claim_format(&state->alert_claim, item->arena));
    item_put_text(item, "imported", state->imported);
    item_put_text(item, "intent", correction_format(&state->intent, item->arena));
    item_put_text(item, "ownChange", own_change_format(&state->own_change, item->arena));
    item_put_text(item, "corrections",
                  times_format(state->corrections_ms, state->correction_count, item->arena));
}

static enum compliance compliance_of(str name) {
    for (int each = COMPLIANT; each < COMPLIANCE_UNKNOWN; each++) {
        if (str_eq(name, str_from_cstr(compliance_name((enum compliance)each)))) {
            return (enum compliance)each;
        }
    }
    return COMPLIANCE_UNKNOWN;
}

static size_t read_times(str text, int64_t *times_ms, size_t count_max) {
    size_t count = 0;
    for (str rest = text; rest.ptr != NULL && count < count_max;) {
        int64_t ms;
        if (time_parse_iso8601(str_split(&rest, ','), &ms)) {
            times_ms[count++] = ms;
        }
    }
    return count;
}

static void read_judgement(const struct dynamodb_item *item, struct lb_state *state) {
    str grade = dynamodb_get_string(item, "grade");
    str compliance = dynamodb_get_string(item, "compliance");
    state->has_verdict = !str_is_empty(compliance); /* it may hold an intent only */
    state->facts_ms = item_time(item, "factsTime");
    state->compliance = compliance_of(compliance);
    state->mode = mode_parse(dynamodb_get_string(item, "mode"));
    state->required_mode = mode_parse(dynamodb_get_string(item, "requiredMode"));
    state->scheme = load_balancer_scheme_parse(dynamodb_get_string(item, "scheme"));
    state->grade = str_is_empty(grade) ? '-' : grade.ptr[0];
    state->owner = dynamodb_get_string(item, "owner");
    state->findings = dynamodb_get_string(item, "findings");
}

static void read_memory(const struct dynamodb_item *item, struct lb_state *state) {
    int64_t due_alerts = item_number(item, "untold");
    state->flapping_ms = item_time(item, "flappingSince");
    state->due_alerts = due_alerts <= ALERT_SET_ALL ? (unsigned)due_alerts : 0;
    state->since_ms = item_time(item, "nonCompliantSince");
    state->alerted_since_ms = item_time(item, "toldSince");
    state->alerted_exception = dynamodb_get_string(item, "toldException");
    state->fight_alerted_ms = item_time(item, "fightToldAt");
    state->held_since_ms = item_time(item, "heldSince");
    state->alert_claim = read_alert_claim(dynamodb_get_string(item, "telling"));
    state->imported = dynamodb_get_string(item, "imported");
    state->intent = read_correction(dynamodb_get_string(item, "intent"));
    state->own_change = read_own_change(dynamodb_get_string(item, "ownChange"));
    state->correction_count = read_times(dynamodb_get_string(item, "corrections"),
                                         state->corrections_ms, CORRECTIONS_MAX);
    state->transition_count = read_times(dynamodb_get_string(item, "transitions"),
                                         state->transitions_ms, FLAPPING_TRANSITIONS);
}

void state_read(const struct dynamodb_item *item, struct lb_state *state) {
    *state = (struct lb_state){.exists = true};
    if (item_read_number(item, "version", &state->version) != ITEM_NUMBER_GOOD) {
        state->version = NO_VERSION;
    }
    read_judgement(item, state);
    read_memory(item, state);
}

enum status state_load(const struct state_table *table, str arn, struct arena *arena,
                       struct lb_state *state_out, struct error *error) {
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

/* ---- writes ---- */

static struct dynamodb_put put_of(const struct state_table *table, const struct item_writer *item) {
    return (struct dynamodb_put){.table = table->name, .item = {item->attributes, item->count}};
}

/* Replaces the item as it was loaded, and no other. Lives in the arena of `item`. */
static struct dynamodb_put put_state(const struct state_table *table, str arn,
                                     const struct lb_state *before, const struct lb_state *next,
                                     struct item_writer *item) {
    item_put_text(item, DYNAMODB_PK, arn);
    item_put_text(item, DYNAMODB_SK, STR("STATE"));
    item_put_number(item, "version", next->version);
    item_put_text(item, "writer", table->writer);
    put_judgement(item, next);
    put_memory(item, next);
    struct dynamodb_put put = put_of(table, item);
    if (!before->exists) {
        put.expression.condition = STR("attribute_not_exists(" DYNAMODB_PK ")");
    } else if (before->version == NO_VERSION) {
        put.expression.condition = STR("attribute_exists(" DYNAMODB_PK ")");
    } else {
        struct dynamodb_attribute *version = ARENA_NEW(item->arena, struct dynamodb_attribute);
        *version = dynamodb_number(item->arena, ":v", before->version);
        put.expression = (struct dynamodb_expression){
            .condition = STR("version = :v"), .values = version, .value_count = 1};
    }
    return put;
}

static str text_or_none(str text) {
    return str_is_empty(text) ? STR("none") : str_utf8_prefix(text, NAME_CHARACTERS_MAX);
}

/* "INCIDENT#<time>" */
static void put_key(struct item_writer *item, str arn, const char *kind, int64_t ms) {
    str time = time_format_iso8601(item->arena, ms);
    item_put_text(item, DYNAMODB_PK, arn);
    item_put_text(item, DYNAMODB_SK, str_format(item->arena, "%s#%" STR_FMT, kind, STR_ARG(time)));
}

static struct dynamodb_put put_incident(const struct state_table *table, str arn,
                                        const struct transition *transition,
                                        struct item_writer *item) {
    const struct lb_state *state = &transition->next;
    const struct transition_records *records = &transition->records;
    str findings = str_is_empty(state->findings) ? STR("MODE_TOO_WEAK") : state->findings;
    put_key(item, arn, "INCIDENT", records->open_ms);
    item_put_time(item, "openedAt", records->open_ms);
    item_put_text(item, "requiredMode", str_from_cstr(mode_name(state->required_mode)));
    item_put_text(item, "owner", str_is_empty(state->owner) ? STR("none") : state->owner);
    item_put_text(item, "findings", findings);
    item_put_time(item, "closedAt", records->closed_ms);
    return put_of(table, item);
}

/* An incident that is missing or closed already must not hold STATE up: no condition. */
static struct dynamodb_update close_incident(const struct state_table *table, str arn,
                                             const struct transition_records *records,
                                             struct arena *arena) {
    struct dynamodb_attribute *values = ARENA_ARRAY(arena, struct dynamodb_attribute, 2);
    str opened = time_format_iso8601(arena, records->close_ms);
    values[0] = dynamodb_string(":o", opened);
    values[1] = dynamodb_string(":c", time_format_iso8601(arena, records->closed_ms));
    return (struct dynamodb_update){
        .table = table->name,
        .key = {arn, str_format(arena, "INCIDENT#%" STR_FMT, STR_ARG(opened))},
        .update = STR("SET openedAt = :o, closedAt = if_not_exists(closedAt, :c)"),
        .expression = {.values = values, .value_count = 2},
    };
}

static struct dynamodb_put put_change(const struct state_table *table, str arn,
                                      const struct correction *made, struct item_writer *item) {
    put_key(item, arn, "CHANGE", made->at_ms);
    item_put_time(item, "changedAt", made->at_ms);
    item_put_text(item, "attribute", STR(ATTRIBUTE_DESYNC_MODE));
    item_put_text(item, "before", str_from_cstr(mode_name(made->from)));
    item_put_text(item, "after", str_from_cstr(mode_name(made->to)));
    item_put_text(item, "why", STR("the mode is weaker than required"));
    item_put_text(item, "writer", table->writer);
    item_put_text(item, "lastWriter", text_or_none(made->writer.arn));
    item_put_text(item, "lastWriterUserAgent", text_or_none(made->writer.user_agent));
    item_put_text(item, "lastWriterInvokedBy", text_or_none(made->writer.invoked_by));
    return put_of(table, item);
}

/* The watch over it, in place of that over an earlier one. It begins with the time as its version,
 * so that a copy which still works on the earlier one meets a conflict. */
static struct dynamodb_put put_raise(const struct state_table *table, str arn,
                                     const struct transition *transition,
                                     struct item_writer *item) {
    const struct correction *made = &transition->records.change;
    item_put_text(item, DYNAMODB_PK, STR(STATE_WATCH_PK));
    item_put_text(item, DYNAMODB_SK,
                  str_format(item->arena, "%" STR_FMT STATE_RAISE_SUFFIX, STR_ARG(arn)));
    item_put_number(item, "version", made->at_ms);
    item_put_text(item, "status", STR("open"));
    item_put_time(item, "changedAt", made->at_ms);
    item_put_text(item, "before", str_from_cstr(mode_name(made->from)));
    item_put_text(item, "after", str_from_cstr(mode_name(made->to)));
    item_put_text(item, "owner", transition->next.owner);
    return put_of(table, item);
}

enum status state_save(const struct state_table *table, str arn, const struct lb_state *before,
                       const struct transition *transition, struct arena *arena,
                       struct error *error) {
    const struct transition_records *records = &transition->records;
    struct item_writer items[] = {
        {.arena = arena}, {.arena = arena}, {.arena = arena}, {.arena = arena}};
    const struct dynamodb_put state = put_state(table, arn, before, &transition->next, &items[0]);
    struct dynamodb_put incident;
    struct dynamodb_update closing;
    struct dynamodb_put change;
    struct dynamodb_put raise;
    struct dynamodb_action actions[4] = {{.put = &state}};
    struct dynamodb_transaction transaction = {.actions = actions, .count = 1};
    if (records->open_ms != 0) {
        incident = put_incident(table, arn, transition, &items[1]);
        actions[transaction.count++].put = &incident;
    } else if (records->close_ms != 0) {
        closing = close_incident(table, arn, records, arena);
        actions[transaction.count++].update = &closing;
    }
    if (records->change.at_ms != 0) {
        change = put_change(table, arn, &records->change, &items[2]);
        actions[transaction.count++].put = &change;
        raise = put_raise(table, arn, transition, &items[3]);
        actions[transaction.count++].put = &raise;
    }
    /* The copy whose write succeeded publishes the alerts that it claimed, so a lost answer must
     * not pass for another copy's write. The request token of a transaction tells the two apart;
     * after a single put only the item does, and another copy may have replaced it since. */
    bool has_claim = transition->alerts != 0 && transition->next.due_alerts == 0;
    return transaction.count == 1 && !has_claim
               ? dynamodb_put_item(table->client, &state, arena, error)
               : dynamodb_transact_write(table->client, &transaction, arena, NULL, error);
}

/* UpdateItem creates an item that does not exist, and ADD counts from 0 then: STATE may hold
 * nothing but an intent. The condition is on the time of the facts, not on the version, which is
 * not known before this call. Times are ISO 8601 in UTC, whose order as text is their order in
 * time. */
enum status state_intend(const struct state_table *table, str arn, const struct correction *intent,
                         struct arena *arena, struct lb_state *state_out, struct error *error) {
    const struct dynamodb_attribute values[] = {
        dynamodb_string(":i", correction_format(intent, arena)),
        dynamodb_number(arena, ":one", 1),
        dynamodb_string(":t", time_format_iso8601(arena, intent->at_ms)),
    };
    const struct dynamodb_update update = {
        .table = table->name,
        .key = {arn, STR("STATE")},
        .update = STR("SET intent = :i ADD version :one"),
        .expression = {.condition = STR("attribute_not_exists(intent) AND "
                                        "(attribute_not_exists(factsTime) OR factsTime < :t OR "
                                        "factsTime = :t)"),
                       .values = values,
                       .value_count = sizeof values / sizeof *values},
        .returns = DYNAMODB_RETURNS_NEW,
    };
    struct dynamodb_item item;
    *state_out = (struct lb_state){0};
    TRY(dynamodb_update_item(table->client, &update, arena, &item, error));
    state_read(&item, state_out);
    return STATUS_OK;
}

/* Removes an attribute that still has this value; the next write must know of that. */
static enum status remove_attribute(const struct state_table *table, str arn,
                                    const struct dynamodb_attribute *attribute, struct arena *arena,
                                    struct error *error) {
    str name = attribute->name;
    const struct dynamodb_attribute values[] = {dynamodb_string(":x", attribute->value),
                                                dynamodb_number(arena, ":one", 1)};
    const struct dynamodb_update update = {
        .table = table->name,
        .key = {arn, STR("STATE")},
        .update = str_format(arena, "REMOVE %" STR_FMT " ADD version :one", STR_ARG(name)),
        .expression = {.condition = str_format(arena, "%" STR_FMT " = :x", STR_ARG(name)),
                       .values = values,
                       .value_count = 2},
    };
    return item_update_if(table->client, &update, arena, error);
}

enum status state_forget_intent(const struct state_table *table, str arn,
                                const struct correction *intent, struct arena *arena,
                                struct error *error) {
    const struct dynamodb_attribute attribute =
        dynamodb_string("intent", correction_format(intent, arena));
    return remove_attribute(table, arn, &attribute, arena, error);
}

enum status state_end_alert_claim(const struct state_table *table, str arn,
                                  const struct alert_claim *alert_claim, struct arena *arena,
                                  struct error *error) {
    const struct dynamodb_attribute attribute =
        dynamodb_string("telling", alert_claim_format(alert_claim, arena));
    return remove_attribute(table, arn, &attribute, arena, error);
}

enum status state_note_import(const struct state_table *table, str arn, str key,
                              struct arena *arena, struct error *error) {
    const struct dynamodb_attribute value = dynamodb_string(":k", key);
    const struct dynamodb_update update = {
        .table = table->name,
        .key = {arn, STR("STATE")},
        .update = STR("SET imported = :k"),
        .expression = {.condition = STR("attribute_exists(" DYNAMODB_PK ")"),
                       .values = &value,
                       .value_count = 1},
    };
    return item_update_if(table->client, &update, arena, error);
}
