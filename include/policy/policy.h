/* SPDX-License-Identifier: Apache-2.0
 *
 * The rule parameters, parsed. Every parameter of the contract is one row of a table in
 * policy/policy.c (name, default, accepted values, parser), which also feeds the help text and the
 * error messages. Pure: environment and rule parameters come in as a lookup.
 */
#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

#include "base/arena.h"
#include "base/error.h"
#include "policy/load_balancer.h"

#define POLICY_LIST_MAX                                                                            \
    32 /* entries in a list parameter; InputParameters of a Config rule hold 1,024 characters */

/* Whether header fields that are not valid must be dropped: not looked at, advice, or a failing
 * finding. */
enum header_policy { HEADERS_IGNORE, HEADERS_ADVISE, HEADERS_REQUIRE };

/* A name that owners may write into the profile tag, and the mode that it asks for. */
struct policy_profile {
    str name;
    enum desync_mode mode;
};

/* A value fits when it equals one of `allowed`, letter case included. */
struct policy_required_tag {
    str key;
    str allowed[POLICY_LIST_MAX]; /* none: any value that is not blank */
    size_t allowed_count;
};

/* Days are whole days in UTC. Every member is filled by policy_parse, from a default where nothing
 * is given. The required mode comes from the profile tag, where there is one, else from the
 * scheme's member, else from mode_min, which is also the least of what the other two can ask
 * for. */
struct policy {
    enum desync_mode mode_min;                 /* weakest mode listed in desyncMode */
    enum desync_mode mode_min_internet_facing; /* MODE_UNKNOWN: no parameter given */
    enum desync_mode mode_min_internal;        /* likewise */
    str profile_tag;
    struct policy_profile profiles[POLICY_LIST_MAX];
    size_t profile_count;
    struct policy_required_tag required_tags[POLICY_LIST_MAX];
    size_t required_tag_count;
    str owner_tags[POLICY_LIST_MAX];
    size_t owner_tag_count;     /* the first that is not blank names the owner */
    str exception_tag_prefix;   /* before "-until", "-reason" and "-approver" */
    int max_exception_days;     /* from today on; 0: today is the last day there can be */
    int exception_warning_days; /* from that many days before its end on */
    enum header_policy drop_invalid_headers;
    int max_non_compliant_days; /* after that it is escalated; 0: "now" in messages */
};

struct policy_parameter {
    str name;
    str value;
};

/* Where values come from: first the rule parameters (names as in the contract), then
 * `from_environment` (UPPER_SNAKE name; empty when not set; NULL: none). Blank counts as not given.
 */
struct policy_source {
    const struct policy_parameter *parameters;
    size_t parameter_count;
    str (*from_environment)(const void *context, const char *name);
    const void *context;
};

/* INVALID_PARAMETER: *error names the parameter, what was given (cut to 64 characters) and what is
 * accepted. Text in *policy_out borrows the source or lives in `arena`. */
MUST_USE enum status policy_parse(const struct policy_source *source, struct arena *arena,
                                  struct policy *policy_out, struct error *error);

/* They judge every load balancer alike, and give its owner the same time. */
bool policy_equal(const struct policy *a, const struct policy *b);

/* Does what is required depend on the scheme? If not, an unknown scheme is no reason to read the
 * load balancer live. */
bool policy_needs_scheme(const struct policy *policy);

/* The table, for help and docs. */
struct policy_parameter_info {
    const char *name;        /* "desyncMode" */
    const char *environment; /* "DESYNC_MODE" */
    const char *value_default;
    const char *accepted; /* one line for people */
};
const struct policy_parameter_info *policy_parameter_infos(size_t *count_out);

#endif
