"""The checkpoints of a job from outside: listed, fetched, verified, chosen, deleted."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any
from unittest.mock import create_autospec

import pytest
from support.agent_stand_ins import MemoryStore
from support.job_stacks import Told, stack_config
from support.sessions import fake_provider, fake_results, fake_session

from runctl_auto.agent.keys import checkpoint_prefix, file_key, manifest_key
from runctl_auto.agent.saving.checkpoints import Checkpoints, Killed
from runctl_auto.engine.driver import Driver
from runctl_auto.engine.job_stack import JobStack
from runctl_auto.errors import CheckpointDamagedError, ConfirmationNeededError, UsageError
from runctl_auto.operations.checkpoint import list_checkpoints, pull, sequence_of, verify
from runctl_auto.operations.checkpoint_choice import remove, use
from runctl_auto.operations.checkpoint_prune import prune

LINEAGE = stack_config().run.lineage


class World:
    """A job with the checkpoints 0 (whole), 1 (whole), 2 (suspect) and 3 (incomplete)."""

    def __init__(self, folder: Path, *, agrees: bool = True) -> None:
        self.store = MemoryStore()
        stack: Any = create_autospec(JobStack, instance=True)
        stack.config.return_value = stack_config().to_values()
        driver: Any = create_autospec(Driver, instance=True)
        driver.open.return_value = stack
        self.told = Told(agrees=agrees)
        provider = fake_provider(results=fake_results(objects=self.store))
        self.session = fake_session(folder, driver=driver, provider=provider, told=self.told)
        self.work = folder / "ck"
        self.work.mkdir(parents=True)
        self.agent = Checkpoints(
            self.store, LINEAGE, folder=self.work, scratch=folder / "scratch", keep=5, say=lambda _: None
        )
        for content in ("zero", "one, longer"):
            self.write(content)
            self.agent.save()
        state = self.write("two")
        self.agent.save_last(Killed(frozenset({state})))
        self.store.put(file_key(checkpoint_prefix(LINEAGE, "00000003"), "state"), b"half")

    def write(self, content: str) -> tuple[int, int]:
        (self.work / "empty").mkdir(exist_ok=True)
        (self.work / "state").write_text(content)
        (self.work / "state").chmod(0o600)
        found = (self.work / "state").stat()
        return found.st_dev, found.st_ino

    def listed(self) -> dict[str, str]:
        return {
            each["sequence"]: each["state"]
            for each in list_checkpoints(self.session, "digits").as_json()["checkpoints"]
        }


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_a_listing_tells_states_and_which_is_next(world: World) -> None:
    assert world.listed() == {
        "00000003": "incomplete",
        "00000002": "suspect",
        "00000001": "complete",
        "00000000": "complete",
    }
    told = list_checkpoints(world.session, "digits").as_json()
    assert (told["job"], told["lineage"], told["next"], told["chosen"]) == (
        "digits",
        LINEAGE,
        "00000001",
        None,
    )
    assert told["checkpoints"][1]["suspect"] == [
        {"path": "state", "why": "was being written when the job was killed"}
    ]
    assert told["checkpoints"][2]["files"] == 1
    assert told["checkpoints"][2]["bytes"] == len("one, longer")


def test_the_next_one_is_pulled_as_it_was_saved(world: World, tmp_path: Path) -> None:
    pulled = pull(world.session, "digits", None, tmp_path / "home")
    assert (pulled.sequence, pulled.files, pulled.bytes) == ("00000001", 1, 11)
    assert (tmp_path / "home/state").read_text() == "one, longer"
    assert (tmp_path / "home/state").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "home/empty").is_dir()
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith(".home")] == []


def test_any_complete_one_may_be_pulled_to_the_results(world: World) -> None:
    pulled = pull(world.session, "digits", "2", None)
    assert pulled.folder == world.session.downloads / "digits/checkpoints/00000002"
    assert (pulled.folder / "state").read_text() == "two"


@pytest.mark.parametrize("sequence", ["3", "7", "x", "-1", "", "999999999"])
def test_only_complete_ones_are_pulled(world: World, sequence: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        pull(world.session, "digits", sequence, tmp_path / "home")
    assert not (tmp_path / "home").exists()


def test_a_folder_in_use_is_not_touched(world: World, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home/mine").write_text("x")
    with pytest.raises(UsageError, match="not an empty folder"):
        pull(world.session, "digits", None, tmp_path / "home")
    (tmp_path / "home/mine").unlink()
    assert pull(world.session, "digits", None, tmp_path / "home").files == 1


def damage(world: World, sequence: str = "00000001") -> None:
    world.store.objects[file_key(checkpoint_prefix(LINEAGE, sequence), "state")] = b"one, LONGER"


def test_a_damaged_one_is_not_pulled(world: World, tmp_path: Path) -> None:
    damage(world)
    with pytest.raises(CheckpointDamagedError, match="state is not what was saved"):
        pull(world.session, "digits", None, tmp_path / "home")
    assert not (tmp_path / "home").exists()


def test_all_are_verified_or_one(world: World) -> None:
    damage(world)
    world.store.objects[manifest_key(checkpoint_prefix(LINEAGE, "00000000"))] = b"{"
    found = {each.sequence: each.problem is None for each in verify(world.session, "digits", None)}
    assert found == {"00000002": True, "00000001": False, "00000000": False}
    assert [each.problem for each in verify(world.session, "digits", "2")] == [None]


def test_a_chosen_one_is_next_until_the_choice_is_removed(world: World) -> None:
    assert use(world.session, "digits", "0", yes=False).sequence == "00000000"
    assert use(world.session, "digits", "0", yes=True).sequence == "00000000"
    told = list_checkpoints(world.session, "digits").as_json()
    assert (told["next"], told["chosen"]) == ("00000000", "00000000")
    assert use(world.session, "digits", None, yes=True).sequence is None
    assert list_checkpoints(world.session, "digits").as_json()["next"] == "00000001"


def test_a_suspect_one_may_be_chosen_but_not_an_incomplete_one(world: World) -> None:
    use(world.session, "digits", "2", yes=True)
    assert list_checkpoints(world.session, "digits").as_json()["next"] == "00000002"
    with pytest.raises(UsageError, match="is incomplete"):
        use(world.session, "digits", "3", yes=True)


@pytest.mark.parametrize("sequence", ["0", "00000003"])
def test_any_one_is_deleted(world: World, sequence: str) -> None:
    removed = remove(world.session, "digits", sequence, yes=True)
    assert removed.objects in (1, 2)
    assert removed.sequence not in world.listed()
    with pytest.raises(UsageError, match="no checkpoint"):
        remove(world.session, "digits", sequence, yes=True)


def test_nothing_changes_unless_confirmed(tmp_path: Path) -> None:
    world = World(tmp_path, agrees=False)
    before = dict(world.store.objects)
    for change in (
        lambda: use(world.session, "digits", "0", yes=False),
        lambda: use(world.session, "digits", None, yes=False),
        lambda: remove(world.session, "digits", "0", yes=False),
    ):
        with pytest.raises(ConfirmationNeededError):
            change()
    assert world.store.objects == before


def test_sequences_as_people_write_them() -> None:
    assert (sequence_of("3"), sequence_of("00000003")) == ("00000003", "00000003")


def plant(world: World, **manifest: Any) -> str:
    """A newest checkpoint with this manifest, and two files."""
    prefix = checkpoint_prefix(LINEAGE, "00000009")
    digest = hashlib.sha256(b"x").hexdigest()
    for path in manifest.pop("paths", ("a",)):
        world.store.put(file_key(prefix, path), b"x")
        manifest.setdefault("files", []).append(
            {"path": path, "bytes": 1, "sha256": digest, "mode": 0o6777, "mtime_ns": 0}
        )
    world.store.put(manifest_key(prefix), json.dumps(manifest).encode())
    return "00000009"


@pytest.mark.parametrize(
    "links",
    [
        {"out": "../../home", "out/config": "x"},
        {"out": "/etc"},
        {"x": ".", "up": "x/x/x/../../.."},
    ],
    ids=str,
)
def test_no_link_leads_a_pull_out_of_its_folder(world: World, tmp_path: Path, links: dict[str, str]) -> None:
    (tmp_path / "home").mkdir()
    sequence = plant(world, links=links)
    with pytest.raises((CheckpointDamagedError, UsageError)):
        pull(world.session, "digits", sequence, tmp_path / "to" / "here")
    assert list((tmp_path / "home").iterdir()) == []
    assert list((tmp_path / "to").iterdir()) == [] if (tmp_path / "to").exists() else True


def test_what_is_pulled_is_nobody_elses_to_write_or_to_run_as(world: World, tmp_path: Path) -> None:
    sequence = plant(world, folders=[{"path": "d", "mode": 0o7000, "mtime_ns": 0}])
    pulled = pull(world.session, "digits", sequence, tmp_path / "to").folder
    assert oct((pulled / "a").stat().st_mode & 0o7777) == "0o755"
    assert oct((pulled / "d").stat().st_mode & 0o7777) == "0o700"


def test_a_pull_ends_at_the_stated_size_and_fits(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, int]] = []
    download = world.store.download
    monkeypatch.setattr(
        world.store,
        "download",
        lambda key, target, at_most: asked.append((key[-1], at_most)) or download(key, target, at_most),
    )
    pull(world.session, "digits", plant(world), tmp_path / "to")
    assert asked == [("a", 1)]
    plant(
        world, files=[{"path": f"f{number}", "bytes": 2**53, "sha256": "0", "pack": 0} for number in range(9)]
    )
    with pytest.raises(UsageError, match="has room for"):
        pull(world.session, "digits", "9", tmp_path / "other")


def test_prune_keeps_the_newest_whole_ones_and_what_is_being_saved(tmp_path) -> None:
    world = World(tmp_path)
    pruned = prune(world.session, "digits", 1, yes=True)
    assert pruned.sequences == ("00000000",)
    assert set(world.listed()) == {"00000001", "00000002", "00000003"}
    assert prune(world.session, "digits", 1, yes=True).sequences == ()


def test_prune_keeps_what_a_person_has_chosen(tmp_path) -> None:
    world = World(tmp_path)
    use(world.session, "digits", "0", yes=True)
    assert prune(world.session, "digits", 1, yes=True).sequences == ()
    assert "00000000" in world.listed()


def test_prune_asks_first(tmp_path) -> None:
    world = World(tmp_path, agrees=False)
    with pytest.raises(ConfirmationNeededError):
        prune(world.session, "digits", 1, yes=False)
    assert len(world.listed()) == 4
