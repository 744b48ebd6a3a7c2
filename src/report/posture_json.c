/* SPDX-License-Identifier: Apache-2.0
 *
 * The object of `report`: that of audit, and the history. Times that are not known are null, and so
 * are numbers that nobody has measured: 0 always means that something was counted.
 */
#include <math.h>

#include "fleet_internal.h"
#include "report/posture.h"
#include "report/render.h"

static void write_measured(struct json_writer *writer, const char *key, double value,
                           bool is_measured) {
    json_write_member_double(writer, key, is_measured ? value : NAN); /* NaN is written as null */
}

static void write_text_or_null(struct json_writer *writer, const char *key, str text) {
    json_write_key(writer, str_from_cstr(key));
    if (str_is_empty(text)) {
        json_write_null(writer);
    } else {
        json_write_str(writer, text);
    }
}

/* Without a table nothing of the history was measured. Members that need the table are left out
 * then, rather than written as 0. */
static void write_kpis(struct json_writer *writer, const struct posture *posture) {
    const struct posture_kpis *kpis = &posture->kpis;
    json_open_object(writer, "kpis");
    write_measured(writer, "protectedPercent", kpis->fleet.protected_percent,
                   kpis->fleet.is_share_known);
    json_write_member_count(writer, "strictest", kpis->strictest);
    json_write_member_count(writer, "withoutOwner", kpis->without_owner);
    json_write_member_count(writer, "exceptionsActive", kpis->exceptions_active);
    json_write_member_count(writer, "exceptionsEnding", kpis->exceptions_ending);
    json_write_member_count(writer, "exceptionsExpired", kpis->exceptions_expired);
    json_write_member_count(writer, "candidates", kpis->candidates);
    if (posture->has_state) {
        bool has_repairs = kpis->incidents_closed > 0;
        json_write_member_count(writer, "nonCompliantTooLong", kpis->escalated);
        json_write_member_count(writer, "fights", kpis->fights);
        json_write_member_count(writer, "incidentsClosed", kpis->incidents_closed);
        json_write_member_count(writer, "incidentsOpen", kpis->incidents_open);
        write_measured(writer, "mttrP50Hours", kpis->mttr_p50_hours, has_repairs);
        write_measured(writer, "mttrP90Hours", kpis->mttr_p90_hours, has_repairs);
        json_write_member_double(writer, "exposureHours", kpis->exposure_hours);
        json_write_member_double(writer, "weightedExposureHours", kpis->weighted_exposure_hours);
        json_write_member_count(writer, "enforced", kpis->enforced);
        json_write_member_count(writer, "promoted", kpis->promoted);
        json_write_member_count(writer, "rolledBack", kpis->rolled_back);
    }
    json_object_end(writer);
}

static void write_trend(struct json_writer *writer, struct arena *arena,
                        const struct posture *posture) {
    json_open_array(writer, "trend");
    for (size_t i = 0; i < posture->trend_count; i++) {
        const struct posture_point *point = &posture->trend[i];
        json_object_begin(writer);
        json_write_member(writer, "day", date_format(arena, point->day));
        json_write_member_double(writer, "protectedPercent", point->protected_percent);
        json_write_member_count(writer, "listed", point->listed);
        json_write_member_count(writer, "nonCompliant", point->non_compliant);
        fleet_write_modes(writer, point->modes);
        json_object_end(writer);
    }
    json_array_end(writer);
}

static void write_incidents(struct json_writer *writer, struct arena *arena,
                            const struct posture *posture) {
    json_open_array(writer, "incidents");
    for (size_t i = 0; i < posture->incident_count; i++) {
        const struct posture_incident *incident = &posture->incidents[i];
        json_object_begin(writer);
        json_write_member(writer, "resourceId", incident->arn);
        json_write_member(writer, "owner", incident->owner);
        json_write_member(writer, "findings", incident->findings);
        json_write_member_bool(writer, "internetFacing", incident->is_internet_facing);
        json_write_member_time(writer, arena, "openedAt", incident->opened_ms);
        json_write_member_time(writer, arena, "closedAt", incident->closed_ms);
        json_object_end(writer);
    }
    json_array_end(writer);
}

/* Null when there is none, or when it saw no traffic. Rates are null without requests, so that 0
 * means that something was measured. */
static void write_window(struct json_writer *writer, struct arena *arena, const char *key,
                         const struct traffic_window *window) {
    json_write_key(writer, str_from_cstr(key));
    if (window == NULL || !window->has_data) {
        json_write_null(writer);
        return;
    }
    json_object_begin(writer);
    json_write_member_time(writer, arena, "from", window->start_ms);
    json_write_member_time(writer, arena, "to", window->end_ms);
    json_write_member_count(writer, "requests", window->requests);
    json_write_member_count(writer, "nonCompliant", window->non_compliant);
    json_write_member_count(writer, "elb4xx", window->elb_4xx);
    json_write_member_count(writer, "elb5xx", window->elb_5xx);
    json_write_member_count(writer, "target5xx", window->target_5xx);
    bool has_requests = window->requests > 0;
    double refused = posture_per_request(window->elb_4xx, window->requests);
    double failed = posture_per_request(window->target_5xx, window->requests);
    write_measured(writer, "elb4xxPerRequest", refused, has_requests);
    write_measured(writer, "target5xxPerRequest", failed, has_requests);
    json_object_end(writer);
}

static void write_changes(struct json_writer *writer, struct arena *arena,
                          const struct posture *posture) {
    json_open_array(writer, "changes");
    for (size_t i = 0; i < posture->change_count; i++) {
        const struct posture_change *change = &posture->changes[i];
        json_object_begin(writer);
        json_write_member(writer, "resourceId", change->arn);
        json_write_member_text(writer, "action", action_kind_name(change->action));
        json_write_member_text(writer, "from", mode_name(change->from));
        json_write_member_text(writer, "to", mode_name(change->to));
        json_write_member_time(writer, arena, "at", change->at_ms);
        json_write_member(writer, "why", change->why);
        json_write_member(writer, "by", change->by);
        json_write_member_text(writer, "watch", watch_state_name(change->watch));
        write_text_or_null(writer, "ending", str_from_cstr(watch_ending_name(change->ending)));
        write_text_or_null(writer, "endingReason", change->ending_reason);
        write_window(writer, arena, "before", change->has_before ? &change->before : NULL);
        write_window(writer, arena, "after", change->has_after ? &change->after : NULL);
        json_object_end(writer);
    }
    json_array_end(writer);
}

static void write_advice(struct json_writer *writer, struct arena *arena,
                         const struct evaluation *evaluation, const struct advice *advice) {
    json_object_begin(writer);
    json_write_member(writer, "resourceId", evaluation->resource_id);
    json_write_member(writer, "owner", evaluation->owner);
    json_write_member_text(writer, "recommendation", recommendation_name(advice->recommendation));
    advice_write_numbers(writer, arena, advice);
    json_write_member(writer, "reason", advice->reason);
    json_object_end(writer);
}

/* All that was advised, of which the candidates are those with PROMOTE. `candidates` repeats some
 * of `recommendations`, for readers that want no more than a list of work. */
static void write_advices(struct json_writer *writer, struct arena *arena,
                          const struct fleet *fleet, const struct posture *posture,
                          bool has_candidates_only) {
    json_open_array(writer, has_candidates_only ? "candidates" : "recommendations");
    for (size_t i = 0; i < fleet->row_count; i++) {
        const struct posture_row *row = &posture->rows[i];
        if (has_candidates_only ? posture_is_candidate(row) : row->has_advice) {
            write_advice(writer, arena, &fleet->rows[i].evaluation, &row->advice);
        }
    }
    json_array_end(writer);
}

/* All below strictest, with what holds each of them up. */
static void write_towards_strictest(struct json_writer *writer, struct arena *arena,
                                    const struct fleet *fleet, const struct posture *posture) {
    json_open_array(writer, "towardsStrictest");
    for (size_t i = 0; i < fleet->row_count; i++) {
        const struct posture_row *row = &posture->rows[i];
        const struct evaluation *evaluation = &fleet->rows[i].evaluation;
        if (posture_is_on_its_way(row, evaluation)) {
            json_object_begin(writer);
            json_write_member(writer, "resourceId", evaluation->resource_id);
            json_write_member(writer, "owner", evaluation->owner);
            json_write_member_text(writer, "mode", mode_name(evaluation->mode));
            json_write_member_text(writer, "recommendation",
                                   recommendation_name(row->advice.recommendation));
            prospect_write_members(writer, arena, &row->prospect);
            advice_write_numbers(writer, arena, &row->advice);
            json_write_member(writer, "reason", row->advice.reason);
            json_object_end(writer);
        }
    }
    json_array_end(writer);
}

static void write_freezes(struct json_writer *writer, struct arena *arena,
                          const struct posture *posture) {
    json_open_array(writer, "freezes");
    for (size_t i = 0; i < posture->freeze_count; i++) {
        json_object_begin(writer);
        json_write_member(writer, "resourceId", posture->freezes[i].arn);
        freeze_write_members(writer, arena, &posture->freezes[i]);
        json_object_end(writer);
    }
    json_array_end(writer);
}

static void write_exceptions(struct json_writer *writer, const struct fleet *fleet,
                             const struct posture *posture) {
    json_open_array(writer, "exceptions");
    for (size_t i = 0; i < fleet->row_count; i++) {
        const struct evaluation *evaluation = &fleet->rows[i].evaluation;
        enum exception_state state = posture_exception_state(evaluation);
        if (state == EXCEPTION_STATE_NONE) {
            continue;
        }
        json_object_begin(writer);
        json_write_member(writer, "resourceId", evaluation->resource_id);
        json_write_member_text(writer, "state", exception_state_name(state));
        json_write_member(writer, "owner", evaluation->owner);
        json_write_member(writer, "approver", posture->rows[i].exception_approver);
        json_write_member(writer, "reason", posture->rows[i].exception_reason);
        json_write_member(writer, "until", evaluation->exception_until);
        json_object_end(writer);
    }
    json_array_end(writer);
}

/* The load balancers that somebody has to see to, by ARN. */
static void write_escalated(struct json_writer *writer, struct arena *arena,
                            const struct fleet *fleet, const struct posture *posture) {
    json_open_array(writer, "nonCompliantTooLong");
    for (size_t i = 0; i < fleet->row_count; i++) {
        if (posture->rows[i].is_escalated) {
            json_object_begin(writer);
            json_write_member(writer, "resourceId", fleet->rows[i].evaluation.resource_id);
            json_write_member(writer, "owner", fleet->rows[i].evaluation.owner);
            json_write_member_time(writer, arena, "since", posture->rows[i].non_compliant_since_ms);
            json_object_end(writer);
        }
    }
    json_array_end(writer);
}

static void write_fights(struct json_writer *writer, const struct fleet *fleet,
                         const struct posture *posture) {
    json_open_array(writer, "fights");
    for (size_t i = 0; i < fleet->row_count; i++) {
        str arn = fleet->rows[i].evaluation.resource_id;
        if (posture->rows[i].is_fight) {
            json_object_begin(writer);
            json_write_member(writer, "resourceId", arn);
            json_write_member(writer, "by", posture_last_writer(posture, arn));
            json_object_end(writer);
        }
    }
    json_array_end(writer);
}

void posture_write_json(struct buf *out, struct arena *arena, const struct fleet *fleet,
                        const struct posture *posture) {
    ASSERT(out != NULL && arena != NULL && fleet != NULL && posture != NULL);
    struct json_writer writer;
    json_writer_init(&writer, out);
    json_object_begin(&writer);
    fleet_write_members(&writer, arena, fleet);
    json_write_member_time(&writer, arena, "periodStart", posture->period_start_ms);
    json_write_member_bool(&writer, "hasState", posture->has_state);
    write_kpis(&writer, posture);
    write_trend(&writer, arena, posture);
    write_incidents(&writer, arena, posture);
    write_changes(&writer, arena, posture);
    write_advices(&writer, arena, fleet, posture, true);
    write_advices(&writer, arena, fleet, posture, false);
    write_towards_strictest(&writer, arena, fleet, posture);
    write_freezes(&writer, arena, posture);
    write_exceptions(&writer, fleet, posture);
    write_escalated(&writer, arena, fleet, posture);
    write_fights(&writer, fleet, posture);
    json_open_object(&writer, "controls");
    for (enum finding_id id = 0; id < FINDING_COUNT; id++) {
        json_write_member_list(&writer, finding_name(id), finding_controls(id));
    }
    json_close(&writer, "}}");
    buf_append_char(out, '\n');
}
