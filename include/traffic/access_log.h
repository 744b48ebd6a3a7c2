/* SPDX-License-Identifier: Apache-2.0
 *
 * One line of an Application Load Balancer's access log: bytes in, slices of them out. Pure, no
 * allocation. Fields are known by position, and those behind the last one that is known are
 * ignored, as AWS's user guide asks ("Access logs for your Application Load Balancer").
 */
#ifndef TRAFFIC_ACCESS_LOG_H
#define TRAFFIC_ACCESS_LOG_H

#include "base/str.h"

/* As logged, never derived from the reason: AWS moves reasons between classes. */
enum traffic_class {
    CLASS_COMPLIANT,  /* "-" */
    CLASS_ACCEPTABLE, /* blocked by strictest */
    CLASS_AMBIGUOUS,  /* likewise */
    CLASS_SEVERE,     /* blocked by defensive, too */
    CLASS_UNKNOWN,    /* a line of fewer than 28 fields or without a class, or one unknown to us */
    CLASS_COUNT
};
/* "Compliant", "Acceptable", "Ambiguous", "Severe", "Unknown" */
const char *traffic_class_name(enum traffic_class class);

enum access_log_kind {
    ACCESS_LOG_LINE,       /* an Application Load Balancer's */
    ACCESS_LOG_UNPARSED,   /* none of the others: damaged, or something foreign */
    ACCESS_LOG_CLASSIC,    /* of a Classic Load Balancer */
    ACCESS_LOG_CONNECTION, /* the connection log beside it */
    ACCESS_LOG_HEALTH,     /* the health-check log beside it */
    ACCESS_LOG_TEST_FILE,  /* "Enable AccessLog for ELB: ..." in ELBAccessLogTestFile */
    ACCESS_LOG_NETWORK,    /* of a Network Load Balancer */
    ACCESS_LOG_VENDED,     /* a JSON object that CloudWatch Logs delivers in place of a line */
    ACCESS_LOG_KIND_COUNT
};
/* "access log of a Classic Load Balancer", ...; for messages */
const char *access_log_kind_name(enum access_log_kind kind);

/* All text borrows the line and is as logged (\x22 and the like are left as they are). */
struct access_log_record {
    str type;          /* field 1; "http", "https", "h2", ... */
    str time;          /* field 2; ISO 8601, UTC */
    str load_balancer; /* field 3; "app/my-alb/50dc6c495c0c9188" */
    str client;        /* the address in field 4, without port and brackets */
    str elb_status;    /* field 9; "200", or "-" */
    str target_status; /* field 10; likewise */
    str host;          /* of the URL in field 13; else field 19; "-" when neither says one */
    str user_agent;    /* field 14 */
    str reason;        /* field 29; empty for "-" and where there is none */
    enum traffic_class class;
    str class_name;       /* field 28; empty where there is none */
    unsigned field_count; /* 18.. */
};

/* `line` without its line end. *record_out is filled for ACCESS_LOG_LINE only. */
enum access_log_kind access_log_parse(str line, struct access_log_record *record_out);

/* What an object of an access log bucket is, by its key: ".../AWSLogs/<account>/
 * elasticloadbalancing/<region>/yyyy/mm/dd/<account>_elasticloadbalancing_<region>_app.<name>.<id>_
 * <end>_<ip>_<random>.log.gz". */
struct access_log_key {
    enum access_log_kind kind; /* UNPARSED: foreign */
    str account_id;            /* of ACCESS_LOG_LINE; these borrow the key */
    str region;
    str name;           /* of the load balancer */
    str id;             /* its 16 letters or digits */
    bool is_compressed; /* ends in ".gz" */
};
struct access_log_key access_log_key_parse(str key);

#endif
