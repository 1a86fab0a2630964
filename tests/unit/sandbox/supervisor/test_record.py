import json
import os
import stat
from pathlib import Path

import pytest

from sandbox.supervisor import record
from sandbox.supervisor.process_identity import ProcessIdentity, identify
from sandbox.supervisor.record import Part, Record

KNOWN = Record(
    record.READY,
    Part(10, "boot/1"),
    "cloud-1",
    "http://127.0.0.1:1",
    "namespaces",
    "bubblewrap",
    "",
    {"cloud": Part(11, "boot/2", 4000), "hosts": Part(12, "boot/3", None, 2)},
)


def test_a_record_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    record.save(tmp_path, KNOWN)
    assert record.load(tmp_path) == KNOWN
    assert [file.name for file in tmp_path.iterdir()] == ["sandbox.json"]


def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    record.save(tmp_path, KNOWN)
    assert stat.S_IMODE(record.record_file(tmp_path).stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"phase": "ready"}', '{"parts": {}, "supervisor": 3}']
)
def test_what_is_no_record_counts_as_none(tmp_path: Path, text: str) -> None:
    record.record_file(tmp_path).write_text(text)
    assert record.load(tmp_path) is None


def test_no_folder_has_no_record(tmp_path: Path) -> None:
    assert record.load(tmp_path / "absent") is None


def test_an_unknown_key_is_of_another_version_and_counts_as_none(tmp_path: Path) -> None:
    record.save(tmp_path, KNOWN)
    file = record.record_file(tmp_path)
    file.write_text(json.dumps({**json.loads(file.read_text()), "new": 1}))
    assert record.load(tmp_path) is None


def test_this_process_is_alive_as_itself_and_not_as_an_earlier_one() -> None:
    me = identify(os.getpid())
    assert me is not None
    assert me.alive
    assert not ProcessIdentity(me.pid, "another boot/1").alive


def test_nobody_has_no_identity() -> None:
    assert identify(2**22 + 1) is None
