/* SPDX-License-Identifier: Apache-2.0
 *
 * JUnit's XML as Jenkins' junit-10.xsd has it: one suite for each account and Region, one case for
 * each load balancer. NON_COMPLIANT is a failure, unknown an error, NOT_APPLICABLE is skipped. A
 * gap is an error of its own in the suite of its Region, and so is an interruption: a pipeline that
 * saw a part must not be green.
 */
#include <stdlib.h>

#include "fleet_internal.h"
#include "report/render.h"

/* Of one suite, or of all. */
struct tally {
    size_t tests;
    size_t failures;
    size_t errors;
    size_t skipped;
};

struct place {
    str account_id;
    str region;
};

/* The document, without end tags:
 *
 *   <testsuites name="desync-guard audit" tests failures errors>
 *     <testsuite name="<account>/<Region>" timestamp tests failures errors skipped>
 *       <testcase classname="<account>/<Region>" name="(not read)">   <error>      a gap
 *       <testcase classname="<account>/<Region>" name="my-alb">       <failure>    NON_COMPLIANT
 *                                                                     <error>      UNKNOWN
 *                                                                     <skipped>    NOT_APPLICABLE
 *                                                                     <system-out> COMPLIANT
 *
 * Each suite looks at every row, so the cost is rows times places: little beside the calls to AWS
 * that found them. */
struct junit {
    struct buf *out;
    struct arena *arena;
    const struct fleet *fleet;
    struct place *places; /* sorted, each once */
    size_t place_count;
};

static int compare_places(const void *left, const void *right) {
    const struct place *a = left;
    const struct place *b = right;
    int difference = str_compare(a->account_id, b->account_id);
    return difference != 0 ? difference : str_compare(a->region, b->region);
}

static bool is_place(const struct place *place, str account_id, str region) {
    return str_eq(place->account_id, account_id) && str_eq(place->region, region);
}

static void find_places(struct junit *junit) {
    const struct fleet *fleet = junit->fleet;
    size_t all = fleet->row_count + fleet->gap_count;
    junit->places = ARENA_ARRAY(junit->arena, struct place, all);
    size_t count = 0;
    for (size_t i = 0; i < fleet->row_count; i++) {
        junit->places[count++] = (struct place){fleet->rows[i].account_id, fleet->rows[i].region};
    }
    for (size_t i = 0; i < fleet->gap_count; i++) {
        junit->places[count++] = (struct place){fleet->gaps[i].account_id, fleet->gaps[i].region};
    }
    if (count > 1) {
        qsort(junit->places, count, sizeof(junit->places[0]), compare_places);
    }
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || compare_places(&junit->places[i - 1], &junit->places[i]) != 0) {
            junit->places[junit->place_count++] = junit->places[i];
        }
    }
}

static void count_row(struct tally *tally, enum compliance compliance) {
    tally->tests++;
    tally->failures += compliance == NON_COMPLIANT;
    tally->errors += compliance == COMPLIANCE_UNKNOWN;
    tally->skipped += compliance == NOT_APPLICABLE;
}

/* Of one place; NULL: of all, with the interruption. */
static struct tally tally_place(const struct junit *junit, const struct place *place) {
    const struct fleet *fleet = junit->fleet;
    struct tally tally = {0};
    for (size_t i = 0; i < fleet->row_count; i++) {
        if (place == NULL || is_place(place, fleet->rows[i].account_id, fleet->rows[i].region)) {
            count_row(&tally, fleet->rows[i].evaluation.compliance);
        }
    }
    for (size_t i = 0; i < fleet->gap_count; i++) {
        if (place == NULL || is_place(place, fleet->gaps[i].account_id, fleet->gaps[i].region)) {
            count_row(&tally, COMPLIANCE_UNKNOWN);
        }
    }
    if (place == NULL && fleet->is_interrupted) {
        count_row(&tally, COMPLIANCE_UNKNOWN);
    }
    return tally;
}

static void append_attribute(struct buf *out, const char *name, str value) {
    buf_printf(out, " %s=\"", name);
    xml_append(out, value);
    buf_append_char(out, '"');
}

static void open_suite(const struct junit *junit, str name, struct tally tally) {
    buf_append(junit->out, STR("  <testsuite"));
    append_attribute(junit->out, "name", name);
    /* Ant's form of the time has no zone; it is UTC */
    str time = time_format_iso8601(junit->arena, junit->fleet->generated_ms);
    append_attribute(junit->out, "timestamp", str_slice(time, 0, str_find_char(time, '.')));
    buf_printf(junit->out, " tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"%zu\">\n",
               tally.tests, tally.failures, tally.errors, tally.skipped);
}

static void open_case(struct buf *out, str suite, str name) {
    buf_append(out, STR("    <testcase"));
    append_attribute(out, "classname", suite);
    append_attribute(out, "name", name);
    buf_append(out, STR(">\n"));
}

/* <failure>, <error>: what kind, one line, and all that is known. */
static void open_outcome(struct buf *out, const char *element, const char *type, str message) {
    buf_printf(out, "      <%s type=\"%s\"", element, type);
    append_attribute(out, "message", message);
    buf_append_char(out, '>');
}

static void write_error(const struct junit *junit, str suite, str name, str reason) {
    open_case(junit->out, suite, name);
    open_outcome(junit->out, "error", "UNKNOWN", reason);
    buf_append(junit->out, STR("</error>\n    </testcase>\n"));
}

static const char *outcome_type(const struct evaluation *evaluation) {
    const struct finding *most_severe = finding_most_severe(evaluation);
    bool is_failure = evaluation->compliance == NON_COMPLIANT && most_severe != NULL;
    return is_failure ? finding_name(most_severe->id) : compliance_name(evaluation->compliance);
}

static void write_outcome(const struct junit *junit, const struct evaluation *evaluation) {
    static const char *const elements[] = {[COMPLIANT] = "system-out",
                                           [NON_COMPLIANT] = "failure",
                                           [NOT_APPLICABLE] = "skipped",
                                           [COMPLIANCE_UNKNOWN] = "error"};
    const char *element = elements[evaluation->compliance];
    str annotation = annotation_render(junit->arena, evaluation);
    if (evaluation->compliance == COMPLIANT) {
        buf_printf(junit->out, "      <%s>", element);
        xml_append(junit->out, annotation);
        buf_append_char(junit->out, '\n');
    } else {
        open_outcome(junit->out, element, outcome_type(evaluation), annotation);
    }
    for (size_t i = 0; i < evaluation->finding_count; i++) {
        const struct finding *finding = &evaluation->findings[i];
        buf_printf(junit->out, "%s %s: ", severity_name(finding->severity),
                   finding_name(finding->id));
        xml_append(junit->out, finding->message);
        buf_append_char(junit->out, '\n');
    }
    xml_append(junit->out, evaluation->resource_id);
    buf_printf(junit->out, "</%s>\n", element);
}

static void write_suite(const struct junit *junit, const struct place *place) {
    const struct fleet *fleet = junit->fleet;
    str name = str_format(junit->arena, "%" STR_FMT "/%" STR_FMT, STR_ARG(place->account_id),
                          STR_ARG(place->region));
    open_suite(junit, name, tally_place(junit, place));
    for (size_t i = 0; i < fleet->gap_count; i++) {
        const struct fleet_gap *gap = &fleet->gaps[i];
        if (is_place(place, gap->account_id, gap->region)) {
            write_error(junit, name, STR("(not read)"), gap->reason);
        }
    }
    for (size_t i = 0; i < fleet->row_count; i++) {
        const struct fleet_row *row = &fleet->rows[i];
        if (is_place(place, row->account_id, row->region)) {
            open_case(junit->out, name, row->name);
            write_outcome(junit, &row->evaluation);
            buf_append(junit->out, STR("    </testcase>\n"));
        }
    }
    buf_append(junit->out, STR("  </testsuite>\n"));
}

static void write_interruption(const struct junit *junit) {
    str name = STR("desync-guard audit");
    open_suite(junit, name, (struct tally){.tests = 1, .errors = 1});
    str why = fleet_interruption_text(junit->arena, junit->fleet);
    write_error(junit, name, STR("(interrupted)"), why);
    buf_append(junit->out, STR("  </testsuite>\n"));
}

void fleet_write_junit(struct buf *out, struct arena *arena, const struct fleet *fleet) {
    ASSERT(out != NULL && arena != NULL && fleet != NULL);
    struct junit junit = {.out = out, .arena = arena, .fleet = fleet};
    find_places(&junit);
    struct tally all = tally_place(&junit, NULL);
    buf_append(out, STR("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"));
    buf_printf(out,
               "<testsuites name=\"desync-guard audit\" tests=\"%zu\" failures=\"%zu\" "
               "errors=\"%zu\">\n",
               all.tests, all.failures, all.errors);
    for (size_t i = 0; i < junit.place_count; i++) {
        write_suite(&junit, &junit.places[i]);
    }
    if (fleet->is_interrupted) {
        write_interruption(&junit);
    }
    buf_append(out, STR("</testsuites>\n"));
}
