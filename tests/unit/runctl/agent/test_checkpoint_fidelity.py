"""What comes back from a checkpoint is what was saved, and what cannot be saved is named."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.agent_stand_ins import Clock, MemoryStore

from runctl_auto.agent.errors import S3Error
from runctl_auto.agent.keys import checkpoint_prefix, file_key, manifest_key, pack_key
from runctl_auto.agent.saving.checkpoints import Checkpoints, Saved
from runctl_auto.agent.store.uploads import PACK_FROM

HOUR = 3_600_000_000_000


class Place:
    """A checkpoint folder, and another machine to which its checkpoint is restored."""

    def __init__(self, root: Path, patch: pytest.MonkeyPatch | None = None) -> None:
        self.patch = patch or pytest.MonkeyPatch()
        self.store = MemoryStore()
        self.said: list[str] = []
        self.saved: list[Saved] = []
        self.folder = root / "first/work/ck"
        self.folder.mkdir(parents=True)
        self.other = root / "second/elsewhere/work/ck"

    def checkpoints(self, folder: Path) -> Checkpoints:
        return Checkpoints(
            self.store,
            "line",
            folder=folder,
            scratch=folder.parent.parent / "scratch",
            keep=3,
            say=self.said.append,
            saved=self.saved.append,
            wait=Clock().wait,
        )

    def save(self) -> str | None:
        return self.checkpoints(self.folder).save()

    def travel(self) -> Path:
        """Saves, and restores on the other machine."""
        assert self.save() is not None
        assert self.checkpoints(self.other).restore() is not None
        return self.other

    def write(self, name: str, content: str = "x", mode: int = 0o644, at: int = HOUR) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        path.chmod(mode)
        os.utime(path, ns=(at, at))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    return Place(tmp_path, monkeypatch)


def listing(folder: Path) -> dict[str, tuple[object, ...]]:
    """Kind, mode, time and content of everything in a folder; absolute links as what they lead to in it."""
    found: dict[str, tuple[object, ...]] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        state = path.lstat()
        if path.is_symlink():
            text = str(path.readlink())
            inside = os.path.relpath(text, folder) if text.startswith("/") else None
            found[name] = ("link", inside or text, inside is not None)
        elif path.is_dir():
            found[name] = ("folder", oct(state.st_mode), state.st_mtime_ns)
        else:
            found[name] = ("file", oct(state.st_mode), state.st_mtime_ns, path.read_bytes())
    return found


def test_modes_times_folders_and_links_come_back(place: Place) -> None:
    place.write("run.sh", "#!/bin/sh", mode=0o755)
    place.write("step_1/state.json", "1", at=5 * HOUR + 123_456_789)
    place.write("step_2/state.json", "2", mode=0o400, at=4 * HOUR)
    (place.folder / "logs/empty").mkdir(parents=True)
    (place.folder / "logs").chmod(0o750)
    (place.folder / "LATEST").symlink_to(place.folder / "step_2")
    (place.folder / "relative").symlink_to("step_1/state.json")
    (place.folder / "self").symlink_to("self")
    os.utime(place.folder / "step_1", ns=(7 * HOUR, 7 * HOUR))
    os.utime(place.folder / "step_2", ns=(9 * HOUR, 9 * HOUR))
    before = listing(place.folder)
    assert listing(place.travel()) == before
    assert (place.other / "LATEST").readlink() == place.other / "step_2"
    assert (place.other / "LATEST/state.json").read_text() == "2"
    steps = sorted(place.other.glob("step_*"), key=lambda path: path.stat().st_mtime)
    assert steps[-1].name == "step_2"
    assert place.said == []


def test_what_was_restored_is_not_saved_again(place: Place) -> None:
    place.write("a/b")
    (place.folder / "empty").mkdir()
    (place.folder / "latest").symlink_to(place.folder / "a")
    place.save()
    again = place.checkpoints(place.other)
    again.restore()
    assert again.save() is None


def test_a_sparse_file_keeps_its_size_and_its_holes(place: Place) -> None:
    with (place.folder / "memmap.bin").open("wb") as file:
        file.truncate(80_000_000)
        file.seek(40_000_000)
        file.write(b"data")
    with (place.folder / "only-a-hole").open("wb") as file:
        file.truncate(1_000_000)
    before = listing(place.folder)
    other = place.travel()
    assert listing(other) == before
    assert (other / "memmap.bin").stat().st_blocks * 512 < 1_000_000
    assert sum(len(data) for data in place.store.objects.values()) < 1_000_000


def test_many_small_files_share_few_objects_and_come_back(place: Place) -> None:
    for number in range(500):
        place.write(f"shard-{number % 7}/chunk-{number}", f"content {number}" * (number % 50), at=number)
    place.write("large", "x" * 200_000)
    before = listing(place.folder)
    assert listing(place.travel()) == before
    prefix = checkpoint_prefix("line", "00000000")
    assert sorted(place.store.objects) == sorted(
        [file_key(prefix, "large"), manifest_key(prefix), pack_key(prefix, 0)]
    )


def test_few_files_are_objects_under_their_names(place: Place) -> None:
    for number in range(PACK_FROM - 1):
        place.write(f"chunk-{number}")
    place.save()
    assert file_key(checkpoint_prefix("line", "00000000"), "chunk-5") in place.store.objects


@pytest.mark.parametrize("damage", ["gone", "short", "other"])
def test_a_damaged_pack_is_noticed(place: Place, damage: str) -> None:
    for number in range(PACK_FROM):
        place.write(f"chunk-{number}", f"{number:03d}")
    place.save()
    key = pack_key(checkpoint_prefix("line", "00000000"), 0)
    pack = place.store.objects[key]
    if damage == "gone":
        del place.store.objects[key]
    else:
        place.store.objects[key] = pack[:-1] if damage == "short" else b"?" + pack[1:]
    assert place.checkpoints(place.other).restore() is None
    assert "00000000 is damaged" in place.said[-1]


NAMES = st.text(st.sampled_from("ab é.\t'%\\"), min_size=1, max_size=3).filter(lambda n: n not in (".", ".."))


@settings(max_examples=25)
@given(
    files=st.dictionaries(
        st.lists(NAMES, min_size=1, max_size=3).map("/".join),
        st.tuples(
            st.binary(max_size=9), st.sampled_from([0o600, 0o644, 0o755, 0o444]), st.integers(0, 2**60)
        ),
        min_size=1,
        max_size=9,
    ),
    empty=st.sets(NAMES, max_size=2),
)
def test_any_tree_comes_back(
    tmp_path_factory: pytest.TempPathFactory,
    files: dict[str, tuple[bytes, int, int]],
    empty: set[str],
) -> None:
    place = Place(tmp_path_factory.mktemp("tree"))
    for name, (content, mode, at) in files.items():
        path = place.folder / name
        if any(parent.is_file() for parent in path.parents) or path.is_dir():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(mode)
        os.utime(path, ns=(at, at))
    for name in empty:
        if not (place.folder / name).exists():
            (place.folder / name).mkdir()
    before = listing(place.folder)
    assert listing(place.travel()) == before


# One bad file loses nothing else.


def bad_name(place: Place) -> str:
    Path(os.fsdecode(os.fsencode(place.folder) + b"/caf\xe9.txt")).write_text("latin-1")
    return "caf\\xe9.txt has a name that is not UTF-8"


def line_break(place: Place) -> str:
    place.write("new\nline.txt")
    return "new\\nline.txt has a line break in its name"


def pipe(place: Place) -> str:
    os.mkfifo(place.folder / "pipe")
    return "pipe is a pipe"


def link_outside(place: Place) -> str:
    (place.folder / "data").symlink_to("/data/set")
    return "data is a link that leads out of the folder: /data/set"


def refused_by_the_store(place: Place) -> str:
    place.write("refused.bin")

    def refuse(key: str) -> None:
        if key.endswith("refused.bin"):
            raise S3Error(f"PUT {key}", 400, "KeyTooLongError", "")

    place.store.before_put = refuse
    return "refused.bin is refused by the store"


def vanishing(place: Place) -> str:
    """A temporary file that is gone when it is read, each time."""
    place.write("tmp.part")
    original = os.open

    def opened(path: object, *arguments: object, **options: object) -> int:
        if str(path).endswith("tmp.part"):
            raise FileNotFoundError(2, "gone", "tmp.part")
        return original(path, *arguments, **options)  # type: ignore[arg-type,call-overload,no-any-return]

    place.patch.setattr("runctl_auto.agent.saving.snapshot.os.open", opened)
    return "tmp.part vanished while it was being saved"


BAD = [bad_name, line_break, pipe, link_outside, refused_by_the_store, vanishing]


@pytest.mark.parametrize("make", BAD, ids=lambda make: make.__name__)
def test_one_bad_file_loses_nothing_else(place: Place, make: Callable[[Place], str]) -> None:
    place.write("weights.pt", "12 hours of training")
    place.write("deep/optimizer.pt", "more")
    told = make(place)
    assert place.save() == "00000000"
    assert [said.startswith(f"checkpoint: {told}") for said in place.said] == [True]
    (saved,) = place.saved
    assert [f"{problem.path} {problem.why}".startswith(told) for problem in saved.problems] == [True]
    manifest = json.loads(place.store.objects[manifest_key(checkpoint_prefix("line", "00000000"))])
    assert [file["path"] for file in manifest["files"]] == ["deep/optimizer.pt", "weights.pt"]
    assert len(manifest["problems"]) == 1
    place.patch.undo()
    assert place.checkpoints(place.other).restore() == "00000000"
    assert (place.other / "weights.pt").read_text() == "12 hours of training"


def test_a_bad_file_is_told_once(place: Place) -> None:
    bad_name(place)
    checkpoints = place.checkpoints(place.folder)
    for number in range(3):
        place.write("weights.pt", "x" * number)
        checkpoints.save()
    assert len(place.said) == 1
    assert len(place.saved) == 3
    assert all(saved.problems for saved in place.saved)


def test_a_store_that_refuses_everything_is_an_error(place: Place) -> None:
    def refuse(key: str) -> None:
        raise S3Error(f"PUT {key}", 403, "AccessDenied", "")

    place.write("weights.pt")
    place.store.before_put = refuse
    with pytest.raises(S3Error, match="AccessDenied"):
        place.save()
