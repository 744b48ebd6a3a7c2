/* SPDX-License-Identifier: Apache-2.0
 *
 * An AWS whose answers are the input: a letter for the HTTP status, then a body, one after the
 * other; the last one stays, and after ANSWERS_MAX requests nobody answers any more, since a
 * listing may lead back to itself.
 */
#ifndef TESTS_FUZZ_AWS_ANSWER_H
#define TESTS_FUZZ_AWS_ANSWER_H

#include "fuzz/fuzz.h"
#include "unit/aws_fixture.h"

#define ANSWERS_MAX 8

struct hostile_aws {
    struct aws_fixture fixture;
    str rest;
    struct fake_answer last;
    size_t count;
};

static const int answer_statuses[] = {200, 206, 200, 400, 403, 404, 409, 412, 416, 500, 503, 301};

/* Two attempts, so that there is one retry; no time passes. */
static inline struct fake_answer hostile_respond(void *context,
                                                 const struct http_request *request) {
    struct hostile_aws *aws = context;
    (void)request;
    if (aws->count++ >= ANSWERS_MAX) {
        return (struct fake_answer){.status = STATUS_CONNECTION};
    }
    if (aws->rest.ptr != NULL && aws->rest.len > 0) {
        str status = fuzz_part(&aws->fixture.fake.arena, &aws->rest);
        unsigned choice = status.len > 0 ? (unsigned char)status.ptr[0] - (unsigned)'a' : 0;
        aws->last.http_status = answer_statuses[choice % COUNT(answer_statuses)];
        aws->last.body = fuzz_part(&aws->fixture.fake.arena, &aws->rest);
    }
    return aws->last;
}

static inline void hostile_begin(struct hostile_aws *aws, str rest) {
    *aws = (struct hostile_aws){.rest = rest, .last = {.http_status = 200}};
    fixture_begin(&aws->fixture);
    aws->fixture.client.attempts_max = 2;
    aws->fixture.fake.respond = hostile_respond;
    aws->fixture.fake.respond_context = aws;
}

/* However it ended: a failure says why and gives nothing away. */
static inline void hostile_hold(const struct hostile_aws *aws, enum status status) {
    if (status != STATUS_OK) {
        fuzz_hold_error(status, &aws->fixture.error);
        HOLD(!holds_secret(aws->fixture.error.message));
    }
}

#endif
