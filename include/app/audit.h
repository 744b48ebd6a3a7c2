/* SPDX-License-Identifier: Apache-2.0
 *
 * A sweep for people: judges every load balancer of an account and Region, reports nothing to AWS
 * Config and changes nothing.
 */
#ifndef APP_AUDIT_H
#define APP_AUDIT_H

#include "app/app.h"
#include "policy/prospect.h"
#include "report/fleet.h"

/* Gets the results of an audit while it runs, in the thread that runs it. The order of calls:
 * `listed` once, then `judged` for each load balancer as its chunk is read:
 *
 *   app_audit:  list the Region --> listed(n) --> read and judge a chunk --> judged .. judged
 *                                                       ^                          |
 *                                                       +--- the next chunk -------+
 *
 * Fewer than n may be judged when the audit ends early. */
struct audit_listener {
    void *context;
    bool wants_advice; /* evidence is read, where PROMOTION is on */
    bool wants_age;    /* STATE_TABLE is read, if any: NON_COMPLIANT_TOO_LONG is a finding then */
    void (*listed)(void *context, size_t to_judge);
    /* Both are valid during the call only: see fleet_row_copy. */
    void (*judged)(void *context, const struct load_balancer *facts,
                   const struct evaluation *evaluation);
    /* Once, after the last; not without advice. Lives in the arena of the audit. */
    void (*looked_ahead)(void *context, const struct prospects *prospects);
};

/* Who reads: the account and role of the credentials. One call, of at most 5 seconds. */
MUST_USE enum status app_caller(struct guard *guard, struct arena *arena,
                                struct sts_caller *caller_out, struct error *error);

/* One account (empty: our own) and Region. OK when everything was listed and reached, unknown
 * verdicts included; otherwise *error says how far it came. DENIED: not an allowed account, or its
 * role does not let us in. `guard` must not be used by anybody else meanwhile. */
MUST_USE enum status app_audit(struct guard *guard, str account_id, str region,
                               const struct audit_listener *listener, struct arena *arena,
                               struct error *error);

#endif
