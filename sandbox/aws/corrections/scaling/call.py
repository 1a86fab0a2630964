"""One call of the API: its parameters, and the groups of its account and region."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from functools import partial
from typing import Any

from sandbox.aws.cloud.scaling.groups import Group, GroupError, Groups
from sandbox.aws.corrections.patches import Emulation


class GroupCall:
    """One call. `hides` tells whether a new object cannot be seen yet, by its ARN."""

    def __init__(self, response: Any, emulation: Emulation) -> None:
        self.parameters: Mapping[str, Any] = response._get_params()
        self.account = str(response.current_account)
        self.region = str(response.region)
        self.partition = str(response.partition)
        self.groups: Groups = emulation.groups
        self.now = emulation.clock()
        self.hides = partial(emulation.consistency.hides, now=self.now)

    def __getitem__(self, name: str) -> Any:
        return self.parameters.get(name)

    def number(self, name: str) -> int | None:
        """An integer; None when it is not given."""
        value = self.parameters.get(name)
        return None if value is None else int(value)

    def truth(self, name: str) -> bool:
        """A truth value; False when it is not given."""
        return is_true(self.parameters.get(name))

    @property
    def group(self) -> Group:
        """The group that the call names. Raises GroupError when there is none."""
        return self.groups.get(self.account, self.region, str(self["AutoScalingGroupName"]))

    @property
    def changed_group(self) -> Group:
        """The group, for calls that change it: not one that is being deleted."""
        group = self.group
        if group.is_deleted:
            raise GroupError("AutoScalingGroup is pending delete: no changes are possible.")
        return group


def page_of(found: list[Any], call: GroupCall, standard: int) -> tuple[list[Any], str | None]:
    """One page of what was found, `standard` entries unless the call says how many, and the next token."""
    start, size = int(call["NextToken"] or 0), call.number("MaxRecords") or standard
    return found[start : start + size], str(start + size) if len(found) > start + size else None


def time_of(seconds: float) -> datetime:
    """A time as the API returns it."""
    return datetime.fromtimestamp(seconds, timezone.utc)


def seconds_of(value: Any) -> float:
    """Seconds since 1970 of a time in a call. Raises GroupError."""
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=timezone.utc)).timestamp()
    text = str(value).replace("Z", "+00:00")
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError as error:
        raise GroupError(f"The time {value} cannot be read.") from error


def is_true(value: Any) -> bool:
    """Whether a parameter is given and true."""
    return str(value).lower() == "true"
