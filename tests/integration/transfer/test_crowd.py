"""Many requests on one thread, over real sockets: what is answered and what is given up; nothing hangs."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager

import pytest

from runctl_auto.providers.aws.object_data.crowd import MOST_LOST, Asked, Crowd, Route

COUNT = 60
Answer = Callable[[str], bytes]


def usual(path: str) -> bytes:
    body = path.encode() * 3000
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nX-Path: %s\r\n\r\n" % (len(body), path.encode()) + body


@contextmanager
def server(answer: Answer, *, closes: bool = False) -> Iterator[Route]:
    """Answers each request by its path; an empty answer, or `closes`, closes the connection."""

    def serve(connection: socket.socket) -> None:
        with closing(connection), connection.makefile("rb") as stream:
            while first := stream.readline():
                size = 0
                while (line := stream.readline().strip()) != b"":
                    name, _, value = line.partition(b":")
                    size = int(value) if name == b"content-length" else size
                assert len(stream.read(size)) == size
                found = answer(first.split()[1].decode())
                if closes:
                    found = found.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)
                connection.sendall(found)
                if closes or not found:
                    return

    def accept() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    with closing(socket.create_server(("127.0.0.1", 0), backlog=128)) as listening:
        threading.Thread(target=accept, daemon=True).start()
        yield Route.to("127.0.0.1", listening.getsockname()[1], None)
        listening.shutdown(socket.SHUT_RDWR)


def run(route: Route, *, count: int = COUNT, body: bytes = b"", most: int = 100_000) -> dict[int, bytes]:
    found: dict[int, bytes] = {}

    def answered(tag: int, status: int, headers: Mapping[str, str], content: memoryview) -> None:
        assert headers.get("x-path", f"/{tag}") == f"/{tag}"
        found[tag] = bytes(content) if status == 200 else b""

    def asked() -> Iterator[Asked[int]]:
        for number in range(count):
            head = f"PUT /{number} HTTP/1.1\r\nhost: h\r\ncontent-length: {len(body)}\r\n\r\n"
            yield Asked(number, head.encode(), body, most)

    Crowd(route, 7, answered).run(asked())
    return found


@pytest.mark.parametrize("closes", [False, True])
@pytest.mark.parametrize("size", [0, 3, 900_000])
def test_all_are_answered(closes: bool, size: int) -> None:
    with server(usual, closes=closes) as route:
        found = run(route, body=b"x" * size)
    assert found == {number: f"/{number}".encode() * 3000 for number in range(COUNT)}


BAD: dict[str, bytes] = {
    "closed": b"",
    "no HTTP": b"SSH-2.0-x\r\n\r\n",
    "no length": b"HTTP/1.1 200 OK\r\n\r\n",
    "chunks": b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "too large": b"HTTP/1.1 200 OK\r\nContent-Length: 100001\r\n\r\n",
    "too much": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab",
    "a header without end": b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 4000,
}


@pytest.mark.parametrize("name", BAD)
def test_one_bad_answer_takes_no_other_with_it(name: str) -> None:
    with server(lambda path: BAD[name] if path == "/17" else usual(path)) as route:
        found = run(route)
    assert set(range(COUNT)) - found.keys() == {17}


def test_a_refusal_is_told() -> None:
    refused = b"HTTP/1.1 503 Slow Down\r\nContent-Length: 2\r\n\r\nno"
    with server(lambda path: refused if path == "/17" else usual(path)) as route:
        assert run(route)[17] == b""


def test_when_all_fail_it_stops_soon() -> None:
    asked: list[str] = []

    def fail(path: str) -> bytes:
        asked.append(path)
        return b""

    with server(fail) as route:
        assert run(route, count=1000) == {}
    assert len(asked) < MOST_LOST + 7


def test_a_server_that_is_not_there() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        port = listening.getsockname()[1]
    assert run(Route.to("127.0.0.1", port, None)) == {}


def test_a_silent_server_is_given_up() -> None:
    silent = threading.Event()
    now = [0.0]

    def clock() -> float:
        now[0] += 20.0
        return now[0]

    def wait(path: str) -> bytes:
        silent.wait()
        return b""

    found: list[int] = []
    with server(wait) as route:
        crowd = Crowd(route, 2, lambda *answer: found.append(answer[0]), clock=clock, look_seconds=0.01)
        crowd.run(iter([Asked(1, b"GET /1 HTTP/1.1\r\n\r\n"), Asked(2, b"GET /2 HTTP/1.1\r\n\r\n")]))
        silent.set()
    assert found == []


def test_an_error_of_the_taker_is_raised() -> None:
    def refuse(*answer: object) -> None:
        raise KeyError("a defect")

    with server(usual) as route, pytest.raises(KeyError):
        Crowd(route, 2, refuse).run(iter([Asked(1, b"GET /1 HTTP/1.1\r\n\r\n")]))
