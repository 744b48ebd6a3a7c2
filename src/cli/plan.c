/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/escape.h"
#include "base/json.h"
#include "cli_internal.h"
#include "report/text_width.h"

enum plan_format { PLAN_TABLE, PLAN_JSON };

static bool parse_format(int argc, char **argv, enum plan_format *format) {
    *format = PLAN_TABLE;
    if (argc == 1) {
        return true;
    }
    if (argc != 3 || strcmp(argv[1], "--format") != 0) {
        return false;
    }
    *format = strcmp(argv[2], "json") == 0 ? PLAN_JSON : PLAN_TABLE;
    return *format == PLAN_JSON || strcmp(argv[2], "table") == 0;
}

/* Nothing is changed, remembered or told, whatever the environment says. */
static void only_plan(struct guard *guard) {
    guard->settings.control.enforcement.enforcement = ENFORCEMENT_PLAN;
    if (guard->settings.control.promotion.promotion == PROMOTION_ENFORCE) {
        guard->settings.control.promotion.promotion = PROMOTION_RECOMMEND;
    }
    guard->settings.control.state_table = STR_EMPTY;
    guard->settings.control.alert_topic_arn = STR_EMPTY;
    guard->settings.control.imports_findings = false;
}

static str name_of(struct arena *arena, str arn) {
    struct load_balancer_arn parts;
    bool is_arn = load_balancer_arn_parse(arn, &parts) == STATUS_OK;
    return escape_text(arena, is_arn ? parts.resource : arn);
}

static size_t widest_name(struct arena *arena, const struct app_reply *reply) {
    size_t widest = 0;
    for (size_t i = 0; i < reply->action_count; i++) {
        size_t width = text_width(name_of(arena, reply->actions[i].resource_id));
        widest = width > widest ? width : widest;
    }
    return widest;
}

static void append_line(struct buf *out, struct arena *arena, const struct action *action,
                        size_t name_width) {
    str from = escape_text(arena, action->from);
    str reason = escape_text(arena, action->reason);
    buf_printf(out, "%-8s ", action->status);
    text_pad(out, name_of(arena, action->resource_id), name_width);
    buf_printf(out, "  %9" STR_FMT " -> ", STR_ARG(from));
    text_pad(out, escape_text(arena, action->to), 9);
    buf_printf(out, "  %" STR_FMT "\n", STR_ARG(reason));
}

static void append_table(struct buf *out, struct arena *arena, const struct app_reply *reply) {
    size_t planned = 0;
    size_t width = widest_name(arena, reply);
    for (size_t i = 0; i < reply->action_count; i++) {
        planned += strcmp(reply->actions[i].status, "planned") == 0 ? 1 : 0;
        append_line(out, arena, &reply->actions[i], width);
    }
    buf_printf(out, "%zu load balancer%s judged, %zu would be changed\n", reply->judged_count,
               str_by_count(reply->judged_count, "", "s"), planned);
}

static void append_json(struct buf *out, const struct app_reply *reply) {
    struct json_writer writer;
    json_writer_init(&writer, out);
    json_array_begin(&writer);
    for (size_t i = 0; i < reply->action_count; i++) {
        action_write_json(&writer, &reply->actions[i]);
    }
    json_array_end(&writer);
    buf_append_char(out, '\n');
}

enum cli_exit command_plan(const struct cli *cli, int argc, char **argv) {
    enum plan_format format;
    if (!parse_format(argc, argv, &format)) {
        return usage_error("plan takes nothing but --format table or --format json");
    }
    struct guard guard;
    struct error error = {0};
    if (open_app(cli, &guard, &error) != STATUS_OK ||
        cli->connect(&guard, cli->arena, &error) != STATUS_OK) {
        print_error("%" STR_FMT, STR_ARG(error.message));
        return CLI_ERROR;
    }
    only_plan(&guard);
    struct app_reply reply;
    app_handle(&guard, STR("{\"action\":\"sweep\"}"), INT64_MAX, cli->arena, &reply);
    /* One that cannot be read hides nothing of the others. */
    if (reply.is_error && reply.judged_count == 0) {
        print_error("%" STR_FMT, STR_ARG(reply.error_message));
        return CLI_ERROR;
    }
    struct buf out;
    buf_init(&out, cli->arena, EVENT_FILE_BYTES_MAX);
    if (format == PLAN_JSON) {
        append_json(&out, &reply);
    } else {
        append_table(&out, cli->arena, &reply);
    }
    bool is_printed = print_document(buf_str(&out));
    if (reply.is_error) {
        print_error("%" STR_FMT, STR_ARG(reply.error_message));
    }
    return is_printed && !reply.is_error ? CLI_FINE : CLI_ERROR;
}
