"""What an operation on a stack is asked to do, what it reports to, and what comes of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, Protocol

from sandbox.engine.deploy.imports.wanted import Import
from sandbox.engine.deploy.plans.plan import Plan
from sandbox.engine.model import Snapshot
from sandbox.engine.properties import PropertyMap


class OperationKind(str, Enum):
    """The operations; the texts are those of the backend's history."""

    PREVIEW = "preview"
    UPDATE = "update"
    REFRESH = "refresh"
    DESTROY = "destroy"
    IMPORT = "resource-import"


@dataclass(frozen=True)
class Program:
    """Where the program is.

    With `client_address` an inline program waits behind a language runtime server at that address. Without,
    `runtime` (only `python`), its options and `main`, all as in `Pulumi.yaml`, tell what to start.
    """

    root: Path
    """The folder of Pulumi.yaml."""
    runtime: str = "python"
    runtime_options: Mapping[str, Any] = field(default_factory=dict)
    main: str = ""
    client_address: str | None = None
    plugins: Mapping[str, Path] = field(default_factory=dict)
    """The folders of providers that the project brings along, by package."""

    @property
    def folder(self) -> Path:
        """The folder the program is in: the root, or `main` below it (its folder when it is a file)."""
        path = self.root / self.main if self.main else self.root
        return path.parent if path.is_file() else path

    @property
    def entry_point(self) -> str:
        """What to run in `folder`: a file's name, or `.`."""
        path = self.root / self.main if self.main else self.root
        return path.name if path.is_file() else "."


@dataclass(frozen=True)
class Options:
    """The options of an operation, named like the command line's; `targets` and the like: URNs or globs."""

    parallel: int = 16
    targets: tuple[str, ...] = ()
    target_dependents: bool = False
    excludes: tuple[str, ...] = ()
    exclude_dependents: bool = False
    exclude_protected: bool = False
    replace: tuple[str, ...] = ()
    refresh: bool = False
    run_program: bool = False
    continue_on_error: bool = False
    clear_pending_creates: bool = False
    skip_pending_creates: bool = False
    import_pending_creates: Mapping[str, str] = field(default_factory=dict)
    """URN of a pending create to the id that it got."""
    policy_packs: tuple[str, ...] = ()
    policy_pack_configs: tuple[str, ...] = ()
    plan: Plan | None = None
    """What the operation must keep to."""
    make_plan: bool = False
    """Whether a preview is to make a plan."""


@dataclass(frozen=True)
class OperationRequest:
    """One operation on one stack."""

    kind: OperationKind
    project: str
    stack: str
    """The stack's short name."""
    program: Program
    organization: str = "organization"
    config: Mapping[str, str] = field(default_factory=dict)
    """Full key (`ns:key`) to decrypted text; objects and lists as JSON text."""
    secret_keys: frozenset[str] = frozenset()
    """The keys of `config` that are secret (whole, or in part)."""
    options: Options = field(default_factory=Options)
    environment: Mapping[str, str] = field(default_factory=dict)
    """The whole environment for programs and providers."""
    imports: tuple[Import, ...] = ()
    """What an import is to take into the stack."""

    @property
    def dry_run(self) -> bool:
        """Whether nothing may be changed."""
        return self.kind is OperationKind.PREVIEW or self.preview_only

    preview_only: bool = False
    """Preview of a refresh or destroy (`refresh --preview-only`, the plan shown before `destroy`)."""


class EventSink(Protocol):
    """Receives engine events in order, one at a time, from any thread: dicts in Pulumi's EngineEvent JSON
    shape, without `sequence` and `timestamp`, secrets shown as `[secret]`, messages in raw colours. Steps
    for default providers and other internal steps are among them, as in Pulumi's event log."""

    def emit(self, event: dict[str, Any]) -> None:
        """Takes one event; must not block for long."""


class CheckpointWriter(Protocol):
    """Makes snapshots durable."""

    def write(self, snapshot: Snapshot) -> None:
        """Returns when the snapshot would survive a crash. Called from one thread at a time; the snapshot
        must not be kept. Raises when it could not be written."""


class StackOutputs(Protocol):
    """Reads other stacks for stack references."""

    def read(self, name: str) -> PropertyMap | None:
        """The outputs of the stack called `name` (`stack` or `organization/project/stack`), secrets as
        Secret; None when there is no such stack."""


class Cancellation:
    """Asks a running operation to stop: once gracefully, twice at once. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._callbacks: list[Callable[[], None]] = []
        self._forced_callbacks: list[Callable[[], None]] = []
        self.requested = False
        self.forced = False

    def request(self) -> None:
        """The first call cancels, a later one forces."""
        with self._lock:
            first = not self.requested
            self.requested = True
            self.forced = self.forced or not first
            callbacks = list(self._callbacks if first else self._forced_callbacks)
        for callback in callbacks:
            callback()

    def on_request(self, callback: Callable[[], None]) -> None:
        """Calls back when cancelled; at once when that has happened already."""
        with self._lock:
            self._callbacks.append(callback)
            due = self.requested
        if due:
            callback()

    def on_force(self, callback: Callable[[], None]) -> None:
        """Calls back when forced; at once when that has happened already."""
        with self._lock:
            self._forced_callbacks.append(callback)
            due = self.forced
        if due:
            callback()


@dataclass(frozen=True)
class OperationResult:
    """What came of an operation."""

    changes: Mapping[str, int]
    """Operation to count, as in the summary event."""
    failed: bool
    cancelled: bool
    error: str | None
    """What went wrong when no event has told it; None when nothing did or the events tell."""
    snapshot: Snapshot
    """The state after the operation (for previews the one before it)."""
    duration_seconds: float
    plan: Plan | None = None
    """What a preview that succeeded has planned, when it was asked for."""


class OperationRefused(Exception):
    """The operation asks for something that this engine does not do; the message names it."""
