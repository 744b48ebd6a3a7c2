/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/endpoint.h"

#define REGION_BYTES_MAX 32

/* Which hosts GovCloud has instead of "{prefix}-fips": its ordinary hosts are FIPS-validated. */
enum gov_fips { GOV_FIPS_OWN_HOST, GOV_FIPS_PLAIN_IPV4_ONLY, GOV_FIPS_PLAIN };

struct service_row {
    struct aws_service_info info;
    enum gov_fips gov_fips;
};

static const struct service_row services[AWS_SERVICE_COUNT] = {
    [AWS_ELBV2] = {{"ELASTIC_LOAD_BALANCING_V2", "elasticloadbalancing", "elasticloadbalancing",
                    "elasticloadbalancing"},
                   GOV_FIPS_PLAIN_IPV4_ONLY},
    [AWS_CONFIG] = {{"CONFIG_SERVICE", "config", "config", "config"}, GOV_FIPS_PLAIN_IPV4_ONLY},
    [AWS_CLOUDWATCH] = {{"CLOUDWATCH", "monitoring", "monitoring", "cloudwatch"}, GOV_FIPS_PLAIN},
    [AWS_DYNAMODB] = {{"DYNAMODB", "dynamodb", "dynamodb", "dynamodb"}, GOV_FIPS_PLAIN_IPV4_ONLY},
    [AWS_S3] = {{"S3", "s3", "s3", "s3"}, GOV_FIPS_OWN_HOST},
    [AWS_SNS] = {{"SNS", "sns", "sns", "sns"}, GOV_FIPS_PLAIN_IPV4_ONLY},
    [AWS_SQS] = {{"SQS", "sqs", "sqs", "sqs"}, GOV_FIPS_PLAIN_IPV4_ONLY},
    [AWS_SECURITYHUB] = {{"SECURITYHUB", "securityhub", "securityhub", "securityhub"},
                         GOV_FIPS_OWN_HOST},
    [AWS_STS] = {{"STS", "sts", "sts", "sts"}, GOV_FIPS_PLAIN_IPV4_ONLY},
    [AWS_ORGANIZATIONS] = {{"ORGANIZATIONS", "organizations", "organizations", "organizations"},
                           GOV_FIPS_PLAIN_IPV4_ONLY},
    [AWS_EC2] = {{"EC2", "ec2", "ec2", "ec2"}, GOV_FIPS_PLAIN_IPV4_ONLY},
};

enum partition_id {
    PARTITION_AWS,
    PARTITION_AWS_CN,
    PARTITION_AWS_EUSC,
    PARTITION_AWS_ISO,
    PARTITION_AWS_ISO_B,
    PARTITION_AWS_ISO_E,
    PARTITION_AWS_ISO_F,
    PARTITION_AWS_US_GOV,
    PARTITION_COUNT
};

struct partition {
    const char *name;
    const char *region_prefix; /* followed by one word and one number: "us-gov-" "west" "-1" */
    const char *suffix;
    const char *dualstack_suffix;
    const char *organizations_region;      /* the one region with the global host; NULL: none */
    const char *organizations_fips_region; /* likewise for FIPS; NULL: each region its own host */
    bool has_s3_fips;
};

static const struct partition partitions[PARTITION_COUNT] = {
    [PARTITION_AWS] = {"aws", NULL, "amazonaws.com", "api.aws", "us-east-1", "us-east-1", true},
    [PARTITION_AWS_CN] = {"aws-cn", "cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn",
                          "cn-northwest-1", NULL, false},
    [PARTITION_AWS_EUSC] = {"aws-eusc", "eusc-de-", "amazonaws.eu", "api.amazonwebservices.eu",
                            NULL, NULL, true},
    [PARTITION_AWS_ISO] = {"aws-iso", "us-iso-", "c2s.ic.gov", "api.aws.ic.gov", "us-iso-east-1",
                           NULL, true},
    [PARTITION_AWS_ISO_B] = {"aws-iso-b", "us-isob-", "sc2s.sgov.gov", "api.aws.scloud",
                             "us-isob-east-1", NULL, true},
    [PARTITION_AWS_ISO_E] = {"aws-iso-e", "eu-isoe-", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk",
                             NULL, NULL, true},
    [PARTITION_AWS_ISO_F] = {"aws-iso-f", "us-isof-", "csp.hci.ic.gov", "api.aws.hci.ic.gov",
                             "us-isof-south-1", NULL, true},
    [PARTITION_AWS_US_GOV] = {"aws-us-gov", "us-gov-", "amazonaws.com", "api.aws", "us-gov-west-1",
                              "us-gov-west-1", true},
};

const struct aws_service_info *aws_service_info(enum aws_service service) {
    ASSERT((size_t)service < AWS_SERVICE_COUNT);
    return &services[service].info;
}

/* ---- regions ---- */

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool is_lower(char c) {
    return c >= 'a' && c <= 'z';
}

static bool is_region_word(str word) {
    for (size_t i = 0; i < word.len; i++) {
        if (!is_lower(word.ptr[i]) && !is_digit(word.ptr[i])) {
            return false;
        }
    }
    return word.len > 0;
}

bool region_is_valid(str region) {
    if (region.len == 0 || region.len > REGION_BYTES_MAX || !is_lower(region.ptr[0])) {
        return false;
    }
    size_t words = 0;
    for (str rest = region; rest.ptr != NULL; words++) {
        if (!is_region_word(str_split(&rest, '-'))) {
            return false;
        }
    }
    return words >= 2 && is_digit(region.ptr[region.len - 1]);
}

/* "west-1": exactly one word and one number */
static bool is_word_and_number(str text) {
    size_t dash = str_find_char(text, '-');
    str word = str_slice(text, 0, dash);
    str number = str_slice(text, dash + 1, text.len);
    for (size_t i = 0; i < number.len; i++) {
        if (!is_digit(number.ptr[i])) {
            return false;
        }
    }
    return is_region_word(word) && number.len > 0;
}

static const struct partition *partition_find(str region) {
    for (size_t i = 0; i < PARTITION_COUNT; i++) {
        str prefix = str_from_cstr(partitions[i].region_prefix);
        if (!str_is_empty(prefix) && str_starts_with(region, prefix) &&
            is_word_and_number(str_slice(region, prefix.len, region.len))) {
            return &partitions[i];
        }
    }
    return &partitions[PARTITION_AWS];
}

str partition_of_region(str region) {
    return str_from_cstr(partition_find(region)->name);
}

/* ---- AWS's own hosts ---- */

/* The label that FIPS adds to the host prefix: "-fips" or nothing. */
static const char *fips_label(const struct endpoint_settings *settings, enum aws_service service,
                              const struct partition *partition) {
    if (!settings->uses_fips) {
        return "";
    }
    enum gov_fips gov_fips = services[service].gov_fips;
    bool is_plain_here = gov_fips == GOV_FIPS_PLAIN ||
                         (gov_fips == GOV_FIPS_PLAIN_IPV4_ONLY && !settings->uses_dualstack);
    bool is_gov = partition == &partitions[PARTITION_AWS_US_GOV];
    return is_gov && is_plain_here ? "" : "-fips";
}

/* Organizations lives in one region of a partition and signs for it; its dual-stack hosts are
 * regional. */
static str host_region(const struct endpoint_settings *settings, enum aws_service service,
                       const struct partition *partition, str region) {
    if (service != AWS_ORGANIZATIONS || settings->uses_dualstack) {
        return region;
    }
    const char *global = settings->uses_fips ? partition->organizations_fips_region
                                             : partition->organizations_region;
    return global == NULL ? region : str_from_cstr(global);
}

static enum status resolve_standard(const struct endpoint_settings *settings,
                                    enum aws_service service, str region, struct arena *arena,
                                    struct endpoint *endpoint_out, struct error *error) {
    const struct partition *partition = partition_find(region);
    if (service == AWS_S3 && settings->uses_fips && !partition->has_s3_fips) {
        return error_set(error, arena, STATUS_UNSUPPORTED,
                         "S3 has no FIPS endpoint in partition %s", partition->name);
    }
    /* S3 says dual-stack in the host and keeps the suffix; all others change the suffix. */
    bool is_s3 = service == AWS_S3;
    const char *suffix =
        settings->uses_dualstack && !is_s3 ? partition->dualstack_suffix : partition->suffix;
    str signing_region = host_region(settings, service, partition, region);
    str host = str_format(arena, "%s%s%s.%" STR_FMT ".%s", aws_service_info(service)->host_prefix,
                          fips_label(settings, service, partition),
                          is_s3 && settings->uses_dualstack ? ".dualstack" : "",
                          STR_ARG(signing_region), suffix);
    *endpoint_out = (struct endpoint){
        .url = str_format(arena, "https://%" STR_FMT, STR_ARG(host)),
        .host = host,
        .path = STR(""),
        .signing_region = str_copy(arena, signing_region),
    };
    return STATUS_OK;
}

/* ---- the user's own endpoints ---- */

struct url_parts {
    bool is_https;
    str host; /* "localhost", "127.0.0.1", "[::1]" */
    str port; /* empty when none */
    str path; /* without slashes at its end */
};

static bool is_host_char(char c) {
    char lower = (char)(c | 0x20);
    return is_lower(lower) || is_digit(c) || c == '-' || c == '.' || c == '_';
}

static bool is_hex_or_colon(char c) {
    char lower = (char)(c | 0x20);
    return is_digit(c) || (lower >= 'a' && lower <= 'f') || c == ':' || c == '.';
}

static bool all_chars(str text, bool (*is_allowed)(char)) {
    for (size_t i = 0; i < text.len; i++) {
        if (!is_allowed(text.ptr[i])) {
            return false;
        }
    }
    return true;
}

/* RFC 3986 path characters; a '?' or '#' would begin a query or fragment. */
static bool is_path_char(char c) {
    const str others = STR("-._~/%!$&'()*+,;=:@");
    return is_lower((char)(c | 0x20)) || is_digit(c) || str_find_char(others, c) < others.len;
}

static bool is_port(str port) {
    int64_t number = 0;
    return all_chars(port, is_digit) && str_parse_i64(port, &number) && number >= 1 &&
           number <= 65535;
}

/* Groups of hexadecimal digits: two colons at least. */
static bool is_v6_address(str text) {
    size_t colons = 0;
    for (size_t i = 0; i < text.len; i++) {
        colons += text.ptr[i] == ':' ? 1 : 0;
    }
    return colons >= 2 && all_chars(text, is_hex_or_colon);
}

/* "host", "host:port", "[v6]:port"; no "user@" since '@' is no host character. */
static bool authority_parse(str authority, struct url_parts *parts) {
    bool is_v6 = str_starts_with(authority, STR("["));
    size_t host_len = is_v6 ? str_find_char(authority, ']') + 1 : str_find_char(authority, ':');
    if (host_len > authority.len) {
        return false;
    }
    parts->host = str_slice(authority, 0, host_len);
    str rest = str_slice(authority, host_len, authority.len);
    parts->port = str_slice(rest, 1, rest.len);
    bool is_host_good = is_v6 ? is_v6_address(str_slice(authority, 1, host_len - 1))
                              : host_len > 0 && all_chars(parts->host, is_host_char);
    bool is_rest_good = str_is_empty(rest) || (rest.ptr[0] == ':' && is_port(parts->port));
    return is_host_good && is_rest_good;
}

static bool url_parse(str url, struct url_parts *parts) {
    size_t scheme_len = str_find_char(url, ':');
    str scheme = str_slice(url, 0, scheme_len);
    str rest = str_slice(url, scheme_len, url.len);
    parts->is_https = str_eq_ignore_case(scheme, STR("https"));
    if (!parts->is_https && !str_eq_ignore_case(scheme, STR("http"))) {
        return false;
    }
    if (!str_starts_with(rest, STR("://"))) {
        return false;
    }
    rest = str_slice(rest, 3, rest.len);
    size_t authority_len = str_find_char(rest, '/');
    parts->path = str_slice(rest, authority_len, rest.len);
    while (str_ends_with(parts->path, STR("/"))) {
        parts->path.len--;
    }
    return authority_parse(str_slice(rest, 0, authority_len), parts) &&
           all_chars(parts->path, is_path_char);
}

/* As curl and the Host header have it: lower case, no default port, no slash at the end. */
static str url_format(struct arena *arena, const struct url_parts *parts) {
    bool is_default_port = str_eq(parts->port, parts->is_https ? STR("443") : STR("80"));
    str port = is_default_port ? STR_EMPTY : parts->port;
    str host = str_lower(arena, parts->host);
    return str_format(arena, "%s://%" STR_FMT "%s%" STR_FMT "%" STR_FMT,
                      parts->is_https ? "https" : "http", STR_ARG(host),
                      str_is_empty(port) ? "" : ":", STR_ARG(port), STR_ARG(parts->path));
}

static enum status resolve_override(const struct endpoint_settings *settings, str override,
                                    str region, struct arena *arena, struct endpoint *endpoint_out,
                                    struct error *error) {
    if (settings->uses_fips || settings->uses_dualstack) {
        return error_set(error, arena, STATUS_UNSUPPORTED,
                         "%s and a custom endpoint cannot be used together",
                         settings->uses_fips ? "FIPS" : "dual-stack");
    }
    struct url_parts parts = {0};
    if (!url_parse(override, &parts)) {
        return error_set(error, arena, STATUS_INVALID, "the custom endpoint is no usable URL");
    }
    str url = url_format(arena, &parts);
    size_t host_at = parts.is_https ? sizeof("https://") - 1 : sizeof("http://") - 1;
    *endpoint_out = (struct endpoint){
        .url = url,
        .host = str_slice(url, host_at, url.len - parts.path.len),
        .path = str_slice(url, url.len - parts.path.len, url.len),
        .signing_region = str_copy(arena, region),
    };
    return STATUS_OK;
}

static str override_of(const struct endpoint_settings *settings, enum aws_service service) {
    str own = settings->override_service[service];
    return str_is_empty(own) ? settings->override_all : own;
}

bool endpoint_is_overridden(const struct endpoint_settings *settings, enum aws_service service) {
    ASSERT((size_t)service < AWS_SERVICE_COUNT);
    return !str_is_empty(override_of(settings, service));
}

void endpoint_add_label(struct endpoint *endpoint, str label, struct arena *arena) {
    size_t scheme_len = str_find_char(endpoint->url, '/') + 2;
    ASSERT(scheme_len < endpoint->url.len && label.len > 0);
    str scheme = str_slice(endpoint->url, 0, scheme_len);
    str rest = str_slice(endpoint->url, scheme_len, endpoint->url.len);
    endpoint->url = str_format(arena, "%" STR_FMT "%" STR_FMT ".%" STR_FMT, STR_ARG(scheme),
                               STR_ARG(label), STR_ARG(rest));
    endpoint->host =
        str_format(arena, "%" STR_FMT ".%" STR_FMT, STR_ARG(label), STR_ARG(endpoint->host));
}

enum status endpoint_resolve(const struct endpoint_settings *settings, enum aws_service service,
                             str region, struct arena *arena, struct endpoint *endpoint_out,
                             struct error *error) {
    ASSERT((size_t)service < AWS_SERVICE_COUNT);
    if (!region_is_valid(region)) {
        return error_set(error, arena, STATUS_INVALID, "the region is no AWS region name");
    }
    str override = override_of(settings, service);
    if (!str_is_empty(override)) {
        return resolve_override(settings, override, region, arena, endpoint_out, error);
    }
    return resolve_standard(settings, service, region, arena, endpoint_out, error);
}

/* ---- environment ---- */

static enum status read_bool(const struct env *env, const char *name, struct arena *arena,
                             bool *value_out, struct error *error) {
    str value = env_get(env, name);
    *value_out = str_eq_ignore_case(value, STR("true"));
    if (!*value_out && !str_is_empty(value) && !str_eq_ignore_case(value, STR("false"))) {
        return error_set(error, arena, STATUS_CONFIGURATION, "%s must be \"true\" or \"false\"",
                         name);
    }
    return STATUS_OK;
}

/* The value itself is not repeated in the message: it may hold a password. */
static enum status read_url(const struct env *env, const char *name, struct arena *arena,
                            str *url_out, struct error *error) {
    str value = env_get(env, name);
    if (str_is_empty(value)) {
        *url_out = STR_EMPTY;
        return STATUS_OK;
    }
    struct url_parts parts = {0};
    if (!url_parse(value, &parts)) {
        return error_set(error, arena, STATUS_CONFIGURATION,
                         "%s must be http://host[:port][/path] or https://host[:port][/path], "
                         "without user, query or fragment",
                         name);
    }
    *url_out = url_format(arena, &parts);
    return STATUS_OK;
}

static enum status read_overrides(const struct env *env, struct arena *arena,
                                  struct endpoint_settings *settings, struct error *error) {
    bool is_ignored = false;
    TRY(read_bool(env, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", arena, &is_ignored, error));
    if (is_ignored) {
        return STATUS_OK;
    }
    TRY(read_url(env, "AWS_ENDPOINT_URL", arena, &settings->override_all, error));
    for (size_t i = 0; i < AWS_SERVICE_COUNT; i++) {
        str name = str_format(arena, "AWS_ENDPOINT_URL_%s", services[i].info.id);
        TRY(read_url(env, str_to_cstr(arena, name), arena, &settings->override_service[i], error));
    }
    return STATUS_OK;
}

enum status endpoint_settings_from_env(const struct env *env, struct arena *arena,
                                       struct endpoint_settings *settings_out,
                                       struct error *error) {
    struct endpoint_settings found = {0};
    TRY(read_bool(env, "AWS_USE_FIPS_ENDPOINT", arena, &found.uses_fips, error));
    TRY(read_bool(env, "AWS_USE_DUALSTACK_ENDPOINT", arena, &found.uses_dualstack, error));
    TRY(read_overrides(env, arena, &found, error));
    *settings_out = found;
    return STATUS_OK;
}
