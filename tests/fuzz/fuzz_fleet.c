/* SPDX-License-Identifier: Apache-2.0
 *
 * A fleet of hostile names and tags in every format of `audit`: what is JSON parses and holds as
 * many load balancers, what is XML is well-formed, and markup stays text. Parts: a byte for
 * verdicts and modes, then eight texts for each load balancer.
 */
#include "fuzz/judge.h"

#include "base/xml.h"
#include "report/fleet.h"

#define ROWS_MAX 4

/* No filter takes it out, and no page has it by itself. */
#define MARKUP "<x-forged>\"'&</script>"

/* Now and then a text is markup whole. No reader of ours lets a NUL in. */
static str hostile(struct arena *arena, str *rest) {
    str part = fuzz_part(arena, rest);
    return part.len % 4 == 3 ? STR(MARKUP) : str_slice(part, 0, str_find_char(part, '\0'));
}

static void read_row(struct arena *arena, unsigned what, str *rest, struct fleet_row *row) {
    row->evaluation = (struct evaluation){
        .resource_type = STR(LOAD_BALANCER_RESOURCE_TYPE),
        .compliance = (enum compliance)(what % 4),
        .mode = (enum desync_mode)(what / 4 % 4),
        .required_mode = (enum desync_mode)(what / 16 % 4),
        .grade = "-FDBA"[what % 5],
        .source = SOURCE_LIVE,
        .finding_count = 1,
        .resource_id = hostile(arena, rest),
    };
    row->name = hostile(arena, rest);
    row->evaluation.owner = hostile(arena, rest);
    row->account_id = hostile(arena, rest);
    row->region = hostile(arena, rest);
    row->evaluation.required_because = hostile(arena, rest);
    row->evaluation.reason = row->evaluation.required_because;
    row->evaluation.findings[0] = (struct finding){
        .id = (enum finding_id)(what % FINDING_COUNT),
        .severity = (enum finding_severity)(what % 4),
        .is_failing = what % 4 == NON_COMPLIANT,
        .subject = hostile(arena, rest),
        .message = hostile(arena, rest),
    };
    row->scheme = (enum load_balancer_scheme)(what % 3);
}

static str written(struct arena *arena, const struct fleet *fleet,
                   void (*write)(struct buf *, struct arena *, const struct fleet *)) {
    struct buf out;
    buf_init(&out, arena, FLEET_DOCUMENT_BYTES_MAX);
    write(&out, arena, fleet);
    HOLD(buf_status(&out) == STATUS_OK);
    HOLD(fuzz_is_utf8(buf_str(&out)));
    return buf_str(&out);
}

static const struct json *parsed(struct arena *arena, str text) {
    const struct json *root = NULL;
    HOLD(json_parse(arena, text, &JSON_LIMITS_DEFAULT, &root, NULL) == STATUS_OK);
    return root;
}

static void hold_json(struct arena *arena, const struct fleet *fleet) {
    const struct json *root = parsed(arena, written(arena, fleet, fleet_write_json));
    HOLD(json_count(json_get(root, "evaluations")) == fleet->row_count);
    HOLD(json_is_object(parsed(arena, written(arena, fleet, fleet_write_sarif))));
    HOLD(json_is_array(parsed(arena, written(arena, fleet, fleet_write_asff))));
    HOLD(json_is_array(parsed(arena, written(arena, fleet, fleet_write_ocsf))));
}

static void hold_junit(struct arena *arena, const struct fleet *fleet) {
    str text = written(arena, fleet, fleet_write_junit);
    const struct xml *root = NULL;
    const char *problem = NULL;
    HOLD(xml_parse(arena, text, text.len, &root, &problem) == STATUS_OK);
    HOLD(!str_contains(text, STR("<x-forged")));
}

/* A page of ours has no element that is made up, and no script but its own. */
static void hold_html(struct arena *arena, const struct fleet *fleet) {
    struct buf out;
    buf_init(&out, arena, FLEET_DOCUMENT_BYTES_MAX);
    fleet_write_html(&out, arena, fleet, NULL);
    str text = buf_str(&out);
    HOLD(buf_status(&out) == STATUS_OK && fuzz_is_utf8(text));
    HOLD(!str_contains(text, STR("<x-forged")));
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        HOLD((c >= ' ' && c != 0x7F) || c == '\n');
    }
}

/* Fields are quoted or free of what would end them, so that every record has as many. */
static size_t csv_fields(str text, size_t *at) {
    size_t fields = 1;
    bool is_quoted = false;
    for (; *at < text.len; (*at)++) {
        char c = text.ptr[*at];
        is_quoted = c == '"' ? !is_quoted : is_quoted;
        if (!is_quoted && c == '\n') {
            (*at)++;
            return fields;
        }
        fields += !is_quoted && c == ',' ? 1 : 0;
    }
    HOLD(!is_quoted);
    return fields;
}

static void hold_csv(struct arena *arena, const struct fleet *fleet) {
    str text = written(arena, fleet, fleet_write_csv);
    size_t records = 0;
    size_t at = 0;
    size_t fields = csv_fields(text, &at);
    for (; at < text.len; records++) {
        HOLD(csv_fields(text, &at) == fields);
    }
    HOLD(records == fleet->row_count + fleet->gap_count);
}

static void hold_table(struct arena *arena, const struct fleet *fleet, unsigned what) {
    const struct fleet_table_style style = {.has_color = (what & 1) != 0, .width = what};
    struct buf out;
    buf_init(&out, arena, FLEET_DOCUMENT_BYTES_MAX);
    fleet_write_table(&out, arena, fleet, &style);
    HOLD(buf_status(&out) == STATUS_OK && fuzz_is_utf8(buf_str(&out)));
    for (str rest = buf_str(&out); rest.ptr != NULL;) {
        str line = str_split(&rest, '\n');
        HOLD(style.has_color || is_one_line(line));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct arena arena;
    static struct fleet_row rows[ROWS_MAX];
    arena_reset(&arena);
    str rest = {(const char *)data, size};
    unsigned what = fuzz_byte(&rest);
    const str accounts[] = {hostile(&arena, &rest)};
    const struct fleet_gap gap = {accounts[0], STR("eu-west-1"), accounts[0]};
    struct fleet fleet = {.generated_ms = NOW_MS,
                          .accounts = accounts,
                          .account_count = 1,
                          .regions = accounts,
                          .region_count = 1,
                          .rows = rows,
                          .gaps = &gap,
                          .gap_count = what / 64 % 2,
                          .version = STR("0.1.0")};
    while (rest.ptr != NULL && fleet.row_count < ROWS_MAX) {
        read_row(&arena, what + 37 * (unsigned)fleet.row_count, &rest, &rows[fleet.row_count]);
        fleet.row_count++;
        fleet.listed++;
    }
    fleet_sort(&fleet);
    hold_json(&arena, &fleet);
    hold_junit(&arena, &fleet);
    hold_html(&arena, &fleet);
    hold_csv(&arena, &fleet);
    hold_table(&arena, &fleet, what);
    return 0;
}
