/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON: our own scan and the library's parser must agree, and what was read must come back the same
 * when it is written and read again.
 */
#include "fuzz/fuzz.h"
#include "fuzz/json_tree.h"

#include "base/json_internal.h"

/* The scan knows no duplicates and sees no tree; everything else they must say alike. */
static void hold_agreement(str text, enum status status, const struct json_problem *problem) {
    struct json_problem scanned = {0};
    enum status scan = json_scan(text, &JSON_LIMITS_DEFAULT, JSON_KEY_NONE, &scanned);
    if (scan != STATUS_OK) {
        HOLD(status == scan);
        HOLD(strcmp(scanned.what, problem->what) == 0 && scanned.position == problem->position);
        HOLD(scanned.position <= text.len);
    } else if (status != STATUS_OK) {
        HOLD(status == STATUS_INVALID && problem->position < text.len);
        HOLD(text.ptr[problem->position] == '"'); /* the second of two equal keys */
    }
}

static void hold_round_trip(struct arena *arena, const struct json *root) {
    struct json_problem problem = {0};
    const struct json *again = NULL;
    str written = json_tree_text(arena, root);
    HOLD(fuzz_is_utf8(written));
    HOLD(json_parse(arena, written, &JSON_TREE_LIMITS, &again, &problem) == STATUS_OK);
    HOLD(json_tree_eq(root, again));
    HOLD(str_eq(written, json_tree_text(arena, again)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct arena arena;
    arena_reset(&arena);
    str text = fuzz_input(&arena, data, size);
    struct json_problem problem = {0};
    const struct json *root = NULL;
    enum status status = json_parse(&arena, text, &JSON_LIMITS_DEFAULT, &root, &problem);
    HOLD((status == STATUS_OK) == (root != NULL));
    hold_agreement(text, status, &problem);
    if (status == STATUS_OK) {
        hold_round_trip(&arena, root);
    }
    return 0;
}
