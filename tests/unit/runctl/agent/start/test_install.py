from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from runctl_auto.agent.errors import ProgramError, SpecError
from runctl_auto.agent.keys import spec_key
from runctl_auto.agent.machine.machine import ProgramResult
from runctl_auto.agent.packages import package_key
from runctl_auto.agent.start.config import read_config
from runctl_auto.agent.start.install import install
from runctl_auto.agent.start.layout import Layout

CONFIG: dict[str, Any] = {
    "job": "digits",
    "run": "r1",
    "region": "us-east-1",
    "bucket": "b",
    "account": "1",
    "agent": {"key": package_key("agent", "x"), "sha256": "abc"},
    "spec_key": spec_key("r1"),
    "spec_sha256": "d",
    "deadline_seconds": 600,
    "booted_at": 1000.0,
}


class Systemctl:
    def __init__(self, code: int = 0) -> None:
        self.code = code
        self.calls: list[tuple[str, ...]] = []

    def __call__(self, argv: Sequence[str], timeout: float) -> ProgramResult:
        self.calls.append(tuple(argv))
        return ProgramResult(self.code, "no")


def run(tmp_path: Path, said: list[str], systemctl: Systemctl, environment=None, **changes: Any) -> Path:
    install(json.dumps({**CONFIG, **changes}), Layout(tmp_path), environment or {}, systemctl, said.append)
    return tmp_path / "etc/systemd/system"


def test_the_deadline_is_armed_before_the_agent_starts(tmp_path, said) -> None:
    systemctl = Systemctl()
    units = run(tmp_path, said, systemctl)
    assert systemctl.calls == [
        ("systemctl", "daemon-reload"),
        ("systemctl", "enable", "--now", "runctl-deadline.timer"),
        ("systemctl", "enable", "--now", "runctl-agent.service"),
    ]
    assert {unit.name for unit in units.iterdir()} == {
        "runctl-agent.service",
        "runctl-deadline.service",
        "runctl-deadline.timer",
    }
    assert f"{tmp_path}/var/lib/runctl/agent-abc.pyz" in (units / "runctl-agent.service").read_text()
    assert read_config(Layout(tmp_path).config).deadline_at == 1600.0


def test_without_a_deadline_no_timer_is_made(tmp_path, said) -> None:
    systemctl = Systemctl()
    units = run(tmp_path, said, systemctl, deadline_seconds=None)
    assert [unit.name for unit in units.iterdir()] == ["runctl-agent.service"]
    assert read_config(Layout(tmp_path).config).deadline_at is None


def test_only_the_standard_variables_reach_the_service(tmp_path, said) -> None:
    environment = {"AWS_ENDPOINT_URL": "http://h:1", "AWS_CA_BUNDLE": "", "AWS_SECRET_ACCESS_KEY": "s"}
    text = (run(tmp_path, said, Systemctl(), environment) / "runctl-agent.service").read_text()
    assert [line for line in text.splitlines() if line.startswith("Environment")] == [
        'Environment="AWS_ENDPOINT_URL=http://h:1"'
    ]


def test_installing_again_changes_nothing(tmp_path, said) -> None:
    units = run(tmp_path, said, Systemctl())
    before = {unit.name: unit.read_text() for unit in units.iterdir()}
    run(tmp_path, said, Systemctl())
    assert {unit.name: unit.read_text() for unit in units.iterdir()} == before


def test_a_service_manager_that_fails_is_an_error(tmp_path, said) -> None:
    with pytest.raises(ProgramError, match=r"daemon-reload failed \(1\): no"):
        run(tmp_path, said, Systemctl(1))


@pytest.mark.parametrize("text", ["", "{", '{"job": "x", "booted_at": 1}'])
def test_a_wrong_configuration_is_an_error_and_starts_nothing(tmp_path, said, text: str) -> None:
    systemctl = Systemctl()
    with pytest.raises(SpecError):
        install(text, Layout(tmp_path), {}, systemctl, said.append)
    assert systemctl.calls == []
