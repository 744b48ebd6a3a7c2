/* SPDX-License-Identifier: Apache-2.0
 *
 * PutEvaluations may be repeated at will: an evaluation is keyed by rule, resource and
 * OrderingTimestamp, and the same one sent twice leaves the same result. So a batch whose answer
 * was lost is simply sent again.
 */
#include "aws/config.h"

#include "call_internal.h"

#define TYPE_CHARACTERS_MAX 256
#define ID_CHARACTERS_MAX   768
#define FAILED_IDS_MAX      5
#define BATCHES_AT_ONCE     4
#define OPERATION           "PutEvaluations"

/* FailedEvaluations are failures "because of a client or server error": worth repeating, briefly.
 */
#define RESEND_ROUNDS_MAX   3
#define RESEND_DELAY_MS_MIN 200 /* doubled each round, and the same again at random */

/* All limits above, four bytes a character, six a byte when escaped, and room for the keys. */
#define EVALUATION_JSON_BYTES_MAX                                                                  \
    ((CONFIG_ANNOTATION_CHARACTERS_MAX + TYPE_CHARACTERS_MAX + ID_CHARACTERS_MAX) * 4 * 6 + 512)

struct item {
    const struct config_evaluation *evaluation;
    bool is_refused; /* listed in FailedEvaluations of the answer to its batch */
};

/* Items that FailedEvaluations names move to the front and go out again:
 *
 *   round 0   [ a b c | d e f | g h ]      batches of 100, four at once
 *                x         x               refused
 *   round 1   [ b f ]                      after 200 to 400 ms, then twice that, and so on
 *                x
 *   after RESEND_ROUNDS_MAX   f            is reported as failed: PARTIAL
 *
 * A batch whose call failed is not among them: aws_call_all has repeated it already. */
struct sending {
    struct aws_client *client;
    struct arena *arena;
    str result_token;
    struct item *items; /* those still to be sent */
    size_t item_count;
    struct config_report *report;
    size_t failed_ids_named;
    struct error first_error;
    bool is_over; /* nothing sent with this token can be accepted any more */
};

/* ---- guards: what AWS would refuse is refused here, before anything is sent ---- */

static bool has_length(str text, size_t characters_max) {
    return text.len > 0 && str_utf8_valid_prefix(text) == text.len &&
           str_utf8_count(text) <= characters_max;
}

static bool is_compliance_type(str text) {
    static const char *const types[] = {"COMPLIANT", "NON_COMPLIANT", "NOT_APPLICABLE"};
    return str_is_one_of(text, types, sizeof types / sizeof *types);
}

/* What is wrong with it, or NULL. The API's model has INSUFFICIENT_DATA, and PutEvaluations refuses
 * it: a verdict of unknown is never sent, so that the last result stays. */
static const char *evaluation_problem(const struct config_evaluation *evaluation) {
    if (!has_length(evaluation->resource_type, TYPE_CHARACTERS_MAX)) {
        return "its resource type must have 1..256 characters";
    }
    if (!has_length(evaluation->resource_id, ID_CHARACTERS_MAX)) {
        return "its resource id must have 1..768 characters";
    }
    if (!is_compliance_type(evaluation->compliance_type)) {
        return "its compliance must be COMPLIANT, NON_COMPLIANT or NOT_APPLICABLE";
    }
    if (!has_length(evaluation->annotation, CONFIG_ANNOTATION_CHARACTERS_MAX)) {
        return "its annotation must have 1..256 characters of valid UTF-8";
    }
    return evaluation->ordering_ms > 0 ? NULL : "it has no ordering timestamp";
}

static enum status check_input(str result_token, const struct config_evaluation *evaluations,
                               size_t count, struct arena *arena, struct error *error) {
    if (str_is_empty(result_token)) {
        return service_refuse(AWS_CONFIG, OPERATION, "no result token", arena, error);
    }
    for (size_t i = 0; i < count; i++) {
        const char *problem = evaluation_problem(&evaluations[i]);
        if (problem != NULL) {
            str id = evaluations[i].resource_id;
            id = str_slice(id, 0, str_utf8_valid_prefix(id));
            return error_set(error, arena, STATUS_INVALID,
                             "config " OPERATION ": evaluation %zu (\"%" STR_FMT "\"): %s", i + 1,
                             STR_ARG(str_utf8_prefix(id, 128)), problem);
        }
    }
    return STATUS_OK;
}

/* ---- one batch ---- */

struct batch {
    struct item *items;
    size_t count;
};

/* OrderingTimestamp is whole seconds, as the AWS SDKs send it: of two items captured within the
 * same second the later report counts. */
static void write_evaluation(struct json_writer *writer, const struct config_evaluation *item) {
    json_object_begin(writer);
    json_write_member(writer, "ComplianceResourceType", item->resource_type);
    json_write_member(writer, "ComplianceResourceId", item->resource_id);
    json_write_member(writer, "ComplianceType", item->compliance_type);
    json_write_member(writer, "Annotation", item->annotation);
    json_write_member_i64(writer, "OrderingTimestamp", item->ordering_ms / MS_PER_SECOND);
    json_object_end(writer);
}

/* Marks the item this entry of FailedEvaluations names; false when it names none of ours. */
static bool mark_refused(const struct batch *batch, const struct json *entry) {
    str type = json_get_string(entry, "ComplianceResourceType");
    str id = json_get_string(entry, "ComplianceResourceId");
    bool is_found = false;
    for (size_t i = 0; i < batch->count; i++) {
        const struct config_evaluation *evaluation = batch->items[i].evaluation;
        if (str_eq(evaluation->resource_id, id) && str_eq(evaluation->resource_type, type)) {
            batch->items[i].is_refused = true;
            is_found = true;
        }
    }
    return is_found;
}

/* An absent list is taken as an empty one (JSON services leave out what is empty), but an entry
 * that cannot be matched means that something of ours failed and we do not know what: unreadable,
 * and the batch goes out again. FailedEvaluations comes with a 200, which many rules ignore and so
 * lose results. */
static enum status parse_answer(void *context, struct arena *arena,
                                const struct http_response *response, struct error *error) {
    const struct batch *batch = context;
    const struct json *root = NULL;
    TRY(json_answer(arena, response, &root, error));
    const struct json *failed = json_get(root, "FailedEvaluations");
    bool is_list = failed == NULL || json_is_null(failed) || json_is_array(failed);
    if (!is_list) {
        return error_set(error, arena, STATUS_INCOMPLETE, "no list of FailedEvaluations");
    }
    for (size_t i = 0; i < batch->count; i++) {
        batch->items[i].is_refused = false;
    }
    for (const struct json *entry = json_first(failed); entry != NULL; entry = json_next(entry)) {
        if (!mark_refused(batch, entry)) {
            return error_set(error, arena, STATUS_INCOMPLETE,
                             "FailedEvaluations names what was not sent");
        }
    }
    return STATUS_OK;
}

static struct aws_request batch_request(struct sending *sending, struct batch *batch) {
    struct service_call call;
    service_call_begin(&call, sending->arena,
                       CONFIG_EVALUATIONS_MAX * EVALUATION_JSON_BYTES_MAX +
                           sending->result_token.len * 6 + 256,
                       &(struct aws_request){.service = AWS_CONFIG,
                                             .operation = OPERATION,
                                             .secrets = &sending->result_token,
                                             .secret_count = 1,
                                             .waits_out_throttling = true,
                                             .parse = parse_answer,
                                             .context = batch});
    json_write_key(&call.writer, STR("Evaluations"));
    json_array_begin(&call.writer);
    for (size_t i = 0; i < batch->count; i++) {
        write_evaluation(&call.writer, batch->items[i].evaluation);
    }
    json_array_end(&call.writer);
    json_write_member(&call.writer, "ResultToken", sending->result_token);
    if (str_eq(sending->result_token, STR("TESTMODE"))) {
        json_write_member_bool(&call.writer, "TestMode", true);
    }
    enum status status = service_call_end(&call, NULL);
    ASSERT(status == STATUS_OK); /* its bound follows from what check_input lets through */
    return call.request;
}

/* ---- all batches, all rounds ---- */

static void note_failed(struct sending *sending, const struct item *item) {
    struct config_report *report = sending->report;
    report->failed++;
    if (sending->failed_ids_named < FAILED_IDS_MAX) {
        sending->failed_ids_named++;
        report->failed_ids = str_format(
            sending->arena, "%" STR_FMT "%s%" STR_FMT, STR_ARG(report->failed_ids),
            str_is_empty(report->failed_ids) ? "" : ", ", STR_ARG(item->evaluation->resource_id));
    }
}

/* They are the token's or its rule's, and meet every further batch as well. */
static const struct {
    const char *code;
    const char *hint;
} TOKEN_TROUBLES[] = {
    {"InvalidResultTokenException",
     "a result token is good for one event, in the account and region of its rule"},
    {"NoSuchConfigRuleException",
     "the rule was deleted after it asked for this evaluation; nothing is left to report to"},
};

static void note_call_error(struct sending *sending, struct error *error) {
    for (size_t i = 0; i < sizeof(TOKEN_TROUBLES) / sizeof(TOKEN_TROUBLES[0]); i++) {
        if (str_eq(error->aws_code, str_from_cstr(TOKEN_TROUBLES[i].code))) {
            error->message = str_format(sending->arena, "%" STR_FMT " (%s)",
                                        STR_ARG(error->message), TOKEN_TROUBLES[i].hint);
            sending->is_over = true;
        }
    }
    if (sending->first_error.status == STATUS_OK) {
        sending->first_error = *error;
    }
}

/* What became of one batch; its refused items are appended to those kept for the next round. */
static void settle_batch(struct sending *sending, const struct batch *batch,
                         struct aws_outcome *outcome, size_t *kept) {
    bool is_sent = outcome->status == STATUS_OK;
    if (!is_sent) {
        outcome->error.status = outcome->status;
        note_call_error(sending, &outcome->error);
    }
    for (size_t i = 0; i < batch->count; i++) {
        struct item item = batch->items[i];
        if (!is_sent) {
            note_failed(sending, &item);
        } else if (item.is_refused) {
            sending->items[(*kept)++] = item; /* never beyond the item just read */
        } else {
            sending->report->reported++;
        }
    }
}

/* Some batches at once, so that the way to AWS and back is waited for once. */
static void send_group(struct sending *sending, size_t from, size_t to, size_t *kept) {
    struct batch batches[BATCHES_AT_ONCE];
    struct aws_request requests[BATCHES_AT_ONCE] = {{.operation = NULL}};
    struct aws_outcome outcomes[BATCHES_AT_ONCE] = {{.status = STATUS_OK}};
    struct error error = {.status = STATUS_OK};
    size_t count = 0;
    for (size_t i = from; i < to; i += CONFIG_EVALUATIONS_MAX) {
        size_t rest = to - i;
        batches[count] = (struct batch){
            .items = &sending->items[i],
            .count = rest < CONFIG_EVALUATIONS_MAX ? rest : CONFIG_EVALUATIONS_MAX,
        };
        requests[count] = batch_request(sending, &batches[count]);
        count++;
    }
    enum status status = aws_call_all(sending->client, requests, count, BATCHES_AT_ONCE,
                                      sending->arena, outcomes, &error);
    ASSERT(status == STATUS_OK || outcomes[0].status != STATUS_OK);
    for (size_t i = 0; i < count; i++) {
        settle_batch(sending, &batches[i], &outcomes[i], kept);
    }
}

/* One round over all items; afterwards only the refused ones are left. Once the token is refused
 * nothing more is sent: all further items are failed, by the same error. */
static void send_round(struct sending *sending) {
    const size_t group = (size_t)BATCHES_AT_ONCE * CONFIG_EVALUATIONS_MAX;
    size_t kept = 0;
    for (size_t from = 0; from < sending->item_count; from += group) {
        size_t to = sending->item_count - from < group ? sending->item_count : from + group;
        if (sending->is_over) {
            for (size_t i = from; i < to; i++) {
                note_failed(sending, &sending->items[i]);
            }
        } else {
            send_group(sending, from, to, &kept);
        }
    }
    sending->item_count = kept;
}

static enum status conclude(struct sending *sending, struct error *error) {
    for (size_t i = 0; i < sending->item_count; i++) {
        note_failed(sending, &sending->items[i]);
    }
    if (sending->first_error.status != STATUS_OK) {
        error_copy(error, sending->arena, &sending->first_error);
        return sending->first_error.status;
    }
    const struct config_report *report = sending->report;
    size_t count = report->failed + report->reported;
    return report->failed == 0
               ? STATUS_OK
               : error_set(error, sending->arena, STATUS_PARTIAL,
                           "config " OPERATION ": %zu of %zu evaluation%s not accepted: %" STR_FMT,
                           report->failed, count, str_by_count(count, " was", "s were"),
                           STR_ARG(report->failed_ids));
}

enum status config_put_evaluations(struct aws_client *client, str result_token,
                                   const struct config_evaluation *evaluations, size_t count,
                                   struct arena *arena, struct config_report *report,
                                   struct error *error) {
    *report = (struct config_report){.reported = 0};
    TRY(check_input(result_token, evaluations, count, arena, error));
    struct sending sending = {
        .client = client,
        .arena = arena,
        .result_token = result_token,
        .items = ARENA_ARRAY(arena, struct item, count),
        .item_count = count,
        .report = report,
    };
    for (size_t i = 0; i < count; i++) {
        sending.items[i].evaluation = &evaluations[i];
    }
    send_round(&sending);
    for (int round = 0; round < RESEND_ROUNDS_MAX && sending.item_count > 0; round++) {
        int64_t base_ms = (int64_t)RESEND_DELAY_MS_MIN << round;
        int64_t delay_ms =
            base_ms + (int64_t)((double)base_ms * random_unit(&client->random_state));
        if (!aws_client_may_attempt(client, round + 2) ||
            delay_ms >= aws_client_time_left_ms(client)) {
            break;
        }
        client->clock->sleep_ms(client->clock, delay_ms);
        send_round(&sending);
    }
    return conclude(&sending, error);
}
