/* SPDX-License-Identifier: Apache-2.0
 *
 * S3 answers anything: an object is whole or the reading failed, and no piece is empty. The first
 * bytes say which call it is and the status of its answers; parts: headers, body, and so on.
 */
#include "fuzz/aws_answer.h"

#include "aws/s3.h"
#include "base/buf.h"

struct reading {
    struct hostile_aws aws;
    int http_status;
    size_t bytes_taken;
    size_t bytes_sent; /* in answers that could be a piece */
};

/* As "Name: value" lines; what cannot be a line of them is dropped, as a client would. */
static const char *headers_of(struct arena *arena, str text) {
    struct buf out;
    buf_init(&out, arena, text.len + 1);
    size_t count = 0;
    for (str rest = text; rest.ptr != NULL && count < FAKE_HEADERS_MAX;) {
        str line = str_split(&rest, '\n');
        if (str_find_char(line, ':') > 0 && str_find_char(line, ':') < line.len &&
            str_find_char(line, '\0') == line.len) {
            buf_append(&out, count++ > 0 ? STR("\n") : STR_EMPTY);
            buf_append(&out, line);
        }
    }
    return count > 0 ? str_to_cstr(arena, buf_str(&out)) : NULL;
}

static struct fake_answer respond(void *context, const struct http_request *request) {
    struct reading *reading = context;
    struct hostile_aws *aws = &reading->aws;
    (void)request;
    if (aws->count++ >= ANSWERS_MAX) {
        return (struct fake_answer){.status = STATUS_CONNECTION};
    }
    if (aws->rest.ptr != NULL && aws->rest.len > 0) {
        str headers = fuzz_part(&aws->fixture.fake.arena, &aws->rest);
        aws->last.http_status = reading->http_status;
        aws->last.headers = headers_of(&aws->fixture.fake.arena, headers);
        aws->last.body = fuzz_part(&aws->fixture.fake.arena, &aws->rest);
    }
    reading->bytes_sent += aws->last.body.len;
    return aws->last;
}

static enum status take(void *context, str piece, struct error *error) {
    struct reading *reading = context;
    (void)error;
    HOLD(piece.len > 0 && piece.len <= S3_PIECE_BYTES);
    (void)fuzz_touch(piece);
    reading->bytes_taken += piece.len;
    HOLD(reading->bytes_taken <= reading->bytes_sent);
    return STATUS_OK;
}

static enum status get(struct reading *reading, bool has_e_tag) {
    struct aws_fixture *aws = &reading->aws.fixture;
    const struct s3_object object = {.bucket = STR("logs"),
                                     .key = STR("a b/c.log.gz"),
                                     .e_tag = has_e_tag ? STR("x") : STR_EMPTY};
    const struct s3_sink sink = {reading, take};
    str e_tag = STR_EMPTY;
    enum status status =
        s3_get_object(&aws->client, &object, &sink, &aws->arena, &e_tag, &aws->error);
    (void)fuzz_touch(e_tag);
    return status;
}

static enum status put(struct reading *reading) {
    struct aws_fixture *aws = &reading->aws.fixture;
    const struct s3_object object = {.bucket = STR("reports"), .key = STR("posture.html")};
    return s3_put_object(&aws->client, &object, "text/html", STR("<p>fine"), &aws->arena,
                         &aws->error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct reading reading;
    static const int statuses[] = {206, 200, 404, 301, 412, 416, 503};
    str rest = {(const char *)data, size};
    unsigned what = fuzz_byte(&rest) % 3;
    int http_status = statuses[fuzz_byte(&rest) % COUNT(statuses)];
    reading = (struct reading){.http_status = http_status};
    hostile_begin(&reading.aws, rest);
    reading.aws.fixture.fake.respond = respond;
    reading.aws.fixture.fake.respond_context = &reading;
    enum status status = what == 2 ? put(&reading) : get(&reading, what == 1);
    hostile_hold(&reading.aws, status);
    fixture_end(&reading.aws.fixture);
    return 0;
}
