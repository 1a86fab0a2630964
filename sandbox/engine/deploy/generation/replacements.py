"""Which resources have to go before a resource that is deleted to be replaced."""

from __future__ import annotations

from typing import NamedTuple

from sandbox.engine.deploy.deployment import Deployment
from sandbox.engine.deploy.diffing import diff_resource, with_replace_on_changes
from sandbox.engine.deploy.generation.progress import Progress
from sandbox.engine.deploy.providers.api import ProviderError
from sandbox.engine.model import Resource, provider_urn
from sandbox.engine.properties import COMPUTED


class DependentReplace(NamedTuple):
    """A resource that is replaced because another one is, and the properties that make it so."""

    resource: Resource
    keys: tuple[str, ...]


def dependent_replacements(
    deployment: Deployment, progress: Progress, root: Resource
) -> list[DependentReplace]:
    """The resources that must be replaced when `root` is, in dependency order.

    A dependent is replaced when its provider would replace it for unknown values of the properties that come
    from a replaced resource. What is registered already cannot depend on `root` any more."""
    found: list[DependentReplace] = []
    replaced = {root.urn}
    for candidate in deployment.graph.depending_on(root, progress.decided(), include_children=False):
        keys = _replace_keys(deployment, candidate, replaced)
        if keys is not None:
            found.append(DependentReplace(candidate, keys))
            replaced.add(candidate.urn)
    return found


def cascades(deployment: Deployment, urn: str) -> list[DependentReplace]:
    """The resources that name `urn` in `replace_with` or `deleted_with`."""
    found: dict[str, Resource] = {}
    for resource in (*deployment.new_resources(), *deployment.olds.values()):
        if resource.urn not in found and (urn in resource.replace_with or resource.deleted_with == urn):
            found[resource.urn] = resource
    return [DependentReplace(resource, ()) for resource in found.values()]


def _replace_keys(deployment: Deployment, resource: Resource, replaced: set[str]) -> tuple[str, ...] | None:
    """The properties that make the resource be replaced; None when it is not."""
    if not resource.custom or resource.external:
        return None
    if resource.provider and provider_urn(resource.provider) in replaced:
        deployment.ensure_provider_of(resource)
        return ()
    if resource.deleted_with in replaced:
        return ()
    inputs, touched = {}, False
    for key, value in resource.inputs.items():
        changes = any(urn in replaced for urn in resource.property_dependencies.get(key, ()))
        touched = touched or changes
        inputs[key] = COMPUTED if changes else value
    if not touched:
        return None
    if resource.is_provider:
        try:
            deployment.load_same_provider(resource, from_check=False)
        except ProviderError as error:
            raise ProviderError(f"create provider {resource.urn}: {error}") from error
    else:
        deployment.ensure_provider_of(resource)
    diff = diff_resource(
        deployment.provider_of(resource), resource, inputs, True, tuple(resource.ignore_changes)
    )
    diff = with_replace_on_changes(diff, tuple(resource.replace_on_changes), has_init_errors=False)
    return diff.replace_keys if diff.replace else None
