"""What a teardown does about protection: keeps what the settings list, and deletes what was named twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from runctl_auto.engine.events import PlannedChange
from runctl_auto.engine.job_stack import JobStack
from runctl_auto.errors import ConfirmationNeededError, ProtectedError
from runctl_auto.jobs.session import Session
from runctl_auto.protection.held import Held, find_held, held_in
from runctl_auto.stack.state import StackState


@dataclass(frozen=True)
class TeardownProtection:
    """``included`` loses its protection and is deleted; ``listed`` gets it, since the settings say so."""

    included: tuple[Held, ...] = ()
    listed: tuple[Held, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """What is said beside the plan."""
        return tuple(f"deleted although it is protected: {each} ({each.id})" for each in self.included)

    def deletions(self, state: StackState) -> tuple[PlannedChange, ...]:
        """What a plan made while ``included`` is still protected leaves out."""
        goes = {urn for each in self.included for urn in each.urns}
        return tuple(
            PlannedChange("delete", each.type, each.name, each.urn, protected=True)
            for each in state.in_cloud()
            if each.urn in goes
        )

    def kept(self, state: StackState) -> tuple[str, ...]:
        """What stays and why, in a line each."""
        goes = {urn for each in self.included for urn in each.urns}
        listed = {urn for each in self.listed for urn in each.urns}
        why = dict.fromkeys(listed, "the settings protect it")
        return tuple(
            f"kept, since {why.get(each.urn, 'it is protected')}: {each.name}"
            for each in state.in_cloud()
            if each.urn not in goes and (each.protect or each.urn in listed)
        )

    def keep_listed(self, stack: JobStack) -> None:
        """Makes the state protect what the settings list. Idempotent."""
        for held in self.listed:
            stack.mark_protected(held.urns, protect=True)

    def give_up_included(self, stack: JobStack) -> None:
        """Ends the protection of what was named. Idempotent."""
        for held in self.included:
            stack.mark_protected(held.urns, protect=False)


def teardown_protection(
    session: Session, job: str, state: StackState, include: Sequence[str]
) -> TeardownProtection:
    """What is to change about protection before the teardown of ``job``.

    Raises ``UsageError`` for a name that nothing has, ``ProtectedError`` for what the settings protect.
    """
    included = tuple(dict.fromkeys(find_held(name, job, state) for name in include))
    for each in included:
        refuse_listed(session, job, each)
    ids = session.settings.policies.protected
    listed = tuple(each for each in held_in(job, state) if each.id in ids and not each.protected)
    return TeardownProtection(tuple(each for each in included if each.protected), listed)


def refuse_listed(session: Session, job: str, held: Held) -> None:
    """Raises ``ProtectedError`` for what the settings protect by its id."""
    if held.id not in session.settings.policies.protected:
        return
    raise ProtectedError(
        f"The settings protect {held} by its id {held.id}.",
        where={"job": job, "resource": held.name, "setting": "policies.protected"},
        next_step="Take it off policies.protected in .runctl.toml first.",
    )


def confirm_included(
    session: Session, job: str, chosen: TeardownProtection, confirmed: Sequence[str]
) -> None:
    """Asks for the name of everything protected that is to go. ``--yes`` does not answer this.

    Raises ``ConfirmationNeededError`` unless each name was typed, or is in ``confirmed``.
    """
    for held in chosen.included:
        if held.name in confirmed or held.id in confirmed:
            continue
        answer = session.reporter.ask(f"{held} ({held.id}) is protected. Type '{held.name}' to delete it")
        if answer.strip() not in (held.name, held.id):
            raise ConfirmationNeededError(
                f"Nothing was deleted: the name of protected {held} was not confirmed.",
                where={"job": job, "resource": held.name},
                next_step=f"Type the name when asked; in scripts add `--confirm {held.name}`.",
            )
