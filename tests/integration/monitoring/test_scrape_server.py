"""Whom the exporter's port answers."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator

import pytest

from runctl_auto.observe.metrics.scrape_server import ScrapeServer


@pytest.fixture
def server() -> Iterator[ScrapeServer]:
    with ScrapeServer("127.0.0.1", 0, lambda: "runctl_jobs 1\n", hosts=("Metrics.internal",)) as found:
        thread = threading.Thread(target=found.serve_forever, daemon=True)
        thread.start()
        yield found
        found.shutdown()
        thread.join()


def ask(
    server: ScrapeServer, method: str = "GET", path: str = "/metrics", **headers: str
) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=30)
    connection.putrequest(method, path, skip_host="Host" in headers)
    for name, value in headers.items():
        if value:
            connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    return answer.status, answer.read()


def test_who_scrapes_is_answered(server: ScrapeServer) -> None:
    assert ask(server) == (200, b"runctl_jobs 1\n")
    assert ask(server, "HEAD") == (200, b"")
    for host in ("localhost:1", "metrics.internal", "[::1]:9"):
        assert ask(server, Host=host)[0] == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": ""},
        {"Host": "127.0.0.1.evil.example:9"},
        {"Origin": "http://localhost"},
    ],
)
def test_a_page_in_a_browser_is_refused(server: ScrapeServer, headers: dict[str, str]) -> None:
    assert ask(server, **headers) == (403, b"refused\n")


def test_nothing_else_is_served(server: ScrapeServer) -> None:
    assert ask(server, path="/")[0] == 404
    assert ask(server, path="/metrics/../x")[0] == 404
    assert ask(server, "POST")[0] == 501
    assert ask(server, "DELETE")[0] == 501
