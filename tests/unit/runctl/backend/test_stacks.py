"""A file backend read where it lies; None where an engine must be asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runctl_auto.backend.files import FolderFiles
from runctl_auto.backend.stacks import StackFile, history, last_config, stack_files, stack_names

TIME = "2026-01-01T00:00:00Z"


@pytest.fixture
def backend(tmp_path: Path) -> str:
    (tmp_path / "my state" / ".pulumi" / "stacks" / "runctl").mkdir(parents=True)
    return (tmp_path / "my state").as_uri()


@pytest.fixture
def folder(tmp_path: Path, backend: str) -> Path:
    return tmp_path / "my state" / ".pulumi"


def write_stack(folder: Path, name: str, **checkpoint: Any) -> Path:
    file = folder / "stacks" / "runctl" / f"{name}.json"
    file.write_text(json.dumps({"version": 3, "checkpoint": checkpoint}))
    return file


def test_stacks_with_what_stack_ls_tells(backend: str, folder: Path) -> None:
    latest = {"manifest": {"time": TIME}, "resources": [{}, {}]}
    write_stack(folder, "digits", latest=latest)
    write_stack(folder, "a-new-one")
    (folder / "locks" / "organization" / "runctl" / "digits").mkdir(parents=True)
    (folder / "locks" / "organization" / "runctl" / "digits" / "x.json").write_text("{}")
    (folder / "stacks" / "runctl" / "digits.json.bak").write_text("{}")
    new, digits = stack_files(backend, "runctl") or ()
    assert digits == StackFile("digits", 2, TIME, busy=True)
    assert (new.name, new.resources, new.busy) == ("a-new-one", None, False)
    assert new.updated_at.endswith("Z")
    assert stack_names(backend, "runctl") == ("a-new-one", "digits")


def test_no_stacks(backend: str, folder: Path) -> None:
    assert stack_files(backend, "runctl") == ()
    assert stack_files(backend, "another") == ()


def test_what_an_engine_has_to_be_asked(backend: str, folder: Path) -> None:
    assert stack_files("s3://bucket", "runctl") is None
    assert stack_names("s3://bucket", "runctl") is None
    assert stack_files(f"{backend}/elsewhere", "runctl") is None
    file = write_stack(folder, "digits")
    file.write_text("half a st")
    assert stack_files(backend, "runctl") is None
    file.write_text(json.dumps({"version": 9, "checkpoint": {}}))
    assert stack_files(backend, "runctl") is None
    file.rename(file.with_name("digits.json.gz"))
    assert stack_files(backend, "runctl") is None
    assert stack_names(backend, "runctl") == ("digits",)


def test_the_newest_configuration_without_what_is_secret(backend: str, folder: Path) -> None:
    place = folder / "history" / "runctl" / "digits"
    place.mkdir(parents=True)
    for moment, owner in ((1795361280264209934, "ann"), (1795361287636217706, "bob")):
        config = {"runctl:owner": owner, "runctl:secrets": {"secure": "v1:x"}}
        (place / f"digits-{moment}.history.json").write_text(json.dumps({"config": config}))
        (place / f"digits-{moment}.checkpoint.json").write_text("{}")
    assert last_config(FolderFiles(folder), "runctl", "digits") == {"runctl:owner": "bob"}
    assert last_config(FolderFiles(folder), "runctl", "absent") is None
    (place / "digits-1795361287636217707.history.json").write_text("half")
    assert last_config(FolderFiles(folder), "runctl", "digits") is None
    assert last_config(None, "runctl", "digits") is None


def write_record(folder: Path, number: int, **record: Any) -> Path:
    place = folder / "history" / "runctl" / "digits"
    place.mkdir(parents=True, exist_ok=True)
    file = place / f"digits-{number}.history.json"
    file.write_text(json.dumps({"kind": "update", "startTime": 60, "endTime": 120, **record}))
    (place / f"digits-{number}.history.json.attrs").write_text("{}")
    (place / f"digits-{number}.checkpoint.json").write_text("{}")
    return file


def test_operations_newest_first(backend: str, folder: Path) -> None:
    write_record(folder, 1, result="succeeded")
    write_record(folder, 2, result="failed", kind="destroy", startTime=180, endTime=240)
    told = history(FolderFiles(folder), "runctl", "digits") or ()
    assert [(each.kind, each.succeeded) for each in told] == [("destroy", False), ("update", True)]
    assert told[1].began.timestamp() == 60
    assert told[1].ended.timestamp() == 120
    assert history(FolderFiles(folder), "runctl", "other") == ()


def test_what_came_before_an_update_that_succeeded_is_not_read(backend: str, folder: Path) -> None:
    write_record(folder, 1).write_text("half")
    write_record(folder, 2, result="succeeded")
    write_record(folder, 3, result="failed")
    told = history(FolderFiles(folder), "runctl", "digits") or ()
    assert [each.succeeded for each in told] == [False, True]


def test_a_history_that_files_do_not_tell_is_nobodys_guess(backend: str, folder: Path) -> None:
    file = write_record(folder, 1, result="succeeded")
    file.with_name(f"{file.name}.gz").write_bytes(b"x")
    assert history(FolderFiles(folder), "runctl", "digits") is None
    write_record(folder, 1).write_text("{}")
    assert history(FolderFiles(folder), "runctl", "digits") is None
    assert history(None, "runctl", "digits") is None
