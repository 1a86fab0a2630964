"""What travels to a worker: plain data without a secret, refused by a worker that is another."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import pytest
from support.sessions import fake_session

from runctl_auto.cli.worker_place import WorkerPlace
from runctl_auto.errors import EngineError, UsageError
from runctl_auto.settings.schema import Settings


def place_in(folder: Path) -> WorkerPlace:
    session = replace(
        fake_session(folder, settings=Settings(owner="ann"), backend="s3://states"),
        shell={"TOKEN": "planted-secret"},
    )
    options: dict[tuple[str, ...], object] = {("policies", "base"): "/base", ("odd",): object()}
    return WorkerPlace.of(session, options, verbose=False)


def test_a_place_is_plain_and_holds_the_settings_and_no_secret(tmp_path: Path) -> None:
    place = place_in(tmp_path)
    sent = pickle.dumps(place)
    assert pickle.loads(sent) == place
    assert b"planted-secret" not in sent
    assert dict(place.options) == {
        ("engine", "backend"): "s3://states",
        ("owner",): "ann",
        ("policies", "base"): "/base",
        ("sandbox",): False,
    }
    assert hash(place) == hash(pickle.loads(sent)), "a worker makes one session for all its tasks"


def test_a_worker_with_another_version_refuses(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"0\.0\.1"):
        replace(place_in(tmp_path), version="0.0.1")("digits")


def test_a_worker_without_the_folder_refuses(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="no folder"):
        place_in(tmp_path / "elsewhere")("digits")
