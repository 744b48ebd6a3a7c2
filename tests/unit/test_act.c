/* SPDX-License-Identifier: Apache-2.0
 *
 * From a call that weakens a mode to the mode raised, and everything that must keep it from being.
 */
#include "loop_world.h"

#define COUNT(array)   (sizeof(array) / sizeof((array)[0]))
#define VARIABLES(...) ((const char *const[]){__VA_ARGS__, NULL})
#define INNOCENT       "arn:aws:iam::111122223333:user/innocent"
#define OURS           "arn:aws:iam::111122223333:role/ours"
#define WEAK_INDEX     1 /* the world's second load balancer is in monitor */

static struct loop loop;
static struct region_member *weak;
static str weak_arn;

static void begin(const char *const *variables) {
    loop_begin(&loop, variables, 3);
    weak = &loop.region->members[WEAK_INDEX];
    weak_arn = weak->arn;
}

static int end(void **state) {
    (void)state;
    loop_end(&loop);
    return 0;
}

static str weakened(const char *id) {
    const struct loop_call call = {.id = id};
    return loop_event(&loop, &call, weak_arn);
}

static void handle(str event, const char *request_id) {
    loop_handle(&loop.copies[0], event, request_id);
}

static void weakened_mode_is_raised_alerted_and_recorded(void **state) {
    (void)state;
    begin(VARIABLES(LOOP_ALL));
    handle(weakened("e1"), "r1");
    loop_succeeded(&loop.copies[0]);
    static const char *const BEFORE[] = {
        "DynamoDB_20120810.PutItem", ASKS_ATTRIBUTES, ASKS_TAGS, "DynamoDB_20120810.UpdateItem",
        "DynamoDB_20120810.Query",   "BUDGET#",       "BUDGET#"};
    for (size_t i = 0; i < COUNT(BEFORE); i++) {
        assert_true(fake_matches(&loop.fake, &loop.fake.requests[i].http, BEFORE[i]));
    }
    assert_true(fake_matches(&loop.fake, &loop.fake.requests[COUNT(BEFORE)].http, ASKS_MODIFY));
    assert_string_equal(weak->mode, "defensive");
    assert_true(loop_says(&loop.copies[0], "\"action\":\"enforce\",\"status\":\"done\""));
    assert_true(loop_says(&loop.copies[0], "\"compliance\":\"COMPLIANT\""));
    assert_int_equal(loop.message_count, 1);
    assert_int_equal(loop_alert_count(&loop, "Mode raised"), 1);
    assert_int_equal(loop.start_count, 1);
}

static void table_records_every_step_of_a_correction(void **state) {
    (void)state;
    begin(VARIABLES(LOOP_ALL));
    int64_t event_ms = FAKE_NOW_MS - 90000;
    handle(weakened("e1"), "r1");
    const struct table_item *incident = table_first(loop.table, weak_arn, "INCIDENT#");
    const struct table_item *change = table_first(loop.table, weak_arn, "CHANGE#");
    const struct table_item *item = table_first(loop.table, weak_arn, "STATE");
    const struct table_item *seen = table_first(loop.table, weak_arn, "SEEN#e1");
    str opened = time_format_iso8601(&loop.fake.arena, event_ms);
    assert_true(str_eq(table_text(incident, "openedAt"), opened));
    assert_false(str_is_empty(table_text(incident, "closedAt")));
    assert_str(table_text(change, "before"), "monitor");
    assert_str(table_text(change, "after"), "defensive");
    assert_str(table_text(change, "lastWriter"), LOOP_WRITER);
    assert_str(table_text(change, "lastWriterUserAgent"), "Terraform/1.9");
    assert_str(table_text(item, "compliance"), "COMPLIANT");
    assert_str(table_text(item, "mode"), "defensive");
    assert_str(table_text(item, "pendingOpen"), "");
    assert_str(table_text(seen, "status"), "done");
    assert_int_equal(table_count(loop.table, weak_arn, ""), 4);
}

static void duplicate_event_costs_one_refused_write(void **state) {
    (void)state;
    begin(VARIABLES(LOOP_ALL));
    handle(weakened("e1"), "r1");
    size_t calls = loop.fake.request_count;
    size_t writes = loop.table->writes;
    loop_handle(&loop.copies[1], weakened("e1"), "r2");
    loop_succeeded(&loop.copies[1]);
    assert_int_equal(loop.fake.request_count, calls + 1);
    assert_int_equal(loop.table->writes, writes);
    assert_int_equal(loop.table->refused, 1);
    assert_int_equal(loop_logged(&loop, "duplicate"), 1);
}

static void event_of_our_own_change_does_nothing(void **state) {
    (void)state;
    begin(VARIABLES(LOOP_ALL));
    handle(weakened("e1"), "r1");
    str before = table_text(table_first(loop.table, weak_arn, "STATE"), "version");
    const struct loop_call own = {.id = "e2", .user_agent = "desync-guard/0.1.0"};
    handle(loop_event(&loop, &own, weak_arn), "r2");
    loop_succeeded(&loop.copies[0]);
    assert_true(loop_says(&loop.copies[0], "\"actions\":[]"));
    assert_int_equal(loop.modify_count, 1);
    assert_int_equal(loop.message_count, 1);
    assert_int_equal(loop.start_count, 1);
    assert_int_equal(table_count(loop.table, weak_arn, "CHANGE#"), 1);
    str after = table_text(table_first(loop.table, weak_arn, "STATE"), "version");
    assert_true(str_eq(before, after));
}

static const struct {
    const char *name;
    const char *const *variables;
    const char *mode;
    const char *tags;
    const char *left_at;
    const char *says; /* of the actions */
} ROWS[] = {
    {"off", VARIABLES("STATE_TABLE", "ledger"), "monitor", NULL, "monitor", "\"actions\":[]"},
    {"plan", VARIABLES("ENFORCEMENT", "plan", "STATE_TABLE", "ledger"), "monitor", NULL, "monitor",
     "\"enforce\",\"status\":\"planned\",\"from\":\"monitor\",\"to\":\"defensive\""},
    {"enforce", VARIABLES(LOOP_ALL), "monitor", NULL, "defensive", "\"status\":\"done\""},
    {"a5 enforce without a table", VARIABLES("ENFORCEMENT", "enforce"), "monitor", NULL, "monitor",
     "\"enforce\",\"status\":\"planned\",\"from\":\"monitor\",\"to\":\"defensive\",\"reason\":"
     "\"the mode is weaker than required, but STATE_TABLE is not set, and without a table nothing "
     "is changed\""},
    {"strictest is required of monitor", VARIABLES(LOOP_ALL, "DESYNC_MODE", "strictest"), "monitor",
     NULL, "defensive", "\"status\":\"done\",\"from\":\"monitor\",\"to\":\"defensive\""},
    {"strictest is required of defensive", VARIABLES(LOOP_ALL, "DESYNC_MODE", "strictest"),
     "defensive", NULL, "defensive",
     "\"enforce\",\"status\":\"skipped\",\"from\":\"defensive\",\"to\":\"strictest\""},
    {"stricter than required", VARIABLES(LOOP_ALL), "strictest", NULL, "strictest", "\"mode\""},
    {"excused", VARIABLES(LOOP_ALL), "monitor",
     "<member><Key>desync-exception-until</Key><Value>2026-12-20</Value></member>"
     "<member><Key>desync-exception-reason</Key><Value>old client</Value></member>"
     "<member><Key>desync-exception-approver</Key><Value>jane</Value></member>",
     "monitor", "\"compliance\":\"COMPLIANT\""},
    {"excused until yesterday", VARIABLES(LOOP_ALL), "monitor",
     "<member><Key>desync-exception-until</Key><Value>2026-11-22</Value></member>"
     "<member><Key>desync-exception-reason</Key><Value>old client</Value></member>"
     "<member><Key>desync-exception-approver</Key><Value>jane</Value></member>",
     "defensive", "\"status\":\"done\""},
    {"no change a run", VARIABLES(LOOP_ALL, "MAX_CHANGES_PER_RUN", "0"), "monitor", NULL, "monitor",
     "MAX_CHANGES_PER_RUN is reached"},
};

static void each_setting_leads_to_its_mode(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(ROWS); i++) {
        begin(ROWS[i].variables);
        weak->mode = ROWS[i].mode;
        weak->tags = ROWS[i].tags;
        handle(weakened("e1"), "r1");
        if (loop.copies[0].reply.is_error || strcmp(weak->mode, ROWS[i].left_at) != 0 ||
            !loop_says(&loop.copies[0], ROWS[i].says)) {
            fail_msg("%s: %s, %.*s%.*s", ROWS[i].name, weak->mode,
                     STR_ARG(loop.copies[0].reply.error_message),
                     STR_ARG(loop.copies[0].reply.body));
        }
        loop_end(&loop);
    }
    begin(VARIABLES(LOOP_ALL));
}

static void an_unknown_mode_is_not_acted_on(void **state) {
    (void)state;
    static const char *const MODES[] = {NULL, "lax"};
    for (size_t i = 0; i < COUNT(MODES); i++) {
        begin(VARIABLES(LOOP_ALL));
        weak->mode = MODES[i];
        handle(weakened("e1"), "r1");
        assert_str(loop.copies[0].reply.error_type, "Function.VerdictUnknown");
        assert_int_equal(loop.modify_count, 0);
        assert_int_equal(loop.message_count, 0);
        assert_int_equal(table_count(loop.table, weak_arn, "STATE"), 0);
        loop_end(&loop);
    }
    begin(VARIABLES(LOOP_ALL));
}

static void run_stops_at_its_change_limit_and_plans_the_rest(void **state) {
    (void)state;
    begin(VARIABLES(LOOP_ALL, "MAX_CHANGES_PER_RUN", "2"));
    const struct loop_call call = {.name = "AddTags", .id = "e1"};
    struct buf arns;
    buf_init(&arns, &loop.fake.arena, 4096);
    buf_append(&arns, STR("\"requestParameters\":{\"resourceArns\":["));
    for (size_t i = 0; i < 3; i++) {
        loop.region->members[i].mode = "monitor";
        buf_printf(&arns, "%s\"%" STR_FMT "\"", i == 0 ? "" : ",",
                   STR_ARG(loop.region->members[i].arn));
    }
    buf_append(&arns, STR("]}"));
    handle(loop_event_of(&loop, &call, buf_str(&arns)), "r1");
    loop_succeeded(&loop.copies[0]);
    assert_int_equal(loop.modify_count, 2);
    assert_string_equal(loop.region->members[2].mode, "monitor");
    assert_true(loop_says(&loop.copies[0], "MAX_CHANGES_PER_RUN is reached"));
    assert_int_equal(loop_open_incidents(&loop), 1);
}

static void the_fourth_correction_in_a_day_is_not_made(void **state) {
    (void)state;
    static const char *const IDS[] = {"e1", "e2", "e3", "e4", "e5"};
    begin(VARIABLES(LOOP_ALL));
    for (size_t i = 0; i < 4; i++) {
        weak->mode = "monitor";
        loop.fake.now_ms += 3600000;
        handle(weakened(IDS[i]), IDS[i]);
        loop_succeeded(&loop.copies[0]);
    }
    assert_int_equal(loop.modify_count, 3);
    assert_string_equal(weak->mode, "monitor");
    assert_int_equal(loop_alert_count(&loop, "Mode raised"), 3);
    assert_int_equal(loop_alert_count(&loop, "Changed back 3 times"), 1);
    assert_int_equal(table_count(loop.table, weak_arn, "INCIDENT#"), 4);
    assert_int_equal(loop_open_incidents(&loop), 1);
    /* A day after the first, one is made again. */
    loop.fake.now_ms += 22 * 3600000;
    handle(weakened(IDS[4]), IDS[4]);
    assert_string_equal(weak->mode, "defensive");
}

static void fight_alert_names_the_last_writer(void **state) {
    (void)state;
    static const struct {
        struct loop_call call;
        const char *named;
    } rows[] = {
        {{.id = "e2", .writer = "arn:aws:iam::111122223333:role/second"}, "role/second"},
        {{.id = "e2",
          .user_agent = "desync-guard/0.1.0",
          .writer = "arn:aws:iam::111122223333:user/masked"},
         "user/masked"},
        {{.id = "e2", .user_agent = "desync-guard/0.1.0", .writer = OURS, .mode = "defensive"},
         LOOP_WRITER}, /* our own, late */
        {{.id = "e2", .name = "AddTags", .writer = INNOCENT, .mode = ""}, LOOP_WRITER},
        {{.id = "e2", .writer = INNOCENT, .mode = ""}, LOOP_WRITER}, /* the idle timeout */
        {{.id = "e2", .writer = INNOCENT, .mode = "strictest"}, LOOP_WRITER},
        {{.id = "e2", .name = "CreateLoadBalancer", .writer = INNOCENT, .mode = ""}, LOOP_WRITER},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        begin(VARIABLES(LOOP_ALL, "FIGHT_LIMIT", "1"));
        handle(weakened("e1"), "r1");
        weak->mode = "monitor";
        loop.fake.now_ms += 3600000;
        handle(loop_event(&loop, &rows[i].call, weak_arn), "r2");
        loop_succeeded(&loop.copies[0]);
        assert_int_equal(loop_alert_count(&loop, "Changed back"), 1);
        for (size_t n = 0; n < loop.message_count; n++) {
            str text = loop.messages[n].text;
            if (str_contains(loop.messages[n].subject, STR("Changed back")) &&
                (!str_contains(text, str_from_cstr(rows[i].named)) ||
                 str_contains(text, STR(INNOCENT)) || str_contains(text, STR(OURS)))) {
                fail_msg("row %zu: %.*s", i, STR_ARG(text));
            }
        }
        loop_end(&loop);
    }
    begin(VARIABLES(LOOP_ALL));
}

static void lost_answer_to_a_change_is_followed_by_a_read(void **state) {
    (void)state;
    begin(VARIABLES(LOOP_ALL));
    loop.fault = (struct loop_fault){.nth = 1,
                                     .is_lasting = true,
                                     .is_after = true,
                                     .match = ASKS_MODIFY,
                                     .answer = {.status = STATUS_CONNECTION}};
    handle(weakened("e1"), "r1");
    loop_succeeded(&loop.copies[0]);
    assert_int_equal(table_count(loop.table, weak_arn, "CHANGE#"), 1);
    assert_int_equal(loop_alert_count(&loop, "Mode raised"), 1);
}

static void let_the_other_work(struct loop *world) {
    loop_handle(&world->copies[1], weakened("e2"), "r2");
}

static void correction_by_another_sandbox_is_not_repeated(void **state) {
    (void)state;
    begin(VARIABLES(LOOP_ALL));
    loop.meanwhile = let_the_other_work;
    loop.meanwhile_match = "DynamoDB_20120810.UpdateItem";
    loop.meanwhile_nth = 1;
    handle(weakened("e1"), "r1");
    loop_succeeded(&loop.copies[0]);
    assert_int_equal(loop.modify_count, 1);
    assert_int_equal(loop.message_count, 1);
}

/* The answer to the change need not name every attribute. */
static void attributes_missing_from_the_modify_answer_stay_known(void **state) {
    (void)state;
    begin(VARIABLES(LOOP_ALL, "DROP_INVALID_HEADERS", "require"));
    weak->drops_headers = true;
    handle(weakened("e1"), "r1");
    loop_succeeded(&loop.copies[0]);
    assert_true(loop_says(&loop.copies[0], "\"compliance\":\"COMPLIANT\""));
    assert_int_equal(table_count(loop.table, weak_arn, "CHANGE#"), 1);
}

static void vanish(struct loop *world) {
    (void)world;
    weak->is_gone = true;
}

static void load_balancer_deleted_before_the_change_is_no_failure(void **state) {
    (void)state;
    begin(VARIABLES(LOOP_ALL));
    loop.meanwhile = vanish;
    loop.meanwhile_match = ASKS_MODIFY;
    loop.meanwhile_nth = 1;
    handle(weakened("e1"), "r1");
    loop_succeeded(&loop.copies[0]);
    assert_true(loop_says(&loop.copies[0], "\"compliance\":\"NOT_APPLICABLE\""));
    assert_int_equal(loop.message_count, 0);
}

static void come_into_being(struct loop *world) {
    (void)world;
    weak->is_gone = false;
}

static void new_load_balancer_that_is_not_found_is_read_again(void **state) {
    (void)state;
    begin(VARIABLES(LOOP_ALL));
    const struct loop_call call = {.name = "CreateLoadBalancer", .id = "e1"};
    weak->is_gone = true;
    loop.meanwhile = come_into_being;
    loop.meanwhile_match = ASKS_ATTRIBUTES;
    loop.meanwhile_nth = 3;
    handle(loop_event(&loop, &call, weak_arn), "r1");
    loop_succeeded(&loop.copies[0]);
    assert_string_equal(weak->mode, "defensive");
    assert_int_equal(loop.fake.slept_ms, 500 + 1000);
}

static void load_balancer_that_never_appears_is_given_up_before_the_deadline(void **state) {
    (void)state;
    begin(VARIABLES(LOOP_ALL));
    const struct loop_call call = {.name = "CreateLoadBalancer", .id = "e1"};
    weak->is_gone = true;
    handle(loop_event(&loop, &call, weak_arn), "r1");
    assert_in_range(loop.fake.now_ms - FAKE_NOW_MS, 10000, LOOP_TIME_MS * 3 / 4);
    assert_int_equal(loop.message_count, 0);
}

static void deleted_load_balancer_closes_its_incident_after_one_read(void **state) {
    (void)state;
    begin(VARIABLES("STATE_TABLE", "ledger", "ALERT_TOPIC_ARN", LOOP_TOPIC));
    handle(weakened("e1"), "r1");
    assert_int_equal(loop_open_incidents(&loop), 1);
    size_t reads = fake_requests_with(&loop.fake, ASKS_ATTRIBUTES);
    const struct loop_call call = {.name = "DeleteLoadBalancer", .id = "e2"};
    loop.fake.now_ms += 1000;
    weak->is_gone = true;
    handle(loop_event(&loop, &call, weak_arn), "r2");
    loop_succeeded(&loop.copies[0]);
    assert_int_equal(loop_open_incidents(&loop), 0);
    assert_int_equal(table_count(loop.table, weak_arn, "INCIDENT#"), 1);
    assert_int_equal(fake_requests_with(&loop.fake, ASKS_ATTRIBUTES), reads + 1);
    assert_int_equal(loop_alert_count(&loop, "Resolved"), 1);
}

static void failed_deletion_closes_no_incident(void **state) {
    (void)state;
    begin(VARIABLES("STATE_TABLE", "ledger", "ALERT_TOPIC_ARN", LOOP_TOPIC));
    handle(weakened("e1"), "r1");
    const struct loop_call call = {.name = "DeleteLoadBalancer", .id = "e2"};
    loop.fake.now_ms += 1000;
    handle(loop_event(&loop, &call, weak_arn), "r2");
    loop_succeeded(&loop.copies[0]);
    assert_int_equal(loop_open_incidents(&loop), 1);
    assert_int_equal(loop_alert_count(&loop, "Resolved"), 0);
}

static void a5_without_a_table_what_depends_on_it_is_off_and_logged_once(void **state) {
    (void)state;
    begin(VARIABLES("ENFORCEMENT", "enforce", "ALERT_TOPIC_ARN", LOOP_TOPIC, "CONFIG_RULE_NAME",
                    LOOP_RULE, "SECURITY_HUB", "on"));
    handle(weakened("e1"), "r1");
    handle(weakened("e2"), "r2");
    /* Two copies of the program have started. */
    assert_int_equal(loop_logged(&loop, "reason=\"STATE_TABLE is not set\""), 2 * 4);
    assert_int_equal(loop_logged(&loop, "enforcement: it acts as plan"), 2);
    assert_string_equal(weak->mode, "monitor");
    assert_int_equal(loop.message_count, 0);
    assert_int_equal(fake_requests_with(&loop.fake, "DynamoDB"), 0);
    loop_end(&loop);
    begin(VARIABLES(LOOP_ALL));
    handle(weakened("e1"), "r1");
    assert_int_equal(loop_logged(&loop, "STATE_TABLE is not set"), 0);
}

static void ignored_api_call_only_writes_a_log_line(void **state) {
    (void)state;
    begin(VARIABLES(LOOP_ALL, "CROSS_ACCOUNT_ROLE", "reader", "ALLOWED_ACCOUNTS", "999999999999"));
    const struct loop_call call = {.name = "SetSubnets", .id = "e1"};
    handle(loop_event(&loop, &call, weak_arn), "r1");
    loop_succeeded(&loop.copies[0]);
    assert_int_equal(loop.fake.request_count, 0);
    assert_int_equal(loop_logged(&loop, "SetSubnets changes neither mode nor tags"), 1);
}

int main(void) {
#define TEST(name) cmocka_unit_test_teardown(name, end)
    const struct CMUnitTest tests[] = {
        TEST(weakened_mode_is_raised_alerted_and_recorded),
        TEST(table_records_every_step_of_a_correction),
        TEST(duplicate_event_costs_one_refused_write),
        TEST(event_of_our_own_change_does_nothing),
        TEST(each_setting_leads_to_its_mode),
        TEST(an_unknown_mode_is_not_acted_on),
        TEST(run_stops_at_its_change_limit_and_plans_the_rest),
        TEST(the_fourth_correction_in_a_day_is_not_made),
        TEST(fight_alert_names_the_last_writer),
        TEST(lost_answer_to_a_change_is_followed_by_a_read),
        TEST(correction_by_another_sandbox_is_not_repeated),
        TEST(attributes_missing_from_the_modify_answer_stay_known),
        TEST(load_balancer_deleted_before_the_change_is_no_failure),
        TEST(new_load_balancer_that_is_not_found_is_read_again),
        TEST(load_balancer_that_never_appears_is_given_up_before_the_deadline),
        TEST(deleted_load_balancer_closes_its_incident_after_one_read),
        TEST(failed_deletion_closes_no_incident),
        TEST(a5_without_a_table_what_depends_on_it_is_off_and_logged_once),
        TEST(ignored_api_call_only_writes_a_log_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
