/* SPDX-License-Identifier: Apache-2.0
 *
 * The curl transport. TLS 1.2 or newer with verification of chain and name, always; HTTP/1.1; no
 * proxy, no redirect, no netrc, no cookies, whatever the environment says. One instance serves one
 * thread. A connection to a host that was not asked for long by the wall clock, as in a frozen
 * sandbox, is not used again; the Runtime API's (HTTP_TRUST_NONE) is, for it survives a freeze.
 */
#ifndef NET_HTTP_CURL_H
#define NET_HTTP_CURL_H

#include "base/clock.h"
#include "net/http.h"

enum http_trust {
    HTTP_TRUST_NONE,       /* plain http:// only (the Runtime API) */
    HTTP_TRUST_AMAZON,     /* Amazon's five roots built into the binary */
    HTTP_TRUST_BUNDLE_FILE /* a PEM file */
};

struct http_curl_options {
    enum http_trust trust;
    str bundle_path; /* for HTTP_TRUST_BUNDLE_FILE; first existing of the system's places when empty
                      */
    str bundle_origin;      /* where bundle_path was given, for the message when it is no good */
    str user_agent;         /* one token */
    bool allows_plain_http; /* http:// beside https:// (endpoint overrides, the Runtime API) */
};

/* `arena` and `clock` must outlive the transport; the arena's clean-up closes connections and
 * handles. CONFIGURATION when the bundle cannot be read or holds no certificate: *error names the
 * file, which is read here. Amazon's roots are parsed by `http_curl_warm_up`, else at the first
 * https:// request. The process ignores SIGPIPE from here on. */
MUST_USE enum status http_curl_init(struct arena *arena, const struct clock *clock,
                                    const struct http_curl_options *options,
                                    struct transport **transport_out, struct error *error);

/* INIT-time work: builds the TLS context (providers, random generator, trust store) and connects to
 * the host of each URL at once, for at most cap_ms altogether; failures are ignored. The
 * connections stay pooled, for single requests and batches alike. curl pools only what has carried
 * a request, so each carries a GET /ping without credentials, which AWS endpoints answer with a
 * word. */
void http_curl_warm_up(struct transport *transport, const str *urls, size_t url_count,
                       int64_t cap_ms);

/* Times a request was carried and connections opened since init, for tests and the log. */
struct http_curl_counts {
    int64_t requests;
    int64_t connections_opened;
};
struct http_curl_counts http_curl_counts(const struct transport *transport);

#endif
