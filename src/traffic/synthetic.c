/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests that no client made: health checks and monitors, by what they call themselves. A short
 * table, of what is often seen in front of load balancers; anybody can write such a name, which
 * only takes the request out of the evidence for `strictest`.
 */
#include "base/ascii.h"
#include "traffic/tally_internal.h"

/* Each stands at the begin of a word of the user agent. */
static const char *const NAMES[] = {
    "ELB-HealthChecker/",                       /* Elastic Load Balancing */
    "Amazon-Route53-Health-Check-Service",      /* Amazon Route 53 */
    "CloudWatchSynthetics/",                    /* a canary; behind the browser's own */
    "kube-probe/",                              /* Kubernetes */
    "GoogleHC/",                                /* Google Cloud load balancing */
    "GoogleStackdriverMonitoring-UptimeChecks", /* Google Cloud Monitoring */
    "Pingdom.com_bot_version_",                 /* Pingdom */
    "PingdomPageSpeed/",                        /* likewise */
    "UptimeRobot/",                             /* UptimeRobot */
    "StatusCake",                               /* StatusCake */
    "Datadog/Synthetics",                       /* Datadog; its API tests */
    "DatadogSynthetics",                        /* likewise; its browser tests */
    "Site24x7",                                 /* Site24x7 */
    "Better Uptime Bot",                        /* Better Stack */
};

/* Their first letters: nearly all of a browser's letters are none. */
static const bool IS_FIRST[256] = {
    ['A'] = true, ['B'] = true, ['C'] = true, ['D'] = true, ['E'] = true,
    ['G'] = true, ['P'] = true, ['S'] = true, ['U'] = true, ['k'] = true,
};

static bool begins_with_a_name(str text) {
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        const char *name = NAMES[i];
        if (text.len > 1 && text.ptr[0] == name[0] && text.ptr[1] == name[1] &&
            str_starts_with(text, str_from_cstr(name))) {
            return true;
        }
    }
    return false;
}

bool agent_is_synthetic(str user_agent) {
    for (size_t i = 0; i < user_agent.len; i++) {
        if (IS_FIRST[(unsigned char)user_agent.ptr[i]] &&
            (i == 0 || !ascii_is_letter(user_agent.ptr[i - 1])) &&
            begins_with_a_name(str_slice(user_agent, i, user_agent.len))) {
            return true;
        }
    }
    return false;
}
