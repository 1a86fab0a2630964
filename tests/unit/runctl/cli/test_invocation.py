"""What a session needs: a command that only reads needs no policies."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import create_autospec

import pytest

from runctl_auto.cli.invocation import Invocation
from runctl_auto.engine import choice, environment
from runctl_auto.engine.environment import Environment
from runctl_auto.errors import SettingsError


@pytest.fixture
def invocation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Invocation:
    """In a project whose policies are wrong, on a cloud that nobody asks."""
    (tmp_path / ".runctl.toml").touch()
    (tmp_path / "policies.yaml").write_text("budget: [never]\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    place = create_autospec(Environment, instance=True)
    place.lost_jobs = ()
    monkeypatch.setattr(choice, "choose_engine", lambda *_: None)
    monkeypatch.setattr(environment, "real_cloud", lambda *_: place)
    return Invocation()


def test_a_change_needs_policies_that_can_be_read(invocation: Invocation) -> None:
    with pytest.raises(SettingsError):
        invocation.session()


def test_reading_needs_none(invocation: Invocation) -> None:
    assert invocation.session(changes=False).policies is None
