/* SPDX-License-Identifier: Apache-2.0
 *
 * The plan of a Region: for each load balancer that desync-guard would change, or that is on its
 * way to strictest, what would be done, when at the earliest, on what numbers, what it waits for,
 * and how its owner says no.
 */
#ifndef REPORT_PLAN_H
#define REPORT_PLAN_H

#include "policy/fleet.h"
#include "policy/prospect.h"
#include "report/render.h"

struct plan_entry {
    struct action action;        /* PLANNED: would be done; SKIPPED: not, for its reason */
    bool has_action;             /* false: the sweep has none, and `action` says why */
    const struct advice *advice; /* the numbers of a promotion; NULL: none */
    struct prospect prospect;
};

struct plan {
    struct plan_entry *entries;
    size_t count;
    size_t judged_count;
    size_t strictest_count; /* of them, which need nothing */
    const struct prospect_freeze *freezes;
    size_t freeze_count;
    struct fleet_row *unknown; /* those without a verdict */
    size_t unknown_count;
    int64_t now_ms;
};

/* A block of lines for each that would be changed, a line for each other one and for each freeze,
 * and the counts. */
void plan_write_table(struct buf *out, struct arena *arena, const struct plan *plan);
/* "at the earliest with the first sweep after 2026-12-02 06:00Z; ring 2" */
str plan_when_text(struct arena *arena, int64_t now_ms, const struct prospect *prospect);
/* An array of actions, as in a response, with "earliest", "ring", "waitsFor", "evidence" and
 * "sayNo". One more for each freeze has "freeze", too: a promotion that is skipped, of the load
 * balancer that was rolled back. */
void plan_write_json(struct buf *out, struct arena *arena, const struct plan *plan);
/* The array alone. */
void plan_write_entries(struct json_writer *writer, struct arena *arena, const struct plan *plan);

#endif
