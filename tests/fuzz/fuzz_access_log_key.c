/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys of log objects: what is called an access log has all its parts, and they make up its name.
 */
#include "fuzz/fuzz.h"

#include "traffic/access_log.h"

static bool is_of(str text, const char *allowed) {
    for (size_t i = 0; i < text.len; i++) {
        if (strchr(allowed, text.ptr[i]) == NULL || text.ptr[i] == '\0') {
            return false;
        }
    }
    return text.len > 0;
}

#define DIGITS       "0123456789"
#define ALPHANUMERIC DIGITS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct arena arena;
    arena_reset(&arena);
    str key = fuzz_input(&arena, data, size);
    struct access_log_key parsed = access_log_key_parse(key);
    HOLD((unsigned)parsed.kind < ACCESS_LOG_KIND_COUNT);
    HOLD(parsed.is_compressed == str_ends_with(key, STR(".gz")));
    if (parsed.kind != ACCESS_LOG_LINE) {
        HOLD(parsed.account_id.len == 0 && parsed.region.len == 0 && parsed.name.len == 0 &&
             parsed.id.len == 0);
        return 0;
    }
    HOLD(fuzz_is_inside(parsed.account_id, key) && fuzz_is_inside(parsed.region, key));
    HOLD(fuzz_is_inside(parsed.name, key) && fuzz_is_inside(parsed.id, key));
    HOLD(parsed.account_id.len == 12 && is_of(parsed.account_id, DIGITS));
    HOLD(parsed.id.len == 16 && is_of(parsed.id, ALPHANUMERIC));
    HOLD(is_of(parsed.region, ALPHANUMERIC "-") && is_of(parsed.name, ALPHANUMERIC "-"));
    str name = str_format(
        &arena, "%" STR_FMT "_elasticloadbalancing_%" STR_FMT "_app.%" STR_FMT ".%" STR_FMT "_",
        STR_ARG(parsed.account_id), STR_ARG(parsed.region), STR_ARG(parsed.name),
        STR_ARG(parsed.id));
    HOLD(str_contains(key, name));
    return 0;
}
