/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"
#include "cli_internal.h"

enum status open_app(const struct cli *cli, struct guard *guard, struct error *error) {
    *guard = (struct guard){.env = cli->env, .clock = cli->clock, .log = cli->log};
    return guard_settings_parse(cli->env, cli->arena, &guard->settings, error);
}

/* Exit codes by precedence: error, non-compliant, unknown, fine. */
struct verdict_tally {
    bool has_error;
    bool has_non_compliant;
    bool has_unknown;
};

static enum cli_exit tally_exit(const struct verdict_tally *tally) {
    if (tally->has_error) {
        return CLI_ERROR;
    }
    if (tally->has_non_compliant) {
        return CLI_NON_COMPLIANT;
    }
    return tally->has_unknown ? CLI_UNKNOWN : CLI_FINE;
}

static void evaluate_file(const struct guard *guard, const char *path,
                          struct verdict_tally *tally) {
    struct arena arena = {0};
    struct error error = {0};
    str event;
    str line;
    enum compliance compliance = COMPLIANCE_UNKNOWN;
    enum status status = read_input(path, EVENT_FILE_BYTES_MAX, &arena, &event, &error);
    if (status == STATUS_OK) {
        str name = str_from_cstr(path);
        status = app_evaluate_offline(guard, event, name, &arena, &line, &compliance, &error);
        if (status != STATUS_OK) {
            print_error("%s: %" STR_FMT, path, STR_ARG(error.message));
        }
    } else {
        print_error("%" STR_FMT, STR_ARG(error.message));
    }
    if (status != STATUS_OK || !print_line(line)) {
        tally->has_error = true;
    } else if (compliance == NON_COMPLIANT) {
        tally->has_non_compliant = true;
    } else if (compliance == COMPLIANCE_UNKNOWN) {
        tally->has_unknown = true;
    }
    arena_clean_up(&arena);
}

enum cli_exit command_evaluate(const struct cli *cli, int argc, char **argv) {
    if (argc < 2) {
        return usage_error("evaluate needs at least one event file");
    }
    struct guard guard;
    struct error error = {0};
    if (open_app(cli, &guard, &error) != STATUS_OK) {
        print_error("%" STR_FMT, STR_ARG(error.message));
        return CLI_ERROR;
    }
    struct verdict_tally tally = {0};
    for (int i = 1; i < argc; i++) {
        evaluate_file(&guard, argv[i], &tally);
    }
    return tally_exit(&tally);
}

enum cli_exit command_invoke(const struct cli *cli, int argc, char **argv) {
    if (argc != 2) {
        return usage_error("invoke needs exactly one event file");
    }
    struct guard guard;
    struct error error = {0};
    str event;
    if (open_app(cli, &guard, &error) != STATUS_OK ||
        cli->connect(&guard, cli->arena, &error) != STATUS_OK ||
        read_input(argv[1], EVENT_FILE_BYTES_MAX, cli->arena, &event, &error) != STATUS_OK) {
        print_error("%" STR_FMT, STR_ARG(error.message));
        return CLI_ERROR;
    }
    struct app_reply reply;
    app_handle(&guard, event, INT64_MAX, cli->arena, &reply);
    if (!reply.is_error) {
        return print_line(reply.body) ? CLI_FINE : CLI_ERROR;
    }
    struct buf body;
    buf_init(&body, cli->arena, EVENT_FILE_BYTES_MAX);
    struct json_writer writer;
    json_writer_init(&writer, &body);
    json_object_begin(&writer);
    json_write_member(&writer, "errorType", reply.error_type);
    json_write_member(&writer, "errorMessage", reply.error_message);
    json_object_end(&writer);
    (void)print_line(buf_str(&body));
    return CLI_ERROR;
}
