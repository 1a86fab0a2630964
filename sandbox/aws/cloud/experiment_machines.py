"""What experiments see and do: instances of the lifecycle, and moto's roles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.aws.cloud.lifecycle import PENDING, RUNNING, Lifecycle
from sandbox.aws.cloud.scheduler_store import permissions_of, role_of


@dataclass(frozen=True)
class ExperimentMachines:
    """Implements `fault_injection.Machines`. Call with the cloud's lock held."""

    lifecycle: Lifecycle

    def is_spot(self, instance: str) -> bool | None:
        life = self.lifecycle.find(instance)
        if life is None or life.state not in (PENDING, RUNNING):
            return None
        return life.machine.is_spot

    def interrupt(self, instance: str, notice_seconds: float) -> None:
        self.lifecycle.interrupt(instance, notice_seconds)

    def has_ended(self, instance: str) -> bool:
        life = self.lifecycle.find(instance)
        return life is None or life.state not in (PENDING, RUNNING)

    def role(self, arn: str) -> tuple[Any, Sequence[Any]] | None:
        account = arn.split(":")[4] if arn.count(":") >= 5 else ""
        role = role_of(account, arn) if account else None
        return None if role is None else (role.assume_role_policy_document, permissions_of(role))
