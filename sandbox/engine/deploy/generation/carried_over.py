"""Resources that an operation leaves out but must keep in order in the state."""

from __future__ import annotations

from sandbox.engine.deploy.deployment import Deployment
from sandbox.engine.deploy.failures import Bail
from sandbox.engine.deploy.generation.progress import Progress
from sandbox.engine.deploy.goal import Registration
from sandbox.engine.deploy.providers.api import ProviderError
from sandbox.engine.deploy.steps.base import Step
from sandbox.engine.deploy.steps.unchanged import untargeted_same
from sandbox.engine.model import Resource, provider_urn


def untargeted_steps(
    deployment: Deployment, progress: Progress, registration: Registration, old: Resource, urn: str
) -> list[Step]:
    """Steps that keep `old`, which is left out, and before it everything of the old state that it depends on
    and that nothing has registered yet."""
    if old.provider and deployment.registry.get(old.provider) is None:
        if deployment.old_provider(old.provider) is None:
            raise ProviderError(f"could not find provider {old.provider} in old state")
        raise ProviderError(
            f"provider {old.provider} for resource {urn} has not been registered yet, this is "
            "due to a change of providers mixed with --target. "
            "Change your program back to the original providers"
        )
    steps: list[Step] = []
    _keep(deployment, progress, registration, old, urn, steps)
    return steps


def _keep(  # noqa: PLR0917 - a walk over the old state
    deployment: Deployment,
    progress: Progress,
    registration: Registration | None,
    old: Resource,
    urn: str,
    steps: list[Step],
) -> None:
    if old.delete:
        return
    progress.seen.add(old.urn)
    progress.sames.update((urn, old.urn))
    if old.provider:
        name = provider_urn(old.provider)
        provider = deployment.olds.get(name)
        if (
            not progress.has_step(name)
            and not progress.operated_on(name)
            and provider is not None
            and old.provider == f"{name}::{provider.id}"
        ):
            _keep(deployment, progress, None, provider, urn, steps)
    for kind, dependency in _references(old):
        if progress.has_step(progress.aliased.get(dependency, dependency)):
            continue
        found = deployment.olds.get(dependency)
        if found is None:
            raise Bail(f"{kind} {dependency} of untargeted resource {urn} has no old state")
        _keep(deployment, progress, None, found, urn, steps)
    steps.append(untargeted_same(deployment, registration, old))


def _references(resource: Resource) -> list[tuple[str, str]]:
    found = [("parent", resource.parent)]
    found += [("dependency", urn) for urn in resource.dependencies]
    for names in resource.property_dependencies.values():
        found += [("property dependency", urn) for urn in names]
    found.append(("deleted with dependency", resource.deleted_with))
    found += [("replace with dependency", urn) for urn in resource.replace_with]
    return [(kind, urn) for kind, urn in found if urn]


def queue_dependencies(deployment: Deployment, progress: Progress, new: Resource) -> None:
    """Queues steps that keep resources of the old state that `new` depends on and nothing registers."""
    if not deployment.targets.constrained:
        return
    for _, urn in _references(new):
        _queue(deployment, progress, urn)


def _queue(deployment: Deployment, progress: Progress, urn: str) -> None:
    if progress.has_step(progress.aliased.get(urn, urn)) or urn in progress.carried_over_urns:
        return
    old = deployment.olds.get(urn)
    if old is None:
        return
    progress.carried_over_urns.add(urn)
    if old.provider:
        name = provider_urn(old.provider)
        provider = deployment.olds.get(name)
        if provider is not None and old.provider == f"{name}::{provider.id}":
            _queue(deployment, progress, name)
    for _, dependency in _references(old):
        _queue(deployment, progress, dependency)
    progress.carried_over.append(untargeted_same(deployment, None, old))


def take_queued(progress: Progress) -> list[Step]:
    """The queued steps that are still needed."""
    queued, progress.carried_over = progress.carried_over, []
    steps = []
    for step in queued:
        if progress.has_step(step.urn) or progress.operated_on(step.urn):
            continue
        progress.seen.add(step.urn)
        progress.sames.add(step.urn)
        steps.append(step)
    return steps
