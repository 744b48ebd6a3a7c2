/* SPDX-License-Identifier: Apache-2.0 */
#include "settings_internal.h"

#define EVIDENCE_DAYS_DEFAULT 14
#define EVIDENCE_DAYS_MAX     90 /* fewer than TRAFFIC items and closed watches are kept */
#define REQUESTS_MIN_DEFAULT  1000
#define REQUESTS_MIN_MAX      1000000000
#define WATCH_MINUTES_DEFAULT 60
#define WATCH_MINUTES_MIN     5 /* CloudWatch counts by the minute, and some come late */
#define WATCH_MINUTES_MAX     (24 * 60)
#define INCREASE_DEFAULT      5
#define INCREASE_MAX          1000
#define RING_TAG_DEFAULT      "DesyncRing"
#define DECIMALS_MAX          6

/* Digits and a point, no sign and no exponent. */
static bool parse_decimal(str text, double *value_out) {
    size_t point = str_find_char(text, '.');
    str fraction = str_slice(text, point + 1, text.len);
    int64_t whole = 0;
    int64_t part = 0;
    if (point > 9 || !str_parse_i64(str_slice(text, 0, point), &whole) || text.ptr[0] == '-') {
        return false;
    }
    bool has_fraction = point < text.len;
    if (has_fraction && (fraction.len > DECIMALS_MAX || !str_parse_i64(fraction, &part) ||
                         fraction.ptr[0] == '-')) {
        return false;
    }
    double scale = 1;
    for (size_t i = 0; has_fraction && i < fraction.len; i++) {
        scale *= 10;
    }
    *value_out = (double)whole + (double)part / scale;
    return true;
}

static enum status parse_percent(const struct env *env, const char *name, int max,
                                 double *value_out, struct arena *arena, struct error *error) {
    str text = env_get(env, name);
    double value = 0;
    if (str_is_empty(text)) {
        return STATUS_OK;
    }
    if (!parse_decimal(text, &value) || value > max) {
        str accepted =
            str_format(arena, "0..%d, with up to %d digits after the point", max, DECIMALS_MAX);
        return env_refuse(name, text, str_to_cstr(arena, accepted), arena, error);
    }
    *value_out = value;
    return STATUS_OK;
}

/* What Elastic Load Balancing takes for a key, but for letters beyond ASCII. */
static bool is_tag_key(str text) {
    return env_is_name(text, 1, 128, " _.:/=+-@");
}

static enum status parse_evidence(const struct env *env, struct promotion_settings *settings,
                                  struct arena *arena, struct error *error) {
    int requests_min = REQUESTS_MIN_DEFAULT;
    *settings = (struct promotion_settings){.evidence_days = EVIDENCE_DAYS_DEFAULT};
    TRY(env_count(env, "EVIDENCE_DAYS", (struct env_range){1, EVIDENCE_DAYS_MAX},
                  &settings->evidence_days, arena, error));
    TRY(env_count(env, "PROMOTION_MIN_REQUESTS", (struct env_range){1, REQUESTS_MIN_MAX},
                  &requests_min, arena, error));
    settings->requests_min = requests_min;
    return parse_percent(env, "PROMOTION_MAX_BLOCKED_PERCENT", 100, &settings->blocked_percent_max,
                         arena, error);
}

static enum status parse_watch(const struct env *env, struct watch_settings *settings,
                               struct arena *arena, struct error *error) {
    *settings = (struct watch_settings){.minutes = WATCH_MINUTES_DEFAULT,
                                        .error_increase_max = INCREASE_DEFAULT};
    TRY(env_count(env, "WATCH_MINUTES", (struct env_range){WATCH_MINUTES_MIN, WATCH_MINUTES_MAX},
                  &settings->minutes, arena, error));
    return parse_percent(env, "WATCH_MAX_ERROR_INCREASE_PERCENT", INCREASE_MAX,
                         &settings->error_increase_max, arena, error);
}

enum status promotion_config_parse(const struct env *env, struct arena *arena,
                                   struct promotion_config *config_out, struct error *error) {
    static const char *const PROMOTIONS[] = {"off", "recommend", "enforce", NULL};
    size_t promotion = PROMOTION_RECOMMEND;
    *config_out = (struct promotion_config){.evidence_table = env_get(env, "STATE_TABLE")};
    TRY(env_choice(env, "PROMOTION", PROMOTIONS, &promotion, arena, error));
    config_out->promotion = (enum promotion)promotion;
    TRY(parse_evidence(env, &config_out->evidence, arena, error));
    TRY(parse_watch(env, &config_out->watch, arena, error));
    TRY(env_text(env, "PROMOTION_RING_TAG", is_tag_key,
                 "the key of a tag: 1 to 128 letters, digits, spaces and _.:/=+-@",
                 &config_out->ring_tag, arena, error));
    if (str_is_empty(config_out->ring_tag)) {
        config_out->ring_tag = STR(RING_TAG_DEFAULT);
    }
    return STATUS_OK;
}
