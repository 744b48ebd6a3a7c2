/* SPDX-License-Identifier: Apache-2.0
 *
 * A small fleet for the tests of its formats, row by row.
 */
#ifndef TESTS_UNIT_FLEET_WORLD_H
#define TESTS_UNIT_FLEET_WORLD_H

#include "judging.h"

#include "report/fleet.h"

#define FLEET_ROWS_MAX 16
#define FLEET_ARN      "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/"
#define FLEET_ARN_ID   "/0123456789abcdef"

static const str FLEET_ACCOUNTS[] = {{"123456789012", 12}};
static const str FLEET_REGIONS[] = {{"eu-west-1", 9}};

static struct fleet_row fleet_rows[FLEET_ROWS_MAX];

static inline struct fleet fleet_none(void) {
    memset(fleet_rows, 0, sizeof(fleet_rows));
    return (struct fleet){.generated_ms = NOW_MS,
                          .accounts = FLEET_ACCOUNTS,
                          .account_count = COUNT(FLEET_ACCOUNTS),
                          .regions = FLEET_REGIONS,
                          .region_count = COUNT(FLEET_REGIONS),
                          .rows = fleet_rows,
                          .version = STR("0.1.0")};
}

/* The new row, to be changed. */
static inline struct fleet_row *fleet_add(struct fleet *fleet, const char *name,
                                          enum compliance compliance, enum desync_mode mode) {
    static const char grades[] = "-FDB";
    struct fleet_row *row = &fleet->rows[fleet->row_count++];
    fleet->listed++;
    *row = (struct fleet_row){
        .evaluation = {.resource_type = STR(LOAD_BALANCER_RESOURCE_TYPE),
                       .resource_id = str_format(&arena, FLEET_ARN "%s" FLEET_ARN_ID, name),
                       .compliance = compliance,
                       .mode = mode,
                       .required_mode = MODE_DEFENSIVE,
                       .required_because = STR("minimum"),
                       .grade = grades[mode],
                       .owner = STR("team-a"),
                       .source = SOURCE_LIVE},
        .account_id = STR("123456789012"),
        .region = STR("eu-west-1"),
        .name = str_from_cstr(name),
        .scheme = SCHEME_INTERNAL};
    return row;
}

static inline void fleet_find(struct fleet_row *row, enum finding_id id, bool is_failing) {
    row->evaluation.findings[row->evaluation.finding_count++] =
        (struct finding){.id = id,
                         .severity = finding_rule_severity(id),
                         .is_failing = is_failing,
                         .message = STR("see to it")};
}

/* One of each verdict, and an exception. */
static inline struct fleet fleet_usual(void) {
    struct fleet fleet = fleet_none();
    (void)fleet_add(&fleet, "fine", COMPLIANT, MODE_STRICTEST);
    fleet_find(fleet_add(&fleet, "weak", NON_COMPLIANT, MODE_MONITOR), FINDING_MODE_TOO_WEAK, true);
    fleet_add(&fleet, "dark", COMPLIANCE_UNKNOWN, MODE_UNKNOWN)->evaluation.reason =
        STR("the tags could not be read");
    fleet_add(&fleet, "excused", COMPLIANT, MODE_MONITOR)->evaluation.has_active_exception = true;
    struct fleet_row *network = fleet_add(&fleet, "net", NOT_APPLICABLE, MODE_UNKNOWN);
    network->evaluation.required_mode = MODE_UNKNOWN;
    return fleet;
}

static inline str fleet_rendered(const struct fleet *fleet,
                                 void (*write)(struct buf *, struct arena *,
                                               const struct fleet *)) {
    struct buf out;
    buf_init(&out, &arena, FLEET_DOCUMENT_BYTES_MAX);
    write(&out, &arena, fleet);
    assert_int_equal(buf_status(&out), STATUS_OK);
    return buf_str(&out);
}

#endif
