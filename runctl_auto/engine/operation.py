"""One operation of the engine on a stack: its events, or a typed error."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextvars import copy_context
from typing import TYPE_CHECKING

from runctl_auto.engine.automation_edge import plain_events, translated
from runctl_auto.engine.dead_owners import DeadOwners
from runctl_auto.engine.engine_options import EngineOptions
from runctl_auto.engine.engine_spans import engine_spans
from runctl_auto.engine.events import EngineEvent, EventSink, FailedDeletion, StepEvent
from runctl_auto.engine.failures import failed_deletions
from runctl_auto.errors import EngineError, UnsettledError
from runctl_auto.local.interruption import run_to_a_safe_end

if TYPE_CHECKING:
    from pulumi import automation
    from pulumi.automation import events as automation_events

_CREATIONS = ("create", "create-replacement")
UNSETTLED_SECONDS = 15.0
"""The pause before the one repeat of an operation that met an account about to change state."""


class Operations:
    """Carries out operations on the stack ``job``, one at a time."""

    broken_creations: frozenset[str] = frozenset()
    """As ``JobStack.broken_creations``."""
    failed_deletions: tuple[FailedDeletion, ...] = ()
    """As ``JobStack.failed_deletions``."""

    def __init__(
        self,
        job: str,
        workspace: automation.LocalWorkspace,
        options: EngineOptions,
        dead_owners: DeadOwners,
    ) -> None:
        self._job = job
        self._workspace = workspace
        self._options = options
        self._dead_owners = dead_owners

    def run(
        self,
        operation: str,
        method: Callable[..., object],
        options: Mapping[str, object],
        *,
        only_planned: bool = False,
        hear: EventSink | None = None,
        raw: Callable[[automation_events.EngineEvent], None] | None = None,
    ) -> list[EngineEvent]:
        """Calls ``method`` of the stack with ``options``; the events meanwhile. ``hear`` receives them
        besides the sink of the engine's options, ``raw`` as the engine sends them, both in another thread.
        ``only_planned``: nothing is carried out.
        """
        with engine_spans(self._workspace, operation, self._job) as record:
            return self._run_recorded(
                operation, method, options, only_planned=only_planned, hear=hear, raw=raw, record=record
            )

    def _run_recorded(
        self,
        operation: str,
        method: Callable[..., object],
        options: Mapping[str, object],
        *,
        only_planned: bool,
        hear: EventSink | None,
        raw: Callable[[automation_events.EngineEvent], None] | None,
        record: EventSink,
    ) -> list[EngineEvent]:
        events: list[EngineEvent] = []
        faults: list[Exception] = []

        around = copy_context()  # events come in another thread

        def take(event: automation_events.EngineEvent) -> None:
            try:
                if raw is not None:
                    raw(event)
                for each in plain_events(event):
                    events.append(each)
                    is_imagined = only_planned and isinstance(each, StepEvent)
                    if not is_imagined:
                        record(each)
                    if self._options.on_event is not None and not is_imagined:
                        around.copy().run(self._options.on_event, each)
                    if hear is not None:
                        hear(each)
            except Exception as fault:
                faults.append(fault)

        def attempt(**more: object) -> None:
            events.clear()
            try:
                with translated(operation, self._job, events):
                    run_to_a_safe_end(
                        lambda: method(
                            on_event=take,
                            on_output=self._options.on_output,
                            color="never",
                            **{**options, **more},
                        ),
                        self._options.warn,
                    )
            finally:
                self.broken_creations = _broken_creations(events)
                self.failed_deletions = failed_deletions(events)

        try:
            self._dead_owners.wait_behind(attempt)
        except UnsettledError as error:
            if "refresh" not in options:  # a teardown's own waits are long enough
                raise
            self._options.warn(f"{error.what}; once more in {UNSETTLED_SECONDS:.0f} s")
            self._options.sleep(UNSETTLED_SECONDS)
            self._dead_owners.wait_behind(lambda: attempt(refresh=True))
        if faults:
            raise EngineError(
                f"An event of the {operation} could not be handled: {faults[0]}", where={"job": self._job}
            ) from faults[0]
        return events


def _broken_creations(events: Iterable[EngineEvent]) -> frozenset[str]:
    return frozenset(
        event.type
        for event in events
        if isinstance(event, StepEvent) and event.stage == "failed" and event.operation in _CREATIONS
    )
