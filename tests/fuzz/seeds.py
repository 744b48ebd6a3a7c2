# SPDX-License-Identifier: Apache-2.0
"""Where the fuzz targets start from: the samples in events/ and small made-up inputs of each format.

make(FOLDER) writes FOLDER/TARGET/NAME. Parts of an input are joined as fuzz.h says.
"""
import gzip
import json
import pathlib
import random
import shutil

ROOT = pathlib.Path(__file__).resolve().parents[2]
SEPARATOR = b"\x1f"
ARN = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/shop/50dc6c495c0c9188"
HOSTILE = ["x\r\nSubject: y", "<script>alert(1)</script>", "=cmd|' /C calc'!A0", "]]>&amp;\"'`$(id)",
           "\u202edlrow\u2028line\u2029", "\x1b[2K\x00\x7f", "\ud55c\u0301" * 40, "a" * 300]


def parts(*texts):
    return SEPARATOR.join(
        text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
        for text in texts)


def numbered(inputs):
    return {f"{number:03}": content for number, content in enumerate(inputs)}


def events():
    return {path.stem: path.read_bytes() for path in sorted((ROOT / "events").glob("*.json"))}


def config_items():
    items = {}
    for name, content in events().items():
        try:
            item = json.loads(json.loads(content)["invokingEvent"])["configurationItem"]
        except (ValueError, KeyError, TypeError):
            continue
        items[name] = json.dumps(item).encode() + b"\n"
    return items


def json_texts():
    return events() | numbered([
        b"[]", b" {} ", b"-0.0e-0", b'"\\ud83d\\ude00\\u0041\\n"', b"[1,1e308,-1E-308,0.1,true,false]",
        b'{"a":{"a":[null,"b"]},"b":1}', b"[" * 64 + b"]" * 64, b'{"a":1,"a":2}', b'"\\ud800"'])


def xml_texts():
    return numbered(ELBV2 + [
        b'<?xml version="1.0" encoding="ISO-8859-1"?><a>\xe9<b x="1">&lt;&#65;</b></a>',
        b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
        b"<n:a xmlns:n='u'><![CDATA[<x>]]><!-- c --><?p i?></n:a>",
        "<a>text</a>".encode("utf-16")])


def tags():
    usual = ["Owner", "team-a", "Stage", "prod"]
    exception = ["desync-exception-until", "2026-12-01", "desync-exception-reason", "old client",
                 "desync-exception-approver", "alice"]
    rows = [usual, usual + exception, exception, usual + ["DesyncProfile", "legacy"],
            ["Owner", " ", "Team", "b"], usual + ["DesyncProfile", "unheard-of"]]
    rows += [usual + exception[:1] + [text] + exception[2:] for text in
             ("2026-11-22", "2027-12-31", "2026-02-30", "tomorrow", "")]
    rows += [["Owner", text, text, text] for text in HOSTILE]
    return numbered(bytes([mode]) + parts(*row) for row in rows for mode in (1, 2, 11, 0x40))


def policy():
    rows = [["desyncMode", "defensive,strictest"], ["desyncMode", " 'Monitor' , STRICTEST"],
            ["internetFacingMode", "strictest", "internalMode", "defensive"],
            ["profileTag", "P", "profiles", "modern=strictest,legacy=defensive"],
            ["requiredTags", "Owner,Stage=dev|prod"], ["ownerTags", "A,B,C"],
            ["exceptionTagPrefix", "x", "maxExceptionDays", "30", "exceptionWarningDays", "3"],
            ["dropInvalidHeaders", "require", "maxNonCompliantDays", "1"], ["unheardOf", "1"],
            ["desyncMode", ""], ["maxExceptionDays", "-1"], ["desyncMode", "a" * 200]]
    return numbered(parts(*row) for row in rows) | {
        f"letter-{letter}": parts(letter, value)
        for letter in "abcdefghijkl" for value in ("x", "strictest", "7")}


def alert():
    plain = ["123456789012", "eu-west-1", "aws", "arn:aws:iam::123456789012:role/x",
             "APN/1.0 HashiCorp/1.0 Terraform/1.5", "cloudformation.amazonaws.com", "enough", ARN,
             "team-a", "minimum", "", "2026-12-01", "Owner", "set it", "mode", "raise it"]
    rows = [plain] + [[text] * 16 for text in HOSTILE]
    return numbered(bytes([kind, what]) + parts(*row)
                    for row in rows for kind, what in ((0, 0x25), (0x42, 0x1b), (0x45, 0x71), (9, 0)))


def fleet():
    plain = [ARN, "shop", "team-a", "123456789012", "eu-west-1", "minimum", "Owner", "set it"]
    rows = [plain] + [[text] * 8 for text in HOSTILE]
    return numbered(bytes([what]) + parts(*row, *rows[0]) for row in rows
                    for what in (0x06, 0x1d, 0x2f, 0x53))


def log_line(time="2026-11-22T10:11:12.345678Z", classification="-", reason="-", agent="curl/8.5.0"):
    return (f'https {time} app/shop/50dc6c495c0c9188 203.0.113.7:41234 10.0.0.1:80 0.000 0.001 0.000 '
            f'200 200 34 366 "GET https://www.example.com:443/a HTTP/1.1" "{agent}" TLS_AES_128 '
            f'TLSv1.3 arn:aws:x:t/1 "Root=1-2" "www.example.com" "arn:aws:acm:x" 0 '
            f'2026-11-22T10:11:12.344000Z "forward" "-" "-" "10.0.0.1:80" "200" '
            f'"{classification}" "{reason}" TID_1 "-" "-" "-"')


def access_log():
    usual = log_line()
    lines = [usual, log_line(classification="Severe", reason="BadContentLength"),
             log_line(classification="Ambiguous", reason="SpaceInUri", agent="\\x22x\\x22 \\\"y"),
             log_line(time="2026-02-30T10:00:00Z"), " ".join(usual.split(" ")[:20]),
             usual.replace(" ", "  "), usual.replace('"GET', '"GET "'),
             "2026-11-22T10:11:12Z 203.0.113.7 41234 443 TLSv1.3 x 0.1 \"-\" - - Success TID_1",
             "Enable AccessLog for ELB: shop at 2026-11-22T10:11:12Z"]
    return numbered([line.encode() for line in lines] + [
        "\n".join(lines).encode() + b"\n", "\r\n".join(lines[:3]).encode(), b"\n\n\r\n"])


def access_log_key():
    name = "123456789012_elasticloadbalancing_eu-west-1_app.shop.50dc6c495c0c9188_20261122T1015Z_" \
           "192.0.2.1_3xy4zabc.log.gz"
    folder = "logs/AWSLogs/123456789012/elasticloadbalancing/eu-west-1/2026/11/22/"
    return numbered(key.encode() for key in (
        folder + name, name, folder + "conn_log." + name, folder + "health_check_log." + name,
        name.replace("app.shop.50dc6c495c0c9188", "net.x.0"), name.replace(".gz", ""),
        name.replace("app.shop.50dc6c495c0c9188", "classic"), "ELBAccessLogTestFile", "/", ""))


def inflate():
    text = b"".join(b"line %d of some\n" % number for number in range(40))
    whole = gzip.compress(text, mtime=0)
    two = whole + gzip.compress(b"more\nand no end", mtime=0)
    bomb = gzip.compress(b"a" * 3_000_000, mtime=0)
    damaged = bytearray(two)
    damaged[30] ^= 0x55
    noise = random.Random(1).randbytes(250_000)  # does not get smaller
    large = gzip.compress(noise, 1, mtime=0) + whole
    torn = bytearray(large)
    torn[220_000] ^= 0x55
    return numbered(bytes([piece]) + content for piece in (0, 6, 255) for content in (
        whole, two, whole[:-5], whole + b"rest", bytes(damaged), bomb, gzip.compress(b"", mtime=0), large, bytes(torn), large[:-100_000],
        b"", b"\x1f\x8b"))


def http():
    body = b"hello"
    return numbered([
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\n\r\n" + body,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nTrail: er\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\nFFFFFFFFFFFFFFFF\r\n",
        b"HTTP/1.1 100 Continue\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + body,
        b"HTTP/1.0 404 Not Found\r\n\r\n" + body,
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 3\r\n\r\n" + body,
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n" + body,
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\nFolded: a\r\n b\r\n\tc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n\x1f\x8b",
        b"HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 401 No\r\nWWW-Authenticate: NTLM\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n", b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 200 OK\nX:y\n\nbody", b"\x16\x03\x01\x00\x02\x01", b"", b"HTTP/1.1"])


def sigv4():
    rows = [["GET", "/", "", "", "Host", "example.com"],
            ["POST", "/a b/../c//d", "b=2&a=1&a&c=%7e+x", "body", "Host", "h", "X-A", "  1  2 ",
             "x-a", "3"],
            ["PUT", "/b%20c/\u1234", "prefix=%2F", "", "host", "h:80", "Content-Type", "a/b"],
            ["GET", "/", "?x", "", "Host", "h", "Authorization", "x"], ["", "", "", "", "", ""]]
    return numbered(bytes([what]) + parts(*row) for row in rows for what in (0, 3, 4, 0x1c))


def elbv2_answer(operation, inside):
    return (f'<{operation}Response xmlns="http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/">'
            f"<{operation}Result>{inside}</{operation}Result><ResponseMetadata><RequestId>1"
            f"</RequestId></ResponseMetadata></{operation}Response>").encode()


def pair(key, value):
    return f"<member><Key>{key}</Key><Value>{value}</Value></member>"


MODE = pair("routing.http.desync_mitigation_mode", "monitor")
DROPS = pair("routing.http.drop_invalid_header_fields.enabled", "true")
MEMBER = (f"<member><LoadBalancerArn>{ARN}</LoadBalancerArn><LoadBalancerName>shop"
          "</LoadBalancerName><Scheme>internal</Scheme><Type>application</Type></member>")
XML_ERROR = (b"<ErrorResponse><Error><Type>Sender</Type><Code>Throttling</Code><Message>slow"
             b"</Message></Error></ErrorResponse>")
ELBV2 = [
    elbv2_answer("DescribeLoadBalancerAttributes", f"<Attributes>{MODE}{DROPS}</Attributes>"),
    elbv2_answer("ModifyLoadBalancerAttributes", f"<Attributes>{MODE}</Attributes>"),
    elbv2_answer("DescribeTags", "<TagDescriptions><member><ResourceArn>" + ARN + "</ResourceArn>"
                 f"<Tags>{pair('Owner', 'a')}{pair('b', '')}</Tags></member></TagDescriptions>"),
    elbv2_answer("DescribeLoadBalancers", f"<LoadBalancers>{MEMBER}</LoadBalancers>"),
    elbv2_answer("DescribeLoadBalancers",
                 f"<LoadBalancers>{MEMBER}</LoadBalancers><NextMarker>m</NextMarker>"),
    XML_ERROR,
]
JSON_ERROR = b'{"__type":"com.amazonaws.x#ThrottlingException","message":"slow"}'


def answers(bodies, choices):
    """An answer's status (by number) and body; the first byte says which call it is to."""
    return numbered(bytes([call]) + parts(chr(ord("a") + status), body)
                    for body in bodies for call in range(choices) for status in (0, 3))


def elbv2():
    return answers(ELBV2 + [b""], 7)


def cloudwatch():
    result = {"Id": "m0", "Label": "x", "Timestamps": [1795392000, 1795392300.0],
              "Values": [1, 2.5], "StatusCode": "Complete"}
    other = dict(result, Id="m1", StatusCode="PartialData", Timestamps=[], Values=[])
    return answers([
        json.dumps({"MetricDataResults": [result, other], "Messages": []}).encode(),
        json.dumps({"MetricDataResults": [result], "NextToken": "n"}).encode(),
        json.dumps({"MetricDataResults": [dict(result, Values=[1e308, -1])]}).encode(), JSON_ERROR], 1)


def dynamodb():
    item = {"pk": {"S": "lb"}, "sk": {"S": "STATE"}, "n": {"N": "-12.5"}, "b": {"BOOL": True},
            "z": {"NULL": True}, "l": {"L": [{"S": "x"}]}}
    key = {"pk": item["pk"], "sk": item["sk"]}
    return answers([
        json.dumps(body).encode() for body in (
            {"Item": item}, {}, {"Attributes": item}, {"Items": [item, item], "Count": 2},
            {"Items": [item], "LastEvaluatedKey": key},
            {"__type": "x#ConditionalCheckFailedException", "message": "no", "Item": item},
            {"__type": "x#TransactionCanceledException", "message": "no",
             "CancellationReasons": [{"Code": "None"}, {"Code": "ConditionalCheckFailed"}]})], 6)


def config_api():
    identifier = {"EvaluationResultQualifier": {
        "ConfigRuleName": "r", "ResourceType": "AWS::ElasticLoadBalancingV2::LoadBalancer",
        "ResourceId": ARN}, "OrderingTimestamp": 1795392000.5}
    result = {"EvaluationResultIdentifier": identifier, "ComplianceType": "COMPLIANT"}
    failed = {"ComplianceResourceType": "AWS::ElasticLoadBalancingV2::LoadBalancer",
              "ComplianceResourceId": ARN, "ComplianceType": "COMPLIANT", "OrderingTimestamp": 1}
    return answers([
        json.dumps(body).encode() for body in (
            {"FailedEvaluations": []}, {"FailedEvaluations": [failed]}, {},
            {"EvaluationResults": [result, result]},
            {"EvaluationResults": [result], "NextToken": "n"})] + [JSON_ERROR], 3)


def s3():
    def part(headers, body):
        return parts(headers, body)
    return numbered(bytes([call, status]) + part(headers, body) for call in (0, 1, 2)
                    for status in range(5) for headers, body in (
        ('ETag: "x"\nContent-Range: bytes 0-4/5\nx-amz-checksum-crc32: y', "hello"),
        ('ETag: "x"\nContent-Range: bytes 0-4/10', "hello"), ("ETag: W/x", "hello"),
        ("", "<Error><Code>NoSuchKey</Code><Message>no</Message></Error>"),
        ("x-amz-bucket-region: us-east-1",
         "<Error><Code>PermanentRedirect</Code><Endpoint>e</Endpoint></Error>")))


TARGETS = {
    "access_log": access_log, "access_log_key": access_log_key, "alert": alert,
    "cloudwatch": cloudwatch, "config_api": config_api, "config_item": config_items,
    "dynamodb": dynamodb, "elbv2": elbv2, "event": events, "fleet": fleet, "http": http,
    "inflate": inflate, "json": json_texts, "policy": policy, "s3": s3, "sigv4": sigv4,
    "tags": tags, "xml": xml_texts,
}


def make(folder):
    shutil.rmtree(folder, ignore_errors=True)
    for target, inputs in TARGETS.items():
        (folder / target).mkdir(parents=True)
        for name, content in inputs().items():
            (folder / target / name).write_bytes(content)
