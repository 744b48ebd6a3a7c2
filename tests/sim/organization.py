# SPDX-License-Identifier: Apache-2.0
"""An organization with StackSets and an aggregator of AWS Config, as far as deploy/stackset.sh uses
them. It is strict where AWS's documentation is: see each method."""

from sim.aws_cli import Refused

MANAGEMENT = "999999999999"
NO_RECORDER = ("ResourceLogicalId:ConfigRule, ResourceType:AWS::Config::ConfigRule, "
               "ResourceStatusReason:NoAvailableConfigurationRecorderException: "
               "Configuration recorder is not available.")


def pages(key, items, params, size):
    start = int(params.get("NextToken", "0"))
    more = {"NextToken": str(start + size)} if start + size < len(items) else {}
    return {key: items[start:start + size], **more}


class Organization:
    def __init__(self, accounts, recorders, templates):
        """`accounts`: {unit: [account]} and `recorders`: {(account, Region)}; `templates`: {URL:
        {parameter: default}}."""
        self.units, self.recorders, self.templates = accounts, set(recorders), templates
        self.children = {"r-root": [unit for unit in accounts if unit != "r-root"]}
        self.stack_set, self.instances, self.operations = None, {}, {}
        self.broken, self.suspended, self.aggregators = {}, set(), ["everything"]
        self.ends = {}  # {operation: its last state}

    # STS, Organizations, AWS Config

    def GetCallerIdentity(self, _):
        return {"Arn": "arn:aws:sts::888888888888:assumed-role/Admin/me"}

    def DescribeOrganization(self, _):
        return {"Organization": {"Id": "o-exampleorgid", "MasterAccountId": MANAGEMENT}}

    def ListAccountsForParent(self, params):
        accounts = [{"Id": account, "State": "SUSPENDED" if account in self.suspended else "ACTIVE"}
                    for account in self.units.get(params["ParentId"], [])]
        return pages("Accounts", accounts, params, 20)

    def ListOrganizationalUnitsForParent(self, params):
        return {"OrganizationalUnits": [
            {"Id": unit} for unit in self.children.get(params["ParentId"], [])]}

    def DescribeConfigurationAggregators(self, _):
        return {"ConfigurationAggregators": [
            {"ConfigurationAggregatorName": name} for name in self.aggregators]}

    def SelectAggregateResourceConfig(self, params):
        assert "'AWS::Config::ConfigurationRecorder'" in params["Expression"]
        rows = [f'{{"accountId":"{account}","awsRegion":"{region}"}}'
                for account, region in sorted(self.recorders)]
        return pages("Results", rows, params, 100)

    # StackSets

    def DescribeStackSet(self, params):
        self._delegated(params)
        return {"StackSet": {"Parameters": [
            {"ParameterKey": name, "ParameterValue": value}
            for name, value in self._existing()["parameters"].items()]}}

    def GetTemplateSummary(self, params):
        return {"Parameters": [{"ParameterKey": name}
                               for name in self.templates[params["TemplateURL"]]]}

    def CreateStackSet(self, params):
        self._delegated(params)
        if self.stack_set:
            raise Refused("NameAlreadyExistsException", "The name is taken")
        assert params["PermissionModel"] == "SERVICE_MANAGED"
        assert params["AutoDeployment"] == {"Enabled": True, "RetainStacksOnAccountRemoval": False}
        self.stack_set = {"template": params["TemplateURL"], "parameters": {}}
        self._set_parameters(params["Parameters"])
        return {"StackSetId": "desync-guard:1"}

    def UpdateStackSet(self, params):
        """A parameter that is not listed gets its default again; an overridden one stays so."""
        self._delegated(params)
        assert bool(params.get("TemplateURL")) != bool(params.get("UsePreviousTemplate"))
        self._existing()["template"] = params.get("TemplateURL", self.stack_set["template"])
        self._set_parameters(params["Parameters"])
        return self._operation(params, list(self.instances))

    def CreateStackInstances(self, params):
        self._delegated(params)
        pairs = self._targets(params)
        assert not set(pairs) & set(self.instances), "created twice"
        for pair in pairs:
            self.instances[pair] = {"overrides": self._overrides(params, {})}
        return self._operation(params, pairs)

    def UpdateStackInstances(self, params):
        """"You can only update stack instances where they already exist." """
        self._delegated(params)
        pairs = self._targets(params)
        for pair in pairs:
            if pair not in self.instances:
                raise Refused("StackInstanceNotFoundException", f"no stack instance in {pair}")
            if "ParameterOverrides" in params:
                self.instances[pair]["overrides"] = self._overrides(
                    params, self.instances[pair]["overrides"])
        return self._operation(params, pairs)

    def ListStackSetOperations(self, params):
        self._delegated(params)
        return pages("Summaries", [{"OperationId": name, "Status": states[0]}
                                   for name, states in self.operations.items()], params, 20)

    def DescribeStackSetOperation(self, params):
        states = self.operations[params["OperationId"]]
        return {"StackSetOperation": {"Status": states.pop(0) if len(states) > 1 else states[0]}}

    def DescribeStackInstance(self, params):
        self._delegated(params)
        pair = params["StackInstanceAccount"], params["StackInstanceRegion"]
        overrides = [{"ParameterKey": name, "ParameterValue": value}
                     for name, value in self.instances[pair]["overrides"].items()]
        return {"StackInstance": {"Account": pair[0], "Region": pair[1],
                                  **({"ParameterOverrides": overrides} if overrides else {})}}

    def ListStackInstances(self, params):
        self._delegated(params)
        summaries = [
            {"Account": account, "Region": region, "StatusReason": instance.get("reason", ""),
             "StackInstanceStatus": {"DetailedStatus": instance["status"]}}
            for (account, region), instance in self.instances.items()]
        return pages("Summaries", summaries, params, 50)

    # What happens in the accounts

    def parameters(self, pair):
        return (self.templates[self.stack_set["template"]] | self.stack_set["parameters"]
                | self.instances[pair]["overrides"])

    def deployed(self):
        return {pair for pair, one in self.instances.items() if one["status"] == "SUCCEEDED"}

    def _deploy(self, pair):
        reason = self.broken.get(pair)
        if self.parameters(pair)["CreateConfigRule"] == "on" and pair not in self.recorders:
            reason = NO_RECORDER
        self.instances[pair] |= {"status": "FAILED" if reason else "SUCCEEDED",
                                 "reason": reason or ""}
        return not reason

    def _operation(self, params, pairs):
        """In each Region the accounts after too many failures are cancelled."""
        preferences = params["OperationPreferences"]
        assert preferences["RegionConcurrencyType"] == "PARALLEL"
        succeeded = True
        for region in sorted({region for _, region in pairs}):
            here = [pair for pair in pairs if pair[1] == region]
            left = len(here) * preferences["FailureTolerancePercentage"] // 100
            for pair in here:
                if left < 0:
                    self.instances[pair]["status"] = "CANCELLED"
                elif not self._deploy(pair):
                    left -= 1
            succeeded &= left >= 0
        name = f"op-{len(self.operations)}"
        end = self.ends.get(name, "SUCCEEDED" if succeeded else "FAILED")
        self.operations[name] = ["RUNNING", end]
        return {"OperationId": name}

    def _targets(self, params):
        targets = params["DeploymentTargets"]
        assert targets["AccountFilterType"] == "INTERSECTION"
        units = [child for unit in targets["OrganizationalUnitIds"]
                 for child in [unit, *self.children.get(unit, [])]]
        inside = {account for unit in units for account in self.units.get(unit, [])}
        assert set(targets["Accounts"]) <= inside - {MANAGEMENT} - self.suspended
        return [(account, region) for region in params["Regions"]
                for account in targets["Accounts"]]

    def _set_parameters(self, listed):
        known, before = self.templates[self.stack_set["template"]], self.stack_set["parameters"]
        for parameter in listed:
            name = parameter["ParameterKey"]
            if name not in known or parameter.get("UsePreviousValue") and name not in before:
                raise Refused("ValidationError", f"Parameters: [{name}] do not exist")
        self.stack_set["parameters"] = {**known, **{
            p["ParameterKey"]: before[p["ParameterKey"]] if p.get("UsePreviousValue")
            else p["ParameterValue"] for p in listed}}

    def _overrides(self, params, before):
        """A list replaces the one before, as a whole."""
        return {p["ParameterKey"]: before[p["ParameterKey"]] if p.get("UsePreviousValue")
                else p["ParameterValue"] for p in params.get("ParameterOverrides", [])}

    def _existing(self):
        if not self.stack_set:
            raise Refused("StackSetNotFoundException", "StackSet desync-guard not found")
        return self.stack_set

    def _delegated(self, params):
        if params.get("CallAs") != "DELEGATED_ADMIN":
            raise Refused("ValidationError", "You must be a delegated admin")
