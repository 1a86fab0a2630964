"""Packages: the same bytes for the same content, and nothing in them that must not travel."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path
from typing import Any
from unittest.mock import Mock, create_autospec

import pytest

from runctl_auto.errors import NotFoundError, PackagingError
from runctl_auto.packaging.package import (
    Package,
    package_agent,
    package_code,
    package_key,
    package_path,
    refuse_nothing,
)
from runctl_auto.packaging.work_files import walk_work_folder
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.packages import require_package


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "train.py").write_text("print('training')\n")
    return folder


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    return tmp_path / ".runctl" / "packages"


WITHOUT_GIT = {"PATH": "/nowhere", "HOME": "/nowhere"}


def repository(folder: Path) -> None:
    """A repository without an index, as ``git init`` makes it."""
    for name in ("objects", "refs", "info"):
        (folder / ".git" / name).mkdir(parents=True)
    (folder / ".git" / "HEAD").write_text("ref: refs/heads/main\n")


def write(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


def names_in(package: Package) -> list[str]:
    with tarfile.open(package.path) as archive:
        return archive.getnames()


def packaged(work: Path, packages: Path, **limits: int) -> Package:
    return package_code(walk_work_folder(work), packages, **limits)


class TestSameness:
    def test_times_owners_and_order_of_creation_leave_no_trace(self, tmp_path: Path, packages: Path) -> None:
        first, second = tmp_path / "first", tmp_path / "second"
        write(first, "a", "b/c", "b/d")
        write(second, "b/d", "b/c", "a")
        for path in second.rglob("*"):
            os.utime(path, (1, 1))
        (second / "a").chmod(0o600)
        assert packaged(first, packages) == packaged(second, packages)

    def test_the_bytes_of_this_folder_are_these(self, work: Path, packages: Path) -> None:
        with tarfile.open(packaged(work, packages).path) as archive:
            (member,) = archive.getmembers()
        assert (member.name, member.mtime, member.uid, member.gid, member.uname, member.mode) == (
            "train.py",
            0,
            0,
            0,
            "",
            0o644,
        )

    def test_content_names_and_modes_do_matter(self, work: Path, packages: Path) -> None:
        seen = {packaged(work, packages).sha256}
        (work / "train.py").write_text("other\n")
        seen.add(packaged(work, packages).sha256)
        (work / "train.py").chmod(0o755)
        seen.add(packaged(work, packages).sha256)
        (work / "train.py").rename(work / "run.py")
        seen.add(packaged(work, packages).sha256)
        assert len(seen) == 4

    def test_the_name_is_the_hash_of_the_file(self, work: Path, packages: Path) -> None:
        import hashlib

        package = packaged(work, packages)
        assert hashlib.sha256(package.path.read_bytes()).hexdigest() == package.sha256
        assert package.path == packages / f"code-{package.sha256}.tar.gz"
        assert package.key == f"code/{package.sha256}.tar.gz"
        assert package.bytes == package.path.stat().st_size

    def test_nothing_half_made_stays(self, work: Path, packages: Path) -> None:
        package = packaged(work, packages)
        (work / "link").symlink_to("/etc/passwd")
        with pytest.raises(PackagingError):
            packaged(work, packages)
        assert list(packages.iterdir()) == [package.path]

    def test_the_agent_is_a_package_too(self, packages: Path) -> None:
        agent = package_agent(packages)
        assert agent == package_agent(packages)
        assert agent.path.suffix == ".pyz"


class TestWhatTravels:
    def test_git_ignore_files_decide_as_git_does(self, work: Path, packages: Path) -> None:
        write(work, "x.log", "keep.log", "sub/x.log", "sub/other.bin", "sub/deep/other.bin", "build/out")
        (work / ".gitignore").write_text("*.log\n!keep.log\n/build/\n")
        (work / "sub" / ".gitignore").write_text("!x.log\n/other.bin\n")
        assert names_in(packaged(work, packages)) == [
            ".gitignore",
            "keep.log",
            "sub/.gitignore",
            "sub/deep/other.bin",
            "sub/x.log",
            "train.py",
        ]

    def test_ignore_files_above_the_work_folder_count_up_to_the_repository(
        self, tmp_path: Path, packages: Path
    ) -> None:
        repository = tmp_path / "repository"
        write(repository, "project/train.py", "project/data.bin", "project/secret", ".git/config")
        (repository / ".gitignore").write_text("*.bin\n/project/secret\n")
        (tmp_path / ".gitignore").write_text("train.py\n")
        assert names_in(packaged(repository / "project", packages)) == ["train.py"]

    def test_runctlignore_has_the_last_word(self, work: Path, packages: Path) -> None:
        write(work, "model.bin", "notes.txt")
        (work / ".gitignore").write_text("model.bin\n")
        (work / ".runctlignore").write_text("!model.bin\nnotes.txt\n")
        assert {"model.bin", "train.py"} <= set(names_in(packaged(work, packages)))
        assert "notes.txt" not in names_in(packaged(work, packages))

    def test_an_ignore_file_that_is_a_link_is_not_followed(self, work: Path, packages: Path) -> None:
        write(work, "model.bin")
        outside = work.parent / "outside"
        outside.write_text("model.bin\n")
        (work / ".runctlignore").symlink_to(outside)
        with pytest.raises(PackagingError, match="leads out of the work folder"):
            packaged(work, packages)
        outside.rename(work / "rules")
        (work / ".runctlignore").unlink()
        (work / ".runctlignore").symlink_to("rules")
        assert "model.bin" in names_in(packaged(work, packages))

    def test_what_is_never_code_stays_at_home(self, work: Path, packages: Path) -> None:
        write(work, ".git/HEAD", ".runctl/x", ".venv/bin/python", "a/__pycache__/m.pyc", "a/m.py")
        write(work, "runs/digits/0123456789/.artifacts.json", "runs/digits/0123456789/model")
        write(work, "runs/digits/.0123456789.arriving/model", "experiments/runs/settings.yaml")
        assert names_in(packaged(work, packages)) == ["a/m.py", "experiments/runs/settings.yaml", "train.py"]

    def test_a_package_named_like_the_folder_of_results_travels(self, work: Path, packages: Path) -> None:
        write(work, "runs/__init__.py", "runs/0123456789/other.py", "pkg/runs/a.py")
        (work / "runs" / "digits").mkdir()
        package = packaged(work, packages)
        assert names_in(package) == [
            "pkg/runs/a.py",
            "runs/0123456789/other.py",
            "runs/__init__.py",
            "train.py",
        ]

    def test_fetched_checkpoints_stay_at_home(self, work: Path, packages: Path) -> None:
        write(work, "runs/digits/checkpoints/00000003/state", "runs/digits/checkpoints/.00000004.x1/state")
        write(work, "runs/other/checkpoints/load.py", "a/checkpoints/00000003/state")
        assert names_in(packaged(work, packages)) == [
            "a/checkpoints/00000003/state",
            "runs/other/checkpoints/load.py",
            "train.py",
        ]

    def test_what_is_left_out_by_name_stays_at_home_and_what_is_named_alike_travels(
        self, work: Path, packages: Path
    ) -> None:
        write(work, "results/1/state", "sub/results/notes")
        walked = walk_work_folder(work)
        package = package_code(walked.without(Path("results/")), packages)
        assert names_in(package) == ["sub/results/notes", "train.py"]
        assert walked.without(Path()) == walked

    def test_empty_folders_travel(self, work: Path, packages: Path) -> None:
        (work / "logs" / "deep").mkdir(parents=True)
        (work / "left").mkdir()
        (work / ".gitignore").write_text("left/\n")
        with tarfile.open(packaged(work, packages).path) as archive:
            assert archive.getnames() == [".gitignore", "train.py", "logs/deep"]
            folder = archive.getmember("logs/deep")
        assert (folder.isdir(), folder.mode, folder.mtime) == (True, 0o755, 0)

    def test_a_folder_of_which_only_the_content_is_left_out_does_not_travel(
        self, work: Path, packages: Path
    ) -> None:
        write(work, "data/train.bin")
        (work / ".gitignore").write_text("*.bin\n")
        assert names_in(packaged(work, packages)) == [".gitignore", "train.py"]

    def test_links_inside_travel_as_links(self, work: Path, packages: Path) -> None:
        write(work, "sub/real")
        (work / "sub" / "link").symlink_to("../train.py")
        with tarfile.open(packaged(work, packages).path) as archive:
            assert archive.getmember("sub/link").linkname == "../train.py"

    def test_executables_stay_executable(self, work: Path, packages: Path) -> None:
        (work / "train.py").chmod(0o700)
        with tarfile.open(packaged(work, packages).path) as archive:
            assert archive.getmember("train.py").mode == 0o755

    def test_an_empty_folder_is_a_package_without_files(self, tmp_path: Path, packages: Path) -> None:
        (tmp_path / "empty").mkdir()
        assert packaged(tmp_path / "empty", packages).files == 0


class TestRefusals:
    @pytest.mark.parametrize("target", ["/etc/passwd", "../outside", "sub/../../outside", "/work/train.py"])
    def test_a_link_that_leads_out(self, work: Path, packages: Path, target: str) -> None:
        (work / "link").symlink_to(target)
        with pytest.raises(PackagingError, match="link that leads out") as raised:
            packaged(work, packages)
        assert ".runctlignore" in str(raised.value.next_step)

    def test_a_link_that_leads_out_by_way_of_another(self, work: Path, packages: Path) -> None:
        (work / ".runctlignore").write_text("away\n")
        (work / "away").symlink_to("/")
        (work / "link").symlink_to("away/etc")
        with pytest.raises(PackagingError, match=r"^link is a link that leads out"):
            packaged(work, packages)

    def test_an_ignored_link_may_lead_anywhere(self, work: Path, packages: Path) -> None:
        (work / "link").symlink_to("/etc/passwd")
        (work / ".runctlignore").write_text("link\n")
        assert "link" not in names_in(packaged(work, packages))

    def test_a_pipe(self, work: Path, packages: Path) -> None:
        os.mkfifo(work / "pipe")
        with pytest.raises(PackagingError, match="pipe is neither a file"):
            packaged(work, packages)

    def test_too_many_files_are_not_all_counted(
        self, work: Path, packages: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("runctl_auto.packaging.work_files.MAX_FILES", 2)
        write(work, "a")
        assert packaged(work, packages).files == 2
        write(work, "b")
        with pytest.raises(PackagingError, match="more than 2 files"):
            packaged(work, packages)

    def test_too_much_names_the_largest(self, work: Path, packages: Path) -> None:
        (work / "data.bin").write_bytes(b"x" * 5000)
        with pytest.raises(PackagingError, match=r"the largest: data\.bin"):
            packaged(work, packages, max_bytes=1000)

    def test_too_much_names_the_folders_that_weigh_and_where_data_belongs(
        self, work: Path, packages: Path
    ) -> None:
        for name, size in (("data/images/train/a", 9), ("data/images/b", 1), ("data/c", 1), ("models/m", 4)):
            (work / name).parent.mkdir(parents=True, exist_ok=True)
            (work / name).write_bytes(b"x" * (size << 20))
        with pytest.raises(PackagingError) as raised:
            packaged(work, packages, max_bytes=4 << 20)
        assert "the heaviest folders: data/images/train/ (9 MB), models/ (4 MB);" in str(raised.value)
        assert "`data:`" in str(raised.value.next_step)
        assert "`volumes:`" in str(raised.value.next_step)

    def test_nothing_to_package(self, tmp_path: Path) -> None:
        (tmp_path / "empty" / "void").mkdir(parents=True)
        with pytest.raises(
            PackagingError, match=r"nothing of the work folder .*empty travels: it holds no file"
        ):
            refuse_nothing(walk_work_folder(tmp_path / "empty"))

    def test_nothing_to_package_since_rules_name_all_of_it(self, work: Path) -> None:
        write(work, "b.txt")
        (work / ".gitignore").write_text("# all\n*\n")
        with pytest.raises(PackagingError) as raised:
            refuse_nothing(walk_work_folder(work))
        assert "travels: .gitignore is left out (.gitignore:2: *), and 2 more" in str(raised.value)

    def test_a_work_folder_that_a_rule_above_names(self, tmp_path: Path) -> None:
        repository(tmp_path)
        write(tmp_path, "scratch/train.py")
        (tmp_path / ".gitignore").write_text("scratch/\n")
        walked = walk_work_folder(tmp_path / "scratch", WITHOUT_GIT)
        with pytest.raises(PackagingError) as raised:
            refuse_nothing(walked)
        assert "travels: ./ is left out (../.gitignore:1: scratch/), and 1 more" in str(raised.value)
        assert "!scratch/" in str(raised.value.next_step)
        (tmp_path / ".runctlignore").write_text("!scratch/\n")
        assert [file.name for file in walk_work_folder(tmp_path / "scratch", WITHOUT_GIT).files] == [
            "train.py"
        ]

    @pytest.mark.parametrize("links", [{"loop": "loop"}, {"loop": "b", "b": "loop"}, {"loop": "./loop/x"}])
    def test_a_link_to_itself(self, work: Path, packages: Path, links: dict[str, str]) -> None:
        for name, target in links.items():
            (work / name).symlink_to(target)
        with pytest.raises(PackagingError, match="is a link that leads back to itself") as raised:
            packaged(work, packages)
        assert str(raised.value.where["path"]).startswith(str(work))

    def test_links_that_name_nothing_and_the_folder_itself_travel(self, work: Path, packages: Path) -> None:
        (work / "dangling").symlink_to("nowhere")
        (work / ".#train.py").symlink_to("user@host.1234:1700000000")
        (work / "self").symlink_to(".")
        assert {"dangling", ".#train.py", "self"} <= set(names_in(packaged(work, packages)))

    def test_a_file_that_is_gone_since_the_walk_is_named(self, work: Path, packages: Path) -> None:
        walked = walk_work_folder(work)
        (work / "train.py").unlink()
        with pytest.raises(PackagingError, match=r"train\.py cannot be packaged"):
            package_code(walked, packages)
        assert list(packages.iterdir()) == []


class TestFetchingBack:
    SHA = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"

    def cloud(self, content: bytes | None) -> Mock:
        """A cloud whose bucket holds ``content``; None: nothing."""

        class Bucket:
            def get_object(self, **asked: str) -> dict[str, Any]:
                assert asked == {
                    "Bucket": "bucket",
                    "Key": package_key("code", TestFetchingBack.SHA),
                    "ExpectedBucketOwner": "123456789012",
                }
                if content is None:
                    raise NotFoundError("no such key")
                from botocore.response import StreamingBody

                return {"Body": StreamingBody(io.BytesIO(content), len(content))}

        cloud = create_autospec(Cloud, instance=True)
        cloud.client.return_value = Bucket()
        cloud.retried.side_effect = lambda operation, what: operation()
        return cloud

    def require(self, packages: Path, cloud: Cloud) -> Path:
        return require_package(packages, "code", self.SHA, cloud=cloud, bucket="bucket", owner="123456789012")

    def test_what_is_here_is_not_fetched(self, packages: Path) -> None:
        packages.mkdir(parents=True)
        path = package_path(packages, "code", self.SHA)
        path.write_bytes(b"here")
        cloud = self.cloud(None)
        assert self.require(packages, cloud) == path
        cloud.client.assert_not_called()

    def test_what_is_missing_comes_from_the_bucket(self, packages: Path) -> None:
        path = self.require(packages, self.cloud(b"hello\n"))
        assert path.read_bytes() == b"hello\n"
        assert path == package_path(packages, "code", self.SHA)

    def test_what_is_nowhere_is_named(self, packages: Path) -> None:
        with pytest.raises(PackagingError, match="neither here nor in the job's bucket"):
            self.require(packages, self.cloud(None))

    def test_what_is_something_else_is_refused_and_not_kept(self, packages: Path) -> None:
        with pytest.raises(PackagingError, match="not the one it is named after"):
            self.require(packages, self.cloud(b"tampered"))
        assert list(packages.iterdir()) == []
