from __future__ import annotations

import http.client
import io
import socket
import threading
from collections.abc import Callable
from typing import Any
from unittest.mock import create_autospec

import pytest

from runctl_auto.agent.errors import UnreachableError
from runctl_auto.agent.store import kept_web
from runctl_auto.agent.store.kept_web import SMALL_BYTES, KeptWeb

URL = "http://127.0.0.1:9/b/key?x=1"


class Line:
    """The far side of connections: answers each request, or breaks. No socket is opened."""

    def __init__(self) -> None:
        self.made: list[Any] = []
        self.requests: list[tuple[int, str, str, bytes]] = []
        self.answers: list[Any] = []
        self.ended: set[int] = set()

    def connect(self, scheme: str, host: str, port: int, timeout: float) -> Any:
        number = len(self.made)
        connection = create_autospec(http.client.HTTPConnection, instance=True)
        connection.sock = create_autospec(socket.socket, instance=True)
        connection.number = number

        def request(method: str, target: str, body: Any, headers: Any) -> None:
            sent = body if isinstance(body, bytes) else b"".join(body or ())
            self.requests.append((number, method, target, sent))

        connection.request.side_effect = request
        connection.getresponse.side_effect = self.answer
        self.made.append(connection)
        return connection

    def answer(self) -> Any:
        answer = self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def connections(self) -> list[int]:
        return [number for number, *_ in self.requests]


def answer(content: bytes = b"ok", status: int = 200, *, closes: bool = False) -> Any:
    made = create_autospec(http.client.HTTPResponse, instance=True)
    made.status, made.length, made.will_close = status, len(content), closes
    made.headers = {"Content-Length": str(len(content))}
    stream = io.BytesIO(content)
    made.read.side_effect, made.readinto.side_effect = stream.read, stream.readinto
    made.isclosed.side_effect = lambda: stream.tell() == len(content)
    return made


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> Line:
    made = Line()
    monkeypatch.setattr(kept_web, "_has_ended", lambda connection: connection.number in made.ended)
    return made


@pytest.fixture
def web(line: Line) -> KeptWeb:
    return KeptWeb(connect=line.connect)


def test_requests_to_one_host_share_a_connection(web: KeptWeb, line: Line) -> None:
    line.answers = [answer(b"one"), answer(b"two", 404)]
    assert web.send("PUT", URL, {}, b"body").read() == b"one"
    second = web.send("GET", URL, {})
    assert (second.status, second.read()) == (404, b"two")
    assert line.requests == [(0, "PUT", "/b/key?x=1", b"body"), (0, "GET", "/b/key?x=1", b"")]


def test_each_thread_has_its_own(web: KeptWeb, line: Line) -> None:
    line.answers = [answer(), answer()]
    web.send("GET", URL, {})
    other = threading.Thread(target=lambda: web.send("GET", URL, {}))
    other.start()
    other.join()
    assert line.connections() == [0, 1]


@pytest.mark.parametrize("why", ["the answer says so", "it has ended meanwhile"])
def test_a_closed_connection_is_not_used_again(web: KeptWeb, line: Line, why: str) -> None:
    line.answers = [answer(closes=why == "the answer says so"), answer()]
    web.send("GET", URL, {})
    if why == "it has ended meanwhile":
        line.ended.add(0)
    web.send("GET", URL, {})
    assert line.connections() == [0, 1]
    line.made[0].close.assert_called()


def test_a_large_answer_that_was_read_to_its_end_leaves_its_connection(web: KeptWeb, line: Line) -> None:
    line.answers = [answer(b"x" * (SMALL_BYTES + 1)), answer()]
    with web.send("GET", URL, {}) as response:
        buffer = memoryview(bytearray(40_000))
        taken = 0
        while count := response.readinto(buffer):
            taken += count
    assert taken == SMALL_BYTES + 1
    line.made[0].close.assert_not_called()
    web.send("GET", URL, {})
    assert line.connections() == [0, 0]


def test_a_large_answer_is_streamed_and_closes_its_connection(web: KeptWeb, line: Line) -> None:
    line.answers = [answer(b"x" * (SMALL_BYTES + 1)), answer()]
    with web.send("GET", URL, {}) as response:
        assert len(response.read(10)) == 10
        line.made[0].close.assert_not_called()
    line.made[0].close.assert_called()
    web.send("GET", URL, {})
    assert line.connections() == [0, 1]


def test_a_connection_that_breaks_when_used_again_is_replaced(web: KeptWeb, line: Line) -> None:
    line.answers = [answer(), http.client.RemoteDisconnected("gone"), answer(b"again")]
    web.send("GET", URL, {})
    assert web.send("PUT", URL, {}, b"body").read() == b"again"
    assert line.connections() == [0, 0, 1]


def test_a_body_that_cannot_be_sent_twice_is_left_to_the_caller(web: KeptWeb, line: Line) -> None:
    line.answers = [answer(), http.client.RemoteDisconnected("gone")]
    web.send("GET", URL, {})
    with pytest.raises(UnreachableError, match=r"PUT http://127\.0\.0\.1:9/b/key: gone"):
        web.send("PUT", URL, {}, iter([b"body"]))
    assert line.connections() == [0, 0]


def test_an_answer_to_a_request_that_is_not_read_to_its_end_is_taken(web: KeptWeb, line: Line) -> None:
    line.answers = [answer(b"<Code>KeyTooLongError</Code>", 400)]

    def broken(*arguments: Any, **options: Any) -> None:
        raise BrokenPipeError

    connect: Callable[..., Any] = line.connect
    refusing = connect("http", "h", 1, 1.0)
    refusing.request.side_effect = broken
    web = KeptWeb(connect=lambda *arguments: refusing)
    assert web.send("PUT", URL, {}, iter([b"large"])).status == 400


def test_an_error_of_the_body_is_raised_as_it_is(web: KeptWeb, line: Line) -> None:
    def body() -> Any:
        yield b"a"
        raise KeyError("flaw")

    with pytest.raises(KeyError):
        web.send("PUT", URL, {}, body())
    line.made[0].close.assert_called()


def test_where_a_proxy_applies_the_ordinary_way_is_taken(
    web: KeptWeb, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://proxy:1")
    seen: list[str] = []

    def send(self: object, method: str, url: str, *more: object) -> str:
        seen.append(url)
        return "by proxy"

    monkeypatch.setattr(kept_web.Web, "send", send)
    assert web.send("GET", "http://bucket/key", {}) == "by proxy"
    assert (seen, line.requests) == (["http://bucket/key"], [])
