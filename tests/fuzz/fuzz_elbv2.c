/* SPDX-License-Identifier: Apache-2.0
 *
 * Elastic Load Balancing answers anything: what is read is known by name or unknown, and a failure
 * leaves nothing half-known. The first byte says which call it is.
 */
#include "fuzz/aws_answer.h"

#include "aws/elbv2.h"

#define ARN                                                                                        \
    "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/shop/50dc6c495c0c9188"

static void hold_facts(const struct load_balancer *facts) {
    HOLD((unsigned)facts->mode <= MODE_STRICTEST && (unsigned)facts->type <= TYPE_GATEWAY);
    HOLD((unsigned)facts->scheme <= SCHEME_INTERNET_FACING);
    HOLD(facts->mode == MODE_UNKNOWN || facts->mode_text.len == 0);
    HOLD(facts->has_tags || facts->tag_count == 0);
    (void)fuzz_touch(facts->arn);
    (void)fuzz_touch(facts->name);
    for (size_t i = 0; i < facts->tag_count; i++) {
        HOLD(fuzz_is_utf8(facts->tags[i].key) && fuzz_is_utf8(facts->tags[i].value));
    }
}

static struct load_balancer facts_before(void) {
    return (struct load_balancer){.arn = STR(ARN),
                                  .type = TYPE_APPLICATION,
                                  .mode = MODE_STRICTEST,
                                  .drops_invalid_headers = YES,
                                  .has_tags = true};
}

static void read_parts(struct hostile_aws *aws, unsigned parts) {
    struct load_balancer facts = facts_before();
    enum status status = elbv2_read_load_balancer(&aws->fixture.client, parts, &aws->fixture.arena,
                                                  &facts, &aws->fixture.error);
    hostile_hold(aws, status);
    hold_facts(&facts);
    HOLD(str_eq(facts.arn, STR(ARN)));
    HOLD(status != STATUS_OK || facts.source == SOURCE_LIVE);
    HOLD(status != STATUS_OK || (parts & ELBV2_TAGS) == 0 || facts.has_tags);
    if (status != STATUS_OK && parts == ELBV2_ATTRIBUTES) {
        HOLD(facts.mode == MODE_UNKNOWN && facts.drops_invalid_headers == UNKNOWN);
    }
    if (status != STATUS_OK && parts == ELBV2_TAGS) {
        HOLD(!facts.has_tags);
    }
}

static void modify(struct hostile_aws *aws) {
    struct load_balancer facts = facts_before();
    const struct elbv2_attribute attribute = {STR(ATTRIBUTE_DESYNC_MODE), STR("defensive")};
    enum status status = elbv2_modify_attributes(&aws->fixture.client, STR(ARN), &attribute, 1,
                                                 &aws->fixture.arena, &facts, &aws->fixture.error);
    hostile_hold(aws, status);
    hold_facts(&facts);
    HOLD(aws->count == 1); /* never a second time */
    HOLD(status == STATUS_OK || facts.mode == MODE_STRICTEST);
}

static void list(struct hostile_aws *aws) {
    struct load_balancer *listed = NULL;
    size_t count = 0;
    enum status status = elbv2_list_load_balancers(&aws->fixture.client, &aws->fixture.arena,
                                                   &listed, &count, &aws->fixture.error);
    hostile_hold(aws, status);
    for (size_t i = 0; i < count; i++) {
        hold_facts(&listed[i]);
        HOLD(listed[i].arn.len > 0 && listed[i].mode == MODE_UNKNOWN && !listed[i].has_tags);
    }
}

static void read_fleet(struct hostile_aws *aws) {
    struct load_balancer facts[2] = {facts_before(), facts_before()};
    facts[1].arn = STR(ARN "0");
    struct elbv2_fleet_item items[2] = {{.facts = &facts[0]}, {.facts = &facts[1]}};
    elbv2_read_fleet(&aws->fixture.client, items, COUNT(items), 2, &aws->fixture.arena);
    for (size_t i = 0; i < COUNT(items); i++) {
        hold_facts(&facts[i]);
        HOLD(items[i].status == STATUS_OK || items[i].problem.len > 0);
        HOLD(items[i].status != STATUS_OK || facts[i].has_tags);
        HOLD(!holds_secret(items[i].problem));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct hostile_aws aws;
    str rest = {(const char *)data, size};
    unsigned what = fuzz_byte(&rest) % 7;
    hostile_begin(&aws, rest);
    switch (what) {
    case 0:
        read_parts(&aws, ELBV2_ATTRIBUTES);
        break;
    case 1:
        read_parts(&aws, ELBV2_TAGS);
        break;
    case 2:
        read_parts(&aws, ELBV2_DESCRIPTION);
        break;
    case 3:
        modify(&aws);
        break;
    case 4:
        list(&aws);
        break;
    case 5:
        read_parts(&aws, ELBV2_ATTRIBUTES | ELBV2_TAGS | ELBV2_DESCRIPTION);
        break;
    default:
        read_fleet(&aws);
        break;
    }
    fixture_end(&aws.fixture);
    return 0;
}
