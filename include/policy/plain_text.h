/* SPDX-License-Identifier: Apache-2.0
 *
 * Text from outside made fit for a sentence: tag values, parameters and the like may hold line
 * breaks, control characters, bytes that are no UTF-8, or ten thousand characters. Pure.
 */
#ifndef POLICY_PLAIN_TEXT_H
#define POLICY_PLAIN_TEXT_H

#include "base/arena.h"
#include "base/str.h"

/* Longest quotation of outside text in a message. */
#define PLAIN_TEXT_QUOTE_MAX 64

/* `raw` on one line: runs of blanks, control and direction-changing characters become one space,
 * bytes that are no UTF-8 become U+FFFD, both ends are trimmed. More than `characters_max`
 * characters (at least 1) are cut, the last one left being an ellipsis. Lives in `arena`. */
str plain_text(struct arena *arena, str raw, size_t characters_max);
/* The same, cut to PLAIN_TEXT_QUOTE_MAX. */
str plain_text_quote(struct arena *arena, str raw);

#endif
