/* SPDX-License-Identifier: Apache-2.0
 *
 * What the use cases do alike with a judgement.
 */
#include "app_internal.h"
#include "report/render.h"

struct config_evaluation evaluation_to_config(const struct evaluation *evaluation,
                                              struct arena *arena) {
    ASSERT(evaluation->compliance != COMPLIANCE_UNKNOWN);
    return (struct config_evaluation){
        .resource_type = evaluation->resource_type,
        .resource_id = evaluation->resource_id,
        .compliance_type = str_from_cstr(compliance_name(evaluation->compliance)),
        .annotation = annotation_render(arena, evaluation),
        .ordering_ms = evaluation->ordering_ms,
    };
}

void evaluation_log(const struct guard *guard, const struct evaluation *evaluation) {
    LOG(guard->log, LOG_INFO, "evaluated", LOG_STR("resourceId", evaluation->resource_id),
        LOG_STR("compliance", str_from_cstr(compliance_name(evaluation->compliance))),
        LOG_STR("mode", str_from_cstr(mode_name(evaluation->mode))),
        LOG_STR("requiredMode", str_from_cstr(mode_name(evaluation->required_mode))),
        LOG_STR("source", evaluation->source == SOURCE_LIVE ? STR("live") : STR("event")),
        LOG_STR("reason", evaluation->reason));
}

void reply_error(struct app_reply *reply, const char *error_type, str message) {
    *reply = (struct app_reply){
        .is_error = true,
        .error_type = str_from_cstr(error_type),
        .error_message = message,
    };
}
