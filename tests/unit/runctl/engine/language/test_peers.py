from __future__ import annotations

import socket
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from runctl_auto.engine.language.peers import PeerCheck, descends_from, has_in_environment, holders_of

_SERVER, _CLIENT, _USER = 4000, 50000, 1000
_ENGINE, _OTHER, _INODE = 77, 78, 91732


def _word(address: str) -> str:
    return f"{int.from_bytes(socket.inet_aton(address), sys.byteorder):08X}"


def _old(port: int, address: str = "127.0.0.1") -> str:
    return f"{_word(address)}:{port:04X}"


def _new(port: int) -> str:
    """The loopback address of IPv4 in a socket of IPv6."""
    return f"{'0' * 16}{_word('0.0.255.255')}{_word('127.0.0.1')}:{port:04X}"


def _row(local: str, remote: str, state: str, uid: int) -> str:
    return (
        f"   1: {local} {remote} {state} 00000000:00000000 00:00000000 00000000  {uid:5}        0 91732 2 0\n"
    )


_HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
_LISTENS = _row(_new(_SERVER), _new(0), "0A", _USER)
_ACCEPTED = _row(_new(_SERVER), _new(_CLIENT), "01", _USER)


def _check(*rows: str, holders: Sequence[int] = (_ENGINE,), has_tables: bool = True) -> PeerCheck:
    return PeerCheck(
        _SERVER,
        lambda process: process == _ENGINE,
        tables=lambda: "".join((_HEAD, *rows)),
        holders=lambda inode: iter(holders if inode == _INODE else ()),
        uid=_USER,
        has_tables=has_tables,
    )


def _refusal(
    *rows: str, peer: str = f"ipv4:127.0.0.1:{_CLIENT}", holders: Sequence[int] = (_ENGINE,)
) -> str | None:
    return _check(*rows, holders=holders).refusal(peer)


@pytest.mark.parametrize("address", [_old, _new])
def test_admits_the_own_user(address: object) -> None:
    assert callable(address)
    assert _refusal(_LISTENS, _ACCEPTED, _row(address(_CLIENT), address(_SERVER), "01", _USER)) is None


@pytest.mark.parametrize("uid", [0, 1001])
def test_refuses_every_other_user(uid: int) -> None:
    refusal = _refusal(_LISTENS, _ACCEPTED, _row(_old(_CLIENT), _old(_SERVER), "01", uid))
    assert refusal is not None
    assert "not of that user" in refusal


def test_refuses_a_connection_that_the_table_does_not_show() -> None:
    assert _refusal(_LISTENS, _ACCEPTED) is not None
    assert _refusal(_LISTENS, _row(_old(_CLIENT), _old(_SERVER + 1), "01", _USER)) is not None
    assert _refusal(_LISTENS, _row(_old(_CLIENT, "127.0.0.2"), _old(_SERVER), "01", _USER)) is not None


def test_refuses_a_connection_that_its_user_has_closed() -> None:
    """Of such a one the table tells no user: it says 0."""
    assert _refusal(_LISTENS, _row(_old(_CLIENT), _old(_SERVER), "05", _USER)) is not None


def test_refuses_a_peer_of_another_kind() -> None:
    assert _refusal(_LISTENS, peer="unix:/tmp/socket") is not None


def test_refuses_another_process_of_the_same_user() -> None:
    """As of a host in a namespace, whose user is the caller's."""
    own = _row(_old(_CLIENT), _old(_SERVER), "01", _USER)
    for holders in ((_OTHER,), ()):
        refusal = _refusal(_LISTENS, _ACCEPTED, own, holders=holders)
        assert refusal is not None
        assert "another process" in refusal
    assert _refusal(_LISTENS, _ACCEPTED, own, holders=(_OTHER, _ENGINE)) is None


def test_looks_up_the_processes_once_a_connection() -> None:
    asked: list[int] = []

    def holders(inode: int) -> Iterator[int]:
        asked.append(inode)
        return iter((_ENGINE,))

    rows = [_LISTENS, _ACCEPTED, _row(_old(_CLIENT), _old(_SERVER), "01", _USER)]
    check = PeerCheck(
        _SERVER,
        lambda process: process == _ENGINE,
        tables=lambda: "".join(rows),
        holders=holders,
        uid=_USER,
        has_tables=True,
    )
    for _ in range(3):
        assert check.refusal(f"ipv4:127.0.0.1:{_CLIENT}") is None
    assert asked == [_INODE]
    rows[2] = rows[2].replace(str(_INODE), "91733")  # the port belongs to another socket now
    assert check.refusal(f"ipv4:127.0.0.1:{_CLIENT}") is None
    assert asked == [_INODE, 91733]


def test_refuses_all_where_the_tables_show_nothing() -> None:
    own = _row(_old(_CLIENT), _old(_SERVER), "01", _USER)
    for rows in ((), (own,), (_row(_old(_SERVER + 1), _old(0), "0A", _USER), own)):
        refusal = _refusal(*rows)
        assert refusal is not None
        assert "/proc/net/tcp" in refusal


def test_admits_all_on_systems_without_tables() -> None:
    assert _check(has_tables=False).refusal(f"ipv4:127.0.0.1:{_CLIENT}") is None


def _process(folder: Path, number: int, parent: int, **environment: str) -> Path:
    process = folder / str(number)
    (process / "fd").mkdir(parents=True)
    (process / "stat").write_text(f"{number} (a ) b) S {parent} 1 1 0")
    pairs = "".join(f"{name}={value}\0" for name, value in environment.items())
    (process / "environ").write_text(pairs)
    return process


def test_a_descendant_is_told_from_others(tmp_path: Path) -> None:
    for number, parent in ((10, 1), (20, 10), (30, 20), (40, 1), (50, 40), (60, 99)):
        _process(tmp_path, number, parent)
    admits = descends_from(10, tmp_path)
    assert [number for number in (10, 20, 30, 40, 50, 60, 70) if admits(number)] == [10, 20, 30]


def test_a_circle_of_parents_ends(tmp_path: Path) -> None:
    _process(tmp_path, 20, 30)
    _process(tmp_path, 30, 20)
    assert not descends_from(10, tmp_path)(20)


def test_a_process_proves_itself_by_its_environment(tmp_path: Path) -> None:
    _process(tmp_path, 10, 1, HOME="/", KEY="secret")
    _process(tmp_path, 20, 1, KEY="secret2")
    _process(tmp_path, 30, 1, OTHER_KEY="secret")
    _process(tmp_path, 40, 1)
    admits = has_in_environment("KEY", "secret", tmp_path)
    assert [number for number in (10, 20, 30, 40, 50) if admits(number)] == [10]


def test_holders_of_a_socket_are_found_youngest_first(tmp_path: Path) -> None:
    for number, inode in ((10, 5), (9, 5), (200, 5), (30, 6)):
        (_process(tmp_path, number, 1) / "fd" / "3").symlink_to(f"socket:[{inode}]")
    (tmp_path / "self").mkdir()
    (tmp_path / "300").mkdir()  # ended meanwhile
    assert list(holders_of(5, tmp_path)) == [200, 10, 9]
    assert list(holders_of(7, tmp_path)) == []
