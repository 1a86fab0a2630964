"""Which resources an operation is about, by `--target`, `--exclude` and their dependents."""

from __future__ import annotations

from sandbox.engine.deploy.deployment import Deployment
from sandbox.engine.deploy.generation.progress import Progress
from sandbox.engine.deploy.targets import Targets
from sandbox.engine.model import Resource


def included(deployment: Deployment, progress: Progress, resource: Resource) -> bool:
    """Whether the operation is about the resource."""
    if deployment.targets.constrained:
        return targeted(deployment, progress, resource)
    if deployment.excludes.constrained:
        return not excluded(deployment, progress, resource)
    return True


def targeted(deployment: Deployment, progress: Progress, resource: Resource) -> bool:
    """Whether the resource is a target, or with `--target-dependents` hangs on one."""
    if deployment.targets.constrained and resource.urn in deployment.targets:
        return True
    return deployment.target_dependents and _touches(resource, progress.targets)


def excluded(deployment: Deployment, progress: Progress, resource: Resource) -> bool:
    """Whether the resource is excluded, or with `--exclude-dependents` hangs on one that is."""
    if resource.urn in deployment.excludes:
        return True
    return deployment.exclude_dependents and _touches(resource, progress.excludes)


def _touches(resource: Resource, chosen: Targets) -> bool:
    return any(urn in chosen for urn in resource.references())
