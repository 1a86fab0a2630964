"""The durable status of a run, as written by the agent on the machine: the format of ``status.json``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from runctl_auto.agent.contract import (
    PHASES,
    SCHEMA,
    TERMINAL_PHASES,
    UNSAVED_ARTIFACTS,
    Phase,
    ResumeJson,
    StatusJson,
    SuspectJson,
    TryJson,
    UnsavedJson,
    status_key,
)
from runctl_auto.errors import CloudError

LOST = "lost"
"""The displayed phase of a run that has not ended but whose machine has."""


@dataclass(frozen=True)
class RunStatus:
    """The status of a run. Times are RFC 3339 texts in UTC, ``seconds`` are per phase."""

    run: str
    phase: str
    exit_code: int | None = None
    reason: str | None = None
    message: str | None = None
    instance: str | None = None
    started_at: str | None = None
    updated_at: str | None = None
    ended_at: str | None = None
    resumed_from: str | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)
    raw: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ended(self) -> bool:
        """Whether the run has ended: it has no machine and gets none."""
        return self.phase in TERMINAL_PHASES

    @property
    def unsaved(self) -> tuple[UnsavedJson, ...]:
        """What could not be saved: of the last checkpoint, and of the artifacts."""
        return tuple(
            UnsavedJson(what=each["what"], path=each.get("path"), why=each["why"])
            for each in self.raw.get("unsaved") or ()
        )

    @property
    def unsaved_artifacts(self) -> str | None:
        """Why no artifacts could be stored at all; None unless that is so."""
        if self.raw.get("artifacts") is not None:
            return None
        found = (
            each["why"] for each in self.unsaved if each["what"] == UNSAVED_ARTIFACTS and each["path"] is None
        )
        return next(found, None)

    @property
    def suspect(self) -> SuspectJson | None:
        """The newest checkpoint, if it is kept apart as suspect."""
        found: SuspectJson | None = self.raw.get("suspect")
        return found

    @property
    def resumes(self) -> tuple[ResumeJson, ...]:
        """The starts from checkpoints, in order."""
        return tuple(
            ResumeJson(checkpoint=each["checkpoint"], failure=each.get("failure"))
            for each in self.raw.get("resumes") or ()
        )

    @property
    def tries(self) -> tuple[TryJson, ...]:
        """The tries that failed and were followed by another one, in order."""
        return tuple(
            TryJson(
                number=each["number"],
                started_at=each["started_at"],
                ended_at=each["ended_at"],
                reason=each["reason"],
                exit_code=each.get("exit_code"),
                message=each.get("message"),
            )
            for each in self.raw.get("tries") or ()
        )

    @property
    def succeeded(self) -> bool:
        return self.phase == Phase.SUCCEEDED


def parse_run_status(content: bytes, run: str) -> RunStatus:
    """The status from the bytes of ``status.json``. Raises CloudError when they are invalid."""
    try:
        return _status(run, json.loads(content))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CloudError(
            f"the status of run {run} cannot be read: {error}",
            where={"run": run},
            next_step="It was written by another version of runctl, or by something else: look at the object "
            f"{status_key(run)} in the job's bucket.",
        ) from error


def _status(run: str, raw: StatusJson) -> RunStatus:
    phase = raw["phase"]
    if raw["schema"] != SCHEMA or phase not in PHASES:
        raise ValueError(f"schema {raw['schema']}, phase {phase}")
    return RunStatus(
        run=run,
        phase=phase,
        exit_code=raw.get("exit_code"),
        reason=raw.get("reason"),
        message=raw.get("message"),
        instance=raw.get("instance"),
        started_at=raw.get("started_at"),
        updated_at=raw.get("updated_at"),
        ended_at=raw.get("ended_at"),
        resumed_from=raw.get("resumed_from"),
        seconds=dict(raw.get("phases") or {}),
        raw=raw,
    )
