/* SPDX-License-Identifier: Apache-2.0
 *
 * The XML reader: a bounded, well-formed tree of valid UTF-8, or a status and a reason; and a
 * document that was cut short is never taken for a whole one.
 */
#include "fuzz/fuzz.h"

#include "base/xml.h"

#define DEPTH_MAX 64
#define NODES_MAX 200000

struct seen {
    size_t nodes;
    size_t text_bytes;
};

static void hold_tree(const struct xml *node, unsigned depth, struct seen *seen) {
    HOLD(depth <= DEPTH_MAX);
    for (; node != NULL; node = node->next) {
        seen->nodes++;
        seen->text_bytes += node->text.len;
        HOLD(fuzz_is_utf8(node->name)); /* empty for ":", which is a name */
        HOLD(str_find_char(node->name, ':') == node->name.len);
        HOLD(fuzz_is_utf8(node->text));
        HOLD(node->first_child == NULL || node->text.len == 0);
        hold_tree(node->first_child, depth + 1, seen);
    }
}

/* Everything before the last '>' is an open document. */
static void hold_cut(struct arena *arena, str text) {
    size_t end = text.len;
    while (end > 0 && text.ptr[end - 1] != '>') {
        end--;
    }
    const struct xml *root = NULL;
    str cut = fuzz_exact(arena, str_slice(text, 0, end > 0 ? end - 1 : 0));
    bool ends_in_comment = str_ends_with(cut, STR("--")) || str_ends_with(cut, STR("?"));
    if (text.len > 1 && (unsigned char)text.ptr[0] < 0x80 && text.ptr[1] != '\0' &&
        !ends_in_comment) {
        HOLD(xml_parse(arena, cut, text.len, &root, NULL) != STATUS_OK && root == NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct arena arena;
    arena_reset(&arena);
    str text = fuzz_input(&arena, data, size);
    const struct xml *root = NULL;
    const char *problem = NULL;
    enum status status = xml_parse(&arena, text, size, &root, &problem);
    HOLD((status == STATUS_OK) == (root != NULL));
    if (status != STATUS_OK) {
        HOLD(problem != NULL && problem[0] != '\0');
        HOLD(status == STATUS_INCOMPLETE || status == STATUS_TOO_DEEP ||
             status == STATUS_TOO_LARGE || status == STATUS_UNSUPPORTED);
        return 0;
    }
    struct seen seen = {0};
    HOLD(root->next == NULL);
    hold_tree(root, 1, &seen);
    HOLD(seen.nodes <= NODES_MAX && seen.text_bytes <= 2 * size);
    hold_cut(&arena, text);
    return 0;
}
