"""The machine's own timer when there is a budget."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from runctl_auto.agent.machine.machine import ProgramResult
from runctl_auto.agent.start.budget_deadline import bring_forward, budget_deadline
from runctl_auto.agent.start.layout import Layout
from runctl_auto.agent.start.units import DEADLINE_TIMER


class Systemctl:
    def __init__(self, code: int = 0) -> None:
        self.code = code
        self.calls: list[str] = []

    def __call__(self, argv: Sequence[str], timeout: float) -> ProgramResult:
        self.calls.append(" ".join(argv[1:]))
        return ProgramResult(self.code, "no bus")


def test_what_is_left_of_the_budget_and_ten_minutes() -> None:
    assert budget_deadline(3600.0, 600.0, 1000.0) == 1000 + 3000 + 600
    assert budget_deadline(3600.0, 5000.0, 1000.0) == 1600
    assert budget_deadline(None, 0.0, 1000.0) is None


@pytest.mark.parametrize(("known", "first"), [(None, "daemon-reload"), (9e9, f"stop {DEADLINE_TIMER}")])
def test_the_timer_is_set_when_the_machine_would_outlive_the_budget(
    tmp_path: Path, known: float | None, first: str
) -> None:
    layout, systemctl = Layout(tmp_path), Systemctl()
    bring_forward(0.0, known, layout, systemctl, pytest.fail)
    assert "1970-01-01 00:00:00 UTC" in (layout.units / DEADLINE_TIMER).read_text()
    assert systemctl.calls[0] == first
    assert systemctl.calls[-1] == f"enable --now {DEADLINE_TIMER}"


@pytest.mark.parametrize(("deadline", "known"), [(None, None), (None, 5.0), (100.0, 100.0), (100.0, 5.0)])
def test_an_earlier_deadline_stays(tmp_path: Path, deadline: float | None, known: float | None) -> None:
    layout, systemctl = Layout(tmp_path), Systemctl()
    bring_forward(deadline, known, layout, systemctl, pytest.fail)
    assert systemctl.calls == []
    assert not layout.units.exists()


def test_what_fails_is_told_and_the_run_goes_on(tmp_path: Path) -> None:
    said: list[str] = []
    bring_forward(100.0, None, Layout(tmp_path), Systemctl(code=1), said.append)
    assert len(said) == 2
    assert "no bus" in said[0]
