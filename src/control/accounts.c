/* SPDX-License-Identifier: Apache-2.0
 *
 * The account that an invocation works in: our own, or a member account that a central function
 * enters through a role. The caller of the function chooses the account, so only accounts in
 * ALLOWED_ACCOUNTS are entered.
 */
#include "control/accounts.h"

#include "aws/region.h"
#include "event/event.h"

#include <string.h>

/* A session must outlast the invocation, and this at least. */
#define SESSION_REST_MS (INT64_C(120) * MS_PER_SECOND)
/* Between two renewals for calls that were refused. */
#define RENEWAL_PAUSE_MS (INT64_C(60) * MS_PER_SECOND)

/* Callers may still use text of the old session: it is released only when there is a new one. */
static enum status begin_session(struct guard *guard, str account_id, struct arena *arena,
                                 struct error *error) {
    const struct control_settings *settings = &guard->settings.control;
    struct account_session next = {.begun_ms = guard_now_ms(guard)};
    const struct sts_role role = {
        .arn = str_format(arena, "arn:%" STR_FMT ":iam::%" STR_FMT ":role/%" STR_FMT,
                          STR_ARG(partition_of_region(guard->settings.region)), STR_ARG(account_id),
                          STR_ARG(settings->cross_account_role)),
        .external_id = settings->external_id,
    };
    struct error cause = {0};
    enum status status = sts_assume_role(&guard->home, &role, &next.arena, &next.sts, &cause);
    if (status != STATUS_OK) {
        error_copy(error, arena, &cause);
        arena_clean_up(&next.arena);
        return status;
    }
    next.account_id = str_copy(&next.arena, account_id);
    arena_clean_up(&guard->session.arena);
    guard->session = next;
    return STATUS_OK;
}

/* The session of the last account is kept for the next invocation. */
static enum status open_session(struct guard *guard, str account_id, struct arena *arena,
                                struct error *error) {
    struct account_session *session = &guard->session;
    int64_t rest_ms = session->sts.expires_ms - guard_now_ms(guard);
    int64_t left_ms = aws_client_time_left_ms(&guard->home);
    if (str_eq(session->account_id, account_id) && rest_ms > SESSION_REST_MS &&
        (left_ms == INT64_MAX || rest_ms > left_ms)) {
        return STATUS_OK;
    }
    session->account_id = STR_EMPTY;
    return begin_session(guard, account_id, arena, error);
}

/* AWS does not take the session any more. One that was renewed just now and is refused as well has
 * another trouble, such as a Region that is not enabled in that account. */
static bool renew_session(void *context, struct aws_client *client) {
    struct guard *guard = context;
    const struct account_session *session = &guard->session;
    int64_t age_ms = guard_now_ms(guard) - session->begun_ms;
    if (session->is_renewed && age_ms < RENEWAL_PAUSE_MS) {
        return false;
    }
    struct arena scratch = {0};
    struct error error = {0};
    str account_id = str_copy(&scratch, session->account_id);
    bool is_renewed = begin_session(guard, account_id, &scratch, &error) == STATUS_OK;
    if (is_renewed) {
        guard->session.is_renewed = true;
        client->credentials = guard->session.sts.credentials;
        LOG(guard->log, LOG_INFO, "session_renewed", LOG_STR("account", account_id));
    } else {
        LOG(guard->log, LOG_WARN, "session_not_renewed", LOG_STR("account", account_id),
            LOG_STR("errorMessage", error.message));
    }
    arena_clean_up(&scratch);
    return is_renewed;
}

static bool is_listed(const struct guard *guard, str account_id) {
    const struct account_list *allowed = &guard->settings.control.allowed_accounts;
    bool is_found = false;
    for (size_t i = 0; i < allowed->count; i++) {
        is_found = is_found || str_eq(allowed->ids[i], account_id);
    }
    return is_found;
}

bool accounts_is_other(const struct guard *guard, str account_id) {
    return guard->own_account[0] != '\0' && !str_eq(account_id, str_from_cstr(guard->own_account));
}

bool accounts_was_removed(const struct guard *guard, str account_id) {
    return !str_is_empty(guard->settings.control.cross_account_role) &&
           accounts_is_other(guard, account_id) && !is_listed(guard, account_id);
}

static enum status use_member_account(struct guard *guard, str account_id, struct arena *arena,
                                      struct error *error) {
    if (!is_listed(guard, account_id)) {
        return error_set(error, arena, STATUS_DENIED,
                         "account %" STR_FMT " is not listed in ALLOWED_ACCOUNTS",
                         STR_ARG(account_id));
    }
    TRY(open_session(guard, account_id, arena, error));
    aws_client_with_credentials(&guard->aws, &guard->home, &guard->session.sts.credentials);
    guard->aws.pace = guard->home.pace;
    guard->aws.renewal = (struct aws_renewal){renew_session, guard};
    return STATUS_OK;
}

static enum status find_own_account(struct guard *guard, struct arena *arena, struct error *error) {
    if (guard->own_account[0] != '\0') {
        return STATUS_OK;
    }
    struct sts_caller caller;
    TRY(sts_get_caller(&guard->home, arena, &caller, error));
    if (caller.account.len != sizeof guard->own_account - 1) {
        return error_set(error, arena, STATUS_INCOMPLETE, "sts GetCallerIdentity: no account id");
    }
    memcpy(guard->own_account, caller.account.ptr, caller.account.len);
    return STATUS_OK;
}

enum status accounts_own_id(struct guard *guard, struct arena *arena, str *account_id_out,
                            struct error *error) {
    *account_id_out = STR_EMPTY;
    if (str_is_empty(guard->settings.control.cross_account_role)) {
        return STATUS_OK;
    }
    TRY(find_own_account(guard, arena, error));
    *account_id_out = str_from_cstr(guard->own_account);
    return STATUS_OK;
}

enum status accounts_select(struct guard *guard, str account_id, str region, struct arena *arena,
                            struct error *error) {
    str own_region = guard->settings.region;
    bool is_central = !str_is_empty(guard->settings.control.cross_account_role);
    /* The client keeps its signing keys, skew and retries from one invocation to the next. */
    if (!str_eq(guard->aws.credentials.access_key_id, guard->home.credentials.access_key_id)) {
        aws_client_with_credentials(&guard->aws, &guard->home, &guard->home.credentials);
        guard->aws.pace = guard->home.pace;
    }
    guard->aws.deadline_ms = guard->home.deadline_ms;
    if (is_central && !str_is_empty(account_id)) {
        TRY(find_own_account(guard, arena, error));
        if (!str_eq(account_id, str_from_cstr(guard->own_account))) {
            TRY(use_member_account(guard, account_id, arena, error));
        }
    }
    guard->aws.region = str_is_empty(region) ? own_region : region;
    return STATUS_OK;
}

enum status accounts_select_by_arn(struct guard *guard, str arn, struct closed_account *closed,
                                   struct arena *arena, struct error *error) {
    struct load_balancer_arn parts = {.account_id = STR_EMPTY};
    TRY(load_balancer_arn_parse(arn, &parts));
    if (str_eq(closed->account_id, parts.account_id)) {
        *error = closed->error;
        return error->status;
    }
    enum status status = accounts_select(guard, parts.account_id, parts.region, arena, error);
    if (status != STATUS_OK) {
        *closed = (struct closed_account){parts.account_id, *error};
        closed->error.status = status;
    }
    return status;
}

/* arn:<partition>:lambda:<region>:<account>:function:... A function and its role are always of the
 * same account. Emulators have ARNs of their own, so that another account proves nothing. Empty:
 * not known. */
static str account_of_function(const struct guard *guard) {
    str rest = guard->function_arn;
    str account = STR_EMPTY;
    for (int part = 0; part < 5 && rest.ptr != NULL; part++) {
        account = str_split(&rest, ':');
    }
    return rest.ptr != NULL ? account : STR_EMPTY;
}

enum status accounts_name_own(struct guard *guard, struct arena *arena, str *account_id_out,
                              struct error *error) {
    str account = account_of_function(guard);
    enum status status = find_own_account(guard, arena, error);
    *account_id_out = status == STATUS_OK ? str_from_cstr(guard->own_account) : account;
    return str_is_empty(account) ? status : STATUS_OK;
}

enum status accounts_reach_event(struct guard *guard, str account_id, struct arena *arena,
                                 bool *reaches_out, struct error *error) {
    *reaches_out = str_is_empty(account_id) || str_eq(account_of_function(guard), account_id) ||
                   !str_is_empty(guard->settings.control.cross_account_role);
    if (!*reaches_out) {
        TRY(find_own_account(guard, arena, error));
        *reaches_out = str_eq(account_id, str_from_cstr(guard->own_account));
    }
    return STATUS_OK;
}

enum status accounts_require(struct guard *guard, str account_id, struct arena *arena,
                             struct error *error) {
    bool is_reached;
    TRY(accounts_reach_event(guard, account_id, arena, &is_reached, error));
    return is_reached ? STATUS_OK
                      : error_set(error, arena, STATUS_DENIED,
                                  "the event is of account %" STR_FMT
                                  ", which cannot be read: this function is of account %s, and "
                                  "CROSS_ACCOUNT_ROLE is not set. Set it, and list the account in "
                                  "ALLOWED_ACCOUNTS",
                                  STR_ARG(account_id), guard->own_account);
}

enum status effective_policy(const struct guard *guard, const struct json *rule_parameters,
                             struct arena *arena, struct policy *policy_out, struct error *error) {
    struct policy_parameter *parameters;
    struct policy_source source = guard->settings.environment_policy;
    TRY(decode_rule_parameters(rule_parameters, arena, &parameters, &source.parameter_count,
                               error));
    source.parameters = parameters;
    return policy_parse(&source, arena, policy_out, error);
}

bool is_own_policy(const struct guard *guard, const struct policy *policy, struct arena *arena) {
    struct policy *own = ARENA_NEW(arena, struct policy);
    return effective_policy(guard, NULL, arena, own, NULL) == STATUS_OK &&
           policy_equal(own, policy);
}
