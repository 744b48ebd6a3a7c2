/* SPDX-License-Identifier: Apache-2.0 */
#include "base/ascii.h"
#include "base/json.h"
#include "fix_internal.h"
#include "policy/plain_text.h"

#define NAME_BYTES_MAX 32
#define ELLIPSIS       "\xE2\x80\xA6" /* U+2026 */
/* Far above a real ARN and Region; the tags have what is left of FIX_COMMAND_BYTES_MAX. */
#define TARGET_BYTES_MAX       ((size_t)400)
#define TAGS_BYTES_MAX         ((size_t)512)
#define TAG_KEY_CHARACTERS_MAX 128
/* Around a key in JSON, ample. */
#define TAG_JSON_BYTES ((size_t)64)

/* The words left bare hold nothing that a POSIX shell interprets, wherever they stand behind the
 * first word. In single quotes nothing is interpreted at all, so that a tag cannot become a command
 * when somebody copies the line. */
str shell_quote(struct arena *arena, str word) {
    if (word.len > 0 && ascii_is_made_of(word, STR("_@%+=:,./-"))) {
        return word;
    }
    struct buf out;
    buf_init(&out, arena, word.len * 4 + 2);
    buf_append_char(&out, '\'');
    for (size_t i = 0; i < word.len; i++) {
        /* a quote ends the quoted text, stands by itself behind a backslash, and begins it again */
        buf_append(&out, word.ptr[i] == '\'' ? STR("'\\''") : str_slice(word, i, i + 1));
    }
    buf_append_char(&out, '\'');
    return buf_str(&out);
}

str load_balancer_name(struct arena *arena, str resource_id) {
    str name = load_balancer_arn_parts(resource_id).name;
    if (!str_is_empty(name)) {
        return name;
    }
    struct buf out;
    buf_init(&out, arena, NAME_BYTES_MAX);
    for (size_t i = 0; i < resource_id.len && i < NAME_BYTES_MAX; i++) {
        char c = resource_id.ptr[i];
        bool is_plain = c > ' ' && c <= '~' && c != '<' && c != '>';
        buf_append_char(&out, is_plain ? c : '?');
    }
    return out.len == 0 ? STR("unknown") : buf_str(&out);
}

static bool is_plain(struct arena *arena, str text) {
    return text.len > 0 && text.len <= TARGET_BYTES_MAX &&
           str_eq(plain_text(arena, text, TARGET_BYTES_MAX), text);
}

/* " --region R --option ARN"; empty when one of them is no plain text, or too long to be real. */
static str target_options(struct arena *arena, const struct fix *fix, const char *option) {
    str arn = fix->evaluation->resource_id;
    str region = str_or(fix->region, load_balancer_arn_parts(arn).region);
    if (!is_plain(arena, arn) || !is_plain(arena, region)) {
        return STR_EMPTY;
    }
    region = shell_quote(arena, region);
    arn = shell_quote(arena, arn);
    str options = str_format(arena, " --region %" STR_FMT " %s %" STR_FMT, STR_ARG(region), option,
                             STR_ARG(arn));
    return options.len <= TARGET_BYTES_MAX ? options : STR_EMPTY;
}

/* One command sets both attributes, and nothing else of the load balancer. */
str fix_attributes_command(struct arena *arena, const struct fix *fix) {
    const struct evaluation *evaluation = fix->evaluation;
    bool has_mode = fix->mode_now != MODE_UNKNOWN && fix->mode_now < evaluation->required_mode &&
                    !management_undoes_changes(&evaluation->management);
    const struct finding *headers = evaluation_finding(evaluation, FINDING_HEADERS_NOT_DROPPED);
    bool has_headers = headers != NULL && headers->is_failing;
    str target = target_options(arena, fix, "--load-balancer-arn");
    if (str_is_empty(target) || (!has_mode && !has_headers)) {
        return STR_EMPTY;
    }
    return str_format(arena,
                      "aws elbv2 modify-load-balancer-attributes%" STR_FMT " --attributes%s%s%s",
                      STR_ARG(target), has_mode ? " Key=" ATTRIBUTE_DESYNC_MODE ",Value=" : "",
                      has_mode ? mode_name(evaluation->required_mode) : "",
                      has_headers ? " Key=" ATTRIBUTE_DROP_INVALID_HEADERS ",Value=true" : "");
}

/* What AWS takes as a tag's key: letters and digits of any script, blanks and these.
 * https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_Tag.html */
static bool is_tag_key(struct arena *arena, str text) {
    for (size_t i = 0; i < text.len; i++) {
        bool is_ascii = (unsigned char)text.ptr[i] < 0x80;
        if (is_ascii && !ascii_is_made_of(str_slice(text, i, i + 1), STR(" _.:/=+-@"))) {
            return false;
        }
    }
    return is_plain(arena, text) && str_utf8_count(text) <= TAG_KEY_CHARACTERS_MAX;
}

str fix_tag_key(struct arena *arena, const struct finding *finding) {
    str key = finding->subject;
    bool is_about_tag =
        finding->id == FINDING_TAG_MISSING || finding->id == FINDING_TAG_VALUE_NOT_ALLOWED;
    bool is_usable = is_about_tag && is_tag_key(arena, key) && !str_ends_with(key, STR(ELLIPSIS));
    return is_usable ? key : STR_EMPTY;
}

/* Key=K,Value=V: the CLI's own short form, in which some of these characters mean something else.
 * Readable, and enough for almost all keys; any other makes the whole command JSON. */
static str tags_short(struct arena *arena, const struct evaluation *evaluation) {
    struct buf out;
    buf_init(&out, arena, TAGS_BYTES_MAX);
    for (size_t i = 0; i < evaluation->finding_count; i++) {
        str key = fix_tag_key(arena, &evaluation->findings[i]);
        if (str_is_empty(key)) {
            continue;
        }
        if (!ascii_is_made_of(key, STR("_.:/+-@"))) {
            return STR_EMPTY;
        }
        size_t len = out.len;
        buf_printf(&out, " 'Key=%" STR_FMT ",Value=" FIX_VALUE "'", STR_ARG(key));
        if (buf_status(&out) != STATUS_OK) {
            buf_rewind(&out, len);
            break;
        }
    }
    return buf_str(&out);
}

/* [{"Key":K,"Value":V}]: for any key. */
static str tags_json(struct arena *arena, const struct evaluation *evaluation) {
    struct buf out;
    struct json_writer writer;
    buf_init(&out, arena, TAGS_BYTES_MAX);
    json_writer_init(&writer, &out);
    json_array_begin(&writer);
    bool has_any = false;
    for (size_t i = 0; i < evaluation->finding_count; i++) {
        str key = fix_tag_key(arena, &evaluation->findings[i]);
        if (!str_is_empty(key) && out.len + key.len < TAGS_BYTES_MAX - TAG_JSON_BYTES) {
            json_object_begin(&writer);
            json_write_member(&writer, "Key", key);
            json_write_member_text(&writer, "Value", FIX_VALUE);
            json_object_end(&writer);
            has_any = true;
        }
    }
    json_array_end(&writer);
    ASSERT(buf_status(&out) == STATUS_OK); /* in a key nothing needs an escape */
    str quoted = shell_quote(arena, buf_str(&out));
    return has_any ? str_format(arena, " %" STR_FMT, STR_ARG(quoted)) : STR_EMPTY;
}

str fix_tags_command(struct arena *arena, const struct fix *fix) {
    str target = target_options(arena, fix, "--resource-arns");
    str tags = str_or(tags_short(arena, fix->evaluation), tags_json(arena, fix->evaluation));
    if (str_is_empty(target) || str_is_empty(tags)) {
        return STR_EMPTY;
    }
    return str_format(arena, "aws elbv2 add-tags%" STR_FMT " --tags%" STR_FMT, STR_ARG(target),
                      STR_ARG(tags));
}

str fix_tag_command(struct arena *arena, const struct fix *fix, str key, str value) {
    str target = target_options(arena, fix, "--resource-arns");
    if (str_is_empty(target) || !is_tag_key(arena, key)) {
        return STR_EMPTY;
    }
    str tag = str_format(arena, "[{\"Key\":\"%" STR_FMT "\",\"Value\":\"%" STR_FMT "\"}]",
                         STR_ARG(key), STR_ARG(value)); /* nothing in them needs an escape */
    if (ascii_is_made_of(key, STR("_.:/+-@"))) {
        tag = str_format(arena, "Key=%" STR_FMT ",Value=%" STR_FMT, STR_ARG(key), STR_ARG(value));
    }
    tag = shell_quote(arena, tag);
    return str_format(arena, "aws elbv2 add-tags%" STR_FMT " --tags %" STR_FMT, STR_ARG(target),
                      STR_ARG(tag));
}

str fix_command(struct arena *arena, const struct fix *fix) {
    return str_or(fix_attributes_command(arena, fix), fix_tags_command(arena, fix));
}

str fix_instruction(struct arena *arena, const struct fix *fix) {
    const struct finding *managed = evaluation_finding(fix->evaluation, FINDING_MANAGED_BY_OTHER);
    bool is_left = managed != NULL && management_undoes_changes(&fix->evaluation->management);
    return is_left ? managed->message : fix_command(arena, fix);
}
