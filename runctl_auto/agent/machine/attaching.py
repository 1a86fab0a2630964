"""Attaches volumes to this machine, which the stack does not know when the cloud itself made it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from runctl_auto.agent.errors import AgentError, ServiceError, VolumeError
from runctl_auto.agent.machine.query_request import QueryService
from runctl_auto.agent.spec import VolumeSpec

EC2 = ("ec2", "2016-11-15")
ATTACH_SECONDS = 300.0
LOOK_EVERY_SECONDS = 3.0
_HELD = frozenset({"VolumeInUse", "IncorrectState"})
"""An earlier machine still holds the volume, or it is detaching: it passes."""


@dataclass(frozen=True)
class Attaching:
    """Attaches the volumes of a run to the machine `instance`."""

    service: QueryService
    instance: Callable[[], str]
    say: Callable[[str], object]
    clock: Callable[[], float] = time.monotonic
    wait: Callable[[float], object] = time.sleep

    def attach(self, volume: VolumeSpec) -> None:
        """Blocks until the volume is being attached here; raises VolumeError when that is refused or takes
        longer than five minutes, which an earlier machine gets to end. Idempotent: call it for a volume whose
        device does not exist.
        """
        give_up = self.clock() + ATTACH_SECONDS
        told = False
        while True:
            try:
                self.service.call(
                    "AttachVolume",
                    {
                        "VolumeId": volume.id,
                        "InstanceId": self.instance(),
                        "Device": str(volume.device),
                    },
                )
            except AgentError as error:
                refused = isinstance(error, ServiceError) and not _passes(error)
                if refused or self.clock() >= give_up:
                    raise VolumeError(
                        f"volume {volume.name} ({volume.id}) cannot be attached: {error}"
                    ) from error
                if not told:
                    self.say(f"volume {volume.name} ({volume.id}) is not free yet; trying again: {error}")
                    told = True
            else:
                return
            self.wait(LOOK_EVERY_SECONDS)


def _passes(error: ServiceError) -> bool:
    """Whether the same request may succeed later; a 403 may be a permission that has not propagated yet."""
    return error.code in _HELD or error.status >= 500 or error.status in (403, 429)
