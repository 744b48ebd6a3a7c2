/* SPDX-License-Identifier: Apache-2.0
 *
 * The alerts there are: what is due, what was published and what is rendered have one name.
 */
#ifndef POLICY_ALERT_KIND_H
#define POLICY_ALERT_KIND_H

enum alert_kind {
    ALERT_OPENED,             /* became non-compliant */
    ALERT_RESOLVED,           /* is compliant again, or no longer judged */
    ALERT_ENFORCED,           /* we raised the mode */
    ALERT_ESCALATED,          /* NON_COMPLIANT_TOO_LONG: of all that an owner has, once a day */
    ALERT_EXCEPTION_EXPIRING, /* the mode is excused, but not for long */
    ALERT_EXCEPTION_EXPIRED,  /* the exception has ended */
    ALERT_FIGHT,              /* somebody keeps undoing our corrections, so we stop */
    ALERT_FLAPPING,           /* changes so often that no more is sent until it is quiet */
    ALERT_HELD,               /* raising it would block clients, so we do not */
    ALERT_PROMOTED,           /* we set strictest, and watch it */
    ALERT_ROLLED_BACK,        /* and took it back */
    ALERT_WATCH_ENDED,        /* and left it, or found it changed */
    ALERT_WATCH_BLIND,        /* its account cannot be reached, so that nobody looks */
    ALERT_CLIENTS_BLOCKED     /* after the watch: clients that are served otherwise are blocked */
};

/* Sets of kinds are bits; those of a judgement (up to ALERT_HELD) are kept in the STATE item. */
#define ALERT_SET(kind) (1U << (kind))
#define ALERT_SET_ALL   (ALERT_SET(ALERT_HELD + 1) - 1)

#endif
