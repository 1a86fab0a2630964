"""Carries out `pulumi import`: what the stack has stays, providers are made, resources are read."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import replace

from sandbox.engine import urn as urns
from sandbox.engine.deploy.actions import Actions
from sandbox.engine.deploy.deployment import Deployment
from sandbox.engine.deploy.failures import Bail
from sandbox.engine.deploy.imports.providers import provider_urn_of, providers_to_make
from sandbox.engine.deploy.imports.wanted import Import
from sandbox.engine.deploy.providers.default_resources import ANY_PLUGIN, PluginSource
from sandbox.engine.deploy.providers.default_versions import default_sources
from sandbox.engine.deploy.step_executor import StepExecutor
from sandbox.engine.deploy.steps.base import Step
from sandbox.engine.deploy.steps.changing import CreateStep
from sandbox.engine.deploy.steps.importing import CommandedImportStep
from sandbox.engine.deploy.steps.unchanged import SameStep
from sandbox.engine.deploy.stopping import Stop
from sandbox.engine.model import STACK_TYPE, Resource


def unusable_import(imports: Iterable[Import]) -> str | None:
    """What is wrong with imports that no provider can be asked for."""
    for wanted in imports:
        if wanted.managed and wanted.type.count(":") != 2:
            return (
                f'import type "{wanted.type}" is not a valid resource type token. Type tokens must be of the '
                "format <package>:<module>:<type> - refer to the import section of the provider resource "
                "documentation."
            )
    return None


class _ImportFailed(Exception):
    """The import cannot go on; the message says why."""


def import_resources(deployment: Deployment, actions: Actions, cancelled: Stop) -> None:
    """Imports what the request wants. Blocking. Raises Bail when it failed and people have been told why."""
    stop = Stop()
    cancelled.on_stop(stop.stop)
    executor = StepExecutor(deployment, actions, stop, cancelled, ignore_errors=True)
    what = "preview" if deployment.dry_run else "update"
    try:
        _Importing(deployment, executor).run()
    except Exception as error:
        executor.wait()
        how = "canceled" if cancelled.stopped else f"failed: {error}"
        deployment.report("", f"{what} {how}")
        raise Bail(str(error)) from error
    executor.wait()
    if cancelled.stopped:
        deployment.report("", f"{what} canceled")
        raise Bail("canceled")


class _Importing:
    def __init__(self, deployment: Deployment, executor: StepExecutor) -> None:
        self._deployment, self._executor = deployment, executor
        self._imports = _with_plugins(deployment)
        self._references: dict[str, str] = {}

    def run(self) -> None:
        """Raises an exception, whose message says what failed."""
        if not self._imports:
            return
        for resource in self._deployment.previous.resources:
            if not resource.delete:
                self._execute([SameStep(self._deployment, resource, resource.copy(id=""))])
        root, step = self._root()
        if step:
            self._execute([step])
        self._make_providers()
        self._take_in(root)

    def _execute(self, steps: Iterable[Step]) -> None:
        self._executor.run_beside(steps)
        if self._executor.error:
            raise _ImportFailed(f"step application failed: {self._executor.error}")
        if self._executor.stop.stopped:
            raise _ImportFailed("canceled")

    def _root(self) -> tuple[str, Step | None]:
        """The URN of the stack's own resource, and what makes it when there is none."""
        deployment = self._deployment
        for resource in deployment.previous.resources:
            if resource.type == STACK_TYPE and not resource.parent:
                return resource.urn, None
        request = deployment.request
        urn = deployment.urn_for("", STACK_TYPE, f"{request.project}-{request.stack}")
        return urn, CreateStep(deployment, None, Resource(urn=urn, type=STACK_TYPE))

    def _make_providers(self) -> None:
        deployment = self._deployment
        olds = deployment.olds
        made = list(providers_to_make(deployment, self._imports))
        self._execute(CreateStep(deployment, None, resource) for resource in made)
        for resource in made:
            self._references[resource.urn] = f"{resource.urn}::{resource.id}"
        for urn, resource in olds.items():
            if resource.is_provider:
                self._references[urn] = f"{urn}::{resource.id}"

    def _take_in(self, root: str) -> None:
        """Imports parents before their children, and beside each other what does not depend on each other."""
        waiting = self._steps(root)
        while waiting:
            ready = [step for step in waiting.values() if step.resource.parent not in waiting]
            for step in ready:
                del waiting[step.urn]
            self._execute(ready)

    def _steps(self, root: str) -> dict[str, Step]:
        steps: dict[str, Step] = {}
        seen: set[str] = set()
        for wanted in self._imports:
            if urns.is_provider_type(wanted.type):
                continue
            urn = self._deployment.urn_for(wanted.parent or root, wanted.type, wanted.name)
            if urn in seen:
                raise _ImportFailed(f"duplicate import '{wanted.name}' of type '{wanted.type}'")
            if self._is_there(urn, wanted):
                continue
            seen.add(urn)
            steps[urn] = self._step(urn, wanted, root)
        return steps

    def _is_there(self, urn: str, wanted: Import) -> bool:
        old = self._deployment.olds.get(urn)
        return old is not None and (old.import_id or old.id) == wanted.identity

    def _step(self, urn: str, wanted: Import, root: str) -> Step:
        provider = provider_urn_of(self._deployment, wanted) if wanted.managed or wanted.provider else ""
        new = Resource(
            urn=urn,
            type=wanted.type,
            custom=not wanted.component,
            inputs=wanted.inputs or {},
            outputs=wanted.outputs or {},
            parent=wanted.parent or root,
            protect=wanted.protect,
            provider=self._references[provider] if provider else "",
            import_id=wanted.identity,
        )
        return CommandedImportStep(self._deployment, None, new, wanted, secrets.token_bytes(32))


def _with_plugins(deployment: Deployment) -> list[Import]:
    """The imports, each with the plugin of its default provider."""
    request = deployment.request
    sources: Mapping[str, PluginSource] | None = None
    settled = []
    for wanted in request.imports:
        if wanted.provider or not wanted.managed or urns.is_provider_type(wanted.type):
            settled.append(wanted)
            continue
        if sources is None:
            sources = default_sources(request, deployment.previous.resources)
        usual = sources.get(urns.package_of(wanted.type), ANY_PLUGIN)
        settled.append(replace(wanted, source=wanted.source.or_else(usual)))
    return settled
