/* SPDX-License-Identifier: Apache-2.0 */
#include "policy_internal.h"

/* The attribute says whether header fields that are not valid are removed (true) or routed to the
 * targets (false, the default). Judged as a pair with the mode: smuggling past a load balancer was
 * shown with such header fields.
 * https://docs.aws.amazon.com/securityhub/latest/userguide/elb-controls.html#elb-4 */
void check_headers_not_dropped(const struct rule *rule, struct judgement *judgement) {
    if (judgement->load_balancer->drops_invalid_headers != NO) {
        return;
    }
    switch (judgement->policy->drop_invalid_headers) {
    case HEADERS_IGNORE:
        return;
    case HEADERS_ADVISE:
        finding_add_advice(rule, judgement, STR_EMPTY,
                           STR("Header fields that are not valid are passed on to the "
                               "application. Consider setting " ATTRIBUTE_DROP_INVALID_HEADERS
                               " to true."));
        return;
    case HEADERS_REQUIRE:
        break;
    }
    str due = due_phrase(judgement);
    str message = str_format(judgement->arena,
                             "Header fields that are not valid are passed on to the application. "
                             "Set " ATTRIBUTE_DROP_INVALID_HEADERS " to true %" STR_FMT ".",
                             STR_ARG(due));
    finding_add(rule, judgement, STR_EMPTY, message);
}
