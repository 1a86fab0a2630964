"""`runctl --sandbox up JOB.yaml --yes --detach` by a clock that jumps: a wait takes no time.

Run as `python clocked_up.py JOB.yaml [WAITS]`. After WAITS waits for capacity the cloud refuses nothing any
more. Prints the waits, and the error or the zone, as JSON.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from runctl_auto.cli.invocation import Invocation
from runctl_auto.engine.environment import control_sandbox
from runctl_auto.errors import RunctlError
from runctl_auto.jobs.check import check_job
from runctl_auto.jobs.session import Session, Time
from runctl_auto.operations.up import UpOptions, up

SHORTEST_WAIT_SECONDS = 10.0
"""Waits for capacity are longer; what is shorter looks again at something else."""


@dataclass
class JumpingClock:
    """Counts what is slept, above the time that really passes."""

    session: Session
    free_after: int | None
    waits: list[float] = field(default_factory=list)
    jumped: float = 0.0

    def sleep(self, seconds: float) -> None:
        if seconds < SHORTEST_WAIT_SECONDS:
            self.session.time.sleep(seconds)
            return
        self.waits.append(seconds)
        self.jumped += seconds
        if len(self.waits) == self.free_after:
            control_sandbox(self.session.folders, "DELETE", "faults")

    def monotonic(self) -> float:
        return self.session.time.monotonic() + self.jumped


def main(file: str, free_after: str | None = None) -> None:
    invocation = Invocation()
    invocation.options[("sandbox",)] = True
    session = invocation.session()
    clock = JumpingClock(session, int(free_after) if free_after else None)
    time = Time(sleep=clock.sleep, monotonic=clock.monotonic)
    told: dict[str, Any] = {"waits": clock.waits, "error": None, "zone": None}
    try:
        made = up(replace(session, time=time), check_job(Path(file)), UpOptions(yes=True, detach=True))
        told["zone"] = made.placement.zone
    except RunctlError as error:
        told["error"] = error.as_json()
    print(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
