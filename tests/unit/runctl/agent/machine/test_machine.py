from __future__ import annotations

from collections.abc import Sequence

import pytest

from runctl_auto.agent.errors import ProgramError
from runctl_auto.agent.machine.machine import ProgramResult, shut_down


def programs(**codes: int):
    calls: list[tuple[str, ...]] = []

    def run(argv: Sequence[str], timeout: float) -> ProgramResult:
        calls.append(tuple(argv))
        return ProgramResult(codes.get(argv[0], 0), "no")

    return run, calls


def test_shutdown_halts_now(said) -> None:
    run, calls = programs()
    shut_down(run, said.append)
    assert calls == [("shutdown", "-h", "now")]


def test_a_failed_shutdown_is_tried_the_other_way(said) -> None:
    run, calls = programs(shutdown=1)
    shut_down(run, said.append)
    assert calls[-1] == ("systemctl", "poweroff")
    assert said == ["shutdown failed (1): no"]


def test_a_machine_that_cannot_be_ended_is_an_error(said) -> None:
    run, _ = programs(shutdown=127, systemctl=1)
    with pytest.raises(ProgramError, match="cannot be shut down"):
        shut_down(run, said.append)
