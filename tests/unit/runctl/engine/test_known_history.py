"""A settings file follows what other folders did to the stack, and keeps what this one decided."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest.mock import create_autospec

import pytest
import yaml
from support.job_stacks import placement, stack_config

from runctl_auto.backend.backend import Backend
from runctl_auto.engine.known_history import KnownHistory
from runctl_auto.local.project import ProjectFolders

HERE, ELSEWHERE = stack_config(), stack_config(placement=placement(zone="us-east-1c"))


@pytest.fixture
def backend() -> Any:
    made = create_autospec(Backend, instance=True)
    made.url, made.newest_record.return_value = "s3://states", "digits-1.history.json"
    made.config.return_value = HERE.to_values()
    return made


@pytest.fixture
def known(tmp_path: Path, backend: Any) -> KnownHistory:
    return KnownHistory(ProjectFolders(tmp_path), backend)


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    file = tmp_path / "Pulumi.digits.yaml"
    file.write_text(yaml.safe_dump({"config": HERE.to_values()}))
    return file


def test_settings_of_which_the_history_tells_the_same_are_kept(known: KnownHistory, settings: Path) -> None:
    assert not known.is_outdated("digits", settings)


def test_settings_that_another_folder_changed_are_outdated(
    known: KnownHistory, settings: Path, backend: Any
) -> None:
    known.note("digits")
    backend.newest_record.return_value = "digits-2.history.json"
    backend.config.return_value = ELSEWHERE.to_values()
    assert known.is_outdated("digits", settings)
    known.note("digits")
    assert not known.is_outdated("digits", settings)


def test_what_was_decided_here_since_and_not_recorded_is_kept(
    known: KnownHistory, settings: Path, backend: Any
) -> None:
    backend.config.return_value = ELSEWHERE.to_values()
    known.note("digits")
    assert not known.is_outdated("digits", settings), "a killed engine did not come to record it"


def test_another_backend_is_another_history(known: KnownHistory, settings: Path, backend: Any) -> None:
    known.note("digits")
    backend.url, backend.config.return_value = "s3://others", ELSEWHERE.to_values()
    assert known.is_outdated("digits", settings)


def test_a_backend_that_tells_nothing_makes_nothing_outdated(
    known: KnownHistory, settings: Path, backend: Any
) -> None:
    backend.newest_record.return_value = None
    known.note("digits")
    assert not known.is_outdated("digits", settings)
    backend.newest_record.return_value, backend.config.return_value = "digits-9.history.json", None
    assert not known.is_outdated("digits", settings)
