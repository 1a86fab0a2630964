"""``volume rm`` and ``snapshot rm``: deletes a volume or snapshot and proves that nothing of it is left."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from runctl_auto.engine.events import Plan
from runctl_auto.errors import LeakedError, ProtectedError, UsageError
from runctl_auto.jobs.change import StackChange
from runctl_auto.jobs.confirmation import require_confirmation
from runctl_auto.jobs.recovery import Recovered, recover
from runctl_auto.jobs.reporting import PlanView
from runctl_auto.jobs.right_account import refuse_another_account
from runctl_auto.jobs.session import Session
from runctl_auto.jobs.storage.bill import StorageBill
from runctl_auto.jobs.storage.listing import jobs_that_use
from runctl_auto.jobs.storage.stack import StorageStack, stored
from runctl_auto.jobs.teardown.blocked import sentence
from runctl_auto.jobs.teardown.deletions import delete_what_can_go
from runctl_auto.jobs.teardown.protected import TeardownProtection, confirm_included, teardown_protection
from runctl_auto.jobs.teardown.receipt import prove_teardown
from runctl_auto.leftovers.archive import store
from runctl_auto.leftovers.receipt import Blocked, Receipt, deleted_between, kept_in
from runctl_auto.protection.held import held_in
from runctl_auto.providers.resource import NOTHING_RELATED
from runctl_auto.stack.kinds import StorageKind, removal
from runctl_auto.stack.state import StackState
from runctl_auto.stack.storage_config import StorageConfig


@dataclass(frozen=True)
class RemovalOptions:
    """``include_protected``: also if it is protected, once its name is confirmed: typed, or in
    ``confirmed``.
    """

    yes: bool = False
    include_protected: bool = False
    confirmed: tuple[str, ...] = ()


@dataclass(frozen=True)
class RemovalResult:
    """What was removed. ``receipt_file`` holds the receipt, which outlives the stack."""

    receipt: Receipt
    receipt_file: Path | None = None


def remove_storage(session: Session, kind: StorageKind, name: str, options: RemovalOptions) -> RemovalResult:
    """Deletes the volume or snapshot ``name``, after showing the plan and asking. Blocks.

    May be repeated after it, or another command, was killed at any moment. Raises ``ProtectedError`` for one
    that is protected, ``UsageError`` for a volume that is attached, ``LeakedError`` when something is left.
    """
    return RemoveStorage(StorageStack(session, kind, name), options).run()


@dataclass(frozen=True)
class StorageRemoval:
    """The decision. ``config`` is None for a stack that was never set up."""

    config: StorageConfig | None
    before: StackState
    protection: TeardownProtection = field(default_factory=TeardownProtection)
    used_by: tuple[str, ...] = ()


class RemoveStorage(StackChange[StorageStack, StorageRemoval, RemovalResult]):
    """Removes a volume or snapshot with its stack."""

    verb = "rm"
    patience_seconds = 30.0

    def __init__(self, storage: StorageStack, options: RemovalOptions) -> None:
        super().__init__(storage)
        self._options = options
        self._config: StorageConfig | None = None
        self._recovered = Recovered(StackState((), ()))
        self._related = NOTHING_RELATED
        self._blocked: tuple[Blocked, ...] = ()
        self._result: RemovalResult | None = None
        self._bill: StorageBill | None = None

    def open(self) -> None:
        self.job.open()
        self._config = self.job.config()
        if self._config is not None:
            refuse_another_account(self.job, self._config)

    def recover(self) -> None:
        self._recovered = recover(self.job, self._config)

    def decide(self) -> StorageRemoval:
        before, config = self._recovered.state, self._config
        if config is None:
            return StorageRemoval(None, before)
        held = held_in(self.job.name, before)
        self._refuse_protected(before)
        include = tuple(each.name for each in held) if self._options.include_protected else ()
        protection = teardown_protection(self.session, self.job.name, before, include)
        found = stored(before, self.job.kind)
        if found is None or config.kind != "volume":
            return StorageRemoval(config, before, protection)
        self._refuse_attached(found.id)
        return StorageRemoval(config, before, protection, jobs_that_use(self.session, found.id))

    def _refuse_protected(self, state: StackState) -> None:
        listed = self.session.settings.policies.protected
        for each in held_in(self.job.name, state):
            if each.id in listed or (each.protected and not self._options.include_protected):
                by_settings = each.id in listed
                raise ProtectedError(
                    f"{self.job.title.capitalize()} ({each.id}) is protected"
                    f"{' by the settings' if by_settings else ''}; nothing was touched.",
                    where=self.job.where,
                    next_step="Take it off policies.protected in .runctl.toml first."
                    if by_settings
                    else f"End the protection with `runctl unprotect {self.job.name}`, or add "
                    f"--include-protected, which asks for its name.",
                )

    def _refuse_attached(self, volume: str) -> None:
        found = self.job.provider.storage.volumes([volume]).get(volume)
        if found is not None and found.machines:
            raise UsageError(
                f"{self.job.title.capitalize()} is attached to {', '.join(found.machines)}.",
                where=self.job.where,
                next_step=f"End the job that uses it, or `runctl volume detach {self.job.called}`.",
            )

    def configure(self, decision: StorageRemoval) -> None:
        """What the settings protect is protected in the state; the configuration stays."""
        decision.protection.keep_listed(self.job.stack)

    def plan(self, decision: StorageRemoval) -> PlanView | None:
        if decision.config is None:
            return None
        plan = Plan((), 0)
        if decision.before.resources:
            with self.session.reporter.working("planning"):
                plan = self.job.stack.preview_destroy()
        plan = replace(plan, changes=(*plan.changes, *decision.protection.deletions(decision.before)))
        notes = tuple(f"job '{each}' uses it by its job file" for each in decision.used_by)
        return PlanView(self.job.name, None, plan, None, (*notes, *decision.protection.notes))

    def confirm(self, decision: StorageRemoval, view: PlanView) -> None:  # noqa: ARG002
        require_confirmation(
            self.session.reporter,
            f"Delete {self.job.title} for ever?",
            "Nothing was deleted: the plan was not confirmed.",
            yes=self._options.yes,
            where=self.job.where,
        )
        confirm_included(self.session, self.job.name, decision.protection, self._options.confirmed)

    def apply(self, decision: StorageRemoval) -> None:
        config, before = decision.config, decision.before
        if config is None:
            if before.in_cloud():
                self.job.stack.destroy()
            return
        self._bill = StorageBill.before_removal(self.job, config, before)
        self._related = self.job.scanner(config).relations(before)
        self._blocked = delete_what_can_go(self.job, config, before, decision.protection, has_ended=True)

    def record(self, decision: StorageRemoval) -> None:
        """Proves what is gone, removes the stack when all is, and writes the receipt."""
        if decision.config is None:
            self._result = RemovalResult(_remove_unused(self.job, decision.before))
            return
        receipt = prove_teardown(self.job, decision.config, self._recovered, self._related, self._blocked)
        file = store(receipt, self.session.folders.make_private(), self.session.time.now())
        if self._bill is not None:
            self._bill.after_removal({each.id for each in receipt.deleted})
        self._result = RemovalResult(receipt, file)

    def result(self) -> RemovalResult:
        assert self._result is not None  # noqa: S101 - record made it
        return self._result


def refuse_what_is_left(storage: StorageStack, receipt: Receipt) -> None:
    """Raises ``LeakedError`` when the receipt names something that should not be there, or has a gap."""
    if receipt.is_complete:
        return
    left = (
        *(sentence(each) for each in receipt.blocked),
        *(f"{each.kind} {each.id}" for each in receipt.leaked),
        *(f"{each.kind} could not be looked for" for each in receipt.unchecked),
    )
    raise LeakedError(
        f"The removal of {storage.title} is incomplete: {'; '.join(left)}.",
        receipt=receipt.as_json(),
        where=storage.where,
        next_step=f"Repeat `{removal(storage.name)}`.",
    )


def _remove_unused(storage: StorageStack, before: StackState) -> Receipt:
    """A stack that was made and never configured holds nothing."""
    after = storage.state()
    is_empty = not after.in_cloud()
    if is_empty:
        storage.stack.remove()
    return Receipt(storage.name, deleted_between(before, after), kept_in(after), (), stack_removed=is_empty)
