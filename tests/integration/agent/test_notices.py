"""Notices to a real server that answers, fails, hangs, redirects or is gone, and to real commands."""

from __future__ import annotations

import http.server
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.agent_stand_ins import MemoryStore

from runctl_auto.agent.notices.notice import Notice
from runctl_auto.agent.notices.notice_command import NoticeCommand
from runctl_auto.agent.notices.notice_contract import Event, Sent
from runctl_auto.agent.notices.notice_sender import NoticeQueue, SendOnce
from runctl_auto.agent.notices.webhook import Webhook
from runctl_auto.agent.store.web import Web

NOTICE = Notice(Event.END, "ended", "digits: training succeeded", "2026-11-30T12:00:00Z", job="digits")


class Server:
    """Answers by the path of a request, which is a status, `redirect` or `hang`."""

    def __init__(self) -> None:
        self.bodies: list[tuple[str, bytes]] = []
        self.go_on = threading.Event()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outer.bodies.append((self.path, self.rfile.read(int(self.headers["content-length"]))))
                if self.path == "/hang":
                    outer.go_on.wait(60)
                status = int(self.path[1:]) if self.path[1:].isdigit() else 307
                self.send_response(status)
                if status == 307:
                    self.send_header("location", "/200")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self.go_on.set()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


def gone() -> str:
    """An address at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return f"http://127.0.0.1:{taken.getsockname()[1]}/x"


@pytest.mark.parametrize(
    ("path", "outcome", "why"),
    [
        ("200", Sent.SENT, ""),
        ("500", Sent.FAILED, "HTTP 500"),
        ("404", Sent.FAILED, "HTTP 404"),
        ("redirect", Sent.FAILED, "it redirects (HTTP 307), which is not followed"),
        ("hang", Sent.UNKNOWN, "no answer in time"),
    ],
)
def test_a_server_that_answers_or_does_not(server: Server, path: str, outcome: str, why: str) -> None:
    timeout = 0.3 if path == "hang" else 30
    found = Webhook(Web(), f"{server.address}/{path}", timeout=timeout).deliver(NOTICE)
    assert (found.outcome, found.why) == (outcome, why)
    assert [each for each, _ in server.bodies] == [f"/{path}"], "asked once, and not led elsewhere"
    assert json.loads(server.bodies[0][1])["text"] == NOTICE.text


def test_a_server_that_is_gone() -> None:
    found = Webhook(Web(), gone()).deliver(NOTICE)
    assert (found.outcome, found.may_repeat) == (Sent.FAILED, True)
    assert found.why == "nobody listens at its address"


def test_two_senders_tell_a_server_once(server: Server) -> None:
    store, waiting = MemoryStore(), [NoticeQueue(), NoticeQueue()]
    said: list[str] = []
    for each in waiting:
        sender = SendOnce(lambda: {"webhook": Webhook(Web(), f"{server.address}/200")}, "a test", said.append)
        each.add(lambda sender=sender: sender.send(NOTICE, store, "n/"))  # type: ignore[misc]
    assert all(each.drain(60) for each in waiting)
    assert (len(server.bodies), said) == (1, [])


def test_a_server_that_hangs_holds_nothing_up(server: Server) -> None:
    store, waiting = MemoryStore(), NoticeQueue()
    sender = SendOnce(lambda: {"webhook": Webhook(Web(), f"{server.address}/hang")}, "a test", lambda _: None)
    began = time.monotonic()
    waiting.add(lambda: sender.send(NOTICE, store, "n/"))
    assert not waiting.drain(0.1)
    assert time.monotonic() - began < 30


def test_a_command_gets_the_notice(tmp_path: Path) -> None:
    command = 'cat > told.json; echo "$RUNCTL_NOTICE_EVENT $RUNCTL_NOTICE_JOB" > env'
    assert NoticeCommand(command, dict(os.environ), tmp_path).deliver(NOTICE).outcome == Sent.SENT
    assert json.loads((tmp_path / "told.json").read_text()) == NOTICE.as_json()
    assert (tmp_path / "env").read_text() == "end digits\n"


@pytest.mark.parametrize(
    ("command", "outcome", "why"),
    [
        ("exit 3", Sent.FAILED, "it ended with exit code 3"),
        ("exec 0<&-; exit 0", Sent.SENT, ""),
        ("sleep 600 & sleep 600", Sent.UNKNOWN, "it was ended after 0 s"),
    ],
)
def test_a_command_that_fails_or_hangs(tmp_path: Path, command: str, outcome: str, why: str) -> None:
    timeout = 0.3 if "sleep" in command else 60
    found = NoticeCommand(command, dict(os.environ), tmp_path, timeout=timeout).deliver(NOTICE)
    assert (found.outcome, found.why) == (outcome, why)
