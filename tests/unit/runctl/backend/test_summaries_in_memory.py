"""Programs that look again and again read only the checkpoints that were written since."""

from __future__ import annotations

import json
import os
from datetime import datetime, timedelta, timezone
from pathlib import Path
from unittest import mock

import pytest

from runctl_auto.backend.backend import Backend, open_backend
from runctl_auto.backend.files import FolderFiles
from runctl_auto.backend.kept_summaries import SETTLED, SummariesInMemory

OLD = datetime(2026, 1, 1, tzinfo=timezone.utc)


class Stacks:
    """A backend in a folder, and which checkpoints are read."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder / ".pulumi" / "stacks" / "runctl"
        self.folder.mkdir(parents=True)
        (folder / ".pulumi" / "meta.yaml").write_text("version: 1\n")
        self.backend: Backend = open_backend(folder.as_uri(), "runctl")
        self.now = OLD
        self.kept = SummariesInMemory(lambda: self.now)
        self._read = mock.Mock(wraps=FolderFiles.read_all)
        monkeypatch.setattr(FolderFiles, "read_all", lambda own, paths: self._read(own, list(paths)))

    def write(self, name: str, resources: int, at: datetime) -> None:
        file = self.folder / f"{name}.json"
        latest = {"resources": [{}] * resources}
        file.write_text(json.dumps({"version": 3, "checkpoint": {"latest": latest}}))
        os.utime(file, (at.timestamp(), at.timestamp()))

    def look(self) -> tuple[dict[str, tuple[int | None, bool]], list[str]]:
        """Resources and business of each stack, and the checkpoints that were read."""
        self._read.reset_mock()
        found = self.backend.stacks(self.kept)
        assert found is not None
        ((_, paths),) = (call.args for call in self._read.call_args_list)
        return {each.name: (each.resources, each.busy) for each in found}, [Path(each).stem for each in paths]


@pytest.fixture
def stacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stacks:
    return Stacks(tmp_path, monkeypatch)


def test_only_what_was_written_since_is_read(stacks: Stacks) -> None:
    stacks.write("a", 1, OLD - 2 * SETTLED)
    stacks.write("b", 2, OLD - 2 * SETTLED)
    assert stacks.look() == ({"a": (1, False), "b": (2, False)}, ["a", "b"])
    assert stacks.look() == ({"a": (1, False), "b": (2, False)}, [])
    stacks.write("b", 3, OLD - 1.5 * SETTLED)
    assert stacks.look() == ({"a": (1, False), "b": (3, False)}, ["b"])


def test_what_was_written_just_now_may_be_written_again_at_the_same_time(stacks: Stacks) -> None:
    stacks.write("a", 1, OLD - timedelta(seconds=1))
    assert stacks.look()[1] == ["a"]
    stacks.write("a", 2, OLD - timedelta(seconds=1))
    assert stacks.look() == ({"a": (2, False)}, ["a"])
    stacks.now = OLD + 2 * SETTLED
    assert stacks.look()[1] == ["a"]
    assert stacks.look()[1] == []


def test_whether_a_stack_is_busy_is_never_kept(stacks: Stacks) -> None:
    stacks.write("a", 1, OLD - 2 * SETTLED)
    stacks.look()
    locks = stacks.folder.parents[1] / "locks" / "organization" / "runctl" / "a"
    locks.mkdir(parents=True)
    (locks / "1.json").write_text("{}")
    assert stacks.look() == ({"a": (1, True)}, [])
