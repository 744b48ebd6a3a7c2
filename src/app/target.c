/* SPDX-License-Identifier: Apache-2.0
 *
 * Whose load balancers an invocation is about: our own account's, or that of a member account into
 * which a central function goes through a role. Whoever may invoke the function chooses the
 * account, so only those on the list are followed.
 */
#include "app_internal.h"

/* A session must outlast the invocation, and this at least. */
#define SESSION_REST_MS (INT64_C(120) * MS_PER_SECOND)
/* Between two renewals for calls that were refused. */
#define RENEWAL_PAUSE_MS (INT64_C(60) * MS_PER_SECOND)

static bool is_allowed(const struct act_settings *settings, str account_id) {
    for (size_t i = 0; i < settings->allowed_account_count; i++) {
        if (str_eq(settings->allowed_accounts[i], account_id)) {
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

/* Replaces the session, whose text others may still use, only when it has the new one. */
static enum status begin_session(struct app *app, str account_id, struct arena *arena,
                                 struct error *error) {
    const struct act_settings *settings = &app->settings.act;
    struct app_session next = {.begun_ms = app->clock->now_ms(app->clock)};
    const struct sts_role role = {
        .arn = str_format(arena, "arn:%" STR_FMT ":iam::%" STR_FMT ":role/%" STR_FMT,
                          STR_ARG(partition_of_region(app->settings.region)), STR_ARG(account_id),
                          STR_ARG(settings->cross_account_role)),
        .external_id = settings->external_id,
    };
    struct error cause = {0};
    enum status status = sts_assume_role(&app->home, &role, &next.arena, &next.sts, &cause);
    if (status != STATUS_OK) {
        error_copy(error, arena, &cause);
        arena_clean_up(&next.arena);
        return status;
    }
    next.account_id = str_copy(&next.arena, account_id);
    arena_clean_up(&app->session.arena);
    app->session = next;
    return STATUS_OK;
}

/* The session of the last account is kept for the next invocation. */
static enum status open_session(struct app *app, str account_id, struct arena *arena,
                                struct error *error) {
    struct app_session *session = &app->session;
    if (str_eq(session->account_id, account_id) && lasts(app, &session->sts)) {
        return STATUS_OK;
    }
    session->account_id = STR_EMPTY;
    return begin_session(app, account_id, arena, error);
}

/* AWS does not take the session any more. One that was renewed just now and is refused as well has
 * another trouble, such as a Region that is not enabled in that account. */
static bool renew_session(void *context, struct aws_client *client) {
    struct app *app = context;
    const struct app_session *session = &app->session;
    int64_t age_ms = app->clock->now_ms(app->clock) - session->begun_ms;
    if (session->is_renewed && age_ms < RENEWAL_PAUSE_MS) {
        return false;
    }
    struct arena scratch = {0};
    struct error error = {0};
    str account_id = str_copy(&scratch, session->account_id);
    bool is_renewed = begin_session(app, account_id, &scratch, &error) == STATUS_OK;
    if (is_renewed) {
        app->session.is_renewed = true;
        client->credentials = app->session.sts.credentials;
        LOG(app->log, LOG_INFO, "session_renewed", LOG_STR("account", account_id));
    } else {
        LOG(app->log, LOG_WARN, "session_not_renewed", LOG_STR("account", account_id),
            LOG_STR("errorMessage", error.message));
    }
    arena_clean_up(&scratch);
    return is_renewed;
}

static enum status use_member_account(struct app *app, str account_id, struct arena *arena,
                                      struct error *error) {
    if (!is_allowed(&app->settings.act, account_id)) {
        return error_set(error, arena, STATUS_DENIED,
                         "account %" STR_FMT " is not listed in ALLOWED_ACCOUNTS",
                         STR_ARG(account_id));
    }
    TRY(open_session(app, account_id, arena, error));
    aws_client_with_credentials(&app->aws, &app->home, &app->session.sts.credentials);
    app->aws.pace = app->home.pace;
    app->aws.renewal = (struct aws_renewal){renew_session, app};
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

enum status app_own_account(struct app *app, struct arena *arena, str *account_id_out,
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

enum status app_aim(struct app *app, str account_id, str region, struct arena *arena,
                    struct error *error) {
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

enum status app_aim_by_arn(struct app *app, str arn, struct closed_account *closed,
                           struct arena *arena, struct error *error) {
    struct load_balancer_arn parts = {.account_id = STR_EMPTY};
    TRY(load_balancer_arn_parse(arn, &parts));
    if (str_eq(closed->account_id, parts.account_id)) {
        *error = closed->error;
        return error->status;
    }
    enum status status = app_aim(app, parts.account_id, parts.region, arena, error);
    if (status != STATUS_OK) {
        *closed = (struct closed_account){parts.account_id, *error};
        closed->error.status = status;
    }
    return status;
}

/* arn:<partition>:lambda:<region>:<account>:function:... A function and its role are always of the
 * same account. Emulators have ARNs of their own, so that another account proves nothing. Empty:
 * not known. */
static str account_of_function(const struct app *app) {
    str rest = app->function_arn;
    str account = STR_EMPTY;
    for (int part = 0; part < 5 && rest.ptr != NULL; part++) {
        account = str_split(&rest, ':');
    }
    return rest.ptr != NULL ? account : STR_EMPTY;
}

enum status app_name_own_account(struct app *app, struct arena *arena, str *account_id_out,
                                 struct error *error) {
    str account = account_of_function(app);
    enum status status = find_own_account(app, arena, error);
    *account_id_out = status == STATUS_OK ? str_from_cstr(app->own_account) : account;
    return str_is_empty(account) ? status : STATUS_OK;
}

enum status app_aims_at(struct app *app, str account_id, struct arena *arena, bool *aims_out,
                        struct error *error) {
    bool is_central = !str_is_empty(app->settings.act.cross_account_role);
    *aims_out = is_central;
    if (!*aims_out) {
        TRY(find_own_account(app, arena, error));
        *aims_out = str_eq(account_id, str_from_cstr(app->own_account));
    }
    return STATUS_OK;
}

enum status app_reaches(struct app *app, str account_id, struct arena *arena, bool *reaches_out,
                        struct error *error) {
    *reaches_out = str_is_empty(account_id) || str_eq(account_of_function(app), account_id);
    return *reaches_out ? STATUS_OK : app_aims_at(app, account_id, arena, reaches_out, error);
}

enum status app_refuse_account(struct app *app, str account_id, struct arena *arena,
                               struct error *error) {
    return error_set(error, arena, STATUS_DENIED,
                     "the event is of account %" STR_FMT
                     ", which cannot be read: this function is of account %s, and "
                     "CROSS_ACCOUNT_ROLE is not set. Set it, and list the account in "
                     "ALLOWED_ACCOUNTS",
                     STR_ARG(account_id), app->own_account);
}

enum status app_require_account(struct app *app, str account_id, struct arena *arena,
                                struct error *error) {
    bool is_reached;
    TRY(app_reaches(app, account_id, arena, &is_reached, error));
    return is_reached ? STATUS_OK : app_refuse_account(app, account_id, arena, error);
}
