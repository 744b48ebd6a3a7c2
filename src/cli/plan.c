/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/json.h"
#include "cli_internal.h"

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
static void only_plan(struct app *app) {
    app->settings.act.enforcement.enforcement = ENFORCEMENT_PLAN;
    if (app->settings.act.promotion.promotion == PROMOTION_ENFORCE) {
        app->settings.act.promotion.promotion = PROMOTION_RECOMMEND;
    }
    app->settings.act.state_table = STR_EMPTY;
    app->settings.act.alert_topic_arn = STR_EMPTY;
    app->settings.act.imports_findings = false;
}

static str name_of(str arn) {
    struct load_balancer_arn parts;
    return load_balancer_arn_parse(arn, &parts) == STATUS_OK ? parts.resource : arn;
}

static size_t longest_name(const struct app_reply *reply) {
    size_t longest = 0;
    for (size_t i = 0; i < reply->action_count; i++) {
        size_t length = name_of(reply->actions[i].resource_id).len;
        longest = length > longest ? length : longest;
    }
    return longest;
}

static void append_line(struct buf *out, const struct action *action, size_t name_width) {
    str name = name_of(action->resource_id);
    buf_printf(out,
               "%-8s %" STR_FMT "%*s  %9" STR_FMT " -> %-9" STR_FMT "  %" STR_FMT "\n",
               action->status,
               STR_ARG(name),
               (int)(name_width - name.len),
               "",
               STR_ARG(action->from),
               STR_ARG(action->to),
               STR_ARG(action->reason));
}

static void append_table(struct buf *out, const struct app_reply *reply) {
    size_t planned = 0;
    size_t width = longest_name(reply);
    for (size_t i = 0; i < reply->action_count; i++) {
        planned += strcmp(reply->actions[i].status, "planned") == 0 ? 1 : 0;
        append_line(out, &reply->actions[i], width);
    }
    buf_printf(out,
               "%zu load balancer%s judged, %zu would be changed",
               reply->judged_count,
               str_by_count(reply->judged_count, "", "s"),
               planned);
}

static void append_json(struct buf *out, const struct app_reply *reply) {
    struct json_writer writer;
    json_writer_init(&writer, out);
    json_array_begin(&writer);
    for (size_t i = 0; i < reply->action_count; i++) {
        action_write_json(&writer, &reply->actions[i]);
    }
    json_array_end(&writer);
}

enum cli_exit command_plan(const struct cli *cli, int argc, char **argv) {
    enum plan_format format;
    if (!parse_format(argc, argv, &format)) {
        return usage_error("plan takes nothing but --format table or --format json");
    }
    struct app app;
    struct error error = {0};
    if (open_app(cli, &app, &error) != STATUS_OK ||
        cli->connect(&app, cli->arena, &error) != STATUS_OK) {
        complain("%" STR_FMT, STR_ARG(error.message));
        return CLI_ERROR;
    }
    only_plan(&app);
    struct app_reply reply;
    app_handle(&app, STR("{\"action\":\"sweep\"}"), INT64_MAX, cli->arena, &reply);
    /* One that cannot be read hides nothing of the others. */
    if (reply.is_error && reply.judged_count == 0) {
        complain("%" STR_FMT, STR_ARG(reply.error_message));
        return CLI_ERROR;
    }
    struct buf out;
    buf_init(&out, cli->arena, EVENT_FILE_BYTES_MAX);
    if (format == PLAN_JSON) {
        append_json(&out, &reply);
    } else {
        append_table(&out, &reply);
    }
    bool is_printed = print_line(buf_str(&out));
    if (reply.is_error) {
        complain("%" STR_FMT, STR_ARG(reply.error_message));
    }
    return is_printed && !reply.is_error ? CLI_FINE : CLI_ERROR;
}
