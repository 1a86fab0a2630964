"""Work that is shared out among processes: all of it is told of, but what was not done."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator

import pytest

from runctl_auto.transfer.processes import SHARED_FROM, Tell, in_processes, share_out

forks = pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux only")


def square(indexes: Iterator[int], tell: Tell, processes: int) -> None:
    assert processes >= 1
    for index in indexes:
        tell(index, index * index)


def told(count: int, number: int, work: object = square) -> dict[int, int]:
    found: dict[int, int] = {}
    in_processes(count, work, found.__setitem__, number=number, fewest_at_once=8)  # type: ignore[arg-type]
    return found


@forks
@pytest.mark.parametrize("count", [0, 1, 7, 8, 300, 10_000])
def test_every_piece_is_done_once(count: int) -> None:
    assert told(count, 3) == {index: index * index for index in range(count)}


@forks
def test_results_have_sixty_four_bits() -> None:
    def largest(indexes: Iterator[int], tell: Tell, processes: int) -> None:
        for index in indexes:
            tell(index, (1 << 64) - 1)

    assert set(told(10, 2, largest).values()) == {(1 << 64) - 1}


@forks
@pytest.mark.parametrize("how", ["raises", "is killed"])
def test_what_a_process_that_ends_had_before_it_is_not_told_of(how: str) -> None:
    def ends(indexes: Iterator[int], tell: Tell, processes: int) -> None:
        for index in indexes:
            if index == 100:
                if how == "raises":
                    raise ValueError("a defect")
                os.kill(os.getpid(), signal.SIGKILL)
            tell(index, 1)

    found = told(400, 2, ends)
    assert 100 not in found
    assert set(range(200, 400)) <= found.keys(), "the other process does the rest"


@forks
def test_an_error_of_the_listener_ends_the_others(capfd: pytest.CaptureFixture[str]) -> None:
    def refuse(index: int, result: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        in_processes(10_000, square, refuse, number=2)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
    assert capfd.readouterr().err == ""


def test_few_pieces_are_done_here() -> None:
    where: set[int] = set()

    def note(indexes: Iterator[int], tell: Tell, processes: int) -> None:
        where.add(os.getpid())
        square(indexes, tell, processes)

    found: dict[int, int] = {}
    share_out(SHARED_FROM - 1, note, found.__setitem__, processes=4)
    assert where == {os.getpid()}
    assert len(found) == SHARED_FROM - 1
