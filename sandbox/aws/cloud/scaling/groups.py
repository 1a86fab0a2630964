"""Auto Scaling groups with their machines, activities and scheduled actions. Pure; callers hold the lock."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

PENDING = "Pending"
IN_SERVICE = "InService"
TERMINATING = "Terminating"
TERMINATED = "Terminated"

PROCESSES = (
    "Launch",
    "Terminate",
    "AddToLoadBalancer",
    "AlarmNotification",
    "AZRebalance",
    "HealthCheck",
    "InstanceRefresh",
    "ReplaceUnhealthy",
    "ScheduledActions",
)
_MOST_ACTIVITIES = 500


class GroupError(Exception):
    """A request that Auto Scaling refuses; `code` as in the service's API."""

    def __init__(self, message: str, code: str = "ValidationError") -> None:
        super().__init__(message)
        self.code = code


@dataclass
class Activity:
    """One scaling activity. Times are seconds since 1970; `ended` is None while it is in progress."""

    description: str
    cause: str
    started: float
    details: Mapping[str, str]
    status: str = "InProgress"
    message: str = ""
    ended: float | None = None
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def end(self, now: float, status: str = "Successful", message: str = "") -> None:
        """Record the end; the first one counts."""
        if self.ended is None:
            self.ended, self.status, self.message = now, status, message

    @property
    def progress(self) -> int:
        """Percent."""
        return 100 if self.ended is not None else 50


@dataclass
class Member:
    """One machine of a group. `template` names the launch template and its version; `activity` is the one in
    progress; `leaving` is the time at which the group noticed that it ends."""

    id: str
    instance_type: str
    zone: str
    image: str
    template: Mapping[str, str]
    activity: Activity
    is_protected: bool = False
    state: str = PENDING
    health: str = "Healthy"
    leaving: float | None = None

    @property
    def counts(self) -> bool:
        """Whether it counts towards the desired capacity."""
        return self.state in (PENDING, IN_SERVICE)


@dataclass(frozen=True)
class ScheduledAction:
    """New sizes from a point in time; None leaves a size as it is. `start` is seconds since 1970."""

    name: str
    arn: str
    start: float
    minimum: int | None = None
    maximum: int | None = None
    desired: int | None = None
    time_zone: str | None = None


@dataclass
class Group:
    """One group. `settings` has what the service only stores and returns, by the API's names.

    `not_before` is the earliest time of the next launch, `failures` the failed launches in a row, and
    `is_launching` true while a launch is under way.
    """

    name: str
    arn: str
    account: str
    region: str
    created: float
    minimum: int
    maximum: int
    desired: int
    settings: dict[str, Any]
    tags: list[dict[str, Any]] = field(default_factory=list)
    suspended: dict[str, str] = field(default_factory=dict)
    members: dict[str, Member] = field(default_factory=dict)
    activities: list[Activity] = field(default_factory=list)
    actions: dict[str, ScheduledAction] = field(default_factory=dict)
    wanted_because: str = ""
    is_deleted: bool = False
    is_launching: bool = False
    not_before: float = 0.0
    failures: int = 0

    @property
    def active(self) -> list[Member]:
        """The machines that count towards the desired capacity."""
        return [each for each in self.members.values() if each.counts]

    @property
    def desired_now(self) -> int:
        """The capacity to reach: 0 once the group is being deleted."""
        return 0 if self.is_deleted else self.desired

    def does(self, process: str) -> bool:
        """Whether a scaling process is active. A deletion is carried out whatever is suspended."""
        return self.is_deleted or process not in self.suspended

    def record(self, activity: Activity) -> Activity:
        """Keep an activity; the oldest are dropped."""
        self.activities.append(activity)
        del self.activities[:-_MOST_ACTIVITIES]
        return activity

    def resize(
        self,
        because: str,
        *,
        minimum: int | None = None,
        maximum: int | None = None,
        desired: int | None = None,
    ) -> None:
        """Change the sizes together; a desired capacity that is not given follows the bounds.

        Raises GroupError, with nothing changed, when they contradict each other.
        """
        least = self.minimum if minimum is None else minimum
        most = self.maximum if maximum is None else maximum
        wanted = min(max(self.desired, least), most) if desired is None else desired
        check_sizes(least, most, wanted)
        if wanted != self.desired:
            self.wanted_because = f"{because}, changing the desired capacity from {self.desired} to {wanted}."
            self.not_before, self.failures = 0.0, 0
        self.minimum, self.maximum, self.desired = least, most, wanted


def check_sizes(minimum: int, maximum: int, desired: int) -> None:
    """Raise GroupError for sizes that contradict each other, in the service's words."""
    if minimum < 0 or maximum < 0 or desired < 0:
        raise GroupError("The sizes of an AutoScalingGroup cannot be negative.")
    if minimum > maximum:
        raise GroupError(f"Max bound, {maximum}, must be greater than or equal to min bound, {minimum}")
    if not minimum <= desired <= maximum:
        raise GroupError(
            f"Desired capacity:{desired} must be between the specified min size:{minimum} and "
            f"max size:{maximum}"
        )


class Groups:
    """All groups of the cloud. `table` returns the groups of an account's region by name, `tables` all such
    tables."""

    def __init__(
        self, table: Callable[[str, str], dict[str, Group]], tables: Callable[[], Iterable[dict[str, Group]]]
    ) -> None:
        self._table = table
        self._tables = tables

    def all(self) -> list[Group]:
        """Every group, those being deleted too."""
        return [group for table in self._tables() for group in table.values()]

    def of(self, account: str, region: str) -> list[Group]:
        """The groups of one region, by name."""
        return sorted(self._table(account, region).values(), key=lambda each: each.name)

    def find(self, account: str, region: str, name: str) -> Group | None:
        """The group with this name, or None."""
        return self._table(account, region).get(name)

    def get(self, account: str, region: str, name: str) -> Group:
        """The group with this name. Raises GroupError when there is none."""
        found = self.find(account, region, name)
        if found is None:
            raise GroupError(f"AutoScalingGroup name not found - AutoScalingGroup '{name}' not found")
        return found

    def add(self, group: Group) -> None:
        """Add a new group. Raises GroupError when its name is taken."""
        table = self._table(group.account, group.region)
        if group.name in table:
            raise GroupError(
                "AutoScalingGroup by this name already exists - A group with the name "
                f"{group.name} already exists",
                "AlreadyExists",
            )
        table[group.name] = group

    def remove(self, group: Group) -> None:
        """Forget a group."""
        self._table(group.account, group.region).pop(group.name, None)

    def holders(self, instance: str) -> Iterator[tuple[Group, Member]]:
        """The group that has a machine, with the machine's entry."""
        for group in self.all():
            if instance in group.members:
                yield group, group.members[instance]


def moment(seconds: float) -> str:
    """A time as activities name it."""
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
