"""Finds the resource of the old state that a registration is about, by URN or by alias."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sandbox.engine import urn as urns
from sandbox.engine.deploy.deployment import Deployment
from sandbox.engine.deploy.generation.progress import Progress
from sandbox.engine.deploy.goal import Alias, Goal
from sandbox.engine.model import Resource


class Found(NamedTuple):
    """The old resource, if any, the alias that it was found by, and whether the claim conflicts."""

    old: Resource | None
    alias: str
    conflict: bool


def find_old(deployment: Deployment, progress: Progress, urn: str, goal: Goal) -> Found:
    """The old resource of a goal. Conflicts are reported as errors."""
    conflict = False
    if urn in progress.aliased:
        conflict = True
        deployment.report(
            urn,
            f"Duplicate resource URN '{urn}' conflicting with alias on resource with URN "
            f"'{progress.aliased[urn]}'",
        )
    for candidate in (urn, *_alias_urns(deployment, progress, goal)):
        old = deployment.olds.get(candidate)
        if old is None:
            continue
        if candidate == urn:
            return Found(old, "", conflict)
        other = urn if candidate in progress.seen else progress.aliased.get(candidate)
        if other:
            conflict = True
            deployment.report(
                urn,
                f"Duplicate resource alias '{candidate}' applied to resource with URN '{urn}' "
                f"conflicting with resource with URN '{other}'",
            )
        progress.aliased[candidate] = urn
        progress.aliases[urn] = candidate
        deployment.registry.register_alias(urn, candidate)
        return Found(old, candidate, conflict)
    return Found(None, "", conflict)


def _alias_urns(deployment: Deployment, progress: Progress, goal: Goal) -> list[str]:
    found: dict[str, None] = {}
    for alias in goal.aliases:
        found[_alias_urn(deployment, progress, goal, alias)] = None
    for urn in _inherited(deployment, progress, goal):
        found[urn] = None
    return list(found)


def _alias_urn(deployment: Deployment, progress: Progress, goal: Goal, alias: Alias) -> str:
    if alias.urn:
        return alias.urn
    parent = progress.aliases.get(alias.parent, alias.parent) if alias.parent else goal.parent
    parent_type = "" if alias.no_parent else urns.parent_type_of(parent)
    return urns.make(
        alias.stack or deployment.request.stack,
        alias.project or deployment.request.project,
        parent_type,
        alias.type or goal.type,
        alias.name or goal.name,
    )


def _inherited(deployment: Deployment, progress: Progress, goal: Goal) -> Iterator[str]:
    """Aliases that follow from the parent having been found by an alias."""
    parent_alias = progress.aliases.get(goal.parent) if goal.parent else None
    if not parent_alias:
        return
    identities = [(goal.type, goal.name)]
    for alias in goal.aliases:
        urn = _alias_urn(deployment, progress, goal, alias)
        identities.append((urns.type_of(urn), urns.name_of(urn)))
    parent_name = urns.name_of(goal.parent)
    for resource_type, name in identities:
        former = name
        if name.startswith(parent_name):
            former = urns.name_of(parent_alias) + name[len(parent_name) :]
        yield urns.make(
            deployment.request.stack,
            deployment.request.project,
            urns.qualified_type_of(parent_alias),
            resource_type,
            former,
        )
