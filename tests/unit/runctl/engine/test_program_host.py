"""A language host is started once, and again when it has ended."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import Mock, create_autospec

import pytest

from runctl_auto.engine import program_host as module
from runctl_auto.engine.language.attached import LanguageHost
from runctl_auto.engine.language.errors import LanguageHostError
from runctl_auto.engine.program_host import ProgramHost
from runctl_auto.errors import EngineError


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Mock]:
    """The language hosts that were started, in order; the first serves on port 1001."""
    hosts: list[Mock] = []

    def start(*_: object, **__: object) -> Mock:
        host = create_autospec(LanguageHost, instance=True)
        host.has_ended.return_value = False
        host.port.return_value = 1001 + len(hosts)
        hosts.append(host)
        return host

    monkeypatch.setattr(module.LanguageHost, "start", start)
    return hosts


def test_operations_share_a_host(started: list[Mock]) -> None:
    host = ProgramHost({}, [Path("program")])
    host.start()
    assert [host.variables() for _ in range(3)] == [{"PULUMI_DEBUG_LANGUAGES": "python:1001"}] * 3
    assert len(started) == 1


def test_an_operation_after_its_end_gets_another(started: list[Mock]) -> None:
    host = ProgramHost({}, [Path("program")])
    host.variables()
    started[0].has_ended.return_value = True
    assert host.variables() == {"PULUMI_DEBUG_LANGUAGES": "python:1002"}
    started[0].close.assert_called_once_with()
    started[1].close.assert_not_called()


def test_a_closed_host_is_started_again_when_it_is_needed(started: list[Mock]) -> None:
    host = ProgramHost({}, [Path("program")])
    host.start()
    host.close()
    host.close()
    host.start()
    assert len(started) == 2


def test_one_that_does_not_come_to_serve_is_told(started: list[Mock]) -> None:
    host = ProgramHost({}, [Path("program")])
    host.start()
    started[0].port.side_effect = LanguageHostError("ended before it served")
    with pytest.raises(EngineError, match="ended before it served"):
        host.variables()
