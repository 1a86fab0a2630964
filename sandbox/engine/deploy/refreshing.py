"""Brings the state in line with what is there, before an operation or as the operation itself."""

from __future__ import annotations

from collections.abc import Iterator

from sandbox.engine.deploy.actions import Actions
from sandbox.engine.deploy.deployment import Deployment
from sandbox.engine.deploy.failures import Bail
from sandbox.engine.deploy.generation.progress import Progress
from sandbox.engine.deploy.providers.api import ProviderError
from sandbox.engine.deploy.step_executor import StepExecutor
from sandbox.engine.deploy.steps.base import Step
from sandbox.engine.deploy.steps.reading import RefreshStep
from sandbox.engine.deploy.stopping import Stop
from sandbox.engine.model import Resource


def refresh(
    deployment: Deployment, actions: Actions, cancelled: Stop, *, only_before_update: bool = False
) -> None:
    """Refreshes all resources that the operation is about; with `only_before_update` those that ask for it.

    Blocking. Raises Bail when a resource could not be read; the others are refreshed all the same."""
    if not deployment.previous.resources:
        return
    chosen = list(_chosen(deployment, only_before_update))
    try:
        for resource in chosen:
            deployment.ensure_provider_of(resource)
    except ProviderError as error:
        deployment.report("", str(error))
        raise Bail(str(error)) from error
    steps: dict[int, Step] = {id(r): RefreshStep(deployment, r, r) for r in chosen}
    stop = Stop()
    cancelled.on_stop(stop.stop)
    executor = StepExecutor(deployment, actions, stop, cancelled, ignore_errors=True)
    executor.run_beside(steps.values())
    executor.wait()
    deployment.rebase(steps)
    what = "preview" if deployment.dry_run else "update"
    if executor.error:
        deployment.report("", f"{what} failed")
        raise Bail(str(executor.error))
    if cancelled.stopped:
        deployment.report("", f"{what} canceled")
        raise Bail("canceled")


def _chosen(deployment: Deployment, only_before_update: bool) -> Iterator[Resource]:
    targets, excludes = deployment.targets.copy(), deployment.excludes.copy()
    for resource in deployment.previous.resources:
        if only_before_update and not resource.refresh_before_update:
            continue
        if excludes.constrained:
            if resource.urn in excludes:
                continue
            if deployment.exclude_dependents and any(u in excludes for u in resource.references()):
                excludes.add(resource.urn)
                continue
            yield resource
        elif resource.urn in targets:
            yield resource
        elif deployment.target_dependents and any(u in targets for u in resource.references()):
            targets.add(resource.urn)
            yield resource


def refresh_remaining(deployment: Deployment, progress: Progress, executor: StepExecutor) -> None:
    """Refreshes what a refresh that runs the program did not meet in the program."""
    steps: dict[int, Step] = {}
    for resource in deployment.previous.resources:
        chosen = (
            resource.urn not in deployment.excludes
            if deployment.excludes.constrained
            else resource.urn in deployment.targets
        )
        if chosen and not progress.operated_on(resource.urn):
            deployment.ensure_provider_of(resource)
            progress.refreshes.add(resource.urn)
            steps[id(resource)] = RefreshStep(deployment, resource, resource)
    executor.run_beside(steps.values())
    deployment.rebase(steps)
