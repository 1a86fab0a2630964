"""Requests and answers on the wire, over a socket that is a script."""

from __future__ import annotations

import io
from collections.abc import Iterable

import pytest

from runctl_auto.providers.aws.object_data.connection import ConnectionBroken, Host, SocketWire

HEAD = b"GET /b/k HTTP/1.1\r\nhost: s3\r\n\r\n"
OK = b'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: "e"\r\n\r\nhello'


class Scripted:
    """A socket that answers with `answer`, and breaks on sending if told so."""

    def __init__(self, answer: bytes, *, breaks: bool = False) -> None:
        self.sent = b""
        self.is_closed = False
        self._stream = io.BufferedReader(io.BytesIO(answer))  # type: ignore[arg-type]
        self._breaks = breaks

    def makefile(self, mode: str, buffering: int) -> io.BufferedReader:
        return self._stream

    def sendall(self, data: bytes | memoryview) -> None:
        if self._breaks:
            raise BrokenPipeError("gone")
        self.sent += bytes(data)

    def close(self) -> None:
        self.is_closed = True


def wire(*sockets: Scripted) -> SocketWire:
    waiting = iter(sockets)
    return SocketWire(lambda: next(waiting))


def body(*pieces: bytes) -> Iterable[bytes]:
    return pieces


def test_one_connection_serves_many_requests() -> None:
    socket = Scripted(OK + OK)
    kept = wire(socket)
    for _ in range(2):
        answer = kept.exchange(HEAD, lambda: body(b"ab", b"c"), 3, None)
        assert (answer.status, answer.headers["etag"], answer.body) == (200, '"e"', b"hello")
    assert socket.sent == (HEAD + b"abc") * 2


def test_a_large_body_is_sent_piece_by_piece() -> None:
    socket = Scripted(OK)
    wire(socket).exchange(HEAD, lambda: body(b"a" * 200_000, b"b" * 200_000), 400_000, None)
    assert socket.sent == HEAD + b"a" * 200_000 + b"b" * 200_000


def test_the_body_goes_into_the_buffer_but_that_of_a_refusal_does_not() -> None:
    buffer = bytearray(8)
    answer = wire(Scripted(OK)).exchange(HEAD, body, 0, memoryview(buffer))
    assert (answer.count, bytes(buffer[:5]), answer.body) == (5, b"hello", b"")
    refused = b"HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nno!"
    answer = wire(Scripted(refused)).exchange(HEAD, body, 0, memoryview(buffer))
    assert (answer.status, answer.body, answer.count) == (404, b"no!", 0)


def test_chunks_and_continue_are_understood() -> None:
    chunked = (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n"
    )
    assert wire(Scripted(chunked)).exchange(HEAD, body, 0, None).body == b"hello"
    buffer = memoryview(bytearray(8))
    assert wire(Scripted(chunked)).exchange(HEAD, body, 0, buffer).count == 5


def test_head_and_204_have_no_body() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
    assert (
        wire(Scripted(answer)).exchange(b"HEAD /k HTTP/1.1\r\n\r\n", body, 0, None).headers["content-length"]
        == "5"
    )
    assert wire(Scripted(b"HTTP/1.1 204 No Content\r\n\r\n")).exchange(HEAD, body, 0, None).status == 204


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
        b"SSH-2.0-OpenSSH\r\n",
        b"",
    ],
    ids=["body", "header", "chunk", "protocol", "nothing"],
)
@pytest.mark.parametrize("into", [False, True])
def test_a_cut_answer_is_no_answer(answer: bytes, into: bool) -> None:
    socket = Scripted(answer)
    with pytest.raises(ConnectionBroken):
        wire(socket).exchange(HEAD, body, 0, memoryview(bytearray(8)) if into else None)
    assert socket.is_closed


def test_an_answer_larger_than_the_buffer_is_refused() -> None:
    with pytest.raises(ConnectionBroken, match="larger"):
        wire(Scripted(OK)).exchange(HEAD, body, 0, memoryview(bytearray(4)))


def test_a_kept_connection_that_the_server_closed_is_opened_again() -> None:
    first, second = Scripted(OK), Scripted(OK)
    kept = wire(first, second)
    kept.exchange(HEAD, body, 0, None)
    assert kept.exchange(HEAD, lambda: body(b"abc"), 3, None).body == b"hello"
    assert second.sent == HEAD + b"abc"


def test_what_may_be_sent_once_goes_over_a_new_connection() -> None:
    first, second = Scripted(OK), Scripted(b"")
    kept = wire(first, second, Scripted(OK))
    kept.exchange(HEAD, body, 0, None)
    with pytest.raises(ConnectionBroken):
        kept.exchange(HEAD, body, 0, None, once=True)
    assert (first.sent, second.sent) == (HEAD, HEAD)


def test_what_a_server_said_before_it_closed_is_read() -> None:
    refused = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno"
    socket = Scripted(refused, breaks=True)
    assert wire(socket).exchange(HEAD, lambda: body(b"a" * 400_000), 400_000, None).status == 403
    assert socket.is_closed


def test_hosts() -> None:
    assert Host.of("https://s3.eu-west-1.amazonaws.com").header == "s3.eu-west-1.amazonaws.com"
    assert Host.of("http://127.0.0.1:9000").header == "127.0.0.1:9000"
