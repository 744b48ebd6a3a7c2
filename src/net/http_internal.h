/* SPDX-License-Identifier: Apache-2.0
 *
 * What any transport checks before a byte leaves the process.
 */
#ifndef NET_HTTP_INTERNAL_H
#define NET_HTTP_INTERNAL_H

#include "net/http.h"

/* NULL when the request may be sent, else what is wrong with it: static text without any part of
 * the request, since header values and queries hold secrets. */
const char *http_request_problem(const struct http_request *request);

/* "host:port" of an absolute URL, borrowed from it; empty when there is none. For messages. */
str http_url_host(str url);
/* "https://host:port" of an absolute URL, borrowed from it. */
str http_url_origin(str url);

#endif
