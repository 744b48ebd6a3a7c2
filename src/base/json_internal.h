/* SPDX-License-Identifier: Apache-2.0
 *
 * What json.c needs of json_scan.c: the strict look at a text before the tree library sees it.
 */
#ifndef BASE_JSON_INTERNAL_H
#define BASE_JSON_INTERNAL_H

#include "base/json.h"

/* The tree library recurses and gives up at this depth in its default build; no limit of ours may
 * be above it. */
enum { JSON_DEPTH_CAP = 1000 };

/* For json_scan: no key is refused. */
#define JSON_KEY_NONE SIZE_MAX

/* Is `text` one JSON value as RFC 8259 has it, within what json.h allows? Linear, no recursion, no
 * allocation, reads no byte outside `text`. The key_refused-th key of the text (from 0) is refused
 * as a duplicate: that turns a key found in the tree, which knows no positions, into a position.
 * INVALID, TOO_LARGE or TOO_DEEP with *problem filled. */
MUST_USE enum status json_scan(str text, const struct json_limits *limits, size_t key_refused,
                               struct json_problem *problem);

#endif
