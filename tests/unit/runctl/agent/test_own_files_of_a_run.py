"""A run whose code has files in the checkpoint folder: they are there in setup, under what is restored."""

from __future__ import annotations

from pathlib import Path

from support.agent_stand_ins import Clock, MemoryStore
from support.run_machine import Machine

from runctl_auto.agent.keys import lineage_prefix
from runctl_auto.agent.saving.own_files import OLDEST_SECONDS

OWN = {"train.py": "", "checkpoints/fetch.sh": "fetch", "checkpoints/deep/base": "own", "other/x": "y"}


def test_the_codes_own_files_in_the_checkpoint_folder_are_there_in_setup(
    store: MemoryStore, clock: Clock, tmp_path: Path
) -> None:
    machine = Machine(tmp_path / "one", store, clock, code=OWN, setup="prepare", command="train")
    seen: list[str] = []

    def look() -> None:
        folder = machine.work / "checkpoints"
        seen.extend(
            sorted(each.relative_to(folder).as_posix() for each in folder.rglob("*") if each.is_file())
        )

    machine.scripts = {"prepare": (0, look), "train": (0, lambda: None)}
    assert machine.run().phase == "succeeded"
    assert seen == ["deep/base", "fetch.sh"]
    assert not [key for key in store.objects if key.startswith(lineage_prefix("line"))]


def test_a_checkpoint_lies_over_the_codes_own_files(store: MemoryStore, clock: Clock, tmp_path: Path) -> None:
    first = Machine(tmp_path / "one", store, clock, code=OWN, command="train")

    def save() -> None:
        first.write("checkpoints/deep/base", "trained")
        (first.work / "checkpoints" / "fetch.sh").unlink()

    first.scripts["train"] = (1, save)
    first.run()
    second = Machine(tmp_path / "two", store, clock, code=OWN, command="train")
    seen: list[tuple[str, str, float]] = []

    def look() -> None:
        base, fetch = (second.work / "checkpoints" / name for name in ("deep/base", "fetch.sh"))
        seen.append((base.read_text(), fetch.read_text(), fetch.stat().st_mtime))

    second.scripts["train"] = (0, look)
    second.run()
    assert seen == [("trained", "fetch", OLDEST_SECONDS)]


def test_an_agent_that_starts_again_has_the_codes_own_files_as_they_were(
    store: MemoryStore, clock: Clock, tmp_path: Path
) -> None:
    folder = tmp_path / "one"
    Machine(folder, store, clock, code=OWN, command="train").run()
    (folder / "work" / "checkpoints" / "fetch.sh").write_text("torn")
    (folder / "work" / "checkpoints" / "half").write_text("half")
    store.objects = {key: each for key, each in store.objects.items() if not key.startswith("checkpoints/")}
    again = Machine(folder, store, clock, code=OWN, command="train")
    seen: dict[str, str] = {}

    def look() -> None:
        folder = again.work / "checkpoints"
        seen.update({each.name: each.read_text() for each in folder.rglob("*") if each.is_file()})

    again.scripts["train"] = (0, look)
    again.run()
    assert seen == {"fetch.sh": "fetch", "base": "own"}
