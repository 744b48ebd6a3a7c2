/* SPDX-License-Identifier: Apache-2.0 */
#include "base/escape.h"
#include "base/json.h"
#include "cli_internal.h"
#include "report/text_width.h"

/* Changes, records and alerts nothing, whatever the environment says. Without the table and the
 * topic nothing is remembered either: a plan must not use up an alert. */
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

static void append_line(struct buf *out, struct arena *arena, const struct action *action,
                        size_t name_width) {
    str from = escape_text(arena, action->from);
    str reason = escape_text(arena, action->reason);
    buf_printf(out, "%-8s ", action_status_name(action->status));
    text_pad(out, name_of(arena, action->resource_id), name_width);
    buf_printf(out, "  %9" STR_FMT " -> ", STR_ARG(from));
    text_pad(out, escape_text(arena, action->to), 9);
    buf_printf(out, "  %" STR_FMT "\n", STR_ARG(reason));
}

static void append_table(struct buf *out, struct arena *arena, const struct app_reply *reply) {
    size_t planned = 0;
    size_t widest = 0;
    for (size_t i = 0; i < reply->action_count; i++) {
        size_t width = text_width(name_of(arena, reply->actions[i].resource_id));
        widest = width > widest ? width : widest;
    }
    for (size_t i = 0; i < reply->action_count; i++) {
        planned += reply->actions[i].status == ACTION_PLANNED ? 1 : 0;
        append_line(out, arena, &reply->actions[i], widest);
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
    static const char *const NAMES[] = {"--format", NULL};
    static const char *const FORMATS[] = {"table", "json", NULL};
    struct cli_options rest = {.argc = argc, .argv = argv, .next = 1};
    const char *name;
    const char *value;
    size_t format = 0;
    while (next_option(&rest, NAMES, &name, &value)) {
        if (!parse_format(value, FORMATS, &format)) {
            return CLI_USAGE;
        }
    }
    if (!all_options_taken(&rest)) {
        return CLI_USAGE;
    }
    struct guard guard;
    struct app_reply reply;
    struct buf out;
    if (!open_guard(cli, &guard) || !connect_guard(cli, &guard, cli->arena)) {
        return CLI_ERROR;
    }
    only_plan(&guard);
    app_handle(&guard, STR("{\"action\":\"sweep\"}"), INT64_MAX, cli->arena, &reply);
    bool is_printed = true;
    /* A load balancer that cannot be read hides nothing of the others. */
    if (!reply.is_error || reply.judged_count > 0) {
        buf_init(&out, cli->arena, EVENT_FILE_BYTES_MAX);
        if (format == 0) {
            append_table(&out, cli->arena, &reply);
        } else {
            append_json(&out, &reply);
        }
        is_printed = print_document(buf_str(&out));
    }
    if (reply.is_error) {
        print_error("%" STR_FMT, STR_ARG(reply.error_message));
    }
    return is_printed && !reply.is_error ? CLI_FINE : CLI_ERROR;
}
