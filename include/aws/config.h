/* SPDX-License-Identifier: Apache-2.0
 *
 * AWS Config, API 2014-11-12 (JSON 1.1): reporting evaluations, reading results, asking for an
 * evaluation. Source: "AWS Config API Reference".
 */
#ifndef AWS_CONFIG_H
#define AWS_CONFIG_H

#include "aws/call.h"

#define CONFIG_EVALUATIONS_MAX           100 /* per PutEvaluations call */
#define CONFIG_ANNOTATION_CHARACTERS_MAX 256

/* One evaluation as Config takes it. */
struct config_evaluation {
    str resource_type;
    str resource_id;
    str compliance_type; /* COMPLIANT, NON_COMPLIANT or NOT_APPLICABLE; anything else is INVALID */
    str annotation;      /* 1..256 characters */
    int64_t ordering_ms; /* sent as whole epoch seconds */
};

/* After config_put_evaluations reported + failed is the number given, unless it returned
 * INVALID. */
struct config_report {
    size_t reported; /* accepted by Config */
    size_t failed;   /* refused after all retries */
    str failed_ids;  /* up to 5 resource ids of those, for the message */
};

/* Sends all in batches of CONFIG_EVALUATIONS_MAX; what a 200 answer lists in FailedEvaluations is
 * sent again with backoff, a bounded number of times. PARTIAL when some were never accepted; the
 * first call error otherwise; *report always says how far it got. result_token "TESTMODE" sets
 * TestMode. */
MUST_USE enum status config_put_evaluations(struct aws_client *client, str result_token,
                                            const struct config_evaluation *evaluations,
                                            size_t count, struct arena *arena,
                                            struct config_report *report, struct error *error);

/* Of GetComplianceDetailsByConfigRule; a rule's name may have 128. */
#define CONFIG_RULE_NAME_CHARACTERS_MAX 64

/* What Config holds of one resource under a rule. */
struct config_result {
    str resource_type;
    str resource_id;
    str compliance_type;
    int64_t ordering_ms; /* of the state it was judged on; 0 when Config does not say */
};

/* All results of a rule, all pages. A bad status: the listing broke off, and *results_out must not
 * be used to conclude what is missing. NOT_FOUND: there is no such rule. */
MUST_USE enum status config_list_results(struct aws_client *client, str rule_name,
                                         struct arena *arena, struct config_result **results_out,
                                         size_t *count_out, struct error *error);

/* What a rule is about; each empty where the rule does not say. */
struct config_scope {
    const str *resource_types; /* one of these */
    size_t resource_type_count;
    str resource_id; /* this one only */
    str tag_key;     /* what has this tag */
    str tag_value;   /* with this value */
};

/* In `arena`. NOT_FOUND: there is no such rule. Only the scope is read: parameters come with each
 * invocation. */
MUST_USE enum status config_read_scope(struct aws_client *client, str rule_name,
                                       struct arena *arena, struct config_scope *scope_out,
                                       struct error *error);

/* Has Config evaluate one rule anew, on what it last recorded. CONFLICT: an evaluation is running
 * or ran less than a minute ago, or the rule is being changed; that is no reason to try again soon.
 * NOT_FOUND: there is no such rule. INVALID: a name that is no rule's. */
MUST_USE enum status config_start_evaluation(struct aws_client *client, str rule_name,
                                             struct arena *arena, struct error *error);

#endif
