/* SPDX-License-Identifier: Apache-2.0
 *
 * An array of findings, one for each load balancer. A gap is about no resource that a finding could
 * name: it is in the exit code of `audit` and in the other formats.
 */
#include "fleet_internal.h"
#include "report/asff.h"

void fleet_write_asff(struct buf *out, struct arena *arena, const struct fleet *fleet) {
    ASSERT(out != NULL && arena != NULL && fleet != NULL);
    struct json_writer writer;
    json_writer_init(&writer, out);
    json_array_begin(&writer);
    for (size_t i = 0; i < fleet->row_count; i++) {
        const struct fleet_row *row = &fleet->rows[i];
        struct asff asff = {.account_id = row->account_id,
                            .region = row->region,
                            .updated_ms = fleet->generated_ms};
        asff_write(&writer, arena, &row->evaluation, &asff);
    }
    json_array_end(&writer);
    buf_append_char(out, '\n');
}
