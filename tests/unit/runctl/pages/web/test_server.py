"""Where the dashboard listens, and under which names."""

from __future__ import annotations

import socket

import pytest

from runctl_auto.errors import UsageError
from runctl_auto.pages.web.server import Place, bound, names_of


def test_loopback_and_a_free_port_unless_told() -> None:
    with bound(Place()) as listening:
        host, port = listening.getsockname()
    assert host == "127.0.0.1"
    assert port > 1023


def test_an_address_that_cannot_be_had() -> None:
    with bound(Place()) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=rf"cannot listen on 127\.0\.0\.1, port {port}") as refused:
            bound(Place(port=port))
    assert "--port" in (refused.value.next_step or "")


@pytest.mark.parametrize(
    ("place", "host", "allowed"),
    [
        (Place(), "127.0.0.1:9", True),
        (Place(), "192.0.2.7", False),
        (Place(), "box.example", False),
        (Place(names=("box.example",)), "BOX.example.:80", True),
        (Place("192.0.2.7"), "192.0.2.7:80", True),
        (Place("0.0.0.0"), "192.0.2.9", True),
        (Place("0.0.0.0"), "machine", True),
        (Place("0.0.0.0"), "evil.example", False),
    ],
)
def test_names(monkeypatch: pytest.MonkeyPatch, place: Place, host: str, allowed: bool) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "machine")
    monkeypatch.setattr(socket, "getfqdn", lambda: "machine.example")
    assert names_of(place).allow(host) == allowed
