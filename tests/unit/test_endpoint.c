/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/endpoint.h"

#include "aws/region.h"

#include <string.h>

#include "extra_data.h"
#include "unit.h"

static struct arena arena;

static int open_arena(void **state) {
    (void)state;
    arena = (struct arena){0};
    return 0;
}

static int close_arena(void **state) {
    (void)state;
    arena_clean_up(&arena);
    return 0;
}

/* ---- AWS's own hosts ---- */

enum variant { PLAIN = 0, FIPS = 1, DUAL = 2, FIPS_DUAL = 3 };

struct host_row {
    enum aws_service service;
    const char *region;
    enum variant variant;
    const char *host;           /* NULL: UNSUPPORTED */
    const char *signing_region; /* NULL: the region itself */
};

static const struct host_row host_rows[] = {
    /* every service */
    {AWS_ELBV2, "eu-west-1", PLAIN, "elasticloadbalancing.eu-west-1.amazonaws.com", NULL},
    {AWS_CONFIG, "eu-west-1", PLAIN, "config.eu-west-1.amazonaws.com", NULL},
    {AWS_CLOUDWATCH, "eu-west-1", PLAIN, "monitoring.eu-west-1.amazonaws.com", NULL},
    {AWS_DYNAMODB, "eu-west-1", PLAIN, "dynamodb.eu-west-1.amazonaws.com", NULL},
    {AWS_S3, "us-east-1", PLAIN, "s3.us-east-1.amazonaws.com", NULL},
    {AWS_SNS, "eu-west-1", PLAIN, "sns.eu-west-1.amazonaws.com", NULL},
    {AWS_SECURITYHUB, "eu-west-1", PLAIN, "securityhub.eu-west-1.amazonaws.com", NULL},
    {AWS_STS, "us-east-1", PLAIN, "sts.us-east-1.amazonaws.com", NULL},
    /* every partition */
    {AWS_CONFIG, "cn-north-1", PLAIN, "config.cn-north-1.amazonaws.com.cn", NULL},
    {AWS_CONFIG, "cn-north-1", FIPS, "config-fips.cn-north-1.amazonaws.com.cn", NULL},
    {AWS_CONFIG, "cn-north-1", DUAL, "config.cn-north-1.api.amazonwebservices.com.cn", NULL},
    {AWS_CONFIG, "eusc-de-east-1", PLAIN, "config.eusc-de-east-1.amazonaws.eu", NULL},
    {AWS_CONFIG, "eusc-de-east-1", DUAL, "config.eusc-de-east-1.api.amazonwebservices.eu", NULL},
    {AWS_CONFIG, "us-iso-east-1", PLAIN, "config.us-iso-east-1.c2s.ic.gov", NULL},
    {AWS_CONFIG, "us-iso-east-1", DUAL, "config.us-iso-east-1.api.aws.ic.gov", NULL},
    {AWS_CONFIG, "us-isob-east-1", PLAIN, "config.us-isob-east-1.sc2s.sgov.gov", NULL},
    {AWS_CONFIG, "us-isob-east-1", DUAL, "config.us-isob-east-1.api.aws.scloud", NULL},
    {AWS_CONFIG, "eu-isoe-west-1", PLAIN, "config.eu-isoe-west-1.cloud.adc-e.uk", NULL},
    {AWS_CONFIG, "eu-isoe-west-1", DUAL, "config.eu-isoe-west-1.api.cloud-aws.adc-e.uk", NULL},
    {AWS_CONFIG, "us-isof-south-1", PLAIN, "config.us-isof-south-1.csp.hci.ic.gov", NULL},
    {AWS_CONFIG, "us-isof-south-1", DUAL, "config.us-isof-south-1.api.aws.hci.ic.gov", NULL},
    {AWS_CONFIG, "xx-future-9", PLAIN, "config.xx-future-9.amazonaws.com", NULL},
    {AWS_CONFIG, "xx-future-9", DUAL, "config.xx-future-9.api.aws", NULL},
    /* FIPS and dual-stack */
    {AWS_ELBV2, "us-east-1", FIPS, "elasticloadbalancing-fips.us-east-1.amazonaws.com", NULL},
    {AWS_ELBV2, "us-east-1", DUAL, "elasticloadbalancing.us-east-1.api.aws", NULL},
    {AWS_ELBV2, "us-east-1", FIPS_DUAL, "elasticloadbalancing-fips.us-east-1.api.aws", NULL},
    {AWS_CLOUDWATCH, "us-east-1", FIPS_DUAL, "monitoring-fips.us-east-1.api.aws", NULL},
    /* GovCloud's plain hosts are its FIPS hosts, but not all and not all dual-stack */
    {AWS_ELBV2, "us-gov-west-1", FIPS, "elasticloadbalancing.us-gov-west-1.amazonaws.com", NULL},
    {AWS_ELBV2, "us-gov-west-1", FIPS_DUAL, "elasticloadbalancing-fips.us-gov-west-1.api.aws",
     NULL},
    {AWS_CONFIG, "us-gov-east-1", FIPS, "config.us-gov-east-1.amazonaws.com", NULL},
    {AWS_CLOUDWATCH, "us-gov-west-1", FIPS, "monitoring.us-gov-west-1.amazonaws.com", NULL},
    {AWS_CLOUDWATCH, "us-gov-west-1", FIPS_DUAL, "monitoring.us-gov-west-1.api.aws", NULL},
    {AWS_DYNAMODB, "us-gov-west-1", FIPS, "dynamodb.us-gov-west-1.amazonaws.com", NULL},
    {AWS_SNS, "us-gov-west-1", FIPS, "sns.us-gov-west-1.amazonaws.com", NULL},
    {AWS_STS, "us-gov-west-1", FIPS, "sts.us-gov-west-1.amazonaws.com", NULL},
    {AWS_STS, "us-gov-west-1", FIPS_DUAL, "sts-fips.us-gov-west-1.api.aws", NULL},
    {AWS_SECURITYHUB, "us-gov-west-1", FIPS, "securityhub-fips.us-gov-west-1.amazonaws.com", NULL},
    {AWS_S3, "us-gov-west-1", FIPS, "s3-fips.us-gov-west-1.amazonaws.com", NULL},
    /* S3 says dual-stack in its own way, and has no FIPS in China */
    {AWS_S3, "eu-west-1", FIPS, "s3-fips.eu-west-1.amazonaws.com", NULL},
    {AWS_S3, "eu-west-1", DUAL, "s3.dualstack.eu-west-1.amazonaws.com", NULL},
    {AWS_S3, "eu-west-1", FIPS_DUAL, "s3-fips.dualstack.eu-west-1.amazonaws.com", NULL},
    {AWS_S3, "cn-north-1", DUAL, "s3.dualstack.cn-north-1.amazonaws.com.cn", NULL},
    {AWS_S3, "cn-north-1", FIPS, NULL, NULL},
    {AWS_S3, "cn-north-1", FIPS_DUAL, NULL, NULL},
    /* Organizations lives in one region and signs for it */
};

static void host_check(const struct host_row *row) {
    const struct endpoint_settings settings = {
        .uses_fips = (row->variant & FIPS) != 0,
        .uses_dualstack = (row->variant & DUAL) != 0,
    };
    struct endpoint endpoint = {.host = STR("untouched")};
    struct error error = {0};
    str region = str_from_cstr(row->region);
    enum status status =
        endpoint_resolve(&settings, row->service, region, &arena, &endpoint, &error);
    const char *host = row->host == NULL ? "untouched" : row->host;
    enum status expected = row->host == NULL ? STATUS_UNSUPPORTED : STATUS_OK;
    if (status != expected || !str_eq(endpoint.host, str_from_cstr(host))) {
        fail_msg("%s in %s, variant %d: %s, %" STR_FMT " and not %s",
                 aws_service_info(row->service)->id, row->region, (int)row->variant,
                 status_name(status), STR_ARG(endpoint.host), host);
    }
    if (status == STATUS_OK) {
        assert_true(str_eq(endpoint.url, str_format(&arena, "https://%s", host)));
        assert_int_equal(endpoint.path.len, 0);
        assert_str(endpoint.signing_region,
                   row->signing_region == NULL ? row->region : row->signing_region);
    }
}

static void hosts_follow_the_rules_of_service_and_partition(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof host_rows / sizeof *host_rows; i++) {
        host_check(&host_rows[i]);
    }
}

/* ---- every partition, every variant ---- */

/* A region of each, and what follows it in a host, plain and dual-stack. */
static const struct {
    const char *partition, *region, *suffix, *dualstack_suffix;
} PARTITIONS[] = {
    {"aws", "ap-southeast-2", "amazonaws.com", "api.aws"},
    {"aws-cn", "cn-northwest-1", "amazonaws.com.cn", "api.amazonwebservices.com.cn"},
    {"aws-eusc", "eusc-de-east-1", "amazonaws.eu", "api.amazonwebservices.eu"},
    {"aws-iso", "us-iso-west-1", "c2s.ic.gov", "api.aws.ic.gov"},
    {"aws-iso-b", "us-isob-east-1", "sc2s.sgov.gov", "api.aws.scloud"},
    {"aws-iso-e", "eu-isoe-west-1", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"},
    {"aws-iso-f", "us-isof-south-1", "csp.hci.ic.gov", "api.aws.hci.ic.gov"},
    {"aws-us-gov", "us-gov-east-1", "amazonaws.com", "api.aws"},
};

static void partition_check(size_t i, enum variant variant) {
    const char *region = PARTITIONS[i].region;
    bool is_fips = (variant & FIPS) != 0;
    bool is_dual = (variant & DUAL) != 0;
    bool is_gov = str_eq(str_from_cstr(PARTITIONS[i].partition), STR("aws-us-gov"));
    bool is_china = str_eq(str_from_cstr(PARTITIONS[i].partition), STR("aws-cn"));
    str monitoring =
        str_format(&arena, "monitoring%s.%s.%s", is_fips && !is_gov ? "-fips" : "", region,
                   is_dual ? PARTITIONS[i].dualstack_suffix : PARTITIONS[i].suffix);
    str s3 = str_format(&arena, "s3%s%s.%s.%s", is_fips ? "-fips" : "", is_dual ? ".dualstack" : "",
                        region, PARTITIONS[i].suffix);
    const struct host_row rows[] = {
        {AWS_CLOUDWATCH, region, variant, monitoring.ptr, NULL},
        {AWS_S3, region, variant, is_fips && is_china ? NULL : s3.ptr, NULL},
    };
    host_check(&rows[0]);
    host_check(&rows[1]);
}

static void metrics_and_objects_have_hosts_in_every_partition(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof PARTITIONS / sizeof *PARTITIONS; i++) {
        assert_str(partition_of_region(str_from_cstr(PARTITIONS[i].region)),
                   PARTITIONS[i].partition);
        for (int variant = PLAIN; variant <= FIPS_DUAL; variant++) {
            partition_check(i, (enum variant)variant);
        }
    }
}

static void a_label_stands_before_the_host_and_changes_nothing_else(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof PARTITIONS / sizeof *PARTITIONS; i++) {
        const struct endpoint_settings settings = {.uses_dualstack = i % 2 == 1};
        str region = str_from_cstr(PARTITIONS[i].region);
        struct endpoint endpoint;
        assert_int_equal(endpoint_resolve(&settings, AWS_S3, region, &arena, &endpoint, NULL),
                         STATUS_OK);
        struct endpoint labelled = endpoint;
        endpoint_add_label(&labelled, STR("my-bucket"), &arena);
        str host = str_format(&arena, "my-bucket.%" STR_FMT, STR_ARG(endpoint.host));
        str url = str_format(&arena, "https://%" STR_FMT, STR_ARG(host));
        assert_true(str_eq(labelled.host, host) && str_eq(labelled.url, url));
        assert_true(str_eq(labelled.signing_region, endpoint.signing_region));
        assert_true(str_eq(labelled.path, endpoint.path));
    }
}

/* ---- botocore's table, when it is at hand ---- */

static bool service_of(str name, enum aws_service *service) {
    static const char *const names[AWS_SERVICE_COUNT] = {
        [AWS_ELBV2] = "elbv2",
        [AWS_CONFIG] = "config",
        [AWS_CLOUDWATCH] = "cloudwatch",
        [AWS_DYNAMODB] = "dynamodb",
        [AWS_S3] = "s3",
        [AWS_SNS] = "sns",
        [AWS_SECURITYHUB] = "securityhub",
        [AWS_STS] = "sts",
    };
    for (size_t i = 0; i < AWS_SERVICE_COUNT; i++) {
        if (str_eq(name, str_from_cstr(names[i]))) {
            *service = (enum aws_service)i;
            return true;
        }
    }
    return false;
}

/* service, region, fips, dualstack, url, auth ("name/region/..." or empty); S3 rows name a bucket.
 */
static bool table_line_check(str line) {
    enum aws_service service = AWS_ELBV2;
    if (!service_of(str_split(&line, '\t'), &service)) {
        return false;
    }
    struct host_row row = {.service = service};
    row.region = str_to_cstr(&arena, str_split(&line, '\t'));
    unsigned variant = str_eq(str_split(&line, '\t'), STR("True")) ? FIPS : PLAIN;
    variant |= str_eq(str_split(&line, '\t'), STR("True")) ? DUAL : PLAIN;
    row.variant = (enum variant)variant;
    str url = str_split(&line, '\t');
    if (!str_starts_with(url, STR("ERR "))) {
        size_t scheme = sizeof("https://") - 1;
        size_t bucket = service == AWS_S3 ? sizeof("bucket-1.") - 1 : 0;
        row.host = str_to_cstr(&arena, str_slice(url, scheme + bucket, url.len));
    }
    str auth = str_trim(line);
    if (!str_is_empty(auth)) {
        (void)str_split(&auth, '/');
        row.signing_region = str_to_cstr(&arena, str_split(&auth, '/'));
    }
    host_check(&row);
    return true;
}

static void hosts_agree_with_botocores_table(void **state) {
    (void)state;
    str rest = extra_data_or_skip(&arena, "data/aws/endpoints.tsv");
    int checked = 0;
    while (rest.ptr != NULL) {
        checked += table_line_check(str_split(&rest, '\n'));
    }
    assert_int_equal(checked, AWS_SERVICE_COUNT * 11 * 4);
}

/* ---- names ---- */

static void services_have_their_names(void **state) {
    (void)state;
    static const struct {
        enum aws_service service;
        const char *id, *host_prefix, *display_name;
    } rows[] = {
        {AWS_ELBV2, "ELASTIC_LOAD_BALANCING_V2", "elasticloadbalancing", "elasticloadbalancing"},
        {AWS_CONFIG, "CONFIG_SERVICE", "config", "config"},
        {AWS_CLOUDWATCH, "CLOUDWATCH", "monitoring", "cloudwatch"},
        {AWS_DYNAMODB, "DYNAMODB", "dynamodb", "dynamodb"},
        {AWS_S3, "S3", "s3", "s3"},
        {AWS_SNS, "SNS", "sns", "sns"},
        {AWS_SECURITYHUB, "SECURITYHUB", "securityhub", "securityhub"},
        {AWS_STS, "STS", "sts", "sts"},
    };
    assert_int_equal(sizeof rows / sizeof *rows, AWS_SERVICE_COUNT);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct aws_service_info *info = aws_service_info(rows[i].service);
        assert_string_equal(info->id, rows[i].id);
        assert_string_equal(info->host_prefix, rows[i].host_prefix);
        assert_string_equal(info->display_name, rows[i].display_name);
    }
}

static void partitions_are_known_by_the_regions_shape(void **state) {
    (void)state;
    static const char *const rows[][2] = {
        {"eu-west-1", "aws"},
        {"ap-southeast-12", "aws"},
        {"mx-central-1", "aws"},
        {"cn-northwest-1", "aws-cn"},
        {"us-gov-east-1", "aws-us-gov"},
        {"eusc-de-east-1", "aws-eusc"},
        {"us-iso-west-1", "aws-iso"},
        {"us-isob-east-1", "aws-iso-b"},
        {"eu-isoe-west-1", "aws-iso-e"},
        {"us-isof-south-1", "aws-iso-f"},
        {"xx-future-9", "aws"},
        {"us-gov-1", "aws"},
        {"cn-north-1-zone-2", "aws"},
        {"cn-north", "aws"},
        {"eusc-fr-east-1", "aws"},
        {"us-isox-east-1", "aws"},
        {"", "aws"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        str found = partition_of_region(str_from_cstr(rows[i][0]));
        if (!str_eq(found, str_from_cstr(rows[i][1]))) {
            fail_msg("\"%s\" is in %" STR_FMT, rows[i][0], STR_ARG(found));
        }
    }
}

static void region_names_are_checked_strictly(void **state) {
    (void)state;
    static const struct {
        const char *region;
        bool expected;
    } rows[] = {
        {"eu-west-1", true},
        {"us-isob-east-1", true},
        {"ap-southeast-12", true},
        {"a-1", true},
        {"abcdefghijklmnopqrstuvwxyz-east-1", false}, /* 33 characters */
        {"abcdefghijklmnopqrstuvwxy-east-1", true},
        {"", false},
        {"useast1", false},
        {"us-east", false},
        {"us-east-a", false},
        {"us-east-1-", false},
        {"-us-east-1", false},
        {"us--east-1", false},
        {"1-east-1", false},
        {"US-EAST-1", false},
        {"us_east_1", false},
        {"us-east-1.evil.example", false},
        {"evil.example/us-east-1", false},
        {"user@us-east-1", false},
        {"us-east-1:80-1", false},
        {"us-east-1#1", false},
        {"us-east-1?1", false},
        {"us-east 1-1", false},
        {"us-east-1\n", false},
        {"us-\xc3\xa9-1", false},
        {"us-%2e-1", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (region_is_valid(str_from_cstr(rows[i].region)) != rows[i].expected) {
            fail_msg("\"%s\"", rows[i].region);
        }
    }
    assert_false(region_is_valid((str){"us-east-\0001", 10}));
}

static void a_bad_region_is_invalid_even_with_an_override(void **state) {
    (void)state;
    const struct endpoint_settings none = {0};
    const struct endpoint_settings some = {.override_all = STR("http://localhost")};
    struct endpoint endpoint;
    struct error error = {0};
    str region = STR("eu-west-1.evil.example");
    assert_int_equal(endpoint_resolve(&none, AWS_STS, region, &arena, &endpoint, &error),
                     STATUS_INVALID);
    assert_int_equal(endpoint_resolve(&some, AWS_STS, region, &arena, &endpoint, &error),
                     STATUS_INVALID);
    assert_int_equal(error.status, STATUS_INVALID);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_arena, close_arena)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(hosts_follow_the_rules_of_service_and_partition),
        TEST(metrics_and_objects_have_hosts_in_every_partition),
        TEST(a_label_stands_before_the_host_and_changes_nothing_else),
        TEST(hosts_agree_with_botocores_table),
        TEST(services_have_their_names),
        TEST(partitions_are_known_by_the_regions_shape),
        TEST(region_names_are_checked_strictly),
        TEST(a_bad_region_is_invalid_even_with_an_override),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
