"""The group that replaces this machine when it is lost, and that wants none once the run has ended."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from runctl_auto.agent.errors import AgentError
from runctl_auto.agent.query_request import QueryService

AUTO_SCALING = ("autoscaling", "2011-01-01")
ATTEMPTS = 5
WAIT_SECONDS = 4.0


@dataclass(frozen=True)
class OwnGroup:
    """The group `name` of this machine."""

    name: str
    service: QueryService
    say: Callable[[str], object]
    sleep: Callable[[float], object] = time.sleep

    def end(self) -> bool:
        """Makes the group want no machine, which ends this one too. Whether it worked; does not raise.

        A group that could not be ended makes another machine, which finds the run ended and tries again.
        """
        for attempt in range(ATTEMPTS):
            if attempt:
                self.sleep(WAIT_SECONDS)
            try:
                wanted = {"AutoScalingGroupName": self.name, "DesiredCapacity": "0"}
                self.service.call("SetDesiredCapacity", wanted)
            except AgentError as error:
                self.say(f"the machine's group could not be ended: {error}")
            else:
                return True
        return False
