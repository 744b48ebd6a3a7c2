/* SPDX-License-Identifier: Apache-2.0 */
#include "settings_internal.h"

#define METRICS_NAMESPACE_DEFAULT "DesyncGuard"

/* S3 allows more in buckets of before 2018, which nobody makes for reports. */
static bool is_bucket_name(str text) {
    for (size_t i = 0; i < text.len; i++) {
        bool is_upper = text.ptr[i] >= 'A' && text.ptr[i] <= 'Z';
        if (is_upper) {
            return false;
        }
    }
    return env_is_name(text, 3, 63, ".-") && text.ptr[0] != '.' && text.ptr[0] != '-';
}

/* Names that need no escaping in a URL or a console link. */
static bool is_prefix(str text) {
    return env_is_name(text, 1, 512, "/_.-") && text.ptr[0] != '/';
}

static bool is_namespace(str text) {
    return env_is_name(text, 1, 255, "._-/#:") && text.ptr[0] != ':' &&
           !str_starts_with(text, STR("AWS/"));
}

enum status report_settings_parse(const struct env *env, struct arena *arena,
                                  struct report_settings *settings_out, struct error *error) {
    *settings_out = (struct report_settings){0};
    TRY(env_text(env, "REPORT_BUCKET", is_bucket_name, "the name of an S3 bucket",
                 &settings_out->bucket, arena, error));
    TRY(env_text(env, "REPORT_PREFIX", is_prefix, "letters, digits and /_.- without a leading /",
                 &settings_out->prefix, arena, error));
    TRY(env_text(env, "METRICS_NAMESPACE", is_namespace,
                 "1 to 255 letters, digits and ._-/#: that do not begin with AWS/",
                 &settings_out->metrics_namespace, arena, error));
    if (str_is_empty(settings_out->metrics_namespace)) {
        settings_out->metrics_namespace = STR(METRICS_NAMESPACE_DEFAULT);
    }
    return STATUS_OK;
}
