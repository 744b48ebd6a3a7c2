/* SPDX-License-Identifier: Apache-2.0
 *
 * {"action":"report"}: the posture report written to the bucket, dated and as `latest`, and its
 * summary sent to the topic. Written twice it is the same report of a later moment.
 */
#include "app/posture.h"
#include "app_internal.h"
#include "aws/s3.h"
#include "aws/sns.h"

/* SNS takes 256 KiB; nobody reads more than a page. */
#define SUMMARY_BYTES_MAX ((size_t)32 * 1024)

struct document {
    const char *name;
    const char *content_type;
    str body;
};

struct publication {
    struct guard *guard;
    struct arena *arena;
    const struct fleet *fleet;
    const struct posture *posture;
    struct document documents[3];
    str summary;
    str keys[6];
    size_t key_count;
    bool is_published;
};

static enum status render(struct publication *publication, struct error *error) {
    struct document *documents = publication->documents;
    struct arena *arena = publication->arena;
    struct buf out[4];
    for (size_t i = 0; i < 3; i++) {
        buf_init(&out[i], arena, FLEET_DOCUMENT_BYTES_MAX);
    }
    buf_init(&out[3], arena, SUMMARY_BYTES_MAX);
    fleet_write_html(&out[0], arena, publication->fleet, publication->posture);
    posture_write_json(&out[1], arena, publication->fleet, publication->posture);
    posture_write_csv(&out[2], arena, publication->fleet, publication->posture);
    posture_write_summary(&out[3], arena, publication->fleet, publication->posture);
    documents[0] = (struct document){"report.html", "text/html; charset=utf-8", buf_str(&out[0])};
    documents[1] = (struct document){"report.json", "application/json", buf_str(&out[1])};
    documents[2] = (struct document){"report.csv", "text/csv; charset=utf-8", buf_str(&out[2])};
    publication->summary = buf_str(&out[3]);
    for (size_t i = 0; i < 4; i++) {
        if (buf_status(&out[i]) != STATUS_OK) {
            return error_set(error, arena, STATUS_TOO_LARGE, "the report is larger than %zu bytes",
                             out[i].bytes_max);
        }
    }
    return STATUS_OK;
}

/* "<prefix>/<region>/2026-11-23/report.html" */
static str key_of(const struct publication *publication, str folder, const char *name) {
    str prefix = publication->guard->settings.report.prefix;
    bool needs_slash = !str_is_empty(prefix) && !str_ends_with(prefix, STR("/"));
    return str_format(publication->arena, "%" STR_FMT "%s%" STR_FMT "/%" STR_FMT "/%s",
                      STR_ARG(prefix), needs_slash ? "/" : "",
                      STR_ARG(publication->guard->settings.region), STR_ARG(folder), name);
}

static enum status write_documents(struct publication *publication, struct error *error) {
    struct guard *guard = publication->guard;
    const str folders[] = {
        date_format(publication->arena, date_days_of_ms(publication->posture->now_ms)),
        STR("latest"),
    };
    str owner;
    if (str_is_empty(guard->settings.report.bucket)) {
        return STATUS_OK;
    }
    /* A bucket that somebody else has made under a name that was given up gets no report. */
    TRY(accounts_name_own(guard, publication->arena, &owner, error));
    for (size_t i = 0; i < 6; i++) {
        const struct document *document = &publication->documents[i % 3];
        const struct s3_object object = {
            .bucket = guard->settings.report.bucket,
            .key = key_of(publication, folders[i / 3], document->name),
            .owner = owner,
        };
        TRY(s3_put_object(&guard->home, &object, document->content_type, document->body,
                          publication->arena, error));
        publication->keys[publication->key_count++] = object.key;
    }
    return STATUS_OK;
}

static str subject_of(const struct publication *publication) {
    const struct fleet_summary *summary = &publication->posture->kpis.fleet;
    str share = STR("protection not known");
    if (summary->is_share_known) {
        share = str_format(publication->arena, "%.2f %% protected", summary->protected_percent);
    }
    return str_format(publication->arena,
                      "desync-guard report %" STR_FMT ": %" STR_FMT ", %zu non-compliant, %zu "
                      "unknown%s",
                      STR_ARG(publication->guard->settings.region), STR_ARG(share),
                      summary->non_compliant, summary->unknown,
                      publication->fleet->gap_count > 0 ? ", incomplete" : "");
}

static enum status tell(struct publication *publication, struct error *error) {
    struct guard *guard = publication->guard;
    const struct posture_kpis *kpis = &publication->posture->kpis;
    bool is_all_well = kpis->fleet.non_compliant == 0 && kpis->fleet.unknown == 0 &&
                       publication->fleet->gap_count == 0;
    const struct sns_attribute attributes[] = {
        {STR("severity"), is_all_well ? STR("INFORMATIONAL") : STR("MEDIUM")},
        {STR("finding"), STR("none")},
        {STR("region"), guard->settings.region},
    };
    const struct sns_message message = {
        .topic_arn = guard->settings.control.alert_topic_arn,
        .subject = subject_of(publication),
        .text = publication->summary,
        .attributes = attributes,
        .attribute_count = sizeof attributes / sizeof *attributes,
    };
    if (str_is_empty(message.topic_arn)) {
        return STATUS_OK;
    }
    TRY(sns_publish(&guard->home, &message, publication->arena, NULL, error));
    publication->is_published = true;
    return STATUS_OK;
}

/* The response of an invocation, and what was written. */
static str respond(const struct publication *publication) {
    struct buf out;
    struct json_writer writer;
    const struct posture_kpis *kpis = &publication->posture->kpis;
    buf_init(&out, publication->arena, RESPONSE_BYTES_MAX);
    json_writer_init(&writer, &out);
    json_object_begin(&writer);
    json_write_key(&writer, STR("evaluations"));
    json_write_raw(&writer, STR("[]"));
    json_write_member_i64(&writer, "reported", 0);
    json_write_member_i64(&writer, "failed", 0);
    json_write_key(&writer, STR("actions"));
    json_write_raw(&writer, STR("[]"));
    json_write_key(&writer, STR("report"));
    json_object_begin(&writer);
    json_write_member(&writer, "bucket", publication->guard->settings.report.bucket);
    json_write_key(&writer, STR("keys"));
    json_array_begin(&writer);
    for (size_t i = 0; i < publication->key_count; i++) {
        json_write_str(&writer, publication->keys[i]);
    }
    json_array_end(&writer);
    json_write_member_bool(&writer, "isTold", publication->is_published);
    json_write_member_count(&writer, "listed", kpis->fleet.listed);
    json_write_key(&writer, STR("protectedPercent"));
    if (kpis->fleet.is_share_known) {
        json_write_double(&writer, kpis->fleet.protected_percent);
    } else {
        json_write_null(&writer);
    }
    json_write_member_count(&writer, "nonCompliant", kpis->fleet.non_compliant);
    json_write_member_count(&writer, "unknown", kpis->fleet.unknown);
    json_write_member_bool(&writer, "isComplete", publication->fleet->gap_count == 0);
    json_write_member(&writer, "summary", publication->summary);
    json_object_end(&writer);
    json_object_end(&writer);
    return buf_str(&out);
}

static enum status publish(struct publication *publication, struct error *error) {
    TRY(render(publication, error));
    TRY(write_documents(publication, error));
    return tell(publication, error);
}

void report_handle(struct guard *guard, struct arena *arena, struct app_reply *reply) {
    struct fleet fleet;
    struct posture posture;
    struct error error = {0};
    if (app_posture(guard, arena, &fleet, &posture, &error) != STATUS_OK) {
        reply_error(reply, ERROR_ACTION_FAILED, error.message);
        return;
    }
    /* A report that leaves something out says so itself; one of nothing at all is none. */
    if (fleet.row_count == 0 && fleet.gap_count > 0) {
        reply_error(reply, ERROR_SWEEP_INCOMPLETE, fleet.gaps[0].reason);
        return;
    }
    struct publication publication = {
        .guard = guard, .arena = arena, .fleet = &fleet, .posture = &posture};
    if (str_is_empty(guard->settings.report.bucket)) {
        LOG(guard->log, LOG_WARN, "off", LOG_STR("part", STR("keeping of reports")),
            LOG_STR("reason", STR("REPORT_BUCKET is not set")));
    }
    if (publish(&publication, &error) != STATUS_OK) {
        reply_error(reply, ERROR_ACTION_FAILED, error.message);
        return;
    }
    *reply = (struct app_reply){.body = respond(&publication)};
}
