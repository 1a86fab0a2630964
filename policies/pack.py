"""Adapts the rules to Pulumi: resources in, violations out."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pulumi_policy import (
    EnforcementLevel,
    PolicyConfigSchema,
    PolicyPack,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, UnknownValueError

from policies.rule import UNKNOWN, Judged, Rule, StackRule
from policies.rules import LATER, RULES, STACK_RULES

NAME = "runctl"


def serve() -> None:
    """Serves the pack to the engine. Does not return while the engine runs."""
    PolicyPack(
        name=NAME,
        enforcement_level=EnforcementLevel.MANDATORY,
        policies=[
            *(resource_policy(rule) for rule in RULES),
            *(stack_policy(rule) for rule in STACK_RULES),
            later_policy(RULES),
        ],
    )


def resource_policy(rule: Rule) -> ResourceValidationPolicy:
    """``rule`` as a Pulumi policy. A rule with a remedy applies it unless the project disables that."""

    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        if rule.concerns(args.resource_type) and is_made(args):
            for violation in rule.check(judged(args), args.get_config()):
                report(f"{args.name}: {violation}", None)

    def remediate(args: ResourceValidationArgs) -> Mapping[str, Any] | None:
        if rule.remedy is None or not rule.concerns(args.resource_type) or not is_made(args):
            return None
        resource = judged(args)
        changed = rule.remedy(resource)
        # Assets are returned from here without their hash, and would be uploaded again every time.
        if changed is None or any(_holds_content(each) for each in resource.inputs.values()):
            return None
        for key, value in changed.items():
            args.props[key] = _sent(value)
        inputs: Mapping[str, Any] = args.props
        return inputs

    return ResourceValidationPolicy(
        name=rule.name,
        description=rule.description,
        validate=validate,
        remediate=remediate if rule.remedy else None,
        enforcement_level=EnforcementLevel.REMEDIATE if rule.remedy else None,
        config_schema=PolicyConfigSchema({key: dict(value) for key, value in rule.schema.items()})
        if rule.schema
        else None,
    )


def stack_policy(rule: StackRule) -> StackValidationPolicy:
    """``rule`` as a Pulumi policy."""

    def validate(args: StackValidationArgs, report: ReportViolation) -> None:
        resources = [judged(resource) for resource in args.resources if is_made(resource)]
        for resource, violation in rule.check(resources):
            report(f"{resource.name}: {violation}", resource.urn)

    return StackValidationPolicy(name=rule.name, description=rule.description, validate=validate)


def later_policy(rules: Sequence[Rule]) -> ResourceValidationPolicy:
    """Reports unknown values of a preview: without this, rules that cannot evaluate them would be silent."""

    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        if not is_made(args):
            return
        concerned = [rule for rule in rules if rule.concerns(args.resource_type)]
        resource = judged(args)
        for rule in concerned:
            unseen = ", ".join(rule.not_known(resource))
            if unseen:
                report(f"{args.name}: {rule.name} judges at `up` what is not known yet: {unseen}", None)

    return ResourceValidationPolicy(
        name=LATER,
        description="What a preview does not know yet is judged when it is about to be made.",
        validate=validate,
        enforcement_level=EnforcementLevel.ADVISORY,
    )


def is_made(args: Any) -> bool:
    """Whether the resource exists or is to be made. When an operation has targets, the engine shows what is
    neither without any inputs; a provider's check leaves at least the list of its defaults.
    """
    return len(args.props) > 0


def judged(args: Any) -> Judged:
    """A Pulumi resource as seen by rules; unknown values are marked, not raised."""
    options = getattr(args, "opts", None)
    return Judged(
        type=args.resource_type,
        name=args.name,
        urn=args.urn,
        inputs=known(args.props),
        protect=bool(options.protect) if options else False,
        default_tags=_default_tags(args.provider),
        sources={
            key: frozenset(resource.urn for resource in resources)
            for key, resources in getattr(args, "property_dependencies", {}).items()
        },
    )


def known(value: Any) -> Any:
    """``value`` as plain data, ``UNKNOWN`` wherever a preview does not know it."""
    if isinstance(value, Mapping):
        return {key: _item(value.__getitem__, key) for key in value}
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return [_item(value.__getitem__, index) for index in range(len(value))]
    return value


def _item(read: Callable[[Any], Any], key: Any) -> Any:
    try:
        return known(read(key))
    except UnknownValueError:
        return UNKNOWN


def _sent(value: Any) -> Any:
    """Plain data as Pulumi accepts it: the inverse of ``known``."""
    if value is UNKNOWN:
        return UNKNOWN_STRING_VALUE
    if isinstance(value, Mapping):
        return {key: _sent(each) for key, each in value.items()}
    return [_sent(each) for each in value] if isinstance(value, list) else value


def _default_tags(provider: Any) -> Mapping[str, Any]:
    """The provider's default tags. Nested settings of providers are JSON texts."""
    found = known(provider.props).get("defaultTags") if provider is not None else None
    if isinstance(found, str):
        found = _parsed(found)
    tags = found.get("tags") if isinstance(found, Mapping) else None
    return tags if isinstance(tags, Mapping) else {}


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _holds_content(value: object) -> bool:
    """Whether it is one of Pulumi's assets or archives.

    Detected by class name: a pack needs only the policy part of the SDK.
    """
    return any(
        each.__name__ in ("Asset", "Archive") and each.__module__.startswith("pulumi.")
        for each in type(value).__mro__
    )
