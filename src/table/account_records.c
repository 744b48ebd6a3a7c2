/* SPDX-License-Identifier: Apache-2.0 */
#include "table/account_records.h"

#include "base/clock.h"
#include "table/item.h"

#define REPORT_KEPT_MS (2 * MS_PER_DAY)

enum status account_claim_report(const struct state_table *table, str account_id, int64_t now_ms,
                                 struct arena *arena, struct error *error) {
    str today = date_format(arena, date_days_of_ms(now_ms));
    const struct dynamodb_attribute item[] = {
        dynamodb_string(DYNAMODB_PK, str_format(arena, "ACCOUNT#%" STR_FMT, STR_ARG(account_id))),
        dynamodb_string(DYNAMODB_SK, STR("UNREACHABLE")),
        dynamodb_string("reportedOn", today),
        dynamodb_string("writer", table->writer),
        dynamodb_number(arena, "expires_at", (now_ms + REPORT_KEPT_MS) / MS_PER_SECOND),
    };
    const struct dynamodb_attribute value = dynamodb_string(":today", today);
    const struct dynamodb_put put = {
        .table = table->name,
        .item = {item, sizeof item / sizeof *item},
        .expression = {.condition =
                           STR("attribute_not_exists(" DYNAMODB_PK ") OR reportedOn < :today"),
                       .values = &value,
                       .value_count = 1},
    };
    return dynamodb_put_item(table->client, &put, arena, error);
}
