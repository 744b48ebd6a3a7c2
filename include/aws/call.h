/* SPDX-License-Identifier: Apache-2.0
 *
 * One AWS call: resolve, sign, send, parse, retry, within the invocation's time. The one place
 * where AWS calls are retried. A success is only an answer whose body was parsed to its end by the
 * caller's parser.
 */
#ifndef AWS_CALL_H
#define AWS_CALL_H

#include "aws/credentials.h"
#include "aws/endpoint.h"
#include "aws/pace.h"
#include "aws/retry.h"
#include "aws/sigv4.h"
#include "base/clock.h"
#include "net/http.h"

struct aws_client;

/* Where a client gets other credentials when AWS takes those it has no longer. Credentials of an
 * assumed role end after STS_SESSION_SECONDS. Those of a Lambda environment last as long as it
 * does: should AWS say that they have expired, has_expired_for_good is set, and the process ends so
 * that Lambda replaces the environment. */
struct aws_renewal {
    /* Gives the client other credentials. false: there are none. NULL: the source never has others,
     * as the environment of a process. Not called while a request is in flight. */
    bool (*renew)(void *context, struct aws_client *client);
    void *context;
};

struct aws_client {
    struct transport *transport;
    const struct clock *clock;
    struct aws_credentials credentials;
    struct aws_renewal renewal;
    int renewals;              /* how often the credentials were replaced */
    bool has_expired_for_good; /* AWS says that they have expired, and there are no others */
    struct endpoint_settings endpoints;
    str region;          /* of this invocation; may differ from AWS_REGION */
    int64_t deadline_ms; /* wall clock; no attempt starts or waits past it; INT64_MAX: none */
    int attempts_max;    /* AWS_MAX_ATTEMPTS: no call is sent more often; 0: each call's default */
    struct retry_quota quota;
    struct pace *pace; /* of this account and Region; NULL: not paced */
    int64_t skew_ms;
    uint64_t random_state; /* seeds jitter and invocation ids; never a secret */
    struct sigv4_key_cache keys[AWS_SERVICE_COUNT];
    int64_t calls_sent; /* attempts put on the wire, for the log and tests */
    /* Counts the answers by which AWS throttled; another thread may read it. NULL: nobody does. */
    _Atomic uint64_t *throttled;
};

/* Credentials, endpoint settings and AWS_MAX_ATTEMPTS (1..10) from the environment; seeds the
 * random state. */
MUST_USE enum status aws_client_init(struct aws_client *client, struct transport *transport,
                                     const struct clock *clock, const struct env *env,
                                     struct arena *arena, struct error *error);

/* A client for what `credentials` may do (mostly in another account), made from another client:
 * same transport, clock, endpoints, region, deadline and skew; a retry quota of its own. Not paced:
 * AWS counts per account, so give it a pace of that account. No renewal. Borrows the credentials'
 * text. */
void aws_client_with_credentials(struct aws_client *client, struct aws_client *like,
                                 const struct aws_credentials *credentials);

/* Waits until a call of this category may start, and takes its tokens; the deadline ends it. For a
 * request with is_sent_once. */
void aws_wait_for_turn(struct aws_client *client, enum pace_category category);

/* Whether AWS_MAX_ATTEMPTS allows for this attempt (from 1) at a request. For callers that send
 * the same request again for a reason of their own. */
bool aws_client_may_attempt(const struct aws_client *client, int attempt);

/* Milliseconds until the deadline; negative when it is past. */
int64_t aws_client_time_left_ms(const struct aws_client *client);

/* What an error code means in one operation, where that differs from its general meaning or says
 * too little. */
struct aws_code_meaning {
    const char *code;   /* NULL ends the list */
    enum status status; /* final: an answer with this code is never retried */
    const char *hint;   /* stands before AWS's own words; NULL: none */
};

/* Code and message of an error answer in any of AWS's shapes: x-amzn-ErrorType header, JSON
 * __type/code, XML <Error><Code>. Empty when the body is none of these. Namespaces ("ns#Code") and
 * ":http..." are cut. */
struct aws_error_text {
    str code;
    str message;
};
struct aws_error_text aws_error_parse(struct arena *arena, const struct http_response *response);

/* Reads the body of a 2xx answer into *context. INCOMPLETE and the like are retried as transient.
 * May be called more than once (a new attempt): must start from nothing. */
typedef enum status aws_parse_fn(void *context, struct arena *arena,
                                 const struct http_response *response, struct error *error);

/* The life of a call. Each attempt is signed anew, with the time as AWS has it:
 *
 *   resolve --> pace --> sign --> send --> 2xx --> parse --> OK
 *                ^                 |                 |
 *                |                 v                 | INCOMPLETE and the like
 *                |               judge <-------------+
 *                |                | | |
 *                +-- back off  ---+ | +--- final: *error
 *                ^                  |
 *                +-- renew  --------+      other credentials, once a call
 *
 * A repeat must fit the attempts, the client's retry quota and the time until the deadline. */
struct aws_request {
    enum aws_service service;
    const char *operation; /* "DescribeTags": for messages and X-Amz-Target */
    str method;            /* "POST" */
    str path;              /* "/" */
    str query;
    const struct http_header *headers; /* without Host and what signing adds */
    size_t header_count;
    str body;
    int64_t timeout_ms;        /* of one attempt; 0: 5000 */
    size_t response_bytes_max; /* 0: 8 MiB */
    enum pace_category pace;   /* whose tokens an attempt takes; PACE_NONE: none */
    int attempts_max; /* 0: the default; AWS_MAX_ATTEMPTS, where it is set, has precedence */
    /* Throttled, it waits and tries again until the deadline, where there is one and
     * AWS_MAX_ATTEMPTS is not set: a crowd of invocations must share what AWS refills. */
    bool waits_out_throttling;
    str region;                              /* empty: the client's */
    str host_label;                          /* stands before the host: S3's bucket; empty: none */
    const struct aws_code_meaning *meanings; /* NULL: none */
    const str *secrets; /* what of the body no message may quote, beside the client's credentials */
    size_t secret_count;
    bool uses_fresh_connection; /* so that curl cannot send it twice by itself */
    /* One attempt, sent at once: it rests on what the caller has just read, and neither a pause nor
     * a repeat may come between. The caller waits for its turn first (aws_wait_for_turn). */
    bool is_sent_once;
    /* Must not be carried out twice, and nothing in the request itself prevents that. A fresh
     * connection, and another attempt only when this one cannot have been carried out: it was never
     * sent, or the answer refuses it (throttled, wrong time). Everything else is final, with
     * is_outcome_unknown in the error: no answer, half an answer, a server's failure. */
    bool is_not_repeatable;
    aws_parse_fn *parse; /* NULL: the body is not read */
    /* Looks at an error answer before it is judged, and may put a more exact code or message in
     * the place of what aws_error_parse found. NULL: nothing does. */
    void (*refine)(void *context, struct arena *arena, const struct http_response *response,
                   struct aws_error_text *text);
    void *context;
};

/* OK, or *error with the status, HTTP status and AWS code, a message that names the operation, and
 * whether any of the attempts may have been carried out all the same (is_outcome_unknown).
 * Credentials that AWS no longer takes are renewed once a call, and the request is sent once more,
 * unless AWS_MAX_ATTEMPTS or is_sent_once forbids that. */
MUST_USE enum status aws_call(struct aws_client *client, const struct aws_request *request,
                              struct arena *arena, struct error *error);

/* Many calls at once over the transport's send_all, each retried on its own by the same rules.
 * outcomes[i] says how requests[i] ended. Returns OK even when some failed; a bad status means
 * none could be tried. */
struct aws_outcome {
    enum status status;
    struct error error;
};
MUST_USE enum status aws_call_all(struct aws_client *client, const struct aws_request *requests,
                                  size_t count, unsigned in_flight_max, struct arena *arena,
                                  struct aws_outcome *outcomes, struct error *error);

#endif
