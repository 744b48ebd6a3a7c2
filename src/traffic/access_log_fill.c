/* SPDX-License-Identifier: Apache-2.0
 *
 * From fields to a record: what a client, a host and a class are.
 */
#include "traffic/access_log.h"

#include "base/ascii.h"
#include "base/assert.h"
#include "traffic/access_log_internal.h"

static bool is_none(str text) {
    return text.len == 0 || str_eq(text, STR("-"));
}

static bool is_number(str text) {
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9') {
            return false;
        }
    }
    return text.len > 0;
}

/* "192.0.2.7:2817", "[2001:db8::1]:2817" and "2001:db8:0:0:0:0:0:1:2817" have all been seen. */
static str address_of_client(str client) {
    if (str_starts_with(client, STR("["))) {
        return str_slice(client, 1, str_find_char(client, ']'));
    }
    size_t colon = client.len;
    while (colon > 0 && client.ptr[colon - 1] != ':') {
        colon--;
    }
    bool has_port = colon > 1 && is_number(str_slice(client, colon, client.len));
    return has_port ? str_slice(client, 0, colon - 1) : client;
}

/* Where the scheme's "://" begins: in "METHOD scheme://...", or in a line of which not even the
 * method was understood. request.len: nowhere. */
static size_t find_scheme_end(str request) {
    for (size_t at = 1; at + 2 < request.len; at++) {
        if (request.ptr[at] != ':' || request.ptr[at + 1] != '/' || request.ptr[at + 2] != '/') {
            continue;
        }
        size_t from = at;
        while (from > 0 && ascii_is_letter(request.ptr[from - 1])) {
            from--;
        }
        bool is_scheme = from < at && (from == 0 || request.ptr[from - 1] == ' ');
        return is_scheme ? at : request.len;
    }
    return request.len;
}

static str host_of_request(str request) {
    str rest = str_slice(request, find_scheme_end(request) + STR("://").len, request.len);
    if (str_starts_with(rest, STR("["))) {
        size_t bracket = str_find_char(rest, ']');
        return bracket < rest.len ? str_slice(rest, 0, bracket + 1) : STR_EMPTY;
    }
    size_t len = 0;
    while (len < rest.len && rest.ptr[len] != ':' && rest.ptr[len] != '/' && rest.ptr[len] != '?' &&
           rest.ptr[len] != ' ') {
        len++;
    }
    return str_slice(rest, 0, len);
}

/* A real line has a blank before the name in field 19. */
static str host_of(str request, str domain) {
    str host = host_of_request(request);
    if (!is_none(host)) {
        return host;
    }
    domain = str_trim(domain);
    return is_none(domain) ? STR("-") : domain;
}

static enum traffic_class class_of(str text) {
    if (str_eq(text, STR("-"))) {
        return CLASS_COMPLIANT;
    }
    for (int class = CLASS_ACCEPTABLE; class <= CLASS_SEVERE; class ++) {
        if (str_eq(text, str_from_cstr(traffic_class_name((enum traffic_class) class)))) {
            return (enum traffic_class) class;
        }
    }
    return CLASS_UNKNOWN;
}

void access_log_fill(const struct access_log_parts *parts, struct access_log_record *record_out) {
    *record_out = (struct access_log_record){
        .time = parts->time,
        .load_balancer = parts->load_balancer,
        .client = address_of_client(parts->client),
        .host = host_of(parts->request, parts->domain),
        .user_agent = parts->user_agent,
        .reason = is_none(parts->reason) ? STR_EMPTY : parts->reason,
        .class = class_of(parts->class),
        .class_name = parts->class,
    };
}

const char *traffic_class_name(enum traffic_class class) {
    static const char *const names[] = {"Compliant", "Acceptable", "Ambiguous", "Severe",
                                        "Unknown"};
    ASSERT((int)class >= 0 && class < CLASS_COUNT);
    return names[class];
}
