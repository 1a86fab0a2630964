from __future__ import annotations

import pytest

from runctl_auto.observe.metrics.scrape_server import host_name, is_loopback


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("127.0.0.1:9488", "127.0.0.1"),
        ("LocalHost", "localhost"),
        ("[::1]:9488", "::1"),
        ("::1", "::1"),
        ("evil.example:9488", "evil.example"),
        ("", ""),
    ],
)
def test_the_name_in_a_host_header(host: str, name: str) -> None:
    assert host_name(host) == name


@pytest.mark.parametrize(
    ("address", "loopback"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("10.0.0.1", False)],
)
def test_what_is_reached_from_this_machine_only(address: str, loopback: bool) -> None:
    assert is_loopback(address) is loopback
