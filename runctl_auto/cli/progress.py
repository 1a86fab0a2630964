"""Converts engine events to lines and a live display of the steps in progress."""

from __future__ import annotations

from collections.abc import Mapping

from runctl_auto.engine.events import DiagnosticEvent, EngineEvent, StepEvent
from runctl_auto.local.printable import printable

_DONE: Mapping[str, str] = {
    "create": "created",
    "create-replacement": "created",
    "update": "updated",
    "delete": "deleted",
    "delete-replaced": "deleted",
    "import": "imported",
}


def short_type(token: str) -> str:
    """``ec2 Instance`` for ``aws:ec2/instance:Instance``, ``runpod Pod`` for ``runctl-runpod:index:Pod``;
    components and others by their last word.
    """
    package, _, rest = token.partition(":")
    module, _, name = rest.rpartition(":")
    if package in ("pulumi", "runctl"):
        return name or token
    if module == "index":
        module = package.removeprefix("runctl-")
    return f"{module.split('/')[0]} {name}" if module else token


def is_of_interest(token: str) -> bool:
    """Whether to show it to the user: cloud resources, not the program's own structure."""
    return not token.startswith(("pulumi:", "runctl:"))


def line_for(event: EngineEvent) -> str | None:
    """The line to print for ``event``; None for an event that is not shown."""
    if isinstance(event, StepEvent):
        if event.stage == "failed":
            return printable(f"! {event.operation} of {event.name} ({short_type(event.type)}) failed")
        if event.stage == "done" and event.operation in _DONE and is_of_interest(event.type):
            return printable(f"{_DONE[event.operation]} {event.name} ({short_type(event.type)})")
    if isinstance(event, DiagnosticEvent) and event.severity == "warning":
        first = event.message.strip().partition("\n")[0]
        return printable(f"warning: {first}") if first else None
    return None


class StepsInWork:
    """The steps in progress, oldest first."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def take(self, event: EngineEvent) -> None:
        """Processes one event; events other than steps change nothing."""
        if not isinstance(event, StepEvent) or not is_of_interest(event.type):
            return
        if event.stage == "started" and event.operation in (*_DONE, "read", "refresh"):
            self._names[event.urn] = event.name
        else:
            self._names.pop(event.urn, None)

    def clear(self) -> None:
        self._names.clear()

    def __str__(self) -> str:
        shown = list(self._names.values())[:3]
        more = len(self._names) - len(shown)
        return printable(", ".join(shown)) + (f" and {more} more" if more > 0 else "")
