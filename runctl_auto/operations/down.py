"""``down``: ends a job and proves that nothing of it is left. Needs the stack alone, no job file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from runctl_auto.agent.contract import GRACE_SECONDS, Reason, artifacts_prefix
from runctl_auto.engine.events import Plan
from runctl_auto.engine.job_stack import JobStack
from runctl_auto.errors import ConfirmationNeededError, LeakedError, UnfetchedArtifactsError
from runctl_auto.jobs.artifacts import Homecoming, bring_home
from runctl_auto.jobs.claim import claimed
from runctl_auto.jobs.follow import await_end
from runctl_auto.jobs.graceful_stop import StopOutcome, stop_run
from runctl_auto.jobs.protected_teardown import (
    TeardownProtection,
    confirm_included,
    teardown_protection,
)
from runctl_auto.jobs.recovery import Settled, remove_unnoticed, settle
from runctl_auto.jobs.reporting import PATIENCE_SECONDS, PlanView
from runctl_auto.jobs.right_account import refuse_another_account
from runctl_auto.jobs.session import Workplace, known_config
from runctl_auto.leftovers.archive import store
from runctl_auto.leftovers.proof import prove
from runctl_auto.leftovers.receipt import (
    Foreign,
    Receipt,
    deleted_between,
    kept_by_tag,
    kept_in,
    leak_of,
)
from runctl_auto.leftovers.scan import Scanner
from runctl_auto.providers.aws.bucket import JobBucket
from runctl_auto.providers.aws.machines import find_machine
from runctl_auto.providers.aws.records.catalogue import KINDS
from runctl_auto.providers.aws.records.relations import relations_of
from runctl_auto.providers.aws.records.search import Relations
from runctl_auto.providers.aws.records.volumes import VOLUME
from runctl_auto.stack.config import StackConfig
from runctl_auto.stack.state import BUCKET, INSTANCE, StackState

CLAIM_PATIENCE_SECONDS = 30.0
"""How long a teardown waits for a command that works on the job: its plan could be of yesterday then."""


@dataclass(frozen=True)
class DownOptions:
    """How ``down`` is asked to work."""

    yes: bool = False
    discard_artifacts: bool = False
    grace_seconds: int = GRACE_SECONDS
    include_protected: tuple[str, ...] = ()
    confirmed: tuple[str, ...] = ()


@dataclass(frozen=True)
class DownResult:
    """What ``down`` came to. ``receipt_file`` holds the receipt, which outlives the stack."""

    receipt: Receipt
    stopped: StopOutcome | None
    brought_home: tuple[Homecoming, ...]
    receipt_file: Path | None = None


def down(workplace: Workplace, job: str, options: DownOptions) -> DownResult:
    """Ends ``job``: graceful stop, artifacts home, destroy without what is protected, scan, receipt.

    May be repeated after it, or an ``up``, was killed at any moment. Blocks. What is left that should not be
    is in the receipt (``refuse_leaks`` turns it into an error). Raises ``UnfetchedArtifactsError`` when
    artifacts would be lost, ``ConfirmationNeededError`` when declined, ``UsageError`` in another account.
    """
    with workplace.reporter.working(f"looking at job '{job}'", after=PATIENCE_SECONDS):
        stack = workplace.driver.open(job)
        config = known_config(stack)
        if config is not None:
            refuse_another_account(workplace, config)
        settled = settle(workplace, stack, config)
        before = settled.state
    if config is None:
        return _remove_unused(workplace, stack, before)
    protection = teardown_protection(workplace, job, before, options.include_protected)
    _confirm(workplace, stack, before, config, options, protection=protection)
    with claimed(workplace, job, patience_seconds=CLAIM_PATIENCE_SECONDS):
        return _end(workplace, stack, config, options, settled=settled, protection=protection)


def _end(
    workplace: Workplace,
    stack: JobStack,
    config: StackConfig,
    options: DownOptions,
    *,
    settled: Settled,
    protection: TeardownProtection,
) -> DownResult:
    before = settled.state
    stopped = _stop(workplace, config, before, options)
    brought = () if options.discard_artifacts else _bring_home(workplace, config, before)
    related = relations_of(workplace.cloud(config.placement.region), stack.job, before)
    with workplace.reporter.working("deleting"):
        protection.give_up_included(stack)
        stack.destroy()
    receipt = _prove(workplace, stack, config, settled=settled, related=related)
    file = store(receipt, workplace.folders.make_private(), workplace.time.now())
    return DownResult(receipt, stopped, brought, file)


def refuse_leaks(receipt: Receipt) -> None:
    """Raises ``LeakedError`` when the receipt names something that should not be there, or has a gap."""
    if receipt.is_complete:
        return
    leaked = [f"{each.kind} {each.id}" for each in receipt.leaked]
    unseen = [f"{each.kind} could not be looked for" for each in receipt.unchecked]
    by_hand = f", or remove by hand: {receipt.leaked[0].remove}" if receipt.leaked else ""
    raise LeakedError(
        f"Teardown of job '{receipt.job}' is incomplete: {'; '.join((*leaked, *unseen))}.",
        receipt=receipt.as_json(),
        where={"job": receipt.job},
        next_step=f"Repeat `runctl down {receipt.job}`{by_hand}",
    )


def _remove_unused(workplace: Workplace, stack: JobStack, before: StackState) -> DownResult:
    """A stack that was made and never configured holds nothing."""
    if before.in_cloud():
        with workplace.reporter.working("deleting"):
            stack.destroy()
    after = stack.state()
    if not after.in_cloud():
        stack.remove()
    receipt = Receipt(
        stack.job, deleted_between(before, after), kept_in(after), (), stack_removed=not after.in_cloud()
    )
    return DownResult(receipt, None, ())


def _confirm(
    workplace: Workplace,
    stack: JobStack,
    state: StackState,
    config: StackConfig,
    options: DownOptions,
    *,
    protection: TeardownProtection,
) -> None:
    plan = Plan((), 0)
    if state.resources:
        with workplace.reporter.working("planning"):
            protection.keep_listed(stack)
            plan = stack.preview_destroy()
    plan = replace(plan, changes=(*plan.changes, *protection.deletions(state)))
    kept = protection.kept(state)
    trains = _is_training(workplace, config, state)
    first = (
        f"the training is running: it gets {options.grace_seconds} s to save its checkpoint and is stopped"
    )
    notes = (*((first,) if trains else ()), *kept, *protection.notes)
    workplace.reporter.plan(PlanView(stack.job, config.run.id, plan, None, notes))
    what = "Stop the training, delete this" if trains else "Delete this"
    if not (options.yes or workplace.reporter.confirm(f"{what} and end job '{stack.job}'?")):
        raise ConfirmationNeededError(
            "Nothing was deleted: the plan was not confirmed.",
            where={"job": stack.job},
            next_step="Answer yes, or use --yes.",
        )
    confirm_included(workplace, stack.job, protection, options.confirmed)


def _is_training(workplace: Workplace, config: StackConfig, state: StackState) -> bool:
    machine = state.first(INSTANCE)
    if machine is None or not machine.id:
        return False
    cloud = workplace.cloud(config.placement.region)
    status = workplace.bucket(config, cloud).status(config.run.id)
    return (status is None or not status.ended) and not find_machine(cloud, machine.id).is_ending


def _stop(
    workplace: Workplace, config: StackConfig, state: StackState, options: DownOptions
) -> StopOutcome | None:
    """Stops the run that is active; None when there is no machine to stop."""
    machine = state.first(INSTANCE)
    if machine is None or not machine.id:
        return None
    cloud = workplace.cloud(config.placement.region)
    with workplace.reporter.working("stopping the training"):
        outcome = stop_run(
            workplace.bucket(config, cloud),
            config.run.id,
            reason=Reason.DOWN,
            grace_seconds=options.grace_seconds,
            machine_runs=lambda: not find_machine(cloud, machine.id).is_ending,
            sleep=workplace.time.sleep,
            clock=workplace.time.monotonic,
        )
    if outcome.how == "late":
        workplace.reporter.say("the training did not stop in time; it is ended now")
    return outcome


def _bring_home(workplace: Workplace, config: StackConfig, state: StackState) -> tuple[Homecoming, ...]:
    """Artifacts of all runs that left some. What cannot be brought home stops the teardown."""
    if state.first(BUCKET) is None:
        return ()
    bucket: JobBucket = workplace.bucket(config, workplace.cloud(config.placement.region))
    folder = workplace.home_of(config.job.name)
    with workplace.reporter.working("bringing artifacts home"):
        try:
            brought = [bring_home(bucket, run, folder / run) for run in _complete(bucket)]
        except OSError as error:
            raise UnfetchedArtifactsError(
                f"The artifacts could not be written to {folder}: {error}",
                where={"job": config.job.name},
                next_step="Make room there and repeat, or give them up: --discard-artifacts.",
            ) from error
    return tuple(home for home in brought if home is not None)


def _complete(bucket: JobBucket) -> Iterator[str]:
    """The runs of a bucket; refuses one whose artifacts were being written when its machine ended."""
    for run in bucket.runs():
        if bucket.has_unlisted_artifacts(run):
            raise UnfetchedArtifactsError(
                f"Run {run} was writing its artifacts when its machine ended: some are in the bucket, and no "
                "list of them.",
                where={"bucket": bucket.name, "run": run},
                next_step=f"Fetch {artifacts_prefix(run)} by hand or let `runctl up` finish the run; "
                "--discard-artifacts gives them up.",
            )
        yield run


def _prove(
    workplace: Workplace,
    stack: JobStack,
    config: StackConfig,
    *,
    settled: Settled,
    related: Relations,
) -> Receipt:
    after = stack.state()
    place = config.placement
    cloud = workplace.cloud(place.region)
    for instance in related.instances:
        await_end(cloud, find_machine(cloud, instance), workplace.time)
    scanner = Scanner(
        cloud,
        config.job.name,
        place.account,
        owner=config.owner,
        price_hour=place.price_hour,
        backend=workplace.environment.backend,
    )
    # A volume that the job used by its id is somebody's own, whatever its tags say.
    kept = KINDS.keys_in(after) | {(VOLUME.name, each.id) for each in config.job.volumes if each.id}
    listed = workplace.settings.policies.protected
    time = workplace.time
    with workplace.reporter.working("looking for what is left"):
        proof = prove(scanner, related, kept, time.sleep, time.monotonic, listed=listed)
    # What lists did not tell before the teardown, since they are late, they tell now.
    late = remove_unnoticed(workplace, config, after, settled.unfinished) if proof.survey.found else ()
    if late:
        with workplace.reporter.working("looking for what is left"):
            proof = prove(scanner, related, kept, time.sleep, time.monotonic, listed=listed)
    is_empty = proof.is_clean and not (after.in_cloud() or after.pending)
    if is_empty:
        stack.remove()
    now = workplace.time.now()
    return Receipt(
        job=stack.job,
        deleted=(*settled.removed, *late, *deleted_between(settled.state, after)),
        kept=(*kept_in(after), *(kept_by_tag(each) for each in proof.kept)),
        leaked=tuple(leak_of(each, now) for each in proof.survey.found),
        stack_removed=is_empty,
        foreign=tuple(Foreign(each.kind, each.id, each.owner) for each in proof.survey.foreign),
        unchecked=proof.survey.unchecked,
        at=now.isoformat(),
        account=place.account,
        region=place.region,
        run=config.run.id,
    )
