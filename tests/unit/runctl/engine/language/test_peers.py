from __future__ import annotations

import socket
import sys

import pytest

from runctl_auto.engine.language.peers import PeerCheck

_SERVER, _CLIENT, _USER = 4000, 50000, 1000


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


def _refusal(*rows: str, peer: str = f"ipv4:127.0.0.1:{_CLIENT}") -> str | None:
    return PeerCheck(_SERVER, lambda: "".join((_HEAD, *rows)), _USER).refusal(peer)


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


def test_admits_all_where_the_table_shows_nothing() -> None:
    assert PeerCheck(_SERVER, lambda: "", _USER).refusal(f"ipv4:127.0.0.1:{_CLIENT}") is None
    assert _refusal(_row(_old(_SERVER + 1), _old(0), "0A", _USER)) is None
