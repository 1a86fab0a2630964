"""Small reads over one connection: whatever arrives, in whatever pieces, is an answer, none, or an error."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runctl_auto.providers.aws.kept_connection import KeptConnection

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: x\r\n\r\nhello"


class Socket:
    """Arrives in `pieces`; an error among them is raised."""

    def __init__(self, *pieces: bytes | OSError) -> None:
        self.pieces = list(pieces)
        self.sent: list[bytes] = []
        self.is_closed = False

    def sendall(self, data: bytes) -> None:
        self.sent.append(data)

    def recv(self, size: int) -> bytes:
        piece = self.pieces.pop(0) if self.pieces else b""
        if isinstance(piece, OSError):
            raise piece
        if len(piece) > size:
            self.pieces.insert(0, piece[size:])
        return piece[:size]

    def close(self) -> None:
        self.is_closed = True


class Sockets:
    def __init__(self, *sockets: Socket) -> None:
        self.left = list(sockets)

    def __call__(self) -> Any:
        if not self.left:
            raise ConnectionRefusedError("nobody")
        return self.left.pop(0)


def kept(*sockets: Socket) -> KeptConnection:
    return KeptConnection(Sockets(*sockets))


def test_answers_one_after_the_other_over_one_connection() -> None:
    one = Socket(OK, OK.replace(b"200 OK", b"404 Not Found"), OK)
    connection = kept(one)
    assert [connection.ask(b"x", 100) for _ in range(3)] == [
        (200, b"hello"),
        (404, b"hello"),
        (200, b"hello"),
    ]
    assert one.sent == [b"x"] * 3


@given(st.lists(st.integers(1, 40), min_size=1, max_size=20))
def test_pieces_of_any_size(sizes: Sequence[int]) -> None:
    whole, pieces = OK * 3, []
    for size in sizes:
        pieces.append(whole[:size])
        whole = whole[size:]
    connection = kept(Socket(*[each for each in (*pieces, whole) if each]))
    assert [connection.ask(b"x", 100) for _ in range(3)] == [(200, b"hello")] * 3


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx",
        b"HTTP/1.1 100 Continue\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 abc\r\nContent-Length: 0\r\n\r\n",
        b"\r\n\r\n",
        b"SSH-2.0-OpenSSH\r\n\r\n",
    ],
)
def test_what_is_not_understood_is_no_answer_and_ends_the_connection(answer: bytes) -> None:
    first, second = Socket(answer), Socket(OK)
    connection = kept(first, second)
    assert connection.ask(b"x", 100) is None
    assert first.is_closed
    assert connection.ask(b"x", 100) == (200, b"hello")


def test_a_connection_that_was_closed_meanwhile_is_made_anew_once() -> None:
    first, second = Socket(OK), Socket(ConnectionResetError())
    connection = kept(first, second)
    assert connection.ask(b"x", 100) == (200, b"hello")
    with pytest.raises(ConnectionResetError):
        connection.ask(b"x", 100)
    assert first.is_closed
    assert second.is_closed
    with pytest.raises(ConnectionRefusedError):
        connection.ask(b"x", 100)


def test_of_a_large_body_only_the_beginning_is_read() -> None:
    large = Socket(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", *[b"y" * 65536] * 100)
    connection = kept(large, Socket(OK))
    assert connection.ask(b"x", 10) == (200, b"y" * 10)
    assert large.is_closed
    assert len(large.pieces) > 90
    assert connection.ask(b"x", 10) == (200, b"hello")


def test_headers_that_do_not_end_are_an_error() -> None:
    with pytest.raises(ConnectionError):
        kept(Socket(*[b"x" * 4096] * 100)).ask(b"x", 10)


def test_a_server_that_closes_is_taken_at_its_word() -> None:
    closing = Socket(OK.replace(b"ETag: x", b"Connection: close"))
    connection = kept(closing, Socket(OK))
    assert connection.ask(b"x", 100) == connection.ask(b"x", 100) == (200, b"hello")
    assert closing.is_closed
