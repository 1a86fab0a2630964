"""Allowed regions and instance types, from a project's ``policies.yaml``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any

from policies.environment import ENVIRONMENTS, GROUP, INSTANCE, TEMPLATE
from policies.rule import UNKNOWN, Judged, Rule, Settings, Violation, items, mappings, section, shown


def other_region(resource: Judged, settings: Settings) -> Iterator[Violation]:
    """A resource in a region that is not listed. Without a list every region is allowed."""
    region = resource.inputs.get("region")
    if isinstance(region, str) and region and not _is_allowed(region, settings.get("regions")):
        yield Violation(
            found=f"region is {region}",
            allowed=_listed(settings["regions"]),
            field="region" if resource.type in ENVIRONMENTS else None,
        )


def other_type(resource: Judged, settings: Settings) -> Iterator[Violation]:
    """An instance type that is not listed: the requested one, and those for failover."""
    allowed = settings.get("types")
    for kind, field in _asked(resource):
        if kind is not UNKNOWN and not _is_allowed(str(kind), allowed):
            yield Violation(
                found=f"instance type {shown(kind)}", allowed=_listed(settings["types"]), field=field
            )


def _asked(resource: Judged) -> Iterator[tuple[Any, str | None]]:
    kind = resource.inputs.get("instanceType")
    if resource.type == GROUP:
        template = section(section(resource.inputs, "mixedInstancesPolicy"), "launchTemplate")
        for override in mappings(template, "overrides"):
            yield override.get("instanceType"), None
        return
    if resource.type in (INSTANCE, TEMPLATE):
        if kind is not None:
            yield kind, None
        return
    candidates = list(items(resource.inputs, "instanceTypes"))
    for index, candidate in enumerate(candidates):
        yield candidate, f"resources.instance_types[{index}]"
    if kind is not None and kind not in candidates:
        yield kind, "resources.instance_types"


def _is_allowed(name: str, patterns: Any) -> bool:
    return not patterns or any(fnmatchcase(name, str(pattern)) for pattern in patterns)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)


_NAMES = {"type": "array", "items": {"type": "string", "minLength": 1}, "default": []}

REGION_RULE = Rule(
    name="allowed-regions",
    description="Everything is made in a region that the project allows.",
    reads=frozenset({"region"}),
    check=other_region,
    schema={"regions": {**_NAMES, "description": "regions such as us-east-1 or eu-*; none: all"}},
)
TYPE_RULE = Rule(
    name="allowed-instance-types",
    description="Machines are of types that the project allows.",
    types=frozenset({*ENVIRONMENTS, INSTANCE, TEMPLATE, GROUP}),
    reads=frozenset({"instanceType", "instanceTypes", "mixedInstancesPolicy.launchTemplate.overrides"}),
    check=other_type,
    schema={"types": {**_NAMES, "description": "instance types such as m5.large or g5.*; none: all"}},
)
