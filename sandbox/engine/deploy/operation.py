"""The entry point: one operation on one stack, from its request to its result."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sandbox.engine.deploy.actions import Actions
from sandbox.engine.deploy.carrying_out import carry_out, runs_program
from sandbox.engine.deploy.dependency_graph import DependencyGraph
from sandbox.engine.deploy.deployment import Deployment
from sandbox.engine.deploy.engine_service import EngineService
from sandbox.engine.deploy.events import Events
from sandbox.engine.deploy.execution import Happening
from sandbox.engine.deploy.failures import Bail
from sandbox.engine.deploy.grpc_server import LoopbackServer
from sandbox.engine.deploy.imports.importing import unusable_import
from sandbox.engine.deploy.journal import Journal
from sandbox.engine.deploy.language.api import Program
from sandbox.engine.deploy.language.inline import InlineProgram
from sandbox.engine.deploy.language.python_program import PythonProgram
from sandbox.engine.deploy.pending_operations import with_pending_creates_settled
from sandbox.engine.deploy.program_run import ProgramRun
from sandbox.engine.deploy.protocol import engine_pb2_grpc
from sandbox.engine.deploy.providers.api import ConfigurableProvider
from sandbox.engine.deploy.providers.builtin import BuiltinProvider
from sandbox.engine.deploy.providers.dynamic import PACKAGE as DYNAMIC
from sandbox.engine.deploy.providers.dynamic import start_dynamic
from sandbox.engine.deploy.providers.plugin import PluginProvider
from sandbox.engine.deploy.providers.process import attach_port, connect
from sandbox.engine.deploy.providers.registry import ProviderRegistry
from sandbox.engine.deploy.request import (
    Cancellation,
    CheckpointWriter,
    EventSink,
    OperationKind,
    OperationRefused,
    OperationRequest,
    OperationResult,
    StackOutputs,
)
from sandbox.engine.deploy.stopping import Stop
from sandbox.engine.model import Resource, Snapshot
from sandbox.engine.times import now_text

if TYPE_CHECKING:
    from sandbox.engine.deploy.policies.pack import PolicyPack


def run_operation(
    request: OperationRequest,
    snapshot: Snapshot,
    sink: EventSink,
    checkpoints: CheckpointWriter,
    cancel: Cancellation,
    *,
    stacks: StackOutputs | None = None,
) -> OperationResult:
    """Runs the operation to its end. Blocking. `snapshot` is not changed.

    Raises OperationRefused, before anything happens, for what is not supported."""
    _refuse_unsupported(request)
    events = Events(sink)
    base = with_pending_creates_settled(_copied(snapshot), request.options)
    request = _with_protected_excluded(request, base)
    started = time.monotonic()
    try:
        error = (
            _missing_program(request) or _unknown_resource(request, base) or unusable_import(request.imports)
        )
        if error:
            return OperationResult({}, True, False, error, snapshot, 0.0)
        return _Operation(request, base, snapshot, events, checkpoints, cancel, stacks).run(started)
    finally:
        events.cancelled()


def protected_excludes(resources: list[Resource]) -> list[str]:
    """The URNs that `--exclude-protected` leaves out: protected resources and all that they depend on."""
    graph = DependencyGraph(resources)
    kept: dict[int, Resource] = {}
    for resource in resources:
        if resource.protect:
            kept[id(resource)] = resource
            kept.update({id(r): r for r in graph.transitive_dependencies_of(resource)})
    return [resource.urn for resource in kept.values()]


def _refuse_unsupported(request: OperationRequest) -> None:
    options = request.options
    if options.policy_pack_configs and len(options.policy_pack_configs) != len(options.policy_packs):
        raise OperationRefused(
            'the number of "--policy-pack-config" flags must match the number of "--policy-pack" flags'
        )
    if options.targets and options.excludes:
        raise OperationRefused("targets and excludes cannot be combined")
    runtime = request.program.runtime
    if not request.program.client_address and runs_program(request) and runtime != "python":
        raise OperationRefused(f"programs with runtime '{runtime}' are not supported; only python is")


def _copied(snapshot: Snapshot) -> Snapshot:
    return replace(snapshot, resources=[resource.copy() for resource in snapshot.resources])


def _with_protected_excluded(request: OperationRequest, base: Snapshot) -> OperationRequest:
    if not request.options.exclude_protected:
        return request
    excludes = (*request.options.excludes, *protected_excludes(base.resources))
    return replace(request, options=replace(request.options, excludes=excludes))


def _missing_program(request: OperationRequest) -> str | None:
    """What is wrong with the project's `main`."""
    program = request.program
    path = program.root / program.main
    if not program.main or path.exists():
        return None
    return f"project 'main' could not be read: stat {path}: no such file or directory"


def _unknown_resource(request: OperationRequest, base: Snapshot) -> str | None:
    """What is wrong with the targets of an operation that knows nothing but the state."""
    if request.kind not in (OperationKind.REFRESH, OperationKind.DESTROY):
        return None
    known = {resource.urn for resource in base.resources}
    for urn in (*request.options.targets, *request.options.excludes):
        if "*" not in urn and urn not in known:
            return f"no resource named '{urn}' found"
    return None


@dataclass
class _Outcome:
    error: str | None = None
    failed: bool = False


class _Operation:
    """One operation with everything that it holds open."""

    def __init__(  # noqa: PLR0917 - everything of one operation
        self,
        request: OperationRequest,
        base: Snapshot,
        before: Snapshot,
        events: Events,
        checkpoints: CheckpointWriter,
        cancel: Cancellation,
        stacks: StackOutputs | None,
    ) -> None:
        self._request, self._before, self._events, self._cancel = request, before, events, cancel
        self._stopped = Stop()
        self._packs: list[PolicyPack] = []
        service = EngineService(events)
        self._engine = LoopbackServer(
            lambda server: engine_pb2_grpc.add_EngineServicer_to_server(service, server), 16
        )
        self._registry = ProviderRegistry(self._load_provider)
        self._deployment = Deployment(request, base, self._registry, events, now_text)
        self._builtin = BuiltinProvider(stacks, self._deployment.find)
        self._journal = None if request.dry_run else Journal(base, checkpoints, now_text)
        refreshing = request.kind is OperationKind.REFRESH
        self._actions = Actions(events, self._journal, refreshing=refreshing)

    def run(self, started: float) -> OperationResult:
        """Runs it, and gives back everything that was held."""
        request = self._request
        error = self._load_policies() if runs_program(request) else None
        if error:
            self._close()
            return OperationResult({}, True, False, error, self._before, time.monotonic() - started)
        self._events.prelude(request.config, request.secret_keys)
        self._cancel.on_request(self._begin_stop)
        self._cancel.on_force(self._force)
        outcome = _Outcome()
        try:
            carry_out(self._deployment, self._actions, self._stopped, self._program_run)
            if self._journal:
                self._journal.close()
        except Bail:
            outcome.failed = True
            outcome.error = self._settle()
        except OperationRefused:
            raise
        except Exception as error:
            outcome = _Outcome(str(error) or type(error).__name__, failed=True)
            self._settle()
        finally:
            self._close()
        return self._result(outcome, started)

    def _load_policies(self) -> str | None:
        """Starts the policy packs; what went wrong, if anything."""
        options = self._request.options
        if not options.policy_packs:
            return None
        from sandbox.engine.deploy.policies.judge import Judge
        from sandbox.engine.deploy.policies.pack import InvalidPolicyConfig, PolicyPack, PolicyPackError

        configs = options.policy_pack_configs or (None,) * len(options.policy_packs)
        try:
            for path, config in zip(options.policy_packs, configs, strict=True):
                self._events.emit("policyLoadEvent", {})
                pack = PolicyPack(
                    path, config or None, self._request, self._engine.address, self._events.output()
                )
                self._packs.append(pack)
        except (PolicyPackError, OperationRefused) as error:
            if isinstance(error, InvalidPolicyConfig):
                for problem in error.problems:
                    self._events.error("", problem)
            return str(error)
        self._deployment.judge = Judge(self._packs, self._deployment)
        return None

    def _close(self) -> None:
        self._registry.close()
        for pack in self._packs:
            pack.close()
        self._engine.stop()

    def _settle(self) -> str | None:
        """Writes what is left to be written after a failure; what went wrong with that, if anything."""
        if self._journal is None or self._cancel.forced:
            return None
        try:
            self._journal.close()
        except Exception as error:
            return f"failed to save the state: {error}"
        return None

    def _result(self, outcome: _Outcome, started: float) -> OperationResult:
        seconds = time.monotonic() - started
        cancelled = self._cancel.requested and outcome.failed
        self._events.summary(
            preview=self._request.dry_run,
            corrupt=self._actions.maybe_corrupt,
            seconds=seconds,
            changes=self._actions.changes,
            policy_packs={pack.info.label: pack.info.version for pack in self._packs},
            result="failed" if outcome.failed else "succeeded",
        )
        return OperationResult(
            {op.value: count for op, count in self._actions.changes.items()},
            outcome.failed,
            cancelled,
            outcome.error,
            self._journal.snapshot() if self._journal else self._before,
            seconds,
            None if outcome.failed else self._deployment.made_plan,
        )

    def _begin_stop(self) -> None:
        self._stopped.stop()
        self._registry.cancel()

    def _force(self) -> None:
        if self._journal:
            self._journal.freeze()
        self._registry.close()

    def _program_run(self, post: Callable[[Happening], None]) -> ProgramRun:
        return ProgramRun(self._deployment, self._program(), self._engine.address, post)

    def _program(self) -> Program:
        if self._request.program.client_address:
            return InlineProgram(self._request)
        return PythonProgram(self._request, self._events.output())

    def _load_provider(self, package: str, version: str) -> ConfigurableProvider:
        if package == "pulumi":
            return self._builtin
        request, address = self._request, self._engine.address
        if package == DYNAMIC and attach_port(package, request.environment) is None:
            connection = start_dynamic(request, address, self._events.output())
        else:
            connection = connect(package, version, request, address, self._events.hidden_output)
        provider = PluginProvider(connection, self._engine.address)
        warning = provider.warning_of_age(package, version) if version else None
        if warning:
            self._events.warning("", warning)
        return provider
