"""Proves what a teardown left, and writes that into its receipt."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from runctl_auto.jobs.follow.follow import await_end
from runctl_auto.jobs.recovery import Recovered, remove_unnoticed
from runctl_auto.jobs.stack_in_hand import StackInHand
from runctl_auto.leftovers.proof import Proof, look_once, prove
from runctl_auto.leftovers.receipt import (
    Blocked,
    Foreign,
    Receipt,
    deleted_between,
    kept_by_tag,
    kept_in,
    leak_of,
)
from runctl_auto.providers.contract import Scanner
from runctl_auto.providers.resource import Key, Relations
from runctl_auto.stack.applied_config import AppliedConfig
from runctl_auto.stack.state import VOLUME, StackState


def prove_teardown(
    job: StackInHand,
    config: AppliedConfig,
    recovered: Recovered,
    related: Relations,
    blocked: Sequence[Blocked] = (),
    *,
    run: str | None = None,
) -> Receipt:
    """The receipt of the teardown of ``job``, of its ``run`` if it is one, whose state was that of
    ``recovered``. Removes the stack when
    nothing is left. Blocks for a few minutes at most, while machines end and lists lag. ``blocked`` could not
    be deleted: what prevents it is named with it, and is no leak of the job's."""
    after, scanner = job.state(), job.scanner(config)
    provider, time = job.provider, job.session.time
    for machine in related.instances:
        await_end(provider, provider.machine(machine), time)
    proof = _proof(job, config, scanner, related, after, blocked=blocked)
    # What lists did not tell before the teardown, since they are late, they tell now.
    late = remove_unnoticed(job, config, after, recovered.unfinished) if proof.survey.found else ()
    if late:
        proof = _proof(job, config, scanner, related, after, blocked=blocked)
    left = {each.urn for each in after.resources}
    blocked = tuple(each for each in blocked if each.urn in left)
    is_empty = proof.is_clean and not (after.in_cloud() or after.pending)
    if is_empty:
        job.stack.remove()
    now = time.now()
    return Receipt(
        job=job.name,
        deleted=(*recovered.removed, *late, *deleted_between(recovered.state, after)),
        kept=(*kept_in(after, blocked), *(kept_by_tag(each) for each in proof.kept)),
        leaked=tuple(leak_of(each, now) for each in proof.survey.found),
        stack_removed=is_empty,
        blocked=blocked,
        foreign=tuple(Foreign(each.kind, each.id, each.owner) for each in proof.survey.foreign),
        unchecked=proof.survey.unchecked,
        at=now.isoformat(),
        account=config.account,
        region=config.region,
        run=run,
    )


def _proof(
    job: StackInHand,
    config: AppliedConfig,
    scanner: Scanner,
    related: Relations,
    after: StackState,
    *,
    blocked: Sequence[Blocked],
) -> Proof:
    session = job.session
    holders = (key for each in blocked for blocker in each.held_by for key in blocker.keys)
    kept = scanner.kinds.keys_in(after) | frozenset((*_used_volumes(config, scanner), *holders))
    with session.reporter.working("looking for what is left"):
        return prove(
            scanner,
            related,
            kept,
            session.time.sleep,
            session.time.monotonic,
            listed=session.settings.policies.protected,
        )


def unmanaged(job: StackInHand, config: AppliedConfig, state: StackState, known: Collection[Key]) -> Proof:
    """What exists of the job now, in no ``state`` and not ``known``. Reads only."""
    scanner = job.scanner(config)
    kept = scanner.kinds.keys_in(state) | frozenset((*_used_volumes(config, scanner), *known))
    listed = job.session.settings.policies.protected
    return look_once(scanner, scanner.relations(state), kept, listed=listed)


def _used_volumes(config: AppliedConfig, scanner: Scanner) -> Iterator[Key]:
    """Volumes that the job used by their id are somebody's own, whatever their tags say."""
    kind = scanner.kinds.of_type(VOLUME)
    return ((kind.name, each) for each in config.used_volumes if kind is not None)
