/* SPDX-License-Identifier: Apache-2.0
 *
 * What an object is, by its key alone. Only the last part is looked at, but for vended logs: what
 * stands before it is the user's (a prefix, an organization's id), and copies are kept elsewhere.
 */
#include "base/ascii.h"
#include "traffic/access_log.h"

#define ACCOUNT_DIGITS 12
#define ID_LENGTH      16

static bool is_name_character(char c) {
    return ascii_is_alphanumeric(c) || c == '-';
}

/* Takes the longest text of such characters off the front. */
static str take_while(str *rest, bool (*is_member)(char)) {
    size_t len = 0;
    while (len < rest->len && is_member(rest->ptr[len])) {
        len++;
    }
    str taken = str_slice(*rest, 0, len);
    *rest = str_slice(*rest, len, rest->len);
    return taken;
}

/* "app.<name>.<id>_"; false for a Classic or Network Load Balancer's. */
static bool take_application(str *rest, struct access_log_key *key) {
    if (!str_take(rest, STR("app."))) {
        return false;
    }
    key->name = take_while(rest, is_name_character);
    if (key->name.len == 0 || !str_take(rest, STR("."))) {
        return false;
    }
    key->id = take_while(rest, ascii_is_alphanumeric);
    return key->id.len == ID_LENGTH && str_take(rest, STR("_"));
}

/* "<name>_...", without dots; its objects are never compressed. */
static bool is_classic(str rest) {
    str name = take_while(&rest, is_name_character);
    return name.len > 0 && str_starts_with(rest, STR("_"));
}

static enum access_log_kind kind_of_delivered(str name, struct access_log_key *key) {
    key->account_id = take_while(&name, ascii_is_digit);
    if (key->account_id.len != ACCOUNT_DIGITS || !str_take(&name, STR("_elasticloadbalancing_"))) {
        return ACCESS_LOG_UNPARSED;
    }
    key->region = take_while(&name, is_name_character);
    bool is_log = key->is_compressed || str_ends_with(name, STR(".log"));
    if (key->region.len == 0 || !is_log || !str_take(&name, STR("_"))) {
        return ACCESS_LOG_UNPARSED;
    }
    if (take_application(&name, key)) {
        return ACCESS_LOG_LINE;
    }
    if (str_starts_with(name, STR("net."))) {
        return ACCESS_LOG_NETWORK;
    }
    return is_classic(name) ? ACCESS_LOG_CLASSIC : ACCESS_LOG_UNPARSED;
}

/* CloudWatch Logs delivers JSON under folders of the account's choice: by its name an object is a
 * vended log when its ending says JSON and something else in it names the type of log. */
static bool is_vended(str key, str name) {
    static const char *const ENDINGS[] = {".json", ".json.gz", ".json.log", ".json.log.gz"};
    static const char *const TYPES[] = {"_elasticloadbalancing_", "ALB_ACCESS_LOGS",
                                        "ALB_CONNECTION_LOGS", "ALB_HEALTH_CHECK_LOGS",
                                        "NLB_ACCESS_LOGS"};
    bool is_json = false;
    for (size_t i = 0; i < sizeof ENDINGS / sizeof *ENDINGS; i++) {
        is_json = is_json || str_ends_with(name, str_from_cstr(ENDINGS[i]));
    }
    for (size_t i = 0; is_json && i < sizeof TYPES / sizeof *TYPES; i++) {
        if (str_contains(key, str_from_cstr(TYPES[i]))) {
            return true;
        }
    }
    return false;
}

static enum access_log_kind kind_of(str key, str name, struct access_log_key *parsed) {
    if (str_eq(name, STR("ELBAccessLogTestFile")) ||
        str_eq(name, STR("ELBConnectionLogTestFile")) ||
        str_eq(name, STR("ELBHealthCheckLogTestFile"))) {
        return ACCESS_LOG_TEST_FILE;
    }
    if (str_starts_with(name, STR("conn_log"))) {
        return ACCESS_LOG_CONNECTION;
    }
    if (str_starts_with(name, STR("health_check_log"))) {
        return ACCESS_LOG_HEALTH;
    }
    return is_vended(key, name) ? ACCESS_LOG_VENDED : kind_of_delivered(name, parsed);
}

struct access_log_key access_log_key_parse(str key) {
    str name = str_after_last(key, '/');
    struct access_log_key parsed = {.is_compressed = str_ends_with(name, STR(".log.gz"))};
    enum access_log_kind kind = kind_of(key, name, &parsed);
    bool is_compressed = str_ends_with(name, STR(".gz"));
    if (kind != ACCESS_LOG_LINE) {
        parsed = (struct access_log_key){.kind = kind};
    }
    parsed.kind = kind;
    parsed.is_compressed = is_compressed;
    return parsed;
}
