/* SPDX-License-Identifier: Apache-2.0
 *
 * A text is looked at three times before a caller sees a value:
 *
 *   json_scan       grammar, limits, UTF-8; no recursion, no memory      json_scan.c
 *      |
 *   cJSON           the tree; recursive, so the depth is limited before
 *      |
 *   find_duplicate  two values of one key: other readers of the same     sorted, O(n log n)
 *                   event may believe the other one
 *
 * The scan is not left to cJSON, which takes control characters for blanks, "01" for a number and a
 * byte order mark for nothing.
 */
#include "base/assert.h"
#include "json_internal.h"

#include <cjson/cJSON.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

const struct json_limits JSON_LIMITS_DEFAULT = {
    .bytes_max = (size_t)16 * 1024 * 1024,
    .depth_max = 64,
};

/* `struct json` is never defined: it is the library's node under a name of our own. */
static const cJSON *node_of(const struct json *value) {
    return (const cJSON *)(const void *)value;
}

static const struct json *value_of(const cJSON *node) {
    return (const struct json *)(const void *)node;
}

/* The library asks for memory by hooks that know no context. The tree belongs into the arena: it
 * dies with it, without a walk, and leaves no holes between trees of other shapes in a process that
 * lives for days. One for each thread, as workers parse at the same time. */
static _Thread_local struct arena *tree_arena;

static void *tree_alloc(size_t size) {
    return arena_alloc(tree_arena, size);
}

static void tree_free(void *ptr) {
    (void)ptr;
}

static void set_hooks(void) {
    cJSON_Hooks hooks = {.malloc_fn = tree_alloc, .free_fn = tree_free};
    cJSON_InitHooks(&hooks);
}

static cJSON *parse_into(struct arena *arena, str text, const char **end) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, set_hooks);
    tree_arena = arena;
    cJSON *root = cJSON_ParseWithLengthOpts(text.ptr, text.len, end, 0);
    tree_arena = NULL;
    return root;
}

/* A way through a tree in document order; nodes know no parent. The stack takes 8 KiB; json_scan
 * has limited the depth before. */
struct walk {
    const cJSON *parents[JSON_DEPTH_CAP];
    size_t depth;
};

static const cJSON *walk_next(struct walk *walk, const cJSON *node) {
    if (node->child != NULL) {
        ASSERT(walk->depth < JSON_DEPTH_CAP);
        walk->parents[walk->depth++] = node;
        return node->child;
    }
    while (node->next == NULL && walk->depth > 0) {
        node = walk->parents[--walk->depth];
    }
    return node->next;
}

/* Room to sort the members of one object after the other. */
struct members {
    const cJSON **items;
    size_t capacity;
};

static int compare_keys(const void *left, const void *right) {
    const cJSON *const *a = left;
    const cJSON *const *b = right;
    return strcmp((*a)->string, (*b)->string);
}

static const cJSON *later_of(const cJSON *a, const cJSON *b) {
    for (const cJSON *node = a; node != NULL; node = node->next) {
        if (node == b) {
            return b;
        }
    }
    return a;
}

/* Sorted, so that an object with very many keys does not cost the square of their number. */
static const cJSON *find_duplicate_member(struct members *members, struct arena *arena,
                                          const cJSON *object) {
    size_t count = json_count(value_of(object));
    if (count < 2) {
        return NULL;
    }
    ARENA_RESERVE(arena, members->items, count, members->capacity);
    size_t i = 0;
    for (const cJSON *node = object->child; node != NULL; node = node->next) {
        members->items[i++] = node;
    }
    qsort(members->items, count, sizeof(members->items[0]), compare_keys);
    for (i = 1; i < count; i++) {
        if (compare_keys(&members->items[i - 1], &members->items[i]) == 0) {
            return later_of(members->items[i - 1], members->items[i]);
        }
    }
    return NULL;
}

static const cJSON *find_duplicate(struct arena *arena, const cJSON *root) {
    struct walk walk = {.depth = 0};
    struct members members = {.items = NULL, .capacity = 0};
    for (const cJSON *node = root; node != NULL; node = walk_next(&walk, node)) {
        const cJSON *duplicate =
            cJSON_IsObject(node) ? find_duplicate_member(&members, arena, node) : NULL;
        if (duplicate != NULL) {
            return duplicate;
        }
    }
    return NULL;
}

/* How many keys stand before this one in the text. The tree knows no positions in the text: the
 * number of a key leads json_scan to it. */
static size_t key_ordinal(const cJSON *root, const cJSON *wanted) {
    struct walk walk = {.depth = 0};
    size_t count = 0;
    for (const cJSON *node = root; node != wanted; node = walk_next(&walk, node)) {
        ASSERT(node != NULL);
        count += node->string != NULL ? 1 : 0;
    }
    return count;
}

/* The text has passed json_scan, so only want of memory or a library built with another depth can
 * fail here; the library's own verdict and its end of the value count all the same. */
static enum status read_tree(struct arena *arena, str text, const cJSON **tree,
                             struct json_problem *problem) {
    const char *end = text.ptr;
    const cJSON *root = parse_into(arena, text, &end);
    size_t read = end != NULL ? (size_t)(end - text.ptr) : 0;
    if (root == NULL || !str_is_empty(str_trim(str_slice(text, read, text.len)))) {
        *problem = (struct json_problem){.what = "not readable", .position = read};
        return STATUS_INVALID;
    }
    *tree = root;
    return STATUS_OK;
}

enum status json_parse(struct arena *arena, str text, const struct json_limits *limits,
                       const struct json **root_out, struct json_problem *problem) {
    ASSERT(arena != NULL && limits != NULL && root_out != NULL);
    struct json_problem unwanted = {.what = NULL, .position = 0};
    const cJSON *root = NULL;
    problem = problem != NULL ? problem : &unwanted;
    *root_out = NULL;
    TRY(json_scan(text, limits, JSON_KEY_NONE, problem));
    TRY(read_tree(arena, text, &root, problem));
    const cJSON *duplicate = find_duplicate(arena, root);
    if (duplicate != NULL) {
        TRY(json_scan(text, limits, key_ordinal(root, duplicate), problem));
    }
    ASSERT(duplicate == NULL);
    *root_out = value_of(root);
    return STATUS_OK;
}

bool json_is_object(const struct json *value) {
    return cJSON_IsObject(node_of(value));
}

bool json_is_array(const struct json *value) {
    return cJSON_IsArray(node_of(value));
}

bool json_is_string(const struct json *value) {
    return cJSON_IsString(node_of(value));
}

bool json_is_number(const struct json *value) {
    return cJSON_IsNumber(node_of(value));
}

bool json_is_bool(const struct json *value) {
    return cJSON_IsBool(node_of(value));
}

bool json_is_null(const struct json *value) {
    return cJSON_IsNull(node_of(value));
}

const char *json_type_name(const struct json *value) {
    static const struct {
        bool (*is)(const struct json *);
        const char *name;
    } types[] = {
        {json_is_object, "object"}, {json_is_array, "array"},  {json_is_string, "string"},
        {json_is_number, "number"}, {json_is_bool, "boolean"}, {json_is_null, "null"},
    };
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (types[i].is(value)) {
            return types[i].name;
        }
    }
    return "nothing";
}

/* Linear: the members of cJSON's objects are a list. Walk a large object with json_first. */
const struct json *json_get(const struct json *value, const char *key) {
    ASSERT(key != NULL);
    if (!json_is_object(value)) {
        return NULL;
    }
    return value_of(cJSON_GetObjectItemCaseSensitive(node_of(value), key));
}

const struct json *json_get_other_case(const struct json *value, const char *key) {
    str wanted = str_from_cstr(key);
    if (!json_is_object(value)) {
        return NULL;
    }
    for (const struct json *v = json_first(value); v != NULL; v = json_next(v)) {
        if (str_eq_ignore_case(json_key(v), wanted) && !str_eq(json_key(v), wanted)) {
            return v;
        }
    }
    return NULL;
}

const struct json *json_first(const struct json *value) {
    return value != NULL ? value_of(node_of(value)->child) : NULL;
}

const struct json *json_next(const struct json *value) {
    return value != NULL ? value_of(node_of(value)->next) : NULL;
}

size_t json_count(const struct json *value) {
    size_t count = 0;
    for (const struct json *v = json_first(value); v != NULL; v = json_next(v)) {
        count++;
    }
    return count;
}

str json_key(const struct json *value) {
    return value != NULL ? str_from_cstr(node_of(value)->string) : STR_EMPTY;
}

str json_string(const struct json *value) {
    return json_is_string(value) ? str_from_cstr(node_of(value)->valuestring) : STR_EMPTY;
}

str json_get_string(const struct json *value, const char *key) {
    return json_string(json_get(value, key));
}

bool json_bool(const struct json *value, bool otherwise) {
    return json_is_bool(value) ? cJSON_IsTrue(node_of(value)) != 0 : otherwise;
}

/* A double holds whole numbers up to 2^53 exactly. Ids, and DynamoDB's numbers, are read as
 * strings. */
bool json_number(const struct json *value, double *number) {
    ASSERT(number != NULL);
    if (!json_is_number(value)) {
        return false;
    }
    *number = node_of(value)->valuedouble;
    return true;
}
