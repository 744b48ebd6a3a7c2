/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/securityhub.h"

#include <stdlib.h>

#include "base/json.h"
#include "torture.h"

#define ALL_GOOD(count) "{\"FailedCount\":0,\"SuccessCount\":" count ",\"FailedFindings\":[]}"

/* Security Hub behind the fake: takes what it is given, but for findings that hold a word. */
struct hub {
    struct arena *arena;
    const char *refuses; /* NULL: nothing */
    size_t batches;
    size_t findings;
    size_t findings_peak;
    size_t bytes_peak;
};

static struct fake_answer hub_respond(void *context, const struct http_request *request) {
    struct hub *hub = context;
    const struct json *root = NULL;
    const struct json_limits limits = {(size_t)8 << 20, 64};
    assert_int_equal(json_parse(hub->arena, request->body, &limits, &root, NULL), STATUS_OK);
    const struct json *list = json_get(root, "Findings");
    assert_true(json_count(list) > 0);
    struct buf body;
    struct buf failed;
    buf_init(&body, hub->arena, 1 << 20);
    buf_init(&failed, hub->arena, 1 << 20);
    size_t refused = 0;
    for (const struct json *finding = json_first(list); finding; finding = json_next(finding)) {
        str id = json_get_string(finding, "Id");
        if (hub->refuses != NULL && str_contains(id, str_from_cstr(hub->refuses))) {
            buf_printf(&failed,
                       "%s{\"Id\":\"%.*s\",\"ErrorCode\":\"InvalidInput\","
                       "\"ErrorMessage\":\"Title is\\nmissing\"}",
                       refused++ == 0 ? "" : ",", (int)id.len, id.ptr);
        }
    }
    size_t count = json_count(list);
    hub->batches++;
    hub->findings += count;
    hub->findings_peak = count > hub->findings_peak ? count : hub->findings_peak;
    hub->bytes_peak = request->body.len > hub->bytes_peak ? request->body.len : hub->bytes_peak;
    buf_printf(&body, "{\"FailedCount\":%zu,\"SuccessCount\":%zu,\"FailedFindings\":[%.*s]}",
               refused, count - refused, (int)failed.len, failed.ptr);
    return (struct fake_answer){.http_status = 200, .body = buf_str(&body), .took_ms = 20};
}

struct bench {
    struct aws_fixture aws;
    struct hub hub;
    struct securityhub_report report;
};

static void bench_begin(struct bench *bench) {
    fixture_begin(&bench->aws);
    bench->hub = (struct hub){.arena = &bench->aws.fake.arena};
    bench->aws.fake.respond = hub_respond;
    bench->aws.fake.respond_context = &bench->hub;
}

/* `count` findings f0, f1, ... of at least `bytes` each. */
static str *make_findings(struct arena *arena, size_t count, size_t bytes) {
    str *findings = ARENA_ARRAY(arena, str, count);
    char *padding = arena_alloc(arena, bytes + 1);
    memset(padding, 'x', bytes);
    for (size_t i = 0; i < count; i++) {
        findings[i] = str_format(arena, "{\"Id\":\"f%zu\",\"Note\":\"%s\"}", i, padding);
    }
    return findings;
}

static enum status import(struct bench *bench, const str *findings, size_t count) {
    return securityhub_import_findings(&bench->aws.client, findings, count, &bench->aws.arena,
                                       &bench->report, &bench->aws.error);
}

static enum status import_one(struct aws_fixture *fixture) {
    static const str finding = {"{\"Id\":\"a\"}", 10};
    struct securityhub_report report;
    return securityhub_import_findings(&fixture->client, &finding, 1, &fixture->arena, &report,
                                       &fixture->error);
}

static void import_request_is_exact(void **state) {
    (void)state;
    struct bench bench;
    bench_begin(&bench);
    const str findings[] = {STR("{\"Id\":\"a\"}"), STR(" { \"Id\" : \"b\" } ")};
    assert_int_equal(import(&bench, findings, 2), STATUS_OK);
    assert_int_equal(bench.report.imported, 2);
    assert_int_equal(bench.report.failed, 0);
    const struct http_request *sent = &bench.aws.fake.requests[0].http;
    assert_str(sent->url, "https://securityhub.eu-west-1.amazonaws.com/findings/import");
    assert_str(sent->method, "POST");
    assert_str(sent->body, "{\"Findings\":[{\"Id\":\"a\"}, { \"Id\" : \"b\" } ]}");
    assert_str(fake_request_header(&bench.aws.fake, 0, "Content-Type"), "application/json");
    assert_true(str_contains(fake_request_header(&bench.aws.fake, 0, "Authorization"),
                             STR("/eu-west-1/securityhub/aws4_request")));
    fixture_end(&bench.aws);
}

static void import_of_zero_findings_sends_no_request(void **state) {
    (void)state;
    struct bench bench;
    bench_begin(&bench);
    assert_int_equal(import(&bench, NULL, 0), STATUS_OK);
    assert_int_equal(bench.aws.fake.request_count, 0);
    fixture_end(&bench.aws);
}

static void import_stays_within_the_batch_limit(void **state) {
    (void)state;
    static const struct {
        const char *name;
        size_t count, bytes, batches;
    } rows[] = {
        {"a full batch", 100, 10, 1},
        {"one more", 101, 10, 2},
        {"many", 1000, 10, 10},
        {"25 large ones are 6 MB", 60, 239000, 3},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        print_message("%s\n", rows[i].name);
        struct bench bench;
        bench_begin(&bench);
        str *findings = make_findings(&bench.aws.arena, rows[i].count, rows[i].bytes);
        assert_int_equal(import(&bench, findings, rows[i].count), STATUS_OK);
        assert_int_equal(bench.report.imported, rows[i].count);
        assert_int_equal(bench.hub.findings, rows[i].count);
        assert_int_equal(bench.hub.batches, rows[i].batches);
        assert_true(bench.hub.findings_peak <= 100);
        assert_true(bench.hub.bytes_peak <= 6 * 1024 * 1024);
        fixture_end(&bench.aws);
    }
}

static void import_keeps_the_pace_of_ten_a_second(void **state) {
    (void)state;
    struct bench bench;
    struct pace pace;
    bench_begin(&bench);
    pace_init(&pace, PACE_RATE_DEFAULT, 0, FAKE_NOW_MS);
    bench.aws.client.pace = &pace;
    str *findings = make_findings(&bench.aws.arena, 10000, 1);
    assert_int_equal(import(&bench, findings, 10000), STATUS_OK);
    assert_int_equal(bench.hub.batches, 100);
    const struct fake_request *requests = bench.aws.fake.requests;
    for (size_t i = 0; i + 31 < 100; i++) {
        assert_true(requests[i + 31].at_ms - requests[i].at_ms >= 100); /* never 32 at once */
    }
    assert_true(requests[99].at_ms - requests[0].at_ms >= 7000);
    assert_true(pace.account.tokens == pace.account.capacity); /* load balancing is not charged */
    fixture_end(&bench.aws);
}

static void import_reports_which_findings_failed(void **state) {
    (void)state;
    struct bench bench;
    bench_begin(&bench);
    bench.hub.refuses = "f1";
    str *findings = make_findings(&bench.aws.arena, 200, 1);
    assert_int_equal(import(&bench, findings, 200), STATUS_PARTIAL);
    assert_int_equal(bench.report.failed, 111); /* f1, f10..f19, f100..f199 */
    assert_int_equal(bench.report.imported, 89);
    assert_true(str_starts_with(bench.report.failures,
                                STR("f1 (InvalidInput: Title is missing), f10 (InvalidInput")));
    assert_true(str_ends_with(bench.report.failures, STR("f13 (InvalidInput: Title is missing)")));
    assert_true(str_starts_with(
        bench.aws.error.message,
        STR("securityhub BatchImportFindings: 111 of 200 findings were refused: f1 (")));
    fixture_end(&bench.aws);
}

static void import_continues_after_a_failed_batch(void **state) {
    (void)state;
    struct bench bench;
    bench_begin(&bench);
    fake_answer(&bench.aws.fake,
                (struct fake_answer){.match = "\"f0\"", .http_status = 500, .times = FAKE_FOREVER});
    str *findings = make_findings(&bench.aws.arena, 250, 1);
    assert_int_equal(import(&bench, findings, 250), STATUS_SERVER);
    assert_int_equal(bench.report.failed, 100);
    assert_int_equal(bench.report.imported, 150);
    fixture_end(&bench.aws);
}

static void import_without_security_hub_says_so_once(void **state) {
    (void)state;
    struct bench bench;
    bench_begin(&bench);
    fake_answer(
        &bench.aws.fake,
        (struct fake_answer){
            .http_status = 401,
            .times = FAKE_FOREVER,
            .headers = "x-amzn-ErrorType: InvalidAccessException",
            .body = STR("{\"Message\":\"Account 1 is not subscribed to AWS Security Hub\"}")});
    str *findings = make_findings(&bench.aws.arena, 250, 1);
    assert_int_equal(import(&bench, findings, 250), STATUS_DENIED);
    assert_int_equal(bench.aws.fake.request_count, 1);
    assert_int_equal(bench.report.failed, 250);
    assert_true(
        str_starts_with(bench.aws.error.message,
                        STR("securityhub BatchImportFindings: InvalidAccessException (HTTP 401): "
                            "Security Hub is not enabled in this account and Region: Account 1")));
    fixture_end(&bench.aws);
}

static void import_of_an_invalid_finding_sends_no_request(void **state) {
    (void)state;
    char *large = malloc(SECURITYHUB_FINDING_BYTES_MAX + 1);
    memset(large, ' ', SECURITYHUB_FINDING_BYTES_MAX + 1);
    memcpy(large, "{}", 2);
    const struct {
        str finding;
        enum status status;
    } rows[] = {
        {STR_EMPTY, STATUS_INVALID},
        {STR("[]"), STATUS_INVALID},
        {STR("{}]},"), STATUS_INVALID},
        {STR("{\"Id\":"), STATUS_INVALID},
        {{large, SECURITYHUB_FINDING_BYTES_MAX + 1}, STATUS_TOO_LARGE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bench bench;
        bench_begin(&bench);
        const str findings[] = {STR("{}"), rows[i].finding};
        assert_int_equal(import(&bench, findings, 2), rows[i].status);
        assert_true(str_contains(bench.aws.error.message, STR("finding 2 ")));
        assert_int_equal(bench.aws.fake.request_count, 0);
        fixture_end(&bench.aws);
    }
    free(large);
}

static void import_answer_that_omits_a_finding_is_unreadable(void **state) {
    (void)state;
    static const char *const bodies[] = {
        "{}",
        "[]",
        ALL_GOOD("0"),
        ALL_GOOD("2"),
        ALL_GOOD("0.5"),
        ALL_GOOD("-1"),
        ALL_GOOD("\"1\""),
        "{\"SuccessCount\":1}",
        "{\"FailedCount\":1,\"SuccessCount\":1}",
    };
    refuse_bodies(import_one, bodies, sizeof bodies / sizeof *bodies);
}

static void import_survives_every_fault(void **state) {
    (void)state;
    const struct torture torture = {import_one, STR(ALL_GOOD("1")),
                                    "securityhub BatchImportFindings: ", RETRY_ATTEMPTS_DEFAULT};
    torture_all(&torture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(import_request_is_exact),
        cmocka_unit_test(import_of_zero_findings_sends_no_request),
        cmocka_unit_test(import_stays_within_the_batch_limit),
        cmocka_unit_test(import_keeps_the_pace_of_ten_a_second),
        cmocka_unit_test(import_reports_which_findings_failed),
        cmocka_unit_test(import_continues_after_a_failed_batch),
        cmocka_unit_test(import_without_security_hub_says_so_once),
        cmocka_unit_test(import_of_an_invalid_finding_sends_no_request),
        cmocka_unit_test(import_answer_that_omits_a_finding_is_unreadable),
        cmocka_unit_test(import_survives_every_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
