"""Who is served: connections of the own user, held by a process that is admitted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from runctl_auto.engine.language.loopback_sockets import ESTABLISHED, ClientSocket
from runctl_auto.engine.language.peers import PeerCheck, descends_from, has_in_environment, holders_of

_SERVER, _CLIENT, _USER = 4000, 50000, 1000
_ENGINE, _OTHER, _INODE = 77, 78, 91732
_CLOSING = 5
OWN = ClientSocket(ESTABLISHED, _USER, _INODE)


def _check(
    found: ClientSocket | OSError | None, *, holders: Sequence[int] = (_ENGINE,), can_ask: bool = True
) -> PeerCheck:
    def find(client: int, server: int) -> ClientSocket | None:
        assert (client, server) == (_CLIENT, _SERVER)
        if isinstance(found, OSError):
            raise found
        return found

    return PeerCheck(
        _SERVER,
        lambda process: process == _ENGINE,
        find=find,
        holders=lambda inode: iter(holders if inode == _INODE else ()),
        uid=_USER,
        can_ask=can_ask,
    )


def _refusal(
    found: ClientSocket | OSError | None,
    *,
    peer: str = f"ipv4:127.0.0.1:{_CLIENT}",
    holders: Sequence[int] = (_ENGINE,),
) -> str | None:
    return _check(found, holders=holders).refusal(peer)


def test_admits_the_own_user() -> None:
    assert _refusal(OWN) is None


@pytest.mark.parametrize("uid", [0, 1001])
def test_refuses_every_other_user(uid: int) -> None:
    refusal = _refusal(ClientSocket(ESTABLISHED, uid, _INODE))
    assert refusal is not None
    assert "not of that user" in refusal


def test_refuses_a_connection_that_the_kernel_does_not_know() -> None:
    assert _refusal(None) is not None


def test_refuses_a_connection_that_its_user_has_closed() -> None:
    assert _refusal(ClientSocket(_CLOSING, _USER, _INODE)) is not None
    assert _refusal(ClientSocket(ESTABLISHED, _USER, 0)) is not None


@pytest.mark.parametrize("peer", ["unix:/tmp/socket", f"ipv4:127.0.0.2:{_CLIENT}", f"ipv6:[::1]:{_CLIENT}"])
def test_refuses_a_peer_of_another_kind(peer: str) -> None:
    assert _refusal(OWN, peer=peer) is not None


def test_refuses_another_process_of_the_same_user() -> None:
    """As of a host in a namespace, whose user is the caller's."""
    for holders in ((_OTHER,), ()):
        refusal = _refusal(OWN, holders=holders)
        assert refusal is not None
        assert "another process" in refusal
    assert _refusal(OWN, holders=(_OTHER, _ENGINE)) is None


def test_looks_up_the_processes_once_a_connection() -> None:
    asked: list[int] = []
    inodes = iter((_INODE, _INODE, _INODE, _INODE + 1))

    def holders(inode: int) -> Iterator[int]:
        asked.append(inode)
        return iter((_ENGINE,))

    check = PeerCheck(
        _SERVER,
        lambda process: process == _ENGINE,
        find=lambda client, server: ClientSocket(ESTABLISHED, _USER, next(inodes)),
        holders=holders,
        uid=_USER,
        can_ask=True,
    )
    for _ in range(3):
        assert check.refusal(f"ipv4:127.0.0.1:{_CLIENT}") is None
    assert asked == [_INODE]
    assert check.refusal(f"ipv4:127.0.0.1:{_CLIENT}") is None
    assert asked == [_INODE, _INODE + 1], "the port belongs to another socket now"


def test_refuses_all_where_the_kernel_does_not_say() -> None:
    refusal = _refusal(OSError("no tables"))
    assert refusal is not None
    assert "no tables" in refusal


def test_admits_all_on_systems_that_cannot_be_asked() -> None:
    assert _check(None, can_ask=False).refusal(f"ipv4:127.0.0.1:{_CLIENT}") is None


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
