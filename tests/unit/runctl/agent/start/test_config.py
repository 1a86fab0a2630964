from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runctl_auto.agent.errors import SpecError
from runctl_auto.agent.keys import spec_key, status_key
from runctl_auto.agent.packages import package_key
from runctl_auto.agent.start.config import parse_config, read_config, write_private

VALID: dict[str, Any] = {
    "job": "digits",
    "run": "r1",
    "region": "us-east-1",
    "bucket": "b",
    "account": "1",
    "agent": {"key": package_key("agent", "x"), "sha256": "x"},
    "spec_key": spec_key("r1"),
    "spec_sha256": "d",
    "booted_at": 100.0,
    "deadline_at": 200.0,
}


def test_a_whole_configuration_is_understood() -> None:
    config = parse_config(VALID)
    assert (config.status_key, config.deadline_at) == (status_key("r1"), 200.0)


def test_no_deadline_is_none() -> None:
    assert parse_config({**VALID, "deadline_at": None}).deadline_at is None


@pytest.mark.parametrize("field", sorted(set(VALID) - {"deadline_at"}))
def test_a_missing_field_is_named(field: str) -> None:
    with pytest.raises(SpecError, match=field):
        parse_config({name: value for name, value in VALID.items() if name != field})


def test_what_is_written_is_private_and_read_back(tmp_path: Path) -> None:
    path = tmp_path / "deep/config.json"
    write_private(path, "{}")
    write_private(path, json.dumps(VALID))
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_config(path) == parse_config(VALID)
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("content", [None, "no json"])
def test_a_configuration_that_cannot_be_read_is_an_error(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "config.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(SpecError, match=r"config\.json"):
        read_config(path)
