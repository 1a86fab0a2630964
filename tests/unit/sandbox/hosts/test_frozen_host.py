"""A host that hangs: all its processes are stopped, also those that started meanwhile."""

from __future__ import annotations

import os
import signal
from unittest.mock import create_autospec

import pytest

from sandbox.hosts import frozen_host
from sandbox.hosts.frozen_host import freeze
from sandbox.hosts.host_store import HostRecord
from sandbox.hosts.process_identity import ProcessIdentity, descendants


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Signals, instead of sending them."""
    signals: list[tuple[int, int]] = []
    monkeypatch.setattr(frozen_host.os, "kill", lambda pid, number: signals.append((pid, number)))
    return signals


def record(*, alive: bool = True) -> HostRecord:
    init = create_autospec(ProcessIdentity, instance=True, pid=7)
    init.alive.return_value = alive
    return HostRecord("i-1", 1, 1, "mark", "secret", init=init)


def test_processes_that_start_meanwhile_are_stopped_too(
    monkeypatch: pytest.MonkeyPatch, sent: list[tuple[int, int]]
) -> None:
    looks = iter([[8], [8, 9], [8, 9]])
    monkeypatch.setattr(frozen_host, "descendants", lambda pid: next(looks))
    freeze(record(), frozen=True)
    assert sent == [(7, signal.SIGSTOP), (8, signal.SIGSTOP), (9, signal.SIGSTOP)]


def test_they_go_on(monkeypatch: pytest.MonkeyPatch, sent: list[tuple[int, int]]) -> None:
    monkeypatch.setattr(frozen_host, "descendants", lambda pid: [8])
    freeze(record(), frozen=False)
    assert sent == [(7, signal.SIGCONT), (8, signal.SIGCONT)]


def test_a_host_that_has_ended_is_left_alone(sent: list[tuple[int, int]]) -> None:
    freeze(record(alive=False), frozen=True)
    freeze(HostRecord("i-1", 1, 1, "mark", "secret"), frozen=True)
    assert sent == []


def test_this_process_is_below_its_parent() -> None:
    assert os.getpid() in descendants(os.getppid())
    assert os.getppid() not in descendants(os.getpid())
