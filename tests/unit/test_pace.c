/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/pace.h"
#include "unit.h"

#define NOW INT64_C(1795420800000)

/* Makes calls as fast as the pace allows; returns the time when the last one started. */
static int64_t run(struct pace *pace, enum pace_category category, int calls, int64_t now_ms) {
    for (int i = 0; i < calls;) {
        int64_t wait_ms = pace_take(pace, category, now_ms);
        assert_true(wait_ms >= 0);
        now_ms += wait_ms;
        i += wait_ms == 0 ? 1 : 0;
    }
    return now_ms;
}

static void a_burst_leaves_a_quarter_of_awss_bucket_to_others(void **state) {
    (void)state;
    struct pace pace;
    pace_init(&pace, PACE_RATE_DEFAULT, 0, NOW);
    assert_int_equal(run(&pace, PACE_ELB_READ, 30, NOW), NOW);
    assert_true(pace_take(&pace, PACE_ELB_READ, NOW) > 0);
}

static void a_fleet_takes_the_time_the_rate_allows_and_no_longer(void **state) {
    (void)state;
    struct pace pace;
    pace_init(&pace, PACE_RATE_DEFAULT, 0, NOW);
    int64_t took_ms = run(&pace, PACE_ELB_READ, 1053, NOW) - NOW;
    int64_t allowed_ms = (int64_t)((1053 - 30) / PACE_RATE_DEFAULT * 1000);
    assert_in_range(took_ms, allowed_ms - 200, allowed_ms + allowed_ms / 50);
}

/* Replays a sweep against AWS's own bucket (40 tokens, 10 a second): it must never run dry. */
static void a_fleet_never_empties_awss_bucket(void **state) {
    (void)state;
    struct pace pace;
    pace_init(&pace, PACE_RATE_DEFAULT, 0, NOW);
    double tokens = 40;
    int64_t now_ms = NOW;
    for (int i = 0; i < 2000; i++) {
        int64_t start_ms = run(&pace, PACE_ELB_READ, 1, now_ms);
        tokens += (double)(start_ms - now_ms) / 100.0;
        tokens = tokens > 40 ? 40 : tokens;
        tokens -= 1;
        assert_true(tokens >= 5);
        now_ms = start_ms;
    }
}

/* Copies that call as fast as they may, all at the same time: AWS's bucket (40 tokens, 10 a second)
 * keeps what a caller of two a second needs. */
static void f1_reserved_copies_leave_a_fifth_of_awss_bucket_to_others(void **state) {
    (void)state;
    static const int COPIES[] = {1, 2, 5, 10, 30};
    for (size_t row = 0; row < sizeof COPIES / sizeof *COPIES; row++) {
        struct pace paces[30];
        double tokens = 40;
        for (int i = 0; i < COPIES[row]; i++) {
            pace_init(&paces[i], PACE_RATE_DEFAULT, COPIES[row], NOW);
        }
        for (int64_t now_ms = NOW; now_ms < NOW + 120000; now_ms += 50) {
            tokens = tokens + 0.5 > 40 ? 40 : tokens + 0.5;
            tokens -= (now_ms - NOW) % 500 == 0 ? 1 : 0; /* the other caller's */
            for (int i = 0; i < COPIES[row]; i++) {
                while (pace_take(&paces[i], PACE_ELB_READ, now_ms) == 0) {
                    tokens -= 1;
                }
            }
            if (tokens < 1) {
                fail_msg("%d copies, after %d ms", COPIES[row], (int)(now_ms - NOW));
            }
        }
    }
}

static void f1_copies_divide_a_pace_and_never_raise_it(void **state) {
    (void)state;
    static const struct {
        double rate;
        int copies;
        double of_copy;
    } rows[] = {{9, 0, 9}, {9, 1, 8}, {9, 5, 1.6}, {10, 4, 2}, {4, 2, 2}, {9, 100, 0.08}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double rate = pace_rate_of_copy(rows[i].rate, rows[i].copies);
        assert_true(rate > rows[i].of_copy - 1e-9 && rate < rows[i].of_copy + 1e-9);
        struct pace pace;
        pace_init(&pace, rows[i].rate, rows[i].copies, NOW);
        for (int n = 0; n < 20; n++) {
            pace_completed(&pace, PACE_ELB_READ, true, NOW + n * 1000);
            assert_true(pace.account.rate > 0 && pace.account.rate <= rate);
        }
        assert_true(pace_take(&pace, PACE_ELB_READ, NOW + 60000) == 0); /* a call gets through */
    }
}

static void writes_are_slower_and_count_for_the_account_too(void **state) {
    (void)state;
    struct pace pace;
    pace_init(&pace, PACE_RATE_DEFAULT, 0, NOW);
    assert_int_equal(run(&pace, PACE_ELB_WRITE, 15, NOW), NOW);
    assert_in_range(pace_take(&pace, PACE_ELB_WRITE, NOW), 365, 375); /* 2.7 a second */
    assert_int_equal(run(&pace, PACE_ELB_READ, 15, NOW), NOW);
    assert_true(pace_take(&pace, PACE_ELB_READ, NOW) > 0); /* the account's 30 are used up */
}

static void imports_have_a_bucket_of_their_own(void **state) {
    (void)state;
    struct pace pace;
    pace_init(&pace, 1, 0, NOW); /* a slow pace of load balancing is none of theirs */
    assert_int_equal(run(&pace, PACE_SECURITYHUB_IMPORT, 22, NOW), NOW);
    assert_in_range(pace_take(&pace, PACE_SECURITYHUB_IMPORT, NOW), 1, 112); /* 9 a second */
    assert_int_equal(run(&pace, PACE_ELB_READ, 30, NOW), NOW);
    pace_completed(&pace, PACE_SECURITYHUB_IMPORT, true, NOW);
    assert_true(pace.account.rate > 0.99);
    assert_true(pace.categories[PACE_SECURITYHUB_IMPORT].rate < 4.6);
}

static void throttling_halves_the_rate_once_a_second(void **state) {
    (void)state;
    struct pace pace;
    pace_init(&pace, 8, 0, NOW);
    for (int i = 0; i < 5; i++) {
        pace_completed(&pace, PACE_ELB_READ, true, NOW + i);
    }
    assert_true(pace.account.rate > 3.99 && pace.account.rate < 4.01);
    assert_true(pace_take(&pace, PACE_ELB_READ, NOW + 5) > 200);
    pace_completed(&pace, PACE_ELB_READ, true, NOW + 1000);
    assert_true(pace.account.rate > 1.99 && pace.account.rate < 2.01);
    for (int i = 0; i < 20; i++) {
        pace_completed(&pace, PACE_ELB_READ, true, NOW + 2000 + i * 1000);
    }
    assert_true(pace.account.rate >= 0.5);
}

static void successful_calls_restore_the_maximum_rate(void **state) {
    (void)state;
    struct pace pace;
    pace_init(&pace, 8, 0, NOW);
    pace_completed(&pace, PACE_ELB_READ, true, NOW);
    for (int i = 0; i < 40; i++) {
        pace_completed(&pace, PACE_ELB_READ, false, NOW + i);
    }
    assert_true(pace.account.rate > 7.99 && pace.account.rate < 8.01);
    assert_true(pace.categories[PACE_ELB_READ].rate <= 8.01);
}

static void other_services_and_a_pace_that_is_off_never_wait(void **state) {
    (void)state;
    struct pace pace;
    pace_init(&pace, 1, 0, NOW);
    assert_int_equal(run(&pace, PACE_NONE, 1000, NOW), NOW);
    pace.is_off = true;
    assert_int_equal(run(&pace, PACE_ELB_READ, 1000, NOW), NOW);
}

static void a_clock_set_back_neither_gives_nor_takes_tokens(void **state) {
    (void)state;
    struct pace pace;
    pace_init(&pace, 9, 0, NOW);
    (void)run(&pace, PACE_ELB_READ, 30, NOW);
    int64_t wait_ms = pace_take(&pace, PACE_ELB_READ, NOW);
    assert_int_equal(pace_take(&pace, PACE_ELB_READ, NOW - 3600000), wait_ms);
    assert_int_equal(pace_take(&pace, PACE_ELB_READ, NOW - 3600000 + wait_ms), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_burst_leaves_a_quarter_of_awss_bucket_to_others),
        cmocka_unit_test(a_fleet_takes_the_time_the_rate_allows_and_no_longer),
        cmocka_unit_test(a_fleet_never_empties_awss_bucket),
        cmocka_unit_test(f1_reserved_copies_leave_a_fifth_of_awss_bucket_to_others),
        cmocka_unit_test(f1_copies_divide_a_pace_and_never_raise_it),
        cmocka_unit_test(writes_are_slower_and_count_for_the_account_too),
        cmocka_unit_test(imports_have_a_bucket_of_their_own),
        cmocka_unit_test(throttling_halves_the_rate_once_a_second),
        cmocka_unit_test(successful_calls_restore_the_maximum_rate),
        cmocka_unit_test(other_services_and_a_pace_that_is_off_never_wait),
        cmocka_unit_test(a_clock_set_back_neither_gives_nor_takes_tokens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
