/* SPDX-License-Identifier: Apache-2.0
 *
 * Whose load balancers an invocation is about: our own account's, or that of a member account into
 * which a central function goes through a role. Whoever may invoke the function chooses the
 * account, so only those on the list are followed.
 */
#include "control/accounts.h"
#include "event/event.h"

/* A session must outlast the invocation, and this at least. */
#define SESSION_REST_MS (INT64_C(120) * MS_PER_SECOND)

static bool is_allowed(const struct act_settings *settings, str account_id) {
    for (size_t i = 0; i < settings->allowed_accounts.count; i++) {
        if (str_eq(settings->allowed_accounts.ids[i], account_id)) {
            return true;
        }
    }
    return false;
}

static bool lasts(const struct app *app, const struct sts_session *session) {
    int64_t rest_ms = session->expires_ms - app->clock->now_ms(app->clock);
    int64_t left_ms = aws_client_time_left_ms(&app->home);
    return rest_ms > SESSION_REST_MS && (left_ms == INT64_MAX || rest_ms > left_ms);
}

/* The session of the last account is kept for the next invocation. */
static enum status open_session(struct app *app,
                                str account_id,
                                struct arena *arena,
                                struct error *error) {
    struct app_session *session = &app->session;
    if (str_eq(session->account_id, account_id) && lasts(app, &session->sts)) {
        return STATUS_OK;
    }
    const struct act_settings *settings = &app->settings.act;
    const struct sts_role role = {
        .arn = str_format(arena,
                          "arn:%" STR_FMT ":iam::%" STR_FMT ":role/%" STR_FMT,
                          STR_ARG(partition_of_region(app->settings.region)),
                          STR_ARG(account_id),
                          STR_ARG(settings->cross_account_role)),
        .external_id = settings->external_id,
    };
    session->account_id = STR_EMPTY;
    arena_reset(&session->arena);
    TRY(sts_assume_role(&app->home, &role, &session->arena, &session->sts, error));
    session->account_id = str_copy(&session->arena, account_id);
    return STATUS_OK;
}

static enum status use_member_account(struct app *app,
                                      str account_id,
                                      struct arena *arena,
                                      struct error *error) {
    if (!is_allowed(&app->settings.act, account_id)) {
        return error_set(error,
                         arena,
                         STATUS_DENIED,
                         "account %" STR_FMT " is not listed in ALLOWED_ACCOUNTS",
                         STR_ARG(account_id));
    }
    TRY(open_session(app, account_id, arena, error));
    aws_client_with_credentials(&app->aws, &app->home, &app->session.sts.credentials);
    app->aws.pace = app->home.pace;
    return STATUS_OK;
}

static enum status find_own_account(struct app *app, struct arena *arena, struct error *error) {
    if (app->own_account[0] != '\0') {
        return STATUS_OK;
    }
    str account;
    TRY(sts_get_account(&app->home, arena, &account, error));
    if (account.len != sizeof app->own_account - 1) {
        return error_set(error, arena, STATUS_INCOMPLETE, "sts GetCallerIdentity: no account id");
    }
    for (size_t i = 0; i < account.len; i++) {
        app->own_account[i] = account.ptr[i];
    }
    return STATUS_OK;
}

enum status app_own_account(struct app *app,
                            struct arena *arena,
                            str *account_id_out,
                            struct error *error) {
    *account_id_out = STR_EMPTY;
    if (str_is_empty(app->settings.act.cross_account_role)) {
        return STATUS_OK;
    }
    TRY(find_own_account(app, arena, error));
    *account_id_out = str_from_cstr(app->own_account);
    return STATUS_OK;
}

/* What the client has learnt (signing keys, skew, retries left) stays with it from one invocation
 * to the next. */
static void use_own_account(struct app *app) {
    if (!str_eq(app->aws.credentials.access_key_id, app->home.credentials.access_key_id)) {
        aws_client_with_credentials(&app->aws, &app->home, &app->home.credentials);
        app->aws.pace = app->home.pace;
    }
    app->aws.deadline_ms = app->home.deadline_ms;
}

enum status app_aim(
    struct app *app, str account_id, str region, struct arena *arena, struct error *error) {
    str own_region = app->settings.region;
    bool is_central = !str_is_empty(app->settings.act.cross_account_role);
    use_own_account(app);
    if (is_central && !str_is_empty(account_id)) {
        TRY(find_own_account(app, arena, error));
        if (!str_eq(account_id, str_from_cstr(app->own_account))) {
            TRY(use_member_account(app, account_id, arena, error));
        }
    }
    app->aws.region = str_is_empty(region) ? own_region : region;
    return STATUS_OK;
}

enum status app_aims_at(
    struct app *app, str account_id, struct arena *arena, bool *aims_out, struct error *error) {
    *aims_out = !str_is_empty(app->settings.act.cross_account_role);
    if (!*aims_out) {
        TRY(find_own_account(app, arena, error));
        *aims_out = str_eq(account_id, str_from_cstr(app->own_account));
    }
    return STATUS_OK;
}

enum status app_policy(const struct app *app,
                       const struct json *rule_parameters,
                       struct arena *arena,
                       struct policy *policy_out,
                       struct error *error) {
    struct policy_parameter *parameters;
    struct policy_source source = app->settings.environment_policy;
    TRY(decode_rule_parameters(
        rule_parameters, arena, &parameters, &source.parameter_count, error));
    source.parameters = parameters;
    return policy_parse(&source, arena, policy_out, error);
}
