/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/endpoint.h"
#include "aws/region.h"
#include "base/ascii.h"

/* Which hosts GovCloud has instead of "{prefix}-fips": its ordinary hosts are FIPS-validated. */
enum gov_fips { GOV_FIPS_OWN_HOST, GOV_FIPS_PLAIN_IPV4_ONLY, GOV_FIPS_PLAIN };

static const struct service_row {
    struct aws_service_info info;
    enum gov_fips gov_fips;
} services[AWS_SERVICE_COUNT] = {
    [AWS_ELBV2] = {{"ELASTIC_LOAD_BALANCING_V2", "elasticloadbalancing", "elasticloadbalancing"},
                   GOV_FIPS_PLAIN_IPV4_ONLY},
    [AWS_CONFIG] = {{"CONFIG_SERVICE", "config", "config"}, GOV_FIPS_PLAIN_IPV4_ONLY},
    [AWS_CLOUDWATCH] = {{"CLOUDWATCH", "monitoring", "cloudwatch"}, GOV_FIPS_PLAIN},
    [AWS_DYNAMODB] = {{"DYNAMODB", "dynamodb", "dynamodb"}, GOV_FIPS_PLAIN_IPV4_ONLY},
    [AWS_S3] = {{"S3", "s3", "s3"}, GOV_FIPS_OWN_HOST},
    [AWS_SNS] = {{"SNS", "sns", "sns"}, GOV_FIPS_PLAIN_IPV4_ONLY},
    [AWS_SECURITYHUB] = {{"SECURITYHUB", "securityhub", "securityhub"}, GOV_FIPS_OWN_HOST},
    [AWS_STS] = {{"STS", "sts", "sts"}, GOV_FIPS_PLAIN_IPV4_ONLY},
};

const struct aws_service_info *aws_service_info(enum aws_service service) {
    ASSERT((size_t)service < AWS_SERVICE_COUNT);
    return &services[service].info;
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
    bool is_gov = str_eq(str_from_cstr(partition->name), STR("aws-us-gov"));
    return is_gov && is_plain_here ? "" : "-fips";
}

/* The rule of botocore, and its exceptions:
 *
 *   {prefix}[-fips].{region}.{suffix}        config.eu-west-1.amazonaws.com
 *   dual-stack: another suffix               config.eu-west-1.api.aws
 *   S3:         a word before the Region     s3.dualstack.eu-west-1.amazonaws.com
 *   GovCloud:   FIPS without "-fips"         config.us-gov-west-1.amazonaws.com   (gov_fips)
 */
static enum status resolve_standard(const struct endpoint_settings *settings,
                                    enum aws_service service, str region, struct arena *arena,
                                    struct endpoint *endpoint_out, struct error *error) {
    const struct partition *partition = partition_find(region);
    if (service == AWS_S3 && settings->uses_fips && !partition->has_s3_fips) {
        return error_set(error, arena, STATUS_UNSUPPORTED,
                         "S3 has no FIPS endpoint in partition %s", partition->name);
    }
    bool is_s3 = service == AWS_S3; /* says dual-stack in the host; all others change the suffix */
    const char *suffix =
        settings->uses_dualstack && !is_s3 ? partition->dualstack_suffix : partition->suffix;
    str host =
        str_format(arena, "%s%s%s.%" STR_FMT ".%s", aws_service_info(service)->host_prefix,
                   fips_label(settings, service, partition),
                   is_s3 && settings->uses_dualstack ? ".dualstack" : "", STR_ARG(region), suffix);
    *endpoint_out = (struct endpoint){
        .url = str_format(arena, "https://%" STR_FMT, STR_ARG(host)),
        .host = host,
        .path = STR(""),
        .signing_region = str_copy(arena, region),
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

static bool is_hex_or_colon(char c) {
    return ascii_hex_value(c) >= 0 || c == ':' || c == '.';
}

static bool is_port(str port) {
    int64_t number = 0;
    return ascii_has_only(port, ascii_is_digit) && str_parse_i64(port, &number) && number >= 1 &&
           number <= 65535;
}

/* Groups of hexadecimal digits: two colons at least. */
static bool is_v6_address(str text) {
    size_t colons = 0;
    for (size_t i = 0; i < text.len; i++) {
        colons += text.ptr[i] == ':' ? 1 : 0;
    }
    return colons >= 2 && ascii_has_only(text, is_hex_or_colon);
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
                              : host_len > 0 && ascii_is_made_of(parts->host, STR("-._"));
    bool is_rest_good = str_is_empty(rest) || (rest.ptr[0] == ':' && is_port(parts->port));
    return is_host_good && is_rest_good;
}

/* The parts of an override. Anything that curl, the Host header and the signature might understand
 * differently is refused, a user name above all:
 *
 *   https :// host [:port] [/path]
 */
static bool url_parse(str url, struct url_parts *parts) {
    size_t scheme_len = str_find_char(url, ':');
    str scheme = str_slice(url, 0, scheme_len);
    str rest = str_slice(url, scheme_len, url.len);
    parts->is_https = str_eq_ignore_case(scheme, STR("https"));
    if ((!parts->is_https && !str_eq_ignore_case(scheme, STR("http"))) ||
        !str_starts_with(rest, STR("://"))) {
        return false;
    }
    rest = str_slice(rest, 3, rest.len);
    size_t authority_len = str_find_char(rest, '/');
    parts->path = str_slice(rest, authority_len, rest.len);
    while (str_ends_with(parts->path, STR("/"))) {
        parts->path.len--;
    }
    return authority_parse(str_slice(rest, 0, authority_len), parts) &&
           /* RFC 3986; a '?' or '#' would begin a query or fragment */
           ascii_is_made_of(parts->path, STR("-._~/%!$&'()*+,;=:@"));
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

/* Anything else is an error: FIPS that is silently off may be a breach of contract. */
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
    struct url_parts parts = {0};
    if (!str_is_empty(value) && !url_parse(value, &parts)) {
        return error_set(error, arena, STATUS_CONFIGURATION,
                         "%s must be http://host[:port][/path] or https://host[:port][/path], "
                         "without user, query or fragment",
                         name);
    }
    *url_out = str_is_empty(value) ? STR_EMPTY : url_format(arena, &parts);
    return STATUS_OK;
}

enum status endpoint_settings_from_env(const struct env *env, struct arena *arena,
                                       struct endpoint_settings *settings_out,
                                       struct error *error) {
    struct endpoint_settings found = {0};
    bool is_ignored = false;
    TRY(read_bool(env, "AWS_USE_FIPS_ENDPOINT", arena, &found.uses_fips, error));
    TRY(read_bool(env, "AWS_USE_DUALSTACK_ENDPOINT", arena, &found.uses_dualstack, error));
    TRY(read_bool(env, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", arena, &is_ignored, error));
    if (!is_ignored) {
        TRY(read_url(env, "AWS_ENDPOINT_URL", arena, &found.override_all, error));
    }
    for (size_t i = 0; i < AWS_SERVICE_COUNT && !is_ignored; i++) {
        str name = str_format(arena, "AWS_ENDPOINT_URL_%s", services[i].info.id);
        TRY(read_url(env, name.ptr, arena, &found.override_service[i], error));
    }
    *settings_out = found;
    return STATUS_OK;
}
