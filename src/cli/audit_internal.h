/* SPDX-License-Identifier: Apache-2.0
 *
 * The parts of `audit`: options, the crew that does the work, the output.
 */
#ifndef AUDIT_INTERNAL_H
#define AUDIT_INTERNAL_H

#include "app/audit.h"
#include "cli_internal.h"

#define AUDIT_REGIONS_MAX 64

struct audit_options {
    str regions[AUDIT_REGIONS_MAX]; /* each once; none: that of the environment */
    size_t region_count;
    enum fleet_format format;
    const char *output; /* a file; NULL: standard output */
    bool fails_on_non_compliant;
    bool fails_on_unknown;
};

/* Complains and gives false for wrong use. */
bool audit_options_parse(int argc, char **argv, struct audit_options *options_out);

/* Judges every Region of every account, several at once, with a progress bar on a terminal. Fills
 * *fleet_out but for the time and the version; an interrupt (Ctrl-C) ends it with what is known so
 * far, and work still goes on behind: the process has to end without cleaning up. CONFIGURATION:
 * nothing could be begun. */
MUST_USE enum status audit_run(const struct cli *cli, const struct audit_options *options,
                               struct fleet *fleet_out, struct error *error);

#endif
