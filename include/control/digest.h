/* SPDX-License-Identifier: Apache-2.0
 *
 * Escalations, once a day: one message to each owner, however many load balancers it is about, and
 * however many copies and sweeps look at them.
 */
#ifndef CONTROL_DIGEST_H
#define CONTROL_DIGEST_H

#include "control/control.h"
#include "report/digest.h"

/* Publishes what no sweep of this UTC day has published to these owners. `items` are all of one
 * account and Region, and are put into another order. What fails is named in the actions, and is
 * due for the next sweep unless it may have been published. */
void digest_publish(struct control *control, struct escalation *items, size_t count);

#endif
