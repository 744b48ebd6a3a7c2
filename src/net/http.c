/* SPDX-License-Identifier: Apache-2.0 */
#include "net/http.h"

#include <string.h>

#include "base/ascii.h"
#include "net/http_internal.h"

str http_header_get(const struct http_response *response, const char *name) {
    str wanted = str_from_cstr(name);
    for (size_t i = 0; i < response->header_count; i++) {
        if (str_eq_ignore_case(response->headers[i].name, wanted)) {
            return str_trim(response->headers[i].value);
        }
    }
    return STR_EMPTY;
}

static size_t host_start(str url) {
    str https = STR("https://");
    str http = STR("http://");
    return str_starts_with(url, https) ? https.len : str_starts_with(url, http) ? http.len : 0;
}

str http_url_host(str url) {
    size_t start = host_start(url);
    if (start == 0) {
        return STR_EMPTY;
    }
    str rest = str_slice(url, start, url.len);
    size_t end = 0;
    while (end < rest.len && strchr("/?#", rest.ptr[end]) == NULL) {
        end++;
    }
    return str_slice(rest, 0, end);
}

str http_url_origin(str url) {
    return str_slice(url, 0, host_start(url) + http_url_host(url).len);
}

/* RFC 9110 section 5.6.2: what a method or a header name may be made of. */
static bool is_token(str text) {
    return text.len > 0 && ascii_is_made_of(text, STR("!#$%&'*+-.^_`|~"));
}

/* A second opinion on where the body ends is how requests are smuggled: only the transport frames.
 */
static bool is_framing_contradicted(const struct http_header *header, size_t body_bytes) {
    int64_t length = -1;
    if (str_eq_ignore_case(header->name, STR("content-length"))) {
        return !str_parse_i64(header->value, &length) || (size_t)length != body_bytes;
    }
    return str_eq_ignore_case(header->name, STR("transfer-encoding")) ||
           str_eq_ignore_case(header->name, STR("expect"));
}

static const char *header_problem(const struct http_header *header, size_t body_bytes) {
    if (!is_token(header->name)) {
        return "a request header's name is not a token";
    }
    str value = header->value;
    if (str_find_char(value, '\r') < value.len || str_find_char(value, '\n') < value.len ||
        str_find_char(value, '\0') < value.len) {
        return "a request header holds a line break or NUL";
    }
    if (is_framing_contradicted(header, body_bytes)) {
        return "a request header contradicts the body's framing";
    }
    return NULL;
}

/* The URL is what the caller has signed, so nothing is mended here: curl would encode, drop or
 * follow any of these in its own way, and the signature would no longer fit. */
static const char *url_problem(str url) {
    str host = http_url_host(url);
    if (host.len == 0) {
        return "the URL is not absolute http or https";
    }
    if (str_find_char(host, '@') < host.len) {
        return "the URL holds a user name";
    }
    for (size_t i = 0; i < url.len; i++) {
        unsigned char c = (unsigned char)url.ptr[i];
        if (c <= ' ' || c >= 0x7F || c == '#') {
            return "the URL is not encoded";
        }
    }
    return NULL;
}

const char *http_request_problem(const struct http_request *request) {
    ASSERT(request->response_bytes_max > 0);
    const char *problem = url_problem(request->url);
    if (problem == NULL && !is_token(request->method)) {
        problem = "the method is not a token";
    }
    for (size_t i = 0; problem == NULL && i < request->header_count; i++) {
        problem = header_problem(&request->headers[i], request->body.len);
    }
    return problem;
}
