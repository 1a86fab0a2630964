"""What a teardown would do to a job, without doing it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from runctl_auto.errors import ExitCode
from runctl_auto.jobs.artifacts.of_job import unfetchable_artifacts
from runctl_auto.jobs.change import Change
from runctl_auto.jobs.current_job import observed_state
from runctl_auto.jobs.folder.entry import Failure, failure_of
from runctl_auto.jobs.job import Job
from runctl_auto.jobs.recovery import unrecorded_deletion, unrecorded_now
from runctl_auto.jobs.reporting import PATIENCE_SECONDS, PlanView
from runctl_auto.jobs.right_account import refuse_another_account
from runctl_auto.jobs.teardown.blocked import find_blocked
from runctl_auto.jobs.teardown.plan import (
    Teardown,
    decide_teardown,
    plan_teardown,
    planned_deletions,
    refuse_another_source,
)
from runctl_auto.jobs.teardown.receipt import unmanaged
from runctl_auto.leftovers.proof import Proof
from runctl_auto.leftovers.receipt import (
    Blocked,
    Deleted,
    Foreign,
    Kept,
    Leak,
    Receipt,
    kept_by_tag,
    kept_in,
    leak_of,
)
from runctl_auto.stack.config import Placement, StackConfig
from runctl_auto.stack.source import Source
from runctl_auto.stack.state import StackState


@dataclass(frozen=True)
class TeardownForecast:
    """What a teardown would delete (``planned``), keep, and find prevented; ``unfetched``: why it would stop
    before it deletes anything. ``view`` is its plan, None for a job that was never set up. ``unmanaged`` is
    what exists of the job in no state, and would be left; None when that was not looked for. Plain data.
    """

    job: str
    view: PlanView | None = None
    planned: tuple[Deleted, ...] = ()
    kept: tuple[Kept, ...] = ()
    blocked: tuple[Blocked, ...] = ()
    unfetched: tuple[Failure, ...] = ()
    unmanaged: Proof | None = None
    leaked: tuple[Leak, ...] = ()
    at: str | None = None
    place: Placement | None = None

    @property
    def receipt(self) -> Receipt:
        """As a receipt: nothing was deleted, and what would be left is named."""
        place, left = self.place, self.unmanaged
        return Receipt(
            job=self.job,
            deleted=(),
            kept=(*self.kept, *(kept_by_tag(each) for each in (left.kept if left else ()))),
            leaked=self.leaked,
            stack_removed=False,
            blocked=self.blocked,
            foreign=tuple(
                Foreign(each.kind, each.id, each.owner) for each in (left.survey.foreign if left else ())
            ),
            unchecked=left.survey.unchecked if left else (),
            at=self.at,
            account=place.account if place else None,
            region=place.region if place else None,
            run=self.view.run if self.view else None,
        )

    @property
    def exit_code(self) -> ExitCode:
        """What ``down`` would come to."""
        if self.unfetched:
            return ExitCode.REFUSED
        return ExitCode.DONE if self.receipt.is_complete else ExitCode.LEAKED


class TeardownPreview(Change[Teardown, TeardownForecast]):
    """The steps of ``down`` without the last three. Recovers nothing and configures nothing."""

    verb = "down-plan"

    def __init__(
        self,
        job: Job,
        *,
        grace_seconds: int,
        include_protected: tuple[str, ...] = (),
        discard_artifacts: bool = False,
        looks_for_unmanaged: bool = False,
        source: Source | None = None,
    ) -> None:
        super().__init__(job)
        self._source = source
        self._looks_for_unmanaged = looks_for_unmanaged
        self._grace_seconds = grace_seconds
        self._include_protected = include_protected
        self._discard_artifacts = discard_artifacts
        self._config: StackConfig | None = None
        self._state = StackState((), ())
        self._decision: Teardown | None = None

    def open(self) -> None:
        self._config = self.job.config()
        if self._config is not None:
            refuse_another_source(self._config, self._source)
            refuse_another_account(self.job, self._config)

    def recover(self) -> None:
        self._state = observed_state(self.job)

    def decide(self) -> Teardown:
        self._decision = decide_teardown(self.job, self._config, self._state, self._include_protected)
        return self._decision

    def plan(self, decision: Teardown) -> PlanView | None:
        return plan_teardown(self.job, decision, self._grace_seconds)

    def result(self) -> TeardownForecast:
        assert self._decision is not None  # noqa: S101 - decide made it
        decision, job = self._decision, self.job
        before, config = decision.before, decision.config
        planned = planned_deletions(before, self.view)
        now = self.session.time.now()
        if config is None:
            return TeardownForecast(job.name, planned=planned)
        included = {urn for each in decision.protection.included for urn in each.urns}
        with self.session.reporter.working("looking for what prevents deletions", after=PATIENCE_SECONDS):
            blocked = find_blocked(job, config, before, included=included, has_ended=False)
            unrecorded = unrecorded_now(job, config, before)
            unfetched = () if self._discard_artifacts else unfetchable_artifacts(job, before)
            known = {each.key for each in unrecorded}
            left = unmanaged(job, config, before, known) if self._looks_for_unmanaged else None
        prevented = before.needed_by({each.urn for each in blocked})
        ids = {(each.type, each.id) for each in before.in_cloud() if each.urn in prevented}
        planned = tuple(each for each in planned if (each.type, each.id) not in ids)
        return TeardownForecast(
            job.name,
            self.view,
            (*planned, *(unrecorded_deletion(each) for each in unrecorded)),
            _kept(decision, planned, blocked),
            blocked,
            tuple(failure_of(each) for each in unfetched),
            left,
            tuple(leak_of(each, now) for each in (left.survey.found if left else ())),
            now.isoformat(),
            config.placement,
        )


def _kept(decision: Teardown, planned: tuple[Deleted, ...], blocked: tuple[Blocked, ...]) -> tuple[Kept, ...]:
    """What would be left in the state, with what the settings list protected there."""
    goes = {(each.type, each.id) for each in planned}
    listed = {urn for each in decision.protection.listed for urn in each.urns}
    after = replace(
        decision.before,
        resources=tuple(
            replace(each, protect=True) if each.urn in listed else each
            for each in decision.before.resources
            if (each.type, each.id) not in goes
        ),
    )
    return kept_in(after, blocked)
