from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from runctl_auto.agent.job.processes import Pipes, Process, ProcProcessTable


def proc(folder: Path, pid: int, state: str = "S", session: int = 10, name: str = "x") -> Path:
    fields = [state, "1", "1", str(session), *["0"] * 7, "1", "2", "3", "4", *["0"] * 4, "500", "0"]
    (folder / str(pid)).mkdir()
    (folder / str(pid) / "stat").write_text(f"{pid} ({name}) {' '.join(fields)}\n")
    return folder / str(pid)


def test_processes_are_read_from_proc(tmp_path: Path) -> None:
    proc(tmp_path, 10)
    proc(tmp_path, 11, state="R", name="a) S 9 9 (b")
    proc(tmp_path, 12, state="Z")
    (tmp_path / "self").mkdir()
    found = ProcProcessTable(tmp_path).processes()
    assert found == {
        10: Process(10, 1, 10, 500, 10),
        11: Process(11, 1, 10, 500, 10),
        12: Process(12, 1, 10, 500, 10, is_zombie=True),
    }


def test_what_is_gone_has_empty_answers(tmp_path: Path) -> None:
    table = ProcProcessTable(tmp_path)
    assert table.actions(1).caught == frozenset()
    assert (table.program(1), table.command(1), table.pipes(1)) == ("", "", Pipes())


@pytest.mark.parametrize(
    ("lines", "caught", "ignored"),
    [
        ("SigQ:\t1/9\nSigBlk:\t0\nSigIgn:\t0000000000000002\nSigCgt:\t0000000000004000\n", {15}, {2}),
        ("SigBlk:\t0000000000004000\nSigIgn:\t0\nSigCgt:\t0\n", {15}, set()),
    ],
    ids=["caught", "blocked to be taken by sigwait"],
)
def test_signals(tmp_path: Path, lines: str, caught: set[int], ignored: set[int]) -> None:
    (proc(tmp_path, 10) / "status").write_text(lines)
    actions = ProcProcessTable(tmp_path).actions(10)
    assert (actions.caught, actions.ignored) == (caught, ignored)


def test_programs_and_commands(tmp_path: Path) -> None:
    shell = proc(tmp_path, 10)
    (shell / "exe").symlink_to("/usr/bin/bash")
    (shell / "comm").write_text("train.sh\n")
    (shell / "cmdline").write_bytes(b"/bin/bash\0./train.sh\0")
    applet = proc(tmp_path, 11)
    (applet / "exe").symlink_to("/bin/busybox")
    (applet / "comm").write_text("tee\n")
    table = ProcProcessTable(tmp_path)
    assert (table.program(10), table.command(10)) == ("bash", "/bin/bash ./train.sh")
    assert (table.program(11), table.command(11)) == ("tee", "tee")


def test_pipes(tmp_path: Path) -> None:
    streams = proc(tmp_path, 10) / "fd"
    streams.mkdir()
    for number, target in enumerate(["pipe:[1]", "pipe:[2]", "/dev/null"]):
        (streams / str(number)).symlink_to(target)
    assert ProcProcessTable(tmp_path).pipes(10) == Pipes("pipe:[1]", frozenset({"pipe:[2]"}))


def test_this_process_and_strangers() -> None:
    table = ProcProcessTable()
    own = table.processes()[os.getpid()]
    assert (own.parent, own.session) == (os.getppid(), os.getsid(0))
    assert table.reap(os.getppid()) is None, "no child of ours"
    table.signal(2**22 + 1, signal.SIGTERM)


def test_files_open_for_writing(tmp_path: Path) -> None:
    """Of a real process: this one."""
    table = ProcProcessTable()
    for name in ("read", "log"):
        (tmp_path / name).write_text("x")
    with (
        (tmp_path / "written").open("w") as written,
        (tmp_path / "changed").open("w+") as changed,
        (tmp_path / "read").open() as read,
        (tmp_path / "log").open("a") as log,
    ):
        found = table.written(os.getpid())
        identities = [
            (os.fstat(file.fileno()).st_dev, os.fstat(file.fileno()).st_ino)
            for file in (written, changed, read, log)
        ]
        assert [identity in found for identity in identities] == [True, True, False, False]
    assert not found & ProcProcessTable().written(os.getpid()) & set(identities)
    assert ProcProcessTable(tmp_path).written(10) == frozenset()
