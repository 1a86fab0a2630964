"""The course of an operation: what is refreshed, whether the program runs, and to what end."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.engine.deploy.actions import Actions
from sandbox.engine.deploy.deployment import Deployment
from sandbox.engine.deploy.execution import Execution, Happening, RunningProgram, unknown_targets
from sandbox.engine.deploy.failures import Bail
from sandbox.engine.deploy.generation.step_generator import Mode
from sandbox.engine.deploy.imports.importing import import_resources
from sandbox.engine.deploy.pending_operations import pending_warning
from sandbox.engine.deploy.refreshing import refresh
from sandbox.engine.deploy.request import OperationKind, OperationRequest
from sandbox.engine.deploy.stopping import Stop


def runs_program(request: OperationRequest) -> bool:
    """Whether the operation runs the program: updates do, refreshes and destroys when they are told to."""
    return request.kind in (OperationKind.PREVIEW, OperationKind.UPDATE) or request.options.run_program


def carry_out(
    deployment: Deployment,
    actions: Actions,
    stopped: Stop,
    program: Callable[[Callable[[Happening], None]], RunningProgram],
) -> None:
    """Carries the operation out. Blocking. Raises Bail when it failed and people have been told why."""
    request = deployment.request
    if request.kind is OperationKind.IMPORT:
        import_resources(deployment, actions, stopped)
        return
    options, pending = request.options, deployment.previous.pending_operations
    with_program = runs_program(request)
    wants_refresh = options.refresh or request.kind is OperationKind.REFRESH
    if wants_refresh and not options.run_program:
        refresh(deployment, actions, stopped)
        if request.kind is OperationKind.REFRESH:
            return
    elif not wants_refresh and any(r.refresh_before_update for r in deployment.previous.resources):
        refresh(deployment, actions, stopped, only_before_update=True)
    elif pending and not request.dry_run:
        deployment.events.warning("", pending_warning(pending))
    if unknown_targets(deployment, deployment.replace_targets.literals, None):
        raise Bail("one or more targets could not be found in the stack")
    Execution(
        deployment,
        actions,
        stopped,
        program if with_program else None,
        mode=_mode(request),
        refresh=wants_refresh and options.run_program,
    ).run()


def _mode(request: OperationRequest) -> Mode:
    if request.kind is OperationKind.REFRESH:
        return Mode.REFRESH
    if request.kind is OperationKind.DESTROY and request.options.run_program:
        return Mode.DESTROY
    return Mode.UPDATE
