# SPDX-License-Identifier: Apache-2.0
"""Checks Signature Version 4 as AWS does, with botocore's own signer as the second opinion."""

import datetime
import hashlib
import re
from dataclasses import dataclass
from urllib.parse import parse_qs

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

SKEW_SECONDS_MAX = 300
AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/]+)/(?P<day>\d{8})/(?P<region>[^/]+)/"
    r"(?P<service>[^/]+)/aws4_request, ?SignedHeaders=(?P<signed>[^,]+), ?"
    r"Signature=(?P<signature>[0-9a-f]{64})$")


@dataclass
class Scope:
    """What the Authorization header says about the caller and the target."""

    access_key_id: str
    day: str
    region: str
    service: str
    signed_headers: list
    signature: str


class Refused(Exception):
    """AWS's code and message for a request that is not let in."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code, self.message = code, message


def scope_of(request):
    match = AUTHORIZATION.match(request.header("Authorization", ""))
    if not match:
        raise Refused("MissingAuthenticationToken", "Missing Authentication Token")
    return Scope(match["key"], match["day"], match["region"], match["service"],
                 match["signed"].split(";"), match["signature"])


def check(request, scope, keys, scheme, now):
    """`keys`: access key id -> (secret, session token). Raises Refused."""
    if scope.access_key_id not in keys:
        raise Refused("InvalidClientTokenId", "The security token included in the request is "
                      "invalid.")
    secret, token = keys[scope.access_key_id]
    if (request.header("X-Amz-Security-Token") or None) != token:
        raise Refused("InvalidClientTokenId", "The security token included in the request is "
                      "invalid.")
    _check_time(request, scope, now)
    _check_what_is_signed(request, scope)
    _check_payload_header(request)
    if _expected(request, scope, secret, token, scheme) != scope.signature:
        raise Refused("SignatureDoesNotMatch", "The request signature we calculated does not match "
                      "the signature you provided.")


def _check_time(request, scope, now):
    stamp = request.header("X-Amz-Date", "")
    if not re.fullmatch(r"\d{8}T\d{6}Z", stamp) or not stamp.startswith(scope.day):
        raise Refused("SignatureDoesNotMatch", "Date in Credential scope does not match X-Amz-Date")
    moment = datetime.datetime.strptime(stamp, "%Y%m%dT%H%M%SZ")
    age = now - moment.replace(tzinfo=datetime.timezone.utc).timestamp()
    if abs(age) > SKEW_SECONDS_MAX:
        word = "expired" if age > 0 else "not yet current"
        raise Refused("SignatureDoesNotMatch", f"Signature {word}: {stamp}, off by {age:.0f} s")


def _check_what_is_signed(request, scope):
    must = {"host"} | {n.lower() for n, _ in request.headers if n.lower().startswith("x-amz-")}
    missing = must - set(scope.signed_headers)
    if missing:
        raise Refused("SignatureDoesNotMatch", f"not signed: {', '.join(sorted(missing))}")
    if scope.signed_headers != sorted(scope.signed_headers):
        raise Refused("SignatureDoesNotMatch", "SignedHeaders is not sorted")


def _check_payload_header(request):
    claimed = request.header("X-Amz-Content-SHA256")
    if claimed and len(claimed) == 64 and claimed != hashlib.sha256(request.body).hexdigest():
        raise Refused("XAmzContentSHA256Mismatch", "The provided x-amz-content-sha256 header does "
                      "not match what was computed.")


def _expected(request, scope, secret, token, scheme):
    url = f"{scheme}://{request.header('Host')}{request.target}"
    again = AWSRequest(method=request.method, url=url, data=request.body)
    for name, value in request.headers:
        if name.lower() in scope.signed_headers:
            again.headers.add_header(name, value)
    again.context["timestamp"] = request.header("X-Amz-Date")
    again.context["payload_signing_enabled"] = True
    kind = S3SigV4Auth if scope.service == "s3" else SigV4Auth
    signer = kind(Credentials(secret_key=secret, access_key=scope.access_key_id, token=token),
                  scope.service, scope.region)
    text = signer.string_to_sign(again, signer.canonical_request(again))
    return signer.signature(text, again)


@dataclass
class Call:
    """One API call, named as tests name it: "config:PutEvaluations"."""

    service: str
    operation: str
    protocol: str  # "query", "json", "rest-json" or "s3": decides how an error looks
    scope: Scope
    request: object
    form: dict

    @property
    def name(self):
        return f"{self.service}:{self.operation}"


QUERY_SERVICES = {"elasticloadbalancing": "elbv2", "monitoring": "cloudwatch"}
JSON_SERVICES = {"monitoring": "cloudwatch"}


def identify(request):
    """The call a request makes; the service is the one it was signed for."""
    scope = scope_of(request)
    target = request.header("X-Amz-Target")
    if scope.service == "s3":
        return Call("s3", _s3_operation(request), "s3", scope, request, {})
    if target:
        service = JSON_SERVICES.get(scope.service, scope.service)
        return Call(service, target.rpartition(".")[2], "json", scope, request, {})
    if "x-www-form-urlencoded" in request.header("Content-Type", ""):
        return _query_call(request, scope)
    path = request.target.partition("?")[0]
    return Call(scope.service, f"{request.method} {path}", "rest-json", scope, request, {})


def _query_call(request, scope):
    pairs = parse_qs(request.body.decode("utf-8", "replace"), keep_blank_values=True)
    form = {name: values[0] for name, values in pairs.items()}
    service = QUERY_SERVICES.get(scope.service, scope.service)
    # Classic and v2 share host and signing name; only the version tells them apart.
    if scope.service == "elasticloadbalancing" and form.get("Version") == "2012-06-01":
        service = "elb"
    return Call(service, form.get("Action", "?"), "query", scope, request, form)


def _s3_operation(request):
    path, _, query = request.target.partition("?")
    if "list-type=2" in query:
        return "ListObjectsV2"
    return {"GET": "GetObject", "PUT": "PutObject", "HEAD": "HeadObject",
            "DELETE": "DeleteObject"}.get(request.method, request.method)
