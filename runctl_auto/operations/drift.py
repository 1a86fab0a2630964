"""``drift``: what has changed in the cloud without runctl, by a refresh preview of each job."""

from __future__ import annotations

from dataclasses import dataclass

from runctl_auto.errors import ExitCode, RunctlError
from runctl_auto.jobs.drift import JobDrift


@dataclass(frozen=True)
class CheckedDrift:
    """One job: what differs, or why that is not known."""

    job: str
    drift: JobDrift | None = None
    error: RunctlError | None = None


@dataclass(frozen=True)
class DriftResult:
    """All jobs that were asked for, by name."""

    jobs: tuple[CheckedDrift, ...]

    @property
    def drifted(self) -> tuple[JobDrift, ...]:
        return tuple(each.drift for each in self.jobs if each.drift is not None and each.drift.drifted)

    def exit_code(self, *, detailed: bool) -> ExitCode:
        """FAILURE when a job could not be looked at; with ``detailed`` CHANGES when one has drifted."""
        if any(each.error is not None for each in self.jobs):
            return ExitCode.FAILURE
        return ExitCode.CHANGES if detailed and self.drifted else ExitCode.DONE
