"""The durable status of a run, as written by the agent on the machine: the format of ``status.json``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from runctl_auto.agent.contract import TERMINAL_PHASES, Phase
from runctl_auto.agent.keys import status_key
from runctl_auto.agent.status_format import (
    UNSAVED_ARTIFACTS,
    MetricsSummaryJson,
    NodeJson,
    NodePhase,
    ResumeJson,
    StatusJson,
    SuspectJson,
    TryJson,
    UnsavedJson,
)
from runctl_auto.agent.status_reading import read_status
from runctl_auto.agent.untrusted import UnreadableError
from runctl_auto.run.machines import RunMachine, parse_machines

LOST = "lost"
"""The displayed phase of a run that has not ended but whose machine has."""
UNKNOWN = "unknown"
"""The phase of a run whose status cannot be read."""


@dataclass(frozen=True)
class RunStatus:
    """The status of a run. Times are RFC 3339 texts in UTC, ``seconds`` are per phase.

    ``unreadable`` says why nothing of it is known, in a sentence; None for a status that could be read.
    """

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
    unreadable: str | None = None
    machines: tuple[RunMachine, ...] = ()
    """All machines of the run, in order; empty in statuses of earlier versions."""

    @property
    def nodes(self) -> tuple[NodeJson, ...]:
        """The nodes of a run on several machines as the first of them sees them; empty on one."""
        return tuple(self.raw.get("nodes") or ())

    @property
    def nodes_present(self) -> int | None:
        """How many nodes of a run that goes on are there; None on one machine, and once it has ended."""
        if not self.nodes or self.ended:
            return None
        return sum(each["phase"] not in (NodePhase.ABSENT, NodePhase.LOST) for each in self.nodes)

    @property
    def heard_machines(self) -> frozenset[str]:
        """The machines of which the status tells what they do now: the one that wrote it, and those of the
        other nodes that answer it.
        """
        gone = (NodePhase.ABSENT, NodePhase.LOST)
        nodes = (each["instance"] for each in self.nodes if each["phase"] not in gone)
        return frozenset(filter(None, (self.instance, *nodes)))

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
    def metrics(self) -> MetricsSummaryJson | None:
        """How the run goes, in a few numbers; None when it has told none."""
        found: MetricsSummaryJson | None = self.raw.get("metrics")
        return found

    @property
    def succeeded(self) -> bool:
        return self.phase == Phase.SUCCEEDED


def parse_run_status(content: bytes, run: str) -> RunStatus:
    """The status from the bytes of ``status.json``, whatever they are: ``unreadable`` tells why it is not
    known. A bad status is no reason to give up the run, or other jobs.
    """
    try:
        return status_of(run, read_status(content, run))
    except UnreadableError as error:
        return unreadable_status(run, str(error))


def unreadable_status(run: str, why: str) -> RunStatus:
    """The status of a run that wrote one which cannot be read."""
    return RunStatus(
        run=run,
        phase=UNKNOWN,
        unreadable=f"the status of run {run} cannot be read: {why}. It was written by another version of "
        f"runctl, or by something else: look at {status_key(run)} in the job's bucket.",
    )


def status_of(run: str, raw: StatusJson) -> RunStatus:
    """The status of fields that were checked before. Raises KeyError, TypeError or ValueError for others."""
    return RunStatus(
        run=run,
        phase=raw["phase"],
        exit_code=raw["exit_code"],
        reason=raw["reason"],
        message=raw["message"],
        instance=raw["instance"],
        started_at=raw["started_at"],
        updated_at=raw["updated_at"],
        ended_at=raw["ended_at"],
        resumed_from=raw["resumed_from"],
        seconds=raw["phases"],
        raw=raw,
        machines=parse_machines(raw.get("machines") or ()),
    )
