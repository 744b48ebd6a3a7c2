# SPDX-License-Identifier: Apache-2.0
"""The part of AWS Config that moto lacks: evaluations, their results, and starting a rule.

Checks what the service checks, not what its client libraries check: those let 101 evaluations or
an annotation of 300 characters pass.
"""

import json
import threading
import time
from dataclasses import dataclass

EVALUATIONS_MAX = 100
ANNOTATION_CHARACTERS_MAX = 256
COMPLIANCE_TYPES = ("COMPLIANT", "NON_COMPLIANT", "NOT_APPLICABLE")
RESOURCE_TYPE = "AWS::ElasticLoadBalancingV2::LoadBalancer"
START_INTERVAL_SECONDS = 60


class ConfigError(Exception):
    def __init__(self, code, message):
        super().__init__(message)
        self.code, self.message = code, message


@dataclass
class Result:
    """The latest evaluation of one resource by one rule."""

    resource_type: str
    resource_id: str
    compliance: str
    annotation: str
    ordering_timestamp: float
    recorded: float
    result_token: str


class ConfigService:
    def __init__(self, clock=time.time):
        self.clock = clock
        self._lock = threading.Lock()
        self.reset()

    def reset(self):
        with self._lock:
            self.results = {}  # rule name -> {(type, id): Result}
            self.scopes = {}  # rule name -> Scope, where it is another than the usual one
            self.history = []  # every accepted evaluation in order of arrival
            self.test_mode_evaluations = []
            self.started_rules = []
            self._tokens = {}
            self._refusals = {}
            self._started_at = None

    # What a test does

    def add_rule(self, name):
        with self._lock:
            self.results.setdefault(name, {})

    def set_scope(self, name, **scope):
        """What the rule is about: TagKey, TagValue, ComplianceResourceId, ComplianceResourceTypes."""
        self.add_rule(name)
        with self._lock:
            self.scopes[name] = scope

    def add_token(self, token, rule_name):
        """Lets evaluations in for this token, as a rule invocation does."""
        self.add_rule(rule_name)
        with self._lock:
            self._tokens[token] = rule_name

    def add_result(self, rule_name, resource_id, compliance, resource_type=RESOURCE_TYPE,
                   ordering_timestamp=0.0):
        """A result of another evaluation, mostly an earlier one."""
        self.add_rule(rule_name)
        with self._lock:
            self.results[rule_name][resource_type, resource_id] = Result(
                resource_type, resource_id, compliance, "from before", ordering_timestamp,
                self.clock(), "")

    def refuse(self, resource_id, times=1):
        """Lists the resource in FailedEvaluations so many times."""
        with self._lock:
            self._refusals[resource_id] = times

    def result(self, rule_name, resource_id, resource_type=RESOURCE_TYPE):
        with self._lock:
            return self.results.get(rule_name, {}).get((resource_type, resource_id))

    # What the service does

    OPERATIONS = {
        "PutEvaluations": "put_evaluations",
        "GetComplianceDetailsByConfigRule": "get_compliance_details_by_config_rule",
        "StartConfigRulesEvaluation": "start_config_rules_evaluation",
        "DescribeConfigRules": "describe_config_rules",
    }

    def call(self, operation, body):
        """The answer of one operation as a dict. Raises ConfigError."""
        try:
            parameters = json.loads(body)
        except ValueError:
            raise ConfigError("SerializationException", "not JSON") from None
        with self._lock:
            return getattr(self, self.OPERATIONS[operation])(parameters)

    def put_evaluations(self, parameters):
        evaluations = parameters.get("Evaluations", [])
        token = parameters.get("ResultToken")
        if not isinstance(token, str) or not token:
            raise ConfigError("ValidationException", "resultToken: Member must not be null")
        if len(evaluations) > EVALUATIONS_MAX:
            raise ConfigError("ValidationException", "evaluations: Member must have length less "
                              f"than or equal to {EVALUATIONS_MAX}")
        for number, evaluation in enumerate(evaluations, 1):
            check_evaluation(number, evaluation)
        if parameters.get("TestMode") is True:
            self.test_mode_evaluations += evaluations
            return {"FailedEvaluations": []}
        if token not in self._tokens:
            raise ConfigError("InvalidResultTokenException",
                              "The specified ResultToken is not valid.")
        failed = [e for e in evaluations if self._is_refused(e)]
        for evaluation in evaluations:
            if evaluation not in failed:
                self._store(token, evaluation)
        return {"FailedEvaluations": failed}

    def _is_refused(self, evaluation):
        left = self._refusals.get(evaluation["ComplianceResourceId"], 0)
        self._refusals[evaluation["ComplianceResourceId"]] = max(0, left - 1)
        return left > 0

    def _store(self, token, evaluation):
        result = Result(
            evaluation["ComplianceResourceType"], evaluation["ComplianceResourceId"],
            evaluation["ComplianceType"], evaluation.get("Annotation"),
            evaluation["OrderingTimestamp"], self.clock(), token)
        self.history.append(result)
        results = self.results[self._tokens[token]]
        key = (result.resource_type, result.resource_id)
        # A late delivery about an older state does not replace the newer result.
        if key not in results or results[key].ordering_timestamp <= result.ordering_timestamp:
            results[key] = result

    def get_compliance_details_by_config_rule(self, parameters):
        name = parameters.get("ConfigRuleName")
        if not isinstance(name, str) or not 1 <= len(name) <= 64:
            raise ConfigError("ValidationException", "configRuleName: length must be 1..64")
        if name not in self.results:
            raise ConfigError("NoSuchConfigRuleException", "The ConfigRule provided in the request "
                              "is invalid. Please check the configRule name.")
        limit = parameters.get("Limit") or 10
        if not 0 < limit <= 100:
            raise ConfigError("ValidationException", "limit: must be at most 100")
        wanted = parameters.get("ComplianceTypes") or COMPLIANCE_TYPES
        found = [r for r in self.results[name].values() if r.compliance in wanted]
        start = _page_start(parameters.get("NextToken"))
        answer = {"EvaluationResults": [_details(name, r) for r in found[start:start + limit]]}
        if start + limit < len(found):
            answer["NextToken"] = f"page-{start + limit}"
        return answer

    def describe_config_rules(self, parameters):
        names = parameters.get("ConfigRuleNames") or list(self.results)
        if len(names) > 25:
            raise ConfigError("ValidationException", "configRuleNames: at most 25")
        for name in names:
            if name not in self.results:
                raise ConfigError("NoSuchConfigRuleException", "The ConfigRule provided in the "
                                  "request is invalid. Please check the configRule name.")
        usual = {"ComplianceResourceTypes": [RESOURCE_TYPE]}
        return {"ConfigRules": [{
            "ConfigRuleName": name, "ConfigRuleState": "ACTIVE",
            "Scope": self.scopes.get(name, usual)} for name in names]}

    def start_config_rules_evaluation(self, parameters):
        names = parameters.get("ConfigRuleNames") or []
        if not 1 <= len(names) <= 25:
            raise ConfigError("InvalidParameterValueException", "1 to 25 rule names")
        for name in names:
            if name not in self.results:
                raise ConfigError("NoSuchConfigRuleException", f"no rule {name}")
        now = self.clock()
        if self._started_at is not None and now - self._started_at < START_INTERVAL_SECONDS:
            raise ConfigError("LimitExceededException", "more than one call per minute")
        self._started_at = now
        self.started_rules += names
        return {}


def check_evaluation(number, evaluation):
    """Refuses what AWS refuses in one entry of Evaluations."""
    def refuse(member, why):
        raise ConfigError("ValidationException", f"evaluations.{number}.member.{member}: {why}")

    if evaluation.get("ComplianceType") not in COMPLIANCE_TYPES:
        refuse("complianceType", f"{evaluation.get('ComplianceType')!r} is not accepted")
    for member, longest in (("ComplianceResourceType", 256), ("ComplianceResourceId", 768)):
        value = evaluation.get(member)
        if not isinstance(value, str) or not 1 <= len(value) <= longest:
            refuse(member, f"length must be 1..{longest}")
    if "Annotation" in evaluation:
        annotation = evaluation["Annotation"]
        if (not isinstance(annotation, str)
                or not 1 <= len(annotation) <= ANNOTATION_CHARACTERS_MAX):
            refuse("annotation", f"length must be 1..{ANNOTATION_CHARACTERS_MAX}")
    moment = evaluation.get("OrderingTimestamp")
    if isinstance(moment, bool) or not isinstance(moment, (int, float)):
        refuse("orderingTimestamp", "must be a number of seconds")
    unknown = set(evaluation) - {"ComplianceType", "ComplianceResourceType", "ComplianceResourceId",
                                 "Annotation", "OrderingTimestamp"}
    if unknown:
        # AWS ignores them; here a misspelt member must not pass unseen.
        refuse(sorted(unknown)[0], "no such member")


def _page_start(token):
    if not token:
        return 0
    if not token.startswith("page-") or not token[5:].isdigit():
        raise ConfigError("InvalidNextTokenException", "The specified next token is not valid.")
    return int(token[5:])


def _details(rule_name, result):
    return {
        "EvaluationResultIdentifier": {
            "EvaluationResultQualifier": {
                "ConfigRuleName": rule_name,
                "ResourceType": result.resource_type,
                "ResourceId": result.resource_id,
                "EvaluationMode": "DETECTIVE",
            },
            "OrderingTimestamp": result.ordering_timestamp,
        },
        "ComplianceType": result.compliance,
        "ResultRecordedTime": result.recorded,
        "ConfigRuleInvokedTime": result.recorded,
        "Annotation": result.annotation,
    }
