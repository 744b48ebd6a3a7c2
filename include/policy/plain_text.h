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
/* Longest text that a finding is about: AWS's own limit for a tag value, twice that of a key. */
#define PLAIN_TEXT_SUBJECT_MAX 256

/* `raw` without what shows nothing at either end: white space of any script, control, zero-width,
 * direction-changing and filler characters. A value of nothing else is blank, and gives the empty
 * str. Bytes that are no UTF-8 do show. Borrows `raw`. */
str plain_text_trim(str raw);

/* `raw` on one line: each run of those characters becomes one space, bytes that are no UTF-8 become
 * U+FFFD, both ends are trimmed. More than `characters_max` characters (at least 1) are cut, the
 * last one left being an ellipsis. Lives in `arena`. */
str plain_text(struct arena *arena, str raw, size_t characters_max);
/* The same, but cut only at a blank: "some words" and the mark. Empty when not even the first word
 * fits. */
str plain_text_words(struct arena *arena, str raw, size_t characters_max);
/* plain_text, cut to PLAIN_TEXT_QUOTE_MAX. */
str plain_text_quote(struct arena *arena, str raw);

#endif
