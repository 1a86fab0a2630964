"""``leaks``: compares all resources of runctl's in an account with all stacks of the backend."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from runctl_auto.backend.mark import backend_mark
from runctl_auto.engine.executor.contract import Executor, Work
from runctl_auto.errors import CloudError, RunctlError
from runctl_auto.jobs.confirmation import require_confirmation
from runctl_auto.jobs.session import Session
from runctl_auto.jobs.teardown.deletion_watch import LONG_SECONDS
from runctl_auto.leftovers.compare import (
    Caller,
    Comparison,
    Gone,
    KnownStack,
    Orphan,
    OverdueMachine,
    compare,
)
from runctl_auto.leftovers.removal import remove_all
from runctl_auto.providers.contract import Provider
from runctl_auto.providers.resource import CloudResource, Key, Unchecked
from runctl_auto.stack.kinds import removal, titled
from runctl_auto.stack.state import StackState

_REMOVAL_ROUNDS = 15


@dataclass(frozen=True)
class LeaksOptions:
    """``regions``, if empty, are those of the stacks and the caller's own. Resources of ``owners`` count as
    the caller's own too. A ``dry_run`` finds what ``delete`` would delete, and asks nobody."""

    regions: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    delete: bool = False
    yes: bool = False
    dry_run: bool = False


@dataclass(frozen=True)
class RegionFinding:
    """What was found in one region."""

    region: str
    comparison: Comparison
    unchecked: tuple[Unchecked, ...]
    things: int


@dataclass(frozen=True)
class LeaksResult:
    """The result of the search; ``deleted`` is no longer in ``findings``. ``planned`` is what was to be
    deleted; a ``dry_run`` deleted none of it."""

    account: str
    stacks: int
    findings: tuple[RegionFinding, ...]
    unread: tuple[tuple[str, str], ...]
    deleted: tuple[CloudResource, ...]
    at: datetime
    planned: tuple[CloudResource, ...] = ()
    dry_run: bool = False

    @property
    def finds_something(self) -> bool:
        return any(each.comparison.finds_something or each.unchecked for each in self.findings)

    def as_json(self) -> dict[str, Any]:
        return {
            "account": self.account,
            "regions": [each.region for each in self.findings],
            "stacks": self.stacks,
            "things": sum(each.things for each in self.findings),
            "at": self.at.isoformat(),
            "orphans": [self._orphan(each) for region in self.findings for each in region.comparison.orphans],
            "gone": [vars(each) for region in self.findings for each in region.comparison.gone],
            "overdue": [
                {**self._resource(each.resource), "limit_seconds": each.limit_seconds}
                for region in self.findings
                for each in region.comparison.overdue
            ],
            "foreign": self._resources("foreign"),
            "protected": self._resources("protected"),
            "unsettled": self._resources("unsettled"),
            "dry_run": self.dry_run,
            "planned": [_named(each) for each in self.planned],
            "deleted": [_named(each) for each in self.deleted],
            "unchecked": [
                {"region": region.region, **vars(each)}
                for region in self.findings
                for each in region.unchecked
            ],
            "unread": [{"job": job, "why": why} for job, why in self.unread],
            "found_something": self.finds_something,
        }

    def _resources(self, group: str) -> list[dict[str, Any]]:
        return [
            self._resource(each) for region in self.findings for each in getattr(region.comparison, group)
        ]

    def _orphan(self, orphan: Orphan) -> dict[str, Any]:
        more = {"why": orphan.why, "keep": orphan.keep, "refused": orphan.refused}
        return {**self._resource(orphan.resource), **more}

    def _resource(self, resource: CloudResource) -> dict[str, Any]:
        age = resource.age_seconds(self.at)
        return {
            "kind": resource.kind,
            "id": resource.id,
            "name": resource.name,
            "job": resource.job,
            "owner": resource.owner,
            "how": resource.how,
            "age_seconds": None if age is None else round(age, 1),
            "cost_hour": resource.cost_hour,
            "remove": resource.remove,
        }


def find_leaks(
    session: Session, options: LeaksOptions, executor: Executor[Session] | None = None
) -> LeaksResult:
    """Searches the account; with ``delete`` removes orphans after showing them and asking. Blocks.

    An ``executor`` searches the regions; without one that is done here, one after the other. Raises
    ``ConfirmationNeededError`` when removal was declined.
    """
    return _Sweep(session, options, executor).run()


def region_finding(session: Session, asked: tuple[str, LeaksOptions]) -> RegionFinding:
    """What is found in one region. Reads the states itself. Blocks."""
    region, options = asked
    return _Sweep(session, options).look_at(region)


class _Sweep:
    def __init__(
        self, session: Session, options: LeaksOptions, executor: Executor[Session] | None = None
    ) -> None:
        self._session = session
        self._executor = executor
        self._options = options
        self._reporter = session.reporter
        self._owners = (session.settings.owner, *options.owners)

    def run(self) -> LeaksResult:
        stacks, unread = self._stacks()
        home = self._session.provider()
        account = home.account().id
        regions = self._regions(home.region, stacks, account)
        findings = self._findings(account, regions, stacks)
        dry_run, now = self._options.dry_run, self._session.time.now()
        known = len(stacks) + len(unread)
        result = LeaksResult(account, known, tuple(findings), unread, (), now, dry_run=dry_run)
        if not self._options.delete:
            return result
        wanted = self._removable(result)
        result = replace(result, planned=tuple(each for things in wanted.values() for each in things))
        self._show(wanted)
        if dry_run or not result.planned:
            return result
        return self._without_orphans(result, wanted, stacks)

    def look_at(self, region: str) -> RegionFinding:
        """What is found in one region."""
        return self._region(self._session.provider().account().id, region, self._stacks()[0])

    def _findings(
        self, account: str, regions: Sequence[str], stacks: Mapping[str, KnownStack]
    ) -> list[RegionFinding]:
        if self._executor is None:
            return [self._region(account, region, stacks) for region in regions]
        found: dict[str, RegionFinding] = {}
        works = [Work(region, (region, self._options)) for region in regions]
        for done in self._executor.run(works, region_finding):
            if done.error is not None:
                raise done.error
            assert done.result is not None  # noqa: S101 - it did not raise
            found[done.work.stack] = done.result
        return [found[region] for region in regions]

    def _stacks(self) -> tuple[dict[str, KnownStack], tuple[tuple[str, str], ...]]:
        """The stacks of the backend by job, and those that cannot be read, with why."""
        jobs = {each.name: each.busy for each in self._session.driver.stacks()}
        states = self._states(tuple(jobs))
        stacks = {
            job: KnownStack(job, state, jobs[job])
            for job, state in states.items()
            if isinstance(state, StackState)
        }
        unread = tuple((job, str(state)) for job, state in states.items() if isinstance(state, RunctlError))
        return stacks, unread

    def _states(self, jobs: tuple[str, ...]) -> Mapping[str, StackState | RunctlError]:
        with self._reporter.working(f"reading the states of {len(jobs)} stacks"):
            return self._session.driver.states(
                jobs, lambda done: self._reporter.progress(f"{done} of {len(jobs)}")
            )

    def _regions(self, home: str, stacks: Mapping[str, KnownStack], account: str) -> tuple[str, ...]:
        if self._options.regions:
            return tuple(dict.fromkeys(self._options.regions))
        own = (each.region for each in stacks.values() if each.account in (None, account))
        return tuple(sorted({home, *(region for region in own if region)}))

    def _region(self, account: str, region: str, stacks: Mapping[str, KnownStack]) -> RegionFinding:
        here = {
            job: stack
            for job, stack in stacks.items()
            if stack.region in (None, region) and stack.account in (None, account)
        }
        provider = self._session.provider(region)

        def price_of(job: str, instance_type: str) -> float | None:  # noqa: ARG001
            return here[job].price_hour if job in here else None

        with self._reporter.working(f"looking through {region}"):
            survey = provider.survey_account(account, tuple(stacks), price_of)
        unseen = {each.kind for each in survey.unchecked}
        caller = Caller(
            self._owners,
            backend_mark(self._session.environment.backend),
            self._session.time.now(),
            self._session.settings.policies.protected,
        )
        comparison = compare(survey.found, here, caller, provider.kinds.listed - unseen, kinds=provider.kinds)
        return RegionFinding(region, comparison, survey.unchecked, len(survey.found))

    def _removable(self, result: LeaksResult) -> dict[str, list[CloudResource]]:
        """The orphans that may be removed, by region."""
        return {
            each.region: list(
                self._still_unprotected(
                    self._session.provider(each.region),
                    [orphan.resource for orphan in each.comparison.orphans if orphan.keep is None],
                    result.account,
                )
            )
            for each in result.findings
        }

    def _without_orphans(
        self,
        result: LeaksResult,
        wanted: Mapping[str, Sequence[CloudResource]],
        stacks: Mapping[str, KnownStack],
    ) -> LeaksResult:
        """The result of a new search, after the removal of the orphans ``wanted``."""
        require_confirmation(
            self._reporter,
            f"Delete these {len(result.planned)} things for ever?",
            "Nothing was deleted: the removal was not confirmed.",
            yes=self._options.yes,
        )
        deleted: list[CloudResource] = []
        refusals = _Refusals(self._reporter.say, self._session.time.monotonic)
        for region, things in wanted.items():
            provider = self._session.provider(region)
            with self._reporter.working(f"removing {len(things)} things in {region}"):
                deleted += remove_all(
                    self._still_unprotected(provider, things, result.account),
                    provider.kinds,
                    partial(provider.remove, account=result.account),
                    rounds=_REMOVAL_ROUNDS,
                    sleep=self._session.time.sleep,
                    refused=refusals.note,
                )
        findings = tuple(refusals.explain(self._region(result.account, region, stacks)) for region in wanted)
        left = {
            (each.resource.kind, each.resource.id)
            for region in findings
            for each in region.comparison.orphans
        }
        gone = tuple(each for each in deleted if each.key not in left)
        return replace(result, findings=findings, deleted=gone, at=self._session.time.now())

    def _show(self, wanted: Mapping[str, Iterable[CloudResource]]) -> None:
        for region, things in wanted.items():
            for each in things:
                self._reporter.say(f"  - {each.kind} {each.id} in {region} ({titled(each.job)})")

    def _still_unprotected(
        self, provider: Provider, resources: Iterable[CloudResource], account: str
    ) -> Iterator[CloudResource]:
        """Those whose own tags, which some lists do not show or show late, allow their removal."""
        from components import tags

        mark = backend_mark(self._session.environment.backend)
        for each in resources:
            held = provider.tags_before_removal(each, account)
            is_own = held.get(tags.OWNER, "") in ("", *self._owners) and held.get(tags.BACKEND, mark) == mark
            if is_own and not tags.is_protecting(held):
                yield each


class _Refusals:
    """The cloud's answers to attempts to delete something. One that lasts is told after ten seconds, once."""

    def __init__(self, say: Callable[[str], None], clock: Callable[[], float]) -> None:
        self._say = say
        self._clock = clock
        self._first: dict[Key, float] = {}
        self._told: set[Key] = set()
        self._answers: dict[Key, str] = {}

    def note(self, resource: CloudResource, error: CloudError) -> None:
        """Takes notice of an attempt that failed."""
        key = resource.key
        self._answers[key] = error.what
        lasted = self._clock() - self._first.setdefault(key, self._clock())
        if lasted >= LONG_SECONDS and key not in self._told:
            self._told.add(key)
            self._say(f"still removing {resource.kind} {resource.id} after {lasted:.0f} s: {error.what}")

    def explain(self, finding: RegionFinding) -> RegionFinding:
        """The finding, each orphan in it with the last answer."""
        orphans = tuple(
            replace(each, refused=self._answers.get(each.resource.key)) for each in finding.comparison.orphans
        )
        return replace(finding, comparison=replace(finding.comparison, orphans=orphans))


def _named(resource: CloudResource) -> dict[str, str]:
    return {"kind": resource.kind, "id": resource.id, "job": resource.job}


def describe_gone(gone: Gone) -> str:
    """One line about a stack whose resources are gone, with the next step."""
    return f"{gone.job}: none of its {gone.resources} things exists; `{removal(gone.job)}` removes the stack"


def describe_overdue(overdue: OverdueMachine) -> str:
    """One line about a machine that should have ended."""
    return (
        f"{overdue.resource.kind} {overdue.resource.id} of job '{overdue.job}' is over its limit of "
        f"{overdue.limit_seconds:g} s; `runctl reap` ends it"
    )
