/* SPDX-License-Identifier: Apache-2.0
 *
 * What the text and the JSON of an explanation have in common. Nothing here is for other layers.
 */
#ifndef REPORT_EXPLAIN_INTERNAL_H
#define REPORT_EXPLAIN_INTERNAL_H

#include "report/explain.h"

/* How it is fixed in one tool. */
struct tool_fix {
    const char *id;   /* "cloudformation" */
    const char *name; /* "CloudFormation" */
    str place;        /* where the code belongs; empty: in a shell */
    str code;         /* lines, without the end of the last */
};

#define TOOL_FIXES_MAX 5

struct tool_fixes {
    enum desync_mode to; /* the mode that they set; MODE_UNKNOWN: it stays as it is */
    struct tool_fix items[TOOL_FIXES_MAX];
    size_t count;
    str note; /* why there is none, or none in other tools; else empty */
};

/* The fixes of what is wrong, or of what the evidence allows next: that of the tool which describes
 * the load balancer, as far as that is known, comes first. */
void explain_find_fixes(struct arena *arena, const struct explanation *explanation,
                        struct tool_fixes *fixes_out);

/* The tags that decide anything about it, each once. Returns how many of *tags_out are filled;
 * these borrow the facts. */
size_t explain_tags(struct arena *arena, const struct explanation *explanation,
                    const struct tag **tags_out);

struct explained_exception {
    enum exception_state state;
    str until; /* as tagged, as are the next two; empty: not tagged */
    str reason;
    str approver;
    bool has_days;
    int64_t days_left; /* today is 0; negative: so many days ago */
};
/* false: no tag of an exception is known. */
bool explain_exception(struct arena *arena, const struct explanation *explanation,
                       struct explained_exception *exception_out);

/* What is known of alerts, a clause each: "the incident since 2026-11-16 08:05 UTC was alerted".
 * Returns how many. */
#define EXPLAINED_ALERTS_MAX 6
size_t explain_alerts(struct arena *arena, const struct explanation *explanation,
                      str alerts_out[static EXPLAINED_ALERTS_MAX]);

/* Why there is no evidence; empty: there is some. */
str explain_no_evidence(const struct explanation *explanation);

#endif
