/* SPDX-License-Identifier: Apache-2.0
 *
 * A client on the fake transport, with credentials that can be looked for in whatever comes out.
 */
#ifndef AWS_FIXTURE_H
#define AWS_FIXTURE_H

#include "aws/call.h"
#include "fake_transport.h"
#include "unit.h"

#define FIXTURE_KEY_ID "AKIAFIXTUREKEYID0001"
#define FIXTURE_SECRET "fixture/Secret+Key/NotRealNotRealNotReal00"
#define FIXTURE_TOKEN  "FixtureSessionToken//NotReal=="

struct aws_fixture {
    struct fake_transport fake;
    struct aws_client client;
    struct arena arena;
    struct error error;
};

static inline void fixture_begin(struct aws_fixture *fixture) {
    fake_init(&fixture->fake);
    fixture->arena = (struct arena){.chunks = NULL};
    fixture->error = (struct error){.status = STATUS_OK};
    fixture->client = (struct aws_client){
        .transport = &fixture->fake.transport,
        .clock = &fixture->fake.clock,
        .credentials = {STR(FIXTURE_KEY_ID), STR(FIXTURE_SECRET), STR(FIXTURE_TOKEN)},
        .region = STR("eu-west-1"),
        .deadline_ms = INT64_MAX,
        .quota = {.tokens = RETRY_QUOTA_CAPACITY},
        .random_state = 42,
    };
}

static inline void fixture_end(struct aws_fixture *fixture) {
    arena_clean_up(&fixture->arena);
    fake_clean_up(&fixture->fake);
}

/* Nothing of the credentials, and no signature or header of one. */
static inline bool holds_secret(str text) {
    return str_contains(text, STR(FIXTURE_KEY_ID)) || str_contains(text, STR(FIXTURE_SECRET)) ||
           str_contains(text, STR(FIXTURE_TOKEN)) || str_contains(text, STR("AWS4-HMAC")) ||
           str_contains(text, STR("Signature=")) || str_contains(text, STR("Credential="));
}

/* Kinds of trouble one attempt can meet, for torture tables. */
struct trouble {
    const char *name;
    struct fake_answer answer;
    enum status status; /* what the call reports when it never goes away */
    bool is_repeated;
};

#define TROUBLE_HTML "<html><body><h1>500 Internal Server Error</h1></body></html>"
#define TROUBLE_XML(code)                                                                          \
    "<ErrorResponse><Error><Type>Sender</Type><Code>" code                                         \
    "</Code><Message>words</Message></Error></ErrorResponse>"
#define BODY(literal)                                                                              \
    { (literal), sizeof(literal) - 1 }

static const struct trouble TROUBLES[] = {
    {"throttled",
     {.http_status = 400, .body = BODY(TROUBLE_XML("Throttling"))},
     STATUS_THROTTLED,
     true},
    {"throttled in JSON",
     {.http_status = 400,
      .body = BODY("{\"__type\":\"ThrottlingException\",\"message\":\"slow\"}")},
     STATUS_THROTTLED,
     true},
    {"429 without a code", {.http_status = 429}, STATUS_THROTTLED, true},
    {"connection reset", {.status = STATUS_CONNECTION}, STATUS_CONNECTION, true},
    {"no answer in time", {.status = STATUS_TIMEOUT}, STATUS_TIMEOUT, true},
    {"body cut short", {.status = STATUS_INCOMPLETE}, STATUS_INCOMPLETE, true},
    {"500 with HTML", {.http_status = 500, .body = BODY(TROUBLE_HTML)}, STATUS_SERVER, true},
    {"503 with nothing", {.http_status = 503}, STATUS_SERVER, true},
    {"empty 200", {.http_status = 200}, STATUS_INCOMPLETE, true},
    {"200 with HTML", {.http_status = 200, .body = BODY(TROUBLE_HTML)}, STATUS_INCOMPLETE, true},
    {"200 with cut XML",
     {.http_status = 200, .body = BODY("<DescribeTagsResponse><DescribeTagsResu")},
     STATUS_INCOMPLETE,
     true},
    {"200 with cut JSON",
     {.http_status = 200, .body = BODY("{\"FailedEvaluations\":[")},
     STATUS_INCOMPLETE,
     true},
    {"access denied",
     {.http_status = 403, .body = BODY(TROUBLE_XML("AccessDenied"))},
     STATUS_DENIED,
     false},
    {"token expired",
     {.http_status = 403, .body = BODY(TROUBLE_XML("ExpiredToken"))},
     STATUS_DENIED,
     false},
    {"certificate not accepted", {.status = STATUS_TLS}, STATUS_TLS, false},
    {"answer too large", {.status = STATUS_TOO_LARGE}, STATUS_TOO_LARGE, false},
    {"request refused",
     {.http_status = 400, .body = BODY(TROUBLE_XML("ValidationError"))},
     STATUS_REFUSED,
     false},
};
#define TROUBLE_COUNT (sizeof(TROUBLES) / sizeof(TROUBLES[0]))

#endif
