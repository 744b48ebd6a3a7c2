/* SPDX-License-Identifier: Apache-2.0
 *
 * AWS Security Hub, API 2018-10-26 (REST, JSON): importing findings. Sources: BatchImportFindings,
 * "AWS Security Hub API Reference"; "Guidelines for the BatchImportFindings operation", Security
 * Hub Partner Guide. A finding is known by its Id and ProductArn: imported again it is updated, so
 * repeating does no harm.
 */
#ifndef AWS_SECURITYHUB_H
#define AWS_SECURITYHUB_H

#include "aws/call.h"

#define SECURITYHUB_BATCH_FINDINGS_MAX 100
#define SECURITYHUB_BATCH_BYTES_MAX    ((size_t)6 * 1000 * 1000)
#define SECURITYHUB_FINDING_BYTES_MAX  ((size_t)240 * 1000)

/* imported + failed is the number given, unless INVALID or TOO_LARGE was returned. */
struct securityhub_report {
    size_t imported;
    size_t failed; /* refused by Security Hub, or in a batch that was */
    str failures;  /* up to 5 of those that Security Hub refused: "id (code: message), ..." */
};

/* Imports findings in the AWS Security Finding Format, each one JSON object, in batches. A batch
 * that fails does not keep the next from being tried, unless Security Hub is not enabled or we may
 * not import. PARTIAL: some findings were refused; the first call error otherwise; *report always
 * says how far it got. INVALID, TOO_LARGE: a finding (named by its number) is no object or too
 * large; nothing was sent. DENIED: Security Hub is not enabled in this account and Region, or we
 * may not import. Paced by client->pace. */
MUST_USE enum status securityhub_import_findings(struct aws_client *client, const str *findings,
                                                 size_t count, struct arena *arena,
                                                 struct securityhub_report *report,
                                                 struct error *error);

#endif
