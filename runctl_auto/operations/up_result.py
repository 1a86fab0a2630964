"""What ``up`` came to, whoever the provider is."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runctl_auto.run.status import RunStatus
from runctl_auto.stack.config import Placement
from runctl_auto.stack.trail import RefusedPlace

if TYPE_CHECKING:
    from runctl_auto.jobs.artifacts.fetch import Download


@dataclass(frozen=True)
class UpResult:
    """What ``up`` came to. ``status`` is None when nobody waited for the end; ``seconds`` per phase.
    ``program`` is the folder of the program that was applied, None for runctl's own. ``trail`` are the places
    that had no capacity for the run."""

    job: str
    run: str
    attempt: int
    placement: Placement
    changed: bool
    status: RunStatus | None = None
    download: Download | None = None
    metrics: dict[str, Any] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    replacements: int = 0
    program: Path | None = None
    trail: tuple[RefusedPlace, ...] = ()
