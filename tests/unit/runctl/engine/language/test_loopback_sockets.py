"""The kernel's answers about a connection, and its tables where it gives none."""

from __future__ import annotations

import socket
import struct
import sys

import pytest

from runctl_auto.engine.language.loopback_sockets import ClientSocket, answer_of, find_in_tables

_SERVER, _CLIENT, _USER, _INODE = 4000, 50000, 1000, 91732
_HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"


def _word(address: str) -> str:
    return f"{int.from_bytes(socket.inet_aton(address), sys.byteorder):08X}"


def _old(port: int, address: str = "127.0.0.1") -> str:
    return f"{_word(address)}:{port:04X}"


def _new(port: int) -> str:
    """The loopback address of IPv4 in a socket of IPv6."""
    return f"{'0' * 16}{_word('0.0.255.255')}{_word('127.0.0.1')}:{port:04X}"


def _row(local: str, remote: str, state: str = "01", uid: int = _USER, inode: int = _INODE) -> str:
    zeros = "00000000:00000000 00:00000000 00000000"
    return f"   1: {local} {remote} {state} {zeros}  {uid:5}        0 {inode} 2 0\n"


LISTENS = _row(_new(_SERVER), _new(0), "0A")
ACCEPTED = _row(_new(_SERVER), _new(_CLIENT), inode=5)
OWN = _row(_old(_CLIENT), _old(_SERVER))
FOUND = ClientSocket(1, _USER, _INODE)


def _found(*reads: tuple[str, ...]) -> ClientSocket | None:
    texts = iter(reads)
    last = [""]

    def tables() -> str:
        last[0] = "".join((_HEAD, *next(texts, (last[0].removeprefix(_HEAD),))))
        return last[0]

    return find_in_tables(_CLIENT, _SERVER, tables)


@pytest.mark.parametrize("address", [_old, _new])
def test_the_clients_row_is_found(address: object) -> None:
    assert callable(address)
    assert _found((LISTENS, ACCEPTED, _row(address(_CLIENT), address(_SERVER)))) == FOUND


def test_a_read_that_misses_or_repeats_a_row_is_repeated() -> None:
    assert _found((LISTENS, ACCEPTED), (ACCEPTED,), (LISTENS, OWN, OWN)) == FOUND


def test_other_connections_are_not_taken_for_it() -> None:
    others = (
        _row(_old(_CLIENT), _old(_SERVER + 1)),
        _row(_old(_CLIENT, "127.0.0.2"), _old(_SERVER)),
        _row(_old(_CLIENT + 1), _old(_SERVER)),
    )
    assert _found((LISTENS, ACCEPTED, *others)) is None


def test_tables_that_do_not_show_the_server_are_an_error() -> None:
    for rows in ((), (_row(_old(_SERVER + 1), _old(0), "0A"),)):
        with pytest.raises(OSError, match="/proc/net/tcp"):
            _found(rows)


def _message(kind: int, body: bytes) -> bytes:
    return struct.pack("=IHHII", 16 + len(body), kind, 0, 1, 0) + body


def test_an_answer_of_the_kernel_is_read() -> None:
    body = (
        struct.pack("=BBBB", socket.AF_INET, 1, 0, 0)
        + bytes(48)
        + struct.pack("=IIIII", 0, 0, 0, _USER, _INODE)
    )
    assert answer_of(_message(20, body)) == FOUND
    assert answer_of(_message(2, struct.pack("=i", -2))) is None


@pytest.mark.parametrize(
    "message", [b"", _message(2, struct.pack("=i", -1)), _message(20, b"short"), _message(3, b"")]
)
def test_any_other_answer_is_an_error(message: bytes) -> None:
    with pytest.raises(OSError, match="kernel"):
        answer_of(message)
