"""RunPod's stand-in without processes or sockets: a client of it, whose every request and answer is held
against the digest of the API."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runctl_auto.local.retry import RetryPolicy
from runctl_auto.providers.runpod.access import RunpodAccess
from runctl_auto.providers.runpod.client import Answer, RunpodClient
from sandbox.runpod.account import Account
from sandbox.runpod.application import Application, Request
from sandbox.runpod.log_stream import events
from sandbox.runpod.shapes import digest

KEY = "rpa_OWNER"
TOKEN = "control"
ENDPOINT = "https://api.example"
A40 = {"gpu": {"id": "NVIDIA A40", "count": 1}}


class IdleHosts:
    """Runs nothing, and notes what it was asked."""

    def __init__(self) -> None:
        self.started: dict[str, dict[str, str]] = {}
        self.ended: list[str] = []
        self.consoles: dict[str, bytes] = {}

    def start(self, pod: Mapping[str, Any], environment: Mapping[str, str]) -> None:
        self.started[str(pod["id"])] = dict(environment)

    def end(self, pod: str, *, keep_disk: bool = False, at_once: bool = False) -> None:
        self.ended.append(pod)

    def console(self, pod: str) -> bytes:
        return self.consoles.get(pod, b"")

    def forget_volume(self, volume: str) -> None: ...


class RunpodUnderTest:
    """An empty account, and a ``client`` of it; ``slept`` are its waits, ``sent`` its requests."""

    def __init__(self, folder: Path) -> None:
        self.hosts = IdleHosts()
        self.now = 1_800_000_000.0
        self.account = Account(folder / "account.json", lambda: self.now)
        self.application = Application(self.account, self.hosts, KEY, TOKEN)
        self.sent: list[tuple[str, str, Mapping[str, str], bytes | None]] = []
        self.slept: list[float] = []
        self.client = self.client_with(KEY)

    def client_with(self, key: str) -> RunpodClient:
        policy = RetryPolicy(attempts=4)
        return RunpodClient(
            RunpodAccess(ENDPOINT, key),
            self.send,
            policy=policy,
            sleep=self.slept.append,
            fraction=lambda: 0.5,
        )

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, quiet: float | None
    ) -> Answer:
        self.sent.append((method, url, headers, body))
        hold_request(method, url, body)
        request = Request.of(method, url.removeprefix(ENDPOINT), headers, body or b"")
        answer = self.application(request)
        if answer.log is not None:
            console = self.hosts.console(answer.log.pod)
            text = events(console, answer.log.created_at, tail=answer.log.tail, after=answer.log.after)
            return Answer(answer.status, {}, b"".join(text))
        hold_answer(self.application.seen[-1], answer.status, answer.body)
        told = {name.lower(): value for name, value in answer.headers.items()}
        return Answer(answer.status, told, answer.body)

    def control(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        request = Request.of(method, f"/sandbox-api/{path}", headers, json.dumps(body or {}).encode())
        answer = self.application(request)
        assert answer.status == 200, answer.body
        return dict(json.loads(answer.body))

    def fail(self, kind: str, times: int = 1, operation: str = "", **match: Any) -> None:
        fault = {"kind": kind, "times": times, "operation": operation, "match": match}
        self.control("POST", "faults", fault)


def hold_request(method: str, url: str, body: bytes | None) -> None:
    """Asserts that the digest knows the operation, its query and the shape of its body."""
    path, _, query = url.removeprefix(ENDPOINT).partition("?")
    parts = path.split("/")
    matching = [
        each
        for name, each in digest().operations.items()
        if name.split(" ")[0] == method and _fits(name.split(" ")[1].split("/"), parts)
    ]
    assert matching, f"the API has no {method} {path}"
    known = set(matching[0].get("query", {}))
    assert {each.partition("=")[0] for each in query.split("&") if each} <= known
    if body is not None:
        assert list(digest().violations(f"@{matching[0]['body']}", json.loads(body))) == []


def hold_answer(operation: str, status: int, body: bytes) -> None:
    """Asserts that the digest has this status for the operation, and the answer has its shape."""
    known = digest().operations[operation]
    if str(status) in known["answers"]:
        shape = known["answers"][str(status)]
        assert (not body) if shape is None else list(digest().violations(f"@{shape}", json.loads(body))) == []
        return
    assert status in known["problems"] or status in (402, 500), f"{operation} has no {status}"
    assert list(digest().violations("@Problem", json.loads(body))) == []


def _fits(pattern: list[str], parts: list[str]) -> bool:
    return len(pattern) == len(parts) and all(a in ("{id}", b) for a, b in zip(pattern, parts, strict=True))
