"""How the engine's operations are carried out."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from runctl_auto.backend.locks import Processes
from runctl_auto.engine.events import DiagnosticEvent, EventSink

if TYPE_CHECKING:
    from runctl_auto.engine.policy_pack import PackInForce


@dataclass(frozen=True)
class EngineOptions:
    """How operations are carried out, and who hears of it. ``monotonic`` counts seconds. ``policies`` judge
    every preview and every update. ``program`` is the folder of the program that runs in place of
    runctl's own. ``tied``: engines end with this process, also when it is killed."""

    parallel: int = 16
    program: Path | None = None
    policies: PackInForce | None = None
    tied: bool = False
    on_event: EventSink | None = None
    on_output: Callable[[str], None] | None = None
    processes: Processes = field(default_factory=Processes)
    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic

    def warn(self, text: str) -> None:
        """Tells whoever hears of events."""
        if self.on_event is not None:
            self.on_event(DiagnosticEvent("warning", text))
