/* SPDX-License-Identifier: Apache-2.0 */
#include "judging.h"

#include "report/render.h"

struct sample {
    const struct evaluation *evaluations;
    size_t evaluation_count;
    size_t reported;
    size_t failed;
    const struct action *actions;
    size_t action_count;
};

static void write(struct buf *out, const struct sample *sample) {
    struct response response;
    response_begin(&response, out);
    for (size_t i = 0; i < sample->evaluation_count; i++) {
        response_add(&response, &arena, &sample->evaluations[i]);
    }
    const struct response_totals totals = {sample->reported, sample->failed, sample->actions,
                                           sample->action_count};
    response_end(&response, &totals);
}

static str render(const struct sample *sample) {
    struct buf out;
    buf_init(&out, &arena, 1 << 20);
    write(&out, sample);
    assert_int_equal(buf_status(&out), STATUS_OK);
    return buf_str(&out);
}

static const struct json *parse(str text) {
    const struct json *root;
    struct json_problem problem;
    if (json_parse(&arena, text, &JSON_LIMITS_DEFAULT, &root, &problem) != STATUS_OK) {
        fail_msg("%s at %zu: %s", problem.what, problem.position, str_to_cstr(&arena, text));
    }
    return root;
}

static void assert_member(const struct json *object, const char *key, const char *expected) {
    assert_true(json_is_string(json_get(object, key)));
    assert_str(json_get_string(object, key), expected);
}

static void response_without_anything_has_all_members(void **state) {
    (void)state;
    struct sample response = {0};
    assert_str(render(&response),
               "{\"evaluations\":[],\"reported\":0,\"failed\":0,\"actions\":[]}");
}

static void evaluation_has_the_contract_s_members_in_order(void **state) {
    (void)state;
    struct load_balancer facts = facts_of(MODE_MONITOR);
    struct evaluation *evaluation = evaluate(&facts, policy_with(NULL, 0));
    evaluation->ordering_ms = NOW_MS + 123;
    struct sample response = {.evaluations = evaluation, .evaluation_count = 1, .reported = 1};
    const struct json *root = parse(render(&response));
    const struct json *first = json_first(json_get(root, "evaluations"));
    static const char *const keys[] = {
        "resourceType", "resourceId", "compliance", "annotation", "orderingTimestamp", "mode",
        "requiredMode", "grade",      "owner",      "source",     "findings"};
    const struct json *member = json_first(first);
    for (size_t i = 0; i < COUNT(keys); i++) {
        assert_str(json_key(member), keys[i]);
        member = json_next(member);
    }
    assert_null(member);
    assert_member(first, "resourceType", "AWS::ElasticLoadBalancingV2::LoadBalancer");
    assert_member(first, "resourceId", ARN);
    assert_member(first, "compliance", "NON_COMPLIANT");
    assert_member(first, "orderingTimestamp", "2026-11-23T08:00:00.123Z");
    assert_member(first, "mode", "monitor");
    assert_member(first, "requiredMode", "defensive");
    assert_member(first, "grade", "F");
    assert_member(first, "owner", "team-a");
    assert_member(first, "source", "event");
    str annotation = json_get_string(first, "annotation");
    assert_true(str_eq(annotation, annotation_render(&arena, evaluation)));
    const struct json *findings = json_get(first, "findings");
    assert_int_equal(json_count(findings), 1);
    assert_int_equal(json_count(json_first(findings)), 3);
    assert_member(json_first(findings), "id", "MODE_TOO_WEAK");
    assert_member(json_first(findings), "severity", "HIGH");
    str message = evaluation->findings[0].message;
    assert_member(json_first(findings), "message", str_to_cstr(&arena, message));
}

/* "999 of 1000": plan, report and people see the same numbers. */
static void d3_the_numbers_of_an_advice_are_members(void **state) {
    (void)state;
    static const struct promotion_settings settings = {
        .requests_min = 1000, .risk_percent_max = 100, .days_min = 7};
    const struct advice advice = {.recommendation = RECOMMEND_NO_EVIDENCE,
                                  .has_numbers = true,
                                  .decided_by = CRITERION_REQUESTS,
                                  .lacks = 1U << CRITERION_REQUESTS | 1U << CRITERION_WEEKDAYS,
                                  .is_from_logs = true,
                                  .requests = 999,
                                  .unserved = 5,
                                  .days = 8,
                                  .weekdays_missing = 0x60,
                                  .clients = 12.3,
                                  .settings = &settings,
                                  .reason = STR("too little")};
    const struct evaluation evaluation = {.advice = &advice};
    const struct sample sample = {.evaluations = &evaluation, .evaluation_count = 1};
    const struct json *told =
        json_get(json_first(json_get(parse(render(&sample)), "evaluations")), "evidence");
    static const struct {
        const char *name;
        double value;
    } numbers[] = {
        {"requests", 999}, {"blocked", 0}, {"unserved", 5}, {"days", 8}, {"clients", 12}};
    for (size_t i = 0; i < COUNT(numbers); i++) {
        double value = -1;
        assert_true(json_number(json_get(told, numbers[i].name), &value));
        assert_true(value == numbers[i].value);
    }
    assert_member(told, "decidedBy", "requests");
    assert_false(json_bool(json_get(told, "mayPromote"), true));
    assert_str(json_string(json_first(json_get(told, "weekdaysMissing"))), "Saturday");
    const struct json *missing = json_get(told, "missing");
    assert_int_equal(json_count(missing), 2);
    assert_member(json_first(missing), "id", "requests");
    assert_member(json_first(missing), "text", "999 of 1000 requests (PROMOTION_MIN_REQUESTS)");
    assert_member(json_next(json_first(missing)), "id", "weekdays");
}

static void evaluation_without_facts_keeps_the_types_of_its_members(void **state) {
    (void)state;
    struct evaluation evaluation;
    evaluation_without_facts(&evaluation, STR("AWS::S3::Bucket"), STR("b"), NOT_APPLICABLE,
                             STR("another type"));
    struct sample response = {.evaluations = &evaluation, .evaluation_count = 1, .failed = 1};
    const struct json *root = parse(render(&response));
    const struct json *first = json_first(json_get(root, "evaluations"));
    assert_true(json_is_null(json_get(first, "orderingTimestamp")));
    assert_member(first, "compliance", "NOT_APPLICABLE");
    assert_member(first, "mode", "unknown");
    assert_member(first, "requiredMode", "unknown");
    assert_member(first, "grade", "-");
    assert_member(first, "owner", "");
    assert_true(json_is_array(json_get(first, "findings")));
    double failed = 0;
    assert_true(json_number(json_get(root, "failed"), &failed));
    assert_int_equal((int)failed, 1);
}

static void response_has_the_unknown_verdict_and_the_live_source(void **state) {
    (void)state;
    struct load_balancer facts = facts_of(MODE_UNKNOWN);
    facts.source = SOURCE_LIVE;
    struct evaluation *evaluation = evaluate(&facts, policy_with(NULL, 0));
    struct sample response = {.evaluations = evaluation, .evaluation_count = 1};
    const struct json *first = json_first(json_get(parse(render(&response)), "evaluations"));
    assert_member(first, "compliance", "UNKNOWN");
    assert_member(first, "source", "live");
}

static void text_from_outside_stays_valid_json(void **state) {
    (void)state;
    const struct tag tags[] = {{STR("Owner"), STR("\"quo\\ted\"\n\xFF</script>")}};
    struct load_balancer facts = facts_of(MODE_STRICTEST);
    facts.arn = STR("arn:\"\x01\xFE");
    facts.tags = tags;
    facts.tag_count = COUNT(tags);
    struct evaluation *evaluation = evaluate(&facts, policy_with(NULL, 0));
    struct sample response = {.evaluations = evaluation, .evaluation_count = 1};
    const struct json *first = json_first(json_get(parse(render(&response)), "evaluations"));
    assert_member(first, "owner", "\"quo\\ted\" \xEF\xBF\xBD</script>");
    assert_member(first, "resourceId", "arn:\"\x01\xEF\xBF\xBD");
}

static void actions_are_listed_with_all_members(void **state) {
    (void)state;
    const struct action actions[] = {
        {.resource_id = STR(ARN),
         .action = ACTION_ENFORCE,
         .status = ACTION_DONE,
         .from = STR("monitor"),
         .to = STR("defensive"),
         .reason = STR("required: minimum")},
        {.resource_id = STR(ARN), .action = ACTION_ALERT, .status = ACTION_SKIPPED},
    };
    struct sample response = {.actions = actions, .action_count = COUNT(actions)};
    assert_str(render(&response),
               "{\"evaluations\":[],\"reported\":0,\"failed\":0,\"actions\":[{\"resourceId\":\"" ARN
               "\",\"action\":\"enforce\",\"status\":\"done\",\"from\":\"monitor\",\"to\":"
               "\"defensive\",\"reason\":\"required: minimum\"},{\"resourceId\":\"" ARN
               "\",\"action\":\"alert\",\"status\":\"skipped\",\"from\":\"\",\"to\":\"\","
               "\"reason\":\"\"}]}");
}

static void members_can_be_extended_by_the_caller(void **state) {
    (void)state;
    struct evaluation evaluation;
    evaluation_without_facts(&evaluation, STR("t"), STR("id"), COMPLIANCE_UNKNOWN, STR("why"));
    struct buf out;
    buf_init(&out, &arena, 4096);
    struct json_writer writer;
    json_writer_init(&writer, &out);
    json_object_begin(&writer);
    evaluation_write_members(&writer, &arena, &evaluation);
    json_write_member(&writer, "file", STR("a.json"));
    json_object_end(&writer);
    const struct json *root = parse(buf_str(&out));
    assert_int_equal(json_count(root), 12);
    assert_member(root, "file", "a.json");
}

static void response_larger_than_its_buffer_is_noticed(void **state) {
    (void)state;
    struct buf out;
    buf_init(&out, &arena, 16);
    struct sample response = {0};
    write(&out, &response);
    assert_int_equal(buf_status(&out), STATUS_TOO_LARGE);
}

static void evaluations_that_do_not_fit_are_counted_and_the_rest_stays_valid(void **state) {
    (void)state;
    static struct evaluation evaluations[300];
    for (size_t i = 0; i < COUNT(evaluations); i++) {
        evaluation_without_facts(&evaluations[i], STR("t"), STR("id"), COMPLIANCE_UNKNOWN,
                                 STR("why"));
    }
    struct buf out;
    buf_init(&out, &arena, RESPONSE_TAIL_BYTES + 16384);
    const struct sample sample = {.evaluations = evaluations,
                                  .evaluation_count = COUNT(evaluations)};
    write(&out, &sample);
    assert_int_equal(buf_status(&out), STATUS_OK);
    const struct json *root = parse(buf_str(&out));
    double omitted = 0;
    assert_true(json_number(json_get(root, "omitted"), &omitted));
    assert_true(omitted > 0);
    size_t kept = json_count(json_get(root, "evaluations"));
    assert_true(kept > 0);
    assert_int_equal(kept + (size_t)omitted, COUNT(evaluations));
}

static size_t count_of(const struct json *actions, const char *status) {
    size_t count = 0;
    for (const struct json *each = json_first(actions); each != NULL; each = json_next(each)) {
        count += str_eq(json_get_string(each, "status"), str_from_cstr(status)) ? 1 : 0;
    }
    return count;
}

static void actions_that_do_not_fit_are_counted_and_planned_ones_first(void **state) {
    (void)state;
    static struct action actions[1000];
    for (size_t i = 0; i < COUNT(actions); i++) {
        actions[i] = (struct action){.resource_id = STR(ARN),
                                     .action = ACTION_PROMOTE,
                                     .status = i < 900 ? ACTION_PLANNED : ACTION_DONE,
                                     .reason = STR("supported")};
    }
    for (size_t count = 900; count <= COUNT(actions); count += 100) {
        struct buf out;
        buf_init(&out, &arena, RESPONSE_TAIL_BYTES);
        const struct sample sample = {.actions = actions, .action_count = count};
        write(&out, &sample);
        assert_int_equal(buf_status(&out), STATUS_OK);
        const struct json *root = parse(buf_str(&out));
        const struct json *kept = json_get(root, "actions");
        double omitted = 0;
        assert_true(json_number(json_get(root, "actionsOmitted"), &omitted));
        assert_true(count_of(kept, "planned") > 0);
        assert_int_equal(count_of(kept, "done"), count - 900);
        assert_int_equal(json_count(kept) + (size_t)omitted, count);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(response_without_anything_has_all_members),
        cmocka_unit_test(evaluation_has_the_contract_s_members_in_order),
        cmocka_unit_test(d3_the_numbers_of_an_advice_are_members),
        cmocka_unit_test(evaluation_without_facts_keeps_the_types_of_its_members),
        cmocka_unit_test(response_has_the_unknown_verdict_and_the_live_source),
        cmocka_unit_test(text_from_outside_stays_valid_json),
        cmocka_unit_test(actions_are_listed_with_all_members),
        cmocka_unit_test(members_can_be_extended_by_the_caller),
        cmocka_unit_test(response_larger_than_its_buffer_is_noticed),
        cmocka_unit_test(evaluations_that_do_not_fit_are_counted_and_the_rest_stays_valid),
        cmocka_unit_test(actions_that_do_not_fit_are_counted_and_planned_ones_first),
    };
    return cmocka_run_group_tests(tests, NULL, judging_reset);
}
