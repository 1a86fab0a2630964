from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.agent_stand_ins import Clock, MemoryStore

from runctl_auto.agent.errors import AgentError
from runctl_auto.agent.keys import checkpoint_prefix, file_key, lineage_prefix, manifest_key
from runctl_auto.agent.saving import snapshot
from runctl_auto.agent.saving.checkpoints import Checkpoints

PREFIX = lineage_prefix("line")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "work/checkpoints").mkdir(parents=True)
    return tmp_path / "work/checkpoints"


def make(
    store: MemoryStore, folder: Path, said: list[str], keep: int = 3, saved: list[str] | None = None
) -> Checkpoints:
    return Checkpoints(
        store,
        "line",
        folder=folder,
        scratch=folder.parent.parent / "scratch",
        keep=keep,
        say=said.append,
        saved=lambda each: None if saved is None else saved.append(each.sequence),
        wait=Clock().wait,
    )


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def stored(sequence: str, path: str) -> str:
    return file_key(checkpoint_prefix("line", sequence), path)


def complete(store: MemoryStore) -> list[str]:
    names = store.list_folders(PREFIX)
    return [name for name in names if manifest_key(checkpoint_prefix("line", name)) in store.objects]


def test_a_saved_folder_is_restored_on_another_machine(store, folder, said, tmp_path) -> None:
    (folder / "deep").mkdir()
    (folder / "model.pt").write_bytes(b"weights")
    (folder / "deep/optimizer.pt").write_bytes(b"")
    (folder / "latest").symlink_to("model.pt")
    saved: list[str] = []
    assert make(store, folder, said, saved=saved).save() == "00000000"
    assert saved == ["00000000"]
    assert store.puts[-1] == manifest_key(checkpoint_prefix("line", "00000000")), "the manifest comes last"

    other = tmp_path / "other/checkpoints"
    other.mkdir(parents=True)
    (other / "stale").write_text("from the code package")
    assert make(store, other, said).restore() == "00000000"
    assert contents(other) == {"model.pt": b"weights", "deep/optimizer.pt": b"", "latest": b"weights"}
    assert str((other / "latest").readlink()) == "model.pt"


def test_nothing_new_is_not_saved(store, folder, said) -> None:
    checkpoints = make(store, folder, said)
    assert checkpoints.save() is None
    (folder / "a").write_text("1")
    assert checkpoints.save() == "00000000"
    assert checkpoints.save() is None
    (folder / "a").write_text("2")
    assert checkpoints.save() == "00000001"


def test_what_was_restored_is_not_saved_again(store, folder, said) -> None:
    (folder / "a").write_text("1")
    make(store, folder, said).save()
    again = make(store, folder, said)
    again.restore()
    assert again.save() is None


def test_without_a_checkpoint_the_folder_is_empty(store, folder, said) -> None:
    (folder / "half-written").write_text("x")
    assert make(store, folder, said).restore() is None
    assert contents(folder) == {}


def test_only_the_newest_are_kept(store, folder, said) -> None:
    checkpoints = make(store, folder, said, keep=2)
    for number in range(5):
        (folder / "a").write_text("x" * number)
        checkpoints.save()
    assert complete(store) == ["00000003", "00000004"]
    assert store.list_folders(PREFIX) == ["00000003", "00000004"]


def test_one_without_a_manifest_does_not_exist(store, folder, said) -> None:
    checkpoints = make(store, folder, said)
    (folder / "a").write_text("good")
    checkpoints.save()
    (folder / "a").write_text("newer")
    store.fail_on("manifest.json")
    with pytest.raises(AgentError):
        checkpoints.save()
    assert make(store, folder, said).restore() == "00000000"
    assert contents(folder) == {"a": b"good"}


def test_what_a_failed_save_left_goes_with_the_next(store, folder, said) -> None:
    checkpoints = make(store, folder, said)
    (folder / "a").write_text("1")
    store.fail_on("manifest.json")
    with pytest.raises(AgentError):
        checkpoints.save()
    assert checkpoints.save() == "00000001"
    assert store.list_folders(PREFIX) == ["00000001"]


@pytest.mark.parametrize("damage", ["content", "missing", "manifest", "escape"])
def test_a_damaged_one_is_passed_over(store, folder, said, damage: str, tmp_path) -> None:
    checkpoints = make(store, folder, said)
    for text in ("old", "new"):
        (folder / "a").write_text(text)
        checkpoints.save()
    newest = checkpoint_prefix("line", "00000001")
    file, manifest = file_key(newest, "a"), manifest_key(newest)
    if damage == "content":
        store.objects[file] = b"xyz"
    elif damage == "missing":
        del store.objects[file]
    elif damage == "manifest":
        store.objects[manifest] = b"{"
    else:
        entry = {"path": "../../escaped", "bytes": 1, "sha256": "0"}
        store.objects[manifest] = json.dumps({"files": [entry]}).encode()
    assert make(store, folder, said).restore() == "00000000"
    assert contents(folder) == {"a": b"old"}
    assert "00000001 is damaged" in said[0]
    assert not (tmp_path / "escaped").exists()


def test_numbers_go_on_after_a_restore(store, folder, said) -> None:
    (folder / "a").write_text("1")
    make(store, folder, said).save()
    again = make(store, folder, said)
    again.restore()
    (folder / "a").write_text("22")
    assert again.save() == "00000001"


@pytest.fixture
def all_files_are_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "COPIED_BYTES", -1)


def test_a_log_may_grow_while_a_model_is_saved(store, folder, said) -> None:
    (folder / "a-model").write_text("weights")
    (folder / "z-log").write_text("line 1\n")

    def grow_meanwhile(key: str) -> None:
        with (folder / "z-log").open("a") as file:
            file.write("more\n")

    store.before_put = grow_meanwhile
    assert make(store, folder, said).save() == "00000000"
    assert store.objects[stored("00000000", "z-log")] == b"line 1\n"


@pytest.mark.usefixtures("all_files_are_large")
def test_a_file_written_in_place_while_it_is_saved_is_saved_again(store, folder, said) -> None:
    (folder / "a").write_text("old")
    writes = ["new content", "newest content"]

    def write_meanwhile(key: str) -> None:
        if key.endswith("/files/a") and writes:
            (folder / "a").write_text(writes.pop(0))

    store.before_put = write_meanwhile
    name = make(store, folder, said).save()
    assert complete(store) == [name]
    assert store.objects[stored(name, "a")] == b"newest content"


@pytest.mark.usefixtures("all_files_are_large")
def test_a_file_replaced_by_rename_while_it_is_saved_costs_nothing(store, folder, said) -> None:
    (folder / "a").write_text("first")

    def rename_meanwhile(key: str) -> None:
        if key.endswith("/files/a"):
            (folder / "a.part").write_text("second")
            (folder / "a.part").replace(folder / "a")

    store.before_put = rename_meanwhile
    checkpoints = make(store, folder, said)
    assert checkpoints.save() == "00000000"
    assert store.objects[stored("00000000", "a")] == b"first"
    store.before_put = lambda key: None
    assert checkpoints.save() == "00000001"
    assert store.objects[stored("00000001", "a")] == b"second"


@pytest.mark.usefixtures("all_files_are_large")
def test_a_large_log_that_grows_without_rest_is_cut(store, folder, said) -> None:
    (folder / "a").write_text("x")

    def always_append(key: str) -> None:
        with (folder / "a").open("a") as file:
            file.write("x")

    store.before_put = always_append
    assert make(store, folder, said).save() == "00000000"
    assert store.objects[stored("00000000", "a")] == b"x"
    assert said == []


@pytest.mark.usefixtures("all_files_are_large")
def test_a_file_that_is_rewritten_without_rest_is_left_out_and_the_rest_is_kept(store, folder, said) -> None:
    (folder / "a").write_text("0")
    (folder / "model").write_text("weights")
    count = iter(range(1, 100))

    def always_write(key: str) -> None:
        if key.endswith("/a"):
            (folder / "a").write_text(str(next(count)))

    store.before_put = always_write
    name = make(store, folder, said).save()
    assert complete(store) == [name]
    manifest = json.loads(store.objects[manifest_key(checkpoint_prefix("line", name))])
    assert [file["path"] for file in manifest["files"]] == ["model"]
    assert manifest["problems"] == [{"path": "a", "why": "changed while it was being saved"}]
    assert said == ["checkpoint: a changed while it was being saved"]


def test_failing_to_delete_old_ones_is_no_failure_to_save(store, folder, said, monkeypatch) -> None:
    checkpoints = make(store, folder, said, keep=1)
    (folder / "a").write_text("1")
    checkpoints.save()

    def refuse(key: str) -> None:
        raise AgentError("not now")

    monkeypatch.setattr(store, "delete", refuse)
    (folder / "a").write_text("22")
    assert checkpoints.save() == "00000001"
    assert said == ["old checkpoints could not be deleted now: not now"]
