"""Rewrites of whole states: references by former URNs, references to what is gone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from sandbox.engine import urn as urns
from sandbox.engine.model import PendingOperation, Resource, Snapshot


class AliasConflict(ValueError):
    """Two resources claim the same former URN."""


def normalized(snapshot: Snapshot) -> Snapshot:
    """The snapshot with every reference to an alias replaced by the resource's present URN, and without
    aliases. Resources that need no change are the same objects."""
    if not any(r.aliases for r in snapshot.resources):
        return snapshot
    current = _current_urns(snapshot.resources)
    return replace(
        snapshot,
        resources=[_renamed(r, current) for r in snapshot.resources],
        pending_operations=[
            PendingOperation(_renamed(o.resource, current), o.kind) for o in snapshot.pending_operations
        ],
    )


def _current_urns(resources: list[Resource]) -> dict[str, str]:
    current: dict[str, str] = {}
    for resource in resources:
        for alias in resource.aliases:
            if current.get(alias, resource.urn) != resource.urn:
                raise AliasConflict(
                    f"Two resources ('{current[alias]}' and '{resource.urn}') aliased to the same: '{alias}'"
                )
            current[alias] = resource.urn
        parent = current.get(resource.parent) if resource.parent else None
        if parent and not urns.is_stack(parent):
            current[resource.urn] = urns.make(
                urns.stack_of(resource.urn),
                urns.project_of(resource.urn),
                urns.qualified_type_of(parent),
                urns.type_of(resource.urn),
                urns.name_of(resource.urn),
            )
    return current


def _renamed(resource: Resource, current: dict[str, str]) -> Resource:
    def now(urn: str) -> str:
        return current.get(urn, urn)

    changes: dict[str, Any] = {
        "urn": now(resource.urn),
        "parent": now(resource.parent),
        "deleted_with": now(resource.deleted_with),
        "dependencies": [now(u) for u in resource.dependencies],
        "property_dependencies": {
            key: [now(u) for u in names] for key, names in resource.property_dependencies.items()
        },
        "replace_with": [now(u) for u in resource.replace_with],
        "aliases": [],
    }
    if resource.provider:
        urn, identity = urns.split_reference(resource.provider)
        changes["provider"] = f"{now(urn)}::{identity}"
    changes = {name: value for name, value in changes.items() if getattr(resource, name) != value}
    if "property_dependencies" in changes:
        changes["property_dependencies"] = {k: v for k, v in changes["property_dependencies"].items() if v}
    return resource.copy(**changes) if changes else resource


def without_dangling_references(resources: list[Resource]) -> list[Resource]:
    """The resources without dependencies on, and parents among, resources that a refresh found gone.

    A child of a resource that is gone moves up to the next parent that is still there. Resources that need
    no change are the same objects."""
    return [resource.copy(**changes) if changes else resource for resource, changes in _prunings(resources)]


def prune(resources: list[Resource]) -> None:
    """Does the same in place, and drops properties without dependencies everywhere."""
    for resource, changes in _prunings(resources):
        for name, value in changes.items():
            setattr(resource, name, value)
        kept = {key: urn_list for key, urn_list in resource.property_dependencies.items() if urn_list}
        if len(kept) != len(resource.property_dependencies):
            resource.property_dependencies = kept


def in_order(resources: list[Resource]) -> list[Resource]:
    """The resources with everything before what refers to it, else in the order they have.

    What an operation leaves out may stand behind what it has carried over, such as a provider that waits for
    its deletion and that a resource still needs."""
    ordered: list[Resource] = []
    begun: set[int] = set()
    by_reference: dict[str, list[Resource]] = defaultdict(list)
    for resource in resources:
        by_reference[resource.urn].append(resource)
        if resource.is_provider:
            by_reference[f"{resource.urn}::{resource.id}"].append(resource)

    def put(resource: Resource) -> None:
        if id(resource) in begun:
            return
        begun.add(id(resource))
        references = (resource.provider, *sorted(resource.references()))
        for reference in filter(None, references):
            candidates = by_reference[reference]
            if not any(id(candidate) in begun for candidate in candidates):
                for candidate in candidates[:1]:
                    put(candidate)
        ordered.append(resource)

    for resource in resources:
        put(resource)
    return ordered


def _prunings(resources: list[Resource]) -> Iterator[tuple[Resource, dict[str, Any]]]:
    """Every resource with the fields that have to change, {} where nothing dangles."""
    present: set[str] = set()
    heirs: dict[str, str] = {}
    for resource in resources:
        parent = resource.parent if resource.parent in present else heirs.get(resource.parent, "")
        wanted: dict[str, Any] = {
            "parent": parent,
            "dependencies": [u for u in resource.dependencies if u in present],
            "deleted_with": resource.deleted_with if resource.deleted_with in present else "",
            "replace_with": [u for u in resource.replace_with if u in present],
        }
        changes = {name: value for name, value in wanted.items() if getattr(resource, name) != value}
        lists = resource.property_dependencies
        if changes or any(u not in present for names in lists.values() for u in names):
            pruned = {key: [u for u in names if u in present] for key, names in lists.items()}
            changes["property_dependencies"] = {key: names for key, names in pruned.items() if names}
        present.add(resource.urn)
        heirs[resource.urn] = parent
        yield resource, changes
