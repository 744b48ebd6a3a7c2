/* SPDX-License-Identifier: Apache-2.0
 *
 * The facts about one load balancer that a judgement needs: plain structs, no behaviour but parsing
 * of names. Whatever could not be read is marked as such, never guessed. All text is borrowed.
 */
#ifndef POLICY_LOAD_BALANCER_H
#define POLICY_LOAD_BALANCER_H

#include "base/status.h"
#include "base/str.h"

/* AWS's names: of the resource in AWS Config, and of attributes in the Elastic Load Balancing
 * API. */
#define LOAD_BALANCER_RESOURCE_TYPE    "AWS::ElasticLoadBalancingV2::LoadBalancer"
#define ATTRIBUTE_DESYNC_MODE          "routing.http.desync_mitigation_mode"
#define ATTRIBUTE_ACCESS_LOGS          "access_logs.s3.enabled"
#define ATTRIBUTE_LOGS_BUCKET          "access_logs.s3.bucket"
#define ATTRIBUTE_DROP_INVALID_HEADERS "routing.http.drop_invalid_header_fields.enabled"

/* Ordered: a greater one is stricter. */
enum desync_mode { MODE_UNKNOWN, MODE_MONITOR, MODE_DEFENSIVE, MODE_STRICTEST };
enum load_balancer_type { TYPE_UNKNOWN, TYPE_APPLICATION, TYPE_NETWORK, TYPE_GATEWAY };
enum load_balancer_scheme { SCHEME_UNKNOWN, SCHEME_INTERNAL, SCHEME_INTERNET_FACING };
/* UNKNOWN is 0, here and in the three above: a zeroed struct knows nothing, so that a fact which
 * was never filled in cannot pass for one. */
enum tristate { UNKNOWN, NO, YES };
enum fact_source { SOURCE_EVENT, SOURCE_LIVE };

struct tag {
    str key;
    str value;
};

struct load_balancer {
    str arn;
    str name;
    enum load_balancer_type type;
    enum load_balancer_scheme scheme;
    enum desync_mode mode; /* MODE_UNKNOWN: not read, absent or no value we know */
    str mode_text;         /* what stood there when it is no mode we know; empty when absent */
    enum tristate drops_invalid_headers;
    enum tristate writes_logs; /* access logs; only of live facts, and they decide no verdict */
    str logs_bucket;           /* where they go; empty: not known */
    bool has_tags; /* false: tags could not be read (that is unknown); true with tag_count 0: there
                      are none */
    const struct tag *tags;
    size_t tag_count;
    enum fact_source source; /* where mode and tags came from; LIVE if any of them was read live */
};

/* Exact lower-case AWS names; anything else is ..._UNKNOWN. */
enum desync_mode mode_parse(str name);
enum load_balancer_type load_balancer_type_parse(str name);
enum load_balancer_scheme load_balancer_scheme_parse(str name);
/* "monitor"; "unknown" for MODE_UNKNOWN. Likewise below. */
const char *mode_name(enum desync_mode mode);
const char *load_balancer_type_name(enum load_balancer_type type);
const char *scheme_name(enum load_balancer_scheme scheme);

/* The share in percent of those that are in defensive or strictest among those whose mode is known;
 * rounded down to hundredths, so that 100 is all of them. `counts` by enum desync_mode; false, and
 * 100: none is known. */
bool protected_percent(const size_t counts[static 4], double *percent_out);

/* arn:<partition>:elasticloadbalancing:<region>:<12 digits>:loadbalancer/{app|net|gwy}/<name>/<id
 * of 1..32 letters or digits>; Classic (loadbalancer/<name>) gives is_classic. All parts borrow
 * `arn`. INVALID when it is none of these. */
struct load_balancer_arn {
    str partition;
    str region;
    str account_id;
    str name;
    str resource; /* "app/my-alb/50dc6c495c0c9188", the id in log lines and metric dimensions */
    enum load_balancer_type type; /* from app, net, gwy; TYPE_UNKNOWN for Classic */
    bool is_classic;
};
MUST_USE enum status load_balancer_arn_parse(str arn, struct load_balancer_arn *parts_out);
/* The same; all parts are empty when it is no such ARN. */
struct load_balancer_arn load_balancer_arn_parts(str arn);

/* Value of the tag of exactly this key; false when there is none. */
bool tag_get(const struct load_balancer *load_balancer, str key, str *value_out);

#endif
