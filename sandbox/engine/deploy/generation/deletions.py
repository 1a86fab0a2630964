"""Deletes what the program does not want any more, in an order in which nothing loses what it needs."""

from __future__ import annotations

from collections import defaultdict

from sandbox.engine.deploy.dependency_graph import DependencyGraph
from sandbox.engine.deploy.deployment import Deployment
from sandbox.engine.deploy.failures import Bail
from sandbox.engine.deploy.generation.progress import Progress
from sandbox.engine.deploy.generation.replacements import cascades, dependent_replacements
from sandbox.engine.deploy.steps.base import Step
from sandbox.engine.deploy.steps.changing import DeleteStep
from sandbox.engine.deploy.steps.unchanged import RemovePendingReplaceStep, untargeted_same
from sandbox.engine.model import Resource


def deletions(deployment: Deployment, progress: Progress) -> tuple[list[Step], list[Step]]:
    """Steps that keep what is left out of the operation, and steps that delete what is not wanted."""
    chosen = _Chosen(deployment, progress)
    kept: list[Step] = []
    gone: list[Step] = []
    for listed in deployment.previous.resources:
        resource = progress.refreshed.get(id(listed), listed)
        if not chosen.holds(resource.urn):
            if not progress.operated_on(resource.urn):
                kept.append(untargeted_same(deployment, None, resource))
            continue
        gone += _delete(deployment, progress, resource)
        if resource.urn in progress.deletes:
            deployment.ensure_provider_of(resource)
    for resource in progress.to_delete:
        if chosen.holds(resource.urn):
            progress.deletes.add(resource.urn)
            gone.append(_deletion(deployment, progress, resource))
    _refuse_untargeted(deployment, progress, gone)
    return kept, gone


def _delete(deployment: Deployment, progress: Progress, resource: Resource) -> list[Step]:
    if resource.delete:
        if id(resource) in progress.pending_deletes:
            return []
        progress.deletes.add(resource.urn)
        return [DeleteStep(deployment, resource, None, progress.deletes, replacing=True)]
    if progress.operated_on(resource.urn):
        return []
    progress.deletes.add(resource.urn)
    return [_deletion(deployment, progress, resource)]


def _deletion(deployment: Deployment, progress: Progress, resource: Resource) -> Step:
    """The step that ends a live resource. One that waits for its replacement was deleted before."""
    if resource.pending_replacement:
        return RemovePendingReplaceStep(deployment, resource, None)
    return DeleteStep(deployment, resource, None, progress.deletes)


def _refuse_untargeted(deployment: Deployment, progress: Progress, steps: list[Step]) -> None:
    if deployment.target_dependents:
        return
    outside = [step for step in steps if step.urn not in deployment.targets]
    for step in outside:
        deployment.report(
            step.urn,
            f"Resource '{step.urn}' will be destroyed but was not specified in --target list.\n"
            "Either include resource in --target list or pass --target-dependents to proceed.",
        )
        progress.failed = True
    if outside and not deployment.dry_run:
        raise Bail("delete untargeted resource")


class _Chosen:
    """What may be deleted: all, the targets with what hangs on them, or all but what the excluded need."""

    def __init__(self, deployment: Deployment, progress: Progress) -> None:
        self._allowed: set[str] | None = None
        self._forbidden: set[str] = set()
        if deployment.targets.constrained:
            self._allowed = _with_dependents(deployment, progress)
        elif deployment.excludes.constrained:
            self._forbidden = _with_dependencies(deployment, progress)

    def holds(self, urn: str) -> bool:
        return urn not in self._forbidden if self._allowed is None else urn in self._allowed


def _graph(deployment: Deployment, progress: Progress) -> DependencyGraph:
    graph = DependencyGraph([*progress.to_delete, *deployment.previous.resources])
    by_identity = {id(r): r for r in deployment.previous.resources}
    for identity, refreshed in progress.refreshed.items():
        if identity in by_identity:
            graph.alias(refreshed, by_identity[identity])
    return graph


def _with_dependents(deployment: Deployment, progress: Progress) -> set[str]:
    graph = _graph(deployment, progress)
    frontier = [r for r in deployment.previous.resources if r.urn in deployment.targets]
    targets: set[str] = set()
    while frontier:
        resource = frontier.pop(0)
        if resource.urn not in targets:
            targets.add(resource.urn)
            frontier += graph.depending_on(resource, targets, include_children=True)
    allowed: set[str] = set()
    for urn in targets:
        for resource in deployment.all_olds.get(urn, ()):
            allowed.add(urn)
            dependents = dependent_replacements(deployment, progress, resource)
            allowed.update(d.resource.urn for d in (*dependents, *cascades(deployment, urn)))
    return allowed


def _with_dependencies(deployment: Deployment, progress: Progress) -> set[str]:
    graph = _graph(deployment, progress)
    frontier = [r for r in deployment.previous.resources if r.urn in deployment.excludes]
    kept: set[str] = set()
    while frontier:
        resource = frontier.pop(0)
        if resource.urn in kept:
            continue
        kept.add(resource.urn)
        frontier += graph.dependencies_of(resource)
        if deployment.exclude_dependents:
            frontier += graph.depending_on(resource, kept, include_children=True)
    return {urn for urn in kept if urn in deployment.olds}


def scheduled(deployment: Deployment, progress: Progress, steps: list[Step]) -> list[list[Step]]:
    """The deletions in rounds: those of a round may run beside each other, and nothing of a later round
    depends on something of an earlier one."""
    graph = _graph(deployment, progress)
    by_identity = {id(step.resource): step for step in steps}
    missing: dict[int, int] = {}
    users: dict[int, list[int]] = defaultdict(list)
    for key, step in by_identity.items():
        needed = {id(r) for r in graph.dependencies_of(step.resource)} & by_identity.keys()
        missing[key] = len(needed)
        for other in needed:
            users[other].append(key)
    rounds: list[list[Step]] = []
    free = [key for key, count in missing.items() if count == 0]
    while free:
        rounds.append([by_identity[key] for key in free])
        following = []
        for key in free:
            for user in users[key]:
                missing[user] -= 1
                if missing[user] == 0:
                    following.append(user)
        free = following
    if any(missing.values()):
        raise Bail("the resources to delete depend on each other in a circle")
    rounds.reverse()
    return rounds
