"""Puts resources before the policy packs of an operation."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from sandbox.engine import urn as urns
from sandbox.engine.deploy.deployment import Deployment
from sandbox.engine.deploy.events import Events, shown
from sandbox.engine.deploy.goal import Goal
from sandbox.engine.deploy.policies.configuration import Level
from sandbox.engine.deploy.policies.pack import SEVERITIES, PackInfo, PolicyPack, level_of
from sandbox.engine.deploy.protocol import analyzer_pb2
from sandbox.engine.deploy.wire import Send, from_struct, to_struct
from sandbox.engine.model import Resource
from sandbox.engine.properties import PropertyMap

_SEND = Send()


class Verdict(NamedTuple):
    """Whether a mandatory policy is violated, and whether the operation must stop for it."""

    violated: bool
    stop: bool


class Judge:
    """The policy packs of an operation, in order."""

    def __init__(self, packs: list[PolicyPack], deployment: Deployment) -> None:
        self._packs, self._deployment = packs, deployment
        self._events: Events = deployment.events

    def judge(self, goal: Goal, resource: Resource, provider: Resource | None) -> Verdict:
        """Lets the packs change the resource's inputs, then look at the result. Blocking.

        Raises PolicyPackError when a pack fails."""
        for pack in self._packs:
            self._remediate(pack, goal, resource, provider)
        violated = False
        for pack in self._packs:
            answer = pack.analyze(_request(goal, resource, provider, resource.inputs, internal=False))
            violated = self._report(pack.info, answer.diagnostics, resource.urn) or violated
            self._summarise("policyAnalyzeSummaryEvent", pack.info, "resource", answer, resource.urn)
        return Verdict(violated, violated and not self._deployment.dry_run)

    def judge_stack(self, providers: dict[str, Resource]) -> bool:
        """Lets the packs look at the whole stack as it has become. Blocking. Whether one is violated."""
        resources = [
            _stack_resource(self._deployment, resource, _provider(resource, providers))
            for resource in self._deployment.new_resources()
        ]
        root = urns.make(
            self._deployment.request.stack,
            self._deployment.request.project,
            "",
            "pulumi:pulumi:Stack",
            f"{self._deployment.request.project}-{self._deployment.request.stack}",
        )
        violated = False
        for pack in self._packs:
            answer = pack.analyze_stack(resources)
            violated = self._report(pack.info, answer.diagnostics, root) or violated
            self._summarise("policyAnalyzeStackSummaryEvent", pack.info, "stack", answer, "")
        return violated

    def _remediate(self, pack: PolicyPack, goal: Goal, resource: Resource, provider: Resource | None) -> None:
        found = pack.remediate(_request(goal, resource, provider, resource.inputs, internal=True))
        for one in found:
            if one.diagnostic:
                self._violation(pack.info, one.policyName, resource.urn, one.diagnostic, Level.ADVISORY, "")
                continue
            after = from_struct(one.properties)
            content = _names(pack.info, one.policyName, resource.urn)
            content |= {"before": shown(resource.inputs), "after": shown(after)}
            self._events.emit("policyRemediationEvent", content)
            resource.inputs = after
        answer = analyzer_pb2.AnalyzeResponse()
        for one in found:
            answer.diagnostics.add(policyName=one.policyName)
        self._summarise("policyRemediateSummaryEvent", pack.info, "resource", answer, resource.urn)

    def _report(self, info: PackInfo, diagnostics: Iterable[Any], urn: str) -> bool:
        """Shows violations; whether a mandatory one is among them."""
        severities = {policy.name: policy.severity for policy in info.policies}
        violated = False
        for one in diagnostics:
            level = level_of(one.enforcementLevel)
            if level is Level.REMEDIATE:
                level = Level.MANDATORY  # what could not be remediated must not pass
            violated = violated or level is Level.MANDATORY
            about = one.urn if self._deployment.find(one.urn) is not None else urn
            severity = SEVERITIES[one.severity] or severities.get(one.policyName, "")
            self._violation(info, one.policyName, about, one.message, level, severity)
        return violated

    def _violation(  # noqa: PLR0917 - all that an event tells
        self, info: PackInfo, policy: str, urn: str, message: str, level: Level, severity: str
    ) -> None:
        names = _names(info, policy, urn)
        content = {"resourceUrn": urn} if urn else {}
        content |= {"message": f"<{{%reset%}}>{message}<{{%reset%}}>\n"} | names
        content["enforcementLevel"] = level.value
        if severity:
            content["severity"] = severity
        self._events.emit("policyEvent", content)

    def _summarise(self, event: str, info: PackInfo, kind: str, answer: Any, urn: str) -> None:
        failed = {one.policyName for one in answer.diagnostics}
        left_out = failed | {one.policy_name for one in answer.not_applicable}
        passed = [
            policy.name
            for policy in info.policies
            if policy.kind in ("", kind)
            and policy.level is not Level.DISABLED
            and policy.name not in left_out
        ]
        content = {"resourceUrn": urn} if urn else {}
        content |= {
            "policyPackName": info.name,
            "policyPackVersion": info.version,
            "policyPackVersionTag": info.version,
        }
        summary: dict[str, Any] = dict(content)
        if passed:
            summary["passed"] = sorted(passed)
        if failed:
            summary["failed"] = sorted(failed)
        self._events.emit(event, summary)


def _names(info: PackInfo, policy: str, urn: str) -> dict[str, Any]:
    content: dict[str, Any] = {"resourceUrn": urn} if urn else {}
    return content | {
        "color": "raw",
        "policyName": policy,
        "policyPackName": info.name,
        "policyPackVersion": info.version,
        "policyPackVersionTag": info.version,
    }


def _provider(resource: Resource, providers: dict[str, Resource]) -> Resource | None:
    return providers.get(urns.split_reference(resource.provider)[0]) if resource.provider else None


def _sent(values: PropertyMap, *, internal: bool) -> Any:
    return to_struct({k: v for k, v in values.items() if internal or not k.startswith("__")}, _SEND)


def _request(
    goal: Goal | None, resource: Resource, provider: Resource | None, values: PropertyMap, *, internal: bool
) -> Any:
    return analyzer_pb2.AnalyzeRequest(
        urn=resource.urn,
        type=resource.type,
        name=resource.name,
        properties=_sent(values, internal=internal),
        options=_options(goal, resource),
        provider=_provider_message(provider),
    )


def _provider_message(provider: Resource | None) -> Any:
    if provider is None:
        return None
    return analyzer_pb2.AnalyzerProviderResource(
        urn=provider.urn,
        type=provider.type,
        name=provider.name,
        properties=_sent(provider.inputs, internal=False),
    )


def _options(goal: Goal | None, resource: Resource) -> Any:
    before = goal.delete_before_replace if goal else None
    timeouts = resource.custom_timeouts
    options = analyzer_pb2.AnalyzerResourceOptions(
        protect=resource.protect,
        ignoreChanges=resource.ignore_changes,
        deleteBeforeReplace=bool(before),
        deleteBeforeReplaceDefined=before is not None,
        additionalSecretOutputs=resource.additional_secret_outputs,
        aliases=resource.aliases,
        parent=resource.parent,
    )
    options.customTimeouts.SetInParent()  # there, if only with zeros
    if timeouts:
        options.customTimeouts.create = timeouts.create
        options.customTimeouts.update = timeouts.update
        options.customTimeouts.delete = timeouts.delete
    return options


def _stack_resource(deployment: Deployment, resource: Resource, provider: Resource | None) -> Any:
    message = analyzer_pb2.AnalyzerResource(
        urn=resource.urn,
        type=resource.type,
        name=resource.name,
        properties=_sent(resource.outputs, internal=False),
        options=_options(deployment.goals.get(resource.urn), resource),
        provider=_provider_message(provider),
        parent=resource.parent,
        dependencies=resource.dependencies,
    )
    for key, names in resource.property_dependencies.items():
        if names:
            message.propertyDependencies[key].urns.extend(names)
    return message
