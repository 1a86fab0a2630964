"""The configuration that a machine gets in its user data, and what the agent makes of it."""

from __future__ import annotations

from typing import TypedDict

from runctl_auto.agent.packages import PackageJson


class _EveryUserDataJson(TypedDict):
    job: str
    run: str
    region: str
    bucket: str
    account: str
    agent: PackageJson
    spec_key: str
    spec_sha256: str
    """``spec.spec_digest`` of the spec."""
    mounts: str
    """A digest of the volumes, which are mounted only at the start. Not read on the machine."""
    market: str
    """The market of the machine, ``spot`` or ``on-demand``. Not read on the machine: the AWS provider detects
    no change when an instance changes from spot to on-demand.
    """
    deadline_seconds: int | None
    """Time from the machine's first boot to its hard deadline; None without one."""


class PartOfUserDataJson(TypedDict, total=False):
    """What the configuration of a group's machine holds beside that of a single instance."""

    group: str
    """The name of the group that replaces the machine; absent for a single instance."""
    ends_at: int
    """The run's latest end, which bounds the deadline of every machine; seconds since the epoch."""
    node: int
    """Which of several machines it is, from 0; absent for a run on one machine."""


class UserDataJson(_EveryUserDataJson, PartOfUserDataJson):
    """The configuration in a machine's user data. Changing it replaces the machine."""


class AgentConfigJson(UserDataJson):
    """The agent's configuration on the machine. Times are seconds since the epoch."""

    booted_at: float
    deadline_at: float | None
