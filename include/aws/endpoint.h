/* SPDX-License-Identifier: Apache-2.0
 *
 * Where a service of a region is reached and under which name it is signed. Pure but for reading
 * the given environment once. Sources: botocore's endpoint rules; "Service-specific endpoints", AWS
 * SDKs and Tools Reference Guide.
 */
#ifndef AWS_ENDPOINT_H
#define AWS_ENDPOINT_H

#include "base/env.h"
#include "base/error.h"

enum aws_service {
    AWS_ELBV2,
    AWS_CONFIG,
    AWS_CLOUDWATCH,
    AWS_DYNAMODB,
    AWS_S3,
    AWS_SNS,
    AWS_SECURITYHUB,
    AWS_STS,
    AWS_SERVICE_COUNT
};

struct aws_service_info {
    const char *id;           /* AWS's service id in variables: "ELASTIC_LOAD_BALANCING_V2" */
    const char *host_prefix;  /* "elasticloadbalancing", "monitoring"; signed under this name too */
    const char *display_name; /* in messages: "elasticloadbalancing", "cloudwatch" */
};
/* Static. */
const struct aws_service_info *aws_service_info(enum aws_service service);

/* An override replaces scheme, host, port and path, never the Region or the name that a request is
 * signed with. The first that is set counts:
 *
 *   AWS_ENDPOINT_URL_<ID>   AWS_ENDPOINT_URL   AWS's own host, by Region and partition
 *
 * AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true leaves only the last. */
struct endpoint_settings {
    bool uses_fips;
    bool uses_dualstack;
    str override_all;                        /* AWS_ENDPOINT_URL */
    str override_service[AWS_SERVICE_COUNT]; /* AWS_ENDPOINT_URL_<ID>, empty when not given */
};

/* AWS_USE_FIPS_ENDPOINT, AWS_USE_DUALSTACK_ENDPOINT (true|false), AWS_ENDPOINT_URL[_<ID>],
 * AWS_IGNORE_CONFIGURED_ENDPOINT_URLS. CONFIGURATION names the variable and what is accepted. */
MUST_USE enum status endpoint_settings_from_env(const struct env *env, struct arena *arena,
                                                struct endpoint_settings *settings_out,
                                                struct error *error);

struct endpoint {
    str url;  /* "https://config.eu-west-1.amazonaws.com", no trailing slash, may hold a path */
    str host; /* host[:port] as it stands in the Host header */
    str path; /* path part of an override, "" when none */
    str signing_region; /* mostly the region itself */
};

/* INVALID for a region that is no region name ([a-z0-9-], at most 32); UNSUPPORTED for FIPS or
 * dual-stack together with an override, as AWS's rules have it. */
MUST_USE enum status endpoint_resolve(const struct endpoint_settings *settings,
                                      enum aws_service service, str region, struct arena *arena,
                                      struct endpoint *endpoint_out, struct error *error);

/* Has the user given an endpoint of their own for this service? Then its host is taken as it is. */
bool endpoint_is_overridden(const struct endpoint_settings *settings, enum aws_service service);

/* Puts a label before the host: "bucket.s3.eu-west-1.amazonaws.com". The label must be one that can
 * stand there ([a-z0-9-]). */
void endpoint_add_label(struct endpoint *endpoint, str label, struct arena *arena);

#endif
