/* SPDX-License-Identifier: Apache-2.0
 *
 * The options of `audit`.
 */
#ifndef AUDIT_INTERNAL_H
#define AUDIT_INTERNAL_H

#include "cli_internal.h"

enum fail_on { FAIL_ON_NON_COMPLIANT = 1, FAIL_ON_UNKNOWN = 2, FAIL_NEVER = 4 };

struct audit_options {
    struct cli_regions regions; /* none: that of the environment */
    size_t format;              /* enum fleet_format */
    const char *output;         /* a file; NULL: standard output */
    unsigned fail_on;           /* of enum fail_on */
    bool is_quiet;
    bool hides_progress; /* --no-progress or --quiet */
};

/* false: it printed a usage error. */
bool audit_options_parse(int argc, char **argv, struct audit_options *options);

#endif
