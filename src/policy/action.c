/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/action.h"

#define TEXT(name, text) [name] = (text),
static const char *const KIND_NAMES[] = {ACTION_KIND_MAP(TEXT)};
static const char *const STATUS_NAMES[] = {ACTION_STATUS_MAP(TEXT)};
static const char *const ENDING_NAMES[] = {WATCH_ENDING_MAP(TEXT)};
static const char *const STATE_NAMES[] = {WATCH_STATE_MAP(TEXT)};

const char *action_kind_name(enum action_kind kind) {
    return KIND_NAMES[kind];
}

enum action_kind action_kind_parse(str text) {
    size_t kind = sizeof KIND_NAMES / sizeof *KIND_NAMES - 1;
    while (kind > ACTION_NONE && !str_eq(text, str_from_cstr(KIND_NAMES[kind]))) {
        kind--;
    }
    return (enum action_kind)kind;
}

const char *action_status_name(enum action_status status) {
    return STATUS_NAMES[status];
}

const char *watch_ending_name(enum watch_ending ending) {
    return ENDING_NAMES[ending];
}

const char *watch_state_name(enum watch_state state) {
    return STATE_NAMES[state];
}
