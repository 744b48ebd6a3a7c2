/* SPDX-License-Identifier: Apache-2.0
 *
 * The words for what desync-guard does, how that went, and how the watch over a promotion stands
 * and ends. Code compares the enumerators; the texts are for JSON, logs, metrics and the table,
 * where other versions and readers know them: they must not change.
 */
#ifndef POLICY_ACTION_H
#define POLICY_ACTION_H

#include "base/str.h"

/* One row a word, so that enum and text cannot differ. A word that is added needs a new row only;
 * an old version reads it from the table as ACTION_NONE. */
#define ACTION_KIND_MAP(X)                                                                         \
    X(ACTION_NONE, "unknown") /* none; from the table: one that this version does not know */      \
    X(ACTION_ENFORCE, "enforce")                                                                   \
    X(ACTION_PROMOTE, "promote")                                                                   \
    X(ACTION_ROLLBACK, "rollback")                                                                 \
    X(ACTION_WATCH, "watch")                                                                       \
    X(ACTION_ALERT, "alert")                                                                       \
    X(ACTION_REMEMBER, "remember")                                                                 \
    X(ACTION_REEVALUATE, "reevaluate")                                                             \
    X(ACTION_IMPORT, "import")

#define ACTION_STATUS_MAP(X)                                                                       \
    X(ACTION_DONE, "done")                                                                         \
    X(ACTION_PLANNED, "planned")                                                                   \
    X(ACTION_SKIPPED, "skipped")                                                                   \
    X(ACTION_FAILED, "failed")

/* How a watch ended; see the drawing in watch_records.h. */
#define WATCH_ENDING_MAP(X)                                                                        \
    X(WATCH_ENDING_NONE, "") /* not ended, or the promotion was not made */                        \
    X(WATCH_ENDING_HELD, "held")                                                                   \
    X(WATCH_ENDING_ROLLED_BACK, "rolled_back")                                                     \
    X(WATCH_ENDING_REVERTED, "reverted")                                                           \
    X(WATCH_ENDING_INCONCLUSIVE, "inconclusive")

/* How a watch stands, in the posture report. */
#define WATCH_STATE_MAP(X)                                                                         \
    X(WATCH_STATE_NONE, "") /* no watch is known */                                                \
    X(WATCH_STATE_OPEN, "open")                                                                    \
    X(WATCH_STATE_CLOSED, "closed")                                                                \
    X(WATCH_STATE_ROLLED_BACK, "rolled_back")

#define ENUMERATOR(name, text) name,
enum action_kind { ACTION_KIND_MAP(ENUMERATOR) };
enum action_status { ACTION_STATUS_MAP(ENUMERATOR) };
enum watch_ending { WATCH_ENDING_MAP(ENUMERATOR) };
enum watch_state { WATCH_STATE_MAP(ENUMERATOR) };
#undef ENUMERATOR

/* The texts of the maps above; static. */
const char *action_kind_name(enum action_kind kind);
/* ACTION_NONE for a word that is not in the map. */
enum action_kind action_kind_parse(str text);
const char *action_status_name(enum action_status status);
const char *watch_ending_name(enum watch_ending ending);
const char *watch_state_name(enum watch_state state);

#endif
