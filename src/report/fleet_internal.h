/* SPDX-License-Identifier: Apache-2.0
 *
 * The functions that the formats of a fleet have in common. Nothing here is for other layers.
 */
#ifndef REPORT_FLEET_INTERNAL_H
#define REPORT_FLEET_INTERNAL_H

#include "base/clock.h"
#include "fix_internal.h"
#include "report/fleet.h"

/* "3 listed, 2 judged, 1 unknown" */
str fleet_counts_text(struct arena *arena, const struct fleet_summary *summary);
/* Why there is an entry for what was interrupted, with the counts. */
str fleet_interruption_text(struct arena *arena, const struct fleet *fleet);

/* Everything of `audit`'s object but its braces, for an object with more members. */
void fleet_write_members(struct json_writer *writer, struct arena *arena,
                         const struct fleet *fleet);
/* The member "summary", and its member "modes". */
void fleet_write_summary(struct json_writer *writer, const struct fleet_summary *summary);
void fleet_write_modes(struct json_writer *writer, const size_t modes[static 4]);
/* "controls":[...] of evaluation_controls, under that key. */
void json_write_controls(struct json_writer *writer, const char *key,
                         const struct evaluation *evaluation);

/* Outside text without what is no UTF-8, nor characters that XML 1.0 has no way to write; quotes,
 * markup and white space as references, so that it may stand in an element or in quotes. */
void xml_append(struct buf *out, str text);

/* The controls that the failing findings bear on; for what passes or is not judged those of the
 * mode itself. In the order of the table, each once, then NULL. */
#define CONTROL_COUNT_MAX 8
void evaluation_controls(const struct evaluation *evaluation,
                         const char *controls_out[static CONTROL_COUNT_MAX]);

#endif
