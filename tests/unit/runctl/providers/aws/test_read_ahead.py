"""Many small objects in order, several at a time."""

from __future__ import annotations

import threading

import pytest

from runctl_auto.providers.aws.read_ahead import read_ahead


def test_what_is_read_comes_in_order_however_long_each_takes() -> None:
    """The first can only be read once the last of the window has been."""
    last_of_window = threading.Event()

    def read(key: int) -> str:
        if key == 3:
            last_of_window.set()
        if key == 0:
            assert last_of_window.wait(30), "four are read at once"
        return f"part {key}"

    found = list(read_ahead(range(10), read, at_once=4))
    assert found == [(key, f"part {key}") for key in range(10)]


def test_no_more_are_read_than_may_be_waiting() -> None:
    asked: list[int] = []
    parts = read_ahead(iter(range(100)), asked.append, at_once=4)
    next(parts)
    assert sorted(asked)[0] == 0
    parts.close()  # type: ignore[attr-defined] - waits for those that have begun
    assert len(asked) <= 4


def test_an_error_is_raised_in_its_turn() -> None:
    def read(key: int) -> int:
        if key == 2:
            raise OSError("gone")
        return key

    parts = read_ahead(range(5), read, at_once=4)
    assert [next(parts), next(parts)] == [(0, 0), (1, 1)]
    with pytest.raises(OSError, match="gone"):
        next(parts)


def test_without_keys_there_is_nothing() -> None:
    assert list(read_ahead([], str)) == []
