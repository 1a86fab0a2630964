"""Keeps every group at its desired capacity. Pure: the cloud, its clock and its lock are passed in.

`review`, `launched` and `next_deadline` are called with the cloud's lock held; launches are made without it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from sandbox.aws.cloud import lifecycle as states
from sandbox.aws.cloud.scaling.groups import (
    IN_SERVICE,
    TERMINATED,
    TERMINATING,
    Activity,
    Group,
    GroupError,
    Groups,
    Member,
    ScheduledAction,
    moment,
)
from sandbox.aws.cloud.scaling.pools import (
    REFUSED_SECONDS,
    Distribution,
    Pool,
    by_zone,
    failure_message,
    ordered,
    tries_the_next,
)

_LAUNCH_PAUSE = 0.5
"""Seconds at least between two launches of a group."""
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0
"""Seconds after a failed launch, doubled with each; on AWS about a minute and more."""
_LEAVING_SECONDS = 10.0
"""How long a machine that is shutting down holds back its replacement. AWS does not wait for its end."""


@dataclass(frozen=True)
class MachineState:
    """A machine's state in EC2; `since` is when it entered it."""

    state: str
    since: float


class GroupCloud(Protocol):
    """What the keeper needs of the emulated cloud. Called with the lock held."""

    def machine(self, group: Group, instance: str) -> MachineState:
        """Its state, `terminated` when it is no longer known."""

    def terminate(self, group: Group, instances: Sequence[str]) -> None: ...

    def pools(self, group: Group) -> list[Pool]:
        """The places of the group, as its template and subnets are now. Raises LaunchRefused."""

    def price(self, pool: Pool, *, spot: bool) -> float: ...

    def is_spot(self, group: Group, instance: str) -> bool: ...


class LaunchRefused(Exception):
    """EC2's refusal of a launch: its error code and message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


@dataclass(frozen=True)
class Launch:
    """One machine to launch, in the first of these places that has it. `market` is None where the launch
    template says it."""

    group: Group
    places: tuple[Pool, ...]
    market: str | None
    max_price: str | None
    is_mixed: bool


@dataclass(frozen=True)
class Launched:
    """The result of a launch: the new machine, or None; and what was refused on the way."""

    member: Member | None
    place: Pool | None
    refusals: tuple[tuple[Pool, str, str], ...] = ()


class Keeper:
    """Decides what each group does next. `clock` returns seconds since 1970."""

    def __init__(self, groups: Groups, cloud: GroupCloud, clock: Callable[[], float]) -> None:
        self._groups = groups
        self._cloud = cloud
        self._clock = clock
        self._refused: dict[tuple[Pool, bool], float] = {}

    def review(self) -> list[Launch]:
        """Carry out what is due and return the machines to launch, at most one a group."""
        launches = []
        for group in self._groups.all():
            self._carry_out_actions(group)
            self._look_at_members(group)
            self._shrink(group)
            launch = self._wanted(group)
            if launch is not None:
                group.is_launching = True
                launches.append(launch)
            if len(group.active) == group.desired_now:
                group.wanted_because = ""
            if group.is_deleted and not group.members and not group.is_launching:
                self._groups.remove(group)
        return launches

    def next_deadline(self) -> float | None:
        """When `review` is due next, besides after changes; None when nothing is pending."""
        return min((due for group in self._groups.all() for due in self._deadlines(group)), default=None)

    def launched(self, launch: Launch, result: Launched) -> None:
        """Record the result of a launch. A machine that came too late is ended by the next review."""
        group, now = launch.group, self._clock()
        group.is_launching = False
        spot = launch.market == "spot"
        for pool, _, _ in result.refusals:
            self._refused[pool, spot] = now
        for pool, code, message in by_zone(result.refusals):
            activity = self._record_launch(group, pool, "Launching a new EC2 instance.", now)
            told = failure_message(code, message, is_mixed=launch.is_mixed, spot=spot)
            activity.description += f"  Status Reason: {told}"
            activity.end(now, "Failed", told)
        if result.member is None or result.place is None:
            pause = min(_FIRST_PAUSE * 2**group.failures, _LONGEST_PAUSE)
            group.failures += 1
            group.not_before = now + pause
            return
        member = result.member
        description = f"Launching a new EC2 instance: {member.id}"
        member.activity = self._record_launch(group, result.place, description, now)
        group.members[member.id] = member
        group.failures = 0
        group.not_before = now + _LAUNCH_PAUSE

    def _record_launch(self, group: Group, place: Pool, description: str, now: float) -> Activity:
        told = moment(now)
        current = len(group.active)
        why = f"At {told} {group.wanted_because} " if group.wanted_because else ""
        cause = (
            f"{why}At {told} an instance was started in response to a difference between desired and actual "
            f"capacity, increasing the capacity from {current} to {current + 1}."
        )
        details = {"Subnet ID": place.subnet, "Availability Zone": place.zone}
        return group.record(Activity(description, cause, now, details))

    def _carry_out_actions(self, group: Group) -> None:
        """A one-time action is gone once it was carried out, also when its sizes were refused."""
        now = self._clock()
        for action in [each for each in group.actions.values() if each.start <= now]:
            if not group.does("ScheduledActions"):
                continue
            del group.actions[action.name]
            if not group.is_deleted:
                self._apply(group, action)

    def _apply(self, group: Group, action: ScheduledAction) -> None:
        sizes = {"min": action.minimum, "max": action.maximum, "desired": action.desired}
        told = ", ".join(f"{name}: {size}" for name, size in sizes.items() if size is not None)
        because = f"a scheduled action {action.name} set the constraints of the AutoScalingGroup to {told}"
        try:
            group.resize(because, minimum=action.minimum, maximum=action.maximum, desired=action.desired)
        except GroupError as error:
            activity = Activity(f"Scheduled action {action.name} failed.", because, self._clock(), {})
            group.record(activity).end(self._clock(), "Failed", str(error))

    def _look_at_members(self, group: Group) -> None:
        now = self._clock()
        for member in list(group.members.values()):
            machine = self._cloud.machine(group, member.id)
            if member.counts:
                self._look_at(group, member, machine, now)
            if member.state == TERMINATING and machine.state == states.TERMINATED:
                member.state = TERMINATED
                member.activity.end(now)
                del group.members[member.id]

    def _look_at(self, group: Group, member: Member, machine: MachineState, now: float) -> None:
        if machine.state == states.RUNNING and member.state != IN_SERVICE:
            member.state = IN_SERVICE
            member.activity.end(now)
        elif machine.state not in (states.PENDING, states.RUNNING) and group.does("HealthCheck"):
            self._take_out(group, member, now)
            if machine.state in (states.STOPPING, states.STOPPED):
                self._cloud.terminate(group, [member.id])

    def _take_out(self, group: Group, member: Member, now: float) -> None:
        """It ended by itself, or somebody ended it."""
        member.activity.end(now)
        member.health = "Unhealthy"
        cause = (
            f"At {moment(now)} an instance was taken out of service in response to an EC2 health check "
            "indicating it has been terminated or stopped."
        )
        self._leave(group, member, cause, now)

    def _leave(self, group: Group, member: Member, cause: str, now: float) -> None:
        member.state = TERMINATING
        member.leaving = now
        details = {"Availability Zone": member.zone}
        description = f"Terminating EC2 instance: {member.id}"
        member.activity = group.record(Activity(description, cause, now, details))

    def _shrink(self, group: Group) -> None:
        surplus = len(group.active) - group.desired_now
        if surplus <= 0 or not group.does("Terminate"):
            return
        now = self._clock()
        # A machine that was launched last goes first: the longer one has more to lose.
        free = [each for each in group.active if group.is_deleted or not each.is_protected]
        for member in free[::-1][:surplus]:
            count = len(group.active)
            why = f"At {moment(now)} {group.wanted_because} " if group.wanted_because else ""
            cause = (
                f"{why}At {moment(now)} an instance was taken out of service in response to a difference "
                f"between desired and actual capacity, shrinking the capacity from {count} to {count - 1}. "
                f"At {moment(now)} instance {member.id} was selected for termination."
            )
            member.activity.end(now)
            self._leave(group, member, cause, now)
            self._cloud.terminate(group, [member.id])

    def _wanted(self, group: Group) -> Launch | None:
        now = self._clock()
        if group.is_launching or len(group.active) >= group.desired_now or not group.does("Launch"):
            return None
        if now < group.not_before or self._held_back_until(group, now) is not None:
            return None
        distribution = Distribution.of(group.settings.get("MixedInstancesPolicy"))
        on_demand = sum(not self._cloud.is_spot(group, each.id) for each in group.active)
        spot = distribution.is_spot(on_demand, group.desired_now)
        try:
            pools = self._cloud.pools(group)
        except LaunchRefused as refused:
            nowhere = Pool("", "", "")
            message = ((nowhere, refused.code, refused.message),)
            self.launched(Launch(group, (), None, None, is_mixed=False), Launched(None, None, message))
            return None
        places = ordered(
            pools,
            distribution.strategy(spot=spot),
            lambda pool: self._cloud.price(pool, spot=spot),
            machines=lambda zone: sum(each.zone == zone for each in group.active),
            refused=lambda pool: now - self._refused.get((pool, spot), float("-inf")) < REFUSED_SECONDS,
        )
        market = ("spot" if spot else "on-demand") if distribution.is_mixed else None
        max_price = distribution.spot_max_price if spot else None
        return Launch(group, tuple(places), market, max_price, distribution.is_mixed)

    def _held_back_until(self, group: Group, now: float) -> float | None:
        """Until when machines that are shutting down hold back the next launch."""
        ends = [
            each.leaving + _LEAVING_SECONDS for each in group.members.values() if each.leaving is not None
        ]
        return max((end for end in ends if end > now), default=None)

    def _deadlines(self, group: Group) -> list[float]:
        now = self._clock()
        due = [each.start for each in group.actions.values() if group.does("ScheduledActions")]
        if len(group.active) < group.desired_now and group.does("Launch") and not group.is_launching:
            due.append(max(group.not_before, self._held_back_until(group, now) or 0.0))
        return due


def first_that_launches(launch: Launch, run: Callable[[Launch, Pool], Member]) -> Launched:
    """Try the places in order. `run` raises LaunchRefused; if not for capacity, the attempt ends there."""
    refusals: list[tuple[Pool, str, str]] = []
    for place in launch.places:
        try:
            return Launched(run(launch, place), place, tuple(refusals))
        except LaunchRefused as refused:
            refusals.append((place, refused.code, refused.message))
            if not tries_the_next(refused.code):
                break
    return Launched(None, None, tuple(refusals))
