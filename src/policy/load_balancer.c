/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/load_balancer.h"
#include "base/ascii.h"
#include "base/assert.h"

#define ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Limits of the ELB API: a name has 1..32 letters, digits and hyphens. The id has 16 hex digits by
 * custom, not by contract: any letters and digits will do. */
#define NAME_LEN_MAX    32
#define ID_LEN_MAX      32
#define ACCOUNT_ID_LEN  12
#define ARN_FIELD_COUNT 6

/* Indexed by the enum; the entry 0 is what an unknown value is called and is never parsed. */
static const char *const MODE_NAMES[] = {"unknown", "monitor", "defensive", "strictest"};
static const char *const TYPE_NAMES[] = {"unknown", "application", "network", "gateway"};
static const char *const SCHEME_NAMES[] = {"unknown", "internal", "internet-facing"};
/* How the types are called inside an ARN. */
static const char *const ARN_TYPE_NAMES[] = {"", "app", "net", "gwy"};

static size_t name_index(const char *const *names, size_t count, str name) {
    for (size_t i = 1; i < count; i++) {
        if (str_eq(str_from_cstr(names[i]), name)) {
            return i;
        }
    }
    return 0;
}

enum desync_mode mode_parse(str name) {
    return (enum desync_mode)name_index(MODE_NAMES, ARRAY_COUNT(MODE_NAMES), name);
}

enum load_balancer_type load_balancer_type_parse(str name) {
    return (enum load_balancer_type)name_index(TYPE_NAMES, ARRAY_COUNT(TYPE_NAMES), name);
}

enum load_balancer_scheme load_balancer_scheme_parse(str name) {
    return (enum load_balancer_scheme)name_index(SCHEME_NAMES, ARRAY_COUNT(SCHEME_NAMES), name);
}

const char *mode_name(enum desync_mode mode) {
    ASSERT((size_t)mode < ARRAY_COUNT(MODE_NAMES));
    return MODE_NAMES[mode];
}

const char *load_balancer_type_name(enum load_balancer_type type) {
    ASSERT((size_t)type < ARRAY_COUNT(TYPE_NAMES));
    return TYPE_NAMES[type];
}

const char *scheme_name(enum load_balancer_scheme scheme) {
    ASSERT((size_t)scheme < ARRAY_COUNT(SCHEME_NAMES));
    return SCHEME_NAMES[scheme];
}

static bool is_name_char(char c) {
    return ascii_is_alphanumeric(c) || c == '-';
}

static bool is_region_char(char c) {
    return ascii_is_digit(c) || ascii_is_lower(c) || c == '-';
}

/* At least one character, and no other than these. */
static bool is_of(str text, bool (*accepts)(char)) {
    return text.len > 0 && ascii_has_only(text, accepts);
}

static bool is_load_balancer_name(str name) {
    return name.len <= NAME_LEN_MAX && is_of(name, is_name_char);
}

/* "loadbalancer/my-classic" or "loadbalancer/app/my-alb/50dc6c495c0c9188" */
static bool parse_resource(str resource, struct load_balancer_arn *parts) {
    str prefix = STR("loadbalancer/");
    if (!str_starts_with(resource, prefix)) {
        return false;
    }
    parts->resource = str_slice(resource, prefix.len, resource.len);
    str rest = parts->resource;
    str first = str_split(&rest, '/');
    if (rest.ptr == NULL) {
        parts->is_classic = true;
        parts->name = first;
        return is_load_balancer_name(first);
    }
    parts->type =
        (enum load_balancer_type)name_index(ARN_TYPE_NAMES, ARRAY_COUNT(ARN_TYPE_NAMES), first);
    parts->name = str_split(&rest, '/');
    return parts->type != TYPE_UNKNOWN && is_load_balancer_name(parts->name) &&
           rest.len <= ID_LEN_MAX && is_of(rest, ascii_is_alphanumeric);
}

/* The fields of an ARN, and what is called the resource:
 *
 *   arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/app/my-alb/50dc6c495c0c9188
 *   0   1   2                    3         4            5            |<------- resource ------>|
 *
 * The last part is the `resource` of log lines, and the dimension LoadBalancer of CloudWatch's
 * metrics. A Classic Load Balancer has only its name there. */
static bool parse_arn(str arn, struct load_balancer_arn *parts) {
    str fields[ARN_FIELD_COUNT];
    str rest = arn;
    for (size_t i = 0; i < ARN_FIELD_COUNT - 1; i++) {
        if (rest.ptr == NULL) {
            return false;
        }
        fields[i] = str_split(&rest, ':');
    }
    fields[ARN_FIELD_COUNT - 1] = rest;
    parts->partition = fields[1];
    parts->region = fields[3];
    parts->account_id = fields[4];
    return str_eq(fields[0], STR("arn")) && is_of(parts->partition, is_region_char) &&
           str_eq(fields[2], STR("elasticloadbalancing")) && is_of(parts->region, is_region_char) &&
           parts->account_id.len == ACCOUNT_ID_LEN && is_of(parts->account_id, ascii_is_digit) &&
           parse_resource(fields[5], parts);
}

struct load_balancer_arn load_balancer_arn_parts(str arn) {
    struct load_balancer_arn parts = {0};
    return parse_arn(arn, &parts) ? parts : (struct load_balancer_arn){0};
}

enum status load_balancer_arn_parse(str arn, struct load_balancer_arn *parts_out) {
    ASSERT(parts_out != NULL);
    *parts_out = load_balancer_arn_parts(arn);
    bool is_parsed = parts_out->is_classic || parts_out->type != TYPE_UNKNOWN;
    return is_parsed ? STATUS_OK : STATUS_INVALID;
}

/* By bytes, as AWS compares: "owner" and "Owner" are two tags. */
bool tag_get(const struct load_balancer *load_balancer, str key, str *value_out) {
    ASSERT(load_balancer != NULL && value_out != NULL);
    for (size_t i = 0; i < load_balancer->tag_count; i++) {
        if (str_eq(load_balancer->tags[i].key, key)) {
            *value_out = load_balancer->tags[i].value;
            return true;
        }
    }
    return false;
}

/* Rounded down in whole numbers: 9,999 of 10,000 must not show as 100 %. */
bool protected_percent(const size_t counts[static 4], double *percent_out) {
    size_t safe = counts[MODE_DEFENSIVE] + counts[MODE_STRICTEST];
    size_t known = safe + counts[MODE_MONITOR];
    size_t hundredths = known == 0 ? 10000 : 10000 * safe / known;
    *percent_out = (double)hundredths / 100;
    return known > 0;
}
