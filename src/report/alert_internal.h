/* SPDX-License-Identifier: Apache-2.0
 *
 * Text that messages about one load balancer and about many have in common, in `arena`, and what
 * some kinds of alert say.
 */
#ifndef REPORT_ALERT_INTERNAL_H
#define REPORT_ALERT_INTERNAL_H

#include "report/alert.h"

/* "9 days", "5 hours", "12 minutes", "less than 2 minutes"; negative counts as none. */
str alert_duration(struct arena *arena, int64_t ms);

/* "2026-11-16 08:05 UTC" */
str alert_moment(struct arena *arena, int64_t ms);

/* One line without anything that a mail program or a chat takes for markup. */
str alert_line(struct arena *arena, str raw, size_t characters_max);

/* What happened to the load balancer of this name, and what to do about it. */
void alert_append_flapping(struct buf *out, const char *name);
void alert_append_fight(struct buf *out, const char *name, int corrections);
void alert_append_held(struct buf *out, const char *name, const char *mode);
void alert_append_watch_blind(struct buf *out, const char *name);
/* `is_raise`: since enforcement raised the mode to defensive. */
void alert_append_clients_blocked(struct buf *out, const char *name, bool is_raise);

#endif
