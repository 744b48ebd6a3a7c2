/* SPDX-License-Identifier: Apache-2.0
 *
 * Items, puts and updates to and from DynamoDB's JSON, and the checksum of its answers.
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

struct dynamodb_attribute dynamodb_words(const char *name, str words) {
    return (struct dynamodb_attribute){str_from_cstr(name), DYNAMODB_WORDS, words};
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

str dynamodb_get_words(const struct dynamodb_item *item, const char *name) {
    const struct dynamodb_attribute *found = dynamodb_find(item, str_from_cstr(name));
    return found != NULL && found->type == DYNAMODB_WORDS ? found->value : STR_EMPTY;
}

bool dynamodb_get_number(const struct dynamodb_item *item, const char *name, int64_t *value_out) {
    const struct dynamodb_attribute *found = dynamodb_find(item, str_from_cstr(name));
    return found != NULL && found->type == DYNAMODB_NUMBER &&
           str_parse_i64(found->value, value_out);
}

/* ---- out ---- */

/* Takes one character of `set` off the front, if there is one. */
static bool take_one_of(str *rest, str set) {
    bool is_one = rest->len > 0 && str_find_char(set, rest->ptr[0]) < set.len;
    *rest = str_slice(*rest, is_one ? 1 : 0, rest->len);
    return is_one;
}

static bool take_digits(str *rest) {
    size_t before = rest->len;
    while (take_one_of(rest, STR("0123456789"))) {
    }
    return rest->len < before;
}

/* "-12.5E+3" and the like. Digits stay text in both directions: DynamoDB keeps 38 of them, and a
 * double 15. */
static bool is_number(str text) {
    (void)take_one_of(&text, STR("-"));
    bool is_good = take_digits(&text);
    if (take_one_of(&text, STR("."))) {
        is_good = take_digits(&text) && is_good;
    }
    if (take_one_of(&text, STR("eE"))) {
        (void)take_one_of(&text, STR("+-"));
        is_good = take_digits(&text) && is_good;
    }
    return is_good && text.len == 0;
}

static bool is_utf8(str text) {
    return str_utf8_valid_prefix(text) == text.len;
}

static bool are_words(str text) {
    size_t length = 0; /* of the word at hand */
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == ' ' && length == 0) {
            return false;
        }
        length = text.ptr[i] == ' ' ? 0 : length + 1;
    }
    return length > 0 && is_utf8(text);
}

static bool is_valid(const struct dynamodb_attribute *attribute) {
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
    case DYNAMODB_WORDS:
        return are_words(attribute->value);
    }
    return false;
}

struct dynamodb_key dynamodb_key_of(const struct dynamodb_item *item) {
    return (struct dynamodb_key){dynamodb_get_string(item, DYNAMODB_PK),
                                 dynamodb_get_string(item, DYNAMODB_SK)};
}

bool dynamodb_key_is_valid(const struct dynamodb_key *key) {
    return key->pk.len > 0 && key->pk.len <= PK_BYTES_MAX && is_utf8(key->pk) && key->sk.len > 0 &&
           key->sk.len <= SK_BYTES_MAX && is_utf8(key->sk);
}

/* An item on the wire:
 *
 *   {"pk":{"S":"text"}, "n":{"N":"12"}, "b":{"BOOL":true}, "z":{"NULL":true}}
 *
 * A number is a JSON string on the wire, and the value of NULL is always true. */
static const char *const TYPE_KEYS[] = {
    [DYNAMODB_STRING] = "S",  [DYNAMODB_NUMBER] = "N", [DYNAMODB_BOOL] = "BOOL",
    [DYNAMODB_NULL] = "NULL", [DYNAMODB_WORDS] = "SS",
};
enum { TYPE_COUNT = sizeof TYPE_KEYS / sizeof *TYPE_KEYS };

static void write_words(struct json_writer *writer, str words) {
    json_array_begin(writer);
    while (words.len > 0) {
        json_write_str(writer, str_split(&words, ' '));
    }
    json_array_end(writer);
}

void dynamodb_write_attribute(struct json_writer *writer,
                              const struct dynamodb_attribute *attribute) {
    json_write_key(writer, attribute->name);
    json_object_begin(writer);
    json_write_key(writer, str_from_cstr(TYPE_KEYS[attribute->type]));
    if (attribute->type == DYNAMODB_BOOL) {
        json_write_bool(writer, str_eq(attribute->value, STR("true")));
    } else if (attribute->type == DYNAMODB_NULL) {
        json_write_bool(writer, true);
    } else if (attribute->type == DYNAMODB_WORDS) {
        write_words(writer, attribute->value);
    } else {
        json_write_str(writer, attribute->value);
    }
    json_object_end(writer);
}

void dynamodb_write_key(struct json_writer *writer, str name, const struct dynamodb_key *key) {
    const struct dynamodb_attribute pk = dynamodb_string(DYNAMODB_PK, key->pk);
    const struct dynamodb_attribute sk = dynamodb_string(DYNAMODB_SK, key->sk);
    json_write_key(writer, name);
    json_object_begin(writer);
    dynamodb_write_attribute(writer, &pk);
    dynamodb_write_attribute(writer, &sk);
    json_object_end(writer);
}

static bool are_valid(const struct dynamodb_attribute *attributes, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (!is_valid(&attributes[i])) {
            return false;
        }
    }
    return true;
}

const char *dynamodb_put_flaw(const struct dynamodb_put *put) {
    const struct dynamodb_key key = dynamodb_key_of(&put->item);
    const struct dynamodb_expression *expression = &put->expression;
    if (str_is_empty(put->table) || !dynamodb_key_is_valid(&key)) {
        return "no table, or an item without pk and sk";
    }
    bool is_good = are_valid(put->item.attributes, put->item.count) &&
                   are_valid(expression->values, expression->value_count);
    return is_good ? NULL : "an attribute whose value is not of its type";
}

const char *dynamodb_update_flaw(const struct dynamodb_update *update) {
    const struct dynamodb_expression *expression = &update->expression;
    if (str_is_empty(update->table) || !dynamodb_key_is_valid(&update->key) ||
        str_is_empty(update->update)) {
        return "no table, no key or nothing to update";
    }
    bool is_good = are_valid(expression->values, expression->value_count);
    return is_good ? NULL : "an attribute whose value is not of its type";
}

/* Conditions and updates are literals of this program. Everything that varies goes in as a value
 * (":x") or a name ("#x"), so that no tag or ARN can become a part of an expression. */
static void write_expression(struct json_writer *writer,
                             const struct dynamodb_expression *expression) {
    if (!str_is_empty(expression->condition)) {
        json_write_member(writer, "ConditionExpression", expression->condition);
    }
    if (expression->name_count > 0) {
        json_write_key(writer, STR("ExpressionAttributeNames"));
        json_object_begin(writer);
        for (size_t i = 0; i < expression->name_count; i++) {
            const struct dynamodb_name *name = &expression->names[i];
            json_write_member(writer, name->placeholder, str_from_cstr(name->name));
        }
        json_object_end(writer);
    }
    if (expression->value_count > 0) {
        json_write_key(writer, STR("ExpressionAttributeValues"));
        json_object_begin(writer);
        for (size_t i = 0; i < expression->value_count; i++) {
            dynamodb_write_attribute(writer, &expression->values[i]);
        }
        json_object_end(writer);
    }
}

void dynamodb_write_put(struct json_writer *writer, const struct dynamodb_put *put) {
    json_write_member(writer, "TableName", put->table);
    json_write_key(writer, STR("Item"));
    json_object_begin(writer);
    for (size_t i = 0; i < put->item.count; i++) {
        dynamodb_write_attribute(writer, &put->item.attributes[i]);
    }
    json_object_end(writer);
    write_expression(writer, &put->expression);
}

void dynamodb_write_update(struct json_writer *writer, const struct dynamodb_update *update) {
    json_write_member(writer, "TableName", update->table);
    dynamodb_write_key(writer, STR("Key"), &update->key);
    json_write_member(writer, "UpdateExpression", update->update);
    write_expression(writer, &update->expression);
}

/* ---- in ---- */

static bool parse_words(const struct json *array, struct arena *arena, str *words_out) {
    struct buf words;
    bool is_good = json_is_array(array);
    buf_init(&words, arena, DYNAMODB_ITEM_BYTES_MAX);
    for (const struct json *word = json_first(array); word != NULL; word = json_next(word)) {
        is_good = is_good && json_is_string(word);
        buf_append(&words, words.len > 0 ? STR(" ") : STR_EMPTY);
        buf_append(&words, json_string(word));
    }
    *words_out = buf_str(&words);
    return is_good && buf_status(&words) == STATUS_OK;
}

/* {"S":"text"}. false: not in the form of its type. *is_kept: it is of a type that we read. */
static bool parse_value(const struct json *typed, struct arena *arena,
                        struct dynamodb_attribute *attribute, bool *is_kept) {
    int type = 0;
    while (type < TYPE_COUNT && !str_eq(json_key(typed), str_from_cstr(TYPE_KEYS[type]))) {
        type++;
    }
    *is_kept = type < TYPE_COUNT;
    attribute->type = (enum dynamodb_type)type;
    attribute->value = json_string(typed);
    switch (type) {
    case DYNAMODB_STRING:
        return json_is_string(typed);
    case DYNAMODB_NUMBER:
        return json_is_string(typed) && is_number(attribute->value);
    case DYNAMODB_BOOL:
        attribute->value = json_bool(typed, false) ? STR("true") : STR("false");
        return json_is_bool(typed);
    case DYNAMODB_NULL:
        return json_is_bool(typed);
    case DYNAMODB_WORDS:
        return parse_words(typed, arena, &attribute->value);
    default:
        return true;
    }
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
        bool is_kept = false;
        attributes[count].name = json_key(member);
        if (!json_is_object(member) || json_count(member) != 1 ||
            !parse_value(json_first(member), arena, &attributes[count], &is_kept)) {
            return error_set(error, arena, STATUS_INCOMPLETE, "an attribute in no known form");
        }
        count += is_kept ? 1 : 0;
    }
    *item_out = (struct dynamodb_item){attributes, count};
    return STATUS_OK;
}

/* DynamoDB sends the CRC-32 of the body as it stands on the wire; absent where something between
 * has changed the body. A wrong one is transient for AWS's own SDKs, too, and is repeated. */
static bool checksum_is_right(const struct http_response *response) {
    str header = http_header_get(response, "x-amz-crc32");
    int64_t sent = 0;
    if (str_is_empty(header)) {
        return true;
    }
    uint32_t found =
        crc32_gzip_refl(0, (const unsigned char *)response->body.ptr, response->body.len);
    return str_parse_i64(header, &sent) && sent == (int64_t)found;
}

enum status dynamodb_answer(struct arena *arena, const struct http_response *response,
                            const struct json **root_out, struct error *error) {
    if (!checksum_is_right(response)) {
        return error_set(error, arena, STATUS_INCOMPLETE, "the answer does not match its checksum");
    }
    return json_answer(arena, response, root_out, error);
}
