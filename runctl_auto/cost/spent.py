"""The cost of a run's machines so far: price times time, without disks and traffic."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from runctl_auto.agent.contract import Phase
from runctl_auto.run.status import RunStatus

SILENT_SECONDS = 120.0
"""After this long without a heartbeat the status alone does not show whether a machine still runs."""


@dataclass(frozen=True)
class Cost:
    """``usd`` is None when price or machine time (``seconds``) is unknown; never 0 instead."""

    usd: float | None
    price_hour: float | None
    seconds: float | None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def run_cost(
    status: RunStatus | None,
    price_hour: float | None,
    *,
    heartbeat_age: float | None,
    machine_runs: bool | None = None,
) -> Cost:
    """The cost of a run so far. ``machine_runs`` is the cloud's answer; None when it was not asked."""
    seconds = _machine_seconds(status, heartbeat_age, machine_runs)
    usd = None if seconds is None or price_hour is None else round(seconds * price_hour / 3600, 6)
    return Cost(usd, price_hour, None if seconds is None else round(seconds, 1))


def _machine_seconds(
    status: RunStatus | None, heartbeat_age: float | None, machine_runs: bool | None
) -> float | None:
    if status is None or status.unreadable is not None:
        return None
    known = float(sum(status.seconds.values()))
    if status.ended or status.phase == Phase.INTERRUPTED or machine_runs is False:
        return known
    if heartbeat_age is None or (machine_runs is None and heartbeat_age > SILENT_SECONDS):
        return None
    return known + heartbeat_age
