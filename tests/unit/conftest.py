"""Unit tests open no socket and never sleep: whoever tries fails at once, with the reason."""

from __future__ import annotations

import socket
import time

import pytest
from hypothesis import settings

settings.register_profile("busy-machine", deadline=None)
settings.load_profile("busy-machine")


@pytest.fixture(autouse=True)
def no_sockets_no_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse_connection(self: socket.socket, address: object) -> None:
        pytest.fail(
            f"a unit test opened a socket to {address!r}; inject a fake, or move it to tests/integration"
        )

    def refuse_sleep(seconds: float) -> None:
        pytest.fail(f"a unit test slept {seconds} s; inject the sleep")

    monkeypatch.setattr(socket.socket, "connect", refuse_connection)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse_connection)
    monkeypatch.setattr(time, "sleep", refuse_sleep)
