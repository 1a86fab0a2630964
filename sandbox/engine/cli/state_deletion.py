"""Forgetting resources of a deployment document without breaking what is left."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

Resource = Mapping[str, Any]


class DependedOnError(Exception):
    """Other resources stand on the one to forget."""

    def __init__(self, urn: str, dependents: Collection[str]) -> None:
        listing = "".join(f' * "{name_of(d)}"'.ljust(18) + f" ({d})\n" for d in dependents)
        super().__init__(
            f"{urn} can't be safely deleted because the following resources depend on it:\n{listing}"
            "\nDelete those resources first or pass --target-dependents."
        )


class ProtectedError(Exception):
    """The resource to forget is protected."""

    def __init__(self, urn: str) -> None:
        super().__init__(
            f"{urn} can't be safely deleted because it is protected. Re-run this command with --force to "
            "force deletion"
        )


def name_of(urn: str) -> str:
    """The name in a URN."""
    return urn.split("::", 3)[-1]


def without(
    resources: list[dict[str, Any]], urns: Collection[str], *, with_dependents: bool, force: bool
) -> list[dict[str, Any]]:
    """The resources that are left. Raises DependedOnError or ProtectedError."""
    condemned = set(urns)
    dependents = _dependents(resources, condemned)
    if dependents and not with_dependents:
        raise DependedOnError(next(iter(urns)), dependents)
    condemned |= set(dependents)
    if not force:
        for resource in resources:
            if resource["urn"] in condemned and resource.get("protect"):
                raise ProtectedError(str(resource["urn"]))
    return [resource for resource in resources if resource["urn"] not in condemned]


def _dependents(resources: list[dict[str, Any]], condemned: set[str]) -> list[str]:
    """Everything that stands on the condemned, in the order of the state."""
    gone = set(condemned)
    found = []
    for resource in resources:
        urn = str(resource["urn"])
        if urn not in gone and not references(resource).isdisjoint(gone):
            gone.add(urn)
            found.append(urn)
    return found


def references(resource: Resource) -> set[str]:
    """The URNs that a resource stands on."""
    urns = {str(resource.get("parent") or ""), str(resource.get("deletedWith") or "")}
    urns.update(resource.get("dependencies") or [])
    for dependencies in (resource.get("propertyDependencies") or {}).values():
        urns.update(dependencies or [])
    urns.add(str(resource.get("provider") or "").rpartition("::")[0])
    urns.discard("")
    return urns
