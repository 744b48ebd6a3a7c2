# SPDX-License-Identifier: Apache-2.0
"""The 50 cases by which the Runtime API client was designed: what each is about, and, where no test
of this folder is named after it, which test holds it or why there is nothing to hold."""

CASES = {
    1: "two events in one process: two ids, one connection",
    2: "an event of no bytes",
    3: "events of 5 KB, 1 MB and 6 MiB",
    4: "chunked bodies in every spelling",
    5: "an event that is cut short",
    6: "header names in any case, blanks around values",
    7: "no header but the request id",
    8: "no request id",
    9: "deadlines that are past, negative, no number, too large",
    10: "header values of 64 KB, and bytes beyond ASCII",
    11: "tenant id: absent, empty, set",
    12: "trace id: set, then absent",
    13: "the id of the invocation is echoed, never invented",
    14: "the exact request for the next event",
    15: "the exact request that posts an outcome",
    16: "a response of no bytes",
    17: "a response that is too large",
    18: "an error in Lambda's form, its type in a header",
    19: "any text in an error message",
    20: "a cause for X-Ray",
    21: "a crash",
    22: "a bad configuration is reported once, at init",
    23: "the answer to that is a failure too",
    24: "the next event is refused with 403",
    25: "the next event is answered with 500",
    26: "the next event is answered with nonsense",
    27: "connections refused, reset and closed between events",
    28: "a long wait, and a freeze, while waiting for an event",
    29: "a posted outcome is refused",
    30: "a posted outcome is answered with 500",
    31: "the connection is cut while an outcome is posted",
    32: "an answer that comes before the outcome was read",
    33: "work beyond the deadline",
    34: "the same event twice",
    35: "ten thousand invocations: memory, files, connections",
    36: "memory after a large event",
    37: "proxies, .netrc and curl's own variables",
    38: "a malformed address of the Runtime API",
    39: "nobody reads the log",
    40: "JSON logs of each level",
    41: "text logs of several lines",
    42: "SIGTERM",
    43: "the helper cannot be registered",
    44: "several invocations at once",
    45: "SnapStart: restored from a snapshot",
    46: "connections that died while the sandbox was frozen",
    47: "line ends in header values",
    48: "sanitizers, fuzzing, and every allocation or call failing in turn",
    49: "no file system at all",
    50: "the way to the first event",
}

HELD_ELSEWHERE = {
    12: ["tests/unit/test_runtime.c::trace_id_is_set_and_unset_again"],
    15: ["tests/unit/test_http_curl.c::request_carries_exactly_what_the_caller_gave"],
    16: ["tests/unit/test_runtime_post.c::empty_response_is_posted"],
    17: ["tests/unit/test_runtime_post.c::"
         "response_at_the_bound_is_sent_and_beyond_becomes_an_error"],
    23: ["tests/unit/test_runtime_post.c::init_error_is_posted_once_without_invocation_id"],
    26: ["tests/unit/test_runtime.c::each_status_of_the_platform_is_obeyed"],
    27: ["tests/unit/test_runtime.c::any_single_failure_on_the_way_is_survived"],
    28: ["tests/unit/test_runtime.c::next_is_waited_for_without_end_at_every_attempt"],
    32: ["tests/unit/test_http_curl_pool.c::"
         "early_answer_and_reset_end_a_large_post_without_a_signal"],
    39: ["tests/unit/test_log_stream.c::"
         "line_of_a_megabyte_arrives_whole_where_somebody_reads",
         "tests/unit/test_log_stream.c::"
         "line_that_nobody_reads_is_lost_and_counted_without_another_wait"],
    41: ["tests/unit/test_log.c::log_text_values_are_quoted_where_needed_and_keep_one_line"],
    # That the other side is silently gone shows by the clock alone, and nothing moves the binary's:
    # a second connection in its place cannot be seen from outside within a test's time.
    46: ["tests/unit/test_http_curl_pool.c::"
         "connection_idle_by_the_wall_clock_is_not_used_again",
         "tests/unit/test_http_curl_pool.c::"
         "connection_with_a_silently_dead_peer_is_not_waited_for",
         "tests/unit/test_http_curl_pool.c::"
         "requests_to_one_host_do_not_keep_another_hosts_connection_alive"],
    47: ["tests/unit/test_http_curl.c::request_that_is_malformed_is_refused_unsent"],
    48: ["tests/fuzz/test_fuzz.py::test_target_holds_over_seeds_and_former_finds",
         "tests/unit/test_runtime.c::any_single_failure_on_the_way_is_survived",
         "tests/unit/test_sweep_faults.c::sweep_survives_any_fault_at_any_call",
         "tests/unit/test_act_faults.c::api_call_is_handled_once_under_any_fault"],
}

ABSENT = {
    43: "the function registers no extension",
    45: "AWS offers SnapStart for no runtime of the OS-only kind (`provided.al2023`), so a function "
        "with this binary is never restored from a snapshot",
}
