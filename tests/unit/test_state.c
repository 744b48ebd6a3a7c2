/* SPDX-License-Identifier: Apache-2.0 */
#include "aws_fixture.h"
#include "table/records.h"
#include "table_world.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define LB           STR("arn:of:one")
#define NOW          FAKE_NOW_MS
#define MINUTE       INT64_C(60000)

struct bench {
    struct aws_fixture aws;
    struct table *table;
    struct state_table ours;
    struct state_table theirs; /* of another copy */
    bool was_begun;            /* what the last claim found */
};

static struct fake_answer respond(void *context, const struct http_request *request) {
    assert_true(table_is_asked(request));
    return table_respond(context, request);
}

static int begin(void **state) {
    static struct bench bench;
    fixture_begin(&bench.aws);
    bench.table = table_begin(&bench.aws.fake);
    bench.aws.fake.respond = respond;
    bench.aws.fake.respond_context = bench.table;
    bench.ours = (struct state_table){&bench.aws.client, STR("ledger"), STR("request-1")};
    bench.theirs = (struct state_table){&bench.aws.client, STR("ledger"), STR("request-2")};
    *state = &bench;
    return 0;
}

static int end(void **state) {
    fixture_end(&((struct bench *)*state)->aws);
    return 0;
}

static struct lb_state load(struct bench *bench) {
    struct lb_state loaded;
    assert_int_equal(state_load(&bench->ours, LB, &bench->aws.arena, &loaded, &bench->aws.error),
                     STATUS_OK);
    return loaded;
}

static enum status save_as(struct bench *bench, const struct state_table *who,
                           const struct lb_state *before, const struct lb_state *next) {
    const struct transition transition = {.next = *next};
    return state_save(who, LB, before, &transition, &bench->aws.arena, &bench->aws.error);
}

static enum status save(struct bench *bench, const struct lb_state *before,
                        const struct lb_state *next) {
    return save_as(bench, &bench->ours, before, next);
}

static const struct lb_state FULL = {
    .exists = true,
    .has_verdict = true,
    .version = 7,
    .facts_ms = NOW + 1,
    .compliance = NON_COMPLIANT,
    .mode = MODE_MONITOR,
    .required_mode = MODE_STRICTEST,
    .grade = 'F',
    .owner = {"shop \"team\"", 11},
    .findings = {"MODE_TOO_WEAK,TAG_MISSING", 25},
    .since_ms = NOW - 999,
    .alerted_since_ms = NOW - 998,
    .flapping_ms = NOW - 4,
    .transitions_ms = {NOW - 3000, NOW - 2000, NOW - 1000, NOW - 4},
    .transition_count = 4,
    .alerted_exception = {"expired 2026-11-01", 18},
    .fight_alerted_ms = NOW - 5,
    .held_since_ms = NOW - 998,
    .due_alerts = ALERT_SET(ALERT_RESOLVED) | ALERT_SET(ALERT_FIGHT),
    .scheme = SCHEME_INTERNET_FACING,
    .imported = {"NON_COMPLIANT monitor", 21},
    .intent = {.at_ms = NOW - 6,
               .from = MODE_MONITOR,
               .to = MODE_DEFENSIVE,
               .writer.arn = {"arn:aws:iam::111122223333:role/ops", 34},
               .writer.user_agent = {"APN/1.0 HashiCorp/1.0 Terraform/1.9", 35}},
    .alert_claim = {.alerts = ALERT_SET(ALERT_FIGHT),
                    .until_ms = NOW + 9,
                    .writer = {"request-1", 9}},
    .corrections_ms = {NOW - 60000, NOW - 1},
    .correction_count = 2,
};

static void assert_same_correction(const struct correction *a, const struct correction *b) {
    assert_int_equal(a->at_ms, b->at_ms);
    assert_int_equal(a->from, b->from);
    assert_int_equal(a->to, b->to);
    assert_true(str_eq(a->writer.arn, b->writer.arn));
    assert_true(str_eq(a->writer.invoked_by, b->writer.invoked_by));
    assert_true(str_eq(a->writer.user_agent, b->writer.user_agent));
}

static void assert_same(const struct lb_state *a, const struct lb_state *b) {
    assert_int_equal(a->exists, b->exists);
    assert_int_equal(a->has_verdict, b->has_verdict);
    assert_int_equal(a->version, b->version);
    assert_int_equal(a->facts_ms, b->facts_ms);
    assert_int_equal(a->compliance, b->compliance);
    assert_int_equal(a->mode, b->mode);
    assert_int_equal(a->required_mode, b->required_mode);
    assert_int_equal(a->grade, b->grade);
    assert_true(str_eq(a->owner, b->owner));
    assert_true(str_eq(a->findings, b->findings));
    assert_int_equal(a->since_ms, b->since_ms);
    assert_int_equal(a->alerted_since_ms, b->alerted_since_ms);
    assert_int_equal(a->flapping_ms, b->flapping_ms);
    assert_int_equal(a->transition_count, b->transition_count);
    for (size_t i = 0; i < a->transition_count; i++) {
        assert_int_equal(a->transitions_ms[i], b->transitions_ms[i]);
    }
    assert_true(str_eq(a->alerted_exception, b->alerted_exception));
    assert_int_equal(a->fight_alerted_ms, b->fight_alerted_ms);
    assert_int_equal(a->held_since_ms, b->held_since_ms);
    assert_int_equal(a->due_alerts, b->due_alerts);
    assert_int_equal(a->scheme, b->scheme);
    assert_true(str_eq(a->imported, b->imported));
    assert_int_equal(a->alert_claim.alerts, b->alert_claim.alerts);
    assert_int_equal(a->alert_claim.until_ms, b->alert_claim.until_ms);
    assert_true(str_eq(a->alert_claim.writer, b->alert_claim.writer));
    assert_same_correction(&a->intent, &b->intent);
    assert_int_equal(a->correction_count, b->correction_count);
    for (size_t i = 0; i < a->correction_count; i++) {
        assert_int_equal(a->corrections_ms[i], b->corrections_ms[i]);
    }
}

static void state_survives_the_table(void **state) {
    struct bench *bench = *state;
    struct lb_state many = FULL;
    struct lb_state gone = {.exists = true,
                            .has_verdict = true,
                            .version = 1,
                            .facts_ms = NOW,
                            .compliance = NOT_APPLICABLE,
                            .grade = '-'};
    for (many.correction_count = 0; many.correction_count < CORRECTIONS_MAX;) {
        many.corrections_ms[many.correction_count] = NOW - (int64_t)many.correction_count;
        many.correction_count++;
    }
    const struct lb_state rows[] = {FULL, many, gone};
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct lb_state nothing = {0};
        bench->table->count = 0;
        assert_int_equal(save(bench, &nothing, &rows[i]), STATUS_OK);
        struct lb_state loaded = load(bench);
        assert_same(&loaded, &rows[i]);
    }
}

static void missing_item_loads_as_an_empty_state(void **state) {
    struct lb_state loaded = load(*state);
    const struct lb_state nothing = {0};
    assert_same(&loaded, &nothing);
}

static void times_are_iso_8601_and_text_of_the_contract(void **state) {
    struct bench *bench = *state;
    const struct lb_state nothing = {0};
    assert_int_equal(save(bench, &nothing, &FULL), STATUS_OK);
    const struct table_item *item = table_first(bench->table, LB, "STATE");
    assert_str(table_text(item, "factsTime"), "2026-11-23T08:00:00.001Z");
    assert_str(table_text(item, "nonCompliantSince"), "2026-11-23T07:59:59.001Z");
    assert_str(table_text(item, "compliance"), "NON_COMPLIANT");
    assert_str(table_text(item, "mode"), "monitor");
    assert_str(table_text(item, "corrections"),
               "2026-11-23T07:59:00.000Z,2026-11-23T07:59:59.999Z");
}

static void a_state_is_saved_only_over_what_was_loaded(void **state) {
    struct bench *bench = *state;
    const struct lb_state nothing = {0};
    struct lb_state next = FULL;
    assert_int_equal(save(bench, &nothing, &FULL), STATUS_OK);
    assert_int_equal(save_as(bench, &bench->theirs, &nothing, &FULL), STATUS_CONFLICT);
    next.version = 8;
    assert_int_equal(save(bench, &FULL, &next), STATUS_OK);
    assert_int_equal(save_as(bench, &bench->theirs, &FULL, &next), STATUS_CONFLICT);
    assert_int_equal(load(bench).version, 8);
}

static const struct {
    const char *name;
    const char *const *pairs;
    enum compliance compliance;
    size_t corrections;
} ODD[] = {
    {"nothing but its key", PAIRS("sk", "STATE"), COMPLIANCE_UNKNOWN, 0},
    {"words nobody knows",
     PAIRS("sk", "STATE", "compliance", "fine", "mode", "lax", "grade", "ABC", "version", "x"),
     COMPLIANCE_UNKNOWN, 0},
    {"times that are none", PAIRS("sk", "STATE", "factsTime", "soon", "nonCompliantSince", "12"),
     COMPLIANCE_UNKNOWN, 0},
    {"odd corrections",
     PAIRS("sk", "STATE", "compliance", "COMPLIANT", "corrections", ",,x,2026-11-23T07:59:00Z,"),
     COMPLIANT, 1},
    {"numbers beyond all bounds",
     PAIRS("sk", "STATE", "+untold", "99999999999", "+escalatedDay", "-4", "compliance",
           "COMPLIANT"),
     COMPLIANT, 0},
    {"fractions", PAIRS("sk", "STATE", "+version", "1.5", "+untold", "-1"), COMPLIANCE_UNKNOWN, 0},
};

static void malformed_item_is_read_as_far_as_possible_and_replaced(void **state) {
    struct bench *bench = *state;
    for (size_t i = 0; i < COUNT(ODD); i++) {
        bench->table->count = 0;
        (void)table_plant(bench->table, LB, ODD[i].pairs);
        struct lb_state loaded = load(bench);
        struct lb_state next = loaded;
        next.version = loaded.version + 1;
        next.compliance = COMPLIANT;
        bool is_good = loaded.exists && loaded.compliance == ODD[i].compliance &&
                       loaded.correction_count == ODD[i].corrections && loaded.due_alerts == 0 &&
                       loaded.mode == MODE_UNKNOWN && loaded.facts_ms == 0 &&
                       loaded.since_ms == 0 && save(bench, &loaded, &next) == STATUS_OK &&
                       load(bench).version == next.version;
        if (!is_good) {
            fail_msg("%s", ODD[i].name);
        }
    }
}

/* A number that the program never wrote is added to nothing. */
static void a_state_with_an_impossible_version_is_replaced(void **state) {
    static const char *const VERSIONS[] = {"9223372036854775807", "-9223372036854775808", "1E+300",
                                           "0.5", "1125899906842625"};
    struct bench *bench = *state;
    for (size_t i = 0; i < COUNT(VERSIONS); i++) {
        bench->table->count = 0;
        (void)table_plant(bench->table, LB,
                          PAIRS("sk", "STATE", "+version", VERSIONS[i], "+untold", VERSIONS[i]));
        struct lb_state loaded = load(bench);
        struct lb_state next = loaded;
        next.version++;
        if (loaded.due_alerts != 0 || save(bench, &loaded, &next) != STATUS_OK ||
            load(bench).version != 0) {
            fail_msg("version %s", VERSIONS[i]);
        }
    }
}

static void more_corrections_than_are_remembered_are_cut(void **state) {
    struct bench *bench = *state;
    struct buf text;
    buf_init(&text, &bench->aws.arena, 4096);
    for (int i = 0; i < CORRECTIONS_MAX + 9; i++) {
        buf_append(&text, STR("2026-11-23T07:59:00Z,"));
    }
    (void)table_plant(
        bench->table, LB,
        PAIRS("sk", "STATE", "corrections", str_to_cstr(&bench->aws.arena, buf_str(&text))));
    assert_int_equal(load(bench).correction_count, CORRECTIONS_MAX);
}

/* ---- events ---- */

static enum status claim(struct bench *bench, const struct state_table *who, int64_t now_ms) {
    struct event_claim event = {
        .event_id = STR("event-1"), .lease_ms = now_ms + MINUTE, .now_ms = now_ms};
    enum status status = state_claim_event(who, LB, &event, &bench->aws.arena, &bench->aws.error);
    bench->was_begun = event.was_begun;
    return status;
}

static enum status finish(struct bench *bench) {
    return state_finish_event(&bench->ours, LB, STR("event-1"), &bench->aws.arena,
                              &bench->aws.error);
}

static void event_is_claimed_by_one_sandbox_until_the_claim_expires(void **state) {
    struct bench *bench = *state;
    assert_int_equal(claim(bench, &bench->ours, NOW), STATUS_OK);
    assert_int_equal(claim(bench, &bench->theirs, NOW + 1), STATUS_CONFLICT);
    assert_int_equal(claim(bench, &bench->theirs, NOW + MINUTE), STATUS_CONFLICT);
    assert_int_equal(claim(bench, &bench->theirs, NOW + MINUTE + 1), STATUS_OK);
    assert_int_equal(claim(bench, &bench->ours, NOW + MINUTE + 2), STATUS_CONFLICT);
}

static void retry_of_the_same_invocation_keeps_its_claim(void **state) {
    struct bench *bench = *state;
    assert_int_equal(claim(bench, &bench->ours, NOW), STATUS_OK);
    assert_false(bench->was_begun);
    assert_int_equal(claim(bench, &bench->ours, NOW + 1), STATUS_OK);
    assert_true(bench->was_begun);
}

static void finished_event_cannot_be_claimed_again(void **state) {
    struct bench *bench = *state;
    assert_int_equal(claim(bench, &bench->ours, NOW), STATUS_OK);
    assert_int_equal(finish(bench), STATUS_OK);
    assert_int_equal(claim(bench, &bench->ours, NOW + 1), STATUS_CONFLICT);
    assert_int_equal(claim(bench, &bench->theirs, NOW + 10 * MINUTE), STATUS_CONFLICT);
}

static str seen(struct bench *bench, const char *attribute) {
    return table_text(table_first(bench->table, LB, "SEEN#event-1"), attribute);
}

/* Our invocation took longer than its lease, and another copy is at it. */
static void claim_of_another_sandbox_is_not_finished(void **state) {
    struct bench *bench = *state;
    assert_int_equal(claim(bench, &bench->ours, NOW), STATUS_OK);
    assert_int_equal(claim(bench, &bench->theirs, NOW + MINUTE + 1), STATUS_OK);
    assert_int_equal(finish(bench), STATUS_OK);
    assert_str(seen(bench, "status"), "started");
    assert_str(seen(bench, "writer"), "request-2");
}

static void finishing_an_event_without_its_claim_writes_no_item(void **state) {
    struct bench *bench = *state;
    assert_int_equal(finish(bench), STATUS_OK);
    assert_int_equal(bench->table->count, 0);
}

static void a_seen_event_expires_after_two_days(void **state) {
    struct bench *bench = *state;
    assert_int_equal(claim(bench, &bench->ours, NOW), STATUS_OK);
    const struct table_item *item = table_first(bench->table, LB, "SEEN#event-1");
    str expires = str_format(&bench->aws.arena, "%lld", (long long)(NOW / 1000 + 2 * 86400));
    assert_true(str_eq(table_text(item, "expires_at"), expires));
}

/* ---- incidents, changes, re-evaluation ---- */

static enum status record(struct bench *bench, const struct lb_state *before,
                          const struct transition_records *records) {
    struct transition transition = {.next = FULL, .records = *records};
    transition.next.version = before->version + 1;
    return state_save(&bench->ours, LB, before, &transition, &bench->aws.arena, &bench->aws.error);
}

static void an_incident_is_opened_once_and_closed_once(void **state) {
    struct bench *bench = *state;
    const struct lb_state nothing = {0};
    const struct transition_records opened = {.open_ms = NOW};
    assert_int_equal(record(bench, &nothing, &opened), STATUS_OK);
    assert_int_equal(record(bench, &nothing, &opened), STATUS_CONFLICT); /* a slower copy */
    for (int64_t i = 1; i <= 2; i++) {
        struct lb_state loaded = load(bench);
        const struct transition_records closed = {.close_ms = NOW, .closed_ms = NOW + i * MINUTE};
        assert_int_equal(record(bench, &loaded, &closed), STATUS_OK);
    }
    const struct table_item *item = table_first(bench->table, LB, "INCIDENT#");
    assert_int_equal(table_count(bench->table, LB, "INCIDENT#"), 1);
    assert_str(table_text(item, "sk"), "INCIDENT#2026-11-23T08:00:00.000Z");
    assert_str(table_text(item, "owner"), "shop \"team\"");
    assert_str(table_text(item, "closedAt"), "2026-11-23T08:01:00.000Z");
}

/* An operator has deleted it, or it was opened and closed by the same write. */
static void incident_missing_from_the_table_is_still_closed(void **state) {
    struct bench *bench = *state;
    static const struct transition_records ROWS[] = {
        {.close_ms = NOW, .closed_ms = NOW + MINUTE},
        {.open_ms = NOW, .close_ms = NOW, .closed_ms = NOW + MINUTE},
    };
    const struct lb_state nothing = {0};
    for (size_t i = 0; i < COUNT(ROWS); i++) {
        bench->table->count = 0;
        assert_int_equal(record(bench, &nothing, &ROWS[i]), STATUS_OK);
        const struct table_item *item = table_first(bench->table, LB, "INCIDENT#");
        assert_str(table_text(item, "openedAt"), "2026-11-23T08:00:00.000Z");
        assert_str(table_text(item, "closedAt"), "2026-11-23T08:01:00.000Z");
    }
}

static void records_are_written_with_their_state_or_not_at_all(void **state) {
    struct bench *bench = *state;
    const struct lb_state nothing = {0};
    const struct transition_records all = {
        .open_ms = NOW, .close_ms = NOW, .closed_ms = NOW + 1, .change = FULL.intent};
    assert_int_equal(save(bench, &nothing, &FULL), STATUS_OK);
    assert_int_equal(record(bench, &nothing, &all), STATUS_CONFLICT);
    assert_int_equal(bench->table->count, 1);
    assert_int_equal(record(bench, &FULL, &all), STATUS_OK);
    assert_int_equal(bench->table->count, 4); /* with the watch over the change */
    assert_int_equal(load(bench).version, FULL.version + 1);
}

static void half_written_items_of_version_0_1_0_load_normally(void **state) {
    struct bench *bench = *state;
    (void)table_plant(bench->table, LB,
                      PAIRS("sk", "STATE", "+version", "4", "compliance", "COMPLIANT",
                            "pendingOpen", "2026-11-23T08:00:00.000Z", "pendingClose",
                            "2026-11-23T08:00:00.000Z", "pendingClosedAt",
                            "2026-11-23T08:01:00.000Z", "pendingChange",
                            "2026-11-23T08:00:00.000Z monitor defensive - - -"));
    struct lb_state loaded = load(bench);
    struct lb_state next = loaded;
    assert_int_equal(loaded.version, 4);
    assert_int_equal(loaded.compliance, COMPLIANT);
    assert_int_equal(loaded.since_ms, 0);
    next.version++;
    assert_int_equal(save(bench, &loaded, &next), STATUS_OK);
    const struct table_item *item = table_first(bench->table, LB, "STATE");
    assert_str(table_text(item, "pendingOpen"), "");
    assert_str(table_text(item, "pendingChange"), "");
    assert_int_equal(bench->table->count, 1);
}

static void change_record_names_the_previous_writer(void **state) {
    struct bench *bench = *state;
    const struct transition_records rows[] = {
        {.change = {.at_ms = NOW,
                    .from = MODE_MONITOR,
                    .to = MODE_DEFENSIVE,
                    .writer = {STR("arn:aws:iam::1:role/x"), STR("Terraform"), STR_EMPTY}}},
        {.change = {.at_ms = NOW + 1, .from = MODE_MONITOR, .to = MODE_DEFENSIVE}},
    };
    struct writer writer = {STR("left over"), STR_EMPTY, STR_EMPTY};
    assert_int_equal(state_last_writer(&bench->ours, LB, &bench->aws.arena, &writer, NULL),
                     STATUS_OK);
    assert_true(str_is_empty(writer.arn));
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct lb_state loaded = load(bench);
        assert_int_equal(record(bench, &loaded, &rows[i]), STATUS_OK);
    }
    assert_int_equal(table_count(bench->table, LB, "CHANGE#"), 2);
    const struct table_item *item = table_first(bench->table, LB, "CHANGE#");
    assert_str(table_text(item, "before"), "monitor");
    assert_str(table_text(item, "after"), "defensive");
    assert_str(table_text(item, "lastWriterInvokedBy"), "none");
    assert_int_equal(state_last_writer(&bench->ours, LB, &bench->aws.arena, &writer, NULL),
                     STATUS_OK);
    assert_str(writer.arn, "arn:aws:iam::1:role/x");
    assert_str(writer.user_agent, "Terraform");
    assert_str(writer.invoked_by, "");
}

static void one_sandbox_a_minute_may_start_a_reevaluation(void **state) {
    struct bench *bench = *state;
    static const struct {
        int64_t after_ms;
        enum status status;
    } rows[] = {{0, STATUS_OK},
                {1, STATUS_CONFLICT},
                {60000, STATUS_CONFLICT},
                {60001, STATUS_OK},
                {60002, STATUS_CONFLICT}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct state_table *who = i % 3 == 0 ? &bench->ours : &bench->theirs;
        const struct reevaluation_claim claim = {STR("rule"), NOW + rows[i].after_ms, 60000};
        assert_int_equal(state_claim_reevaluation(who, &claim, &bench->aws.arena, NULL),
                         rows[i].status);
    }
    /* What AWS Config did not take is asked for again by the same invocation, repeated. */
    const struct reevaluation_claim again[] = {{STR("rule"), NOW + 60003, 60000},
                                               {STR("other"), NOW, 60000}};
    for (size_t i = 0; i < COUNT(again); i++) {
        assert_int_equal(state_claim_reevaluation(&bench->ours, &again[i], &bench->aws.arena, NULL),
                         STATUS_OK);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(state_survives_the_table, begin, end),
        cmocka_unit_test_setup_teardown(missing_item_loads_as_an_empty_state, begin, end),
        cmocka_unit_test_setup_teardown(times_are_iso_8601_and_text_of_the_contract, begin, end),
        cmocka_unit_test_setup_teardown(a_state_is_saved_only_over_what_was_loaded, begin, end),
        cmocka_unit_test_setup_teardown(malformed_item_is_read_as_far_as_possible_and_replaced,
                                        begin, end),
        cmocka_unit_test_setup_teardown(a_state_with_an_impossible_version_is_replaced, begin, end),
        cmocka_unit_test_setup_teardown(more_corrections_than_are_remembered_are_cut, begin, end),
        cmocka_unit_test_setup_teardown(event_is_claimed_by_one_sandbox_until_the_claim_expires,
                                        begin, end),
        cmocka_unit_test_setup_teardown(retry_of_the_same_invocation_keeps_its_claim, begin, end),
        cmocka_unit_test_setup_teardown(finished_event_cannot_be_claimed_again, begin, end),
        cmocka_unit_test_setup_teardown(claim_of_another_sandbox_is_not_finished, begin, end),
        cmocka_unit_test_setup_teardown(finishing_an_event_without_its_claim_writes_no_item, begin,
                                        end),
        cmocka_unit_test_setup_teardown(a_seen_event_expires_after_two_days, begin, end),
        cmocka_unit_test_setup_teardown(an_incident_is_opened_once_and_closed_once, begin, end),
        cmocka_unit_test_setup_teardown(incident_missing_from_the_table_is_still_closed, begin,
                                        end),
        cmocka_unit_test_setup_teardown(records_are_written_with_their_state_or_not_at_all, begin,
                                        end),
        cmocka_unit_test_setup_teardown(half_written_items_of_version_0_1_0_load_normally, begin,
                                        end),
        cmocka_unit_test_setup_teardown(change_record_names_the_previous_writer, begin, end),
        cmocka_unit_test_setup_teardown(one_sandbox_a_minute_may_start_a_reevaluation, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
