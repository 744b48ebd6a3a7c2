/* SPDX-License-Identifier: Apache-2.0
 *
 * Settings from the environment: one row a variable. A blank variable counts as not given.
 */
#ifndef SETTINGS_INTERNAL_H
#define SETTINGS_INTERNAL_H

#include "app_internal.h"

struct settings_reading;
/* CONFIGURATION names the variable, its value and what is accepted. */
typedef enum status settings_read_fn(const struct settings_reading *reading, void *target);

struct settings_row {
    const char *name;
    settings_read_fn *read;
    size_t offset;              /* of the target in struct guard_settings */
    const char *fallback;       /* the default, as a user would write it; NULL: left zero */
    int min;                    /* of a count */
    int max;                    /* of a count or a percentage */
    bool has_off;               /* a count that may be "off", which is 0 */
    const char *const *choices; /* NULL-terminated; letter case is ignored */
    bool (*is_valid)(str);      /* of a text */
    const char *accepted;       /* of a text or a list, for the message */
};

/* One variable on its way into the settings. */
struct settings_reading {
    const struct settings_row *row;
    str value; /* not empty */
    struct arena *arena;
    struct error *error;
};

settings_read_fn settings_read_choice;   /* an enum, whose values are the indexes of the choices */
settings_read_fn settings_read_switch;   /* bool: the choice is "on" */
settings_read_fn settings_read_count;    /* int */
settings_read_fn settings_read_percent;  /* double */
settings_read_fn settings_read_text;     /* str */
settings_read_fn settings_read_accounts; /* struct account_list */

/* Reads the row's variable, else its default, into the settings. */
MUST_USE enum status settings_read_row(const struct settings_row *row, const struct env *env,
                                       void *settings, struct arena *arena, struct error *error);

#endif
