/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading settings from the environment: one file a group of them (act, report, ...). A blank
 * variable counts as not given and leaves the default alone. CONFIGURATION names the variable, what
 * it is and what is accepted.
 */
#ifndef SETTINGS_INTERNAL_H
#define SETTINGS_INTERNAL_H

#include "app_internal.h"

/* The index of the variable's value in the NULL-terminated `choices` (letter case is ignored);
 * *index is left alone when it is not set. CONFIGURATION names the variable and what is accepted.
 */
MUST_USE enum status env_choice(const struct env *env, const char *name, const char *const *choices,
                                size_t *index, struct arena *arena, struct error *error);

struct env_range {
    int min;
    int max;
};
/* A whole number within the range. */
MUST_USE enum status env_count(const struct env *env, const char *name, struct env_range range,
                               int *value_out, struct arena *arena, struct error *error);

/* Empty when it is not set. */
MUST_USE enum status env_text(const struct env *env, const char *name, bool (*is_valid)(str),
                              const char *accepted, str *value_out, struct arena *arena,
                              struct error *error);

/* CONFIGURATION: "NAME is "value"; accepted: ..." */
MUST_USE enum status env_refuse(const char *name, str value, const char *accepted,
                                struct arena *arena, struct error *error);

/* min..max letters, digits and characters of `others`. */
bool env_is_name(str text, size_t min, size_t max, const char *others);

/* The part of the settings that is about acting. */
MUST_USE enum status act_settings_parse(const struct env *env, struct arena *arena,
                                        struct act_settings *settings_out, struct error *error);
/* PROMOTION, EVIDENCE_DAYS and what begins with PROMOTION_ and WATCH_. */
MUST_USE enum status promotion_config_parse(const struct env *env, struct arena *arena,
                                            struct promotion_config *config_out,
                                            struct error *error);
/* Says what is asked for but off because there is no state table. */
void act_settings_log_off(const struct app *app);

/* REPORT_BUCKET, REPORT_PREFIX, METRICS_NAMESPACE. */
MUST_USE enum status report_settings_parse(const struct env *env, struct arena *arena,
                                           struct report_settings *settings_out,
                                           struct error *error);

#endif
