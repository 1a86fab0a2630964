"""A grant: calls that runctl and its engine make, and the resources that they need.

One grant is one statement of a policy. Names in braces stand for the partition, region and account.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from runctl_auto.providers.aws.records.kind import AwsKind

Role = Literal["plan", "apply", "sweep", "reach", "runpod"]
ROLES: tuple[Role, ...] = ("plan", "apply", "sweep")
"""Roles: those who preview and inspect; who create and end jobs; who delete resources without a job. Each
role includes the permissions of the ones before it.
"""
REACH: Role = "reach"
"""Those who run commands on machines and open sessions with them: what that needs beside another role."""

RUNPOD: Role = "runpod"
"""Those who have jobs on RunPod: what their access to the bucket needs beside another role."""
SEPARATE = (REACH, RUNPOD)
"""Roles that stand by themselves."""

OWN = {"StringEquals": {"aws:ResourceTag/runctl:created-by": "runctl"}}
"""A condition: what is acted on is tagged as runctl's."""
TAGGED = {"StringEquals": {"aws:RequestTag/runctl:created-by": "runctl"}}
"""A condition: what is made gets runctl's tags."""

Conditions = Mapping[str, Mapping[str, str | tuple[str, ...]]]


@dataclass(frozen=True)
class Grant:
    """``calls`` on ``resources`` for ``role``. ``actions`` are those of the calls unless given here.

    ``seen`` is False for calls that neither a run in the sandbox nor the official provider makes: those that
    AWS makes by itself, or those caused only by a mistake in a job file.
    """

    sid: str
    role: Role
    calls: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: Conditions = field(default_factory=dict)
    actions: tuple[str, ...] | None = None
    seen: bool = True


def search(arns: tuple[str, ...], *kinds: AwsKind) -> tuple[str, ...]:
    """The calls by which ``kinds`` are searched for, and that IAM checks on ``arns``."""
    calls = (call for kind in kinds for call in (*kind.lists, *kind.reads))
    return tuple(dict.fromkeys(call.permission for call in calls if call.arns == arns))


def remove(*kinds: AwsKind) -> tuple[str, ...]:
    """The calls that remove ``kinds``."""
    return tuple(dict.fromkeys(call.permission for kind in kinds for call in kind.removal.calls))
