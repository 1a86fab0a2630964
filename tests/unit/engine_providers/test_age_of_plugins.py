"""Versions of plugins by age."""

import pytest

from sandbox.engine.deploy.providers.default_versions import age


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("", "0.0.1"),
        ("1.9.0", "1.10.0"),
        ("1.10.0-alpha.1", "1.10.0"),
        ("6.0.0", "7.51.1"),
        ("7.51.1", "7.51.2+build"),
    ],
)
def test_versions_are_compared_by_their_numbers(older: str, newer: str) -> None:
    assert age(older) < age(newer)
