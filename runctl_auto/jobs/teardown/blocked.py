"""What a teardown cannot delete: found before it begins, or refused by the cloud, each with the cause."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from runctl_auto.engine.events import FailedDeletion, StepEvent
from runctl_auto.errors import CloudError
from runctl_auto.jobs.follow.follow import POLL_SECONDS
from runctl_auto.jobs.stack_in_hand import StackInHand
from runctl_auto.leftovers.receipt import Blocked
from runctl_auto.providers.contract import Provider
from runctl_auto.providers.resource import Blocker
from runctl_auto.stack.applied_config import AppliedConfig
from runctl_auto.stack.kinds import removal
from runctl_auto.stack.state import GROUP, MACHINES, ResourceState, StackState

OWN_END_SECONDS = 60.0
"""How long the machine of an ended run gets to shut down by itself."""


def find_blocked(
    job: StackInHand,
    config: AppliedConfig,
    state: StackState,
    *,
    included: Collection[str] = (),
    has_ended: bool,
) -> tuple[Blocked, ...]:
    """What of ``state`` the cloud would refuse to delete now. Makes a few requests.

    Skips what is protected, unless it is in ``included`` (URNs). The machine of a run that ``has_ended`` may
    shut down by itself, which no protection against termination prevents: blocks for a minute at most then.
    """
    protected = {each.urn for each in state.resources if each.protect and each.urn not in included}
    stays = state.needed_by(protected)
    found = []
    for each in state.in_cloud():
        if each.urn in stays:
            continue
        blockers = tuple(job.provider.blockers(each, state, config.account))
        if blockers and each.type in MACHINES and has_ended and _ends_by_itself(job, each.id):
            continue
        if blockers:
            found.append(_blocked(job.name, each, blockers))
    return tuple(found)


def explained(
    job: StackInHand, config: AppliedConfig, state: StackState, failed: Sequence[FailedDeletion]
) -> Iterator[Blocked]:
    """The deletions that the cloud refused, each with what prevents it, else with the cloud's answer.

    ``state`` is that before the teardown.
    """
    by_urn = {each.urn: each for each in state.resources}
    for each in failed:
        resource = by_urn.get(each.urn)
        blockers = job.provider.blockers(resource, state, config.account, refused=True) if resource else ()
        yield _blocked(job.name, each, blockers)


def reason_of(provider: Provider, state: StackState, config: AppliedConfig, step: StepEvent) -> str:
    """Why a deletion takes long, as far as ``provider`` tells. Makes requests; does not raise."""
    if step.type in (*MACHINES, GROUP):
        try:
            machines = [step.physical_id] if step.type in MACHINES else _machines(provider, step.physical_id)
            states = [provider.machine(each).state for each in machines]
        except CloudError:
            return "the cloud does not answer"
        return f"the machine is {states[0]}" if states else "its machine has ended; the group goes"
    resource = next((each for each in state.in_cloud() if each.urn == step.urn), None)
    found = provider.blockers(resource, state, config.account) if resource is not None else ()
    return _in_the_way(found) if found else "the cloud has not confirmed it yet"


def _machines(provider: Provider, group: str) -> tuple[str, ...]:
    found = provider.groups([group]).get(group)
    return found.machines if found else ()


def sentence(blocked: Blocked) -> str:
    """The reason in a sentence, for messages."""
    return f"{blocked.name} ({blocked.id}) cannot be deleted: {blocked.why}"


def _blocked(job: str, resource: ResourceState | FailedDeletion, blockers: Sequence[Blocker]) -> Blocked:
    """The entry for a resource: what prevents its deletion; if nothing is known, the cloud's answer."""
    failed = resource if isinstance(resource, FailedDeletion) else None
    answer = failed.why if failed is not None else ""
    return Blocked(
        resource.urn,
        resource.type,
        resource.name,
        resource.id,
        _in_the_way(blockers) if blockers else answer,
        _next_step(job, blockers, failed),
        failed.code if failed is not None else None,
        tuple(blockers),
    )


def _next_step(job: str, blockers: Sequence[Blocker], failed: FailedDeletion | None) -> str:
    repeat = f"repeat `{removal(job)}`"
    releases = [f"`{each.release}`" for each in blockers if each.release]
    if releases:
        return f"If nobody needs that any more: {', '.join(releases)}; then {repeat}."
    if not blockers and failed is not None and failed.next_step:
        return f"{failed.next_step} Then {repeat}."
    return f"End what prevents it, then {repeat}."


def _in_the_way(blockers: Sequence[Blocker]) -> str:
    return f"in the way is {' and '.join(each.what for each in blockers)}"


def _ends_by_itself(job: StackInHand, machine: str) -> bool:
    time = job.session.time
    deadline = time.monotonic() + OWN_END_SECONDS
    with job.session.reporter.working("waiting until the machine shuts down by itself", after=POLL_SECONDS):
        while not job.provider.machine(machine).is_ending:
            if time.monotonic() >= deadline:
                return False
            time.sleep(POLL_SECONDS)
    return True
