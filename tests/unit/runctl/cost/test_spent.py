"""Cost so far: price times machine time, and unknown where one of them is."""

from __future__ import annotations

from typing import Any

import pytest

from runctl_auto.cost.spent import SILENT_SECONDS, run_cost
from runctl_auto.run.status import RunStatus

SPENT = {"boot": 60.0, "run": 3540.0}


def status(phase: str = "running", **more: Any) -> RunStatus:
    return RunStatus(run="r1", phase=phase, seconds=SPENT, **more)


@pytest.mark.parametrize(
    ("found", "heartbeat", "machine_runs", "seconds"),
    [
        (status("succeeded"), 9999.0, None, 3600.0),
        (status("failed"), 5.0, True, 3600.0),
        (status("interrupted"), 50.0, None, 3600.0),
        (status(), 10.0, None, 3610.0),
        (status(), 5000.0, True, 8600.0),
        (status(), 5000.0, False, 3600.0),
        (status(), SILENT_SECONDS + 1, None, None),
        (status(), None, None, None),
        (None, None, None, None),
    ],
    ids=[
        "ended",
        "ended, machine still there",
        "interrupted",
        "running: since the heartbeat too",
        "silent, and the cloud says it runs",
        "silent, and the cloud says it is gone",
        "silent, nobody asked the cloud",
        "never heard of",
        "no status yet",
    ],
)
def test_machine_time(
    found: RunStatus | None, heartbeat: float | None, machine_runs: bool | None, seconds: float | None
) -> None:
    cost = run_cost(found, 0.526, heartbeat_age=heartbeat, machine_runs=machine_runs)
    assert cost.seconds == seconds
    assert cost.usd == (None if seconds is None else pytest.approx(seconds * 0.526 / 3600, abs=1e-6))


def test_an_unknown_price_is_unknown_and_never_nothing() -> None:
    cost = run_cost(status("succeeded"), None, heartbeat_age=None)
    assert cost.as_json() == {"usd": None, "price_hour": None, "seconds": 3600.0}
    assert run_cost(status("succeeded"), 32.77, heartbeat_age=None).usd == 32.77
