"""A checkpoint with a file that was being written is kept apart, and is not the last word."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from support.agent_stand_ins import Clock, MemoryStore

from runctl_auto.agent.errors import FileChangedError
from runctl_auto.agent.keys import checkpoint_prefix, manifest_key
from runctl_auto.agent.saving.checkpoints import MOST_POSTPONED, TRIES, Checkpoints, Killed, Saved
from runctl_auto.agent.saving.file_tree import FileTree
from runctl_auto.agent.saving.lineage import OwnLineage, newest_checkpoint
from runctl_auto.agent.saving.snapshot import Snapshot, freeze


class Training:
    """A checkpoint folder with a process that may have files of it open for writing."""

    def __init__(self, root: Path) -> None:
        self.store = MemoryStore()
        self.said: list[str] = []
        self.saved: list[Saved] = []
        self.clock = Clock()
        self.folder = root / "work/ck"
        self.folder.mkdir(parents=True)
        self.open: set[tuple[int, int]] = set()
        self.checkpoints = self.start(self.folder)

    def start(self, folder: Path) -> Checkpoints:
        return Checkpoints(
            self.store,
            "line",
            folder=folder,
            scratch=folder.parent / "scratch",
            keep=3,
            say=self.said.append,
            saved=self.saved.append,
            wait=self.clock.wait,
            clock=self.clock,
            written=lambda: frozenset(self.open),
        )

    def write(self, name: str, content: str, *, age: float = 0.0) -> tuple[int, int]:
        """Writes a file `age` seconds ago; its identity."""
        self.clock.now += 0.01
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        os.utime(path, (self.clock() - age, self.clock() - age))
        state = path.stat()
        return state.st_dev, state.st_ino

    def suspects(self, sequence: str) -> list[str]:
        content = json.loads(self.store.objects[manifest_key(checkpoint_prefix("line", sequence))])
        return [problem["path"] for problem in content.get("suspect", ())]

    def resumed(self, root: Path, tried: tuple[str, ...] = ()) -> tuple[str | None, str]:
        """What another machine restores: the sequence, and the content of `ckpt`."""
        folder = root / "other/ck"
        name = self.start(folder).restore(tried)
        return name, (folder / "ckpt").read_text() if (folder / "ckpt").exists() else ""


@pytest.fixture
def training(tmp_path: Path) -> Training:
    made = Training(tmp_path)
    made.write("ckpt", "whole")
    assert made.checkpoints.save() == "00000000"
    return made


def test_what_was_being_written_when_the_job_was_killed_is_kept_apart(
    training: Training, tmp_path: Path
) -> None:
    torn = training.write("ckpt", "wh")
    assert training.checkpoints.save_last(Killed(frozenset({torn}))) == "00000001"
    assert training.suspects("00000001") == ["ckpt"]
    assert training.said == [
        "checkpoint 00000001 is suspect and kept apart: ckpt was being written when the job was killed"
    ]
    assert newest_checkpoint(training.store, "line") == "00000000"
    assert training.resumed(tmp_path) == ("00000000", "whole")
    assert "checkpoint 00000001 is suspect and passed over" in training.said[-1]


def test_a_job_that_saved_and_left_has_nothing_suspect(training: Training, tmp_path: Path) -> None:
    training.write("ckpt", "new")
    assert training.checkpoints.save_last(Killed()) == "00000001"
    assert training.resumed(tmp_path) == ("00000001", "new")


def test_a_log_that_was_open_is_not_suspect(training: Training) -> None:
    log = training.write("train.log", "line")
    events = training.write("events.out.tfevents.1", "line")
    training.checkpoints.save_last(Killed(frozenset({log, events})))
    assert training.suspects("00000001") == []


def test_a_file_that_has_only_grown_since_the_last_save_is_not_suspect(training: Training) -> None:
    path = training.folder / "ckpt"
    with path.open("a") as file:
        file.write(" and more")
    state = path.stat()
    training.checkpoints.save_last(Killed(frozenset({(state.st_dev, state.st_ino)})))
    assert training.suspects("00000001") == []


@pytest.mark.parametrize(("age", "suspects"), [(0.0, ["step-2/model"]), (60.0, [])])
def test_after_a_crash_what_was_written_last_is_suspect(
    training: Training, age: float, suspects: list[str]
) -> None:
    training.write("step-2/model", "half", age=age)
    training.checkpoints.save_last(Killed(since=training.clock() - 2.0))
    assert training.suspects("00000001") == suspects


def test_one_saved_just_when_the_job_crashed_becomes_suspect(training: Training) -> None:
    training.write("step-2/model", "half")
    assert training.checkpoints.save() == "00000001"
    assert training.suspects("00000001") == []
    assert training.checkpoints.save_last(Killed(since=training.clock() - 2.0)) == "00000001"
    assert training.suspects("00000001") == ["step-2/model"]
    assert newest_checkpoint(training.store, "line") == "00000000"


def test_while_the_job_is_ended_only_the_last_save_saves(training: Training) -> None:
    torn = training.write("ckpt", "wh")
    training.checkpoints.job_is_ending()
    assert training.checkpoints.save() is None
    assert training.checkpoints.save_last(Killed(frozenset({torn}))) == "00000001"
    assert training.suspects("00000001") == ["ckpt"]


def test_the_only_checkpoint_is_taken_though_it_is_suspect(tmp_path: Path) -> None:
    training = Training(tmp_path)
    torn = training.write("ckpt", "wh")
    training.checkpoints.save_last(Killed(frozenset({torn})))
    assert training.resumed(tmp_path) == ("00000000", "wh")


def test_a_save_waits_for_a_file_that_is_being_written(training: Training) -> None:
    training.open.add(training.write("ckpt", "ne"))
    rests = training.clock.wait

    def finish(seconds: float) -> None:
        rests(seconds)
        training.write("ckpt", "newer")
        training.open.clear()

    training.checkpoints._wait = finish
    assert training.checkpoints.save() == "00000001"
    assert training.suspects("00000001") == []


def test_a_save_is_left_to_the_next_interval_but_not_for_ever(training: Training) -> None:
    training.open.add(training.write("ckpt", "ne"))
    training.checkpoints._wait = lambda seconds: None
    for _ in range(MOST_POSTPONED):
        with pytest.raises(FileChangedError, match="ckpt is being written; saved at the next interval"):
            training.checkpoints.save()
    assert training.checkpoints.save() == "00000001"
    assert training.suspects("00000001") == ["ckpt"]
    assert newest_checkpoint(training.store, "line") == "00000000"


def test_a_slow_writer_is_compared_with_the_last_whole_checkpoint(training: Training) -> None:
    """Not with an earlier half of the same file, beside which it seems to have grown."""
    training.checkpoints._wait = lambda seconds: None
    for content in ("w", "wh", "who"):
        training.open.add(training.write("ckpt", content))
        for _ in range(MOST_POSTPONED):
            with pytest.raises(FileChangedError):
                training.checkpoints.save()
        name = training.checkpoints.save()
        assert name is not None
        assert training.suspects(name) == ["ckpt"]
    training.open.clear()
    torn = training.write("ckpt", "whol")
    last = training.checkpoints.save_last(Killed(frozenset({torn})))
    assert last is not None
    assert training.suspects(last) == ["ckpt"]
    assert newest_checkpoint(training.store, "line") == "00000000"


def test_a_database_that_is_open_and_at_rest_is_saved(training: Training, tmp_path: Path) -> None:
    training.open.add(training.write("data.sqlite", "pages", age=20.0))
    assert training.checkpoints.save() == "00000001"
    training.open.add(training.write("data.sqlite", "PAGES", age=0.0))
    assert training.checkpoints.save() == "00000002"
    assert training.suspects("00000002") == []
    assert training.clock.waits == []


def test_temporary_files_that_come_and_go_do_not_hold_up_a_save(
    training: Training, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = iter(range(100))

    def busy(folder: Path, tree: FileTree, target: Path) -> Snapshot:
        (folder / f"tmp-{next(count)}").write_text("x")
        return freeze(folder, tree, target)

    monkeypatch.setattr("runctl_auto.agent.saving.checkpoints.freeze", busy)
    training.write("ckpt", "newer")
    assert training.checkpoints.save() is not None
    assert len(training.clock.waits) == TRIES - 1
    assert training.suspects("00000001") == []


def test_the_one_before_is_restored_when_the_newest_was_tried(training: Training, tmp_path: Path) -> None:
    training.write("ckpt", "newer")
    training.checkpoints.save()
    assert training.resumed(tmp_path, ("00000001",)) == ("00000000", "whole")
    assert training.resumed(tmp_path, ("00000001", "00000000")) == (None, "")


def test_a_chosen_one_is_restored_until_a_newer_one_is_saved(training: Training, tmp_path: Path) -> None:
    training.write("ckpt", "newer")
    training.checkpoints.save()
    OwnLineage(training.store, "line").choose("00000000")
    assert training.resumed(tmp_path) == ("00000000", "whole")
    training.write("ckpt", "newest")
    training.checkpoints.save()
    assert training.resumed(tmp_path) == ("00000002", "newest")
