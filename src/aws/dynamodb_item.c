/* SPDX-License-Identifier: Apache-2.0
 *
 * Items to and from DynamoDB's JSON, and the checksum of its answers.
 */
#include <inttypes.h>
#include <isa-l/crc.h>

#include "dynamodb_internal.h"

#define PK_BYTES_MAX 2048
#define SK_BYTES_MAX 1024

struct dynamodb_attribute dynamodb_string(const char *name, str value) {
    return (struct dynamodb_attribute){str_from_cstr(name), DYNAMODB_STRING, value};
}

struct dynamodb_attribute dynamodb_number(struct arena *arena, const char *name, int64_t value) {
    return (struct dynamodb_attribute){str_from_cstr(name), DYNAMODB_NUMBER,
                                       str_format(arena, "%" PRId64, value)};
}

const struct dynamodb_attribute *dynamodb_find(const struct dynamodb_item *item, str name) {
    for (size_t i = 0; i < item->count; i++) {
        if (str_eq(item->attributes[i].name, name)) {
            return &item->attributes[i];
        }
    }
    return NULL;
}

str dynamodb_get_string(const struct dynamodb_item *item, const char *name) {
    const struct dynamodb_attribute *found = dynamodb_find(item, str_from_cstr(name));
    return found != NULL && found->type == DYNAMODB_STRING ? found->value : STR_EMPTY;
}

bool dynamodb_get_number(const struct dynamodb_item *item, const char *name, int64_t *value_out) {
    const struct dynamodb_attribute *found = dynamodb_find(item, str_from_cstr(name));
    return found != NULL && found->type == DYNAMODB_NUMBER &&
           str_parse_i64(found->value, value_out);
}

/* ---- out ---- */

static size_t digits(str text) {
    size_t count = 0;
    while (count < text.len && text.ptr[count] >= '0' && text.ptr[count] <= '9') {
        count++;
    }
    return count;
}

/* "-12.5E+3" and the like. */
static bool is_number(str text) {
    str rest = str_slice(text, str_starts_with(text, STR("-")) ? 1 : 0, text.len);
    size_t whole = digits(rest);
    bool is_good = whole > 0;
    rest = str_slice(rest, whole, rest.len);
    if (str_starts_with(rest, STR("."))) {
        size_t fraction = digits(str_slice(rest, 1, rest.len));
        is_good = is_good && fraction > 0;
        rest = str_slice(rest, 1 + fraction, rest.len);
    }
    if (str_starts_with(rest, STR("e")) || str_starts_with(rest, STR("E"))) {
        size_t sign = rest.len > 1 && (rest.ptr[1] == '-' || rest.ptr[1] == '+') ? 2 : 1;
        size_t exponent = digits(str_slice(rest, sign, rest.len));
        is_good = is_good && exponent > 0;
        rest = str_slice(rest, sign + exponent, rest.len);
    }
    return is_good && rest.len == 0;
}

static bool is_utf8(str text) {
    return str_utf8_valid_prefix(text) == text.len;
}

bool dynamodb_attribute_is_valid(const struct dynamodb_attribute *attribute) {
    if (str_is_empty(attribute->name) || !is_utf8(attribute->name)) {
        return false;
    }
    switch (attribute->type) {
    case DYNAMODB_STRING:
        return is_utf8(attribute->value);
    case DYNAMODB_NUMBER:
        return is_number(attribute->value);
    case DYNAMODB_BOOL:
        return str_eq(attribute->value, STR("true")) || str_eq(attribute->value, STR("false"));
    case DYNAMODB_NULL:
        return true;
    }
    return false;
}

bool dynamodb_key_is_valid(const struct dynamodb_key *key) {
    return key->pk.len > 0 && key->pk.len <= PK_BYTES_MAX && is_utf8(key->pk) && key->sk.len > 0 &&
           key->sk.len <= SK_BYTES_MAX && is_utf8(key->sk);
}

static const char *const TYPE_KEYS[] = {
    [DYNAMODB_STRING] = "S",
    [DYNAMODB_NUMBER] = "N",
    [DYNAMODB_BOOL] = "BOOL",
    [DYNAMODB_NULL] = "NULL",
};
enum { TYPE_COUNT = sizeof TYPE_KEYS / sizeof *TYPE_KEYS };

void dynamodb_write_attribute(struct json_writer *writer,
                              const struct dynamodb_attribute *attribute) {
    json_write_key(writer, attribute->name);
    json_object_begin(writer);
    json_write_key(writer, str_from_cstr(TYPE_KEYS[attribute->type]));
    if (attribute->type == DYNAMODB_BOOL) {
        json_write_bool(writer, str_eq(attribute->value, STR("true")));
    } else if (attribute->type == DYNAMODB_NULL) {
        json_write_bool(writer, true);
    } else {
        json_write_str(writer, attribute->value);
    }
    json_object_end(writer);
}

void dynamodb_write_key(struct json_writer *writer, const struct dynamodb_key *key) {
    const struct dynamodb_attribute pk = dynamodb_string(DYNAMODB_PK, key->pk);
    const struct dynamodb_attribute sk = dynamodb_string(DYNAMODB_SK, key->sk);
    json_object_begin(writer);
    dynamodb_write_attribute(writer, &pk);
    dynamodb_write_attribute(writer, &sk);
    json_object_end(writer);
}

/* ---- in ---- */

/* False for a type that is left out. */
static bool parse_value(const struct json *typed, struct dynamodb_attribute *attribute) {
    str type = json_key(typed);
    for (int i = 0; i < TYPE_COUNT; i++) {
        if (str_eq(type, str_from_cstr(TYPE_KEYS[i]))) {
            attribute->type = (enum dynamodb_type)i;
            attribute->value = json_string(typed);
            if (i == DYNAMODB_BOOL) {
                attribute->value = json_bool(typed, false) ? STR("true") : STR("false");
            }
            return true;
        }
    }
    return false;
}

static bool is_well_typed(const struct json *typed) {
    str type = json_key(typed);
    if (str_eq(type, STR("S"))) {
        return json_is_string(typed);
    }
    if (str_eq(type, STR("N"))) {
        return json_is_string(typed) && is_number(json_string(typed));
    }
    bool is_flag = str_eq(type, STR("BOOL")) || str_eq(type, STR("NULL"));
    return !is_flag || json_is_bool(typed);
}

enum status dynamodb_parse_item(const struct json *object, struct arena *arena,
                                struct dynamodb_item *item_out, struct error *error) {
    if (!json_is_object(object)) {
        return error_set(error, arena, STATUS_INCOMPLETE, "an item that is no object");
    }
    struct dynamodb_attribute *attributes =
        ARENA_ARRAY(arena, struct dynamodb_attribute, json_count(object));
    size_t count = 0;
    for (const struct json *member = json_first(object); member; member = json_next(member)) {
        const struct json *typed = json_first(member);
        if (!json_is_object(member) || json_count(member) != 1 || !is_well_typed(typed)) {
            return error_set(error, arena, STATUS_INCOMPLETE, "an attribute in no known form");
        }
        attributes[count].name = json_key(member);
        count += parse_value(typed, &attributes[count]) ? 1 : 0;
    }
    *item_out = (struct dynamodb_item){attributes, count};
    return STATUS_OK;
}

/* DynamoDB sends the CRC-32 of the body as it stands on the wire; absent where something between
 * has changed the body. */
static bool checksum_is_right(const struct aws_response *response) {
    str header = http_header_get(response->http, "x-amz-crc32");
    int64_t told = 0;
    if (str_is_empty(header)) {
        return true;
    }
    uint32_t found =
        crc32_gzip_refl(0, (const unsigned char *)response->body.ptr, response->body.len);
    return str_parse_i64(header, &told) && told == (int64_t)found;
}

enum status dynamodb_answer(struct arena *arena, const struct aws_response *response,
                            const struct json **root_out, struct error *error) {
    if (!checksum_is_right(response)) {
        return error_set(error, arena, STATUS_INCOMPLETE, "the answer does not match its checksum");
    }
    return json_answer(arena, response, root_out, error);
}
