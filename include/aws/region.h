/* SPDX-License-Identifier: Apache-2.0
 *
 * Names of Regions, and the partition of AWS that each belongs to. Pure. Source: botocore's
 * partitions.json.
 */
#ifndef AWS_REGION_H
#define AWS_REGION_H

#include "base/str.h"

/* A separate AWS with accounts, credentials and host names of its own. Static rows. */
struct partition {
    const char *name;          /* "aws", "aws-cn", "aws-us-gov", "aws-eusc", "aws-iso", ... */
    const char *region_prefix; /* followed by one word and one number: "us-gov-" "west" "-1" */
    const char *suffix;        /* of host names: "amazonaws.com" */
    const char *dualstack_suffix;
    bool has_s3_fips;
};

/* The partition "aws" for a Region of no known shape. */
const struct partition *partition_find(str region);
/* Its name. */
str partition_of_region(str region);

/* By shape: at most 32 characters, lower-case words and digits joined by '-', a digit at the end.
 */
bool region_is_valid(str region);

#endif
