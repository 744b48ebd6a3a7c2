/* SPDX-License-Identifier: Apache-2.0
 *
 * The BUDGET items: changes of the last hour and the promotion turn, with copies that write in
 * between, answers that are lost, and items that somebody else has spoilt.
 */
#include "aws_fixture.h"
#include "table/budget.h"
#include "table_world.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define PLACE        "arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/app/"
#define PK           STR("BUDGET#111122223333#eu-west-1")
#define NOW          FAKE_NOW_MS
#define MINUTE       INT64_C(60000)
#define HOUR         (60 * MINUTE)

struct bench {
    struct aws_fixture aws;
    struct table *table;
    struct state_table ours;
    struct state_table theirs; /* of another copy */
    size_t others_left;        /* before so many of our writes, another copy takes a change */
    const char *lost;          /* the answer of the next call with this is lost */
};

static struct bench bench;

static enum status take(const struct state_table *who, int64_t at_ms, int max, int64_t *free_ms) {
    struct budget_change change = {.arn = STR(PLACE "a/b"), .max = max, .at_ms = at_ms};
    enum status status = budget_take_change(who, &change, &bench.aws.arena, &bench.aws.error);
    *free_ms = change.free_ms;
    return status;
}

static bool takes(int64_t at_ms, int max) {
    int64_t free_ms;
    enum status status = take(&bench.ours, at_ms, max, &free_ms);
    assert_true(status == STATUS_OK || status == STATUS_CONFLICT);
    assert_int_equal(status == STATUS_OK, free_ms == 0);
    return status == STATUS_OK;
}

static struct fake_answer respond(void *context, const struct http_request *request) {
    struct fake_transport *fake = &bench.aws.fake;
    bool is_write = fake_matches(fake, request, "DynamoDB_20120810.PutItem") &&
                    str_contains(request->body, STR("request-1"));
    int64_t free_ms;
    if (is_write && bench.others_left > 0) {
        bench.others_left--;
        assert_int_equal(take(&bench.theirs, NOW, 1000, &free_ms), STATUS_OK);
    }
    struct fake_answer answer = table_respond(context, request);
    if (bench.lost != NULL && fake_matches(fake, request, bench.lost)) {
        answer = (struct fake_answer){.status = STATUS_TIMEOUT};
    }
    return answer;
}

static int begin(void **state) {
    bench = (struct bench){.others_left = 0};
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
    (void)state;
    fixture_end(&bench.aws);
    return 0;
}

static const struct table_item *item(const char *sk) {
    return table_find(bench.table, PK, str_from_cstr(sk));
}

static size_t count_times(void) {
    size_t count = 0;
    for (str rest = table_text(item("CHANGES"), "times"); rest.ptr != NULL;) {
        count += str_is_empty(str_split(&rest, ',')) ? 0 : 1;
    }
    return count;
}

/* --- changes -------------------------------------------------------------------------------- */

/* However they fall: a change every 7 minutes is asked for, in bursts of three. */
static void a1_no_hour_holds_more_changes_than_allowed(void **state) {
    (void)state;
    int64_t made[200];
    size_t count = 0;
    for (int64_t at_ms = NOW; at_ms < NOW + 24 * HOUR; at_ms += 7 * MINUTE) {
        for (int burst = 0; burst < 3; burst++) {
            if (takes(at_ms, 5)) {
                made[count++] = at_ms;
            }
        }
    }
    for (size_t i = 0; i + 5 < count; i++) {
        assert_true(made[i + 5] - made[i] > HOUR);
    }
    assert_in_range(count, 23 * 5 - 5, 24 * 5); /* and little less */
    assert_in_range(count_times(), 1, 5);
}

static void a1_next_free_change_is_named(void **state) {
    (void)state;
    int64_t free_ms;
    assert_true(takes(NOW, 2) && takes(NOW + MINUTE, 2));
    assert_int_equal(take(&bench.theirs, NOW + 2 * MINUTE, 2, &free_ms), STATUS_CONFLICT);
    assert_int_equal(free_ms, NOW + BUDGET_WINDOW_MS);
    /* A limit that was lowered since: two more must pass. */
    assert_int_equal(take(&bench.ours, NOW + 2 * MINUTE, 1, &free_ms), STATUS_CONFLICT);
    assert_int_equal(free_ms, NOW + MINUTE + BUDGET_WINDOW_MS);
    assert_int_equal(take(&bench.ours, NOW, 0, &free_ms), STATUS_CONFLICT);
    assert_int_equal(free_ms, INT64_MAX);
    assert_true(takes(NOW + BUDGET_WINDOW_MS, 2));
    assert_false(takes(NOW + BUDGET_WINDOW_MS, 2));
}

static void a1_budgets_of_other_regions_and_accounts_are_their_own(void **state) {
    (void)state;
    static const char *const ARNS[] = {
        PLACE "a/b", "arn:aws:elasticloadbalancing:us-east-1:111122223333:loadbalancer/app/a/b",
        "arn:aws:elasticloadbalancing:eu-west-1:999999999999:loadbalancer/app/a/b"};
    for (size_t i = 0; i < COUNT(ARNS); i++) {
        struct budget_change change = {.arn = str_from_cstr(ARNS[i]), .max = 1, .at_ms = NOW};
        assert_int_equal(
            budget_take_change(&bench.ours, &change, &bench.aws.arena, &bench.aws.error),
            STATUS_OK);
    }
    assert_false(takes(NOW, 1));
}

static void a1_copies_that_write_in_between_are_counted(void **state) {
    (void)state;
    bench.others_left = 3;
    assert_true(takes(NOW, 5)); /* the fourth attempt */
    assert_int_equal(count_times(), 4);
    bench.others_left = 1;
    assert_false(takes(NOW, 5)); /* the fifth was theirs */
    assert_int_equal(count_times(), 5);
    bench.others_left = 1000;
    int64_t free_ms;
    assert_int_equal(take(&bench.ours, NOW, 1000, &free_ms), STATUS_THROTTLED);
}

static void a1_a_change_is_given_back_once(void **state) {
    (void)state;
    struct budget_change change = {.arn = STR(PLACE "a/b"), .max = 2, .at_ms = NOW};
    assert_true(takes(NOW, 2) && takes(NOW, 2)); /* of one moment */
    bench.others_left = 1;
    for (int times = 0; times < 2; times++) {
        assert_int_equal(
            budget_return_change(&bench.ours, &change, &bench.aws.arena, &bench.aws.error),
            STATUS_OK);
        assert_int_equal(count_times(), times == 0 ? 2 : 1);
    }
    change.at_ms = NOW + 1; /* not among them */
    assert_int_equal(budget_return_change(&bench.ours, &change, &bench.aws.arena, &bench.aws.error),
                     STATUS_OK);
    assert_int_equal(count_times(), 1);
}

static void a1_a_change_whose_answer_was_lost_counts(void **state) {
    (void)state;
    int64_t free_ms;
    bench.lost = "DynamoDB_20120810.PutItem";
    assert_true(take(&bench.ours, NOW, 2, &free_ms) != STATUS_OK);
    assert_int_equal(count_times(), 1);
    bench.lost = NULL;
    assert_true(takes(NOW, 2));
    assert_false(takes(NOW, 2));
}

/* An answer that was lost once: the repeat recognises its own work. */
static struct fake_answer lose_one(void *context, const struct http_request *request) {
    struct fake_answer answer = table_respond(context, request);
    if (bench.lost != NULL && fake_matches(&bench.aws.fake, request, bench.lost)) {
        bench.lost = NULL;
        answer = (struct fake_answer){.status = STATUS_TIMEOUT};
    }
    return answer;
}

static void a1_a_repeated_request_takes_one_change(void **state) {
    (void)state;
    bench.aws.fake.respond = lose_one;
    bench.lost = "DynamoDB_20120810.PutItem";
    assert_true(takes(NOW, 2));
    assert_int_equal(count_times(), 1);
}

static void a1_spoilt_times_are_no_changes(void **state) {
    (void)state;
    static const char *const TIMES[] = {"",
                                        ",,,",
                                        "x",
                                        "2026-11-23T08:00:00.000Z",
                                        "9999999999999,9999999999999",
                                        "-1,0,1",
                                        "1E300",
                                        "17954208000001795420800000"};
    for (size_t i = 0; i < COUNT(TIMES); i++) {
        (void)table_plant(bench.table, PK, PAIRS("sk", "CHANGES", "times", TIMES[i]));
        assert_true(takes(NOW, 1));
        assert_false(takes(NOW, 1));
    }
}

/* --- the turn ------------------------------------------------------------------------------- */

static struct budget_turn turn_at(int64_t now_ms) {
    struct budget_turn turn = {.arn = STR(PLACE "a/b")};
    assert_int_equal(
        budget_read_turn(&bench.ours, &turn, now_ms, &bench.aws.arena, &bench.aws.error),
        STATUS_OK);
    return turn;
}

static enum status take_turn(const struct state_table *who, struct budget_turn *turn,
                             int64_t now_ms) {
    return budget_take_turn(who, turn, now_ms, &bench.aws.arena, &bench.aws.error);
}

static void a3_a_turn_is_free_again_after_20_hours(void **state) {
    (void)state;
    struct budget_turn turn = turn_at(NOW);
    assert_int_equal(turn.taken_ms, 0);
    assert_int_equal(turn.next_ms, 0);
    assert_int_equal(take_turn(&bench.ours, &turn, NOW), STATUS_OK);
    turn = turn_at(NOW + 20 * HOUR - 1);
    assert_int_equal(turn.taken_ms, NOW);
    assert_int_equal(turn.next_ms, NOW + 20 * HOUR);
    assert_int_equal(turn_at(NOW + 20 * HOUR).next_ms, 0);
}

static void a3_of_two_that_read_it_free_one_takes_it(void **state) {
    (void)state;
    struct budget_turn ours = turn_at(NOW);
    struct budget_turn theirs = turn_at(NOW);
    assert_int_equal(take_turn(&bench.ours, &ours, NOW), STATUS_OK);
    assert_int_equal(take_turn(&bench.theirs, &theirs, NOW), STATUS_CONFLICT);
}

static void a3_a_turn_is_given_back_unless_it_is_another_ones(void **state) {
    (void)state;
    struct budget_turn turn = turn_at(NOW);
    assert_int_equal(take_turn(&bench.ours, &turn, NOW), STATUS_OK);
    assert_int_equal(budget_return_turn(&bench.ours, &turn, &bench.aws.arena, &bench.aws.error),
                     STATUS_OK);
    struct budget_turn theirs = turn_at(NOW + 1);
    assert_int_equal(theirs.next_ms, 0);
    assert_int_equal(take_turn(&bench.theirs, &theirs, NOW + 1), STATUS_OK);
    assert_int_equal(budget_return_turn(&bench.ours, &turn, &bench.aws.arena, &bench.aws.error),
                     STATUS_CONFLICT);
    assert_int_equal(turn_at(NOW + 2).taken_ms, NOW + 1);
}

static void a3_a_spoilt_turn_is_free(void **state) {
    (void)state;
    static const char *const TIMES[] = {"x", "", "9999-01-01T00:00:00.000Z"};
    for (size_t i = 0; i < COUNT(TIMES); i++) {
        (void)table_plant(bench.table, PK, PAIRS("sk", "TURN", "takenAt", TIMES[i]));
        struct budget_turn turn = turn_at(NOW);
        assert_int_equal(turn.next_ms, 0);
        assert_int_equal(take_turn(&bench.ours, &turn, NOW), STATUS_OK);
        assert_int_equal(turn_at(NOW).next_ms, NOW + 20 * HOUR);
    }
}

static void what_is_left_can_be_read_alone(void **state) {
    (void)state;
    const struct budget_change change = {.arn = STR(PLACE "a/b"), .max = 1, .at_ms = NOW};
    struct budget_turn turn = turn_at(NOW);
    struct budget_view view;
    assert_true(takes(NOW, 1));
    assert_int_equal(take_turn(&bench.ours, &turn, NOW), STATUS_OK);
    assert_int_equal(
        budget_view_read(&bench.ours, &change, &bench.aws.arena, &view, &bench.aws.error),
        STATUS_OK);
    assert_int_equal(view.count, 1);
    assert_int_equal(view.next_change_ms, NOW + BUDGET_WINDOW_MS);
    assert_int_equal(view.turn.next_ms, NOW + 20 * HOUR);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a1_no_hour_holds_more_changes_than_allowed),
        TEST(a1_next_free_change_is_named),
        TEST(a1_budgets_of_other_regions_and_accounts_are_their_own),
        TEST(a1_copies_that_write_in_between_are_counted),
        TEST(a1_a_change_is_given_back_once),
        TEST(a1_a_change_whose_answer_was_lost_counts),
        TEST(a1_a_repeated_request_takes_one_change),
        TEST(a1_spoilt_times_are_no_changes),
        TEST(a3_a_turn_is_free_again_after_20_hours),
        TEST(a3_of_two_that_read_it_free_one_takes_it),
        TEST(a3_a_turn_is_given_back_unless_it_is_another_ones),
        TEST(a3_a_spoilt_turn_is_free),
        TEST(what_is_left_can_be_read_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
