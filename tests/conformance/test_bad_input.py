# SPDX-License-Identifier: Apache-2.0
"""Events that are not what they should be: a clear error, nothing reported, and the process lives.
"""

import json

import pytest

from sim.samples import event_with_item, good_event

ARN = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/x/0123456789abcdef"


def without(name):
    event = good_event()
    del event[name]
    return json.dumps(event)


def renamed(old, new):
    return json.dumps(good_event()).replace(f'"{old}"', f'"{new}"', 1)


def invoking(text):
    return json.dumps(good_event(invokingEvent=text))


def repeated(name, value):
    """The event with a second member of the same name in front."""
    return "{" + f'"{name}":{json.dumps(value)},' + json.dumps(good_event())[1:]


# name: (event, a word that the message must hold)
BAD_EVENTS = {
    "empty": (b"", "empty"),
    "blank": (b" \n\t", "empty"),
    "not_json": (b"resultToken=abc", "JSON"),
    "half_an_event": (json.dumps(good_event())[:-40], "JSON"),
    "trailing_bytes": (json.dumps(good_event()) + "}", "JSON"),
    "two_events": (json.dumps(good_event()) * 2, "JSON"),
    "number": (b"42", "object"),
    "string": (b'"event"', "object"),
    "null": (b"null", "object"),
    "array": (b"[]", "object"),
    "empty_object": (b"{}", "invokingEvent"),
    "six_megabytes_of_junk": (b"x" * 6 * 1024 * 1024, "JSON"),
    "six_megabytes_of_nothing": (b" " * 6 * 1024 * 1024, "empty"),
    "depth_10000": (b"[" * 10_000 + b"]" * 10_000, "JSON"),
    "depth_10000_objects": (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "JSON"),
    "depth_inside": (invoking("[" * 10_000), "invokingEvent"),
    "duplicate_token": (repeated("resultToken", "other"), "twice"),
    "duplicate_invoking_event": (repeated("invokingEvent", "{}"), "twice"),
    "other_case_token": (renamed("resultToken", "ResultToken"), "resultToken"),
    "other_case_invoking_event": (renamed("invokingEvent", "InvokingEvent"), "invokingEvent"),
    "nul_byte": (json.dumps(good_event()).encode().replace(b"TESTMODE", b"TEST\x00MODE"), "JSON"),
    "nul_escape": (json.dumps(good_event()).replace("TESTMODE", "TEST\\u0000MODE"), ""),
    "invalid_utf8": (json.dumps(good_event()).encode().replace(b"TESTMODE", b"\xff\xfe\xc0"), ""),
    "utf16": (json.dumps(good_event()).encode("utf-16"), "JSON"),
    "no_token": (without("resultToken"), "resultToken"),
    "null_token": (json.dumps(good_event(resultToken=None)), "resultToken"),
    "number_token": (json.dumps(good_event(resultToken=7)), "resultToken"),
    "empty_token": (json.dumps(good_event(resultToken="")), "resultToken"),
    "number_invoking_event": (json.dumps(good_event(invokingEvent=1)), "invokingEvent"),
    "invoking_event_not_json": (invoking("{"), "invokingEvent"),
    "invoking_event_scalar": (invoking("7"), "invokingEvent"),
    "no_message_type": (invoking("{}"), "messageType"),
    "unknown_message_type": (invoking('{"messageType":"ComplianceChangeNotification"}'),
                             "ComplianceChangeNotification"),
    "no_item": (invoking('{"messageType":"ConfigurationItemChangeNotification"}'),
                "configurationItem"),
    "item_is_a_list": (invoking('{"messageType":"ConfigurationItemChangeNotification",'
                                '"configurationItem":[]}'), "configurationItem"),
    "no_summary": (invoking('{"messageType":"OversizedConfigurationItemChangeNotification"}'),
                   "configurationItemSummary"),
    "no_resource_id": (event_with_item(resourceId=None, ARN=None), "resourceId"),
    "number_resource_id": (event_with_item(resourceId=12), "resourceId"),
    "no_resource_type": (event_with_item(resourceType=None), "resourceType"),
    "arn_of_another_service": (event_with_item(
        resourceId="arn:aws:s3:::bucket", ARN="arn:aws:s3:::bucket"), "arn:aws:s3:::bucket"),
    "resource_id_no_arn": (event_with_item(resourceId="storefront"), "storefront"),
    "arn_cut_short": (event_with_item(resourceId=ARN[:60], ARN=ARN[:60]), ARN[:60]),
    "rule_arn_region": (json.dumps(good_event(
        configRuleArn="arn:aws:config:Ireland:123456789012:config-rule/config-rule-8k2wqd")),
        "Ireland"),
    "rule_arn_host": (json.dumps(good_event(
        configRuleArn="arn:aws:config:evil.example/:123456789012:config-rule/x")), "evil.example"),
    "item_region": (event_with_item(awsRegion="nowhere"), "nowhere"),
    "rule_arn_of_another_service": (json.dumps(good_event(
        configRuleArn="arn:aws:lambda:eu-west-1:123456789012:function:x")), "configRuleArn"),
    "account_id_number": (json.dumps(good_event(accountId=123456789012)), "accountId"),
    "account_id_short": (json.dumps(good_event(accountId="12345")), "accountId"),
    "left_scope_string": (json.dumps(good_event(eventLeftScope="false")), "eventLeftScope"),
    "configuration": (event_with_item(configuration=7), "configuration"),
    "arn_region": (event_with_item(resourceId=ARN.replace("eu-west-1", "nowhere")),
                   "resourceId"),
}


@pytest.mark.parametrize("name", BAD_EVENTS)
def test_a_bad_event_is_an_error_and_the_next_one_works(name, start, aws):
    event, word = BAD_EVENTS[name]
    function = start(aws=aws)
    outcome = function.invoke(event)
    assert outcome.kind == "error", outcome.body
    assert outcome.error_type == "Function.InvalidEvent"
    message = outcome.json()["errorMessage"]
    assert word in message
    assert 10 <= len(message) <= 2_000
    assert dict(aws.counts) == {}
    assert function.invoke(good_event()).kind == "response"


def test_all_bad_events_in_one_process(start, api, aws):
    function = start(aws=aws)
    for event, _ in BAD_EVENTS.values():
        assert function.invoke(event).kind == "error"
    assert function.invoke(good_event()).kind == "response"
    assert api.connections_opened == 1


@pytest.mark.parametrize("change", [
    {"somethingNew": {"a": [1, 2, 3]}}, {"version": "2.0"}, {"evaluationMode": None},
    {"executionRoleArn": None}, {"accountId": None}, {"configRuleName": None}])
def test_event_with_added_or_omitted_optional_members_is_no_error(change, start, aws):
    outcome = start(aws=aws).invoke(good_event(**change))
    assert outcome.kind == "response", outcome.body
