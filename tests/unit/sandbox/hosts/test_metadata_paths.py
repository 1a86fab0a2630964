"""Which requests the metadata service takes for the host's own."""

import pytest

from sandbox.hosts.metadata_service import path_of_host

HOST = {"Host": "127.0.0.1:4000"}


def test_the_secret_comes_first() -> None:
    path = path_of_host("/secret/latest/api/token", HOST, "secret", 4000)
    assert path == "/latest/api/token"


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/latest/api/token", HOST),
        ("/secre/latest/api/token", HOST),
        ("/Secret/latest/api/token", HOST),
        ("//latest/api/token", HOST),
        ("/\udcff/latest/api/token", HOST),
        ("/secret/latest/api/token", {}),
        ("/secret/latest/api/token", {"Host": "localhost:4000"}),
        ("/secret/latest/api/token", {"Host": "evil.example:4000"}),
        ("/secret/latest/api/token", {**HOST, "Origin": "http://evil.example"}),
        ("/secret/latest/api/token", {**HOST, "Origin": "null"}),
    ],
)
def test_all_others_are_strangers(path: str, headers: dict[str, str]) -> None:
    assert path_of_host(path, headers, "secret", 4000) is None


def test_no_secret_fits_nothing() -> None:
    assert path_of_host("//latest/api/token", HOST, "", 4000) is None
