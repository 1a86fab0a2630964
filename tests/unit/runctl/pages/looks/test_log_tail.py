"""The end of a log."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from support.jobs_at_a_glance import listed, machine, run_status, session_of
from support.sessions import fake_results

from runctl_auto.jobs.session import Session
from runctl_auto.pages.looks.log_tail import MOST_LINES, MOST_OF_A_LINE, LogTail, log_tail
from runctl_auto.providers.contract import LogPart


class Bucket:
    """A run's log parts, and after which keys they were asked for."""

    def __init__(self, *texts: str) -> None:
        self.asked: list[str | None] = []
        self._parts = [LogPart(f"runs/r1/logs/0/{number:08d}.log", text) for number, text in enumerate(texts)]
        status = run_status("digits", "r1", "running", [machine(1, 1, None)], log_parts=len(texts))
        self.job = listed("digits", status)
        results: Any = fake_results()
        results.log_parts.side_effect = self._log_parts
        self.session: Session = session_of((self.job,))
        self.session.provider().results.return_value = results  # type: ignore[attr-defined]

    def _log_parts(self, run: str, *, after: str | None = None) -> Iterator[LogPart]:
        self.asked.append(after)
        return iter([each for each in self._parts if after is None or each.key > after])

    def tail(self, after: int | None = None) -> LogTail:
        return log_tail(self.session, self.job, after)


def test_a_short_log_is_read_whole() -> None:
    found = Bucket("one\ntwo\n", "three\n").tail()
    assert found == LogTail("r1", ("one", "two", "three"), 1)


def test_of_a_long_one_the_last_parts_are_read_alone() -> None:
    bucket = Bucket(*(f"{number}\n" for number in range(9)))
    found = bucket.tail()
    assert (found.lines, found.part, found.is_whole) == (("6", "7", "8"), 8, False)
    assert bucket.asked == ["runs/r1/logs/0/00000005.log"]


def test_what_is_new_follows() -> None:
    bucket = Bucket("one\n", "two\nthr", "ee\n")
    assert bucket.tail(0) == LogTail("r1", ("two", "three"), 2, is_whole=False)
    assert bucket.tail(1) == LogTail("r1", ("ee",), 2, is_whole=False)
    assert bucket.tail(2) == LogTail("r1", (), 2, is_whole=False)


def test_a_line_that_is_not_complete() -> None:
    found = Bucket("one\ntw").tail()
    assert (found.lines, found.ends_a_line) == (("one", "tw"), False)


def test_no_log_yet() -> None:
    assert Bucket().tail() == LogTail("r1")
    assert log_tail(session_of(()), listed("half", None)) == LogTail("r1")


@pytest.mark.parametrize("texts", [("x\n" * 2000,), ("x\n",) * 4000, ("x" * 10_000_000,)])
def test_it_is_never_much(texts: tuple[str, ...]) -> None:
    found = Bucket(*texts).tail()
    assert len(found.lines) <= MOST_LINES
    assert all(len(each) <= MOST_OF_A_LINE for each in found.lines)


def test_lines_hold_nothing_that_a_terminal_obeys() -> None:
    found = Bucket("\x1b[31mred\x1b[0m\x1b]0;title\x07 10 %\r20 %\n\u202eevil\n").tail()
    assert found.lines[0] == "20 %"
    assert all(each.isprintable() for each in found.lines)
