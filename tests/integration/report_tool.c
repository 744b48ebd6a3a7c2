/* SPDX-License-Identifier: Apache-2.0
 *
 * The writers of the fleet and of the metrics as a filter, for test_report_formats.py:
 *
 *   report_tool table|json|csv|junit|sarif|asff|ocsf|emf [COLOR [WIDTH]] <fleet.json
 *
 * {"generated_ms", "version", "accounts": [], "regions": [], "listed", "interrupted",
 *  "gaps": [{"account", "region", "reason"}], "rows": [{"account", "region", "name", "scheme",
 *  "type", "id", "compliance", "reason", "mode", "required", "because", "grade", "owner", "live",
 *  "excused", "until", "ordering_ms", "findings": [{"id", "failing", "subject", "message"}]}]}
 * or {"namespace", "account", "region", "now_ms", "metrics": [{"name", "unit", "value"}]}, which
 * may have a "level"
 *
 * Text is percent-encoded, so that it can hold any byte. On stderr: the bytes of memory that the
 * writer took beside what it was given.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "report/emf.h"
#include "report/fleet.h"

#define INPUT_BYTES_MAX  ((size_t)16 * 1024 * 1024)
#define OUTPUT_BYTES_MAX ((size_t)64 * 1024 * 1024)

static struct arena arena;

static int hex_digit(char c) {
    return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

static str text_at(const struct json *value, const char *key) {
    str coded = key == NULL ? json_string(value) : json_get_string(value, key);
    char *bytes = arena_alloc(&arena, coded.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < coded.len; i++) {
        if (coded.ptr[i] == '%' && i + 2 < coded.len) {
            bytes[len++] = (char)(hex_digit(coded.ptr[i + 1]) * 16 + hex_digit(coded.ptr[i + 2]));
            i += 2;
        } else {
            bytes[len++] = coded.ptr[i];
        }
    }
    return (str){bytes, len};
}

static double number_at(const struct json *value, const char *key) {
    double number = 0;
    return json_number(json_get(value, key), &number) ? number : 0;
}

static bool flag_at(const struct json *value, const char *key) {
    return json_bool(json_get(value, key), false);
}

static enum compliance compliance_at(const struct json *value) {
    str name = json_get_string(value, "compliance");
    for (int i = COMPLIANT; i < COMPLIANCE_UNKNOWN; i++) {
        if (str_eq(name, str_from_cstr(compliance_name((enum compliance)i)))) {
            return (enum compliance)i;
        }
    }
    return COMPLIANCE_UNKNOWN;
}

static struct finding finding_read(const struct json *value) {
    size_t id = 0;
    while (id < FINDING_COUNT - 1 && !str_eq(json_get_string(value, "id"),
                                             str_from_cstr(finding_name((enum finding_id)id)))) {
        id++;
    }
    return (struct finding){.id = (enum finding_id)id,
                            .severity = finding_rule_severity((enum finding_id)id),
                            .is_failing = flag_at(value, "failing"),
                            .subject = text_at(value, "subject"),
                            .message = text_at(value, "message")};
}

static struct evaluation evaluation_read(const struct json *value) {
    str grade = json_get_string(value, "grade");
    struct evaluation evaluation = {
        .resource_type = text_at(value, "type"),
        .resource_id = text_at(value, "id"),
        .compliance = compliance_at(value),
        .reason = text_at(value, "reason"),
        .mode = mode_parse(json_get_string(value, "mode")),
        .required_mode = mode_parse(json_get_string(value, "required")),
        .required_because = text_at(value, "because"),
        .grade = str_is_empty(grade) ? '-' : grade.ptr[0],
        .owner = text_at(value, "owner"),
        .source = flag_at(value, "live") ? SOURCE_LIVE : SOURCE_EVENT,
        .has_active_exception = flag_at(value, "excused"),
        .exception_until = text_at(value, "until"),
        .ordering_ms = (int64_t)number_at(value, "ordering_ms"),
    };
    const struct json *finding = json_first(json_get(value, "findings"));
    for (; finding != NULL && evaluation.finding_count < FINDINGS_MAX;
         finding = json_next(finding)) {
        evaluation.findings[evaluation.finding_count++] = finding_read(finding);
    }
    return evaluation;
}

static str *list_read(const struct json *value, size_t *count_out) {
    str *list = ARENA_ARRAY(&arena, str, json_count(value));
    *count_out = 0;
    for (const struct json *item = json_first(value); item != NULL; item = json_next(item)) {
        list[(*count_out)++] = text_at(item, NULL);
    }
    return list;
}

static void rows_read(const struct json *values, struct fleet *fleet) {
    fleet->rows = ARENA_ARRAY(&arena, struct fleet_row, json_count(values));
    for (const struct json *value = json_first(values); value != NULL; value = json_next(value)) {
        fleet->rows[fleet->row_count++] = (struct fleet_row){
            .evaluation = evaluation_read(value),
            .account_id = text_at(value, "account"),
            .region = text_at(value, "region"),
            .name = text_at(value, "name"),
            .scheme = load_balancer_scheme_parse(json_get_string(value, "scheme"))};
    }
}

static void gaps_read(const struct json *values, struct fleet *fleet) {
    struct fleet_gap *gaps = ARENA_ARRAY(&arena, struct fleet_gap, json_count(values));
    for (const struct json *value = json_first(values); value != NULL; value = json_next(value)) {
        gaps[fleet->gap_count++] = (struct fleet_gap){
            text_at(value, "account"), text_at(value, "region"), text_at(value, "reason")};
    }
    fleet->gaps = gaps;
}

static struct fleet fleet_read(const struct json *root) {
    struct fleet fleet = {.generated_ms = (int64_t)number_at(root, "generated_ms"),
                          .listed = (size_t)number_at(root, "listed"),
                          .is_interrupted = flag_at(root, "interrupted"),
                          .version = text_at(root, "version")};
    fleet.accounts = list_read(json_get(root, "accounts"), &fleet.account_count);
    fleet.regions = list_read(json_get(root, "regions"), &fleet.region_count);
    rows_read(json_get(root, "rows"), &fleet);
    gaps_read(json_get(root, "gaps"), &fleet);
    fleet_sort(&fleet);
    return fleet;
}

static void metrics_write(struct buf *out, const struct json *root) {
    const struct json *values = json_get(root, "metrics");
    struct emf_metric *metrics = ARENA_ARRAY(&arena, struct emf_metric, json_count(values));
    size_t count = 0;
    for (const struct json *value = json_first(values); value != NULL; value = json_next(value)) {
        metrics[count++] = (struct emf_metric){str_to_cstr(&arena, text_at(value, "name")),
                                               str_to_cstr(&arena, text_at(value, "unit")),
                                               number_at(value, "value")};
    }
    const struct emf_line line = {
        .metrics_namespace = text_at(root, "namespace"),
        .account_id = text_at(root, "account"),
        .region = text_at(root, "region"),
        .now_ms = (int64_t)number_at(root, "now_ms"),
        .log_level = json_get(root, "level") == NULL ? NULL
                                                     : str_to_cstr(&arena, text_at(root, "level")),
    };
    emf_write(out, &arena, &line, metrics, count);
}

static void fleet_write(struct buf *out,
                        struct arena *scratch,
                        const struct fleet *fleet,
                        enum fleet_format format,
                        const struct fleet_table_style *style) {
    static void (*const writers[FLEET_FORMAT_COUNT])(
        struct buf *, struct arena *, const struct fleet *) = {
        [FLEET_JSON] = fleet_write_json,
        [FLEET_CSV] = fleet_write_csv,
        [FLEET_JUNIT] = fleet_write_junit,
        [FLEET_SARIF] = fleet_write_sarif,
        [FLEET_ASFF] = fleet_write_asff,
        [FLEET_OCSF] = fleet_write_ocsf,
    };
    if (format == FLEET_TABLE) {
        fleet_write_table(out, scratch, fleet, style);
    } else if (writers[format] != NULL) {
        writers[format](out, scratch, fleet);
    }
}

static str input_read(void) {
    struct buf text;
    char block[65536];
    size_t got = 0;
    buf_init(&text, &arena, INPUT_BYTES_MAX);
    while ((got = fread(block, 1, sizeof(block), stdin)) > 0) {
        buf_append(&text, (str){block, got});
    }
    return buf_str(&text);
}

static bool run(const char *format_name, const struct fleet_table_style *style, struct buf *out) {
    const struct json *root = NULL;
    size_t format = 0;
    if (json_parse(&arena, input_read(), &JSON_LIMITS_DEFAULT, &root, NULL) != STATUS_OK) {
        return false;
    }
    if (strcmp(format_name, "emf") == 0) {
        metrics_write(out, root);
        return true;
    }
    while (FLEET_FORMAT_NAMES[format] != NULL &&
           strcmp(FLEET_FORMAT_NAMES[format], format_name) != 0) {
        format++;
    }
    if (format == FLEET_FORMAT_COUNT) {
        return false;
    }
    struct arena scratch = {0};
    struct fleet fleet = fleet_read(root);
    fleet_write(out, &scratch, &fleet, (enum fleet_format)format, style);
    fprintf(stderr, "%zu\n", arena_bytes_held(&scratch));
    arena_clean_up(&scratch);
    return true;
}

int main(int argc, char **argv) {
    struct fleet_table_style style = {
        .has_color = argc > 2 && strcmp(argv[2], "color") == 0,
        .width = argc > 3 ? strtoul(argv[3], NULL, 10) : 0,
    };
    struct arena written;
    struct buf out;
    arena = (struct arena){0};
    written = (struct arena){0};
    buf_init(&out, &written, OUTPUT_BYTES_MAX);
    bool is_done = argc > 1 && run(argv[1], &style, &out) && buf_status(&out) == STATUS_OK;
    fwrite(out.ptr, 1, out.len, stdout);
    arena_clean_up(&written);
    arena_clean_up(&arena);
    return is_done && fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
