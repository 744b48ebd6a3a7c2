/* SPDX-License-Identifier: Apache-2.0
 *
 * CloudWatch answers anything: a sum that can be reckoned with, of values that lie in the range
 * asked for; and what is called complete came from an answer that was read to its end.
 */
#include "fuzz/aws_answer.h"

#include <math.h>

#include "aws/cloudwatch.h"

#define T0   INT64_C(1795392000000) /* 2026-11-23T00:00:00Z */
#define HOUR INT64_C(3600000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct hostile_aws aws;
    str rest = {(const char *)data, size};
    (void)fuzz_byte(&rest);
    hostile_begin(&aws, rest);
    struct cloudwatch_series series[2];
    for (size_t i = 0; i < COUNT(series); i++) {
        series[i] = (struct cloudwatch_series){.metric = "RequestCount",
                                               .load_balancer = STR("app/shop/50dc6c495c0c9188"),
                                               .start_ms = T0,
                                               .end_ms = T0 + (int64_t)(1 + i) * HOUR,
                                               .period_s = 300,
                                               .sum = 99,
                                               .points = 99,
                                               .newest_ms = 99};
    }
    enum status status = cloudwatch_get_sums(&aws.fixture.client, series, COUNT(series),
                                             &aws.fixture.arena, &aws.fixture.error);
    hostile_hold(&aws, status);
    for (size_t i = 0; i < COUNT(series); i++) {
        HOLD(!isnan(series[i].sum));
        HOLD(series[i].points > 0 || (series[i].sum == 0 && series[i].newest_ms == 0));
        HOLD(series[i].newest_ms == 0 ||
             (series[i].newest_ms >= series[i].start_ms && series[i].newest_ms < series[i].end_ms));
        HOLD(status != STATUS_OK || aws.count > 0);
    }
    fixture_end(&aws.fixture);
    return 0;
}
