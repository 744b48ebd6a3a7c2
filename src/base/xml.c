/* SPDX-License-Identifier: Apache-2.0 */
#include "base/xml.h"

#include "base/assert.h"
#include "base/buf.h"

#include <expat.h>
#include <limits.h>
#include <string.h>

/* AWS answers are eight levels deep and hold some thousand elements a page; both limits are far
 * above that, and keep a hostile answer below 20 MB of tree. */
enum { DEPTH_MAX = 64, NODES_MAX = 200000 };

struct level {
    struct xml *node;
    struct xml *last_child;
};

struct builder {
    struct arena *arena;
    XML_Parser parser;
    struct level levels[DEPTH_MAX];
    size_t depth; /* open elements */
    size_t node_count;
    struct xml *root;
    /* Of the innermost element only: the text of an element with children is dropped, so that one
     * buffer serves all. */
    struct buf text;
    enum status status;
    const char *problem;
};

/* Handlers may still be called once after this; they look at the status. */
static void stop(struct builder *builder, enum status status, const char *problem) {
    if (builder->status == STATUS_OK) {
        builder->status = status;
        builder->problem = problem;
        (void)XML_StopParser(builder->parser, XML_FALSE);
    }
}

static bool is_html(const char *name) {
    return str_eq_ignore_case(str_from_cstr(name), STR("html"));
}

static str local_name(const char *name) {
    const char *colon = strrchr(name, ':');
    return str_from_cstr(colon != NULL ? colon + 1 : name);
}

static void append_node(struct builder *builder, struct xml *node) {
    if (builder->depth == 0) {
        builder->root = node;
    } else {
        struct level *parent = &builder->levels[builder->depth - 1];
        if (parent->last_child == NULL) {
            parent->node->first_child = node;
        } else {
            parent->last_child->next = node;
        }
        parent->last_child = node;
    }
    builder->levels[builder->depth++] = (struct level){.node = node, .last_child = NULL};
}

static void XMLCALL on_start(void *data, const char *name, const char **attributes) {
    struct builder *builder = data;
    (void)attributes;
    if (builder->status != STATUS_OK) {
        return;
    }
    if (builder->depth == 0 && is_html(name)) {
        stop(builder, STATUS_INCOMPLETE, "an HTML page");
    } else if (builder->depth == DEPTH_MAX) {
        stop(builder, STATUS_TOO_DEEP, "nested too deep");
    } else if (builder->node_count == NODES_MAX) {
        stop(builder, STATUS_TOO_LARGE, "too many elements");
    } else {
        struct xml *node = ARENA_NEW(builder->arena, struct xml);
        node->name = str_copy(builder->arena, local_name(name));
        builder->node_count++;
        append_node(builder, node);
        buf_clear(&builder->text);
    }
}

static void XMLCALL on_end(void *data, const char *name) {
    struct builder *builder = data;
    (void)name;
    if (builder->status != STATUS_OK) {
        return;
    }
    ASSERT(builder->depth > 0);
    struct xml *node = builder->levels[--builder->depth].node;
    if (node->first_child == NULL && builder->text.len > 0) {
        node->text = str_copy(builder->arena, buf_str(&builder->text));
    }
    buf_clear(&builder->text);
}

static void XMLCALL on_text(void *data, const char *text, int len) {
    struct builder *builder = data;
    if (builder->status == STATUS_OK) {
        buf_append(&builder->text, (str){text, (size_t)len});
        ASSERT(buf_status(&builder->text) == STATUS_OK); /* see where it is made */
    }
}

/* Refused before anything in it is read: no entity is ever declared, let alone expanded. */
static void XMLCALL on_doctype(
    void *data, const char *name, const char *system_id, const char *public_id, int has_subset) {
    struct builder *builder = data;
    (void)system_id;
    (void)public_id;
    (void)has_subset;
    if (is_html(name)) {
        stop(builder, STATUS_INCOMPLETE, "an HTML page");
    } else {
        stop(builder, STATUS_UNSUPPORTED, "document type declaration");
    }
}

static void run_parser(struct builder *builder, str text) {
    XML_SetUserData(builder->parser, builder);
    XML_SetElementHandler(builder->parser, on_start, on_end);
    XML_SetCharacterDataHandler(builder->parser, on_text);
    XML_SetStartDoctypeDeclHandler(builder->parser, on_doctype);
    if (XML_Parse(builder->parser, text.ptr, (int)text.len, XML_TRUE) != XML_STATUS_OK &&
        builder->status == STATUS_OK) {
        builder->status = STATUS_INCOMPLETE;
        builder->problem = XML_ErrorString(XML_GetErrorCode(builder->parser));
    }
}

static enum status refuse(enum status status, const char *what, const char **problem) {
    if (problem != NULL) {
        *problem = what;
    }
    return status;
}

enum status xml_parse(struct arena *arena,
                      str text,
                      size_t bytes_max,
                      const struct xml **root_out,
                      const char **problem) {
    ASSERT(arena != NULL && root_out != NULL);
    *root_out = NULL;
    if (text.len > bytes_max || text.len > INT_MAX) {
        return refuse(STATUS_TOO_LARGE, "too many bytes", problem);
    }
    struct builder builder = {
        .arena = arena,
        .parser = XML_ParserCreate(NULL),
        .status = STATUS_OK,
    };
    ASSERT(builder.parser != NULL); /* out of memory ends the process, as in the arena */
    /* Latin-1 doubles at most when it becomes UTF-8; nothing else grows more. */
    buf_init(&builder.text, arena, 2 * text.len);
    run_parser(&builder, text);
    XML_ParserFree(builder.parser);
    if (builder.status != STATUS_OK) {
        return refuse(builder.status, builder.problem, problem);
    }
    ASSERT(builder.root != NULL && builder.depth == 0);
    *root_out = builder.root;
    return STATUS_OK;
}

/* `node` itself or the first of its next siblings with that name. */
static const struct xml *find_from(const struct xml *node, str name) {
    while (node != NULL && !str_eq(node->name, name)) {
        node = node->next;
    }
    return node;
}

const struct xml *xml_child(const struct xml *node, const char *name) {
    return node != NULL ? find_from(node->first_child, str_from_cstr(name)) : NULL;
}

const struct xml *xml_next_same(const struct xml *node) {
    return node != NULL ? find_from(node->next, node->name) : NULL;
}

str xml_child_text(const struct xml *node, const char *name) {
    const struct xml *child = xml_child(node, name);
    return child != NULL ? child->text : STR_EMPTY;
}
