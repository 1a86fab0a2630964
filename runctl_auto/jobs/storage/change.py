"""Makes a volume or snapshot what its configuration is to say: what all verbs of them share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from components.naming import TAG_LIMIT, Names
from runctl_auto.cost.storage import storage_estimate, storage_month
from runctl_auto.errors import EngineError, NameTakenError
from runctl_auto.jobs.change import StackChange
from runctl_auto.jobs.configuration import Configuration
from runctl_auto.jobs.confirmation import require_confirmation
from runctl_auto.jobs.recovery import recover
from runctl_auto.jobs.reporting import PlanView
from runctl_auto.jobs.right_account import refuse_another_account
from runctl_auto.jobs.storage.stack import StorageStack, stored
from runctl_auto.local.project import PROJECT_NAME
from runctl_auto.stack.kinds import removal
from runctl_auto.stack.state import ResourceState, StackState
from runctl_auto.stack.storage_config import StorageConfig, VolumeConfig


@dataclass(frozen=True)
class StorageResult:
    """A volume or snapshot as it is after the change. ``changed`` is False when it was so before."""

    config: StorageConfig
    id: str
    changed: bool

    def as_json(self) -> dict[str, Any]:
        config = self.config
        month = storage_month(config)
        return {
            "name": config.name,
            "kind": config.kind,
            "id": self.id,
            "region": config.region,
            "zone": config.zone if isinstance(config, VolumeConfig) else None,
            "size_gb": config.size_gb,
            "protected": config.protect,
            "usd_month": month.usd if month.complete else None,
            "changed": self.changed,
        }


class StorageChange(StackChange[StorageStack, StorageConfig, StorageResult]):
    """Gives the stack another configuration, and makes the cloud agree. ``yes`` answers the question."""

    question: ClassVar[str] = "Apply this?"

    def __init__(self, storage: StorageStack, *, yes: bool) -> None:
        super().__init__(storage)
        self.before: StorageConfig | None = None
        self.state = StackState((), ())
        self._yes = yes
        self._result: StorageResult | None = None

    @property
    def found(self) -> ResourceState | None:
        """The volume or snapshot in the state, once that was recovered."""
        return stored(self.state, self.job.kind)

    def open(self) -> None:
        self.session.driver.expect_programs()
        self.job.open()
        self.before = self.job.applied_config()
        refuse_another_account(self.job, self.before)

    def recover(self) -> None:
        self.state = recover(self.job, self.before).state

    def notes(self, decision: StorageConfig) -> Sequence[str]:  # noqa: ARG002
        """What is said beside the plan."""
        return ()

    def configure(self, decision: StorageConfig) -> Configuration:
        return Configuration(decision)

    def plan(self, decision: StorageConfig) -> PlanView:
        with self.session.reporter.working("planning"):
            plan = self.job.stack.preview()
        was = self.before if self.found is not None else None
        return PlanView(
            self.job.name,
            None,
            plan,
            None,
            (*self.notes(decision), *plan.advice),
            cost=storage_estimate(decision),
            cost_before=None if was is None else storage_estimate(was),
            program=self.session.program,
        )

    def confirm(self, decision: StorageConfig, view: PlanView) -> None:  # noqa: ARG002
        require_confirmation(
            self.session.reporter,
            self.question,
            "Nothing was changed: the plan was not confirmed.",
            yes=self._yes,
            where=self.job.where,
        )

    def apply(self, decision: StorageConfig) -> None:
        with self.session.reporter.working("applying"):
            self.job.stack.up()
        self.state = self.job.state()
        self._result = self.as_it_is(decision, changed=True)

    def as_it_is(self, config: StorageConfig, *, changed: bool = False) -> StorageResult:
        """The result. Raises ``EngineError`` when the state holds nothing."""
        found = self.found
        if found is None:
            raise EngineError(
                f"The engine ended, and the state of {self.job.title} holds nothing.", where=self.job.where
            )
        return StorageResult(config, found.id, changed)

    def result(self) -> StorageResult:
        assert self._result is not None  # noqa: S101 - apply made it, or a verb that has nothing to do
        return self._result


class StorageCreation(StorageChange):
    """Makes a volume or snapshot. ``wanted`` need not be checked against the cloud yet.

    One whose creation was interrupted is completed by the same command. Raises ``NameTakenError`` when there
    is one of this name, or something of it that no stack manages.
    """

    verb = "create"
    question = "Create this?"

    def __init__(self, storage: StorageStack, wanted: StorageConfig, *, yes: bool) -> None:
        super().__init__(storage, yes=yes)
        self._wanted = wanted
        self._was_configured = True

    def was_configured(self) -> bool:
        return self._was_configured

    def open(self) -> None:
        self.session.driver.expect_programs()
        self.job.open_or_create()
        self.before = self.job.config()
        self._was_configured = self.before is not None
        if self.before is not None:
            refuse_another_account(self.job, self.before)

    def decide(self) -> StorageConfig:
        wanted = self._wanted
        if self.found is not None:
            if self.before is None or not _is_the_same(self.before, wanted):
                raise self._taken()
            return self.before
        self._refuse_unmanaged(wanted)
        return wanted

    def plan(self, decision: StorageConfig) -> PlanView:
        view = super().plan(decision)
        if self.found is not None and not view.plan.changes:
            raise self._taken()
        return view

    def _taken(self) -> NameTakenError:
        found, config = self.found, self.before
        size = f", {config.size_gb} GB in {_place(config)}" if config is not None else ""
        grow = f"`runctl volume resize {self.job.called} SIZE` makes it larger; "
        return NameTakenError(
            f"There is {self.job.title} already: {found.id if found else 'unknown'}{size}.",
            where=self.job.where,
            next_step=f"Use it, or choose another name; {grow if self.job.kind == 'volume' else ''}"
            f"`{removal(self.job.name)}` removes it.",
        )

    def _refuse_unmanaged(self, wanted: StorageConfig) -> None:
        provider = self.session.provider(wanted.region)
        label = label_of(wanted)
        found = provider.storage.called(self.job.kind, label)
        if found:
            raise NameTakenError(
                f"A {self.job.kind} of the name {label} exists in {wanted.region}, and no stack of this "
                f"backend knows it: {found[0]}.",
                where={**self.job.where, "region": wanted.region},
                next_step=f"`runctl leaks --region {wanted.region}` tells whose it is, and removes it with "
                "--delete; or choose another name.",
            )


def label_of(config: StorageConfig) -> str:
    """The tag ``Name`` of a volume or snapshot, as the program gives it."""
    names = Names(account=config.account, region=config.region, project=PROJECT_NAME, job=config.stack)
    return names.name("disk" if config.kind == "volume" else "copy", limit=TAG_LIMIT)


def _is_the_same(before: StorageConfig, wanted: StorageConfig) -> bool:
    """Whether the same was asked for, whatever the prices and whoever asks."""

    def asked(config: StorageConfig) -> dict[str, object]:
        return {key: value for key, value in vars(config).items() if key not in ("rates", "owner")}

    return asked(before) == asked(wanted)


def _place(config: StorageConfig) -> str:
    return config.zone if isinstance(config, VolumeConfig) else config.region
