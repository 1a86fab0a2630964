"""Carries the rules to Pulumi: resources in, violations out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pulumi_policy import (
    EnforcementLevel,
    PolicyPack,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.proxy import UnknownValueError

from policies.rule import UNKNOWN, Judged, Rule, StackRule
from policies.rules import RULES, STACK_RULES

NAME = "runctl"


def serve() -> None:
    """Serves the pack to the engine. Does not return while the engine lives."""
    PolicyPack(
        name=NAME,
        enforcement_level=EnforcementLevel.MANDATORY,
        policies=[
            *(resource_policy(rule) for rule in RULES),
            *(stack_policy(rule) for rule in STACK_RULES),
        ],
    )


def resource_policy(rule: Rule) -> ResourceValidationPolicy:
    """``rule`` as Pulumi's policy."""

    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        if args.resource_type in rule.types:
            for violation in rule.check(judged(args)):
                report(f"{args.name}: {violation}", None)

    return ResourceValidationPolicy(name=rule.name, description=rule.description, validate=validate)


def stack_policy(rule: StackRule) -> StackValidationPolicy:
    """``rule`` as Pulumi's policy."""

    def validate(args: StackValidationArgs, report: ReportViolation) -> None:
        resources = [judged(resource) for resource in args.resources]
        for resource, violation in rule.check(resources):
            report(f"{resource.name}: {violation}", resource.urn)

    return StackValidationPolicy(name=rule.name, description=rule.description, validate=validate)


def judged(args: Any) -> Judged:
    """A resource of Pulumi's as rules see it; what is not known yet is marked, not raised."""
    options = getattr(args, "opts", None)
    return Judged(
        type=args.resource_type,
        name=args.name,
        urn=args.urn,
        inputs=known(args.props),
        protect=bool(options.protect) if options else False,
    )


def known(value: Any) -> Any:
    """``value`` as plain data, ``UNKNOWN`` wherever the preview does not know."""
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
