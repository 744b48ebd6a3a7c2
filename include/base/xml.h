/* SPDX-License-Identifier: Apache-2.0
 *
 * The XML of AWS query services, read whole into a small tree in the arena. Names come without a
 * namespace prefix, attributes are ignored, text is the concatenated character data of an element
 * without children. A document type declaration, too many nodes or too deep nesting is refused; a
 * document without its closing root element is INCOMPLETE (success of an AWS call is only a fully
 * parsed body).
 *
 * It reads XML 1.0 in UTF-8, ASCII or ISO-8859-1 and checks that it is well-formed; names are
 * ASCII, as all of AWS's are, and an element has at most 64 attributes. No entity can be declared,
 * so that text never grows.
 */
#ifndef BASE_XML_H
#define BASE_XML_H

#include "base/arena.h"
#include "base/status.h"
#include "base/str.h"

/* An element. Lives in the arena given to xml_parse, and borrows nothing. */
struct xml {
    str name; /* "member" */
    str text; /* "" when it has children or is empty; not trimmed */
    const struct xml *first_child;
    const struct xml *next; /* sibling */
};

/* INCOMPLETE (cut short, not well-formed, no XML at all), TOO_LARGE, TOO_DEEP or UNSUPPORTED (a
 * DTD). *problem (may be NULL) then says what, as static text. */
MUST_USE enum status xml_parse(struct arena *arena, str text, size_t bytes_max,
                               const struct xml **root_out, const char **problem);

size_t xml_count(const struct xml *node); /* children */
/* First child of that name, or NULL; tolerates NULL. */
const struct xml *xml_child(const struct xml *node, const char *name);
/* Next sibling of the same name, or NULL. */
const struct xml *xml_next_same(const struct xml *node);
/* Text of that child; empty when it is missing. */
str xml_child_text(const struct xml *node, const char *name);

#endif
