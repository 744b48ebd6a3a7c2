/* SPDX-License-Identifier: Apache-2.0
 *
 * {"action":"report"}: the posture report written to the bucket, dated and as `latest`, and its
 * summary sent to the topic. Written twice it is the same report of a later moment.
 */
#include "app/posture.h"
#include "app_internal.h"
#include "aws/s3.h"
#include "aws/sns.h"
#include "control/accounts.h"

/* SNS takes 256 KiB; nobody reads more than a page. */
#define SUMMARY_BYTES_MAX ((size_t)32 * 1024)
#define DOCUMENT_COUNT    3

struct publication {
    struct guard *guard;
    struct arena *arena;
    struct fleet fleet;
    struct posture posture;
    str documents[DOCUMENT_COUNT];
    str summary;
    str keys[2 * DOCUMENT_COUNT];
    size_t key_count;
    bool is_published;
};

static const struct {
    const char *name;
    const char *content_type;
    void (*write)(struct buf *out, struct arena *arena, const struct fleet *fleet,
                  const struct posture *posture);
} DOCUMENTS[DOCUMENT_COUNT] = {
    {"report.html", "text/html; charset=utf-8", fleet_write_html},
    {"report.json", "application/json", posture_write_json},
    {"report.csv", "text/csv; charset=utf-8", posture_write_csv},
};

static enum status render(struct publication *publication, struct error *error) {
    for (size_t i = 0; i <= DOCUMENT_COUNT; i++) {
        bool is_summary = i == DOCUMENT_COUNT;
        struct buf out;
        buf_init(&out, publication->arena,
                 is_summary ? SUMMARY_BYTES_MAX : FLEET_DOCUMENT_BYTES_MAX);
        (is_summary ? posture_write_summary : DOCUMENTS[i].write)(
            &out, publication->arena, &publication->fleet, &publication->posture);
        *(is_summary ? &publication->summary : &publication->documents[i]) = buf_str(&out);
        if (buf_status(&out) != STATUS_OK) {
            return error_set(error, publication->arena, STATUS_TOO_LARGE,
                             "the report is larger than %zu bytes", out.bytes_max);
        }
    }
    return STATUS_OK;
}

/* To "<prefix>/<account>/<region>/2026-11-23/report.html" and the like. */
static enum status write_documents(struct publication *publication, struct error *error) {
    struct guard *guard = publication->guard;
    const struct report_settings *settings = &guard->settings.report;
    bool needs_slash =
        !str_is_empty(settings->prefix) && !str_ends_with(settings->prefix, STR("/"));
    const str folders[] = {
        date_format(publication->arena, date_days_of_ms(publication->posture.now_ms)),
        STR("latest"),
    };
    str account;
    if (str_is_empty(settings->bucket)) {
        return STATUS_OK;
    }
    TRY(accounts_name_own(guard, publication->arena, &account, error));
    for (size_t i = 0; i < 2 * DOCUMENT_COUNT; i++) {
        size_t document = i % DOCUMENT_COUNT;
        const struct s3_object object = {
            .region = settings->bucket_region,
            .bucket = settings->bucket,
            .key = str_format(publication->arena,
                              "%" STR_FMT "%s%" STR_FMT "/%" STR_FMT "/%" STR_FMT "/%s",
                              STR_ARG(settings->prefix), needs_slash ? "/" : "", STR_ARG(account),
                              STR_ARG(guard->settings.region), STR_ARG(folders[i / DOCUMENT_COUNT]),
                              DOCUMENTS[document].name),
            /* A bucket that somebody else has made under a name that was given up gets none. */
            .owner = str_is_empty(settings->bucket_owner) ? account : settings->bucket_owner};
        TRY(s3_put_object(&guard->home, &object, DOCUMENTS[document].content_type,
                          publication->documents[document], publication->arena, error));
        publication->keys[publication->key_count++] = object.key;
    }
    return STATUS_OK;
}

static str subject_of(const struct publication *publication) {
    const struct fleet_summary *summary = &publication->posture.kpis.fleet;
    str share = STR("protection not known");
    if (summary->is_share_known) {
        share = str_format(publication->arena, "%.2f %% protected", summary->protected_percent);
    }
    return str_format(publication->arena,
                      "desync-guard report %" STR_FMT ": %" STR_FMT ", %zu non-compliant, %zu "
                      "unknown%s",
                      STR_ARG(publication->guard->settings.region), STR_ARG(share),
                      summary->non_compliant, summary->unknown,
                      publication->fleet.gap_count > 0 ? ", incomplete" : "");
}

static enum status send_summary(struct publication *publication, struct error *error) {
    struct guard *guard = publication->guard;
    const struct fleet_summary *summary = &publication->posture.kpis.fleet;
    bool is_all_well =
        summary->non_compliant == 0 && summary->unknown == 0 && publication->fleet.gap_count == 0;
    const struct sns_attribute attributes[] = {
        {STR("severity"), is_all_well ? STR("INFORMATIONAL") : STR("MEDIUM")},
        {STR("finding"), STR("none")},
        {STR("region"), guard->settings.region},
    };
    const struct sns_message message = {.topic_arn = guard->settings.control.alert_topic_arn,
                                        .subject = subject_of(publication),
                                        .text = publication->summary,
                                        .attributes = attributes,
                                        .attribute_count = sizeof attributes / sizeof *attributes};
    if (str_is_empty(message.topic_arn)) {
        return STATUS_OK;
    }
    TRY(sns_publish(&guard->home, &message, publication->arena, NULL, error));
    publication->is_published = true;
    return STATUS_OK;
}

static str response_of(const struct publication *publication) {
    struct buf out;
    struct json_writer writer;
    const struct fleet_summary *summary = &publication->posture.kpis.fleet;
    buf_init(&out, publication->arena, RESPONSE_BYTES_MAX);
    json_writer_init(&writer, &out);
    json_object_begin(&writer);
    reply_write_nothing_judged(&writer);
    json_write_key(&writer, STR("report"));
    json_object_begin(&writer);
    json_write_member(&writer, "bucket", publication->guard->settings.report.bucket);
    json_write_key(&writer, STR("keys"));
    json_array_begin(&writer);
    for (size_t i = 0; i < publication->key_count; i++) {
        json_write_str(&writer, publication->keys[i]);
    }
    json_array_end(&writer);
    json_write_member_bool(&writer, "isPublished", publication->is_published);
    json_write_member_count(&writer, "listed", summary->listed);
    json_write_key(&writer, STR("protectedPercent"));
    if (summary->is_share_known) {
        json_write_double(&writer, summary->protected_percent);
    } else {
        json_write_null(&writer);
    }
    json_write_member_count(&writer, "nonCompliant", summary->non_compliant);
    json_write_member_count(&writer, "unknown", summary->unknown);
    json_write_member_bool(&writer, "isComplete", publication->fleet.gap_count == 0);
    json_write_member(&writer, "summary", publication->summary);
    json_object_end(&writer);
    json_object_end(&writer);
    return buf_str(&out);
}

void publish_report(struct guard *guard, struct arena *arena, struct app_reply *reply) {
    struct publication publication = {.guard = guard, .arena = arena};
    const struct fleet *fleet = &publication.fleet;
    struct error error = {0};
    if (app_posture(guard, arena, &publication.fleet, &publication.posture, &error) != STATUS_OK) {
        reply_error(reply, ERROR_ACTION_FAILED, error.message);
        return;
    }
    /* A report that leaves something out says so itself; one of nothing at all is none. */
    if (fleet->row_count == 0 && fleet->gap_count > 0) {
        reply_error(reply, ERROR_SWEEP_INCOMPLETE, fleet->gaps[0].reason);
        return;
    }
    if (str_is_empty(guard->settings.report.bucket)) {
        log_off(guard, STR("keeping of reports"), STR("REPORT_BUCKET is not set"));
    }
    if (render(&publication, &error) != STATUS_OK ||
        write_documents(&publication, &error) != STATUS_OK ||
        send_summary(&publication, &error) != STATUS_OK) {
        reply_error(reply, ERROR_ACTION_FAILED, error.message);
        return;
    }
    reply->body = response_of(&publication);
}
