"""Who depends on whom among the resources of a state, which lists every resource after what it depends on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Set
from typing import NamedTuple

from sandbox.engine.model import Resource, provider_urn


class _Edges(NamedTuple):
    parent: str
    others: frozenset[str]
    provider: str


def _edges(resource: Resource) -> _Edges:
    others = set(resource.dependencies)
    for urns in resource.property_dependencies.values():
        others.update(urns)
    others.update(u for u in (resource.deleted_with, *resource.replace_with) if u)
    provider = provider_urn(resource.provider) if resource.provider else ""
    return _Edges(resource.parent, frozenset(others), provider)


class DependencyGraph:
    """Dependencies among `resources`, in their order. Resources are told apart by identity."""

    def __init__(self, resources: Iterable[Resource]) -> None:
        self._resources = list(resources)
        self._index = {id(r): i for i, r in enumerate(self._resources)}
        self._by_urn: dict[str, list[int]] = defaultdict(list)
        self._children: dict[str, list[int]] = defaultdict(list)
        latest: dict[str, int] = {}
        for i, resource in enumerate(self._resources):
            self._by_urn[resource.urn].append(i)
            latest[resource.urn] = i
            parent = resource.parent
            while parent:
                self._children[parent].append(i)
                at = latest.get(parent)
                parent = self._resources[at].parent if at is not None else ""

    def alias(self, new: Resource, existing: Resource) -> None:
        """Lets `new` stand for `existing` in questions."""
        self._index[id(new)] = self._index[id(existing)]

    def __contains__(self, resource: Resource) -> bool:
        return id(resource) in self._index

    def depending_on(self, resource: Resource, ignore: Set[str], *, include_children: bool) -> list[Resource]:
        """Everything that depends on the resource, directly or not, in order; with `include_children` its
        children and theirs too. URNs in `ignore`, and what hangs on them only, are left out."""
        found: list[Resource] = []
        urns = {resource.urn}
        for candidate in self._resources[self._index[id(resource)] + 1 :]:
            if candidate.urn in ignore:
                continue
            edges = _edges(candidate)
            if (
                (include_children and edges.parent in urns)
                or edges.provider in urns
                or not edges.others.isdisjoint(urns)
            ):
                found.append(candidate)
                urns.add(candidate.urn)
        return found

    def dependencies_of(self, resource: Resource) -> list[Resource]:
        """What the resource depends on directly, its parent, and the children of components among these."""
        limit = self._index[id(resource)]
        edges = _edges(resource)
        found: dict[int, Resource] = {}
        for urn in (*edges.others, edges.provider):
            for i in self._before(urn, limit):
                found[i] = self._resources[i]
                if not self._resources[i].custom:
                    found.update({c: self._resources[c] for c in self._children[urn] if c < limit})
        for i in self._before(edges.parent, limit):
            found[i] = self._resources[i]
        return list(found.values())

    def _before(self, urn: str, limit: int) -> list[int]:
        return [i for i in self._by_urn.get(urn, ()) if i < limit] if urn else []

    def transitive_dependencies_of(self, resource: Resource) -> list[Resource]:
        """Everything that the resource depends on, directly or not, with all parents; without itself.

        Of two resources with one URN, a resource pending deletion means the one pending deletion."""
        found: dict[int, Resource] = {}
        start = self._lookup(resource, resource.urn)
        pending = [start] if start else []
        while pending:
            current = pending.pop()
            if id(current) in found:
                continue
            found[id(current)] = current
            edges = _edges(current)
            for urn in (*edges.others, edges.provider, edges.parent):
                next_one = self._lookup(current, urn) if urn else None
                if next_one:
                    pending.append(next_one)
        found.pop(id(resource), None)
        return list(found.values())

    def _lookup(self, start: Resource, urn: str) -> Resource | None:
        old = new = None
        for i in self._by_urn.get(urn, ()):
            if self._resources[i].delete:
                old = self._resources[i]
            else:
                new = self._resources[i]
        if old and new:
            return old if start.delete else new
        return old or new
