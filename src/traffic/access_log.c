/* SPDX-License-Identifier: Apache-2.0
 *
 * The tokenizer: fields stand between runs of spaces; one that begins with a quote ends with the
 * next, spaces inside are its own, and a backslash takes the meaning from what follows it. After a
 * closing quote a new field begins even without a space: AWS's own examples once had `"-"1`, and
 * others copied it. Quotes inside an unquoted field are plain letters.
 */
#include "traffic/access_log.h"

#include "base/ascii.h"
#include "base/assert.h"
#include "traffic/access_log_internal.h"

/* 1-based numbers of the fields, as in AWS's table. */
enum {
    FIELD_TYPE = 1,
    FIELD_TIME = 2,
    FIELD_NETWORK_VERSION = 2, /* of a Network Load Balancer's line */
    FIELD_NETWORK_TIME = 3,
    FIELD_NETWORK_ELB = 4,
    FIELD_LOAD_BALANCER = 3,
    FIELD_CLIENT = 4,
    FIELD_ELB_STATUS = 9,
    FIELD_TARGET_STATUS = 10,
    FIELD_CLASSIC_REQUEST = 12,
    FIELD_REQUEST = 13,
    FIELD_USER_AGENT = 14,
    FIELD_TRACE_ID = 18,
    FIELD_DOMAIN = 19,
    FIELD_CLASS = 28,
    FIELD_REASON = 29,
    FIELDS_KEPT = FIELD_REASON,
    FIELDS_MIN = 18,            /* of 2016 */
    FIELDS_CONNECTION_MIN = 11, /* 12 and 13 are known */
    FIELDS_HEALTH_MIN = 6,      /* 8 are known, in an order that no document settles */
    FIELDS_HEALTH_MAX = 12,
};

#define BIT(number) (UINT32_C(1) << (number))
/* Every format there was quotes these of the first 18 and no others. */
#define QUOTED_ALWAYS (BIT(FIELD_REQUEST) | BIT(FIELD_USER_AGENT) | BIT(FIELD_TRACE_ID))

struct fields {
    str text[FIELDS_KEPT + 1]; /* by number; [0] is not used */
    uint32_t quoted;           /* a bit for each of them */
    unsigned count;            /* of all */
    bool is_open;              /* a quote of one of those kept is never closed */
};

const char *access_log_kind_name(enum access_log_kind kind) {
    static const char *const names[] = {
        "access log of an Application Load Balancer",
        "not an access log",
        "access log of a Classic Load Balancer",
        "connection log of an Application Load Balancer",
        "health check log of an Application Load Balancer",
        "test file that Elastic Load Balancing writes when logging is switched on",
        "access log of a Network Load Balancer",
        "log in JSON that CloudWatch Logs delivers (a vended log)",
    };
    ASSERT((int)kind >= 0 && kind < ACCESS_LOG_KIND_COUNT);
    return names[kind];
}

/* Position of the quote that closes the field which began before `at`, or line.len. */
static size_t find_closing_quote(str line, size_t at) {
    while (at < line.len && line.ptr[at] != '"') {
        at += line.ptr[at] == '\\' ? 2 : 1;
    }
    return at < line.len ? at : line.len;
}

/* Takes the field that begins at line.ptr[at], not a space; returns where it ends. */
static size_t take_field(struct fields *fields, str line, size_t at) {
    bool is_quoted = line.ptr[at] == '"';
    size_t from = is_quoted ? at + 1 : at;
    size_t to = is_quoted ? find_closing_quote(line, from)
                          : from + str_find_char(str_slice(line, from, line.len), ' ');
    fields->count++;
    if (fields->count <= FIELDS_KEPT) {
        fields->text[fields->count] = str_slice(line, from, to);
        fields->quoted |= is_quoted ? BIT(fields->count) : 0;
        fields->is_open = fields->is_open || (is_quoted && to == line.len);
    }
    return is_quoted && to < line.len ? to + 1 : to;
}

static void split_line(str line, struct fields *fields) {
    *fields = (struct fields){.count = 0};
    for (size_t at = 0; at < line.len;) {
        if (line.ptr[at] == ' ') {
            at++;
        } else {
            at = take_field(fields, line, at);
        }
    }
}

static bool is_number(str text) {
    return text.len > 0 && ascii_has_only(text, ascii_is_digit);
}

/* Digits and some of `others`. */
static bool is_digits_and(str text, str others) {
    for (size_t i = 0; i < text.len; i++) {
        if (!ascii_is_digit(text.ptr[i]) && str_find_char(others, text.ptr[i]) == others.len) {
            return false;
        }
    }
    return text.len > 0;
}

/* Enough of "2026-11-23T12:00:00.000000Z" to recognise a time. */
static bool looks_like_time(str text) {
    return text.len >= STR("2026-11-23T").len && is_number(str_slice(text, 0, 4)) &&
           text.ptr[4] == '-' && is_number(str_slice(text, 5, 7)) && text.ptr[7] == '-' &&
           is_number(str_slice(text, 8, 10)) && text.ptr[10] == 'T';
}

static bool is_access_log(const struct fields *fields) {
    uint32_t first = fields->quoted & (BIT(FIELDS_MIN + 1) - 1);
    return fields->count >= FIELDS_MIN && !fields->is_open && first == QUOTED_ALWAYS;
}

/* "time elb client:port backend:port ... "request" ...": without the type, so one field to the
 * left. */
static bool is_classic(const struct fields *fields) {
    return looks_like_time(fields->text[1]) && fields->count >= FIELD_CLASSIC_REQUEST &&
           (fields->quoted & (BIT(FIELD_CLASSIC_REQUEST + 1) - 1)) == BIT(FIELD_CLASSIC_REQUEST);
}

/* "time client_ip client_port listener_port ..." */
static bool is_connection(const struct fields *fields) {
    return looks_like_time(fields->text[1]) && fields->count >= FIELDS_CONNECTION_MIN &&
           is_number(fields->text[3]) && is_number(fields->text[4]);
}

/* "type time latency target ...": the latency distinguishes it from an access log line that was
 * cut. */
static bool is_health(const struct fields *fields) {
    return looks_like_time(fields->text[FIELD_TIME]) && fields->quoted == 0 &&
           fields->count >= FIELDS_HEALTH_MIN && fields->count <= FIELDS_HEALTH_MAX &&
           is_digits_and(fields->text[3], STR(".-"));
}

/* "tls 2.0 2026-10-25T17:41:05 net/name/id ...": "Access logs for your Network Load Balancer". */
static bool is_network(const struct fields *fields) {
    return is_digits_and(fields->text[FIELD_NETWORK_VERSION], STR(".")) &&
           looks_like_time(fields->text[FIELD_NETWORK_TIME]) &&
           str_starts_with(fields->text[FIELD_NETWORK_ELB], STR("net/"));
}

/* AWS documents no member names of vended logs, so a JSON object is one of them by what every log
 * of a load balancer holds: a member "elb..." or the load balancer's id. Other JSON is foreign. */
static bool is_vended(str line) {
    static const char *const HINTS[] = {"\"elb", "\"app/", "\"net/", ":loadbalancer/"};
    if (!str_starts_with(line, STR("{")) || !str_ends_with(line, STR("}"))) {
        return false;
    }
    for (size_t i = 0; i < sizeof HINTS / sizeof *HINTS; i++) {
        if (str_contains(line, str_from_cstr(HINTS[i]))) {
            return true;
        }
    }
    return false;
}

static enum access_log_kind kind_of(str line, const struct fields *fields) {
    if (is_access_log(fields)) {
        return ACCESS_LOG_LINE;
    }
    if (str_starts_with(line, STR("Enable ")) && str_contains(line, STR(" for ELB: "))) {
        return ACCESS_LOG_TEST_FILE;
    }
    if (is_classic(fields)) {
        return ACCESS_LOG_CLASSIC;
    }
    if (is_connection(fields)) {
        return ACCESS_LOG_CONNECTION;
    }
    if (is_health(fields)) {
        return ACCESS_LOG_HEALTH;
    }
    if (is_network(fields)) {
        return ACCESS_LOG_NETWORK;
    }
    return is_vended(str_trim(line)) ? ACCESS_LOG_VENDED : ACCESS_LOG_UNPARSED;
}

enum access_log_kind access_log_parse(str line, struct access_log_record *record_out) {
    struct fields fields;
    split_line(line, &fields);
    enum access_log_kind kind = kind_of(line, &fields);
    if (kind != ACCESS_LOG_LINE) {
        return kind;
    }
    access_log_fill(
        &(struct access_log_parts){
            .type = fields.text[FIELD_TYPE],
            .time = fields.text[FIELD_TIME],
            .load_balancer = fields.text[FIELD_LOAD_BALANCER],
            .client = fields.text[FIELD_CLIENT],
            .elb_status = fields.text[FIELD_ELB_STATUS],
            .target_status = fields.text[FIELD_TARGET_STATUS],
            .request = fields.text[FIELD_REQUEST],
            .user_agent = fields.text[FIELD_USER_AGENT],
            .domain = fields.text[FIELD_DOMAIN],
            .class = fields.text[FIELD_CLASS],
            .reason = fields.text[FIELD_REASON],
        },
        record_out);
    record_out->field_count = fields.count;
    return ACCESS_LOG_LINE;
}

/* ---- from fields to a record ---- */

static bool is_none(str text) {
    return text.len == 0 || str_eq(text, STR("-"));
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

void access_log_fill_sketch(const struct access_log_parts *parts,
                            struct access_log_record *record_out) {
    *record_out = (struct access_log_record){
        .type = parts->type,
        .time = parts->time,
        .load_balancer = parts->load_balancer,
        .client = address_of_client(parts->client),
        .elb_status = parts->elb_status,
        .target_status = parts->target_status,
        .user_agent = parts->user_agent,
        .reason = is_none(parts->reason) ? STR_EMPTY : parts->reason,
        .class = class_of(parts->class),
        .class_name = parts->class,
    };
}

void access_log_fill(const struct access_log_parts *parts, struct access_log_record *record_out) {
    access_log_fill_sketch(parts, record_out);
    record_out->host = host_of(parts->request, parts->domain);
}

const char *traffic_class_name(enum traffic_class class) {
    static const char *const names[] = {"Compliant", "Acceptable", "Ambiguous", "Severe",
                                        "Unknown"};
    ASSERT((int)class >= 0 && class < CLASS_COUNT);
    return names[class];
}
