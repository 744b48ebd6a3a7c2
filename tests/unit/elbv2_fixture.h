/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers of Elastic Load Balancing v2 for one load balancer, and its facts before they are read.
 */
#ifndef ELBV2_FIXTURE_H
#define ELBV2_FIXTURE_H

#include "aws/elbv2.h"
#include "aws_fixture.h"

#define ARN                                                                                        \
    "arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/app/shop/50dc6c495c0c9188"
#define NS " xmlns=\"http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/\""
#define META                                                                                       \
    "<ResponseMetadata><RequestId>0a1b2c3d-0000-4000-8000-000000000001</RequestId>"                \
    "</ResponseMetadata>"
#define ANSWER(op, inside)                                                                         \
    "<" op "Response" NS "><" op "Result>" inside "</" op "Result>" META "</" op "Response>"
#define PAIR(key, value) "<member><Key>" key "</Key><Value>" value "</Value></member>"
#define ATTRIBUTES(list)                                                                           \
    ANSWER("DescribeLoadBalancerAttributes", "<Attributes>" list "</Attributes>")
#define MODE(value)  PAIR("routing.http.desync_mitigation_mode", value)
#define DROPS(value) PAIR("routing.http.drop_invalid_header_fields.enabled", value)
#define TAGS_OF(arn, list)                                                                         \
    ANSWER("DescribeTags", "<TagDescriptions><member><ResourceArn>" arn "</ResourceArn>" list      \
                           "</member></TagDescriptions>")
#define TAGS(list) TAGS_OF(ARN, "<Tags>" list "</Tags>")
#define DESCRIPTION(rest)                                                                          \
    ANSWER("DescribeLoadBalancers",                                                                \
           "<LoadBalancers><member><LoadBalancerArn>" ARN "</LoadBalancerArn>" rest                \
           "<State><Code>active</Code></State></member></LoadBalancers>")
#define SHOP_DESCRIPTION                                                                           \
    DESCRIPTION("<LoadBalancerName>shop</LoadBalancerName><Scheme>internet-facing</Scheme>"        \
                "<Type>application</Type>")
#define GONE                                                                                       \
    "<ErrorResponse" NS "><Error><Type>Sender</Type><Code>LoadBalancerNotFound</Code>"             \
    "<Message>One or more load balancers not found</Message></Error></ErrorResponse>"

#define ASKS_ATTRIBUTES  "Action=DescribeLoadBalancerAttributes&"
#define ASKS_TAGS        "Action=DescribeTags&"
#define ASKS_DESCRIPTION "Action=DescribeLoadBalancers&"

static inline void answer_with(struct aws_fixture *fixture, const char *match, int http_status,
                               const char *body) {
    fake_answer(&fixture->fake, (struct fake_answer){.match = match,
                                                     .http_status = http_status,
                                                     .times = FAKE_FOREVER,
                                                     .body = str_from_cstr(body),
                                                     .took_ms = 30});
}

/* Stale facts of an event, so that it shows what the live read replaced. */
static const struct tag STALE_TAGS[] = {{{"stale", 5}, {"yes", 3}}};

static inline struct load_balancer stale_facts(void) {
    return (struct load_balancer){
        .arn = STR(ARN),
        .name = STR("stale-name"),
        .type = TYPE_APPLICATION,
        .scheme = SCHEME_INTERNAL,
        .mode = MODE_STRICTEST,
        .drops_invalid_headers = YES,
        .has_tags = true,
        .tags = STALE_TAGS,
        .tag_count = 1,
        .source = SOURCE_EVENT,
    };
}

static inline enum status read_live(struct aws_fixture *fixture, bool wants_description,
                                    struct load_balancer *facts) {
    unsigned parts = ELBV2_ATTRIBUTES | ELBV2_TAGS | (wants_description ? ELBV2_DESCRIPTION : 0U);
    return elbv2_read_load_balancer(&fixture->client, parts, &fixture->arena, facts,
                                    &fixture->error);
}

#endif
