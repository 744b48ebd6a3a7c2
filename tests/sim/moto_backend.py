# SPDX-License-Identifier: Apache-2.0
"""moto as the state behind the local AWS, corrected where it differs from AWS.

moto runs inside this process through its WSGI application: no second port, no second process.
What is corrected: ARNs of network and gateway load balancers, the attributes of a fresh one, page
sizes and markers, unknown load balancers in lists, and the checks moto does not make.
"""

import functools
import io
import os
import sys
from contextlib import contextmanager
from urllib.parse import unquote, urlencode

from .wire import Answer

DESYNC_MODE = "routing.http.desync_mitigation_mode"
DESYNC_MODES = ("monitor", "defensive", "strictest")
ARN_WORDS = {"application": "app", "network": "net", "gateway": "gwy"}

COMMON_ATTRIBUTES = {
    "deletion_protection.enabled": "false",
    "load_balancing.cross_zone.enabled": "false",
}
APPLICATION_ATTRIBUTES = {
    "access_logs.s3.enabled": "false",
    "access_logs.s3.bucket": "",
    "access_logs.s3.prefix": "",
    "client_keep_alive.seconds": "3600",
    "connection_logs.s3.enabled": "false",
    "connection_logs.s3.bucket": "",
    "connection_logs.s3.prefix": "",
    "deletion_protection.enabled": "false",
    "idle_timeout.timeout_seconds": "60",
    "ipv6.deny_all_igw_traffic": "false",
    "load_balancing.cross_zone.enabled": "true",
    DESYNC_MODE: "defensive",
    "routing.http.drop_invalid_header_fields.enabled": "false",
    "routing.http.preserve_host_header.enabled": "false",
    "routing.http.x_amzn_tls_version_and_cipher_suite.enabled": "false",
    "routing.http.xff_client_port.enabled": "false",
    "routing.http.xff_header_processing.mode": "append",
    "routing.http2.enabled": "true",
    "waf.fail_open.enabled": "false",
    "zonal_shift.config.enabled": "false",
}


class NotAccepted(Exception):
    """What AWS refuses and moto would let pass."""

    def __init__(self, code, message, status=400):
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


class MotoBackend:
    # name -> the 16 hex digits its ARN ends with, so that recorded events and the fleet agree
    load_balancer_ids = {}

    def __init__(self):
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
        # A thousand machine images, made anew after each reset: half the time that a fleet takes.
        os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"
        _correct_create_load_balancer()
        _hasten_get_metric_data()
        _hasten_dispatch()
        self.application = DomainDispatcherApplication(create_backend_app)

    def reset(self):
        from moto.core.model_instances import reset_model_data
        from moto.core.base_backend import BackendDict
        for backend in BackendDict._instances:
            backend.reset()
        reset_model_data()

    @contextmanager
    def checking_signatures(self):
        """moto itself checks signatures and IAM policies of what reaches it meanwhile."""
        from moto import settings
        from moto.core.authorization import ActionAuthenticatorMixin
        before = settings.INITIAL_NO_AUTH_ACTION_COUNT
        settings.INITIAL_NO_AUTH_ACTION_COUNT = 0
        ActionAuthenticatorMixin.request_count = 0
        try:
            yield
        finally:
            settings.INITIAL_NO_AUTH_ACTION_COUNT = before

    def load_balancers(self, region, account="123456789012"):
        from moto.elbv2.models import elbv2_backends
        return elbv2_backends[account][region].load_balancers

    def metrics(self, region, account="123456789012"):
        from moto.cloudwatch.models import cloudwatch_backends
        return cloudwatch_backends[account][region].metric_data

    def perform(self, call, account="123456789012"):
        """The answer of moto, or NotAccepted."""
        body = call.request.body
        if call.service == "elbv2":
            known = self.load_balancers(call.scope.region, account)
            check = CHECKS.get(call.operation)
            if check:
                body = check(call, known) or body
        return self._run(call.request, body)

    def _run(self, request, body):
        path, _, query = request.target.partition("?")
        environ = {
            "REQUEST_METHOD": request.method, "SCRIPT_NAME": "", "SERVER_PROTOCOL": "HTTP/1.1",
            "PATH_INFO": unquote(path, "latin-1"), "QUERY_STRING": query,
            "RAW_URI": request.target, "REQUEST_URI": request.target,
            "SERVER_NAME": "127.0.0.1", "SERVER_PORT": "80",
            "CONTENT_TYPE": request.header("Content-Type", ""), "CONTENT_LENGTH": str(len(body)),
            "wsgi.version": (1, 0), "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(body),
            "wsgi.errors": sys.stderr, "wsgi.multithread": True, "wsgi.multiprocess": False,
            "wsgi.run_once": False, "wsgi.input_terminated": True,
        }
        for name, value in request.headers:
            if name.lower() not in ("content-type", "content-length", "transfer-encoding"):
                environ["HTTP_" + name.upper().replace("-", "_")] = value
        head = {}

        def start_response(status, headers, exc_info=None):
            head["status"], head["headers"] = int(status.split()[0]), headers

        pieces = self.application(environ, start_response)
        answer = b"".join(pieces)
        headers = [(n, v) for n, v in head["headers"]
                   if n.lower() not in ("connection", "date", "server", "content-length", "status")]
        if request.method == "HEAD":
            length = [v for n, v in head["headers"] if n.lower() == "content-length"]
            return Answer(head["status"], headers + [("Content-Length", length[0])][:len(length)])
        return Answer(head["status"], headers, answer)


def _correct_create_load_balancer():
    from moto.elbv2.models import ELBv2Backend
    original = ELBv2Backend.create_load_balancer
    if getattr(original, "is_corrected", False):
        return

    def create_load_balancer(self, name, *args, **kwargs):
        balancer = original(self, name, *args, **kwargs)
        old_arn = balancer.arn
        random_id = old_arn.rpartition("/")[2]
        wanted_id = MotoBackend.load_balancer_ids.get(name, random_id)
        start = old_arn.partition(":loadbalancer/")[0]
        balancer.arn = f"{start}:loadbalancer/{ARN_WORDS[balancer.type]}/{name}/{wanted_id}"
        is_application = balancer.type == "application"
        balancer.attrs = dict(APPLICATION_ATTRIBUTES if is_application else COMMON_ATTRIBUTES)
        del self.load_balancers[old_arn]
        self.load_balancers[balancer.arn] = balancer
        tags = self.tagging_service.list_tags_for_resource(old_arn)["Tags"]
        self.tagging_service.delete_all_tags_for_resource(old_arn)
        self.tagging_service.tag_resource(balancer.arn, tags)
        return balancer

    create_load_balancer.is_corrected = True
    ELBv2Backend.create_load_balancer = create_load_balancer


class _Metrics:
    """What moto's GetMetricData reads of its backend."""

    def __init__(self, metrics):
        self.metrics = metrics

    def get_all_metrics(self):
        return self.metrics


def _hasten_get_metric_data():
    """moto looks at every value of every metric in each period of each query: here it looks at those
    of the query alone."""
    from moto.cloudwatch.models import CloudWatchBackend
    original = CloudWatchBackend.get_metric_data
    if getattr(original, "is_hastened", False):
        return

    def get_metric_data(self, queries, *args, **kwargs):
        by_metric = {}
        for each in self.get_all_metrics():
            balancer = next((d.value for d in each.dimensions if d.name == "LoadBalancer"), None)
            by_metric.setdefault((each.name, balancer), []).append(each)
        answers = []
        for query in queries:
            metric = query["MetricStat"]["Metric"]
            balancer = next((d["Value"] for d in metric["Dimensions"]
                             if d["Name"] == "LoadBalancer"), None)
            some = _Metrics(by_metric.get((metric["MetricName"], balancer), []))
            answers += original(some, [query], *args, **kwargs)
        return answers

    get_metric_data.is_hastened = True
    CloudWatchBackend.get_metric_data = get_metric_data


def _hasten_dispatch():
    """moto looks for each request at every one of its folders on disk, twice, and at every member of
    the class that answers."""
    from moto import backends
    from moto.core import responses
    names = tuple(backends.list_of_moto_modules())
    backends.list_of_moto_modules = lambda: names
    responses.method_names_from_class = functools.cache(responses.method_names_from_class)


def _members(form, prefix):
    return [value for name, value in form.items() if name.startswith(prefix + ".member.")]


def _must_exist(arns, known):
    for arn in arns:
        if arn not in known:
            raise NotAccepted("LoadBalancerNotFound", f"Load balancer '{arn}' not found")


def _check_describe_load_balancers(call, known):
    form = call.form
    _must_exist(_members(form, "LoadBalancerArns"), known)
    marker, names = form.get("Marker"), [balancer.name for balancer in known.values()]
    if marker and marker not in names:
        raise NotAccepted("ValidationError", "Invalid marker")
    size = form.get("PageSize", "400")
    if not size.isdigit() or not 1 <= int(size) <= 400:
        raise NotAccepted("ValidationError", f"Page size '{size}' must be between 1 and 400")
    return urlencode({**form, "PageSize": size}).encode()


def _check_describe_tags(call, known):
    arns = _members(call.form, "ResourceArns")
    if not 1 <= len(arns) <= 20:
        raise NotAccepted("ValidationError", "Up to 20 resources can be described in one call")
    _must_exist(arns, known)


def _check_describe_attributes(call, known):
    _must_exist([call.form.get("LoadBalancerArn")], known)


def _check_modify_attributes(call, known):
    arn = call.form.get("LoadBalancerArn")
    _must_exist([arn], known)
    attributes = {value: call.form.get(name[:-3] + "Value") for name, value in call.form.items()
                  if name.startswith("Attributes.member.") and name.endswith(".Key")}
    if DESYNC_MODE not in attributes:
        return
    if known[arn].type != "application":
        raise NotAccepted("InvalidConfigurationRequest",
                          f"Key '{DESYNC_MODE}' not valid for this load balancer type")
    if attributes[DESYNC_MODE] not in DESYNC_MODES:
        raise NotAccepted("InvalidConfigurationRequest", f"The value of '{DESYNC_MODE}' must be "
                          f"one of: {', '.join(DESYNC_MODES)}")


CHECKS = {
    "DescribeLoadBalancers": _check_describe_load_balancers,
    "DescribeTags": _check_describe_tags,
    "DescribeLoadBalancerAttributes": _check_describe_attributes,
    "ModifyLoadBalancerAttributes": _check_modify_attributes,
}
