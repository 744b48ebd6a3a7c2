/* SPDX-License-Identifier: Apache-2.0
 *
 * AWS Config answers anything: what it took and what it refused is all that was sent, and a listing
 * that broke off is never taken for a whole one. The first byte says which call it is.
 */
#include "fuzz/aws_answer.h"

#include "aws/config.h"

static enum status put(struct hostile_aws *aws) {
    struct config_evaluation evaluations[3];
    for (size_t i = 0; i < COUNT(evaluations); i++) {
        evaluations[i] = (struct config_evaluation){
            .resource_type = STR("AWS::ElasticLoadBalancingV2::LoadBalancer"),
            .resource_id = str_format(&aws->fixture.arena, "arn:%zu", i),
            .compliance_type = STR("COMPLIANT"),
            .annotation = STR("fine"),
            .ordering_ms = FAKE_NOW_MS,
        };
    }
    struct config_report report = {0};
    enum status status =
        config_put_evaluations(&aws->fixture.client, STR("token"), evaluations, COUNT(evaluations),
                               &aws->fixture.arena, &report, &aws->fixture.error);
    HOLD(report.reported + report.failed <= COUNT(evaluations));
    HOLD(status != STATUS_OK || report.reported == COUNT(evaluations));
    HOLD(status != STATUS_PARTIAL ||
         (report.failed > 0 && report.reported + report.failed == COUNT(evaluations)));
    (void)fuzz_touch(report.failed_ids);
    return status;
}

static enum status list(struct hostile_aws *aws) {
    struct config_result *results = NULL;
    size_t count = 0;
    enum status status = config_list_results(&aws->fixture.client, STR("rule"), &aws->fixture.arena,
                                             &results, &count, &aws->fixture.error);
    for (size_t i = 0; status == STATUS_OK && i < count; i++) {
        HOLD(results[i].resource_type.len > 0 && results[i].resource_id.len > 0);
        HOLD(results[i].ordering_ms >= 0);
        (void)fuzz_touch(results[i].compliance_type);
    }
    return status;
}

static enum status start(struct hostile_aws *aws) {
    return config_start_evaluation(&aws->fixture.client, STR("rule"), &aws->fixture.arena,
                                   &aws->fixture.error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct hostile_aws aws;
    static enum status (*const calls[])(struct hostile_aws *) = {put, list, start};
    str rest = {(const char *)data, size};
    unsigned what = fuzz_byte(&rest) % COUNT(calls);
    hostile_begin(&aws, rest);
    hostile_hold(&aws, calls[what](&aws));
    fixture_end(&aws.fixture);
    return 0;
}
