"""What becomes of a job, from its file and from what is known of its stack; no engine is asked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from runctl_auto.agent.contract import Phase
from runctl_auto.cost.charges import SILENT
from runctl_auto.errors import RunctlError, UsageError
from runctl_auto.jobs.folder.entry import Action
from runctl_auto.jobs.folder.stacks import KnownStack
from runctl_auto.jobs.run_facts import RunFacts
from runctl_auto.stack.source import Source


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """``needs_engine``: carrying it out, or telling what it changes, does. ``error`` is why it is refused."""

    action: Action
    reason: str
    needs_engine: bool = True
    error: RunctlError | None = None
    notes: tuple[str, ...] = ()


NEW = Verdict(action="create", reason="its file is new")
REFRESHED = Verdict(action="update", reason="it is compared with the cloud")


def by_file(  # noqa: PLR0911 - one for each reason
    known: KnownStack | None, *, fingerprint: str, source: Source, adopt: bool
) -> Verdict | None:
    """What the file alone decides; None when it is applied already, so that the run has to be looked at."""
    if known is None or (known.config is None and known.problem is None):
        return NEW
    if known.source is not None and known.source.repository != source.repository and not adopt:
        return _of_another(known, known.source)
    if known.problem is not None:
        return Verdict(action="update", reason=f"what was last applied is not known: {known.problem.what}")
    if not known.is_applied:
        return Verdict(action="update", reason="its last update did not succeed")
    if known.state is not None and known.state.pending:
        return Verdict(action="update", reason="its last update was interrupted")
    assert known.config is not None  # noqa: S101 - without one it is new, or has a problem
    if known.config.fingerprint != fingerprint or known.config.source != source:
        return Verdict(action="update", reason=_difference(known, source))
    return None


def _difference(known: KnownStack, source: Source) -> str:
    if known.source is None:
        return "it was applied by itself before"
    if known.source.repository != source.repository:
        return f"it is taken over from {known.source.repository}"
    if known.source.file != source.file:
        return f"its file was {known.source.file} before"
    return "its file, code, settings or policies have changed"


def may_have_lost_machine(known: KnownStack, now: datetime) -> bool:
    """Whether the cloud has to be asked for the machine of a run: it has not ended, and is not heard of."""
    status = known.status
    if known.config is None or (status is not None and status.ended):
        return False
    if status is None or status.unreadable is not None or status.phase == Phase.INTERRUPTED:
        return True
    heard = RunFacts(known.config, status, now).heartbeat_age_seconds
    return heard is None or heard > SILENT.total_seconds()


def by_run(known: KnownStack, now: datetime) -> Verdict:
    """What becomes of a job whose file is applied already, from how its run is."""
    config, status = known.config, known.status
    assert config is not None  # noqa: S101 - it was applied
    if known.problem is not None:
        return Verdict(
            action="unchanged",
            reason="applied already",
            needs_engine=False,
            notes=(f"how its run is, is not known: {known.problem.what}",),
        )
    if status is not None and status.ended:
        if known.has_compute:
            return Verdict(
                action="finished", reason=f"its run has ended ({status.phase}); its machine is released"
            )
        return Verdict(action="finished", reason=f"its run has ended ({status.phase})", needs_engine=False)
    if not may_have_lost_machine(known, now) or known.machine_runs:
        return Verdict(
            action="unchanged", reason=_goes_on(known), needs_engine=False, notes=_silence(known, now)
        )
    if config.group is None and config.job.recovers_by == "none":
        return Verdict(
            action="finished",
            reason="its run lost its machine, and recovery is none",
            needs_engine=False,
            notes=("`runctl up` makes a new attempt from the last checkpoint",),
        )
    return Verdict(action="bring-back", reason="its run has not ended and lost its machine")


def _goes_on(known: KnownStack) -> str:
    return f"its run goes on ({known.status.phase})" if known.status is not None else "its run is starting"


def _silence(known: KnownStack, now: datetime) -> tuple[str, ...]:
    """A machine that runs and is not heard of is ended by ``watch``, which sees how long that lasts."""
    status = known.status
    if status is None or known.config is None or not may_have_lost_machine(known, now):
        return ()
    heard = RunFacts(known.config, status, now).heartbeat_age_seconds
    if heard is None:
        return ()
    since = timedelta(seconds=round(heard))
    return (f"its machine runs and has not reported for {since}; `runctl watch` replaces it",)


def _of_another(known: KnownStack, source: Source) -> Verdict:
    return Verdict(
        action="refused",
        reason=f"it belongs to {source.repository}",
        needs_engine=False,
        error=UsageError(
            f"Job '{known.name}' was applied from {source.file} of {source.repository}.",
            where={"job": known.name, "repository": source.repository},
            next_step="Give the job another name, or repeat with --adopt to take it over.",
        ),
    )
