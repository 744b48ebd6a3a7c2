/* SPDX-License-Identifier: Apache-2.0
 *
 * What all commands share of the guard, and the two that handle events: `evaluate` and `invoke`.
 */
#include "base/json.h"
#include "cli_internal.h"

bool open_guard(const struct cli *cli, struct guard *guard) {
    struct error error = {0};
    *guard = (struct guard){.env = cli->env, .clock = cli->clock, .log = cli->log};
    return ok_or_print(guard_settings_parse(cli->env, cli->arena, &guard->settings, &error),
                       &error);
}

void be_quiet(const struct cli *cli) {
    cli->log->level_min = LOG_FATAL;
}

bool connect_guard(const struct cli *cli, struct guard *guard, struct arena *arena) {
    struct error error = {0};
    bool is_connected = ok_or_print(cli->connect(guard, arena, &error), &error);
    guard->home.deadline_ms = INT64_MAX;
    return is_connected;
}

static enum cli_exit evaluate_file(const struct guard *guard, const char *path) {
    struct arena arena = {0};
    struct error error = {0};
    str event;
    str line;
    enum compliance compliance = COMPLIANCE_UNKNOWN;
    enum cli_exit exit_code = CLI_ERROR;
    if (read_input(path, EVENT_FILE_BYTES_MAX, &arena, &event, &error) != STATUS_OK) {
        print_error("%" STR_FMT, STR_ARG(error.message));
    } else if (app_evaluate_offline(guard, event, str_from_cstr(path), &arena, &line, &compliance,
                                    &error) != STATUS_OK) {
        print_error("%s: %" STR_FMT, path, STR_ARG(error.message));
    } else if (print_line(line)) {
        exit_code = compliance == COMPLIANCE_UNKNOWN ? CLI_UNKNOWN : CLI_FINE;
        exit_code = compliance == NON_COMPLIANT ? CLI_NON_COMPLIANT : exit_code;
    }
    arena_clean_up(&arena);
    return exit_code;
}

/* 1 (a file was no event) before 3 (non-compliant) before 4 (unknown): a pipeline that looks at the
 * code alone learns the worst. */
enum cli_exit command_evaluate(const struct cli *cli, int argc, char **argv) {
    struct guard guard;
    enum cli_exit exit_code = CLI_FINE;
    if (argc < 2) {
        return usage_error("evaluate", "evaluate needs at least one event file");
    }
    if (!open_guard(cli, &guard)) {
        return CLI_ERROR;
    }
    for (int i = 1; i < argc; i++) {
        enum cli_exit ended = evaluate_file(&guard, argv[i]);
        /* The lower code takes precedence, but for 0. */
        if (ended != CLI_FINE && (exit_code == CLI_FINE || ended < exit_code)) {
            exit_code = ended;
        }
    }
    return exit_code;
}

enum cli_exit command_invoke(const struct cli *cli, int argc, char **argv) {
    struct guard guard;
    struct error error = {0};
    struct app_reply reply;
    str event;
    if (argc != 2) {
        return usage_error("invoke", "invoke needs exactly one event file");
    }
    if (!open_guard(cli, &guard) || !connect_guard(cli, &guard, cli->arena) ||
        !ok_or_print(read_input(argv[1], EVENT_FILE_BYTES_MAX, cli->arena, &event, &error),
                     &error)) {
        return CLI_ERROR;
    }
    app_handle(&guard, event, INT64_MAX, cli->arena, &reply);
    if (!reply.is_error) {
        return print_line(reply.body) ? CLI_FINE : CLI_ERROR;
    }
    struct buf body;
    struct json_writer writer;
    buf_init(&body, cli->arena, EVENT_FILE_BYTES_MAX);
    json_writer_init(&writer, &body);
    json_object_begin(&writer);
    json_write_member(&writer, "errorType", reply.error_type);
    json_write_member(&writer, "errorMessage", reply.error_message);
    json_object_end(&writer);
    (void)print_line(buf_str(&body));
    return CLI_ERROR;
}
