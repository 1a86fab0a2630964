"""One entry of a folder's plan as an order to carry out: plain data, which may be sent to another process."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from runctl_auto.agent.contract import GRACE_SECONDS
from runctl_auto.jobs.folder.entry import Action, Entry
from runctl_auto.stack.plan_file import PlannedPlace
from runctl_auto.stack.source import Source


@dataclass(frozen=True, kw_only=True)
class Order:
    """``entry`` is what was decided. ``path`` is the job file, absolute; None for a job to be ended.
    ``needs_file``: what was lost is brought back by applying the file, which begins a new attempt.
    ``code`` is the hash of what travels, ``fingerprint`` of all that applying the file means, ``state`` the
    version of the stack's state, None without a stack. ``is_bound``: all of them must be the same still, the
    machine be in ``place``, and nothing but the changes of ``entry`` be made. ``refresh``: what others have
    changed in the cloud is looked for and healed.
    """

    entry: Entry
    path: Path | None = None
    source: Source | None = None
    code: str | None = None
    fingerprint: str | None = None
    state: str | None = None
    place: PlannedPlace | None = None
    is_bound: bool = False
    refresh: bool = False
    needs_file: bool = False
    grace_seconds: int = GRACE_SECONDS
    discard_artifacts: bool = False

    @property
    def action(self) -> Action:
        return self.entry.action

    @property
    def job(self) -> str:
        assert self.entry.job is not None  # noqa: S101 - a file whose job is not known is never ordered
        return self.entry.job
