"""Running an operation on a stack: lock, plan, question, deployment, history."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import FrameType

from sandbox.engine.backend.history import HistoryRecord
from sandbox.engine.backend.reference import StackReference
from sandbox.engine.cli.commands.config_write import set_from_flags
from sandbox.engine.cli.errors import CommandError, ExitCode
from sandbox.engine.cli.operation_display import OperationSink, operation_sink
from sandbox.engine.cli.operation_request import operation_request
from sandbox.engine.cli.other_stacks import OtherStacks
from sandbox.engine.cli.plan_file import read_plan
from sandbox.engine.cli.session import Session
from sandbox.engine.cli.snapshot_writer import NoWriter, SnapshotWriter
from sandbox.engine.cli.stack_state import StackState, load_stack_state
from sandbox.engine.cli.truth import is_truthy
from sandbox.engine.cli.update_metadata import update_environment
from sandbox.engine.deploy.imports.wanted import Import
from sandbox.engine.deploy.plans.plan import Plan
from sandbox.engine.deploy.request import (
    Cancellation,
    CheckpointWriter,
    OperationKind,
    OperationRefused,
    OperationRequest,
    OperationResult,
)

_TITLES = {
    OperationKind.PREVIEW: ("update", ""),
    OperationKind.UPDATE: ("update", "Updating"),
    OperationKind.REFRESH: ("refresh", "Refreshing"),
    OperationKind.DESTROY: ("destroy", "Destroying"),
    OperationKind.IMPORT: ("import", "Importing"),
}


_CANCELLING = {
    "stdoutEvent": {
        "message": "^C received; cancelling. If you would like to terminate immediately, press ^C again.\n"
        "Note that terminating immediately may lead to orphaned resources and other inconsistencies.\n",
        "color": "never",
    }
}


@dataclass(frozen=True)
class Outcome:
    """What came of an operation that did not fail."""

    state: StackState
    """What it started from."""
    changes: Mapping[str, int]
    plan: Plan | None = None

    @property
    def changed(self) -> bool:
        """Whether anything was or would be changed."""
        return any(count for op, count in self.changes.items() if op not in ("same", "read"))


def run_operation_command(
    session: Session, kind: OperationKind, imports: Callable[[StackState], tuple[Import, ...]] | None = None
) -> Outcome:
    """Runs up, refresh, destroy or import; shows the plan and asks first unless flags say otherwise.
    `imports` tells what an import takes in.

    Raises CommandError; its text is empty when the display has told the failure.
    """
    flags = session.flags
    yes = flags.on("yes") or is_truthy(session.environment.get("PULUMI_SKIP_CONFIRMATIONS", ""))
    preview_only = flags.on("preview-only")
    if not (yes or flags.on("skip-preview") or preview_only or session.interactive):
        raise CommandError(
            "--yes or --skip-preview or --preview-only must be passed in to proceed when running in "
            "non-interactive mode",
            ExitCode.BAD_CONFIGURATION,
        )
    reference = session.require_stack(may_create=True)
    if preview_only:
        return plan(session, reference, kind, imports)
    strict = flags.on("strict")
    if strict and flags.on("skip-preview"):
        raise CommandError("--strict cannot be used with --skip-preview; strict requires a preview")
    state = _load(session, reference, kind)
    wanted = imports(state) if imports else ()
    limits = _given_plan(session, state)
    with session.backend.locks.hold(reference):
        if not flags.on("skip-preview"):
            previewed = _run(
                session, state, kind, planning=True, limits=limits, make_plan=strict, imports=wanted
            )
            limits = limits or previewed.plan
            if not yes:
                _ask(session, kind)
        result = _run(session, state, kind, planning=False, limits=limits, imports=wanted)
    return Outcome(state, result.changes)


def plan(
    session: Session,
    reference: StackReference,
    kind: OperationKind,
    imports: Callable[[StackState], tuple[Import, ...]] | None = None,
) -> Outcome:
    """Shows what an operation would do. Takes no lock, changes nothing."""
    state = _load(session, reference, kind)
    wanted = imports(state) if imports else ()
    saved = bool(session.flags.text("save-plan"))
    result = _run(session, state, kind, planning=True, make_plan=saved, imports=wanted)
    return Outcome(state, result.changes, result.plan)


def refuse_changes(session: Session, outcome: Outcome, operation: str) -> None:
    """Raises CommandError when --expect-no-changes was given and something changed."""
    if session.flags.on("expect-no-changes") and outcome.changed:
        raise CommandError(
            f"no changes were expected for {operation} but changes were proposed", ExitCode.CHANGES_FOUND
        )


def _load(session: Session, reference: StackReference, kind: OperationKind) -> StackState:
    set_from_flags(session)
    reads_config = kind in (OperationKind.PREVIEW, OperationKind.UPDATE, OperationKind.IMPORT)
    runs_program = reads_config or session.flags.on("run-program")
    return load_stack_state(session, reference, runs_program=runs_program)


def _given_plan(session: Session, state: StackState) -> Plan | None:
    path = session.flags.text("plan")
    return read_plan(path, state) if path else None


def _run(
    session: Session,
    state: StackState,
    kind: OperationKind,
    *,
    planning: bool,
    limits: Plan | None = None,
    make_plan: bool = False,
    imports: tuple[Import, ...] = (),
) -> OperationResult:
    from sandbox.engine.deploy.operation import run_operation

    snapshot = state.snapshot(check=not session.flags.on("disable-integrity-checking"))
    request = _request(session, state, kind, planning=planning)
    options = replace(request.options, plan=limits, make_plan=make_plan)
    request = replace(request, options=options, imports=imports)
    writer: CheckpointWriter = NoWriter()
    if not planning:
        writer = SnapshotWriter(session.backend.checkpoints, state.reference, state.secrets)
    started = int(time.time())
    cancel = Cancellation()
    with (
        operation_sink(session, state.reference, _label(kind, planning), preview=planning) as sink,
        _signals_cancel(sink, cancel),
    ):
        try:
            stacks = OtherStacks(session, state.reference)
            result = run_operation(request, snapshot, sink, writer, cancel, stacks=stacks)
        except OperationRefused as error:
            raise CommandError(str(error), ExitCode.BAD_CONFIGURATION) from error
    if not planning:
        _record(session, state, kind, result, started)
    if result.failed or result.cancelled:
        raise CommandError(result.error or "")
    return result


def _request(session: Session, state: StackState, kind: OperationKind, *, planning: bool) -> OperationRequest:
    if planning and kind in (OperationKind.UPDATE, OperationKind.PREVIEW):
        return operation_request(session, state, OperationKind.PREVIEW)
    return operation_request(session, state, kind, preview_only=planning)


def _label(kind: OperationKind, planning: bool) -> str:
    name, running = _TITLES[kind]
    return f"Previewing {name}" if planning else running


def _record(
    session: Session, state: StackState, kind: OperationKind, result: OperationResult, started: int
) -> None:
    record = HistoryRecord(
        kind=kind.value,
        start_time=started,
        end_time=int(time.time()),
        result="failed" if result.failed or result.cancelled else "succeeded",
        message=session.flags.text("message"),
        environment=update_environment(session.environment, session.flags),
        config=state.raw_config,
        resource_changes=dict(result.changes),
    )
    session.backend.record(state.reference, record)


@contextmanager
def _signals_cancel(sink: OperationSink, cancel: Cancellation) -> Iterator[None]:
    """Within the block the first SIGINT or SIGTERM cancels, the second forces."""

    def handle(_number: int, _frame: FrameType | None) -> None:
        if not cancel.requested:
            # The display may be in use by the very thread that the signal interrupts.
            threading.Thread(target=sink.emit, args=(_CANCELLING,), daemon=True).start()
        cancel.request()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _ask(session: Session, kind: OperationKind) -> None:
    name = _TITLES[kind][0]
    session.print(f"Do you want to perform this {name}? (yes/no) ", end="")
    session.out.flush()
    if input().strip().lower() not in ("yes", "y"):
        session.print(f"confirmation declined, not proceeding with the {kind.value}")
        raise CommandError
