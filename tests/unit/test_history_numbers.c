/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers of the state table that the program never wrote, where the posture report reads them.
 */
#include "../../src/app/history_internal.h"
#include "aws_fixture.h"

#define REGION "eu-west-1"
#define POINT(account, day, listed)                                                                \
    "{\"pk\":{\"S\":\"POSTURE#" account "#" REGION "\"},\"sk\":{\"S\":\"DAY#" day                  \
    "\"},\"listed\":{\"N\":\"" listed "\"},\"nonCompliant\":{\"N\":\"1\"},\"monitor\":{\"N\":"     \
    "\"1\"},\"defensive\":{\"N\":\"3\"},\"strictest\":{\"N\":\"0\"}}"

static void a_day_with_an_impossible_number_is_left_out(void **state) {
    (void)state;
    static const char *const ITEMS[] = {POINT("111122223333", "2026-11-20", "4"),
                                        POINT("444455556666", "2026-11-20", "9223372036854775807"),
                                        POINT("111122223333", "2026-11-21", "-4"),
                                        POINT("111122223333", "2026-11-22", "1E+300")};
    struct aws_fixture fixture;
    struct history history;
    fixture_begin(&fixture);
    const struct state_table table = {&fixture.client, STR("ledger"), STR("request-1")};
    str page =
        str_format(&fixture.arena, "{\"Items\":[%s,%s,%s,%s],\"Count\":4,\"ScannedCount\":4}",
                   ITEMS[0], ITEMS[1], ITEMS[2], ITEMS[3]);
    fake_answer(&fixture.fake, (struct fake_answer){.http_status = 200, .body = page});
    assert_int_equal(history_read(&table, STR(REGION), FAKE_NOW_MS - 30 * MS_PER_DAY, FAKE_NOW_MS,
                                  &fixture.arena, &history, &fixture.error),
                     STATUS_OK);
    assert_int_equal(history.point_count, 1);
    assert_int_equal(history.points[0].listed, 4);
    assert_int_equal(history.points[0].non_compliant, 1);
    fixture_end(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_day_with_an_impossible_number_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
