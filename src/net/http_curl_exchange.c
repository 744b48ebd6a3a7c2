/* SPDX-License-Identifier: Apache-2.0
 *
 * One request: its options in, its answer or its failure out.
 */
#include <curl/curl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "net/http_curl_internal.h"
#include "net/http_internal.h"

_Static_assert(HTTP_CURL_DETAIL_BYTES >= CURL_ERROR_SIZE, "curl writes up to that many bytes");

/* The Runtime API passes a client context of up to 64 KiB in one header; curl takes no line beyond
 * 100 KB by itself. */
#define HEAD_BYTES_MAX ((size_t)256 * 1024)
/* One lost SYN (1 s) and a handshake at the smallest Lambda's share of a processor. */
#define CONNECT_TIMEOUT_MS_DEFAULT 3000
/* Every request in flight has such a buffer. A TLS record holds 16 KiB, and one read gives one
 * record: more would never be filled. The Runtime API speaks plain HTTP, one request at a time, and
 * its events of several MB arrive in fewer reads. */
#define RECEIVE_BYTES_TLS   16384L
#define RECEIVE_BYTES_PLAIN 65536L
/* "never", in curl's unit of seconds: 0 would mean "always" */
#define IDLE_SECONDS_UNLIMITED (30L * 24 * 3600)

/* Accept, Content-Type and Expect, which curl would add by itself. */
static char header_no_accept[] = "Accept:";
static char header_no_content_type[] = "Content-Type:";
static char header_no_expect[] = "Expect:";

/* Receiving */

/* "HTTP/1.1 200 OK" -> 200; 0 when it is not one */
static int status_of_line(str line) {
    size_t space = str_find_char(line, ' ');
    int64_t status = 0;
    if (!str_parse_i64(str_slice(line, space + 1, space + 4), &status)) {
        return 0;
    }
    return status >= 100 && status <= 999 ? (int)status : 0;
}

/* curl calls this line by line. A new status line means that what came before was an interim answer
 * (100 Continue), whose headers are none of the final answer's. Returning fewer bytes than were
 * given makes curl end the exchange. */
static size_t on_header(char *data, size_t size, size_t count, void *context) {
    struct exchange *exchange = context;
    str line = {data, size * count};
    if (exchange->is_head_ended) {
        return line.len; /* a trailer after a chunked body */
    }
    if (str_starts_with(line, STR("HTTP/"))) {
        buf_clear(&exchange->head);
        exchange->status = status_of_line(line);
    } else if (str_eq(line, STR("\r\n")) || str_eq(line, STR("\n"))) {
        exchange->is_head_ended = exchange->status >= 200;
    } else {
        buf_append(&exchange->head, line);
    }
    return buf_status(&exchange->head) == STATUS_OK ? line.len : 0;
}

static size_t on_body(char *data, size_t size, size_t count, void *context) {
    struct exchange *exchange = context;
    buf_append(&exchange->body, (str){data, size * count});
    return buf_status(&exchange->body) == STATUS_OK ? size * count : 0;
}

static CURLcode on_tls_context(CURL *easy, void *ssl_ctx, void *context) {
    (void)easy;
    return tls_trust_apply(context, ssl_ctx) ? CURLE_OK : CURLE_SSL_CACERT_BADFILE;
}

/* Options of every request, set once per handle. A refused one is a bug or a curl built without
 * what we need: never go on without. */

/* "" keeps curl from asking the environment. The shipped curl is built without proxies and knows no
 * such option. */
static bool set_no_proxy(CURL *easy) {
    CURLcode code = curl_easy_setopt(easy, CURLOPT_PROXY, "");
    return code == CURLE_OK || code == CURLE_UNKNOWN_OPTION;
}

/* PATH_AS_IS: curl would remove dot segments from the path that was signed. NOSIGNAL: a resolver
 * must not use SIGALRM in a process with threads. */
static bool set_safety(CURL *easy, const struct http_curl *curl) {
    return curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, curl->protocols) == CURLE_OK &&
           set_no_proxy(easy) && curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK;
}

/* HTTP/1.1 is all the shipped curl can speak. MAXAGE_CONN is 118 s by default, longer than S3 keeps
 * an idle connection. */
static bool set_connection(CURL *easy, const struct http_curl *curl) {
    long idle_seconds =
        curl->idle_ms_max > 0 ? (long)(curl->idle_ms_max / MS_PER_SECOND) : IDLE_SECONDS_UNLIMITED;
    long receive_bytes = curl->trust == NULL ? RECEIVE_BYTES_PLAIN : RECEIVE_BYTES_TLS;
    return curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, idle_seconds) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, receive_bytes) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_USERAGENT, curl->user_agent) == CURLE_OK &&
           /* do not wait for a resolver thread whose answer nobody wants any more */
           curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L) == CURLE_OK;
}

/* CAINFO and CAPATH NULL: curl loads no bundle of its own; the store comes from tls_trust. */
static bool set_tls(CURL *easy, const struct http_curl *curl) {
    return curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CAINFO, NULL) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CAPATH, NULL) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, on_tls_context) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, curl->trust) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SHARE, curl->share) == CURLE_OK;
}

static bool set_callbacks(CURL *easy, struct exchange *exchange) {
    return curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HEADERDATA, exchange) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEDATA, exchange) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, exchange->detail) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PRIVATE, exchange) == CURLE_OK;
}

/* The life of an exchange. Its handle, with the options that never change, is used again.
 *
 *   exchange_new --> [in the multi handle] --exchange_end--> exchanges_idle --+
 *                          ^      |                                           |
 *                          |      | a pooled connection died before a byte    |
 *                          |      v of the answer came: curl sends again      |
 *                          +--exchange_begin----------------------------------+
 *
 * No option of curl turns that second sending off (curl pull request 18417, open in 2026). Measured
 * with 7.88.1: a POST on a pool of eight connections that die on use reached the server six times
 * and then failed; with one such connection it came twice and was reported as a success. Requests
 * that must not be doubled therefore set CURLOPT_FRESH_CONNECT, with which the fault delivers them
 * once. */
static struct exchange *exchange_new(struct http_curl *curl) {
    struct exchange *exchange = ARENA_NEW(curl->arena, struct exchange);
    exchange->curl = curl;
    exchange->easy = curl_easy_init();
    ASSERT(exchange->easy != NULL);
    bool is_set = set_safety(exchange->easy, curl) && set_connection(exchange->easy, curl) &&
                  (curl->trust == NULL || set_tls(exchange->easy, curl)) &&
                  set_callbacks(exchange->easy, exchange);
    ASSERT(is_set);
    exchange->all_next = curl->exchanges;
    curl->exchanges = exchange;
    return exchange;
}

void exchange_clean_up(struct exchange *exchange) {
    curl_easy_cleanup(exchange->easy);
    exchange->easy = NULL;
}

/* Options of this request. Each is set for every request, so that none leaks into the next. */

/* curl takes "Name:" for "leave it out"; "Name;" sends it empty. No AWS request needs an empty
 * header, but dropping one that was signed would be a signature error. */
static char *header_line(const struct http_header *header, struct arena *arena) {
    size_t size = header->name.len + header->value.len + sizeof(": ");
    char *line = arena_alloc(arena, size);
    if (str_is_empty(str_trim(header->value))) {
        (void)snprintf(line, size, "%" STR_FMT ";", STR_ARG(header->name));
    } else {
        (void)snprintf(line, size, "%" STR_FMT ": %" STR_FMT, STR_ARG(header->name),
                       STR_ARG(header->value));
    }
    return line;
}

/* curl only reads the list, so that it can live in the arena. Without "Expect:" curl asks for 100
 * Continue before a body of more than 1 MiB, and waits for it. */
static struct curl_slist *header_list(const struct http_request *request, struct arena *arena) {
    char *suppressed[] = {header_no_accept, header_no_content_type, header_no_expect};
    size_t own_count = sizeof(suppressed) / sizeof(suppressed[0]);
    size_t count = request->header_count + own_count;
    struct curl_slist *list = ARENA_ARRAY(arena, struct curl_slist, count);
    for (size_t i = 0; i < count; i++) {
        list[i].data = i < request->header_count ? header_line(&request->headers[i], arena)
                                                 : suppressed[i - request->header_count];
        list[i].next = i + 1 < count ? &list[i + 1] : NULL;
    }
    return list;
}

/* The body is borrowed, not copied, and curl can send it again from its first byte. */
static bool set_method(CURL *easy, const struct http_request *request, struct arena *arena) {
    str method = request->method;
    bool has_body = request->body.len > 0 || str_eq(method, STR("POST")) ||
                    str_eq(method, STR("PUT")) || str_eq(method, STR("PATCH"));
    bool is_head = str_eq(method, STR("HEAD"));
    bool is_set = curl_easy_setopt(easy, CURLOPT_NOBODY, 0L) == CURLE_OK;
    if (has_body) {
        curl_off_t length = (curl_off_t)request->body.len;
        const char *body = request->body.ptr == NULL ? "" : request->body.ptr;
        is_set = is_set && curl_easy_setopt(easy, CURLOPT_POST, 1L) == CURLE_OK &&
                 curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, length) == CURLE_OK &&
                 curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body) == CURLE_OK;
    } else {
        is_set = is_set && curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L) == CURLE_OK;
    }
    if (is_head && !has_body) {
        is_set = is_set && curl_easy_setopt(easy, CURLOPT_NOBODY, 1L) == CURLE_OK;
    }
    return is_set &&
           curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, str_to_cstr(arena, method)) == CURLE_OK;
}

static long to_timeout(int64_t ms) {
    return ms > INT_MAX ? INT_MAX : (long)ms;
}

/* A fresh connection goes to the pool afterwards all the same: the silent re-send is a danger to
 * the request that rides a reused connection, and the requests that mind never do. */
static bool set_request(CURL *easy, const struct http_request *request, struct arena *arena) {
    int64_t connect_ms =
        request->connect_timeout_ms > 0 ? request->connect_timeout_ms : CONNECT_TIMEOUT_MS_DEFAULT;
    return set_method(easy, request, arena) &&
           curl_easy_setopt(easy, CURLOPT_URL, str_to_cstr(arena, request->url)) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HTTPHEADER, header_list(request, arena)) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, to_timeout(request->timeout_ms)) ==
               CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, to_timeout(connect_ms)) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT,
                            request->uses_fresh_connection ? 1L : 0L) == CURLE_OK;
}

static enum status check(const struct http_curl *curl, const struct http_request *request,
                         struct arena *arena, struct error *error) {
    str host = http_url_host(request->url);
    const char *problem = http_request_problem(request);
    bool is_plain = str_starts_with(request->url, STR("http://"));
    if (problem == NULL && is_plain && !curl->allows_plain_http) {
        problem = "plain http is not allowed";
    }
    if (problem == NULL && !is_plain && curl->trust == NULL) {
        problem = "https without a trust store";
    }
    if (problem != NULL) {
        return error_set(error, arena, STATUS_INVALID, "request to %" STR_FMT ": %s", STR_ARG(host),
                         problem);
    }
    if (request->timeout_ms < 0 || request->connect_timeout_ms < 0) {
        return error_set(error, arena, STATUS_TIMEOUT, "request to %" STR_FMT ": no time left",
                         STR_ARG(host));
    }
    return STATUS_OK;
}

enum status exchange_begin(struct http_curl *curl, const struct http_request *request,
                           struct arena *arena, struct exchange **exchange_out,
                           struct error *error) {
    enum status status = check(curl, request, arena, error);
    if (status != STATUS_OK) {
        if (error != NULL) {
            error->was_not_sent = true;
        }
        return status;
    }
    struct exchange *exchange = curl->exchanges_idle;
    if (exchange != NULL) {
        curl->exchanges_idle = exchange->idle_next;
    } else {
        exchange = exchange_new(curl);
    }
    exchange->arena = arena;
    exchange->host = str_copy(arena, http_url_host(request->url));
    exchange->origin = host_uses_origin(request->url);
    exchange->status = 0;
    exchange->is_head_ended = false;
    exchange->detail[0] = '\0';
    buf_init(&exchange->head, arena, HEAD_BYTES_MAX);
    buf_init(&exchange->body, arena, request->response_bytes_max);
    bool is_set = set_request(exchange->easy, request, arena);
    ASSERT(is_set);
    CURLMcode code = curl_multi_add_handle(curl->multi, exchange->easy);
    ASSERT(code == CURLM_OK);
    curl->counts.requests++;
    *exchange_out = exchange;
    return STATUS_OK;
}

/* Ending */

/* A server that hangs up, or resets, during the handshake has refused nothing: the next attempt
 * may succeed. curl gives that the same code as a refusal; only its text distinguishes them.
 * The last is OpenSSL's number for an unexpected end (library 20, reason 294); its words are not
 * loaded. */
static const char *const handshake_cuts[] = {
    "Recv failure: ", "Send failure: ", "SSL_connect: ", "error:0A000126:"};

static bool is_handshake_cut(const struct exchange *exchange) {
    for (size_t i = 0; i < sizeof(handshake_cuts) / sizeof(handshake_cuts[0]); i++) {
        if (strstr(exchange->detail, handshake_cuts[i]) != NULL) {
            return true;
        }
    }
    return false;
}

/* The statuses decide about a repeat (STATUS_MAP): TIMEOUT, CONNECTION and INCOMPLETE may be
 * repeated, TLS, INVALID and TOO_LARGE are the same at the next attempt. */
static enum status status_of_code(const struct exchange *exchange, CURLcode code) {
    switch ((int)code) {
    case CURLE_OPERATION_TIMEDOUT:
        return STATUS_TIMEOUT;
    case CURLE_SSL_CONNECT_ERROR:
        return is_handshake_cut(exchange) ? STATUS_CONNECTION : STATUS_TLS;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_CLIENTCERT:
    case CURLE_SSL_ENGINE_INITFAILED:
        return STATUS_TLS;
    case CURLE_URL_MALFORMAT:
        return STATUS_INVALID;
    case CURLE_OUT_OF_MEMORY: /* curl's word for a header line beyond its own 100 KB */
#if LIBCURL_VERSION_NUM >= 0x080600
    case CURLE_TOO_LARGE:
#endif
        return STATUS_TOO_LARGE;
    case CURLE_PARTIAL_FILE:
    case CURLE_UNSUPPORTED_PROTOCOL: /* an answer that is no HTTP/1 */
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_CONTENT_ENCODING:
        return STATUS_INCOMPLETE;
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR: /* also what curl says of malformed chunks */
        return exchange->status != 0 ? STATUS_INCOMPLETE : STATUS_CONNECTION;
    default:
        return STATUS_CONNECTION;
    }
}

/* curl's own text names hosts, ports and certificate problems for these; for others it may quote
 * what was received, and only the static text of the code is safe. */
static const char *text_of(const struct exchange *exchange, enum status status, CURLcode code) {
    bool is_safe = status == STATUS_TLS || (status == STATUS_CONNECTION && exchange->status == 0);
    return is_safe && exchange->detail[0] != '\0' ? exchange->detail : curl_easy_strerror(code);
}

static enum status failure(const struct exchange *exchange, CURLcode code, struct error *error) {
    if (buf_status(&exchange->body) != STATUS_OK) {
        return error_set(error, exchange->arena, STATUS_TOO_LARGE,
                         "%" STR_FMT ": the answer is larger than %zu bytes",
                         STR_ARG(exchange->host), exchange->body.bytes_max);
    }
    enum status status = buf_status(&exchange->head) != STATUS_OK ? STATUS_TOO_LARGE
                                                                  : status_of_code(exchange, code);
    const char *text = status == STATUS_TOO_LARGE ? "the answer's headers are larger than allowed"
                                                  : text_of(exchange, status, code);
    return error_set(error, exchange->arena, status, "%" STR_FMT ": %s", STR_ARG(exchange->host),
                     text);
}

/* "Name: value\r\n"; a line without a name is of no use to anybody. */
static bool parse_header(str line, struct http_header *header) {
    size_t colon = str_find_char(line, ':');
    header->name = str_trim(str_slice(line, 0, colon));
    header->value = str_trim(str_slice(line, colon + 1, line.len));
    bool is_folded = line.len > 0 && (line.ptr[0] == ' ' || line.ptr[0] == '\t');
    return colon < line.len && !is_folded && !str_is_empty(header->name);
}

/* RFC 9110, section 5.5: what a CR or NUL inside of a value would mean to the next reader is
 * anybody's guess. */
static void blank_stray_controls(struct buf *head) {
    for (size_t i = 0; i < head->len; i++) {
        bool is_line_end = i + 1 < head->len && head->ptr[i + 1] == '\n';
        if (head->ptr[i] == '\0' || (head->ptr[i] == '\r' && !is_line_end)) {
            head->ptr[i] = ' ';
        }
    }
}

static void fill_response(struct exchange *exchange, struct http_response *response) {
    blank_stray_controls(&exchange->head);
    str head = buf_str(&exchange->head);
    size_t line_count = 0;
    for (size_t i = 0; i < head.len; i++) {
        line_count += head.ptr[i] == '\n';
    }
    struct http_header *headers = ARENA_ARRAY(exchange->arena, struct http_header, line_count + 1);
    size_t header_count = 0;
    for (str rest = head; rest.ptr != NULL && header_count < line_count;) {
        header_count += parse_header(str_split(&rest, '\n'), &headers[header_count]);
    }
    *response = (struct http_response){
        .status = exchange->status,
        .headers = headers,
        .header_count = header_count,
        .body = buf_str(&exchange->body),
    };
}

/* curl 7.88 calls an answer that ends inside its headers a success with an empty body. */
static enum status outcome(struct exchange *exchange, CURLcode code, struct http_response *response,
                           struct error *error) {
    if (code != CURLE_OK) {
        return failure(exchange, code, error);
    }
    if (!exchange->is_head_ended) {
        return error_set(error, exchange->arena, STATUS_INCOMPLETE,
                         "%" STR_FMT ": the answer ended inside its headers",
                         STR_ARG(exchange->host));
    }
    fill_response(exchange, response);
    return STATUS_OK;
}

/* Not a byte of it, over all connections curl tried; TLS may hold back what it was given, but never
 * passes on what it refused to take. A request cut anywhere counts as sent. */
static bool was_not_sent(const struct exchange *exchange) {
    long request_bytes = 0;
    CURLcode code = curl_easy_getinfo(exchange->easy, CURLINFO_REQUEST_SIZE, &request_bytes);
    return code == CURLE_OK && request_bytes == 0 && exchange->status == 0;
}

/* After curl_multi_remove_handle the connection is back in the pool, or closed; the getinfo values
 * stay until the handle's next request. */
enum status exchange_end(struct exchange *exchange, int code, struct http_response *response,
                         struct error *error) {
    struct http_curl *curl = exchange->curl;
    *response = (struct http_response){0};
    long connections = 0;
    (void)curl_easy_getinfo(exchange->easy, CURLINFO_NUM_CONNECTS, &connections);
    curl->counts.connections_opened += connections;
    (void)curl_multi_remove_handle(curl->multi, exchange->easy);
    enum status status = outcome(exchange, (CURLcode)code, response, error);
    if (status != STATUS_OK && error != NULL) {
        error->was_not_sent = was_not_sent(exchange);
    }
    /* What the handle still points to dies with the caller's arena. */
    (void)curl_easy_setopt(exchange->easy, CURLOPT_HTTPHEADER, NULL);
    (void)curl_easy_setopt(exchange->easy, CURLOPT_POSTFIELDS, "");
    exchange->idle_next = curl->exchanges_idle;
    curl->exchanges_idle = exchange;
    host_uses_note(&curl->uses, exchange->origin, curl->clock->now_ms(curl->clock));
    return status;
}
