/* SPDX-License-Identifier: Apache-2.0
 *
 * The life of one AWS call, attempt by attempt, without sending or waiting: aws_call and
 * aws_call_all drive it, so that both retry by the same rules. And what the service files share.
 */
#ifndef AWS_CALL_INTERNAL_H
#define AWS_CALL_INTERNAL_H

#include "aws/call.h"
#include "base/json.h"
#include "base/xml.h"

#define CALL_TIMEOUT_MS_DEFAULT     5000 /* a Describe takes well under 1 s; 3 attempts fit in 15 */
#define CALL_CONNECT_TIMEOUT_MS_MAX 2000
#define CALL_RESPONSE_BYTES_DEFAULT (8u * 1024 * 1024)
#define CALL_MESSAGE_CHARACTERS_MAX 300 /* of what AWS says, in an error message */

struct call {
    struct aws_client *client;
    const struct aws_request *request;
    struct arena *arena; /* holds everything that outlives an attempt */
    struct endpoint endpoint;
    str url;
    str invocation_id; /* the same in all attempts */
    struct retry_state retry;
    int64_t sent_ms;        /* wall clock, not corrected */
    int64_t signed_skew_ms; /* skew the attempt was signed with */
    str signature;          /* of the attempt; kept only to be recognised in answers */
    bool has_tried_skew;    /* the one extra try was used */
    bool has_renewed;       /* so was the one with other credentials */
    int signed_renewals;    /* aws_client.renewals when the attempt was signed */
    bool has_open_attempt;  /* one that failed, but may have been carried out */
    str detail;             /* what the last failure was, without the operation's name */
    int last_http_status;   /* and its numbers, for a deadline's error */
    str last_code;
};

/* Resolves the endpoint and sets up the retry state. Errors of endpoint_resolve. */
MUST_USE enum status call_begin(struct call *call, struct aws_client *client,
                                const struct aws_request *request, struct arena *arena,
                                struct error *error);

/* Milliseconds to wait before the next attempt may start; 0: none, and its tokens were taken. Never
 * past the deadline: when that is reached the attempt is let through, for call_prepare to refuse.
 */
int64_t call_acquire_tokens(struct call *call);

/* Signs the next attempt and counts it. The request lives in `attempt_arena`. DEADLINE when no time
 * is left. */
MUST_USE enum status call_prepare(struct call *call, struct arena *attempt_arena,
                                  struct http_request *request_out, struct error *error);

struct call_end {
    enum status status;                   /* how the transport ended */
    const struct http_response *response; /* when OK */
    const struct error *error;            /* when not OK; may be NULL */
};

enum call_verdict { CALL_SUCCEEDED, CALL_FAILED, CALL_REPEAT, CALL_RENEW };

/* Judges the end of an attempt. FAILED: *error is final. REPEAT: after *delay_ms, which always ends
 * before the deadline. RENEW: *error is final unless call_renew finds other credentials; then the
 * call is repeated at once. */
enum call_verdict call_judge(struct call *call, const struct call_end *end, int64_t *delay_ms,
                             struct error *error);

/* Gives the client other credentials than those that the last attempt was signed with. false: there
 * are none. Not while another request of the client is in flight. */
bool call_renew(struct call *call);

/* What an error code says of the credentials. */
enum credentials_trouble {
    CREDENTIALS_GOOD,    /* nothing */
    CREDENTIALS_EXPIRED, /* they were good once */
    CREDENTIALS_UNKNOWN, /* replaced or withdrawn; or the Region is not enabled for the account */
};
enum credentials_trouble call_credentials_trouble(str code);

/* What an error answer means to the caller. */
enum status call_status_of_answer(enum aws_service service, int http_status, str code);
/* More words for codes whose own message leaves the reader alone; empty mostly. */
str call_hint(str code);

/* What no message may quote. Borrows all of it. */
struct call_secrets {
    const struct aws_credentials *credentials;
    str signature;  /* of the attempt; may be empty */
    const str *own; /* of the request: aws_request.secrets */
    size_t own_count;
};

/* AWS's words made fit for a message: one line, valid UTF-8, bounded, and free of secrets, however
 * escaped, of any 8 bytes of one, and of what a signature is made from (AWS quotes the canonical
 * request, token included, in its answer to a wrong signature). In `arena`. */
str call_message_clean(const struct call_secrets *secrets, struct arena *arena, str message);
/* The same for an error code, by which is judged what comes next: a part of a secret counts from 16
 * bytes on. */
str call_code_clean(const struct call_secrets *secrets, struct arena *arena, str code);

/* A call of a service that speaks JSON or the query protocol, while its body is being written. */
struct service_call {
    struct aws_request request;
    struct buf body;
    struct json_writer writer; /* inside the one object of a JSON body */
};

/* Fills in the method, the path and the headers of *like, which names the service and the
 * operation; everything lives in `arena`. A query body begins with Action and Version. *call must
 * not move before service_call_end. */
void service_call_begin(struct service_call *call, struct arena *arena, size_t body_bytes_max,
                        const struct aws_request *like);
/* The next parameter of a query body: "&key=value", percent-encoded (RFC 3986). */
void service_call_add(struct service_call *call, const char *key, str value);
/* Ends the body; the request is whole then. TOO_LARGE: "<service> <operation>: the request is too
 * large". */
MUST_USE enum status service_call_end(struct service_call *call, struct error *error);
/* Ends the body and sends the request. */
MUST_USE enum status service_call_send(struct service_call *call, struct aws_client *client,
                                       struct error *error);

/* INVALID: "<service> <operation>: <problem>". */
MUST_USE enum status service_refuse(enum aws_service service, const char *operation,
                                    const char *problem, struct arena *arena, struct error *error);

/* Random numbers for jitter and invocation ids: nothing of it is ever secret, so a guessable state
 * does no harm. */
uint64_t random_next(uint64_t *state);
/* In [0, 1). */
double random_unit(uint64_t *state);
/* "f81d4fae-7dec-41d0-a765-00a0c91e6bf6", version 4, in `arena`. */
str random_uuid4(uint64_t *state, struct arena *arena);

/* The object that a JSON service answered with; anything else is INCOMPLETE, named in *error. */
MUST_USE enum status json_answer(struct arena *arena, const struct http_response *response,
                                 const struct json **root_out, struct error *error);

/* <XResponse><XResult> of a query service's answer; anything else is INCOMPLETE, named in *error.
 */
MUST_USE enum status query_result(struct arena *arena, const struct http_response *response,
                                  const char *operation, const struct xml **result_out,
                                  struct error *error);

/* A listing that comes in pages. */
struct paging {
    const char *name; /* "config DescribeConfigRules", for messages */
    int pages_max;    /* a listing of more pages is one that does not end */
    void *context;
    /* Reads the page that `token` leads to (empty: the first) and keeps what is wanted of it.
     * *next_out leads to the page after it; left empty: there is none. `arena` lives until the
     * page after the next begins. */
    enum status (*add_page)(void *context, str token, struct arena *arena, str *next_out,
                            struct error *error);
};
/* All pages. INCOMPLETE: a page leads to itself, or there are too many. *error lives in `arena`. */
MUST_USE enum status paging_run(const struct paging *paging, struct arena *arena,
                                struct error *error);

#endif
