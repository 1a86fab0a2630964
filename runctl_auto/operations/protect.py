"""``protect`` and ``unprotect``: a person's decision about one volume or the bucket, which ``up`` keeps."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from runctl_auto.jobs.change import Change
from runctl_auto.jobs.configuration import Configuration
from runctl_auto.jobs.confirmation import require_confirmation
from runctl_auto.jobs.recovery import recover
from runctl_auto.jobs.reporting import PlanView
from runctl_auto.jobs.session import Session
from runctl_auto.jobs.teardown.protected import refuse_listed
from runctl_auto.protection.changes import protection_notes
from runctl_auto.protection.held import BUCKET_KEY, Held, find_held, volume_key
from runctl_auto.stack.config import Protection, StackConfig
from runctl_auto.stack.state import StackState


@dataclass(frozen=True)
class ProtectionResult:
    """What is so now. ``changed`` is False when it was so before."""

    job: str
    held: Held
    protect: bool
    changed: bool


@dataclass(frozen=True)
class NewProtection:
    """The decision: ``config`` with another protection of ``held``."""

    before: StackConfig
    config: StackConfig
    held: Held


def set_protection(
    session: Session, job: str, resource: str, *, protect: bool, yes: bool
) -> ProtectionResult:
    """Protects ``resource`` of ``job`` from now on, or not any more, whatever the job file says.

    Shows the plan, asks, and touches nothing but that resource. Idempotent. Raises ``UsageError`` when the
    job has no such thing, ``ProtectedError`` when the settings protect it by its id,
    ``ConfirmationNeededError`` when declined.
    """
    verb = Protect if protect else Unprotect
    return verb(session, job, resource, yes=yes).run()


class _SetProtection(Change[NewProtection, ProtectionResult]):
    protect: ClassVar[bool]

    def __init__(self, session: Session, job: str, resource: str, *, yes: bool) -> None:
        super().__init__(session.job(job))
        self._resource = resource
        self._yes = yes
        self._state = StackState((), ())
        self._held: Held | None = None
        self._is_changed = False

    def open(self) -> None:
        self.session.driver.expect_programs()
        self.job.applied_config()

    def recover(self) -> None:
        self._state = recover(self.job, self.job.config()).state

    def decide(self) -> NewProtection | None:
        held = self._held = find_held(self._resource, self.job.name, self._state)
        if not self.protect:
            refuse_listed(self.session, self.job.name, held)
        before = self.job.applied_config()
        wanted = _with_decision(before.protection, held, self.protect)
        self._is_changed = wanted != before.protection or held.protected != self.protect
        return NewProtection(before, replace(before, protection=wanted), held) if self._is_changed else None

    def configure(self, decision: NewProtection) -> Configuration:
        return Configuration(decision.config)

    def plan(self, decision: NewProtection) -> PlanView:
        with self.session.reporter.working("planning"):
            plan = self.job.stack.preview(only=decision.held.urns)
        notes = protection_notes(decision.before.protection, decision.config.protection)
        return PlanView(self.job.name, None, plan, None, tuple(notes), program=self.session.program)

    def confirm(self, decision: NewProtection, view: PlanView) -> None:  # noqa: ARG002
        require_confirmation(
            self.session.reporter,
            "Apply this?",
            "Nothing was changed: the plan was not confirmed.",
            yes=self._yes,
            where={"job": self.job.name, "resource": decision.held.name},
        )

    def apply(self, decision: NewProtection) -> None:
        with self.session.reporter.working("applying"):
            self.job.stack.up(only=decision.held.urns)

    def result(self) -> ProtectionResult:
        assert self._held is not None  # noqa: S101 - decide found it
        held = replace(self._held, protected=self.protect)
        return ProtectionResult(self.job.name, held, self.protect, self._is_changed)


class Protect(_SetProtection):
    """Protects one resource of a job."""

    verb = "protect"
    protect = True


class Unprotect(_SetProtection):
    """Ends the protection of one resource of a job."""

    verb = "unprotect"
    protect = False


def _with_decision(protection: Protection, held: Held, protect: bool) -> Protection:
    asked = {**protection.asked, held.key: protect}
    if held.key == BUCKET_KEY:
        return replace(protection, bucket=protect, asked=asked)
    volumes = {
        name: protect if volume_key(name) == held.key else value for name, value in protection.volumes.items()
    }
    return replace(protection, volumes=volumes, asked=asked)
