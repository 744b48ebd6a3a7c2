/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/region.h"

#include "base/ascii.h"

#define REGION_BYTES_MAX 32

/* The first is that of every Region that no prefix of the others fits. */
static const struct partition partitions[] = {
    {"aws", NULL, "amazonaws.com", "api.aws", true},
    {"aws-cn", "cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn", false},
    {"aws-eusc", "eusc-de-", "amazonaws.eu", "api.amazonwebservices.eu", true},
    {"aws-iso", "us-iso-", "c2s.ic.gov", "api.aws.ic.gov", true},
    {"aws-iso-b", "us-isob-", "sc2s.sgov.gov", "api.aws.scloud", true},
    {"aws-iso-e", "eu-isoe-", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk", true},
    {"aws-iso-f", "us-isof-", "csp.hci.ic.gov", "api.aws.hci.ic.gov", true},
    {"aws-us-gov", "us-gov-", "amazonaws.com", "api.aws", true},
};

static bool is_lower_or_digit(char c) {
    return ascii_is_lower(c) || ascii_is_digit(c);
}

static bool is_region_word(str word) {
    return word.len > 0 && ascii_has_only(word, is_lower_or_digit);
}

/* By shape, not by a list: a Region that AWS opens tomorrow must work without an update. It becomes
 * part of a host name, so that the shape is also what keeps "evil.example/" out of it. */
bool region_is_valid(str region) {
    if (region.len == 0 || region.len > REGION_BYTES_MAX || !ascii_is_lower(region.ptr[0])) {
        return false;
    }
    size_t words = 0;
    for (str rest = region; rest.ptr != NULL; words++) {
        if (!is_region_word(str_split(&rest, '-'))) {
            return false;
        }
    }
    return words >= 2 && ascii_is_digit(region.ptr[region.len - 1]);
}

/* "west-1": exactly one word and one number */
static bool is_word_and_number(str text) {
    str word = str_split(&text, '-');
    return is_region_word(word) && text.len > 0 && ascii_has_only(text, ascii_is_digit);
}

/* "us-iso-" is no beginning of "us-isob-east-1", as the hyphen belongs to the prefix. */
const struct partition *partition_find(str region) {
    for (size_t i = 1; i < sizeof partitions / sizeof *partitions; i++) {
        str prefix = str_from_cstr(partitions[i].region_prefix);
        if (str_starts_with(region, prefix) &&
            is_word_and_number(str_slice(region, prefix.len, region.len))) {
            return &partitions[i];
        }
    }
    return &partitions[0];
}

str partition_of_region(str region) {
    return str_from_cstr(partition_find(region)->name);
}
