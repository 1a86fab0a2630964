"""Whether a process that was named earlier still lives, without any clock that can be set."""

from __future__ import annotations

import os

import pytest

from runctl_auto.backend.holder import Here, ProcessMark, mark_of_this_process, started_ticks, this_machine

MARK = ProcessMark(machine="boot:namespace", pid=7, started=500)


@pytest.mark.parametrize(("started", "life"), [(500, "alive"), (501, "dead"), (None, "dead"), (0, "unknown")])
def test_the_kernel_tells_of_this_machine(started: int | None, life: str) -> None:
    here = Here(machine=lambda: "boot:namespace", started=lambda _pid: started)
    assert here.life_of(MARK) == life


def test_of_another_machine_boot_or_container_nothing_is_known() -> None:
    here = Here(machine=lambda: "other", started=lambda _pid: None)
    assert here.life_of(MARK) == "unknown"
    assert here.life_of(None) == "unknown"
    assert Here(machine=lambda: "", started=lambda _pid: None).life_of(MARK) == "unknown"


def test_this_process_lives() -> None:
    mark = mark_of_this_process()
    assert mark is not None
    assert (mark.machine, mark.pid) == (this_machine(), os.getpid())
    assert Here().life_of(mark) == "alive"
    assert started_ticks(2**22 + 1) is None
