/* SPDX-License-Identifier: Apache-2.0 */
#include "report/next_step.h"

#include "base/ascii.h"
#include "base/assert.h"

#define SIGN_IN                                                                                    \
    "sign in, then run: eval \"$(aws configure export-credentials --format env)\", with "          \
    "--profile "                                                                                   \
    "NAME for another profile"
#define CHECK_CREDENTIALS                                                                          \
    "check the credentials with: aws sts get-caller-identity (a Region that the account has not "  \
    "enabled gives this answer, too)"
#define CHECK_NETWORK                                                                              \
    "check the network, the Region's name and, where it is set, AWS_ENDPOINT_URL; desync-guard "   \
    "uses no proxy: it must reach the endpoints of AWS directly"
#define CHECK_WHO_ANSWERS                                                                          \
    "check that no proxy or firewall answers in place of AWS and, where it is set, "               \
    "AWS_ENDPOINT_URL"

#define EVENT "give it one event as Lambda gets it; events/ of the sources holds samples"

/* The first that the message holds. */
static const struct {
    const char *words;
    const char *step;
} STEPS[] = {
    {"CROSS_ACCOUNT_ROLE and ALLOWED_ACCOUNTS go together",
     "set both or none: CROSS_ACCOUNT_ROLE to the name of the role, ALLOWED_ACCOUNTS to the ids of "
     "the accounts that have it"},
    {"CROSS_ACCOUNT_ROLE is not set",
     "set CROSS_ACCOUNT_ROLE to the name of the role in that account, and add the account to "
     "ALLOWED_ACCOUNTS"},
    {"ALLOWED_ACCOUNTS", "add the account to ALLOWED_ACCOUNTS"},
    {"AWS_ACCESS_KEY_ID is not set", SIGN_IN},
    {"AWS_SECRET_ACCESS_KEY is not set", SIGN_IN},
    {"ExpiredToken", SIGN_IN},
    {"TokenRefreshRequired", SIGN_IN},
    {"AWS_ACCESS_KEY_ID", "set it anew, without blanks, from the credentials that AWS gave"},
    {"AWS_SECRET_ACCESS_KEY", "set it anew, without blanks, from the credentials that AWS gave"},
    {"AWS_SESSION_TOKEN", "set it anew, without blanks, from the credentials that AWS gave"},
    {"AWS_REGION is not set", "name the Region, as in: export AWS_REGION=eu-west-1"},
    {"AWS_CA_BUNDLE", "name a PEM file with the authorities to trust, or unset AWS_CA_BUNDLE"},
    {"AWS_ENDPOINT_URL", "set it to http(s)://host[:port], or unset it"},
    {"RequestTimeTooSkewed", "set the clock of this machine"},
    {"RequestExpired", "set the clock of this machine"},
    {"SignatureDoesNotMatch", "set the clock of this machine, and check AWS_SECRET_ACCESS_KEY"},
    {"InvalidClientTokenId", CHECK_CREDENTIALS},
    {"UnrecognizedClient", CHECK_CREDENTIALS},
    {"InvalidAccessKeyId", CHECK_CREDENTIALS},
    {"InvalidToken", CHECK_CREDENTIALS},
    {"AuthFailure", CHECK_CREDENTIALS},
    {"MissingAuthenticationToken", CHECK_CREDENTIALS},
    {"OptInRequired", "enable the Region for this account, or leave it out"},
    {"hrottl", "run it again later, or slower with ELB_REQUESTS_PER_SECOND=4"},
    {"RequestLimitExceeded", "run it again later, or slower with ELB_REQUESTS_PER_SECOND=4"},
    {"ertificate", "name a PEM file with the authorities to trust in AWS_CA_BUNDLE"},
    {"SSL", "check that the endpoint speaks TLS, and which authorities AWS_CA_BUNDLE holds"},
    {"resolve", CHECK_NETWORK},
    {"onnect", CHECK_NETWORK},
    {"imeout", CHECK_NETWORK},
    {"timed out", CHECK_NETWORK},
    {"not valid JSON", EVENT},
    {"the event is empty", EVENT},
    {"not an object", EVENT},
    {"HTTP 5", "run it again later; https://health.aws.amazon.com shows whether AWS has trouble"},
    {"HTTP 403 without an AWS error code", CHECK_WHO_ANSWERS},
    {"HTTP 407 without an AWS error code", CHECK_WHO_ANSWERS},
    {"cannot write to standard output",
     "make room on the disk, or keep the reader of the pipe open"},
    {"No space left", "make room on the disk, or name another folder"},
    {"No such file or directory", "check the path"},
    {"Not a directory", "check the path"},
    {"Is a directory", "name a file"},
    {"ermission denied", "check the permissions with: ls -ld"},
    {"Read-only file system", "name a folder that can be written"},
    {"ymbolic link", "name the file itself"},
    {"File too large", "raise the limit with ulimit -f, or name another folder"},
    {"larger than", "give less at once"},
    {"start a thread", "raise the limit with ulimit -u, or end other programs"},
    {"interrupted", "run it again to see the rest"},
};

str message_code(str message) {
    size_t end = 0;
    while (end < message.len &&
           !str_starts_with(str_slice(message, end, message.len), STR(" (HTTP "))) {
        end++;
    }
    str code = str_trim(str_after_last(str_slice(message, 0, end), ':'));
    bool is_code = end < message.len && ascii_is_made_of(code, STR("._-"));
    return is_code ? code : STR_EMPTY;
}

/* What stands behind `words`; empty: they are not there. */
static str behind(str message, str words) {
    for (size_t i = 0; i < message.len; i++) {
        str rest = str_slice(message, i, message.len);
        if (str_take(&rest, words)) {
            return rest;
        }
    }
    return STR_EMPTY;
}

static str first_word(str text) {
    str word = str_split(&text, ' ');
    return str_slice(word, 0, word.len - (str_ends_with(word, STR(".")) ? 1 : 0));
}

/* AWS names the action, and the kind of policy that denies it; without that, the call's own name is
 * the best there is. */
static str step_of_denial(struct arena *arena, str message) {
    str action = first_word(behind(message, STR("not authorized to perform: ")));
    str denier = behind(message, STR("with an explicit deny in a"));
    if (str_is_empty(action)) {
        str before = str_slice(message, 0, str_find_char(message, ':'));
        str operation = str_after_last(before, ' ');
        str service = str_after_last(str_slice(before, 0, before.len - operation.len - 1), ' ');
        bool is_call = before.len < message.len && operation.len > 0 &&
                       operation.len < before.len && service.len > 0;
        return is_call ? str_format(arena, "allow %" STR_FMT ":%" STR_FMT, STR_ARG(service),
                                    STR_ARG(operation))
                       : STR("give the role this permission");
    }
    if (str_is_empty(denier)) {
        return str_format(arena, "allow %" STR_FMT, STR_ARG(action));
    }
    (void)str_take(&denier, STR("n"));
    str kind = str_trim(str_slice(denier, 0, str_find_char(denier, '.')));
    return str_format(arena, "except this role from the %" STR_FMT " that denies %" STR_FMT,
                      STR_ARG(kind), STR_ARG(action));
}

str next_step(struct arena *arena, str message) {
    ASSERT(arena != NULL);
    if (str_contains(message, STR("accepted: "))) { /* whatever else a value or path says */
        return STR_EMPTY;
    }
    str code = message_code(message);
    if (str_contains(code, STR("AccessDenied")) || str_starts_with(code, STR("Unauthorized")) ||
        str_contains(message, STR("not authorized to perform: "))) {
        return step_of_denial(arena, message);
    }
    for (size_t i = 0; i < sizeof STEPS / sizeof *STEPS; i++) {
        if (str_contains(message, str_from_cstr(STEPS[i].words))) {
            return str_from_cstr(STEPS[i].step);
        }
    }
    return STR_EMPTY;
}
