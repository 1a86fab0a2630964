"""What the engine tells while it works, as frozen data; the driver makes it, progress and plans read it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from runctl_auto.errors import Violation
from runctl_auto.stack.urn import name_of

_COLOURS = re.compile(r"<\{%[^%]*%\}>|\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class StepEvent:
    """One step on one resource. ``operation`` is Pulumi's word (create, update, delete, same ...)."""

    stage: Literal["started", "done", "failed"]
    operation: str
    urn: str
    type: str
    changed: tuple[str, ...] = ()
    replaced_by: tuple[str, ...] = ()
    protected: bool = False
    physical_id: str = ""

    @property
    def name(self) -> str:
        """The resource's logical name."""
        return name_of(self.urn)


@dataclass(frozen=True)
class DiagnosticEvent:
    """A message of the engine, a provider or the program."""

    severity: str
    message: str
    urn: str = ""


@dataclass(frozen=True)
class PolicyEvent:
    """A violation found by a policy pack."""

    policy: str
    pack: str
    level: str
    message: str
    urn: str = ""


@dataclass(frozen=True)
class SummaryEvent:
    """The end of an operation: how many resources each operation met."""

    changes: tuple[tuple[str, int], ...]
    seconds: int


EngineEvent = StepEvent | DiagnosticEvent | PolicyEvent | SummaryEvent
EventSink = Callable[[EngineEvent], None]


def changes_in(events: Iterable[EngineEvent]) -> dict[str, int]:
    """How many resources each operation met, as the last summary says; empty without one."""
    summaries = [each for each in events if isinstance(each, SummaryEvent)]
    return dict(summaries[-1].changes) if summaries else {}


def plain(text: str) -> str:
    """``text`` without the engine's colours and blanks around it."""
    return _COLOURS.sub("", text).strip()


@dataclass(frozen=True)
class FailedDeletion:
    """A deletion that failed. ``why`` is the cloud's answer; ``code`` is the service's error code, if known.

    ``passes``: the same deletion can succeed without any other change.
    """

    urn: str
    type: str
    id: str
    why: str
    code: str | None = None
    next_step: str | None = None
    passes: bool = False

    @property
    def name(self) -> str:
        """The resource's logical name."""
        return name_of(self.urn)


@dataclass(frozen=True)
class PlannedChange:
    """One change that a preview found."""

    operation: str
    type: str
    name: str
    urn: str
    changed: tuple[str, ...] = ()
    protected: bool = False


@dataclass(frozen=True)
class Plan:
    """All that an operation would do. ``changes`` is empty when nothing would change; ``advice`` is what
    policies say without refusing; ``advised`` is the same as data, where a rule said it."""

    changes: tuple[PlannedChange, ...]
    unchanged: int
    advice: tuple[str, ...] = ()
    advised: tuple[Violation, ...] = ()

    def count(self, operation: str) -> int:
        """How many resources meet ``operation``."""
        return sum(1 for change in self.changes if change.operation == operation)

    def touches(self, type_token: str, *operations: str) -> bool:
        """Whether a resource of this type meets one of ``operations``."""
        return any(change.type == type_token and change.operation in operations for change in self.changes)
