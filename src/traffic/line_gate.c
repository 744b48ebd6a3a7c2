/* SPDX-License-Identifier: Apache-2.0 */
#include "traffic/line_gate.h"

static void open_gate(struct line_gate *gate) {
    for (size_t kind = ACCESS_LOG_UNPARSED; kind < ACCESS_LOG_KIND_COUNT; kind++) {
        tally_add_unparsed(gate->tally, (enum access_log_kind)kind, gate->held[kind]);
    }
    gate->is_open = true;
}

/* Whether the line ends inside quotes, when it began so or not; a backslash escapes a quote. */
static bool ends_in_quotes(str line, bool begins_in_quotes) {
    bool is_inside = begins_in_quotes;
    for (size_t at = 0; at < line.len; at++) {
        if (line.ptr[at] == '\\') {
            at++;
        } else if (line.ptr[at] == '"') {
            is_inside = !is_inside;
        }
    }
    return is_inside;
}

/* Classic Load Balancers write a line feed of a user agent as it is: a line that cannot be
 * understood belongs to the line before it while a quote of that one is open. */
static void hold_line(struct line_gate *gate, str line, enum access_log_kind kind) {
    bool goes_on = gate->is_in_quotes && kind == ACCESS_LOG_UNPARSED;
    if (!goes_on) {
        gate->quoted_in = kind;
    }
    gate->held[gate->quoted_in]++;
    gate->is_in_quotes = gate->quoted_in != ACCESS_LOG_UNPARSED && ends_in_quotes(line, goes_on);
}

/* Counts lines up to the first of an access log, which opens the gate; returns it and the rest. */
static str hold_lines(struct line_gate *gate, str lines) {
    while (lines.len > 0) {
        str rest = lines;
        str line = str_split(&rest, '\n');
        bool has_cr = line.len > 0 && line.ptr[line.len - 1] == '\r';
        line = str_slice(line, 0, line.len - (has_cr ? 1 : 0));
        if (line.len == 0) { /* gigabytes of empty lines unpack from a few megabytes */
            lines = rest;
            continue;
        }
        struct access_log_record record;
        enum access_log_kind kind = access_log_parse(line, &record);
        if (kind == ACCESS_LOG_LINE) {
            open_gate(gate);
            return lines;
        }
        hold_line(gate, line, kind);
        lines = rest;
    }
    return STR_EMPTY;
}

void line_gate_take(struct line_gate *gate, str lines) {
    ASSERT(gate->tally != NULL);
    if (!gate->is_open) {
        lines = hold_lines(gate, lines);
    }
    tally_add_lines(gate->tally, lines);
}

/* What most of the lines held are. */
static enum access_log_kind kind_of_held(const struct line_gate *gate) {
    size_t most = ACCESS_LOG_UNPARSED;
    for (size_t kind = most + 1; kind < ACCESS_LOG_KIND_COUNT; kind++) {
        most = gate->held[kind] > gate->held[most] ? kind : most;
    }
    return (enum access_log_kind)most;
}

enum access_log_kind line_gate_close(struct line_gate *gate, bool is_damaged) {
    enum access_log_kind kind = kind_of_held(gate);
    if (!gate->is_open && (is_damaged || kind == ACCESS_LOG_UNPARSED)) {
        open_gate(gate);
    }
    return gate->is_open ? ACCESS_LOG_LINE : kind;
}
