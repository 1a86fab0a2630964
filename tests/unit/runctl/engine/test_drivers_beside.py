"""Drivers of several threads share one language host, whichever thread asks first."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from unittest.mock import create_autospec

import pytest

from runctl_auto.engine import driver as module
from runctl_auto.engine.driver import Driver
from runctl_auto.engine.environment import Environment
from runctl_auto.engine.program_host import ProgramHost
from runctl_auto.local.project import ProjectFolders

THREADS = 8


def test_the_host_is_made_once_by_all_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[ProgramHost] = []

    def make(*_: object) -> ProgramHost:
        made.append(create_autospec(ProgramHost, instance=True))
        return made[-1]

    monkeypatch.setattr(module, "ProgramHost", make)
    monkeypatch.setattr(module, "program_of", lambda workspace: workspace)
    environment = create_autospec(Environment, instance=True, variables={})
    folders = create_autospec(ProjectFolders, instance=True)
    driver, together = Driver(environment, folders), Barrier(THREADS)

    def beside(_: int) -> Driver:
        together.wait()
        return driver.beside(None, None)

    with ThreadPoolExecutor(THREADS) as pool:
        drivers = list(pool.map(beside, range(THREADS)))
    assert len({id(each) for each in drivers}) == THREADS
    assert len(made) == 1
    assert {id(each._host) for each in drivers} == {id(made[0])}
