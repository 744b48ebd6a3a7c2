/* SPDX-License-Identifier: Apache-2.0
 *
 * The digest of escalations, top down: how many, of whom, each with its mode, since when and why,
 * the command that fixes it, and what to do about the rest.
 */
#include "report/digest.h"

#include "alert_internal.h"
#include "base/buf.h"
#include "base/clock.h"
#include "fix_internal.h"
#include "policy/plain_text.h"

#define OWNER_CHARACTERS_MAX 160

static bool is_listed(str names, const char *name) {
    bool is_found = false;
    for (str rest = names; rest.ptr != NULL && !is_found;) {
        is_found = str_eq(str_split(&rest, ','), str_from_cstr(name));
    }
    return is_found;
}

struct evaluation escalation_evaluation(struct arena *arena, const struct escalation *escalation) {
    struct evaluation evaluation = {
        .resource_type = STR(LOAD_BALANCER_RESOURCE_TYPE),
        .resource_id = escalation->arn,
        .compliance = NON_COMPLIANT,
        .mode = escalation->mode,
        .required_mode = escalation->required_mode,
        .owner = plain_text(arena, escalation->owner, OWNER_CHARACTERS_MAX),
    };
    for (int i = 0; i < FINDING_COUNT; i++) {
        enum finding_id id = (enum finding_id)i;
        if (is_listed(escalation->findings, finding_name(id))) {
            evaluation.findings[evaluation.finding_count++] =
                (struct finding){.id = id,
                                 .severity = finding_rule_severity(id),
                                 .is_failing = true,
                                 .message = str_from_cstr(finding_title(id))};
        }
    }
    return evaluation;
}

static void append_item(struct buf *out, struct arena *arena, const struct escalation *item,
                        int64_t now_ms) {
    const struct evaluation evaluation = escalation_evaluation(arena, item);
    const struct fix fix = {&evaluation, STR_EMPTY, item->mode};
    str command = fix_attributes_command(arena, &fix);
    str name = load_balancer_name(arena, item->arn);
    str since = alert_moment(arena, item->since_ms);
    str duration = alert_duration(arena, now_ms - item->since_ms);
    buf_printf(out, "- %" STR_FMT ": mode %s", STR_ARG(name), mode_name(item->mode));
    if (item->required_mode != MODE_UNKNOWN) {
        buf_printf(out, ", requires %s", mode_name(item->required_mode));
    }
    buf_printf(out, "; not compliant since %" STR_FMT " (%" STR_FMT ")", STR_ARG(since),
               STR_ARG(duration));
    for (size_t i = 0; i < evaluation.finding_count; i++) {
        buf_printf(out, "%s%s", i == 0 ? ": " : ", ", finding_name(evaluation.findings[i].id));
    }
    buf_append_char(out, '\n');
    if (!str_is_empty(command)) {
        buf_printf(out, "  %" STR_FMT "\n", STR_ARG(command));
    }
}

static str body(struct arena *arena, const struct digest *digest,
                const struct load_balancer_arn *arn) {
    size_t named = digest->count < DIGEST_NAMED_MAX ? digest->count : DIGEST_NAMED_MAX;
    str owner = alert_line(arena, digest->items[0].owner, OWNER_CHARACTERS_MAX);
    struct buf out;
    buf_init(&out, arena, DIGEST_BODY_BYTES_MAX);
    buf_printf(&out, "%zu load balancers have been non-compliant for more than %d day%s.\n",
               digest->count, digest->days_max, str_by_count((uint64_t)digest->days_max, "", "s"));
    buf_printf(&out, "\nAccount: %" STR_FMT "\nRegion: %" STR_FMT "\nOwner: %" STR_FMT "\n",
               STR_ARG(arn->account_id), STR_ARG(arn->region), STR_ARG(str_or(owner, STR("none"))));
    buf_append(&out, STR("\nThose that have been non-compliant longest come first. Where a command "
                         "stands below one, it sets the mode:\n"));
    for (size_t i = 0; i < named; i++) {
        append_item(&out, arena, &digest->items[i], digest->now_ms);
    }
    if (named < digest->count) {
        buf_printf(&out, "- and %zu more\n", digest->count - named);
    }
    buf_printf(
        &out,
        "\nAWS Config says of each what is missing, `desync-guard audit` lists them all, and "
        "`desync-guard explain NAME --region %" STR_FMT "` says everything about one. This "
        "message comes once a day until they are compliant or have a valid exception.\n",
        STR_ARG(str_or(arn->region, STR("REGION"))));
    ASSERT(buf_status(&out) == STATUS_OK);
    return buf_str(&out);
}

static str attribute_text(struct arena *arena, str value, const char *otherwise) {
    return str_or(plain_text(arena, value, ALERT_ATTRIBUTE_CHARACTERS_MAX),
                  str_from_cstr(otherwise));
}

void digest_render(struct arena *arena, const struct digest *digest, struct alert_text *text_out) {
    ASSERT(digest->count > 0);
    const struct escalation *oldest = &digest->items[0];
    struct load_balancer_arn arn = load_balancer_arn_parts(oldest->arn);
    enum finding_severity severity = SEVERITY_INFORMATIONAL;
    enum desync_mode weakest = oldest->mode;
    for (size_t i = 0; i < digest->count; i++) {
        const struct evaluation evaluation = escalation_evaluation(arena, &digest->items[i]);
        enum finding_severity each = evaluation_severity(&evaluation);
        severity = each > severity ? each : severity;
        weakest = digest->items[i].mode < weakest ? digest->items[i].mode : weakest;
    }
    str longest = alert_duration(arena, digest->now_ms - oldest->since_ms);
    *text_out = (struct alert_text){
        .subject = str_format(arena,
                              "Non-compliant for too long: %zu load balancers, the longest "
                              "for %" STR_FMT,
                              digest->count, STR_ARG(longest)),
        .body = body(arena, digest, &arn),
        .attributes = {
            {"severity", str_from_cstr(severity_name(severity))},
            {"owner", attribute_text(arena, oldest->owner, "none")},
            {"finding", str_from_cstr(finding_name(FINDING_NON_COMPLIANT_TOO_LONG))},
            {"mode", str_from_cstr(mode_name(weakest))},
            {"region", attribute_text(arena, arn.region, "unknown")},
            {"account", attribute_text(arena, arn.account_id, "unknown")},
        }};
    ASSERT(text_out->subject.len <= ALERT_SUBJECT_BYTES_MAX);
}
