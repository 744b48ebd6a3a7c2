/* SPDX-License-Identifier: Apache-2.0
 *
 * A configuration item, and the same item as GetResourceConfigHistory writes it, with JSON strings
 * in the place of objects: both must say the same.
 */
#include "fuzz/json_tree.h"

#include "event/event_internal.h"

/* The members that the other dialect holds as strings, and the lists inside of one of them. */
static bool is_embedded(str key, unsigned depth) {
    static const char *const items[] = {"configuration", "supplementaryConfiguration"};
    static const char *const inside[] = {"LoadBalancerAttributes", "loadBalancerAttributes",
                                         "Tags"};
    for (size_t i = 0; depth == 0 && i < COUNT(items); i++) {
        if (str_eq(key, str_from_cstr(items[i]))) {
            return true;
        }
    }
    for (size_t i = 0; depth == 1 && i < COUNT(inside); i++) {
        if (str_eq(key, str_from_cstr(inside[i]))) {
            return true;
        }
    }
    return false;
}

static str in_strings(struct arena *arena, const struct json *object, unsigned depth) {
    struct buf out;
    struct json_writer writer;
    buf_init(&out, arena, JSON_TREE_BYTES_MAX);
    json_writer_init(&writer, &out);
    json_object_begin(&writer);
    for (const struct json *v = json_first(object); v != NULL; v = json_next(v)) {
        json_write_key(&writer, json_key(v));
        bool is_container = json_is_object(v) || json_is_array(v);
        if (!is_container || !is_embedded(json_key(v), depth)) {
            json_tree_write(&writer, v);
        } else if (json_is_object(v) && depth == 0) {
            json_write_str(&writer, in_strings(arena, v, depth + 1));
        } else {
            json_write_str(&writer, json_tree_text(arena, v));
        }
    }
    json_object_end(&writer);
    HOLD(buf_status(&out) == STATUS_OK);
    return buf_str(&out);
}

static void hold_same_facts(const struct load_balancer *a, const struct load_balancer *b) {
    HOLD(str_eq(a->arn, b->arn) && str_eq(a->name, b->name));
    HOLD(a->type == b->type && a->scheme == b->scheme && a->mode == b->mode);
    HOLD(str_eq(a->mode_text, b->mode_text));
    HOLD(a->drops_invalid_headers == b->drops_invalid_headers && a->has_tags == b->has_tags);
    HOLD(a->tag_count == b->tag_count);
    for (size_t i = 0; i < a->tag_count; i++) {
        HOLD(str_eq(a->tags[i].key, b->tags[i].key) && str_eq(a->tags[i].value, b->tags[i].value));
    }
}

static void hold_item(const struct config_item *item) {
    HOLD(item->resource_type.len > 0 && item->resource_id.len > 0);
    HOLD(str_eq(item->facts.arn, item->resource_id));
    HOLD(item->facts.mode == MODE_UNKNOWN || item->facts.mode_text.len == 0);
    HOLD(item->facts.has_tags || item->facts.tag_count == 0);
    HOLD(!item->has_invalid_capture_time || item->capture_ms == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct arena arena;
    arena_reset(&arena);
    str text = fuzz_input(&arena, data, size);
    const struct json *root = NULL;
    const struct json *other_root = NULL;
    struct config_item *item = ARENA_NEW(&arena, struct config_item);
    struct config_item *other = ARENA_NEW(&arena, struct config_item);
    struct error error = {0};
    bool is_proactive = size % 2 != 0;
    if (json_parse(&arena, text, &JSON_LIMITS_DEFAULT, &root, NULL) != STATUS_OK) {
        return 0;
    }
    enum status status =
        read_config_item(&(struct reader){&arena, &error}, root, is_proactive, item);
    if (status != STATUS_OK) {
        HOLD(status == STATUS_INVALID);
        fuzz_hold_error(status, &error);
        return 0;
    }
    hold_item(item);
    str stringly = in_strings(&arena, root, 0);
    HOLD(json_parse(&arena, stringly, &JSON_TREE_LIMITS, &other_root, NULL) == STATUS_OK);
    HOLD(read_config_item(&(struct reader){&arena, &error}, other_root, is_proactive, other) ==
         STATUS_OK);
    hold_same_facts(&item->facts, &other->facts);
    return 0;
}
