"""The group that replaces this machine when it is lost, and that wants none once the run has ended."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from runctl_auto.agent.errors import AgentError, ServiceError
from runctl_auto.agent.machine.query_request import QueryService

AUTO_SCALING = ("autoscaling", "2011-01-01")
FAILED_BOOT_TAG = "runctl:failed-boot"
"""The tag that a machine gives its group, and so the next machine, when it cannot report anywhere else."""
FAILED = "yes"
_NO_SUCH_GROUP = "ValidationError"
ATTEMPTS = 5
WAIT_SECONDS = 4.0


@dataclass(frozen=True)
class OwnGroup:
    """The group `name` of this machine. `metadata` reads the machine's metadata, None for what it lacks."""

    name: str
    service: QueryService
    metadata: Callable[[str], str | None]
    say: Callable[[str], object]
    sleep: Callable[[float], object] = time.sleep

    def end(self) -> bool:
        """Makes the group want no machine, which ends this one too. Whether it worked; does not raise.

        A group that could not be ended makes another machine, which finds the run ended and tries again.
        """
        wanted = {"AutoScalingGroupName": self.name, "DesiredCapacity": "0"}
        return self._called("SetDesiredCapacity", wanted)

    def boot_failed(self) -> None:
        """For a machine that can store nothing: ends the group when the machine before could not either."""
        if self._follows_failed_boot():
            self.say("the machine before could not be started either: its group is ended")
            self.end()
        else:
            self._tag(FAILED)

    def boot_worked(self) -> None:
        """Makes this machine the first again of which a failure is forgiven."""
        if self._follows_failed_boot():
            self._tag("no")

    def _follows_failed_boot(self) -> bool:
        try:
            return self.metadata(f"meta-data/tags/instance/{FAILED_BOOT_TAG}") == FAILED
        except AgentError:
            return False

    def _tag(self, value: str) -> None:
        tag = {
            "ResourceId": self.name,
            "ResourceType": "auto-scaling-group",
            "Key": FAILED_BOOT_TAG,
            "Value": value,
            "PropagateAtLaunch": "true",
        }
        self._called("CreateOrUpdateTags", {f"Tags.member.1.{key}": tag[key] for key in tag})

    def _called(self, action: str, parameters: Mapping[str, str]) -> bool:
        for attempt in range(ATTEMPTS):
            if attempt:
                self.sleep(WAIT_SECONDS)
            try:
                self.service.call(action, parameters)
            except AgentError as error:
                self.say(f"the machine's group: {error}")
                if isinstance(error, ServiceError) and error.code == _NO_SUCH_GROUP:
                    break
            else:
                return True
        return False
