/* SPDX-License-Identifier: Apache-2.0
 *
 * What reading one load balancer and reading a fleet share.
 */
#ifndef AWS_ELBV2_INTERNAL_H
#define AWS_ELBV2_INTERNAL_H

#include "aws/elbv2.h"
#include "call_internal.h"

#define ELBV2_VERSION "2015-12-01"
/* An ARN has at most some 200 bytes, three times that when encoded; 20 of them and their keys. */
#define ELBV2_FORM_BYTES_MAX ((size_t)20 * 1024)
/* A throttled sweep waits for AWS's bucket to refill, which three attempts are too short for. */
#define ELBV2_ATTEMPTS_FLEET 6

/* What the parsers read, apart from the facts until all is known: a parser may run again. */
struct elbv2_reading {
    str arn;
    enum desync_mode mode;
    str mode_text;
    enum tristate drops_invalid_headers;
    enum tristate writes_logs;
    const struct tag *tags;
    size_t tag_count;
    str name;
    enum load_balancer_type type;
    enum load_balancer_scheme scheme;
};

typedef enum status elbv2_parse_fn(void *context, struct arena *arena,
                                   const struct aws_response *response, struct error *error);

/* A describe call whose form body was written already. */
struct aws_request elbv2_request(const char *operation, str body, elbv2_parse_fn *parse,
                                 void *context);

/* Parser of DescribeLoadBalancerAttributes; the context is a struct elbv2_reading. */
elbv2_parse_fn elbv2_parse_attributes;
/* <Attributes> inside `result`; INCOMPLETE when there is no such list or a key is missing. */
MUST_USE enum status elbv2_parse_attribute_list(struct elbv2_reading *reading, struct arena *arena,
                                                const struct xml *result, struct error *error);
/* <Tags> of one <TagDescriptions> member. */
MUST_USE enum status elbv2_parse_tag_list(struct elbv2_reading *reading, struct arena *arena,
                                          const struct xml *list, struct error *error);
/* One <member> of <LoadBalancers>; INCOMPLETE when it lacks a name, type or ARN. */
MUST_USE enum status elbv2_parse_load_balancer(const struct xml *member, struct arena *arena,
                                               struct elbv2_reading *reading, struct error *error);
/* The <member> of a list whose child `name` is `arn`, or NULL. */
const struct xml *elbv2_find_member(const struct xml *list, const char *name, str arn);

void elbv2_fill_attributes(struct load_balancer *facts, const struct elbv2_reading *reading,
                           bool is_read);
void elbv2_fill_tags(struct load_balancer *facts, const struct elbv2_reading *reading,
                     bool is_read);

/* AWS says that the load balancer does not exist; another "not found" is no such thing. */
bool elbv2_says_gone(const struct aws_outcome *outcome);

#endif
