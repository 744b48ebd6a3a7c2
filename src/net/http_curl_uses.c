/* SPDX-License-Identifier: Apache-2.0
 *
 * When each host was last asked, by the wall clock.
 */
#include "net/http_curl_internal.h"
#include "net/http_internal.h"

#define FNV_OFFSET UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME  UINT64_C(0x100000001b3)

uint64_t host_uses_origin(str url) {
    str origin = http_url_origin(url);
    uint64_t hash = FNV_OFFSET;
    for (size_t i = 0; i < origin.len; i++) {
        hash = (hash ^ (unsigned char)origin.ptr[i]) * FNV_PRIME;
    }
    return hash;
}

static struct host_use *find(struct host_uses *uses, uint64_t origin) {
    for (size_t i = 0; i < uses->count; i++) {
        if (uses->rows[i].origin == origin) {
            return &uses->rows[i];
        }
    }
    return NULL;
}

/* A row for another host: a free one, else that of the host which was not asked for longest. */
static struct host_use *make_room(struct host_uses *uses) {
    if (uses->count < HOST_USES_MAX) {
        return &uses->rows[uses->count++];
    }
    struct host_use *oldest = &uses->rows[0];
    for (size_t i = 1; i < uses->count; i++) {
        if (uses->rows[i].last_use_ms < oldest->last_use_ms) {
            oldest = &uses->rows[i];
        }
    }
    uses->has_forgotten = true;
    return oldest;
}

void host_uses_note(struct host_uses *uses, uint64_t origin, int64_t now_ms) {
    struct host_use *use = find(uses, origin);
    if (use == NULL) {
        use = make_room(uses);
    }
    *use = (struct host_use){origin, now_ms};
}

/* A clock that went backwards proves nothing. */
static bool is_stale(const struct host_use *use, int64_t now_ms, int64_t idle_ms_max) {
    int64_t idle_ms = now_ms - use->last_use_ms;
    return idle_ms < 0 || idle_ms > idle_ms_max;
}

bool host_uses_is_stale(struct host_uses *uses, uint64_t origin, int64_t now_ms,
                        int64_t idle_ms_max) {
    const struct host_use *use = find(uses, origin);
    return use == NULL ? uses->has_forgotten : is_stale(use, now_ms, idle_ms_max);
}

bool host_uses_is_any_stale(const struct host_uses *uses, int64_t now_ms, int64_t idle_ms_max) {
    bool is_any = uses->has_forgotten;
    for (size_t i = 0; i < uses->count && !is_any; i++) {
        is_any = is_stale(&uses->rows[i], now_ms, idle_ms_max);
    }
    return is_any;
}

void host_uses_clear(struct host_uses *uses) {
    uses->count = 0;
    uses->has_forgotten = false;
}
