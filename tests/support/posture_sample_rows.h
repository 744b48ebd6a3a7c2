/* SPDX-License-Identifier: Apache-2.0
 *
 * The load balancers of posture_sample.c, and who owns them.
 */
#ifndef TESTS_SUPPORT_POSTURE_SAMPLE_ROWS_H
#define TESTS_SUPPORT_POSTURE_SAMPLE_ROWS_H

#include "policy/load_balancer.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* What somebody may write into a tag: markup, quotes, script, control and direction characters. */
#define HOSTILE_OWNER                                                                              \
    "<img src=x onerror=\"window.hit=1\"><script>window.hit=2</script>&amp;\"'`</td></table>"
#define HOSTILE_REASON                                                                             \
    "\xE2\x80\xAE"                                                                                 \
    "desrever\xE2\x80\xAC <b onmouseover=alert(1)>\x01\x1B[31m</style>{{7*7}}=cmd|' "              \
    "/C calc'!A0 \xD7\xA9\xD7\x9C\xD7\x95\xD7\x9D \xFF"
#define LONG_OWNER                                                                                 \
    "platform-engineering-and-reliability-guild-of-the-northern-business-unit@payments.internal."  \
    "example.com"

#define INTERNAL SCHEME_INTERNAL
#define PUBLIC   SCHEME_INTERNET_FACING

struct spec {
    const char *name;
    int place; /* of `places` */
    enum load_balancer_scheme scheme;
    enum desync_mode mode;
    bool drops;
    const char *owner; /* NULL: no tag */
    const char *until; /* NULL: no exception */
    const char *reason;
    const char *approver;
    int64_t requests; /* in the logs; 0: no evidence */
    uint64_t ambiguous;
    int bad_days; /* non-compliant for so long; 0: not */
    bool is_fight;
};

static const struct {
    const char *account_id;
    const char *region;
} places[] = {{"111122223333", "eu-west-1"},
              {"111122223333", "us-east-1"},
              {"444455556666", "eu-west-1"},
              {"444455556666", "ap-southeast-2"}};

static const struct spec specs[] = {
    {"checkout", 0, PUBLIC, MODE_STRICTEST, true, "payments", NULL, NULL, NULL, 0, 0, 0, 0},
    {"login", 0, PUBLIC, MODE_STRICTEST, true, "identity", NULL, NULL, NULL, 0, 0, 0, 0},
    {"search", 1, PUBLIC, MODE_STRICTEST, true, "search", NULL, NULL, NULL, 0, 0, 0, 0},
    {"images", 1, PUBLIC, MODE_STRICTEST, false, "media", NULL, NULL, NULL, 0, 0, 0, 0},
    {"partner-api", 0, PUBLIC, MODE_DEFENSIVE, true, "partners", NULL, NULL, NULL, 1284113, 0, 0,
     0},
    {"blog", 1, PUBLIC, MODE_DEFENSIVE, true, "marketing", NULL, NULL, NULL, 48213, 0, 0, 0},
    {"status", 1, PUBLIC, MODE_DEFENSIVE, true, "sre", NULL, NULL, NULL, 9120, 0, 0, 0},
    {"intranet", 2, INTERNAL, MODE_DEFENSIVE, false, "it-services", NULL, NULL, NULL, 310551, 0, 0,
     0},
    {"telemetry", 2, INTERNAL, MODE_DEFENSIVE, true, "sre", NULL, NULL, NULL, 8120442, 1893, 0, 0},
    {"mobile-gateway", 0, PUBLIC, MODE_DEFENSIVE, true, "mobile", NULL, NULL, NULL, 2201870, 212, 0,
     0},
    {"harbor", 2, INTERNAL, MODE_DEFENSIVE, false, "builds", NULL, NULL, NULL, 77120, 3410, 0, 0},
    {"wiki", 2, INTERNAL, MODE_DEFENSIVE, true, "it-services", NULL, NULL, NULL, 212, 0, 0, 0},
    {"reports", 2, INTERNAL, MODE_DEFENSIVE, true, "finance", NULL, NULL, NULL, 0, 0, 0, 0},
    {"orders", 0, PUBLIC, MODE_DEFENSIVE, true, "payments", NULL, NULL, NULL, 0, 0, 0, 0},
    {"returns", 0, PUBLIC, MODE_DEFENSIVE, true, "payments", NULL, NULL, NULL, 0, 0, 0, 0},
    {"warehouse", 3, INTERNAL, MODE_DEFENSIVE, true, LONG_OWNER, NULL, NULL, NULL, 0, 0, 0, 0},
    {"legacy-soap", 0, PUBLIC, MODE_MONITOR, false, "partners", "2026-12-31",
     "a partner's client sends both Content-Length and Transfer-Encoding", "j.doe@example.com", 0,
     0, 0, 0},
    {"edi-bridge", 2, INTERNAL, MODE_MONITOR, false, "finance", "2026-11-30",
     "EDI software is replaced in week 49", "m.lee@example.com", 0, 0, 0, 0},
    {"old-portal", 1, PUBLIC, MODE_MONITOR, false, "marketing", "2026-11-02", "relaunch",
     "j.doe@example.com", 0, 0, 21, 0},
    {"fax-gateway", 3, INTERNAL, MODE_MONITOR, false, "it-services", "next summer",
     "nobody knows what it does", "a.hill@example.com", 0, 0, 12, 0},
    {"kiosk", 3, PUBLIC, MODE_MONITOR, false, "retail", "2028-01-01", "until the kiosks are gone",
     "a.hill@example.com", 0, 0, 3, 0},
    {"sandbox-7", 3, PUBLIC, MODE_MONITOR, false, NULL, NULL, NULL, NULL, 0, 0, 46, 0},
    {"demo-day", 1, PUBLIC, MODE_MONITOR, true, "sales", NULL, NULL, NULL, 0, 0, 1, 1},
    {"ml-inference", 1, INTERNAL, MODE_DEFENSIVE, true, NULL, NULL, NULL, NULL, 0, 0, 5, 0},
    {"batch", 2, INTERNAL, MODE_DEFENSIVE, false, NULL, NULL, NULL, NULL, 0, 0, 9, 0},
    {"staging", 0, INTERNAL, MODE_DEFENSIVE, true, "payments", "2026-12-05", "load test",
     "j.doe@example.com", 0, 0, 0, 0},
    {"graphql", 0, PUBLIC, MODE_UNKNOWN, true, "mobile", NULL, NULL, NULL, 0, 0, 0, 0},
    {"vendor-hooks", 3, PUBLIC, MODE_UNKNOWN, false, "partners", NULL, NULL, NULL, 0, 0, 0, 0},
    {"hostile", 3, PUBLIC, MODE_MONITOR, false, HOSTILE_OWNER, "2026-12-01", HOSTILE_REASON,
     "\"><svg onload=alert(2)>", 0, 0, 0, 0},
    {"right-to-left", 2, INTERNAL, MODE_DEFENSIVE, true,
     "\xD7\xA6\xD7\x95\xD7\x95\xD7\xAA \xD7\x90\xD7\xAA\xD7\xA8", NULL, NULL, NULL, 0, 0, 0, 0},
};

#endif
