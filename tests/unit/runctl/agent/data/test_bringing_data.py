"""How data come to a job: staged, kept on a volume, or left to the job."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from runctl_auto.agent.data.bringing_data import BringingData
from runctl_auto.agent.data.kept_data import FOLDER
from runctl_auto.agent.errors import AgentError
from runctl_auto.agent.machine.instance_store import CacheFolder, InstanceStore
from runctl_auto.agent.machine.machine import ProgramResult
from runctl_auto.agent.spec import DataSpec
from runctl_auto.agent.start.layout import Layout

KEPT = DataSpec("sets", "images", "data/images", "volume", "disk")


class Killed(BaseException):
    """Stands for the end of the agent's process."""


class Objects:
    """A bucket's objects by name, and what copies them; ends before the file ``dies_at``."""

    def __init__(self, **content: str) -> None:
        self.content = {name.replace("_", "/"): text for name, text in content.items()}
        self.copied: list[str] = []
        self.scratch: list[Path] = []
        self.dies_at: str | None = None

    def via(self, scratch: Path) -> Objects:
        self.scratch.append(scratch)
        return self

    def listing(self, source: DataSpec) -> tuple[tuple[str, str], ...]:
        return tuple(sorted((name, f'"{text}"') for name, text in self.content.items()))

    def stage(self, sources: Sequence[DataSpec], work: Path) -> None:
        for source in sources:
            for name, text in sorted(self.content.items()):
                target = work / source.path / name
                if target.exists() and target.read_text() == text:
                    continue
                if name == self.dies_at:
                    raise Killed
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text)
                self.copied.append(name)


class Bringing:
    def __init__(self, folder: Path) -> None:
        self.objects = Objects(a="1", deep_b="2", c="3")
        self.work, self.mount, self.cache = folder / "work", folder / "disk", folder / "cache"
        self.work.mkdir()
        self.mount.mkdir()
        self.said: list[str] = []

    def __call__(self, *sources: DataSpec):
        bringing = BringingData(
            self.objects.via, self.work / "../tmp", cache=lambda name: self.cache / name, say=self.said.append
        )
        return bringing(sources, self.work, {"disk": self.mount})

    def another_machine(self) -> None:
        """Only the volume is left."""
        shutil.rmtree(self.work)
        self.work.mkdir()
        self.objects.copied.clear()


@pytest.fixture
def bring(tmp_path: Path) -> Bringing:
    return Bringing(tmp_path)


def files(folder: Path) -> dict[str, str]:
    return {str(each.relative_to(folder)): each.read_text() for each in folder.rglob("*") if each.is_file()}


def test_staged_data_are_files_of_the_work_folder(bring: Bringing) -> None:
    (brought,) = bring(DataSpec("sets", "images", "data"))
    assert files(bring.work / "data") == {"a": "1", "deep/b": "2", "c": "3"}
    assert brought.as_json() == {
        "source": "s3://sets/images",
        "strategy": "stage",
        "path": str(bring.work / "data"),
        "cache": None,
    }


def test_data_that_the_job_reads_itself_are_not_copied(bring: Bringing) -> None:
    direct, cached = bring(
        DataSpec("sets", "a", "data/a", "direct"), DataSpec("sets", "b", "data/b", "cache")
    )
    assert bring.objects.copied == []
    assert (direct.cache, cached.cache) == (None, bring.cache / "data/b")


def test_the_next_machine_finds_the_data_on_the_volume_and_copies_nothing(bring: Bringing) -> None:
    bring(KEPT)
    assert sorted(bring.objects.copied) == ["a", "c", "deep/b"]
    bring.another_machine()
    bring(KEPT)
    assert bring.objects.copied == []
    assert files(bring.work / "data/images") == {"a": "1", "deep/b": "2", "c": "3"}
    assert bring.said[-1] == "data s3://sets/images: volume disk has all 3 files, nothing is copied"


def test_they_arrive_on_the_volume_itself(bring: Bringing) -> None:
    bring(KEPT)
    assert bring.objects.scratch == [bring.mount / FOLDER / "arriving"]


def test_what_changed_in_the_bucket_is_copied_and_what_went_is_deleted(bring: Bringing) -> None:
    bring(KEPT)
    (bring.mount / "data/images/own.txt").write_text("of the user")
    bring.another_machine()
    bring.objects.content = {"a": "1", "deep/b": "other"}
    bring(KEPT)
    assert bring.objects.copied == ["deep/b"]
    assert files(bring.work / "data/images") == {"a": "1", "deep/b": "other", "own.txt": "of the user"}


@pytest.mark.parametrize("dies_at", ["a", "c", "deep/b"])
def test_an_agent_killed_meanwhile_leaves_no_marker_for_what_is_not_there(
    bring: Bringing, dies_at: str
) -> None:
    bring.objects.dies_at = dies_at
    with pytest.raises(Killed):
        bring(KEPT)
    bring.objects.dies_at = None
    bring.another_machine()
    bring(KEPT)
    assert dies_at in bring.objects.copied
    assert files(bring.work / "data/images") == {"a": "1", "deep/b": "2", "c": "3"}


def test_files_of_a_killed_copy_that_are_gone_from_the_bucket_are_deleted_later(bring: Bringing) -> None:
    bring.objects.dies_at = "deep/b"
    with pytest.raises(Killed):
        bring(KEPT)
    bring.objects.dies_at, bring.objects.content = None, {"deep/b": "2"}
    bring(KEPT)
    assert files(bring.mount / "data/images") == {"deep/b": "2"}


@pytest.mark.parametrize("marker", ["", "no JSON", "[]", '{"sha256": 7}'])
def test_a_marker_that_cannot_be_read_is_none(bring: Bringing, marker: str) -> None:
    bring(KEPT)
    (place,) = (bring.mount / FOLDER).glob("*.json")
    place.write_text(marker)
    bring.another_machine()
    (bring.mount / "data/images/a").unlink()
    bring(KEPT)
    assert bring.objects.copied == ["a"]


def test_nothing_outside_the_folder_is_deleted(bring: Bringing, tmp_path: Path) -> None:
    bring(KEPT)
    (tmp_path / "precious").write_text("!")
    (names,) = (bring.mount / FOLDER).glob("*.names")
    (bring.mount / "data/images/out").symlink_to(tmp_path)
    names.write_text("\0".join(["../../../precious", "out/precious", "/etc/passwd", "c"]))
    bring.objects.content = {"a": "1"}
    bring(KEPT)
    assert (tmp_path / "precious").exists()
    assert not (bring.mount / "data/images/c").exists()


def test_an_empty_folder_gives_way_to_the_link_and_files_do_not(bring: Bringing) -> None:
    (bring.work / "data/images").mkdir(parents=True)
    bring(KEPT)
    bring(KEPT)  # a restarted agent
    assert (bring.work / "data/images").is_symlink()
    bring.another_machine()
    (bring.work / "data/images").mkdir(parents=True)
    (bring.work / "data/images/of-the-code").touch()
    with pytest.raises(AgentError, match="the work folder has files in images/"):
        bring(KEPT)


class Programs:
    def __init__(self, **codes: int) -> None:
        self.codes = codes
        self.calls: list[str] = []

    def __call__(self, argv: Sequence[str], timeout: float) -> ProgramResult:
        self.calls.append(argv[0])
        return ProgramResult(self.codes.get(argv[0].partition(".")[0], 0), "says no")


def cache_folder(tmp_path: Path, programs: Programs, said: list[str]) -> Path:
    store = InstanceStore(Layout(tmp_path), programs, said.append)
    return CacheFolder(tmp_path / "disk", store)("data")


def add_disk(tmp_path: Path) -> None:
    folder = tmp_path / "dev/disk/by-id"
    folder.mkdir(parents=True)
    for suffix in ("", "-ns-1"):
        (folder / f"nvme-Amazon_EC2_NVMe_Instance_Storage_AWS1{suffix}").touch()


def test_the_cache_is_on_the_machines_disk_without_an_instance_store(tmp_path, said) -> None:
    programs = Programs()
    assert cache_folder(tmp_path, programs, said) == tmp_path / "disk/data"
    assert programs.calls == []


def test_a_blank_instance_store_is_formatted_and_takes_the_cache(tmp_path, said) -> None:
    add_disk(tmp_path)
    programs = Programs(mountpoint=1, blkid=2)
    folder = cache_folder(tmp_path, programs, said)
    assert folder == tmp_path / "mnt/runctl-instance-store/data-cache/data"
    assert folder.is_dir()
    assert programs.calls == ["mountpoint", "blkid", "mkfs.ext4", "mount"]


def test_an_instance_store_with_a_file_system_is_not_formatted(tmp_path, said) -> None:
    add_disk(tmp_path)
    programs = Programs(mountpoint=1)
    cache_folder(tmp_path, programs, said)
    assert programs.calls == ["mountpoint", "blkid", "mount"]


@pytest.mark.parametrize("failing", ["mkfs", "mount", "blkid"])
def test_the_other_disk_serves_when_the_instance_store_cannot_be_used(tmp_path, said, failing: str) -> None:
    add_disk(tmp_path)
    programs = Programs(**{"mountpoint": 1, "blkid": 2, failing: 1})
    assert cache_folder(tmp_path, programs, said) == tmp_path / "disk/data"
    assert "the instance store is not used" in said[-1]
