"""`.runctl/`: a real folder of one's own; no link in it is followed, nothing but files is opened."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from support.git_indexes import write_index

from runctl_auto.errors import UntrustedError
from runctl_auto.local import private_folder
from runctl_auto.local.ownership import foreign_owner
from runctl_auto.local.private_folder import (
    create_private,
    make_private_folder,
    make_subfolder,
    open_private,
    read_private,
    refuse_foreign_file,
    refuse_planted,
    replace_private,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / ".runctl"


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A file and a folder of the person's, outside the project."""
    (tmp_path / "home").mkdir()
    file = tmp_path / "home" / "precious"
    file.write_text("precious")
    return file


def test_a_new_folder_is_ones_own_alone(folder: Path) -> None:
    assert make_private_folder(folder).stat().st_mode & 0o777 == 0o700
    assert make_subfolder(folder, "claims").stat().st_mode & 0o777 == 0o700
    assert make_subfolder(folder, "receipts", "digits") == folder / "receipts" / "digits"
    make_subfolder(make_private_folder(folder), "claims")


def test_one_that_others_could_read_is_closed(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o755)
    assert make_private_folder(folder).stat().st_mode & 0o777 == 0o700


def test_one_that_others_could_write_is_refused(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.raises(UntrustedError, match="is writable by every user"):
        make_private_folder(folder)
    with pytest.raises(UntrustedError, match="is writable by every user"):
        refuse_planted(folder)


@pytest.mark.parametrize("name", ["claims", "packages", "state", "sandbox"])
def test_a_link_is_no_folder(folder: Path, outside: Path, name: str) -> None:
    (make_private_folder(folder) / name).symlink_to(outside.parent)
    with pytest.raises(UntrustedError, match="is a link") as raised:
        make_subfolder(folder, name, "below")
    assert raised.value.exit_code == 7
    with pytest.raises(UntrustedError, match="is a link"):
        refuse_planted(folder)
    assert [each.name for each in outside.parent.iterdir()] == ["precious"]


def test_the_folder_itself_is_no_link_and_no_file(folder: Path, outside: Path) -> None:
    folder.symlink_to(outside.parent)
    for use in (make_private_folder, refuse_planted):
        with pytest.raises(UntrustedError, match="runctl is a link"):
            use(folder)
    folder.unlink()
    folder.write_text("")
    for use in (make_private_folder, refuse_planted):
        with pytest.raises(UntrustedError, match="runctl is not a folder"):
            use(folder)


@pytest.mark.parametrize(
    "place",
    ["passphrase", "policies.json", "sandbox/lock", "sandbox/supervisor.log", "state/.pulumi", "pulumi/x"],
)
def test_planted_links_and_pipes_are_found(folder: Path, outside: Path, place: str) -> None:
    planted = folder / place
    planted.parent.mkdir(parents=True, mode=0o700)
    refuse_planted(folder)
    planted.symlink_to(outside)
    with pytest.raises(UntrustedError, match=f"{planted.name} is a link"):
        refuse_planted(folder)
    planted.unlink()
    os.mkfifo(planted)
    with pytest.raises(UntrustedError, match=f"{planted.name} is not a regular file"):
        refuse_planted(folder)


def test_what_runctl_itself_leaves_there_is_fine(folder: Path) -> None:
    refuse_planted(folder)
    for name in ("passphrase", "sandbox/lock", "state/.pulumi/meta.yaml", "sandbox/clouds/c1/hosts/h/etc/x"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")
    (folder / "sandbox/clouds/c1/hosts/h/etc/link").symlink_to("/etc")  # a machine's own files
    refuse_planted(folder)


def test_a_folder_that_git_tracks_is_refused(tmp_path: Path, folder: Path) -> None:
    make_private_folder(folder)
    (folder / "passphrase").write_text("planted")
    write_index(tmp_path, ["train.py"])
    refuse_planted(folder)
    write_index(tmp_path, [".runctl/passphrase", "train.py"])
    with pytest.raises(UntrustedError, match="Git tracks") as raised:
        refuse_planted(folder)
    assert "git rm -r --cached .runctl" in str(raised.value.next_step)


FLAGS = pytest.mark.parametrize(
    "flags", [os.O_RDONLY, os.O_RDWR | os.O_CREAT, os.O_WRONLY | os.O_CREAT | os.O_TRUNC]
)


@FLAGS
def test_no_link_is_opened_and_nothing_is_emptied(tmp_path: Path, outside: Path, flags: int) -> None:
    link = tmp_path / "link"
    link.symlink_to(outside)
    with pytest.raises(UntrustedError, match="is a link"):
        open_private(link, flags)
    assert outside.read_text() == "precious"
    link.unlink()
    link.symlink_to(outside.with_name("new"))
    with pytest.raises(UntrustedError, match="is a link"):
        open_private(link, flags)
    assert not outside.with_name("new").exists()


@FLAGS
def test_a_pipe_is_not_waited_for(tmp_path: Path, flags: int) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UntrustedError, match="is not a regular file"):
        open_private(tmp_path / "pipe", flags)


def test_somebody_elses_file_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "passphrase"
    create_private(file, "mine")
    monkeypatch.setattr(private_folder, "foreign_owner", lambda status: "belongs to the user bob")
    assert foreign_owner(file.stat()) is None
    for use in (read_private, lambda path: create_private(path, "x")):
        with pytest.raises(UntrustedError, match="passphrase belongs to the user bob"):
            use(file)


def test_files_are_written_whole_and_links_replaced(tmp_path: Path, outside: Path) -> None:
    file = tmp_path / "policies.json"
    assert read_private(file) is None
    file.symlink_to(outside)
    replace_private(file, "{}")
    assert (file.is_symlink(), read_private(file), outside.read_text()) == (False, "{}", "precious")
    assert file.stat().st_mode & 0o777 == 0o600
    assert sorted(each.name for each in tmp_path.iterdir()) == ["home", "policies.json"]


def test_the_first_of_several_writes_a_file(tmp_path: Path, outside: Path) -> None:
    file = tmp_path / "passphrase"
    create_private(file, "one")
    create_private(file, "two")
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("one", 0o600)
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith(".")] == []
    file.unlink()
    file.symlink_to(outside)
    with pytest.raises(UntrustedError, match="is a link"):
        create_private(file, "three")
    file.unlink()
    os.mkfifo(file)
    with pytest.raises(UntrustedError, match="is not a regular file"):
        create_private(file, "four")
    assert outside.read_text() == "precious"


def test_a_file_of_a_person_may_be_a_link_and_must_be_a_file(tmp_path: Path, outside: Path) -> None:
    link = tmp_path / "link"
    refuse_foreign_file(link)
    link.symlink_to(outside)
    refuse_foreign_file(link)
    outside.chmod(0o666)
    with pytest.raises(UntrustedError, match="is writable by every user"):
        refuse_foreign_file(link)
    link.unlink()
    os.mkfifo(link)
    with pytest.raises(UntrustedError, match="is not a regular file"):
        refuse_foreign_file(link)


def test_sockets_of_the_sandbox_may_lie_there(folder: Path) -> None:
    make_subfolder(make_private_folder(folder), "sandbox")
    os.mknod(folder / "sandbox" / "provider.sock", 0o600 | stat.S_IFSOCK)
    refuse_planted(folder)
