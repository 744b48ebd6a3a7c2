/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "aws/s3.h"
#include "torture.h"

#define PIECE ((int64_t)S3_PIECE_BYTES)

/* An S3 with one object, whose bytes encode their position. */
struct simulated_s3 {
    struct arena *arena;
    char *bytes;
    int64_t size;
    const char *e_tag;
    size_t calls;
    size_t trouble_at; /* this call, counted from 1, meets `trouble`; 0: none */
    const struct fake_answer *trouble;
    size_t replaced_at; /* from this call on the object is another one; 0: never */
    bool ignores_conditions;
    bool ignores_ranges;
};

static str header_of(const struct http_request *request, const char *name) {
    const struct http_response headers = {.headers = request->headers,
                                          .header_count = request->header_count};
    return http_header_get(&headers, name);
}

static struct fake_answer refusal_of(int http_status, const char *code, struct arena *arena) {
    return (struct fake_answer){
        .http_status = http_status,
        .body = str_format(arena, "<Error><Code>%s</Code></Error>", code),
    };
}

static struct fake_answer range_of(const struct simulated_s3 *s3, const char *e_tag, str range) {
    int64_t first = 0;
    int64_t last = 0;
    assert_true(str_starts_with(range, STR("bytes=")));
    str rest = str_slice(range, 6, range.len);
    assert_true(str_parse_i64(str_split(&rest, '-'), &first) && str_parse_i64(rest, &last));
    assert_true(last - first + 1 == PIECE);
    if (first >= s3->size) {
        return refusal_of(416, "InvalidRange", s3->arena);
    }
    last = last < s3->size ? last : s3->size - 1;
    str headers = str_format(s3->arena, "ETag: \"%s\"\nContent-Range: bytes %lld-%lld/%lld", e_tag,
                             (long long)first, (long long)last, (long long)s3->size);
    return (struct fake_answer){.http_status = 206,
                                .headers = headers.ptr,
                                .body = {s3->bytes + first, (size_t)(last - first + 1)}};
}

static struct fake_answer s3_respond(void *context, const struct http_request *request) {
    struct simulated_s3 *s3 = context;
    s3->calls++;
    if (s3->calls == s3->trouble_at) {
        return *s3->trouble;
    }
    bool is_replaced = s3->replaced_at > 0 && s3->calls >= s3->replaced_at;
    const char *e_tag = is_replaced ? "other" : s3->e_tag;
    str quoted = str_format(s3->arena, "\"%s\"", e_tag);
    str wanted = header_of(request, "If-Match");
    if (!s3->ignores_conditions && !str_is_empty(wanted) && !str_eq(wanted, quoted)) {
        return refusal_of(412, "PreconditionFailed", s3->arena);
    }
    str range = header_of(request, "Range");
    if (!str_is_empty(range) && !s3->ignores_ranges) {
        return range_of(s3, e_tag, range);
    }
    str headers =
        str_format(s3->arena, "ETag: \"%s\"\nContent-Length: %lld", e_tag, (long long)s3->size);
    return (struct fake_answer){
        .http_status = 200, .headers = headers.ptr, .body = {s3->bytes, (size_t)s3->size}};
}

/* What came, as far as it came in order. */
struct taken {
    const struct simulated_s3 *s3;
    int64_t bytes;
    size_t pieces;
    size_t stops_at; /* at this piece, counted from 1; 0: never */
};

static enum status take(void *context, str piece, struct error *error) {
    struct taken *taken = context;
    assert_true(piece.len > 0 && taken->bytes + (int64_t)piece.len <= taken->s3->size);
    assert_memory_equal(piece.ptr, taken->s3->bytes + taken->bytes, piece.len);
    taken->bytes += (int64_t)piece.len;
    taken->pieces++;
    if (taken->pieces == taken->stops_at) {
        *error = (struct error){.status = STATUS_TOO_LARGE, .message = STR("enough")};
        return STATUS_TOO_LARGE;
    }
    return STATUS_OK;
}

struct world {
    struct aws_fixture fixture;
    struct simulated_s3 s3;
    struct taken taken;
    str e_tag;
};

static void world_begin(struct world *world, int64_t size) {
    *world = (struct world){.e_tag = STR("untouched")};
    fixture_begin(&world->fixture);
    world->s3 = (struct simulated_s3){
        .arena = &world->fixture.fake.arena,
        .bytes = malloc((size_t)size + 1),
        .size = size,
        .e_tag = "0badc0de-2",
    };
    for (int64_t i = 0; i < size; i++) {
        world->s3.bytes[i] = (char)((i * 31 + i / 251) & 0xff);
    }
    world->taken.s3 = &world->s3;
    world->fixture.fake.respond = s3_respond;
    world->fixture.fake.respond_context = &world->s3;
}

static void world_end(struct world *world) {
    free(world->s3.bytes);
    fixture_end(&world->fixture);
}

static enum status get(struct world *world, const char *e_tag) {
    const struct s3_object object = {
        .bucket = STR("logs"), .key = STR("a/b.log.gz"), .e_tag = str_from_cstr(e_tag)};
    const struct s3_sink sink = {&world->taken, take};
    return s3_get_object(&world->fixture.client, &object, &sink, &world->fixture.arena,
                         &world->e_tag, &world->fixture.error);
}

static void get_reads_objects_of_every_size_whole_and_in_order(void **state) {
    (void)state;
    static const struct {
        const char *name;
        int64_t size;
        size_t calls, pieces;
    } rows[] = {
        {"one byte", 1, 1, 1},
        {"one below a piece", PIECE - 1, 1, 1},
        {"a piece", PIECE, 1, 1},
        {"one above a piece", PIECE + 1, 2, 2},
        {"three pieces", 3 * PIECE, 3, 3},
        {"empty: no range can be had of it", 0, 2, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        print_message("%s\n", rows[i].name);
        struct world world;
        world_begin(&world, rows[i].size);
        assert_int_equal(get(&world, NULL), STATUS_OK);
        assert_int_equal(world.taken.bytes, rows[i].size);
        assert_int_equal(world.taken.pieces, rows[i].pieces);
        assert_int_equal(world.s3.calls, rows[i].calls);
        assert_str(world.e_tag, "0badc0de-2");
        assert_str(fake_request_header(&world.fixture.fake, 0, "If-Match"), "");
        for (size_t call = 1; rows[i].size > 0 && call < rows[i].calls; call++) {
            assert_str(fake_request_header(&world.fixture.fake, call, "If-Match"),
                       "\"0badc0de-2\"");
        }
        world_end(&world);
    }
}

static void get_of_a_version_asks_for_it_from_the_start(void **state) {
    (void)state;
    static const struct {
        const char *e_tag;
        int64_t size;
        enum status status;
    } rows[] = {
        {"0badc0de-2", 10, STATUS_OK}, {"\"0badc0de-2\"", 10, STATUS_OK},
        {"0badc0de-2", 0, STATUS_OK},  {"ffff", 10, STATUS_CONFLICT},
        {"ffff", 0, STATUS_CONFLICT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (int ignores = 0; ignores < 2; ignores++) {
            struct world world;
            world_begin(&world, rows[i].size);
            world.s3.ignores_conditions = ignores == 1;
            assert_int_equal(get(&world, rows[i].e_tag), rows[i].status);
            assert_int_equal(world.taken.bytes, rows[i].status == STATUS_OK ? rows[i].size : 0);
            world_end(&world);
        }
    }
}

static void get_of_an_object_that_is_replaced_meanwhile_is_a_conflict(void **state) {
    (void)state;
    for (size_t at = 2; at <= 3; at++) {
        for (int ignores = 0; ignores < 2; ignores++) {
            struct world world;
            world_begin(&world, 3 * PIECE);
            world.s3.replaced_at = at;
            world.s3.ignores_conditions = ignores == 1;
            assert_int_equal(get(&world, NULL), STATUS_CONFLICT);
            assert_int_equal(world.taken.pieces, at - 1);
            assert_str(world.e_tag, "untouched");
            world_end(&world);
        }
    }
}

static void get_accepts_a_whole_small_object_from_a_server_without_ranges(void **state) {
    (void)state;
    struct world world;
    world_begin(&world, 1000);
    world.s3.ignores_ranges = true;
    assert_int_equal(get(&world, NULL), STATUS_OK);
    assert_int_equal(world.taken.bytes, 1000);
    world_end(&world);
}

static void get_ends_where_the_sink_ends_it(void **state) {
    (void)state;
    struct world world;
    world_begin(&world, 3 * PIECE);
    world.taken.stops_at = 2;
    assert_int_equal(get(&world, NULL), STATUS_TOO_LARGE);
    assert_int_equal(world.s3.calls, 2);
    assert_str(world.fixture.error.message, "enough");
    world_end(&world);
}

/* ---- trouble ---- */

static const struct trouble ONCE[] = {
    {"reset", {.status = STATUS_CONNECTION}, STATUS_CONNECTION, true},
    {"timeout", {.status = STATUS_TIMEOUT}, STATUS_TIMEOUT, true},
    {"cut short", {.status = STATUS_INCOMPLETE}, STATUS_INCOMPLETE, true},
    {"503",
     {.http_status = 503, .body = BODY("<Error><Code>SlowDown</Code></Error>")},
     STATUS_THROTTLED,
     true},
    {"500 in HTML", {.http_status = 500, .body = BODY(TROUBLE_HTML)}, STATUS_SERVER, true},
    {"empty 200", {.http_status = 200}, STATUS_INCOMPLETE, true},
    {"empty 206", {.http_status = 206}, STATUS_INCOMPLETE, true},
    {"200 of another length",
     {.http_status = 200,
      .headers = "ETag: \"0badc0de-2\"\nContent-Length: 4",
      .body = BODY("abc")},
     STATUS_INCOMPLETE,
     true},
    {"without a version",
     {.http_status = 206, .headers = "Content-Range: bytes 0-0/1", .body = BODY("a")},
     STATUS_INCOMPLETE,
     true},
    {"a range that is too short",
     {.http_status = 206,
      .headers = "ETag: \"0badc0de-2\"\nContent-Range: bytes 0-2/9000000",
      .body = BODY("abc")},
     STATUS_INCOMPLETE,
     true},
    {"a range from elsewhere",
     {.http_status = 206,
      .headers = "ETag: \"0badc0de-2\"\nContent-Range: bytes 7-9/10",
      .body = BODY("abc")},
     STATUS_INCOMPLETE,
     true},
    {"a range that says more than came",
     {.http_status = 206,
      .headers = "ETag: \"0badc0de-2\"\nContent-Range: bytes 0-9/10",
      .body = BODY("abc")},
     STATUS_INCOMPLETE,
     true},
    {"a range beyond the end",
     {.http_status = 206,
      .headers = "ETag: \"0badc0de-2\"\nContent-Range: bytes 0-2/2",
      .body = BODY("abc")},
     STATUS_INCOMPLETE,
     true},
    {"a range in no form",
     {.http_status = 206,
      .headers = "ETag: \"0badc0de-2\"\nContent-Range: bytes */10",
      .body = BODY("abc")},
     STATUS_INCOMPLETE,
     true},
    {"denied",
     {.http_status = 403, .body = BODY("<Error><Code>AccessDenied</Code></Error>")},
     STATUS_DENIED,
     false},
    {"gone",
     {.http_status = 404, .body = BODY("<Error><Code>NoSuchKey</Code></Error>")},
     STATUS_NOT_FOUND,
     false},
    {"larger than a piece", {.status = STATUS_TOO_LARGE}, STATUS_TOO_LARGE, false},
};

static void get_survives_any_fault_of_any_range(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof ONCE / sizeof *ONCE; i++) {
        for (size_t at = 1; at <= 2; at++) {
            struct world world;
            world_begin(&world, PIECE + 10);
            world.s3.trouble = &ONCE[i].answer;
            world.s3.trouble_at = at;
            enum status status = get(&world, NULL);
            enum status expected = ONCE[i].is_repeated ? STATUS_OK : ONCE[i].status;
            size_t pieces = status == STATUS_OK ? 2 : at - 1;
            if (status != expected || world.taken.pieces != pieces ||
                holds_secret(world.fixture.error.message)) {
                fail_msg("%s at call %zu: %s after %zu pieces", ONCE[i].name, at,
                         status_name(status), world.taken.pieces);
            }
            world_end(&world);
        }
    }
}

static void get_gives_up_after_three_attempts_at_a_piece(void **state) {
    (void)state;
    struct world world;
    world_begin(&world, PIECE + 10);
    fake_answer(&world.fixture.fake, (struct fake_answer){.match = "Range: bytes=4194304-",
                                                          .http_status = 500,
                                                          .times = FAKE_FOREVER});
    assert_int_equal(get(&world, NULL), STATUS_SERVER);
    assert_int_equal(world.fixture.fake.request_count, 1 + RETRY_ATTEMPTS_DEFAULT);
    assert_int_equal(world.taken.pieces, 1);
    assert_true(str_starts_with(world.fixture.error.message, STR("s3 GetObject: ")));
    world_end(&world);
}

static void get_refused_a_range_of_what_has_bytes_is_not_empty(void **state) {
    (void)state;
    struct world world;
    world_begin(&world, PIECE + 10);
    fake_answer(&world.fixture.fake,
                (struct fake_answer){.match = "Range: bytes=4194304-",
                                     .http_status = 416,
                                     .body = STR("<Error><Code>InvalidRange</Code></Error>")});
    assert_int_equal(get(&world, NULL), STATUS_REFUSED);
    assert_int_equal(world.fixture.fake.request_count, 2);
    world_end(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(get_reads_objects_of_every_size_whole_and_in_order),
        cmocka_unit_test(get_of_a_version_asks_for_it_from_the_start),
        cmocka_unit_test(get_of_an_object_that_is_replaced_meanwhile_is_a_conflict),
        cmocka_unit_test(get_accepts_a_whole_small_object_from_a_server_without_ranges),
        cmocka_unit_test(get_ends_where_the_sink_ends_it),
        cmocka_unit_test(get_survives_any_fault_of_any_range),
        cmocka_unit_test(get_gives_up_after_three_attempts_at_a_piece),
        cmocka_unit_test(get_refused_a_range_of_what_has_bytes_is_not_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
