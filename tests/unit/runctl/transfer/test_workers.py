"""Threads that move files: an error of one stops all."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from runctl_auto.transfer.workers import Workers


def test_an_error_is_raised_once_all_that_had_begun_have_ended() -> None:
    workers = Workers(2, buffer_bytes=4096)
    begun, failed = threading.Event(), threading.Event()
    ended: list[str] = []

    def fails(_buffer: memoryview) -> None:
        begun.wait()
        failed.set()
        raise OSError("no room")

    def is_in_the_middle(_buffer: memoryview) -> None:
        begun.set()
        failed.wait()
        here = Path(__file__)
        for _ in range(10_000):
            here.stat()  # lets the other threads have their turns
        ended.append("file")

    def until_it_fails() -> None:
        while True:
            workers.submit(lambda _: None)

    workers.submit(fails)
    workers.submit(is_in_the_middle)
    with pytest.raises(OSError, match="no room"):
        until_it_fails()
    assert ended == ["file"]
