/* SPDX-License-Identifier: Apache-2.0
 *
 * Items about an account as a whole: pk = "ACCOUNT#<id>".
 */
#ifndef TABLE_ACCOUNT_RECORDS_H
#define TABLE_ACCOUNT_RECORDS_H

#include "table/state.h"

/* UNREACHABLE: the right to report today (UTC) that an account cannot be reached. CONFLICT: that
 * was done today. */
MUST_USE enum status account_claim_report(const struct state_table *table, str account_id,
                                          int64_t now_ms, struct arena *arena, struct error *error);

#endif
