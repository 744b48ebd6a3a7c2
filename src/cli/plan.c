/* SPDX-License-Identifier: Apache-2.0 */
#include "app/plan.h"
#include "cli_internal.h"
#include "report/fleet.h"

static void (*const WRITERS[])(struct buf *out, struct arena *arena,
                               const struct plan *plan) = {plan_write_table, plan_write_json};

/* Each cause once, however many load balancers it makes unknown. */
static void print_causes(const struct plan *plan, struct arena *arena) {
    const struct fleet fleet = {.rows = plan->unknown, .row_count = plan->unknown_count};
    struct fleet_cause *causes;
    size_t count = fleet_unknown_causes(&fleet, arena, &causes);
    for (size_t i = 0; i < count; i++) {
        str shown = fleet_cause_names(arena, &causes[i]);
        print_error("%zu unknown (%" STR_FMT "): %" STR_FMT, causes[i].count, STR_ARG(shown),
                    STR_ARG(causes[i].reason));
    }
}

enum cli_exit command_plan(const struct cli *cli, int argc, char **argv) {
    struct cli_options rest = options_begin(COMMAND_PLAN, argc, argv);
    const struct option_info *option;
    const char *value;
    size_t format = 0;
    while ((option = next_option(&rest, &value)) != NULL) {
        if (option->id == OPTION_QUIET) {
            be_quiet(cli);
        } else if (!parse_word(&rest, option, str_from_cstr(value), &format)) {
            return CLI_USAGE;
        }
    }
    if (!all_options_taken(&rest)) {
        return CLI_USAGE;
    }
    struct guard guard;
    struct app_reply reply;
    struct plan plan;
    struct buf out;
    if (!open_guard(cli, &guard) || !connect_guard(cli, &guard, cli->arena)) {
        return CLI_ERROR;
    }
    app_plan(&guard, cli->arena, &plan, &reply);
    bool is_printed = true;
    /* A load balancer that cannot be read hides nothing of the others. */
    if (!reply.is_error || reply.judged_count > 0) {
        buf_init(&out, cli->arena, DOCUMENT_BYTES_MAX);
        WRITERS[format](&out, cli->arena, &plan);
        is_printed = format == 0 ? print_table(buf_str(&out)) : print_document(buf_str(&out));
    }
    if (reply.is_error) {
        print_error("%" STR_FMT, STR_ARG(reply.error_message));
        print_causes(&plan, cli->arena);
    }
    return is_printed && !reply.is_error ? CLI_FINE : CLI_ERROR;
}
