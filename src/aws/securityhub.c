/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/securityhub.h"

#include "call_internal.h"

#define OPERATION          "BatchImportFindings"
#define FAILURES_NAMED_MAX 5
#define ID_CHARACTERS_MAX  128 /* of 512, in a message */
#define TIMEOUT_MS         10000
/* {"Findings":[...]} and a comma a finding */
#define BODY_BYTES_MAX (SECURITYHUB_BATCH_BYTES_MAX + 1024)

static const struct http_header HEADER = {
    {"Content-Type", sizeof("Content-Type") - 1},
    {"application/json", sizeof("application/json") - 1},
};

static const struct aws_code_meaning MEANINGS[] = {
    {"InvalidAccessException", STATUS_DENIED,
     "Security Hub is not enabled in this account and Region"},
    {NULL, STATUS_OK, NULL},
};

struct import {
    struct aws_client *client;
    struct arena *arena;
    struct securityhub_report *report;
    size_t failures_named;
    struct error first_error;
    bool is_over; /* every further batch would fare the same */
};

/* ---- one batch ---- */

struct batch {
    const str *findings;
    size_t count;
    size_t failed;                   /* as the answer says */
    const struct json *failed_first; /* entries of FailedFindings */
};

/* A count up to `count_max`, or false. */
static bool read_count(const struct json *value, size_t count_max, size_t *count_out) {
    double number = 0;
    if (!json_number(value, &number) || number < 0 || number > (double)count_max) {
        return false;
    }
    *count_out = (size_t)number;
    return (double)*count_out == number;
}

/* Both counts must add up to what was sent: an answer that forgets a finding is not understood. */
static enum status parse_answer(void *context, struct arena *arena,
                                const struct http_response *response, struct error *error) {
    struct batch *batch = context;
    const struct json *root = NULL;
    size_t succeeded = 0;
    size_t failed = 0;
    TRY(json_answer(arena, response, &root, error));
    bool has_counts = read_count(json_get(root, "SuccessCount"), batch->count, &succeeded) &&
                      read_count(json_get(root, "FailedCount"), batch->count, &failed);
    if (!has_counts || succeeded + failed != batch->count) {
        return error_set(error, arena, STATUS_INCOMPLETE,
                         "the answer does not account for every finding");
    }
    batch->failed = failed;
    batch->failed_first = json_first(json_get(root, "FailedFindings"));
    return STATUS_OK;
}

static enum status send_batch(struct aws_client *client, struct batch *batch, struct arena *arena,
                              struct error *error) {
    struct buf body;
    buf_init(&body, arena, BODY_BYTES_MAX);
    for (size_t i = 0; i < batch->count; i++) {
        buf_append(&body, i == 0 ? STR("{\"Findings\":[") : STR(","));
        buf_append(&body, batch->findings[i]);
    }
    buf_append(&body, STR("]}"));
    ASSERT(buf_status(&body) == STATUS_OK);
    const struct aws_request request = {
        .service = AWS_SECURITYHUB,
        .operation = OPERATION,
        .method = STR("POST"),
        .path = STR("/findings/import"),
        .headers = &HEADER,
        .header_count = 1,
        .body = buf_str(&body),
        .timeout_ms = TIMEOUT_MS,
        .pace = PACE_SECURITYHUB_IMPORT,
        .meanings = MEANINGS,
        .parse = parse_answer,
        .context = batch,
    };
    return aws_call(client, &request, arena, error);
}

/* ---- all batches ---- */

/* Ids and messages echo what was sent: they are cleaned as any message of AWS is. */
static void name_failures(struct import *import, const struct batch *batch) {
    struct securityhub_report *report = import->report;
    const struct json *entry = batch->failed_first;
    const struct call_secrets secrets = {.credentials = &import->client->credentials};
    for (; entry != NULL && import->failures_named < FAILURES_NAMED_MAX; entry = json_next(entry)) {
        str id = str_utf8_prefix(json_get_string(entry, "Id"), ID_CHARACTERS_MAX);
        str code = json_get_string(entry, "ErrorCode");
        str message = json_get_string(entry, "ErrorMessage");
        id = call_message_clean(&secrets, import->arena, id);
        code = call_message_clean(&secrets, import->arena, code);
        message = call_message_clean(&secrets, import->arena, message);
        report->failures =
            str_format(import->arena, "%" STR_FMT "%s%" STR_FMT " (%" STR_FMT ": %" STR_FMT ")",
                       STR_ARG(report->failures), import->failures_named > 0 ? ", " : "",
                       STR_ARG(id), STR_ARG(code), STR_ARG(message));
        import->failures_named++;
    }
}

/* A batch that failed for its content says nothing of the next one; a refusal of access or the
 * deadline does. */
static void settle_batch(struct import *import, struct batch *batch) {
    struct arena scratch = {0};
    struct error cause = {.status = STATUS_OK};
    enum status status = send_batch(import->client, batch, &scratch, &cause);
    if (status == STATUS_OK) {
        name_failures(import, batch);
        import->report->imported += batch->count - batch->failed;
        import->report->failed += batch->failed;
    } else {
        import->report->failed += batch->count;
        import->is_over = status == STATUS_DENIED || status == STATUS_DEADLINE;
        if (import->first_error.status == STATUS_OK) {
            error_copy(&import->first_error, import->arena, &cause);
        }
    }
    arena_clean_up(&scratch);
}

/* As many of the first findings as fit into one batch: at least one, as check_finding has refused
 * what is larger than SECURITYHUB_FINDING_BYTES_MAX, so that the loop over the batches ends. The
 * limits are those of BatchImportFindings: 100 findings, 240 KB each and 6 MB a call. At 10 calls a
 * second for an account and Region, calls go one after the other. */
static size_t batch_size(const str *findings, size_t count) {
    size_t bytes = 0;
    size_t n = 0;
    while (n < count && n < SECURITYHUB_BATCH_FINDINGS_MAX &&
           bytes + findings[n].len <= SECURITYHUB_BATCH_BYTES_MAX) {
        bytes += findings[n++].len;
    }
    return n;
}

static enum status check_finding(str finding, size_t number, struct arena *arena,
                                 struct error *error) {
    struct arena scratch = {0};
    const struct json *root = NULL;
    const struct json_limits limits = {SECURITYHUB_FINDING_BYTES_MAX,
                                       JSON_LIMITS_DEFAULT.depth_max};
    enum status status = json_parse(&scratch, finding, &limits, &root, NULL);
    bool is_object = status == STATUS_OK && json_is_object(root);
    arena_clean_up(&scratch);
    if (is_object) {
        return STATUS_OK;
    }
    bool is_too_large = status == STATUS_TOO_LARGE;
    return error_set(error, arena, is_too_large ? STATUS_TOO_LARGE : STATUS_INVALID,
                     "securityhub " OPERATION ": finding %zu is %s", number,
                     is_too_large ? "larger than 240 KB" : "no JSON object");
}

static enum status conclude(const struct import *import, struct error *error) {
    const struct securityhub_report *report = import->report;
    if (import->first_error.status != STATUS_OK) {
        error_copy(error, import->arena, &import->first_error);
        return import->first_error.status;
    }
    if (report->failed > 0) {
        return error_set(error, import->arena, STATUS_PARTIAL,
                         "securityhub " OPERATION ": %zu of %zu finding%s refused: %" STR_FMT,
                         report->failed, report->failed + report->imported,
                         str_by_count(report->failed + report->imported, " was", "s were"),
                         STR_ARG(report->failures));
    }
    return STATUS_OK;
}

enum status securityhub_import_findings(struct aws_client *client, const str *findings,
                                        size_t count, struct arena *arena,
                                        struct securityhub_report *report, struct error *error) {
    struct import import = {.client = client, .arena = arena, .report = report};
    *report = (struct securityhub_report){.imported = 0};
    for (size_t i = 0; i < count; i++) {
        TRY(check_finding(findings[i], i + 1, arena, error));
    }
    size_t from = 0;
    while (from < count && !import.is_over) {
        struct batch batch = {.findings = &findings[from],
                              .count = batch_size(&findings[from], count - from)};
        settle_batch(&import, &batch);
        from += batch.count;
    }
    report->failed += count - from;
    return conclude(&import, error);
}
